//! Normalisation: by batch, layer, group, instance, root mean square, and across neighbouring channels.

use smallvec::SmallVec;

use crate::autograd::{grad_enabled, no_grad};
use crate::cpu::{elementwise, reduce};
use crate::lane::expr::{Pointwise, RealOp, norm as expr};
use crate::layout::Sizes;
use crate::losses::number;
use crate::reducing::Reduction;
use crate::{Result, Tensor, attach, bail, dispatch, ensure, ops, pointwise};

/// How a normalisation looks at its input: the shape it is seen in, the dimensions statistics are taken over, and the
/// shape in which weight and bias meet it.
struct Scheme {
    name: &'static str,
    view: Vec<i64>,
    over: Vec<i64>,
    affine: Vec<i64>,
}

fn launch<P: RealOp>(ins: &[&Tensor]) -> Result<Tensor> {
    pointwise::launch(<P as Pointwise>::NAME, &elementwise::real::<P>(), ins, ins[0].dtype(), &[])
}

/// Mean and variance (divided by n) over `over`, with the reduced dimensions kept at size one.
fn moments(x: &Tensor, over: &[i64]) -> Result<(Tensor, Tensor)> {
    let r = Reduction::over("norm", x, Some(over), true)?;
    let (var, mean) = (r.output(x.dtype())?, r.output(x.dtype())?);
    r.run(&reduce::VAR_MEAN, x, &[&var, &mean], &[(r.count as f64).into(), 0.0.into(), false.into()])?;
    Ok((mean, var))
}

fn inverse_deviation(var: &Tensor, eps: f64) -> Result<Tensor> {
    ops::rsqrt(&ops::add(var, &number(eps)?)?)
}

impl Scheme {
    /// Whether rows are normalised, for which there are fused kernels.
    fn by_rows(&self) -> bool {
        self.view.len() == 2
    }

    /// A weight or bias as a row of contiguous numbers beside those of `x`.
    fn row(&self, t: &Tensor, x: &Tensor) -> Result<Tensor> {
        ops::to_dtype(&ops::reshape(t, &self.affine)?, x.dtype())?.contiguous_data()
    }
}

/// The rows of `x` normalised and scaled, their means and inverse deviations, by the fused kernel.
fn normalized_rows(
    s: &Scheme,
    x: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<(Tensor, Tensor, Tensor)> {
    let row = |t: &Tensor| s.row(t, x);
    let ins = [Some(x.contiguous_data()?), weight.map(row).transpose()?, bias.map(row).transpose()?];
    let ins: SmallVec<[&Tensor; 3]> = ins.iter().flatten().collect();
    let (y, column) = (Tensor::empty(x.shape(), x.dtype())?, [x.shape()[0], 1]);
    let (mean, rstd) = (Tensor::empty(&column, x.dtype())?, Tensor::empty(&column, x.dtype())?);
    let attrs = [eps.into(), weight.is_some().into(), bias.is_some().into()];
    dispatch(&reduce::LAYER_NORM, &ins, &[&y, &mean, &rstd], &attrs)?;
    Ok((y, mean, rstd))
}

/// Normalises by the input's own statistics. Gives the result, the means and the inverse deviations.
fn normalize_by_own(
    s: Scheme,
    input: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<(Tensor, Tensor, Tensor)> {
    let (out, mean, rstd) = no_grad(|| {
        let x = ops::reshape(input, &s.view)?;
        let (y, mean, rstd) = if s.by_rows() {
            normalized_rows(&s, &x, weight, bias, eps)?
        } else {
            let (mean, var) = moments(&x, &s.over)?;
            let rstd = inverse_deviation(&var, eps)?;
            let z = launch::<expr::standardize::Op>(&[&x, &mean, &rstd])?;
            (scaled(&z, weight, bias, &s.affine)?, mean, rstd)
        };
        Ok((ops::reshape(&y, &input.sizes())?.detach(), mean, rstd))
    })?;
    let name = s.name;
    let (shape, param) = (input.sizes(), weight.or(bias).map_or_else(Sizes::new, |t| t.sizes()));
    let stats = (mean.clone(), rstd.clone());
    let (ins, saved) = operands(input, weight, bias, &mean, &rstd);
    attach(&[&out], name, &ins, &saved, move |ctx| {
        let g = ops::reshape(&ctx.grad(0)?, &s.view)?;
        let x = ops::reshape(&ctx.saved(0)?, &s.view)?;
        let (mean, rstd) = if grad_enabled() {
            // Differentiated again, mean and deviation are functions of the input.
            let mean = ops::mean_dim(&x, Some(&s.over), true, None)?;
            let d = ops::sub(&x, &mean)?;
            let var = ops::mean_dim(&ops::mul(&d, &d)?, Some(&s.over), true, None)?;
            (mean, inverse_deviation(&var, eps)?)
        } else {
            (ctx.saved(2)?, ctx.saved(3)?)
        };
        let weight = if ctx.has_saved(1) { Some(ctx.saved(1)?) } else { None };
        let fused = s.by_rows() && !grad_enabled();
        let z = if fused && !ctx.needs(1) {
            g.clone() // nobody looks
        } else {
            composed::<expr::standardize::Op>(&[&x, &mean, &rstd], |t| ops::mul(&ops::sub(t[0], t[1])?, t[2]))?
        };
        let dx = ctx.when(0, || {
            if fused {
                let weight = weight.as_ref().map(|w| s.row(w, &x)).transpose()?;
                let ins = [Some(g.contiguous_data()?), Some(x.contiguous_data()?), Some(mean), Some(rstd), weight];
                let dx = Tensor::empty(x.shape(), x.dtype())?;
                dispatch(&reduce::LAYER_NORM_BACKWARD, &ins.iter().flatten().collect::<SmallVec<[&Tensor; 5]>>(), &[&dx], &[])?;
                return ops::reshape(&dx, &shape);
            }
            let gy = weight.as_ref().map_or(Ok(g.clone()), |w| ops::mul(&g, &ops::reshape(w, &s.affine)?))?;
            let a = ops::mean_dim(&gy, Some(&s.over), true, None)?;
            let b = ops::mean_dim(&ops::mul(&gy, &z)?, Some(&s.over), true, None)?;
            let rest = composed::<expr::decorrelate::Op>(&[&gy, &a, &z, &b], |t| {
                ops::sub(&ops::sub(t[0], t[1])?, &ops::mul(t[2], t[3])?)
            })?;
            ops::reshape(&ops::mul(&rest, &rstd)?, &shape)
        })?;
        affine_gradients(ctx, dx, &g, &z, &s.affine, &param)
    });
    Ok((out, stats.0, stats.1))
}

/// Normalises by given statistics (in the shape of `affine`), which get no gradient.
fn normalize_by_given(
    s: Scheme,
    input: &Tensor,
    mean: &Tensor,
    var: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    let (out, mean, rstd) = no_grad(|| {
        let x = ops::reshape(input, &s.view)?;
        let mean = ops::to_dtype(&ops::reshape(mean, &s.affine)?, x.dtype())?;
        let rstd = inverse_deviation(&ops::to_dtype(&ops::reshape(var, &s.affine)?, x.dtype())?, eps)?;
        let y = scaled(&launch::<expr::standardize::Op>(&[&x, &mean, &rstd])?, weight, bias, &s.affine)?;
        // The statistics may be updated before backward runs.
        Ok((ops::reshape(&y, &input.sizes())?.detach(), ops::clone(&mean)?, rstd))
    })?;
    let name = s.name;
    let (shape, param) = (input.sizes(), weight.or(bias).map_or_else(Sizes::new, |t| t.sizes()));
    let (ins, saved) = operands(input, weight, bias, &mean, &rstd);
    attach(&[&out], name, &ins, &saved, move |ctx| {
        let g = ops::reshape(&ctx.grad(0)?, &s.view)?;
        let (mean, rstd) = (ctx.saved(2)?, ctx.saved(3)?);
        let z = ops::mul(&ops::sub(&ops::reshape(&ctx.saved(0)?, &s.view)?, &mean)?, &rstd)?;
        let dx = ctx.when(0, || {
            let gy = if ctx.has_saved(1) { ops::mul(&g, &ops::reshape(&ctx.saved(1)?, &s.affine)?)? } else { g.clone() };
            ops::reshape(&ops::mul(&gy, &rstd)?, &shape)
        })?;
        affine_gradients(ctx, dx, &g, &z, &s.affine, &param)
    });
    Ok(out)
}

type Operands<'a> = (SmallVec<[&'a Tensor; 3]>, SmallVec<[Option<&'a Tensor>; 4]>);

/// Inputs (input, weight?, bias?) and what is saved (input, weight?, mean, inverse deviation) of a node.
fn operands<'a>(
    input: &'a Tensor,
    weight: Option<&'a Tensor>,
    bias: Option<&'a Tensor>,
    mean: &'a Tensor,
    rstd: &'a Tensor,
) -> Operands<'a> {
    // A missing weight or bias still has its place: the input stands there and its gradient is left out.
    let ins = SmallVec::from_slice(&[input, weight.unwrap_or(mean), bias.unwrap_or(mean)]);
    (ins, SmallVec::from_slice(&[Some(input), weight, Some(mean), Some(rstd)]))
}

fn affine_gradients(
    ctx: &crate::Ctx,
    dx: Option<Tensor>,
    g: &Tensor,
    z: &Tensor,
    affine: &[i64],
    param: &[i64],
) -> Result<Vec<Option<Tensor>>> {
    let flat = |t: &Tensor| ops::sum_to_size(t, affine);
    let dw = ctx.when(1, || ops::reshape(&flat(&ops::mul(g, z)?)?, param))?;
    let db = ctx.when(2, || ops::reshape(&flat(g)?, param))?;
    Ok(vec![dx, dw, db])
}

/// `y * weight + bias`, whichever there are.
fn scaled(y: &Tensor, weight: Option<&Tensor>, bias: Option<&Tensor>, affine: &[i64]) -> Result<Tensor> {
    let at = |t: &Tensor| ops::to_dtype(&ops::reshape(t, affine)?, y.dtype());
    match (weight, bias) {
        (Some(w), Some(b)) => launch::<expr::affine::Op>(&[y, &at(w)?, &at(b)?]),
        (Some(w), None) => ops::mul(y, &at(w)?),
        (None, Some(b)) => ops::add(y, &at(b)?),
        (None, None) => Ok(y.clone()),
    }
}

/// One kernel where nothing is recorded, the same from ops where it has to be differentiable.
fn composed<P: RealOp>(ins: &[&Tensor], ops: impl FnOnce(&[&Tensor]) -> Result<Tensor>) -> Result<Tensor> {
    if grad_enabled() { ops(ins) } else { launch::<P>(ins) }
}

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

fn check_channels(op: &str, what: &str, t: Option<&Tensor>, channels: usize) -> Result<()> {
    match t {
        Some(t) if t.numel() != channels => {
            bail!(Shape, "{op}: {what} should contain {channels} elements not {}", t.numel())
        }
        _ => Ok(()),
    }
}

/// Channels first: `[n, c, rest]`, with weights as `[1, c, 1]`.
fn by_channel(name: &'static str, input: &Tensor, over: &[i64]) -> Scheme {
    let shape = input.shape();
    let (n, c) = (shape[0] as i64, shape[1] as i64);
    let rest = shape[2..].iter().product::<usize>() as i64;
    Scheme { name, view: vec![n, c, rest], over: over.to_vec(), affine: vec![1, c, 1] }
}

/// Batch normalisation with what it computed on the way: result, means, inverse deviations (empty in evaluation).
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
) -> Result<(Tensor, Tensor, Tensor)> {
    const OP: &str = "batchNorm";
    ensure!(input.ndim() >= 2, Shape, "{OP}: expected an input with channels, [N, C, ...], but got {:?}", input.shape());
    let c = input.shape()[1];
    for (what, t) in [("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)] {
        check_channels(OP, what, t, c)?;
    }
    let scheme = by_channel("NativeBatchNormBackward0", input, &[0, 2]);
    if !training {
        let (Some(mean), Some(var)) = (running_mean, running_var) else {
            bail!(Runtime, "{OP}: running_mean and running_var must be defined in evaluation mode");
        };
        let out = normalize_by_given(scheme, input, mean, var, weight, bias, eps)?;
        return Ok((out, Tensor::empty(&[0], input.dtype())?, Tensor::empty(&[0], input.dtype())?));
    }
    let (out, mean, rstd) = normalize_by_own(scheme, input, weight, bias, eps)?;
    let (mean, rstd) = no_grad(|| Ok((ops::reshape(&mean, &[-1])?.detach(), ops::reshape(&rstd, &[-1])?.detach())))?;
    if let Some(running) = running_mean {
        update(running, &mean, momentum)?;
    }
    if let Some(running) = running_var {
        let n = (input.numel() / c.max(1)) as f64;
        // The running variance is the unbiased one.
        let var = no_grad(|| {
            let x = ops::reshape(input, &[input.shape()[0] as i64, c as i64, -1])?;
            ops::mul(&moments(&x, &[0, 2])?.1, &number(n / (n - 1.0))?)
        })?;
        update(running, &var, momentum)?;
    }
    Ok((out, mean, rstd))
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
    let scheme = Scheme {
        name: "NativeLayerNormBackward0",
        view: vec![rows, inner],
        over: vec![1],
        affine: vec![1, inner],
    };
    let (out, mean, rstd) = normalize_by_own(scheme, input, weight, bias, eps)?;
    let mut kept = input.sizes();
    kept[lead..].fill(1);
    no_grad(|| Ok((out, ops::reshape(&mean, &kept)?.detach(), ops::reshape(&rstd, &kept)?.detach())))
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
    let rest = input.shape()[2..].iter().product::<usize>() as i64;
    let scheme = Scheme {
        name: "NativeGroupNormBackward0",
        view: vec![n, groups, c / groups, rest],
        over: vec![2, 3],
        affine: vec![1, groups, c / groups, 1],
    };
    let (out, mean, rstd) = normalize_by_own(scheme, input, weight, bias, eps)?;
    no_grad(|| Ok((out, ops::reshape(&mean, &[n, groups])?.detach(), ops::reshape(&rstd, &[n, groups])?.detach())))
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
        batch(input, weight, bias, running_mean, running_var, training, momentum, eps)
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
        let scheme = by_channel("ViewBackward0", input, &[2]);
        if !use_input_stats {
            let (Some(mean), Some(var)) = (running_mean, running_var) else {
                bail!(Runtime, "{OP}: Expected running_mean and running_var to be defined when use_input_stats is false");
            };
            return normalize_by_given(scheme, input, mean, var, weight, bias, eps);
        }
        let spatial = input.shape()[2..].iter().product::<usize>();
        more_than_one(OP, spatial, "spatial element", input)?;
        let (out, mean, _) = normalize_by_own(scheme, input, weight, bias, eps)?;
        if let Some(running) = running_mean {
            update(running, &no_grad(|| ops::mean_dim(&mean, Some(&[0]), false, None))?, momentum)?;
        }
        if let Some(running) = running_var {
            let var = no_grad(|| {
                let x = ops::reshape(input, &[input.shape()[0] as i64, c as i64, -1])?;
                let unbiased = ops::mul(&moments(&x, &[2])?.1, &number(spatial as f64 / (spatial as f64 - 1.0))?)?;
                ops::mean_dim(&unbiased, Some(&[0]), false, None)
            })?;
            update(running, &var, momentum)?;
        }
        Ok(out)
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
