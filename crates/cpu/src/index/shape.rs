//! Rearrangements that no view expresses: reversal and triangles.

use crate::by_dtype::size_dtype;
use crate::launch::{Kernel, Launch};
use crate::walk::Walk;

/// Reverses dimensions: `ins: [x]`, `outs: [y]`, `attrs:` a flag for every dimension.
pub const FLIP: Kernel = Kernel::new("flip", flip);

/// Keeps the part of every matrix that lies on one side of a diagonal and sets the rest to zero.
/// `ins: [x]`, `outs: [y]` (at least two dimensions), `attrs: [diagonal, upper]`: upper keeps `column - row >= diagonal`,
/// lower keeps `column - row <= diagonal`.
pub const TRI: Kernel = Kernel::new("tri", tri);

fn flip(l: &Launch) {
    let (x, y) = (&l.ins[0], &l.outs[0]);
    let (mut walk, mut first) = (Walk::<2>::new(), 0);
    for d in 0..x.shape.len() {
        let mut stride = x.strides[d];
        if l.attrs[d].b() {
            first += stride * (x.shape[d] as isize - 1);
            stride = -stride;
        }
        walk.push(x.shape[d], [stride, y.strides[d]]);
    }
    size_dtype!(x.dtype, T => {
        let (px, py) = (x.ptr.cast::<T>().cast_const(), y.ptr.cast::<T>());
        walk.collapse().each(|[ox, oy]| unsafe { *py.offset(oy) = *px.offset(first + ox) });
    })
}

fn tri(l: &Launch) {
    let (x, y, diagonal, upper) = (&l.ins[0], &l.outs[0], l.attrs[0].i(), l.attrs[1].b());
    let rank = x.shape.len();
    let (rows, columns) = (x.shape[rank - 2] as i64, x.shape[rank - 1] as i64);
    let mut walk = Walk::<2>::new();
    for d in 0..rank - 2 {
        walk.push(x.shape[d], [x.strides[d], y.strides[d]]);
    }
    let [rx, cx] = [x.strides[rank - 2], x.strides[rank - 1]];
    let [ry, cy] = [y.strides[rank - 2], y.strides[rank - 1]];
    size_dtype!(x.dtype, T => {
        let (px, py) = (x.ptr.cast::<T>().cast_const(), y.ptr.cast::<T>());
        walk.collapse().each(|[ox, oy]| {
            for r in 0..rows {
                let edge = if upper { r.saturating_add(diagonal) } else { r.saturating_add(diagonal).saturating_add(1) };
                let edge = edge.clamp(0, columns);
                for c in 0..columns {
                    let kept = if upper { c >= edge } else { c < edge };
                    let at = |row: isize, column: isize| r as isize * row + c as isize * column;
                    unsafe {
                        *py.offset(oy + at(ry, cy)) = if kept { *px.offset(ox + at(rx, cx)) } else { 0 };
                    }
                }
            }
        });
    })
}
