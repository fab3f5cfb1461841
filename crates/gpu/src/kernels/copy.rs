//! Moving elements: copies and conversions, constants, and the choice between two operands.

use cresset_lane::DType;

use super::pointwise::{Function, map};
use crate::device::Gpu;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::pool::Buffer;
use crate::transfer::{does_not_fit, fit};
use crate::wgsl::Scalar;

/// Moves elements as they are, whatever their bits mean.
pub(crate) fn move_elements(l: &Launch) -> Result<()> {
    let text = || "fn f(x: u32) -> u32 {\n  return x;\n}\n".to_string();
    let types = [Scalar::Byte; 2];
    map(l, &Function { name: "copy", text: &text, types: &types, params: [0; 4], variant: 0, work: 4, demand: None })
}

/// `outs[0] = ins[0]`, converted as `x.to(dtype)` does.
pub(crate) fn copy(l: &Launch) -> Result<()> {
    let (from, to) = (l.ins[0].dtype, l.outs[0].dtype);
    // A truth value is a byte, and an int64 an int32 here.
    if from == to || (Scalar::of(from) == Scalar::of(to)) || (from, to) == (DType::Bool, DType::U8) {
        return move_elements(l);
    }
    let (t, out) = (Scalar::of(from), Scalar::of(to));
    let body = match (t, out) {
        (Scalar::Float, Scalar::Int) => "m_to_int(x)",
        (Scalar::Float, Scalar::Byte) => "bitcast<u32>(m_to_int(x)) & 255u",
        // NaN is true.
        (Scalar::Float, Scalar::Truth) => "select(1u, 0u, (bitcast<u32>(x) & 0x7fffffffu) == 0u)",
        (Scalar::Int, Scalar::Byte) => "bitcast<u32>(x) & 255u",
        (Scalar::Int, Scalar::Truth) => "select(0u, 1u, x != 0i)",
        (Scalar::Byte, Scalar::Truth) => "min(x, 1u)",
        (_, Scalar::Float) => "f32(x)",
        _ => "i32(x)",
    };
    let text = || format!("fn f(x: {}) -> {} {{\n  return {body};\n}}\n", t.name(), out.name());
    map(l, &Function { name: "copy", text: &text, types: &[out, t], params: [0; 4], variant: 1, work: 8, demand: None })
}

/// Writes one number everywhere. attrs: [the number as float, the number as integer].
pub(crate) fn fill(l: &Launch) -> Result<()> {
    let t = Scalar::of(l.outs[0].dtype);
    let bits = match t {
        Scalar::Float => (l.attrs[0].f() as f32).to_bits(),
        Scalar::Int if l.outs[0].dtype == DType::I64 => {
            let v = l.attrs[1].i();
            fit(v).ok_or_else(|| does_not_fit(&format!("the value {v}")))? as u32
        }
        Scalar::Int => l.attrs[1].i() as i32 as u32,
        Scalar::Byte => l.attrs[1].i() as u8 as u32,
        Scalar::Truth => (l.attrs[0].f() != 0.0) as u32,
    };
    let text = || "fn f() -> u32 {\n  return p.params[0];\n}\n".to_string();
    let params = [bits, 0, 0, 0];
    map(l, &Function { name: "fill", text: &text, types: &[Scalar::Byte], params, variant: 0, work: 4, demand: None })
}

/// `outs[0] = ins[0] ? ins[1] : ins[2]`.
pub(crate) fn choose(l: &Launch) -> Result<()> {
    let text = || "fn f(m: u32, a: u32, b: u32) -> u32 {\n  return select(b, a, m != 0u);\n}\n".to_string();
    let types = [Scalar::Byte; 4];
    map(l, &Function { name: "where", text: &text, types: &types, params: [0; 4], variant: 0, work: 4, demand: None })
}

/// A row-major copy of a view, in memory of its own.
pub(crate) struct Contiguous {
    pub buffer: Buffer,
    strides: Vec<isize>,
}

impl Contiguous {
    /// The view's elements here.
    pub fn view<'a>(&'a self, of: &View<'a>) -> View<'a> {
        View { buffer: &self.buffer, strides: &self.strides, offset: 0, ..*of }
    }
}

/// Strides of a row-major tensor.
pub(crate) fn row_major(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![1; shape.len()];
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d] * shape[d].max(1) as isize;
    }
    strides
}

/// Copies a view into memory of its own.
pub(crate) fn contiguous(gpu: &Gpu, v: &View) -> Result<Contiguous> {
    let copy = Contiguous { buffer: gpu.buffer(v.numel())?, strides: row_major(v.shape) };
    if v.numel() > 0 {
        move_elements(&Launch { gpu, name: "copy", ins: &[*v], outs: &[copy.view(v)], attrs: &[], demand: None })?;
    }
    Ok(copy)
}
