//! Runs pointwise ops: promotion, broadcasting, allocation, and the backward pass, for any expression of `lane::expr`.
//!
//! An op's declaration is one line: `pointwise::real::<expr::softplus::Op>("SoftplusBackward0", &[input], &[beta, threshold])`.

pub mod interpret;

use std::cell::RefCell;

use smallvec::SmallVec;

use crate::cpu::elementwise;
use crate::cpu::{Attr, Kernel};
use crate::lane::expr::{BitsOp, CompareOp, Derivative, NumOp, Pointwise, RealOp, Slot};
use crate::lane::{Demand, Program, record_derivative};
use crate::layout::{broadcast_shapes, expand_strides};
use crate::{
    Ctx, DType, Grads, Layout, Result, Shape, Strided, Strides, Tensor, attach, autograd, dispatch, ops, promote,
};

thread_local! {
    /// Where the next pointwise result may be written instead of into new memory.
    static TARGET: RefCell<Option<Tensor>> = const { RefCell::new(None) };
}

/// Offers a tensor's memory to the next pointwise kernel, or takes the offer back.
pub fn set_target(t: Option<Tensor>) {
    let old = TARGET.replace(t);
    drop(old);
}

/// Takes the offer: for ops that are no pointwise kernels but can write into their own first tensor.
pub(crate) fn claim() -> Option<Tensor> {
    TARGET.take()
}

/// An expression on any dtype but bool (which is computed as PyTorch does: an error, or by the caller's own rule). The
/// result has the type the operands promote to.
pub fn num<P: NumOp>(name: &'static str, ins: &[&Tensor], params: &[f64]) -> Result<Tensor> {
    let dtype = promote::result_type(ins);
    run(P::NAME, const { &elementwise::num::<P>() }, name, ins, dtype, dtype, params, Of::<P>::DERIVATIVES)
}

/// An expression on floats: integers and bools are computed in the default float type.
pub fn real<P: RealOp>(name: &'static str, ins: &[&Tensor], params: &[f64]) -> Result<Tensor> {
    let dtype = promote::to_float(promote::result_type(ins));
    run(P::NAME, const { &elementwise::real::<P>() }, name, ins, dtype, dtype, params, Of::<P>::DERIVATIVES)
}

/// As `num`, with a demand on an operand's elements that a GPU looks at while it computes (the host has looked by then).
pub(crate) fn num_demanding<P: NumOp>(
    demand: Option<&'static Demand>,
    name: &'static str,
    ins: &[&Tensor],
    params: &[f64],
) -> Result<Tensor> {
    let dtype = promote::result_type(ins);
    let kernel = Kernel { demand, ..elementwise::num::<P>() };
    run(P::NAME, &kernel, name, ins, dtype, dtype, params, Of::<P>::DERIVATIVES)
}

/// As `real`, with such a demand.
pub(crate) fn real_demanding<P: RealOp>(
    demand: Option<&'static Demand>,
    name: &'static str,
    ins: &[&Tensor],
    params: &[f64],
) -> Result<Tensor> {
    let dtype = promote::to_float(promote::result_type(ins));
    let kernel = Kernel { demand, ..elementwise::real::<P>() };
    run(P::NAME, &kernel, name, ins, dtype, dtype, params, Of::<P>::DERIVATIVES)
}

/// An expression on integers and bool.
pub fn bits<P: BitsOp>(ins: &[&Tensor]) -> Result<Tensor> {
    let dtype = promote::result_type(ins);
    run(P::NAME, const { &elementwise::bits::<P>() }, "", ins, dtype, dtype, &[], &[None; 3])
}

/// A question with a bool answer.
pub fn compare<P: CompareOp>(ins: &[&Tensor], params: &[f64]) -> Result<Tensor> {
    let dtype = promote::result_type(ins);
    run(P::NAME, const { &elementwise::compare::<P>() }, "", ins, dtype, DType::Bool, params, &[None; 3])
}

/// As `compare`, with such a demand.
pub(crate) fn compare_demanding<P: CompareOp>(demand: Option<&'static Demand>, ins: &[&Tensor]) -> Result<Tensor> {
    let dtype = promote::result_type(ins);
    let kernel = Kernel { demand, ..elementwise::compare::<P>() };
    run(P::NAME, &kernel, "", ins, dtype, DType::Bool, &[], &[None; 3])
}

/// What backward needs of a derivative.
#[derive(Clone, Copy)]
struct Deriv {
    kernel: Kernel,
    slots: &'static [Slot],
    program: fn() -> Program,
}

type Derivs = [Option<Deriv>; 3];

struct Of<P>(std::marker::PhantomData<P>);

impl<P: Pointwise> Of<P> {
    const DERIVATIVES: &Derivs = &[deriv::<P::D0>(), deriv::<P::D1>(), deriv::<P::D2>()];
}

const fn deriv<D: Derivative>() -> Option<Deriv> {
    if !D::EXISTS {
        return None;
    }
    Some(Deriv { kernel: elementwise::derivative::<D>(), slots: D::SLOTS, program: record_derivative::<D> })
}

#[allow(clippy::too_many_arguments)]
#[cfg_attr(hot_paths, optimize(speed))]
fn run(
    op: &'static str,
    kernel: &Kernel,
    node: &'static str,
    ins: &[&Tensor],
    dtype: DType,
    out_dtype: DType,
    params: &[f64],
    derivs: &'static Derivs,
) -> Result<Tensor> {
    let tracked = out_dtype.is_float() && derivs.iter().any(Option::is_some) && autograd::tracks(ins);
    // Operands of another dtype are cast first; with a gradient to track, by the op that has one.
    let mut cast: SmallVec<[Tensor; 3]> = SmallVec::new();
    for &t in ins {
        cast.push(if t.dtype() == dtype {
            // What is saved is an operand, no number that would promote to another dtype in backward.
            if tracked && t.is_wrapped_number() { t.detach() } else { t.clone() }
        } else if tracked && t.requires_grad() {
            ops::to_dtype(t, dtype)?
        } else {
            t.cast_data(dtype)?
        });
    }
    let mut refs: SmallVec<[&Tensor; 3]> = SmallVec::new();
    for t in &cast {
        refs.push(t);
    }
    let out = launch(op, kernel, &refs, out_dtype, params)?;
    if ins.iter().all(|t| t.is_wrapped_number()) && !ins.is_empty() {
        out.set_wrapped_number(true);
    }
    if tracked {
        join(node, &refs, &out, params, derivs);
    }
    Ok(out)
}

/// A derivative for these operands (the incoming gradient, then what its slots name): by its kernel, or by tensor ops when
/// it has to be differentiable itself.
pub fn derivative<D: Derivative>(operands: &[&Tensor], params: &[f64]) -> Result<Tensor> {
    if autograd::grad_enabled() {
        return interpret::run(&record_derivative::<D>(), operands, params);
    }
    let kernel = elementwise::derivative::<D>();
    launch(kernel.name, &kernel, operands, operands[0].dtype(), params)
}

/// Computes `kernel` over operands of one dtype, broadcast against each other.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn launch(op: &str, kernel: &Kernel, ins: &[&Tensor], out_dtype: DType, params: &[f64]) -> Result<Tensor> {
    let mut attrs: SmallVec<[Attr; 4]> = SmallVec::new();
    for &p in params {
        attrs.push(Attr::from(p));
    }
    // Most calls: all of one shape, all contiguous.
    if let [first, rest @ ..] = ins
        && first.is_contiguous()
        && rest.iter().all(|t| t.shape() == first.shape() && t.is_contiguous())
    {
        let out = output(first.shape(), None, out_dtype, ins)?;
        if out.is_contiguous() {
            let shape = [first.numel()];
            let mut flat: SmallVec<[Strided; 4]> = SmallVec::new();
            for &t in ins {
                flat.push(Strided::from(t).with(&shape, &[1]));
            }
            dispatch(kernel, &flat, &[Strided::from(&out).with(&shape, &[1])], &attrs)?;
            return Ok(out);
        }
    }
    let mut shape: Shape = ins.first().map_or_else(Shape::new, |t| t.shape().into());
    for t in ins.iter().skip(1) {
        shape = broadcast_shapes(op, &shape, t.shape())?;
    }
    // The result lies in memory as its operands do, where they agree (TensorIterator's rule, in its common cases).
    let like = ins.iter().find(|t| t.shape() == &shape[..] && t.layout().is_dense() && !t.is_contiguous());
    let agreed = like.filter(|l| {
        ins.iter().all(|t| t.shape() != &shape[..] || t.strides() == l.strides() || !t.layout().is_dense())
    });
    let out = output(&shape, agreed.map(|t| t.strides()), out_dtype, ins)?;
    let strides: SmallVec<[Strides; 4]> =
        ins.iter().map(|t| expand_strides(t.layout(), &shape).expect("broadcast checked")).collect();
    let views: SmallVec<[Strided; 4]> =
        ins.iter().zip(&strides).map(|(&t, s)| Strided::from(t).with(&shape, s)).collect();
    dispatch(kernel, &views, &[Strided::from(&out)], &attrs)?;
    Ok(out)
}

/// Memory for a result: what was offered for it if it fits and no operand would be overwritten before it is read.
#[cfg_attr(hot_paths, optimize(speed))]
fn output(shape: &[usize], strides: Option<&[isize]>, dtype: DType, ins: &[&Tensor]) -> Result<Tensor> {
    if let Some(target) = TARGET.take()
        && target.shape() == shape
        && target.dtype() == dtype
        && ins.iter().all(|t| !t.storage().same(target.storage()) || t.layout() == target.layout())
    {
        return Ok(target.detach());
    }
    match strides {
        Some(s) => Tensor::empty_strided(shape, s, dtype),
        None => Tensor::empty(shape, dtype),
    }
}

/// Joins the op to the graph: only what the wanted derivatives read is saved.
#[cfg_attr(hot_paths, optimize(speed))]
fn join(node: &'static str, ins: &[&Tensor], out: &Tensor, params: &[f64], derivs: &'static Derivs) {
    let n = ins.len();
    let reads = |slot: Slot| {
        (0..n.min(3)).any(|i| ins[i].requires_grad() && derivs[i].as_ref().is_some_and(|d| d.slots.contains(&slot)))
    };
    let mut saved: SmallVec<[Option<&Tensor>; 4]> = SmallVec::new();
    for (i, &t) in ins.iter().enumerate() {
        saved.push(reads(Slot::In(i)).then_some(t));
    }
    saved.push(reads(Slot::Out).then_some(out));
    let params: SmallVec<[f64; 4]> = SmallVec::from_slice(params);
    attach(&[out], node, ins, &saved, move |ctx| backward(ctx, derivs, n, &params));
}

/// The gradients of a pointwise op's `n` operands.
#[cfg_attr(hot_paths, optimize(speed))]
fn backward(ctx: &Ctx, derivs: &Derivs, n: usize, params: &[f64]) -> Grads {
    let g = ctx.grad(0)?;
    let mut grads = Vec::with_capacity(n);
    for i in 0..n {
        let Some(d) = derivs.get(i).and_then(Option::as_ref).filter(|_| ctx.needs(i)) else {
            grads.push(None);
            continue;
        };
        let mut operands: SmallVec<[Tensor; 4]> = SmallVec::new();
        operands.push(g.clone());
        for slot in d.slots {
            operands.push(ctx.saved(match *slot {
                Slot::In(j) => j,
                Slot::Out => n,
            })?);
        }
        let mut refs: SmallVec<[&Tensor; 4]> = SmallVec::new();
        for t in &operands {
            refs.push(t);
        }
        grads.push(Some(if autograd::grad_enabled() {
            interpret::run(&(d.program)(), &refs, params)?
        } else {
            launch(d.kernel.name, &d.kernel, &refs, g.dtype(), params)?
        }));
    }
    Ok(grads)
}

/// The elements of `a` where the mask holds, of `b` elsewhere; all broadcast. No gradient here (see `ops::where_`).
pub fn select_data(mask: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let shape = broadcast_shapes("where", &broadcast_shapes("where", mask.shape(), a.shape())?, b.shape())?;
    let out = Tensor::empty(&shape, a.dtype())?;
    let view = |t: &Tensor| -> Layout {
        let strides = expand_strides(t.layout(), &shape).expect("broadcast checked");
        Layout { shape: shape.clone(), strides, offset: t.layout().offset }
    };
    let (lm, la, lb) = (view(mask), view(a), view(b));
    dispatch(
        &elementwise::WHERE,
        &[
            Strided::from(mask).with(&lm.shape, &lm.strides),
            Strided::from(a).with(&la.shape, &la.strides),
            Strided::from(b).with(&lb.shape, &lb.strides),
        ],
        &[Strided::from(&out)],
        &[],
    )?;
    Ok(out)
}
