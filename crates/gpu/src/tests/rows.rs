//! Softmax and its kin, layer normalisation.

use cresset_cpu::Kernel;
use cresset_cpu::reduce::*;
use cresset_lane::{Attr, DType};

use crate::AdapterKind;
use crate::testing::{Layout, Rng, Scene, as_each};

const SHAPES: [&[usize]; 8] = [&[], &[1], &[70], &[5, 10], &[200, 3], &[3, 1500], &[2, 130, 4], &[4, 0]];

/// Kinds of adapters of which one leaves whole rows to an invocation.
const KINDS: [AdapterKind; 2] = [AdapterKind::Cpu, AdapterKind::Discrete];

fn along(kernel: Kernel, ins: usize, keep: bool, value: fn(&mut Rng) -> f64) {
    as_each(&KINDS, || along_each(kernel, ins, keep, value));
}

fn along_each(kernel: Kernel, ins: usize, keep: bool, value: fn(&mut Rng) -> f64) {
    let mut rng = Rng(3);
    for shape in SHAPES {
        for dim in 0..shape.len().max(1) {
            for layout in [Layout::RowMajor, Layout::Scattered] {
                let mut s = Scene::default();
                for _ in 0..ins {
                    s.input(DType::F32, shape, layout, &mut rng, value);
                }
                let out: Vec<usize> = (0..shape.len()).map(|d| if d == dim && !keep { 1 } else { shape[d] }).collect();
                s.output(DType::F32, &out, layout, &mut rng).attrs(&[Attr::from(dim)]);
                s.check(kernel, 4e-6, 4e-6);
            }
        }
    }
}

fn wild(r: &mut Rng) -> f64 {
    match r.below(60) {
        0 => f64::NEG_INFINITY,
        1 => 1e4,
        2 if r.below(20) == 0 => f64::NAN,
        3 if r.below(20) == 0 => f64::INFINITY,
        _ => r.float() * 20.0,
    }
}

#[test]
fn softmax() {
    along(SOFTMAX, 1, true, |r| r.float() * 20.0);
    along(SOFTMAX, 1, true, wild);
    along(SOFTMAX_BACKWARD, 2, true, |r| r.float());
}

#[test]
fn log_softmax() {
    along(LOG_SOFTMAX, 1, true, |r| r.float() * 20.0);
    along(LOG_SOFTMAX, 1, true, wild);
    along(LOG_SOFTMAX_BACKWARD, 2, true, |r| r.float() - 1.0);
}

#[test]
fn logsumexp() {
    along(LOGSUMEXP, 1, false, |r| r.float() * 20.0);
    along(LOGSUMEXP, 1, false, wild);
}

#[test]
fn layer_norm() {
    let mut rng = Rng(5);
    for (rows, n) in [(1, 1), (3, 7), (70, 64), (5, 1500)] {
        for (weight, bias) in [(false, false), (true, false), (false, true), (true, true)] {
            for layout in [Layout::RowMajor, Layout::At(7)] {
                let mut s = Scene::default();
                s.input(DType::F32, &[rows, n], layout, &mut rng, |r| r.float() * 3.0 + 5.0);
                for _ in 0..weight as usize + bias as usize {
                    s.input(DType::F32, &[1, n], layout, &mut rng, |r| r.float());
                }
                s.output(DType::F32, &[rows, n], layout, &mut rng);
                s.output(DType::F32, &[rows, 1], layout, &mut rng).output(DType::F32, &[rows, 1], layout, &mut rng);
                s.attrs(&[Attr::from(1e-5), Attr::from(weight), Attr::from(bias)]);
                // One element has no variance: what is divided by its root is an error of rounding.
                s.check(LAYER_NORM, 2e-5, if n == 1 { 1e-3 } else { 5e-6 });

                let mut s = Scene::default();
                s.input(DType::F32, &[rows, n], layout, &mut rng, |r| r.float());
                s.input(DType::F32, &[rows, n], layout, &mut rng, |r| r.float());
                s.input(DType::F32, &[rows, 1], Layout::RowMajor, &mut rng, |r| r.float());
                s.input(DType::F32, &[rows, 1], layout, &mut rng, |r| 1.0 + r.float() * 0.5);
                if weight {
                    s.input(DType::F32, &[1, n], layout, &mut rng, |r| r.float());
                }
                s.output(DType::F32, &[rows, n], layout, &mut rng);
                s.check(LAYER_NORM_BACKWARD, 1e-5, 5e-6);
            }
        }
    }
}
