//! Scans: running sums, products, extrema along a dimension.
//!
//! A workgroup scans a row in pieces of 256, each in eight steps, and carries on what the piece came to; of many short rows every
//! invocation scans one. Sums of float32 are float32, not float64 as on the CPU, but they are sums of sums.

use super::bind::{Bindings, POSITION, groups, scalar_code};
use super::places::{Places, place};
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::pipeline::Key;
use crate::stream::Dispatch;
use crate::wgsl::{Scalar, link};

/// Rows up to this length have an invocation each, if there are many.
const SHORT: usize = 64;

/// What is carried along, in WGSL.
struct Scan {
    /// Its type: one value, or the bits of one and its position (all ones: nothing yet).
    acc: &'static str,
    start: &'static str,
    /// From the element `x` and its position `i`.
    take: &'static str,
    /// Of what is earlier, `a`, and later, `b`.
    merge: &'static str,
    /// What is stored in each output.
    stores: &'static [&'static str],
}

fn run(l: &Launch, variant: u64, s: &Scan) -> Result<()> {
    let x = &l.ins[0];
    let dim = l.attrs[0].n();
    let operands: Vec<&View> = l.ins.iter().chain(l.outs).collect();
    let rows = Places::of(&operands, |d| d != dim).at(&operands);
    let n = x.shape.get(dim).copied().unwrap_or(1);
    if rows.numel == 0 || n == 0 {
        return Ok(());
    }
    if !rows.fits() {
        return l.refuse("a tensor of so many dimensions that do not lie behind each other");
    }
    let together = n > SHORT || rows.numel < 64;
    let b = Bindings::new(l.outs, l.ins);
    let mut params = Vec::new();
    rows.push(&mut params);
    let step = |k: usize| operands.get(k).map_or(0, |v| v.strides.get(dim).copied().unwrap_or(1)) as i32 as u32;
    params.extend([step(0), step(1), step(2), n as u32]);
    let types: Vec<String> = l.outs.iter().chain(l.ins).map(|v| Scalar::of(v.dtype).name().to_string()).collect();
    let text = || {
        let (acc, start) = (s.acc, s.start);
        let t = &types[l.outs.len()];
        let mut text = format!(
            "struct Params {{\n  rows: Places,\n  steps: vec3<u32>,\n  n: u32,\n}}\n@group(0) @binding(0) var<uniform> p: Params;\n{}{POSITION}{}",
            b.declare(&types),
            place("rows")
        );
        text += &format!(
            "fn take(x: {t}, i: u32) -> {acc} {{\n  return {};\n}}\n\nfn merge(a: {acc}, b: {acc}) -> {acc} {{\n  {};\n}}\n\n",
            s.take, s.merge
        );
        text += &format!("fn keep(at: vec4<u32>, i: u32, a: {acc}) {{\n");
        for (k, value) in s.stores.iter().enumerate() {
            text += &format!("  b{}[at[{}] + i * p.steps[{}]] = {value};\n", b.slots[k], k + 1, k + 1);
        }
        let element = format!("take(b{}[at.x + i * p.steps.x], i)", b.slots[l.outs.len()]);
        text += "}\n\n";
        let head = "@compute @workgroup_size(256)\n\
                    fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {\n";
        text += &match together {
            true => format!(
                "var<workgroup> room: array<{acc}, 256>;\n\n{head}  let row = group_number(w, n);\n  if (row >= p.rows.n) {{\n    return;\n  }}\n  \
                 let at = place_rows(row);\n  var carry: {acc} = {start};\n  for (var first = 0u; first < p.n; first += 256u) {{\n    let i = first + l;\n    \
                 var a: {acc} = {start};\n    if (i < p.n) {{\n      a = {element};\n    }}\n    room[l] = a;\n    workgroupBarrier();\n    \
                 for (var s = 1u; s < 256u; s <<= 1u) {{\n      if (l >= s) {{\n        a = merge(room[l - s], a);\n      }}\n      workgroupBarrier();\n      \
                 room[l] = a;\n      workgroupBarrier();\n    }}\n    if (i < p.n) {{\n      keep(at, i, merge(carry, a));\n    }}\n    \
                 carry = merge(carry, room[255]);\n    workgroupBarrier();\n  }}\n}}\n"
            ),
            false => format!(
                "{head}  let row = group_number(w, n) * 256u + l;\n  if (row >= p.rows.n) {{\n    return;\n  }}\n  let at = place_rows(row);\n  \
                 var a: {acc} = {start};\n  for (var i = 0u; i < p.n; i++) {{\n    a = merge(a, {element});\n    keep(at, i, a);\n  }}\n}}\n"
            ),
        };
        link(&text)
    };
    let codes = l.outs.iter().chain(l.ins).fold(variant, |bits, v| (bits << 2) | scalar_code(Scalar::of(v.dtype)));
    l.gpu.dispatch(&Dispatch {
        key: Key { kernel: l.name, variant: (((codes << 24) | b.variant()) << 1) | together as u64 },
        text: &text,
        bindings: &b.list,
        params: &params,
        groups: groups(l.gpu, rows.numel, if together { 1 } else { 256 }),
        work: (rows.numel * n) as u64 * 32,
    });
    Ok(())
}

/// One value is carried: its start, and how two are joined, for floats, integers and bytes.
fn plain(l: &Launch, merges: [&'static str; 3], starts: [&'static str; 3]) -> Result<()> {
    let (acc, k) = match Scalar::of(l.ins[0].dtype) {
        Scalar::Float => ("f32", 0),
        Scalar::Int => ("i32", 1),
        _ => ("u32", 2),
    };
    run(l, 0, &Scan { acc, start: starts[k], take: "x", merge: merges[k], stores: &["a"] })
}

pub(crate) fn cumsum(l: &Launch) -> Result<()> {
    plain(l, ["return a + b", "return a + b", "return (a + b) & 255u"], ["0.0", "0i", "0u"])
}
pub(crate) fn cumprod(l: &Launch) -> Result<()> {
    plain(l, ["return a * b", "return a * b", "return (a * b) & 255u"], ["1.0", "1i", "1u"])
}

/// Later equal elements win, and once there was a NaN only a NaN does: its order is the greatest either way.
fn extremum(l: &Launch, greatest: bool) -> Result<()> {
    let (take, store): (_, &[&str]) = match (Scalar::of(l.ins[0].dtype), greatest) {
        (Scalar::Float, true) => ("vec2<u32>(order_of_float(x), i)", &["float_of_order(a.x)", "bitcast<i32>(a.y)"]),
        (Scalar::Float, false) => {
            ("vec2<u32>(order_of_float(select(-x, x, m_is_nan(x))), i)", &["-float_of_order(a.x)", "bitcast<i32>(a.y)"])
        }
        (Scalar::Int, true) => {
            ("vec2<u32>(bitcast<u32>(x) ^ 0x80000000u, i)", &["bitcast<i32>(a.x ^ 0x80000000u)", "bitcast<i32>(a.y)"])
        }
        (Scalar::Int, false) => (
            "vec2<u32>(~(bitcast<u32>(x) ^ 0x80000000u), i)",
            &["bitcast<i32>(~a.x ^ 0x80000000u)", "bitcast<i32>(a.y)"],
        ),
        (_, true) => ("vec2<u32>(x, i)", &["a.x", "bitcast<i32>(a.y)"]),
        (_, false) => ("vec2<u32>(255u - x, i)", &["255u - a.x", "bitcast<i32>(a.y)"]),
    };
    let merge = "return select(a, b, a.y == 0xffffffffu || (b.y != 0xffffffffu && b.x >= a.x))";
    run(l, greatest as u64, &Scan { acc: "vec2<u32>", start: "vec2<u32>(0u, 0xffffffffu)", take, merge, stores: store })
}

pub(crate) fn cummax(l: &Launch) -> Result<()> {
    extremum(l, true)
}
pub(crate) fn cummin(l: &Launch) -> Result<()> {
    extremum(l, false)
}

pub(crate) fn logcumsumexp(l: &Launch) -> Result<()> {
    // Equal infinities have no difference.
    let merge = "let low = m_minimum(a, b);\n  let high = m_maximum(a, b);\n  \
                 return select(high + m_log1p(m_exp(low - high)), high, m_is_nan(high) || (low == high && m_is_inf(low)))";
    run(l, 0, &Scan { acc: "f32", start: "-m_inf()", take: "x", merge, stores: &["a"] })
}
