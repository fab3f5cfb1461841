//! What all matrix products share: the launch of the kernel, and one differentiable product of (batches of) matrices.

use crate::cpu::gemm::{self, MATMUL};
use crate::layout::{broadcast_shapes, expand_strides};
use crate::promote::wide;
use crate::{
    Attr, DType, Layout, Result, Scalar, Shape, Strided, Tensor, attach, autograd, bail, dispatch, ensure, ops,
};

/// `[a, b, c]` as `axbxc`, as PyTorch's messages show matrices.
pub(crate) fn by(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// Refuses operands of different dtypes, and bool.
pub(crate) fn check_dtypes(op: &str, a: &Tensor, b: &Tensor) -> Result<()> {
    ensure!(
        a.dtype() == b.dtype(),
        DType,
        "{op}: expected m1 and m2 to have the same dtype, but got: {} != {}; convert one with .to(dtype)",
        a.dtype().name(),
        b.dtype().name()
    );
    check_numeric(op, a)
}

/// Refuses bool, of which there are no products.
pub(crate) fn check_numeric(op: &str, a: &Tensor) -> Result<()> {
    ensure!(
        a.dtype() != DType::Bool,
        NotImplemented,
        "{op}: \"addmm_impl_cpu_\" not implemented for 'Bool'; convert with .to(torch.int64) first"
    );
    Ok(())
}

fn attr(v: Scalar, dtype: DType) -> Attr {
    if dtype.is_float() { Attr::from(v.to_f64()) } else { Attr::from(v.to_i64()) }
}

/// A factor of an integer product must be an integer.
pub(crate) fn check_factor(op: &str, name: &str, v: Scalar, dtype: DType) -> Result<()> {
    ensure!(
        dtype.is_float() || !v.is_float(),
        Runtime,
        "{op}: For integral input tensors, argument {name} must not be a floating point number."
    );
    Ok(())
}

/// What is added to a product: `beta * init`, broadcast.
pub(crate) struct Added<'a> {
    pub init: &'a Tensor,
    pub alpha: Scalar,
    pub beta: Scalar,
}

/// `alpha * a @ b + beta * init`, outside the graph. Operands have two or more dimensions, equal dtypes and fitting
/// sizes; batch dimensions broadcast, and nothing is copied for it.
#[cfg_attr(hot_paths, optimize(speed))]
pub(crate) fn product_data(op: &str, a: &Tensor, b: &Tensor, added: Option<Added>) -> Result<Tensor> {
    let dtype = a.dtype();
    let wide = wide(dtype);
    if wide != dtype {
        let init = added.as_ref().map(|x| x.init.cast_data(wide)).transpose()?;
        let added = added.zip(init.as_ref()).map(|(x, init)| Added { init, ..x });
        return product_data(op, &a.cast_data(wide)?, &b.cast_data(wide)?, added)?.cast_data(dtype);
    }
    let (an, bn) = (a.ndim(), b.ndim());
    let mut shape = broadcast_shapes(op, &a.shape()[..an - 2], &b.shape()[..bn - 2])?;
    let batch = shape.len();
    let with = |rows: usize, cols: usize| -> Shape {
        let mut s: Shape = shape[..batch].into();
        s.extend([rows, cols]);
        s
    };
    let a_shape = with(a.shape()[an - 2], a.shape()[an - 1]);
    let b_shape = with(b.shape()[bn - 2], b.shape()[bn - 1]);
    shape.extend([a_shape[batch], b_shape[batch + 1]]);
    let out = Tensor::empty(&shape, dtype)?;
    let spread = |t: &Tensor, to: &[usize]| expand_strides(t.layout(), to).expect("shapes were broadcast");
    let (sa, sb) = (spread(a, &a_shape), spread(b, &b_shape));
    let (x, y) = (Strided::from(a).with(&a_shape, &sa), Strided::from(b).with(&b_shape, &sb));
    let outs = [Strided::from(&out)];
    if dtype == DType::F32 {
        gemm::count(out.numel().saturating_mul(a_shape[batch + 1]));
    }
    match added {
        // With beta 0 what would be added is not read: NaN in it does not count.
        Some(Added { init, alpha, beta }) if beta.to_f64() != 0.0 => {
            let si = spread(init, &shape);
            let init = Strided::from(init).with(&shape, &si);
            dispatch(&MATMUL, &[x, y, init], &outs, &[attr(alpha, dtype), attr(beta, dtype)])?;
        }
        Some(Added { alpha, beta, .. }) => {
            dispatch(&MATMUL, &[x, y], &outs, &[attr(alpha, dtype), attr(beta, dtype)])?;
        }
        None => dispatch(&MATMUL, &[x, y], &outs, &[])?,
    }
    Ok(out)
}

/// Whether a gradient of `t` will be wanted, so that the other operand has to be saved.
pub(crate) fn wants(t: &Tensor) -> bool {
    autograd::grad_enabled() && t.requires_grad()
}

/// Matrices transposed, outside the graph when the tensor is.
pub(crate) fn turned(t: &Tensor) -> Result<Tensor> {
    ops::transpose(t, -2, -1)
}

/// `a @ b` as one node called `name`.
#[cfg_attr(hot_paths, optimize(speed))]
pub(crate) fn product(op: &str, name: &'static str, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let out = product_data(op, a, b, None)?;
    let saved = [wants(b).then_some(a), wants(a).then_some(b)];
    let (a_size, b_size) = (a.sizes(), b.sizes());
    attach(&[&out], name, &[a, b], &saved, move |ctx| {
        let g = ctx.grad(0)?;
        let ga = ctx.when(0, || left_gradient(&g, &ctx.saved(1)?, &a_size))?;
        let gb = ctx.when(1, || right_gradient(&ctx.saved(0)?, &g, &b_size))?;
        Ok(vec![ga, gb])
    });
    Ok(out)
}

/// The gradient of `a` in `a @ b`: `g @ b^T`, summed over what was broadcast.
pub(crate) fn left_gradient(g: &Tensor, b: &Tensor, size: &[i64]) -> Result<Tensor> {
    ops::sum_to_size(&ops::matmul(g, &turned(b)?)?, size)
}

/// The gradient of `b` in `a @ b`: `a^T @ g`, summed over what was broadcast. A matrix shared by a batch is one product
/// with more rows.
pub(crate) fn right_gradient(a: &Tensor, g: &Tensor, size: &[i64]) -> Result<Tensor> {
    if size.len() == 2 && a.ndim() > 2 && a.ndim() == g.ndim() {
        let flat = |t: &Tensor| ops::flatten(t, 0, -2);
        return ops::mm(&turned(&flat(a)?)?, &flat(g)?);
    }
    ops::sum_to_size(&ops::matmul(&turned(a)?, g)?, size)
}

/// A result of our own under another shape, as PyTorch's `_unsafe_view`: a node, but not a view.
pub(crate) fn unsafe_view(t: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let out = t.contiguous_data()?.alias(Layout { offset: t.layout().offset, ..Layout::contiguous(shape) });
    let before = t.sizes();
    attach(&[&out], "UnsafeViewBackward0", &[t], &[], move |ctx| {
        Ok(vec![ctx.opt_grad(0).map(|g| ops::reshape(g, &before)).transpose()?])
    });
    Ok(out)
}

/// `t * factor`, or `t` itself.
pub(crate) fn scaled(t: &Tensor, factor: Scalar) -> Result<Tensor> {
    if factor.to_f64() == 1.0 { Ok(t.clone()) } else { ops::mul(t, &Tensor::number(factor)?) }
}

/// Refuses another number of dimensions.
pub(crate) fn check_dims(op: &str, what: &str, t: &Tensor, want: usize) -> Result<()> {
    if t.ndim() != want {
        let kind = if want == 1 { "vector" } else { "matrix" };
        match want {
            3 => bail!(Shape, "{op}: {what} must be a 3D tensor, got {:?} ({}D)", t.shape(), t.ndim()),
            _ => bail!(Shape, "{op}: {what} must be a {kind}, got {}-D tensor of shape {:?}", t.ndim(), t.shape()),
        }
    }
    Ok(())
}
