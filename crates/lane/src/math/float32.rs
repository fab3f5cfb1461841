//! Functions of four float32 at a time. Errors are in units in the last place (ulp), as tests/ulp.rs measures them; where none
//! is given, the result is that of float64, rounded once.

use super::wide;
use crate::simd::{Constant, F32x4};

/// A constant.
macro_rules! c {
    ($v:expr) => {{
        #[used]
        static AT: Constant<F32x4> = Constant::new(F32x4::splat($v));
        AT.get()
    }};
}

/// Zero is one instruction.
fn zero() -> F32x4 {
    F32x4::splat(0.0)
}

#[inline(always)]
fn with_sign(value: F32x4, sign: F32x4) -> F32x4 {
    F32x4::from_bits(value.bits() | (sign.bits() & c!(-0.0).bits()))
}

/// x within bounds beyond which nothing happens to the function any more; NaN passes.
macro_rules! within {
    ($x:expr, $low:expr, $high:expr) => {
        $x.at_most(c!($high)).at_least(c!($low))
    };
}

/// e^x, within 0.54 ulp. In float64 the argument needs one step to be reduced and the result one to be scaled, so that this
/// costs hardly more than a float32 polynomial with its corrections, which is off by 0.6 ulp at best.
#[inline]
pub fn exp(x: F32x4) -> F32x4 {
    within!(x, -104.0, 89.0).in_f64(wide::exp)
}

/// 2^x, within 0.54 ulp.
#[inline(never)]
pub fn exp2(x: F32x4) -> F32x4 {
    within!(x, -150.5, 129.0).in_f64(wide::exp2)
}

/// c0 + c1 x + ...: pairs of terms side by side, which a processor can work on at once; the first, which rounds most, apart.
macro_rules! polynomial {
    ($x:expr, $coefficients:expr $(,)?) => {{
        const N: usize = $coefficients.len();
        #[used]
        static AT: [Constant<F32x4>; N] = F32x4::splats($coefficients);
        polynomial($x, &AT)
    }};
}

#[inline(always)]
fn polynomial<const N: usize>(x: F32x4, coefficients: &'static [Constant<F32x4>; N]) -> F32x4 {
    let c = |k: usize| coefficients[k].get();
    let pair = |k: usize| if k + 1 < N { c(k + 1).madd(x, c(k)) } else { c(k) };
    let square = x * x;
    let mut k = (N - 2) / 2 * 2 + 1;
    let mut value = pair(k);
    while k > 1 {
        k -= 2;
        value = value.madd(square, pair(k));
    }
    value.madd(x, c(0))
}

/// Adding it puts an integer into the low bits of a float32.
const MAGIC: f32 = 12582912.0; // 1.5 * 2^23

/// 2^n p, where `t` holds n in its low bits (`MAGIC` was added); the result must be a normal number.
#[inline(always)]
fn scaled(p: F32x4, t: F32x4) -> F32x4 {
    F32x4::from_bits(p.bits() + t.bits().left(23))
}

/// e^x for x <= 0, within 1 ulp: half the work of `exp`, for sums and quotients, which round more than that anyway.
/// (PyTorch's softmax takes one that is off by up to 20 ulp, `exp_u20`.)
///
/// ```
/// use cresset_lane::{F32x4, math::float32::exp_negative};
/// let [a, b, c, d] = exp_negative(F32x4::new([0.0, -1.0, -103.0, f32::NEG_INFINITY])).to_array();
/// assert_eq!((a, c, d), (1.0, 1e-45, 0.0));
/// assert!((b - (-1f32).exp()).abs() <= f32::EPSILON / 4.0);
/// ```
#[inline(always)]
pub fn exp_negative(x: F32x4) -> F32x4 {
    exp_negative_up(x) * c!(1.0 / UP)
}

/// How many times as large `exp_negative_up` is: so many that what it gives is not below the normal numbers.
pub const UP: f32 = (1 << 25) as f32;

/// `exp_negative` times `UP`, for quotients of which it cancels out.
#[inline(always)]
pub fn exp_negative_up(x: F32x4) -> F32x4 {
    let shift = c!(MAGIC + 25.0);
    // Below, it is 0.
    let x = x.at_least(c!(-104.0));
    let t = x.madd(c!(std::f32::consts::LOG2_E), shift);
    let n = t - shift;
    // ln 2 in two parts, of which the first has so few digits that its product with n is exact.
    let r = n.madd(c!(2.121_944_4e-4), n.madd(c!(-0.693359375), x));
    // (e^r - 1 - r) / r^2, error of the whole 3e-9.
    let q = polynomial!(r, [0.499_999_93, 0.166_665_21, 0.041_668_39, 0.008_368_715, 0.001_381_460_2]);
    scaled(q.madd(r * r, r) + c!(1.0), t)
}

/// 1 / (1 + e^-x), within 2.4 ulp as PyTorch's. e^-|x| is between 0 and 1 and so overflows nowhere.
#[inline]
pub fn sigmoid(x: F32x4) -> F32x4 {
    let e = exp_negative_up(F32x4::from_bits(x.bits() | c!(-0.0).bits()));
    let one = c!(UP);
    F32x4::choose(x.lt(zero()), e, one) / (one + e)
}

#[inline(never)]
pub fn tanh(x: F32x4) -> F32x4 {
    // Reducing -0 gives 0.
    with_sign(within!(x, -10.0, 10.0).in_f64(wide::tanh), x)
}

/// The natural logarithm.
#[inline(never)]
pub fn log(x: F32x4) -> F32x4 {
    log_edges(x, x.in_f64(wide::log))
}

/// What a logarithm is at 0, below, and at infinity and NaN.
#[inline(always)]
fn log_edges(x: F32x4, value: F32x4) -> F32x4 {
    let value = F32x4::choose(x.lt(c!(f32::INFINITY)), value, x);
    let value = F32x4::choose(x.eq(zero()), c!(f32::NEG_INFINITY), value);
    F32x4::choose(x.lt(zero()), c!(f32::NAN), value)
}

/// Within 0.99 ulp. Two pieces, both computed: x + x p(x^2) up to 0.8, and 1 - erfc(x) beyond, where erfc(x) is erfc(1) times
/// a power of two whose exponent is a polynomial that vanishes at 1, so that rounding it counts little while erfc is large.
#[inline(always)]
pub fn erf(x: F32x4) -> F32x4 {
    let a = x.absolute().at_most(c!(4.0)); // beyond, erf is 1 in float32
    let d = a - c!(1.0);
    // log2(erfc(1 + d) / erfc(1)) / d, error of the whole 0.05 of erf's half ulp.
    let u =
        polynomial!(d, [-3.807_225_3, -1.216_344_6, -0.059_960_8, 0.014_434_725, -0.002_763_297_7, 0.000_302_437_58])
            * d;
    let magic = c!(MAGIC);
    let t = u + magic;
    // erfc(1) 2^z, relative error 2e-9.
    let p = polynomial!(
        u - (t - magic),
        [0.157_299_2, 0.109_031_506, 0.037_787_434, 0.008_730_629, 0.001_512_972_6, 0.000_210_763_23, 2.415_071_7e-5],
    );
    let large = with_sign(c!(1.0) - scaled(p, t), x);
    // erf(x) / x - 1, relative error 3e-9.
    let q =
        polynomial!(x * x, [0.128_379_16, -0.376_126, 0.112_831_13, -0.026_820_807, 0.005_085_13, -0.000_653_523_57]);
    F32x4::choose(a.lt(c!(0.8)), x.madd(q, x), large)
}

/// (1 + erf(x / sqrt(2))) / 2 within half an ulp of 1, which is what is left of it where 1 and -erf cancel, in one piece where
/// `erf` takes two: 2 Phi(-a) is a power of two whose exponent is a times a polynomial, since both are nothing at 0. Beyond
/// 6 it is 0 in float32, as PyTorch's is.
#[inline(always)]
pub fn normal_cdf(x: F32x4) -> F32x4 {
    let a = x.absolute().at_most(c!(6.0));
    // log2(2 Phi(-a)) / a, error of the whole 2e-9.
    let u = a * polynomial!(
        a,
        [
            -1.151_104_2,
            -0.459_221_98,
            -0.052_432_89,
            0.006_927_915,
            1.801_582_4e-5,
            -0.000_285_991_6,
            7.548_293e-5,
            -9.643_191e-6,
            5.183_484_3e-7,
        ],
    );
    let (magic, half) = (c!(MAGIC), c!(0.5));
    let t = u + magic;
    // 2^z / 2, relative error 2e-9.
    let p = polynomial!(
        u - (t - magic),
        [0.5, 0.346_573_6, 0.120_113_23, 0.027_751_643, 0.004_809_244_5, 0.000_669_996_55, 7.672_906e-5],
    );
    half + with_sign(half - scaled(p, t), x)
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
    asinh: wide::asinh, |x: F32x4, v| F32x4::choose(x.absolute().lt(c!(f32::INFINITY)), v, x);
    acosh: wide::acosh, |x: F32x4, v| {
        let v = F32x4::choose(x.lt(c!(f32::INFINITY)), v, x);
        F32x4::choose(x.lt(c!(1.0)), c!(f32::NAN), v)
    };
    atanh: wide::atanh, |x: F32x4, v| {
        let a = x.absolute();
        let v = F32x4::choose(a.eq(c!(1.0)), with_sign(c!(f32::INFINITY), x), v);
        F32x4::choose(a.le(c!(1.0)), v, c!(f32::NAN))
    };
}

#[inline(never)]
pub fn expm1(x: F32x4) -> F32x4 {
    let value = within!(x, -104.0, 89.0).in_f64(wide::expm1);
    // Reducing -0 gives 0.
    F32x4::choose(x.eq(zero()), x, value)
}

#[inline(never)]
pub fn sinh(x: F32x4) -> F32x4 {
    within!(x, -104.0, 104.0).in_f64(wide::sinh)
}

#[inline(never)]
pub fn cosh(x: F32x4) -> F32x4 {
    within!(x, -104.0, 104.0).in_f64(wide::cosh)
}

/// log(1 + x), within 1 ulp.
#[inline(never)]
pub fn log1p(x: F32x4) -> F32x4 {
    let value = x.in_f64(wide::log1p);
    let value = F32x4::choose(x.lt(c!(f32::INFINITY)), value, x);
    // -0 stays -0; below the normal range the float64 detour is exact anyway.
    let value = F32x4::choose(x.eq(zero()), x, value);
    let value = F32x4::choose(x.eq(c!(-1.0)), c!(f32::NEG_INFINITY), value);
    F32x4::choose(x.lt(c!(-1.0)), c!(f32::NAN), value)
}

macro_rules! trigonometric {
    ($($name:ident $zero:expr),*) => {$(
        /// Beyond a million the reduction by multiples of pi needs more than float64: those go element by element.
        #[inline(never)]
        pub fn $name(x: F32x4) -> F32x4 {
            let value = x.in_f64(wide::$name);
            // Reducing -0 gives 0.
            let value = F32x4::choose(x.eq(c!($zero)), x, value);
            let large = x.absolute().gt(c!(1e6));
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
    within!(x, -4.0, 11.0).in_f64(wide::erfc)
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
    let plain = x.gt(zero()) & x.lt(c!(f32::INFINITY)) & y.absolute().lt(c!(f32::INFINITY));
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
    let special = a.eq(b) & (a.eq(zero()) | a.eq(c!(f32::INFINITY)));
    let value = pairs(y, x, wide::atan2);
    if special.any() {
        return F32x4::choose(special, y.zip(x, |b, a| libm::atan2(b as f64, a as f64) as f32), value);
    }
    value
}

#[inline(never)]
pub fn hypot(x: F32x4, y: F32x4) -> F32x4 {
    let v = pairs(x, y, wide::hypot);
    let infinite = c!(f32::INFINITY);
    F32x4::choose(x.absolute().eq(infinite) | y.absolute().eq(infinite), infinite, v)
}
