//! Every kernel against the CPU's of the same name, on both software adapters.

mod batch_norm;
mod conv;
mod copy;
mod demand;
mod grid;
mod index;
mod join;
mod linalg;
mod matmul;
#[cfg(target_os = "linux")]
mod memory;
mod optim;
mod order;
mod pointwise;
mod pool;
mod reduce;
mod rows;
mod search;
mod status;
mod stream;
mod training;
