//! Reductions over any dimensions: sums, products, counts, extremes and where they are, norms, variances; and products of a matrix
//! with few rows, which are sums too.
//!
//! A result is computed by one invocation, where there are many results or few elements to each, or by a workgroup. Where there are
//! too few results to keep a GPU busy, each is cut into parts, whose results a second launch joins.

use cresset_lane::Attr;

use super::bind::{Bindings, POSITION, groups};
use super::places::{Places, place};
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::pipeline::Key;
use crate::stream::Dispatch;
use crate::wgsl::{Scalar, link};

/// Elements to a result from which a workgroup computes it together.
const TOGETHER: usize = 128;
/// Invocations that keep a GPU busy.
const BUSY: usize = 8192;
/// The fewest elements of a part.
const PART: usize = 256;

/// What a reduction does with elements: the bodies of functions in WGSL.
#[derive(Clone, Copy)]
pub(crate) struct Fold {
    /// The type that is carried along.
    pub acc: &'static str,
    /// Its value before any element.
    pub start: &'static str,
    /// The next value, from `a`, the element `x` (and `y` of a second operand), its number `i` and the kept operands' places `at`.
    pub step: &'static str,
    /// What joins `a` and `b`, of which `a` is from earlier elements.
    pub merge: &'static str,
    /// What is stored: an expression of `a` for every output.
    pub stores: &'static [&'static str],
    /// Whether more than one operand is run along.
    pub pair: bool,
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
    let together = each >= TOGETHER && along_rows || each >= TOGETHER && results < 64;
    let invocations = results * if together { 256 } else { 1 };
    let mut parts = 1;
    if invocations < BUSY && each >= 2 * PART {
        parts = (BUSY / invocations).min(each / PART).clamp(1, 1024);
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
    let (second, y) = if f.pair { (", y: ", types[1]) } else { ("", "") };
    let x = types[0];
    let (pack, unpack) = match acc {
        "f32" => ("vec2<u32>(bitcast<u32>(a), 0u)", "bitcast<f32>(w.x)"),
        "i32" => ("vec2<u32>(bitcast<u32>(a), 0u)", "bitcast<i32>(w.x)"),
        "u32" => ("vec2<u32>(a, 0u)", "w.x"),
        // A value's bits and its number.
        _ => ("a", "w"),
    };
    format!(
        "fn step(a: {acc}, x: {x}{second}{y}, i: u32, at: vec4<u32>) -> {acc} {{\n  {};\n}}\n\n\
         fn merge(a: {acc}, b: {acc}) -> {acc} {{\n  {};\n}}\n\n\
         fn pack(a: {acc}) -> vec2<u32> {{\n  return {pack};\n}}\n\n\
         fn unpack(w: vec2<u32>) -> {acc} {{\n  return {unpack};\n}}\n\n",
        f.step, f.merge
    )
}

/// `finish(a, at)`, which stores a result.
fn finish(r: &Reduction, b: &Bindings, outputs: usize) -> String {
    let first = if r.fold.pair { 2 } else { 1 };
    let mut text = format!("fn finish(a: {}, at: vec4<u32>) {{\n", r.fold.acc);
    for (k, value) in r.fold.stores.iter().enumerate().take(outputs) {
        text += &format!("  b{}[at[{}]] = {value};\n", b.slots[k], first + k);
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

/// What is left of a tree over workgroup memory.
fn tree(acc: &str) -> String {
    format!(
        "var<workgroup> room: array<{acc}, 256>;\n\
         fn tree(l: u32, mine: {acc}) -> {acc} {{\n  room[l] = mine;\n  workgroupBarrier();\n  \
         for (var s = 128u; s > 0u; s >>= 1u) {{\n    if (l < s) {{\n      room[l] = merge(room[l], room[l + s]);\n    }}\n    workgroupBarrier();\n  }}\n  \
         return room[0];\n}}\n\n"
    )
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
        let y = if r.fold.pair { format!(", b{}[at.y + along.y]", b.slots[many + 1]) } else { String::new() };
        let (acc, start) = (r.fold.acc, r.fold.start);
        let (head, first, step, end) = match together {
            true => (
                "  let number = group_number(w, n);\n  if (number >= p.kept.n * p.parts) {\n    return;\n  }\n",
                "from_ + l",
                "256u",
                "  let a = tree(l, mine);\n  if (l != 0u) {\n    return;\n  }\n",
            ),
            false => (
                "  let number = group_number(w, n) * 256u + l;\n  if (number >= p.kept.n * p.parts) {\n    return;\n  }\n",
                "from_",
                "1u",
                "  let a = mine;\n",
            ),
        };
        if together {
            text += &tree(acc);
        }
        let (result, part) =
            if partial.is_some() { ("number % p.kept.n", "number / p.kept.n") } else { ("number", "0u") };
        let last = if partial.is_some() { "finish_part(a, result, part);" } else { "finish(a, at);" };
        text += &format!(
            "@compute @workgroup_size(256)\n\
             fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {{\n\
             {head}  let result = {result};\n  let part = {part};\n  let at = place_kept(result);\n  let from_ = part * p.each;\n  \
             let to = min(from_ + p.each, p.along.n);\n  var mine: {acc} = {start};\n  for (var i = {first}; i < to; i += {step}) {{\n    \
             let along = place_along(i);\n    mine = step(mine, {x}{y}, i, at);\n  }}\n{end}  {last}\n}}\n"
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

/// Joins the parts of every result.
fn join(l: &Launch, r: &Reduction, parts: usize, partial: View) {
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
        text += &tree(r.fold.acc);
        text += &format!(
            "@compute @workgroup_size(256)\n\
             fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {{\n  \
             let result = group_number(w, n);\n  if (result >= p.kept.n) {{\n    return;\n  }}\n  var mine: {} = {};\n  \
             for (var i = l; i < p.parts; i += 256u) {{\n    mine = merge(mine, unpack(b{}[i * p.kept.n + result]));\n  }}\n  \
             let a = tree(l, mine);\n  if (l == 0u) {{\n    finish(a, place_kept(result));\n  }}\n}}\n",
            r.fold.acc, r.fold.start, b.slots[many]
        );
        link(&text)
    };
    l.gpu.dispatch(&Dispatch {
        key: Key { kernel: r.name, variant: (r.variant << 48) | (types << 28) | (b.variant() << 4) | 4 },
        text: &text,
        bindings: &b.list,
        params: &params(r, parts),
        groups: groups(l.gpu, r.kept.numel, 1),
        work: (r.kept.numel * parts) as u64 * 8,
    });
}

/// A reduction of `ins[0]` into the outputs, over the dimensions in which an output has size one and the input has not.
fn plain(l: &Launch, variant: u64, fold: Fold, numbers: [u32; 4], outs: &[View], extra: &[View]) -> Result<()> {
    let x = &l.ins[0];
    let out = outs[0];
    let reduced = |d: usize| out.shape[d] == 1 && x.shape[d] != 1;
    let operands: Vec<&View> = std::iter::once(x).chain(outs).chain(extra).collect();
    let kept = Places::of(&operands, |d| !reduced(d)).at(&operands);
    let along = Places::of(&[x], reduced);
    reduce(l, &Reduction { name: l.name, variant, fold, ins: &l.ins[..1], outs, extra, kept, along, lead: 0, numbers })
}

const SUM: Fold = Fold {
    acc: "f32",
    start: "0.0",
    step: "return a + x",
    merge: "return a + b",
    stores: &["a / bitcast<f32>(p.numbers.x)"],
    pair: false,
};
const SUM_OF_INTEGERS: Fold = Fold { acc: "i32", start: "0i", stores: &["a"], ..SUM };
const PROD: Fold = Fold { start: "1.0", step: "return a * x", merge: "return a * b", stores: &["a"], ..SUM };
const COUNT: Fold = Fold {
    acc: "i32",
    start: "0i",
    step: "return a + select(1i, 0i, x == ZERO)",
    merge: "return a + b",
    stores: &["a"],
    pair: false,
};

fn is_float(l: &Launch) -> bool {
    Scalar::of(l.ins[0].dtype) == Scalar::Float
}

/// The sum over a divisor.
pub(crate) fn sum(l: &Launch) -> Result<()> {
    let fold = if is_float(l) { SUM } else { SUM_OF_INTEGERS };
    let divisor = l.attrs.first().map_or(1.0, |a| a.f()) as f32;
    plain(l, 0, fold, [divisor.to_bits(), 0, 0, 0], &l.outs[..1], &[])
}

/// The sum of what is not NaN.
pub(crate) fn nansum(l: &Launch) -> Result<()> {
    let fold = Fold { step: "return a + select(x, 0.0, m_is_nan(x))", stores: &["a"], ..SUM };
    plain(l, 0, fold, [0; 4], &l.outs[..1], &[])
}

pub(crate) fn prod(l: &Launch) -> Result<()> {
    let fold = if is_float(l) { PROD } else { Fold { acc: "i32", start: "1i", ..PROD } };
    plain(l, 0, fold, [0; 4], &l.outs[..1], &[])
}

/// A fold of the count of what is not zero; NaN counts.
fn counting(l: &Launch, stores: &'static [&'static str]) -> Fold {
    let step = match Scalar::of(l.ins[0].dtype) {
        Scalar::Float => "return a + select(1i, 0i, (bitcast<u32>(x) & 0x7fffffffu) == 0u)",
        Scalar::Int => "return a + select(1i, 0i, x == 0i)",
        _ => "return a + select(1i, 0i, x == 0u)",
    };
    Fold { step, stores, ..COUNT }
}

pub(crate) fn count_nonzero(l: &Launch) -> Result<()> {
    plain(l, 0, counting(l, &["a"]), [0; 4], &l.outs[..1], &[])
}

pub(crate) fn any(l: &Launch) -> Result<()> {
    plain(l, 0, counting(l, &["select(0u, 1u, a != 0i)"]), [0; 4], &l.outs[..1], &[])
}

pub(crate) fn all(l: &Launch) -> Result<()> {
    plain(l, 0, counting(l, &["select(0u, 1u, a == i32(p.along.n))"]), [0; 4], &l.outs[..1], &[])
}

/// The greatest or the least element; NaN if one is.
fn extreme(l: &Launch, greatest: bool) -> Result<()> {
    let fold = match (is_float(l), greatest) {
        (true, true) => Fold {
            start: "-m_inf()",
            step: "return m_maximum(a, x)",
            merge: "return m_maximum(a, b)",
            stores: &["a"],
            ..SUM
        },
        (true, false) => Fold {
            start: "m_inf()",
            step: "return m_minimum(a, x)",
            merge: "return m_minimum(a, b)",
            stores: &["a"],
            ..SUM
        },
        (false, true) => Fold {
            start: "(-2147483647i - 1i)",
            step: "return max(a, x)",
            merge: "return max(a, b)",
            ..SUM_OF_INTEGERS
        },
        (false, false) => {
            Fold { start: "2147483647i", step: "return min(a, x)", merge: "return min(a, b)", ..SUM_OF_INTEGERS }
        }
    };
    plain(l, greatest as u64, fold, [0; 4], &l.outs[..1], &[])
}

pub(crate) fn amax(l: &Launch) -> Result<()> {
    extreme(l, true)
}
pub(crate) fn amin(l: &Launch) -> Result<()> {
    extreme(l, false)
}

/// The position of the greatest or least element along a dimension, of the first one or the first NaN. What is carried along is the
/// value's bits in an order of integers, so that NaN is the greatest and both zeros are equal, and the position.
fn position(l: &Launch, greatest: bool) -> Result<()> {
    let step = match (is_float(l), greatest) {
        (true, true) => "return merge(a, vec2<u32>(order_of_float(x), i))",
        (true, false) => "return merge(a, vec2<u32>(order_of_float(select(-x, x, m_is_nan(x))), i))",
        (false, true) => "return merge(a, vec2<u32>(bitcast<u32>(x) ^ 0x80000000u, i))",
        (false, false) => "return merge(a, vec2<u32>(~(bitcast<u32>(x) ^ 0x80000000u), i))",
    };
    let value = match (is_float(l), greatest) {
        (true, true) => "float_of_order(a.x)",
        (true, false) => "-float_of_order(a.x)",
        (false, true) => "bitcast<i32>(a.x ^ 0x80000000u)",
        (false, false) => "bitcast<i32>(~a.x ^ 0x80000000u)",
    };
    let (outs, stores): (Vec<View>, &[&str]) = match l.outs {
        [index] => (vec![*index], &["bitcast<i32>(a.y)"]),
        [values, index] => (
            vec![*index, *values],
            match value {
                "float_of_order(a.x)" => &["bitcast<i32>(a.y)", "float_of_order(a.x)"],
                "-float_of_order(a.x)" => &["bitcast<i32>(a.y)", "-float_of_order(a.x)"],
                "bitcast<i32>(a.x ^ 0x80000000u)" => &["bitcast<i32>(a.y)", "bitcast<i32>(a.x ^ 0x80000000u)"],
                _ => &["bitcast<i32>(a.y)", "bitcast<i32>(~a.x ^ 0x80000000u)"],
            },
        ),
        _ => unreachable!("one output or two"),
    };
    let fold = Fold {
        acc: "vec2<u32>",
        // Nothing comes after it, and everything before: positions are below.
        start: "vec2<u32>(0u, 0xffffffffu)",
        step,
        merge: "return select(b, a, a.x > b.x || (a.x == b.x && a.y < b.y))",
        stores,
        pair: false,
    };
    let dim = l.attrs[0].n();
    let x = &l.ins[0];
    let operands: Vec<&View> = std::iter::once(x).chain(&outs).collect();
    let kept = Places::of(&operands, |d| d != dim).at(&operands);
    let along = Places::of(&[x], |d| d == dim);
    let variant = greatest as u64 | (outs.len() as u64) << 1;
    reduce(
        l,
        &Reduction {
            name: l.name,
            variant,
            fold,
            ins: &l.ins[..1],
            outs: &outs,
            extra: &[],
            kept,
            along,
            lead: 0,
            numbers: [0; 4],
        },
    )
}

pub(crate) fn argmax(l: &Launch) -> Result<()> {
    position(l, true)
}
pub(crate) fn argmin(l: &Launch) -> Result<()> {
    position(l, false)
}

/// `sum(|x|^p)^(1/p)`.
pub(crate) fn norm(l: &Launch) -> Result<()> {
    let power = l.attrs[0].f();
    let numbers = [(power as f32).to_bits(), ((1.0 / power) as f32).to_bits(), 0, 0];
    let (variant, step, store): (u64, _, &[&str]) = match power {
        2.0 => (2, "return a + x * x", &["sqrt(a)"]),
        1.0 => (1, "return a + abs(x)", &["a"]),
        _ => (0, "return a + m_pow(abs(x), bitcast<f32>(p.numbers.x))", &["m_pow(a, bitcast<f32>(p.numbers.y))"]),
    };
    plain(l, variant, Fold { step, stores: store, ..SUM }, numbers, &l.outs[..1], &[])
}

/// Variance, or its root, and mean: the mean first, then the squared distances from it.
pub(crate) fn var_mean(l: &Launch) -> Result<()> {
    let (count, correction, root) = (l.attrs[0].f(), l.attrs[1].f(), l.attrs[2].b());
    plain(l, 0, SUM, [(count as f32).to_bits(), 0, 0, 0], &l.outs[1..], &[])?;
    let stores: &[&str] = match root {
        true => &["sqrt(a / bitcast<f32>(p.numbers.x))"],
        false => &["a / bitcast<f32>(p.numbers.x)"],
    };
    let fold = Fold { step: "let d = x - extra0(at);\n  return a + d * d", stores, ..SUM };
    let divisor = ((count - correction).max(0.0) as f32).to_bits();
    plain(l, 1 + root as u64, fold, [divisor, 0, 0, 0], &l.outs[..1], &l.outs[1..])
}

/// `out[b, m, n] = alpha * sum over k of a[b, m, k] * b[b, k, n] (+ beta * init)`, a result at a time: for products of which one side
/// has few rows, so that nothing would be used twice.
pub(crate) fn products(l: &Launch, numbers: [u32; 4]) -> Result<()> {
    let (a, b, out) = (&l.ins[0], &l.ins[1], &l.outs[0]);
    let rank = out.shape.len();
    let mut places: Vec<Vec<isize>> = Vec::new();
    for v in [a, b, out].into_iter().chain(l.ins.get(2)) {
        places.push((0..rank).map(|d| if v.shape[d] == 1 { 0 } else { v.strides[d] }).collect());
    }
    // The places of a do not depend on the column, those of b not on the row.
    places[0][rank - 1] = 0;
    places[1][rank - 2] = 0;
    let operands: Vec<&View> = [a, b, out].into_iter().chain(l.ins.get(2)).collect();
    let kept = Places::from_strides(out.shape, &places).at(&operands);
    let stride = |v: &View, d: usize| vec![if v.shape[d] == 1 { 0 } else { v.strides[d] }];
    let along = Places::from_strides(&a.shape[rank - 1..], &[stride(a, rank - 1), stride(b, rank - 2)]);
    let float = is_float(l);
    let stores: &[&str] = match (float, l.ins.len() > 2) {
        (true, true) => &["bitcast<f32>(p.numbers.x) * a + bitcast<f32>(p.numbers.y) * extra0(at)"],
        (true, false) => &["bitcast<f32>(p.numbers.x) * a"],
        (false, true) => &["bitcast<i32>(p.numbers.x) * a + bitcast<i32>(p.numbers.y) * extra0(at)"],
        (false, false) => &["bitcast<i32>(p.numbers.x) * a"],
    };
    let fold = Fold { step: "return a + x * y", stores, pair: true, ..if float { SUM } else { SUM_OF_INTEGERS } };
    let variant = (l.ins.len() > 2) as u64;
    let name = "matmul of few rows";
    let lead = (b.numel() > a.numel()) as usize;
    let (ins, extra) = l.ins.split_at(2);
    reduce(l, &Reduction { name, variant, fold, ins, outs: l.outs, extra, kept, along, lead, numbers })
}

/// A factor of a product as the bits of its type.
pub(crate) fn factor(l: &Launch, i: usize) -> u32 {
    let one = if is_float(l) { Attr::from(1.0) } else { Attr::from(1i64) };
    let a = l.attrs.get(i).copied().unwrap_or(one);
    if is_float(l) { (a.f() as f32).to_bits() } else { a.i() as i32 as u32 }
}
