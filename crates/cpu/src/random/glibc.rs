//! float64 log, log1p, sin and cos, digit for digit those of glibc on an x86 processor with AVX2.
//!
//! The normals of PyTorch and numpy are made with the C library's functions, so their last bits are those of glibc, whose
//! results are not always the nearest float64 (about one in a thousand is the next one). To be equal, a function must be
//! evaluated in the same steps, with the same multiply-adds fused. The methods: for log that of Arm's optimized-routines,
//! for log1p that of Sun's fdlibm with its polynomial in pieces, for sin and cos that of IBM's Accurate Mathematical
//! Library in its present form (a table of the arguments k / 128 and short series around them). The tests compare with
//! the platform's functions where the platform is glibc with fused multiply-add.

use std::sync::OnceLock;

use super::exact;
use super::fused::fma64 as fma;
use super::log_table::{ELSEWHERE, INTERVALS, LN2, NEAR_ONE};

/// From `c[0]` up: c0 + c1 x + ...
#[inline(always)]
fn horner<const K: usize>(c: [f64; K], x: f64) -> f64 {
    let mut y = c[K - 1];
    for &c in c[..K - 1].iter().rev() {
        y = fma(y, x, c);
    }
    y
}

/// c0 + c1 r + c2 r^2 in the order of the summands.
#[inline(always)]
fn quadratic(c: &[f64], r: f64, square: f64) -> f64 {
    fma(square, c[2], fma(r, c[1], c[0]))
}

/// Natural logarithm.
pub fn log(x: f64) -> f64 {
    const LOW: u64 = 0x3fee_0000_0000_0000; // 1 - 2^-4
    const HIGH: u64 = 0x3ff1_0900_0000_0000; // 1 + 0x109 / 2^12
    const FROM: u64 = 0x3fe6_0000_0000_0000;
    if !x.is_normal() || x < 0.0 {
        return libm::log(x);
    }
    let bits = x.to_bits();
    if (LOW..HIGH).contains(&bits) {
        return log_near_one(x - 1.0);
    }
    let above = bits.wrapping_sub(FROM);
    let k = ((above as i64) >> 52) as f64;
    let z = f64::from_bits(bits.wrapping_sub(above & (0xfff << 52)));
    let [inverse, log_c] = INTERVALS[(above >> 45) as usize % INTERVALS.len()];
    let r = fma(z, inverse, -1.0);
    let whole = fma(k, LN2[0], log_c);
    let high = whole + r;
    let low = fma(k, LN2[1], whole - high + r);
    let square = r * r;
    let [c0, c1, c2, c3, c4] = ELSEWHERE;
    let tail = fma(square, fma(r, c4, c3), fma(r, c2, c1));
    fma(r * square, tail, fma(square, c0, low)) + high
}

fn log_near_one(r: f64) -> f64 {
    let square = r * r;
    let cube = r * square;
    let c = &NEAR_ONE;
    let tail = fma(cube, c[10], quadratic(&c[7..], r, square));
    let tail = fma(cube, tail, quadratic(&c[4..], r, square));
    let tail = fma(cube, tail, quadratic(&c[1..], r, square));
    // r - r^2 / 2 with the square of the upper half of r's bits, which is exact.
    let shift = r * 134_217_728.0;
    let upper = r + shift - shift;
    let lower = r - upper;
    let half = upper * upper * -0.5;
    let high = r + half;
    let low = fma(-0.5 * lower, upper + r, r - high + half);
    fma(cube, tail, low) + high
}

/// log(1 + x).
pub fn log1p(x: f64) -> f64 {
    const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
    const LN2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
    const C: [f64; 7] = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
    if x <= -1.0 || x > 1e15 || x.is_nan() {
        return libm::log1p(x);
    }
    if x.abs() < 2f64.powi(-29) {
        return if x.abs() < 2f64.powi(-54) { x } else { fma(-(x * x), 0.5, x) };
    }
    // 1 + x = 2^k (1 + f), with the rounding error of 1 + x in `rest`.
    let word = |v: f64| (v.to_bits() >> 32) as u32;
    let (mut k, mut f, mut rest, mut near_power) = (0, x, 0.0, false);
    let head = word(x) as i32;
    if !(head < 0x3fda_827a && (head > 0 || head <= 0xbfd2_bec3_u32 as i32)) {
        let u = 1.0 + x;
        k = (word(u) >> 20) as i32 - 1023;
        rest = (if k > 0 { 1.0 - (u - x) } else { x - (u - 1.0) }) / u;
        let mut mantissa = word(u) & 0xf_ffff;
        let down = mantissa >= 0x6_a09e;
        let exponent = if down { 0x3fe0_0000 } else { 0x3ff0_0000 };
        f = f64::from_bits(((mantissa | exponent) as u64) << 32 | u.to_bits() & 0xffff_ffff) - 1.0;
        if down {
            k += 1;
            mantissa = (0x10_0000 - mantissa) >> 2;
        }
        near_power = mantissa == 0;
    }
    let k = k as f64;
    let half_square = 0.5 * f * f;
    if near_power {
        if f == 0.0 {
            return fma(k, LN2_HIGH, fma(k, LN2_LOW, rest));
        }
        let r = half_square * fma(-0.666_666_666_666_666_6, f, 1.0);
        return fma(k, LN2_HIGH, -((r - fma(k, LN2_LOW, rest)) - f));
    }
    let s = f / (2.0 + f);
    let z = s * s;
    let z2 = z * z;
    let z4 = z2 * z2;
    let r = fma(z, C[0], z2 * fma(z, C[2], C[1]));
    let r = fma(z4, fma(z, C[4], C[3]), r);
    let r = fma(z4 * z2, fma(z, C[6], C[5]), r);
    let r = s * (half_square + r);
    if k == 0.0 {
        return f - (half_square - r);
    }
    fma(k, LN2_HIGH, -((half_square - (r + fma(k, LN2_LOW, rest))) - f))
}

/// Sine and cosine of k / 128, each with what float64 leaves out.
fn table() -> &'static [[f64; 4]] {
    static TABLE: OnceLock<Vec<[f64; 4]>> = OnceLock::new();
    TABLE.get_or_init(|| (0..110).map(|k| exact::sin_cos_parts(k as f64 / 128.0)).collect())
}

/// Splits off the nearest multiple of 1 / 128 and looks it up.
#[inline(always)]
fn nearest(x: f64) -> (f64, &'static [f64; 4]) {
    const BIG: f64 = 52_776_558_133_248.0; // 1.5 * 2^45, whose last bit is 1 / 128
    let point = x + BIG - BIG;
    (x - point, &table()[(point * 128.0) as usize])
}

const SIN: [f64; 2] = [-1.666_666_666_666_648_8e-1, 8.333_332_142_857_223e-3];
const COS: [f64; 3] = [5e-1, -4.166_666_666_666_644e-2, 1.388_888_740_079_376e-3];

/// Cosine of x + low, |x| below 0.86.
fn cos_near(x: f64, low: f64) -> f64 {
    let low = if x < 0.0 { -low } else { low };
    let (x, [sin, sin_low, cos, cos_low]) = nearest(x.abs());
    let x = x + low;
    let z = x * x;
    let s = fma(x * z, horner(SIN, z), x);
    let c = z * horner(COS, z);
    let correction = fma(-sin, s, fma(-cos, c, fma(-s, *sin_low, *cos_low)));
    cos + correction
}

/// Sine of x + low, |x| below 0.86.
fn sin_near(x: f64, low: f64) -> f64 {
    const TAYLOR: [f64; 5] = [
        f64::from_bits(0xbfc5_5555_5555_5555),
        f64::from_bits(0x3f81_1111_1111_0ece),
        f64::from_bits(0xbf2a_01a0_19db_08b8),
        f64::from_bits(0x3ec7_1de2_7b9a_7ed9),
        f64::from_bits(0xbe5a_ddff_c2fc_df59),
    ];
    if x.abs() < 0.126 {
        let z = x * x;
        return x + fma(fma(horner(TAYLOR, z), x, -0.5 * low), z, low);
    }
    let sign = x;
    let low = if x < 0.0 { -low } else { low };
    let (x, [sin, sin_low, cos, cos_low]) = nearest(x.abs());
    let z = x * x;
    let s = x + fma(x * z, horner(SIN, z), low);
    let c = fma(x, low, z * horner(COS, z));
    let correction = fma(*cos, s, fma(-sin, c, fma(s, *cos_low, *sin_low)));
    (sin + correction).copysign(sign)
}

const HALF_PI: f64 = std::f64::consts::FRAC_PI_2;
const HALF_PI_LOW: f64 = f64::from_bits(0x3c91_a626_3314_5c07);

/// x less a multiple of pi / 2 as (number, its low part), and how many quarters were taken, modulo 4.
fn reduce(x: f64) -> (f64, f64, u64) {
    const TO_INTEGER: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
    const PIECES: [f64; 4] = [
        f64::from_bits(0x3ff9_21fb_5800_0000),
        f64::from_bits(0xbe4d_de97_3c00_0000),
        f64::from_bits(0xbc8c_b3b3_9800_0000),
        f64::from_bits(0xbacd_747f_23e3_2ed7),
    ];
    let t = fma(x, std::f64::consts::FRAC_2_PI, TO_INTEGER);
    let n = t - TO_INTEGER;
    let y = fma(-n, PIECES[1], fma(-n, PIECES[0], x));
    let upper = fma(-n, PIECES[2], y);
    let low = fma(-n, PIECES[2], y - upper);
    let a = fma(-n, PIECES[3], upper);
    (a, low + fma(-n, PIECES[3], upper - a), t.to_bits() & 3)
}

fn turned(a: f64, low: f64, quarters: u64) -> f64 {
    let v = if quarters & 1 == 0 { sin_near(a, low) } else { cos_near(a, low) };
    if quarters & 2 == 0 { v } else { -v }
}

// The method's own limits, as upper halves of the argument's bits.
const TINY_SIN: u64 = 0x3e50_0000;
const TINY_COS: u64 = 0x3e40_0000;
const FIRST_OCTANT: u64 = 0x3feb_6000; // 0.855
const THIRD_OCTANT: u64 = 0x4003_68fd; // 2.426
const REDUCIBLE: u64 = 0x4199_21fb; // 1e8

/// Sine.
pub fn sin(x: f64) -> f64 {
    match x.to_bits() << 1 >> 33 {
        ..TINY_SIN => x,
        ..FIRST_OCTANT => sin_near(x, 0.0),
        ..THIRD_OCTANT => cos_near(HALF_PI - x.abs(), HALF_PI_LOW).copysign(x),
        ..REDUCIBLE => {
            let (a, low, n) = reduce(x);
            turned(a, low, n)
        }
        _ => libm::sin(x),
    }
}

/// Cosine.
pub fn cos(x: f64) -> f64 {
    match x.to_bits() << 1 >> 33 {
        ..TINY_COS => 1.0,
        ..FIRST_OCTANT => cos_near(x, 0.0),
        ..THIRD_OCTANT => {
            let y = HALF_PI - x.abs();
            let a = y + HALF_PI_LOW;
            sin_near(a, (y - a) + HALF_PI_LOW)
        }
        ..REDUCIBLE => {
            let (a, low, n) = reduce(x);
            turned(a, low, n + 1)
        }
        _ => libm::cos(x),
    }
}

/// Sine and cosine.
pub fn sin_cos(x: f64) -> (f64, f64) {
    (sin(x), cos(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the results differ from the platform's; never by more than a unit.
    fn differing(f: fn(f64) -> f64, platform: fn(f64) -> f64, at: impl Fn(f64) -> f64) -> i64 {
        (0..100_000)
            .map(|i| {
                let x = at((i as f64 + 0.37) / 100_000.0);
                let (a, b) = (f(x), platform(x));
                let units = (a.to_bits() as i64 - b.to_bits() as i64).abs();
                assert!(units <= 1, "{x:e}: {a:e} and {b:e}");
                units
            })
            .sum()
    }

    #[test]
    fn as_the_platform() {
        // Equal in glibc 2.36 with fused multiply-add; other releases and platforms differ in some last bits.
        #[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
        let same = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
        #[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")))]
        let same = false;
        let most = if same { 1000 } else { 100_000 };
        assert!(differing(log, f64::ln, |t| t) <= most);
        assert!(differing(log, f64::ln, |t| 0.93 + 0.14 * t) <= most);
        assert!(differing(log, f64::ln, |t| (t - 0.5).exp2() * 1e9) <= most);
        assert!(differing(log1p, f64::ln_1p, |t| -t) <= most);
        assert!(differing(log1p, f64::ln_1p, |t| t * 1e-7) <= most);
        assert!(differing(log1p, f64::ln_1p, |t| t * 50.0) <= most);
        assert!(differing(sin, f64::sin, |t| t * 6.3) <= most);
        assert!(differing(cos, f64::cos, |t| t * 6.3) <= most);
        assert!(differing(sin, f64::sin, |t| t * -1000.0) <= most);
        assert!(differing(cos, f64::cos, |t| t * -1000.0) <= most);
    }

    #[test]
    fn edges() {
        assert_eq!((log(1.0), log(0.0), log(f64::INFINITY)), (0.0, f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!((log1p(-1.0), log1p(0.0), log1p(-0.5)), (f64::NEG_INFINITY, 0.0, -std::f64::consts::LN_2));
        assert_eq!((sin(0.0), cos(0.0)), (0.0, 1.0));
        assert!(log(-1.0).is_nan() && log1p(-2.0).is_nan() && sin(f64::INFINITY).is_nan() && cos(f64::NAN).is_nan());
        assert_eq!(log(5e-324), -744.4400719213812);
    }
}
