//! Running sums, products and extrema, differences, and the trapezoidal rule.

use super::arith::{div_number, mul_number};
use crate::autograd::composite;
use crate::cpu::{Kernel, scan};
use crate::reducing::not_implemented;
use crate::{DType, Result, Tensor, attach, bail, dispatch, ensure, ops};

/// Integers are summed and multiplied in int64 unless a dtype is asked for.
fn scan_dtype(input: &Tensor, dtype: Option<DType>) -> DType {
    dtype.unwrap_or(if input.dtype().is_float() { input.dtype() } else { DType::I64 })
}

fn run(kernel: &Kernel, x: &Tensor, dim: usize) -> Result<Tensor> {
    let out = Tensor::empty(x.shape(), x.dtype())?;
    dispatch(kernel, &[x], &[&out], &[dim.into()])?;
    Ok(out)
}

/// The sum of everything from each element on.
fn from_the_end(t: &Tensor, dim: i64) -> Result<Tensor> {
    if t.ndim() == 0 || t.numel() == 0 {
        return Ok(t.clone());
    }
    ops::flip(&ops::cumsum(&ops::flip(t, &[dim])?, dim, None)?, &[dim])
}

fn extremum(
    kernel: &Kernel,
    name: &'static str,
    op: &str,
    input: &Tensor,
    dim: i64,
) -> Result<(Tensor, Tensor)> {
    let d = input.wrap_dim(op, dim)?;
    let (values, indices) = (Tensor::empty(input.shape(), input.dtype())?, Tensor::empty(input.shape(), DType::I64)?);
    dispatch(kernel, &[input], &[&values, &indices], &[d.into()])?;
    attach(&[&values, &indices], name, &[input], &[None, Some(&indices)], move |ctx| {
        let g = ctx.grad(0)?;
        Ok(vec![Some(ops::scatter_add(&Tensor::zeros(g.shape(), g.dtype())?, dim, &ctx.saved(1)?, &g)?)])
    });
    Ok((values, indices))
}

/// Gradient of a running product: by division where no factor is zero, else factor by factor
/// (PyTorch's cumprod_backward in FunctionsManual.cpp).
fn cumprod_backward(g: &Tensor, x: &Tensor, out: &Tensor, dim: i64) -> Result<Tensor> {
    if x.numel() <= 1 || x.ndim() == 0 {
        return Ok(g.clone());
    }
    if x.is_readable() && ops::count_nonzero(x, None)?.item()?.to_i64() == x.numel() as i64 {
        return ops::div(&from_the_end(&ops::mul(g, out)?, dim)?, x);
    }
    let n = x.size(x.wrap_dim("cumprod", dim)?) as i64;
    let part = |t: &Tensor, from: i64, count: i64| ops::narrow(t, dim, &Tensor::number(from)?, count);
    let mut slices = Vec::with_capacity(n as usize);
    for k in 0..n {
        let before = ops::prod_dim(&part(x, 0, k)?, dim, true, None)?;
        let omitted = if k + 1 == n {
            before
        } else {
            let after = ops::cumprod(&part(x, k + 1, n - k - 1)?, dim, None)?;
            ops::cat(&[before.clone(), ops::mul(&before, &after)?], dim)?
        };
        slices.push(ops::sum_dim(&ops::mul(&part(g, k, n - k)?, &omitted)?, Some(&[dim]), true, None)?);
    }
    ops::cat(&slices, dim)
}

/// Neighbouring elements along a dimension: all but the first, all but the last.
fn neighbours(t: &Tensor, dim: i64) -> Result<(Tensor, Tensor)> {
    Ok((ops::slice(t, dim, Some(1), None, 1)?, ops::slice(t, dim, None, Some(-1), 1)?))
}

fn check_area(op: &str, name: &str, t: &Tensor) -> Result<()> {
    ensure!(t.dtype() != DType::Bool, DType, "{op}: received a bool input for `{name}`, but bool is not supported");
    Ok(())
}

/// The areas under each pair of neighbours, times two, for points 1 apart where there is no `x`.
fn areas(op: &str, y: &Tensor, x: Option<&Tensor>, dim: i64) -> Result<Tensor> {
    let d = y.wrap_dim(op, dim)?;
    check_area(op, "y", y)?;
    let (right, left) = neighbours(y, d as i64)?;
    let sums = ops::add(&right, &left)?;
    let Some(x) = x else { return Ok(sums) };
    check_area(op, "x", x)?;
    let x = if x.ndim() == 1 {
        ensure!(
            x.shape()[0] == y.shape()[d],
            Shape,
            "{op}: There must be one `x` value for each sample point: {} values for size {}",
            x.shape()[0],
            y.shape()[d]
        );
        let mut size = vec![1i64; y.ndim()];
        size[d] = -1;
        ops::reshape(x, &size)?
    } else if x.ndim() < y.ndim() {
        let mut size = vec![1i64; y.ndim() - x.ndim()];
        size.extend(x.sizes());
        ops::reshape(x, &size)?
    } else {
        x.clone()
    };
    // The dimension counts from the end of both.
    let back = d as i64 - y.ndim() as i64;
    let (right, left) = neighbours(&x, back)?;
    ops::mul(&ops::sub(&right, &left)?, &sums)
}

ops! {
    /// Running sum along a dimension. Integers are summed in int64 unless `dtype` says otherwise.
    ///
    /// PyTorch: `torch.cumsum`.
    [torch tensor inplace]
    fn cumsum(input: Tensor, dim: i64, dtype: Option<DType> = None) -> Tensor {
        let d = input.wrap_dim("cumsum", dim)?;
        let dtype = scan_dtype(input, dtype);
        // A bool total is no sum: the kernel knows bytes only.
        if dtype == DType::Bool {
            return ops::to_dtype(&ops::cumsum(input, dim, Some(DType::I64))?, dtype);
        }
        let x = ops::to_dtype(input, dtype)?;
        let out = run(&scan::CUMSUM, &x, d)?;
        attach(&[&out], "CumsumBackward0", &[&x], &[], move |ctx| Ok(vec![Some(from_the_end(&ctx.grad(0)?, dim)?)]));
        Ok(out)
    }

    /// Running product along a dimension. Integers are multiplied in int64 unless `dtype` says otherwise.
    ///
    /// PyTorch: `torch.cumprod`.
    [torch tensor inplace]
    fn cumprod(input: Tensor, dim: i64, dtype: Option<DType> = None) -> Tensor {
        let d = input.wrap_dim("cumprod", dim)?;
        let dtype = scan_dtype(input, dtype);
        if dtype == DType::Bool {
            return ops::to_dtype(&ops::cumprod(input, dim, Some(DType::I64))?, dtype);
        }
        let x = ops::to_dtype(input, dtype)?;
        let out = run(&scan::CUMPROD, &x, d)?;
        attach(&[&out], "CumprodBackward0", &[&x], &[Some(&x), Some(&out)], move |ctx| {
            Ok(vec![Some(cumprod_backward(&ctx.grad(0)?, &ctx.saved(0)?, &ctx.saved(1)?, dim)?)])
        });
        Ok(out)
    }

    /// Running maximum along a dimension, and the position of its last occurrence so far.
    ///
    /// PyTorch: `torch.cummax`.
    [torch tensor]
    fn cummax(input: Tensor, dim: i64) -> (values: Tensor, indices: Tensor) {
        extremum(&scan::CUMMAX, "CummaxBackward0", "cummax", input, dim)
    }

    /// Running minimum along a dimension, and the position of its last occurrence so far.
    ///
    /// PyTorch: `torch.cummin`.
    [torch tensor]
    fn cummin(input: Tensor, dim: i64) -> (values: Tensor, indices: Tensor) {
        extremum(&scan::CUMMIN, "CumminBackward0", "cummin", input, dim)
    }

    /// Logarithm of the running sum of exponentials along a dimension, without overflow.
    ///
    /// PyTorch: `torch.logcumsumexp`.
    [torch tensor]
    fn logcumsumexp(input: Tensor, dim: i64) -> Tensor {
        let d = input.wrap_dim("logcumsumexp", dim)?;
        if !input.dtype().is_float() {
            return not_implemented("logcumsumexp_out_cpu", input.dtype());
        }
        let out = run(&scan::LOGCUMSUMEXP, input, d)?;
        attach(&[&out], "LogcumsumexpBackward0", &[input], &[Some(input), Some(&out)], move |ctx| {
            let (g, x, y) = (ctx.grad(0)?, ctx.saved(0)?, ctx.saved(1)?);
            if g.numel() == 0 || g.ndim() == 0 {
                return Ok(vec![Some(g)]);
            }
            // Positive and negative gradients go apart, so that their logarithms exist.
            let zero = Tensor::number(0)?;
            let low = Tensor::number(if g.dtype() == DType::F32 { f32::MIN as f64 } else { f64::MIN })?;
            let size = ops::log(&ops::abs(&g)?)?;
            let half = |mask: &Tensor| {
                let shifted = ops::sub(&ops::where_(mask, &size, &low)?, &y)?;
                let sums = ops::flip(&ops::logcumsumexp(&ops::flip(&shifted, &[dim])?, dim)?, &[dim])?;
                ops::exp(&ops::add(&sums, &x)?)
            };
            let (up, down) = (half(&ops::gt(&g.detach(), &zero)?)?, half(&ops::lt(&g.detach(), &zero)?)?);
            Ok(vec![Some(ops::sub(&up, &down)?)])
        });
        Ok(out)
    }

    /// The n-th difference of neighbours along a dimension, with values put before and after it if given.
    ///
    /// PyTorch: `torch.diff`.
    [torch tensor]
    fn diff(input: Tensor, n: i64 = 1, dim: i64 = -1, prepend: Option<Tensor> = None, append: Option<Tensor> = None) -> Tensor {
        ensure!(input.ndim() >= 1, Shape, "diff expects input to be at least one-dimensional");
        ensure!(n >= 0, Runtime, "diff: order must be non-negative but got {n}");
        let d = input.wrap_dim("diff", dim)? as i64;
        let parts: Vec<Tensor> = [prepend, Some(input), append].into_iter().flatten().cloned().collect();
        let mut out = if parts.len() > 1 { ops::cat(&parts, d)? } else { input.clone() };
        if n == 0 {
            // PyTorch copies into zeros.
            return composite("CopyBackwards", &[input], Ok(out));
        }
        for _ in 0..n.min(out.shape()[d as usize] as i64) {
            let (right, left) = neighbours(&out, d)?;
            out = if out.dtype() == DType::Bool { ops::logical_xor(&right, &left)? } else { ops::sub(&right, &left)? };
        }
        Ok(out)
    }

    /// The area under a curve along a dimension, by the trapezoidal rule: points at `x`, or `dx` apart (1).
    ///
    /// PyTorch: `torch.trapezoid`.
    [torch "trapz"]
    fn trapezoid(y: Tensor, x: Option<Tensor> = None, dx: Option<f64> = None, dim: i64 = -1) -> Tensor {
        let d = y.wrap_dim("trapezoid", dim)?;
        ensure!(x.is_none() || dx.is_none(), Type, "trapezoid: x and dx cannot both be given");
        if y.size(d) == 0 {
            let shape: Vec<usize> = (0..y.ndim()).filter(|&k| k != d).map(|k| y.shape()[k]).collect();
            return Tensor::zeros(&shape, y.dtype());
        }
        let d = d as i64;
        if x.is_some() {
            return div_number(&ops::sum_dim(&areas("trapezoid", y, x, dim)?, Some(&[d]), false, None)?, 2.0);
        }
        // Points at equal distances: all but half of the two at the ends (aten/native/Integration.cpp).
        check_area("trapezoid", "y", y)?;
        let ends = ops::add(&ops::select(y, d, 0)?, &ops::select(y, d, -1)?)?;
        let sum = ops::sub(&ops::sum_dim(y, Some(&[d]), false, None)?, &mul_number(&ends, 0.5)?)?;
        mul_number(&sum, dx.unwrap_or(1.0))
    }

    /// The running area under a curve along a dimension, by the trapezoidal rule.
    ///
    /// PyTorch: `torch.cumulative_trapezoid`.
    [torch]
    fn cumulative_trapezoid(y: Tensor, x: Option<Tensor> = None, dx: Option<f64> = None, dim: i64 = -1) -> Tensor {
        let d = y.wrap_dim("cumulative_trapezoid", dim)?;
        if y.ndim() == 0 {
            bail!(Shape, "cumulative_trapezoid: expected a tensor with at least one dimension");
        }
        let areas = areas("cumulative_trapezoid", y, x, dim)?;
        let d = d as i64;
        match x {
            Some(_) => div_number(&ops::cumsum(&areas, d, None)?, 2.0),
            None => ops::cumsum(&mul_number(&areas, dx.unwrap_or(1.0) / 2.0)?, d, None),
        }
    }
}
