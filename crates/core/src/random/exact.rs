//! float64 log, sin, cos and tan good to about 2^-65, so that the rounded result is the nearest float64 in all but a few
//! of ten thousand cases. PyTorch and numpy take these from glibc, whose errors stay below 0.52 (log) and 0.55 (sin, cos)
//! units in the last place: the same numbers as the nearest ones, again but for a few in thousands. A browser's own
//! functions differ in the last bit far more often, which is why streams of normals cannot use them.
//!
//! Pairs (high, low) are unevaluated sums; `two_sum` and `two_product` are Knuth's and Dekker's error-free
//! transformations, which need no fused multiply-add (WASM has none).

use std::f64::consts::FRAC_1_PI;
use std::sync::OnceLock;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Pair(f64, f64);

#[inline(always)]
fn two_sum(a: f64, b: f64) -> Pair {
    let s = a + b;
    let t = s - a;
    Pair(s, (a - (s - t)) + (b - t))
}

/// For |a| >= |b|.
#[inline(always)]
fn quick_sum(a: f64, b: f64) -> Pair {
    let s = a + b;
    Pair(s, b - (s - a))
}

#[inline(always)]
fn split(a: f64) -> Pair {
    let c = 134_217_729.0 * a; // 2^27 + 1
    let high = c - (c - a);
    Pair(high, a - high)
}

#[inline(always)]
fn two_product(a: f64, b: f64) -> Pair {
    let p = a * b;
    let (Pair(ah, al), Pair(bh, bl)) = (split(a), split(b));
    Pair(p, ((ah * bh - p) + ah * bl + al * bh) + al * bl)
}

impl Pair {
    #[inline(always)]
    fn add(self, b: Pair) -> Pair {
        let Pair(s, e) = two_sum(self.0, b.0);
        let Pair(t, f) = two_sum(self.1, b.1);
        let Pair(s, e) = quick_sum(s, e + t);
        quick_sum(s, e + f)
    }

    #[inline(always)]
    fn mul(self, b: Pair) -> Pair {
        let Pair(p, e) = two_product(self.0, b.0);
        quick_sum(p, e + (self.0 * b.1 + self.1 * b.0))
    }

    fn div(self, b: Pair) -> Pair {
        let q = self.0 / b.0;
        let r = self.add(b.mul(Pair(-q, 0.0)));
        let q2 = r.0 / b.0;
        let r = r.add(b.mul(Pair(-q2, 0.0)));
        quick_sum(q, q2).add(Pair(r.0 / b.0, 0.0))
    }

    #[inline(always)]
    fn neg(self) -> Pair {
        Pair(-self.0, -self.1)
    }
}

// --- logarithm ------------------------------------------------------------------------------------------------------

const LN2: Pair = Pair(f64::from_bits(0x3fe62e42fefa39ef), f64::from_bits(0x3c7abc9e3b39803f));

/// Reciprocals are rounded to multiples of 1/256; those of [sqrt(1/2), sqrt(2)] lie between these.
const FIRST: usize = 180;
const LAST: usize = 363;

/// -log(j / 256) for j = FIRST..=LAST, from the series of 2 atanh((1 - q) / (1 + q)).
fn log_table() -> &'static [Pair] {
    static TABLE: OnceLock<Vec<Pair>> = OnceLock::new();
    TABLE.get_or_init(|| {
        (FIRST..=LAST)
            .map(|j| {
                let t = Pair(256.0 - j as f64, 0.0).div(Pair(256.0 + j as f64, 0.0));
                let square = t.mul(t);
                let mut sum = Pair(0.0, 0.0);
                // |t| < 0.18: thirty terms reach 2^-150.
                for n in (0..30).rev() {
                    sum = sum.mul(square).add(Pair(2.0, 0.0).div(Pair((2 * n + 1) as f64, 0.0)));
                }
                sum.mul(t)
            })
            .collect()
    })
}

/// log(h + l) where l is the rounding error of h, h positive, finite and normal.
fn log_pair(h: f64, l: f64) -> f64 {
    let bits = h.to_bits();
    let mut k = (bits >> 52) as i32 - 1023;
    let mut m = f64::from_bits((bits & ((1 << 52) - 1)) | 1023 << 52);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        k += 1;
    }
    let low = l * f64::from_bits(((1023 - k) as u64) << 52);
    let j = (256.0 / m).round();
    let c = j * (1.0 / 256.0);
    // m c - 1 is exact as a pair: c has nine bits.
    let Pair(p, e) = two_product(m, c);
    let r = two_sum(p - 1.0, e).add(Pair(low * c, 0.0));
    let x = r.0;
    let tail = x * x * x * (1.0 / 3.0 + x * (-0.25 + x * (0.2 + x * (-1.0 / 6.0 + x * (1.0 / 7.0 - x * 0.125)))));
    let half_square = r.mul(r).mul(Pair(-0.5, 0.0));
    let log1p = r.add(half_square).add(Pair(tail, 0.0));
    let k = k as f64;
    let whole = LN2.mul(Pair(k, 0.0)).add(log_table()[j as usize - FIRST]);
    let sum = whole.add(log1p);
    sum.0 + sum.1
}

/// Natural logarithm.
pub fn log(x: f64) -> f64 {
    if x < f64::MIN_POSITIVE || !x.is_finite() || x == 1.0 {
        return x.ln();
    }
    log_pair(x, 0.0)
}

/// log(1 + x).
pub fn log1p(x: f64) -> f64 {
    if x <= -1.0 || !x.is_finite() || x.abs() < 1e-20 {
        return x.ln_1p();
    }
    let Pair(h, l) = two_sum(1.0, x);
    log_pair(h, l)
}

// --- sine and cosine ------------------------------------------------------------------------------------------------

/// Pi / 2 in pieces of 33 bits, so that small multiples of the first three are exact.
const HALF_PI: [f64; 4] = [
    f64::from_bits(0x3ff921fb54400000),
    f64::from_bits(0x3dd0b4611a600000),
    f64::from_bits(0x3ba3198a2e000000),
    f64::from_bits(0x397b839a252049c1),
];

/// Quarter turns taken off, and what remains, for |x| below 2^20.
fn quarter(x: f64) -> (i64, Pair) {
    let n = (x * (2.0 * FRAC_1_PI)).round();
    let Pair(a, b) = two_sum(x, -n * HALF_PI[0]);
    let r = Pair(a, b).add(Pair(-n * HALF_PI[1], 0.0)).add(Pair(-n * HALF_PI[2], 0.0)).add(Pair(-n * HALF_PI[3], 0.0));
    (n as i64, r)
}

/// Pairs 1 / n! with signs, for the leading terms; further terms need only float64.
fn inverse_factorials() -> &'static [Pair; 24] {
    static TABLE: OnceLock<[Pair; 24]> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = [Pair(1.0, 0.0); 24];
        for n in 1..24 {
            table[n] = table[n - 1].div(Pair(n as f64, 0.0));
        }
        table
    })
}

/// The alternating series x^n / n! over n = first, first + 2, ... for |r| <= pi / 4, divided by r^first.
fn series(square: Pair, first: usize) -> Pair {
    let f = inverse_factorials();
    let mut tail = 0.0;
    // Terms from n = first + 10 on weigh less than 2^-30: float64 holds what they add.
    for n in (first + 10..first + 22).step_by(2).rev() {
        tail = f[n].0 - square.0 * tail;
    }
    let mut sum = Pair(tail, 0.0);
    for n in (first..first + 10).step_by(2).rev() {
        sum = f[n].add(square.mul(sum).neg());
    }
    sum
}

/// (sin x, cos x) as pairs.
fn sin_cos_pairs(x: f64) -> (Pair, Pair) {
    let (n, r) = quarter(x);
    let square = r.mul(r);
    let (s, c) = (series(square, 1).mul(r), series(square, 0));
    match n & 3 {
        0 => (s, c),
        1 => (c, s.neg()),
        2 => (s.neg(), c.neg()),
        _ => (c.neg(), s),
    }
}

/// Beyond this the reduction by pieces of pi would lose digits; nothing drawn at random gets there.
const REDUCIBLE: f64 = 1e6;

/// Sine and cosine.
pub fn sin_cos(x: f64) -> (f64, f64) {
    if !(x.abs() < REDUCIBLE) || x.abs() < 1e-20 {
        return x.sin_cos();
    }
    let (s, c) = sin_cos_pairs(x);
    (s.0 + s.1, c.0 + c.1)
}

/// Sine.
pub fn sin(x: f64) -> f64 {
    sin_cos(x).0
}

/// Cosine.
pub fn cos(x: f64) -> f64 {
    sin_cos(x).1
}

/// Tangent.
pub fn tan(x: f64) -> f64 {
    if !(x.abs() < REDUCIBLE) || x.abs() < 1e-20 {
        return x.tan();
    }
    let (s, c) = sin_cos_pairs(x);
    let t = s.div(c);
    t.0 + t.1
}

// --- exponential ----------------------------------------------------------------------------------------------------

/// e to the x.
pub fn exp(x: f64) -> f64 {
    if !(x.abs() < 700.0) || x.abs() < 1e-20 {
        return x.exp();
    }
    // x = n ln 2 + 64 y with |y| < 0.0055; the series of e^y, then six squarings.
    let n = (x * std::f64::consts::LOG2_E).round();
    let r = Pair(x, 0.0).add(LN2.mul(Pair(-n, 0.0)));
    let y = Pair(r.0 / 64.0, r.1 / 64.0);
    let f = inverse_factorials();
    let mut sum = Pair(0.0, 0.0);
    for n in (0..12).rev() {
        sum = sum.mul(y).add(f[n]);
    }
    for _ in 0..6 {
        sum = sum.mul(sum);
    }
    // n lies within +-1010: the power of two is a normal number.
    (sum.0 + sum.1) * f64::from_bits(((1023 + n as i64) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fraction of results that differ from the platform's, which must be right to less than one unit.
    fn differing(f: fn(f64) -> f64, platform: fn(f64) -> f64, at: impl Fn(f64) -> f64) -> f64 {
        let mut wrong = 0;
        let n = 20_000;
        for i in 0..n {
            let x = at((i as f64 + 0.37) / n as f64);
            let (a, b) = (f(x), platform(x));
            let ulps = (a.to_bits() as i64 - b.to_bits() as i64).abs();
            assert!(ulps <= 1, "{x:e}: {a:e} and {b:e}");
            wrong += ulps;
        }
        wrong as f64 / n as f64
    }

    // Not every platform's functions are good to the last digit; glibc's log, sin, cos and exp are, nearly always.
    const RARE: f64 = if cfg!(all(target_os = "linux", target_env = "gnu")) { 0.01 } else { 0.3 };

    #[test]
    fn close_to_the_platform() {
        assert!(differing(log, f64::ln, |t| t) < RARE);
        assert!(differing(log, f64::ln, |t| 1.0 - t * 1e-6) < RARE);
        assert!(differing(log, f64::ln, |t| 1e-300 * (1.0 + t) / t) < RARE);
        assert!(differing(log1p, f64::ln_1p, |t| -t) < 0.3);
        assert!(differing(log1p, f64::ln_1p, |t| t * 1e-9) < 0.3);
        assert!(differing(sin, f64::sin, |t| t * std::f64::consts::TAU) < RARE);
        assert!(differing(cos, f64::cos, |t| t * std::f64::consts::TAU) < RARE);
        assert!(differing(sin, f64::sin, |t| t * -1e4) < RARE);
        assert!(differing(tan, f64::tan, |t| (t - 0.5) * 3.0) < RARE);
        assert!(differing(exp, f64::exp, |t| (t - 0.5) * 40.0) < RARE);
    }

    #[test]
    fn edges() {
        assert_eq!((log(1.0), log(0.0)), (0.0, f64::NEG_INFINITY));
        assert_eq!((log1p(-1.0), log1p(0.0)), (f64::NEG_INFINITY, 0.0));
        assert_eq!(sin_cos(0.0), (0.0, 1.0));
        assert!(log(-1.0).is_nan() && sin(f64::INFINITY).is_nan());
        // Nearest float64 of the true values.
        assert_eq!(log(0.5), -std::f64::consts::LN_2);
        assert_eq!(exp(1.0), std::f64::consts::E);
        assert_eq!(sin(std::f64::consts::PI), 1.2246467991473532e-16);
        assert_eq!(cos(std::f64::consts::FRAC_PI_2), 6.123233995736766e-17);
    }
}
