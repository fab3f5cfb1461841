//! The indexing kernels against naive loops, over random strides.

use super::*;
use crate::launch::View;
use crate::testing::{Arr, Rng, close, indices, run};
use cresset_lane::Bool;

/// A view of `a` over another shape, with given strides.
fn over<'a, T: cresset_lane::Element>(a: &'a Arr<T>, shape: &'a [usize], strides: &'a [isize]) -> View<'a> {
    View { shape, strides, ..a.view() }
}

#[test]
fn gather_and_scatter_add_along_each_dimension() {
    let mut rng = Rng(21);
    for dim in 0..3 {
        let (shape, mut out) = ([4, 5, 6], [3, 5, 2]);
        out[dim] = 7;
        let x = Arr::<i32>::random(&mut rng, &shape, |r| r.below(1000) as i32);
        let index = Arr::<i64>::random(&mut rng, &out, |r| r.below(2 * shape[dim]) as i64 - shape[dim] as i64);
        let place = |i: &[usize]| {
            let mut to = i.to_vec();
            to[dim] = index.get(i).rem_euclid(shape[dim] as i64) as usize;
            to
        };
        let mut strides = x.strides.clone();
        strides[dim] = 0;
        let step = [shape[dim].into(), (x.strides[dim] as i64).into()];
        let y = Arr::<i32>::scattered(&mut rng, &out);
        run(INDEX_GET, &[y.view()], &[over(&x, &out, &strides), index.view()], &step);
        indices(&out).iter().for_each(|i| assert_eq!(y.get(i), x.get(&place(i))));

        for mode in [PutMode::Assign, PutMode::Add, PutMode::Multiply, PutMode::Max, PutMode::Min] {
            let z = Arr::<i32> { memory: x.memory.clone(), shape: shape.to_vec(), strides: x.strides.clone(), ..x };
            let mut want =
                Arr::<i32> { memory: x.memory.clone(), shape: shape.to_vec(), strides: x.strides.clone(), ..x };
            run(INDEX_PUT, &[over(&z, &out, &strides)], &[y.view(), index.view()], &[mode.into(), step[0], step[1]]);
            for i in indices(&out) {
                let (to, v) = (place(&i), y.get(&i));
                let old = want.get(&to);
                let new = match mode {
                    PutMode::Assign => v,
                    PutMode::Add => old.wrapping_add(v),
                    PutMode::Multiply => old.wrapping_mul(v),
                    PutMode::Max => old.max(v),
                    PutMode::Min => old.min(v),
                };
                want.set(&to, new);
            }
            assert_eq!(z.values(), want.values(), "{mode:?} along {dim}");
        }
    }
}

#[test]
fn two_indices_among_kept_dimensions() {
    // y[a, b, k] = x[i[a, b], k, j[a, b]]
    let mut rng = Rng(22);
    for _ in 0..20 {
        let x = Arr::<f64>::random(&mut rng, &[4, 5, 6], |r| r.float());
        let i = Arr::<i64>::random(&mut rng, &[2, 3], |r| r.below(4) as i64);
        let j = Arr::<i64>::random(&mut rng, &[2, 3], |r| r.below(6) as i64 - 6);
        let out = [2, 3, 5];
        let y = Arr::<f64>::scattered(&mut rng, &out);
        let (sx, si, sj) = ([0, 0, x.strides[1]], [i.strides[0], i.strides[1], 0], [j.strides[0], j.strides[1], 0]);
        let attrs = [4usize.into(), (x.strides[0] as i64).into(), 6usize.into(), (x.strides[2] as i64).into()];
        run(INDEX_GET, &[y.view()], &[over(&x, &out, &sx), over(&i, &out, &si), over(&j, &out, &sj)], &attrs);
        for at in indices(&out) {
            let (a, b) = (i.get(&at[..2]) as usize, (j.get(&at[..2]) + 6) as usize);
            assert_eq!(y.get(&at), x.get(&[a, at[2], b]));
        }
    }
}

#[test]
fn bools_add_as_or() {
    let y = Arr::<Bool> { memory: vec![Bool(1), Bool(0)], ..Arr::zeros(&[2]) };
    let (v, i) = (Arr::<Bool> { memory: vec![Bool(1); 2], ..Arr::zeros(&[2]) }, Arr::<i64>::zeros(&[2]));
    let steps = [PutMode::Add.into(), 2usize.into(), 1usize.into()];
    run(INDEX_PUT, &[over(&y, &[2], &[0])], &[v.view(), i.view()], &steps);
    assert_eq!(y.memory, [Bool(1), Bool(0)]);
}

#[test]
fn index_range() {
    let mut rng = Rng(9);
    let x = Arr::<i64>::random(&mut rng, &[3, 4], |r| r.below(50) as i64 - 20);
    let out = Arr::<i64>::zeros(&[2]);
    run(INDEX_RANGE, &[out.view()], &[x.view()], &[]);
    assert_eq!(out.memory, [*x.values().iter().min().unwrap(), *x.values().iter().max().unwrap()]);
    run(INDEX_RANGE, &[out.view()], &[Arr::<i64>::zeros(&[0]).view()], &[]);
    assert_eq!(out.memory, [0, 0]);
}

#[test]
fn masks_and_positions() {
    let mut rng = Rng(31);
    for shape in [&[] as &[usize], &[7], &[3, 0], &[4, 5], &[2, 1, 9]] {
        let x = Arr::<f32>::random(&mut rng, shape, |r| r.below(3) as f32);
        let mask = Arr::<Bool>::random(&mut rng, shape, |r| Bool(r.below(2) as u8));
        let chosen: Vec<f32> = indices(shape).iter().filter(|i| mask.get(i) == Bool(1)).map(|i| x.get(i)).collect();
        let y = Arr::<f32>::zeros(&[chosen.len()]);
        run(MASKED_SELECT, &[y.view()], &[x.view(), mask.view()], &[]);
        assert_eq!(y.values(), chosen);
        let back = Arr::<f32>::random(&mut rng, shape, |_| -1.0);
        run(MASKED_SCATTER, &[back.view()], &[y.view(), mask.view()], &[]);
        indices(shape)
            .iter()
            .for_each(|i| assert_eq!(back.get(i), if mask.get(i) == Bool(1) { x.get(i) } else { -1.0 }));
        let want: Vec<Vec<usize>> = indices(shape).into_iter().filter(|i| x.get(i) != 0.0).collect();
        let at = Arr::<i64>::scattered(&mut rng, &[want.len(), shape.len()]);
        run(NONZERO, &[at.view()], &[x.view()], &[]);
        assert_eq!(at.values(), want.concat().iter().map(|&i| i as i64).collect::<Vec<_>>());
    }
}

#[test]
fn reversal_and_triangles() {
    let mut rng = Rng(41);
    let shape = [2, 4, 5];
    let x = Arr::<u8>::random(&mut rng, &shape, |r| 1 + r.below(9) as u8);
    let y = Arr::<u8>::scattered(&mut rng, &shape);
    run(FLIP, &[y.view()], &[x.view()], &[true.into(), false.into(), true.into()]);
    indices(&shape).iter().for_each(|i| assert_eq!(y.get(i), x.get(&[1 - i[0], i[1], 4 - i[2]])));
    for k in -5i64..6 {
        for upper in [false, true] {
            run(TRI, &[y.view()], &[x.view()], &[k.into(), upper.into()]);
            for i in indices(&shape) {
                let above = i[2] as i64 - i[1] as i64;
                let kept = if upper { above >= k } else { above <= k };
                assert_eq!(y.get(&i), if kept { x.get(&i) } else { 0 });
            }
        }
    }
}

#[test]
fn embedding_gradients() {
    let mut rng = Rng(51);
    let g = Arr::<f32>::random(&mut rng, &[9, 4], |r| r.float() as f32);
    let index = Arr::<i64>::random(&mut rng, &[9], |r| r.below(5) as i64);
    for (padding, scale) in [(-1i64, false), (2, false), (1, true)] {
        let table = Arr::<f32>::scattered(&mut rng, &[5, 4]);
        run(EMBEDDING_BACKWARD, &[table.view()], &[g.view(), index.view()], &[padding.into(), scale.into()]);
        for i in indices(&[5, 4]) {
            let rows: Vec<usize> =
                (0..9).filter(|&k| index.get(&[k]) == i[0] as i64 && i[0] as i64 != padding).collect();
            let sum: f64 = rows.iter().map(|&k| g.get(&[k, i[1]]) as f64).sum();
            close(table.get(&i) as f64, if scale && !rows.is_empty() { sum / rows.len() as f64 } else { sum }, 1e-6);
        }
    }
    let repeats = Arr::<i64> { memory: vec![2, 0, 3], ..Arr::zeros(&[3]) };
    let y = Arr::<i64>::zeros(&[5]);
    run(REPEAT_INDICES, &[y.view()], &[repeats.view()], &[]);
    assert_eq!(y.memory, [0, 0, 2, 2, 2]);
}
