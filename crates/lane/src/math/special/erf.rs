//! Around the error function.

use crate::math::double::{exp, exp_pair, normal, polynomial, product, quotient, scale, scaled, sum, times};
use libm::{log, log1p, sqrt};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

/// sqrt(pi) as a pair.
const SQRT_PI: (f64, f64) = (1.772453850905516, -7.666586499825799e-17);
/// 2 / sqrt(pi) as a pair.
const TWO_OVER: (f64, f64) = (FRAC_2_SQRT_PI, 1.533545961316588e-17);
/// Its third, negative.
const THIRD: (f64, f64) = (-0.37612638903183754, 1.3391897206030649e-17);

/// Below it erfc is found from erf.
const SMALL: f64 = 0.5;
/// From here on erfc is 0.
const LARGE: f64 = 28.0;

/// erf(x) as a pair, for |x| up to 1. The two leading terms are exact, so that the polynomial's rounding hardly counts.
#[inline(always)]
fn erf_pair(x: f64) -> (f64, f64) {
    let (z, error) = product(x, x);
    // (erf(x) / x - 2 / sqrt(pi) (1 - x^2 / 3)) / x^4, error 5e-18.
    let p = polynomial(
        z,
        &[
            0.11283791670955125,
            -0.026866170645131086,
            0.005223977625438503,
            -0.0008548327023028033,
            0.00012055332952889994,
            -1.4925649089192494e-05,
            1.646207695669396e-06,
            -1.6365088153741382e-07,
            1.4796645662374179e-08,
            -1.2190533578200643e-09,
            8.801355212469684e-11,
            -4.375745968399339e-12,
        ],
    );
    let (u, e) = product(z, THIRD.0);
    let (h, l) = normal(TWO_OVER.0, u);
    scale((h, l + (e + error * THIRD.0 + (TWO_OVER.1 + z * (THIRD.1 + z * p)))), x)
}

/// 1 / (1 + sqrt(pi) x) and this polynomial make e^(x^2) erfc(x), for x between 0 and 28. Shepherd and Laframboise, "Chebyshev
/// approximation of (1 + 2x) exp(x^2) erfc x", Math. Comp. 36 (1981): one polynomial in (x - 3.75) / (x + 3.75) does for
/// all x. With the factor 1 + sqrt(pi) x it is 1 at both ends and no larger than 1.19 between; this is what exceeds 1, so that
/// its rounding hardly counts.
#[inline(always)]
fn excess(x: f64) -> f64 {
    let t = (x - 3.75) / (x + 3.75);
    let z = t * t;
    // Error 1.2e-17. Coefficients of even and of odd powers, each again in two chains.
    let even = polynomial(
        z,
        &[
            0.11328120424829902,
            0.028891124387735976,
            -0.08475136444495118,
            -0.04926882135653283,
            -0.008432552647482026,
            0.00024295073940976562,
            4.6180883341915126e-05,
            -1.0057950627991434e-05,
            1.53356513048268e-06,
            -2.2858537920512963e-07,
            3.640288691699029e-08,
            -5.9644339737532315e-09,
            7.243596523044466e-10,
        ],
    );
    let odd = polynomial(
        z,
        &[
            -0.1553930483030038,
            0.05430578352513012,
            0.07556754554737499,
            0.024200128574717844,
            0.0015529776508583241,
            -0.0002516926817244645,
            1.9133751066881873e-05,
            -7.87292098527973e-07,
            -5.9444862266860056e-08,
            2.172463329708884e-08,
            -3.0537160741031026e-09,
            -1.5029460872911758e-10,
            1.5367478003754766e-10,
        ],
    );
    even + t * odd
}

/// e^(x^2) erfc(x) as a pair, for x between 0 and 28.
#[inline(always)]
fn erfcx_pair(x: f64) -> (f64, f64) {
    let (h, l) = product(x, SQRT_PI.0);
    let (d, e) = sum(1.0, h);
    quotient(sum(1.0, excess(x)), (d, e + l + x * SQRT_PI.1))
}

/// erfc(x) for x from 1 on, where it is so small that it may be rounded before it is taken from 1 or 2.
fn complement(x: f64) -> f64 {
    if x < 6.0 {
        let (square, error) = product(x, x);
        let (h, l) = erfcx_pair(x);
        exp(-square) * (h + (l - h * error))
    } else {
        0.0
    }
}

/// The error function.
pub fn erf(x: f64) -> f64 {
    let a = x.abs();
    if a < 1e-290 {
        return x * FRAC_2_SQRT_PI; // the product's error would underflow
    }
    if a < 1.0 {
        let (v, w) = erf_pair(x);
        return v + w;
    }
    if x.is_nan() { x } else { (1.0 - complement(a)).copysign(x) }
}

/// 1 - erf(x)
pub fn erfc(x: f64) -> f64 {
    if x < SMALL && x > -1.0 {
        let (v, w) = if x.abs() < 1e-290 { (0.0, 0.0) } else { erf_pair(x) };
        let (v, e) = sum(1.0, -v);
        return v + (e - w);
    }
    if x < 0.0 {
        return 2.0 - complement(-x);
    }
    if !(x < LARGE) {
        return if x.is_nan() { x } else { 0.0 };
    }
    let (square, error) = product(x, x);
    let (n, s, t) = exp_pair(-square, -error);
    let (h, l) = sum(1.0, s);
    let (h, l) = times((h, l + t), erfcx_pair(x));
    scaled(h + l, n)
}

/// e^(x^2) * erfc(x)
pub fn erfcx(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 * exp_square(x) - erfcx(-x);
    }
    if x < LARGE {
        let (h, l) = erfcx_pair(x);
        return h + l;
    }
    // The continued fraction of DLMF 7.9.1, from the inside out; 5 levels are enough from 28 on.
    let mut t = x;
    for k in (1..=5).rev() {
        t = x + 0.5 * k as f64 / t;
    }
    1.0 / (t * SQRT_PI.0)
}

/// e^(x^2), where rounding x^2 would cost x^2 units in the last place.
fn exp_square(x: f64) -> f64 {
    let (square, error) = product(x, x);
    if !(square < 720.0) {
        return exp(square);
    }
    let (n, s, t) = exp_pair(square, error);
    let (h, l) = sum(1.0, s);
    scaled(h + (l + t), n)
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
