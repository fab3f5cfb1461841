//! Powers, exponentials and logarithms.

use crate::call::Operand;
use crate::lane::expr::{arith, exponential as expr};
use crate::{DType, Tensor, bail, ensure, ops, pointwise, promote};

ops! {
    /// e to the power of each element. Integers and bools become floats.
    ///
    /// PyTorch: `torch.exp`.
    [torch tensor inplace direct]
    fn exp(input: Tensor) -> Tensor {
        pointwise::real::<expr::exp::Op>("ExpBackward0", &[input], &[])
    }

    /// 2 to the power of each element. Integers and bools become floats.
    ///
    /// PyTorch: `torch.exp2`.
    [torch tensor inplace direct "special.exp2"]
    fn exp2(input: Tensor) -> Tensor {
        pointwise::real::<expr::exp2::Op>("Exp2Backward0", &[input], &[])
    }

    /// e^x - 1, accurate near 0. Integers and bools become floats.
    ///
    /// PyTorch: `torch.expm1`.
    [torch tensor inplace direct "special.expm1"]
    fn expm1(input: Tensor) -> Tensor {
        pointwise::real::<expr::expm1::Op>("Expm1Backward0", &[input], &[])
    }

    /// The natural logarithm; NaN below 0. Integers and bools become floats.
    ///
    /// PyTorch: `torch.log`.
    [torch tensor inplace direct]
    fn log(input: Tensor) -> Tensor {
        pointwise::real::<expr::log::Op>("LogBackward0", &[input], &[])
    }

    /// The logarithm to base 2; NaN below 0. Integers and bools become floats.
    ///
    /// PyTorch: `torch.log2`.
    [torch tensor inplace direct]
    fn log2(input: Tensor) -> Tensor {
        pointwise::real::<expr::log2::Op>("Log2Backward0", &[input], &[])
    }

    /// The logarithm to base 10; NaN below 0. Integers and bools become floats.
    ///
    /// PyTorch: `torch.log10`.
    [torch tensor inplace direct]
    fn log10(input: Tensor) -> Tensor {
        pointwise::real::<expr::log10::Op>("Log10Backward0", &[input], &[])
    }

    /// log(1 + x), accurate near 0. Integers and bools become floats.
    ///
    /// PyTorch: `torch.log1p`.
    [torch tensor inplace direct "special.log1p"]
    fn log1p(input: Tensor) -> Tensor {
        pointwise::real::<expr::log1p::Op>("Log1PBackward0", &[input], &[])
    }

    /// The square root; NaN below 0. Integers and bools become floats.
    ///
    /// PyTorch: `torch.sqrt`.
    [torch tensor inplace direct]
    fn sqrt(input: Tensor) -> Tensor {
        pointwise::real::<expr::sqrt::Op>("SqrtBackward0", &[input], &[])
    }

    /// 1 / sqrt(x). Integers and bools become floats.
    ///
    /// PyTorch: `torch.rsqrt`.
    [torch tensor inplace direct]
    fn rsqrt(input: Tensor) -> Tensor {
        pointwise::real::<expr::rsqrt::Op>("RsqrtBackward0", &[input], &[])
    }

    /// 1 / (1 + e^-x). Integers and bools become floats.
    ///
    /// PyTorch: `torch.sigmoid`.
    [torch tensor inplace direct "special.expit" "F.sigmoid"]
    fn sigmoid(input: Tensor) -> Tensor {
        pointwise::real::<expr::sigmoid::Op>("SigmoidBackward0", &[input], &[])
    }

    /// The power `input ** exponent`; either may be a number. Integers to a negative integer power are refused.
    ///
    /// PyTorch: `torch.pow`.
    [torch tensor inplace direct]
    fn pow(input: Operand, exponent: Operand) -> Tensor {
        ensure!(
            !(input.is_wrapped_number() && exponent.is_wrapped_number()),
            Type,
            "pow(): argument 'input' or 'exponent' must be a Tensor, not two numbers"
        );
        if exponent.is_wrapped_number() {
            return power(input, exponent);
        }
        let name = if input.is_wrapped_number() { "PowBackward2" } else { "PowBackward1" };
        ensure!(
            promote::result_type(&[input, exponent]) != DType::Bool,
            NotImplemented,
            "pow: \"pow\" not implemented for 'Bool'"
        );
        pointwise::num::<expr::pow::Op>(name, &[input, exponent], &[])
    }

    /// The power in float64, whatever the operands' dtypes.
    ///
    /// PyTorch: `torch.float_power`.
    [torch tensor inplace]
    fn float_power(input: Operand, exponent: Operand) -> Tensor {
        let wide = |t: &Tensor| {
            let d = ops::to_dtype(t, DType::F64)?;
            d.set_wrapped_number(t.is_wrapped_number());
            Ok(d)
        };
        ops::pow(&wide(input)?, &wide(exponent)?)
    }

    /// x * x.
    ///
    /// PyTorch: `torch.square`.
    [torch tensor inplace direct]
    fn square(input: Tensor) -> Tensor {
        power(input, &Tensor::number(2)?)
    }

    /// log(e^input + e^other), without overflow.
    ///
    /// PyTorch: `torch.logaddexp`.
    [torch tensor]
    fn logaddexp(input: Tensor, other: Tensor) -> Tensor {
        pointwise::real::<expr::logaddexp::Op>("LogaddexpBackward0", &[input, other], &[])
    }

    /// log2(2^input + 2^other), without overflow.
    ///
    /// PyTorch: `torch.logaddexp2`.
    [torch tensor]
    fn logaddexp2(input: Tensor, other: Tensor) -> Tensor {
        pointwise::real::<expr::logaddexp2::Op>("Logaddexp2Backward0", &[input, other], &[])
    }

    /// input * log(other); 0 where input is 0 and other is not NaN.
    ///
    /// PyTorch: `torch.xlogy`.
    [torch tensor inplace direct "special.xlogy"]
    fn xlogy(input: Operand, other: Operand) -> Tensor {
        needs_tensor("xlogy", input, other)?;
        let name = overload(["XlogyBackward0", "XlogyBackward1", "XlogyBackward2"], input, other);
        pointwise::real::<expr::xlogy::Op>(name, &[input, other], &[])
    }

    /// input * log(1 + other); 0 where input is 0 and other is not NaN.
    ///
    /// PyTorch: `torch.special.xlog1py`.
    [special]
    fn xlog1py(input: Operand, other: Operand) -> Tensor {
        const NODES: [&str; 3] = ["SpecialXlog1PyBackward0", "SpecialXlog1PyBackward1", "SpecialXlog1PyBackward2"];
        needs_tensor("xlog1py", input, other)?;
        pointwise::real::<expr::xlog1py::Op>(overload(NODES, input, other), &[input, other], &[])
    }

    /// -x * log(x): 0 at 0, -inf below.
    ///
    /// PyTorch: `torch.special.entr`.
    [special]
    fn entr(input: Tensor) -> Tensor {
        pointwise::real::<expr::entr::Op>("SpecialEntrBackward0", &[input], &[])
    }

    /// log(x / (1 - x)); with `eps`, x is first brought between eps and 1 - eps.
    ///
    /// PyTorch: `torch.logit`.
    [torch tensor inplace direct "special.logit"]
    fn logit(input: Tensor, eps: Option<f64> = None) -> Tensor {
        match eps {
            Some(eps) => pointwise::real::<expr::logit_eps::Op>("LogitBackward0", &[input], &[eps]),
            None => pointwise::real::<expr::logit::Op>("LogitBackward0", &[input], &[]),
        }
    }

    /// input * 2^other.
    ///
    /// PyTorch: `torch.ldexp`.
    [torch tensor inplace]
    fn ldexp(input: Tensor, other: Tensor) -> Tensor {
        let out = ops::mul(input, &ops::pow(&Tensor::number(2.0)?, other)?);
        crate::autograd::composite("LdexpBackward0", &[input, other], out)
    }
}

/// The node of an op that has overloads for two tensors, a number first, and a number second.
pub(crate) fn overload(names: [&'static str; 3], x: &Tensor, y: &Tensor) -> &'static str {
    names[if x.is_wrapped_number() { 1 } else { 2 * usize::from(y.is_wrapped_number()) }]
}

/// Refuses two numbers: PyTorch's functions of two operands want a tensor among them.
pub(crate) fn needs_tensor(op: &str, x: &Tensor, y: &Tensor) -> crate::Result<()> {
    if x.is_wrapped_number() && y.is_wrapped_number() {
        bail!(Type, "{op}(): argument 'input' (position 1) must be Tensor, not a number");
    }
    Ok(())
}

/// A tensor to the power of a number. The frequent exponents have kernels of their own, as in
/// aten/native/cpu/PowKernel.cpp.
fn power(input: &Tensor, exponent: &Tensor) -> crate::Result<Tensor> {
    const NAME: &str = "PowBackward0";
    let (dtype, e) = (promote::result_type(&[input, exponent]), exponent.item()?);
    ensure!(
        !(dtype.is_int() && e.to_f64() < 0.0),
        Runtime,
        "pow: Integers to negative integer powers are not allowed."
    );
    ensure!(dtype != DType::Bool, NotImplemented, "pow: \"pow\" not implemented for 'Bool'");
    let x = &ops::to_dtype(input, dtype)?;
    let (ins, float) = (&[x], dtype.is_float());
    match e.to_f64() {
        2.0 => pointwise::num::<arith::square::Op>(NAME, ins, &[]),
        3.0 => pointwise::num::<expr::cube::Op>(NAME, ins, &[]),
        0.5 if float => pointwise::real::<expr::sqrt::Op>(NAME, ins, &[]),
        -0.5 if float => pointwise::real::<expr::rsqrt::Op>(NAME, ins, &[]),
        -1.0 if float => pointwise::real::<arith::reciprocal::Op>(NAME, ins, &[]),
        e => pointwise::num::<expr::pow_scalar::Op>(NAME, ins, &[e]),
    }
}
