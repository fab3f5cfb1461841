//! Around the error function.

use crate::math::double::{exp, polynomial, product};
use libm::{erfc, log, log1p, sqrt};
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
    if a == 0.0 {
        return y;
    }
    if a >= 1.0 || a.is_nan() {
        return if a == 1.0 { f64::INFINITY.copysign(y) } else { f64::NAN };
    }
    if a > 0.75 {
        return tail(1.0 - a).copysign(y);
    }
    // sqrt(pi) / 2 y exactly, as a pair, and a small polynomial on top: erfinv(y) / y = sqrt(pi) / 2 + y^2 (...),
    // error 3e-18.
    let z = y * y;
    let p = polynomial(
        z,
        &[
            0.2320136665346545,
            0.12755617530559324,
            0.08655212924298922,
            0.06495961757098322,
            0.051731293167203776,
            0.04283628096767584,
            0.036477495039901844,
            0.03147350574944682,
            0.030939575617190587,
            -0.005774217140837674,
            0.2705613887840511,
            -1.5461389645813974,
            7.864212107206047,
            -31.289092218198764,
            99.74918390888776,
            -253.05561994643713,
            508.0241638569031,
            -796.5363513318574,
            955.3245772175611,
            -846.893105927417,
            523.6625891081771,
            -202.05040500516984,
            36.791631141865594,
        ],
    );
    let (v, error) = product(y, 0.886_226_925_452_758);
    v + (error + y * -3.8332932499128993e-17 + y * z * p)
}

/// The x > 0 with erfc(x) = q, for q between 1e-16 and 1 / 4: a fit, good to 1e-4, and Halley's method, which cubes the error.
fn tail(q: f64) -> f64 {
    let s = sqrt(-log(q * (2.0 - q)));
    let mut x = polynomial(
        s,
        &[
            -0.0016003840286846955,
            0.896927210859006,
            -0.024032105525638035,
            0.034026417857677106,
            -0.010342094819880574,
            0.0013438912444798208,
            -6.540002746878386e-05,
        ],
    );
    for _ in 0..2 {
        let step = (q - erfc(x)) / (FRAC_2_SQRT_PI * exp(-x * x));
        x -= step / (1.0 + x * step);
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
