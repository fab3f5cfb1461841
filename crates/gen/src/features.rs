//! FEATURES.md: a row for every public op.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::model::{Mode, Model};

/// What is refused on the device webgpu, and why; the conformance suites hold the engine to it (test/conformance/judge.ts).
const REFUSED: &str = include_str!("../webgpu.txt");

/// The lines of [`REFUSED`]: name, why.
fn refused() -> BTreeMap<&'static str, &'static str> {
    REFUSED.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).filter_map(|l| l.split_once(": ")).collect()
}

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
         *In place* means that there is a form with a trailing underscore. \
         Every op computes on the device `cpu`, in every dtype that PyTorch has it for. On `webgpu` it computes in float32, int32, int64 (of 32 bits), \
         uint8 and bool; float64 is refused there, and so is what the column *webgpu* says. What is refused is an error; nothing is computed on another \
         device instead.\n",
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
    writeln!(out, "\n{total} names over {} ops of the engine. Devices: cpu, webgpu.", model.ops.len()).unwrap();
    let refused = refused();
    for (family, rows) in families {
        writeln!(out, "\n## {family}\n\n| op | where | in place | webgpu | what |\n|---|---|---|---|---|").unwrap();
        for (name, row) in rows {
            let what = row.doc.replace('|', "\\|");
            writeln!(
                out,
                "| `{name}` | {} | {} | {} | {what} |",
                row.places.join(", "),
                if row.in_place { "yes" } else { "" },
                refused.get(name.as_str()).map_or("yes".to_string(), |why| format!("refused: {why}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_of_an_op_and_says_why() {
        let model = Model::read(&cresset_core::ops::declarations()).unwrap();
        let names: Vec<&String> = model.places.values().flat_map(BTreeMap::keys).collect();
        for line in REFUSED.lines().filter(|l| !l.starts_with('#')) {
            let (name, why) = line.split_once(": ").expect("a line is `name: why`");
            assert!(names.iter().any(|n| *n == name), "there is no op {name}");
            assert!(!why.is_empty() && !why.contains('|'), "{line}");
        }
    }
}
