//! The kernels, each under the name that the CPU's has. A file holds a family; WGSL text stands beside it.

pub(crate) mod bind;
pub(crate) mod copy;
pub(crate) mod pointwise;
pub(crate) mod selftest;

use crate::error::Result;
use crate::launch::Launch;

/// A kernel that is not printed from an expression.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub run: fn(&Launch) -> Result<()>,
    /// Whether inputs may lie in an output's memory; otherwise such inputs are copied first.
    pub in_place: bool,
}

const fn in_place(run: fn(&Launch) -> Result<()>) -> Option<Entry> {
    Some(Entry { run, in_place: true })
}

/// The kernel of this name.
pub(crate) fn find(name: &str) -> Option<Entry> {
    match name {
        "copy" => in_place(copy::copy),
        "fill" => in_place(copy::fill),
        "where" => in_place(copy::choose),
        _ => None,
    }
}
