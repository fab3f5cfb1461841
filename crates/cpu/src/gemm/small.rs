//! Products that do not pay for the blocked loops: small ones, and those with very few rows.

use std::mem::MaybeUninit;

use super::block::{Mat, Output, Size, aside, store, straight};
use super::num::Num;
use super::pack::{Operand, Strided};
use super::tile::{Dest, Tiled, depth};

/// Whether `small` packs columns of B: where they are not neighbours, or too few to read a tile's, the last ones included where
/// `again` says that they are not computed with others.
pub fn small_packs<T: Tiled>(size: Size, b: &Mat<T>, again: bool) -> bool {
    let nr = T::DIRECT_COLS;
    b.col != 1 || size.n < nr || !again && size.n / nr * nr != size.n
}

/// A product of which A and B go by few times, or B fits the first cache: A is read as it lies, and so is B where its rows are
/// contiguous.
///
/// # Safety
/// The matrices have the sizes given; if B is packed, `work` has room for k times `DIRECT_COLS` elements.
pub unsafe fn small<T: Tiled>(size: Size, a: &Mat<T>, b: &Mat<T>, out: &Output<T>, work: *mut T) {
    let Size { m, n, k } = size;
    let nr = T::DIRECT_COLS;
    // The last columns are computed with those before them, which are written once more, unless that would add twice.
    let again = n >= nr && !out.adds_to_itself();
    for j in (0..n).step_by(nr) {
        let j = if again { j.min(n - nr) } else { j };
        let cols = nr.min(n - j);
        unsafe {
            let (panel, panel_row) = if b.col == 1 && cols == nr {
                (b.ptr.add(j), b.row)
            } else {
                let b = Strided { ptr: b.ptr, line: b.col, k: b.row };
                b.pack(j, cols, 0, k, nr, work);
                (work as *const T, nr as isize)
            };
            match if cols == nr { straight(out, 0, j, cols, m) } else { None } {
                Some(to) => product(m, k, a, panel, panel_row, to),
                None => {
                    for i in (0..m).step_by(4) {
                        let (rows, mut buffer) = (4.min(m - i), MaybeUninit::uninit());
                        let a = Mat { ptr: a.ptr.wrapping_offset(i as isize * a.row), ..*a };
                        product(rows, k, &a, panel, panel_row, aside(&mut buffer, nr));
                        store(out, buffer.as_ptr().cast(), nr, i, j, rows, cols);
                    }
                }
            }
        }
    }
}

/// All rows with a panel of columns, in the steps along k that the blocked product takes: short sums are more exact.
unsafe fn product<T: Tiled>(m: usize, k: usize, a: &Mat<T>, panel: *const T, panel_row: isize, mut to: Dest<T>) {
    let step = depth(k);
    let mut from = 0;
    loop {
        let (count, at) = (step.min(k - from), from as isize);
        let a = Mat { ptr: a.ptr.wrapping_offset(at * a.col), ..*a };
        unsafe { lines(m, count, &a, panel.wrapping_offset(at * panel_row), panel_row, to) };
        from += count;
        if from >= k {
            return;
        }
        (to.init, to.init_row, to.init_col) = (to.c, to.row, 1);
    }
}

/// The same of a single step: four rows at a time.
#[inline(never)]
unsafe fn lines<T: Tiled>(m: usize, k: usize, a: &Mat<T>, panel: *const T, panel_row: isize, mut to: Dest<T>) {
    let (mut from, mut left) = (a.ptr, m);
    while left > 0 {
        let rows = left.min(4);
        to.rows = rows;
        unsafe {
            // Four rows by name, so that they are inlined here.
            match rows {
                4 => T::DIRECT[3](k, from, a.row, a.col, panel, panel_row, &to),
                _ => T::DIRECT[rows - 1](k, from, a.row, a.col, panel, panel_row, &to),
            }
        }
        from = from.wrapping_offset(4 * a.row);
        to.c = to.c.wrapping_offset(4 * to.row);
        to.init = to.init.wrapping_offset(4 * to.init_row);
        left -= rows;
    }
}

/// Rows that `skinny` takes: with more, packing B pays.
pub const SKINNY: usize = 3;

/// Elements of scratch that `skinny` needs: the rows of the result, and the rows of A made contiguous.
pub fn skinny_scratch(size: Size) -> usize {
    size.m * (size.n + size.k)
}

/// Vector times matrix, for one to three vectors: B is read once, as it lies.
///
/// # Safety
/// The matrices have the sizes given; `work` has room for `skinny_scratch` elements.
pub unsafe fn skinny<T: Num>(size: Size, a: &Mat<T>, b: &Mat<T>, out: &Output<T>, work: *mut T) {
    let Size { m, n, k } = size;
    unsafe {
        let rows = work.add(m * n);
        for i in 0..m {
            for p in 0..k {
                *rows.add(i * k + p) = *a.ptr.offset(i as isize * a.row + p as isize * a.col);
            }
        }
        if b.row == 1 && b.col != 1 || b.row == 1 && n == 1 {
            dots(size, rows, b, work);
        } else {
            sums(size, rows, b, work);
        }
        store(out, work, n, 0, 0, m, n);
    }
}

/// B's columns are contiguous: dot products, two vectors in flight for each of four columns. Four streams of memory keep more lines on
/// their way than two do, where B does not fit the second cache.
unsafe fn dots<T: Num>(size: Size, a: *const T, b: &Mat<T>, to: *mut T) {
    let Size { m, n, k } = size;
    for j in (0..n).step_by(4) {
        let column = |c: usize| b.ptr.wrapping_offset((j + c) as isize * b.col);
        for i in 0..m {
            unsafe {
                let (a, to) = (a.add(i * k), to.add(i * n + j));
                if j + 4 <= n {
                    let four = dot(k, a, [column(0), column(1), column(2), column(3)]);
                    to.copy_from_nonoverlapping(four.as_ptr(), 4);
                } else {
                    for c in 0..n - j {
                        [*to.add(c)] = dot(k, a, [column(c)]);
                    }
                }
            }
        }
    }
}

/// One contiguous row with some contiguous columns.
#[inline(always)]
unsafe fn dot<T: Num, const COLS: usize>(k: usize, a: *const T, cols: [*const T; COLS]) -> [T; COLS] {
    unsafe {
        let mut acc = [[T::zero(); 2]; COLS];
        let mut p = 0;
        while p + 2 * T::LANES <= k {
            for u in 0..2 {
                let at = p + u * T::LANES;
                let x = T::load(a.add(at));
                for c in 0..COLS {
                    acc[c][u] = T::madd(acc[c][u], x, T::load(cols[c].add(at)));
                }
            }
            p += 2 * T::LANES;
        }
        while p + T::LANES <= k {
            let x = T::load(a.add(p));
            for c in 0..COLS {
                acc[c][0] = T::madd(acc[c][0], x, T::load(cols[c].add(p)));
            }
            p += T::LANES;
        }
        let mut out = acc.map(|v| T::sum(T::add(v[0], v[1])));
        while p < k {
            for c in 0..COLS {
                out[c] = out[c].plus((*a.add(p)).times(*cols[c].add(p)));
            }
            p += 1;
        }
        out
    }
}

/// B's rows are contiguous, or nothing is: rows of B, four at a time, times the vectors' elements, onto the sums.
unsafe fn sums<T: Num>(size: Size, a: *const T, b: &Mat<T>, to: *mut T) {
    let Size { m, n, k } = size;
    unsafe {
        for i in 0..m * n {
            *to.add(i) = T::default();
        }
        // Columns in blocks that stay in the first cache while B's rows go by.
        for j0 in (0..n).step_by(1024) {
            let cols = 1024.min(n - j0);
            for p in (0..k).step_by(4) {
                let count = 4.min(k - p);
                for i in 0..m {
                    let x = a.add(i * k + p);
                    let y = to.add(i * n + j0);
                    let rows = b.ptr.offset(p as isize * b.row + j0 as isize * b.col);
                    if b.col == 1 && count == 4 {
                        add_four(cols, x, rows, b.row, y);
                    } else {
                        for q in 0..count {
                            let x = *x.add(q);
                            let row = rows.offset(q as isize * b.row);
                            for j in 0..cols {
                                let at = y.add(j);
                                *at = (*at).plus(x.times(*row.offset(j as isize * b.col)));
                            }
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn add_four<T: Num>(n: usize, x: *const T, rows: *const T, row: isize, y: *mut T) {
    unsafe {
        let factors: [T; 4] = std::array::from_fn(|q| *x.add(q));
        let vectors = factors.map(T::splat);
        let mut j = 0;
        while j + T::LANES <= n {
            let mut sum = T::load(y.add(j));
            for (q, &x) in vectors.iter().enumerate() {
                sum = T::madd(sum, x, T::load(rows.offset(q as isize * row).add(j)));
            }
            T::store(y.add(j), sum);
            j += T::LANES;
        }
        while j < n {
            for (q, &x) in factors.iter().enumerate() {
                *y.add(j) = (*y.add(j)).plus(x.times(*rows.offset(q as isize * row).add(j)));
            }
            j += 1;
        }
    }
}
