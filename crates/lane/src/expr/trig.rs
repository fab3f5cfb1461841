//! Trigonometric and hyperbolic functions.

use super::macros::pointwise;
use std::f64::consts::PI;

pointwise! {
    /// The sine
    Real sin(x) { x.sin() }
    => dx(g, x) { g * x.cos() }

    /// The cosine
    Real cos(x) { x.cos() }
    => dx(g, x) { g * -x.sin() }

    /// The tangent
    Real tan(x) { x.tan() }
    => dx(g, out) { g * (lit::<L>(1.0) + out * out) }

    /// The arc sine
    Real asin(x) { x.asin() }
    => dx(g, x) { g * (lit::<L>(1.0) - x * x).rsqrt() }

    /// The arc cosine
    Real acos(x) { x.acos() }
    => dx(g, x) { g * -(lit::<L>(1.0) - x * x).rsqrt() }

    /// The arc tangent
    Real atan(x) { x.atan() }
    => dx(g, x) { g / (x * x + lit(1.0)) }

    /// The angle of the point (y, x), where x, the first operand, is the ordinate
    Real atan2(x, y) { x.atan2(y) }
    => dx(g, x, y) { g * (y / (x * x + y * y)) }
    => dy(g, x, y) { g * (-x / (x * x + y * y)) }

    /// The hyperbolic sine
    Real sinh(x) { x.sinh() }
    => dx(g, x) { g * x.cosh() }

    /// The hyperbolic cosine
    Real cosh(x) { x.cosh() }
    => dx(g, x) { g * x.sinh() }

    /// The hyperbolic tangent
    Real tanh(x) { x.tanh() }
    => dx(g, out) { g * (-out).fused(out, lit(1.0)) }

    /// The inverse hyperbolic sine
    Real asinh(x) { x.asinh() }
    => dx(g, x) { g * (x * x + lit(1.0)).rsqrt() }

    /// The inverse hyperbolic cosine
    Real acosh(x) { x.acosh() }
    => dx(g, x) { g * ((x - lit(1.0)).rsqrt() * (x + lit(1.0)).rsqrt()) }

    /// The inverse hyperbolic tangent
    Real atanh(x) { x.atanh() }
    => dx(g, x) { g / (lit::<L>(1.0) - x * x) }

    /// sin(pi x) / (pi x), 1 at 0
    Real sinc(x) {
        let t = x * lit(super::PI);
        select(x.eq(lit(0.0)), lit(1.0), t.sin() / t)
    }
    => dx(g, x) {
        let t = x * lit(super::PI);
        let square = x * x * lit(super::PI);
        select(square.eq(lit(0.0)), lit(0.0), g * ((t * t.cos() - t.sin()) / square))
    }
}
