//! A node of the graph and what it keeps.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

use smallvec::SmallVec;

use super::function::Function;
use super::{Retained, mode};
use crate::callback::Remote;
use crate::profile::{self, Kind};
use crate::{DType, Error, ErrorKind, Result, Shape, Tensor};

/// Gradients for a node's inputs, None where there is none.
pub type Grads = Result<Vec<Option<Tensor>>>;

/// Sees a gradient; may return another in its place.
#[derive(Clone)]
pub enum Hook {
    /// A function of TypeScript's.
    Remote(Rc<Remote>),
    Native(Rc<dyn Fn(&Tensor) -> Result<Option<Tensor>>>),
}

impl Hook {
    #[cfg_attr(hot_paths, optimize(speed))]
    fn run(&self, grad: &Tensor) -> Result<Option<Tensor>> {
        match self {
            Hook::Remote(remote) => remote.hook(grad),
            Hook::Native(f) => f(grad),
        }
    }
}

/// Output number `nr` of a node.
#[derive(Clone)]
pub struct Edge {
    pub node: Rc<Node>,
    pub nr: usize,
}

/// Where a node's gradients go, None where none is wanted: few, so that most nodes need no memory of their own for them.
pub type Edges = SmallVec<[Option<Edge>; 3]>;

pub struct Node {
    pub name: &'static str,
    /// Later nodes have larger numbers.
    pub seq: u64,
    pub(crate) next: RefCell<Edges>,
    /// Of a composed op: where its inputs come from, behind the parts that `next` leads to.
    inputs: RefCell<Option<Edges>>,
    pub(crate) body: RefCell<Body>,
    outputs: SmallVec<[OutputMeta; 1]>,
    pub(crate) hooks: RefCell<Vec<(usize, u64, Hook)>>,
    retained: RefCell<Vec<Retained>>,
    /// Where it was made, when anomaly detection is on (the id of a TypeScript stack).
    pub trace: Cell<u64>,
}

pub(crate) enum Body {
    Function {
        saved: SavedTensors,
        backward: Function,
        /// The function of TypeScript's that a custom function's backward calls.
        remote: Option<Remote>,
    },
    /// Adds into a leaf's `.grad`.
    Accumulate(Tensor),
    /// What was saved is gone, and so a second backward cannot run.
    Freed,
}

pub(crate) type SavedTensors = SmallVec<[Option<Saved>; 3]>;

/// Shape and dtype a gradient of an output must have.
pub(crate) struct OutputMeta {
    pub shape: Shape,
    pub dtype: DType,
}

/// A tensor kept for backward, with the version it had.
pub struct Saved {
    pub(crate) tensor: Tensor,
    pub(crate) version: u32,
    /// An output of the node itself is kept outside the graph (or the node would keep itself alive).
    pub(crate) output: Option<usize>,
}

impl Saved {
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(crate) fn new(t: &Tensor, outs: &[&Tensor]) -> Saved {
        let output = outs.iter().position(|o| o.same(t));
        let tensor = if output.is_some() { t.detach() } else { t.clone() };
        Saved { version: tensor.storage().version(), tensor, output }
    }
}

impl Node {
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(crate) fn function(
        name: &'static str,
        next: Edges,
        saved: SavedTensors,
        backward: Function,
        remote: Option<Remote>,
        outs: &[&Tensor],
    ) -> Rc<Node> {
        let mut outputs = SmallVec::new();
        for t in outs {
            outputs.push(OutputMeta { shape: SmallVec::from_slice(t.shape()), dtype: t.dtype() });
        }
        Node::build(name, mode::next_id(), next, Body::Function { saved, backward, remote }, outputs)
    }

    pub(crate) fn accumulator(leaf: Tensor) -> Rc<Node> {
        let outputs = std::iter::once(OutputMeta { shape: leaf.shape().into(), dtype: leaf.dtype() }).collect();
        // Accumulators run as soon as they can, so that their buffers are freed early (engine.cpp does the same).
        Node::build("AccumulateGrad", u64::MAX, Edges::new(), Body::Accumulate(leaf), outputs)
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    pub(crate) fn build(
        name: &'static str,
        seq: u64,
        next: Edges,
        body: Body,
        outputs: SmallVec<[OutputMeta; 1]>,
    ) -> Rc<Node> {
        Rc::new(Node {
            name,
            seq,
            next: RefCell::new(next),
            inputs: RefCell::default(),
            body: RefCell::new(body),
            outputs,
            hooks: RefCell::default(),
            retained: RefCell::default(),
            trace: Cell::new(0),
        })
    }

    /// Where the gradients of the inputs go.
    pub fn next(&self) -> Ref<'_, Edges> {
        self.next.borrow()
    }

    /// The nodes of the op's inputs, as `next_functions` shows them: of a composed op, those behind its parts.
    pub fn inputs(&self) -> Edges {
        self.own_inputs().clone().unwrap_or_else(|| self.next().clone())
    }

    /// The edges of `inputs`, if the op is composed.
    pub(crate) fn own_inputs(&self) -> Ref<'_, Option<Edges>> {
        self.inputs.borrow()
    }

    pub(crate) fn set_inputs(&self, edges: Edges) {
        self.inputs.replace(Some(edges));
    }

    pub(crate) fn outputs(&self) -> &[OutputMeta] {
        &self.outputs
    }

    /// The leaf an accumulator adds into.
    pub fn leaf(&self) -> Option<Tensor> {
        match &*self.body.borrow() {
            Body::Accumulate(t) => Some(t.clone()),
            _ => None,
        }
    }

    /// Whether some tensor still waits for its gradient here (`retain_grad`): not when the node can no longer run.
    pub(crate) fn is_awaited(&self) -> bool {
        let freed = self.body.try_borrow().is_ok_and(|body| matches!(*body, Body::Freed));
        !freed && self.retained.borrow().iter().any(|r| r.1.upgrade().is_some())
    }

    pub(crate) fn add_hook(&self, nr: usize, id: u64, hook: Hook) {
        self.hooks.borrow_mut().push((nr, id, hook));
    }

    pub(crate) fn remove_hook(&self, id: u64) {
        let dropped: Vec<_> = self.hooks.borrow_mut().extract_if(.., |h| h.1 == id).collect();
        drop(dropped);
    }

    pub(crate) fn retain(&self, nr: usize, t: crate::tensor::WeakTensor) {
        self.retained.borrow_mut().push((nr, t));
    }

    pub(crate) fn is_retained(&self, nr: usize, t: &Tensor) -> bool {
        self.retained.borrow().iter().any(|(n, w)| *n == nr && w.upgrade().is_some_and(|r| r.same(t)))
    }

    /// Whether somebody sees the gradients of this node's outputs: a hook, or a tensor that retains one.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(crate) fn is_watched(&self) -> bool {
        let hooked = match &*self.body.borrow() {
            Body::Accumulate(leaf) => !leaf.inner().meta.borrow().hooks.is_empty(),
            _ => !self.hooks.borrow().is_empty(),
        };
        hooked || !self.retained.borrow().is_empty()
    }

    /// Runs the hooks on gradient `nr` of this node's outputs, in order, then stores it where `retain_grad` asked.
    pub(crate) fn run_hooks(&self, nr: usize, grad: Tensor) -> Result<Tensor> {
        let mut grad = grad;
        let hooks: Vec<Hook> = match self.leaf() {
            Some(leaf) => leaf.inner().meta.borrow().hooks.iter().map(|h| h.1.clone()).collect(),
            None => self.hooks.borrow().iter().filter(|h| h.0 == nr).map(|h| h.2.clone()).collect(),
        };
        for hook in hooks {
            if let Some(g) = hook.run(&grad)? {
                grad = g;
            }
        }
        let keepers: Vec<Tensor> =
            self.retained.borrow().iter().filter(|r| r.0 == nr).filter_map(|r| r.1.upgrade()).collect();
        for t in keepers {
            let sum = match t.grad() {
                Some(old) => crate::ops::add(&old, &grad)?,
                None => grad.clone(),
            };
            t.set_grad(Some(sum));
        }
        Ok(grad)
    }

    /// Gradients of the inputs from those of the outputs.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(crate) fn run(self: &Rc<Node>, grads: &[Option<Tensor>], needs: &[bool]) -> Grads {
        let body = self.body.borrow();
        match &*body {
            Body::Function { saved, backward, remote } => {
                let ctx = Ctx { node: self, saved, remote: remote.as_ref(), grads, needs };
                profile::span(Kind::Node, self.name, || 0.0, || backward.call(&ctx))
            }
            Body::Accumulate(_) => Ok(Vec::new()),
            Body::Freed => Err(Error::new(
                ErrorKind::Autograd,
                format!(
                    "{}: Trying to backward through the graph a second time (or directly access saved tensors after they \
                     have already been freed). Saved intermediate values of the graph are freed when you call .backward() \
                     or autograd.grad(). Specify {{ retainGraph: true }} if you need to backward through the graph a \
                     second time or if you need to access saved tensors after calling backward.",
                    self.name
                ),
            )),
        }
    }

    /// Frees what was saved; the node itself stays, so that a second backward can say what is wrong. A node that saved
    /// nothing can run again, as in PyTorch.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(crate) fn release(&self) {
        // Busy only when a hook runs backward over the node that is calling it; then it is freed with the graph.
        if let Ok(mut body) = self.body.try_borrow_mut()
            && matches!(&*body, Body::Function { saved, .. } if saved.iter().any(Option::is_some))
        {
            let taken = std::mem::replace(&mut *body, Body::Freed);
            drop(body);
            drop(taken);
        }
    }
}

thread_local! {
    static TRASH: RefCell<Vec<(Edges, Body)>> = const { RefCell::new(Vec::new()) };
    static EMPTYING: Cell<bool> = const { Cell::new(false) };
}

/// A graph may be 100,000 nodes deep: what a node held is dropped by a loop, not by recursion.
impl Drop for Node {
    #[cfg_attr(hot_paths, optimize(speed))]
    fn drop(&mut self) {
        let mut next = std::mem::take(self.next.get_mut());
        next.extend(self.inputs.get_mut().take().into_iter().flatten());
        let parts = (next, std::mem::replace(self.body.get_mut(), Body::Freed));
        if TRASH.try_with(|t| t.borrow_mut().push(parts)).is_err() || EMPTYING.replace(true) {
            return;
        }
        while let Some(parts) = TRASH.with(|t| t.borrow_mut().pop()) {
            drop(parts);
        }
        EMPTYING.set(false);
    }
}

/// What a backward function sees.
pub struct Ctx<'a> {
    node: &'a Rc<Node>,
    saved: &'a [Option<Saved>],
    remote: Option<&'a Remote>,
    grads: &'a [Option<Tensor>],
    needs: &'a [bool],
}

impl Ctx<'_> {
    /// Whether the gradient of input `i` is wanted.
    pub fn needs(&self, i: usize) -> bool {
        self.needs.get(i).copied().unwrap_or(false)
    }

    /// The function of TypeScript's that was given to `attach_remote`.
    pub fn remote(&self) -> Result<&Remote> {
        match self.remote {
            Some(r) => Ok(r),
            None => crate::bail!(Internal, "{}: has no function to call", self.node.name),
        }
    }

    /// How many inputs the node has.
    pub fn inputs(&self) -> usize {
        self.needs.len()
    }

    /// Gradient of output `i`, None when nothing depends on it.
    pub fn opt_grad(&self, i: usize) -> Option<&Tensor> {
        self.grads[i].as_ref()
    }

    /// Gradient of output `i`, zeros when nothing depends on it.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn grad(&self, i: usize) -> Result<Tensor> {
        match &self.grads[i] {
            Some(g) => Ok(g.clone()),
            None => {
                let m = &self.node.outputs[i];
                Tensor::zeros(&m.shape, m.dtype)
            }
        }
    }

    /// Saved tensor `i` was given at all.
    pub fn has_saved(&self, i: usize) -> bool {
        self.saved.get(i).is_some_and(Option::is_some)
    }

    /// The tensor saved as number `i`, or PyTorch's error when it changed since.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn saved(&self, i: usize) -> Result<Tensor> {
        let Some(Some(s)) = self.saved.get(i) else {
            crate::bail!(Internal, "{}: saved tensor {i} was not saved", self.node.name);
        };
        let version = s.tensor.storage().version();
        if version != s.version {
            let what = match s.tensor.grad_fn() {
                Some(f) => format!(", which is output 0 of {},", f.name),
                None => String::new(),
            };
            crate::bail!(
                Autograd,
                "one of the variables needed for gradient computation has been modified by an inplace operation: \
                 [torch.{}Tensor {:?}]{what} is at version {version}; expected version {} instead. Hint: the backward \
                 pass that failed to compute its gradient is {}. Compute out of place, or clone the tensor before \
                 changing it.",
                s.tensor.dtype().c_name(),
                s.tensor.shape(),
                s.version,
                self.node.name
            );
        }
        match s.output {
            Some(nr) if super::grad_enabled() => {
                let t = s.tensor.detach();
                t.inner().meta.borrow_mut().node = Some(Edge { node: self.node.clone(), nr });
                Ok(t)
            }
            _ => Ok(s.tensor.clone()),
        }
    }

    /// Evaluates `f` where the gradient of input `i` is wanted.
    pub fn when(&self, i: usize, f: impl FnOnce() -> Result<Tensor>) -> Result<Option<Tensor>> {
        if self.needs(i) { f().map(Some) } else { Ok(None) }
    }
}
