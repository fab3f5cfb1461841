//! Rounding. Derivatives are zero.

use super::macros::pointwise;

pointwise! {
    /// Down
    Real floor(x) { x.floor() }
    => dx() { lit(0.0) }

    /// Up
    Real ceil(x) { x.ceil() }
    => dx() { lit(0.0) }

    /// To the nearest integer, halves to the even one
    Real round(x) { x.round() }
    => dx() { lit(0.0) }

    /// To the nearest multiple of 1 / scale
    Real round_finer(x; scale) { (x * scale).round() / scale }
    => dx() { lit(0.0) }

    /// To the nearest multiple of scale
    Real round_coarser(x; scale) { (x / scale).round() * scale }
    => dx() { lit(0.0) }

    /// Towards zero
    Real trunc(x) { x.trunc() }
    => dx() { lit(0.0) }

    /// What `trunc` cuts off
    Real frac(x) { x - x.trunc() }
    => dx(g) { g }
}
