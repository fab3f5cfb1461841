//! Arrays in place of registers.
//!
//! Every kernel is made of these: they are spelt out element by element, since closures over arrays cost the compiler
//! several times as long.

/// wasm's `min`: NaN wins, and -0 is smaller than 0.
macro_rules! smaller_one {
    ($a:expr, $b:expr) => {{
        let (a, b) = ($a, $b);
        if a < b || a != a || (a == b && a.is_sign_negative()) { a } else { b }
    }};
}
/// wasm's `max`: NaN wins, and 0 is larger than -0.
macro_rules! larger_one {
    ($a:expr, $b:expr) => {{
        let (a, b) = ($a, $b);
        if a > b || a != a || (a == b && a.is_sign_positive()) { a } else { b }
    }};
}

macro_rules! register {
    ($(#[$m:meta])* $t:ident $e:ty, $n:literal [$($i:literal)*], $mask:ident, $bits:ty) => {
        $(#[$m])*
        #[derive(Clone, Copy, Debug)]
        #[repr(C, align(16))]
        pub struct $t([$e; $n]);

        impl $t {
            #[inline(always)]
            pub const fn splat(v: $e) -> $t {
                $t([v; $n])
            }
            #[inline(always)]
            pub const fn new(v: [$e; $n]) -> $t {
                $t(v)
            }
            #[inline(always)]
            pub fn to_array(self) -> [$e; $n] {
                self.0
            }
            #[inline(always)]
            pub fn eq(self, o: $t) -> $mask {
                $mask([$(-((self.0[$i] == o.0[$i]) as $bits)),*])
            }
            #[inline(always)]
            pub fn gt(self, o: $t) -> $mask {
                $mask([$(-((self.0[$i] > o.0[$i]) as $bits)),*])
            }
            #[inline(always)]
            pub fn lt(self, o: $t) -> $mask {
                $mask([$(-((self.0[$i] < o.0[$i]) as $bits)),*])
            }
        }
    };
}

register!(
    /// Four float32.
    F32x4 f32, 4 [0 1 2 3], I32x4, i32);
register!(
    /// Four int32, or the mask of a comparison of four elements.
    I32x4 i32, 4 [0 1 2 3], I32x4, i32);
register!(
    /// Two float64.
    F64x2 f64, 2 [0 1], I64x2, i64);
register!(
    /// Two int64, or the mask of a comparison of two elements.
    I64x2 i64, 2 [0 1], I64x2, i64);

macro_rules! float {
    ($t:ident $mask:ident $e:ty, $bits:ty, [$($i:literal)*]) => {
        impl $t {
            #[inline(always)]
            pub(super) fn plus(self, o: $t) -> $t {
                $t([$(self.0[$i] + o.0[$i]),*])
            }
            #[inline(always)]
            pub(super) fn minus(self, o: $t) -> $t {
                $t([$(self.0[$i] - o.0[$i]),*])
            }
            #[inline(always)]
            pub(super) fn times(self, o: $t) -> $t {
                $t([$(self.0[$i] * o.0[$i]),*])
            }
            #[inline(always)]
            pub(super) fn over(self, o: $t) -> $t {
                $t([$(self.0[$i] / o.0[$i]),*])
            }
            #[inline(always)]
            pub(super) fn negated(self) -> $t {
                $t([$(-self.0[$i]),*])
            }
            #[inline(always)]
            pub fn absolute(self) -> $t {
                $t([$(self.0[$i].abs()),*])
            }
            #[inline(always)]
            pub fn root(self) -> $t {
                $t([$(self.0[$i].sqrt()),*])
            }
            #[inline(always)]
            pub fn down(self) -> $t {
                $t([$(self.0[$i].floor()),*])
            }
            #[inline(always)]
            pub fn up(self) -> $t {
                $t([$(self.0[$i].ceil()),*])
            }
            #[inline(always)]
            pub fn towards_zero(self) -> $t {
                $t([$(self.0[$i].trunc()),*])
            }
            /// Halves go to the even neighbour.
            #[inline(always)]
            pub fn nearest(self) -> $t {
                $t([$(self.0[$i].round_ties_even()),*])
            }
            /// The smaller one; NaN where either is NaN; -0 is smaller than 0.
            #[inline(always)]
            pub fn smaller(self, o: $t) -> $t {
                $t([$(smaller_one!(self.0[$i], o.0[$i])),*])
            }
            /// The larger one; NaN where either is NaN; 0 is larger than -0.
            #[inline(always)]
            pub fn larger(self, o: $t) -> $t {
                $t([$(larger_one!(self.0[$i], o.0[$i])),*])
            }
            /// The smaller one; NaN where `self` is. One instruction in hardware, where `smaller` takes seven.
            #[inline(always)]
            pub fn at_most(self, o: $t) -> $t {
                $t([$(if o.0[$i] < self.0[$i] { o.0[$i] } else { self.0[$i] }),*])
            }
            /// The larger one; NaN where `self` is. One instruction in hardware, where `larger` takes seven.
            #[inline(always)]
            pub fn at_least(self, o: $t) -> $t {
                $t([$(if self.0[$i] < o.0[$i] { o.0[$i] } else { self.0[$i] }),*])
            }
            #[inline(always)]
            pub fn ge(self, o: $t) -> $mask {
                $mask([$(-((self.0[$i] >= o.0[$i]) as $bits)),*])
            }
            #[inline(always)]
            pub fn le(self, o: $t) -> $mask {
                $mask([$(-((self.0[$i] <= o.0[$i]) as $bits)),*])
            }
            /// True also where either is NaN.
            #[inline(always)]
            pub fn ne(self, o: $t) -> $mask {
                $mask([$(-((self.0[$i] != o.0[$i]) as $bits)),*])
            }
            /// The bit patterns.
            #[inline(always)]
            pub fn bits(self) -> $mask {
                $mask([$(self.0[$i].to_bits() as $bits),*])
            }
            /// The numbers with these bit patterns.
            #[inline(always)]
            pub fn from_bits(b: $mask) -> $t {
                $t([$(<$e>::from_bits(b.0[$i] as _)),*])
            }
            /// Chooses element by element: `a` where a comparison held.
            #[inline(always)]
            pub fn choose(mask: $mask, a: $t, b: $t) -> $t {
                Self::from_bits($mask::choose(mask, a.bits(), b.bits()))
            }
        }

        impl $mask {
            #[inline(always)]
            pub(super) fn plus(self, o: $mask) -> $mask {
                $mask([$(self.0[$i].wrapping_add(o.0[$i])),*])
            }
            #[inline(always)]
            pub(super) fn minus(self, o: $mask) -> $mask {
                $mask([$(self.0[$i].wrapping_sub(o.0[$i])),*])
            }
            #[inline(always)]
            pub(super) fn both(self, o: $mask) -> $mask {
                $mask([$(self.0[$i] & o.0[$i]),*])
            }
            #[inline(always)]
            pub(super) fn either(self, o: $mask) -> $mask {
                $mask([$(self.0[$i] | o.0[$i]),*])
            }
            #[inline(always)]
            pub(super) fn differ(self, o: $mask) -> $mask {
                $mask([$(self.0[$i] ^ o.0[$i]),*])
            }
            #[inline(always)]
            pub(super) fn inverse(self) -> $mask {
                $mask([$(!self.0[$i]),*])
            }
            /// Shifts every element left.
            #[inline(always)]
            pub fn left(self, n: u32) -> $mask {
                $mask([$(self.0[$i] << n),*])
            }
            /// Shifts every element right; the sign bit fills.
            #[inline(always)]
            pub fn right(self, n: u32) -> $mask {
                $mask([$(self.0[$i] >> n),*])
            }
            /// Chooses bit by bit: `a` where the mask is set.
            #[inline(always)]
            pub fn choose(mask: $mask, a: $mask, b: $mask) -> $mask {
                (a & mask) | (b & !mask)
            }
            /// Is any bit set?
            #[inline(always)]
            pub fn any(self) -> bool {
                $(self.0[$i] != 0)||*
            }
        }
    };
}
float!(F32x4 I32x4 f32, i32, [0 1 2 3]);
float!(F64x2 I64x2 f64, i64, [0 1]);

impl F32x4 {
    /// The nearest float32 of integers.
    #[inline(always)]
    pub fn from_i32(v: I32x4) -> F32x4 {
        let [a, b, c, d] = v.0;
        F32x4([a as f32, b as f32, c as f32, d as f32])
    }
    /// Truncates towards zero and saturates.
    #[inline(always)]
    pub fn to_i32(self) -> I32x4 {
        let [a, b, c, d] = self.0;
        I32x4([a as i32, b as i32, c as i32, d as i32])
    }
    /// Rows and columns exchanged.
    ///
    /// ```
    /// use cresset_lane::F32x4;
    /// let [a, ..] = F32x4::transposed([0.0, 1.0, 2.0, 3.0].map(F32x4::splat));
    /// assert_eq!(a.to_array(), [0.0, 1.0, 2.0, 3.0]);
    /// ```
    #[inline(always)]
    pub fn transposed(rows: [F32x4; 4]) -> [F32x4; 4] {
        std::array::from_fn(|j| F32x4(std::array::from_fn(|i| rows[i].0[j])))
    }
    /// `self * b + c`, with two roundings.
    #[inline(always)]
    pub fn madd(self, b: F32x4, c: F32x4) -> F32x4 {
        self * b + c
    }
    /// The first two elements in float64.
    #[inline(always)]
    pub fn low(self) -> F64x2 {
        F64x2([self.0[0] as f64, self.0[1] as f64])
    }
    /// The last two elements in float64.
    #[inline(always)]
    pub fn high(self) -> F64x2 {
        F64x2([self.0[2] as f64, self.0[3] as f64])
    }
    /// The first two elements of both, in turns.
    #[inline(always)]
    pub fn zip_low(self, o: F32x4) -> F32x4 {
        F32x4([self.0[0], o.0[0], self.0[1], o.0[1]])
    }
    /// The last two elements of both, in turns.
    #[inline(always)]
    pub fn zip_high(self, o: F32x4) -> F32x4 {
        F32x4([self.0[2], o.0[2], self.0[3], o.0[3]])
    }
    /// The first two elements of both.
    #[inline(always)]
    pub fn pair_low(self, o: F32x4) -> F32x4 {
        F32x4([self.0[0], self.0[1], o.0[0], o.0[1]])
    }
    /// The last two elements of both.
    #[inline(always)]
    pub fn pair_high(self, o: F32x4) -> F32x4 {
        F32x4([self.0[2], self.0[3], o.0[2], o.0[3]])
    }
    /// The last three elements, and the first of `after`.
    #[inline(always)]
    pub fn next(self, after: F32x4) -> F32x4 {
        F32x4([self.0[1], self.0[2], self.0[3], after.0[0]])
    }
    /// Two pairs, rounded to float32.
    #[inline(always)]
    pub fn from_f64(low: F64x2, high: F64x2) -> F32x4 {
        F32x4([low.0[0] as f32, low.0[1] as f32, high.0[0] as f32, high.0[1] as f32])
    }
}

impl F64x2 {
    /// Each number rounded to float32.
    #[inline(always)]
    pub fn as_f32(self) -> F64x2 {
        let [a, b] = self.0;
        F64x2([a as f32 as f64, b as f32 as f64])
    }
}

impl I32x4 {
    /// Shifts every element right; zeros fill.
    #[inline(always)]
    pub fn right_unsigned(self, n: u32) -> I32x4 {
        let [a, b, c, d] = self.0.map(|v| (v as u32 >> n) as i32);
        I32x4([a, b, c, d])
    }
    /// The first two elements as int64.
    #[inline(always)]
    pub fn low(self) -> I64x2 {
        I64x2([self.0[0] as i64, self.0[1] as i64])
    }
    /// The last two elements as int64.
    #[inline(always)]
    pub fn high(self) -> I64x2 {
        I64x2([self.0[2] as i64, self.0[3] as i64])
    }
    /// The lowest bit of each element, one byte an element, the first in the lowest byte.
    #[inline(always)]
    pub fn to_bools(self) -> u32 {
        let [a, b, c, d] = self.0;
        (a & 1 | (b & 1) << 8 | (c & 1) << 16 | (d & 1) << 24) as u32
    }
}
