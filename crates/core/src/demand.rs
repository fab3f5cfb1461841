//! Elements that an op refuses. Where the host holds them the op itself is the error; a GPU finds them while it computes, and the
//! next read tells (`gpu/src/status.rs`).

pub(crate) use crate::lane::{Class, Demand, Found, Test};

use crate::device::remote;
use crate::{Error, ErrorKind, Result, Tensor};

impl From<Class> for ErrorKind {
    fn from(class: Class) -> ErrorKind {
        match class {
            Class::Runtime => ErrorKind::Runtime,
            Class::Value => ErrorKind::Value,
            Class::Index => ErrorKind::Index,
            Class::Shape => ErrorKind::Shape,
        }
    }
}

/// What is said of an element that failed, for ops that find it themselves too.
#[cold]
pub(crate) fn refuse(op: &str, demand: &Demand, found: &Found) -> Error {
    Error::new(demand.class.into(), (demand.says)(op, found))
}

/// Refuses a tensor with an element that is not what `demand` asks for; `bound` is a number for the test and the sentence. On a GPU
/// this takes a kernel of its own, so that an op of training steps gives the demand to a kernel that it launches anyway
/// (`Kernel::with_demand`), and looks by `on_host`.
pub(crate) fn demand(op: &'static str, t: &Tensor, demand: &'static Demand, bound: usize) -> Result<()> {
    if t.is_readable() { on_host(op, t, demand, bound) } else { remote::demand(op, t, demand, bound) }
}

/// The same of elements that the host holds; others pass.
pub(crate) fn on_host(op: &str, t: &Tensor, demand: &'static Demand, bound: usize) -> Result<()> {
    if t.numel() > 0 && t.is_readable() {
        let values = t.to_vec::<f64>()?;
        if let Some((at, &value)) = values.iter().enumerate().find(|v| !demand.test.passes(*v.1, bound)) {
            return Err(refuse(op, demand, &Found { value, at, bound }));
        }
    }
    Ok(())
}
