//! Losses for regression and binary classification: an expression of `lane::expr::loss` and a reduction.

use crate::call::Operand;
use crate::demand::{self, Class, Demand, Test};
use crate::lane::expr::loss as expr;
use crate::losses::{Reduction, at_least, at_least_demanding, demanding_loss, number, pointwise_loss};
use crate::{Result, Tensor, bail, ensure, layout, ops, pointwise};

/// PyTorch wants the shapes of input and target equal where broadcasting them is most likely a mistake.
fn same_size(op: &str, input: &Tensor, target: &Tensor) -> Result<()> {
    ensure!(
        input.shape() == target.shape(),
        Shape,
        "{op}: Target size ({:?}) must be the same as input size ({:?}); reshape one of them, for instance with squeeze()",
        target.shape(),
        input.shape()
    );
    Ok(())
}

/// The weight expanded to the target's shape, or an error that says so.
fn weight_for(op: &str, target: &Tensor, weight: Option<&Tensor>) -> Result<Option<Tensor>> {
    let Some(w) = weight else { return Ok(None) };
    let shape = layout::broadcast_shapes(op, target.shape(), w.shape())?;
    let sizes: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    ops::expand(&w.detach(), &sizes).map(Some)
}

static PROBABILITY: Demand = Demand {
    class: Class::Runtime,
    test: Test::Within(0.0, 1.0),
    input: 0,
    says: |_, _| {
        "binaryCrossEntropy: all elements of input should be between 0 and 1; apply sigmoid() first or use \
         binaryCrossEntropyWithLogits"
            .into()
    },
};
static VARIANCE: Demand = Demand {
    class: Class::Value,
    test: Test::NotBelow(0.0),
    input: 0,
    says: |_, _| "gaussianNllLoss: var has negative entry/entries".into(),
};

ops! {
    /// |input - target|. Default: `reduction = 'mean'`; also `'sum'`, `'none'`.
    ///
    /// PyTorch: `torch.nn.functional.l1_loss`.
    [F]
    fn l1_loss(input: Tensor, target: Tensor, reduction: String = "mean") -> Tensor {
        let reduction = Reduction::parse("l1Loss", reduction)?;
        reduction.apply(&ops::abs(&ops::sub(input, target)?)?)
    }

    /// (input - target)². Default: `reduction = 'mean'`; also `'sum'`, `'none'`.
    ///
    /// PyTorch: `torch.nn.functional.mse_loss`.
    [F]
    fn mse_loss(input: Tensor, target: Tensor, reduction: String = "mean") -> Tensor {
        let reduction = Reduction::parse("mseLoss", reduction)?;
        pointwise_loss::<expr::mse::Op>("MseLossBackward0", &[input, target], &[], None, reduction)
    }

    /// With d = |input - target|: d² / (2 beta) below `beta`, d - beta / 2 above. Default: `beta = 1`.
    ///
    /// PyTorch: `torch.nn.functional.smooth_l1_loss`.
    [F]
    fn smooth_l1_loss(input: Tensor, target: Tensor, reduction: String = "mean", beta: f64 = 1.0) -> Tensor {
        ensure!(beta >= 0.0, Value, "smooth_l1_loss does not support negative values for beta, got {beta}");
        if beta == 0.0 {
            return l1_loss(input, target, reduction);
        }
        let reduction = Reduction::parse("smoothL1Loss", reduction)?;
        pointwise_loss::<expr::smooth_l1::Op>("SmoothL1LossBackward0", &[input, target], &[beta], None, reduction)
    }

    /// With d = |input - target|: d² / 2 up to `delta`, delta (d - delta / 2) above. Default: `delta = 1`.
    ///
    /// PyTorch: `torch.nn.functional.huber_loss`.
    [F]
    fn huber_loss(input: Tensor, target: Tensor, reduction: String = "mean", delta: f64 = 1.0,
                  weight: Option<Tensor> = None) -> Tensor {
        ensure!(delta > 0.0, Value, "huber_loss does not support non-positive values for delta., got {delta}");
        let reduction = Reduction::parse("huberLoss", reduction)?;
        pointwise_loss::<expr::huber::Op>("HuberLossBackward0", &[input, target], &[delta], weight, reduction)
    }

    /// -(target log(input) + (1 - target) log(1 - input)) of probabilities `input`. Logarithms are at least -100.
    ///
    /// PyTorch: `torch.nn.functional.binary_cross_entropy`.
    [F]
    fn binary_cross_entropy(input: Tensor, target: Tensor, weight: Option<Tensor> = None, reduction: String = "mean")
            -> Tensor {
        let reduction = Reduction::parse("binaryCrossEntropy", reduction)?;
        same_size("binaryCrossEntropy", input, target)?;
        ensure!(
            input.dtype() == target.dtype(),
            DType,
            "binaryCrossEntropy: Found dtype {} but expected {}",
            target.dtype().c_name(),
            input.dtype().c_name()
        );
        if input.numel() > 0 && input.is_readable() {
            let (low, high) = (ops::amin(&input.detach(), None, false)?, ops::amax(&input.detach(), None, false)?);
            if !(low.item()?.to_f64() >= 0.0 && high.item()?.to_f64() <= 1.0) {
                demand::on_host("binaryCrossEntropy", input, &PROBABILITY, 0)?;
            }
        }
        let weight = weight_for("binaryCrossEntropy", target, weight)?;
        const NAME: &str = "BinaryCrossEntropyBackward0";
        demanding_loss::<expr::bce::Op>(Some(&PROBABILITY), NAME, &[input, target], &[], weight.as_ref(), reduction)
    }

    /// Binary cross entropy of sigmoid(input), computed without overflow; `posWeight` weighs positive targets.
    ///
    /// PyTorch: `torch.nn.functional.binary_cross_entropy_with_logits`.
    [F]
    fn binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Option<Tensor> = None,
            reduction: String = "mean", pos_weight: Option<Tensor> = None) -> Tensor {
        let reduction = Reduction::parse("binaryCrossEntropyWithLogits", reduction)?;
        same_size("binaryCrossEntropyWithLogits", input, target)?;
        const NAME: &str = "BinaryCrossEntropyWithLogitsBackward0";
        match pos_weight {
            None => pointwise_loss::<expr::bce_with_logits::Op>(NAME, &[input, target], &[], weight, reduction),
            Some(p) => {
                pointwise_loss::<expr::bce_with_logits_pos::Op>(NAME, &[input, target, p], &[], weight, reduction)
            }
        }
    }

    /// target (log(target) - input) of log-probabilities `input`; with `logTarget` the target is logarithms too.
    /// `reduction: 'batchmean'` divides the sum by the batch size. Default: `'mean'`.
    ///
    /// PyTorch: `torch.nn.functional.kl_div`.
    [F]
    fn kl_div(input: Tensor, target: Tensor, reduction: String = "mean", log_target: bool = false) -> Tensor {
        let batch = reduction == "batchmean";
        let reduction = if batch { Reduction::Sum } else { Reduction::parse("klDiv", reduction)? };
        let losses = if log_target {
            pointwise::real::<expr::kl_div_log::Op>("MulBackward0", &[input, target], &[])?
        } else {
            pointwise::real::<expr::kl_div::Op>("SubBackward0", &[input, target], &[])?
        };
        let out = reduction.apply(&losses)?;
        if batch && input.ndim() > 0 { ops::div(&out, &number(input.shape()[0] as f64)?) } else { Ok(out) }
    }

    /// Negative log likelihood of a Poisson distribution: exp(input) - target input, or, when `logInput` is false,
    /// input - target log(input + eps); `full` adds Stirling's approximation of log(target!).
    ///
    /// PyTorch: `torch.nn.functional.poisson_nll_loss`.
    [F]
    fn poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool = true, full: bool = false, eps: f64 = 1e-8,
                        reduction: String = "mean") -> Tensor {
        let reduction = Reduction::parse("poissonNllLoss", reduction)?;
        let mut losses = if log_input {
            pointwise::real::<expr::poisson_nll_log::Op>("SubBackward0", &[input, target], &[])?
        } else {
            pointwise::real::<expr::poisson_nll::Op>("SubBackward0", &[input, target], &[eps])?
        };
        if full {
            losses = ops::add(&losses, &pointwise::real::<expr::stirling::Op>("MaskedFillBackward0", &[target], &[])?)?;
        }
        reduction.apply(&losses)
    }

    /// Negative log likelihood of a normal distribution with mean `input` and variance `var`, which is at least `eps`.
    /// `full` adds the constant log(2 pi) / 2.
    ///
    /// PyTorch: `torch.nn.functional.gaussian_nll_loss`.
    [F]
    fn gaussian_nll_loss(input: Tensor, target: Tensor, var: Operand, full: bool = false, eps: f64 = 1e-6,
                         reduction: String = "mean") -> Tensor {
        if var.numel() > 0 && var.is_readable() {
            let least = ops::amin(&var.detach(), None, false)?.item()?.to_f64();
            if least < 0.0 {
                demand::on_host("gaussianNllLoss", var, &VARIANCE, 0)?;
            }
        }
        let seen = var.is_readable() || !var.dtype().is_float();
        let (shape, v) = (input.shape(), var.shape());
        let leading = &shape[..shape.len().saturating_sub(1)];
        let var = if var.is_wrapped_number() {
            ops::expand(&ops::to_dtype(&var.detach(), input.dtype())?, &input.sizes())?
        } else if v == shape || (v.len() == shape.len() && !v.is_empty() && v[..v.len() - 1] == *leading && v[v.len() - 1] == 1) {
            var.clone()
        } else if v == leading {
            ops::unsqueeze(var, -1)?
        } else if v.len() == shape.len() && v.iter().zip(shape).all(|(&a, &b)| a == b || a == 1 || b == 1) {
            var.clone()
        } else {
            bail!(Value, "gaussianNllLoss: var is of incorrect size {v:?} for input {shape:?}");
        };
        let Ok(reduction) = Reduction::parse("gaussianNllLoss", reduction) else {
            bail!(Value, "gaussianNllLoss: {reduction} is not valid; use 'none', 'mean' or 'sum'");
        };
        let var = if seen { at_least(&var, eps)? } else { at_least_demanding(&var, eps, &VARIANCE)? };
        let mut losses = pointwise::real::<expr::gaussian_nll::Op>("MulBackward0", &[input, target, &var], &[])?;
        if full {
            losses = ops::add(&losses, &number(0.5 * libm::log(2.0 * std::f64::consts::PI))?)?;
        }
        reduction.apply(&losses)
    }

    /// log(1 + exp(-target input)) for targets 1 and -1.
    ///
    /// PyTorch: `torch.nn.functional.soft_margin_loss`.
    [F]
    fn soft_margin_loss(input: Tensor, target: Tensor, reduction: String = "mean") -> Tensor {
        let reduction = Reduction::parse("softMarginLoss", reduction)?;
        pointwise_loss::<expr::soft_margin::Op>("SoftMarginLossBackward0", &[input, target], &[], None, reduction)
    }

    /// `input` for targets 1, max(0, margin - input) for targets -1. Default: `margin = 1`.
    ///
    /// PyTorch: `torch.nn.functional.hinge_embedding_loss`.
    [F]
    fn hinge_embedding_loss(input: Tensor, target: Tensor, margin: f64 = 1.0, reduction: String = "mean") -> Tensor {
        let reduction = Reduction::parse("hingeEmbeddingLoss", reduction)?;
        reduction.apply(&pointwise::real::<expr::hinge_embedding::Op>("AddBackward0", &[input, target], &[margin])?)
    }

    /// max(0, margin - target (input1 - input2)) for targets 1 and -1. Default: `margin = 0`.
    ///
    /// PyTorch: `torch.nn.functional.margin_ranking_loss`.
    [F]
    fn margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: f64 = 0.0, reduction: String = "mean")
            -> Tensor {
        let reduction = Reduction::parse("marginRankingLoss", reduction)?;
        ensure!(
            input1.ndim() == input2.ndim() && input1.ndim() == target.ndim(),
            Shape,
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: {:?}, input2: {:?}, \
             target: {:?} ",
            input1.shape(), input2.shape(), target.shape()
        );
        let losses = pointwise::real::<expr::margin_ranking::Op>("ClampMinBackward0", &[input1, input2, target], &[margin])?;
        reduction.apply(&losses)
    }

    /// 1 - cos(input1, input2) for targets 1, max(0, cos(input1, input2) - margin) for targets -1: `[N, D]` with targets
    /// `[N]`, or `[D]` with a single one. Default: `margin = 0`.
    ///
    /// PyTorch: `torch.nn.functional.cosine_embedding_loss`.
    [F]
    fn cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: f64 = 0.0,
                             reduction: String = "mean") -> Tensor {
        const OP: &str = "cosineEmbeddingLoss";
        let reduction = Reduction::parse(OP, reduction)?;
        let d = target.ndim();
        ensure!(d <= 1, Shape, "{OP}: 0D or 1D target tensor expected, multi-target not supported");
        ensure!(
            input1.ndim() == d + 1 && input2.ndim() == d + 1,
            Shape,
            "{OP}: {d}D target tensor expects {}D input tensors, but found inputs with sizes {:?} and {:?}.",
            d + 1, input1.shape(), input2.shape()
        );
        // The constant that PyTorch's Loss.cpp adds to both squared norms.
        let norm = |x: &Tensor| ops::add(&ops::sum_dim(&ops::mul(x, x)?, Some(&[d as i64]), false, None)?, &number(1e-12)?);
        let dot = ops::sum_dim(&ops::mul(input1, input2)?, Some(&[d as i64]), false, None)?;
        let cos = ops::div(&dot, &ops::sqrt(&ops::mul(&norm(input1)?, &norm(input2)?)?)?)?;
        let zero = Tensor::zeros(cos.shape(), cos.dtype())?;
        let near = ops::sub(&number(1.0)?, &cos)?;
        let far = ops::clamp_min(&ops::sub(&cos, &number(margin)?)?, &number(0.0)?)?;
        let near = ops::where_(&ops::eq(target, &Tensor::number(1)?)?, &near, &zero)?;
        let far = ops::where_(&ops::eq(target, &Tensor::number(-1)?)?, &far, &zero)?;
        reduction.apply(&ops::add(&near, &far)?)
    }

    /// max(0, margin + d(anchor, positive) - d(anchor, negative)) with distances of the p-norm; with `swap` the smaller
    /// one of d(anchor, negative) and d(positive, negative). Default: `margin = 1, p = 2`.
    ///
    /// PyTorch: `torch.nn.functional.triplet_margin_loss`.
    [F]
    fn triplet_margin_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: f64 = 1.0, p: f64 = 2.0,
                           eps: f64 = 1e-6, swap: bool = false, reduction: String = "mean") -> Tensor {
        const OP: &str = "tripletMarginLoss";
        let reduction = Reduction::parse(OP, reduction)?;
        ensure!(margin > 0.0, Value, "{OP}: margin must be greater than 0, got {margin}");
        let (a, b, c) = (anchor.ndim(), positive.ndim(), negative.ndim());
        ensure!(
            a == b && b == c,
            Shape,
            "{OP}: The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: \
             anchor {a}D, positive {b}D, and negative {c}D inputs"
        );
        let near = ops::pairwise_distance(anchor, positive, p, eps, false)?;
        let mut far = ops::pairwise_distance(anchor, negative, p, eps, false)?;
        if swap {
            far = ops::minimum(&far, &ops::pairwise_distance(positive, negative, p, eps, false)?)?;
        }
        let losses = ops::clamp_min(&ops::sub(&ops::add(&near, &number(margin)?)?, &far)?, &number(0.0)?)?;
        reduction.apply(&losses)
    }
}
