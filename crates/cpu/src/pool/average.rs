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

/// What windows cover, dimension by dimension, and what their sums are divided by.
struct Windows {
    input: [usize; 3],
    output: [usize; 3],
    /// None: adaptive.
    sizes: Option<Sizes>,
    padding_counts: bool,
    divisor: i64,
}

struct Sizes {
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
}

impl Windows {
    fn plain(launch: &Launch, input: &View, output: &View) -> Windows {
        let [kernel, stride, padding] = [0, 3, 6].map(|at| attrs3(launch.attrs, at));
        let (padding_counts, divisor) = (launch.attrs[9].b(), launch.attrs[10].i());
        let sizes = Some(Sizes { kernel, stride, padding });
        Windows { input: three(input.shape), output: three(output.shape), sizes, padding_counts, divisor }
    }

    fn adaptive(input: &View, output: &View) -> Windows {
        let (input, output) = (three(input.shape), three(output.shape));
        Windows { input, output, sizes: None, padding_counts: false, divisor: 0 }
    }

    /// What output `o` covers of dimension `d`, and how many elements of it count.
    fn span(&self, d: usize, o: usize) -> (Span, i64) {
        let Some(Sizes { kernel, stride, padding }) = &self.sizes else {
            let span = adaptive(self.input[d], self.output[d], o);
            return (span, (span.end - span.start) as i64);
        };
        let first = o * stride[d];
        let last = (first + kernel[d]).min(self.input[d] + 2 * padding[d]);
        let start = first.saturating_sub(padding[d]);
        let end = last.saturating_sub(padding[d]).min(self.input[d]).max(start);
        let count = if self.padding_counts { last.saturating_sub(first) } else { end - start };
        (Span { start, end, step: 1 }, count as i64)
    }

    /// The windows of a row that lie inside it, and that one covers `kernel` elements from `start` on.
    fn inside(&self) -> (std::ops::Range<usize>, impl Fn(usize) -> Span) {
        let (mut range, mut across) = (0..0, (0, 1, 0));
        if let Some(Sizes { kernel, stride, padding }) = &self.sizes {
            across = (kernel[2], stride[2], padding[2]);
            let first = padding[2].div_ceil(stride[2]);
            let end = (self.input[2] + padding[2]).checked_sub(kernel[2]).map_or(0, |last| last / stride[2] + 1);
            range = first..end.min(self.output[2]);
        }
        let (kernel, stride, padding) = across;
        (range, move |o| {
            let start = o * stride - padding;
            Span { start, end: start + kernel, step: 1 }
        })
    }

    /// What a sum over a window is divided by.
    fn by(&self, counts: [i64; 3]) -> i64 {
        if self.divisor == 0 { counts.iter().product() } else { self.divisor }
    }

    /// Calls `f` with each row of outputs: depth, height, what it covers of them, and the counts.
    fn rows(&self, mut f: impl FnMut([usize; 3], [Span; 2], [i64; 2])) {
        for d in 0..self.output[0] {
            let (depth, dn) = self.span(0, d);
            for h in 0..self.output[1] {
                let (height, hn) = self.span(1, h);
                f([d, h, 0], [depth, height], [dn, hn]);
            }
        }
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

fn average<T: Num>(launch: &Launch, windows: &Windows) {
    let (x, y) = (&launch.ins[0], &launch.outs[0]);
    let across = windows.sizes.as_ref().map(|s| rows::Across {
        kernel: s.kernel[2],
        stride: s.stride[2],
        padding: s.padding[2],
        dilation: 1,
    });
    let inside = across.and_then(|across| rows::range(&across, x, y));
    for (n, c) in planes(x) {
        let (from, to) = (plane::<T>(x, n, c), plane::<T>(y, n, c));
        windows.rows(|at, spans, [dn, hn]| unsafe {
            let [ds, hs] = spans;
            let to = to.at(at);
            let mut by_four = (0, 0);
            if let (Some(inside), Some(across)) = (inside, across) {
                by_four = inside;
                let from = Plane { ptr: from.ptr.cast(), strides: from.strides };
                let lines = rows::Lines::new(&from, windows.input, spans, across);
                let by = windows.by([dn, hn, across.kernel as i64]);
                rows::means(&lines, inside, by as f32, to.cast());
            }
            for w in (0..by_four.0).chain(by_four.1..windows.output[2]) {
                let (ws, wn) = windows.span(2, w);
                let mut sum = T::default();
                for d in ds.start..ds.end {
                    for h in hs.start..hs.end {
                        for w in ws.start..ws.end {
                            sum = sum.plus(*from.at([d, h, w]));
                        }
                    }
                }
                // A window wholly in the padding (ceil mode) gives 0, as in PyTorch.
                let any = [ds, hs, ws].iter().all(|s| s.start < s.end);
                let by = windows.by([dn, hn, wn]);
                *to.wrapping_offset(w as isize * y.strides[4]) = if any { divide(sum, by) } else { T::default() };
            }
        });
    }
}

fn spread<T: Num>(launch: &Launch, windows: &Windows) {
    let (dy, dx) = (&launch.ins[0], &launch.outs[0]);
    let (inside, whole) = windows.inside();
    for (n, c) in planes(dy) {
        let (from, to) = (plane::<T>(dy, n, c), plane::<T>(dx, n, c));
        unsafe { fill_zero(&to, windows.input) };
        windows.rows(|at, [ds, hs], [dn, hn]| unsafe {
            let from = from.at(at);
            let by = windows.by([dn, hn, windows.sizes.as_ref().map_or(0, |s| s.kernel[2] as i64)]);
            for w in 0..windows.output[2] {
                let (ws, by) = if inside.contains(&w) {
                    (whole(w), by)
                } else {
                    let (ws, wn) = windows.span(2, w);
                    (ws, windows.by([dn, hn, wn]))
                };
                let part = divide(*from.wrapping_offset(w as isize * dy.strides[4]), by);
                for d in ds.start..ds.end {
                    for h in hs.start..hs.end {
                        let mut at = to.at([d, h, ws.start]);
                        for _ in ws.start..ws.end {
                            *at = (*at).plus(part);
                            at = at.wrapping_offset(dx.strides[4]);
                        }
                    }
                }
            }
        });
    }
}

fn forward(launch: &Launch) {
    let windows = Windows::plain(launch, &launch.ins[0], &launch.outs[0]);
    wide_dtype!(launch.outs[0].dtype, T => average::<T>(launch, &windows))
}

fn backward(launch: &Launch) {
    let windows = Windows::plain(launch, &launch.outs[0], &launch.ins[0]);
    wide_dtype!(launch.outs[0].dtype, T => spread::<T>(launch, &windows))
}

fn adaptive_forward(launch: &Launch) {
    let windows = Windows::adaptive(&launch.ins[0], &launch.outs[0]);
    wide_dtype!(launch.outs[0].dtype, T => average::<T>(launch, &windows))
}

fn adaptive_backward(launch: &Launch) {
    let windows = Windows::adaptive(&launch.outs[0], &launch.ins[0]);
    wide_dtype!(launch.outs[0].dtype, T => spread::<T>(launch, &windows))
}
