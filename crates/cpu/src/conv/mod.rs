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
mod winograd;

#[cfg(test)]
mod tests;

use crate::by_dtype::wide_dtype;
use crate::gemm::tile::Tiled;
use crate::{Kernel, Launch};
use geometry::Geometry;
use problem::Problem;
use winograd::Gradient;

/// `y[n, co] = bias[co] + sum over ci of w[co, ci] (correlated with) x[n, ci]`.
/// ins: x (N, C, D, H, W), w (Co, C / groups, kd, kh, kw), optionally bias (Co); out: y (N, Co, od, oh, ow).
pub const CONV: Kernel = Kernel { name: "conv", run: forward_run, scratch: Some(forward_scratch) };

/// The gradient of `CONV`'s x; as a forward pass, a transposed convolution.
/// ins: dy, w, optionally a bias over dx's channels; out: dx.
pub const CONV_BACKWARD_INPUT: Kernel =
    Kernel { name: "conv_backward_input", run: input_run, scratch: Some(input_scratch) };

/// The gradient of `CONV`'s w. ins: x, dy; out: dw.
pub const CONV_BACKWARD_WEIGHT: Kernel =
    Kernel { name: "conv_backward_weight", run: weight_run, scratch: Some(weight_scratch) };

fn forward_geometry(launch: &Launch) -> Geometry {
    Geometry::new(launch, &launch.ins[0], &launch.ins[1], &launch.outs[0])
}

fn forward_run(launch: &Launch) {
    let g = forward_geometry(launch);
    let directly = |one: &Launch| unsafe { forward::run::<f32>(one, &forward_geometry(one)) };
    if Problem::forward(&g, launch).is_some_and(|problem| unsafe { problem.run(launch, directly) }) {
        return;
    }
    fn go<T: Tiled>(launch: &Launch, g: &Geometry) {
        unsafe { if g.is_depthwise() { depthwise::forward::<T>(launch, g) } else { forward::run::<T>(launch, g) } }
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch, &g))
}

fn forward_scratch(launch: &Launch) -> usize {
    fn go<T: Tiled>(g: &Geometry) -> usize {
        if g.is_depthwise() { depthwise::forward_scratch::<T>(g) } else { forward::scratch_bytes::<T>(g) }
    }
    let g = forward_geometry(launch);
    let direct = wide_dtype!(launch.outs[0].dtype, T => go::<T>(&g));
    Problem::forward(&g, launch).map_or(direct, |problem| problem.scratch(direct))
}

fn input_geometry(launch: &Launch) -> Geometry {
    Geometry::new(launch, &launch.outs[0], &launch.ins[1], &launch.ins[0])
}

fn input_run(launch: &Launch) {
    let g = input_geometry(launch);
    let directly = |one: &Launch| unsafe { backward_input::run::<f32>(one, &input_geometry(one)) };
    if Problem::backward(&g, launch).is_some_and(|problem| unsafe { problem.run(launch, directly) }) {
        return;
    }
    fn go<T: Tiled>(launch: &Launch, g: &Geometry) {
        unsafe {
            if g.is_depthwise() {
                depthwise::backward_input::<T>(launch, g)
            } else {
                backward_input::run::<T>(launch, g)
            }
        }
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch, &g))
}

fn input_scratch(launch: &Launch) -> usize {
    fn go<T: Tiled>(g: &Geometry) -> usize {
        if g.is_depthwise() { depthwise::input_scratch::<T>(g) } else { backward_input::scratch_bytes::<T>(g) }
    }
    let g = input_geometry(launch);
    let direct = wide_dtype!(launch.outs[0].dtype, T => go::<T>(&g));
    Problem::backward(&g, launch).map_or(direct, |problem| problem.scratch(direct))
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
            if g.is_depthwise() {
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
        if g.is_depthwise() { depthwise::weight_scratch::<T>(g) } else { backward_weight::scratch_bytes::<T>(g) }
    }
    let g = weight_geometry(launch);
    let direct = wide_dtype!(launch.outs[0].dtype, T => go::<T>(&g));
    Gradient::new(&g, launch).map_or(direct, |gradient| gradient.scratch().max(direct))
}
