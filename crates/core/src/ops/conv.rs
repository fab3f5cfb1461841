//! Convolution and transposed convolution over one to three spatial dimensions.
//!
//! Three kernels do everything: forward, gradient of the input, gradient of the weight. Each is linear in both of its
//! operands, and each one's gradients are the other two, so gradients of gradients come from the same three nodes; a
//! transposed convolution is the second kernel run forward.

use super::windows::{Five, Three, spread, three};
use crate::cpu::Kernel;
use crate::cpu::conv::{CONV, CONV_BACKWARD_INPUT, CONV_BACKWARD_WEIGHT};
use crate::promote::wide;
use crate::{Attr, DType, Result, Shape, Strided, Tensor, attach, bail, dispatch, ensure, ops};

/// What a convolution is told: sizes for three dimensions, of which the last `n` are meant.
#[derive(Clone, Copy, Debug)]
struct Geometry {
    n: usize,
    stride: Three,
    padding: Three,
    dilation: Three,
    groups: usize,
}

impl Geometry {
    fn attrs(&self) -> Vec<Attr> {
        let lists = [self.stride, self.padding, self.dilation].concat();
        lists.into_iter().chain([self.groups]).map(Attr::from).collect()
    }

    /// Output size of a convolution along dimension `d` of three; None where the kernel does not fit.
    fn output(&self, d: usize, input: usize, kernel: usize) -> Option<usize> {
        let reach = self.dilation[d] * (kernel.max(1) - 1) + 1;
        Some((input + 2 * self.padding[d]).checked_sub(reach)? / self.stride[d] + 1)
    }
}

fn launch(kernel: &Kernel, g: &Geometry, ins: [&Tensor; 2], bias: Option<&Tensor>, shape: &[usize]) -> Result<Tensor> {
    let dtype = ins[0].dtype();
    let wide = wide(dtype);
    if wide != dtype {
        let (a, b) = (ins[0].cast_data(wide)?, ins[1].cast_data(wide)?);
        let bias = bias.map(|t| t.cast_data(wide)).transpose()?;
        return launch(kernel, g, [&a, &b], bias.as_ref(), shape)?.cast_data(dtype);
    }
    let out = Tensor::empty(shape, dtype)?;
    let (a, b, o) = (Five::new(ins[0], g.n), Five::new(ins[1], g.n), Five::new(&out, g.n));
    let attrs = g.attrs();
    match bias {
        Some(bias) => dispatch(kernel, &[a.strided(), b.strided(), Strided::from(bias)], &[o.strided()], &attrs)?,
        None => dispatch(kernel, &[a.strided(), b.strided()], &[o.strided()], &attrs)?,
    }
    Ok(out)
}

/// The gradient of a bias: the sum over everything but channels.
fn bias_gradient(g: &Tensor) -> Result<Tensor> {
    let dims: Vec<i64> = (0..g.ndim() as i64).filter(|&d| d != 1).collect();
    ops::sum_dim(g, Some(&dims), false, None)
}

/// `y` from x and w. All three nodes take batched tensors.
fn forward(g: Geometry, x: &Tensor, w: &Tensor, bias: Option<&Tensor>, shape: &[usize]) -> Result<Tensor> {
    let y = launch(&CONV, &g, [x, w], bias, shape)?;
    let mut inputs = vec![x, w];
    inputs.extend(bias);
    let (xs, ws): (Shape, Shape) = (x.shape().into(), w.shape().into());
    let with_bias = bias.is_some();
    attach(&[&y], "ConvolutionBackward0", &inputs, &saved(x, w), move |ctx| {
        let dy = ctx.grad(0)?;
        let dx = ctx.when(0, || input_gradient(g, &dy, &ctx.saved(1)?, None, &xs))?;
        let dw = ctx.when(1, || weight_gradient(g, &ctx.saved(0)?, &dy, &ws))?;
        let mut grads = vec![dx, dw];
        if with_bias {
            grads.push(ctx.when(2, || bias_gradient(&dy))?);
        }
        Ok(grads)
    });
    Ok(y)
}

/// `dx` from dy and w; forward, a transposed convolution with a bias.
fn input_gradient(g: Geometry, dy: &Tensor, w: &Tensor, bias: Option<&Tensor>, shape: &[usize]) -> Result<Tensor> {
    let dx = launch(&CONV_BACKWARD_INPUT, &g, [dy, w], bias, shape)?;
    let mut inputs = vec![dy, w];
    inputs.extend(bias);
    let (ys, ws): (Shape, Shape) = (dy.shape().into(), w.shape().into());
    let with_bias = bias.is_some();
    attach(&[&dx], "ConvolutionBackward0", &inputs, &saved(dy, w), move |ctx| {
        let ddx = ctx.grad(0)?;
        let ddy = ctx.when(0, || forward(g, &ddx, &ctx.saved(1)?, None, &ys))?;
        let dw = ctx.when(1, || weight_gradient(g, &ddx, &ctx.saved(0)?, &ws))?;
        let mut grads = vec![ddy, dw];
        if with_bias {
            grads.push(ctx.when(2, || bias_gradient(&ddx))?);
        }
        Ok(grads)
    });
    Ok(dx)
}

/// `dw` from x and dy.
fn weight_gradient(g: Geometry, x: &Tensor, dy: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let dw = launch(&CONV_BACKWARD_WEIGHT, &g, [x, dy], None, shape)?;
    let (xs, ys): (Shape, Shape) = (x.shape().into(), dy.shape().into());
    attach(&[&dw], "ConvolutionBackwardBackward0", &[x, dy], &saved(x, dy), move |ctx| {
        let ddw = ctx.grad(0)?;
        let dx = ctx.when(0, || input_gradient(g, &ctx.saved(1)?, &ddw, None, &xs))?;
        let ddy = ctx.when(1, || forward(g, &ctx.saved(0)?, &ddw, None, &ys))?;
        Ok(vec![dx, ddy])
    });
    Ok(dw)
}

fn saved<'a>(a: &'a Tensor, b: &'a Tensor) -> [Option<&'a Tensor>; 2] {
    use super::product::wants;
    [wants(b).then_some(a), wants(a).then_some(b)]
}

/// Padding as given: numbers, or a word.
enum Padding<'a> {
    Sizes(&'a [i64]),
    Word(&'a str),
}

struct Lists<'a> {
    stride: &'a [i64],
    padding: Padding<'a>,
    dilation: &'a [i64],
    groups: i64,
}

/// Everything PyTorch checks of both kinds of convolution before it looks at sizes.
fn check(op: &str, n: usize, x: &Tensor, w: &Tensor, bias: Option<&Tensor>, lists: &Lists) -> Result<()> {
    let Lists { stride, dilation, groups, .. } = lists;
    ensure!(*groups > 0, Runtime, "{op}: non-positive groups is not supported, got groups={groups}");
    ensure!(
        stride.iter().all(|&s| s > 0),
        Runtime,
        "{op}: non-positive stride is not supported, got stride={stride:?}"
    );
    ensure!(
        dilation.iter().all(|&d| d > 0),
        Runtime,
        "{op}: dilation should be greater than zero, but got dilation={dilation:?}"
    );
    ensure!(
        w.ndim() == n + 2,
        Shape,
        "{op}: Expected {}-dimensional weight (channels, channels, {n} kernel sizes), but got weight of size {:?}",
        n + 2,
        w.shape()
    );
    ensure!(
        x.ndim() == n + 1 || x.ndim() == n + 2,
        Shape,
        "{op}: Expected {}D (unbatched) or {}D (batched) input to {op}, but got input of size: {:?}",
        n + 1,
        n + 2,
        x.shape()
    );
    ensure!(
        x.dtype() == w.dtype(),
        DType,
        "{op}: Input type ({}) and weight type ({}) should be the same",
        x.dtype().c_name(),
        w.dtype().c_name()
    );
    if let Some(b) = bias {
        ensure!(
            b.dtype() == x.dtype(),
            DType,
            "{op}: Input type ({}) and bias type ({}) should be the same",
            x.dtype().c_name(),
            b.dtype().c_name()
        );
    }
    ensure!(
        matches!(x.dtype(), DType::F32 | DType::F64 | DType::I64),
        NotImplemented,
        "{op}: not implemented for '{}'; use float32, float64 or int64",
        x.dtype().c_name()
    );
    ensure!(
        w.shape()[0] >= *groups as usize && w.shape()[0].is_multiple_of(*groups as usize),
        Shape,
        "{op}: Given groups={groups}, expected weight to be at least {groups} at dimension 0, and divisible by it, but got \
         weight of size {:?} instead",
        w.shape()
    );
    Ok(())
}

fn check_bias(op: &str, bias: Option<&Tensor>, channels: usize, w: &Tensor) -> Result<()> {
    if let Some(b) = bias {
        ensure!(
            b.shape() == [channels],
            Shape,
            "{op}: Given weight of size {:?}, expected bias to be 1-dimensional with {channels} elements, but got bias of \
             size {:?} instead",
            w.shape(),
            b.shape()
        );
    }
    Ok(())
}

/// Runs `f` on a batch: an unbatched input gets a batch dimension and the result loses it.
fn batched(n: usize, x: &Tensor, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if x.ndim() == n + 2 {
        return f(x);
    }
    ops::squeeze_dim(&f(&ops::unsqueeze(x, 0)?)?, 0)
}

fn conv(op: &str, n: usize, x: &Tensor, w: &Tensor, bias: Option<&Tensor>, lists: Lists) -> Result<Tensor> {
    let stride = spread(op, "stride", lists.stride, n)?;
    let dilation = spread(op, "dilation", lists.dilation, n)?;
    let groups = lists.groups;
    check(op, n, x, w, bias, &lists)?;
    check_bias(op, bias, w.shape()[0], w)?;
    let channels = x.shape()[x.ndim() - n - 1];
    ensure!(
        channels as i64 == w.shape()[1] as i64 * groups,
        Shape,
        "{op}: Given groups={groups}, weight of size {:?}, expected input{:?} to have {} channels, but got {channels} \
         channels instead",
        w.shape(),
        x.shape(),
        w.shape()[1] as i64 * groups
    );
    let mut x = x.clone();
    let padding = match lists.padding {
        Padding::Sizes(p) => {
            let p = spread(op, "padding", p, n)?;
            ensure!(p.iter().all(|&p| p >= 0), Runtime, "{op}: negative padding is not supported, got padding={p:?}");
            p
        }
        Padding::Word("valid") => vec![0; n],
        Padding::Word("same") => {
            ensure!(
                stride.iter().all(|&s| s == 1),
                Runtime,
                "{op}: padding='same' is not supported for strided convolutions, got stride={stride:?}"
            );
            let total: Vec<i64> = (0..n).map(|d| dilation[d] * (w.shape()[2 + d] as i64 - 1)).collect();
            // An odd one goes to the end, by padding the input.
            if total.iter().any(|t| t % 2 == 1) {
                let ends: Vec<i64> = total.iter().rev().flat_map(|t| [0, t % 2]).collect();
                x = ops::constant_pad_nd(&x, &ends, crate::Scalar::Int(0))?;
            }
            total.iter().map(|t| t / 2).collect()
        }
        Padding::Word(other) => {
            bail!(Value, "{op}: Invalid padding string: '{other}'; use 'valid', 'same' or sizes")
        }
    };
    let g = Geometry {
        n,
        stride: three(&stride, 1),
        padding: three(&padding, 0),
        dilation: three(&dilation, 1),
        groups: groups as usize,
    };
    batched(n, &x, |x| {
        let mut shape: Shape = [x.shape()[0], w.shape()[0]].into_iter().collect();
        for d in 0..n {
            let (input, kernel) = (x.shape()[2 + d], w.shape()[2 + d]);
            match g.output(3 - n + d, input, kernel) {
                Some(size) if kernel > 0 => shape.push(size),
                _ => bail!(
                    Shape,
                    "{op}: Calculated padded input size per channel: {:?}. Kernel size: {:?}. Kernel size can't be greater \
                     than actual input size",
                    (0..n).map(|d| x.shape()[2 + d] as i64 + 2 * padding[d]).collect::<Vec<_>>(),
                    &w.shape()[2..]
                ),
            }
        }
        forward(g, x, w, bias, &shape)
    })
}

fn conv_transpose(
    op: &str,
    n: usize,
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    lists: Lists,
    output_padding: &[i64],
) -> Result<Tensor> {
    let stride = spread(op, "stride", lists.stride, n)?;
    let dilation = spread(op, "dilation", lists.dilation, n)?;
    let extra = spread(op, "output_padding", output_padding, n)?;
    let groups = lists.groups;
    check(op, n, x, w, bias, &lists)?;
    let Padding::Sizes(padding) = lists.padding else { bail!(Internal, "{op}: padding has a word") };
    let padding = spread(op, "padding", padding, n)?;
    ensure!(
        padding.iter().all(|&p| p >= 0),
        Runtime,
        "{op}: negative padding is not supported, got padding={padding:?}"
    );
    ensure!(
        extra.iter().all(|&p| p >= 0),
        Runtime,
        "{op}: negative output_padding is not supported, got output_padding={extra:?}"
    );
    for d in 0..n {
        ensure!(
            extra[d] < stride[d] || extra[d] < dilation[d],
            Runtime,
            "{op}: output padding must be smaller than either stride or dilation, but got output_padding {extra:?}, stride \
             {stride:?}, dilation {dilation:?}"
        );
    }
    let channels = x.shape()[x.ndim() - n - 1];
    ensure!(
        channels == w.shape()[0],
        Shape,
        "{op}: Given transposed=1, weight of size {:?}, expected input{:?} to have {} channels, but got {channels} channels \
         instead",
        w.shape(),
        x.shape(),
        w.shape()[0]
    );
    let out_channels = w.shape()[1] * groups as usize;
    check_bias(op, bias, out_channels, w)?;
    let g = Geometry {
        n,
        stride: three(&stride, 1),
        padding: three(&padding, 0),
        dilation: three(&dilation, 1),
        groups: groups as usize,
    };
    batched(n, x, |x| {
        let mut shape: Shape = [x.shape()[0], out_channels].into_iter().collect();
        for d in 0..n {
            let (input, kernel) = (x.shape()[2 + d] as i64, w.shape()[2 + d] as i64);
            let size = (input - 1) * stride[d] - 2 * padding[d] + dilation[d] * (kernel - 1) + extra[d] + 1;
            ensure!(
                size > 0 && kernel > 0,
                Shape,
                "{op}: Given input size per channel: {:?}. Calculated output size per channel: {size} in dimension {d}. \
                 Output size is too small",
                &x.shape()[2..]
            );
            shape.push(size as usize);
        }
        input_gradient(g, x, w, bias, &shape)
    })
}

ops! {
    /// Convolution over one dimension: (N, C, L) or (C, L) with a weight (out, C / groups, k).
    ///
    /// PyTorch: `torch.nn.functional.conv1d`.
    [torch F]
    fn conv1d(input: Tensor, weight: Tensor, bias: Option<Tensor> = None, stride: Vec<i64> = 1, padding: Vec<i64> = 0,
              dilation: Vec<i64> = 1, groups: i64 = 1) -> Tensor {
        conv("conv1d", 1, input, weight, bias, Lists { stride, padding: Padding::Sizes(padding), dilation, groups })
    }
    /// Convolution with `padding` 'same' or 'valid'.
    [torch F as conv1d]
    fn conv1d_word(input: Tensor, weight: Tensor, bias: Option<Tensor> = None, stride: Vec<i64> = 1,
                   padding: String = "valid", dilation: Vec<i64> = 1, groups: i64 = 1) -> Tensor {
        conv("conv1d", 1, input, weight, bias, Lists { stride, padding: Padding::Word(padding), dilation, groups })
    }

    /// Convolution over two dimensions: (N, C, H, W) or (C, H, W) with a weight (out, C / groups, kh, kw).
    ///
    /// PyTorch: `torch.nn.functional.conv2d`.
    [torch F]
    fn conv2d(input: Tensor, weight: Tensor, bias: Option<Tensor> = None, stride: Vec<i64> = 1, padding: Vec<i64> = 0,
              dilation: Vec<i64> = 1, groups: i64 = 1) -> Tensor {
        conv("conv2d", 2, input, weight, bias, Lists { stride, padding: Padding::Sizes(padding), dilation, groups })
    }
    /// Convolution with `padding` 'same' or 'valid'.
    [torch F as conv2d]
    fn conv2d_word(input: Tensor, weight: Tensor, bias: Option<Tensor> = None, stride: Vec<i64> = 1,
                   padding: String = "valid", dilation: Vec<i64> = 1, groups: i64 = 1) -> Tensor {
        conv("conv2d", 2, input, weight, bias, Lists { stride, padding: Padding::Word(padding), dilation, groups })
    }

    /// Convolution over three dimensions: (N, C, D, H, W) or (C, D, H, W) with a weight (out, C / groups, kd, kh, kw).
    ///
    /// PyTorch: `torch.nn.functional.conv3d`.
    [torch F]
    fn conv3d(input: Tensor, weight: Tensor, bias: Option<Tensor> = None, stride: Vec<i64> = 1, padding: Vec<i64> = 0,
              dilation: Vec<i64> = 1, groups: i64 = 1) -> Tensor {
        conv("conv3d", 3, input, weight, bias, Lists { stride, padding: Padding::Sizes(padding), dilation, groups })
    }
    /// Convolution with `padding` 'same' or 'valid'.
    [torch F as conv3d]
    fn conv3d_word(input: Tensor, weight: Tensor, bias: Option<Tensor> = None, stride: Vec<i64> = 1,
                   padding: String = "valid", dilation: Vec<i64> = 1, groups: i64 = 1) -> Tensor {
        conv("conv3d", 3, input, weight, bias, Lists { stride, padding: Padding::Word(padding), dilation, groups })
    }

    /// Transposed convolution over one dimension: (N, C, L) with a weight (C, out / groups, k).
    ///
    /// PyTorch: `torch.nn.functional.conv_transpose1d`.
    [torch F]
    fn conv_transpose1d(input: Tensor, weight: Tensor, bias: Option<Tensor> = None, stride: Vec<i64> = 1,
                        padding: Vec<i64> = 0, output_padding: Vec<i64> = 0, groups: i64 = 1,
                        dilation: Vec<i64> = 1) -> Tensor {
        let lists = Lists { stride, padding: Padding::Sizes(padding), dilation, groups };
        conv_transpose("conv_transpose1d", 1, input, weight, bias, lists, output_padding)
    }

    /// Transposed convolution over two dimensions: (N, C, H, W) with a weight (C, out / groups, kh, kw).
    ///
    /// PyTorch: `torch.nn.functional.conv_transpose2d`.
    [torch F]
    fn conv_transpose2d(input: Tensor, weight: Tensor, bias: Option<Tensor> = None, stride: Vec<i64> = 1,
                        padding: Vec<i64> = 0, output_padding: Vec<i64> = 0, groups: i64 = 1,
                        dilation: Vec<i64> = 1) -> Tensor {
        let lists = Lists { stride, padding: Padding::Sizes(padding), dilation, groups };
        conv_transpose("conv_transpose2d", 2, input, weight, bias, lists, output_padding)
    }

    /// Transposed convolution over three dimensions: (N, C, D, H, W) with a weight (C, out / groups, kd, kh, kw).
    ///
    /// PyTorch: `torch.nn.functional.conv_transpose3d`.
    [torch F]
    fn conv_transpose3d(input: Tensor, weight: Tensor, bias: Option<Tensor> = None, stride: Vec<i64> = 1,
                        padding: Vec<i64> = 0, output_padding: Vec<i64> = 0, groups: i64 = 1,
                        dilation: Vec<i64> = 1) -> Tensor {
        let lists = Lists { stride, padding: Padding::Sizes(padding), dilation, groups };
        conv_transpose("conv_transpose3d", 3, input, weight, bias, lists, output_padding)
    }
}
