//! One result for each position, from the operands at that position: every expression that `lane` records, and copies.
//!
//! Two ways through memory. Where all operands are row-major (or one number for all positions), positions are addresses, and an
//! invocation takes four of them at a time if all begin at a multiple of four. Otherwise it takes one and finds its
//! operands by dividing the position by the sizes of dimensions, of which as few are left as the strides allow.

use std::fmt::Write;

use cresset_lane::{DType, Demand, Program};

use super::bind::{Bindings, GROUP, POSITION, groups, scalar_code};
use super::demand;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::pipeline::{Key, MAX_BINDINGS};
use crate::status;
use crate::stream::Dispatch;
use crate::wgsl::{Scalar, link, missing, print};

/// Dimensions that are left when those that lie behind each other are one.
pub(crate) const MAX_DIMS: usize = 16;
/// The output and its inputs.
const MAX_OPERANDS: usize = 8;

/// How an operand is found in a launch without dimensions.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Linear,
    Still,
}

/// A function of a position's operands, `f`, and what it takes to compile it.
pub(crate) struct Function<'a> {
    pub name: &'static str,
    /// The text of `f` and of what it needs, for an output of type `out`.
    pub text: &'a dyn Fn() -> String,
    /// The types of the output and of the inputs.
    pub types: &'a [Scalar],
    pub params: [u32; 4],
    /// Which of the texts of this name; below 2^8.
    pub variant: u64,
    pub work: u64,
    /// What an input's elements must be.
    pub demand: Option<&'static Demand>,
}

impl Function<'_> {
    /// Words behind the other uniforms that a demand takes: its code and its test.
    fn demanded(&self, l: &Launch) -> Option<[u32; 4]> {
        let demand = self.demand?;
        let t = self.types[1 + demand.input];
        let [low, high, not] = demand::words(demand.test, 0, t);
        Some([low, high, not, l.gpu.code(l.name, demand, t)])
    }

    /// Where those words stand among the uniforms.
    fn field(&self) -> &'static str {
        if self.demand.is_some() { "  demand: vec4<u32>,\n" } else { "" }
    }

    /// The text that notes elements, with the words at this binding.
    fn notes(&self, binding: usize) -> String {
        self.demand.map_or(String::new(), |d| {
            let words = "vec4<u32>(p.demand.xyz, 0u)";
            status::text(binding, "p.demand.w") + &demand::text(self.types[1 + d.input], words)
        })
    }
}

/// Launches a text; the words of a demand are bound behind its operands and other uniforms.
fn dispatch(l: &Launch, f: &Function, mut d: Dispatch) -> Result<()> {
    let (Some(demand), Some(words)) = (f.demand, f.demanded(l)) else {
        l.gpu.dispatch(&d);
        return Ok(());
    };
    d.key.variant |= (demand.input as u64 + 1) << DEMAND;
    let bindings = [d.bindings, &[(l.gpu.status()?, true)]].concat();
    let params = [d.params, &words].concat();
    l.gpu.dispatch(&Dispatch { bindings: &bindings, params: &params, ..d });
    l.gpu.watch();
    Ok(())
}

/// Where in a variant it stands which input is looked at.
const DEMAND: u32 = 61;

/// Whether every function of a program exists for a dtype.
pub(crate) fn can(program: &Program, dtype: DType) -> bool {
    missing(program, Scalar::of(dtype)).is_none()
}

/// Runs the kernel of an expression.
pub(crate) fn run(l: &Launch, program: fn() -> Program) -> Result<()> {
    let t = Scalar::of(l.ins.first().unwrap_or(&l.outs[0]).dtype);
    let out = Scalar::of(l.outs[0].dtype);
    // A comparison of numbers gives truth; everything else gives what its inputs are.
    let mut types = vec![t; l.ins.len() + 1];
    types[0] = out;
    let mut params = [0; 4];
    for (p, a) in params.iter_mut().zip(l.attrs) {
        *p = t.bits(a.f());
    }
    l.gpu.knows(l.name, t, || match missing(&program(), t) {
        Some(name) => l.refuse(&format!("'{name}' of {}", l.ins[0].dtype)),
        None => Ok(()),
    })?;
    let text = || print(&program(), t, l.ins.len()).0;
    let f = Function { name: l.name, text: &text, types: &types, params, variant: 0, work: 32, demand: l.demand };
    map(l, &f)
}

/// Runs a function over all positions of the output.
pub(crate) fn map(l: &Launch, f: &Function) -> Result<()> {
    let out = &l.outs[0];
    let numel = out.numel();
    if numel == 0 {
        return Ok(());
    }
    let bindings = Bindings::new(&l.outs[..1], l.ins);
    if l.ins.len() >= MAX_OPERANDS || bindings.list.len() + f.demand.is_some() as usize > MAX_BINDINGS {
        return l.refuse("so many operands at once");
    }
    let mut variant = f.variant;
    for t in f.types {
        variant = (variant << 2) | scalar_code(*t);
    }
    variant = (variant << 24) | bindings.variant();
    match flat(l) {
        Some((ways, by_four)) => run_flat(l, f, &bindings, variant, &ways, by_four),
        None => run_strided(l, f, &bindings, variant),
    }
}

/// The way of each input where no dimension is needed, and whether four elements can be taken at a time.
fn flat(l: &Launch) -> Option<(Vec<Way>, bool)> {
    let out = &l.outs[0];
    if !out.is_contiguous() {
        return None;
    }
    let mut by_four = out.offset.is_multiple_of(4);
    let mut ways = Vec::with_capacity(l.ins.len());
    for v in l.ins {
        if v.is_contiguous() && v.shape == out.shape {
            by_four &= v.offset.is_multiple_of(4);
            ways.push(Way::Linear);
        } else if v.shape.iter().zip(v.strides).all(|(&n, &s)| n == 1 || s == 0) {
            // The text reads a written binding in vectors: a number in it would need another.
            by_four &= !v.buffer.same(out.buffer);
            ways.push(Way::Still);
        } else {
            return None;
        }
    }
    Some((ways, by_four))
}

fn run_flat(l: &Launch, f: &Function, b: &Bindings, variant: u64, ways: &[Way], by_four: bool) -> Result<()> {
    let numel = l.outs[0].numel();
    let each = if by_four { 4 } else { 1 };
    let mut params = [0u32; 16];
    params[0] = numel as u32;
    params[4..8].copy_from_slice(&f.params);
    params[8] = l.outs[0].offset as u32 / each;
    for (k, v) in l.ins.iter().enumerate() {
        params[9 + k] = if by_four && ways[k] == Way::Linear { v.offset as u32 / 4 } else { v.offset as u32 };
    }
    let still = ways.iter().enumerate().fold(0, |bits, (k, w)| bits | ((*w == Way::Still) as u64) << k);
    let variant = (((variant << 8) | still) << 2) | (1 + by_four as u64);
    let text = || flat_text(f, b, ways, by_four);
    let d = Dispatch {
        key: Key { kernel: f.name, variant },
        text: &text,
        bindings: &b.list,
        params: &params,
        groups: groups(l.gpu, numel.div_ceil(each as usize), GROUP as usize),
        work: numel as u64 * f.work,
    };
    dispatch(l, f, d)
}

const HEAD: &str =
    "  n: u32,\n  dims: u32,\n  unused: vec2<u32>,\n  params: vec4<u32>,\n  offset: array<vec4<u32>, 2>,\n";
const MAIN: &str = "\
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let i = group_number(w, n) * 256u + l;
";

fn flat_text(f: &Function, b: &Bindings, ways: &[Way], by_four: bool) -> String {
    let mut types: Vec<String> = f.types.iter().map(|t| t.name().to_string()).collect();
    if by_four {
        for (k, t) in types.iter_mut().enumerate() {
            if k == 0 || ways[k - 1] == Way::Linear {
                *t = format!("vec4<{t}>");
            }
        }
    }
    let mut text = format!("struct Params {{\n{HEAD}{}}}\n@group(0) @binding(0) var<uniform> p: Params;\n", f.field());
    text += &b.declare(&types);
    text += &f.notes(b.list.len() + 1);
    text += POSITION;
    text += &(f.text)();
    text += MAIN;
    let offset = |k: usize| format!("p.offset[{}][{}]", k / 4, k % 4);
    let count = f.types.len() - 1;
    let last = if by_four { "i >= (p.n + 3u) / 4u" } else { "i >= p.n" };
    let _ = writeln!(text, "  if ({last}) {{\n    return;\n  }}");
    for k in 1..=count {
        let at = if ways[k - 1] == Way::Still { offset(k) } else { format!("{} + i", offset(k)) };
        let _ = writeln!(text, "  let x{} = b{}[{at}];", k - 1, b.slots[k]);
    }
    let call = |c: &str| {
        let each = |k: usize| {
            let part = if by_four && ways[k] == Way::Linear { c } else { "" };
            format!("x{k}{part}")
        };
        format!("f({})", (0..count).map(each).collect::<Vec<_>>().join(", "))
    };
    let to = format!("b{}[{} + i]", b.slots[0], offset(0));
    if let Some(k) = f.demand.map(|d| d.input) {
        // Of four elements those behind the end are nobody's.
        text += &match by_four && ways[k] == Way::Linear {
            true => format!(
                "  for (var c = 0u; c < min(4u, p.n - 4u * i); c++) {{\n    demand(x{k}[c], 4u * i + c);\n  }}\n"
            ),
            false => format!("  demand(x{k}, i);\n"),
        };
    }
    if by_four {
        let t = f.types[0].name();
        let _ = writeln!(
            text,
            "  let v = vec4<{t}>({}, {}, {}, {});\n  let rest = p.n - 4u * i;\n  if (rest >= 4u) {{\n    {to} = v;\n    return;\n  }}",
            call(".x"),
            call(".y"),
            call(".z"),
            call(".w")
        );
        let _ = writeln!(text, "  for (var c = 0u; c < rest; c++) {{\n    {to}[c] = v[c];\n  }}\n}}");
    } else {
        let _ = writeln!(text, "  {to} = {};\n}}", call(""));
    }
    link(&text)
}

/// Sizes and strides of dimensions, the innermost first, once those that lie behind each other are one.
pub(crate) struct Dims {
    pub sizes: Vec<usize>,
    /// Strides of every operand in each dimension.
    pub strides: Vec<Vec<isize>>,
}

impl Dims {
    /// The dimensions of `shape`, to which every operand is broadcast.
    pub fn new(shape: &[usize], operands: &[&View]) -> Dims {
        let aligned = |v: &&View| {
            let missing = shape.len() - v.shape.len();
            let stride = |d: usize| if d < missing || v.shape[d - missing] == 1 { 0 } else { v.strides[d - missing] };
            (0..shape.len()).map(stride).collect()
        };
        Dims::from_strides(shape, &operands.iter().map(aligned).collect::<Vec<_>>())
    }

    /// The dimensions of `shape`, with strides for each operand.
    pub fn from_strides(shape: &[usize], strides: &[Vec<isize>]) -> Dims {
        let mut dims = Dims { sizes: Vec::new(), strides: Vec::new() };
        for (d, &n) in shape.iter().enumerate().rev() {
            if n == 1 {
                continue;
            }
            let here: Vec<isize> = strides.iter().map(|s| s[d]).collect();
            if let (Some(size), Some(inner)) = (dims.sizes.last_mut(), dims.strides.last())
                && here.iter().zip(inner).all(|(&s, &i)| s == i * *size as isize)
            {
                *size *= n;
                continue;
            }
            dims.sizes.push(n);
            dims.strides.push(here);
        }
        dims
    }
}

fn run_strided(l: &Launch, f: &Function, b: &Bindings, variant: u64) -> Result<()> {
    let operands: Vec<&View> = std::iter::once(&l.outs[0]).chain(l.ins).collect();
    let numel = l.outs[0].numel();
    let dims = Dims::new(l.outs[0].shape, &operands);
    if dims.sizes.len() > MAX_DIMS {
        return l.refuse("a tensor of so many dimensions that do not lie behind each other");
    }
    let mut params = vec![0u32; 32 + MAX_DIMS * operands.len().next_multiple_of(4)];
    params[0] = numel as u32;
    params[1] = dims.sizes.len() as u32;
    params[4..8].copy_from_slice(&f.params);
    let width = operands.len().next_multiple_of(4);
    for (k, v) in operands.iter().enumerate() {
        params[8 + k] = v.offset as u32;
    }
    for (d, &n) in dims.sizes.iter().enumerate() {
        params[16 + d] = n as u32;
        for (k, &s) in dims.strides[d].iter().enumerate() {
            // Negative strides wrap around, as the sums of offsets do.
            params[32 + d * width + k] = s as i32 as u32;
        }
    }
    let text = || strided_text(f, b);
    let d = Dispatch {
        key: Key { kernel: f.name, variant: variant << 10 },
        text: &text,
        bindings: &b.list,
        params: &params,
        groups: groups(l.gpu, numel, GROUP as usize),
        work: numel as u64 * (f.work + 16),
    };
    dispatch(l, f, d)
}

fn strided_text(f: &Function, b: &Bindings) -> String {
    let count = f.types.len();
    let vectors = count.div_ceil(4);
    let types: Vec<String> = f.types.iter().map(|t| t.name().to_string()).collect();
    let mut text = format!(
        "struct Params {{\n{HEAD}  shape: array<vec4<u32>, 4>,\n  strides: array<vec4<u32>, {}>,\n{}}}\n\
         @group(0) @binding(0) var<uniform> p: Params;\n",
        MAX_DIMS * vectors,
        f.field()
    );
    text += &b.declare(&types);
    text += &f.notes(b.list.len() + 1);
    text += POSITION;
    text += &(f.text)();
    text += MAIN;
    text += "  if (i >= p.n) {\n    return;\n  }\n  var rest = i;\n";
    for v in 0..vectors {
        let _ = writeln!(text, "  var at{v} = p.offset[{v}];");
    }
    text += "  for (var d = 0u; d < p.dims; d++) {\n    let size = p.shape[d >> 2u][d & 3u];\n    let q = rest / size;\n    let r = rest - q * size;\n    rest = q;\n";
    for v in 0..vectors {
        let _ = writeln!(text, "    at{v} += r * p.strides[d * {vectors}u + {v}u];");
    }
    text += "  }\n";
    let at = |k: usize| format!("b{}[at{}[{}]]", b.slots[k], k / 4, k % 4);
    let operands: Vec<String> = (1..count).map(at).collect();
    if let Some(k) = f.demand.map(|d| d.input) {
        let _ = writeln!(text, "  demand({}, i);", operands[k]);
    }
    let _ = writeln!(text, "  {} = f({});\n}}", at(0), operands.join(", "));
    link(&text)
}
