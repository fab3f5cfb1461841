//! Random numbers: PyTorch's CPU generator and numpy's RandomState, bit for bit.

pub mod exact;
pub mod fill;
pub mod fused;
pub mod generator;
pub mod generators;
pub mod glibc;
mod log_table;
pub mod mt19937;
pub mod normal;
pub mod numpy;
pub mod tensors;

pub use generator::Generator;
