//! FEATURES.md: a row for every public op.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::model::{Mode, Model};

/// What a namespace is called in a table.
fn shown(space: &str) -> &str {
    match space {
        "tensor" => "Tensor",
        "F" => "nn.functional",
        other => other,
    }
}

pub fn features(model: &Model) -> String {
    let mut out = String::from(
        "# Features\n\nEvery public op, written by `crates/gen` from the declarations in `crates/core/src/ops`; do not edit. \
         *In place* means that there is a form with a trailing underscore.\n",
    );
    let mut families: BTreeMap<String, BTreeMap<String, Row>> = BTreeMap::new();
    for (space, publics) in &model.places {
        for (name, public) in publics {
            let in_place = public.mode == Mode::InPlace;
            let name = if in_place { name.trim_end_matches('_') } else { name };
            let op = &model.ops[public.ops[0]];
            let family = op.file.rsplit('/').next().unwrap_or("").trim_end_matches(".rs").to_string();
            let row = families.entry(family).or_default().entry(name.to_string()).or_default();
            row.in_place |= in_place;
            if !in_place {
                row.places.push(shown(space).to_string());
                row.doc = op.doc.lines().next().unwrap_or("").to_string();
            }
        }
    }
    let total: usize = families.values().map(BTreeMap::len).sum();
    writeln!(out, "\n{total} names over {} ops of the engine. Devices: cpu.", model.ops.len()).unwrap();
    for (family, rows) in families {
        writeln!(out, "\n## {family}\n\n| op | where | in place | what |\n|---|---|---|---|").unwrap();
        for (name, row) in rows {
            let what = row.doc.replace('|', "\\|");
            writeln!(
                out,
                "| `{name}` | {} | {} | {what} |",
                row.places.join(", "),
                if row.in_place { "yes" } else { "" }
            )
            .unwrap();
        }
    }
    out
}

#[derive(Default)]
struct Row {
    places: Vec<String>,
    in_place: bool,
    doc: String,
}
