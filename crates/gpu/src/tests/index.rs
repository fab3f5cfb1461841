//! Indexing, rearrangements, tables, class losses.

use cresset_cpu::index::*;
use cresset_cpu::reduce::{CROSS_ENTROPY_BACKWARD, NLL_LOSS, NLL_LOSS_BACKWARD};
use cresset_lane::{Attr, DType};

use crate::testing::{Layout, Operand, Rng, Scene};

/// An indexed tensor [20, 6, 9], whose dimensions 0 and 2 are moved by indices over [4, 5]: the result is [4, 5, 6].
fn indexed(rng: &mut Rng, dtype: DType, unique: bool) -> (Scene, Operand, Vec<Attr>) {
    let mut s = Scene::default();
    let x = s.operand(dtype, &[20, 6, 9], Layout::Scattered, rng, &mut |r| r.below(100) as f64 + 1.0);
    let mut next = -10.0;
    for (size, layout) in [(20usize, Layout::RowMajor), (9, Layout::Scattered)] {
        let o = s.operand(DType::I64, &[4, 5, 1], layout, rng, &mut |r| {
            next += 1.0;
            if unique && size == 20 {
                (next as i64).rem_euclid(20) as f64
            } else {
                r.below(2 * size) as f64 - size as f64
            }
        });
        s.ins.push(o);
    }
    for o in &mut s.ins {
        (o.shape, o.strides[2]) = (vec![4, 5, 6], 0);
    }
    let attrs = [20, x.strides[0], 9, x.strides[2]].map(|v| Attr::from(v as i64)).to_vec();
    let window = Operand { shape: vec![4, 5, 6], strides: vec![0, 0, x.strides[1]], ..x };
    (s, window, attrs)
}

#[test]
fn gets() {
    let mut rng = Rng(3);
    for dtype in [DType::F32, DType::I64, DType::U8, DType::Bool] {
        let (mut s, x, attrs) = indexed(&mut rng, dtype, false);
        s.ins.insert(0, x);
        s.output(dtype, &[4, 5, 6], Layout::Scattered, &mut rng).attrs(&attrs);
        s.check(INDEX_GET, 0.0, 0.0);
    }
}

#[test]
fn gets_by_many_indices() {
    let mut rng = Rng(4);
    let sizes = [3usize, 4, 2, 5, 3];
    let mut s = Scene::default();
    s.input(DType::F32, &sizes, Layout::RowMajor, &mut rng, |r| r.float());
    let mut attrs = Vec::new();
    for (d, &n) in sizes.iter().enumerate() {
        attrs.extend([Attr::from(n), Attr::from(s.ins[0].strides[d] as i64)]);
    }
    (s.ins[0].shape, s.ins[0].strides) = (vec![40], vec![0]);
    for n in sizes {
        s.input(DType::I64, &[40], Layout::Scattered, &mut rng, |r| r.below(n) as f64);
    }
    s.output(DType::F32, &[40], Layout::RowMajor, &mut rng).attrs(&attrs);
    s.check(INDEX_GET, 0.0, 0.0);
}

#[test]
fn puts() {
    let mut rng = Rng(5);
    for dtype in [DType::F32, DType::I64, DType::U8, DType::Bool] {
        for mode in [PutMode::Assign, PutMode::Add, PutMode::Multiply, PutMode::Max, PutMode::Min] {
            // Which of several assigned elements stays is not defined; products of many are not small.
            let unique = mode == PutMode::Assign || mode == PutMode::Multiply;
            let (mut s, y, attrs) = indexed(&mut rng, dtype, unique);
            let v = s.operand(dtype, &[4, 5, 6], Layout::Scattered, &mut rng, &mut |r| r.below(9) as f64);
            s.ins.insert(0, v);
            s.outs.push(y);
            s.attrs(&[vec![Attr::from(mode)], attrs].concat());
            // Sums, too, are made in the CPU's order.
            s.check(INDEX_PUT, 0.0, 0.0);
        }
    }
}

#[test]
fn ranges() {
    let mut rng = Rng(6);
    for shape in [&[] as &[usize], &[5, 7], &[2000], &[3, 0]] {
        let mut s = Scene::default();
        s.input(DType::I64, shape, Layout::Scattered, &mut rng, |r| r.below(1000) as f64 - 500.0);
        s.output(DType::I64, &[2], Layout::Scattered, &mut rng);
        s.check(INDEX_RANGE, 0.0, 0.0);
    }
}

#[test]
fn flips_and_triangles() {
    let mut rng = Rng(7);
    for dtype in [DType::F32, DType::I64, DType::Bool] {
        for flags in [[true, false, true], [false, true, false]] {
            let mut s = Scene::default();
            s.input(dtype, &[3, 4, 5], Layout::Scattered, &mut rng, |r| r.below(100) as f64);
            s.output(dtype, &[3, 4, 5], Layout::Scattered, &mut rng).attrs(&flags.map(Attr::from));
            s.check(FLIP, 0.0, 0.0);
        }
        for diagonal in [0, 2, -1, 7, -9, i64::MAX, i64::MIN] {
            for upper in [true, false] {
                let mut s = Scene::default();
                s.input(dtype, &[3, 4, 5], Layout::Scattered, &mut rng, |r| r.below(100) as f64 + 1.0);
                s.output(dtype, &[3, 4, 5], Layout::Scattered, &mut rng);
                s.attrs(&[Attr::from(diagonal), Attr::from(upper)]);
                s.check(TRI, 0.0, 0.0);
            }
        }
    }
}

#[test]
fn gradients_of_tables() {
    let mut rng = Rng(8);
    for scale in [false, true] {
        for padding in [-1i64, 3] {
            let mut s = Scene::default();
            s.input(DType::F32, &[70, 12], Layout::Scattered, &mut rng, |r| r.float());
            s.input(DType::I64, &[70], Layout::Scattered, &mut rng, |r| r.below(9) as f64);
            s.output(DType::F32, &[9, 12], Layout::Scattered, &mut rng);
            s.attrs(&[Attr::from(padding), Attr::from(scale)]);
            // A reciprocal is no division.
            s.check(EMBEDDING_BACKWARD, if scale { 1e-6 } else { 0.0 }, if scale { 1e-6 } else { 0.0 });
        }
    }
}

#[test]
fn many_meet_at_one_place() {
    let mut rng = Rng(10);
    for (m, rows, columns) in [(1, 1, 1), (3000, 2, 3), (5000, 700, 1), (1, 4, 30)] {
        let mut s = Scene::default();
        s.input(DType::F32, &[m, columns], Layout::Scattered, &mut rng, |r| r.float());
        s.input(DType::I64, &[m], Layout::Scattered, &mut rng, |r| r.below(rows) as f64);
        s.output(DType::F32, &[rows, columns], Layout::Scattered, &mut rng);
        s.attrs(&[Attr::from(-1i64), Attr::from(false)]);
        s.check(EMBEDDING_BACKWARD, 0.0, 0.0);
    }
}

#[test]
fn class_losses() {
    let mut rng = Rng(9);
    let rules =
        (0..3i64).flat_map(|reduction| [(reduction, 0.0, false), (reduction, 0.0, true), (reduction, 0.3, true)]);
    let rules: Vec<_> = rules.chain([(1, 0.3, false)]).collect();
    for (n, c, places) in [(1, 3, 1), (64, 10, 1), (5, 7, 400), (0, 4, 1)] {
        for &(reduction, smoothing, weighted) in &rules {
            let layout = Layout::Scattered;
            let attrs = [Attr::from(reduction), Attr::from(-100i64), Attr::from(smoothing)];
            let mut class = move |r: &mut Rng| if r.below(7) == 0 { -100.0 } else { r.below(c) as f64 };
            let loss: &[usize] = if reduction == 0 { &[n, places] } else { &[] };
            let mut s = Scene::default();
            s.input(DType::F32, &[n, c, places], layout, &mut rng, |r| r.float() - 2.0);
            s.input(DType::I64, &[n, places], layout, &mut rng, &mut class);
            if weighted {
                s.input(DType::F32, &[c], layout, &mut rng, |r| 1.5 + r.float());
            }
            s.output(DType::F32, loss, layout, &mut rng).output(DType::F32, &[], layout, &mut rng).attrs(&attrs);
            // Of no places without reduction the total is left as it is.
            if n > 0 {
                s.check(NLL_LOSS, 2e-6, 1e-6);
            }
            for kernel in [NLL_LOSS_BACKWARD, CROSS_ENTROPY_BACKWARD] {
                let mut s = Scene::default();
                s.input(DType::F32, &[n, places], Layout::Broadcast, &mut rng, |r| r.float());
                s.input(DType::I64, &[n, places], layout, &mut rng, &mut class);
                s.input(DType::F32, &[], layout, &mut rng, |r| 30.0 + r.float());
                if kernel.name == CROSS_ENTROPY_BACKWARD.name {
                    s.input(DType::F32, &[n, c, places], Layout::At(5), &mut rng, |r| r.float() - 2.0);
                }
                if weighted {
                    s.input(DType::F32, &[c], layout, &mut rng, |r| 1.5 + r.float());
                }
                if weighted && smoothing > 0.0 && kernel.name == CROSS_ENTROPY_BACKWARD.name {
                    s.input(DType::F32, &[], layout, &mut rng, |r| 9.0 + r.float());
                }
                s.output(DType::F32, &[n, c, places], Layout::At(3), &mut rng).attrs(&attrs);
                s.check(kernel, 2e-6, 1e-7);
            }
        }
    }
}
