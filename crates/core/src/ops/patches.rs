//! Patches of images as columns and back (im2col, col2im), and shuffles of pixels and channels.

use super::windows::spread;
use crate::autograd::composite;
use crate::{Layout, Result, Tensor, attach, autograd, ensure, ops};

/// Sliding blocks over two dimensions.
#[derive(Clone)]
struct Blocks {
    kernel: [usize; 2],
    dilation: [usize; 2],
    padding: [usize; 2],
    stride: [usize; 2],
    image: [usize; 2],
    count: [usize; 2],
}

impl Blocks {
    fn new(
        op: &str,
        kernel: &[i64],
        dilation: &[i64],
        padding: &[i64],
        stride: &[i64],
        image: [usize; 2],
    ) -> Result<Blocks> {
        let mut lists = [[0usize; 2]; 4];
        for (i, (name, list)) in
            [("kernel_size", kernel), ("dilation", dilation), ("padding", padding), ("stride", stride)]
                .iter()
                .enumerate()
        {
            let list = spread(op, name, list, 2)?;
            ensure!(
                list.iter().all(|&v| v > 0 || (i == 2 && v == 0)),
                Runtime,
                "{op}: {name} should be greater than zero, but got {list:?}"
            );
            lists[i] = [list[0] as usize, list[1] as usize];
        }
        let [kernel, dilation, padding, stride] = lists;
        let mut count = [0; 2];
        for d in 0..2 {
            let room = (image[d] + 2 * padding[d]).checked_sub(dilation[d] * (kernel[d] - 1) + 1);
            ensure!(
                room.is_some(),
                Shape,
                "{op}: Given input with spatial size {image:?}, kernel_size={kernel:?}, dilation={dilation:?}, \
                 padding={padding:?}, calculated shape of the array of sliding blocks has components that are too small \
                 (non-positive)"
            );
            count[d] = room.unwrap_or(0) / stride[d] + 1;
        }
        Ok(Blocks { kernel, dilation, padding, stride, image, count })
    }

    fn padded(&self) -> [usize; 2] {
        [0, 1].map(|d| self.image[d] + 2 * self.padding[d])
    }

    /// The pixels that tap (i, j) of every block meets, in a padded image with these strides.
    fn tap(&self, padded: &Layout, i: usize, j: usize) -> Layout {
        let (s, n) = (&padded.strides, padded.shape.len());
        let mut l = padded.clone();
        let at = (i * self.dilation[0]) as isize * s[n - 2] + (j * self.dilation[1]) as isize * s[n - 1];
        l.offset = (l.offset as isize + at) as usize;
        for d in 0..2 {
            l.shape[n - 2 + d] = self.count[d];
            l.strides[n - 2 + d] = s[n - 2 + d] * self.stride[d] as isize;
        }
        l
    }

    /// Pairs every tap's pixels of `padded` (N, C, H, W) with their row of `columns` (N, C * kh * kw, L).
    fn each(&self, padded: &Tensor, columns: &Tensor, f: impl Fn(Tensor, Tensor) -> Result<()>) -> Result<()> {
        let [kh, kw] = self.kernel;
        let (s, l) = (columns.strides(), columns.layout());
        let [n, c] = [padded.shape()[0], padded.shape()[1]];
        for i in 0..kh {
            for j in 0..kw {
                let layout = Layout {
                    shape: [n, c, self.count[0], self.count[1]].into_iter().collect(),
                    strides: [s[0], s[1] * (kh * kw) as isize, s[2] * self.count[1] as isize, s[2]]
                        .into_iter()
                        .collect(),
                    offset: (l.offset as isize + (i * kw + j) as isize * s[1]) as usize,
                };
                f(padded.alias(self.tap(padded.layout(), i, j)), columns.alias(layout))?;
            }
        }
        Ok(())
    }
}

/// Images (N, C, H, W) to columns (N, C * kh * kw, L).
fn to_columns(b: Blocks, x: &Tensor) -> Result<Tensor> {
    let [ph, pw] = b.padding.map(|p| p as i64);
    let padded = autograd::no_grad(|| ops::constant_pad_nd(&x.detach(), &[pw, pw, ph, ph], crate::Scalar::Int(0)))?;
    let (n, c) = (x.shape()[0], x.shape()[1]);
    let out = Tensor::empty(&[n, c * b.kernel[0] * b.kernel[1], b.count[0] * b.count[1]], x.dtype())?;
    if out.numel() > 0 {
        b.each(&padded, &out, |image, column| column.copy_from(&image))?;
    }
    attach(&[&out], "Im2ColBackward0", &[x], &[], move |ctx| {
        Ok(vec![ctx.opt_grad(0).map(|g| to_images(b.clone(), g)).transpose()?])
    });
    Ok(out)
}

/// The transpose: every column is added where it came from.
fn to_images(b: Blocks, columns: &Tensor) -> Result<Tensor> {
    let (n, c) = (columns.shape()[0], columns.shape()[1] / (b.kernel[0] * b.kernel[1]));
    let [h, w] = b.padded();
    let padded = Tensor::zeros(&[n, c, h, w], columns.dtype())?;
    let plain = columns.detach();
    if plain.numel() > 0 {
        b.each(&padded, &plain, |image, column| ops::graph::add_into(&image, &column))?;
    }
    let [ph, pw] = b.padding.map(|p| -(p as i64));
    let out = autograd::no_grad(|| ops::constant_pad_nd(&padded, &[pw, pw, ph, ph], crate::Scalar::Int(0)))?;
    attach(&[&out], "Col2ImBackward0", &[columns], &[], move |ctx| {
        Ok(vec![ctx.opt_grad(0).map(|g| to_columns(b.clone(), g)).transpose()?])
    });
    Ok(out)
}

/// Runs `f` with a batch dimension, which the result loses if the input had none.
fn with_batch(x: &Tensor, dims: usize, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if x.ndim() == dims { f(x) } else { ops::squeeze_dim(&f(&ops::unsqueeze(x, 0)?)?, 0) }
}

ops! {
    /// Sliding blocks of (N, C, H, W) or (C, H, W) as columns: (N, C * kh * kw, blocks).
    ///
    /// PyTorch: `torch.nn.functional.unfold`.
    [F as unfold]
    fn im2col(input: Tensor, kernel_size: Vec<i64>, dilation: Vec<i64> = 1, padding: Vec<i64> = 0,
              stride: Vec<i64> = 1) -> Tensor {
        let n = input.ndim();
        ensure!(
            (n == 3 || n == 4) && input.shape()[n - 3..].iter().all(|&s| s > 0),
            Shape,
            "unfold: Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for \
             input, but got: {:?}",
            input.shape()
        );
        let image = [input.shape()[n - 2], input.shape()[n - 1]];
        let b = Blocks::new("unfold", kernel_size, dilation, padding, stride, image)?;
        with_batch(input, 4, |x| to_columns(b, x))
    }

    /// Columns (N, C * kh * kw, blocks) added up to images of this size: the transpose of `unfold`.
    ///
    /// PyTorch: `torch.nn.functional.fold`.
    [F]
    fn fold(input: Tensor, output_size: Vec<i64>, kernel_size: Vec<i64>, dilation: Vec<i64> = 1, padding: Vec<i64> = 0,
            stride: Vec<i64> = 1) -> Tensor {
        let n = input.ndim();
        ensure!(
            (n == 2 || n == 3) && input.shape()[n - 2..].iter().all(|&s| s > 0),
            Shape,
            "fold: Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for \
             input, but got: {:?}",
            input.shape()
        );
        let size = spread("fold", "output_size", output_size, 2)?;
        ensure!(size.iter().all(|&s| s > 0), Shape, "fold: output_size should be greater than zero, but got {size:?}");
        let b = Blocks::new("fold", kernel_size, dilation, padding, stride, [size[0] as usize, size[1] as usize])?;
        let (rows, columns) = (input.shape()[n - 2], input.shape()[n - 1]);
        let block = b.kernel[0] * b.kernel[1];
        ensure!(
            rows.is_multiple_of(block),
            Shape,
            "fold: Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)\
             ={rows} and kernel_size={:?}.",
            b.kernel
        );
        ensure!(
            columns == b.count[0] * b.count[1],
            Shape,
            "fold: Given output_size={size:?}, kernel_size={:?}, dilation={:?}, padding={:?}, stride={:?}, expected size of \
             input's dimension 2 to match the calculated number of sliding blocks {} * {} = {}, but got input.size(2)={columns}.",
            b.kernel, b.dilation, b.padding, b.stride, b.count[0], b.count[1], b.count[0] * b.count[1]
        );
        with_batch(input, 3, |x| to_images(b, x))
    }

    /// (*, C * r * r, H, W) to (*, C, H * r, W * r): channels become pixels.
    ///
    /// PyTorch: `torch.nn.functional.pixel_shuffle`.
    [torch F]
    fn pixel_shuffle(input: Tensor, upscale_factor: i64) -> Tensor {
        let (n, r) = (input.ndim(), upscale_factor);
        ensure!(
            n >= 3,
            Shape,
            "pixel_shuffle: expects input to have at least 3 dimensions, but got input with {n} dimension(s)"
        );
        ensure!(r > 0, Runtime, "pixel_shuffle: expects a positive upscale_factor, but got {r}");
        let s = input.sizes();
        let (lead, c, h, w) = (&s[..n - 3], s[n - 3], s[n - 2], s[n - 1]);
        ensure!(
            c % (r * r) == 0,
            Shape,
            "pixel_shuffle: expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but \
             input.size(-3)={c} is not divisible by {}",
            r * r
        );
        let k = lead.len() as i64;
        let split = ops::reshape(input, &[lead, &[c / (r * r), r, r, h, w]].concat())?;
        let order: Vec<i64> = (0..k).chain([k, k + 3, k + 1, k + 4, k + 2]).collect();
        let out = ops::reshape(&ops::permute(&split, &order)?, &[lead, &[c / (r * r), h * r, w * r]].concat());
        composite("PixelShuffleBackward0", &[input], out)
    }

    /// (*, C, H * r, W * r) to (*, C * r * r, H, W): the opposite of `pixelShuffle`.
    ///
    /// PyTorch: `torch.nn.functional.pixel_unshuffle`.
    [torch F]
    fn pixel_unshuffle(input: Tensor, downscale_factor: i64) -> Tensor {
        let (n, r) = (input.ndim(), downscale_factor);
        ensure!(
            n >= 3,
            Shape,
            "pixel_unshuffle: expects input to have at least 3 dimensions, but got input with {n} dimension(s)"
        );
        ensure!(r > 0, Runtime, "pixel_unshuffle: expects a positive downscale_factor, but got {r}");
        let s = input.sizes();
        let (lead, c, h, w) = (&s[..n - 3], s[n - 3], s[n - 2], s[n - 1]);
        ensure!(
            h % r == 0 && w % r == 0,
            Shape,
            "pixel_unshuffle: expects height and width to be divisible by downscale_factor, but {h} x {w} is not divisible \
             by {r}"
        );
        let k = lead.len() as i64;
        let split = ops::reshape(input, &[lead, &[c, h / r, r, w / r, r]].concat())?;
        let order: Vec<i64> = (0..k).chain([k, k + 2, k + 4, k + 1, k + 3]).collect();
        let out = ops::reshape(&ops::permute(&split, &order)?, &[lead, &[c * r * r, h / r, w / r]].concat());
        composite("PixelUnshuffleBackward0", &[input], out)
    }

    /// The channels of (N, C, ...) dealt out over the groups: channel g * (C / groups) + i goes to i * groups + g.
    ///
    /// PyTorch: `torch.nn.functional.channel_shuffle`.
    [torch F "native_channel_shuffle"]
    fn channel_shuffle(input: Tensor, groups: i64) -> Tensor {
        ensure!(
            input.ndim() > 2,
            Shape,
            "channel_shuffle: expects input with > 2 dims, but got input with sizes {:?}",
            input.shape()
        );
        let s = input.sizes();
        ensure!(groups > 0, Runtime, "channel_shuffle: number of groups to divide channels in must be positive. Value of groups:{groups}");
        ensure!(s[1] % groups == 0, Shape, "channel_shuffle: number of channels must be divisible by groups. Got {} channels and {groups} groups.", s[1]);
        let split = ops::reshape(input, &[&[s[0], groups, s[1] / groups], &s[2..]].concat())?;
        composite("ChannelShuffleBackward0", &[input], ops::reshape(&ops::transpose(&split, 1, 2)?, &s))
    }
}
