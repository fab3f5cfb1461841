//! Eigenvalues and singular values by Jacobi rotations: simple, and accurate to the last bits (J. Demmel, K. Veselic,
//! "Jacobi's method is more accurate than QR", SIAM J. Matrix Anal. Appl. 13, 1992).

/// More sweeps than any matrix needs; quadratic convergence sets in after a few.
const SWEEPS: usize = 60;

/// Cyclic Jacobi on the lower triangle's symmetric matrix. `w` ascending; column i of `v` belongs to `w[i]`.
pub fn eigh(a: &mut [f64], n: usize, w: &mut [f64], v: &mut [f64]) {
    for i in 0..n {
        for j in i + 1..n {
            a[i * n + j] = a[j * n + i];
        }
        v[i * n + i] = 1.0;
    }
    for _ in 0..SWEEPS {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i * n + j].powi(2)).sum();
        let all: f64 = a.iter().map(|x| x * x).sum();
        if off <= 1e-34 * all || !off.is_finite() {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                let apq = a[p * n + q];
                if apq == 0.0 {
                    continue;
                }
                let (c, s) = rotation(a[p * n + p], a[q * n + q], apq);
                for k in 0..n {
                    rotate(a, k * n + p, k * n + q, c, s);
                }
                for k in 0..n {
                    rotate(a, p * n + k, q * n + k, c, s);
                    rotate(v, k * n + p, k * n + q, c, s);
                }
            }
        }
    }
    for i in 0..n {
        w[i] = a[i * n + i];
    }
    sort(
        n,
        w,
        |x, y| x < y,
        |i, j| {
            for k in 0..n {
                v.swap(k * n + i, k * n + j);
            }
        },
    );
}

/// Cosine and sine that make the off-diagonal element 0.
fn rotation(app: f64, aqq: f64, apq: f64) -> (f64, f64) {
    let theta = (aqq - app) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    (c, t * c)
}

fn rotate(a: &mut [f64], i: usize, j: usize, c: f64, s: f64) {
    let (x, y) = (a[i], a[j]);
    (a[i], a[j]) = (c * x - s * y, s * x + c * y);
}

/// Selection sort of `keys`; `swap` moves what belongs to them.
fn sort(n: usize, keys: &mut [f64], before: impl Fn(f64, f64) -> bool, mut swap: impl FnMut(usize, usize)) {
    for i in 0..n {
        let mut best = i;
        for j in i + 1..n {
            if before(keys[j], keys[best]) {
                best = j;
            }
        }
        if best != i {
            keys.swap(i, best);
            swap(i, best);
        }
    }
}

/// One-sided Jacobi for m >= n: `a` becomes U, `vh` the transposed right vectors, `s` descending. Columns of U that belong
/// to zeros are completed to an orthonormal set.
pub fn svd(a: &mut [f64], m: usize, n: usize, s: &mut [f64], vh: &mut [f64]) {
    for i in 0..n {
        vh[i * n + i] = 1.0;
    }
    for _ in 0..SWEEPS {
        let mut done = true;
        for p in 0..n {
            for q in p + 1..n {
                let (mut pp, mut qq, mut pq) = (0.0, 0.0, 0.0);
                for k in 0..m {
                    let (x, y) = (a[k * n + p], a[k * n + q]);
                    pp += x * x;
                    qq += y * y;
                    pq += x * y;
                }
                if pq == 0.0 || pq.abs() <= 1e-16 * (pp * qq).sqrt() {
                    continue;
                }
                done = false;
                let (c, sn) = rotation(pp, qq, pq);
                for k in 0..m {
                    rotate(a, k * n + p, k * n + q, c, sn);
                }
                for k in 0..n {
                    rotate(vh, p * n + k, q * n + k, c, sn);
                }
            }
        }
        if done {
            break;
        }
    }
    for j in 0..n {
        s[j] = (0..m).map(|k| a[k * n + j] * a[k * n + j]).sum::<f64>().sqrt();
    }
    sort(
        n,
        s,
        |x, y| x > y,
        |i, j| {
            for k in 0..m {
                a.swap(k * n + i, k * n + j);
            }
            for k in 0..n {
                vh.swap(i * n + k, j * n + k);
            }
        },
    );
    let largest = if n > 0 { s[0] } else { 0.0 };
    for j in 0..n {
        if s[j] > 1e-300 && s[j] > 1e-15 * largest {
            for k in 0..m {
                a[k * n + j] /= s[j];
            }
        } else {
            complete(a, m, n, j);
        }
    }
}

/// Makes column `j` a unit vector orthogonal to the columns before it.
fn complete(a: &mut [f64], m: usize, n: usize, j: usize) {
    for unit in 0..m {
        for k in 0..m {
            a[k * n + j] = if k == unit { 1.0 } else { 0.0 };
        }
        // Twice is enough (W. Kahan).
        for _ in 0..2 {
            for i in 0..j {
                let dot: f64 = (0..m).map(|k| a[k * n + i] * a[k * n + j]).sum();
                for k in 0..m {
                    a[k * n + j] -= dot * a[k * n + i];
                }
            }
        }
        let norm: f64 = (0..m).map(|k| a[k * n + j] * a[k * n + j]).sum::<f64>().sqrt();
        if norm > 0.5 / (m as f64).sqrt() {
            for k in 0..m {
                a[k * n + j] /= norm;
            }
            return;
        }
    }
}
