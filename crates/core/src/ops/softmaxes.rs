//! Softmax and its kin along a dimension.

use crate::cpu::{Kernel, reduce};
use crate::reducing::{Reduction, not_implemented, scale};
use crate::{DType, Layout, Result, Shape, Strided, Tensor, attach, autograd, dispatch, ops};

/// The input in the dtype that is asked for; integers have no softmax.
fn as_float(op: &str, input: &Tensor, dtype: Option<DType>) -> Result<Tensor> {
    let x = ops::to_dtype(input, dtype.unwrap_or(input.dtype()))?;
    if x.dtype().is_float() { Ok(x) } else { not_implemented(op, x.dtype()) }
}

fn forward(kernel: &Kernel, x: &Tensor, dim: usize) -> Result<Tensor> {
    let out = Tensor::empty_like(x, x.dtype())?;
    dispatch(kernel, &[x], &[&out], &[dim.into()])?;
    Ok(out)
}

/// The fused backward kernel, or the same composed of ops where its own gradient is wanted.
fn backward(kernel: &Kernel, g: &Tensor, y: &Tensor, dim: i64, composed: impl Fn() -> Result<Tensor>) -> Result<Tensor> {
    if autograd::tracks(&[g, y]) {
        return composed();
    }
    let out = Tensor::empty_like(y, y.dtype())?;
    dispatch(kernel, &[g, y], &[&out], &[y.wrap_dim("softmax", dim)?.into()])?;
    Ok(out)
}

ops! {
    /// exp(input) / sum(exp(input)) along a dimension, optionally computed in another dtype.
    ///
    /// PyTorch: `torch.softmax`, `torch.nn.functional.softmax`.
    [torch tensor F "special.softmax"]
    fn softmax(input: Tensor, dim: i64, dtype: Option<DType> = None) -> Tensor {
        let d = input.wrap_dim("softmax", dim)?;
        let x = as_float("softmax_lastdim_kernel_impl", input, dtype)?;
        let out = forward(&reduce::SOFTMAX, &x, d)?;
        attach(&[&out], "SoftmaxBackward0", &[&x], &[Some(&out)], move |ctx| {
            let (g, y) = (ctx.grad(0)?, ctx.saved(0)?);
            Ok(vec![Some(backward(&reduce::SOFTMAX_BACKWARD, &g, &y, dim, || {
                let gy = ops::mul(&g, &y)?;
                ops::sub(&gy, &ops::mul(&y, &ops::sum_dim(&gy, Some(&[dim]), true, None)?)?)
            })?)])
        });
        Ok(out)
    }

    /// log(softmax(input)) along a dimension, without the loss of digits that the two steps would have.
    ///
    /// PyTorch: `torch.log_softmax`, `torch.nn.functional.log_softmax`.
    [torch tensor F "special.log_softmax"]
    fn log_softmax(input: Tensor, dim: i64, dtype: Option<DType> = None) -> Tensor {
        let d = input.wrap_dim("log_softmax", dim)?;
        let x = as_float("log_softmax_lastdim_kernel_impl", input, dtype)?;
        let out = forward(&reduce::LOG_SOFTMAX, &x, d)?;
        attach(&[&out], "LogSoftmaxBackward0", &[&x], &[Some(&out)], move |ctx| {
            let (g, y) = (ctx.grad(0)?, ctx.saved(0)?);
            Ok(vec![Some(backward(&reduce::LOG_SOFTMAX_BACKWARD, &g, &y, dim, || {
                ops::sub(&g, &ops::mul(&ops::exp(&y)?, &ops::sum_dim(&g, Some(&[dim]), true, None)?)?)
            })?)])
        });
        Ok(out)
    }

    /// log(sum(exp(input))) over these dimensions, without overflow. Integers are computed as floats.
    ///
    /// PyTorch: `torch.logsumexp`.
    [torch tensor "special.logsumexp"]
    fn logsumexp(input: Tensor, dim: Vec<i64>, keepdim: bool = false) -> Tensor {
        let x = ops::to_dtype(input, crate::promote::to_float(input.dtype()))?;
        let r = Reduction::over("logsumexp", &x, Some(dim), keepdim)?;
        // The reduced dimensions become one, at the end, for a kernel that goes along a single dimension.
        let (gone, rest): (Vec<usize>, Vec<usize>) = (0..x.ndim()).partition(|&d| r.flags[d]);
        let order = rest.iter().chain(&gone);
        let moved = Layout {
            shape: order.clone().map(|&d| x.shape()[d]).collect(),
            strides: order.map(|&d| x.strides()[d]).collect(),
            offset: x.layout().offset,
        };
        let moved = x.alias(moved);
        let mut shape: Shape = rest.iter().map(|&d| x.shape()[d]).collect();
        shape.push(r.count);
        let flat = autograd::no_grad(|| {
            ops::reshape(&moved, &shape.iter().map(|&n| n as i64).collect::<Vec<_>>())
        })?;
        let out = r.output(x.dtype())?;
        shape[rest.len()] = 1;
        let line = Layout::contiguous(&shape);
        let target = Strided::from(&out).with(&line.shape, &line.strides);
        dispatch(&reduce::LOGSUMEXP, &[Strided::from(&flat)], &[target], &[rest.len().into()])?;
        let plan = r.plan(&x);
        attach(&[&out], "LogsumexpBackward0", &[&x], &[Some(&x), Some(&out)], move |ctx| {
            let (x, y) = (ctx.saved(0)?, plan.keep(&ctx.saved(1)?)?);
            // Where everything is -inf the weights are zero, not NaN.
            let lost = ops::eq(&y.detach(), &Tensor::number(f64::NEG_INFINITY)?)?;
            let weights = ops::exp(&ops::sub(&x, &ops::masked_fill(&y, &lost, &Tensor::number(0.0)?)?)?)?;
            Ok(vec![Some(ops::mul(&plan.spread(&ctx.grad(0)?)?, &weights)?)])
        });
        Ok(out)
    }

    /// exp(input) / sum(exp(input)) along a dimension, optionally computed in another dtype. Without a dimension: 0 for
    /// ranks 0, 1 and 3, else 1.
    ///
    /// PyTorch: `torch.nn.functional.softmax`.
    [F as softmax]
    fn functional_softmax(input: Tensor, dim: Option<i64> = None, dtype: Option<DType> = None) -> Tensor {
        ops::softmax(input, dim.unwrap_or(usual_dim(input)), dtype)
    }

    /// log(softmax(input)) along a dimension, optionally computed in another dtype. Without a dimension: 0 for ranks 0, 1
    /// and 3, else 1.
    ///
    /// PyTorch: `torch.nn.functional.log_softmax`.
    [F as log_softmax]
    fn functional_log_softmax(input: Tensor, dim: Option<i64> = None, dtype: Option<DType> = None) -> Tensor {
        ops::log_softmax(input, dim.unwrap_or(usual_dim(input)), dtype)
    }

    /// softmax(-input) along a dimension. Without one: 0 for ranks 0, 1 and 3, else 1.
    ///
    /// PyTorch: `torch.nn.functional.softmin`.
    [F]
    fn softmin(input: Tensor, dim: Option<i64> = None, dtype: Option<DType> = None) -> Tensor {
        ops::softmax(&scale(input, -1.0)?, dim.unwrap_or(usual_dim(input)), dtype)
    }
}

/// The dimension that PyTorch guesses when none is given (torch/nn/functional.py, `_get_softmax_dim`).
fn usual_dim(input: &Tensor) -> i64 {
    if matches!(input.ndim(), 0 | 1 | 3) { 0 } else { 1 }
}
