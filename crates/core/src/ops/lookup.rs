//! Table lookups.

use crate::autograd::{no_grad, rows};
use crate::cpu::index::EMBEDDING_BACKWARD;
use crate::autograd::composite;
use crate::losses::number;
use crate::{DType, Result, Tensor, attach, bail, dispatch, ensure, ops};

/// How a table is looked up.
#[derive(Clone, Copy)]
struct Lookup {
    /// The row that gets no gradient, or -1.
    padding: i64,
    /// A row's gradient is divided by how often it was looked up.
    scale: bool,
    sparse: bool,
}

fn check_table(op: &str, weight: &Tensor) -> Result<()> {
    ensure!(weight.ndim() == 2, Shape, "{op}: 'weight' must be 2-D, got shape {:?}", weight.shape());
    Ok(())
}

/// Indices as int64, all inside the table; and where ops can look at them, their values.
fn check_indices(op: &str, index: &Tensor, rows: usize) -> Result<(Tensor, Vec<i64>)> {
    ensure!(
        matches!(index.dtype(), DType::I64 | DType::I32),
        DType,
        "{op}: Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got {} \
         instead",
        index.dtype().c_name()
    );
    if !index.is_readable() {
        return Ok((ops::reshape(&index.cast_data(DType::I64)?.detach(), &[-1])?, Vec::new()));
    }
    let values = index.to_vec::<i64>()?;
    if let Some(bad) = values.iter().find(|&&i| i < 0 || i >= rows as i64) {
        bail!(Index, "{op}: index out of range in self: index {bad} in a table of {rows} rows");
    }
    Ok((Tensor::from_slice(&values, &[values.len()])?, values))
}

/// `padding_idx` counted from the front; -1 when there is none.
fn wrap_padding(op: &str, padding_idx: Option<i64>, rows: usize) -> Result<i64> {
    let Some(p) = padding_idx else { return Ok(-1) };
    let n = rows as i64;
    ensure!(p >= -n && p < n, Value, "{op}: Padding_idx must be within num_embeddings, got {p} for {rows} rows");
    Ok(if p < 0 { p + n } else { p })
}

/// Scales the rows that are looked up down to `max_norm`, in place (aten/native/Embedding.cpp, embedding_renorm_).
fn renorm(weight: &Tensor, index: &[i64], max_norm: f64, p: f64) -> Result<()> {
    let mut used = index.to_vec();
    used.sort_unstable();
    used.dedup();
    let mut changed = false;
    no_grad(|| {
        for i in used {
            let row = ops::select(&weight.detach(), 0, i)?;
            let norm = ops::vector_norm(&row, p.into(), None, false, None)?.item()?.to_f64();
            if norm > max_norm {
                row.copy_from(&ops::mul(&row, &number(max_norm / (norm + 1e-7))?)?)?;
                changed = true;
            }
        }
        Ok(())
    })?;
    if changed {
        weight.storage().bump();
    }
    Ok(())
}

/// The same where nobody can look at the indices: every row that is looked up is written, most of them as they were.
fn renorm_unseen(weight: &Tensor, index: &Tensor, max_norm: f64, p: f64) -> Result<()> {
    no_grad(|| {
        let table = weight.detach();
        let rows = ops::index_select(&table, 0, index)?;
        let norm = ops::vector_norm(&rows, p.into(), Some(&[1]), true, None)?;
        let less = ops::div(&number(max_norm)?, &ops::add(&norm, &number(1e-7)?)?)?;
        let scale = ops::where_(&ops::gt(&norm, &number(max_norm)?)?, &less, &number(1.0)?)?;
        table.copy_from(&ops::index_copy(&table, 0, index, &ops::mul(&rows, &scale)?)?)
    })?;
    weight.storage().bump();
    Ok(())
}

/// Rows `index` (`[m]`) of the table.
fn lookup(weight: &Tensor, index: &Tensor, how: Lookup) -> Result<Tensor> {
    let out = no_grad(|| ops::index_select(&weight.detach(), 0, index))?;
    let n = weight.shape()[0];
    attach(&[&out], "EmbeddingBackward0", &[weight], &[Some(index)], move |ctx| {
        Ok(vec![Some(table_gradient(&ctx.grad(0)?, &ctx.saved(0)?, n, how)?)])
    });
    Ok(out)
}

/// The gradient of the table from that of the rows that were looked up.
fn table_gradient(g: &Tensor, index: &Tensor, n: usize, how: Lookup) -> Result<Tensor> {
    let out = Tensor::empty(&[n, g.shape()[1]], g.dtype())?;
    dispatch(&EMBEDDING_BACKWARD, &[g, index], &[&out], &[how.padding.into(), how.scale.into()])?;
    if how.sparse {
        rows::mark_rows(&out, index);
    }
    attach(&[&out], "EmbeddingDenseBackwardBackward0", &[g], &[Some(index)], move |ctx| {
        ensure!(!how.scale, NotImplemented, "embedding: double differentiation is not supported with scale_grad_by_freq");
        let index = ctx.saved(0)?;
        let gg = ops::index_select(&ctx.grad(0)?, 0, &index)?;
        let real = ops::ne(&ops::reshape(&index, &[-1, 1])?, &Tensor::number(how.padding)?)?;
        Ok(vec![Some(ops::where_(&real, &gg, &Tensor::zeros(&[], gg.dtype())?)?)])
    });
    Ok(out)
}

/// Which bag each index lies in, and how many bags there are.
fn bags(index: &Tensor, offsets: Option<&Tensor>, include_last: bool) -> Result<(Vec<i64>, usize)> {
    const OP: &str = "embeddingBag";
    if index.ndim() == 2 {
        ensure!(
            offsets.is_none(),
            Value,
            "{OP}: if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences."
        );
        let (n, m) = (index.shape()[0], index.shape()[1]);
        return Ok(((0..n * m).map(|i| (i / m) as i64).collect(), n));
    }
    ensure!(index.ndim() == 1, Value, "{OP}: input has to be 1D or 2D Tensor, but got Tensor of dimension {}", index.ndim());
    let Some(offsets) = offsets else { bail!(Value, "{OP}: offsets has to be a 1D Tensor but got None") };
    ensure!(offsets.ndim() == 1, Value, "{OP}: offsets has to be a 1D Tensor");
    let (at, n) = (offsets.to_vec::<i64>()?, index.numel());
    ensure!(
        at.first().is_none_or(|&f| f == 0),
        Runtime,
        "{OP}: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got {}",
        at[0]
    );
    ensure!(
        at.iter().all(|&a| a <= n as i64) && at.is_sorted(),
        Runtime,
        "{OP}: offsets[-1] can not be greater than input's length {n}, and offsets have to rise; got {at:?}"
    );
    ensure!(!include_last || !at.is_empty(), Runtime, "{OP}: include_last_offset: number of offset should be at least 1");
    let count = at.len() - usize::from(include_last);
    // The bag of an index is the last one that begins at or before it.
    let bag = |i: usize| at[..count].partition_point(|&a| a <= i as i64) as i64 - 1;
    let end = if include_last { at[count] as usize } else { n };
    Ok(((0..end).map(bag).collect(), count))
}

/// `embedding_bag` where nobody can look at indices and offsets: what does not count is left out by a mask.
fn bags_unseen(
    input: &Tensor,
    flat: &Tensor,
    weight: &Tensor,
    offsets: Option<&Tensor>,
    mode: &str,
    how: Lookup,
    weights: Option<&Tensor>,
    include_last: bool,
) -> Result<Tensor> {
    let (n, d) = (flat.numel() as i64, weight.shape()[1]);
    let places = ops::arange(n.into(), None)?;
    let mut counted = ops::ne(flat, &Tensor::number(how.padding)?)?;
    let (bag, count) = match offsets {
        None => {
            let long = input.shape().get(1).copied().unwrap_or(1).max(1) as i64;
            (ops::div_rounded(&places, &Tensor::number(long)?, Some("floor"))?, input.shape()[0])
        }
        Some(offsets) => {
            let all = offsets.cast_data(DType::I64)?;
            let count = all.numel() - usize::from(include_last);
            let starts = ops::slice(&all, 0, None, Some(count as i64), 1)?;
            // The bag of an index is the last one that begins at or before it.
            let after = ops::searchsorted(&starts, &places, false, true, None, None)?;
            if include_last {
                let end = ops::select(&all, 0, -1)?;
                counted = ops::logical_and(&counted, &ops::lt(&places, &end)?)?;
            }
            (ops::clamp_min(&ops::sub(&after, &Tensor::number(1)?)?, &Tensor::number(0)?)?, count)
        }
    };
    let column = ops::reshape(&counted, &[-1, 1])?;
    let mut values = lookup(weight, flat, how)?;
    if let Some(w) = weights {
        values = ops::mul(&values, &ops::reshape(w, &[-1, 1])?)?;
    }
    let zeros = Tensor::zeros(&[count, d], weight.dtype())?;
    let kept = ops::masked_fill(&values, &ops::logical_not(&column)?, &number(if mode == "max" { f64::NEG_INFINITY } else { 0.0 })?)?;
    let ones = column.cast_data(weight.dtype())?;
    let sizes = ops::index_add(&Tensor::zeros(&[count, 1], weight.dtype())?, 0, &bag, &ones, 1.into())?;
    if mode == "max" {
        let at = ops::expand(&ops::reshape(&bag, &[-1, 1])?, &[n, d as i64])?;
        let most = ops::scatter_reduce(&zeros, 0, &at, &kept, "amax", false)?;
        return ops::masked_fill(&most, &ops::eq(&sizes, &number(0.0)?)?, &number(0.0)?);
    }
    let sums = ops::index_add(&zeros, 0, &bag, &kept, 1.into())?;
    if mode == "mean" { ops::div(&sums, &ops::clamp_min(&sizes, &number(1.0)?)?) } else { Ok(sums) }
}

ops! {
    /// Rows of a table: indices of any shape `[*]` and `weight` `[n, d]` to `[*, d]`. `paddingIdx` names a row without
    /// gradient; `maxNorm` scales the rows that are looked up down to that norm, in place; `sparse` marks the gradient as
    /// one of few rows. Default: `normType = 2`.
    ///
    /// PyTorch: `torch.nn.functional.embedding`.
    [F]
    fn embedding(input: Tensor, weight: Tensor, padding_idx: Option<i64> = None, max_norm: Option<f64> = None,
                 norm_type: f64 = 2.0, scale_grad_by_freq: bool = false, sparse: bool = false) -> Tensor {
        const OP: &str = "embedding";
        check_table(OP, weight)?;
        let (index, values) = check_indices(OP, input, weight.shape()[0])?;
        let padding = wrap_padding(OP, padding_idx, weight.shape()[0])?;
        if let Some(max) = max_norm {
            if input.is_readable() {
                renorm(weight, &values, max, norm_type)?;
            } else {
                renorm_unseen(weight, &index, max, norm_type)?;
            }
        }
        let out = lookup(weight, &index, Lookup { padding, scale: scale_grad_by_freq, sparse })?;
        let mut shape = input.sizes();
        shape.push(weight.shape()[1] as i64);
        if shape.len() == 2 { Ok(out) } else { composite("EmbeddingBackward0", &[weight], ops::reshape(&out, &shape)) }
    }

    /// Sums, means or maxima of bags of rows: `[B, N]` indices, or `[N]` with the bags' first positions `offsets`, to `[B,
    /// d]`. `perSampleWeights` weigh the rows of a sum. Default: `mode = 'mean'`.
    ///
    /// PyTorch: `torch.nn.functional.embedding_bag`.
    [F]
    fn embedding_bag(input: Tensor, weight: Tensor, offsets: Option<Tensor> = None, max_norm: Option<f64> = None,
                     norm_type: f64 = 2.0, scale_grad_by_freq: bool = false, mode: String = "mean", sparse: bool = false,
                     per_sample_weights: Option<Tensor> = None, include_last_offset: bool = false,
                     padding_idx: Option<i64> = None) -> Tensor {
        const OP: &str = "embeddingBag";
        check_table(OP, weight)?;
        ensure!(matches!(mode, "sum" | "mean" | "max"), Value, "{OP}: mode has to be one of sum, mean or max, got {mode}");
        let (n, d) = (weight.shape()[0], weight.shape()[1]);
        let (flat, all) = check_indices(OP, input, n)?;
        let padding = wrap_padding(OP, padding_idx, n)?;
        if let Some(w) = per_sample_weights {
            ensure!(
                w.shape() == input.shape(),
                Value,
                "{OP}: If per_sample_weights ({:?}) is not None, then it must have the same shape as the input ({:?})",
                w.shape(), input.shape()
            );
            ensure!(
                mode == "sum",
                NotImplemented,
                "{OP}: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got mode='{mode}')."
            );
        }
        if !input.is_readable() {
            if let Some(max) = max_norm {
                renorm_unseen(weight, &flat, max, norm_type)?;
            }
            let how = Lookup { padding, scale: scale_grad_by_freq, sparse };
            let out = bags_unseen(input, &flat, weight, offsets, mode, how, per_sample_weights, include_last_offset);
            let inputs: Vec<&Tensor> = [Some(weight), per_sample_weights].into_iter().flatten().collect();
            return composite("EmbeddingBagBackward0", &inputs, out);
        }
        if let Some(max) = max_norm {
            renorm(weight, &all, max, norm_type)?;
        }
        let (bag, count) = bags(input, offsets, include_last_offset)?;
        // What counts: inside a bag, and not padding.
        let kept: Vec<i64> = (0..bag.len() as i64).filter(|&i| all[i as usize] != padding).collect();
        let pick = |v: &[i64]| -> Vec<i64> { kept.iter().map(|&i| v[i as usize]).collect() };
        let (rows, bag) = (pick(&all), pick(&bag));
        let m = kept.len();
        let index = Tensor::from_slice(&rows, &[m])?;
        let place = Tensor::from_slice(&bag, &[m])?;
        let mut values = lookup(weight, &index, Lookup { padding, scale: scale_grad_by_freq, sparse })?;
        if let Some(w) = per_sample_weights {
            let w = ops::index_select(&ops::reshape(w, &[-1])?, 0, &Tensor::from_slice(&kept, &[m])?)?;
            values = ops::mul(&values, &ops::reshape(&w, &[-1, 1])?)?;
        }
        let zeros = Tensor::zeros(&[count, d], weight.dtype())?;
        let out = if mode == "max" {
            let place = ops::expand(&ops::reshape(&place, &[-1, 1])?, &[m as i64, d as i64])?;
            ops::scatter_reduce(&zeros, 0, &place, &values, "amax", false)?
        } else {
            ops::index_add(&zeros, 0, &place, &values, 1.into())?
        };
        let out = if mode == "mean" {
            let mut sizes = vec![0f64; count];
            bag.iter().for_each(|&b| sizes[b as usize] += 1.0);
            sizes.iter_mut().for_each(|s| *s = s.max(1.0));
            ops::div(&out, &Tensor::from_numbers(&sizes, &[count, 1], out.dtype())?)?
        } else {
            out
        };
        let inputs: Vec<&Tensor> = [Some(weight), per_sample_weights].into_iter().flatten().collect();
        composite("EmbeddingBagBackward0", &inputs, Ok(out))
    }
}
