//! Buffers by size class.
//!
//! All commands go through one queue in order, so a buffer that is freed can be used at once by what is recorded next. Among
//! the free ones of a class the oldest is taken: a training step that repeats then gets the same buffers every time,
//! and the bind groups made for them are found again.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::{Rc, Weak};

use crate::device::{Gpu, Inner};
use crate::error::{Error, Kind, Result};

/// Free bytes that are kept whatever happens.
const KEEP: u64 = 32 << 20;

/// Counted memory on the device. Dropping the last clone returns it to the pool.
#[derive(Clone)]
pub struct Buffer(pub(crate) Rc<Owned>);

pub(crate) struct Owned {
    pub block: Block,
    gpu: Weak<Inner>,
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(gpu) = self.gpu.upgrade() {
            gpu.pool.borrow_mut().take_back(self.block.clone());
        }
    }
}

impl Buffer {
    /// How many elements it has room for, at least as many as were asked for.
    pub fn capacity(&self) -> usize {
        (self.0.block.0.bytes / 4) as usize
    }
    /// Whether the memory is this device's: no other can use it, also not one that was opened in the place of a lost one.
    pub fn is_on(&self, gpu: &Gpu) -> bool {
        std::ptr::eq(self.0.gpu.as_ptr(), Rc::as_ptr(&gpu.0))
    }
    /// Whether there was no memory for it after all, which a browser tells later.
    pub fn is_void(&self) -> bool {
        self.0.block.0.void.get()
    }
    /// Whether two handles are of the same memory.
    pub fn same(&self, other: &Buffer) -> bool {
        self.0.block.0.id == other.0.block.0.id
    }
}

/// The memory itself; the pool and the handle hold it in turn.
#[derive(Clone)]
pub(crate) struct Block(pub Rc<BlockData>);

pub(crate) struct BlockData {
    pub id: u64,
    pub bytes: u64,
    pub raw: wgpu::Buffer,
    /// The number of the submission that its last use belongs to.
    pub used: Cell<u64>,
    /// Set when the device says that it had no memory for it: whatever names it is refused.
    pub void: Cell<bool>,
}

/// What the pool holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PoolStats {
    /// Bytes in buffers that are in use.
    pub live: u64,
    /// The largest that `live` ever was.
    pub peak: u64,
    /// Bytes in buffers that wait to be used again.
    pub free: u64,
}

pub(crate) struct Pool {
    blocks: HashMap<u64, Block>,
    /// Numbers of the free blocks of a size.
    free: BTreeMap<u64, BTreeSet<u64>>,
    next: u64,
    largest: u64,
    pub stats: PoolStats,
}

/// The next size of which buffers are made: four to each doubling, so that at most a fifth is wasted.
fn class(bytes: u64) -> u64 {
    let bytes = bytes.max(256);
    let step = (bytes.next_power_of_two() / 8).max(64);
    bytes.next_multiple_of(step)
}

impl Pool {
    pub fn new(limits: &wgpu::Limits) -> Pool {
        let largest = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        Pool { blocks: HashMap::new(), free: BTreeMap::new(), next: 0, largest, stats: PoolStats::default() }
    }

    /// A free block of this size; of those that the open submission, number `fresh`, has not used yet if that is given.
    fn find(&self, bytes: u64, fresh: Option<u64>) -> Option<u64> {
        let ids = self.free.get(&bytes)?;
        ids.iter().copied().find(|id| fresh.is_none_or(|open| self.blocks[id].0.used.get() != open))
    }

    /// Forgets a block for which there was no memory.
    #[cfg(target_arch = "wasm32")]
    pub fn void(&mut self, block: &BlockData) {
        block.void.set(true);
        if self.free.get_mut(&block.bytes).is_some_and(|ids| ids.remove(&block.id)) {
            self.stats.free -= block.bytes;
            self.blocks.remove(&block.id);
        }
    }

    fn take_back(&mut self, block: Block) {
        let (id, bytes) = (block.0.id, block.0.bytes);
        self.stats.live -= bytes;
        if block.0.void.get() {
            self.blocks.remove(&id);
            return;
        }
        self.stats.free += bytes;
        self.free.entry(bytes).or_default().insert(id);
    }

    /// How much may be free: as much as is in use.
    pub fn allowance(&self) -> u64 {
        self.stats.live.max(KEEP)
    }

    /// Destroys free blocks, the largest first, until at most `keep` bytes are free. Those that submission `open`
    /// uses must live until it is submitted. Gives the numbers of the destroyed.
    pub fn trim(&mut self, open: u64, keep: u64) -> Vec<u64> {
        let mut gone = Vec::new();
        if self.stats.free <= keep {
            return gone;
        }
        for (&bytes, ids) in self.free.iter_mut().rev() {
            ids.retain(|id| {
                if self.stats.free <= keep || self.blocks[id].0.used.get() == open {
                    return true;
                }
                self.stats.free -= bytes;
                // In a browser a buffer that is merely dropped keeps its memory.
                self.blocks.remove(id).unwrap().0.raw.destroy();
                gone.push(*id);
                false
            });
        }
        self.free.retain(|_, ids| !ids.is_empty());
        gone
    }
}

impl Gpu {
    /// Memory for so many elements; its contents are undefined.
    ///
    /// # Errors
    /// `Limit` where the adapter has no buffers as large.
    pub fn buffer(&self, elements: usize) -> Result<Buffer> {
        self.take(elements, None)
    }

    /// The same, not used by what is recorded but not submitted.
    pub(crate) fn fresh_buffer(&self, elements: usize) -> Result<Buffer> {
        let open = self.0.stream.borrow().serial;
        self.take(elements, Some(open))
    }

    fn take(&self, elements: usize, fresh: Option<u64>) -> Result<Buffer> {
        let mut pool = self.0.pool.borrow_mut();
        let mut bytes = class(elements as u64 * 4);
        if bytes > pool.largest {
            // The class may exceed what the tensor itself does not.
            bytes = (elements as u64 * 4).next_multiple_of(16);
        }
        if bytes > pool.largest {
            return Err(Error::new(
                Kind::Limit,
                format!(
                    "webgpu: a tensor of {elements} elements takes {bytes} bytes, and {} has buffers of {} bytes at most. \
                     Split it, or compute it on the CPU.",
                    self.0.name, pool.largest
                ),
            ));
        }
        let block = match pool.find(bytes, fresh) {
            Some(id) => {
                pool.free.get_mut(&bytes).unwrap().remove(&id);
                pool.stats.free -= bytes;
                pool.blocks[&id].clone()
            }
            None => {
                let id = pool.next;
                pool.next += 1;
                drop(pool);
                let block = self.create(id, bytes)?;
                pool = self.0.pool.borrow_mut();
                pool.blocks.insert(id, block.clone());
                block
            }
        };
        pool.stats.live += bytes;
        pool.stats.peak = pool.stats.peak.max(pool.stats.live);
        Ok(Buffer(Rc::new(Owned { block, gpu: Rc::downgrade(&self.0) })))
    }

    /// Gives all memory that waits to be used again back to the device.
    pub fn release(&self) {
        self.flush();
        self.trim(0);
    }

    /// Destroys free buffers until at most `keep` bytes are free, and forgets the bind groups that name them.
    pub(crate) fn trim(&self, keep: u64) {
        let mut stream = self.0.stream.borrow_mut();
        let gone = self.0.pool.borrow_mut().trim(stream.serial, keep);
        if !gone.is_empty() {
            stream.forget(&gone);
        }
    }

    /// Counts the peak from now on.
    pub fn reset_peak(&self) {
        let stats = &mut self.0.pool.borrow_mut().stats;
        stats.peak = stats.live;
    }

    /// What the pool holds.
    pub fn pool_stats(&self) -> PoolStats {
        self.0.pool.borrow().stats
    }
}

#[cfg(test)]
mod tests {
    use super::class;

    #[test]
    fn classes_waste_a_fifth_at_most() {
        for bytes in (4..100_000).step_by(4) {
            let size = class(bytes);
            assert!(size >= bytes && size.is_multiple_of(16) && class(size) == size, "{bytes}: {size}");
            assert!(bytes < 512 || size * 4 <= bytes * 5, "{bytes}: {size}");
        }
    }
}
