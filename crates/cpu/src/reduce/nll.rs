//! The negative log likelihood of given classes, and its gradient: for the log-probabilities, and through the log-softmax that
//! they are of (cross entropy).

use super::softmax::ExpTimes;
use crate::by_dtype::float_dtype;
use crate::launch::{Kernel, Launch, View};
use crate::threads::{Split, WHOLE};

/// The loss of a target `t = target[n, s]` is `-weight[t] * x[n, t, s]`; of it a share `smoothing` goes to all classes:
/// `-(1 - smoothing) * weight[t] * x[n, t, s] - smoothing / c * sum(weight[k] * x[n, k, s])`. Each, their mean by weight, or
/// their sum.
///
/// `ins: [x, target, weight?]` ([n, c, s], int64 [n, s], [c]), `outs: [loss, total]`: `loss` is [n, s] without reduction
/// and a scalar otherwise, `total` the scalar sum of the targets' weights. `attrs: [reduction, ignored, smoothing]`: 0 none,
/// 1 mean, 2 sum; targets equal to `ignored` count for nothing.
pub const NLL_LOSS: Kernel = Kernel::new("nll_loss", forward);

/// The gradient of `NLL_LOSS` for `x`.
///
/// `ins: [g, target, total, weight?]` (`g` is [n, s], expanded if the loss was reduced), `outs: [dx]` ([n, c, s], contiguous,
/// all of it set by the kernel), `attrs` as in `NLL_LOSS`.
pub const NLL_LOSS_BACKWARD: Kernel = Kernel::new("nll_loss_backward", |l| backward(l, None, l.ins.get(3)));

/// The gradient of `NLL_LOSS` for what `x` is the log-softmax of, in one pass: `d - exp(x) * sum(d)` where `d` is the gradient for `x`.
///
/// `ins: [g, target, total, x, weight?, its sum?]`, `outs: [dx]`: `x` and `dx` have the same strides, by which classes or places are
/// neighbours; with a weight and smoothing the sum of the weights is there too, a scalar. Else as `NLL_LOSS_BACKWARD`.
pub const CROSS_ENTROPY_BACKWARD: Kernel =
    Kernel::new("cross_entropy_backward", |l| backward(l, Some(&l.ins[3]), l.ins.get(4))).with_split(images);

/// Images, or the places of few large ones. An element takes about a nanosecond: its exponential.
fn images(l: &Launch) -> Option<Split> {
    let shape = l.outs[0].shape;
    let by_image = shape[0] > 1 && (shape[0] >= 8 || shape[2] < 2 * BLOCK);
    let (dim, place) = if by_image { (0, 0) } else { (2, 1) };
    let split = Split::all(l, dim, if by_image { 1 } else { BLOCK }, l.outs[0].numel());
    Some(split.but(&[(1, place), (2, place), (3, WHOLE), (5, WHOLE), (6, WHOLE)]))
}

/// `class` of the target at `n` and `s`, unless it is the ignored one.
fn class_at(target: &View, ignored: i64, n: usize, s: usize) -> Option<isize> {
    let at = n as isize * target.strides[0] + s as isize * target.strides[1];
    let class = unsafe { *target.ptr.cast::<i64>().offset(at) };
    (class != ignored).then_some(class as isize)
}

fn forward(l: &Launch) {
    let (x, target, loss, total) = (&l.ins[0], &l.ins[1], &l.outs[0], &l.outs[1]);
    let (reduction, ignored, smoothing) = (l.attrs[0].i(), l.attrs[1].i(), l.attrs[2].f());
    let ([images, places], classes) = ([target.shape[0], target.shape[1]], x.shape[1]);
    float_dtype!(x.dtype, T => {
        let weight = |class: isize| match l.ins.get(2) {
            Some(w) => unsafe { *w.ptr.cast::<T>().offset(class * w.strides[0]) as f64 },
            None => 1.0,
        };
        let term = |n: usize, s: usize, class: isize| unsafe {
            let at = n as isize * x.strides[0] + class * x.strides[1] + s as isize * x.strides[2];
            -weight(class) * *x.ptr.cast::<T>().offset(at) as f64
        };
        let (mut sum, mut weights) = (0f64, 0f64);
        for (n, from) in (0..images).flat_map(|n| (0..places).step_by(BLOCK).map(move |s| (n, s))) {
            let count = BLOCK.min(places - from);
            // What all classes add, at these places.
            let mut alls = [0f64; BLOCK];
            if smoothing != 0.0 && x.strides[1] == 1 && l.ins.len() == 2 {
                for (s, all) in (from..).zip(&mut alls[..count]) {
                    let at = n as isize * x.strides[0] + s as isize * x.strides[2];
                    let row = unsafe { std::slice::from_raw_parts(x.ptr.cast::<T>().offset(at), classes) };
                    // Several sums side by side: each has to wait for itself.
                    let mut sums = [0f64; 8];
                    let runs = row.chunks(sums.len());
                    runs.for_each(|run| sums.iter_mut().zip(run).for_each(|(sum, x)| *sum -= *x as f64));
                    *all = sums.iter().sum();
                }
            } else if smoothing != 0.0 {
                for class in 0..classes as isize {
                    (from..).zip(&mut alls[..count]).for_each(|(s, all)| *all += term(n, s, class));
                }
            }
            for (s, all) in (from..).zip(&alls[..count]) {
                let class = class_at(target, ignored, n, s);
                let own = class.map_or(0.0, |class| match smoothing {
                    0.0 => term(n, s, class),
                    _ => (1.0 - smoothing) * term(n, s, class) + smoothing / classes as f64 * all,
                });
                if reduction == 0 {
                    let at = n as isize * loss.strides[0] + s as isize * loss.strides[1];
                    unsafe { *loss.ptr.cast::<T>().offset(at) = own as T };
                } else if let Some(class) = class {
                    sum += own;
                    weights += weight(class);
                }
            }
        }
        unsafe {
            if reduction != 0 {
                *loss.ptr.cast::<T>() = if reduction == 1 { sum / weights } else { sum } as T;
            }
            *total.ptr.cast::<T>() = weights as T;
        }
    })
}

/// Elements whose exponentials are taken at once.
const BLOCK: usize = 64;

/// What a target's gradient is made of: `exp(x) * all - weight[k] * each`, and at its class `own` less.
#[derive(Clone, Copy, Default)]
struct Share<T> {
    own: T,
    each: T,
    all: T,
    class: Option<isize>,
}

fn backward(l: &Launch, logs: Option<&View>, weights: Option<&View>) {
    let (g, target, total, dx) = (&l.ins[0], &l.ins[1], &l.ins[2], &l.outs[0]);
    let (reduction, ignored, smoothing) = (l.attrs[0].i(), l.attrs[1].i(), l.attrs[2].f());
    let [images, classes, places] = [dx.shape[0], dx.shape[1], dx.shape[2]];
    float_dtype!(g.dtype, T => {
        let weight = |class: isize| match weights {
            Some(w) => unsafe { *w.ptr.cast::<T>().offset(class * w.strides[0]) },
            None => 1.0,
        };
        // All weights: without a log-softmax nobody asks.
        let all_weights = match l.ins.get(5) {
            Some(sum) => unsafe { *sum.ptr.cast::<T>() },
            None => classes as T,
        };
        let divisor = if reduction == 1 { unsafe { *total.ptr.cast::<T>() } } else { 1.0 };
        let share = |n: usize, s: usize| {
            let Some(class) = class_at(target, ignored, n, s) else { return Share::default() };
            let g = unsafe { *g.ptr.cast::<T>().offset(n as isize * g.strides[0] + s as isize * g.strides[1]) };
            let own = weight(class) * g / divisor * (1.0 - smoothing) as T;
            let each = if smoothing == 0.0 { 0.0 } else { g / divisor * (smoothing / classes as f64) as T };
            Share { own, each, all: own + each * all_weights, class: Some(class) }
        };
        // Runs of up to `BLOCK` neighbours: a row's classes, or one class at several places.
        let run = |at: isize, alls: &[T]| {
            let out = unsafe { std::slice::from_raw_parts_mut(dx.ptr.cast::<T>().offset(at), alls.len()) };
            match logs {
                Some(x) => T::exp_times(unsafe { std::slice::from_raw_parts(x.ptr.cast::<T>().offset(at), alls.len()) }, alls, out),
                None => out.fill(0.0),
            }
            out
        };
        let minus = |at: isize, v: T| unsafe { *dx.ptr.cast::<T>().offset(at) -= v };
        let image = |n: usize| n as isize * dx.strides[0];
        if dx.strides[1] == 1 {
            for (n, s) in (0..images).flat_map(|n| (0..places).map(move |s| (n, s))) {
                let (share, row) = (share(n, s), image(n) + s as isize * dx.strides[2]);
                let alls = [share.all; BLOCK];
                for from in (0..classes).step_by(BLOCK) {
                    let out = run(row + from as isize, &alls[..BLOCK.min(classes - from)]);
                    if smoothing != 0.0 && weights.is_none() {
                        out.iter_mut().for_each(|v| *v -= share.each);
                    } else if smoothing != 0.0 {
                        out.iter_mut().zip(from as isize..).for_each(|(v, class)| *v -= weight(class) * share.each);
                    }
                }
                if let Some(class) = share.class {
                    minus(row + class, share.own);
                }
            }
            return;
        }
        for (n, from) in (0..images).flat_map(|n| (0..places).step_by(BLOCK).map(move |s| (n, s))) {
            let count = BLOCK.min(places - from);
            let shares: [Share<T>; BLOCK] =
                std::array::from_fn(|j| if j < count { share(n, from + j) } else { Share::default() });
            let alls = shares.map(|share| share.all);
            let at = |class: isize| image(n) + class * dx.strides[1] + from as isize;
            for class in 0..classes as isize {
                let out = run(at(class), &alls[..count]);
                if smoothing != 0.0 {
                    let weight = weight(class);
                    out.iter_mut().zip(&shares).for_each(|(v, share)| *v -= weight * share.each);
                }
            }
            for (j, share) in shares.iter().enumerate() {
                if let Some(class) = share.class {
                    minus(at(class) + j as isize, share.own);
                }
            }
        }
    })
}
