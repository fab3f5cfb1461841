//! Sampling at the positions of a grid, and grids of affine maps.

use crate::cpu::grid::{GRID_SAMPLE, GRID_SAMPLE_BACKWARD};
use crate::{Attr, Result, Shape, Strided, Tensor, attach, bail, dispatch, ensure, ops};

fn sample(op: &'static str, x: &Tensor, grid: &Tensor, mode: i64, padding: i64, align: bool) -> Result<Tensor> {
    let n = x.ndim().wrapping_sub(2);
    ensure!(
        (n == 2 || n == 3) && grid.ndim() == x.ndim(),
        Shape,
        "{op}: expected 4D or 5D input and grid with same number of dimensions, but got input with sizes {:?} and grid with \
         sizes {:?}",
        x.shape(),
        grid.shape()
    );
    ensure!(
        x.dtype() == grid.dtype() && x.dtype().is_float(),
        DType,
        "{op}: expected input and grid to have same (floating) dtype, but input has {} and grid has {}",
        x.dtype(),
        grid.dtype()
    );
    ensure!(
        x.shape()[0] == grid.shape()[0],
        Shape,
        "{op}: expected grid and input to have same batch size, but got input with sizes {:?} and grid with sizes {:?}",
        x.shape(),
        grid.shape()
    );
    ensure!(
        grid.shape()[n + 1] == n,
        Shape,
        "{op}: expected grid to have size {n} in last dimension, but got grid with sizes {:?}",
        grid.shape()
    );
    ensure!(
        x.shape()[2..].iter().all(|&s| s > 0),
        Shape,
        "{op}: expected input to have non-empty spatial dimensions, but input has sizes {:?}",
        x.shape()
    );
    ensure!(
        (0..3).contains(&mode) && (0..3).contains(&padding),
        Value,
        "{op}: unknown mode {mode} or padding mode {padding}"
    );
    ensure!(mode != 2 || n == 2, NotImplemented, "{op}: bicubic interpolation only supports 4D input");
    let mut shape: Shape = x.shape()[..2].into();
    shape.extend_from_slice(&grid.shape()[1..=n]);
    let out = Tensor::empty(&shape, x.dtype())?;
    let attrs = [Attr::from(n), Attr::from(mode), Attr::from(padding), Attr::from(align)];
    let (a, b, o) = (Deep::image(x), Deep::grid(grid), Deep::image(&out));
    dispatch(&GRID_SAMPLE, &[a.strided(), b.strided()], &[o.strided()], &attrs)?;
    let name = if n == 2 { "GridSampler2DBackward0" } else { "GridSampler3DBackward0" };
    attach(&[&out], name, &[x, grid], &[Some(x), Some(grid)], move |ctx| {
        let (g, x, grid) = (ctx.grad(0)?, ctx.saved(0)?, ctx.saved(1)?);
        let dx = Tensor::empty(x.shape(), x.dtype())?;
        let dgrid = Tensor::empty(grid.shape(), grid.dtype())?;
        let (d, a, b) = (Deep::image(&g), Deep::image(&x), Deep::grid(&grid));
        let outs = [Deep::image(&dx), Deep::grid(&dgrid)];
        let attrs = [Attr::from(n), Attr::from(mode), Attr::from(padding), Attr::from(align)];
        dispatch(
            &GRID_SAMPLE_BACKWARD,
            &[d.strided(), a.strided(), b.strided()],
            &[outs[0].strided(), outs[1].strided()],
            &attrs,
        )?;
        // PyTorch has no second derivative either.
        attach(&[&dx, &dgrid], "NotImplemented", &[&g, &x, &grid], &[], |_| {
            bail!(NotImplemented, "grid_sample: the derivative for 'grid_sampler_2d_backward' is not implemented")
        });
        Ok(vec![ctx.needs(0).then_some(dx), ctx.needs(1).then_some(dgrid)])
    });
    Ok(out)
}

/// A tensor of images or of grid positions as one of three spatial dimensions.
struct Deep<'a> {
    t: &'a Tensor,
    shape: Shape,
    strides: crate::Strides,
}

impl<'a> Deep<'a> {
    fn new(t: &'a Tensor, at: usize) -> Deep<'a> {
        let (mut shape, mut strides): (Shape, crate::Strides) = (t.shape().into(), t.strides().into());
        if shape.len() == 4 {
            shape.insert(at, 1);
            strides.insert(at, 0);
        }
        Deep { t, shape, strides }
    }
    fn image(t: &'a Tensor) -> Deep<'a> {
        Deep::new(t, 2)
    }
    fn grid(t: &'a Tensor) -> Deep<'a> {
        Deep::new(t, 1)
    }
    fn strided(&self) -> Strided<'_> {
        Strided::from(self.t).with(&self.shape, &self.strides)
    }
}

fn number(op: &str, what: &str, words: [&str; 3], word: &str) -> Result<i64> {
    match words.iter().position(|&w| w == word) {
        Some(i) => Ok(i as i64),
        None => {
            bail!(Value, "{op}: expected {what} to be {}, {} or {}, but got: '{word}'", words[0], words[1], words[2])
        }
    }
}

ops! {
    /// Samples (N, C, H, W) or (N, C, D, H, W) at the positions of a grid (N, h, w, 2) or (N, d, h, w, 3), whose coordinates
    /// go from -1 to 1, x first. Modes: bilinear, nearest, bicubic; padding: zeros, border, reflection.
    ///
    /// PyTorch: `torch.nn.functional.grid_sample`.
    [F]
    fn grid_sample(input: Tensor, grid: Tensor, mode: String = "bilinear", padding_mode: String = "zeros",
                   align_corners: Option<bool> = None) -> Tensor {
        let mode = number("grid_sample", "mode", ["bilinear", "nearest", "bicubic"], mode)?;
        let padding = number("grid_sample", "padding_mode", ["zeros", "border", "reflection"], padding_mode)?;
        sample("grid_sample", input, grid, mode, padding, align_corners.unwrap_or(false))
    }

    /// `gridSample` with numbers for its modes (0 bilinear, 1 nearest, 2 bicubic; 0 zeros, 1 border, 2 reflection).
    ///
    /// PyTorch: `torch.grid_sampler`.
    [torch "grid_sampler_2d" "grid_sampler_3d"]
    fn grid_sampler(input: Tensor, grid: Tensor, interpolation_mode: i64, padding_mode: i64, align_corners: bool) -> Tensor {
        sample("grid_sampler", input, grid, interpolation_mode, padding_mode, align_corners)
    }

    /// The grid of an affine map: theta (N, 2, 3) and a size (N, C, H, W) give (N, H, W, 2); theta (N, 3, 4) and
    /// (N, C, D, H, W) give (N, D, H, W, 3).
    ///
    /// PyTorch: `torch.nn.functional.affine_grid`.
    [F]
    fn affine_grid(theta: Tensor, size: Vec<i64>, align_corners: Option<bool> = None) -> Tensor {
        let n = size.len().wrapping_sub(2);
        ensure!(theta.dtype().is_float(), DType, "affine_grid: Expected theta to have floating point type, but got {}", theta.dtype());
        ensure!(
            n == 2 || n == 3,
            NotImplemented,
            "affine_grid: affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size {size:?}."
        );
        ensure!(
            theta.ndim() == 3 && theta.shape()[1] == n && theta.shape()[2] == n + 1,
            Shape,
            "affine_grid: Expected a batch of {n}D affine matrices of shape Nx{n}x{} for size {size:?}. Got {:?}.",
            n + 1, theta.shape()
        );
        ensure!(size.iter().all(|&s| s > 0), Shape, "affine_grid: Expected non-zero, positive output size. Got {size:?}");
        let align = align_corners.unwrap_or(false);
        let extents: Vec<usize> = size[2..].iter().map(|&s| s as usize).collect();
        let line = |count: usize, i: usize| -> f64 {
            if count <= 1 {
                return 0.0;
            }
            let v = -1.0 + 2.0 * i as f64 / (count as f64 - 1.0);
            if align { v } else { v * (count as f64 - 1.0) / count as f64 }
        };
        let points: usize = extents.iter().product();
        let mut base = vec![1.0f64; points * (n + 1)];
        for (p, row) in base.chunks_mut(n + 1).enumerate() {
            let mut rest = p;
            for d in (0..n).rev() {
                row[n - 1 - d] = line(extents[d], rest % extents[d]);
                rest /= extents[d];
            }
        }
        let base = Tensor::from_numbers(&base, &[points, n + 1], theta.dtype())?;
        let grid = ops::matmul(&base, &ops::transpose(theta, 1, 2)?)?;
        let mut shape = vec![theta.shape()[0] as i64];
        shape.extend(&size[2..]);
        shape.push(n as i64);
        ops::reshape(&grid, &shape)
    }
}
