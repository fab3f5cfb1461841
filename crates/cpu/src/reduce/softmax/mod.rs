//! Softmax, its logarithm, their backward passes, and log-sum-exp, along one dimension.
//!
//! float32 goes four at a time (`single`): along a contiguous row, else across neighbouring rows. float64 has plain loops
//! (`double`). Which way a row goes depends on strides alone, so that its bits do not depend on the rows beside it.

mod double;
mod single;

use crate::launch::{Kernel, Launch, View};
use cresset_lane::DType;

/// `exp(x) / sum(exp(x))` along `dim`. `ins: [x]`, `outs: [y]`, `attrs: [dim]`.
pub const SOFTMAX: Kernel = Kernel::new("softmax", softmax).with_split(crate::threads::rows::<1000>);
/// `x - log(sum(exp(x)))` along `dim`. `ins: [x]`, `outs: [y]`, `attrs: [dim]`.
pub const LOG_SOFTMAX: Kernel = Kernel::new("log_softmax", log_softmax).with_split(crate::threads::rows::<1000>);
/// `y * (g - sum(g * y))`. `ins: [g, y]`, `outs: [dx]`, `attrs: [dim]`.
pub const SOFTMAX_BACKWARD: Kernel =
    Kernel::new("softmax_backward", softmax_backward).with_split(crate::threads::rows::<400>);
/// `g - exp(y) * sum(g)`. `ins: [g, y]`, `outs: [dx]`, `attrs: [dim]`.
pub const LOG_SOFTMAX_BACKWARD: Kernel =
    Kernel::new("log_softmax_backward", log_softmax_backward).with_split(crate::threads::rows::<1000>);
/// `log(sum(exp(x)))` along `dim`, without overflow. `ins: [x]`, `outs: [y]` (size one in `dim`), `attrs: [dim]`.
pub const LOGSUMEXP: Kernel = Kernel::new("logsumexp", logsumexp).with_split(crate::threads::kept::<1000, 8>);

/// What is made of a row and the sum of its exponentials.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forward {
    Softmax,
    LogSoftmax,
    LogSumExp,
}

/// Size and stride of `dim`; a scalar is a row of one.
fn along(v: &View, dim: usize) -> (usize, isize) {
    if v.shape.is_empty() { (1, 1) } else { (v.shape[dim], v.strides[dim]) }
}

fn is_single(l: &Launch) -> bool {
    l.outs[0].dtype == DType::F32
}

fn softmax(l: &Launch) {
    if is_single(l) { single::forward(l, Forward::Softmax) } else { double::forward(l, false) }
}

fn log_softmax(l: &Launch) {
    if is_single(l) { single::forward(l, Forward::LogSoftmax) } else { double::forward(l, true) }
}

fn logsumexp(l: &Launch) {
    if is_single(l) { single::forward(l, Forward::LogSumExp) } else { double::logsumexp(l) }
}

fn softmax_backward(l: &Launch) {
    if is_single(l) { single::backward::<false>(l) } else { double::backward(l, false) }
}

fn log_softmax_backward(l: &Launch) {
    if is_single(l) { single::backward::<true>(l) } else { double::backward(l, true) }
}

/// `exp(x) * by`, element by element, of log-probabilities.
pub(super) trait ExpTimes: Sized {
    fn exp_times(x: &[Self], by: &[Self], out: &mut [Self]);
}

impl ExpTimes for f32 {
    #[inline(always)]
    fn exp_times(x: &[f32], by: &[f32], out: &mut [f32]) {
        single::exp_times(x, by, out);
    }
}

impl ExpTimes for f64 {
    #[inline(always)]
    fn exp_times(x: &[f64], by: &[f64], out: &mut [f64]) {
        out.iter_mut().zip(x).zip(by).for_each(|((out, x), by)| *out = libm::exp(*x) * by);
    }
}
