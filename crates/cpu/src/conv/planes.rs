//! 3x3 taps, stride 1, one input channel a group: four columns of outputs at a time, from top to bottom.
//!
//! Nine multiply-adds an output are all the arithmetic there is, so loads decide: a row of inputs is loaded once for the
//! three rows of outputs that see it, whose sums stay in registers. Inputs are read where they lie; only the columns at
//! the ends of a row, which see the padding, are copied with it. The whole plane is if several output channels read it,
//! or if it is large: then it comes from memory, which one long run reads faster than strips of many rows.

use super::geometry::{Bump, Geometry, Planes, inside, window};
use super::problem::Problem;
use crate::View;
use crate::gemm::num::Num;

type V = <f32 as Num>::V;
const LANES: usize = <f32 as Num>::LANES;
/// Columns of inputs that a strip of outputs reads.
const WIDE: usize = LANES + 2;
/// Rows of outputs in a strip. The strips of a band go by row after row of memory, in as many streams as a CPU follows.
const ROWS: usize = 16;

/// Bytes of a plane that the first cache holds beside the outputs.
const LARGE: usize = 32 << 10;

/// Whether planes are copied.
fn copies(g: &Geometry) -> bool {
    g.co > 1 || g.reach().iter().product::<usize>() * size_of::<f32>() > LARGE
}

/// Whether planes are convolved one by one and fill the registers.
pub fn takes(problem: &Problem) -> bool {
    let y = problem.y;
    problem.g.ci == 1 && y.strides[4] == 1 && y.shape[4] >= LANES
}

/// Inputs that are copied, of a strip or of a plane, and a row of zeros.
fn memory(g: &Geometry, scratch: &mut Bump) -> [*mut f32; 2] {
    let copied = if copies(g) { g.reach().iter().product() } else { (ROWS + 2) * WIDE };
    [scratch.take(copied), scratch.take(WIDE)]
}

pub fn scratch_bytes(g: &Geometry) -> usize {
    let mut scratch = Bump::new(std::ptr::null_mut());
    memory(g, &mut scratch);
    scratch.used()
}

/// Computes the convolution.
///
/// # Safety
/// `takes` says so; `scratch` has room for `scratch_bytes`.
pub unsafe fn run(problem: &Problem, scratch: *mut u8) {
    let (g, x, y) = (&problem.g, problem.x, problem.y);
    let [copy, zeros] = memory(g, &mut Bump::new(scratch));
    unsafe { zeros.write_bytes(0, WIDE) };
    let (height, width) = (y.shape[3], y.shape[4]);
    let ([_, above, left], reach, copied) = (g.start(), g.reach(), copies(g));
    for image in 0..g.images {
        for group in 0..g.groups {
            let from = Planes::<f32>::of(x, image, group);
            if copied {
                unsafe { window(&from, g.input, 1, reach, g.start(), 1, copy) };
            }
            for channel in group * g.co..(group + 1) * g.co {
                let (taps, to) = (Taps::new(problem, channel), Planes::<f32>::of(y, image, channel));
                for h in (0..height).step_by(ROWS) {
                    let rows = ROWS.min(height - h);
                    for w in (0..width).step_by(LANES) {
                        // The last strip overlaps the one before.
                        let w = w.min(width - LANES);
                        let to = to.ptr.wrapping_offset(h as isize * y.strides[3] + w as isize).cast_mut();
                        let at = [h as isize + above, w as isize + left];
                        let input = if copied {
                            let plane = copy.wrapping_add(w).cast_const();
                            Input { plane, row: reach[2] as isize, first: h as isize, height: reach[1], zeros }
                        } else if from.strides[2] == 1 && at[1] >= 0 && at[1] as usize + WIDE <= x.shape[4] {
                            let plane = from.ptr.wrapping_offset(at[1]);
                            Input { plane, row: from.strides[1], first: at[0], height: x.shape[3], zeros }
                        } else {
                            unsafe { Input::aside(x, &from, at, rows, copy) }
                        };
                        unsafe { input.strip(&taps, rows, to, y.strides[3]) };
                    }
                }
            }
        }
    }
}

/// The taps of a channel, and its bias.
struct Taps {
    taps: [[V; 3]; 3],
    bias: V,
}

impl Taps {
    fn new(problem: &Problem, channel: usize) -> Taps {
        let ([_, h, w], co) = (problem.w.taps, problem.g.co);
        let (group, channel_of_group) = ((channel / co) as isize, (channel % co) as isize);
        let from = problem.w.ptr.wrapping_offset(group * problem.w.group + channel_of_group * problem.w.channels[0]);
        let tap = |r: usize, c: usize| unsafe { *from.wrapping_offset(r as isize * h + c as isize * w) };
        let taps = std::array::from_fn(|r| std::array::from_fn(|c| f32::splat(tap(r, c))));
        let bias = problem.bias.map_or(0.0, |b| unsafe { *b.as_ptr::<f32>().offset(channel as isize * b.strides[0]) });
        Taps { taps, bias: f32::splat(bias) }
    }
}

/// What a strip reads: `WIDE` columns of a plane, from row `first` on, and zeros for rows that the plane does not have.
struct Input {
    plane: *const f32,
    row: isize,
    first: isize,
    height: usize,
    zeros: *const f32,
}

impl Input {
    /// A copy of what a strip of so many rows reads from (row, column) `at` on.
    unsafe fn aside(x: &View, from: &Planes<f32>, at: [isize; 2], rows: usize, to: *mut f32) -> Input {
        let sizes = [1, rows + 2, WIDE];
        unsafe {
            to.write_bytes(0, sizes.iter().product());
            inside(from, [1, x.shape[3], x.shape[4]], 1, sizes, [0, at[0], at[1]], to);
        }
        Input { plane: to, row: WIDE as isize, first: 0, height: rows + 2, zeros: to }
    }

    /// Computes so many rows of outputs.
    unsafe fn strip(&self, taps: &Taps, rows: usize, to: *mut f32, to_row: isize) {
        let load = |from: *const f32| unsafe { [f32::load(from), f32::load(from.add(1)), f32::load(from.add(2))] };
        let (mut row, mut from) = (self.first, self.plane.wrapping_offset(self.first * self.row));
        if row >= 0 && row as usize + rows + 2 <= self.height {
            let next = || {
                let x = load(from);
                from = from.wrapping_offset(self.row);
                x
            };
            return unsafe { strip(taps, rows, to, to_row, next) };
        }
        let next = || {
            let x = load(if (row as usize) < self.height { from } else { self.zeros });
            (row, from) = (row + 1, from.wrapping_offset(self.row));
            x
        };
        unsafe { strip(taps, rows, to, to_row, next) }
    }
}

/// A strip of outputs: each row of inputs ends one row of outputs, continues one and begins one.
#[inline(always)]
unsafe fn strip(taps: &Taps, rows: usize, mut to: *mut f32, to_row: isize, mut next: impl FnMut() -> [V; 3]) {
    let Taps { taps, bias } = taps;
    let along = |sum: V, taps: [V; 3], x: [V; 3]| {
        f32::madd(f32::madd(f32::madd(sum, taps[0], x[0]), taps[1], x[1]), taps[2], x[2])
    };
    let mut above = along(*bias, taps[0], next());
    let x = next();
    above = along(above, taps[1], x);
    let mut below = along(*bias, taps[0], x);
    for _ in 0..rows {
        let x = next();
        unsafe { f32::store(to, along(above, taps[2], x)) };
        above = along(below, taps[1], x);
        below = along(*bias, taps[0], x);
        to = to.wrapping_offset(to_row);
    }
}
