//! Ops that join tensors, and those that fit one to the shape of others.

use crate::layout::{Shape, broadcast_shapes, wrap_dim};
use crate::{Tensor, attach, bail, ensure, ops, promote};

ops! {
    /// Joins tensors along an existing dimension; the other sizes must be equal. Dtypes promote.
    ///
    /// PyTorch: `torch.cat`.
    [torch "concat" "concatenate"]
    fn cat(tensors: Vec<Tensor>, dim: i64 = 0) -> Tensor {
        ensure!(!tensors.is_empty(), Runtime, "cat: expected a non-empty list of Tensors");
        for (i, t) in tensors.iter().enumerate() {
            ensure!(
                t.ndim() > 0,
                Runtime,
                "cat: zero-dimensional tensor (at position {i}) cannot be concatenated; use stack"
            );
        }
        // A 1-d tensor without elements is left out, whatever the others' rank (legacy behaviour that PyTorch keeps).
        let skipped = |t: &Tensor| t.shape() == [0];
        let Some(first) = tensors.iter().find(|t| !skipped(t)) else {
            let refs: Vec<&Tensor> = tensors.iter().collect();
            let out = Tensor::empty(&[0], promote::result_type(&refs))?;
            attach(&[&out], "CatBackward0", &refs, &[], |ctx| Ok(vec![ctx.opt_grad(0).cloned(); ctx.inputs()]));
            return Ok(out);
        };
        let d = wrap_dim("cat", dim, first.ndim())?;
        let mut shape: Shape = first.shape().into();
        shape[d] = 0;
        for (i, t) in tensors.iter().enumerate().filter(|(_, t)| !skipped(t)) {
            ensure!(
                t.ndim() == first.ndim(),
                Shape,
                "cat: Tensors must have same number of dimensions: got {} and {}",
                first.ndim(),
                t.ndim()
            );
            for (k, (&a, &b)) in first.shape().iter().zip(t.shape()).enumerate() {
                ensure!(
                    k == d || a == b,
                    Shape,
                    "cat: Sizes of tensors must match except in dimension {d}. Expected size {a} but got size {b} for \
                     tensor number {i} in the list."
                );
            }
            shape[d] += t.shape()[d];
        }
        let refs: Vec<&Tensor> = tensors.iter().collect();
        let out = Tensor::empty(&shape, promote::result_type(&refs))?;
        let mut at = 0;
        let mut parts = Vec::with_capacity(tensors.len());
        for t in tensors {
            let n = if skipped(t) { 0 } else { t.shape()[d] };
            if n > 0 {
                out.alias(ops::views::slice_layout(out.layout(), d, at, at + n, 1)).copy_from(t)?;
            }
            parts.push((at as i64, n as i64));
            at += n;
        }
        let empty: Vec<bool> = tensors.iter().map(skipped).collect();
        attach(&[&out], "CatBackward0", &refs, &[], move |ctx| {
            let g = ctx.grad(0)?;
            parts
                .iter()
                .enumerate()
                .map(|(i, &(at, n))| {
                    ctx.when(i, || {
                        if empty[i] { Tensor::zeros(&[0], g.dtype()) } else { ops::slice(&g, d as i64, Some(at), Some(at + n), 1) }
                    })
                })
                .collect()
        });
        Ok(out)
    }

    /// Joins tensors of one shape along a new dimension.
    ///
    /// PyTorch: `torch.stack`.
    [torch]
    fn stack(tensors: Vec<Tensor>, dim: i64 = 0) -> Tensor {
        let Some(first) = tensors.first() else { bail!(Runtime, "stack expects a non-empty TensorList") };
        let d = wrap_dim("stack", dim, first.ndim() + 1)?;
        for (i, t) in tensors.iter().enumerate() {
            ensure!(
                t.shape() == first.shape(),
                Shape,
                "stack expects each tensor to be equal size, but got {:?} at entry 0 and {:?} at entry {i}",
                first.shape(),
                t.shape()
            );
        }
        let refs: Vec<&Tensor> = tensors.iter().collect();
        let mut shape: Shape = first.shape().into();
        shape.insert(d, tensors.len());
        let out = Tensor::empty(&shape, promote::result_type(&refs))?;
        for (i, t) in tensors.iter().enumerate() {
            let mut place = ops::views::slice_layout(out.layout(), d, i, i + 1, 1);
            place.shape.remove(d);
            place.strides.remove(d);
            out.alias(place).copy_from(t)?;
        }
        attach(&[&out], "StackBackward0", &refs, &[], move |ctx| {
            let g = ctx.grad(0)?;
            (0..ctx.inputs()).map(|i| ctx.when(i, || ops::select(&g, d as i64, i as i64))).collect()
        });
        Ok(out)
    }

    /// A view broadcast to a shape.
    ///
    /// PyTorch: `torch.broadcast_to`.
    [torch tensor]
    fn broadcast_to(input: Tensor, size: Vec<i64>) -> Tensor {
        ops::expand(input, size)
    }

    /// A view broadcast to the shape of another tensor.
    ///
    /// PyTorch: `Tensor.expand_as`.
    [tensor]
    fn expand_as(input: Tensor, other: Tensor) -> Tensor {
        ops::expand(input, &other.sizes())
    }

    /// Views of all tensors in the shape they broadcast to.
    ///
    /// PyTorch: `torch.broadcast_tensors`.
    [torch]
    fn broadcast_tensors(tensors: Vec<Tensor>) -> Vec<Tensor> {
        let mut shape = Shape::new();
        for t in tensors {
            shape = broadcast_shapes("broadcast_tensors", &shape, t.shape())?;
        }
        let size: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
        tensors.iter().map(|t| ops::expand(t, &size)).collect()
    }

    /// Sums over the dimensions along which `size` broadcasts to this tensor's shape: the opposite of `expand`.
    ///
    /// PyTorch: `Tensor.sum_to_size`.
    [tensor]
    fn sum_to_size(input: Tensor, size: Vec<i64>) -> Tensor {
        let target: Shape = size.iter().map(|&n| n.max(0) as usize).collect();
        if target.is_empty() {
            return ops::sum(input, None);
        }
        if input.shape() == &target[..] {
            return Ok(input.clone());
        }
        let lead = input.ndim().checked_sub(target.len());
        let fits = lead.is_some_and(|lead| {
            target.iter().zip(&input.shape()[lead..]).all(|(&t, &n)| t == n || t == 1)
        });
        ensure!(
            fits,
            Shape,
            "sum_to_size: size {size:?} is not expandable to size {:?}",
            input.shape()
        );
        let lead = lead.unwrap_or(0);
        let dims: Vec<i64> = (0..input.ndim())
            .filter(|&d| d < lead || (target[d - lead] == 1 && input.shape()[d] != 1))
            .map(|d| d as i64)
            .collect();
        // A view of the sum could not become a leaf's gradient as it is.
        let only_lead = dims.len() == lead;
        let sum = ops::sum_dim(input, Some(&dims), !only_lead, None)?;
        if lead > 0 && !only_lead { ops::reshape(&sum, size) } else { Ok(sum) }
    }
}
