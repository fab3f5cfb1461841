//! Depthwise convolution: every channel has its own small kernel, so there is no product to block; memory is the limit.
//!
//! A plane is copied once with its padding and, where the stride along rows is not 1, with its columns dealt out by
//! phase. Then every tap reads a contiguous run for a whole row of output, whatever stride and dilation are.

use super::backward_input::{Padded, count, phases, taps_of};
use super::geometry::*;
use crate::Launch;
use crate::gemm::num::Num;

struct Plan<T> {
    plane: *mut T,
    /// The other plane of a weight gradient.
    other: *mut T,
    taps: *mut isize,
    weights: *mut T,
}

fn plan<T: Num>(g: &Geometry, plane: usize, other: usize, memory: &mut Bump) -> Plan<T> {
    let taps = g.co * g.taps();
    Plan { plane: memory.take(plane), other: memory.take(other), taps: memory.take(taps), weights: memory.take(taps) }
}

/// Sizes of the split plane of x: rows of `width` after each other, the phases after each other.
struct Split {
    sizes: [usize; 3],
    phases: usize,
    width: usize,
}

impl Split {
    fn new(g: &Geometry) -> Split {
        let sizes = g.padded();
        Split { sizes, phases: g.stride[2], width: sizes[2].div_ceil(g.stride[2]) }
    }

    fn len(&self) -> usize {
        self.phases * self.sizes[0] * self.sizes[1] * self.width
    }

    /// Where the output pixel (d, h, 0) reads a tap at (0, 0, 0).
    fn row(&self, g: &Geometry, d: usize, h: usize) -> usize {
        (d * g.stride[0] * self.sizes[1] + h * g.stride[1]) * self.width
    }

    /// From there to a tap.
    fn tap(&self, g: &Geometry, index: [usize; 3]) -> usize {
        let at: [usize; 3] = std::array::from_fn(|d| index[d] * g.dilation[d]);
        let phase = at[2] % self.phases * self.sizes[0] * self.sizes[1];
        (phase + at[0] * self.sizes[1] + at[1]) * self.width + at[2] / self.phases
    }
}

fn minus(padding: [usize; 3]) -> [isize; 3] {
    padding.map(|p| -(p as isize))
}

pub fn forward_scratch<T: Num>(g: &Geometry) -> usize {
    let mut memory = Bump::new(std::ptr::null_mut());
    plan::<T>(g, Split::new(g).len(), 0, &mut memory);
    memory.used()
}

pub unsafe fn forward<T: Num>(launch: &Launch, g: &Geometry) {
    let (x, w, y) = (&launch.ins[0], &launch.ins[1], &launch.outs[0]);
    let split = Split::new(g);
    let plan = plan::<T>(g, split.len(), 0, &mut Bump::new(launch.scratch));
    let n = g.taps();
    unsafe {
        let mut i = 0;
        each(g.kernel, |index| {
            *plan.taps.add(i) = split.tap(g, index) as isize;
            i += 1;
        });
        let taps = std::slice::from_raw_parts(plan.taps, n);
        for image in 0..g.images {
            for group in 0..g.groups {
                let from = Planes::<T>::of(x, image, group);
                window(&from, g.input, 1, split.sizes, minus(g.padding), split.phases, plan.plane);
                for c in group * g.co..(group + 1) * g.co {
                    let weights: *mut T = w.as_ptr();
                    let weights = weights.wrapping_offset(c as isize * w.strides[0]);
                    let mut i = 0;
                    each(g.kernel, |index| {
                        *plan.weights.add(i) = *weights.wrapping_offset(offset(index, [1; 3], spatial(w)));
                        i += 1;
                    });
                    let start = launch
                        .ins
                        .get(2)
                        .map_or(T::default(), |bias| *bias.as_ptr::<T>().wrapping_offset(c as isize * bias.strides[0]));
                    let to = Planes::<T>::of(y, image, c);
                    each([g.output[0], g.output[1], 1], |[d, h, _]| {
                        let line = to.ptr.wrapping_offset(offset([d, h, 0], [1; 3], to.strides)).cast_mut();
                        let from = plan.plane.add(split.row(g, d, h));
                        row(taps, plan.weights, start, from, g.output[2], line, to.strides[2]);
                    });
                }
            }
        }
    }
}

pub fn input_scratch<T: Num>(g: &Geometry) -> usize {
    let mut memory = Bump::new(std::ptr::null_mut());
    plan::<T>(g, g.co * Padded::new(g).sizes.iter().product::<usize>(), 0, &mut memory);
    memory.used()
}

pub unsafe fn backward_input<T: Num>(launch: &Launch, g: &Geometry) {
    let (dy, w, dx) = (&launch.ins[0], &launch.ins[1], &launch.outs[0]);
    let padded = Padded::new(g);
    let plane = padded.sizes.iter().product::<usize>();
    let plan = plan::<T>(g, g.co * plane, 0, &mut Bump::new(launch.scratch));
    let strides = row_major(padded.sizes);
    unsafe {
        for image in 0..g.images {
            for group in 0..g.groups {
                let from = Planes::<T>::of(dy, image, group * g.co);
                window(&from, g.output, g.co, padded.sizes, padded.low, 1, plan.plane);
                let to = Planes::<T>::of(dx, image, group);
                let start = launch
                    .ins
                    .get(2)
                    .map_or(T::default(), |bias| *bias.as_ptr::<T>().wrapping_offset(group as isize * bias.strides[0]));
                each(phases(g), |phase| {
                    let mut n = 0;
                    for c in 0..g.co {
                        for (kd, qd) in taps_of(g, 0, phase[0]) {
                            for (kh, qh) in taps_of(g, 1, phase[1]) {
                                for (kw, qw) in taps_of(g, 2, phase[2]) {
                                    let q = [qd - padded.low[0], qh - padded.low[1], qw - padded.low[2]];
                                    let at = offset(q.map(|q| q as usize), [1; 3], strides);
                                    *plan.taps.add(n) = (c * plane) as isize + at;
                                    let place = (group * g.co + c) as isize * w.strides[0];
                                    let weights = w.as_ptr::<T>().wrapping_offset(place);
                                    *plan.weights.add(n) =
                                        *weights.wrapping_offset(offset([kd, kh, kw], [1; 3], spatial(w)));
                                    n += 1;
                                }
                            }
                        }
                    }
                    let taps = std::slice::from_raw_parts(plan.taps, n);
                    let counts: [usize; 3] = std::array::from_fn(|d| count(g, d, phase[d]));
                    each([counts[0], counts[1], 1], |[d, h, _]| {
                        let at = [phase[0] + d * g.stride[0], phase[1] + h * g.stride[1], phase[2]];
                        let line = to.ptr.wrapping_offset(offset(at, [1; 3], to.strides)).cast_mut();
                        let from = plan.plane.wrapping_offset(offset([d, h, 0], [1; 3], strides));
                        row(taps, plan.weights, start, from, counts[2], line, to.strides[2] * g.stride[2] as isize);
                    });
                });
            }
        }
    }
}

/// `to[j] = start + sum over taps of weight * from[tap + j]`.
#[inline(always)]
unsafe fn row<T: Num>(taps: &[isize], weights: *const T, start: T, from: *const T, n: usize, to: *mut T, step: isize) {
    unsafe {
        let mut j = 0;
        if step == 1 {
            while j + 4 * T::LANES <= n {
                let mut acc = [T::splat(start); 4];
                for (i, &tap) in taps.iter().enumerate() {
                    let w = T::splat(*weights.add(i));
                    let from = from.offset(tap).add(j);
                    for (u, acc) in acc.iter_mut().enumerate() {
                        *acc = T::madd(*acc, w, T::load(from.add(u * T::LANES)));
                    }
                }
                for (u, &v) in acc.iter().enumerate() {
                    T::store(to.add(j + u * T::LANES), v);
                }
                j += 4 * T::LANES;
            }
        }
        while j + T::LANES <= n {
            let mut acc = T::splat(start);
            for (i, &tap) in taps.iter().enumerate() {
                acc = T::madd(acc, T::splat(*weights.add(i)), T::load(from.offset(tap).add(j)));
            }
            if step == 1 {
                T::store(to.add(j), acc);
            } else {
                let mut lanes = [T::default(); 8];
                T::store(lanes.as_mut_ptr(), acc);
                for (u, &v) in lanes[..T::LANES].iter().enumerate() {
                    *to.offset((j + u) as isize * step) = v;
                }
            }
            j += T::LANES;
        }
        while j < n {
            let mut acc = start;
            for (i, &tap) in taps.iter().enumerate() {
                acc = acc.plus((*weights.add(i)).times(*from.offset(tap).add(j)));
            }
            *to.offset(j as isize * step) = acc;
            j += 1;
        }
    }
}

pub fn weight_scratch<T: Num>(g: &Geometry) -> usize {
    let mut memory = Bump::new(std::ptr::null_mut());
    plan::<T>(g, Split::new(g).len(), g.pixels(), &mut memory);
    memory.used()
}

pub unsafe fn backward_weight<T: Num>(launch: &Launch, g: &Geometry) {
    let (x, dy, dw) = (&launch.ins[0], &launch.ins[1], &launch.outs[0]);
    let split = Split::new(g);
    let plan = plan::<T>(g, split.len(), g.pixels(), &mut Bump::new(launch.scratch));
    let n = g.taps();
    unsafe {
        let mut i = 0;
        each(g.kernel, |index| {
            *plan.taps.add(i) = split.tap(g, index) as isize;
            i += 1;
        });
        let taps = std::slice::from_raw_parts(plan.taps, n);
        for group in 0..g.groups {
            let sums = std::slice::from_raw_parts_mut(plan.weights, g.co * n);
            sums.fill(T::default());
            for image in 0..g.images {
                let from = Planes::<T>::of(x, image, group);
                window(&from, g.input, 1, split.sizes, minus(g.padding), split.phases, plan.plane);
                for c in 0..g.co {
                    let mut grad = Planes::<T>::of(dy, image, group * g.co + c);
                    if grad.strides[2] != 1 {
                        window(&grad, g.output, 1, g.output, [0; 3], 1, plan.other);
                        (grad.ptr, grad.strides) = (plan.other, row_major(g.output));
                    }
                    let (mut taps, mut sums) = (taps, &mut sums[c * n..(c + 1) * n]);
                    while !taps.is_empty() {
                        let count = match taps.len() {
                            5.. => correlate::<T, 5>(g, &split, taps, plan.plane, &grad, sums),
                            4 => correlate::<T, 4>(g, &split, taps, plan.plane, &grad, sums),
                            _ => correlate::<T, 1>(g, &split, taps, plan.plane, &grad, sums),
                        };
                        (taps, sums) = (&taps[count..], &mut sums[count..]);
                    }
                }
            }
            for c in 0..g.co {
                let to = dw.as_ptr::<T>().wrapping_offset((group * g.co + c) as isize * dw.strides[0]);
                let mut i = 0;
                each(g.kernel, |index| {
                    *to.wrapping_offset(offset(index, [1; 3], spatial(dw))) = sums[c * n + i];
                    i += 1;
                });
            }
        }
    }
}

/// Adds to the sums of the first `N` taps what one image's planes give; returns `N`.
unsafe fn correlate<T: Num, const N: usize>(
    g: &Geometry,
    split: &Split,
    taps: &[isize],
    x: *const T,
    dy: &Planes<T>,
    sums: &mut [T],
) -> usize {
    unsafe {
        let width = g.output[2];
        let taps: [isize; N] = std::array::from_fn(|i| taps[i]);
        let mut acc = [T::zero(); N];
        let mut rest = [T::default(); N];
        for d in 0..g.output[0] {
            for h in 0..g.output[1] {
                let from = x.add(split.row(g, d, h));
                let from = taps.map(|tap| from.offset(tap));
                let line = dy.ptr.wrapping_offset(d as isize * dy.strides[0] + h as isize * dy.strides[1]);
                let mut j = 0;
                while j + T::LANES <= width {
                    let grad = T::load(line.add(j));
                    for (acc, from) in acc.iter_mut().zip(&from) {
                        *acc = T::madd(*acc, grad, T::load(from.add(j)));
                    }
                    j += T::LANES;
                }
                while j < width {
                    for (rest, from) in rest.iter_mut().zip(&from) {
                        *rest = rest.plus((*line.add(j)).times(*from.add(j)));
                    }
                    j += 1;
                }
            }
        }
        for (i, sum) in sums[..N].iter_mut().enumerate() {
            *sum = sum.plus(T::sum(acc[i]).plus(rest[i]));
        }
    }
    N
}
