//! The arithmetic of the matrix kernels: an element type with the vector that the inner loops hold it in.

use cresset_lane::Element;

use crate::Attr;

/// An element type that matrices may be made of. Integers wrap, as they do in PyTorch.
///
/// # Safety
/// The vector functions read and write `LANES` elements at the pointer they are given; no alignment is needed.
pub trait Num: Element {
    /// What the inner loops hold in a register.
    type V: Copy;
    /// Elements in a vector.
    const LANES: usize;

    fn plus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    fn of(attr: Attr) -> Self;

    fn zero() -> Self::V;
    fn splat(v: Self) -> Self::V;
    /// # Safety
    /// `p` points at `LANES` readable elements.
    unsafe fn load(p: *const Self) -> Self::V;
    /// # Safety
    /// `p` points at `LANES` writable elements.
    unsafe fn store(p: *mut Self, v: Self::V);
    fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `acc + a * b`, in one rounding where the build has relaxed SIMD.
    fn madd(acc: Self::V, a: Self::V, b: Self::V) -> Self::V;
    /// The sum of the lanes, in a fixed order.
    fn sum(v: Self::V) -> Self;

    /// Reads `LANES` elements from each of `LANES` rows, `row` apart, and writes them transposed, `to_row` apart.
    ///
    /// # Safety
    /// All of them are readable and writable.
    #[inline(always)]
    unsafe fn transpose(from: *const Self, row: isize, to: *mut Self, to_row: usize) {
        for i in 0..Self::LANES {
            for j in 0..Self::LANES {
                unsafe { *to.add(j * to_row + i) = *from.offset(i as isize * row + j as isize) };
            }
        }
    }

    /// Reads `LANES` elements and writes each of them as a vector that holds nothing else, the vectors `step` elements
    /// apart.
    ///
    /// # Safety
    /// All of them are readable and writable.
    #[inline(always)]
    unsafe fn spread(from: *const Self, to: *mut Self, step: usize) {
        for i in 0..Self::LANES {
            unsafe { Self::store(to.add(i * step), Self::splat(*from.add(i))) };
        }
    }
}

/// A vector on targets whose own vectors the compiler finds by itself.
#[cfg(not(target_arch = "wasm32"))]
macro_rules! portable {
    ($t:ty, $lanes:literal) => {
        impl Num for $t {
            type V = [$t; $lanes];
            const LANES: usize = $lanes;
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn of(attr: Attr) -> Self {
                attr.f() as $t
            }
            #[inline(always)]
            fn zero() -> Self::V {
                [0.0; $lanes]
            }
            #[inline(always)]
            fn splat(v: Self) -> Self::V {
                [v; $lanes]
            }
            #[inline(always)]
            unsafe fn load(p: *const Self) -> Self::V {
                unsafe { p.cast::<Self::V>().read_unaligned() }
            }
            #[inline(always)]
            unsafe fn store(p: *mut Self, v: Self::V) {
                unsafe { p.cast::<Self::V>().write_unaligned(v) }
            }
            #[inline(always)]
            fn add(a: Self::V, b: Self::V) -> Self::V {
                std::array::from_fn(|i| a[i] + b[i])
            }
            #[inline(always)]
            fn madd(acc: Self::V, a: Self::V, b: Self::V) -> Self::V {
                std::array::from_fn(|i| acc[i] + a[i] * b[i])
            }
            #[inline(always)]
            fn sum(v: Self::V) -> Self {
                let (low, high) = v.split_at($lanes / 2);
                low.iter().zip(high).map(|(a, b)| a + b).reduce(|a, b| a + b).unwrap()
            }
        }
    };
}
#[cfg(not(target_arch = "wasm32"))]
portable!(f32, 4);
#[cfg(not(target_arch = "wasm32"))]
portable!(f64, 2);

#[cfg(target_arch = "wasm32")]
mod wasm {
    use core::arch::wasm32::*;

    use super::*;

    impl Num for f32 {
        type V = v128;
        const LANES: usize = 4;
        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            self + other
        }
        #[inline(always)]
        fn times(self, other: Self) -> Self {
            self * other
        }
        #[inline(always)]
        fn of(attr: Attr) -> Self {
            attr.f() as f32
        }
        #[inline(always)]
        fn zero() -> v128 {
            f32x4_splat(0.0)
        }
        #[inline(always)]
        fn splat(v: Self) -> v128 {
            f32x4_splat(v)
        }
        #[inline(always)]
        unsafe fn load(p: *const Self) -> v128 {
            unsafe { v128_load(p.cast()) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut Self, v: v128) {
            unsafe { v128_store(p.cast(), v) }
        }
        #[inline(always)]
        fn add(a: v128, b: v128) -> v128 {
            f32x4_add(a, b)
        }
        #[inline(always)]
        fn madd(acc: v128, a: v128, b: v128) -> v128 {
            #[cfg(target_feature = "relaxed-simd")]
            return f32x4_relaxed_madd(a, b, acc);
            #[cfg(not(target_feature = "relaxed-simd"))]
            f32x4_add(acc, f32x4_mul(a, b))
        }
        #[inline(always)]
        fn sum(v: v128) -> f32 {
            let pair = f32x4_add(v, i32x4_shuffle::<2, 3, 2, 3>(v, v));
            f32x4_extract_lane::<0>(pair) + f32x4_extract_lane::<1>(pair)
        }
        #[inline(always)]
        unsafe fn transpose(from: *const Self, row: isize, to: *mut Self, to_row: usize) {
            unsafe {
                let a = v128_load(from.cast());
                let b = v128_load(from.offset(row).cast());
                let c = v128_load(from.offset(2 * row).cast());
                let d = v128_load(from.offset(3 * row).cast());
                let ab_low = i32x4_shuffle::<0, 4, 1, 5>(a, b);
                let ab_high = i32x4_shuffle::<2, 6, 3, 7>(a, b);
                let cd_low = i32x4_shuffle::<0, 4, 1, 5>(c, d);
                let cd_high = i32x4_shuffle::<2, 6, 3, 7>(c, d);
                v128_store(to.cast(), i64x2_shuffle::<0, 2>(ab_low, cd_low));
                v128_store(to.add(to_row).cast(), i64x2_shuffle::<1, 3>(ab_low, cd_low));
                v128_store(to.add(2 * to_row).cast(), i64x2_shuffle::<0, 2>(ab_high, cd_high));
                v128_store(to.add(3 * to_row).cast(), i64x2_shuffle::<1, 3>(ab_high, cd_high));
            }
        }
        #[inline(always)]
        unsafe fn spread(from: *const Self, to: *mut Self, step: usize) {
            unsafe {
                let v = v128_load(from.cast());
                v128_store(to.cast(), i32x4_shuffle::<0, 0, 0, 0>(v, v));
                v128_store(to.add(step).cast(), i32x4_shuffle::<1, 1, 1, 1>(v, v));
                v128_store(to.add(2 * step).cast(), i32x4_shuffle::<2, 2, 2, 2>(v, v));
                v128_store(to.add(3 * step).cast(), i32x4_shuffle::<3, 3, 3, 3>(v, v));
            }
        }
    }

    impl Num for f64 {
        type V = v128;
        const LANES: usize = 2;
        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            self + other
        }
        #[inline(always)]
        fn times(self, other: Self) -> Self {
            self * other
        }
        #[inline(always)]
        fn of(attr: Attr) -> Self {
            attr.f()
        }
        #[inline(always)]
        fn zero() -> v128 {
            f64x2_splat(0.0)
        }
        #[inline(always)]
        fn splat(v: Self) -> v128 {
            f64x2_splat(v)
        }
        #[inline(always)]
        unsafe fn load(p: *const Self) -> v128 {
            unsafe { v128_load(p.cast()) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut Self, v: v128) {
            unsafe { v128_store(p.cast(), v) }
        }
        #[inline(always)]
        fn add(a: v128, b: v128) -> v128 {
            f64x2_add(a, b)
        }
        #[inline(always)]
        fn madd(acc: v128, a: v128, b: v128) -> v128 {
            #[cfg(target_feature = "relaxed-simd")]
            return f64x2_relaxed_madd(a, b, acc);
            #[cfg(not(target_feature = "relaxed-simd"))]
            f64x2_add(acc, f64x2_mul(a, b))
        }
        #[inline(always)]
        fn sum(v: v128) -> f64 {
            f64x2_extract_lane::<0>(v) + f64x2_extract_lane::<1>(v)
        }
    }
}

// Integers: one lane; exactness matters there, speed hardly.
macro_rules! integer {
    ($($t:ty),*) => {$(
        impl Num for $t {
            type V = $t;
            const LANES: usize = 1;
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn of(attr: Attr) -> Self {
                attr.i() as $t
            }
            #[inline(always)]
            fn zero() -> Self {
                0
            }
            #[inline(always)]
            fn splat(v: Self) -> Self {
                v
            }
            #[inline(always)]
            unsafe fn load(p: *const Self) -> Self {
                unsafe { *p }
            }
            #[inline(always)]
            unsafe fn store(p: *mut Self, v: Self) {
                unsafe { *p = v }
            }
            #[inline(always)]
            fn add(a: Self, b: Self) -> Self {
                a.wrapping_add(b)
            }
            #[inline(always)]
            fn madd(acc: Self, a: Self, b: Self) -> Self {
                acc.wrapping_add(a.wrapping_mul(b))
            }
            #[inline(always)]
            fn sum(v: Self) -> Self {
                v
            }
        }
    )*};
}
integer!(i64);
