//! Special functions.

use super::macros::pointwise;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// sqrt(2 / pi)
const ROOT: f64 = FRAC_1_SQRT_2 * FRAC_2_SQRT_PI;

pointwise! {
    /// The error function
    Real erf(x) { x.erf() }
    => dx(g, x) { lit::<L>(super::FRAC_2_SQRT_PI) * (-(x * x)).exp() * g }

    /// 1 - erf(x)
    Real erfc(x) { x.erfc() }
    => dx(g, x) { lit::<L>(-super::FRAC_2_SQRT_PI) * (-(x * x)).exp() * g }

    /// The inverse of erf
    Real erfinv(x) { x.erfinv() }
    => dx(g, out) { lit::<L>(1.0 / super::FRAC_2_SQRT_PI) * (out * out).exp() * g }

    /// e^(x^2) * erfc(x)
    Real erfcx(x) { x.erfcx() }
    => dx(g, x, out) { (lit::<L>(2.0) * x * out - lit(super::FRAC_2_SQRT_PI)) * g }

    /// The normal distribution's cumulative function
    Real ndtr(x) { lit::<L>(0.5) * (x * lit(-super::FRAC_1_SQRT_2)).erfc() }
    => dx(g, x) { g * ((x * x * lit(-0.5)).exp() * lit(0.5 * super::ROOT)) }

    /// The inverse of ndtr
    Real ndtri(x) { x.ndtri() }
    => dx(g, out) { g * ((out * out * lit(0.5)).exp() * lit(2.0 / (super::FRAC_2_SQRT_PI * super::FRAC_1_SQRT_2))) }

    /// log(ndtr(x))
    Real log_ndtr(x) { x.log_ndtr() }
    => dx(g, x) { g / (x * lit(-super::FRAC_1_SQRT_2)).erfcx() * lit(super::ROOT) }

    /// log(|Gamma(x)|)
    Real lgamma(x) { x.lgamma() }
    => dx(g, x) { g * x.digamma() }

    /// The derivative of lgamma
    Real digamma(x) { x.digamma() }
    => dx(g, x) { g * lit::<L>(1.0).polygamma(x) }

    /// The derivative of order n of digamma
    Real polygamma(x; n) { n.polygamma(x) }
    => dx(g, x) { g * (n + lit(1.0)).polygamma(x) }

    /// The Hurwitz zeta function
    Real zeta(x, y) { x.zeta(y) }
    => dy(g, x, y) { g * -x * (x + lit(1.0)).zeta(y) }

    /// The regularised lower incomplete gamma function
    Real igamma(x, y) { x.igamma(y) }
    => dy(g, x, y) { g * ((x - lit(1.0)) * y.log() - y - x.lgamma()).exp() }

    /// The regularised upper incomplete gamma function
    Real igammac(x, y) { x.igammac(y) }
    => dy(g, x, y) { -g * ((x - lit(1.0)) * y.log() - y - x.lgamma()).exp() }

    /// The modified Bessel function of the first kind, order 0
    Real i0(x) { x.i0() }
    => dx(g, x) { g * x.i1() }

    /// e^-|x| * i0(x)
    Real i0e(x) { x.i0e() }
    => dx(g, x, out) { g * (x.i1e() - x.sign() * out) }

    /// The modified Bessel function of the first kind, order 1
    Real i1(x) { x.i1() }
    => dx(g, x, out) {
        // The divisor is made harmless first: a quotient that is not chosen must not bring NaN into second derivatives.
        g * select(x.abs().gt(lit(1e-7)), x.i0() - out / select(x.abs().gt(lit(1e-7)), x, lit(1.0)), lit(0.5))
    }

    /// e^-|x| * i1(x)
    Real i1e(x) { x.i1e() }
    => dx(g, x, out) {
        g * select(x.abs().gt(lit(1e-7)), x.i0e() - out * (x.sign() + lit::<L>(1.0) / select(x.abs().gt(lit(1e-7)), x, lit(1.0))), lit(0.5))
    }

    /// The Bessel function of the first kind, order 0
    Real bessel_j0(x) { x.bessel_j0() }
    /// The Bessel function of the first kind, order 1
    Real bessel_j1(x) { x.bessel_j1() }
    /// The Bessel function of the second kind, order 0
    Real bessel_y0(x) { x.bessel_y0() }
    /// The Bessel function of the second kind, order 1
    Real bessel_y1(x) { x.bessel_y1() }
    /// The modified Bessel function of the second kind, order 0
    Real modified_bessel_k0(x) { x.bessel_k0() }
    /// The modified Bessel function of the second kind, order 1
    Real modified_bessel_k1(x) { x.bessel_k1() }
    /// e^x * k0(x)
    Real scaled_modified_bessel_k0(x) { x.bessel_k0e() }
    /// e^x * k1(x)
    Real scaled_modified_bessel_k1(x) { x.bessel_k1e() }
    /// The spherical Bessel function of the first kind, order 0
    Real spherical_bessel_j0(x) { x.spherical_j0() }
    /// The Airy function Ai
    Real airy_ai(x) { x.airy_ai() }

    /// The Chebyshev polynomial of the first kind, degree y
    Real chebyshev_polynomial_t(x, y) { x.chebyshev_t(y) }
    /// The Chebyshev polynomial of the second kind, degree y
    Real chebyshev_polynomial_u(x, y) { x.chebyshev_u(y) }
    /// The Chebyshev polynomial of the third kind, degree y
    Real chebyshev_polynomial_v(x, y) { x.chebyshev_v(y) }
    /// The Chebyshev polynomial of the fourth kind, degree y
    Real chebyshev_polynomial_w(x, y) { x.chebyshev_w(y) }
    /// The Chebyshev polynomial of the first kind of 2x - 1, degree y
    Real shifted_chebyshev_polynomial_t(x, y) { (x + x - lit(1.0)).chebyshev_t(y) }
    /// The Chebyshev polynomial of the second kind of 2x - 1, degree y
    Real shifted_chebyshev_polynomial_u(x, y) { (x + x - lit(1.0)).chebyshev_u(y) }
    /// The Chebyshev polynomial of the third kind of 2x - 1, degree y
    Real shifted_chebyshev_polynomial_v(x, y) { (x + x - lit(1.0)).chebyshev_v(y) }
    /// The Chebyshev polynomial of the fourth kind of 2x - 1, degree y
    Real shifted_chebyshev_polynomial_w(x, y) { (x + x - lit(1.0)).chebyshev_w(y) }
    /// The physicists' Hermite polynomial of degree y
    Real hermite_polynomial_h(x, y) { x.hermite_h(y) }
    /// The probabilists' Hermite polynomial of degree y
    Real hermite_polynomial_he(x, y) { x.hermite_he(y) }
    /// The Laguerre polynomial of degree y
    Real laguerre_polynomial_l(x, y) { x.laguerre_l(y) }
    /// The Legendre polynomial of degree y
    Real legendre_polynomial_p(x, y) { x.legendre_p(y) }
}
