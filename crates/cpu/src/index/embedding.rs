//! Gradients of table lookups, and indices that repeat.

use crate::by_dtype::float_dtype;
use crate::launch::{Kernel, Launch};

/// Adds each row of the gradient to the row of the table that was looked up.
///
/// `ins: [g, index]` ([m, d] and int64 [m]), `outs: [table]` ([rows, d], set by the kernel), `attrs: [padding, scale]`:
/// rows looked up at `padding` get nothing (-1: there is none); with `scale` a row's gradient is divided by how often
/// it was looked up.
pub const EMBEDDING_BACKWARD: Kernel = Kernel::new("embedding_backward", backward)
    .with_scratch(|l| if l.attrs[1].b() { l.outs[0].shape[0] * size_of::<u32>() } else { 0 });

/// `i` repeated `repeats[i]` times, for all i: `ins: [repeats]` (int64 [n]), `outs: [y]` (contiguous int64, their sum).
pub const REPEAT_INDICES: Kernel = Kernel::new("repeat_indices", repeat);

fn backward(l: &Launch) {
    let (g, index, table) = (&l.ins[0], &l.ins[1], &l.outs[0]);
    let (padding, scale) = (l.attrs[0].i(), l.attrs[1].b());
    let (rows, d, m) = (table.shape[0], table.shape[1] as isize, index.shape[0] as isize);
    let row = |k: isize| unsafe { *index.ptr.cast::<i64>().offset(k * index.strides[0]) };
    let counts: &mut [u32] = if scale {
        let counts = unsafe { std::slice::from_raw_parts_mut(l.scratch.cast::<u32>(), rows) };
        counts.fill(0);
        (0..m).for_each(|k| counts[row(k) as usize] += 1);
        counts
    } else {
        &mut []
    };
    float_dtype!(g.dtype, T => {
        let (pg, pt) = (g.ptr.cast::<T>().cast_const(), table.ptr.cast::<T>());
        for r in 0..rows as isize {
            for c in 0..d {
                unsafe { *pt.offset(r * table.strides[0] + c * table.strides[1]) = 0.0 };
            }
        }
        for k in (0..m).filter(|&k| row(k) != padding) {
            let factor = if scale { 1.0 / counts[row(k) as usize] as T } else { 1.0 };
            let (from, to) = (k * g.strides[0], row(k) as isize * table.strides[0]);
            for c in 0..d {
                unsafe { *pt.offset(to + c * table.strides[1]) += *pg.offset(from + c * g.strides[1]) * factor };
            }
        }
    })
}

fn repeat(l: &Launch) {
    let (repeats, y) = (&l.ins[0], &l.outs[0]);
    let mut to = y.ptr.cast::<i64>();
    for i in 0..repeats.shape[0] as isize {
        for _ in 0..unsafe { *repeats.ptr.cast::<i64>().offset(i * repeats.strides[0]) } {
            unsafe {
                *to = i as i64;
                to = to.add(1);
            }
        }
    }
}
