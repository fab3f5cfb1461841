//! Pooling over up to three spatial dimensions, and the moves between planes that its gradients need.
//!
//! All kernels take views of five dimensions (images, channels, depth, height, width); absent dimensions have size 1.
//! Indices are int64 positions in the row-major plane (depth, height, width) of the larger tensor, as in PyTorch.

mod average;
mod max;
mod moves;
mod rows;

#[cfg(test)]
mod tests;

pub use average::{ADAPTIVE_AVG_POOL, ADAPTIVE_AVG_POOL_BACKWARD, AVG_POOL, AVG_POOL_BACKWARD};
pub use max::{ADAPTIVE_MAX_POOL, FRACTIONAL_MAX_POOL, MAX_POOL};
pub use moves::{PLANE_GATHER, PLANE_SCATTER, PLANE_SCATTER_ADD};

use cresset_lane::Element;

use crate::launch::is_row_major;
use crate::{Attr, View};

/// The elements of one dimension that a window covers: `start, start + step, ...` below `end`.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    step: usize,
}

/// Steps of `step` that cover `n` elements; 1 is common and needs no division.
fn steps(n: usize, step: usize) -> usize {
    if step == 1 { n } else { n.div_ceil(step) }
}

/// A plane of a view.
#[derive(Clone, Copy)]
struct Plane<T> {
    ptr: *mut T,
    strides: [isize; 3],
}

impl<T: Element> Plane<T> {
    unsafe fn at(&self, index: [usize; 3]) -> *mut T {
        let offset: isize = (0..3).map(|d| index[d] as isize * self.strides[d]).sum();
        self.ptr.wrapping_offset(offset)
    }

    /// Whether the plane's elements are one after the other.
    fn in_order(&self, sizes: [usize; 3]) -> bool {
        is_row_major(&sizes, &self.strides)
    }
}

fn three(shape: &[usize]) -> [usize; 3] {
    [shape[2], shape[3], shape[4]]
}

fn attrs3(attrs: &[Attr], at: usize) -> [usize; 3] {
    std::array::from_fn(|d| attrs[at + d].n())
}

/// The plane of image `n`, channel `c`.
fn plane<T: Element>(view: &View, n: usize, c: usize) -> Plane<T> {
    let offset = n as isize * view.strides[0] + c as isize * view.strides[1];
    let strides = [view.strides[2], view.strides[3], view.strides[4]];
    Plane { ptr: view.as_ptr::<T>().wrapping_offset(offset), strides }
}

/// Every (image, channel) of a view.
fn planes(view: &View) -> impl Iterator<Item = (usize, usize)> + use<> {
    let channels = view.shape[1];
    (0..view.shape[0]).flat_map(move |n| (0..channels).map(move |c| (n, c)))
}

/// Every position of a plane in row-major order.
fn positions(sizes: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..sizes[0]).flat_map(move |a| (0..sizes[1]).flat_map(move |b| (0..sizes[2]).map(move |c| [a, b, c])))
}

/// What output `o` of an adaptive pool covers: `floor(o * n / m) .. ceil((o + 1) * n / m)`.
fn adaptive(n: usize, m: usize, o: usize) -> Span {
    Span { start: o * n / m, end: ((o + 1) * n).div_ceil(m), step: 1 }
}

unsafe fn fill_zero<T: Element>(plane: &Plane<T>, sizes: [usize; 3]) {
    if plane.in_order(sizes) {
        // All bits zero is zero in every dtype.
        return unsafe { plane.ptr.write_bytes(0, sizes.iter().product()) };
    }
    for index in positions(sizes) {
        unsafe { *plane.at(index) = T::default() };
    }
}
