//! Random tensors, and the generators that programs hold. The numbers themselves come from `cpu::random`.

pub mod generators;
pub mod tensors;

pub use crate::cpu::random::{Elements, Generator, fill, glibc, numpy};
