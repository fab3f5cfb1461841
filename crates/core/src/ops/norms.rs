//! Vector and matrix norms.

use crate::cpu::reduce;
use crate::reducing::{Plan, Reduction};
use crate::{DType, Result, Scalar, Tensor, attach, bail, ensure, ops, promote};

const NODE: &str = "LinalgVectorNormBackward0";

fn power(t: &Tensor, p: f64) -> Result<Tensor> {
    ops::pow(t, &Tensor::number(p)?)
}

/// The p-norm over some dimensions.
pub(crate) fn vector(name: &'static str, op: &str, input: &Tensor, p: f64, r: Reduction, dtype: Option<DType>) -> Result<Tensor> {
    let dtype = dtype.unwrap_or(input.dtype());
    ensure!(
        dtype.is_float() && input.dtype().is_float(),
        DType,
        "{op}: Expected a floating point or complex tensor as input. Got {}",
        input.dtype().c_name()
    );
    ensure!(
        promote::can_cast(input.dtype(), dtype) && dtype >= input.dtype(),
        DType,
        "{op}: the dtype of the input ({}) should be convertible without narrowing to the specified dtype ({})",
        input.dtype().c_name(),
        dtype.c_name()
    );
    if p < 0.0 || p == f64::INFINITY {
        ensure!(
            r.count > 0 || r.kept.iter().product::<usize>() == 0,
            Runtime,
            "{op} cannot compute the {p} norm on an empty tensor because the operation does not have an identity"
        );
    }
    let x = ops::to_dtype(input, dtype)?;
    let data = x.detach();
    let out = if p == 0.0 {
        r.result(&reduce::COUNT_NONZERO, &data, DType::I64, &[])?.cast_data(dtype)?
    } else if p.is_infinite() {
        r.result(if p > 0.0 { &reduce::AMAX } else { &reduce::AMIN }, &ops::abs(&data)?, dtype, &[])?
    } else {
        r.result(&reduce::NORM, &data, dtype, &[p.into()])?
    };
    let plan = r.plan(&x);
    attach(&[&out], name, &[&x], &[Some(&x), Some(&out)], move |ctx| {
        Ok(vec![Some(vector_backward(&ctx.grad(0)?, &ctx.saved(0)?, &ctx.saved(1)?, p, &plan)?)])
    });
    Ok(out)
}

/// PyTorch's norm_backward (FunctionsManual.cpp): zero where the norm is not differentiable.
fn vector_backward(g: &Tensor, x: &Tensor, norm: &Tensor, p: f64, plan: &Plan) -> Result<Tensor> {
    let (g, norm) = (plan.keep(g)?, plan.keep(norm)?);
    let zero = Tensor::number(0.0)?;
    let is_zero = |t: &Tensor| ops::eq(&t.detach(), &zero);
    let unless = |t: Tensor, mask: Tensor| ops::masked_fill(&t, &mask, &zero);
    if p == 0.0 {
        return Tensor::zeros(x.shape(), x.dtype());
    }
    if p == 1.0 {
        return ops::mul(&g, &ops::sign(x)?);
    }
    if p == 2.0 {
        return ops::mul(&g, &unless(ops::div(x, &norm)?, is_zero(&norm)?)?);
    }
    if p.is_infinite() {
        let size = ops::abs(x)?;
        let (s, n) = (size.detach(), norm.detach());
        let nan = ops::logical_and(&ops::ne(&s, &s)?, &ops::ne(&n, &n)?)?;
        let hit = ops::logical_or(&ops::eq(&s, &n)?, &nan)?.cast_data(x.dtype())?;
        return ops::mul(&ops::mul(&ops::sign(x)?, &hit)?, &ops::div(&g, &plan.sum(&hit)?)?);
    }
    let (part, factor) = if p < 2.0 {
        let part = ops::mul(&ops::sign(x)?, &power(&ops::abs(x)?, p - 1.0)?)?;
        let part = if p < 1.0 { unless(part, is_zero(x)?)? } else { part };
        (part, ops::mul(&g, &power(&norm, 1.0 - p)?)?)
    } else {
        (ops::mul(x, &power(&ops::abs(x)?, p - 2.0)?)?, ops::div(&g, &power(&norm, p - 1.0)?)?)
    };
    ops::mul(&part, &unless(factor, is_zero(&norm)?)?)
}

/// The two dimensions of the matrices.
fn matrix_dims(op: &str, input: &Tensor, dim: &[i64]) -> Result<(i64, i64)> {
    let &[a, b] = dim else { bail!(Shape, "{op}: dim must be a 2-tuple. Got {dim:?}") };
    ensure!(input.ndim() >= 2, Shape, "{op}: The input tensor A must have at least 2 dimensions, got shape {:?}", input.shape());
    let (a, b) = (input.wrap_dim(op, a)?, input.wrap_dim(op, b)?);
    ensure!(a != b, Runtime, "{op}: dims must be different. Got ({a}, {b})");
    Ok((a as i64, b as i64))
}

/// The singular values of the matrices in two dimensions, along a last dimension.
fn singular_values(input: &Tensor, rows: i64, columns: i64) -> Result<Tensor> {
    ops::svdvals(&ops::movedim(input, &[rows, columns], &[-2, -1])?, None)
}

/// A norm of matrices with the two dimensions put back as ones, if they are to be kept.
fn put_back(norm: Tensor, rows: i64, columns: i64, keepdim: bool) -> Result<Tensor> {
    if !keepdim {
        return Ok(norm);
    }
    // They come last and are moved to their places, as in aten/native/LinearAlgebra.cpp.
    ops::movedim(&ops::unsqueeze(&ops::unsqueeze(&norm, -1)?, -1)?, &[-2, -1], &[rows, columns])
}

/// The norms of matrices by order: the greatest or least sum of absolute values of a column (1) or row (infinity), the
/// greatest or least singular value (2).
fn matrix(op: &str, input: &Tensor, ord: f64, dim: &[i64], keepdim: bool, dtype: Option<DType>) -> Result<Tensor> {
    let (rows, columns) = matrix_dims(op, input, dim)?;
    let (first, mut second) = match ord.abs() {
        1.0 => (rows, columns),
        f64::INFINITY => (columns, rows),
        2.0 => {
            let values = singular_values(&ops::to_dtype(input, dtype.unwrap_or(input.dtype()))?, rows, columns)?;
            let out = if ord > 0.0 { ops::amax(&values, Some(&[-1]), false)? } else { ops::amin(&values, Some(&[-1]), false)? };
            return put_back(out, rows, columns, keepdim);
        }
        _ => bail!(Runtime, "{op}: Order {ord} not supported"),
    };
    let sums = vector(NODE, op, input, 1.0, Reduction::along(op, input, first, keepdim)?, dtype)?;
    if !keepdim && first < second {
        second -= 1;
    }
    if ord > 0.0 { ops::amax(&sums, Some(&[second]), keepdim) } else { ops::amin(&sums, Some(&[second]), keepdim) }
}

/// The norm that a word names.
fn named(op: &str, input: &Tensor, ord: &str, dim: Option<&[i64]>, keepdim: bool, dtype: Option<DType>) -> Result<Tensor> {
    match ord {
        "fro" => {
            let dims = dim.filter(|d| !d.is_empty());
            vector(NODE, op, input, 2.0, Reduction::over(op, input, dims, keepdim)?, dtype)
        }
        "inf" | "-inf" => {
            let p = if ord == "inf" { f64::INFINITY } else { f64::NEG_INFINITY };
            vector(NODE, op, input, p, Reduction::over(op, input, dim, keepdim)?, dtype)
        }
        "nuc" => {
            let all: Vec<i64> = (0..input.ndim() as i64).collect();
            let (rows, columns) = matrix_dims(op, input, dim.unwrap_or(&all))?;
            let values = singular_values(&ops::to_dtype(input, dtype.unwrap_or(input.dtype()))?, rows, columns)?;
            put_back(ops::sum_dim(&values, Some(&[-1]), false, None)?, rows, columns, keepdim)
        }
        other => bail!(Runtime, "{op}: Order {other} not supported"),
    }
}

ops! {
    /// The vector norm (sum |x|^ord)^(1/ord) over these dimensions, or of all elements; 0 counts what is not zero,
    /// infinite orders give the greatest and the least.
    ///
    /// PyTorch: `torch.linalg.vector_norm`.
    [linalg]
    fn vector_norm(x: Tensor, ord: Scalar = 2, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        vector(NODE, "linalg.vector_norm", x, ord.to_f64(), Reduction::over("linalg.vector_norm", x, dim, keepdim)?, dtype)
    }

    /// The p-norm over these dimensions, or of all elements.
    ///
    /// PyTorch: `torch.norm`.
    [torch tensor]
    fn norm(input: Tensor, p: Option<Scalar> = 2, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        vector(NODE, "norm", input, p.map_or(2.0, Scalar::to_f64), Reduction::over("norm", input, dim, keepdim)?, dtype)
    }

    /// The norm that a word names: 'fro', or 'nuc', the sum of the singular values.
    [torch tensor as norm]
    fn norm_named(input: Tensor, p: String, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        named("norm", input, p, dim, keepdim, dtype)
    }

    /// The norm of matrices by order: 1 and -1 (columns), Infinity and -Infinity (rows), 2 and -2 (singular values).
    ///
    /// PyTorch: `torch.linalg.matrix_norm`.
    [linalg]
    fn matrix_norm(A: Tensor, ord: Scalar, dim: Vec<i64> = vec![-2, -1], keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        matrix("linalg.matrix_norm", A, ord.to_f64(), dim, keepdim, dtype)
    }

    /// The norm of matrices by name: 'fro' or 'nuc'.
    [linalg as matrix_norm]
    fn matrix_norm_named(A: Tensor, ord: String = "fro", dim: Vec<i64> = vec![-2, -1], keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        matrix_dims("linalg.matrix_norm", A, dim)?;
        named("linalg.matrix_norm", A, ord, Some(dim), keepdim, dtype)
    }

    /// The norm of a vector, or of matrices where two dimensions (or a matrix and an order) are given.
    ///
    /// PyTorch: `torch.linalg.norm`.
    [linalg as norm]
    fn linalg_norm(A: Tensor, ord: Option<Scalar> = None, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        let op = "linalg.norm";
        if let Some(d) = dim {
            ensure!(matches!(d.len(), 1 | 2), Shape, "{op}: If dim is specified, it must be of length 1 or 2. Got {d:?}");
        }
        let Some(ord) = ord else { return vector(NODE, op, A, 2.0, Reduction::over(op, A, dim, keepdim)?, dtype) };
        match dim {
            Some(d) if d.len() == 2 => matrix(op, A, ord.to_f64(), d, keepdim, dtype),
            None if A.ndim() == 2 => matrix(op, A, ord.to_f64(), &[0, 1], keepdim, dtype),
            None if A.ndim() != 1 => {
                bail!(Shape, "{op}: If dim is not specified but ord is, the input must be 1D or 2D. Got {}D.", A.ndim())
            }
            _ => vector(NODE, op, A, ord.to_f64(), Reduction::over(op, A, dim, keepdim)?, dtype),
        }
    }

    /// The norm of matrices by name: 'fro' or 'nuc'.
    [linalg as norm]
    fn linalg_norm_named(A: Tensor, ord: String, dim: Option<Vec<i64>> = None, keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        let two = dim.map_or(A.ndim() == 2, |d| d.len() == 2);
        ensure!(two, Shape, "linalg.norm: the '{ord}' norm is one of matrices: give two dimensions, got {dim:?} for {:?}", A.shape());
        named("linalg.norm", A, ord, dim, keepdim, dtype)
    }

    /// Scales every slice along a dimension whose p-norm exceeds `maxnorm` down to it.
    ///
    /// PyTorch: `torch.renorm`.
    [torch tensor inplace]
    fn renorm(input: Tensor, p: Scalar, dim: i64, maxnorm: Scalar) -> Tensor {
        ensure!(p.to_f64() > 0.0, Value, "renorm: non-positive-norm not supported, got p = {}", p.to_f64());
        ensure!(maxnorm.to_f64() >= 0.0, Value, "renorm: expected maxnorm to be >= 0 but got {}", maxnorm.to_f64());
        ensure!(input.ndim() > 1, Shape, "renorm: input needs at least 2 dimensions, got {} dimensions", input.ndim());
        let d = input.wrap_dim("renorm", dim)?;
        let others: Vec<i64> = (0..input.ndim()).filter(|&k| k != d).map(|k| k as i64).collect();
        let norm = ops::vector_norm(input, p, Some(&others), true, None)?;
        let limit = Tensor::number(maxnorm.to_f64())?;
        // The small constant is PyTorch's (aten/src/ATen/native/Normalization.cpp, renorm_scale_factor).
        let factor = ops::div(&limit, &ops::add(&norm, &Tensor::number(1e-7)?)?)?;
        let above = ops::gt(&norm.detach(), &limit)?;
        let out = ops::mul(input, &ops::where_(&above, &factor, &Tensor::number(1.0)?)?);
        crate::autograd::composite("RenormBackward0", &[input], out)
    }
}
