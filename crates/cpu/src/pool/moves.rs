//! Moves by index inside planes: gradients of max pooling, unpooling and its gradient.

use super::*;
use crate::by_dtype::wide_dtype;
use crate::gemm::num::Num;
use crate::{Kernel, Launch};

/// `out[n, c, i] = x[n, c, indices[n, c, i]]`. ins: x, indices; outs: out, of indices' shape.
pub const PLANE_GATHER: Kernel = Kernel::new("plane_gather", gather).with_split(crate::threads::planes::<4000>);

/// `out[n, c, indices[n, c, i]] = x[n, c, i]`, zero elsewhere; of several the last. ins: x, indices; outs: out.
pub const PLANE_SCATTER: Kernel = Kernel::new("plane_scatter", scatter).with_split(crate::threads::planes::<4000>);

/// `out[n, c, indices[n, c, i]] += x[n, c, i]` on zeros. ins: x, indices; outs: out.
pub const PLANE_SCATTER_ADD: Kernel =
    Kernel::new("plane_scatter_add", scatter_add).with_split(crate::threads::planes::<4000>);

/// Calls `f` with the addresses of the element in the smaller and in the larger tensor.
unsafe fn each<T: Num>(small: &View, large: &View, indices: &View, zero: bool, f: impl Fn(*mut T, *mut T)) {
    let (sizes, outer) = (three(small.shape), three(large.shape));
    for (n, c) in planes(small) {
        let (a, b) = (plane::<T>(small, n, c), plane::<T>(large, n, c));
        let places = plane::<i64>(indices, n, c);
        unsafe {
            if zero {
                fill_zero(&b, outer);
            }
            let in_order = a.in_order(sizes) && b.in_order(outer) && places.in_order(sizes);
            if in_order {
                for i in 0..sizes.iter().product() {
                    f(a.ptr.add(i), b.ptr.add(*places.ptr.add(i) as usize));
                }
                continue;
            }
            for o in positions(sizes) {
                let at = *places.at(o) as usize;
                f(a.at(o), b.at([at / outer[2] / outer[1], at / outer[2] % outer[1], at % outer[2]]));
            }
        }
    }
}

fn gather(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        unsafe { each::<T>(&launch.outs[0], &launch.ins[0], &launch.ins[1], false, |small, large| *small = *large) }
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch))
}

fn scatter(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        unsafe { each::<T>(&launch.ins[0], &launch.outs[0], &launch.ins[1], true, |small, large| *large = *small) }
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch))
}

fn scatter_add(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        unsafe {
            each::<T>(&launch.ins[0], &launch.outs[0], &launch.ins[1], true, |small, large| {
                *large = (*large).plus(*small);
            })
        }
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch))
}
