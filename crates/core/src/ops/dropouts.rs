//! Dropout. The masks are PyTorch's for the same seed: two words of the generator an element (EXACTNESS: bernoulli_).

use crate::autograd;
use crate::losses::number;
use crate::{DType, Result, Tensor, ensure, ops};

fn check_p(op: &str, p: f64) -> Result<()> {
    ensure!((0.0..=1.0).contains(&p), Value, "{op}: dropout probability has to be between 0 and 1, but got {p}");
    Ok(())
}

/// Ones with probability `keep`, zeros else, drawn from the default generator.
fn mask(shape: &[usize], like: &Tensor, keep: f64) -> Result<Tensor> {
    // Noise like the whole input is laid out as the input is, and so drawn in the order of memory.
    let noise = if shape == like.shape() {
        Tensor::empty_like(like, like.dtype())?
    } else {
        Tensor::empty(shape, like.dtype())?
    };
    ops::bernoulli_(&noise, &number(keep)?, None)?;
    Ok(noise)
}

/// The shape of noise that treats whole channels alike: `[N, C, 1, ...]`.
fn channels(op: &str, input: &Tensor) -> Result<Vec<usize>> {
    ensure!(input.ndim() >= 2, Shape, "{op}: Feature dropout requires at least 2 dimensions in the input, got {:?}", input.shape());
    let mut shape = input.shape().to_vec();
    shape[2..].fill(1);
    Ok(shape)
}

/// Zeroes what the noise (in this shape) says and scales the rest.
fn drop(input: &Tensor, p: f64, shape: &[usize]) -> Result<Tensor> {
    if p == 0.0 {
        return Ok(input.clone());
    }
    if p == 1.0 {
        return ops::mul(input, &Tensor::zeros(&[], input.dtype())?);
    }
    let noise = ops::div(&mask(shape, input, 1.0 - p)?, &number(1.0 - p)?)?;
    ops::mul(input, &noise)
}

/// The value that an infinitely negative input of SELU has, with the sign turned.
const ALPHA: f64 = 1.7580993408473766;

/// Dropout that keeps mean and variance: dropped values become -ALPHA, then all are scaled and shifted.
fn alpha_drop(input: &Tensor, p: f64, shape: &[usize]) -> Result<Tensor> {
    if p == 0.0 {
        return Ok(input.clone());
    }
    if p == 1.0 {
        return ops::mul(input, &Tensor::zeros(&[], input.dtype())?);
    }
    let a = 1.0 / ((ALPHA * ALPHA * p + 1.0) * (1.0 - p)).sqrt();
    let noise = mask(shape, input, 1.0 - p)?;
    let b = ops::add(&ops::mul(&ops::sub(&noise, &number(1.0)?)?, &number(ALPHA * a)?)?, &number(ALPHA * a * p)?)?;
    ops::add(&ops::mul(input, &ops::mul(&noise, &number(a)?)?)?, &b)
}

/// `f(input)`, or with `inplace` that in place of the input; the input itself outside training.
fn dropped(op: &str, input: &Tensor, training: bool, into: bool, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if !training {
        return Ok(input.clone());
    }
    if !into {
        return f(input);
    }
    autograd::inplace::inplace(op, input, input.requires_grad(), f)?;
    Ok(input.clone())
}

/// Dropout of channels on `[1, ...]` where the input has no batch of its own, also outside training, as in
/// torch/nn/functional.py.
fn unbatched(op: &str, input: &Tensor, p: f64, training: bool, into: bool, batched: bool) -> Result<Tensor> {
    let f = |x: &Tensor| drop(x, if training { p } else { 0.0 }, &channels(op, x)?);
    dropped(op, input, training || !(batched || into), into, |x| {
        if batched { f(x) } else { ops::squeeze_dim(&f(&ops::unsqueeze(x, 0)?)?, 0) }
    })
}

ops! {
    /// In training, zeroes each element with probability `p` and scales the rest by 1 / (1 - p). Default: `p = 0.5,
    /// training = true`.
    ///
    /// PyTorch: `torch.nn.functional.dropout`.
    [F]
    fn dropout(input: Tensor, p: f64 = 0.5, training: bool = true, inplace: bool = false) -> Tensor {
        check_p("dropout", p)?;
        dropped("dropout", input, training, inplace, |x| drop(x, p, x.shape()))
    }

    /// Zeroes whole channels of `[N, C, L]` or `[C, L]`.
    ///
    /// PyTorch: `torch.nn.functional.dropout1d`.
    [F]
    fn dropout1d(input: Tensor, p: f64 = 0.5, training: bool = true, inplace: bool = false) -> Tensor {
        check_p("dropout1d", p)?;
        let d = input.ndim();
        ensure!(d == 2 || d == 3, Runtime, "dropout1d: Expected 2D or 3D input, but received a {d}D input");
        unbatched("dropout1d", input, p, training, inplace, d == 3)
    }

    /// Zeroes whole channels of `[N, C, H, W]`; of `[N, C, L]` too, as PyTorch does.
    ///
    /// PyTorch: `torch.nn.functional.dropout2d`.
    [F]
    fn dropout2d(input: Tensor, p: f64 = 0.5, training: bool = true, inplace: bool = false) -> Tensor {
        check_p("dropout2d", p)?;
        let shape = channels("dropout2d", input)?;
        dropped("dropout2d", input, training, inplace, |x| drop(x, p, &shape))
    }

    /// Zeroes whole channels of `[N, C, D, H, W]` or `[C, D, H, W]`.
    ///
    /// PyTorch: `torch.nn.functional.dropout3d`.
    [F]
    fn dropout3d(input: Tensor, p: f64 = 0.5, training: bool = true, inplace: bool = false) -> Tensor {
        check_p("dropout3d", p)?;
        channels("dropout3d", input)?;
        unbatched("dropout3d", input, p, training, inplace, input.ndim() != 4)
    }

    /// Dropout that keeps zero mean and unit variance, for networks of SELU (Klambauer et al., 2017). Default: `p = 0.5,
    /// training = false`.
    ///
    /// PyTorch: `torch.nn.functional.alpha_dropout`.
    [F]
    fn alpha_dropout(input: Tensor, p: f64 = 0.5, training: bool = false, inplace: bool = false) -> Tensor {
        check_p("alphaDropout", p)?;
        dropped("alphaDropout", input, training, inplace, |x| alpha_drop(x, p, x.shape()))
    }

    /// `alphaDropout` of whole channels.
    ///
    /// PyTorch: `torch.nn.functional.feature_alpha_dropout`.
    [F]
    fn feature_alpha_dropout(input: Tensor, p: f64 = 0.5, training: bool = false, inplace: bool = false) -> Tensor {
        check_p("featureAlphaDropout", p)?;
        let f = |x: &Tensor| alpha_drop(x, p, &channels("featureAlphaDropout", x)?);
        dropped("featureAlphaDropout", input, training, inplace, f)
    }

    /// A sample of the relaxed one-hot distribution with these logits; with `hard` it is one-hot, and has the gradient of
    /// the soft one. Default: `tau = 1, dim = -1`.
    ///
    /// PyTorch: `torch.nn.functional.gumbel_softmax`.
    [F]
    fn gumbel_softmax(logits: Tensor, tau: f64 = 1.0, hard: bool = false, eps: f64 = 1e-10, dim: i64 = -1) -> Tensor {
        // PyTorch keeps `eps` for older programs and does not read it either.
        let _ = eps;
        let noise = Tensor::empty_like(logits, logits.dtype())?;
        ops::exponential_(&noise, 1.0, None)?;
        let gumbels = ops::neg(&ops::log(&noise)?)?;
        let soft = ops::softmax(&ops::div(&ops::add(logits, &gumbels)?, &number(tau)?)?, dim, None::<DType>)?;
        if !hard {
            return Ok(soft);
        }
        let (_, index) = ops::max_dim(&soft.detach(), dim, true)?;
        let hot = ops::scatter_value(&Tensor::zeros(logits.shape(), logits.dtype())?, dim, &index, 1.0.into(), None)?;
        ops::add(&ops::sub(&hot, &soft.detach())?, &soft)
    }
}
