//! Window functions for spectra (torch/signal/windows/windows.py, aten/src/ATen/native/TensorFactories.cpp).
//!
//! Computed in float64 and rounded once. `M`, as PyTorch names the length, keeps its capital.
#![allow(non_snake_case)]

use std::f64::consts::PI;

use crate::ops::creation::generate;
use crate::promote::default_dtype;
use crate::{DType, Result, Tensor, ensure};

ops! {
    /// A triangle that reaches 0 at both ends.
    ///
    /// PyTorch: `torch.signal.windows.bartlett`. `sym: false` gives a window for periodic use.
    [factory "signal.windows.bartlett"]
    fn window_bartlett(M: i64, sym: bool = true, dtype: Option<DType> = None) -> Tensor {
        window("bartlett", M, sym, dtype, triangle)
    }

    /// A weighted sum of three cosines.
    ///
    /// PyTorch: `torch.signal.windows.blackman`.
    [factory "signal.windows.blackman"]
    fn window_blackman(M: i64, sym: bool = true, dtype: Option<DType> = None) -> Tensor {
        window("blackman", M, sym, dtype, |t| cosines(&BLACKMAN, t))
    }

    /// Half a wave of the sine.
    ///
    /// PyTorch: `torch.signal.windows.cosine`.
    [factory "signal.windows.cosine"]
    fn window_cosine(M: i64, sym: bool = true, dtype: Option<DType> = None) -> Tensor {
        let (n, dtype) = check("cosine", M, dtype)?;
        let width = (n + usize::from(!sym && n > 1)) as f64;
        generate(n, dtype, |i| libm::sin((i as f64 + 0.5) * PI / width), |_| 0)
    }

    /// Decays to both sides of `center` (default: the middle) by a factor e every `tau` elements.
    ///
    /// PyTorch: `torch.signal.windows.exponential`. A center can only be given with `sym: false`.
    [factory "signal.windows.exponential"]
    fn window_exponential(M: i64, center: Option<f64> = None, tau: f64 = 1.0, sym: bool = true,
                          dtype: Option<DType> = None) -> Tensor {
        let (n, dtype) = check("exponential", M, dtype)?;
        ensure!(tau > 0.0, Value, "exponential: Tau must be positive, got: {tau} instead.");
        ensure!(!sym || center.is_none(), Value, "exponential: Center must be None for symmetric windows");
        let center = center.unwrap_or_else(|| span(n, sym) / 2.0);
        generate(n, dtype, |i| libm::exp(-((i as f64 - center) / tau).abs()), |_| 0)
    }

    /// A bell of standard deviation `std`, in elements.
    ///
    /// PyTorch: `torch.signal.windows.gaussian`.
    [factory "signal.windows.gaussian"]
    fn window_gaussian(M: i64, std: f64 = 1.0, sym: bool = true, dtype: Option<DType> = None) -> Tensor {
        let (n, dtype) = check("gaussian", M, dtype)?;
        ensure!(std > 0.0, Value, "gaussian: Standard deviation must be positive, got: {std} instead.");
        let bell = |i: usize| {
            let k = (i as f64 - span(n, sym) / 2.0) / std;
            libm::exp(-0.5 * k * k)
        };
        generate(n, dtype, bell, |_| 0)
    }

    /// The sum of cosines weighted by `a`, with alternating signs.
    ///
    /// PyTorch: `torch.signal.windows.general_cosine`.
    [factory "signal.windows.general_cosine"]
    fn window_general_cosine(M: i64, a: Vec<f64>, sym: bool = true, dtype: Option<DType> = None) -> Tensor {
        check("general_cosine", M, dtype)?;
        ensure!(!a.is_empty(), Value, "general_cosine: Coefficients cannot be empty");
        window("general_cosine", M, sym, dtype, |t| cosines(a, t))
    }

    /// `alpha` less `1 - alpha` times a cosine.
    ///
    /// PyTorch: `torch.signal.windows.general_hamming`.
    [factory "signal.windows.general_hamming"]
    fn window_general_hamming(M: i64, alpha: f64 = 0.54, sym: bool = true, dtype: Option<DType> = None) -> Tensor {
        window("general_hamming", M, sym, dtype, |t| cosines(&[alpha, 1.0 - alpha], t))
    }

    /// Hamming's window: `generalHamming` with 0.54.
    ///
    /// PyTorch: `torch.signal.windows.hamming`.
    [factory "signal.windows.hamming"]
    fn window_hamming(M: i64, sym: bool = true, dtype: Option<DType> = None) -> Tensor {
        window("hamming", M, sym, dtype, |t| cosines(&[0.54, 0.46], t))
    }

    /// Hann's window, a raised cosine: `generalHamming` with 0.5.
    ///
    /// PyTorch: `torch.signal.windows.hann`.
    [factory "signal.windows.hann"]
    fn window_hann(M: i64, sym: bool = true, dtype: Option<DType> = None) -> Tensor {
        window("hann", M, sym, dtype, |t| cosines(&[0.5, 0.5], t))
    }

    /// Kaiser's window, from the modified Bessel function of order 0.
    ///
    /// PyTorch: `torch.signal.windows.kaiser`.
    [factory "signal.windows.kaiser"]
    fn window_kaiser(M: i64, beta: f64 = 12.0, sym: bool = true, dtype: Option<DType> = None) -> Tensor {
        check("kaiser", M, dtype)?;
        ensure!(beta >= 0.0, Value, "kaiser: beta must be non-negative, got: {beta} instead.");
        window("kaiser", M, sym, dtype, |t| kaiser(beta, t))
    }

    /// Nuttall's window: a weighted sum of four cosines.
    ///
    /// PyTorch: `torch.signal.windows.nuttall`.
    [factory "signal.windows.nuttall"]
    fn window_nuttall(M: i64, sym: bool = true, dtype: Option<DType> = None) -> Tensor {
        window("nuttall", M, sym, dtype, |t| cosines(&[0.3635819, 0.4891775, 0.1365995, 0.0106411], t))
    }

    /// A triangle that reaches 0 at both ends.
    ///
    /// PyTorch: `torch.bartlett_window`. Periodic unless `periodic` is false.
    [torch factory]
    fn bartlett_window(window_length: i64, periodic: bool = true, dtype: Option<DType> = None) -> Tensor {
        window("bartlett_window", window_length, !periodic, dtype, triangle)
    }

    /// A weighted sum of three cosines.
    ///
    /// PyTorch: `torch.blackman_window`.
    [torch factory]
    fn blackman_window(window_length: i64, periodic: bool = true, dtype: Option<DType> = None) -> Tensor {
        window("blackman_window", window_length, !periodic, dtype, |t| cosines(&BLACKMAN, t))
    }

    /// `alpha` less `beta` times a cosine.
    ///
    /// PyTorch: `torch.hamming_window`.
    [torch factory]
    fn hamming_window(window_length: i64, periodic: bool = true, alpha: f64 = 0.54, beta: f64 = 0.46,
                      dtype: Option<DType> = None) -> Tensor {
        window("hamming_window", window_length, !periodic, dtype, |t| cosines(&[alpha, beta], t))
    }

    /// A raised cosine.
    ///
    /// PyTorch: `torch.hann_window`.
    [torch factory]
    fn hann_window(window_length: i64, periodic: bool = true, dtype: Option<DType> = None) -> Tensor {
        window("hann_window", window_length, !periodic, dtype, |t| cosines(&[0.5, 0.5], t))
    }

    /// Kaiser's window, from the modified Bessel function of order 0.
    ///
    /// PyTorch: `torch.kaiser_window`.
    [torch factory]
    fn kaiser_window(window_length: i64, periodic: bool = true, beta: f64 = 12.0, dtype: Option<DType> = None) -> Tensor {
        window("kaiser_window", window_length, !periodic, dtype, |t| kaiser(beta, t))
    }
}

const BLACKMAN: [f64; 3] = [0.42, 0.5, 0.08];

fn check(name: &str, length: i64, dtype: Option<DType>) -> Result<(usize, DType)> {
    ensure!(length >= 0, Value, "{name} requires non-negative window length, got M={length}");
    let dtype = dtype.unwrap_or_else(default_dtype);
    ensure!(matches!(dtype, DType::F32 | DType::F64), Value, "{name} expects float32 or float64 dtypes, got: {dtype}");
    Ok((length as usize, dtype))
}

/// How far apart the ends are; a window for periodic use ends one element before its period does.
fn span(n: usize, sym: bool) -> f64 {
    if sym || n <= 1 { n as f64 - 1.0 } else { n as f64 }
}

/// A window by its shape over [0, 1].
fn window(name: &str, length: i64, sym: bool, dtype: Option<DType>, shape: impl Fn(f64) -> f64) -> Result<Tensor> {
    let (n, dtype) = check(name, length, dtype)?;
    if n == 1 {
        return Tensor::ones(&[1], dtype);
    }
    generate(n, dtype, |i| shape(i as f64 / span(n, sym)), |_| 0)
}

fn triangle(t: f64) -> f64 {
    1.0 - (2.0 * t - 1.0).abs()
}

fn cosines(a: &[f64], t: f64) -> f64 {
    let term = |(k, a): (usize, &f64)| if k % 2 == 0 { *a } else { -a } * libm::cos(2.0 * PI * k as f64 * t);
    a.iter().enumerate().map(term).sum()
}

fn kaiser(beta: f64, t: f64) -> f64 {
    let k = 2.0 * t - 1.0;
    bessel_i0(beta * (1.0 - k * k).max(0.0).sqrt()) / bessel_i0(beta)
}

/// Modified Bessel function of order 0 by its series, whose terms are all positive.
fn bessel_i0(x: f64) -> f64 {
    let quarter = 0.25 * x * x;
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-18 {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}
