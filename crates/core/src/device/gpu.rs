//! The GPU that tensors of this thread live on: launching kernels there, and elements on their way to it and back.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::mem::ManuallyDrop;

pub use cresset_gpu::{Buffer, Counters, Gpu, Kind, PoolStats};
use cresset_gpu::{View, check_dtype, launch};
use smallvec::SmallVec;

use crate::cpu::{Attr, Kernel};
use crate::lane::Demand;
use crate::{DType, Error, ErrorKind, Result, Scalar, Strided, Tensor, bail};

/// Constants that are kept on the device.
const CONSTANTS: usize = 1024;

thread_local! {
    /// Not dropped with its thread: closing a device uses thread-locals of wgpu's, which may be gone by then.
    static OPEN: RefCell<Option<ManuallyDrop<Gpu>>> = const { RefCell::new(None) };
    /// Numbers that kernels were given, by dtype and bits.
    static CONSTANT: RefCell<HashMap<(DType, u32), Buffer>> = RefCell::default();
    /// The op under way, for messages.
    static OP: Cell<&'static str> = const { Cell::new("") };
}

/// Makes an open GPU the device of tensors made from now on under that name.
pub fn install(gpu: Gpu) {
    CONSTANT.take();
    drop(OPEN.replace(Some(ManuallyDrop::new(gpu))).map(ManuallyDrop::into_inner));
}

/// Opens the fastest GPU and installs it, unless one is open that is not lost. It is looked for before this returns.
///
/// # Errors
/// `Device` where there is none, or it computes wrongly.
pub fn open() -> impl Future<Output = Result<()>> {
    let there = OPEN.with_borrow(|open| open.as_ref().is_some_and(|gpu| !gpu.is_lost()));
    let opening = (!there).then(Gpu::open);
    async move {
        if let Some(opening) = opening {
            install(opening.await.map_err(error)?);
        }
        Ok(())
    }
}

/// The open GPU.
///
/// # Errors
/// `Device` where none was opened.
pub fn gpu() -> Result<Gpu> {
    OPEN.with_borrow(|open| open.as_deref().cloned()).ok_or_else(|| {
        Error::new(
            ErrorKind::Device,
            "device 'webgpu' is not open; begin the program with `await torch.init({ device: 'webgpu' })`",
        )
    })
}

pub(crate) fn check_open() -> Result<()> {
    gpu().map(drop)
}

/// Names the op that runs from now on; gives the one before.
pub(crate) fn set_op(name: &'static str) -> &'static str {
    OP.replace(name)
}

/// The device's errors as users see them.
pub(crate) fn error(e: cresset_gpu::Error) -> Error {
    let kind = match e.kind {
        Kind::Unavailable | Kind::Untrusted | Kind::Lost => ErrorKind::Device,
        Kind::DType => ErrorKind::DType,
        Kind::Found(class) => class.into(),
        Kind::Limit | Kind::OutOfMemory => ErrorKind::OutOfMemory,
        Kind::Unsupported => ErrorKind::NotImplemented,
        Kind::Internal => ErrorKind::Internal,
    };
    match e.kind {
        Kind::Lost => Error::format(kind, format_args!("{} {AGAIN}", e.message)),
        _ => Error::new(kind, e.message),
    }
}

/// What to do when a device was lost.
const AGAIN: &str = "In TypeScript: `await torch.init({ device: 'webgpu' })` opens it anew; then make model and optimizer again, or load \
                     them from a checkpoint. Tensors on 'cpu' are as they were.";

/// A tensor's memory, if it is this device's.
///
/// # Errors
/// `Device` for a tensor of a device that was lost since.
fn of<'a>(gpu: &Gpu, buffer: &'a Buffer) -> Result<&'a Buffer> {
    match (buffer.is_on(gpu), buffer.is_void()) {
        (true, false) => Ok(buffer),
        (true, true) => Err(void()),
        (false, _) => Err(gone()),
    }
}

/// What is said of a tensor for which a browser's device had no memory after all.
#[cold]
fn void() -> Error {
    let op = if OP.get().is_empty() { "webgpu" } else { OP.get() };
    let what = "a tensor has no memory: the device was out of it when the tensor was made, which a read has told. Make it again";
    Error::format(ErrorKind::OutOfMemory, format_args!("{op}: {what}"))
}

#[cold]
fn gone() -> Error {
    let what = "a tensor was on a device that is gone, since it was lost and another one was opened. Its elements are gone with it";
    // A read is no op.
    let op = if OP.get().is_empty() { "webgpu" } else { OP.get() };
    Error::format(ErrorKind::Device, format_args!("{op}: {what}. {AGAIN}"))
}

/// Memory for so many elements.
///
/// # Errors
/// `DType` for one that the GPU does not have, though nothing may ever be written there.
pub(crate) fn buffer(dtype: DType, elements: usize) -> Result<Buffer> {
    check_dtype(dtype).map_err(error)?;
    let gpu = gpu()?;
    gpu.called_by(OP.get());
    gpu.buffer(elements).map_err(error)
}

/// An error about a tensor that is to be made, with the op that makes it.
#[cold]
pub(crate) fn by_op(e: Error) -> Error {
    if OP.get().is_empty() {
        return e;
    }
    let message = format!("{}: {}", OP.get(), e.message());
    e.saying(message)
}

/// New memory with these elements, given as the host holds them.
pub(crate) fn upload(dtype: DType, bytes: &[u8]) -> Result<Buffer> {
    gpu()?.upload(dtype, bytes).map_err(error)
}

/// Memory that holds a number.
fn constant(dtype: DType, value: Scalar) -> Result<Buffer> {
    let whole = value.to_i64();
    let key = match dtype {
        DType::F32 => Some((value.to_f64() as f32).to_bits()),
        DType::F64 => None,
        DType::I64 => cresset_gpu::fit(whole).map(|v| v as u32),
        DType::I32 => Some(whole as i32 as u32),
        DType::U8 => Some(u32::from(whole as u8)),
        DType::Bool => Some(u32::from(value.to_f64() != 0.0)),
    };
    // What has no key cannot be held there: the upload says why.
    let Some(bits) = key else { return upload(dtype, &host_bytes(dtype, value)) };
    if let Some(found) = CONSTANT.with_borrow(|known| known.get(&(dtype, bits)).cloned()) {
        return Ok(found);
    }
    let buffer = upload(dtype, &host_bytes(dtype, value))?;
    CONSTANT.with_borrow_mut(|known| {
        if known.len() >= CONSTANTS {
            known.clear();
        }
        known.insert((dtype, bits), buffer.clone());
    });
    Ok(buffer)
}

fn host_bytes(dtype: DType, value: Scalar) -> SmallVec<[u8; 8]> {
    match dtype {
        DType::F32 => SmallVec::from_slice(&(value.to_f64() as f32).to_ne_bytes()),
        DType::F64 => SmallVec::from_slice(&value.to_f64().to_ne_bytes()),
        DType::I64 => SmallVec::from_slice(&value.to_i64().to_ne_bytes()),
        DType::I32 => SmallVec::from_slice(&(value.to_i64() as i32).to_ne_bytes()),
        DType::U8 => SmallVec::from_slice(&[value.to_i64() as u8]),
        DType::Bool => SmallVec::from_slice(&[u8::from(value.to_f64() != 0.0)]),
    }
}

/// Runs a kernel on the GPU. Operands on the host may be single numbers.
pub(crate) fn run(kernel: &Kernel, ins: &[Strided], outs: &[Strided], attrs: &[Attr]) -> Result<()> {
    let gpu = gpu()?;
    let mut numbers: SmallVec<[Option<Buffer>; 8]> = SmallVec::new();
    for x in ins {
        numbers.push(match (x.storage.remote(), x.only()) {
            (Some(_), _) => None,
            (None, Some(value)) => Some(constant(x.dtype, value)?),
            (None, None) => return Err(mixed()),
        });
    }
    let mut views: SmallVec<[View; 8]> = SmallVec::with_capacity(ins.len() + outs.len());
    for (x, number) in ins.iter().zip(&numbers) {
        let (buffer, offset) = match number {
            Some(number) => (number, 0),
            None => (of(&gpu, x.storage.remote().expect("seen above"))?, x.offset),
        };
        views.push(View { buffer, dtype: x.dtype, shape: x.shape, strides: x.strides, offset });
    }
    for x in outs {
        let Some(buffer) = x.storage.remote() else { return Err(mixed()) };
        let buffer = of(&gpu, buffer)?;
        views.push(View { buffer, dtype: x.dtype, shape: x.shape, strides: x.strides, offset: x.offset });
    }
    let (ins, outs) = views.split_at(ins.len());
    let kernel = cresset_gpu::Kernel { name: kernel.name, program: kernel.program, demand: kernel.demand };
    gpu.called_by(OP.get());
    launch(&gpu, kernel, ins, outs, attrs).map_err(error)
}

/// Looks at every element of a tensor there, and lets the next read tell of the first that fails.
pub(crate) fn demand(op: &'static str, t: &Tensor, demand: &'static Demand, bound: usize) -> Result<()> {
    let (gpu, l) = (gpu()?, t.layout());
    let Some(buffer) = t.storage().remote() else { return Err(mixed()) };
    let buffer = of(&gpu, buffer)?;
    let view = View { buffer, dtype: t.dtype(), shape: &l.shape, strides: &l.strides, offset: l.offset };
    gpu.demand(op, &view, demand, bound).map_err(error)
}

/// What is said when tensors of several devices meet.
#[cold]
pub(crate) fn mixed() -> Error {
    Error::format(
        ErrorKind::Device,
        format_args!(
            "{}: Expected all tensors to be on the same device, but found at least two devices, webgpu and cpu! Move one of \
             them: x.to('webgpu'), or await x.cpu()",
            OP.get()
        ),
    )
}

/// The elements of a tensor in logical order, as the host holds them, when the GPU has computed them.
///
/// # Errors
/// At once `Device` for a tensor of the host; later what the device reported meanwhile.
pub fn read(t: &Tensor) -> Result<impl Future<Output = Result<Vec<u8>>> + use<>> {
    let t = t.contiguous_data()?;
    let Some(buffer) = t.storage().remote() else {
        bail!(Device, "the tensor is in the host's memory: read it there");
    };
    let gpu = gpu()?;
    let reading = gpu.read(of(&gpu, buffer)?, t.dtype(), t.layout().offset, t.numel());
    Ok(async move { reading.await.map_err(error) })
}

/// A copy in the host's memory, for which a native program waits.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn host(t: &Tensor, _: &Buffer) -> Result<Tensor> {
    let bytes = cresset_gpu::wait(read(t)?)?;
    let _host = super::enter(super::Device::Cpu);
    Tensor::from_bytes(&bytes, t.shape(), t.dtype())
}

/// In a browser nobody can wait within a call.
#[cfg(target_arch = "wasm32")]
pub(crate) fn host(_: &Tensor, _: &Buffer) -> Result<Tensor> {
    bail!(
        Device,
        "{}: needs the elements of a tensor on device 'webgpu' while it runs, and reading a GPU takes an await. Compute it on the CPU: \
         `const y = await x.cpu()` first, and `.to('webgpu')` on what comes out",
        OP.get()
    );
}
