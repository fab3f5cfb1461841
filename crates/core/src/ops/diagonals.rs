//! Triangles and diagonals of matrices.

use crate::cpu::index;
use crate::demand::{Class, Demand, Found, Test, refuse};
use crate::layout::wrap_dim;
use crate::{DType, Layout, Result, Tensor, attach, bail, dispatch, ensure, ops};

fn triangle(op: &'static str, name: &'static str, input: &Tensor, diagonal: i64, upper: bool) -> Result<Tensor> {
    ensure!(
        input.ndim() >= 2,
        Shape,
        "{op}: input tensor must have at least 2 dimensions, got shape {:?}",
        input.shape()
    );
    let out = Tensor::empty(input.shape(), input.dtype())?;
    dispatch(&index::TRI, &[input], &[&out], &[diagonal.into(), upper.into()])?;
    attach(&[&out], name, &[input], &[], move |ctx| {
        Ok(vec![Some(triangle(op, name, &ctx.grad(0)?, diagonal, upper)?)])
    });
    Ok(out)
}

/// Zeros with `input` along a diagonal of the last two of `shape`'s dimensions, which are dims `d1` and `d2`.
fn embed(input: &Tensor, offset: i64, d1: usize, d2: usize) -> Result<Tensor> {
    let n = input.shape()[input.ndim() - 1] + offset.unsigned_abs() as usize;
    let mut shape: Vec<usize> = input.shape()[..input.ndim() - 1].into();
    let (low, high) = (d1.min(d2), d1.max(d2));
    shape.insert(low, n);
    shape.insert(high, n);
    let out = Tensor::zeros(&shape, input.dtype())?;
    ops::diagonal(&out, offset, d1 as i64, d2 as i64)?.copy_from(input)?;
    Ok(out)
}

/// Rows and columns of a triangle's elements, row by row.
fn triangle_indices(rows: i64, columns: i64, dtype: DType, keep: impl Fn(i64, i64) -> bool) -> Result<Tensor> {
    ensure!(rows >= 0 && columns >= 0, Value, "a triangle's sizes must be non-negative, got {rows} and {columns}");
    let places: Vec<(i64, i64)> =
        (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))).filter(|&(r, c)| keep(r, c)).collect();
    let flat: Vec<i64> = places.iter().map(|p| p.0).chain(places.iter().map(|p| p.1)).collect();
    Tensor::from_slice(&flat, &[2, places.len()])?.cast_data(dtype)
}

static CLASS: Demand = Demand {
    class: Class::Value,
    test: Test::Inside,
    input: 1,
    says: |op, found| match found.value {
        v if v < 0.0 => format!("{op}: Class values must be non-negative, got {v}"),
        v => format!("{op}: Class values must be smaller than num_classes: {v} and {}", found.bound),
    },
};

ops! {
    /// The lower triangles of matrices, zero above the given diagonal.
    ///
    /// PyTorch: `torch.tril`.
    [torch tensor inplace]
    fn tril(input: Tensor, diagonal: i64 = 0) -> Tensor {
        triangle("tril", "TrilBackward0", input, diagonal, false)
    }

    /// The upper triangles of matrices, zero below the given diagonal.
    ///
    /// PyTorch: `torch.triu`.
    [torch tensor inplace]
    fn triu(input: Tensor, diagonal: i64 = 0) -> Tensor {
        triangle("triu", "TriuBackward0", input, diagonal, true)
    }

    /// Rows and columns of the lower triangle of a matrix, as a tensor with two rows.
    ///
    /// PyTorch: `torch.tril_indices`.
    [torch factory]
    fn tril_indices(row: i64, col: i64, offset: i64 = 0, dtype: Option<DType> = None) -> Tensor {
        triangle_indices(row, col, dtype.unwrap_or(DType::I64), |r, c| c - r <= offset)
    }

    /// Rows and columns of the upper triangle of a matrix, as a tensor with two rows.
    ///
    /// PyTorch: `torch.triu_indices`.
    [torch factory]
    fn triu_indices(row: i64, col: i64, offset: i64 = 0, dtype: Option<DType> = None) -> Tensor {
        triangle_indices(row, col, dtype.unwrap_or(DType::I64), |r, c| c - r >= offset)
    }

    /// The sum of a matrix's diagonal.
    ///
    /// PyTorch: `torch.trace`.
    [torch tensor]
    fn trace(input: Tensor) -> Tensor {
        ensure!(input.ndim() == 2, Shape, "trace: expected a matrix, but got tensor with dim {}", input.ndim());
        let out = ops::sum(&ops::diagonal(&input.detach(), 0, 0, 1)?, None)?;
        let before: Vec<usize> = input.shape().into();
        attach(&[&out], "TraceBackward0", &[input], &[], move |ctx| {
            let n = before[0].min(before[1]) as i64;
            let g = ops::diag_embed(&ops::expand(&ctx.grad(0)?, &[n])?, 0, 0, 1)?;
            // What the shorter side cuts off is zero.
            let rest = |rows: usize, columns: usize| Tensor::zeros(&[rows, columns], g.dtype());
            let n = n as usize;
            let tall = ops::cat(&[g.clone(), rest(before[0] - n, n)?], 0)?;
            Ok(vec![Some(ops::cat(&[tall, rest(before[0], before[1] - n)?], 1)?)])
        });
        Ok(out)
    }

    /// A matrix with this vector on a diagonal, or the diagonal of this matrix.
    ///
    /// PyTorch: `torch.diag`.
    [torch tensor]
    fn diag(input: Tensor, diagonal: i64 = 0) -> Tensor {
        match input.ndim() {
            1 => ops::diag_embed(input, diagonal, 0, 1),
            2 => ops::diagonal_copy(input, diagonal, 0, 1),
            n => bail!(Shape, "diag(): Supports 1D or 2D tensors. Got {n}D"),
        }
    }

    /// A matrix with all elements of the input on a diagonal.
    ///
    /// PyTorch: `torch.diagflat`.
    [torch tensor]
    fn diagflat(input: Tensor, offset: i64 = 0) -> Tensor {
        ops::diag_embed(&ops::reshape(input, &[-1])?, offset, 0, 1)
    }

    /// Matrices in dimensions `dim1` and `dim2` whose diagonals are the input's last dimension.
    ///
    /// PyTorch: `torch.diag_embed`.
    [torch tensor]
    fn diag_embed(input: Tensor, offset: i64 = 0, dim1: i64 = -2, dim2: i64 = -1) -> Tensor {
        ensure!(input.ndim() > 0, Shape, "diag_embed: expected a tensor with at least one dimension");
        let rank = input.ndim() + 1;
        let (d1, d2) = (wrap_dim("diag_embed", dim1, rank)?, wrap_dim("diag_embed", dim2, rank)?);
        ensure!(d1 != d2, Runtime, "diag_embed: diagonal dimensions cannot be identical {dim1}, {dim2}");
        let out = embed(input, offset, d1, d2)?;
        attach(&[&out], "DiagEmbedBackward0", &[input], &[], move |ctx| {
            Ok(vec![Some(ops::diagonal(&ctx.grad(0)?, offset, dim1, dim2)?)])
        });
        Ok(out)
    }

    /// Vectors that are one at the given class and zero elsewhere, along a new last dimension.
    ///
    /// PyTorch: `torch.nn.functional.one_hot`.
    [F]
    fn one_hot(tensor: Tensor, num_classes: i64 = -1) -> Tensor {
        ensure!(tensor.dtype() == DType::I64, DType, "one_hot is only applicable to index tensor of type LongTensor, got {}", tensor.dtype());
        // How many classes there are may stand in the elements; classes that do not are told by the kernel where those cannot be seen.
        let unseen = num_classes > 0 && tensor.numel() > 0 && !tensor.is_readable();
        let range = if unseen { Some((0, num_classes - 1)) } else { crate::placing::range(tensor)? };
        let Some((low, high)) = range else {
            ensure!(num_classes > 0, Runtime, "one_hot: Can not infer total number of classes from empty tensor.");
            let shape: Vec<usize> = tensor.shape().iter().copied().chain([num_classes as usize]).collect();
            return Tensor::zeros(&shape, DType::I64);
        };
        let refused = |v: i64| Err(refuse("one_hot", &CLASS, &Found { value: v as f64, at: 0, bound: num_classes as usize }));
        if low < 0 {
            return refused(low);
        }
        if num_classes != -1 && high >= num_classes {
            return refused(high);
        }
        let n = if num_classes == -1 { high as usize + 1 } else { num_classes as usize };
        let rows = tensor.numel();
        let out = Tensor::zeros(&[rows, n], DType::I64)?;
        let at = tensor.contiguous_data()?.alias(Layout::contiguous(&[rows, 1]));
        let places = crate::placing::Access { demand: Some(&CLASS), ..crate::placing::elementwise(&out, 1, &at) };
        places.write(&out, &Tensor::ones(&[], DType::I64)?, crate::placing::PutMode::Assign)?;
        let shape: Vec<usize> = tensor.shape().iter().copied().chain([n]).collect();
        Ok(out.alias(Layout::contiguous(&shape)))
    }
}
