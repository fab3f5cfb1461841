//! CPU kernels. They read and write memory that others planned: no kernel allocates.

// The two instructions that `threads::wait` is made of (rust-lang/rust issue 77839); builds with threads compile std anyway.
#![cfg_attr(all(target_arch = "wasm32", target_feature = "atomics"), feature(stdarch_wasm_atomic_wait))]

mod by_dtype;
pub mod conv;
pub mod elementwise;
pub mod gemm;
pub mod grid;
pub mod index;
pub mod launch;
pub mod linalg;
mod number;
pub mod optim;
pub mod pool;
pub mod random;
pub mod reduce;
pub mod resample;
pub mod scan;
pub mod sort;
#[cfg(test)]
mod testing;
pub mod threads;
mod walk;

pub use launch::{Attr, Kernel, Launch, Part, Prepare, Prepared, Ready, View};
