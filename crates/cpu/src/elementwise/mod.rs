//! Pointwise kernels: every operand is broadcast to the output's shape; inputs may be the output itself.
//!
//! `iter` walks strided operands, `drive` brings them before the inner loops of `loops`, `copy` moves elements.

mod copy;
mod drive;
pub mod iter;
mod loops;

pub use copy::{COPY, FILL, WHERE};

pub use loops::{bits, compare, derivative, num, real};

#[cfg(test)]
mod tests;
