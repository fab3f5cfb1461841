//! Writes the TypeScript side of every op, and FEATURES.md, from the declarations in `cresset_core::ops`.
//!
//! `cargo run -p cresset-gen [-- FOLDER]`: FOLDER is the repository's top unless given. Nothing about an op is known
//! here that its declaration does not say. The output depends on the declarations alone, byte for byte, and a file is
//! written only if its text changed.

mod features;
mod model;
mod names;
mod signatures;
mod table;
mod types;

use std::path::{Path, PathBuf};

use model::Model;

fn main() {
    let root = std::env::args().nth(1).map(PathBuf::from).unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .expect("crates/gen lies two folders deep")
            .to_path_buf()
    });
    let model = Model::read(&cresset_core::ops::declarations()).unwrap_or_else(|e| {
        eprintln!("cresset-gen: {e}");
        std::process::exit(1);
    });
    for (file, text) in output(&model) {
        write(&root.join(file), &text);
    }
}

/// Every generated file: path from the top, text.
fn output(model: &Model) -> Vec<(String, String)> {
    let mut files = vec![
        ("ts/generated/dtypes.ts".to_string(), table::dtypes()),
        ("ts/generated/table.ts".to_string(), table::table(model)),
        ("ts/generated/methods.ts".to_string(), signatures::methods(model)),
        ("FEATURES.md".to_string(), features::features(model)),
    ];
    for (space, file) in model::SPACES {
        files.push((format!("ts/generated/{file}.ts"), signatures::functions(model, space)));
    }
    files
}

fn write(path: &Path, text: &str) {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    let done = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    if let Err(e) = done {
        eprintln!("cresset-gen: cannot write {}: {e}", path.display());
        std::process::exit(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_is_understood() {
        let declarations = cresset_core::ops::declarations();
        let model = Model::read(&declarations).expect("all declarations can be read");
        assert_eq!(model.ops.len(), declarations.len());
        for (file, text) in output(&model) {
            assert!(text.ends_with('\n'), "{file} ends without a newline");
        }
    }

    #[test]
    fn output_is_deterministic() {
        let read = || output(&Model::read(&cresset_core::ops::declarations()).unwrap());
        assert_eq!(read(), read());
    }

    #[test]
    fn every_public_op_is_documented() {
        for op in &Model::read(&cresset_core::ops::declarations()).unwrap().ops {
            assert!(!op.doc.trim().is_empty(), "{} ({}) has no doc comment", op.name, op.file);
        }
    }
}
