//! Optimizer updates of one and of several parameters.

use cresset_cpu::Kernel;
use cresset_cpu::optim::*;
use cresset_lane::{Attr, DType};

use crate::Kernel as GpuKernel;
use crate::testing::{Layout, Operand, Rng, Scene, decode, on_each};

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

#[test]
fn adafactor() {
    let shapes: [&[usize]; 6] = [&[], &[40], &[30, 7], &[1, 5], &[2, 3, 40, 20], &[300, 0]];
    for layout in [Layout::RowMajor, Layout::Scattered] {
        for shape in shapes {
            for (decay, maximize) in [(0.0, false), (0.1, true)] {
                let mut rng = Rng(6);
                let mut s = Scene::default();
                s.input(DType::F32, shape, layout, &mut rng, |r| r.float() * 3.0);
                let collapsed = |back: usize| -> Vec<usize> {
                    let rank = shape.len();
                    (0..rank).map(|d| if d + back == rank { 1 } else { shape[d] }).collect()
                };
                let variances = if shape.len() > 1 { vec![collapsed(1), collapsed(2)] } else { vec![shape.to_vec()] };
                for shape in std::iter::once(shape.to_vec()).chain(variances) {
                    let o = s.operand(DType::F32, &shape, layout, &mut rng, &mut |r| r.float().abs() + 0.1);
                    s.outs.push(o);
                }
                let eps = f64::from(f32::EPSILON);
                s.attrs(&[f(0.03), f(decay), f(eps), f(1e-3), f(0.7), b(maximize), f(0.3), f(0.02)]);
                s.check(ADAFACTOR_STEP, 4e-6, 4e-6);
            }
        }
    }
}

/// Operands in dense memory of one dtype: the CPU holds what is rounded to bfloat16 in float64, and the GPU in float32.
fn dense(
    s: &mut Scene,
    dtype: DType,
    shape: &[usize],
    rng: &mut Rng,
    value: &mut dyn FnMut(&mut Rng) -> f64,
) -> Operand {
    s.operand(dtype, shape, Layout::RowMajor, rng, value)
}

fn numbers(s: &Scene, gpu: Option<&crate::Gpu>, kernel: Kernel, memory: usize) -> Vec<f64> {
    let after = match gpu {
        None => s.on_cpu(kernel),
        Some(gpu) => s.on_gpu(gpu, GpuKernel { name: kernel.name, program: None, demand: None }).unwrap(),
    };
    let m = &after[memory];
    m.bytes.chunks(m.dtype.size()).map(|v| decode(m.dtype, v)).collect()
}

/// How many of these differ, none by more than a unit in the last place of bfloat16.
fn differing(got: &[f64], want: &[f64]) -> usize {
    for (g, w) in got.iter().zip(want) {
        assert!((g - w).abs() <= w.abs() / 128.0 || (g.is_nan() && w.is_nan()), "{g} in place of {w}");
        assert_eq!((*g as f32).to_bits() & 0xffff, 0, "{g} is no bfloat16");
    }
    got.iter().zip(want).filter(|(g, w)| g != w && !g.is_nan()).count()
}

#[test]
fn muon_rounds() {
    let scene = |wide: DType, nesterov: bool, scale: f64| {
        let mut rng = Rng(11);
        let mut s = Scene::default();
        s.input(DType::F32, &[40, 60], Layout::Scattered, &mut rng, |r| r.float() * scale);
        let x = dense(&mut s, wide, &[40, 60], &mut rng, &mut |_| 0.0);
        let buffer = s.operand(DType::F32, &[40, 60], Layout::Scattered, &mut rng, &mut |r| r.float() * scale);
        s.outs = vec![x, buffer];
        s.attrs(&[f(0.95), b(nesterov), f(1e-7)]);
        s
    };
    for nesterov in [false, true] {
        // With a gradient of 0 the norm is eps.
        for scale in [1.0, 0.0] {
            let (host, device) = (scene(DType::F64, nesterov, scale), scene(DType::F32, nesterov, scale));
            let want = [1, 2].map(|m| numbers(&host, None, MUON_ROUND, m));
            on_each(|gpu| {
                let got = [1, 2].map(|m| numbers(&device, Some(gpu), MUON_ROUND, m));
                assert!(differing(&got[0][..2400], &want[0][..2400]) <= 5);
                assert!(got[1].iter().zip(&want[1]).all(|(g, w)| (g - w).abs() <= 1e-6));
            });
        }
    }
}

#[test]
fn muon_combines() {
    let scene = |wide: DType, ins: usize| {
        let mut rng = Rng(12);
        let mut s = Scene::default();
        for k in 0..ins {
            let o = dense(&mut s, wide, &[50, 50], &mut rng, &mut |r| {
                let v = r.float() as f32;
                // The first one was rounded before.
                f64::from(if k == 0 && ins == 2 { f32::from_bits(v.to_bits() & 0xffff_0000) } else { v })
            });
            s.ins.push(o);
        }
        // In place.
        s.outs = vec![s.ins[0].clone()];
        s.attrs(&[f(3.4445), f(-4.775)]);
        s
    };
    for ins in [1, 2] {
        let want = numbers(&scene(DType::F64, ins), None, MUON_COMBINE, 0);
        on_each(|gpu| {
            let got = numbers(&scene(DType::F32, ins), Some(gpu), MUON_COMBINE, 0);
            let count = differing(&got[..2500], &want[..2500]);
            assert!(count <= if ins == 1 { 0 } else { 3 }, "{count} differ");
        });
    }
}
