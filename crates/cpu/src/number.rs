//! The scalar arithmetic that reductions, scans and scatters are generic over.

use cresset_lane::Element;

/// A number a kernel may accumulate. Integers wrap, as PyTorch's do.
pub trait Number: Element {
    const ZERO: Self;
    const ONE: Self;
    /// Below or equal to everything: -inf for floats.
    const LOWEST: Self;
    /// Above or equal to everything: +inf for floats.
    const HIGHEST: Self;
    fn plus(self, b: Self) -> Self;
    fn times(self, b: Self) -> Self;
    fn nan(self) -> bool;

    /// The greater one; NaN if either is.
    #[inline(always)]
    fn greater(self, b: Self) -> Self {
        if b > self || b.nan() { b } else { self }
    }
    /// The lesser one; NaN if either is.
    #[inline(always)]
    fn lesser(self, b: Self) -> Self {
        if b < self || b.nan() { b } else { self }
    }
}

macro_rules! integer {
    ($($t:ty)*) => {$(
        impl Number for $t {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const LOWEST: Self = <$t>::MIN;
            const HIGHEST: Self = <$t>::MAX;
            #[inline(always)]
            fn plus(self, b: Self) -> Self {
                self.wrapping_add(b)
            }
            #[inline(always)]
            fn times(self, b: Self) -> Self {
                self.wrapping_mul(b)
            }
            #[inline(always)]
            fn nan(self) -> bool {
                false
            }
        }
    )*};
}
integer!(u8 i32 i64);

/// A floating-point number.
pub trait Float: Number {
    fn of(v: f64) -> Self;
    fn minus(self, b: Self) -> Self;
    fn over(self, b: Self) -> Self;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn ln_1p(self) -> Self;
    fn pow(self, exponent: Self) -> Self;
}

macro_rules! float {
    ($($t:ident $math:ident)*) => {$(
        impl Number for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const LOWEST: Self = $t::NEG_INFINITY;
            const HIGHEST: Self = $t::INFINITY;
            #[inline(always)]
            fn plus(self, b: Self) -> Self {
                self + b
            }
            #[inline(always)]
            fn times(self, b: Self) -> Self {
                self * b
            }
            #[inline(always)]
            fn nan(self) -> bool {
                self.is_nan()
            }
        }
        impl Float for $t {
            #[inline(always)]
            fn of(v: f64) -> Self {
                v as $t
            }
            #[inline(always)]
            fn minus(self, b: Self) -> Self {
                self - b
            }
            #[inline(always)]
            fn over(self, b: Self) -> Self {
                self / b
            }
            #[inline(always)]
            fn exp(self) -> Self {
                $math::exp(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                $math::ln(self)
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                $math::ln_1p(self)
            }
            #[inline(always)]
            fn pow(self, exponent: Self) -> Self {
                $math::powf(self, exponent)
            }
        }
    )*};
}
float!(f32 f32 f64 float64);

/// libm's functions under the names of the standard library, which brings copies of its own into a wasm binary.
mod float64 {
    pub use libm::{exp, log as ln, log1p as ln_1p, pow as powf};
}
