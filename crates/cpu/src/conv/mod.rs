//! Convolution over one to three spatial dimensions, its gradients, and with them transposed convolution.
//!
//! All kernels take views of five dimensions (images, channels, depth, height, width); a convolution over fewer has size
//! 1 there, with stride 1, padding 0 and dilation 1. Attrs: three strides, three paddings, three dilations, groups.
//! Any strides of any view are read and written in place. dtypes: float32, float64 and integers, which wrap.

mod backward_input;
mod backward_weight;
mod depthwise;
mod forward;
mod geometry;
mod planes;
mod problem;
mod rows;
mod winograd;

#[cfg(test)]
mod tests;

use crate::by_dtype::wide_dtype;
use crate::gemm::tile::Tiled;
use crate::threads::{Cut, Split, WHOLE, threads};
use crate::{Kernel, Launch, Prepare, Prepared, View};
use cresset_lane::DType;
use forward::Weights;
use geometry::Geometry;
use problem::Problem;
use winograd::Gradient;

/// `y[n, co] = bias[co] + sum over ci of w[co, ci] (correlated with) x[n, ci]`.
/// ins: x (N, C, D, H, W), w (Co, C / groups, kd, kh, kw), optionally bias (Co); out: y (N, Co, od, oh, ow).
pub const CONV: Kernel =
    Kernel::new("conv", forward_run).with_scratch(forward_scratch).with_split(forward_split).with_prepare(Prepare {
        input: 1,
        plan: |l| forward_keeps(l).map(Keeps::prepared),
        run: |l, to| _ = forward_keeps(l).map(|keeps| keeps.prepare(to)),
    });

/// The gradient of `CONV`'s x; as a forward pass, a transposed convolution.
/// ins: dy, w, optionally a bias over dx's channels; out: dx.
pub const CONV_BACKWARD_INPUT: Kernel = Kernel::new("conv_backward_input", input_run)
    .with_scratch(input_scratch)
    .with_split(input_split)
    .with_prepare(Prepare {
        input: 1,
        plan: |l| input_keeps(l).map(Keeps::prepared),
        run: |l, to| _ = input_keeps(l).map(|keeps| keeps.prepare(to)),
    });

/// The gradient of `CONV`'s w. ins: x, dy; out: dw.
pub const CONV_BACKWARD_WEIGHT: Kernel =
    Kernel::new("conv_backward_weight", weight_run).with_scratch(weight_scratch).with_split(weight_split);

fn forward_geometry(launch: &Launch) -> Geometry {
    Geometry::new(launch, &launch.ins[0], &launch.ins[1], &launch.outs[0])
}

fn forward_run(launch: &Launch) {
    let g = forward_geometry(launch);
    if Problem::forward(&g, launch).is_some_and(|problem| unsafe { problem.run(launch.scratch) }) {
        return;
    }
    fn go<T: Tiled>(launch: &Launch, g: &Geometry) {
        if g.is_depthwise() {
            return unsafe { depthwise::forward::<T>(launch, g) };
        }
        let (x, y) = (&launch.ins[0], &launch.outs[0]);
        unsafe { forward::run::<T>(g, [x, y], &Weights::of(launch, g), launch.ins.get(2), launch.scratch) }
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch, &g))
}

fn forward_scratch(launch: &Launch) -> usize {
    fn go<T: Tiled>(launch: &Launch, g: &Geometry) -> usize {
        if g.is_depthwise() {
            depthwise::forward_scratch::<T>(g)
        } else {
            forward::scratch_bytes::<T>(g, [&launch.ins[0], &launch.outs[0]])
        }
    }
    let g = forward_geometry(launch);
    let general = || wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch, &g));
    Problem::forward(&g, launch).and_then(|problem| problem.scratch()).unwrap_or_else(general)
}

/// What is made of the weights before anything is computed, and may be kept.
enum Keeps<'a> {
    Transformed(Problem<'a>),
    Packed(Geometry, [&'a View<'a>; 2], Weights<f32>),
}

impl Keeps<'_> {
    fn prepared(self) -> Prepared {
        match self {
            Keeps::Transformed(problem) => winograd::prepared(&problem),
            Keeps::Packed(g, views, w) => forward::prepared(&g, views, &w),
        }
    }

    fn prepare(self, to: *mut u8) {
        unsafe {
            match self {
                Keeps::Transformed(problem) => winograd::prepare(&problem, to),
                Keeps::Packed(g, views, w) => forward::prepare(&g, views, &w, to),
            }
        }
    }
}

/// Of a launch that `problem` computes or else `forward`, with this geometry and weights.
fn keeps<'a>(launch: &'a Launch, problem: Option<Problem<'a>>, g: Geometry, w: Weights<f32>) -> Option<Keeps<'a>> {
    match problem {
        Some(problem) if planes::takes(&problem) => None,
        Some(problem) if winograd::pays(&problem) => Some(Keeps::Transformed(problem)),
        _ => Some(Keeps::Packed(g, [&launch.ins[0], &launch.outs[0]], w)),
    }
}

/// Whether the weights may be kept at all: networks compute in float32.
fn can_keep(launch: &Launch, g: &Geometry) -> bool {
    launch.outs[0].dtype == DType::F32 && !g.is_depthwise()
}

fn forward_keeps<'a>(launch: &'a Launch) -> Option<Keeps<'a>> {
    let g = forward_geometry(launch);
    can_keep(launch, &g).then(|| keeps(launch, Problem::forward(&g, launch), g, Weights::of(launch, &g)))?
}

fn input_geometry(launch: &Launch) -> Geometry {
    Geometry::new(launch, &launch.outs[0], &launch.ins[1], &launch.ins[0])
}

fn input_run(launch: &Launch) {
    let g = input_geometry(launch);
    if Problem::backward(&g, launch).is_some_and(|problem| unsafe { problem.run(launch.scratch) }) {
        return;
    }
    fn go<T: Tiled>(launch: &Launch, g: &Geometry) {
        unsafe {
            if g.is_depthwise() {
                depthwise::backward_input::<T>(launch, g)
            } else if let Some(turned) = g.turned() {
                let (dy, dx) = (&launch.ins[0], &launch.outs[0]);
                forward::run::<T>(&turned, [dy, dx], &Weights::turned(launch, g), launch.ins.get(2), launch.scratch)
            } else {
                backward_input::run::<T>(launch, g)
            }
        }
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch, &g))
}

fn input_keeps<'a>(launch: &'a Launch) -> Option<Keeps<'a>> {
    let g = input_geometry(launch);
    let turned = g.turned().filter(|_| can_keep(launch, &g))?;
    keeps(launch, Problem::backward(&g, launch), turned, Weights::turned(launch, &g))
}

fn input_scratch(launch: &Launch) -> usize {
    fn go<T: Tiled>(launch: &Launch, g: &Geometry) -> usize {
        if g.is_depthwise() {
            depthwise::input_scratch::<T>(g)
        } else if let Some(turned) = g.turned() {
            forward::scratch_bytes::<T>(&turned, [&launch.ins[0], &launch.outs[0]])
        } else {
            backward_input::scratch_bytes::<T>(g)
        }
    }
    let g = input_geometry(launch);
    let general = || wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch, &g));
    Problem::backward(&g, launch).and_then(|problem| problem.scratch()).unwrap_or_else(general)
}

fn weight_geometry(launch: &Launch) -> Geometry {
    Geometry::new(launch, &launch.ins[0], &launch.outs[0], &launch.ins[1])
}

fn weight_run(launch: &Launch) {
    let g = weight_geometry(launch);
    if Gradient::new(&g, launch).is_some_and(|gradient| unsafe { gradient.run(launch.scratch) }) {
        return;
    }
    fn go<T: Tiled>(launch: &Launch, g: &Geometry) {
        unsafe {
            if g.has_plane_gradients() {
                depthwise::backward_weight::<T>(launch, g)
            } else {
                backward_weight::run::<T>(launch, g)
            }
        }
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch, &g))
}

fn weight_scratch(launch: &Launch) -> usize {
    fn go<T: Tiled>(g: &Geometry) -> usize {
        if g.has_plane_gradients() { depthwise::weight_scratch::<T>(g) } else { backward_weight::scratch_bytes::<T>(g) }
    }
    let g = weight_geometry(launch);
    let direct = wide_dtype!(launch.outs[0].dtype, T => go::<T>(&g));
    Gradient::new(&g, launch).map_or(direct, |gradient| gradient.scratch().max(direct))
}

/// Nanoseconds, roughly.
fn time(g: &Geometry) -> usize {
    g.images * g.groups * g.co * g.ci * g.taps() * g.pixels() / 12
}

/// Cuts at `[out, first input, second input, third input]`; a bias is the third.
fn cut(launch: &Launch, g: &Geometry, cuts: [Cut; 4]) -> Split {
    let operands: [(usize, Cut); 4] = std::array::from_fn(|i| (i, cuts[i]));
    Split::all(launch, cuts[0] as usize, 1, time(g)).but(&operands)
}

/// Which dimensions of (out, first input, second input) hold what can be cut.
struct Cuts {
    /// Channels of a depthwise convolution, each for itself.
    depthwise: [Cut; 3],
    /// Output channels: for each piece of them the input is packed again.
    channels: [Cut; 3],
    /// Whether rows of the output can be cut: for each piece of them the weights are packed again.
    rows: bool,
}

/// Images if there are enough of them, else rows or channels, whatever is more. A bias is cut as output channels are.
fn by_images(launch: &Launch, g: &Geometry, cuts: &Cuts) -> Split {
    let cut = |[y, x, w]: [Cut; 3], bias: Cut| cut(launch, g, [y, x, w, bias]);
    // The winograd way goes by tiles.
    let unit = winograd::TILE;
    if g.images >= 2 * threads() {
        cut([0, 0, WHOLE], WHOLE)
    } else if g.ci == 1 && g.co == 1 {
        cut(cuts.depthwise, 0)
    } else if let y = &launch.outs[0]
        && let Some(dim) = (2..5).rev().max_by_key(|&d| y.shape[d])
        && y.shape[dim] >= 2 * unit
        && cuts.rows
        && (g.groups > 1 || y.shape[0] * y.shape[2..].iter().product::<usize>() >= y.shape[1])
    {
        Split { unit, each: 1, ..cut([dim as Cut, WHOLE, WHOLE], WHOLE) }
    } else if g.groups == 1 {
        Split { unit: winograd::LEAST_CHANNELS, each: 1, ..cut(cuts.channels, 0) }
    } else {
        cut([0, 0, WHOLE], WHOLE)
    }
}

fn forward_split(launch: &Launch) -> Option<Split> {
    let g = forward_geometry(launch);
    // Rows of a plane are convolved by other code where they are short.
    let cuts = Cuts { depthwise: [1, 1, 0], channels: [1, WHOLE, 0], rows: !g.is_depthwise() };
    Some(by_images(launch, &g, &cuts))
}

fn input_split(launch: &Launch) -> Option<Split> {
    let g = input_geometry(launch);
    let rows = !g.is_depthwise() && g.turned().is_some();
    Some(by_images(launch, &g, &Cuts { depthwise: [1, 1, 0], channels: [1, WHOLE, 1], rows }))
}

/// Output or input channels: images are what is summed over.
fn weight_split(launch: &Launch) -> Option<Split> {
    let g = weight_geometry(launch);
    let cuts = match (g.ci, g.co, g.groups) {
        (1, 1, _) => [0, 1, 1, WHOLE],
        (_, _, 1) if g.co >= g.ci => [0, WHOLE, 1, WHOLE],
        (_, _, 1) => [1, 1, WHOLE, WHOLE],
        _ => return None,
    };
    let unit = match g.ci.min(g.co) {
        1 => 1,
        winograd::LEAST_CHANNELS.. => winograd::LEAST_CHANNELS,
        _ => 4,
    };
    Some(Split { unit, each: 1, ..cut(launch, &g, cuts) })
}
