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
const COLUMNS: usize = 32;
/// Elements that one accumulator takes before it goes up a level.
const BLOCK: usize = 64;

/// Partial results in three levels: every `BLOCK` parts of one are one part of the next.
struct Cascade<A> {
    start: A,
    levels: [A; 3],
    count: usize,
}

impl<A: Copy> Cascade<A> {
    fn new(start: A) -> Self {
        Cascade { start, levels: [start; 3], count: 0 }
    }

    /// The accumulator to go on with. Every `BLOCK` calls of `up` it starts afresh.
    #[inline(always)]
    fn up(&mut self, merge: &impl Fn(A, A) -> A) {
        self.count += 1;
        if self.count.is_multiple_of(BLOCK) {
            self.levels[1] = merge(self.levels[1], self.levels[0]);
            self.levels[0] = self.start;
            if self.count.is_multiple_of(BLOCK * BLOCK) {
                self.levels[2] = merge(self.levels[2], self.levels[1]);
                self.levels[1] = self.start;
            }
        }
    }

    fn finish(self, merge: &impl Fn(A, A) -> A) -> A {
        merge(merge(self.levels[2], self.levels[1]), self.levels[0])
    }
}

/// Folds `n` elements that lie `stride` apart.
#[inline]
unsafe fn row<F: Fold>(fold: F, start: F::Acc, p: *const F::In, n: usize, stride: isize) -> F::Acc {
    let merge = |a, b| fold.merge(a, b);
    if stride == 1 && n >= LANES {
        return row_contiguous(fold, start, unsafe { std::slice::from_raw_parts(p, n) });
    }
    if n <= BLOCK {
        let mut acc = start;
        for i in 0..n as isize {
            acc = fold.step(acc, unsafe { *p.offset(i * stride) });
        }
        return acc;
    }
    let mut cascade = Cascade::new(start);
    let mut i = 0;
    while i < n {
        let end = n.min(i + BLOCK);
        let mut acc = start;
        for k in i..end {
            acc = fold.step(acc, unsafe { *p.offset(k as isize * stride) });
        }
        cascade.levels[0] = merge(cascade.levels[0], acc);
        cascade.up(&merge);
        i = end;
    }
    cascade.finish(&merge)
}

fn row_contiguous<F: Fold>(fold: F, start: F::Acc, xs: &[F::In]) -> F::Acc {
    let merge = |a, b| fold.merge(a, b);
    let mut cascade = Cascade::new(start);
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
            for j in 0..width {
                acc[j] = fold.merge(acc[j], acc[j + width]);
            }
            width /= 2;
        }
        cascade.levels[0] = merge(cascade.levels[0], acc[0]);
        cascade.up(&merge);
    }
    cascade.finish(&merge)
}

/// Folds `W` neighbouring columns down all rows that `reduced` and the innermost `(rows, row_stride)` walk.
#[inline(always)]
unsafe fn columns<F: Fold, const W: usize>(
    fold: F,
    start: [F::Acc; W],
    p: *const F::In,
    column_stride: isize,
    reduced: &Walk<1>,
    (rows, row_stride): (usize, isize),
) -> [F::Acc; W] {
    let merge = |mut a: [F::Acc; W], b: [F::Acc; W]| {
        for j in 0..W {
            a[j] = fold.merge(a[j], b[j]);
        }
        a
    };
    let mut cascade = Cascade::new(start);
    reduced.each(|[r]| {
        let mut i = 0;
        while i < rows {
            let end = rows.min(i + BLOCK);
            let mut acc = start;
            for k in i..end {
                let row = unsafe { p.offset(r + k as isize * row_stride) };
                for j in 0..W {
                    acc[j] = fold.step(acc[j], unsafe { *row.offset(j as isize * column_stride) });
                }
            }
            cascade.levels[0] = merge(cascade.levels[0], acc);
            cascade.up(&merge);
            i = end;
        }
    });
    cascade.finish(&merge)
}

/// Reduces `input` to the shape of the outputs, which have its rank and size one in every reduced dimension, and calls
/// `write(accumulator, offset in out0, offset in out1)` for every result. A kernel with one output gives it twice.
pub fn fold_into<F: Fold>(
    fold: F,
    input: &View,
    out0: &View,
    out1: &View,
    mut write: impl FnMut(F::Acc, isize, isize),
) {
    let (mut kept, mut reduced) = (Walk::<3>::new(), Walk::<1>::new());
    for d in 0..input.shape.len() {
        if out0.shape[d] == input.shape[d] {
            kept.push(input.shape[d], [input.strides[d], out0.strides[d], out1.strides[d]]);
        } else {
            reduced.push(input.shape[d], [input.strides[d]]);
        }
    }
    if reduced.is_empty() {
        return kept.each(|[_, o0, o1]| write(fold.start(o1), o0, o1));
    }
    let (mut kept, mut reduced) = (kept.sort_by(0).collapse(), reduced.sort_by(0).collapse());
    let p = input.ptr.cast::<F::In>().cast_const();
    let (rows, [row_stride]) = if reduced.dims() > 0 { reduced.pop() } else { (1, [0]) };
    let down = kept.dims() > 0 && kept.inner_stride(0).unsigned_abs() < row_stride.unsigned_abs();
    if !down {
        let merge = |a, b| fold.merge(a, b);
        return kept.each(|[i, o0, o1]| {
            let start = fold.start(o1);
            let acc = if reduced.dims() == 0 {
                unsafe { row(fold, start, p.offset(i), rows, row_stride) }
            } else {
                let mut cascade = Cascade::new(start);
                reduced.each(|[r]| {
                    let part = unsafe { row(fold, start, p.offset(i + r), rows, row_stride) };
                    cascade.levels[0] = merge(cascade.levels[0], part);
                    cascade.up(&merge);
                });
                cascade.finish(&merge)
            };
            write(acc, o0, o1);
        });
    }
    let (n, [si, s0, s1]) = kept.pop();
    kept.each(|[i, o0, o1]| {
        let mut j = 0;
        while j + COLUMNS <= n && si == 1 {
            let at = |k: usize| ((j + k) as isize * s0 + o0, (j + k) as isize * s1 + o1);
            let start = std::array::from_fn(|k| fold.start(at(k).1));
            let p = unsafe { p.offset(i + j as isize) };
            let acc = unsafe { columns::<F, COLUMNS>(fold, start, p, 1, &reduced, (rows, row_stride)) };
            for (k, &a) in acc.iter().enumerate() {
                write(a, at(k).0, at(k).1);
            }
            j += COLUMNS;
        }
        while j < n {
            let (a0, a1) = (j as isize * s0 + o0, j as isize * s1 + o1);
            let p = unsafe { p.offset(i + j as isize * si) };
            let [acc] = unsafe { columns::<F, 1>(fold, [fold.start(a1)], p, si, &reduced, (rows, row_stride)) };
            write(acc, a0, a1);
            j += 1;
        }
    });
}
