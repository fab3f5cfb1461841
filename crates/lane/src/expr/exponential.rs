//! Powers, exponentials and logarithms.

use super::macros::pointwise;
use std::f64::consts::{LN_2, LN_10};

pointwise! {
    /// The square root
    Real sqrt(x) { x.sqrt() }
    => dx(g, out) { g / (out + out) }

    /// 1 / sqrt(x)
    Real rsqrt(x) { x.rsqrt() }
    => dx(g, out) { lit::<L>(-0.5) * g * (out * out * out) }

    /// e^x
    Real exp(x) { x.exp() }
    => dx(g, out) { g * out }

    /// 2^x
    Real exp2(x) { x.exp2() }
    => dx(g, out) { g * out * lit(super::LN_2) }

    /// e^x - 1
    Real expm1(x) { x.expm1() }
    => dx(g, out) { g * (out + lit(1.0)) }

    /// The natural logarithm
    Real log(x) { x.log() }
    => dx(g, x) { g / x }

    /// The logarithm to base 2
    Real log2(x) { x.log2() }
    => dx(g, x) { g / (x * lit(super::LN_2)) }

    /// The logarithm to base 10
    Real log10(x) { x.log10() }
    => dx(g, x) { g / (x * lit(super::LN_10)) }

    /// log(1 + x)
    Real log1p(x) { x.log1p() }
    => dx(g, x) { g / (x + lit(1.0)) }

    /// x^y
    Num pow(x, y) { x.pow(y) }
    => dx(g, x, y) { select(y.eq(lit(0.0)), lit(0.0), g * (y * x.pow(y - lit(1.0)))) }
    => dy(g, x, y, out) { select(x.eq(lit(0.0)) & y.ge(lit(0.0)), lit(0.0), g * (out * x.log())) }

    /// x^exponent
    Num pow_scalar(x; exponent) { x.pow(exponent) }
    => dx(g, x) { select(exponent.eq(lit(0.0)), lit(0.0), g * (exponent * x.pow(exponent - lit(1.0)))) }

    /// x^3
    Num cube(x) { x * x * x }
    => dx(g, x) { g * (lit::<L>(3.0) * (x * x)) }

    /// base^x
    Real pow_of(x; base) { base.pow(x) }
    => dx(g, x, out) { select(base.eq(lit(0.0)) & x.ge(lit(0.0)), lit(0.0), g * (out * base.log())) }

    /// log(e^x + e^y)
    Real logaddexp(x, y) {
        let sum = x.maximum(y) + (-(x - y).abs()).exp().log1p();
        select(x.is_inf() & x.eq(y), x, sum)
    }
    => dx(g, x, y) { g / (lit::<L>(1.0) + (y - x).exp()) }
    => dy(g, x, y) { g / (lit::<L>(1.0) + (x - y).exp()) }

    /// log2(2^x + 2^y)
    Real logaddexp2(x, y) {
        let sum = x.maximum(y) + (-(x - y).abs()).exp2().log1p() * lit(1.0 / super::LN_2);
        select(x.is_inf() & x.eq(y), x, sum)
    }
    => dx(g, x, y) { g / (lit::<L>(1.0) + (y - x).exp2()) }
    => dy(g, x, y) { g / (lit::<L>(1.0) + (x - y).exp2()) }

    /// x * log(y), 0 where x is 0 and y is a number
    Real xlogy(x, y) { select(x.eq(lit(0.0)) & !y.is_nan(), lit(0.0), x * y.log()) }
    => dx(g, x, y) { g * select(x.eq(lit(0.0)) & !y.is_nan(), lit(0.0), y.log()) }
    => dy(g, x, y) { g * x / y }

    /// x * log(1 + y), 0 where x is 0 and y is a number
    Real xlog1py(x, y) { select(x.eq(lit(0.0)) & !y.is_nan(), lit(0.0), x * y.log1p()) }
    => dx(g, x, y) { g * select(x.eq(lit(0.0)) & !y.is_nan(), lit(0.0), y.log1p()) }
    => dy(g, x, y) { g * x / (y + lit(1.0)) }

    /// -x * log(x): 0 at 0, -inf below
    Real entr(x) {
        let below = select(x.lt(lit(0.0)), lit(f64::NEG_INFINITY), x);
        select(x.gt(lit(0.0)), -x * x.log(), below)
    }
    => dx(g, x) { g * (-x.log() - lit(1.0)) }

    /// 1 / (1 + e^-x)
    Real sigmoid(x) { x.sigmoid() }
    => dx(g, out) { g * (lit::<L>(1.0) - out) * out }

    /// log(x / (1 - x))
    Real logit(x) { (x / (lit::<L>(1.0) - x)).log() }
    => dx(g, x) {
        let inside = g / (x * (lit::<L>(1.0) - x));
        select(x.lt(lit(0.0)) | x.gt(lit(1.0)), lit(f64::NAN), inside)
    }

    /// log(z / (1 - z)) with z = x between eps and 1 - eps; below eps it is eps even where eps > 1 / 2
    Real logit_eps(x; eps) {
        let high = lit::<L>(1.0) - eps;
        let z = select(x.lt(eps), eps, select(x.gt(high), high, x));
        (z / (lit::<L>(1.0) - z)).log()
    }
    => dx(g, x) {
        let inside = g / (x * (lit::<L>(1.0) - x));
        select(x.lt(eps) | x.gt(lit::<L>(1.0) - eps), lit(0.0), inside)
    }
}
