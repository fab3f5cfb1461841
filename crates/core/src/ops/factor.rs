//! Factorisations of matrices and what follows from them: determinants, inverses, solutions.
//!
//! Gradients are PyTorch's formulas (torch/csrc/autograd/FunctionsManual.cpp) in terms of our own ops, so they can be
//! differentiated again.

use crate::autograd::{composite, composites};
use crate::cpu::linalg::{CHOLESKY, LU, SOLVE_TRIANGULAR};
use crate::demand::{Class, Demand, Found, Test, demand};
use crate::layout::broadcast_shapes;
use crate::{Attr, DType, Result, Shape, Tensor, attach, dispatch, ensure, ops};

/// Float matrices, square or not.
pub(crate) fn check_matrix(op: &str, name: &str, a: &Tensor, square: bool) -> Result<()> {
    ensure!(
        a.ndim() >= 2,
        Shape,
        "{op}: The input tensor {name} must have at least 2 dimensions, but got {:?}",
        a.shape()
    );
    let (m, n) = (a.shape()[a.ndim() - 2], a.shape()[a.ndim() - 1]);
    ensure!(
        !square || m == n,
        Shape,
        "{op}: {name} must be batches of square matrices, but they are {m} by {n} matrices"
    );
    ensure!(
        a.dtype().is_float(),
        DType,
        "{op}: Expected a floating point tensor as input. Got {}; convert with .to(torch.float32)",
        a.dtype().c_name()
    );
    Ok(())
}

/// The batch dimensions.
pub(crate) fn batch(a: &Tensor) -> Shape {
    a.shape()[..a.ndim() - 2].into()
}

pub(crate) fn rows(a: &Tensor) -> usize {
    a.shape()[a.ndim() - 2]
}

pub(crate) fn cols(a: &Tensor) -> usize {
    a.shape()[a.ndim() - 1]
}

/// A batch of shape `lead` with more dimensions.
pub(crate) fn with(lead: &Shape, more: &[usize]) -> Shape {
    let mut s = lead.clone();
    s.extend_from_slice(more);
    s
}

/// A^T of matrices.
pub(crate) fn mt(a: &Tensor) -> Result<Tensor> {
    ops::transpose(a, -2, -1)
}

/// The outcome of LU: both factors in one, pivots, info.
pub(crate) struct Factored {
    pub lu: Tensor,
    pub pivots: Tensor,
    pub info: Tensor,
}

pub(crate) fn factor(a: &Tensor) -> Result<Factored> {
    let lead = batch(a);
    let lu = Tensor::empty(a.shape(), a.dtype())?;
    let pivots = Tensor::empty(&with(&lead, &[rows(a).min(cols(a))]), DType::I32)?;
    let info = Tensor::empty(&lead, DType::I32)?;
    dispatch(&LU, &[&a.detach()], &[&lu, &pivots, &info], &[])?;
    Ok(Factored { lu, pivots, info })
}

/// Refuses a failed factorisation as LAPACK reports it: `info` is a number for each matrix.
fn check_info(op: &'static str, info: &Tensor, what: &'static Demand) -> Result<()> {
    demand(op, info, what, usize::from(info.ndim() > 0))
}

/// Which matrix of several it is.
fn batch_element(found: &Found) -> String {
    if found.bound > 0 { format!("(Batch element {}): ", found.at) } else { String::new() }
}

/// That a factorisation's `info` is 0.
pub(super) const fn success(says: fn(&str, &Found) -> String) -> Demand {
    Demand { class: Class::Runtime, test: Test::Within(0.0, 0.0), input: 0, says }
}

static SOLVABLE: Demand = success(|op, found| {
    format!(
        "{op}: {}The diagonal element {} is zero, the solve could not be completed because the input matrix is singular. \
         Use linalg.lstsq or linalg.pinv for such a matrix",
        batch_element(found),
        found.value
    )
});
static INVERTIBLE: Demand = success(|op, found| {
    format!(
        "{op}: {}The diagonal element {} is zero, the inversion could not be completed because the input matrix is singular.",
        batch_element(found),
        found.value
    )
});
static POSITIVE: Demand = success(|op, found| {
    format!(
        "{op}: {}The factorization could not be completed because the input is not positive-definite (the leading minor of order \
         {} is not positive-definite).",
        batch_element(found),
        found.value
    )
});

/// `a x = b` for triangles; both have the same batch dimensions after broadcasting.
pub(crate) fn triangle(a: &Tensor, b: &Tensor, upper: bool, ones: bool) -> Result<Tensor> {
    let lead = broadcast_shapes("solve_triangular", &batch(a), &batch(b))?;
    let size = |s: &Shape| s.iter().map(|&n| n as i64).collect::<Vec<_>>();
    let (a, b) = (a.detach(), b.detach());
    let x = ops::expand(&a, &size(&with(&lead, &[rows(&a), cols(&a)])))?;
    let y = ops::expand(&b, &size(&with(&lead, &[rows(&b), cols(&b)])))?;
    let out = Tensor::empty(y.shape(), y.dtype())?;
    dispatch(&SOLVE_TRIANGULAR, &[&x, &y], &[&out], &[Attr::from(upper), Attr::from(ones)])?;
    Ok(out)
}

/// The permutation of rows that pivots mean, as indices: row i of `P^T b` is row `index[i]` of b.
pub(crate) fn permutation(pivots: &Tensor, m: usize) -> Result<Vec<Vec<usize>>> {
    let k = pivots.size(pivots.ndim() - 1);
    let list = pivots.to_vec::<i64>()?;
    let count: usize = pivots.shape()[..pivots.ndim() - 1].iter().product();
    (0..count)
        .map(|s| {
            let mut order: Vec<usize> = (0..m).collect();
            for (i, &p) in list[s * k..(s + 1) * k].iter().enumerate() {
                ensure!(p >= 1 && p as usize <= m, Index, "lu: pivots must be from 1 to {m}, got {p}");
                order.swap(i, p as usize - 1);
            }
            Ok(order)
        })
        .collect()
}

/// The same as a tensor (`[..., m]`), by tensor operations: for pivots that nobody can look at.
fn permuted(pivots: &Tensor, m: usize) -> Result<Tensor> {
    let (d, k) = (pivots.ndim() - 1, pivots.size(pivots.ndim() - 1));
    let mut size = pivots.sizes();
    size[d] = m as i64;
    let mut order = ops::clone(&ops::expand(&ops::arange((m as i64).into(), None)?, &size)?)?;
    let at = ops::sub(&pivots.cast_data(DType::I64)?, &Tensor::number(1)?)?;
    let column = |t: &Tensor, i: usize| ops::narrow(t, -1, &Tensor::number(i as i64)?, 1);
    for i in 0..k {
        let other = column(&at, i)?;
        let (own, theirs) = (ops::clone(&column(&order, i)?)?, ops::gather(&order, -1, &other, false)?);
        order = ops::scatter(&order, -1, &other, &own, None)?;
        column(&order, i)?.copy_from(&theirs)?;
    }
    Ok(order)
}

/// The matrices P of `A = P L U`.
pub(crate) fn permutation_matrix(pivots: &Tensor, m: usize, dtype: DType) -> Result<Tensor> {
    if !pivots.is_readable() {
        let rows = ops::reshape(&ops::arange((m as i64).into(), None)?, &[-1, 1])?;
        return ops::eq(&rows, &ops::unsqueeze(&permuted(pivots, m)?, -2)?)?.cast_data(dtype);
    }
    let orders = permutation(pivots, m)?;
    let mut data = vec![0f64; orders.len() * m * m];
    for (s, order) in orders.iter().enumerate() {
        for (i, &from) in order.iter().enumerate() {
            data[(s * m + from) * m + i] = 1.0;
        }
    }
    let lead: Shape = pivots.shape()[..pivots.ndim() - 1].into();
    Tensor::from_numbers(&data, &with(&lead, &[m, m]), dtype)
}

/// `a x = b` from the factors, outside the graph.
fn solve_factored(f: &Factored, b: &Tensor) -> Result<Tensor> {
    let p = permutation_matrix(&f.pivots, rows(&f.lu), f.lu.dtype())?;
    let turned = ops::matmul(&mt(&p)?, &b.detach())?;
    triangle(&f.lu, &triangle(&f.lu, &turned, false, true)?, true, false)
}

/// The inverse as a node; singular matrices give what the arithmetic gives.
fn inverse(a: &Tensor) -> Result<(Tensor, Tensor)> {
    let f = factor(a)?;
    let n = rows(a);
    let eye = ops::eye(n as i64, None, Some(a.dtype()))?;
    let eye = ops::expand(&eye, &a.sizes())?;
    let out = solve_factored(&f, &eye)?;
    attach(&[&out], "LinalgInvExBackward0", &[a], &[Some(&out)], |ctx| {
        let (g, inv) = (ctx.grad(0)?, ctx.saved(0)?);
        let t = mt(&inv)?;
        Ok(vec![ctx.when(0, || ops::neg(&ops::matmul(&t, &ops::matmul(&g, &t)?)?))?])
    });
    Ok((out, f.info))
}

/// Whether `b` is a batch of vectors for `a` (torch.linalg.solve's rule).
fn is_vectors(a: &Tensor, b: &Tensor) -> bool {
    b.ndim() == 1 || (a.ndim() - 1 == b.ndim() && a.shape()[..a.ndim() - 1] == *b.shape())
}

const SOLVE: &str = "LinalgSolveExBackward0";

/// `a x = b` as a node.
fn solve_node(op: &str, a: &Tensor, b: &Tensor, left: bool) -> Result<(Tensor, Factored)> {
    check_matrix(op, "A", a, true)?;
    ensure!(
        a.dtype() == b.dtype(),
        DType,
        "{op}: Expected A and B to have the same dtype, but found A of type {} and B of type {} instead",
        a.dtype().c_name(),
        b.dtype().c_name()
    );
    let vectors = left && is_vectors(a, b);
    let given = b;
    let b = if vectors { ops::unsqueeze(b, -1)? } else { b.clone() };
    ensure!(
        b.ndim() >= 2 && if left { rows(&b) } else { cols(&b) } == rows(a),
        Shape,
        "{op}: Incompatible shapes of A and B for the equation {}: {:?} and {:?}",
        if left { "AX = B" } else { "XA = B" },
        a.shape(),
        b.shape()
    );
    if !left {
        let (x, f) = solve_node(op, &mt(a)?, &mt(&b)?, true)?;
        return Ok((composite(SOLVE, &[a, &b], mt(&x))?, f));
    }
    let lead = broadcast_shapes(op, &batch(a), &batch(&b))?;
    let f = factor(a)?;
    let size: Vec<i64> = with(&lead, &[rows(&b), cols(&b)]).iter().map(|&n| n as i64).collect();
    let x = solve_factored(&f, &ops::expand(&b.detach(), &size)?)?;
    let (a_size, b_size) = (a.sizes(), b.sizes());
    attach(&[&x], SOLVE, &[a, &b], &[Some(a), Some(&x)], move |ctx| {
        let (g, a, x) = (ctx.grad(0)?, ctx.saved(0)?, ctx.saved(1)?);
        let gb = ops::linalg_solve(&mt(&a)?, &g, true)?;
        let ga = ctx.when(0, || ops::sum_to_size(&ops::neg(&ops::matmul(&gb, &mt(&x)?)?)?, &a_size))?;
        let gb = ctx.when(1, || ops::sum_to_size(&gb, &b_size))?;
        Ok(vec![ga, gb])
    });
    let x = if vectors { composite(SOLVE, &[a, given], ops::squeeze_dim(&x, -1))? } else { x };
    Ok((x, f))
}

fn cholesky_node(a: &Tensor, upper: bool) -> Result<(Tensor, Tensor)> {
    const NAME: &str = "LinalgCholeskyExBackward0";
    let input = a;
    let a = if upper { mt(a)? } else { a.clone() };
    let (l, info) = (Tensor::empty(a.shape(), a.dtype())?, Tensor::empty(&batch(&a), DType::I32)?);
    dispatch(&CHOLESKY, &[&a.detach()], &[&l, &info], &[])?;
    attach(&[&l], NAME, &[&a], &[Some(&l)], |ctx| {
        let (g, l) = (ctx.grad(0)?, ctx.saved(0)?);
        // phi(L^T g): the lower triangle with half the diagonal; then L^-T phi L^-1, symmetric.
        let phi = ops::tril(&ops::matmul(&mt(&l)?, &g)?, 0)?;
        let half = ops::mul(&ops::diag_embed(&ops::diagonal(&phi, 0, -2, -1)?, 0, -2, -1)?, &Tensor::number(0.5)?)?;
        let phi = ops::sub(&phi, &half)?;
        let left = ops::solve_triangular(&mt(&l)?, &phi, true, true, false)?;
        let both = mt(&ops::solve_triangular(&mt(&l)?, &mt(&left)?, true, true, false)?)?;
        let sym = ops::mul(&ops::add(&both, &mt(&both)?)?, &Tensor::number(0.5)?)?;
        Ok(vec![ctx.when(0, || Ok(sym))?])
    });
    Ok((if upper { composite(NAME, &[input], mt(&l))? } else { l }, info))
}

/// log |det| and sign from the factors, outside the graph.
fn sign_log(f: &Factored) -> Result<(Tensor, Tensor)> {
    let n = rows(&f.lu);
    let lead = batch(&f.lu);
    if !f.lu.is_readable() {
        return sign_log_unseen(f, n);
    }
    let diagonal = ops::diagonal(&f.lu, 0, -2, -1)?.to_vec::<f64>()?;
    let orders = f.pivots.to_vec::<i64>()?;
    let count: usize = lead.iter().product();
    let (mut sign, mut log) = (vec![1f64; count], vec![0f64; count]);
    for s in 0..count {
        for i in 0..n {
            let d = diagonal[s * n + i];
            let swapped = orders[s * n + i] != i as i64 + 1;
            sign[s] *= if d == 0.0 { 0.0 } else { d.signum() } * if swapped { -1.0 } else { 1.0 };
            log[s] += libm::log(d.abs());
        }
    }
    let make = |v: &[f64]| Tensor::from_numbers(v, &lead, f.lu.dtype());
    Ok((make(&sign)?, make(&log)?))
}

/// The same by tensor operations, for factors that nobody can look at.
fn sign_log_unseen(f: &Factored, n: usize) -> Result<(Tensor, Tensor)> {
    let diagonal = ops::diagonal(&f.lu, 0, -2, -1)?;
    let own = ops::arange_start(1.into(), (n as i64 + 1).into(), 1.into(), None)?;
    let swapped = ops::ne(&f.pivots.cast_data(DType::I64)?, &own)?.cast_data(f.lu.dtype())?;
    let turns = ops::sub(&Tensor::number(1.0)?, &ops::mul(&swapped, &Tensor::number(2.0)?)?)?;
    let sign = ops::prod_dim(&ops::mul(&ops::sign(&diagonal)?, &turns)?, -1, false, None)?;
    Ok((sign, ops::sum_dim(&ops::log(&ops::abs(&diagonal)?)?, Some(&[-1]), false, None)?))
}

/// A gradient for numbers spread over matrices: `g[..., None, None]`.
fn over_matrices(g: &Tensor) -> Result<Tensor> {
    ops::unsqueeze(&ops::unsqueeze(g, -1)?, -1)
}

fn slogdet_node(a: &Tensor) -> Result<(Tensor, Tensor)> {
    let (sign, log) = sign_log(&factor(a)?)?;
    attach(&[&sign, &log], "LinalgSlogdetBackward0", &[a], &[Some(a)], |ctx| {
        let (g, a) = (ctx.grad(1)?, ctx.saved(0)?);
        Ok(vec![ctx.when(0, || ops::mul(&over_matrices(&g)?, &mt(&ops::inv_ex(&a, false)?.0)?))?])
    });
    Ok((sign, log))
}

ops! {
    /// The inverse of each square matrix; an error where there is none.
    ///
    /// PyTorch: `torch.linalg.inv`.
    [linalg "torch.inverse" "Tensor.inverse"]
    fn inv(A: Tensor) -> Tensor {
        check_matrix("linalg.inv", "A", A, true)?;
        let (out, info) = inverse(A)?;
        check_info("linalg.inv", &info, &INVERTIBLE)?;
        Ok(out)
    }

    /// The inverse of each square matrix, and 0 or the place of the zero that LU met.
    ///
    /// PyTorch: `torch.linalg.inv_ex`.
    [linalg]
    fn inv_ex(A: Tensor, check_errors: bool = false) -> (inverse: Tensor, info: Tensor) {
        if check_errors {
            ops::inv(A)?;
        }
        check_matrix("linalg.inv_ex", "A", A, true)?;
        inverse(A)
    }

    /// The determinant of each square matrix.
    ///
    /// PyTorch: `torch.linalg.det`.
    [linalg "torch.det" "Tensor.det"]
    fn det(A: Tensor) -> Tensor {
        check_matrix("linalg.det", "A", A, true)?;
        let (sign, log) = sign_log(&factor(A)?)?;
        let out = ops::mul(&sign, &ops::exp(&log)?)?;
        let out = ops::where_(&ops::eq(&sign, &Tensor::number(0)?)?, &sign, &out)?;
        attach(&[&out], "LinalgDetBackward0", &[A], &[Some(A), Some(&out)], |ctx| {
            let (g, a, det) = (ctx.grad(0)?, ctx.saved(0)?, ctx.saved(1)?);
            Ok(vec![ctx.when(0, || {
                let factor = over_matrices(&ops::mul(&g, &det)?)?;
                ops::mul(&factor, &mt(&ops::inv_ex(&a, false)?.0)?)
            })?])
        });
        Ok(out)
    }

    /// Sign and logarithm of the absolute value of each determinant.
    ///
    /// PyTorch: `torch.linalg.slogdet`.
    [linalg torch tensor]
    fn slogdet(A: Tensor) -> (sign: Tensor, logabsdet: Tensor) {
        check_matrix("linalg.slogdet", "A", A, true)?;
        slogdet_node(A)
    }

    /// The logarithm of each determinant: NaN where it is negative.
    ///
    /// PyTorch: `torch.logdet`.
    [torch tensor]
    fn logdet(input: Tensor) -> Tensor {
        check_matrix("logdet", "input", input, true)?;
        let (sign, log) = slogdet_node(input)?;
        ops::where_(&ops::lt(&sign, &Tensor::number(0)?)?, &Tensor::number(f64::NAN)?, &log)
    }

    /// The solution of `A X = B` (with `left` false of `X A = B`); B may be vectors.
    ///
    /// PyTorch: `torch.linalg.solve`.
    [linalg as solve]
    fn linalg_solve(A: Tensor, B: Tensor, left: bool = true) -> Tensor {
        let (x, f) = solve_node("linalg.solve", A, B, left)?;
        check_info("linalg.solve", &f.info, &SOLVABLE)?;
        Ok(x)
    }

    /// The solution of `A X = B`, and 0 or the place of the zero that LU met.
    ///
    /// PyTorch: `torch.linalg.solve_ex`.
    [linalg]
    fn solve_ex(A: Tensor, B: Tensor, left: bool = true, check_errors: bool = false) -> (result: Tensor, info: Tensor) {
        let (x, f) = solve_node("linalg.solve_ex", A, B, left)?;
        if check_errors {
            check_info("linalg.solve_ex", &f.info, &SOLVABLE)?;
        }
        Ok((x, f.info))
    }

    /// The solution of `A X = B` (with `left` false of `X A = B`) for triangles A; the other triangle is not read.
    ///
    /// PyTorch: `torch.linalg.solve_triangular`.
    [linalg]
    fn solve_triangular(A: Tensor, B: Tensor, upper: bool, left: bool = true, unitriangular: bool = false) -> Tensor {
        const NAME: &str = "LinalgSolveTriangularBackward0";
        let op = "linalg.solve_triangular";
        check_matrix(op, "A", A, true)?;
        check_matrix(op, "B", B, false)?;
        ensure!(A.dtype() == B.dtype(), DType, "{op}: Expected A and B to have the same dtype, but found {} and {}", A.dtype(), B.dtype());
        if !left {
            let x = mt(&ops::solve_triangular(&mt(A)?, &mt(B)?, !upper, true, unitriangular)?);
            return composite(NAME, &[A, B], x);
        }
        ensure!(
            rows(A) == rows(B),
            Shape,
            "{op}: Incompatible shapes of A and B for the equation AX = B ({}x{} and {}x{})",
            rows(A), cols(A), rows(B), cols(B)
        );
        let x = triangle(A, B, upper, unitriangular)?;
        let (a_size, b_size) = (A.sizes(), B.sizes());
        attach(&[&x], NAME, &[A, B], &[Some(A), Some(&x)], move |ctx| {
            let (g, a, x) = (ctx.grad(0)?, ctx.saved(0)?, ctx.saved(1)?);
            let gb = ops::solve_triangular(&mt(&a)?, &g, !upper, true, unitriangular)?;
            let ga = ctx.when(0, || {
                let full = ops::neg(&ops::matmul(&gb, &mt(&x)?)?)?;
                let shift = unitriangular as i64;
                let part = if upper { ops::triu(&full, shift)? } else { ops::tril(&full, -shift)? };
                ops::sum_to_size(&part, &a_size)
            })?;
            let gb = ctx.when(1, || ops::sum_to_size(&gb, &b_size))?;
            Ok(vec![ga, gb])
        });
        Ok(x)
    }

    /// The lower (or upper) triangle L of `A = L L^T` for symmetric positive-definite matrices.
    ///
    /// PyTorch: `torch.linalg.cholesky`.
    [linalg]
    fn cholesky(A: Tensor, upper: bool = false) -> Tensor {
        check_matrix("linalg.cholesky", "A", A, true)?;
        let (l, info) = cholesky_node(A, upper)?;
        check_info("linalg.cholesky", &info, &POSITIVE)?;
        Ok(l)
    }

    /// `cholesky`, and 0 or the order of the first minor that is not positive.
    ///
    /// PyTorch: `torch.linalg.cholesky_ex`.
    [linalg]
    fn cholesky_ex(A: Tensor, upper: bool = false, check_errors: bool = false) -> (L: Tensor, info: Tensor) {
        check_matrix("linalg.cholesky_ex", "A", A, true)?;
        let (l, info) = cholesky_node(A, upper)?;
        if check_errors {
            check_info("linalg.cholesky_ex", &info, &POSITIVE)?;
        }
        Ok((l, info))
    }

    /// The solution of `A X = B` from the Cholesky factor of A.
    ///
    /// PyTorch: `torch.cholesky_solve`.
    [torch tensor]
    fn cholesky_solve(B: Tensor, L: Tensor, upper: bool = false) -> Tensor {
        check_matrix("cholesky_solve", "B", B, false)?;
        check_matrix("cholesky_solve", "L", L, true)?;
        let (l, up) = (L.detach(), upper);
        let (first, second) = if up { (mt(&l)?, l) } else { (l.clone(), mt(&l)?) };
        let x = triangle(&second, &triangle(&first, B, false, false)?, true, false)?;
        let (b_size, l_size) = (B.sizes(), L.sizes());
        // FunctionsManual.cpp, cholesky_solve_backward: the gradient of L is not masked to its triangle.
        attach(&[&x], "CholeskySolveBackward0", &[B, L], &[Some(L), Some(&x)], move |ctx| {
            let (g, l, x) = (ctx.grad(0)?, ctx.saved(0)?, ctx.saved(1)?);
            let gb = ops::cholesky_solve(&g, &l, upper)?;
            let gl = ctx.when(1, || {
                let half = ops::matmul(&gb, &mt(&x)?)?;
                let both = ops::add(&half, &mt(&half)?)?;
                let product = if upper { ops::matmul(&l, &both)? } else { ops::matmul(&both, &l)? };
                ops::sum_to_size(&ops::neg(&product)?, &l_size)
            })?;
            Ok(vec![ctx.when(0, || ops::sum_to_size(&gb, &b_size))?, gl])
        });
        Ok(x)
    }

    /// The inverse of A from its Cholesky factor.
    ///
    /// PyTorch: `torch.cholesky_inverse`.
    [torch tensor]
    fn cholesky_inverse(L: Tensor, upper: bool = false) -> Tensor {
        check_matrix("cholesky_inverse", "L", L, true)?;
        let eye = ops::eye(rows(L) as i64, None, Some(L.dtype()))?;
        composite("CholeskyInverseBackward0", &[L], ops::cholesky_solve(&ops::expand(&eye, &L.sizes())?, L, upper))
    }

    /// The solution of `A X = B` for triangles A, and A itself.
    ///
    /// PyTorch: `torch.triangular_solve`.
    [torch tensor]
    fn triangular_solve(b: Tensor, A: Tensor, upper: bool = true, transpose: bool = false, unitriangular: bool = false)
            -> (solution: Tensor, cloned_coefficient: Tensor) {
        let (a, up) = if transpose { (mt(A)?, !upper) } else { (A.clone(), upper) };
        let x = ops::solve_triangular(&a, b, up, true, unitriangular)?;
        let parts = composites("TriangularSolveBackward0", &[b, A], &[x, ops::clone(A)?]);
        Ok((parts[0].clone(), parts[1].clone()))
    }

    /// Each square matrix multiplied with itself `n` times; a negative n takes the inverse.
    ///
    /// PyTorch: `torch.linalg.matrix_power`.
    [linalg "torch.matrix_power" "Tensor.matrix_power"]
    fn matrix_power(A: Tensor, n: i64) -> Tensor {
        ensure!(A.ndim() >= 2 && rows(A) == cols(A), Shape, "linalg.matrix_power: A must be batches of square matrices, but got {:?}", A.shape());
        if n == 0 {
            let eye = ops::eye(rows(A) as i64, None, Some(A.dtype()))?;
            let out = ops::contiguous(&ops::expand(&eye, &A.sizes())?)?;
            // Constant, but PyTorch's copy into a clone of A still belongs to the graph.
            attach(&[&out], "CopyBackwards", &[A], &[], |_| Ok(vec![None]));
            return Ok(out);
        }
        let mut square = if n < 0 { ops::inv(A)? } else { A.clone() };
        let mut left = n.unsigned_abs();
        let mut out: Option<Tensor> = None;
        loop {
            if left & 1 == 1 {
                out = Some(match out {
                    Some(o) => ops::matmul(&o, &square)?,
                    None => square.clone(),
                });
            }
            left >>= 1;
            match (left, out) {
                (0, Some(o)) => return if n == 1 { ops::clone(&o) } else { Ok(o) },
                (_, o) => out = o,
            }
            square = ops::matmul(&square, &square)?;
        }
    }

    /// The tensor X for which tensordot(A, X, X.ndim) is B.
    ///
    /// PyTorch: `torch.linalg.tensorsolve`.
    [linalg]
    fn tensorsolve(A: Tensor, B: Tensor, dims: Option<Vec<i64>> = None) -> Tensor {
        let mut a = A.clone();
        if let Some(dims) = dims {
            let to: Vec<i64> = (0..dims.len() as i64).map(|i| A.ndim() as i64 - dims.len() as i64 + i).collect();
            a = ops::movedim(A, dims, &to)?;
        }
        let shape: Vec<i64> = a.sizes()[B.ndim().min(a.ndim())..].to_vec();
        let n: i64 = shape.iter().product();
        ensure!(
            n == B.numel() as i64,
            Shape,
            "linalg.tensorsolve: Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == \
             prod(self.shape[:other.ndim]), but got {n} != {}",
            B.numel()
        );
        let x = ops::linalg_solve(&ops::reshape(&a, &[B.numel() as i64, n])?, &ops::reshape(B, &[-1])?, true)?;
        ops::reshape(&x, &shape)
    }

    /// The inverse for tensordot over `ind` dimensions.
    ///
    /// PyTorch: `torch.linalg.tensorinv`.
    [linalg]
    fn tensorinv(A: Tensor, ind: i64 = 2) -> Tensor {
        ensure!(ind > 0, Runtime, "linalg.tensorinv: Expected a strictly positive integer for 'ind', got {ind}");
        let at = (ind as usize).min(A.ndim());
        let s = A.sizes();
        let (m, n): (i64, i64) = (s[..at].iter().product(), s[at..].iter().product());
        ensure!(
            m == n,
            Shape,
            "linalg.tensorinv: Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), \
             but got {n} != {m}"
        );
        let inverse = ops::inv(&ops::reshape(A, &[m, n])?)?;
        // PyTorch's inverse lies in memory by columns, so its reshape is this node.
        let shape: Vec<usize> = [&A.shape()[at..], &A.shape()[..at]].concat();
        ops::views::view_as_shape("linalg.tensorinv", &inverse, &shape, "ReshapeAliasBackward0")
    }
}
