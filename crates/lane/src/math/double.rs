//! float64 functions where those of `libm` are off by more than an ulp: exponential and logarithm as a sum of two float64,
//! good to about 2^-58, and what follows from them. Errors are in tests/ulp.rs.

use std::f64::consts::{LN_2, LOG2_E};

/// The sum of two numbers and its rounding error (Knuth).
#[inline(always)]
pub(super) fn sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let t = s - a;
    (s, (a - (s - t)) + (b - t))
}

/// The same for |a| >= |b| (Dekker).
#[inline(always)]
pub(super) fn normal(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    (s, b - (s - a))
}

/// The product of two numbers and its rounding error (Dekker), without a fused multiply-add, which wasm has not.
#[inline(always)]
pub(super) fn product(a: f64, b: f64) -> (f64, f64) {
    let upper = |v: f64| f64::from_bits(v.to_bits() & !0x7ff_ffff);
    let (p, ah, bh) = (a * b, upper(a), upper(b));
    let (al, bl) = (a - ah, b - bh);
    (p, ((ah * bh - p) + ah * bl + al * bh) + al * bl)
}

/// (a + b) (c + d) for pairs.
#[inline(always)]
pub(super) fn times((a, b): (f64, f64), (c, d): (f64, f64)) -> (f64, f64) {
    let (h, l) = product(a, c);
    normal(h, l + (a * d + b * c))
}

/// (a + b) c for a pair.
#[inline(always)]
pub(super) fn scale((a, b): (f64, f64), c: f64) -> (f64, f64) {
    let (h, l) = product(a, c);
    normal(h, l + b * c)
}

/// (a + b) / (c + d) for pairs, good to about 2^-100.
#[inline(always)]
pub(super) fn quotient((a, b): (f64, f64), (c, d): (f64, f64)) -> (f64, f64) {
    let q = a / c;
    let (p, error) = product(q, c);
    (q, ((a - p) - error + b - q * d) / c)
}

/// c0 + c1 x + ...: even and odd powers apart, so that a processor has two chains of operations to work on at a time.
#[inline(always)]
pub(super) fn polynomial<const N: usize>(x: f64, coefficients: &[f64; N]) -> f64 {
    let square = x * x;
    let (mut even, mut odd) = (0.0, 0.0);
    let mut k = N;
    while k > 0 {
        k -= 1;
        if k.is_multiple_of(2) {
            even = even * square + coefficients[k];
        } else {
            odd = odd * square + coefficients[k];
        }
    }
    even + x * odd
}

/// ln 2 in two parts; an integer of 11 bits times the first is exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// 2^n for n between -1022 and 1023.
#[inline(always)]
fn power_of_two(n: i32) -> f64 {
    f64::from_bits(((1023 + n) as u64) << 52)
}

/// v 2^n, also where 2^n alone is out of range.
#[inline(always)]
pub(super) fn scaled(v: f64, n: f64) -> f64 {
    let n = n as i32;
    v * power_of_two(n / 2) * power_of_two(n - n / 2)
}

/// (n, s, t) with e^x = 2^n (1 + s + t), for |x| up to 750.
#[inline]
fn exp_parts(x: f64) -> (f64, f64, f64) {
    let n = (x * LOG2_E).round_ties_even();
    let (a, b) = (x - n * LN_2_HIGH, n * LN_2_LOW);
    let r = a - b;
    let (s, t) = exp_reduced(r, (a - r) - b);
    (n, s, t)
}

/// (n, s, t) with e^(h + l) = 2^n (1 + s + t), for |h| up to 790 and l below its last place.
#[inline(never)]
pub(super) fn exp_pair(h: f64, l: f64) -> (f64, f64, f64) {
    let n = (h * LOG2_E).round_ties_even();
    let (a, b) = (h - n * LN_2_HIGH, n * LN_2_LOW);
    let d = a - b;
    let (r, rest) = sum(d, l);
    let (s, t) = exp_reduced(r, rest + ((a - d) - b));
    (n, s, t)
}

/// (s, t) with e^(r + rest) = 1 + s + t, for |r| up to log(2) / 2 and what is below its last place.
#[inline(always)]
fn exp_reduced(r: f64, rest: f64) -> (f64, f64) {
    let (square, error) = product(r, r);
    // (e^r - 1 - r - r^2 / 2) / r^3, error 8e-18.
    let q = polynomial(
        r,
        &[
            0.16666666666666669,
            0.04166666666666667,
            0.008333333333330037,
            0.0013888888888880886,
            0.00019841269863174067,
            2.480158733412832e-05,
            2.7557268273567713e-06,
            2.755726411628982e-07,
            2.510047389245446e-08,
            2.0918212752506956e-09,
        ],
    );
    let (s, t) = sum(r, 0.5 * square);
    let (s, u) = sum(s, r * square * q);
    (s, u + (t + (0.5 * error + (rest + r * rest))))
}

/// e^x
pub fn exp(x: f64) -> f64 {
    if !(x.abs() < 746.0) {
        return if x > 0.0 {
            f64::INFINITY
        } else if x < 0.0 {
            0.0
        } else {
            x
        };
    }
    let (n, s, t) = exp_parts(x);
    let (h, l) = sum(1.0, s);
    scaled(h + (l + t), n)
}

/// e^x - 1 as a pair, for |x| up to 41.
#[inline(always)]
fn expm1_pair(x: f64) -> (f64, f64) {
    let (n, s, t) = exp_parts(x);
    if n == 0.0 {
        return (s, t);
    }
    let p = power_of_two(n as i32);
    let (a, e) = sum(p, -1.0);
    let (h, l) = sum(a, p * s);
    (h, l + e + p * t)
}

/// (h + l) / (h + l + c) as a pair.
#[inline(always)]
fn ratio(h: f64, l: f64, c: f64) -> (f64, f64) {
    let (d, e) = sum(h, c);
    quotient((h, l), (d, e + l))
}

/// Below it a function with slope 1 at 0 is its argument.
const TINY: f64 = 3.7e-9;

pub fn tanh(x: f64) -> f64 {
    let a = x.abs();
    if a < TINY || a.is_nan() {
        return x;
    }
    if a > 20.0 {
        return 1f64.copysign(x);
    }
    let (h, l) = expm1_pair(a + a);
    let (q, r) = ratio(h, l, 2.0);
    (q + r).copysign(x)
}

/// e^x / 2 for x between 40 and infinity.
fn half_exp(x: f64) -> f64 {
    if x > 711.0 {
        return f64::INFINITY;
    }
    let (n, s, t) = exp_parts(x);
    let (h, l) = sum(1.0, s);
    scaled(h + (l + t), n - 1.0)
}

pub fn sinh(x: f64) -> f64 {
    let a = x.abs();
    if a < TINY || a.is_nan() {
        return x;
    }
    if a > 40.0 {
        return half_exp(a).copysign(x);
    }
    // (E + E / (E + 1)) / 2 with E = e^a - 1
    let (h, l) = expm1_pair(a);
    let (q, r) = ratio(h, l, 1.0);
    let (v, e) = sum(h, q);
    (0.5 * (v + (e + l + r))).copysign(x)
}

pub fn cosh(x: f64) -> f64 {
    let a = x.abs();
    if !(a <= 40.0) {
        return if x.is_nan() { x } else { half_exp(a) };
    }
    let (n, s, t) = exp_parts(a);
    let (h, l) = sum(1.0, s);
    let p = power_of_two(n as i32);
    let (h, l) = (h * p, (l + t) * p);
    let inverse = 1.0 / h;
    let (one, error) = product(inverse, h);
    let rest = ((1.0 - one) - error - inverse * l) * inverse;
    let (v, e) = sum(h, inverse);
    0.5 * (v + (e + l + rest))
}

/// log(h + l) as a pair, for positive normal h and l below its last place.
#[inline(never)]
pub(super) fn log_pair(h: f64, l: f64) -> (f64, f64) {
    let root = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    let offset = h.to_bits().wrapping_sub(root);
    let f = f64::from_bits((offset & 0xf_ffff_ffff_ffff) + root) - 1.0;
    let n = ((offset as i64) >> 52) as f64;
    // log(1 + f) = 2 s + 2 s^3 / 3 + ... with s = f / (2 + f)
    let (d, e) = sum(2.0, f);
    let s = f / d;
    let (p, error) = product(s, d);
    let rest = ((f - p) - error - s * e) / d;
    let z = s * s;
    // Error 2e-18.
    let q = polynomial(
        z,
        &[
            0.6666666666666666,
            0.4000000000000089,
            0.28571428570794766,
            0.22222222393603783,
            0.1818179544827098,
            0.15386249681084868,
            0.13268516288443394,
            0.13089219145858638,
        ],
    );
    let (v, w) = sum(n * LN_2_HIGH, s + s);
    sum(v, w + (s * z * q + (rest + rest) + n * LN_2_LOW + l / h))
}

/// log(1 + h + l) as a pair.
#[inline(always)]
pub(super) fn log1p_pair(h: f64, l: f64) -> (f64, f64) {
    let (w, e) = sum(1.0, h);
    log_pair(w, e + l)
}

/// log(1 + x)
pub fn log1p(x: f64) -> f64 {
    if !(x > -1.0 && x < f64::INFINITY) {
        return if x == -1.0 {
            f64::NEG_INFINITY
        } else if x < -1.0 {
            f64::NAN
        } else {
            x
        };
    }
    if x.abs() < TINY * TINY {
        return x;
    }
    let (v, w) = log1p_pair(x, 0.0);
    v + w
}

/// log(2 x) for large x: what the inverse hyperbolic functions become before x^2 overflows.
fn log_twice(x: f64) -> f64 {
    if x.is_infinite() {
        return x;
    }
    let (h, l) = log_pair(x, 0.0);
    let (v, e) = sum(h, LN_2);
    v + (e + l)
}

pub fn asinh(x: f64) -> f64 {
    let a = x.abs();
    if a < TINY || a.is_nan() {
        return x;
    }
    if a > 1e150 {
        return log_twice(a).copysign(x);
    }
    // log(1 + a + a^2 / (1 + sqrt(1 + a^2)))
    let (h, l) = sum(a, a * a / (1.0 + (1.0 + a * a).sqrt()));
    let (v, w) = log1p_pair(h, l);
    (v + w).copysign(x)
}

/// NaN below 1.
pub fn acosh(x: f64) -> f64 {
    if !(x > 1.0) {
        return if x == 1.0 { 0.0 } else { f64::NAN };
    }
    if x > 1e150 {
        return log_twice(x);
    }
    // log(1 + d + sqrt(d (x + 1))) with d = x - 1
    let d = x - 1.0;
    let (above, e) = sum(x, 1.0);
    let (p, error) = product(d, above);
    let s = p.sqrt();
    let (q, e2) = product(s, s);
    let rest = ((p - q) - e2 + (error + d * e)) / (s + s);
    let (h, l) = sum(d, s);
    let (v, w) = log1p_pair(h, l + rest);
    v + w
}

/// NaN beyond -1 and 1.
pub fn atanh(x: f64) -> f64 {
    let a = x.abs();
    if !(a < 1.0) {
        return if a == 1.0 { f64::INFINITY.copysign(x) } else { f64::NAN };
    }
    if a < TINY {
        return x;
    }
    let (p, pl) = log1p_pair(a, 0.0);
    let (q, ql) = log1p_pair(-a, 0.0);
    let (v, w) = sum(p, -q);
    (0.5 * (v + (w + (pl - ql)))).copysign(x)
}
