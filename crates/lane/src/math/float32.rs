//! Functions of four float32 at a time. Errors are in units in the last place (ulp), as the tests measure them.

use super::wide;
use crate::simd::{F32x4, I32x4};

#[inline(always)]
fn c(v: f32) -> F32x4 {
    F32x4::splat(v)
}

#[inline(always)]
fn polynomial<const N: usize>(x: F32x4, coefficients: [f32; N]) -> F32x4 {
    let mut p = c(coefficients[N - 1]);
    let mut k = N - 1;
    while k > 0 {
        k -= 1;
        p = p * x + c(coefficients[k]);
    }
    p
}

#[inline(always)]
fn with_sign(value: F32x4, sign: F32x4) -> F32x4 {
    F32x4::from_bits(value.bits() | (sign.bits() & I32x4::splat(i32::MIN)))
}

/// 2^n e^r for |r| <= ln(2) / 2, n a whole number between -150 and 128: the scale in two steps, so that results below
/// the normal range come out right.
#[inline(always)]
fn exp_of(n: F32x4, r: F32x4) -> F32x4 {
    // Error 7e-8 of r^2.
    let p =
        polynomial(r, [0.5, 0.16666576894606601, 0.041666554498413699, 0.0083631948824190408, 0.0013926203361634338]);
    let v = c(1.0) + (r + r * r * p);
    let n = n.to_i32();
    let half = n.right(1);
    let one = I32x4::splat(127);
    let (a, b) = (F32x4::from_bits((half + one).left(23)), F32x4::from_bits((n - half + one).left(23)));
    v * a * b
}

/// e^x, within 1 ulp.
#[inline]
pub fn exp(x: F32x4) -> F32x4 {
    let x = x.smaller(c(89.0)).larger(c(-105.0));
    let n = (x * c(std::f32::consts::LOG2_E)).nearest();
    // ln 2 in two parts: the first has so few bits that n times it is exact.
    let r = x - n * c(0.693_359_4) - n * c(-2.121_944_4e-4);
    exp_of(n, r)
}

/// 2^x, within 1 ulp.
#[inline(never)]
pub fn exp2(x: F32x4) -> F32x4 {
    let x = x.smaller(c(129.0)).larger(c(-151.0));
    let n = x.nearest();
    exp_of(n, (x - n) * c(std::f32::consts::LN_2))
}

/// 1 / (1 + e^-x), within 2 ulp; e^x / (1 + e^x) below 0, where the first form overflows.
#[inline]
pub fn sigmoid(x: F32x4) -> F32x4 {
    let e = exp(-x.absolute());
    F32x4::choose(x.lt(c(0.0)), e, c(1.0)) / (c(1.0) + e)
}

/// Within 2 ulp: an odd polynomial near 0, else 1 - 2 / (e^2x + 1).
#[inline(never)]
pub fn tanh(x: F32x4) -> F32x4 {
    let a = x.absolute();
    let z = x * x;
    // Error 3e-8 of x^3, up to 0.6.
    let p = polynomial(
        z,
        [-0.33333330332731547, 0.13332915366987453, -0.053873948848643334, 0.02111095904951479, -0.0062691197196497293],
    );
    let near = a + a * z * p;
    let far = c(1.0) - c(2.0) / (exp(a + a) + c(1.0));
    with_sign(F32x4::choose(a.lt(c(0.6)), near, far), x)
}

/// The natural logarithm, within 1 ulp.
#[inline(never)]
pub fn log(x: F32x4) -> F32x4 {
    // Numbers below the normal range are brought into it.
    let tiny = x.lt(c(f32::MIN_POSITIVE));
    let v = F32x4::choose(tiny, x * c(8388608.0), x);
    let root = c(std::f32::consts::FRAC_1_SQRT_2).bits();
    let offset = v.bits() - root;
    let f = F32x4::from_bits((offset & I32x4::splat(0x7f_ffff)) + root) - c(1.0);
    let e = F32x4::from_i32(offset.right(23)) - F32x4::from_bits(tiny & c(23.0).bits());
    // log(1 + f) = f - f^2 / 2 + f^3 p; error 3e-8 of f^3.
    let p = polynomial(
        f,
        [
            0.33333331180030048,
            -0.24999996957950882,
            0.20000715748892102,
            -0.16667802319501254,
            0.1424905764569748,
            -0.12425687331451106,
            0.11685419923486739,
            -0.11479733846637636,
            0.069716114714511778,
        ],
    );
    let z = f * f;
    let small = f * z * p + e * c(-2.121_944_4e-4) - c(0.5) * z;
    let value = e * c(0.693_359_4) + (f + small);
    log_edges(x, value)
}

/// What a logarithm is at 0, below, and at infinity and NaN.
#[inline(always)]
fn log_edges(x: F32x4, value: F32x4) -> F32x4 {
    let value = F32x4::choose(x.lt(c(f32::INFINITY)), value, x);
    let value = F32x4::choose(x.eq(c(0.0)), c(f32::NEG_INFINITY), value);
    F32x4::choose(x.lt(c(0.0)), c(f32::NAN), value)
}

/// The error function, within 1.5 ulp: x plus an odd polynomial up to 1, else 1 - e^-g(x).
#[inline(never)]
pub fn erf(x: F32x4) -> F32x4 {
    let a = x.absolute();
    let z = x * x;
    // Error 3e-11.
    let p = polynomial(
        z,
        [
            0.12837916706154342,
            -0.3761263846802871,
            0.11283782495236845,
            -0.026865430727670243,
            0.0052210318078580228,
            -0.00084840804055351063,
            0.00011265959025606609,
            -9.6670445714869964e-6,
        ],
    );
    // From 3.95 on erf is 1 in float32. Error 8.13e-9 of e^-g; in x - 1, so that little cancels near 1.
    let g = polynomial(
        a.smaller(c(4.0)) - c(1.0),
        [
            1.849605502598528,
            2.638968055533121,
            0.84310095685846649,
            0.041590180064462869,
            -0.010104471895793454,
            0.0020814109031351502,
            -0.00033622484287576635,
            3.8406492755842823e-5,
            -2.631353955916744e-6,
            7.5281484786062927e-8,
        ],
    );
    let far = c(1.0) - exp(-g);
    F32x4::choose(a.lt(c(1.0)), x + x * p, with_sign(far, x))
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
    sinh
    cosh
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
    log2: |v| wide::log(v) * crate::simd::F64x2::splat(std::f64::consts::LOG2_E), log_edges;
    log10: |v| wide::log(v) * crate::simd::F64x2::splat(std::f64::consts::LOG10_E), log_edges;
    asinh: wide::asinh, |x: F32x4, v| F32x4::choose(x.absolute().lt(c(f32::INFINITY)), v, x);
    expm1: wide::expm1, |x: F32x4, v| F32x4::choose(x.eq(c(0.0)), x, v);
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
        /// Beyond a million the reduction by multiples of pi needs more than float64: element by element.
        #[inline(never)]
        pub fn $name(x: F32x4) -> F32x4 {
            if x.absolute().gt(c(1e6)).any() {
                return x.map(|v| libm::$name(v as f64) as f32);
            }
            let value = x.in_f64(wide::$name);
            // Reducing -0 gives 0.
            F32x4::choose(x.eq(c($zero)), x, value)
        }
    )*};
}
// The cosine has no zero to keep: a NaN equals nothing.
trigonometric!(sin 0.0, cos f32::NAN, tan 0.0);

macro_rules! element_by_element {
    ($($name:ident)*) => {$(
        #[inline(never)]
        pub fn $name(x: F32x4) -> F32x4 {
            x.map(|v| libm::$name(v as f64) as f32)
        }
    )*};
}
element_by_element!(erfc);

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
    if (!plain).any() {
        return x.zip(y, |a, b| libm::pow(a as f64, b as f64) as f32);
    }
    pairs(x, y, wide::pow)
}

#[inline(never)]
pub fn atan2(y: F32x4, x: F32x4) -> F32x4 {
    let (a, b) = (x.absolute(), y.absolute());
    let special = a.eq(b) & (a.eq(c(0.0)) | a.eq(c(f32::INFINITY)));
    if special.any() {
        return y.zip(x, |b, a| libm::atan2(b as f64, a as f64) as f32);
    }
    pairs(y, x, wide::atan2)
}

#[inline(never)]
pub fn hypot(x: F32x4, y: F32x4) -> F32x4 {
    let v = pairs(x, y, wide::hypot);
    let infinite = c(f32::INFINITY);
    F32x4::choose(x.absolute().eq(infinite) | y.absolute().eq(infinite), infinite, v)
}
