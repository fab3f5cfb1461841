//! Masks, and the positions of what is not zero.

use crate::call::{OneOrMore, Operand};
use crate::cpu::index as kernels;
use crate::demand::{Class, Demand, Found, Test, refuse};
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

/// The positions of the first `size` elements that are not zero, in order, followed by rows of `fill`, without counting them.
fn first_nonzero(x: &Tensor, size: i64, fill: i64) -> Result<Tensor> {
    let marks = ops::reshape(&ops::ne(x, &Tensor::number(0)?)?.cast_data(DType::I32)?, &[-1])?;
    let n = (marks.numel() as i64).min(size);
    let order = ops::slice(&ops::argsort(&marks, 0, true, true)?, 0, None, Some(n), 1)?;
    let real = ops::lt(&ops::arange((n).into(), None)?, &ops::sum(&marks, None)?)?;
    let mut columns = Vec::with_capacity(x.ndim());
    let mut stride = x.numel() as i64;
    for &d in x.shape() {
        stride /= (d as i64).max(1);
        let along = ops::div_rounded(&order, &Tensor::number(stride.max(1))?, Some("floor"))?;
        let at = ops::remainder(&along, &Tensor::number((d as i64).max(1))?)?;
        columns.push(ops::where_(&real, &at, &Tensor::number(fill)?)?.cast_data(DType::I64)?);
    }
    let out = Tensor::full(&[size as usize, x.ndim()], fill, DType::I64)?;
    if !columns.is_empty() && n > 0 {
        let part = ops::views::slice_layout(out.layout(), 0, 0, n as usize, 1);
        out.alias(part).copy_from(&ops::stack(&columns, 1)?)?;
    }
    Ok(out)
}

/// How many elements are not zero.
fn count(t: &Tensor) -> Result<usize> {
    Ok(ops::count_nonzero(t, None)?.item()?.to_i64() as usize)
}

/// The elements of `g` where the mask is true, in order, as the first of a tensor of `n` in this shape; the rest is zero. Nobody
/// has to count them for that: each is added at the place that the running sum of the mask names.
fn gathered(g: &Tensor, mask: &Tensor, n: usize, shape: &[usize]) -> Result<Tensor> {
    let spread = ops::expand(mask, &g.sizes())?;
    let at = ops::cumsum(&ops::reshape(&spread, &[-1])?, 0, Some(DType::I64))?;
    let at = ops::clamp_min(&ops::sub(&at, &Tensor::number(1)?)?, &Tensor::number(0)?)?;
    let part = ops::reshape(&ops::masked_fill(g, &ops::logical_not(&spread)?, &Tensor::number(0)?)?, &[-1])?;
    let sums = ops::index_add(&Tensor::zeros(&[n.max(1)], g.dtype())?, 0, &at, &part, 1.into())?;
    let size: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    ops::reshape(&ops::slice(&sums, 0, None, Some(n as i64), 1)?, &size)
}

/// Of the number, among those that the mask has, of an element that the source has not.
static ENOUGH: Demand = Demand {
    class: Class::Shape,
    test: Test::Inside,
    input: 0,
    says: |op, found| {
        let ones = found.value + 1.0;
        format!("{op}: Number of elements of source < number of ones in mask: {} < {ones}", found.bound)
    },
};

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
        let n = if m.is_readable() { count(&m)? } else { 0 };
        let found = Found { value: n as f64 - 1.0, at: 0, bound: source.numel() };
        if n > source.numel() {
            return Err(refuse("masked_scatter", &ENOUGH, &found));
        }
        let out = Tensor::empty(&shape, input.dtype())?;
        out.copy_from(&x)?;
        dispatch(&const { kernels::MASKED_SCATTER.with_demand(&ENOUGH) }, &[&source.contiguous_data()?, &m], &[&out], &[])?;
        let before: Vec<usize> = source.shape().into();
        attach(&[&out], "MaskedScatterBackward0", &[input, source], &[Some(mask)], move |ctx| {
            let (g, mask) = (ctx.grad(0)?, ctx.saved(0)?);
            let rest = ctx.when(0, || ops::masked_fill(&g, &mask, &Tensor::number(0)?))?;
            let part = ctx.when(1, || {
                let n: usize = before.iter().product();
                if !mask.is_readable() {
                    return gathered(&g, &mask, n, &before);
                }
                let chosen = ops::masked_select(&g, &mask)?;
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
        if !input.is_readable() {
            return first_nonzero(input, size, fill_value);
        }
        let (at, n) = (ops::nonzero(input)?, size as usize);
        let out = Tensor::full(&[n, input.ndim()], fill_value, DType::I64)?;
        let rows = at.shape()[0].min(n);
        let part = |t: &Tensor| t.alias(ops::views::slice_layout(t.layout(), 0, 0, rows, 1));
        part(&out).copy_from(&part(&at))?;
        Ok(out)
    }
}
