use super::*;
use crate::gemm::testing::{Owned, Rng, assert_close, launch};

fn attrs(values: &[&[usize]]) -> Vec<Attr> {
    values.concat().into_iter().map(Attr::from).collect()
}

fn row(values: &[f32]) -> Owned {
    let mut x = Owned::zeros::<f32>(&[1, 1, 1, 1, values.len()]);
    for (i, &v) in values.iter().enumerate() {
        x.set::<f32>(i, v);
    }
    x
}

#[test]
fn max_pool_finds_values_and_places() {
    let x = row(&[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, f32::NAN, 6.0]);
    let (y, i) = (Owned::zeros::<f32>(&[1, 1, 1, 1, 4]), Owned::zeros::<i64>(&[1, 1, 1, 1, 4]));
    // Kernel 3, stride 2, padding 1.
    launch(&MAX_POOL, &[x.view()], &[y.view(), i.view()], &attrs(&[&[1, 1, 3], &[1, 1, 2], &[0, 0, 1], &[1, 1, 1]]));
    assert_eq!(i.values::<i64>(), [0.0, 2.0, 5.0, 6.0]);
    assert_eq!(y.values::<f32>()[..3], [3.0, 4.0, 9.0]);
    assert!(y.values::<f32>()[3].is_nan());
    // Dilation 2: windows {0, 2, 4} and {1, 3, 5}.
    let (y, i) = (Owned::zeros::<f32>(&[1, 1, 1, 1, 2]), Owned::zeros::<i64>(&[1, 1, 1, 1, 2]));
    launch(&MAX_POOL, &[x.view()], &[y.view(), i.view()], &attrs(&[&[1, 1, 3], &[1, 1, 1], &[0, 0, 0], &[1, 1, 2]]));
    assert_eq!((y.values::<f32>(), i.values::<i64>()), (vec![5.0, 9.0], vec![4.0, 5.0]));
}

#[test]
fn average_pool_counts_padding_as_asked() {
    let x = row(&[1.0, 2.0, 3.0, 4.0]);
    let y = Owned::zeros::<f32>(&[1, 1, 1, 1, 3]);
    let with = |count: usize, divisor: usize| attrs(&[&[1, 1, 2], &[1, 1, 2], &[0, 0, 1], &[count, divisor]]);
    launch(&AVG_POOL, &[x.view()], &[y.view()], &with(1, 0));
    assert_eq!(y.values::<f32>(), [0.5, 2.5, 2.0]);
    launch(&AVG_POOL, &[x.view()], &[y.view()], &with(0, 0));
    assert_eq!(y.values::<f32>(), [1.0, 2.5, 4.0]);
    launch(&AVG_POOL, &[x.view()], &[y.view()], &with(1, 4));
    assert_eq!(y.values::<f32>(), [0.25, 1.25, 1.0]);
}

/// <dy, pool(x)> = <pool_backward(dy), x>, for random windows and strides.
#[test]
fn average_gradients_are_the_transposes() {
    let mut rng = Rng::new(21);
    for _ in 0..40 {
        let three =
            |rng: &mut Rng, n: usize, from: usize| -> [usize; 3] { std::array::from_fn(|_| from + rng.below(n)) };
        let (kernel, stride) = (three(&mut rng, 3, 1), three(&mut rng, 3, 1));
        let padding: [usize; 3] = std::array::from_fn(|d| kernel[d] / 2 * rng.below(2));
        let input = three(&mut rng, 5, 3);
        let output: [usize; 3] = std::array::from_fn(|d| (input[d] + 2 * padding[d] - kernel[d]) / stride[d] + 1);
        let shape = |s: [usize; 3]| [&[2, 3][..], &s].concat();
        let x = Owned::random::<f64>(&mut rng, &shape(input), true);
        let (y, dx) = (Owned::zeros::<f64>(&shape(output)), Owned::random::<f64>(&mut rng, &shape(input), true));
        let dy = Owned::random::<f64>(&mut rng, &shape(output), true);
        let dot =
            |a: &Owned, b: &Owned| -> f64 { a.values::<f64>().iter().zip(b.values::<f64>()).map(|(a, b)| a * b).sum() };
        let rule = attrs(&[&kernel, &stride, &padding, &[rng.below(2), 0]]);
        launch(&AVG_POOL, &[x.view()], &[y.view()], &rule);
        launch(&AVG_POOL_BACKWARD, &[dy.view()], &[dx.view()], &rule);
        assert_close(&[dot(&dy, &y)], &[dot(&dx, &x)], 1e-12, 1e-12, "average");
        launch(&ADAPTIVE_AVG_POOL, &[x.view()], &[y.view()], &[]);
        launch(&ADAPTIVE_AVG_POOL_BACKWARD, &[dy.view()], &[dx.view()], &[]);
        assert_close(&[dot(&dy, &y)], &[dot(&dx, &x)], 1e-12, 1e-12, "adaptive");
        // Maxima: the gradient goes where the value came from.
        let places = Owned::zeros::<i64>(&shape(output));
        launch(&ADAPTIVE_MAX_POOL, &[x.view()], &[y.view(), places.view()], &[]);
        launch(&PLANE_SCATTER_ADD, &[dy.view(), places.view()], &[dx.view()], &[]);
        assert_close(&[dot(&dy, &y)], &[dot(&dx, &x)], 1e-12, 1e-12, "adaptive max");
        let again = Owned::zeros::<f64>(&shape(output));
        launch(&PLANE_GATHER, &[x.view(), places.view()], &[again.view()], &[]);
        assert_eq!(again.values::<f64>(), y.values::<f64>());
    }
}

#[test]
fn unpooling_puts_values_back() {
    let x = row(&[5.0, 7.0]);
    let mut places = Owned::zeros::<i64>(&[1, 1, 1, 1, 2]);
    places.set::<i64>(0, 1);
    places.set::<i64>(1, 3);
    let out = Owned::zeros::<f32>(&[1, 1, 1, 1, 4]);
    launch(&PLANE_SCATTER, &[x.view(), places.view()], &[out.view()], &[]);
    assert_eq!(out.values::<f32>(), [0.0, 5.0, 0.0, 7.0]);
}

/// float32 in rows of neighbours takes the registers; float64 with any strides does not: both must find the same.
#[test]
fn rows_by_four_equal_the_definition() {
    let mut rng = Rng::new(22);
    for round in 0..200 {
        let of = |rng: &mut Rng, n: usize, from: usize| -> [usize; 3] {
            [1 + rng.below(2), from + rng.below(n), from + rng.below(n)]
        };
        let (mut kernel, mut stride, mut dilation) = (of(&mut rng, 3, 1), of(&mut rng, 3, 1), of(&mut rng, 2, 1));
        if round % 2 == 0 {
            ([_, kernel[1], kernel[2]], stride[2], dilation[2]) = ([1, 2 + round / 2 % 2, 2 + round / 2 % 2], 2, 1);
        }
        let reach: [usize; 3] = std::array::from_fn(|d| (kernel[d] - 1) * dilation[d] + 1);
        let padding: [usize; 3] = std::array::from_fn(|d| reach[d] / 2 * rng.below(2));
        let input: [usize; 3] = std::array::from_fn(|d| reach[d] + rng.below([2, 6, 20][d]));
        let out = |window: [usize; 3]| -> [usize; 3] {
            std::array::from_fn(|d| (input[d] + 2 * padding[d] - window[d]) / stride[d] + 1)
        };
        let shape = |s: [usize; 3]| [&[2, 2][..], &s].concat();
        let mut x = Owned::zeros::<f32>(&shape(input));
        let mut wide = Owned::random::<f64>(&mut rng, &shape(input), true);
        for i in 0..x.numel() {
            // Few values, so that equal ones meet; some special ones.
            let v = match rng.below(40) {
                0 if round % 3 == 0 => f32::NAN,
                1 => f32::INFINITY,
                2..6 => f32::NEG_INFINITY,
                n => (n % 7) as f32,
            };
            x.set::<f32>(i, v);
            wide.set::<f64>(i, v as f64);
        }
        let what = format!("{input:?} {kernel:?} {stride:?} {padding:?} {dilation:?}");
        let bits = |v: Vec<f64>| v.into_iter().map(|v| if v.is_nan() { 1 } else { v.to_bits() }).collect::<Vec<_>>();
        let sizes = shape(out(reach));
        let (y, places) = (Owned::zeros::<f32>(&sizes), Owned::zeros::<i64>(&sizes));
        let (y64, places64) = (Owned::zeros::<f64>(&sizes), Owned::zeros::<i64>(&sizes));
        let rule = attrs(&[&kernel, &stride, &padding, &dilation]);
        launch(&MAX_POOL, &[x.view()], &[y.view(), places.view()], &rule);
        launch(&MAX_POOL, &[wide.view()], &[y64.view(), places64.view()], &rule);
        assert_eq!(bits(y.values::<f32>()), bits(y64.values::<f64>()), "{what}");
        assert_eq!(places.values::<i64>(), places64.values::<i64>(), "{what}");
        let (alone, alone64) = (Owned::zeros::<f32>(&sizes), Owned::zeros::<f64>(&sizes));
        launch(&MAX_POOL, &[x.view()], &[alone.view()], &rule);
        launch(&MAX_POOL, &[wide.view()], &[alone64.view()], &rule);
        assert_eq!(bits(alone.values::<f32>()), bits(y.values::<f32>()), "values alone, {what}");
        assert_eq!(bits(alone64.values::<f64>()), bits(y64.values::<f64>()), "values alone, {what}");
        let padding: [usize; 3] = std::array::from_fn(|d| padding[d].min(kernel[d] / 2));
        let size = |d: usize| (input[d] + 2 * padding[d] - kernel[d]) / stride[d] + 1;
        let sizes = shape([size(0), size(1), size(2)]);
        let (y, y64) = (Owned::zeros::<f32>(&sizes), Owned::zeros::<f64>(&sizes));
        let rule = attrs(&[&kernel, &stride, &padding, &[rng.below(2), 0]]);
        launch(&AVG_POOL, &[x.view()], &[y.view()], &rule);
        launch(&AVG_POOL, &[wide.view()], &[y64.view()], &rule);
        let rounded = y64.values::<f64>().into_iter().map(|v| v as f32 as f64).collect();
        assert_eq!(bits(y.values::<f32>()), bits(rounded), "average {what}");
    }
}
