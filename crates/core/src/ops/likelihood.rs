//! Negative log likelihood of classes, and cross entropy.
//!
//! Kernels see scores as [images, classes, places], whatever the shape.

use crate::autograd;
use crate::cpu::reduce::{CROSS_ENTROPY_BACKWARD, NLL_LOSS, NLL_LOSS_BACKWARD};
use crate::losses::{CLASS, Reduction, check_classes, check_weight, number};
use crate::{Attr, Result, Shape, Strided, Strides, Tensor, attach, dispatch, ensure, layout, ops};

/// What of the loss is no tensor.
#[derive(Clone, Copy)]
struct Rule {
    reduction: Reduction,
    ignored: i64,
    /// The share of a target that goes to all classes.
    smoothing: f64,
}

impl Rule {
    fn attrs(self) -> [Attr; 3] {
        [self.reduction.code().into(), self.ignored.into(), self.smoothing.into()]
    }
}

/// Scores `[C]`, `[N, C]`, `[N, C, d1, ...]` as images, classes and places.
fn planes(scores: &[usize]) -> [usize; 3] {
    match scores {
        [images, classes, places @ ..] => [*images, *classes, places.iter().product()],
        _ => [1, scores.iter().product(), 1],
    }
}

/// A tensor in a shape that kernels see, copied if there are no strides for that.
struct Seen<const N: usize> {
    tensor: Tensor,
    shape: [usize; N],
    strides: Strides,
}

impl<const N: usize> Seen<N> {
    fn new(t: &Tensor, shape: [usize; N]) -> Result<Seen<N>> {
        if let Some(strides) = layout::view_strides(t.layout(), &shape) {
            return Ok(Seen { tensor: t.detach(), shape, strides });
        }
        let tensor = autograd::no_grad(|| ops::contiguous(t))?;
        Ok(Seen { tensor, shape, strides: layout::contiguous_strides(&shape) })
    }

    fn view(&self) -> Strided<'_> {
        Strided::from(&self.tensor).with(&self.shape, &self.strides)
    }
}

/// The gradient of the losses as one for each of them.
fn spread(g: &Tensor, places: [usize; 2], reduction: Reduction) -> Result<Seen<2>> {
    if reduction == Reduction::None {
        return Seen::new(g, places);
    }
    Ok(Seen { tensor: g.detach(), shape: places, strides: Strides::from_elem(0, 2) })
}

/// The losses (of the target's shape, or a scalar) and the total weight.
fn losses(input: &Tensor, target: &Tensor, weight: Option<&Tensor>, rule: Rule) -> Result<(Tensor, Tensor)> {
    let scores = planes(input.shape());
    let places = [scores[0], scores[2]];
    let shape: &[usize] = if rule.reduction == Reduction::None { target.shape() } else { &[] };
    let (out, total) = (Tensor::empty(shape, input.dtype())?, Tensor::empty(&[], input.dtype())?);
    let (input, target) = (Seen::new(input, scores)?, Seen::new(target, places)?);
    let steps = layout::contiguous_strides(&places);
    let mut result = Strided::from(&out);
    if rule.reduction == Reduction::None {
        result = result.with(&places, &steps);
    }
    let (kernel, attrs) = (const { NLL_LOSS.with_demand(&CLASS) }, rule.attrs());
    match weight {
        None => dispatch(&kernel, &[input.view(), target.view()], &[result, (&total).into()], &attrs)?,
        Some(w) => dispatch(&kernel, &[input.view(), target.view(), w.into()], &[result, (&total).into()], &attrs)?,
    }
    Ok((out, total))
}

/// The gradient of `losses` for its input, of `shape`, from that of its result; for what `logs` is the log-softmax of, if given.
fn gradient(
    g: &Tensor,
    shape: &[usize],
    logs: Option<&Tensor>,
    target: &Tensor,
    total: &Tensor,
    weight: Option<&Tensor>,
    rule: Rule,
) -> Result<Tensor> {
    let scores = planes(shape);
    let places = [scores[0], scores[2]];
    let out = logs.map_or_else(|| Tensor::empty(shape, g.dtype()), |logs| Tensor::empty_like(logs, g.dtype()))?;
    let steps = layout::view_strides(out.layout(), &scores).expect("a dense tensor is made of planes");
    let (g, target) = (spread(g, places, rule.reduction)?, Seen::new(target, places)?);
    let mut ins = vec![g.view(), target.view(), total.into()];
    ins.extend(logs.map(|t| Strided::from(t).with(&scores, &steps)));
    ins.extend(weight.map(Strided::from));
    // Through a softmax all weights count everywhere.
    let sum = match weight {
        Some(w) if rule.smoothing > 0.0 && logs.is_some() => Some(autograd::no_grad(|| ops::sum(w, None))?),
        _ => None,
    };
    ins.extend(sum.as_ref().map(Strided::from));
    let kernel = if logs.is_some() { &CROSS_ENTROPY_BACKWARD } else { &NLL_LOSS_BACKWARD };
    dispatch(kernel, &ins, &[Strided::from(&out).with(&scores, &steps)], &rule.attrs())?;
    Ok(out)
}

fn node_name(input: &Tensor) -> &'static str {
    if input.ndim() > 2 { "NllLoss2DBackward0" } else { "NllLossBackward0" }
}

/// `losses`, which a smoothed reduction takes one by one first: a GPU adds up in one workgroup, and not all classes of all targets.
fn reduced(input: &Tensor, target: &Tensor, weight: Option<&Tensor>, rule: Rule) -> Result<(Tensor, Tensor)> {
    if rule.smoothing == 0.0 || rule.reduction == Reduction::None {
        return losses(input, target, weight, rule);
    }
    autograd::no_grad(|| {
        let (each, _) = losses(input, target, weight, Rule { reduction: Reduction::None, ..rule })?;
        let (_, total) = losses(input, target, weight, Rule { smoothing: 0.0, ..rule })?;
        let sum = ops::sum(&each, None)?;
        Ok((if rule.reduction == Reduction::Mean { ops::div(&sum, &total)? } else { sum }, total))
    })
}

/// Negative log likelihood of scores for targets that were checked.
fn nll(input: &Tensor, target: &Tensor, weight: Option<&Tensor>, rule: Rule) -> Result<Tensor> {
    let (out, total) = reduced(input, target, weight, rule)?;
    let shape = Shape::from_slice(input.shape());
    attach(&[&out], node_name(input), &[input], &[Some(target), Some(&total), weight], move |ctx| {
        let weight = if ctx.has_saved(2) { Some(ctx.saved(2)?) } else { None };
        let dx = nll_backward(&ctx.grad(0)?, &shape, &ctx.saved(0)?, &ctx.saved(1)?, weight.as_ref(), rule)?;
        Ok(vec![Some(dx)])
    });
    Ok(out)
}

fn nll_backward(
    g: &Tensor,
    shape: &[usize],
    target: &Tensor,
    total: &Tensor,
    weight: Option<&Tensor>,
    rule: Rule,
) -> Result<Tensor> {
    let out = gradient(g, shape, None, target, total, weight, rule)?;
    // Linear in g, and the adjoint of a linear loss is that loss again.
    attach(&[&out], "NllLossBackwardBackward0", &[g], &[Some(target), weight], move |ctx| {
        let weight = if ctx.has_saved(1) { Some(ctx.saved(1)?) } else { None };
        Ok(vec![Some(nll(&ctx.grad(0)?, &ctx.saved(0)?, weight.as_ref(), rule)?)])
    });
    Ok(out)
}

/// Whether the gradient's kernel can go through what is laid out like these scores: classes are neighbours, or places are.
fn is_by_rows_or_columns(input: &Tensor) -> bool {
    let strides = || layout::view_strides(input.layout(), &planes(input.shape()));
    // What is like a tensor with gaps is contiguous.
    !input.layout().is_dense() || strides().is_some_and(|steps| steps[1] == 1 || steps[2] == 1)
}

/// Cross entropy for targets that were checked: PyTorch's two nodes, log-softmax and likelihood, whose gradients one kernel
/// computes. Log-softmax has a gradient of its own only where one of the gradient is wanted.
fn through_softmax(input: &Tensor, target: &Tensor, weight: Option<&Tensor>, rule: Rule) -> Result<Tensor> {
    let x = if is_by_rows_or_columns(input) { input.clone() } else { ops::contiguous(input)? };
    let logs = ops::log_softmax(&x, class_dim(&x) as i64, None)?;
    let (out, total) = reduced(&logs, target, weight, rule)?;
    let name = if rule.smoothing > 0.0 { "AddBackward0" } else { node_name(&logs) };
    let saved = [Some(&logs), Some(target), Some(&total), weight];
    attach(&[&out], name, &[&logs, &x], &saved, move |ctx| {
        let (g, logs, target, total) = (ctx.grad(0)?, ctx.saved(0)?, ctx.saved(1)?, ctx.saved(2)?);
        let weight = if ctx.has_saved(3) { Some(ctx.saved(3)?) } else { None };
        if autograd::tracks(&[&g, &logs]) {
            return Ok(vec![Some(nll_backward(&g, logs.shape(), &target, &total, weight.as_ref(), rule)?), None]);
        }
        Ok(vec![None, Some(gradient(&g, logs.shape(), Some(&logs), &target, &total, weight.as_ref(), rule)?)])
    });
    if let Some(node) = out.grad_fn() {
        node.set_inputs(std::iter::once(logs.edge()).collect());
    }
    Ok(out)
}

/// The end of both losses: where PyTorch computes in another number of dimensions (all but one, two and four), a view puts the
/// losses back.
fn viewed(out: Tensor, input: &Tensor, reduction: Reduction) -> Result<Tensor> {
    if reduction != Reduction::None || matches!(input.ndim(), 1 | 2 | 4) {
        return Ok(out);
    }
    ops::reshape(&out, &out.sizes())
}

/// Refuses what `losses` could not read.
fn check(op: &str, input: &Tensor, target: &Tensor, weight: Option<&Tensor>, ignored: i64) -> Result<()> {
    let d = input.ndim();
    ensure!(d >= 1, Shape, "{op}: Expected 1 or more dimensions (got {d})");
    ensure!(input.dtype().is_float(), DType, "{op}: expected a floating input but found {}", input.dtype().c_name());
    let classes = input.size(class_dim(input));
    if d == 1 {
        ensure!(
            target.ndim() <= 1 && target.numel() == 1,
            Shape,
            "{op}: size mismatch (got input: {:?}, target: {:?}); scores [C] need a single target",
            input.shape(), target.shape()
        );
    } else {
        let batch = target.shape().first().copied();
        ensure!(
            batch == Some(input.shape()[0]),
            Shape,
            "{op}: Expected input batch_size ({}) to match target batch_size ({}).",
            input.shape()[0],
            batch.map_or("none".into(), |n| n.to_string())
        );
        ensure!(
            target.shape()[1..] == input.shape()[2..],
            Shape,
            "{op}: Expected target size {:?}, got {:?}",
            [&input.shape()[..1], &input.shape()[2..]].concat(),
            target.shape()
        );
    }
    check_weight(op, input, weight, classes)?;
    ensure!(
        !weight.is_some_and(|w| autograd::tracks(&[w])),
        Runtime,
        "{op}: the derivative for 'weight' is not implemented; detach() it"
    );
    check_classes(op, target, classes, ignored)
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
        check(OP, input, target, weight, ignore_index)?;
        let out = nll(input, target, weight, Rule { reduction, ignored: ignore_index, smoothing: 0.0 })?;
        viewed(out, input, reduction)
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
        check(OP, input, target, weight, ignore_index)?;
        let rule = Rule { reduction: r, ignored: ignore_index, smoothing: label_smoothing };
        let out = through_softmax(input, target, weight, rule)?;
        // Of a smoothed one the last node is the sum of its parts.
        if label_smoothing > 0.0 { Ok(out) } else { viewed(out, input, r) }
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
}
