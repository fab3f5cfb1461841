//! Sorting, selection, distinct elements, searching and histograms.

use crate::call::{OneOrMore, Operand};
use crate::cpu::{Kernel, sort as kernels};
use crate::ops::extremum::{pick_backward, values_and_indices};
use crate::reducing::{Reduction, not_implemented};
use crate::{DType, Layout, Result, Scalar, Strided, Tensor, attach, dispatch, ensure, ops, promote};

/// One element of the whole tensor, picked by a kernel that selects along a dimension.
fn pick_of_all(kernel: &Kernel, name: &'static str, op: &str, input: &Tensor) -> Result<Tensor> {
    if input.dtype() == DType::Bool {
        return not_implemented("median_out_impl", DType::Bool);
    }
    if input.numel() == 0 {
        return Tensor::full(&[], if input.dtype().is_float() { Scalar::Float(f64::NAN) } else { Scalar::Int(i64::MIN) }, input.dtype());
    }
    let flat = input.contiguous_data()?.alias(Layout::contiguous(&[input.numel()]));
    let (value, at) = (Tensor::empty(&[], input.dtype())?, Tensor::empty(&[], DType::I64)?);
    let outs = [&value, &at].map(|t| Strided::from(t).with(&[1], &[1]));
    dispatch(kernel, &[Strided::from(&flat)], &outs, &[0usize.into()])?;
    let plan = Reduction::over(op, input, None, false)?.plan(input);
    attach(&[&value], name, &[input], &[Some(input), Some(&value)], move |ctx| {
        let (g, x, y) = (ctx.grad(0)?, ctx.saved(0)?.detach(), ctx.saved(1)?.detach());
        let both_nan = ops::logical_and(&ops::ne(&x, &x)?, &ops::ne(&y, &y)?)?;
        let hit = ops::logical_or(&ops::eq(&x, &y)?, &both_nan)?.cast_data(g.dtype())?;
        Ok(vec![Some(ops::mul(&ops::div(&plan.spread(&g)?, &ops::sum(&hit, None)?)?, &hit)?)])
    });
    Ok(value)
}

fn median_along(
    kernel: &Kernel,
    name: &'static str,
    op: &str,
    input: &Tensor,
    dim: i64,
    keepdim: bool,
) -> Result<(Tensor, Tensor)> {
    if input.dtype() == DType::Bool {
        return not_implemented("median_out_impl", DType::Bool);
    }
    values_and_indices(kernel, name, op, input, dim, keepdim)
}

/// Refuses dtypes that cannot be ordered against each other and brings both to one.
fn common(a: &Tensor, b: &Tensor) -> Result<(Tensor, Tensor)> {
    let dtype = promote::result_type(&[a, b]);
    Ok((a.cast_data(dtype)?, b.cast_data(dtype)?))
}

/// `histc` between the least and the greatest element, where nobody can look at them: of the elements' places between these.
fn histc_between(input: &Tensor, bins: i64) -> Result<Tensor> {
    let x = input.detach();
    let (low, high) = (ops::min(&x)?, ops::max(&x)?);
    let one = Tensor::number(1)?;
    let same = ops::eq(&low, &high)?;
    let low = ops::where_(&same, &ops::sub(&low, &one)?, &low)?;
    let high = ops::where_(&same, &ops::add(&high, &one)?, &high)?;
    let places = ops::div(&ops::sub(&x, &low)?, &ops::sub(&high, &low)?)?;
    ops::histc(&places, bins, 0.into(), 1.into())
}

/// The runs of equal slices of `x` ([n] or [n, m], contiguous) taken in an order: values' positions, inverse, counts.
fn runs(x: &Tensor, order: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
    let n = order.numel();
    let outs = [1, n, n, n].map(|k| Tensor::empty(&[k], DType::I64));
    let [count, first, inverse, counts] = outs;
    let (count, first, inverse, counts) = (count?, first?, inverse?, counts?);
    dispatch(&kernels::UNIQUE, &[x, order], &[&count, &first, &inverse, &counts], &[])?;
    let found = count.item()?.to_i64() as usize;
    let head = |t: &Tensor| t.alias(Layout::contiguous(&[found])).contiguous_data();
    Ok((head(&first)?, inverse, ops::clone(&head(&counts)?)?))
}

/// `unique` and `unique_consecutive` once the order is known.
fn distinct(input: &Tensor, dim: Option<usize>, sorted: bool) -> Result<(Tensor, Tensor, Tensor)> {
    let input = &input.detach();
    let Some(d) = dim else {
        let n = input.numel();
        let flat = input.contiguous_data()?.alias(Layout::contiguous(&[n]));
        let order = if sorted { ops::argsort(&flat, 0, false, true)? } else { count_up(n)? };
        let (first, inverse, counts) = runs(&flat, &order)?;
        let values = ops::index_select(&flat, 0, &first)?;
        return Ok((values, inverse.alias(Layout::contiguous(input.shape())), counts));
    };
    let n = input.shape()[d];
    let rows = ops::transpose(input, 0, d as i64)?.contiguous_data()?;
    let m: usize = rows.shape()[1..].iter().product();
    let flat = rows.alias(Layout::contiguous(&[n, m]));
    let order = if sorted {
        let order = Tensor::empty(&[n], DType::I64)?;
        dispatch(&kernels::LEXICOGRAPHIC, &[&flat], &[&order], &[])?;
        order
    } else {
        count_up(n)?
    };
    let (first, inverse, counts) = runs(&flat, &order)?;
    Ok((ops::index_select(input, d as i64, &first)?, inverse, counts))
}

/// What of `distinct` is wanted.
fn chosen((values, inverse, counts): (Tensor, Tensor, Tensor), with_inverse: bool, with_counts: bool) -> OneOrMore {
    let mut out = vec![values];
    out.extend(with_inverse.then_some(inverse));
    out.extend(with_counts.then_some(counts));
    if out.len() == 1 { OneOrMore::One(out.remove(0)) } else { OneOrMore::More(out) }
}

/// 0, 1, ... n - 1
fn count_up(n: usize) -> Result<Tensor> {
    Tensor::from_slice(&(0..n as i64).collect::<Vec<_>>(), &[n])
}

ops! {
    /// Sorts along a dimension, stably: the sorted values and where each stood. NaN counts as the greatest.
    ///
    /// PyTorch: `torch.sort`.
    [torch tensor]
    fn sort(input: Tensor, dim: i64 = -1, descending: bool = false, stable: Option<bool> = None) -> (values: Tensor, indices: Tensor) {
        // Our sort is always stable; asking for it is another overload.
        let name = if stable.is_some() { "SortBackward1" } else { "SortBackward0" };
        let d = input.wrap_dim("sort", dim)?;
        let (values, indices) = (Tensor::empty(input.shape(), input.dtype())?, Tensor::empty(input.shape(), DType::I64)?);
        dispatch(&kernels::SORT, &[input], &[&values, &indices], &[d.into(), descending.into()])?;
        pick_backward(name, input, dim, true, &values, &indices);
        Ok((values, indices))
    }

    /// The positions that would sort along a dimension.
    ///
    /// PyTorch: `torch.argsort`.
    [torch tensor]
    fn argsort(input: Tensor, dim: i64 = -1, descending: bool = false, stable: bool = false) -> Tensor {
        Ok(ops::sort(&input.detach(), dim, descending, Some(stable))?.1)
    }

    /// Sorts along the first dimension.
    ///
    /// PyTorch: `torch.msort`.
    [torch tensor]
    fn msort(input: Tensor) -> Tensor {
        Ok(ops::sort(input, 0, false, None)?.0)
    }

    /// The k greatest (or least) elements along a dimension and their positions.
    ///
    /// PyTorch: `torch.topk`.
    [torch tensor]
    fn topk(input: Tensor, k: i64, dim: i64 = -1, largest: bool = true, sorted: bool = true) -> (values: Tensor, indices: Tensor) {
        let d = input.wrap_dim("topk", dim)?;
        ensure!(
            k >= 0 && k as usize <= input.size(d),
            Runtime,
            "topk: selected index k out of range: k = {k} for dimension {d} of size {}",
            input.size(d)
        );
        let mut shape: Vec<usize> = input.shape().into();
        if let Some(n) = shape.get_mut(d) {
            *n = k as usize;
        }
        let (values, indices) = (Tensor::empty(&shape, input.dtype())?, Tensor::empty(&shape, DType::I64)?);
        dispatch(&kernels::TOPK, &[input], &[&values, &indices], &[d.into(), largest.into(), sorted.into()])?;
        pick_backward("TopkBackward0", input, dim, true, &values, &indices);
        Ok((values, indices))
    }

    /// The k-th least element (k from 1) along a dimension and its position.
    ///
    /// PyTorch: `torch.kthvalue`.
    [torch tensor]
    fn kthvalue(input: Tensor, k: i64, dim: i64 = -1, keepdim: bool = false) -> (values: Tensor, indices: Tensor) {
        let r = Reduction::along("kthvalue", input, dim, keepdim)?;
        r.needs_elements("kthvalue", input)?;
        let d = input.wrap_dim("kthvalue", dim)?;
        ensure!(
            k >= 1 && k as usize <= input.size(d),
            Runtime,
            "kthvalue(): selected number k out of range for dimension {d}: k = {k}, size {}",
            input.size(d)
        );
        let (values, indices) = (r.output(input.dtype())?, r.output(DType::I64)?);
        r.run(&kernels::KTHVALUE, input, &[&values, &indices], &[d.into(), (k - 1).into()])?;
        pick_backward("KthvalueBackward0", input, d as i64, keepdim, &values, &indices);
        Ok((values, indices))
    }

    /// The lower median of all elements; NaN if there is one.
    ///
    /// PyTorch: `torch.median`.
    [torch tensor]
    fn median(input: Tensor) -> Tensor {
        pick_of_all(&kernels::MEDIAN, "MedianBackward0", "median", input)
    }

    /// The lower median along a dimension and its position; NaN if there is one.
    ///
    /// PyTorch: `torch.median`.
    [torch tensor as median]
    fn median_dim(input: Tensor, dim: i64, keepdim: bool = false) -> (values: Tensor, indices: Tensor) {
        median_along(&kernels::MEDIAN, "MedianBackward1", "median", input, dim, keepdim)
    }

    /// The lower median of the elements that are not NaN.
    ///
    /// PyTorch: `torch.nanmedian`.
    [torch tensor]
    fn nanmedian(input: Tensor) -> Tensor {
        pick_of_all(&kernels::NANMEDIAN, "NanmedianBackward0", "nanmedian", input)
    }

    /// The lower median along a dimension of the elements that are not NaN, and its position.
    ///
    /// PyTorch: `torch.nanmedian`.
    [torch tensor as nanmedian]
    fn nanmedian_dim(input: Tensor, dim: i64, keepdim: bool = false) -> (values: Tensor, indices: Tensor) {
        median_along(&kernels::NANMEDIAN, "NanmedianBackward1", "nanmedian", input, dim, keepdim)
    }

    /// The most frequent element along a dimension (the least of them) and the position of its last occurrence.
    ///
    /// PyTorch: `torch.mode`.
    [torch tensor]
    fn mode(input: Tensor, dim: i64 = -1, keepdim: bool = false) -> (values: Tensor, indices: Tensor) {
        values_and_indices(&kernels::MODE, "ModeBackward0", "mode", input, dim, keepdim)
    }

    /// The distinct elements, sorted.
    ///
    /// PyTorch: `torch.unique`.
    [torch tensor]
    fn unique(input: Tensor, sorted: bool = true) -> Tensor {
        // Sorted is one of the orders that an unsorted result may have.
        let _ = sorted;
        Ok(distinct(input, None, true)?.0)
    }

    /// The distinct elements (or slices along `dim`), sorted; if asked for, for each of the input's its place among
    /// them, and how often each occurs.
    ///
    /// PyTorch: `torch.unique`.
    [torch tensor as unique]
    fn unique_with(input: Tensor, sorted: bool = true, return_inverse: bool = false, return_counts: bool = false,
                   dim: Option<i64> = None) -> OneOrMore {
        let _ = sorted;
        let d = dim.map(|d| input.wrap_dim("unique", d)).transpose()?.filter(|_| input.ndim() > 0);
        Ok(chosen(distinct(input, d, true)?, return_inverse, return_counts))
    }

    /// The first elements of runs of equal ones.
    ///
    /// PyTorch: `torch.unique_consecutive`.
    [torch tensor]
    fn unique_consecutive(input: Tensor) -> Tensor {
        Ok(distinct(input, None, false)?.0)
    }

    /// The first elements (or slices along `dim`) of runs of equal ones; if asked for, for each of the input's the number
    /// of its run, and the length of each run.
    ///
    /// PyTorch: `torch.unique_consecutive`.
    [torch tensor as unique_consecutive]
    fn unique_consecutive_with(input: Tensor, return_inverse: bool = false, return_counts: bool = false,
                               dim: Option<i64> = None) -> OneOrMore {
        let d = dim.map(|d| input.wrap_dim("unique_consecutive", d)).transpose()?.filter(|_| input.ndim() > 0);
        Ok(chosen(distinct(input, d, false)?, return_inverse, return_counts))
    }

    /// Where values would have to be put into sorted sequences (along the last dimension) to keep them sorted: before
    /// the elements that are equal, or after them (`right`, `side: 'right'`). `sorter` gives the order of a sequence that
    /// is not sorted itself.
    ///
    /// PyTorch: `torch.searchsorted`.
    [torch]
    fn searchsorted(sorted_sequence: Tensor, input: Operand, out_int32: bool = false, right: bool = false,
                    side: Option<String> = None, sorter: Option<Tensor> = None) -> Tensor {
        ensure!(
            matches!(side, None | Some("left" | "right")),
            Value,
            "torch.searchsorted(): side can only be 'left' or 'right' but got {}",
            side.unwrap_or_default()
        );
        ensure!(
            !(side == Some("left") && right),
            Value,
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        );
        let n = sorted_sequence.ndim();
        ensure!(n >= 1, Shape, "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension");
        let lead = &sorted_sequence.shape()[..n - 1];
        ensure!(
            n == 1 || (input.ndim() == n && &input.shape()[..n - 1] == lead),
            Shape,
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor \
             and input value tensor must match, but we got boundaries tensor {:?} and input value tensor {:?}",
            sorted_sequence.shape(),
            input.shape()
        );
        if let Some(s) = sorter {
            ensure!(
                s.shape() == sorted_sequence.shape() && s.dtype() == DType::I64,
                Shape,
                "torch.searchsorted(): boundary and sorter must have the same size and sorter must be int64, but got boundary \
                 tensor {:?} and got sorter tensor {:?} of {}",
                sorted_sequence.shape(),
                s.shape(),
                s.dtype()
            );
            crate::placing::check("torch.searchsorted()", s, n - 1, s.shape()[n - 1], false)?;
        }
        let (sequence, values) = common(&sorted_sequence.detach(), &input.detach())?;
        let (sequence, values) = (sequence.contiguous_data()?, values.contiguous_data()?);
        let size = sequence.shape()[n - 1];
        let rows = if n == 1 { 1 } else { lead.iter().product() };
        let m = values.numel().checked_div(rows).unwrap_or(0);
        let out = Tensor::empty(input.shape(), if out_int32 { DType::I32 } else { DType::I64 })?;
        let sorter = sorter.map(Tensor::contiguous_data).transpose()?;
        let (long, wide) = ([rows, size], [rows, m]);
        let (along, across) = ([size as isize, 1], [m as isize, 1]);
        let mut ins = vec![Strided::from(&sequence).with(&long, &along), Strided::from(&values).with(&wide, &across)];
        ins.extend(sorter.as_ref().map(|s| Strided::from(s).with(&long, &along)));
        let right = right || side == Some("right");
        dispatch(&kernels::SEARCHSORTED, &ins, &[Strided::from(&out).with(&wide, &across)], &[right.into()])?;
        Ok(out)
    }

    /// The number of the bucket that each value falls into, for sorted boundaries.
    ///
    /// PyTorch: `torch.bucketize`.
    [torch]
    fn bucketize(input: Operand, boundaries: Tensor, out_int32: bool = false, right: bool = false) -> Tensor {
        ensure!(
            boundaries.ndim() == 1,
            Shape,
            "bucketize: boundaries tensor must be 1 dimension, but got dim({})",
            boundaries.ndim()
        );
        ops::searchsorted(boundaries, input, out_int32, right, None, None)
    }

    /// Histogram of all elements in `bins` bins of equal width between `min` and `max` (the data's, if both are equal).
    ///
    /// PyTorch: `torch.histc`.
    [torch tensor]
    fn histc(input: Tensor, bins: i64 = 100, min: Scalar = 0, max: Scalar = 0) -> Tensor {
        ensure!(bins > 0, Runtime, "torch.histc(): bins must be > 0, got {bins}");
        if !input.dtype().is_float() {
            return not_implemented("histogram_cpu", input.dtype());
        }
        let (mut low, mut high) = (min.to_f64(), max.to_f64());
        if low == high && input.numel() > 0 && !input.is_readable() {
            return histc_between(input, bins);
        }
        if low == high && input.numel() > 0 {
            (low, high) = (ops::min(&input.detach())?.item()?.to_f64(), ops::max(&input.detach())?.item()?.to_f64());
        }
        if low == high {
            (low, high) = (low - 1.0, high + 1.0);
        }
        ensure!(low.is_finite() && high.is_finite(), Runtime, "torch.histc: range of [{low}, {high}] is not finite");
        ensure!(low < high, Runtime, "torch.histc: max must be larger than min, got [{low}, {high}]");
        let out = Tensor::empty(&[bins as usize], input.dtype())?;
        dispatch(&kernels::HISTC, &[input], &[&out], &[low.into(), high.into()])?;
        Ok(out)
    }

    /// How often each integer from 0 on occurs in a vector, or the sum of the weights of its occurrences.
    ///
    /// PyTorch: `torch.bincount`.
    [torch tensor]
    fn bincount(input: Tensor, weights: Option<Tensor> = None, minlength: i64 = 0) -> Tensor {
        ensure!(minlength >= 0, Runtime, "bincount: minlength should be >= 0, got {minlength}");
        ensure!(
            input.ndim() == 1 || input.numel() == 0,
            Shape,
            "bincount only supports 1-d non-negative integral inputs, got shape {:?}",
            input.shape()
        );
        ensure!(input.dtype().is_int(), DType, "bincount only supports 1-d non-negative integral inputs, got {}", input.dtype());
        let at = input.cast_data(DType::I64)?;
        let (low, high) = crate::placing::range(&at)?.unwrap_or((0, -1));
        ensure!(low >= 0, Value, "bincount only supports 1-d non-negative integral inputs, got {low}");
        let n = (high + 1).max(minlength) as usize;
        let (values, dtype) = match weights {
            Some(w) => {
                ensure!(
                    w.numel() == input.numel(),
                    Shape,
                    "bincount: weights should be 1-d and have the same length as input: {} and {}",
                    w.numel(),
                    input.numel()
                );
                let dtype = if w.dtype() == DType::F32 { DType::F32 } else { DType::F64 };
                (w.cast_data(dtype)?, dtype)
            }
            None => (Tensor::ones(&[1], DType::I64)?, DType::I64),
        };
        let out = Tensor::zeros(&[n], dtype)?;
        if input.numel() > 0 {
            let values = if weights.is_some() { values } else { ops::expand(&values, &[input.numel() as i64])? };
            crate::placing::elementwise(&out, 0, &at).write(&out, &values, crate::placing::PutMode::Add)?;
        }
        Ok(out)
    }

    /// Whether each element is among the test elements.
    ///
    /// PyTorch: `torch.isin`.
    [torch]
    fn isin(elements: Operand, test_elements: Operand, assume_unique: bool = false, invert: bool = false) -> Tensor {
        // A hint for speed only.
        let _ = assume_unique;
        let (x, test) = common(&elements.detach(), &test_elements.detach())?;
        if test.numel() == 0 {
            return Tensor::full(x.shape(), invert, DType::Bool);
        }
        let (sorted, _) = ops::sort(&ops::reshape(&test, &[-1])?, 0, false, None)?;
        let at = ops::searchsorted(&sorted, &x, false, false, None, None)?;
        let last = Tensor::number(sorted.numel() as i64 - 1)?;
        let near = ops::take(&sorted, &ops::minimum(&at, &last)?)?;
        if invert { ops::ne(&near, &x) } else { ops::eq(&near, &x) }
    }
}
