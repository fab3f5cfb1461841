//! What a tensor is: a layout over shared storage, a dtype, and what autograd knows of it.

mod elements;
#[cfg(feature = "gpu")]
pub(crate) use elements::element;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::autograd::{Edge, Meta, Node};
use crate::cpu::elementwise;
use crate::device::{self, Device};
use crate::layout::{self, contiguous_strides};
use crate::storage::Storage;
use crate::{DType, Error, ErrorKind, Layout, Result, Scalar, dispatch};

/// A counted reference to a tensor; cloning it makes no new tensor.
#[derive(Clone)]
pub struct Tensor(Rc<Inner>);

pub(crate) struct Inner {
    storage: Storage,
    layout: Layout,
    dtype: DType,
    /// A number that became a 0-d tensor: it takes part in promotion as a number.
    wrapped: Cell<bool>,
    /// The tensor this one is a differentiable view of (never itself a view).
    base: Option<Tensor>,
    pub(crate) meta: RefCell<Meta>,
}

/// A tensor without a count, as back references need.
#[derive(Clone)]
pub struct WeakTensor(Weak<Inner>);

impl WeakTensor {
    pub fn upgrade(&self) -> Option<Tensor> {
        self.0.upgrade().map(Tensor)
    }
}

impl Tensor {
    #[cfg_attr(hot_paths, optimize(speed))]
    fn make(storage: Storage, layout: Layout, dtype: DType, base: Option<Tensor>) -> Tensor {
        debug_assert!((layout.offset + layout.span()) * dtype.size() <= storage.bytes());
        let meta = RefCell::new(Meta::default());
        Tensor(Rc::new(Inner { storage, layout, dtype, wrapped: Cell::new(false), base, meta }))
    }

    /// An uninitialised contiguous tensor.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn empty(shape: &[usize], dtype: DType) -> Result<Tensor> {
        Tensor::contiguous(shape, dtype, device::current(), Storage::new)
    }

    /// The same in the host's memory, wherever other tensors are made now.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn empty_on_host(shape: &[usize], dtype: DType) -> Result<Tensor> {
        Tensor::contiguous(shape, dtype, Device::Cpu, Storage::new)
    }

    /// A contiguous tensor; `memory` is how the host takes some.
    #[cfg_attr(hot_paths, optimize(speed))]
    fn contiguous(shape: &[usize], dtype: DType, on: Device, memory: fn(usize) -> Result<Storage>) -> Result<Tensor> {
        let elements = shape.iter().try_fold(1, |n: usize, &d| n.checked_mul(d));
        let storage = storage_for(shape, dtype, elements, on, memory)?;
        Ok(Tensor::make(storage, Layout::contiguous(shape), dtype, None))
    }

    /// An uninitialised tensor with these strides, which must be dense (a permutation of contiguous).
    pub fn empty_strided(shape: &[usize], strides: &[isize], dtype: DType) -> Result<Tensor> {
        Tensor::strided(shape, strides, dtype, device::current())
    }

    fn strided(shape: &[usize], strides: &[isize], dtype: DType, on: Device) -> Result<Tensor> {
        // What `Layout::span` computes, of numbers that may come from outside.
        let elements = if shape.contains(&0) {
            Some(0)
        } else {
            let reach = |n: usize, (&d, &s): (&usize, &isize)| n.checked_add((d - 1).checked_mul(s.unsigned_abs())?);
            shape.iter().zip(strides).try_fold(1, reach)
        };
        let storage = storage_for(shape, dtype, elements, on, Storage::new)?;
        let layout = Layout { shape: shape.into(), strides: strides.into(), offset: 0 };
        Ok(Tensor::make(storage, layout, dtype, None))
    }

    /// Uninitialised, on the device of `t`, with the layout it has where that is dense, else contiguous
    /// (`torch.preserve_format`).
    pub fn empty_like(t: &Tensor, dtype: DType) -> Result<Tensor> {
        Tensor::empty_like_on(t, dtype, t.device())
    }

    /// The same where tensors are made now: what a factory makes is where it is wanted, not where `t` is.
    pub fn empty_like_here(t: &Tensor, dtype: DType) -> Result<Tensor> {
        Tensor::empty_like_on(t, dtype, device::current())
    }

    fn empty_like_on(t: &Tensor, dtype: DType, on: Device) -> Result<Tensor> {
        if t.layout().is_dense() {
            Tensor::strided(t.shape(), t.strides(), dtype, on)
        } else {
            Tensor::contiguous(t.shape(), dtype, on, Storage::new)
        }
    }

    /// A contiguous tensor filled with one value.
    pub fn full(shape: &[usize], value: impl Into<Scalar>, dtype: DType) -> Result<Tensor> {
        let value = value.into();
        if let Scalar::Int(0) | Scalar::Bool(false) = value {
            return Tensor::zeros(shape, dtype);
        }
        let t = Tensor::empty(shape, dtype)?;
        t.fill(value)?;
        Ok(t)
    }

    /// A contiguous tensor of zeros, which are zero bits in every dtype.
    pub fn zeros(shape: &[usize], dtype: DType) -> Result<Tensor> {
        let t = Tensor::contiguous(shape, dtype, device::current(), Storage::zeroed)?;
        // What the host's allocator gives is zero by then.
        if t.device() != Device::Cpu {
            t.fill(0)?;
        }
        Ok(t)
    }

    pub fn ones(shape: &[usize], dtype: DType) -> Result<Tensor> {
        Tensor::full(shape, 1, dtype)
    }

    /// Copies `src` (same shape, any dtype, strides and device) into this memory, without autograd.
    pub fn copy_from(&self, src: &Tensor) -> Result<()> {
        debug_assert_eq!(self.shape(), src.shape());
        if self.device() == src.device() {
            return dispatch(&elementwise::COPY, &[src], &[self], &[]);
        }
        // Converted before it goes to a GPU, which may not have the dtype it came in.
        let near = if src.device() == Device::Cpu { src.cast_data(self.dtype())? } else { src.clone() };
        dispatch(&elementwise::COPY, &[&near.to_device(self.device())?], &[self], &[])
    }

    /// These elements on a device, laid out as they are where that is dense, or this tensor itself. Outside the graph.
    ///
    /// # Errors
    /// In a browser, `Device` from a GPU to the host, which takes waiting: see `device::gpu::read`.
    pub fn to_device(&self, to: Device) -> Result<Tensor> {
        if self.device() == to {
            return Ok(self.clone());
        }
        if let Some(buffer) = self.storage().remote() {
            return device::remote::host(self, buffer);
        }
        let dense = if self.layout().is_dense() { self.clone() } else { self.contiguous_data()? };
        let from = dense.layout().offset * dense.dtype().size();
        // Safety: the elements of a dense layout lie without gaps from its offset on, and live as long as `dense`.
        let bytes = unsafe {
            let first = dense.storage().ptr().add(from);
            std::slice::from_raw_parts(first, dense.numel() * dense.dtype().size())
        };
        let layout = Layout { offset: 0, ..dense.layout().clone() };
        Ok(Tensor::make(Storage::uploaded(self.dtype(), bytes)?, layout, self.dtype(), None))
    }

    // --- what it is ---------------------------------------------------------------------------------------------

    pub fn storage(&self) -> &Storage {
        &self.0.storage
    }
    pub fn layout(&self) -> &Layout {
        &self.0.layout
    }
    /// Where its memory is.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn device(&self) -> Device {
        self.0.storage.device()
    }
    /// Whether ops can look at the elements while they run. On a GPU they cannot, and errors that lie in elements (an index out of
    /// range) are found by the kernels and reported by the next read.
    pub(crate) fn is_readable(&self) -> bool {
        self.device() == Device::Cpu
    }
    pub fn shape(&self) -> &[usize] {
        &self.0.layout.shape
    }
    /// The shape as PyTorch's signed sizes.
    pub fn sizes(&self) -> layout::Sizes {
        self.shape().iter().map(|&n| n as i64).collect()
    }
    pub fn strides(&self) -> &[isize] {
        &self.0.layout.strides
    }
    pub fn ndim(&self) -> usize {
        self.0.layout.shape.len()
    }
    pub fn numel(&self) -> usize {
        self.0.layout.numel()
    }
    pub fn dtype(&self) -> DType {
        self.0.dtype
    }
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn is_contiguous(&self) -> bool {
        self.0.layout.is_contiguous()
    }
    pub fn is_wrapped_number(&self) -> bool {
        self.0.wrapped.get()
    }
    /// Marks a 0-d tensor as a number for promotion (results of ops on numbers alone).
    pub fn set_wrapped_number(&self, yes: bool) {
        self.0.wrapped.set(yes);
    }
    /// The tensor this is a view of, if it is one that autograd follows.
    pub fn base(&self) -> Option<&Tensor> {
        self.0.base.as_ref()
    }
    /// The same tensor object (not merely equal ones).
    pub fn same(&self, other: &Tensor) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
    pub fn downgrade(&self) -> WeakTensor {
        WeakTensor(Rc::downgrade(&self.0))
    }
    /// How many references to this tensor object there are.
    pub fn holders(&self) -> usize {
        Rc::strong_count(&self.0)
    }
    /// Its identity, as a number.
    pub(crate) fn address(&self) -> usize {
        Rc::as_ptr(&self.0) as usize
    }
    /// Whether anything waits for this tensor without holding it (`retain_grad`).
    pub(crate) fn is_watched(&self) -> bool {
        Rc::weak_count(&self.0) > 0
    }
    /// A tensor that had left the engine, as it was.
    pub(crate) fn restored(storage: Storage, layout: Layout, dtype: DType, base: Option<Tensor>, meta: Meta) -> Tensor {
        let t = Tensor::make(storage, layout, dtype, base);
        *t.inner().meta.borrow_mut() = meta;
        t
    }
    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// Size of a dimension; a 0-d tensor has size 1 along its only, imagined one.
    pub fn size(&self, dim: usize) -> usize {
        self.shape().get(dim).copied().unwrap_or(1)
    }

    /// `dim` counted from the front.
    pub fn wrap_dim(&self, op: &str, dim: i64) -> Result<usize> {
        layout::wrap_dim(op, dim, self.ndim())
    }

    // --- other tensors over the same memory ---------------------------------------------------------------------

    /// The same memory and layout, outside the graph (`detach`); writes are seen by both and counted by both.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn detach(&self) -> Tensor {
        Tensor::make(self.0.storage.clone(), self.0.layout.clone(), self.0.dtype, None)
    }

    /// Another layout over the same memory, outside the graph.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn alias(&self, layout: Layout) -> Tensor {
        Tensor::make(self.0.storage.clone(), layout, self.0.dtype, None)
    }

    /// The same memory and layout, at the same place in the graph.
    pub fn shallow_copy(&self) -> Tensor {
        let t = Tensor::make(self.0.storage.clone(), self.0.layout.clone(), self.0.dtype, self.0.base.clone());
        let edge = self.edge();
        t.inner().meta.borrow_mut().set_edge(edge);
        t
    }

    /// Another layout over the same memory, as a view that autograd follows: writes through it reach the base's history.
    /// The caller attaches the node (`autograd::attach_view`).
    pub fn make_view(&self, layout: Layout) -> Tensor {
        let base = self.0.base.clone().unwrap_or_else(|| self.clone());
        let t = Tensor::make(self.0.storage.clone(), layout, self.0.dtype, Some(base));
        t.inner().meta.borrow_mut().view_version = self.0.storage.version();
        t
    }

    /// A copy in row-major order, or this tensor itself if it already is. Outside the graph.
    pub fn contiguous_data(&self) -> Result<Tensor> {
        if self.is_contiguous() {
            return Ok(self.clone());
        }
        let t = Tensor::contiguous(self.shape(), self.dtype(), self.device(), Storage::new)?;
        t.copy_from(self)?;
        Ok(t)
    }

    /// These elements in another dtype, or this tensor itself. Outside the graph.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn cast_data(&self, dtype: DType) -> Result<Tensor> {
        if self.dtype() == dtype {
            return Ok(self.clone());
        }
        let t = Tensor::empty_like(self, dtype)?;
        if t.numel() == 1 && t.device() == Device::Cpu {
            t.put(self.only())
        } else {
            t.copy_from(self)?
        }
        Ok(t)
    }

    /// Row-major strides for this shape.
    pub fn contiguous_strides(&self) -> layout::Strides {
        contiguous_strides(self.shape())
    }

    // --- autograd -----------------------------------------------------------------------------------------------

    /// True for a leaf that wants its gradient and for everything computed from one.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn requires_grad(&self) -> bool {
        self.sync_view();
        self.0.meta.borrow().requires_grad()
    }

    /// Where gradients of this tensor go: its node, or a leaf's accumulator; None outside the graph.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn edge(&self) -> Option<Edge> {
        self.sync_view();
        crate::autograd::edge_of(self)
    }

    /// The node that computed this tensor.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn grad_fn(&self) -> Option<Rc<Node>> {
        self.sync_view();
        self.0.meta.borrow().node.as_ref().map(|e| e.node.clone())
    }

    /// True when it was not computed by a node.
    pub fn is_leaf(&self) -> bool {
        self.grad_fn().is_none()
    }

    /// Whether a gradient was accumulated or set.
    pub fn has_grad(&self) -> bool {
        self.0.meta.borrow().grad.is_some()
    }

    pub fn grad(&self) -> Option<Tensor> {
        self.0.meta.borrow().grad.clone()
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn set_grad(&self, grad: Option<Tensor>) {
        // The old gradient is dropped after the borrow ends.
        let old = std::mem::replace(&mut self.0.meta.borrow_mut().grad, grad);
        drop(old);
    }

    /// Turns a leaf's wish for a gradient on or off, unchecked.
    pub fn set_requires_grad(&self, yes: bool) {
        self.0.meta.borrow_mut().leaf_requires_grad = yes;
        if yes {
            self.storage().keep();
        }
    }

    /// A view whose base changed in place gets its place in the graph anew.
    fn sync_view(&self) {
        if self.0.base.is_some() {
            crate::autograd::inplace::sync_view(self);
        }
    }
}

/// Memory for so many elements, None being more than can be counted; the error names the tensor.
#[cfg_attr(hot_paths, optimize(speed))]
fn storage_for(
    shape: &[usize],
    dtype: DType,
    elements: Option<usize>,
    on: Device,
    memory: fn(usize) -> Result<Storage>,
) -> Result<Storage> {
    let bytes = elements.and_then(|n| n.checked_mul(dtype.size())).filter(|&n| n <= isize::MAX as usize);
    let made = bytes.map(|bytes| match on {
        Device::Cpu => memory(bytes),
        Device::Gpu => Storage::on_gpu(bytes / dtype.size(), dtype),
    });
    let tensor = || format!("a tensor of shape {shape:?} and dtype {dtype}");
    let made = made.unwrap_or_else(|| {
        let most = isize::MAX >> 20;
        Err(Error::new(
            ErrorKind::OutOfMemory,
            format!("{} is larger than memory can address: at most {most} MiB", tensor()),
        ))
    });
    made.map_err(|e| {
        let e = if bytes.is_some() { e.clone().saying(format!("{}: {}", tensor(), e.message())) } else { e };
        if on == Device::Gpu { device::remote::by_op(e) } else { e }
    })
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor({:?}, {}", self.shape(), self.dtype())?;
        if self.numel() <= 64 {
            match self.to_vec::<f64>() {
                Ok(v) => write!(f, ", {v:?}")?,
                Err(e) => write!(f, ", {e}")?,
            }
        }
        write!(f, ")")
    }
}
