//! Trigonometric and hyperbolic functions.

use crate::lane::expr::{arith, trig as expr};
use crate::{Tensor, ops, pointwise};

ops! {
    /// The sine of an angle in radians. Integers and bools become floats.
    ///
    /// PyTorch: `torch.sin`.
    [torch tensor inplace direct]
    fn sin(input: Tensor) -> Tensor {
        pointwise::real::<expr::sin::Op>("SinBackward0", &[input], &[])
    }

    /// The cosine of an angle in radians. Integers and bools become floats.
    ///
    /// PyTorch: `torch.cos`.
    [torch tensor inplace direct]
    fn cos(input: Tensor) -> Tensor {
        pointwise::real::<expr::cos::Op>("CosBackward0", &[input], &[])
    }

    /// The tangent of an angle in radians. Integers and bools become floats.
    ///
    /// PyTorch: `torch.tan`.
    [torch tensor inplace direct]
    fn tan(input: Tensor) -> Tensor {
        pointwise::real::<expr::tan::Op>("TanBackward0", &[input], &[])
    }

    /// The arc sine; NaN outside [-1, 1]. Integers and bools become floats.
    ///
    /// PyTorch: `torch.asin`.
    [torch tensor inplace direct "arcsin"]
    fn asin(input: Tensor) -> Tensor {
        pointwise::real::<expr::asin::Op>("AsinBackward0", &[input], &[])
    }

    /// The arc cosine; NaN outside [-1, 1]. Integers and bools become floats.
    ///
    /// PyTorch: `torch.acos`.
    [torch tensor inplace direct "arccos"]
    fn acos(input: Tensor) -> Tensor {
        pointwise::real::<expr::acos::Op>("AcosBackward0", &[input], &[])
    }

    /// The arc tangent. Integers and bools become floats.
    ///
    /// PyTorch: `torch.atan`.
    [torch tensor inplace direct "arctan"]
    fn atan(input: Tensor) -> Tensor {
        pointwise::real::<expr::atan::Op>("AtanBackward0", &[input], &[])
    }

    /// The hyperbolic sine. Integers and bools become floats.
    ///
    /// PyTorch: `torch.sinh`.
    [torch tensor inplace direct]
    fn sinh(input: Tensor) -> Tensor {
        pointwise::real::<expr::sinh::Op>("SinhBackward0", &[input], &[])
    }

    /// The hyperbolic cosine. Integers and bools become floats.
    ///
    /// PyTorch: `torch.cosh`.
    [torch tensor inplace direct]
    fn cosh(input: Tensor) -> Tensor {
        pointwise::real::<expr::cosh::Op>("CoshBackward0", &[input], &[])
    }

    /// The hyperbolic tangent. Integers and bools become floats.
    ///
    /// PyTorch: `torch.tanh`.
    [torch tensor inplace direct "F.tanh"]
    fn tanh(input: Tensor) -> Tensor {
        pointwise::real::<expr::tanh::Op>("TanhBackward0", &[input], &[])
    }

    /// The inverse hyperbolic sine. Integers and bools become floats.
    ///
    /// PyTorch: `torch.asinh`.
    [torch tensor inplace direct "arcsinh"]
    fn asinh(input: Tensor) -> Tensor {
        pointwise::real::<expr::asinh::Op>("AsinhBackward0", &[input], &[])
    }

    /// The inverse hyperbolic cosine; NaN below 1. Integers and bools become floats.
    ///
    /// PyTorch: `torch.acosh`.
    [torch tensor inplace direct "arccosh"]
    fn acosh(input: Tensor) -> Tensor {
        pointwise::real::<expr::acosh::Op>("AcoshBackward0", &[input], &[])
    }

    /// The inverse hyperbolic tangent; NaN outside [-1, 1]. Integers and bools become floats.
    ///
    /// PyTorch: `torch.atanh`.
    [torch tensor inplace direct "arctanh"]
    fn atanh(input: Tensor) -> Tensor {
        pointwise::real::<expr::atanh::Op>("AtanhBackward0", &[input], &[])
    }

    /// sin(pi x) / (pi x), and 1 at 0. Integers and bools become floats.
    ///
    /// PyTorch: `torch.sinc`.
    [torch tensor inplace direct "special.sinc"]
    fn sinc(input: Tensor) -> Tensor {
        pointwise::real::<expr::sinc::Op>("SincBackward0", &[input], &[])
    }

    /// The angle of the point (other, input) seen from the origin, between -pi and pi.
    ///
    /// PyTorch: `torch.atan2`.
    [torch tensor inplace direct "arctan2"]
    fn atan2(input: Tensor, other: Tensor) -> Tensor {
        pointwise::real::<expr::atan2::Op>("Atan2Backward0", &[input, other], &[])
    }

    /// Degrees to radians.
    ///
    /// PyTorch: `torch.deg2rad`.
    [torch tensor inplace direct]
    fn deg2rad(input: Tensor) -> Tensor {
        pointwise::real::<arith::deg2rad::Op>("Deg2RadBackward0", &[input], &[])
    }

    /// Radians to degrees.
    ///
    /// PyTorch: `torch.rad2deg`.
    [torch tensor inplace direct]
    fn rad2deg(input: Tensor) -> Tensor {
        pointwise::real::<arith::rad2deg::Op>("Rad2DegBackward0", &[input], &[])
    }

    /// sqrt(input^2 + other^2), without overflow. Floats only.
    ///
    /// PyTorch: `torch.hypot`.
    [torch tensor inplace direct]
    fn hypot(input: Tensor, other: Tensor) -> Tensor {
        ops::needs_float("hypot", &[input, other])?;
        pointwise::real::<arith::hypot::Op>("HypotBackward0", &[input, other], &[])
    }
}
