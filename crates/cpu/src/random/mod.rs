//! Random numbers: PyTorch's CPU generator and numpy's RandomState, bit for bit, into plain memory.

mod cephes;
mod elements;
pub mod exact;
pub mod fill;
pub mod fused;
pub mod generator;
pub mod glibc;
mod integers;
mod log_table;
pub mod mt19937;
pub mod normal;
pub mod numpy;
mod uniform;

pub use elements::Elements;
pub use generator::Generator;

#[cfg(test)]
mod tests;
