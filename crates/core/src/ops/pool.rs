//! Pooling over one to three spatial dimensions, and unpooling.

use super::windows::{Five, Windows, spread};
use crate::call::OneOrMore;
use crate::cpu::Kernel;
use crate::cpu::pool::{
    ADAPTIVE_AVG_POOL, ADAPTIVE_AVG_POOL_BACKWARD, ADAPTIVE_MAX_POOL, AVG_POOL, AVG_POOL_BACKWARD, MAX_POOL,
    PLANE_GATHER, PLANE_SCATTER, PLANE_SCATTER_ADD,
};
use crate::demand::{Class, Demand, Test};
use crate::promote::wide;
use crate::autograd::grad_enabled;
use crate::device::Device;
use crate::{Attr, DType, Result, Shape, Tensor, attach, dispatch, ensure};

/// What is pooled: (C, ...) or (N, C, ...) with n spatial dimensions, of which only the batch may be empty.
pub(super) fn check_input(op: &str, n: usize, x: &Tensor) -> Result<()> {
    let fits = x.ndim() == n + 1 || x.ndim() == n + 2;
    let full = fits && x.shape()[x.ndim() - n - 1..].iter().all(|&s| s > 0);
    ensure!(
        full,
        Shape,
        "{op}: Expected {}D or {}D (batch mode) tensor with optional 0 dim batch size for input, and Expected input to have \
         non-zero size for non-batch dimensions (non-empty {}D or {}D (batch mode) tensor expected for input), but got: {:?}",
        n + 1,
        n + 2,
        n + 1,
        n + 2,
        x.shape()
    );
    check_dtype(op, x)
}

fn check_dtype(op: &str, x: &Tensor) -> Result<()> {
    ensure!(
        x.dtype() != DType::Bool,
        NotImplemented,
        "{op}: not implemented for 'Bool'; convert with .to(torch.float32) first"
    );
    Ok(())
}

/// The input's shape with other spatial sizes.
pub(super) fn resized(x: &Tensor, n: usize, sizes: impl Iterator<Item = usize>) -> Shape {
    let mut shape: Shape = x.shape()[..x.ndim() - n].into();
    shape.extend(sizes);
    shape
}

/// Runs a kernel from one tensor to another.
fn run(kernel: &Kernel, n: usize, x: &Tensor, out: &Tensor, attrs: &[Attr]) -> Result<()> {
    let wide = wide(x.dtype());
    if wide != x.dtype() {
        let to = Tensor::empty(out.shape(), wide)?;
        run(kernel, n, &x.cast_data(wide)?, &to, attrs)?;
        return out.copy_from(&to);
    }
    let (a, b) = (Five::new(x, n), Five::new(out, n));
    dispatch(kernel, &[a.strided()], &[b.strided()], attrs)
}

/// Runs a kernel that finds maxima.
fn run_max(kernel: &Kernel, n: usize, x: &Tensor, shape: &[usize], attrs: &[Attr]) -> Result<(Tensor, Tensor)> {
    let wide = wide(x.dtype());
    if wide != x.dtype() {
        let (values, indices) = run_max(kernel, n, &x.cast_data(wide)?, shape, attrs)?;
        return Ok((values.cast_data(x.dtype())?, indices));
    }
    let (values, indices) = (Tensor::empty(shape, x.dtype())?, Tensor::empty(shape, DType::I64)?);
    let (a, v, i) = (Five::new(x, n), Five::new(&values, n), Five::new(&indices, n));
    dispatch(kernel, &[a.strided()], &[v.strided(), i.strided()], attrs)?;
    Ok((values, indices))
}

/// Runs a kernel that moves elements of `x` to or from `indices`.
fn run_moves(kernel: &Kernel, n: usize, x: &Tensor, indices: &Tensor, shape: &[usize], attrs: &[Attr]) -> Result<Tensor> {
    let wide = wide(x.dtype());
    if wide != x.dtype() {
        return run_moves(kernel, n, &x.cast_data(wide)?, indices, shape, attrs)?.cast_data(x.dtype());
    }
    let out = Tensor::empty(shape, x.dtype())?;
    let (a, i, o) = (Five::new(x, n), Five::new(indices, n), Five::new(&out, n));
    dispatch(kernel, &[a.strided(), i.strided()], &[o.strided()], attrs)?;
    Ok(out)
}

/// `x[indices]` inside each plane.
fn gather(name: &'static str, n: usize, x: &Tensor, indices: &Tensor) -> Result<Tensor> {
    let out = run_moves(&PLANE_GATHER, n, x, indices, indices.shape(), &[])?;
    let shape: Shape = x.shape().into();
    attach(&[&out], name, &[x], &[Some(indices)], move |ctx| {
        let g = ctx.grad(0)?;
        Ok(vec![ctx.when(0, || scatter_add(n, &g, &ctx.saved(0)?, &shape, &[]))?])
    });
    Ok(out)
}

/// Adds `x` at `indices` of zero planes. `reach` says, for devices that gather, in which windows a place can be: kernel with its dilation,
/// stride and padding; true for those of adaptive pools; nothing where nobody knows.
fn scatter_add(n: usize, x: &Tensor, indices: &Tensor, shape: &[usize], reach: &[Attr]) -> Result<Tensor> {
    let out = run_moves(&PLANE_SCATTER_ADD, n, x, indices, shape, reach)?;
    attach(&[&out], "MaxPoolBackwardBackward0", &[x], &[Some(indices)], move |ctx| {
        let g = ctx.grad(0)?;
        Ok(vec![ctx.when(0, || gather("MaxPoolBackward0", n, &g, &ctx.saved(0)?))?])
    });
    Ok(out)
}

/// Makes the maxima a node: the gradient goes where each came from (`reach`: see `scatter_add`).
pub(super) fn attach_max(name: &'static str, n: usize, x: &Tensor, values: &Tensor, indices: &Tensor, reach: Vec<Attr>) {
    let shape: Shape = x.shape().into();
    attach(&[values, indices], name, &[x], &[Some(indices)], move |ctx| {
        let g = ctx.grad(0)?;
        Ok(vec![ctx.when(0, || scatter_add(n, &g, &ctx.saved(0)?, &shape, &reach))?])
    });
}

/// The name PyTorch's node has: one dimension is computed as two there.
pub(crate) fn node(names: [&'static str; 3], n: usize) -> &'static str {
    names[n - 1]
}

/// The largest values alone: where nobody asks for indices, and no gradient does.
fn max_values(n: usize, x: &Tensor, shape: &[usize], attrs: &[Attr]) -> Result<Tensor> {
    let wide = wide(x.dtype());
    if wide != x.dtype() {
        return max_values(n, &x.cast_data(wide)?, shape, attrs)?.cast_data(x.dtype());
    }
    let values = Tensor::empty(shape, x.dtype())?;
    dispatch(&MAX_POOL, &[Five::new(x, n).strided()], &[Five::new(&values, n).strided()], attrs)?;
    Ok(values)
}

fn max_pool(op: &str, n: usize, x: &Tensor, w: Windows, with_indices: bool) -> Result<OneOrMore> {
    check_input(op, n, x)?;
    let sizes = (0..n).map(|d| w.output(op, d, x.shape()[x.ndim() - n + d])).collect::<Result<Vec<_>>>()?;
    let (shape, attrs) = (resized(x, n, sizes.into_iter()), w.attrs(true));
    let tracked = grad_enabled() && x.requires_grad();
    // A GPU's kernel writes both.
    if !with_indices && !tracked && x.device() == Device::Cpu {
        return Ok(OneOrMore::One(max_values(n, x, &shape, &attrs)?));
    }
    let (values, indices) = run_max(&MAX_POOL, n, x, &shape, &attrs)?;
    let names = ["SqueezeBackward1", "MaxPool2DWithIndicesBackward0", "MaxPool3DWithIndicesBackward0"];
    attach_max(node(names, n), n, x, &values, &indices, w.reach(&x.shape()[x.ndim() - n..]));
    chosen((values, indices), with_indices)
}

/// A linear map between two sizes and its transpose, each the other's gradient.
#[derive(Clone)]
struct Linear {
    n: usize,
    attrs: Vec<Attr>,
    names: [&'static str; 2],
    kernels: [&'static Kernel; 2],
    shapes: [Shape; 2],
}

impl Linear {
    /// `side` 0: from the first shape to the second; 1: back.
    fn apply(self, side: usize, x: &Tensor) -> Result<Tensor> {
        let out = Tensor::empty(&self.shapes[1 - side], x.dtype())?;
        run(self.kernels[side], self.n, x, &out, &self.attrs)?;
        attach(&[&out], self.names[side], &[x], &[], move |ctx| {
            Ok(vec![ctx.opt_grad(0).map(|g| self.clone().apply(1 - side, g)).transpose()?])
        });
        Ok(out)
    }
}

fn avg_pool(
    op: &str,
    n: usize,
    x: &Tensor,
    w: Windows,
    count_include_pad: bool,
    divisor: Option<i64>,
) -> Result<Tensor> {
    check_input(op, n, x)?;
    ensure!(divisor != Some(0), Runtime, "{op}: divisor must be not zero");
    let sizes = (0..n).map(|d| w.output(op, d, x.shape()[x.ndim() - n + d])).collect::<Result<Vec<_>>>()?;
    let mut attrs = w.attrs(false);
    attrs.extend([Attr::from(count_include_pad), Attr::from(divisor.unwrap_or(0))]);
    Linear {
        n,
        attrs,
        names: [
            node(["SqueezeBackward1", "AvgPool2DBackward0", "AvgPool3DBackward0"], n),
            node(["AvgPool2DBackwardBackward0", "AvgPool2DBackwardBackward0", "AvgPool3DBackwardBackward0"], n),
        ],
        kernels: [&AVG_POOL, &AVG_POOL_BACKWARD],
        shapes: [x.shape().into(), resized(x, n, sizes.into_iter())],
    }
    .apply(0, x)
}

/// The sizes an adaptive pool is told; null keeps the input's.
fn adaptive_size(op: &str, n: usize, x: &Tensor, size: &[Option<i64>]) -> Result<Shape> {
    // null keeps the input's size.
    let own = |d: usize| if x.ndim() >= n { x.shape()[x.ndim() - n + d] as i64 } else { 0 };
    let size: Vec<i64> = if size.len() == 1 && n > 1 {
        (0..n).map(|d| size[0].unwrap_or(own(d))).collect()
    } else {
        size.iter().enumerate().map(|(d, s)| s.unwrap_or(if d < n { own(d) } else { 0 })).collect()
    };
    let size = spread(op, "output_size", &size, n).map_err(|e| {
        let count = ["one int", "one or two ints", "one or three ints"][n - 1];
        e.saying(format!("{op}: 'output_size' should contain {count}, got {size:?}"))
    })?;
    ensure!(
        size.iter().all(|&s| s >= 0),
        Runtime,
        "{op}: elements of output_size must be greater than or equal to 0 (Trying to create tensor with negative \
         dimension), but got {size:?}"
    );
    ensure!(
        x.ndim() == n + 1 || x.ndim() == n + 2,
        Shape,
        "{op}: Input dimension should be at least {}: Expected {}D or {}D tensor, but got {:?}",
        n + 1,
        n + 1,
        n + 2,
        x.shape()
    );
    ensure!(
        x.shape()[x.ndim() - n..].iter().all(|&s| s > 0),
        Shape,
        "{op}: Expected input to have non-zero size for non-batch dimensions, but input has sizes {:?}",
        x.shape()
    );
    check_dtype(op, x)?;
    Ok(resized(x, n, size.into_iter().map(|s| s as usize)))
}

fn adaptive_avg(op: &str, n: usize, x: &Tensor, size: &[Option<i64>]) -> Result<Tensor> {
    let shape = adaptive_size(op, n, x, size)?;
    ensure!(
        x.dtype().is_float(),
        NotImplemented,
        "{op}: \"adaptive_avg_pool\" not implemented for '{}'",
        x.dtype().c_name()
    );
    let ones = shape[x.ndim() - n..].iter().all(|&s| s == 1);
    Linear {
        n,
        attrs: Vec::new(),
        names: [
            if ones && n > 1 {
                "MeanBackward1"
            } else {
                node(["SqueezeBackward1", "AdaptiveAvgPool2DBackward0", "AdaptiveAvgPool3DBackward0"], n)
            },
            "AdaptiveAvgPoolBackwardBackward0",
        ],
        kernels: [&ADAPTIVE_AVG_POOL, &ADAPTIVE_AVG_POOL_BACKWARD],
        shapes: [x.shape().into(), shape],
    }
    .apply(0, x)
}

fn adaptive_max(op: &str, n: usize, x: &Tensor, size: &[Option<i64>]) -> Result<(Tensor, Tensor)> {
    let shape = adaptive_size(op, n, x, size)?;
    ensure!(
        x.dtype().is_float(),
        NotImplemented,
        "{op}: \"adaptive_max_pool\" not implemented for '{}'",
        x.dtype().c_name()
    );
    let (values, indices) = run_max(&ADAPTIVE_MAX_POOL, n, x, &shape, &[])?;
    let names = ["SqueezeBackward1", "AdaptiveMaxPool2DBackward0", "AdaptiveMaxPool3DBackward0"];
    attach_max(node(names, n), n, x, &values, &indices, vec![Attr::from(true)]);
    Ok((values, indices))
}

#[allow(clippy::too_many_arguments)]
fn max_unpool(
    op: &str,
    n: usize,
    x: &Tensor,
    indices: &Tensor,
    kernel: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    output_size: Option<&[i64]>,
) -> Result<Tensor> {
    let kernel = spread(op, "kernel_size", kernel, n)?;
    let stride = match stride {
        None | Some([]) => kernel.clone(),
        Some(s) => spread(op, "stride", s, n)?,
    };
    let padding = spread(op, "padding", padding, n)?;
    let planes = if n == 3 { 3 } else { 2 };
    ensure!(
        x.ndim() == n + 1 || x.ndim() == n + 2,
        Shape,
        "{op}: Input to max_unpooling{planes}d should be a {}d or {}d Tensor, but got a tensor with {} dimensions",
        planes + 1,
        planes + 2,
        x.ndim()
    );
    ensure!(
        indices.dtype() == DType::I64,
        DType,
        "{op}: elements in indices should be type int64 but got: {}",
        indices.dtype()
    );
    ensure!(
        indices.shape() == x.shape(),
        Shape,
        "{op}: Expected shape of indices to be same as that of the input tensor ({:?}) but got indices tensor with shape: {:?}",
        x.shape(),
        indices.shape()
    );
    check_dtype(op, x)?;
    let lead = x.ndim() - n;
    let default: Vec<i64> =
        (0..n).map(|d| (x.shape()[lead + d] as i64 - 1) * stride[d] + kernel[d] - 2 * padding[d]).collect();
    let size = match output_size {
        None => default,
        Some(size) => {
            let tail = if size.len() == n + 2 { &size[2..] } else { size };
            ensure!(
                tail.len() == n,
                Value,
                "{op}: output_size should be a sequence containing {n} or {} elements, but it has a length of '{}'",
                n + 2,
                size.len()
            );
            for d in 0..n {
                let (low, high) = (default[d] - stride[d], default[d] + stride[d]);
                ensure!(
                    low < tail[d] && tail[d] < high,
                    Value,
                    "{op}: invalid output_size {size:?} (dim {d} must be between {low} and {high})"
                );
            }
            tail.to_vec()
        }
    };
    ensure!(size.iter().all(|&s| s > 0), Shape, "{op}: the output size {size:?} must be positive");
    let shape = resized(x, n, size.iter().map(|&s| s as usize));
    let volume: i64 = size.iter().product();
    let known = if indices.is_readable() { indices.to_vec::<i64>()? } else { Vec::new() };
    for i in known {
        ensure!(
            (0..volume).contains(&i),
            Index,
            "{op}: Found an invalid max index: {i} (output volumes are of size {size:?})"
        );
    }
    let out = run_moves(&const { PLANE_SCATTER.with_demand(&MAX_INDEX) }, n, x, indices, &shape, &[])?;
    let names = ["SqueezeBackward1", "MaxUnpool2DBackward0", "MaxUnpool3DBackward0"];
    attach(&[&out], node(names, n), &[x], &[Some(indices)], move |ctx| {
        let g = ctx.grad(0)?;
        Ok(vec![ctx.when(0, || gather("GatherBackward0", n, &g, &ctx.saved(0)?))?])
    });
    Ok(out)
}

/// The maxima alone, or with where they stood, as `return_indices` says.
pub(super) fn chosen((values, indices): (Tensor, Tensor), with_indices: bool) -> Result<OneOrMore> {
    Ok(if with_indices { OneOrMore::More(vec![values, indices]) } else { OneOrMore::One(values) })
}

/// Where nobody can look at the indices; the sizes of the output are known as their product.
static MAX_INDEX: Demand = Demand {
    class: Class::Index,
    test: Test::Inside,
    input: 1,
    says: |op, found| format!("{op}: Found an invalid max index: {} (output volumes are of size {})", found.value, found.bound),
};

ops! {
    /// The largest value of each window of (N, C, L) or (C, L), with `returnIndices` also where it stood in the row.
    ///
    /// PyTorch: `torch.nn.functional.max_pool1d`.
    [torch F]
    fn max_pool1d(input: Tensor, kernel_size: Vec<i64>, stride: Option<Vec<i64>> = None,
            padding: Vec<i64> = 0, dilation: Vec<i64> = 1, ceil_mode: bool = false, return_indices: bool = false) -> OneOrMore {
        let op = "max_pool1d";
        max_pool(op, 1, input, Windows::new(op, 1, kernel_size, stride, padding, dilation, ceil_mode)?, return_indices)
    }

    /// The largest value of each window of (N, C, H, W) or (C, H, W), with `returnIndices` also where it stood in the
    /// plane.
    ///
    /// PyTorch: `torch.nn.functional.max_pool2d`.
    [torch F]
    fn max_pool2d(input: Tensor, kernel_size: Vec<i64>, stride: Option<Vec<i64>> = None,
            padding: Vec<i64> = 0, dilation: Vec<i64> = 1, ceil_mode: bool = false, return_indices: bool = false) -> OneOrMore {
        let op = "max_pool2d";
        max_pool(op, 2, input, Windows::new(op, 2, kernel_size, stride, padding, dilation, ceil_mode)?, return_indices)
    }

    /// The largest value of each window of (N, C, D, H, W) or (C, D, H, W), with `returnIndices` also where it
    /// stood in the volume.
    ///
    /// PyTorch: `torch.nn.functional.max_pool3d`.
    [torch F]
    fn max_pool3d(input: Tensor, kernel_size: Vec<i64>, stride: Option<Vec<i64>> = None,
            padding: Vec<i64> = 0, dilation: Vec<i64> = 1, ceil_mode: bool = false, return_indices: bool = false) -> OneOrMore {
        let op = "max_pool3d";
        max_pool(op, 3, input, Windows::new(op, 3, kernel_size, stride, padding, dilation, ceil_mode)?, return_indices)
    }

    /// Means over windows of (N, C, L) or (C, L).
    ///
    /// PyTorch: `torch.nn.functional.avg_pool1d`.
    [torch F]
    fn avg_pool1d(input: Tensor, kernel_size: Vec<i64>, stride: Option<Vec<i64>> = None, padding: Vec<i64> = 0,
                  ceil_mode: bool = false, count_include_pad: bool = true) -> Tensor {
        let w = Windows::new("avg_pool1d", 1, kernel_size, stride, padding, &[1], ceil_mode)?;
        avg_pool("avg_pool1d", 1, input, w, count_include_pad, None)
    }

    /// Means over windows of (N, C, H, W) or (C, H, W).
    ///
    /// PyTorch: `torch.nn.functional.avg_pool2d`.
    [F]
    fn avg_pool2d(input: Tensor, kernel_size: Vec<i64>, stride: Option<Vec<i64>> = None, padding: Vec<i64> = 0,
                  ceil_mode: bool = false, count_include_pad: bool = true, divisor_override: Option<i64> = None) -> Tensor {
        let w = Windows::new("avg_pool2d", 2, kernel_size, stride, padding, &[1], ceil_mode)?;
        avg_pool("avg_pool2d", 2, input, w, count_include_pad, divisor_override)
    }

    /// Means over windows of (N, C, D, H, W) or (C, D, H, W).
    ///
    /// PyTorch: `torch.nn.functional.avg_pool3d`.
    [F]
    fn avg_pool3d(input: Tensor, kernel_size: Vec<i64>, stride: Option<Vec<i64>> = None, padding: Vec<i64> = 0,
                  ceil_mode: bool = false, count_include_pad: bool = true, divisor_override: Option<i64> = None) -> Tensor {
        let w = Windows::new("avg_pool3d", 3, kernel_size, stride, padding, &[1], ceil_mode)?;
        avg_pool("avg_pool3d", 3, input, w, count_include_pad, divisor_override)
    }

    /// Means over windows chosen so that the output has this size; null keeps the input's.
    ///
    /// PyTorch: `torch.nn.functional.adaptive_avg_pool1d`.
    [torch F]
    fn adaptive_avg_pool1d(input: Tensor, output_size: Vec<Option<i64>>) -> Tensor {
        adaptive_avg("adaptive_avg_pool1d", 1, input, output_size)
    }
    /// Means over windows chosen so that the output has this size (one number: square).
    ///
    /// PyTorch: `torch.nn.functional.adaptive_avg_pool2d`.
    [F]
    fn adaptive_avg_pool2d(input: Tensor, output_size: Vec<Option<i64>>) -> Tensor {
        adaptive_avg("adaptive_avg_pool2d", 2, input, output_size)
    }
    /// Means over windows chosen so that the output has this size (one number: a cube).
    ///
    /// PyTorch: `torch.nn.functional.adaptive_avg_pool3d`.
    [F]
    fn adaptive_avg_pool3d(input: Tensor, output_size: Vec<Option<i64>>) -> Tensor {
        adaptive_avg("adaptive_avg_pool3d", 3, input, output_size)
    }

    /// Largest values over windows chosen so that the output has this size; with `returnIndices` also where they stood.
    ///
    /// PyTorch: `torch.nn.functional.adaptive_max_pool1d`.
    [F]
    fn adaptive_max_pool1d(input: Tensor, output_size: Vec<Option<i64>>, return_indices: bool = false) -> OneOrMore {
        chosen(adaptive_max("adaptive_max_pool1d", 1, input, output_size)?, return_indices)
    }
    /// Largest values over windows chosen so that the output has this size; with `returnIndices` also where they stood.
    ///
    /// PyTorch: `torch.nn.functional.adaptive_max_pool2d`.
    [F]
    fn adaptive_max_pool2d(input: Tensor, output_size: Vec<Option<i64>>, return_indices: bool = false) -> OneOrMore {
        chosen(adaptive_max("adaptive_max_pool2d", 2, input, output_size)?, return_indices)
    }
    /// Largest values over windows chosen so that the output has this size; with `returnIndices` also where they stood.
    ///
    /// PyTorch: `torch.nn.functional.adaptive_max_pool3d`.
    [F]
    fn adaptive_max_pool3d(input: Tensor, output_size: Vec<Option<i64>>, return_indices: bool = false) -> OneOrMore {
        chosen(adaptive_max("adaptive_max_pool3d", 3, input, output_size)?, return_indices)
    }

    /// Puts the values of a max pool back where its indices say, zeros elsewhere.
    ///
    /// PyTorch: `torch.nn.functional.max_unpool1d`.
    [F]
    fn max_unpool1d(input: Tensor, indices: Tensor, kernel_size: Vec<i64>, stride: Option<Vec<i64>> = None,
                    padding: Vec<i64> = 0, output_size: Option<Vec<i64>> = None) -> Tensor {
        max_unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)
    }
    /// Puts the values of a max pool back where its indices say, zeros elsewhere.
    ///
    /// PyTorch: `torch.nn.functional.max_unpool2d`.
    [F]
    fn max_unpool2d(input: Tensor, indices: Tensor, kernel_size: Vec<i64>, stride: Option<Vec<i64>> = None,
                    padding: Vec<i64> = 0, output_size: Option<Vec<i64>> = None) -> Tensor {
        max_unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)
    }
    /// Puts the values of a max pool back where its indices say, zeros elsewhere.
    ///
    /// PyTorch: `torch.nn.functional.max_unpool3d`.
    [F]
    fn max_unpool3d(input: Tensor, indices: Tensor, kernel_size: Vec<i64>, stride: Option<Vec<i64>> = None,
                    padding: Vec<i64> = 0, output_size: Option<Vec<i64>> = None) -> Tensor {
        max_unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)
    }
}
