//! Connectionist temporal classification (Graves et al., 2006).

use crate::autograd::grad_enabled;
use crate::losses::{Reduction, number};
use crate::{DType, Result, Tensor, attach, ensure, ops};

/// Log of a sum of exponentials of few numbers.
fn log_sum(values: &[f64]) -> f64 {
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        return top;
    }
    top + libm::log(values.iter().map(|v| libm::exp(v - top)).sum())
}

/// One sequence: its log-probabilities `[t, c]` and its labels.
struct Sequence<'a> {
    logs: &'a dyn Fn(usize, usize) -> f64,
    steps: usize,
    labels: &'a [i64],
    blank: usize,
}

impl Sequence<'_> {
    /// Positions in the labels with blanks around each.
    fn states(&self) -> usize {
        2 * self.labels.len() + 1
    }

    fn class(&self, state: usize) -> usize {
        if state.is_multiple_of(2) { self.blank } else { self.labels[state / 2] as usize }
    }

    /// A blank may be left out between different labels.
    fn may_skip(&self, from: usize, to: usize) -> bool {
        to % 2 == 1 && self.class(from) != self.class(to)
    }

    /// Log-probability of all ways to be in each state at each step, from the beginning, or from the end when `reverse`.
    fn table(&self, reverse: bool) -> Vec<Vec<f64>> {
        let (n, last) = (self.states(), self.steps.saturating_sub(1));
        let mut rows = vec![vec![f64::NEG_INFINITY; n]; self.steps];
        let order: Vec<usize> = if reverse { (0..self.steps).rev().collect() } else { (0..self.steps).collect() };
        for (k, &t) in order.iter().enumerate() {
            for s in 0..n {
                let paths = if k == 0 {
                    let first = if reverse { s + 2 >= n } else { s < 2 };
                    if first { 0.0 } else { f64::NEG_INFINITY }
                } else {
                    let before = &rows[if reverse { (t + 1).min(last) } else { t - 1 }];
                    let at = |d: usize| {
                        let i = if reverse { s.checked_add(d) } else { s.checked_sub(d) };
                        i.and_then(|i| before.get(i)).copied().unwrap_or(f64::NEG_INFINITY)
                    };
                    let skips = if reverse {
                        s + 2 < n && self.may_skip(s, s + 2)
                    } else {
                        s >= 2 && self.may_skip(s - 2, s)
                    };
                    log_sum(&[at(0), at(1), if skips { at(2) } else { f64::NEG_INFINITY }])
                };
                rows[t][s] = paths + (self.logs)(t, self.class(s));
            }
        }
        rows
    }

    /// Minus the log-probability of the labels.
    fn loss(&self, forward: &[Vec<f64>]) -> f64 {
        let n = self.states();
        let Some(end) = forward.last() else { return if n == 1 { 0.0 } else { f64::INFINITY } };
        -log_sum(if n == 1 { &end[..1] } else { &end[n - 2..] })
    }
}

/// Where each sequence's labels are.
fn split_targets(targets: &Tensor, lengths: &[i64]) -> Result<Vec<Vec<i64>>> {
    let all = targets.to_vec::<i64>()?;
    let mut out = Vec::with_capacity(lengths.len());
    let mut at = 0;
    for (n, &len) in lengths.iter().enumerate() {
        let len = len as usize;
        let (start, room) =
            if targets.ndim() == 2 { (n * targets.shape()[1], targets.shape()[1]) } else { (at, all.len() - at.min(all.len())) };
        ensure!(len <= room, Runtime, "ctcLoss: Expected tensor to have size at least {len} at dimension 1, but got size {room}");
        out.push(all[start..start + len].to_vec());
        at += len;
    }
    Ok(out)
}

ops! {
    /// Minus the log-probability that `logProbs` `[T, N, C]` (or `[T, C]`) give to the labels `targets` (`[N, S]`, or one
    /// after the other) when blanks and repetitions are left out. Default: `blank = 0, reduction = 'mean', zeroInfinity =
    /// false`.
    ///
    /// PyTorch: `torch.nn.functional.ctc_loss`.
    [F]
    fn ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: Vec<i64>, target_lengths: Vec<i64>, blank: i64 = 0,
                reduction: String = "mean", zero_infinity: bool = false) -> Tensor {
        const OP: &str = "ctcLoss";
        let reduction = Reduction::parse(OP, reduction)?;
        let d = log_probs.ndim();
        ensure!(d == 2 || d == 3, Shape, "{OP}: log_probs must be [T, N, C] or [T, C], got {:?}", log_probs.shape());
        ensure!(log_probs.dtype().is_float(), DType, "{OP}: log_probs must be floating, got {}", log_probs.dtype());
        ensure!(!targets.dtype().is_float() && targets.dtype() != DType::Bool, DType, "{OP}: targets must be integral, got {}", targets.dtype());
        let x = if d == 3 { log_probs.clone() } else { ops::unsqueeze(log_probs, 1)? };
        let (steps, batch, classes) = (x.shape()[0], x.shape()[1], x.shape()[2]);
        ensure!((0..classes as i64).contains(&blank), Value, "{OP}: blank must be in label range, got {blank} of {classes} classes");
        for (what, lengths) in [("input_lengths", input_lengths), ("target_lengths", target_lengths)] {
            ensure!(lengths.len() == batch, Runtime, "{OP}: {what} must be of size batch_size {batch}, got {}", lengths.len());
            ensure!(lengths.iter().all(|&n| n >= 0), Runtime, "{OP}: Expected {what} to have value at least 0, but got {lengths:?}");
        }
        ensure!(
            input_lengths.iter().all(|&n| n <= steps as i64),
            Runtime,
            "{OP}: Expected input_lengths to have value at most {steps}, but got {input_lengths:?}"
        );
        let labels = split_targets(targets, target_lengths)?;
        for l in labels.iter().flatten() {
            ensure!((0..classes as i64).contains(l), Index, "{OP}: label {l} is out of range: there are {classes} classes");
        }
        let logs = x.to_vec::<f64>()?;
        let mut losses = vec![0f64; batch];
        // The gradient needs the tables of both directions; it is made here, while they are there.
        let mut slopes = vec![0f64; if x.requires_grad() && grad_enabled() { logs.len() } else { 0 }];
        for n in 0..batch {
            let at = |t: usize, c: usize| logs[(t * batch + n) * classes + c];
            let seq = Sequence { logs: &at, steps: input_lengths[n] as usize, labels: &labels[n], blank: blank as usize };
            let forward = seq.table(false);
            let loss = seq.loss(&forward);
            losses[n] = if zero_infinity && loss == f64::INFINITY { 0.0 } else { loss };
            if slopes.is_empty() || (zero_infinity && loss == f64::INFINITY) {
                continue;
            }
            let backward = seq.table(true);
            for t in 0..seq.steps {
                let mut through = vec![Vec::new(); classes];
                for s in 0..seq.states() {
                    through[seq.class(s)].push(forward[t][s] + backward[t][s]);
                }
                for (c, paths) in through.iter().enumerate() {
                    let lp = at(t, c);
                    // Both tables hold the step's own probability, so it is taken out once (LossCTC.cpp).
                    slopes[(t * batch + n) * classes + c] = libm::exp(lp) - libm::exp(log_sum(paths) + loss - lp);
                }
            }
        }
        let out = Tensor::from_slice(&losses, &[batch])?.cast_data(x.dtype())?;
        let slopes = if slopes.is_empty() { None } else { Some(Tensor::from_slice(&slopes, x.shape())?.cast_data(x.dtype())?) };
        attach(&[&out], "CtcLossBackward0", &[&x], &[slopes.as_ref()], |ctx| {
            ensure!(!grad_enabled(), NotImplemented, "ctcLoss: the derivative of its derivative is not implemented");
            Ok(vec![Some(ops::mul(&ops::reshape(&ctx.grad(0)?, &[1, -1, 1])?, &ctx.saved(0)?)?)])
        });
        let out = if d == 2 { ops::squeeze_dim(&out, 0)? } else { out };
        if reduction != Reduction::Mean {
            return reduction.apply(&out);
        }
        let sizes: Vec<f64> = target_lengths.iter().map(|&n| n.max(1) as f64).collect();
        let sizes = if d == 2 { number(sizes[0])? } else { Tensor::from_slice(&sizes, &[batch])?.cast_data(out.dtype())? };
        ops::mean(&ops::div(&out, &sizes)?, None)
    }

    /// `ctcLoss` with lengths in tensors.
    [F as ctc_loss]
    fn ctc_loss_tensor(log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: i64 = 0,
                       reduction: String = "mean", zero_infinity: bool = false) -> Tensor {
        let (inputs, goals) = (input_lengths.to_vec::<i64>()?, target_lengths.to_vec::<i64>()?);
        ops::ctc_loss(log_probs, targets, &inputs, &goals, blank, reduction, zero_infinity)
    }
}
