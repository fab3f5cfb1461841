//! Single elements as lanes: float64 on the `libm` crate, integers on `Wrapping`.
//!
//! The standard library's float functions are the platform's own; `libm` is a port of musl's, the same on every machine.

use super::{BinaryFn, Bits, Num, Real, UnaryFn};
use crate::math::{double, special};
use std::num::Wrapping;

impl Num for f64 {
    type Mask = bool;

    #[inline(always)]
    fn lit(v: f64) -> f64 {
        v
    }
    #[inline(always)]
    fn select(mask: bool, a: f64, b: f64) -> f64 {
        if mask { a } else { b }
    }
    #[inline(always)]
    fn lt(self, other: f64) -> bool {
        self < other
    }
    #[inline(always)]
    fn le(self, other: f64) -> bool {
        self <= other
    }
    #[inline(always)]
    fn gt(self, other: f64) -> bool {
        self > other
    }
    #[inline(always)]
    fn ge(self, other: f64) -> bool {
        self >= other
    }
    #[inline(always)]
    fn eq(self, other: f64) -> bool {
        self == other
    }
    #[inline(always)]
    fn ne(self, other: f64) -> bool {
        self != other
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        f64::is_nan(self)
    }
    #[inline(always)]
    fn is_inf(self) -> bool {
        f64::is_infinite(self)
    }
    #[inline(always)]
    fn is_signed(self) -> bool {
        f64::is_sign_negative(self)
    }
    #[inline(always)]
    fn abs(self) -> f64 {
        f64::abs(self)
    }
    #[inline(always)]
    fn sign(self) -> f64 {
        (self > 0.0) as i32 as f64 - (self < 0.0) as i32 as f64
    }
    #[inline(always)]
    fn minimum(self, other: f64) -> f64 {
        if self < other || self.is_nan() { self } else { other }
    }
    #[inline(always)]
    fn maximum(self, other: f64) -> f64 {
        if self > other || self.is_nan() { self } else { other }
    }
    #[inline(always)]
    fn fmod(self, other: f64) -> f64 {
        libm::fmod(self, other)
    }
    #[inline(always)]
    fn remainder(self, other: f64) -> f64 {
        let r = libm::fmod(self, other);
        if r != 0.0 && ((r < 0.0) != (other < 0.0)) { r + other } else { r }
    }
    #[inline(always)]
    fn trunc_div(self, other: f64) -> f64 {
        f64::trunc(self / other)
    }
    #[inline(always)]
    fn floor_div(self, other: f64) -> f64 {
        floor_div(self, other)
    }
    #[inline(always)]
    fn pow(self, other: f64) -> f64 {
        libm::pow(self, other)
    }
}

/// `c10::div_floor_floating`, which follows CPython: floor(a / b) alone is off by one where the quotient rounds up to an integer.
fn floor_div(a: f64, b: f64) -> f64 {
    if b == 0.0 {
        return a / b;
    }
    let r = libm::fmod(a, b);
    let mut q = (a - r) / b;
    if r != 0.0 && (b < 0.0) != (r < 0.0) {
        q -= 1.0;
    }
    if q == 0.0 {
        return 0f64.copysign(a / b);
    }
    let floor = q.floor();
    if q - floor > 0.5 { floor + 1.0 } else { floor }
}

macro_rules! through_libm {
    ($($name:ident)*) => {
        $(#[inline(always)] fn $name(self) -> f64 { libm::$name(self) })*
    };
}

macro_rules! through_double {
    ($($name:ident)*) => {
        $(#[inline(always)] fn $name(self) -> f64 { double::$name(self) })*
    };
}
macro_rules! through_std {
    ($($name:ident)*) => {
        $(#[inline(always)] fn $name(self) -> f64 { f64::$name(self) })*
    };
}

impl Real for f64 {
    through_libm! { exp2 expm1 log log2 log10 sin cos tan asin acos atan }

    through_double! { exp log1p sinh cosh tanh asinh acosh atanh }

    #[inline(always)]
    fn erf(self) -> f64 {
        special::erf(self)
    }
    #[inline(always)]
    fn erfc(self) -> f64 {
        special::erfc(self)
    }

    // One instruction each, rounded the same everywhere; libm's are written out where it has no intrinsics, as on wasm.
    through_std! { sqrt floor ceil trunc }

    #[inline(always)]
    fn rsqrt(self) -> f64 {
        1.0 / f64::sqrt(self)
    }
    #[inline(always)]
    fn sigmoid(self) -> f64 {
        1.0 / (1.0 + double::exp(-self))
    }
    #[inline(always)]
    fn round(self) -> f64 {
        self.round_ties_even()
    }
    #[inline(always)]
    fn atan2(self, x: f64) -> f64 {
        libm::atan2(self, x)
    }
    #[inline(always)]
    fn copysign(self, sign: f64) -> f64 {
        f64::copysign(self, sign)
    }
    #[inline(always)]
    fn hypot(self, other: f64) -> f64 {
        libm::hypot(self, other)
    }
    #[inline(always)]
    fn nextafter(self, to: f64) -> f64 {
        libm::nextafter(self, to)
    }
    #[inline(always)]
    fn rare(self, f: UnaryFn) -> f64 {
        f.eval(self)
    }
    #[inline(always)]
    fn rare2(self, other: f64, f: BinaryFn) -> f64 {
        f.eval(self, other)
    }
}

/// What differs between signed and unsigned integers.
trait Int: Copy + PartialEq {
    fn is_negative(self) -> bool;
    fn abs(self) -> Self;
    fn div(self, other: Self) -> Self;
    fn rem(self, other: Self) -> Self;
}
macro_rules! signed {
    ($($t:ty)*) => {$(
        impl Int for $t {
            #[inline(always)]
            fn is_negative(self) -> bool { self < 0 }
            #[inline(always)]
            fn abs(self) -> Self { self.wrapping_abs() }
            #[inline(always)]
            fn div(self, other: Self) -> Self { if other == 0 { 0 } else { self.wrapping_div(other) } }
            #[inline(always)]
            fn rem(self, other: Self) -> Self { if other == 0 { 0 } else { self.wrapping_rem(other) } }
        }
    )*};
}
signed!(i64 i32);
impl Int for u8 {
    #[inline(always)]
    fn is_negative(self) -> bool {
        false
    }
    #[inline(always)]
    fn abs(self) -> u8 {
        self
    }
    #[inline(always)]
    fn div(self, other: u8) -> u8 {
        self.checked_div(other).unwrap_or(0)
    }
    #[inline(always)]
    fn rem(self, other: u8) -> u8 {
        self.checked_rem(other).unwrap_or(0)
    }
}

macro_rules! integer {
    ($($t:ty)*) => {$(
        impl Num for Wrapping<$t> {
            type Mask = bool;

            #[inline(always)]
            fn lit(v: f64) -> Self { Wrapping(v as i64 as $t) }
            #[inline(always)]
            fn select(mask: bool, a: Self, b: Self) -> Self { if mask { a } else { b } }
            #[inline(always)]
            fn lt(self, other: Self) -> bool { self < other }
            #[inline(always)]
            fn le(self, other: Self) -> bool { self <= other }
            #[inline(always)]
            fn gt(self, other: Self) -> bool { self > other }
            #[inline(always)]
            fn ge(self, other: Self) -> bool { self >= other }
            #[inline(always)]
            fn eq(self, other: Self) -> bool { self == other }
            #[inline(always)]
            fn ne(self, other: Self) -> bool { self != other }
            #[inline(always)]
            fn is_nan(self) -> bool { false }
            #[inline(always)]
            fn is_inf(self) -> bool { false }
            #[inline(always)]
            fn is_signed(self) -> bool { Int::is_negative(self.0) }
            #[inline(always)]
            fn abs(self) -> Self { Wrapping(Int::abs(self.0)) }
            #[inline(always)]
            fn sign(self) -> Self {
                Wrapping((self.0 != 0) as $t) - Wrapping((Int::is_negative(self.0) as $t) << 1)
            }
            #[inline(always)]
            fn minimum(self, other: Self) -> Self { self.min(other) }
            #[inline(always)]
            fn maximum(self, other: Self) -> Self { self.max(other) }
            #[inline(always)]
            fn fmod(self, other: Self) -> Self { Wrapping(Int::rem(self.0, other.0)) }
            #[inline(always)]
            fn remainder(self, other: Self) -> Self {
                let r = Wrapping(Int::rem(self.0, other.0));
                let across = r.0 != 0 && Int::is_negative(r.0) != Int::is_negative(other.0);
                if across { r + other } else { r }
            }
            #[inline(always)]
            fn trunc_div(self, other: Self) -> Self { Wrapping(Int::div(self.0, other.0)) }
            #[inline(always)]
            fn floor_div(self, other: Self) -> Self {
                let (q, r) = (Wrapping(Int::div(self.0, other.0)), Int::rem(self.0, other.0));
                let across = r != 0 && Int::is_negative(r) != Int::is_negative(other.0);
                if across { q - Wrapping(1) } else { q }
            }
            #[inline(always)]
            fn pow(self, other: Self) -> Self {
                // at::native::powi: the truth for bases 1 and -1, and 0 for what would be a fraction.
                if Int::is_negative(other.0) {
                    let odd = other.0 & 1 == 1;
                    return match self.0 {
                        1 => self,
                        v if Int::is_negative(v) && Int::abs(v) == 1 => if odd { self } else { Wrapping(1) },
                        _ => Wrapping(0),
                    };
                }
                let (mut base, mut n, mut out) = (self, other.0, Wrapping(1));
                while n != 0 {
                    if n & 1 == 1 {
                        out *= base;
                    }
                    n >>= 1;
                    base *= base;
                }
                out
            }
        }

        impl Bits for Wrapping<$t> {
            #[inline(always)]
            fn shl(self, distance: Self) -> Self {
                let out = Int::is_negative(distance.0) || distance.0 as u64 >= <$t>::BITS as u64;
                if out { Wrapping(0) } else { self << distance.0 as usize }
            }
            #[inline(always)]
            fn shr(self, distance: Self) -> Self {
                let out = Int::is_negative(distance.0) || distance.0 as u64 >= <$t>::BITS as u64;
                let fill = if Int::is_negative(self.0) { !Wrapping::<$t>(0) } else { Wrapping(0) };
                if out { fill } else { self >> distance.0 as usize }
            }
            fn gcd(self, other: Self) -> Self {
                let (mut a, mut b) = (self, other);
                while b.0 != 0 {
                    (a, b) = (b, a.fmod(b));
                }
                Num::abs(a)
            }
            fn lcm(self, other: Self) -> Self {
                let g = Bits::gcd(self, other);
                Num::abs(self.trunc_div(g) * other)
            }
        }
    )*};
}
integer!(i64 i32 u8);
