//! Products of matrices and vectors.

use smallvec::SmallVec;

use super::product::*;
use crate::autograd::composite;
use crate::cpu::gemm::DOT;
use crate::layout::broadcast_shapes;
use crate::{DType, Result, Scalar, Strided, Tensor, attach, dispatch, ensure, ops};

ops! {
    /// The product of two matrices: (n, m) @ (m, p) gives (n, p). No broadcasting; see `matmul`.
    ///
    /// PyTorch: `torch.mm`.
    [torch tensor]
    fn mm(input: Tensor, mat2: Tensor) -> Tensor {
        check_dims("mm", "self", input, 2)?;
        check_dims("mm", "mat2", mat2, 2)?;
        check_mm("mm", input, mat2)?;
        check_dtypes("mm", input, mat2)?;
        product("mm", "MmBackward0", input, mat2)
    }

    /// A batch of products: (b, n, m) @ (b, m, p) gives (b, n, p).
    ///
    /// PyTorch: `torch.bmm`.
    [torch tensor]
    fn bmm(input: Tensor, mat2: Tensor) -> Tensor {
        check_bmm("bmm", input, mat2)?;
        product("bmm", "BmmBackward0", input, mat2)
    }

    /// The product of two tensors by PyTorch's rules: of vectors the dot product, of matrices the matrix product; a vector
    /// counts as a row on the left and as a column on the right; with more dimensions a batch of matrices, whose leading
    /// dimensions broadcast.
    ///
    /// PyTorch: `torch.matmul`.
    [torch tensor "linalg.matmul"]
    fn matmul(input: Tensor, other: Tensor) -> Tensor {
        let (n, m) = (input.ndim(), other.ndim());
        ensure!(
            n > 0 && m > 0,
            Shape,
            "matmul: both arguments to matmul need to be at least 1D, but they are {n}D and {m}D; use mul for numbers"
        );
        match (n, m) {
            (1, 1) => ops::dot(input, other),
            (2, 1) => ops::mv(input, other),
            (1, 2) => ops::views::squeezed(&ops::mm(&ops::unsqueeze(input, 0)?, other)?, 0),
            (2, 2) => ops::mm(input, other),
            (1, _) => {
                let out = matmul_batch(&ops::unsqueeze(input, 0)?, other)?;
                unsafe_view(&out, &without(out.shape(), 2))
            }
            (_, 1) => {
                let out = matmul_batch(input, &ops::unsqueeze(other, -1)?)?;
                unsafe_view(&out, &without(out.shape(), 1))
            }
            _ => matmul_batch(input, other),
        }
    }

    /// Matrix times vector: (n, m) @ (m) gives (n).
    ///
    /// PyTorch: `torch.mv`.
    [torch tensor]
    fn mv(input: Tensor, vec: Tensor) -> Tensor {
        check_mv("mv", input, vec)?;
        let column = ops::unsqueeze(&vec.detach(), -1)?;
        let out = flat(product_data("mv", input, &column, None)?, input.shape()[0]);
        let saved = [wants(vec).then_some(input), wants(input).then_some(vec)];
        attach(&[&out], "MvBackward0", &[input, vec], &saved, |ctx| {
            let g = ctx.grad(0)?;
            let gm = ctx.when(0, || ops::outer(&g, &ctx.saved(1)?))?;
            let gv = ctx.when(1, || ops::mv(&turned(&ctx.saved(0)?)?, &g))?;
            Ok(vec![gm, gv])
        });
        Ok(out)
    }

    /// The dot product of two vectors.
    ///
    /// PyTorch: `torch.dot`.
    [torch tensor "linalg.dot"]
    fn dot(input: Tensor, tensor: Tensor) -> Tensor {
        dot_node("DotBackward0", input, tensor)
    }

    /// The dot product of two vectors, the first conjugated: for real ones `dot`.
    ///
    /// PyTorch: `torch.vdot`.
    [torch tensor]
    fn vdot(input: Tensor, other: Tensor) -> Tensor {
        dot_node("VdotBackward0", input, other)
    }

    /// Sums of products over the last dimension of both: for vectors the dot product.
    ///
    /// PyTorch: `torch.inner`.
    [torch tensor]
    fn inner(input: Tensor, other: Tensor) -> Tensor {
        if input.ndim() == 0 || other.ndim() == 0 {
            return ops::mul(input, other);
        }
        let (a, b) = (input.size(input.ndim() - 1), other.size(other.ndim() - 1));
        ensure!(
            a == b,
            Shape,
            "inner(): the last dimension must match on both input tensors but got shapes {:?} and {:?}",
            input.shape(),
            other.shape()
        );
        if input.ndim() == 1 && other.ndim() == 1 {
            return ops::view(&ops::dot(input, other)?, &[]);
        }
        ops::tensordot_dims(input, other, &[-1], &[-1])
    }

    /// Every product of an element of a vector with one of another: (n) and (m) give (n, m).
    ///
    /// PyTorch: `torch.outer`.
    [torch tensor "ger"]
    fn outer(input: Tensor, vec2: Tensor) -> Tensor {
        check_dims("outer", "self", input, 1)?;
        check_dims("outer", "vec2", vec2, 1)?;
        ops::mul(&ops::unsqueeze(input, -1)?, vec2)
    }

    /// `beta * input + alpha * (mat1 @ mat2)`; `input` broadcasts. With beta 0 it is not read.
    ///
    /// PyTorch: `torch.addmm`.
    [torch tensor inplace]
    fn addmm(input: Tensor, mat1: Tensor, mat2: Tensor, beta: Scalar = 1, alpha: Scalar = 1) -> Tensor {
        check_dims("addmm", "mat1", mat1, 2)?;
        check_dims("addmm", "mat2", mat2, 2)?;
        check_mm("addmm", mat1, mat2)?;
        add_product("addmm", "AddmmBackward0", input, mat1, mat2, beta, alpha)
    }

    /// `beta * input + alpha * (batch1 @ batch2)` for batches of matrices; `input` broadcasts.
    ///
    /// PyTorch: `torch.baddbmm`.
    [torch tensor inplace]
    fn baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, beta: Scalar = 1, alpha: Scalar = 1) -> Tensor {
        check_bmm("baddbmm", batch1, batch2)?;
        add_product("baddbmm", "BaddbmmBackward0", input, batch1, batch2, beta, alpha)
    }

    /// `beta * input + alpha * sum over the batch of (batch1 @ batch2)`; `input` broadcasts.
    ///
    /// PyTorch: `torch.addbmm`.
    [torch tensor inplace]
    fn addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, beta: Scalar = 1, alpha: Scalar = 1) -> Tensor {
        check_bmm("addbmm", batch1, batch2)?;
        // The sum over the batch is a longer inner dimension.
        let (n, p) = (batch1.shape()[1] as i64, batch2.shape()[2] as i64);
        let rows = ops::reshape(&ops::permute(batch1, &[1, 0, 2])?, &[n, inner_size(batch1, 2)])?;
        let cols = ops::reshape(batch2, &[inner_size(batch2, 1), p])?;
        composite("AddbmmBackward0", &[input, batch1, batch2], ops::addmm(input, &rows, &cols, beta, alpha))
    }

    /// `beta * input + alpha * (mat @ vec)`; `input` broadcasts.
    ///
    /// PyTorch: `torch.addmv`.
    [torch tensor inplace]
    fn addmv(input: Tensor, mat: Tensor, vec: Tensor, beta: Scalar = 1, alpha: Scalar = 1) -> Tensor {
        check_mv("addmv", mat, vec)?;
        let n = mat.shape()[0];
        check_added("addmv", input, mat, &[n])?;
        let column = ops::unsqueeze(&vec.detach(), -1)?;
        let init = ops::unsqueeze(&ops::expand(&input.detach(), &[n as i64])?, -1)?;
        let out = flat(product_data("addmv", mat, &column, Some(Added { init: &init, alpha, beta }))?, n);
        let saved = [wants(vec).then_some(mat), wants(mat).then_some(vec)];
        let size = input.sizes();
        attach(&[&out], "AddmvBackward0", &[input, mat, vec], &saved, move |ctx| {
            let g = ctx.grad(0)?;
            let gi = ctx.when(0, || ops::sum_to_size(&scaled(&g, beta)?, &size))?;
            let gm = ctx.when(1, || scaled(&ops::outer(&g, &ctx.saved(1)?)?, alpha))?;
            let gv = ctx.when(2, || scaled(&ops::mv(&turned(&ctx.saved(0)?)?, &g)?, alpha))?;
            Ok(vec![gi, gm, gv])
        });
        Ok(out)
    }

    /// `beta * input + alpha * outer(vec1, vec2)`; `input` broadcasts.
    ///
    /// PyTorch: `torch.addr`.
    [torch tensor inplace]
    fn addr(input: Tensor, vec1: Tensor, vec2: Tensor, beta: Scalar = 1, alpha: Scalar = 1) -> Tensor {
        check_dims("addr", "vec1", vec1, 1)?;
        check_dims("addr", "vec2", vec2, 1)?;
        let shape = [vec1.shape()[0], vec2.shape()[0]];
        let both = broadcast_shapes("addr", input.shape(), &shape)?;
        ensure!(both[..] == shape, Shape, "addr: The expanded size of input {:?} must be {shape:?}", input.shape());
        let dtype = crate::promote::result_type(&[input, vec1, vec2]);
        check_factor("addr", "beta", beta, dtype)?;
        check_factor("addr", "alpha", alpha, dtype)?;
        let outer = scaled(&ops::outer(vec1, vec2)?, alpha)?;
        let outer = ops::to_dtype(&outer, dtype)?;
        let out = match beta.to_f64() {
            0.0 => outer,
            _ => ops::to_dtype(&ops::add(&scaled(input, beta)?, &outer)?, dtype)?,
        };
        composite("AddrBackward0", &[input, vec1, vec2], Ok(out))
    }

    /// `input @ weight^T + bias`: (*, in) with a weight (out, in) gives (*, out).
    ///
    /// PyTorch: `torch.nn.functional.linear`.
    [F]
    fn linear(input: Tensor, weight: Tensor, bias: Option<Tensor> = None) -> Tensor {
        ensure!(input.ndim() >= 1, Shape, "linear: input must have at least one dimension, got a 0-d tensor");
        ensure!(
            weight.ndim() == 2 || weight.ndim() == 1,
            Shape,
            "linear: weight must have two dimensions (out, in), got {:?}",
            weight.shape()
        );
        if weight.ndim() == 1 {
            let out = ops::matmul(input, weight)?;
            return bias.map_or(Ok(out.clone()), |b| ops::add(&out, b));
        }
        let (rows, features) = (input.numel() / input.size(input.ndim() - 1).max(1), input.size(input.ndim() - 1));
        ensure!(
            features == weight.shape()[1],
            Shape,
            "linear: mat1 and mat2 shapes cannot be multiplied ({rows}x{features} and {}x{}): the input's last dimension \
             ({features}) must be the weight's second ({})",
            weight.shape()[1],
            weight.shape()[0],
            weight.shape()[1]
        );
        check_dtypes("linear", input, weight)?;
        linear_node(input, weight, bias)
    }

    /// `y[n, o] = sum over i, j of input1[n, i] * weight[o, i, j] * input2[n, j] + bias[o]`.
    ///
    /// PyTorch: `torch.nn.functional.bilinear`.
    [F]
    fn bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Option<Tensor> = None) -> Tensor {
        let (n, m) = (input1.ndim(), input2.ndim());
        ensure!(n == m, Shape, "bilinear(): input dimensions do not match: got {n} and {m}");
        ensure!(weight.ndim() == 3 && n >= 1, Shape, "bilinear(): weight must be (out, in1, in2), got {:?}", weight.shape());
        for d in 0..n - 1 {
            ensure!(
                input1.shape()[d] == input2.shape()[d],
                Shape,
                "bilinear(): input batch dimensions do not match at dim {d}: got {} and {}",
                input1.shape()[d],
                input2.shape()[d]
            );
        }
        for (i, x) in [input1, input2].into_iter().enumerate() {
            ensure!(
                x.shape()[n - 1] == weight.shape()[i + 1],
                Shape,
                "bilinear(): input{} size does not match weight size: got {} but expected {}",
                i + 1, x.shape()[n - 1], weight.shape()[i + 1]
            );
        }
        let [o, a, b] = [0, 1, 2].map(|d| weight.shape()[d] as i64);
        // (*, a) @ (a, o * b) gives (*, o, b), and that times (*, b, 1).
        let by_input = ops::reshape(&ops::permute(weight, &[1, 0, 2])?, &[a, o * b])?;
        let mut shape = input1.sizes();
        shape.pop();
        shape.extend([o, b]);
        let half = ops::reshape(&ops::matmul(input1, &by_input)?, &shape)?;
        let out = ops::matmul(&half, &ops::unsqueeze(input2, -1)?)?;
        let out = ops::view(&out, &out.sizes()[..n])?;
        bias.map_or(Ok(out.clone()), |b| ops::add(&out, b))
    }
}

/// The dot product as a node.
fn dot_node(name: &'static str, input: &Tensor, tensor: &Tensor) -> Result<Tensor> {
    ensure!(
        input.ndim() == 1 && tensor.ndim() == 1,
        Shape,
        "dot: 1D tensors expected, but got {}D and {}D tensors",
        input.ndim(),
        tensor.ndim()
    );
    ensure!(
        input.dtype() == tensor.dtype(),
        DType,
        "dot : expected both vectors to have same dtype, but found {} and {}",
        input.dtype().c_name(),
        tensor.dtype().c_name()
    );
    check_numeric("dot", input)?;
    ensure!(
        input.numel() == tensor.numel(),
        Shape,
        "dot: inconsistent tensor size, expected tensor [{}] and src [{}] to have the same number of elements, but \
         got {} and {} elements respectively",
        input.numel(), tensor.numel(), input.numel(), tensor.numel()
    );
    let row = ops::unsqueeze(&input.detach(), 0)?;
    let column = ops::unsqueeze(&tensor.detach(), -1)?;
    let out = if input.dtype() == DType::F32 {
        let out = Tensor::empty(&[1, 1], DType::F32)?;
        dispatch(&DOT, &[Strided::from(&row), Strided::from(&column)], &[Strided::from(&out)], &[])?;
        out
    } else {
        product_data("dot", &row, &column, None)?
    };
    let out = out.alias(crate::Layout::contiguous(&[]));
    let saved = [wants(tensor).then_some(input), wants(input).then_some(tensor)];
    attach(&[&out], name, &[input, tensor], &saved, |ctx| {
        let g = ctx.grad(0)?;
        let ga = ctx.when(0, || ops::mul(&g, &ctx.saved(1)?))?;
        let gb = ctx.when(1, || ops::mul(&g, &ctx.saved(0)?))?;
        Ok(vec![ga, gb])
    });
    Ok(out)
}

/// The sum of what `flatten` would merge: the batch and dimension `d`.
fn inner_size(t: &Tensor, d: usize) -> i64 {
    (t.shape()[0] * t.shape()[d]) as i64
}

/// A shape without its dimension `from_end` from the end.
fn without(shape: &[usize], from_end: usize) -> Vec<usize> {
    let mut s = shape.to_vec();
    s.remove(shape.len() - from_end);
    s
}

/// A column as a vector.
fn flat(t: Tensor, n: usize) -> Tensor {
    t.alias(crate::Layout::contiguous(&[n]))
}

/// Products of batches: both have two or more dimensions, at least one has more.
fn matmul_batch(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    check_inner("matmul", a, b)?;
    check_dtypes("matmul", a, b)?;
    product("matmul", batch_name(a, b), a, b)
}

/// The last step of PyTorch's product of batches: a matrix that wants its gradient, times a batch, is computed as one
/// product of matrices, transposed, and turned into a contiguous tensor (aten/native/LinearAlgebra.cpp, should_fold).
fn batch_name(a: &Tensor, b: &Tensor) -> &'static str {
    let (n, p) = (a.shape()[a.ndim() - 2], b.shape()[b.ndim() - 1]);
    match a.ndim() == 2 && wants(a) {
        false => "UnsafeViewBackward0",
        true if b.numel() * n * p == 0 || n == 1 || p == 1 => "TransposeBackward0",
        true => "CloneBackward0",
    }
}

fn check_inner(op: &str, a: &Tensor, b: &Tensor) -> Result<()> {
    let (k, l) = (a.shape()[a.ndim() - 1], b.shape()[b.ndim() - 2]);
    if a.ndim() > 2 && b.ndim() == 2 {
        let rows = a.numel() / k.max(1);
        ensure!(
            k == l,
            Shape,
            "{op}: mat1 and mat2 shapes cannot be multiplied ({rows}x{k} and {}): inner dimensions differ, {:?} x {:?} \
             ({k} != {l})",
            by(b.shape()),
            a.shape(),
            b.shape()
        );
    }
    ensure!(
        k == l,
        Shape,
        "{op}: inner dimensions differ: {:?} x {:?} ({k} != {l}). Expected size for first two dimensions of batch2 tensor \
         to be: [batch, {k}]",
        a.shape(),
        b.shape()
    );
    Ok(())
}

fn check_mm(op: &str, a: &Tensor, b: &Tensor) -> Result<()> {
    ensure!(
        a.shape()[1] == b.shape()[0],
        Shape,
        "{op}: mat1 and mat2 shapes cannot be multiplied ({} and {}): inner dimensions differ, {:?} x {:?} ({} != {})",
        by(a.shape()),
        by(b.shape()),
        a.shape(),
        b.shape(),
        a.shape()[1],
        b.shape()[0]
    );
    Ok(())
}

fn check_bmm(op: &str, a: &Tensor, b: &Tensor) -> Result<()> {
    check_dims(op, "batch1", a, 3)?;
    check_dims(op, "batch2", b, 3)?;
    ensure!(
        a.shape()[0] == b.shape()[0] && a.shape()[2] == b.shape()[1],
        Shape,
        "{op}: Expected size for first two dimensions of batch2 tensor to be: [{}, {}] but got: [{}, {}].",
        a.shape()[0],
        a.shape()[2],
        b.shape()[0],
        b.shape()[1]
    );
    check_dtypes(op, a, b)
}

fn check_mv(op: &str, mat: &Tensor, vec: &Tensor) -> Result<()> {
    ensure!(
        mat.ndim() == 2 && vec.ndim() == 1,
        Shape,
        "{op}: vector + matrix @ vector expected, got {}D matrix and {}D vector",
        mat.ndim(),
        vec.ndim()
    );
    ensure!(
        mat.shape()[1] == vec.shape()[0],
        Shape,
        "{op}: size mismatch, got input ({}), mat ({}), vec ({})",
        mat.shape()[0],
        by(mat.shape()),
        vec.shape()[0]
    );
    check_dtypes(op, mat, vec)
}

/// What is added must broadcast to the product's shape and have its dtype. A factor of an integer product is truncated to
/// an integer, as PyTorch does.
fn check_added(op: &str, input: &Tensor, mat: &Tensor, shape: &[usize]) -> Result<()> {
    let both = broadcast_shapes(op, input.shape(), shape)?;
    ensure!(
        both[..] == *shape,
        Shape,
        "{op}: The expanded size of the tensor must match: input {:?} does not broadcast to the product's shape {shape:?}",
        input.shape()
    );
    ensure!(
        input.dtype() == mat.dtype(),
        DType,
        "{op}: self and mat2 must have the same dtype, but got {} and {}",
        input.dtype().c_name(),
        mat.dtype().c_name()
    );
    Ok(())
}

fn add_product(
    op: &str,
    name: &'static str,
    input: &Tensor,
    a: &Tensor,
    b: &Tensor,
    beta: Scalar,
    alpha: Scalar,
) -> Result<Tensor> {
    check_dtypes(op, a, b)?;
    let mut shape = a.shape().to_vec();
    *shape.last_mut().expect("a matrix") = b.shape()[b.ndim() - 1];
    check_added(op, input, a, &shape)?;
    let out = product_data(op, a, b, Some(Added { init: input, alpha, beta }))?;
    let saved = [wants(b).then_some(a), wants(a).then_some(b)];
    let (size, a_size, b_size) = (input.sizes(), a.sizes(), b.sizes());
    attach(&[&out], name, &[input, a, b], &saved, move |ctx| {
        let g = ctx.grad(0)?;
        let gi = ctx.when(0, || ops::sum_to_size(&scaled(&g, beta)?, &size))?;
        let ga = ctx.when(1, || scaled(&left_gradient(&g, &ctx.saved(1)?, &a_size)?, alpha))?;
        let gb = ctx.when(2, || scaled(&right_gradient(&ctx.saved(0)?, &g, &b_size)?, alpha))?;
        Ok(vec![gi, ga, gb])
    });
    Ok(out)
}

/// The whole layer as one node, with the bias in the product's epilogue. Names as PyTorch prints them.
#[cfg_attr(hot_paths, optimize(speed))]
fn linear_node(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let one = input.ndim() == 1;
    let x = if one { ops::unsqueeze(&input.detach(), 0)? } else { input.clone() };
    let w = turned(&weight.detach())?;
    if let Some(b) = bias {
        ensure!(
            b.dtype() == input.dtype(),
            DType,
            "linear: self and mat2 must have the same dtype, but got {} and {}",
            b.dtype().c_name(),
            input.dtype().c_name()
        );
        let out = weight.shape()[0];
        ensure!(
            b.ndim() <= 1 && (b.numel() == 1 || b.shape() == [out]),
            Shape,
            "linear: The expanded size of the tensor ({out}) must match the existing size ({}): bias {:?}, weight {:?}",
            b.numel(),
            b.shape(),
            weight.shape()
        );
    }
    let added = bias.map(|init| Added { init, alpha: Scalar::Int(1), beta: Scalar::Int(1) });
    let mut out = product_data("linear", &x, &w, added)?;
    if one {
        out = flat(out, weight.shape()[0]);
    }
    let name = match (input.ndim(), bias.is_some()) {
        (1, true) => "ViewBackward0",
        (1, false) => "SqueezeBackward4",
        (2, true) => "AddmmBackward0",
        (2, false) => "MmBackward0",
        (_, true) => "ViewBackward0",
        (_, false) => "UnsafeViewBackward0",
    };
    let mut inputs: SmallVec<[&Tensor; 3]> = SmallVec::from_slice(&[input, weight]);
    inputs.extend(bias);
    let saved = [wants(weight).then_some(input), wants(input).then_some(weight)];
    let (in_size, bias_size) = (input.sizes(), bias.map(Tensor::sizes));
    attach(&[&out], name, &inputs, &saved, move |ctx| {
        let g = ctx.grad(0)?;
        // Rows: everything but the last dimension. A matrix or vector needs no copy and usually nothing else does.
        let rows = |t: &Tensor| match t.ndim() {
            1 => ops::unsqueeze(t, 0),
            2 => Ok(t.clone()),
            _ => ops::flatten(t, 0, -2),
        };
        let gx = ctx.when(0, || {
            let gx = ops::mm(&rows(&g)?, &ctx.saved(1)?)?;
            if in_size.len() == 2 { Ok(gx) } else { ops::reshape(&gx, &in_size) }
        })?;
        let gw = ctx.when(1, || ops::mm(&turned(&rows(&g)?)?, &rows(&ctx.saved(0)?)?))?;
        let mut grads = Vec::with_capacity(3);
        grads.extend([gx, gw]);
        if let Some(size) = &bias_size {
            grads.push(ctx.when(2, || ops::sum_to_size(&g, size))?);
        }
        Ok(grads)
    });
    Ok(out)
}
