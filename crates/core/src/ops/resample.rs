//! Interpolation and padding: resampling along one dimension after the other, by tables of indices and weights.

use super::pool::node;
use super::windows::spread;
use crate::cpu::resample::{RESAMPLE, RESAMPLE_BACKWARD};
use crate::{Attr, DType, Result, Scalar, Shape, Tensor, attach, bail, dispatch, ensure, ops};

/// For every output along a dimension the inputs it reads and, but for plain copies, their weights.
struct Table {
    index: Tensor,
    weight: Option<Tensor>,
}

impl Table {
    fn copies(index: &[i64]) -> Result<Table> {
        Ok(Table { index: Tensor::from_slice(index, &[index.len(), 1])?, weight: None })
    }

    fn weighted(rows: &[Vec<(i64, f64)>], dtype: DType) -> Result<Table> {
        let taps = rows.iter().map(Vec::len).max().unwrap_or(1).max(1);
        let mut index = vec![0i64; rows.len() * taps];
        let mut weight = vec![0f64; rows.len() * taps];
        for (o, row) in rows.iter().enumerate() {
            for (t, &(k, w)) in row.iter().enumerate() {
                (index[o * taps + t], weight[o * taps + t]) = (k, w);
            }
        }
        let shape = [rows.len(), taps];
        let weight = Tensor::from_numbers(&weight, &shape, dtype)?;
        Ok(Table { index: Tensor::from_slice(&index, &shape)?, weight: Some(weight) })
    }
}

/// One dimension of `x` resampled to `size`; backwards with `transpose`. Each direction is the other's gradient.
fn resample(name: &'static str, x: &Tensor, dim: usize, size: usize, table: &Table, transpose: bool) -> Result<Tensor> {
    let mut shape: Shape = x.shape().into();
    let before = shape[dim];
    shape[dim] = size;
    let out = Tensor::empty(&shape, x.dtype())?;
    let kernel = if transpose { &RESAMPLE_BACKWARD } else { &RESAMPLE };
    let attrs = [Attr::from(dim)];
    match &table.weight {
        Some(w) => dispatch(kernel, &[x, &table.index, w], &[&out], &attrs)?,
        None => dispatch(kernel, &[x, &table.index], &[&out], &attrs)?,
    }
    attach(&[&out], name, &[x], &[Some(&table.index), table.weight.as_ref()], move |ctx| {
        let g = ctx.grad(0)?;
        let weight = if ctx.has_saved(1) { Some(ctx.saved(1)?) } else { None };
        let table = Table { index: ctx.saved(0)?, weight };
        Ok(vec![ctx.when(0, || resample(name, &g, dim, before, &table, !transpose))?])
    });
    Ok(out)
}

/// How an interpolation finds its inputs.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Nearest { exact: bool },
    Linear,
    Cubic,
}

/// Arithmetic in the precision PyTorch computes source positions in.
#[derive(Clone, Copy)]
struct Precision {
    single: bool,
}

impl Precision {
    fn r(self, v: f64) -> f64 {
        if self.single { v as f32 as f64 } else { v }
    }
}

/// Where one dimension is resampled: sizes, the factor the caller gave, and the options.
#[derive(Clone, Copy)]
struct Axis {
    input: usize,
    output: usize,
    factor: Option<f64>,
    align: bool,
    p: Precision,
}

impl Axis {
    /// Inputs per output (aten/native/UpSample.h, area_pixel_compute_scale).
    fn scale(&self) -> f64 {
        let r = |v| self.p.r(v);
        if self.align {
            return if self.output > 1 { r((self.input as f64 - 1.0) / (self.output as f64 - 1.0)) } else { 0.0 };
        }
        match self.factor {
            Some(f) if f > 0.0 => r(1.0 / f),
            _ => r(self.input as f64 / self.output as f64),
        }
    }

    /// The position of output `o` among the inputs.
    fn source(&self, o: usize, cubic: bool) -> f64 {
        let r = |v| self.p.r(v);
        if self.align {
            return r(self.scale() * o as f64);
        }
        let at = r(r(self.scale() * r(o as f64 + 0.5)) - 0.5);
        if at < 0.0 && !cubic { 0.0 } else { at }
    }

    fn row(&self, o: usize, mode: Mode) -> Vec<(i64, f64)> {
        let last = self.input as i64 - 1;
        let r = |v| self.p.r(v);
        match mode {
            Mode::Nearest { exact } => {
                // Computed in float32 whatever the tensor's dtype is.
                let scale = Axis { p: Precision { single: true }, align: false, ..*self }.scale() as f32;
                let at = if exact { (o as f32 + 0.5) * scale } else { o as f32 * scale };
                vec![((at.floor() as i64).min(last), 1.0)]
            }
            Mode::Linear => {
                if self.input == self.output && (self.align || self.factor.is_none_or(|f| f == 1.0)) {
                    return vec![(o as i64, 1.0)];
                }
                let at = self.source(o, false);
                let low = (at as i64).min(last);
                let part = r(at - low as f64).clamp(0.0, 1.0);
                vec![(low, r(1.0 - part)), ((low + 1).min(last), part)]
            }
            Mode::Cubic => {
                let at = self.source(o, true);
                let low = at.floor();
                let weights = cubic(r(at - low), -0.75);
                (0..4).map(|i| ((low as i64 - 1 + i).clamp(0, last), r(weights[i as usize]))).collect()
            }
        }
    }

    /// With antialiasing: a window that grows with the scale, its weights made to sum to 1
    /// (aten/native/cpu/UpSampleKernel.cpp, _compute_indices_weights_aa).
    fn row_antialiased(&self, o: usize, mode: Mode) -> Vec<(i64, f64)> {
        let scale = self.scale();
        let (size, filter): (f64, fn(f64) -> f64) =
            if mode == Mode::Linear { (2.0, |x| (1.0 - x.abs()).max(0.0)) } else { (4.0, |x| cubic_at(x.abs(), -0.5)) };
        let (support, inverse) = if scale >= 1.0 { (size * 0.5 * scale, 1.0 / scale) } else { (size * 0.5, 1.0) };
        let center = scale * (o as f64 + 0.5);
        let start = ((center - support + 0.5) as i64).max(0);
        let end = ((center + support + 0.5) as i64).min(self.input as i64);
        let weights: Vec<f64> = (start..end).map(|k| filter((k as f64 - center + 0.5) * inverse)).collect();
        let total: f64 = weights.iter().sum();
        let total = if total == 0.0 { 1.0 } else { total };
        (start..end).zip(weights).map(|(k, w)| (k, w / total)).collect()
    }
}

/// The cubic convolution kernel of R. Keys (1981) at distance `x`.
fn cubic_at(x: f64, a: f64) -> f64 {
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

fn cubic(t: f64, a: f64) -> [f64; 4] {
    [cubic_at(t + 1.0, a), cubic_at(t, a), cubic_at(1.0 - t, a), cubic_at(2.0 - t, a)]
}

/// The node's name in PyTorch.
fn upsample_name(mode: Mode, n: usize, antialias: bool) -> &'static str {
    match mode {
        Mode::Nearest { exact: false } => {
            node(["UpsampleNearest1DBackward0", "UpsampleNearest2DBackward0", "UpsampleNearest3DBackward0"], n)
        }
        Mode::Nearest { exact: true } => node(
            ["UpsampleNearestExact1DBackward0", "UpsampleNearestExact2DBackward0", "UpsampleNearestExact3DBackward0"],
            n,
        ),
        Mode::Linear if antialias => "UpsampleBilinear2DAaBackward0",
        Mode::Linear => {
            node(["UpsampleLinear1DBackward0", "UpsampleBilinear2DBackward0", "UpsampleTrilinear3DBackward0"], n)
        }
        Mode::Cubic if antialias => "UpsampleBicubic2DAaBackward0",
        Mode::Cubic => "UpsampleBicubic2DBackward0",
    }
}

struct Options<'a> {
    size: Option<&'a [i64]>,
    scale_factor: Option<&'a [f64]>,
    mode: &'a str,
    align_corners: Option<bool>,
    recompute: bool,
    antialias: bool,
}

fn interpolate_impl(x: &Tensor, options: Options) -> Result<Tensor> {
    const OP: &str = "interpolate";
    let Options { size, scale_factor, mode, align_corners, recompute, antialias } = options;
    ensure!(
        (3..=5).contains(&x.ndim()),
        NotImplemented,
        "{OP}: Input Error: Only 3D, 4D and 5D input Tensors supported (got {}D) for the modes: nearest | linear | bilinear \
         | bicubic | trilinear | area | nearest-exact (got {mode})",
        x.ndim()
    );
    let n = x.ndim() - 2;
    let plain = matches!(mode, "nearest" | "area" | "nearest-exact");
    ensure!(
        !plain || align_corners.is_none(),
        Value,
        "{OP}: align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear"
    );
    let input: Vec<usize> = x.shape()[2..].to_vec();
    let mut factors: Option<Vec<f64>> = None;
    let output: Vec<i64> = match (size, scale_factor) {
        (Some(_), Some(_)) => bail!(Value, "{OP}: only one of size or scale_factor should be defined"),
        (None, None) => bail!(Value, "{OP}: either size or scale_factor should be defined"),
        (Some(size), None) => {
            ensure!(!recompute, Value, "{OP}: recompute_scale_factor is not meaningful with an explicit size.");
            ensure!(
                size.len() == 1 || size.len() == n,
                Value,
                "{OP}: Input and output must have the same number of spatial dimensions, but got input with spatial \
                 dimensions of {input:?} and output size of {size:?}. Please provide input tensor in (N, C, d1, d2, \
                 ...,dK) format and output size in (o1, o2, ...,oK) format."
            );
            spread(OP, "size", size, n)?
        }
        (None, Some(f)) => {
            let f = match f.len() {
                1 => vec![f[0]; n],
                l if l == n => f.to_vec(),
                _ => bail!(
                    Value,
                    "{OP}: Input and scale_factor must have the same number of spatial dimensions, but got input with \
                     spatial dimensions of {input:?} and scale_factor of shape {f:?}."
                ),
            };
            let out = (0..n).map(|d| (input[d] as f64 * f[d]).floor() as i64).collect();
            if !recompute {
                factors = Some(f);
            }
            out
        }
    };
    ensure!(
        input.iter().all(|&s| s > 0) && output.iter().all(|&s| s > 0),
        Shape,
        "{OP}: Input and output sizes should be greater than 0, but got input {input:?} and output {output:?}"
    );
    let kind = match (mode, n) {
        ("area", _) => {
            let output: Vec<Option<i64>> = output.into_iter().map(Some).collect();
            return match n {
                1 => ops::adaptive_avg_pool1d(x, &output),
                2 => ops::adaptive_avg_pool2d(x, &output),
                _ => ops::adaptive_avg_pool3d(x, &output),
            };
        }
        ("nearest", _) => Mode::Nearest { exact: false },
        ("nearest-exact", _) => Mode::Nearest { exact: true },
        ("linear", 1) | ("bilinear", 2) | ("trilinear", 3) => Mode::Linear,
        ("bicubic", 2) => Mode::Cubic,
        ("linear" | "bilinear" | "trilinear" | "bicubic", _) => {
            bail!(NotImplemented, "{OP}: Got {}D input, but {mode} mode needs another number of dimensions", x.ndim())
        }
        _ => bail!(NotImplemented, "{OP}: there is no mode '{mode}'"),
    };
    ensure!(
        !antialias || (n == 2 && matches!(kind, Mode::Linear | Mode::Cubic)),
        Value,
        "{OP}: Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input"
    );
    let nearest = matches!(kind, Mode::Nearest { .. });
    ensure!(
        x.dtype().is_float() || (nearest && x.dtype() == DType::U8),
        NotImplemented,
        "{OP}: mode '{mode}' is not implemented for {}; convert with .to(torch.float32)",
        x.dtype()
    );
    let name = upsample_name(kind, n, antialias);
    let mut out = x.clone();
    for d in 0..n {
        let axis = Axis {
            input: input[d],
            output: output[d] as usize,
            factor: factors.as_ref().map(|f| f[d]),
            align: align_corners.unwrap_or(false),
            p: Precision { single: x.dtype() != DType::F64 },
        };
        let rows = (0..axis.output)
            .map(|o| if antialias { axis.row_antialiased(o, kind) } else { axis.row(o, kind) })
            .collect::<Vec<_>>();
        let table = if nearest {
            Table::copies(&rows.iter().map(|r| r[0].0).collect::<Vec<_>>())?
        } else {
            Table::weighted(&rows, x.dtype())?
        };
        out = resample(name, &out, 2 + d, axis.output, &table, false)?;
    }
    Ok(out)
}

/// Reflecting, replicating and circular padding, dimension by dimension.
fn pad_by_copies(op: &str, x: &Tensor, pad: &[i64], mode: &str) -> Result<Tensor> {
    let n = pad.len() / 2;
    ensure!(
        pad.len().is_multiple_of(2) && (1..=3).contains(&n) && (x.ndim() == n + 1 || x.ndim() == n + 2),
        NotImplemented,
        "{op}: Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: mode '{mode}' with {} sizes \
         takes a {}D or {}D tensor (expected {}D or {}D input (got {}D input))",
        pad.len(),
        n + 1,
        n + 2,
        n + 1,
        n + 2,
        x.ndim()
    );
    let lead = x.ndim() - n;
    ensure!(
        x.shape()[x.ndim() - n - 1..].iter().all(|&s| s > 0),
        Shape,
        "{op}: Expected {}D or {}D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, \
         but got: {:?}",
        n + 1,
        n + 2,
        x.shape()
    );
    let name = match mode {
        "reflect" => node(["ReflectionPad1DBackward0", "ReflectionPad2DBackward0", "ReflectionPad3DBackward0"], n),
        "replicate" => node(["ReplicationPad1DBackward0", "ReplicationPad2DBackward0", "ReplicationPad3DBackward0"], n),
        _ => "CopySlices",
    };
    let mut out = x.clone();
    for i in 0..n {
        let dim = lead + n - 1 - i;
        let (left, right, size) = (pad[2 * i], pad[2 * i + 1], x.shape()[dim] as i64);
        let fits = match mode {
            "reflect" => left < size && right < size,
            "circular" => left <= size && right <= size,
            _ => true,
        };
        ensure!(
            fits,
            Shape,
            "{op}: {} but got: padding ({left}, {right}) at dimension {dim} of input {:?}",
            if mode == "reflect" {
                "Padding size should be less than the corresponding input dimension,"
            } else {
                "Padding value causes wrapping around more than once,"
            },
            x.shape()
        );
        let total = size + left + right;
        ensure!(
            total > 0 || (mode == "circular" && total == 0),
            Shape,
            "{op}: input (size {size}) is too small: the padded size {total} at dimension {dim} is negative or zero; \
             padding {pad:?} of {:?}",
            x.shape()
        );
        if left == 0 && right == 0 {
            continue;
        }
        // Circular: negative sizes cut first, and what stays goes round.
        let cut = (-left).max(0);
        let stay = (size - cut - (-right).max(0)).max(1);
        let index: Vec<i64> = (0..total)
            .map(|o| {
                let k = o - left;
                match mode {
                    "reflect" if k < 0 => -k,
                    "reflect" if k >= size => 2 * (size - 1) - k,
                    "reflect" => k,
                    "replicate" => k.clamp(0, size - 1),
                    _ => cut + (o - left.max(0)).rem_euclid(stay),
                }
            })
            .collect();
        out = resample(name, &out, dim, total as usize, &Table::copies(&index)?, false)?;
    }
    if out.same(x) { ops::clone(x) } else { Ok(out) }
}

ops! {
    /// Pads with a value: `pad` has the sizes before and after the last dimension, then the one before it, and so on.
    /// Negative sizes cut.
    ///
    /// PyTorch: `torch.constant_pad_nd`.
    [torch]
    fn constant_pad_nd(input: Tensor, pad: Vec<i64>, value: Scalar = 0) -> Tensor {
        let n = input.ndim();
        ensure!(pad.len().is_multiple_of(2), Runtime, "constant_pad_nd: Length of pad must be even but instead it equals {}", pad.len());
        ensure!(
            pad.len() / 2 <= n,
            Shape,
            "constant_pad_nd: Length of pad should be no more than twice the number of dimensions of the input. Pad length \
             is {} while the input has {n} dimensions.",
            pad.len()
        );
        let mut shape: Shape = input.shape().into();
        let (mut from, mut to) = (input.detach(), Vec::new());
        for i in 0..pad.len() / 2 {
            let (d, left, right) = (n - 1 - i, pad[2 * i], pad[2 * i + 1]);
            let size = input.shape()[d] as i64 + left + right;
            ensure!(
                size >= 0,
                Shape,
                "constant_pad_nd: The input size {}, plus negative padding {left} and {right} resulted in a negative output \
                 size, which is invalid. Check dimension {d} of your input.",
                input.shape()[d]
            );
            shape[d] = size as usize;
            // What stays of the input, and where it goes.
            let start = (-left).max(0);
            let stay = (input.shape()[d] as i64 - start - (-right).max(0)).max(0);
            from = ops::slice(&from, d as i64, Some(start), Some(start + stay), 1)?;
            to.push((d as i64, left.max(0), stay));
        }
        let out = Tensor::full(&shape, value, input.dtype())?;
        let mut place = out.detach();
        for (d, start, stay) in to {
            place = ops::slice(&place, d, Some(start), Some(start + stay), 1)?;
        }
        if place.numel() > 0 {
            place.copy_from(&from)?;
        }
        let back: Vec<i64> = pad.iter().map(|p| -p).collect();
        attach(&[&out], "ConstantPadNdBackward0", &[input], &[], move |ctx| {
            Ok(vec![ctx.opt_grad(0).map(|g| ops::constant_pad_nd(g, &back, Scalar::Int(0))).transpose()?])
        });
        Ok(out)
    }

    /// Pads the last dimensions: `pad` is [left, right, top, bottom, front, back]. Modes: constant (with `value`, 0 by
    /// default), reflect, replicate, circular. Negative sizes cut.
    ///
    /// PyTorch: `torch.nn.functional.pad`.
    [F]
    fn pad(input: Tensor, pad: Vec<i64>, mode: String = "constant", value: Option<Scalar> = None) -> Tensor {
        ensure!(pad.len().is_multiple_of(2), Runtime, "pad: Padding length must be divisible by 2, but got {pad:?}");
        ensure!(
            pad.len() <= 2 * input.ndim(),
            Shape,
            "pad: Padding length should be less than or equal to two times the input dimension but got padding length {} and \
             input of dimension {}",
            pad.len(),
            input.ndim()
        );
        match mode {
            "constant" => ops::constant_pad_nd(input, pad, value.unwrap_or(Scalar::Int(0))),
            "reflect" | "replicate" | "circular" => {
                ensure!(
                    value.is_none_or(|v| v.to_f64() == 0.0),
                    Value,
                    "pad: Padding mode \"{mode}\" doesn't take in value argument"
                );
                pad_by_copies("pad", input, pad, mode)
            }
            _ => bail!(NotImplemented, "pad: Unrecognised padding mode {mode}; use constant, reflect, replicate or circular"),
        }
    }

    /// Resizes (N, C, d1, ...) to a size or by a factor. Modes: nearest, nearest-exact, linear (3-D), bilinear and bicubic
    /// (4-D), trilinear (5-D), area.
    ///
    /// PyTorch: `torch.nn.functional.interpolate`.
    [F]
    fn interpolate(input: Tensor, size: Option<Vec<i64>> = None, scale_factor: Option<Vec<f64>> = None,
                   mode: String = "nearest", align_corners: Option<bool> = None,
                   recompute_scale_factor: Option<bool> = None, antialias: bool = false) -> Tensor {
        let recompute = recompute_scale_factor.unwrap_or(false);
        interpolate_impl(input, Options { size, scale_factor, mode, align_corners, recompute, antialias })
    }

    /// `interpolate` under its old name.
    ///
    /// PyTorch: `torch.nn.functional.upsample`.
    [F]
    fn upsample(input: Tensor, size: Option<Vec<i64>> = None, scale_factor: Option<Vec<f64>> = None,
                mode: String = "nearest", align_corners: Option<bool> = None) -> Tensor {
        interpolate_impl(input, Options { size, scale_factor, mode, align_corners, recompute: false, antialias: false })
    }

    /// `interpolate` by copies of the nearest element.
    ///
    /// PyTorch: `torch.nn.functional.upsample_nearest`.
    [F]
    fn upsample_nearest(input: Tensor, size: Option<Vec<i64>> = None, scale_factor: Option<Vec<f64>> = None) -> Tensor {
        let options =
            Options { size, scale_factor, mode: "nearest", align_corners: None, recompute: false, antialias: false };
        interpolate_impl(input, options)
    }

    /// Bilinear `interpolate` with aligned corners.
    ///
    /// PyTorch: `torch.nn.functional.upsample_bilinear`.
    [F]
    fn upsample_bilinear(input: Tensor, size: Option<Vec<i64>> = None, scale_factor: Option<Vec<f64>> = None) -> Tensor {
        let options =
            Options { size, scale_factor, mode: "bilinear", align_corners: Some(true), recompute: false, antialias: false };
        interpolate_impl(input, options)
    }
}
