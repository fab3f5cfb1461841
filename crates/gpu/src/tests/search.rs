//! Masks, positions, searches, bins, tables.

use cresset_cpu::{index::*, pool::FRACTIONAL_MAX_POOL, resample::*, sort::*};
use cresset_lane::{Attr, DType};

use crate::testing::{Layout, Rng, Scene};

#[test]
fn masks() {
    let mut rng = Rng(3);
    let shapes: [&[usize]; 6] = [&[], &[5], &[3, 4, 5], &[9000], &[70, 130], &[0, 3]];
    for shape in shapes {
        for dtype in [DType::F32, DType::U8] {
            let mut s = Scene::default();
            s.input(dtype, shape, Layout::Scattered, &mut rng, |r| r.below(200) as f64);
            s.input(DType::Bool, shape, Layout::Scattered, &mut rng, |r| r.below(2) as f64);
            // As many as the mask has, which lie where its operand says: room for all is enough here.
            let n = shape.iter().product();
            let chosen = s.operand(dtype, &[n], Layout::At(3), &mut rng, &mut |r| r.below(200) as f64);
            let mut scatter = s.clone();
            s.outs.push(chosen.clone());
            s.check(MASKED_SELECT, 0.0, 0.0);
            scatter.outs.push(scatter.ins[0].clone());
            scatter.ins[0] = chosen;
            scatter.check(MASKED_SCATTER, 0.0, 0.0);
        }
    }
}

#[test]
fn positions_of_what_is_not_zero() {
    let mut rng = Rng(4);
    let shapes: [&[usize]; 4] = [&[7], &[3, 4, 5], &[100, 93], &[2, 3, 2, 2, 3]];
    for shape in shapes {
        for dtype in [DType::F32, DType::I64, DType::Bool] {
            let mut s = Scene::default();
            s.input(dtype, shape, Layout::Scattered, &mut rng, |r| [0.0, -0.0, 1.0, 2.0][r.below(4)]);
            let n = shape.iter().product();
            s.output(DType::I64, &[n, shape.len()], Layout::RowMajor, &mut rng);
            s.check(NONZERO, 0.0, 0.0);
        }
    }
}

#[test]
fn repeated_indices() {
    let mut rng = Rng(5);
    let mut s = Scene::default();
    let mut count = 0.0;
    s.input(DType::I64, &[300], Layout::Scattered, &mut rng, |r| {
        let v = r.below(4) as f64;
        count += v;
        v
    });
    let memory = &s.memories[0].bytes;
    let o = &s.ins[0];
    let at = |i: usize| (o.offset as isize + i as isize * o.strides[0]) as usize * 8;
    let n: i64 = (0..300).map(|i| i64::from_ne_bytes(memory[at(i)..at(i) + 8].try_into().unwrap())).sum();
    s.output(DType::I64, &[n as usize], Layout::At(2), &mut rng);
    s.check(REPEAT_INDICES, 0.0, 0.0);
}

#[test]
fn searches() {
    let mut rng = Rng(6);
    for dtype in [DType::F32, DType::I64, DType::U8] {
        for (right, out) in [(false, DType::I64), (true, DType::I32)] {
            let mut s = Scene::default();
            for _ in 0..2 {
                let mut next = 0.0;
                let layout = Layout::RowMajor;
                s.input(dtype, &[3, 40], layout, &mut rng, |r| {
                    next += r.below(2) as f64;
                    next
                });
            }
            s.input(DType::I64, &[3, 40], Layout::RowMajor, &mut rng, |r| r.below(40) as f64);
            s.output(out, &[3, 40], Layout::Scattered, &mut rng).attrs(&[Attr::from(right)]);
            let mut plain = s.clone();
            plain.ins.pop();
            plain.check(SEARCHSORTED, 0.0, 0.0);
            s.check(SEARCHSORTED, 0.0, 0.0);
        }
    }
}

#[test]
fn bins() {
    let mut rng = Rng(7);
    for weighted in [false, true] {
        let mut s = Scene::default();
        s.input(DType::F32, &[20, 33], Layout::Scattered, &mut rng, |r| {
            if r.below(30) == 0 { f64::NAN } else { r.float() * 1.3 }
        });
        if weighted {
            s.input(DType::F32, &[20, 33], Layout::Scattered, &mut rng, |r| r.float());
        }
        s.output(DType::F32, &[10], Layout::Scattered, &mut rng).attrs(&[Attr::from(-1.0), Attr::from(1.0)]);
        s.check(HISTC, 1e-6, 1e-5);
    }
}

#[test]
fn tables() {
    let mut rng = Rng(8);
    for dim in 0..3 {
        let (shape, outs, taps) = ([3usize, 4, 5], 6, 3);
        let mut out = shape;
        out[dim] = outs;
        for (kernel, from, to) in [(RESAMPLE, shape, out), (RESAMPLE_BACKWARD, out, shape)] {
            let mut s = Scene::default();
            s.input(DType::F32, &from, Layout::Scattered, &mut rng, |r| r.float());
            s.input(DType::I64, &[outs, taps], Layout::RowMajor, &mut rng, |r| r.below(shape[dim]) as f64);
            s.input(DType::F32, &[outs, taps], Layout::At(5), &mut rng, |r| r.float());
            s.output(DType::F32, &to, Layout::Scattered, &mut rng).attrs(&[Attr::from(dim)]);
            s.check(kernel, 1e-6, 1e-6);
            let mut s = Scene::default();
            let dtype = if kernel.name == "resample" { DType::U8 } else { DType::F32 };
            s.input(dtype, &from, Layout::Scattered, &mut rng, |r| r.below(99) as f64);
            s.input(DType::I64, &[outs, 1], Layout::RowMajor, &mut rng, |r| r.below(shape[dim]) as f64);
            s.output(dtype, &to, Layout::Scattered, &mut rng).attrs(&[Attr::from(dim)]);
            s.check(kernel, 1e-6, 1e-6);
        }
    }
}

#[test]
fn windows_that_a_tensor_names() {
    let mut rng = Rng(9);
    let mut s = Scene::default();
    s.input(DType::F32, &[2, 3, 4, 6, 7], Layout::Scattered, &mut rng, |r| r.below(30) as f64);
    s.input(DType::I64, &[2, 3, 3, 4], Layout::Scattered, &mut rng, |r| r.below(3) as f64);
    s.output(DType::F32, &[2, 3, 2, 3, 4], Layout::Scattered, &mut rng);
    s.output(DType::I64, &[2, 3, 2, 3, 4], Layout::Scattered, &mut rng);
    s.attrs(&[2usize, 3, 4].map(Attr::from)).check(FRACTIONAL_MAX_POOL, 0.0, 0.0);
}
