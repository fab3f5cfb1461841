//! Optimizer updates: one pass over a parameter, its gradient and its state, for all parameters of a group in one launch.
//!
//! The order of operations is that of PyTorch's single-tensor code (torch/optim/*.py, `_single_tensor_*`), element by
//! element; the scalars that depend on the step (bias corrections, decayed rates) were computed in double by the op.
//!
//! Layout of a launch with `n` parameters and `S` state tensors each: `ins` are the `n` gradients; `outs` are the `n`
//! parameters, then the `n` tensors of the first state, then those of the second, ...; `attrs` are the attributes that
//! the group shares, then those of the first parameter, of the second, ... (`Rule::SHARED` and `Rule::OWN` count them).
//! Gradient and states have the parameter's shape and dtype; any strides.

mod adafactor;
mod adaptive;
mod momentum;
mod muon;
mod sparse;

pub use adafactor::ADAFACTOR_STEP;
pub use adaptive::{
    ADADELTA_STEP, ADAGRAD_STEP, ADAM_AMSGRAD_STEP, ADAM_STEP, ADAMAX_STEP, NADAM_STEP, RADAM_STEP,
    RMSPROP_CENTERED_MOMENTUM_STEP, RMSPROP_CENTERED_STEP, RMSPROP_MOMENTUM_STEP, RMSPROP_STEP,
};
pub use momentum::{ASGD_STEP, RPROP_STEP, SGD_MOMENTUM_STEP, SGD_STEP};
pub use muon::{MUON_COMBINE, MUON_ROUND, MUON_STEP};
pub use sparse::SPARSE_ADAM_STEP;

use std::array::from_fn;
use std::ops::{Add, Div, Mul, Neg, Range, Sub};

use cresset_lane::{DType, Element};

use crate::{Attr, Launch, View};

/// What an update needs of float32 and float64.
pub(crate) trait Float:
    Element + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    const ZERO: Self;
    const ONE: Self;
    fn sqrt(self) -> Self;
    fn abs(self) -> Self;

    /// `torch.maximum`: NaN if either is.
    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        if self > other || self.partial_cmp(&self).is_none() { self } else { other }
    }

    /// `torch.sign`: -1, 0 or 1, and 0 for NaN.
    #[inline(always)]
    fn sign(self) -> Self {
        if self > Self::ZERO {
            Self::ONE
        } else if self < Self::ZERO {
            -Self::ONE
        } else {
            Self::ZERO
        }
    }

    /// `torch.lerp`, which changes formula at one half to stay exact at both ends (aten/src/ATen/native/Lerp.h).
    #[inline(always)]
    fn lerp(self, end: Self, weight: Weight<Self>) -> Self {
        if weight.near { self + weight.w * (end - self) } else { end - (end - self) * weight.rest }
    }
}

macro_rules! float {
    ($t:ty) => {
        impl Float for $t {
            const ZERO: $t = 0.0;
            const ONE: $t = 1.0;
            #[inline(always)]
            fn sqrt(self) -> $t {
                <$t>::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> $t {
                <$t>::abs(self)
            }
        }
    };
}
float!(f32);
float!(f64);

/// A weight of `lerp`, prepared once per tensor.
#[derive(Clone, Copy)]
pub(crate) struct Weight<T> {
    w: T,
    rest: T,
    near: bool,
}

impl<T: Float> Weight<T> {
    pub fn new(w: f64) -> Self {
        let w = T::from_f64(w);
        Weight { w, rest: T::ONE - w, near: w.abs() < T::from_f64(0.5) }
    }
}

/// The gradient as most optimizers take it: its sign turned for `maximize`, `weight_decay * param` added.
#[derive(Clone, Copy)]
pub(crate) struct Gradient<T> {
    decay: T,
    decays: bool,
    maximize: bool,
}

impl<T: Float> Gradient<T> {
    pub fn new(weight_decay: Attr, maximize: Attr) -> Self {
        Gradient { decay: T::from_f64(weight_decay.f()), decays: weight_decay.f() != 0.0, maximize: maximize.b() }
    }

    #[inline(always)]
    pub fn of(self, g: T, p: T) -> T {
        let g = if self.maximize { -g } else { g };
        if self.decays { g + self.decay * p } else { g }
    }
}

/// How one element of a parameter is updated.
pub(crate) trait Rule<T: Float, const S: usize>: Copy {
    /// Number of attributes shared by the group.
    const SHARED: usize;
    /// Number of attributes that each parameter has of its own.
    const OWN: usize;
    fn new(shared: &[Attr], own: &[Attr]) -> Self;
    /// The new parameter and states from the old ones and the gradient.
    fn apply(self, p: T, g: T, s: [T; S]) -> (T, [T; S]);
}

/// Runs a rule over every parameter of a launch, or over its part of their elements; `F` and `D` are the rule in float32 and in
/// float64.
pub(crate) fn update<F: Rule<f32, S>, D: Rule<f64, S>, const S: usize>(l: &Launch) {
    let n = l.ins.len();
    let part = l.part.range(l.ins.iter().map(View::numel).sum());
    let mut before = 0;
    for i in 0..n {
        let (p, g) = (&l.outs[i], &l.ins[i]);
        let numel = p.numel();
        // Whole blocks of elements, and to the part that has a block's beginning.
        let place = |at: usize| at.saturating_sub(before).next_multiple_of(64).min(numel);
        let range = place(part.start)..place(part.end);
        before += numel;
        if range.is_empty() {
            continue;
        }
        let s: [&View; S] = from_fn(|k| &l.outs[(k + 1) * n + i]);
        let (shared, own) = l.attrs.split_at(F::SHARED);
        let own = &own[i * F::OWN..(i + 1) * F::OWN];
        match p.dtype {
            DType::F32 => one::<f32, F, S, 8>(F::new(shared, own), p, g, s, range),
            _ => one::<f64, D, S, 4>(D::new(shared, own), p, g, s, range),
        }
    }
}

/// Runs `dense` over the whole blocks of B elements in the range and over a copy of what is left at the end; of strided tensors, over
/// copies of all, if the range has the first.
fn one<T: Float, R: Rule<T, S>, const S: usize, const B: usize>(
    rule: R,
    p: &View,
    g: &View,
    s: [&View; S],
    range: Range<usize>,
) {
    // SAFETY: `gathered` gives as many elements as it says.
    let run = |n, p, g, s| unsafe { dense::<T, R, S, B>(rule, n, p, g, s) };
    let numel = p.numel();
    if p.is_contiguous() && g.is_contiguous() && s.iter().all(|v| v.is_contiguous()) {
        // The op checked that all have the parameter's shape; contiguous views have `numel` elements in a row.
        let whole = numel / B * B;
        let (from, to) = (range.start.min(whole), range.end.min(whole));
        let at = |v: &View| v.as_ptr::<T>().wrapping_add(from);
        run(to - from, at(p), at(g), s.map(at));
        if range.end == numel && whole < numel {
            gathered::<T, S>(p, g, s, whole, B, &run);
        }
    } else if range.start == 0 {
        gathered::<T, S>(p, g, s, 0, B, &run);
    }
}

/// Brings elements from the `first`th on together, some at a time and a multiple of `block`, for `run`, which is `dense`: one
/// such loop for all rules.
#[inline(never)]
fn gathered<T: Float, const S: usize>(
    p: &View,
    g: &View,
    s: [&View; S],
    first: usize,
    block: usize,
    run: &dyn Fn(usize, *mut T, *const T, [*mut T; S]),
) {
    const SOME: usize = 64;
    let inner = p.shape.last().copied().unwrap_or(1);
    let dims = p.shape.len().saturating_sub(1);
    let (mut pb, mut gb, mut sb) = ([T::ZERO; SOME], [T::ZERO; SOME], [[T::ZERO; SOME]; S]);
    for row in first / inner..p.numel() / inner {
        // Where a view's row begins, and how far its elements are apart.
        let line = |v: &View| {
            let (mut rest, mut offset) = (row, 0isize);
            for d in (0..dims).rev() {
                offset += (rest % p.shape[d]) as isize * v.strides[d];
                rest /= p.shape[d];
            }
            (v.as_ptr::<T>().wrapping_offset(offset), v.strides.last().copied().unwrap_or(0))
        };
        let (pl, gl, sl) = (line(p), line(g), s.map(line));
        for start in (first.saturating_sub(row * inner)..inner).step_by(SOME) {
            let n = SOME.min(inner - start);
            let at = |(ptr, step): (*mut T, isize), j: usize| ptr.wrapping_offset((start + j) as isize * step);
            // SAFETY: the addresses are those of elements of each view.
            unsafe {
                for j in 0..n {
                    (pb[j], gb[j]) = (*at(pl, j), *at(gl, j));
                    (0..S).for_each(|k| sb[k][j] = *at(sl[k], j));
                }
                // What is beyond `n` is updated too, and dropped.
                run(n.next_multiple_of(block), pb.as_mut_ptr(), gb.as_ptr(), from_fn(|k| sb[k].as_mut_ptr()));
                for j in 0..n {
                    *at(pl, j) = pb[j];
                    (0..S).for_each(|k| *at(sl[k], j) = sb[k][j]);
                }
            }
        }
    }
}

/// Updates `n` elements, a multiple of B: the values of so many are held in locals at a time, so that the compiler need not know
/// that the tensors do not overlap, and the inner loop, of constant length, becomes SIMD. There is no loop for single elements,
/// which would be as large again for every rule.
///
/// # Safety
/// Each pointer must be valid for `n` elements.
#[inline(never)]
unsafe fn dense<T: Float, R: Rule<T, S>, const S: usize, const B: usize>(
    rule: R,
    n: usize,
    p: *mut T,
    g: *const T,
    s: [*mut T; S],
) {
    for i in (0..n).step_by(B) {
        unsafe {
            let pb = p.add(i).cast::<[T; B]>();
            let (mut pv, gv) = (*pb, *g.add(i).cast::<[T; B]>());
            let sb = s.map(|e| e.add(i).cast::<[T; B]>());
            let mut sv = sb.map(|e| *e);
            for j in 0..B {
                let (new, state) = rule.apply(pv[j], gv[j], from_fn(|k| sv[k][j]));
                pv[j] = new;
                (0..S).for_each(|k| sv[k][j] = state[k]);
            }
            *pb = pv;
            (0..S).for_each(|k| *sb[k] = sv[k]);
        }
    }
}

/// Declares the kernel of a rule that is generic over the element type.
macro_rules! kernel {
    ($(#[$doc:meta])* $name:ident = $key:literal, $states:literal, $rule:ident $(<$($flag:literal),*>)?) => {
        $(#[$doc])*
        pub const $name: $crate::Kernel = {
            // A function, not a closure, which would be compiled in the crate that launches it, for size.
            #[inline(never)]
            fn run(l: &$crate::Launch) {
                $crate::optim::update::<$rule<f32 $($(, $flag)*)?>, $rule<f64 $($(, $flag)*)?>, $states>(l)
            }
            $crate::Kernel::new($key, run).with_split($crate::threads::lists::<1500>)
        };
    };
}
pub(crate) use kernel;

#[cfg(test)]
mod tests;
