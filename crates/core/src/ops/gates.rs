//! Activations that gate, and one with random slopes.

use crate::autograd;
use crate::autograd::composite;
use crate::losses::number;
use crate::{Tensor, ensure, ops};

ops! {
    /// The first half of dimension `dim` times the sigmoid of the second. Default: -1.
    ///
    /// PyTorch: `torch.nn.functional.glu`.
    [F]
    fn glu(input: Tensor, dim: i64 = -1) -> Tensor {
        ensure!(input.ndim() > 0, Shape, "glu does not support 0-dimensional tensors");
        let d = input.wrap_dim("glu", dim)?;
        let n = input.shape()[d];
        ensure!(n.is_multiple_of(2), Shape, "glu: Halving dimension must be even, but dimension {d} is size {n}");
        let half = |start: usize| ops::narrow(input, d as i64, &Tensor::number(start as i64)?, (n / 2) as i64);
        composite("GluBackward0", &[input], ops::mul(&half(0)?, &ops::sigmoid(&half(n / 2)?)?))
    }

    /// input where it is positive, else input times a slope: drawn from U(lower, upper) for each element in training,
    /// their mean otherwise. Default: `lower = 1/8, upper = 1/3, training = false`.
    ///
    /// PyTorch: `torch.nn.functional.rrelu`.
    [F]
    fn rrelu(input: Tensor, lower: f64 = 0.125, upper: f64 = 0.3333333333333333, training: bool = false,
             inplace: bool = false) -> Tensor {
        ensure!(
            lower <= upper,
            Value,
            "rrelu: Lower bound should be less than or equal to the upper bound, got {lower} and {upper}"
        );
        ensure!(
            input.dtype().is_float(),
            NotImplemented,
            "rrelu: \"rrelu_with_noise_out_cpu\" not implemented for '{}'; convert with .to(torch.float32) first",
            input.dtype().c_name()
        );
        const NODE: &str = "RreluWithNoiseBackward0";
        let f = |x: &Tensor| {
            if !training {
                return composite(NODE, &[x], ops::leaky_relu(x, (lower + upper) / 2.0, false));
            }
            // One draw for each element that is not positive, in order (aten/native/Activation.cpp).
            let negative = ops::le(&x.detach(), &number(0.0)?)?;
            let count = ops::count_nonzero(&negative, None)?.item()?.to_i64();
            let slopes = Tensor::empty(&[count as usize], x.dtype())?;
            draw_slopes(&slopes, lower, upper)?;
            let slopes = ops::masked_scatter(&Tensor::ones(x.shape(), x.dtype())?, &negative, &slopes)?;
            composite(NODE, &[x], ops::mul(x, &slopes))
        };
        if !inplace {
            return f(input);
        }
        autograd::inplace::inplace("rrelu", input, input.requires_grad(), f)?;
        Ok(input.clone())
    }
}

/// PyTorch draws the slopes as doubles, whatever the dtype, between bounds of the dtype.
fn draw_slopes(slopes: &Tensor, lower: f64, upper: f64) -> crate::Result<()> {
    let single = slopes.dtype() == crate::DType::F32;
    let [lower, upper] = [lower, upper].map(|bound| if single { bound as f32 as f64 } else { bound });
    let wide = Tensor::empty_on_host(slopes.shape(), crate::DType::F64)?;
    ops::uniform_(&wide, lower, upper, None)?;
    slopes.copy_from(&wide)
}
