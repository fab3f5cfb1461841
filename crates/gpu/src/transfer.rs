//! Elements between the host and the device. On the host they have their dtype's size, on the device 4 bytes.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use cresset_lane::DType;

use crate::counters::bump;
use crate::device::Gpu;
use crate::error::{Error, Kind, Result};
use crate::pool::Buffer;
use crate::status;

/// Refuses dtypes that have no form on the device.
///
/// # Errors
/// `DType`.
pub fn check_dtype(dtype: DType) -> Result<()> {
    if dtype == DType::F64 {
        return Err(Error::new(
            Kind::DType,
            "webgpu: there is no torch.float64 on a GPU. Use torch.float32, or compute on the CPU: x.to('cpu').",
        ));
    }
    Ok(())
}

/// An int64 as the device holds it, if it can. The least and the greatest stand for what is beyond every number, in whatever width.
pub fn fit(v: i64) -> Option<i32> {
    match v {
        i64::MAX => Some(i32::MAX),
        i64::MIN => Some(i32::MIN),
        v => i32::try_from(v).ok(),
    }
}

/// What is said of a number that does not fit.
pub(crate) fn does_not_fit(what: &str) -> Error {
    let message = format!(
        "webgpu: {what} does not fit: a GPU holds torch.int64 in 32 bits. Use smaller numbers or torch.float32, or compute on \
         the CPU."
    );
    Error::new(Kind::DType, message)
}

/// Host elements as the device holds them.
fn widen(dtype: DType, bytes: &[u8]) -> Result<Vec<u8>> {
    check_dtype(dtype)?;
    match dtype {
        DType::Bool | DType::U8 => Ok(bytes.iter().flat_map(|&v| (v as u32).to_ne_bytes()).collect()),
        DType::I64 => {
            let mut out = Vec::with_capacity(bytes.len() / 2);
            for (i, v) in bytes.chunks_exact(8).enumerate() {
                let v = i64::from_ne_bytes(v.try_into().unwrap());
                let small = fit(v).ok_or_else(|| does_not_fit(&format!("element {i}, {v},")))?;
                out.extend_from_slice(&small.to_ne_bytes());
            }
            Ok(out)
        }
        _ => Ok(bytes.to_vec()),
    }
}

/// Device elements as the host holds them.
fn narrow(dtype: DType, words: &[u8]) -> Vec<u8> {
    let each = words.chunks_exact(4);
    match dtype {
        DType::Bool | DType::U8 => each.map(|v| u32::from_ne_bytes(v.try_into().unwrap()) as u8).collect(),
        DType::I64 => each.flat_map(|v| (i32::from_ne_bytes(v.try_into().unwrap()) as i64).to_ne_bytes()).collect(),
        _ => words.to_vec(),
    }
}

impl Gpu {
    /// New memory with these elements, given as the host holds them.
    ///
    /// # Errors
    /// `DType` for float64 and for an int64 of more than 32 bits, `Limit` for more than a buffer holds.
    pub fn upload(&self, dtype: DType, bytes: &[u8]) -> Result<Buffer> {
        let words = widen(dtype, bytes)?;
        // The queue writes before what is recorded now will run, so the memory must be none that this uses.
        let buffer = self.fresh_buffer(words.len() / 4)?;
        self.put(&buffer, 0, &words);
        Ok(buffer)
    }

    /// Writes elements into memory from position `offset` on, after everything recorded before.
    ///
    /// # Errors
    /// As `upload`.
    pub fn write(&self, buffer: &Buffer, dtype: DType, offset: usize, bytes: &[u8]) -> Result<()> {
        let words = widen(dtype, bytes)?;
        let used = buffer.0.block.0.used.get() == self.0.stream.borrow().serial;
        if used {
            self.flush();
        }
        self.put(buffer, offset, &words);
        Ok(())
    }

    pub(crate) fn put(&self, buffer: &Buffer, offset: usize, words: &[u8]) {
        if !words.is_empty() {
            bump(&self.0.counting.uploads);
            self.0.queue.write_buffer(&buffer.0.block.0.raw, offset as u64 * 4, words);
        }
    }

    /// The `count` elements from `offset` on, as the host holds them. Recorded commands are submitted at once; the future
    /// waits for them. Natively it may be blocked on.
    pub fn read(&self, buffer: &Buffer, dtype: DType, offset: usize, count: usize) -> Read {
        let state = Arc::new(Mutex::new(State { done: None, waker: None }));
        let bytes = count as u64 * 4;
        let mut read = Read { gpu: self.clone(), staging: None, dtype, bytes, status: None, state };
        if count == 0 {
            self.flush();
            return read;
        }
        bump(&self.0.counting.readbacks);
        let status = self.watched();
        read.status = status.map(|_| self.0.stream.borrow().serial);
        let staging = self.staging(read.mapped());
        let from = &buffer.0.block.0;
        self.submit(Some(&|encoder| {
            encoder.copy_buffer_to_buffer(&from.raw, offset as u64 * 4, &staging.raw, 0, Some(bytes));
            if let Some(status) = status {
                let words = &status.0.block.0.raw;
                encoder.copy_buffer_to_buffer(words, 0, &staging.raw, bytes, Some(status::BYTES));
            }
        }));
        let state = read.state.clone();
        staging.raw.map_async(wgpu::MapMode::Read, ..read.mapped(), move |result| {
            let mut state = state.lock().unwrap();
            state.done = Some(result.is_ok());
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
        });
        read.staging = Some(staging);
        read
    }

    /// A free buffer that the host can map.
    fn staging(&self, bytes: u64) -> Staging {
        let size = bytes.next_power_of_two().max(4096);
        let mut stream = self.0.stream.borrow_mut();
        if let Some(at) = stream.staging.iter().position(|s| s.raw.size() == size) {
            return stream.staging.swap_remove(at);
        }
        bump(&self.0.counting.buffers);
        let raw = self.0.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("staging"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Staging { raw }
    }
}

/// Memory that the host can map.
pub(crate) struct Staging {
    raw: wgpu::Buffer,
}

/// Elements that the device still computes.
pub struct Read {
    gpu: Gpu,
    staging: Option<Staging>,
    dtype: DType,
    bytes: u64,
    /// The read's submission, where what kernels noted stands behind the elements.
    status: Option<u64>,
    state: Arc<Mutex<State>>,
}

impl Read {
    /// Bytes that are mapped.
    fn mapped(&self) -> u64 {
        self.bytes + if self.status.is_some() { status::BYTES } else { 0 }
    }
}

struct State {
    done: Option<bool>,
    waker: Option<Waker>,
}

impl Future for Read {
    type Output = Result<Vec<u8>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.staging.is_none() {
            return Poll::Ready(self.gpu.fault().map(|()| Vec::new()));
        }
        // Natively nobody else waits for the device; a browser calls back by itself.
        #[cfg(not(target_arch = "wasm32"))]
        let _ = self.gpu.0.device.poll(wgpu::PollType::wait_indefinitely());
        let done = {
            let mut state = self.state.lock().unwrap();
            if state.done.is_none() {
                state.waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            state.done == Some(true)
        };
        let staging = self.staging.take().unwrap();
        let fault = self.gpu.fault();
        let words =
            if done { staging.raw.slice(..self.mapped()).get_mapped_range().ok().map(|w| w.to_vec()) } else { None };
        let result = match (fault, words) {
            (Err(e), _) => Err(e),
            (Ok(()), Some(words)) => {
                let (elements, notes) = words.split_at(self.bytes as usize);
                let told = self.status.map_or(Ok(()), |serial| self.gpu.told(serial, notes));
                told.map(|()| narrow(self.dtype, elements))
            }
            (Ok(()), None) => {
                Err(Error::new(Kind::Lost, "webgpu: reading failed; the device may be lost. Open it again."))
            }
        };
        if done {
            staging.raw.unmap();
            self.gpu.keep_staging(staging);
        }
        Poll::Ready(result)
    }
}

impl Drop for Read {
    /// What nobody waited for is mapped at some time, and cannot be used again.
    fn drop(&mut self) {
        if let Some(staging) = self.staging.take() {
            staging.raw.destroy();
        }
    }
}

/// Buffers for reading that are kept.
const KEPT: usize = 8;

impl Gpu {
    fn keep_staging(&self, staging: Staging) {
        let mut stream = self.0.stream.borrow_mut();
        stream.staging.push(staging);
        if stream.staging.len() > KEPT {
            stream.staging.remove(0).raw.destroy();
        }
    }
}
