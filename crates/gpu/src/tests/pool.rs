//! Pools of all geometries, and moves between planes.

use cresset_cpu::pool::*;
use cresset_lane::{Attr, DType};

use crate::testing::{Layout, Rng, Scene};

fn attrs(values: &[&[usize]]) -> Vec<Attr> {
    values.concat().into_iter().map(Attr::from).collect()
}

struct Case {
    x: Vec<usize>,
    y: Vec<usize>,
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
    dilation: [usize; 3],
}

fn random(rng: &mut Rng, dilated: bool) -> Case {
    let mut of = |n: usize, one: usize| -> [usize; 3] { std::array::from_fn(|_| one + rng.below(n)) };
    let (kernel, stride, extra, half) = (of(3, 1), of(3, 1), of(8, 0), of(2, 0));
    let dilation = if dilated { of(2, 1) } else { [1; 3] };
    let padding: [usize; 3] = std::array::from_fn(|d| half[d].min(kernel[d] / 2));
    let reach: [usize; 3] = std::array::from_fn(|d| dilation[d] * (kernel[d] - 1) + 1);
    let input: [usize; 3] = std::array::from_fn(|d| (reach[d] + extra[d]).saturating_sub(2 * padding[d]).max(1));
    // As in ceil mode a last window may reach beyond the padding, but begins before it.
    let output: [usize; 3] = std::array::from_fn(|d| {
        let rest = (input[d] + 2 * padding[d]).saturating_sub(reach[d]);
        let up = rest.div_ceil(stride[d]);
        if up * stride[d] < input[d] + padding[d] { up + 1 } else { rest / stride[d] + 1 }
    });
    let (images, channels) = (1 + rng.below(2), 1 + rng.below(4));
    let with = |s: [usize; 3]| [&[images, channels][..], &s].concat();
    Case { x: with(input), y: with(output), kernel, stride, padding, dilation }
}

fn value(dtype: DType) -> impl FnMut(&mut Rng) -> f64 + Copy {
    move |r: &mut Rng| match dtype {
        DType::F32 if r.below(40) == 0 => f64::NAN,
        DType::F32 => r.below(20) as f64 - 10.0,
        _ => r.below(2000) as f64 - 1000.0,
    }
}

#[test]
fn maxima() {
    let mut rng = Rng(3);
    for dtype in [DType::F32, DType::I64] {
        for _ in 0..12 {
            let c = random(&mut rng, true);
            let mut s = Scene::default();
            s.input(dtype, &c.x, Layout::Scattered, &mut rng, value(dtype));
            s.output(dtype, &c.y, Layout::Scattered, &mut rng).output(DType::I64, &c.y, Layout::Scattered, &mut rng);
            s.attrs(&attrs(&[&c.kernel, &c.stride, &c.padding, &c.dilation]));
            s.check(MAX_POOL, 0.0, 0.0);
            s.check(ADAPTIVE_MAX_POOL, 0.0, 0.0);
        }
    }
}

#[test]
fn averages() {
    let mut rng = Rng(4);
    for dtype in [DType::F32, DType::I64] {
        for _ in 0..12 {
            let c = random(&mut rng, false);
            for (counts, divisor) in [(0, 0), (1, 0), (1, 5)] {
                for (kernel, from, to) in [(AVG_POOL, &c.x, &c.y), (AVG_POOL_BACKWARD, &c.y, &c.x)] {
                    let mut s = Scene::default();
                    s.input(dtype, from, Layout::Scattered, &mut rng, |r| r.below(2000) as f64 - 1000.0);
                    s.output(dtype, to, Layout::Scattered, &mut rng);
                    s.attrs(&attrs(&[&c.kernel, &c.stride, &c.padding, &[counts, divisor]]));
                    s.check(kernel, 2e-6, 2e-4);
                }
            }
            for (kernel, from, to) in [(ADAPTIVE_AVG_POOL, &c.x, &c.y), (ADAPTIVE_AVG_POOL_BACKWARD, &c.y, &c.x)] {
                let mut s = Scene::default();
                s.input(dtype, from, Layout::Scattered, &mut rng, |r| r.below(2000) as f64 - 1000.0);
                s.output(dtype, to, Layout::Scattered, &mut rng);
                s.check(kernel, 2e-6, 2e-4);
            }
        }
    }
}

#[test]
fn moves_between_planes() {
    let mut rng = Rng(5);
    let (small, large) = ([2, 3, 2, 3, 2], [2, 3, 3, 4, 5]);
    for dtype in [DType::F32, DType::I64] {
        for (kernel, from, to) in
            [(PLANE_GATHER, large, small), (PLANE_SCATTER, small, large), (PLANE_SCATTER_ADD, small, large)]
        {
            let mut s = Scene::default();
            s.input(dtype, &from, Layout::Scattered, &mut rng, |r| r.below(100) as f64);
            let mut next = 7;
            let indices = s.operand(DType::I64, &small, Layout::RowMajor, &mut rng, &mut |r| {
                // Which of several that are set stays is not defined.
                next = (next + 7) % 60;
                if kernel.name == "plane_scatter_add" { r.below(9) as f64 } else { next as f64 }
            });
            s.ins.push(indices);
            s.output(dtype, &to, Layout::Scattered, &mut rng);
            s.check(kernel, 1e-6, 0.0);
        }
    }
}

/// Windows that overlap give one place several gradients, which are added in the CPU's order: to the last bit.
#[test]
fn gradients_of_maxima() {
    let mut rng = Rng(6);
    for round in 0..24 {
        let c = random(&mut rng, true);
        let reach: [usize; 3] = std::array::from_fn(|d| c.dilation[d] * (c.kernel[d] - 1) + 1);
        if (0..3).any(|d| c.dilation[d] > c.x[2 + d]) {
            // Windows without elements name a place all the same; whoever launches knows that.
            continue;
        }
        let plain = (MAX_POOL, attrs(&[&c.kernel, &c.stride, &c.padding, &c.dilation]));
        for ((pool, geometry), how) in [
            (plain, attrs(&[&reach, &c.stride, &c.padding])),
            ((ADAPTIVE_MAX_POOL, Vec::new()), vec![Attr::from(true)]),
        ] {
            let mut s = Scene::default();
            s.input(DType::F32, &c.x, Layout::Scattered, &mut rng, |r| r.below(9) as f64);
            s.output(DType::F32, &c.y, Layout::Scattered, &mut rng).output(
                DType::I64,
                &c.y,
                Layout::Scattered,
                &mut rng,
            );
            s.attrs(&geometry);
            s.memories = s.on_cpu(pool);
            let indices = s.outs.pop().unwrap();
            // What came out of the pool becomes its gradient.
            (s.ins, s.outs) = (Vec::new(), Vec::new());
            let layout = if round % 2 == 0 { Layout::Scattered } else { Layout::Broadcast };
            s.input(DType::F32, &c.y, layout, &mut rng, |r| r.float());
            s.ins.push(indices);
            s.output(DType::F32, &c.x, Layout::Scattered, &mut rng).attrs(&how);
            s.check(PLANE_SCATTER_ADD, 0.0, 0.0);
        }
    }
}
