//! Reductions and normalisations that see only the elements a mask selects (torch/masked/_ops.py).
//!
//! Each fills what is masked out with the value that does not count, and calls the op of the same name. A mask is
//! broadcast to the input; no mask selects everything.

use crate::{DType, Result, Scalar, Tensor, bail, ops, promote};

/// The input with `fill` where the mask does not hold.
fn filled(input: &Tensor, mask: Option<&Tensor>, fill: impl Into<Scalar>) -> Result<Tensor> {
    match mask {
        None => Ok(input.clone()),
        Some(m) => {
            let fill = Tensor::full(&[], fill, input.dtype())?;
            ops::where_(m, input, &fill)
        }
    }
}

/// The smallest (or largest) value of a dtype: what never wins a maximum (minimum).
fn extreme(dtype: DType, lowest: bool) -> Scalar {
    let (low, high) = match dtype {
        DType::Bool => (0, 1),
        DType::U8 => (0, u8::MAX as i64),
        DType::I32 => (i32::MIN as i64, i32::MAX as i64),
        DType::I64 => (i64::MIN, i64::MAX),
        DType::F32 | DType::F64 => {
            return Scalar::Float(if lowest { f64::NEG_INFINITY } else { f64::INFINITY });
        }
    };
    Scalar::Int(if lowest { low } else { high })
}

/// Dimensions that a reduction runs over: those named, or all.
fn dims(input: &Tensor, dim: Option<&[i64]>) -> Vec<i64> {
    match dim {
        Some(d) if !d.is_empty() => d.to_vec(),
        _ => (0..input.ndim() as i64).collect(),
    }
}

fn converted(input: &Tensor, dtype: Option<DType>) -> Result<Tensor> {
    match dtype {
        Some(d) => ops::to_dtype(input, d),
        None => Ok(input.clone()),
    }
}

/// How many elements the mask selects, per result.
fn count(input: &Tensor, mask: Option<&Tensor>, dim: &[i64], keepdim: bool) -> Result<Tensor> {
    let ones = Tensor::ones(input.shape(), DType::I64)?;
    ops::sum_dim(&filled(&ones, mask, 0)?, Some(dim), keepdim, None)
}

/// Sum of squared distances from the mean over what the mask selects, by the number of elements less the correction.
fn variance(input: &Tensor, dim: Option<&[i64]>, correction: f64, keepdim: bool, mask: Option<&Tensor>) -> Result<Tensor> {
    let dim = dims(input, dim);
    let x = ops::to_dtype(input, promote::to_float(input.dtype()))?;
    let n = ops::to_dtype(&count(&x, mask, &dim, true)?, x.dtype())?;
    let mean = ops::div(&ops::sum_dim(&filled(&x, mask, 0)?, Some(&dim), true, None)?, &n)?;
    let distance = filled(&ops::sub(&x, &mean)?, mask, 0)?;
    let total = ops::sum_dim(&ops::mul(&distance, &distance)?, Some(&dim), keepdim, None)?;
    let n = if keepdim { n } else { ops::reshape(&n, &total.sizes())? };
    let free = ops::sub(&n, &Tensor::number(correction)?)?;
    // Fewer elements than the correction leaves nothing to divide by: 0 / 0, as without a mask.
    ops::div(&total, &ops::maximum(&free, &Tensor::full(&[], 0, free.dtype())?)?)
}

fn correction_of(correction: Option<Scalar>, unbiased: Option<bool>) -> Result<f64> {
    match (correction, unbiased) {
        (Some(_), Some(_)) => bail!(Value, "masked.var: only one of the arguments correction and unbiased may be given"),
        (Some(c), None) => Ok(c.to_f64()),
        (None, unbiased) => Ok(unbiased.unwrap_or(true) as u8 as f64),
    }
}

ops! {
    /// Sum over what the mask selects. PyTorch: `torch.masked.sum`.
    ["masked.sum"]
    fn masked_sum(input: Tensor, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None,
                  mask: Option<Tensor> = None) -> Tensor {
        ops::sum_dim(&filled(input, mask, 0)?, dim, keepdim, dtype)
    }

    /// Product over what the mask selects. PyTorch: `torch.masked.prod`.
    ["masked.prod"]
    fn masked_prod(input: Tensor, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None,
                   mask: Option<Tensor> = None) -> Tensor {
        let dtype = dtype.unwrap_or(if input.dtype().is_float() { input.dtype() } else { DType::I64 });
        let mut out = ops::to_dtype(&filled(input, mask, 1)?, dtype)?;
        if let (0, Some(&[d])) = (input.ndim(), dim) {
            return ops::prod_dim(&out, d, keepdim, None);
        }
        let flags = crate::layout::wrap_dims("masked.prod", dim, input.ndim())?;
        for d in (0..input.ndim()).rev().filter(|&d| flags[d]) {
            out = ops::prod_dim(&out, d as i64, keepdim, None)?;
        }
        Ok(out)
    }

    /// Mean over what the mask selects. PyTorch: `torch.masked.mean`.
    ["masked.mean"]
    fn masked_mean(input: Tensor, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None,
                   mask: Option<Tensor> = None) -> Tensor {
        let x = converted(input, dtype)?;
        let dim = dims(&x, dim);
        ops::div(&ops::sum_dim(&filled(&x, mask, 0)?, Some(&dim), keepdim, None)?, &count(&x, mask, &dim, keepdim)?)
    }

    /// Largest of what the mask selects. PyTorch: `torch.masked.amax`.
    ["masked.amax"]
    fn masked_amax(input: Tensor, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None,
                   mask: Option<Tensor> = None) -> Tensor {
        let x = converted(input, dtype)?;
        ops::amax(&filled(&x, mask, extreme(x.dtype(), true))?, dim, keepdim)
    }

    /// Smallest of what the mask selects. PyTorch: `torch.masked.amin`.
    ["masked.amin"]
    fn masked_amin(input: Tensor, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None,
                   mask: Option<Tensor> = None) -> Tensor {
        let x = converted(input, dtype)?;
        ops::amin(&filled(&x, mask, extreme(x.dtype(), false))?, dim, keepdim)
    }

    /// Index of the largest of what the mask selects. PyTorch: `torch.masked.argmax`.
    ["masked.argmax"]
    fn masked_argmax(input: Tensor, dim: Option<i64> = None, keepdim: bool = false, dtype: Option<DType> = None,
                     mask: Option<Tensor> = None) -> Tensor {
        let x = converted(input, dtype)?;
        let index = ops::argmax(&filled(&x, mask, extreme(x.dtype(), true))?, dim, keepdim)?;
        // PyTorch gives the index in the input's dtype here.
        ops::to_dtype(&index, x.dtype())
    }

    /// Index of the smallest of what the mask selects. PyTorch: `torch.masked.argmin`.
    ["masked.argmin"]
    fn masked_argmin(input: Tensor, dim: Option<i64> = None, keepdim: bool = false, dtype: Option<DType> = None,
                     mask: Option<Tensor> = None) -> Tensor {
        let x = converted(input, dtype)?;
        let index = ops::argmin(&filled(&x, mask, extreme(x.dtype(), false))?, dim, keepdim)?;
        // PyTorch gives the index in the input's dtype here.
        ops::to_dtype(&index, x.dtype())
    }

    /// Variance over what the mask selects. PyTorch: `torch.masked.var`.
    ["masked.var"]
    fn masked_var(input: Tensor, dim: Option<Vec<i64>> = None, unbiased: Option<bool> = None, correction: Option<Scalar> = None,
                  keepdim: bool = false, dtype: Option<DType> = None, mask: Option<Tensor> = None) -> Tensor {
        variance(&converted(input, dtype)?, dim, correction_of(correction, unbiased)?, keepdim, mask)
    }

    /// Standard deviation over what the mask selects. PyTorch: `torch.masked.std`.
    ["masked.std"]
    fn masked_std(input: Tensor, dim: Option<Vec<i64>> = None, unbiased: Option<bool> = None, correction: Option<Scalar> = None,
                  keepdim: bool = false, dtype: Option<DType> = None, mask: Option<Tensor> = None) -> Tensor {
        ops::sqrt(&variance(&converted(input, dtype)?, dim, correction_of(correction, unbiased)?, keepdim, mask)?)
    }

    /// Norm of what the mask selects. PyTorch: `torch.masked.norm`.
    ["masked.norm"]
    fn masked_norm(input: Tensor, ord: Scalar = 2, dim: Option<Vec<i64>> = None, keepdim: bool = false,
                   dtype: Option<DType> = None, mask: Option<Tensor> = None) -> Tensor {
        let fill = if ord.to_f64() == f64::NEG_INFINITY { f64::INFINITY } else { 0.0 };
        ops::vector_norm(&filled(&converted(input, dtype)?, mask, fill)?, ord, dim, keepdim, None)
    }

    /// Median (the lower one) along a dimension of what the mask selects. PyTorch: `torch.masked.median`.
    ["masked.median"]
    fn masked_median(input: Tensor, dim: i64 = -1, keepdim: bool = false, dtype: Option<DType> = None,
                     mask: Option<Tensor> = None) -> Tensor {
        let x = converted(input, dtype)?;
        let x = if mask.is_some() { filled(&x, mask, f64::NAN)? } else { x };
        Ok(ops::nanmedian_dim(&x, dim, keepdim)?.0)
    }

    /// Logarithm of the summed exponentials of what the mask selects. PyTorch: `torch.masked.logsumexp`.
    ["masked.logsumexp"]
    fn masked_logsumexp(input: Tensor, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None,
                        mask: Option<Tensor> = None) -> Tensor {
        let x = converted(input, dtype)?;
        let out = ops::logsumexp(&filled(&x, mask, extreme(x.dtype(), true))?, &dims(&x, dim), keepdim)?;
        ops::to_dtype(&out, x.dtype())
    }

    /// Logarithm of the sum of two exponentials, each under its mask. PyTorch: `torch.masked.logaddexp`.
    ["masked.logaddexp"]
    fn masked_logaddexp(input: Tensor, other: Tensor, dtype: Option<DType> = None, input_mask: Option<Tensor> = None,
                        other_mask: Option<Tensor> = None) -> Tensor {
        let (a, b) = (converted(input, dtype)?, converted(other, dtype)?);
        ops::logaddexp(&filled(&a, input_mask, f64::NEG_INFINITY)?, &filled(&b, other_mask, f64::NEG_INFINITY)?)
    }

    /// Running sum along a dimension of what the mask selects. PyTorch: `torch.masked.cumsum`.
    ["masked.cumsum"]
    fn masked_cumsum(input: Tensor, dim: i64, dtype: Option<DType> = None, mask: Option<Tensor> = None) -> Tensor {
        ops::cumsum(&filled(input, mask, 0)?, dim, dtype)
    }

    /// Running product along a dimension of what the mask selects. PyTorch: `torch.masked.cumprod`.
    ["masked.cumprod"]
    fn masked_cumprod(input: Tensor, dim: i64, dtype: Option<DType> = None, mask: Option<Tensor> = None) -> Tensor {
        ops::cumprod(&filled(input, mask, 1)?, dim, dtype)
    }

    /// Softmax along a dimension over what the mask selects. PyTorch: `torch.masked.softmax`.
    ["masked.softmax"]
    fn masked_softmax(input: Tensor, dim: i64, dtype: Option<DType> = None, mask: Option<Tensor> = None) -> Tensor {
        ops::softmax(&filled(&converted(input, dtype)?, mask, f64::NEG_INFINITY)?, dim, None)
    }

    /// Logarithm of the softmax along a dimension over what the mask selects. PyTorch: `torch.masked.log_softmax`.
    ["masked.log_softmax"]
    fn masked_log_softmax(input: Tensor, dim: i64, dtype: Option<DType> = None, mask: Option<Tensor> = None) -> Tensor {
        ops::log_softmax(&filled(&converted(input, dtype)?, mask, f64::NEG_INFINITY)?, dim, None)
    }

    /// Softmax of the negated input along a dimension over what the mask selects. PyTorch: `torch.masked.softmin`.
    ["masked.softmin"]
    fn masked_softmin(input: Tensor, dim: i64, dtype: Option<DType> = None, mask: Option<Tensor> = None) -> Tensor {
        let x = filled(&converted(input, dtype)?, mask, f64::INFINITY)?;
        ops::softmax(&ops::neg(&x)?, dim, None)
    }

    /// The input by the norm along a dimension of what the mask selects. PyTorch: `torch.masked.normalize`.
    ["masked.normalize"]
    fn masked_normalize(input: Tensor, ord: Scalar, dim: i64, eps: f64 = 1e-12, dtype: Option<DType> = None,
                        mask: Option<Tensor> = None) -> Tensor {
        let x = converted(input, dtype)?;
        let norm = ops::masked_norm(&x, ord, Some(&[dim]), true, None, mask)?;
        let floor = Tensor::full(&[], eps, norm.dtype())?;
        let out = ops::div(&x, &ops::maximum(&norm, &floor)?)?;
        filled(&out, mask, 0)
    }
}
