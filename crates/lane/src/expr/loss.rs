//! The pointwise parts of losses: x is the prediction, y the target; reductions and class weights are the op's matter.

use super::macros::pointwise;

/// What aten/native/Loss.cpp divides by at least.
const EPSILON: f64 = 1e-12;

pointwise! {
    /// (x - y)^2
    Real mse(x, y) {
        let d = x - y;
        d * d
    }
    => dx(g, x, y) { lit::<L>(2.0) * (x - y) * g }
    => dy(g, x, y) { lit::<L>(2.0) * (y - x) * g }

    /// |x - y|
    Real l1(x, y) { (x - y).abs() }
    => dx(g, x, y) { g * (x - y).sign() }
    => dy(g, x, y) { g * (y - x).sign() }

    /// Squared below beta, linear above, divided by beta
    Real smooth_l1(x, y; beta) {
        let d = (x - y).abs();
        select(d.lt(beta), lit::<L>(0.5) * d * d / beta, d - lit::<L>(0.5) * beta)
    }
    => dx(g, x, y) {
        let d = x - y;
        select(d.le(-beta), -g, select(d.ge(beta), g, g * d / beta))
    }
    => dy(g, x, y) {
        let d = y - x;
        select(d.le(-beta), -g, select(d.ge(beta), g, g * d / beta))
    }

    /// Squared up to delta, linear above
    Real huber(x, y; delta) {
        let d = (x - y).abs();
        select(d.le(delta), lit::<L>(0.5) * d * d, delta * (d - lit::<L>(0.5) * delta))
    }
    => dx(g, x, y) { g * (x - y).maximum(-delta).minimum(delta) }
    => dy(g, x, y) { g * (y - x).maximum(-delta).minimum(delta) }

    /// -(y log(x) + (1 - y) log(1 - x)), logarithms at least -100
    Real bce(x, y) {
        let low = lit::<L>(-100.0);
        (y - lit(1.0)) * (-x).log1p().maximum(low) - y * x.log().maximum(low)
    }
    => dx(g, x, y) { g * (x - y) / ((lit::<L>(1.0) - x) * x).maximum(lit(super::EPSILON)) }
    => dy(g, x) {
        let low = lit::<L>(-100.0);
        g * ((-x).log1p().maximum(low) - x.log().maximum(low))
    }

    /// The same from logits: (1 - y) x - logsigmoid(x)
    Real bce_with_logits(x, y) {
        (lit::<L>(1.0) - y) * x - (x.minimum(lit(0.0)) - (-x.abs()).exp().log1p())
    }
    => dx(g, x, y) { (x.sigmoid() - y) * g }
    => dy(g, x) { -x * g }

    /// The same with weight z for the positive class
    Real bce_with_logits_pos(x, y, z) {
        let softplus = (-x).maximum(lit(0.0)) + (-x.abs()).exp().log1p();
        (lit::<L>(1.0) - y) * x + ((z - lit(1.0)) * y + lit(1.0)) * softplus
    }
    => dx(g, x, y, z) {
        let t = z * y;
        ((t + lit(1.0) - y) * x.sigmoid() - t) * g
    }
    => dy(g, x, z) {
        let softplus = (-x).maximum(lit(0.0)) + (-x.abs()).exp().log1p();
        ((z - lit(1.0)) * softplus - x) * g
    }

    /// y (log(y) - x), x being log-probabilities; 0 where y is 0
    Real kl_div(x, y) { select(y.eq(lit(0.0)), lit(0.0), y * y.log()) - y * x }
    => dx(g, y) { -y * g }
    => dy(g, x, y) {
        // At zero the value is flat from the right, but the derivative is not defined: NaN, as PyTorch's y.log() + 1 with
        // xlogy's rule gives through 0 / 0.
        let one = select(y.eq(lit(0.0)), lit(f64::NAN), lit(1.0));
        g * (select(y.eq(lit(0.0)), lit(0.0), y.log()) + one - x)
    }

    /// The same with log-probabilities as target
    Real kl_div_log(x, y) { y.exp() * (y - x) }
    => dx(g, y) { -y.exp() * g }
    => dy(g, x, y) { g * (y.exp() * (y - x + lit(1.0))) }

    /// e^x - y x
    Real poisson_nll_log(x, y) { x.exp() - y * x }
    => dx(g, x, y) { g * (x.exp() - y) }
    => dy(g, x) { -x * g }

    /// x - y log(x + eps)
    Real poisson_nll(x, y; eps) { x - y * (x + eps).log() }
    => dx(g, x, y) { g * (lit::<L>(1.0) - y / (x + eps)) }
    => dy(g, x) { -(x + eps).log() * g }

    /// Stirling's approximation of log(x!), 0 where x <= 1
    Real stirling(x) {
        let s = x * x.log() - x + lit::<L>(0.5) * (x * lit(2.0 * std::f64::consts::PI)).log();
        select(x.le(lit(1.0)), lit(0.0), s)
    }
    => dx(g, x) { select(x.le(lit(1.0)), lit(0.0), g * (x.log() + lit::<L>(0.5) / x)) }

    /// (log(z) + (x - y)^2 / z) / 2 with variance z
    Real gaussian_nll(x, y, z) {
        let d = x - y;
        lit::<L>(0.5) * (z.log() + d * d / z)
    }
    => dx(g, x, y, z) { g * ((x - y) / z) }
    => dy(g, x, y, z) { g * ((y - x) / z) }
    => dz(g, x, y, z) {
        let d = x - y;
        g * (lit::<L>(0.5) * (lit::<L>(1.0) / z - (d / z) * (d / z)))
    }

    /// log(1 + e^(-x y))
    Real soft_margin(x, y) { (-(x * y)).exp().log1p() }
    => dx(g, x, y) { -y * g * (-(x * y)).sigmoid() }
    => dy(g, x, y) { -x * g * (-(x * y)).sigmoid() }

    /// x where y is 1, max(0, margin - x) elsewhere
    Real hinge_embedding(x, y; margin) {
        let apart = select(y.ne(lit(1.0)), (margin - x).maximum(lit(0.0)), lit(0.0));
        apart + select(y.ne(lit(-1.0)), x, lit(0.0))
    }
    => dx(g, x, y) {
        let apart = select(y.ne(lit(1.0)) & x.le(margin), -g, lit(0.0));
        apart + select(y.ne(lit(-1.0)), g, lit(0.0))
    }

    /// max(0, margin - z (x - y))
    Real margin_ranking(x, y, z; margin) { (margin - z * (x - y)).maximum(lit(0.0)) }
    => dx(g, x, y, z) { select((margin - z * (x - y)).ge(lit(0.0)), -z * g, lit(0.0)) }
    => dy(g, x, y, z) { select((margin - z * (x - y)).ge(lit(0.0)), z * g, lit(0.0)) }
    => dz(g, x, y, z) { select((margin - z * (x - y)).ge(lit(0.0)), (y - x) * g, lit(0.0)) }
}
