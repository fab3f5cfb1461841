//! The commonest convolution: 3x3 taps, stride 1, float32. Two ways are made for it: `winograd` and `planes`.

use super::geometry::Geometry;
use super::{planes, winograd};
use crate::{Launch, View};
use cresset_lane::DType;

/// Whether a convolution has 3x3 taps, stride 1 and two dimensions.
pub fn is_plain(g: &Geometry, dtype: DType) -> bool {
    let taps = g.kernel == [1, 3, 3] && g.stride == [1; 3] && g.dilation == [1; 3];
    dtype == DType::F32 && taps && g.input[0] == 1 && g.padding[0] == 0
}

/// A convolution of 3x3 taps with stride 1, or the gradient of its input, which is one of turned taps.
pub struct Problem<'a> {
    pub images: usize,
    pub groups: usize,
    /// Channels of a group, of what is read and what is written.
    pub ci: usize,
    pub co: usize,
    /// (N, C, 1, H, W).
    pub x: &'a View<'a>,
    pub y: &'a View<'a>,
    pub padding: [usize; 2],
    /// Address of tap (0, 0) of the first channels; strides of the group, of output and input channel, of the taps.
    pub w: *const f32,
    pub w_group: isize,
    pub w_channels: [isize; 2],
    pub w_taps: [isize; 2],
    pub bias: Option<&'a View<'a>>,
    /// Taps in a dimension: 3.
    pub taps: usize,
}

impl<'a> Problem<'a> {
    /// The forward pass, if it is of this kind.
    pub fn forward(g: &Geometry, launch: &'a Launch) -> Option<Problem<'a>> {
        let (x, w, y) = (&launch.ins[0], &launch.ins[1], &launch.outs[0]);
        if !is_plain(g, y.dtype) {
            return None;
        }
        Some(Problem {
            images: g.images,
            groups: g.groups,
            ci: g.ci,
            co: g.co,
            x,
            y,
            padding: [g.padding[1], g.padding[2]],
            w: w.as_ptr::<f32>().cast_const(),
            w_group: g.co as isize * w.strides[0],
            w_channels: [w.strides[0], w.strides[1]],
            w_taps: [w.strides[3], w.strides[4]],
            bias: launch.ins.get(2),
            taps: g.kernel[1],
        })
    }

    /// The gradient of the input, if it is of this kind; ins: dy, w and maybe a bias, out: dx.
    pub fn backward(g: &Geometry, launch: &'a Launch) -> Option<Problem<'a>> {
        let turned = Geometry { ci: g.co, co: g.ci, input: g.output, output: g.input, ..*g };
        if g.padding[1].max(g.padding[2]) > 2 {
            return None;
        }
        let problem = Problem::forward(&turned, launch)?;
        let ([co, ci], [h, w]) = (problem.w_channels, problem.w_taps);
        Some(Problem {
            padding: problem.padding.map(|p| 2 - p),
            w: problem.w.wrapping_offset(2 * (h + w)),
            w_group: g.co as isize * co,
            w_channels: [ci, co],
            w_taps: [-h, -w],
            ..problem
        })
    }

    /// Computes it if there is a way for its channels and sizes. `directly` does so for a launch of one image.
    ///
    /// # Safety
    /// The launch has the scratch it asks for, and its views are what they say.
    pub unsafe fn run(&self, launch: &Launch, directly: impl Fn(&Launch)) -> bool {
        if planes::takes(self) {
            unsafe { planes::run(self, launch.scratch) };
        } else if winograd::pays(self) {
            unsafe { winograd::run(self, launch, directly) };
        } else {
            return false;
        }
        true
    }

    /// Scratch of `run`, or `direct`, what the general way takes.
    pub fn scratch(&self, direct: usize) -> usize {
        if planes::takes(self) {
            planes::scratch_bytes()
        } else if winograd::pays(self) {
            winograd::scratch_bytes(self, direct)
        } else {
            direct
        }
    }
}
