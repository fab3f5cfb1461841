//! Uniform numbers.

use cresset_lane::simd::{F32x4, I32x4};

use super::fused::{fma64_anywhere, scale_add};
use super::generator::{Generator, unit_f32, unit_f64};

/// Elements that are drawn and scaled while they are in the cache.
const CHUNK: usize = 2048;

/// Uniforms in [0, 1), a word each.
pub fn fill_units_f32(g: &mut Generator, out: &mut [f32]) {
    let mut at = 0;
    while at < out.len() {
        let words = g.engine.take(out.len() - at);
        let out = &mut out[at..at + words.len()];
        at += words.len();
        let (mut fours, mut from) = (out.chunks_exact_mut(4), words.chunks_exact(4));
        for (x, w) in (&mut fours).zip(&mut from) {
            // Safety: both are four elements of four bytes.
            unsafe {
                let w = I32x4::load(w.as_ptr().cast()) & I32x4::splat(0xff_ffff);
                (F32x4::from_i32(w) * F32x4::splat(1.0 / (1 << 24) as f32)).store(x.as_mut_ptr().cast());
            }
        }
        for (x, &w) in fours.into_remainder().iter_mut().zip(from.remainder()) {
            *x = unit_f32(w);
        }
    }
}

/// Uniforms in [0, 1), two words each.
pub fn fill_units_f64(g: &mut Generator, out: &mut [f64]) {
    let mut draws = [0; 256];
    for out in out.chunks_mut(draws.len()) {
        let draws = &mut draws[..out.len()];
        g.engine.fill_u64(draws);
        for (x, &w) in out.iter_mut().zip(&*draws) {
            *x = unit_f64(w);
        }
    }
}

/// Uniform in [from, to): `from` and `to` are rounded to float32 first, as is their difference.
pub fn fill_f32(g: &mut Generator, out: &mut [f32], from: f64, to: f64) {
    let (from, to) = (from as f32, to as f32);
    let width = to - from;
    if from == 0.0 && width == 1.0 {
        return fill_units_f32(g, out);
    }
    for chunk in out.chunks_mut(CHUNK) {
        fill_units_f32(g, chunk);
        scale_add(chunk, width, from);
    }
}

/// Uniform in [from, to).
pub fn fill_f64(g: &mut Generator, out: &mut [f64], from: f64, to: f64) {
    let width = to - from;
    fill_units_f64(g, out);
    if from != 0.0 || width != 1.0 {
        out.iter_mut().for_each(|x| *x = fma64_anywhere(*x, width, from));
    }
}
