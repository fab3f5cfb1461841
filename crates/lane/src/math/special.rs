pub fn airy_ai(_x: f64) -> f64 {
    unimplemented!()
}
pub fn bessel_j0(_x: f64) -> f64 {
    unimplemented!()
}
pub fn bessel_j1(_x: f64) -> f64 {
    unimplemented!()
}
pub fn bessel_k0(_x: f64) -> f64 {
    unimplemented!()
}
pub fn bessel_k0e(_x: f64) -> f64 {
    unimplemented!()
}
pub fn bessel_k1(_x: f64) -> f64 {
    unimplemented!()
}
pub fn bessel_k1e(_x: f64) -> f64 {
    unimplemented!()
}
pub fn bessel_y0(_x: f64) -> f64 {
    unimplemented!()
}
pub fn bessel_y1(_x: f64) -> f64 {
    unimplemented!()
}
pub fn digamma(_x: f64) -> f64 {
    unimplemented!()
}
pub fn erfcx(_x: f64) -> f64 {
    unimplemented!()
}
pub fn erfinv(_x: f64) -> f64 {
    unimplemented!()
}
pub fn i0(_x: f64) -> f64 {
    unimplemented!()
}
pub fn i0e(_x: f64) -> f64 {
    unimplemented!()
}
pub fn i1(_x: f64) -> f64 {
    unimplemented!()
}
pub fn i1e(_x: f64) -> f64 {
    unimplemented!()
}
pub fn lgamma(_x: f64) -> f64 {
    unimplemented!()
}
pub fn log_ndtr(_x: f64) -> f64 {
    unimplemented!()
}
pub fn ndtri(_x: f64) -> f64 {
    unimplemented!()
}
pub fn spherical_j0(_x: f64) -> f64 {
    unimplemented!()
}
pub fn chebyshev_t(_x: f64, _y: f64) -> f64 {
    unimplemented!()
}
pub fn chebyshev_u(_x: f64, _y: f64) -> f64 {
    unimplemented!()
}
pub fn chebyshev_v(_x: f64, _y: f64) -> f64 {
    unimplemented!()
}
pub fn chebyshev_w(_x: f64, _y: f64) -> f64 {
    unimplemented!()
}
pub fn hermite_h(_x: f64, _y: f64) -> f64 {
    unimplemented!()
}
pub fn hermite_he(_x: f64, _y: f64) -> f64 {
    unimplemented!()
}
pub fn igamma(_x: f64, _y: f64) -> f64 {
    unimplemented!()
}
pub fn igammac(_x: f64, _y: f64) -> f64 {
    unimplemented!()
}
pub fn laguerre_l(_x: f64, _y: f64) -> f64 {
    unimplemented!()
}
pub fn legendre_p(_x: f64, _y: f64) -> f64 {
    unimplemented!()
}
pub fn polygamma(_x: f64, _y: f64) -> f64 {
    unimplemented!()
}
pub fn zeta(_x: f64, _y: f64) -> f64 {
    unimplemented!()
}
