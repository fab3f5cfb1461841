//! Elements read from, or written to, places that index tensors name; rearrangements that no view expresses; gradients of tables.
//!
//! Where several positions are written to one place, `Assign` keeps any of them. What lies outside is left out and noted (status.rs).

use cresset_lane::Attr;

use super::accumulate::Accumulation;
use super::copy::{fill, move_elements};
use super::each::{Each, each};
use super::places::Places;
use super::reduce;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::wgsl::Scalar;

/// Index tensors of a launch: with two other operands and what is noted they are as many as can be bound.
const INDICES: usize = 5;

/// A launch with other operands.
pub(crate) fn like<'a>(
    l: &Launch<'a>,
    name: &'static str,
    ins: &'a [View<'a>],
    outs: &'a [View<'a>],
    attrs: &'a [Attr],
) -> Launch<'a> {
    Launch { gpu: l.gpu, name, ins, outs, attrs, demand: l.demand }
}

/// Zero everywhere.
pub(crate) fn zero(l: &Launch, outs: &[View]) -> Result<()> {
    fill(&like(l, "fill", &[], outs, &[Attr::from(0.0), Attr::from(0i64)]))
}

/// The operands' places, over some dimensions: the indexed and the other one with two indices in one set, more indices in a second.
pub(crate) struct Indexed {
    pub first: Places,
    pub second: Places,
    steps: Vec<u32>,
    count: usize,
}

/// The word of `steps` that says whether an index below zero lies outside, rather than counting from the end.
const FROM_START: usize = 15;

impl Indexed {
    /// `steps` has size and stride for each index, and perhaps whether indices must not be below zero.
    pub fn new(
        l: &Launch,
        indexed: &View,
        other: &View,
        indices: &[View],
        steps: &[Attr],
        which: impl Fn(usize) -> bool,
    ) -> Result<Indexed> {
        if indices.len() > INDICES {
            return l.refuse("indexing by more than 5 tensors at once");
        }
        let (a, b) = indices.split_at(indices.len().min(2));
        let first: Vec<&View> = [indexed, other].into_iter().chain(a).collect();
        let second: Vec<&View> = if b.is_empty() { vec![indexed] } else { b.iter().collect() };
        let (pairs, flag) = steps.split_at(2 * indices.len());
        let mut numbers: Vec<u32> = pairs.iter().map(|a| a.i() as i32 as u32).collect();
        numbers.resize(16, 0);
        numbers[FROM_START] = flag.first().is_some_and(|a| a.b()) as u32;
        Ok(Indexed {
            first: Places::of(&first, &which).at(&first),
            second: Places::of(&second, &which).at(&second),
            steps: numbers,
            count: indices.len(),
        })
    }

    pub const FIELDS: &'static str = "  steps: array<vec4<u32>, 4>,\n";

    pub fn params(&self) -> &[u32] {
        &self.steps
    }

    /// `moved(i)`: how far the indices at position i lead, operands from number `from` on; `outside` is set where one of them lies
    /// outside.
    pub fn text(&self, from: usize) -> String {
        let step = |n: usize| format!("p.steps[{}][{}]", n / 4, n % 4);
        let mut text = format!(
            "var<private> outside: bool;\n\nfn step_of(index: i32, size: u32, stride: u32) -> u32 {{\n  \
             let k = bitcast<u32>(index) + select(0u, size, index < 0i && {} == 0u);\n  \
             if (k >= size) {{\n    outside = true;\n    bad_index(index, size);\n    return 0u;\n  }}\n  return k * stride;\n}}\n\n\
             fn moved(i: u32) -> u32 {{\n  outside = false;\n  let at = place_first(i);\n  let more = place_second(i);\n  var v = 0u;\n",
            step(FROM_START)
        );
        for k in 0..self.count {
            let at = if k < 2 { format!("at[{}]", k + 2) } else { format!("more[{}]", k - 2) };
            text += &format!("  v += step_of(in{}({at}), {}, {});\n", k + from, step(2 * k), step(2 * k + 1));
        }
        text + "  return v;\n}\n\n"
    }
}

/// ins: [x, index...]; outs: [y]; attrs: size and stride for each index, and perhaps whether none may be below zero.
pub(crate) fn get(l: &Launch) -> Result<()> {
    let (x, y) = (&l.ins[0], &l.outs[0]);
    let at = Indexed::new(l, x, y, &l.ins[1..], l.attrs, |_| true)?;
    let t = Scalar::of(x.dtype).name();
    let body = || {
        at.text(1)
            + &format!(
                "fn body(i: u32) {{\n  let at = place_first(i);\n  let far = moved(i);\n  if (outside) {{\n    put0(at.y, {t}());\n  }} else {{\n    \
                 put0(at.y, in0(at.x + far));\n  }}\n}}\n\n"
            )
    };
    let sets = [("first", &at.first), ("second", &at.second)];
    let e = Each::new(l.name, l.outs, l.ins, y.numel(), &body);
    each(l, &Each { sets: &sets, fields: Indexed::FIELDS, params: at.params(), checked: true, ..e })
}

/// What joins the old value `a` and `b`, by `PutMode` of the CPU's kernel.
pub(crate) fn joining(mode: i64, t: Scalar) -> &'static str {
    match (mode, t) {
        (1, Scalar::Truth) => "a | b",
        (2, Scalar::Truth) => "a & b",
        (1, Scalar::Byte) => "(a + b) & 255u",
        (2, Scalar::Byte) => "(a * b) & 255u",
        (1, _) => "a + b",
        (2, _) => "a * b",
        (3, Scalar::Float) => "m_maximum(a, b)",
        (4, Scalar::Float) => "m_minimum(a, b)",
        (3, _) => "max(a, b)",
        _ => "min(a, b)",
    }
}

/// ins: [v, index...]; outs: [y]; attrs: mode, then as for `get`.
pub(crate) fn put(l: &Launch) -> Result<()> {
    let (v, y, mode) = (&l.ins[0], &l.outs[0], l.attrs[0].i());
    if let Some(sum) = Accumulation::of_put(l) {
        return sum.run(l);
    }
    let at = Indexed::new(l, y, v, &l.ins[1..], &l.attrs[1..], |_| true)?;
    let t = Scalar::of(y.dtype);
    let body = || {
        let name = t.name();
        let (join, write) = match mode {
            0 => (String::new(), "put0"),
            _ => (
                format!("fn join(a: {name}, b: {name}) -> {name} {{\n  return {};\n}}\n\n", joining(mode, t)),
                "combine0",
            ),
        };
        at.text(1)
            + &join
            + &format!(
                "fn body(i: u32) {{\n  let at = place_first(i);\n  let far = moved(i);\n  if (!outside) {{\n    {write}(at.x + far, in0(at.y));\n  }}\n}}\n\n"
            )
    };
    let sets = [("first", &at.first), ("second", &at.second)];
    let e = Each::new(l.name, l.outs, l.ins, v.numel(), &body);
    let (fields, params) = (Indexed::FIELDS, at.params());
    each(l, &Each { variant: mode as u64, sets: &sets, fields, params, atomic: mode != 0, checked: true, ..e })
}

/// The least and the greatest index.
pub(crate) fn range(l: &Launch) -> Result<()> {
    let (index, out) = (&l.ins[0], &l.outs[0]);
    if index.numel() == 0 {
        return zero(l, l.outs);
    }
    let shape = vec![1; index.shape.len()];
    let strides = vec![0; index.shape.len()];
    for (k, run) in [reduce::amin, reduce::amax].into_iter().enumerate() {
        let offset = out.offset.wrapping_add_signed(k as isize * out.strides[0]);
        let one = [View { shape: &shape, strides: &strides, offset, ..*out }];
        run(&like(l, ["amin", "amax"][k], l.ins, &one, &[]))?;
    }
    Ok(())
}

/// Reversed dimensions are negative strides.
pub(crate) fn flip(l: &Launch) -> Result<()> {
    let x = &l.ins[0];
    if x.numel() == 0 {
        return Ok(());
    }
    let (mut strides, mut offset) = (x.strides.to_vec(), x.offset as isize);
    for d in 0..strides.len() {
        if l.attrs[d].b() {
            offset += strides[d] * (x.shape[d] as isize - 1);
            strides[d] = -strides[d];
        }
    }
    let turned = [View { strides: &strides, offset: offset as usize, ..*x }];
    move_elements(&like(l, "copy", &turned, l.outs, &[]))
}

/// One side of a diagonal.
pub(crate) fn tri(l: &Launch) -> Result<()> {
    let (x, y) = (&l.ins[0], &l.outs[0]);
    let rank = x.shape.len();
    let places = Places::of(&[x, y], |_| true).at(&[x, y]);
    let (rows, columns) = (x.shape[rank - 2], x.shape[rank - 1]);
    // Beyond the matrix nothing changes, and sums must not overflow.
    let diagonal = l.attrs[0].i().clamp(-(rows as i64) - 1, columns as i64 + 1) as i32 as u32;
    let t = Scalar::of(x.dtype).name();
    let body = || {
        format!(
            "fn body(i: u32) {{\n  let at = place_all(i);\n  let c = i32(i % p.columns);\n  let r = i32((i / p.columns) % p.rows);\n  \
             let d = c - r - bitcast<i32>(p.diagonal);\n  let kept = select(d <= 0, d >= 0, p.upper == 1u);\n  \
             put0(at.y, select({t}(), in0(at.x), kept));\n}}\n\n"
        )
    };
    let e = Each::new(l.name, l.outs, l.ins, y.numel(), &body);
    let params = [rows as u32, columns as u32, diagonal, l.attrs[1].b() as u32];
    let fields = "  rows: u32,\n  columns: u32,\n  diagonal: u32,\n  upper: u32,\n";
    each(l, &Each { sets: &[("all", &places)], fields, params: &params, ..e })
}
