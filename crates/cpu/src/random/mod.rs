//! Random numbers: PyTorch's CPU generator and numpy's RandomState, bit for bit, into plain memory.

pub mod exact;
pub mod fill;
pub mod fused;
pub mod generator;
pub mod glibc;
mod log_table;
pub mod mt19937;
pub mod normal;
pub mod numpy;

pub use generator::Generator;
