//! Matrix products of all shapes and layouts.

use cresset_cpu::gemm::{DOT, MATMUL};
use cresset_lane::{Attr, DType};

use crate::testing::{Layout, Rng, Scene, as_each, everywhere};
use crate::{AdapterKind, measure};

/// Kinds of adapters whose tables send a product different ways.
const KINDS: [AdapterKind; 2] = [AdapterKind::Cpu, AdapterKind::Discrete];

/// A product of these shapes; batch dimensions of size 1 are broadcast.
fn product(rng: &mut Rng, dtype: DType, a: &[usize], b: &[usize], init: bool, layout: Layout) {
    let rank = a.len();
    let batch: Vec<usize> = (0..rank - 2).map(|d| a[d].max(b[d])).collect();
    let out = [&batch[..], &[a[rank - 2], b[rank - 1]]].concat();
    let value = |r: &mut Rng| if dtype == DType::F32 { r.float() } else { r.below(19) as f64 - 9.0 };
    let mut s = Scene::default();
    s.input(dtype, a, layout, rng, value).input(dtype, b, layout, rng, value);
    // The kernel's operands all have the output's batch.
    for (o, shape) in s.ins.iter_mut().zip([a, b]) {
        for d in 0..rank - 2 {
            if shape[d] != batch[d] {
                (o.shape[d], o.strides[d]) = (batch[d], 0);
            }
        }
    }
    if init {
        s.input(dtype, &out, Layout::Broadcast, rng, value);
        let number = |v: f64| if dtype == DType::F32 { Attr::from(v) } else { Attr::from(v as i64) };
        s.attrs(&[number(2.0), number(3.0)]);
    }
    s.output(dtype, &out, layout, rng);
    // Both sides are sums in float32; with `init` the sum is doubled, and so is its error.
    let near = (a[rank - 1] as f64).sqrt().max(1.0) * if init { 2e-6 } else { 1e-6 };
    s.check(MATMUL, 3e-6, near);
    if init && layout != Layout::Broadcast {
        // Added to in place.
        s.ins[2] = s.outs[0].clone();
        s.check(MATMUL, 3e-6, near);
    }
}

#[test]
fn matrices_of_every_size() {
    as_each(&KINDS, || sizes(&mut Rng(2)));
}

fn sizes(rng: &mut Rng) {
    for (m, n, k) in [
        (1, 1, 1),
        (5, 7, 3),
        (33, 65, 17),
        (64, 64, 64),
        (70, 130, 40),
        (300, 200, 33),
        (17, 40, 0),
        (8, 8, 700),
        (65, 31, 2000),
        (9, 150, 21),
        (16, 33, 1000),
        (140, 13, 30),
        (100, 5, 700),
    ] {
        for layout in [Layout::RowMajor, Layout::Scattered] {
            product(rng, DType::F32, &[m, k], &[k, n], layout == Layout::RowMajor, layout);
        }
    }
}

#[test]
fn few_rows_or_columns() {
    as_each(&KINDS, || few(&mut Rng(3)));
}

fn few(rng: &mut Rng) {
    for (m, n, k) in [(1, 300, 500), (300, 1, 500), (2, 3, 4000), (1, 1, 9000), (4, 90, 64), (90, 3, 129), (3, 50, 20)]
    {
        for layout in [Layout::RowMajor, Layout::Scattered] {
            product(rng, DType::F32, &[m, k], &[k, n], false, layout);
            product(rng, DType::F32, &[m, k], &[k, n], true, layout);
        }
    }
}

#[test]
fn transposed_operands() {
    let mut rng = Rng(4);
    for (ta, tb) in [(false, true), (true, false), (true, true)] {
        let mut s = Scene::default();
        s.input(DType::F32, &[70, 90], Layout::RowMajor, &mut rng, |r| r.float());
        s.input(DType::F32, &[90, 66], Layout::RowMajor, &mut rng, |r| r.float());
        for (o, t) in s.ins.iter_mut().zip([ta, tb]) {
            if t {
                o.strides = vec![1, o.shape[0] as isize];
            }
        }
        s.output(DType::F32, &[70, 66], Layout::RowMajor, &mut rng);
        s.check(MATMUL, 3e-6, 1e-5);
    }
}

#[test]
fn weights_of_a_layer_at_small_batches() {
    let mut rng = Rng(8);
    for (m, n, k) in [(1, 70, 784), (3, 10, 200), (4, 5, 3000), (1, 3, 128)] {
        let mut s = Scene::default();
        s.input(DType::F32, &[m, k], Layout::RowMajor, &mut rng, |r| r.float());
        s.input(DType::F32, &[k, n], Layout::RowMajor, &mut rng, |r| r.float());
        s.ins[1].strides = vec![1, k as isize];
        s.output(DType::F32, &[m, n], Layout::RowMajor, &mut rng);
        s.check(MATMUL, 3e-6, 1e-5);
    }
}

#[test]
fn batches() {
    let mut rng = Rng(5);
    for layout in [Layout::RowMajor, Layout::Scattered] {
        product(&mut rng, DType::F32, &[3, 20, 17], &[3, 17, 35], false, layout);
        product(&mut rng, DType::F32, &[6, 20, 17], &[1, 17, 35], true, layout);
        product(&mut rng, DType::F32, &[1, 20, 17], &[4, 17, 35], true, layout);
        product(&mut rng, DType::F32, &[2, 3, 40, 70], &[2, 1, 70, 33], false, layout);
        product(&mut rng, DType::F32, &[2, 3, 1, 70], &[2, 3, 70, 33], true, layout);
        product(&mut rng, DType::F32, &[0, 4, 5], &[0, 5, 6], false, layout);
    }
}

#[test]
fn integers() {
    let mut rng = Rng(6);
    product(&mut rng, DType::I64, &[40, 37], &[37, 50], true, Layout::Scattered);
    product(&mut rng, DType::I64, &[2, 300], &[300, 50], true, Layout::RowMajor);
}

#[test]
fn vectors() {
    let mut rng = Rng(7);
    for k in [1, 5, 1000] {
        let mut s = Scene::default();
        s.input(DType::F32, &[1, k], Layout::Scattered, &mut rng, |r| r.float());
        s.input(DType::F32, &[k, 1], Layout::Scattered, &mut rng, |r| r.float());
        s.output(DType::F32, &[1, 1], Layout::RowMajor, &mut rng);
        s.check(DOT, 3e-6, 1e-5);
    }
}

/// Products of every shape come out right by every way there is, with subgroups and without.
#[test]
fn every_way_gives_the_product() {
    as_each(&KINDS, || ways(&mut Rng(9)));
}

fn ways(rng: &mut Rng) {
    for name in measure::configurations() {
        everywhere(|gpu| measure::force(gpu, Some(name)));
        for (m, n, k) in [(1, 70, 300), (20, 35, 33), (65, 3, 130), (3, 5, 2500)] {
            product(rng, DType::F32, &[m, k], &[k, n], true, Layout::RowMajor);
            product(rng, DType::F32, &[2, m, k], &[2, k, n], false, Layout::Scattered);
        }
        product(rng, DType::I64, &[9, 200], &[200, 7], true, Layout::RowMajor);
    }
    everywhere(|gpu| measure::force(gpu, None));
}
