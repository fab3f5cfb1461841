//! Contractions over named or numbered dimensions: everything that becomes one batched product after a permutation.

use super::product::check_numeric;
use crate::{Result, Tensor, bail, ensure, ops};

ops! {
    /// Sums of products over the last `dims` dimensions of `a` and the first `dims` of `b`.
    ///
    /// PyTorch: `torch.tensordot` with a number.
    [torch]
    fn tensordot(a: Tensor, b: Tensor, dims: i64 = 2) -> Tensor {
        ensure!(dims >= 0, Runtime, "tensordot expects dims >= 0, but got dims={dims}");
        let (n, m) = (a.ndim() as i64, b.ndim() as i64);
        ensure!(
            dims <= n.min(m),
            Runtime,
            "tensordot: dims={dims} is more than the dimensions of a ({n}) or b ({m}); shapes {:?} and {:?}",
            a.shape(),
            b.shape()
        );
        let first: Vec<i64> = (n - dims..n).collect();
        let second: Vec<i64> = (0..dims).collect();
        ops::tensordot_dims(a, b, &first, &second)
    }

    /// Sums of products over `dims[0]` of `a` and `dims[1]` of `b`, pair by pair; the other dimensions follow in order.
    ///
    /// PyTorch: `torch.tensordot` with two lists.
    [torch as tensordot]
    fn tensordot_lists(a: Tensor, b: Tensor, dims: Vec<Vec<i64>>) -> Tensor {
        ensure!(dims.len() == 2, Runtime, "tensordot: dims must be a number or two lists of dimensions, got {dims:?}");
        ops::tensordot_dims(a, b, &dims[0], &dims[1])
    }

    /// Sums of products over these dimensions of `a` and of `b`.
    [private]
    fn tensordot_dims(a: Tensor, b: Tensor, dims_a: Vec<i64>, dims_b: Vec<i64>) -> Tensor {
        ensure!(
            dims_a.len() == dims_b.len(),
            Runtime,
            "tensordot: both dimension lists should have same length, got {dims_a:?} and {dims_b:?}"
        );
        ensure!(
            a.dtype() == b.dtype(),
            DType,
            "tensordot: both inputs should have same dtype, got {} and {}",
            a.dtype(),
            b.dtype()
        );
        let wrap = |t: &Tensor, dims: &[i64]| -> Result<Vec<usize>> {
            let dims = dims.iter().map(|&d| t.wrap_dim("tensordot", d)).collect::<Result<Vec<_>>>()?;
            for (i, d) in dims.iter().enumerate() {
                ensure!(!dims[..i].contains(d), Runtime, "tensordot: dim {d} appears multiple times in the list of dims");
            }
            Ok(dims)
        };
        let (da, db) = (wrap(a, dims_a)?, wrap(b, dims_b)?);
        let (mut x, mut y) = (a.clone(), b.clone());
        for (&i, &j) in da.iter().zip(&db) {
            let (n, m) = (a.size(i), b.size(j));
            ensure!(
                n == m || n == 1 || m == 1,
                Shape,
                "tensordot: contracted dimensions need to match, but first has size {n} in dim {i} and second has size \
                 {m} in dim {j}; shapes {:?} and {:?}",
                a.shape(), b.shape()
            );
            // One of size 1 broadcasts: the other is summed first.
            if n == 1 && m != 1 {
                y = ops::sum_dim(&y, Some(&[j as i64]), true, Some(y.dtype()))?;
            } else if m == 1 && n != 1 {
                x = ops::sum_dim(&x, Some(&[i as i64]), true, Some(x.dtype()))?;
            }
        }
        let free = |t: &Tensor, dims: &[usize]| (0..t.ndim()).filter(|d| !dims.contains(d)).collect::<Vec<_>>();
        let (fa, fb) = (free(&x, &da), free(&y, &db));
        let order = |first: &[usize], second: &[usize]| first.iter().chain(second).map(|&d| d as i64).collect::<Vec<_>>();
        let count = |t: &Tensor, dims: &[usize]| dims.iter().map(|&d| t.shape()[d] as i64).product::<i64>();
        let shape: Vec<i64> =
            fa.iter().map(|&d| x.shape()[d] as i64).chain(fb.iter().map(|&d| y.shape()[d] as i64)).collect();
        let left = ops::reshape(&ops::permute(&x, &order(&fa, &da))?, &[count(&x, &fa), count(&x, &da)])?;
        let right = ops::reshape(&ops::permute(&y, &order(&db, &fb))?, &[count(&y, &db), count(&y, &fb)])?;
        ops::reshape(&ops::mm(&left, &right)?, &shape)
    }

    /// Sums of products by Einstein's notation: `einsum('ij,jk->ik', a, b)`. A repeated letter in one operand is its
    /// diagonal, `...` stands for broadcast dimensions, and without `->` the letters that occur once follow in
    /// alphabetical order.
    ///
    /// PyTorch: `torch.einsum`.
    [torch]
    fn einsum(equation: String, operands: Vec<Tensor>) -> Tensor {
        super::einsum_parse::einsum_impl(equation, operands)
    }

    /// The Kronecker product: every element of `input` times the whole of `other`.
    ///
    /// PyTorch: `torch.kron`.
    [torch tensor]
    fn kron(input: Tensor, other: Tensor) -> Tensor {
        let n = input.ndim().max(other.ndim());
        let padded = |t: &Tensor| -> Vec<i64> {
            std::iter::repeat_n(1, n - t.ndim()).chain(t.shape().iter().map(|&s| s as i64)).collect()
        };
        let (a, b) = (padded(input), padded(other));
        let (mut wide_a, mut wide_b, mut merged) = (Vec::new(), Vec::new(), Vec::new());
        for (&x, &y) in a.iter().zip(&b) {
            wide_a.extend([x, 1]);
            wide_b.extend([1, y]);
            merged.push(x * y);
        }
        let product = ops::mul(&ops::reshape(input, &wide_a)?, &ops::reshape(other, &wide_b)?)?;
        ops::reshape(&product, &merged)
    }

    /// The product of two or more matrices, in the order that takes the fewest operations. The first and last may be
    /// vectors.
    ///
    /// PyTorch: `torch.linalg.multi_dot`.
    [linalg]
    fn multi_dot(tensors: Vec<Tensor>) -> Tensor {
        let n = tensors.len();
        ensure!(n >= 2, Runtime, "multi_dot(): expected at least 2 tensors but got {n}");
        let mut chain = tensors.to_vec();
        for (i, t) in tensors.iter().enumerate() {
            ensure!(
                t.ndim() == 2 || (t.ndim() == 1 && (i == 0 || i == n - 1)),
                Shape,
                "multi_dot(): tensor {i} must be {} but got {}D",
                if i == 0 || i == n - 1 { "1D or 2D" } else { "2D" },
                t.ndim()
            );
            ensure!(
                t.dtype() == tensors[0].dtype(),
                DType,
                "multi_dot(): all tensors must have be the same dtype but tensor 0 is {} and tensor {i} {}",
                tensors[0].dtype().c_name(),
                t.dtype().c_name()
            );
        }
        let (first, last) = (chain[0].ndim() == 1, chain[n - 1].ndim() == 1);
        if n == 2 {
            let out = ops::matmul(&chain[0], &chain[1])?;
            return ops::view(&out, &out.sizes());
        }
        if first {
            chain[0] = ops::unsqueeze(&chain[0], 0)?;
        }
        if last {
            chain[n - 1] = ops::unsqueeze(&chain[n - 1], -1)?;
        }
        for i in 1..n {
            ensure!(
                chain[i - 1].shape()[1] == chain[i].shape()[0],
                Shape,
                "multi_dot(): tensors {} and {i} with shapes {:?} and {:?} cannot be multiplied",
                i - 1, tensors[i - 1].shape(), tensors[i].shape()
            );
        }
        let out = multiply_chain(&chain)?;
        let size = out.sizes();
        ops::view(&out, &size[first as usize..2 - last as usize])
    }

    /// The product of matrices, in the order that takes the fewest operations.
    ///
    /// PyTorch: `torch.chain_matmul`.
    [torch]
    fn chain_matmul(matrices: Vec<Tensor>) -> Tensor {
        ensure!(!matrices.is_empty(), Runtime, "chain_matmul(): Expected one or more matrices");
        for t in matrices {
            ensure!(t.ndim() == 2, Shape, "chain_matmul(): Tensor dimension is {}, expected 2 instead", t.ndim());
        }
        if matrices.len() == 1 { Ok(matrices[0].clone()) } else { ops::multi_dot(matrices) }
    }

    /// Dot products of vectors along a dimension; the other dimensions broadcast.
    ///
    /// PyTorch: `torch.linalg.vecdot`.
    [linalg]
    fn vecdot(x: Tensor, y: Tensor, dim: i64 = -1) -> Tensor {
        check_numeric("vecdot", x)?;
        if x.ndim() == 1 && x.shape() == y.shape() {
            x.wrap_dim("vecdot", dim)?;
            return ops::vdot(x, y);
        }
        ops::sum_dim(&ops::mul(x, y)?, Some(&[dim]), false, None)
    }
}

/// The order of multiplication by dynamic programming (T. Cormen et al., "Introduction to Algorithms", 15.2).
fn multiply_chain(chain: &[Tensor]) -> Result<Tensor> {
    let n = chain.len();
    let sizes: Vec<u128> =
        chain.iter().map(|t| t.shape()[0]).chain([chain[n - 1].shape()[1]]).map(|s| s as u128).collect();
    let mut cost = vec![vec![0u128; n]; n];
    let mut split = vec![vec![0usize; n]; n];
    for len in 2..=n {
        for i in 0..=n - len {
            let j = i + len - 1;
            let (best, at) = (i..j)
                .map(|s| (cost[i][s] + cost[s + 1][j] + sizes[i] * sizes[s + 1] * sizes[j + 1], s))
                .min()
                .expect("a split");
            (cost[i][j], split[i][j]) = (best, at);
        }
    }
    fn go(chain: &[Tensor], split: &[Vec<usize>], i: usize, j: usize) -> Result<Tensor> {
        if i == j {
            return Ok(chain[i].clone());
        }
        ops::mm(&go(chain, split, i, split[i][j])?, &go(chain, split, split[i][j] + 1, j)?)
    }
    if n == 0 {
        bail!(Internal, "an empty chain of matrices");
    }
    go(chain, &split, 0, n - 1)
}
