//! What stands for a GPU in a build without one: its memory cannot exist, so nothing here is ever called.

use crate::cpu::{Attr, Kernel};
use crate::lane::Demand;
use crate::{DType, Error, ErrorKind, Result, Strided, Tensor, bail};

/// Memory on a GPU.
pub type Buffer = std::convert::Infallible;

pub fn check_open() -> Result<()> {
    bail!(Device, "device 'webgpu' is not open; begin the program with `await torch.init({{ device: 'webgpu' }})`");
}

pub fn buffer(_: DType, _: usize) -> Result<Buffer> {
    bail!(Internal, "memory on a device that does not exist");
}

pub fn upload(dtype: DType, _: &[u8]) -> Result<Buffer> {
    buffer(dtype, 0)
}

pub fn host(_: &Tensor, never: &Buffer) -> Result<Tensor> {
    match *never {}
}

pub fn set_op(name: &'static str) -> &'static str {
    name
}

pub fn mixed() -> Error {
    Error::new(ErrorKind::Internal, "there is one device")
}

pub fn run(kernel: &Kernel, _: &[Strided], _: &[Strided], _: &[Attr]) -> Result<()> {
    bail!(Internal, "{}: launched on a device that does not exist", kernel.name);
}

pub fn demand(op: &str, _: &Tensor, _: &Demand, _: usize) -> Result<()> {
    bail!(Internal, "{op}: elements on a device that does not exist");
}

pub fn by_op(e: Error) -> Error {
    e
}
