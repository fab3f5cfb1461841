//! Losses for classification.

use crate::autograd::no_grad;
use crate::cpu::index::{NLL_LOSS, NLL_LOSS_BACKWARD};
use crate::autograd::composite;
use crate::demand::{Class, Demand, Found, Test, refuse};
use crate::losses::{Reduction, number};
use crate::{Attr, DType, Result, Tensor, attach, bail, dispatch, ensure, ops};

/// Refuses targets that are not class indices, or out of range.
fn check_classes(op: &str, target: &Tensor, classes: usize, ignored: i64) -> Result<()> {
    ensure!(target.dtype() == DType::I64, DType, "{op}: expected scalar type Long but found {}", target.dtype().c_name());
    let known = if target.is_readable() { target.to_vec::<i64>()? } else { Vec::new() };
    for t in known {
        if t != ignored && !(0..classes as i64).contains(&t) {
            let found = Found { value: t as f64, at: 0, bound: classes };
            return Err(refuse(op, &CLASS, &found));
        }
    }
    Ok(())
}

static CLASS: Demand = Demand {
    class: Class::Index,
    test: Test::Inside,
    input: 1,
    says: |op, found| format!("{op}: Target {} is out of bounds: there are {} classes.", found.value, found.bound),
};

fn check_weight(op: &str, input: &Tensor, weight: Option<&Tensor>, classes: usize) -> Result<()> {
    let Some(w) = weight else { return Ok(()) };
    ensure!(
        w.ndim() <= 1 && w.numel() == classes,
        Shape,
        "{op}: weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of \
         shape: {:?}",
        w.shape()
    );
    ensure!(
        w.dtype() == input.dtype(),
        DType,
        "{op}: expected scalar type {} but found {} (the weight's)",
        input.dtype().c_name(),
        w.dtype().c_name()
    );
    Ok(())
}

fn nll_attrs(reduction: Reduction, ignored: i64) -> [Attr; 2] {
    [reduction.code().into(), ignored.into()]
}

/// Negative log likelihood of `[n, c, s]` for classes `[n, s]`: the loss (`[n, s]` or a scalar) and the total weight.
fn nll(
    name: &'static str,
    input: &Tensor,
    target: &Tensor,
    weight: Option<&Tensor>,
    reduction: Reduction,
    ignored: i64,
) -> Result<Tensor> {
    let shape: &[usize] = if reduction == Reduction::None { target.shape() } else { &[] };
    let (out, total) = (Tensor::empty(shape, input.dtype())?, Tensor::empty(&[], input.dtype())?);
    let mut ins = vec![input, target];
    ins.extend(weight);
    dispatch(&const { NLL_LOSS.with_demand(&CLASS) }, &ins, &[&out, &total], &nll_attrs(reduction, ignored))?;
    let (classes, sizes) = (input.shape()[1] as i64, target.sizes());
    attach(&[&out], name, &[input], &[Some(target), Some(&total), weight], move |ctx| {
        let g = ops::expand(&ctx.grad(0)?, &sizes)?;
        let weight = if ctx.has_saved(2) { Some(ctx.saved(2)?) } else { None };
        let dx = nll_backward(&g, &ctx.saved(0)?, &ctx.saved(1)?, weight.as_ref(), classes, reduction, ignored)?;
        Ok(vec![Some(dx)])
    });
    Ok(out)
}

/// The gradient for the input of `nll`, from the gradient of every element's loss.
fn nll_backward(
    g: &Tensor,
    target: &Tensor,
    total: &Tensor,
    weight: Option<&Tensor>,
    classes: i64,
    reduction: Reduction,
    ignored: i64,
) -> Result<Tensor> {
    let out = Tensor::empty(&[target.shape()[0], classes as usize, target.shape()[1]], g.dtype())?;
    let mut ins = vec![g, target, total];
    ins.extend(weight);
    dispatch(&NLL_LOSS_BACKWARD, &ins, &[&out], &nll_attrs(reduction, ignored))?;
    // Linear in g: its own gradient picks the same classes again, with the same weights.
    attach(&[&out], "NllLossBackwardBackward0", &[g], &[Some(target), Some(total), weight], move |ctx| {
        let weight = if ctx.has_saved(2) { Some(ctx.saved(2)?) } else { None };
        let gg = ctx.grad(0)?;
        let picked = nll("NllLossBackward0", &gg, &ctx.saved(0)?, weight.as_ref(), Reduction::None, ignored)?;
        Ok(vec![Some(if reduction == Reduction::Mean { ops::div(&picked, &ctx.saved(1)?)? } else { picked })])
    });
    Ok(out)
}

/// Cross entropy with a distribution over the classes as target.
fn soft_cross_entropy(
    input: &Tensor,
    target: &Tensor,
    weight: Option<&Tensor>,
    reduction: Reduction,
    smoothing: f64,
) -> Result<Tensor> {
    let dim = class_dim(input);
    let classes = input.size(dim);
    let logs = ops::log_softmax(input, dim as i64, None)?;
    let smooth = |t: &Tensor| {
        ops::add(&ops::mul(t, &number(1.0 - smoothing)?)?, &number(smoothing / classes as f64)?)
    };
    let target = if smoothing > 0.0 { smooth(target)? } else { target.clone() };
    let mut terms = ops::mul(&logs, &target)?;
    if let Some(w) = weight {
        terms = ops::mul(&terms, &along_classes(w, input)?)?;
    }
    match reduction {
        Reduction::None => ops::neg(&ops::sum_dim(&terms, Some(&[dim as i64]), false, None)?),
        Reduction::Sum => ops::neg(&ops::sum(&terms, None)?),
        Reduction::Mean => {
            let rows = input.numel() as f64 / classes as f64;
            ops::arith::div_number(&ops::neg(&ops::sum(&terms, None)?)?, rows)
        }
    }
}

/// Cross entropy with classes as targets and a share `smoothing` of the target spread over all classes.
fn smoothed_cross_entropy(
    input: &Tensor,
    target: &Tensor,
    weight: Option<&Tensor>,
    reduction: Reduction,
    reduction_name: &str,
    ignored: i64,
    smoothing: f64,
) -> Result<Tensor> {
    let dim = class_dim(input);
    let classes = input.size(dim);
    let logs = ops::log_softmax(input, dim as i64, None)?;
    let hard = nll_loss(&logs, target, weight, ignored, reduction_name)?;
    let terms = weight.map_or(Ok(logs.clone()), |w| ops::mul(&logs, &along_classes(w, input)?))?;
    let smooth = ops::neg(&ops::sum_dim(&terms, Some(&[dim as i64]), false, None)?)?;
    let skip = ops::eq(target, &Tensor::number(ignored)?)?;
    let smooth = ops::where_(&skip, &Tensor::zeros(&[], smooth.dtype())?, &smooth)?;
    let smooth = match reduction {
        Reduction::None => smooth,
        Reduction::Sum => ops::sum(&smooth, None)?,
        Reduction::Mean => {
            // As in the hard part, targets count by the weight of their class.
            let counted = ops::logical_not(&skip)?;
            let total = match weight {
                None => ops::sum_dim(&counted, None, false, Some(input.dtype()))?,
                Some(w) => {
                    let own = ops::where_(&skip, &Tensor::number(0)?, target)?;
                    let own = ops::take(w, &own)?;
                    ops::sum(&ops::mul(&own, &counted.cast_data(w.dtype())?)?, None)?
                }
            };
            ops::div(&ops::sum(&smooth, None)?, &total)?
        }
    };
    ops::add(
        &ops::mul(&hard, &number(1.0 - smoothing)?)?,
        &ops::mul(&smooth, &number(smoothing / classes as f64)?)?,
    )
}

fn class_dim(input: &Tensor) -> usize {
    usize::from(input.ndim() > 1)
}

/// Class weights in a shape that broadcasts along the classes of the input.
fn along_classes(weight: &Tensor, input: &Tensor) -> Result<Tensor> {
    let mut shape = vec![1i64; input.ndim()];
    shape[class_dim(input)] = weight.numel() as i64;
    ops::reshape(weight, &shape)
}

ops! {
    /// Minus the log-probability of the target's class: `[N, C]` with `[N]`, `[C]` with a single one, `[N, C, d1, ...]`
    /// with `[N, d1, ...]`. Targets equal to `ignoreIndex` do not count; the mean is weighted. Default:
    /// `ignoreIndex = -100, reduction = 'mean'`.
    ///
    /// PyTorch: `torch.nn.functional.nll_loss`.
    [F]
    fn nll_loss(input: Tensor, target: Tensor, weight: Option<Tensor> = None, ignore_index: i64 = -100,
                reduction: String = "mean") -> Tensor {
        const OP: &str = "nllLoss";
        let reduction = Reduction::parse(OP, reduction)?;
        let d = input.ndim();
        ensure!(d >= 1, Shape, "{OP}: Expected 1 or more dimensions (got {d})");
        ensure!(input.dtype().is_float(), DType, "{OP}: expected a floating input but found {}", input.dtype().c_name());
        let classes = input.size(class_dim(input));
        if d == 1 {
            ensure!(
                target.ndim() <= 1 && target.numel() == 1,
                Shape,
                "{OP}: size mismatch (got input: {:?}, target: {:?}); scores [C] need a single target",
                input.shape(), target.shape()
            );
        } else {
            let batch = target.shape().first().copied();
            ensure!(
                batch == Some(input.shape()[0]),
                Shape,
                "{OP}: Expected input batch_size ({}) to match target batch_size ({}).",
                input.shape()[0],
                batch.map_or("none".into(), |n| n.to_string())
            );
            ensure!(
                target.shape()[1..] == input.shape()[2..],
                Shape,
                "{OP}: Expected target size {:?}, got {:?}",
                [&input.shape()[..1], &input.shape()[2..]].concat(),
                target.shape()
            );
        }
        check_weight(OP, input, weight, classes)?;
        check_classes(OP, target, classes, ignore_index)?;
        let (n, s) = if d == 1 {
            (1, 1)
        } else {
            (input.shape()[0] as i64, input.shape()[2..].iter().product::<usize>() as i64)
        };
        let scores = ops::reshape(input, &[n, classes as i64, s])?;
        let goal = no_grad(|| ops::reshape(target, &[n, s]))?;
        let name = if d > 2 { "NllLoss2DBackward0" } else { "NllLossBackward0" };
        let out = nll(name, &scores, &goal, weight, reduction, ignore_index)?;
        if reduction == Reduction::None {
            // More than two dimensions of places are made two for the loss and put back by a view.
            let out = ops::reshape(&out, &target.sizes())?;
            return if matches!(d, 1 | 2 | 4) { composite(name, &[input], Ok(out)) } else { Ok(out) };
        }
        Ok(out)
    }

    /// Softmax and negative log likelihood in one: logits `[N, C]`, `[C]` or `[N, C, d1, ...]` with class indices as in
    /// `nllLoss`, or with probabilities of the logits' shape. Default: `ignoreIndex = -100, reduction = 'mean',
    /// labelSmoothing = 0`.
    ///
    /// PyTorch: `torch.nn.functional.cross_entropy`.
    [F]
    fn cross_entropy(input: Tensor, target: Tensor, weight: Option<Tensor> = None, ignore_index: i64 = -100,
                     reduction: String = "mean", label_smoothing: f64 = 0.0) -> Tensor {
        const OP: &str = "crossEntropy";
        let r = Reduction::parse(OP, reduction)?;
        ensure!(input.ndim() >= 1, Shape, "{OP}: Expected 1 or more dimensions (got 0)");
        ensure!(
            (0.0..=1.0).contains(&label_smoothing),
            Value,
            "{OP}: label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}"
        );
        if input.shape() == target.shape() {
            ensure!(
                target.dtype().is_float(),
                DType,
                "{OP}: Expected floating point type for target with class probabilities, got {}; class indices have the \
                 input's shape without its dimension of classes",
                target.dtype().c_name()
            );
            ensure!(ignore_index < 0, Value, "{OP}: ignore_index is not supported for floating point target");
            check_weight(OP, input, weight, input.size(class_dim(input)))?;
            return soft_cross_entropy(input, target, weight, r, label_smoothing);
        }
        if label_smoothing > 0.0 {
            return smoothed_cross_entropy(input, target, weight, r, reduction, ignore_index, label_smoothing);
        }
        nll_loss(&ops::log_softmax(input, class_dim(input) as i64, None)?, target, weight, ignore_index, reduction)
    }

    /// A linear layer and cross entropy in one: `input` `[N, in]` or `[in]` times `linearWeight` `[classes, ..., in]`
    /// gives logits `[N, classes, ...]` for `crossEntropy`.
    ///
    /// PyTorch: `torch.nn.functional.linear_cross_entropy`.
    [F]
    fn linear_cross_entropy(input: Tensor, linear_weight: Tensor, target: Tensor, linear_bias: Option<Tensor> = None,
            reduction: String = "mean", weight: Option<Tensor> = None, ignore_index: Option<i64> = None,
            label_smoothing: f64 = 0.0) -> Tensor {
        const OP: &str = "linearCrossEntropy";
        let d = input.ndim();
        ensure!(d == 1 || d == 2, Shape, "{OP}: expected input with dimensionality 1 or 2, got {d}");
        ensure!(linear_weight.ndim() >= 2, Shape, "{OP}: expected linear_weight with 2 or more dimensions, got {}", linear_weight.ndim());
        let (have, want) = (input.shape()[d - 1], linear_weight.shape()[linear_weight.ndim() - 1]);
        ensure!(
            have == want,
            Shape,
            "{OP}: expected equal input and linear_weight last dimensions (in_features), got {have} and {want}, respectively"
        );
        let outer = &linear_weight.sizes()[..linear_weight.ndim() - 1];
        ensure!(
            outer.len() == 1 || d == 2,
            Shape,
            "{OP}: K-dimensional loss defined by linear_weight shape {:?} requires batched input, (N, {have}), got unbatched \
             input with shape {:?}",
            linear_weight.shape(), input.shape()
        );
        ensure!(
            (0.0..=1.0).contains(&label_smoothing),
            Value,
            "{OP}: expected label_smoothing to be in range [0, 1], got {label_smoothing:?}"
        );
        let rows = ops::reshape(linear_weight, &[-1, want as i64])?;
        let bias = linear_bias.map(|b| ops::reshape(b, &[-1])).transpose()?;
        let mut logits = ops::linear(input, &rows, bias.as_ref())?;
        if outer.len() > 1 {
            let mut shape = vec![input.shape()[0] as i64];
            shape.extend(outer);
            logits = ops::reshape(&logits, &shape)?;
        }
        ops::cross_entropy(&logits, target, weight, ignore_index.unwrap_or(-100), reduction, label_smoothing)
    }

    /// Sum over the classes i other than the target y of max(0, margin - x[y] + x[i])^p, divided by the number of classes.
    /// Default: `p = 1, margin = 1`.
    ///
    /// PyTorch: `torch.nn.functional.multi_margin_loss`.
    [F]
    fn multi_margin_loss(input: Tensor, target: Tensor, p: i64 = 1, margin: f64 = 1.0, weight: Option<Tensor> = None,
                         reduction: String = "mean") -> Tensor {
        const OP: &str = "multiMarginLoss";
        let reduction = Reduction::parse(OP, reduction)?;
        ensure!(p == 1 || p == 2, Value, "{OP}: only p == 1 and p == 2 supported, got {p}");
        ensure!(weight.is_none_or(|w| w.ndim() == 1), Shape, "{OP}: weight must be one-dimensional");
        check_vector_or_matrix(OP, input)?;
        let (n, classes) = rows_and_classes(input);
        ensure!(
            target.ndim() <= 1 && target.numel() == n,
            Shape,
            "{OP}: target tensor should be 1-D with size equal to the batch size of the input. Expected target size [{n}], \
             but got {:?}",
            target.shape()
        );
        check_classes(OP, target, classes, i64::MIN)?;
        check_weight(OP, input, weight, classes)?;
        let (x, y) = (ops::reshape(input, &[n as i64, classes as i64])?, ops::reshape(target, &[n as i64, 1])?);
        let own = ops::gather(&x, 1, &y, false)?;
        let z = ops::clamp_min(&ops::add(&ops::sub(&x, &own)?, &number(margin)?)?, &number(0.0)?)?;
        let z = if p == 2 { ops::mul(&z, &z)? } else { z };
        let z = match weight {
            Some(w) => ops::mul(&z, &ops::reshape(&ops::index_select(w, 0, &ops::reshape(&y, &[-1])?)?, &[n as i64, 1])?)?,
            None => z,
        };
        // The target's own class has z = margin^p and does not count.
        let all = Tensor::from_slice(&(0..classes as i64).collect::<Vec<_>>(), &[1, classes])?;
        let zero = Tensor::zeros(&[], z.dtype())?;
        let others = ops::where_(&ops::eq(&y, &all)?, &zero, &z)?;
        finish_margin(&others, classes, input, reduction, "MultiMarginLossBackward0")
    }

    /// Sum over target classes y and all other classes i of max(0, 1 - (x[y] - x[i])), divided by the number of classes.
    /// A row of `target` names classes up to the first -1.
    ///
    /// PyTorch: `torch.nn.functional.multilabel_margin_loss`.
    [F]
    fn multilabel_margin_loss(input: Tensor, target: Tensor, reduction: String = "mean") -> Tensor {
        const OP: &str = "multilabelMarginLoss";
        let reduction = Reduction::parse(OP, reduction)?;
        check_vector_or_matrix(OP, input)?;
        let (n, classes) = rows_and_classes(input);
        ensure!(
            target.numel() == n * classes && (target.ndim() == input.ndim() || input.ndim() <= 1),
            Shape,
            "{OP}: inconsistent target size: {:?} for input of size: {:?}",
            target.shape(), input.shape()
        );
        check_classes(OP, target, classes, -1)?;
        let (rows, c) = (n as i64, classes as i64);
        let x = ops::reshape(input, &[rows, c])?;
        // The targets of a row end where the first negative one stands.
        let goal = ops::reshape(target, &[rows, c])?;
        let used = ops::cumprod(&ops::ge(&goal, &Tensor::number(0)?)?, 1, Some(DType::I64))?;
        let at = ops::mul(&goal, &used)?;
        let found = ops::scatter_add(&Tensor::zeros(&[n, classes], DType::I64)?, 1, &at, &used)?;
        let own = ops::gather(&x, 1, &at, false)?;
        let z = ops::sub(&ops::reshape(&x, &[rows, 1, c])?, &ops::reshape(&own, &[rows, c, 1])?)?;
        let z = ops::clamp_min(&ops::add(&z, &number(1.0)?)?, &number(0.0)?)?;
        // Pairs (k-th target, class) that count: the class is no target itself.
        let others = ops::reshape(&ops::eq(&found, &Tensor::number(0)?)?, &[rows, 1, c])?;
        let counted = ops::logical_and(&ops::reshape(&used, &[rows, c, 1])?, &others)?;
        let z = ops::where_(&counted, &z, &Tensor::zeros(&[], z.dtype())?)?;
        let z = ops::sum_dim(&z, Some(&[1]), false, None)?;
        finish_margin(&z, classes, input, reduction, "MultilabelMarginLossBackward0")
    }

    /// Mean over the classes of the binary cross entropy with logits, times `weight`.
    ///
    /// PyTorch: `torch.nn.functional.multilabel_soft_margin_loss`.
    [F]
    fn multilabel_soft_margin_loss(input: Tensor, target: Tensor, weight: Option<Tensor> = None,
                                   reduction: String = "mean") -> Tensor {
        let reduction = Reduction::parse("multilabelSoftMarginLoss", reduction)?;
        let mut z = ops::binary_cross_entropy_with_logits(input, target, None, "none", None)?;
        if let Some(w) = weight {
            z = ops::mul(&z, w)?;
        }
        let classes = input.shape().last().copied().unwrap_or(1) as f64;
        reduction.apply(&ops::div(&ops::sum_dim(&z, Some(&[-1]), false, None)?, &number(classes)?)?)
    }
}

fn check_vector_or_matrix(op: &str, input: &Tensor) -> Result<()> {
    let d = input.ndim();
    let fits = d == 0 || (d == 1 && input.numel() > 0) || (d == 2 && input.shape()[1] > 0);
    if !fits {
        bail!(
            Shape,
            "{op}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: {:?}",
            input.shape()
        );
    }
    Ok(())
}

fn rows_and_classes(input: &Tensor) -> (usize, usize) {
    match input.shape() {
        [n, c] => (*n, *c),
        [c] => (1, *c),
        _ => (1, 1),
    }
}

/// The terms `[n, classes]` summed over the classes and divided by their number, then reduced.
fn finish_margin(z: &Tensor, classes: usize, input: &Tensor, r: Reduction, name: &'static str) -> Result<Tensor> {
    let rows = ops::div(&ops::sum_dim(z, Some(&[1]), false, None)?, &number(classes as f64)?)?;
    let rows = if input.ndim() <= 1 { ops::reshape(&rows, &[])? } else { rows };
    composite(name, &[input], r.apply(&rows))
}
