//! Normal numbers by Box and Muller's method, in the forms that PyTorch's CPU kernels have
//! (aten/src/ATen/native/cpu/DistributionTemplates.h).
//!
//! A contiguous tensor of 16 elements or more is filled with uniforms and transformed 16 at a time; in float32 with
//! polynomials of its own (see `cephes`). Everything else goes one by one in float64.

use cresset_lane::simd::F32x4;

use super::cephes;
use super::fused::{fma64_anywhere, scale_add};
use super::generator::Generator;
use super::glibc;
use super::uniform::{fill_units_f32, fill_units_f64};

/// Elements of a block.
pub const BLOCK: usize = 16;
const HALF: usize = BLOCK / 2;

/// One standard normal of the scalar path: the waiting one of a pair, or a new pair.
pub fn standard(g: &mut Generator) -> f64 {
    if let Some(z) = g.next_normal.take() {
        return z;
    }
    let (u1, u2) = (g.unit_f64(), g.unit_f64());
    let radius = (-2.0 * glibc::log1p(-u2)).sqrt();
    let (sin, cos) = glibc::sin_cos(2.0 * std::f64::consts::PI * u1);
    g.next_normal = Some(radius * sin);
    radius * cos
}

/// One normal of the scalar path.
pub fn normal(g: &mut Generator, mean: f64, std: f64) -> f64 {
    fma64_anywhere(standard(g), std, mean)
}

/// Elements that are drawn, transformed and scaled while they are in the cache; whole blocks.
const CHUNK: usize = 128 * BLOCK;

/// Fills at least 16 elements in blocks.
pub fn fill_f32(g: &mut Generator, out: &mut [f32], mean: f32, std: f32) {
    for chunk in out.chunks_mut(CHUNK) {
        fill_units_f32(g, chunk);
        transform(chunk, mean, std);
    }
    if !out.len().is_multiple_of(BLOCK) {
        // The last sixteen are drawn anew, the tail of the last whole block among them.
        let at = out.len() - BLOCK;
        fill_units_f32(g, &mut out[at..]);
        transform(&mut out[at..], mean, std);
    }
}

/// Fills at least 16 elements in blocks.
pub fn fill_f64(g: &mut Generator, out: &mut [f64], mean: f64, std: f64) {
    for chunk in out.chunks_mut(CHUNK) {
        fill_units_f64(g, chunk);
        chunk.chunks_exact_mut(BLOCK).for_each(|block| transform_f64(block, mean, std));
    }
    if !out.len().is_multiple_of(BLOCK) {
        let at = out.len() - BLOCK;
        fill_units_f64(g, &mut out[at..]);
        transform_f64(&mut out[at..], mean, std);
    }
}

fn transform_f64(block: &mut [f64], mean: f64, std: f64) {
    let (left, right) = block.split_at_mut(HALF);
    for (a, b) in left.iter_mut().zip(right) {
        let radius = (-2.0 * glibc::log(1.0 - *a)).sqrt();
        let (sin, cos) = glibc::sin_cos(2.0 * std::f64::consts::PI * *b);
        *a = fma64_anywhere(radius * cos, std, mean);
        *b = fma64_anywhere(radius * sin, std, mean);
    }
}

/// Normals in place of uniforms, in all whole blocks.
fn transform(x: &mut [f32], mean: f32, std: f32) {
    for block in x.chunks_exact_mut(BLOCK) {
        let p = block.as_mut_ptr().cast::<F32x4>();
        // Safety: sixteen elements are four times four.
        unsafe {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| F32x4::load(p.add(i)));
            let normals = cephes::box_muller([a, b], [c, d]);
            normals.as_flattened().iter().enumerate().for_each(|(i, z)| z.store(p.add(i)));
        }
    }
    if (mean, std) != (0.0, 1.0) {
        scale_add(x, std, mean);
    }
}
