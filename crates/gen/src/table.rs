//! The tables the TypeScript runtime reads.

use std::fmt::Write;

use cresset_core::DType;

use crate::model::{Mode, Model, Op};

const HEADER: &str = "// Written by crates/gen from the op declarations; do not edit.\n";

/// ts/generated/dtypes.ts.
pub fn dtypes() -> String {
    let mut out = format!(
        "{HEADER}\n/** Name and bytes per element of every dtype; the position is its code. */\nexport const DTYPES = [\n"
    );
    for d in DType::ALL {
        writeln!(out, "  ['{}', {}],", d.name(), d.size()).unwrap();
    }
    out + "] as const;\n"
}

/// ts/generated/table.ts.
pub fn table(model: &Model) -> String {
    let mut out = format!(
        "{HEADER}import type {{ Row }} from '../runtime/signature.js';\n\n\
         /** Every op; the position is its number. */\nexport const TABLE: readonly Row[] = [\n"
    );
    for op in &model.ops {
        writeln!(
            out,
            "  ['{}', '{}', '{}', '{}'],",
            op.name,
            params(op),
            returns(op),
            if op.factory { "f" } else { "" }
        )
        .unwrap();
    }
    out += "];\n\n/** Methods of Tensor: name, 0 plain / 1 result goes into the first tensor / 2 the op writes it, op numbers. */\n\
            export const METHODS: readonly (readonly [name: string, mode: 0 | 1 | 2, ...ops: number[]])[] = [\n";
    for (name, public) in model.space("tensor") {
        writeln!(out, "  ['{name}', {}, {}],", mode_number(public.mode), join(&public.ops)).unwrap();
    }
    out + "];\n"
}

pub fn mode_number(mode: Mode) -> u8 {
    match mode {
        Mode::Plain => 0,
        Mode::InPlace => 1,
        Mode::Writes => 2,
    }
}

pub fn join(ops: &[usize]) -> String {
    ops.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

fn params(op: &Op) -> String {
    let one = |p: &crate::model::Param| {
        let star = if p.keyword_only { "*" } else { "" };
        let default = p.default.as_ref().map(|d| format!("={d}")).unwrap_or_default();
        format!("{star}{}:{}{default}", p.name, p.ty)
    };
    op.params.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn returns(op: &Op) -> String {
    match op.returns.as_slice() {
        [(name, ty)] if name.is_empty() => ty.clone(),
        parts => format!("({})", parts.iter().map(|(n, t)| format!("{n}:{t}")).collect::<Vec<_>>().join(",")),
    }
}
