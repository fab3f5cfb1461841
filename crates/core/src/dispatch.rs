//! The one way in: every kernel is launched here, as plain data (kernel, attributes, operands).
//!
//! Operands on a GPU are computed there. A recorder that replays a training step can sit behind this function.

use smallvec::SmallVec;

use crate::cpu::threads::Plan;
use crate::cpu::{Attr, Kernel, Launch, Ready, View};
use crate::device::remote;
use crate::profile::{self, Kind};
use crate::storage::Storage;
use crate::{DType, Result, Tensor};

/// An operand: memory seen through a shape and strides of its own.
#[derive(Clone, Copy)]
pub struct Strided<'a> {
    pub storage: &'a Storage,
    pub dtype: DType,
    pub shape: &'a [usize],
    pub strides: &'a [isize],
    pub offset: usize,
}

impl<'a> From<&'a Tensor> for Strided<'a> {
    #[cfg_attr(hot_paths, optimize(speed))]
    fn from(t: &'a Tensor) -> Self {
        let l = t.layout();
        Strided { storage: t.storage(), dtype: t.dtype(), shape: &l.shape, strides: &l.strides, offset: l.offset }
    }
}

impl<'a> Strided<'a> {
    /// The same memory under another shape.
    pub fn with(self, shape: &'a [usize], strides: &'a [isize]) -> Self {
        Strided { shape, strides, ..self }
    }

    /// The number that it is, if every position is the same one of the host's.
    #[cfg(feature = "gpu")]
    pub(crate) fn only(&self) -> Option<crate::Scalar> {
        let one = self.shape.iter().zip(self.strides).all(|(&n, &s)| n == 1 || s == 0);
        // What is spread over no position is a number all the same.
        let here = one && self.storage.remote().is_none() && self.storage.bytes() > 0;
        // Safety: the memory holds an element at the offset, of this dtype.
        here.then(|| unsafe { crate::tensor::element(self.storage.ptr(), self.offset, self.dtype) })
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    fn view(self) -> View<'a> {
        View {
            // Safety: a layout never leaves its storage, so the address is inside (or just past an empty one).
            ptr: self.storage.ptr().wrapping_add(self.offset * self.dtype.size()),
            dtype: self.dtype,
            shape: self.shape,
            strides: self.strides,
        }
    }
}

/// Runs a kernel. Shapes, dtypes, attributes and indices were checked by the op that calls.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn dispatch<'a, I, O>(kernel: &Kernel, ins: &[I], outs: &[O], attrs: &[Attr]) -> Result<()>
where
    I: Copy + Into<Strided<'a>>,
    O: Copy + Into<Strided<'a>>,
{
    if cfg!(feature = "gpu") && {
        let far = |x: Strided| x.storage.remote().is_some();
        outs.iter().any(|&x| far(x.into())) || ins.iter().any(|&x| far(x.into()))
    } {
        let list = |operands: &mut dyn Iterator<Item = Strided<'a>>| operands.collect::<SmallVec<[Strided; 8]>>();
        let (ins, outs) = (list(&mut ins.iter().map(|&x| x.into())), list(&mut outs.iter().map(|&x| x.into())));
        let touched = || ins.iter().chain(&outs).map(|x| x.shape.iter().product::<usize>() as f64 * 4.0).sum();
        return profile::span(Kind::Kernel, kernel.name, touched, || remote::run(kernel, &ins, &outs, attrs));
    }
    // Pushed one by one: what a list's own iterators compile to is not inlined here.
    let mut views: SmallVec<[View; 8]> = SmallVec::with_capacity(ins.len() + outs.len());
    let operands = ins;
    for &x in operands {
        views.push(x.into().view());
    }
    for &x in outs {
        views.push(x.into().view());
    }
    let (ins, outs) = views.split_at(ins.len());
    let mut launch = Launch::new(outs, ins, attrs);
    // Held as long as the kernel runs: memory that is short may take it from its parameter meanwhile.
    let kept = kernel.prepare.and_then(|prepare| {
        let storage = operands[prepare.input].into().storage;
        // Most operands are no parameters: nothing is planned for them.
        let plan = storage.keeps().then(|| (prepare.plan)(&launch))??;
        let kept = storage.kept(&plan.key, plan.bytes, |to| (prepare.run)(&launch, to))?;
        Some((Ready { input: prepare.input, way: plan.key[0], ptr: kept.ptr() }, kept))
    });
    launch.ready = kept.as_ref().map(|(ready, _)| *ready);
    let plan = Plan::new(kernel, &launch);
    // Scratch comes from the same pool as tensors and returns to it at the end of the call.
    let scratch = if plan.scratch() > 0 { Some(Storage::new(plan.scratch())?) } else { None };
    if let Some(s) = &scratch {
        launch.scratch = s.ptr();
    }
    let touched = || launch.ins.iter().chain(launch.outs).map(|v| (v.numel() * v.dtype.size()) as f64).sum();
    profile::span(Kind::Kernel, kernel.name, touched, || plan.run(kernel, &launch));
    Ok(())
}
