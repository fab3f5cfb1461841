//! Functions of four float32 at a time. Errors are in units in the last place (ulp), as tests/ulp.rs measures them; where none
//! is given, the result is that of float64, rounded once.

use super::wide;
use crate::simd::{F32x4, I32x4};

#[inline(always)]
fn c(v: f32) -> F32x4 {
    F32x4::splat(v)
}

#[inline(always)]
fn with_sign(value: F32x4, sign: F32x4) -> F32x4 {
    F32x4::from_bits(value.bits() | (sign.bits() & I32x4::splat(i32::MIN)))
}

/// x within bounds beyond which nothing happens to the function any more; NaN passes.
#[inline(always)]
fn within(x: F32x4, low: f32, high: f32) -> F32x4 {
    x.at_most(c(high)).at_least(c(low))
}

/// e^x, within 0.54 ulp. In float64 the argument needs one step to be reduced and the result one to be scaled, so that this
/// costs hardly more than a float32 polynomial with its corrections, which is off by 0.6 ulp at best.
#[inline]
pub fn exp(x: F32x4) -> F32x4 {
    within(x, -104.0, 89.0).in_f64(wide::exp)
}

/// 2^x, within 0.54 ulp.
#[inline(never)]
pub fn exp2(x: F32x4) -> F32x4 {
    within(x, -150.5, 129.0).in_f64(wide::exp2)
}

/// 1 / (1 + e^-x), in the steps of PyTorch's kernel: within 2 ulp, and 0 where e^-x overflows.
#[inline]
pub fn sigmoid(x: F32x4) -> F32x4 {
    c(1.0) / (c(1.0) + exp(-x))
}

#[inline(never)]
pub fn tanh(x: F32x4) -> F32x4 {
    // Reducing -0 gives 0.
    with_sign(within(x, -10.0, 10.0).in_f64(wide::tanh), x)
}

/// The natural logarithm.
#[inline(never)]
pub fn log(x: F32x4) -> F32x4 {
    log_edges(x, x.in_f64(wide::log))
}

/// What a logarithm is at 0, below, and at infinity and NaN.
#[inline(always)]
fn log_edges(x: F32x4, value: F32x4) -> F32x4 {
    let value = F32x4::choose(x.lt(c(f32::INFINITY)), value, x);
    let value = F32x4::choose(x.eq(c(0.0)), c(f32::NEG_INFINITY), value);
    F32x4::choose(x.lt(c(0.0)), c(f32::NAN), value)
}

#[inline(never)]
pub fn erf(x: F32x4) -> F32x4 {
    // Beyond, erf is 1 in float32.
    within(x, -3.9375, 3.9375).in_f64(wide::erf)
}

macro_rules! in_float64 {
    ($($(#[$m:meta])* $name:ident)*) => {$(
        $(#[$m])*
        #[inline(never)]
        pub fn $name(x: F32x4) -> F32x4 {
            x.in_f64(wide::$name)
        }
    )*};
}
in_float64! {
    atan
    /// NaN outside [-1, 1].
    asin
    /// NaN outside [-1, 1].
    acos
}

macro_rules! with_edges {
    ($($name:ident: $wide:expr, $edges:expr;)*) => {$(
        #[inline(never)]
        pub fn $name(x: F32x4) -> F32x4 {
            $edges(x, x.in_f64($wide))
        }
    )*};
}
with_edges! {
    log2: wide::log2, log_edges;
    log10: wide::log10, log_edges;
    asinh: wide::asinh, |x: F32x4, v| F32x4::choose(x.absolute().lt(c(f32::INFINITY)), v, x);
    acosh: wide::acosh, |x: F32x4, v| {
        let v = F32x4::choose(x.lt(c(f32::INFINITY)), v, x);
        F32x4::choose(x.lt(c(1.0)), c(f32::NAN), v)
    };
    atanh: wide::atanh, |x: F32x4, v| {
        let a = x.absolute();
        let v = F32x4::choose(a.eq(c(1.0)), with_sign(c(f32::INFINITY), x), v);
        F32x4::choose(a.le(c(1.0)), v, c(f32::NAN))
    };
}

#[inline(never)]
pub fn expm1(x: F32x4) -> F32x4 {
    let value = within(x, -104.0, 89.0).in_f64(wide::expm1);
    // Reducing -0 gives 0.
    F32x4::choose(x.eq(c(0.0)), x, value)
}

#[inline(never)]
pub fn sinh(x: F32x4) -> F32x4 {
    within(x, -104.0, 104.0).in_f64(wide::sinh)
}

#[inline(never)]
pub fn cosh(x: F32x4) -> F32x4 {
    within(x, -104.0, 104.0).in_f64(wide::cosh)
}

/// log(1 + x), within 1 ulp.
#[inline(never)]
pub fn log1p(x: F32x4) -> F32x4 {
    let value = x.in_f64(wide::log1p);
    let value = F32x4::choose(x.lt(c(f32::INFINITY)), value, x);
    // -0 stays -0; below the normal range the float64 detour is exact anyway.
    let value = F32x4::choose(x.eq(c(0.0)), x, value);
    let value = F32x4::choose(x.eq(c(-1.0)), c(f32::NEG_INFINITY), value);
    F32x4::choose(x.lt(c(-1.0)), c(f32::NAN), value)
}

macro_rules! trigonometric {
    ($($name:ident $zero:expr),*) => {$(
        /// Beyond a million the reduction by multiples of pi needs more than float64: those go element by element.
        #[inline(never)]
        pub fn $name(x: F32x4) -> F32x4 {
            let value = x.in_f64(wide::$name);
            // Reducing -0 gives 0.
            let value = F32x4::choose(x.eq(c($zero)), x, value);
            let large = x.absolute().gt(c(1e6));
            if large.any() {
                return F32x4::choose(large, x.map(|v| libm::$name(v as f64) as f32), value);
            }
            value
        }
    )*};
}
// The cosine has no zero to keep: a NaN equals nothing.
trigonometric!(sin 0.0, cos f32::NAN, tan 0.0);

#[inline(never)]
pub fn erfc(x: F32x4) -> F32x4 {
    // Beyond, erfc is 2 or 0 in float32.
    within(x, -4.0, 11.0).in_f64(wide::erfc)
}

#[inline(never)]
pub fn fmod(x: F32x4, y: F32x4) -> F32x4 {
    x.zip(y, libm::fmodf)
}

#[inline(never)]
pub fn floor_div(x: F32x4, y: F32x4) -> F32x4 {
    x.zip(y, |a, b| crate::Num::floor_div(a as f64, b as f64) as f32)
}

#[inline(always)]
fn pairs(x: F32x4, y: F32x4, f: impl Fn(crate::simd::F64x2, crate::simd::F64x2) -> crate::simd::F64x2) -> F32x4 {
    F32x4::from_f64(f(x.low(), y.low()), f(x.high(), y.high()))
}

/// x to the power of y, within 1 ulp. What is not a positive number to a finite power goes through libm.
#[inline(never)]
pub fn pow(x: F32x4, y: F32x4) -> F32x4 {
    let plain = x.gt(c(0.0)) & x.lt(c(f32::INFINITY)) & y.absolute().lt(c(f32::INFINITY));
    let value = pairs(x, y, wide::pow);
    if (!plain).any() {
        // An element's result must not depend on its neighbours.
        return F32x4::choose(plain, value, x.zip(y, |a, b| libm::pow(a as f64, b as f64) as f32));
    }
    value
}

#[inline(never)]
pub fn atan2(y: F32x4, x: F32x4) -> F32x4 {
    let (a, b) = (x.absolute(), y.absolute());
    let special = a.eq(b) & (a.eq(c(0.0)) | a.eq(c(f32::INFINITY)));
    let value = pairs(y, x, wide::atan2);
    if special.any() {
        return F32x4::choose(special, y.zip(x, |b, a| libm::atan2(b as f64, a as f64) as f32), value);
    }
    value
}

#[inline(never)]
pub fn hypot(x: F32x4, y: F32x4) -> F32x4 {
    let v = pairs(x, y, wide::hypot);
    let infinite = c(f32::INFINITY);
    F32x4::choose(x.absolute().eq(infinite) | y.absolute().eq(infinite), infinite, v)
}
