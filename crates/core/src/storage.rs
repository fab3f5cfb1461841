//! Memory that tensors share.
//!
//! A storage is counted by `Rc`: handles, views and saved tensors each hold one count. Freed blocks go to a pool by
//! size class, since a training step asks for the same sizes again and again.

use std::alloc::{Layout as Block, alloc, dealloc};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::{Error, ErrorKind, Result};

/// Kernels may rely on it: a cache line, and more than any SIMD load needs.
const ALIGN: usize = 64;
/// Blocks above this are given back at once.
const POOL_MAX_BLOCK: usize = 64 << 20;
/// The pool holds at most this much.
const POOL_MAX: usize = 256 << 20;

/// Shared memory of one or more tensors.
#[derive(Clone)]
pub struct Storage(Rc<Inner>);

struct Inner {
    ptr: *mut u8,
    bytes: usize,
    /// Counts in-place writes, so that a saved tensor which changed is noticed (PyTorch's version counter).
    version: Cell<u32>,
    /// JavaScript may still look at this memory through a view of its own.
    lent: Cell<bool>,
}

impl Storage {
    /// Uninitialised memory.
    pub fn new(bytes: usize) -> Result<Storage> {
        let ptr = MEMORY.with(|m| m.borrow_mut().take(bytes))?;
        Ok(Storage(Rc::new(Inner { ptr, bytes, version: Cell::new(0), lent: Cell::new(false) })))
    }

    pub fn ptr(&self) -> *mut u8 {
        self.0.ptr
    }
    pub fn bytes(&self) -> usize {
        self.0.bytes
    }
    pub fn version(&self) -> u32 {
        self.0.version.get()
    }
    /// Notes that an op wrote into this memory.
    pub fn bump(&self) {
        self.0.version.set(self.0.version.get().wrapping_add(1));
    }
    pub fn same(&self, other: &Storage) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
    /// Notes that JavaScript looks at this memory through a view: when the memory goes, so must the view.
    pub fn lend(&self) {
        self.0.lent.set(true);
    }
    /// A storage that has been somewhere else comes back with the version it had.
    pub(crate) fn set_version(&self, version: u32) {
        self.0.version.set(version);
    }
    /// Its identity, as a number.
    pub(crate) fn address(&self) -> usize {
        Rc::as_ptr(&self.0) as usize
    }
    /// How many tensors hold this memory.
    pub fn holders(&self) -> usize {
        Rc::strong_count(&self.0)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.lent.get() {
            detach_views();
        }
        // A thread that is going down has no pool any more; its memory goes with it.
        let _ = MEMORY.try_with(|m| m.borrow_mut().give(self.ptr, self.bytes));
    }
}

/// Makes every view that JavaScript has of this memory unusable: a view of what is somebody else's by now must fail, not
/// show the other's numbers. Growing the memory, if only by nothing, detaches its ArrayBuffer.
fn detach_views() {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::memory_grow::<0>(0);
}

/// What `torch.memory()` reports.
#[derive(Clone, Copy, Default, Debug)]
pub struct Stats {
    pub live_storages: usize,
    pub live_bytes: usize,
    pub peak_bytes: usize,
    pub pooled_bytes: usize,
}

struct Memory {
    stats: Stats,
    /// Free blocks by size class.
    free: Vec<Vec<*mut u8>>,
}

thread_local! {
    static MEMORY: RefCell<Memory> = const { RefCell::new(Memory { stats: Stats { live_storages: 0, live_bytes: 0, peak_bytes: 0, pooled_bytes: 0 }, free: Vec::new() }) };
}

/// Size class and its bytes: four classes per power of two, so at most a quarter is wasted.
fn class_of(bytes: usize) -> (usize, usize) {
    let units = bytes.max(1).div_ceil(ALIGN);
    if units <= 4 {
        return (units - 1, units * ALIGN);
    }
    let top = usize::BITS as usize - 1 - (units - 1).leading_zeros() as usize; // 2^top < units <= 2^(top+1)
    let step = 1usize << (top - 2);
    let quarter = (units - (1 << top)).div_ceil(step); // 1..=4
    (4 + (top - 2) * 4 + quarter - 1, ((1 << top) + quarter * step) * ALIGN)
}

impl Memory {
    fn take(&mut self, bytes: usize) -> Result<*mut u8> {
        let (class, size) = class_of(bytes);
        let ptr = match self.free.get_mut(class).and_then(Vec::pop) {
            Some(ptr) => {
                self.stats.pooled_bytes -= size;
                ptr
            }
            None => self.allocate(size, bytes)?,
        };
        self.stats.live_storages += 1;
        self.stats.live_bytes += size;
        self.stats.peak_bytes = self.stats.peak_bytes.max(self.stats.live_bytes);
        Ok(ptr)
    }

    fn allocate(&mut self, size: usize, asked: usize) -> Result<*mut u8> {
        let out_of_memory = |m: &Memory| {
            Error::new(
                ErrorKind::OutOfMemory,
                format!(
                    "out of memory: {asked} bytes asked for, {} live in {} tensors; dispose of tensors you no longer need, \
                     wrap the work in torch.scope, or use smaller batches",
                    m.stats.live_bytes, m.stats.live_storages
                ),
            )
        };
        let block = Block::from_size_align(size, ALIGN).map_err(|_| out_of_memory(self))?;
        // Safety: `size` is at least ALIGN.
        let mut ptr = unsafe { alloc(block) };
        if ptr.is_null() {
            self.empty();
            ptr = unsafe { alloc(block) };
        }
        if ptr.is_null() { Err(out_of_memory(self)) } else { Ok(ptr) }
    }

    fn give(&mut self, ptr: *mut u8, bytes: usize) {
        let (class, size) = class_of(bytes);
        self.stats.live_storages -= 1;
        self.stats.live_bytes -= size;
        if size > POOL_MAX_BLOCK || self.stats.pooled_bytes + size > POOL_MAX {
            // Safety: allocated above with the same size and alignment.
            unsafe { dealloc(ptr, Block::from_size_align_unchecked(size, ALIGN)) };
            return;
        }
        if self.free.len() <= class {
            self.free.resize_with(class + 1, Vec::new);
        }
        self.free[class].push(ptr);
        self.stats.pooled_bytes += size;
    }

    fn empty(&mut self) {
        for (class, list) in self.free.iter_mut().enumerate() {
            for ptr in list.drain(..) {
                unsafe { dealloc(ptr, Block::from_size_align_unchecked(bytes_of_class(class), ALIGN)) };
            }
        }
        self.stats.pooled_bytes = 0;
    }
}

fn bytes_of_class(class: usize) -> usize {
    if class < 4 {
        return (class + 1) * ALIGN;
    }
    let (top, quarter) = ((class - 4) / 4 + 2, (class - 4) % 4 + 1);
    ((1 << top) + quarter * (1 << (top - 2))) * ALIGN
}

/// Memory in use and in the pool.
pub fn stats() -> Stats {
    MEMORY.with(|m| m.borrow().stats)
}

/// Starts the peak anew from what is live now.
pub fn reset_peak() {
    MEMORY.with(|m| {
        let mut m = m.borrow_mut();
        m.stats.peak_bytes = m.stats.live_bytes;
    });
}

/// Gives the pool's blocks back to the allocator.
pub fn empty_cache() {
    MEMORY.with(|m| m.borrow_mut().empty());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_hold_what_is_asked_and_waste_at_most_a_quarter() {
        for bytes in (1..5000).chain([1 << 20, (1 << 20) + 1, 123_456_789]) {
            let (class, size) = class_of(bytes);
            assert!(size >= bytes && size % ALIGN == 0, "{bytes} -> {size}");
            assert!(size <= bytes + bytes / 4 + ALIGN, "{bytes} -> {size}");
            assert_eq!(bytes_of_class(class), size);
        }
    }

    #[test]
    fn freed_memory_is_used_again() {
        let a = Storage::new(1000).unwrap();
        let ptr = a.ptr();
        drop(a);
        assert_eq!(Storage::new(1001).unwrap().ptr(), ptr);
    }
}
