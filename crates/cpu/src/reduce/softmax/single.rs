//! float32, four at a time.

use super::{Forward, along};
use crate::launch::Launch;
use crate::walk::Walk;
use cresset_lane::math::float32::{UP, exp_negative, exp_negative_up};
use cresset_lane::{F32x4, Real};
use std::mem::MaybeUninit;

/// Registers of neighbouring rows that go together, where the rows are not contiguous themselves: enough that memory is read in
/// long runs, whatever the stride (rows a power of two apart fall on the same places of a cache).
const WIDE: usize = 64;
/// Registers of a row that one accumulator takes before it is added to the whole, for the sake of rounding.
const BLOCK: usize = 64;

fn all(v: f32) -> F32x4 {
    F32x4::splat(v)
}

/// `w` numbers (up to four) that lie `step` apart, `rest` in the places beyond.
#[inline(always)]
unsafe fn load(p: *const f32, step: isize, w: usize, rest: f32) -> F32x4 {
    if step == 1 && w == 4 {
        return unsafe { F32x4::load(p.cast()) };
    }
    let mut v = [rest; 4];
    for (k, v) in v[..w].iter_mut().enumerate() {
        *v = unsafe { *p.offset(k as isize * step) };
    }
    F32x4::new(v)
}

#[inline(always)]
unsafe fn store(v: F32x4, p: *mut f32, step: isize, w: usize) {
    if step == 1 && w == 4 {
        return unsafe { v.store(p.cast()) };
    }
    for (k, v) in v.to_array()[..w].iter().enumerate() {
        unsafe { *p.offset(k as isize * step) = *v };
    }
}

/// Calls `f(position, how many)` for every register of a row.
#[inline(always)]
fn registers(n: usize, mut f: impl FnMut(usize, usize)) {
    let whole = n / 4 * 4;
    for i in (0..whole).step_by(4) {
        f(i, 4);
    }
    if whole < n {
        f(whole, n - whole);
    }
}

/// The same, four registers in a turn, for what is short: `f(position, how many, which of the four)`.
#[inline(always)]
fn fours(n: usize, mut f: impl FnMut(usize, usize, usize)) {
    let whole = n / 16 * 16;
    for i in (0..whole).step_by(16) {
        (0..4).for_each(|k| f(i + 4 * k, 4, k));
    }
    registers(n - whole, |i, w| f(whole + i, w, i / 4));
}

/// The greatest of a row. A NaN may be passed over: it makes the sum NaN.
#[inline(never)]
unsafe fn greatest(p: *const f32, n: usize) -> f32 {
    let mut best = [all(f32::NEG_INFINITY); 4];
    fours(n, |i, w, k| best[k] = best[k].at_least(unsafe { load(p.add(i), 1, w, f32::NEG_INFINITY) }));
    let best = best[0].at_least(best[1]).at_least(best[2].at_least(best[3]));
    best.to_array().into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// The sum of `exp(x - top)` over a row, `UP` times as large; the exponentials, as large, go to `y` if `KEEP`.
#[inline(never)]
unsafe fn sum_of_exp<const KEEP: bool>(x: *const f32, n: usize, top: f32, y: &mut [MaybeUninit<f32>]) -> f32 {
    let (top, mut sum, y) = (all(top), all(0.0), y.as_mut_ptr().cast::<f32>());
    for start in (0..n).step_by(4 * BLOCK) {
        let mut part = all(0.0);
        registers(n.min(start + 4 * BLOCK) - start, |i, w| unsafe {
            let e = exp_negative_up(load(x.add(start + i), 1, w, f32::NEG_INFINITY) - top);
            part += e;
            if KEEP {
                store(e, y.add(start + i), 1, w);
            }
        });
        sum += part;
    }
    let [a, b, c, d] = sum.to_array();
    (a + b) + (c + d)
}

/// What `log(sum(exp(x)))` is where the greatest is infinite: NaN if there is one.
unsafe fn infinite(p: *const f32, stride: isize, n: usize, top: f32) -> f32 {
    (0..n).map(|i| unsafe { *p.offset(i as isize * stride) }).find(|x| x.is_nan()).unwrap_or(top)
}

/// Writes `f(x)` for each register of a row.
#[inline(always)]
unsafe fn map(x: *const f32, y: *mut f32, n: usize, f: impl Fn(F32x4) -> F32x4) {
    fours(n, |i, w, _| unsafe { store(f(load(x.add(i), 1, w, 0.0)), y.add(i), 1, w) });
}

#[inline(never)]
unsafe fn forward_row(x: *const f32, y: *mut f32, n: usize, what: Forward) {
    unsafe {
        let top = greatest(x, n);
        if what == Forward::Softmax {
            let sum = sum_of_exp::<true>(x, n, top, std::slice::from_raw_parts_mut(y.cast(), n));
            let factor = all(1.0 / sum);
            return map(y, y, n, |e| e * factor);
        }
        if what == Forward::LogSumExp && top.is_infinite() {
            return *y = infinite(x, 1, n, top);
        }
        let log = all(sum_of_exp::<false>(x, n, top, &mut []) / UP).log();
        let top = all(top);
        if what == Forward::LogSumExp {
            return *y = (top + log).to_array()[0];
        }
        map(x, y, n, |x| x - top - log);
    }
}

/// A tile of rows that lie side by side: `width` rows `step[k]` apart in operand `k`, whose `n` elements are `stride[k]` apart.
#[derive(Clone, Copy)]
struct Tile<const N: usize> {
    n: usize,
    stride: [isize; N],
    width: usize,
    step: [isize; N],
}

impl<const N: usize> Tile<N> {
    /// Calls `f(register, how many, offsets)` for every register of every line across the rows, in memory order.
    #[inline(always)]
    fn each(self, mut f: impl FnMut(usize, usize, [isize; N])) {
        for i in 0..self.n as isize {
            registers(self.width, |j, w| {
                f(j / 4, w, std::array::from_fn(|k| i * self.stride[k] + j as isize * self.step[k]));
            });
        }
    }

    /// Calls `f(register, how many, offsets)` for every register of the first line.
    #[inline(always)]
    fn line(self, f: impl FnMut(usize, usize, [isize; N])) {
        Tile { n: 1, ..self }.each(f);
    }
}

#[inline(never)]
unsafe fn forward_tile(x: *const f32, y: *mut f32, tile: Tile<2>, what: Forward) {
    let step = tile.step;
    let (mut top, mut sum) = ([all(f32::NEG_INFINITY); WIDE], [all(0.0); WIDE]);
    unsafe {
        let read = |at: isize, w: usize| load(x.offset(at), step[0], w, 0.0);
        tile.each(|j, w, [at, _]| top[j] = top[j].at_least(read(at, w)));
        tile.each(|j, w, [at, to]| {
            let e = exp_negative_up(read(at, w) - top[j]);
            sum[j] += e;
            if what == Forward::Softmax {
                store(e, y.offset(to), step[1], w);
            }
        });
        tile.line(|j, _, _| {
            sum[j] = if what == Forward::Softmax { all(1.0) / sum[j] } else { (sum[j] * all(1.0 / UP)).log() }
        });
        match what {
            Forward::Softmax => tile.each(|j, w, [_, to]| {
                store(load(y.offset(to), step[1], w, 0.0) * sum[j], y.offset(to), step[1], w);
            }),
            Forward::LogSoftmax => tile.each(|j, w, [at, to]| {
                store(read(at, w) - top[j] - sum[j], y.offset(to), step[1], w);
            }),
            Forward::LogSumExp => tile.line(|j, w, [at, to]| {
                store(top[j] + sum[j], y.offset(to), step[1], w);
                for (k, top) in top[j].to_array()[..w].iter().enumerate().filter(|(_, top)| top.is_infinite()) {
                    let column = x.offset(at + k as isize * step[0]);
                    *y.offset(to + k as isize * step[1]) = infinite(column, tile.stride[0], tile.n, *top);
                }
            }),
        }
    }
}

/// Tiles of all rows that `rows` walks: `f(offsets of the first row, tile)`.
fn tiles<const N: usize>(mut rows: Walk<N>, n: usize, stride: [isize; N], f: &mut dyn FnMut([isize; N], Tile<N>)) {
    let (m, step) = rows.pop();
    rows.each_dyn(&mut |at| {
        for j in (0..m).step_by(4 * WIDE) {
            let from = std::array::from_fn(|k| at[k] + j as isize * step[k]);
            f(from, Tile { n, stride, width: (4 * WIDE).min(m - j), step });
        }
    });
}

#[inline(never)]
pub fn forward(l: &Launch, what: Forward) {
    let (x, y, dim) = (&l.ins[0], &l.outs[0], l.attrs[0].n());
    let ((n, sx), (_, sy)) = (along(x, dim), along(y, dim));
    let (px, py) = (x.ptr.cast::<f32>().cast_const(), y.ptr.cast::<f32>());
    let rows = Walk::over_except([x, y], dim).sort_by(0).collapse();
    if sx == 1 && (sy == 1 || what == Forward::LogSumExp) {
        rows.each_dyn(&mut |[ox, oy]| unsafe { forward_row(px.offset(ox), py.offset(oy), n, what) });
    } else {
        tiles(rows, n, [sx, sy], &mut |[ox, oy], tile| unsafe {
            forward_tile(px.offset(ox), py.offset(oy), tile, what)
        });
    }
}

/// `exp(x) * by` of numbers that are not positive.
pub fn exp_times(x: &[f32], by: &[f32], out: &mut [f32]) {
    let n = out.len().min(x.len()).min(by.len());
    let (x, by, out) = (x.as_ptr(), by.as_ptr(), out.as_mut_ptr());
    registers(n, |i, w| unsafe {
        store(exp_negative(load(x.add(i), 1, w, 0.0)) * load(by.add(i), 1, w, 0.0), out.add(i), 1, w);
    });
}

/// The gradient at four elements: `y * (g - sum)` or `g - exp(y) * sum`.
#[inline(always)]
fn gradient<const LOG: bool>(g: F32x4, y: F32x4, sum: F32x4) -> F32x4 {
    if LOG { g - exp_negative(y) * sum } else { y * (g - sum) }
}

#[inline(never)]
unsafe fn backward_row<const LOG: bool>(g: *const f32, y: *const f32, dx: &mut [MaybeUninit<f32>]) {
    let (n, dx) = (dx.len(), dx.as_mut_ptr().cast::<f32>());
    let at = |i: usize, w: usize| unsafe { (load(g.add(i), 1, w, 0.0), load(y.add(i), 1, w, 0.0)) };
    let term = |(g, y): (F32x4, F32x4)| if LOG { g } else { g * y };
    let mut sums = [all(0.0); 4];
    fours(n, |i, w, k| sums[k] += term(at(i, w)));
    let sum = all(sums.iter().flat_map(|sum| sum.to_array()).sum());
    registers(n, |i, w| {
        let (g, y) = at(i, w);
        unsafe { store(gradient::<LOG>(g, y, sum), dx.add(i), 1, w) };
    });
}

#[inline(never)]
unsafe fn backward_tile<const LOG: bool>(g: *const f32, y: *const f32, dx: *mut f32, tile: Tile<3>) {
    let step = tile.step;
    let at = |[oy, og, _]: [isize; 3], w: usize| unsafe {
        (load(g.offset(og), step[1], w, 0.0), load(y.offset(oy), step[0], w, 0.0))
    };
    let mut sum = [all(0.0); WIDE];
    tile.each(|j, w, o| {
        let (g, y) = at(o, w);
        sum[j] += if LOG { g } else { g * y };
    });
    tile.each(|j, w, o| {
        let (g, y) = at(o, w);
        unsafe { store(gradient::<LOG>(g, y, sum[j]), dx.offset(o[2]), step[2], w) };
    });
}

#[inline(never)]
pub fn backward<const LOG: bool>(l: &Launch) {
    let (g, y, dx, dim) = (&l.ins[0], &l.ins[1], &l.outs[0], l.attrs[0].n());
    let ((n, sg), (_, sy), (_, sd)) = (along(g, dim), along(y, dim), along(dx, dim));
    let (pg, py, pd) = (g.ptr.cast::<f32>().cast_const(), y.ptr.cast::<f32>().cast_const(), dx.ptr.cast::<f32>());
    // Tiles follow the layout of the saved result: it is the operand that is certainly dense.
    let rows = Walk::over_except([y, g, dx], dim).sort_by(0).collapse();
    if [sg, sy, sd] == [1; 3] {
        rows.each_dyn(&mut |[oy, og, od]| unsafe {
            backward_row::<LOG>(pg.offset(og), py.offset(oy), std::slice::from_raw_parts_mut(pd.offset(od).cast(), n));
        });
    } else {
        tiles(rows, n, [sy, sg, sd], &mut |[oy, og, od], tile| unsafe {
            backward_tile::<LOG>(pg.offset(og), py.offset(oy), pd.offset(od), tile);
        });
    }
}
