//! Eigenvalues, singular values, and what is made of them.

use super::factor::{batch, check_matrix, cols, mt, rows, with};
use crate::autograd::{composite, composites, no_grad};
use crate::call::Operand;
use crate::cpu::linalg::{EIGH, SVD};
use crate::{DType, Result, Scalar, Tensor, attach, bail, dispatch, ensure, ops};

/// Differences `s[j] - s[i]`, 1 on the diagonal.
fn gaps(s: &Tensor) -> Result<Tensor> {
    let d = ops::sub(&ops::unsqueeze(s, -2)?, &ops::unsqueeze(s, -1)?)?;
    let eye = ops::eye(s.shape()[s.ndim() - 1] as i64, None, Some(s.dtype()))?;
    ops::add(&d, &eye)
}

fn check_uplo(op: &str, uplo: &str) -> Result<bool> {
    match uplo {
        "L" | "l" => Ok(false),
        "U" | "u" => Ok(true),
        other => bail!(Runtime, "{op}: Expected UPLO argument to be 'L' or 'U', but got {other}"),
    }
}

fn eigh_node(op: &str, a: &Tensor, uplo: &str) -> Result<(Tensor, Tensor)> {
    check_matrix(op, "A", a, true)?;
    let upper = check_uplo(op, uplo)?;
    let data = if upper { mt(&a.detach())? } else { a.detach() };
    let n = rows(a);
    let (w, v) = (Tensor::empty(&with(&batch(a), &[n]), a.dtype())?, Tensor::empty(a.shape(), a.dtype())?);
    dispatch(&EIGH, &[&data], &[&w, &v], &[])?;
    attach(&[&w, &v], "LinalgEighBackward0", &[a], &[Some(&w), Some(&v)], |ctx| {
        let (w, v) = (ctx.saved(0)?, ctx.saved(1)?);
        let mut inner = ops::diag_embed(&ctx.grad(0)?, 0, -2, -1)?;
        if let Some(gv) = ctx.opt_grad(1) {
            // What moves V along the orthogonal matrices is the skew part (FunctionsManual.cpp, linalg_eig_backward).
            let along = ops::matmul(&mt(&v)?, gv)?;
            let skew = ops::mul(&ops::sub(&along, &mt(&along)?)?, &Tensor::number(0.5)?)?;
            inner = ops::add(&inner, &ops::div(&skew, &gaps(&w)?)?)?;
        }
        Ok(vec![ctx.when(0, || ops::matmul(&ops::matmul(&v, &inner)?, &mt(&v)?))?])
    });
    Ok((w, v))
}

/// U (m, k), S (k), Vh (k, n) as a node.
fn svd_node(op: &str, a: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
    check_matrix(op, "A", a, false)?;
    let (m, n) = (rows(a), cols(a));
    if m < n {
        let (v, s, uh) = svd_node(op, &mt(a)?)?;
        return Ok((mt(&uh)?, s, mt(&v)?));
    }
    let lead = batch(a);
    let u = Tensor::empty(a.shape(), a.dtype())?;
    let s = Tensor::empty(&with(&lead, &[n]), a.dtype())?;
    let vh = Tensor::empty(&with(&lead, &[n, n]), a.dtype())?;
    dispatch(&SVD, &[&a.detach()], &[&u, &s, &vh], &[])?;
    attach(&[&u, &s, &vh], "LinalgSvdBackward0", &[a], &[Some(&u), Some(&s), Some(&vh)], move |ctx| {
        let (u, s, vh) = (ctx.saved(0)?, ctx.saved(1)?, ctx.saved(2)?);
        let mut inner = ops::diag_embed(&ctx.grad(1)?, 0, -2, -1)?;
        let squares = ops::mul(&s, &s)?;
        let (across, down) = (ops::unsqueeze(&s, -2)?, ops::unsqueeze(&s, -1)?);
        let skew = |x: &Tensor| ops::div(&ops::sub(x, &mt(x)?)?, &gaps(&squares)?);
        if let Some(gu) = ctx.opt_grad(0) {
            inner = ops::add(&inner, &ops::mul(&skew(&ops::matmul(&mt(&u)?, gu)?)?, &across)?)?;
        }
        if let Some(gvh) = ctx.opt_grad(2) {
            inner = ops::add(&inner, &ops::mul(&down, &skew(&ops::matmul(&vh, &mt(gvh)?)?)?)?)?;
        }
        let mut ga = ops::matmul(&ops::matmul(&u, &inner)?, &vh)?;
        if let (Some(gu), true) = (ctx.opt_grad(0), m > n) {
            let scaled = ops::div(gu, &across)?;
            let outside = ops::sub(&scaled, &ops::matmul(&u, &ops::matmul(&mt(&u)?, &scaled)?)?)?;
            ga = ops::add(&ga, &ops::matmul(&outside, &vh)?)?;
        }
        Ok(vec![ctx.needs(0).then_some(ga)])
    });
    Ok((u, s, vh))
}

/// Completes orthonormal columns (m, k) to a square matrix.
fn completed(u: &Tensor) -> Result<Tensor> {
    let (m, k) = (rows(u), cols(u));
    if m == k {
        return Ok(u.clone());
    }
    let (q, _) = ops::qr(&u.detach(), "complete")?;
    let rest = ops::slice(&q, -1, Some(k as i64), None, 1)?;
    ops::cat(&[u.clone(), rest], -1)
}

/// U, S and Vh, with U and Vh completed to square matrices where asked for.
fn svd_parts(op: &str, a: &Tensor, full: bool) -> Result<(Tensor, Tensor, Tensor)> {
    let (u, s, vh) = svd_node(op, a)?;
    let (m, n) = (rows(a), cols(a));
    if m == n || (m > n && !full) {
        return Ok((u, s, vh));
    }
    let (u, vh) = if full { (completed(&u)?, mt(&completed(&mt(&vh)?)?)?) } else { (u, vh) };
    let parts = composites("LinalgSvdBackward0", &[a], &[u, s, vh]);
    Ok((parts[0].clone(), parts[1].clone(), parts[2].clone()))
}

/// Below which a singular value counts as zero: `max(atol, rtol * largest)`, per matrix.
fn threshold(a: &Tensor, s: &Tensor, atol: Option<&Tensor>, rtol: Option<&Tensor>) -> Result<Tensor> {
    let eps = if a.dtype() == DType::F64 { f64::EPSILON } else { f32::EPSILON as f64 };
    let default = if atol.is_some() { 0.0 } else { eps * rows(a).max(cols(a)) as f64 };
    let largest = if s.size(s.ndim() - 1) == 0 {
        Tensor::zeros(&batch(a), a.dtype())?
    } else {
        ops::amax(s, Some(&[-1]), false)?
    };
    let relative = match rtol {
        Some(r) => ops::mul(&largest, r)?,
        None => ops::mul(&largest, &Tensor::number(default)?)?,
    };
    let limit = match atol {
        Some(x) => ops::maximum(&ops::to_dtype(&x.detach(), relative.dtype())?, &relative)?,
        None => relative,
    };
    ops::unsqueeze(&limit, -1)
}

/// Singular values, or the absolute eigenvalues of a symmetric matrix.
fn magnitudes(op: &str, a: &Tensor, hermitian: bool) -> Result<Tensor> {
    if hermitian { ops::abs(&eigh_node(op, a, "L")?.0) } else { Ok(svd_node(op, a)?.1) }
}

fn pinv_node(op: &str, a: &Tensor, atol: Option<&Tensor>, rtol: Option<&Tensor>, hermitian: bool) -> Result<Tensor> {
    check_matrix(op, "A", a, hermitian)?;
    let data = a.detach();
    if a.numel() == 0 {
        let mut shape = a.sizes();
        let n = shape.len();
        shape.swap(n - 1, n - 2);
        return composite("LinalgPinvBackward0", &[a], ops::reshape(a, &shape));
    }
    let (left, values, right) = if hermitian {
        let (w, v) = eigh_node(op, &data, "L")?;
        (v.clone(), w, mt(&v)?)
    } else {
        svd_node(op, &data)?
    };
    let size = ops::abs(&values)?;
    let keep = ops::gt(&size, &threshold(&data, &size, atol, rtol)?)?;
    let inverse = ops::where_(&keep, &ops::reciprocal(&values)?, &Tensor::number(0.0)?)?;
    let out = ops::matmul(&ops::mul(&mt(&right)?, &ops::unsqueeze(&inverse, -2)?)?, &mt(&left)?)?.detach();
    attach(&[&out], "LinalgPinvBackward0", &[a], &[Some(&out), Some(a)], |ctx| {
        let (g, p, a) = (ctx.grad(0)?, ctx.saved(0)?, ctx.saved(1)?);
        Ok(vec![ctx.when(0, || pinv_gradient(&g, &p, &a))?])
    });
    Ok(out)
}

/// FunctionsManual.cpp, pinv_backward.
fn pinv_gradient(g: &Tensor, p: &Tensor, a: &Tensor) -> Result<Tensor> {
    let (pt, gt) = (mt(p)?, mt(g)?);
    let mm = ops::matmul;
    if rows(a) <= cols(a) {
        let k = mm(&gt, p)?;
        let kp = mm(&k, &pt)?;
        let first = ops::sub(&kp, &mt(&mm(p, &k)?)?)?;
        let second = ops::sub(&first, &mm(&mm(a, p)?, &kp)?)?;
        return ops::add(&second, &mm(&mm(&pt, p)?, &ops::sub(&gt, &mm(&k, a)?)?)?);
    }
    let k = mm(p, &gt)?;
    let pk = mm(&pt, &k)?;
    let first = ops::sub(&pk, &mt(&mm(&k, p)?)?)?;
    let second = ops::add(&first, &mm(&mm(&ops::sub(&gt, &mm(a, &k)?)?, p)?, &pt)?)?;
    ops::sub(&second, &mm(&mm(&pk, p)?, a)?)
}

/// How often a matrix is halved at most where nobody can look at its norm: exp of a larger one overflows anyway.
const MOST_SQUARINGS: i64 = 16;

/// The exponential of square matrices whose elements nobody can look at: how often they are halved is a tensor, and squarings beyond
/// that are left out by `where`.
fn exponential(a: &Tensor) -> Result<Tensor> {
    let n = rows(a);
    let eye = ops::eye(n as i64, None, Some(a.dtype()))?;
    if a.numel() == 0 {
        return ops::add(a, &ops::expand(&eye, &a.sizes())?);
    }
    let norm = ops::mul(&ops::amax(&ops::abs(&a.detach())?, None, false)?, &Tensor::number(n as f64)?)?;
    let halvings = ops::ceil(&ops::log2(&ops::mul(&norm, &Tensor::number(2.0)?)?)?)?;
    let halvings = ops::clamp(&halvings, Some(0.0.into()), Some((MOST_SQUARINGS as f64).into()))?;
    let x = ops::mul(a, &ops::exp2(&ops::neg(&halvings)?)?)?;
    let mut sum = ops::expand(&eye, &a.sizes())?;
    for k in (1..=14).rev() {
        sum = ops::add(&ops::mul(&ops::matmul(&x, &sum)?, &Tensor::number(1.0 / k as f64)?)?, &eye)?;
    }
    for k in 0..MOST_SQUARINGS {
        let more = ops::gt(&halvings, &Tensor::number(k as f64)?)?;
        sum = ops::where_(&more, &ops::matmul(&sum, &sum)?, &sum)?;
    }
    Ok(sum)
}

ops! {
    /// Eigenvalues (ascending) and eigenvectors of symmetric matrices, of which one triangle is read.
    ///
    /// PyTorch: `torch.linalg.eigh`.
    [linalg]
    fn eigh(A: Tensor, UPLO: String = "L") -> (eigenvalues: Tensor, eigenvectors: Tensor) {
        eigh_node("linalg.eigh", A, UPLO)
    }

    /// Eigenvalues (ascending) of symmetric matrices.
    ///
    /// PyTorch: `torch.linalg.eigvalsh`.
    [linalg]
    fn eigvalsh(A: Tensor, UPLO: String = "L") -> Tensor {
        Ok(eigh_node("linalg.eigvalsh", A, UPLO)?.0)
    }

    /// U, S and Vh of `A = U diag(S) Vh`; with `fullMatrices` U and Vh are square.
    ///
    /// PyTorch: `torch.linalg.svd`.
    [linalg as svd]
    fn linalg_svd(A: Tensor, full_matrices: bool = true, driver: Option<String> = None) -> (U: Tensor, S: Tensor, Vh: Tensor) {
        ensure!(driver.is_none(), Runtime, "linalg.svd: keyword argument `driver=` is only supported on CUDA inputs");
        svd_parts("linalg.svd", A, full_matrices)
    }

    /// Singular values, descending.
    ///
    /// PyTorch: `torch.linalg.svdvals`.
    [linalg]
    fn svdvals(A: Tensor, driver: Option<String> = None) -> Tensor {
        ensure!(driver.is_none(), Runtime, "linalg.svdvals: keyword argument `driver=` is only supported on CUDA inputs");
        Ok(svd_node("linalg.svdvals", A)?.1)
    }

    /// U, S and V of `A = U diag(S) V^T`. Without `some` U and V are square; without `computeUv` zeros.
    ///
    /// PyTorch: `torch.svd`.
    [torch tensor]
    fn svd(input: Tensor, some: bool = true, compute_uv: bool = true) -> (U: Tensor, S: Tensor, V: Tensor) {
        let (u, s, vh) = svd_parts("svd", input, !some && compute_uv)?;
        if !compute_uv {
            let zeros = |n: usize| Tensor::zeros(&with(&batch(input), &[n, n]), input.dtype());
            return Ok((zeros(rows(input))?, s, zeros(cols(input))?));
        }
        Ok((u, s, mt(&vh)?))
    }

    /// The pseudoinverse; singular values below `rcond` times the largest count as 0.
    [linalg as pinv]
    fn pinv_rcond(A: Tensor, rcond: Operand, hermitian: bool = false) -> Tensor {
        pinv_node("linalg.pinv", A, None, Some(rcond), hermitian)
    }
    /// The pseudoinverse; singular values not above `max(atol, rtol * largest)` count as 0.
    ///
    /// PyTorch: `torch.linalg.pinv`.
    [linalg]
    fn pinv(A: Tensor, atol: Option<Operand> = None, rtol: Option<Operand> = None, hermitian: bool = false) -> Tensor {
        pinv_node("linalg.pinv", A, atol, rtol, hermitian)
    }
    /// The pseudoinverse.
    ///
    /// PyTorch: `torch.pinverse`.
    [torch tensor]
    fn pinverse(input: Tensor, rcond: f64 = 1e-15) -> Tensor {
        pinv_node("pinverse", input, None, Some(&Tensor::number(rcond)?), false)
    }

    /// How many singular values are above `tol`.
    [linalg as matrix_rank]
    fn matrix_rank_tol(A: Tensor, tol: Operand, hermitian: bool = false) -> Tensor {
        ops::matrix_rank(A, Some(tol), Some(&Tensor::number(0)?), hermitian)
    }
    /// How many singular values are above `max(atol, rtol * largest)`.
    ///
    /// PyTorch: `torch.linalg.matrix_rank`.
    [linalg]
    fn matrix_rank(A: Tensor, atol: Option<Operand> = None, rtol: Option<Operand> = None, hermitian: bool = false) -> Tensor {
        let data = A.detach();
        check_matrix("linalg.matrix_rank", "A", &data, hermitian)?;
        let s = magnitudes("linalg.matrix_rank", &data, hermitian)?;
        let above = ops::gt(&s, &threshold(&data, &s, atol, rtol)?)?;
        ops::sum_dim(&above, Some(&[-1]), false, None)
    }

    /// Least squares: X for which `A X - B` is smallest; of several the shortest. Also the sums of squared residuals (for
    /// more rows than columns and full rank), the ranks, and the singular values (none with the default driver).
    ///
    /// PyTorch: `torch.linalg.lstsq`.
    [linalg]
    fn lstsq(A: Tensor, B: Tensor, rcond: Option<f64> = None, driver: Option<String> = None)
            -> (solution: Tensor, residuals: Tensor, rank: Tensor, singular_values: Tensor) {
        let op = "linalg.lstsq";
        ensure!(A.ndim() >= 2, Shape, "{op}: input must have at least 2 dimensions, got {:?}", A.shape());
        ensure!(B.ndim() >= 1, Shape, "{op}: other must have at least 1 dimension (at least 2 dimensions where input is batched)");
        ensure!(
            driver.is_none_or(|d| matches!(d, "gels" | "gelsy" | "gelsd" | "gelss")),
            Runtime,
            "{op}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        );
        ensure!(A.dtype() == B.dtype(), DType, "{op}: Expected input and other to have the same dtype, but got {} and {}", A.dtype(), B.dtype());
        let vectors = B.ndim() == 1 || (A.ndim() - 1 == B.ndim() && A.shape()[..A.ndim() - 1] == *B.shape());
        let b = if vectors { ops::unsqueeze(B, -1)? } else { B.clone() };
        ensure!(rows(A) == rows(&b), Shape, "{op}: input.size(-2) should match other.size({}): {:?} and {:?}", if vectors { -1 } else { -2 }, A.shape(), B.shape());
        let eps = if A.dtype() == DType::F64 { f64::EPSILON } else { f32::EPSILON as f64 };
        let rcond = Tensor::number(rcond.unwrap_or(eps * rows(A).max(cols(A)) as f64))?;
        let p = pinv_node(op, &A.detach(), None, Some(&rcond), false)?;
        let x = no_grad(|| ops::matmul(&p, &b))?;
        let name = driver.unwrap_or("gelsy");
        let s = svd_node(op, &A.detach())?.1;
        let rank = ops::sum_dim(&ops::gt(&s, &threshold(A, &s, None, Some(&rcond))?)?, Some(&[-1]), false, None)?;
        let none = |d: DType| Tensor::empty(&[0], d);
        let full = rows(A) > cols(A) && name != "gelsy" && rank.to_vec::<i64>()?.iter().all(|&r| r == cols(A) as i64);
        let measured = full || (rows(A) > cols(A) && name == "gels");
        let residuals = if measured {
            no_grad(|| {
                let d = ops::sub(&ops::matmul(A, &x)?, &b)?;
                ops::sum_dim(&ops::mul(&d, &d)?, Some(&[-2]), false, None)
            })?
        } else {
            none(A.dtype())?
        };
        let (a_size, b_size) = (A.sizes(), b.sizes());
        attach(&[&x, &residuals], "LinalgLstsqBackward0", &[A, &b], &[Some(A), Some(&b)], move |ctx| {
            let (gx, a, b) = (ctx.grad(0)?, ctx.saved(0)?, ctx.saved(1)?);
            let p = ops::pinv(&a, None, Some(&rcond), false)?;
            let mut ga = pinv_gradient(&ops::matmul(&gx, &mt(&b)?)?, &p, &a)?;
            let mut gb = ops::matmul(&mt(&p)?, &gx)?;
            if let (Some(gl), true) = (ctx.opt_grad(1), measured) {
                // |A x - b|^2 does not change with x at its minimum, so only A and b count.
                let x = ops::matmul(&p, &b)?;
                let d = ops::sub(&ops::matmul(&a, &x)?, &b)?;
                let slope = ops::mul(&ops::mul(&d, &ops::unsqueeze(gl, -2)?)?, &Tensor::number(2.0)?)?;
                ga = ops::add(&ga, &ops::matmul(&slope, &mt(&x)?)?)?;
                gb = ops::sub(&gb, &slope)?;
            }
            let (ga, gb) = (ctx.when(0, || ops::sum_to_size(&ga, &a_size))?, ctx.when(1, || ops::sum_to_size(&gb, &b_size))?);
            Ok(vec![ga, gb])
        });
        let x = if vectors { ops::squeeze_dim(&x, -1)? } else { x };
        let rank = if name == "gels" { none(DType::I64)? } else { rank };
        let values = if matches!(name, "gelsd" | "gelss") { s } else { none(A.dtype())? };
        Ok((x, residuals, rank, values))
    }

    /// The condition number: of singular values by default (p null, 2 or -2), else `norm(A, p) * norm(inv(A), p)`.
    ///
    /// PyTorch: `torch.linalg.cond`.
    [linalg]
    fn cond(A: Tensor, p: Option<Scalar> = None) -> Tensor {
        let two = p.map_or(2.0, Scalar::to_f64);
        if two.abs() == 2.0 {
            let s = svd_node("linalg.cond", A)?.1;
            let k = s.size(s.ndim() - 1) as i64;
            let (first, last) = (ops::slice(&s, -1, Some(0), Some(1), 1)?, ops::slice(&s, -1, Some(k - 1), Some(k), 1)?);
            let ratio = if two > 0.0 { ops::div(&first, &last) } else { ops::div(&last, &first) };
            return ops::squeeze_dim(&ratio?, -1);
        }
        let p = Scalar::Float(two);
        ops::mul(&ops::matrix_norm(A, p, &[-2, -1], false, None)?, &ops::matrix_norm(&ops::inv(A)?, p, &[-2, -1], false, None)?)
    }
    /// The condition number by the norms 'fro' and 'nuc'.
    [linalg as cond]
    fn cond_named(A: Tensor, p: String) -> Tensor {
        let norm = |t: &Tensor| ops::matrix_norm_named(t, p, &[-2, -1], false, None);
        ops::mul(&norm(A)?, &norm(&ops::inv(A)?)?)
    }

    /// The exponential of square matrices.
    ///
    /// PyTorch: `torch.linalg.matrix_exp`.
    [linalg "torch.matrix_exp" "Tensor.matrix_exp"]
    fn matrix_exp(A: Tensor) -> Tensor {
        check_matrix("linalg.matrix_exp", "A", A, true)?;
        let n = rows(A);
        // Halved until the norm is small, summed, and squared as often (scaling and squaring).
        if !A.is_readable() {
            return composite("LinalgMatrixExpBackward0", &[A], exponential(A));
        }
        let largest = A.to_vec::<f64>()?.iter().fold(0f64, |m, v| m.max(v.abs())) * n as f64;
        let squarings = if largest > 0.5 && largest.is_finite() { libm::log2(largest / 0.5).ceil() as i32 } else { 0 };
        let x = ops::mul(A, &Tensor::number(0.5f64.powi(squarings))?)?;
        let eye = ops::eye(n as i64, None, Some(A.dtype()))?;
        let mut sum = ops::expand(&eye, &A.sizes())?;
        // Horner's scheme for the series up to x^14 / 14!.
        for k in (1..=14).rev() {
            sum = ops::add(&ops::mul(&ops::matmul(&x, &sum)?, &Tensor::number(1.0 / k as f64)?)?, &eye)?;
        }
        for _ in 0..squarings {
            sum = ops::matmul(&sum, &sum)?;
        }
        composite("LinalgMatrixExpBackward0", &[A], Ok(sum))
    }
}
