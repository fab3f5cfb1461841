//! What a pointwise op computes, written once for every machine.
//!
//! `Num`, `Bits` and `Real` are the arithmetic an expression may use; their instances are SIMD lanes, scalars and a
//! recorder. `expr` holds the expressions and their derivatives, `row` their loops over contiguous elements. This crate
//! knows nothing of tensors or layouts.

// Coefficients stand as they were derived, in float64; the same list serves both precisions.
#![allow(clippy::excessive_precision)]

mod attr;
mod demand;
pub mod dtype;
pub mod expr;
pub mod math;
pub mod num;
pub mod row;
pub mod simd;

pub use attr::Attr;
pub use demand::{Class, Demand, Found, Test};
pub use dtype::{Bool, DType, Element};
pub use num::{
    BinaryFn, Bits, CompareFn, Num, Program, Real, Step, TestFn, UnaryFn, record_bits, record_compare,
    record_derivative, record_num, record_real,
};
pub use simd::F32x4;
