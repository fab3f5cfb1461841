//! Fills and draws of PyTorch's CPU generator over plain memory.
//!
//! Everything is serial and in memory order: the stream defines the numbers. Where PyTorch's x86 builds fuse a
//! multiply-add, so do we (see `fused`).

use cresset_lane::{DType, Element};

use super::elements::Elements;
use super::exact;
use super::fused::fma64_anywhere;
use super::generator::Generator;
use super::{glibc, integers, normal, uniform};

/// Uniform numbers in [from, to), of float32 or float64.
pub fn uniform(g: &mut Generator, out: Elements, from: f64, to: f64) {
    match out {
        Elements::F32(out) => uniform::fill_f32(g, out, from, to),
        Elements::F64(out) => uniform::fill_f64(g, out, from, to),
        other => unreachable!("uniform numbers of {}", other.dtype()),
    }
}

/// Normal numbers, of float32 or float64; `contiguous` says whether the tensor is so in the order of its indices, which
/// decides the method.
pub fn normal(g: &mut Generator, out: Elements, mean: f64, std: f64, contiguous: bool) {
    let blocks = contiguous && out.len() >= normal::BLOCK;
    match out {
        Elements::F32(out) if blocks => normal::fill_f32(g, out, mean as f32, std as f32),
        Elements::F64(out) if blocks => normal::fill_f64(g, out, mean, std),
        out => out.fill_f64(|x| x.fill_with(|| normal::normal(g, mean, std))),
    }
}

/// Integers in [from, from + range); `range` 0 stands for 2^64.
pub fn integers(g: &mut Generator, out: Elements, from: i64, range: u64) {
    let source = integers::Source::new(from, range);
    out.fill_i64(|x| source.fill(g, x));
}

/// `random_()` without bounds: every integer that the element type holds and is not negative.
pub fn integers_of_type(g: &mut Generator, out: Elements) {
    let source = integers::Source::of_type(out.dtype());
    out.fill_i64(|x| source.fill(g, x));
}

/// 1 with probability `p`, else 0: two words an element whatever its type.
pub fn bernoulli(g: &mut Generator, out: Elements, p: f64) {
    // k * 2^-53 < p as integers: scaling by a power of two is exact.
    let below = (p * (1u64 << 53) as f64).ceil() as u64;
    let mut draws = [0; 256];
    out.fill_i64(|x| {
        for x in x.chunks_mut(draws.len()) {
            let draws = &mut draws[..x.len()];
            g.engine.fill_u64(draws);
            for (x, &w) in x.iter_mut().zip(&*draws) {
                *x = (w & ((1 << 53) - 1) < below) as i64;
            }
        }
    });
}

/// 1 with a probability for each element, else 0: in float64 two words an element, in float32 one.
pub fn bernoulli_each(g: &mut Generator, out: Elements, p: &[f64], precision: DType) {
    let mut p = p.iter();
    out.fill_i64(|x| {
        for (x, &p) in x.iter_mut().zip(&mut p) {
            let hit = if precision == DType::F64 { g.unit_f64() < p } else { g.unit_f32() < p as f32 };
            *x = hit as i64;
        }
    });
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
                fma64_anywhere(exact::tan(std::f64::consts::PI * (g.unit_f64() - 0.5)), sigma, median)
            }
            Draw::Geometric { p } => (glibc::log(g.unit_f64()) / glibc::log1p(-p)).ceil(),
        }
    }

    /// Fills memory with draws.
    pub fn fill(self, g: &mut Generator, out: Elements) {
        out.fill_f64(|x| x.fill_with(|| self.next(g)));
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
