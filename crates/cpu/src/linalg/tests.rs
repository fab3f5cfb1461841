use super::*;
use crate::Attr;
use crate::gemm::testing::{Owned, Rng, assert_close, launch};

fn values(t: &Owned) -> Vec<f64> {
    t.values::<f64>()
}

/// Row-major (m x k) @ (k x n).
fn times(a: &[f64], b: &[f64], m: usize, k: usize, n: usize) -> Vec<f64> {
    let mut c = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            c[i * n + j] = (0..k).map(|p| a[i * k + p] * b[p * n + j]).sum();
        }
    }
    c
}

fn turned(a: &[f64], m: usize, n: usize) -> Vec<f64> {
    (0..m * n).map(|i| a[(i % m) * n + i / m]).collect()
}

fn eye(n: usize) -> Vec<f64> {
    (0..n * n).map(|i| if i / n == i % n { 1.0 } else { 0.0 }).collect()
}

#[test]
fn lu_gives_the_matrix_back() {
    let mut rng = Rng::new(61);
    for (m, n) in [(1, 1), (3, 3), (4, 6), (6, 4), (0, 3), (8, 8)] {
        let a = Owned::random::<f64>(&mut rng, &[2, m, n], true);
        let k = m.min(n);
        let (f, p, i) = (Owned::zeros::<f64>(&[2, m, n]), Owned::zeros::<i32>(&[2, k]), Owned::zeros::<i32>(&[2]));
        launch(&LU, &[a.view()], &[f.view(), p.view(), i.view()], &[]);
        for s in 0..2 {
            let (f, p) = (&values(&f)[s * m * n..(s + 1) * m * n], &p.values::<i32>()[s * k..(s + 1) * k]);
            let l: Vec<f64> = (0..m * k)
                .map(|i| match (i / k).cmp(&(i % k)) {
                    std::cmp::Ordering::Greater => f[i / k * n + i % k],
                    std::cmp::Ordering::Equal => 1.0,
                    std::cmp::Ordering::Less => 0.0,
                })
                .collect();
            let u: Vec<f64> = (0..k * n).map(|i| if i / n <= i % n { f[i] } else { 0.0 }).collect();
            let mut product = times(&l, &u, m, k, n);
            for (row, &pivot) in p.iter().enumerate().rev() {
                for j in 0..n {
                    product.swap(row * n + j, (pivot as usize - 1) * n + j);
                }
            }
            assert_close(&product, &values(&a)[s * m * n..(s + 1) * m * n], 1e-12, 1e-12, "P L U");
        }
        assert_eq!(i.values::<i32>(), [0.0, 0.0]);
    }
}

#[test]
fn cholesky_and_triangular_systems() {
    let mut rng = Rng::new(62);
    let n = 5;
    let b = values(&Owned::random::<f64>(&mut rng, &[n, n], false));
    let spd = times(&b, &turned(&b, n, n), n, n, n);
    let mut a = Owned::zeros::<f64>(&[n, n]);
    spd.iter().enumerate().for_each(|(i, &v)| a.set::<f64>(i, v));
    let (l, info) = (Owned::zeros::<f64>(&[n, n]), Owned::zeros::<i32>(&[]));
    launch(&CHOLESKY, &[a.view()], &[l.view(), info.view()], &[]);
    let lv = values(&l);
    assert_close(&times(&lv, &turned(&lv, n, n), n, n, n), &spd, 1e-12, 1e-12, "L L^T");
    let (rhs, x) = (Owned::random::<f64>(&mut rng, &[n, 2], true), Owned::zeros::<f64>(&[n, 2]));
    launch(&SOLVE_TRIANGULAR, &[l.view(), rhs.view()], &[x.view()], &[Attr::from(false), Attr::from(false)]);
    assert_close(&times(&lv, &values(&x), n, n, 2), &values(&rhs), 1e-10, 1e-10, "L x");
    a.set::<f64>(n * 2 + 2, -1.0);
    launch(&CHOLESKY, &[a.view()], &[l.view(), info.view()], &[]);
    assert_eq!(info.values::<i32>(), [3.0]);
}

#[test]
fn qr_is_orthogonal_times_triangular() {
    let mut rng = Rng::new(63);
    for (m, n) in [(5, 3), (4, 4)] {
        let a = Owned::random::<f64>(&mut rng, &[m, n], true);
        let (f, tau) = (Owned::zeros::<f64>(&[m, n]), Owned::zeros::<f64>(&[n]));
        launch(&GEQRF, &[a.view()], &[f.view(), tau.view()], &[]);
        let q = Owned::zeros::<f64>(&[m, n]);
        launch(&HOUSEHOLDER, &[f.view(), tau.view()], &[q.view()], &[]);
        let (f, q) = (values(&f), values(&q));
        let r: Vec<f64> = (0..n * n).map(|i| if i / n <= i % n { f[i] } else { 0.0 }).collect();
        assert_close(&times(&q, &r, m, n, n), &values(&a), 1e-12, 1e-12, "Q R");
        assert_close(&times(&turned(&q, m, n), &q, n, m, n), &eye(n), 1e-12, 1e-12, "Q^T Q");
    }
}

#[test]
fn eigenvalues_and_singular_values() {
    let mut rng = Rng::new(64);
    for n in [1, 2, 5, 9] {
        let b = values(&Owned::random::<f64>(&mut rng, &[n, n], false));
        let sym: Vec<f64> = b.iter().zip(turned(&b, n, n)).map(|(x, y)| x + y).collect();
        let mut a = Owned::zeros::<f64>(&[n, n]);
        sym.iter().enumerate().for_each(|(i, &v)| a.set::<f64>(i, v));
        let (w, v) = (Owned::zeros::<f64>(&[n]), Owned::zeros::<f64>(&[n, n]));
        launch(&EIGH, &[a.view()], &[w.view(), v.view()], &[]);
        let (w, v) = (values(&w), values(&v));
        assert!(w.is_sorted());
        let scaled: Vec<f64> = (0..n * n).map(|i| v[i] * w[i % n]).collect();
        assert_close(&times(&scaled, &turned(&v, n, n), n, n, n), &sym, 1e-12, 1e-12, "V w V^T");
    }
    // Full rank, and rank 1.
    for rank_one in [false, true] {
        let (m, n) = (6, 4);
        let mut a = Owned::random::<f64>(&mut rng, &[m, n], true);
        if rank_one {
            (0..m * n).for_each(|i| a.set::<f64>(i, (1 + i / n) as f64 * (1 + i % n) as f64));
        }
        let (u, s, vh) = (Owned::zeros::<f64>(&[m, n]), Owned::zeros::<f64>(&[n]), Owned::zeros::<f64>(&[n, n]));
        launch(&SVD, &[a.view()], &[u.view(), s.view(), vh.view()], &[]);
        let (u, s, vh) = (values(&u), values(&s), values(&vh));
        let scaled: Vec<f64> = (0..m * n).map(|i| u[i] * s[i % n]).collect();
        assert_close(&times(&scaled, &vh, m, n, n), &values(&a), 1e-12, 1e-12, "U s Vh");
        assert_close(&times(&turned(&u, m, n), &u, n, m, n), &eye(n), 1e-12, 1e-12, "U^T U");
        assert!(s.is_sorted_by(|a, b| a >= b));
    }
}
