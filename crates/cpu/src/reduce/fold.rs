//! The one loop behind the reductions: which elements meet in which order, whatever is done with them.
//!
//! The operands' dimensions are split into kept and reduced ones. If a reduced dimension has the smallest stride, rows
//! are folded with `LANES` accumulators side by side; if a kept one has, `COLUMNS` neighbouring results are folded at
//! once, down the rows. Both become SIMD, and both add up in blocks of blocks (`Cascade`), so that the rounding error
//! of a sum grows with the number of levels instead of the number of elements (the scheme of PyTorch's cascade_sum in
//! aten/src/ATen/native/cpu/SumKernel.cpp).

use crate::launch::View;
use crate::walk::Walk;
use cresset_lane::Element;

/// What a reduction does with the elements.
pub trait Fold: Copy {
    /// What is read.
    type In: Element;
    /// What is carried along.
    type Acc: Copy;
    /// The accumulator before any element, for the result at offset `at` of the second output.
    fn start(self, at: isize) -> Self::Acc;
    fn step(self, acc: Self::Acc, x: Self::In) -> Self::Acc;
    /// Joins the accumulators of two parts; the parts' order is that of the elements.
    fn merge(self, a: Self::Acc, b: Self::Acc) -> Self::Acc;
}

const LANES: usize = 16;
const COLUMNS: usize = 16;
/// Elements that one accumulator takes before it goes up a level.
const BLOCK: usize = 64;

// There are some forty folds. What runs once per block, per row or per launch is therefore kept out of line, so that it is
// in the binary once per fold (or once), not once per place it is called from.

/// Partial results in three levels, each `width` accumulators: every `BLOCK` parts of one level are one part of the next.
struct Cascade<'a, F: Fold> {
    fold: F,
    start: &'a [F::Acc],
    levels: [&'a mut [F::Acc]; 3],
    count: usize,
}

impl<'a, F: Fold> Cascade<'a, F> {
    /// `room` holds three times as many accumulators as `start`.
    fn new(fold: F, start: &'a [F::Acc], room: &'a mut [F::Acc]) -> Self {
        let (a, rest) = room.split_at_mut(start.len());
        let (b, c) = rest.split_at_mut(start.len());
        let mut levels = [a, b, c];
        levels.iter_mut().for_each(|level| level.copy_from_slice(start));
        Cascade { fold, start, levels, count: 0 }
    }

    /// Takes a part. Every `BLOCK` of them a level starts afresh.
    #[inline(never)]
    fn add(&mut self, part: &[F::Acc]) {
        let [low, middle, high] = &mut self.levels;
        join(self.fold, low, part);
        self.count += 1;
        if self.count.is_multiple_of(BLOCK) {
            join(self.fold, middle, low);
            low.copy_from_slice(self.start);
            if self.count.is_multiple_of(BLOCK * BLOCK) {
                join(self.fold, high, middle);
                middle.copy_from_slice(self.start);
            }
        }
    }

    /// The whole, in the last level.
    #[inline(never)]
    fn finish(self) -> &'a [F::Acc] {
        let [low, middle, high] = self.levels;
        join(self.fold, high, middle);
        join(self.fold, high, low);
        high
    }
}

/// `into = merge(into, part)`, one by one.
#[inline(never)]
fn join<F: Fold>(fold: F, into: &mut [F::Acc], part: &[F::Acc]) {
    for (a, &b) in into.iter_mut().zip(part) {
        *a = fold.merge(*a, b);
    }
}

/// Folds `n` elements that lie `stride` apart.
#[inline(never)]
pub unsafe fn row<F: Fold>(fold: F, start: F::Acc, p: *const F::In, n: usize, stride: isize) -> F::Acc {
    if stride == 1 && n >= LANES {
        return row_contiguous(fold, start, unsafe { std::slice::from_raw_parts(p, n) });
    }
    let part = |from: usize, to: usize| {
        let mut acc = start;
        for k in from..to {
            acc = fold.step(acc, unsafe { *p.offset(k as isize * stride) });
        }
        acc
    };
    if n <= BLOCK {
        return part(0, n);
    }
    let (start, mut room) = ([start], [start; 3]);
    let mut cascade = Cascade::new(fold, &start, &mut room);
    let mut i = 0;
    while i < n {
        let end = n.min(i + BLOCK);
        cascade.add(&[part(i, end)]);
        i = end;
    }
    cascade.finish()[0]
}

#[inline(never)]
fn row_contiguous<F: Fold>(fold: F, start: F::Acc, xs: &[F::In]) -> F::Acc {
    let (first, mut room) = ([start], [start; 3]);
    let mut cascade = Cascade::new(fold, &first, &mut room);
    for block in xs.chunks(LANES * BLOCK) {
        let (lanes, rest) = block.as_chunks::<LANES>();
        let mut acc = [start; LANES];
        for x in lanes {
            for j in 0..LANES {
                acc[j] = fold.step(acc[j], x[j]);
            }
        }
        for (a, &x) in acc.iter_mut().zip(rest) {
            *a = fold.step(*a, x);
        }
        let mut width = LANES / 2;
        while width > 0 {
            let (low, high) = acc.split_at_mut(width);
            join(fold, low, &high[..width]);
            width /= 2;
        }
        // A single block needs no levels: joining it with what they start from would change nothing.
        if xs.len() <= LANES * BLOCK {
            return acc[0];
        }
        cascade.add(&acc[..1]);
    }
    cascade.finish()[0]
}

/// Folds `COLUMNS` neighbouring columns down all rows that `reduced` and the innermost `(rows, row_stride)` walk, and
/// gives the result to `write`.
#[inline(never)]
unsafe fn columns<F: Fold>(
    fold: F,
    start: &[F::Acc; COLUMNS],
    p: *const F::In,
    reduced: &Walk<1>,
    (rows, row_stride): (usize, isize),
    write: impl FnOnce(&[F::Acc]),
) {
    let mut room = [start[0]; 3 * COLUMNS];
    let mut cascade = Cascade::new(fold, start, &mut room);
    reduced.each_dyn(&mut |[r]| {
        let mut i = 0;
        while i < rows {
            let end = rows.min(i + BLOCK);
            let mut acc = *start;
            for k in i..end {
                let row = unsafe { &*p.offset(r + k as isize * row_stride).cast::<[F::In; COLUMNS]>() };
                for j in 0..COLUMNS {
                    acc[j] = fold.step(acc[j], row[j]);
                }
            }
            cascade.add(&acc);
            i = end;
        }
    });
    write(cascade.finish());
}

/// Folds all that `reduced` and `(rows, row_stride)` walk into one accumulator.
#[inline(never)]
unsafe fn one<F: Fold>(
    fold: F,
    start: F::Acc,
    p: *const F::In,
    reduced: &Walk<1>,
    (rows, row_stride): (usize, isize),
) -> F::Acc {
    if reduced.dims() == 0 {
        return unsafe { row(fold, start, p, rows, row_stride) };
    }
    let (first, mut room) = ([start], [start; 3]);
    let mut cascade = Cascade::new(fold, &first, &mut room);
    reduced.each_dyn(&mut |[r]| cascade.add(&[unsafe { row(fold, start, p.offset(r), rows, row_stride) }]));
    cascade.finish()[0]
}

/// The loops of a reduction.
pub struct Plan {
    pub kept: Walk<3>,
    pub reduced: Walk<1>,
    /// Nothing is reduced: every result is its start.
    pub none: bool,
    /// The innermost reduced dimension.
    pub rows: (usize, isize),
    /// Whether neighbouring results lie closer together than what is folded into one.
    pub down: bool,
}

#[inline(never)]
pub fn plan(input: &View, out0: &View, out1: &View) -> Plan {
    let (mut kept, mut reduced) = (Walk::<3>::new(), Walk::<1>::new());
    for d in 0..input.shape.len() {
        if out0.shape[d] == input.shape[d] {
            kept.push(input.shape[d], [input.strides[d], out0.strides[d], out1.strides[d]]);
        } else {
            reduced.push(input.shape[d], [input.strides[d]]);
        }
    }
    if reduced.is_empty() {
        return Plan { kept, reduced, none: true, rows: (0, 0), down: false };
    }
    let (kept, mut reduced) = (kept.sort_by(0).collapse(), reduced.sort_by(0).collapse());
    let (rows, [stride]) = if reduced.dims() > 0 { reduced.pop() } else { (1, [0]) };
    let down = kept.dims() > 0 && kept.inner_stride(0).unsigned_abs() < stride.unsigned_abs();
    Plan { kept, reduced, none: false, rows: (rows, stride), down }
}

/// Reduces `input` to the shape of the outputs, which have its rank and size one in every reduced dimension, and calls
/// `write(accumulator, offset in out0, offset in out1)` for every result. A kernel with one output gives it twice.
pub fn fold_into<F: Fold>(fold: F, input: &View, out0: &View, out1: &View, write: impl Fn(F::Acc, isize, isize)) {
    let Plan { mut kept, reduced, none, rows, down } = plan(input, out0, out1);
    let p = input.ptr.cast::<F::In>().cast_const();
    if none {
        return kept.each_dyn(&mut |[_, o0, o1]| write(fold.start(o1), o0, o1));
    }
    let result = |i: isize, o0: isize, o1: isize| {
        write(unsafe { one(fold, fold.start(o1), p.offset(i), &reduced, rows) }, o0, o1);
    };
    // Down the columns, many at a time where they are neighbours; one result at a time else.
    let (n, [si, s0, s1]) = if down { kept.pop() } else { (1, [0; 3]) };
    let wide = if down && si == 1 { n / COLUMNS } else { 0 };
    kept.each_dyn(&mut |[i, o0, o1]| {
        for tile in 0..wide {
            let at = |k: usize| {
                let j = (tile * COLUMNS + k) as isize;
                (j * s0 + o0, j * s1 + o1)
            };
            let start = std::array::from_fn(|k| fold.start(at(k).1));
            let p = unsafe { p.offset(i + (tile * COLUMNS) as isize) };
            unsafe {
                columns(fold, &start, p, &reduced, rows, |all| {
                    for (k, &acc) in all.iter().enumerate() {
                        write(acc, at(k).0, at(k).1);
                    }
                });
            }
        }
        for j in (wide * COLUMNS) as isize..n as isize {
            result(i + j * si, j * s0 + o0, j * s1 + o1);
        }
    });
}
