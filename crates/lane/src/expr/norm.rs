//! The pointwise parts of normalisation. They are launched inside ops that have a backward of their own.

use super::macros::pointwise;

pointwise! {
    /// (x - mean) / deviation, given the mean y and the inverse deviation z
    Real standardize(x, y, z) { (x - y) * z }

    /// x * weight + bias
    Real affine(x, y, z) { x * y + z }

    /// What is left of the gradient x behind a normalisation: without its mean y and without its part w along the
    /// normalised values z
    Real decorrelate(x, y, z, w) { x - y - z * w }
}
