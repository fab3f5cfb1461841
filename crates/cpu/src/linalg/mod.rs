//! Factorisations and solvers of batches of matrices.
//!
//! Everything is computed in float64, whatever the dtype: one instance of each algorithm, and float32 results that are
//! exact to their last bits. Operands have two trailing matrix dimensions and equal batch dimensions, any strides.
//! Conventions (pivots from 1, signs, `info`) are LAPACK's, which PyTorch shows.

mod dense;
mod spectral;

#[cfg(test)]
mod tests;

use cresset_lane::{DType, Element};

use crate::{Kernel, Launch, View};

/// `a = P L U`. ins: a (m, n); outs: L and U in one (m, n), pivots (min(m, n); int32, from 1), info (no matrix dimensions;
/// int32: 0, or the first zero on U's diagonal, from 1).
pub const LU: Kernel = Kernel::new("lu", lu).with_scratch(scratch);

/// `a = L L^T`, from a's lower triangle. ins: a (n, n); outs: L, info (int32: 0, or the order of the first leading minor
/// that is not positive).
pub const CHOLESKY: Kernel = Kernel::new("cholesky", cholesky).with_scratch(scratch);

/// Householder vectors below the diagonal and R above. ins: a (m, n); outs: that (m, n), tau (min(m, n)).
pub const GEQRF: Kernel = Kernel::new("geqrf", geqrf).with_scratch(scratch);

/// The first columns of the product of Householder reflections. ins: vectors (m, n), tau (k); outs: q (m, n).
pub const HOUSEHOLDER: Kernel = Kernel::new("householder", householder).with_scratch(scratch);

/// `a x = b` with a triangle. ins: a (n, n), b (n, k); outs: x (n, k). attrs: upper, ones on the diagonal.
pub const SOLVE_TRIANGULAR: Kernel = Kernel::new("solve_triangular", solve_triangular).with_scratch(scratch);

/// Eigenvalues (ascending) and orthonormal eigenvectors of a symmetric matrix, from its lower triangle. ins: a (n, n);
/// outs: w (n), v (n, n).
pub const EIGH: Kernel = Kernel::new("eigh", eigh).with_scratch(scratch);

/// `a = U diag(s) Vh`, s descending, for m >= n. ins: a (m, n); outs: u (m, n), s (n), vh (n, n).
pub const SVD: Kernel = Kernel::new("svd", svd).with_scratch(scratch);

/// Scratch: each operand as float64, and three vectors.
fn scratch(launch: &Launch) -> usize {
    let matrix = |v: &View| v.shape[v.shape.len().saturating_sub(2)..].iter().product::<usize>();
    let longest = launch.ins[0].shape.iter().rev().take(2).max().copied().unwrap_or(0);
    let operands: usize = launch.ins.iter().chain(launch.outs).map(matrix).sum();
    (operands + 4 * longest + 16) * 8
}

/// One matrix or vector of a batch.
#[derive(Clone, Copy)]
struct Item {
    ptr: *mut u8,
    dtype: DType,
    rows: usize,
    cols: usize,
    row: isize,
    col: isize,
}

impl Item {
    /// Item number `index` of a view whose last `dims` dimensions are the matrix (2), a vector (1) or a number (0).
    fn of(view: &View, dims: usize, index: usize) -> Item {
        let batch = view.shape.len() - dims;
        let (mut rest, mut offset) = (index, 0isize);
        for d in (0..batch).rev() {
            offset += (rest % view.shape[d]) as isize * view.strides[d];
            rest /= view.shape[d];
        }
        let at = |d: usize| (view.shape[batch + d], view.strides[batch + d]);
        let ((rows, row), (cols, col)) = match dims {
            2 => (at(0), at(1)),
            1 => ((1, 0), at(0)),
            _ => ((1, 0), (1, 0)),
        };
        let ptr = view.ptr.wrapping_offset(offset * view.dtype.size() as isize);
        Item { ptr, dtype: view.dtype, rows, cols, row, col }
    }

    fn len(&self) -> usize {
        self.rows * self.cols
    }

    fn at(&self, i: usize) -> isize {
        (i / self.cols) as isize * self.row + (i % self.cols) as isize * self.col
    }

    unsafe fn read(&self, to: &mut [f64]) {
        for (i, to) in to.iter_mut().enumerate().take(self.len()) {
            let at = self.at(i);
            *to = unsafe {
                match self.dtype {
                    DType::F32 => *self.ptr.cast::<f32>().wrapping_offset(at) as f64,
                    DType::F64 => *self.ptr.cast::<f64>().wrapping_offset(at),
                    other => unreachable!("no matrices of {other} here"),
                }
            };
        }
    }

    unsafe fn write(&self, from: &[f64]) {
        for (i, &v) in from.iter().enumerate().take(self.len()) {
            let at = self.at(i);
            unsafe {
                match self.dtype {
                    DType::F32 => *self.ptr.cast::<f32>().wrapping_offset(at) = f32::from_f64(v),
                    DType::F64 => *self.ptr.cast::<f64>().wrapping_offset(at) = v,
                    DType::I32 => *self.ptr.cast::<i32>().wrapping_offset(at) = v as i32,
                    other => unreachable!("no results of {other} here"),
                }
            }
        }
    }
}

/// Hands out slices of the scratch memory.
struct Room(*mut f64);

impl Room {
    fn take<'a>(&mut self, n: usize) -> &'a mut [f64] {
        // Safety: `scratch` asked for the sum of all that is taken; every slice is a different part of it.
        unsafe {
            let s = std::slice::from_raw_parts_mut(self.0, n);
            self.0 = self.0.add(n);
            s.fill(0.0);
            s
        }
    }
}

/// Calls `f(number, scratch)` for every matrix of the batch.
fn each(launch: &Launch, mut f: impl FnMut(usize, Room)) {
    let shape = launch.ins[0].shape;
    for index in 0..shape[..shape.len() - 2].iter().product() {
        f(index, Room(launch.scratch.cast()));
    }
}

fn lu(launch: &Launch) {
    each(launch, |index, mut room| unsafe {
        let item = Item::of(&launch.ins[0], 2, index);
        let a = room.take(item.len());
        let pivots = room.take(item.rows.min(item.cols));
        item.read(a);
        let info = dense::lu(a, item.rows, item.cols, pivots);
        Item::of(&launch.outs[0], 2, index).write(a);
        Item::of(&launch.outs[1], 1, index).write(pivots);
        Item::of(&launch.outs[2], 0, index).write(&[info as f64]);
    });
}

fn cholesky(launch: &Launch) {
    each(launch, |index, mut room| unsafe {
        let item = Item::of(&launch.ins[0], 2, index);
        let a = room.take(item.len());
        item.read(a);
        let info = dense::cholesky(a, item.rows);
        Item::of(&launch.outs[0], 2, index).write(a);
        Item::of(&launch.outs[1], 0, index).write(&[info as f64]);
    });
}

fn geqrf(launch: &Launch) {
    each(launch, |index, mut room| unsafe {
        let item = Item::of(&launch.ins[0], 2, index);
        let a = room.take(item.len());
        let tau = room.take(item.rows.min(item.cols));
        item.read(a);
        dense::geqrf(a, item.rows, item.cols, tau);
        Item::of(&launch.outs[0], 2, index).write(a);
        Item::of(&launch.outs[1], 1, index).write(tau);
    });
}

fn householder(launch: &Launch) {
    each(launch, |index, mut room| unsafe {
        let (item, taus) = (Item::of(&launch.ins[0], 2, index), Item::of(&launch.ins[1], 1, index));
        let a = room.take(item.len());
        let tau = room.take(taus.len());
        let q = room.take(item.len());
        item.read(a);
        taus.read(tau);
        dense::householder(a, item.rows, item.cols, tau, q);
        Item::of(&launch.outs[0], 2, index).write(q);
    });
}

fn solve_triangular(launch: &Launch) {
    let (upper, ones) = (launch.attrs[0].b(), launch.attrs[1].b());
    each(launch, |index, mut room| unsafe {
        let (left, right) = (Item::of(&launch.ins[0], 2, index), Item::of(&launch.ins[1], 2, index));
        let a = room.take(left.len());
        let b = room.take(right.len());
        left.read(a);
        right.read(b);
        dense::solve_triangular(a, left.rows, b, right.cols, upper, ones);
        Item::of(&launch.outs[0], 2, index).write(b);
    });
}

fn eigh(launch: &Launch) {
    each(launch, |index, mut room| unsafe {
        let item = Item::of(&launch.ins[0], 2, index);
        let n = item.rows;
        let a = room.take(n * n);
        let w = room.take(n);
        let v = room.take(n * n);
        item.read(a);
        spectral::eigh(a, n, w, v);
        Item::of(&launch.outs[0], 1, index).write(w);
        Item::of(&launch.outs[1], 2, index).write(v);
    });
}

fn svd(launch: &Launch) {
    each(launch, |index, mut room| unsafe {
        let item = Item::of(&launch.ins[0], 2, index);
        let (m, n) = (item.rows, item.cols);
        let a = room.take(m * n);
        let s = room.take(n);
        let v = room.take(n * n);
        item.read(a);
        spectral::svd(a, m, n, s, v);
        Item::of(&launch.outs[0], 2, index).write(a);
        Item::of(&launch.outs[1], 1, index).write(s);
        Item::of(&launch.outs[2], 2, index).write(v);
    });
}
