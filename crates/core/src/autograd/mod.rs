//! The dynamic graph: nodes, what they save, how an op joins it.
//!
//! Names and behaviour follow PyTorch's torch/csrc/autograd (variable.h, function.h, engine.cpp, saved_variable.cpp).

pub mod engine;
mod function;
pub mod inplace;
pub mod mode;
mod node;
pub mod rows;

use std::rc::Rc;

pub use engine::{backward, grad};
pub use inplace::inplace;
pub use mode::{GradMode, grad_enabled, no_grad, with_grad_mode};
pub use node::{Ctx, Edge, Edges, Grads, Hook, Node, Saved};

pub(crate) use function::Function;
pub(crate) use node::{Body, OutputMeta, SavedTensors};

use crate::callback::Remote;
use crate::tensor::WeakTensor;
use crate::{Result, Tensor};

/// What autograd knows of a tensor.
#[derive(Default)]
pub(crate) struct Meta {
    /// A leaf's wish for a gradient.
    pub leaf_requires_grad: bool,
    pub grad: Option<Tensor>,
    /// The node and output number that computed this tensor; None for leaves.
    pub node: Option<Edge>,
    /// A leaf's accumulator while some graph refers to it.
    pub accumulator: Option<std::rc::Weak<Node>>,
    /// A leaf's hooks (a computed tensor's hooks stand in its node).
    pub hooks: Vec<(u64, Hook)>,
    /// Version of the storage when the node of this view was made.
    pub view_version: u32,
    /// Of a gradient: the rows it has, when it is sparse (see `rows`).
    pub rows: Option<Tensor>,
}

impl Meta {
    pub fn requires_grad(&self) -> bool {
        self.leaf_requires_grad || self.node.is_some()
    }

    pub fn set_edge(&mut self, edge: Option<Edge>) {
        self.node = edge;
    }
}

/// The edge along which a gradient for `t` flows.
#[cfg_attr(hot_paths, optimize(speed))]
pub(crate) fn edge_of(t: &Tensor) -> Option<Edge> {
    let mut meta = t.inner().meta.borrow_mut();
    if let Some(edge) = &meta.node {
        return Some(edge.clone());
    }
    if !meta.leaf_requires_grad {
        return None;
    }
    if let Some(node) = meta.accumulator.as_ref().and_then(std::rc::Weak::upgrade) {
        return Some(Edge { node, nr: 0 });
    }
    let node = Node::accumulator(t.clone());
    meta.accumulator = Some(Rc::downgrade(&node));
    Some(Edge { node, nr: 0 })
}

/// Whether an op on these inputs has to join the graph.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn tracks(inputs: &[&Tensor]) -> bool {
    grad_enabled() && inputs.iter().any(|t| t.requires_grad())
}

/// Joins an op to the graph: `outs` were computed from `inputs`; `backward` gives one gradient per input from those of
/// the outputs. `saved` are the tensors it needs (inputs or outputs, None where not needed), read by `ctx.saved(i)`:
/// a saved tensor that was modified in place since is an error then. Nothing happens when no input wants a gradient.
///
/// The closure must not capture tensors, only plain attributes: what is saved must be seen, to be freed and checked. They
/// should own no heap memory either (`Vec`, `String`; a `SmallVec` that fits is fine): see `crate::spill`.
pub fn attach(
    outs: &[&Tensor],
    name: &'static str,
    inputs: &[&Tensor],
    saved: &[Option<&Tensor>],
    backward: impl Fn(&Ctx) -> Grads + 'static,
) {
    if tracks(inputs) {
        record(outs, name, inputs, saved, Function::new(backward), None);
    }
}

/// `attach` for a backward that calls a function of TypeScript's: `ctx.remote()`.
pub fn attach_remote(
    outs: &[&Tensor],
    name: &'static str,
    inputs: &[&Tensor],
    saved: &[Option<&Tensor>],
    remote: Remote,
    backward: impl Fn(&Ctx) -> Grads + 'static,
) {
    if tracks(inputs) {
        record(outs, name, inputs, saved, Function::new(backward), Some(remote));
    }
}

/// `attach` for a function whose type is gone: once in the binary, not once per op.
#[inline(never)]
#[cfg_attr(hot_paths, optimize(speed))]
fn record(
    outs: &[&Tensor],
    name: &'static str,
    inputs: &[&Tensor],
    saved: &[Option<&Tensor>],
    backward: Function,
    remote: Option<Remote>,
) {
    let mut next = Edges::new();
    for t in inputs {
        next.push(t.edge());
    }
    let mut kept = SavedTensors::new();
    for s in saved {
        kept.push(s.map(|t| Saved::new(t, outs)));
    }
    let node = Node::function(name, next, kept, backward, remote, outs);
    for (nr, out) in outs.iter().enumerate() {
        // Integer and bool results carry no gradient.
        if out.dtype().is_float() {
            out.inner().meta.borrow_mut().node = Some(Edge { node: node.clone(), nr });
        }
    }
}

/// The result of an op that is composed of others, with memory of its own, as a node that has the op's name and inputs, as
/// in PyTorch. Gradients go through it to the parts, which do all the work. (It takes the result with its error: the
/// branch is here once, not in every op.)
#[inline(never)]
pub fn composite(name: &'static str, inputs: &[&Tensor], out: Result<Tensor>) -> Result<Tensor> {
    let out = out?;
    let own = if inputs.iter().any(|t| t.storage().same(out.storage())) {
        let own = Tensor::empty(out.shape(), out.dtype())?;
        own.copy_from(&out)?;
        own
    } else {
        out.detach()
    };
    over(name, inputs, &[&own], &[&out]);
    Ok(own)
}

/// `composite` for several results, which keep the memory they have.
pub fn composites(name: &'static str, inputs: &[&Tensor], parts: &[Tensor]) -> Vec<Tensor> {
    let outs: Vec<Tensor> = parts.iter().map(Tensor::detach).collect();
    over(name, inputs, &outs.iter().collect::<Vec<_>>(), &parts.iter().collect::<Vec<_>>());
    outs
}

/// A node for `outs`, which hold the values of `parts`.
fn over(name: &'static str, inputs: &[&Tensor], outs: &[&Tensor], parts: &[&Tensor]) {
    if !tracks(inputs) {
        return;
    }
    let pass = Function::new(|ctx| Ok((0..ctx.inputs()).map(|i| ctx.opt_grad(i).cloned()).collect()));
    record(outs, name, parts, &[], pass, None);
    if let Some(node) = outs.iter().find_map(|t| t.grad_fn()) {
        node.set_inputs(inputs.iter().map(|t| t.edge()).collect());
    }
}

/// Marks a result as outside the graph even though its inputs are inside (`mark_non_differentiable`).
pub fn mark_non_differentiable(out: &Tensor) {
    out.inner().meta.borrow_mut().node = None;
}

/// Registers a hook on the gradient of `t`; it may return a replacement. Returns an id for `remove_hook`.
pub fn register_hook(t: &Tensor, hook: Hook) -> u64 {
    let id = mode::next_id();
    // Not in the `match` itself: the borrow would last through its arms.
    let edge = t.inner().meta.borrow().node.clone();
    match edge {
        Some(edge) => edge.node.add_hook(edge.nr, id, hook),
        None => {
            drop(edge_of(t));
            t.inner().meta.borrow_mut().hooks.push((id, hook));
        }
    }
    id
}

/// Removes a hook registered on `t`.
pub fn remove_hook(t: &Tensor, id: u64) {
    if let Some(edge) = t.inner().meta.borrow().node.clone() {
        edge.node.remove_hook(id);
    }
    let dropped: Vec<_> = {
        let mut meta = t.inner().meta.borrow_mut();
        let (out, keep) = std::mem::take(&mut meta.hooks).into_iter().partition(|(i, _)| *i == id);
        meta.hooks = keep;
        out
    };
    drop(dropped);
}

/// Makes a computed tensor keep its gradient in `.grad` (`retain_grad`).
pub fn retain_grad(t: &Tensor) {
    if let Some(edge) = t.grad_fn().and(t.inner().meta.borrow().node.clone()) {
        edge.node.retain(edge.nr, t.downgrade());
    }
}

/// Whether `retain_grad` was called on this computed tensor.
pub fn retains_grad(t: &Tensor) -> bool {
    t.inner().meta.borrow().node.as_ref().is_some_and(|e| e.node.is_retained(e.nr, t))
}

pub(crate) type Retained = (usize, WeakTensor);
