//! The pointwise parts of normalisation. They are launched inside ops that have a backward of their own.

use super::macros::pointwise;

pointwise! {
    /// (x - mean) / deviation, given the mean y and the inverse deviation z
    Real standardize(x, y, z) { (x - y) * z }
}
