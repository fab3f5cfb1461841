//! The transforms of F(4x4, 3x3), four tiles (or channels) at a time.
//!
//! A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks" (arXiv:1509.09308): four outputs of a
//! correlation with three taps are `A^T ((G g) * (B^T d))` for the six inputs d, and of a tile of 4 x 4 outputs the same
//! along both dimensions. The matrices are Toom and Cook's: polynomials evaluated at six points. Lavin and Gray take 0,
//! +-1, +-2 and infinity; B. Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep
//! Neural Networks" (arXiv:1803.10986) show how much the choice matters. 0, +-3/4, +-3/2 and infinity have a third to a
//! half of the error of the integers, as pairs of opposite signs cost no more, and make B and A exact in float32.

use std::mem::MaybeUninit;

use cresset_lane::simd::F32x4;

/// Points in a dimension: inputs that a tile of four outputs reads.
pub const POINTS: usize = 6;
/// Outputs in a dimension.
pub const TILE: usize = 4;
/// Taps in a dimension.
pub const TAPS: usize = 3;
/// Products of a tile and a channel.
pub const PRODUCTS: usize = POINTS * POINTS;

// The points that are not 0 and infinity, and their squares.
const P: f32 = 0.75;
const Q: f32 = 1.5;
const P2: f32 = P * P;
const Q2: f32 = Q * Q;

type V = F32x4;

/// `sum + a * b`, in one rounding where the build has relaxed SIMD.
#[inline(always)]
fn madd(sum: V, a: V, b: f32) -> V {
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    {
        use core::arch::wasm32::{f32x4_relaxed_madd, f32x4_splat, v128};
        // Both are the same register.
        let of = |v: V| unsafe { core::mem::transmute::<V, v128>(v) };
        unsafe { core::mem::transmute::<v128, V>(f32x4_relaxed_madd(of(a), f32x4_splat(b), of(sum))) }
    }
    #[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
    {
        sum + a * V::splat(b)
    }
}

#[inline(always)]
fn times(a: V, b: f32) -> V {
    a * V::splat(b)
}

/// `B^T d`: six inputs at the six points.
#[inline(always)]
pub fn inputs(d: [V; POINTS]) -> [V; POINTS] {
    let ends = |low: V, mid: V, high: V| madd(madd(high, mid, -(P2 + Q2)), low, P2 * Q2);
    let (even_p, odd_p) = (madd(d[4], d[2], -Q2), madd(d[3], d[1], -Q2));
    let (even_q, odd_q) = (madd(d[4], d[2], -P2), madd(d[3], d[1], -P2));
    [
        ends(d[0], d[2], d[4]),
        madd(even_p, odd_p, P),
        madd(even_p, odd_p, -P),
        madd(even_q, odd_q, Q),
        madd(even_q, odd_q, -Q),
        ends(d[1], d[3], d[5]),
    ]
}

/// `A^T m`: products at the six points, as four outputs.
#[inline(always)]
pub fn outputs(m: [V; POINTS]) -> [V; TILE] {
    let (sum_p, difference_p) = (m[1] + m[2], m[1] - m[2]);
    let (sum_q, difference_q) = (m[3] + m[4], m[3] - m[4]);
    [
        m[0] + sum_p + sum_q,
        madd(times(difference_p, P), difference_q, Q),
        madd(times(sum_p, P2), sum_q, Q2),
        madd(madd(m[5], difference_p, P * P2), difference_q, Q * Q2),
    ]
}

/// `A y`, the transpose of `outputs`.
#[inline(always)]
pub fn outputs_transposed(y: [V; TILE]) -> [V; POINTS] {
    let (even_p, odd_p) = (madd(y[0], y[2], P2), madd(y[1], y[3], P2));
    let (even_q, odd_q) = (madd(y[0], y[2], Q2), madd(y[1], y[3], Q2));
    [y[0], madd(even_p, odd_p, P), madd(even_p, odd_p, -P), madd(even_q, odd_q, Q), madd(even_q, odd_q, -Q), y[3]]
}

// What divides the polynomials at each point.
const AT_0: f32 = 1.0 / (P2 * Q2);
const AT_P: f32 = 1.0 / (2.0 * P2 * (P2 - Q2));
const AT_Q: f32 = 1.0 / (2.0 * Q2 * (Q2 - P2));

/// `G g`: three taps at the six points.
#[inline(always)]
pub fn taps(g: [V; TAPS]) -> [V; POINTS] {
    let (even_p, even_q) = (madd(times(g[0], AT_P), g[2], AT_P * P2), madd(times(g[0], AT_Q), g[2], AT_Q * Q2));
    [
        times(g[0], AT_0),
        madd(even_p, g[1], AT_P * P),
        madd(even_p, g[1], -AT_P * P),
        madd(even_q, g[1], AT_Q * Q),
        madd(even_q, g[1], -AT_Q * Q),
        g[2],
    ]
}

/// `G^T u`, the transpose of `taps`.
#[inline(always)]
pub fn taps_transposed(u: [V; POINTS]) -> [V; TAPS] {
    let (sum_p, difference_p) = (u[1] + u[2], u[1] - u[2]);
    let (sum_q, difference_q) = (u[3] + u[4], u[3] - u[4]);
    [
        madd(madd(times(u[0], AT_0), sum_p, AT_P), sum_q, AT_Q),
        madd(times(difference_p, AT_P * P), difference_q, AT_Q * Q),
        madd(madd(u[5], sum_p, AT_P * P2), sum_q, AT_Q * Q2),
    ]
}

/// A transform of both dimensions: `along` the `n` rows, then along the `m` columns of what that gave, which go to `to`.
///
/// `n` and `m` are `N` and `M` in a form that the compiler does not see through: unrolled, the loops keep dozens of
/// addresses in locals, and the engine spills them.
#[inline(always)]
pub fn both<const N: usize, const M: usize>(
    (n, m): (usize, usize),
    mut row: impl FnMut(usize) -> [V; N],
    along: impl Fn([V; N]) -> [V; M],
    mut to: impl FnMut(usize, [V; M]),
) {
    debug_assert!(n == N && m == M);
    // Not zeroed: that would be a call of the runtime.
    let mut between = MaybeUninit::<[[V; M]; N]>::uninit();
    let rows = between.as_mut_ptr().cast::<[V; M]>();
    for r in 0..n {
        unsafe { *rows.add(r) = along(row(r)) };
    }
    for c in 0..m {
        to(c, along(std::array::from_fn(|r| unsafe { (*rows.add(r))[c] })));
    }
}

/// Four registers as the columns of the matrix whose rows they are.
#[inline(always)]
pub fn transposed([a, b, c, d]: [V; 4]) -> [V; 4] {
    let (ab, cd) = (a.zip_low(b), c.zip_low(d));
    let [e, f] = last_columns([a, b, c, d]);
    [ab.pair_low(cd), ab.pair_high(cd), e, f]
}

/// The last two columns of a matrix of four rows.
#[inline(always)]
pub fn last_columns([a, b, c, d]: [V; 4]) -> [V; 2] {
    let (ab, cd) = (a.zip_high(b), c.zip_high(d));
    [ab.pair_low(cd), ab.pair_high(cd)]
}
