//! Integers of a range: a draw modulo the range, which is not quite uniform, and is what PyTorch does.

use cresset_lane::DType;

use super::generator::Generator;

/// Ranges from here on take two words (DistributionsHelper.h, releases from 2.6 on).
const WIDE: u64 = 1 << 28;

/// Where integers come from.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    from: i64,
    /// 0 stands for 2^64.
    range: u64,
    /// Does a draw take two words?
    wide: bool,
}

impl Source {
    /// Integers in [from, from + range); `range` 0 stands for 2^64, which is two words as they are, wherever it begins.
    pub fn new(from: i64, range: u64) -> Source {
        Source { from: if range == 0 { 0 } else { from }, range, wide: range == 0 || range >= WIDE }
    }

    /// Every integer that the dtype holds and is not negative.
    pub fn of_type(dtype: DType) -> Source {
        let (range, wide) = match dtype {
            DType::I64 => (1 << 63, true),
            DType::F64 => ((1 << 53) + 1, true),
            DType::F32 => ((1 << 24) + 1, false),
            DType::I32 => (1 << 31, false),
            DType::U8 => (1 << 8, false),
            DType::Bool => (2, false),
        };
        Source { from: 0, range, wide }
    }

    /// The next integers.
    pub fn fill(self, g: &mut Generator, out: &mut [i64]) {
        let from = self.from;
        if !self.wide {
            let modulo = Modulo::new(self.range as u32);
            let mut at = 0;
            while at < out.len() {
                let words = g.engine.take(out.len() - at);
                for (x, &w) in out[at..at + words.len()].iter_mut().zip(words) {
                    *x = modulo.of(w) as i64 + from;
                }
                at += words.len();
            }
            return;
        }
        let mut draws = [0; 256];
        for out in out.chunks_mut(draws.len()) {
            let draws = &mut draws[..out.len()];
            g.engine.fill_u64(draws);
            if self.range & self.range.wrapping_sub(1) == 0 {
                let mask = self.range.wrapping_sub(1);
                out.iter_mut().zip(draws).for_each(|(x, w)| *x = ((*w & mask) as i64).wrapping_add(from));
            } else {
                out.iter_mut().zip(draws).for_each(|(x, w)| *x = ((*w % self.range) as i64).wrapping_add(from));
            }
        }
    }
}

/// Remainders of a division by the same number, by multiplication (Granlund and Montgomery 1994).
#[derive(Clone, Copy)]
struct Modulo {
    range: u32,
    shift: u32,
    /// 2^shift / range, rounded down.
    inverse: u64,
}

impl Modulo {
    fn new(range: u32) -> Modulo {
        let shift = 32 + range.ilog2();
        Modulo { range, shift, inverse: (1 << shift) / range as u64 }
    }

    #[inline(always)]
    fn of(self, w: u32) -> u32 {
        // The inverse is too small by less than 1, hence the product by less than 2^32 and the quotient by at most 1.
        let quotient = ((w as u64 * self.inverse) >> self.shift) as u32;
        let rest = w.wrapping_sub(quotient.wrapping_mul(self.range));
        rest.min(rest.wrapping_sub(self.range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders() {
        let ranges =
            (1..200).chain([(1 << 24) + 1, (1 << 28) - 1, 1 << 27, 12_345_678, 1 << 31, u32::MAX, (1 << 31) + 1]);
        for range in ranges {
            let modulo = Modulo::new(range);
            let near = |w: u32| (0..3).flat_map(move |d| [w.wrapping_add(d), w.wrapping_sub(d)]);
            let multiples = (0..100u32).map(|i| range.wrapping_mul(i.wrapping_mul(0x0271_7321)));
            for w in multiples.chain([0, u32::MAX, u32::MAX / range * range]).flat_map(near) {
                assert_eq!(modulo.of(w), w % range, "{w} % {range}");
            }
        }
    }
}
