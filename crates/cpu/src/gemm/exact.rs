//! Fused multiply-adds of float32, four at a time, for the products that have the bits of PyTorch.

use cresset_lane::simd::F64x2;

/// Four float32 numbers and how a fused multiply-add of them is computed.
pub trait Exact {
    /// A float32 number as it is packed.
    type Number: Copy;
    /// Four of them.
    type V: Copy;

    fn number(v: f32) -> Self::Number;
    fn new(v: [f32; 4]) -> Self::V;
    fn floats(v: Self::V) -> [f32; 4];
    fn zero() -> Self::V;
    fn splat(v: Self::Number) -> Self::V;
    /// # Safety
    /// `p` points at four readable numbers.
    unsafe fn load(p: *const Self::Number) -> Self::V;
    /// `a * b + c`, rounded once.
    fn fused(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    fn plus(a: Self::V, b: Self::V) -> Self::V;
}

/// Through float64, on every machine (`cresset_lane::simd`, fused.rs).
pub struct ThroughF64;

impl Exact for ThroughF64 {
    type Number = f64;
    type V = [F64x2; 2];

    #[inline(always)]
    fn number(v: f32) -> f64 {
        v as f64
    }
    #[inline(always)]
    fn new([a, b, c, d]: [f32; 4]) -> Self::V {
        [F64x2::new([a as f64, b as f64]), F64x2::new([c as f64, d as f64])]
    }
    #[inline(always)]
    fn floats([x, y]: Self::V) -> [f32; 4] {
        let ([a, b], [c, d]) = (x.to_array(), y.to_array());
        [a as f32, b as f32, c as f32, d as f32]
    }
    #[inline(always)]
    fn zero() -> Self::V {
        [F64x2::splat(0.0); 2]
    }
    #[inline(always)]
    fn splat(v: f64) -> Self::V {
        [F64x2::splat(v); 2]
    }
    #[inline(always)]
    unsafe fn load(p: *const f64) -> Self::V {
        unsafe { p.cast::<Self::V>().read_unaligned() }
    }
    #[inline(always)]
    fn fused(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        [a[0].fused(b[0], c[0]), a[1].fused(b[1], c[1])]
    }
    #[inline(always)]
    fn plus(a: Self::V, b: Self::V) -> Self::V {
        [(a[0] + b[0]).as_f32(), (a[1] + b[1]).as_f32()]
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod relaxed {
    use core::arch::wasm32::*;

    use super::Exact;

    /// By relaxed SIMD, where the machine fuses.
    pub struct Relaxed;

    impl Exact for Relaxed {
        type Number = f32;
        type V = v128;

        #[inline(always)]
        fn number(v: f32) -> f32 {
            v
        }
        #[inline(always)]
        fn new([a, b, c, d]: [f32; 4]) -> v128 {
            f32x4(a, b, c, d)
        }
        #[inline(always)]
        fn floats(v: v128) -> [f32; 4] {
            [
                f32x4_extract_lane::<0>(v),
                f32x4_extract_lane::<1>(v),
                f32x4_extract_lane::<2>(v),
                f32x4_extract_lane::<3>(v),
            ]
        }
        #[inline(always)]
        fn zero() -> v128 {
            f32x4_splat(0.0)
        }
        #[inline(always)]
        fn splat(v: f32) -> v128 {
            f32x4_splat(v)
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> v128 {
            unsafe { v128_load(p.cast()) }
        }
        #[inline(always)]
        fn fused(a: v128, b: v128, c: v128) -> v128 {
            f32x4_relaxed_madd(a, b, c)
        }
        #[inline(always)]
        fn plus(a: v128, b: v128) -> v128 {
            f32x4_add(a, b)
        }
    }

    /// Whether `f32x4.relaxed_madd` rounds once here; the standard lets it round twice, and a machine does always the one
    /// or always the other.
    pub fn machine_fuses() -> bool {
        let x = core::hint::black_box(1.0 + f32::EPSILON);
        let lost = f32x4_relaxed_madd(f32x4_splat(x), f32x4_splat(x), f32x4_splat(-(x * x)));
        f32x4_extract_lane::<0>(lost) != 0.0
    }
}
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub use relaxed::{Relaxed, machine_fuses};
