//! Variance and standard deviation, quantiles, covariance.

use crate::call::Operand;
use crate::cpu::reduce;
use crate::demand::{Class, Demand, Test, demand};
use crate::layout::wrap_dim;
use crate::reducing::{Reduction, scale};
use crate::{DType, Result, Scalar, Tensor, attach, ensure, ops};

/// What an op of this family gives back.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Var,
    Std,
    VarMean,
    StdMean,
}

impl Kind {
    fn root(self) -> bool {
        matches!(self, Kind::Std | Kind::StdMean)
    }
    fn op(self) -> &'static str {
        ["var", "std", "var_mean", "std_mean"][self as usize]
    }
    fn node(self) -> &'static str {
        ["VarBackward0", "StdBackward0", "VarMeanBackward0", "StdMeanBackward0"][self as usize]
    }
}

/// Variance (or its root) and mean over some dimensions.
fn moments(kind: Kind, input: &Tensor, dim: Option<&[i64]>, correction: f64, keepdim: bool) -> Result<(Tensor, Tensor)> {
    ensure!(
        input.dtype().is_float(),
        DType,
        "{}: std and var only support floating point and complex dtypes, got {}",
        kind.op(),
        input.dtype()
    );
    let r = Reduction::over(kind.op(), input, dim, keepdim)?;
    let n = r.count as f64;
    let (out, mean) = (r.output(input.dtype())?, r.output(input.dtype())?);
    r.run(&reduce::VAR_MEAN, input, &[&out, &mean], &[n.into(), correction.into(), kind.root().into()])?;
    let plan = r.plan(input);
    let divisor = n - correction;
    attach(&[&out, &mean], kind.node(), &[input], &[Some(input), Some(&out)], move |ctx| {
        let x = ctx.saved(0)?;
        let mut total = match ctx.opt_grad(1) {
            Some(g) => Some(scale(&plan.spread(g)?, 1.0 / n)?),
            None => None,
        };
        if let Some(g) = ctx.opt_grad(0) {
            let mut g = g.clone();
            if kind.root() {
                let y = ctx.saved(1)?;
                let flat = ops::eq(&y.detach(), &Tensor::number(0)?)?;
                g = ops::masked_fill(&ops::div(&g, &scale(&y, 2.0)?)?, &flat, &Tensor::number(0)?)?;
            }
            let mean = if plan.dims.is_empty() { x.clone() } else { ops::mean_dim(&x, Some(&plan.dims), true, None)? };
            // One element has no spread: 0 / 0 here, as in PyTorch's 2 / (N - correction) with N = correction.
            let far = scale(&ops::sub(&x, &mean)?, 2.0 / divisor)?;
            let part = ops::mul(&plan.keep(&g)?, &far)?;
            total = Some(match total {
                Some(t) => ops::add(&t, &part)?,
                None => part,
            });
        }
        Ok(vec![total])
    });
    Ok((out, mean))
}

/// As `moments` for the functions that return one tensor: the mean is no result of theirs.
fn single(kind: Kind, input: &Tensor, dim: Option<&[i64]>, correction: f64, keepdim: bool) -> Result<Tensor> {
    Ok(moments(kind, input, dim, correction, keepdim)?.0)
}

fn of(correction: Option<Scalar>) -> f64 {
    correction.map_or(1.0, Scalar::to_f64)
}

fn quantile_over(
    op: &'static str,
    input: &Tensor,
    q: &Tensor,
    dim: Option<i64>,
    keepdim: bool,
    interpolation: &str,
    skip_nan: bool,
) -> Result<Tensor> {
    ensure!(input.numel() > 0, Runtime, "{op}() input tensor must be non-empty");
    ensure!(q.ndim() <= 1, Shape, "{op}() q must be a scalar or 1D tensor, got shape {:?}", q.shape());
    ensure!(input.dtype().is_float(), DType, "{op}() input tensor must be either float or double dtype, got {}", input.dtype());
    ensure!(
        q.is_wrapped_number() || q.dtype() == input.dtype(),
        DType,
        "{op}() q tensor must be same dtype as the input tensor: {} and {}",
        q.dtype(),
        input.dtype()
    );
    ensure!(
        matches!(interpolation, "linear" | "lower" | "higher" | "midpoint" | "nearest"),
        Value,
        "{op}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
    );
    let qs = ops::to_dtype(q, input.dtype())?;
    demand(op, &qs, &QUANTILE, 0)?;
    // The quantiles are taken along the last dimension.
    let d = dim.map(|d| wrap_dim(op, d, input.ndim())).transpose()?;
    let line = match d {
        None => ops::reshape(input, &[-1])?,
        Some(_) if input.ndim() == 0 => ops::reshape(input, &[-1])?,
        Some(d) => ops::movedim(input, &[d as i64], &[-1])?,
    };
    let (sorted, _) = ops::sort(&line, -1, false, None)?;
    let n = sorted.size(sorted.ndim() - 1);
    let plain = sorted.detach();
    let rank = if skip_nan {
        let numbers = ops::eq(&plain, &plain)?;
        let count = ops::sum_dim(&numbers, Some(&[-1]), true, Some(input.dtype()))?;
        let last = ops::maximum(&ops::sub(&count, &Tensor::number(1)?)?, &Tensor::number(0)?)?;
        ops::mul(&ops::reshape(&qs, &[-1])?, &last)?
    } else {
        let rank = scale(&ops::reshape(&qs, &[-1])?, n as f64 - 1.0)?;
        // A row with NaN in it has NaN for every quantile: its greatest element.
        let greatest = ops::narrow(&plain, -1, &Tensor::number(n as i64 - 1)?, 1)?;
        ops::where_(&ops::ne(&greatest, &greatest)?, &Tensor::number(n as f64 - 1.0)?, &rank)?
    };
    // One rank for every row and quantile: [..., quantiles].
    let mut size = sorted.sizes();
    *size.last_mut().expect("a dimension was made") = rank.size(rank.ndim() - 1) as i64;
    let rank = ops::expand(&rank, &size)?;
    let rank = match interpolation {
        "lower" => ops::floor(&rank)?,
        "higher" => ops::ceil(&rank)?,
        "nearest" => ops::round(&rank, None)?,
        _ => rank,
    };
    let low = ops::floor(&rank.detach())?;
    let take = |at: &Tensor| ops::gather(&sorted, -1, &at.cast_data(DType::I64)?, false);
    let below = take(&low)?;
    let out = if matches!(interpolation, "linear" | "midpoint") {
        let above = take(&ops::ceil(&rank.detach())?)?;
        let weight = if interpolation == "midpoint" { Tensor::full(&[], 0.5, input.dtype())? } else { ops::sub(&rank, &low)? };
        ops::lerp(&below, &above, &weight)?
    } else {
        below
    };
    let out = match d {
        Some(d) if keepdim && input.ndim() > 0 => ops::unsqueeze(&out, d as i64)?,
        _ if keepdim => {
            let mut ones = vec![1; input.ndim()];
            ones.push(out.numel() as i64);
            ops::reshape(&out, &ones)?
        }
        _ => out,
    };
    // Quantiles come first in the result, and not at all for a single one.
    let out = if q.ndim() == 0 { out } else { ops::transpose(&ops::unsqueeze(&out, 0)?, 0, -1)? };
    ops::views::squeezed(&out, -1)
}

/// Refuses weights of observations that do not fit.
fn check_weights(name: &'static str, w: &Tensor, float: bool, observations: usize) -> Result<()> {
    ensure!(w.ndim() <= 1, Shape, "cov(): expected {name} to have one or fewer dimensions but got {name} with {} dimensions", w.ndim());
    if float {
        ensure!(w.dtype().is_float(), DType, "cov(): expected {name} to have floating point dtype but got {name} with {} dtype", w.dtype());
    } else {
        ensure!(w.dtype().is_int(), DType, "cov(): expected {name} to have integral dtype but got {name} with {} dtype", w.dtype());
    }
    ensure!(
        w.numel() == observations,
        Shape,
        "cov(): expected {name} to have the same numel as there are observations in the input but got {} != {observations}",
        w.numel()
    );
    demand(name, w, &WEIGHT, 0)
}

static QUANTILE: Demand = Demand {
    class: Class::Value,
    test: Test::Within(0.0, 1.0),
    input: 0,
    says: |op, _| format!("{op}() q values must be in the range [0, 1]"),
};
/// Of weights, by whose name they are demanded.
static WEIGHT: Demand = Demand {
    class: Class::Value,
    test: Test::Within(0.0, f64::INFINITY),
    input: 0,
    says: |name, found| format!("cov(): {name} cannot be negative, got {}", found.value),
};
static TOTAL: Demand = Demand {
    class: Class::Runtime,
    test: Test::NotZero,
    input: 0,
    says: |_, _| "cov(): weights sum to zero, can't be normalized".into(),
};

ops! {
    /// Variance of all elements; `unbiased` divides by n - 1 instead of n.
    ///
    /// PyTorch: `torch.var`.
    [torch tensor as var]
    fn var_all(input: Tensor, unbiased: bool = true) -> Tensor {
        single(Kind::Var, input, None, unbiased as u8 as f64, false)
    }

    /// Variance over these dimensions; `unbiased` divides by n - 1 instead of n.
    [torch tensor as var]
    fn var_dim(input: Tensor, dim: Option<Vec<i64>>, unbiased: bool = true, keepdim: bool = false) -> Tensor {
        single(Kind::Var, input, dim, unbiased as u8 as f64, keepdim)
    }

    /// Variance over these dimensions with divisor n - `correction`.
    [torch tensor as var]
    fn var_correction(input: Tensor, dim: Option<Vec<i64>> = None, correction: Option<Scalar> = None, keepdim: bool = false) -> Tensor {
        single(Kind::Var, input, dim, of(correction), keepdim)
    }

    /// Standard deviation of all elements; `unbiased` divides by n - 1 instead of n.
    ///
    /// PyTorch: `torch.std`.
    [torch tensor as std]
    fn std_all(input: Tensor, unbiased: bool = true) -> Tensor {
        single(Kind::Std, input, None, unbiased as u8 as f64, false)
    }

    /// Standard deviation over these dimensions; `unbiased` divides by n - 1 instead of n.
    [torch tensor as std]
    fn std_dim(input: Tensor, dim: Option<Vec<i64>>, unbiased: bool = true, keepdim: bool = false) -> Tensor {
        single(Kind::Std, input, dim, unbiased as u8 as f64, keepdim)
    }

    /// Standard deviation over these dimensions with divisor n - `correction`.
    [torch tensor as std]
    fn std_correction(input: Tensor, dim: Option<Vec<i64>> = None, correction: Option<Scalar> = None, keepdim: bool = false) -> Tensor {
        single(Kind::Std, input, dim, of(correction), keepdim)
    }

    /// Variance and mean of all elements.
    ///
    /// PyTorch: `torch.var_mean`.
    [torch as var_mean]
    fn var_mean_all(input: Tensor, unbiased: bool = true) -> (var: Tensor, mean: Tensor) {
        moments(Kind::VarMean, input, None, unbiased as u8 as f64, false)
    }

    /// Variance and mean over these dimensions; `unbiased` divides by n - 1 instead of n.
    [torch as var_mean]
    fn var_mean_dim(input: Tensor, dim: Option<Vec<i64>>, unbiased: bool = true, keepdim: bool = false) -> (var: Tensor, mean: Tensor) {
        moments(Kind::VarMean, input, dim, unbiased as u8 as f64, keepdim)
    }

    /// Variance and mean over these dimensions with divisor n - `correction`.
    [torch as var_mean]
    fn var_mean_correction(input: Tensor, dim: Option<Vec<i64>> = None, correction: Option<Scalar> = None,
                           keepdim: bool = false) -> (var: Tensor, mean: Tensor) {
        moments(Kind::VarMean, input, dim, of(correction), keepdim)
    }

    /// Standard deviation and mean of all elements.
    ///
    /// PyTorch: `torch.std_mean`.
    [torch as std_mean]
    fn std_mean_all(input: Tensor, unbiased: bool = true) -> (std: Tensor, mean: Tensor) {
        moments(Kind::StdMean, input, None, unbiased as u8 as f64, false)
    }

    /// Standard deviation and mean over these dimensions; `unbiased` divides by n - 1 instead of n.
    [torch as std_mean]
    fn std_mean_dim(input: Tensor, dim: Option<Vec<i64>>, unbiased: bool = true, keepdim: bool = false) -> (std: Tensor, mean: Tensor) {
        moments(Kind::StdMean, input, dim, unbiased as u8 as f64, keepdim)
    }

    /// Standard deviation and mean over these dimensions with divisor n - `correction`.
    [torch as std_mean]
    fn std_mean_correction(input: Tensor, dim: Option<Vec<i64>> = None, correction: Option<Scalar> = None,
                           keepdim: bool = false) -> (std: Tensor, mean: Tensor) {
        moments(Kind::StdMean, input, dim, of(correction), keepdim)
    }

    /// The q-th quantiles along a dimension (of all elements without one); several of them stand in a new first
    /// dimension. `interpolation`: 'linear', 'lower', 'higher', 'midpoint' or 'nearest'.
    ///
    /// PyTorch: `torch.quantile`.
    [torch tensor]
    fn quantile(input: Tensor, q: Operand, dim: Option<i64> = None, keepdim: bool = false, interpolation: String = "linear") -> Tensor {
        quantile_over("quantile", input, q, dim, keepdim, interpolation, false)
    }

    /// As `quantile` over the elements that are not NaN.
    ///
    /// PyTorch: `torch.nanquantile`.
    [torch tensor]
    fn nanquantile(input: Tensor, q: Operand, dim: Option<i64> = None, keepdim: bool = false, interpolation: String = "linear") -> Tensor {
        quantile_over("nanquantile", input, q, dim, keepdim, interpolation, true)
    }

    /// Covariances of variables (rows) over observations (columns), which may have integer and real weights.
    ///
    /// PyTorch: `torch.cov`.
    [torch tensor]
    fn cov(input: Tensor, correction: i64 = 1, fweights: Option<Tensor> = None, aweights: Option<Tensor> = None) -> Tensor {
        ensure!(
            input.ndim() <= 2,
            Shape,
            "cov(): expected input to have two or fewer dimensions but got an input with {} dimensions",
            input.ndim()
        );
        ensure!(input.dtype() != DType::Bool, DType, "cov(): bool dtype is not supported for input");
        let x = if input.ndim() < 2 { ops::reshape(input, &[1, -1])? } else { input.clone() };
        let n = x.shape()[1];
        if let Some(w) = fweights {
            check_weights("fweights", w, false, n)?;
        }
        if let Some(w) = aweights {
            check_weights("aweights", w, true, n)?;
        }
        let weight = match (fweights, aweights) {
            (None, None) => None,
            (Some(w), None) | (None, Some(w)) => Some(w.clone()),
            (Some(f), Some(a)) => Some(ops::mul(f, a)?),
        };
        let (total, mean) = match &weight {
            None => (Tensor::full(&[], n as i64, DType::I64)?, {
                let sum = ops::sum_dim(&x, Some(&[1]), true, None)?;
                ops::div(&sum, &Tensor::number(n as f64)?)?
            }),
            Some(w) => {
                let total = ops::sum(w, None)?;
                if n > 0 {
                    demand("cov", &total, &TOTAL, 0)?;
                }
                let sum = ops::sum_dim(&ops::mul(&x, w)?, Some(&[1]), true, None)?;
                let mean = ops::div(&sum, &total)?;
                (total, mean)
            }
        };
        let norm = match (&weight, aweights) {
            (Some(w), Some(a)) if correction != 0 => {
                let wa = ops::div(&ops::sum(&ops::mul(w, a)?, None)?, &total)?;
                ops::sub(&total, &scale(&wa, correction as f64)?)?
            }
            _ => ops::sub(&total, &Tensor::number(correction)?)?,
        };
        // Too few observations make the divisor zero, not negative.
        let norm = ops::clamp_min(&norm, &Tensor::number(0)?)?;
        let centred = ops::sub(&x, &mean)?;
        let right = match &weight {
            Some(w) => ops::mul(&centred, w)?,
            None => centred.clone(),
        };
        let out = ops::div(&ops::matmul(&centred, &ops::t(&right)?)?, &norm)?;
        ops::squeeze(&out)
    }

    /// Pearson correlation coefficients of variables (rows) over observations (columns).
    ///
    /// PyTorch: `torch.corrcoef`.
    [torch tensor]
    fn corrcoef(input: Tensor) -> Tensor {
        ensure!(
            input.ndim() <= 2,
            Shape,
            "corrcoef(): expected input to have two or fewer dimensions but got an input with {} dimensions",
            input.ndim()
        );
        let c = ops::cov(input, 1, None, None)?;
        if c.ndim() == 0 {
            return ops::div(&c, &c);
        }
        let spread = ops::sqrt(&ops::diagonal(&c, 0, 0, 1)?)?;
        let rows = ops::div(&c, &ops::unsqueeze(&spread, 1)?)?;
        let out = ops::div(&rows, &ops::unsqueeze(&spread, 0)?)?;
        // Rounding may leave the interval.
        ops::clamp(&out, Some((-1.0).into()), Some(1.0.into()))
    }
}
