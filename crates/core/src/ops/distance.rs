//! Distances and angles between vectors.

use crate::losses::{at_least, number};
use crate::reducing::Reduction;
use crate::{Tensor, ensure, layout, ops, promote};

ops! {
    /// The cosine of the angle between vectors along `dim`; norms are at least `eps`. Default: `dim = 1, eps = 1e-8`.
    ///
    /// PyTorch: `torch.nn.functional.cosine_similarity`.
    [torch F]
    fn cosine_similarity(x1: Tensor, x2: Tensor, dim: i64 = 1, eps: f64 = 1e-8) -> Tensor {
        let dtype = promote::result_type(&[x1, x2]);
        ensure!(dtype.is_float(), DType, "cosineSimilarity: expected common dtype to be floating point, yet common dtype is {dtype}");
        let shape = layout::broadcast_shapes("cosineSimilarity", x1.shape(), x2.shape())?;
        let sizes: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
        // Divided by their norms first: the result stays between -1 and 1 (PyTorch's Distance.cpp).
        let unit = |x: &Tensor| {
            let x = ops::expand(&ops::to_dtype(x, dtype)?, &sizes)?;
            let norm = ops::vector_norm(&x, 2.0.into(), Some(&[dim]), true, None)?;
            ops::div(&x, &at_least(&norm, eps)?)
        };
        ops::sum_dim(&ops::mul(&unit(x1)?, &unit(x2)?)?, Some(&[dim]), false, None)
    }

    /// The p-norm of x1 - x2 + eps along the last dimension. Default: `p = 2, eps = 1e-6`.
    ///
    /// PyTorch: `torch.nn.functional.pairwise_distance`.
    [torch F]
    fn pairwise_distance(x1: Tensor, x2: Tensor, p: f64 = 2.0, eps: f64 = 1e-6, keepdim: bool = false) -> Tensor {
        let d = ops::add(&ops::sub(x1, x2)?, &number(eps)?)?;
        ops::norms::vector("NormBackward1", "norm", &d, p, Reduction::along("norm", &d, -1, keepdim)?, None)
    }

    /// The vector divided by its p-norm along `dim`, which is at least `eps`. Default: `p = 2, dim = 1, eps = 1e-12`.
    ///
    /// PyTorch: `torch.nn.functional.normalize`.
    [F]
    fn normalize(input: Tensor, p: f64 = 2.0, dim: Vec<i64> = vec![1], eps: f64 = 1e-12) -> Tensor {
        let norm = ops::vector_norm(input, p.into(), Some(dim), true, None)?;
        ops::div(input, &ops::expand(&ops::clamp_min(&norm, &number(eps)?)?, &input.sizes())?)
    }
}
