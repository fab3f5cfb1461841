//! Normal numbers by Box and Muller's method, in the forms that PyTorch's CPU kernels have
//! (aten/src/ATen/native/cpu/DistributionTemplates.h).
//!
//! A contiguous tensor of 16 elements or more is filled with uniforms and transformed 16 at a time; in float32 with the
//! single-precision polynomials of Moshier's Cephes library, as the AVX2 kernel evaluates them (avx_mathfun.h), with a
//! multiply-add fused wherever the compiler of PyTorch's x86 builds fuses it. Everything else goes one by one in float64.

use super::fused::{Exact, Fused, Quick, fma};
use super::generator::{Generator, unit_f32};
use super::glibc;

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
    standard(g).mul_add(std, mean)
}

/// Fills at least 16 elements in blocks.
pub fn fill_f32(g: &mut Generator, out: &mut [f32], mean: f32, std: f32) {
    fill_units_f32(g, out);
    let mut blocks = out.chunks_exact_mut(BLOCK);
    for block in &mut blocks {
        transform(block.try_into().expect("sixteen elements"), mean, std);
    }
    if !blocks.into_remainder().is_empty() {
        // The last sixteen are drawn anew, the tail of the last whole block among them.
        let at = out.len() - BLOCK;
        let block = &mut out[at..];
        fill_units_f32(g, block);
        transform(block.try_into().expect("sixteen elements"), mean, std);
    }
}

/// Fills at least 16 elements in blocks.
pub fn fill_f64(g: &mut Generator, out: &mut [f64], mean: f64, std: f64) {
    out.fill_with(|| g.unit_f64());
    let mut blocks = out.chunks_exact_mut(BLOCK);
    for block in &mut blocks {
        transform_f64(block, mean, std);
    }
    if !blocks.into_remainder().is_empty() {
        let at = out.len() - BLOCK;
        out[at..].fill_with(|| g.unit_f64());
        transform_f64(&mut out[at..], mean, std);
    }
}

fn transform_f64(block: &mut [f64], mean: f64, std: f64) {
    let (left, right) = block.split_at_mut(HALF);
    for (a, b) in left.iter_mut().zip(right) {
        let radius = (-2.0 * glibc::log(1.0 - *a)).sqrt();
        let (sin, cos) = glibc::sin_cos(2.0 * std::f64::consts::PI * *b);
        *a = (radius * cos).mul_add(std, mean);
        *b = (radius * sin).mul_add(std, mean);
    }
}

/// Uniforms in [0, 1), a word each.
pub fn fill_units_f32(g: &mut Generator, out: &mut [f32]) {
    let mut at = 0;
    while at < out.len() {
        let words = g.engine.take(out.len() - at);
        for (x, &w) in out[at..at + words.len()].iter_mut().zip(words) {
            *x = unit_f32(w);
        }
        at += words.len();
    }
}

fn transform(block: &mut [f32; BLOCK], mean: f32, std: f32) {
    let mut quick = Quick::default();
    let mut pair = box_muller(block, &mut quick);
    if quick.doubt != 0 {
        pair = box_muller(block, &mut Exact);
    }
    for (x, z) in block.iter_mut().zip(pair.into_iter().flatten()) {
        *x = fma(z, std, mean);
    }
}

type Half = [f32; HALF];

#[inline(always)]
fn each(f: impl FnMut(usize) -> f32) -> Half {
    std::array::from_fn(f)
}

/// Radius times cosine and radius times sine of eight pairs of uniforms.
#[inline(always)]
fn box_muller(block: &[f32; BLOCK], f: &mut impl Fused) -> [Half; 2] {
    let log = log(each(|j| 1.0 - block[j]), f);
    let radius = each(|j| (-2.0 * log[j]).sqrt());
    let (sin, cos) = sin_cos(each(|j| std::f32::consts::TAU * block[HALF + j]), f);
    [each(|j| radius[j] * cos[j]), each(|j| radius[j] * sin[j])]
}

#[inline(always)]
fn horner<const K: usize>(c: [f32; K], x: Half, f: &mut impl Fused) -> Half {
    let mut y = [c[0]; HALF];
    for &c in &c[1..] {
        y = each(|j| f.fma(y[j], x[j], c));
    }
    y
}

const LOG: [f32; 9] = [
    7.037_683_6e-2,
    -1.151_461e-1,
    1.167_699_84e-1,
    -1.242_014_1e-1,
    1.424_932_3e-1,
    -1.666_805_7e-1,
    2.000_071_4e-1,
    -2.499_999_4e-1,
    3.333_333e-1,
];
const LN2_LOW: f32 = -2.121_944_4e-4;
const LN2_HIGH: f32 = 0.693_359_4;

/// Natural logarithm of numbers in (0, 1].
#[inline(always)]
fn log(x: Half, f: &mut impl Fused) -> Half {
    let mut e = [0.0; HALF];
    let m = each(|j| {
        let bits = x[j].to_bits();
        let half = f32::from_bits(bits & 0x7f_ffff | 0x3f00_0000);
        let low = half < std::f32::consts::FRAC_1_SQRT_2;
        e[j] = ((bits >> 23) as i32 - 126 - low as i32) as f32;
        (half - 1.0) + if low { half } else { 0.0 }
    });
    let z = each(|j| m[j] * m[j]);
    let y = horner(LOG, m, f);
    each(|j| {
        let y = f.fma(y[j] * m[j], z[j], e[j] * LN2_LOW);
        let y = f.fma(-z[j], 0.5, y);
        f.fma(e[j], LN2_HIGH, m[j] + y)
    })
}

/// Pi / 4 in three pieces.
const QUARTER_PI: [f32; 3] = [0.785_156_25, 2.418_756_5e-4, 3.774_895e-8];
const SIN: [f32; 3] = [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1];
const COS: [f32; 3] = [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2];

/// Sine and cosine of numbers that are not negative.
#[inline(always)]
fn sin_cos(x: Half, f: &mut impl Fused) -> (Half, Half) {
    let octant: [i32; HALF] = std::array::from_fn(|j| ((x[j] * 1.273_239_5) as i32 + 1) & !1);
    let mut r = x;
    for piece in QUARTER_PI {
        r = each(|j| f.fma(octant[j] as f32, -piece, r[j]));
    }
    let z = each(|j| r[j] * r[j]);
    let c = horner(COS, z, f);
    let c = each(|j| f.fma(c[j] * z[j], z[j], -(z[j] * 0.5)) + 1.0);
    let s = horner(SIN, z, f);
    let s = each(|j| f.fma(s[j] * z[j], r[j], r[j]));
    let flip = |v: f32, sign: i32| f32::from_bits(v.to_bits() ^ (((sign & 4) as u32) << 29));
    (
        each(|j| flip(if octant[j] & 2 == 0 { s[j] } else { c[j] }, octant[j])),
        each(|j| flip(if octant[j] & 2 == 0 { c[j] } else { s[j] }, !(octant[j] - 2))),
    )
}
