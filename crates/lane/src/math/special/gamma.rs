//! The gamma function's relatives.

use super::lgamma;
use crate::math::double::exp;
use libm::{floor, log, log1p, pow, tan, trunc};
use std::f64::consts::PI;

/// The logarithmic derivative of the gamma function; infinite at 0, NaN at negative integers.
pub fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY.copysign(-x);
    }
    if x < 0.0 {
        // Reflection, DLMF 5.5.4; the fraction alone goes through the tangent, or large numbers would lose it.
        if x == trunc(x) {
            return f64::NAN;
        }
        let fraction = x - trunc(x);
        return digamma(1.0 - x) - PI / tan(PI * fraction);
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < 10.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    if x == 10.0 && sum == 0.0 {
        return 2.251_752_589_066_721;
    }
    // DLMF 5.11.2: B(2k) / 2k
    const SERIES: [f64; 7] =
        [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32760.0, 1.0 / 12.0];
    let z = 1.0 / (x * x);
    let tail = SERIES.iter().rev().fold(0.0, |acc, c| (acc + c) * z);
    sum + log(x) - 0.5 / x - tail
}

/// The Hurwitz zeta function: the sum of (q + k)^-x. Euler-Maclaurin, DLMF 25.11.5.
pub fn zeta(x: f64, q: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    if x < 1.0 || x.is_nan() || q.is_nan() {
        return f64::NAN;
    }
    if q <= 0.0 {
        if q == floor(q) {
            return f64::INFINITY;
        }
        if x != floor(x) {
            return f64::NAN; // a negative number to a broken power
        }
    }
    let (mut a, mut term) = (q, pow(q, -x));
    let mut sum = term;
    let mut n = 0;
    while n < 9 || a <= 9.0 {
        n += 1;
        a += 1.0;
        term = pow(a, -x);
        sum += term;
        if term.abs() < f64::EPSILON / 2.0 * sum.abs() {
            return sum;
        }
    }
    sum += term * a / (x - 1.0) - 0.5 * term;
    // (2k)! / B(2k)
    const SERIES: [f64; 12] = [
        12.0,
        -720.0,
        30240.0,
        -1209600.0,
        47900160.0,
        -1.8924375803183791606e9,
        7.47242496e10,
        -2.950130727918164224e12,
        1.1646782814350067249e14,
        -4.5979787224074726105e15,
        1.8152105401943546773e17,
        -7.1661652561756670113e18,
    ];
    let (mut rising, mut k) = (1.0, 0.0);
    for c in SERIES {
        rising *= x + k;
        term /= a;
        let t = rising * term / c;
        sum += t;
        if (t / sum).abs() < f64::EPSILON / 2.0 {
            break;
        }
        k += 1.0;
        rising *= x + k;
        term /= a;
        k += 1.0;
    }
    sum
}

/// The derivative of order n of digamma (n a whole number, not negative).
pub fn polygamma(n: f64, x: f64) -> f64 {
    if n == 0.0 {
        return digamma(x);
    }
    if n == 1.0 && x < 0.5 {
        // Reflection, DLMF 5.15.6: far below 0 the sum would be long.
        let s = libm::sin(PI * (x - floor(x)));
        return PI * PI / (s * s) - zeta(2.0, 1.0 - x);
    }
    let sign = if n % 2.0 == 1.0 { 1.0 } else { -1.0 };
    sign * exp(lgamma(n + 1.0)) * zeta(n + 1.0, x)
}

/// The regularised lower incomplete gamma function of shape a.
pub fn igamma(a: f64, x: f64) -> f64 {
    if let Some(lower) = edge(a, x) {
        return lower;
    }
    if x < a + 1.0 { series(a, x) } else { 1.0 - fraction(a, x) }
}

/// The regularised upper incomplete gamma function of shape a.
pub fn igammac(a: f64, x: f64) -> f64 {
    if let Some(lower) = edge(a, x) {
        return 1.0 - lower;
    }
    if x < a + 1.0 { 1.0 - series(a, x) } else { fraction(a, x) }
}

/// The lower function where no formula is needed.
fn edge(a: f64, x: f64) -> Option<f64> {
    if x < 0.0 || a < 0.0 || x.is_nan() || a.is_nan() {
        return Some(f64::NAN);
    }
    if a == 0.0 {
        return Some(if x > 0.0 { 1.0 } else { f64::NAN });
    }
    if x == 0.0 {
        return Some(0.0);
    }
    if a.is_infinite() {
        return Some(if x.is_infinite() { f64::NAN } else { 0.0 });
    }
    if x.is_infinite() { Some(1.0) } else { None }
}

/// x^a e^-x / Gamma(a)
fn factor(a: f64, x: f64) -> f64 {
    if a > 30.0 && (x - a).abs() < 0.4 * a {
        // Near the peak the big terms cancel: a log(x) - x - lgamma(a) by Stirling's formula, DLMF 5.11.1.
        let t = (x - a) / a;
        let z = 1.0 / (a * a);
        let stirling = (1.0 / 12.0 - z * (1.0 / 360.0 - z * (1.0 / 1260.0 - z / 1680.0))) / a;
        return exp(a * (log1p(t) - t) - stirling) * libm::sqrt(a / (2.0 * PI));
    }
    exp(a * log(x) - x - lgamma(a))
}

/// DLMF 8.11.4
fn series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
    for _ in 0..100_000 {
        n += 1.0;
        term *= x / n;
        sum += term;
        if term <= sum * 1e-17 {
            break;
        }
    }
    sum * factor(a, x)
}

/// DLMF 8.9.2 by Lentz's method
fn fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut h = d;
    for k in 1..100_000 {
        let k = k as f64;
        let t = -k * (k - a);
        b += 2.0;
        d = t * d + b;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + t / c;
        c = if c.abs() < TINY { TINY } else { c };
        let step = d * c;
        h *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    h * factor(a, x)
}
