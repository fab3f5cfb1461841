//! The blocked product: one panel of A meets a whole block of packed B, whose panels go by in the second cache.
//!
//! Names follow K. Goto, R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (ACM TOMS 34, 2008), but the
//! order of the inner loops is the other one: the panel of A is spread out (tile.rs says why), four times its size, so it
//! is made just before its use and stays in the first cache while the panels of B stream by. An element of the product
//! is summed along k in steps of `kc`, which depends on k alone: it does not change with the number of rows or columns,
//! nor with the tile.

use std::mem::MaybeUninit;

use super::num::Num;
use super::pack::{Operand, are_neighbours, spread};
use super::tile::{Dest, MAX_TILE, Tile, depth};

/// Columns of B in a block: 384 KiB of float32, a part of the second cache.
const NC: usize = 512;

/// How the columns of the output lie.
#[derive(Clone, Copy)]
pub enum Columns {
    /// This far apart.
    Even(isize),
    /// At these offsets.
    Table(*const isize),
}

/// A matrix to read with two strides.
#[derive(Clone, Copy)]
pub struct Mat<T> {
    pub ptr: *const T,
    pub row: isize,
    pub col: isize,
}

/// `out = alpha * product + beta * init`.
#[derive(Clone, Copy)]
pub struct Output<T> {
    pub ptr: *mut T,
    pub row: isize,
    pub cols: Columns,
    pub alpha: T,
    /// What is added and its factor. It may be the output itself: each element is read before it is written.
    pub init: Option<(T, Init<T>)>,
}

impl<T: Num> Output<T> {
    /// Whether what is there is part of what is written, so that writing a place twice would add twice.
    pub fn adds_to_itself(&self) -> bool {
        match self.init {
            None => false,
            Some((_, Init::Own)) => true,
            Some((_, Init::Mat(init))) => std::ptr::eq(init.ptr, self.ptr),
        }
    }
}

/// What is added to a product.
#[derive(Clone, Copy)]
pub enum Init<T> {
    Mat(Mat<T>),
    /// The output's own values.
    Own,
}

/// Sizes of a product: (m x k) @ (k x n).
#[derive(Clone, Copy)]
pub struct Size {
    pub m: usize,
    pub n: usize,
    pub k: usize,
}

/// The left operand: packed block by block, or all at once before (`pack_all`), for many products with one A.
pub enum Left<'a, T, A> {
    Operand(&'a A),
    Packed(*const T),
}

/// The right operand, likewise (`pack_blocks`).
pub enum Right<'a, T, B> {
    Operand(&'a B),
    Packed(*const T),
}

/// Elements of scratch that `blocked` needs.
pub fn scratch<T: Num>(tile: &Tile<T>, size: Size) -> usize {
    depth(size.k) * (tile.mr * T::LANES + size.n.min(NC).next_multiple_of(tile.nr))
}

/// Elements that `pack_all` writes.
pub fn packed_len<T: Num>(tile: &Tile<T>, m: usize, k: usize) -> usize {
    m.next_multiple_of(tile.mr) * k
}

/// Packs all of A, for `Left::Packed`.
///
/// # Safety
/// `to` has room for `packed_len` elements and the operand for (m x k).
pub unsafe fn pack_all<T: Num, A: Operand<T>>(tile: &Tile<T>, m: usize, k: usize, a: &A, to: *mut T) {
    let mr = tile.mr;
    let kc = depth(k);
    for k0 in (0..k).step_by(kc) {
        unsafe { a.pack(0, m, k0, kc.min(k - k0), mr, to.add(k0 * m.next_multiple_of(mr))) };
    }
}

/// Elements that `pack_blocks` writes.
pub fn blocks_len<T: Num>(tile: &Tile<T>, n: usize, k: usize) -> usize {
    n.next_multiple_of(tile.nr) * k
}

/// Where a block of B begins in what `pack_blocks` writes: after all columns before it, and after its own for a smaller k.
fn block_at<T: Num>(tile: &Tile<T>, size: Size, j0: usize, k0: usize) -> usize {
    j0 * size.k + NC.min(size.n - j0).next_multiple_of(tile.nr) * k0
}

/// Packs all of B, for `Right::Packed`.
///
/// # Safety
/// `to` has room for `blocks_len` elements and the operand for (k x n).
pub unsafe fn pack_blocks<T: Num, B: Operand<T>>(tile: &Tile<T>, size: Size, b: &B, to: *mut T) {
    let kc = depth(size.k);
    for j0 in (0..size.n).step_by(NC) {
        for k0 in (0..size.k).step_by(kc) {
            let (columns, ks) = (NC.min(size.n - j0), kc.min(size.k - k0));
            unsafe { b.pack(j0, columns, k0, ks, tile.nr, to.add(block_at(tile, size, j0, k0))) };
        }
    }
}

/// Computes the product.
///
/// # Safety
/// Operands and output have the sizes given; `work` has room for `scratch` elements.
pub unsafe fn blocked<T: Num, A: Operand<T>, B: Operand<T>>(
    tile: &Tile<T>,
    size: Size,
    a: Left<T, A>,
    b: Right<T, B>,
    out: &Output<T>,
    work: *mut T,
) {
    let Size { m, n, k } = size;
    let kc = depth(k);
    let padded = m.next_multiple_of(tile.mr);
    let panel = unsafe { work.add(n.min(NC).next_multiple_of(tile.nr) * kc) };
    unsafe {
        for j0 in (0..n).step_by(NC) {
            let nc = NC.min(n - j0);
            let mut k0 = 0;
            loop {
                let ks = kc.min(k - k0);
                let block = match &b {
                    Right::Operand(b) => {
                        b.pack(j0, nc, k0, ks, tile.nr, work);
                        work.cast_const()
                    }
                    Right::Packed(all) => all.add(block_at(tile, size, j0, k0)),
                };
                // Later steps along k add to what the first ones left.
                let out = if k0 == 0 { *out } else { Output { init: Some((T::from_i64(1), Init::Own)), ..*out } };
                for i in (0..m).step_by(tile.mr) {
                    let rows = tile.mr.min(m - i);
                    match &a {
                        Left::Operand(a) => a.pack_spread(i, rows, k0, ks, tile.mr, panel),
                        Left::Packed(all) => spread(all.add(k0 * padded + i * ks), tile.mr * ks, panel),
                    }
                    for j in (0..nc).step_by(tile.nr) {
                        let cols = tile.nr.min(nc - j);
                        one(tile, ks, panel, block.add(j * ks), &out, i, j0 + j, rows, cols);
                    }
                }
                k0 += ks;
                if k0 >= k {
                    break;
                }
            }
        }
    }
}

/// One tile at (i, j): straight into the output where it lies well, else through a small buffer.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn one<T: Num>(
    tile: &Tile<T>,
    k: usize,
    a: *const T,
    b: *const T,
    out: &Output<T>,
    i: usize,
    j: usize,
    rows: usize,
    cols: usize,
) {
    unsafe {
        if cols == tile.nr
            && let Some(to) = straight(out, i, j, cols, rows)
        {
            return (tile.run)(k, a, b, &to);
        }
        let mut buffer = MaybeUninit::uninit();
        (tile.run)(k, a, b, &aside(&mut buffer, tile.nr));
        store(out, buffer.as_ptr().cast(), tile.nr, i, j, rows, cols);
    }
}

/// A tile's own buffer as its destination.
#[inline(always)]
pub fn aside<T>(buffer: &mut MaybeUninit<[T; MAX_TILE]>, nr: usize) -> Dest<T> {
    Dest {
        c: buffer.as_mut_ptr().cast(),
        row: nr as isize,
        init: std::ptr::null(),
        init_row: 0,
        init_col: 0,
        rows: usize::MAX,
    }
}

/// The destination of a tile of all its columns at (i, j), if the micro-kernel can write there itself.
#[inline(always)]
pub unsafe fn straight<T: Num>(out: &Output<T>, i: usize, j: usize, cols: usize, rows: usize) -> Option<Dest<T>> {
    let one = T::from_i64(1);
    if out.alpha != one {
        return None;
    }
    let col = unsafe {
        match out.cols {
            Columns::Even(1) => j as isize,
            Columns::Even(_) => return None,
            Columns::Table(t) if are_neighbours(std::slice::from_raw_parts(t.add(j), cols)) => *t.add(j),
            Columns::Table(_) => return None,
        }
    };
    let c = unsafe { out.ptr.offset(i as isize * out.row + col) };
    let mut to = Dest { c, row: out.row, init: std::ptr::null(), init_row: 0, init_col: 1, rows };
    match out.init {
        None => {}
        Some((beta, _)) if beta != one => return None,
        Some((_, Init::Own)) => (to.init, to.init_row) = (c, out.row),
        Some((_, Init::Mat(init))) => {
            if init.col != 0 && init.col != 1 {
                return None;
            }
            to.init = init.ptr.wrapping_offset(i as isize * init.row + j as isize * init.col);
            (to.init_row, to.init_col) = (init.row, init.col);
        }
    }
    Some(to)
}

/// Writes a tile's values with everything an output may ask for.
pub unsafe fn store<T: Num>(out: &Output<T>, tile: *const T, nr: usize, i: usize, j: usize, rows: usize, cols: usize) {
    if let Some(to) = unsafe { straight(out, i, j, cols, rows) } {
        for r in 0..rows {
            let (from, c) = (tile.wrapping_add(r * nr), to.c.wrapping_offset(r as isize * to.row));
            let init = to.init.wrapping_offset(r as isize * to.init_row);
            for j in 0..cols {
                unsafe {
                    let v = *from.add(j);
                    *c.add(j) = if to.init.is_null() { v } else { v.plus(*init.offset(j as isize * to.init_col)) };
                }
            }
        }
        return;
    }
    for r in 0..rows {
        for c in 0..cols {
            unsafe {
                let offset = match out.cols {
                    Columns::Even(col) => (j + c) as isize * col,
                    Columns::Table(t) => *t.add(j + c),
                };
                let to = out.ptr.offset((i + r) as isize * out.row + offset);
                let mut v = *tile.add(r * nr + c);
                if out.alpha != T::from_i64(1) {
                    v = v.times(out.alpha);
                }
                if let Some((beta, init)) = out.init {
                    let init = match init {
                        Init::Own => *to,
                        Init::Mat(m) => *m.ptr.offset((i + r) as isize * m.row + (j + c) as isize * m.col),
                    };
                    v = v.plus(if beta == T::from_i64(1) { init } else { init.times(beta) });
                }
                *to = v;
            }
        }
    }
}
