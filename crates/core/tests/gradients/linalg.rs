//! Gradients of factorisations and solvers.

use crate::check::{Rng, check};
use cresset_core::{Result, Tensor, ops};

/// A leaf of matrices with a strong diagonal, far from singular.
fn regular(seed: u64, shape: &[usize]) -> Tensor {
    let n = shape[shape.len() - 1];
    let data = Rng::new(seed).leaf(shape).to_vec::<f64>().unwrap();
    let m = shape[shape.len() - 2];
    let diagonal = |i: usize| if i % n == i / n % m { 2.0 + (i % n) as f64 } else { 0.0 };
    let data: Vec<f64> = data.iter().enumerate().map(|(i, v)| v + diagonal(i)).collect();
    let t = Tensor::from_slice(&data, shape).unwrap();
    t.set_requires_grad(true);
    t
}

fn any(seed: u64, shape: &[usize]) -> Tensor {
    Rng::new(seed).leaf(shape)
}

/// a + a^T: symmetric, and so that a perturbation of one element keeps it so.
fn symmetric(a: &Tensor) -> Result<Tensor> {
    ops::add(a, &ops::transpose(a, -2, -1)?)
}

/// Two results weighted into one tensor.
fn joined(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    ops::cat(&[ops::reshape(a, &[-1])?, ops::reshape(b, &[-1])?], 0)
}

#[test]
fn solvers() {
    let a = regular(1, &[2, 3, 3]);
    check("inv", &[a.clone()], &|x| ops::inv(&x[0]));
    check("det", &[a.clone()], &|x| ops::det(&x[0]));
    check("slogdet", &[a.clone()], &|x| Ok(ops::slogdet(&x[0])?.1));
    check("solve", &[a.clone(), any(2, &[3, 2])], &|x| ops::linalg_solve(&x[0], &x[1], true));
    check("solve from the right", &[a.clone(), any(3, &[2, 2, 3])], &|x| ops::linalg_solve(&x[0], &x[1], false));
    for upper in [false, true] {
        check("solve_triangular", &[a.clone(), any(4, &[3, 2])], &|x| {
            ops::solve_triangular(&x[0], &x[1], upper, true, false)
        });
        check("solve_triangular, ones", &[a.clone(), any(5, &[2, 2, 3])], &|x| {
            ops::solve_triangular(&x[0], &x[1], upper, false, true)
        });
        check("cholesky", &[a.clone()], &|x| ops::cholesky(&symmetric(&x[0])?, upper));
    }
    check("matrix_power", &[a.clone()], &|x| ops::matrix_power(&x[0], -2));
    check("matrix_exp", &[any(6, &[3, 3])], &|x| ops::matrix_exp(&x[0]));
}

#[test]
fn factorisations() {
    for shape in [&[3, 3][..], &[2, 4], &[4, 2]] {
        let a = regular(10, shape);
        check(&format!("lu {shape:?}"), &[a.clone()], &|x| {
            let (_, l, u) = ops::linalg_lu(&x[0], true)?;
            joined(&l, &u)
        });
        check(&format!("lu_factor {shape:?}"), &[a.clone()], &|x| Ok(ops::lu_factor(&x[0], true)?.0));
        check(&format!("qr {shape:?}"), &[a.clone()], &|x| {
            let (q, r) = ops::qr(&x[0], "reduced")?;
            joined(&q, &r)
        });
        check(&format!("pinv {shape:?}"), &[a], &|x| ops::pinv(&x[0], None, None, false));
    }
    let a = regular(11, &[2, 3, 3]);
    check("eigh", &[a.clone()], &|x| {
        let (w, v) = ops::eigh(&symmetric(&x[0])?, "L")?;
        joined(&w, &ops::mul(&v, &v)?)
    });
    check("lstsq", &[regular(12, &[4, 2]), any(13, &[4, 2])], &|x| Ok(ops::lstsq(&x[0], &x[1], None, None)?.0));
    for shape in [&[3, 3][..], &[4, 2], &[2, 3]] {
        // Signs are arbitrary, so products that do not depend on them.
        check(&format!("svd {shape:?}"), &[regular(14, shape)], &|x| {
            let (u, s, vh) = ops::linalg_svd(&x[0], false, None)?;
            joined(&joined(&ops::mul(&u, &u)?, &s)?, &ops::mul(&vh, &vh)?)
        });
    }
}
