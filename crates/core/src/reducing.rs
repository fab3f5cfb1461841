//! What every reduction shares: which dimensions go, the shapes with and without them, and the launch.

use smallvec::SmallVec;

use crate::cpu::{Attr, Kernel};
use crate::layout::wrap_dims;
use crate::{DType, Layout, Result, Shape, Strided, Tensor, dispatch, ensure, ops};

/// A reduction of one tensor over some of its dimensions.
pub(crate) struct Reduction {
    /// Which dimensions go.
    pub flags: SmallVec<[bool; 6]>,
    /// The input's shape with ones where it is reduced.
    pub kept: Shape,
    /// The result's shape: `kept`, or without those ones.
    pub shape: Shape,
    /// How many elements stand behind each result.
    pub count: usize,
}

impl Reduction {
    /// Over `dims` (all when None or empty).
    pub fn over(op: &str, input: &Tensor, dims: Option<&[i64]>, keepdim: bool) -> Result<Reduction> {
        ensure!(
            input.ndim() <= 64 || dims.is_none(),
            Runtime,
            "{op}: only tensors with up to 64 dims are supported, got {}",
            input.ndim()
        );
        Ok(Self::of(input, wrap_dims(op, dims, input.ndim())?, keepdim))
    }

    /// Over one dimension.
    pub fn along(op: &str, input: &Tensor, dim: i64, keepdim: bool) -> Result<Reduction> {
        Self::over(op, input, Some(&[dim]), keepdim)
    }

    /// Over everything.
    pub fn whole(input: &Tensor) -> Reduction {
        Self::of(input, SmallVec::from_elem(true, input.ndim()), false)
    }

    fn of(input: &Tensor, flags: SmallVec<[bool; 6]>, keepdim: bool) -> Reduction {
        let shape = input.shape();
        let kept: Shape = shape.iter().zip(&flags).map(|(&n, &gone)| if gone { 1 } else { n }).collect();
        let count = shape.iter().zip(&flags).filter(|d| *d.1).map(|d| *d.0).product();
        let rest = shape.iter().zip(&flags).filter(|d| keepdim || !*d.1);
        let shape = rest.map(|(&n, &gone)| if gone { 1 } else { n }).collect();
        Reduction { flags, kept, shape, count }
    }

    /// Refuses to reduce nothing to something, for ops without an identity.
    pub fn needs_elements(&self, op: &str, input: &Tensor) -> Result<()> {
        if self.kept.iter().product::<usize>() > 0 {
            for (d, (&n, &gone)) in input.shape().iter().zip(&self.flags).enumerate() {
                ensure!(
                    n > 0 || !gone,
                    Index,
                    "{op}(): Expected reduction dim {d} to have non-zero size: the reduction of an empty dimension has no \
                     identity, in shape {:?}",
                    input.shape()
                );
            }
        }
        Ok(())
    }

    /// Memory for a result.
    pub fn output(&self, dtype: DType) -> Result<Tensor> {
        Tensor::empty(&self.shape, dtype)
    }

    /// Runs a kernel that finds the reduced dimensions from the shapes.
    pub fn run(&self, kernel: &Kernel, input: &Tensor, outs: &[&Tensor], attrs: &[Attr]) -> Result<()> {
        let layout = Layout::contiguous(&self.kept);
        let outs: SmallVec<[Strided; 2]> =
            outs.iter().map(|&o| Strided::from(o).with(&layout.shape, &layout.strides)).collect();
        dispatch(kernel, &[Strided::from(input)], &outs, attrs)
    }

    /// As `run`, with the result allocated.
    pub fn result(&self, kernel: &Kernel, input: &Tensor, dtype: DType, attrs: &[Attr]) -> Result<Tensor> {
        let out = self.output(dtype)?;
        self.run(kernel, input, &[&out], attrs)?;
        Ok(out)
    }

    /// What a backward function needs to know.
    pub fn plan(&self, input: &Tensor) -> Plan {
        let sizes = |s: &[usize]| s.iter().map(|&n| n as i64).collect();
        Plan { before: sizes(input.shape()), kept: sizes(&self.kept), dims: self.dims() }
    }

    /// The reduced dimensions, by number.
    pub fn dims(&self) -> Vec<i64> {
        self.flags.iter().enumerate().filter(|f| *f.1).map(|f| f.0 as i64).collect()
    }
}

/// The shapes of a reduction, for the way back.
#[derive(Clone)]
pub(crate) struct Plan {
    pub before: Vec<i64>,
    pub kept: Vec<i64>,
    pub dims: Vec<i64>,
}

impl Plan {
    /// A result (or its gradient) with the reduced dimensions back as ones: it broadcasts against the input.
    pub fn keep(&self, t: &Tensor) -> Result<Tensor> {
        ops::reshape(t, &self.kept)
    }

    /// A result (or its gradient) spread over the input's shape.
    pub fn spread(&self, t: &Tensor) -> Result<Tensor> {
        ops::expand(&self.keep(t)?, &self.before)
    }

    /// The sum over the reduced dimensions, which stay as ones.
    pub fn sum(&self, t: &Tensor) -> Result<Tensor> {
        if self.dims.is_empty() { Ok(t.clone()) } else { ops::sum_dim(t, Some(&self.dims), true, None) }
    }
}

/// `t * c`.
pub(crate) fn scale(t: &Tensor, c: f64) -> Result<Tensor> {
    ops::mul(t, &Tensor::number(c)?)
}

/// The name of an op with a dtype it does not take, as PyTorch puts it.
pub(crate) fn not_implemented<T>(op: &str, dtype: DType) -> Result<T> {
    crate::bail!(NotImplemented, "\"{op}\" not implemented for '{}'", dtype.c_name())
}
