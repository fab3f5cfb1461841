//! The heap of tensors: blocks, regions as they are needed, a limit, and what is said when it is reached.

use super::blocks::{Blocks, GRANULE, Taken};
use super::pages::Pages;

/// The heap grows by a sixteenth of its size at a time, so that growing is rare, between these bounds, so that a small program
/// stays small and a large one does not take what it will not use.
const STEP: (usize, usize) = (1 << 20, 64 << 20);

/// What a heap holds, in bytes unless said otherwise.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Storages in use (a count).
    pub live_storages: usize,
    /// Bytes in use, every storage rounded up to 64.
    pub live_bytes: usize,
    /// The most that was ever in use at once.
    pub peak_bytes: usize,
    /// Free within the regions, and so ready for the next request.
    pub pooled_bytes: usize,
    /// All regions together.
    pub heap_bytes: usize,
    /// The largest request that is met without growing.
    pub largest_free: usize,
}

/// A request that cannot be met: so many bytes more in one piece would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    pub missing: usize,
}

/// A heap over some source of pages.
///
/// ```
/// use cresset_memory::{Heap, System};
/// let mut heap = Heap::new(System::new());
/// let block = heap.take(1000).unwrap().block;
/// assert_eq!(heap.stats().live_bytes, 1024);
/// heap.give(block);
/// ```
pub struct Heap<P: Pages> {
    pages: P,
    blocks: Blocks,
    live_storages: usize,
    peak_bytes: usize,
    heap_bytes: usize,
    limit: usize,
    /// The least that the system refused when memory was short last; it may give more another time.
    refused: usize,
}

/// Granules of a request, at least one.
fn granules(bytes: usize) -> Option<u32> {
    (bytes <= isize::MAX as usize).then(|| bytes.max(1).div_ceil(GRANULE).try_into().ok()).flatten()
}

impl<P: Pages> Heap<P> {
    pub const fn new(pages: P) -> Heap<P> {
        Heap {
            pages,
            blocks: Blocks::new(),
            live_storages: 0,
            peak_bytes: 0,
            heap_bytes: 0,
            limit: usize::MAX,
            refused: usize::MAX,
        }
    }

    /// Memory of at least `bytes` bytes.
    pub fn take(&mut self, bytes: usize) -> Result<Taken, Short> {
        let Some(size) = granules(bytes) else { return Err(Short { missing: bytes }) };
        let taken = loop {
            match self.blocks.take(size) {
                Some(taken) => break taken,
                None if self.grow(size as usize * GRANULE) => {}
                None => return Err(Short { missing: bytes.saturating_sub(self.most()).max(GRANULE) }),
            }
        };
        self.live_storages += 1;
        self.peak_bytes = self.peak_bytes.max(self.live_bytes());
        Ok(taken)
    }

    /// Gives back what `take` gave.
    pub fn give(&mut self, block: u32) {
        self.blocks.give(block);
        self.live_storages -= 1;
    }

    /// All numbers; `live_bytes` alone costs less.
    pub fn stats(&self) -> Stats {
        Stats {
            live_storages: self.live_storages,
            live_bytes: self.live_bytes(),
            peak_bytes: self.peak_bytes,
            pooled_bytes: self.blocks.free() * GRANULE,
            heap_bytes: self.heap_bytes,
            largest_free: self.blocks.largest() as usize * GRANULE,
        }
    }

    /// Starts the peak anew from what is live now.
    pub fn reset_peak(&mut self) {
        self.peak_bytes = self.live_bytes();
    }

    /// Gives wholly free regions back, where the system takes them.
    pub fn release(&mut self) {
        if P::RETURNS {
            let (pages, heap_bytes) = (&mut self.pages, &mut self.heap_bytes);
            self.blocks.remove_free(|addr, size| {
                pages.give_back(addr, size as usize * GRANULE);
                *heap_bytes -= size as usize * GRANULE;
            });
        }
    }

    /// Regions together take at most so many bytes from now on; what they have is not affected.
    pub fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    /// What can be told to whoever asked for `bytes` in vain.
    pub fn complaint(&self, bytes: usize) -> String {
        let limit = self.heap_bytes.saturating_add(self.likely_room());
        super::complaint::complaint(bytes, &self.stats(), self.most(), limit, self.blocks.live())
    }

    /// Bytes in use.
    pub fn live_bytes(&self) -> usize {
        self.heap_bytes - self.blocks.free() * GRANULE
    }

    /// By how much regions may grow in all.
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.heap_bytes).min(self.pages.room()) / P::PAGE * P::PAGE
    }

    /// The same as far as it is known.
    fn likely_room(&self) -> usize {
        self.room().min(self.refused.saturating_sub(P::PAGE))
    }

    /// Free bytes that the next growth would prolong.
    fn at_end(&self) -> usize {
        let adjoins = P::ADJOINS && self.pages.end() == self.blocks.end();
        if adjoins { self.blocks.free_at_end() as usize * GRANULE } else { 0 }
    }

    /// The largest request that could be met. Rust's allocations have less than half the addresses (`isize::MAX` bytes).
    fn most(&self) -> usize {
        let grown = self.likely_room().saturating_add(self.at_end());
        grown.max(self.blocks.largest() as usize * GRANULE).min(isize::MAX as usize)
    }

    /// Makes room for a block of so many bytes. False if there is none to be had.
    #[cold]
    fn grow(&mut self, bytes: usize) -> bool {
        self.refused = usize::MAX;
        if self.try_grow(bytes) {
            return true;
        }
        // Regions that are free but too small for this make way.
        let before = self.heap_bytes;
        self.release();
        self.heap_bytes < before && self.try_grow(bytes)
    }

    fn try_grow(&mut self, bytes: usize) -> bool {
        self.pages.prepare();
        if !self.blocks.ready() {
            return false;
        }
        let need = (bytes - self.at_end().min(bytes)).max(1).next_multiple_of(P::PAGE);
        let room = self.room();
        if need > room {
            return false;
        }
        let step = (self.heap_bytes / 16).clamp(STEP.0, STEP.1).next_multiple_of(P::PAGE);
        for size in [need.max(step).min(room), need] {
            let Some(addr) = self.pages.grow(size) else {
                self.refused = size;
                continue;
            };
            self.blocks.add(addr, (size / GRANULE) as u32, P::ADJOINS);
            self.heap_bytes += size;
            return true;
        }
        false
    }

    #[cfg(test)]
    pub fn settle(&mut self) {
        self.blocks.settle();
    }

    #[cfg(test)]
    pub fn check(&self) -> Vec<(usize, usize)> {
        self.blocks.check()
    }
}

impl<P: Pages> Drop for Heap<P> {
    /// What is in use stays: its owner may outlive the thread's heap, and then nobody counts it any more.
    fn drop(&mut self) {
        self.release();
    }
}
