use super::geometry::each;
use super::*;
use crate::Attr;
use crate::gemm::testing::{Owned, Rng, assert_close, launch};
use cresset_lane::DType;

/// One convolution.
pub(super) struct Case {
    pub images: usize,
    pub groups: usize,
    pub ci: usize,
    pub co: usize,
    pub input: [usize; 3],
    pub kernel: [usize; 3],
    pub output: [usize; 3],
    pub stride: [usize; 3],
    pub padding: [usize; 3],
    pub dilation: [usize; 3],
}

impl Case {
    fn random(rng: &mut Rng) -> Case {
        let dims = 1 + rng.below(3);
        let mut of = |n: usize, one: usize| -> [usize; 3] {
            std::array::from_fn(|d| if d + dims < 3 { one } else { one + rng.below(n) })
        };
        let (kernel, stride, padding, dilation) = (of(3, 1), of(3, 1), of(3, 0), of(2, 1));
        let extra = of(7, 0);
        let reach: [usize; 3] = std::array::from_fn(|d| dilation[d] * (kernel[d] - 1) + 1);
        let input: [usize; 3] = std::array::from_fn(|d| (reach[d] + extra[d]).saturating_sub(2 * padding[d]).max(1));
        let output =
            std::array::from_fn(|d| (input[d] + 2 * padding[d]).checked_sub(reach[d]).map_or(0, |v| v / stride[d] + 1));
        let groups = 1 + rng.below(3);
        let (ci, co) = ([1, 1, 2, 5][rng.below(4)], [1, 2, 3, 7][rng.below(4)]);
        let images = [0, 1, 2, 3][rng.below(4)];
        Case { images, groups, ci, co, input, kernel, output, stride, padding, dilation }
    }

    pub fn shapes(&self) -> [Vec<usize>; 3] {
        let with = |a: usize, b: usize, s: [usize; 3]| [&[a, b][..], &s].concat();
        [
            with(self.images, self.groups * self.ci, self.input),
            with(self.groups * self.co, self.ci, self.kernel),
            with(self.images, self.groups * self.co, self.output),
        ]
    }

    pub fn attrs(&self) -> Vec<Attr> {
        [self.stride, self.padding, self.dilation].concat().into_iter().chain([self.groups]).map(Attr::from).collect()
    }

    /// Calls `f` with the row-major indices of every (x, w, y) that belong together.
    pub fn each_product(&self, mut f: impl FnMut(usize, usize, usize)) {
        let flat = |index: [usize; 3], sizes: [usize; 3]| (index[0] * sizes[1] + index[1]) * sizes[2] + index[2];
        let volume = |s: [usize; 3]| s.iter().product::<usize>();
        for n in 0..self.images {
            for co in 0..self.groups * self.co {
                for ci in 0..self.ci {
                    let c = co / self.co * self.ci + ci;
                    each(self.output, |o| {
                        each(self.kernel, |k| {
                            let at: [usize; 3] =
                                std::array::from_fn(|d| o[d] * self.stride[d] + k[d] * self.dilation[d]);
                            if (0..3).any(|d| at[d] < self.padding[d] || at[d] - self.padding[d] >= self.input[d]) {
                                return;
                            }
                            let at = std::array::from_fn(|d| at[d] - self.padding[d]);
                            f(
                                (n * self.groups * self.ci + c) * volume(self.input) + flat(at, self.input),
                                (co * self.ci + ci) * volume(self.kernel) + flat(k, self.kernel),
                                (n * self.groups * self.co + co) * volume(self.output) + flat(o, self.output),
                            );
                        });
                    });
                }
            }
        }
    }
}

fn check<T: Tiled>(rng: &mut Rng, case: &Case, strided: bool) {
    let [xs, ws, ys] = case.shapes();
    let x = Owned::random::<T>(rng, &xs, strided);
    let w = Owned::random::<T>(rng, &ws, strided);
    let dy = Owned::random::<T>(rng, &ys, strided);
    let bias = Owned::random::<T>(rng, &[ws[0]], strided);
    let in_bias = Owned::random::<T>(rng, &[xs[1]], strided);
    let (xv, wv, dyv) = (x.values::<T>(), w.values::<T>(), dy.values::<T>());
    let mut y: Vec<f64> = vec![0.0; dyv.len()];
    let (mut dx, mut dw) = (vec![0.0; xv.len()], vec![0.0; wv.len()]);
    case.each_product(|a, b, c| {
        y[c] += xv[a] * wv[b];
        dx[a] += dyv[c] * wv[b];
        dw[b] += dyv[c] * xv[a];
    });
    let tol = if T::DTYPE == DType::F32 { 1e-5 } else { 1e-12 };
    let fit = |v: Vec<f64>| -> Vec<f64> {
        v.into_iter().map(|v| if T::DTYPE.is_float() { v } else { T::from_i64(v as i64).to_f64() }).collect()
    };
    let with_bias = |v: &[f64], bias: &Owned, shape: &[usize]| -> Vec<f64> {
        let (b, plane) = (bias.values::<T>(), shape[2..].iter().product::<usize>());
        v.iter().enumerate().map(|(i, v)| v + b[i / plane % shape[1]]).collect()
    };
    let what = format!(
        "{} x{xs:?} w{ws:?} y{ys:?} stride {:?} padding {:?} dilation {:?} groups {} strided {strided}",
        T::DTYPE,
        case.stride,
        case.padding,
        case.dilation,
        case.groups
    );
    let attrs = case.attrs();
    let out = Owned::random::<T>(rng, &ys, strided);
    launch(&CONV, &[x.view(), w.view(), bias.view()], &[out.view()], &attrs);
    assert_close(&out.values::<T>(), &fit(with_bias(&y, &bias, &ys)), tol, tol, &format!("forward with bias {what}"));
    launch(&CONV, &[x.view(), w.view()], &[out.view()], &attrs);
    assert_close(&out.values::<T>(), &fit(y), tol, tol, &format!("forward {what}"));
    let out = Owned::random::<T>(rng, &xs, strided);
    launch(&CONV_BACKWARD_INPUT, &[dy.view(), w.view(), in_bias.view()], &[out.view()], &attrs);
    let want = fit(with_bias(&dx, &in_bias, &xs));
    assert_close(&out.values::<T>(), &want, tol, tol, &format!("input gradient with bias {what}"));
    launch(&CONV_BACKWARD_INPUT, &[dy.view(), w.view()], &[out.view()], &attrs);
    assert_close(&out.values::<T>(), &fit(dx), tol, tol, &format!("input gradient {what}"));
    let out = Owned::random::<T>(rng, &ws, strided);
    launch(&CONV_BACKWARD_WEIGHT, &[x.view(), dy.view()], &[out.view()], &attrs);
    assert_close(&out.values::<T>(), &fit(dw), tol, 4.0 * tol, &format!("weight gradient {what}"));
}

/// Rows of outputs that fill a tile, for which patches are not packed.
#[test]
fn long_rows_equal_the_definition() {
    let mut rng = Rng::new(13);
    for round in 0..60 {
        let mut case = Case::random(&mut rng);
        let taps = case.dilation[2] * (case.kernel[2] - 1) + 1;
        case.output[2] = 8 + rng.below(20);
        case.input[2] = ((case.output[2] - 1) * case.stride[2] + taps).saturating_sub(2 * case.padding[2]);
        case.co = [1, 6, 9, 16][round % 4];
        if round % 5 == 0 {
            // Several steps along k.
            case.ci = 90;
        }
        check::<f32>(&mut rng, &case, round % 2 == 1);
        if round % 4 == 0 {
            check::<f64>(&mut rng, &case, round % 2 == 1);
        }
    }
}

#[test]
fn convolutions_and_their_gradients_equal_the_definition() {
    let mut rng = Rng::new(11);
    for round in 0..150 {
        let case = Case::random(&mut rng);
        check::<f32>(&mut rng, &case, round % 2 == 1);
        if round % 3 == 0 {
            check::<f64>(&mut rng, &case, round % 2 == 1);
            check::<i64>(&mut rng, &case, round % 2 == 1);
        }
    }
}

#[test]
fn larger_images_and_channels_equal_the_definition() {
    let mut rng = Rng::new(12);
    let plain = Case {
        images: 3,
        groups: 1,
        // One channel fewer than Winograd's way takes, which has tests and an error of its own.
        ci: 15,
        co: 20,
        input: [1, 14, 17],
        kernel: [1, 3, 3],
        output: [1, 14, 17],
        stride: [1; 3],
        padding: [0, 1, 1],
        dilation: [1; 3],
    };
    check::<f32>(&mut rng, &plain, false);
    let strided = Case { stride: [1, 2, 2], output: [1, 7, 9], ..plain };
    check::<f32>(&mut rng, &strided, false);
    let depthwise = Case { groups: 6, ci: 1, co: 1, input: [1, 9, 40], output: [1, 5, 20], ..strided };
    check::<f32>(&mut rng, &depthwise, false);
    let wide = Case { groups: 3, co: 2, stride: [1; 3], output: [1, 9, 40], ..depthwise };
    check::<f32>(&mut rng, &wide, true);
}

/// Planes of 3x3 taps go in strips of four columns and sixteen rows, whose ends overlap or see the padding.
#[test]
fn planes_one_by_one_equal_the_definition() {
    let mut rng = Rng::new(13);
    for (i, (input, padding)) in [
        ([35, 13], [1, 1]),
        ([16, 4], [1, 1]),
        ([19, 21], [0, 0]),
        ([7, 9], [2, 2]),
        ([3, 11], [1, 0]),
        ([1, 5], [1, 1]),
    ]
    .into_iter()
    .enumerate()
    {
        let case = Case {
            images: 2,
            groups: 3,
            ci: 1,
            co: 1,
            input: [1, input[0], input[1]],
            kernel: [1, 3, 3],
            output: [1, input[0] + 2 * padding[0] - 2, input[1] + 2 * padding[1] - 2],
            stride: [1; 3],
            padding: [0, padding[0], padding[1]],
            dilation: [1; 3],
        };
        check::<f32>(&mut rng, &case, false);
        check::<f32>(&mut rng, &case, i % 2 == 0);
        check::<f32>(&mut rng, &Case { co: 5, ..case }, i % 2 == 0);
    }
}

/// A sum longer than a step along k, in rows whose last tile overlaps the one before: what both cover is added once.
#[test]
fn later_steps_add_to_each_output_once() {
    let mut rng = Rng::new(14);
    let case = Case {
        images: 2,
        groups: 1,
        ci: 13,
        co: 7,
        input: [1, 14, 14],
        kernel: [1, 5, 5],
        output: [1, 14, 14],
        stride: [1; 3],
        padding: [0, 2, 2],
        dilation: [1; 3],
    };
    check::<f32>(&mut rng, &case, true);
}
