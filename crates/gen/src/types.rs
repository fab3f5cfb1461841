//! Types: as declared in Rust, as the runtime table writes them, as TypeScript shows them.

/// A parameter or result type in the table's notation: `Tensor`, `int[]`, `float?`, `Tensor?[]`.
/// `None` for a Rust type that cannot cross the border.
pub fn table_type(rust: &str) -> Option<String> {
    let t: String = rust.chars().filter(|c| !c.is_whitespace()).collect();
    let inner = |prefix: &str| t.strip_prefix(prefix).and_then(|r| r.strip_suffix('>'));
    if let Some(item) = inner("Option<") {
        return Some(format!("{}?", table_type(item)?));
    }
    if let Some(item) = inner("Vec<") {
        return Some(format!("{}[]", table_type(item)?));
    }
    Some(
        match t.as_str() {
            "Tensor" => "Tensor",
            "Operand" => "Operand",
            "i64" | "usize" => "int",
            "f64" => "float",
            "bool" => "bool",
            "Scalar" => "Scalar",
            "DType" => "DType",
            "String" => "str",
            "Generator" | "GeneratorId" => "Generator",
            "()" => "none",
            "OneOrMore" => "Tensor|Tensor[]",
            _ => return None,
        }
        .to_string(),
    )
}

/// What a TypeScript caller may give for a parameter of this (table) type.
pub fn accepts(t: &str) -> String {
    if let Some(inner) = t.strip_suffix('?') {
        return format!("{} | null", accepts(inner));
    }
    match t {
        "Tensor?[]" => "readonly (Tensor | null)[]".into(),
        "Tensor[]" => "readonly Tensor[]".into(),
        "int[]" | "float[]" => "number | readonly number[]".into(),
        "int?[]" => "number | readonly (number | null)[]".into(),
        "int[][]" => "readonly (readonly number[])[]".into(),
        "bool[]" => "readonly boolean[]".into(),
        "Scalar[]" => "readonly Num[]".into(),
        "Operand" => "Tensor | Num".into(),
        "int" | "float" => "number".into(),
        "Scalar" => "Num".into(),
        "bool" => "boolean".into(),
        "str" => "string".into(),
        other => other.into(),
    }
}

/// What TypeScript gives back for a result of this (table) type.
pub fn gives(t: &str) -> String {
    if let Some(inner) = t.strip_suffix('?') {
        return format!("{} | null", gives(inner));
    }
    match t {
        "Tensor?[]" => "(Tensor | null)[]".into(),
        "Tensor[]" => "Tensor[]".into(),
        "int[]" | "float[]" => "number[]".into(),
        "int" | "float" => "number".into(),
        "Scalar" => "number | boolean | bigint".into(),
        "bool" => "boolean".into(),
        "str" => "string".into(),
        "none" => "void".into(),
        "Tensor|Tensor[]" => "Tensor | Tensor[]".into(),
        other => other.into(),
    }
}

/// A default value as declared, as a JavaScript literal without spaces (JSON, or an infinity).
pub fn literal(rust: &str) -> Option<String> {
    let t = rust.trim();
    if let Some(quoted) = quoted(t) {
        return Some(format!("\"{quoted}\""));
    }
    for (open, close) in
        [("Some(", ")"), ("Scalar::Int(", ")"), ("Scalar::Float(", ")"), ("Scalar::Bool(", ")"), ("(", ")")]
    {
        if let Some(inner) = t.strip_prefix(open).and_then(|r| r.strip_suffix(close)) {
            return literal(inner);
        }
    }
    let list = ["vec![", "&[", "["].iter().find_map(|open| t.strip_prefix(open));
    if let Some(items) = list.and_then(|r| r.strip_suffix(']')) {
        let items: Option<Vec<String>> =
            items.split(',').map(str::trim).filter(|i| !i.is_empty()).map(literal).collect();
        return Some(format!("[{}]", items?.join(",")));
    }
    match t {
        "None" => return Some("null".into()),
        "true" | "false" => return Some(t.into()),
        "Vec::new()" => return Some("[]".into()),
        "f64::INFINITY" => return Some("Infinity".into()),
        "f64::NEG_INFINITY" | "-f64::INFINITY" => return Some("-Infinity".into()),
        _ => {}
    }
    let number: String = t.chars().filter(|c| !c.is_whitespace() && *c != '_').collect();
    let number = number.trim_end_matches(".into()").to_string();
    let number = if number.ends_with('.') { format!("{number}0") } else { number };
    number.parse::<f64>().ok().filter(|n| n.is_finite()).map(|_| number)
}

/// The text of a string literal, however it is made a `String`.
fn quoted(t: &str) -> Option<&str> {
    let start = t.find('"')?;
    let end = t.rfind('"')?;
    let around = (&t[..start], &t[end + 1..]);
    let fine = matches!(around, ("", "" | ".into()" | ".to_string()" | ".to_owned()") | ("String::from(", ")"));
    (fine && end > start && !t[start + 1..end].contains(['"', '\\', ' '])).then(|| &t[start + 1..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_translated() {
        for (rust, table, ts) in [
            ("Tensor", "Tensor", "Tensor"),
            ("Option < Vec < i64 > >", "int[]?", "number | readonly number[] | null"),
            ("Vec<Option<Tensor>>", "Tensor?[]", "readonly (Tensor | null)[]"),
            ("Operand", "Operand", "Tensor | Num"),
            ("Option<GeneratorId>", "Generator?", "Generator | null"),
        ] {
            assert_eq!(table_type(rust).as_deref(), Some(table));
            assert_eq!(accepts(table), ts);
        }
        assert_eq!(table_type("HashMap<u8, u8>"), None);
    }

    #[test]
    fn defaults_are_translated() {
        for (rust, js) in [
            ("None", "null"),
            ("-1", "-1"),
            ("1e-5", "1e-5"),
            ("1.0", "1.0"),
            ("\"mean\"", "\"mean\""),
            ("\"mean\".into()", "\"mean\""),
            ("String::from(\"mean\")", "\"mean\""),
            ("vec![0, 1]", "[0,1]"),
            ("[1]", "[1]"),
            ("Vec::new()", "[]"),
            ("Scalar::Int(1)", "1"),
            ("Some(2.0)", "2.0"),
            ("f64::INFINITY", "Infinity"),
        ] {
            assert_eq!(literal(rust).as_deref(), Some(js), "{rust}");
        }
        assert_eq!(literal("make_it()"), None);
    }
}
