//! The functions behind `Real`.

pub mod special;
