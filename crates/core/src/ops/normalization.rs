//! Normalisation: by batch, layer, group, instance, root mean square, and across neighbouring channels.

use smallvec::SmallVec;

use crate::autograd::no_grad;
use crate::losses::number;
use crate::normalizing::{Normalized, Scheme, inverse_deviation, normalize};
use crate::{Result, Tensor, attach, bail, ensure, ops};

/// `running = (1 - momentum) * running + momentum * value`, in place.
fn update(running: &Tensor, value: &Tensor, momentum: f64) -> Result<()> {
    no_grad(|| {
        let old = ops::mul(running, &number(1.0 - momentum)?)?;
        let new = ops::add(&old, &ops::mul(&ops::reshape(value, &running.sizes())?, &number(momentum)?)?)?;
        running.copy_from(&ops::to_dtype(&new, running.dtype())?)
    })?;
    running.storage().bump();
    Ok(())
}

/// Updates the running mean and variance of channels, from the statistics of sets of `count` elements each: their averages over
/// the samples, where samples have their own.
fn update_both(running: [Option<&Tensor>; 2], done: &Normalized, count: usize, momentum: f64) -> Result<()> {
    let n = count as f64;
    // The running variance is the unbiased one.
    let unbiased = |t: &Tensor| ops::mul(t, &number(n / (n - 1.0))?);
    let average = |t: &Tensor| match t.shape()[0] {
        1 => Ok(t.clone()),
        _ => ops::mean_dim(t, Some(&[0]), false, None),
    };
    if let Some(running) = running[0] {
        update(running, &no_grad(|| average(&done.mean))?, momentum)?;
    }
    if let (Some(running), Some(variance)) = (running[1], &done.variance) {
        update(running, &no_grad(|| average(&unbiased(variance)?))?, momentum)?;
    }
    Ok(())
}

fn check_channels(op: &str, what: &str, t: Option<&Tensor>, channels: usize) -> Result<()> {
    match t {
        Some(t) if t.numel() != channels => {
            bail!(Shape, "{op}: {what} should contain {channels} elements not {}", t.numel())
        }
        _ => Ok(()),
    }
}

/// Batch normalisation with the means and inverse deviations that it computed on the way, in training.
#[allow(clippy::too_many_arguments)]
fn batch(
    input: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    running_mean: Option<&Tensor>,
    running_var: Option<&Tensor>,
    training: bool,
    momentum: f64,
    eps: f64,
) -> Result<(Tensor, Option<[Tensor; 2]>)> {
    const OP: &str = "batchNorm";
    ensure!(input.ndim() >= 2, Shape, "{OP}: expected an input with channels, [N, C, ...], but got {:?}", input.shape());
    let c = input.shape()[1];
    for (what, t) in [("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)] {
        check_channels(OP, what, t, c)?;
    }
    let scheme = Scheme::channels("NativeBatchNormBackward0", input);
    if !training {
        let (Some(mean), Some(var)) = (running_mean, running_var) else {
            bail!(Runtime, "{OP}: running_mean and running_var must be defined in evaluation mode");
        };
        return Ok((normalize(scheme, input, Some([mean, var]), weight, bias, eps)?.out, None));
    }
    let done = normalize(scheme, input, None, weight, bias, eps)?;
    update_both([running_mean, running_var], &done, input.numel() / c.max(1), momentum)?;
    Ok((done.out, Some([done.mean, done.rstd])))
}

/// Layer normalisation: leading dimensions kept, those of `normalized_shape` normalised.
fn layer(
    op: &str,
    input: &Tensor,
    normalized_shape: &[i64],
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<(Tensor, Tensor, Tensor)> {
    let inner = check_normalized_shape(op, input, normalized_shape, &[("weight", weight), ("bias", bias)])?;
    let lead = input.ndim() - normalized_shape.len();
    let rows = input.shape()[..lead].iter().product::<usize>() as i64;
    let done = normalize(Scheme::rows("NativeLayerNormBackward0", rows, inner), input, None, weight, bias, eps)?;
    let mut kept = input.sizes();
    kept[lead..].fill(1);
    let statistic = |t: &Tensor| no_grad(|| Ok(ops::reshape(t, &kept)?.detach()));
    let (mean, rstd) = (statistic(&done.mean)?, statistic(&done.rstd)?);
    Ok((done.out, mean, rstd))
}

/// Refuses a shape that is not the end of the input's; gives its number of elements.
fn check_normalized_shape(op: &str, input: &Tensor, shape: &[i64], affine: &[(&str, Option<&Tensor>)]) -> Result<i64> {
    ensure!(
        !shape.is_empty(),
        Shape,
        "{op}: Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got \
         normalized_shape = {shape:?}"
    );
    for (what, t) in affine {
        ensure!(
            t.is_none_or(|t| t.sizes()[..] == *shape),
            Shape,
            "{op}: Expected {what} to be of same shape as normalized_shape, but got {what} of shape {:?} and \
             normalized_shape = {shape:?}",
            t.map(|t| t.shape())
        );
    }
    let sizes = input.sizes();
    ensure!(
        sizes.ends_with(shape),
        Shape,
        "{op}: Given normalized_shape={shape:?}, expected input with shape [*, {}], but got input of size{:?}",
        shape.iter().map(i64::to_string).collect::<Vec<_>>().join(", "),
        input.shape()
    );
    Ok(shape.iter().product())
}

fn group(
    input: &Tensor,
    groups: i64,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<(Tensor, Tensor, Tensor)> {
    const OP: &str = "groupNorm";
    ensure!(input.ndim() >= 2, Shape, "{OP}: Expected at least 2 dimensions for input tensor but received {}", input.ndim());
    let (n, c) = (input.shape()[0] as i64, input.shape()[1] as i64);
    ensure!(c > 0, Shape, "{OP}: Expected number of channels to be greater than 0, got {c} in shape {:?}", input.shape());
    ensure!(groups > 0, Value, "{OP}: Expected num groups to be greater than 0, got {groups}");
    ensure!(
        c % groups == 0,
        Shape,
        "{OP}: Expected number of channels in input to be divisible by num_groups, but got input of shape {:?} and \
         num_groups={groups}",
        input.shape()
    );
    for (what, t) in [("weight", weight), ("bias", bias)] {
        ensure!(
            t.is_none_or(|t| t.ndim() == 1 && t.numel() == c as usize),
            Shape,
            "{OP}: Expected {what} to be a vector of size equal to the number of channels in input, but got {what} of shape \
             {:?} and input of shape {:?}",
            t.map(|t| t.shape()),
            input.shape()
        );
    }
    let scheme = Scheme::groups("NativeGroupNormBackward0", input, groups as usize);
    let done = normalize(scheme, input, None, weight, bias, eps)?;
    let statistic = |t: &Tensor| no_grad(|| Ok(ops::reshape(t, &[n, groups])?.detach()));
    let (mean, rstd) = (statistic(&done.mean)?, statistic(&done.rstd)?);
    Ok((done.out, mean, rstd))
}

/// Puts means and inverse deviations of groups (`[n, groups]`) into the graph as functions of the input.
fn group_statistics(input: &Tensor, mean: &Tensor, rstd: &Tensor) {
    let (shape, each) = (input.sizes(), mean.sizes());
    let view = vec![each[0], each[1], (input.numel() / mean.numel().max(1)) as i64];
    attach(&[mean, rstd], "NativeGroupNormBackward0", &[input], &[Some(input), Some(mean), Some(rstd)], move |ctx| {
        let x = ops::reshape(&ctx.saved(0)?, &view)?;
        let last = |t: &Tensor| ops::unsqueeze(t, -1);
        let (mean, rstd) = (last(&ctx.saved(1)?)?, last(&ctx.saved(2)?)?);
        let cube = ops::mul(&ops::mul(&rstd, &rstd)?, &ops::mul(&rstd, &last(&ctx.grad(1)?)?)?)?;
        let spread = ops::mul(&ops::sub(&x, &mean)?, &cube)?;
        let total = ops::sub(&last(&ctx.grad(0)?)?, &spread)?;
        let gx = ops::div(&total, &number(x.size(2) as f64)?)?;
        Ok(vec![ctx.when(0, || ops::reshape(&gx, &shape))?])
    });
}

/// PyTorch's refusal to normalise a single value, which would always give zero.
fn more_than_one(op: &str, per_channel: usize, what: &str, input: &Tensor) -> Result<()> {
    ensure!(
        per_channel != 1,
        Value,
        "{op}: Expected more than 1 {what} when training, got input size {:?}",
        input.shape()
    );
    Ok(())
}

ops! {
    /// Normalises each channel of `[N, C, ...]` over the rest: by the batch's statistics when `training`, which also update
    /// `runningMean` and `runningVar` in place, else by those. Default: `training = false, momentum = 0.1, eps = 1e-5`.
    ///
    /// PyTorch: `torch.nn.functional.batch_norm`.
    [F]
    fn batch_norm(input: Tensor, running_mean: Option<Tensor>, running_var: Option<Tensor>, weight: Option<Tensor> = None,
                  bias: Option<Tensor> = None, training: bool = false, momentum: f64 = 0.1, eps: f64 = 1e-5) -> Tensor {
        ensure!(eps > 0.0, Value, "batch_norm eps must be positive, but got {eps}");
        if input.numel() == 0 {
            return empty_norm(input, weight, bias);
        }
        if training && input.ndim() >= 2 {
            more_than_one("batchNorm", input.numel() / input.shape()[1], "value per channel", input)?;
        }
        Ok(batch(input, weight, bias, running_mean, running_var, training, momentum, eps)?.0)
    }

    /// `F.batchNorm` with the means and inverse deviations that it used (empty in evaluation).
    ///
    /// PyTorch: `torch.native_batch_norm`.
    [torch]
    fn native_batch_norm(input: Tensor, weight: Option<Tensor>, bias: Option<Tensor>, running_mean: Option<Tensor>,
                         running_var: Option<Tensor>, training: bool, momentum: f64, eps: f64)
            -> (output: Tensor, save_mean: Tensor, save_invstd: Tensor) {
        let (out, statistics) = batch(input, weight, bias, running_mean, running_var, training, momentum, eps)?;
        let [mean, rstd] = match statistics {
            Some(both) => both.map(|t| no_grad(|| Ok(ops::reshape(&t, &[-1])?.detach()))),
            None => [(); 2].map(|()| Tensor::empty(&[0], input.dtype())),
        };
        Ok((out, mean?, rstd?))
    }

    /// Normalises over the last dimensions, those of `normalizedShape`, then scales by `weight` and shifts by `bias`.
    ///
    /// PyTorch: `torch.nn.functional.layer_norm`.
    [torch F]
    fn layer_norm(input: Tensor, normalized_shape: Vec<i64>, weight: Option<Tensor> = None, bias: Option<Tensor> = None,
                  eps: f64 = 1e-5) -> Tensor {
        Ok(layer("layerNorm", input, normalized_shape, weight, bias, eps)?.0)
    }

    /// `F.layerNorm` with the means and inverse deviations that it used.
    ///
    /// PyTorch: `torch.native_layer_norm`.
    [torch]
    fn native_layer_norm(input: Tensor, normalized_shape: Vec<i64>, weight: Option<Tensor>, bias: Option<Tensor>, eps: f64)
            -> (output: Tensor, mean: Tensor, rstd: Tensor) {
        layer("nativeLayerNorm", input, normalized_shape, weight, bias, eps)
    }

    /// Normalises groups of channels of `[N, C, ...]`, then scales and shifts each channel.
    ///
    /// PyTorch: `torch.nn.functional.group_norm`.
    [torch F]
    fn group_norm(input: Tensor, num_groups: i64, weight: Option<Tensor> = None, bias: Option<Tensor> = None,
                  eps: f64 = 1e-5) -> Tensor {
        if input.ndim() >= 2 && num_groups > 0 {
            let count = input.numel() / (num_groups as usize);
            more_than_one("groupNorm", count, "value per channel", input)?;
        }
        Ok(group(input, num_groups, weight, bias, eps)?.0)
    }

    /// Group normalisation of `[N, C, HxW]` with the means and inverse deviations that it used.
    ///
    /// PyTorch: `torch.native_group_norm`.
    [torch]
    fn native_group_norm(input: Tensor, weight: Option<Tensor>, bias: Option<Tensor>, N: i64, C: i64, HxW: i64, group: i64,
                         eps: f64) -> (output: Tensor, mean: Tensor, rstd: Tensor) {
        let (out, mean, rstd) = self::group(input, group, weight, bias, eps)?;
        group_statistics(input, &mean, &rstd);
        ensure!(
            N * C * HxW == input.numel() as i64,
            Shape,
            "nativeGroupNorm: N = {N}, C = {C} and HxW = {HxW} do not describe an input of shape {:?}",
            input.shape()
        );
        Ok((out, mean, rstd))
    }

    /// Normalises each channel of each sample of `[N, C, ...]`, by its own statistics or, when `useInputStats` is false, by
    /// the running ones. Default: `useInputStats = true, momentum = 0.1, eps = 1e-5`.
    ///
    /// PyTorch: `torch.nn.functional.instance_norm`.
    [F]
    fn instance_norm(input: Tensor, running_mean: Option<Tensor> = None, running_var: Option<Tensor> = None,
                     weight: Option<Tensor> = None, bias: Option<Tensor> = None, use_input_stats: bool = true,
                     momentum: f64 = 0.1, eps: f64 = 1e-5) -> Tensor {
        const OP: &str = "instanceNorm";
        ensure!(input.ndim() >= 3, Shape, "{OP}: expected an input [N, C, ...] with spatial dimensions, got {:?}", input.shape());
        let c = input.shape()[1];
        for (what, t) in [("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)] {
            check_channels(OP, what, t, c)?;
        }
        const NODE: &str = "ViewBackward0";
        if !use_input_stats {
            let (Some(mean), Some(var)) = (running_mean, running_var) else {
                bail!(Runtime, "{OP}: Expected running_mean and running_var to be defined when use_input_stats is false");
            };
            return Ok(normalize(Scheme::channels(NODE, input), input, Some([mean, var]), weight, bias, eps)?.out);
        }
        let spatial = input.shape()[2..].iter().product::<usize>();
        more_than_one(OP, spatial, "spatial element", input)?;
        let done = normalize(Scheme::groups(NODE, input, c), input, None, weight, bias, eps)?;
        update_both([running_mean, running_var], &done, spatial, momentum)?;
        Ok(done.out)
    }

    /// Divides by the root of the mean square over the last dimensions, those of `normalizedShape`, plus `eps`; scales by
    /// `weight`. Default: `eps` is the step of the dtype at 1.
    ///
    /// PyTorch: `torch.nn.functional.rms_norm`.
    [torch F]
    fn rms_norm(input: Tensor, normalized_shape: Vec<i64>, weight: Option<Tensor> = None, eps: Option<f64> = None)
            -> Tensor {
        check_normalized_shape("rmsNorm", input, normalized_shape, &[("weight", weight)])?;
        let usual = if input.dtype() == crate::DType::F64 { f64::EPSILON } else { f32::EPSILON as f64 };
        let dims: Vec<i64> = (1..=normalized_shape.len() as i64).map(|d| -d).collect();
        let square = ops::mean_dim(&ops::mul(input, input)?, Some(&dims), true, None)?;
        let out = ops::mul(input, &inverse_deviation(&square, eps.unwrap_or(usual))?)?;
        match weight {
            Some(w) => ops::mul(&out, w),
            None => Ok(out),
        }
    }

    /// Divides `[N, C, ...]` by (k + alpha m)^beta, m being the mean square over `size` neighbouring channels (those
    /// outside count as zeros). Default: `alpha = 1e-4, beta = 0.75, k = 1`.
    ///
    /// PyTorch: `torch.nn.functional.local_response_norm`.
    [F]
    fn local_response_norm(input: Tensor, size: i64, alpha: f64 = 1e-4, beta: f64 = 0.75, k: f64 = 1.0) -> Tensor {
        const OP: &str = "localResponseNorm";
        let d = input.ndim();
        ensure!(d >= 3, Value, "{OP}: Expected 3D or higher dimensionality input (got {d} dimensions)");
        ensure!(size > 0, Value, "{OP}: size must be positive, got {size}");
        if input.numel() == 0 {
            return Ok(input.clone());
        }
        let square = ops::mul(input, input)?;
        let zeros = |n: i64| {
            let mut shape: SmallVec<[usize; 6]> = input.shape().into();
            shape[1] = n as usize;
            Tensor::zeros(&shape, input.dtype())
        };
        let padded = ops::cat(&[zeros(size / 2)?, square, zeros((size - 1) / 2)?], 1)?;
        let windows = ops::sum_dim(&ops::unfold(&padded, 1, size, 1)?, Some(&[-1]), false, None)?;
        // Integers are averaged as integers (PyTorch's avg_pool does).
        let mean = ops::div_rounded(&windows, &Tensor::number(size)?, if input.dtype().is_float() { None } else { Some("trunc") })?;
        let base = ops::add(&ops::mul(&mean, &number(alpha)?)?, &number(k)?)?;
        ops::div(input, &ops::pow(&base, &number(beta)?)?)
    }
}

/// What batch normalisation gives for no elements.
fn empty_norm(input: &Tensor, weight: Option<&Tensor>, bias: Option<&Tensor>) -> Result<Tensor> {
    let mut out = ops::clone(input)?;
    let first = |t: &Tensor| ops::select(t, 0, 0);
    if let Some(w) = weight.filter(|w| w.numel() > 0) {
        out = ops::mul(&out, &first(w)?)?;
    }
    if let Some(b) = bias.filter(|b| b.numel() > 0) {
        out = ops::add(&out, &first(b)?)?;
    }
    Ok(out)
}
