//! Calls out to TypeScript: tensor hooks and custom autograd functions live there.

use std::cell::Cell;

use crate::{Result, Tensor, bail, handles};

/// What is called for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Kind {
    /// A hook sees a gradient: a handle in; none or one handle out.
    Hook = 0,
    /// The backward of a custom function: presence and handle of each output gradient, then the saved tensors' handles;
    /// presence and handle of each input gradient out.
    Backward = 1,
    /// Nothing refers to the function any more.
    Dropped = 2,
    /// Memory ran out: the number of missing bytes in; out whether some was freed.
    Relief = 3,
    /// The engine has panicked; the message stands where those of errors do. Nothing comes back.
    Panicked = 4,
}

/// Handles passed in belong to the callee from then on; handles passed out belong to us.
pub type Callback = fn(kind: Kind, id: u64, words: &[f64]) -> Result<Vec<f64>>;

thread_local! {
    static CALLBACK: Cell<Option<Callback>> = const { Cell::new(None) };
}

/// Installs the way out.
pub fn set(callback: Callback) {
    CALLBACK.set(Some(callback));
}

pub fn call(kind: Kind, id: u64, words: &[f64]) -> Result<Vec<f64>> {
    match CALLBACK.get() {
        Some(f) => f(kind, id, words),
        None => bail!(Internal, "no callback is installed"),
    }
}

/// A function of TypeScript's, by its number; tells it when it is no longer needed.
pub struct Remote(pub u64);

impl Remote {
    /// Lets the function see a gradient, as a hook.
    pub fn hook(&self, grad: &Tensor) -> Result<Option<Tensor>> {
        let out = call(Kind::Hook, self.0, &[handles::put(grad.clone()) as f64])?;
        out.first().map(|&h| handles::take(h as u32)).transpose()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // Nobody can be told of a failure here.
        let _ = call(Kind::Dropped, self.0, &[]);
    }
}
