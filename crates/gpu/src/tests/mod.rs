//! Every kernel against the CPU's of the same name, on both software adapters.

mod copy;
mod index;
mod matmul;
mod pointwise;
mod reduce;
mod rows;
mod stream;
