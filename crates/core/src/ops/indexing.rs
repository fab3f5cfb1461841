//! Reading and writing where index tensors say: any mix of them and kept dimensions (what `x.at(...)` comes down to),
//! slices along one dimension, elements by number. Masks are in `masking`.

use smallvec::SmallVec;

use crate::call::Operand;
use crate::layout::broadcast_shapes;
use crate::placing::{self, Access, Index, PutMode, at_least_1d};
use crate::reducing::scale;
use crate::{DType, Layout, Result, Scalar, Shape, Strides, Tensor, attach, autograd, device, ensure, ops, pointwise};

/// Tensors that index leading dimensions; None keeps a dimension.
type Indices = Vec<Option<Tensor>>;

/// Replaces every mask by the positions of what is true in it, and makes every index int64.
fn expand_masks(op: &str, x: &Tensor, indices: &[Option<Tensor>]) -> Result<Indices> {
    let mut out = Indices::new();
    for item in indices {
        match item {
            None => out.push(None),
            Some(m) if matches!(m.dtype(), DType::Bool | DType::U8) => {
                let first = out.len();
                for k in 0..m.ndim() {
                    let (have, size) = (m.shape()[k], x.shape().get(first + k).copied());
                    ensure!(
                        Some(have) == size,
                        Index,
                        "{op}: The shape of the mask {:?} at index {k} does not match the shape of the indexed tensor {:?} \
                         at index {}",
                        m.shape(),
                        x.shape(),
                        first + k
                    );
                }
                // A mask on the host is looked up there, whatever it indexes.
                let at = {
                    let _device = device::enter(m.device());
                    ops::nonzero(m)?
                };
                let at = at.to_device(device::current())?;
                for k in 0..m.ndim() {
                    out.push(Some(ops::select(&at, 1, k as i64)?.detach()));
                }
            }
            Some(t) => {
                ensure!(
                    matches!(t.dtype(), DType::I32 | DType::I64),
                    Index,
                    "{op}: tensors used as indices must be long, int, byte or bool tensors, not {}",
                    t.dtype()
                );
                out.push(Some(placing::integer_index(op, t)?));
            }
        }
    }
    ensure!(
        out.len() <= x.ndim(),
        Index,
        "{op}: too many indices for tensor of dimension {}: got {}",
        x.ndim(),
        out.len()
    );
    Ok(out)
}

/// The access that these int64 indices describe: their common shape stands where the first of them was, or in front
/// when a kept dimension lies between them (numpy's rule).
fn advanced(op: &str, x: &Tensor, indices: &[Option<Tensor>]) -> Result<Access> {
    let mut common = Shape::new();
    for t in indices.iter().flatten() {
        common = broadcast_shapes(op, &common, t.shape()).map_err(|e| {
            let shapes: Vec<_> = indices.iter().flatten().map(|t| t.shape()).collect();
            e.saying(format!("{op}: shape mismatch: indexing tensors could not be broadcast together with shapes {shapes:?}"))
        })?;
    }
    let indexed = |d: usize| indices.get(d).is_some_and(Option::is_some);
    let places: Vec<usize> = (0..x.ndim()).filter(|&d| indexed(d)).collect();
    let adjacent = places.windows(2).all(|w| w[1] == w[0] + 1);
    let lead = if adjacent { places.first().copied().unwrap_or(0) } else { 0 };
    let kept: Vec<usize> = (0..x.ndim()).filter(|&d| !indexed(d)).collect();
    let (mut space, mut strides) = (Shape::new(), Strides::new());
    let mut keep = |dims: &[usize], space: &mut Shape| {
        for &d in dims {
            space.push(x.shape()[d]);
            strides.push(x.strides()[d]);
        }
    };
    keep(&kept[..lead], &mut space);
    space.extend_from_slice(&common);
    let mut middle: Strides = SmallVec::from_elem(0, common.len());
    keep(&kept[lead..], &mut space);
    for (k, s) in middle.drain(..).enumerate() {
        strides.insert(lead + k, s);
    }
    let mut list = Vec::with_capacity(places.len());
    for &d in &places {
        let at = indices[d].as_ref().expect("an index stands here");
        let along = crate::layout::expand_strides(at.layout(), &common).expect("broadcast was checked");
        let mut over: Strides = SmallVec::from_elem(0, space.len());
        over[lead..lead + common.len()].copy_from_slice(&along);
        if space.iter().all(|&n| n > 0) {
            placing::check(op, at, d, x.shape()[d], true)?;
        }
        list.push(Index { at: at.clone(), strides: over, size: x.shape()[d], stride: x.strides()[d] });
    }
    Ok(Access { space, strides, indices: list, negative: true, demand: None })
}

/// The indices as a node saves them, and which dimensions they stand for.
fn saved(indices: &[Option<Tensor>]) -> (Vec<bool>, Vec<Option<&Tensor>>) {
    (indices.iter().map(Option::is_some).collect(), indices.iter().flatten().map(Some).collect())
}

/// The indices a node saved from number `first` on.
fn restored(ctx: &autograd::Ctx, pattern: &[bool], first: usize) -> Result<Indices> {
    let mut k = first;
    let next = |&some: &bool| {
        some.then(|| {
            k += 1;
            ctx.saved(k - 1)
        })
        .transpose()
    };
    pattern.iter().map(next).collect()
}

/// `x` (a copy, or itself in place) with values put at int64 indices.
fn put_at(op: &str, x: &Tensor, offered: Option<Tensor>, at: &[Option<Tensor>], values: &Tensor, accumulate: bool) -> Result<Tensor> {
    let reads: Vec<&Tensor> = at.iter().flatten().chain([values]).collect();
    let out = placing::room(x, offered, &reads)?;
    let mode = if accumulate { PutMode::Add } else { PutMode::Assign };
    let access = advanced(op, &out, at)?;
    // Leading ones that the place does not have are dropped, as numpy does.
    let extra = values.ndim().saturating_sub(access.space.len());
    let ones = values.shape()[..extra].iter().all(|&n| n == 1);
    let l = values.layout();
    let part = Layout {
        shape: l.shape[extra..].into(),
        strides: l.strides[extra..].into(),
        offset: l.offset,
    };
    access.write(&out, &if ones { values.alias(part) } else { values.detach() }, mode)?;
    let (pattern, keep) = saved(at);
    attach(&[&out], "IndexPutBackward0", &[x, values], &keep, move |ctx| {
        let (g, at) = (ctx.grad(0)?, restored(ctx, &pattern, 0)?);
        let rest = ctx.when(0, || {
            if accumulate { Ok(g.clone()) } else { put_at("index_put", &g, None, &at, &Tensor::zeros(&[], g.dtype())?, false) }
        })?;
        Ok(vec![rest, ctx.when(1, || ops::index(&g, &at))?])
    });
    Ok(out)
}

/// What can be put at a mask whose positions nobody can count: one number, or an element for each position of the whole tensor.
fn put_at_mask(x: &Tensor, mask: &Tensor, values: &Tensor) -> Result<Option<Tensor>> {
    if mask.dtype() != DType::Bool || mask.is_readable() || x.shape().get(..mask.ndim()) != Some(mask.shape()) {
        return Ok(None);
    }
    let mut size = mask.sizes();
    size.resize(x.ndim(), 1);
    let spread = ops::expand(&ops::reshape(mask, &size)?, &x.sizes())?;
    Ok(match values.numel() {
        1 => Some(ops::masked_fill(x, &spread, &ops::reshape(values, &[])?)?),
        _ if mask.ndim() == x.ndim() && values.ndim() == 1 => Some(ops::masked_scatter(x, &spread, values)?),
        _ => None,
    })
}

/// The checked dimension and 1-d int64 index of an op along slices.
fn prepare(op: &str, input: &Tensor, dim: i64, index: &Tensor, negative: bool) -> Result<(usize, Tensor)> {
    let d = input.wrap_dim(op, dim)?;
    ensure!(
        index.ndim() <= 1,
        Index,
        "{op}(): Index is supposed to be a vector, but got dim: {} with shape {:?}",
        index.ndim(),
        index.shape()
    );
    let at = at_least_1d(&placing::integer_index(op, index)?);
    placing::check(op, &at, d, input.size(d), negative)?;
    Ok((d, at))
}

/// Refuses a source whose other sizes differ.
fn check_slices(op: &str, input: &Tensor, dim: usize, index: &Tensor, source: &Tensor) -> Result<()> {
    ensure!(
        input.dtype() == source.dtype(),
        DType,
        "{op}(): self and source expected to have the same dtype, but got (self) {} and (source) {}",
        input.dtype().c_name(),
        source.dtype().c_name()
    );
    let others = |t: &Tensor| -> Vec<usize> { (0..t.ndim()).filter(|&k| k != dim).map(|k| t.shape()[k]).collect() };
    ensure!(
        input.ndim().max(1) == source.ndim().max(1) && others(input) == others(source) || source.ndim() == 0 && input.ndim() <= 1,
        Shape,
        "{op}(): source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = {:?} \
         source.shape = {:?}",
        input.shape(),
        source.shape()
    );
    ensure!(
        index.numel() == source.size(dim),
        Index,
        "{op}(): Number of indices ({}) should be equal to source.size(dim): ({})",
        index.numel(),
        source.size(dim)
    );
    Ok(())
}

/// `input` (a copy, or itself in place) with `source` put at slices.
fn put_slices(input: &Tensor, offered: Option<Tensor>, dim: usize, at: &Tensor, source: &Tensor, mode: PutMode) -> Result<Tensor> {
    let out = placing::room(input, offered, &[at, source])?;
    let y = at_least_1d(&out);
    placing::slicewise(&y, dim, at).write(&y, &at_least_1d(source), mode)?;
    Ok(out)
}

ops! {
    /// The elements that index tensors name: one for each leading dimension, null to keep it; masks count for as many
    /// dimensions as they have.
    [private mixed]
    fn index(input: Tensor, indices: Vec<Option<Tensor>>) -> Tensor {
        let at = expand_masks("index", input, indices)?;
        let out = advanced("index", input, &at)?.read(input)?;
        let (pattern, keep) = saved(&at);
        let before: Vec<usize> = input.shape().into();
        attach(&[&out], "IndexBackward0", &[input], &keep, move |ctx| {
            let g = ctx.grad(0)?;
            let zeros = Tensor::zeros(&before, g.dtype())?;
            Ok(vec![Some(put_at("index", &zeros, Some(zeros.clone()), &restored(ctx, &pattern, 0)?, &g, true)?)])
        });
        Ok(out)
    }

    /// A copy in which `values` stand (or are added, with `accumulate`) where index tensors say; null keeps a dimension.
    ///
    /// PyTorch: `torch.index_put`.
    [torch tensor inplace direct mixed]
    fn index_put(input: Tensor, indices: Vec<Option<Tensor>>, values: Tensor, accumulate: bool = false) -> Tensor {
        ensure!(
            values.dtype() == input.dtype(),
            DType,
            "index_put: Index put requires the source and destination dtypes match, got {} for the destination and {} for \
             the source.",
            input.dtype().c_name(),
            values.dtype().c_name()
        );
        if let ([Some(mask)], false) = (indices, accumulate || input.is_readable())
            && let Some(out) = put_at_mask(input, mask, values)?
        {
            return Ok(out);
        }
        let offered = pointwise::claim();
        put_at("index_put", input, offered, &expand_masks("index_put", input, indices)?, values, accumulate)
    }

    /// The slices along a dimension that a 1-d index names.
    ///
    /// PyTorch: `torch.index_select`.
    [torch tensor]
    fn index_select(input: Tensor, dim: i64, index: Tensor) -> Tensor {
        let (d, at) = prepare("index_select", input, dim, index, false)?;
        let x = at_least_1d(input);
        let mut out = placing::slicewise(&x, d, &at).without_negatives().read(&x)?;
        if input.ndim() == 0 {
            ensure!(at.numel() == 1, Index, "index_select(): Index to scalar can have only 1 value, got {}", at.numel());
            out = out.alias(Layout::contiguous(&[]));
        }
        let before: Vec<usize> = input.shape().into();
        attach(&[&out], "IndexSelectBackward0", &[input], &[Some(&at)], move |ctx| {
            let g = ctx.grad(0)?;
            Ok(vec![Some(ops::index_add(&Tensor::zeros(&before, g.dtype())?, dim, &ctx.saved(0)?, &g, 1.into())?)])
        });
        Ok(out)
    }

    /// A copy to whose slices along a dimension `alpha * source` was added, where a 1-d index says.
    ///
    /// PyTorch: `torch.index_add`.
    [torch tensor inplace direct]
    fn index_add(input: Tensor, dim: i64, index: Tensor, source: Tensor, alpha: Scalar = 1) -> Tensor {
        let offered = pointwise::claim();
        let d = input.wrap_dim("index_add", dim)?;
        check_slices("index_add", input, d, index, source)?;
        let (d, at) = prepare("index_add", input, dim, index, false)?;
        let factor = alpha.to_f64();
        let scaled = if factor == 1.0 { source.detach() } else { ops::to_dtype(&ops::mul(&source.detach(), &Tensor::number(alpha)?)?, input.dtype())? };
        let out = put_slices(input, offered, d, &at, &scaled, PutMode::Add)?;
        attach(&[&out], "IndexAddBackward0", &[input, source], &[Some(&at)], move |ctx| {
            let g = ctx.grad(0)?;
            let part = ctx.when(1, || {
                let part = ops::index_select(&g, dim, &ctx.saved(0)?)?;
                if factor == 1.0 { Ok(part) } else { scale(&part, factor) }
            })?;
            Ok(vec![ctx.needs(0).then_some(g), part])
        });
        Ok(out)
    }

    /// A copy whose slices along a dimension were replaced by those of `source`, where a 1-d index says.
    ///
    /// PyTorch: `torch.index_copy`.
    [torch tensor inplace direct]
    fn index_copy(input: Tensor, dim: i64, index: Tensor, source: Tensor) -> Tensor {
        let offered = pointwise::claim();
        let d = input.wrap_dim("index_copy", dim)?;
        check_slices("index_copy", input, d, index, source)?;
        let (d, at) = prepare("index_copy", input, dim, index, false)?;
        let out = put_slices(input, offered, d, &at, source, PutMode::Assign)?;
        attach(&[&out], "IndexCopyBackward0", &[input, source], &[Some(&at)], move |ctx| {
            let (g, at) = (ctx.grad(0)?, ctx.saved(0)?);
            let rest = ctx.when(0, || ops::index_fill(&g, dim, &at, &Tensor::number(0)?))?;
            Ok(vec![rest, ctx.when(1, || ops::index_select(&g, dim, &at))?])
        });
        Ok(out)
    }

    /// A copy whose slices along a dimension are filled with one value, where a 1-d index says.
    ///
    /// PyTorch: `torch.index_fill`.
    [torch tensor inplace direct]
    fn index_fill(input: Tensor, dim: i64, index: Tensor, value: Operand) -> Tensor {
        let offered = pointwise::claim();
        ensure!(
            value.ndim() == 0,
            Shape,
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with {} dimension(s).",
            value.ndim()
        );
        let (d, at) = prepare("index_fill", input, dim, index, true)?;
        let out = put_slices(input, offered, d, &at, &value.cast_data(input.dtype())?, PutMode::Assign)?;
        let name = if value.is_wrapped_number() { "IndexFillBackward0" } else { "IndexFillBackward1" };
        attach(&[&out], name, &[input, value], &[Some(&at)], move |ctx| {
            let (g, at) = (ctx.grad(0)?, ctx.saved(0)?);
            let rest = ctx.when(0, || ops::index_fill(&g, dim, &at, &Tensor::number(0)?))?;
            // A slice that is named twice is filled once.
            let value = ctx.when(1, || {
                let marks = ops::index_fill(&Tensor::zeros(&[g.size(d)], DType::Bool)?, 0, &at, &Tensor::number(true)?)?;
                let mut along: Vec<i64> = vec![1; g.ndim()];
                along.iter_mut().skip(d).take(1).for_each(|n| *n = -1);
                ops::sum(&ops::mul(&g, &ops::reshape(&marks, &along)?)?, None)
            })?;
            Ok(vec![rest, value])
        });
        Ok(out)
    }

    /// A copy whose slices along a dimension are combined with those of `source`, where a 1-d index says: `reduce` is
    /// 'prod', 'mean', 'amax' or 'amin'; `includeSelf` says whether the input's own elements count.
    ///
    /// PyTorch: `torch.index_reduce`.
    [torch tensor inplace]
    fn index_reduce(input: Tensor, dim: i64, index: Tensor, source: Tensor, reduce: String, include_self: bool = true) -> Tensor {
        let d = input.wrap_dim("index_reduce", dim)?;
        check_slices("index_reduce", input, d, index, source)?;
        let (d, at) = prepare("index_reduce", input, dim, index, false)?;
        let out = ops::scattering::reduce_into("index_reduce", input, source, reduce, include_self, |y, v, mode| {
            let y = at_least_1d(y);
            placing::slicewise(&y, d, &at).write(&y, &at_least_1d(v), mode)
        })?;
        let places = ops::scattering::Places::Slices { dim };
        ops::scattering::reduced_backward("IndexReduceBackward0", &out, input, source, &at, reduce, include_self, places)
    }

    /// The elements of the flattened tensor by number; the result has the index's shape.
    ///
    /// PyTorch: `torch.take`.
    [torch tensor]
    fn take(input: Tensor, index: Tensor) -> Tensor {
        ensure!(index.dtype() == DType::I64, DType, "take(): Expected a long tensor for index, but got {}", index.dtype().c_name());
        placing::check("take", index, 0, input.numel(), true)?;
        let x = input.contiguous_data()?;
        let out = placing::by_number(&x, index).read(&x)?;
        let before: Vec<usize> = input.shape().into();
        attach(&[&out], "TakeBackward0", &[input], &[Some(index)], move |ctx| {
            let g = ctx.grad(0)?;
            Ok(vec![Some(ops::put(&Tensor::zeros(&before, g.dtype())?, &ctx.saved(0)?, &g, true)?)])
        });
        Ok(out)
    }

    /// A copy in which elements of the flattened tensor were replaced (or added to, with `accumulate`) by number.
    ///
    /// PyTorch: `torch.Tensor.put`.
    [torch tensor inplace]
    fn put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = false) -> Tensor {
        ensure!(index.dtype() == DType::I64, DType, "put_(): Expected a long tensor for index, but got {}", index.dtype().c_name());
        ensure!(
            index.numel() == source.numel(),
            Shape,
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = {}, \
             index.numel() = {}",
            source.numel(),
            index.numel()
        );
        ensure!(
            input.dtype() == source.dtype(),
            DType,
            "put_(): self and source expected to have the same dtype, but got self.dtype = {} and source.dtype = {}",
            input.dtype().c_name(),
            source.dtype().c_name()
        );
        placing::check("put", index, 0, input.numel(), true)?;
        let out = Tensor::empty(input.shape(), input.dtype())?;
        out.copy_from(input)?;
        let v = source.contiguous_data()?.alias(Layout::contiguous(index.shape()));
        placing::by_number(&out, index).write(&out, &v, if accumulate { PutMode::Add } else { PutMode::Assign })?;
        let size = source.sizes();
        attach(&[&out], "PutBackward0", &[input, source], &[Some(index)], move |ctx| {
            let (g, at) = (ctx.grad(0)?, ctx.saved(0)?);
            let rest = ctx.when(0, || {
                if accumulate { Ok(g.clone()) } else { ops::put(&g, &at, &Tensor::zeros(at.shape(), g.dtype())?, false) }
            })?;
            Ok(vec![rest, ctx.when(1, || ops::reshape(&ops::take(&g, &at)?, &size))?])
        });
        Ok(out)
    }

    /// Gathers along a dimension after broadcasting input and indices against each other; without `dim`, from the
    /// flattened input.
    ///
    /// PyTorch: `torch.take_along_dim`.
    [torch tensor]
    fn take_along_dim(input: Tensor, indices: Tensor, dim: Option<i64> = None) -> Tensor {
        let Some(dim) = dim else {
            return ops::take_along_dim(&ops::reshape(input, &[-1])?, &ops::reshape(indices, &[-1])?, Some(0));
        };
        ensure!(
            input.ndim() == indices.ndim(),
            Shape,
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got {} dimensions \
             for input, and {} dimensions for indices",
            input.ndim(),
            indices.ndim()
        );
        ensure!(
            indices.dtype() == DType::I64,
            DType,
            "torch.take_along_dim(): dtype of indices should be Long but got {}",
            indices.dtype().c_name()
        );
        let d = input.wrap_dim("take_along_dim", dim)?;
        let fitted = |t: &Tensor, other: &Tensor| {
            let mut size = t.sizes();
            for k in (0..size.len()).filter(|&k| k != d) {
                let both = broadcast_shapes("take_along_dim", &[t.shape()[k]], &[other.shape()[k]])?;
                size[k] = both[0] as i64;
            }
            ops::expand(t, &size)
        };
        placing::check("take_along_dim", indices, d, input.size(d), true)?;
        let from_front = ops::remainder(&indices.detach(), &Tensor::number(input.size(d).max(1) as i64)?)?;
        ops::gather(&fitted(input, indices)?, dim, &fitted(&from_front, input)?, false)
    }
}
