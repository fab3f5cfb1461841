//! Sums of two float64 numbers, about 106 bits, and functions computed with them: nearly always the nearest float64.
//!
//! `two_sum` and `two_product` are Knuth's and Dekker's error-free transformations, which need no fused multiply-add
//! (WASM has none).

use std::f64::consts::FRAC_1_PI;
use std::sync::OnceLock;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair(pub f64, pub f64);

#[inline(always)]
pub(super) fn two_sum(a: f64, b: f64) -> Pair {
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
pub(super) fn two_product(a: f64, b: f64) -> Pair {
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

const LN2: Pair = Pair(f64::from_bits(0x3fe62e42fefa39ef), f64::from_bits(0x3c7abc9e3b39803f));

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

/// Sine and cosine, each as the nearest float64 and the remainder; |x| below 2^20.
pub fn sin_cos_parts(x: f64) -> [f64; 4] {
    let (s, c) = sin_cos_pairs(x);
    [s.0, s.1, c.0, c.1]
}

/// Beyond this the reduction by pieces of pi would lose digits; nothing drawn at random gets there.
const REDUCIBLE: f64 = 1e6;

/// Tangent.
pub fn tan(x: f64) -> f64 {
    if !(x.abs() < REDUCIBLE) || x.abs() < 1e-20 {
        return libm::tan(x);
    }
    let (s, c) = sin_cos_pairs(x);
    let t = s.div(c);
    t.0 + t.1
}

// --- exponential ----------------------------------------------------------------------------------------------------

/// e to the x.
pub fn exp(x: f64) -> f64 {
    if !(x.abs() < 700.0) || x.abs() < 1e-20 {
        return libm::exp(x);
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

    // Not every platform's functions are good to the last digit; glibc's are, nearly always.
    const RARE: f64 = if cfg!(all(target_os = "linux", target_env = "gnu")) { 0.01 } else { 0.3 };

    #[test]
    fn close_to_the_platform() {
        assert!(differing(tan, f64::tan, |t| (t - 0.5) * 3.0) < RARE);
        assert!(differing(exp, f64::exp, |t| (t - 0.5) * 40.0) < RARE);
    }

    #[test]
    fn nearest() {
        assert_eq!(exp(1.0), std::f64::consts::E);
        let [s, low, c, _] = sin_cos_parts(std::f64::consts::PI);
        assert_eq!((s, c), (1.2246467991473532e-16, -1.0));
        assert!(low.abs() < 1e-32);
        assert_eq!(sin_cos_parts(std::f64::consts::FRAC_PI_2)[2], 6.123233995736766e-17);
    }
}
