//! Singular values.

use crate::cpu::singular::SVD;
use crate::reducing::not_implemented;
use crate::{Result, Tensor, attach, dispatch, ensure, ops};

/// `t` with its last two dimensions exchanged.
fn turned(t: &Tensor) -> Result<Tensor> {
    ops::transpose(t, -2, -1)
}

/// `(t - t^T) / 2`, divided by the differences of the squared values.
fn skew_over(t: &Tensor, gaps: &Tensor) -> Result<Tensor> {
    let skew = ops::sub(t, &turned(t)?)?;
    ops::div(&skew, gaps)
}

/// What `t` has outside the space that the columns of `u` span.
fn outside(u: &Tensor, t: &Tensor) -> Result<Tensor> {
    ops::sub(t, &ops::matmul(u, &ops::matmul(&turned(u)?, t)?)?)
}

/// The gradient of a matrix from those of its thin decomposition (PyTorch's svd_backward in FunctionsManual.cpp;
/// Townsend, "Differentiating the Singular Value Decomposition", 2016).
fn backward(
    [gu, gs, gvt]: [Option<Tensor>; 3],
    u: &Tensor,
    s: &Tensor,
    vt: &Tensor,
) -> Result<Tensor> {
    let (m, n, k) = (u.size(u.ndim() - 2), vt.size(vt.ndim() - 1), s.size(s.ndim() - 1));
    let columns = ops::unsqueeze(s, -2)?;
    let rows = ops::unsqueeze(s, -1)?;
    if gu.is_none() && gvt.is_none() {
        let Some(gs) = gs else { return Tensor::zeros(&[m, n], s.dtype()) };
        return ops::matmul(&ops::mul(u, &ops::unsqueeze(&gs, -2)?)?, vt);
    }
    // E[i][j] = s_j^2 - s_i^2, one on the diagonal.
    let squares = ops::sub(&ops::mul(&columns, &columns)?, &ops::mul(&rows, &rows)?)?;
    let gaps = ops::add(&squares, &ops::diag_embed(&Tensor::ones(s.shape(), s.dtype())?, 0, -2, -1)?)?;
    let mut inner = match &gs {
        Some(g) => ops::diag_embed(g, 0, -2, -1)?,
        None => Tensor::zeros(gaps.shape(), s.dtype())?,
    };
    if let Some(g) = &gu {
        inner = ops::add(&inner, &ops::mul(&skew_over(&ops::matmul(&turned(u)?, g)?, &gaps)?, &columns)?)?;
    }
    if let Some(g) = &gvt {
        inner = ops::add(&inner, &ops::mul(&rows, &skew_over(&ops::matmul(vt, &turned(g)?)?, &gaps)?)?)?;
    }
    let mut total = ops::matmul(&ops::matmul(u, &inner)?, vt)?;
    if let Some(g) = gu.as_ref().filter(|_| m > k) {
        let part = ops::div(&outside(u, g)?, &columns)?;
        total = ops::add(&total, &ops::matmul(&part, vt)?)?;
    }
    if let Some(g) = gvt.as_ref().filter(|_| n > k) {
        let part = ops::div(&outside(&turned(vt)?, &turned(g)?)?, &columns)?;
        total = ops::add(&total, &ops::matmul(u, &turned(&part)?)?)?;
    }
    Ok(total)
}

ops! {
    /// The thin singular value decomposition of matrices, `A = U diag(S) Vh`, values descending.
    ///
    /// PyTorch: `torch.linalg.svd(A, full_matrices=False)`.
    [private]
    fn svd_thin(A: Tensor) -> (U: Tensor, S: Tensor, Vh: Tensor) {
        ensure!(
            A.ndim() >= 2,
            Shape,
            "linalg.svd: The input tensor A must have at least 2 dimensions, got shape {:?}",
            A.shape()
        );
        if !A.dtype().is_float() {
            return not_implemented("linalg_svd_cpu", A.dtype());
        }
        let (batch, [m, n]) = (&A.shape()[..A.ndim() - 2], [A.shape()[A.ndim() - 2], A.shape()[A.ndim() - 1]]);
        let k = m.min(n);
        let out = |tail: &[usize]| Tensor::empty(&[batch, tail].concat(), A.dtype());
        let (u, s, vt) = (out(&[m, k])?, out(&[k])?, out(&[k, n])?);
        let b = batch.iter().product::<usize>();
        let flat = |t: &Tensor, shape: &[usize]| t.alias(crate::Layout::contiguous(shape));
        let a = flat(&A.contiguous_data()?, &[b, m, n]);
        dispatch(&SVD, &[&a], &[&flat(&u, &[b, m, k]), &flat(&s, &[b, k]), &flat(&vt, &[b, k, n])], &[])?;
        attach(&[&u, &s, &vt], "LinalgSvdBackward0", &[A], &[Some(&u), Some(&s), Some(&vt)], |ctx| {
            let grads = [0, 1, 2].map(|i| ctx.opt_grad(i).cloned());
            Ok(vec![Some(backward(grads, &ctx.saved(0)?, &ctx.saved(1)?, &ctx.saved(2)?)?)])
        });
        Ok((u, s, vt))
    }

    /// The singular values of matrices, descending.
    ///
    /// PyTorch: `torch.linalg.svdvals`.
    [linalg]
    fn svdvals(A: Tensor) -> Tensor {
        Ok(ops::svd_thin(A)?.1)
    }
}
