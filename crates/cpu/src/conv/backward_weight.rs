//! The gradient of a convolution's weight: `dw[co, (ci, tap)] = sum over (image, pixel) of dy[co, pixel] * x[...]`.
//!
//! Both operands are read in place through tables (a padded x from its copy). Small images are taken several at a time,
//! so that the sum along k is long enough to be worth a pass over dw.

use super::geometry::*;
use crate::Launch;
use crate::gemm::block::{Columns, Init, Left, Output, Right, Size, blocked, scratch};
use crate::gemm::pack::Tables;
use crate::gemm::tile::Tiled;

/// Pixels that a chunk of images should have at least.
const PIXELS: usize = 384;

struct Plan<T> {
    /// Rows of dy, and its pixels over the images of a chunk.
    dy_rows: *mut isize,
    dy_steps: *mut isize,
    /// Starts of the patches' elements in x, and the pixels' steps.
    starts: *mut isize,
    steps: *mut isize,
    places: *mut isize,
    padded: *mut T,
    work: *mut T,
}

fn chunk(g: &Geometry) -> usize {
    PIXELS.div_ceil(g.pixels().max(1)).min(g.images).max(1)
}

fn size(g: &Geometry, images: usize) -> Size {
    Size { m: g.co, n: g.ci * g.taps(), k: images * g.pixels() }
}

fn plan<T: Tiled>(g: &Geometry, memory: &mut Bump) -> Plan<T> {
    let images = chunk(g);
    let size = size(g, images);
    let padded = if g.is_padded() { images * g.ci * g.padded().iter().product::<usize>() } else { 0 };
    Plan {
        dy_rows: memory.take(size.m),
        dy_steps: memory.take(size.k),
        starts: memory.take(size.n),
        steps: memory.take(size.k),
        places: memory.take(size.n),
        padded: memory.take(padded),
        // The last chunk may be shorter and be split along k into fewer, longer steps.
        work: memory.take((1..=images).map(|i| scratch(&T::tile(), self::size(g, i))).max().unwrap_or(0)),
    }
}

pub fn scratch_bytes<T: Tiled>(g: &Geometry) -> usize {
    let mut memory = Bump::new(std::ptr::null_mut());
    plan::<T>(g, &mut memory);
    memory.used()
}

pub unsafe fn run<T: Tiled>(launch: &Launch, g: &Geometry) {
    let (x, dy, dw) = (&launch.ins[0], &launch.ins[1], &launch.outs[0]);
    let plan = plan::<T>(g, &mut Bump::new(launch.scratch));
    let (tile, images, one) = (T::tile(), chunk(g), [1; 3]);
    let plane = g.padded().iter().product::<usize>();
    let (strides, channel, image_step) = if g.is_padded() {
        (row_major(g.padded()), plane as isize, (g.ci * plane) as isize)
    } else {
        (spatial(x), x.strides[1], x.strides[0])
    };
    unsafe {
        let mut k = 0;
        for image in 0..images.min(g.images) as isize {
            each(g.output, |index| {
                *plan.dy_steps.add(k) = image * dy.strides[0] + offset(index, one, spatial(dy));
                *plan.steps.add(k) = image * image_step + offset(index, g.stride, strides);
                k += 1;
            });
        }
        let mut n = 0;
        for c in 0..g.ci as isize {
            each(g.kernel, |index| {
                *plan.starts.add(n) = c * channel + offset(index, g.dilation, strides);
                *plan.places.add(n) = c * dw.strides[1] + offset(index, one, spatial(dw));
                n += 1;
            });
        }
        for c in 0..g.co {
            *plan.dy_rows.add(c) = c as isize * dy.strides[1];
        }
        for group in 0..g.groups {
            let to: *mut T = dw.as_ptr();
            let to = to.wrapping_offset((group * g.co) as isize * dw.strides[0]);
            let mut first = 0;
            loop {
                let now = images.min(g.images - first);
                let mut from = Planes::<T>::of(x, first, group * g.ci);
                if g.is_padded() {
                    for i in 0..now {
                        let from = Planes::<T>::of(x, first + i, group * g.ci);
                        let shift = g.padding.map(|p| -(p as isize));
                        window(&from, g.input, g.ci, g.padded(), shift, 1, plan.padded.add(i * g.ci * plane));
                    }
                    from.ptr = plan.padded;
                }
                let left = Planes::<T>::of(dy, first, group * g.co);
                let left = Tables { ptr: left.ptr, lines: plan.dy_rows.cast_const(), ks: plan.dy_steps };
                let right = Tables { ptr: from.ptr, lines: plan.starts.cast_const(), ks: plan.steps };
                let out = Output {
                    ptr: to,
                    row: dw.strides[0],
                    cols: Columns::Table(plan.places),
                    alpha: T::from_i64(1),
                    init: (first > 0).then_some((T::from_i64(1), Init::Own)),
                };
                blocked(&tile, size(g, now), Left::Operand(&left), Right::Operand(&right), &out, plan.work);
                first += now;
                if first >= g.images {
                    break;
                }
            }
        }
    }
}
