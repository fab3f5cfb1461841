//! The logarithm of the gamma function, with the last digits right next to its roots too.

use crate::math::double::{log_pair, log1p_pair, normal, polynomial, product, quotient, scale, sum, times};
use std::f64::consts::PI;

/// Where the series and the product take over from each other: Stirling's is exact to float64 from here on.
const FAR: f64 = 8.0;
/// Below, the roots are nearer to the poles than a float64 can be: n! > 2^52.
const BELOW: f64 = -24.0;
/// Below it the gamma function is 1 / x.
const TINY: f64 = 1e-20;

/// log(|Gamma(x)|); infinite at 0, at negative integers and at both infinities.
pub fn lgamma(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x >= FAR {
        let (v, w) = stirling(x);
        return v + w;
    }
    if x <= 0.0 && x == x.trunc() {
        return f64::INFINITY;
    }
    if x.abs() < TINY {
        return -libm::log(x.abs());
    }
    let (v, w) = if x < BELOW { reflected(x) } else { by_product(x) };
    v + w
}

/// B(2k) / (2k (2k - 1))
const STIRLING: [f64; 10] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360360.0,
    1.0 / 156.0,
    -3617.0 / 122400.0,
    43867.0 / 244188.0,
    -174611.0 / 125400.0,
];

/// Stirling's formula as a pair, DLMF 5.11.1, for x >= 8.
fn stirling(x: f64) -> (f64, f64) {
    if x.is_infinite() {
        return (x, 0.0);
    }
    let (log, low) = log_pair(x, 0.0);
    let (a, e) = sum(log, -1.0);
    let (g, rest) = sum(x, -0.5);
    if x > 1e100 {
        return (g * a, 0.0);
    }
    let (v, v2) = product(g, a);
    let tail = polynomial(1.0 / (x * x), &STIRLING) / x;
    // log(2 pi) / 2 - 1 / 2 in two parts
    let (v, v3) = sum(v, 0.4189385332046727);
    (v, v2 + v3 + (g * (e + low) + rest * a) + tail + 1.6728209650585413e-17)
}

/// The reflection of DLMF 5.5.3 as a pair, for x far from 0, where both logarithms are large: the sine need be no pair.
fn reflected(x: f64) -> (f64, f64) {
    let sine = libm::sin(PI * (x - x.round_ties_even()));
    let (log, low) = log_pair(PI / (x * sine).abs(), 0.0);
    let (v, w) = stirling(-x);
    let (v, e) = sum(log, -v);
    (v, e + (low - w))
}

/// As a pair, for x between -24 and 8: with x = m + z and |z| <= 1/2 the recurrence leads to Gamma(2 + z), and the logarithm is
/// that of one number, which is 1 at the roots. That number is as exact as the root is near.
fn by_product(x: f64) -> (f64, f64) {
    let m = x.round_ties_even();
    let z = x - m;
    let near = slope(z, 2);
    if m == 2.0 || m == 1.0 {
        // The reciprocal less 1 has the factor z, so that it is exact however small z is.
        let (h, l) = if m == 2.0 {
            near
        } else {
            // ((1 + z) (1 + z s) - 1) / z
            let (h, l) = sum(1.0, near.0);
            let (p, q) = scale(near, z);
            let (h, e) = sum(h, p);
            (h, e + l + near.1 + q)
        };
        let (h, l) = scale((h, l), z);
        let (v, w) = log1p_pair(h, l);
        return (0.0 - v, 0.0 - w);
    }
    let reciprocal = |s| {
        let (h, l) = scale(s, z);
        let (h, e) = normal(1.0, h);
        (h, e + l)
    };
    let mut p = (1.0, 0.0);
    if m > 2.0 {
        // x - 1, x - 2, ... are exact.
        let mut factor = x;
        while factor > 2.5 {
            factor -= 1.0;
            p = scale(p, factor);
        }
        let (h, l) = quotient(p, reciprocal(near));
        return log_pair(h, l);
    }
    let mut j = m;
    while j <= 1.0 {
        p = times(p, sum(j, z));
        j += 1.0;
    }
    if p.0 < 0.0 {
        p = (-p.0, -p.1);
    }
    let (mut h, mut l) = times(p, reciprocal(near));
    if (h - 1.0).abs() < 0.0625 {
        (h, l) = times(p, reciprocal(slope(z, TERMS)));
    }
    let (v, w) = log_pair(h, l);
    (-v, -w)
}

/// The same good to 1e-14 (of 1 where it is smaller, but for the roots 1 and 2), which is enough to be rounded to float32.
pub fn lgamma_for_float32(x: f64) -> f64 {
    if !(x < FAR) {
        // Stirling's formula; the first term left out is 3e-15.
        const SERIES: [f64; 6] = *STIRLING.first_chunk().unwrap();
        let tail = polynomial(1.0 / (x * x), &SERIES) / x;
        return (x - 0.5) * (libm::log(x) - 1.0) + (tail + 0.4189385332046727);
    }
    if x <= 0.0 && x == x.trunc() {
        return f64::INFINITY;
    }
    let m = x.round_ties_even();
    let z = x - m;
    if x < BELOW {
        return libm::log(PI / (x * libm::sin(PI * z)).abs()) - lgamma_for_float32(-x);
    }
    const SLOPE: &[f64; FEW] = HIGH.first_chunk().unwrap();
    let slope = polynomial(z, SLOPE);
    if m == 2.0 || m == 1.0 {
        return 0.0 - libm::log1p(z * if m == 2.0 { slope } else { 1.0 + slope + z * slope });
    }
    let reciprocal = 1.0 + z * slope;
    let (low, high) = if m < 2.0 { (m, 1.0) } else { (2.0, m - 1.0) };
    let (mut p, mut j) = (1.0, low);
    while j <= high {
        p *= z + j;
        j += 1.0;
    }
    if m > 2.0 { libm::log(p / reciprocal) } else { -libm::log((p * reciprocal).abs()) }
}

const TERMS: usize = 25;
/// The first of `HIGH` that are enough without `LOW`.
const FEW: usize = 20;

/// (1 / Gamma(2 + z) - 1) / z for |z| <= 1/2 as a pair: the polynomial through the Chebyshev nodes (mpmath), error 4e-33.
/// The first `exact` coefficients are summed in pairs: 2 make an error of 4e-19, all of them 1e-32.
fn slope(z: f64, exact: usize) -> (f64, f64) {
    let (mut h, mut l) = (0.0, 0.0);
    if exact == 2 {
        const REST: &[f64; FEW - 2] = HIGH.split_at(2).1.first_chunk().unwrap();
        h = polynomial(z, REST);
    }
    for k in (0..exact).rev() {
        (h, l) = scale((h, l), z);
        let (v, e) = sum(HIGH[k], h);
        (h, l) = (v, e + (l + LOW[k]));
    }
    (h, l)
}

#[rustfmt::skip]
const HIGH: [f64; TERMS] = [
    -0.42278433509846713,
    -0.23309373642178674,
    0.1910911013876915,
    -0.024552490005400017,
    -0.01764524455014432,
    0.008023273022267347,
    -0.000804329775604247,
    -0.0003608378162548181,
    0.00014559614213986716,
    -1.7545859751750962e-05,
    -2.5889950290372764e-06,
    1.338501546894606e-06,
    -2.054743149129099e-07,
    -1.595267848544512e-10,
    6.275621889333023e-09,
    -1.27361424483195e-09,
    9.233967437012874e-11,
    1.2002996610169943e-11,
    -4.22073332070339e-12,
    5.239284526673804e-13,
    -1.3890826071005745e-14,
    -6.69435778920627e-15,
    1.3447197475310341e-15,
    -1.1503856398391684e-16,
    -8.72573318710223e-19,
];
/// What the coefficients lose in `HIGH`.
#[rustfmt::skip]
const LOW: [f64; TERMS] = [
    -4.942915152430645e-18,
    -1.4408084925130582e-18,
    2.9328391210781066e-18,
    3.1741152191912075e-19,
    -2.059638381843212e-19,
    -3.240393064040379e-19,
    -3.602606899070661e-20,
    -1.5794228461384333e-20,
    -8.934651984939262e-21,
    -4.386300294410574e-22,
    3.519831482970891e-23,
    7.405050813470008e-24,
    1.7213720096510906e-24,
    -5.122102903084928e-27,
    8.978659610430086e-26,
    -3.559062151655304e-26,
    -6.321820591864476e-27,
    6.687567138099545e-28,
    2.066047124412697e-28,
    -4.2996340398528625e-29,
    -2.3697885053138143e-31,
    3.616124585157423e-31,
    -3.4890487280567716e-32,
    6.209073075037159e-33,
    1.9975776448780146e-35,
];
