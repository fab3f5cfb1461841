//! First values of parameters that need more than one fill (`torch.nn.init`).

use crate::autograd::no_grad;
use crate::call::GeneratorId;
use crate::{DType, Result, Tensor, device, ensure, ops};

/// The share of a standard normal distribution below `x`.
fn normal_cdf(x: f64) -> f64 {
    0.5 * (1.0 + crate::lane::num::Real::erf(x / std::f64::consts::SQRT_2))
}

/// Fresh normal numbers in the shape of `like`, drawn in the order in which it lies.
fn normals(like: &Tensor, mean: f64, std: f64, generator: Option<GeneratorId>) -> Result<Tensor> {
    let t = Tensor::empty_like(like, like.dtype())?;
    ops::normal_(&t, mean, std, generator)?;
    Ok(t)
}

/// The Q of the QR decomposition of a row-major `rows` x `columns` matrix (rows >= columns), by modified Gram-Schmidt run
/// twice, which loses no orthogonality. The signs are those for which R has a positive diagonal.
fn orthonormal_columns(a: &mut [f64], rows: usize, columns: usize) {
    for c in 0..columns {
        for _ in 0..2 {
            for k in 0..c {
                let dot: f64 = (0..rows).map(|r| a[r * columns + k] * a[r * columns + c]).sum();
                (0..rows).for_each(|r| a[r * columns + c] -= dot * a[r * columns + k]);
            }
        }
        let norm = (0..rows).map(|r| a[r * columns + c].powi(2)).sum::<f64>().sqrt();
        (0..rows).for_each(|r| a[r * columns + c] /= norm);
    }
}

ops! {
    /// Values from N(mean, std²) cut off outside [a, b], in the shape of `input`.
    ///
    /// PyTorch: `torch.nn.init.trunc_normal_`.
    [private]
    fn trunc_normal(input: Tensor, mean: f64, std: f64, a: f64, b: f64, generator: Option<GeneratorId>) -> Tensor {
        ensure!(a < b, Value, "truncNormal_: the lower bound {a} must be below the upper bound {b}");
        ensure!(std >= 0.0, Value, "truncNormal_: std must not be negative, got {std}");
        let inside = normal_cdf((b - mean) / std) - normal_cdf((a - mean) / std);
        // The bounds as the dtype has them: what was rounded onto one is inside.
        let [a, b] = [a, b].map(|bound| if input.dtype() == DType::F32 { bound as f32 as f64 } else { bound });
        let outside = |values: &[f64]| values.iter().any(|v| *v < a || *v > b);
        let shape = input.shape();
        let input = &Tensor::empty_on_host(shape, input.dtype())?;
        let drawn = || no_grad(|| {
            // Likely values are drawn until all are inside; unlikely ones are found by rejection from the uniform
            // distribution, whose height is the density's greatest value in the range.
            let likely = inside > 0.3;
            let peak = if mean < a { a } else { mean.min(b) };
            let draw = |t: &Tensor| -> Result<Vec<f64>> {
                if likely {
                    return normals(t, mean, std, generator)?.to_vec::<f64>();
                }
                let (x, u) = (Tensor::empty_like(t, t.dtype())?, Tensor::empty_like(t, t.dtype())?);
                ops::uniform_(&x, a, b, generator)?;
                ops::uniform_(&u, 0.0, 1.0, generator)?;
                let density = |x: f64| libm::exp(((peak - mean).powi(2) - (x - mean).powi(2)) / (2.0 * std * std));
                let accepted = |(x, u): (f64, f64)| if u <= density(x) { x } else { f64::INFINITY };
                Ok(x.to_vec::<f64>()?.into_iter().zip(u.to_vec::<f64>()?).map(accepted).collect())
            };
            let mut values = draw(input)?;
            while outside(&values) {
                for (old, new) in values.iter_mut().zip(draw(input)?) {
                    if *old < a || *old > b {
                        *old = new;
                    }
                }
            }
            Tensor::from_slice(&values, shape)?.cast_data(input.dtype())
        });
        device::made_on_host(drawn)
    }

    /// A (semi-)orthogonal matrix times `gain` in the shape of `input`, whose dimensions after the first count as one.
    ///
    /// PyTorch: `torch.nn.init.orthogonal_`.
    [private]
    fn orthogonal(input: Tensor, gain: f64, generator: Option<GeneratorId>) -> Tensor {
        let rows = input.shape()[0];
        let columns = input.numel() / rows.max(1);
        let drawn = normals(&Tensor::empty_on_host(&[rows, columns], input.dtype())?, 0.0, 1.0, generator)?.to_vec::<f64>()?;
        // A wide matrix is made from its transpose.
        let (tall, short) = (rows.max(columns), rows.min(columns));
        let wide = rows < columns;
        let at = |r: usize, c: usize| if wide { drawn[c * columns + r] } else { drawn[r * columns + c] };
        let mut q: Vec<f64> = (0..tall * short).map(|i| at(i / short, i % short)).collect();
        orthonormal_columns(&mut q, tall, short);
        let value = |i: usize| {
            let (r, c) = (i / columns, i % columns);
            gain * if wide { q[c * short + r] } else { q[r * short + c] }
        };
        let out: Vec<f64> = (0..rows * columns).map(value).collect();
        Tensor::from_numbers(&out, input.shape(), input.dtype())
    }
}
