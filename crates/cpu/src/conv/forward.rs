//! Convolution as a product without im2col: the patches are packed straight into the panels of B.
//!
//! `y[co, pixel] = sum over (ci, tap) of w[co, (ci, tap)] * x[start(pixel) + step(ci, tap)]`: where an element of the
//! patch matrix lies is a sum of two table entries, so that stride, dilation and any memory layout cost nothing more.
//! Only a padded input is copied (one image at a time), so that no bounds are tested inside.

use super::geometry::*;
use crate::Launch;
use crate::gemm::block::{Columns, Init, Left, Mat, Output, Size, blocked, pack_all, packed_len, scratch};
use crate::gemm::pack::Tables;
use crate::gemm::tile::Tiled;

/// A convolution's scratch.
struct Plan<T> {
    /// Start of each pixel's patch, and its place in the output.
    starts: *mut isize,
    places: *mut isize,
    /// From a patch's start to each of its elements.
    steps: *mut isize,
    /// The same for the weights: rows and elements.
    w_rows: *mut isize,
    w_steps: *mut isize,
    weights: *mut T,
    padded: *mut T,
    work: *mut T,
}

fn size(g: &Geometry) -> Size {
    Size { m: g.co, n: g.pixels(), k: g.ci * g.taps() }
}

fn plan<T: Tiled>(g: &Geometry, memory: &mut Bump) -> Plan<T> {
    let (tile, size) = (T::tile(), size(g));
    let image = if g.is_padded() { g.ci * g.padded().iter().product::<usize>() } else { 0 };
    Plan {
        starts: memory.take(size.n),
        places: memory.take(size.n),
        steps: memory.take(size.k),
        w_rows: memory.take(size.m),
        w_steps: memory.take(size.k),
        weights: memory.take(packed_len(&tile, size.m, size.k)),
        padded: memory.take(image),
        work: memory.take(scratch(&tile, size, true)),
    }
}

pub fn scratch_bytes<T: Tiled>(g: &Geometry) -> usize {
    let mut memory = Bump::new(std::ptr::null_mut());
    plan::<T>(g, &mut memory);
    memory.used()
}

pub unsafe fn run<T: Tiled>(launch: &Launch, g: &Geometry) {
    let (x, w, y) = (&launch.ins[0], &launch.ins[1], &launch.outs[0]);
    let plan = plan::<T>(g, &mut Bump::new(launch.scratch));
    let (tile, size) = (T::tile(), size(g));
    let one = [1; 3];
    let padded = row_major(g.padded());
    let (strides, channel) = if g.is_padded() {
        (padded, g.padded().iter().product::<usize>() as isize)
    } else {
        (spatial(x), x.strides[1])
    };
    unsafe {
        let mut i = 0;
        each(g.output, |index| {
            *plan.starts.add(i) = offset(index, g.stride, strides);
            *plan.places.add(i) = offset(index, one, spatial(y));
            i += 1;
        });
        let mut i = 0;
        for c in 0..g.ci as isize {
            each(g.kernel, |index| {
                *plan.steps.add(i) = c * channel + offset(index, g.dilation, strides);
                *plan.w_steps.add(i) = c * w.strides[1] + offset(index, one, spatial(w));
                i += 1;
            });
        }
        for c in 0..g.co {
            *plan.w_rows.add(c) = c as isize * w.strides[0];
        }
        for group in 0..g.groups {
            let weights: *mut T = w.as_ptr();
            let weights = weights.wrapping_offset((group * g.co) as isize * w.strides[0]);
            let weights = Tables { ptr: weights.cast_const(), lines: plan.w_rows, ks: plan.w_steps };
            pack_all(&tile, size.m, size.k, &weights, plan.weights);
            for image in 0..g.images {
                let mut from = Planes::<T>::of(x, image, group * g.ci);
                if g.is_padded() {
                    let shift = g.padding.map(|p| -(p as isize));
                    window(&from, g.input, g.ci, g.padded(), shift, 1, plan.padded);
                    from.ptr = plan.padded;
                }
                let patches = Tables { ptr: from.ptr, lines: plan.starts.cast_const(), ks: plan.steps };
                let to = Planes::<T>::of(y, image, group * g.co);
                let out = Output {
                    ptr: to.ptr.cast_mut(),
                    row: to.channel,
                    cols: Columns::Table(plan.places),
                    alpha: T::from_i64(1),
                    init: launch.ins.get(2).map(|bias| (T::from_i64(1), bias_of(bias, group * g.co))),
                };
                let left = Left::<T, Tables<T>>::Packed(plan.weights);
                blocked(&tile, size, left, &patches, &out, plan.work);
            }
        }
    }
}

/// A bias from one channel on: a column that is added to every pixel.
pub fn bias_of<T: Tiled>(bias: &crate::View, channel: usize) -> Init<T> {
    let ptr: *mut T = bias.as_ptr();
    let row = bias.strides[0];
    Init::Mat(Mat { ptr: ptr.wrapping_offset(channel as isize * row), row, col: 0 })
}
