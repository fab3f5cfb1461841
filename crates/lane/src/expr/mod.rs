//! Pointwise expressions and their derivatives, written once for every dtype and device.
//!
//! ```text
//! pointwise! {
//!     /// What it computes.
//!     Real softplus(x; beta, threshold) {
//!         select((x * beta).gt(threshold), x, (x * beta).exp().log1p() / beta)
//!     }
//!     => dx(g, x) {
//!         select((x * beta).gt(threshold), g, g * (x * beta).sigmoid())
//!     }
//! }
//! ```
//!
//! `softplus::Op` is the op. Inputs are called x, y, z (w where there is a fourth), parameters follow the semicolon; the
//! first word says what the expression needs: `Num` any dtype, `Bits` integers, `Real` floats, `Compare` any dtype with
//! a truth value as result. A derivative lists the incoming gradient `g`, then the inputs it reads, or `out`, the op's
//! result: exactly these are saved for the backward pass. `=> dx() { lit(0.0) }` is a derivative that is zero; an input
//! without a derivative has none. Derivatives follow PyTorch's tools/autograd/derivatives.yaml.

mod macros;

pub mod activation;
pub mod arith;
pub mod bitwise;
pub mod compare;
pub mod exponential;
pub mod loss;
pub mod norm;
pub mod rounding;
pub mod special;
pub mod trig;

use crate::DType;
use crate::num::{Bits, Num, Real};
pub use crate::row::Row;

/// What an op is, apart from what it computes.
pub trait Pointwise: 'static {
    /// The expression's name; kernels are called after it.
    const NAME: &'static str;
    /// Number of tensors that it reads.
    const INS: usize;
    /// Number of parameters: plain numbers, the same for every element.
    const PARAMS: usize;
    /// The derivative by the first input.
    type D0: Derivative;
    /// The derivative by the second input.
    type D1: Derivative;
    /// The derivative by the third input.
    type D2: Derivative;
}

/// An expression on any dtype but bool; the result has the operands' dtype.
pub trait NumOp: Pointwise {
    fn eval<L: Num>(x: &[L], p: &[L]) -> L;
    /// Its loop for a dtype.
    fn row(dtype: DType) -> Row;
}
/// An expression on integers and bool; the result has the operands' dtype.
pub trait BitsOp: Pointwise {
    fn eval<L: Bits>(x: &[L], p: &[L]) -> L;
    /// Its loop for a dtype.
    fn row(dtype: DType) -> Row;
}
/// An expression on floats; the result has the operands' dtype.
pub trait RealOp: Pointwise {
    fn eval<L: Real>(x: &[L], p: &[L]) -> L;
    /// Its loop for a dtype.
    fn row(dtype: DType) -> Row;
}
/// A question about numbers of any dtype; the result is bool.
pub trait CompareOp: Pointwise {
    fn eval<L: Num>(x: &[L], p: &[L]) -> L::Mask;
    /// Its loop for inputs of a dtype.
    fn row(dtype: DType) -> Row;
}

/// Where a derivative's operand comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// Input number n of the op.
    In(usize),
    /// The op's result.
    Out,
}

/// The gradient by one input, from the incoming gradient and the saved values.
pub trait Derivative: 'static {
    const NAME: &'static str;
    /// False where the op is not differentiable by this input.
    const EXISTS: bool;
    /// What it reads besides the incoming gradient.
    const SLOTS: &'static [Slot];
    /// Number of parameters: those of the op.
    const PARAMS: usize;
    /// `x` is the incoming gradient followed by the slots' values.
    fn eval<L: Real>(x: &[L], p: &[L]) -> L;
    /// Its loop for a dtype.
    fn row(dtype: DType) -> Row;
}

/// In place of a derivative that does not exist.
pub struct NoGrad;

impl Derivative for NoGrad {
    const NAME: &'static str = "no_grad";
    const EXISTS: bool = false;
    const SLOTS: &'static [Slot] = &[];
    const PARAMS: usize = 0;
    #[inline(always)]
    fn eval<L: Real>(_: &[L], _: &[L]) -> L {
        L::lit(0.0)
    }
    fn row(dtype: DType) -> Row {
        crate::row::derivative::<NoGrad>(dtype)
    }
}

#[cfg(test)]
mod tests;
