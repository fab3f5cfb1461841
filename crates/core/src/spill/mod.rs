//! Spill: what nobody may need any more leaves the engine, so that JavaScript's collector can decide.
//!
//! In a synchronous loop no finalizer ever runs, so the engine cannot learn that a handle is garbage. Instead the oldest
//! objects are handed to JavaScript whole: their elements as ordinary buffers, their fields as numbers, their references as
//! references of JavaScript's. What can still be reached comes back when it is used; the rest is ordinary garbage, cycles
//! through hooks included.
//!
//! An object can leave when everything that refers to it is a number of a candidate, or leaves too. Counting decides:
//! the references found among what leaves, plus the numbers, must be all there are. So whatever the engine is working
//! with, and everything behind it, stays. Tensors, nodes and storages leave one by one, not in groups: a loss that is
//! kept must not keep the activations of its step.
//!
//! `plan` describes what leaves (`write` says how), TypeScript copies the elements, `commit` drops it; `restore` is the
//! way back, one object at a time, referred-to ones first.

mod read;
mod write;

use std::cell::RefCell;
use std::rc::Rc;

use smallvec::SmallVec;

pub use read::restore;

use crate::address::ByAddress;
use crate::autograd::{Body, Hook, Node};
use crate::device::Device;
use crate::handles::{self, Object};
use crate::storage::Storage;

/// An object that a plan has come across.
struct Item {
    /// Our own reference to it, which counts.
    object: Object,
    /// Numbers among the candidates that name it.
    slots: SmallVec<[u32; 1]>,
    internal: Option<u32>,
    /// References to it from what leaves.
    claimed: usize,
    leaves: bool,
}

#[derive(Default)]
struct Plan {
    items: Vec<Item>,
    by_address: ByAddress<usize>,
    /// Internal numbers that this plan gave to what stays.
    given: RefCell<Vec<u32>>,
}

thread_local! {
    static PLAN: RefCell<Option<Plan>> = const { RefCell::new(None) };
}

/// Describes what can leave when the tensors with these numbers may. Nothing has left before `commit`.
pub fn plan(candidates: &[u32], words: &mut Vec<f64>) {
    let mut plan = Plan::default();
    for &slot in candidates {
        if let Some(object) = handles::object(slot) {
            let i = plan.know(object);
            plan.items[i].slots.push(slot);
        }
    }
    for slot in handles::internals() {
        if let Some(object) = handles::object(slot) {
            let i = plan.know(object);
            plan.items[i].internal = Some(slot);
        }
    }
    plan.decide();
    plan.describe(words);
    PLAN.set(Some(plan));
}

/// Drops the last plan: everything stays as it was.
pub fn cancel() {
    if let Some(plan) = PLAN.take() {
        plan.given.into_inner().into_iter().for_each(handles::release);
    }
}

/// Lets go of what the last plan described.
pub fn commit() {
    let Some(plan) = PLAN.take() else { return };
    for item in plan.items.iter().filter(|item| item.leaves) {
        item.slots.iter().copied().chain(item.internal).for_each(handles::release);
        match &item.object {
            Object::Tensor(t) => {
                forget_hooks(std::mem::take(&mut t.inner().meta.borrow_mut().hooks).into_iter().map(|h| h.1))
            }
            Object::Node(n) => {
                forget_hooks(std::mem::take(&mut *n.hooks.borrow_mut()).into_iter().map(|h| h.2));
                // The closure and the function it calls live on outside.
                if let Body::Function { backward, remote, .. } = n.body.replace(Body::Freed) {
                    backward.forget();
                    std::mem::forget(remote);
                }
            }
            Object::Storage(_) => {}
        }
    }
}

/// TypeScript holds the functions now: it must not be told that they are no longer needed.
fn forget_hooks(hooks: impl Iterator<Item = Hook>) {
    for hook in hooks {
        if let Hook::Remote(remote) = hook
            && let Ok(remote) = Rc::try_unwrap(remote)
        {
            std::mem::forget(remote);
        }
    }
}

impl Plan {
    /// The index of an object's item, made if it is new.
    fn know(&mut self, object: Object) -> usize {
        *self.by_address.entry(object.address()).or_insert_with(|| {
            self.items.push(Item { object, slots: SmallVec::new(), internal: None, claimed: 0, leaves: false });
            self.items.len() - 1
        })
    }

    fn decide(&mut self) {
        let mut todo: Vec<usize> = (0..self.items.len()).collect();
        while let Some(i) = todo.pop() {
            let item = &mut self.items[i];
            if item.leaves || !item.can_leave() {
                continue;
            }
            item.leaves = true;
            let mut targets: SmallVec<[Object; 8]> = SmallVec::new();
            for_each_reference(&item.object, |target| targets.push(target));
            for target in targets {
                let j = self.know(target);
                self.items[j].claimed += 1;
                todo.push(j);
            }
        }
    }

    fn item(&self, address: usize) -> Option<&Item> {
        self.by_address.get(&address).map(|&i| &self.items[i])
    }

    /// Whether a storage leaves inside its only tensor.
    fn is_inline(&self, storage: &Storage) -> bool {
        self.item(storage.address()).is_some_and(|s| s.leaves && s.claimed == 1 && s.internal.is_none())
    }
}

impl Item {
    fn can_leave(&self) -> bool {
        let counted = 1 + self.slots.len() + usize::from(self.internal.is_some()) + self.claimed;
        if self.object.holders() != counted {
            return false;
        }
        match &self.object {
            // What lies on a GPU cannot be copied out without waiting.
            Object::Tensor(t) if t.device() != Device::Cpu => false,
            Object::Tensor(t) => {
                t.inner().meta.try_borrow_mut().is_ok_and(|meta| {
                    // What waits for a gradient that its node can still give must be where the node finds it.
                    let waits = t.is_watched() && meta.node.as_ref().is_some_and(|e| e.node.is_awaited());
                    !waits && meta.hooks.iter().all(|h| is_remote(&h.1))
                })
            }
            Object::Node(n) => {
                n.body.try_borrow_mut().is_ok()
                    && n.next.try_borrow_mut().is_ok()
                    && n.hooks.try_borrow().is_ok_and(|hooks| hooks.iter().all(|h| is_remote(&h.2)))
                    && !n.is_awaited()
            }
            Object::Storage(s) => s.device() == Device::Cpu,
        }
    }
}

/// Whether a hook is a function of TypeScript's that is not running now.
fn is_remote(hook: &Hook) -> bool {
    matches!(hook, Hook::Remote(remote) if Rc::strong_count(remote) == 1)
}

/// Every reference that an object holds, once each, in the order in which `write` and `read` know them.
fn for_each_reference(object: &Object, mut f: impl FnMut(Object)) {
    match object {
        Object::Tensor(t) => {
            f(Object::Storage(t.storage().clone()));
            t.base().cloned().map(Object::Tensor).map(&mut f);
            let meta = t.inner().meta.borrow();
            meta.node.as_ref().map(|e| f(Object::Node(e.node.clone())));
            meta.grad.iter().chain(&meta.rows).for_each(|t| f(Object::Tensor(t.clone())));
        }
        Object::Node(n) => {
            let edges = n.next();
            let inputs = n.own_inputs();
            edges.iter().chain(inputs.iter().flatten()).flatten().for_each(|e| f(Object::Node(e.node.clone())));
            match &*n.body.borrow() {
                Body::Function { saved, .. } => {
                    saved.iter().flatten().for_each(|s| f(Object::Tensor(s.tensor.clone())));
                }
                Body::Accumulate(leaf) => f(Object::Tensor(leaf.clone())),
                Body::Freed => {}
            }
        }
        Object::Storage(_) => {}
    }
}

/// A leaf's accumulator has no record of its own: an edge to it is a reference to the leaf.
fn leaf_of(node: &Node) -> Option<crate::Tensor> {
    node.leaf()
}

/// Kinds of records.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Kind {
    Tensor = 0,
    Node = 1,
    Storage = 2,
}

/// In place of the number of a node's output.
const NONE: f64 = -1.0;
const LEAF: f64 = -2.0;

#[cfg(test)]
mod tests;
