//! Masks, and the positions of what is not zero.

use crate::call::{OneOrMore, Operand};
use crate::cpu::index as kernels;
use crate::layout::broadcast_shapes;
use crate::placing::at_least_1d;
use crate::{DType, Result, Tensor, attach, dispatch, ensure, ops, pointwise};

/// Refuses what is no mask.
fn check_mask(op: &str, mask: &Tensor) -> Result<()> {
    ensure!(
        mask.dtype() == DType::Bool,
        DType,
        "{op} only supports boolean masks, but got mask with dtype {}",
        mask.dtype()
    );
    Ok(())
}

/// How many elements are not zero.
fn count(t: &Tensor) -> Result<usize> {
    Ok(ops::count_nonzero(t, None)?.item()?.to_i64() as usize)
}

ops! {
    /// A copy with one value wherever the mask is true; mask and input broadcast.
    ///
    /// PyTorch: `torch.masked_fill`.
    [torch tensor inplace]
    fn masked_fill(input: Tensor, mask: Tensor, value: Operand) -> Tensor {
        check_mask("masked_fill", mask)?;
        ensure!(
            value.ndim() == 0,
            Shape,
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {} dimension{}.",
            value.ndim(),
            if value.ndim() == 1 { "" } else { "s" }
        );
        let out = pointwise::select_data(mask, &value.cast_data(input.dtype())?, input)?;
        let name = if value.is_wrapped_number() { "MaskedFillBackward0" } else { "MaskedFillBackward1" };
        attach(&[&out], name, &[input, value], &[Some(mask)], |ctx| {
            let (g, mask) = (ctx.grad(0)?, ctx.saved(0)?);
            let rest = ctx.when(0, || ops::masked_fill(&g, &mask, &Tensor::number(0)?))?;
            let value = ctx.when(1, || ops::sum(&ops::mul(&g, &mask)?, None))?;
            Ok(vec![rest, value])
        });
        Ok(out)
    }

    /// The elements where the mask is true, in one dimension; mask and input broadcast.
    ///
    /// PyTorch: `torch.masked_select`.
    [torch tensor]
    fn masked_select(input: Tensor, mask: Tensor) -> Tensor {
        ensure!(
            mask.dtype() == DType::Bool,
            DType,
            "masked_select: expected BoolTensor for mask, but got {}",
            mask.dtype()
        );
        let shape = broadcast_shapes("masked_select", input.shape(), mask.shape())?;
        let size: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
        let (x, m) = (ops::expand(&input.detach(), &size)?, ops::expand(mask, &size)?);
        let out = Tensor::empty(&[count(&m)?], input.dtype())?;
        dispatch(&kernels::MASKED_SELECT, &[&x, &m], &[&out], &[])?;
        attach(&[&out], "MaskedSelectBackward0", &[input], &[Some(mask)], move |ctx| {
            let g = ctx.grad(0)?;
            Ok(vec![Some(ops::masked_scatter(&Tensor::zeros(&shape, g.dtype())?, &ctx.saved(0)?, &g)?)])
        });
        Ok(out)
    }

    /// A copy in which the elements of `source`, in order, stand where the mask is true; mask and input broadcast.
    ///
    /// PyTorch: `torch.masked_scatter`.
    [torch tensor inplace]
    fn masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor {
        check_mask("masked_scatter_", mask)?;
        ensure!(
            input.dtype() == source.dtype(),
            DType,
            "masked_scatter: expected self and source to have same dtypes but got {} and {}",
            input.dtype().c_name(),
            source.dtype().c_name()
        );
        let shape = broadcast_shapes("masked_scatter", input.shape(), mask.shape())?;
        let size: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
        let (x, m) = (ops::expand(&input.detach(), &size)?, ops::expand(mask, &size)?);
        let n = count(&m)?;
        ensure!(
            n <= source.numel(),
            Shape,
            "masked_scatter: Number of elements of source < number of ones in mask: {} < {n}",
            source.numel()
        );
        let out = Tensor::empty(&shape, input.dtype())?;
        out.copy_from(&x)?;
        dispatch(&kernels::MASKED_SCATTER, &[&source.contiguous_data()?, &m], &[&out], &[])?;
        let before: Vec<usize> = source.shape().into();
        attach(&[&out], "MaskedScatterBackward0", &[input, source], &[Some(mask)], move |ctx| {
            let (g, mask) = (ctx.grad(0)?, ctx.saved(0)?);
            let rest = ctx.when(0, || ops::masked_fill(&g, &mask, &Tensor::number(0)?))?;
            let part = ctx.when(1, || {
                let chosen = ops::masked_select(&g, &mask)?;
                let n: usize = before.iter().product();
                let rest = Tensor::zeros(&[n - chosen.numel()], g.dtype())?;
                let size: Vec<i64> = before.iter().map(|&n| n as i64).collect();
                ops::reshape(&ops::cat(&[chosen, rest], 0)?, &size)
            })?;
            Ok(vec![rest, part])
        });
        Ok(out)
    }

    /// The positions of what is not zero: a row for each, in row-major order, with as many columns as dimensions.
    ///
    /// PyTorch: `torch.nonzero`.
    [torch tensor]
    fn nonzero(input: Tensor) -> Tensor {
        let out = Tensor::empty(&[count(input)?, input.ndim()], DType::I64)?;
        dispatch(&kernels::NONZERO, &[input], &[&out], &[])?;
        Ok(out)
    }

    /// The positions of what is not zero: a row for each, in row-major order.
    ///
    /// PyTorch: `torch.argwhere`.
    [torch tensor]
    fn argwhere(input: Tensor) -> Tensor {
        ops::nonzero(input)
    }

    /// As `nonzero`; with `asTuple` a tensor for each dimension, as an index takes them.
    ///
    /// PyTorch: `torch.nonzero`.
    [torch tensor as nonzero]
    fn nonzero_as(input: Tensor, as_tuple: bool) -> OneOrMore {
        Ok(if as_tuple { OneOrMore::More(ops::where_nonzero(input)?) } else { OneOrMore::One(ops::nonzero(input)?) })
    }

    /// The positions of what is not zero, a tensor for each dimension (a scalar has one).
    ///
    /// PyTorch: `torch.where(condition)`, `torch.nonzero(input, as_tuple=True)`.
    [torch as where]
    fn where_nonzero(condition: Tensor) -> Vec<Tensor> {
        ops::unbind(&ops::nonzero(&at_least_1d(condition))?, 1)
    }

    /// As `nonzero`, cut or filled up to exactly `size` rows.
    ///
    /// PyTorch: `torch.nonzero_static`.
    [torch tensor]
    fn nonzero_static(input: Tensor, size: i64, fill_value: i64 = -1) -> Tensor {
        ensure!(size >= 0, Runtime, "nonzero_static: 'size' must be an non-negative integer, got {size}");
        let (at, n) = (ops::nonzero(input)?, size as usize);
        let out = Tensor::full(&[n, input.ndim()], fill_value, DType::I64)?;
        let rows = at.shape()[0].min(n);
        let part = |t: &Tensor| t.alias(ops::views::slice_layout(t.layout(), 0, 0, rows, 1));
        part(&out).copy_from(&part(&at))?;
        Ok(out)
    }
}
