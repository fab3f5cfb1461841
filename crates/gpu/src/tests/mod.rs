//! Every kernel against the CPU's of the same name, on both software adapters.

mod copy;
mod pointwise;
mod stream;
