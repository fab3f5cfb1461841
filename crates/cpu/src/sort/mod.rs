//! Sorting, selection, quantiles' order statistics, distinct elements, searching, histograms.
//!
//! What goes along a dimension has `attrs: [dim, ...]` and outputs of the input's rank.

mod histogram;
mod key;
mod order;
mod search;
mod unique;

pub use histogram::HISTC;
pub use order::{KTHVALUE, MEDIAN, MODE, NANMEDIAN, SORT, TOPK};
pub use search::SEARCHSORTED;
pub use unique::{LEXICOGRAPHIC, UNIQUE};

#[cfg(test)]
mod tests;
