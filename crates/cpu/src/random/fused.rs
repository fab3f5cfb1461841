//! Fused multiply-add of many numbers without the instruction, which WASM lacks: in float32 by `cresset_lane::simd`, where a
//! doubtful result is computed again; in float64 in more steps.

use cresset_lane::simd::{F32x4, F64x2, fma};

use super::exact::{Pair, two_product, two_sum};

/// Each element times `scale` plus `shift`, rounded once.
pub fn scale_add(x: &mut [f32], scale: f32, shift: f32) {
    let (a, b) = (F64x2::splat(scale as f64), F64x2::splat(shift as f64));
    let mut fours = x.chunks_exact_mut(4);
    for four in &mut fours {
        let p = four.as_mut_ptr().cast::<F32x4>();
        // Safety: four elements.
        let (y, doubtful) = unsafe { F32x4::load(p).fused_or_doubtful(a, b) };
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
    fn doubt_is_noticed() {
        let numbers = [1.0, 2f32.powi(-24), 0.3, 1.0 - 2f32.powi(-24), 3e-39, 0.0, 2f32.powi(-60), 7.0, 1e-7];
        let tiny = 2f32.powi(-24) * (1.0 + f32::EPSILON);
        for (scale, shift) in [(1.0, 1.0), (tiny, 1.0), (0.07, -0.035), (1e-38, 0.0), (1e-40, 1e-39), (2.0, -1.0)] {
            let mut x = numbers;
            scale_add(&mut x, scale, shift);
            assert_eq!(x.map(f32::to_bits), numbers.map(|x| x.mul_add(scale, shift).to_bits()), "{scale} {shift}");
        }
    }
}
