//! Reductions over any dimensions: sums, products, counts, extremes and where they are, norms, variances.
//!
//! A result is computed by one invocation, where there are many results or few elements to each, or by a workgroup. Where there are
//! too few results to keep a GPU busy, each is cut into parts, whose results a second launch joins.

mod folds;

pub(crate) use folds::{all, amax, amin, any, argmax, argmin, count_nonzero, nansum, norm, prod, sum, var_mean};

use super::bind::{Bindings, POSITION, groups};
use super::join::{Join, Merge};
use super::places::{Places, place};
use super::tuning;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::pipeline::Key;
use crate::stream::Dispatch;
use crate::wgsl::{Scalar, link};

/// Elements that an invocation reduces before it joins them with those before: errors of rounding grow with a chain's length.
const BLOCK: usize = 64;
/// The fewest elements of a part.
const PART: usize = 256;

/// What a reduction does with elements: the bodies of functions in WGSL.
#[derive(Clone, Copy)]
pub(crate) struct Fold {
    /// The type that is carried along.
    pub acc: &'static str,
    /// Its value before any element.
    pub start: &'static str,
    /// The next value, from `a`, the element `x`, its number `i` and the kept operands' places `at`.
    pub step: &'static str,
    /// What joins two values.
    pub merge: Merge,
    /// What is stored: an expression of `a` for every output.
    pub stores: &'static [&'static str],
}

/// A reduction as it is launched. The operands of the kept dimensions are the run-along ones, then the outputs, then others that are
/// read once for each result: four in all.
pub(crate) struct Reduction<'a> {
    pub name: &'static str,
    /// Which fold of this name.
    pub variant: u64,
    pub fold: Fold,
    pub ins: &'a [View<'a>],
    pub outs: &'a [View<'a>],
    pub extra: &'a [View<'a>],
    pub kept: Places,
    pub along: Places,
    /// The run-along operand that has most elements.
    pub lead: usize,
    /// Numbers that the fold may use as `p.numbers`.
    pub numbers: [u32; 4],
}

/// Runs a reduction, in two launches where one has too few results.
pub(crate) fn reduce(l: &Launch, r: &Reduction) -> Result<()> {
    let (results, each) = (r.kept.numel, r.along.numel);
    if results == 0 {
        return Ok(());
    }
    if !r.kept.fits() || !r.along.fits() {
        return l.refuse("a tensor of so many dimensions that do not lie behind each other");
    }
    // Neighbouring invocations should read neighbouring elements.
    let along_rows = r.along.only_stride(r.lead).is_none_or(|s| s.abs() == 1) || results == 1;
    let t = tuning::of(&l.gpu.0.traits);
    let together = each >= t.together && (along_rows || results < 64);
    let invocations = results * if together { 256 } else { 1 };
    let mut parts = 1;
    if invocations < t.busy && each >= 2 * PART {
        parts = (t.busy / invocations).min(each / PART).clamp(1, 1024);
    }
    if parts == 1 {
        run(l, r, together, 1, None);
        return Ok(());
    }
    // A partial result is two words.
    let partial = l.gpu.buffer(2 * parts * results)?;
    let shape = [2 * parts * results];
    let view = View { buffer: &partial, dtype: cresset_lane::DType::I32, shape: &shape, strides: &[1], offset: 0 };
    run(l, r, together, parts, Some(view));
    join(l, r, parts, view);
    Ok(())
}

/// The functions of a fold.
fn functions(r: &Reduction, types: &[&str]) -> String {
    let f = &r.fold;
    let acc = f.acc;
    let x = types[0];
    let (pack, unpack) = match acc {
        "f32" => ("vec2<u32>(bitcast<u32>(a), 0u)", "bitcast<f32>(w.x)"),
        "i32" => ("vec2<u32>(bitcast<u32>(a), 0u)", "bitcast<i32>(w.x)"),
        "u32" => ("vec2<u32>(a, 0u)", "w.x"),
        // A value's bits and its number.
        _ => ("a", "w"),
    };
    format!(
        "fn step(a: {acc}, x: {x}, i: u32, at: vec4<u32>) -> {acc} {{\n  {};\n}}\n\n\
         fn merge(a: {acc}, b: {acc}) -> {acc} {{\n  return {};\n}}\n\n\
         fn pack(a: {acc}) -> vec2<u32> {{\n  return {pack};\n}}\n\n\
         fn unpack(w: vec2<u32>) -> {acc} {{\n  return {unpack};\n}}\n\n",
        f.step,
        f.merge.of(acc)
    )
}

/// `finish(a, at)`, which stores a result.
fn finish(r: &Reduction, b: &Bindings, outputs: usize) -> String {
    let mut text = format!("fn finish(a: {}, at: vec4<u32>) {{\n", r.fold.acc);
    for (k, value) in r.fold.stores.iter().enumerate().take(outputs) {
        text += &format!("  b{}[at[{}]] = {value};\n", b.slots[k], 1 + k);
    }
    text + "}\n\n"
}

const PARAMS: &str = "struct Params {\n  kept: Places,\n  along: Places,\n  numbers: vec4<u32>,\n  parts: u32,\n  each: u32,\n}\n\
                      @group(0) @binding(0) var<uniform> p: Params;\n";

fn params(r: &Reduction, parts: usize) -> Vec<u32> {
    let mut params = Vec::new();
    r.kept.push(&mut params);
    r.along.push(&mut params);
    params.extend(r.numbers);
    params.extend([parts as u32, r.along.numel.div_ceil(parts) as u32]);
    params
}

/// `joined(l, mine)`: what a workgroup's invocations have come to.
fn joined(l: &Launch, f: &Fold) -> String {
    Join { name: "joined", acc: f.acc, start: f.start, merge: f.merge, lanes: 256, again: false }.text(l.gpu)
}

fn run(l: &Launch, r: &Reduction, together: bool, parts: usize, partial: Option<View>) {
    let outs: Vec<View> = partial.map_or(r.outs.to_vec(), |v| vec![v]);
    let ins: Vec<View> = r.ins.iter().chain(r.extra).copied().collect();
    let b = Bindings::new(&outs, &ins);
    let names = |v: &View| Scalar::of(v.dtype).name();
    let code = |v: &View| super::bind::scalar_code(Scalar::of(v.dtype));
    let types = ins.iter().chain(r.outs).fold(0, |bits, v| (bits << 2) | code(v));
    let variant = (r.variant << 48) | (types << 28) | (b.variant() << 4) | ((parts > 1) as u64) << 1 | together as u64;
    let text = || {
        let in_types: Vec<&str> = ins.iter().map(names).collect();
        let mut declared: Vec<String> = match partial {
            Some(_) => vec!["vec2<u32>".into()],
            None => outs.iter().map(|v| names(v).to_string()).collect(),
        };
        declared.extend(in_types.iter().map(|t| t.to_string()));
        let mut text = PARAMS.to_string() + &b.declare(&declared) + POSITION + &place("kept") + &place("along");
        text += &functions(r, &in_types);
        let many = outs.len();
        text += &match partial {
            Some(_) => format!(
                "fn finish_part(a: {}, result: u32, part: u32) {{\n  b{}[part * p.kept.n + result] = pack(a);\n}}\n\n",
                r.fold.acc, b.slots[0]
            ),
            None => finish(r, &b, many),
        };
        // Operands that are read once are named for the fold.
        for (k, slot) in b.slots[many + r.ins.len()..].iter().enumerate() {
            let at = r.ins.len() + r.outs.len() + k;
            text += &format!(
                "fn extra{k}(at: vec4<u32>) -> {} {{\n  return b{slot}[at[{at}]];\n}}\n\n",
                in_types[r.ins.len() + k]
            );
        }
        let x = format!("b{}[at.x + along.x]", b.slots[many]);
        let (acc, start) = (r.fold.acc, r.fold.start);
        let (head, first, step, end) = match together {
            true => (
                "  let number = group_number(w, n);\n  if (number >= p.kept.n * p.parts) {\n    return;\n  }\n",
                "from_ + l",
                "256u",
                "  let a = joined(l, mine);\n  if (l != 0u) {\n    return;\n  }\n",
            ),
            false => (
                "  let number = group_number(w, n) * 256u + l;\n  if (number >= p.kept.n * p.parts) {\n    return;\n  }\n",
                "from_",
                "1u",
                "  let a = mine;\n",
            ),
        };
        if together {
            text += &joined(l, &r.fold);
        }
        let (result, part) =
            if partial.is_some() { ("number % p.kept.n", "number / p.kept.n") } else { ("number", "0u") };
        let last = if partial.is_some() { "finish_part(a, result, part);" } else { "finish(a, at);" };
        text += &format!(
            "@compute @workgroup_size(256)\n\
             fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {{\n\
             {head}  let result = {result};\n  let part = {part};\n  let at = place_kept(result);\n  let from_ = part * p.each;\n  \
             let to = min(from_ + p.each, p.along.n);\n  var mine: {acc} = {start};\n  for (var i = {first}; i < to;) {{\n    \
             var block: {acc} = {start};\n    let stop = min(i + {BLOCK}u * {step}, to);\n    for (; i < stop; i += {step}) {{\n      \
             let along = place_along(i);\n      block = step(block, {x}, i, at);\n    }}\n    mine = merge(mine, block);\n  }}\n{end}  {last}\n}}\n"
        );
        link(&text)
    };
    let count = r.kept.numel * parts;
    l.gpu.dispatch(&Dispatch {
        key: Key { kernel: r.name, variant },
        text: &text,
        bindings: &b.list,
        params: &params(r, parts),
        groups: groups(l.gpu, count, if together { 1 } else { 256 }),
        work: (r.kept.numel * r.along.numel) as u64 * 8,
    });
}

/// Joins the parts of every result; a workgroup does it together where there are many.
fn join(l: &Launch, r: &Reduction, parts: usize, partial: View) {
    let together = parts >= tuning::of(&l.gpu.0.traits).together / 4;
    let ins: Vec<View> = std::iter::once(partial).chain(r.extra.iter().copied()).collect();
    let b = Bindings::new(r.outs, &ins);
    let names = |v: &View| Scalar::of(v.dtype).name();
    let code = |v: &View| super::bind::scalar_code(Scalar::of(v.dtype));
    let types = r.ins.iter().chain(r.extra).chain(r.outs).fold(0, |bits, v| (bits << 2) | code(v));
    let text = || {
        let many = r.outs.len();
        let mut declared: Vec<String> = r.outs.iter().map(|v| names(v).to_string()).collect();
        declared.push("vec2<u32>".into());
        declared.extend(r.extra.iter().map(|v| names(v).to_string()));
        let in_types: Vec<&str> = r.ins.iter().chain(r.extra).map(names).collect();
        let mut text = PARAMS.to_string() + &b.declare(&declared) + &place("kept") + POSITION;
        text += &functions(r, &in_types);
        text += &finish(r, &b, many);
        for k in 0..r.extra.len() {
            let at = r.ins.len() + many + k;
            let (slot, t) = (b.slots[many + 1 + k], in_types[r.ins.len() + k]);
            text += &format!("fn extra{k}(at: vec4<u32>) -> {t} {{\n  return b{slot}[at[{at}]];\n}}\n\n");
        }
        let (result, first, step, all) = match together {
            true => ("group_number(w, n)", "l", "256u", "joined(l, mine)"),
            false => ("group_number(w, n) * 256u + l", "0u", "1u", "mine"),
        };
        if together {
            text += &joined(l, &r.fold);
        }
        text += &format!(
            "@compute @workgroup_size(256)\n\
             fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {{\n  \
             let result = {result};\n  if (result >= p.kept.n) {{\n    return;\n  }}\n  var mine: {} = {};\n  \
             for (var i = {first}; i < p.parts; i += {step}) {{\n    mine = merge(mine, unpack(b{}[i * p.kept.n + result]));\n  }}\n  \
             let a = {all};\n  {}finish(a, place_kept(result));\n}}\n",
            r.fold.acc,
            r.fold.start,
            b.slots[many],
            if together { "if (l != 0u) {\n    return;\n  }\n  " } else { "" }
        );
        link(&text)
    };
    l.gpu.dispatch(&Dispatch {
        key: Key {
            kernel: r.name,
            variant: (r.variant << 48) | (types << 28) | (b.variant() << 4) | 4 | together as u64,
        },
        text: &text,
        bindings: &b.list,
        params: &params(r, parts),
        groups: groups(l.gpu, r.kept.numel, if together { 1 } else { 256 }),
        work: (r.kept.numel * parts) as u64 * 8,
    });
}
