//! Greatest and least elements and where they stand.

use crate::cpu::{Kernel, reduce};
use crate::promote::wide;
use crate::reducing::{Reduction, not_implemented};
use crate::{DType, Layout, Result, Strided, Tensor, attach, dispatch, ensure, ops};

/// The gradient of a result that several elements may equal: shared among them evenly.
fn share(g: &Tensor, x: &Tensor, result: &Tensor, plan: &crate::reducing::Plan) -> Result<Tensor> {
    let (x, y) = (x.detach(), plan.keep(&result.detach())?);
    // NaN equals nothing: where the result is NaN, the NaN elements share.
    let hit = if x.dtype().is_float() {
        ops::logical_or(&ops::eq(&x, &y)?, &ops::logical_and(&ops::ne(&x, &x)?, &ops::ne(&y, &y)?)?)?
    } else {
        ops::eq(&x, &y)?
    };
    let part = ops::div(&hit.cast_data(g.dtype())?, &plan.sum(&hit.cast_data(g.dtype())?)?)?;
    ops::mul(&plan.spread(g)?, &part)
}

fn extremum_over(kernel: &Kernel, name: &'static str, op: &str, input: &Tensor, r: Reduction) -> Result<Tensor> {
    r.needs_elements(op, input)?;
    let x = input.cast_data(wide(input.dtype()))?;
    let out = r.result(kernel, &x, x.dtype(), &[])?.cast_data(input.dtype())?;
    let plan = r.plan(input);
    attach(&[&out], name, &[input], &[Some(input), Some(&out)], move |ctx| {
        Ok(vec![Some(share(&ctx.grad(0)?, &ctx.saved(0)?, &ctx.saved(1)?, &plan)?)])
    });
    Ok(out)
}

fn whole(kernel: &Kernel, op: &str, input: &Tensor) -> Result<Tensor> {
    ensure!(
        input.numel() > 0,
        Runtime,
        "{op}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' \
         argument."
    );
    let name = if op == "max" { "MaxBackward1" } else { "MinBackward1" };
    extremum_over(kernel, name, op, input, Reduction::whole(input))
}

/// Values and positions along one dimension by a kernel that gives both, in this order.
pub(crate) fn values_and_indices(
    kernel: &Kernel,
    name: &'static str,
    op: &str,
    input: &Tensor,
    dim: i64,
    keepdim: bool,
) -> Result<(Tensor, Tensor)> {
    let r = Reduction::along(op, input, dim, keepdim)?;
    r.needs_elements(op, input)?;
    let d = input.wrap_dim(op, dim)?;
    let x = input.cast_data(wide(input.dtype()))?;
    let (values, indices) = (r.output(x.dtype())?, r.output(DType::I64)?);
    r.run(kernel, &x, &[&values, &indices], &[d.into()])?;
    let values = values.cast_data(input.dtype())?;
    pick_backward(name, input, d as i64, keepdim, &values, &indices);
    Ok((values, indices))
}

/// The gradient of elements picked along a dimension: each goes back to where it stood.
pub(crate) fn pick_backward(
    name: &'static str,
    input: &Tensor,
    dim: i64,
    keepdim: bool,
    values: &Tensor,
    indices: &Tensor,
) {
    let before: Vec<usize> = input.shape().into();
    attach(&[values, indices], name, &[input], &[None, Some(indices)], move |ctx| {
        let (mut g, mut at) = (ctx.grad(0)?, ctx.saved(1)?);
        if !keepdim && !before.is_empty() {
            (g, at) = (ops::unsqueeze(&g, dim)?, ops::unsqueeze(&at, dim)?);
        }
        let zeros = Tensor::zeros(&before, g.dtype())?;
        Ok(vec![Some(ops::scatter_add(&zeros, dim, &at, &g)?)])
    });
}

fn arg(kernel: &Kernel, op: &str, input: &Tensor, dim: Option<i64>, keepdim: bool) -> Result<Tensor> {
    if input.dtype() == DType::Bool {
        return not_implemented(&format!("{op}_cpu"), DType::Bool);
    }
    let Some(dim) = dim else {
        ensure!(
            input.numel() > 0,
            Index,
            "{op}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the \
             'dim' argument."
        );
        // Positions count in row-major order, so all dimensions have to be one.
        let flat = input.cast_data(wide(input.dtype()))?.contiguous_data()?.alias(Layout::contiguous(&[input.numel()]));
        let out = Tensor::empty(&if keepdim { vec![1; input.ndim()] } else { vec![] }, DType::I64)?;
        dispatch(kernel, &[Strided::from(&flat)], &[Strided::from(&out).with(&[1], &[1])], &[0usize.into()])?;
        return Ok(out);
    };
    let r = Reduction::along(op, input, dim, keepdim)?;
    r.needs_elements(op, input)?;
    let d = input.wrap_dim(op, dim)?;
    r.result(kernel, &input.cast_data(wide(input.dtype()))?, DType::I64, &[d.into()])
}

ops! {
    /// Greatest elements over these dimensions; equal ones share the gradient evenly. NaN if there is one.
    ///
    /// PyTorch: `torch.amax`.
    [torch tensor]
    fn amax(input: Tensor, dim: Option<Vec<i64>> = None, keepdim: bool = false) -> Tensor {
        extremum_over(&reduce::AMAX, "AmaxBackward0", "amax", input, Reduction::over("amax", input, dim, keepdim)?)
    }

    /// Least elements over these dimensions; equal ones share the gradient evenly. NaN if there is one.
    ///
    /// PyTorch: `torch.amin`.
    [torch tensor]
    fn amin(input: Tensor, dim: Option<Vec<i64>> = None, keepdim: bool = false) -> Tensor {
        extremum_over(&reduce::AMIN, "AminBackward0", "amin", input, Reduction::over("amin", input, dim, keepdim)?)
    }

    /// Least and greatest elements along a dimension, or of all.
    ///
    /// PyTorch: `torch.aminmax`.
    [torch tensor]
    fn aminmax(input: Tensor, dim: Option<i64> = None, keepdim: bool = false) -> (min: Tensor, max: Tensor) {
        let dims = dim.map(|d| vec![d]);
        let r = || Reduction::over("aminmax", input, dims.as_deref(), keepdim);
        ensure!(
            r()?.count > 0,
            Runtime,
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
        );
        let low = extremum_over(&reduce::AMIN, "AminmaxBackward0", "aminmax", input, r()?)?;
        Ok((low, extremum_over(&reduce::AMAX, "AminmaxBackward0", "aminmax", input, r()?)?))
    }

    /// The greatest element; NaN if there is one.
    ///
    /// PyTorch: `torch.max`.
    [torch tensor]
    fn max(input: Tensor) -> Tensor {
        whole(&reduce::AMAX, "max", input)
    }

    /// The greater of two tensors, element by element.
    ///
    /// PyTorch: `torch.max`.
    // Before the form with a dimension: a 0-d integer tensor would be taken for one.
    [torch tensor as max]
    fn max_other(input: Tensor, other: Tensor) -> Tensor {
        ops::maximum(input, other)
    }

    /// The greatest elements along a dimension and their positions (of the first of equals, or the first NaN).
    ///
    /// PyTorch: `torch.max`.
    [torch tensor as max]
    fn max_dim(input: Tensor, dim: i64, keepdim: bool = false) -> (values: Tensor, indices: Tensor) {
        values_and_indices(&reduce::ARGMAX, "MaxBackward0", "max", input, dim, keepdim)
    }

    /// The least element; NaN if there is one.
    ///
    /// PyTorch: `torch.min`.
    [torch tensor]
    fn min(input: Tensor) -> Tensor {
        whole(&reduce::AMIN, "min", input)
    }

    /// The lesser of two tensors, element by element.
    ///
    /// PyTorch: `torch.min`.
    // Before the form with a dimension: a 0-d integer tensor would be taken for one.
    [torch tensor as min]
    fn min_other(input: Tensor, other: Tensor) -> Tensor {
        ops::minimum(input, other)
    }

    /// The least elements along a dimension and their positions (of the first of equals, or the first NaN).
    ///
    /// PyTorch: `torch.min`.
    [torch tensor as min]
    fn min_dim(input: Tensor, dim: i64, keepdim: bool = false) -> (values: Tensor, indices: Tensor) {
        values_and_indices(&reduce::ARGMIN, "MinBackward0", "min", input, dim, keepdim)
    }

    /// Position of the greatest element along a dimension, or in the flattened tensor: of the first of equals.
    ///
    /// PyTorch: `torch.argmax`.
    [torch tensor]
    fn argmax(input: Tensor, dim: Option<i64> = None, keepdim: bool = false) -> Tensor {
        arg(&reduce::ARGMAX, "argmax", input, dim, keepdim)
    }

    /// Position of the least element along a dimension, or in the flattened tensor: of the first of equals.
    ///
    /// PyTorch: `torch.argmin`.
    [torch tensor]
    fn argmin(input: Tensor, dim: Option<i64> = None, keepdim: bool = false) -> Tensor {
        arg(&reduce::ARGMIN, "argmin", input, dim, keepdim)
    }
}
