//! The allocator of tensors alone as a wasm module, beside what it replaced: `bench/kernels/memory.mjs` builds it and prints how fast
//! it is and how much memory a program takes with it.

use std::alloc::{Layout, alloc, dealloc};
use std::cell::RefCell;

use cresset_memory as memory;

#[path = "../../crates/memory/src/workload.rs"]
mod workload;

use workload::{Ask, Dice};

const SCRIPTS: [(&str, fn() -> Vec<Ask>); 7] = [
    ("small tensors, one sample at a time", || workload::small(500)),
    ("training, batches of 64", || workload::training(200, None)),
    ("training, batches of 1 to 128", || workload::training(200, Some(Dice(1)))),
    ("six tensors that grow", || workload::growing(2000, 1000, 4096)),
    ("random, 64 B to 64 KiB, 64 MiB live", || workload::random(100_000, 1 << 16, 64 << 20, Dice(2))),
    ("random, 64 B to 1 MiB, 512 MiB live", || workload::random(100_000, 1 << 20, 512 << 20, Dice(2))),
    ("random, 64 B to 64 MiB, 1 GiB live", || workload::random(100_000, 64 << 20, 1 << 30, Dice(2))),
];

/// The name of a script, its length in the upper half; 0 after the last.
#[unsafe(no_mangle)]
pub extern "C" fn name(script: usize) -> u64 {
    SCRIPTS.get(script).map_or(0, |(name, _)| (name.len() as u64) << 32 | name.as_ptr() as u64)
}

/// Writes a script; its length in the upper half. Another instance plays it, whose memory this does not disturb.
#[unsafe(no_mangle)]
pub extern "C" fn write(script: usize) -> u64 {
    let asks = (SCRIPTS[script].1)().leak();
    (size_of_val(asks) as u64) << 32 | asks.as_ptr() as u64
}

/// Room for a script of so many bytes.
#[unsafe(no_mangle)]
pub extern "C" fn room(bytes: usize) -> *mut u8 {
    unsafe { alloc(Layout::from_size_align_unchecked(bytes, 64)) }
}

/// Something that gives memory, by address or number.
trait Allocator {
    /// What the script holds, by its names: block and bytes.
    fn held(&mut self) -> &mut Vec<(usize, usize)>;
    fn take(&mut self, bytes: usize) -> usize;
    fn give(&mut self, block: usize, bytes: usize);
}

thread_local! {
    static NEW: RefCell<New> = RefCell::default();
    static POOL: RefCell<Pool> = RefCell::default();
    static PLAIN: RefCell<Plain> = RefCell::default();
}

/// Plays the script at `asks` with an allocator: 0 that of the tensors, 1 the pool that it replaced, 2 dlmalloc alone. Returns the
/// most bytes in use at once. A second call goes on with the memory of the first.
///
/// # Safety
/// A script of so many bytes stands at `asks`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn play(asks: *const Ask, bytes: usize, allocator: usize) -> usize {
    let asks = unsafe { std::slice::from_raw_parts(asks, bytes / size_of::<Ask>()) };
    fn run(asks: &[Ask], a: &mut impl Allocator) -> usize {
        a.held().resize(asks.len(), (0, 0));
        let (mut live, mut peak) = (0usize, 0);
        for &ask in asks {
            match ask {
                Ask::Take(name, bytes) => {
                    let block = a.take(bytes);
                    a.held()[name as usize] = (block, bytes);
                    live += bytes;
                }
                Ask::Give(name) => {
                    let (block, bytes) = a.held()[name as usize];
                    a.give(block, bytes);
                    live -= bytes;
                }
            }
            peak = peak.max(live);
        }
        peak
    }
    match allocator {
        0 => NEW.with_borrow_mut(|a| run(asks, a)),
        1 => POOL.with_borrow_mut(|a| run(asks, a)),
        _ => PLAIN.with_borrow_mut(|a| run(asks, a)),
    }
}

#[derive(Default)]
struct New(Vec<(usize, usize)>);

impl Allocator for New {
    fn held(&mut self) -> &mut Vec<(usize, usize)> {
        &mut self.0
    }
    fn take(&mut self, bytes: usize) -> usize {
        memory::take(bytes).unwrap().block as usize
    }
    fn give(&mut self, block: usize, _bytes: usize) {
        memory::give(block as u32);
    }
}

/// dlmalloc, 64-byte aligned.
#[derive(Default)]
struct Plain(Vec<(usize, usize)>);

fn layout(bytes: usize) -> Layout {
    unsafe { Layout::from_size_align_unchecked(bytes, 64) }
}

fn from_dlmalloc(bytes: usize) -> usize {
    let at = unsafe { alloc(layout(bytes)) } as usize;
    assert!(at != 0);
    at
}

fn to_dlmalloc(at: usize, bytes: usize) {
    unsafe { dealloc(at as *mut u8, layout(bytes)) };
}

impl Allocator for Plain {
    fn held(&mut self) -> &mut Vec<(usize, usize)> {
        &mut self.0
    }
    fn take(&mut self, bytes: usize) -> usize {
        from_dlmalloc(bytes)
    }
    fn give(&mut self, at: usize, bytes: usize) {
        to_dlmalloc(at, bytes);
    }
}

/// Free blocks by size class, four classes per power of two, over dlmalloc: blocks of up to 64 MiB, 256 MiB in all.
#[derive(Default)]
struct Pool {
    free: Vec<Vec<usize>>,
    pooled: usize,
    held: Vec<(usize, usize)>,
}

fn class_of(bytes: usize) -> (usize, usize) {
    let units = bytes.max(1).div_ceil(64);
    if units <= 4 {
        return (units - 1, units * 64);
    }
    let top = usize::BITS as usize - 1 - (units - 1).leading_zeros() as usize;
    let step = 1usize << (top - 2);
    let quarter = (units - (1 << top)).div_ceil(step);
    (4 + (top - 2) * 4 + quarter - 1, ((1 << top) + quarter * step) * 64)
}

impl Allocator for Pool {
    fn held(&mut self) -> &mut Vec<(usize, usize)> {
        &mut self.held
    }
    fn take(&mut self, bytes: usize) -> usize {
        let (class, size) = class_of(bytes);
        match self.free.get_mut(class).and_then(Vec::pop) {
            Some(at) => {
                self.pooled -= size;
                at
            }
            None => from_dlmalloc(size),
        }
    }
    fn give(&mut self, at: usize, bytes: usize) {
        let (class, size) = class_of(bytes);
        if size > 64 << 20 || self.pooled + size > 256 << 20 {
            return to_dlmalloc(at, size);
        }
        if self.free.len() <= class {
            self.free.resize_with(class + 1, Vec::new);
        }
        self.free[class].push(at);
        self.pooled += size;
    }
}
