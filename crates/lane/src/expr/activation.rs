//! Activation functions. Formulas and choices at kinks: aten/native/cpu/Activation.cpp.

use super::macros::pointwise;
use crate::num::{Real, lit};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// sqrt(2 / pi), of the tanh form of GELU.
const ROOT: f64 = FRAC_1_SQRT_2 * FRAC_2_SQRT_PI;
/// 1 / sqrt(2 pi), the height of the normal density.
const DENSITY: f64 = 0.5 * ROOT;
/// The factor of the cube in the tanh form of GELU.
const CUBE: f64 = 0.044715;

/// Twice what GELU's tanh form takes the tanh of: 2 sqrt(2 / pi) (x + 0.044715 x^3).
#[inline(always)]
fn twice_argument<L: Real>(x: L) -> L {
    x * (lit::<L>(2.0 * ROOT) + lit::<L>(2.0 * ROOT * CUBE) * (x * x))
}

pointwise! {
    /// max(x, 0); -0 stays -0, as it does where PyTorch runs on x86
    Num relu(x) { select(x.lt(lit(0.0)), lit(0.0), x) }
    => dx(g, out) { select(out.le(lit(0.0)), lit(0.0), g) }

    /// x between low and high, with no gradient at the ends
    Num hardtanh(x; low, high) { select(x.lt(low), low, select(x.gt(high), high, x)) }
    => dx(g, x) { select(x.le(low) | x.ge(high), lit(0.0), g) }

    /// value where x <= threshold
    Num threshold(x; threshold, value) { select(x.le(threshold), value, x) }
    => dx(g, x) { select(x.le(threshold), lit(0.0), g) }

    /// x where positive, slope * x elsewhere
    Real leaky_relu(x; slope) { select(x.gt(lit(0.0)), x, x * slope) }
    => dx(g, x) { select(x.gt(lit(0.0)), g, g * slope) }

    /// x where positive, y * x elsewhere
    Real prelu(x, y) { select(x.gt(lit(0.0)), x, y * x) }
    => dx(g, x, y) { select(x.gt(lit(0.0)), g, y * g) }
    => dy(g, x) { select(x.gt(lit(0.0)), lit(0.0), x * g) }

    /// scale * x where positive, scale * alpha * (e^(input_scale * x) - 1) elsewhere: ELU, SELU and CELU
    Real elu(x; alpha, scale, input_scale) {
        select(x.le(lit(0.0)), (x * input_scale).expm1() * (alpha * scale), x * scale)
    }
    => dx(g, x) {
        let below = g * input_scale * (alpha * scale) * (x * input_scale).exp();
        select(x.le(lit(0.0)), below, g * scale)
    }

    /// x * Phi(x) with the normal distribution's Phi
    Real gelu(x) { x * x.normal_cdf() }
    => dx(g, x) { g * (x.normal_cdf() + x * ((x * x * lit(-0.5)).exp_negative() * lit(super::DENSITY))) }

    /// GELU by its tanh approximation: (1 + tanh(t)) / 2 is the sigmoid of 2 t. What divides it is between 1 and 2.
    Real gelu_tanh(x) {
        let e = (-super::twice_argument(x).abs()).exp_negative();
        select(x.lt(lit(0.0)), x * e, x) / (lit::<L>(1.0) + e)
    }
    => dx(g, x) {
        let s = super::twice_argument(x).sigmoid();
        let slope = lit::<L>(2.0 * super::ROOT) + lit::<L>(6.0 * super::CUBE * super::ROOT) * (x * x);
        g * (s + x * (s * (lit::<L>(1.0) - s) * slope))
    }

    /// x * sigmoid(x)
    Real silu(x) { x / (lit::<L>(1.0) + (-x).exp()) }
    => dx(g, x) {
        let s = x.sigmoid();
        g * s * x.fused(lit::<L>(1.0) - s, lit(1.0))
    }

    /// x * tanh(log(1 + e^x)). A quotient of polynomials in e^x would do, but every step of it rounds.
    Real mish(x) { x * x.minimum(lit(60.0)).exp().log1p().tanh() }
    => dx(g, x) {
        let e = x.minimum(lit(20.0)).exp();
        let n = e * (e + lit(2.0));
        let t = n / (n + lit(2.0));
        g * (t + x * x.sigmoid() * (lit::<L>(1.0) - t * t))
    }

    /// log(1 + e^(beta x)) / beta, or x where beta x > threshold
    Real softplus(x; beta, threshold) {
        let t = x * beta;
        select(t.gt(threshold), x, t.exp().log1p() / beta)
    }
    => dx(g, x) {
        let t = x * beta;
        let z = t.exp();
        select(t.gt(threshold), g, g * z / (z + lit(1.0)))
    }

    /// log(sigmoid(x))
    Real logsigmoid(x) { x.minimum(lit(0.0)) - (-x.abs()).exp().log1p() }
    => dx(g, x) { g * (-x).sigmoid() }

    /// x / (1 + |x|)
    Real softsign(x) { x / (lit::<L>(1.0) + x.abs()) }
    => dx(g, x) {
        let d = lit::<L>(1.0) + x.abs();
        g / (d * d)
    }

    /// x where |x| > lambda
    Real hardshrink(x; lambda) { select(x.ge(-lambda) & x.le(lambda), lit(0.0), x) }
    => dx(g, x) { select(x.ge(-lambda) & x.le(lambda), lit(0.0), g) }

    /// x moved towards 0 by lambda, 0 within
    Real softshrink(x; lambda) { select(x.ge(-lambda) & x.le(lambda), lit(0.0), x - x.sign() * lambda) }
    => dx(g, x) { select(x.ge(-lambda) & x.le(lambda), lit(0.0), g) }

    /// x - tanh(x)
    Real tanhshrink(x) { x - x.tanh() }
    => dx(g, x) {
        let t = x.tanh();
        g * (t * t)
    }

    /// x / 6 + 1 / 2 between 0 and 1
    Real hardsigmoid(x) { (x + lit(3.0)).maximum(lit(0.0)).minimum(lit(6.0)) / lit(6.0) }
    => dx(g, x) { select(x.gt(lit(-3.0)) & x.lt(lit(3.0)), g * lit(1.0 / 6.0), lit(0.0)) }

    /// x * hardsigmoid(x)
    Real hardswish(x) { x * (x + lit(3.0)).maximum(lit(0.0)).minimum(lit(6.0)) / lit(6.0) }
    => dx(g, x) {
        let middle = g * (x / lit(3.0) + lit(0.5));
        select(x.le(lit(-3.0)), lit(0.0), select(x.lt(lit(3.0)), middle, g))
    }
}
