//! Reductions over any dimensions of any layout.

use cresset_cpu::Kernel;
use cresset_cpu::reduce::*;
use cresset_lane::{Attr, DType};

use crate::AdapterKind;
use crate::testing::{Layout, Rng, Scene, as_each};

/// Shapes, and which dimensions are reduced: few and many elements to a result, few and many results.
const CASES: [(&[usize], &[usize]); 14] = [
    (&[], &[]),
    (&[1], &[0]),
    (&[300], &[0]),
    (&[20_000], &[0]),
    (&[7, 33], &[1]),
    (&[7, 33], &[0]),
    (&[5, 700], &[1]),
    (&[700, 5], &[0]),
    (&[9000, 3], &[0]),
    (&[300, 260], &[1]),
    (&[3, 4, 5, 6], &[1, 3]),
    (&[3, 4, 5, 6], &[0, 2]),
    (&[2, 40, 3, 50], &[0, 1, 2, 3]),
    (&[4, 1, 6], &[1]),
];

fn each_case(rng: &mut Rng, mut f: impl FnMut(&mut Rng, Layout, &[usize], &[usize])) {
    for (shape, dims) in CASES {
        for layout in [Layout::RowMajor, Layout::Scattered] {
            let out: Vec<usize> = (0..shape.len()).map(|d| if dims.contains(&d) { 1 } else { shape[d] }).collect();
            f(rng, layout, shape, &out);
        }
    }
}

fn reduction(kernel: Kernel, dtype: DType, out: DType, attrs: &[Attr], value: fn(&mut Rng) -> f64) {
    // On a GPU workgroups reduce more rows together than on the processor, which is the longer test.
    let kinds = [AdapterKind::Discrete, AdapterKind::Cpu];
    as_each(if dtype == DType::F32 { &kinds } else { &kinds[..1] }, || {
        each_case(&mut Rng(3), |rng, layout, shape, reduced| {
            let mut s = Scene::default();
            s.input(dtype, shape, layout, rng, value).output(out, reduced, layout, rng).attrs(attrs);
            // Sums of up to 20,000 numbers of either sign, of which some hundred are left.
            s.check(kernel, 2e-6, 4e-5);
        });
    });
}

#[test]
fn sums() {
    reduction(SUM, DType::F32, DType::F32, &[Attr::from(1.0)], |r| r.float());
    reduction(SUM, DType::F32, DType::F32, &[Attr::from(7.0)], |r| r.float() + 10.0);
    reduction(SUM, DType::I64, DType::I64, &[Attr::from(1.0)], |r| r.below(2000) as f64 - 1000.0);
    reduction(NANSUM, DType::F32, DType::F32, &[], |r| if r.below(5) == 0 { f64::NAN } else { r.float() });
}

#[test]
fn products() {
    reduction(PROD, DType::F32, DType::F32, &[], |r| 1.0 + r.float() * 0.01);
    reduction(PROD, DType::I64, DType::I64, &[], |r| [1.0, -1.0][r.below(2)]);
}

#[test]
fn counts_and_truth() {
    for dtype in [DType::F32, DType::I32, DType::I64, DType::U8, DType::Bool] {
        reduction(COUNT_NONZERO, dtype, DType::I64, &[], |r| r.below(3) as f64);
    }
    // They count as well.
    for dtype in [DType::F32, DType::U8] {
        reduction(ANY, dtype, DType::Bool, &[], |r| (r.below(200) == 0) as u8 as f64);
        reduction(ALL, dtype, DType::Bool, &[], |r| (r.below(200) != 0) as u8 as f64);
    }
    reduction(COUNT_NONZERO, DType::F32, DType::I64, &[], |r| [0.0, -0.0, f64::NAN, 1.0][r.below(4)]);
}

#[test]
fn extremes() {
    for kernel in [AMAX, AMIN] {
        reduction(kernel, DType::F32, DType::F32, &[], |r| r.float() * 100.0);
        reduction(kernel, DType::F32, DType::F32, &[], |r| match r.below(300) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            _ => r.float(),
        });
        reduction(kernel, DType::I64, DType::I64, &[], |r| r.below(1 << 20) as f64 - 5e5);
    }
}

#[test]
fn positions_of_extremes() {
    as_each(&[AdapterKind::Discrete], positions);
}

fn positions() {
    for kernel in [ARGMAX, ARGMIN] {
        for (shape, _) in CASES.into_iter().filter(|(shape, _)| shape.len() < 4) {
            for dim in 0..shape.len().max(1) {
                for (dtype, values) in [(DType::F32, true), (DType::F32, false), (DType::I64, true)] {
                    let mut rng = Rng(8 + dim as u64);
                    let mut s = Scene::default();
                    s.input(dtype, shape, Layout::Scattered, &mut rng, |r| match r.below(500) {
                        0 if dtype == DType::F32 => f64::NAN,
                        1 if dtype == DType::F32 => -0.0,
                        _ => r.below(40) as f64 - 20.0,
                    });
                    let out: Vec<usize> = (0..shape.len()).map(|d| if d == dim { 1 } else { shape[d] }).collect();
                    if values {
                        s.output(dtype, &out, Layout::Scattered, &mut rng);
                    }
                    s.output(DType::I64, &out, Layout::Scattered, &mut rng).attrs(&[Attr::from(dim)]);
                    s.check(kernel, 0.0, 0.0);
                }
            }
        }
    }
}

#[test]
fn norms() {
    for p in [1.0, 2.0, 3.0, 0.5] {
        reduction(NORM, DType::F32, DType::F32, &[Attr::from(p)], |r| r.float());
    }
}

#[test]
fn variances() {
    for (correction, root) in [(1.0, false), (0.0, true)] {
        each_case(&mut Rng(4), |rng, layout, shape, reduced| {
            let count = shape.iter().product::<usize>() / reduced.iter().product::<usize>();
            let mut s = Scene::default();
            s.input(DType::F32, shape, layout, rng, |r| 30.0 + r.float());
            s.output(DType::F32, reduced, layout, rng).output(DType::F32, reduced, Layout::RowMajor, rng);
            s.attrs(&[Attr::from(count as f64), Attr::from(correction), Attr::from(root)]);
            s.check(VAR_MEAN, 4e-6, 2e-6);
        });
    }
}

#[test]
fn reductions_of_nothing() {
    let mut rng = Rng(1);
    for (kernel, dtype) in [(SUM, DType::F32), (PROD, DType::F32), (COUNT_NONZERO, DType::I64), (ALL, DType::Bool)] {
        let mut s = Scene::default();
        s.input(DType::F32, &[3, 0], Layout::RowMajor, &mut rng, |r| r.float());
        s.output(dtype, &[3, 1], Layout::RowMajor, &mut rng).attrs(&[Attr::from(1.0)]);
        s.check(kernel, 0.0, 0.0);
    }
}
