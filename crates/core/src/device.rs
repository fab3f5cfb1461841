//! Devices: where a tensor's memory is, and where new tensors are made.
//!
//! An op makes its results where its arguments are: `call` and the autograd engine enter the device of what they were
//! given, and every tensor made meanwhile, intermediate ones included, is made there. Ops therefore name no device.
//! Numbers (`Tensor::number`) stay on the host and reach a kernel of any device as constants.
//!
//! Without the feature `gpu` there is one device, and nothing of this costs anything.

#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(not(feature = "gpu"))]
pub(crate) mod none;
#[cfg(feature = "gpu")]
pub(crate) use gpu as remote;
#[cfg(not(feature = "gpu"))]
pub(crate) use none as remote;

use std::cell::Cell;
use std::marker::PhantomData;

use crate::{Result, Tensor};

/// Where a tensor's memory is. The numbers cross the border: `ts/device.ts` lists the names in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Device {
    /// The memory of the process.
    Cpu = 0,
    /// A GPU's memory, reached through wgpu (`crates/gpu`).
    Gpu = 1,
}

impl Device {
    /// The device with this number.
    pub fn from_code(code: u32) -> Option<Device> {
        [Device::Cpu, Device::Gpu].into_iter().find(|&d| d as u32 == code)
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Device::Cpu => "cpu",
            Device::Gpu => "webgpu",
        })
    }
}

thread_local! {
    static DEFAULT: Cell<Device> = const { Cell::new(Device::Cpu) };
    static CURRENT: Cell<Device> = const { Cell::new(Device::Cpu) };
}

/// Where tensors are made now.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn current() -> Device {
    if cfg!(feature = "gpu") { CURRENT.get() } else { Device::Cpu }
}

/// Whether tensors can be made there.
///
/// # Errors
/// `Device` for a GPU that was not opened.
pub fn check_open(device: Device) -> Result<()> {
    if device == Device::Gpu { remote::check_open() } else { Ok(()) }
}

/// Where tensors are made of which nothing else says it (`torch.get_default_device`).
pub fn default() -> Device {
    DEFAULT.get()
}

/// Sets where tensors are made of which nothing else says it (`torch.set_default_device`).
///
/// ```
/// use cresset_core::{DType, Tensor, device::{self, Device}};
/// device::set_default(Device::Cpu);
/// assert_eq!(Tensor::ones(&[2], DType::F32)?.device(), Device::Cpu);
/// # Ok::<(), cresset_core::Error>(())
/// ```
pub fn set_default(device: Device) {
    DEFAULT.set(device);
    CURRENT.set(device);
}

/// While it lives, tensors are made on the device it was entered with.
pub struct Entered {
    #[cfg(feature = "gpu")]
    before: Device,
    /// It belongs to the thread whose device it set.
    of_thread: PhantomData<*const ()>,
}

/// Makes tensors on this device from now on, until whoever entered another one goes back.
pub(crate) fn go_to(device: Device) {
    CURRENT.set(device);
}

/// Makes tensors on this device from now on, until the result is dropped.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn enter(_device: Device) -> Entered {
    Entered {
        #[cfg(feature = "gpu")]
        before: CURRENT.replace(_device),
        of_thread: PhantomData,
    }
}

#[cfg(feature = "gpu")]
impl Drop for Entered {
    #[cfg_attr(hot_paths, optimize(speed))]
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

/// A tensor whose elements only the host can make, on the current device.
pub(crate) fn made_on_host(make: impl FnOnce() -> Result<Tensor>) -> Result<Tensor> {
    let made = {
        let _host = enter(Device::Cpu);
        make()?
    };
    made.to_device(current())
}
