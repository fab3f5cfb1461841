//! Elements in and out of a tensor's memory, one or all.

use super::Tensor;
use crate::cpu::elementwise;
use crate::device::{self, Device};
use crate::{Attr, DType, Element, Result, Scalar, dispatch};

impl Tensor {
    /// A 0-d tensor that promotes like a number. It stays on the host: kernels of other devices take it as a constant.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn number(value: impl Into<Scalar>) -> Result<Tensor> {
        let value = value.into();
        // A float number is kept in float64 so that nothing is lost before the operation's own dtype is known.
        let dtype = if value.is_float() { DType::F64 } else { value.dtype() };
        let t = Tensor::empty_on_host(&[], dtype)?;
        t.put(value);
        t.set_wrapped_number(true);
        Ok(t)
    }

    /// A contiguous tensor with these elements.
    pub fn from_slice<T: Element>(data: &[T], shape: &[usize]) -> Result<Tensor> {
        assert_eq!(data.len(), shape.iter().product::<usize>());
        // Safety: an element is plain data.
        let bytes = unsafe { std::slice::from_raw_parts(data.as_ptr().cast::<u8>(), size_of_val(data)) };
        Tensor::from_bytes(bytes, shape, T::DTYPE)
    }

    /// A contiguous tensor of a dtype with these numbers, which were computed in float64: on the host, since a GPU has no such type.
    pub fn from_numbers(data: &[f64], shape: &[usize], dtype: DType) -> Result<Tensor> {
        device::made_on_host(|| Tensor::from_slice(data, shape)?.cast_data(dtype))
    }

    /// A contiguous tensor with the elements of these bytes, which are as the host holds them.
    pub fn from_bytes(bytes: &[u8], shape: &[usize], dtype: DType) -> Result<Tensor> {
        device::made_on_host(|| {
            let t = Tensor::empty_on_host(shape, dtype)?;
            assert_eq!(bytes.len(), t.storage().bytes());
            // Safety: fresh contiguous memory of the same size.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), t.storage().ptr(), bytes.len()) };
            Ok(t)
        })
    }

    /// Writes one value everywhere, without autograd and without touching the version.
    pub fn fill(&self, value: impl Into<Scalar>) -> Result<()> {
        let v = value.into();
        // A launch costs more than one element.
        if self.numel() == 1 && self.device() == Device::Cpu {
            // As the kernel does: what is written into floats went through float64.
            self.put(if self.dtype().is_float() { Scalar::Float(v.to_f64()) } else { v });
            return Ok(());
        }
        dispatch::<&Tensor, &Tensor>(
            &elementwise::FILL,
            &[],
            &[self],
            &[Attr::from(v.to_f64()), Attr::from(v.to_i64())],
        )
    }

    /// The elements in logical order, converted.
    ///
    /// # Errors
    /// In a browser, `Device` for a tensor on a GPU, which cannot be waited for: see `device::gpu::read`.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        let here = self.to_device(Device::Cpu)?;
        let t = if here.dtype() == T::DTYPE && here.is_contiguous() {
            here
        } else {
            let t = Tensor::empty_on_host(self.shape(), T::DTYPE)?;
            t.copy_from(&here)?;
            t
        };
        let ptr = t.storage().ptr().cast::<T>();
        // Safety: contiguous, of this dtype.
        Ok(unsafe { std::slice::from_raw_parts(ptr.add(t.layout().offset), t.numel()) }.to_vec())
    }

    /// The only element, as a number.
    pub fn item(&self) -> Result<Scalar> {
        crate::ensure!(
            self.numel() == 1,
            Runtime,
            "item: a Tensor with {} elements cannot be converted to Scalar; reduce it first or use tolist()",
            self.numel()
        );
        Ok(self.to_device(Device::Cpu)?.only())
    }

    /// The address of the first element.
    fn first<T: Element>(&self) -> *mut T {
        debug_assert_eq!(T::DTYPE, self.dtype());
        // Safety: a layout never leaves its storage.
        unsafe { self.storage().ptr().cast::<T>().add(self.layout().offset) }
    }

    /// The element of a tensor that has one.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(super) fn only(&self) -> Scalar {
        debug_assert_eq!(self.numel(), 1);
        // Safety: the element is there, of this dtype.
        unsafe { element(self.storage().ptr(), self.layout().offset, self.dtype()) }
    }

    /// Writes the element of a tensor that has one, converted as the kernels `copy` and `fill` do.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(super) fn put(&self, value: Scalar) {
        fn element<T: Element>(value: Scalar) -> T {
            match value {
                Scalar::Bool(b) => T::from_i64(i64::from(b)),
                Scalar::Int(i) => T::from_i64(i),
                Scalar::Float(f) => T::from_f64(f),
            }
        }
        debug_assert_eq!(self.numel(), 1);
        // Safety: as above.
        unsafe {
            match self.dtype() {
                DType::F32 => *self.first() = element::<f32>(value),
                DType::F64 => *self.first() = element::<f64>(value),
                DType::I64 => *self.first() = element::<i64>(value),
                DType::I32 => *self.first() = element::<i32>(value),
                DType::U8 => *self.first() = element::<u8>(value),
                DType::Bool => *self.first() = element::<crate::lane::Bool>(value),
            }
        }
    }
}

/// The element at this place of the host's memory.
///
/// # Safety
/// There must be one of this dtype.
#[cfg_attr(hot_paths, optimize(speed))]
pub(crate) unsafe fn element(memory: *const u8, at: usize, dtype: DType) -> Scalar {
    // Safety: as the caller promises.
    unsafe {
        match dtype {
            DType::F32 => Scalar::Float(f64::from(*memory.cast::<f32>().add(at))),
            DType::F64 => Scalar::Float(*memory.cast::<f64>().add(at)),
            DType::I64 => Scalar::Int(*memory.cast::<i64>().add(at)),
            DType::I32 => Scalar::Int(i64::from(*memory.cast::<i32>().add(at))),
            DType::U8 => Scalar::Int(i64::from(*memory.add(at))),
            DType::Bool => Scalar::Bool(*memory.add(at) != 0),
        }
    }
}
