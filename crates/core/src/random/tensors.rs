//! Fills of tensors.
//!
//! Random numbers are made in memory that the host sees, one after the other: the stream defines them. What a kernel
//! would be for another device is a copy of the result.

use cresset_lane::{Bool, DType, Element};

use super::{Generator, fill, generators};
use crate::call::GeneratorId;
use crate::{Layout, Result, Tensor};

/// The dimensions from the largest stride to the smallest: the order in which PyTorch's iterator visits a tensor.
fn memory_order(layout: &Layout) -> Vec<usize> {
    let mut order: Vec<usize> = (0..layout.shape.len()).collect();
    order.sort_by_key(|&d| std::cmp::Reverse((layout.strides[d].unsigned_abs(), layout.shape[d] > 1)));
    order
}

/// The tensor with its dimensions in another order.
fn reordered(t: &Tensor, order: &[usize]) -> Tensor {
    let layout = t.layout();
    t.alias(Layout {
        shape: order.iter().map(|&d| layout.shape[d]).collect(),
        strides: order.iter().map(|&d| layout.strides[d]).collect(),
        offset: layout.offset,
    })
}

/// Writes the tensor's elements, which `f` gets as a slice in the order of memory.
fn write<T: Element>(out: &Tensor, f: impl FnOnce(&mut [T])) -> Result<()> {
    let ordered = reordered(out, &memory_order(out.layout()));
    let dense = if ordered.is_contiguous() { ordered.clone() } else { Tensor::empty(ordered.shape(), T::DTYPE)? };
    let first = dense.storage().ptr().cast::<T>();
    // Safety: contiguous memory of this dtype; nothing else runs while `f` does.
    f(unsafe { std::slice::from_raw_parts_mut(first.add(dense.layout().offset), dense.numel()) });
    if dense.same(&ordered) { Ok(()) } else { ordered.copy_from(&dense) }
}

/// Calls `f::<T>` for the Rust type of a dtype.
macro_rules! by_dtype {
    ($dtype:expr, $f:ident($($arg:expr),*)) => {
        match $dtype {
            DType::Bool => $f::<Bool>($($arg),*),
            DType::U8 => $f::<u8>($($arg),*),
            DType::I32 => $f::<i32>($($arg),*),
            DType::I64 => $f::<i64>($($arg),*),
            DType::F32 => $f::<f32>($($arg),*),
            DType::F64 => $f::<f64>($($arg),*),
        }
    };
}

/// Uniform numbers in [from, to), in a float tensor.
pub fn uniform(out: &Tensor, from: f64, to: f64, id: Option<GeneratorId>) -> Result<()> {
    generators::with(id, |g| match out.dtype() {
        DType::F64 => write::<f64>(out, |x| fill::uniform_f64(g, x, from, to)),
        _ => write::<f32>(out, |x| fill::uniform_f32(g, x, from, to)),
    })?
}

/// Normal numbers, in a float tensor.
pub fn normal(out: &Tensor, mean: f64, std: f64, id: Option<GeneratorId>) -> Result<()> {
    let contiguous = out.is_contiguous();
    generators::with(id, |g| match out.dtype() {
        DType::F64 => write::<f64>(out, |x| fill::normal_f64(g, x, mean, std, contiguous)),
        _ => write::<f32>(out, |x| fill::normal_f32(g, x, mean, std, contiguous)),
    })?
}

/// Integers in [from, from + range), in a tensor of any dtype; range 0 stands for 2^64.
pub fn integers(out: &Tensor, from: i64, range: u64, id: Option<GeneratorId>) -> Result<()> {
    fn go<T: Element>(out: &Tensor, g: &mut Generator, from: i64, range: u64) -> Result<()> {
        write::<T>(out, |x| fill::integers(g, x, from, range))
    }
    generators::with(id, |g| by_dtype!(out.dtype(), go(out, g, from, range)))?
}

/// `random_()` without bounds.
pub fn integers_of_type(out: &Tensor, id: Option<GeneratorId>) -> Result<()> {
    fn go<T: Element>(out: &Tensor, g: &mut Generator) -> Result<()> {
        write::<T>(out, |x| fill::integers_of_type(g, x))
    }
    generators::with(id, |g| by_dtype!(out.dtype(), go(out, g)))?
}

/// Draws that are computed in float64, converted.
pub fn draws(out: &Tensor, draw: fill::Draw, id: Option<GeneratorId>) -> Result<()> {
    fn go<T: Element>(out: &Tensor, g: &mut Generator, draw: fill::Draw) -> Result<()> {
        write::<T>(out, |x| draw.fill(g, x))
    }
    generators::with(id, |g| by_dtype!(out.dtype(), go(out, g, draw)))?
}

/// 1 with probability `p`, else 0, in a tensor of any dtype: the mask of dropout is `bernoulli(out, 1 - p)`.
pub fn bernoulli(out: &Tensor, p: f64, id: Option<GeneratorId>) -> Result<()> {
    fn go<T: Element>(out: &Tensor, g: &mut Generator, p: f64) -> Result<()> {
        write::<T>(out, |x| fill::bernoulli(g, x, p))
    }
    generators::with(id, |g| by_dtype!(out.dtype(), go(out, g, p)))?
}

/// 1 with the probabilities of a float tensor of the same shape, else 0.
pub fn bernoulli_each(out: &Tensor, p: &Tensor, id: Option<GeneratorId>) -> Result<()> {
    fn go<T: Element>(out: &Tensor, g: &mut Generator, p: &[f64], double: bool) -> Result<()> {
        let values = [T::from_i64(0), T::from_i64(1)];
        write::<T>(out, |x| {
            for (x, &p) in x.iter_mut().zip(p) {
                let hit = if double { fill::trial_f64(g, p) } else { fill::trial_f32(g, p as f32) };
                *x = values[hit as usize];
            }
        })
    }
    // The probabilities in the order in which the output lies.
    let values = reordered(p, &memory_order(out.layout())).to_vec::<f64>()?;
    let double = p.dtype() == DType::F64;
    generators::with(id, |g| by_dtype!(out.dtype(), go(out, g, &values, double)))?
}
