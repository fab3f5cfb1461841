//! What programs ask of an allocator, as plain sequences: the tests and `bench/kernels/memory.rs` run the same ones.

/// Takes and gives by a name of the sequence's own.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    Take(u32, usize),
    Give(u32),
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to choose sizes.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    /// Between `low` and `high`, whose logarithms are equally likely. Integers only: the same on every machine.
    pub fn log_uniform(&mut self, low: usize, high: usize) -> usize {
        let octaves = (high / low).ilog2() as usize;
        let base = low << self.below(octaves);
        base + self.below(base)
    }
}

/// A sequence in the making.
#[derive(Default)]
struct Script {
    asks: Vec<Ask>,
    names: u32,
}

impl Script {
    fn take(&mut self, bytes: usize) -> u32 {
        self.names += 1;
        self.asks.push(Ask::Take(self.names - 1, bytes));
        self.names - 1
    }
    fn give(&mut self, name: u32) {
        self.asks.push(Ask::Give(name));
    }
    fn give_all(&mut self, names: &mut Vec<u32>) {
        for name in names.drain(..) {
            self.give(name);
        }
    }
    /// Memory of one op alone.
    fn scratch(&mut self, bytes: usize) {
        let name = self.take(bytes);
        self.give(name);
    }
}

/// Layers of a network: width of the result for one sample, and bytes of its weights.
const LAYERS: [(usize, usize); 8] = [
    (28 * 28 * 16 * 4, 16 * 9 * 4),
    (28 * 28 * 16 * 4, 16 * 16 * 9 * 4),
    (14 * 14 * 32 * 4, 32 * 16 * 9 * 4),
    (14 * 14 * 32 * 4, 32 * 32 * 9 * 4),
    (7 * 7 * 64 * 4, 64 * 32 * 9 * 4),
    (512 * 4, 3136 * 512 * 4),
    (128 * 4, 512 * 128 * 4),
    (10 * 4, 128 * 10 * 4),
];

/// `steps` training steps of a small network with Adam. Batches have 64 samples, every tenth the 37 that are left over; after
/// every twentieth step 256 samples are evaluated without a graph. With `dice`, a batch has 1 to 128 samples instead.
pub fn training(steps: usize, mut dice: Option<Dice>) -> Vec<Ask> {
    let mut s = Script::default();
    let mut kept = Vec::new();
    for (_, weights) in LAYERS {
        for bytes in [weights, 64 * 4] {
            // The parameter and the two moments of Adam, which come with the first step in PyTorch and are kept as long.
            kept.extend([s.take(bytes), s.take(bytes), s.take(bytes)]);
        }
    }
    let mut gradients = Vec::new();
    for step in 0..steps {
        let usual = if step % 10 == 9 { 37 } else { 64 };
        let batch = dice.as_mut().map_or(usual, |d| 1 + d.below(128));
        let input = s.take(batch * 784 * 4);
        let mut saved = Vec::new();
        for (width, _) in LAYERS {
            // Convolution and its scratch, normalisation, activation: two of the results are kept for backward.
            saved.push(s.take(batch * width));
            s.scratch(batch * width * 2 + 4096);
            let normed = s.take(batch * width);
            saved.push(s.take(batch * width));
            s.give(normed);
            s.scratch(4);
        }
        let loss = s.take(4);
        s.give_all(&mut gradients);
        let mut gradient = s.take(batch * 40);
        for (width, weights) in LAYERS.iter().rev() {
            let next = s.take(batch * width);
            s.give(gradient);
            gradient = next;
            for bytes in [*weights, 64 * 4] {
                gradients.push(s.take(bytes));
            }
            s.scratch(weights * 2);
            let done = saved.split_off(saved.len() - 2);
            done.into_iter().for_each(|name| s.give(name));
        }
        s.give(gradient);
        for (_, weights) in LAYERS {
            s.scratch(weights);
            let root = s.take(weights);
            s.scratch(weights);
            s.give(root);
        }
        s.give(loss);
        s.give(input);
        if step % 20 == 19 {
            let mut last = s.take(256 * 784 * 4);
            for (width, _) in LAYERS {
                let next = s.take(256 * width);
                s.give(last);
                last = next;
            }
            s.give(last);
        }
    }
    s.give_all(&mut gradients);
    s.give_all(&mut kept);
    s.asks
}

/// `steps` passes of a small network over single samples: results of 4 bytes to 1 KiB, kept for backward and given back in reverse.
pub fn small(steps: usize) -> Vec<Ask> {
    let mut s = Script::default();
    let mut kept: Vec<u32> = (0..8).map(|i| s.take(64 << i)).collect();
    for _ in 0..steps {
        let mut saved = Vec::new();
        for i in 0..24 {
            saved.push(s.take(4 << (i % 9)));
            s.scratch(256);
        }
        let mut gradient = s.take(4);
        for i in (0..24).rev() {
            let next = s.take(4 << (i % 9));
            s.give(gradient);
            s.give(saved.pop().expect("24 of them"));
            gradient = next;
        }
        s.give(gradient);
    }
    s.give_all(&mut kept);
    s.asks
}

/// `count` requests of 64 bytes to `high` bytes, log-uniform, given back in random order so that about `live` bytes are in use.
pub fn random(count: usize, high: usize, live: usize, mut dice: Dice) -> Vec<Ask> {
    let mut s = Script::default();
    let (mut held, mut bytes) = (Vec::new(), 0);
    for _ in 0..count {
        let size = dice.log_uniform(64, high);
        while bytes + size > live && !held.is_empty() {
            let (name, size): (u32, usize) = held.swap_remove(dice.below(held.len()));
            s.give(name);
            bytes -= size;
        }
        held.push((s.take(size), size));
        bytes += size;
    }
    held.into_iter().for_each(|(name, _)| s.give(name));
    s.asks
}

/// Sequences that get longer and longer, as a text that is written: every step takes a little more than what it gives back.
pub fn growing(steps: usize, first: usize, more: usize) -> Vec<Ask> {
    let mut s = Script::default();
    let mut last: Vec<u32> = (0..6).map(|_| s.take(first)).collect();
    for step in 1..steps {
        for name in &mut last {
            let next = s.take(first + step * more);
            s.give(*name);
            *name = next;
            s.scratch(64);
        }
    }
    s.give_all(&mut last);
    s.asks
}
