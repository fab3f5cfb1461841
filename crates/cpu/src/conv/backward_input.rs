//! The gradient of the input of a convolution with a stride, which is also the forward pass of such a transposed convolution. (Without a
//! stride it is a convolution itself, `Geometry::turned`, unless there is more padding than the taps reach.)
//!
//! With a stride, the pixels of the input fall into phases (index modulo stride), and each phase meets only some of the
//! kernel's taps: `dx[i * s + r] = sum over taps k with (r + padding - k * dilation) = q * s of w[k] * dy[i + q]`.
//! Each phase is a convolution without stride over its taps: no zeros are multiplied, nothing is scattered.

use super::forward::bias_of;
use super::geometry::*;
use crate::Launch;
use crate::gemm::block::{Columns, Left, Output, Right, Size, blocked, pack_all, packed_len, scratch};
use crate::gemm::pack::Tables;
use crate::gemm::tile::Tiled;

/// The taps that one phase of one dimension meets, as (tap, shift of dy).
pub fn taps_of(g: &Geometry, d: usize, phase: usize) -> impl Iterator<Item = (usize, isize)> + Clone + use<> {
    let (stride, start) = (g.stride[d] as isize, (phase + g.padding[d]) as isize);
    let dilation = g.dilation[d] as isize;
    (0..g.kernel[d]).filter_map(move |k| {
        let at = start - k as isize * dilation;
        (at.rem_euclid(stride) == 0).then_some((k, at.div_euclid(stride)))
    })
}

/// Input pixels of a phase.
pub fn count(g: &Geometry, d: usize, phase: usize) -> usize {
    (g.input[d].saturating_sub(phase)).div_ceil(g.stride[d])
}

/// Where the reads of dy begin, and how many there are, over all phases and taps.
pub fn reach(g: &Geometry, d: usize) -> (isize, usize) {
    let (mut low, mut high) = (0, g.output[d] as isize);
    for phase in 0..g.stride[d].min(g.input[d]) {
        for (_, q) in taps_of(g, d, phase) {
            low = low.min(q);
            high = high.max(q + count(g, d, phase) as isize);
        }
    }
    (low, (high - low) as usize)
}

/// The phases that have pixels.
pub fn phases(g: &Geometry) -> [usize; 3] {
    std::array::from_fn(|d| g.stride[d].min(g.input[d]))
}

/// dy with the zeros that the reads beyond its ends need.
pub struct Padded {
    pub low: [isize; 3],
    pub sizes: [usize; 3],
    pub needed: bool,
}

impl Padded {
    pub fn new(g: &Geometry) -> Padded {
        let reach: [(isize, usize); 3] = std::array::from_fn(|d| reach(g, d));
        let (low, sizes) = (reach.map(|r| r.0), reach.map(|r| r.1));
        Padded { low, sizes, needed: sizes != g.output }
    }
}

struct Plan<T> {
    /// For all phases, one after the other: pixels' starts in dy and places in dx, steps of taps in dy and in w.
    starts: *mut isize,
    places: *mut isize,
    steps: *mut isize,
    w_steps: *mut isize,
    w_rows: *mut isize,
    weights: *mut T,
    padded: *mut T,
    work: *mut T,
}

fn size(g: &Geometry, phase: [usize; 3]) -> Size {
    let taps: usize = (0..3).map(|d| taps_of(g, d, phase[d]).count()).product();
    Size { m: g.ci, n: (0..3).map(|d| count(g, d, phase[d])).product(), k: g.co * taps }
}

fn plan<T: Tiled>(g: &Geometry, padded: &Padded, memory: &mut Bump) -> Plan<T> {
    let tile = T::tile();
    let (mut n, mut k, mut weights, mut work) = (0, 0, 0, 0);
    each(phases(g), |phase| {
        let size = size(g, phase);
        n += size.n;
        k += size.k;
        weights += packed_len(&tile, size.m, size.k);
        work = work.max(scratch(&tile, size));
    });
    let image = if padded.needed { g.co * padded.sizes.iter().product::<usize>() } else { 0 };
    Plan {
        starts: memory.take(n),
        places: memory.take(n),
        steps: memory.take(k),
        w_steps: memory.take(k),
        w_rows: memory.take(g.ci),
        weights: memory.take(weights),
        padded: memory.take(image),
        work: memory.take(work),
    }
}

pub fn scratch_bytes<T: Tiled>(g: &Geometry) -> usize {
    let mut memory = Bump::new(std::ptr::null_mut());
    plan::<T>(g, &Padded::new(g), &mut memory);
    memory.used()
}

pub unsafe fn run<T: Tiled>(launch: &Launch, g: &Geometry) {
    let (dy, w, dx) = (&launch.ins[0], &launch.ins[1], &launch.outs[0]);
    let padded = Padded::new(g);
    let plan = plan::<T>(g, &padded, &mut Bump::new(launch.scratch));
    let tile = T::tile();
    let (strides, channel) = if padded.needed {
        (row_major(padded.sizes), padded.sizes.iter().product::<usize>() as isize)
    } else {
        (spatial(dy), dy.strides[1])
    };
    unsafe {
        let (mut n, mut k) = (0, 0);
        each(phases(g), |phase| {
            each(std::array::from_fn(|d| count(g, d, phase[d])), |index| {
                *plan.starts.add(n) = offset(index, [1; 3], strides);
                let at = std::array::from_fn(|d| phase[d] + index[d] * g.stride[d]);
                *plan.places.add(n) = offset(at, [1; 3], spatial(dx));
                n += 1;
            });
            for c in 0..g.co as isize {
                for (kd, qd) in taps_of(g, 0, phase[0]) {
                    for (kh, qh) in taps_of(g, 1, phase[1]) {
                        for (kw, qw) in taps_of(g, 2, phase[2]) {
                            let q = [qd - padded.low[0], qh - padded.low[1], qw - padded.low[2]];
                            *plan.steps.add(k) = c * channel + offset(q.map(|q| q as usize), [1; 3], strides);
                            *plan.w_steps.add(k) = c * w.strides[0] + offset([kd, kh, kw], [1; 3], spatial(w));
                            k += 1;
                        }
                    }
                }
            }
        });
        for c in 0..g.ci {
            *plan.w_rows.add(c) = c as isize * w.strides[1];
        }
        for group in 0..g.groups {
            let (mut k, mut packed) = (0, 0);
            each(phases(g), |phase| {
                let size = size(g, phase);
                let weights: *mut T = w.as_ptr();
                let weights = weights.wrapping_offset((group * g.co) as isize * w.strides[0]);
                let weights = Tables { ptr: weights.cast_const(), lines: plan.w_rows, ks: plan.w_steps.add(k) };
                pack_all(&tile, size.m, size.k, &weights, plan.weights.add(packed));
                k += size.k;
                packed += packed_len(&tile, size.m, size.k);
            });
            for image in 0..g.images {
                let mut from = Planes::<T>::of(dy, image, group * g.co);
                if padded.needed {
                    window(&from, g.output, g.co, padded.sizes, padded.low, 1, plan.padded);
                    from.ptr = plan.padded;
                }
                let to = Planes::<T>::of(dx, image, group * g.ci);
                let (mut n, mut k, mut packed) = (0, 0, 0);
                each(phases(g), |phase| {
                    let size = size(g, phase);
                    let patches = Tables { ptr: from.ptr, lines: plan.starts.add(n), ks: plan.steps.add(k) };
                    let out = Output {
                        ptr: to.ptr.cast_mut(),
                        row: to.channel,
                        cols: Columns::Table(plan.places.add(n)),
                        alpha: T::from_i64(1),
                        init: launch.ins.get(2).map(|bias| (T::from_i64(1), bias_of(bias, group * g.ci))),
                    };
                    let left = Left::<T, Tables<T>>::Packed(plan.weights.add(packed));
                    blocked(&tile, size, left, Right::Operand(&patches), &out, plan.work);
                    n += size.n;
                    k += size.k;
                    packed += packed_len(&tile, size.m, size.k);
                });
            }
        }
    }
}
