//! Around the error function.

use libm::{erf, erfc, exp, log, log1p, sqrt};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI, SQRT_2};

/// e^(x^2) * erfc(x)
pub fn erfcx(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 * exp_square(x) - erfcx(-x);
    }
    if x < 9.0 {
        return exp_square(x) * erfc(x);
    }
    // The continued fraction of DLMF 7.9.1, from the inside out; 12 levels are enough from 9 on.
    let mut t = x;
    for k in (1..=12).rev() {
        t = x + 0.5 * k as f64 / t;
    }
    1.0 / (t * sqrt(PI))
}

/// e^(x^2), where rounding x^2 would cost x^2 units in the last place: its error is put back to first order.
fn exp_square(x: f64) -> f64 {
    let square = x * x;
    if square > 720.0 {
        return exp(square);
    }
    // Dekker's exact product.
    let high = f64::from_bits(x.to_bits() & !0x7ff_ffff);
    let low = x - high;
    let error = ((high * high - square) + 2.0 * high * low) + low * low;
    exp(square) * (1.0 + error)
}

/// The x with erf(x) = y; infinite at -1 and 1, NaN beyond.
pub fn erfinv(y: f64) -> f64 {
    let a = y.abs();
    if a >= 1.0 || a.is_nan() {
        return if a == 1.0 { f64::INFINITY.copysign(y) } else { f64::NAN };
    }
    if a > 0.5 {
        return erfc_inverse(1.0 - a).copysign(y);
    }
    // Newton's method from the first term of the series; two terms more make it converge in three steps.
    let t = y / FRAC_2_SQRT_PI;
    let mut x = t * (1.0 + t * t / 3.0);
    for _ in 0..4 {
        x -= (erf(x) - y) / (FRAC_2_SQRT_PI * exp(-x * x));
    }
    x
}

/// The x >= 0 with erfc(x) = q, for q in (0, 1]. Newton's method on the logarithm, which is nearly a parabola.
fn erfc_inverse(q: f64) -> f64 {
    let target = log(q);
    let mut x = sqrt((-target).max(0.0)) * 0.9;
    for _ in 0..40 {
        let scaled = erfcx(x);
        let step = (log(scaled) - x * x - target) * scaled / FRAC_2_SQRT_PI;
        x = (x + step).max(0.0);
        if step.abs() <= 1e-16 * x {
            break;
        }
    }
    x
}

/// The quantile of the standard normal distribution.
pub fn ndtri(p: f64) -> f64 {
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    if p == 1.0 {
        return f64::INFINITY;
    }
    if !(p > 0.0 && p < 1.0) {
        return f64::NAN;
    }
    if p < 0.25 {
        -SQRT_2 * erfc_inverse(2.0 * p)
    } else if p > 0.75 {
        SQRT_2 * erfc_inverse(2.0 * (1.0 - p))
    } else {
        SQRT_2 * erfinv(2.0 * p - 1.0)
    }
}

/// The logarithm of the standard normal distribution's cumulative function.
pub fn log_ndtr(x: f64) -> f64 {
    let t = x * FRAC_1_SQRT_2;
    if x < -1.0 { log(erfcx(-t) / 2.0) - t * t } else { log1p(-erfc(t) / 2.0) }
}
