//! What convolutions and pools share: lists of sizes that may be one number, output sizes, and views in five dimensions.

use crate::{Result, Strided, Tensor, bail, ensure};

/// Sizes for up to three spatial dimensions; absent ones come first and are 1.
pub(crate) type Three = [usize; 3];

/// A list parameter: one number stands for all `n`.
pub(crate) fn spread(op: &str, name: &str, list: &[i64], n: usize) -> Result<Vec<i64>> {
    match list.len() {
        1 => Ok(vec![list[0]; n]),
        l if l == n => Ok(list.to_vec()),
        l => bail!(
            Runtime,
            "{op}: {name} must either be a single int, or a list of {n} ints, but got {l} of them: {list:?}"
        ),
    }
}

/// `n` sizes behind absent dimensions, which get `fill`.
pub(crate) fn three(list: &[i64], fill: usize) -> Three {
    let mut out = [fill; 3];
    for (o, &v) in out[3 - list.len()..].iter_mut().zip(list) {
        *o = v as usize;
    }
    out
}

/// A tensor seen as (images, channels, depth, height, width): a leading batch dimension where it lacks one, and absent
/// spatial dimensions of size 1.
pub(crate) struct Five<'a> {
    t: &'a Tensor,
    shape: [usize; 5],
    strides: [isize; 5],
}

impl<'a> Five<'a> {
    /// `n` spatial dimensions at the end of `t`; without a batch where `t` has only n + 1 dimensions.
    pub fn new(t: &'a Tensor, n: usize) -> Five<'a> {
        let lead = t.ndim() - n;
        let mut five = Five { t, shape: [1; 5], strides: [0; 5] };
        for d in 0..lead {
            (five.shape[2 - lead + d], five.strides[2 - lead + d]) = (t.shape()[d], t.strides()[d]);
        }
        for d in 0..n {
            (five.shape[5 - n + d], five.strides[5 - n + d]) = (t.shape()[lead + d], t.strides()[lead + d]);
        }
        five
    }

    pub fn strided(&self) -> Strided<'_> {
        Strided::from(self.t).with(&self.shape, &self.strides)
    }
}

/// Windows as pools take them.
pub(crate) struct Windows {
    pub kernel: Vec<i64>,
    pub stride: Vec<i64>,
    pub padding: Vec<i64>,
    pub dilation: Vec<i64>,
    pub ceil: bool,
}

impl Windows {
    /// Reads and checks the lists; no stride (or an empty one) means the kernel's size.
    pub fn new(
        op: &str,
        n: usize,
        kernel: &[i64],
        stride: Option<&[i64]>,
        padding: &[i64],
        dilation: &[i64],
        ceil: bool,
    ) -> Result<Windows> {
        let kernel = spread(op, "kernel_size", kernel, n)?;
        let stride = match stride {
            None | Some([]) => kernel.clone(),
            Some(s) => spread(op, "stride", s, n)?,
        };
        let padding = spread(op, "padding", padding, n)?;
        let dilation = spread(op, "dilation", dilation, n)?;
        for d in 0..n {
            let (k, s, p, l) = (kernel[d], stride[d], padding[d], dilation[d]);
            ensure!(k > 0, Runtime, "{op}: kernel_size must be greater than zero, but got {k}");
            ensure!(s > 0, Runtime, "{op}: stride must be greater than zero, but got {s}");
            ensure!(p >= 0, Runtime, "{op}: pad must be non-negative, but got pad: {p}");
            ensure!(l > 0, Runtime, "{op}: dilation must be greater than zero, but got {l}");
            let reach = (k - 1).checked_mul(l).and_then(|r| r.checked_add(1));
            let Some(reach) = reach else {
                bail!(
                    Runtime,
                    "{op}: Invalid computed output size: -1; effective kernel size overflows: kernel_size {k} with dilation {l}"
                );
            };
            ensure!(
                p <= reach / 2,
                Runtime,
                "{op}: pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and dilation={l}"
            );
        }
        Ok(Windows { kernel, stride, padding, dilation, ceil })
    }

    /// Output size along spatial dimension `d` for an input of `n` (aten/native/Pool.h, pooling_output_shape).
    pub fn output(&self, op: &str, d: usize, n: usize) -> Result<usize> {
        let (k, s, p, l) =
            (self.kernel[d] as i128, self.stride[d] as i128, self.padding[d] as i128, self.dilation[d] as i128);
        let room = n as i128 + 2 * p - l * (k - 1) - 1 + if self.ceil { s - 1 } else { 0 };
        let mut out = room.div_euclid(s) + 1;
        // The last window starts inside the input or its left padding.
        if self.ceil && (out - 1) * s >= n as i128 + p {
            out -= 1;
        }
        ensure!(
            out >= 1,
            Shape,
            "{op}: Invalid computed output size: {out}. Given an input of size {n} along spatial dimension {d}, kernel_size \
             {k}, stride {s}, padding {p}, dilation {l}. Output size is too small"
        );
        Ok(out as usize)
    }

    /// How far windows over these sizes reach: their size with the dilation in it, stride, padding. Nothing where a window may have no
    /// element, whose maximum has a place all the same: a dilation may then step over the whole input.
    pub fn reach(&self, input: &[usize]) -> Vec<crate::Attr> {
        if self.dilation.iter().zip(input).any(|(&l, &n)| l as usize > n) {
            return Vec::new();
        }
        let size: Vec<i64> = self.kernel.iter().zip(&self.dilation).map(|(k, l)| (k - 1) * l + 1).collect();
        let all = [three(&size, 1), three(&self.stride, 1), three(&self.padding, 0)].concat();
        all.into_iter().map(crate::Attr::from).collect()
    }

    /// kernel, stride, padding (and dilation) as kernels take them.
    pub fn attrs(&self, with_dilation: bool) -> Vec<crate::Attr> {
        let mut all = [three(&self.kernel, 1), three(&self.stride, 1), three(&self.padding, 0)].concat();
        if with_dilation {
            all.extend(three(&self.dilation, 1));
        }
        all.into_iter().map(crate::Attr::from).collect()
    }
}
