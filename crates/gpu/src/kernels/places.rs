//! Positions as uniforms: the dimensions that several operands share, and where each operand is at a position.
//!
//! A kernel may have two sets of dimensions, those that are kept and those that it runs along.

use super::pointwise::{Dims, MAX_DIMS};
use crate::launch::View;

/// Operands of one set.
pub(crate) const OPERANDS: usize = 4;
/// Words of the struct `Places` of places.wgsl.
pub(crate) const WORDS: usize = 8 + MAX_DIMS + MAX_DIMS * OPERANDS;

/// Dimensions with the strides of up to four operands.
pub(crate) struct Places {
    pub numel: usize,
    pub dims: Dims,
    pub offsets: [u32; OPERANDS],
}

impl Places {
    /// The dimensions of the operands for which `which` says so. All operands have the same rank. Without offsets, so that they
    /// are added once where there are two sets.
    pub fn of(operands: &[&View], which: impl Fn(usize) -> bool) -> Places {
        let shape_of = |d: usize| operands.iter().map(|v| v.shape[d]).max().unwrap_or(1);
        let rank = operands.iter().map(|v| v.shape.len()).max().unwrap_or(0);
        let chosen: Vec<usize> = (0..rank).filter(|&d| which(d)).collect();
        let shape: Vec<usize> = chosen.iter().map(|&d| shape_of(d)).collect();
        let strides: Vec<Vec<isize>> = operands
            .iter()
            .map(|v| chosen.iter().map(|&d| if v.shape[d] == 1 { 0 } else { v.strides[d] }).collect())
            .collect();
        Places::from_strides(&shape, &strides)
    }

    /// From sizes, and strides for each operand.
    pub fn from_strides(shape: &[usize], strides: &[Vec<isize>]) -> Places {
        Places { numel: shape.iter().product(), dims: Dims::from_strides(shape, strides), offsets: [0; OPERANDS] }
    }

    /// The same with the operands' own offsets.
    pub fn at(mut self, operands: &[&View]) -> Places {
        for (o, v) in self.offsets.iter_mut().zip(operands) {
            *o = v.offset as u32;
        }
        self
    }

    /// Whether the kernel has room for as many dimensions.
    pub fn fits(&self) -> bool {
        self.dims.sizes.len() <= MAX_DIMS
    }

    /// The stride of an operand where one dimension at most is left.
    pub fn only_stride(&self, operand: usize) -> Option<isize> {
        match self.dims.sizes.len() {
            0 => Some(0),
            1 => Some(self.dims.strides[0][operand]),
            _ => None,
        }
    }

    /// The struct `Places`.
    pub fn push(&self, params: &mut Vec<u32>) {
        let start = params.len();
        params.resize(start + WORDS, 0);
        let p = &mut params[start..];
        p[0] = self.numel as u32;
        p[1] = self.dims.sizes.len() as u32;
        p[4..8].copy_from_slice(&self.offsets);
        for (d, &n) in self.dims.sizes.iter().enumerate() {
            p[8 + d] = n as u32;
            for (k, &s) in self.dims.strides[d].iter().enumerate() {
                p[8 + MAX_DIMS + d * OPERANDS + k] = s as i32 as u32;
            }
        }
    }
}

/// `place_NAME(i)`: where the operands of `p.NAME` are at position i.
pub(crate) fn place(name: &str) -> String {
    format!(
        "fn place_{name}(i: u32) -> vec4<u32> {{\n  if (p.{name}.dims <= 1u) {{\n    return p.{name}.offset + i * p.{name}.strides[0];\n  }}\n  \
         var at = p.{name}.offset;\n  var rest = i;\n  for (var d = 0u; d < p.{name}.dims; d++) {{\n    \
         let size = p.{name}.shape[d >> 2u][d & 3u];\n    let q = rest / size;\n    at += (rest - q * size) * p.{name}.strides[d];\n    rest = q;\n  }}\n  \
         return at;\n}}\n\n"
    )
}
