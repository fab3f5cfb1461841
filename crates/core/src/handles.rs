//! The numbers by which TypeScript names what the engine holds for it.
//!
//! Most are tensors that a JavaScript object owns. When part of a graph has left the engine (`crate::spill`), what it
//! refers to and what stayed behind, be it a tensor, a node or a storage, has an internal number, one per object.

use std::cell::RefCell;
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use crate::address::ByAddress;
use crate::autograd::Node;
use crate::device::Device;
use crate::storage::Storage;
use crate::{Error, ErrorKind, Result, Tensor};

/// Something with a number.
#[derive(Clone)]
pub enum Object {
    Tensor(Tensor),
    Node(Rc<Node>),
    Storage(Storage),
}

impl Object {
    /// Its identity: where it lies.
    pub(crate) fn address(&self) -> usize {
        match self {
            Object::Tensor(t) => t.address(),
            Object::Node(n) => Rc::as_ptr(n) as usize,
            Object::Storage(s) => s.address(),
        }
    }

    /// How many references to it there are, this one included.
    pub(crate) fn holders(&self) -> usize {
        match self {
            Object::Tensor(t) => t.holders(),
            Object::Node(n) => Rc::strong_count(n),
            Object::Storage(s) => s.holders(),
        }
    }
}

struct Table {
    slots: Vec<Option<Object>>,
    free: Vec<u32>,
    /// Internal numbers by the address of their object.
    internal: ByAddress<u32>,
}

thread_local! {
    static TABLE: RefCell<Table> = const {
        let internal = ByAddress::with_hasher(BuildHasherDefault::new());
        RefCell::new(Table { slots: Vec::new(), free: Vec::new(), internal })
    };
}

impl Table {
    #[cfg_attr(hot_paths, optimize(speed))]
    fn put(&mut self, object: Object) -> u32 {
        match self.free.pop() {
            Some(h) => {
                self.slots[h as usize] = Some(object);
                h
            }
            None => {
                self.slots.push(Some(object));
                (self.slots.len() - 1) as u32
            }
        }
    }
}

/// A new number for this tensor. It lives until `release`.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn put(t: Tensor) -> u32 {
    TABLE.with(|table| table.borrow_mut().put(Object::Tensor(t)))
}

/// The tensor with this number.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn get(handle: u32) -> Result<Tensor> {
    TABLE
        .with(|table| match table.borrow().slots.get(handle as usize) {
            Some(Some(Object::Tensor(t))) => Some(t.clone()),
            _ => None,
        })
        .ok_or_else(|| Error::new(ErrorKind::Disposed, format!("tensor {handle} was disposed")))
}

/// The tensor with this number, which is released.
pub fn take(handle: u32) -> Result<Tensor> {
    let t = get(handle)?;
    release(handle);
    Ok(t)
}

/// Lets another tensor stand under this number (an op in place that changes the layout: resize_, squeeze_, t_).
pub fn replace(handle: u32, t: Tensor) {
    let old = TABLE.with(|table| table.borrow_mut().slots[handle as usize].replace(Object::Tensor(t)));
    drop(old);
}

/// Forgets the number. The object lives on where else it is held.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn release(handle: u32) {
    // Dropping a tensor may drop a graph, which may drop handles' tensors: not while the table is borrowed.
    let dropped = TABLE.with(|table| {
        let mut table = table.borrow_mut();
        let object = table.slots.get_mut(handle as usize).and_then(Option::take);
        if let Some(object) = &object {
            table.free.push(handle);
            if !table.internal.is_empty() && table.internal.get(&object.address()) == Some(&handle) {
                table.internal.remove(&object.address());
            }
        }
        object
    });
    drop(dropped);
}

/// How many numbers JavaScript objects own.
pub fn count() -> usize {
    TABLE.with(|table| {
        let table = table.borrow();
        table.slots.len() - table.free.len() - table.internal.len()
    })
}

/// Whatever has this number.
pub(crate) fn object(handle: u32) -> Option<Object> {
    TABLE.with(|table| table.borrow().slots.get(handle as usize).cloned().flatten())
}

/// A new number for an object that came back.
pub(crate) fn put_object(object: Object) -> u32 {
    TABLE.with(|table| table.borrow_mut().put(object))
}

/// The internal number of an object, made if it has none, and whether that was so.
pub(crate) fn internal(object: &Object) -> (u32, bool) {
    TABLE.with(|table| {
        let mut table = table.borrow_mut();
        let address = object.address();
        match table.internal.get(&address) {
            Some(&slot) => (slot, false),
            None => {
                let slot = table.put(object.clone());
                table.internal.insert(address, slot);
                (slot, true)
            }
        }
    })
}

/// Marks a number as its object's internal one.
pub(crate) fn make_internal(handle: u32) {
    TABLE.with(|table| {
        let mut table = table.borrow_mut();
        if let Some(address) = table.slots[handle as usize].as_ref().map(Object::address) {
            table.internal.insert(address, handle);
        }
    });
}

/// All internal numbers.
pub(crate) fn internals() -> Vec<u32> {
    TABLE.with(|table| table.borrow().internal.values().copied().collect())
}

/// A second number for what has this one.
pub fn again(handle: u32) -> Result<u32> {
    match object(handle) {
        Some(object) => Ok(put_object(object)),
        None => Err(Error::new(ErrorKind::Disposed, format!("tensor {handle} was disposed"))),
    }
}

/// Where the memory of a tensor or storage on the host begins; 0 for anything else.
pub fn memory(handle: u32) -> usize {
    match object(handle) {
        Some(Object::Tensor(t)) if t.device() == Device::Cpu => t.storage().ptr() as usize,
        Some(Object::Storage(s)) if s.device() == Device::Cpu => s.ptr() as usize,
        _ => 0,
    }
}
