//! Runs a graph backward (torch/csrc/autograd/engine.cpp).
//!
//! Nodes wait until every gradient they will get has arrived, then run latest first. Nothing here recurses over the
//! graph's depth.

use std::collections::BinaryHeap;
use std::rc::Rc;

use smallvec::SmallVec;

use super::mode::{self, GradMode, with_grad_mode};
use super::rows::{carry, is_sparse, rows_of};
use super::{Edge, Node, OutputMeta};
use crate::address::ByAddress;
use crate::{Result, Tensor, bail, device, ensure, ops};

/// A node that waits or runs. What refers to another task is its place in the list: addresses are looked up while planning only.
struct Task {
    node: Rc<Node>,
    /// The tasks that its input gradients go to, and as which output's.
    next: SmallVec<[Option<(usize, usize)>; 3]>,
    /// Edges into it that have not delivered yet.
    waits: usize,
    grads: SmallVec<[Option<Tensor>; 1]>,
    /// Something that is asked for lies behind it.
    wanted: bool,
    /// Positions in the list of asked-for tensors whose gradient is this node's output gradient: (output, position).
    captures: Vec<(usize, usize)>,
}

/// A task all of whose gradients have arrived: by age, so that the latest runs first.
struct Ready {
    seq: u64,
    task: usize,
}
impl PartialEq for Ready {
    fn eq(&self, o: &Self) -> bool {
        self.seq == o.seq
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
        self.seq.cmp(&o.seq)
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
#[cfg_attr(hot_paths, optimize(speed))]
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
            let _device = device::enter(root.device());
            Tensor::ones(root.shape(), root.dtype())
        }
    }
}

#[cfg_attr(hot_paths, optimize(speed))]
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
    let mut plan = Plan::default();
    let roots: SmallVec<[(usize, usize); 2]> =
        starts.iter().map(|(edge, _)| (plan.know(&edge.node), edge.nr)).collect();
    plan.explore();
    if options.inputs.is_some() {
        plan.mark_wanted(&targets);
    }
    let mode = if options.create_graph { GradMode::Enabled } else { GradMode::Disabled };
    let mut results: Vec<Option<Tensor>> = vec![None; inputs.len()];
    let grads = starts.into_iter().map(|(_, grad)| grad);
    with_grad_mode(mode, || execute(roots.into_iter().zip(grads), &mut plan.tasks, options, &mut results))?;
    if options.accumulate {
        for (t, g) in inputs.iter().zip(&mut results) {
            if let Some(g) = g.take() {
                add_to_grad(t, g, options.create_graph)?;
            }
        }
    }
    Ok(results)
}

/// Every node behind the roots, with the number of edges that lead into it.
#[derive(Default)]
struct Plan {
    tasks: Vec<Task>,
    by_address: ByAddress<usize>,
}

impl Plan {
    /// The place of a node's task, made if it is new.
    #[cfg_attr(hot_paths, optimize(speed))]
    fn know(&mut self, node: &Rc<Node>) -> usize {
        let tasks = &mut self.tasks;
        *self.by_address.entry(Rc::as_ptr(node) as usize).or_insert_with(|| {
            let mut grads = SmallVec::new();
            for _ in node.outputs() {
                grads.push(None);
            }
            let (next, captures) = (SmallVec::new(), Vec::new());
            tasks.push(Task { node: node.clone(), next, waits: 0, grads, wanted: true, captures });
            tasks.len() - 1
        })
    }

    /// Goes on from the nodes it knows to all behind them.
    #[cfg_attr(hot_paths, optimize(speed))]
    fn explore(&mut self) {
        let mut at = 0;
        while at < self.tasks.len() {
            let node = self.tasks[at].node.clone();
            let mut next = SmallVec::new();
            for edge in node.next().iter() {
                next.push(edge.as_ref().map(|e| {
                    let to = self.know(&e.node);
                    self.tasks[to].waits += 1;
                    (to, e.nr)
                }));
            }
            self.tasks[at].next = next;
            at += 1;
        }
    }

    /// Only what leads to the targets is wanted.
    fn mark_wanted(&mut self, targets: &[Edge]) {
        let tasks = &mut self.tasks;
        tasks.iter_mut().for_each(|t| t.wanted = false);
        for (i, edge) in targets.iter().enumerate() {
            if let Some(&at) = self.by_address.get(&(Rc::as_ptr(&edge.node) as usize)) {
                tasks[at].captures.push((edge.nr, i));
                tasks[at].wanted = true;
            }
        }
        // Inputs are older than what is computed from them, and accumulators lead nowhere: ascending age is a
        // topological order, so one pass suffices.
        let mut order: Vec<usize> = (0..tasks.len()).collect();
        order.sort_unstable_by_key(|&i| tasks[i].node.seq);
        for i in order {
            if tasks[i].next.iter().flatten().any(|&(to, _)| tasks[to].wanted) {
                tasks[i].wanted = true;
            }
        }
    }
}

#[cfg_attr(hot_paths, optimize(speed))]
fn execute(
    starts: impl Iterator<Item = ((usize, usize), Tensor)>,
    tasks: &mut [Task],
    options: &Options,
    results: &mut [Option<Tensor>],
) -> Result<()> {
    let mut ready = BinaryHeap::new();
    for ((at, nr), grad) in starts {
        let task = &mut tasks[at];
        let first = task.grads.iter().all(Option::is_none);
        accumulate(&mut task.grads[nr], grad)?;
        if first && task.waits == 0 {
            ready.push(Ready { seq: task.node.seq, task: at });
        }
    }
    while let Some(Ready { task: at, .. }) = ready.pop() {
        let task = &mut tasks[at];
        let node = task.node.clone();
        let mut grads = std::mem::take(&mut task.grads);
        let _device = grads.iter().flatten().next().map(|g| device::enter(g.device()));
        if node.is_watched() {
            for (nr, slot) in grads.iter_mut().enumerate() {
                if let Some(g) = slot.take() {
                    *slot = Some(node.run_hooks(nr, g)?);
                }
            }
        }
        for &(nr, i) in &task.captures {
            results[i] = grads[nr].clone();
        }
        if node.seq == u64::MAX {
            if options.inputs.is_none()
                && options.accumulate
                && let (Some(leaf), Some(g)) = (node.leaf(), grads[0].take())
            {
                add_to_grad(&leaf, g, options.create_graph)?;
            }
            continue;
        }
        let (wanted, next) = (task.wanted, std::mem::take(&mut task.next));
        let mut needs: SmallVec<[bool; 4]> = SmallVec::new();
        for edge in &next {
            needs.push(edge.is_some_and(|(to, _)| tasks[to].wanted));
        }
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
            let Some((to, nr)) = edge else { continue };
            let task = &mut tasks[to];
            if let Some(g) = grad {
                let g = fit(g, &node, &task.node.outputs()[nr])?;
                accumulate(&mut task.grads[nr], g)?;
            }
            task.waits -= 1;
            if task.waits == 0 {
                ready.push(Ready { seq: task.node.seq, task: to });
            }
        }
    }
    Ok(())
}

/// A gradient in the shape and dtype of what it is the gradient of (engine.cpp's validate_outputs).
#[cfg_attr(hot_paths, optimize(speed))]
fn fit(grad: Tensor, from: &Node, want: &OutputMeta) -> Result<Tensor> {
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

#[cfg_attr(hot_paths, optimize(speed))]
fn accumulate(slot: &mut Option<Tensor>, grad: Tensor) -> Result<()> {
    let _device = device::enter(grad.device());
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
#[cfg_attr(hot_paths, optimize(speed))]
fn add_to_grad(leaf: &Tensor, grad: Tensor, create_graph: bool) -> Result<()> {
    match leaf.grad() {
        None if create_graph => leaf.set_grad(Some(grad)),
        None => {
            let own = grad.storage().holders() == 1 && grad.is_contiguous();
            // A node that saved its own gradient would hold it, or a second of the tensors that are asked for.
            let kept = match grad.holders() {
                1 if own && grad.is_leaf() && !grad.is_wrapped_number() => grad,
                1 | 2 if own => sparse_like(&grad, grad.detach())?,
                _ => sparse_like(&grad, copy_like(&grad, leaf)?)?,
            };
            leaf.set_grad(Some(kept));
        }
        Some(old) if create_graph => leaf.set_grad(Some(ops::add(&old, &grad)?)),
        // In place, so that whoever holds `.grad` sees it (accumulate_grad.h).
        Some(old) => {
            ops::add_into(&old, &grad)?;
            old.storage().bump();
            if is_sparse(&old) {
                carry(&[rows_of(&old), rows_of(&grad)], &old)?;
            }
        }
    }
    Ok(())
}

/// `kept`, with the rows of `grad` where that is sparse.
fn sparse_like(grad: &Tensor, kept: Tensor) -> Result<Tensor> {
    if is_sparse(grad) {
        carry(&[rows_of(grad)], &kept)?;
    }
    Ok(kept)
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
