//! Resampling along one dimension: every output is a weighted sum of a few inputs, which a table names.
//!
//! Interpolation in several dimensions is this along each in turn (its weights are products), and reflecting,
//! replicating and circular padding are the case of one input with weight 1.

use cresset_lane::{Bool, DType, Element};

use crate::gemm::num::Num;
use crate::{Kernel, Launch, View};

/// `out[.., o, ..] = sum over t of weight[o, t] * x[.., index[o, t], ..]` along dimension `dim`.
/// ins: x, index (int64, contiguous, outputs x taps), optionally weight (x's dtype, contiguous). attrs: dim.
/// Without weights there is one tap, and any dtype goes.
pub const RESAMPLE: Kernel = Kernel::new("resample", forward);

/// The transpose: `out[.., index[o, t], ..] += weight[o, t] * x[.., o, ..]` on zeros. ins and attrs as `RESAMPLE`.
pub const RESAMPLE_BACKWARD: Kernel = Kernel::new("resample_backward", backward);

/// Calls `f(offset in a, offset in b, length, step in a, step in b)` for every run of elements that lie along one
/// dimension other than `dim`; both views have the same shape but for `dim`, along which both offsets stay at 0.
fn each_run(a: &View, b: &View, dim: usize, mut f: impl FnMut(isize, isize, usize, isize, isize)) {
    let n = a.shape.len();
    let inner = (0..n).rev().find(|&d| d != dim);
    let outer: usize = (0..n).filter(|&d| d != dim && Some(d) != inner).map(|d| a.shape[d]).product();
    let (length, step_a, step_b) = inner.map_or((1, 0, 0), |d| (a.shape[d], a.strides[d], b.strides[d]));
    for item in 0..outer {
        let (mut rest, mut at_a, mut at_b) = (item, 0, 0);
        for d in (0..n).rev().filter(|&d| d != dim && Some(d) != inner) {
            let index = (rest % a.shape[d]) as isize;
            rest /= a.shape[d];
            at_a += index * a.strides[d];
            at_b += index * b.strides[d];
        }
        f(at_a, at_b, length, step_a, step_b);
    }
}

struct Table<'a, T> {
    index: &'a [i64],
    weight: Option<&'a [T]>,
    taps: usize,
}

fn table<'a, T: Element>(launch: &'a Launch) -> Table<'a, T> {
    let index = &launch.ins[1];
    // Both tables are contiguous, as the op made them.
    unsafe { Table { index: index.slice(), weight: launch.ins.get(2).map(|w| w.slice()), taps: index.shape[1] } }
}

fn forward(launch: &Launch) {
    fn weighted<T: Num>(launch: &Launch) {
        let (x, out, dim) = (&launch.ins[0], &launch.outs[0], launch.attrs[0].n());
        let Table { index, weight, taps } = table::<T>(launch);
        let Some(weight) = weight else { return copy::<T>(launch) };
        each_run(x, out, dim, |at_x, at_out, length, step_x, step_out| {
            for (o, (index, weight)) in index.chunks(taps).zip(weight.chunks(taps)).enumerate() {
                let to = out.as_ptr::<T>().wrapping_offset(at_out + o as isize * out.strides[dim]);
                for i in 0..length as isize {
                    let mut sum = T::default();
                    for (&k, &w) in index.iter().zip(weight) {
                        let from = x.as_ptr::<T>().wrapping_offset(at_x + k as isize * x.strides[dim] + i * step_x);
                        sum = sum.plus(w.times(unsafe { *from }));
                    }
                    unsafe { *to.wrapping_offset(i * step_out) = sum };
                }
            }
        });
    }
    fn copy<T: Element>(launch: &Launch) {
        let (x, out, dim) = (&launch.ins[0], &launch.outs[0], launch.attrs[0].n());
        let index = table::<T>(launch).index;
        each_run(x, out, dim, |at_x, at_out, length, step_x, step_out| {
            for (o, &k) in index.iter().enumerate() {
                let to = out.as_ptr::<T>().wrapping_offset(at_out + o as isize * out.strides[dim]);
                let from = x.as_ptr::<T>().wrapping_offset(at_x + k as isize * x.strides[dim]);
                for i in 0..length as isize {
                    unsafe { *to.wrapping_offset(i * step_out) = *from.wrapping_offset(i * step_x) };
                }
            }
        });
    }
    match launch.outs[0].dtype {
        DType::F32 => weighted::<f32>(launch),
        DType::F64 => weighted::<f64>(launch),
        DType::I64 => copy::<i64>(launch),
        DType::I32 => copy::<i32>(launch),
        DType::U8 => copy::<u8>(launch),
        DType::Bool => copy::<Bool>(launch),
    }
}

fn backward(launch: &Launch) {
    fn go<T: Num>(launch: &Launch) {
        let (x, out, dim) = (&launch.ins[0], &launch.outs[0], launch.attrs[0].n());
        let Table { index, weight, taps } = table::<T>(launch);
        let one = [T::from_i64(1)];
        each_run(x, out, dim, |at_x, at_out, length, step_x, step_out| {
            let base = out.as_ptr::<T>().wrapping_offset(at_out);
            for k in 0..out.shape[dim] as isize {
                for i in 0..length as isize {
                    unsafe { *base.wrapping_offset(k * out.strides[dim] + i * step_out) = T::default() };
                }
            }
            for (o, index) in index.chunks(taps).enumerate() {
                let from = x.as_ptr::<T>().wrapping_offset(at_x + o as isize * x.strides[dim]);
                let weight = weight.map_or(&one[..], |w| &w[o * taps..(o + 1) * taps]);
                for (&k, &w) in index.iter().zip(weight) {
                    let to = base.wrapping_offset(k as isize * out.strides[dim]);
                    for i in 0..length as isize {
                        unsafe {
                            let to = to.wrapping_offset(i * step_out);
                            *to = (*to).plus(w.times(*from.wrapping_offset(i * step_x)));
                        }
                    }
                }
            }
        });
    }
    match launch.outs[0].dtype {
        DType::F32 => go::<f32>(launch),
        DType::F64 => go::<f64>(launch),
        other => unreachable!("no gradients of {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attr;
    use crate::gemm::testing::{Owned, Rng, assert_close, launch};

    /// Resampling and its transpose, along every dimension, against the definition.
    #[test]
    fn resampling_equals_the_definition_and_its_transpose() {
        let mut rng = Rng::new(31);
        for round in 0..40 {
            let shape = [1 + rng.below(3), 1 + rng.below(4), 1 + rng.below(5)];
            let (dim, outs, taps) = (rng.below(3), 1 + rng.below(5), 1 + rng.below(3));
            let x = Owned::random::<f64>(&mut rng, &shape, round % 2 == 1);
            let mut index = Owned::zeros::<i64>(&[outs, taps]);
            for i in 0..outs * taps {
                index.set::<i64>(i, rng.below(shape[dim]) as i64);
            }
            let weight = Owned::random::<f64>(&mut rng, &[outs, taps], false);
            let mut out_shape = shape;
            out_shape[dim] = outs;
            let out = Owned::random::<f64>(&mut rng, &out_shape, round % 2 == 1);
            let dim_attr = [Attr::from(dim)];
            launch(&RESAMPLE, &[x.view(), index.view(), weight.view()], &[out.view()], &dim_attr);
            let (xv, iv, wv) = (x.values::<f64>(), index.values::<i64>(), weight.values::<f64>());
            let inner: usize = shape[dim + 1..].iter().product();
            let want: Vec<f64> = (0..out_shape.iter().product())
                .map(|i: usize| {
                    let (low, o, high) = (i % inner, i / inner % outs, i / inner / outs);
                    (0..taps)
                        .map(|t| {
                            let k = iv[o * taps + t] as usize;
                            wv[o * taps + t] * xv[(high * shape[dim] + k) * inner + low]
                        })
                        .sum()
                })
                .collect();
            assert_close(&out.values::<f64>(), &want, 1e-12, 1e-12, "resample");
            let dy = Owned::random::<f64>(&mut rng, &out_shape, round % 2 == 1);
            let dx = Owned::random::<f64>(&mut rng, &shape, round % 2 == 1);
            launch(&RESAMPLE_BACKWARD, &[dy.view(), index.view(), weight.view()], &[dx.view()], &dim_attr);
            let dot = |a: &Owned, b: &Owned| -> f64 {
                a.values::<f64>().iter().zip(b.values::<f64>()).map(|(a, b)| a * b).sum()
            };
            assert_close(&[dot(&dy, &out)], &[dot(&dx, &x)], 1e-12, 1e-12, "transpose");
        }
    }
}
