//! The text of shaders: expressions recorded by `lane`, and the functions that they use.
//!
//! The `.wgsl` files hold functions, one a paragraph; a shader gets those that it names, and those that they name. WGSL's own functions may be wrong by 2^-11 (sin), or by 2e-5 of the result (exp), and may take NaN for
//! a number; so none of them is used but those that are exact.

mod program;

pub(crate) use program::{Scalar, missing, print};

use std::collections::HashMap;
use std::sync::OnceLock;

/// One function or constant and the text it consists of.
type Library = HashMap<&'static str, &'static str>;

fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let files = [
            include_str!("float.wgsl"),
            include_str!("exponential.wgsl"),
            include_str!("angle.wgsl"),
            include_str!("erf.wgsl"),
            include_str!("gamma.wgsl"),
            include_str!("bessel.wgsl"),
            include_str!("polynomial.wgsl"),
            include_str!("integer.wgsl"),
            include_str!("places.wgsl"),
        ];
        let paragraphs = files.into_iter().flat_map(|text| text.split("\n\n"));
        paragraphs.filter_map(|p| Some((declared(p)?, p))).collect()
    })
}

/// The name that a paragraph declares.
fn declared(paragraph: &str) -> Option<&str> {
    let line = paragraph.lines().find(|l| ["fn ", "const ", "struct "].iter().any(|k| l.starts_with(k)))?;
    line.split([' ', '(', ':']).nth(1)
}

/// Those paragraphs of a text that declare these names. (Unlike a library's, they may name what only some kernels have.)
pub(crate) fn pick(text: &str, names: &[&str]) -> String {
    let chosen = text.split("\n\n").filter(|p| declared(p).is_some_and(|name| names.contains(&name)));
    chosen.flat_map(|p| [p, "\n\n"]).collect()
}

/// The names in a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// Whether the library has this function.
pub(crate) fn has(name: &str) -> bool {
    library().contains_key(name)
}

/// A shader with the functions that it uses. (WGSL lets functions stand in any order.)
pub(crate) fn link(text: &str) -> String {
    let mut parts: Vec<&str> = vec![text];
    let mut seen: Vec<&str> = Vec::new();
    let mut next = 0;
    while next < parts.len() {
        for word in words(parts[next]) {
            if let Some((&name, &found)) = library().get_key_value(word)
                && !seen.contains(&name)
            {
                seen.push(name);
                parts.push(found);
            }
        }
        next += 1;
    }
    parts.join("\n\n")
}
