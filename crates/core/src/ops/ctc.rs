//! Connectionist temporal classification (Graves et al., 2006).

use crate::autograd::{self, grad_enabled, no_grad};
use crate::demand::{Class, Demand, Test, demand};
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

/// In place of the logarithm of zero where tensor operations compute: differences of infinities have no gradient.
const NEVER: f64 = -1e30;

/// Losses `[n]` by tensor operations, a few for each step: for elements and lengths that nobody can look at. `labels` are
/// `[n, longest]`.
fn losses_unseen(x: &Tensor, labels: &Tensor, inputs: &Tensor, goals: &Tensor, blank: i64) -> Result<Tensor> {
    let (steps, batch) = (x.shape()[0], x.shape()[1] as i64);
    let longest = labels.shape()[1] as i64;
    let never = |columns: i64| Tensor::full(&[batch as usize, columns as usize], NEVER, x.dtype());
    // The states: labels with blanks around each.
    let blanks = ops::full_like(labels, blank.into(), None)?;
    let pairs = ops::reshape(&ops::stack(&[blanks, labels.clone()], 2)?, &[batch, 2 * longest])?;
    let last = Tensor::full(&[batch as usize, 1], blank, DType::I64)?;
    let classes = ops::cat(&[pairs, last], 1)?;
    let states = 2 * longest + 1;
    let own = ops::gather(x, 2, &ops::expand(&classes, &[steps as i64, batch, states])?, false)?;
    let shifted = |t: &Tensor, by: i64| -> Result<Tensor> {
        let kept = ops::slice(t, 1, None, Some((states - by).max(0)), 1)?;
        ops::cat(&[never(by.min(states))?, kept], 1)
    };
    // A blank may be left out between different labels.
    let odd = ops::eq(&ops::remainder(&ops::arange(states.into(), None)?, &Tensor::number(2)?)?, &Tensor::number(1)?)?;
    let differs = ops::ne(&classes, &shifted(&classes.cast_data(x.dtype())?, 2)?.cast_data(DType::I64)?)?;
    let skips = ops::logical_and(&differs, &odd)?;
    let begins = ops::lt(&ops::arange(states.into(), None)?, &Tensor::number(2)?)?;
    let step = |t: usize| ops::select(&own, 0, t as i64);
    let mut paths = match steps {
        0 => never(states)?,
        _ => ops::where_(&begins, &step(0)?, &Tensor::full(&[], NEVER, x.dtype())?)?,
    };
    let lengths = ops::unsqueeze(inputs, 1)?;
    for t in 1..steps {
        let skipped = ops::where_(&skips, &shifted(&paths, 2)?, &Tensor::full(&[], NEVER, x.dtype())?)?;
        let all = ops::stack(&[paths.clone(), shifted(&paths, 1)?, skipped], 0)?;
        let next = ops::add(&ops::logsumexp(&all, &[0], false)?, &step(t)?)?;
        paths = ops::where_(&ops::gt(&lengths, &Tensor::number(t as i64)?)?, &next, &paths)?;
    }
    let ends = ops::unsqueeze(&ops::mul(goals, &Tensor::number(2)?)?, 1)?;
    let before = ops::clamp_min(&ops::sub(&ends, &Tensor::number(1)?)?, &Tensor::number(0)?)?;
    let empty = ops::eq(&ends, &Tensor::number(0)?)?;
    let [end, last] = [&ends, &before].map(|at| ops::gather(&paths, 1, at, false));
    let last = ops::masked_fill(&last?, &empty, &Tensor::number(NEVER)?)?;
    let losses = ops::neg(&ops::logsumexp(&ops::cat(&[end?, last], 1)?, &[1], false)?)?;
    // Without a step there is one way to write nothing, and none to write more.
    let none = ops::eq(inputs, &Tensor::number(0)?)?;
    let nothing = ops::logical_and(&none, &ops::squeeze_dim(&empty, 1)?)?;
    let losses = ops::masked_fill(&losses, &none, &number(f64::INFINITY)?)?;
    let losses = ops::masked_fill(&losses, &nothing, &number(0.0)?)?;
    ops::masked_fill(&losses, &ops::gt(&losses.detach(), &number(-NEVER / 10.0)?)?, &number(f64::INFINITY)?)
}

/// Labels `[n, longest]` of sequences that stand one after the other.
fn labels_unseen(targets: &Tensor, goals: &Tensor, longest: i64) -> Result<Tensor> {
    let targets = targets.cast_data(DType::I64)?.detach();
    if targets.ndim() == 2 {
        return Ok(targets);
    }
    let starts = ops::unsqueeze(&ops::sub(&ops::cumsum(goals, 0, None)?, goals)?, 1)?;
    let at = ops::add(&starts, &ops::arange(longest.into(), None)?)?;
    let last = Tensor::number(targets.numel() as i64 - 1)?;
    if targets.numel() == 0 { Tensor::zeros(at.shape(), DType::I64) } else { ops::take(&targets, &ops::clamp_max(&at, &last)?) }
}

/// Losses and, when wanted, their slopes; for elements that nobody can look at.
fn unseen(x: &Tensor, labels: &Tensor, inputs: &Tensor, goals: &Tensor, blank: i64, zero_infinity: bool) -> Result<(Tensor, Option<Tensor>)> {
    let leaf = x.detach();
    leaf.set_requires_grad(x.requires_grad() && grad_enabled());
    let losses = losses_unseen(&leaf, labels, inputs, goals, blank)?;
    let endless = ops::isinf(&losses.detach())?;
    let finish = |t: &Tensor| if zero_infinity { ops::masked_fill(t, &endless, &Tensor::number(0)?) } else { Ok(t.clone()) };
    if !losses.requires_grad() {
        return Ok((finish(&losses.detach())?, None));
    }
    let ones = Tensor::ones(losses.shape(), losses.dtype())?;
    let paths = autograd::grad(&[losses.clone()], &[Some(ones)], &[leaf.clone()], false, false)?[0].clone();
    no_grad(|| {
        // As PyTorch has it, the gradient takes the input for the logarithm of a softmax (LossCTC.cpp).
        let slopes = ops::add(&ops::exp(&leaf.detach())?, &paths.expect("the leaf takes part"))?;
        let steps = ops::reshape(&ops::arange((x.shape()[0] as i64).into(), None)?, &[-1, 1, 1])?;
        let after = ops::ge(&steps, &ops::reshape(inputs, &[1, -1, 1])?)?;
        let slopes = ops::masked_fill(&slopes, &after, &Tensor::number(0)?)?;
        let gone = ops::reshape(&endless, &[1, -1, 1])?;
        let slopes = if zero_infinity { ops::masked_fill(&slopes, &gone, &Tensor::number(0)?)? } else { slopes };
        Ok((finish(&losses.detach())?, Some(slopes)))
    })
}

/// What is made of the losses `[n]` and their slopes: the result, joined to the graph and reduced.
fn finish(
    x: &Tensor,
    out: Tensor,
    slopes: Option<Tensor>,
    alone: bool,
    reduction: Reduction,
    sizes: impl FnOnce() -> Result<Tensor>,
) -> Result<Tensor> {
    attach(&[&out], "CtcLossBackward0", &[x], &[slopes.as_ref()], |ctx| {
        ensure!(!grad_enabled(), NotImplemented, "ctcLoss: the derivative of its derivative is not implemented");
        Ok(vec![Some(ops::mul(&ops::reshape(&ctx.grad(0)?, &[1, -1, 1])?, &ctx.saved(0)?)?)])
    });
    let out = if alone { ops::squeeze_dim(&out, 0)? } else { out };
    if reduction != Reduction::Mean {
        return reduction.apply(&out);
    }
    let sizes = sizes()?.cast_data(out.dtype())?;
    ops::mean(&ops::div(&out, &if alone { ops::squeeze_dim(&sizes, 0)? } else { sizes })?, None)
}

/// Refuses log-probabilities and targets of a wrong kind; gives the former with a batch.
fn check(log_probs: &Tensor, targets: &Tensor, blank: i64) -> Result<Tensor> {
    let d = log_probs.ndim();
    ensure!(d == 2 || d == 3, Shape, "{OP}: log_probs must be [T, N, C] or [T, C], got {:?}", log_probs.shape());
    ensure!(log_probs.dtype().is_float(), DType, "{OP}: log_probs must be floating, got {}", log_probs.dtype());
    ensure!(
        !targets.dtype().is_float() && targets.dtype() != DType::Bool,
        DType,
        "{OP}: targets must be integral, got {}",
        targets.dtype()
    );
    let x = if d == 3 { log_probs.clone() } else { ops::unsqueeze(log_probs, 1)? };
    let classes = x.shape()[2];
    ensure!((0..classes as i64).contains(&blank), Value, "{OP}: blank must be in label range, got {blank} of {classes} classes");
    Ok(x)
}

const OP: &str = "ctcLoss";

static INPUT_LENGTH: Demand = Demand {
    class: Class::Runtime,
    test: Test::Inside,
    input: 0,
    says: |op, found| {
        let most = found.bound - 1;
        format!("{op}: Expected input_lengths to have value at least 0 and at most {most}, but got {}", found.value)
    },
};
static TARGET_LENGTH: Demand = Demand {
    class: Class::Runtime,
    test: Test::NotBelow(0.0),
    input: 0,
    says: |op, found| format!("{op}: Expected target_lengths to have value at least 0, but got {}", found.value),
};

ops! {
    /// Minus the log-probability that `logProbs` `[T, N, C]` (or `[T, C]`) give to the labels `targets` (`[N, S]`, or one
    /// after the other) when blanks and repetitions are left out. Default: `blank = 0, reduction = 'mean', zeroInfinity =
    /// false`.
    ///
    /// PyTorch: `torch.nn.functional.ctc_loss`.
    [F]
    fn ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: Vec<i64>, target_lengths: Vec<i64>, blank: i64 = 0,
                reduction: String = "mean", zero_infinity: bool = false) -> Tensor {
        let reduction = Reduction::parse(OP, reduction)?;
        let x = check(log_probs, targets, blank)?;
        let (steps, batch, classes) = (x.shape()[0], x.shape()[1], x.shape()[2]);
        let alone = log_probs.ndim() == 2;
        for (what, lengths) in [("input_lengths", input_lengths), ("target_lengths", target_lengths)] {
            ensure!(lengths.len() == batch, Runtime, "{OP}: {what} must be of size batch_size {batch}, got {}", lengths.len());
            ensure!(lengths.iter().all(|&n| n >= 0), Runtime, "{OP}: Expected {what} to have value at least 0, but got {lengths:?}");
        }
        ensure!(
            input_lengths.iter().all(|&n| n <= steps as i64),
            Runtime,
            "{OP}: Expected input_lengths to have value at most {steps}, but got {input_lengths:?}"
        );
        let sizes = || Tensor::from_slice(&target_lengths.iter().map(|&n| n.max(1)).collect::<Vec<_>>(), &[batch]);
        if !x.is_readable() || !targets.is_readable() {
            let [inputs, goals] = [input_lengths, target_lengths].map(|l| Tensor::from_slice(l, &[batch]));
            let (inputs, goals) = (inputs?, goals?);
            let longest = target_lengths.iter().copied().max().unwrap_or(0);
            let labels = labels_unseen(targets, &goals, longest)?;
            let (out, slopes) = unseen(&x, &labels, &inputs, &goals, blank, zero_infinity)?;
            return finish(&x, out, slopes, alone, reduction, sizes);
        }
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
        let out = Tensor::from_numbers(&losses, &[batch], x.dtype())?;
        let slopes = if slopes.is_empty() { None } else { Some(Tensor::from_numbers(&slopes, x.shape(), x.dtype())?) };
        finish(&x, out, slopes, alone, reduction, sizes)
    }

    /// `ctcLoss` with lengths in tensors.
    [F mixed as ctc_loss]
    fn ctc_loss_tensor(log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: i64 = 0,
                       reduction: String = "mean", zero_infinity: bool = false) -> Tensor {
        if !input_lengths.is_readable() || !target_lengths.is_readable() {
            let reduction = Reduction::parse(OP, reduction)?;
            let x = check(log_probs, targets, blank)?;
            let [inputs, goals] = [input_lengths, target_lengths].map(|l| ops::reshape(&l.cast_data(DType::I64)?, &[-1]));
            let (inputs, goals) = (inputs?, goals?);
            demand(OP, &inputs, &INPUT_LENGTH, x.shape()[0] + 1)?;
            demand(OP, &goals, &TARGET_LENGTH, 0)?;
            let labels = labels_unseen(targets, &goals, targets.numel() as i64)?;
            let (out, slopes) = unseen(&x, &labels, &inputs, &goals, blank, zero_infinity)?;
            let sizes = || ops::clamp_min(&goals, &Tensor::number(1)?);
            return finish(&x, out, slopes, log_probs.ndim() == 2, reduction, sizes);
        }
        let (inputs, goals) = (input_lengths.to_vec::<i64>()?, target_lengths.to_vec::<i64>()?);
        ops::ctc_loss(log_probs, targets, &inputs, &goals, blank, reduction, zero_infinity)
    }
}
