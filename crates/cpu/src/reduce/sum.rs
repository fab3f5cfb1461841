//! Sums, products and counts.

use super::fold::{Fold, fold_into};
use crate::by_dtype::{float_dtype, number_dtype};
use crate::launch::{Kernel, Launch, View};
use crate::number::{Float, Number};
use cresset_lane::Element;
use std::marker::PhantomData;

/// `out = scale * sum(in)`; bools and integers are summed into int64, floats into their own dtype.
///
/// `ins: [x]`, `outs: [y]` (rank of `x`, size one where it is reduced), `attrs: [scale: f64]`; the scale applies to
/// floats only (1 for a sum, 1 / count for a mean).
pub const SUM: Kernel = Kernel { name: "sum", run: sum, scratch: None };

/// As `SUM` over the elements that are not NaN (floats only).
pub const NANSUM: Kernel = Kernel { name: "nansum", run: nansum, scratch: None };

/// `out = product(in)`; integers into int64. `ins: [x]`, `outs: [y]`.
pub const PROD: Kernel = Kernel { name: "prod", run: prod, scratch: None };

/// How many elements are not zero, int64 (NaN counts). `ins: [x]`, `outs: [count]`.
pub const COUNT_NONZERO: Kernel = Kernel { name: "count_nonzero", run: count_nonzero, scratch: None };

/// Whether any element is not zero, as a byte 0 or 1 (bool or uint8 output). `ins: [x]`, `outs: [y]`.
pub const ANY: Kernel = Kernel { name: "any", run: any, scratch: None };

/// Whether every element is not zero, as a byte 0 or 1 (bool or uint8 output). `ins: [x]`, `outs: [y]`.
pub const ALL: Kernel = Kernel { name: "all", run: all, scratch: None };

/// A fold of `T` into `A` by two plain functions.
#[derive(Clone, Copy)]
struct Plain<T, A, S, M> {
    start: A,
    step: S,
    merge: M,
    read: PhantomData<T>,
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
    let scale = l.attrs[0].f();
    if l.ins[0].dtype.is_float() {
        float_dtype!(l.ins[0].dtype, T => {
            let scale = T::of(scale);
            plain(l, 0.0, |a: T, x: T| a + x, |a, b| a + b, |a| a * scale)
        })
    } else {
        number_dtype!(l.ins[0].dtype, T => {
            plain(l, 0i64, |a: i64, x: T| a.wrapping_add(x.to_i64()), i64::wrapping_add, |a| a)
        })
    }
}

fn nansum(l: &Launch) {
    let scale = l.attrs[0].f();
    float_dtype!(l.ins[0].dtype, T => {
        let scale = T::of(scale);
        plain(l, 0.0, |a: T, x: T| a + if x.is_nan() { 0.0 } else { x }, |a, b| a + b, |a| a * scale)
    })
}

fn prod(l: &Launch) {
    if l.ins[0].dtype.is_float() {
        float_dtype!(l.ins[0].dtype, T => plain(l, 1.0, |a: T, x: T| a * x, |a, b| a * b, |a| a))
    } else {
        number_dtype!(l.ins[0].dtype, T => {
            plain(l, 1i64, |a: i64, x: T| a.wrapping_mul(x.to_i64()), i64::wrapping_mul, |a| a)
        })
    }
}

fn count_nonzero(l: &Launch) {
    number_dtype!(l.ins[0].dtype, T => {
        plain(l, 0i64, |a: i64, x: T| a + (x != T::ZERO) as i64, |a, b| a + b, |a| a)
    })
}

fn any(l: &Launch) {
    number_dtype!(l.ins[0].dtype, T => {
        plain(l, 0u8, |a: u8, x: T| a | (x != T::ZERO) as u8, |a, b| a | b, |a| a)
    })
}

fn all(l: &Launch) {
    number_dtype!(l.ins[0].dtype, T => {
        plain(l, 1u8, |a: u8, x: T| a & (x != T::ZERO) as u8, |a, b| a & b, |a| a)
    })
}
