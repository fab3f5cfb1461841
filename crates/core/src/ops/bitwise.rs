//! Integers and their bits. Bools are bits, too; floats are refused.

use crate::call::Operand;
use crate::lane::expr::bitwise as expr;
use crate::{DType, Result, Tensor, bail, ops, pointwise, promote};

/// Refuses floats (and bools, where the op has no meaning for them).
fn needs_int(op: &str, bools: bool, ins: &[&Tensor]) -> Result<()> {
    let dtype = promote::result_type(ins);
    if dtype.is_float() || (dtype == DType::Bool && !bools) {
        bail!(NotImplemented, "{op}: \"{op}\" not implemented for '{}'; convert to an integer dtype", dtype.c_name());
    }
    Ok(())
}

ops! {
    /// The bits that both have.
    ///
    /// PyTorch: `torch.bitwise_and`.
    [torch tensor inplace direct]
    fn bitwise_and(input: Operand, other: Operand) -> Tensor {
        ops::needs_tensor("bitwise_and", input, other)?;
        needs_int("bitwise_and", true, &[input, other])?;
        pointwise::bits::<expr::bitwise_and::Op>(&[input, other])
    }

    /// The bits that either has.
    ///
    /// PyTorch: `torch.bitwise_or`.
    [torch tensor inplace direct]
    fn bitwise_or(input: Operand, other: Operand) -> Tensor {
        ops::needs_tensor("bitwise_or", input, other)?;
        needs_int("bitwise_or", true, &[input, other])?;
        pointwise::bits::<expr::bitwise_or::Op>(&[input, other])
    }

    /// The bits that exactly one has.
    ///
    /// PyTorch: `torch.bitwise_xor`.
    [torch tensor inplace direct]
    fn bitwise_xor(input: Operand, other: Operand) -> Tensor {
        ops::needs_tensor("bitwise_xor", input, other)?;
        needs_int("bitwise_xor", true, &[input, other])?;
        pointwise::bits::<expr::bitwise_xor::Op>(&[input, other])
    }

    /// input * 2^other; 0 where other is negative or at least the width.
    ///
    /// PyTorch: `torch.bitwise_left_shift`.
    [torch tensor inplace direct]
    fn bitwise_left_shift(input: Operand, other: Operand) -> Tensor {
        ops::needs_tensor("bitwise_left_shift", input, other)?;
        needs_int("bitwise_left_shift", false, &[input, other])?;
        pointwise::bits::<expr::bitwise_left_shift::Op>(&[input, other])
    }

    /// input shifted right arithmetically by other bits.
    ///
    /// PyTorch: `torch.bitwise_right_shift`.
    [torch tensor inplace direct]
    fn bitwise_right_shift(input: Operand, other: Operand) -> Tensor {
        ops::needs_tensor("bitwise_right_shift", input, other)?;
        needs_int("bitwise_right_shift", false, &[input, other])?;
        pointwise::bits::<expr::bitwise_right_shift::Op>(&[input, other])
    }

    /// Every bit inverted; of a bool, its opposite.
    ///
    /// PyTorch: `torch.bitwise_not`.
    [torch tensor inplace direct]
    fn bitwise_not(input: Tensor) -> Tensor {
        needs_int("bitwise_not", true, &[input])?;
        pointwise::bits::<expr::bitwise_not::Op>(&[input])
    }

    /// The greatest common divisor.
    ///
    /// PyTorch: `torch.gcd`.
    [torch tensor inplace direct]
    fn gcd(input: Tensor, other: Tensor) -> Tensor {
        needs_int("gcd", false, &[input, other])?;
        pointwise::bits::<expr::gcd::Op>(&[input, other])
    }

    /// The least common multiple.
    ///
    /// PyTorch: `torch.lcm`.
    [torch tensor inplace direct]
    fn lcm(input: Tensor, other: Tensor) -> Tensor {
        needs_int("lcm", false, &[input, other])?;
        pointwise::bits::<expr::lcm::Op>(&[input, other])
    }
}
