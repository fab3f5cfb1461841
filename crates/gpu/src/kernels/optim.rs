//! Optimizer updates: one pass over a parameter, its gradient and its state, for as many parameters in one dispatch as can be bound.
//!
//! Layout of a launch and order of operations are the CPU's (cpu/src/optim.rs): `ins` are the gradients; `outs` the parameters, then
//! the tensors of each state; `attrs` the group's, then those of each parameter. A rule is a body in WGSL over `w`, the parameter, `g`,
//! its gradient, `s0`..., its states, and the attributes `a0`..., `o0`... (those of a parameter of its own). What takes double to
//! compute is computed here, for each attribute.

use std::fmt::Write;

use cresset_lane::Attr;

use super::bind::{Bindings, GROUP, POSITION, groups};
use super::copy::{contiguous, move_elements};
use super::each::{Each, each};
use super::places::Places;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::pipeline::{Key, MAX_BINDINGS};
use crate::stream::Dispatch;
use crate::wgsl::link;

/// How an element is updated.
struct Rule {
    states: usize,
    shared: usize,
    own: usize,
    /// Attributes that are flags rather than numbers.
    flags: &'static [usize],
    /// Numbers that are made of the group's attributes in double, as `d0`, ...
    made: fn(&[Attr]) -> Vec<f64>,
    body: &'static str,
}

/// The gradient as most take it: `decay` and `maximize` are names of attributes.
macro_rules! gradient {
    ($decay:literal, $maximize:literal) => {
        concat!(
            "  if (",
            $maximize,
            " != 0.0) {\n    g = -g;\n  }\n  if (",
            $decay,
            " != 0.0) {\n    g = g + ",
            $decay,
            " * w;\n  }\n"
        )
    };
}

/// The start of Adam's family: beta1, beta2, eps, weight_decay, maximize, lr, decoupled. Made: 1 - beta1, 1 - beta2, what a decoupled
/// decay leaves, the coupled decay.
const MOMENTS: &str =
    concat!(gradient!("d3", "a4"), "  w = w * d2;\n  s0 = m_lerp(s0, g, d0);\n  s1 = s1 * a1 + d1 * g * g;\n");

fn moments(a: &[Attr]) -> Vec<f64> {
    let (decay, decoupled) = (a[3].f(), a[6].b());
    let shrink = if decoupled && decay != 0.0 { 1.0 - a[5].f() * decay } else { 1.0 };
    vec![1.0 - a[0].f(), 1.0 - a[1].f(), shrink, if decoupled { 0.0 } else { decay }]
}

fn adam(body: &'static str, states: usize, own: usize) -> Rule {
    Rule { states, shared: 7, own, flags: &[4, 6], made: moments, body }
}

fn rmsprop(body: &'static str, states: usize) -> Rule {
    Rule { states, shared: 6, own: 0, flags: &[4], made: |a| vec![1.0 - a[1].f()], body }
}

fn rule(name: &str) -> Option<Rule> {
    const NONE: fn(&[Attr]) -> Vec<f64> = |_| Vec::new();
    Some(match name {
        "sgd_step" => Rule {
            states: 0,
            shared: 3,
            own: 0,
            flags: &[2],
            made: NONE,
            body: concat!(gradient!("a1", "a2"), "  w = w - a0 * g;\n"),
        },
        "muon_step" => Rule { states: 0, shared: 2, own: 0, flags: &[], made: NONE, body: "  w = w * a0 - a1 * g;\n" },
        "sgd_momentum_step" => Rule {
            states: 1,
            shared: 6,
            own: 1,
            flags: &[2, 5, 6],
            made: |a| vec![1.0 - a[4].f()],
            body: concat!(
                gradient!("a1", "a2"),
                "  s0 = select(s0 * a3 + d0 * g, g, o0 != 0.0);\n  w = w - a0 * select(s0, g + a3 * s0, a5 != 0.0);\n"
            ),
        },
        "asgd_step" => Rule {
            states: 1,
            shared: 3,
            own: 2,
            flags: &[1],
            made: NONE,
            body: concat!(
                gradient!("a0", "a1"),
                "  w = w * (1.0 - a2 * o0) - o0 * g;\n  s0 = select(s0 + (w - s0) * o1, w, o1 == 1.0);\n"
            ),
        },
        "rprop_step" => Rule {
            states: 2,
            shared: 5,
            own: 0,
            flags: &[0],
            made: NONE,
            body: "  if (a0 != 0.0) {\n    g = -g;\n  }\n  let turn = g * s0;\n  s1 = s1 * select(select(1.0, a1, turn < 0.0), a2, turn > 0.0);\n  \
                   s1 = select(s1, a3, s1 < a3);\n  s1 = select(s1, a4, s1 > a4);\n  g = select(g, 0.0, turn < 0.0);\n  w = w - m_sign(g) * s1;\n  s0 = g;\n",
        },
        "adam_step" => adam("M  w = w - o0 * s0 / (sqrt(s1) / o1 + a2);\n", 2, 2),
        "adam_amsgrad_step" => adam("M  s2 = m_maximum(s2, s1);\n  w = w - o0 * s0 / (sqrt(s2) / o1 + a2);\n", 3, 2),
        "nadam_step" => adam("M  let by = sqrt(s1 / o0) + a2;\n  w = w + o1 * g / by + o2 * s0 / by;\n", 2, 3),
        "radam_step" => adam(
            "M  let plain = s0 / o0 * a5;\n  w = w - select(plain * (o1 / (sqrt(s1) + a2)) * o2, plain, o2 == 0.0);\n",
            2,
            3,
        ),
        "adamax_step" => Rule {
            states: 2,
            shared: 5,
            own: 1,
            flags: &[4],
            made: |a| vec![1.0 - a[0].f()],
            body: concat!(
                gradient!("a3", "a4"),
                "  s0 = m_lerp(s0, g, d0);\n  s1 = m_maximum(s1 * a1, abs(g) + a2);\n  w = w - o0 * s0 / s1;\n"
            ),
        },
        "adadelta_step" => Rule {
            states: 2,
            shared: 5,
            own: 0,
            flags: &[4],
            made: |a| vec![1.0 - a[1].f()],
            body: concat!(
                gradient!("a3", "a4"),
                "  s0 = s0 * a1 + d0 * g * g;\n  let delta = sqrt(s1 + a2) / sqrt(s0 + a2) * g;\n  w = w - a0 * delta;\n  s1 = s1 * a1 + d0 * delta * delta;\n"
            ),
        },
        "adagrad_step" => Rule {
            states: 1,
            shared: 3,
            own: 1,
            flags: &[2],
            made: NONE,
            body: concat!(gradient!("a1", "a2"), "  s0 = s0 + g * g;\n  w = w - o0 * g / (sqrt(s0) + a0);\n"),
        },
        "rmsprop_step" => rmsprop(
            concat!(gradient!("a3", "a4"), "  s0 = s0 * a1 + d0 * g * g;\n  w = w - a0 * g / (sqrt(s0) + a2);\n"),
            1,
        ),
        "rmsprop_momentum_step" => rmsprop(
            concat!(
                gradient!("a3", "a4"),
                "  s0 = s0 * a1 + d0 * g * g;\n  s1 = s1 * a5 + g / (sqrt(s0) + a2);\n  w = w - a0 * s1;\n"
            ),
            2,
        ),
        "rmsprop_centered_step" => rmsprop(
            concat!(
                gradient!("a3", "a4"),
                "  s0 = s0 * a1 + d0 * g * g;\n  s1 = m_lerp(s1, g, d0);\n  w = w - a0 * g / (sqrt(s0 - s1 * s1) + a2);\n"
            ),
            2,
        ),
        "rmsprop_centered_momentum_step" => rmsprop(
            concat!(
                gradient!("a3", "a4"),
                "  s0 = s0 * a1 + d0 * g * g;\n  s2 = m_lerp(s2, g, d0);\n  s1 = s1 * a5 + g / (sqrt(s0 - s2 * s2) + a2);\n  w = w - a0 * s1;\n"
            ),
            3,
        ),
        _ => return None,
    })
}

/// Whether there is a rule of this name.
pub(crate) fn has(name: &str) -> bool {
    rule(name).is_some()
}

/// Runs the rule of the launch's name.
pub(crate) fn step(l: &Launch) -> Result<()> {
    let rule = rule(l.name).expect("a rule of this name");
    let n = l.ins.len();
    let each = rule.states + 2;
    let at_once = MAX_BINDINGS / each;
    let mut waiting: Vec<usize> = Vec::new();
    for i in 0..n {
        let operands = operands(l, &rule, i);
        if operands[0].numel() == 0 {
            continue;
        }
        if !operands.iter().all(View::is_contiguous) {
            scattered(l, &rule, i, &operands)?;
            continue;
        }
        waiting.push(i);
        if waiting.len() == at_once {
            run(l, &rule, &waiting);
            waiting.clear();
        }
    }
    if !waiting.is_empty() {
        run(l, &rule, &waiting);
    }
    Ok(())
}

/// Parameter, states and gradient number i.
fn operands<'a>(l: &Launch<'a>, rule: &Rule, i: usize) -> Vec<View<'a>> {
    let n = l.ins.len();
    (0..=rule.states).map(|k| l.outs[k * n + i]).chain([l.ins[i]]).collect()
}

/// Updates row-major copies and moves them back.
fn scattered(l: &Launch, rule: &Rule, i: usize, operands: &[View]) -> Result<()> {
    let mut copies = Vec::new();
    for v in operands {
        copies.push(contiguous(l.gpu, v)?);
    }
    let views: Vec<View> = operands.iter().zip(&copies).map(|(v, c)| c.view(v)).collect();
    let (outs, ins) = views.split_at(rule.states + 1);
    let own = rule.shared + i * rule.own;
    let attrs: Vec<Attr> = [&l.attrs[..rule.shared], &l.attrs[own..own + rule.own]].concat();
    run(&Launch { ins, outs, attrs: &attrs, ..*l }, rule, &[0]);
    for (v, c) in outs.iter().zip(operands) {
        move_elements(&Launch { gpu: l.gpu, name: "copy", ins: &[*v], outs: &[*c], attrs: &[], demand: None })?;
    }
    Ok(())
}

fn number(rule: &Rule, at: usize, a: Attr) -> f32 {
    if rule.flags.contains(&at) { a.b() as u8 as f32 } else { a.f() as f32 }
}

/// Words of uniforms that a parameter has: where its operands begin, where its elements end, its own attributes.
const WORDS: usize = 12;

/// Updates the parameters of these numbers, of which all operands are row-major, in one dispatch.
fn run(l: &Launch, rule: &Rule, which: &[usize]) {
    let each = rule.states + 2;
    let mut params: Vec<u32> = (0..rule.shared).map(|k| number(rule, k, l.attrs[k]).to_bits()).collect();
    params.resize(8, 0);
    params.extend((rule.made)(l.attrs).into_iter().map(|v| (v as f32).to_bits()));
    params.resize(12, 0);
    let (mut outs, mut ins, mut total) = (Vec::new(), Vec::new(), 0usize);
    for &i in which {
        let views = operands(l, rule, i);
        total += views[0].numel();
        let start = params.len();
        params.extend(views.iter().map(|v| v.offset as u32));
        params.resize(start + 5, 0);
        params.push(total as u32);
        params.resize(start + 8, 0);
        for k in 0..rule.own {
            params.push(number(rule, rule.shared + k, l.attrs[rule.shared + i * rule.own + k]).to_bits());
        }
        params.resize(start + WORDS, 0);
        outs.extend_from_slice(&views[..each - 1]);
        ins.push(views[each - 1]);
    }
    let b = Bindings::new(&outs, &ins);
    let count = which.len();
    let text = || {
        let types = vec!["f32".to_string(); b.slots.len()];
        let mut text = format!(
            "struct One {{\n  offset: vec4<u32>,\n  last: u32,\n  end: u32,\n  pad: vec2<u32>,\n  own: vec4<f32>,\n}}\n\
             struct Params {{\n  shared_: array<vec4<f32>, 2>,\n  made: vec4<f32>,\n  one: array<One, {count}>,\n}}\n\
             @group(0) @binding(0) var<uniform> p: Params;\n{}{POSITION}",
            b.declare(&types)
        );
        text += "@compute @workgroup_size(256)\n\
                 fn main(@builtin(workgroup_id) grid: vec3<u32>, @builtin(num_workgroups) size: vec3<u32>, @builtin(local_invocation_index) l: u32) {\n  \
                 let i = group_number(grid, size) * 256u + l;\n";
        for k in 0..8 {
            let _ = writeln!(text, "  let a{k} = p.shared_[{}][{}];", k / 4, k % 4);
        }
        for k in 0..4 {
            let _ = writeln!(text, "  let d{k} = p.made[{k}];");
        }
        for q in 0..count {
            let begin = if q == 0 { "0u".into() } else { format!("p.one[{}].end", q - 1) };
            let _ = writeln!(text, "  if (i >= {begin} && i < p.one[{q}].end) {{\n  let at = i - {begin};");
            for k in 0..3 {
                let _ = writeln!(text, "  let o{k} = p.one[{q}].own[{k}];");
            }
            // Operands are numbered as they were bound: parameter and states of each, then all gradients.
            let place = |k: usize| {
                let slot = if k == each - 1 { b.slots[count * (each - 1) + q] } else { b.slots[q * (each - 1) + k] };
                let offset = if k < 4 { format!("offset[{k}]") } else { "last".into() };
                format!("b{slot}[p.one[{q}].{offset} + at]")
            };
            let _ = writeln!(text, "  var w = {};\n  var g = {};", place(0), place(each - 1));
            for k in 0..rule.states {
                let _ = writeln!(text, "  var s{k} = {};", place(k + 1));
            }
            text += &rule.body.replace("M  ", &format!("{MOMENTS}  "));
            let _ = writeln!(text, "  {} = w;", place(0));
            for k in 0..rule.states {
                let _ = writeln!(text, "  {} = s{k};", place(k + 1));
            }
            text += "  }\n";
        }
        link(&(text + "}\n"))
    };
    l.gpu.dispatch(&Dispatch {
        key: Key { kernel: l.name, variant: (b.variant() << 3) | count as u64 },
        text: &text,
        bindings: &b.list,
        params: &params,
        groups: groups(l.gpu, total, GROUP as usize),
        work: total as u64 * 32,
    });
}

/// SparseAdam: the rows that are named, of one parameter. ins: grad, rows; outs: param, exp_avg, exp_avg_sq; attrs: beta1, beta2, eps,
/// step size, maximize.
pub(crate) fn sparse_adam(l: &Launch) -> Result<()> {
    let (g, rows) = (&l.ins[0], &l.ins[1]);
    let views = [&l.outs[0], &l.outs[1], &l.outs[2], g];
    // One row of each.
    let strides = views.map(|v| v.strides[1..].to_vec());
    let places = Places::from_strides(&g.shape[1..], &strides).at(&views);
    let inner = places.numel;
    let mut params: Vec<u32> = views.iter().map(|v| v.strides[0] as i32 as u32).collect();
    let f = |i: usize| l.attrs[i].f();
    params.extend([1.0 - f(0), 1.0 - f(1), f(2), f(3)].map(|v| (v as f32).to_bits()));
    params.extend([inner as u32, rows.offset as u32, l.attrs[4].b() as u32, g.shape[0] as u32]);
    let fields = "  row: vec4<u32>,\n  rest1: f32,\n  rest2: f32,\n  eps: f32,\n  size: f32,\n  inner: u32,\n  rows: u32,\n  maximize: u32,\n  size0: u32,\n";
    let body = || {
        "fn body(i: u32) {\n  let row = in1(p.rows + i / p.inner);\n  if (bitcast<u32>(row) >= p.size0) {\n    bad_index(row, p.size0);\n    return;\n  }\n  \
         let at = place_one(i % p.inner) + u32(row) * p.row;\n  var g = in0(at.w);\n  \
         if (p.maximize == 1u) {\n    g = -g;\n  }\n  var m = out1(at.y);\n  var v = out2(at.z);\n  m = (g - m) * p.rest1 + m;\n  v = (g * g - v) * p.rest2 + v;\n  \
         put1(at.y, m);\n  put2(at.z, v);\n  put0(at.x, out0(at.x) - p.size * (m / (sqrt(v) + p.eps)));\n}\n\n"
            .to_string()
    };
    let e = Each::new(l.name, l.outs, l.ins, inner * rows.numel(), &body);
    each(l, &Each { sets: &[("one", &places)], fields, params: &params, checked: true, ..e })
}
