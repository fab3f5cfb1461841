//! Rounding.

use crate::lane::expr::rounding as expr;
use crate::{Tensor, ensure, ops, pointwise};

ops! {
    /// The largest integer not above each element. Integers stay as they are.
    ///
    /// PyTorch: `torch.floor`.
    [torch tensor inplace direct]
    fn floor(input: Tensor) -> Tensor {
        if input.dtype().is_int() {
            return ops::clone(input);
        }
        ops::not_bool("floor", &[input])?;
        pointwise::real::<expr::floor::Op>("FloorBackward0", &[input], &[])
    }

    /// The smallest integer not below each element. Integers stay as they are.
    ///
    /// PyTorch: `torch.ceil`.
    [torch tensor inplace direct]
    fn ceil(input: Tensor) -> Tensor {
        if input.dtype().is_int() {
            return ops::clone(input);
        }
        ops::not_bool("ceil", &[input])?;
        pointwise::real::<expr::ceil::Op>("CeilBackward0", &[input], &[])
    }

    /// Each element without its fraction. Integers stay as they are.
    ///
    /// PyTorch: `torch.trunc`.
    [torch tensor inplace direct "fix"]
    fn trunc(input: Tensor) -> Tensor {
        if input.dtype().is_int() {
            return ops::clone(input);
        }
        ops::not_bool("trunc", &[input])?;
        pointwise::real::<expr::trunc::Op>("TruncBackward0", &[input], &[])
    }

    /// The nearest integer, halves to the even one; with `decimals`, that many digits stay (of the integer part, where
    /// negative, become 0). Integers stay as they are and take no decimals.
    ///
    /// PyTorch: `torch.round`.
    [torch tensor inplace direct "special.round"]
    fn round(input: Tensor, decimals: Option<i64> = None) -> Tensor {
        let name = if decimals.is_some() { "RoundBackward1" } else { "RoundBackward0" };
        let decimals = decimals.unwrap_or(0);
        if input.dtype().is_int() {
            ensure!(decimals == 0, NotImplemented, "round: decimals are not supported for integers ({})", input.dtype());
            return ops::clone(input);
        }
        ops::not_bool("round", &[input])?;
        let scale = 10f64.powi(decimals.unsigned_abs().min(400) as i32);
        match decimals {
            0 => pointwise::real::<expr::round::Op>(name, &[input], &[]),
            1.. => pointwise::real::<expr::round_finer::Op>(name, &[input], &[scale]),
            _ => pointwise::real::<expr::round_coarser::Op>(name, &[input], &[scale]),
        }
    }

    /// The fraction that `trunc` cuts off. Floats only.
    ///
    /// PyTorch: `torch.frac`.
    [torch tensor inplace direct]
    fn frac(input: Tensor) -> Tensor {
        ops::needs_float("frac", &[input])?;
        pointwise::real::<expr::frac::Op>("FracBackward0", &[input], &[])
    }
}
