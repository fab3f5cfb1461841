//! Comparisons, classification and logic. Results are bool.

use crate::call::Operand;
use crate::lane::expr::compare as expr;
use crate::{DType, Tensor, ensure, ops, pointwise, promote};

ops! {
    /// input == other, element by element.
    ///
    /// PyTorch: `torch.eq`.
    [torch tensor inplace]
    fn eq(input: Tensor, other: Operand) -> Tensor {
        pointwise::compare::<expr::eq::Op>(&[input, other], &[])
    }

    /// input != other, element by element.
    ///
    /// PyTorch: `torch.ne`.
    [torch tensor inplace "not_equal"]
    fn ne(input: Tensor, other: Operand) -> Tensor {
        pointwise::compare::<expr::ne::Op>(&[input, other], &[])
    }

    /// input < other, element by element.
    ///
    /// PyTorch: `torch.lt`.
    [torch tensor inplace "less"]
    fn lt(input: Tensor, other: Operand) -> Tensor {
        pointwise::compare::<expr::lt::Op>(&[input, other], &[])
    }

    /// input <= other, element by element.
    ///
    /// PyTorch: `torch.le`.
    [torch tensor inplace "less_equal"]
    fn le(input: Tensor, other: Operand) -> Tensor {
        pointwise::compare::<expr::le::Op>(&[input, other], &[])
    }

    /// input > other, element by element.
    ///
    /// PyTorch: `torch.gt`.
    [torch tensor inplace "greater"]
    fn gt(input: Tensor, other: Operand) -> Tensor {
        pointwise::compare::<expr::gt::Op>(&[input, other], &[])
    }

    /// input >= other, element by element.
    ///
    /// PyTorch: `torch.ge`.
    [torch tensor inplace "greater_equal"]
    fn ge(input: Tensor, other: Operand) -> Tensor {
        pointwise::compare::<expr::ge::Op>(&[input, other], &[])
    }

    /// Which elements are NaN?
    ///
    /// PyTorch: `torch.isnan`.
    [torch tensor]
    fn isnan(input: Tensor) -> Tensor {
        pointwise::compare::<expr::isnan::Op>(&[input], &[])
    }

    /// Which elements are infinite?
    ///
    /// PyTorch: `torch.isinf`.
    [torch tensor]
    fn isinf(input: Tensor) -> Tensor {
        pointwise::compare::<expr::isinf::Op>(&[input], &[])
    }

    /// Which elements are finite numbers?
    ///
    /// PyTorch: `torch.isfinite`.
    [torch tensor]
    fn isfinite(input: Tensor) -> Tensor {
        pointwise::compare::<expr::isfinite::Op>(&[input], &[])
    }

    /// Which elements are +inf?
    ///
    /// PyTorch: `torch.isposinf`.
    [torch tensor]
    fn isposinf(input: Tensor) -> Tensor {
        pointwise::compare::<expr::isposinf::Op>(&[input], &[])
    }

    /// Which elements are -inf?
    ///
    /// PyTorch: `torch.isneginf`.
    [torch tensor]
    fn isneginf(input: Tensor) -> Tensor {
        pointwise::compare::<expr::isneginf::Op>(&[input], &[])
    }

    /// Which elements have the sign bit set (-0.0 has)?
    ///
    /// PyTorch: `torch.signbit`.
    [torch tensor]
    fn signbit(input: Tensor) -> Tensor {
        pointwise::compare::<expr::signbit::Op>(&[input], &[])
    }

    /// Are both non-zero?
    ///
    /// PyTorch: `torch.logical_and`.
    [torch tensor inplace]
    fn logical_and(input: Tensor, other: Tensor) -> Tensor {
        pointwise::compare::<expr::logical_and::Op>(&[input, other], &[])
    }

    /// Is one of them non-zero?
    ///
    /// PyTorch: `torch.logical_or`.
    [torch tensor inplace]
    fn logical_or(input: Tensor, other: Tensor) -> Tensor {
        pointwise::compare::<expr::logical_or::Op>(&[input, other], &[])
    }

    /// Is exactly one of them non-zero?
    ///
    /// PyTorch: `torch.logical_xor`.
    [torch tensor inplace]
    fn logical_xor(input: Tensor, other: Tensor) -> Tensor {
        pointwise::compare::<expr::logical_xor::Op>(&[input, other], &[])
    }

    /// Which elements are zero?
    ///
    /// PyTorch: `torch.logical_not`.
    [torch tensor inplace]
    fn logical_not(input: Tensor) -> Tensor {
        pointwise::compare::<expr::logical_not::Op>(&[input], &[])
    }

    /// Which elements are real numbers? All of them: there are no complex dtypes yet.
    ///
    /// PyTorch: `torch.isreal`.
    [torch tensor]
    fn isreal(input: Tensor) -> Tensor {
        Tensor::full(input.shape(), true, DType::Bool)
    }

    /// Which elements are close: |input - other| <= atol + rtol * |other|? With `equalNan`, NaN is close to NaN.
    ///
    /// PyTorch: `torch.isclose`.
    [torch tensor]
    fn isclose(input: Tensor, other: Tensor, rtol: f64 = 1e-5, atol: f64 = 1e-8, equal_nan: bool = false) -> Tensor {
        ensure!(
            input.dtype() == other.dtype(),
            DType,
            "isclose: {} did not match {}: both tensors need the same dtype; convert one with .to()",
            input.dtype(),
            other.dtype()
        );
        ensure!(rtol >= 0.0, Runtime, "isclose: rtol must be greater than or equal to zero, but got {rtol}");
        ensure!(atol >= 0.0, Runtime, "isclose: atol must be greater than or equal to zero, but got {atol}");
        let params = [rtol, atol, equal_nan as u8 as f64];
        if input.dtype().is_float() {
            return pointwise::compare::<expr::isclose::Op>(&[input, other], &params);
        }
        let dtype = promote::default_dtype();
        pointwise::compare::<expr::isclose::Op>(&[&input.cast_data(dtype)?, &other.cast_data(dtype)?], &params)
    }

    /// Whether all elements are close, as in `isclose`.
    ///
    /// PyTorch: `torch.allclose`.
    [torch tensor]
    fn allclose(input: Tensor, other: Tensor, rtol: f64 = 1e-5, atol: f64 = 1e-8, equal_nan: bool = false) -> bool {
        Ok(ops::isclose(input, other, rtol, atol, equal_nan)?.to_vec::<crate::lane::Bool>()?.iter().all(|b| b.0 != 0))
    }

    /// Whether both have the same size and elements.
    ///
    /// PyTorch: `torch.equal`.
    [torch tensor]
    fn equal(input: Tensor, other: Tensor) -> bool {
        if input.shape() != other.shape() {
            return Ok(false);
        }
        Ok(ops::eq(input, other)?.to_vec::<crate::lane::Bool>()?.iter().all(|b| b.0 != 0))
    }
}
