//! Choosing and comparing whole tensors.

use crate::call::Operand;
use crate::{DType, Tensor, attach, ensure, ops, pointwise, promote};

ops! {
    /// Elements of `input` where the condition holds, of `other` elsewhere; all broadcast, dtypes promote.
    ///
    /// PyTorch: `torch.where`.
    [torch as where]
    fn where_(condition: Tensor, input: Operand, other: Operand) -> Tensor {
        ensure!(
            matches!(condition.dtype(), DType::Bool | DType::U8),
            DType,
            "where expected condition to be a boolean tensor, but got a tensor with dtype {}",
            condition.dtype()
        );
        let dtype = promote::result_type(&[input, other]);
        let mask = condition.cast_data(DType::Bool)?;
        let out = pointwise::select_data(&mask, &input.cast_data(dtype)?, &other.cast_data(dtype)?)?;
        attach(&[&out], "WhereBackward0", &[input, other], &[Some(&mask)], |ctx| {
            let (g, mask) = (ctx.grad(0)?, ctx.saved(0)?);
            let zero = Tensor::full(&[], 0, g.dtype())?;
            let a = ctx.when(0, || ops::where_(&mask, &g, &zero))?;
            let b = ctx.when(1, || ops::where_(&mask, &zero, &g))?;
            Ok(vec![a, b])
        });
        Ok(out)
    }

    /// `condition.where`: elements of this tensor where the condition holds, of `other` elsewhere.
    ///
    /// PyTorch: `Tensor.where`.
    [tensor as where]
    fn where_self(input: Tensor, condition: Tensor, other: Operand) -> Tensor {
        ops::where_(condition, input, other)
    }

    /// Whether a non-zero tensor of one element is meant (`if (x)` in Python).
    [torch tensor]
    fn is_nonzero(input: Tensor) -> bool {
        ensure!(
            input.numel() == 1,
            Runtime,
            "is_nonzero: Boolean value of Tensor with {} values is ambiguous",
            input.numel()
        );
        Ok(input.item()?.to_f64() != 0.0)
    }

    /// Whether both have the same size.
    ///
    /// PyTorch: `Tensor.is_same_size`.
    [tensor]
    fn is_same_size(input: Tensor, other: Tensor) -> bool {
        Ok(input.shape() == other.shape())
    }
}
