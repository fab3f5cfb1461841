//! The kernels of expressions: their inner loops, which `lane` has, over operands of any layout.

use super::drive::drive;
use crate::threads::pointwise;
use crate::{Kernel, Launch};
use cresset_lane::expr::{BitsOp, CompareOp, Derivative, NumOp, RealOp};

/// The kernel of an expression on float32, float64, int64, int32 or uint8; the output has the inputs' dtype.
pub const fn num<P: NumOp>() -> Kernel {
    Kernel::new(P::NAME, run_num::<P>).with_program(cresset_lane::record_num::<P>).with_split(pointwise::<400>)
}
/// The kernel of an expression on float32 or float64; the output has the inputs' dtype.
pub const fn real<P: RealOp>() -> Kernel {
    Kernel::new(P::NAME, run_real::<P>).with_program(cresset_lane::record_real::<P>).with_split(pointwise::<2000>)
}
/// The kernel of an expression on int64, int32, uint8 or bool; the output has the inputs' dtype.
pub const fn bits<P: BitsOp>() -> Kernel {
    Kernel::new(P::NAME, run_bits::<P>).with_program(cresset_lane::record_bits::<P>).with_split(pointwise::<300>)
}
/// The kernel of a question about numbers of any dtype; the output is bool.
pub const fn compare<P: CompareOp>() -> Kernel {
    Kernel::new(P::NAME, run_compare::<P>).with_program(cresset_lane::record_compare::<P>).with_split(pointwise::<400>)
}
/// The kernel of a derivative on float32 or float64: inputs are the gradient and the derivative's slots.
pub const fn derivative<D: Derivative>() -> Kernel {
    Kernel::new(D::NAME, run_derivative::<D>)
        .with_program(cresset_lane::record_derivative::<D>)
        .with_split(pointwise::<1500>)
}

fn run_num<P: NumOp>(launch: &Launch) {
    drive(launch, P::row(launch.outs[0].dtype));
}
fn run_real<P: RealOp>(launch: &Launch) {
    drive(launch, P::row(launch.outs[0].dtype));
}
fn run_derivative<D: Derivative>(launch: &Launch) {
    drive(launch, D::row(launch.outs[0].dtype));
}
fn run_bits<P: BitsOp>(launch: &Launch) {
    drive(launch, P::row(launch.outs[0].dtype));
}
fn run_compare<P: CompareOp>(launch: &Launch) {
    drive(launch, P::row(launch.ins[0].dtype));
}
