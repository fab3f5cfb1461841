//! What is reduced: the folds, and how operands meet them.

use super::{Fold, Reduction, reduce};
use crate::error::Result;
use crate::kernels::join::Merge;
use crate::kernels::places::Places;
use crate::launch::{Launch, View};
use crate::wgsl::Scalar;

/// A reduction of `ins[0]` into the outputs, over the dimensions in which an output has size one and the input has not.
fn plain(l: &Launch, variant: u64, fold: Fold, numbers: [u32; 4], outs: &[View], extra: &[View]) -> Result<()> {
    let x = &l.ins[0];
    let out = outs[0];
    let reduced = |d: usize| out.shape[d] == 1 && x.shape[d] != 1;
    let operands: Vec<&View> = std::iter::once(x).chain(outs).chain(extra).collect();
    let kept = Places::of(&operands, |d| !reduced(d)).at(&operands);
    let along = Places::of(&[x], reduced);
    reduce(l, &Reduction { name: l.name, variant, fold, ins: &l.ins[..1], outs, extra, kept, along, lead: 0, numbers })
}

const SUM: Fold = Fold {
    acc: "f32",
    start: "0.0",
    step: "return a + x",
    merge: Merge::Sum,
    stores: &["a / bitcast<f32>(p.numbers.x)"],
};
const SUM_OF_INTEGERS: Fold = Fold { acc: "i32", start: "0i", stores: &["a"], ..SUM };
const PROD: Fold = Fold { start: "1.0", step: "return a * x", merge: Merge::Product, stores: &["a"], ..SUM };
const COUNT: Fold =
    Fold { acc: "i32", start: "0i", step: "return a + select(1i, 0i, x == ZERO)", merge: Merge::Sum, stores: &["a"] };

fn is_float(l: &Launch) -> bool {
    Scalar::of(l.ins[0].dtype) == Scalar::Float
}

/// The sum over a divisor.
pub(crate) fn sum(l: &Launch) -> Result<()> {
    let fold = if is_float(l) { SUM } else { SUM_OF_INTEGERS };
    let divisor = l.attrs.first().map_or(1.0, |a| a.f()) as f32;
    plain(l, 0, fold, [divisor.to_bits(), 0, 0, 0], &l.outs[..1], &[])
}

/// The sum of what is not NaN.
pub(crate) fn nansum(l: &Launch) -> Result<()> {
    let fold = Fold { step: "return a + select(x, 0.0, m_is_nan(x))", stores: &["a"], ..SUM };
    plain(l, 0, fold, [0; 4], &l.outs[..1], &[])
}

pub(crate) fn prod(l: &Launch) -> Result<()> {
    let fold = if is_float(l) { PROD } else { Fold { acc: "i32", start: "1i", ..PROD } };
    plain(l, 0, fold, [0; 4], &l.outs[..1], &[])
}

/// A fold of the count of what is not zero; NaN counts.
fn counting(l: &Launch, stores: &'static [&'static str]) -> Fold {
    let step = match Scalar::of(l.ins[0].dtype) {
        Scalar::Float => "return a + select(1i, 0i, (bitcast<u32>(x) & 0x7fffffffu) == 0u)",
        Scalar::Int => "return a + select(1i, 0i, x == 0i)",
        _ => "return a + select(1i, 0i, x == 0u)",
    };
    Fold { step, stores, ..COUNT }
}

pub(crate) fn count_nonzero(l: &Launch) -> Result<()> {
    plain(l, 0, counting(l, &["a"]), [0; 4], &l.outs[..1], &[])
}

pub(crate) fn any(l: &Launch) -> Result<()> {
    plain(l, 0, counting(l, &["select(0u, 1u, a != 0i)"]), [0; 4], &l.outs[..1], &[])
}

pub(crate) fn all(l: &Launch) -> Result<()> {
    plain(l, 0, counting(l, &["select(0u, 1u, a == i32(p.along.n))"]), [0; 4], &l.outs[..1], &[])
}

/// The greatest or the least element; NaN if one is.
fn extreme(l: &Launch, greatest: bool) -> Result<()> {
    let fold = match (is_float(l), greatest) {
        (true, true) => {
            Fold { start: "-m_inf()", step: "return m_maximum(a, x)", merge: Merge::Max, stores: &["a"], ..SUM }
        }
        (true, false) => {
            Fold { start: "m_inf()", step: "return m_minimum(a, x)", merge: Merge::Min, stores: &["a"], ..SUM }
        }
        (false, true) => {
            Fold { start: "(-2147483647i - 1i)", step: "return max(a, x)", merge: Merge::Max, ..SUM_OF_INTEGERS }
        }
        (false, false) => Fold { start: "2147483647i", step: "return min(a, x)", merge: Merge::Min, ..SUM_OF_INTEGERS },
    };
    plain(l, greatest as u64, fold, [0; 4], &l.outs[..1], &[])
}

pub(crate) fn amax(l: &Launch) -> Result<()> {
    extreme(l, true)
}
pub(crate) fn amin(l: &Launch) -> Result<()> {
    extreme(l, false)
}

/// The position of the greatest or least element along a dimension, of the first one or the first NaN. What is carried along is the
/// value's bits in an order of integers, so that NaN is the greatest and both zeros are equal, and the position.
fn position(l: &Launch, greatest: bool) -> Result<()> {
    let step = match (is_float(l), greatest) {
        (true, true) => "return merge(a, vec2<u32>(order_of_float(x), i))",
        (true, false) => "return merge(a, vec2<u32>(order_of_float(select(-x, x, m_is_nan(x))), i))",
        (false, true) => "return merge(a, vec2<u32>(bitcast<u32>(x) ^ 0x80000000u, i))",
        (false, false) => "return merge(a, vec2<u32>(~(bitcast<u32>(x) ^ 0x80000000u), i))",
    };
    let value = match (is_float(l), greatest) {
        (true, true) => "float_of_order(a.x)",
        (true, false) => "-float_of_order(a.x)",
        (false, true) => "bitcast<i32>(a.x ^ 0x80000000u)",
        (false, false) => "bitcast<i32>(~a.x ^ 0x80000000u)",
    };
    let (outs, stores): (Vec<View>, &[&str]) = match l.outs {
        [index] => (vec![*index], &["bitcast<i32>(a.y)"]),
        [values, index] => (
            vec![*index, *values],
            match value {
                "float_of_order(a.x)" => &["bitcast<i32>(a.y)", "float_of_order(a.x)"],
                "-float_of_order(a.x)" => &["bitcast<i32>(a.y)", "-float_of_order(a.x)"],
                "bitcast<i32>(a.x ^ 0x80000000u)" => &["bitcast<i32>(a.y)", "bitcast<i32>(a.x ^ 0x80000000u)"],
                _ => &["bitcast<i32>(a.y)", "bitcast<i32>(~a.x ^ 0x80000000u)"],
            },
        ),
        _ => unreachable!("one output or two"),
    };
    let fold = Fold {
        acc: "vec2<u32>",
        // Nothing comes after it, and everything before: positions are below.
        start: "vec2<u32>(0u, 0xffffffffu)",
        step,
        merge: Merge::By("select(b, a, a.x > b.x || (a.x == b.x && a.y < b.y))"),
        stores,
    };
    let dim = l.attrs[0].n();
    let x = &l.ins[0];
    let operands: Vec<&View> = std::iter::once(x).chain(&outs).collect();
    let kept = Places::of(&operands, |d| d != dim).at(&operands);
    let along = Places::of(&[x], |d| d == dim);
    let variant = greatest as u64 | (outs.len() as u64) << 1;
    reduce(
        l,
        &Reduction {
            name: l.name,
            variant,
            fold,
            ins: &l.ins[..1],
            outs: &outs,
            extra: &[],
            kept,
            along,
            lead: 0,
            numbers: [0; 4],
        },
    )
}

pub(crate) fn argmax(l: &Launch) -> Result<()> {
    position(l, true)
}
pub(crate) fn argmin(l: &Launch) -> Result<()> {
    position(l, false)
}

/// `sum(|x|^p)^(1/p)`.
pub(crate) fn norm(l: &Launch) -> Result<()> {
    let power = l.attrs[0].f();
    let numbers = [(power as f32).to_bits(), ((1.0 / power) as f32).to_bits(), 0, 0];
    let (variant, step, store): (u64, _, &[&str]) = match power {
        2.0 => (2, "return a + x * x", &["sqrt(a)"]),
        1.0 => (1, "return a + abs(x)", &["a"]),
        _ => (0, "return a + m_pow(abs(x), bitcast<f32>(p.numbers.x))", &["m_pow(a, bitcast<f32>(p.numbers.y))"]),
    };
    plain(l, variant, Fold { step, stores: store, ..SUM }, numbers, &l.outs[..1], &[])
}

/// Variance, or its root, and mean: the mean first, then the squared distances from it.
pub(crate) fn var_mean(l: &Launch) -> Result<()> {
    let (count, correction, root) = (l.attrs[0].f(), l.attrs[1].f(), l.attrs[2].b());
    plain(l, 0, SUM, [(count as f32).to_bits(), 0, 0, 0], &l.outs[1..], &[])?;
    let stores: &[&str] = match root {
        true => &["sqrt(a / bitcast<f32>(p.numbers.x))"],
        false => &["a / bitcast<f32>(p.numbers.x)"],
    };
    let fold = Fold { step: "let d = x - extra0(at);\n  return a + d * d", stores, ..SUM };
    let divisor = ((count - correction).max(0.0) as f32).to_bits();
    plain(l, 1 + root as u64, fold, [divisor, 0, 0, 0], &l.outs[..1], &l.outs[1..])
}
