//! Ops that rearrange: composed of views, `cat` and copies.

use crate::autograd::{composite, composites};
use crate::call::Operand;
use crate::layout::{Shape, wrap_dim};
use crate::{DType, Layout, Result, Scalar, Tensor, bail, ensure, ops};

ops! {
    /// Dimensions moved to other places; the rest keeps its order. A view.
    ///
    /// PyTorch: `torch.movedim`.
    [torch tensor "moveaxis"]
    fn movedim(input: Tensor, source: Vec<i64>, destination: Vec<i64>) -> Tensor {
        ensure!(
            source.len() == destination.len(),
            Runtime,
            "movedim: Invalid source or destination dims: source ({source:?} dims) should contain the same number of dims \
             as destination ({destination:?} dims)"
        );
        let n = input.ndim();
        let wrap = |list: &[i64], what: &str| -> Result<Vec<usize>> {
            let wrapped = list.iter().map(|&d| wrap_dim("movedim", d, n)).collect::<Result<Vec<_>>>()?;
            for (i, d) in wrapped.iter().enumerate() {
                ensure!(!wrapped[..i].contains(d), Runtime, "movedim: repeated dim in `{what}` ({list:?})");
            }
            Ok(wrapped)
        };
        let (from, to) = (wrap(source, "source")?, wrap(destination, "destination")?);
        if n == 0 {
            return Ok(input.clone());
        }
        let mut order = vec![usize::MAX; n];
        from.iter().zip(&to).for_each(|(&f, &t)| order[t] = f);
        let mut rest = (0..n).filter(|d| !from.contains(d));
        for place in order.iter_mut().filter(|p| **p == usize::MAX) {
            *place = rest.next().expect("as many places as dimensions");
        }
        ops::permute(input, &order.iter().map(|&d| d as i64).collect::<Vec<_>>())
    }

    /// The tensor repeated along each dimension; missing leading dimensions count as 1.
    ///
    /// PyTorch: `Tensor.repeat`.
    [tensor]
    fn repeat(input: Tensor, repeats: Vec<i64>) -> Tensor {
        ensure!(
            repeats.len() >= input.ndim(),
            Shape,
            "repeat: Number of dimensions of repeat dims ({}) can not be smaller than number of dimensions of tensor ({})",
            repeats.len(),
            input.ndim()
        );
        ensure!(repeats.iter().all(|&r| r >= 0), Runtime, "repeat: Trying to create tensor with negative dimension: {repeats:?}");
        let lead = repeats.len() - input.ndim();
        // [r0, n0, r1, n1, ...]: expanded where it repeats, then merged by a copy.
        let mut paired: Vec<i64> = Vec::new();
        let mut expanded: Vec<i64> = Vec::new();
        let mut merged: Vec<i64> = Vec::new();
        for (i, &r) in repeats.iter().enumerate() {
            let n = if i < lead { 1 } else { input.shape()[i - lead] as i64 };
            paired.extend([1, n]);
            expanded.extend([r, n]);
            merged.push(r * n);
        }
        let spread = ops::expand(&ops::reshape(input, &paired)?, &expanded)?;
        let out = ops::reshape(&spread, &merged);
        composite("RepeatBackward0", &[input], out)
    }

    /// The tensor repeated along each dimension; `dims` may name fewer dimensions than there are.
    ///
    /// PyTorch: `torch.tile`.
    [torch tensor]
    fn tile(input: Tensor, dims: Vec<i64>) -> Tensor {
        let mut repeats = vec![1; input.ndim().saturating_sub(dims.len())];
        repeats.extend_from_slice(dims);
        ops::repeat(input, &repeats)
    }

    /// All elements in one dimension: a view where possible.
    ///
    /// PyTorch: `torch.ravel`.
    [torch tensor]
    fn ravel(input: Tensor) -> Tensor {
        ops::reshape(input, &[-1])
    }

    /// One dimension seen as several; one of their sizes may be -1.
    ///
    /// PyTorch: `torch.unflatten`.
    [torch tensor]
    fn unflatten(input: Tensor, dim: i64, sizes: Vec<i64>) -> Tensor {
        let d = input.wrap_dim("unflatten", dim)?;
        ensure!(!sizes.is_empty(), Runtime, "unflatten: sizes must be non-empty");
        let n = input.size(d);
        let inner = crate::layout::infer_size("unflatten", sizes, n).map_err(|e| {
            e.saying(format!("unflatten: Provided sizes {sizes:?} don't multiply up to the size of dim {d} ({n}) in the input tensor"))
        })?;
        let mut shape = input.sizes().to_vec();
        shape.splice(d..d + 1, inner.iter().map(|&n| n as i64));
        ops::reshape(input, &shape)
    }

    /// At least one dimension.
    ///
    /// PyTorch: `torch.atleast_1d`.
    [torch]
    fn atleast_1d(input: Tensor) -> Tensor {
        if input.ndim() == 0 { ops::reshape(input, &[1]) } else { Ok(input.clone()) }
    }

    /// At least one dimension, for each of several tensors.
    [torch as atleast_1d]
    fn atleast_1d_list(tensors: Vec<Tensor>) -> Vec<Tensor> {
        tensors.iter().map(ops::atleast_1d).collect()
    }

    /// At least two dimensions: a vector becomes a row.
    ///
    /// PyTorch: `torch.atleast_2d`.
    [torch]
    fn atleast_2d(input: Tensor) -> Tensor {
        match input.ndim() {
            0 => ops::reshape(input, &[1, 1]),
            1 => ops::unsqueeze(input, 0),
            _ => Ok(input.clone()),
        }
    }

    /// At least two dimensions, for each of several tensors.
    [torch as atleast_2d]
    fn atleast_2d_list(tensors: Vec<Tensor>) -> Vec<Tensor> {
        tensors.iter().map(ops::atleast_2d).collect()
    }

    /// At least three dimensions: a vector becomes [1, n, 1], a matrix [m, n, 1].
    ///
    /// PyTorch: `torch.atleast_3d`.
    [torch]
    fn atleast_3d(input: Tensor) -> Tensor {
        match input.ndim() {
            0 => ops::reshape(input, &[1, 1, 1]),
            1 => ops::unsqueeze(&ops::unsqueeze(input, 0)?, -1),
            2 => ops::unsqueeze(input, -1),
            _ => Ok(input.clone()),
        }
    }

    /// At least three dimensions, for each of several tensors.
    [torch as atleast_3d]
    fn atleast_3d_list(tensors: Vec<Tensor>) -> Vec<Tensor> {
        tensors.iter().map(ops::atleast_3d).collect()
    }

    /// Joins along the second dimension (the first, for vectors).
    ///
    /// PyTorch: `torch.hstack`.
    [torch]
    fn hstack(tensors: Vec<Tensor>) -> Tensor {
        ensure!(!tensors.is_empty(), Runtime, "hstack expects a non-empty TensorList");
        let parts = ops::atleast_1d_list(tensors)?;
        ops::cat(&parts, if parts[0].ndim() == 1 { 0 } else { 1 })
    }

    /// Joins along the first dimension; vectors are rows.
    ///
    /// PyTorch: `torch.vstack`.
    [torch "row_stack"]
    fn vstack(tensors: Vec<Tensor>) -> Tensor {
        ensure!(!tensors.is_empty(), Runtime, "vstack expects a non-empty TensorList");
        ops::cat(&ops::atleast_2d_list(tensors)?, 0)
    }

    /// Joins along the third dimension.
    ///
    /// PyTorch: `torch.dstack`.
    [torch]
    fn dstack(tensors: Vec<Tensor>) -> Tensor {
        ensure!(!tensors.is_empty(), Runtime, "dstack expects a non-empty TensorList");
        ops::cat(&ops::atleast_3d_list(tensors)?, 2)
    }

    /// Joins along the second dimension; vectors and numbers are columns.
    ///
    /// PyTorch: `torch.column_stack`.
    [torch]
    fn column_stack(tensors: Vec<Tensor>) -> Tensor {
        ensure!(!tensors.is_empty(), Runtime, "column_stack expects a non-empty TensorList");
        let columns = tensors
            .iter()
            .map(|t| if t.ndim() <= 1 { ops::reshape(t, &[t.numel() as i64, 1]) } else { Ok(t.clone()) })
            .collect::<Result<Vec<_>>>()?;
        ops::hstack(&columns)
    }

    /// The tensors along the diagonal of a matrix of zeros; vectors are rows.
    ///
    /// PyTorch: `torch.block_diag`.
    [torch]
    fn block_diag(tensors: Vec<Tensor>) -> Tensor {
        let blocks = ops::atleast_2d_list(tensors)?;
        for (i, t) in blocks.iter().enumerate() {
            ensure!(
                t.ndim() == 2,
                Shape,
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {} dimensions",
                t.ndim()
            );
        }
        let refs: Vec<&Tensor> = blocks.iter().collect();
        let dtype = crate::promote::result_type(&refs);
        let width: usize = blocks.iter().map(|t| t.shape()[1]).sum();
        let mut rows = Vec::with_capacity(blocks.len());
        let mut at = 0;
        for t in &blocks {
            let (m, n) = (t.shape()[0], t.shape()[1]);
            let left = Tensor::zeros(&[m, at], dtype)?;
            let right = Tensor::zeros(&[m, width - at - n], dtype)?;
            rows.push(ops::cat(&[left, t.clone(), right], 1)?);
            at += n;
        }
        composite("BlockDiagBackward0", &tensors.iter().collect::<Vec<_>>(), ops::cat(&rows, 0))
    }

    /// Splits into `sections` nearly equal views along a dimension; the first ones are one larger.
    ///
    /// PyTorch: `torch.tensor_split`.
    [torch tensor]
    fn tensor_split(input: Tensor, sections: i64, dim: i64 = 0) -> Vec<Tensor> {
        ensure!(input.ndim() > 0, Runtime, "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
        ensure!(sections > 0, Runtime, "number of sections must be larger than 0, got {sections}");
        let d = input.wrap_dim("tensor_split", dim)?;
        let n = input.shape()[d] as i64;
        let ends: Vec<i64> = (1..sections).map(|i| i * (n / sections) + i.min(n % sections)).collect();
        ops::tensor_split_at(input, &ends, dim)
    }

    /// Splits at these indices along a dimension; views.
    [torch tensor as tensor_split]
    fn tensor_split_at(input: Tensor, indices: Vec<i64>, dim: i64 = 0) -> Vec<Tensor> {
        ensure!(input.ndim() > 0, Runtime, "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
        let mut parts = Vec::with_capacity(indices.len() + 1);
        let mut start = 0;
        for &end in indices {
            parts.push(ops::slice(input, dim, Some(start), Some(end), 1)?);
            start = end;
        }
        parts.push(ops::slice(input, dim, Some(start), None, 1)?);
        Ok(parts)
    }

    /// Splits as a tensor says: a number of sections (0-d) or indices (1-d).
    [torch tensor as tensor_split mixed]
    fn tensor_split_by(input: Tensor, tensor_indices_or_sections: Tensor, dim: i64 = 0) -> Vec<Tensor> {
        let by = tensor_indices_or_sections;
        ensure!(
            by.dtype() == DType::I64 && by.ndim() <= 1,
            Runtime,
            "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional int64 tensor, \
             but got a {}-dimensional {} tensor",
            by.ndim(),
            by.dtype()
        );
        let list = by.to_vec::<i64>()?;
        if by.ndim() == 0 { ops::tensor_split(input, list[0], dim) } else { ops::tensor_split_at(input, &list, dim) }
    }

    /// Splits into equal columns (elements, of a vector).
    ///
    /// PyTorch: `torch.hsplit`.
    [torch tensor]
    fn hsplit(input: Tensor, sections: i64) -> Vec<Tensor> {
        equal_split("hsplit", input, sections, 1, if input.ndim() == 1 { 0 } else { 1 })
    }
    /// Splits at these columns (elements, of a vector).
    [torch tensor as hsplit]
    fn hsplit_at(input: Tensor, indices: Vec<i64>) -> Vec<Tensor> {
        check_rank("hsplit", input, 1)?;
        ops::tensor_split_at(input, indices, if input.ndim() == 1 { 0 } else { 1 })
    }

    /// Splits into equal groups of rows.
    ///
    /// PyTorch: `torch.vsplit`.
    [torch tensor]
    fn vsplit(input: Tensor, sections: i64) -> Vec<Tensor> {
        equal_split("vsplit", input, sections, 2, 0)
    }
    /// Splits at these rows.
    [torch tensor as vsplit]
    fn vsplit_at(input: Tensor, indices: Vec<i64>) -> Vec<Tensor> {
        check_rank("vsplit", input, 2)?;
        ops::tensor_split_at(input, indices, 0)
    }

    /// Splits the third dimension into equal parts.
    ///
    /// PyTorch: `torch.dsplit`.
    [torch tensor]
    fn dsplit(input: Tensor, sections: i64) -> Vec<Tensor> {
        equal_split("dsplit", input, sections, 3, 2)
    }
    /// Splits the third dimension at these indices.
    [torch tensor as dsplit]
    fn dsplit_at(input: Tensor, indices: Vec<i64>) -> Vec<Tensor> {
        check_rank("dsplit", input, 3)?;
        ops::tensor_split_at(input, indices, 2)
    }

    /// A copy of `input` with `src` at `index` along `dim`.
    ///
    /// PyTorch: `torch.select_scatter`.
    [torch tensor]
    fn select_scatter(input: Tensor, src: Tensor, dim: i64, index: i64) -> Tensor {
        scatter("SelectScatterBackward0", "select_scatter", input, src, |t| ops::select(t, dim, index))
    }

    /// A copy of `input` with `src` in a slice of `dim`.
    ///
    /// PyTorch: `torch.slice_scatter`.
    [torch tensor]
    fn slice_scatter(input: Tensor, src: Tensor, dim: i64 = 0, start: Option<i64> = None, end: Option<i64> = None,
                     step: i64 = 1) -> Tensor {
        scatter("SliceScatterBackward0", "slice_scatter", input, src, |t| ops::slice(t, dim, start, end, step))
    }

    /// A copy of `input` with `src` on a diagonal.
    ///
    /// PyTorch: `torch.diagonal_scatter`.
    [torch tensor]
    fn diagonal_scatter(input: Tensor, src: Tensor, offset: i64 = 0, dim1: i64 = 0, dim2: i64 = 1) -> Tensor {
        scatter("DiagonalScatterBackward0", "diagonal_scatter", input, src, |t| ops::diagonal(t, offset, dim1, dim2))
    }

    /// `view` with its own memory. PyTorch: `torch.view_copy`.
    [torch]
    fn view_copy(input: Tensor, size: Vec<i64>) -> Tensor {
        composite("ViewBackward0_copy", &[input], ops::view(input, size))
    }
    /// `expand` with its own memory. PyTorch: `torch.expand_copy`.
    [torch]
    fn expand_copy(input: Tensor, size: Vec<i64>) -> Tensor {
        composite("ExpandBackward0_copy", &[input], ops::expand(input, size))
    }
    /// `permute` with its own memory. PyTorch: `torch.permute_copy`.
    [torch]
    fn permute_copy(input: Tensor, dims: Vec<i64>) -> Tensor {
        composite("PermuteBackward0_copy", &[input], ops::permute(input, dims))
    }
    /// `transpose` with its own memory. PyTorch: `torch.transpose_copy`.
    [torch]
    fn transpose_copy(input: Tensor, dim0: i64, dim1: i64) -> Tensor {
        composite("TransposeBackward0_copy", &[input], ops::transpose(input, dim0, dim1))
    }
    /// `t` with its own memory. PyTorch: `torch.t_copy`.
    [torch]
    fn t_copy(input: Tensor) -> Tensor {
        composite("TBackward0_copy", &[input], ops::t(input))
    }
    /// `select` with its own memory. PyTorch: `torch.select_copy`.
    [torch]
    fn select_copy(input: Tensor, dim: i64, index: i64) -> Tensor {
        composite("SelectBackward0_copy", &[input], ops::select(input, dim, index))
    }
    /// `narrow` with its own memory. PyTorch: `torch.narrow_copy`.
    [torch tensor]
    fn narrow_copy(input: Tensor, dim: i64, start: i64, length: i64) -> Tensor {
        ensure!(input.ndim() > 0, Index, "narrow() cannot be applied to a 0-dim tensor.");
        let n = input.shape()[input.wrap_dim("narrow_copy", dim)?];
        ensure!(length >= 0, Runtime, "narrow_copy: start ({start}) + length ({length}) exceeds dimension size ({n}).");
        composite("NarrowCopyBackward0", &[input], ops::narrow(input, dim, &Tensor::full(&[], start, DType::I64)?, length))
    }
    /// `squeeze` with its own memory. PyTorch: `torch.squeeze_copy`.
    [torch]
    fn squeeze_copy(input: Tensor) -> Tensor {
        composite("SqueezeBackward0_copy", &[input], ops::squeeze(input))
    }
    /// `squeeze` of one dimension with its own memory.
    [torch as squeeze_copy]
    fn squeeze_copy_dim(input: Tensor, dim: i64) -> Tensor {
        composite("SqueezeBackward1_copy", &[input], ops::squeeze_dim(input, dim))
    }
    /// `squeeze` of several dimensions with its own memory.
    [torch as squeeze_copy]
    fn squeeze_copy_list(input: Tensor, dim: Vec<i64>) -> Tensor {
        composite("SqueezeBackward2_copy", &[input], ops::squeeze_list(input, dim))
    }
    /// `unsqueeze` with its own memory. PyTorch: `torch.unsqueeze_copy`.
    [torch]
    fn unsqueeze_copy(input: Tensor, dim: i64) -> Tensor {
        composite("UnsqueezeBackward0_copy", &[input], ops::unsqueeze(input, dim))
    }
    /// `unbind` with memory of their own. PyTorch: `torch.unbind_copy`.
    [torch]
    fn unbind_copy(input: Tensor, dim: i64 = 0) -> Vec<Tensor> {
        copies("UnbindBackward0_copy", input, ops::unbind(input, dim)?)
    }
    /// `split` with memory of their own. PyTorch: `torch.split_copy`.
    [torch]
    fn split_copy(input: Tensor, split_size: i64, dim: i64 = 0) -> Vec<Tensor> {
        copies("SplitBackward0_copy", input, ops::split(input, split_size, dim)?)
    }
    /// `split_with_sizes` with memory of their own. PyTorch: `torch.split_with_sizes_copy`.
    [torch]
    fn split_with_sizes_copy(input: Tensor, split_sizes: Vec<i64>, dim: i64 = 0) -> Vec<Tensor> {
        copies("SplitWithSizesBackward0_copy", input, ops::split_with_sizes(input, split_sizes, dim)?)
    }
    /// `unfold` with its own memory. PyTorch: `torch.unfold_copy`.
    [torch]
    fn unfold_copy(input: Tensor, dimension: i64, size: i64, step: i64) -> Tensor {
        composite("UnfoldBackward0_copy", &[input], ops::unfold(input, dimension, size, step))
    }
    /// `diagonal` with its own memory. PyTorch: `torch.diagonal_copy`.
    [torch]
    fn diagonal_copy(input: Tensor, offset: i64 = 0, dim1: i64 = 0, dim2: i64 = 1) -> Tensor {
        composite("DiagonalBackward0_copy", &[input], ops::diagonal(input, offset, dim1, dim2))
    }
    /// `as_strided` with its own memory. PyTorch: `torch.as_strided_copy`.
    [torch]
    fn as_strided_copy(input: Tensor, size: Vec<i64>, stride: Vec<i64>, storage_offset: Option<i64> = None) -> Tensor {
        composite("AsStridedBackward0_copy", &[input], ops::as_strided(input, size, stride, storage_offset))
    }
    /// A copy. PyTorch: `torch.alias_copy`.
    [torch]
    fn alias_copy(input: Tensor) -> Tensor {
        composite("AliasBackward0_copy", &[input], Ok(input.clone()))
    }

    /// The tensor itself: there is no conjugate to resolve. PyTorch: `torch.conj` and its kin, for real tensors.
    [torch tensor "resolve_conj" "resolve_neg" "real"]
    fn conj(input: Tensor) -> Tensor {
        Ok(input.clone())
    }

    /// A copy for real tensors. PyTorch: `torch.conj_physical`.
    [torch tensor]
    fn conj_physical(input: Tensor) -> Tensor {
        Ok(input.clone())
    }

    /// The shape that shapes broadcast to.
    ///
    /// PyTorch: `torch.broadcast_shapes`, for two shapes.
    [private]
    fn broadcast_two(a: Vec<i64>, b: Vec<i64>) -> Vec<i64> {
        let shape = |s: &[i64]| -> Shape { s.iter().map(|&n| n as usize).collect() };
        Ok(crate::layout::broadcast_shapes("broadcast_shapes", &shape(a), &shape(b))?.iter().map(|&n| n as i64).collect())
    }

    /// A tensor of another size: a view of the same memory where it suffices, else of larger memory that starts with the
    /// same elements.
    [private]
    fn resized(input: Tensor, size: Vec<i64>) -> Tensor {
        ensure!(size.iter().all(|&n| n >= 0), Runtime, "resize_: negative size in {size:?}");
        ensure!(!input.requires_grad(), Autograd, "resize_: cannot resize variables that require grad");
        let shape: Shape = size.iter().map(|&n| n as usize).collect();
        let mut layout = Layout::contiguous(&shape);
        layout.offset = input.layout().offset;
        let need = (layout.offset + layout.numel()) * input.dtype().size();
        if need <= input.storage().bytes() {
            return Ok(input.alias(layout));
        }
        let out = Tensor::empty(&shape, input.dtype())?;
        let n = input.storage().bytes() / input.dtype().size() - input.layout().offset;
        let head = |t: &Tensor| t.alias(Layout { offset: t.layout().offset, ..Layout::contiguous(&[n]) });
        head(&out).copy_from(&head(input))?;
        Ok(out)
    }

    /// The only element as a number.
    [private]
    fn item(input: Tensor) -> Scalar {
        input.item()
    }

    /// Writes one value everywhere.
    ///
    /// PyTorch: `Tensor.fill_`.
    [torch tensor inplace]
    fn fill(input: Tensor, value: Operand) -> Tensor {
        ensure!(
            value.ndim() == 0,
            Runtime,
            "fill_ only supports 0-dimension value tensor but got tensor with {} dimensions.",
            value.ndim()
        );
        let out = Tensor::empty_like(input, input.dtype())?;
        if value.is_readable() {
            out.fill(value.item()?)?;
        } else {
            out.copy_from(&ops::expand(&value.detach(), &input.sizes())?)?;
        }
        let name = if value.is_wrapped_number() { "FillBackward0" } else { "FillBackward1" };
        crate::attach(&[&out], name, &[input, value], &[], |ctx| {
            let g = ctx.grad(0)?;
            let rest = ctx.when(0, || Tensor::zeros(g.shape(), g.dtype()))?;
            let value = ctx.when(1, || ops::sum_to_size(&g, &[]))?;
            Ok(vec![rest, value])
        });
        Ok(out)
    }

    /// Writes zeros everywhere.
    ///
    /// PyTorch: `Tensor.zero_`.
    [torch tensor inplace as zero]
    fn zero(input: Tensor) -> Tensor {
        let out = Tensor::empty_like(input, input.dtype())?;
        out.fill(0)?;
        crate::attach(&[&out], "ZeroBackward0", &[input], &[], |ctx| {
            let g = ctx.grad(0)?;
            Ok(vec![Some(Tensor::zeros(g.shape(), g.dtype())?)])
        });
        Ok(out)
    }
}


fn check_rank(op: &str, input: &Tensor, least: usize) -> Result<()> {
    ensure!(
        input.ndim() >= least,
        Runtime,
        "torch.{op} requires a tensor with at least {least} dimension, but got a tensor with {} dimensions!",
        input.ndim()
    );
    Ok(())
}

fn equal_split(op: &str, input: &Tensor, sections: i64, least: usize, dim: usize) -> Result<Vec<Tensor>> {
    check_rank(op, input, least)?;
    let n = input.shape()[dim] as i64;
    if sections <= 0 || n % sections != 0 {
        bail!(
            Runtime,
            "torch.{op} attempted to split along dimension {dim}, but the size of the dimension {n} is not divisible by \
             the split_size {sections}!"
        );
    }
    ops::tensor_split(input, sections, dim as i64)
}

/// A copy of `input` in which the view `f` shows is replaced by `src`.
fn scatter(
    name: &'static str,
    op: &str,
    input: &Tensor,
    src: &Tensor,
    f: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    // The view of an imagined contiguous tensor tells which elements are meant.
    let whole = Tensor::empty(input.shape(), input.dtype())?;
    let view = f(&whole)?.layout().clone();
    ensure!(
        src.shape() == &view.shape[..],
        Shape,
        "{op}: expected src to have a size equal to the slice of self. src size = {:?}, slice size = {:?}",
        src.shape(),
        &view.shape[..]
    );
    ops::views::scatter_view(name, input, src, whole.layout(), &view)
}

/// Copies of several views as one node.
fn copies(name: &'static str, input: &Tensor, views: Vec<Tensor>) -> Result<Vec<Tensor>> {
    let copies = views.iter().map(ops::clone).collect::<Result<Vec<_>>>()?;
    Ok(composites(name, &[input], &copies))
}
