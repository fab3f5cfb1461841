//! simd128 registers. Builds with relaxed SIMD have two of its instructions: that of `F32x4::madd`, whose results differ between
//! machines, and that of `choose`, whose results do not for the masks it is given.

use core::arch::wasm32::*;

macro_rules! register {
    ($(#[$m:meta])* $t:ident $e:ty, $n:literal, $splat:ident, $mask:ident: $eq:ident $gt:ident $lt:ident) => {
        $(#[$m])*
        #[derive(Clone, Copy, Debug)]
        #[repr(transparent)]
        pub struct $t(v128);

        impl $t {
            #[inline(always)]
            pub const fn splat(v: $e) -> $t {
                Self::new([v; $n])
            }
            #[inline(always)]
            pub const fn new(v: [$e; $n]) -> $t {
                // Both are 16 bytes of plain data.
                $t(unsafe { core::mem::transmute::<[$e; $n], v128>(v) })
            }
            #[inline(always)]
            pub fn to_array(self) -> [$e; $n] {
                unsafe { core::mem::transmute::<v128, [$e; $n]>(self.0) }
            }
            #[inline(always)]
            pub fn eq(self, o: $t) -> $mask {
                $mask($eq(self.0, o.0))
            }
            #[inline(always)]
            pub fn gt(self, o: $t) -> $mask {
                $mask($gt(self.0, o.0))
            }
            #[inline(always)]
            pub fn lt(self, o: $t) -> $mask {
                $mask($lt(self.0, o.0))
            }
        }
    };
}

register!(
    /// Four float32.
    F32x4 f32, 4, f32x4_splat, I32x4: f32x4_eq f32x4_gt f32x4_lt);
register!(
    /// Four int32, or the mask of a comparison of four elements.
    I32x4 i32, 4, i32x4_splat, I32x4: i32x4_eq i32x4_gt i32x4_lt);
register!(
    /// Two float64.
    F64x2 f64, 2, f64x2_splat, I64x2: f64x2_eq f64x2_gt f64x2_lt);
register!(
    /// Two int64, or the mask of a comparison of two elements.
    I64x2 i64, 2, i64x2_splat, I64x2: i64x2_eq i64x2_gt i64x2_lt);

macro_rules! instructions {
    ($t:ident: $($(#[$m:meta])* $vis:vis $name:ident($($o:ident)?) = $f:ident;)*) => {
        impl $t {$(
            $(#[$m])*
            #[inline(always)]
            $vis fn $name(self $(, $o: $t)?) -> $t {
                $t($f(self.0 $(, $o.0)?))
            }
        )*}
    };
}
instructions! { F32x4:
    pub(super) plus(o) = f32x4_add;
    pub(super) minus(o) = f32x4_sub;
    pub(super) times(o) = f32x4_mul;
    pub(super) over(o) = f32x4_div;
    pub(super) negated() = f32x4_neg;
    pub absolute() = f32x4_abs;
    pub root() = f32x4_sqrt;
    pub down() = f32x4_floor;
    pub up() = f32x4_ceil;
    pub towards_zero() = f32x4_trunc;
    /// Halves go to the even neighbour.
    pub nearest() = f32x4_nearest;
    /// The smaller one; NaN where either is NaN; -0 is smaller than 0.
    pub smaller(o) = f32x4_min;
    /// The larger one; NaN where either is NaN; 0 is larger than -0.
    pub larger(o) = f32x4_max;
    /// The smaller one; NaN where `self` is. One instruction in hardware, where `smaller` takes seven.
    pub at_most(o) = f32x4_pmin;
    /// The larger one; NaN where `self` is. One instruction in hardware, where `larger` takes seven.
    pub at_least(o) = f32x4_pmax;
}
instructions! { F64x2:
    pub(super) plus(o) = f64x2_add;
    pub(super) minus(o) = f64x2_sub;
    pub(super) times(o) = f64x2_mul;
    pub(super) over(o) = f64x2_div;
    pub(super) negated() = f64x2_neg;
    pub absolute() = f64x2_abs;
    pub root() = f64x2_sqrt;
    pub down() = f64x2_floor;
    pub up() = f64x2_ceil;
    pub towards_zero() = f64x2_trunc;
    /// Halves go to the even neighbour.
    pub nearest() = f64x2_nearest;
    /// The smaller one; NaN where either is NaN; -0 is smaller than 0.
    pub smaller(o) = f64x2_min;
    /// The larger one; NaN where either is NaN; 0 is larger than -0.
    pub larger(o) = f64x2_max;
    /// The smaller one; NaN where `self` is. One instruction in hardware, where `smaller` takes seven.
    pub at_most(o) = f64x2_pmin;
    /// The larger one; NaN where `self` is. One instruction in hardware, where `larger` takes seven.
    pub at_least(o) = f64x2_pmax;
}
instructions! { I32x4:
    pub(super) plus(o) = i32x4_add;
    pub(super) minus(o) = i32x4_sub;
    pub(super) both(o) = v128_and;
    pub(super) either(o) = v128_or;
    pub(super) differ(o) = v128_xor;
    pub(super) inverse() = v128_not;
}
instructions! { I64x2:
    pub(super) plus(o) = i64x2_add;
    pub(super) minus(o) = i64x2_sub;
    pub(super) both(o) = v128_and;
    pub(super) either(o) = v128_or;
    pub(super) differ(o) = v128_xor;
    pub(super) inverse() = v128_not;
}

macro_rules! float {
    ($t:ident $mask:ident: $ge:ident $le:ident $ne:ident $shl:ident $shr:ident $select:ident) => {
        impl $t {
            #[inline(always)]
            pub fn ge(self, o: $t) -> $mask {
                $mask($ge(self.0, o.0))
            }
            #[inline(always)]
            pub fn le(self, o: $t) -> $mask {
                $mask($le(self.0, o.0))
            }
            /// True also where either is NaN.
            #[inline(always)]
            pub fn ne(self, o: $t) -> $mask {
                $mask($ne(self.0, o.0))
            }
            /// The bit patterns.
            #[inline(always)]
            pub fn bits(self) -> $mask {
                $mask(self.0)
            }
            /// The numbers with these bit patterns.
            #[inline(always)]
            pub fn from_bits(b: $mask) -> $t {
                $t(b.0)
            }
            /// Chooses element by element: `a` where a comparison held.
            #[inline(always)]
            pub fn choose(mask: $mask, a: $t, b: $t) -> $t {
                // One instruction instead of three. For other masks its results would differ between machines.
                #[cfg(target_feature = "relaxed-simd")]
                return $t($select(a.0, b.0, mask.0));
                #[cfg(not(target_feature = "relaxed-simd"))]
                return $t(v128_bitselect(a.0, b.0, mask.0));
            }
        }
        impl $mask {
            /// Shifts every element left.
            #[inline(always)]
            pub fn left(self, n: u32) -> $mask {
                $mask($shl(self.0, n))
            }
            /// Shifts every element right; the sign bit fills.
            #[inline(always)]
            pub fn right(self, n: u32) -> $mask {
                $mask($shr(self.0, n))
            }
            /// Chooses bit by bit: `a` where the mask is set.
            #[inline(always)]
            pub fn choose(mask: $mask, a: $mask, b: $mask) -> $mask {
                $mask(v128_bitselect(a.0, b.0, mask.0))
            }
            /// Is any bit set?
            #[inline(always)]
            pub fn any(self) -> bool {
                v128_any_true(self.0)
            }
        }
    };
}
float!(F32x4 I32x4: f32x4_ge f32x4_le f32x4_ne i32x4_shl i32x4_shr i32x4_relaxed_laneselect);
float!(F64x2 I64x2: f64x2_ge f64x2_le f64x2_ne i64x2_shl i64x2_shr i64x2_relaxed_laneselect);

/// Two float64 rounded to float32. LLVM merges the instruction with shuffles and conversions around it and then has no
/// instruction for the result, so it goes element by element; the average of a number and itself hides it from LLVM.
#[inline(always)]
fn demoted(v: v128) -> v128 {
    let v = f32x4_demote_f64x2_zero(v);
    u8x16_avgr(v, v)
}

impl F32x4 {
    /// The nearest float32 of integers.
    #[inline(always)]
    pub fn from_i32(v: I32x4) -> F32x4 {
        F32x4(f32x4_convert_i32x4(v.0))
    }
    /// Truncates towards zero and saturates.
    #[inline(always)]
    pub fn to_i32(self) -> I32x4 {
        I32x4(i32x4_trunc_sat_f32x4(self.0))
    }
    /// The first two elements in float64.
    #[inline(always)]
    pub fn low(self) -> F64x2 {
        F64x2(f64x2_promote_low_f32x4(self.0))
    }
    /// The last two elements in float64.
    #[inline(always)]
    pub fn high(self) -> F64x2 {
        F64x2(f64x2_promote_low_f32x4(i64x2_shuffle::<1, 1>(self.0, self.0)))
    }
    /// The first two elements of both, in turns.
    #[inline(always)]
    pub fn zip_low(self, o: F32x4) -> F32x4 {
        F32x4(i32x4_shuffle::<0, 4, 1, 5>(self.0, o.0))
    }
    /// The last two elements of both, in turns.
    #[inline(always)]
    pub fn zip_high(self, o: F32x4) -> F32x4 {
        F32x4(i32x4_shuffle::<2, 6, 3, 7>(self.0, o.0))
    }
    /// The first two elements of both. By 64 bits, or LLVM merges it with a `zip` into what no CPU has one instruction for.
    #[inline(always)]
    pub fn pair_low(self, o: F32x4) -> F32x4 {
        F32x4(i64x2_shuffle::<0, 2>(self.0, o.0))
    }
    /// The last two elements of both.
    #[inline(always)]
    pub fn pair_high(self, o: F32x4) -> F32x4 {
        F32x4(i64x2_shuffle::<1, 3>(self.0, o.0))
    }
    /// The last three elements, and the first of `after`.
    #[inline(always)]
    pub fn next(self, after: F32x4) -> F32x4 {
        F32x4(i32x4_shuffle::<1, 2, 3, 4>(self.0, after.0))
    }
    /// Two pairs, rounded to float32.
    #[inline(always)]
    pub fn from_f64(low: F64x2, high: F64x2) -> F32x4 {
        F32x4(i64x2_shuffle::<0, 2>(demoted(low.0), demoted(high.0)))
    }
}

impl F32x4 {
    /// Rows and columns exchanged.
    ///
    /// ```
    /// use cresset_lane::F32x4;
    /// let [a, ..] = F32x4::transposed([0.0, 1.0, 2.0, 3.0].map(F32x4::splat));
    /// assert_eq!(a.to_array(), [0.0, 1.0, 2.0, 3.0]);
    /// ```
    #[inline(always)]
    pub fn transposed([a, b, c, d]: [F32x4; 4]) -> [F32x4; 4] {
        let pairs = |x: F32x4, y: F32x4| (i32x4_shuffle::<0, 4, 1, 5>(x.0, y.0), i32x4_shuffle::<2, 6, 3, 7>(x.0, y.0));
        let ((ac, ac_high), (bd, bd_high)) = (pairs(a, c), pairs(b, d));
        let (low, high) = (pairs(F32x4(ac), F32x4(bd)), pairs(F32x4(ac_high), F32x4(bd_high)));
        [F32x4(low.0), F32x4(low.1), F32x4(high.0), F32x4(high.1)]
    }
    /// `self * b + c`: two roundings, and in builds with relaxed SIMD one, where the machine has the instruction for it.
    #[inline(always)]
    pub fn madd(self, b: F32x4, c: F32x4) -> F32x4 {
        #[cfg(target_feature = "relaxed-simd")]
        return F32x4(f32x4_relaxed_madd(self.0, b.0, c.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return self * b + c;
    }
}

impl F64x2 {
    /// Each number rounded to float32.
    #[inline(always)]
    pub fn as_f32(self) -> F64x2 {
        F64x2(f64x2_promote_low_f32x4(demoted(self.0)))
    }
}

impl I32x4 {
    /// Shifts every element right; zeros fill.
    #[inline(always)]
    pub fn right_unsigned(self, n: u32) -> I32x4 {
        I32x4(u32x4_shr(self.0, n))
    }
    /// The first two elements as int64.
    #[inline(always)]
    pub fn low(self) -> I64x2 {
        I64x2(i64x2_extend_low_i32x4(self.0))
    }
    /// The last two elements as int64.
    #[inline(always)]
    pub fn high(self) -> I64x2 {
        I64x2(i64x2_extend_high_i32x4(self.0))
    }
    /// The lowest bit of each element, one byte an element, the first in the lowest byte.
    #[inline(always)]
    pub fn to_bools(self) -> u32 {
        let bytes = i8x16_swizzle(self.0, i8x16(0, 4, 8, 12, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16));
        i32x4_extract_lane::<0>(bytes) as u32 & 0x0101_0101
    }
}
