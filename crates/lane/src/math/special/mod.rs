//! Special functions of float64, a file per family. Formulas are from the NIST Digital Library of Mathematical Functions
//! (DLMF), sections named where they are used; edge cases follow aten/native/Math.h.

mod airy;
mod bessel;
mod erf;
mod gamma;
mod lgamma;
mod polynomials;

pub use airy::airy_ai;
pub use bessel::{bessel_k0, bessel_k0e, bessel_k1, bessel_k1e, i0, i0e, i1, i1e, spherical_j0};
pub use erf::{erf, erfc, erfcx, erfinv, log_ndtr, ndtri};
pub use gamma::{digamma, igamma, igammac, polygamma, zeta};
pub use lgamma::{lgamma, lgamma_for_float32};
pub use libm::{j0 as bessel_j0, j1 as bessel_j1, y0 as bessel_y0, y1 as bessel_y1};
pub use polynomials::{
    chebyshev_t, chebyshev_u, chebyshev_v, chebyshev_w, hermite_h, hermite_he, laguerre_l, legendre_p,
};
