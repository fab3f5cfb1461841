//! The GPU: buffers, kernels and the stream of commands, through wgpu, which speaks WebGPU in a browser and Vulkan or Metal
//! natively. Everything but opening a device and reading from it is synchronous, and the same code on every platform.
//!
//! Every element takes 4 bytes there: float32 is `f32`, int32 and int64 are `i32` (a value that does not fit is refused when
//! it is uploaded), uint8 and bool are `u32`. float64 does not exist. So offsets and strides count elements of one size.
//!
//! ```no_run
//! use cresset_gpu::{Gpu, Kernel, View, launch};
//! use cresset_lane::{DType, expr::arith, record_num};
//!
//! let gpu = pollster::block_on(Gpu::open())?;
//! let x = gpu.upload(DType::F32, &[1f32, 2.0, 3.0].map(f32::to_ne_bytes).concat())?;
//! let y = gpu.buffer(3)?;
//! let view = |buffer| View { buffer, dtype: DType::F32, shape: &[3], strides: &[1], offset: 0 };
//! let square = Kernel { name: "square", program: Some(record_num::<arith::square::Op>), demand: None };
//! launch(&gpu, square, &[view(&x)], &[view(&y)], &[])?;
//! let bytes = pollster::block_on(gpu.read(&y, DType::F32, 0, 3))?;
//! assert_eq!(bytes, [1f32, 4.0, 9.0].map(f32::to_ne_bytes).concat());
//! # Ok::<(), cresset_gpu::Error>(())
//! ```

mod adapter;
mod counters;
mod device;
#[cfg(all(any(test, feature = "testing"), not(target_arch = "wasm32")))]
pub mod drivers;
mod error;
mod kernels;
mod launch;
#[cfg(not(target_arch = "wasm32"))]
pub mod measure;
mod pipeline;
mod pool;
mod shortage;
mod status;
mod stream;
mod transfer;
mod wgsl;

pub use adapter::{AdapterKind, Options};
pub use counters::Counters;
pub use device::Gpu;
pub use error::{Error, Kind, Result};
pub use launch::{Kernel, View, launch, supports};
#[cfg(not(target_arch = "wasm32"))]
pub use pollster::block_on as wait;
pub use pool::{Buffer, PoolStats};
pub use transfer::{Read, check_dtype, fit};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
