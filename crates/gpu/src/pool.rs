//! Buffers by size class.
//!
//! All commands go through one queue in order, so a buffer that is freed can be used at once by what is recorded next. A new
//! buffer is only promised a block of its class; which one it gets is settled when something is recorded with it (groups.rs).

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::{Rc, Weak};

use crate::device::{Gpu, Inner};
use crate::error::{Error, Kind, Result};

/// Free bytes that are kept whatever happens.
const KEEP: u64 = 32 << 20;
/// Of what may be free, the part up to which a block is made anew rather than taken from a bind group that wants it back.
const SPARE: u64 = 4;

/// Counted memory on the device. Dropping the last clone returns it to the pool.
#[derive(Clone)]
pub struct Buffer(Rc<Owned>);

struct Owned {
    bytes: u64,
    /// The memory, once it is settled.
    block: OnceCell<Block>,
    gpu: Weak<Inner>,
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(gpu) = self.gpu.upgrade() {
            gpu.pool.borrow_mut().take_back(self.bytes, self.block.take());
        }
    }
}

impl Buffer {
    /// How many elements it has room for, at least as many as were asked for.
    pub fn capacity(&self) -> usize {
        (self.0.bytes / 4) as usize
    }
    /// Whether the memory is this device's: no other can use it, also not one that was opened in the place of a lost one.
    pub fn is_on(&self, gpu: &Gpu) -> bool {
        std::ptr::eq(self.0.gpu.as_ptr(), Rc::as_ptr(&gpu.0))
    }
    /// Whether there was no memory for it after all, which a browser tells later.
    pub fn is_void(&self) -> bool {
        match self.0.block.get() {
            Some(block) => block.void.get(),
            // What was promised may be gone; of several open ones those that are settled first get what is left.
            None => self.0.gpu.upgrade().is_some_and(|gpu| {
                let pool = gpu.pool.borrow();
                pool.shelves.get(&self.0.bytes).is_none_or(|shelf| shelf.len() == 0)
            }),
        }
    }
    /// Whether two handles are of the same memory.
    pub fn same(&self, other: &Buffer) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
    /// Bytes of its class, as long as no block was settled.
    pub(crate) fn open(&self) -> Option<u64> {
        self.0.block.get().is_none().then_some(self.0.bytes)
    }
    /// Settles the block of an open one.
    pub(crate) fn settle(&self, block: Block) {
        let open = self.0.block.set(block).is_ok();
        debug_assert!(open, "a buffer is settled once");
    }
}

/// The memory itself; the pool and the buffer hold it in turn.
pub(crate) type Block = Rc<BlockData>;

pub(crate) struct BlockData {
    pub id: u64,
    pub bytes: u64,
    pub raw: wgpu::Buffer,
    /// The number of the submission that its last use belongs to.
    pub used: Cell<u64>,
    /// Set when the device says that it had no memory for it: whatever names it is refused.
    pub void: Cell<bool>,
    /// How many bind groups want it back when their kernels run again.
    pub wanted: Cell<u32>,
    /// Whether it is on its shelf.
    pub free: Cell<bool>,
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
    /// By the blocks' bytes.
    shelves: BTreeMap<u64, Shelf>,
    next: u64,
    largest: u64,
    pub stats: PoolStats,
}

/// The free blocks of a size.
#[derive(Default)]
struct Shelf {
    /// Numbers of those that bind groups want back, and of the others.
    wanted: BTreeSet<u64>,
    others: BTreeSet<u64>,
    /// How many of them are promised to open buffers.
    promised: usize,
}

impl Shelf {
    fn len(&self) -> usize {
        self.wanted.len() + self.others.len()
    }
    /// How many can go.
    fn spare(&self) -> usize {
        self.len().saturating_sub(self.promised)
    }
    fn side(&mut self, block: &BlockData) -> &mut BTreeSet<u64> {
        if block.wanted.get() > 0 { &mut self.wanted } else { &mut self.others }
    }
    fn put(&mut self, block: &BlockData) {
        block.free.set(true);
        self.side(block).insert(block.id);
    }
    /// Takes a block away; says whether it was there.
    fn remove(&mut self, block: &BlockData) -> bool {
        block.free.set(false);
        self.side(block).remove(&block.id)
    }
    /// Those that no bind group wants first, then from the oldest on.
    fn ids(&self) -> impl Iterator<Item = u64> {
        self.others.iter().chain(&self.wanted).copied()
    }
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
        Pool { blocks: HashMap::new(), shelves: BTreeMap::new(), next: 0, largest, stats: PoolStats::default() }
    }

    /// Changes a shelf, and what is free with it.
    fn shelf<R>(&mut self, bytes: u64, change: impl FnOnce(&mut Shelf) -> R) -> R {
        let shelf = self.shelves.entry(bytes).or_default();
        self.stats.free -= shelf.spare() as u64 * bytes;
        let result = change(shelf);
        self.stats.free += shelf.spare() as u64 * bytes;
        result
    }

    /// Takes a free block for a buffer that was promised one.
    pub fn redeem(&mut self, block: &Block) -> Block {
        self.shelf(block.bytes, |shelf| {
            let was_free = shelf.remove(block);
            debug_assert!(was_free, "a block of two buffers");
            shelf.promised -= 1;
        });
        block.clone()
    }

    /// Counts the bind groups that want a block.
    pub fn want(&mut self, block: &BlockData, count: impl Fn(u32) -> u32) {
        self.shelf(block.bytes, |shelf| {
            let was_free = shelf.remove(block);
            block.wanted.set(count(block.wanted.get()));
            if was_free {
                shelf.put(block);
            }
        });
    }

    /// Forgets a block for which there was no memory.
    #[cfg(target_arch = "wasm32")]
    pub fn void(&mut self, block: &BlockData) {
        block.void.set(true);
        if self.shelf(block.bytes, |shelf| shelf.remove(block)) {
            self.blocks.remove(&block.id);
        }
    }

    fn take_back(&mut self, bytes: u64, block: Option<Block>) {
        self.stats.live -= bytes;
        match block {
            None => self.shelf(bytes, |shelf| shelf.promised -= 1),
            Some(block) if block.void.get() => _ = self.blocks.remove(&block.id),
            Some(block) => self.shelf(bytes, |shelf| shelf.put(&block)),
        }
    }

    /// How much may be free: as much as is in use.
    pub fn allowance(&self) -> u64 {
        self.stats.live.max(KEEP)
    }

    /// Destroys free blocks, the largest first, until at most `keep` bytes are free. Those that submission `open`
    /// uses must live until it is submitted. Gives the numbers of the destroyed.
    pub fn trim(&mut self, open: u64, keep: u64) -> Vec<u64> {
        let mut gone = Vec::new();
        for (&bytes, shelf) in self.shelves.iter_mut().rev() {
            if self.stats.free <= keep {
                break;
            }
            let idle: Vec<u64> = shelf.ids().filter(|id| self.blocks[id].used.get() != open).collect();
            for id in idle {
                if self.stats.free <= keep || shelf.spare() == 0 {
                    break;
                }
                let block = self.blocks.remove(&id).expect("the pool knows what is free");
                shelf.remove(&block);
                self.stats.free -= bytes;
                // In a browser a buffer that is merely dropped keeps its memory.
                block.raw.destroy();
                gone.push(id);
            }
        }
        self.shelves.retain(|_, shelf| shelf.len() > 0 || shelf.promised > 0);
        gone
    }
}

impl Gpu {
    /// Memory for so many elements; its contents are undefined.
    ///
    /// # Errors
    /// `Limit` where the adapter has no buffers as large.
    pub fn buffer(&self, elements: usize) -> Result<Buffer> {
        let bytes = self.class_of(elements)?;
        let there = self.0.pool.borrow().shelves.get(&bytes).is_some_and(|shelf| shelf.spare() > 0);
        let added = if there { None } else { Some(self.add(bytes)?) };
        self.0.pool.borrow_mut().shelf(bytes, |shelf| {
            added.iter().for_each(|block| shelf.put(block));
            shelf.promised += 1;
        });
        Ok(self.counted(bytes))
    }

    /// The same, not used by what is recorded but not submitted.
    pub(crate) fn fresh_buffer(&self, elements: usize) -> Result<Buffer> {
        let (bytes, open) = (self.class_of(elements)?, self.0.stream.borrow().serial);
        let found = {
            let mut pool = self.0.pool.borrow_mut();
            let shelf = pool.shelves.get(&bytes).filter(|shelf| shelf.spare() > 0);
            let id = shelf.and_then(|shelf| shelf.ids().find(|id| pool.blocks[id].used.get() != open));
            let block = id.map(|id| pool.blocks[&id].clone());
            block.inspect(|block| _ = pool.shelf(bytes, |shelf| shelf.remove(block)))
        };
        let block = match found {
            Some(block) => block,
            None => self.add(bytes)?,
        };
        let buffer = self.counted(bytes);
        buffer.settle(block);
        Ok(buffer)
    }

    /// A buffer's memory. That of an open one is settled: a block that nobody wants back, a new one where that costs little, or
    /// any.
    pub(crate) fn block<'a>(&self, buffer: &'a Buffer) -> &'a Block {
        buffer.0.block.get_or_init(|| {
            let bytes = buffer.0.bytes;
            let lacks = {
                let pool = self.0.pool.borrow();
                let cheap = pool.stats.free + bytes <= pool.allowance() / SPARE;
                let shelf = pool.shelves.get(&bytes);
                shelf.is_none_or(|shelf| shelf.others.is_empty() && (cheap || shelf.wanted.is_empty()))
            };
            let added = if lacks { self.add(bytes).ok() } else { None };
            let pool = &mut *self.0.pool.borrow_mut();
            let id = pool.shelf(bytes, |shelf| {
                added.iter().for_each(|block| shelf.put(block));
                shelf.ids().next().expect("a block was promised")
            });
            let block = pool.blocks[&id].clone();
            pool.redeem(&block)
        })
    }

    /// A buffer of a class, which is in use from now on.
    fn counted(&self, bytes: u64) -> Buffer {
        let stats = &mut self.0.pool.borrow_mut().stats;
        stats.live += bytes;
        stats.peak = stats.peak.max(stats.live);
        Buffer(Rc::new(Owned { bytes, block: OnceCell::new(), gpu: Rc::downgrade(&self.0) }))
    }

    /// A new block, which is on no shelf.
    fn add(&self, bytes: u64) -> Result<Block> {
        let id = self.0.pool.borrow().next;
        self.0.pool.borrow_mut().next += 1;
        let block = self.create(id, bytes)?;
        self.0.pool.borrow_mut().blocks.insert(id, block.clone());
        Ok(block)
    }

    /// The bytes of the class of a tensor.
    fn class_of(&self, elements: usize) -> Result<u64> {
        let largest = self.0.pool.borrow().largest;
        let mut bytes = class(elements as u64 * 4);
        if bytes > largest {
            // The class may exceed what the tensor itself does not.
            bytes = (elements as u64 * 4).next_multiple_of(16);
        }
        if bytes > largest {
            return Err(Error::new(
                Kind::Limit,
                format!(
                    "webgpu: a tensor of {elements} elements takes {bytes} bytes, and {} has buffers of {largest} bytes at most. \
                     Split it, or compute it on the CPU.",
                    self.0.name
                ),
            ));
        }
        Ok(bytes)
    }

    /// Gives all memory that waits to be used again back to the device.
    pub fn release(&self) {
        self.flush();
        self.trim(0);
    }

    /// Destroys free buffers until at most `keep` bytes are free, and forgets the bind groups that name them.
    pub(crate) fn trim(&self, keep: u64) {
        let open = self.0.stream.borrow().serial;
        let pool = &mut *self.0.pool.borrow_mut();
        let gone = pool.trim(open, keep);
        if !gone.is_empty() {
            self.0.groups.borrow_mut().forget(&gone, pool);
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
