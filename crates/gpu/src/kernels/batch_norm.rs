//! Batch normalisation, and what is one with its numbers in other sets; the CPU's kernel (cpu/src/reduce/batch_norm.rs) says what a
//! launch holds. What is done stands in batch_norm.wgsl.
//!
//! A set that is small is one workgroup's, or a share of one, which computes its moments and at once what follows from them. A set
//! that is large is cut into parts: a first launch gives the moments of each part, and in a second one every workgroup joins them
//! again, which is little, and goes on with its own part. Sums are trees whose shape depends on sizes only.

use cresset_lane::DType;

use super::copy::copy;
use super::each::{By, Each, each};
use super::join::Join;
use super::places::Places;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::wgsl::pick;

const TEXT: &str = include_str!("batch_norm.wgsl");
/// What all of them need.
const COMMON: [&str; 7] = ["lane", "slot", "base", "at", "of_line", "Task", "task"];

/// Workgroups that keep a GPU busy.
const BUSY: usize = 1024;
/// The fewest elements that a workgroup takes of a set that is cut.
const PART: usize = 2048;
/// Sets that neighbouring invocations read where they lie side by side.
const SIDE: usize = 32;
/// Parts of a set at most: as many as a workgroup has invocations.
const PARTS: usize = 256;

/// How sets are given to workgroups.
#[derive(Clone, Copy)]
struct Plan {
    sets: usize,
    /// Elements of a set, and of a line.
    n: usize,
    len: usize,
    lines: usize,
    /// Sets of the operands that are one here.
    per: usize,
    wide: usize,
    side: bool,
    parts: usize,
}

impl Plan {
    /// For elements laid out as `x`, by sets or by lines.
    fn new(x: &View, by_line: bool) -> Plan {
        let [sets, lines, len] = [x.shape[0], x.shape[1], x.shape[2]];
        let (sets, n, per, step) = if by_line {
            (sets * lines, len, lines.max(1), x.strides[1])
        } else {
            (sets, lines * len, 1, x.strides[0])
        };
        let side = len == 1 && step == 1 && sets > 1;
        let wide =
            if side { sets.next_power_of_two().min(SIDE) } else { 256 / (n / 4).next_power_of_two().clamp(1, 256) };
        let groups = sets.div_ceil(wide).max(1);
        let parts = (n * wide / PART).min(BUSY / groups).clamp(1, PARTS);
        let mut plan = Plan { sets, n, len, lines, per, wide, side, parts };
        plan.parts = n.div_ceil(plan.each()).max(1);
        plan
    }

    fn whole(self) -> Plan {
        Plan { parts: 1, ..self }
    }

    /// Elements of a part.
    fn each(&self) -> usize {
        self.n.div_ceil(self.parts).max(1)
    }

    fn groups(&self) -> usize {
        self.sets.div_ceil(self.wide) * self.parts
    }

    fn variant(&self) -> u64 {
        (self.wide.trailing_zeros() as u64) << 1 | self.side as u64
    }
}

const FIELDS: &str = "  sets: u32,\n  n: u32,\n  len: u32,\n  lines: u32,\n  per: u32,\n  parts: u32,\n  each: u32,\n  eps: f32,\n  at: array<vec4<u32>, 9>,\n";

/// An operand by the name that the text has for it, where it begins and its steps from set to set, line to line, element to element.
#[derive(Clone, Copy)]
struct Operand<'a>(&'static str, View<'a>, [u32; 4]);

impl<'a> Operand<'a> {
    fn new(name: &'static str, v: &View<'a>) -> Operand<'a> {
        let mut place = [v.offset as u32, 0, 0, 0];
        for (d, (&n, &s)) in v.shape.iter().zip(v.strides).enumerate() {
            place[d + 1] = if n == 1 { 0 } else { s as i32 as u32 };
        }
        Operand(name, *v, place)
    }
}

/// The operands as buffers: strides are this module's, not the frame's.
fn buffers<'a>(list: &[Operand<'a>]) -> Vec<View<'a>> {
    list.iter().map(|o| View { shape: &[], strides: &[], offset: 0, ..o.1 }).collect()
}

/// Launches `statements` over the tasks of a plan: they have `t`, the task, and `l`, the invocation. `missing` are operands of the text
/// that there are not, and numbers that stand for them.
struct Step<'a> {
    name: &'static str,
    variant: u64,
    plan: Plan,
    outs: &'a [Operand<'a>],
    ins: &'a [Operand<'a>],
    missing: &'a [(&'static str, &'static str)],
    functions: &'a [&'a str],
    statements: &'a str,
    eps: f32,
}

fn step(l: &Launch, s: &Step) -> Result<()> {
    let p = &s.plan;
    let mut params: Vec<u32> =
        [p.sets, p.n, p.len.max(1), p.lines, p.per, p.parts, p.each()].map(|n| n as u32).to_vec();
    params.push(s.eps.to_bits());
    s.outs.iter().chain(s.ins).for_each(|o| params.extend(o.2));
    params.resize(8 + 4 * 9, 0);
    let body = || {
        let mut text =
            format!("const WIDE = {}u;\nconst LANES = {}u;\nconst SIDE = {};\n\n", p.wide, 256 / p.wide, p.side);
        for (k, Operand(name, ..)) in s.outs.iter().chain(s.ins).enumerate() {
            text += &format!("fn place_{name}() -> vec4<u32> {{\n  return p.at[{k}];\n}}\n\n");
        }
        for (k, Operand(name, ..)) in s.outs.iter().enumerate() {
            text += &format!("fn put_{name}(at: u32, v: f32) {{\n  put{k}(at, v);\n}}\n\n");
        }
        for (k, Operand(name, ..)) in s.ins.iter().enumerate() {
            text += &format!("fn get_{name}(at: u32) -> f32 {{\n  return in{k}(at);\n}}\n\n");
        }
        for (name, v) in s.missing {
            text += &format!(
                "fn place_{name}() -> vec4<u32> {{\n  return vec4<u32>();\n}}\n\nfn get_{name}(at: u32) -> f32 {{\n  return {v};\n}}\n\n"
            );
        }
        text += &pick(TEXT, &[&COMMON, s.functions].concat());
        text += &match p.wide {
            1 => Join { again: true, ..Join::sum("joined", "vec2<f32>", 256) }.text(l.gpu),
            _ => format!("var<workgroup> room: array<vec2<f32>, 256>;\n\n{}", pick(TEXT, &["joined"])),
        };
        text + &format!("fn body(number: u32, l: u32) {{\n  let t = task(number, l);\n{}}}\n\n", s.statements)
    };
    let (outs, ins) = (buffers(s.outs), buffers(s.ins));
    let work = p.n.div_ceil(p.parts).max(1) as u64 * 32 * p.wide as u64;
    let variant = s.variant << 5 | p.variant();
    let e = Each::new(s.name, &outs, &ins, p.groups(), &body);
    each(l, &Each { variant, fields: FIELDS, params: &params, by: By::Group, work, ..e })
}

/// Weight and bias where there are any, and what stands for those that there are not.
fn affine<'a>(views: &[(&'static str, Option<&View<'a>>)]) -> (Vec<Operand<'a>>, Vec<(&'static str, &'static str)>) {
    let there = views.iter().filter_map(|(name, v)| v.map(|v| Operand::new(name, v))).collect();
    let none = |name: &str| if name == "weight" { "1.0" } else { "0.0" };
    (there, views.iter().filter(|(_, v)| v.is_none()).map(|(name, _)| (*name, none(name))).collect())
}

/// Numbers for the moments, or sums, of every part.
fn partial(l: &Launch, plan: &Plan, more: usize) -> Result<crate::pool::Buffer> {
    l.gpu.buffer(2 * plan.sets * (plan.parts + more))
}
fn numbers(buffer: &crate::pool::Buffer) -> View<'_> {
    View { buffer, dtype: DType::F32, shape: &[], strides: &[], offset: 0 }
}

/// ins: [x, mean?, variance?, weight?, bias?]; outs: [y, mean, inverse deviation, variance]; attrs: [eps, given, weight, bias].
pub(crate) fn forward(l: &Launch) -> Result<()> {
    let x = &l.ins[0];
    let (eps, given, weighted, biased) = (l.attrs[0].f() as f32, l.attrs[1].b(), l.attrs[2].b(), l.attrs[3].b());
    let params = &l.ins[if given { 3 } else { 1 }..];
    let (weight, bias) = (params.first().filter(|_| weighted), params.last().filter(|_| biased));
    if given {
        return by_given(l, eps, weight, bias);
    }
    let plan = Plan::new(x, false);
    let (shared, missing) = affine(&[("weight", weight), ("bias", bias)]);
    let [y, mean, factor, variance] = l.outs else { unreachable!("four outputs") };
    let x = Operand::new("x", x);
    let outs = [("y", y), ("mean", mean), ("factor", factor), ("variance", variance)].map(|(n, v)| Operand::new(n, v));
    let mut ins = vec![x];
    ins.extend(shared);
    let last = Step {
        name: l.name,
        variant: (weighted as u64) << 1 | (biased as u64) << 2,
        plan,
        outs: &outs,
        ins: &ins,
        missing: &missing,
        functions: &["moments", "put_normalized"],
        statements: "  put_normalized(t, l, moments(t, l));\n",
        eps,
    };
    if plan.parts == 1 {
        return step(l, &last);
    }
    let buffer = partial(l, &plan, 0)?;
    let part = Operand::new("partial", &numbers(&buffer));
    step(
        l,
        &Step {
            name: "batch_norm parts",
            variant: 0,
            outs: &[part],
            ins: &[x],
            missing: &[],
            functions: &["moments", "put_pair"],
            statements: "  put_pair(t, l, moments(t, l));\n",
            ..last
        },
    )?;
    let ins = [&ins[..], &[part]].concat();
    step(
        l,
        &Step {
            variant: last.variant | 1,
            ins: &ins,
            functions: &["joined_moments", "count_of", "put_normalized"],
            statements: "  put_normalized(t, l, joined_moments(t, l));\n",
            ..last
        },
    )
}

/// Sizes of x in the order in which they lie in memory, and an operand's strides in that order.
fn in_order(x: &View, v: &View) -> Vec<isize> {
    let along = |d: usize| if v.shape.get(d).is_none_or(|&n| n == 1) { 0 } else { v.strides[d] };
    order(x).map(along).to_vec()
}
fn order(x: &View) -> [usize; 3] {
    if x.strides[1].abs() > x.strides[0].abs() { [1, 0, 2] } else { [0, 1, 2] }
}
fn places(x: &View, of: &[&View]) -> Places {
    let strides: Vec<Vec<isize>> = of.iter().map(|v| in_order(x, v)).collect();
    Places::from_strides(&order(x).map(|d| x.shape[d]), &strides).at(of)
}

/// By statistics that are given: a function of every element.
fn by_given(l: &Launch, eps: f32, weight: Option<&View>, bias: Option<&View>) -> Result<()> {
    let [y, mean, factor, variance] = l.outs else { unreachable!("four outputs") };
    for (from, to) in [(l.ins[1], mean), (l.ins[2], variance)] {
        copy(&Launch { name: "copy", ins: &[from], outs: &[*to], attrs: &[], ..*l })?;
    }
    let body = || {
        "fn body(i: u32) {\n  let at = place_all(i);\n  put0(at.y, 1.0 / sqrt(in0(at.x) + p.eps));\n}\n\n".to_string()
    };
    let (outs, ins) = ([*factor], [l.ins[2]]);
    let all = Places::of(&[&l.ins[2], factor], |_| true).at(&[&l.ins[2], factor]);
    let e = Each::new("batch_norm factor", &outs, &ins, factor.numel(), &body);
    each(l, &Each { sets: &[("all", &all)], fields: "  eps: f32,\n", params: &[eps.to_bits()], ..e })?;

    let x = &l.ins[0];
    let all = places(x, &[x, y, mean, factor]);
    let shared: Vec<&View> = weight.into_iter().chain(bias).collect();
    let own = places(x, &[weight.or(bias).unwrap_or(mean), bias.or(weight).unwrap_or(mean)]);
    let mut ins = vec![*x, *mean, *factor];
    ins.extend(shared.iter().map(|v| **v));
    let body = || {
        let w = if weight.is_some() { "in3(own.x)" } else { "1.0" };
        let b = if bias.is_some() { format!("in{}(own.y)", ins.len() - 1) } else { "0.0".into() };
        format!(
            "fn body(i: u32) {{\n  let at = place_all(i);\n  let own = place_own(i);\n  \
             put0(at.y, (in0(at.x) - in1(at.z)) * ({w} * in2(at.w)) + {b});\n}}\n\n"
        )
    };
    let e = Each::new("batch_norm by given", &l.outs[..1], &ins, x.numel(), &body);
    let variant = weight.is_some() as u64 | (bias.is_some() as u64) << 1;
    each(l, &Each { variant, sets: &[("all", &all), ("own", &own)], ..e })
}

/// ins: [g, x, mean, inverse deviation, weight?]; outs: [dweight, dbias, dx?]; attrs: [given, sums].
pub(crate) fn backward(l: &Launch) -> Result<()> {
    let (given, wanted) = (l.attrs[0].b(), l.attrs[1].b());
    let (x, weight, dx) = (&l.ins[1], l.ins.get(4), l.outs.get(2));
    if given {
        if wanted {
            sums(l, None)?;
        }
        return dx.map_or(Ok(()), |dx| scaled(l, dx));
    }
    let by_line = l.outs[0].shape[1] > 1;
    sums(l, dx.filter(|_| !by_line))?;
    let Some(dx) = dx.filter(|_| by_line) else { return Ok(()) };
    let (shared, missing) = affine(&[("weight", weight)]);
    let named = [("g", &l.ins[0]), ("x", x), ("mean", &l.ins[2]), ("factor", &l.ins[3])];
    let mut ins = named.map(|(n, v)| Operand::new(n, v)).to_vec();
    ins.extend([Operand::new("dweight", &l.outs[0]), Operand::new("dbias", &l.outs[1])]);
    ins.extend(shared);
    let (functions, statements) = (
        ["weighted_sums", "gradient"],
        "  let sums = weighted_sums(t, l);\n  \
         gradient(t, l, sums, get_mean(base(place_mean(), t.unit)), get_factor(base(place_factor(), t.unit)));\n",
    );
    step(
        l,
        &Step {
            name: "batch_norm_backward by lines",
            variant: weight.is_some() as u64,
            plan: Plan::new(x, false),
            outs: &[Operand::new("dx", dx)],
            ins: &ins,
            missing: &missing,
            functions: &functions,
            statements,
            eps: 0.0,
        },
    )
}

/// `dweight` and `dbias`, and with them `dx`, where all elements of a set have one weight.
fn sums(l: &Launch, dx: Option<&View>) -> Result<()> {
    let (dweight, dbias) = (Operand::new("dweight", &l.outs[0]), Operand::new("dbias", &l.outs[1]));
    let by_line = l.outs[0].shape[1] > 1;
    let mut plan = Plan::new(&l.ins[1], by_line);
    if by_line {
        plan = plan.whole();
    }
    let (shared, missing) = affine(&[("weight", l.ins.get(4))]);
    let named = [("g", &l.ins[0]), ("x", &l.ins[1]), ("mean", &l.ins[2]), ("factor", &l.ins[3])];
    let ins = named.map(|(n, v)| Operand::new(n, v));
    let mut outs = vec![dweight, dbias];
    outs.extend(dx.map(|dx| Operand::new("dx", dx)));
    let weights: &[Operand] = if dx.is_some() { &shared } else { &[] };
    let all = [&ins[..], weights].concat();
    let mut functions = vec!["gradient_sums", "put_sums"];
    let mut statements = "  let mean = get_mean(base(place_mean(), t.unit));\n  let factor = get_factor(base(place_factor(), t.unit));\n  \
                          let sums = gradient_sums(t, l, mean);\n  put_sums(t, l, sums, factor);\n"
        .to_string();
    // One weight for all: its place is any line's.
    const REST: &str = "  let w = get_weight(base(place_weight(), t.unit));\n  gradient(t, l, w * vec2<f32>(sums.x, sums.y * factor), mean, factor);\n";
    if dx.is_some() {
        functions.push("gradient");
        statements += REST;
    }
    let variant = (dx.is_some() as u64) << 1 | (!weights.is_empty() as u64) << 2 | (by_line as u64) << 3;
    let one = Step {
        name: l.name,
        variant,
        plan,
        outs: &outs,
        ins: &all,
        missing: &missing,
        functions: &functions,
        statements: &statements,
        eps: 0.0,
    };
    if plan.parts == 1 {
        return step(l, &one);
    }
    // The moments stand behind the sums, since there are not bindings enough for everything.
    let buffer = partial(l, &plan, 1)?;
    let part = Operand::new("partial", &numbers(&buffer));
    step(
        l,
        &Step {
            name: "batch_norm_backward parts",
            variant: 0,
            outs: &[part],
            ins: &ins,
            missing: &[],
            functions: &["gradient_sums", "put_pair"],
            statements: "  let mean = get_mean(base(place_mean(), t.unit));\n  put_pair(t, l, gradient_sums(t, l, mean));\n  \
                         if (t.part == 0u) {\n    var last = t;\n    last.part = p.parts;\n    \
                         put_pair(last, l, vec2<f32>(mean, get_factor(base(place_factor(), t.unit))));\n  }\n",
            ..one
        },
    )?;
    let rest = if dx.is_some() { REST } else { "" };
    let statements = format!(
        "  let mean = get_partial(2u * (p.parts * p.sets + t.unit));\n  let factor = get_partial(2u * (p.parts * p.sets + t.unit) + 1u);\n  \
         let sums = joined_sums(t, l);\n  put_sums(t, l, sums, factor);\n{rest}"
    );
    let mut all = vec![part];
    if dx.is_some() {
        all.extend(&ins[..2]);
        all.extend(weights);
    }
    let joining = [&["joined_sums"], &functions[1..]].concat();
    step(l, &Step { variant: variant | 1, ins: &all, functions: &joining, statements: &statements, ..one })
}

/// `g * weight * factor`, where the statistics are no functions of `x`.
fn scaled(l: &Launch, dx: &View) -> Result<()> {
    let (g, factor) = (&l.ins[0], &l.ins[3]);
    let weight = l.ins.get(4);
    let all = places(g, &[g, dx, factor, weight.unwrap_or(factor)]);
    let mut ins = vec![*g, *factor];
    ins.extend(weight);
    let body = || {
        let w = if weight.is_some() { "in2(at.w) * " } else { "" };
        format!("fn body(i: u32) {{\n  let at = place_all(i);\n  put0(at.y, in0(at.x) * ({w}in1(at.z)));\n}}\n\n")
    };
    let outs = [*dx];
    let e = Each::new("batch_norm_backward by given", &outs, &ins, g.numel(), &body);
    each(l, &Each { variant: weight.is_some() as u64, sets: &[("all", &all)], ..e })
}
