//! The declarations, read: which op appears where under which name.

use std::collections::BTreeMap;

use cresset_core::ops::OpDecl;

use crate::names::camel;
use crate::types::{literal, table_type};

/// The namespaces that hold functions, and the generated file of each.
pub const SPACES: [(&str, &str); 7] = [
    ("torch", "torch"),
    ("F", "functional"),
    ("special", "special"),
    ("linalg", "linalg"),
    ("fft", "fft"),
    ("masked", "masked"),
    ("signal.windows", "windows"),
];

pub struct Param {
    /// camelCase.
    pub name: String,
    /// In the table's notation.
    pub ty: String,
    /// As a JavaScript literal.
    pub default: Option<String>,
    /// Only by name: a factory's dtype, a generator.
    pub keyword_only: bool,
}

pub struct Op {
    /// Name of the Rust function.
    pub name: String,
    pub params: Vec<Param>,
    /// (name, type in the table's notation); one with an empty name is a plain result.
    pub returns: Vec<(String, String)>,
    pub doc: String,
    pub file: String,
    pub factory: bool,
}

impl Op {
    /// The parameter that is the object before the dot of a method.
    pub fn receiver(&self) -> usize {
        self.params.iter().position(|p| p.name == "input" || p.name == "self").unwrap_or(0)
    }
}

/// How a public function in place works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// A new result.
    Plain,
    /// The engine puts the op's result into the first tensor.
    InPlace,
    /// The op itself writes the first tensor; the result is that tensor.
    Writes,
}

/// One public function or method: the ops that are tried in order.
pub struct Public {
    pub mode: Mode,
    pub ops: Vec<usize>,
}

pub struct Model {
    pub ops: Vec<Op>,
    /// By namespace (`tensor` for methods), then by public name.
    pub places: BTreeMap<String, BTreeMap<String, Public>>,
}

impl Model {
    pub fn read(declarations: &[OpDecl]) -> Result<Model, String> {
        let mut model = Model { ops: Vec::new(), places: BTreeMap::new() };
        for (number, d) in declarations.iter().enumerate() {
            let api = Api::parse(d.api);
            model.ops.push(read_op(d, &api)?);
            model.place(number, d.name, &api)?;
        }
        Ok(model)
    }

    fn place(&mut self, number: usize, name: &str, api: &Api) -> Result<(), String> {
        let public = camel(api.public.as_deref().unwrap_or(name));
        let mut names = vec![public];
        names.extend(api.aliases.iter().filter(|a| !a.contains('.')).map(|a| camel(a)));
        for space in api.spaces.iter().filter(|s| s.as_str() != "private") {
            for name in &names {
                self.add(number, space, name, Mode::Plain)?;
                if api.in_place && space != "special" && space != "linalg" {
                    self.add(number, space, &format!("{name}_"), Mode::InPlace)?;
                }
            }
        }
        for alias in api.aliases.iter().filter(|a| a.contains('.')) {
            let (space, name) = alias.rsplit_once('.').unwrap_or(("torch", alias));
            let space = match space {
                "nn.functional" => "F",
                "Tensor" => "tensor",
                other => other,
            };
            if space != "tensor" && !SPACES.iter().any(|s| s.0 == space) {
                return Err(format!("{name}: there is no namespace {space} (in \"{alias}\")"));
            }
            self.add(number, space, &camel(name), Mode::Plain)?;
        }
        Ok(())
    }

    fn add(&mut self, number: usize, space: &str, name: &str, mode: Mode) -> Result<(), String> {
        let mode =
            if mode == Mode::Plain && name.ends_with('_') && !name.starts_with('_') { Mode::Writes } else { mode };
        let entry = self
            .places
            .entry(space.to_string())
            .or_default()
            .entry(name.to_string())
            .or_insert_with(|| Public { mode, ops: Vec::new() });
        if entry.mode != mode {
            return Err(format!(
                "{space}.{name}: declared both as an op of its own and as the in-place form of another"
            ));
        }
        if !entry.ops.contains(&number) {
            entry.ops.push(number);
        }
        Ok(())
    }

    /// The public functions of a namespace.
    pub fn space(&self, space: &str) -> impl Iterator<Item = (&String, &Public)> {
        self.places.get(space).into_iter().flatten()
    }
}

/// The words in an op's brackets.
struct Api {
    spaces: Vec<String>,
    aliases: Vec<String>,
    public: Option<String>,
    in_place: bool,
    factory: bool,
}

impl Api {
    fn parse(text: &str) -> Api {
        let mut api = Api { spaces: vec![], aliases: vec![], public: None, in_place: false, factory: false };
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "as" => api.public = words.next().map(|w| w.trim_start_matches("r#").to_string()),
                "inplace" => api.in_place = true,
                "factory" => api.factory = true,
                "direct" | "mixed" => {}
                _ if word.starts_with('"') => api.aliases.push(word.trim_matches('"').to_string()),
                _ => api.spaces.push(word.to_string()),
            }
        }
        api
    }
}

fn read_op(d: &OpDecl, api: &Api) -> Result<Op, String> {
    let mut params = Vec::new();
    for p in d.params {
        let ty = table_type(p.ty).ok_or_else(|| format!("{}: parameter {} has type {}", d.name, p.name, p.ty))?;
        let default = match p.default {
            None => None,
            Some(text) => Some(
                literal(text)
                    .ok_or_else(|| format!("{}: the default of {} is not understood: {text}", d.name, p.name))?,
            ),
        };
        let keyword_only = (api.factory && p.name == "dtype") || ty == "Generator?";
        params.push(Param { name: camel(p.name.trim_start_matches("r#")), ty, default, keyword_only });
    }
    let mut returns = Vec::new();
    for (name, ty) in d.returns {
        let ty = table_type(ty).ok_or_else(|| format!("{}: returns {ty}", d.name))?;
        returns.push((camel(name), ty));
    }
    let doc = d.doc.lines().map(|l| l.strip_prefix(' ').unwrap_or(l)).collect::<Vec<_>>().join("\n");
    Ok(Op {
        name: d.name.to_string(),
        params,
        returns,
        doc: doc.trim().to_string(),
        file: d.file.to_string(),
        factory: api.factory,
    })
}
