//! The books: which parts of the regions are free, found by size in constant time.
//!
//! Nothing here touches the memory it is about. See the module above for what it is and why.

#[cfg(test)]
mod check;

/// Every address and size is a multiple of it: a cache line, and more than any SIMD load needs.
pub const GRANULE: usize = 64;
/// No block.
pub const NONE: u32 = u32::MAX;
/// In place of the previous block in a list: the block is in use.
const LIVE: u32 = u32::MAX - 1;
/// The same of a block that was given back and is kept as it is, in a list of `kept`.
const KEPT: u32 = u32::MAX - 2;

/// Classes a power of two is divided into, TLSF's second level. A row of lists for every power of two, the first for all sizes
/// below `COLUMNS` granules; the last ones are for heaps of 64-bit programs.
const COLUMN_BITS: u32 = 5;
pub const COLUMNS: usize = 1 << COLUMN_BITS;
pub const ROWS: usize = 28;
/// How many blocks of its own class a request looks at.
const LOOKS: usize = 8;
/// How many blocks of one size are kept as they are.
const KEEP: u8 = 64;
/// From this many granules on (1 MiB) a request gets the block with the lowest address.
const LARGE: u32 = 1 << 14;

/// A part of a region, free or in use. Sizes are in granules.
#[derive(Clone, Copy)]
struct Block {
    addr: usize,
    size: u32,
    /// From here to its end it is as the system gave it, zero.
    dirty: u32,
    /// The parts of the region before and after it.
    before: u32,
    after: u32,
    /// In the list of its class; `previous` is LIVE or KEPT outside of one.
    previous: u32,
    next: u32,
}

/// Which list a block of `size` granules is in.
pub fn class_of(size: u32) -> (usize, usize) {
    if size < COLUMNS as u32 {
        return (0, size as usize);
    }
    let top = 31 - size.leading_zeros();
    ((top - COLUMN_BITS + 1) as usize, (size >> (top - COLUMN_BITS)) as usize & (COLUMNS - 1))
}

/// All blocks of all regions. A block in use is known by its number, so that nothing stands in front of its memory.
pub struct Blocks {
    blocks: Vec<Block>,
    /// The first block of every region; it stays the first, since a block is divided at its end and joined at its front.
    regions: Vec<u32>,
    /// The last block of the newest region, which alone can grow.
    tail: u32,
    /// Numbers that are not in use, linked by `next`.
    spare: u32,
    /// Bit r: row r has a list with a block in it. Bit c of `columns[r]`: that is list c.
    rows: u32,
    columns: [u32; ROWS],
    lists: [[u32; COLUMNS]; ROWS],
    /// Blocks of less than `COLUMNS` granules that are as they were given back, by size, and how many.
    kept: [(u32, u8); COLUMNS],
    /// Granules that are free, kept ones among them.
    free: usize,
}

/// Memory for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    pub addr: usize,
    /// By this number it is given back.
    pub block: u32,
    /// Bytes at its beginning that may hold something; those after them are zero.
    pub dirty: usize,
}

impl Blocks {
    pub const fn new() -> Blocks {
        Blocks {
            blocks: Vec::new(),
            regions: Vec::new(),
            tail: NONE,
            spare: NONE,
            rows: 0,
            columns: [0; ROWS],
            lists: [[NONE; COLUMNS]; ROWS],
            kept: [(NONE, 0); COLUMNS],
            free: 0,
        }
    }

    /// A block of exactly `size` granules, if a free one holds that many.
    pub fn take(&mut self, size: u32) -> Option<Taken> {
        if let Some(kept) = self.kept.get_mut(size as usize)
            && let Some(b) = self.blocks.get_mut(kept.0 as usize)
        {
            let taken = Taken { addr: b.addr, block: kept.0, dirty: size as usize * GRANULE };
            b.previous = LIVE;
            *kept = (b.next, kept.1 - 1);
            self.free -= size as usize;
            return Some(taken);
        }
        let id = match self.find(size) {
            Some(id) => id,
            None => {
                self.settle();
                self.find(size)?
            }
        };
        // Before anything changes: what is left over needs a number, and there may be no memory for one more.
        let rest = if self.blocks[id as usize].size > size { self.number()? } else { NONE };
        self.unlink(id);
        if rest != NONE {
            self.divide(id, size, rest);
        }
        let b = &mut self.blocks[id as usize];
        b.previous = LIVE;
        let dirty = b.dirty as usize * GRANULE;
        // Its owner writes where it likes.
        b.dirty = b.size;
        Some(Taken { addr: b.addr, block: id, dirty })
    }

    /// Gives a block back. A small one waits as it is for the next request of its size.
    pub fn give(&mut self, id: u32) {
        let b = &mut self.blocks[id as usize];
        debug_assert!(b.previous == LIVE && b.size > 0);
        let size = b.size;
        if let Some(kept) = self.kept.get_mut(size as usize)
            && kept.1 < KEEP
        {
            (b.previous, b.next) = (KEPT, kept.0);
            *kept = (id, kept.1 + 1);
            self.free += size as usize;
        } else {
            self.free_up(id);
        }
    }

    /// Joins all kept blocks with their free neighbours.
    pub fn settle(&mut self) {
        for size in 0..COLUMNS {
            let (mut id, n) = std::mem::replace(&mut self.kept[size], (NONE, 0));
            self.free -= n as usize * size;
            while id != NONE {
                let next = self.blocks[id as usize].next;
                self.free_up(id);
                id = next;
            }
        }
    }

    /// Joins a block that is in no list with its free neighbours, and puts it into its list.
    fn free_up(&mut self, mut id: u32) {
        let Block { before, after, .. } = self.blocks[id as usize];
        if self.is_free(after) {
            self.unlink(after);
            self.join(id, after);
        }
        if self.is_free(before) {
            self.unlink(before);
            self.join(before, id);
            id = before;
        }
        self.link(id);
    }

    /// Whether there is memory to write down one more region and one more request. Called before a region is asked for.
    pub fn ready(&mut self) -> bool {
        self.blocks.try_reserve(2).is_ok() && self.regions.try_reserve(1).is_ok()
    }

    /// Zeroed memory that the system gave. It prolongs the newest region if it follows it and `adjoins` allows it.
    pub fn add(&mut self, addr: usize, size: u32, adjoins: bool) {
        let id = self.number().expect("ready() made sure of it");
        let fresh = Block { addr, size, dirty: 0, before: NONE, after: NONE, previous: LIVE, next: NONE };
        if adjoins && self.end() == addr {
            self.blocks[id as usize] = Block { before: self.tail, ..fresh };
            self.blocks[self.tail as usize].after = id;
        } else {
            self.regions.push(id);
            self.blocks[id as usize] = fresh;
        }
        self.tail = id;
        self.free_up(id);
    }

    /// Forgets every region that is wholly free; `give` gets its address and granules.
    pub fn remove_free(&mut self, mut give: impl FnMut(usize, u32)) {
        self.settle();
        let mut regions = std::mem::take(&mut self.regions);
        regions.retain(|&id| {
            let Block { addr, size, after, .. } = self.blocks[id as usize];
            let gone = after == NONE && self.is_free(id);
            if gone {
                give(addr, size);
                self.unlink(id);
                self.retire(id);
                self.tail = if self.tail == id { NONE } else { self.tail };
            }
            !gone
        });
        self.regions = regions;
    }

    /// Granules that are free.
    pub fn free(&self) -> usize {
        self.free
    }

    /// Granules of the largest free block.
    pub fn largest(&self) -> u32 {
        if self.rows == 0 {
            return 0;
        }
        let row = 31 - self.rows.leading_zeros() as usize;
        let mut id = self.lists[row][31 - self.columns[row].leading_zeros() as usize];
        let mut largest = 0;
        while id != NONE {
            let b = &self.blocks[id as usize];
            (largest, id) = (largest.max(b.size), b.next);
        }
        largest
    }

    /// Address after the newest region, 0 if there is none.
    pub fn end(&self) -> usize {
        self.blocks.get(self.tail as usize).map_or(0, |b| b.addr + b.size as usize * GRANULE)
    }

    /// Free granules at the end of the newest region.
    pub fn free_at_end(&self) -> u32 {
        if self.is_free(self.tail) { self.blocks[self.tail as usize].size } else { 0 }
    }

    /// Granules of every block in use.
    pub fn live(&self) -> impl Iterator<Item = u32> {
        self.blocks.iter().filter(|b| b.previous == LIVE && b.size > 0).map(|b| b.size)
    }

    // --- the lists of free blocks -------------------------------------------------------------------------------

    /// A free block of at least `size` granules.
    fn find(&self, size: u32) -> Option<u32> {
        if size >= LARGE {
            return self.find_lowest(size);
        }
        let (row, column) = class_of(size);
        // Its own class holds smaller and larger blocks. Whoever asks again for what it gave back finds it here.
        let (mut id, mut best, mut least) = (self.lists[row][column], NONE, u32::MAX);
        for _ in 0..LOOKS {
            let Some(b) = self.blocks.get(id as usize) else { break };
            if b.size >= size && b.size < least {
                (best, least) = (id, b.size);
                if b.size == size {
                    break;
                }
            }
            id = b.next;
        }
        if best != NONE {
            return Some(best);
        }
        // Every block of a higher class is large enough; the lowest class that has one fits best.
        let columns = self.columns[row] & (!1 << column);
        let (row, columns) = if columns != 0 {
            (row, columns)
        } else {
            let row = (self.rows & (!1 << row)).trailing_zeros() as usize;
            (row, *self.columns.get(row)?)
        };
        Some(self.lists[row][columns.trailing_zeros() as usize])
    }

    /// The free block of at least `size` granules with the lowest address. It looks at all that are large enough: few, since a
    /// memory of 4 GiB has room for 4,096 of them, and whoever asks for 1 MiB needs longer to write to it.
    fn find_lowest(&self, size: u32) -> Option<u32> {
        let (own, column) = class_of(size);
        let (mut best, mut lowest) = (None, usize::MAX);
        for row in own..ROWS {
            let mut columns = self.columns[row] & if row == own { !0 << column } else { !0 };
            while columns != 0 {
                let mut id = self.lists[row][columns.trailing_zeros() as usize];
                while let Some(b) = self.blocks.get(id as usize) {
                    if b.addr < lowest && b.size >= size {
                        (best, lowest) = (Some(id), b.addr);
                    }
                    id = b.next;
                }
                columns &= columns - 1;
            }
        }
        best
    }

    fn is_free(&self, id: u32) -> bool {
        self.blocks.get(id as usize).is_some_and(|b| b.previous != LIVE && b.previous != KEPT)
    }

    fn link(&mut self, id: u32) {
        let size = self.blocks[id as usize].size;
        let (row, column) = class_of(size);
        let first = std::mem::replace(&mut self.lists[row][column], id);
        if let Some(b) = self.blocks.get_mut(first as usize) {
            b.previous = id;
        }
        let b = &mut self.blocks[id as usize];
        (b.previous, b.next) = (NONE, first);
        self.rows |= 1 << row;
        self.columns[row] |= 1 << column;
        self.free += size as usize;
    }

    fn unlink(&mut self, id: u32) {
        let Block { size, previous, next, .. } = self.blocks[id as usize];
        if let Some(b) = self.blocks.get_mut(next as usize) {
            b.previous = previous;
        }
        if let Some(b) = self.blocks.get_mut(previous as usize) {
            b.next = next;
        } else {
            let (row, column) = class_of(size);
            self.lists[row][column] = next;
            if next == NONE {
                self.columns[row] &= !(1 << column);
                if self.columns[row] == 0 {
                    self.rows &= !(1 << row);
                }
            }
        }
        self.blocks[id as usize].previous = LIVE;
        self.free -= size as usize;
    }

    // --- neighbours (neither of them in a list) -----------------------------------------------------------------

    /// Cuts a block after `size` granules; what is left becomes the free block `rest`.
    fn divide(&mut self, id: u32, size: u32, rest: u32) {
        let b = &mut self.blocks[id as usize];
        let (whole, after) = (*b, b.after);
        (b.size, b.dirty, b.after) = (size, whole.dirty.min(size), rest);
        self.blocks[rest as usize] = Block {
            addr: whole.addr + size as usize * GRANULE,
            size: whole.size - size,
            dirty: whole.dirty.saturating_sub(size),
            before: id,
            after,
            previous: LIVE,
            next: NONE,
        };
        if let Some(b) = self.blocks.get_mut(after as usize) {
            b.before = rest;
        }
        if self.tail == id {
            self.tail = rest;
        }
        self.link(rest);
    }

    /// Makes one block of two neighbours, under the number of the first.
    fn join(&mut self, id: u32, after: u32) {
        let second = self.blocks[after as usize];
        let b = &mut self.blocks[id as usize];
        if second.dirty > 0 {
            b.dirty = b.size + second.dirty;
        }
        b.size += second.size;
        b.after = second.after;
        if let Some(b) = self.blocks.get_mut(second.after as usize) {
            b.before = id;
        }
        if self.tail == after {
            self.tail = id;
        }
        self.retire(after);
    }

    // --- numbers ------------------------------------------------------------------------------------------------

    /// A number for a new block; it counts as free until a block takes it.
    fn number(&mut self) -> Option<u32> {
        if let Some(b) = self.blocks.get(self.spare as usize) {
            return Some(std::mem::replace(&mut self.spare, b.next));
        }
        self.blocks.try_reserve(1).ok()?;
        self.blocks.push(Block { addr: 0, size: 0, dirty: 0, before: NONE, after: NONE, previous: LIVE, next: NONE });
        Some(self.blocks.len() as u32 - 1)
    }

    fn retire(&mut self, id: u32) {
        let b = &mut self.blocks[id as usize];
        (b.size, b.previous, b.next) = (0, LIVE, self.spare);
        self.spare = id;
    }
}
