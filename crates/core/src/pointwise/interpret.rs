//! Evaluates a recorded expression with tensor ops, so that a derivative is itself differentiable.

use crate::lane::{BinaryFn, Program, Step, UnaryFn};
use crate::{Result, Tensor, bail, ops};

/// A step's value: a tensor, or a number that has not met one yet.
#[derive(Clone)]
enum Value {
    Tensor(Tensor),
    Number(f64),
}

impl Value {
    fn tensor(&self) -> Result<Tensor> {
        match self {
            Value::Tensor(t) => Ok(t.clone()),
            Value::Number(v) => Tensor::number(*v),
        }
    }
}

/// The program's value for these inputs and parameters, broadcast against each other.
pub fn run(program: &Program, inputs: &[&Tensor], params: &[f64]) -> Result<Tensor> {
    let mut values: Vec<Value> = Vec::with_capacity(program.steps.len());
    for step in &program.steps {
        let tensor = |i: usize| values[i].tensor();
        let value = match *step {
            Step::Input(i) => Value::Tensor(inputs[i].clone()),
            Step::Param(i) => Value::Number(params[i]),
            Step::Lit(v) => Value::Number(v),
            Step::Unary(f, a) => Value::Tensor(unary(f, &tensor(a)?)?),
            Step::Binary(f, a, b) => match (f, &values[a], &values[b]) {
                (BinaryFn::Add, Value::Number(x), Value::Number(y)) => Value::Number(x + y),
                (BinaryFn::Sub, Value::Number(x), Value::Number(y)) => Value::Number(x - y),
                (BinaryFn::Mul, Value::Number(x), Value::Number(y)) => Value::Number(x * y),
                (BinaryFn::Div, Value::Number(x), Value::Number(y)) => Value::Number(x / y),
                (BinaryFn::Pow, Value::Number(x), Value::Number(y)) => Value::Number(x.powf(*y)),
                _ => Value::Tensor(binary(f, &tensor(a)?, &tensor(b)?)?),
            },
            ref step => bail!(NotImplemented, "{step:?} is not available as a tensor op"),
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

fn unary(f: UnaryFn, x: &Tensor) -> Result<Tensor> {
    match f {
        UnaryFn::Neg => ops::mul(x, &Tensor::number(-1)?),
        other => bail!(NotImplemented, "the derivative of {} is not available as a tensor op", other.name()),
    }
}

fn binary(f: BinaryFn, x: &Tensor, y: &Tensor) -> Result<Tensor> {
    match f {
        BinaryFn::Add => ops::add(x, y),
        BinaryFn::Sub => ops::sub(x, y),
        BinaryFn::Mul => ops::mul(x, y),
        BinaryFn::Div => ops::div(x, y),
        other => bail!(NotImplemented, "the derivative of {} is not available as a tensor op", other.name()),
    }
}
