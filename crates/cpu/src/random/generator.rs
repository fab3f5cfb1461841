//! PyTorch's CPU generator: the engine, its seed, and the half of a Box-Muller pair that waits for the next call.

use super::mt19937::{Mt19937, N};

/// The seed of a generator that nobody seeded (c10/core/GeneratorImpl.h).
pub const DEFAULT_SEED: u64 = 67_280_421_310_721;

/// Bytes of a state blob, `torch.get_rng_state().numel()`.
pub const STATE_BYTES: usize = 5056;

// Where CPUGeneratorImplState (aten/src/ATen/CPUGeneratorImpl.cpp) keeps its members.
const LEFT: usize = 8;
const SEEDED: usize = 12;
const NEXT: usize = 16;
const WORDS: usize = 24;
const NORMAL_X: usize = WORDS + 8 * N;
const NORMAL_Y: usize = NORMAL_X + 8;
const NORMAL_VALID: usize = NORMAL_Y + 16;
const FLOAT_NORMAL: usize = NORMAL_VALID + 8;
const FLOAT_VALID: usize = FLOAT_NORMAL + 4;

/// A stream of random numbers, equal to that of a PyTorch CPU generator with the same seed.
#[derive(Clone)]
pub struct Generator {
    pub engine: Mt19937,
    seed: u64,
    /// The second normal of a pair drawn by the scalar path, a standard normal.
    pub next_normal: Option<f64>,
    /// Nothing draws it on the CPU, but a state blob may carry it.
    next_float_normal: Option<f32>,
}

impl Default for Generator {
    fn default() -> Self {
        Self::new(DEFAULT_SEED)
    }
}

impl Generator {
    /// A generator with this seed; only the low 32 bits matter to the stream.
    pub fn new(seed: u64) -> Self {
        Self { engine: Mt19937::new(seed as u32), seed, next_normal: None, next_float_normal: None }
    }

    /// Starts again from this seed.
    pub fn manual_seed(&mut self, seed: u64) {
        *self = Self::new(seed);
    }

    /// The seed it was last given, all 64 bits.
    pub fn initial_seed(&self) -> u64 {
        self.seed
    }

    #[inline]
    pub fn u32(&mut self) -> u32 {
        self.engine.u32()
    }

    #[inline]
    pub fn u64(&mut self) -> u64 {
        self.engine.u64()
    }

    /// A float32 in [0, 1): 24 bits of one word.
    #[inline]
    pub fn unit_f32(&mut self) -> f32 {
        unit_f32(self.engine.u32())
    }

    /// A float64 in [0, 1): 53 bits of two words.
    #[inline]
    pub fn unit_f64(&mut self) -> f64 {
        unit_f64(self.engine.u64())
    }

    /// The state, byte for byte as PyTorch lays it out, so that a saved state of either goes on in the other.
    pub fn state(&self) -> Vec<u8> {
        let mut out = vec![0; STATE_BYTES];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        let (words, used) = self.engine.position();
        // PyTorch counts down `left` before a draw; a fresh seed has left = 1 and next = 0.
        let fresh = used == N && self.is_fresh();
        put(0, &self.seed.to_le_bytes());
        put(LEFT, &(if fresh { 1 } else { (N + 1 - used) as i32 }).to_le_bytes());
        put(SEEDED, &1i32.to_le_bytes());
        put(NEXT, &(if fresh { 0 } else { used as u64 }).to_le_bytes());
        for (i, &w) in words.iter().enumerate() {
            put(WORDS + 8 * i, &(w as u64).to_le_bytes());
        }
        if let Some(z) = self.next_normal {
            put(NORMAL_Y, &z.to_le_bytes());
            put(NORMAL_VALID, &1i32.to_le_bytes());
        }
        if let Some(z) = self.next_float_normal {
            put(FLOAT_NORMAL, &z.to_le_bytes());
            put(FLOAT_VALID, &[1]);
        }
        out
    }

    // A state block right after seeding is the seeding's own; one that was used up has been twisted since.
    fn is_fresh(&self) -> bool {
        self.engine.position().0 == Mt19937::new(self.seed as u32).position().0
    }

    /// The generator in the state a blob describes; a message when it is not one.
    pub fn from_state(blob: &[u8]) -> Result<Self, String> {
        if blob.len() != STATE_BYTES {
            return Err(format!(
                "expected a CPU generator state of {STATE_BYTES} bytes, got {}; pass what get_rng_state() returned",
                blob.len()
            ));
        }
        let word = |at: usize| u64::from_le_bytes(blob[at..at + 8].try_into().expect("eight bytes"));
        let int = |at: usize| i32::from_le_bytes(blob[at..at + 4].try_into().expect("four bytes"));
        let (left, next) = (int(LEFT), word(NEXT));
        if int(SEEDED) != 1 || !(1..=N as i32).contains(&left) || next > N as u64 {
            return Err("the bytes are not the state of an mt19937 generator".to_owned());
        }
        let mut words = [0; N];
        for (i, w) in words.iter_mut().enumerate() {
            *w = word(WORDS + 8 * i) as u32;
        }
        // `left` = 1 means that the next draw makes a new block, whatever `next` says.
        let used = if left == 1 { N } else { next as usize };
        Ok(Self {
            engine: Mt19937::resume(words, used),
            seed: word(0),
            next_normal: (int(NORMAL_VALID) != 0).then(|| f64::from_bits(word(NORMAL_Y))),
            next_float_normal: (blob[FLOAT_VALID] != 0).then(|| f32::from_bits(int(FLOAT_NORMAL) as u32)),
        })
    }
}

/// The low 24 bits of a word as a fraction.
#[inline(always)]
pub fn unit_f32(word: u32) -> f32 {
    (word & 0xff_ffff) as i32 as f32 * (1.0 / (1 << 24) as f32)
}

/// The low 53 bits of two words as a fraction.
#[inline(always)]
pub fn unit_f64(words: u64) -> f64 {
    (words & ((1 << 53) - 1)) as i64 as f64 * (1.0 / (1u64 << 53) as f64)
}
