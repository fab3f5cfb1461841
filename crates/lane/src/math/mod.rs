//! The functions behind `Real`.

pub mod float32;
pub mod special;
