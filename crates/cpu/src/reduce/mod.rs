//! Reductions.
//!
//! Convention: an output has the input's rank, and size one (with any stride) in every dimension that is reduced; the
//! kernel finds out from the shapes alone. What goes along a single dimension (`ARGMAX`, softmax) gets it as an attribute.

mod batch_norm;
mod batch_norm_passes;
#[cfg(test)]
mod batch_norm_tests;
mod cascade;
#[cfg(test)]
mod cascade_tests;
mod extremum;
mod fold;
mod layer_norm;
mod moments;
mod nll;
#[cfg(test)]
mod nll_tests;
mod norm;
mod softmax;
mod sum;
#[cfg(test)]
mod tests;

pub use batch_norm::{BATCH_NORM, BATCH_NORM_BACKWARD};
pub use extremum::{AMAX, AMIN, ARGMAX, ARGMIN};
pub use layer_norm::{LAYER_NORM, LAYER_NORM_BACKWARD};
pub use moments::VAR_MEAN;
pub use nll::{CROSS_ENTROPY_BACKWARD, NLL_LOSS, NLL_LOSS_BACKWARD};
pub use norm::NORM;
pub use softmax::{LOG_SOFTMAX, LOG_SOFTMAX_BACKWARD, LOGSUMEXP, SOFTMAX, SOFTMAX_BACKWARD};
pub use sum::{ALL, ANY, COUNT_NONZERO, NANSUM, PROD, SUM};
