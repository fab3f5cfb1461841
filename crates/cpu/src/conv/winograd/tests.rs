use super::super::tests::Case;
use super::super::{
    CONV, CONV_BACKWARD_INPUT, CONV_BACKWARD_WEIGHT, backward_weight, forward, forward_geometry, input_geometry,
    weight_geometry,
};
use super::*;
use crate::gemm::testing::{Owned, Rng, launch};
use crate::{Attr, Kernel, Launch};

fn case(images: usize, groups: usize, [ci, co]: [usize; 2], [h, w]: [usize; 2], padding: [usize; 2]) -> Case {
    Case {
        images,
        groups,
        ci,
        co,
        input: [1, h, w],
        kernel: [1, 3, 3],
        output: [1, h + 2 * padding[0] - 2, w + 2 * padding[1] - 2],
        stride: [1; 3],
        padding: [0, padding[0], padding[1]],
        dilation: [1; 3],
    }
}

/// Errors against the definition in float64: the largest and the root mean square, both as parts of the largest value.
fn errors(got: &[f64], want: &[f64]) -> [f64; 2] {
    assert_eq!(got.len(), want.len());
    let scale = want.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let off = |i: usize| (got[i] - want[i]).abs() / scale;
    let most = (0..want.len()).map(off).fold(0.0, f64::max);
    [most, ((0..want.len()).map(|i| off(i).powi(2)).sum::<f64>() / want.len() as f64).sqrt()]
}

fn takes(of: &dyn Fn(&Launch) -> bool, ins: &[View], outs: &[View], attrs: &[Attr]) -> bool {
    of(&Launch::new(outs, ins, attrs))
}

#[test]
fn results_and_input_gradients_equal_the_definition() {
    let mut rng = Rng::new(31);
    for (i, case) in [
        case(1, 1, [16, 16], [12, 12], [1, 1]),
        case(2, 1, [17, 19], [15, 18], [0, 0]),
        case(2, 2, [16, 17], [15, 18], [1, 0]),
        case(2, 1, [24, 16], [17, 12], [2, 1]),
        case(3, 1, [16, 18], [16, 15], [2, 2]),
    ]
    .iter()
    .enumerate()
    {
        let strided = i % 2 == 1;
        let [xs, ws, ys] = case.shapes();
        let [x, w, dy] = [&xs, &ws, &ys].map(|shape| Owned::random::<f32>(&mut rng, shape, strided));
        let [out_bias, in_bias] = [ws[0], xs[1]].map(|n| Owned::random::<f32>(&mut rng, &[n], strided));
        let (xv, wv, dyv) = (x.values::<f32>(), w.values::<f32>(), dy.values::<f32>());
        let with = |bias: &Owned, shape: &[usize]| -> Vec<f64> {
            let (b, plane) = (bias.values::<f32>(), shape[2..].iter().product::<usize>());
            (0..shape.iter().product()).map(|i| b[i / plane % shape[1]]).collect()
        };
        let (mut y, mut dx) = (with(&out_bias, &ys), with(&in_bias, &xs));
        case.each_product(|a, b, c| {
            y[c] += xv[a] * wv[b];
            dx[a] += dyv[c] * wv[b];
        });
        let what = format!("x {xs:?}, w {ws:?}, padding {:?}, strided {strided}", case.padding);
        let attrs = case.attrs();
        let check =
            |kernel: &Kernel, of: &dyn Fn(&Launch) -> bool, from: &Owned, bias: &Owned, to: &Owned, want: &[f64]| {
                let ins = [from.view(), w.view(), bias.view()];
                assert!(takes(of, &ins, &[to.view()], &attrs), "{what}: not by this way");
                launch(kernel, &ins, &[to.view()], &attrs);
                let [most, _] = errors(&to.values::<f32>(), want);
                assert!(most < 4e-6, "{} {what}: off by {most} of the largest value", kernel.name);
            };
        let to = Owned::random::<f32>(&mut rng, &ys, strided);
        check(&CONV, &|l| Problem::forward(&forward_geometry(l), l).is_some_and(|p| pays(&p)), &x, &out_bias, &to, &y);
        let to = Owned::random::<f32>(&mut rng, &xs, strided);
        check(
            &CONV_BACKWARD_INPUT,
            &|l| Problem::backward(&input_geometry(l), l).is_some_and(|p| pays(&p)),
            &dy,
            &in_bias,
            &to,
            &dx,
        );
    }
}

/// The figures of docs/same-numbers.md.
#[test]
fn the_error_is_three_times_that_of_the_direct_sum() {
    let mut rng = Rng::new(32);
    let case = case(1, 1, [64, 16], [16, 16], [1, 1]);
    let [xs, ws, ys] = case.shapes();
    let (x, w) = (Owned::random::<f32>(&mut rng, &xs, false), Owned::random::<f32>(&mut rng, &ws, false));
    let (xv, wv, mut want) = (x.values::<f32>(), w.values::<f32>(), vec![0.0; ys.iter().product()]);
    case.each_product(|a, b, c| want[c] += xv[a] * wv[b]);
    let y = Owned::zeros::<f32>(&ys);
    launch(&CONV, &[x.view(), w.view()], &[y.view()], &case.attrs());
    let [most, mean] = errors(&y.values::<f32>(), &want);
    let direct = Kernel::new("direct", |l| unsafe {
        let (g, [x, y]) = (forward_geometry(l), [&l.ins[0], &l.outs[0]]);
        forward::run::<f32>(&g, [x, y], &Weights::of(l, &g), None, l.scratch)
    })
    .with_scratch(|l| forward::scratch_bytes::<f32>(&forward_geometry(l), [&l.ins[0], &l.outs[0]]));
    launch(&direct, &[x.view(), w.view()], &[y.view()], &case.attrs());
    let [direct_most, direct_mean] = errors(&y.values::<f32>(), &want);
    println!("of the largest value: {most:.1e} (rms {mean:.1e}); directly {direct_most:.1e} (rms {direct_mean:.1e})");
    assert!(most < 4e-6 && mean < 4e-7, "{most} {mean}");
    assert!(mean < 4.0 * direct_mean, "{mean} {direct_mean}");
}

/// An infinity or NaN reaches the outputs that see it and no other, and other images keep their digits.
#[test]
fn what_is_not_finite_stays_where_it_is() {
    let mut rng = Rng::new(33);
    let case = case(3, 1, [16, 24], [16, 16], [1, 1]);
    let [xs, ws, ys] = case.shapes();
    let (mut x, w) = (Owned::random::<f32>(&mut rng, &xs, false), Owned::random::<f32>(&mut rng, &ws, false));
    let y = Owned::zeros::<f32>(&ys);
    let ins = |x: &Owned| launch(&CONV, &[x.view(), w.view()], &[y.view()], &case.attrs());
    assert!(takes(
        &|l| Problem::forward(&forward_geometry(l), l).is_some_and(|p| pays(&p)),
        &[x.view(), w.view()],
        &[y.view()],
        &case.attrs()
    ));
    ins(&x);
    let clean = y.values::<f32>();
    let plane = 16 * 16;
    let at = (16 + 3) * plane + 5 * 16 + 6;
    for special in [f32::INFINITY, f32::NAN, 3e38] {
        x.set::<f32>(at, special);
        ins(&x);
        let spoilt = y.values::<f32>();
        for (i, (&v, &c)) in spoilt.iter().zip(&clean).enumerate() {
            let (image, h, w) = (i / plane / 24, i % plane / 16, i % 16);
            let sees = image == 1 && h.abs_diff(5) <= 1 && w.abs_diff(6) <= 1;
            if image != 1 {
                assert_eq!(v.to_bits(), c.to_bits(), "element {i} of another image");
            } else if sees {
                assert!(special == 3e38 || !v.is_finite(), "element {i} is {v} with {special}");
            } else {
                assert!((v - c).abs() < 1e-4, "element {i} is {v}, want {c} with {special}");
            }
        }
    }
}

/// An image's numbers do not depend on the others in its batch.
#[test]
fn an_image_is_the_same_in_every_batch() {
    let mut rng = Rng::new(34);
    let all = case(5, 1, [20, 17], [13, 16], [1, 1]);
    let [xs, ws, ys] = all.shapes();
    let (x, w) = (Owned::random::<f32>(&mut rng, &xs, false), Owned::random::<f32>(&mut rng, &ws, false));
    let y = Owned::zeros::<f32>(&ys);
    assert!(takes(
        &|l| Problem::forward(&forward_geometry(l), l).is_some_and(|p| pays(&p)),
        &[x.view(), w.view()],
        &[y.view()],
        &all.attrs()
    ));
    launch(&CONV, &[x.view(), w.view()], &[y.view()], &all.attrs());
    let together = y.values::<f32>();
    let one = case(1, 1, [20, 17], [13, 16], [1, 1]);
    let [xs, _, ys] = one.shapes();
    let n = ys.iter().product::<usize>();
    for image in 0..5 {
        let mut alone = Owned::zeros::<f32>(&xs);
        for i in 0..alone.numel() {
            alone.set::<f32>(i, x.get::<f32>(image * xs.iter().product::<usize>() + i));
        }
        let y = Owned::zeros::<f32>(&ys);
        launch(&CONV, &[alone.view(), w.view()], &[y.view()], &one.attrs());
        assert_eq!(y.values::<f32>(), together[image * n..(image + 1) * n]);
    }
}

fn is_gradient(launch: &Launch) -> bool {
    Gradient::new(&weight_geometry(launch), launch).is_some()
}

#[test]
fn weight_gradients_equal_the_definition() {
    let mut rng = Rng::new(35);
    for (i, case) in [
        case(3, 1, [16, 18], [13, 15], [1, 1]),
        case(2, 2, [17, 16], [16, 18], [0, 1]),
        case(5, 1, [21, 16], [9, 14], [2, 0]),
    ]
    .iter()
    .enumerate()
    {
        let strided = i % 2 == 1;
        let [xs, ws, ys] = case.shapes();
        let [x, dy, dw] = [&xs, &ys, &ws].map(|shape| Owned::random::<f32>(&mut rng, shape, strided));
        let (xv, dyv, mut want) = (x.values::<f32>(), dy.values::<f32>(), vec![0.0; ws.iter().product()]);
        case.each_product(|a, b, c| want[b] += dyv[c] * xv[a]);
        let what = format!("x {xs:?}, w {ws:?}, padding {:?}", case.padding);
        let ins = [x.view(), dy.view()];
        assert!(takes(&is_gradient, &ins, &[dw.view()], &case.attrs()), "{what}: not by this way");
        launch(&CONV_BACKWARD_WEIGHT, &ins, &[dw.view()], &case.attrs());
        let [most, _] = errors(&dw.values::<f32>(), &want);
        assert!(most < 4e-6, "{what}: off by {most} of the largest value");
    }
}

/// One infinity reaches one output channel, or one input channel, of the gradient.
#[test]
fn a_weight_gradient_that_is_not_finite_is_computed_directly() {
    let mut rng = Rng::new(36);
    let case = case(2, 1, [16, 17], [16, 16], [1, 1]);
    let [xs, ws, ys] = case.shapes();
    let [mut x, mut dy, dw, direct] = [&xs, &ys, &ws, &ws].map(|shape| Owned::random::<f32>(&mut rng, shape, false));
    x.set::<f32>(3 * 256 + 40, f32::INFINITY);
    dy.set::<f32>(5 * 256 + 70, f32::NAN);
    let ins = [x.view(), dy.view()];
    assert!(takes(&is_gradient, &ins, &[dw.view()], &case.attrs()));
    launch(&CONV_BACKWARD_WEIGHT, &ins, &[dw.view()], &case.attrs());
    let general = Kernel::new("direct", |l| unsafe { backward_weight::run::<f32>(l, &weight_geometry(l)) })
        .with_scratch(|l| backward_weight::scratch_bytes::<f32>(&weight_geometry(l)));
    launch(&general, &ins, &[direct.view()], &case.attrs());
    let bits = |t: &Owned| t.values::<f32>().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&dw), bits(&direct));
    let finite = dw.values::<f32>().iter().filter(|v| v.is_finite()).count();
    assert_eq!(finite, 16 * 15 * 9, "all but an output channel of 17 and an input channel of 16");
}
