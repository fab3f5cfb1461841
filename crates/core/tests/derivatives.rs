//! First and second derivatives of reductions, scans, sorting, indexing and their kin against finite differences.

use cresset_core::autograd::{grad, no_grad};
use cresset_core::{DType, Result, Scalar, Tensor, ops};

type Inputs<'a> = &'a [Tensor];

/// Values all different, from those of other seeds too, and apart from zero: no kink within reach of a difference.
fn spread(n: usize, seed: u64) -> Vec<f64> {
    let mut s = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        s ^= s << 13;
        s ^= s >> 7;
        s ^= s << 17;
        s
    };
    let mut out: Vec<f64> = (0..n).map(|i| 0.3 + 0.021 * (seed % 7) as f64 + 0.17 * i as f64).collect();
    for i in (1..n).rev() {
        out.swap(i, next() as usize % (i + 1));
    }
    out.iter().map(|v| if next() % 2 == 0 { *v } else { -*v }).collect()
}

fn leaves(data: &[Vec<f64>], shapes: &[&[usize]]) -> Vec<Tensor> {
    let make = |(d, s): (&Vec<f64>, &&[usize])| {
        let t = Tensor::from_slice(d, s).unwrap();
        t.set_requires_grad(true);
        t
    };
    data.iter().zip(shapes).map(make).collect()
}

/// The sum of all outputs under fixed weights.
fn weighted(outs: &[Tensor], seed: u64) -> Result<Tensor> {
    let mut total = Tensor::zeros(&[], DType::F64)?;
    for (k, out) in outs.iter().enumerate().filter(|o| o.1.dtype().is_float()) {
        let w = Tensor::from_slice(&spread(out.numel(), seed + k as u64), out.shape())?;
        total = ops::add(&total, &ops::sum(&ops::mul(out, &w)?, None)?)?;
    }
    Ok(total)
}

fn gradients(f: &dyn Fn(Inputs) -> Result<Vec<Tensor>>, x: &[Tensor], create: bool) -> Result<Vec<Tensor>> {
    let loss = weighted(&f(x)?, 100)?;
    let grads = grad(&[loss], &[None], x, true, create)?;
    x.iter().zip(grads).map(|(x, g)| g.map_or_else(|| Tensor::zeros(x.shape(), DType::F64), Ok)).collect()
}

/// Central differences of `f` by every element of every input.
fn differences(data: &[Vec<f64>], f: impl Fn(&[Vec<f64>]) -> Result<f64>) -> Result<Vec<Vec<f64>>> {
    const STEP: f64 = 1e-6;
    let mut out = Vec::new();
    for k in 0..data.len() {
        let mut row = Vec::new();
        for i in 0..data[k].len() {
            let at = |d: f64| {
                let mut data = data.to_vec();
                data[k][i] += d;
                f(&data)
            };
            row.push((at(STEP)? - at(-STEP)?) / (2.0 * STEP));
        }
        out.push(row);
    }
    Ok(out)
}

fn compare(name: &str, order: &str, got: &[Tensor], want: &[Vec<f64>]) -> Result<()> {
    for (k, (g, w)) in got.iter().zip(want).enumerate() {
        for (i, (a, b)) in g.to_vec::<f64>()?.iter().zip(w).enumerate() {
            assert!(
                (a - b).abs() <= 1e-4 + 1e-4 * b.abs(),
                "{name}: {order} derivative by input {k}, element {i}: {a} is not {b}"
            );
        }
    }
    Ok(())
}

/// Checks first and second derivatives of `f` at spread values.
fn check(name: &str, shapes: &[&[usize]], f: &dyn Fn(Inputs) -> Result<Vec<Tensor>>) -> Result<()> {
    let data: Vec<Vec<f64>> =
        shapes.iter().enumerate().map(|(k, s)| spread(s.iter().product(), 7 + k as u64)).collect();
    check_at(name, shapes, &data, f)
}

fn check_at(
    name: &str,
    shapes: &[&[usize]],
    data: &[Vec<f64>],
    f: &dyn Fn(Inputs) -> Result<Vec<Tensor>>,
) -> Result<()> {
    let value = |d: &[Vec<f64>]| Ok(no_grad(|| weighted(&f(&leaves(d, shapes))?, 100))?.item()?.to_f64());
    let x = leaves(data, shapes);
    let first = gradients(f, &x, true)?;
    compare(name, "first", &first, &differences(data, value)?)?;
    // The gradient is a function too: its weighted sum is differentiated in the same way.
    let slope = |d: &[Vec<f64>]| Ok(weighted(&gradients(f, &leaves(d, shapes), false)?, 200)?.item()?.to_f64());
    let total = weighted(&first, 200)?;
    let second = if total.requires_grad() {
        let grads = grad(&[total], &[None], &x, false, false)?;
        x.iter()
            .zip(grads)
            .map(|(x, g)| g.map_or_else(|| Tensor::zeros(x.shape(), DType::F64), Ok))
            .collect::<Result<Vec<_>>>()?
    } else {
        x.iter().map(|x| Tensor::zeros(x.shape(), DType::F64)).collect::<Result<Vec<_>>>()?
    };
    compare(name, "second", &second, &differences(data, slope)?)
}

fn one(t: Result<Tensor>) -> Result<Vec<Tensor>> {
    Ok(vec![t?])
}

fn longs(data: &[i64], shape: &[usize]) -> Tensor {
    Tensor::from_slice(data, shape).unwrap()
}

fn mask(data: &[u8], shape: &[usize]) -> Tensor {
    Tensor::from_slice(data, shape).unwrap().cast_data(DType::Bool).unwrap()
}

const M: &[&[usize]] = &[&[3, 4]];

#[test]
fn reductions() -> Result<()> {
    check("sum", M, &|x| one(ops::sum(&x[0], None)))?;
    check("sum(1)", M, &|x| one(ops::sum_dim(&x[0], Some(&[1]), false, None)))?;
    check("mean", M, &|x| one(ops::mean(&x[0], None)))?;
    check("mean(0)", M, &|x| one(ops::mean_dim(&x[0], Some(&[0]), true, None)))?;
    check("nansum", M, &|x| one(ops::nansum(&x[0], Some(&[0]), false, None)))?;
    check("nanmean", M, &|x| one(ops::nanmean(&x[0], Some(&[1]), false, None)))?;
    check("prod", &[&[5]], &|x| one(ops::prod(&x[0], None)))?;
    check("prod(1)", M, &|x| one(ops::prod_dim(&x[0], 1, false, None)))?;
    check("amax", M, &|x| one(ops::amax(&x[0], Some(&[0]), false)))?;
    check("amin", M, &|x| one(ops::amin(&x[0], Some(&[0, 1]), true)))?;
    check("aminmax", M, &|x| ops::aminmax(&x[0], Some(1), false).map(|(a, b)| vec![a, b]))?;
    check("max", M, &|x| one(ops::max(&x[0])))?;
    check("max(1)", M, &|x| ops::max_dim(&x[0], 1, false).map(|(v, i)| vec![v, i]))?;
    check("min(0)", M, &|x| ops::min_dim(&x[0], 0, true).map(|(v, i)| vec![v, i]))?;
    check("logsumexp", M, &|x| one(ops::logsumexp(&x[0], &[1], false)))?;
    check("logsumexp(0, 1)", M, &|x| one(ops::logsumexp(&x[0], &[0, 1], true)))?;
    check("var", M, &|x| one(ops::var_dim(&x[0], Some(&[1]), true, false)))?;
    check("std", M, &|x| one(ops::std_correction(&x[0], Some(&[0]), Some(Scalar::Int(2)), true)))?;
    check("std_mean", M, &|x| ops::std_mean_dim(&x[0], Some(&[1]), true, false).map(|(s, m)| vec![s, m]))?;
    for p in [0.5, 1.0, 1.5, 2.0, 3.0, f64::INFINITY, f64::NEG_INFINITY] {
        check("norm", M, &|x| one(ops::vector_norm(&x[0], Scalar::Float(p), Some(&[1]), false, None)))?;
    }
    check("matrix_norm", M, &|x| one(ops::matrix_norm(&x[0], Scalar::Int(1), &[-2, -1], false, None)))?;
    check("matrix_norm(2)", M, &|x| one(ops::matrix_norm(&x[0], Scalar::Int(2), &[-2, -1], true, None)))?;
    check("matrix_norm(nuc)", &[&[2, 3, 2]], &|x| one(ops::matrix_norm_named(&x[0], "nuc", &[-1, 0], false, None)))?;
    check("renorm", M, &|x| one(ops::renorm(&x[0], Scalar::Int(2), 0, Scalar::Float(1.0))))?;
    check("cov", M, &|x| one(ops::cov(&x[0], 1, None, None)))?;
    check("corrcoef", M, &|x| one(ops::corrcoef(&x[0])))
}

#[test]
fn a_product_with_zeros_has_the_product_of_the_others_as_gradient() -> Result<()> {
    for zeros in [1, 2] {
        let mut data = spread(12, 7);
        data[..zeros].fill(0.0);
        data[7] = 0.0;
        check_at("prod", M, &[data.clone()], &|x| one(ops::prod_dim(&x[0], 1, false, None)))?;
        let x = leaves(&[data.clone()], M);
        let loss = ops::sum(&ops::cumprod(&x[0], 1, None)?, None)?;
        let got = grad(&[loss], &[None], &x, false, false)?;
        let want =
            differences(&[data], |d| Ok(ops::sum(&ops::cumprod(&leaves(d, M)[0], 1, None)?, None)?.item()?.to_f64()))?;
        compare("cumprod", "first", &[got[0].clone().unwrap()], &want)?;
    }
    Ok(())
}

#[test]
fn scans() -> Result<()> {
    check("cumsum", M, &|x| one(ops::cumsum(&x[0], 1, None)))?;
    check("cumprod", M, &|x| one(ops::cumprod(&x[0], 0, None)))?;
    check("cummax", M, &|x| ops::cummax(&x[0], 1).map(|(v, i)| vec![v, i]))?;
    check("cummin", M, &|x| ops::cummin(&x[0], 0).map(|(v, i)| vec![v, i]))?;
    check("logcumsumexp", M, &|x| one(ops::logcumsumexp(&x[0], 1)))?;
    check("diff", M, &|x| one(ops::diff(&x[0], 2, 1, None, None)))?;
    check("trapezoid", &[&[3, 4], &[4]], &|x| one(ops::trapezoid(&x[0], Some(&x[1]), None, -1)))?;
    check("cumulative_trapezoid", M, &|x| one(ops::cumulative_trapezoid(&x[0], None, Some(0.5), 0)))
}

#[test]
fn softmaxes() -> Result<()> {
    for dim in [0, 1] {
        check("softmax", M, &|x| one(ops::softmax(&x[0], dim, None)))?;
        check("log_softmax", M, &|x| one(ops::log_softmax(&x[0], dim, None)))?;
    }
    check("softmin", M, &|x| one(ops::softmin(&x[0], Some(1), None)))
}

#[test]
fn sorting() -> Result<()> {
    check("sort", M, &|x| ops::sort(&x[0], 0, true, None).map(|(v, i)| vec![v, i]))?;
    check("topk", M, &|x| ops::topk(&x[0], 2, -1, true, true).map(|(v, i)| vec![v, i]))?;
    check("kthvalue", M, &|x| ops::kthvalue(&x[0], 2, 1, false).map(|(v, i)| vec![v, i]))?;
    check("median", M, &|x| one(ops::median(&x[0])))?;
    check("median(1)", M, &|x| ops::median_dim(&x[0], 1, true).map(|(v, i)| vec![v, i]))?;
    check("nanmedian(0)", M, &|x| ops::nanmedian_dim(&x[0], 0, false).map(|(v, i)| vec![v, i]))?;
    check("mode", M, &|x| ops::mode(&x[0], 1, false).map(|(v, i)| vec![v, i]))?;
    let q = Tensor::from_slice(&[0.1, 0.6], &[2])?;
    check("quantile", M, &|x| one(ops::quantile(&x[0], &q, Some(1), false, "linear")))?;
    check("nanquantile", M, &|x| one(ops::nanquantile(&x[0], &q, None, true, "midpoint")))
}

#[test]
fn gather_and_scatter() -> Result<()> {
    let at = longs(&[0, 1, 1, 3, 2, 0], &[3, 2]);
    let two: &[&[usize]] = &[&[3, 4], &[3, 2]];
    check("gather", M, &|x| one(ops::gather(&x[0], 1, &at, false)))?;
    check("scatter", two, &|x| one(ops::scatter(&x[0], 1, &longs(&[0, 1, 2, 3, 2, 0], &[3, 2]), &x[1], None)))?;
    check("scatter(value)", M, &|x| one(ops::scatter_value(&x[0], 1, &at, Scalar::Float(2.0), None)))?;
    check("scatter_add", two, &|x| one(ops::scatter_add(&x[0], 1, &at, &x[1])))?;
    for reduce in ["sum", "mean", "amax", "amin", "prod"] {
        for own in [true, false] {
            check(reduce, two, &|x| one(ops::scatter_reduce(&x[0], 1, &at, &x[1], reduce, own)))?;
        }
    }
    let rows = longs(&[0, 2, 0], &[3]);
    let slices: &[&[usize]] = &[&[3, 2], &[3, 2]];
    for reduce in ["mean", "amax", "amin", "prod"] {
        check(reduce, slices, &|x| one(ops::index_reduce(&x[0], 0, &rows, &x[1], reduce, true)))?;
    }
    Ok(())
}

#[test]
fn indexing() -> Result<()> {
    let rows = longs(&[2, 0, 2], &[3]);
    check("index_select", M, &|x| one(ops::index_select(&x[0], 0, &rows)))?;
    check("index_add", &[&[3, 4], &[3, 4]], &|x| one(ops::index_add(&x[0], 0, &rows, &x[1], Scalar::Float(1.5))))?;
    check("index_copy", &[&[3, 4], &[2, 4]], &|x| one(ops::index_copy(&x[0], 0, &longs(&[2, 0], &[2]), &x[1])))?;
    check("index_fill", &[&[3, 4], &[]], &|x| one(ops::index_fill(&x[0], 1, &longs(&[0, -1, 3, 0], &[4]), &x[1])))?;
    let ends = longs(&[-1, 0, 3, -4, 1, 2], &[3, 2]);
    check("take_along_dim", M, &|x| one(ops::take_along_dim(&x[0], &ends, Some(1))))?;
    check("take", M, &|x| one(ops::take(&x[0], &longs(&[0, -1, 0, 5], &[2, 2]))))?;
    check("put", &[&[3, 4], &[2]], &|x| one(ops::put(&x[0], &longs(&[3, -1], &[2]), &x[1], false)))?;
    check("put+", &[&[3, 4], &[2]], &|x| one(ops::put(&x[0], &longs(&[3, 3], &[2]), &x[1], true)))?;
    let pair = [Some(longs(&[0, 2], &[2])), Some(longs(&[-1, 1], &[2]))];
    check("index", M, &|x| one(ops::index(&x[0], &pair)))?;
    check("index around a kept dimension", &[&[3, 2, 4]], &|x| {
        one(ops::index(&x[0], &[Some(longs(&[0, 0], &[2])), None, Some(longs(&[3, 1], &[2]))]))
    })?;
    check("index by mask", M, &|x| one(ops::index(&x[0], &[Some(mask(&[1, 0, 1], &[3]))])))?;
    check("index_put", &[&[3, 4], &[2]], &|x| one(ops::index_put(&x[0], &pair, &x[1], false)))?;
    check("index_put+", &[&[3, 4], &[]], &|x| one(ops::index_put(&x[0], &pair, &x[1], true)))?;
    let m = mask(&[1, 0, 0, 1], &[4]);
    check("masked_fill", &[&[3, 4], &[]], &|x| one(ops::masked_fill(&x[0], &m, &x[1])))?;
    check("masked_select", M, &|x| one(ops::masked_select(&x[0], &m)))?;
    check("masked_scatter", &[&[3, 4], &[8]], &|x| one(ops::masked_scatter(&x[0], &m, &x[1])))
}

#[test]
fn rearrangements() -> Result<()> {
    check("flip", M, &|x| one(ops::flip(&x[0], &[0, 1])))?;
    check("roll", M, &|x| one(ops::roll(&x[0], &[1, -2], &[0, 1])))?;
    check("rot90", M, &|x| one(ops::rot90(&x[0], 3, &[0, 1])))?;
    check("repeat_interleave", M, &|x| one(ops::repeat_interleave(&x[0], 2, Some(1), None)))?;
    check("tril", M, &|x| one(ops::tril(&x[0], 1)))?;
    check("triu", &[&[2, 3, 3]], &|x| one(ops::triu(&x[0], -1)))?;
    check("trace", M, &|x| one(ops::trace(&x[0])))?;
    check("diag", &[&[3]], &|x| one(ops::diag(&x[0], 1)))?;
    check("diag_embed", M, &|x| one(ops::diag_embed(&x[0], -1, 0, 2)))?;
    check("cross", &[&[3, 4], &[3, 4]], &|x| one(ops::cross(&x[0], &x[1], None)))
}
