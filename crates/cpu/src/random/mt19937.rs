//! The Mersenne Twister that PyTorch and numpy share (Matsumoto and Nishimura 1998), a block of 624 words at a time.

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

#[inline(always)]
fn temper(mut y: u32) -> u32 {
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c_5680;
    y ^= (y << 15) & 0xefc6_0000;
    y ^ (y >> 18)
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

    // Written so that every loop reads what was written at least 227 words before: the compiler can use lanes.
    fn next_block(&mut self) {
        let old = self.state;
        let new = &mut self.state;
        for i in 0..N - M {
            new[i] = step(old[i], old[i + 1], old[i + M]);
        }
        let (done, rest) = new.split_at_mut(N - M);
        for i in 0..N - M {
            rest[i] = step(old[i + N - M], old[i + N - M + 1], done[i]);
        }
        let (done, rest) = new.split_at_mut(2 * (N - M));
        for i in 0..N - 1 - 2 * (N - M) {
            rest[i] = step(old[i + 2 * (N - M)], old[i + 2 * (N - M) + 1], done[i + N - M]);
        }
        new[N - 1] = step(old[N - 1], new[0], new[M - 1]);
        self.temper_block();
        self.used = 0;
    }

    fn temper_block(&mut self) {
        for (w, &s) in self.words.iter_mut().zip(&self.state) {
            *w = temper(s);
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
}
