//! Greatest and least elements, their positions, and both at once: of float32, float64 and int64.

use super::sum::plain;
use crate::by_dtype::wide_dtype;
use crate::launch::{Kernel, Launch, View};
use crate::number::Number;
use crate::walk::Walk;

/// The greatest element; NaN if one is. `ins: [x]`, `outs: [y]` (rank of `x`, size one where it is reduced). What is
/// reduced is not empty.
pub const AMAX: Kernel = Kernel::new("amax", amax).with_split(crate::threads::kept::<500, 8>);

/// The least element; as `AMAX`.
pub const AMIN: Kernel = Kernel::new("amin", amin).with_split(crate::threads::kept::<500, 8>);

/// Position of the greatest element along a dimension: of the first one, or of the first NaN.
///
/// `ins: [x]`, `outs: [index]` or `[values, index]` (rank of `x`, size one in `dim`), `attrs: [dim]`.
pub const ARGMAX: Kernel = Kernel::new("argmax", argmax).with_split(crate::threads::kept::<1500, 8>);

/// Position of the least element along a dimension; as `ARGMAX`.
pub const ARGMIN: Kernel = Kernel::new("argmin", argmin).with_split(crate::threads::kept::<1500, 8>);

fn amax(l: &Launch) {
    wide_dtype!(l.ins[0].dtype, T => {
        plain(l, T::LOWEST, |a: T, x: T| a.greater(x), |a: T, b| a.greater(b), |a| a)
    })
}

fn amin(l: &Launch) {
    wide_dtype!(l.ins[0].dtype, T => {
        plain(l, T::HIGHEST, |a: T, x: T| a.lesser(x), |a: T, b| a.lesser(b), |a| a)
    })
}

fn argmax(l: &Launch) {
    wide_dtype!(l.ins[0].dtype, T => arg::<T>(l, |x, best| x > best))
}

fn argmin(l: &Launch) {
    wide_dtype!(l.ins[0].dtype, T => arg::<T>(l, |x, best| x < best))
}

const COLUMNS: usize = 16;

/// Walks `W` neighbouring rows together: along their common stride for a row each, or down `W` columns.
#[inline(always)]
unsafe fn best_of<T: Number, const W: usize>(
    p: *const T,
    n: usize,
    stride: isize,
    beats: impl Fn(T, T) -> bool,
) -> ([T; W], [u32; W]) {
    let mut best: [T; W] = std::array::from_fn(|j| unsafe { *p.add(j) });
    let mut at = [0u32; W];
    for i in 1..n {
        let row = unsafe { p.offset(i as isize * stride) };
        for j in 0..W {
            let x = unsafe { *row.add(j) };
            let take = (beats(x, best[j]) || x.nan()) && !best[j].nan();
            best[j] = if take { x } else { best[j] };
            at[j] = if take { i as u32 } else { at[j] };
        }
    }
    (best, at)
}

/// A contiguous row in two SIMD passes: the best value, then where it first stands.
fn best_of_row<T: Number>(xs: &[T], beats: impl Fn(T, T) -> bool) -> (T, usize) {
    let better = |a: T, x: T| if beats(x, a) || x.nan() { x } else { a };
    let (lanes, rest) = xs.as_chunks::<16>();
    let mut acc = [xs[0]; 16];
    for x in lanes {
        for j in 0..16 {
            acc[j] = better(acc[j], x[j]);
        }
    }
    let best = acc.iter().chain(rest).fold(xs[0], |a, &x| better(a, x));
    let is = |x: T| if best.nan() { x.nan() } else { x == best };
    // Whole blocks first: a test for any hit in sixteen vectorises, the search for the first hit does not.
    let block = lanes.iter().position(|b| b.iter().fold(false, |hit, &x| hit | is(x))).unwrap_or(lanes.len()) * 16;
    let at = block + xs[block..].iter().position(|&x| is(x)).unwrap_or(0);
    (xs[at], at)
}

fn arg<T: Number>(l: &Launch, beats: impl Fn(T, T) -> bool + Copy) {
    let (x, dim, index) = (&l.ins[0], l.attrs[0].n(), &l.outs[l.outs.len() - 1]);
    let values: Option<&View> = (l.outs.len() > 1).then(|| &l.outs[0]);
    let (n, stride) = if x.shape.is_empty() { (1, 1) } else { (x.shape[dim], x.strides[dim]) };
    let p = x.ptr.cast::<T>().cast_const();
    let put = |(best, at): (T, usize), oi: isize, ov: isize| unsafe {
        *index.ptr.cast::<i64>().offset(oi) = at as i64;
        if let Some(v) = values {
            *v.ptr.cast::<T>().offset(ov) = best;
        }
    };
    let mut walk = Walk::over_except([x, index, values.unwrap_or(index)], dim).sort_by(0).collapse();
    if n == 0 || walk.is_empty() {
        return;
    }
    if stride == 1 {
        return walk.each(|[i, oi, ov]| {
            let row = unsafe { std::slice::from_raw_parts(p.offset(i), n) };
            put(best_of_row(row, beats), oi, ov);
        });
    }
    let (m, [si, s0, s1]) = walk.pop();
    walk.each(|[i, oi, ov]| {
        let mut j = 0isize;
        while si == 1 && j + COLUMNS as isize <= m as isize {
            let (best, at) = unsafe { best_of::<T, COLUMNS>(p.offset(i + j), n, stride, beats) };
            for k in 0..COLUMNS {
                let o = j + k as isize;
                put((best[k], at[k] as usize), oi + o * s0, ov + o * s1);
            }
            j += COLUMNS as isize;
        }
        while j < m as isize {
            let ([best], [at]) = unsafe { best_of::<T, 1>(p.offset(i + j * si), n, stride, beats) };
            put((best, at as usize), oi + j * s0, ov + j * s1);
            j += 1;
        }
    });
}
