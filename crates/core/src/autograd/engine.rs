//! Runs a graph backward (torch/csrc/autograd/engine.cpp).
//!
//! Nodes wait until every gradient they will get has arrived, then run latest first. Nothing here recurses over the
//! graph's depth.

use std::collections::BinaryHeap;
use std::rc::Rc;

use super::mode::{self, GradMode, with_grad_mode};
use super::rows::{carry, is_sparse, rows_of};
use super::{Edge, Node};
use crate::address::ByAddress;
use crate::{Result, Tensor, bail, ensure, ops};

fn key(node: &Rc<Node>) -> usize {
    Rc::as_ptr(node) as usize
}

/// A node that waits or runs.
struct Task {
    /// Edges into it that have not delivered yet.
    waits: usize,
    grads: Vec<Option<Tensor>>,
    /// Something that is asked for lies behind it.
    wanted: bool,
    /// Positions in the list of asked-for tensors whose gradient is this node's output gradient: (output, position).
    captures: Vec<(usize, usize)>,
}

struct Ready(Rc<Node>);
impl PartialEq for Ready {
    fn eq(&self, o: &Self) -> bool {
        self.0.seq == o.0.seq
    }
}
impl Eq for Ready {}
impl PartialOrd for Ready {
    fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(o))
    }
}
impl Ord for Ready {
    fn cmp(&self, o: &Self) -> std::cmp::Ordering {
        self.0.seq.cmp(&o.0.seq)
    }
}

/// What a backward pass is asked to do.
pub struct Options<'a> {
    pub retain_graph: bool,
    pub create_graph: bool,
    /// Only what leads to these is computed; None: every leaf behind the roots.
    pub inputs: Option<&'a [Tensor]>,
    /// Add into the leaves' `.grad` (`backward`) instead of returning (`grad`).
    pub accumulate: bool,
}

/// `tensor.backward()`: adds the gradients of `roots` to the `.grad` of the leaves (or of `inputs` alone).
pub fn backward(
    roots: &[Tensor],
    grads: &[Option<Tensor>],
    retain_graph: bool,
    create_graph: bool,
    inputs: Option<&[Tensor]>,
) -> Result<()> {
    run(roots, grads, &Options { retain_graph, create_graph, inputs, accumulate: true }).map(drop)
}

/// `torch.autograd.grad()`: the gradients of `inputs`, None for those the roots do not depend on.
pub fn grad(
    roots: &[Tensor],
    grads: &[Option<Tensor>],
    inputs: &[Tensor],
    retain_graph: bool,
    create_graph: bool,
) -> Result<Vec<Option<Tensor>>> {
    run(roots, grads, &Options { retain_graph, create_graph, inputs: Some(inputs), accumulate: false })
}

/// The gradient a root starts with: the given one, checked, or 1 for a single element.
fn root_grad(root: &Tensor, given: Option<&Tensor>) -> Result<Tensor> {
    match given {
        Some(g) => {
            ensure!(
                g.shape() == root.shape(),
                Shape,
                "backward: Mismatch in shape: grad_output[0] has a shape of {:?} and output[0] has a shape of {:?}",
                g.shape(),
                root.shape()
            );
            if g.dtype() == root.dtype() { Ok(g.clone()) } else { ops::to_dtype(g, root.dtype()) }
        }
        None => {
            ensure!(
                root.numel() == 1,
                Autograd,
                "backward: grad can be implicitly created only for scalar outputs, got shape {:?}; reduce it first \
                 (sum, mean) or give a gradient of that shape",
                root.shape()
            );
            Tensor::ones(root.shape(), root.dtype())
        }
    }
}

fn run(roots: &[Tensor], grads: &[Option<Tensor>], options: &Options) -> Result<Vec<Option<Tensor>>> {
    let mut starts = Vec::with_capacity(roots.len());
    for (i, root) in roots.iter().enumerate() {
        let Some(edge) = root.edge() else {
            bail!(
                Autograd,
                "backward: element {i} of tensors does not require grad and does not have a grad_fn; set requiresGrad on \
                 an input, and do not compute it under noGrad"
            );
        };
        starts.push((edge, root_grad(root, grads.get(i).and_then(Option::as_ref))?));
    }
    let inputs = options.inputs.unwrap_or(&[]);
    let mut targets = Vec::with_capacity(inputs.len());
    for (i, t) in inputs.iter().enumerate() {
        let Some(edge) = t.edge() else {
            bail!(Autograd, "grad: One of the differentiated Tensors does not require grad (inputs[{i}])");
        };
        targets.push(edge);
    }
    let mut tasks = plan(&starts, &targets, options.inputs.is_some());
    let mode = if options.create_graph { GradMode::Enabled } else { GradMode::Disabled };
    let mut results: Vec<Option<Tensor>> = vec![None; inputs.len()];
    with_grad_mode(mode, || execute(starts, &mut tasks, options, &mut results))?;
    if options.accumulate {
        for (t, g) in inputs.iter().zip(&results) {
            if let Some(g) = g {
                add_to_grad(t, g, options.create_graph)?;
            }
        }
    }
    Ok(results)
}

/// Counts, for every node behind the roots, the edges that lead into it, and marks what is wanted.
fn plan(starts: &[(Edge, Tensor)], targets: &[Edge], only_targets: bool) -> ByAddress<Task> {
    let new_task = |node: &Rc<Node>| Task {
        waits: 0,
        grads: vec![None; node.outputs().len()],
        wanted: !only_targets,
        captures: Vec::new(),
    };
    let mut tasks: ByAddress<Task> = ByAddress::default();
    let mut order: Vec<Rc<Node>> = Vec::new();
    for (edge, _) in starts {
        tasks.entry(key(&edge.node)).or_insert_with(|| {
            order.push(edge.node.clone());
            new_task(&edge.node)
        });
    }
    let mut at = 0;
    while at < order.len() {
        let node = order[at].clone();
        at += 1;
        node.for_each_next(|e| {
            tasks
                .entry(key(&e.node))
                .or_insert_with(|| {
                    order.push(e.node.clone());
                    new_task(&e.node)
                })
                .waits += 1;
        });
    }
    if only_targets {
        for (i, edge) in targets.iter().enumerate() {
            if let Some(task) = tasks.get_mut(&key(&edge.node)) {
                task.captures.push((edge.nr, i));
                task.wanted = true;
            }
        }
        // Inputs are older than what is computed from them, and accumulators lead nowhere: ascending age is a
        // topological order, so one pass suffices.
        order.sort_unstable_by_key(|n| n.seq);
        for node in &order {
            let mut wanted = false;
            node.for_each_next(|e| wanted |= e.node.seq == u64::MAX && tasks[&key(&e.node)].wanted);
            node.for_each_next(|e| wanted |= e.node.seq != u64::MAX && tasks[&key(&e.node)].wanted);
            if wanted && let Some(task) = tasks.get_mut(&key(node)) {
                task.wanted = true;
            }
        }
    }
    tasks
}

fn execute(
    starts: Vec<(Edge, Tensor)>,
    tasks: &mut ByAddress<Task>,
    options: &Options,
    results: &mut [Option<Tensor>],
) -> Result<()> {
    let mut ready = BinaryHeap::new();
    for (edge, grad) in starts {
        let task = tasks.get_mut(&key(&edge.node)).expect("planned");
        let first = task.grads.iter().all(Option::is_none);
        accumulate(&mut task.grads[edge.nr], grad)?;
        if first && task.waits == 0 {
            ready.push(Ready(edge.node));
        }
    }
    while let Some(Ready(node)) = ready.pop() {
        let task = tasks.get_mut(&key(&node)).expect("planned");
        let mut grads = std::mem::take(&mut task.grads);
        let captures = std::mem::take(&mut task.captures);
        let wanted = task.wanted;
        for (nr, slot) in grads.iter_mut().enumerate() {
            if let Some(g) = slot.take() {
                *slot = Some(node.run_hooks(nr, g)?);
            }
        }
        for &(nr, i) in &captures {
            results[i] = grads[nr].clone();
        }
        if node.seq == u64::MAX {
            if options.inputs.is_none()
                && options.accumulate
                && let (Some(leaf), Some(g)) = (node.leaf(), grads[0].take())
            {
                add_to_grad(&leaf, &g, options.create_graph)?;
            }
            continue;
        }
        let next = node.next();
        let needs: smallvec::SmallVec<[bool; 4]> =
            next.iter().map(|e| e.as_ref().is_some_and(|e| tasks[&key(&e.node)].wanted)).collect();
        let mut outs = if wanted && needs.contains(&true) && grads.iter().any(Option::is_some) {
            let outs = node.run(&grads, &needs)?;
            if mode::anomaly() {
                check_anomaly(&node, &outs)?;
            }
            outs
        } else {
            Vec::new()
        };
        drop(grads);
        if !options.retain_graph {
            node.release();
        }
        outs.resize(next.len(), None);
        for (edge, grad) in next.into_iter().zip(outs) {
            let Some(edge) = edge else { continue };
            let task = tasks.get_mut(&key(&edge.node)).expect("planned");
            if let Some(g) = grad {
                let g = fit(g, &node, &edge)?;
                accumulate(&mut task.grads[edge.nr], g)?;
            }
            task.waits -= 1;
            if task.waits == 0 {
                ready.push(Ready(edge.node));
            }
        }
    }
    Ok(())
}

/// A gradient in the shape and dtype of what it is the gradient of (engine.cpp's validate_outputs).
fn fit(grad: Tensor, from: &Node, edge: &Edge) -> Result<Tensor> {
    let want = &edge.node.outputs()[edge.nr];
    let mut grad = grad;
    if grad.shape() != &want.shape[..] {
        ensure!(
            crate::layout::expand_strides(&crate::Layout::contiguous(&want.shape), grad.shape()).is_some(),
            Shape,
            "Function {} returned an invalid gradient: got {:?} but expected shape compatible with {:?}",
            from.name,
            grad.shape(),
            &want.shape[..]
        );
        grad = ops::sum_to_size(&grad, &want.shape.iter().map(|&n| n as i64).collect::<Vec<_>>())?;
    }
    if grad.dtype() != want.dtype { ops::to_dtype(&grad, want.dtype) } else { Ok(grad) }
}

fn accumulate(slot: &mut Option<Tensor>, grad: Tensor) -> Result<()> {
    *slot = Some(match slot.take() {
        None => grad,
        // Nobody else can see a sum that only this buffer holds: add in place.
        Some(sum)
            if !super::grad_enabled()
                && sum.holders() == 1
                && sum.storage().holders() == 1
                && sum.shape() == grad.shape()
                && !sum.layout().overlaps() =>
        {
            let parts = [rows_of(&sum), rows_of(&grad)];
            ops::add_into(&sum, &grad)?;
            if parts[0].is_some() {
                carry(&parts, &sum)?;
            }
            sum
        }
        Some(sum) => {
            let total = ops::add(&sum, &grad)?;
            if is_sparse(&sum) {
                carry(&[rows_of(&sum), rows_of(&grad)], &total)?;
            }
            total
        }
    });
    Ok(())
}

/// Adds to a leaf's gradient as AccumulateGrad does: taken over when nobody else holds it, else copied or added.
fn add_to_grad(leaf: &Tensor, grad: &Tensor, create_graph: bool) -> Result<()> {
    match leaf.grad() {
        None if create_graph => leaf.set_grad(Some(grad.clone())),
        None => {
            let own = grad.storage().holders() == 1 && grad.holders() <= 2 && grad.is_contiguous();
            let kept = if own { grad.detach() } else { copy_like(grad, leaf)? };
            if is_sparse(grad) {
                carry(&[rows_of(grad)], &kept)?;
            }
            leaf.set_grad(Some(kept));
        }
        Some(old) if create_graph => leaf.set_grad(Some(ops::add(&old, grad)?)),
        // In place, so that whoever holds `.grad` sees it (accumulate_grad.h).
        Some(old) => {
            ops::add_into(&old, grad)?;
            old.storage().bump();
            if is_sparse(&old) {
                carry(&[rows_of(&old), rows_of(grad)], &old)?;
            }
        }
    }
    Ok(())
}

fn copy_like(grad: &Tensor, leaf: &Tensor) -> Result<Tensor> {
    let t = Tensor::empty_like(leaf, grad.dtype())?;
    t.copy_from(grad)?;
    Ok(t)
}

fn check_anomaly(node: &Node, outs: &[Option<Tensor>]) -> Result<()> {
    for (i, g) in outs.iter().enumerate() {
        if let Some(g) = g
            && g.dtype().is_float()
            && g.to_vec::<f64>()?.iter().any(|x| x.is_nan())
        {
            bail!(Autograd, "Function '{}' returned nan values in its {i}th output.", node.name);
        }
    }
    Ok(())
}
