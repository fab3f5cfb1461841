//! The random streams alone as a wasm module: `bench/kernels/random.mjs` builds it, times it and prints millions of elements a second.

use cresset_cpu::random::fill::{self, Draw};
use cresset_cpu::random::{Elements, Generator};
use cresset_lane::DType::{F32, F64, I64};

const KINDS: [&str; 12] = [
    "float32 uniform",
    "float32 uniform(-a, a)",
    "float32 normal",
    "float32 normal(mean, std)",
    "float64 uniform",
    "float64 normal",
    "bernoulli(p)",
    "int64 below 10",
    "int64 below 2^40 + 1",
    "random_() of int64",
    "exponential",
    "permutation",
];

/// The name of a kind, its length in the upper half; 0 after the last.
#[unsafe(no_mangle)]
pub extern "C" fn name(kind: usize) -> u64 {
    KINDS.get(kind).map_or(0, |name| (name.len() as u64) << 32 | name.as_ptr() as u64)
}

/// Memory for `n` numbers of 8 bytes, never given back.
#[unsafe(no_mangle)]
pub extern "C" fn numbers(n: usize) -> *mut u64 {
    Vec::leak(vec![0u64; n]).as_mut_ptr()
}

/// `times` fills of `n` elements.
#[unsafe(no_mangle)]
pub extern "C" fn run(kind: usize, memory: *mut u64, n: usize, times: usize) {
    let mut g = Generator::new(42);
    let integers = unsafe { std::slice::from_raw_parts_mut(memory.cast::<i64>(), n) };
    let elements = |dtype| unsafe { Elements::new(memory.cast(), dtype, n) };
    for _ in 0..times {
        match kind {
            0 => fill::uniform(&mut g, elements(F32), 0.0, 1.0),
            1 => fill::uniform(&mut g, elements(F32), -0.036, 0.036),
            2 => fill::normal(&mut g, elements(F32), 0.0, 1.0, true),
            3 => fill::normal(&mut g, elements(F32), 1.0, 0.3, true),
            4 => fill::uniform(&mut g, elements(F64), 0.0, 1.0),
            5 => fill::normal(&mut g, elements(F64), 0.0, 1.0, true),
            6 => fill::bernoulli(&mut g, elements(F32), 0.9),
            7 => fill::integers(&mut g, elements(I64), 0, 10),
            8 => fill::integers(&mut g, elements(I64), 0, (1 << 40) + 1),
            9 => fill::integers_of_type(&mut g, elements(I64)),
            10 => Draw::Exponential { rate: 1.0 }.fill(&mut g, elements(F32)),
            _ => integers.copy_from_slice(&fill::permutation(&mut g, n)),
        }
    }
}
