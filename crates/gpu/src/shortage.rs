//! Memory of the device, and what is said when it has none left.
//!
//! Natively the device answers at once: what waits in the pool is given back, and the call fails if that does not help. In a browser it
//! answers later. Whatever names the memory until then is refused by the device, with all that was submitted together, so the next read
//! fails under the name of the op that asked; whoever names it after that is told before anything is submitted.

use std::cell::Cell;
use std::rc::Rc;

use crate::counters::bump;
use crate::device::Gpu;
use crate::error::{Error, FREE_MEMORY, Kind, Result};
use crate::pool::{Block, BlockData};

impl Gpu {
    fn raw_buffer(&self, bytes: u64) -> wgpu::Buffer {
        bump(&self.0.counting.buffers);
        self.0.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// Memory of its own, under this number.
    ///
    /// # Errors
    /// `OutOfMemory` where the device says at once that it has none.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn create(&self, id: u64, bytes: u64) -> Result<Block> {
        let attempt = || {
            let scope = self.0.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
            let raw = self.raw_buffer(bytes);
            pollster::block_on(scope.pop()).is_none().then_some(raw)
        };
        let raw = attempt().or_else(|| {
            self.release();
            attempt()
        });
        let short = || self.short_of(bytes, self.pool_stats().live, "");
        Ok(block(id, bytes, raw.ok_or_else(short)?))
    }

    #[cfg(target_arch = "wasm32")]
    pub(crate) fn create(&self, id: u64, bytes: u64) -> Result<Block> {
        let scope = self.0.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let made = block(id, bytes, self.raw_buffer(bytes));
        let (answer, gpu, data) = (scope.pop(), Rc::downgrade(&self.0), Rc::downgrade(&made.0));
        let (op, live) = (self.caller(), self.pool_stats().live);
        wasm_bindgen_futures::spawn_local(async move {
            let Some(_) = answer.await else { return };
            let Some(gpu) = gpu.upgrade().map(Gpu) else { return };
            if let Some(data) = data.upgrade() {
                gpu.0.pool.borrow_mut().void(&data);
            }
            gpu.release();
            gpu.blame(gpu.short_of(bytes, live, op));
        });
        Ok(made)
    }

    fn short_of(&self, bytes: u64, live: u64, op: &str) -> Error {
        let (op, lost) = match op {
            "" => (String::new(), ""),
            // A browser says it too late for the op to fail.
            op => {
                (format!("{op}: "), "What was computed since then may be lost; tensors from before are as they were. ")
            }
        };
        let name = &self.0.name;
        let message =
            format!("{op}webgpu: {name} has no {bytes} bytes left; {live} are in tensors. {lost}{FREE_MEMORY}");
        Error::new(Kind::OutOfMemory, message)
    }
}

fn block(id: u64, bytes: u64, raw: wgpu::Buffer) -> Block {
    Block(Rc::new(BlockData { id, bytes, raw, used: Cell::new(u64::MAX), void: Cell::new(false) }))
}
