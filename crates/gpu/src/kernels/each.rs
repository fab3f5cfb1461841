//! A function of a position, run for every position: the frame of kernels that are neither expressions nor sums.
//!
//! The text is a function `body(i)`. It reads operands by `in0(at)`, `in1(at)`, ... and writes by `put0(at, v)`, ...; where operands
//! are at a position is what `place_NAME(i)` gives for the sets of dimensions that it is given.

use super::bind::{Bindings, GROUP, POSITION, groups, scalar_code};
use super::places::{Places, place};
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::pipeline::{Key, MAX_BINDINGS};
use crate::pool::Buffer;
use crate::status;
use crate::stream::Dispatch;
use crate::wgsl::{Scalar, link};

/// What a position is run by.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum By {
    /// An invocation: `body(i)`.
    Invocation,
    /// Positions are invocations of one workgroup, which `body(l)` divides among them itself.
    OneGroup,
    /// A workgroup: `body(i, l)`, where `l` is the invocation in it.
    Group,
}

/// A function of positions as it is launched.
pub(crate) struct Each<'a> {
    pub name: &'static str,
    /// Which of the texts of this name; below 2^24 where there are eight operands.
    pub variant: u64,
    pub outs: &'a [View<'a>],
    pub ins: &'a [View<'a>],
    /// Positions.
    pub n: usize,
    /// Sets of dimensions by name, fields of the uniforms `p`.
    pub sets: &'a [(&'static str, &'a Places)],
    /// More fields, which begin at a multiple of four words, and their words.
    pub fields: &'a str,
    pub params: &'a [u32],
    pub body: &'a dyn Fn() -> String,
    /// Whether outputs are changed by `combine0(at, v)`, with `fn join(old, v)` of the text, by several positions.
    pub atomic: bool,
    /// Whether the text calls `bad_index(index, size)`, or another function over `note_bad(value, at, bound)` (status.rs).
    pub checked: bool,
    /// The type of what it notes.
    pub notes: Scalar,
    /// What runs along a position.
    pub by: By,
    /// Elementary operations of a position.
    pub work: u64,
}

impl<'a> Each<'a> {
    /// One with outputs, inputs and positions.
    pub fn new(
        name: &'static str,
        outs: &'a [View<'a>],
        ins: &'a [View<'a>],
        n: usize,
        body: &'a dyn Fn() -> String,
    ) -> Each<'a> {
        Each {
            name,
            variant: 0,
            outs,
            ins,
            n,
            sets: &[],
            fields: "",
            params: &[],
            body,
            atomic: false,
            checked: false,
            notes: Scalar::Int,
            by: By::Invocation,
            work: 16,
        }
    }
}

/// Runs it.
pub(crate) fn each(l: &Launch, e: &Each) -> Result<()> {
    if e.n == 0 {
        return Ok(());
    }
    if e.sets.iter().any(|(_, places)| !places.fits()) {
        return l.refuse("a tensor of so many dimensions that do not lie behind each other");
    }
    let b = Bindings::new(e.outs, e.ins);
    if b.list.len() + e.checked as usize > MAX_BINDINGS {
        return l.refuse("so many operands at once");
    }
    let mut params = Vec::new();
    e.sets.iter().for_each(|(_, places)| places.push(&mut params));
    let demand = l.demand.unwrap_or(&status::INDEX);
    let code = if e.checked { l.gpu.code(l.name, demand, e.notes) } else { 0 };
    params.extend([e.n as u32, code, 0, 0]);
    params.extend(e.params);
    let mut variant = e.variant;
    for v in e.outs.iter().chain(e.ins) {
        variant = (variant << 2) | scalar_code(Scalar::of(v.dtype));
    }
    variant = (variant << 24) | b.variant();
    // The words of the status are bound last, and are no operand.
    let status = if e.checked { Some((l.gpu.status()?, true)) } else { None };
    let bindings: Vec<(&Buffer, bool)> = b.list.iter().copied().chain(status).collect();
    l.gpu.dispatch(&Dispatch {
        key: Key { kernel: e.name, variant },
        text: &|| text(e, &b),
        bindings: &bindings,
        params: &params,
        groups: match e.by {
            By::Invocation => groups(l.gpu, e.n, GROUP as usize),
            By::OneGroup => [1, 1, 1],
            By::Group => groups(l.gpu, e.n, 1),
        },
        work: e.n as u64 * e.work,
    });
    if e.checked {
        l.gpu.watch();
    }
    Ok(())
}

/// Notes an index outside a dimension.
const BAD_INDEX: &str = "\
fn bad_index(index: i32, size: u32) {
  note_bad(bitcast<u32>(index), 0u, size);
}

";

fn text(e: &Each, b: &Bindings) -> String {
    let name = |v: &View| Scalar::of(v.dtype).name();
    let mut types: Vec<String> = e.outs.iter().chain(e.ins).map(|v| name(v).to_string()).collect();
    if e.atomic {
        types[..e.outs.len()].iter_mut().for_each(|t| *t = "atomic<u32>".into());
    }
    let sets: String = e.sets.iter().map(|(name, _)| format!("  {name}: Places,\n")).collect();
    let mut text = format!(
        "struct Params {{\n{sets}  count: u32,\n  code: u32,\n  pad1: u32,\n  pad2: u32,\n{}}}\n@group(0) @binding(0) var<uniform> p: Params;\n",
        e.fields
    );
    text += &b.declare(&types);
    if e.checked {
        text += &status::text(b.list.len() + 1, "p.code");
        text += BAD_INDEX;
    }
    text += POSITION;
    e.sets.iter().for_each(|(name, _)| text += &place(name));
    for (k, v) in e.outs.iter().enumerate() {
        let (t, slot) = (name(v), b.slots[k]);
        text += &match e.atomic {
            true => format!(
                "fn combine{k}(at: u32, v: {t}) {{\n  loop {{\n    let old = atomicLoad(&b{slot}[at]);\n    \
                 let new_ = bitcast<u32>(join(bitcast<{t}>(old), v));\n    if (new_ == old) {{\n      break;\n    }}\n    \
                 let r = atomicCompareExchangeWeak(&b{slot}[at], old, new_);\n    if (r.exchanged) {{\n      break;\n    }}\n  }}\n}}\n\n"
            ),
            false => format!(
                "fn put{k}(at: u32, v: {t}) {{\n  b{slot}[at] = v;\n}}\nfn out{k}(at: u32) -> {t} {{\n  return b{slot}[at];\n}}\n\n"
            ),
        };
    }
    for (k, v) in e.ins.iter().enumerate() {
        text += &format!("fn in{k}(at: u32) -> {} {{\n  return b{}[at];\n}}\n\n", name(v), b.slots[e.outs.len() + k]);
    }
    text += &(e.body)();
    // A number of workgroups is the same for all of one, which may therefore wait for each other behind the guard.
    let guard = "  if (i >= p.count) {\n    return;\n  }\n";
    let call = match e.by {
        By::Invocation => format!("  let i = group_number(w, n) * 256u + l;\n{guard}  body(i);\n"),
        By::OneGroup => "  body(l);\n".to_string(),
        By::Group => format!("  let i = group_number(w, n);\n{guard}  body(i, l);\n"),
    };
    text += &format!(
        "@compute @workgroup_size(256)\n\
         fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {{\n{call}}}\n"
    );
    link(&text)
}
