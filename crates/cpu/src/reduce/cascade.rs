//! Floating-point sums in PyTorch's order, bit for bit (aten/src/ATen/native/cpu/SumKernel.cpp, which is built for AVX2
//! even where AVX-512 is there: registers of 32 bytes).
//!
//! Every element of the result is a sum in levels, so that the rounding error grows with the number of levels instead of
//! that of the elements; which elements share an accumulator depends on the strides, as described at `rows`.

use super::fold::{Plan, plan};
use crate::launch::View;
use crate::number::Float;

/// A type with PyTorch's sums: how many elements a 32-byte register holds, and sums of that many neighbours.
pub trait Cascade: Float {
    const VECTOR: usize;
    /// # Safety
    /// As `levels`.
    unsafe fn vectors(p: *const Self, parts: isize, step: isize, n: usize) -> [[Self; 8]; PARTS];
    /// `WIDE` times as many, all neighbours.
    ///
    /// # Safety
    /// As `levels`.
    unsafe fn wide(p: *const Self, step: isize, n: usize) -> [[[Self; 8]; PARTS]; WIDE];
    /// # Safety
    /// As `levels`.
    unsafe fn scalars(p: *const Self, parts: isize, step: isize, n: usize) -> [[Self; 1]; PARTS];
}

macro_rules! cascade {
    ($($t:ty, $vector:literal);*) => {$(
        impl Cascade for $t {
            const VECTOR: usize = $vector;
            #[inline(never)]
            unsafe fn vectors(p: *const Self, parts: isize, step: isize, n: usize) -> [[Self; 8]; PARTS] {
                widened(unsafe { levels::<$t, $vector, 1>(p, parts, step, n) })[0]
            }
            #[inline(never)]
            unsafe fn wide(p: *const Self, step: isize, n: usize) -> [[[Self; 8]; PARTS]; WIDE] {
                widened(unsafe { levels::<$t, $vector, WIDE>(p, $vector, step, n) })
            }
            #[inline(never)]
            unsafe fn scalars(p: *const Self, parts: isize, step: isize, n: usize) -> [[Self; 1]; PARTS] {
                unsafe { levels::<$t, 1, 1>(p, parts, step, n)[0] }
            }
        }
    )*};
}
cascade!(f32, 8; f64, 4);

/// Sums that run side by side.
const PARTS: usize = 4;
const LEVELS: usize = 4;
/// Groups of parts that go down the rows together, so that long runs of each row are read, whatever the rows' distance.
pub const WIDE: usize = 8;

/// Registers of the widest dtype.
fn widened<T: Float, const W: usize, const G: usize>(sums: [[[T; W]; PARTS]; G]) -> [[[T; 8]; PARTS]; G] {
    let mut out = [[[T::ZERO; 8]; PARTS]; G];
    for (out, sums) in out.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
        out[..W].copy_from_slice(sums);
    }
    out
}

/// `G` times four sums of `W` neighbours: sum `i` starts `i * part` elements after `p` and takes `n` terms `step` apart.
///
/// # Safety
/// All of that is readable.
#[inline(always)]
unsafe fn levels<T: Float, const W: usize, const G: usize>(
    p: *const T,
    part: isize,
    step: isize,
    n: usize,
) -> [[[T; W]; PARTS]; G] {
    // A level passes on what 16 of the one below have summed, or more, so that four levels are enough.
    let power = 4.max(n.next_power_of_two().ilog2() as usize / LEVELS);
    let mut acc = [[[[T::ZERO; W]; PARTS]; LEVELS]; G];
    let add = |to: &mut [[T; W]; PARTS], from: &[[T; W]; PARTS]| {
        for i in 0..PARTS {
            for j in 0..W {
                to[i][j] = to[i][j].plus(from[i][j]);
            }
        }
    };
    // Adds terms `from..to` to the lowest level of group `g`.
    let take = |sums: &mut [[T; W]; PARTS], g: usize, from: usize, to: usize| {
        let mut at = p.wrapping_offset(from as isize * step + (g * PARTS) as isize * part);
        let mut total = *sums;
        for _ in from..to {
            let term = |i: usize| unsafe { at.offset(i as isize * part).cast::<[T; W]>().read_unaligned() };
            add(&mut total, &std::array::from_fn(term));
            at = at.wrapping_offset(step);
        }
        *sums = total;
    };
    let mut i = 0;
    while i + (1 << power) <= n {
        let end = i + (1 << power);
        for (g, acc) in acc.iter_mut().enumerate() {
            take(&mut acc[0], g, i, end);
            for level in 1..LEVELS {
                let below = std::mem::replace(&mut acc[level - 1], [[T::ZERO; W]; PARTS]);
                add(&mut acc[level], &below);
                if end & (((1 << power) - 1) << (level * power)) != 0 {
                    break;
                }
            }
        }
        i = end;
    }
    let mut sums = [[[T::ZERO; W]; PARTS]; G];
    for (g, acc) in acc.iter_mut().enumerate() {
        take(&mut acc[0], g, i, n);
        sums[g] = acc[0];
        acc[1..].iter().for_each(|level| add(&mut sums[g], level));
    }
    sums
}

/// The sum of `n` elements `stride` apart, by four accumulators.
unsafe fn scalar<T: Cascade>(p: *const T, stride: isize, n: usize) -> T {
    let fours = n / PARTS;
    let [mut sums] = unsafe { [T::scalars(p, stride, PARTS as isize * stride, fours)] };
    for k in fours * PARTS..n {
        sums[0][0] = sums[0][0].plus(unsafe { *p.offset(k as isize * stride) });
    }
    sums.iter().skip(1).fold(sums[0][0], |sum, part| sum.plus(part[0]))
}

/// The sums of `n` registers `stride` elements apart, by four accumulators.
unsafe fn vector<T: Cascade>(p: *const T, stride: isize, n: usize) -> [T; 8] {
    let fours = n / PARTS;
    let mut sums = unsafe { T::vectors(p, stride, PARTS as isize * stride, fours) };
    for k in fours * PARTS..n {
        let from = unsafe { std::slice::from_raw_parts(p.offset(k as isize * stride), T::VECTOR) };
        sums[0].iter_mut().zip(from).for_each(|(sum, &x)| *sum = sum.plus(x));
    }
    let [mut sum, rest @ ..] = sums;
    for part in rest {
        sum.iter_mut().zip(part).for_each(|(sum, x)| *sum = sum.plus(x));
    }
    sum
}

/// Sums over the innermost reduced dimension (`n` elements, `stride` apart) for `count` results whose elements lie `next`
/// apart; `write(j, sum)` takes the results.
///
/// Contiguous along the sum: registers along it, their lanes added up at the end, after what fills no register. Else, with
/// neighbouring results: registers across them, four at a time each with one accumulator, then single ones with four. Else
/// one result at a time with four accumulators, or, if the results lie closer together, four results with one each.
unsafe fn rows<T: Cascade>(
    p: *const T,
    (n, stride): (usize, isize),
    (count, next): (usize, isize),
    write: &mut dyn FnMut(usize, T),
) {
    let at = |j: usize| p.wrapping_offset(j as isize * next);
    let mut j = 0;
    unsafe {
        if stride == 1 && n >= T::VECTOR {
            for j in 0..count {
                let whole = n / T::VECTOR;
                let lanes = vector(at(j), T::VECTOR as isize, whole);
                let rest = std::slice::from_raw_parts(at(j), n);
                let sum = rest[whole * T::VECTOR..].iter().fold(T::ZERO, |sum, &x| sum.plus(x));
                write(j, lanes[..T::VECTOR].iter().fold(sum, |sum, &x| sum.plus(x)));
            }
            return;
        }
        if next == 1 && count >= T::VECTOR {
            while j + WIDE * PARTS * T::VECTOR <= count {
                for sum in T::wide(at(j), stride, n).as_flattened() {
                    (0..T::VECTOR).for_each(|k| write(j + k, sum[k]));
                    j += T::VECTOR;
                }
            }
            while j + PARTS * T::VECTOR <= count {
                let sums = T::vectors(at(j), T::VECTOR as isize, stride, n);
                for (i, sum) in sums.iter().enumerate() {
                    (0..T::VECTOR).for_each(|k| write(j + i * T::VECTOR + k, sum[k]));
                }
                j += PARTS * T::VECTOR;
            }
            while j + T::VECTOR <= count {
                let sum = vector(at(j), stride, n);
                (0..T::VECTOR).for_each(|k| write(j + k, sum[k]));
                j += T::VECTOR;
            }
        } else if stride >= next {
            while j + PARTS <= count {
                let sums = T::scalars(at(j), next, stride, n);
                sums.iter().enumerate().for_each(|(i, sum)| write(j + i, sum[0]));
                j += PARTS;
            }
        }
        for j in j..count {
            write(j, scalar(at(j), stride, n));
        }
    }
}

/// The sum of contiguous elements.
pub fn sum_of_row<T: Cascade>(xs: &[T]) -> T {
    let mut total = T::ZERO;
    unsafe { rows(xs.as_ptr(), (xs.len(), 1), (1, xs.len() as isize), &mut |_, sum| total = sum) };
    total
}

/// Writes `sum / divisor` over what `out` has one element of.
pub fn sum_into<T: Cascade>(input: &View, out: &View, divisor: T) {
    let Plan { mut kept, reduced, none, rows: row, .. } = plan(input, out, out);
    let (from, to) = (input.ptr.cast::<T>().cast_const(), out.ptr.cast::<T>());
    if none {
        return kept.each_dyn(&mut |[_, o, _]| unsafe { *to.offset(o) = T::ZERO.over(divisor) });
    }
    let (count, [next, step, _]) = if kept.dims() > 0 { kept.pop() } else { (1, [0; 3]) };
    kept.each_dyn(&mut |[i, o, _]| {
        let place = |j: usize| to.wrapping_offset(o + j as isize * step);
        let mut first = true;
        // Reduced dimensions beyond one are added up one sum after the other.
        reduced.each_dyn(&mut |[r]| unsafe {
            rows(from.offset(i + r), row, (count, next), &mut |j, sum| {
                *place(j) = if first { sum } else { (*place(j)).plus(sum) };
            });
            first = false;
        });
        for j in 0..count {
            unsafe { *place(j) = (*place(j)).over(divisor) };
        }
    });
}
