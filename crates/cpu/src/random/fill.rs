//! Fills and draws of PyTorch's CPU generator over plain memory.
//!
//! Everything is serial and in memory order: the stream defines the numbers. Where PyTorch's x86 builds fuse a
//! multiply-add, so do we (see `fused`).

use cresset_lane::{DType, Element};

use super::exact;
use super::fused::fma;
use super::generator::{Generator, unit_f32};
use super::glibc;
use super::normal;

/// Uniform in [from, to): `from` and `to` are rounded to float32 first, as is their difference.
pub fn uniform_f32(g: &mut Generator, out: &mut [f32], from: f64, to: f64) {
    let (from, to) = (from as f32, to as f32);
    let width = to - from;
    if from == 0.0 && width == 1.0 {
        return normal::fill_units_f32(g, out);
    }
    let mut at = 0;
    while at < out.len() {
        let words = g.engine.take(out.len() - at);
        for (x, &w) in out[at..at + words.len()].iter_mut().zip(words) {
            *x = fma(unit_f32(w), width, from);
        }
        at += words.len();
    }
}

/// Uniform in [from, to).
pub fn uniform_f64(g: &mut Generator, out: &mut [f64], from: f64, to: f64) {
    let width = to - from;
    if from == 0.0 && width == 1.0 {
        return out.fill_with(|| g.unit_f64());
    }
    out.fill_with(|| g.unit_f64().mul_add(width, from));
}

/// Normal numbers; `contiguous` says whether the tensor is so in the order of its indices, which decides the method.
pub fn normal_f32(g: &mut Generator, out: &mut [f32], mean: f64, std: f64, contiguous: bool) {
    if contiguous && out.len() >= normal::BLOCK {
        normal::fill_f32(g, out, mean as f32, std as f32);
    } else {
        out.fill_with(|| normal::normal(g, mean, std) as f32);
    }
}

/// Normal numbers; `contiguous` as for `normal_f32`.
pub fn normal_f64(g: &mut Generator, out: &mut [f64], mean: f64, std: f64, contiguous: bool) {
    if contiguous && out.len() >= normal::BLOCK {
        normal::fill_f64(g, out, mean, std);
    } else {
        out.fill_with(|| normal::normal(g, mean, std));
    }
}

/// Ranges from here on take two words (DistributionsHelper.h, releases from 2.6 on).
const WIDE: u64 = 1 << 28;

/// An integer in [from, from + range); `range` 0 stands for 2^64.
#[inline]
pub fn integer(g: &mut Generator, from: i64, range: u64) -> i64 {
    match range {
        0 => g.u64() as i64,
        r if r >= WIDE => ((g.u64() % r) as i64).wrapping_add(from),
        r => ((g.u32() % r as u32) as i64).wrapping_add(from),
    }
}

/// Integers in [from, from + range), converted to the element type.
pub fn integers<T: Element>(g: &mut Generator, out: &mut [T], from: i64, range: u64) {
    if range == 0 || range >= WIDE {
        return out.fill_with(|| T::from_i64(integer(g, from, range)));
    }
    let range = range as u32;
    let mut at = 0;
    while at < out.len() {
        let words = g.engine.take(out.len() - at);
        for (x, &w) in out[at..at + words.len()].iter_mut().zip(words) {
            *x = T::from_i64((w % range) as i64 + from);
        }
        at += words.len();
    }
}

/// `random_()` without bounds: every integer that the element type holds and is not negative.
pub fn integers_of_type<T: Element>(g: &mut Generator, out: &mut [T]) {
    let draw: fn(&mut Generator) -> i64 = match T::DTYPE {
        DType::I64 => |g| (g.u64() & i64::MAX as u64) as i64,
        DType::F64 => |g| (g.u64() % ((1 << 53) + 1)) as i64,
        DType::F32 => |g| (g.u32() % ((1 << 24) + 1)) as i64,
        DType::I32 => |g| (g.u32() & i32::MAX as u32) as i64,
        DType::U8 => |g| (g.u32() & 0xff) as i64,
        DType::Bool => |g| (g.u32() & 1) as i64,
    };
    out.fill_with(|| T::from_i64(draw(g)));
}

/// 0..n in random order.
pub fn permutation(g: &mut Generator, n: usize) -> Vec<i64> {
    let mut out: Vec<i64> = (0..n as i64).collect();
    // From u32::MAX / 20 elements on PyTorch shuffles inside out with two words a step; 214 million is out of reach here.
    for i in 0..n.saturating_sub(1) {
        let z = g.u32() as usize % (n - i);
        out.swap(i, i + z);
    }
    out
}

/// 1 with probability `p`, else 0: two words an element whatever its type.
pub fn bernoulli<T: Element>(g: &mut Generator, out: &mut [T], p: f64) {
    let values = [T::from_i64(0), T::from_i64(1)];
    out.fill_with(|| values[trial_f64(g, p) as usize]);
}

/// One trial with a float32 probability: one word.
#[inline]
pub fn trial_f32(g: &mut Generator, p: f32) -> bool {
    g.unit_f32() < p
}

/// One trial with a float64 probability: two words.
#[inline]
pub fn trial_f64(g: &mut Generator, p: f64) -> bool {
    g.unit_f64() < p
}

/// Draws of the distributions that are computed in float64 whatever the element type.
#[derive(Clone, Copy, Debug)]
pub enum Draw {
    Exponential { rate: f64 },
    LogNormal { mean: f64, std: f64 },
    Cauchy { median: f64, sigma: f64 },
    Geometric { p: f64 },
}

impl Draw {
    /// The next number.
    pub fn next(self, g: &mut Generator) -> f64 {
        match self {
            Draw::Exponential { rate } => -1.0 / rate * glibc::log1p(-g.unit_f64()),
            Draw::LogNormal { mean, std } => exact::exp(normal::normal(g, mean, std)),
            Draw::Cauchy { median, sigma } => {
                exact::tan(std::f64::consts::PI * (g.unit_f64() - 0.5)).mul_add(sigma, median)
            }
            Draw::Geometric { p } => (glibc::log(g.unit_f64()) / glibc::log1p(-p)).ceil(),
        }
    }

    /// Fills memory with draws.
    pub fn fill<T: Element>(self, g: &mut Generator, out: &mut [T]) {
        out.fill_with(|| T::from_f64(self.next(g)));
    }
}

/// A float type of probabilities.
pub trait Probability: Element + std::ops::Add<Output = Self> + std::ops::Div<Output = Self> {}
impl Probability for f32 {}
impl Probability for f64 {}

/// Indices drawn with replacement, in proportion to `weights`, which are not negative and not all zero.
pub fn choose_again<T: Probability>(g: &mut Generator, weights: &[T], out: &mut [i64]) {
    let mut sum = T::default();
    let mut cdf: Vec<T> = weights
        .iter()
        .map(|&w| {
            sum = sum + w;
            sum
        })
        .collect();
    cdf.iter_mut().for_each(|c| *c = *c / sum);
    // Rounding must not leave a gap below 1.
    if let Some(last) = cdf.last_mut() {
        *last = T::from_i64(1);
    }
    out.fill_with(|| {
        let u = g.unit_f64();
        cdf.partition_point(|c| c.to_f64() < u) as i64
    });
}

/// `k` indices for each row of `n` weights, drawn without replacement in proportion to the weights: the largest of w / q,
/// where q are exponential numbers, drawn for all rows first.
pub fn choose_once<T: Probability>(g: &mut Generator, weights: &[T], n: usize, out: &mut [i64], k: usize) {
    let rate = Draw::Exponential { rate: 1.0 };
    let keys: Vec<T> = weights.iter().map(|&w| w / T::from_f64(rate.next(g))).collect();
    for (keys, out) in keys.chunks(n).zip(out.chunks_mut(k)) {
        let mut order: Vec<i64> = (0..n as i64).collect();
        order.sort_by(|&a, &b| keys[b as usize].partial_cmp(&keys[a as usize]).unwrap_or(std::cmp::Ordering::Equal));
        out.copy_from_slice(&order[..k]);
    }
}
