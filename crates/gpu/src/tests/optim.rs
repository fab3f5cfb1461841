//! Optimizer updates of one and of several parameters.

use cresset_cpu::Kernel;
use cresset_cpu::optim::*;
use cresset_lane::{Attr, DType};

use crate::testing::{Layout, Rng, Scene};

fn f(v: f64) -> Attr {
    Attr::from(v)
}
fn b(v: bool) -> Attr {
    Attr::from(v)
}

/// Updates parameters of several shapes; `own` gives the attributes of each.
fn step(kernel: Kernel, states: usize, shared: &[Attr], own: fn(usize) -> Vec<Attr>) {
    let shapes: [&[usize]; 5] = [&[30, 7], &[7], &[], &[0, 3], &[4, 300]];
    for layout in [Layout::RowMajor, Layout::Scattered] {
        let mut rng = Rng(9);
        let mut s = Scene::default();
        for shape in shapes {
            s.input(DType::F32, shape, layout, &mut rng, |r| r.float());
        }
        for _ in 0..=states {
            for shape in shapes {
                let o = s.operand(DType::F32, shape, layout, &mut rng, &mut |r| r.float().abs() + 0.1);
                s.outs.push(o);
            }
        }
        let attrs: Vec<Attr> = shared.iter().copied().chain((0..shapes.len()).flat_map(own)).collect();
        s.attrs(&attrs).check(kernel, 4e-6, 4e-6);
    }
}

#[test]
fn adam_and_its_kin() {
    let two = |i: usize| vec![f(0.01 + i as f64 * 0.002), f(0.9 - i as f64 * 0.1)];
    let three = |i: usize| vec![f(0.5 + i as f64 * 0.01), f(0.2), f(if i == 1 { 0.0 } else { 0.7 })];
    for decoupled in [false, true] {
        for (decay, maximize) in [(0.0, false), (0.1, false), (0.1, true)] {
            let shared = [f(0.9), f(0.999), f(1e-8), f(decay), b(maximize), f(0.03), b(decoupled)];
            step(ADAM_STEP, 2, &shared, two);
            step(ADAM_AMSGRAD_STEP, 3, &shared, two);
            step(NADAM_STEP, 2, &shared, three);
            step(RADAM_STEP, 2, &shared, three);
        }
    }
    let shared = [f(0.3), f(0.99), f(1e-8), f(0.1), b(true)];
    step(ADAMAX_STEP, 2, &shared, |_| vec![f(0.02)]);
}

#[test]
fn second_moments() {
    step(ADADELTA_STEP, 2, &[f(0.5), f(0.9), f(1e-6), f(0.1), b(false)], |_| vec![]);
    step(ADAGRAD_STEP, 1, &[f(1e-10), f(0.1), b(true)], |i| vec![f(0.01 * (1 + i) as f64)]);
    let shared = [f(0.01), f(0.99), f(1e-8), f(0.1), b(false), f(0.9)];
    step(RMSPROP_STEP, 1, &shared, |_| vec![]);
    step(RMSPROP_MOMENTUM_STEP, 2, &shared, |_| vec![]);
    // The mean's square is below the squares' mean.
    let shared = [f(0.01), f(0.5), f(1.0), f(0.0), b(false), f(0.9)];
    let mut rng = Rng(2);
    for (kernel, states) in [(RMSPROP_CENTERED_STEP, 2), (RMSPROP_CENTERED_MOMENTUM_STEP, 3)] {
        let mut s = Scene::default();
        s.input(DType::F32, &[40], Layout::RowMajor, &mut rng, |r| r.float());
        for k in 0..=states {
            let o = s.operand(DType::F32, &[40], Layout::RowMajor, &mut rng, &mut |r| {
                if k == 1 { 2.0 + r.float() } else { r.float() }
            });
            s.outs.push(o);
        }
        s.attrs(&shared).check(kernel, 4e-6, 4e-6);
    }
}

#[test]
fn without_second_moments() {
    for maximize in [false, true] {
        step(SGD_STEP, 0, &[f(0.1), f(0.01), b(maximize)], |_| vec![]);
        step(MUON_STEP, 0, &[f(0.99), f(0.01)], |_| vec![]);
        for nesterov in [false, true] {
            let shared = [f(0.1), f(0.01), b(maximize), f(0.9), f(0.2), b(nesterov)];
            step(SGD_MOMENTUM_STEP, 1, &shared, |i| vec![b(i % 2 == 0)]);
        }
        step(ASGD_STEP, 1, &[f(0.01), b(maximize), f(1e-2)], |i| vec![f(0.05), f(if i == 0 { 1.0 } else { 0.3 })]);
        step(RPROP_STEP, 2, &[b(maximize), f(0.5), f(1.2), f(1e-6), f(0.9)], |_| vec![]);
    }
}

#[test]
fn some_rows() {
    let mut rng = Rng(4);
    for layout in [Layout::RowMajor, Layout::Scattered] {
        let mut s = Scene::default();
        s.input(DType::F32, &[9, 5, 3], layout, &mut rng, |r| r.float());
        let mut next = 6;
        s.input(DType::I64, &[4], Layout::RowMajor, &mut rng, |_| {
            next = (next + 4) % 9;
            next as f64
        });
        for _ in 0..3 {
            let o = s.operand(DType::F32, &[9, 5, 3], layout, &mut rng, &mut |r| r.float().abs() + 0.1);
            s.outs.push(o);
        }
        s.attrs(&[f(0.9), f(0.99), f(1e-8), f(0.02), b(true)]).check(SPARSE_ADAM_STEP, 2e-6, 2e-6);
    }
}
