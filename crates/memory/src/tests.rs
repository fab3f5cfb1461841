//! The allocator over pretended memory, up to 4 GiB of it: it never looks at what addresses hold.

use std::collections::{BTreeMap, HashMap};

use super::workload::{self, Ask, Dice};
use super::*;

const MIB: usize = 1 << 20;

/// Addresses without memory. If `foreign`, something else takes a page now and then, as Rust's own allocator does.
struct Pretended {
    end: usize,
    most: usize,
    dice: Option<Dice>,
}

impl Pages for Pretended {
    const ADJOINS: bool = true;
    const RETURNS: bool = false;

    fn prepare(&mut self) {
        if self.dice.as_mut().is_some_and(|d| d.below(4) == 0) && self.end < self.most {
            self.end += Self::PAGE;
        }
    }
    fn end(&self) -> usize {
        self.end
    }
    fn room(&self) -> usize {
        self.most - self.end
    }
    fn grow(&mut self, bytes: usize) -> Option<usize> {
        assert!(bytes > 0 && bytes.is_multiple_of(Self::PAGE));
        self.end += bytes;
        (self.end <= self.most).then(|| self.end - bytes)
    }
}

fn pretended(most: usize, foreign: bool) -> Heap<Pretended> {
    Heap::new(Pretended { end: MIB, most: most + MIB, dice: foreign.then_some(Dice(7)) })
}

/// Plays a script; returns the heap for one byte of the most that was in use.
fn play<P: Pages>(heap: &mut Heap<P>, asks: &[Ask]) -> f64 {
    let mut held = HashMap::new();
    for &ask in asks {
        match ask {
            Ask::Take(name, bytes) => drop(held.insert(name, heap.take(bytes).unwrap().block)),
            Ask::Give(name) => heap.give(held.remove(&name).unwrap()),
        }
    }
    let s = heap.stats();
    s.heap_bytes as f64 / s.peak_bytes as f64
}

#[test]
fn blocks_never_overlap_and_join_when_they_are_given_back() {
    for (seed, foreign) in [(1, false), (2, true), (3, true)] {
        let mut heap = pretended(4096 * MIB, foreign);
        // By address: end, and the block's number.
        let mut used = BTreeMap::<usize, (usize, u32)>::new();
        let mut live = 0;
        let mut dice = Dice(seed);
        for round in 0..20_000 {
            if dice.below(100) < if round / 2000 % 2 == 0 { 55 } else { 45 } {
                let bytes = dice.log_uniform(1, 64 * MIB);
                let Ok(taken) = heap.take(bytes) else { continue };
                let end = taken.addr + bytes.next_multiple_of(GRANULE);
                assert!(taken.addr.is_multiple_of(GRANULE) && taken.addr >= MIB && end <= 4097 * MIB);
                let before = used.range(..end).next_back();
                assert!(before.is_none_or(|(_, b)| b.0 <= taken.addr), "{taken:?} overlaps {before:?}");
                used.insert(taken.addr, (end, taken.block));
                live += end - taken.addr;
            } else if !used.is_empty() {
                let at = dice.below(4097 * MIB);
                let addr = *used.range(at..).next().unwrap_or_else(|| used.iter().next().unwrap()).0;
                let (end, block) = used.remove(&addr).unwrap();
                heap.give(block);
                live -= end - addr;
            }
            assert_eq!((heap.stats().live_bytes, heap.stats().live_storages), (live, used.len()));
            if round % 500 == 0 {
                heap.check();
            }
        }
        used.values().for_each(|&(_, block)| heap.give(block));
        heap.settle();
        let regions = heap.check();
        assert!(regions.iter().all(|&r| r == (1, 0)), "not one free block a region: {regions:?}");
        assert_eq!(regions.len() > 1, foreign);
        let s = heap.stats();
        assert_eq!((s.live_bytes, s.live_storages, s.pooled_bytes), (0, 0, s.heap_bytes));
    }
}

/// The table of the crate's documentation is from `node bench/kernels/memory.mjs`, which plays the same scripts; the pool of size
/// classes before needed 2.1, 4.1, 6.1, 1.3, 1.4 and 2.2.
#[test]
fn the_heap_is_little_larger_than_what_is_in_use() {
    let scripts: [(&str, Vec<Ask>, f64); 6] = [
        ("training", workload::training(100, None), 1.25),
        ("training, batches of any size", workload::training(100, Some(Dice(1))), 1.1),
        ("tensors that grow", workload::growing(1000, 1000, 4096), 1.3),
        ("random to 64 KiB", workload::random(50_000, MIB / 16, 64 * MIB, Dice(2)), 1.2),
        ("random to 1 MiB", workload::random(50_000, MIB, 512 * MIB, Dice(2)), 1.25),
        ("random to 64 MiB", workload::random(50_000, 64 * MIB, 1024 * MIB, Dice(2)), 1.65),
    ];
    for (name, asks, most) in scripts {
        let mut heap = pretended(4096 * MIB, false);
        let ratio = play(&mut heap, &asks);
        // Again and again in the same memory, as training steps are.
        let later = (0..2).map(|_| play(&mut heap, &asks)).fold(0.0, f64::max);
        println!("{name}: {ratio:.3}, {later:.3}");
        assert!(ratio <= most && later <= most + 0.05, "{name}: {ratio:.3} and {later:.3} > {most}");
    }
}

#[test]
fn a_small_program_stays_small() {
    let mut heap = pretended(4096 * MIB, false);
    play(&mut heap, &workload::small(100));
    assert_eq!((heap.stats().heap_bytes, heap.stats().live_bytes), (MIB, 0));
}

#[test]
fn it_grows_by_little_and_to_the_end() {
    let mut heap = pretended(4064 * MIB, false);
    for taken in 1..=4064 {
        heap.take(MIB).unwrap();
        let s = heap.stats();
        assert_eq!(s.live_bytes, taken * MIB);
        let spare = (taken * MIB / 16).clamp(MIB, 64 * MIB);
        assert!(s.heap_bytes <= s.live_bytes + spare, "{} for {}", s.heap_bytes, s.live_bytes);
    }
    assert_eq!(heap.take(1), Err(Short { missing: GRANULE }));
    assert_eq!(heap.stats().largest_free, 0);
}

#[test]
fn a_freed_large_block_serves_every_size() {
    let mut heap = pretended(64 * MIB, false);
    let large = heap.take(64 * MIB).unwrap();
    heap.give(large.block);
    for parts in [64, 4096, 1, 1000, 3] {
        let size = 64 * MIB / parts / GRANULE * GRANULE;
        let taken: Vec<_> = (0..parts).map(|_| heap.take(size).unwrap()).collect();
        taken.iter().for_each(|t| heap.give(t.block));
        // Small ones are kept as they are, and join when they are in the way.
        assert_eq!(heap.stats().pooled_bytes, 64 * MIB);
    }
    assert_eq!(heap.take(64 * MIB).unwrap().addr, large.addr);
}

#[test]
fn past_the_limit_everything_still_works() {
    let mut heap = pretended(4096 * MIB, true);
    heap.set_limit(16 * MIB);
    let mut dice = Dice(5);
    let mut held = Vec::new();
    for round in 0..10 {
        // Larger and larger, until nothing fits, then a scalar no more.
        let short = loop {
            let bytes = dice.log_uniform(64, MIB << (round % 5));
            match heap.take(bytes) {
                Ok(taken) => held.push(taken.block),
                Err(short) => break (bytes, short.missing),
            }
        };
        assert!(short.1 >= GRANULE && short.1 <= short.0.next_multiple_of(GRANULE), "{short:?}");
        let before = heap.stats();
        assert!(heap.take(32 * MIB).is_err() && heap.take(usize::MAX).is_err() && heap.take(1 << 31).is_err());
        assert_eq!(heap.stats(), before, "a refused request changed something");
        heap.check();
        assert!(before.heap_bytes <= 16 * MIB);
        // A random half goes, and there is room again.
        for _ in 0..held.len() / 2 {
            let block = held.swap_remove(dice.below(held.len()));
            heap.give(block);
        }
    }
    held.into_iter().for_each(|block| heap.give(block));
    assert_eq!(heap.stats().live_bytes, 0);
    heap.set_limit(usize::MAX);
    heap.take(100 * MIB).unwrap();
}

#[test]
fn the_complaint_says_what_is_asked_what_is_live_and_what_helps() {
    let mut heap = pretended(4096 * MIB, false);
    heap.set_limit(20 * MIB);
    let taken: Vec<_> = [4, 4, 4, 1].iter().map(|n| heap.take(n * MIB).unwrap()).collect();
    let scalars: Vec<_> = (0..10).map(|_| heap.take(4).unwrap()).collect();
    assert_eq!(heap.take(8 * MIB), Err(Short { missing: MIB + 640 }));
    let text = heap.complaint(8 * MIB);
    assert_eq!(
        text,
        "out of memory: 8.0 MiB asked for, but at most 7.0 MiB can be had in one piece. 13.0 MiB are live in 14 storages (most \
         of it in 3 of 4.0 MiB, 1 of 1.0 MiB, 10 of 0.1 KiB), 1.0 MiB are free in smaller pieces, and tensors can have 20.0 MiB \
         in all. Dispose of tensors you no longer need, wrap the work in torch.scope, evaluate under torch.noGrad, or use \
         smaller batches or a smaller dtype; torch.memory() shows what is live"
    );
    taken.iter().chain(&scalars).for_each(|t| heap.give(t.block));
    assert!(heap.complaint(MIB * 30).contains("0.0 KiB are live in 0 storages, "));
}

/// Real memory: what is said to be zero is.
#[test]
fn memory_that_nobody_wrote_to_is_zero() {
    let mut heap = Heap::new(System::new());
    let mut dice = Dice(11);
    let mut held = Vec::new();
    let (mut clean, mut all) = (0, 0);
    for _ in 0..500 {
        while held.len() > 20 {
            let block = held.swap_remove(dice.below(held.len()));
            heap.give(block);
        }
        if dice.below(50) == 0 {
            held.drain(..).for_each(|block| heap.give(block));
            heap.release();
            assert_eq!((heap.stats().heap_bytes, heap.check().len()), (0, 0));
        }
        let bytes = dice.log_uniform(64, MIB);
        let taken = heap.take(bytes).unwrap();
        // Safety: nobody else has it.
        let memory = unsafe { std::slice::from_raw_parts_mut(taken.addr as *mut u8, bytes) };
        let dirty = taken.dirty.min(bytes);
        assert!(memory[dirty..].iter().all(|&b| b == 0), "{taken:?}");
        (clean, all) = (clean + bytes - dirty, all + bytes);
        memory.fill(0xff);
        held.push(taken.block);
    }
    println!("{clean} of {all} bytes were known to be zero");
    assert!(clean > all / 10 && clean < all);
}

#[test]
fn regions_go_back_to_the_system_when_nothing_is_in_them() {
    let mut heap = Heap::new(System::new());
    let (a, b) = (heap.take(3 * MIB).unwrap(), heap.take(5 * MIB).unwrap());
    heap.give(a.block);
    heap.release();
    assert_eq!(heap.stats().heap_bytes, 5 * MIB);
    heap.give(b.block);
    // The limit counts what is free too: the region of 5 MiB makes way for one of 6.
    heap.set_limit(6 * MIB);
    let c = heap.take(6 * MIB).unwrap();
    assert_eq!(heap.stats().heap_bytes, 6 * MIB);
    heap.give(c.block);
    heap.release();
    assert_eq!(heap.stats().heap_bytes, 0);
}
