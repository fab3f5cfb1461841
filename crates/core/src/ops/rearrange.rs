//! Elements in another order: reversed, rolled, rotated, repeated; and the cross product, made of rolls.

use crate::autograd::composite;
use crate::cpu::{Attr, index};
use crate::demand::{Class, Demand, Test, demand};
use crate::layout::wrap_dims;
use crate::{DType, Result, Tensor, attach, dispatch, ensure, ops};

/// A copy of `x` rolled by `shift` along a dimension: two pieces change places.
fn roll_one(x: &Tensor, shift: i64, dim: usize) -> Result<Tensor> {
    let n = x.shape()[dim];
    let out = Tensor::empty(x.shape(), x.dtype())?;
    if n == 0 {
        return Ok(out);
    }
    let cut = n - shift.rem_euclid(n as i64) as usize;
    let piece = |t: &Tensor, from: usize, to: usize| t.alias(ops::views::slice_layout(t.layout(), dim, from, to, 1));
    piece(&out, 0, n - cut).copy_from(&piece(x, cut, n))?;
    piece(&out, n - cut, n).copy_from(&piece(x, 0, cut))?;
    Ok(out)
}

/// What `repeat_interleave` repeats along: the dimension, or the flattened input.
fn line(input: &Tensor, dim: Option<i64>) -> Result<(Tensor, i64)> {
    match dim {
        Some(d) if input.ndim() > 0 => Ok((input.clone(), input.wrap_dim("repeat_interleave", d)? as i64)),
        _ => Ok((ops::reshape(input, &[-1])?, 0)),
    }
}

static COUNT: Demand = Demand {
    class: Class::Value,
    test: Test::NotBelow(0.0),
    input: 0,
    says: |op, found| format!("{op}: repeats can not be negative, got {}", found.value),
};
static TOTAL: Demand = Demand {
    class: Class::Value,
    test: Test::Exactly,
    input: 0,
    says: |op, found| format!("{op}: allocated size does not match required size: {} and {}", found.bound, found.value),
};

/// `i` repeated `repeats[i]` times.
fn repeated(repeats: &Tensor, output_size: Option<i64>) -> Result<Tensor> {
    ensure!(repeats.ndim() <= 1, Shape, "repeat_interleave: repeats must be 0-dim or 1-dim tensor, got {:?}", repeats.shape());
    ensure!(
        matches!(repeats.dtype(), DType::I32 | DType::I64),
        DType,
        "repeat_interleave: repeats has to be Long or Int tensor, got {}",
        repeats.dtype()
    );
    let counts = repeats.cast_data(DType::I64)?;
    if let (Some(n), false) = (output_size, counts.is_readable()) {
        demand("repeat_interleave", &counts, &COUNT, 0)?;
        demand("repeat_interleave", &ops::sum(&counts, None)?, &TOTAL, n as usize)?;
        let out = Tensor::empty(&[n as usize], DType::I64)?;
        dispatch(&index::REPEAT_INDICES, &[&counts], &[&out], &[])?;
        return Ok(out);
    }
    let low = crate::placing::range(&counts)?.map_or(0, |r| r.0);
    ensure!(low >= 0, Value, "repeat_interleave: repeats can not be negative, got {low}");
    let total = ops::sum(&counts, None)?.item()?.to_i64();
    ensure!(
        output_size.is_none_or(|n| n == total),
        Value,
        "repeat_interleave: allocated size does not match required size: {} and {total}",
        output_size.unwrap_or(0)
    );
    let out = Tensor::empty(&[total as usize], DType::I64)?;
    dispatch(&index::REPEAT_INDICES, &[&counts], &[&out], &[])?;
    Ok(out)
}

ops! {
    /// The elements in reversed order along these dimensions. A copy.
    ///
    /// PyTorch: `torch.flip`.
    [torch tensor]
    fn flip(input: Tensor, dims: Vec<i64>) -> Tensor {
        let out = Tensor::empty_like(input, input.dtype())?;
        let flags = if dims.is_empty() { vec![false; input.ndim()] } else { wrap_dims("flip", Some(dims), input.ndim())?.to_vec() };
        let attrs: Vec<Attr> = flags.iter().map(|&f| f.into()).collect();
        dispatch(&index::FLIP, &[input], &[&out], &attrs)?;
        let dims = dims.to_vec();
        attach(&[&out], "FlipBackward0", &[input], &[], move |ctx| Ok(vec![Some(ops::flip(&ctx.grad(0)?, &dims)?)]));
        Ok(out)
    }

    /// Columns in reversed order.
    ///
    /// PyTorch: `torch.fliplr`.
    [torch tensor]
    fn fliplr(input: Tensor) -> Tensor {
        ensure!(input.ndim() >= 2, Shape, "fliplr: Input must be >= 2-d., got shape {:?}", input.shape());
        ops::flip(input, &[1])
    }

    /// Rows in reversed order.
    ///
    /// PyTorch: `torch.flipud`.
    [torch tensor]
    fn flipud(input: Tensor) -> Tensor {
        ensure!(input.ndim() >= 1, Shape, "flipud: Input must be >= 1-d., got a 0-d tensor");
        ops::flip(input, &[0])
    }

    /// Elements moved on by `shifts` along `dims`, round the end; without `dims`, along the flattened tensor.
    ///
    /// PyTorch: `torch.roll`.
    [torch tensor]
    fn roll(input: Tensor, shifts: Vec<i64>, dims: Vec<i64> = vec![]) -> Tensor {
        ensure!(!shifts.is_empty(), Runtime, "roll: `shifts` required");
        if dims.is_empty() && shifts.len() == 1 {
            let flat = ops::roll(&ops::reshape(input, &[-1])?, shifts, &[0])?;
            return ops::reshape(&flat, &input.sizes());
        }
        ensure!(
            shifts.len() == dims.len(),
            Runtime,
            "roll: shifts and dimensions must align. shifts: {}, dims:{}",
            shifts.len(),
            dims.len()
        );
        let mut out = input.detach();
        for (&s, &d) in shifts.iter().zip(dims) {
            let d = input.wrap_dim("roll", d)?;
            out = if input.ndim() == 0 { ops::clone(&out)? } else { roll_one(&out, s, d)? };
        }
        let (back, dims): (Vec<i64>, Vec<i64>) = (shifts.iter().map(|s| -s).collect(), dims.to_vec());
        attach(&[&out], "RollBackward0", &[input], &[], move |ctx| Ok(vec![Some(ops::roll(&ctx.grad(0)?, &back, &dims)?)]));
        Ok(out)
    }

    /// Rotated by k quarter turns in the plane of two dimensions, from the first towards the second.
    ///
    /// PyTorch: `torch.rot90`.
    [torch tensor]
    fn rot90(input: Tensor, k: i64 = 1, dims: Vec<i64> = vec![0, 1]) -> Tensor {
        ensure!(dims.len() == 2, Runtime, "rot90: expected total rotation dims == 2, but got dims = {}", dims.len());
        ensure!(input.ndim() >= 2, Shape, "rot90: expected total dims >= 2, but got total dims = {}", input.ndim());
        let (a, b) = (input.wrap_dim("rot90", dims[0])?, input.wrap_dim("rot90", dims[1])?);
        ensure!(a != b, Runtime, "rot90: expected rotation dims to be different, but got dim0 = {a} and dim1 = {b}");
        let (a, b) = (a as i64, b as i64);
        let out = match k.rem_euclid(4) {
            1 => ops::transpose(&ops::flip(input, &[b])?, a, b),
            2 => ops::flip(input, &[a, b]),
            3 => ops::transpose(&ops::flip(input, &[a])?, a, b),
            _ => ops::clone(input),
        };
        composite("Rot90Backward0", &[input], out)
    }

    /// Every element (or slice along `dim`) repeated the same number of times, one after the other.
    ///
    /// PyTorch: `torch.repeat_interleave`.
    [torch tensor]
    fn repeat_interleave(input: Tensor, repeats: i64, dim: Option<i64> = None, output_size: Option<i64> = None) -> Tensor {
        ensure!(repeats >= 0, Value, "repeat_interleave: repeats can not be negative, got {repeats}");
        let (x, d) = line(input, dim)?;
        let (mut size, mut spread) = (x.sizes(), x.sizes());
        let d = d as usize;
        size[d] *= repeats;
        ensure!(
            output_size.is_none_or(|n| n == size[d]),
            Value,
            "repeat_interleave: allocated size does not match required size: {} and {}",
            output_size.unwrap_or(0),
            size[d]
        );
        spread.insert(d + 1, repeats);
        let copy = ops::clone(&ops::expand(&ops::unsqueeze(&x, d as i64 + 1)?, &spread)?)?;
        ops::view(&ops::contiguous(&copy)?, &size)
    }

    /// Element (or slice along `dim`) i repeated `repeats[i]` times.
    [torch tensor as repeat_interleave]
    fn repeat_interleave_tensor(input: Tensor, repeats: Tensor, dim: Option<i64> = None, output_size: Option<i64> = None) -> Tensor {
        let (x, d) = line(input, dim)?;
        let n = x.shape()[d as usize];
        ensure!(
            repeats.numel() == 1 || repeats.numel() == n,
            Shape,
            "repeat_interleave: repeats must have the same size as input along dim, but got repeats.size(0) = {} and \
             input.size({d}) = {n}",
            repeats.numel()
        );
        let counts = if repeats.numel() == n && repeats.ndim() == 1 {
            repeats.clone()
        } else {
            ops::expand(&ops::reshape(repeats, &[1])?, &[n as i64])?
        };
        ops::index_select(&x, d, &repeated(&counts, output_size)?)
    }

    /// `i` repeated `repeats[i]` times, for all i.
    [torch as repeat_interleave]
    fn repeat_interleave_indices(repeats: Tensor, output_size: Option<i64> = None) -> Tensor {
        repeated(repeats, output_size)
    }

    /// The cross product of vectors of three along a dimension: the first of size 3, unless one is given.
    ///
    /// PyTorch: `torch.cross`.
    [torch tensor]
    fn cross(input: Tensor, other: Tensor, dim: Option<i64> = None) -> Tensor {
        let dim = match dim {
            Some(d) => d,
            None => match input.shape().iter().position(|&n| n == 3) {
                Some(d) => d as i64,
                None => crate::bail!(Shape, "cross: no dimension of size 3 in input, of shape {:?}", input.shape()),
            },
        };
        ops::linalg_cross(input, other, dim)
    }

    /// The cross product of vectors of three along a dimension; the other dimensions broadcast.
    ///
    /// PyTorch: `torch.linalg.cross`.
    [linalg as cross]
    fn linalg_cross(input: Tensor, other: Tensor, dim: i64 = -1) -> Tensor {
        ensure!(
            input.ndim() == other.ndim(),
            Shape,
            "linalg.cross: inputs must have the same number of dimensions: {:?} and {:?}",
            input.shape(),
            other.shape()
        );
        let d = input.wrap_dim("linalg.cross", dim)?;
        ensure!(
            input.size(d) == 3 && other.size(d) == 3,
            Shape,
            "linalg.cross: inputs dimension {dim} must have length 3. Got {} and {}",
            input.size(d),
            other.size(d)
        );
        let turn = |t: &Tensor, by: i64| ops::roll(t, &[by], &[d as i64]);
        let out = ops::sub(
            &ops::mul(&turn(&input.detach(), -1)?, &turn(&other.detach(), -2)?)?,
            &ops::mul(&turn(&input.detach(), -2)?, &turn(&other.detach(), -1)?)?,
        )?;
        attach(&[&out], "LinalgCrossBackward0", &[input, other], &[Some(input), Some(other)], move |ctx| {
            let (g, x, y) = (ctx.grad(0)?, ctx.saved(0)?, ctx.saved(1)?);
            Ok(vec![
                ctx.when(0, || ops::linalg_cross(&y, &g, d as i64))?,
                ctx.when(1, || ops::linalg_cross(&g, &x, d as i64))?,
            ])
        });
        Ok(out)
    }
}
