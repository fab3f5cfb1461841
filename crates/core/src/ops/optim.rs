//! Optimizer steps: each call updates all parameters of a group, and their state, in place and outside the graph.
//!
//! The gradients are those that the parameters have (`grad`).
//! What depends on the step number is computed here, in double, with the formulas of PyTorch's single-tensor code
//! (torch/optim/*.py, `_single_tensor_*`); the kernels (`cpu::optim`) make one pass over each parameter.
//! `steps` and other running scalars are 0-d tensors, as in PyTorch's state dicts, and are updated as well.

use smallvec::SmallVec;

use crate::cpu::Kernel;
use crate::autograd::rows::{is_sparse, rows_of};
use crate::cpu::optim as kernels;
use crate::{Attr, DType, Layout, Result, Tensor, bail, dispatch, ensure};

/// The lists of states that an update has, parallel to its parameters.
type States<'a> = SmallVec<[&'a [Tensor]; 3]>;

/// These lists, and of those that only some variants have (`extra`) the ones that are not empty.
fn states<'a>(always: &[&'a [Tensor]], extra: &[&'a [Tensor]]) -> States<'a> {
    always.iter().chain(extra.iter().filter(|list| !list.is_empty())).copied().collect()
}

/// Runs one update of what `gradients` has checked; `attrs` as `kernel` documents them.
fn update(kernel: &Kernel, params: &[Tensor], grads: &[Tensor], states: &[&[Tensor]], attrs: &[Attr]) -> Result<()> {
    let outs: Vec<&Tensor> = params.iter().chain(states.iter().copied().flatten()).collect();
    let ins: Vec<&Tensor> = grads.iter().collect();
    dispatch(kernel, &ins, &outs, attrs)?;
    outs.iter().for_each(|t| t.storage().bump());
    Ok(())
}

/// The gradients that the parameters have, after all that could be wrong has been refused: nothing has been written by then.
fn gradients(op: &str, params: &[Tensor], states: &[&[Tensor]]) -> Result<Vec<Tensor>> {
    let Some(grads) = params.iter().map(Tensor::grad).collect::<Option<Vec<Tensor>>>() else {
        bail!(Value, "{op}: a parameter without a gradient cannot be updated; leave it out of the step");
    };
    check(op, params, &grads, states)?;
    Ok(grads)
}

fn check(op: &str, params: &[Tensor], grads: &[Tensor], states: &[&[Tensor]]) -> Result<()> {
    let parallel = [grads].into_iter().chain(states.iter().copied());
    for list in parallel {
        ensure!(
            list.len() == params.len(),
            Value,
            "{op}: {} parameters but {} gradients or states; each parameter needs one",
            params.len(),
            list.len()
        );
        for (p, t) in params.iter().zip(list) {
            ensure!(
                t.shape() == p.shape() && t.dtype() == p.dtype(),
                Shape,
                "{op}: the gradient or state of a parameter must have its shape and dtype: {:?} {} for a parameter {:?} {}. \
                 After changing a parameter's shape or dtype, make a new optimizer.",
                t.shape(),
                t.dtype(),
                p.shape(),
                p.dtype()
            );
        }
    }
    // Rows that a sparse gradient does not name are zeros here: SGD and Adagrad leave them alone anyway.
    if !matches!(op, "SGD" | "Adagrad" | "SparseAdam") {
        let hint = if op.starts_with("Adam") { ", please consider SparseAdam instead" } else { "" };
        ensure!(!grads.iter().any(is_sparse), Runtime, "{op} does not support sparse gradients{hint}");
    }
    for p in params {
        ensure!(p.dtype().is_float(), DType, "{op}: cannot optimize a parameter of dtype {}; floating point only", p.dtype());
        ensure!(
            !p.layout().overlaps(),
            Runtime,
            "{op}: several elements of a parameter share one memory location (an expanded tensor?); optimize a clone of it"
        );
    }
    Ok(())
}

/// The value of a 0-d tensor.
fn value(t: &Tensor) -> Result<f64> {
    Ok(t.item()?.to_f64())
}

/// Sets a 0-d tensor; its dtype rounds the value.
fn set(t: &Tensor, v: f64) -> Result<f64> {
    t.fill(v)?;
    t.storage().bump();
    value(t)
}

/// Counts every step up by one; what it was for each parameter now.
fn advance(op: &str, params: &[Tensor], steps: &[Tensor]) -> Result<Vec<f64>> {
    ensure!(steps.len() == params.len(), Value, "{op}: {} parameters but {} steps", params.len(), steps.len());
    steps.iter().map(|t| set(t, value(t)? + 1.0)).collect()
}

/// Shared attributes followed by each parameter's own, which are computed once for all that are at the same step.
fn attributes<const N: usize>(shared: &[Attr], steps: &[f64], own: impl Fn(f64) -> [f64; N]) -> Vec<Attr> {
    let mut attrs = shared.to_vec();
    let mut last = None;
    for &t in steps {
        let values = match last {
            Some((step, values)) if step == t => values,
            _ => own(t),
        };
        last = Some((t, values));
        attrs.extend(values.map(Attr::from));
    }
    attrs
}

ops! {
    /// SGD. `buffers` is empty without momentum; `fresh` says that they have no value yet.
    ///
    /// PyTorch: `torch.optim.SGD`.
    [private]
    fn sgd_step(
        params: Vec<Tensor>, buffers: Vec<Tensor>, fresh: bool,
        lr: f64, weight_decay: f64, momentum: f64, dampening: f64, nesterov: bool, maximize: bool,
    ) -> () {
        let states = &states(&[], &[buffers]);
        let grads = &gradients("SGD", params, states)?;
        let mut attrs: Vec<Attr> = vec![lr.into(), weight_decay.into(), maximize.into()];
        if buffers.is_empty() {
            return update(&kernels::SGD_STEP, params, grads, states, &attrs);
        }
        attrs.extend([Attr::from(momentum), dampening.into(), nesterov.into()]);
        attrs.extend(params.iter().map(|_| Attr::from(fresh)));
        update(&kernels::SGD_MOMENTUM_STEP, params, grads, states, &attrs)
    }

    /// Adam and AdamW (`decoupled`). `max_exp_avg_sqs` is empty unless AMSGrad.
    ///
    /// PyTorch: `torch.optim.Adam`.
    [private]
    fn adam_step(
        params: Vec<Tensor>, exp_avgs: Vec<Tensor>, exp_avg_sqs: Vec<Tensor>,
        max_exp_avg_sqs: Vec<Tensor>, steps: Vec<Tensor>,
        lr: f64, beta1: f64, beta2: f64, eps: f64, weight_decay: f64, maximize: bool, decoupled: bool,
    ) -> () {
        let states = &states(&[exp_avgs, exp_avg_sqs], &[max_exp_avg_sqs]);
        let grads = &gradients("Adam", params, states)?;
        let t = advance("Adam", params, steps)?;
        let shared = [beta1.into(), beta2.into(), eps.into(), weight_decay.into(), maximize.into(), lr.into(), decoupled.into()];
        let attrs = attributes(&shared, &t, |t| [lr / (1.0 - libm::pow(beta1, t)), (1.0 - libm::pow(beta2, t)).sqrt()]);
        let kernel = if max_exp_avg_sqs.is_empty() { &kernels::ADAM_STEP } else { &kernels::ADAM_AMSGRAD_STEP };
        update(kernel, params, grads, states, &attrs)
    }

    /// Adamax.
    ///
    /// PyTorch: `torch.optim.Adamax`.
    [private]
    fn adamax_step(
        params: Vec<Tensor>, exp_avgs: Vec<Tensor>, exp_infs: Vec<Tensor>, steps: Vec<Tensor>,
        lr: f64, beta1: f64, beta2: f64, eps: f64, weight_decay: f64, maximize: bool,
    ) -> () {
        let grads = &gradients("Adamax", params, &[exp_avgs, exp_infs])?;
        let t = advance("Adamax", params, steps)?;
        let shared = [beta1.into(), beta2.into(), eps.into(), weight_decay.into(), maximize.into()];
        let attrs = attributes(&shared, &t, |t| [lr / (1.0 - libm::pow(beta1, t))]);
        update(&kernels::ADAMAX_STEP, params, grads, &[exp_avgs, exp_infs], &attrs)
    }

    /// NAdam. `mu_products` are 0-d tensors, updated like `steps`.
    ///
    /// PyTorch: `torch.optim.NAdam`.
    [private]
    fn nadam_step(
        params: Vec<Tensor>, exp_avgs: Vec<Tensor>, exp_avg_sqs: Vec<Tensor>,
        mu_products: Vec<Tensor>, steps: Vec<Tensor>,
        lr: f64, beta1: f64, beta2: f64, eps: f64, weight_decay: f64, momentum_decay: f64, maximize: bool, decoupled: bool,
    ) -> () {
        let grads = &gradients("NAdam", params, &[exp_avgs, exp_avg_sqs])?;
        ensure!(mu_products.len() == params.len(), Value, "NAdam: {} parameters but {} mu_products", params.len(), mu_products.len());
        let mut attrs: Vec<Attr> =
            vec![beta1.into(), beta2.into(), eps.into(), weight_decay.into(), maximize.into(), lr.into(), decoupled.into()];
        for (t, product) in advance("NAdam", params, steps)?.into_iter().zip(mu_products) {
            let momentum = |t: f64| beta1 * (1.0 - 0.5 * libm::pow(0.96, t * momentum_decay));
            let (mu, next) = (momentum(t), momentum(t + 1.0));
            // float32 times a number rounds the number first.
            let factor = if product.dtype() == crate::DType::F32 { f64::from(mu as f32) } else { mu };
            let product = set(product, value(product)? * factor)?;
            attrs.extend([1.0 - libm::pow(beta2, t), -lr * (1.0 - mu) / (1.0 - product), -lr * next / (1.0 - product * next)].map(Attr::from));
        }
        update(&kernels::NADAM_STEP, params, grads, &[exp_avgs, exp_avg_sqs], &attrs)
    }

    /// RAdam.
    ///
    /// PyTorch: `torch.optim.RAdam`.
    [private]
    fn radam_step(
        params: Vec<Tensor>, exp_avgs: Vec<Tensor>, exp_avg_sqs: Vec<Tensor>, steps: Vec<Tensor>,
        lr: f64, beta1: f64, beta2: f64, eps: f64, weight_decay: f64, maximize: bool, decoupled: bool,
    ) -> () {
        let grads = &gradients("RAdam", params, &[exp_avgs, exp_avg_sqs])?;
        let t = advance("RAdam", params, steps)?;
        let shared = [beta1.into(), beta2.into(), eps.into(), weight_decay.into(), maximize.into(), lr.into(), decoupled.into()];
        let attrs = attributes(&shared, &t, |t| {
            let correction2 = 1.0 - libm::pow(beta2, t);
            let longest = 2.0 / (1.0 - beta2) - 1.0;
            let length = longest - 2.0 * t * libm::pow(beta2, t) / correction2;
            let rectification = if length > 5.0 {
                ((length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length)).sqrt()
            } else {
                0.0
            };
            [1.0 - libm::pow(beta1, t), correction2.sqrt(), rectification]
        });
        update(&kernels::RADAM_STEP, params, grads, &[exp_avgs, exp_avg_sqs], &attrs)
    }

    /// Adadelta.
    ///
    /// PyTorch: `torch.optim.Adadelta`.
    [private]
    fn adadelta_step(
        params: Vec<Tensor>, square_avgs: Vec<Tensor>, acc_deltas: Vec<Tensor>, steps: Vec<Tensor>,
        lr: f64, rho: f64, eps: f64, weight_decay: f64, maximize: bool,
    ) -> () {
        let grads = &gradients("Adadelta", params, &[square_avgs, acc_deltas])?;
        advance("Adadelta", params, steps)?;
        let attrs = [lr.into(), rho.into(), eps.into(), weight_decay.into(), maximize.into()];
        update(&kernels::ADADELTA_STEP, params, grads, &[square_avgs, acc_deltas], &attrs)
    }

    /// Adagrad.
    ///
    /// PyTorch: `torch.optim.Adagrad`.
    [private]
    fn adagrad_step(
        params: Vec<Tensor>, sums: Vec<Tensor>, steps: Vec<Tensor>,
        lr: f64, lr_decay: f64, eps: f64, weight_decay: f64, maximize: bool,
    ) -> () {
        let grads = &gradients("Adagrad", params, &[sums])?;
        let t = advance("Adagrad", params, steps)?;
        let shared = [eps.into(), weight_decay.into(), maximize.into()];
        let attrs = attributes(&shared, &t, |t| [lr / (1.0 + (t - 1.0) * lr_decay)]);
        update(&kernels::ADAGRAD_STEP, params, grads, &[sums], &attrs)
    }

    /// RMSprop. `buffers` is empty without momentum, `grad_avgs` unless centered.
    ///
    /// PyTorch: `torch.optim.RMSprop`.
    [private]
    fn rmsprop_step(
        params: Vec<Tensor>, square_avgs: Vec<Tensor>, buffers: Vec<Tensor>, grad_avgs: Vec<Tensor>,
        steps: Vec<Tensor>,
        lr: f64, alpha: f64, eps: f64, weight_decay: f64, momentum: f64, maximize: bool,
    ) -> () {
        let states = &states(&[square_avgs], &[buffers, grad_avgs]);
        let grads = &gradients("RMSprop", params, states)?;
        advance("RMSprop", params, steps)?;
        let attrs = [lr.into(), alpha.into(), eps.into(), weight_decay.into(), maximize.into(), momentum.into()];
        let kernel = match (buffers.is_empty(), grad_avgs.is_empty()) {
            (true, true) => &kernels::RMSPROP_STEP,
            (false, true) => &kernels::RMSPROP_MOMENTUM_STEP,
            (true, false) => &kernels::RMSPROP_CENTERED_STEP,
            (false, false) => &kernels::RMSPROP_CENTERED_MOMENTUM_STEP,
        };
        update(kernel, params, grads, states, &attrs)
    }

    /// Rprop.
    ///
    /// PyTorch: `torch.optim.Rprop`.
    [private]
    fn rprop_step(
        params: Vec<Tensor>, prevs: Vec<Tensor>, step_sizes: Vec<Tensor>, steps: Vec<Tensor>,
        eta_minus: f64, eta_plus: f64, step_size_min: f64, step_size_max: f64, maximize: bool,
    ) -> () {
        let grads = &gradients("Rprop", params, &[prevs, step_sizes])?;
        advance("Rprop", params, steps)?;
        let attrs = [maximize.into(), eta_minus.into(), eta_plus.into(), step_size_min.into(), step_size_max.into()];
        update(&kernels::RPROP_STEP, params, grads, &[prevs, step_sizes], &attrs)
    }

    /// ASGD. `etas` and `mus` are 0-d tensors, updated like `steps`.
    ///
    /// PyTorch: `torch.optim.ASGD`.
    [private]
    fn asgd_step(
        params: Vec<Tensor>, axs: Vec<Tensor>, etas: Vec<Tensor>, mus: Vec<Tensor>, steps: Vec<Tensor>,
        lr: f64, lambd: f64, alpha: f64, t0: f64, weight_decay: f64, maximize: bool,
    ) -> () {
        let grads = &gradients("ASGD", params, &[axs])?;
        ensure!(
            etas.len() == params.len() && mus.len() == params.len(),
            Value,
            "ASGD: {} parameters but {} etas and {} mus",
            params.len(),
            etas.len(),
            mus.len()
        );
        let mut attrs: Vec<Attr> = vec![weight_decay.into(), maximize.into(), lambd.into()];
        for ((t, eta), mu) in advance("ASGD", params, steps)?.into_iter().zip(etas).zip(mus) {
            attrs.extend([value(eta)?, value(mu)?].map(Attr::from));
            set(eta, lr / libm::pow(1.0 + lambd * lr * t, alpha))?;
            set(mu, 1.0 / (t - t0).max(1.0))?;
        }
        update(&kernels::ASGD_STEP, params, grads, &[axs], &attrs)
    }

    /// Adafactor, one parameter at a time. `variances` has two tensors (rows, columns) for a matrix, one for a vector.
    /// `eps1` is the dtype's epsilon where it is not given.
    ///
    /// PyTorch: `torch.optim.Adafactor`.
    [private]
    fn adafactor_step(
        param: Tensor, variances: Vec<Tensor>, step: Tensor,
        lr: f64, beta2_decay: f64, eps1: Option<f64>, eps2: f64, d: f64, weight_decay: f64, maximize: bool,
    ) -> () {
        let params = std::slice::from_ref(param);
        let grads = &gradients("Adafactor", params, &[])?;
        let n = param.ndim();
        let shape = |collapsed: usize| -> Vec<usize> {
            (0..n).map(|i| if n > 1 && i == n - collapsed { 1 } else { param.size(i) }).collect()
        };
        let expected = if n > 1 { vec![shape(1), shape(2)] } else { vec![param.shape().to_vec()] };
        ensure!(
            variances.len() == expected.len()
                && variances.iter().zip(&expected).all(|(v, s)| v.shape() == &s[..] && v.dtype() == param.dtype()),
            Shape,
            "Adafactor: a parameter of shape {:?} needs variances of shapes {expected:?} and its dtype",
            param.shape()
        );
        let t = advance("Adafactor", params, std::slice::from_ref(step))?[0];
        let eps1 = eps1.unwrap_or(match param.dtype() {
            crate::DType::F32 => f64::from(f32::EPSILON),
            _ => f64::EPSILON,
        });
        let attrs = [
            lr.into(), weight_decay.into(), eps1.into(), eps2.into(), d.into(), maximize.into(),
            libm::pow(t, beta2_decay).into(), lr.min(1.0 / t.sqrt()).into(),
        ];
        let outs: Vec<&Tensor> = params.iter().chain(variances).collect();
        dispatch(&kernels::ADAFACTOR_STEP, &[&grads[0]], &outs, &attrs)?;
        outs.iter().for_each(|t| t.storage().bump());
        Ok(())
    }

    /// Muon, one matrix at a time: momentum, orthogonalised by Newton-Schulz iterations in bfloat16. `coefficients` are
    /// those of its quintic polynomial; `adjusted_lr` is the rate of the update, `lr` that of the weight decay.
    ///
    /// PyTorch: `torch.optim.Muon`.
    [private]
    fn muon_step(
        param: Tensor, buffer: Tensor,
        lr: f64, adjusted_lr: f64, weight_decay: f64, momentum: f64, nesterov: bool,
        coefficients: Vec<f64>, steps: i64, eps: f64,
    ) -> () {
        let params = std::slice::from_ref(param);
        let grads = &gradients("Muon", params, &[std::slice::from_ref(buffer)])?;
        ensure!(param.ndim() == 2, Shape, "Muon: a parameter must be a matrix, not of shape {:?}", param.shape());
        let &[a, b, c] = coefficients else {
            bail!(Value, "Muon: Coefficients must be a tuple of exactly 3 values, not {}", coefficients.len());
        };
        // The iteration works on the wide form: the Gram matrix is then the smaller of the two.
        let tall = param.size(0) > param.size(1);
        let wide = |t: &Tensor| if tall { turned(t) } else { t.detach() };
        let (grad, moving) = (wide(&grads[0]), wide(buffer));
        // In float64 the products of bfloat16 numbers are exact; a GPU has no such type.
        let precise = if param.is_readable() { DType::F64 } else { DType::F32 };
        let x = Tensor::empty(grad.shape(), precise)?;
        dispatch(&kernels::MUON_ROUND, &[&grad], &[&x, &moving], &[momentum.into(), nesterov.into(), eps.into()])?;
        buffer.storage().bump();
        let combine = |out: &Tensor, ins: &[&Tensor], alpha: f64, beta: f64| {
            dispatch(&kernels::MUON_COMBINE, ins, &[out], &[alpha.into(), beta.into()])
        };
        crate::autograd::no_grad(|| -> Result<()> {
            for _ in 0..steps {
                let gram = crate::ops::mm(&x, &turned(&x))?;
                combine(&gram, &[&gram], 1.0, 0.0)?;
                let square = crate::ops::mm(&gram, &gram)?;
                combine(&square, &[&gram, &square], b, c)?;
                let product = crate::ops::mm(&square, &x)?;
                combine(&x, &[&x, &product], a, 1.0)?;
            }
            Ok(())
        })?;
        let change = if tall { turned(&x) } else { x }.cast_data(param.dtype())?;
        update(&kernels::MUON_STEP, params, &[change], &[], &[(1.0 - lr * weight_decay).into(), adjusted_lr.into()])
    }

    /// SparseAdam, one parameter at a time: only the rows that the gradient names are updated. `step` counts from 1.
    ///
    /// PyTorch: `torch.optim.SparseAdam`.
    [private]
    fn sparse_adam_step(
        param: Tensor, exp_avg: Tensor, exp_avg_sq: Tensor, step: f64,
        lr: f64, beta1: f64, beta2: f64, eps: f64, maximize: bool,
    ) -> () {
        let params = std::slice::from_ref(param);
        let grads = &gradients("SparseAdam", params, &[std::slice::from_ref(exp_avg), std::slice::from_ref(exp_avg_sq)])?;
        let Some(rows) = rows_of(&grads[0]) else {
            bail!(Runtime, "SparseAdam does not support dense gradients, please consider Adam instead");
        };
        let mut rows = rows.to_vec::<i64>()?;
        rows.sort_unstable();
        rows.dedup();
        let rows = Tensor::from_slice(&rows, &[rows.len()])?;
        let size = lr * (1.0 - libm::pow(beta2, step)).sqrt() / (1.0 - libm::pow(beta1, step));
        let attrs = [beta1.into(), beta2.into(), eps.into(), size.into(), maximize.into()];
        let outs = [param, exp_avg, exp_avg_sq];
        dispatch(&kernels::SPARSE_ADAM_STEP, &[&grads[0], &rows], &outs, &attrs)?;
        outs.iter().for_each(|t| t.storage().bump());
        Ok(())
    }
}

/// The transpose of a matrix, over the same memory and outside the graph.
fn turned(t: &Tensor) -> Tensor {
    let l = t.layout();
    t.alias(Layout {
        shape: [l.shape[1], l.shape[0]].as_slice().into(),
        strides: [l.strides[1], l.strides[0]].as_slice().into(),
        offset: l.offset,
    })
}
