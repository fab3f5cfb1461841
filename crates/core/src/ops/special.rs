//! Special functions.

use crate::call::Operand;
use crate::lane::expr::special as expr;
use crate::{Tensor, ensure, ops, pointwise};

ops! {
    /// The error function. Integers and bools become floats.
    ///
    /// PyTorch: `torch.erf`.
    [torch tensor inplace direct "special.erf"]
    fn erf(input: Tensor) -> Tensor {
        pointwise::real::<expr::erf::Op>("ErfBackward0", &[input], &[])
    }

    /// 1 - erf(x), accurate far out. Integers and bools become floats.
    ///
    /// PyTorch: `torch.erfc`.
    [torch tensor inplace direct "special.erfc"]
    fn erfc(input: Tensor) -> Tensor {
        pointwise::real::<expr::erfc::Op>("ErfcBackward0", &[input], &[])
    }

    /// The inverse of erf; NaN outside [-1, 1]. Integers and bools become floats.
    ///
    /// PyTorch: `torch.erfinv`.
    [torch tensor inplace direct "special.erfinv"]
    fn erfinv(input: Tensor) -> Tensor {
        pointwise::real::<expr::erfinv::Op>("ErfinvBackward0", &[input], &[])
    }

    /// The logarithm of the absolute value of the gamma function. Integers and bools become floats.
    ///
    /// PyTorch: `torch.lgamma`.
    [torch tensor inplace direct "special.gammaln"]
    fn lgamma(input: Tensor) -> Tensor {
        pointwise::real::<expr::lgamma::Op>("LgammaBackward0", &[input], &[])
    }

    /// The logarithmic derivative of the gamma function. Integers and bools become floats.
    ///
    /// PyTorch: `torch.digamma`.
    [torch tensor inplace direct "special.digamma" "special.psi"]
    fn digamma(input: Tensor) -> Tensor {
        pointwise::real::<expr::digamma::Op>("DigammaBackward0", &[input], &[])
    }

    /// The modified Bessel function of the first kind of order 0. Integers and bools become floats.
    ///
    /// PyTorch: `torch.i0`.
    [torch tensor inplace direct "special.i0"]
    fn i0(input: Tensor) -> Tensor {
        pointwise::real::<expr::i0::Op>("I0Backward0", &[input], &[])
    }

    /// e^-|x| * i0(x). Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.i0e`.
    [special]
    fn i0e(input: Tensor) -> Tensor {
        pointwise::real::<expr::i0e::Op>("SpecialI0EBackward0", &[input], &[])
    }

    /// The modified Bessel function of the first kind of order 1. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.i1`.
    [special]
    fn i1(input: Tensor) -> Tensor {
        pointwise::real::<expr::i1::Op>("SpecialI1Backward0", &[input], &[])
    }

    /// e^-|x| * i1(x). Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.i1e`.
    [special]
    fn i1e(input: Tensor) -> Tensor {
        pointwise::real::<expr::i1e::Op>("SpecialI1EBackward0", &[input], &[])
    }

    /// e^(x^2) * erfc(x). Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.erfcx`.
    [special]
    fn erfcx(input: Tensor) -> Tensor {
        pointwise::real::<expr::erfcx::Op>("SpecialErfcxBackward0", &[input], &[])
    }

    /// The cumulative function of the standard normal distribution. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.ndtr`.
    [special]
    fn ndtr(input: Tensor) -> Tensor {
        // PyTorch composes it of erf and erfc, times 1 / 2.
        pointwise::real::<expr::ndtr::Op>("MulBackward1", &[input], &[])
    }

    /// The inverse of `ndtr`; NaN outside [0, 1]. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.ndtri`.
    [special]
    fn ndtri(input: Tensor) -> Tensor {
        pointwise::real::<expr::ndtri::Op>("SpecialNdtriBackward0", &[input], &[])
    }

    /// log(ndtr(x)), accurate far below 0. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.log_ndtr`.
    [special]
    fn log_ndtr(input: Tensor) -> Tensor {
        pointwise::real::<expr::log_ndtr::Op>("SpecialLogNdtrBackward0", &[input], &[])
    }

    /// The Bessel function of the first kind of order 0. Not differentiable. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.bessel_j0`.
    [special]
    fn bessel_j0(input: Tensor) -> Tensor {
        pointwise::real::<expr::bessel_j0::Op>("", &[input], &[])
    }

    /// The Bessel function of the first kind of order 1. Not differentiable. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.bessel_j1`.
    [special]
    fn bessel_j1(input: Tensor) -> Tensor {
        pointwise::real::<expr::bessel_j1::Op>("", &[input], &[])
    }

    /// The Bessel function of the second kind of order 0. Not differentiable. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.bessel_y0`.
    [special]
    fn bessel_y0(input: Tensor) -> Tensor {
        pointwise::real::<expr::bessel_y0::Op>("", &[input], &[])
    }

    /// The Bessel function of the second kind of order 1. Not differentiable. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.bessel_y1`.
    [special]
    fn bessel_y1(input: Tensor) -> Tensor {
        pointwise::real::<expr::bessel_y1::Op>("", &[input], &[])
    }

    /// The modified Bessel function of the first kind of order 0. Not differentiable. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.modified_bessel_i0`.
    [special]
    fn modified_bessel_i0(input: Tensor) -> Tensor {
        pointwise::real::<expr::i0::Op>("", &[&input.detach()], &[])
    }

    /// The modified Bessel function of the first kind of order 1. Not differentiable. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.modified_bessel_i1`.
    [special]
    fn modified_bessel_i1(input: Tensor) -> Tensor {
        pointwise::real::<expr::i1::Op>("", &[&input.detach()], &[])
    }

    /// The modified Bessel function of the second kind of order 0. Not differentiable. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.modified_bessel_k0`.
    [special]
    fn modified_bessel_k0(input: Tensor) -> Tensor {
        pointwise::real::<expr::modified_bessel_k0::Op>("", &[input], &[])
    }

    /// The modified Bessel function of the second kind of order 1. Not differentiable. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.modified_bessel_k1`.
    [special]
    fn modified_bessel_k1(input: Tensor) -> Tensor {
        pointwise::real::<expr::modified_bessel_k1::Op>("", &[input], &[])
    }

    /// e^x * k0(x). Not differentiable. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.scaled_modified_bessel_k0`.
    [special]
    fn scaled_modified_bessel_k0(input: Tensor) -> Tensor {
        pointwise::real::<expr::scaled_modified_bessel_k0::Op>("", &[input], &[])
    }

    /// e^x * k1(x). Not differentiable. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.scaled_modified_bessel_k1`.
    [special]
    fn scaled_modified_bessel_k1(input: Tensor) -> Tensor {
        pointwise::real::<expr::scaled_modified_bessel_k1::Op>("", &[input], &[])
    }

    /// sin(x) / x, the spherical Bessel function of order 0. Not differentiable. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.spherical_bessel_j0`.
    [special]
    fn spherical_bessel_j0(input: Tensor) -> Tensor {
        pointwise::real::<expr::spherical_bessel_j0::Op>("", &[input], &[])
    }

    /// The Airy function Ai. Not differentiable. Integers and bools become floats.
    ///
    /// PyTorch: `torch.special.airy_ai`.
    [special]
    fn airy_ai(input: Tensor) -> Tensor {
        pointwise::real::<expr::airy_ai::Op>("", &[input], &[])
    }

    /// The derivative of order n of digamma; n is not negative.
    ///
    /// PyTorch: `torch.polygamma`.
    [torch "special.polygamma"]
    fn polygamma(n: i64, input: Tensor) -> Tensor {
        ensure!(n >= 0, Runtime, "polygamma: polygamma(n, x) does not support negative n, but got n = {n}");
        match n {
            0 => pointwise::real::<expr::digamma::Op>("PolygammaBackward0", &[input], &[]),
            _ => pointwise::real::<expr::polygamma::Op>("PolygammaBackward0", &[input], &[n as f64]),
        }
    }

    /// The derivative of order n of digamma, as a method.
    ///
    /// PyTorch: `Tensor.polygamma`.
    [tensor inplace direct as polygamma]
    fn polygamma_method(input: Tensor, n: i64) -> Tensor {
        ops::polygamma(n, input)
    }

    /// The logarithm of the multivariate gamma function of dimension p.
    ///
    /// PyTorch: `torch.mvlgamma`.
    [torch tensor inplace "special.multigammaln"]
    fn mvlgamma(input: Tensor, p: i64) -> Tensor {
        ensure!(p >= 1, Runtime, "mvlgamma: p has to be greater than or equal to 1, but got {p}");
        let mut sum = Tensor::number((p * (p - 1)) as f64 * 0.25 * libm::log(std::f64::consts::PI))?;
        for j in 0..p {
            let shifted = ops::sub(input, &Tensor::number(j as f64 * 0.5)?)?;
            sum = ops::add(&ops::lgamma(&shifted)?, &sum)?;
        }
        crate::autograd::composite("MvlgammaBackward0", &[input], Ok(sum))
    }

    /// The Hurwitz zeta function. Differentiable by `other`.
    ///
    /// PyTorch: `torch.special.zeta`.
    [special]
    fn zeta(input: Operand, other: Operand) -> Tensor {
        const NODES: [&str; 3] = ["SpecialZetaBackward0", "SpecialZetaBackward1", "SpecialZetaBackward2"];
        ops::needs_tensor("zeta", input, other)?;
        pointwise::real::<expr::zeta::Op>(ops::exponential::overload(NODES, input, other), &[input, other], &[])
    }

    /// The regularised lower incomplete gamma function of shape `input` at `other`. Floats only; differentiable by `other`.
    ///
    /// PyTorch: `torch.igamma`.
    [torch tensor inplace direct "special.gammainc"]
    fn igamma(input: Tensor, other: Tensor) -> Tensor {
        ops::needs_float("igamma", &[input, other])?;
        pointwise::real::<expr::igamma::Op>("IgammaBackward0", &[input, other], &[])
    }

    /// The regularised upper incomplete gamma function of shape `input` at `other`. Floats only; differentiable by `other`.
    ///
    /// PyTorch: `torch.igammac`.
    [torch tensor inplace direct "special.gammaincc"]
    fn igammac(input: Tensor, other: Tensor) -> Tensor {
        ops::needs_float("igammac", &[input, other])?;
        pointwise::real::<expr::igammac::Op>("IgammacBackward0", &[input, other], &[])
    }

    /// The Chebyshev polynomial of the first kind of degree n at each element. Not differentiable.
    ///
    /// PyTorch: `torch.special.chebyshev_polynomial_t`.
    [special]
    fn chebyshev_polynomial_t(input: Operand, n: Operand) -> Tensor {
        ops::needs_tensor("chebyshev_polynomial_t", input, n)?;
        pointwise::real::<expr::chebyshev_polynomial_t::Op>("", &[input, n], &[])
    }

    /// The Chebyshev polynomial of the second kind of degree n at each element. Not differentiable.
    ///
    /// PyTorch: `torch.special.chebyshev_polynomial_u`.
    [special]
    fn chebyshev_polynomial_u(input: Operand, n: Operand) -> Tensor {
        ops::needs_tensor("chebyshev_polynomial_u", input, n)?;
        pointwise::real::<expr::chebyshev_polynomial_u::Op>("", &[input, n], &[])
    }

    /// The Chebyshev polynomial of the third kind of degree n at each element. Not differentiable.
    ///
    /// PyTorch: `torch.special.chebyshev_polynomial_v`.
    [special]
    fn chebyshev_polynomial_v(input: Operand, n: Operand) -> Tensor {
        ops::needs_tensor("chebyshev_polynomial_v", input, n)?;
        pointwise::real::<expr::chebyshev_polynomial_v::Op>("", &[input, n], &[])
    }

    /// The Chebyshev polynomial of the fourth kind of degree n at each element. Not differentiable.
    ///
    /// PyTorch: `torch.special.chebyshev_polynomial_w`.
    [special]
    fn chebyshev_polynomial_w(input: Operand, n: Operand) -> Tensor {
        ops::needs_tensor("chebyshev_polynomial_w", input, n)?;
        pointwise::real::<expr::chebyshev_polynomial_w::Op>("", &[input, n], &[])
    }

    /// The Chebyshev polynomial of the first kind, of 2x - 1, of degree n at each element. Not differentiable.
    ///
    /// PyTorch: `torch.special.shifted_chebyshev_polynomial_t`.
    [special]
    fn shifted_chebyshev_polynomial_t(input: Operand, n: Operand) -> Tensor {
        ops::needs_tensor("shifted_chebyshev_polynomial_t", input, n)?;
        pointwise::real::<expr::shifted_chebyshev_polynomial_t::Op>("", &[input, n], &[])
    }

    /// The Chebyshev polynomial of the second kind, of 2x - 1, of degree n at each element. Not differentiable.
    ///
    /// PyTorch: `torch.special.shifted_chebyshev_polynomial_u`.
    [special]
    fn shifted_chebyshev_polynomial_u(input: Operand, n: Operand) -> Tensor {
        ops::needs_tensor("shifted_chebyshev_polynomial_u", input, n)?;
        pointwise::real::<expr::shifted_chebyshev_polynomial_u::Op>("", &[input, n], &[])
    }

    /// The Chebyshev polynomial of the third kind, of 2x - 1, of degree n at each element. Not differentiable.
    ///
    /// PyTorch: `torch.special.shifted_chebyshev_polynomial_v`.
    [special]
    fn shifted_chebyshev_polynomial_v(input: Operand, n: Operand) -> Tensor {
        ops::needs_tensor("shifted_chebyshev_polynomial_v", input, n)?;
        pointwise::real::<expr::shifted_chebyshev_polynomial_v::Op>("", &[input, n], &[])
    }

    /// The Chebyshev polynomial of the fourth kind, of 2x - 1, of degree n at each element. Not differentiable.
    ///
    /// PyTorch: `torch.special.shifted_chebyshev_polynomial_w`.
    [special]
    fn shifted_chebyshev_polynomial_w(input: Operand, n: Operand) -> Tensor {
        ops::needs_tensor("shifted_chebyshev_polynomial_w", input, n)?;
        pointwise::real::<expr::shifted_chebyshev_polynomial_w::Op>("", &[input, n], &[])
    }

    /// The physicists' Hermite polynomial of degree n at each element. Not differentiable.
    ///
    /// PyTorch: `torch.special.hermite_polynomial_h`.
    [special]
    fn hermite_polynomial_h(input: Operand, n: Operand) -> Tensor {
        ops::needs_tensor("hermite_polynomial_h", input, n)?;
        pointwise::real::<expr::hermite_polynomial_h::Op>("", &[input, n], &[])
    }

    /// The probabilists' Hermite polynomial of degree n at each element. Not differentiable.
    ///
    /// PyTorch: `torch.special.hermite_polynomial_he`.
    [special]
    fn hermite_polynomial_he(input: Operand, n: Operand) -> Tensor {
        ops::needs_tensor("hermite_polynomial_he", input, n)?;
        pointwise::real::<expr::hermite_polynomial_he::Op>("", &[input, n], &[])
    }

    /// The Laguerre polynomial of degree n at each element. Not differentiable.
    ///
    /// PyTorch: `torch.special.laguerre_polynomial_l`.
    [special]
    fn laguerre_polynomial_l(input: Operand, n: Operand) -> Tensor {
        ops::needs_tensor("laguerre_polynomial_l", input, n)?;
        pointwise::real::<expr::laguerre_polynomial_l::Op>("", &[input, n], &[])
    }

    /// The Legendre polynomial of degree n at each element. Not differentiable.
    ///
    /// PyTorch: `torch.special.legendre_polynomial_p`.
    [special]
    fn legendre_polynomial_p(input: Operand, n: Operand) -> Tensor {
        ops::needs_tensor("legendre_polynomial_p", input, n)?;
        pointwise::real::<expr::legendre_polynomial_p::Op>("", &[input, n], &[])
    }
}
