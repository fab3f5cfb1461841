//! Shapes, strides and the arithmetic of views. Nothing here touches memory.

use smallvec::SmallVec;

use crate::{Result, bail, ensure};

pub type Shape = SmallVec<[usize; 6]>;
pub type Strides = SmallVec<[isize; 6]>;
/// A shape as arguments of ops give it.
pub type Sizes = SmallVec<[i64; 6]>;

/// How a tensor lies in its storage. Strides and offset count elements.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    pub shape: Shape,
    pub strides: Strides,
    pub offset: usize,
}

impl Layout {
    /// Row-major without gaps, from the start of the storage.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn contiguous(shape: &[usize]) -> Layout {
        Layout { shape: SmallVec::from_slice(shape), strides: contiguous_strides(shape), offset: 0 }
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn numel(&self) -> usize {
        self.shape.iter().product()
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn is_contiguous(&self) -> bool {
        crate::cpu::launch::is_row_major(&self.shape, &self.strides)
    }

    /// True when no two indices share an element and there are no gaps: a permutation of a contiguous layout.
    pub fn is_dense(&self) -> bool {
        if self.is_contiguous() {
            return true;
        }
        let mut dims: SmallVec<[(isize, usize); 6]> =
            self.strides.iter().copied().zip(self.shape.iter().copied()).filter(|&(_, n)| n != 1).collect();
        if dims.iter().any(|&(_, n)| n == 0) {
            return true;
        }
        dims.sort_unstable();
        let mut expect = 1isize;
        for (s, n) in dims {
            if s != expect {
                return false;
            }
            expect *= n as isize;
        }
        true
    }

    /// Number of elements from `offset` that the layout reaches; 0 when empty.
    pub fn span(&self) -> usize {
        if self.numel() == 0 {
            return 0;
        }
        1 + self.shape.iter().zip(&self.strides).map(|(&n, &s)| (n - 1) * s.unsigned_abs()).sum::<usize>()
    }

    /// True when two different indices may name the same element (an expanded view).
    pub fn overlaps(&self) -> bool {
        if self.is_contiguous() {
            return false;
        }
        let mut dims: SmallVec<[(usize, usize); 6]> =
            self.strides.iter().map(|s| s.unsigned_abs()).zip(self.shape.iter().copied()).filter(|d| d.1 > 1).collect();
        dims.sort_unstable();
        let mut reach = 0;
        for (s, n) in dims {
            if s <= reach {
                return true;
            }
            reach += s * (n - 1);
        }
        false
    }
}

/// So many strides of 1.
#[cfg_attr(hot_paths, optimize(speed))]
fn ones(n: usize) -> Strides {
    match n {
        0..=6 => SmallVec::from_buf_and_len([1; 6], n),
        _ => SmallVec::from_elem(1, n),
    }
}

/// Strides of a row-major tensor of this shape (PyTorch's: a dimension of size 0 counts as 1).
#[cfg_attr(hot_paths, optimize(speed))]
pub fn contiguous_strides(shape: &[usize]) -> Strides {
    let mut strides = ones(shape.len());
    let mut s = 1isize;
    for i in (0..shape.len()).rev() {
        strides[i] = s;
        s *= shape[i].max(1) as isize;
    }
    strides
}

/// `dim` counted from the end when negative. A 0-d tensor accepts 0 and -1, as in PyTorch.
pub fn wrap_dim(op: &str, dim: i64, ndim: usize) -> Result<usize> {
    let n = ndim.max(1) as i64;
    if dim < -n || dim >= n {
        bail!(Index, "{op}: Dimension out of range (expected to be in range of [{}, {}], but got {dim})", -n, n - 1);
    }
    Ok((if dim < 0 { dim + n } else { dim }) as usize)
}

/// The dims a reduction names, as flags; an empty list or None means all. Repeated dims are refused.
pub fn wrap_dims(op: &str, dims: Option<&[i64]>, ndim: usize) -> Result<SmallVec<[bool; 6]>> {
    let mut flags: SmallVec<[bool; 6]> = SmallVec::from_elem(false, ndim);
    match dims {
        None | Some([]) => flags.iter_mut().for_each(|f| *f = true),
        Some(dims) => {
            for &d in dims {
                let w = wrap_dim(op, d, ndim)?;
                if ndim == 0 {
                    continue;
                }
                ensure!(!flags[w], Runtime, "{op}: dim {w} appears multiple times in the list of dims");
                flags[w] = true;
            }
        }
    }
    Ok(flags)
}

/// The shape both broadcast to.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn broadcast_shapes(op: &str, a: &[usize], b: &[usize]) -> Result<Shape> {
    if a == b {
        return Ok(SmallVec::from_slice(a));
    }
    let n = a.len().max(b.len());
    let mut out: Shape = SmallVec::from_elem(1, n);
    for i in 0..n {
        let x = if i + a.len() >= n { a[i + a.len() - n] } else { 1 };
        let y = if i + b.len() >= n { b[i + b.len() - n] } else { 1 };
        out[i] = match (x, y) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            _ => bail!(
                Shape,
                "{op}: The size of tensor a ({x}) must match the size of tensor b ({y}) at non-singleton dimension {i}: \
                 shapes {a:?} and {b:?} do not broadcast"
            ),
        };
    }
    Ok(out)
}

/// Strides that read a tensor of `layout` as if it had shape `to`; None when it does not broadcast to it.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn expand_strides(layout: &Layout, to: &[usize]) -> Option<Strides> {
    let lead = to.len().checked_sub(layout.shape.len())?;
    let mut strides = ones(to.len());
    strides.fill(0);
    for (i, (&n, &s)) in layout.shape.iter().zip(&layout.strides).enumerate() {
        if n == to[lead + i] {
            strides[lead + i] = s;
        } else if n != 1 {
            return None;
        }
    }
    Some(strides)
}

/// Replaces a -1 in a requested size by what the number of elements leaves for it.
pub fn infer_size(op: &str, size: &[i64], numel: usize) -> Result<Shape> {
    let mut known = 1usize;
    let mut unknown = None;
    for (i, &n) in size.iter().enumerate() {
        if n == -1 {
            ensure!(unknown.is_none(), Runtime, "{op}: only one dimension can be inferred, in shape {size:?}");
            unknown = Some(i);
        } else {
            ensure!(n >= 0, Runtime, "{op}: invalid shape dimension {n} at index {i} of shape {size:?}");
            known *= n as usize;
        }
    }
    let mut shape: Shape = size.iter().map(|&n| n.max(0) as usize).collect();
    match unknown {
        Some(i) => {
            ensure!(
                known != 0,
                Runtime,
                "{op}: cannot reshape tensor of {numel} elements into shape {size:?} because the unspecified dimension \
                 size -1 can be any value and is ambiguous"
            );
            ensure!(numel.is_multiple_of(known), Shape, "{op}: shape '{size:?}' is invalid for input of size {numel}");
            shape[i] = numel / known;
        }
        None => ensure!(numel == known, Shape, "{op}: shape '{size:?}' is invalid for input of size {numel}"),
    }
    Ok(shape)
}

/// Strides under which memory laid out as `layout` can be seen as `shape` without a copy (ATen's computeStride).
#[cfg_attr(hot_paths, optimize(speed))]
pub fn view_strides(layout: &Layout, shape: &[usize]) -> Option<Strides> {
    if layout.numel() == 0 {
        return Some(if layout.shape[..] == *shape { layout.strides.clone() } else { contiguous_strides(shape) });
    }
    let mut strides: Strides = SmallVec::from_elem(1, shape.len());
    let mut v = shape.len();
    let mut chunk_base = layout.strides.last().copied().unwrap_or(1);
    let (mut t_numel, mut v_numel) = (1usize, 1usize);
    for d in (0..layout.shape.len()).rev() {
        t_numel *= layout.shape[d];
        let ends = d == 0 || (layout.shape[d - 1] != 1 && layout.strides[d - 1] != t_numel as isize * chunk_base);
        if ends {
            while v > 0 && (v_numel < t_numel || shape[v - 1] == 1) {
                strides[v - 1] = v_numel as isize * chunk_base;
                v_numel *= shape[v - 1];
                v -= 1;
            }
            if v_numel != t_numel {
                return None;
            }
            if d > 0 {
                chunk_base = layout.strides[d - 1];
                (t_numel, v_numel) = (1, 1);
            }
        }
    }
    if layout.shape.is_empty() {
        return shape.iter().all(|&n| n == 1).then_some(strides);
    }
    (v == 0).then_some(strides)
}
