//! The Airy function.

use super::bessel::k_integral;
use libm::{cos, exp, pow, sin, sqrt};
use std::f64::consts::PI;

/// Ai(0) and -Ai'(0), DLMF 9.2.3 and 9.2.4
const AT_0: f64 = 0.355_028_053_887_817_24;
const SLOPE: f64 = 0.258_819_403_792_806_8;

/// The Airy function Ai.
pub fn airy_ai(x: f64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    if x > 103.892 {
        return 0.0;
    }
    if x > 1.0 {
        // DLMF 9.6.2, K of order 1/3
        let z = 2.0 / 3.0 * x * sqrt(x);
        return sqrt(x / 3.0) / PI * scaled_k13(z) * exp(-z);
    }
    if x > -7.0 { maclaurin(x) } else { oscillating(-x) }
}

fn scaled_k13(z: f64) -> f64 {
    if z < 20.0 {
        return k_integral(1.0 / 3.0, z);
    }
    sqrt(PI / (2.0 * z)) * coefficients(z).0.iter().sum::<f64>()
}

/// DLMF 9.4.1
fn maclaurin(x: f64) -> f64 {
    let cube = x * x * x;
    let (mut f, mut g) = (AT_0, SLOPE * x);
    let mut sum = f - g;
    let mut k = 0.0;
    while f.abs() + g.abs() > 1e-18 {
        f *= cube / ((k + 2.0) * (k + 3.0));
        g *= cube / ((k + 3.0) * (k + 4.0));
        sum += f - g;
        k += 3.0;
    }
    sum
}

/// The terms of DLMF 9.7.2 over z^k: with alternating signs, and without.
fn coefficients(z: f64) -> ([f64; 24], [f64; 24]) {
    let (mut alternating, mut plain) = ([0.0; 24], [0.0; 24]);
    let mut term = 1.0f64;
    for k in 0..24 {
        alternating[k] = if k % 2 == 0 { term } else { -term };
        plain[k] = term;
        let n = (k + 1) as f64;
        let next = term * (6.0 * n - 5.0) * (6.0 * n - 3.0) * (6.0 * n - 1.0) / (216.0 * n * (2.0 * n - 1.0) * z);
        if next > term {
            break;
        }
        term = next;
    }
    (alternating, plain)
}

/// DLMF 9.7.9, for x far below 0
fn oscillating(x: f64) -> f64 {
    let z = 2.0 / 3.0 * x * sqrt(x);
    let (_, u) = coefficients(z);
    let (mut even, mut odd) = (0.0, 0.0);
    for (k, term) in u.iter().enumerate() {
        let sign = if k / 2 % 2 == 0 { 1.0 } else { -1.0 };
        if k % 2 == 0 { even += sign * term } else { odd += sign * term }
    }
    let phase = z - PI / 4.0;
    (cos(phase) * even + sin(phase) * odd) / (sqrt(PI) * pow(x, 0.25))
}
