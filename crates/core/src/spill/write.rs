//! What leaves, as numbers.
//!
//! A record: kind; how many numbers of handles name it, and they; its internal number plus 1, or 0; how many references,
//! and they (the place of another record, or -1 - the internal number of what stays); how many functions of TypeScript's,
//! and their ids; address and length of its elements, or 0 and 0; how many words of its own, and they. The words are
//! between this file and `read`; TypeScript keeps them as they are.

use super::{Kind, LEAF, NONE, Plan, for_each_reference, leaf_of};
use crate::autograd::{Body, Edge, Hook, Node, OutputMeta};
use crate::handles::{self, Object};
use crate::{Layout, Tensor};

impl Plan {
    /// Appends one record for each object that leaves, in no particular order.
    pub(super) fn describe(&self, words: &mut Vec<f64>) {
        let mut places = vec![usize::MAX; self.items.len()];
        let mut count = 0;
        for (place, item) in places.iter_mut().zip(&self.items) {
            let has_record = item.leaves
                && match &item.object {
                    Object::Node(n) => leaf_of(n).is_none(),
                    Object::Storage(s) => !self.is_inline(s),
                    Object::Tensor(_) => true,
                };
            if has_record {
                *place = count;
                count += 1;
            }
        }
        words.push(count as f64);
        for (item, _) in self.items.iter().zip(&places).filter(|(_, place)| **place != usize::MAX) {
            let kind = match &item.object {
                Object::Tensor(_) => Kind::Tensor,
                Object::Node(_) => Kind::Node,
                Object::Storage(_) => Kind::Storage,
            };
            words.push(kind as u32 as f64);
            list(words, item.slots.iter().map(|&s| f64::from(s)));
            words.push(item.internal.map_or(0.0, |s| f64::from(s) + 1.0));
            let mut targets = Vec::new();
            for_each_reference(&item.object, |target| match &target {
                Object::Storage(s) if self.is_inline(s) => {}
                Object::Node(n) => targets.push(leaf_of(n).map_or(target, Object::Tensor)),
                _ => targets.push(target),
            });
            list(words, targets.iter().map(|target| self.reference(target, &places)));
            let mut remotes = Vec::new();
            let mut own = Vec::new();
            let mut data = (0, 0);
            match &item.object {
                Object::Tensor(t) => {
                    let inline = self.is_inline(t.storage());
                    if inline {
                        data = (t.storage().ptr() as usize, t.storage().bytes());
                    }
                    tensor(t, inline, &mut own, &mut remotes);
                }
                Object::Node(n) => node(n, &mut own, &mut remotes),
                Object::Storage(s) => {
                    data = (s.ptr() as usize, s.bytes());
                    own.extend([s.bytes() as f64, f64::from(s.version())]);
                }
            }
            list(words, remotes.into_iter());
            words.extend([data.0 as f64, data.1 as f64]);
            list(words, own.into_iter());
        }
    }

    fn reference(&self, target: &Object, places: &[usize]) -> f64 {
        match self.by_address.get(&target.address()).map(|&i| places[i]) {
            Some(place) if place != usize::MAX => place as f64,
            _ => {
                let (slot, new) = handles::internal(target);
                if new {
                    self.given.borrow_mut().push(slot);
                }
                -1.0 - f64::from(slot)
            }
        }
    }
}

fn list(words: &mut Vec<f64>, items: impl ExactSizeIterator<Item = f64>) {
    words.push(items.len() as f64);
    words.extend(items);
}

fn tensor(t: &Tensor, inline: bool, words: &mut Vec<f64>, remotes: &mut Vec<f64>) {
    let meta = t.inner().meta.borrow();
    words.extend([
        t.dtype() as u32 as f64,
        f64::from(u8::from(t.is_wrapped_number())),
        f64::from(u8::from(meta.leaf_requires_grad)),
        f64::from(meta.view_version),
        f64::from(u8::from(t.base().is_some())),
        meta.node.as_ref().map_or(-1.0, |e| e.nr as f64),
        f64::from(u8::from(meta.grad.is_some())),
        f64::from(u8::from(meta.rows.is_some())),
    ]);
    if inline {
        words.extend([1.0, t.storage().bytes() as f64, f64::from(t.storage().version())]);
    } else {
        words.push(0.0);
    }
    layout(t.layout(), words);
    words.push(meta.hooks.len() as f64);
    for (id, hook) in &meta.hooks {
        words.extend([*id as f64, remote_id(hook)]);
        remotes.push(remote_id(hook));
    }
}

fn layout(l: &Layout, words: &mut Vec<f64>) {
    words.extend([l.offset as f64, l.shape.len() as f64]);
    words.extend(l.shape.iter().map(|&n| n as f64));
    words.extend(l.strides.iter().map(|&n| n as f64));
}

fn node(n: &Node, words: &mut Vec<f64>, remotes: &mut Vec<f64>) {
    words.extend([n.seq as f64, n.name.as_ptr().expose_provenance() as f64, n.name.len() as f64, n.trace.get() as f64]);
    words.push(n.outputs().len() as f64);
    for OutputMeta { shape, dtype } in n.outputs() {
        words.extend([*dtype as u32 as f64, shape.len() as f64]);
        words.extend(shape.iter().map(|&n| n as f64));
    }
    edges(&n.next(), words);
    let inputs = n.own_inputs();
    words.push(f64::from(u8::from(inputs.is_some())));
    inputs.iter().for_each(|inputs| edges(inputs, words));
    let hooks = n.hooks.borrow();
    words.push(hooks.len() as f64);
    for (nr, id, hook) in hooks.iter() {
        words.extend([*nr as f64, *id as f64, remote_id(hook)]);
        remotes.push(remote_id(hook));
    }
    match &*n.body.borrow() {
        Body::Function { saved, backward, remote } => {
            words.push(saved.len() as f64);
            for s in saved {
                match s {
                    None => words.push(-1.0),
                    Some(s) => words.extend([f64::from(s.version), s.output.map_or(-1.0, |o| o as f64)]),
                }
            }
            words.push(remote.as_ref().map_or(0.0, |r| r.0 as f64));
            remotes.extend(remote.as_ref().map(|r| r.0 as f64));
            backward.write_words(words);
        }
        Body::Accumulate(_) | Body::Freed => words.push(-1.0),
    }
}

/// The number of the output that each leads to; NONE for no edge, LEAF for one to a leaf's accumulator.
fn edges(edges: &[Option<Edge>], words: &mut Vec<f64>) {
    words.push(edges.len() as f64);
    words.extend(edges.iter().map(|edge| match edge {
        None => NONE,
        Some(e) if leaf_of(&e.node).is_some() => LEAF,
        Some(e) => e.nr as f64,
    }));
}

fn remote_id(hook: &Hook) -> f64 {
    match hook {
        Hook::Remote(remote) => remote.0 as f64,
        // Such hooks do not leave.
        Hook::Native(_) => 0.0,
    }
}
