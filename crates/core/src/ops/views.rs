//! Views: other layouts over the same memory.

use smallvec::SmallVec;

use crate::autograd::composites;
use crate::layout::{self, Strides, infer_size, view_strides};
use crate::{Layout, Result, Tensor, attach, bail, ensure, ops};

/// A view whose gradient goes back through `backward`.
fn view_with(
    input: &Tensor,
    name: &'static str,
    layout: Layout,
    backward: impl Fn(&Tensor) -> Result<Tensor> + 'static,
) -> Result<Tensor> {
    let out = input.make_view(layout);
    attach(&[&out], name, &[input], &[], move |ctx| Ok(vec![ctx.opt_grad(0).map(&backward).transpose()?]));
    Ok(out)
}

/// A view that reads part of the input: `f` gives its layout from any layout of the input's shape. The gradient is
/// placed into zeros by the same function, applied to a contiguous layout.
fn part_of(input: &Tensor, name: &'static str, f: impl Fn(&Layout) -> Layout) -> Result<Tensor> {
    let whole = Layout::contiguous(input.shape());
    let part = f(&whole);
    view_with(input, name, f(input.layout()), move |g| view_backward(g, &whole, &part))
}

/// The elements of `g` at the place a view has in its base, zeros elsewhere, in the base's shape. Where the view shows an
/// element several times, their gradients add up. Both layouts lie over the same (imagined) memory.
pub(crate) fn view_backward(g: &Tensor, base: &Layout, view: &Layout) -> Result<Tensor> {
    let span = (base.offset + base.span()).max(view.offset + view.span());
    let memory = Tensor::zeros(&[span], g.dtype())?;
    add_at(&memory, view, g)?;
    let out = memory.alias(base.clone());
    let (b, v) = (base.clone(), view.clone());
    attach(&[&out], "AsStridedBackwardBackward0", &[g], &[], move |ctx| {
        Ok(vec![ctx.opt_grad(0).map(|gg| gather_view(gg, &b, &v)).transpose()?])
    });
    Ok(out)
}

/// Adds `g` into memory through a layout; one with overlaps is taken apart until its parts have none.
fn add_at(memory: &Tensor, layout: &Layout, g: &Tensor) -> Result<()> {
    if !layout.overlaps() {
        return ops::graph::add_into(&memory.alias(layout.clone()), &g.detach());
    }
    let dim = (0..layout.shape.len()).filter(|&d| layout.shape[d] > 1).min_by_key(|&d| layout.shape[d]);
    let Some(dim) = dim else { bail!(Internal, "a layout of one element overlaps itself") };
    for i in 0..layout.shape[dim] {
        add_at(memory, &select_layout(layout, dim, i), &g.alias(select_layout(g.layout(), dim, i)))?;
    }
    Ok(())
}

/// What a view shows of `t`, a tensor of the base's shape.
pub(crate) fn gather_view(t: &Tensor, base: &Layout, view: &Layout) -> Result<Tensor> {
    let memory = lay_out(t, base, view)?;
    let out = Tensor::empty(&view.shape, t.dtype())?;
    out.copy_from(&memory.alias(view.clone()))?;
    let (b, v) = (base.clone(), view.clone());
    attach(&[&out], "AsStridedBackward0", &[t], &[], move |ctx| {
        Ok(vec![ctx.opt_grad(0).map(|g| view_backward(g, &b, &v)).transpose()?])
    });
    Ok(out)
}

/// `t`, a tensor of the base's shape, with what the view shows replaced by `part`.
pub(crate) fn scatter_view(
    name: &'static str,
    t: &Tensor,
    part: &Tensor,
    base: &Layout,
    view: &Layout,
) -> Result<Tensor> {
    let memory = lay_out(t, base, view)?;
    memory.alias(view.clone()).copy_from(part)?;
    let out = memory.alias(base.clone());
    let (b, v) = (base.clone(), view.clone());
    attach(&[&out], name, &[t, part], &[], move |ctx| {
        let g = ctx.grad(0)?;
        let rest = ctx.when(0, || scatter_view(name, &g, &Tensor::zeros(&v.shape, g.dtype())?, &b, &v))?;
        let part = ctx.when(1, || gather_view(&g, &b, &v))?;
        Ok(vec![rest, part])
    });
    Ok(out)
}

/// Fresh memory in which `t` lies as `base` says, large enough for `view` too.
fn lay_out(t: &Tensor, base: &Layout, view: &Layout) -> Result<Tensor> {
    let span = (base.offset + base.span()).max(view.offset + view.span());
    let gaps = base.numel() != span;
    let memory = if gaps { Tensor::zeros(&[span], t.dtype())? } else { Tensor::empty(&[span], t.dtype())? };
    memory.alias(base.clone()).copy_from(t)?;
    Ok(memory)
}

fn select_layout(l: &Layout, dim: usize, index: usize) -> Layout {
    let mut out = l.clone();
    out.offset = (l.offset as isize + index as isize * l.strides[dim]) as usize;
    out.shape.remove(dim);
    out.strides.remove(dim);
    out
}

/// Index range `start..end` (already clamped) by `step` along `dim`.
pub(crate) fn slice_layout(l: &Layout, dim: usize, start: usize, end: usize, step: usize) -> Layout {
    let mut out = l.clone();
    out.offset = (l.offset as isize + start as isize * l.strides[dim]) as usize;
    out.shape[dim] = end.saturating_sub(start).div_ceil(step);
    if out.shape[dim] == 0 {
        out.offset = l.offset;
    }
    out.strides[dim] *= step as isize;
    out
}

fn permute_layout(l: &Layout, perm: &[usize]) -> Layout {
    Layout {
        shape: perm.iter().map(|&d| l.shape[d]).collect(),
        strides: perm.iter().map(|&d| l.strides[d]).collect(),
        offset: l.offset,
    }
}

/// A view with this shape, which must be possible without a copy.
pub(crate) fn view_as_shape(op: &str, input: &Tensor, shape: &[usize], name: &'static str) -> Result<Tensor> {
    let Some(strides) = view_strides(input.layout(), shape) else {
        bail!(
            Shape,
            "{op}: view size is not compatible with input tensor's size and stride (at least one dimension spans across \
             two contiguous subspaces): shape {:?} with strides {:?} cannot be seen as {shape:?}. Use .reshape(...) \
             instead.",
            input.shape(),
            input.strides()
        );
    };
    let before = input.sizes();
    let layout = Layout { shape: shape.into(), strides, offset: input.layout().offset };
    view_with(input, name, layout, move |g| ops::reshape(g, &before))
}

ops! {
    /// The same memory under another shape; one size may be -1. An error where a copy would be needed (see `reshape`).
    ///
    /// PyTorch: `Tensor.view`.
    [tensor]
    fn view(input: Tensor, shape: Vec<i64>) -> Tensor {
        let shape = infer_size("view", shape, input.numel())?;
        view_as_shape("view", input, &shape, "ViewBackward0")
    }

    /// This tensor under another shape: a view where possible, else a copy. One size may be -1.
    ///
    /// PyTorch: `torch.reshape`.
    [torch tensor]
    fn reshape(input: Tensor, shape: Vec<i64>) -> Tensor {
        let shape = infer_size("reshape", shape, input.numel())?;
        if view_strides(input.layout(), &shape).is_some() {
            let name = if input.is_contiguous() { "ViewBackward0" } else { "ReshapeAliasBackward0" };
            return view_as_shape("reshape", input, &shape, name);
        }
        let copy = Tensor::empty(input.shape(), input.dtype())?;
        copy.copy_from(input)?;
        let out = copy.alias(Layout::contiguous(&shape));
        let before = input.sizes();
        attach(&[&out], "UnsafeViewBackward0", &[input], &[], move |ctx| {
            Ok(vec![ctx.opt_grad(0).map(|g| ops::reshape(g, &before)).transpose()?])
        });
        Ok(out)
    }

    /// The shape of another tensor for this one's memory.
    ///
    /// PyTorch: `Tensor.view_as`.
    [tensor]
    fn view_as(input: Tensor, other: Tensor) -> Tensor {
        ops::view(input, &other.sizes())
    }

    /// This tensor in the shape of another.
    ///
    /// PyTorch: `Tensor.reshape_as`.
    [tensor]
    fn reshape_as(input: Tensor, other: Tensor) -> Tensor {
        ops::reshape(input, &other.sizes())
    }

    /// A view with two dimensions exchanged.
    ///
    /// PyTorch: `torch.transpose`.
    [torch tensor "swapaxes" "swapdims"]
    fn transpose(input: Tensor, dim0: i64, dim1: i64) -> Tensor {
        let (a, b) = (input.wrap_dim("transpose", dim0)?, input.wrap_dim("transpose", dim1)?);
        let mut perm: Vec<usize> = (0..input.ndim()).collect();
        if !perm.is_empty() {
            perm.swap(a, b);
        }
        view_with(input, "TransposeBackward0", permute_layout(input.layout(), &perm), move |g| {
            ops::transpose(g, dim0, dim1)
        })
    }

    /// The transpose of a matrix; a vector or scalar as it is.
    ///
    /// PyTorch: `torch.t`.
    [torch tensor]
    fn t(input: Tensor) -> Tensor {
        ensure!(
            input.ndim() <= 2,
            Shape,
            "t(): t() expects a tensor with <= 2 dimensions, but self is {}D",
            input.ndim()
        );
        let perm: Vec<usize> = (0..input.ndim()).rev().collect();
        view_with(input, "TBackward0", permute_layout(input.layout(), &perm), ops::t)
    }

    /// A view with its dimensions in another order.
    ///
    /// PyTorch: `torch.permute`.
    [torch tensor]
    fn permute(input: Tensor, dims: Vec<i64>) -> Tensor {
        ensure!(
            dims.len() == input.ndim(),
            Shape,
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired \
             ordering of dimensions i.e. input.dim() = {} is not equal to len(dims) = {}",
            input.ndim(),
            dims.len()
        );
        let mut perm = Vec::with_capacity(dims.len());
        for &d in dims {
            let d = input.wrap_dim("permute", d)?;
            ensure!(!perm.contains(&d), Runtime, "permute(): duplicate dims are not allowed.");
            perm.push(d);
        }
        let mut back = vec![0i64; perm.len()];
        perm.iter().enumerate().for_each(|(i, &d)| back[d] = i as i64);
        view_with(input, "PermuteBackward0", permute_layout(input.layout(), &perm), move |g| ops::permute(g, &back))
    }

    /// All dimensions in reverse order: the property `x.T`.
    ///
    /// PyTorch: `Tensor.T`.
    [private]
    fn numpy_t(input: Tensor) -> Tensor {
        ops::permute(input, &(0..input.ndim() as i64).rev().collect::<Vec<_>>())
    }

    /// Matrices transposed: the property `x.mT`.
    ///
    /// PyTorch: `Tensor.mT`.
    [private]
    fn matrix_t(input: Tensor) -> Tensor {
        ensure!(
            input.ndim() >= 2,
            Shape,
            "tensor.mT is only supported on matrices or batches of matrices. Got {}-D tensor.",
            input.ndim()
        );
        ops::transpose(input, -2, -1)
    }

    /// A view in which dimensions of size 1 repeat to the given size; -1 keeps a size.
    ///
    /// PyTorch: `Tensor.expand`.
    [tensor]
    fn expand(input: Tensor, size: Vec<i64>) -> Tensor {
        let lead = match size.len().checked_sub(input.ndim()) {
            Some(n) => n,
            None => bail!(
                Shape,
                "expand: the number of sizes provided ({}) must be greater or equal to the number of dimensions in the \
                 tensor ({}): {:?} to {size:?}",
                size.len(), input.ndim(), input.shape()
            ),
        };
        let mut shape = layout::Shape::new();
        let mut strides = Strides::new();
        for (i, &n) in size.iter().enumerate() {
            let (have, stride) =
                if i < lead { (1, 0) } else { (input.shape()[i - lead], input.strides()[i - lead]) };
            let n = match n {
                -1 if i >= lead => have,
                -1 => bail!(
                    Shape,
                    "expand: The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {i}"
                ),
                n if n < 0 => bail!(Shape, "expand: negative size {n} at dimension {i}"),
                n => n as usize,
            };
            ensure!(
                n == have || have == 1,
                Shape,
                "expand: The expanded size of the tensor ({n}) must match the existing size ({have}) at non-singleton \
                 dimension {i}.  Target sizes: {size:?}.  Tensor sizes: {:?}",
                input.shape()
            );
            shape.push(n);
            strides.push(if n == have { stride } else { 0 });
        }
        let before = input.sizes();
        view_with(input, "ExpandBackward0", Layout { shape, strides, offset: input.layout().offset }, move |g| {
            ops::sum_to_size(g, &before)
        })
    }

    /// One index along a dimension: a view without it.
    ///
    /// PyTorch: `torch.select`.
    [torch tensor]
    fn select(input: Tensor, dim: i64, index: i64) -> Tensor {
        ensure!(input.ndim() > 0, Index, "select() cannot be applied to a 0-dim tensor.");
        let d = input.wrap_dim("select", dim)?;
        let n = input.shape()[d] as i64;
        ensure!(
            index >= -n && index < n,
            Index,
            "select(): index {index} out of range for tensor of size {:?} at dimension {d}",
            input.shape()
        );
        let i = (if index < 0 { index + n } else { index }) as usize;
        part_of(input, "SelectBackward0", |l| select_layout(l, d, i))
    }

    /// Indices `start` to `end` by `step` along a dimension: a view. Limits beyond the size are clamped.
    [private]
    fn slice(input: Tensor, dim: i64, start: Option<i64>, end: Option<i64>, step: i64 = 1) -> Tensor {
        ensure!(input.ndim() > 0, Index, "slice() cannot be applied to a 0-dim tensor.");
        ensure!(step > 0, Value, "slice step must be positive, got {step}");
        let d = input.wrap_dim("slice", dim)?;
        let n = input.shape()[d] as i64;
        let clamp = |i: i64| (if i < 0 { i + n } else { i }).clamp(0, n);
        let (a, b) = (clamp(start.unwrap_or(0)), clamp(end.unwrap_or(i64::MAX)));
        part_of(input, "SliceBackward0", |l| slice_layout(l, d, a as usize, b.max(a) as usize, step as usize))
    }

    /// `length` indices from `start` along a dimension: a view.
    ///
    /// PyTorch: `torch.narrow`.
    [torch tensor]
    fn narrow(input: Tensor, dim: i64, start: Operand, length: i64) -> Tensor {
        ensure!(input.ndim() > 0, Index, "narrow() cannot be applied to a 0-dim tensor.");
        ensure!(length >= 0, Runtime, "narrow(): length must be non-negative.");
        ensure!(
            start.ndim() == 0 && !start.dtype().is_float() && start.dtype() != crate::DType::Bool,
            Runtime,
            "narrow(): start must be an 0-dim integral Tensor."
        );
        let d = input.wrap_dim("narrow", dim)?;
        let n = input.shape()[d] as i64;
        let start = start.item()?.to_i64();
        ensure!(
            start >= -n && start <= n,
            Index,
            "narrow(): start out of range (expected to be in range of [-{n}, {n}], but got {start})"
        );
        let a = if start < 0 { start + n } else { start };
        ensure!(a + length <= n, Runtime, "narrow(): start ({a}) + length ({length}) exceeds dimension size ({n}).");
        part_of(input, "SliceBackward0", |l| slice_layout(l, d, a as usize, (a + length) as usize, 1))
    }

    /// A view without the dimensions of size 1.
    ///
    /// PyTorch: `torch.squeeze`.
    [torch tensor]
    fn squeeze(input: Tensor) -> Tensor {
        squeeze_dims(input, "SqueezeBackward0", |_| true)
    }

    /// A view without this dimension, if its size is 1.
    [torch tensor as squeeze]
    fn squeeze_dim(input: Tensor, dim: i64) -> Tensor {
        let d = input.wrap_dim("squeeze", dim)?;
        squeeze_dims(input, "SqueezeBackward1", |i| i == d)
    }

    /// A view without those of these dimensions whose size is 1.
    [torch tensor as squeeze]
    fn squeeze_list(input: Tensor, dim: Vec<i64>) -> Tensor {
        if dim.is_empty() {
            return squeeze_dims(input, "SqueezeBackward2", |_| false);
        }
        let flags = layout::wrap_dims("squeeze", Some(dim), input.ndim())?;
        squeeze_dims(input, "SqueezeBackward2", |i| flags[i])
    }

    /// A view with a dimension of size 1 inserted.
    ///
    /// PyTorch: `torch.unsqueeze`.
    [torch tensor]
    fn unsqueeze(input: Tensor, dim: i64) -> Tensor {
        let d = layout::wrap_dim("unsqueeze", dim, input.ndim() + 1)?;
        let l = input.layout();
        let mut out = l.clone();
        let stride = if d < input.ndim() { l.shape[d] as isize * l.strides[d] } else { 1 };
        out.shape.insert(d, 1);
        out.strides.insert(d, stride);
        view_with(input, "UnsqueezeBackward0", out, move |g| ops::squeeze_dim(g, d as i64))
    }

    /// Every index of a dimension, as views without it.
    ///
    /// PyTorch: `torch.unbind`.
    [torch tensor]
    fn unbind(input: Tensor, dim: i64 = 0) -> Vec<Tensor> {
        ensure!(input.ndim() > 0, Index, "unbind: Dimension specified as {dim} but tensor has no dimensions");
        let d = input.wrap_dim("unbind", dim)?;
        let n = input.shape()[d];
        let outs: Vec<Tensor> = (0..n).map(|i| input.make_view(select_layout(input.layout(), d, i))).collect();
        let refs: Vec<&Tensor> = outs.iter().collect();
        attach(&refs, "UnbindBackward0", &[input], &[], move |ctx| {
            let grads = (0..n).map(|i| ctx.grad(i)).collect::<Result<Vec<_>>>()?;
            Ok(vec![Some(ops::stack(&grads, d as i64)?)])
        });
        Ok(outs)
    }

    /// Pieces of `split_size` along a dimension (the last may be smaller): views.
    ///
    /// PyTorch: `torch.split`.
    [torch tensor]
    fn split(input: Tensor, split_size: i64, dim: i64 = 0) -> Vec<Tensor> {
        ensure!(input.ndim() > 0, Runtime, "split expects at least a 1-dimensional tensor");
        ensure!(split_size >= 0, Runtime, "split expects split_size be non-negative, but got split_size={split_size}");
        let d = input.wrap_dim("split", dim)?;
        let n = input.shape()[d];
        ensure!(
            split_size > 0 || n == 0,
            Runtime,
            "split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
        );
        let size = split_size as usize;
        let count = if size == 0 { 1 } else { n.div_ceil(size).max(1) };
        let sizes: Vec<usize> = (0..count).map(|i| size.min(n - (i * size).min(n))).collect();
        split_at(input, d, &sizes, "SplitBackward0")
    }

    /// Pieces of these sizes along a dimension: views.
    ///
    /// PyTorch: `torch.split` with a list, `torch.split_with_sizes`.
    [torch tensor "split"]
    fn split_with_sizes(input: Tensor, split_sizes: Vec<i64>, dim: i64 = 0) -> Vec<Tensor> {
        ensure!(input.ndim() > 0, Runtime, "split_with_sizes expects at least a 1-dimensional tensor");
        let d = input.wrap_dim("split_with_sizes", dim)?;
        let n = input.shape()[d] as i64;
        ensure!(
            split_sizes.iter().all(|&s| s >= 0),
            Runtime,
            "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={split_sizes:?}"
        );
        ensure!(
            split_sizes.iter().sum::<i64>() == n,
            Runtime,
            "split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension {d}), but got \
             split_sizes={split_sizes:?}"
        );
        let sizes: Vec<usize> = split_sizes.iter().map(|&s| s as usize).collect();
        split_at(input, d, &sizes, "SplitWithSizesBackward0")
    }

    /// At most `chunks` pieces of equal size along a dimension (the last may be smaller): views.
    ///
    /// PyTorch: `torch.chunk`.
    [torch tensor]
    fn chunk(input: Tensor, chunks: i64, dim: i64 = 0) -> Vec<Tensor> {
        ensure!(input.ndim() > 0, Runtime, "chunk expects at least a 1-dimensional tensor");
        ensure!(chunks > 0, Runtime, "chunk expects `chunks` to be greater than 0, got: {chunks}");
        let d = input.wrap_dim("chunk", dim)?;
        let n = input.shape()[d] as i64;
        let size = (n + chunks - 1) / chunks;
        if size == 0 {
            return split_at(input, d, &vec![0; chunks as usize], "SplitWithSizesBackward0");
        }
        ops::split(input, size, dim)
    }

    /// `split` into tensors that share memory without being views.
    ///
    /// PyTorch: `torch.unsafe_split`.
    [torch tensor]
    fn unsafe_split(input: Tensor, split_size: i64, dim: i64 = 0) -> Vec<Tensor> {
        Ok(composites("UnsafeSplitBackward0", &[input], &ops::split(input, split_size, dim)?))
    }

    /// `chunk` into tensors that share memory without being views.
    ///
    /// PyTorch: `torch.unsafe_chunk`.
    [torch tensor]
    fn unsafe_chunk(input: Tensor, chunks: i64, dim: i64 = 0) -> Vec<Tensor> {
        Ok(composites("UnsafeSplitBackward0", &[input], &ops::chunk(input, chunks, dim)?))
    }

    /// Windows of `size` every `step` along a dimension, as a last dimension: a view.
    ///
    /// PyTorch: `Tensor.unfold`.
    [tensor]
    fn unfold(input: Tensor, dimension: i64, size: i64, step: i64) -> Tensor {
        let d = input.wrap_dim("unfold", dimension)?;
        let n = input.size(d) as i64;
        ensure!(size >= 0, Runtime, "unfold: size is {size} but must be >= 0");
        ensure!(
            size <= n,
            Runtime,
            "unfold: maximum size for tensor at dimension {d} is {n} but size is {size}"
        );
        ensure!(step > 0, Runtime, "unfold: step is {step} but must be > 0");
        let (size, step) = (size as usize, step as usize);
        part_of(input, "UnfoldBackward0", |l| {
            let mut out = l.clone();
            if out.shape.is_empty() {
                out.shape.push(size);
                out.strides.push(1);
                return out;
            }
            let stride = l.strides[d];
            out.shape[d] = (l.shape[d] - size) / step + 1;
            out.strides[d] = stride * step as isize;
            out.shape.push(size);
            out.strides.push(stride);
            out
        })
    }

    /// The diagonal of two dimensions as a last dimension: a view.
    ///
    /// PyTorch: `torch.diagonal`.
    [torch tensor "linalg.diagonal"]
    fn diagonal(input: Tensor, offset: i64 = 0, dim1: i64 = 0, dim2: i64 = 1) -> Tensor {
        let (a, b) = (input.wrap_dim("diagonal", dim1)?, input.wrap_dim("diagonal", dim2)?);
        ensure!(
            a != b,
            Runtime,
            "diagonal: diagonal dimensions cannot be identical {dim1}, {dim2}"
        );
        let (rows, cols) = (input.shape()[a] as i64, input.shape()[b] as i64);
        let n = if offset >= 0 { rows.min(cols - offset) } else { (rows + offset).min(cols) }.max(0) as usize;
        part_of(input, "DiagonalBackward0", |l| {
            let mut out = l.clone();
            let (sa, sb) = (l.strides[a], l.strides[b]);
            if n > 0 {
                let skip = if offset >= 0 { offset as isize * sb } else { -offset as isize * sa };
                out.offset = (l.offset as isize + skip) as usize;
            }
            for d in [a.max(b), a.min(b)] {
                out.shape.remove(d);
                out.strides.remove(d);
            }
            out.shape.push(n);
            out.strides.push(sa + sb);
            out
        })
    }

    /// The storage of this tensor under any size, strides and offset (in elements): a view.
    ///
    /// PyTorch: `torch.as_strided`.
    [torch tensor]
    fn as_strided(input: Tensor, size: Vec<i64>, stride: Vec<i64>, storage_offset: Option<i64> = None) -> Tensor {
        let view = strided_layout("as_strided", input, size, stride, storage_offset)?;
        let base = input.layout().clone();
        let v = view.clone();
        view_with(input, "AsStridedBackward0", view, move |g| view_backward(g, &base, &v))
    }

    /// A copy of `input`'s storage in its layout, with what `as_strided` would show replaced by `src`.
    ///
    /// PyTorch: `torch.as_strided_scatter`.
    [torch tensor]
    fn as_strided_scatter(input: Tensor, src: Tensor, size: Vec<i64>, stride: Vec<i64>,
                          storage_offset: Option<i64> = None) -> Tensor {
        let view = strided_layout("as_strided_scatter", input, size, stride, storage_offset)?;
        ensure!(
            src.shape() == &view.shape[..],
            Shape,
            "as_strided_scatter: expected src to have a size equal to the slice of self. src size = {:?}, slice size = {:?}",
            src.shape(), &view.shape[..]
        );
        let base = input.layout().clone();
        let out = crate::autograd::no_grad(|| scatter_view("", input, src, &base, &view))?;
        // PyTorch's as_strided_scatter_backward (FunctionsManual.cpp) lets the input's gradient through at the written
        // elements and stops it elsewhere; so do we, since its numbers are the reference.
        attach(&[&out], "AsStridedScatterBackward0", &[input, src], &[], move |ctx| {
            let part = gather_view(&ctx.grad(0)?, &base, &view)?;
            let rest = ctx.when(0, || view_backward(&part, &base, &view))?;
            Ok(vec![rest, ctx.needs(1).then_some(part)])
        });
        Ok(out)
    }

    /// Dimensions `start_dim` to `end_dim` made one: a view where possible.
    ///
    /// PyTorch: `torch.flatten`.
    [torch tensor]
    fn flatten(input: Tensor, start_dim: i64 = 0, end_dim: i64 = -1) -> Tensor {
        let (a, b) = (input.wrap_dim("flatten", start_dim)?, input.wrap_dim("flatten", end_dim)?);
        ensure!(a <= b, Runtime, "flatten() has invalid args: start_dim cannot come after end_dim");
        if input.ndim() == 0 {
            return ops::reshape(input, &[1]);
        }
        if a == b {
            return Ok(input.clone());
        }
        let mut shape = input.sizes().to_vec();
        let merged = shape[a..=b].iter().product();
        shape.splice(a..=b, [merged]);
        ops::reshape(input, &shape)
    }

    /// Another name for the same memory, as a view.
    [private]
    fn alias(input: Tensor) -> Tensor {
        view_with(input, "AliasBackward0", input.layout().clone(), |g| Ok(g.clone()))
    }
}

use crate::call::Operand;

fn squeeze_dims(input: &Tensor, name: &'static str, drop: impl Fn(usize) -> bool) -> Result<Tensor> {
    let l = input.layout();
    let keep: SmallVec<[usize; 6]> = (0..input.ndim()).filter(|&i| l.shape[i] != 1 || !drop(i)).collect();
    let before = input.sizes();
    view_with(input, name, permute_layout(l, &keep), move |g| ops::reshape(g, &before))
}

/// What `squeeze_` makes of a result of our own: it has a node and is no view.
pub(crate) fn squeezed(t: &Tensor, dim: i64) -> Result<Tensor> {
    let part = ops::squeeze_dim(&t.detach(), dim)?;
    let out = part.detach();
    let before = t.sizes();
    attach(&[&out], "SqueezeBackward4", &[t], &[], move |ctx| {
        Ok(vec![ctx.opt_grad(0).map(|g| ops::reshape(g, &before)).transpose()?])
    });
    Ok(out)
}

fn split_at(input: &Tensor, dim: usize, sizes: &[usize], name: &'static str) -> Result<Vec<Tensor>> {
    let mut at = 0;
    let mut outs = Vec::with_capacity(sizes.len());
    for &n in sizes {
        outs.push(input.make_view(slice_layout(input.layout(), dim, at, at + n, 1)));
        at += n;
    }
    let refs: Vec<&Tensor> = outs.iter().collect();
    let count = outs.len();
    attach(&refs, name, &[input], &[], move |ctx| {
        let grads = (0..count).map(|i| ctx.grad(i)).collect::<Result<Vec<_>>>()?;
        Ok(vec![Some(ops::cat(&grads, dim as i64)?)])
    });
    Ok(outs)
}

fn strided_layout(op: &str, input: &Tensor, size: &[i64], stride: &[i64], offset: Option<i64>) -> Result<Layout> {
    ensure!(
        size.len() == stride.len(),
        Runtime,
        "{op}: mismatch in length of strides and shape: {size:?} and {stride:?}"
    );
    ensure!(size.iter().all(|&n| n >= 0), Runtime, "{op}: negative size in {size:?}");
    ensure!(
        stride.iter().all(|&s| s >= 0),
        Runtime,
        "{op}: Negative strides are not supported at the moment, got strides: {stride:?}"
    );
    let offset = offset.unwrap_or(input.layout().offset as i64);
    ensure!(offset >= 0, Runtime, "{op}: storage_offset must be non-negative, got {offset}");
    let l = Layout {
        shape: size.iter().map(|&n| n as usize).collect(),
        strides: stride.iter().map(|&s| s as isize).collect(),
        offset: offset as usize,
    };
    let need = (l.offset + l.span()) * input.dtype().size();
    ensure!(
        l.numel() == 0 || need <= input.storage().bytes(),
        Runtime,
        "{op}: setStorage: sizes {size:?}, strides {stride:?}, storage offset {offset}, and itemsize {} requiring a \
         storage size of {need} are out of bounds for storage of size {}",
        input.dtype().size(),
        input.storage().bytes()
    );
    Ok(l)
}

