//! What is said when memory is short.

use std::fmt::{self, Display, Formatter, Write};

use super::blocks::{COLUMNS, GRANULE, ROWS, class_of};
use super::heap::Stats;

/// Bytes in MiB, or KiB below a tenth of one.
struct Amount(usize);

impl Display for Amount {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (unit, name) = if self.0 < (1 << 20) / 10 { (1 << 10, "KiB") } else { (1 << 20, "MiB") };
        // Rounded; 10 * rest stays below 2^24.
        let tenths = self.0 / unit * 10 + (self.0 % unit * 10 + unit / 2) / unit;
        write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// Storages of one class of size.
#[derive(Clone, Copy, Default)]
struct Group {
    count: usize,
    bytes: usize,
    /// All of them have this size, or none.
    size: Option<usize>,
}

impl Display for Group {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.size {
            Some(size) => write!(f, "{} of {}", self.count, Amount(size)),
            None => write!(f, "{} of about {}", self.count, Amount(self.bytes / self.count)),
        }
    }
}

/// The classes that hold the most bytes. A table of fixed length, for there may be no memory for another.
fn largest_groups(sizes: impl Iterator<Item = u32>) -> [Group; 3] {
    let mut table = [[Group::default(); COLUMNS]; ROWS];
    for size in sizes {
        let (row, column) = class_of(size);
        let size = size as usize * GRANULE;
        let group = &mut table[row][column];
        group.size = if group.count == 0 || group.size == Some(size) { Some(size) } else { None };
        group.count += 1;
        group.bytes += size;
    }
    [(); 3].map(|()| {
        let most = table.as_flattened_mut().iter_mut().max_by_key(|g| g.bytes);
        most.map(std::mem::take).unwrap_or_default()
    })
}

/// The sentence for a request of `bytes` when at most `most` can be had, of a heap that may have `limit` bytes.
pub fn complaint(bytes: usize, stats: &Stats, most: usize, limit: usize, live: impl Iterator<Item = u32>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "out of memory: {} asked for, but at most {} can be had in one piece. {} are live in {} storages",
        Amount(bytes),
        Amount(most),
        Amount(stats.live_bytes),
        stats.live_storages
    );
    for (i, group) in largest_groups(live).iter().filter(|g| g.count > 0).enumerate() {
        let _ = write!(out, "{}{group}", if i == 0 { " (most of it in " } else { ", " });
    }
    out.push_str(if stats.live_bytes > 0 { ")" } else { "" });
    let _ = write!(
        out,
        ", {} are free in smaller pieces, and tensors can have {} in all. Dispose of tensors you no longer need, wrap the work \
         in torch.scope, evaluate under torch.noGrad, or use smaller batches or a smaller dtype; torch.memory() shows what is live",
        Amount(stats.pooled_bytes),
        Amount(limit)
    );
    out
}
