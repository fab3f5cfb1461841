//! What kernels may know of the adapter that they run on, and what whoever opens it may ask for.

use std::cell::Cell;

use crate::kernels::sharing::Sharing;

/// What is asked of a device beside what its adapter has.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether kernels may use subgroups where the adapter has them. Off, they join what invocations have in workgroup memory,
    /// as they do on adapters without: for tests, and for a driver whose subgroups are not to be trusted.
    pub subgroups: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { subgroups: true }
    }
}

/// What computes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdapterKind {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU beside the processor, which shares its memory.
    Integrated,
    /// The processor in a GPU's place.
    Cpu,
    /// A GPU that does not say: a virtual one, or any in a browser.
    Unknown,
}

/// What kernels choose their ways by.
#[derive(Debug)]
pub(crate) struct Traits {
    pub kind: Cell<AdapterKind>,
    /// Whether kernels use subgroups.
    pub subgroups: Cell<bool>,
    /// The fewest invocations that a subgroup may have; 0 where nobody says.
    pub least_subgroup: u32,
    /// Bytes that a workgroup shares at most.
    pub storage: u32,
    /// Invocations that a workgroup has at most.
    pub invocations: u32,
    /// The way of products that takes the place of the table's, for measuring.
    pub forced: Cell<Option<Sharing>>,
}

impl Traits {
    pub fn new(info: &wgpu::AdapterInfo, limits: &wgpu::Limits) -> Traits {
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
            wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
            wgpu::DeviceType::Cpu => AdapterKind::Cpu,
            wgpu::DeviceType::VirtualGpu | wgpu::DeviceType::Other => AdapterKind::Unknown,
        };
        Traits {
            kind: Cell::new(kind),
            subgroups: Cell::new(false),
            least_subgroup: info.subgroup_min_size,
            storage: limits.max_compute_workgroup_storage_size,
            invocations: limits.max_compute_invocations_per_workgroup,
            forced: Cell::new(None),
        }
    }
}

/// Whether the open device was given subgroups.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn has_subgroups(device: &wgpu::Device) -> bool {
    device.features().contains(wgpu::Features::SUBGROUP)
}

/// The same in a browser, where wgpu 30 does not know the feature (`FEATURES_MAPPING` of its backend/webgpu.rs lacks it): the package
/// asks for it behind wgpu's back (ts/runtime/gpu.ts), and the device itself says whether it has it.
#[cfg(target_arch = "wasm32")]
pub(crate) fn has_subgroups(device: &wgpu::Device) -> bool {
    use js_sys::{Function, Reflect};
    let ask = || -> Option<bool> {
        let device: &wasm_bindgen::JsValue = device.as_webgpu()?.as_ref();
        let features = Reflect::get(device, &"features".into()).ok()?;
        let has: Function = Reflect::get(&features, &"has".into()).ok()?.into();
        has.call1(&features, &"subgroups".into()).ok()?.as_bool()
    };
    ask().unwrap_or(false)
}
