//! Writes in place: the checks, the version, and the history of views and their base.

use super::{Edge, attach, edge_of, grad_enabled};
use crate::{Layout, Result, Tensor, bail, ensure, ops, promote};

/// `self` becomes `f(self)`, in place.
///
/// Where no gradient is tracked, `f` gets `this` itself. Where one is (`tracked`: one of the op's inputs wants it), `f`
/// gets a copy, so that what it saves for backward is not what is overwritten (PyTorch's generated code saves a clone
/// of self likewise). A result of another dtype is cast if that loses no category; one of another shape is refused.
pub fn inplace(op: &str, this: &Tensor, tracked: bool, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<()> {
    check_writable(op, this)?;
    let tracked = tracked && grad_enabled();
    let result = if tracked {
        let copy = Tensor::empty_like(this, this.dtype())?;
        copy.copy_from(this)?;
        copy.inner().meta.borrow_mut().set_edge(this.edge());
        f(&copy)?
    } else {
        f(this)?
    };
    assign(op, this, &result)
}

/// PyTorch's check_inplace: leaves that want a gradient, and overlapping memory, are not written.
pub fn check_writable(op: &str, this: &Tensor) -> Result<()> {
    if grad_enabled() && this.requires_grad() {
        let leaf_view = this.base().is_some_and(|b| b.is_leaf() && b.requires_grad());
        ensure!(
            !leaf_view,
            Autograd,
            "{op}: a view of a leaf Variable that requires grad is being used in an in-place operation. Wrap the change \
             in torch.noGrad, or work on a clone."
        );
        ensure!(
            !this.is_leaf(),
            Autograd,
            "{op}: a leaf Variable that requires grad is being used in an in-place operation. Wrap the change in \
             torch.noGrad, or work on a clone."
        );
    }
    ensure!(
        !this.layout().overlaps(),
        Runtime,
        "{op}: unsupported operation: more than one element of the written-to tensor refers to a single memory location. \
         Please clone() the tensor before performing the operation."
    );
    Ok(())
}

/// Puts `result` into the memory of `this` (unless it is already there) and into its history.
pub fn assign(op: &str, this: &Tensor, result: &Tensor) -> Result<()> {
    let in_place = result.storage().same(this.storage()) && result.layout() == this.layout();
    if !in_place {
        ensure!(
            result.shape() == this.shape(),
            Shape,
            "{op}: output with shape {:?} doesn't match the broadcast shape {:?}",
            this.shape(),
            result.shape()
        );
        ensure!(
            promote::can_cast(result.dtype(), this.dtype()),
            DType,
            "{op}: result type {} can't be cast to the desired output type {}",
            result.dtype().c_name(),
            this.dtype().c_name()
        );
        this.copy_from(result)?;
    }
    this.storage().bump();
    if !this.same(result) && result.requires_grad() && grad_enabled() {
        rebase(this, result)?;
    }
    Ok(())
}

/// Overwrites `this` by `src` broadcast and cast to it (`copy_`), with history.
pub fn copy_into(op: &str, this: &Tensor, src: &Tensor) -> Result<()> {
    check_writable(op, this)?;
    let Some(strides) = crate::layout::expand_strides(src.layout(), this.shape()) else {
        bail!(
            Shape,
            "{op}: The expanded size of the tensor {:?} must match the existing size {:?}: the source does not broadcast \
             to the destination",
            this.shape(),
            src.shape()
        );
    };
    let tracked = grad_enabled() && (this.requires_grad() || src.requires_grad());
    let seen = src.alias(Layout { shape: this.shape().into(), strides, offset: src.layout().offset });
    // Reading and writing the same memory in different orders needs a copy between.
    if seen.storage().same(this.storage()) && seen.layout() != this.layout() {
        let copy = Tensor::empty(seen.shape(), seen.dtype())?;
        copy.copy_from(&seen)?;
        this.copy_from(&copy)?;
    } else {
        this.copy_from(&seen)?;
    }
    this.storage().bump();
    if tracked && this.dtype().is_float() {
        // The old value no longer matters, so its gradient is zero: one node over the source alone.
        let copied = this.detach();
        attach(&[&copied], "CopyBackwards", &[this, src], &[], |ctx| {
            // `fit` in the engine sums to the source's shape and casts to its dtype.
            let old = ctx.when(0, || {
                let g = ctx.grad(0)?;
                Tensor::zeros(g.shape(), g.dtype())
            })?;
            Ok(vec![old, ctx.opt_grad(0).cloned()])
        });
        rebase(this, &copied)?;
    }
    Ok(())
}

/// Gives `this` the history of `result`, and its base too when it is a view (PyTorch's rebase_history and CopySlices).
fn rebase(this: &Tensor, result: &Tensor) -> Result<()> {
    let edge = result.edge();
    let Some(base) = this.base().cloned() else {
        this.inner().meta.borrow_mut().set_edge(edge);
        return Ok(());
    };
    // base' = base with the view's elements replaced by result. The memory already says so; this is the history.
    let (base_layout, view) = (base.layout().clone(), this.layout().clone());
    let new_base = base.detach();
    attach(&[&new_base], "CopySlices", &[&base, result], &[], move |ctx| {
        let g = ctx.grad(0)?;
        let rest = ctx.when(0, || {
            let zeros = Tensor::zeros(&view.shape, g.dtype())?;
            ops::views::scatter_view("AsStridedScatterBackward0", &g, &zeros, &base_layout, &view)
        })?;
        let part = ctx.when(1, || ops::views::gather_view(&g, &base_layout, &view))?;
        Ok(vec![rest, part])
    });
    let new_edge = new_base.edge();
    base.inner().meta.borrow_mut().set_edge(new_edge);
    sync_view(this);
    Ok(())
}

/// A view that is older than the last write to its base gets a new node: AsStrided of the base as it is now.
pub(crate) fn sync_view(this: &Tensor) {
    let Some(base) = this.base() else { return };
    let version = this.storage().version();
    {
        let meta = this.inner().meta.borrow();
        if meta.view_version == version || meta.leaf_requires_grad {
            return;
        }
    }
    if base.inner().meta.borrow().node.is_none() {
        return;
    }
    this.inner().meta.borrow_mut().view_version = version;
    let Some(base_edge) = edge_of(base) else { return };
    let (base_layout, view) = (base.layout().clone(), this.layout().clone());
    let node = super::Node::function(
        "AsStridedBackward0",
        smallvec::smallvec![Some(base_edge)],
        smallvec::SmallVec::new(),
        super::Function::new(move |ctx| {
            let g = ctx.grad(0)?;
            Ok(vec![Some(ops::views::view_backward(&g, &base_layout, &view)?)])
        }),
        None,
        &[this],
    );
    this.inner().meta.borrow_mut().set_edge(Some(Edge { node, nr: 0 }));
}
