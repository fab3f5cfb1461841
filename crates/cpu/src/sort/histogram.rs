//! Counting elements in bins of equal width.

use crate::by_dtype::float_dtype;
use crate::launch::{Kernel, Launch};
use crate::walk::Walk;

/// How many elements fall into each of the bins between two bounds; the last bin holds its upper bound too, and what
/// lies outside (or is NaN) is not counted.
///
/// `ins: [x]` or `[x, weight]` (one shape), `outs: [counts]` ([bins] of x's dtype, set by the kernel), `attrs: [low, high]`.
pub const HISTC: Kernel = Kernel::new("histc", histc);

fn histc(l: &Launch) {
    let (x, out, low, high) = (&l.ins[0], &l.outs[0], l.attrs[0].f(), l.attrs[1].f());
    let weight = l.ins.get(1).unwrap_or(x);
    let (bins, step) = (out.shape[0], out.strides[0]);
    float_dtype!(x.dtype, T => {
        let (px, pw, po) = (x.ptr.cast::<T>().cast_const(), weight.ptr.cast::<T>().cast_const(), out.ptr.cast::<T>());
        let (low, high) = (low as T, high as T);
        unsafe {
            (0..bins as isize).for_each(|b| *po.offset(b * step) = 0.0);
            Walk::over([x, weight]).each(|[ox, ow]| {
                let v = *px.offset(ox);
                if v >= low && v <= high {
                    // The formula of PyTorch's HistogramKernel.cpp, in the element's own precision.
                    let b = ((v - low) * bins as T / (high - low)) as usize;
                    *po.offset(b.min(bins - 1) as isize * step) += if l.ins.len() > 1 { *pw.offset(ow) } else { 1.0 };
                }
            });
        }
    })
}
