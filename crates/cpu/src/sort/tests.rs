//! Sorting and its kin against naive versions, over random strides.

use super::*;
use crate::launch::{Attr, Kernel};
use crate::testing::{Arr, Rng, indices, run};
use cresset_lane::Element;

const SHAPES: &[&[usize]] = &[&[], &[1], &[50], &[5, 17], &[3, 8, 4]];

/// A row of the input, of the values and of the indices.
type Check<'a, T> = &'a dyn Fn(&[T], &[T], &[i64]);

/// Runs a kernel along every dimension, with `size(n)` places in the outputs' rows.
fn along<T: Element>(
    kernel: Kernel,
    rest: &[Attr],
    size: impl Fn(usize) -> usize,
    mut make: impl FnMut(&mut Rng) -> T,
    check: Check<T>,
) {
    let mut rng = Rng(99);
    for shape in SHAPES {
        for dim in 0..shape.len().max(1) {
            let n = shape.get(dim).copied().unwrap_or(1);
            let mut out = shape.to_vec();
            out.get_mut(dim).map(|v| *v = size(n));
            let x = Arr::random(&mut rng, shape, &mut make);
            let (values, at) = (Arr::<T>::scattered(&mut rng, &out), Arr::<i64>::scattered(&mut rng, &out));
            let attrs: Vec<Attr> = [&[dim.into()], rest].concat();
            run(kernel, &[values.view(), at.view()], &[x.view()], &attrs);
            for i in indices(shape).iter().filter(|i| i.get(dim).is_none_or(|&k| k == 0)) {
                let place = |k: usize| {
                    let mut i = i.clone();
                    i.get_mut(dim).map(|v| *v = k);
                    i
                };
                let row: Vec<T> = (0..n).map(|k| x.get(&place(k))).collect();
                let k = if shape.is_empty() { 1 } else { size(n) };
                let v: Vec<T> = (0..k).map(|k| values.get(&place(k))).collect();
                check(&row, &v, &(0..k).map(|k| at.get(&place(k))).collect::<Vec<_>>());
            }
        }
    }
}

/// Positions in the order of a stable sort; NaN is the greatest.
fn order<T: Element>(xs: &[T], descending: bool) -> Vec<i64> {
    let mut at: Vec<i64> = (0..xs.len() as i64).collect();
    let key = |i: i64| xs[i as usize].to_f64();
    let cmp = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(a.is_nan().cmp(&b.is_nan()));
    at.sort_by(|&a, &b| if descending { cmp(key(b), key(a)) } else { cmp(key(a), key(b)) });
    at
}

fn few(r: &mut Rng) -> f32 {
    if r.below(9) == 0 { f32::NAN } else { r.below(7) as f32 - 3.0 }
}

fn sorted_rows<T: Element>(make: impl Fn(&mut Rng) -> T + Copy) {
    for descending in [false, true] {
        along::<T>(SORT, &[descending.into()], |n| n, make, &|x, v, at| {
            assert_eq!(at, order(x, descending));
            assert!(at.iter().zip(v).all(|(&i, v)| x[i as usize] == *v || v.to_f64().is_nan()));
        });
        along::<T>(TOPK, &[descending.into(), true.into()], |n| n.div_ceil(2), make, &|x, _, at| {
            assert_eq!(at, &order(x, descending)[..at.len()]);
        });
    }
    along::<T>(KTHVALUE, &[0usize.into()], |_| 1, make, &|x, _, at| assert_eq!(at[0], order(x, false)[0]));
}

#[test]
fn sorts_are_stable_in_every_dtype() {
    sorted_rows::<f32>(few);
    sorted_rows::<f64>(|r| few(r) as f64);
    sorted_rows::<i64>(|r| r.below(9) as i64 - 4);
    sorted_rows::<i32>(|r| r.below(9) as i32 - 4);
    sorted_rows::<u8>(|r| r.below(9) as u8);
}

#[test]
fn medians() {
    along::<f32>(MEDIAN, &[], |_| 1, few, &|x, _, at| {
        let nan = x.iter().position(|v| v.is_nan());
        assert_eq!(at[0], nan.map_or_else(|| order(x, false)[(x.len() - 1) / 2], |i| i as i64));
    });
    along::<f32>(NANMEDIAN, &[], |_| 1, few, &|x, _, at| {
        let live = x.iter().filter(|v| !v.is_nan()).count();
        assert_eq!(at[0], order(x, false)[live.saturating_sub(1) / 2]);
    });
    along::<i64>(MEDIAN, &[], |_| 1, |r| r.below(5) as i64, &|x, _, at| {
        assert_eq!(at[0], order(x, false)[(x.len() - 1) / 2]);
    });
}

#[test]
fn mode_is_the_least_of_the_most_frequent() {
    along::<i32>(MODE, &[], |_| 1, |r| r.below(5) as i32 - 2, &|x, v, at| {
        let count = |v: i32| x.iter().filter(|&&w| w == v).count();
        let most = x.iter().map(|&v| count(v)).max().unwrap();
        assert_eq!(v[0], *x.iter().filter(|&&v| count(v) == most).min().unwrap());
        assert_eq!(at[0], x.iter().rposition(|&w| w == v[0]).unwrap() as i64);
    });
}

#[test]
fn distinct_elements_and_slices() {
    let x = Arr::<i64> { memory: vec![3, 1, 3, 2, 1, 3], ..Arr::zeros(&[6]) };
    let order = Arr::<i64> { memory: vec![1, 4, 3, 0, 2, 5], ..Arr::zeros(&[6]) };
    let outs = [Arr::<i64>::zeros(&[1]), Arr::zeros(&[6]), Arr::zeros(&[6]), Arr::zeros(&[6])];
    run(UNIQUE, &outs.each_ref().map(|a| a.view()), &[x.view(), order.view()], &[]);
    assert_eq!(outs[0].memory[0], 3);
    assert_eq!(outs[1].memory[..3], [1, 3, 0]);
    assert_eq!(outs[2].memory, [2, 0, 2, 1, 0, 2]);
    assert_eq!(outs[3].memory[..3], [2, 1, 3]);

    let rows = Arr::<f32> { memory: vec![2.0, 1.0, -1.0, 5.0, 2.0, 0.0, -1.0, 5.0], ..Arr::zeros(&[4, 2]) };
    let order = Arr::<i64>::zeros(&[4]);
    run(LEXICOGRAPHIC, &[order.view()], &[rows.view()], &[]);
    assert_eq!(order.memory, [1, 3, 2, 0]);
    let outs = [Arr::<i64>::zeros(&[1]), Arr::zeros(&[4]), Arr::zeros(&[4]), Arr::zeros(&[4])];
    run(UNIQUE, &outs.each_ref().map(|a| a.view()), &[rows.view(), order.view()], &[]);
    assert_eq!((outs[0].memory[0], &outs[2].memory[..]), (3, &[2, 0, 1, 0][..]));
}

#[test]
fn searching_on_either_side() {
    let mut rng = Rng(7);
    let mut sorted = Arr::<f64>::random(&mut rng, &[3, 10], |_| 0.0);
    for r in 0..3 {
        let mut row: Vec<f64> = (0..10).map(|_| rng.below(8) as f64).collect();
        row.sort_by(f64::total_cmp);
        row.iter().enumerate().for_each(|(c, &v)| sorted.set(&[r, c], v));
    }
    let values = Arr::<f64>::random(&mut rng, &[3, 6], |r| r.below(9) as f64 - 0.5 * r.below(2) as f64);
    for right in [false, true] {
        let (wide, narrow) = (Arr::<i64>::scattered(&mut rng, &[3, 6]), Arr::<i32>::scattered(&mut rng, &[3, 6]));
        run(SEARCHSORTED, &[wide.view()], &[sorted.view(), values.view()], &[right.into()]);
        run(SEARCHSORTED, &[narrow.view()], &[sorted.view(), values.view()], &[right.into()]);
        for i in indices(&[3, 6]) {
            let v = values.get(&i);
            let below = |c: &usize| sorted.get(&[i[0], *c]) < v || (right && sorted.get(&[i[0], *c]) == v);
            let want = (0..10).filter(below).count();
            assert_eq!((wide.get(&i), narrow.get(&i)), (want as i64, want as i32));
        }
    }
}

#[test]
fn histogram() {
    let x = Arr::<f32> { memory: vec![0.0, 0.5, 1.0, 1.0, 2.0, 3.0, -1.0, f32::NAN], ..Arr::zeros(&[8]) };
    let y = Arr::<f32>::zeros(&[2]);
    run(HISTC, &[y.view()], &[x.view()], &[0.0.into(), 2.0.into()]);
    assert_eq!(y.memory, [2.0, 3.0]);
}
