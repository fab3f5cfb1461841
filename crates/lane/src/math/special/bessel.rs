//! Modified Bessel functions.

use crate::math::double::{cosh, exp, exp_pair, product, quotient, scaled, sum, times};
use libm::{log, sqrt};
use std::f64::consts::{PI, TAU};

/// From here on the asymptotic series is exact to float64: its smallest term is about e^-2x.
const FAR: f64 = 20.0;
const EULER: f64 = 0.577_215_664_901_532_9;

/// The sum of (x^2 / 4)^k / (k! (k + n)!), DLMF 10.25.2. All terms are positive; each is a pair of float64, since a term
/// inherits what all before it were rounded by.
fn power_series(n: f64, x: f64) -> f64 {
    let (q, error) = product(x / 2.0, x / 2.0);
    let (mut term, mut low) = (1.0, 0.0);
    let (mut total, mut rest, mut k) = (1.0, 0.0, 0.0);
    while term > total * 1e-17 {
        k += 1.0;
        let divisor = k * (k + n);
        let (p, e) = product(term, q);
        let next = p / divisor;
        let (m, e2) = product(next, divisor);
        low = ((p - m) - e2 + e + low * q + term * error) / divisor;
        term = next;
        let (t, e) = sum(total, term);
        (total, rest) = (t, rest + e + low);
    }
    total + rest
}

/// The sum of DLMF 10.17.1's coefficients over x^k but for the first, 1; with alternating signs for I.
fn asymptotic(n: f64, x: f64, sign: f64) -> f64 {
    let mu = 4.0 * n * n;
    let (mut term, mut sum) = (1.0f64, 0.0f64);
    for k in 1..60 {
        let odd = (2 * k - 1) as f64;
        let next = term * sign * (mu - odd * odd) / (8.0 * k as f64 * x);
        if next.abs() >= term.abs() || next.abs() < 1e-18 {
            break;
        }
        term = next;
        sum += term;
    }
    sum
}

fn i_scaled(n: f64, x: f64) -> f64 {
    let a = x.abs();
    if a.is_infinite() {
        return 0.0;
    }
    let value = if a < FAR {
        let first = if n == 0.0 { 1.0 } else { a / 2.0 };
        first * power_series(n, a) * exp(-a)
    } else {
        let (h, l) = far(n, a);
        h + l
    };
    if n == 1.0 { value.copysign(x) } else { value }
}

/// e^-a I(a) as a pair, for a from 20 on: the series over sqrt(2 pi a).
fn far(n: f64, a: f64) -> (f64, f64) {
    // 2 pi as a pair; a quarter of it, lest it overflow.
    let (p, error) = product(a / 4.0, TAU);
    let root = sqrt(p);
    let (q, e) = product(root, root);
    let rest = ((p - q) - e + (error + a / 4.0 * 2.4492935982947064e-16)) / (2.0 * root);
    let (h, l) = quotient(sum(1.0, asymptotic(n, a, -1.0)), (root, rest));
    (0.5 * h, 0.5 * l)
}

/// I(a) for a from 20 on.
fn grown(n: f64, a: f64) -> f64 {
    if !(a < 720.0) {
        return if a.is_nan() { a } else { f64::INFINITY };
    }
    let (e, s, t) = exp_pair(a, 0.0);
    let (h, l) = sum(1.0, s);
    let (h, l) = times((h, l + t), far(n, a));
    scaled(h + l, e)
}

/// The modified Bessel function of the first kind, order 0.
pub fn i0(x: f64) -> f64 {
    let a = x.abs();
    if a < FAR { power_series(0.0, a) } else { grown(0.0, a) }
}
/// e^-|x| i0(x)
pub fn i0e(x: f64) -> f64 {
    i_scaled(0.0, x)
}
/// The modified Bessel function of the first kind, order 1.
pub fn i1(x: f64) -> f64 {
    let a = x.abs();
    if a < FAR { x / 2.0 * power_series(1.0, a) } else { grown(1.0, a).copysign(x) }
}
/// e^-|x| i1(x)
pub fn i1e(x: f64) -> f64 {
    i_scaled(1.0, x)
}

/// e^x K(x) for order n, x > 0: the integral of e^(-x (cosh t - 1)) cosh(n t), DLMF 10.32.9, by the trapezoidal rule,
/// which converges exponentially for such an integrand.
pub(super) fn k_integral(n: f64, x: f64) -> f64 {
    const STEP: f64 = 0.1;
    let mut sum = 0.5;
    for i in 1..200 {
        let t = i as f64 * STEP;
        let term = exp(-x * (cosh(t) - 1.0)) * cosh(n * t);
        sum += term;
        if term < 1e-18 * sum {
            break;
        }
    }
    sum * STEP
}

fn k_scaled(n: f64, x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY;
    }
    if x < 0.0 || x.is_nan() {
        return f64::NAN;
    }
    if x.is_infinite() {
        return 0.0;
    }
    if x > FAR {
        return (1.0 + asymptotic(n, x, 1.0)) * sqrt(PI / (2.0 * x));
    }
    if x > 2.0 {
        return k_integral(n, x);
    }
    // DLMF 10.31.1 and 10.31.2
    let q = x * x / 4.0;
    let l = log(x / 2.0);
    let (mut term, mut sum, mut harmonic) = (1.0, 0.0, 0.0);
    let mut k = 0.0;
    let value = if n == 0.0 {
        loop {
            k += 1.0;
            term *= q / (k * k);
            harmonic += 1.0 / k;
            sum += term * harmonic;
            if term < 1e-18 {
                break sum - (l + EULER) * power_series(0.0, x);
            }
        }
    } else {
        loop {
            // psi(k + 1) + psi(k + 2)
            sum += term * (2.0 * (harmonic - EULER) + 1.0 / (k + 1.0));
            k += 1.0;
            term *= q / (k * (k + 1.0));
            harmonic += 1.0 / k;
            if term < 1e-18 {
                break 1.0 / x + l * (x / 2.0) * power_series(1.0, x) - x / 4.0 * sum;
            }
        }
    };
    value * exp(x)
}

/// The modified Bessel function of the second kind, order 0.
pub fn bessel_k0(x: f64) -> f64 {
    k_scaled(0.0, x) * exp(-x.abs())
}
/// e^x k0(x)
pub fn bessel_k0e(x: f64) -> f64 {
    k_scaled(0.0, x)
}
/// The modified Bessel function of the second kind, order 1.
pub fn bessel_k1(x: f64) -> f64 {
    k_scaled(1.0, x) * exp(-x.abs())
}
/// e^x k1(x)
pub fn bessel_k1e(x: f64) -> f64 {
    k_scaled(1.0, x)
}

/// sin(x) / x
pub fn spherical_j0(x: f64) -> f64 {
    if x.is_infinite() {
        0.0
    } else if x == 0.0 {
        1.0
    } else {
        libm::sin(x) / x
    }
}
