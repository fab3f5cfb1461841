//! Maps by where an object lies.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Pointers are spread well enough by one multiplication.
#[derive(Default)]
pub(crate) struct PointerHasher(u64);
impl Hasher for PointerHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("only addresses are hashed");
    }
    #[cfg_attr(hot_paths, optimize(speed))]
    fn write_usize(&mut self, n: usize) {
        self.0 = (n as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
/// What is known of objects, by their addresses.
pub(crate) type ByAddress<T> = HashMap<usize, T, BuildHasherDefault<PointerHasher>>;
