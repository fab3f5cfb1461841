//! Fused multiply-add in float32 without the instruction, which WASM lacks.
//!
//! The float64 product of two float32 numbers is exact, so only the addition rounds before the result is rounded to float32.
//! Rounding twice goes wrong only when the float64 sum lies exactly between two float32 numbers though the true sum does not,
//! about once in 2^29. `fused` bears that; `fused_or_doubtful` looks whether the case may have arisen; `fma` makes the
//! float64 sum odd where it was rounded (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008), which
//! forbids it.

use super::{F32x4, F64x2, I64x2};

/// What a float64 has below the bits of a float32.
const BELOW: i64 = (1 << 29) - 1;
const HALFWAY: i64 = 1 << 28;

impl F64x2 {
    /// `self * b + c` of float32 numbers held in float64, rounded to float32 once (but for one case in 2^29).
    ///
    /// ```
    /// use cresset_lane::simd::F64x2;
    /// let x = F64x2::splat(1.0 + f32::EPSILON as f64);
    /// let rest = x.fused(x, -(x * x).as_f32()).to_array(); // what rounding the square loses
    /// assert_eq!(rest, [(f32::EPSILON * f32::EPSILON) as f64; 2]);
    /// ```
    #[inline(always)]
    pub fn fused(self, b: F64x2, c: F64x2) -> F64x2 {
        (self * b + c).as_f32()
    }
}

impl F32x4 {
    /// `self * b + c`, rounded once (but for one case in 2^29).
    ///
    /// ```
    /// use cresset_lane::simd::F32x4;
    /// let x = F32x4::splat(1.0 + f32::EPSILON);
    /// let rest = x.fused(x, -(x * x)).to_array(); // what rounding the square loses
    /// assert_eq!(rest, [f32::EPSILON * f32::EPSILON; 4]);
    /// ```
    #[inline(always)]
    pub fn fused(self, b: F32x4, c: F32x4) -> F32x4 {
        F32x4::from_f64(self.low() * b.low() + c.low(), self.high() * b.high() + c.high())
    }

    /// `self * b + c` where `b` and `c` are float32 numbers held in float64; true where a result may have been rounded wrong:
    /// halfway, or below float32's normal range, where halfway is elsewhere.
    #[inline(always)]
    pub fn fused_or_doubtful(self, b: F64x2, c: F64x2) -> (F32x4, bool) {
        let (low, high) = (self.low() * b + c, self.high() * b + c);
        let doubt = |sum: F64x2| {
            let halfway = (sum.bits() & I64x2::splat(BELOW)).eq(I64x2::splat(HALFWAY));
            halfway | sum.absolute().le(F64x2::splat(f32::MIN_POSITIVE as f64))
        };
        (F32x4::from_f64(low, high), (doubt(low) | doubt(high)).any())
    }
}

/// a * b + c rounded once.
///
/// ```
/// let (a, c) = (1.0 + f32::EPSILON, 2f32.powi(-24));
/// assert_eq!(cresset_lane::simd::fma(a, a, c), a.mul_add(a, c));
/// ```
#[inline(always)]
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    let (p, c) = (a as f64 * b as f64, c as f64);
    let sum = p + c;
    let t = sum - p;
    let error = (p - (sum - t)) + (c - t);
    let bits = sum.to_bits() as i64;
    // One step towards the true sum, if that was not exact and the sum is even (NaN and infinity have no error).
    let towards = (((error.to_bits() as i64) ^ bits) >> 63) | 1;
    let inexact = -((error != 0.0 && error.is_finite()) as i64);
    let even = (bits & 1) - 1;
    f64::from_bits((bits + (towards & inexact & even)) as u64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rounding() {
        // 1 + 2^-24 lies between two float32 numbers; the 2^-60 beyond it is lost in float64.
        let (a, b) = (1.0 + f32::EPSILON, 1.0);
        let tiny = 2f32.powi(-24) * (1.0 + f32::EPSILON);
        for (a, b, c) in
            [(a, b, tiny), (a, -b, -tiny), (tiny, 1.0, 1.0), (2f32.powi(-30), 2f32.powi(-30), 1.0 + 2f32.powi(-23))]
        {
            assert_eq!(fma(a, b, c).to_bits(), a.mul_add(b, c).to_bits(), "{a} {b} {c}");
        }
        let mut state = 1u64;
        let mut number = |spread: u32| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let mantissa = (state >> 40) as u32 & 0x7f_ffff;
            let exponent = 127 - spread + (state >> 20) as u32 % (2 * spread);
            f32::from_bits((state >> 10) as u32 & 0x8000_0000 | exponent << 23 | mantissa)
        };
        for _ in 0..200_000 {
            let (a, b, c) = (number(20), number(20), number(40));
            assert_eq!(fma(a, b, c).to_bits(), a.mul_add(b, c).to_bits(), "{a} {b} {c}");
            // Cut to few digits, ties are common.
            let cut = |x: f32| f32::from_bits(x.to_bits() & 0xffff_f000);
            let (a, b, c) = (cut(a), cut(b), cut(c));
            assert_eq!(fma(a, b, c).to_bits(), a.mul_add(b, c).to_bits(), "{a} {b} {c}");
        }
    }

    #[test]
    fn special_values() {
        assert_eq!(fma(f32::INFINITY, 1.0, 1.0), f32::INFINITY);
        assert!(fma(f32::INFINITY, 1.0, f32::NEG_INFINITY).is_nan());
        assert_eq!(fma(f32::MAX, 2.0, 0.0), f32::INFINITY);
        assert_eq!(fma(0.0, 1.0, -0.0), 0.0);
    }

    #[test]
    fn doubt_is_noticed() {
        let tiny = 2f32.powi(-24) * (1.0 + f32::EPSILON);
        // The float64 sum is halfway between two numbers, the true sum is beyond.
        let (_, doubtful) =
            F32x4::splat(tiny).fused_or_doubtful(F64x2::splat(1.0 + f32::EPSILON as f64), F64x2::splat(1.0));
        assert!(!doubtful);
        let (_, doubtful) = F32x4::splat(2f32.powi(-24)).fused_or_doubtful(F64x2::splat(1.0), F64x2::splat(1.0));
        assert!(doubtful);
    }
}
