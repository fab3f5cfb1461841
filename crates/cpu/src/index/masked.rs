//! Elements chosen by a mask, and the positions of what is not zero.

use crate::by_dtype::{number_dtype, size_dtype};
use crate::launch::{Kernel, Launch};
use crate::number::Number;
use crate::walk::Walk;

/// The elements of `x` where `mask` is true, in row-major order.
/// `ins: [x, mask]` (one shape), `outs: [y]` (contiguous, as many as the mask has true).
pub const MASKED_SELECT: Kernel = Kernel::new("masked_select", select);

/// Puts the elements of `v` in order where `mask` is true.
/// `ins: [v, mask]` (`v` contiguous, at least as many as the mask has true), `outs: [y]` (the mask's shape).
pub const MASKED_SCATTER: Kernel = Kernel::new("masked_scatter", scatter);

/// The positions of what is not zero, row-major: `ins: [x]`, `outs: [positions]` (int64, [count, rank of x]).
pub const NONZERO: Kernel = Kernel::new("nonzero", nonzero);

fn select(l: &Launch) {
    let (x, mask, y) = (&l.ins[0], &l.ins[1], &l.outs[0]);
    let m = mask.ptr.cast::<u8>().cast_const();
    size_dtype!(x.dtype, T => {
        let (px, mut py) = (x.ptr.cast::<T>().cast_const(), y.ptr.cast::<T>());
        Walk::over([x, mask]).collapse().each(|[ox, om]| unsafe {
            if *m.offset(om) != 0 {
                *py = *px.offset(ox);
                py = py.add(1);
            }
        });
    })
}

fn scatter(l: &Launch) {
    let (v, mask, y) = (&l.ins[0], &l.ins[1], &l.outs[0]);
    let m = mask.ptr.cast::<u8>().cast_const();
    size_dtype!(y.dtype, T => {
        let (mut pv, py) = (v.ptr.cast::<T>().cast_const(), y.ptr.cast::<T>());
        Walk::over([y, mask]).collapse().each(|[oy, om]| unsafe {
            if *m.offset(om) != 0 {
                *py.offset(oy) = *pv;
                pv = pv.add(1);
            }
        });
    })
}

fn nonzero(l: &Launch) {
    let (x, out) = (&l.ins[0], &l.outs[0]);
    number_dtype!(x.dtype, T => {
        let (px, mut row) = (x.ptr.cast::<T>().cast_const(), out.ptr.cast::<i64>());
        let mut i = 0;
        Walk::over([x]).each(|[ox]| unsafe {
            if *px.offset(ox) != T::ZERO {
                let mut rest = i;
                for d in (0..x.shape.len()).rev() {
                    *row.offset(d as isize * out.strides[1]) = (rest % x.shape[d]) as i64;
                    rest /= x.shape[d];
                }
                row = row.wrapping_offset(out.strides[0]);
            }
            i += 1;
        });
    })
}
