//! The commonest convolution: 3x3 taps, stride 1, float32. Two ways are made for it: `winograd` and `planes`.

use super::forward::Weights;
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
    pub g: Geometry,
    /// (N, C, 1, H, W).
    pub x: &'a View<'a>,
    pub y: &'a View<'a>,
    pub w: Weights<f32>,
    pub bias: Option<&'a View<'a>>,
}

impl<'a> Problem<'a> {
    /// The forward pass, if it is of this kind.
    pub fn forward(g: &Geometry, launch: &'a Launch) -> Option<Problem<'a>> {
        let (x, y) = (&launch.ins[0], &launch.outs[0]);
        is_plain(g, y.dtype).then(|| Problem { g: *g, x, y, w: Weights::of(launch, g), bias: launch.ins.get(2) })
    }

    /// The gradient of the input, if it is of this kind; ins: dy, w and maybe a bias, out: dx.
    pub fn backward(g: &Geometry, launch: &'a Launch) -> Option<Problem<'a>> {
        let turned = g.turned()?;
        let problem = Problem::forward(&turned, launch)?;
        Some(Problem { w: Weights::turned(launch, g), ..problem })
    }

    /// The whole output's height and width: `g.output` may be a part.
    pub fn whole(&self) -> [usize; 2] {
        [1, 2].map(|d| self.g.input[d] + 2 * self.g.padding[d] - 2)
    }

    /// Computes it if there is a way for its channels and sizes.
    ///
    /// # Safety
    /// The scratch has the bytes that `scratch` says, and the views are what they say.
    pub unsafe fn run(&self, scratch: *mut u8) -> bool {
        if planes::takes(self) {
            unsafe { planes::run(self, scratch) };
        } else if winograd::pays(self) {
            unsafe { winograd::run(self, scratch) };
        } else {
            return false;
        }
        true
    }

    /// Scratch of `run`, if there is a way.
    pub fn scratch(&self) -> Option<usize> {
        if planes::takes(self) {
            Some(planes::scratch_bytes(&self.g))
        } else {
            winograd::pays(self).then(|| winograd::scratch_bytes(self))
        }
    }
}
