//! Names: PyTorch's snake_case becomes camelCase.

/// The rule of the public API: an underscore between letters or digits goes, and the letter after it becomes a capital;
/// leading and trailing underscores stay.
pub fn camel(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some(at) = rest.find('_') {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let after = tail.trim_start_matches('_');
        let joins = out.chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
        match after.chars().next() {
            Some(c) if joins && c.is_ascii_alphanumeric() => {
                out.push(c.to_ascii_uppercase());
                rest = &after[c.len_utf8()..];
            }
            _ => {
                out.push_str(&tail[..tail.len() - after.len()]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Words that cannot name a constant or a parameter in TypeScript.
const RESERVED: &str = "arguments break case catch class const continue debugger default delete do else enum eval export \
                        extends false finally for function if import in instanceof new null return super switch this \
                        throw true try typeof var void while with yield";

/// The name itself, or with an underscore where the language claims it.
pub fn identifier(name: &str) -> String {
    if RESERVED.split_whitespace().any(|word| word == name) { format!("{name}_") } else { name.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn camel_case_follows_the_rule() {
        for (snake, want) in [
            ("add", "add"),
            ("conv_transpose2d", "convTranspose2d"),
            ("atleast_1d", "atleast1d"),
            ("add_", "add_"),
            ("index_add_", "indexAdd_"),
            ("_softmax_backward", "_softmaxBackward"),
            ("grid_sampler_2d", "gridSampler2d"),
            ("UPLO", "UPLO"),
            ("a__b", "aB"),
        ] {
            assert_eq!(camel(snake), want);
        }
    }
}
