//! Layer normalisation, a row at a time while it is in the first-level cache.
//!
//! Every step rounds as the op of that name would on a whole tensor (`VAR_MEAN`, `SUM`, products and differences), so that a
//! result does not depend on whether the steps are fused.

use super::cascade::sum_of_row;
use super::moments::mean_and_variance;
use crate::by_dtype::float_dtype;
use crate::launch::{Kernel, Launch, View};
use crate::threads::{Split, WHOLE};

/// `(x - mean) / sqrt(variance + eps) * weight + bias` of every row, with the variance divided by the row's length.
///
/// `ins: [x, weight?, bias?]` (`[rows, n]` and `[1, n]`, contiguous), `outs: [y, mean, inverse deviation]` (`[rows, n]`,
/// contiguous, and `[rows, 1]`), `attrs: [eps: f64, weight: bool, bias: bool]`, the last two telling which there are.
pub const LAYER_NORM: Kernel = Kernel::new("layer_norm", forward).with_split(|l| split(l, 4));

/// The gradient of `LAYER_NORM` for `x`: with `z` for the normalised row and `h = g * weight`,
/// `(h - mean(h) - z * mean(h * z)) * inverse deviation`.
///
/// `ins: [g, x, mean, inverse deviation, weight?]`, `outs: [dx]`, shapes as in `LAYER_NORM`.
pub const LAYER_NORM_BACKWARD: Kernel = Kernel::new("layer_norm_backward", backward)
    .with_scratch(|l| 2 * l.outs[0].shape[1] * l.outs[0].dtype.size())
    .with_split(|l| split(l, 5));

/// Any rows; weight and bias, from operand `shared` on, are seen whole.
fn split(l: &Launch, shared: usize) -> Option<Split> {
    Some(Split::all(l, 0, 1, l.ins[0].numel()).but(&[(shared, WHOLE), (shared + 1, WHOLE)]))
}

/// Row `i` of a view whose rows are contiguous; a view of one row has it everywhere.
unsafe fn row<'a, T>(v: &View, i: usize) -> &'a [T] {
    let start = if v.shape[0] == 1 { 0 } else { i as isize * v.strides[0] };
    unsafe { std::slice::from_raw_parts(v.ptr.cast::<T>().cast_const().offset(start), v.shape[1]) }
}

#[allow(clippy::mut_from_ref)] // the rows of an output are nobody else's
unsafe fn row_mut<'a, T>(v: &View, i: usize) -> &'a mut [T] {
    unsafe { std::slice::from_raw_parts_mut(v.ptr.cast::<T>().offset(i as isize * v.strides[0]), v.shape[1]) }
}

fn forward(l: &Launch) {
    let (x, y, mean, deviation) = (&l.ins[0], &l.outs[0], &l.outs[1], &l.outs[2]);
    let weight = l.attrs[1].b().then(|| &l.ins[1]);
    let bias = l.attrs[2].b().then(|| &l.ins[l.ins.len() - 1]);
    float_dtype!(x.dtype, T => for i in 0..y.shape[0] {
        let (x, y) = unsafe { (row::<T>(x, i), row_mut::<T>(y, i)) };
        let (m, variance) = mean_and_variance(x);
        let factor = 1.0 / (variance + l.attrs[0].f() as T).sqrt();
        y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - m) * factor);
        if let Some(weight) = weight {
            y.iter_mut().zip(unsafe { row::<T>(weight, 0) }).for_each(|(y, w)| *y *= w);
        }
        if let Some(bias) = bias {
            y.iter_mut().zip(unsafe { row::<T>(bias, 0) }).for_each(|(y, b)| *y += b);
        }
        unsafe { (row_mut::<T>(mean, i)[0], row_mut::<T>(deviation, i)[0]) = (m, factor) };
    })
}

fn backward(l: &Launch) {
    let (g, x, mean, deviation, dx) = (&l.ins[0], &l.ins[1], &l.ins[2], &l.ins[3], &l.outs[0]);
    let n = dx.shape[1];
    float_dtype!(x.dtype, T => {
        let (h, hz) = unsafe { std::slice::from_raw_parts_mut(l.scratch.cast::<T>(), 2 * n) }.split_at_mut(n);
        for i in 0..dx.shape[0] {
            let (g, x, dx) = unsafe { (row::<T>(g, i), row::<T>(x, i), row_mut::<T>(dx, i)) };
            let (m, factor) = unsafe { (row::<T>(mean, i)[0], row::<T>(deviation, i)[0]) };
            h.copy_from_slice(g);
            if let Some(weight) = l.ins.get(4) {
                h.iter_mut().zip(unsafe { row::<T>(weight, 0) }).for_each(|(h, w)| *h *= w);
            }
            hz.iter_mut().zip(&*h).zip(x).for_each(|((hz, h), x)| *hz = h * ((x - m) * factor));
            let (a, b) = (sum_of_row(h) / n as T, sum_of_row(hz) / n as T);
            let parts = dx.iter_mut().zip(&*h).zip(x);
            parts.for_each(|((dx, h), x)| *dx = (h - a - (x - m) * factor * b) * factor);
        }
    })
}
