//! LU, Cholesky, QR and triangular systems on row-major float64 matrices (G. Golub, C. Van Loan, "Matrix Computations").

/// Right-looking LU with partial pivoting, in place. Returns the first zero pivot (from 1), or 0.
pub fn lu(a: &mut [f64], m: usize, n: usize, pivots: &mut [f64]) -> usize {
    let mut info = 0;
    for k in 0..m.min(n) {
        let mut best = k;
        for i in k + 1..m {
            if a[i * n + k].abs() > a[best * n + k].abs() {
                best = i;
            }
        }
        pivots[k] = (best + 1) as f64;
        if a[best * n + k] == 0.0 {
            if info == 0 {
                info = k + 1;
            }
            continue;
        }
        if best != k {
            for j in 0..n {
                a.swap(k * n + j, best * n + j);
            }
        }
        for i in k + 1..m {
            let factor = a[i * n + k] / a[k * n + k];
            a[i * n + k] = factor;
            for j in k + 1..n {
                a[i * n + j] -= factor * a[k * n + j];
            }
        }
    }
    info
}

/// The lower factor, in place; the upper triangle becomes 0. Returns the order of the first minor that is not positive,
/// or 0.
pub fn cholesky(a: &mut [f64], n: usize) -> usize {
    let mut info = 0;
    'columns: for j in 0..n {
        for i in j..n {
            let mut sum = a[i * n + j];
            for k in 0..j {
                sum -= a[i * n + k] * a[j * n + k];
            }
            if i == j {
                if sum <= 0.0 || sum.is_nan() {
                    info = j + 1;
                    break 'columns;
                }
                a[j * n + j] = sum.sqrt();
            } else {
                a[i * n + j] = sum / a[j * n + j];
            }
        }
    }
    for i in 0..n {
        for j in i + 1..n {
            a[i * n + j] = 0.0;
        }
    }
    info
}

/// Householder QR in place, as LAPACK's geqrf: R's diagonal has the sign opposite to the column's first element.
pub fn geqrf(a: &mut [f64], m: usize, n: usize, tau: &mut [f64]) {
    for k in 0..m.min(n) {
        let below: f64 = (k + 1..m).map(|i| a[i * n + k] * a[i * n + k]).sum();
        if below == 0.0 {
            tau[k] = 0.0;
            continue;
        }
        let first = a[k * n + k];
        let beta = -first.signum() * (first * first + below).sqrt();
        tau[k] = (beta - first) / beta;
        for i in k + 1..m {
            a[i * n + k] /= first - beta;
        }
        a[k * n + k] = beta;
        for j in k + 1..n {
            let sum = a[k * n + j] + (k + 1..m).map(|i| a[i * n + k] * a[i * n + j]).sum::<f64>();
            a[k * n + j] -= tau[k] * sum;
            for i in k + 1..m {
                a[i * n + j] -= tau[k] * sum * a[i * n + k];
            }
        }
    }
}

/// The first n columns of the reflections' product, from the last reflection to the first.
pub fn householder(a: &[f64], m: usize, n: usize, tau: &[f64], q: &mut [f64]) {
    for i in 0..m.min(n) {
        q[i * n + i] = 1.0;
    }
    for k in (0..tau.len()).rev() {
        for j in 0..n {
            let sum = q[k * n + j] + (k + 1..m).map(|i| a[i * n + k] * q[i * n + j]).sum::<f64>();
            q[k * n + j] -= tau[k] * sum;
            for i in k + 1..m {
                q[i * n + j] -= tau[k] * sum * a[i * n + k];
            }
        }
    }
}

/// Substitution, in place on b (n x k).
pub fn solve_triangular(a: &[f64], n: usize, b: &mut [f64], k: usize, upper: bool, ones: bool) {
    for step in 0..n {
        let i = if upper { n - 1 - step } else { step };
        let known = if upper { i + 1..n } else { 0..i };
        for p in known {
            let factor = a[i * n + p];
            for j in 0..k {
                b[i * k + j] -= factor * b[p * k + j];
            }
        }
        if !ones {
            for j in 0..k {
                b[i * k + j] /= a[i * n + i];
            }
        }
    }
}
