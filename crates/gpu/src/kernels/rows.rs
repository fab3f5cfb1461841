//! What is done along one dimension with a row at a time: softmax, its logarithm, their gradients, log-sum-exp, layer normalisation.
//!
//! A workgroup runs along a row together, with as many invocations as its length asks for; of short rows every invocation has one.
//! What is done stands in rows.wgsl.

use super::bind::{Bindings, POSITION, groups};
use super::join::{Join, Merge};
use super::places::{Places, place};
use super::tuning;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::pipeline::Key;
use crate::stream::Dispatch;
use crate::wgsl::{link, pick};

const TEXT: &str = include_str!("rows.wgsl");

const GROUP: usize = 64;

/// What the invocations of a row have, joined. Where each has a row of its own there is nothing to wait for, and waiting would be an
/// error, since not all of a workgroup have one.
const ALONE: &str = "\
fn total(l: u32, mine: f32) -> f32 {
  return mine;
}
fn greatest(l: u32, mine: f32) -> f32 {
  return mine;
}

";
fn together(l: &Launch, lanes: u32) -> String {
    let total = Join { again: true, ..Join::sum("total", "f32", lanes) };
    let greatest = Join { name: "greatest", start: "-m_inf()", merge: Merge::Max, ..total };
    total.text(l.gpu) + &greatest.text(l.gpu)
}

/// Runs a function over rows. `views` are the operands that have rows of their own: what is read as x and y, then the output; `more`
/// are further operands in the order of their bindings, for which `functions` has the text. Outputs come first in bindings.
struct Rows<'a> {
    function: &'static str,
    variant: u64,
    outs: &'a [View<'a>],
    ins: &'a [View<'a>],
    /// The rows, with where each begins in x, y or the output, and the output or others.
    places: Places,
    n: usize,
    /// Steps along a row of the operands of `places`.
    steps: [isize; 4],
    eps: u32,
    functions: &'a dyn Fn(&[usize]) -> String,
}

fn run(l: &Launch, r: &Rows) -> Result<()> {
    if r.places.numel == 0 {
        return Ok(());
    }
    if !r.places.fits() {
        return l.refuse("a tensor of so many dimensions that do not lie behind each other");
    }
    let t = tuning::of(&l.gpu.0.traits);
    let lanes = match r.n {
        n if n <= t.short_row => 1,
        ..=1024 => 64,
        _ => 256,
    };
    let b = Bindings::new(r.outs, r.ins);
    let mut params = Vec::new();
    r.places.push(&mut params);
    params.extend(r.steps.map(|s| s as i32 as u32));
    params.extend([r.n as u32, r.eps]);
    let text = || {
        let types = vec!["f32".to_string(); b.slots.len()];
        let mut text = format!(
            "const LANES = {lanes}u;\nstruct Params {{\n  rows: Places,\n  steps: vec4<u32>,\n  n: u32,\n  eps: u32,\n}}\n\
             @group(0) @binding(0) var<uniform> p: Params;\n{}var<private> base: vec4<u32>;\n",
            b.declare(&types)
        );
        text += POSITION;
        text += &place("rows");
        text += &(r.functions)(&b.slots);
        text += &if lanes == 1 { ALONE.to_string() } else { together(l, lanes) };
        text += &pick(TEXT, &[r.function, "row_max", "row_exp"]);
        let (row, lane) = match lanes {
            1 => (format!("group_number(w, n) * {GROUP}u + l"), "0u"),
            _ => ("group_number(w, n)".into(), "l"),
        };
        text += &format!(
            "@compute @workgroup_size({})\n\
             fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {{\n  \
             let row = {row};\n  if (row >= p.rows.n) {{\n    return;\n  }}\n  base = place_rows(row);\n  {}({lane});\n}}\n",
            if lanes == 1 { GROUP as u32 } else { lanes },
            r.function
        );
        link(&text)
    };
    l.gpu.dispatch(&Dispatch {
        key: Key { kernel: l.name, variant: (((r.variant << 24) | b.variant()) << 9) | lanes as u64 },
        text: &text,
        bindings: &b.list,
        params: &params,
        groups: groups(l.gpu, r.places.numel, if lanes == 1 { GROUP } else { 1 }),
        work: (r.places.numel * r.n) as u64 * 48,
    });
    Ok(())
}

/// Function texts for operands of which the k-th of `places` is binding `slots[k]`.
fn reader(name: &str, slot: usize, k: usize) -> String {
    format!("fn {name}(i: u32) -> f32 {{\n  return b{slot}[base[{k}] + i * p.steps[{k}]];\n}}\n\n")
}
fn writer(slot: usize, k: usize) -> String {
    format!("fn put(i: u32, v: f32) {{\n  b{slot}[base[{k}] + i * p.steps[{k}]] = v;\n}}\n\n")
}

/// Along `attrs[0]`: inputs x and perhaps y, one output.
fn along(l: &Launch, function: &'static str) -> Result<()> {
    let dim = l.attrs[0].n();
    let operands: Vec<&View> = l.ins.iter().chain(l.outs).collect();
    let places = Places::of(&operands, |d| d != dim).at(&operands);
    let x = &l.ins[0];
    let mut steps = [0; 4];
    for (s, v) in steps.iter_mut().zip(&operands) {
        *s = v.strides.get(dim).copied().unwrap_or(1);
    }
    let functions = |slots: &[usize]| {
        let mut text = writer(slots[0], l.ins.len());
        for (k, name) in ["x", "y"].iter().enumerate().take(l.ins.len()) {
            text += &reader(name, slots[1 + k], k);
        }
        text
    };
    let n = x.shape.get(dim).copied().unwrap_or(1);
    run(l, &Rows { function, variant: 0, outs: l.outs, ins: l.ins, places, n, steps, eps: 0, functions: &functions })
}

pub(crate) fn softmax(l: &Launch) -> Result<()> {
    along(l, "softmax")
}
pub(crate) fn log_softmax(l: &Launch) -> Result<()> {
    along(l, "log_softmax")
}
pub(crate) fn logsumexp(l: &Launch) -> Result<()> {
    along(l, "logsumexp")
}
pub(crate) fn softmax_backward(l: &Launch) -> Result<()> {
    along(l, "softmax_backward")
}
pub(crate) fn log_softmax_backward(l: &Launch) -> Result<()> {
    along(l, "log_softmax_backward")
}

/// Rows of views of two dimensions.
fn of_rows(views: &[&View]) -> (Places, [isize; 4]) {
    let mut steps = [0; 4];
    for (s, v) in steps.iter_mut().zip(views) {
        *s = v.strides[1];
    }
    (Places::of(views, |d| d == 0).at(views), steps)
}

/// How a factor that all rows share is read, or what stands for it.
fn shared(name: &str, slot: Option<usize>, otherwise: &str) -> String {
    match slot {
        Some(slot) => format!("fn {name}(i: u32) -> f32 {{\n  return b{slot}[at_{name}() + i];\n}}\n\n"),
        None => format!("fn {name}(i: u32) -> f32 {{\n  return {otherwise};\n}}\n\n"),
    }
}

/// ins: [x, weight?, bias?]; outs: [y, mean, inverse deviation]; attrs: [eps, weight, bias].
pub(crate) fn layer_norm(l: &Launch) -> Result<()> {
    let [y, mean, deviation] = l.outs else { unreachable!("three outputs") };
    let (has_weight, has_bias) = (l.attrs[1].b(), l.attrs[2].b());
    // x, y and both moments have a row each; what is shared begins where it begins.
    let (places, mut steps) = of_rows(&[&l.ins[0], y, mean, deviation]);
    (steps[2], steps[3]) =
        (l.ins.get(1).map_or(0, |v| v.offset as isize), l.ins.get(2).map_or(0, |v| v.offset as isize));
    let functions = |slots: &[usize]| {
        let mut text = reader("x", slots[3], 0) + &writer(slots[0], 1);
        text += "fn at_weight() -> u32 {\n  return p.steps[2];\n}\n\n";
        text += if has_weight {
            "fn at_bias() -> u32 {\n  return p.steps[3];\n}\n\n"
        } else {
            "fn at_bias() -> u32 {\n  return p.steps[2];\n}\n\n"
        };
        text += &shared("weight", has_weight.then(|| slots[4]), "1.0");
        text += &shared("bias", has_bias.then(|| slots[slots.len() - 1]), "0.0");
        text + &format!(
            "fn put_moments(mean: f32, factor: f32) {{\n  b{}[base.z] = mean;\n  b{}[base.w] = factor;\n}}\n\n",
            slots[1], slots[2]
        )
    };
    let eps = (l.attrs[0].f() as f32).to_bits();
    let variant = has_weight as u64 | (has_bias as u64) << 1;
    let n = y.shape[1];
    run(
        l,
        &Rows {
            function: "layer_norm",
            variant,
            outs: l.outs,
            ins: l.ins,
            places,
            n,
            steps,
            eps,
            functions: &functions,
        },
    )
}

/// ins: [g, x, mean, inverse deviation, weight?]; outs: [dx].
pub(crate) fn layer_norm_backward(l: &Launch) -> Result<()> {
    let dx = &l.outs[0];
    let (mean, deviation) = (&l.ins[2], &l.ins[3]);
    let has_weight = l.ins.len() > 4;
    // The moments of a row lie alike, so one place serves both; the fourth number is the second one's offset.
    let (places, mut steps) = of_rows(&[&l.ins[0], &l.ins[1], dx, mean]);
    if deviation.strides[0] != mean.strides[0] && deviation.shape[0] != 1 {
        return l.refuse("moments in different layouts");
    }
    steps[3] = deviation.offset as isize - mean.offset as isize;
    let functions = |slots: &[usize]| {
        let mut text = reader("x", slots[1], 0) + &reader("y", slots[2], 1) + &writer(slots[0], 2);
        text += "fn at_weight() -> u32 {\n  return p.eps;\n}\n\n";
        text += &shared("weight", has_weight.then(|| slots[5]), "1.0");
        text + &format!(
            "fn moment_mean() -> f32 {{\n  return b{}[base.w];\n}}\n\nfn moment_factor() -> f32 {{\n  return b{}[base.w + p.steps.w];\n}}\n\n",
            slots[3], slots[4]
        )
    };
    let eps = l.ins.get(4).map_or(0, |w| w.offset as u32);
    let (variant, n) = (has_weight as u64, dx.shape[1]);
    run(
        l,
        &Rows {
            function: "layer_norm_backward",
            variant,
            outs: l.outs,
            ins: l.ins,
            places,
            n,
            steps,
            eps,
            functions: &functions,
        },
    )
}
