//! Errors that kernels find: what an element is, is known to the device alone.
//!
//! A kernel whose op demands something of elements (an index inside its dimension, a probability below 1) leaves out what lies outside,
//! and notes the first one in a few words of memory that all such kernels share. A read copies these words along with what it reads,
//! in the same submission, if such a kernel ran since they were last seen to be empty; so an error is told by the first read
//! behind it, under the name of the op that launched the kernel.

use std::cell::{Cell, OnceCell, RefCell};

use cresset_lane::{Class, Demand, Found, Test};

use crate::device::Gpu;
use crate::error::{Error, Kind, Result};
use crate::pool::Buffer;
use crate::wgsl::Scalar;

/// Words of a note: the code of who launched the kernel (0: there is no note), the element, which one it is, and the size that it exceeds.
const WORDS: usize = 4;
pub(crate) const BYTES: u64 = 4 * WORDS as u64;

#[derive(Default)]
pub(crate) struct Status {
    words: OnceCell<Buffer>,
    /// Who launches kernels now; empty where nobody said it.
    caller: Cell<&'static str>,
    /// Who launched kernels that have noted or may note something; a code is a place in here, from 1.
    origins: RefCell<Vec<Origin>>,
    /// The submission after that of the last kernel that may note something, or 0 if none did since the words were empty.
    watched: Cell<u64>,
}

/// Where a note comes from: whose kernel it was, what was demanded of elements of which type.
struct Origin {
    name: &'static str,
    demand: &'static Demand,
    scalar: Scalar,
}

/// What indices must be, where an op has no sentence of its own.
pub(crate) static INDEX: Demand = Demand {
    class: Class::Index,
    test: Test::Inside,
    input: 1,
    says: |op, found| format!("{op}: index {} is out of bounds for a dimension of size {}", found.value, found.bound),
};

/// The end of a text for a kernel that may note something: `BINDING` is where the words are bound, `CODE` the launch's code.
/// A compare-and-exchange may fail without a reason.
const TEXT: &str = "\
@group(0) @binding(BINDING) var<storage, read_write> status: array<atomic<u32>, 4>;

fn note_bad(value: u32, at: u32, bound: u32) {
  loop {
    let r = atomicCompareExchangeWeak(&status[0], 0u, CODE);
    if (r.exchanged) {
      atomicStore(&status[1], value);
      atomicStore(&status[2], at);
      atomicStore(&status[3], bound);
      break;
    }
    if (r.old_value != 0u) {
      break;
    }
  }
}

";

/// The same with the words at this binding and the code in this expression.
pub(crate) fn text(binding: usize, code: &str) -> String {
    TEXT.replace("BINDING", &binding.to_string()).replace("CODE", code)
}

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

    /// Names the op that launches kernels from now on, for errors that they find; gives the one before.
    pub fn called_by(&self, op: &'static str) -> &'static str {
        self.0.status.caller.replace(op)
    }

    /// Who launches kernels now.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn caller(&self) -> &'static str {
        self.0.status.caller.get()
    }

    /// The code of a launch that demands this of elements of a type: of the op, or of the kernel where no op was named.
    pub(crate) fn code(&self, kernel: &'static str, demand: &'static Demand, scalar: Scalar) -> u32 {
        let caller = self.0.status.caller.get();
        let name = if caller.is_empty() { kernel } else { caller };
        let mut origins = self.0.status.origins.borrow_mut();
        let same = |o: &Origin| o.name == name && std::ptr::eq(o.demand, demand) && o.scalar == scalar;
        let at = origins.iter().position(same).unwrap_or_else(|| {
            origins.push(Origin { name, demand, scalar });
            origins.len() - 1
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
        let Origin { name, demand, scalar } = &status.origins.borrow()[word(0) as usize - 1];
        let value = match scalar {
            Scalar::Float => f32::from_bits(word(1)) as f64,
            Scalar::Int => word(1) as i32 as f64,
            Scalar::Byte | Scalar::Truth => word(1) as f64,
        };
        let says = (demand.says)(name, &Found { value, at: word(2) as usize, bound: word(3) as usize });
        Err(Error::new(
            Kind::Found(demand.class),
            format!(
                "{}. A GPU finds this while it computes, so it is one of the calls before this read; what came of it counts for nothing. On \
                 the CPU the call itself fails: x.to('cpu').",
                says.trim_end_matches('.')
            ),
        ))
    }
}
