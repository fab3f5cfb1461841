//! The negative log likelihood of given classes.

use crate::by_dtype::float_dtype;
use crate::launch::{Kernel, Launch, View};

/// `-weight[t] * x[n, t, s]` at the classes `t = target[n, s]`: each, their mean by weight, or their sum.
///
/// `ins: [x, target, weight?]` ([n, c, s], int64 [n, s], [c]), `outs: [loss, total]`: `loss` is [n, s] without reduction
/// and a scalar otherwise, `total` the scalar sum of the weights. `attrs: [reduction, ignored]`: 0 none, 1 mean, 2 sum;
/// targets equal to `ignored` count for nothing.
pub const NLL_LOSS: Kernel = Kernel::new("nll_loss", forward);

/// The gradient of `NLL_LOSS` for `x`.
///
/// `ins: [g, target, total, weight?]` (`g` is [n, s], expanded if the loss was reduced), `outs: [dx]` ([n, c, s], contiguous,
/// all of it set by the kernel), `attrs` as in `NLL_LOSS`.
pub const NLL_LOSS_BACKWARD: Kernel = Kernel::new("nll_loss_backward", backward);

/// Calls `f(n, s, class)` for every target that is not ignored.
fn each_target(target: &View, ignored: i64, mut f: impl FnMut(isize, isize, isize)) {
    let p = target.ptr.cast::<i64>().cast_const();
    for n in 0..target.shape[0] as isize {
        for s in 0..target.shape[1] as isize {
            let t = unsafe { *p.offset(n * target.strides[0] + s * target.strides[1]) };
            if t != ignored {
                f(n, s, t as isize);
            }
        }
    }
}

fn forward(l: &Launch) {
    let (x, target, loss, total) = (&l.ins[0], &l.ins[1], &l.outs[0], &l.outs[1]);
    let (reduction, ignored) = (l.attrs[0].i(), l.attrs[1].i());
    float_dtype!(x.dtype, T => {
        let weight = |t: isize| match l.ins.get(2) {
            Some(w) => unsafe { *w.ptr.cast::<T>().offset(t * w.strides[0]) },
            None => 1.0,
        };
        let at = |n: isize, t: isize, s: isize| unsafe {
            *x.ptr.cast::<T>().offset(n * x.strides[0] + t * x.strides[1] + s * x.strides[2])
        };
        let p = loss.ptr.cast::<T>();
        if reduction == 0 {
            let place = |n: isize, s: isize| n * loss.strides[0] + s * loss.strides[1];
            for n in 0..loss.shape[0] as isize {
                (0..loss.shape[1] as isize).for_each(|s| unsafe { *p.offset(place(n, s)) = 0.0 });
            }
            each_target(target, ignored, |n, s, t| unsafe { *p.offset(place(n, s)) = -weight(t) * at(n, t, s) });
            return unsafe { *total.ptr.cast::<T>() = 0.0 };
        }
        let (mut sum, mut weights) = (0f64, 0f64);
        each_target(target, ignored, |n, s, t| {
            sum -= weight(t) as f64 * at(n, t, s) as f64;
            weights += weight(t) as f64;
        });
        unsafe {
            *p = if reduction == 1 { sum / weights } else { sum } as T;
            *total.ptr.cast::<T>() = weights as T;
        }
    })
}

fn backward(l: &Launch) {
    let (g, target, total, dx) = (&l.ins[0], &l.ins[1], &l.ins[2], &l.outs[0]);
    let (reduction, ignored) = (l.attrs[0].i(), l.attrs[1].i());
    float_dtype!(g.dtype, T => {
        let weight = |t: isize| match l.ins.get(3) {
            Some(w) => unsafe { *w.ptr.cast::<T>().offset(t * w.strides[0]) },
            None => 1.0,
        };
        let (p, [sn, sc, ss]) = (dx.ptr.cast::<T>(), [dx.strides[0], dx.strides[1], dx.strides[2]]);
        unsafe { dx.slice_mut::<T>() }.fill(0.0);
        let divisor = if reduction == 1 { unsafe { *total.ptr.cast::<T>() } } else { 1.0 };
        each_target(target, ignored, |n, s, t| unsafe {
            let g = *g.ptr.cast::<T>().offset(n * g.strides[0] + s * g.strides[1]);
            *p.offset(n * sn + t * sc + s * ss) = -weight(t) * g / divisor;
        });
    })
}
