//! Average pooling and its gradient.

use cresset_lane::DType;

use super::*;
use crate::by_dtype::wide_dtype;
use crate::gemm::num::Num;
use crate::{Kernel, Launch};

/// ins: x; outs: y. attrs: kernel (3), stride (3), padding (3), whether padding counts, a divisor (0: the window's size).
/// Integers divide towards zero.
pub const AVG_POOL: Kernel = Kernel::new("avg_pool", forward).with_split(crate::threads::planes::<4000>);

/// ins: dy; outs: dx. attrs as `AVG_POOL`.
pub const AVG_POOL_BACKWARD: Kernel =
    Kernel::new("avg_pool_backward", backward).with_split(crate::threads::planes::<4000>);

/// ins: x; outs: y, whose size is the argument.
pub const ADAPTIVE_AVG_POOL: Kernel =
    Kernel::new("adaptive_avg_pool", adaptive_forward).with_split(crate::threads::planes::<4000>);

/// ins: dy; outs: dx.
pub const ADAPTIVE_AVG_POOL_BACKWARD: Kernel =
    Kernel::new("adaptive_avg_pool_backward", adaptive_backward).with_split(crate::threads::planes::<4000>);

/// A window cut to the input, and what its sum is divided by.
type Window = ([Span; 3], i64);

fn rule(launch: &Launch, input: [usize; 3]) -> impl Fn([usize; 3]) -> Window + use<> {
    let [kernel, stride, padding] = [0, 3, 6].map(|at| attrs3(launch.attrs, at));
    let (padding_counts, divisor) = (launch.attrs[9].b(), launch.attrs[10].i());
    move |o| {
        let mut whole = 1;
        let mut inside = 1;
        let spans = std::array::from_fn(|d| {
            let first = o[d] * stride[d];
            let last = (first + kernel[d]).min(input[d] + 2 * padding[d]);
            let start = first.saturating_sub(padding[d]);
            let end = last.saturating_sub(padding[d]).min(input[d]).max(start);
            whole *= last.saturating_sub(first) as i64;
            inside *= (end - start) as i64;
            Span { start, end, step: 1 }
        });
        let size = if padding_counts { whole } else { inside };
        (spans, if divisor == 0 { size } else { divisor })
    }
}

fn adaptive_rule(input: [usize; 3], output: [usize; 3]) -> impl Fn([usize; 3]) -> Window {
    move |o| {
        let spans: [Span; 3] = std::array::from_fn(|d| adaptive(input[d], output[d], o[d]));
        (spans, spans.iter().map(|s| (s.end - s.start) as i64).product())
    }
}

fn divide<T: Num>(sum: T, by: i64) -> T {
    if T::DTYPE == DType::F32 {
        T::from_f64((sum.to_f64() as f32 / by as f32) as f64)
    } else if T::DTYPE.is_float() {
        T::from_f64(sum.to_f64() / by as f64)
    } else {
        T::from_i64(sum.to_i64() / if by == 0 { 1 } else { by })
    }
}

fn average<T: Num>(launch: &Launch, window: impl Fn([usize; 3]) -> Window) {
    let (x, y) = (&launch.ins[0], &launch.outs[0]);
    let output = three(y.shape);
    for (n, c) in planes(x) {
        let (from, to) = (plane::<T>(x, n, c), plane::<T>(y, n, c));
        for o in positions(output) {
            let ([ds, hs, ws], by) = window(o);
            let mut sum = T::default();
            let mut any = false;
            for d in ds.start..ds.end {
                for h in hs.start..hs.end {
                    for w in ws.start..ws.end {
                        sum = sum.plus(unsafe { *from.at([d, h, w]) });
                        any = true;
                    }
                }
            }
            // A window wholly in the padding (ceil mode) gives 0, as in PyTorch.
            unsafe { *to.at(o) = if any { divide(sum, by) } else { T::default() } };
        }
    }
}

fn spread<T: Num>(launch: &Launch, window: impl Fn([usize; 3]) -> Window) {
    let (dy, dx) = (&launch.ins[0], &launch.outs[0]);
    let (input, output) = (three(dx.shape), three(dy.shape));
    for (n, c) in planes(dx) {
        let (from, to) = (plane::<T>(dy, n, c), plane::<T>(dx, n, c));
        unsafe { fill_zero(&to, input) };
        for o in positions(output) {
            let ([ds, hs, ws], by) = window(o);
            let part = divide(unsafe { *from.at(o) }, by);
            for d in ds.start..ds.end {
                for h in hs.start..hs.end {
                    for w in ws.start..ws.end {
                        let at = unsafe { to.at([d, h, w]) };
                        unsafe { *at = (*at).plus(part) };
                    }
                }
            }
        }
    }
}

fn forward(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        average::<T>(launch, rule(launch, three(launch.ins[0].shape)));
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch))
}

fn backward(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        spread::<T>(launch, rule(launch, three(launch.outs[0].shape)));
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch))
}

fn adaptive_forward(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        average::<T>(launch, adaptive_rule(three(launch.ins[0].shape), three(launch.outs[0].shape)));
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch))
}

fn adaptive_backward(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        spread::<T>(launch, adaptive_rule(three(launch.outs[0].shape), three(launch.ins[0].shape)));
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch))
}
