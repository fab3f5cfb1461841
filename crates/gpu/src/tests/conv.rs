//! Convolutions of all geometries.

use cresset_cpu::conv::*;
use cresset_lane::{Attr, DType};

use crate::testing::{Layout, Rng, Scene};

struct Case {
    images: usize,
    groups: usize,
    /// Channels of a group.
    ci: usize,
    co: usize,
    input: [usize; 3],
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
    dilation: [usize; 3],
}

impl Case {
    fn random(rng: &mut Rng) -> Case {
        let dims = 1 + rng.below(3);
        let mut of = |n: usize, one: usize| -> [usize; 3] {
            std::array::from_fn(|d| if d + dims < 3 { one } else { one + rng.below(n) })
        };
        let (kernel, stride, padding, dilation, extra) = (of(3, 1), of(3, 1), of(3, 0), of(2, 1), of(7, 0));
        let input = std::array::from_fn(|d| {
            (dilation[d] * (kernel[d] - 1) + 1 + extra[d]).saturating_sub(2 * padding[d]).max(1)
        });
        let (ci, co) = ([1, 1, 2, 5][rng.below(4)], [1, 2, 3, 7][rng.below(4)]);
        Case { images: rng.below(4), groups: 1 + rng.below(3), ci, co, input, kernel, stride, padding, dilation }
    }

    /// One with square planes and windows.
    fn plane(images: usize, groups: usize, ci: usize, co: usize, size: usize, kernel: usize, stride: usize) -> Case {
        let padding = [0, kernel / 2, kernel / 2];
        let (input, kernel, stride) = ([1, size, size], [1, kernel, kernel], [1, stride, stride]);
        Case { images, groups, ci, co, input, kernel, stride, padding, dilation: [1; 3] }
    }

    fn check(&self, rng: &mut Rng, dtype: DType, layout: Layout) {
        let output: [usize; 3] = std::array::from_fn(|d| {
            let reach = self.dilation[d] * (self.kernel[d] - 1) + 1;
            (self.input[d] + 2 * self.padding[d]).checked_sub(reach).map_or(0, |v| v / self.stride[d] + 1)
        });
        let with = |a: usize, b: usize, s: [usize; 3]| [&[a, b][..], &s].concat();
        let (ci, co) = (self.groups * self.ci, self.groups * self.co);
        let (x, w, y) =
            (with(self.images, ci, self.input), with(co, self.ci, self.kernel), with(self.images, co, output));
        let attrs: Vec<Attr> = [self.stride, self.padding, self.dilation]
            .concat()
            .into_iter()
            .chain([self.groups])
            .map(Attr::from)
            .collect();
        let value = |r: &mut Rng| if dtype == DType::F32 { r.float() } else { r.below(9) as f64 - 4.0 };
        for bias in [false, true] {
            let mut s = Scene::default();
            s.input(dtype, &x, layout, rng, value).input(dtype, &w, layout, rng, value);
            if bias {
                s.input(dtype, &[co], layout, rng, value);
            }
            s.output(dtype, &y, layout, rng).attrs(&attrs);
            s.check(CONV, 1e-5, 4e-5);
            let mut s = Scene::default();
            s.input(dtype, &y, layout, rng, value).input(dtype, &w, layout, rng, value);
            if bias {
                s.input(dtype, &[ci], layout, rng, value);
            }
            s.output(dtype, &x, layout, rng).attrs(&attrs);
            s.check(CONV_BACKWARD_INPUT, 1e-5, 4e-5);
        }
        let mut s = Scene::default();
        s.input(dtype, &x, layout, rng, value).input(dtype, &y, layout, rng, value);
        s.output(dtype, &w, layout, rng).attrs(&attrs);
        s.check(CONV_BACKWARD_WEIGHT, 1e-5, 4e-5);
    }
}

#[test]
fn geometries() {
    let mut rng = Rng(31);
    for i in 0..24 {
        let case = Case::random(&mut rng);
        case.check(&mut rng, DType::F32, if i % 3 == 0 { Layout::RowMajor } else { Layout::Scattered });
    }
}

#[test]
fn usual_layers() {
    let mut rng = Rng(5);
    for case in [
        Case::plane(4, 1, 3, 16, 20, 3, 1),
        Case::plane(2, 1, 40, 70, 12, 3, 2),
        Case::plane(2, 1, 64, 40, 9, 1, 1),
        Case::plane(2, 24, 1, 1, 14, 3, 1),
        Case::plane(1, 2, 20, 36, 10, 5, 1),
    ] {
        case.check(&mut rng, DType::F32, Layout::RowMajor);
    }
}

#[test]
fn integers() {
    let mut rng = Rng(6);
    for _ in 0..4 {
        Case::random(&mut rng).check(&mut rng, DType::I64, Layout::Scattered);
    }
}
