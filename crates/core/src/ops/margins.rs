//! Losses that keep classes apart by a margin, and several labels at once.

use crate::autograd::composite;
use crate::losses::{Reduction, check_classes, check_weight, number};
use crate::{DType, Result, Tensor, bail, ensure, ops};

ops! {
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
