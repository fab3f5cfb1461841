//! LU, QR and Householder reflections as PyTorch shows them.

use super::factor::{batch, check_matrix, cols, factor, mt, permutation_matrix, rows, success, with};
use crate::autograd::{composite, composites};
use crate::cpu::linalg::{GEQRF, HOUSEHOLDER};
use crate::demand::{Demand, demand};
use crate::{Result, Tensor, attach, bail, dispatch, ensure, ops};

/// Columns from..from + n.
fn columns(a: &Tensor, from: usize, n: usize) -> Result<Tensor> {
    ops::slice(a, -1, Some(from as i64), Some((from + n) as i64), 1)
}

/// Rows from..from + n.
fn lines(a: &Tensor, from: usize, n: usize) -> Result<Tensor> {
    ops::slice(a, -2, Some(from as i64), Some((from + n) as i64), 1)
}

/// The gradient of A from those of L and U in A = P L U. What goes beyond the square part is solved for first and its
/// effect on the square part added (FunctionsManual.cpp, plu_factor_solve and linalg_lu_backward).
fn lu_gradient(p: &Tensor, l: &Tensor, u: &Tensor, gl: &Tensor, gu: &Tensor) -> Result<Tensor> {
    let (m, n) = (rows(l), cols(u));
    let k = m.min(n);
    let (l1, u1) = (lines(l, 0, k)?, columns(u, 0, k)?);
    let (mut gl1, mut gu1) = (lines(gl, 0, k)?, columns(gu, 0, k)?);
    let up = |x: &Tensor| ops::solve_triangular(&mt(&l1)?, x, true, true, true);
    let right = |x: &Tensor| ops::solve_triangular(&mt(&u1)?, x, false, false, false);
    let mut rest = None;
    if n > m {
        let beyond = up(&columns(gu, k, n - k)?)?;
        gl1 = ops::sub(&gl1, &ops::matmul(&beyond, &mt(&columns(u, k, n - k)?)?)?)?;
        rest = Some((beyond, -1));
    } else if m > n {
        let beyond = right(&lines(gl, k, m - k)?)?;
        gu1 = ops::sub(&gu1, &ops::matmul(&mt(&lines(l, k, m - k)?)?, &beyond)?)?;
        rest = Some((beyond, -2));
    }
    let inner =
        ops::add(&ops::tril(&ops::matmul(&mt(&l1)?, &gl1)?, -1)?, &ops::triu(&ops::matmul(&gu1, &mt(&u1)?)?, 0)?)?;
    let square = right(&up(&inner)?)?;
    let all = match rest {
        Some((beyond, dim)) => ops::cat(&[square, beyond], dim)?,
        None => square,
    };
    ops::matmul(p, &all)
}

/// L with ones on its diagonal, from both factors in one.
fn lower(lu: &Tensor) -> Result<Tensor> {
    let k = rows(lu).min(cols(lu));
    let eye = ops::eye(rows(lu) as i64, Some(k as i64), Some(lu.dtype()))?;
    ops::add(&ops::tril(&columns(lu, 0, k)?, -1)?, &eye)
}

fn upper(lu: &Tensor) -> Result<Tensor> {
    ops::triu(&lines(lu, 0, rows(lu).min(cols(lu)))?, 0)
}

/// L and U from both in one, as one node over `input`.
fn both(name: &'static str, input: &Tensor, lu: &Tensor) -> Result<(Tensor, Tensor)> {
    let parts = composites(name, &[input], &[lower(lu)?, upper(lu)?]);
    Ok((parts[0].clone(), parts[1].clone()))
}

/// Factors, pivots and info, as a node.
fn lu_node(op: &str, a: &Tensor, pivot: bool) -> Result<(Tensor, Tensor, Tensor)> {
    check_matrix(op, "A", a, false)?;
    ensure!(pivot, NotImplemented, "{op}: LU without pivoting is not implemented on the CPU");
    let f = factor(a)?;
    let (lu, pivots) = (f.lu, f.pivots);
    attach(&[&lu], "LinalgLuFactorExBackward0", &[a], &[Some(&lu), Some(&pivots)], |ctx| {
        let (g, lu, pivots) = (ctx.grad(0)?, ctx.saved(0)?, ctx.saved(1)?);
        let k = rows(&lu).min(cols(&lu));
        let p = permutation_matrix(&pivots, rows(&lu), lu.dtype())?;
        let (gl, gu) = (ops::tril(&columns(&g, 0, k)?, -1)?, ops::triu(&lines(&g, 0, k)?, 0)?);
        Ok(vec![ctx.when(0, || lu_gradient(&p, &lower(&lu)?, &upper(&lu)?, &gl, &gu))?])
    });
    Ok((lu, pivots, f.info))
}

/// `A = Q R` outside the graph: R (k, n) and Q (m, k), k the smaller size or, when complete, m.
fn qr_data(a: &Tensor, complete: bool) -> Result<(Tensor, Tensor)> {
    let (m, n) = (rows(a), cols(a));
    let k = if complete { m } else { m.min(n) };
    let lead = batch(a);
    let packed = Tensor::empty(a.shape(), a.dtype())?;
    let tau = Tensor::empty(&with(&lead, &[m.min(n)]), a.dtype())?;
    dispatch(&GEQRF, &[a], &[&packed, &tau], &[])?;
    let mut vectors = columns(&packed, 0, k.min(n))?;
    if k > n {
        let more = Tensor::zeros(&with(&lead, &[m, k - n]), a.dtype())?;
        vectors = ops::cat(&[vectors, more], -1)?;
    }
    let q = Tensor::empty(&with(&lead, &[m, k]), a.dtype())?;
    dispatch(&HOUSEHOLDER, &[&vectors, &tau], &[&q], &[])?;
    let r = ops::triu(&lines(&packed, 0, k)?, 0)?;
    Ok((q, ops::contiguous(&r)?))
}

/// The gradient of A in A = Q R for Q with orthonormal columns; sizes (m, k) and (k, n).
fn qr_gradient(q: &Tensor, r: &Tensor, gq: &Tensor, gr: &Tensor) -> Result<Tensor> {
    let (k, n) = (rows(r), cols(r));
    if n > k {
        // A = [A1 | A2]: R2 = Q^T A2 adds to the gradient of Q.
        let (r2, gr2) = (columns(r, k, n - k)?, columns(gr, k, n - k)?);
        let gq = ops::add(gq, &ops::matmul(&ops::matmul(q, &r2)?, &mt(&gr2)?)?)?;
        let first = qr_gradient(q, &columns(r, 0, k)?, &gq, &columns(gr, 0, k)?)?;
        return ops::cat(&[first, ops::matmul(q, &gr2)?], -1);
    }
    let x = ops::triu(&ops::sub(&ops::matmul(gr, &mt(r)?)?, &ops::matmul(&mt(q)?, gq)?)?, 0)?;
    let half = ops::mul(&ops::diag_embed(&ops::diagonal(&x, 0, -2, -1)?, 0, -2, -1)?, &Tensor::number(0.5)?)?;
    let x = ops::sub(&x, &half)?;
    let sym = ops::add(&x, &mt(&x)?)?;
    ops::solve_triangular(&mt(r)?, &ops::add(gq, &ops::matmul(q, &sym)?)?, false, false, false)
}

/// Reflection vectors: unit lower part of column i.
fn reflection(a: &Tensor, i: usize) -> Result<Tensor> {
    let m = rows(a);
    let column = columns(a, i, 1)?;
    let below = lines(&column, i + 1, m - i - 1)?;
    let lead = batch(a);
    let above = Tensor::zeros(&with(&lead, &[i, 1]), a.dtype())?;
    let one = Tensor::ones(&with(&lead, &[1, 1]), a.dtype())?;
    ops::cat(&[above, one, below], -2)
}

/// `(I - tau v v^T) x`.
fn reflect(a: &Tensor, tau: &Tensor, i: usize, x: &Tensor) -> Result<Tensor> {
    let v = reflection(a, i)?;
    let factor = ops::unsqueeze(&columns(tau, i, 1)?, -1)?;
    ops::sub(x, &ops::mul(&factor, &ops::matmul(&v, &ops::matmul(&mt(&v)?, x)?)?)?)
}

static REGULAR: Demand = success(|op, _| format!("{op}: U has a zero on its diagonal: the matrix is singular"));

ops! {
    /// P, L and U of `A = P L U`.
    ///
    /// PyTorch: `torch.linalg.lu`.
    [linalg as lu]
    fn linalg_lu(A: Tensor, pivot: bool = true) -> (P: Tensor, L: Tensor, U: Tensor) {
        let (f, pivots, _) = lu_node("linalg.lu", A, pivot)?;
        let (l, u) = both("LinalgLuBackward0", A, &f)?;
        Ok((permutation_matrix(&pivots, rows(A), A.dtype())?, l, u))
    }

    /// L and U in one matrix, and the pivots.
    ///
    /// PyTorch: `torch.linalg.lu_factor`.
    [linalg]
    fn lu_factor(A: Tensor, pivot: bool = true) -> (LU: Tensor, pivots: Tensor) {
        let (lu, pivots, _) = lu_node("linalg.lu_factor", A, pivot)?;
        Ok((lu, pivots))
    }

    /// `luFactor`, and 0 or the place of the first zero on U's diagonal.
    ///
    /// PyTorch: `torch.linalg.lu_factor_ex`.
    [linalg]
    fn lu_factor_ex(A: Tensor, pivot: bool = true, check_errors: bool = false) -> (LU: Tensor, pivots: Tensor, info: Tensor) {
        let out = lu_node("linalg.lu_factor_ex", A, pivot)?;
        if check_errors {
            demand("linalg.lu_factor_ex", &out.2, &REGULAR, 0)?;
        }
        Ok(out)
    }

    /// L and U in one matrix and the pivots; with `getInfos` also 0 or the place of the first zero on U's diagonal.
    ///
    /// PyTorch: `torch.lu`.
    [torch tensor]
    fn lu(A: Tensor, pivot: bool = true, get_infos: bool = false) -> Vec<Tensor> {
        let (lu, pivots, info) = lu_node("lu", A, pivot)?;
        Ok(if get_infos { vec![lu, pivots, info] } else { vec![lu, pivots] })
    }

    /// P, L and U from what `luFactor` gives.
    ///
    /// PyTorch: `torch.lu_unpack`.
    [torch]
    fn lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = true, unpack_pivots: bool = true)
            -> (P: Tensor, L: Tensor, U: Tensor) {
        check_matrix("lu_unpack", "LU_data", LU_data, false)?;
        ensure!(
            LU_pivots.dtype().is_int(),
            DType,
            "lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype, but got {}",
            LU_pivots.dtype()
        );
        let none = || Tensor::empty(&[0], LU_data.dtype());
        let p = if unpack_pivots { permutation_matrix(LU_pivots, rows(LU_data), LU_data.dtype())? } else { none()? };
        let (l, u) = if unpack_data { both("LuUnpackBackward0", LU_data, LU_data)? } else { (none()?, none()?) };
        Ok((p, l, u))
    }

    /// The solution of `A X = B` from A's factors; with `left` false of `X A = B`, with `adjoint` for A's transpose.
    ///
    /// PyTorch: `torch.linalg.lu_solve`.
    [linalg as lu_solve]
    fn linalg_lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, left: bool = true, adjoint: bool = false) -> Tensor {
        const NAME: &str = "LinalgLuSolveBackward0";
        check_matrix("linalg.lu_solve", "LU", LU, true)?;
        if !left {
            let x = ops::linalg_lu_solve(LU, pivots, &mt(B)?, true, !adjoint)?;
            return composite(NAME, &[LU, B], mt(&x));
        }
        let p = permutation_matrix(pivots, rows(LU), LU.dtype())?;
        if adjoint {
            let half = ops::solve_triangular(&mt(LU)?, B, false, true, false)?;
            let x = ops::matmul(&p, &ops::solve_triangular(&mt(LU)?, &half, true, true, true)?);
            return composite(NAME, &[LU, B], x);
        }
        let half = ops::solve_triangular(LU, &ops::matmul(&mt(&p)?, B)?, false, true, true)?;
        composite(NAME, &[LU, B], ops::solve_triangular(LU, &half, true, true, false))
    }

    /// The solution of `A X = b` from A's factors.
    ///
    /// PyTorch: `torch.lu_solve`.
    [torch tensor]
    fn lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor {
        ops::linalg_lu_solve(LU_data, LU_pivots, b, true, false)
    }

    /// Q and R of `A = Q R`. Modes: reduced, complete (Q square), r (R alone).
    ///
    /// PyTorch: `torch.linalg.qr`.
    [linalg]
    fn qr(A: Tensor, mode: String = "reduced") -> (Q: Tensor, R: Tensor) {
        check_matrix("linalg.qr", "A", A, false)?;
        ensure!(
            matches!(mode, "reduced" | "complete" | "r"),
            Runtime,
            "qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        );
        let complete = mode == "complete";
        let (q, r) = qr_data(&A.detach(), complete)?;
        if mode == "r" {
            attach(&[&r], "LinalgQrBackward0", &[A], &[], |_| {
                bail!(Runtime, "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to require gradients.")
            });
            return Ok((Tensor::empty(&[0], A.dtype())?, r));
        }
        let tall = complete && rows(A) > cols(A);
        attach(&[&q, &r], "LinalgQrBackward0", &[A], &[Some(&q), Some(&r)], move |ctx| {
            ensure!(!tall, Runtime, "The QR decomposition is not differentiable when mode='complete' and nrows > ncols");
            let (gq, gr, q, r) = (ctx.grad(0)?, ctx.grad(1)?, ctx.saved(0)?, ctx.saved(1)?);
            Ok(vec![ctx.when(0, || qr_gradient(&q, &r, &gq, &gr))?])
        });
        Ok((q, r))
    }

    /// Householder vectors below the diagonal with R above, and their factors.
    ///
    /// PyTorch: `torch.geqrf`.
    [torch tensor]
    fn geqrf(input: Tensor) -> (a: Tensor, tau: Tensor) {
        check_matrix("geqrf", "input", input, false)?;
        let packed = Tensor::empty(input.shape(), input.dtype())?;
        let tau = Tensor::empty(&with(&batch(input), &[rows(input).min(cols(input))]), input.dtype())?;
        dispatch(&GEQRF, &[&input.detach()], &[&packed, &tau], &[])?;
        attach(&[&packed, &tau], "GeqrfBackward0", &[input], &[], |_| {
            bail!(NotImplemented, "the derivative for 'geqrf' is not implemented.")
        });
        Ok((packed, tau))
    }

    /// The first columns of the product of Householder reflections.
    ///
    /// PyTorch: `torch.linalg.householder_product`.
    [linalg "torch.orgqr" "Tensor.orgqr"]
    fn householder_product(A: Tensor, tau: Tensor) -> Tensor {
        check_matrix("linalg.householder_product", "A", A, false)?;
        let (m, n) = (rows(A), cols(A));
        let k = tau.size(tau.ndim().max(1) - 1);
        ensure!(
            m >= n && tau.ndim() + 1 == A.ndim() && k <= n,
            Shape,
            "linalg.householder_product: input.shape[-2] must be greater than or equal to input.shape[-1], and that to \
             tau.shape[-1]; got {:?} and {:?}",
            A.shape(), tau.shape()
        );
        let eye = ops::eye(m as i64, Some(n as i64), Some(A.dtype()))?;
        let mut q = ops::expand(&eye, &A.sizes())?;
        for i in (0..k).rev() {
            q = reflect(A, tau, i, &q)?;
        }
        composite("LinalgHouseholderProductBackward0", &[A, tau], ops::contiguous(&q))
    }

    /// `Q @ other` for the Q of Householder reflections (with `left` false `other @ Q`, with `transpose` for Q^T).
    ///
    /// PyTorch: `torch.ormqr`.
    [torch tensor]
    fn ormqr(input: Tensor, tau: Tensor, other: Tensor, left: bool = true, transpose: bool = false) -> Tensor {
        const NAME: &str = "OrmqrBackward0";
        ensure!(input.ndim() >= 2, Shape, "torch.ormqr: input must have at least 2 dimensions, got {:?}", input.shape());
        ensure!(other.ndim() >= 2, Shape, "torch.ormqr: other must have at least 2 dimensions, got {:?}", other.shape());
        check_matrix("torch.ormqr", "input", input, false)?;
        let side = if left { rows(other) } else { cols(other) };
        ensure!(
            side == rows(input) && tau.ndim() + 1 == input.ndim() && tau.size(tau.ndim().max(1) - 1) <= cols(input),
            Shape,
            "torch.ormqr: other.shape[{}] must be equal to input.shape[-2]; got {:?}, tau {:?} and {:?}",
            if left { -2 } else { -1 }, input.shape(), tau.shape(), other.shape()
        );
        if !left {
            let x = ops::ormqr(input, tau, &mt(other)?, true, !transpose)?;
            return composite(NAME, &[input, tau, other], mt(&x));
        }
        let k = tau.size(tau.ndim() - 1);
        let mut x = other.clone();
        for step in 0..k {
            x = reflect(input, tau, if transpose { step } else { k - 1 - step }, &x)?;
        }
        composite(NAME, &[input, tau, other], Ok(x))
    }
}
