//! 128-bit registers: four float32, four int32, or two float64 at a time.
//!
//! On wasm each operation is one simd128 instruction; elsewhere arrays stand in, with the same results bit for bit
//! (but for the payload of NaNs). Comparisons give masks: all bits of an element set, or none.

mod fused;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;

pub use fused::fma;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub use portable::{F32x4, F64x2, I32x4, I64x2};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use wasm::{F32x4, F64x2, I32x4, I64x2};

use std::cell::UnsafeCell;
use std::ops::{Add, AddAssign, BitAnd, BitOr, BitXor, Div, Mul, MulAssign, Neg, Not, Sub, SubAssign};

macro_rules! operators {
    ($t:ident: $($trait:ident $method:ident $f:ident),*) => {$(
        impl $trait for $t {
            type Output = $t;
            #[inline(always)]
            fn $method(self, other: $t) -> $t {
                self.$f(other)
            }
        }
    )*};
}
operators!(F32x4: Add add plus, Sub sub minus, Mul mul times, Div div over);
operators!(F64x2: Add add plus, Sub sub minus, Mul mul times, Div div over);
operators!(I32x4: Add add plus, Sub sub minus, BitAnd bitand both, BitOr bitor either, BitXor bitxor differ);
operators!(I64x2: Add add plus, Sub sub minus, BitAnd bitand both, BitOr bitor either, BitXor bitxor differ);

macro_rules! assign {
    ($($t:ident)*) => {$(
        impl AddAssign for $t {
            #[inline(always)]
            fn add_assign(&mut self, other: $t) {
                *self = *self + other;
            }
        }
        impl SubAssign for $t {
            #[inline(always)]
            fn sub_assign(&mut self, other: $t) {
                *self = *self - other;
            }
        }
        impl MulAssign for $t {
            #[inline(always)]
            fn mul_assign(&mut self, other: $t) {
                *self = *self * other;
            }
        }
        impl Neg for $t {
            type Output = $t;
            #[inline(always)]
            fn neg(self) -> $t {
                self.negated()
            }
        }
    )*};
}
assign!(F32x4 F64x2);

macro_rules! inverse {
    ($($t:ident)*) => {$(
        impl Not for $t {
            type Output = $t;
            #[inline(always)]
            fn not(self) -> $t {
                self.inverse()
            }
        }
    )*};
}
inverse!(I32x4 I64x2);

/// A number that stands in memory. V8 loads one in a single instruction, but makes one that stands in the code of three, anew in
/// every turn of a loop (two moves of 64 bits and an unpacking).
///
/// For the compiler it might change, or it would be put back into the code; `#[used]` statics keep it believing so. Between two
/// writes to memory it is loaded once.
#[repr(transparent)]
pub struct Constant<T>(UnsafeCell<T>);

// Safety: nobody writes it.
unsafe impl<T: Sync> Sync for Constant<T> {}

impl<T: Copy> Constant<T> {
    /// In memory.
    pub const fn new(value: T) -> Constant<T> {
        Constant(UnsafeCell::new(value))
    }

    /// Out of memory.
    #[inline(always)]
    pub fn get(&'static self) -> T {
        // Safety: nobody writes it.
        unsafe { *self.0.get() }
    }
}

macro_rules! constants {
    ($($t:ident $e:ty;)*) => {$(
        impl $t {
            /// Each of these numbers in all elements.
            pub const fn splats<const N: usize>(numbers: [$e; N]) -> [Constant<$t>; N] {
                let mut all = [const { Constant::new($t::splat(0.0)) }; N];
                let mut k = 0;
                while k < N {
                    all[k] = Constant::new($t::splat(numbers[k]));
                    k += 1;
                }
                all
            }
        }
    )*};
}
constants!(F32x4 f32; F64x2 f64;);

impl F32x4 {
    /// Four float32 in memory, at any address.
    ///
    /// # Safety
    /// `p` must be readable for 16 bytes.
    #[inline(always)]
    pub unsafe fn load(p: *const F32x4) -> F32x4 {
        unsafe { p.read_unaligned() }
    }

    /// Writes four float32 to memory, at any address.
    ///
    /// # Safety
    /// `p` must be writable for 16 bytes.
    #[inline(always)]
    pub unsafe fn store(self, p: *mut F32x4) {
        unsafe { p.write_unaligned(self) }
    }

    /// Applies a function to each element.
    #[inline(always)]
    pub fn map(self, f: impl Fn(f32) -> f32) -> F32x4 {
        let [a, b, c, d] = self.to_array();
        F32x4::new([f(a), f(b), f(c), f(d)])
    }

    /// Applies a function to each pair of elements.
    #[inline(always)]
    pub fn zip(self, other: F32x4, f: impl Fn(f32, f32) -> f32) -> F32x4 {
        let ([a, b, c, d], [p, q, r, s]) = (self.to_array(), other.to_array());
        F32x4::new([f(a, p), f(b, q), f(c, r), f(d, s)])
    }

    /// Applies a function to the elements as float64, two by two.
    #[inline(always)]
    pub fn in_f64(self, f: impl Fn(F64x2) -> F64x2) -> F32x4 {
        F32x4::from_f64(f(self.low()), f(self.high()))
    }
}

impl I32x4 {
    /// Four int32 in memory, at any address.
    ///
    /// # Safety
    /// `p` must be readable for 16 bytes.
    #[inline(always)]
    pub unsafe fn load(p: *const I32x4) -> I32x4 {
        unsafe { p.read_unaligned() }
    }

    /// Writes four int32 to memory, at any address.
    ///
    /// # Safety
    /// `p` must be writable for 16 bytes.
    #[inline(always)]
    pub unsafe fn store(self, p: *mut I32x4) {
        unsafe { p.write_unaligned(self) }
    }
}

impl I64x2 {
    /// Writes two int64 to memory, at any address.
    ///
    /// # Safety
    /// `p` must be writable for 16 bytes.
    #[inline(always)]
    pub unsafe fn store(self, p: *mut I64x2) {
        unsafe { p.write_unaligned(self) }
    }
}
