//! Reductions.

use crate::autograd::no_grad;
use crate::layout::wrap_dims;
use crate::{DType, Shape, Tensor, attach, ops};

ops! {
    /// Sum over these dimensions (all of them when none is named).
    ///
    /// PyTorch: `torch.sum`.
    [torch tensor as sum]
    fn sum_dim(input: Tensor, dim: Option<Vec<i64>>, keepdim: bool = false, dtype: Option<DType> = None) -> Tensor {
        let flags = wrap_dims("sum", dim, input.ndim())?;
        let dtype = dtype.unwrap_or(if input.dtype().is_float() { input.dtype() } else { DType::I64 });
        let data = input.cast_data(dtype)?;
        let mut parts = data.detach();
        for (d, _) in flags.iter().enumerate().filter(|f| *f.1) {
            let n = parts.shape()[d];
            let mut shape: Shape = parts.shape().into();
            shape[d] = 1;
            let sum = Tensor::zeros(&shape, dtype)?;
            for i in 0..n {
                let part = no_grad(|| ops::narrow(&parts, d as i64, &Tensor::number(i as i64)?, 1))?;
                ops::graph::add_into(&sum, &part)?;
            }
            parts = sum;
        }
        let kept: Vec<i64> = (0..input.ndim()).map(|d| if flags[d] { 1 } else { input.shape()[d] as i64 }).collect();
        let out = if keepdim {
            parts
        } else {
            let shape: Vec<i64> = (0..input.ndim()).filter(|&d| !flags[d]).map(|d| input.shape()[d] as i64).collect();
            no_grad(|| ops::reshape(&parts, &shape))?.detach()
        };
        let before = input.sizes();
        attach(&[&out], "SumBackward1", &[input], &[], move |ctx| {
            Ok(vec![Some(ops::expand(&ops::reshape(&ctx.grad(0)?, &kept)?, &before)?)])
        });
        Ok(out)
    }
}

