//! CPU kernels. They read and write memory that others planned: no kernel allocates.

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
mod walk;

pub use launch::{Attr, Kernel, Launch, View};
