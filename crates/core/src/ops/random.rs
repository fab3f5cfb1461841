//! Random tensors, fills and draws. The numbers are PyTorch's for the same seed: see `random`.

use crate::autograd::{grad_enabled, inplace};
use crate::call::{GeneratorId, Operand};
use crate::demand::{self, Class, Demand, Test};
use crate::lane::expr::{arith, compare};
use crate::layout::broadcast_shapes;
use crate::ops::creation::to_shape;
use crate::promote::default_dtype;
use crate::random::fill::{self, Draw};
use crate::random::{Generator, generators, tensors};
use crate::{DType, Result, Tensor, attach, bail, device, ensure, ops, pointwise};

ops! {
    /// Uniform numbers in [0, 1).
    ///
    /// PyTorch: `torch.rand`.
    [torch factory]
    fn rand(size: Vec<i64>, generator: Option<GeneratorId> = None, dtype: Option<DType> = None) -> Tensor {
        let out = floats("rand", size, dtype)?;
        tensors::uniform(&out, 0.0, 1.0, generator)?;
        Ok(out)
    }

    /// Normal numbers of mean 0 and standard deviation 1.
    ///
    /// PyTorch: `torch.randn`.
    [torch factory]
    fn randn(size: Vec<i64>, generator: Option<GeneratorId> = None, dtype: Option<DType> = None) -> Tensor {
        let out = floats("randn", size, dtype)?;
        tensors::normal(&out, 0.0, 1.0, generator)?;
        Ok(out)
    }

    /// Integers from 0 up to but without `high`. dtype: int64 unless given.
    ///
    /// PyTorch: `torch.randint`.
    [torch factory]
    fn randint(high: i64, size: Vec<i64>, generator: Option<GeneratorId> = None, dtype: Option<DType> = None) -> Tensor {
        ops::randint_low(0, high, size, generator, dtype)
    }

    /// Integers from `low` up to but without `high`. dtype: int64 unless given.
    ///
    /// PyTorch: `torch.randint`.
    [torch factory as randint]
    fn randint_low(low: i64, high: i64, size: Vec<i64>, generator: Option<GeneratorId> = None,
                   dtype: Option<DType> = None) -> Tensor {
        let out = Tensor::empty(&to_shape("randint", size)?, dtype.unwrap_or(DType::I64))?;
        integers(&out, low, Some(high), generator)?;
        Ok(out)
    }

    /// 0 to n - 1 in random order. dtype: int64 unless given.
    ///
    /// PyTorch: `torch.randperm`.
    [torch factory]
    fn randperm(n: i64, generator: Option<GeneratorId> = None, dtype: Option<DType> = None) -> Tensor {
        ensure!(n >= 0, Runtime, "randperm: n must be non-negative, got {n}");
        let dtype = dtype.unwrap_or(DType::I64);
        ensure!(dtype != DType::Bool, DType, "randperm: not implemented for 'Bool'");
        let most = match dtype {
            DType::U8 => 1 << 8,
            DType::I32 => 1 << 31,
            DType::F32 => (1 << 24) + 1,
            _ => (1 << 53) + 1,
        };
        ensure!(n <= most, Runtime, "randperm: n cannot be greater than {most} for {dtype}, got {n}");
        let order = generators::with(generator, |g| fill::permutation(g, n as usize))?;
        Tensor::from_slice(&order, &[n as usize])?.cast_data(dtype)
    }

    /// Uniform numbers in [0, 1) in the shape and, unless another is given, the dtype of `input`.
    ///
    /// PyTorch: `torch.rand_like`.
    [torch factory]
    fn rand_like(input: Tensor, generator: Option<GeneratorId> = None, dtype: Option<DType> = None) -> Tensor {
        let out = floats_like("rand_like", input, dtype)?;
        tensors::uniform(&out, 0.0, 1.0, generator)?;
        Ok(out)
    }

    /// Normal numbers in the shape and, unless another is given, the dtype of `input`.
    ///
    /// PyTorch: `torch.randn_like`.
    [torch factory]
    fn randn_like(input: Tensor, generator: Option<GeneratorId> = None, dtype: Option<DType> = None) -> Tensor {
        let out = floats_like("randn_like", input, dtype)?;
        tensors::normal(&out, 0.0, 1.0, generator)?;
        Ok(out)
    }

    /// Integers from 0 up to but without `high`, in the shape and, unless another is given, the dtype of `input`.
    ///
    /// PyTorch: `torch.randint_like`.
    [torch factory]
    fn randint_like(input: Tensor, high: i64, generator: Option<GeneratorId> = None, dtype: Option<DType> = None) -> Tensor {
        ops::randint_like_low(input, 0, high, generator, dtype)
    }

    /// Integers from `low` up to but without `high`, in the shape and, unless another is given, the dtype of `input`.
    ///
    /// PyTorch: `torch.randint_like`.
    [torch factory as randint_like]
    fn randint_like_low(input: Tensor, low: i64, high: i64, generator: Option<GeneratorId> = None,
                        dtype: Option<DType> = None) -> Tensor {
        let out = Tensor::empty_like_here(input, dtype.unwrap_or(input.dtype()))?;
        integers(&out, low, Some(high), generator)?;
        Ok(out)
    }

    /// Normal numbers, each with a mean and a standard deviation of its own; the two broadcast.
    ///
    /// PyTorch: `torch.normal`.
    [torch]
    fn normal(mean: Tensor, std: Tensor, generator: Option<GeneratorId> = None) -> Tensor {
        let shape = broadcast_shapes("normal", mean.shape(), std.shape())?;
        let out = float_result("normal", mean, &shape)?;
        demand::on_host("normal", std, &DEVIATION, 0)?;
        tensors::normal(&out, 0.0, 1.0, generator)?;
        let out = ops::add(&deviating(&out, std)?, &mean.detach())?;
        without_gradient(&out, "NormalBackward3", &[mean, std]);
        Ok(out)
    }

    /// Normal numbers, each with a mean of its own.
    ///
    /// PyTorch: `torch.normal`.
    [torch as normal]
    fn normal_mean(mean: Tensor, std: f64 = 1.0, generator: Option<GeneratorId> = None) -> Tensor {
        check_std("normal", std)?;
        let out = float_result("normal", mean, mean.shape())?;
        tensors::normal(&out, 0.0, std, generator)?;
        let out = ops::add(&out, &mean.detach())?;
        without_gradient(&out, "NormalBackward1", &[mean]);
        Ok(out)
    }

    /// Normal numbers, each with a standard deviation of its own.
    ///
    /// PyTorch: `torch.normal`.
    [torch as normal]
    fn normal_std(mean: f64, std: Tensor, generator: Option<GeneratorId> = None) -> Tensor {
        let out = float_result("normal", std, std.shape())?;
        demand::on_host("normal", std, &DEVIATION, 0)?;
        tensors::normal(&out, 0.0, 1.0, generator)?;
        let out = ops::add(&deviating(&out, std)?, &Tensor::number(mean)?)?;
        without_gradient(&out, "NormalBackward2", &[std]);
        Ok(out)
    }

    /// Normal numbers of one mean and standard deviation.
    ///
    /// PyTorch: `torch.normal`.
    [torch factory as normal]
    fn normal_size(mean: f64, std: f64, size: Vec<i64>, generator: Option<GeneratorId> = None,
                   dtype: Option<DType> = None) -> Tensor {
        check_std("normal", std)?;
        let out = floats("normal", size, dtype)?;
        tensors::normal(&out, mean, std, generator)?;
        Ok(out)
    }

    /// 1 with the probability that the element is, else 0.
    ///
    /// PyTorch: `torch.bernoulli`.
    [torch tensor]
    fn bernoulli(input: Tensor, generator: Option<GeneratorId> = None) -> Tensor {
        let out = Tensor::empty_like(input, input.dtype())?;
        trials("bernoulli", &out, input, generator)?;
        without_gradient(&out, "BernoulliBackward0", &[input]);
        Ok(out)
    }

    /// 1 with probability `p`, else 0, in the shape and dtype of `input`.
    ///
    /// PyTorch: `torch.bernoulli`.
    [torch tensor as bernoulli]
    fn bernoulli_p(input: Tensor, p: f64, generator: Option<GeneratorId> = None) -> Tensor {
        check_probability("bernoulli", p)?;
        let out = Tensor::empty_like(input, input.dtype())?;
        tensors::bernoulli(&out, p, generator)?;
        without_gradient(&out, "BernoulliBackward1", &[input]);
        Ok(out)
    }

    /// Indices drawn in proportion to the weights of a vector, or of each row of a matrix. Result: int64.
    ///
    /// PyTorch: `torch.multinomial`.
    [torch tensor]
    fn multinomial(input: Tensor, num_samples: i64, replacement: bool = false,
                   generator: Option<GeneratorId> = None) -> Tensor {
        check_weights(input, num_samples, replacement)?;
        if !input.is_readable() {
            return chosen(&input.detach(), num_samples, replacement, generator);
        }
        let weights = input.contiguous_data()?;
        let n = input.size(input.ndim() - 1);
        let k = num_samples as usize;
        let mut out = vec![0i64; input.numel() / n.max(1) * k];
        // Without replacement PyTorch draws one exponential a weight and takes the largest ratios; so it does for one draw.
        let once = !replacement || k == 1;
        generators::with(generator, |g| {
            fn rows<T: fill::Probability>(g: &mut Generator, w: &[T], n: usize, out: &mut [i64], k: usize, once: bool) {
                if once {
                    return fill::choose_once(g, w, n, out, k);
                }
                for (w, out) in w.chunks(n).zip(out.chunks_mut(k)) {
                    fill::choose_again(g, w, out);
                }
            }
            let _: () = match input.dtype() {
                DType::F64 => rows(g, &weights.to_vec::<f64>()?, n, &mut out, k, once),
                _ => rows(g, &weights.to_vec::<f32>()?, n, &mut out, k, once),
            };
            Ok(())
        })??;
        let mut shape = input.layout().shape.clone();
        shape[input.ndim() - 1] = k;
        Tensor::from_slice(&out, &shape)
    }

    /// Fills with uniform numbers in [from, to).
    ///
    /// PyTorch: `Tensor.uniform_`.
    [tensor]
    fn uniform_(input: Tensor, from: f64 = 0.0, to: f64 = 1.0, generator: Option<GeneratorId> = None) -> () {
        ensure!(
            from <= to,
            Runtime,
            "uniform_ expects to return a [from, to) range, but found from={from} > to={to}"
        );
        needs_float("uniform_", input)?;
        let largest = if input.dtype() == DType::F64 { f64::MAX } else { f32::MAX as f64 };
        ensure!(
            to - from <= largest,
            Runtime,
            "uniform_ expects to-from <= std::numeric_limits<{}>::max(), but found to={to} and from={from}",
            input.dtype().c_name()
        );
        refill("uniform_", input, |t| tensors::uniform(t, from, to, generator))
    }

    /// Fills with normal numbers.
    ///
    /// PyTorch: `Tensor.normal_`.
    [tensor]
    fn normal_(input: Tensor, mean: f64 = 0.0, std: f64 = 1.0, generator: Option<GeneratorId> = None) -> () {
        check_std("normal_", std)?;
        needs_float("normal_", input)?;
        refill("normal_", input, |t| tensors::normal(t, mean, std, generator))
    }

    /// Fills with numbers whose logarithm is normal, of the given mean and standard deviation.
    ///
    /// PyTorch: `Tensor.log_normal_`.
    [tensor]
    fn log_normal_(input: Tensor, mean: f64 = 1.0, std: f64 = 2.0, generator: Option<GeneratorId> = None) -> () {
        ensure!(std > 0.0, Runtime, "log_normal_ expects std > 0.0, but found std={std}");
        needs_float("log_normal_", input)?;
        refill("log_normal_", input, |t| tensors::draws(t, Draw::LogNormal { mean, std }, generator))
    }

    /// Fills with exponential numbers of rate `lambd`.
    ///
    /// PyTorch: `Tensor.exponential_`.
    [tensor]
    fn exponential_(input: Tensor, lambd: f64 = 1.0, generator: Option<GeneratorId> = None) -> () {
        ensure!(lambd > 0.0, Runtime, "exponential_ expects lambda > 0.0, but found lambda={lambd}");
        needs_float("exponential_", input)?;
        refill("exponential_", input, |t| tensors::draws(t, Draw::Exponential { rate: lambd }, generator))
    }

    /// Fills with numbers of Cauchy's distribution.
    ///
    /// PyTorch: `Tensor.cauchy_`.
    [tensor]
    fn cauchy_(input: Tensor, median: f64 = 0.0, sigma: f64 = 1.0, generator: Option<GeneratorId> = None) -> () {
        ensure!(sigma > 0.0, Runtime, "cauchy_ expects sigma > 0.0, but found sigma={sigma}");
        needs_float("cauchy_", input)?;
        refill("cauchy_", input, |t| tensors::draws(t, Draw::Cauchy { median, sigma }, generator))
    }

    /// Fills with the number of trials, of probability `p` each, up to the first success.
    ///
    /// PyTorch: `Tensor.geometric_`.
    [tensor]
    fn geometric_(input: Tensor, p: f64, generator: Option<GeneratorId> = None) -> () {
        ensure!(p > 0.0 && p < 1.0, Runtime, "geometric_ expects p to be in (0, 1), but got p={p}");
        ensure!(input.dtype() != DType::Bool, DType, "geometric_: not implemented for 'Bool'");
        refill("geometric_", input, |t| tensors::draws(t, Draw::Geometric { p }, generator))
    }

    /// Fills with 1 with probability `p`, else 0.
    ///
    /// PyTorch: `Tensor.bernoulli_`.
    [tensor]
    fn bernoulli_(input: Tensor, p: Operand = 0.5, generator: Option<GeneratorId> = None) -> () {
        if p.is_wrapped_number() {
            let p = p.item()?.to_f64();
            check_probability("bernoulli_", p)?;
            return refill("bernoulli_", input, |t| tensors::bernoulli(t, p, generator));
        }
        ensure!(p.dtype().is_float(), DType, "bernoulli_: p must be a float tensor, not {}", p.dtype());
        let spread = ops::expand(&p.detach(), &input.sizes())?;
        refill("bernoulli_", input, |t| trials("bernoulli_", t, &spread, generator))
    }

    /// Fills with integers: every one that the dtype holds and is not negative.
    ///
    /// PyTorch: `Tensor.random_`.
    [tensor]
    fn random_(input: Tensor, generator: Option<GeneratorId> = None) -> () {
        refill("random_", input, |t| tensors::integers_of_type(t, generator))
    }

    /// Fills with integers from 0 up to but without `to`.
    ///
    /// PyTorch: `Tensor.random_`.
    [tensor as random_]
    fn random_to_(input: Tensor, to: i64, generator: Option<GeneratorId> = None) -> () {
        refill("random_", input, |t| integers(t, 0, Some(to), generator))
    }

    /// Fills with integers from `from` up to but without `to` (without an upper bound if that is null).
    ///
    /// PyTorch: `Tensor.random_`.
    [tensor as random_]
    fn random_from_to_(input: Tensor, from: i64, to: Option<i64>, generator: Option<GeneratorId> = None) -> () {
        refill("random_", input, |t| integers(t, from, to, generator))
    }

    /// A new generator with the default seed, by number.
    [private]
    fn generator_new() -> i64 {
        Ok(generators::put(Generator::default()).0 as i64)
    }

    /// Forgets a generator.
    [private]
    fn generator_release(id: i64) -> () {
        generators::release(GeneratorId(id as u32));
        Ok(())
    }

    /// Seeds a generator (0: the default one) with a number of 64 bits, given in halves.
    [private]
    fn generator_manual_seed(id: i64, high: i64, low: i64) -> () {
        generators::with(Some(GeneratorId(id as u32)), |g| g.manual_seed((high as u64) << 32 | low as u32 as u64))
    }

    /// The seed of a generator, in halves.
    [private]
    fn generator_initial_seed(id: i64) -> (high: i64, low: i64) {
        let seed = generators::with(Some(GeneratorId(id as u32)), |g| g.initial_seed())?;
        Ok(((seed >> 32) as i64, (seed & 0xffff_ffff) as i64))
    }

    /// The state of a generator: PyTorch's 5056 bytes.
    [private]
    fn generator_get_state(id: i64) -> Tensor {
        let state = generators::with(Some(GeneratorId(id as u32)), |g| g.state())?;
        Tensor::from_slice(&state, &[state.len()])
    }

    /// Sets the state of a generator.
    [private]
    fn generator_set_state(id: i64, state: Tensor) -> () {
        ensure!(state.dtype() == DType::U8, Type, "setState: RNG state must be a torch.uint8 tensor, not {}", state.dtype());
        match Generator::from_state(&state.to_vec::<u8>()?) {
            Ok(new) => generators::with(Some(GeneratorId(id as u32)), |g| *g = new),
            Err(why) => bail!(Runtime, "setState: {why}"),
        }
    }

    /// A random integer of 63 bits, in halves: what PyTorch draws as the seed of a sampler.
    [private]
    fn generator_draw(id: i64) -> (high: i64, low: i64) {
        let bits = generators::with(Some(GeneratorId(id as u32)), |g| g.u64() & i64::MAX as u64)?;
        Ok(((bits >> 32) as i64, (bits & 0xffff_ffff) as i64))
    }
}

fn needs_float(op: &str, t: &Tensor) -> Result<()> {
    ensure!(
        t.dtype().is_float(),
        DType,
        "{op}: not implemented for '{}'; use a floating point dtype",
        t.dtype().c_name()
    );
    Ok(())
}

fn floats(op: &str, size: &[i64], dtype: Option<DType>) -> Result<Tensor> {
    let out = Tensor::empty(&to_shape(op, size)?, dtype.unwrap_or_else(default_dtype))?;
    needs_float(op, &out)?;
    Ok(out)
}

fn floats_like(op: &str, input: &Tensor, dtype: Option<DType>) -> Result<Tensor> {
    let out = Tensor::empty_like_here(input, dtype.unwrap_or(input.dtype()))?;
    needs_float(op, &out)?;
    Ok(out)
}

/// Memory for normal numbers around tensors: contiguous, however the tensors lie.
fn float_result(op: &str, like: &Tensor, shape: &[usize]) -> Result<Tensor> {
    needs_float(op, like)?;
    Tensor::empty(shape, like.dtype())
}

fn check_std(op: &str, std: f64) -> Result<()> {
    ensure!(std >= 0.0, Runtime, "{op}: normal expects std >= 0.0, but found std {std}");
    Ok(())
}

/// Standard normal numbers times these deviations, which the host has looked at if it has them.
fn deviating(drawn: &Tensor, std: &Tensor) -> Result<Tensor> {
    let demand = (!std.is_readable()).then_some(&DEVIATION);
    pointwise::num_demanding::<arith::mul::Op>(demand, "", &[drawn, &std.detach()], &[])
}

static DEVIATION: Demand = Demand {
    class: Class::Runtime,
    test: Test::Within(0.0, f64::INFINITY),
    input: 1,
    says: |_, _| "normal expects all elements of std >= 0.0".into(),
};
static PROBABILITY: Demand = Demand {
    class: Class::Runtime,
    test: Test::Within(0.0, 1.0),
    input: 1,
    says: |op, _| format!("{op}: Expected p_in >= 0 && p_in <= 1 to be true, but got false: a probability is outside [0, 1]"),
};
static WEIGHT: Demand = Demand {
    class: Class::Runtime,
    test: Test::Within(0.0, f32::MAX as f64),
    input: 0,
    says: |op, _| format!("{op}: probability tensor contains either `inf`, `nan` or element < 0"),
};
/// Of the greatest weight of a row.
static GREATEST: Demand = Demand {
    class: Class::Runtime,
    test: Test::NotZero,
    input: 0,
    says: |op, _| format!("{op}: invalid multinomial distribution (sum of probabilities <= 0)"),
};

fn check_probability(op: &str, p: f64) -> Result<()> {
    ensure!((0.0..=1.0).contains(&p), Runtime, "{op} expects p to be in [0, 1], but got p={p}");
    Ok(())
}

/// `multinomial` where nobody can look at the weights: with the numbers that the CPU would draw, as `fill::choose_once` and
/// `fill::choose_again` use them.
fn chosen(weights: &Tensor, k: i64, again: bool, generator: Option<GeneratorId>) -> Result<Tensor> {
    if !again || k == 1 {
        let rates = Tensor::empty(weights.shape(), weights.dtype())?;
        tensors::draws(&rates, Draw::Exponential { rate: 1.0 }, generator)?;
        return Ok(ops::topk(&ops::div(weights, &rates)?, k, -1, true, true)?.1);
    }
    let sums = ops::cumsum(weights, -1, None)?;
    let total = ops::narrow(&sums, -1, &Tensor::number(sums.size(sums.ndim() - 1) as i64 - 1)?, 1)?;
    let mut shape: Vec<usize> = weights.shape().into();
    *shape.last_mut().expect("checked") = k as usize;
    let drawn = device::made_on_host(|| {
        let drawn = Tensor::empty(&shape, DType::F64)?;
        tensors::uniform(&drawn, 0.0, 1.0, generator)?;
        drawn.cast_data(DType::F32)
    })?;
    let at = ops::searchsorted(&ops::div(&sums, &total)?, &drawn, false, false, None, None)?;
    // Rounding must not leave a gap below 1.
    ops::clamp_max(&at, &Tensor::number(weights.size(weights.ndim() - 1) as i64 - 1)?)
}

/// Bernoulli trials with the probabilities of a tensor.
fn trials(op: &'static str, out: &Tensor, p: &Tensor, generator: Option<GeneratorId>) -> Result<()> {
    needs_float(op, p)?;
    demand::on_host(op, p, &PROBABILITY, 0)?;
    if !p.is_readable() {
        // One number of [0, 1) for each element, as on the CPU.
        let drawn = Tensor::empty_like(out, DType::F32)?;
        tensors::uniform(&drawn, 0.0, 1.0, generator)?;
        let fewer = pointwise::compare_demanding::<compare::lt::Op>(Some(&PROBABILITY), &[&drawn, &p.detach()])?;
        return out.copy_from(&fewer);
    }
    tensors::bernoulli_each(out, p, generator)
}

/// Integers from `from` up to but without `to`, or without bound; both must be values of the dtype.
fn integers(out: &Tensor, from: i64, to: Option<i64>, generator: Option<GeneratorId>) -> Result<()> {
    let (least, most) = match out.dtype() {
        DType::Bool => (0, 1),
        DType::U8 => (0, u8::MAX as i64),
        DType::I32 => (i32::MIN as i64, i32::MAX as i64),
        DType::I64 => (i64::MIN, i64::MAX),
        // Beyond their digits PyTorch only warns and moves the bounds (see `representable`).
        DType::F32 | DType::F64 => (i64::MIN, i64::MAX),
    };
    let last = match to {
        Some(to) => {
            ensure!(from < to, Runtime, "random_ expects 'from' to be less than 'to', but got from={from} >= to={to}");
            to - 1
        }
        None => match out.dtype() {
            DType::F32 => 1 << 24,
            DType::F64 => 1 << 53,
            _ => most,
        },
    };
    ensure!(
        (least..=most).contains(&from) && (least..=most).contains(&last),
        Runtime,
        "random_: {} is out of bounds for {}",
        if (least..=most).contains(&from) { format!("to - 1 = {last}") } else { format!("from = {from}") },
        out.dtype().c_name()
    );
    let (from, last) = match (out.dtype(), to) {
        (DType::F32, Some(_)) => representable(from, last, 24, |v| v as f32 as i64),
        (DType::F64, Some(_)) => representable(from, last, 53, |v| v as f64 as i64),
        _ => (from, last),
    };
    tensors::integers(out, from, (last.wrapping_sub(from) as u64).wrapping_add(1), generator)
}

/// Bounds moved inwards by a unit of a float type's precision where the rounding of their neighbour would leave the range
/// (aten/native/DistributionTemplates.h, update_from and update_to). `last` is the largest integer to draw.
fn representable(from: i64, last: i64, digits: u32, rounded: impl Fn(i64) -> i64) -> (i64, i64) {
    let unit = |v: i64| 1i64 << (v.unsigned_abs().max(1).ilog2() + 1).saturating_sub(digits);
    let above = rounded(from.saturating_add(1));
    let below = rounded(last);
    let first = if above < from { above + unit(from.saturating_add(1)) } else { from };
    // below >= to, the bound that itself is not drawn
    (first, if below > last { below - unit(last) - 1 } else { last })
}

fn check_weights(input: &Tensor, num_samples: i64, replacement: bool) -> Result<()> {
    ensure!(
        (1..=2).contains(&input.ndim()),
        Runtime,
        "multinomial: prob_dist must be 1 or 2 dim, got shape {:?}",
        input.shape()
    );
    ensure!(
        input.dtype().is_float(),
        DType,
        "multinomial only supports floating-point dtypes for input, got: {}",
        input.dtype().c_name()
    );
    ensure!(num_samples > 0, Runtime, "multinomial: cannot sample n_sample <= 0 samples, got {num_samples}");
    let n = input.size(input.ndim() - 1);
    ensure!(
        replacement || num_samples as usize <= n,
        Runtime,
        "multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement: {num_samples} > {n}"
    );
    if !input.is_readable() {
        demand::demand("multinomial", input, &WEIGHT, 0)?;
        return demand::demand("multinomial", &ops::amax(&input.detach(), Some(&[-1]), false)?, &GREATEST, 0);
    }
    let weights = input.to_vec::<f64>()?;
    ensure!(
        // A float64 weight may be beyond what float32 has.
        weights.iter().all(|&w| w >= 0.0 && w.is_finite()),
        Runtime,
        "multinomial: probability tensor contains either `inf`, `nan` or element < 0"
    );
    ensure!(
        weights.chunks(n.max(1)).all(|row| row.iter().any(|&w| w > 0.0)) && (n > 0 || input.numel() > 0),
        Runtime,
        "multinomial: invalid multinomial distribution (sum of probabilities <= 0)"
    );
    Ok(())
}

/// A result through which no gradient flows though it is part of the graph: zeros flow back.
fn without_gradient(out: &Tensor, name: &'static str, inputs: &[&Tensor]) {
    let layouts: Vec<(crate::layout::Shape, DType)> =
        inputs.iter().map(|t| (t.layout().shape.clone(), t.dtype())).collect();
    attach(&[out], name, inputs, &[], move |ctx| {
        layouts.iter().enumerate().map(|(i, (shape, dtype))| ctx.when(i, || Tensor::zeros(shape, *dtype))).collect()
    });
}

/// Overwrites a tensor. The old values no longer matter: in the graph, zeros flow back to them.
pub(crate) fn refill(op: &str, this: &Tensor, f: impl FnOnce(&Tensor) -> Result<()>) -> Result<()> {
    if grad_enabled() && this.requires_grad() {
        inplace::check_writable(op, this)?;
        let fresh = Tensor::empty_like(this, this.dtype())?;
        f(&fresh)?;
        return inplace::copy_into(op, this, &fresh);
    }
    inplace::check_writable(op, this)?;
    f(this)?;
    this.storage().bump();
    Ok(())
}
