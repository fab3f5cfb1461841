//! Binary search in sorted sequences, counts in bins, and resampling along a dimension by a table.

use super::each::{Each, each};
use super::index::zero;
use super::places::Places;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::wgsl::Scalar;

fn steps(v: &View) -> [u32; 4] {
    [v.offset as u32, v.strides[0] as i32 as u32, v.strides[1] as i32 as u32, 0]
}

/// ins: [sorted, values, sorter?]; outs: [y]; attrs: [right].
pub(crate) fn searchsorted(l: &Launch) -> Result<()> {
    let (sorted, values, out) = (&l.ins[0], &l.ins[1], &l.outs[0]);
    let t = Scalar::of(sorted.dtype);
    let mut params = vec![sorted.shape[1] as u32, values.shape[1] as u32, l.attrs[0].b() as u32, 0];
    for v in [sorted, values, out] {
        params.extend(steps(v));
    }
    params.extend(l.ins.get(2).map_or([0; 4], steps));
    let fields = "  n: u32,\n  columns: u32,\n  right: u32,\n  unused: u32,\n  sorted: vec4<u32>,\n  values: vec4<u32>,\n  result: vec4<u32>,\n  sorter: vec4<u32>,\n";
    let body = || {
        let key = match t {
            Scalar::Float => "order_of_float(v)",
            Scalar::Int => "bitcast<u32>(v) ^ 0x80000000u",
            _ => "v",
        };
        let place = match l.ins.len() > 2 {
            true => "u32(in2(p.sorter.x + row * p.sorter.y + i * p.sorter.z))",
            false => "i",
        };
        let check = match l.ins.len() > 2 {
            true => "if (place >= p.n) {\n    bad_index(bitcast<i32>(place), p.n);\n    return 0u;\n  }\n  ",
            false => "",
        };
        format!(
            "fn key(v: {}) -> u32 {{\n  return {key};\n}}\n\n\
             fn element(row: u32, i: u32) -> u32 {{\n  let place = {place};\n  {check}return key(in0(p.sorted.x + row * p.sorted.y + place * p.sorted.z));\n}}\n\n\
             fn body(i: u32) {{\n  let row = i / p.columns;\n  let c = i % p.columns;\n  let v = key(in1(p.values.x + row * p.values.y + c * p.values.z));\n  \
             var low = 0u;\n  var high = p.n;\n  while (low < high) {{\n    let middle = (low + high) / 2u;\n    let e = element(row, middle);\n    \
             if (e < v || (p.right == 1u && e == v)) {{\n      low = middle + 1u;\n    }} else {{\n      high = middle;\n    }}\n  }}\n  \
             put0(p.result.x + row * p.result.y + c * p.result.z, i32(low));\n}}\n\n",
            t.name()
        )
    };
    let e = Each::new(l.name, l.outs, l.ins, values.numel(), &body);
    each(l, &Each { fields, params: &params, checked: l.ins.len() > 2, ..e })
}

/// ins: [x, weight?]; outs: [counts]; attrs: [low, high].
pub(crate) fn histc(l: &Launch) -> Result<()> {
    zero(l, l.outs)?;
    let (x, out) = (&l.ins[0], &l.outs[0]);
    let operands: Vec<&View> = l.ins.iter().collect();
    let places = Places::of(&operands, |_| true).at(&operands);
    let params = [
        out.offset as u32,
        out.strides[0] as i32 as u32,
        out.shape[0] as u32,
        (l.attrs[0].f() as f32).to_bits(),
        (l.attrs[1].f() as f32).to_bits(),
    ];
    let weight = if l.ins.len() > 1 { "in1(at.y)" } else { "1.0" };
    let body = || {
        format!(
            "fn join(a: f32, b: f32) -> f32 {{\n  return a + b;\n}}\n\n\
             fn body(i: u32) {{\n  let at = place_all(i);\n  let v = in0(at.x);\n  if (m_is_nan(v) || v < p.low || v > p.high) {{\n    return;\n  }}\n  \
             let b = u32((v - p.low) * f32(p.bins) / (p.high - p.low));\n  combine0(p.start + min(b, p.bins - 1u) * p.step, {weight});\n}}\n\n"
        )
    };
    let e = Each::new(l.name, l.outs, l.ins, x.numel(), &body);
    let fields = "  start: u32,\n  step: u32,\n  bins: u32,\n  low: f32,\n  high: f32,\n";
    each(l, &Each { sets: &[("all", &places)], fields, params: &params, atomic: true, ..e })
}

/// A table's taps at each position along `attrs[0]`: `wide` is the operand that they look into, `narrow` has the positions.
fn table(l: &Launch, wide: &View, narrow: &View, body: &'static str, atomic: bool) -> Result<()> {
    let (index, dim) = (&l.ins[1], l.attrs[0].n());
    let taps = index.shape[1];
    let mut strides = vec![wide.strides.to_vec(), narrow.strides.to_vec()];
    strides[0][dim] = 0;
    let places = Places::from_strides(narrow.shape, &strides).at(&[wide, narrow]);
    let inner: usize = narrow.shape[dim + 1..].iter().product();
    let params = [
        inner,
        narrow.shape[dim],
        taps,
        wide.strides[dim] as i32 as u32 as usize,
        index.offset,
        l.ins.get(2).map_or(0, |w| w.offset),
    ]
    .map(|v| v as u32);
    let t = Scalar::of(wide.dtype).name();
    let weight = if l.ins.len() > 2 { "in2(p.weight + o * p.taps + k) * ".to_string() } else { String::new() };
    let body = || {
        format!(
            "fn join(a: {t}, b: {t}) -> {t} {{\n  return a + b;\n}}\n\nfn tap(o: u32, k: u32) -> u32 {{\n  return u32(in1(p.index + o * p.taps + k)) * p.step;\n}}\n\n\
             fn body(i: u32) {{\n  let at = place_all(i);\n  let o = (i / p.inner) % p.size;\n{}}}\n\n",
            body.replace("WEIGHT", &weight).replace("TYPE", t)
        )
    };
    let e = Each::new(l.name, l.outs, l.ins, narrow.numel(), &body);
    let fields = "  inner: u32,\n  size: u32,\n  taps: u32,\n  step: u32,\n  index: u32,\n  weight: u32,\n";
    each(l, &Each { sets: &[("all", &places)], fields, params: &params, atomic, ..e })
}

/// ins: [x, index, weight?]; outs: [y]; attrs: [dim].
pub(crate) fn resample(l: &Launch) -> Result<()> {
    let body = match l.ins.len() {
        2 => "  put0(at.y, in0(at.x + tap(o, 0u)));\n",
        _ => {
            "  var v = TYPE();\n  for (var k = 0u; k < p.taps; k++) {\n    v += WEIGHTin0(at.x + tap(o, k));\n  }\n  put0(at.y, v);\n"
        }
    };
    table(l, &l.ins[0], &l.outs[0], body, false)
}

/// ins: [dy, index, weight?]; outs: [dx]; attrs: [dim].
pub(crate) fn resample_backward(l: &Launch) -> Result<()> {
    zero(l, l.outs)?;
    let body = "  for (var k = 0u; k < p.taps; k++) {\n    combine0(at.x + tap(o, k), WEIGHTin0(at.y));\n  }\n";
    table(l, &l.outs[0], &l.ins[0], body, true)
}
