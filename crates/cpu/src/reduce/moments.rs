//! Variance, standard deviation and mean together.

use super::fold::{Fold, fold_into, row};
use super::sum::{Plain, plain};
use crate::by_dtype::float_dtype;
use crate::launch::{Kernel, Launch};
use crate::number::Float;
use std::marker::PhantomData;

/// Variance (or its root) and mean in two passes over memory: the mean first, then the squared distances from it,
/// which loses no digits when the mean is large.
///
/// `ins: [x]`, `outs: [variance, mean]` (rank of `x`, size one where it is reduced), `attrs: [count: f64, correction:
/// f64, root: bool]`, where `count` is the number of elements behind each result. The divisor is
/// `max(0, count - correction)`, as in PyTorch.
pub const VAR_MEAN: Kernel = Kernel::new("var_mean", var_mean).with_split(crate::threads::kept::<800, 8>);

/// Sum of squared distances from means that stand in memory.
#[derive(Clone, Copy)]
struct Distance<T> {
    means: *const T,
}

impl<T: Float> Fold for Distance<T> {
    type In = T;
    /// (mean, sum)
    type Acc = (T, T);
    #[inline(always)]
    fn start(self, at: isize) -> (T, T) {
        (unsafe { *self.means.offset(at) }, T::ZERO)
    }
    #[inline(always)]
    fn step(self, (mean, sum): (T, T), x: T) -> (T, T) {
        let d = x.minus(mean);
        (mean, sum.plus(d.times(d)))
    }
    #[inline(always)]
    fn merge(self, (mean, a): (T, T), (_, b): (T, T)) -> (T, T) {
        (mean, a.plus(b))
    }
}

fn var_mean(l: &Launch) {
    let (count, correction, root) = (l.attrs[0].f(), l.attrs[1].f(), l.attrs[2].b());
    let (var, mean) = (&l.outs[0], &l.outs[1]);
    let divisor = (count - correction).max(0.0);
    float_dtype!(l.ins[0].dtype, T => {
        let means = Launch { scratch: l.scratch, ..Launch::new(&l.outs[1..], l.ins, &[]) };
        plain(&means, 0.0, |a: T, x: T| a + x, |a, b| a + b, |a| a / count as T);
        let p = var.ptr.cast::<T>();
        fold_into(Distance { means: mean.ptr.cast::<T>().cast_const() }, &l.ins[0], var, mean, |(_, sum), o, _| {
            let v = sum / divisor as T;
            unsafe { *p.offset(o) = if root { v.sqrt() } else { v } }
        });
    })
}

/// Mean and variance (divided by the count) of contiguous elements, as `VAR_MEAN` has them.
pub(super) fn mean_and_variance<T: Float>(xs: &[T]) -> (T, T) {
    let count = T::of(xs.len() as f64);
    let total =
        Plain { start: T::ZERO, step: |a: T, x: T| a.plus(x), merge: |a: T, b| a.plus(b), read: PhantomData::<T> };
    let mean = unsafe { row(total, T::ZERO, xs.as_ptr(), xs.len(), 1) }.over(count);
    let distance = Distance { means: &raw const mean };
    let (_, sum) = unsafe { row(distance, distance.start(0), xs.as_ptr(), xs.len(), 1) };
    (mean, sum.over(count))
}
