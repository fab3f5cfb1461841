//! Elements read from, or written to, places that index tensors name; rearrangements that no view expresses; gradients of tables.
//!
//! Where several positions are written to one place, `Assign` keeps any of them, and a float32 sum has no fixed order, as on other GPUs.

use cresset_lane::{Attr, DType};

use super::copy::{fill, move_elements};
use super::each::{Each, each};
use super::places::Places;
use super::reduce;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::wgsl::Scalar;

/// Index tensors of a launch: with two other operands they are as many as can be bound.
const INDICES: usize = 6;

/// A launch with other operands.
fn like<'a>(
    l: &Launch<'a>,
    name: &'static str,
    ins: &'a [View<'a>],
    outs: &'a [View<'a>],
    attrs: &'a [Attr],
) -> Launch<'a> {
    Launch { gpu: l.gpu, name, ins, outs, attrs }
}

/// Zero everywhere.
pub(crate) fn zero(l: &Launch, outs: &[View]) -> Result<()> {
    fill(&like(l, "fill", &[], outs, &[Attr::from(0.0), Attr::from(0i64)]))
}

/// The operands' places: the indexed and the other one with two indices in one set, four more indices in a second.
struct Indexed {
    first: Places,
    second: Places,
    steps: Vec<u32>,
    count: usize,
}

impl Indexed {
    fn new(l: &Launch, indexed: &View, other: &View, indices: &[View], steps: &[Attr]) -> Result<Indexed> {
        if indices.len() > INDICES {
            return l.refuse("indexing by more than 6 tensors at once");
        }
        let (a, b) = indices.split_at(indices.len().min(2));
        let first: Vec<&View> = [indexed, other].into_iter().chain(a).collect();
        let second: Vec<&View> = if b.is_empty() { vec![indexed] } else { b.iter().collect() };
        let mut numbers: Vec<u32> = steps.iter().map(|a| a.i() as i32 as u32).collect();
        numbers.resize(16, 0);
        Ok(Indexed {
            first: Places::of(&first, |_| true).at(&first),
            second: Places::of(&second, |_| true).at(&second),
            steps: numbers,
            count: indices.len(),
        })
    }

    const FIELDS: &'static str = "  steps: array<vec4<u32>, 4>,\n";

    /// `moved(i)`: how far the indices at position i lead.
    fn text(&self) -> String {
        let mut text = "fn moved(i: u32) -> u32 {\n  let at = place_first(i);\n  let more = place_second(i);\n  var v = 0u;\n  var k = 0i;\n".to_string();
        for k in 0..self.count {
            let at = if k < 2 { format!("at[{}]", k + 2) } else { format!("more[{}]", k - 2) };
            let step = |n: usize| format!("p.steps[{}][{}]", n / 4, n % 4);
            text += &format!(
                "  k = in{}({at});\n  v += bitcast<u32>(select(k, k + bitcast<i32>({}), k < 0i)) * {};\n",
                k + 1,
                step(2 * k),
                step(2 * k + 1)
            );
        }
        text + "  return v;\n}\n\n"
    }
}

pub(crate) fn get(l: &Launch) -> Result<()> {
    let (x, y) = (&l.ins[0], &l.outs[0]);
    let at = Indexed::new(l, x, y, &l.ins[1..], l.attrs)?;
    let body =
        || at.text() + "fn body(i: u32) {\n  let at = place_first(i);\n  put0(at.y, in0(at.x + moved(i)));\n}\n\n";
    let sets = [("first", &at.first), ("second", &at.second)];
    let e = Each::new(l.name, l.outs, l.ins, y.numel(), &body);
    each(l, &Each { sets: &sets, fields: Indexed::FIELDS, params: &at.steps, ..e })
}

/// What joins the old value `a` and `b`, by `PutMode` of the CPU's kernel.
fn joining(mode: i64, t: Scalar) -> &'static str {
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

pub(crate) fn put(l: &Launch) -> Result<()> {
    let (v, y, mode) = (&l.ins[0], &l.outs[0], l.attrs[0].i());
    let at = Indexed::new(l, y, v, &l.ins[1..], &l.attrs[1..])?;
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
        at.text()
            + &join
            + &format!("fn body(i: u32) {{\n  let at = place_first(i);\n  {write}(at.x + moved(i), in0(at.y));\n}}\n\n")
    };
    let sets = [("first", &at.first), ("second", &at.second)];
    let e = Each::new(l.name, l.outs, l.ins, v.numel(), &body);
    each(
        l,
        &Each { variant: mode as u64, sets: &sets, fields: Indexed::FIELDS, params: &at.steps, atomic: mode != 0, ..e },
    )
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

/// Adds each row of the gradient to the row of the table that was looked up.
pub(crate) fn embedding_backward(l: &Launch) -> Result<()> {
    let (g, index, table) = (&l.ins[0], &l.ins[1], &l.outs[0]);
    let (padding, scale) = (l.attrs[0].i() as i32 as u32, l.attrs[1].b());
    zero(l, l.outs)?;
    let counts = if scale { Some(l.gpu.buffer(table.shape[0])?) } else { None };
    let rows = [table.shape[0]];
    let count =
        counts.as_ref().map(|buffer| View { buffer, dtype: DType::I32, shape: &rows, strides: &[1], offset: 0 });
    if let Some(count) = count {
        zero(l, &[count])?;
        let places = Places::of(&[index], |_| true).at(&[index]);
        let body = || {
            "fn join(a: i32, b: i32) -> i32 {\n  return a + b;\n}\n\nfn body(i: u32) {\n  combine0(u32(in0(place_all(i).x)), 1i);\n}\n\n".to_string()
        };
        let outs = [count];
        let ins = [*index];
        let e = Each::new("embedding_backward counts", &outs, &ins, index.numel(), &body);
        each(l, &Each { sets: &[("all", &places)], atomic: true, ..e })?;
    }
    let strides = |v: &View, d: usize| v.strides[d] as i32 as u32;
    let params = [
        g.shape[1] as u32,
        padding,
        g.offset as u32,
        strides(g, 0),
        strides(g, 1),
        index.offset as u32,
        strides(index, 0),
        table.offset as u32,
        strides(table, 0),
        strides(table, 1),
    ];
    let fields = "  columns: u32,\n  padding: u32,\n  g: u32,\n  g_row: u32,\n  g_column: u32,\n  index: u32,\n  index_step: u32,\n  table: u32,\n  table_row: u32,\n  table_column: u32,\n";
    let body = || {
        let factor = if scale { " / f32(in2(row))" } else { "" };
        format!(
            "fn join(a: f32, b: f32) -> f32 {{\n  return a + b;\n}}\n\n\
             fn body(i: u32) {{\n  let c = i % p.columns;\n  let k = i / p.columns;\n  let row = bitcast<u32>(in1(p.index + k * p.index_step));\n  \
             if (row == p.padding) {{\n    return;\n  }}\n  \
             combine0(p.table + row * p.table_row + c * p.table_column, in0(p.g + k * p.g_row + c * p.g_column){factor});\n}}\n\n"
        )
    };
    let mut ins = vec![*g, *index];
    ins.extend(count);
    let e = Each::new(l.name, l.outs, &ins, g.numel(), &body);
    each(l, &Each { variant: scale as u64, fields, params: &params, atomic: true, ..e })
}
