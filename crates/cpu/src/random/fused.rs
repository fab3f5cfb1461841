//! Fused multiply-add without the instruction, which WASM lacks.
//!
//! In float32: the float64 product of two float32 numbers is exact, so only the addition rounds before the result is rounded to
//! float32. Rounding twice goes wrong only when the float64 sum lies exactly between two float32 numbers though the
//! true sum does not. `fma` makes the float64 sum odd where it was rounded (Boldo and Melquiond 2008), which forbids
//! that case; `scale_add` looks whether the case may have arisen, which is about once in 2^29.

use cresset_lane::simd::{F32x4, F64x2, I64x2};

use super::exact::{Pair, two_product, two_sum};

/// What a float64 has below the bits of a float32.
const BELOW: i64 = (1 << 29) - 1;
const HALFWAY: i64 = 1 << 28;

/// x * a + b, four at a time; true where a result may have been rounded wrong: halfway, or below float32's normal range,
/// where halfway is elsewhere.
#[inline(always)]
fn quick(x: F32x4, a: F64x2, b: F64x2) -> (F32x4, bool) {
    let (low, high) = (x.low() * a + b, x.high() * a + b);
    let doubt = |sum: F64x2| {
        let halfway = (sum.bits() & I64x2::splat(BELOW)).eq(I64x2::splat(HALFWAY));
        halfway | sum.absolute().le(F64x2::splat(f32::MIN_POSITIVE as f64))
    };
    (F32x4::from_f64(low, high), (doubt(low) | doubt(high)).any())
}

/// Each element times `scale` plus `shift`, rounded once.
pub fn scale_add(x: &mut [f32], scale: f32, shift: f32) {
    let (a, b) = (F64x2::splat(scale as f64), F64x2::splat(shift as f64));
    let mut fours = x.chunks_exact_mut(4);
    for four in &mut fours {
        let p = four.as_mut_ptr().cast::<F32x4>();
        // Safety: four elements.
        let (y, doubtful) = unsafe { quick(F32x4::load(p), a, b) };
        if doubtful {
            four.iter_mut().for_each(|x| *x = fma(*x, scale, shift));
        } else {
            unsafe { y.store(p) };
        }
    }
    for x in fours.into_remainder() {
        *x = fma(*x, scale, shift);
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

/// a * b + c rounded once, in float64, for numbers of any size.
pub fn fma64_anywhere(a: f64, b: f64, c: f64) -> f64 {
    let product = (a * b).abs();
    if product > 1e-250 && product < 1e250 && c.abs() < 1e250 && a.abs() < 1e250 && b.abs() < 1e250 {
        fma64(a, b, c)
    } else {
        a.mul_add(b, c) // in software, digit by digit
    }
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
        let numbers = [1.0, 2f32.powi(-24), 0.3, 1.0 - 2f32.powi(-24), 3e-39, 0.0, 2f32.powi(-60), 7.0, 1e-7];
        let tiny = 2f32.powi(-24) * (1.0 + f32::EPSILON);
        for (scale, shift) in [(1.0, 1.0), (tiny, 1.0), (0.07, -0.035), (1e-38, 0.0), (1e-40, 1e-39), (2.0, -1.0)] {
            let mut x = numbers;
            scale_add(&mut x, scale, shift);
            assert_eq!(x.map(f32::to_bits), numbers.map(|x| x.mul_add(scale, shift).to_bits()), "{scale} {shift}");
        }
        // The float64 sum is halfway between two numbers, the true sum is beyond.
        let (_, doubtful) = quick(F32x4::splat(tiny), F64x2::splat(1.0 + f32::EPSILON as f64), F64x2::splat(1.0));
        assert!(!doubtful);
        let (_, doubtful) = quick(F32x4::splat(2f32.powi(-24)), F64x2::splat(1.0), F64x2::splat(1.0));
        assert!(doubtful);
    }
}
