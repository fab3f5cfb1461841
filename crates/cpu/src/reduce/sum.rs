//! Sums, products and counts.

use super::cascade::sum_into;
use super::fold::{Fold, fold_into};
use crate::by_dtype::{float_dtype, number_dtype};
use crate::launch::{Kernel, Launch, View};
use crate::number::{Float, Number};
use cresset_lane::{DType, Element};
use std::marker::PhantomData;

/// `out = sum(in) / divisor` of float32, float64 or int64.
///
/// `ins: [x]`, `outs: [y]` (rank of `x`, size one where it is reduced), `attrs: [divisor: f64]`; the divisor applies to
/// floats only (1 for a sum, the count for a mean). 32 neighbouring results and what is left of them have orders of their own
/// (`cascade`).
pub const SUM: Kernel = Kernel::new("sum", sum).with_split(crate::threads::kept::<300, 32>);

/// `out = sum(in)` over the elements that are not NaN (floats only). `ins: [x]`, `outs: [y]`.
pub const NANSUM: Kernel = Kernel::new("nansum", nansum).with_split(crate::threads::kept::<500, 8>);

/// `out = product(in)` of float32, float64 or int64. `ins: [x]`, `outs: [y]`.
pub const PROD: Kernel = Kernel::new("prod", prod).with_split(crate::threads::kept::<500, 8>);

/// How many elements are not zero, int64 (NaN counts). `ins: [x]`, `outs: [count]`.
pub const COUNT_NONZERO: Kernel =
    Kernel::new("count_nonzero", count_nonzero).with_split(crate::threads::kept::<500, 8>);

/// Whether any element is not zero, as a byte 0 or 1 (bool or uint8 output). `ins: [x]`, `outs: [y]`.
pub const ANY: Kernel = Kernel::new("any", any).with_split(crate::threads::kept::<500, 8>);

/// Whether every element is not zero, as a byte 0 or 1 (bool or uint8 output). `ins: [x]`, `outs: [y]`.
pub const ALL: Kernel = Kernel::new("all", all).with_split(crate::threads::kept::<500, 8>);

/// A fold of `T` into `A` by two plain functions.
#[derive(Clone, Copy)]
pub(super) struct Plain<T, A, S, M> {
    pub start: A,
    pub step: S,
    pub merge: M,
    pub read: PhantomData<T>,
}

impl<T: Element, A: Copy, S: Fn(A, T) -> A + Copy, M: Fn(A, A) -> A + Copy> Fold for Plain<T, A, S, M> {
    type In = T;
    type Acc = A;
    #[inline(always)]
    fn start(self, _: isize) -> A {
        self.start
    }
    #[inline(always)]
    fn step(self, acc: A, x: T) -> A {
        (self.step)(acc, x)
    }
    #[inline(always)]
    fn merge(self, a: A, b: A) -> A {
        (self.merge)(a, b)
    }
}

/// Folds `l.ins[0]` into `l.outs[0]`, where `end` turns the accumulator into an element.
pub(super) fn plain<T: Element, A: Copy, O: Element>(
    l: &Launch,
    start: A,
    step: impl Fn(A, T) -> A + Copy,
    merge: impl Fn(A, A) -> A + Copy,
    end: impl Fn(A) -> O,
) {
    let out: &View = &l.outs[0];
    let p = out.ptr.cast::<O>();
    fold_into(Plain { start, step, merge, read: PhantomData }, &l.ins[0], out, out, |acc, o, _| unsafe {
        *p.offset(o) = end(acc)
    });
}

fn sum(l: &Launch) {
    match l.ins[0].dtype {
        DType::I64 => plain(l, 0i64, |a: i64, x: i64| a.wrapping_add(x), i64::wrapping_add, |a| a),
        dtype => float_dtype!(dtype, T => sum_into::<T>(&l.ins[0], &l.outs[0], T::of(l.attrs[0].f()))),
    }
}

fn nansum(l: &Launch) {
    float_dtype!(l.ins[0].dtype, T => {
        plain(l, 0.0, |a: T, x: T| a + if x.is_nan() { 0.0 } else { x }, |a, b| a + b, |a| a)
    })
}

fn prod(l: &Launch) {
    match l.ins[0].dtype {
        DType::I64 => plain(l, 1i64, |a: i64, x: i64| a.wrapping_mul(x), i64::wrapping_mul, |a| a),
        dtype => float_dtype!(dtype, T => plain(l, 1.0, |a: T, x: T| a * x, |a, b| a * b, |a| a)),
    }
}

/// Counts what is not zero; `write` makes the count at an offset of the output what the kernel promises.
fn nonzero(l: &Launch, write: &dyn Fn(i64, isize)) {
    let out = &l.outs[0];
    number_dtype!(l.ins[0].dtype, T => {
        let step = |a: i64, x: T| a + (x != T::ZERO) as i64;
        let count = Plain { start: 0, step, merge: |a, b| a + b, read: PhantomData };
        fold_into(count, &l.ins[0], out, out, |n, o, _| write(n, o));
    })
}

fn count_nonzero(l: &Launch) {
    let p = l.outs[0].ptr.cast::<i64>();
    nonzero(l, &|n, o| unsafe { *p.offset(o) = n });
}

fn any(l: &Launch) {
    let p = l.outs[0].ptr;
    nonzero(l, &|n, o| unsafe { *p.offset(o) = (n != 0) as u8 });
}

fn all(l: &Launch) {
    let p = l.outs[0].ptr;
    let each = (l.ins[0].numel() / l.outs[0].numel().max(1)) as i64;
    nonzero(l, &|n, o| unsafe { *p.offset(o) = (n == each) as u8 });
}
