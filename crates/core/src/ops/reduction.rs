//! Sums, means, products, and questions about all elements. Extrema are in `extremum`, moments in `statistics`.

use crate::cpu::reduce;
use crate::reducing::Reduction;
use crate::{DType, Result, Tensor, attach, ensure, ops};

/// The dtype sums and products are computed in: the one asked for, int64 for integers, else the input's.
fn sum_dtype(input: &Tensor, dtype: Option<DType>) -> DType {
    dtype.unwrap_or(if input.dtype().is_float() { input.dtype() } else { DType::I64 })
}

/// The kernels add integers up into int64; a narrower result is cast (wrapping is the same either way).
fn accumulate(kernel: &crate::cpu::Kernel, r: &Reduction, input: &Tensor, dtype: DType) -> Result<Tensor> {
    let integers = !dtype.is_float() && !input.dtype().is_float();
    let x = if integers { input.cast_data(DType::I64)? } else { ops::to_dtype(input, dtype)? };
    let inner = if dtype.is_float() { dtype } else { DType::I64 };
    let out = r.result(kernel, &x, inner, &[1.0.into()])?;
    if inner == dtype { Ok(out) } else { out.cast_data(dtype) }
}

fn sum_over(name: &'static str, input: &Tensor, r: Reduction, dtype: DType) -> Result<Tensor> {
    let out = accumulate(&reduce::SUM, &r, input, dtype)?;
    let plan = r.plan(input);
    attach(&[&out], name, &[input], &[], move |ctx| Ok(vec![Some(plan.spread(&ctx.grad(0)?)?)]));
    Ok(out)
}

fn nansum_over(input: &Tensor, r: Reduction, dtype: DType) -> Result<Tensor> {
    if !input.dtype().is_float() {
        return sum_over("NansumBackward0", input, r, dtype);
    }
    let x = ops::to_dtype(input, if dtype.is_float() { dtype } else { input.dtype() })?;
    let out = r.result(&reduce::NANSUM, &x, x.dtype(), &[])?.cast_data(dtype)?;
    let plan = r.plan(input);
    attach(&[&out], "NansumBackward0", &[input], &[Some(input)], move |ctx| {
        let x = ctx.saved(0)?.detach();
        Ok(vec![Some(ops::mul(&plan.spread(&ctx.grad(0)?)?, &ops::eq(&x, &x)?)?)])
    });
    Ok(out)
}

fn mean_over(name: &'static str, input: &Tensor, r: Reduction, dtype: Option<DType>) -> Result<Tensor> {
    let to = dtype.unwrap_or(input.dtype());
    let what = if dtype.is_some() { "Optional dtype" } else { "Input dtype" };
    ensure!(
        to.is_float(),
        DType,
        "mean(): could not infer output dtype. {what} must be either a floating point or complex dtype. Got: {}; convert \
         the tensor to a floating point dtype first",
        to.c_name()
    );
    let x = ops::to_dtype(input, to)?;
    let count = r.count as f64;
    // Nothing at all has the mean 0 / 0 = NaN, as in PyTorch.
    let out = r.result(&reduce::SUM, &x, to, &[count.into()])?;
    let plan = r.plan(input);
    attach(&[&out], name, &[&x], &[], move |ctx| {
        Ok(vec![Some(ops::div(&plan.spread(&ctx.grad(0)?)?, &Tensor::number(count)?)?)])
    });
    Ok(out)
}

fn prod_over(name: &'static str, input: &Tensor, r: Reduction, dtype: DType) -> Result<Tensor> {
    let x = if dtype.is_float() { ops::to_dtype(input, dtype)? } else { input.clone() };
    let out = accumulate(&reduce::PROD, &r, &x, dtype)?;
    let plan = r.plan(&x);
    attach(&[&out], name, &[&x], &[Some(&x), Some(&out)], move |ctx| {
        let (g, x, y) = (plan.spread(&ctx.grad(0)?)?, ctx.saved(0)?, ctx.saved(1)?);
        // Where nobody can look, there may be zeros.
        let zeros = !x.is_readable() || ops::count_nonzero(&x, None)?.item()?.to_i64() < x.numel() as i64;
        Ok(vec![Some(if zeros {
            ops::mul(&g, &products_of_others(&x, &plan.dims)?)?
        } else {
            ops::div(&ops::mul(&g, &plan.spread(&y)?)?, &x)?
        })])
    });
    Ok(out)
}

/// For every element the product of the others it is multiplied with: what stays of a product's derivative when some
/// factor is zero (PyTorch's prod_safe_zeros_backward).
fn products_of_others(x: &Tensor, dims: &[i64]) -> Result<Tensor> {
    if x.ndim() == 0 {
        return Tensor::ones(&[], x.dtype());
    }
    // The reduced dimensions as one, at the end.
    let rest: Vec<i64> = (0..x.ndim() as i64).filter(|d| !dims.contains(d)).collect();
    let order = [&rest[..], dims].concat();
    let moved = ops::permute(x, &order)?;
    let before = moved.sizes();
    let flat = ops::flatten(&moved, rest.len() as i64, -1)?;
    let n = flat.size(flat.ndim() - 1) as i64;
    let mut one: Vec<usize> = flat.shape().into();
    *one.last_mut().expect("a dimension was made") = 1;
    let one = Tensor::ones(&one, x.dtype())?;
    let less = |t: &Tensor, start: i64| ops::narrow(t, -1, &Tensor::number(start)?, n - 1);
    let left = ops::cumprod(&ops::cat(&[one.clone(), less(&flat, 0)?], -1)?, -1, None)?;
    let right = ops::cumprod(&ops::cat(&[one, less(&ops::flip(&flat, &[-1])?, 0)?], -1)?, -1, None)?;
    let others = ops::reshape(&ops::mul(&left, &ops::flip(&right, &[-1])?)?, &before)?;
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(i, &d)| back[d as usize] = i as i64);
    ops::permute(&others, &back)
}

/// `any` and `all`: bool, but uint8 for uint8 (a rule from before there was bool).
fn logic(kernel: &crate::cpu::Kernel, r: &Reduction, input: &Tensor) -> Result<Tensor> {
    r.result(kernel, input, if input.dtype() == DType::U8 { DType::U8 } else { DType::Bool }, &[])
}

/// As `logic` over a list of dimensions, which may be empty: then nothing is reduced.
fn logic_over(
    op: &str,
    kernel: &crate::cpu::Kernel,
    input: &Tensor,
    dim: Option<&[i64]>,
    keepdim: bool,
) -> Result<Tensor> {
    match dim {
        Some([]) if input.dtype() == DType::U8 => ops::clone(input),
        Some([]) => input.cast_data(DType::Bool),
        _ => logic(kernel, &Reduction::over(op, input, dim, keepdim)?, input),
    }
}

ops! {
    /// Sum of all elements. Bools and integers are summed into int64, unless `dtype` says otherwise.
    ///
    /// PyTorch: `torch.sum`.
    [torch tensor]
    fn sum(input: Tensor, dtype: Option<DType> = None) -> Tensor {
        sum_over("SumBackward0", input, Reduction::whole(input), sum_dtype(input, dtype))
    }

    /// Sum over these dimensions (all of them when the list is empty or null).
    ///
    /// PyTorch: `torch.sum`.
    [torch tensor as sum]
    fn sum_dim(input: Tensor, dim: Option<Vec<i64>>, keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        sum_over("SumBackward1", input, Reduction::over("sum", input, dim, keepdim)?, sum_dtype(input, dtype))
    }

    /// Sum that takes NaN as zero.
    ///
    /// PyTorch: `torch.nansum`.
    [torch tensor]
    fn nansum(input: Tensor, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        nansum_over(input, Reduction::over("nansum", input, dim, keepdim)?, sum_dtype(input, dtype))
    }

    /// Mean of all elements; integers need a floating `dtype`.
    ///
    /// PyTorch: `torch.mean`.
    [torch tensor]
    fn mean(input: Tensor, dtype: Option<DType> = None) -> Tensor {
        mean_over("MeanBackward0", input, Reduction::whole(input), dtype)
    }

    /// Mean over these dimensions (all of them when the list is empty or null).
    ///
    /// PyTorch: `torch.mean`.
    [torch tensor as mean]
    fn mean_dim(input: Tensor, dim: Option<Vec<i64>>, keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        mean_over("MeanBackward1", input, Reduction::over("mean", input, dim, keepdim)?, dtype)
    }

    /// Mean of the elements that are not NaN.
    ///
    /// PyTorch: `torch.nanmean`.
    [torch tensor]
    fn nanmean(input: Tensor, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        ensure!(
            input.dtype().is_float(),
            DType,
            "nanmean(): expected input to have floating point or complex dtype but got {}",
            input.dtype().c_name()
        );
        let numbers = ops::eq(&input.detach(), &input.detach())?;
        let count = ops::sum_dim(&numbers, dim, keepdim, None)?;
        ops::div(&ops::nansum(input, dim, keepdim, dtype)?, &count)
    }

    /// Product of all elements. Bools and integers are multiplied in int64, unless `dtype` says otherwise.
    ///
    /// PyTorch: `torch.prod`.
    [torch tensor]
    fn prod(input: Tensor, dtype: Option<DType> = None) -> Tensor {
        prod_over("ProdBackward0", input, Reduction::whole(input), sum_dtype(input, dtype))
    }

    /// Product along one dimension.
    ///
    /// PyTorch: `torch.prod`.
    [torch tensor as prod]
    fn prod_dim(input: Tensor, dim: i64, keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        prod_over("ProdBackward1", input, Reduction::along("prod", input, dim, keepdim)?, sum_dtype(input, dtype))
    }

    /// Whether every element is true (not zero).
    ///
    /// PyTorch: `torch.all`.
    [torch tensor]
    fn all(input: Tensor) -> Tensor {
        logic(&reduce::ALL, &Reduction::whole(input), input)
    }

    /// Whether every element is true along these dimensions.
    ///
    /// PyTorch: `torch.all`.
    [torch tensor as all]
    fn all_dim(input: Tensor, dim: Option<Vec<i64>>, keepdim: bool = false) -> Tensor {
        logic_over("all", &reduce::ALL, input, dim, keepdim)
    }

    /// Whether any element is true (not zero).
    ///
    /// PyTorch: `torch.any`.
    [torch tensor]
    fn any(input: Tensor) -> Tensor {
        logic(&reduce::ANY, &Reduction::whole(input), input)
    }

    /// Whether any element is true along these dimensions.
    ///
    /// PyTorch: `torch.any`.
    [torch tensor as any]
    fn any_dim(input: Tensor, dim: Option<Vec<i64>>, keepdim: bool = false) -> Tensor {
        logic_over("any", &reduce::ANY, input, dim, keepdim)
    }

    /// How many elements are not zero, along these dimensions or in all. The result is int64.
    ///
    /// PyTorch: `torch.count_nonzero`.
    [torch tensor]
    fn count_nonzero(input: Tensor, dim: Option<Vec<i64>> = None) -> Tensor {
        Reduction::over("count_nonzero", input, dim, false)?.result(&reduce::COUNT_NONZERO, input, DType::I64, &[])
    }
}
