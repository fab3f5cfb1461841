//! Sort and selection along a dimension: a bitonic sort of keys with their positions, so that it is stable, of all rows at once.
//!
//! A row is padded to a power of two. Steps within 1024 neighbours are made in workgroup memory, many at a time; a wider step is a
//! dispatch of its own. Selections sort, too, and take what they need.

use cresset_lane::{Attr, DType};

use super::bind::{Bindings, GROUP, POSITION, groups, scalar_code};
use super::places::{Places, place};
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::pipeline::Key;
use crate::pool::Buffer;
use crate::stream::Dispatch;
use crate::wgsl::{Scalar, link};

const TEXT: &str = include_str!("sort.wgsl");
const BLOCK: usize = 1024;

/// A paragraph of the text.
fn part(name: &str) -> &'static str {
    let start = format!("fn {name}(");
    TEXT.split("\n\n").find(|p| p.lines().any(|l| l.starts_with(&start))).unwrap_or("")
}

/// An integer of the same order as an element, and the greatest for NaN.
fn key(t: Scalar) -> String {
    let body = match t {
        Scalar::Float => "order_of_float(x)",
        Scalar::Int => "bitcast<u32>(x) ^ 0x80000000u",
        _ => "x",
    };
    format!("fn key(x: {}) -> u32 {{\n  return {body};\n}}\n\n", t.name())
}

/// Sorted rows.
struct Sorted {
    keys: Buffer,
    rows: usize,
    n: usize,
    width: usize,
    /// All rows with their padding, a multiple of a block.
    len: usize,
}

const FIELDS: &str =
    "  width: u32,\n  n: u32,\n  flip: u32,\n  far: u32,\n  from_: u32,\n  to: u32,\n  count: u32,\n  k: u32,\n";
const MAIN: &str = "@compute @workgroup_size(256)\n\
                    fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {\n  \
                    let group = group_number(w, n);\n  let i = group * 256u + l;\n";

/// The elements of a row-major vector, least first: the key of each, an integer of its order, and its position. Equal ones keep their order.
pub(crate) fn pairs(l: &Launch, x: View) -> Result<Buffer> {
    Ok(sorted(&Launch { name: "sort", ins: &[x], outs: &[], attrs: &[Attr::from(0usize)], ..*l }, false)?.keys)
}

/// Sorts every row along `attrs[0]`; descending is the order of turned keys, in which equal elements keep theirs.
fn sorted(l: &Launch, descending: bool) -> Result<Sorted> {
    let (x, dim) = (&l.ins[0], l.attrs[0].n());
    let n = x.shape.get(dim).copied().unwrap_or(1);
    let rows = Places::of(&[x], |d| d != dim).at(&[x]);
    if !rows.fits() {
        return l.refuse("a tensor of so many dimensions that do not lie behind each other");
    }
    let width = n.max(1).next_power_of_two();
    let len = (rows.numel * width).next_multiple_of(BLOCK);
    let keys = l.gpu.buffer(2 * len)?;
    let view = View { buffer: &keys, dtype: DType::I32, shape: &[], strides: &[], offset: 0 };
    let t = Scalar::of(x.dtype);
    let words = |far: usize, from: usize, to: usize, count: usize| {
        [width, n, if descending { u32::MAX as usize } else { 0 }, far, from, to, count, 0].map(|v| v as u32)
    };

    let b = Bindings::new(&[view], &[*x]);
    let mut params = Vec::new();
    rows.push(&mut params);
    params.extend(words(0, 0, 0, rows.numel * width));
    params.extend([x.strides.get(dim).copied().unwrap_or(1) as i32 as u32, 0, 0, 0]);
    l.gpu.dispatch(&Dispatch {
        key: Key { kernel: "sort pack", variant: scalar_code(t) },
        text: &|| {
            link(&format!(
                "struct Params {{\n  rows: Places,\n{FIELDS}  step: u32,\n}}\n@group(0) @binding(0) var<uniform> p: Params;\n\
                 @group(0) @binding(1) var<storage, read_write> keys: array<vec2<u32>>;\n@group(0) @binding(2) var<storage, read> x: array<{0}>;\n{POSITION}{1}{2}\
                 fn element(row: u32, i: u32) -> {0} {{\n  return x[place_rows(row).x + i * p.step];\n}}\n\n{3}\n\n{MAIN}  if (i < p.count) {{\n    pack(i);\n  }}\n}}\n",
                t.name(),
                place("rows"),
                key(t),
                part("pack"),
            ))
        },
        bindings: &b.list,
        params: &params,
        groups: groups(l.gpu, rows.numel * width, GROUP as usize),
        work: len as u64 * 8,
    });

    let head = format!(
        "struct Params {{\n{FIELDS}}}\n@group(0) @binding(0) var<uniform> p: Params;\n\
         @group(0) @binding(1) var<storage, read_write> keys: array<vec2<u32>>;\nvar<workgroup> room: array<vec2<u32>, 1024>;\n{POSITION}{}\n\n",
        part("after")
    );
    let bindings = [(&keys, true)];
    let blocks = |from: usize, to: usize| {
        l.gpu.dispatch(&Dispatch {
            key: Key { kernel: "sort block", variant: 0 },
            text: &|| {
                link(&format!(
                    "{head}{}\n\n{MAIN}  if (group * 1024u < p.count) {{\n    block(i, l, group);\n  }}\n}}\n",
                    part("block")
                ))
            },
            bindings: &bindings,
            params: &words(0, from, to, len),
            groups: groups(l.gpu, len, BLOCK),
            work: len as u64 * 100,
        });
    };
    blocks(2, width.min(BLOCK));
    let mut size = 2 * BLOCK;
    while size <= width {
        let mut far = size / 2;
        while far >= BLOCK {
            l.gpu.dispatch(&Dispatch {
                key: Key { kernel: "sort exchange", variant: 0 },
                text: &|| {
                    link(&format!(
                        "{head}{}\n\n{MAIN}  if (i < p.count) {{\n    exchange(i);\n  }}\n}}\n",
                        part("exchange")
                    ))
                },
                bindings: &bindings,
                params: &words(far, 0, size, len / 2),
                groups: groups(l.gpu, len / 2, GROUP as usize),
                work: len as u64 * 4,
            });
            far /= 2;
        }
        blocks(size, size);
        size *= 2;
    }
    Ok(Sorted { keys, rows: rows.numel, n, width, len })
}

/// Writes values and positions: `many` of each row, those at places `place(row, i)` of the sorted one (a body in WGSL, which may use
/// `p.k` and `s(row, place)`, the sorted keys).
fn take(l: &Launch, s: &Sorted, variant: u64, many: usize, k: usize, body: &str) {
    let (x, values, indices, dim) = (&l.ins[0], &l.outs[0], &l.outs[1], l.attrs[0].n());
    let operands = [x, values, indices];
    let rows = Places::of(&operands, |d| d != dim).at(&operands);
    let keys = View { buffer: &s.keys, dtype: DType::I32, shape: &[], strides: &[], offset: 0 };
    let b = Bindings::new(l.outs, &[*x, keys]);
    let t = Scalar::of(x.dtype);
    let mut params = Vec::new();
    rows.push(&mut params);
    params.extend([s.width, s.n, 0, 0, 0, 0, s.rows * many, k].map(|v| v as u32));
    params.extend(operands.map(|v| v.strides.get(dim).copied().unwrap_or(1) as i32 as u32));
    params.push(many as u32);
    l.gpu.dispatch(&Dispatch {
        key: Key { kernel: "sort take", variant: (((variant << 2) | scalar_code(t)) << 24) | b.variant() },
        text: &|| {
            let types = [t.name(), "i32", t.name(), "vec2<u32>"].map(String::from);
            let [v, i, x, keys] = [0, 1, 2, 3].map(|k| b.slots[k]);
            link(&format!(
                "struct Params {{\n  rows: Places,\n{FIELDS}  steps: vec3<u32>,\n  many: u32,\n}}\n@group(0) @binding(0) var<uniform> p: Params;\n{}{POSITION}{}\
                 fn s(row: u32, place: u32) -> vec2<u32> {{\n  return b{keys}[row * p.width + place];\n}}\n\n\
                 fn place(row: u32, i: u32) -> u32 {{\n{body}}}\n\n{MAIN}  if (i >= p.count) {{\n    return;\n  }}\n  let row = i / p.many;\n  let k = i % p.many;\n  \
                 let from_ = s(row, place(row, k)).y;\n  let at = place_rows(row);\n  b{v}[at.y + k * p.steps.y] = b{x}[at.x + from_ * p.steps.x];\n  \
                 b{i}[at.z + k * p.steps.z] = bitcast<i32>(from_);\n}}\n",
                b.declare(&types),
                place("rows"),
            ))
        },
        bindings: &b.list,
        params: &params,
        groups: groups(l.gpu, s.rows * many, GROUP as usize),
        work: s.len as u64,
    });
}

/// attrs: [dim, descending].
pub(crate) fn sort(l: &Launch) -> Result<()> {
    let s = sorted(l, l.attrs[1].b())?;
    take(l, &s, 0, s.n, 0, "  return i;\n");
    Ok(())
}

/// attrs: [dim, largest, sorted]; what need not be sorted is so too.
pub(crate) fn topk(l: &Launch) -> Result<()> {
    let s = sorted(l, l.attrs[1].b())?;
    let k = l.outs[0].shape.get(l.attrs[0].n()).copied().unwrap_or(1);
    take(l, &s, 0, k, 0, "  return i;\n");
    Ok(())
}

/// attrs: [dim, k].
pub(crate) fn kthvalue(l: &Launch) -> Result<()> {
    let s = sorted(l, false)?;
    take(l, &s, 1, 1, l.attrs[1].n(), "  return p.k;\n");
    Ok(())
}

/// The first place of the greatest key, NaN's, of floats: by halves.
const FIRST_NAN: &str = "  var low = 0u;\n  var high = p.n;\n  while (low < high) {\n    let middle = (low + high) / 2u;\n    \
                         if (s(row, middle).x == NAN) {\n      high = middle;\n    } else {\n      low = middle + 1u;\n    }\n  }\n";

fn median_of(l: &Launch, skip: bool) -> Result<()> {
    let s = sorted(l, false)?;
    let float = Scalar::of(l.ins[0].dtype) == Scalar::Float;
    let body = match (float, skip) {
        (false, _) => "  return (p.n - 1u) / 2u;\n".to_string(),
        (true, false) => {
            FIRST_NAN.replace("NAN", "0xffffffffu") + "  return select(low, (p.n - 1u) / 2u, low == p.n);\n"
        }
        (true, true) => FIRST_NAN.replace("NAN", "0xffffffffu") + "  return (max(low, 1u) - 1u) / 2u;\n",
    };
    take(l, &s, 2 + float as u64 + 2 * skip as u64, 1, 0, &body);
    Ok(())
}

/// attrs: [dim].
pub(crate) fn median(l: &Launch) -> Result<()> {
    median_of(l, false)
}
pub(crate) fn nanmedian(l: &Launch) -> Result<()> {
    median_of(l, true)
}

/// The longest run of equal keys, the first of those of one length; its last element. attrs: [dim].
pub(crate) fn mode(l: &Launch) -> Result<()> {
    let s = sorted(l, false)?;
    let body = "  var best = 0u;\n  var most = 0u;\n  var run = 0u;\n  for (var k = 0u; k < p.n; k++) {\n    \
                run = select(1u, run + 1u, k > 0u && s(row, k).x == s(row, max(k, 1u) - 1u).x);\n    if (run > most) {\n      most = run;\n      best = k;\n    }\n  }\n  \
                return best;\n";
    take(l, &s, 8, 1, 0, body);
    Ok(())
}
