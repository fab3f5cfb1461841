//! The boundary to TypeScript: numbers in, numbers out.
//!
//! Arguments and results of ops stand in one block of 64-bit floats (`scratch_ptr`); `cresset_core::call` describes how.

#[cfg(feature = "webgpu")]
pub mod gpu;

use std::cell::{Cell, RefCell};

use cresset_core::autograd::mode::{self, GradMode};
use cresset_core::cpu::{gemm, threads};
use cresset_core::device::{self, Device};
use cresset_core::{DType, Error, ErrorKind, Result, Tensor, call, callback, handles, profile, random, spill, storage};
use wasm_bindgen::prelude::*;

/// The block. It is never freed: a longer one takes its place, and calls under way may still read the old one.
type Block = &'static [Cell<f64>];

fn new_block(words: usize) -> Block {
    Box::leak(vec![Cell::new(0.0); words].into_boxed_slice())
}

#[derive(Default)]
struct Message {
    kind: u32,
    text: String,
}

thread_local! {
    static BLOCK: Cell<Block> = Cell::new(new_block(65536));
    /// The block of the spill functions: they run between the writing of an op's arguments and its call.
    static SPILL: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
    /// Results of the op under way.
    static RESULTS: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
    static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
    static MESSAGE: RefCell<Message> = RefCell::default();
    static CALLBACK: RefCell<Option<js_sys::Function>> = const { RefCell::new(None) };
    /// Names of recorded events, by number.
    static NAMES: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Address of the block; it changes only when `scratch_reserve` makes it longer.
#[wasm_bindgen]
pub fn scratch_ptr() -> usize {
    BLOCK.get().as_ptr() as usize
}

/// Length of the block in words.
#[wasm_bindgen]
pub fn scratch_len() -> usize {
    BLOCK.get().len()
}

/// Makes the block at least this long. What was written is lost.
#[wasm_bindgen]
pub fn scratch_reserve(words: usize) {
    if scratch_len() < words {
        BLOCK.set(new_block(words.next_power_of_two()));
    }
}

fn fail(e: Error) -> i32 {
    MESSAGE.with_borrow_mut(|m| {
        m.kind = e.kind() as u32;
        m.text = e.message().into();
    });
    -1
}

/// Writes results into the block and says how many there are.
fn deliver(results: &[f64]) -> i32 {
    scratch_reserve(results.len());
    BLOCK.get().iter().zip(results).for_each(|(word, &r)| word.set(r));
    results.len() as i32
}

fn answer(out: Result<Vec<f64>>) -> i32 {
    match out {
        Ok(results) => deliver(&results),
        Err(e) => fail(e),
    }
}

/// Added to what `call` and `alloc` return when tensors hold more than `memory_limit` set: something should be spilled.
const OVER_LIMIT: i32 = 1 << 30;

/// Added to what `call` returns when it could have used threads that are allowed and not there.
const WANTS_THREADS: i32 = 1 << 29;

fn with_flag(answer: i32) -> i32 {
    let over = if storage::live_bytes() > LIMIT.get() { OVER_LIMIT } else { 0 };
    let wants = if threads::wanted() { WANTS_THREADS } else { 0 };
    if answer >= 0 { answer | over | wants } else { answer }
}

/// Runs op number `op` on the arguments in the block. Returns the number of result words, or -1: see `error_kind`.
#[wasm_bindgen]
pub fn call(op: u32, flags: u32) -> i32 {
    // Taken, not borrowed: the op may call back into TypeScript, which calls others.
    let mut results = RESULTS.take();
    let out = call::call(op, flags, BLOCK.get(), &mut results);
    let count = match out {
        Ok(()) => deliver(&results),
        Err(e) => fail(e),
    };
    results.clear();
    RESULTS.set(results);
    with_flag(count)
}

/// The kind of the last error (`cresset_core::ErrorKind`).
#[wasm_bindgen]
pub fn error_kind() -> u32 {
    MESSAGE.with_borrow(|m| m.kind)
}

/// Address of the last error's message or the last `text`, in UTF-8.
#[wasm_bindgen]
pub fn error_ptr() -> usize {
    MESSAGE.with_borrow(|m| m.text.as_ptr() as usize)
}

/// Length of that message in bytes.
#[wasm_bindgen]
pub fn error_len() -> usize {
    MESSAGE.with_borrow(|m| m.text.len())
}

/// Forgets a handle.
#[wasm_bindgen]
pub fn release(handle: u32) {
    handles::release(handle);
}

/// A second handle for the same tensor, or -1.
#[wasm_bindgen]
pub fn retain(handle: u32) -> i32 {
    match handles::again(handle) {
        Ok(slot) => slot as i32,
        Err(e) => fail(e),
    }
}

/// Lets `handle` stand for the tensor of `other` from now on; `other` is forgotten.
#[wasm_bindgen]
pub fn replace(handle: u32, other: u32) -> i32 {
    match handles::get(other) {
        Ok(t) => {
            handles::replace(handle, t);
            handles::release(other);
            0
        }
        Err(e) => fail(e),
    }
}

/// Describes a tensor in the block: see `cresset_core::call::info`.
#[wasm_bindgen]
pub fn info(handle: u32) -> i32 {
    answer(handles::get(handle).map(|t| {
        let mut out = Vec::new();
        call::info(&t, &mut out);
        out
    }))
}

/// Address of the first element of a contiguous tensor in the engine's own memory, else 0.
#[wasm_bindgen]
pub fn data_ptr(handle: u32) -> usize {
    match handles::get(handle) {
        Ok(t) if t.device() == Device::Cpu && t.is_contiguous() => {
            t.storage().ptr() as usize + t.layout().offset * t.dtype().size()
        }
        _ => 0,
    }
}

/// Notes that a view of this tensor's memory was given away: when the memory goes, the view is detached.
#[wasm_bindgen]
pub fn lend(handle: u32) {
    if let Ok(t) = handles::get(handle) {
        t.storage().lend();
    }
}

/// A handle to an uninitialised contiguous tensor in the engine's own memory; its shape stands in the block. -1 when memory is short.
#[wasm_bindgen]
pub fn alloc(dtype: u32, ndim: u32) -> i32 {
    let shape: Vec<usize> = BLOCK.get()[..ndim as usize].iter().map(|w| w.get() as usize).collect();
    match Tensor::empty_on_host(&shape, DType::from_code(dtype).unwrap_or(DType::F32)) {
        Ok(t) => with_flag(handles::put(t) as i32),
        Err(e) => fail(e),
    }
}

/// Bytes that tensors hold now.
#[wasm_bindgen]
pub fn live_bytes() -> f64 {
    storage::live_bytes() as f64
}

/// Sets how many bytes tensors may hold before `call` and `alloc` say that something should be spilled.
#[wasm_bindgen]
pub fn memory_limit(bytes: f64) {
    LIMIT.set(bytes as usize);
}

/// Address of the spill block, at least this long; 0 words only asks.
#[wasm_bindgen]
pub fn spill_block(words: usize) -> usize {
    SPILL.with_borrow_mut(|block| {
        if block.len() < words {
            block.resize(words, 0.0);
        }
        block.as_ptr() as usize
    })
}

/// Describes in the spill block what leaves when the handles in its first `count` words may (`cresset_core::spill`).
/// Returns the number of words.
#[wasm_bindgen]
pub fn spill_plan(count: usize) -> usize {
    SPILL.with_borrow_mut(|block| {
        let candidates: Vec<u32> = block[..count].iter().map(|&w| w as u32).collect();
        block.clear();
        spill::plan(&candidates, block);
        block.len()
    })
}

/// Drops what the plan described.
#[wasm_bindgen]
pub fn spill_commit() {
    spill::commit();
    // A plan for thousands of tensors is megabytes long.
    SPILL.with_borrow_mut(|block| {
        if block.capacity() > 1 << 16 {
            *block = Vec::new();
        }
    });
}

/// Drops the plan: everything stays.
#[wasm_bindgen]
pub fn spill_cancel() {
    spill::cancel();
}

/// Brings an object back: its references' handles and then its words stand in the spill block. Returns its handle, or -1.
///
/// # Safety
/// The words must be those of a record of `spill_plan`, used once.
#[wasm_bindgen]
pub unsafe fn spill_restore(kind: u32, references: usize, words: usize, internal: bool) -> i32 {
    let restored = SPILL.with_borrow(|block| {
        let slots: Vec<u32> = block[..references].iter().map(|&w| w as u32).collect();
        unsafe { spill::restore(kind, &slots, &block[references..references + words], internal) }
    });
    restored.map_or_else(fail, |slot| slot as i32)
}

/// Address of the memory that a handle's tensor or storage has.
#[wasm_bindgen]
pub fn storage_ptr(handle: u32) -> usize {
    handles::memory(handle)
}

/// Sets the device that tensors are made on when nothing else says it, by its number, and returns the one before; any other
/// number only asks. -1 where the device is not open.
#[wasm_bindgen]
pub fn default_device(new: i32) -> i32 {
    let before = device::default() as i32;
    match Device::from_code(new as u32).map(|d| device::check_open(d).map(|()| device::set_default(d))) {
        Some(Err(e)) => fail(e),
        _ => before,
    }
}

/// Sets the grad mode (0 off, 1 on, 2 inference) and returns the one before; 3 only asks.
#[wasm_bindgen]
pub fn grad_mode(new: u32) -> u32 {
    let new = match new {
        0 => GradMode::Disabled,
        1 => GradMode::Enabled,
        2 => GradMode::Inference,
        _ => return mode::grad_mode() as u32,
    };
    mode::set_grad_mode(new) as u32
}

/// How many ops there are.
#[wasm_bindgen]
pub fn op_count() -> u32 {
    cresset_core::ops::table().len() as u32
}

/// Puts a text about a tensor where `error_ptr` points: 0 the name of its grad_fn; 1 the names of the nodes after that,
/// one a line. Returns 1 if there is one.
#[wasm_bindgen]
pub fn text(what: u32, handle: u32) -> i32 {
    let Ok(t) = handles::get(handle) else { return 0 };
    let Some(node) = t.grad_fn() else { return 0 };
    let text = match what {
        0 => node.name.to_string(),
        _ => node.inputs().iter().map(|e| e.as_ref().map_or("", |e| e.node.name)).collect::<Vec<_>>().join("\n"),
    };
    MESSAGE.with_borrow_mut(|m| m.text = text);
    1
}

/// Memory in the block: live handles, live storages, live bytes, peak bytes, pooled bytes, bytes of the wasm memory, those of
/// the tensors' regions in it, and the largest request that is met without growing.
/// `what` 1 first gives the pool back, 2 starts the peak anew.
#[wasm_bindgen]
pub fn memory_stats(what: u32) -> i32 {
    match what {
        1 => storage::empty_cache(),
        2 => storage::reset_peak(),
        _ => {}
    }
    let s = storage::stats();
    deliver(&[
        handles::count() as f64,
        s.live_storages as f64,
        s.live_bytes as f64,
        s.peak_bytes as f64,
        s.pooled_bytes as f64,
        heap_bytes(),
        s.heap_bytes as f64,
        s.largest_free as f64,
    ])
}

#[cfg(target_arch = "wasm32")]
fn heap_bytes() -> f64 {
    core::arch::wasm32::memory_size(0) as f64 * 65536.0
}
#[cfg(not(target_arch = "wasm32"))]
fn heap_bytes() -> f64 {
    0.0
}

/// Installs the TypeScript side of callbacks: `f(kind, id, words)` finds its arguments in the block and leaves its results
/// there; it returns their number, or -1 when it threw.
#[wasm_bindgen]
pub fn set_callback(f: js_sys::Function) {
    CALLBACK.set(Some(f));
    storage::set_relief(Some(|missing| {
        // Not through the block: arguments of a call may stand in it.
        let Some(f) = CALLBACK.with_borrow(Clone::clone) else { return false };
        let kind = callback::Kind::Relief as u32;
        let freed = f.call3(&JsValue::NULL, &kind.into(), &(missing as f64).into(), &0.into());
        freed.is_ok_and(|v| v.as_f64() == Some(1.0))
    }));
    callback::set(|kind, id, words| {
        let Some(f) = CALLBACK.with_borrow(Clone::clone) else {
            return Err(Error::new(ErrorKind::Internal, "no callback is installed"));
        };
        let n = deliver(words) as u32;
        let out = f
            .call3(&JsValue::NULL, &(kind as u32).into(), &(id as f64).into(), &n.into())
            .ok()
            .and_then(|v| v.as_f64())
            .unwrap_or(-1.0);
        if out < 0.0 {
            return Err(Error::new(ErrorKind::Callback, "a callback threw"));
        }
        Ok(BLOCK.get()[..out as usize].iter().map(Cell::get).collect())
    });
}

#[wasm_bindgen]
extern "C" {
    /// Milliseconds since the program or page began.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// Starts to record what happens when (`cresset_core::profile`), with the clock of `performance.now()`.
#[wasm_bindgen]
pub fn profile_start() {
    NAMES.with_borrow_mut(Vec::clear);
    profile::start(now);
}

/// Stops to record.
#[wasm_bindgen]
pub fn profile_stop() {
    profile::stop();
}

/// Begins a range that the program knows by a number.
#[wasm_bindgen]
pub fn profile_begin(id: u32) {
    profile::begin_range(id);
}

/// Ends the latest range.
#[wasm_bindgen]
pub fn profile_end() {
    profile::end_range();
}

/// The place of the op that ended last among all events, or -1.
#[wasm_bindgen]
pub fn profile_last_op() -> i32 {
    profile::last_op().map_or(-1, |at| at as i32)
}

/// Moves the oldest events into the block, at most so many, seven words each: kind, the name's number (a range: its own), start,
/// end, the place of the event around it or -1, bytes allocated, bytes touched. Returns the number of words.
#[wasm_bindgen]
pub fn profile_take(most: usize) -> i32 {
    let number = |name: &'static str| {
        NAMES.with_borrow_mut(|names| {
            names.iter().position(|&n| n == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            })
        })
    };
    let words: Vec<f64> = profile::take(most)
        .iter()
        .flat_map(|e| {
            let name = if e.kind == profile::Kind::Range { e.id as usize } else { number(e.name) };
            let parent = e.parent.map_or(-1.0, f64::from);
            [e.kind as u32 as f64, name as f64, e.start, e.end, parent, e.allocated, e.touched]
        })
        .collect();
    deliver(&words)
}

/// Puts the names of events so far, one a line in the order of their numbers, where `error_ptr` points.
#[wasm_bindgen]
pub fn profile_names() {
    MESSAGE.with_borrow_mut(|m| m.text = NAMES.with_borrow(|names| names.join("\n")));
}

/// Allows this many threads, the calling one included. They take part once they have come.
#[wasm_bindgen]
pub fn set_threads(n: usize) {
    threads::set_threads(n);
}

/// How many threads take part now.
#[wasm_bindgen]
pub fn threads_present() -> usize {
    threads::threads()
}

/// Makes the calling thread one of the pool's, for ever. In a build without threads this does nothing.
#[wasm_bindgen]
pub fn worker() {
    threads::worker();
}

/// Notes that the calling thread stopped in the middle of its work.
#[wasm_bindgen]
pub fn worker_failed() {
    threads::fail();
}

/// Installs the hook that keeps a panic's message where `error_ptr` points, so that a trap can be explained, and seeds the
/// default generator by chance, as PyTorch does. Gives the matrix kernels a clock to choose among them by. Called once, by the thread that will make all calls.
#[wasm_bindgen]
pub fn begin() {
    let half = || (js_sys::Math::random() * 4_294_967_296.0) as u64;
    // 53 bits: `initialSeed()` then is a number.
    let seed = (half() >> 11) << 32 | half();
    random::generators::with(None, |g| g.manual_seed(seed)).expect("the default generator is always there");
    gemm::set_clock(now);
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string();
        MESSAGE.with(|m| {
            if let Ok(mut m) = m.try_borrow_mut() {
                m.kind = ErrorKind::Internal as u32;
                m.text = text;
            }
        });
        // A panic within a promise has no caller whom the trap would reach: nobody but TypeScript can tell what waits. What it
        // throws takes the trap's place.
        let told = CALLBACK.with(|f| f.try_borrow().ok().and_then(|f| f.clone()));
        if let Some(f) = told {
            let kind = callback::Kind::Panicked as u32;
            if let Err(e) = f.call3(&JsValue::NULL, &kind.into(), &0.into(), &0.into()) {
                wasm_bindgen::throw_val(e);
            }
        }
    }));
}
