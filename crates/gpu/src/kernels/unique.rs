//! Orders of slices, and runs of equal ones.

use cresset_lane::DType;

use super::each::{Each, each};
use super::masked::{Ranks, rank};
use super::sort;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::wgsl::Scalar;

/// A row-major vector of integers.
fn vector<'a>(buffer: &'a crate::pool::Buffer, dtype: DType, shape: &'a [usize]) -> View<'a> {
    View { buffer, dtype, shape, strides: &[1], offset: 0 }
}

/// Slices and how many elements each has; they are contiguous.
fn slices(x: &View) -> [usize; 2] {
    [x.shape[0], x.shape[1..].iter().product()]
}

/// The lexicographic order of slices. ins: [x]; outs: [order]. Slices are sorted by one column after the other, the last one first; no
/// sort changes the order of what is equal to it.
pub(crate) fn lexicographic(l: &Launch) -> Result<()> {
    let (x, order) = (&l.ins[0], &l.outs[0]);
    let [n, m] = slices(x);
    let shape = [n];
    let t = Scalar::of(x.dtype).name();
    let body = || "fn body(i: u32) {\n  put0(p.start + i, i32(i));\n}\n\n".to_string();
    let start = order.offset as u32;
    let outs = [*order];
    let e = Each::new("lexicographic start", &outs, &[], n, &body);
    each(l, &Each { fields: "  start: u32,\n", params: &[start], ..e })?;
    for column in (0..m).rev() {
        let (keys, before) = (l.gpu.buffer(n)?, l.gpu.buffer(n)?);
        let outs = [vector(&keys, x.dtype, &shape), vector(&before, DType::I32, &shape)];
        let ins = [*x, *order];
        let body = || {
            format!(
                "fn body(i: u32) {{\n  let k = in1(p.start + i);\n  put0(i, {t}(in0(p.x + u32(k) * p.m)));\n  put1(i, k);\n}}\n\n"
            )
        };
        let e = Each::new("lexicographic keys", &outs, &ins, n, &body);
        let params = [start, (x.offset + column) as u32, m as u32];
        each(l, &Each { fields: "  start: u32,\n  x: u32,\n  m: u32,\n", params: &params, ..e })?;
        let pairs = sort::pairs(l, outs[0])?;
        let body = || "fn body(i: u32) {\n  put0(p.start + i, in1(u32(in0(2u * i + 1u))));\n}\n\n".to_string();
        let ins = [vector(&pairs, DType::I32, &shape), outs[1]];
        let outs = [*order];
        let e = Each::new(l.name, &outs, &ins, n, &body);
        each(l, &Each { fields: "  start: u32,\n", params: &[start], ..e })?;
    }
    Ok(())
}

/// The runs of equal slices. ins: [x, order]; outs: [count, first, inverse, counts].
pub(crate) fn unique(l: &Launch) -> Result<()> {
    let (x, order) = (&l.ins[0], &l.ins[1]);
    let [n, m] = slices(x);
    let [count, first, inverse, counts] = l.outs else { unreachable!("four outputs") };
    if n == 0 {
        return super::index::zero(l, &[*count]);
    }
    let shape = [n];
    let begins = l.gpu.buffer(n)?;
    let begins = vector(&begins, DType::Bool, &shape);
    // NaN differs from everything, and both zeros are one.
    let differs = match Scalar::of(x.dtype) {
        Scalar::Float => "m_is_nan(a) || m_is_nan(b) || order_of_float(a) != order_of_float(b)",
        _ => "a != b",
    };
    let body = || {
        format!(
            "fn body(i: u32) {{\n  var new_ = i == 0u;\n  if (i > 0u) {{\n    let k = p.x + u32(in1(p.order + i)) * p.m;\n    let q = p.x + u32(in1(p.order + i - 1u)) * p.m;\n    \
             for (var j = 0u; j < p.m; j++) {{\n      let a = in0(k + j);\n      let b = in0(q + j);\n      if ({differs}) {{\n        new_ = true;\n        break;\n      }}\n    }}\n  }}\n  \
             put0(i, select(0u, 1u, new_));\n}}\n\n"
        )
    };
    let outs = [begins];
    let e = Each::new("unique begins", &outs, l.ins, n, &body);
    let params = [x.offset as u32, order.offset as u32, m as u32];
    each(l, &Each { fields: "  x: u32,\n  order: u32,\n  m: u32,\n", params: &params, ..e })?;

    // Where each run begins, for its length is known when they all are.
    let ranks = Ranks::new(l, &begins)?;
    let [within, runs] = ranks.views();
    let starts = l.gpu.buffer(n)?;
    let starts = vector(&starts, DType::I32, &shape);
    let body = || {
        rank(2, 3)
            + "fn body(i: u32) {\n  let run = rank(i) - 1u;\n  let k = in0(p.order + i);\n  if (in1(i) != 0u) {\n    put0(run, i32(i));\n    \
               put2(p.first + run, k);\n  }\n  put3(p.inverse + u32(k), i32(run));\n  if (i + 1u == p.count) {\n    put1(p.total, i32(run + 1u));\n  }\n}\n\n"
    };
    let outs = [starts, *count, *first, *inverse];
    let ins = [*order, begins, within, runs];
    let e = Each::new(l.name, &outs, &ins, n, &body);
    let params = [order.offset, first.offset, inverse.offset, count.offset].map(|v| v as u32);
    let fields = "  order: u32,\n  first: u32,\n  inverse: u32,\n  total: u32,\n";
    each(l, &Each { fields, params: &params, ..e })?;
    let body = || {
        "fn body(i: u32) {\n  let runs = u32(in1(p.total));\n  if (i < runs) {\n    \
         let end = select(i32(p.count), in0(min(i + 1u, p.count - 1u)), i + 1u < runs);\n    put0(p.start + i, end - in0(i));\n  }\n}\n\n"
            .to_string()
    };
    let (outs, ins) = ([*counts], [starts, *count]);
    let e = Each::new("unique counts", &outs, &ins, n, &body);
    let params = [counts.offset as u32, count.offset as u32];
    each(l, &Each { fields: "  start: u32,\n  total: u32,\n", params: &params, ..e })
}
