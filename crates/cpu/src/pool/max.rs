//! Maximum pooling: values and where they were found.

use super::rows::{self, Across};
use super::*;
use crate::by_dtype::wide_dtype;
use crate::gemm::num::Num;
use crate::{Kernel, Launch};

/// ins: x; outs: values and, if somebody wants them, indices (int64). attrs: kernel (3), stride (3), padding (3), dilation (3). Padding never wins;
/// the first of equal values does, and NaN does always.
pub const MAX_POOL: Kernel = Kernel::new("max_pool", run).with_split(crate::threads::planes::<4000>);

/// ins: x; outs: values, indices (int64). The output's size is the argument.
pub const ADAPTIVE_MAX_POOL: Kernel =
    Kernel::new("adaptive_max_pool", adaptive_run).with_split(crate::threads::planes::<4000>);

/// ins: x, where each window starts (int64; images, channels, 3, the longest output dimension); outs: values, indices.
/// attrs: kernel (3).
pub const FRACTIONAL_MAX_POOL: Kernel = Kernel::new("fractional_max_pool", fractional_run);

/// The largest value in a window, with its position in the plane.
#[inline(always)]
unsafe fn largest<T: Num>(x: &Plane<T>, sizes: [usize; 3], spans: [Span; 3]) -> (T, i64) {
    unsafe {
        let mut best: Option<(T, usize)> = None;
        let [ds, hs, ws] = spans;
        for d in (ds.start..ds.end).step_by(ds.step) {
            for h in (hs.start..hs.end).step_by(hs.step) {
                for w in (ws.start..ws.end).step_by(ws.step) {
                    let v = *x.at([d, h, w]);
                    // A comparison with NaN is false: `v != v` lets it win, and keeps it.
                    #[allow(clippy::eq_op)]
                    if best.is_none_or(|(most, _)| v > most || v != v) {
                        best = Some((v, (d * sizes[1] + h) * sizes[2] + w));
                    }
                }
            }
        }
        best.map_or((T::default(), 0), |(v, at)| (v, at as i64))
    }
}

/// Fills values and indices from a rule that gives each output's window.
fn pool<T: Num>(launch: &Launch, spans: impl Fn(usize, usize, [usize; 3]) -> [Span; 3]) {
    let (x, values, indices) = (&launch.ins[0], &launch.outs[0], launch.outs.get(1));
    let (input, output) = (three(x.shape), three(values.shape));
    for (n, c) in planes(x) {
        let from = plane::<T>(x, n, c);
        let (to, places) = (plane::<T>(values, n, c), indices.map(|indices| plane::<i64>(indices, n, c)));
        for o in positions(output) {
            unsafe {
                let (value, place) = largest(&from, input, spans(n, c, o));
                *to.at(o) = value;
                if let Some(places) = &places {
                    *places.at(o) = place;
                }
            }
        }
    }
}

/// What the windows of a plain pool cover.
struct Windows {
    input: [usize; 3],
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
    dilation: [usize; 3],
}

impl Windows {
    fn new(launch: &Launch) -> Windows {
        let [kernel, stride, padding, dilation] = [0, 3, 6, 9].map(|at| attrs3(launch.attrs, at));
        Windows { input: three(launch.ins[0].shape), kernel, stride, padding, dilation }
    }

    fn span(&self, d: usize, o: usize) -> Span {
        let (padding, dilation, first) = (self.padding[d], self.dilation[d], o * self.stride[d]);
        let end = (first + (self.kernel[d] - 1) * dilation + 1).saturating_sub(padding).min(self.input[d]);
        // Steps of the window that fall before the input.
        let before = steps(padding.saturating_sub(first), dilation) * dilation;
        Span { start: first + before - padding, end, step: dilation }
    }

    /// Whether the windows of output `o` and of all before it lie inside the input.
    fn are_whole(&self, d: usize, o: usize) -> bool {
        self.padding[d] == 0 && o * self.stride[d] + (self.kernel[d] - 1) * self.dilation[d] < self.input[d]
    }

    fn across(&self) -> Across {
        Across { kernel: self.kernel[2], stride: self.stride[2], padding: self.padding[2], dilation: self.dilation[2] }
    }
}

fn run(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        let windows = Windows::new(launch);
        pool::<T>(launch, |_, _, o| std::array::from_fn(|d| windows.span(d, o[d])));
    }
    if !in_rows(launch) {
        wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch))
    }
}

/// float32 whose rows are neighbours in memory: the windows inside a row four at a time. False if it is not so.
fn in_rows(launch: &Launch) -> bool {
    let (x, values, indices) = (&launch.ins[0], &launch.outs[0], launch.outs.get(1));
    let windows = Windows::new(launch);
    let (input, output) = (windows.input, three(values.shape));
    let Some(inside) = rows::range(&windows.across(), x, values) else { return false };
    if indices.is_some_and(|indices| indices.strides[4] != 1) || input.iter().product::<usize>() > i32::MAX as usize {
        return false;
    }
    let (across, down) = (windows.across(), windows.stride[1]);
    let maxima = rows::maxima(&across, indices.is_some());
    for (n, c) in planes(x) {
        let from = plane::<f32>(x, n, c);
        let (to, places) = (plane::<f32>(values, n, c), indices.map(|indices| plane::<i64>(indices, n, c)));
        for d in 0..output[0] {
            let depth = windows.span(0, d);
            let at = |h: usize| rows::Lines::new(&from, input, [depth, windows.span(1, h)], across);
            let mut lines = at(0);
            for h in 0..output[1] {
                // Where rows are short, finding what a window covers takes longer than the window.
                if h > 0 {
                    let same = windows.are_whole(1, h);
                    lines = if same { lines.below(down, from.strides[1], input[2]) } else { at(h) };
                }
                unsafe {
                    let to = to.at([d, h, 0]);
                    let places = places.as_ref().map_or(std::ptr::null_mut(), |places| places.at([d, h, 0]));
                    maxima(&lines, inside, to, places);
                    for w in (0..inside.0).chain(inside.1..output[2]) {
                        let spans = [depth, windows.span(1, h), windows.span(2, w)];
                        let (value, place) = largest(&from, input, spans);
                        *to.add(w) = value;
                        if !places.is_null() {
                            *places.add(w) = place;
                        }
                    }
                }
            }
        }
    }
    true
}

fn adaptive_run(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        let (input, output) = (three(launch.ins[0].shape), three(launch.outs[0].shape));
        pool::<T>(launch, |_, _, o| std::array::from_fn(|d| adaptive(input[d], output[d], o[d])));
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch))
}

fn fractional_run(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        let starts = &launch.ins[1];
        let kernel = attrs3(launch.attrs, 0);
        let [sn, sc, sd, so] = *starts.strides else { unreachable!("starts have four dimensions") };
        let base = starts.as_ptr::<i64>();
        pool::<T>(launch, |n, c, o| {
            std::array::from_fn(|d| {
                let at = n as isize * sn + c as isize * sc + d as isize * sd + o[d] as isize * so;
                let start = unsafe { *base.wrapping_offset(at) } as usize;
                Span { start, end: start + kernel[d], step: 1 }
            })
        });
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch))
}
