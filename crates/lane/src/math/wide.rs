//! Functions of two float64 at a time, accurate to 2e-9 or better: enough to be rounded to float32,
//! whose half ulp is at least 3e-8.
//!
//! Arguments come from float32, so none is so large or small that float64 over- or underflows on the way.

use crate::simd::{Constant, F64x2, I64x2};
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2, FRAC_PI_4, LN_2, LOG2_E, LOG10_E, PI};

/// A constant.
macro_rules! c {
    ($v:expr) => {{
        #[used]
        static AT: Constant<F64x2> = Constant::new(F64x2::splat($v));
        AT.get()
    }};
}

/// Zero is one instruction.
fn zero() -> F64x2 {
    F64x2::splat(0.0)
}

/// c0 + c1 x + ...: even and odd powers apart, so that a processor has two chains of operations to work on at a time.
macro_rules! polynomial {
    ($x:expr, $coefficients:expr $(,)?) => {{
        const N: usize = $coefficients.len();
        #[used]
        static AT: [Constant<F64x2>; N] = F64x2::splats($coefficients);
        polynomial($x, &AT)
    }};
}

#[inline(always)]
fn polynomial<const N: usize>(x: F64x2, coefficients: &'static [Constant<F64x2>; N]) -> F64x2 {
    let c = |k: usize| coefficients[k].get();
    let square = x * x;
    let (mut high, mut low) = (c(N - 1), c(N - 2));
    let mut k = N - 2;
    while k >= 2 {
        high = high * square + c(k - 1);
        low = low * square + c(k - 2);
        k -= 2;
    }
    if k == 0 { low + high * x } else { c(0) + low * x + high * square }
}

/// Adding it puts an integer into the low bits of a float64.
const MAGIC: f64 = 6755399441055744.0; // 1.5 * 2^52

/// 2^n p, where `t` holds n in its low bits (`MAGIC` was added); the result must not leave float64's range.
#[inline(always)]
fn scaled(p: F64x2, t: F64x2) -> F64x2 {
    F64x2::from_bits(p.bits() + t.bits().left(52))
}

/// e^x for |x| up to 700.
#[inline(always)]
pub fn exp(x: F64x2) -> F64x2 {
    // Relative error 1.9e-9, a thirtieth of an ulp of float32.
    const FIT: [f64; 7] = [
        1.0000000005541998,
        1.0000000363230745,
        0.4999999207944533,
        0.16666420169662347,
        0.041668225616228995,
        0.008374815839216856,
        0.001383684458742723,
    ];
    let t = x * c!(LOG2_E) + c!(MAGIC);
    // n times ln 2 is rounded at 1e-14 here, which is enough.
    let r = x - (t - c!(MAGIC)) * c!(LN_2);
    scaled(polynomial!(r, FIT), t)
}

/// 2^x for |x| up to 1000.
#[inline(always)]
pub fn exp2(x: F64x2) -> F64x2 {
    // The fit of e^r with r = x ln 2: relative error 1.9e-9.
    const FIT: [f64; 7] = [
        1.0000000005541998,
        0.693147205737182,
        0.2402264689045571,
        0.05550328776903078,
        0.009618488967904383,
        0.0013399931274939345,
        0.0001534581044286719,
    ];
    let t = x + c!(MAGIC);
    scaled(polynomial!(x - (t - c!(MAGIC)), FIT), t)
}

/// (2^n, p) with e^x = 2^n (1 + p), for |x| up to 700.
#[inline(always)]
fn exp_parts(x: F64x2) -> (F64x2, F64x2) {
    let t = x * c!(LOG2_E) + c!(MAGIC);
    let r = x - (t - c!(MAGIC)) * c!(LN_2);
    // Error 5e-12 of r.
    let p = polynomial!(
        r,
        [
            0.4999999999973623,
            0.16666666754486192,
            0.04166666695512483,
            0.008333288975527254,
            0.0013888809309595004,
            0.00019904946025483506,
            2.4882499082954878e-05,
        ],
    );
    (scaled(c!(1.0), t), r + r * r * p)
}

/// e^x - 1 for |x| up to 700.
#[inline(always)]
pub fn expm1(x: F64x2) -> F64x2 {
    let (scale, p) = exp_parts(x);
    (scale - c!(1.0)) + scale * p
}

/// For |x| up to 350.
#[inline(always)]
pub fn tanh(x: F64x2) -> F64x2 {
    let e = expm1(x + x);
    e / (e + c!(2.0))
}

/// For |x| up to 700.
#[inline(always)]
pub fn sinh(x: F64x2) -> F64x2 {
    let e = expm1(x.absolute());
    let value = c!(0.5) * (e + e / (e + c!(1.0)));
    with_sign(value, x)
}

/// For |x| up to 700.
#[inline(always)]
pub fn cosh(x: F64x2) -> F64x2 {
    let e = exp(x.absolute());
    c!(0.5) * (e + c!(1.0) / e)
}

fn with_sign(value: F64x2, sign: F64x2) -> F64x2 {
    F64x2::from_bits(value.bits() | (sign.bits() & c!(-0.0).bits()))
}

/// For x between -4 and 11. The polynomial is that of `special::erfc`.
#[inline(always)]
pub fn erfc(x: F64x2) -> F64x2 {
    let a = x.absolute();
    let t = (a - c!(2.5)) / (a + c!(2.5));
    // (1 + sqrt(pi) a) e^(a^2) erfc(a) - 1, error 7.5e-10.
    let p = polynomial!(
        t,
        [
            0.14491774284426087,
            -0.15072949107102948,
            -0.05911995313054293,
            0.12547056808515872,
            -0.08671148861609013,
            0.028577886703463607,
            0.0005347263080381367,
            -0.003774423716597605,
            0.0004348021249813643,
            0.000514510777818225,
            -5.1699884238918605e-05,
            -5.492187544325323e-05,
        ],
    );
    let v = exp(-(a * a)) * (c!(1.0) + p) / (c!(1.0) + a * c!(1.772453850905516));
    F64x2::choose(x.lt(zero()), c!(2.0) - v, v)
}

/// log((2^e) (1 + x)) with 1 + x between sqrt(1/2) and sqrt(2), from x / (2 + x).
#[inline(always)]
fn log_of(s: F64x2, e: F64x2) -> F64x2 {
    let z = s * s;
    // Error 3e-14 of the result.
    let p = polynomial!(
        z,
        [0.6666666667579985, 0.3999999562254555, 0.2857210905203367, 0.22176194292033746, 0.19584056050314558],
    );
    e * c!(LN_2) + (s * c!(2.0) + s * z * p)
}

/// (e, m) with x = 2^e m and m between sqrt(1/2) and sqrt(2).
#[inline(always)]
fn split(x: F64x2) -> (F64x2, F64x2) {
    let root = c!(std::f64::consts::FRAC_1_SQRT_2).bits();
    let offset = x.bits() - root;
    let m = F64x2::from_bits((offset & I64x2::splat(0xf_ffff_ffff_ffff)) + root);
    let e = F64x2::from_bits(offset.right(52) + c!(MAGIC).bits()) - c!(MAGIC);
    (e, m)
}

/// For x > 0 and finite.
#[inline(always)]
pub fn log(x: F64x2) -> F64x2 {
    let (e, m) = split(x);
    log_of((m - c!(1.0)) / (m + c!(1.0)), e)
}

/// For x > 0 and finite.
#[inline(always)]
pub fn log2(x: F64x2) -> F64x2 {
    log(x) * c!(LOG2_E)
}

/// For x > 0 and finite.
#[inline(always)]
pub fn log10(x: F64x2) -> F64x2 {
    log(x) * c!(LOG10_E)
}

/// For x > -1 and finite.
#[inline(never)]
pub fn log1p(x: F64x2) -> F64x2 {
    let (e, m) = split(x + c!(1.0));
    let small = x.absolute().lt(c!(0.4));
    let above = F64x2::choose(small, x, m - c!(1.0));
    let below = F64x2::choose(small, x + c!(2.0), m + c!(1.0));
    log_of(above / below, F64x2::choose(small, zero(), e))
}

#[inline(never)]
pub fn asinh(x: F64x2) -> F64x2 {
    let a = x.absolute();
    let square = a * a;
    let value = log1p(a + square / (c!(1.0) + (square + c!(1.0)).root()));
    with_sign(value, x)
}

/// For x >= 1 and finite.
#[inline(never)]
pub fn acosh(x: F64x2) -> F64x2 {
    let t = x - c!(1.0);
    log1p(t + (t * (t + c!(2.0))).root())
}

/// For |x| < 1.
#[inline(never)]
pub fn atanh(x: F64x2) -> F64x2 {
    let a = x.absolute();
    with_sign(c!(0.5) * log1p((a + a) / (c!(1.0) - a)), x)
}

/// For x >= 0.
#[inline(always)]
fn atan_positive(x: F64x2) -> F64x2 {
    let large = x.gt(c!(1.0));
    let t = F64x2::choose(large, c!(1.0) / x, x);
    let middle = t.gt(c!(0.414_213_562_373_095));
    let t = F64x2::choose(middle, (t - c!(1.0)) / (t + c!(1.0)), t);
    let z = t * t;
    // Error 2e-11 of t^3.
    let p = polynomial!(
        z,
        [
            -0.33333333331440731,
            0.19999998917288582,
            -0.14285612511387016,
            0.11107495135714473,
            -0.090289835003504621,
            0.071353251223306783,
            -0.040432248258871612,
        ],
    );
    let v = t + t * z * p + F64x2::choose(middle, c!(FRAC_PI_4), zero());
    F64x2::choose(large, c!(FRAC_PI_2) - v, v)
}

#[inline(never)]
pub fn atan(x: F64x2) -> F64x2 {
    with_sign(atan_positive(x.absolute()), x)
}

#[inline(never)]
pub fn asin(x: F64x2) -> F64x2 {
    let a = x.absolute();
    with_sign(atan_positive(a / (c!(1.0) - a * a).root()), x)
}

#[inline(never)]
pub fn acos(x: F64x2) -> F64x2 {
    let a = x.absolute();
    let v = atan_positive((c!(1.0) - a * a).root() / a);
    F64x2::choose(x.lt(zero()), c!(PI) - v, v)
}

/// Not for two zeros or two infinities.
#[inline(never)]
pub fn atan2(y: F64x2, x: F64x2) -> F64x2 {
    let v = atan_positive(y.absolute() / x.absolute());
    with_sign(F64x2::choose(x.lt(zero()), c!(PI) - v, v), y)
}

/// Sine and cosine of r = x - n pi/2, and the bits of n. For |x| up to a million: n times the first part of pi/2,
/// which has 33 bits, is exact.
#[inline(always)]
fn sin_cos(x: F64x2) -> (F64x2, F64x2, I64x2) {
    let n = (x * c!(FRAC_2_PI)).nearest();
    let r = x - n * c!(1.570_796_326_734_125_6) - n * c!(6.077_100_506_506_192e-11);
    let z = r * r;
    // Errors 3e-14 of r^3 and 2e-15 of r^4.
    let s = polynomial!(
        z,
        [
            -0.16666666666663885,
            0.0083333333310784975,
            -0.00019841266916280365,
            2.755599071608008e-6,
            -2.4805616468180836e-8,
        ],
    );
    let k = polynomial!(
        z,
        [
            0.041666666666664678,
            -0.0013888888887276824,
            2.4801585210485928e-5,
            -2.7556369542903326e-7,
            2.070058634251582e-9,
        ],
    );
    let sine = r + r * z * s;
    let cosine = c!(1.0) - c!(0.5) * z + z * z * k;
    (sine, cosine, (n + c!(MAGIC)).bits())
}

/// All bits set where bit `n` of each element is.
#[inline(always)]
fn bit(v: I64x2, n: u32) -> I64x2 {
    v.left(63 - n).right(63)
}

#[inline(never)]
pub fn sin(x: F64x2) -> F64x2 {
    let (s, k, n) = sin_cos(x);
    let v = F64x2::choose(bit(n, 0), k, s);
    F64x2::from_bits(v.bits() ^ (bit(n, 1) & c!(-0.0).bits()))
}

#[inline(never)]
pub fn cos(x: F64x2) -> F64x2 {
    let (s, k, n) = sin_cos(x);
    let v = F64x2::choose(bit(n, 0), s, k);
    F64x2::from_bits(v.bits() ^ ((bit(n, 1) ^ bit(n, 0)) & c!(-0.0).bits()))
}

#[inline(never)]
pub fn tan(x: F64x2) -> F64x2 {
    let (s, k, n) = sin_cos(x);
    let odd = bit(n, 0);
    F64x2::choose(odd, -k, s) / F64x2::choose(odd, s, k)
}

/// For x > 0, both finite.
#[inline(never)]
pub fn pow(x: F64x2, y: F64x2) -> F64x2 {
    exp((y * log(x)).at_most(c!(200.0)).at_least(c!(-200.0)))
}

#[inline(never)]
pub fn hypot(x: F64x2, y: F64x2) -> F64x2 {
    (x * x + y * y).root()
}
