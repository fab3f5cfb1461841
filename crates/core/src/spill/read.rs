//! The way back: an object from its words and from what it refers to.

use std::rc::Rc;

use smallvec::SmallVec;

use super::{Kind, LEAF, NONE};
use crate::autograd::{Body, Edge, Edges, Function, Hook, Meta, Node, OutputMeta, Saved, SavedTensors};
use crate::callback::Remote;
use crate::handles::{self, Object};
use crate::storage::Storage;
use crate::{DType, Layout, Result, Tensor, bail};

struct Reader<'a> {
    words: &'a [f64],
    references: std::vec::IntoIter<Object>,
}

/// Makes the object that left as these words and gives it a number; `references` are the numbers of what it refers to,
/// in its order. The elements of its memory, if it has some of its own, are for the caller to fill in.
///
/// # Safety
/// `kind` and `words` must be those of a record of `plan`, which is used once.
pub unsafe fn restore(kind: u32, references: &[u32], words: &[f64], internal: bool) -> Result<u32> {
    let references: Option<Vec<Object>> = references.iter().map(|&r| handles::object(r)).collect();
    let Some(references) = references else { bail!(Internal, "restore: a number names nothing") };
    let mut r = Reader { words, references: references.into_iter() };
    let object = match kind {
        k if k == Kind::Tensor as u32 => Object::Tensor(r.tensor()?),
        k if k == Kind::Node as u32 => Object::Node(unsafe { r.node()? }),
        _ => Object::Storage(r.storage()?),
    };
    let slot = handles::put_object(object);
    if internal {
        handles::make_internal(slot);
    }
    Ok(slot)
}

impl Reader<'_> {
    fn word(&mut self) -> f64 {
        let (&first, rest) = self.words.split_first().expect("a record is read as it was written");
        self.words = rest;
        first
    }

    fn count(&mut self) -> usize {
        self.word() as usize
    }

    fn flag(&mut self) -> bool {
        self.word() != 0.0
    }

    fn dtype(&mut self) -> DType {
        DType::from_code(self.word() as u32).unwrap_or(DType::F32)
    }

    fn tensor_reference(&mut self) -> Result<Tensor> {
        match self.references.next() {
            Some(Object::Tensor(t)) => Ok(t),
            _ => bail!(Internal, "restore: a tensor was expected"),
        }
    }

    fn node_reference(&mut self) -> Result<Rc<Node>> {
        match self.references.next() {
            Some(Object::Node(n)) => Ok(n),
            _ => bail!(Internal, "restore: a node was expected"),
        }
    }

    fn storage(&mut self) -> Result<Storage> {
        let storage = Storage::new(self.count())?;
        storage.set_version(self.word() as u32);
        Ok(storage)
    }

    fn layout(&mut self) -> Layout {
        let offset = self.count();
        let ndim = self.count();
        let shape = (0..ndim).map(|_| self.count()).collect();
        let strides = (0..ndim).map(|_| self.word() as isize).collect();
        Layout { shape, strides, offset }
    }

    fn tensor(&mut self) -> Result<Tensor> {
        let dtype = self.dtype();
        let wrapped = self.flag();
        let mut meta = Meta { leaf_requires_grad: self.flag(), view_version: self.word() as u32, ..Meta::default() };
        let (base, nr, grad, rows) = (self.flag(), self.word(), self.flag(), self.flag());
        let storage = if self.flag() {
            self.storage()?
        } else {
            match self.references.next() {
                Some(Object::Storage(s)) => s,
                _ => bail!(Internal, "restore: a storage was expected"),
            }
        };
        if meta.leaf_requires_grad {
            storage.keep();
        }
        let base = if base { Some(self.tensor_reference()?) } else { None };
        if nr >= 0.0 {
            meta.node = Some(Edge { node: self.node_reference()?, nr: nr as usize });
        }
        if grad {
            meta.grad = Some(self.tensor_reference()?);
        }
        if rows {
            meta.rows = Some(self.tensor_reference()?);
        }
        let layout = self.layout();
        for _ in 0..self.count() {
            let id = self.word() as u64;
            meta.hooks.push((id, self.hook()));
        }
        let t = Tensor::restored(storage, layout, dtype, base, meta);
        t.set_wrapped_number(wrapped);
        Ok(t)
    }

    fn edges(&mut self) -> Result<Edges> {
        (0..self.count())
            .map(|_| {
                Ok(match self.word() {
                    NONE => None,
                    // The accumulator may have been made anew since: the leaf knows.
                    LEAF => self.tensor_reference()?.edge(),
                    nr => Some(Edge { node: self.node_reference()?, nr: nr as usize }),
                })
            })
            .collect()
    }

    fn hook(&mut self) -> Hook {
        Hook::Remote(Rc::new(Remote(self.word() as u64)))
    }

    /// # Safety
    /// As `restore`.
    unsafe fn node(&mut self) -> Result<Rc<Node>> {
        let seq = self.word() as u64;
        let (name, len) = (std::ptr::with_exposed_provenance(self.count()), self.count());
        // Safety: names live as long as the program, and this is where one lay.
        let name: &'static str = unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(name, len)) };
        let trace = self.word() as u64;
        let outputs: SmallVec<[OutputMeta; 1]> = (0..self.count())
            .map(|_| OutputMeta { dtype: self.dtype(), shape: (0..self.count()).map(|_| self.count()).collect() })
            .collect();
        let next = self.edges()?;
        let inputs = if self.flag() { Some(self.edges()?) } else { None };
        let hooks = (0..self.count()).map(|_| (self.count(), self.word() as u64, self.hook())).collect();
        let n_saved = self.word();
        let body = if n_saved < 0.0 {
            Body::Freed
        } else {
            let mut saved = SavedTensors::new();
            for _ in 0..n_saved as usize {
                let version = self.word();
                saved.push(if version < 0.0 {
                    None
                } else {
                    let output = self.word();
                    Some(Saved {
                        tensor: self.tensor_reference()?,
                        version: version as u32,
                        output: (output >= 0.0).then_some(output as usize),
                    })
                });
            }
            let remote = self.word();
            let remote = (remote > 0.0).then_some(Remote(remote as u64));
            let (backward, _) = unsafe { Function::from_words(self.words) };
            Body::Function { saved, backward, remote }
        };
        let node = Node::build(name, seq, next, body, outputs);
        *node.hooks.borrow_mut() = hooks;
        node.trace.set(trace);
        inputs.map(|inputs| node.set_inputs(inputs));
        Ok(node)
    }
}
