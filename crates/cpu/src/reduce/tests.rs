//! The reductions against naive loops, over random shapes and strides.

use super::*;
use crate::launch::{Kernel, View};
use crate::number::Float;
use crate::testing::{Arr, Rng, close, indices, run};
use cresset_lane::{Bool, Element};

/// Shapes that reach every loop: rows, columns, tiles and their tails, several dimensions, nothing at all.
const SHAPES: &[&[usize]] = &[
    &[],
    &[1],
    &[7],
    &[40],
    &[2500],
    &[3, 5],
    &[5, 70],
    &[300, 67],
    &[4, 1, 6],
    &[2, 33, 40],
    &[3, 4, 5, 6],
    &[0],
    &[3, 0],
];

/// Runs `check(shape, reduced shape)` for every shape and every set of reduced dimensions.
fn each_case(mut check: impl FnMut(&[usize], &[usize])) {
    for shape in SHAPES {
        for set in 0..1usize << shape.len() {
            let out: Vec<usize> =
                shape.iter().enumerate().map(|(d, &n)| if set >> d & 1 == 1 { 1 } else { n }).collect();
            check(shape, &out);
        }
    }
}

/// The elements behind the result at `at`, in row-major order.
fn behind<T: Element>(x: &Arr<T>, out: &[usize], at: &[usize]) -> Vec<f64> {
    let fits = |i: &[usize]| (0..i.len()).all(|d| x.shape[d] != out[d] || i[d] == at[d]);
    indices(&x.shape).iter().filter(|i| fits(i)).map(|i| x.get(i).to_f64()).collect()
}

fn against<T: Element, O: Element>(
    kernel: Kernel,
    attrs: &[crate::Attr],
    tol: f64,
    empty: bool,
    mut make: impl FnMut(&mut Rng) -> T,
    want: impl Fn(&[f64]) -> f64,
) {
    let mut rng = Rng(0x1234_5678_9abc);
    each_case(|shape, out| {
        if !empty && shape.contains(&0) {
            return;
        }
        let (x, y) = (Arr::<T>::random(&mut rng, shape, &mut make), Arr::<O>::scattered(&mut rng, out));
        run(kernel, &[y.view()], &[x.view()], attrs);
        // The naive loop is quadratic in the number of results: a sample of them will do.
        for at in indices(out).iter().step_by(1 + indices(out).len() / 9) {
            close(y.get(at).to_f64(), want(&behind(&x, out, at)), tol);
        }
    });
}

#[test]
fn sums_and_products() {
    let total = |xs: &[f64]| xs.iter().sum::<f64>();
    against::<f32, f32>(SUM, &[1.0.into()], 1e-5, true, |r| r.float() as f32, total);
    against::<f64, f64>(SUM, &[2.0.into()], 1e-13, true, |r| r.float(), |xs| total(xs) / 2.0);
    against::<i64, i64>(SUM, &[1.0.into()], 0.0, true, |r| r.below(9) as i64 - 4, total);
    let some_nan = |r: &mut Rng| if r.below(3) == 0 { f32::NAN } else { r.float() as f32 };
    let nansum = |xs: &[f64]| xs.iter().filter(|x| !x.is_nan()).sum::<f64>();
    against::<f32, f32>(NANSUM, &[], 1e-5, true, some_nan, nansum);
    against::<f64, f64>(PROD, &[], 1e-11, true, |r| 1.0 + 0.1 * r.float(), |xs| xs.iter().product());
    against::<i64, i64>(PROD, &[], 0.0, true, |r| if r.below(2) == 0 { 1 } else { -1 }, |xs| xs.iter().product());
}

#[test]
fn a_long_sum_keeps_its_digits() {
    let x = Arr::<f32> { memory: vec![0.1; 1 << 22], shape: vec![1 << 22], strides: vec![1], offset: 0 };
    let y = Arr::<f32>::zeros(&[1]);
    run(SUM, &[y.view()], &[x.view()], &[1.0.into()]);
    close(y.memory[0] as f64, 0.1f32 as f64 * (1 << 22) as f64, 1e-6);
    // The same numbers as columns.
    let (x, y) = (Arr::<f32> { shape: vec![1 << 16, 64], strides: vec![64, 1], ..x }, Arr::<f32>::zeros(&[1, 64]));
    run(SUM, &[y.view()], &[x.view()], &[1.0.into()]);
    y.memory.iter().for_each(|&v| close(v as f64, 0.1f32 as f64 * (1 << 16) as f64, 1e-6));
}

#[test]
fn logic_and_counts() {
    let rare = |r: &mut Rng| if r.below(20) == 0 { r.float() as f32 } else { 0.0 };
    against::<f32, Bool>(ANY, &[], 0.0, true, rare, |xs| xs.iter().any(|&x| x != 0.0) as u8 as f64);
    against::<f32, i64>(COUNT_NONZERO, &[], 0.0, true, rare, |xs| xs.iter().filter(|&&x| x != 0.0).count() as f64);
    let mostly = |r: &mut Rng| Bool((r.below(20) != 0) as u8);
    against::<Bool, Bool>(ALL, &[], 0.0, true, mostly, |xs| xs.iter().all(|&x| x != 0.0) as u8 as f64);
}

fn nan_max(xs: &[f64]) -> f64 {
    if xs.iter().any(|x| x.is_nan()) { f64::NAN } else { xs.iter().copied().fold(f64::NEG_INFINITY, f64::max) }
}

#[test]
fn extrema_pass_nan_on() {
    let some_nan = |r: &mut Rng| if r.below(50) == 0 { f32::NAN } else { r.float() as f32 };
    against::<f32, f32>(AMAX, &[], 0.0, false, some_nan, nan_max);
    let min = |xs: &[f64]| -nan_max(&xs.iter().map(|x| -x).collect::<Vec<_>>());
    against::<f32, f32>(AMIN, &[], 0.0, false, some_nan, min);
    against::<i64, i64>(AMIN, &[], 0.0, false, |r| r.below(1000) as i64 - 500, min);
    against::<i64, i64>(AMAX, &[], 0.0, false, |r| r.below(256) as i64, nan_max);
}

#[test]
fn positions_are_the_first_best_or_the_first_nan() {
    fn check<T: Element>(kernel: Kernel, sign: f64, mut make: impl FnMut(&mut Rng) -> T) {
        let mut rng = Rng(77);
        for shape in SHAPES.iter().filter(|s| !s.contains(&0)) {
            for dim in 0..shape.len().max(1) {
                let mut out = shape.to_vec();
                if dim < out.len() {
                    out[dim] = 1;
                }
                let x = Arr::<T>::random(&mut rng, shape, &mut make);
                let (at, best) = (Arr::<i64>::scattered(&mut rng, &out), Arr::<T>::scattered(&mut rng, &out));
                run(kernel, &[best.view(), at.view()], &[x.view()], &[dim.into()]);
                for i in indices(&out).iter().step_by(1 + indices(&out).len() / 9) {
                    let xs: Vec<f64> = behind(&x, &out, i).iter().map(|v| v * sign).collect();
                    let top = nan_max(&xs);
                    let want = xs.iter().position(|&v| v == top || v.is_nan()).unwrap();
                    assert_eq!(at.get(i), want as i64, "{shape:?} along {dim}");
                    close(best.get(i).to_f64() * sign, xs[want], 0.0);
                }
            }
        }
    }
    check::<f32>(ARGMAX, 1.0, |r| if r.below(90) == 0 { f32::NAN } else { r.below(30) as f32 });
    check::<f64>(ARGMIN, -1.0, |r| r.below(30) as f64);
    check::<i64>(ARGMIN, -1.0, |r| r.below(30) as i64 - 10);
    check::<i64>(ARGMAX, 1.0, |r| r.below(2) as i64);
}

#[test]
fn norms() {
    let p_norm = |p: f64| move |xs: &[f64]| xs.iter().map(|x| x.abs().powf(p)).sum::<f64>().powf(1.0 / p);
    for p in [1.0, 2.0, 3.0, -1.5, 0.5] {
        against::<f64, f64>(NORM, &[p.into()], 1e-9, true, |r| r.float() + 2.0, p_norm(p));
    }
}

#[test]
fn variance_and_mean() {
    let mut rng = Rng(5);
    each_case(|shape, out| {
        let x = Arr::<f32>::random(&mut rng, shape, |r| 1000.0 + r.float() as f32);
        let (var, mean) = (Arr::<f32>::scattered(&mut rng, out), Arr::<f32>::scattered(&mut rng, out));
        let n = shape.iter().product::<usize>() as f64 / out.iter().product::<usize>().max(1) as f64;
        run(VAR_MEAN, &[var.view(), mean.view()], &[x.view()], &[n.into(), 1.0.into(), false.into()]);
        for at in indices(out).iter().step_by(1 + indices(out).len() / 9) {
            let xs = behind(&x, out, at);
            let m = xs.iter().sum::<f64>() / n;
            close(mean.get(at) as f64, m, 1e-6);
            let v = xs.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / (n - 1.0).max(0.0);
            close(var.get(at) as f64, v, 1e-4);
        }
    });
}

/// Every row along every dimension: its elements by position.
fn each_row(shape: &[usize], mut f: impl FnMut(usize, &dyn Fn(usize) -> Vec<usize>, usize)) {
    for dim in 0..shape.len().max(1) {
        let n = shape.get(dim).copied().unwrap_or(1);
        for i in indices(shape).iter().filter(|i| i.get(dim).is_none_or(|&k| k == 0)) {
            let at = |k: usize| {
                let mut i = i.clone();
                i.get_mut(dim).map(|v| *v = k);
                i
            };
            f(dim, &at, n);
        }
    }
}

fn softmax_cases<T: Float>(rounding: f64) {
    let mut rng = Rng(11);
    for shape in [&[] as &[usize], &[9], &[3, 100], &[20, 37], &[2, 5, 18], &[3, 700], &[300, 270], &[2, 0, 3]] {
        let x = Arr::<T>::random(&mut rng, shape, |r| T::of(200.0 * r.float()));
        let g = Arr::<T>::random(&mut rng, shape, |r| T::of(r.float()));
        let of = |kernel: Kernel, ins: &[crate::View], dim: usize, rng: &mut Rng| {
            let out = Arr::<T>::scattered(rng, shape);
            run(kernel, &[out.view()], ins, &[dim.into()]);
            out
        };
        for dim in 0..shape.len().max(1) {
            let (s, ls) = (of(SOFTMAX, &[x.view()], dim, &mut rng), of(LOG_SOFTMAX, &[x.view()], dim, &mut rng));
            let ds = of(SOFTMAX_BACKWARD, &[g.view(), s.view()], dim, &mut rng);
            let dls = of(LOG_SOFTMAX_BACKWARD, &[g.view(), ls.view()], dim, &mut rng);
            let mut less = shape.to_vec();
            less.get_mut(dim).map(|n| *n = 1);
            let lse = Arr::<T>::scattered(&mut rng, &less);
            run(LOGSUMEXP, &[lse.view()], &[x.view()], &[dim.into()]);
            each_row(shape, |d, at, n| {
                if d != dim {
                    return;
                }
                let row = |a: &Arr<T>| (0..n).map(|k| a.get(&at(k)).to_f64()).collect::<Vec<_>>();
                let (x, g) = (row(&x), row(&g));
                let top = nan_max(&x);
                let total: f64 = x.iter().map(|x| (x - top).exp()).sum();
                close(lse.get(&at(0)).to_f64(), top + total.ln(), rounding);
                let (p, gsum) = (x.iter().map(|x| (x - top).exp() / total).collect::<Vec<_>>(), g.iter().sum::<f64>());
                let dot: f64 = p.iter().zip(&g).map(|(p, g)| p * g).sum();
                for k in 0..n {
                    close(s.get(&at(k)).to_f64(), p[k], rounding);
                    close(ls.get(&at(k)).to_f64(), x[k] - top - total.ln(), rounding);
                    close(ds.get(&at(k)).to_f64(), p[k] * (g[k] - dot), rounding);
                    close(dls.get(&at(k)).to_f64(), g[k] - p[k] * gsum, rounding);
                }
            });
        }
    }
}

#[test]
fn softmax_and_backward() {
    softmax_cases::<f64>(1e-12);
    softmax_cases::<f32>(3e-5);
    let (minus, y) = (Arr::<f32> { memory: vec![f32::NEG_INFINITY; 3], ..Arr::zeros(&[3]) }, Arr::<f32>::zeros(&[1]));
    run(LOGSUMEXP, &[y.view()], &[minus.view()], &[0usize.into()]);
    assert_eq!(y.memory[0], f32::NEG_INFINITY);
}

#[test]
fn softmax_rows_do_not_know_each_other() {
    let mut rng = Rng(17);
    let shape = [70, 75];
    let [x, g] = [9.0, 1.0].map(|scale| {
        let mut a = Arr::<f32>::zeros(&shape);
        a.memory.fill_with(|| (scale * rng.float()) as f32);
        a
    });
    for dim in [0, 1usize] {
        // All rows at once, and each by itself, as a cut launch has it.
        let whole: [Arr<f32>; 3] = std::array::from_fn(|_| Arr::zeros(&shape));
        let alone: [Arr<f32>; 3] = std::array::from_fn(|_| Arr::zeros(&shape));
        let all = |outs: [View; 3], x: View, g: View| {
            run(SOFTMAX, &outs[..1], &[x], &[dim.into()]);
            run(LOG_SOFTMAX, &outs[1..2], &[x], &[dim.into()]);
            run(LOG_SOFTMAX_BACKWARD, &outs[2..], &[g, outs[1]], &[dim.into()]);
        };
        all(std::array::from_fn(|k| whole[k].view()), x.view(), g.view());
        let mut shape = shape;
        shape[1 - dim] = 1;
        for row in 0..x.shape[1 - dim] {
            let at = |a: View<'_>| a.ptr.cast::<f32>().wrapping_offset(row as isize * a.strides[1 - dim]).cast::<u8>();
            let one =
                |a: &Arr<f32>| View { ptr: at(a.view()), dtype: a.view().dtype, shape: &shape, strides: &[75, 1] };
            all(std::array::from_fn(|k| one(&alone[k])), one(&x), one(&g));
        }
        for (a, b) in whole.iter().zip(&alone) {
            assert!(a.memory.iter().zip(&b.memory).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}

#[test]
fn softmax_of_what_is_not_finite() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for n in [3, 5, 40usize] {
        for dim in [0, 1usize] {
            let line = |first: [f32; 3], kernel: Kernel| {
                let shape = if dim == 0 { [n, 1] } else { [1, n] };
                let (mut x, y) = (
                    Arr::<f32>::zeros(&shape),
                    Arr::<f32>::zeros(&if kernel.name == "logsumexp" { [1, 1] } else { shape }),
                );
                x.memory.fill(-inf);
                x.memory[n - 3..].copy_from_slice(&first);
                run(kernel, &[y.view()], &[x.view()], &[dim.into()]);
                y.memory
            };
            // Masked places have no weight at all.
            let y = line([1.0, -inf, 1.0], SOFTMAX);
            assert!(y[n - 3] == 0.5 && y[n - 1] == 0.5 && y.iter().sum::<f32>() == 1.0, "{y:?}");
            assert!(line([-inf; 3], SOFTMAX).iter().all(|y| y.is_nan()));
            assert!(line([1.0, nan, 1.0], LOG_SOFTMAX).iter().all(|y| y.is_nan()));
            assert_eq!(line([-inf; 3], LOGSUMEXP), [-inf]);
            assert_eq!(line([inf, -2.0, 1.0], LOGSUMEXP), [inf]);
            assert!(line([inf, nan, 1.0], LOGSUMEXP)[0].is_nan());
        }
    }
}

#[test]
fn layer_norm_and_backward() {
    let mut rng = Rng(23);
    for (rows, n) in [(1, 1), (3, 5), (4, 16), (5, 100), (2, 2500)] {
        let mut numbers = |shape: [usize; 2]| {
            let mut a = Arr::<f64>::zeros(&shape);
            a.memory.fill_with(|| rng.float());
            a
        };
        let (x, g, w, b) = (numbers([rows, n]), numbers([rows, n]), numbers([1, n]), numbers([1, n]));
        let [y, dx] = [(); 2].map(|_| Arr::<f64>::zeros(&[rows, n]));
        let [mean, rstd] = [(); 2].map(|_| Arr::<f64>::zeros(&[rows, 1]));
        for (weighted, biased) in [(true, true), (true, false), (false, true), (false, false)] {
            let outs = [y.view(), mean.view(), rstd.view()];
            let ins: Vec<View> =
                [Some(x.view()), weighted.then(|| w.view()), biased.then(|| b.view())].into_iter().flatten().collect();
            run(LAYER_NORM, &outs, &ins, &[0.25.into(), weighted.into(), biased.into()]);
            let mut ins = vec![g.view(), x.view(), mean.view(), rstd.view()];
            ins.extend(weighted.then(|| w.view()));
            run(LAYER_NORM_BACKWARD, &[dx.view()], &ins, &[]);
            for i in 0..rows {
                let line = |a: &Arr<f64>| a.memory[i * n..(i + 1) * n].to_vec();
                let average = |a: &dyn Fn(usize) -> f64| (0..n).map(a).sum::<f64>() / n as f64;
                let (x, g) = (line(&x), line(&g));
                let m = average(&|k| x[k]);
                let r = 1.0 / (average(&|k| (x[k] - m).powi(2)) + 0.25).sqrt();
                let (w, b) = (
                    |k: usize| if weighted { w.memory[k] } else { 1.0 },
                    |k: usize| if biased { b.memory[k] } else { 0.0 },
                );
                let (z, h) = (|k: usize| (x[k] - m) * r, |k: usize| g[k] * w(k));
                let (a, c) = (average(&h), average(&|k| h(k) * z(k)));
                close(mean.memory[i], m, 1e-13);
                close(rstd.memory[i], r, 1e-13);
                for k in 0..n {
                    close(line(&y)[k], z(k) * w(k) + b(k), 1e-12);
                    close(line(&dx)[k], (h(k) - a - z(k) * c) * r, 1e-12);
                }
            }
        }
    }
}

#[test]
fn layer_norm_has_the_moments_of_the_reduction() {
    let mut rng = Rng(29);
    for n in [3, 70, 3000] {
        let mut x = Arr::<f32>::zeros(&[2, n]);
        x.memory.fill_with(|| 3.0 + rng.float() as f32);
        let y = Arr::<f32>::zeros(&[2, n]);
        let [mean, rstd, means, variances] = [(); 4].map(|_| Arr::<f32>::zeros(&[2, 1]));
        run(LAYER_NORM, &[y.view(), mean.view(), rstd.view()], &[x.view()], &[1e-5.into(), false.into(), false.into()]);
        run(VAR_MEAN, &[variances.view(), means.view()], &[x.view()], &[(n as f64).into(), 0.0.into(), false.into()]);
        assert_eq!(mean.memory, means.memory);
        let roots: Vec<f32> = variances.memory.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect();
        assert_eq!(rstd.memory, roots);
    }
}
