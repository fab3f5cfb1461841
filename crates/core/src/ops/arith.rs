//! Arithmetic.

use crate::call::Operand;
use crate::lane::expr::{NumOp, arith as expr};
use crate::{Result, Scalar, Tensor, attach, autograd, bail, ops, pointwise, promote};

/// Adds or subtracts: the gradients are the incoming one, so nothing is saved and nothing computed.
fn add_like<P: NumOp>(name: &'static str, x: &Tensor, y: &Tensor, alpha: f64, sign: f64) -> Result<Tensor> {
    let out = autograd::no_grad(|| pointwise::num::<P>(name, &[x, y], &[alpha]))?;
    attach(&[&out], name, &[x, y], &[], move |ctx| {
        let y = ctx.when(1, || {
            let g = ctx.grad(0)?;
            if alpha * sign == 1.0 { Ok(g) } else { ops::mul(&g, &Tensor::number(alpha * sign)?) }
        })?;
        Ok(vec![ctx.opt_grad(0).cloned(), y])
    });
    Ok(out)
}

fn check_alpha(op: &str, x: &Tensor, y: &Tensor, alpha: Scalar) -> Result<()> {
    if alpha.is_float() && !promote::result_type(&[x, y]).is_float() {
        bail!(Runtime, "{op}: For integral input tensors, argument alpha must not be a floating point number.");
    }
    Ok(())
}

ops! {
    /// input + other.
    ///
    /// PyTorch: `torch.add`.
    [torch tensor inplace direct]
    fn add(input: Operand, other: Operand) -> Tensor {
        add_like::<expr::add_alpha::Op>("AddBackward0", input, other, 1.0, 1.0)
    }

    /// input + alpha * other.
    [torch tensor inplace direct as add]
    fn add_alpha(input: Operand, other: Operand, alpha: Scalar = 1) -> Tensor {
        check_alpha("add", input, other, alpha)?;
        add_like::<expr::add_alpha::Op>("AddBackward0", input, other, alpha.to_f64(), 1.0)
    }

    /// input - other.
    ///
    /// PyTorch: `torch.sub`.
    [torch tensor inplace direct "subtract"]
    fn sub(input: Operand, other: Operand) -> Tensor {
        add_like::<expr::sub_alpha::Op>("SubBackward0", input, other, 1.0, -1.0)
    }

    /// input * other.
    ///
    /// PyTorch: `torch.mul`.
    [torch tensor inplace direct "multiply"]
    fn mul(input: Operand, other: Operand) -> Tensor {
        pointwise::num::<expr::mul::Op>("MulBackward0", &[input, other], &[])
    }

    /// input / other, as floats.
    ///
    /// PyTorch: `torch.div`.
    [torch tensor inplace direct "divide" "true_divide"]
    fn div(input: Operand, other: Operand) -> Tensor {
        pointwise::real::<expr::div::Op>("DivBackward0", &[input, other], &[])
    }
}
