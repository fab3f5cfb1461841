//! Opening a device: which adapter, which limits, and whether it can be trusted.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use crate::adapter::{AdapterKind, Options, Traits, has_subgroups};
use crate::counters::{Counters, Counting};
use crate::error::{Error, FREE_MEMORY, Kind, Result};
use crate::pipeline::Pipelines;
use crate::pool::Pool;
use crate::status::Status;
use crate::stream::Stream;

/// An open device. Clones are the same device.
#[derive(Clone)]
pub struct Gpu(pub(crate) Rc<Inner>);

pub(crate) struct Inner {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub limits: wgpu::Limits,
    pub name: String,
    pub traits: Traits,
    pub counting: Counting,
    pub fault: Fault,
    pub status: Status,
    pub pool: RefCell<Pool>,
    pub stream: RefCell<Stream>,
    pub pipelines: RefCell<Pipelines>,
}

/// The first error that the device reported by itself, kept for the next read.
pub(crate) type Fault = Arc<Mutex<Option<Error>>>;

#[cfg(not(target_arch = "wasm32"))]
const BACKENDS: wgpu::Backends = wgpu::Backends::VULKAN.union(wgpu::Backends::METAL);
#[cfg(target_arch = "wasm32")]
const BACKENDS: wgpu::Backends = wgpu::Backends::BROWSER_WEBGPU;

fn instance() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = BACKENDS;
    wgpu::Instance::new(descriptor)
}

impl Gpu {
    /// Opens the fastest adapter. It is asked for before this returns: in Node `navigator.gpu` need be there no longer.
    ///
    /// # Errors
    /// `Unavailable` where there is none or it has no compute shaders, `Untrusted` where it computes wrongly.
    pub fn open() -> impl Future<Output = Result<Gpu>> {
        Gpu::open_with(Options::default())
    }

    /// The same with more said of how.
    ///
    /// # Errors
    /// As [`Gpu::open`].
    ///
    /// ```no_run
    /// use cresset_gpu::{Gpu, Options};
    ///
    /// let gpu = cresset_gpu::wait(Gpu::open_with(Options { subgroups: false }))?;
    /// assert!(!gpu.uses_subgroups());
    /// # Ok::<(), cresset_gpu::Error>(())
    /// ```
    pub fn open_with(options: Options) -> impl Future<Output = Result<Gpu>> {
        let wanted = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = instance().request_adapter(&wanted);
        async move {
            let adapter = adapter.await.map_err(|e| {
                Error::new(
                    Kind::Unavailable,
                    format!("webgpu: no adapter was found ({e}). It takes a driver for Vulkan or Metal, or a browser with WebGPU."),
                )
            })?;
            Gpu::on(adapter, options).await
        }
    }

    /// Opens every adapter of this machine; natively only, since a browser shows one.
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn open_all(options: Options) -> Vec<Result<Gpu>> {
        let mut all = Vec::new();
        for adapter in instance().enumerate_adapters(BACKENDS).await {
            all.push(Gpu::on(adapter, options).await);
        }
        all
    }

    async fn on(adapter: wgpu::Adapter, options: Options) -> Result<Gpu> {
        let (limits, info) = (adapter.limits(), adapter.get_info());
        let name = describe(&info);
        if limits.max_compute_workgroups_per_dimension == 0 || limits.max_compute_invocations_per_workgroup < 256 {
            return Err(Error::new(
                Kind::Unavailable,
                format!("webgpu: {name} has no compute shaders of 256 invocations."),
            ));
        }
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("cresset"),
            // What the adapter has: the defaults would refuse tensors of more than 128 MiB.
            required_limits: limits.clone(),
            // One that kernels do without where it is not there.
            required_features: match options.subgroups {
                true => adapter.features() & wgpu::Features::SUBGROUP,
                false => wgpu::Features::empty(),
            },
            memory_hints: wgpu::MemoryHints::Performance,
            ..Default::default()
        };
        let (device, queue) = adapter
            .request_device(&descriptor)
            .await
            .map_err(|e| Error::new(Kind::Unavailable, format!("webgpu: {name} gave no device: {e}.")))?;
        let fault = watch(&device, &name);
        let pool = RefCell::new(Pool::new(&limits));
        let stream = RefCell::new(Stream::default());
        let pipelines = RefCell::new(Pipelines::default());
        let (counting, status) = (Counting::default(), Status::default());
        let traits = Traits::new(&info, &limits);
        let wanted = options.subgroups && has_subgroups(&device);
        let gpu = Gpu(Rc::new(Inner {
            device,
            queue,
            limits,
            name,
            traits,
            counting,
            fault,
            status,
            pool,
            stream,
            pipelines,
        }));
        crate::kernels::selftest::run(&gpu).await?;
        if wanted {
            crate::kernels::selftest::try_subgroups(&gpu).await?;
        }
        Ok(gpu)
    }

    /// The adapter's name, with its driver's.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What computes.
    pub fn kind(&self) -> AdapterKind {
        self.0.traits.kind.get()
    }

    /// Whether kernels use subgroups: the adapter has them, they are as kernels need them, and nobody asked for none.
    pub fn uses_subgroups(&self) -> bool {
        self.0.traits.subgroups.get()
    }

    /// What was done since the device was opened.
    pub fn counters(&self) -> Counters {
        self.0.counting.read()
    }

    /// Whether the device is gone, with everything on it.
    pub fn is_lost(&self) -> bool {
        self.0.fault.lock().unwrap().as_ref().is_some_and(|e| e.kind == Kind::Lost)
    }

    /// Notes an error that says why others followed from it, and stands for them; but not for the loss of the device.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn blame(&self, e: Error) {
        let mut fault = self.0.fault.lock().unwrap();
        if fault.as_ref().is_none_or(|f| !matches!(f.kind, Kind::Lost | Kind::OutOfMemory)) {
            *fault = Some(e);
        }
    }

    /// Takes the error that the device reported since the last call, if there is one.
    pub(crate) fn fault(&self) -> Result<()> {
        let mut fault = self.0.fault.lock().unwrap();
        match fault.take() {
            Some(e) => {
                if e.kind == Kind::Lost {
                    // What is lost stays lost: every later read says so.
                    *fault = Some(e.clone());
                }
                Err(e)
            }
            None => Ok(()),
        }
    }
}

/// The adapter's name and its driver's; a browser tells neither.
fn describe(info: &wgpu::AdapterInfo) -> String {
    let name = if info.name.is_empty() { "the browser's adapter" } else { &info.name };
    match [info.driver.as_str(), info.driver_info.as_str()].join(" ").trim() {
        "" => format!("{name} ({})", info.backend),
        driver => format!("{name} ({driver})"),
    }
}

/// Notes the first error that the device reports, and its loss.
fn watch(device: &wgpu::Device, name: &str) -> Fault {
    let fault = Fault::default();
    let note = fault.clone();
    device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| {
        let e = match e {
            wgpu::Error::OutOfMemory { .. } => {
                Error::new(Kind::OutOfMemory, format!("webgpu: the device is out of memory. {FREE_MEMORY}"))
            }
            wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => Error::new(
                Kind::Internal,
                format!("webgpu: the device refused a command, which is a bug of cresset: {}", description.trim()),
            ),
        };
        note.lock().unwrap().get_or_insert(e);
    }));
    let (note, name) = (fault.clone(), name.to_string());
    device.set_device_lost_callback(move |reason, message| {
        // An answer to our own closing of the device is no loss. In a browser a device that is merely dropped stays open, so
        // that there somebody else has destroyed it.
        if reason != wgpu::DeviceLostReason::Destroyed || cfg!(target_arch = "wasm32") {
            let message =
                format!("webgpu: the device was lost ({name}: {message}). Every tensor on it is gone; open it again.");
            *note.lock().unwrap() = Some(Error::new(Kind::Lost, message));
        }
    });
    fault
}
