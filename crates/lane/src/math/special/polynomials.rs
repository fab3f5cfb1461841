//! Orthogonal polynomials by their recurrences; the degree arrives as a float and is truncated.

use libm::{acos, cos, sin};

/// The polynomial of degree `n` whose first two are 1 and `first`, the others following from the two before.
fn recurrence(n: f64, first: f64, next: impl Fn(f64, f64, f64) -> f64) -> f64 {
    let n = n as i64;
    if n < 0 {
        return 0.0;
    }
    if n == 0 {
        return 1.0;
    }
    let (mut p, mut q) = (1.0, first);
    for k in 1..n {
        if q.is_nan() {
            break;
        }
        (p, q) = (q, next(k as f64, q, p));
    }
    q
}

/// Within [-1, 1] the trigonometric forms are exact where recurrences lose digits (aten/native/Math.h takes them above
/// these degrees too).
fn inside(n: f64, x: f64, above: f64) -> bool {
    n.trunc() > above && x.abs() < 1.0
}
fn even(n: f64) -> bool {
    n.trunc() % 2.0 == 0.0
}
/// At -1: the sign by the parity of n.
fn signed(n: f64, x: f64, v: f64) -> f64 {
    if x > 0.0 || even(n) { v } else { -v }
}

/// The Chebyshev polynomial of the first kind.
pub fn chebyshev_t(x: f64, n: f64) -> f64 {
    if inside(n, x, 6.0) {
        return cos(n.trunc() * acos(x));
    }
    if x.abs() == 1.0 && n >= 0.0 {
        return signed(n, x, 1.0);
    }
    recurrence(n, x, |_, q, p| (x + x) * q - p)
}

/// The Chebyshev polynomial of the second kind.
pub fn chebyshev_u(x: f64, n: f64) -> f64 {
    let m = n.trunc() + 1.0;
    if inside(n, x, 8.0) {
        let angle = acos(x);
        return sin(m * angle) / sin(angle);
    }
    if x.abs() == 1.0 && n >= 0.0 {
        return signed(n, x, m);
    }
    recurrence(n, x + x, |_, q, p| (x + x) * q - p)
}

/// The Chebyshev polynomial of the third kind.
pub fn chebyshev_v(x: f64, n: f64) -> f64 {
    let m = n.trunc();
    if inside(n, x, 8.0) {
        let angle = acos(x);
        return cos((m + 0.5) * angle) / cos(angle / 2.0);
    }
    if x.abs() == 1.0 && n >= 0.0 {
        return if x > 0.0 { 1.0 } else { signed(n, x, m + m + 1.0) };
    }
    recurrence(n, x + x - 1.0, |_, q, p| (x + x) * q - p)
}

/// The Chebyshev polynomial of the fourth kind.
pub fn chebyshev_w(x: f64, n: f64) -> f64 {
    let m = n.trunc();
    if inside(n, x, 8.0) {
        let angle = acos(x);
        return sin((m + 0.5) * angle) / sin(angle / 2.0);
    }
    if x.abs() == 1.0 && n >= 0.0 {
        return if x > 0.0 { m + m + 1.0 } else { signed(n, x, 1.0) };
    }
    recurrence(n, x + x + 1.0, |_, q, p| (x + x) * q - p)
}

/// The physicists' Hermite polynomial; NaN above degree 512, where it has long overflowed.
pub fn hermite_h(x: f64, n: f64) -> f64 {
    if n > 512.0 {
        return f64::NAN;
    }
    recurrence(n, x + x, |k, q, p| (x + x) * q - (k + k) * p)
}

/// The probabilists' Hermite polynomial; NaN above degree 512.
pub fn hermite_he(x: f64, n: f64) -> f64 {
    if n > 512.0 {
        return f64::NAN;
    }
    recurrence(n, x, |k, q, p| x * q - k * p)
}

/// The Laguerre polynomial.
pub fn laguerre_l(x: f64, n: f64) -> f64 {
    if x == 0.0 && n >= 0.0 {
        return 1.0;
    }
    recurrence(n, 1.0 - x, |k, q, p| ((k + k + 1.0 - x) * q - k * p) / (k + 1.0))
}

/// The Legendre polynomial.
pub fn legendre_p(x: f64, n: f64) -> f64 {
    if x.abs() == 1.0 && n >= 0.0 {
        return signed(n, x, 1.0);
    }
    recurrence(n, x, |k, q, p| ((k + k + 1.0) * x * q - k * p) / (k + 1.0))
}
