//! Indexing: reading and writing where index tensors say, masks, embeddings, class probabilities.
//!
//! `INDEX_GET` and `INDEX_PUT` are the whole of advanced indexing, gather, scatter, indexSelect, take and their kin
//! (the idea of PyTorch's aten/src/ATen/native/cpu/IndexKernel.cpp): the op lays every operand out over one index
//! space, with stride zero in the indexed tensor wherever an index decides, and each index tensor adds
//! `index * stride` to the address. Indices were checked by the op (`INDEX_RANGE`) and may be negative.

mod embedding;
mod masked;
mod place;
mod shape;

pub use embedding::{EMBEDDING_BACKWARD, REPEAT_INDICES};
pub use masked::{MASKED_SCATTER, MASKED_SELECT, NONZERO};
pub use place::{INDEX_GET, INDEX_PUT, INDEX_RANGE, PutMode};
pub use shape::{FLIP, TRI};

#[cfg(test)]
mod tests;
