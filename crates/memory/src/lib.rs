//! The allocator of tensors: blocks on multiples of 64 bytes, from regions of whole pages.
//!
//! It is TLSF, two-level segregated fit (Masmano, Ripoll, Crespo and Real, "TLSF: a new dynamic memory allocator for real-time
//! systems", ECRTS 2004): free blocks stand in lists by size, 32 lists for every power of two, two words of bits say which lists
//! have one, and a freed block joins its free neighbours at once, so that what one size no longer needs is there for every other.
//! Slabs of size classes, as in mimalloc and jemalloc, are made for millions of small objects; tensors are few and large, differ
//! in size from batch to batch, and a class that rounds up by a fifth costs more than it saves. Four things differ from the paper:
//!
//! - The books lie apart (`blocks`): a block in use is known by its number, which its storage holds. Nothing stands in front of
//!   the memory, so a tensor of a power of two takes that and no more, freed memory is not touched, and tests and
//!   measurements run over pretended memory of 4 GiB.
//! - A request first looks at eight blocks of its own class. TLSF rounds it up to the next class instead, so that all that it
//!   finds there fits; but whoever asks again for what it gave back should get that.
//! - From 1 MiB on the fitting block with the lowest address is taken, because first fit by address leaves fewer holes than
//!   best fit (Johnstone and Wilson, "The memory fragmentation problem: solved?", ISMM 1998): with sizes up to 64 MiB
//!   a heap of 2.05 times what is in use becomes one of 1.85. This is a search, of some of the few blocks that large.
//! - Blocks below 2 KiB are kept as they are, up to 64 of a size, until a request finds nothing (Doug Lea's fast bins).
//!
//! Memory that came from the system is zero. Every block knows from where on it still is, so zeros are written once at most.
//!
//! `node bench/kernels/memory.mjs` compares it as wasm with the pool of size classes over dlmalloc that stood here before: growth of
//! the WebAssembly memory for one byte of the most that was in use, with what dlmalloc is given in hand (`pages`), and
//! nanoseconds for a take or a give (two cores shared with other work, so they are upper bounds).
//!
//! | requests | this | the pool | dlmalloc alone |
//! |---|---|---|---|
//! | a small network, one sample at a time | 8 ns | 8 ns | 28 ns |
//! | training, batches of 64 | 1.25, 28 ns | 2.11, 11 ns | 1.27, 84 ns |
//! | training, batches of 1 to 128 | 1.09, 37 ns | 4.09, 12 ns | 1.13, 97 ns |
//! | six tensors that grow | 1.23, 25 ns | 6.12, 14 ns | 1.62, 89 ns |
//! | random, 64 B to 64 KiB, 64 MiB in use | 1.20, 64 ns | 1.30, 41 ns | 1.13, 433 ns |
//! | random, 64 B to 1 MiB, 512 MiB in use | 1.25, 68 ns | 1.36, 83 ns | 1.16, 476 ns |
//! | random, 64 B to 64 MiB, 1 GiB in use | 1.68, 124 ns | 2.21, 151 ns | 1.68, 446 ns |

mod blocks;
mod complaint;
mod heap;
mod pages;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod workload;

use std::cell::RefCell;

pub use blocks::{GRANULE, NONE, Taken};
pub use heap::{Heap, Short, Stats};
pub use pages::{Pages, System};

thread_local! {
    static HEAP: RefCell<Heap<System>> = const { RefCell::new(Heap::new(System::new())) };
}

/// Memory of at least `bytes` bytes from this thread's heap.
///
/// ```
/// let taken = cresset_memory::take(1000).unwrap();
/// assert_eq!(taken.addr % 64, 0);
/// cresset_memory::give(taken.block);
/// ```
pub fn take(bytes: usize) -> Result<Taken, Short> {
    HEAP.with_borrow_mut(|h| h.take(bytes))
}

/// Gives back what [`take`] gave, by its number. After the end of the thread's heap this does nothing.
///
/// ```
/// let first = cresset_memory::take(1000).unwrap();
/// cresset_memory::give(first.block);
/// assert_eq!(cresset_memory::take(1000).unwrap().addr, first.addr);
/// ```
pub fn give(block: u32) {
    let _ = HEAP.try_with(|h| h.borrow_mut().give(block));
}

/// Bytes in use.
///
/// ```
/// let taken = cresset_memory::take(1000).unwrap();
/// assert_eq!(cresset_memory::live_bytes(), 1024);
/// cresset_memory::give(taken.block);
/// ```
pub fn live_bytes() -> usize {
    HEAP.with_borrow(|h| h.live_bytes())
}

/// Runs something with this thread's heap, which it must not ask for again.
///
/// ```
/// let stats = cresset_memory::with(|heap| heap.stats());
/// assert_eq!(stats.live_bytes, 0);
/// ```
pub fn with<R>(f: impl FnOnce(&mut Heap<System>) -> R) -> R {
    HEAP.with_borrow_mut(f)
}
