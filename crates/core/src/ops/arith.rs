//! Arithmetic.

use crate::call::Operand;
use crate::demand::{self, Class, Demand, Test};
use crate::lane::expr::{NumOp, arith as expr, bitwise};
use crate::{DType, Result, Scalar, Tensor, attach, autograd, bail, ensure, ops, pointwise, promote};

/// Adds or subtracts: the gradients are the incoming one, so nothing is saved and nothing computed.
fn add_like<P: NumOp, A: NumOp>(name: &'static str, x: &Tensor, y: &Tensor, alpha: f64, sign: f64) -> Result<Tensor> {
    let out = autograd::no_grad(|| match alpha {
        1.0 => pointwise::num::<P>(name, &[x, y], &[]),
        _ => pointwise::num::<A>(name, &[x, y], &[alpha]),
    })?;
    attach(&[&out], name, &[x, y], &[], move |ctx| {
        let y = ctx.when(1, || {
            let g = ctx.grad(0)?;
            if alpha * sign == 1.0 { Ok(g) } else { ops::mul(&g, &Tensor::number(alpha * sign)?) }
        })?;
        Ok(vec![ctx.opt_grad(0).cloned(), y])
    });
    Ok(out)
}

/// `t * v` as the overload that takes a number, which PyTorch's own C++ calls; from Python a number becomes a tensor.
pub(crate) fn mul_number(t: &Tensor, v: f64) -> Result<Tensor> {
    pointwise::num::<expr::mul::Op>("MulBackward1", &[t, &Tensor::number(v)?], &[])
}

/// `t / v` as the overload that takes a number.
pub(crate) fn div_number(t: &Tensor, v: f64) -> Result<Tensor> {
    pointwise::real::<expr::div::Op>("DivBackward1", &[t, &Tensor::number(v)?], &[])
}

/// The checks of at::native::alpha_check.
fn check_alpha(op: &str, dtype: DType, alpha: Scalar) -> Result<()> {
    ensure!(
        !matches!(alpha, Scalar::Bool(_)) || dtype == DType::Bool,
        Runtime,
        "{op}: Boolean alpha only supported for Boolean results."
    );
    ensure!(
        !alpha.is_float() || dtype.is_float(),
        Runtime,
        "{op}: For integral input tensors, argument alpha must not be a floating point number."
    );
    Ok(())
}

fn both_bool(x: &Tensor, y: &Tensor) -> bool {
    x.dtype() == DType::Bool && y.dtype() == DType::Bool
}

/// PyTorch refuses to subtract bools.
fn check_sub(x: &Tensor, y: &Tensor) -> Result<()> {
    ensure!(
        !both_bool(x, y),
        Runtime,
        "sub: Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead."
    );
    ensure!(
        x.dtype() != DType::Bool && y.dtype() != DType::Bool,
        Runtime,
        "sub: Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
    );
    Ok(())
}

/// Refuses operands that are not floats.
pub(crate) fn needs_float(op: &str, ins: &[&Tensor]) -> Result<()> {
    let dtype = promote::result_type(ins);
    ensure!(
        dtype.is_float(),
        NotImplemented,
        "{op}: \"{op}_cpu\" not implemented for '{}'; convert to a float dtype",
        dtype.c_name()
    );
    Ok(())
}

/// Refuses bools.
pub(crate) fn not_bool(op: &str, ins: &[&Tensor]) -> Result<()> {
    ensure!(
        promote::result_type(ins) != DType::Bool,
        NotImplemented,
        "{op}: \"{op}_cpu\" not implemented for 'Bool'; convert to another dtype"
    );
    Ok(())
}

static DIVISOR: Demand = Demand {
    class: Class::Runtime,
    test: Test::NotZero,
    input: 1,
    says: |op, _| format!("{op}: ZeroDivisionError: integer division by zero"),
};

/// Refuses an integer division by zero, which has no result; gives what the kernel has to look for where the op cannot.
fn no_zero(op: &str, x: &Tensor, y: &Tensor) -> Result<Option<&'static Demand>> {
    if promote::result_type(&[x, y]).is_float() {
        return Ok(None);
    }
    demand::on_host(op, y, &DIVISOR, 0)?;
    Ok((!y.is_readable()).then_some(&DIVISOR))
}

ops! {
    /// input + other. Of two bools: their logical or.
    ///
    /// PyTorch: `torch.add`.
    [torch tensor inplace direct]
    fn add(input: Operand, other: Operand) -> Tensor {
        if both_bool(input, other) {
            return pointwise::bits::<bitwise::bitwise_or::Op>(&[input, other]);
        }
        add_like::<expr::add::Op, expr::add_alpha::Op>("AddBackward0", input, other, 1.0, 1.0)
    }

    /// input + alpha * other.
    [torch tensor inplace direct as add]
    fn add_alpha(input: Operand, other: Operand, alpha: Scalar = 1) -> Tensor {
        check_alpha("add", promote::result_type(&[input, other]), alpha)?;
        if both_bool(input, other) {
            return if alpha.to_f64() == 0.0 { ops::clone(input) } else { ops::add(input, other) };
        }
        add_like::<expr::add::Op, expr::add_alpha::Op>("AddBackward0", input, other, alpha.to_f64(), 1.0)
    }

    /// input - other. Bools are refused.
    ///
    /// PyTorch: `torch.sub`.
    [torch tensor inplace direct "subtract"]
    fn sub(input: Operand, other: Operand) -> Tensor {
        check_sub(input, other)?;
        // Python's `1 - x` is `torch.rsub(x, 1)`.
        let name = if input.is_wrapped_number() { "RsubBackward1" } else { "SubBackward0" };
        add_like::<expr::sub::Op, expr::sub_alpha::Op>(name, input, other, 1.0, -1.0)
    }

    /// input - alpha * other.
    [torch tensor inplace direct as sub "subtract"]
    fn sub_alpha(input: Operand, other: Operand, alpha: Scalar = 1) -> Tensor {
        check_sub(input, other)?;
        check_alpha("sub", promote::result_type(&[input, other]), alpha)?;
        add_like::<expr::sub::Op, expr::sub_alpha::Op>("SubBackward0", input, other, alpha.to_f64(), -1.0)
    }

    /// other - alpha * input.
    ///
    /// PyTorch: `torch.rsub`.
    [torch]
    fn rsub(input: Tensor, other: Operand, alpha: Scalar = 1) -> Tensor {
        check_sub(other, input)?;
        check_alpha("rsub", promote::result_type(&[other, input]), alpha)?;
        let name = if other.is_wrapped_number() { "RsubBackward1" } else { "RsubBackward0" };
        add_like::<expr::sub::Op, expr::sub_alpha::Op>(name, other, input, alpha.to_f64(), -1.0)
    }

    /// input * other. Of two bools: their logical and.
    ///
    /// PyTorch: `torch.mul`.
    [torch tensor inplace direct "multiply"]
    fn mul(input: Operand, other: Operand) -> Tensor {
        if both_bool(input, other) {
            return pointwise::bits::<bitwise::bitwise_and::Op>(&[input, other]);
        }
        pointwise::num::<expr::mul::Op>("MulBackward0", &[input, other], &[])
    }

    /// input / other, as floats.
    ///
    /// PyTorch: `torch.div`.
    [torch tensor inplace direct "divide" "true_divide"]
    fn div(input: Operand, other: Operand) -> Tensor {
        // Python's `1 / x` is `x.reciprocal() * 1`.
        let name = if input.is_wrapped_number() { "MulBackward0" } else { "DivBackward0" };
        pointwise::real::<expr::div::Op>(name, &[input, other], &[])
    }

    /// input / other, rounded: `"trunc"` towards zero, `"floor"` down (as Python's `//`), null not at all. Integers stay
    /// integers when rounded; dividing them by zero is an error.
    [torch tensor inplace direct as div "divide" "true_divide"]
    fn div_rounded(input: Operand, other: Operand, rounding_mode: Option<String>) -> Tensor {
        match rounding_mode {
            None => ops::div(input, other),
            Some("trunc") => {
                not_bool("div_trunc", &[input, other])?;
                let demand = no_zero("div", input, other)?;
                pointwise::num_demanding::<expr::trunc_div::Op>(demand, "DivBackward2", &[input, other], &[])
            }
            Some("floor") => {
                not_bool("div_floor", &[input, other])?;
                let demand = no_zero("div", input, other)?;
                pointwise::num_demanding::<expr::floor_div::Op>(demand, "DivBackward2", &[input, other], &[])
            }
            Some(mode) => bail!(
                Runtime,
                "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{mode}'"
            ),
        }
    }

    /// input / other rounded down, as Python's `//`. Not differentiable.
    ///
    /// PyTorch: `torch.floor_divide`.
    [torch tensor inplace direct]
    fn floor_divide(input: Operand, other: Operand) -> Tensor {
        not_bool("floor_divide", &[input, other])?;
        let demand = no_zero("floor_divide", input, other)?;
        autograd::no_grad(|| pointwise::num_demanding::<expr::floor_div::Op>(demand, "", &[input, other], &[]))
    }

    /// The remainder of input / other, with input's sign (C's `fmod`).
    ///
    /// PyTorch: `torch.fmod`.
    [torch tensor inplace direct]
    fn fmod(input: Tensor, other: Operand) -> Tensor {
        not_bool("fmod", &[input, other])?;
        let demand = no_zero("fmod", input, other)?;
        let name = if other.is_wrapped_number() { "FmodBackward0" } else { "FmodBackward1" };
        pointwise::num_demanding::<expr::fmod::Op>(demand, name, &[input, other], &[])
    }

    /// The remainder of input / other, with other's sign (Python's `%`).
    ///
    /// PyTorch: `torch.remainder`.
    [torch tensor inplace direct]
    fn remainder(input: Operand, other: Operand) -> Tensor {
        ops::needs_tensor("remainder", input, other)?;
        not_bool("remainder", &[input, other])?;
        let demand = no_zero("remainder", input, other)?;
        let name = if other.is_wrapped_number() { "RemainderBackward0" } else { "RemainderBackward1" };
        pointwise::num_demanding::<expr::remainder::Op>(demand, name, &[input, other], &[])
    }

    /// -input. Bools are refused.
    ///
    /// PyTorch: `torch.neg`.
    [torch tensor inplace direct "negative"]
    fn neg(input: Tensor) -> Tensor {
        ensure!(
            input.dtype() != DType::Bool,
            Runtime,
            "neg: Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
        );
        pointwise::num::<expr::neg::Op>("NegBackward0", &[input], &[])
    }

    /// input itself. Bools are refused.
    ///
    /// PyTorch: `torch.positive`.
    [torch tensor]
    fn positive(input: Tensor) -> Tensor {
        ensure!(
            input.dtype() != DType::Bool,
            Runtime,
            "positive: The `+` operator, on a bool tensor is not supported."
        );
        Ok(input.clone())
    }

    /// |input|.
    ///
    /// PyTorch: `torch.abs`.
    [torch tensor inplace direct "absolute"]
    fn abs(input: Tensor) -> Tensor {
        pointwise::num::<expr::abs::Op>("AbsBackward0", &[input], &[])
    }

    /// -1, 0 or 1 by the sign of each element.
    ///
    /// PyTorch: `torch.sign`.
    [torch tensor inplace direct]
    fn sign(input: Tensor) -> Tensor {
        pointwise::num::<expr::sign::Op>("SignBackward0", &[input], &[])
    }

    /// -1, 0 or 1 by the sign of each element; for complex numbers (which are not there yet) their direction.
    ///
    /// PyTorch: `torch.sgn`.
    [torch tensor inplace direct]
    fn sgn(input: Tensor) -> Tensor {
        pointwise::num::<expr::sign::Op>("SgnBackward0", &[input], &[])
    }

    /// 1 / input. Integers and bools become floats.
    ///
    /// PyTorch: `torch.reciprocal`.
    [torch tensor inplace direct]
    fn reciprocal(input: Tensor) -> Tensor {
        pointwise::real::<expr::reciprocal::Op>("ReciprocalBackward0", &[input], &[])
    }

    /// The angle in the complex plane: pi for negative numbers, else 0; NaN for NaN.
    ///
    /// PyTorch: `torch.angle`.
    [torch tensor]
    fn angle(input: Tensor) -> Tensor {
        pointwise::real::<expr::angle::Op>("AngleBackward0", &[input], &[])
    }

    /// The real part: the tensor itself.
    ///
    /// PyTorch: `torch.real`.
    [torch]
    fn real(input: Tensor) -> Tensor {
        Ok(input.clone())
    }

    /// The smaller one of each pair; NaN where either is NaN. The gradient is halved between equal ones.
    ///
    /// PyTorch: `torch.minimum`.
    [torch tensor]
    fn minimum(input: Tensor, other: Tensor) -> Tensor {
        pointwise::num::<expr::minimum::Op>("MinimumBackward0", &[input, other], &[])
    }

    /// The larger one of each pair; NaN where either is NaN. The gradient is halved between equal ones.
    ///
    /// PyTorch: `torch.maximum`.
    [torch tensor]
    fn maximum(input: Tensor, other: Tensor) -> Tensor {
        pointwise::num::<expr::maximum::Op>("MaximumBackward0", &[input, other], &[])
    }

    /// The smaller one of each pair; a NaN counts only where both are NaN.
    ///
    /// PyTorch: `torch.fmin`.
    [torch tensor]
    fn fmin(input: Tensor, other: Tensor) -> Tensor {
        pointwise::num::<expr::fmin::Op>("FminBackward0", &[input, other], &[])
    }

    /// The larger one of each pair; a NaN counts only where both are NaN.
    ///
    /// PyTorch: `torch.fmax`.
    [torch tensor]
    fn fmax(input: Tensor, other: Tensor) -> Tensor {
        pointwise::num::<expr::fmax::Op>("FmaxBackward0", &[input, other], &[])
    }

    /// Each element, at least min and at most max (max where min > max). One bound may be null.
    ///
    /// PyTorch: `torch.clamp`.
    [torch tensor inplace direct "clip"]
    fn clamp(input: Tensor, min: Option<Scalar> = None, max: Option<Scalar> = None) -> Tensor {
        if min.is_none() && max.is_none() {
            bail!(Runtime, "clamp: At least one of 'min' or 'max' must not be None");
        }
        let x = &clamp_type(input, &[min, max])?;
        match (min.map(Scalar::to_f64), max.map(Scalar::to_f64)) {
            // A bound that is not a number makes everything NaN.
            (a, b) if a.is_some_and(f64::is_nan) || b.is_some_and(f64::is_nan) => {
                ops::mul(x, &Tensor::number(f64::NAN)?)
            }
            (Some(a), Some(b)) => pointwise::num::<expr::clamp::Op>("ClampBackward1", &[x], &[a, b]),
            (Some(a), None) => pointwise::num::<expr::clamp_min::Op>("ClampBackward1", &[x], &[a]),
            (_, b) => pointwise::num::<expr::clamp_max::Op>("ClampBackward1", &[x], &[b.unwrap_or(f64::INFINITY)]),
        }
    }

    /// Each element between the bounds of its place; one bound may be null.
    [torch tensor inplace direct as clamp "clip"]
    fn clamp_tensor(input: Tensor, min: Option<Tensor> = None, max: Option<Tensor> = None) -> Tensor {
        match (min, max) {
            (Some(a), Some(b)) => {
                not_bool("clamp", &[input, a, b])?;
                pointwise::num::<expr::clamp_tensor::Op>("ClampBackward0", &[input, a, b], &[])
            }
            (Some(a), None) => pointwise::num::<expr::clamp_min_tensor::Op>("ClampBackward0", &[input, a], &[]),
            (None, Some(b)) => pointwise::num::<expr::clamp_max_tensor::Op>("ClampBackward0", &[input, b], &[]),
            (None, None) => bail!(Runtime, "clamp: At least one of 'min' or 'max' must not be None"),
        }
    }

    /// Each element, at least min: a number or a tensor.
    ///
    /// PyTorch: `torch.clamp_min`.
    [torch tensor inplace direct]
    fn clamp_min(input: Tensor, min: Operand) -> Tensor {
        if min.is_wrapped_number() {
            return clamp_number::<expr::clamp_min::Op>("ClampMinBackward0", input, min);
        }
        pointwise::num::<expr::clamp_min_tensor::Op>("ClampMinBackward1", &[input, min], &[])
    }

    /// Each element, at most max: a number or a tensor.
    ///
    /// PyTorch: `torch.clamp_max`.
    [torch tensor inplace direct]
    fn clamp_max(input: Tensor, max: Operand) -> Tensor {
        if max.is_wrapped_number() {
            return clamp_number::<expr::clamp_max::Op>("ClampMaxBackward0", input, max);
        }
        pointwise::num::<expr::clamp_max_tensor::Op>("ClampMaxBackward1", &[input, max], &[])
    }

    /// input + weight * (end - input); the weight is a number or a tensor. Floats only, of one dtype.
    ///
    /// PyTorch: `torch.lerp`.
    [torch tensor inplace direct]
    fn lerp(input: Tensor, end: Tensor, weight: Operand) -> Tensor {
        needs_float("lerp", &[input, end])?;
        same_dtype("lerp", "end", input, end)?;
        if weight.is_wrapped_number() {
            let w = weight.item()?.to_f64();
            return pointwise::real::<expr::lerp_scalar::Op>("LerpBackward0", &[input, end], &[w]);
        }
        same_dtype("lerp", "weight", input, weight)?;
        pointwise::real::<expr::lerp::Op>("LerpBackward1", &[input, end, weight], &[])
    }

    /// input + value * tensor1 * tensor2.
    ///
    /// PyTorch: `torch.addcmul`.
    [torch tensor inplace direct]
    fn addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, value: Scalar = 1) -> Tensor {
        let ins = [input, tensor1, tensor2];
        not_bool("addcmul", &ins)?;
        check_alpha("addcmul", promote::result_type(&ins), value)?;
        pointwise::num::<expr::addcmul::Op>("AddcmulBackward0", &ins, &[value.to_f64()])
    }

    /// input + value * tensor1 / tensor2. Integer division is refused.
    ///
    /// PyTorch: `torch.addcdiv`.
    [torch tensor inplace direct]
    fn addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, value: Scalar = 1) -> Tensor {
        ensure!(
            tensor1.dtype().is_float() || tensor2.dtype().is_float(),
            Runtime,
            "addcdiv: Integer division with addcdiv is no longer supported; use input + value * trunc(tensor1 / tensor2) or floats"
        );
        pointwise::real::<expr::addcdiv::Op>("AddcdivBackward0", &[input, tensor1, tensor2], &[value.to_f64()])
    }

    /// The magnitude of input with the sign of other. Integers and bools become floats.
    ///
    /// PyTorch: `torch.copysign`.
    [torch tensor inplace direct]
    fn copysign(input: Tensor, other: Operand) -> Tensor {
        let name = if other.is_wrapped_number() { "CopysignBackward1" } else { "CopysignBackward0" };
        pointwise::real::<expr::copysign::Op>(name, &[input, other], &[])
    }

    /// 0 where input < 0, 1 where input > 0, `values` where it is 0. Both need the same dtype. Not differentiable.
    ///
    /// PyTorch: `torch.heaviside`.
    [torch tensor inplace direct]
    fn heaviside(input: Tensor, values: Tensor) -> Tensor {
        ensure!(
            input.dtype() == values.dtype(),
            Runtime,
            "heaviside: heaviside is not yet implemented for tensors with different dtypes ({} and {})",
            input.dtype(),
            values.dtype()
        );
        pointwise::num::<expr::heaviside::Op>("", &[input, values], &[])
    }

    /// The next float after input in the direction of other. Floats only.
    ///
    /// PyTorch: `torch.nextafter`.
    [torch tensor inplace direct]
    fn nextafter(input: Tensor, other: Tensor) -> Tensor {
        needs_float("nextafter", &[input, other])?;
        pointwise::real::<expr::nextafter::Op>("NextafterBackward0", &[input, other], &[])
    }

    /// Mantissa m, between 1/2 and 1 in magnitude, and exponent e (int32) with input = m * 2^e. Floats only.
    ///
    /// PyTorch: `torch.frexp`.
    [torch tensor]
    fn frexp(input: Tensor) -> (mantissa: Tensor, exponent: Tensor) {
        needs_float("frexp", &[input])?;
        let exponent = pointwise::real::<expr::frexp_exponent::Op>("", &[&input.detach()], &[])?;
        let mantissa = pointwise::real::<expr::frexp_mantissa::Op>("FrexpBackward0", &[input], &[])?;
        Ok((mantissa, exponent.cast_data(DType::I32)?))
    }

    /// Numbers in place of NaN (0 by default) and of the infinities (by default the largest and smallest of the dtype).
    ///
    /// PyTorch: `torch.nan_to_num`.
    [torch tensor inplace direct]
    fn nan_to_num(input: Tensor, nan: Option<f64> = None, posinf: Option<f64> = None, neginf: Option<f64> = None) -> Tensor {
        if !input.dtype().is_float() {
            return ops::clone(input);
        }
        let most = if input.dtype() == DType::F32 { f32::MAX as f64 } else { f64::MAX };
        let params = [nan.unwrap_or(0.0), posinf.unwrap_or(most), neginf.unwrap_or(-most)];
        pointwise::real::<expr::nan_to_num::Op>("NanToNumBackward0", &[input], &params)
    }
}

/// Each element with one number as its bound. One that is not a number makes everything NaN.
fn clamp_number<P: NumOp>(name: &'static str, input: &Tensor, bound: &Tensor) -> Result<Tensor> {
    let bound = bound.item()?;
    let x = clamp_type(input, &[Some(bound), None])?;
    match bound.to_f64() {
        v if v.is_nan() => ops::mul(&x, &Tensor::number(v)?),
        v => pointwise::num::<P>(name, &[&x], &[v]),
    }
}

/// The input in the dtype that it and the bounds promote to.
fn clamp_type(input: &Tensor, bounds: &[Option<Scalar>]) -> Result<Tensor> {
    let mut dtype = input.dtype();
    for bound in bounds.iter().flatten() {
        let of_bound = promote::result_type(&[input, &Tensor::number(*bound)?]);
        dtype = promote::promote_types(dtype, of_bound);
    }
    ensure!(dtype != DType::Bool, NotImplemented, "clamp: \"clamp\" not implemented for 'Bool'; convert to another dtype");
    ops::to_dtype(input, dtype)
}

fn same_dtype(op: &str, name: &str, x: &Tensor, y: &Tensor) -> Result<()> {
    ensure!(
        x.dtype() == y.dtype(),
        DType,
        "{op}: expected dtype {} for `{name}` but got dtype {}; convert one with .to()",
        x.dtype().name(),
        y.dtype().name()
    );
    Ok(())
}
