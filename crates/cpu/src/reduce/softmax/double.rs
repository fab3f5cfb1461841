//! float64, in plain loops.
//!
//! A contiguous row is done at once; along any other dimension `COLUMNS` neighbouring rows go together, so that memory
//! is read in order and the exponentials are taken side by side.

use super::along;
use crate::launch::Launch;
use crate::number::{Float, Number};
use crate::walk::Walk;

type T = f64;

fn exp_all(xs: &mut [T]) {
    xs.iter_mut().for_each(|x| *x = libm::exp(*x));
}

const COLUMNS: usize = 16;
/// Elements of a row whose exponentials are taken at once.
const BLOCK: usize = 64;

/// Visits rows by tiles: `f(offsets of the first row, width, offset steps from row to row)`. The width is one unless
/// the rows' neighbours are denser than the rows.
fn tiles<const N: usize>(mut rows: Walk<N>, stride: isize, mut f: impl FnMut([isize; N], usize, [isize; N])) {
    let (m, step) = rows.pop();
    let width = if step[0].unsigned_abs() < stride.unsigned_abs() { COLUMNS } else { 1 };
    rows.each(|at| {
        for j in (0..m).step_by(width) {
            f(std::array::from_fn(|k| at[k] + j as isize * step[k]), width.min(m - j), step);
        }
    });
}

/// The greatest of `width` rows' elements and the sum of `exp(x - greatest)`; asked for, an infinite greatest counts as 0.
#[inline(never)]
unsafe fn greatest_and_sum(
    p: *const T,
    (n, stride): (usize, isize),
    width: usize,
    step: isize,
    infinite_is_zero: bool,
) -> ([T; COLUMNS], [T; COLUMNS]) {
    let (mut top, mut sum) = ([T::LOWEST; COLUMNS], [T::ZERO; COLUMNS]);
    if width == 1 {
        let at = |i: usize| unsafe { *p.offset(i as isize * stride) };
        let mut best = [T::LOWEST; COLUMNS];
        let whole = n / COLUMNS * COLUMNS;
        for i in (0..whole).step_by(COLUMNS) {
            for (j, b) in best.iter_mut().enumerate() {
                *b = b.greater(at(i + j));
            }
        }
        top[0] = best.iter().fold(T::LOWEST, |a, &b| a.greater(b));
        top[0] = (whole..n).fold(top[0], |a, i| a.greater(at(i)));
        if infinite_is_zero && top[0].abs() == T::HIGHEST {
            top[0] = T::ZERO;
        }
        let mut lanes = [T::ZERO; BLOCK];
        for i in (0..n).step_by(BLOCK) {
            let w = BLOCK.min(n - i);
            let mut e = [T::LOWEST; BLOCK];
            for (j, e) in e[..w].iter_mut().enumerate() {
                *e = at(i + j).minus(top[0]);
            }
            exp_all(&mut e);
            for (a, &e) in lanes.iter_mut().zip(&e) {
                *a = a.plus(e);
            }
        }
        sum[0] = lanes.iter().fold(T::ZERO, |a, &b| a.plus(b));
        return (top, sum);
    }
    let read = |i: usize, row: &mut [T; COLUMNS]| {
        for (j, x) in row[..width].iter_mut().enumerate() {
            *x = unsafe { *p.offset(i as isize * stride + j as isize * step) };
        }
    };
    let mut x = [T::ZERO; COLUMNS];
    for i in 0..n {
        read(i, &mut x);
        for (t, &x) in top.iter_mut().zip(&x) {
            *t = t.greater(x);
        }
    }
    for t in &mut top {
        if infinite_is_zero && t.abs() == T::HIGHEST {
            *t = T::ZERO;
        }
    }
    for i in 0..n {
        read(i, &mut x);
        for (x, &t) in x.iter_mut().zip(&top) {
            *x = x.minus(t);
        }
        exp_all(&mut x);
        for (s, &e) in sum.iter_mut().zip(&x) {
            *s = s.plus(e);
        }
    }
    (top, sum)
}

/// Calls `f(offset of an element, row, x)` over a tile in memory order, `BLOCK` or `COLUMNS` elements at a time, after
/// `exp_all` if asked: `prepare(row, raw element)` gives what is exponentiated.
#[inline(always)]
fn each_in_tile(
    n: usize,
    width: usize,
    exp: bool,
    prepare: impl Fn(usize, usize) -> T,
    mut write: impl FnMut(usize, usize, T),
) {
    if width == 1 {
        for i in (0..n).step_by(BLOCK) {
            let w = BLOCK.min(n - i);
            let mut e = [T::ZERO; BLOCK];
            for (j, e) in e[..w].iter_mut().enumerate() {
                *e = prepare(i + j, 0);
            }
            if exp {
                exp_all(&mut e);
            }
            for (j, &e) in e[..w].iter().enumerate() {
                write(i + j, 0, e);
            }
        }
        return;
    }
    for i in 0..n {
        let mut e = [T::ZERO; COLUMNS];
        for (j, e) in e[..width].iter_mut().enumerate() {
            *e = prepare(i, j);
        }
        if exp {
            exp_all(&mut e);
        }
        for (j, &e) in e[..width].iter().enumerate() {
            write(i, j, e);
        }
    }
}

#[inline(never)]
pub fn forward(l: &Launch, log: bool) {
    let (x, y, dim) = (&l.ins[0], &l.outs[0], l.attrs[0].n());
    let ((n, sx), (_, sy)) = (along(x, dim), along(y, dim));
    let (px, py) = (x.ptr.cast::<T>().cast_const(), y.ptr.cast::<T>());
    tiles(Walk::over_except([x, y], dim).sort_by(0).collapse(), sx, |[ox, oy], width, [cx, cy]| unsafe {
        let (px, py) = (px.offset(ox), py.offset(oy));
        let (top, sum) = greatest_and_sum(px, (n, sx), width, cx, false);
        // For the logarithm what is subtracted, for the quotient what is divided by.
        let last: [T; COLUMNS] = std::array::from_fn(|j| if log { Float::ln(sum[j]) } else { sum[j] });
        if sx == 1 && sy == 1 && width == 1 {
            let (xs, ys) = (std::slice::from_raw_parts(px, n), std::slice::from_raw_parts_mut(py, n));
            for (y, &x) in ys.iter_mut().zip(xs) {
                *y = x - top[0];
            }
            if log {
                ys.iter_mut().for_each(|y| *y -= last[0]);
            } else {
                exp_all(ys);
                ys.iter_mut().for_each(|y| *y /= last[0]);
            }
            return;
        }
        let shifted = |i: usize, j: usize| *px.offset(i as isize * sx + j as isize * cx) - top[j];
        each_in_tile(n, width, !log, shifted, |i, j, e: T| {
            *py.offset(i as isize * sy + j as isize * cy) = if log { e - last[j] } else { e / last[j] };
        });
    });
}

#[inline(never)]
pub fn backward(l: &Launch, log: bool) {
    let (g, y, dx, dim) = (&l.ins[0], &l.ins[1], &l.outs[0], l.attrs[0].n());
    let ((n, sg), (_, sy), (_, sd)) = (along(g, dim), along(y, dim), along(dx, dim));
    let (pg, py, pd) = (g.ptr.cast::<T>().cast_const(), y.ptr.cast::<T>().cast_const(), dx.ptr.cast::<T>());
    // Tiles follow the layout of the saved result: it is the operand that is certainly dense.
    let rows = Walk::over_except([y, g, dx], dim).sort_by(0).collapse();
    tiles(rows, sy, |[oy, og, od], width, [cy, cg, cd]| unsafe {
        let (py, pg, pd) = (py.offset(oy), pg.offset(og), pd.offset(od));
        let (y, g) = (
            |i: usize, j: usize| *py.offset(i as isize * sy + j as isize * cy),
            |i: usize, j: usize| *pg.offset(i as isize * sg + j as isize * cg),
        );
        let mut sum = [T::ZERO; COLUMNS];
        if width == 1 {
            // Lanes side by side; the row's sum is theirs.
            for i in (0..n).step_by(COLUMNS) {
                for (k, s) in sum[..COLUMNS.min(n - i)].iter_mut().enumerate() {
                    *s += if log { g(i + k, 0) } else { g(i + k, 0) * y(i + k, 0) };
                }
            }
            sum[0] = sum.iter().sum();
        } else {
            for i in 0..n {
                for (j, s) in sum[..width].iter_mut().enumerate() {
                    *s += if log { g(i, j) } else { g(i, j) * y(i, j) };
                }
            }
        }
        each_in_tile(n, width, log, y, |i, j, e: T| {
            let d = if log { g(i, j) - e * sum[j] } else { e * (g(i, j) - sum[j]) };
            *pd.offset(i as isize * sd + j as isize * cd) = d;
        });
    });
}

pub fn logsumexp(l: &Launch) {
    let (x, y, dim) = (&l.ins[0], &l.outs[0], l.attrs[0].n());
    let (n, sx) = along(x, dim);
    let (px, py) = (x.ptr.cast::<T>().cast_const(), y.ptr.cast::<T>());
    tiles(Walk::over_except([x, y], dim).sort_by(0).collapse(), sx, |[ox, oy], width, [cx, cy]| unsafe {
        if n == 0 {
            (0..width).for_each(|j| *py.offset(oy + j as isize * cy) = T::NEG_INFINITY);
            return;
        }
        let (top, sum) = greatest_and_sum(px.offset(ox), (n, sx), width, cx, true);
        for j in 0..width {
            *py.offset(oy + j as isize * cy) = top[j] + Float::ln(sum[j]);
        }
    });
}
