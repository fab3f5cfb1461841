//! Fast path, tail and strided path agree; a hand-computed step of the rules whose shape is easy to get wrong.

use super::*;
use crate::{Kernel, Part};

fn view<'a>(x: &mut [f32], shape: &'a [usize], strides: &'a [isize]) -> View<'a> {
    View { ptr: x.as_mut_ptr().cast(), dtype: DType::F32, shape, strides }
}

/// One step of `kernel` on `tensors` (parameter, gradient, states) laid out with `strides`.
fn run(kernel: Kernel, tensors: &mut [Vec<f32>], shape: &[usize], strides: &[isize], attrs: &[Attr]) {
    let views: Vec<View> = tensors.iter_mut().map(|t| view(t, shape, strides)).collect();
    let outs: Vec<View> = views.iter().enumerate().filter(|(i, _)| *i != 1).map(|(_, v)| *v).collect();
    (kernel.run)(&Launch::new(&outs, &views[1..2], attrs));
}

fn numbers(n: usize, from: f32) -> Vec<f32> {
    (0..n).map(|i| from + (i as f32 * 0.37).sin()).collect()
}

#[test]
fn strided_equals_dense() {
    let attrs: Vec<Attr> = [0.9, 0.999, 1e-8, 0.1].map(Attr::from).into_iter().collect();
    let attrs =
        [&attrs[..], &[Attr::from(true), Attr::from(0.01), Attr::from(false), Attr::from(0.1), Attr::from(0.5)]]
            .concat();
    let (rows, columns) = (7, 9);
    let dense: Vec<Vec<f32>> =
        (0..5).map(|k| numbers(rows * columns, k as f32).iter().map(|x| x.abs()).collect()).collect();
    // The same matrices, stored column by column.
    let turned: Vec<Vec<f32>> =
        dense.iter().map(|x| (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()).collect();
    let (mut a, mut b) = (dense, turned);
    run(ADAM_AMSGRAD_STEP, &mut a, &[rows, columns], &[columns as isize, 1], &attrs);
    run(ADAM_AMSGRAD_STEP, &mut b, &[rows, columns], &[1, rows as isize], &attrs);
    for (x, y) in a.iter().zip(&b) {
        for i in 0..rows * columns {
            assert_eq!(x[i], y[i / columns + i % columns * rows]);
        }
    }
}

/// Three parameters, one strided and one with a tail, whole and in parts.
#[test]
fn parts_make_the_whole() {
    let shapes: [(&[usize], &[isize]); 3] = [(&[10, 31], &[31, 1]), (&[7, 9], &[1, 7]), (&[5, 64], &[64, 1])];
    let own = [Attr::from(0.1), Attr::from(0.5)];
    let shared = [0.9, 0.999, 1e-8, 0.1].map(Attr::from);
    let attrs = [&shared[..], &[true.into(), 0.01.into(), false.into()], &own, &own, &own].concat();
    let step = |parts: usize| {
        let mut memory: Vec<Vec<f32>> =
            (0..12).map(|k| numbers(320, k as f32).iter().map(|x| x.abs()).collect()).collect();
        let views: Vec<View> =
            memory.iter_mut().enumerate().map(|(k, m)| view(m, shapes[k % 3].0, shapes[k % 3].1)).collect();
        for index in 0..parts {
            let part = Part { index, of: parts, ..Part::WHOLE };
            let scratch = std::ptr::null_mut();
            (ADAM_STEP.run)(&Launch { scratch, part, ..Launch::new(&views[3..], &views[..3], &attrs) });
        }
        memory
    };
    let whole = step(1);
    for parts in [2, 3, 7] {
        assert!(step(parts) == whole, "{parts} parts");
    }
}

#[test]
fn momentum_starts_with_the_gradient() {
    // p = [1, 2], g = [0.5, -1], lr 0.1, momentum 0.9, dampening 0.5.
    let attrs = |first: bool| {
        let mut a: Vec<Attr> = vec![0.1.into(), 0.0.into(), false.into(), 0.9.into(), 0.5.into(), false.into()];
        a.push(first.into());
        a
    };
    let mut t = vec![vec![1.0, 2.0], vec![0.5, -1.0], vec![f32::NAN; 2]];
    run(SGD_MOMENTUM_STEP, &mut t, &[2], &[1], &attrs(true));
    assert_eq!((&t[0][..], &t[2][..]), (&[0.95, 2.1][..], &[0.5, -1.0][..]));
    run(SGD_MOMENTUM_STEP, &mut t, &[2], &[1], &attrs(false));
    assert_eq!(t[2], [0.5 * 0.9 + 0.25, -0.9 - 0.5]);
}

#[test]
fn empty_and_scalar() {
    let attrs: Vec<Attr> = vec![0.5.into(), 0.0.into(), true.into()];
    run(SGD_STEP, &mut [vec![], vec![]], &[0, 3], &[3, 1], &attrs);
    let mut t = [vec![1.0], vec![4.0]];
    run(SGD_STEP, &mut t, &[], &[], &attrs);
    assert_eq!(t[0], [3.0]);
}

#[test]
fn rprop_retracts_after_a_change_of_sign() {
    let attrs: Vec<Attr> = vec![false.into(), 0.5.into(), 1.2.into(), 1e-6.into(), 50.0.into()];
    let mut t = [vec![1.0, 1.0, 1.0], vec![2.0, -2.0, 2.0], vec![1.0, 1.0, 0.0], vec![0.1; 3]];
    run(RPROP_STEP, &mut t, &[3], &[1], &attrs);
    let (more, less) = (0.1f32 * 1.2, 0.1f32 * 0.5);
    assert_eq!(t[0], [1.0 - more, 1.0, 1.0 - 0.1]);
    assert_eq!(t[2], [2.0, 0.0, 2.0]);
    assert_eq!(t[3], [more, less, 0.1]);
}
