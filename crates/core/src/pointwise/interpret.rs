//! Evaluates a recorded expression with tensor ops, so that a derivative is itself differentiable.

use crate::lane::{BinaryFn, CompareFn, Program, Step, TestFn, UnaryFn};
use crate::{Result, Tensor, bail, ops};

/// A step's value: a tensor, or a number or truth value that has not met one yet.
#[derive(Clone)]
enum Value {
    Tensor(Tensor),
    Number(f64),
    Truth(bool),
}

impl Value {
    fn tensor(&self) -> Result<Tensor> {
        match self {
            Value::Tensor(t) => Ok(t.clone()),
            Value::Number(v) => Tensor::number(*v),
            Value::Truth(v) => Tensor::number(*v),
        }
    }
}

/// The program's value for these inputs and parameters, broadcast against each other.
pub fn run(program: &Program, inputs: &[&Tensor], params: &[f64]) -> Result<Tensor> {
    use Value::{Number, Truth};
    let mut values: Vec<Value> = Vec::with_capacity(program.steps.len());
    for step in &program.steps {
        let at = |i: usize| &values[i];
        let tensor = |i: usize| values[i].tensor();
        let value = match *step {
            Step::Input(i) => Value::Tensor(inputs[i].clone()),
            Step::Param(i) => Number(params[i]),
            Step::Lit(v) => Number(v),
            Step::Unary(f, a) => match at(a) {
                Number(x) => Number(f.on_f64(*x)),
                _ => Value::Tensor(unary(f, &tensor(a)?)?),
            },
            Step::Binary(f, a, b) => match (at(a), at(b)) {
                (Number(x), Number(y)) => Number(f.on_f64(*x, *y)),
                _ => Value::Tensor(binary(f, &tensor(a)?, &tensor(b)?)?),
            },
            Step::Compare(f, a, b) => match (at(a), at(b)) {
                (Number(x), Number(y)) => Truth(f.on_f64(*x, *y)),
                // Comparisons take the tensor first.
                (Number(_), _) => Value::Tensor(compare(f.mirrored(), &tensor(b)?, &tensor(a)?)?),
                _ => Value::Tensor(compare(f, &tensor(a)?, &tensor(b)?)?),
            },
            Step::Test(f, a) => match at(a) {
                Number(x) => Truth(f.on_f64(*x)),
                _ => Value::Tensor(match f {
                    TestFn::IsNan => ops::isnan(&tensor(a)?)?,
                    TestFn::IsInf => ops::isinf(&tensor(a)?)?,
                    TestFn::IsSigned => ops::signbit(&tensor(a)?)?,
                }),
            },
            Step::MaskAnd(a, b) => match (at(a), at(b)) {
                (Truth(x), Truth(y)) => Truth(x & y),
                _ => Value::Tensor(ops::logical_and(&tensor(a)?, &tensor(b)?)?),
            },
            Step::MaskOr(a, b) => match (at(a), at(b)) {
                (Truth(x), Truth(y)) => Truth(x | y),
                _ => Value::Tensor(ops::logical_or(&tensor(a)?, &tensor(b)?)?),
            },
            Step::MaskXor(a, b) => match (at(a), at(b)) {
                (Truth(x), Truth(y)) => Truth(x ^ y),
                _ => Value::Tensor(ops::logical_xor(&tensor(a)?, &tensor(b)?)?),
            },
            Step::MaskNot(a) => match at(a) {
                Truth(x) => Truth(!x),
                _ => Value::Tensor(ops::logical_not(&tensor(a)?)?),
            },
            Step::Select(m, a, b) => match at(m) {
                Truth(true) => at(a).clone(),
                Truth(false) => at(b).clone(),
                _ => Value::Tensor(ops::where_(&tensor(m)?, &tensor(a)?, &tensor(b)?)?),
            },
        };
        values.push(value);
    }
    let dtype = inputs[0].dtype();
    let out = values[program.result].tensor()?;
    // A constant derivative still has the incoming gradient's shape.
    let out =
        if out.is_wrapped_number() { ops::expand(&ops::to_dtype(&out, dtype)?, &inputs[0].sizes())? } else { out };
    ops::to_dtype(&out, dtype)
}

macro_rules! by_name {
    ($f:expr, $kind:ident, $args:tt: $($variant:ident $op:ident),* $(,)?) => {
        match $f {
            $($kind::$variant => ops::$op $args,)*
            other => bail!(NotImplemented, "the derivative of {} is not available as a tensor op", other.name()),
        }
    };
}

fn unary(f: UnaryFn, x: &Tensor) -> Result<Tensor> {
    by_name!(f, UnaryFn, (x):
        Neg neg, Abs abs, Sign sign, Not bitwise_not,
        Sqrt sqrt, Rsqrt rsqrt, Exp exp, Exp2 exp2, Expm1 expm1, Log log, Log2 log2, Log10 log10, Log1p log1p,
        Sin sin, Cos cos, Tan tan, Asin asin, Acos acos, Atan atan,
        Sinh sinh, Cosh cosh, Tanh tanh, Asinh asinh, Acosh acosh, Atanh atanh,
        Sigmoid sigmoid, Erf erf, Erfc erfc, Floor floor, Ceil ceil, Trunc trunc,
        Lgamma lgamma, Digamma digamma, Erfinv erfinv, Erfcx erfcx, Ndtri ndtri, LogNdtr log_ndtr,
        I0 i0, I0e i0e, I1 i1, I1e i1e,
    )
}

fn binary(f: BinaryFn, x: &Tensor, y: &Tensor) -> Result<Tensor> {
    // Which of two numbers is smaller or larger needs a tensor on the left.
    let (x, y) = match f {
        BinaryFn::Minimum | BinaryFn::Maximum if x.is_wrapped_number() => (y, x),
        _ => (x, y),
    };
    match f {
        BinaryFn::Polygamma => return ops::polygamma(x.item()?.to_i64(), y),
        BinaryFn::TruncDiv => return ops::div_rounded(x, y, Some("trunc")),
        BinaryFn::FloorDiv => return ops::div_rounded(x, y, Some("floor")),
        _ => {}
    }
    by_name!(f, BinaryFn, (x, y):
        Add add, Sub sub, Mul mul, Div div, Minimum minimum, Maximum maximum, Fmod fmod, Remainder remainder, Pow pow,
        Atan2 atan2, Copysign copysign, Hypot hypot, Zeta zeta, Igamma igamma, Igammac igammac,
    )
}

fn compare(f: CompareFn, x: &Tensor, y: &Tensor) -> Result<Tensor> {
    match f {
        CompareFn::Lt => ops::lt(x, y),
        CompareFn::Le => ops::le(x, y),
        CompareFn::Gt => ops::gt(x, y),
        CompareFn::Ge => ops::ge(x, y),
        CompareFn::Eq => ops::eq(x, y),
        CompareFn::Ne => ops::ne(x, y),
    }
}
