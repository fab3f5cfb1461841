//! Pools that are rarer: over windows at random places, and by powers.

use super::pool::{attach_max, check_input, chosen, node, resized};
use super::windows::{Five, spread, three};
use crate::call::OneOrMore;
use crate::device::{self, Device};
use crate::cpu::pool::FRACTIONAL_MAX_POOL;
use crate::promote::wide;
use crate::{Attr, DType, Result, Scalar, Strided, Tensor, bail, dispatch, ensure, ops};

/// Where the windows start (aten/native/FractionalMaxPooling.h, generate_intervals), in the tensor's precision.
fn intervals(sample: f64, input: usize, output: usize, kernel: usize, single: bool) -> Vec<i64> {
    let last = (input - kernel) as i64;
    let mut starts = vec![last; output];
    if output > 1 {
        if single {
            let (sample, alpha) = (sample as f32, (input - kernel) as f32 / (output - 1) as f32);
            for (i, s) in starts[..output - 1].iter_mut().enumerate() {
                *s = ((i as f32 + sample) * alpha) as i64 - (sample * alpha) as i64;
            }
        } else {
            let alpha = (input - kernel) as f64 / (output - 1) as f64;
            for (i, s) in starts[..output - 1].iter_mut().enumerate() {
                *s = ((i as f64 + sample) * alpha) as i64 - (sample * alpha) as i64;
            }
        }
    }
    starts
}

struct Fraction<'a> {
    kernel: &'a [i64],
    output_size: Option<&'a [i64]>,
    output_ratio: Option<&'a [f64]>,
    samples: Option<&'a Tensor>,
}

fn fractional(op: &str, n: usize, x: &Tensor, f: Fraction) -> Result<(Tensor, Tensor)> {
    check_input(op, n, x)?;
    let kernel = spread(op, "kernel_size", f.kernel, n)?;
    let lead = x.ndim() - n;
    let input: Vec<usize> = x.shape()[lead..].to_vec();
    let output: Vec<i64> = match (f.output_size, f.output_ratio) {
        (Some(size), _) => spread(op, "output_size", size, n)?,
        (None, Some(ratio)) => {
            let ratio = if ratio.len() == 1 { vec![ratio[0]; n] } else { ratio.to_vec() };
            ensure!(ratio.len() == n, Value, "{op}: output_ratio must be a number or {n} numbers, got {ratio:?}");
            (0..n).map(|d| (input[d] as f64 * ratio[d]) as i64).collect()
        }
        (None, None) => bail!(Value, "{op}: requires specifying either an output_size or an output_ratio"),
    };
    for d in 0..n {
        ensure!(
            kernel[d] > 0 && output[d] > 0 && output[d] + kernel[d] - 1 <= input[d] as i64,
            Shape,
            "{op}: pool size {} too large relative to input size {} for output size {} along dimension {d}",
            kernel[d],
            input[d],
            output[d]
        );
    }
    let (images, channels) = (if x.ndim() == n + 1 { 1 } else { x.shape()[0] }, x.shape()[lead - 1]);
    let drawn;
    let samples = match f.samples {
        Some(s) => s,
        None => {
            // The windows are laid out on the host.
            let _host = device::enter(Device::Cpu);
            drawn = ops::rand(&[images as i64, channels as i64, n as i64], None, Some(x.dtype()))?;
            &drawn
        }
    };
    ensure!(
        samples.shape() == [images, channels, n],
        Shape,
        "{op}: Expect _random_samples of shape [{images}, {channels}, {n}], got {:?}",
        samples.shape()
    );
    let length = output.iter().copied().max().unwrap_or(1) as usize;
    let mut starts = vec![0i64; images * channels * 3 * length];
    for (plane, sample) in samples.to_vec::<f64>()?.chunks(n).enumerate() {
        for d in 0..n {
            // Over two dimensions the first number is for the width, over three the last is.
            let s = if n == 2 { sample[1 - d] } else { sample[d] };
            let list = intervals(s, input[d], output[d] as usize, kernel[d] as usize, x.dtype() == DType::F32);
            let at = (plane * 3 + 3 - n + d) * length;
            starts[at..at + list.len()].copy_from_slice(&list);
        }
    }
    let starts = Tensor::from_slice(&starts, &[images, channels, 3, length])?;
    let shape = resized(x, n, output.iter().map(|&s| s as usize));
    let data = x.cast_data(wide(x.dtype()))?;
    let (values, indices) = (Tensor::empty(&shape, data.dtype())?, Tensor::empty(&shape, DType::I64)?);
    let (a, v, i) = (Five::new(&data, n), Five::new(&values, n), Five::new(&indices, n));
    let attrs = three(&kernel, 1).map(Attr::from);
    dispatch(&FRACTIONAL_MAX_POOL, &[a.strided(), Strided::from(&starts)], &[v.strided(), i.strided()], &attrs)?;
    let values = values.cast_data(x.dtype())?;
    let names = ["", "FractionalMaxPool2DBackward0", "FractionalMaxPool3DBackward0"];
    attach_max(node(names, n), n, x, &values, &indices, Vec::new());
    Ok((values, indices))
}

/// The root of the summed powers: `mean` holds the means of powers over `count` elements.
fn root(mean: &Tensor, count: i64, norm_type: f64) -> Result<Tensor> {
    let magnitude = ops::mul(&ops::sign(mean)?, &ops::abs(mean)?)?;
    let sum = ops::mul(&magnitude, &Tensor::number(count)?)?;
    ops::pow(&sum, &Tensor::number(1.0 / norm_type)?)
}

fn powers(x: &Tensor, norm_type: f64) -> Result<Tensor> {
    ops::pow(x, &Tensor::number(Scalar::Float(norm_type))?)
}

fn volume(op: &str, kernel: &[i64], n: usize) -> Result<i64> {
    Ok(spread(op, "kernel_size", kernel, n)?.iter().product())
}

ops! {
    /// The largest value of windows at random places, so many that the output has this size or ratio of the input's; with
    /// `returnIndices` also where they stood. `_randomSamples` (N, C, 2) fixes the places.
    ///
    /// PyTorch: `torch.nn.functional.fractional_max_pool2d`.
    [F]
    fn fractional_max_pool2d(input: Tensor, kernel_size: Vec<i64>, output_size: Option<Vec<i64>> = None,
            output_ratio: Option<Vec<f64>> = None, return_indices: bool = false,
            _random_samples: Option<Tensor> = None) -> OneOrMore {
        let f = Fraction { kernel: kernel_size, output_size, output_ratio, samples: _random_samples };
        chosen(fractional("fractional_max_pool2d", 2, input, f)?, return_indices)
    }

    /// The largest value of windows at random places in volumes; see `fractionalMaxPool2d`.
    ///
    /// PyTorch: `torch.nn.functional.fractional_max_pool3d`.
    [F]
    fn fractional_max_pool3d(input: Tensor, kernel_size: Vec<i64>, output_size: Option<Vec<i64>> = None,
            output_ratio: Option<Vec<f64>> = None, return_indices: bool = false,
            _random_samples: Option<Tensor> = None) -> OneOrMore {
        let f = Fraction { kernel: kernel_size, output_size, output_ratio, samples: _random_samples };
        chosen(fractional("fractional_max_pool3d", 3, input, f)?, return_indices)
    }

    /// The p-norm of each window: `(sum of x^p)^(1/p)`.
    ///
    /// PyTorch: `torch.nn.functional.lp_pool1d`.
    [F]
    fn lp_pool1d(input: Tensor, norm_type: f64, kernel_size: Vec<i64>, stride: Option<Vec<i64>> = None,
                 ceil_mode: bool = false) -> Tensor {
        let mean = ops::avg_pool1d(&powers(input, norm_type)?, kernel_size, stride, &[0], ceil_mode, true)?;
        root(&mean, volume("lp_pool1d", kernel_size, 1)?, norm_type)
    }

    /// The p-norm of each window: `(sum of x^p)^(1/p)`.
    ///
    /// PyTorch: `torch.nn.functional.lp_pool2d`.
    [F]
    fn lp_pool2d(input: Tensor, norm_type: f64, kernel_size: Vec<i64>, stride: Option<Vec<i64>> = None,
                 ceil_mode: bool = false) -> Tensor {
        let mean = ops::avg_pool2d(&powers(input, norm_type)?, kernel_size, stride, &[0], ceil_mode, true, None)?;
        root(&mean, volume("lp_pool2d", kernel_size, 2)?, norm_type)
    }

    /// The p-norm of each window: `(sum of x^p)^(1/p)`.
    ///
    /// PyTorch: `torch.nn.functional.lp_pool3d`.
    [F]
    fn lp_pool3d(input: Tensor, norm_type: f64, kernel_size: Vec<i64>, stride: Option<Vec<i64>> = None,
                 ceil_mode: bool = false) -> Tensor {
        let mean = ops::avg_pool3d(&powers(input, norm_type)?, kernel_size, stride, &[0], ceil_mode, true, None)?;
        root(&mean, volume("lp_pool3d", kernel_size, 3)?, norm_type)
    }
}
