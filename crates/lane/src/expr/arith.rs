//! Arithmetic.

use super::macros::pointwise;

pointwise! {
    /// x + alpha * y
    Num add(x, y; alpha) { x + alpha * y }
    => dx(g) { g }
    => dy(g) { g * alpha }

    /// x - alpha * y
    Num sub(x, y; alpha) { x - alpha * y }
    => dx(g) { g }
    => dy(g) { -(g * alpha) }

    /// alpha * x subtracted from y
    Num rsub(x, y; alpha) { y - alpha * x }
    => dx(g) { -(g * alpha) }
    => dy(g) { g }

    /// x * y
    Num mul(x, y) { x * y }
    => dx(g, y) { g * y }
    => dy(g, x) { g * x }

    /// x / y
    Real div(x, y) { x / y }
    => dx(g, y) { g / y }
    => dy(g, y, out) { -g * (out / y) }
}
