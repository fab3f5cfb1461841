//! Errors that kernels find: an index that comes from a tensor is known to the device alone.
//!
//! A kernel that follows such indices leaves out what lies outside, and notes the first one in a few words of memory that all such
//! kernels share. A read copies these words along with what it reads, in the same submission, if such a kernel ran since they were
//! last seen to be empty; so an error is told by the first read behind it, under the name of the op that launched the kernel.

use std::cell::{Cell, OnceCell, RefCell};

use crate::device::Gpu;
use crate::error::{Error, Kind, Result};
use crate::pool::Buffer;

/// Words of a note: the code of who launched the kernel (0: there is no note), the index, the size that it exceeds.
const WORDS: usize = 4;
pub(crate) const BYTES: u64 = 4 * WORDS as u64;

#[derive(Default)]
pub(crate) struct Status {
    words: OnceCell<Buffer>,
    /// Who launches kernels now; empty where nobody said it.
    caller: Cell<&'static str>,
    /// Who launched kernels that have noted or may note something; a code is a place in here, from 1.
    names: RefCell<Vec<&'static str>>,
    /// The submission after that of the last kernel that may note something, or 0 if none did since the words were empty.
    watched: Cell<u64>,
}

/// The end of a text for a kernel that may note something: `BINDING` is where the words are bound, `p.code` is the launch's code.
/// A compare-and-exchange may fail without a reason.
pub(crate) const TEXT: &str = "\
@group(0) @binding(BINDING) var<storage, read_write> status: array<atomic<u32>, 4>;

fn bad_index(index: i32, size: u32) {
  loop {
    let r = atomicCompareExchangeWeak(&status[0], 0u, p.code);
    if (r.exchanged) {
      atomicStore(&status[1], bitcast<u32>(index));
      atomicStore(&status[2], size);
      break;
    }
    if (r.old_value != 0u) {
      break;
    }
  }
}

";

impl Gpu {
    /// The words, for a kernel to be bound to.
    pub(crate) fn status(&self) -> Result<&Buffer> {
        let status = &self.0.status;
        if status.words.get().is_none() {
            let buffer = self.fresh_buffer(WORDS)?;
            self.put(&buffer, 0, &[0; BYTES as usize]);
            let _ = status.words.set(buffer);
        }
        Ok(status.words.get().expect("they were made"))
    }

    /// Names the op that launches kernels from now on, for errors that they find.
    pub fn called_by(&self, op: &'static str) {
        self.0.status.caller.set(op);
    }

    /// The code of a launch: of the op, or of the kernel where no op was named.
    pub(crate) fn code(&self, kernel: &'static str) -> u32 {
        let caller = self.0.status.caller.get();
        let name = if caller.is_empty() { kernel } else { caller };
        let mut names = self.0.status.names.borrow_mut();
        let at = names.iter().position(|n| *n == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        at as u32 + 1
    }

    /// Remembers that the open submission has a kernel that may note something.
    pub(crate) fn watch(&self) {
        self.0.status.watched.set(self.0.stream.borrow().serial + 1);
    }

    /// The words, if a read has to look at them.
    pub(crate) fn watched(&self) -> Option<&Buffer> {
        if self.0.status.watched.get() == 0 { None } else { self.0.status.words.get() }
    }

    /// What the words say that were read by submission `serial`. A note is cleared once it was told.
    pub(crate) fn told(&self, serial: u64, words: &[u8]) -> Result<()> {
        let status = &self.0.status;
        let word = |k: usize| u32::from_ne_bytes(words[4 * k..4 * k + 4].try_into().unwrap());
        if word(0) == 0 {
            // Kernels behind the read may have noted something since.
            if status.watched.get() <= serial + 1 {
                status.watched.set(0);
            }
            return Ok(());
        }
        if let Some(buffer) = status.words.get() {
            self.put(buffer, 0, &[0; BYTES as usize]);
        }
        let (index, size) = (word(1) as i32, word(2));
        let name = status.names.borrow()[word(0) as usize - 1];
        Err(Error::new(
            Kind::Index,
            format!(
                "{name}: index {index} is out of bounds for a dimension of size {size}. A GPU finds this while it computes, so it is one of \
                 the calls before this read; what lay outside was left out. On the CPU the call itself fails: x.to('cpu')."
            ),
        ))
    }
}
