//! Proof that the books are in order, for tests.

use super::{Blocks, GRANULE, KEPT, NONE, class_of};

impl Blocks {
    /// Panics unless the books are in order. Returns for every region how many blocks are free and how many are not.
    pub fn check(&self) -> Vec<(usize, usize)> {
        let (mut seen, mut granules, mut kept) = (0, 0, 0);
        let mut counts = Vec::new();
        let mut free = std::collections::HashSet::new();
        for (row, lists) in self.lists.iter().enumerate() {
            assert_eq!(self.rows >> row & 1 == 1, self.columns[row] != 0, "row {row}");
            for (column, &first) in lists.iter().enumerate() {
                assert_eq!(self.columns[row] >> column & 1 == 1, first != NONE, "list {row}, {column}");
                let (mut id, mut previous) = (first, NONE);
                while id != NONE {
                    let b = &self.blocks[id as usize];
                    assert_eq!((class_of(b.size), b.previous), ((row, column), previous));
                    assert!(free.insert(id), "block {id} is in two lists");
                    (previous, id) = (id, b.next);
                }
            }
        }
        for &first in &self.regions {
            let (mut id, mut before, mut end) = (first, NONE, self.blocks[first as usize].addr);
            let (mut n, mut was_free) = ((0, 0), false);
            while id != NONE {
                let b = &self.blocks[id as usize];
                assert!(b.size > 0 && b.dirty <= b.size);
                assert_eq!((b.addr, b.before), (end, before), "block {id} does not follow the one before it");
                let is_free = free.contains(&id);
                assert_eq!(is_free, self.is_free(id));
                assert!(!(is_free && was_free), "block {id} and the one before it are free");
                if is_free {
                    (n.0, granules) = (n.0 + 1, granules + b.size as usize);
                } else {
                    (n.1, kept) = (n.1 + 1, kept + if b.previous == KEPT { b.size as usize } else { 0 });
                    assert_eq!(b.dirty, b.size);
                }
                (before, was_free, end, seen) = (id, is_free, b.addr + b.size as usize * GRANULE, seen + 1);
                id = b.after;
            }
            counts.push(n);
        }
        assert_eq!(granules + kept, self.free);
        assert_eq!(counts.iter().map(|n| n.0).sum::<usize>(), free.len(), "a free block outside every region");
        let mut spare = self.spare;
        while spare != NONE {
            (spare, seen) = (self.blocks[spare as usize].next, seen + 1);
        }
        assert_eq!(seen, self.blocks.len(), "a number is lost");
        counts
    }
}
