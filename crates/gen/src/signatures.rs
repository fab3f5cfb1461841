//! Typed functions and methods with their doc comments.

use std::fmt::Write;

use crate::model::{Mode, Model, Op, Param, Public};
use crate::names::identifier;
use crate::table::{join, mode_number};
use crate::types::{accepts, gives};

const HEADER: &str = "// Written by crates/gen from the op declarations; do not edit.\n";
/// Types that signatures mention, and the files they come from.
const TYPES: [(&str, &[&str]); 5] = [
    ("../device.js", &["Device"]),
    ("../dtype.js", &["DType"]),
    ("../random.js", &["Generator"]),
    ("../runtime/types.js", &["Named", "Num"]),
    ("../tensor.js", &["Tensor"]),
];

/// The file's head: the imports that its text needs.
fn with_imports(body: &str, more: &str) -> String {
    let mut out = HEADER.to_string();
    // Doc comments mention types too; only code counts.
    let code: String = body.lines().filter(|l| !l.trim_start().starts_with('*')).collect::<Vec<_>>().join("\n");
    for (file, names) in TYPES {
        let used: Vec<&str> = names.iter().filter(|n| mentions(&code, n)).copied().collect();
        if !used.is_empty() {
            writeln!(out, "import type {{ {} }} from '{file}';", used.join(", ")).unwrap();
        }
    }
    out + more + body
}

fn mentions(code: &str, name: &str) -> bool {
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(name)
        .any(|(at, _)| !word(code[..at].chars().next_back()) && !word(code[at + name.len()..].chars().next()))
}

/// The file of one namespace of functions.
pub fn functions(model: &Model, space: &str) -> String {
    let mut out = String::new();
    let mut renamed = Vec::new();
    for (name, public) in model.space(space) {
        let local = identifier(name);
        let export = if local == *name { "export " } else { "" };
        writeln!(out, "\n{export}const {local}: {{").unwrap();
        for &number in &public.ops {
            overloads(&mut out, &model.ops[number], None, public.mode, "");
        }
        let full = if space == "torch" || space == "F" { name.clone() } else { format!("{space}.{name}") };
        writeln!(out, "}} = /* @__PURE__ */ fn('{full}', {}, {});", mode_number(public.mode), join(&public.ops))
            .unwrap();
        if local != *name {
            renamed.push(format!("{local} as {name}"));
        }
    }
    if !renamed.is_empty() {
        writeln!(out, "\nexport {{ {} }};", renamed.join(", ")).unwrap();
    }
    if model.space(space).next().is_none() {
        return format!("{HEADER}export {{}};\n");
    }
    with_imports(&out, "import { fn } from '../runtime/call.js';\nimport '../tensor.js';\n")
}

/// ts/generated/methods.ts: the interface that the class Tensor implements through the table of methods.
pub fn methods(model: &Model) -> String {
    let mut out =
        String::from("\n/** The methods of Tensor that are ops of the engine. */\nexport interface TensorMethods {\n");
    for (name, Public { mode, ops }) in model.space("tensor") {
        for &number in ops {
            overloads(&mut out, &model.ops[number], Some(model.ops[number].receiver()), *mode, name);
        }
    }
    with_imports(&(out + "}\n"), "")
}

/// Every way to call `op`: by position, with options after some positions, with a list spread out.
fn overloads(out: &mut String, op: &Op, receiver: Option<usize>, mode: Mode, name: &str) {
    let visible: Vec<&Param> =
        op.params.iter().enumerate().filter(|(i, _)| Some(*i) != receiver).map(|(_, p)| p).collect();
    let positional: Vec<&Param> = visible.iter().filter(|p| !p.keyword_only).copied().collect();
    let named: Vec<&Param> = visible.iter().filter(|p| p.keyword_only).copied().collect();
    let result = result(op, receiver.is_some(), mode);
    doc(out, op);
    let mut sig = |params: String| writeln!(out, "  {name}({params}): {result};").unwrap();

    let required = positional.iter().rposition(|p| p.default.is_none()).map_or(0, |i| i + 1);
    let mut all: Vec<String> = positional.iter().enumerate().map(|(i, p)| plain(p, i >= required)).collect();
    let extra = options(&[], &named, op.factory);
    if let Some(o) = &extra {
        all.push(format!("options?: {o}"));
    }
    sig(all.join(", "));

    let lead = positional.iter().take_while(|p| p.ty.starts_with("Tensor") || p.ty == "Operand").count().min(required);
    let starts = std::iter::once(lead).filter(|&k| k < required).chain(required..positional.len());
    for k in starts {
        let mut head: Vec<String> = positional[..k].iter().map(|p| plain(p, false)).collect();
        if let Some(o) = options(&positional[k..], &named, op.factory) {
            head.push(format!("options: {o}"));
            sig(head.join(", "));
        }
    }
    // A list given item by item: tensors wherever they stand, sizes where they are the only positional parameter.
    let spread = positional
        .iter()
        .position(|p| p.ty == "Tensor[]")
        .or_else(|| (positional.len() == 1 && positional[0].ty.trim_end_matches('?').ends_with("[]")).then_some(0));
    if let Some(at) = spread
        && let Some(item) = positional[at].ty.trim_end_matches('?').strip_suffix("[]")
    {
        let item = accepts(item);
        let item = if item.contains('|') { format!("({item})") } else { item };
        let head: Vec<String> = positional[..at].iter().map(|p| plain(p, false)).collect();
        let list = format!("...{}: {item}[]", identifier(&positional[at].name));
        let join = |last: String| head.iter().cloned().chain([last]).collect::<Vec<_>>().join(", ");
        sig(join(list.clone()));
        if let Some(o) = options(&positional[at + 1..], &named, op.factory) {
            sig(join(format!("...args: [{list}, options: {o}]")));
        }
    }
}

fn plain(p: &Param, optional: bool) -> String {
    format!("{}{}: {}", identifier(&p.name), if optional { "?" } else { "" }, accepts(&p.ty))
}

/// The type of the trailing options object, if there is anything to put into it.
fn options(rest: &[&Param], named: &[&Param], factory: bool) -> Option<String> {
    let mut fields: Vec<String> = rest
        .iter()
        .chain(named)
        .map(|p| format!("{}{}: {}", p.name, if p.default.is_some() { "?" } else { "" }, accepts(&p.ty)))
        .collect();
    if factory {
        fields.push("device?: Device | string | null".into());
        fields.push("requiresGrad?: boolean".into());
    }
    (!fields.is_empty()).then(|| format!("{{ {} }}", fields.join("; ")))
}

fn result(op: &Op, method: bool, mode: Mode) -> String {
    match op.returns.as_slice() {
        [(name, ty)] if name.is_empty() => match (mode, ty.as_str()) {
            (Mode::Plain, ty) => gives(ty),
            (_, "Tensor" | "none") => if method { "this" } else { "Tensor" }.to_string(),
            (_, ty) => gives(ty),
        },
        parts => {
            let list: Vec<String> = parts.iter().map(|(n, t)| format!("{}: {}", label(n), gives(t))).collect();
            let fields: Vec<String> = parts.iter().map(|(n, t)| format!("readonly {n}: {}", gives(t))).collect();
            format!("Named<[{}], {{ {} }}>", list.join(", "), fields.join("; "))
        }
    }
}

fn doc(out: &mut String, op: &Op) {
    let text = op.doc.replace("*/", "* /");
    writeln!(out, "  /**").unwrap();
    for line in text.lines() {
        writeln!(out, "   *{}{line}", if line.is_empty() { "" } else { " " }).unwrap();
    }
    writeln!(out, "   */").unwrap();
}

/// A tuple's label; TypeScript takes no reserved word there.
fn label(name: &str) -> String {
    if name == "var" { "var_".to_string() } else { name.to_string() }
}
