//! Reads and writes where index tensors say: lays operands over one index space for the kernels of `cpu::index`.

use smallvec::SmallVec;

use crate::cpu::{Attr, Kernel, index};
use crate::lane::Demand;
use crate::layout::expand_strides;
use crate::{DType, Layout, Result, Shape, Strided, Strides, Tensor, bail, device, dispatch, ensure};

pub(crate) use crate::cpu::index::PutMode;

/// An index tensor over the space of an access, and the dimension it runs along.
pub(crate) struct Index {
    /// int64.
    pub at: Tensor,
    /// Its strides over the space.
    pub strides: Strides,
    /// Size and stride of the indexed dimension.
    pub size: usize,
    pub stride: isize,
}

/// The kernels take so many index tensors at once.
const MOST: usize = 14;

/// An access to a tensor: the space of the elements that are read or written, the tensor's strides over it (zero where
/// an index decides), and the indices.
pub(crate) struct Access {
    pub space: Shape,
    pub strides: Strides,
    pub indices: Vec<Index>,
    /// Whether negative indices count from the end. On the host they were refused before if not; kernels of a GPU do it.
    pub negative: bool,
    /// What is said of an index outside, where nobody could look before; else `index ... is out of bounds`.
    pub demand: Option<&'static Demand>,
}

impl Access {
    fn attrs(&self, mode: Option<PutMode>) -> Result<SmallVec<[Attr; 8]>> {
        ensure!(
            self.indices.len() <= MOST,
            NotImplemented,
            "indexing with more than {MOST} index tensors at once, got {}",
            self.indices.len()
        );
        let steps = self.indices.iter().flat_map(|i| [Attr::from(i.size), Attr::from(i.stride as i64)]);
        let refused = (!self.negative).then(|| Attr::from(true));
        Ok(mode.map(Attr::from).into_iter().chain(steps).chain(refused).collect())
    }

    fn operands<'a>(&'a self, first: Strided<'a>) -> SmallVec<[Strided<'a>; 4]> {
        let indices = self.indices.iter().map(|i| Strided::from(&i.at).with(&self.space, &i.strides));
        std::iter::once(first).chain(indices).collect()
    }

    /// The same where negative indices are out of range.
    pub fn without_negatives(self) -> Access {
        Access { negative: false, ..self }
    }

    /// What stands there in `x`, in new memory.
    pub fn read(&self, x: &Tensor) -> Result<Tensor> {
        let out = Tensor::empty(&self.space, x.dtype())?;
        let x = Strided::from(x).with(&self.space, &self.strides);
        dispatch(&index::INDEX_GET, &self.operands(x), &[Strided::from(&out)], &self.attrs(None)?)?;
        Ok(out)
    }

    /// Writes `v`, which broadcasts to the space, into `y`.
    pub fn write(&self, y: &Tensor, v: &Tensor, mode: PutMode) -> Result<()> {
        let Some(strides) = expand_strides(v.layout(), &self.space) else {
            bail!(
                Shape,
                "shape mismatch: value tensor of shape {:?} cannot be broadcast to indexing result of shape {:?}",
                v.shape(),
                self.space
            );
        };
        let v = Strided::from(v).with(&self.space, &strides);
        let y = Strided::from(y).with(&self.space, &self.strides);
        let kernel = Kernel { demand: self.demand, ..index::INDEX_PUT };
        dispatch(&kernel, &self.operands(v), &[y], &self.attrs(Some(mode))?)
    }
}

/// A 0-d tensor seen as a vector of one: ops along a dimension treat both alike.
pub(crate) fn at_least_1d(t: &Tensor) -> Tensor {
    if t.ndim() > 0 {
        return t.clone();
    }
    t.alias(Layout { shape: [1][..].into(), strides: [1][..].into(), offset: t.layout().offset })
}

/// `x[..., index[...], ...]` along `dim`, element by element over the index's shape (gather, scatter). The tensors have
/// one rank, at least 1.
pub(crate) fn elementwise(x: &Tensor, dim: usize, index: &Tensor) -> Access {
    let (size, stride) = (x.shape()[dim], x.strides()[dim]);
    let mut strides: Strides = x.strides().into();
    strides[dim] = 0;
    let index = Index { at: index.clone(), strides: index.strides().into(), size, stride };
    Access { space: index.at.shape().into(), strides, indices: vec![index], negative: false, demand: None }
}

/// `x[..., index, ...]` along `dim`, slice by slice, for a 1-d index (index_select, index_add). `x` has a dimension.
pub(crate) fn slicewise(x: &Tensor, dim: usize, index: &Tensor) -> Access {
    let (size, stride) = (x.shape()[dim], x.strides()[dim]);
    let (mut space, mut strides): (Shape, Strides) = (x.shape().into(), x.strides().into());
    (space[dim], strides[dim]) = (index.numel(), 0);
    let mut along: Strides = SmallVec::from_elem(0, x.ndim());
    along[dim] = index.strides()[0];
    Access {
        space,
        strides,
        indices: vec![Index { at: index.clone(), strides: along, size, stride }],
        negative: true,
        demand: None,
    }
}

/// The elements of a contiguous `x` by number (take, put).
pub(crate) fn by_number(x: &Tensor, index: &Tensor) -> Access {
    let strides = SmallVec::from_elem(0, index.ndim());
    let index = Index { at: index.clone(), strides: index.strides().into(), size: x.numel(), stride: 1 };
    Access { space: index.at.shape().into(), strides, indices: vec![index], negative: true, demand: None }
}

/// Where a changed version of `input` is written: its own memory in place, when that was offered (`pointwise::claim`)
/// and nothing that is read lies there; else a copy.
pub(crate) fn room(input: &Tensor, offered: Option<Tensor>, reads: &[&Tensor]) -> Result<Tensor> {
    match offered {
        Some(t)
            if t.storage().same(input.storage())
                && t.layout() == input.layout()
                && t.dtype() == input.dtype()
                && reads.iter().all(|r| !r.storage().same(t.storage())) =>
        {
            Ok(t.detach())
        }
        _ => crate::ops::clone(&input.detach()),
    }
}

/// The least and greatest element of an int64 tensor, None if it is empty.
pub(crate) fn range(index: &Tensor) -> Result<Option<(i64, i64)>> {
    if index.numel() == 0 {
        return Ok(None);
    }
    let out = Tensor::empty(&[2], DType::I64)?;
    dispatch(&index::INDEX_RANGE, &[index], &[&out], &[])?;
    let v = out.to_vec::<i64>()?;
    Ok(Some((v[0], v[1])))
}

/// Refuses an index outside a dimension; `negative` says whether it may count from the end.
pub(crate) fn check(op: &str, index: &Tensor, dim: usize, size: usize, negative: bool) -> Result<()> {
    if let Some((low, high)) = if index.is_readable() { range(index)? } else { None } {
        let n = size as i64;
        let bad = if high >= n { Some(high) } else { (low < if negative { -n } else { 0 }).then_some(low) };
        if let Some(i) = bad {
            bail!(Index, "{op}: index {i} is out of bounds for dimension {dim} with size {size} (index out of range)");
        }
    }
    Ok(())
}

/// An index tensor as int64 where the op computes; other dtypes than int32 and int64 are refused (but for one without elements).
pub(crate) fn integer_index(op: &str, index: &Tensor) -> Result<Tensor> {
    ensure!(
        matches!(index.dtype(), DType::I32 | DType::I64) || index.numel() == 0,
        DType,
        "{op}(): Expected dtype int32/int64 for index but got {}",
        index.dtype()
    );
    index.cast_data(DType::I64)?.to_device(device::current())
}
