//! The numbers by which TypeScript names tensors.

use std::cell::RefCell;

use crate::{Error, ErrorKind, Result, Tensor};

#[derive(Default)]
struct Table {
    slots: Vec<Option<Tensor>>,
    free: Vec<u32>,
}

thread_local! {
    static TABLE: RefCell<Table> = RefCell::default();
}

/// A new number for this tensor. It lives until `release`.
pub fn put(t: Tensor) -> u32 {
    TABLE.with(|table| {
        let mut table = table.borrow_mut();
        match table.free.pop() {
            Some(h) => {
                table.slots[h as usize] = Some(t);
                h
            }
            None => {
                table.slots.push(Some(t));
                (table.slots.len() - 1) as u32
            }
        }
    })
}

/// The tensor with this number.
pub fn get(handle: u32) -> Result<Tensor> {
    TABLE
        .with(|table| table.borrow().slots.get(handle as usize).and_then(Clone::clone))
        .ok_or_else(|| Error::new(ErrorKind::Disposed, format!("tensor {handle} was disposed")))
}

/// Lets another tensor stand under this number (an op in place that changes the layout: resize_, squeeze_, t_).
pub fn replace(handle: u32, t: Tensor) {
    let old = TABLE.with(|table| table.borrow_mut().slots[handle as usize].replace(t));
    drop(old);
}

/// Forgets the number. The tensor lives on where else it is held.
pub fn release(handle: u32) {
    // Dropping a tensor may drop a graph, which may drop handles' tensors: not while the table is borrowed.
    let dropped = TABLE.with(|table| {
        let mut table = table.borrow_mut();
        let t = table.slots.get_mut(handle as usize).and_then(Option::take);
        if t.is_some() {
            table.free.push(handle);
        }
        t
    });
    drop(dropped);
}

/// How many numbers are in use.
pub fn count() -> usize {
    TABLE.with(|table| {
        let table = table.borrow();
        table.slots.len() - table.free.len()
    })
}
