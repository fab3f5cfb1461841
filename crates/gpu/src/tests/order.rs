//! Scans, sorts and selections along a dimension.

use cresset_cpu::Kernel;
use cresset_cpu::{scan::*, sort::*};
use cresset_lane::{Attr, DType};

use crate::testing::{Layout, Rng, Scene};

const SHAPES: [&[usize]; 8] = [&[], &[1], &[300], &[2, 700], &[700, 3], &[90, 20], &[4, 0], &[3, 5, 4]];

/// Runs a kernel along every dimension; `size` gives that of the outputs there.
fn along(
    kernel: Kernel,
    dtype: DType,
    two: bool,
    more: &[Attr],
    size: fn(usize) -> usize,
    tolerance: f64,
    value: fn(&mut Rng) -> f64,
) {
    let mut rng = Rng(3);
    for shape in SHAPES {
        for dim in 0..shape.len().max(1) {
            let n = shape.get(dim).copied().unwrap_or(1);
            // Nothing is selected from nothing.
            if n == 0 && size(5) != 5 {
                continue;
            }
            let out: Vec<usize> = (0..shape.len()).map(|d| if d == dim { size(n) } else { shape[d] }).collect();
            let mut s = Scene::default();
            s.input(dtype, shape, Layout::Scattered, &mut rng, value).output(dtype, &out, Layout::Scattered, &mut rng);
            if two {
                s.output(DType::I64, &out, Layout::Scattered, &mut rng);
            }
            s.attrs(&[&[Attr::from(dim)], more].concat()).check(kernel, tolerance, tolerance);
        }
    }
}

const SAME: fn(usize) -> usize = |n| n;
const ONE: fn(usize) -> usize = |_| 1;

#[test]
fn sums_and_products() {
    along(CUMSUM, DType::F32, false, &[], SAME, 2e-5, |r| r.float());
    along(CUMSUM, DType::I64, false, &[], SAME, 0.0, |r| r.below(100) as f64 - 50.0);
    along(CUMSUM, DType::U8, false, &[], SAME, 0.0, |r| r.below(100) as f64);
    along(CUMPROD, DType::F32, false, &[], SAME, 2e-5, |r| 1.0 + 0.1 * r.float());
    along(CUMPROD, DType::I32, false, &[], SAME, 0.0, |r| r.below(5) as f64 - 2.0);
}

#[test]
fn extrema() {
    for kernel in [CUMMAX, CUMMIN] {
        along(kernel, DType::F32, true, &[], SAME, 0.0, |r| match r.below(400) {
            0 => f64::NAN,
            1 => f64::NEG_INFINITY,
            _ => r.below(30) as f64 - 15.0,
        });
        along(kernel, DType::I64, true, &[], SAME, 0.0, |r| r.below(30) as f64 - 15.0);
        along(kernel, DType::U8, true, &[], SAME, 0.0, |r| r.below(30) as f64);
    }
}

#[test]
fn logarithms_of_sums_of_exponentials() {
    along(LOGCUMSUMEXP, DType::F32, false, &[], SAME, 1e-5, |r| {
        if r.below(9) == 0 { f64::NEG_INFINITY } else { 20.0 * r.float() }
    });
}

fn mixed(r: &mut Rng) -> f64 {
    match r.below(60) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => -0.0,
        _ => r.below(40) as f64 - 20.0,
    }
}

#[test]
fn sorts() {
    for descending in [false, true] {
        let more = [Attr::from(descending)];
        along(SORT, DType::F32, true, &more, SAME, 0.0, mixed);
        along(SORT, DType::I64, true, &more, SAME, 0.0, |r| r.below(100) as f64 - 50.0);
        along(SORT, DType::U8, true, &more, SAME, 0.0, |r| r.below(200) as f64);
        along(SORT, DType::Bool, true, &more, SAME, 0.0, |r| r.below(2) as f64);
    }
}

#[test]
fn sorts_of_long_rows() {
    let mut rng = Rng(4);
    for shape in [[1usize, 5000], [3, 2048]] {
        let mut s = Scene::default();
        s.input(DType::F32, &shape, Layout::RowMajor, &mut rng, |r| r.below(3000) as f64);
        s.output(DType::F32, &shape, Layout::RowMajor, &mut rng).output(DType::I64, &shape, Layout::RowMajor, &mut rng);
        s.attrs(&[Attr::from(1usize), Attr::from(false)]).check(SORT, 0.0, 0.0);
    }
}

#[test]
fn selections() {
    for largest in [false, true] {
        along(TOPK, DType::F32, true, &[Attr::from(largest), Attr::from(true)], |n| n.div_ceil(2), 0.0, mixed);
    }
    along(KTHVALUE, DType::F32, true, &[Attr::from(0usize)], ONE, 0.0, mixed);
    along(MEDIAN, DType::F32, true, &[], ONE, 0.0, |r| if r.below(300) == 0 { f64::NAN } else { r.below(50) as f64 });
    along(NANMEDIAN, DType::F32, true, &[], ONE, 0.0, |r| if r.below(3) == 0 { f64::NAN } else { r.below(50) as f64 });
    along(MEDIAN, DType::I64, true, &[], ONE, 0.0, |r| r.below(50) as f64);
    along(MODE, DType::I64, true, &[], ONE, 0.0, |r| r.below(7) as f64);
    along(MODE, DType::F32, true, &[], ONE, 0.0, |r| r.below(7) as f64);
}

#[test]
fn equal_slices() {
    for dtype in [DType::F32, DType::I64, DType::U8, DType::Bool] {
        for shape in [&[1usize] as &[usize], &[900], &[5000], &[300, 3], &[40, 1], &[6, 0], &[0, 3]] {
            let mut rng = Rng(13);
            let [n, m] = [shape[0], shape[1..].iter().product()];
            let value = move |r: &mut Rng| match r.below(if n > 1000 { 2000 } else { 3 * m + 2 }) {
                0 => -0.0,
                1 if dtype == DType::F32 && r.below(4) == 0 => f64::NAN,
                v => v as f64 - 1.0,
            };
            let mut s = Scene::default();
            s.input(dtype, shape, Layout::At(3), &mut rng, value).output(DType::I64, &[n], Layout::At(2), &mut rng);
            s.check(LEXICOGRAPHIC, 0.0, 0.0);

            let mut runs = Scene { memories: s.on_cpu(LEXICOGRAPHIC), ins: s.ins.clone(), ..Scene::default() };
            runs.ins.push(s.outs[0].clone());
            runs.output(DType::I64, &[1], Layout::RowMajor, &mut rng);
            for _ in 0..3 {
                runs.output(DType::I64, &[n], Layout::At(1), &mut rng);
            }
            runs.check(UNIQUE, 0.0, 0.0);
        }
    }
}
