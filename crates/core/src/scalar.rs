//! Numbers as arguments.

use crate::{DType, Error, ErrorKind, Result};

/// A number given where PyTorch takes a Python scalar: it keeps the category (bool, integer, float) that promotion needs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
}

impl Scalar {
    pub fn to_f64(self) -> f64 {
        match self {
            Scalar::Bool(b) => b as u8 as f64,
            Scalar::Int(i) => i as f64,
            Scalar::Float(f) => f,
        }
    }

    /// Truncates a float towards zero.
    pub fn to_i64(self) -> i64 {
        match self {
            Scalar::Bool(b) => b as i64,
            Scalar::Int(i) => i,
            Scalar::Float(f) => f as i64,
        }
    }

    pub fn is_float(self) -> bool {
        matches!(self, Scalar::Float(_))
    }

    /// An integer, or an error that names op and argument.
    pub fn int(self, op: &str, name: &str) -> Result<i64> {
        match self {
            Scalar::Float(f) => {
                Err(Error::new(ErrorKind::Type, format!("{op}(): argument '{name}' must be an integer, not {f}")))
            }
            other => Ok(other.to_i64()),
        }
    }

    /// The dtype a tensor made of this number alone has: bool, int64 or the default float type.
    pub fn dtype(self) -> DType {
        match self {
            Scalar::Bool(_) => DType::Bool,
            Scalar::Int(_) => DType::I64,
            Scalar::Float(_) => crate::promote::default_dtype(),
        }
    }
}

impl From<f64> for Scalar {
    fn from(v: f64) -> Self {
        Scalar::Float(v)
    }
}
impl From<i64> for Scalar {
    fn from(v: i64) -> Self {
        Scalar::Int(v)
    }
}
impl From<i32> for Scalar {
    fn from(v: i32) -> Self {
        Scalar::Int(v as i64)
    }
}
impl From<bool> for Scalar {
    fn from(v: bool) -> Self {
        Scalar::Bool(v)
    }
}
