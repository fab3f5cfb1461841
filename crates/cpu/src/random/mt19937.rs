//! The Mersenne Twister that PyTorch and numpy share (Matsumoto and Nishimura 1998), a block of 624 words at a time.

use cresset_lane::simd::I32x4;

pub const N: usize = 624;
const M: usize = 397;
const MATRIX: u32 = 0x9908_b0df;
const UPPER: u32 = 0x8000_0000;
const LOWER: u32 = 0x7fff_ffff;

/// The engine: its state block, the same block tempered, and how far it has been read.
#[derive(Clone)]
pub struct Mt19937 {
    state: [u32; N],
    words: [u32; N],
    /// Words of the block already handed out; N when the next draw starts a new block.
    used: usize,
}

/// The state that follows from neighbouring old words and the word M ahead.
#[inline(always)]
fn step(current: u32, next: u32, ahead: u32) -> u32 {
    let mixed = (current & UPPER) | (next & LOWER);
    ahead ^ (mixed >> 1) ^ (MATRIX & (mixed & 1).wrapping_neg())
}

/// `step` of four words.
#[inline(always)]
fn step4(current: I32x4, next: I32x4, ahead: I32x4) -> I32x4 {
    let mixed = (current & splat(UPPER)) | (next & splat(LOWER));
    let odd = mixed.left(31).right(31);
    ahead ^ mixed.right_unsigned(1) ^ (splat(MATRIX) & odd)
}

#[inline(always)]
fn temper4(mut y: I32x4) -> I32x4 {
    y = y ^ y.right_unsigned(11);
    y = y ^ (y.left(7) & splat(0x9d2c_5680));
    y = y ^ (y.left(15) & splat(0xefc6_0000));
    y ^ y.right_unsigned(18)
}

#[inline(always)]
fn splat(word: u32) -> I32x4 {
    I32x4::splat(word as i32)
}

/// Four words from `at` on.
#[inline(always)]
fn load(words: &[u32; N], at: usize) -> I32x4 {
    assert!(at + 4 <= N);
    unsafe { I32x4::load(words.as_ptr().add(at).cast()) }
}

#[inline(always)]
fn store(words: &mut [u32; N], at: usize, four: I32x4) {
    assert!(at + 4 <= N);
    unsafe { four.store(words.as_mut_ptr().add(at).cast()) }
}

impl Mt19937 {
    /// Seeds as `init_genrand` of the reference code does.
    pub fn new(seed: u32) -> Self {
        let mut state = [0; N];
        state[0] = seed;
        for j in 1..N {
            let before = state[j - 1];
            state[j] = 1_812_433_253u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(j as u32);
        }
        Self { state, words: [0; N], used: N }
    }

    /// Seeds as `init_by_array` of the reference code does; numpy does so for seeds of more than 32 bits and for lists.
    pub fn from_key(key: &[u32]) -> Self {
        let mut engine = Self::new(19_650_218);
        let s = &mut engine.state;
        let (mut i, mut j) = (1, 0);
        for _ in 0..N.max(key.len()) {
            s[i] = (s[i] ^ (s[i - 1] ^ (s[i - 1] >> 30)).wrapping_mul(1_664_525))
                .wrapping_add(key[j])
                .wrapping_add(j as u32);
            i += 1;
            j = (j + 1) % key.len();
            if i == N {
                s[0] = s[N - 1];
                i = 1;
            }
        }
        for _ in 1..N {
            s[i] = (s[i] ^ (s[i - 1] ^ (s[i - 1] >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i == N {
                s[0] = s[N - 1];
                i = 1;
            }
        }
        s[0] = UPPER;
        engine
    }

    /// An engine in the middle of its stream: the state block and how many of its words were used.
    pub fn resume(state: [u32; N], used: usize) -> Self {
        let mut engine = Self { state, words: [0; N], used: used.min(N) };
        engine.temper_block();
        engine
    }

    /// The state block and how many of its words were used.
    pub fn position(&self) -> (&[u32; N], usize) {
        (&self.state, self.used)
    }

    /// The next state, in place and four words at a time: what a step reads ahead was written at least 227 words before,
    /// and of what it overwrites nobody needs the old words any more.
    fn next_block(&mut self) {
        const WHOLE: usize = (N - M) / 4 * 4;
        let s = &mut self.state;
        for i in (0..WHOLE).step_by(4) {
            store(s, i, step4(load(s, i), load(s, i + 1), load(s, i + M)));
        }
        for i in WHOLE..N - M {
            s[i] = step(s[i], s[i + 1], s[i + M]);
        }
        for i in (N - M..N - 1).step_by(4) {
            store(s, i, step4(load(s, i), load(s, i + 1), load(s, i + M - N)));
        }
        s[N - 1] = step(s[N - 1], s[0], s[M - 1]);
        self.temper_block();
        self.used = 0;
    }

    fn temper_block(&mut self) {
        for i in (0..N).step_by(4) {
            store(&mut self.words, i, temper4(load(&self.state, i)));
        }
    }

    /// The next word.
    #[inline]
    pub fn u32(&mut self) -> u32 {
        if self.used == N {
            self.next_block();
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// The next two words, the first one high: PyTorch's `random64`.
    #[inline]
    pub fn u64(&mut self) -> u64 {
        let high = self.u32() as u64;
        high << 32 | self.u32() as u64
    }

    /// The next words, at least one and at most `most` (which must not be 0) or what the block still has.
    #[inline]
    pub fn take(&mut self, most: usize) -> &[u32] {
        if self.used == N {
            self.next_block();
        }
        let from = self.used;
        self.used = N.min(from + most);
        &self.words[from..self.used]
    }

    /// The next numbers of two words each, as `u64` gives them.
    pub fn fill_u64(&mut self, out: &mut [u64]) {
        let mut at = 0;
        while at < out.len() {
            let pairs = ((N - self.used) / 2).min(out.len() - at);
            if pairs == 0 {
                // At the end of a block, or across two.
                out[at] = self.u64();
                at += 1;
                continue;
            }
            let words = &self.words[self.used..self.used + 2 * pairs];
            for (x, w) in out[at..at + pairs].iter_mut().zip(words.chunks_exact(2)) {
                *x = (w[0] as u64) << 32 | w[1] as u64;
            }
            self.used += 2 * pairs;
            at += pairs;
        }
    }
}
