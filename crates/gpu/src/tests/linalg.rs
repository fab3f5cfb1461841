//! Factorizations: those that are unique against the CPU's, the others by what they must fulfil.

use cresset_cpu::linalg::*;
use cresset_lane::{Attr, DType};

use crate::testing::{Layout, Memory, Operand, Rng, Scene, decode, on_each};
use crate::{Gpu, Kernel};

fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let shape = shape.to_vec();
    (0..shape.iter().product::<usize>()).map(move |mut i| {
        let mut at = vec![0; shape.len()];
        for d in (0..shape.len()).rev() {
            (at[d], i) = (i % shape[d], i / shape[d]);
        }
        at
    })
}

fn place(o: &Operand, at: &[usize]) -> usize {
    let far: isize = at.iter().zip(&o.strides).map(|(&i, &s)| i as isize * s).sum();
    o.offset.wrapping_add_signed(far)
}

/// Writes an operand's elements.
fn fill(s: &mut Scene, o: &Operand, mut value: impl FnMut(&[usize]) -> f32) {
    for at in indices(&o.shape) {
        let from = 4 * place(o, &at);
        s.memories[o.memory].bytes[from..from + 4].copy_from_slice(&value(&at).to_ne_bytes());
    }
}

/// An operand's elements in row-major order.
fn values(o: &Operand, memories: &[Memory]) -> Vec<f64> {
    let m = &memories[o.memory];
    let size = m.dtype.size();
    indices(&o.shape).map(|at| decode(m.dtype, &m.bytes[size * place(o, &at)..][..size])).collect()
}

fn on_gpu(s: &Scene, gpu: &Gpu, name: &'static str) -> Vec<Memory> {
    s.on_gpu(gpu, Kernel { name, program: None, demand: None }).unwrap()
}

const BATCH: usize = 3;
const SIZES: [[usize; 2]; 8] = [[1, 1], [2, 2], [5, 5], [40, 30], [30, 40], [70, 70], [3, 0], [1, 9]];

/// Batches of matrices in two layouts.
fn batches(sizes: &[[usize; 2]], mut test: impl FnMut([usize; 2], Layout, &mut Rng)) {
    for &size in sizes {
        for layout in [Layout::RowMajor, Layout::Scattered] {
            test(size, layout, &mut Rng(7));
        }
    }
}

/// A symmetric matrix whose diagonal outweighs the rest.
fn dominant(at: &[usize], n: usize, noise: &[f64]) -> f32 {
    let (i, j) = (at[1].max(at[2]), at[1].min(at[2]));
    let v = noise[(at[0] * n + i) * n + j];
    (if i == j { v.abs() + n as f64 } else { v }) as f32
}

fn noise(rng: &mut Rng, n: usize) -> Vec<f64> {
    (0..BATCH * n * n).map(|_| rng.float()).collect()
}

#[test]
fn lu() {
    batches(&SIZES, |[m, n], layout, rng| {
        let mut s = Scene::default();
        s.input(DType::F32, &[BATCH, m, n], layout, rng, |r| r.float());
        s.output(DType::F32, &[BATCH, m, n], layout, rng);
        s.output(DType::I32, &[BATCH, m.min(n)], layout, rng).output(DType::I32, &[BATCH], layout, rng);
        // Columns of zeros have no pivot.
        if [m, n] == [5, 5] {
            let o = s.ins[0].clone();
            let before = values(&o, &s.memories);
            fill(&mut s, &o, |at| {
                if at[0] > 0 && at[2] == at[0] { 0.0 } else { before[(at[0] * 5 + at[1]) * 5 + at[2]] as f32 }
            });
        }
        s.check(LU, 1e-4, 1e-4);
    });
}

#[test]
fn cholesky() {
    batches(&[[1, 1], [2, 2], [40, 40], [70, 70], [0, 0]], |[n, _], layout, rng| {
        let mut s = Scene::default();
        s.input(DType::F32, &[BATCH, n, n], layout, rng, |r| r.float());
        s.output(DType::F32, &[BATCH, n, n], layout, rng).output(DType::I32, &[BATCH], layout, rng);
        let (noise, o) = (noise(rng, n), s.ins[0].clone());
        fill(&mut s, &o, |at| dominant(at, n, &noise));
        s.check(CHOLESKY, 1e-5, 1e-6);
        if n < 2 {
            return;
        }
        // Not positive from the second minor on, and NaN in the last one.
        fill(&mut s, &o, |at| match at {
            [1, 1, 1] => -1.0,
            [2, i, j] if *i == n - 1 && *j == n - 1 => f32::NAN,
            _ => dominant(at, n, &noise),
        });
        on_each(|gpu| assert_eq!(values(&s.outs[1], &on_gpu(&s, gpu, "cholesky")), [0.0, 2.0, n as f64]));
    });
}

#[test]
fn reflections() {
    batches(&SIZES, |[m, n], layout, rng| {
        let mut s = Scene::default();
        s.input(DType::F32, &[BATCH, m, n], layout, rng, |r| r.float());
        s.output(DType::F32, &[BATCH, m, n], layout, rng).output(DType::F32, &[BATCH, m.min(n)], layout, rng);
        s.check(GEQRF, 1e-4, 2e-5);
        if m < n || n == 0 {
            return;
        }
        let after = s.on_cpu(GEQRF);
        let mut q = Scene { memories: after, ins: s.outs.clone(), ..Scene::default() };
        q.output(DType::F32, &[BATCH, m, n], layout, rng);
        q.check(HOUSEHOLDER, 1e-4, 1e-5);
    });
}

#[test]
fn triangles() {
    batches(&[[1, 1], [5, 2], [70, 1], [40, 33], [3, 0]], |[n, k], layout, rng| {
        for flags in 0..4 {
            let (upper, ones) = (flags & 1 == 1, flags & 2 == 2);
            let mut s = Scene::default();
            s.input(DType::F32, &[BATCH, n, n], layout, rng, |r| r.float());
            let (noise, o) = (noise(rng, n), s.ins[0].clone());
            // With ones on the diagonal the rest must be small for a solution that is not large.
            fill(&mut s, &o, |at| dominant(at, n, &noise) / if ones { n as f32 } else { 1.0 });
            s.input(DType::F32, &[BATCH, n, k], layout, rng, |r| r.float());
            s.output(DType::F32, &[BATCH, n, k], layout, rng).attrs(&[Attr::from(upper), Attr::from(ones)]);
            s.check(SOLVE_TRIANGULAR, 1e-5, 1e-5);
        }
    });
}

/// `sum over k of a(i, k) b(k, j)` near `c(i, j)`.
fn product(
    size: [usize; 3],
    a: impl Fn(usize, usize) -> f64,
    b: impl Fn(usize, usize) -> f64,
    c: impl Fn(usize, usize) -> f64,
    tolerance: f64,
) {
    for i in 0..size[0] {
        for j in 0..size[2] {
            let sum: f64 = (0..size[1]).map(|k| a(i, k) * b(k, j)).sum();
            assert!((sum - c(i, j)).abs() <= tolerance, "{size:?} ({i}, {j}): {sum} in place of {}", c(i, j));
        }
    }
}

fn one(i: usize, j: usize) -> f64 {
    (i == j) as u8 as f64
}

#[test]
fn symmetric_eigenvalues() {
    batches(&[[1, 1], [2, 2], [5, 5], [33, 33], [0, 0]], |[n, _], layout, rng| {
        let mut s = Scene::default();
        s.input(DType::F32, &[BATCH, n, n], layout, rng, |r| r.float());
        s.output(DType::F32, &[BATCH, n], layout, rng).output(DType::F32, &[BATCH, n, n], layout, rng);
        let o = s.ins[0].clone();
        let before = values(&o, &s.memories);
        // One of them has one eigenvalue often, one is diagonal.
        fill(&mut s, &o, |at| match (at[0], at[1] == at[2]) {
            (1, same) => 1.0 + same as u8 as f32,
            (2, false) => 0.0,
            _ => before[(at[0] * n + at[1]) * n + at[2]] as f32,
        });
        let a = values(&o, &s.memories);
        let want = values(&s.outs[0], &s.on_cpu(EIGH));
        let near = 2e-6 * (n as f64 + 2.0);
        on_each(|gpu| {
            let after = on_gpu(&s, gpu, "eigh");
            let (w, v) = (values(&s.outs[0], &after), values(&s.outs[1], &after));
            for b in 0..BATCH {
                let (w, want) = (&w[b * n..][..n], &want[b * n..][..n]);
                assert!(w.is_sorted());
                assert!(w.iter().zip(want).all(|(g, w)| (g - w).abs() <= near), "{w:?} in place of {want:?}");
                let v = |i: usize, j: usize| v[(b * n + i) * n + j];
                let symmetric = |i: usize, j: usize| a[(b * n + i.max(j)) * n + i.min(j)];
                product([n, n, n], |i, k| v(k, i), v, one, near);
                product([n, n, n], symmetric, v, |i, j| v(i, j) * w[j], near);
            }
        });
    });
}

#[test]
fn singular_values() {
    batches(&[[1, 1], [2, 2], [6, 5], [40, 33], [9, 1], [4, 0]], |[m, n], layout, rng| {
        let mut s = Scene::default();
        s.input(DType::F32, &[BATCH, m, n], layout, rng, |r| r.float());
        s.output(DType::F32, &[BATCH, m, n], layout, rng).output(DType::F32, &[BATCH, n], layout, rng).output(
            DType::F32,
            &[BATCH, n, n],
            layout,
            rng,
        );
        let o = s.ins[0].clone();
        let before = values(&o, &s.memories);
        // One of rank 1, whose elements are exact, and one of zeros.
        fill(&mut s, &o, |at| match at[0] {
            1 => ((1 + at[1]) * (1 + at[2] % 4)) as f32 / 64.0,
            2 => 0.0,
            _ => before[(at[0] * m + at[1]) * n + at[2]] as f32,
        });
        let a = values(&o, &s.memories);
        let want = values(&s.outs[1], &s.on_cpu(SVD));
        let near = 2e-6 * (m as f64 + 2.0);
        on_each(|gpu| {
            let after = on_gpu(&s, gpu, "svd");
            let [u, w, vh] = [0, 1, 2].map(|k| values(&s.outs[k], &after));
            for b in 0..BATCH {
                let (w, want) = (&w[b * n..][..n], &want[b * n..][..n]);
                assert!(w.is_sorted_by(|x, y| x >= y));
                assert!(w.iter().zip(want).all(|(g, w)| (g - w).abs() <= near), "{w:?} in place of {want:?}");
                let u = |i: usize, j: usize| u[(b * m + i) * n + j];
                let vh = |i: usize, j: usize| vh[(b * n + i) * n + j];
                product([n, m, n], |i, k| u(k, i), u, one, near);
                product([n, n, n], vh, |i, j| vh(j, i), one, near);
                product([m, n, n], |i, k| u(i, k) * w[k], vh, |i, j| a[(b * m + i) * n + j], near);
            }
        });
    });
}
