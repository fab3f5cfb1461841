//! The functions behind `Real`.
//!
//! float32 functions work on four numbers at a time: in float64, two by two (`wide`), where plain
//! formulas are accurate enough that only the final rounding counts. All are written
//! in operations that every machine rounds alike, so native and wasm agree bit for bit. Polynomials are our own
//! Chebyshev fits; the comment at each gives its error. float64 functions are those of the `libm` crate, but
//! for those that `double` has better.

pub(crate) mod double;
pub mod float32;
pub mod special;
mod wide;

#[cfg(test)]
mod tests;
