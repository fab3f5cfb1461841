//! The arithmetic that an expression may use.
//!
//! An instance ("lane") is four floats in a SIMD register, a single element, or the recorder that writes down what was
//! computed. Integers wrap and never trap: dividing by zero gives zero (the op refused it before, where PyTorch does).

mod functions;
mod rec;
mod scalar;
mod vector;

pub use functions::{BinaryFn, CompareFn, TestFn, UnaryFn};
pub use rec::{Program, Rec, RecMask, Step, record_bits, record_compare, record_derivative, record_num, record_real};

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

/// The result of a comparison: one truth value per element of the lane.
pub trait Mask:
    Copy + BitAnd<Output = Self> + BitOr<Output = Self> + BitXor<Output = Self> + Not<Output = Self>
{
}
impl<T> Mask for T where T: Copy + BitAnd<Output = T> + BitOr<Output = T> + BitXor<Output = T> + Not<Output = T> {}

/// What every dtype can do.
pub trait Num:
    Copy + 'static + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Neg<Output = Self>
{
    type Mask: Mask;

    /// The number `v` in every element, truncated towards zero for integers.
    fn lit(v: f64) -> Self;
    /// `a` where the mask holds, `b` elsewhere.
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self;

    fn lt(self, other: Self) -> Self::Mask;
    fn le(self, other: Self) -> Self::Mask;
    fn gt(self, other: Self) -> Self::Mask;
    fn ge(self, other: Self) -> Self::Mask;
    fn eq(self, other: Self) -> Self::Mask;
    /// True also where either side is NaN.
    fn ne(self, other: Self) -> Self::Mask;
    fn is_nan(self) -> Self::Mask;
    fn is_inf(self) -> Self::Mask;
    /// The sign bit: true for -0.0.
    fn is_signed(self) -> Self::Mask;

    fn abs(self) -> Self;
    /// -1, 0 or 1; NaN gives 0, as `torch.sign` does.
    fn sign(self) -> Self;
    /// The smaller one; NaN where either is NaN.
    fn minimum(self, other: Self) -> Self;
    /// The larger one; NaN where either is NaN.
    fn maximum(self, other: Self) -> Self;
    /// C's `fmod`: the remainder with the sign of `self`.
    fn fmod(self, other: Self) -> Self;
    /// Python's `%`: the remainder with the sign of `other`.
    fn remainder(self, other: Self) -> Self;
    /// The quotient rounded towards zero.
    fn trunc_div(self, other: Self) -> Self;
    /// The quotient rounded down, by Python's rule for floats (CPython's `float_floor_div`).
    fn floor_div(self, other: Self) -> Self;
    /// `self` to the power of `other`; an integer to a negative power is 0, but for the bases 1 and -1.
    fn pow(self, other: Self) -> Self;
    /// `self * b + c`; in float32 rounded only once (but for one case in 2^29), as PyTorch's x86 build computes it in some
    /// places, which are the places to use it.
    #[inline(always)]
    fn fused(self, b: Self, c: Self) -> Self {
        self * b + c
    }
}

/// Integers, and bool held as 0 or 1 in a byte.
pub trait Bits:
    Num + BitAnd<Output = Self> + BitOr<Output = Self> + BitXor<Output = Self> + Not<Output = Self>
{
    /// Shifts left; 0 where the distance is negative or at least the width.
    fn shl(self, distance: Self) -> Self;
    /// Shifts right arithmetically; the sign fills everything where the distance is negative or at least the width.
    fn shr(self, distance: Self) -> Self;
    fn gcd(self, other: Self) -> Self;
    fn lcm(self, other: Self) -> Self;
}

macro_rules! rare_unary {
    ($($(#[$m:meta])* $variant:ident $name:ident),* $(,)?) => {
        $($(#[$m])* fn $name(self) -> Self { self.rare(UnaryFn::$variant) })*
    };
}
macro_rules! rare_binary {
    ($($(#[$m:meta])* $variant:ident $name:ident),* $(,)?) => {
        $($(#[$m])* fn $name(self, other: Self) -> Self { self.rare2(other, BinaryFn::$variant) })*
    };
}

/// float32 and float64.
pub trait Real: Num + Div<Output = Self> {
    fn sqrt(self) -> Self;
    fn rsqrt(self) -> Self;
    fn exp(self) -> Self;
    fn exp2(self) -> Self;
    fn expm1(self) -> Self;
    fn log(self) -> Self;
    fn log2(self) -> Self;
    fn log10(self) -> Self;
    fn log1p(self) -> Self;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn tan(self) -> Self;
    fn asin(self) -> Self;
    fn acos(self) -> Self;
    fn atan(self) -> Self;
    fn sinh(self) -> Self;
    fn cosh(self) -> Self;
    fn tanh(self) -> Self;
    fn asinh(self) -> Self;
    fn acosh(self) -> Self;
    fn atanh(self) -> Self;
    /// 1 / (1 + exp(-x))
    fn sigmoid(self) -> Self;
    fn erf(self) -> Self;
    fn erfc(self) -> Self;
    /// exp(x) for x <= 0, which a device may compute to an ulp instead of half of one.
    #[inline(always)]
    fn exp_negative(self) -> Self {
        self.exp()
    }
    /// The normal distribution's cumulative function, (1 + erf(x / sqrt(2))) / 2, and as exact as that: to the precision of 1.
    #[inline(always)]
    fn normal_cdf(self) -> Self {
        let half = Self::lit(0.5);
        half * (Self::lit(1.0) + (self * Self::lit(std::f64::consts::FRAC_1_SQRT_2)).erf())
    }
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    /// To the nearest integer, halves to the even one.
    fn round(self) -> Self;
    fn trunc(self) -> Self;
    fn atan2(self, x: Self) -> Self;
    fn copysign(self, sign: Self) -> Self;
    fn hypot(self, other: Self) -> Self;
    /// The next representable number of this precision towards `to`.
    fn nextafter(self, to: Self) -> Self;

    /// A function that is computed element by element in float64 (`UnaryFn::eval`).
    fn rare(self, f: UnaryFn) -> Self;
    /// A function of two numbers that is computed element by element in float64 (`BinaryFn::eval`).
    fn rare2(self, other: Self, f: BinaryFn) -> Self;

    rare_unary! {
        Lgamma lgamma, Digamma digamma, Erfinv erfinv,
        /// exp(x^2) * erfc(x)
        Erfcx erfcx,
        /// The quantile function of the normal distribution.
        Ndtri ndtri,
        /// The logarithm of the normal distribution's cumulative function.
        LogNdtr log_ndtr,
        I0 i0, I0e i0e, I1 i1, I1e i1e,
        BesselJ0 bessel_j0, BesselJ1 bessel_j1, BesselY0 bessel_y0, BesselY1 bessel_y1,
        BesselK0 bessel_k0, BesselK1 bessel_k1, BesselK0e bessel_k0e, BesselK1e bessel_k1e,
        SphericalJ0 spherical_j0, AiryAi airy_ai,
        /// m between 1/2 and 1 (in magnitude) with x = m * 2^e.
        FrexpMantissa frexp_mantissa,
        /// e with x = m * 2^e.
        FrexpExponent frexp_exponent,
    }
    rare_binary! {
        /// The polygamma function of order `self` at `other`.
        Polygamma polygamma,
        /// The Hurwitz zeta function.
        Zeta zeta,
        /// The regularised lower incomplete gamma function of shape `self` at `other`.
        Igamma igamma,
        /// The regularised upper incomplete gamma function of shape `self` at `other`.
        Igammac igammac,
        ChebyshevT chebyshev_t, ChebyshevU chebyshev_u, ChebyshevV chebyshev_v, ChebyshevW chebyshev_w,
        HermiteH hermite_h, HermiteHe hermite_he, LaguerreL laguerre_l, LegendreP legendre_p,
    }
}

/// The number `v` in every element.
#[inline(always)]
pub fn lit<L: Num>(v: f64) -> L {
    L::lit(v)
}

/// `a` where the mask holds, `b` elsewhere.
#[inline(always)]
pub fn select<L: Num>(mask: L::Mask, a: L, b: L) -> L {
    L::select(mask, a, b)
}
