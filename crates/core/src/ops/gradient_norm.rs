//! Bounds on gradients (`torch.nn.utils.clip_grad`).

use crate::autograd::no_grad;
use crate::losses::number;
use crate::{DType, Tensor, ops};

ops! {
    /// The norm of the elements of all tensors together.
    ///
    /// PyTorch: `torch.nn.utils.get_total_norm`.
    [private]
    fn total_norm(tensors: Vec<Tensor>, norm_type: f64) -> Tensor {
        if tensors.is_empty() {
            return Tensor::zeros(&[], DType::F32);
        }
        let norms = tensors
            .iter()
            .map(|t| ops::vector_norm(t, norm_type.into(), None, false, None))
            .collect::<crate::Result<Vec<_>>>()?;
        ops::vector_norm(&ops::stack(&norms, 0)?, norm_type.into(), None, false, None)
    }

    /// Scales gradients, in place, so that their norm, which was `total_norm`, is at most `max_norm`.
    ///
    /// PyTorch: `torch.nn.utils.clip_grads_with_norm_`.
    [private]
    fn clip_grads(grads: Vec<Tensor>, max_norm: f64, total_norm: Tensor) -> () {
        no_grad(|| {
            let factor = ops::div(&number(max_norm)?, &ops::add(total_norm, &number(1e-6)?)?)?;
            let factor = ops::clamp_max(&factor, &number(1.0)?)?;
            for g in grads {
                g.copy_from(&ops::mul(g, &ops::to_dtype(&factor, g.dtype())?)?)?;
                g.storage().bump();
            }
            Ok(())
        })
    }
}
