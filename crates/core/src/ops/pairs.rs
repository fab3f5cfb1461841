//! Distances between every pair of two sets of vectors.

use crate::autograd::composite;
use crate::{Result, Scalar, Tensor, attach, ensure, ops};

/// Distances of p-norm from differences over the last dimension, with PyTorch's gradients: 0 where the distance is 0
/// (aten/native/cpu/DistanceOpsKernel.cpp).
fn distances(diff: &Tensor, p: f64) -> Result<Tensor> {
    let last = Some(&[-1i64][..]);
    if p == 0.0 {
        let apart = ops::ne(diff, &Tensor::number(0)?)?;
        let out = ops::to_dtype(&apart, diff.dtype())?;
        return ops::sum_dim(&out, last, false, None);
    }
    ops::vector_norm(diff, Scalar::Float(p), last, false, None)
}

ops! {
    /// Distances (by p-norm) of each row of (*, P, M) to each row of (*, R, M): (*, P, R). The batch dimensions broadcast.
    ///
    /// PyTorch: `torch.cdist`.
    [torch]
    fn cdist(x1: Tensor, x2: Tensor, p: f64 = 2.0, compute_mode: String = "use_mm_for_euclid_dist_if_necessary") -> Tensor {
        ensure!(
            x1.ndim() >= 2 && x2.ndim() >= 2,
            Shape,
            "cdist: cdist only supports at least 2D tensors, X1 got: {}D, X2 got: {}D",
            x1.ndim(),
            x2.ndim()
        );
        ensure!(
            x1.shape()[x1.ndim() - 1] == x2.shape()[x2.ndim() - 1],
            Shape,
            "cdist: X1 and X2 must have the same number of columns. X1: {} X2: {}",
            x1.shape()[x1.ndim() - 1],
            x2.shape()[x2.ndim() - 1]
        );
        ensure!(
            x1.dtype().is_float() && x2.dtype().is_float(),
            DType,
            "cdist: cdist only supports floating-point dtypes, X1 got: {}, X2 got: {}",
            x1.dtype(),
            x2.dtype()
        );
        ensure!(p >= 0.0, Value, "cdist: cdist only supports non-negative p values, got {p}");
        let modes = ["use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"];
        ensure!(modes.contains(&compute_mode), Value, "cdist: {compute_mode} is not a valid value for compute_mode");
        let diff = ops::sub(&ops::unsqueeze(x1, -2)?, &ops::unsqueeze(x2, -3)?)?;
        let out = distances(&diff, p)?;
        if p == 0.0 && (x1.requires_grad() || x2.requires_grad()) {
            // The count of differing elements is constant almost everywhere.
            let (a, b) = (x1.shape().to_vec(), x2.shape().to_vec());
            let out = out.detach();
            attach(&[&out], "CdistBackward0", &[x1, x2], &[], move |ctx| {
                let d = ctx.grad(0)?.dtype();
                Ok(vec![Some(Tensor::zeros(&a, d)?), Some(Tensor::zeros(&b, d)?)])
            });
            return Ok(out);
        }
        // Euclidean distances of many rows (or where asked for) PyTorch computes by a product of matrices.
        let many = x1.shape()[x1.ndim() - 2].max(x2.shape()[x2.ndim() - 2]) > 25;
        if p == 2.0 && (compute_mode == modes[1] || (compute_mode == modes[0] && many)) {
            return ops::view(&out, &out.sizes());
        }
        composite("CdistBackward0", &[x1, x2], Ok(out))
    }

    /// Distances (by p-norm) between every two different rows of (N, M): a vector of N (N - 1) / 2.
    ///
    /// PyTorch: `torch.nn.functional.pdist`.
    [torch F]
    fn pdist(input: Tensor, p: f64 = 2.0) -> Tensor {
        ensure!(input.ndim() == 2, Shape, "pdist: pdist only supports 2D tensors, got: {}D", input.ndim());
        ensure!(input.dtype().is_float(), DType, "pdist: pdist only supports floating-point dtypes, got {}", input.dtype());
        ensure!(p >= 0.0, Value, "pdist: pdist only supports non-negative p values, got {p}");
        let n = input.shape()[0];
        let pairs = |first: bool| -> Vec<i64> {
            (0..n).flat_map(|i| (i + 1..n).map(move |j| if first { i as i64 } else { j as i64 })).collect()
        };
        let rows = |first: bool| -> Result<Tensor> {
            let list = pairs(first);
            ops::index_select(input, 0, &Tensor::from_slice(&list, &[list.len()])?)
        };
        let diff = ops::sub(&rows(true)?, &rows(false)?)?;
        let out = distances(&diff, p)?;
        if p == 0.0 && input.requires_grad() {
            let out = out.detach();
            let shape = input.shape().to_vec();
            attach(&[&out], "PdistBackward0", &[input], &[], move |ctx| {
                Ok(vec![Some(Tensor::zeros(&shape, ctx.grad(0)?.dtype())?)])
            });
            return Ok(out);
        }
        composite("PdistBackward0", &[input], Ok(out))
    }
}
