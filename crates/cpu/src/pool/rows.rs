//! Pools of float32 along rows of neighbours: four windows at a time, as far as they lie inside the row.

use cresset_lane::DType;
use cresset_lane::simd::{F32x4, I32x4, I64x2};

use super::{Plane, Span, steps};
use crate::View;

/// Windows across a line: `kernel` taps `dilation` apart, the next window `stride` on, the first one `padding` before
/// the line.
#[derive(Clone, Copy)]
pub(super) struct Across {
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub dilation: usize,
}

impl Across {
    /// The outputs, of `outputs`, whose windows lie inside a line of `size`, if they fill a register.
    fn inside(&self, size: usize, outputs: usize) -> Option<(usize, usize)> {
        let first = self.padding.div_ceil(self.stride);
        let reach = (self.kernel - 1) * self.dilation;
        let last = (size + self.padding).checked_sub(reach + 1)? / self.stride;
        let end = outputs.min(last + 1);
        (first + 4 <= end).then_some((first, end))
    }
}

/// The outputs of each row that can be computed by four: those of float32 whose windows lie inside a row of neighbours.
pub(super) fn range(across: &Across, x: &View, y: &View) -> Option<(usize, usize)> {
    let fits = y.dtype == DType::F32 && x.strides[4] == 1 && y.strides[4] == 1;
    fits.then(|| across.inside(x.shape[4], y.shape[4]))?
}

/// The lines of the input that one row of the output covers, from output 0's first tap on.
pub(super) struct Lines {
    first: *const f32,
    /// The position of `first` in the plane (it may lie in the padding).
    position: isize,
    /// Depths and heights.
    counts: [usize; 2],
    /// From one to the next, in memory and in positions.
    strides: [isize; 2],
    steps: [isize; 2],
    across: Across,
}

impl Lines {
    /// `input` are the sizes of the plane, `spans` what the row covers of its depth and height.
    pub fn new(from: &Plane<f32>, input: [usize; 3], spans: [Span; 2], across: Across) -> Lines {
        let [d, h] = spans.map(|s| s.start as isize);
        let step = spans.map(|s| s.step as isize);
        let padding = across.padding as isize;
        let line = from.ptr.wrapping_offset(d * from.strides[0] + h * from.strides[1] - padding);
        Lines {
            first: line,
            position: (d * input[1] as isize + h) * input[2] as isize - padding,
            counts: spans.map(|s| steps(s.end.saturating_sub(s.start), s.step)),
            strides: [step[0] * from.strides[0], step[1] * from.strides[1]],
            steps: [step[0] * (input[1] * input[2]) as isize, step[1] * input[2] as isize],
            across,
        }
    }

    /// The lines of an output's row below, so many rows of the input further, whose windows have the same extent.
    pub fn below(self, rows: usize, row: isize, width: usize) -> Lines {
        let first = self.first.wrapping_offset(rows as isize * row);
        Lines { first, position: self.position + (rows * width) as isize, ..self }
    }

    /// Calls `f` with the address and position of output `o`'s first tap in each line, in order.
    #[inline(always)]
    fn each(&self, o: usize, mut f: impl FnMut(*const f32, isize)) {
        let at = (o * self.across.stride) as isize;
        for d in 0..self.counts[0] as isize {
            let mut line = self.first.wrapping_offset(at + d * self.strides[0]);
            let mut position = self.position + at + d * self.steps[0];
            for _ in 0..self.counts[1] {
                f(line, position);
                line = line.wrapping_offset(self.strides[1]);
                position += self.steps[1];
            }
        }
    }
}

/// Four elements `S` apart (0: `stride`), nothing read beyond the last.
#[inline(always)]
unsafe fn take<const S: usize>(p: *const f32, stride: usize) -> F32x4 {
    unsafe {
        match S {
            1 => F32x4::load(p.cast()),
            2 => {
                // The second four begin one early: elements 4 and 6 are its second and last.
                let (low, high) = (F32x4::load(p.cast()).to_array(), F32x4::load(p.add(3).cast()).to_array());
                F32x4::new([low[0], low[2], high[1], high[3]])
            }
            _ => F32x4::new([*p, *p.add(stride), *p.add(2 * stride), *p.add(3 * stride)]),
        }
    }
}

/// Outputs `first`, `first + 4`, ... up to `end`; the last four overlap the ones before.
#[inline(always)]
fn fours((first, end): (usize, usize), mut f: impl FnMut(usize)) {
    let mut o = first;
    while o < end {
        let at = o.min(end - 4);
        f(at);
        o = at + 4;
    }
}

/// Writes maxima and, unless they have no place to go to, their positions in the plane, for the outputs of `range` (as `range` gives it).
///
/// # Safety
/// The lines are in the input and at least one; both outputs have room.
pub(super) type Maxima = unsafe fn(&Lines, (usize, usize), *mut f32, *mut i64);

/// The function for windows like these.
pub(super) fn maxima(across: &Across, positions: bool) -> Maxima {
    match (across.kernel, across.stride, across.dilation, positions) {
        (2, 2, 1, true) => largest::<2, 2, true>,
        (2, 2, 1, false) => largest_of_pairs,
        (3, 2, 1, true) => largest::<3, 2, true>,
        (3, 2, 1, false) => largest::<3, 2, false>,
        (_, 1, _, _) => largest::<0, 1, true>,
        _ => largest::<0, 0, true>,
    }
}

/// `K` and `S`: kernel (of dilation 1) and stride, 0 if they are other numbers. Without `P` positions are not looked for.
unsafe fn largest<const K: usize, const S: usize, const P: bool>(
    lines: &Lines,
    range: (usize, usize),
    values: *mut f32,
    places: *mut i64,
) {
    let Across { kernel, stride, dilation, .. } = lines.across;
    let (kernel, stride, dilation) =
        (if K > 0 { K } else { kernel }, if S > 0 { S } else { stride }, if K > 0 { 1 } else { dilation });
    let steps = I32x4::new([0, 1, 2, 3].map(|i| (i * stride) as i32));
    let first = |o: usize| I32x4::splat((lines.position + (o * stride) as isize) as i32);
    fours(range, |o| unsafe {
        let (mut best, mut sum) = (F32x4::splat(f32::NEG_INFINITY), F32x4::splat(0.0));
        let mut place = first(o);
        lines.each(o, |line, position| {
            for tap in 0..kernel {
                let v = take::<S>(line.add(tap * dilation), stride);
                if P {
                    let here = I32x4::splat((position + (tap * dilation) as isize) as i32);
                    place = I32x4::choose(v.gt(best), here, place);
                }
                best = best.at_least(v);
                sum += v;
            }
        });
        // A NaN, or infinities of both signs: NaN wins, which the loop above does not see.
        if sum.ne(sum).any() {
            (best, place) = (F32x4::splat(f32::NEG_INFINITY), first(o));
            lines.each(o, |line, position| {
                for tap in 0..kernel {
                    let v = take::<S>(line.add(tap * dilation), stride);
                    let wins = v.gt(best) | v.ne(v);
                    place = I32x4::choose(wins, I32x4::splat((position + (tap * dilation) as isize) as i32), place);
                    best = F32x4::choose(wins, v, best);
                }
            });
        }
        best.store(values.add(o).cast());
        if P && !places.is_null() {
            let place = place + steps;
            place.low().store(places.add(o).cast::<I64x2>());
            place.high().store(places.add(o + 2).cast::<I64x2>());
        }
    });
}

/// The commonest of them, without positions: windows of two columns, two apart, of which eight neighbours are four; mostly of two lines.
/// What is not a number is looked for once a row.
unsafe fn largest_of_pairs(lines: &Lines, range: (usize, usize), values: *mut f32, places: *mut i64) {
    let mut seen = F32x4::splat(0.0);
    let mut pairs = |line: *const f32| unsafe {
        let (a, b) = (F32x4::load(line.cast()).to_array(), F32x4::load(line.add(4).cast()).to_array());
        let (first, second) = (F32x4::new([a[0], a[2], b[0], b[2]]), F32x4::new([a[1], a[3], b[1], b[3]]));
        seen += first + second;
        first.at_least(second)
    };
    if lines.counts == [1, 2] {
        let [upper, lower] = [lines.first, lines.first.wrapping_offset(lines.strides[1])];
        fours(range, |o| unsafe {
            let best = pairs(upper.wrapping_add(2 * o));
            best.at_least(pairs(lower.wrapping_add(2 * o))).store(values.add(o).cast());
        });
    } else {
        fours(range, |o| unsafe {
            let mut best = F32x4::splat(f32::NEG_INFINITY);
            lines.each(o, |line, _| best = best.at_least(pairs(line)));
            best.store(values.add(o).cast());
        });
    }
    // A NaN, or infinities of both signs.
    if seen.ne(seen).any() {
        unsafe { largest::<2, 2, false>(lines, range, values, places) };
    }
}

/// Sums divided by `by`, for the outputs of `range` (as `range` gives it).
///
/// # Safety
/// As for `maxima`.
pub(super) unsafe fn means(lines: &Lines, range: (usize, usize), by: f32, to: *mut f32) {
    let Across { kernel, stride, .. } = lines.across;
    let f = match (kernel, stride) {
        (2, 2) => sums::<2, 2>,
        (3, 2) => sums::<3, 2>,
        (_, 1) => sums::<0, 1>,
        _ => sums::<0, 0>,
    };
    unsafe { f(lines, range, by, to) }
}

unsafe fn sums<const K: usize, const S: usize>(lines: &Lines, range: (usize, usize), by: f32, to: *mut f32) {
    let Across { kernel, stride, .. } = lines.across;
    let (kernel, stride) = (if K > 0 { K } else { kernel }, if S > 0 { S } else { stride });
    fours(range, |o| unsafe {
        let mut sum = F32x4::splat(0.0);
        lines.each(o, |line, _| {
            for tap in 0..kernel {
                sum += take::<S>(line.add(tap), stride);
            }
        });
        (sum / F32x4::splat(by)).store(to.add(o).cast());
    });
}
