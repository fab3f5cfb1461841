//! Scans: running sums, products, extrema along a dimension.
//!
//! Convention: outputs have the input's shape; `attrs: [dim]`. Floats accumulate in float64, as PyTorch's CPU does
//! (aten/src/ATen/native/cpu/ReduceOpsKernel.cpp, `cumsum_cpu_kernel`).

use crate::by_dtype::{float_dtype, number_dtype};
use crate::launch::{Kernel, Launch};
use crate::number::{Float, Number};
use crate::walk::Walk;
use cresset_lane::Element;

/// Running sum. `ins: [x]`, `outs: [y]` (same dtype).
pub const CUMSUM: Kernel = Kernel::new("cumsum", cumsum);
/// Running product. `ins: [x]`, `outs: [y]` (same dtype).
pub const CUMPROD: Kernel = Kernel::new("cumprod", cumprod);
/// Running maximum and the position of its last occurrence so far. `ins: [x]`, `outs: [values, indices]`.
pub const CUMMAX: Kernel = Kernel::new("cummax", cummax);
/// Running minimum and the position of its last occurrence so far. `ins: [x]`, `outs: [values, indices]`.
pub const CUMMIN: Kernel = Kernel::new("cummin", cummin);
/// Running `log(sum(exp(x)))`, without overflow. `ins: [x]`, `outs: [y]`, floats only.
pub const LOGCUMSUMEXP: Kernel = Kernel::new("logcumsumexp", logcumsumexp);

/// Neighbouring rows that are scanned together when the scanned dimension is not the densest one.
const COLUMNS: usize = 16;

/// Scans every row: `acc = step(acc, x, i)`, and `write(acc, offset in out0, offset in out1)` after each step.
fn scan<T: Element, A: Copy>(l: &Launch, start: A, step: impl Fn(A, T, usize) -> A, write: impl Fn(A, isize, isize)) {
    let (x, y, z, dim) = (&l.ins[0], &l.outs[0], l.outs.last().unwrap(), l.attrs[0].n());
    let (n, stride) = match x.shape.get(dim) {
        Some(&n) => (n as isize, [x.strides[dim], y.strides[dim], z.strides[dim]]),
        None => (1, [0; 3]),
    };
    let p = x.ptr.cast::<T>().cast_const();
    let mut rows = Walk::over_except([x, y, z], dim).sort_by(0).collapse();
    let (m, [sx, sy, sz]) = rows.pop();
    let m = m as isize;
    rows.each(|[ox, oy, oz]| {
        let mut j = 0;
        while j < m {
            let w = if sx.unsigned_abs() < stride[0].unsigned_abs() { (m - j).min(COLUMNS as isize) } else { 1 };
            let mut acc = [start; COLUMNS];
            for i in 0..n {
                for (k, a) in acc[..w as usize].iter_mut().enumerate() {
                    let c = j + k as isize;
                    *a = step(*a, unsafe { *p.offset(ox + c * sx + i * stride[0]) }, i as usize);
                    write(*a, oy + c * sy + i * stride[1], oz + c * sz + i * stride[2]);
                }
            }
            j += w;
        }
    });
}

fn cumsum(l: &Launch) {
    number_dtype!(l.ins[0].dtype, T => {
        let y = l.outs[0].ptr.cast::<T>();
        if T::DTYPE.is_float() {
            scan(l, 0f64, |a, x: T, _| a + x.to_f64(), |a, o, _| unsafe { *y.offset(o) = T::from_f64(a) });
        } else {
            scan(l, T::ZERO, |a: T, x: T, _| a.plus(x), |a, o, _| unsafe { *y.offset(o) = a });
        }
    })
}

fn cumprod(l: &Launch) {
    number_dtype!(l.ins[0].dtype, T => {
        let y = l.outs[0].ptr.cast::<T>();
        if T::DTYPE.is_float() {
            scan(l, 1f64, |a, x: T, _| a * x.to_f64(), |a, o, _| unsafe { *y.offset(o) = T::from_f64(a) });
        } else {
            scan(l, T::ONE, |a: T, x: T, _| a.times(x), |a, o, _| unsafe { *y.offset(o) = a });
        }
    })
}

fn cummax(l: &Launch) {
    number_dtype!(l.ins[0].dtype, T => extremum::<T>(l, |x, best| x >= best))
}

fn cummin(l: &Launch) {
    number_dtype!(l.ins[0].dtype, T => extremum::<T>(l, |x, best| x <= best))
}

/// Later equal elements win, and once a NaN was met only NaN does (PyTorch's `cummax_helper_cpu`).
fn extremum<T: Number>(l: &Launch, beats: impl Fn(T, T) -> bool) {
    let (values, at) = (l.outs[0].ptr.cast::<T>(), l.outs[1].ptr.cast::<i64>());
    let step = |(best, k): (T, i64), x: T, i: usize| {
        if i == 0 || x.nan() || (!best.nan() && beats(x, best)) { (x, i as i64) } else { (best, k) }
    };
    scan(l, (T::ZERO, 0), step, |(best, k), o0, o1| unsafe {
        *values.offset(o0) = best;
        *at.offset(o1) = k;
    });
}

fn logcumsumexp(l: &Launch) {
    float_dtype!(l.ins[0].dtype, T => {
        let y = l.outs[0].ptr.cast::<T>();
        let step = |a: T, x: T, _| {
            let (low, high) = (a.lesser(x), a.greater(x));
            // Equal infinities have no difference; anything else is high + log1p(exp(low - high)).
            if low != high || low.is_finite() { high + Float::ln_1p(Float::exp(low - high)) } else { x }
        };
        scan(l, T::NEG_INFINITY, step, |a, o, _| unsafe { *y.offset(o) = a });
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Arr, Rng, close, indices, run};

    const SHAPES: &[&[usize]] = &[&[], &[1], &[9], &[0], &[4, 0], &[5, 40], &[3, 7, 19], &[2, 1, 33]];

    /// Runs `kernel` along every dimension and hands each input row with the rows of the outputs to `check`.
    fn each_row<T: Element>(kernel: Kernel, mut make: impl FnMut(&mut Rng) -> T, check: impl Fn(&[T], &[T], &[i64])) {
        let mut rng = Rng(3);
        for shape in SHAPES {
            for dim in 0..shape.len().max(1) {
                let x = Arr::random(&mut rng, shape, &mut make);
                let (y, at) = (Arr::<T>::scattered(&mut rng, shape), Arr::<i64>::scattered(&mut rng, shape));
                let two = kernel.name == "cummax" || kernel.name == "cummin";
                let outs = [y.view(), at.view()];
                run(kernel, &outs[..1 + two as usize], &[x.view()], &[dim.into()]);
                for i in indices(shape).iter().filter(|i| i.get(dim).is_none_or(|&k| k == 0)) {
                    let row = |k: usize| {
                        let mut i = i.clone();
                        if let Some(v) = i.get_mut(dim) {
                            *v = k;
                        }
                        i
                    };
                    let n = shape.get(dim).copied().unwrap_or(1);
                    let pick = |a: &Arr<T>| (0..n).map(|k| a.get(&row(k))).collect::<Vec<_>>();
                    check(&pick(&x), &pick(&y), &(0..n).map(|k| at.get(&row(k))).collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn sums_and_products() {
        each_row(
            CUMSUM,
            |r| r.float() as f32,
            |x, y, _| {
                x.iter().zip(y).fold(0.0, |a, (x, y)| {
                    close(*y as f64, a + *x as f64, 1e-6);
                    a + *x as f64
                });
            },
        );
        each_row(
            CUMPROD,
            |r| r.below(5) as i64 - 2,
            |x, y, _| {
                x.iter().zip(y).fold(1i64, |a, (x, y)| {
                    assert_eq!(*y, a.wrapping_mul(*x));
                    *y
                });
            },
        );
    }

    #[test]
    fn extrema_take_the_last_of_equals_and_stay_nan() {
        each_row(
            CUMMAX,
            |r| if r.below(15) == 0 { f32::NAN } else { r.below(6) as f32 },
            |x, y, at| {
                for (k, (&v, &i)) in y.iter().zip(at).enumerate() {
                    let seen = &x[..=k];
                    let top = if seen.iter().any(|v| v.is_nan()) {
                        f32::NAN
                    } else {
                        seen.iter().copied().fold(-1.0, f32::max)
                    };
                    let last = seen.iter().rposition(|&s| s == top || (s.is_nan() && top.is_nan())).unwrap();
                    close(v as f64, top as f64, 0.0);
                    assert_eq!(i, last as i64);
                }
            },
        );
        each_row(
            CUMMIN,
            |r| r.below(6) as u8,
            |x, y, at| {
                for k in 0..x.len() {
                    let least = *x[..=k].iter().min().unwrap();
                    assert_eq!((y[k], at[k]), (least, x[..=k].iter().rposition(|&s| s == least).unwrap() as i64));
                }
            },
        );
    }

    #[test]
    fn log_of_running_sums_of_exponentials() {
        each_row(
            LOGCUMSUMEXP,
            |r| 300.0 * r.float(),
            |x, y, _| {
                for k in 0..x.len() {
                    let top = x[..=k].iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    close(y[k], top + x[..=k].iter().map(|v| (v - top).exp()).sum::<f64>().ln(), 1e-12);
                }
            },
        );
        let minus = Arr::<f32> { memory: vec![f32::NEG_INFINITY; 2], shape: vec![2], strides: vec![1], offset: 0 };
        let y = Arr::<f32>::zeros(&[2]);
        run(LOGCUMSUMEXP, &[y.view()], &[minus.view()], &[0usize.into()]);
        assert_eq!(y.memory, [f32::NEG_INFINITY; 2]);
    }
}
