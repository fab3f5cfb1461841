//! Sampling images at the positions of a grid, and its gradients.
//!
//! Whatever the mode, what a position reads factors over the dimensions: along each, a few inputs ("taps") with weights
//! and the derivatives of those weights. Names and rules of the coordinates follow aten/native/GridSampler.h.

use cresset_lane::DType;

use crate::gemm::num::Num;
use crate::{Kernel, Launch, View};

/// ins: x (N, C, D, H, W), grid (N, d, h, w, n) with the last dimension's coordinate first; outs: y (N, C, d, h, w).
/// attrs: n (2: D is 1 and has no coordinate), mode (0 bilinear, 1 nearest, 2 bicubic), padding (0 zeros, 1 border,
/// 2 reflection), whether -1 and 1 are the centers of the corner pixels. dtypes: float32, float64.
pub const GRID_SAMPLE: Kernel = Kernel::new("grid_sample", forward);

/// ins: dy, x, grid; outs: dx, dgrid. attrs as `GRID_SAMPLE`.
pub const GRID_SAMPLE_BACKWARD: Kernel = Kernel::new("grid_sample_backward", backward);

#[derive(Clone, Copy)]
struct Rule {
    n: usize,
    mode: usize,
    padding: usize,
    align: bool,
}

impl Rule {
    fn new(launch: &Launch) -> Rule {
        let a = launch.attrs;
        Rule { n: a[0].n(), mode: a[1].n(), padding: a[2].n(), align: a[3].b() }
    }
}

/// An input that a position reads along one dimension.
#[derive(Clone, Copy, Default)]
struct Tap {
    /// None outside the image, where everything is 0.
    at: Option<usize>,
    weight: f64,
    /// Derivative of the weight by the grid's coordinate.
    slope: f64,
}

#[derive(Clone, Copy, Default)]
struct Taps {
    taps: [Tap; 4],
    count: usize,
}

impl Taps {
    fn list(&self) -> &[Tap] {
        &self.taps[..self.count]
    }
}

/// A coordinate brought into the image, with the derivative of that.
fn inside(v: f64, size: usize, rule: &Rule, round: impl Fn(f64) -> f64) -> (f64, f64) {
    let (mut v, mut slope) = (v, 1.0);
    if rule.padding == 2 {
        let (low, high) = if rule.align { (0.0, 2.0 * (size as f64 - 1.0)) } else { (-1.0, 2.0 * size as f64 - 1.0) };
        if low == high {
            return (0.0, 0.0);
        }
        let (min, span) = (low / 2.0, (high - low) / 2.0);
        let mut from = round(v - min);
        if from < 0.0 {
            (from, slope) = (-from, -1.0);
        }
        let extra = from % span;
        if (from / span).floor() % 2.0 == 0.0 {
            v = round(extra + min);
        } else {
            v = round(round(span - extra) + min);
            slope = -slope;
        }
    }
    if rule.padding != 0 {
        let last = size as f64 - 1.0;
        if v <= 0.0 {
            return (0.0, 0.0);
        }
        if v >= last {
            return (last, 0.0);
        }
    }
    (v, slope)
}

fn index(v: f64, size: usize) -> Option<usize> {
    (v >= 0.0 && v < size as f64).then_some(v as usize)
}

/// What a coordinate from -1 to 1 reads of a dimension; `round` keeps the arithmetic in the tensor's precision.
fn taps(g: f64, size: usize, rule: &Rule, round: impl Fn(f64) -> f64 + Copy) -> Taps {
    let (raw, unit) = if rule.align {
        (round(round(round(g + 1.0) / 2.0) * (size as f64 - 1.0)), (size as f64 - 1.0) / 2.0)
    } else {
        (round(round(round(round(g + 1.0) * size as f64) - 1.0) / 2.0), size as f64 / 2.0)
    };
    let mut out = Taps::default();
    match rule.mode {
        0 => {
            let (v, slope) = inside(raw, size, rule, round);
            let low = v.floor();
            let t = round(v - low);
            out.taps[0] = Tap { at: index(low, size), weight: round(1.0 - t), slope: -unit * slope };
            out.taps[1] = Tap { at: index(low + 1.0, size), weight: t, slope: unit * slope };
            out.count = 2;
        }
        1 => {
            let (v, _) = inside(raw, size, rule, round);
            out.taps[0] = Tap { at: index(v.round_ties_even(), size), weight: 1.0, slope: 0.0 };
            out.count = 1;
        }
        _ => {
            let low = raw.floor();
            let t = round(raw - low);
            for (i, tap) in out.taps.iter_mut().enumerate() {
                let distance = t + 1.0 - i as f64;
                let (weight, slope) = cubic(distance);
                let (at, _) = inside(low - 1.0 + i as f64, size, rule, round);
                *tap = Tap { at: index(at, size), weight, slope: slope * unit };
            }
            out.count = 4;
        }
    }
    out
}

/// The cubic convolution kernel with a = -0.75, and its derivative.
fn cubic(x: f64) -> (f64, f64) {
    const A: f64 = -0.75;
    let d = x.abs();
    let (value, slope) = if d <= 1.0 {
        (((A + 2.0) * d - (A + 3.0)) * d * d + 1.0, (3.0 * (A + 2.0) * d - 2.0 * (A + 3.0)) * d)
    } else if d < 2.0 {
        (((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A, (3.0 * A * d - 10.0 * A) * d + 8.0 * A)
    } else {
        (0.0, 0.0)
    };
    (value, if x < 0.0 { -slope } else { slope })
}

unsafe fn at<T: Num>(view: &View, index: [usize; 5]) -> *mut T {
    let offset: isize = (0..5).map(|d| index[d] as isize * view.strides[d]).sum();
    view.as_ptr::<T>().wrapping_offset(offset)
}

/// Calls `f(image, position, taps of the three dimensions)` for every position of the grid.
unsafe fn each<T: Num>(x: &View, grid: &View, rule: &Rule, mut f: impl FnMut(usize, [usize; 3], &[Taps; 3])) {
    let round = |v: f64| T::from_f64(v).to_f64();
    let whole = Taps { taps: [Tap { at: Some(0), weight: 1.0, slope: 0.0 }; 4], count: 1 };
    for n in 0..grid.shape[0] {
        for d in 0..grid.shape[1] {
            for h in 0..grid.shape[2] {
                for w in 0..grid.shape[3] {
                    let mut all = [whole; 3];
                    for (i, taps_of) in all.iter_mut().rev().take(rule.n).enumerate() {
                        let g = unsafe { *at::<T>(grid, [n, d, h, w, i]) }.to_f64();
                        *taps_of = taps(g, x.shape[4 - i], rule, round);
                    }
                    f(n, [d, h, w], &all);
                }
            }
        }
    }
}

/// Calls `f` with the taps inside the image and which of the three dimensions' lists they come from.
fn combinations(taps: &[Taps; 3], mut f: impl FnMut([usize; 3], [&Tap; 3])) {
    for a in taps[0].list() {
        for b in taps[1].list() {
            for c in taps[2].list() {
                if let (Some(i), Some(j), Some(k)) = (a.at, b.at, c.at) {
                    f([i, j, k], [a, b, c]);
                }
            }
        }
    }
}

fn forward(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        let (x, grid, y) = (&launch.ins[0], &launch.ins[1], &launch.outs[0]);
        unsafe {
            each::<T>(x, grid, &Rule::new(launch), |n, [d, h, w], taps| {
                for c in 0..x.shape[1] {
                    let mut sum = 0.0;
                    combinations(taps, |[i, j, k], tap| {
                        let weight = tap[0].weight * tap[1].weight * tap[2].weight;
                        sum += weight * (*at::<T>(x, [n, c, i, j, k])).to_f64();
                    });
                    *at::<T>(y, [n, c, d, h, w]) = T::from_f64(sum);
                }
            });
        }
    }
    match launch.outs[0].dtype {
        DType::F32 => go::<f32>(launch),
        DType::F64 => go::<f64>(launch),
        other => unreachable!("no sampling of {other}"),
    }
}

fn backward(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        let [dy, x, grid] = [0, 1, 2].map(|i| &launch.ins[i]);
        let (dx, dgrid) = (&launch.outs[0], &launch.outs[1]);
        let rule = Rule::new(launch);
        let s = dx.shape;
        unsafe {
            for item in 0..s.iter().product() {
                let mut rest: usize = item;
                let mut index = [0; 5];
                for d in (0..5).rev() {
                    (index[d], rest) = (rest % s[d], rest / s[d]);
                }
                *at::<T>(dx, index) = T::default();
            }
            each::<T>(x, grid, &rule, |n, [d, h, w], taps| {
                let mut slopes = [0.0; 3];
                for c in 0..x.shape[1] {
                    let g = (*at::<T>(dy, [n, c, d, h, w])).to_f64();
                    combinations(taps, |[i, j, k], [a, b, e]| {
                        let to = at::<T>(dx, [n, c, i, j, k]);
                        *to = (*to).plus(T::from_f64(g * a.weight * b.weight * e.weight));
                        let v = g * (*at::<T>(x, [n, c, i, j, k])).to_f64();
                        slopes[0] += v * a.slope * b.weight * e.weight;
                        slopes[1] += v * a.weight * b.slope * e.weight;
                        slopes[2] += v * a.weight * b.weight * e.slope;
                    });
                }
                for i in 0..rule.n {
                    *at::<T>(dgrid, [n, d, h, w, i]) = T::from_f64(slopes[2 - i]);
                }
            });
        }
    }
    match launch.outs[0].dtype {
        DType::F32 => go::<f32>(launch),
        DType::F64 => go::<f64>(launch),
        other => unreachable!("no sampling of {other}"),
    }
}
