//! gather, scatter and their kin: one index for every element, along one dimension.

use crate::autograd::grad_enabled;
use crate::demand::{Class, Demand, Test, demand};
use crate::placing::{self, PutMode, at_least_1d};
use crate::{DType, Layout, Result, Scalar, Tensor, attach, bail, ensure, ops, pointwise};

/// The checked dimension and the int64 index of a gather or scatter over `input`.
fn prepare(op: &str, input: &Tensor, dim: i64, index: &Tensor) -> Result<(usize, Tensor)> {
    let d = input.wrap_dim(op, dim)?;
    let at = placing::integer_index(op, index)?;
    if at.numel() > 0 {
        ensure!(
            at.ndim().max(1) == input.ndim().max(1),
            Shape,
            "{op}: Index tensor must have the same number of dimensions as input tensor: index {:?}, input {:?}",
            index.shape(),
            input.shape()
        );
        for k in (0..at.ndim()).filter(|&k| k != d) {
            ensure!(
                at.shape()[k] <= input.size(k),
                Shape,
                "{op}: Size does not match at dimension {k} expected index {:?} to be no larger than self {:?} apart from \
                 dimension {d}",
                index.shape(),
                input.shape()
            );
        }
        placing::check(op, &at, d, input.size(d), false)?;
    }
    Ok((d, at))
}

/// Refuses a source that does not cover the index.
fn check_source(op: &str, input: &Tensor, index: &Tensor, src: &Tensor) -> Result<()> {
    if index.numel() == 0 {
        return Ok(());
    }
    ensure!(
        index.ndim().max(1) == src.ndim().max(1),
        Shape,
        "{op}: Index tensor must have the same number of dimensions as src tensor: index {:?}, src {:?}",
        index.shape(),
        src.shape()
    );
    ensure!(
        input.dtype() == src.dtype(),
        DType,
        "{op}(): Expected self.dtype to be equal to src.dtype: {} and {}",
        input.dtype(),
        src.dtype()
    );
    for k in 0..index.ndim() {
        ensure!(
            index.shape()[k] <= src.size(k),
            Shape,
            "{op}: Expected index {:?} to be no larger than src {:?} at dimension {k}",
            index.shape(),
            src.shape()
        );
    }
    Ok(())
}

/// `input` (a copy, or itself in place) with `src` (over the index's shape) put into it.
fn put_copy(
    input: &Tensor,
    offered: Option<Tensor>,
    dim: usize,
    index: &Tensor,
    src: &Tensor,
    mode: PutMode,
) -> Result<Tensor> {
    let out = placing::room(input, offered, &[index, src])?;
    put_into(&out, dim, index, src, mode)?;
    Ok(out)
}

fn put_into(out: &Tensor, dim: usize, index: &Tensor, src: &Tensor, mode: PutMode) -> Result<()> {
    if index.numel() == 0 {
        return Ok(());
    }
    let (y, at) = (at_least_1d(out), at_least_1d(index));
    placing::elementwise(&y, dim, &at).write(&y, &covered(src, &at), mode)
}

/// The part of `src` that an index of this shape reads.
fn covered(src: &Tensor, index: &Tensor) -> Tensor {
    let src = at_least_1d(src);
    let l = src.layout();
    src.alias(Layout { shape: index.shape().into(), strides: l.strides.clone(), offset: l.offset })
}

/// The gradient of a source: what arrived where its elements were put, in the source's shape.
fn back_to_source(g: &Tensor, dim: i64, index: &Tensor, src: &[i64]) -> Result<Tensor> {
    let part = ops::gather(g, dim, index, false)?;
    if part.sizes()[..] == *src {
        return Ok(part);
    }
    // The rest of a larger source was not read.
    pad_to(&part, src)
}

/// scatter with a source tensor and an operation.
fn combine(op: &str, input: &Tensor, offered: Option<Tensor>, dim: i64, index: &Tensor, src: &Tensor, reduce: &str) -> Result<Tensor> {
    let mode = match reduce {
        "add" => PutMode::Add,
        "multiply" => PutMode::Multiply,
        _ => bail!(Value, "{op}: reduce argument must be either add or multiply, got '{reduce}'"),
    };
    ensure!(
        !crate::autograd::tracks(&[input, src]) || mode == PutMode::Add,
        NotImplemented,
        "the derivative for 'scatter with reduce' is not implemented. Use scatterReduce."
    );
    if mode == PutMode::Add {
        pointwise::set_target(offered);
        return ops::scatter_add(input, dim, index, src);
    }
    let (d, at) = prepare(op, input, dim, index)?;
    check_source(op, input, index, src)?;
    put_copy(input, offered, d, &at, src, mode)
}

/// A number as a source of the index's shape.
fn number_like(value: Scalar, input: &Tensor, index: &Tensor) -> Result<Tensor> {
    let one = Tensor::full(&vec![1; index.ndim()], value, input.dtype())?;
    ops::expand(&one, &index.sizes())
}

/// Of the number of zeros at a place.
static ONE_ZERO: Demand = Demand {
    class: Class::Runtime,
    test: Test::Within(0.0, 1.0),
    input: 0,
    says: |op, _| {
        format!("{op}: Double backward is unsupported for src when >1 zeros in src are scattered to the same position in self")
    },
};

ops! {
    /// out[i][j][k] = input[index[i][j][k]][j][k] for dim 0, likewise for the others. The result has the index's shape.
    ///
    /// PyTorch: `torch.gather`.
    [torch tensor]
    fn gather(input: Tensor, dim: i64, index: Tensor, sparse_grad: bool = false) -> Tensor {
        // The gradient is always dense.
        let _ = sparse_grad;
        let (d, at) = prepare("gather", input, dim, index)?;
        let out = if at.numel() == 0 {
            Tensor::empty(index.shape(), input.dtype())?
        } else {
            let (x, i) = (at_least_1d(input), at_least_1d(&at));
            placing::elementwise(&x, d, &i).read(&x)?.alias(Layout::contiguous(index.shape()))
        };
        let before: Vec<usize> = input.shape().into();
        attach(&[&out], "GatherBackward0", &[input], &[Some(&at)], move |ctx| {
            let zeros = Tensor::zeros(&before, ctx.grad(0)?.dtype())?;
            Ok(vec![Some(ops::scatter_add(&zeros, dim, &ctx.saved(0)?, &ctx.grad(0)?)?)])
        });
        Ok(out)
    }

    /// A copy in which out[index[i][j][k]][j][k] = src[i][j][k] for dim 0, likewise for the others. With `reduce`
    /// ('add' or 'multiply') the source is combined with what is there.
    ///
    /// PyTorch: `torch.scatter`.
    [torch tensor inplace direct]
    fn scatter(input: Tensor, dim: i64, index: Tensor, src: Tensor, reduce: Option<String> = None) -> Tensor {
        let offered = pointwise::claim();
        if let Some(reduce) = reduce {
            return combine("scatter", input, offered, dim, index, src, reduce);
        }
        let (d, at) = prepare("scatter", input, dim, index)?;
        check_source("scatter", input, index, src)?;
        let out = put_copy(input, offered, d, &at, src, PutMode::Assign)?;
        let size = src.sizes();
        attach(&[&out], "ScatterBackward0", &[input, src], &[Some(&at)], move |ctx| {
            let (g, at) = (ctx.grad(0)?, ctx.saved(0)?);
            let rest = ctx.when(0, || ops::scatter_value(&g, dim, &at, 0.into(), None))?;
            Ok(vec![rest, ctx.when(1, || back_to_source(&g, dim, &at, &size))?])
        });
        Ok(out)
    }

    /// A copy in which one value stands at the places that the index names.
    ///
    /// PyTorch: `torch.scatter`.
    [torch tensor inplace direct as scatter]
    fn scatter_value(input: Tensor, dim: i64, index: Tensor, value: Scalar, reduce: Option<String> = None) -> Tensor {
        let offered = pointwise::claim();
        if let Some(reduce) = reduce {
            return combine("scatter", input, offered, dim, index, &number_like(value, input, index)?, reduce);
        }
        let (d, at) = prepare("scatter", input, dim, index)?;
        let out = put_copy(input, offered, d, &at, &number_like(value, input, &at)?, PutMode::Assign)?;
        attach(&[&out], "ScatterBackward1", &[input], &[Some(&at)], move |ctx| {
            Ok(vec![Some(ops::scatter_value(&ctx.grad(0)?, dim, &ctx.saved(0)?, 0.into(), None)?)])
        });
        Ok(out)
    }

    /// A copy to which src[i][j][k] was added at [index[i][j][k]][j][k] for dim 0, likewise for the others.
    ///
    /// PyTorch: `torch.scatter_add`.
    [torch tensor inplace direct]
    fn scatter_add(input: Tensor, dim: i64, index: Tensor, src: Tensor) -> Tensor {
        let offered = pointwise::claim();
        let (d, at) = prepare("scatter_add", input, dim, index)?;
        check_source("scatter_add", input, index, src)?;
        let out = put_copy(input, offered, d, &at, src, PutMode::Add)?;
        let size = src.sizes();
        attach(&[&out], "ScatterAddBackward0", &[input, src], &[Some(&at)], move |ctx| {
            let g = ctx.grad(0)?;
            let part = ctx.when(1, || back_to_source(&g, dim, &ctx.saved(0)?, &size))?;
            Ok(vec![ctx.needs(0).then_some(g), part])
        });
        Ok(out)
    }

    /// A copy in which the source's elements are combined with those of the input (`includeSelf`) at the places that the
    /// index names: `reduce` is 'sum', 'prod', 'mean', 'amax' or 'amin'.
    ///
    /// PyTorch: `torch.scatter_reduce`.
    [torch tensor inplace]
    fn scatter_reduce(input: Tensor, dim: i64, index: Tensor, src: Tensor, reduce: String, include_self: bool = true) -> Tensor {
        let (d, at) = prepare("scatter_reduce", input, dim, index)?;
        check_source("scatter_reduce", input, index, src)?;
        let places = Places::Elements { dim, count: at.sizes().to_vec() };
        let out = reduce_into("scatter_reduce", input, src, reduce, include_self, |y, v, mode| put_into(y, d, &at, v, mode))?;
        reduced_backward("ScatterReduceBackward0", &out, input, src, &at, reduce, include_self, places)
    }
}

/// How the index of a `scatter_reduce` or `index_reduce` names places.
#[derive(Clone)]
pub(crate) enum Places {
    Elements { dim: i64, count: Vec<i64> },
    Slices { dim: i64 },
}

impl Places {
    fn read(&self, x: &Tensor, at: &Tensor) -> Result<Tensor> {
        match self {
            Places::Elements { dim, .. } => ops::gather(x, *dim, at, false),
            Places::Slices { dim } => ops::index_select(x, *dim, at),
        }
    }
    fn add(&self, y: &Tensor, at: &Tensor, v: &Tensor) -> Result<Tensor> {
        match self {
            Places::Elements { dim, .. } => ops::scatter_add(y, *dim, at, v),
            Places::Slices { dim } => ops::index_add(y, *dim, at, v, 1.into()),
        }
    }
    fn zero(&self, y: &Tensor, at: &Tensor) -> Result<Tensor> {
        match self {
            Places::Elements { dim, .. } => ops::scatter_value(y, *dim, at, 0.into(), None),
            Places::Slices { dim } => ops::index_fill(y, *dim, at, &Tensor::number(0)?),
        }
    }
    /// The part of the source that is read.
    fn part(&self, src: &Tensor) -> Result<Tensor> {
        let Places::Elements { count, .. } = self else { return Ok(src.clone()) };
        let mut src = src.clone();
        for (d, &n) in count.iter().enumerate() {
            if src.shape()[d] as i64 != n {
                src = ops::narrow(&src, d as i64, &Tensor::number(0)?, n)?;
            }
        }
        Ok(src)
    }
}

/// The forward pass of `scatter_reduce` and `index_reduce`; `put` writes a source (or a number) into a tensor.
pub(crate) fn reduce_into(
    op: &str,
    input: &Tensor,
    src: &Tensor,
    reduce: &str,
    include_self: bool,
    put: impl Fn(&Tensor, &Tensor, PutMode) -> Result<()>,
) -> Result<Tensor> {
    let dtype = input.dtype();
    let mode = match reduce {
        "sum" | "mean" => PutMode::Add,
        "prod" => PutMode::Multiply,
        "amax" => PutMode::Max,
        "amin" => PutMode::Min,
        _ => bail!(Value, "{op}: reduce argument must be either sum, prod, mean, amax or amin, got '{reduce}'"),
    };
    let out = ops::clone(&input.detach())?;
    let everywhere = |v: &Tensor| ops::expand(v, &src.sizes());
    if !include_self {
        let neutral = match mode {
            PutMode::Multiply => Tensor::ones(&[], dtype)?,
            PutMode::Max | PutMode::Min => bound(dtype, mode == PutMode::Min)?,
            _ => Tensor::zeros(&[], dtype)?,
        };
        put(&out, &everywhere(&neutral)?, PutMode::Assign)?;
    }
    put(&out, &src.detach(), mode)?;
    if reduce == "mean" {
        let one = Tensor::ones(&[], dtype)?;
        let count = if include_self { Tensor::ones(input.shape(), dtype)? } else { Tensor::zeros(input.shape(), dtype)? };
        put(&count, &everywhere(&one)?, PutMode::Add)?;
        let count = ops::maximum(&count, &one)?;
        let mean = if dtype.is_float() { ops::div(&out, &count)? } else { ops::floor_divide(&out, &count)? };
        return Ok(mean.detach());
    }
    Ok(out)
}

/// The greatest or least value of a dtype.
fn bound(dtype: DType, greatest: bool) -> Result<Tensor> {
    let v = match (dtype, greatest) {
        (DType::F32 | DType::F64, true) => return Tensor::full(&[], f64::INFINITY, dtype),
        (DType::F32 | DType::F64, false) => return Tensor::full(&[], f64::NEG_INFINITY, dtype),
        (DType::Bool, g) => g as i64,
        (DType::U8, g) => if g { 255 } else { 0 },
        (DType::I32, g) => if g { i32::MAX as i64 } else { i32::MIN as i64 },
        (_, g) => if g { i64::MAX } else { i64::MIN },
    };
    Tensor::full(&[], v, dtype)
}

/// The gradients of `scatter_reduce` and `index_reduce` (PyTorch's scatter_reduce_backward in FunctionsManual.cpp).
#[allow(clippy::too_many_arguments)]
pub(crate) fn reduced_backward(
    name: &'static str,
    out: &Tensor,
    input: &Tensor,
    src: &Tensor,
    at: &Tensor,
    reduce: &str,
    include_self: bool,
    places: Places,
) -> Result<Tensor> {
    let reduce = match reduce {
        "sum" => "sum",
        "mean" => "mean",
        "prod" => "prod",
        other => if other == "amax" { "amax" } else { "amin" },
    };
    let by_value = !matches!(reduce, "sum" | "mean");
    let saved = [Some(at), by_value.then_some(input), by_value.then_some(src), by_value.then_some(out)];
    let size = src.sizes();
    attach(&[out], name, &[input, src], &saved, move |ctx| {
        let (g, at) = (ctx.grad(0)?, ctx.saved(0)?);
        let (own, part) = match reduce {
            "sum" => (g.clone(), places.read(&g, &at)?),
            "mean" => {
                let ones = Tensor::ones(g.shape(), g.dtype())?;
                let start = if include_self { ones.clone() } else { places.zero(&ones, &at)? };
                let count = places.add(&start, &at, &Tensor::ones(&shape_of(&at, &places, &size), g.dtype())?)?;
                let count = ops::maximum(&count.detach(), &Tensor::ones(&[], g.dtype())?)?;
                let g = ops::div(&g, &count)?;
                (g.clone(), places.read(&g, &at)?)
            }
            "prod" => product_gradients(&g, &at, &ctx.saved(1)?, &places.part(&ctx.saved(2)?)?, &ctx.saved(3)?, include_self, &places)?,
            _ => {
                let (x, s, y) = (ctx.saved(1)?, places.part(&ctx.saved(2)?)?, ctx.saved(3)?);
                let dtype = g.dtype();
                let hit = |a: &Tensor, b: &Tensor| ops::eq(&a.detach(), &b.detach())?.cast_data(dtype);
                let (own, theirs) = (hit(&x, &y)?, hit(&s, &places.read(&y, &at)?)?);
                let own = if include_self { own } else { places.zero(&own, &at)? };
                let share = ops::div(&g, &places.add(&own, &at, &theirs)?.detach())?;
                (ops::mul(&share, &own)?, ops::mul(&places.read(&share, &at)?, &theirs)?)
            }
        };
        let own = if include_self || !ctx.needs(0) { own } else { places.zero(&g, &at)? };
        let part = ctx.when(1, || pad_to(&part, &size))?;
        Ok(vec![ctx.needs(0).then_some(own), part])
    });
    Ok(out.clone())
}

fn shape_of(at: &Tensor, places: &Places, src: &[i64]) -> Vec<usize> {
    match places {
        Places::Elements { .. } => at.shape().into(),
        Places::Slices { .. } => src.iter().map(|&n| n as usize).collect(),
    }
}

/// Zeros after `t` up to this size.
fn pad_to(t: &Tensor, size: &[i64]) -> Result<Tensor> {
    let mut out = t.clone();
    for (d, &n) in size.iter().enumerate() {
        let mut missing: Vec<usize> = out.shape().into();
        if missing[d] < n as usize {
            missing[d] = n as usize - missing[d];
            out = ops::cat(&[out.clone(), Tensor::zeros(&missing, out.dtype())?], d as i64)?;
        }
    }
    Ok(out)
}

/// Gradients of a product at each place: the product without the factor. One zero among the factors leaves it the
/// product of the others, two leave nothing.
fn product_gradients(
    g: &Tensor,
    at: &Tensor,
    x: &Tensor,
    src: &Tensor,
    out: &Tensor,
    include_self: bool,
    places: &Places,
) -> Result<(Tensor, Tensor)> {
    let dtype = g.dtype();
    let (zero, one) = (Tensor::number(0)?, Tensor::number(1)?);
    let zero_of = |t: &Tensor| ops::eq(&t.detach(), &zero)?.cast_data(dtype);
    let (zero_x, zero_s) = (zero_of(x)?, zero_of(src)?);
    let own = if include_self { zero_x.clone() } else { places.zero(&zero_x, at)? };
    let zeros = places.add(&own, at, &zero_s)?;
    let (none, single) = (ops::eq(&zeros, &zero)?.cast_data(dtype)?, ops::eq(&zeros, &one)?.cast_data(dtype)?);
    if grad_enabled() {
        demand("scatter_reduce", &zeros, &ONE_ZERO, 0)?;
    }
    // Zeros replaced by ones give the product of what is not zero.
    let (full_x, full_s) = (ops::where_(&ops::eq(x, &zero)?, &one, x)?, ops::where_(&ops::eq(src, &zero)?, &one, src)?);
    let rest = match places {
        Places::Elements { dim, .. } => ops::scatter_reduce(&full_x, *dim, at, &full_s, "prod", include_self)?,
        Places::Slices { dim } => ops::index_reduce(&full_x, *dim, at, &full_s, "prod", include_self)?,
    };
    // The lone zero of each place: a zero, but the gradients of the others grow with it.
    let lone = {
        let own = ops::mul(x, &zero_x)?;
        let own = if include_self { own } else { places.zero(&own, at)? };
        places.add(&own, at, &ops::mul(src, &zero_s)?)?
    };
    // Of a factor that is not zero: the product divided by it. Of a lone zero: the product of the rest.
    let with = ops::add(&ops::mul(out, &none)?, &ops::mul(&ops::mul(&rest, &lone)?, &single)?)?;
    let without = ops::mul(&rest, &single)?;
    let others = |zero: &Tensor, full: &Tensor, with: &Tensor, without: &Tensor| -> Result<Tensor> {
        let regular = ops::mul(&ops::div(with, full)?, &ops::sub(&one, zero)?)?;
        ops::add(&regular, &ops::mul(without, zero)?)
    };
    let mine = ops::mul(g, &others(&zero_x, &full_x, &with, &without)?)?;
    let theirs = others(&zero_s, &full_s, &places.read(&with, at)?, &places.read(&without, at)?)?;
    Ok((mine, ops::mul(&places.read(g, at)?, &theirs)?))
}
