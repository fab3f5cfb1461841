//! A recorded expression as a function in WGSL.

use std::fmt::Write;

use cresset_lane::{BinaryFn, CompareFn, DType, Program, Step, TestFn, UnaryFn};

/// How an element is held and computed with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Scalar {
    Float,
    /// int32, and int64 in 32 bits.
    Int,
    /// uint8: a `u32` below 256.
    Byte,
    /// bool: a `u32`, 0 or 1.
    Truth,
}

impl Scalar {
    /// # Panics
    /// For float64, which was refused before.
    pub fn of(dtype: DType) -> Scalar {
        match dtype {
            DType::F32 => Scalar::Float,
            DType::I32 | DType::I64 => Scalar::Int,
            DType::U8 => Scalar::Byte,
            DType::Bool => Scalar::Truth,
            DType::F64 => unreachable!("float64 is refused before"),
        }
    }
    /// The type in WGSL.
    pub fn name(self) -> &'static str {
        match self {
            Scalar::Float => "f32",
            Scalar::Int => "i32",
            Scalar::Byte | Scalar::Truth => "u32",
        }
    }
    /// What the names of its functions begin with.
    fn prefix(self) -> &'static str {
        match self {
            Scalar::Float => "m_",
            Scalar::Int => "i_",
            Scalar::Byte | Scalar::Truth => "b_",
        }
    }
    /// A number as this type's literal, truncated as `Num::lit` does.
    fn literal(self, v: f64) -> String {
        match self {
            Scalar::Float if v.is_nan() => "m_nan()".into(),
            Scalar::Float if v as f32 == f32::INFINITY => "m_inf()".into(),
            Scalar::Float if v as f32 == f32::NEG_INFINITY => "(-m_inf())".into(),
            Scalar::Float => format!("({:?}f)", v as f32),
            // The smallest integer has no literal: a minus is an operator.
            Scalar::Int if v as i64 as i32 == i32::MIN => "(-2147483647i - 1i)".into(),
            Scalar::Int => format!("({}i)", v as i64 as i32),
            Scalar::Byte | Scalar::Truth => format!("{}u", v as i64 as u8),
        }
    }
    /// A number as the bits of a parameter.
    pub fn bits(self, v: f64) -> u32 {
        match self {
            Scalar::Float => (v as f32).to_bits(),
            Scalar::Int => v as i64 as i32 as u32,
            Scalar::Byte | Scalar::Truth => v as i64 as u8 as u32,
        }
    }
}

/// Whether a step's result is a mask.
fn is_mask(step: &Step) -> bool {
    use Step::*;
    matches!(step, Compare(..) | Test(..) | MaskAnd(..) | MaskOr(..) | MaskXor(..) | MaskNot(..))
}

/// The first function of a program that the library lacks for this type.
pub(crate) fn missing(program: &Program, t: Scalar) -> Option<&'static str> {
    program.steps.iter().find_map(|s| {
        let name = match s {
            Step::Unary(f, _) if unary_operator(*f).is_none() => f.name(),
            Step::Binary(f, ..) if binary_operator(*f, t).is_none() => f.name(),
            _ => return None,
        };
        (!super::has(&format!("{}{name}", t.prefix()))).then_some(name)
    })
}

fn unary_operator(f: UnaryFn) -> Option<&'static str> {
    None.filter(|_: &&str| f == UnaryFn::Neg)
}

/// The operator, where it does what the function must; bytes have to wrap.
fn binary_operator(f: BinaryFn, t: Scalar) -> Option<&'static str> {
    let byte = matches!(t, Scalar::Byte | Scalar::Truth);
    match f {
        BinaryFn::Add if !byte => Some("+"),
        BinaryFn::Sub if !byte => Some("-"),
        BinaryFn::Mul if !byte => Some("*"),
        BinaryFn::Div if t == Scalar::Float => Some("/"),
        BinaryFn::And if t != Scalar::Float => Some("&"),
        BinaryFn::Or if t != Scalar::Float => Some("|"),
        BinaryFn::Xor if t != Scalar::Float => Some("^"),
        _ => None,
    }
}

/// `fn f(x0: T, ...)`, which gives the program's result for `inputs` numbers of this type; a mask is given as 0 or 1.
/// Parameters are the words of `p.params`. `truth` is set where the result is bool whatever the inputs are.
pub(crate) fn print(program: &Program, t: Scalar, inputs: usize) -> (String, bool) {
    let name = t.name();
    let arguments: Vec<String> = (0..inputs).map(|i| format!("x{i}: {name}")).collect();
    let truth = is_mask(&program.steps[program.result]);
    let mut out = format!("fn f({}) -> {} {{\n", arguments.join(", "), if truth { "u32" } else { name });
    for (i, step) in program.steps.iter().enumerate() {
        let value = match *step {
            Step::Input(k) => format!("x{k}"),
            Step::Param(k) => format!("bitcast<{name}>(p.params[{k}])"),
            Step::Lit(v) => t.literal(v),
            Step::Unary(UnaryFn::Not, a) if t == Scalar::Truth => format!("1u - v{a}"),
            Step::Unary(f, a) => format!("{}{}(v{a})", t.prefix(), f.name()),
            Step::Binary(f, a, b) => match binary_operator(f, t) {
                Some(operator) => format!("v{a} {operator} v{b}"),
                None => format!("{}{}(v{a}, v{b})", t.prefix(), f.name()),
            },
            Step::Compare(f, a, b) => compare(f, a, b, t),
            Step::Test(f, a) => match (f, t) {
                (f, Scalar::Float) => format!("m_{}(v{a})", f.name()),
                (TestFn::IsSigned, Scalar::Int) => format!("v{a} < 0i"),
                _ => "false".into(),
            },
            Step::MaskAnd(a, b) => format!("v{a} && v{b}"),
            Step::MaskOr(a, b) => format!("v{a} || v{b}"),
            Step::MaskXor(a, b) => format!("v{a} != v{b}"),
            Step::MaskNot(a) => format!("!v{a}"),
            Step::Select(m, a, b) => format!("select(v{b}, v{a}, v{m})"),
        };
        let _ = writeln!(out, "  let v{i} = {value};");
    }
    let result = program.result;
    let _ = match t {
        _ if truth => writeln!(out, "  return select(0u, 1u, v{result});\n}}"),
        // Of a bool only the lowest bit counts.
        Scalar::Truth => writeln!(out, "  return v{result} & 1u;\n}}"),
        _ => writeln!(out, "  return v{result};\n}}"),
    };
    (out, truth)
}

fn compare(f: CompareFn, a: usize, b: usize, t: Scalar) -> String {
    match (f, t) {
        // WGSL's `!=` may be an ordered comparison, which is false for NaN.
        (CompareFn::Ne, Scalar::Float) => format!("!(v{a} == v{b})"),
        (CompareFn::Lt, _) => format!("v{a} < v{b}"),
        (CompareFn::Le, _) => format!("v{a} <= v{b}"),
        (CompareFn::Gt, _) => format!("v{a} > v{b}"),
        (CompareFn::Ge, _) => format!("v{a} >= v{b}"),
        (CompareFn::Eq, _) => format!("v{a} == v{b}"),
        (CompareFn::Ne, _) => format!("v{a} != v{b}"),
    }
}
