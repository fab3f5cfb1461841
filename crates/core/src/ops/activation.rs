//! Activation functions.

use crate::lane::expr::activation as expr;
use crate::{Result, Scalar, Tensor, autograd, ensure, ops, pointwise};

/// SELU's constants (Klambauer et al. 2017), to float64 precision.
const SELU_ALPHA: f64 = 1.6732632423543772848170429916717;
const SELU_SCALE: f64 = 1.0507009873554804934193349852946;

/// Computes `f(input)`, or with `inplace` puts it into the input, as the functional activations do.
fn in_place(op: &str, inplace: bool, input: &Tensor, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if !inplace {
        return f(input);
    }
    autograd::inplace::inplace(op, input, input.requires_grad(), f)?;
    Ok(input.clone())
}

fn elu_with(name: &'static str, x: &Tensor, alpha: f64, scale: f64, input_scale: f64) -> Result<Tensor> {
    ops::needs_float("elu", &[x])?;
    pointwise::real::<expr::elu::Op>(name, &[x], &[alpha, scale, input_scale])
}

ops! {
    /// max(input, 0).
    ///
    /// PyTorch: `torch.relu`, `torch.nn.functional.relu`.
    [torch tensor inplace direct]
    fn relu(input: Tensor) -> Tensor {
        ensure!(input.dtype() != crate::DType::Bool, Runtime, "relu: Boolean inputs not supported for relu");
        pointwise::num::<expr::relu::Op>("ReluBackward0", &[input], &[])
    }

    /// max(input, 0). With `inplace`, the input itself is changed.
    [F as relu]
    fn relu_functional(input: Tensor, inplace: bool = false) -> Tensor {
        in_place("relu", inplace, input, |x| ops::relu(x))
    }

    /// input between 0 and 6.
    ///
    /// PyTorch: `torch.nn.functional.relu6`.
    [F]
    fn relu6(input: Tensor, inplace: bool = false) -> Tensor {
        ops::hardtanh(input, Scalar::Int(0), Scalar::Int(6), inplace)
    }

    /// input between minVal and maxVal.
    ///
    /// PyTorch: `torch.nn.functional.hardtanh`.
    [F]
    fn hardtanh(input: Tensor, min_val: Scalar = -1.0, max_val: Scalar = 1.0, inplace: bool = false) -> Tensor {
        ops::not_bool("hardtanh", &[input])?;
        let bounds = [min_val.to_f64(), max_val.to_f64()];
        ensure!(bounds[0] <= bounds[1], Value, "hardtanh: min_val cannot be greater than max_val");
        in_place("hardtanh", inplace, input, |x| pointwise::num::<expr::hardtanh::Op>("HardtanhBackward0", &[x], &bounds))
    }

    /// input where it is above the threshold, else value.
    ///
    /// PyTorch: `torch.nn.functional.threshold`.
    [torch F]
    fn threshold(input: Tensor, threshold: Scalar, value: Scalar, inplace: bool = false) -> Tensor {
        ops::not_bool("threshold", &[input])?;
        let params = [threshold.to_f64(), value.to_f64()];
        in_place("threshold", inplace, input, |x| pointwise::num::<expr::threshold::Op>("ThresholdBackward0", &[x], &params))
    }

    /// input where positive, negativeSlope * input elsewhere.
    ///
    /// PyTorch: `torch.nn.functional.leaky_relu`.
    [F]
    fn leaky_relu(input: Tensor, negative_slope: f64 = 0.01, inplace: bool = false) -> Tensor {
        ops::needs_float("leaky_relu", &[input])?;
        in_place("leaky_relu", inplace, input, |x| pointwise::real::<expr::leaky_relu::Op>("LeakyReluBackward0", &[x], &[negative_slope]))
    }

    /// input where positive, weight * input elsewhere; `weight` holds one number or one per channel (dimension 1).
    ///
    /// PyTorch: `torch.nn.functional.prelu`.
    [torch F tensor]
    fn prelu(input: Tensor, weight: Tensor) -> Tensor {
        ensure!(
            input.dtype() == weight.dtype(),
            Runtime,
            "prelu: Type promoting not supported. Got {} and {}",
            input.dtype(),
            weight.dtype()
        );
        ensure!(
            weight.ndim() <= 1,
            Shape,
            "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {}",
            weight.ndim()
        );
        let mut w = weight.clone();
        if weight.numel() != 1 {
            ensure!(input.ndim() > 0, Shape, "prelu: Not allow zero-dim input tensor.");
            let channels = if input.ndim() > 1 { input.size(1) } else { 1 };
            ensure!(
                channels == weight.numel(),
                Shape,
                "prelu: Mismatch of parameter numbers and input channel size. Found parameter numbers = {} and channel size = {channels}.",
                weight.numel()
            );
        }
        if input.ndim() > 0 {
            let mut shape = vec![1; input.ndim()];
            shape[if input.ndim() > 1 { 1 } else { 0 }] = weight.numel() as i64;
            w = ops::reshape(&w, &shape)?;
        } else if weight.ndim() == 1 {
            w = ops::reshape(&w, &[])?;
        }
        pointwise::real::<expr::prelu::Op>("PreluKernelBackward0", &[input, &w], &[])
    }

    /// input where positive, alpha * (e^input - 1) elsewhere.
    ///
    /// PyTorch: `torch.nn.functional.elu`.
    [F]
    fn elu(input: Tensor, alpha: f64 = 1.0, inplace: bool = false) -> Tensor {
        in_place("elu", inplace, input, |x| elu_with("EluBackward0", x, alpha, 1.0, 1.0))
    }

    /// ELU scaled so that activations normalise themselves.
    ///
    /// PyTorch: `torch.nn.functional.selu`.
    [torch F]
    fn selu(input: Tensor, inplace: bool = false) -> Tensor {
        in_place("selu", inplace, input, |x| elu_with("EluBackward0", x, SELU_ALPHA, SELU_SCALE, 1.0))
    }

    /// max(0, input) + min(0, alpha * (e^(input / alpha) - 1)).
    ///
    /// PyTorch: `torch.nn.functional.celu`.
    [torch F]
    fn celu(input: Tensor, alpha: f64 = 1.0, inplace: bool = false) -> Tensor {
        ensure!(alpha != 0.0, Runtime, "celu: ZeroDivisionError: alpha cannot be 0 for CELU");
        in_place("celu", inplace, input, |x| elu_with("CeluBackward0", x, alpha, 1.0, 1.0 / alpha))
    }

    /// input * Phi(input) with the normal distribution's Phi; `approximate` is "none" or "tanh".
    ///
    /// PyTorch: `torch.nn.functional.gelu`.
    [F]
    fn gelu(input: Tensor, approximate: String = "none") -> Tensor {
        ops::needs_float("gelu", &[input])?;
        match approximate {
            "none" => pointwise::real::<expr::gelu::Op>("GeluBackward0", &[input], &[]),
            "tanh" => pointwise::real::<expr::gelu_tanh::Op>("GeluBackward0", &[input], &[]),
            other => crate::bail!(Runtime, "gelu: approximate argument must be either none or tanh, but got {other}."),
        }
    }

    /// input * sigmoid(input).
    ///
    /// PyTorch: `torch.nn.functional.silu`.
    [F]
    fn silu(input: Tensor, inplace: bool = false) -> Tensor {
        ops::needs_float("silu", &[input])?;
        in_place("silu", inplace, input, |x| pointwise::real::<expr::silu::Op>("SiluBackward0", &[x], &[]))
    }

    /// input * tanh(softplus(input)).
    ///
    /// PyTorch: `torch.nn.functional.mish`.
    [F]
    fn mish(input: Tensor, inplace: bool = false) -> Tensor {
        ops::needs_float("mish", &[input])?;
        in_place("mish", inplace, input, |x| pointwise::real::<expr::mish::Op>("MishBackward0", &[x], &[]))
    }

    /// log(1 + e^(beta * input)) / beta, or the input itself where beta * input > threshold.
    ///
    /// PyTorch: `torch.nn.functional.softplus`.
    [F]
    fn softplus(input: Tensor, beta: f64 = 1.0, threshold: f64 = 20.0) -> Tensor {
        ops::needs_float("softplus", &[input])?;
        pointwise::real::<expr::softplus::Op>("SoftplusBackward0", &[input], &[beta, threshold])
    }

    /// log(sigmoid(input)).
    ///
    /// PyTorch: `torch.nn.functional.logsigmoid`.
    [F]
    fn logsigmoid(input: Tensor) -> Tensor {
        ops::needs_float("log_sigmoid_forward", &[input])?;
        pointwise::real::<expr::logsigmoid::Op>("LogSigmoidBackward0", &[input], &[])
    }

    /// input / (1 + |input|).
    ///
    /// PyTorch: `torch.nn.functional.softsign`.
    [F]
    fn softsign(input: Tensor) -> Tensor {
        pointwise::real::<expr::softsign::Op>("DivBackward0", &[input], &[])
    }

    /// input where |input| > lambd, else 0.
    ///
    /// PyTorch: `torch.nn.functional.hardshrink`.
    [torch F tensor]
    fn hardshrink(input: Tensor, lambd: f64 = 0.5) -> Tensor {
        ops::needs_float("hardshrink", &[input])?;
        pointwise::real::<expr::hardshrink::Op>("HardshrinkBackward0", &[input], &[lambd])
    }

    /// input moved towards 0 by lambd; 0 where |input| <= lambd.
    ///
    /// PyTorch: `torch.nn.functional.softshrink`.
    [F]
    fn softshrink(input: Tensor, lambd: f64 = 0.5) -> Tensor {
        ops::needs_float("softshrink", &[input])?;
        ensure!(
            lambd >= 0.0,
            Runtime,
            "softshrink: lambda must be greater or equal to 0, but found to be {lambd}."
        );
        pointwise::real::<expr::softshrink::Op>("SoftshrinkBackward0", &[input], &[lambd])
    }

    /// input - tanh(input).
    ///
    /// PyTorch: `torch.nn.functional.tanhshrink`.
    [F]
    fn tanhshrink(input: Tensor) -> Tensor {
        pointwise::real::<expr::tanhshrink::Op>("SubBackward0", &[input], &[])
    }

    /// input / 6 + 1 / 2, between 0 and 1.
    ///
    /// PyTorch: `torch.nn.functional.hardsigmoid`.
    [F]
    fn hardsigmoid(input: Tensor, inplace: bool = false) -> Tensor {
        ops::needs_float("hardsigmoid", &[input])?;
        in_place("hardsigmoid", inplace, input, |x| pointwise::real::<expr::hardsigmoid::Op>("HardsigmoidBackward0", &[x], &[]))
    }

    /// input * hardsigmoid(input).
    ///
    /// PyTorch: `torch.nn.functional.hardswish`.
    [F]
    fn hardswish(input: Tensor, inplace: bool = false) -> Tensor {
        ops::needs_float("hardswish", &[input])?;
        in_place("hardswish", inplace, input, |x| pointwise::real::<expr::hardswish::Op>("HardswishBackward0", &[x], &[]))
    }
}
