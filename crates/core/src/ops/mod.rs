//! Every op, a file per family. An op is declared once, with `ops!`:
//!
//! ```text
//! ops! {
//!     /// First line: what it does. Shapes, defaults, errors.
//!     ///
//!     /// PyTorch: `torch.cumsum`.
//!     [torch tensor inplace]
//!     fn cumsum(input: Tensor, dim: i64, dtype: Option<DType> = None) -> Tensor { ... }
//! }
//! ```
//!
//! From it come the Rust function (`ops::cumsum(&x, 0, None)`), the entry TypeScript calls, the TypeScript function and
//! method with this doc comment, and the row in FEATURES.md. The words in brackets say where it appears:
//!
//! | word | meaning |
//! |---|---|
//! | `torch`, `F`, `special`, `linalg`, `fft` | a function there |
//! | `tensor` | a method |
//! | `inplace` | also `name_`: the result replaces the first tensor |
//! | `direct` | in place, its single pointwise kernel writes straight into the target |
//! | `mixed` | its tensors may be on several devices |
//! | `factory` | takes `{ dtype, device, requiresGrad }` in TypeScript |
//! | `private` | only for our own TypeScript, as `_name` |
//! | `"special.expit"` | another public path for it |
//! | `as max` | its public name, where several overloads share one (tried in the order they are declared) |
//!
//! Shapes, dtypes and indices are checked in the body before any kernel runs. The body computes with
//! `dispatch(&KERNEL, &ins, &outs, &attrs)` and joins the graph with `attach(...)`, or is composed of other ops.
//! Pointwise ops are one line over an expression of `lane::expr` (see `pointwise`).

use std::sync::OnceLock;

use crate::call::Entry;

/// A parameter as declared.
#[derive(Clone, Copy, Debug)]
pub struct ParamDecl {
    pub name: &'static str,
    /// Its Rust type, as written.
    pub ty: &'static str,
    /// Its default, as written.
    pub default: Option<&'static str>,
}

/// An op as declared: what the generator of the TypeScript layer reads.
#[derive(Clone, Copy, Debug)]
pub struct OpDecl {
    /// Name of the Rust function; unique.
    pub name: &'static str,
    /// The words in brackets.
    pub api: &'static str,
    pub params: &'static [ParamDecl],
    /// (name, type) of each result; the name is empty when there is only one.
    pub returns: &'static [(&'static str, &'static str)],
    pub doc: &'static str,
    pub file: &'static str,
}

/// Declares ops; see the module's documentation.
#[macro_export]
macro_rules! ops {
    ($($body:tt)*) => { $crate::ops_each! { [] $($body)* } };
}

#[doc(hidden)]
#[macro_export]
macro_rules! ops_each {
    ([$($done:ident)*]) => {
        pub(crate) const ENTRIES: &[$crate::call::Entry] = &[$($done::ENTRY),*];
        pub(crate) const DECLS: &[$crate::ops::OpDecl] = &[$($done::DECL),*];
    };
    ([$($done:ident)*] $(#[doc = $doc:literal])* [$($api:tt)*]
        fn $name:ident($($p:ident : $t:ty $(= $d:expr)?),* $(,)?) -> ($($rn:ident : $rt:ty),+ $(,)?) $body:block
        $($rest:tt)*) => {
        $crate::ops_one! { (($($rt,)+)) [$((stringify!($rn), stringify!($rt))),+]
            $(#[doc = $doc])* [$($api)*] $name($($p : $t [$($d)?]),*) $body }
        $crate::ops_each! { [$($done)* $name] $($rest)* }
    };
    ([$($done:ident)*] $(#[doc = $doc:literal])* [$($api:tt)*]
        fn $name:ident($($p:ident : $t:ty $(= $d:expr)?),* $(,)?) -> $rt:ty $body:block
        $($rest:tt)*) => {
        $crate::ops_one! { ($rt) [("", stringify!($rt))]
            $(#[doc = $doc])* [$($api)*] $name($($p : $t [$($d)?]),*) $body }
        $crate::ops_each! { [$($done)* $name] $($rest)* }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! ops_one {
    (($($ret:tt)*) [$($returns:tt)*] $(#[doc = $doc:literal])* [$($api:tt)*]
        $name:ident($($p:ident : $t:ty [$($d:expr)?]),*) $body:block) => {
        $(#[doc = $doc])*
        #[allow(clippy::too_many_arguments, non_snake_case)]
        pub fn $name($($p: <$t as $crate::call::Param>::Arg<'_>),*) -> $crate::Result<$($ret)*> $body

        #[doc(hidden)]
        #[allow(unused_imports, unused_variables, unused_mut, non_snake_case)]
        pub mod $name {
            use super::*;
            pub(crate) const ENTRY: $crate::call::Entry = $crate::call::Entry {
                name: stringify!($name),
                direct: $crate::ops::has_word(stringify!($($api)*), "direct"),
                mixed: $crate::ops::has_word(stringify!($($api)*), "mixed"),
                // Safety: it is only called as what it is, by the `run` of its signature.
                function: unsafe {
                    std::mem::transmute::<
                        fn($(<$t as $crate::call::Param>::Arg<'_>),*) -> $crate::Result<$($ret)*>,
                        $crate::call::Erased,
                    >(super::$name)
                },
                run: <($($t,)*) as $crate::call::Signature<$($ret)*>>::run,
            };
            pub(crate) const DECL: $crate::ops::OpDecl = $crate::ops::OpDecl {
                name: stringify!($name),
                api: stringify!($($api)*),
                params: &[$($crate::ops::ParamDecl {
                    name: stringify!($p),
                    ty: stringify!($t),
                    default: $crate::ops::first(&[$(stringify!($d))?]),
                }),*],
                returns: &[$($returns)*],
                doc: concat!($($doc, "\n",)* ""),
                file: file!(),
            };
        }
    };
}

/// Whether a list of words holds this one.
pub const fn has_word(list: &str, word: &str) -> bool {
    let (l, w) = (list.as_bytes(), word.as_bytes());
    let mut i = 0;
    while i + w.len() <= l.len() {
        let mut j = 0;
        while j < w.len() && l[i + j] == w[j] {
            j += 1;
        }
        let start = i == 0 || l[i - 1] == b' ';
        let end = i + w.len() == l.len() || l[i + w.len()] == b' ';
        if j == w.len() && start && end {
            return true;
        }
        i += 1;
    }
    false
}

/// The first of at most one.
pub const fn first(list: &[&'static str]) -> Option<&'static str> {
    if list.is_empty() { None } else { Some(list[0]) }
}

mod einsum_parse;
mod product;
mod windows;

macro_rules! families {
    ($($family:ident)+) => {
        $(pub mod $family; #[allow(unused_imports)] pub use $family::*;)+

        /// Every op by number.
        pub fn table() -> &'static [Entry] {
            static TABLE: OnceLock<Vec<Entry>> = OnceLock::new();
            TABLE.get_or_init(|| [$($family::ENTRIES),+].concat())
        }

        /// Every declaration, in the order of the numbers.
        pub fn declarations() -> Vec<OpDecl> {
            [$($family::DECLS),+].concat()
        }
    };
}

// One line a family, in alphabetical order.
families! {
    activation
    arith
    attention
    bitwise
    compare
    condition
    contraction
    conv
    creation
    ctc
    diagonals
    distance
    dropouts
    exponential
    extremum
    factor
    fractional
    gates
    gradient_norm
    graph
    grid
    indexing
    init
    joining
    likelihood
    lookup
    loss
    margins
    masked
    masking
    normalization
    norms
    numbers
    optim
    pairs
    patches
    pool
    products
    random
    rearrange
    recurrent
    reduction
    resample
    rounding
    scan
    scattering
    shape
    signal
    sklearn
    softmaxes
    sorting
    special
    spectral
    statistics
    triangles
    trig
    views
}
