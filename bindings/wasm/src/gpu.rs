//! The GPU: opening it, reading from it, and what it was asked to do. Nothing of it is in binaries without the feature `webgpu`.
//!
//! What takes time is a promise. One that fails is rejected with the kind of the error and its message, since the place for
//! messages may hold another one by then.

use cresset_core::device::gpu;
use cresset_core::{Error, handles};
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use crate::{deliver, fail};

fn rejected(e: Error) -> JsValue {
    Array::of2(&JsValue::from(e.kind() as u32), &JsValue::from_str(e.message())).into()
}

/// Whether a device is open that is not lost.
#[wasm_bindgen]
pub fn gpu_is_open() -> bool {
    gpu::gpu().is_ok_and(|gpu| !gpu.is_lost())
}

/// Opens the fastest GPU, unless one is open. `navigator.gpu` need be there only until this returns.
#[wasm_bindgen]
pub fn gpu_open() -> Promise {
    let opening = gpu::open();
    future_to_promise(async move { opening.await.map(|()| JsValue::UNDEFINED).map_err(rejected) })
}

/// The elements of a tensor on the GPU in logical order, as the host holds them, when the GPU has computed them.
#[wasm_bindgen]
pub fn gpu_read(handle: u32) -> Promise {
    let reading = handles::get(handle).and_then(|t| gpu::read(&t));
    future_to_promise(async move {
        let bytes = reading.map_err(rejected)?.await.map_err(rejected)?;
        Ok(Uint8Array::from(&bytes[..]).into())
    })
}

/// What was done since the device was opened, in the block: submits, passes, dispatches, buffers, bind groups, pipelines,
/// uploads, readbacks. Returns the number of words, or -1 where no device is open.
#[wasm_bindgen]
pub fn gpu_counters() -> i32 {
    match gpu::gpu() {
        Ok(gpu) => {
            let c = gpu.counters();
            let words =
                [c.submits, c.passes, c.dispatches, c.buffers, c.bind_groups, c.pipelines, c.uploads, c.readbacks];
            deliver(&words.map(|w| w as f64))
        }
        Err(e) => fail(e),
    }
}

/// Bytes in buffers that tensors have; 0 where no device is open. It leaves the block alone, so that it can be asked between an op and
/// the reading of its results.
#[wasm_bindgen]
pub fn gpu_live_bytes() -> f64 {
    gpu::gpu().map_or(0.0, |gpu| gpu.pool_stats().live as f64)
}

/// The device's memory, in the block: bytes in buffers that tensors have, the most that ever was, and bytes in buffers that wait to be
/// used again. `what` 1 first gives the latter back, 2 counts the peak anew. Returns the number of words, or -1 where no device is open.
#[wasm_bindgen]
pub fn gpu_memory(what: u32) -> i32 {
    match gpu::gpu() {
        Ok(gpu) => {
            match what {
                1 => gpu.release(),
                2 => gpu.reset_peak(),
                _ => {}
            }
            let s = gpu.pool_stats();
            deliver(&[s.live, s.peak, s.free].map(|w| w as f64))
        }
        Err(e) => fail(e),
    }
}
