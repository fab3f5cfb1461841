//! What the normalisations share: which elements have a mean and a deviation in common, the kernels that go over them, and the
//! node of the graph.

use smallvec::SmallVec;

use crate::autograd::{Ctx, Grads, grad_enabled, no_grad};
use crate::cpu::{elementwise, reduce};
use crate::lane::expr::{Pointwise, norm as expr};
use crate::layout::Sizes;
use crate::losses::number;
use crate::{Result, Strided, Tensor, attach, dispatch, ops, pointwise};

/// How a normalisation looks at its input: the shape it is seen in, the dimensions statistics are taken over, and the
/// shape in which weight and bias meet it.
pub(crate) struct Scheme {
    name: &'static str,
    view: Vec<i64>,
    over: Vec<i64>,
    affine: Vec<i64>,
    loops: Loops,
}

/// Which kernels do it.
#[derive(Clone, Copy)]
enum Loops {
    /// `LAYER_NORM`: `view` is `[rows, n]`, and each element of a row has its own weight.
    Rows,
    /// `BATCH_NORM`: `sets` of `lines` of `len` elements in contiguous memory, whose first elements lie so far apart.
    Sets {
        sets: usize,
        lines: usize,
        len: usize,
        steps: [isize; 2],
        /// Whether each line has a weight, rather than each set.
        by_line: bool,
        /// How many times the weights are gone through, and how often each of them stands there.
        times: usize,
        repeat: usize,
    },
}

/// Lines of channels that are shorter than this are taken element by element.
const SHORT: usize = 16;

impl Scheme {
    /// `[rows, n]`, row by row.
    pub fn rows(name: &'static str, rows: i64, n: i64) -> Scheme {
        Scheme { name, view: vec![rows, n], over: vec![1], affine: vec![1, n], loops: Loops::Rows }
    }

    /// `[n, c, ...]`: each channel over all samples.
    pub fn channels(name: &'static str, input: &Tensor) -> Scheme {
        let [n, c, rest] = planes(input);
        let loops = Loops::Sets {
            sets: c,
            lines: n,
            len: rest,
            steps: [rest, c * rest].map(|s| s as isize),
            by_line: false,
            times: 1,
            repeat: 1,
        };
        Scheme { name, view: sizes(&[n, c, rest]), over: vec![0, 2], affine: sizes(&[1, c, 1]), loops }
    }

    /// `[n, c, ...]`: groups of neighbouring channels of each sample. A channel that is alone is one line.
    pub fn groups(name: &'static str, input: &Tensor, groups: usize) -> Scheme {
        let [n, c, rest] = planes(input);
        let each = c / groups.max(1);
        // Short lines would take longer to begin than to do: then each element is one, and has its channel's weight.
        let short = each > 1 && (1..SHORT).contains(&rest);
        let (lines, len, repeat) = if short { (each * rest, 1, rest) } else { (each, rest, 1) };
        let steps = [each * rest, len].map(|s| s as isize);
        let loops = Loops::Sets { sets: n * groups, lines, len, steps, by_line: true, times: n, repeat };
        Scheme {
            name,
            view: sizes(&[n, groups, each, rest]),
            over: vec![2, 3],
            affine: sizes(&[1, groups, each, 1]),
            loops,
        }
    }

    /// A weight or bias as contiguous numbers of the dtype of `x`, as often as the kernel goes through them.
    fn param(&self, t: &Tensor, x: &Tensor) -> Result<Tensor> {
        let t = numbers(t, x)?;
        match self.loops {
            Loops::Rows => ops::reshape(&t, &[1, -1]),
            Loops::Sets { times: 1, repeat: 1, .. } => Ok(t),
            Loops::Sets { times, repeat, .. } => {
                let often = ops::expand(&ops::reshape(&t, &[1, -1, 1])?, &[times as i64, -1, repeat as i64])?;
                ops::reshape(&often, &[1, -1])?.contiguous_data()
            }
        }
    }

    /// The shape of the statistics: it broadcasts against `view`.
    fn kept(&self) -> SmallVec<[usize; 4]> {
        let is_over = |d: usize| self.over.contains(&(d as i64));
        self.view.iter().enumerate().map(|(d, &n)| if is_over(d) { 1 } else { n as usize }).collect()
    }
}

/// As contiguous numbers of the dtype of `x`.
fn numbers(t: &Tensor, x: &Tensor) -> Result<Tensor> {
    t.cast_data(x.dtype())?.contiguous_data()
}

/// `1 / sqrt(variance + eps)`
pub(crate) fn inverse_deviation(variance: &Tensor, eps: f64) -> Result<Tensor> {
    ops::rsqrt(&ops::add(variance, &number(eps)?)?)
}

fn planes(input: &Tensor) -> [usize; 3] {
    let shape = input.shape();
    [shape[0], shape[1], shape[2..].iter().product()]
}

fn sizes(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&n| n as i64).collect()
}

/// What a normalisation computes.
pub(crate) struct Normalized {
    pub out: Tensor,
    pub mean: Tensor,
    /// 1 / sqrt(variance + eps)
    pub rstd: Tensor,
    /// Divided by the number of elements. None of rows, for which nobody asks.
    pub variance: Option<Tensor>,
}

/// Normalises by the input's own statistics or by given ones (as many as channels), which get no gradient.
pub(crate) fn normalize(
    s: Scheme,
    input: &Tensor,
    given: Option<[&Tensor; 2]>,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Normalized> {
    let done = no_grad(|| forward(&s, &input.contiguous_data()?, given, weight, bias, eps))?;
    let own = given.is_none();
    let (shape, param) = (input.sizes(), weight.or(bias).map_or_else(Sizes::new, |t| t.sizes()));
    // A missing weight or bias still has its place: the mean stands there, which wants no gradient.
    let ins = [input, weight.unwrap_or(&done.mean), bias.unwrap_or(&done.mean)];
    let saved = [Some(input), weight, Some(&done.mean), Some(&done.rstd)];
    attach(&[&done.out], s.name, &ins, &saved, move |ctx| {
        if grad_enabled() {
            return differentiable_backward(&s, ctx, own.then_some(eps), &shape, &param);
        }
        match s.loops {
            Loops::Rows => rows_backward(&s, ctx, &shape, &param),
            Loops::Sets { .. } => sets_backward(&s, ctx, own, &param),
        }
    });
    Ok(done)
}

fn forward(
    s: &Scheme,
    x: &Tensor,
    given: Option<[&Tensor; 2]>,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Normalized> {
    let [weight, bias] = [weight.map(|w| s.param(w, x)).transpose()?, bias.map(|b| s.param(b, x)).transpose()?];
    let out = Tensor::empty(x.shape(), x.dtype())?;
    let kept = s.kept();
    let statistic = || Tensor::empty(&kept, x.dtype());
    let (mean, rstd) = (statistic()?, statistic()?);
    let there = [weight.is_some(), bias.is_some()].map(Into::into);
    let Loops::Sets { sets, lines, len, steps, by_line, .. } = s.loops else {
        let (x, y) = (ops::reshape(x, &s.view)?, ops::reshape(&out, &s.view)?);
        let ins: SmallVec<[&Tensor; 3]> = [Some(&x), weight.as_ref(), bias.as_ref()].into_iter().flatten().collect();
        dispatch(&reduce::LAYER_NORM, &ins, &[&y, &mean, &rstd], &[eps.into(), there[0], there[1]])?;
        return Ok(Normalized { out, mean, rstd, variance: None });
    };
    let given: SmallVec<[Tensor; 2]> = given.iter().flatten().map(|t| numbers(t, x)).collect::<Result<_>>()?;
    let variance = statistic()?;
    let views = Views::new(sets, lines, len, steps, by_line);
    let mut ins: SmallVec<[Strided; 5]> = SmallVec::from_slice(&[views.elements(x)]);
    ins.extend(given.iter().map(|t| views.statistic(t)));
    ins.extend([&weight, &bias].into_iter().flatten().map(|t| views.param(t)));
    let outs = [views.elements(&out), views.statistic(&mean), views.statistic(&rstd), views.statistic(&variance)];
    dispatch(&reduce::BATCH_NORM, &ins, &outs, &[eps.into(), (!given.is_empty()).into(), there[0], there[1]])?;
    Ok(Normalized { out, mean, rstd, variance: Some(variance) })
}

/// Contiguous tensors as `BATCH_NORM` sees them.
struct Views {
    shape: [usize; 3],
    strides: [isize; 3],
    statistic: [usize; 2],
    param: [usize; 2],
    param_strides: [isize; 2],
}

impl Views {
    fn new(sets: usize, lines: usize, len: usize, steps: [isize; 2], by_line: bool) -> Views {
        let params = if by_line { lines } else { 1 };
        Views {
            shape: [sets, lines, len],
            strides: [steps[0], steps[1], 1],
            statistic: [sets, 1],
            param: [sets, params],
            param_strides: [params as isize, 1],
        }
    }

    fn elements<'a>(&'a self, t: &'a Tensor) -> Strided<'a> {
        Strided::from(t).with(&self.shape, &self.strides)
    }

    fn statistic<'a>(&'a self, t: &'a Tensor) -> Strided<'a> {
        Strided::from(t).with(&self.statistic, &[1, 1])
    }

    fn param<'a>(&'a self, t: &'a Tensor) -> Strided<'a> {
        Strided::from(t).with(&self.param, &self.param_strides)
    }
}

fn saved_weight(ctx: &Ctx) -> Result<Option<Tensor>> {
    if ctx.has_saved(1) { ctx.saved(1).map(Some) } else { Ok(None) }
}

fn sets_backward(s: &Scheme, ctx: &Ctx, own: bool, param: &[i64]) -> Grads {
    let Loops::Sets { sets, lines, len, steps, by_line, times, repeat } = s.loops else {
        unreachable!("rows have their own")
    };
    let (g, x) = (ctx.grad(0)?.contiguous_data()?, ctx.saved(0)?.contiguous_data()?);
    let (mean, rstd) = (ctx.saved(2)?, ctx.saved(3)?);
    let weight = saved_weight(ctx)?.map(|w| s.param(&w, &x)).transpose()?;
    let views = Views::new(sets, lines, len, steps, by_line);
    let sum = || Tensor::empty(&[times, x.shape()[1], repeat], x.dtype());
    let (dw, db) = (sum()?, sum()?);
    let dx = ctx.when(0, || Tensor::empty(x.shape(), x.dtype()))?;
    let mut ins: SmallVec<[Strided; 5]> =
        SmallVec::from_slice(&[views.elements(&g), views.elements(&x), views.statistic(&mean), views.statistic(&rstd)]);
    ins.extend(weight.iter().map(|w| views.param(w)));
    let mut outs: SmallVec<[Strided; 3]> = SmallVec::from_slice(&[views.param(&dw), views.param(&db)]);
    outs.extend(dx.iter().map(|dx| views.elements(dx)));
    let wanted = ctx.needs(1) || ctx.needs(2);
    dispatch(&reduce::BATCH_NORM_BACKWARD, &ins, &outs, &[(!own).into(), wanted.into()])?;
    let whole = |t: &Tensor| {
        let t = if times * repeat == 1 { t.clone() } else { ops::sum_dim(t, Some(&[0, 2]), false, None)? };
        ops::reshape(&t, param)
    };
    let (dw, db) = (ctx.when(1, || whole(&dw))?, ctx.when(2, || whole(&db))?);
    drop(outs);
    Ok(vec![dx, dw, db])
}

fn rows_backward(s: &Scheme, ctx: &Ctx, shape: &[i64], param: &[i64]) -> Grads {
    let (g, x) = (ops::reshape(&ctx.grad(0)?, &s.view)?, ops::reshape(&ctx.saved(0)?, &s.view)?);
    let (mean, rstd) = (ctx.saved(2)?, ctx.saved(3)?);
    let z = if ctx.needs(1) {
        type Standardize = expr::standardize::Op;
        let ins = [&x, &mean, &rstd];
        pointwise::launch(<Standardize as Pointwise>::NAME, &elementwise::real::<Standardize>(), &ins, x.dtype(), &[])?
    } else {
        g.clone() // nobody looks
    };
    let dx = ctx.when(0, || {
        let weight = saved_weight(ctx)?.map(|w| s.param(&w, &x)).transpose()?;
        let ins = [Some(g.contiguous_data()?), Some(x.contiguous_data()?), Some(mean), Some(rstd), weight];
        let dx = Tensor::empty(x.shape(), x.dtype())?;
        let ins: SmallVec<[&Tensor; 5]> = ins.iter().flatten().collect();
        dispatch(&reduce::LAYER_NORM_BACKWARD, &ins, &[&dx], &[])?;
        ops::reshape(&dx, shape)
    })?;
    affine_gradients(s, ctx, dx, &g, &z, param)
}

/// From ops, so that it can be differentiated again. `own` is the `eps` of statistics that are the input's own.
fn differentiable_backward(s: &Scheme, ctx: &Ctx, own: Option<f64>, shape: &[i64], param: &[i64]) -> Grads {
    let (g, x) = (ops::reshape(&ctx.grad(0)?, &s.view)?, ops::reshape(&ctx.saved(0)?, &s.view)?);
    let mut rstd = ctx.saved(3)?;
    // Mean and deviation are functions of the input, unless they were given.
    let average = |t: &Tensor| ops::mean_dim(t, Some(&s.over), true, None);
    let d = if let Some(eps) = own {
        let d = ops::sub(&x, &average(&x)?)?;
        let variance = average(&ops::mul(&d, &d)?)?;
        rstd = inverse_deviation(&variance, eps)?;
        d
    } else {
        ops::sub(&x, &ctx.saved(2)?)?
    };
    let z = ops::mul(&d, &rstd)?;
    let dx = ctx.when(0, || {
        let mut rest = saved_weight(ctx)?.map_or(Ok(g.clone()), |w| ops::mul(&g, &ops::reshape(&w, &s.affine)?))?;
        if own.is_some() {
            let (a, b) = (average(&rest)?, average(&ops::mul(&rest, &z)?)?);
            rest = ops::sub(&ops::sub(&rest, &a)?, &ops::mul(&z, &b)?)?;
        }
        ops::reshape(&ops::mul(&rest, &rstd)?, shape)
    })?;
    affine_gradients(s, ctx, dx, &g, &z, param)
}

fn affine_gradients(s: &Scheme, ctx: &Ctx, dx: Option<Tensor>, g: &Tensor, z: &Tensor, param: &[i64]) -> Grads {
    let flat = |t: &Tensor| ops::reshape(&ops::sum_to_size(t, &s.affine)?, param);
    Ok(vec![dx, ctx.when(1, || flat(&ops::mul(g, z)?))?, ctx.when(2, || flat(g))?])
}
