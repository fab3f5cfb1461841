//! Fused multiply-add without the instruction, which WASM lacks.
//!
//! In float32: the float64 product of two float32 numbers is exact, so only the addition rounds before the result is rounded to
//! float32. Rounding twice goes wrong only when the float64 sum lies exactly between two float32 numbers though the
//! true sum does not. `Exact` makes the float64 sum odd where it was rounded (Boldo and Melquiond 2008), which forbids
//! that case; `Quick` takes the chance, which is about 2^-29, and says whether the case may have arisen.

use super::exact::{Pair, two_product, two_sum};

/// A way of computing fma(a, b, c) in float32.
pub trait Fused {
    fn fma(&mut self, a: f32, b: f32, c: f32) -> f32;
}

/// Always right.
pub struct Exact;

impl Fused for Exact {
    #[inline(always)]
    fn fma(&mut self, a: f32, b: f32, c: f32) -> f32 {
        fma(a, b, c)
    }
}

/// Right unless `doubt` is not zero afterwards; then the whole computation must be done again with `Exact`.
/// Results below the normal range of float32 are not noticed.
#[derive(Default)]
pub struct Quick {
    pub doubt: u64,
}

/// What a float64 has below the bits of a float32.
const BELOW: u64 = (1 << 29) - 1;
const HALFWAY: u64 = 1 << 28;

impl Fused for Quick {
    #[inline(always)]
    fn fma(&mut self, a: f32, b: f32, c: f32) -> f32 {
        let sum = a as f64 * b as f64 + c as f64;
        self.doubt |= (sum.to_bits() & BELOW == HALFWAY) as u64;
        sum as f32
    }
}

/// a * b + c rounded once.
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

/// a * b + c rounded once, in float64 (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums").
/// For numbers whose product is well within the range of float64, below 2^900 and above 2^-900 or zero.
#[inline]
pub fn fma64(a: f64, b: f64, c: f64) -> f64 {
    let Pair(product, low) = two_product(a, b);
    let Pair(t, rest) = two_sum(c, low);
    let Pair(high, middle) = two_sum(product, t);
    // The two small parts rounded to odd: their last bit then says that there was more.
    let Pair(sum, error) = two_sum(rest, middle);
    let bits = sum.to_bits() as i64;
    let towards = (((error.to_bits() as i64) ^ bits) >> 63) | 1;
    let inexact = -((error != 0.0) as i64);
    let even = (bits & 1) - 1;
    high + f64::from_bits((bits + (towards & inexact & even)) as u64)
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
    fn one_rounding_in_float64() {
        let mut state = 7u64;
        let mut number = |cut: u32| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let exponent = 1023 - 30 + (state >> 7) % 60;
            let mantissa = state.rotate_left(23) & ((1 << 52) - 1) & (u64::MAX << cut);
            f64::from_bits(state << 63 | exponent << 52 | mantissa)
        };
        for cut in [0, 20, 26, 40, 48] {
            for _ in 0..50_000 {
                let (a, b, c) = (number(cut), number(cut), number(cut / 2));
                assert_eq!(fma64(a, b, c).to_bits(), a.mul_add(b, c).to_bits(), "{a:e} {b:e} {c:e}");
                let c = -a * b;
                assert_eq!(fma64(a, b, c).to_bits(), a.mul_add(b, c).to_bits(), "{a:e} {b:e} {c:e}");
            }
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
        // Halfway between 1 and the next number: whether the sum was exact is not known, so the flag goes up.
        let mut quick = Quick::default();
        quick.fma(1.0, 1.0, 1.0);
        assert_eq!(quick.doubt, 0);
        quick.fma(1.0, 2f32.powi(-24), 1.0);
        assert_eq!(quick.doubt, 1);
    }
}
