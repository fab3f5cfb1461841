//! What losses share: the reduction at their end, and pointwise losses whose reduction is part of their node.

use smallvec::SmallVec;

use crate::demand::{Class, Found, Test, refuse};
use crate::lane::Demand;
use crate::lane::expr::{Derivative, Pointwise, RealOp, Slot, arith};
use crate::{DType, Result, Tensor, attach, autograd, bail, ensure, ops, pointwise, promote};

/// How a loss ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reduction {
    None,
    Mean,
    Sum,
}

impl Reduction {
    /// `'none'`, `'mean'` or `'sum'`.
    pub fn parse(op: &str, name: &str) -> Result<Reduction> {
        Ok(match name {
            "none" => Reduction::None,
            "mean" => Reduction::Mean,
            "sum" => Reduction::Sum,
            _ => bail!(Value, "{op}: {name} is not a valid value for reduction; use 'none', 'mean' or 'sum'"),
        })
    }

    /// The code kernels take.
    pub fn code(self) -> i64 {
        match self {
            Reduction::None => 0,
            Reduction::Mean => 1,
            Reduction::Sum => 2,
        }
    }

    /// Reduces the losses of all elements.
    pub fn apply(self, losses: &Tensor) -> Result<Tensor> {
        match self {
            Reduction::None => Ok(losses.clone()),
            Reduction::Mean => ops::mean(losses, None),
            Reduction::Sum => ops::sum(losses, None),
        }
    }

    /// The gradient of each element's loss from that of the result.
    pub fn spread(self, g: &Tensor, shape: &[i64], count: usize) -> Result<Tensor> {
        Ok(match self {
            Reduction::None => g.clone(),
            Reduction::Sum => ops::expand(g, shape)?,
            Reduction::Mean => ops::expand(&ops::div(g, &number(count as f64)?)?, shape)?,
        })
    }
}

/// A number as operand.
pub(crate) fn number(v: f64) -> Result<Tensor> {
    Tensor::number(v)
}

/// At least `least`, in the forward pass only: the gradient passes as if nothing had happened. (PyTorch writes it as a
/// clone that is clamped in place under no_grad.)
pub(crate) fn at_least(x: &Tensor, least: f64) -> Result<Tensor> {
    let out = autograd::no_grad(|| ops::clamp_min(x, &number(least)?))?;
    passing(x, out)
}

/// The same, with a demand on floats that a GPU looks at by the way.
pub(crate) fn at_least_demanding(x: &Tensor, least: f64, demand: &'static Demand) -> Result<Tensor> {
    passing(x, pointwise::num_demanding::<arith::clamp_min::Op>(Some(demand), "", &[&x.detach()], &[least])?)
}

fn passing(x: &Tensor, out: Tensor) -> Result<Tensor> {
    let out = if out.same(x) { out.detach() } else { out };
    attach(&[&out], "CloneBackward0", &[x], &[], |ctx| Ok(vec![ctx.opt_grad(0).cloned()]));
    Ok(out)
}

/// A pointwise loss and its reduction as one node: elements times `weight`, which gets no gradient, reduced.
pub(crate) fn pointwise_loss<P: RealOp>(
    name: &'static str,
    ins: &[&Tensor],
    params: &[f64],
    weight: Option<&Tensor>,
    reduction: Reduction,
) -> Result<Tensor> {
    demanding_loss::<P>(None, name, ins, params, weight, reduction)
}

/// The same, with a demand on elements that a GPU looks at while it computes (the host has looked by then).
pub(crate) fn demanding_loss<P: RealOp>(
    demand: Option<&'static Demand>,
    name: &'static str,
    ins: &[&Tensor],
    params: &[f64],
    weight: Option<&Tensor>,
    reduction: Reduction,
) -> Result<Tensor> {
    let dtype = promote::to_float(promote::result_type(ins));
    let cast: SmallVec<[Tensor; 3]> = ins.iter().map(|t| ops::to_dtype(t, dtype)).collect::<Result<_>>()?;
    let refs: SmallVec<[&Tensor; 3]> = cast.iter().collect();
    let losses = autograd::no_grad(|| {
        let losses = pointwise::real_demanding::<P>(demand, name, &refs, params)?;
        weight.map_or(Ok(losses.clone()), |w| ops::mul(&losses, w))
    })?;
    let out = autograd::no_grad(|| reduction.apply(&losses))?;
    let (shape, count, n) = (losses.sizes(), losses.numel(), refs.len());
    let mut saved: SmallVec<[Option<&Tensor>; 4]> = refs.iter().map(|&t| Some(t)).collect();
    saved.push(weight);
    let params: SmallVec<[f64; 4]> = params.into();
    attach(&[&out], name, &refs, &saved, move |ctx| {
        let mut g = reduction.spread(&ctx.grad(0)?, &shape, count)?;
        if ctx.has_saved(n) {
            g = ops::mul(&g, &ctx.saved(n)?)?;
        }
        let ins: SmallVec<[Tensor; 3]> = (0..n).map(|i| ctx.saved(i)).collect::<Result<_>>()?;
        let mut grads = vec![None; n];
        for (i, slot) in grads.iter_mut().enumerate().filter(|s| ctx.needs(s.0)) {
            *slot = match i {
                0 => derivative::<<P as Pointwise>::D0>(&g, &ins, &params)?,
                1 => derivative::<<P as Pointwise>::D1>(&g, &ins, &params)?,
                _ => derivative::<<P as Pointwise>::D2>(&g, &ins, &params)?,
            };
        }
        Ok(grads)
    });
    Ok(out)
}

fn derivative<D: Derivative>(g: &Tensor, ins: &[Tensor], params: &[f64]) -> Result<Option<Tensor>> {
    if !D::EXISTS {
        return Ok(None);
    }
    let mut operands: SmallVec<[&Tensor; 4]> = SmallVec::from_slice(&[g]);
    for slot in D::SLOTS {
        match *slot {
            Slot::In(i) => operands.push(&ins[i]),
            Slot::Out => bail!(Internal, "{}: a loss's derivative reads its result", D::NAME),
        }
    }
    pointwise::derivative::<D>(&operands, params).map(Some)
}

/// Refuses targets that are not class indices, or out of range.
pub(crate) fn check_classes(op: &str, target: &Tensor, classes: usize, ignored: i64) -> Result<()> {
    ensure!(
        target.dtype() == DType::I64,
        DType,
        "{op}: expected scalar type Long but found {}",
        target.dtype().c_name()
    );
    let known = if target.is_readable() { target.to_vec::<i64>()? } else { Vec::new() };
    for t in known {
        if t != ignored && !(0..classes as i64).contains(&t) {
            let found = Found { value: t as f64, at: 0, bound: classes };
            return Err(refuse(op, &CLASS, &found));
        }
    }
    Ok(())
}

/// A target that is no class.
pub(crate) static CLASS: Demand = Demand {
    class: Class::Index,
    test: Test::Inside,
    input: 1,
    says: |op, found| format!("{op}: Target {} is out of bounds: there are {} classes.", found.value, found.bound),
};

/// Refuses class weights that are not one for each class, of the input's dtype.
pub(crate) fn check_weight(op: &str, input: &Tensor, weight: Option<&Tensor>, classes: usize) -> Result<()> {
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
