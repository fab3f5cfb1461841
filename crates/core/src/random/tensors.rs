//! Fills of tensors.
//!
//! Random numbers are made on the host, one after the other: the stream defines them. Another device gets a copy.

use super::{Elements, Generator, fill, generators};
use crate::call::GeneratorId;
use crate::device::{self, Device};
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

/// Writes the tensor's elements, which `f` gets in the order of memory.
fn write(out: &Tensor, id: Option<GeneratorId>, f: impl FnOnce(&mut Generator, Elements)) -> Result<()> {
    if out.device() != Device::Cpu {
        let _host = device::enter(Device::Cpu);
        let layout = out.layout();
        // As it lies on the device, or in order, in which normal numbers differ.
        let drawn = if layout.is_dense() {
            Tensor::empty_strided(&layout.shape, &layout.strides, out.dtype())?
        } else {
            Tensor::empty(&layout.shape, out.dtype())?
        };
        write(&drawn, id, f)?;
        return out.copy_from(&drawn);
    }
    let ordered = reordered(out, &memory_order(out.layout()));
    let dense = if ordered.is_contiguous() { ordered.clone() } else { Tensor::empty(ordered.shape(), out.dtype())? };
    let first = dense.storage().ptr().wrapping_add(dense.layout().offset * out.dtype().size());
    // Safety: contiguous memory of this dtype; nothing else runs while `f` does.
    generators::with(id, |g| f(g, unsafe { Elements::new(first, out.dtype(), dense.numel()) }))?;
    if dense.same(&ordered) { Ok(()) } else { ordered.copy_from(&dense) }
}

/// Uniform numbers in [from, to), in a float tensor.
pub fn uniform(out: &Tensor, from: f64, to: f64, id: Option<GeneratorId>) -> Result<()> {
    write(out, id, |g, x| fill::uniform(g, x, from, to))
}

/// Normal numbers, in a float tensor.
pub fn normal(out: &Tensor, mean: f64, std: f64, id: Option<GeneratorId>) -> Result<()> {
    let contiguous = out.is_contiguous();
    write(out, id, |g, x| fill::normal(g, x, mean, std, contiguous))
}

/// Integers in [from, from + range), in a tensor of any dtype; range 0 stands for 2^64.
pub fn integers(out: &Tensor, from: i64, range: u64, id: Option<GeneratorId>) -> Result<()> {
    write(out, id, |g, x| fill::integers(g, x, from, range))
}

/// `random_()` without bounds.
pub fn integers_of_type(out: &Tensor, id: Option<GeneratorId>) -> Result<()> {
    write(out, id, fill::integers_of_type)
}

/// Draws that are computed in float64, converted.
pub fn draws(out: &Tensor, draw: fill::Draw, id: Option<GeneratorId>) -> Result<()> {
    write(out, id, |g, x| draw.fill(g, x))
}

/// 1 with probability `p`, else 0, in a tensor of any dtype: the mask of dropout is `bernoulli(out, 1 - p)`.
pub fn bernoulli(out: &Tensor, p: f64, id: Option<GeneratorId>) -> Result<()> {
    write(out, id, |g, x| fill::bernoulli(g, x, p))
}

/// 1 with the probabilities of a float tensor of the same shape, else 0.
pub fn bernoulli_each(out: &Tensor, p: &Tensor, id: Option<GeneratorId>) -> Result<()> {
    // The probabilities in the order in which the output lies.
    let values = reordered(p, &memory_order(out.layout())).to_vec::<f64>()?;
    write(out, id, |g, x| fill::bernoulli_each(g, x, &values, p.dtype()))
}
