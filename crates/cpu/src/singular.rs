//! Singular values and vectors, by one-sided Jacobi rotations.
//!
//! Columns are rotated in pairs until all are orthogonal (Hestenes 1958; Golub and Van Loan, section 8.6.3): their
//! lengths are the singular values, found to high relative accuracy. Everything is computed in float64.

use crate::by_dtype::float_dtype;
use crate::launch::{Kernel, Launch};

/// The thin decomposition of matrices, values descending: `ins: [a]` ([b, m, n]), `outs: [u, s, vt]` ([b, m, k], [b, k],
/// [b, k, n] with k = min(m, n)).
pub const SVD: Kernel = Kernel {
    name: "svd",
    run: svd,
    scratch: Some(|l| {
        let (m, n) = (l.ins[0].shape[1], l.ins[0].shape[2]);
        let (long, short) = (m.max(n), m.min(n));
        (long * short + short * short + short) * size_of::<f64>()
    }),
};

/// Sweeps after which rotations stop in any case; ten are rarely needed.
const SWEEPS: usize = 60;

fn svd(l: &Launch) {
    let (a, [u, s, vt]) = (&l.ins[0], [&l.outs[0], &l.outs[1], &l.outs[2]]);
    let (m, n) = (a.shape[1], a.shape[2]);
    let (long, short) = (m.max(n), m.min(n));
    let scratch = unsafe { std::slice::from_raw_parts_mut(l.scratch.cast::<f64>(), (long + short + 1) * short) };
    // `w` holds the columns of the matrix (of its transpose, if it is wider than tall) as rows, `v` those of V.
    let (w, rest) = scratch.split_at_mut(long * short);
    let (v, lengths) = rest.split_at_mut(short * short);
    float_dtype!(a.dtype, T => {
        let at = |view: &crate::View, i: [usize; 3]| {
            (0..view.shape.len()).map(|d| i[d] as isize * view.strides[d]).sum::<isize>()
        };
        for b in 0..a.shape[0] {
            for c in 0..short {
                for r in 0..long {
                    let place = if m >= n { [b, r, c] } else { [b, c, r] };
                    w[c * long + r] = unsafe { *a.ptr.cast::<T>().offset(at(a, place)) } as f64;
                }
                for r in 0..short {
                    v[c * short + r] = (r == c) as u8 as f64;
                }
            }
            orthogonalize(w, v, long, short);
            for c in 0..short {
                lengths[c] = w[c * long..][..long].iter().map(|x| x * x).sum::<f64>().sqrt();
            }
            complete(w, lengths, long, short);
            // By descending length: the k-th longest column, picked k by k.
            for k in 0..short {
                let c = longest(lengths, k, short, w, v, long);
                let length = lengths[c];
                unsafe { *s.ptr.cast::<T>().offset(at(s, [b, k, 0])) = length as T };
                for r in 0..long {
                    let x = w[c * long + r] as T;
                    let (out, place) = if m >= n { (u, [b, r, k]) } else { (vt, [b, k, r]) };
                    unsafe { *out.ptr.cast::<T>().offset(at(out, place)) = x };
                }
                for r in 0..short {
                    let x = v[c * short + r] as T;
                    let (out, place) = if m >= n { (vt, [b, k, r]) } else { (u, [b, r, k]) };
                    unsafe { *out.ptr.cast::<T>().offset(at(out, place)) = x };
                }
            }
        }
    })
}

/// Rotates pairs of rows of `w` (and of `v` with them) until all rows of `w` are orthogonal.
fn orthogonalize(w: &mut [f64], v: &mut [f64], long: usize, short: usize) {
    for _ in 0..SWEEPS {
        let mut done = true;
        for p in 0..short {
            for q in p + 1..short {
                let (head, tail) = w.split_at_mut(q * long);
                let (x, y) = (&mut head[p * long..][..long], &mut tail[..long]);
                let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
                for (a, b) in x.iter().zip(y.iter()) {
                    xx += a * a;
                    yy += b * b;
                    xy += a * b;
                }
                if xy == 0.0 || xy.abs() <= f64::EPSILON * (xx * yy).sqrt() || !xy.is_finite() {
                    continue;
                }
                done = false;
                let zeta = (yy - xx) / (2.0 * xy);
                let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let cos = 1.0 / (1.0 + t * t).sqrt();
                rotate(x, y, cos, cos * t);
                let (head, tail) = v.split_at_mut(q * short);
                rotate(&mut head[p * short..][..short], &mut tail[..short], cos, cos * t);
            }
        }
        if done {
            return;
        }
    }
}

fn rotate(x: &mut [f64], y: &mut [f64], cos: f64, sin: f64) {
    for (a, b) in x.iter_mut().zip(y) {
        (*a, *b) = (cos * *a - sin * *b, sin * *a + cos * *b);
    }
}

/// Makes the rows of `w` unit vectors; a row without length becomes one that is orthogonal to all others.
fn complete(w: &mut [f64], lengths: &[f64], long: usize, short: usize) {
    let greatest = lengths.iter().copied().fold(0.0, f64::max);
    let counts = |c: usize| lengths[c] > greatest * f64::EPSILON * long as f64;
    for c in (0..short).filter(|&c| counts(c)) {
        w[c * long..][..long].iter_mut().for_each(|x| *x /= lengths[c]);
    }
    for c in (0..short).filter(|&c| !counts(c)) {
        // Of the unit vectors, the first that is not (nearly) spanned by the rows that are done.
        for axis in 0..long {
            w[c * long..][..long].fill(0.0);
            w[c * long + axis] = 1.0;
            for _ in 0..2 {
                for d in (0..short).filter(|&d| counts(d) || d < c) {
                    let dot: f64 = (0..long).map(|r| w[c * long + r] * w[d * long + r]).sum();
                    (0..long).for_each(|r| w[c * long + r] -= dot * w[d * long + r]);
                }
            }
            let length = w[c * long..][..long].iter().map(|x| x * x).sum::<f64>().sqrt();
            if length > 0.1 / (long as f64).sqrt() {
                w[c * long..][..long].iter_mut().for_each(|x| *x /= length);
                break;
            }
        }
    }
}

/// Brings the longest row from `k` on to place `k`.
fn longest(lengths: &mut [f64], k: usize, short: usize, w: &mut [f64], v: &mut [f64], long: usize) -> usize {
    let mut best = k;
    for c in k + 1..short {
        if lengths[c] > lengths[best] {
            best = c;
        }
    }
    if best != k {
        lengths.swap(k, best);
        (0..long).for_each(|r| w.swap(k * long + r, best * long + r));
        (0..short).for_each(|r| v.swap(k * short + r, best * short + r));
    }
    k
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Arr, Rng, close, run};

    #[test]
    fn factors_are_orthogonal_and_multiply_to_the_matrix() {
        let mut rng = Rng(17);
        for (m, n, rank) in [(1, 1, 1), (5, 3, 3), (3, 5, 3), (6, 6, 6), (5, 4, 2), (4, 4, 0)] {
            let k = m.min(n);
            // A product of two factors has at most their common rank.
            let (p, q) = (
                Arr::random(&mut rng, &[2, m, rank], |r| r.float()),
                Arr::random(&mut rng, &[2, rank, n], |r| r.float()),
            );
            let mut a = Arr::<f64>::scattered(&mut rng, &[2, m, n]);
            for b in 0..2 {
                for i in 0..m {
                    for j in 0..n {
                        a.set(&[b, i, j], (0..rank).map(|r| p.get(&[b, i, r]) * q.get(&[b, r, j])).sum());
                    }
                }
            }
            let u = Arr::<f64>::scattered(&mut rng, &[2, m, k]);
            let s = Arr::<f64>::scattered(&mut rng, &[2, k]);
            let vt = Arr::<f64>::scattered(&mut rng, &[2, k, n]);
            run(SVD, &[u.view(), s.view(), vt.view()], &[a.view()], &[]);
            for b in 0..2 {
                for i in 0..k {
                    assert!(s.get(&[b, i]) >= 0.0 && (i == 0 || s.get(&[b, i]) <= s.get(&[b, i - 1])));
                    for j in 0..k {
                        let same = (i == j) as u8 as f64;
                        close((0..m).map(|r| u.get(&[b, r, i]) * u.get(&[b, r, j])).sum(), same, 1e-12);
                        close((0..n).map(|c| vt.get(&[b, i, c]) * vt.get(&[b, j, c])).sum(), same, 1e-12);
                    }
                }
                for i in 0..m {
                    for j in 0..n {
                        let got: f64 = (0..k).map(|r| u.get(&[b, i, r]) * s.get(&[b, r]) * vt.get(&[b, r, j])).sum();
                        close(got, a.get(&[b, i, j]), 1e-12);
                    }
                }
            }
        }
    }
}
