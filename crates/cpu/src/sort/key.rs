//! Sorting without comparisons of floats: every element becomes an unsigned key, packed with its position.
//!
//! The order of keys is PyTorch's order of values: NaN is the greatest, -0 equals 0. The position in the low bits makes
//! any sort stable, so the standard library's unstable sort and selection, which need no memory, will do.

use crate::number::Number;

/// An element that has a key.
pub trait Keyed: Number {
    /// What packs a key of this type with a position.
    type Packed: Packed;
    fn key(self) -> u64;
}

/// A key and a position in one integer.
pub trait Packed: Copy + Ord + 'static {
    fn pack(key: u64, position: usize) -> Self;
    fn position(self) -> usize;
    fn key(self) -> u64;
    /// The bits of a key that are used, set.
    const KEY_MASK: u64;
}

impl Packed for u64 {
    const KEY_MASK: u64 = u32::MAX as u64;
    #[inline(always)]
    fn pack(key: u64, position: usize) -> u64 {
        key << 32 | position as u64
    }
    #[inline(always)]
    fn position(self) -> usize {
        self as u32 as usize
    }
    #[inline(always)]
    fn key(self) -> u64 {
        self >> 32
    }
}

impl Packed for u128 {
    const KEY_MASK: u64 = u64::MAX;
    #[inline(always)]
    fn pack(key: u64, position: usize) -> u128 {
        (key as u128) << 64 | position as u128
    }
    #[inline(always)]
    fn position(self) -> usize {
        self as u64 as usize
    }
    #[inline(always)]
    fn key(self) -> u64 {
        (self >> 64) as u64
    }
}

impl Keyed for u8 {
    type Packed = u64;
    #[inline(always)]
    fn key(self) -> u64 {
        self as u64
    }
}
impl Keyed for i32 {
    type Packed = u64;
    #[inline(always)]
    fn key(self) -> u64 {
        (self as u32 ^ 1 << 31) as u64
    }
}
impl Keyed for i64 {
    type Packed = u128;
    #[inline(always)]
    fn key(self) -> u64 {
        self as u64 ^ 1 << 63
    }
}
// Floats: positive ones ordered by their bits above all negative ones, which are ordered the other way round.
impl Keyed for f32 {
    type Packed = u64;
    #[inline(always)]
    fn key(self) -> u64 {
        let bits = if self.is_nan() { 0x7fc0_0000 } else { (self + 0.0).to_bits() };
        (if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }) as u64
    }
}
impl Keyed for f64 {
    type Packed = u128;
    #[inline(always)]
    fn key(self) -> u64 {
        let bits = if self.is_nan() { 0x7ff8_0000_0000_0000 } else { (self + 0.0).to_bits() };
        if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_values() {
        let floats = [f64::NEG_INFINITY, -3e300, -1.0, -1e-310, 0.0, 1e-310, 2.0, f64::INFINITY, f64::NAN];
        assert!(floats.windows(2).all(|w| w[0].key() < w[1].key()));
        assert!(floats.windows(2).all(|w| (w[0] as f32).key() <= (w[1] as f32).key()));
        assert_eq!((-0.0f64).key(), 0.0f64.key());
        assert_eq!((-f32::NAN).key(), f32::NAN.key());
        assert!([i64::MIN, -1, 0, 7, i64::MAX].windows(2).all(|w| w[0].key() < w[1].key()));
        assert!(i32::MIN.key() < (-1i32).key() && (-1i32).key() < 3i32.key());
        assert_eq!((u64::pack(5, 9).position(), u128::pack(5, 9).position(), u128::pack(5, 9).key()), (9, 9, 5));
    }
}
