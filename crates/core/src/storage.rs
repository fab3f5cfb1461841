//! Memory that tensors share.
//!
//! A storage is counted by `Rc`: handles, views and saved tensors each hold one count. On the host its bytes come from the
//! allocator in `cresset_memory`, of which every thread has one; on a GPU they are a buffer of the device's pool.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use cresset_memory::{self as memory, NONE, Taken};

pub use cresset_memory::Stats;

use crate::device::{Device, remote};
use crate::{DType, Error, ErrorKind, Result};

/// Every storage begins on a multiple of it, which kernels may rely on.
const ALIGN: usize = memory::GRANULE;

/// Shared memory of one or more tensors.
#[derive(Clone)]
pub struct Storage(Rc<Inner>);

struct Inner {
    ptr: *mut u8,
    /// What its elements take on the host; a GPU has four bytes for each.
    bytes: usize,
    /// By which the allocator knows the memory; NONE of a storage without bytes on the host.
    block: u32,
    /// The memory, when it is a GPU's.
    remote: Option<remote::Buffer>,
    /// Counts in-place writes, so that a saved tensor which changed is noticed (PyTorch's version counter).
    version: Cell<u32>,
    /// JavaScript may still look at this memory through a view of its own.
    lent: Cell<bool>,
    /// Whether kernels may keep what they make of it: it is a parameter's, which stays as it is between steps.
    keeps: Cell<bool>,
    kept: RefCell<Option<Box<Kept>>>,
    /// Whether it is among `KEEPERS`.
    listed: Cell<bool>,
}

/// What a kernel made of a storage, or will make if it comes again.
struct Kept {
    key: [usize; 16],
    version: u32,
    made: Option<Storage>,
}

impl Storage {
    /// Uninitialised memory. No bytes always succeed.
    ///
    /// ```
    /// use cresset_core::storage::Storage;
    /// let storage = Storage::new(1000)?;
    /// assert_eq!((storage.bytes(), storage.ptr() as usize % 64), (1000, 0));
    /// # Ok::<(), cresset_core::Error>(())
    /// ```
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn new(bytes: usize) -> Result<Storage> {
        Ok(Storage::of(take(bytes)?, bytes))
    }

    /// Memory whose bytes are zero: only those are written that something was in before.
    ///
    /// ```
    /// use cresset_core::storage::Storage;
    /// let storage = Storage::zeroed(1000)?;
    /// assert_eq!(unsafe { *storage.ptr().add(999) }, 0);
    /// # Ok::<(), cresset_core::Error>(())
    /// ```
    pub fn zeroed(bytes: usize) -> Result<Storage> {
        let taken = take(bytes)?;
        // Safety: `dirty` is at most the block's length, and nobody else has the block.
        unsafe { std::ptr::write_bytes(taken.addr as *mut u8, 0, taken.dirty.min(bytes)) };
        Ok(Storage::of(taken, bytes))
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    fn of(taken: Taken, bytes: usize) -> Storage {
        let Taken { addr, block, .. } = taken;
        Storage::with(addr as *mut u8, bytes, block, None)
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    fn with(ptr: *mut u8, bytes: usize, block: u32, remote: Option<remote::Buffer>) -> Storage {
        Storage(Rc::new(Inner {
            ptr,
            bytes,
            block,
            remote,
            version: Cell::new(0),
            lent: Cell::new(false),
            keeps: Cell::new(false),
            kept: RefCell::default(),
            listed: Cell::new(false),
        }))
    }

    /// Uninitialised memory of the open GPU.
    pub(crate) fn on_gpu(elements: usize, dtype: DType) -> Result<Storage> {
        Ok(Storage::of_remote(remote::buffer(dtype, elements)?, elements * dtype.size()))
    }

    /// Memory of the open GPU that holds these elements, given as the host has them.
    pub(crate) fn uploaded(dtype: DType, bytes: &[u8]) -> Result<Storage> {
        Ok(Storage::of_remote(remote::upload(dtype, bytes)?, bytes.len()))
    }

    fn of_remote(buffer: remote::Buffer, bytes: usize) -> Storage {
        Storage::with(ALIGN as *mut u8, bytes, NONE, Some(buffer))
    }

    /// Where the memory is.
    pub fn device(&self) -> Device {
        if self.0.remote.is_some() { Device::Gpu } else { Device::Cpu }
    }

    /// The memory of a storage on a GPU.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(crate) fn remote(&self) -> Option<&remote::Buffer> {
        self.0.remote.as_ref()
    }

    /// The address of memory on the host.
    ///
    /// # Panics
    /// On a GPU memory has none.
    pub fn ptr(&self) -> *mut u8 {
        assert!(self.0.remote.is_none(), "memory of a GPU has no address");
        self.0.ptr
    }
    pub fn bytes(&self) -> usize {
        self.0.bytes
    }
    pub fn version(&self) -> u32 {
        self.0.version.get()
    }
    /// Notes that an op wrote into this memory.
    pub fn bump(&self) {
        self.0.version.set(self.0.version.get().wrapping_add(1));
    }
    pub fn same(&self, other: &Storage) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
    /// Notes that JavaScript looks at this memory through a view: when the memory goes, so must the view.
    pub fn lend(&self) {
        self.0.lent.set(true);
    }
    /// Says that it is a parameter's: kernels keep what they make of it (weights packed or transformed) as long as it is not written
    /// to, once it has come to them twice as it is. In training, where every step changes it, nothing is kept.
    pub fn keep(&self) {
        self.0.keeps.set(true);
    }
    /// Whether anything is kept of it. What JavaScript writes through a view of its own changes no version.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(crate) fn keeps(&self) -> bool {
        self.0.keeps.get() && !self.0.lent.get()
    }
    /// What a kernel makes of memory that `keeps`, under a key, if that is kept by now. It is `bytes` long, and `make` writes it.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub(crate) fn kept(&self, key: &[usize; 16], bytes: usize, make: impl FnOnce(*mut u8)) -> Option<Storage> {
        let version = self.version();
        let mut slot = self.0.kept.borrow_mut();
        let known = slot.as_mut().filter(|kept| kept.key == *key && kept.version == version);
        let Some(kept) = known else {
            let next = Kept { key: *key, version, made: None };
            match &mut *slot {
                Some(kept) => **kept = next,
                None => *slot = Some(Box::new(next)),
            }
            return None;
        };
        if kept.made.is_none() {
            // No memory for it is no error: it can be computed without.
            let made = memory::take(bytes).ok().map(|taken| Storage::of(taken, bytes))?;
            make(made.ptr());
            kept.made = Some(made);
            if !self.0.listed.replace(true) {
                KEEPERS.with_borrow_mut(|keepers| {
                    keepers.retain(|storage| storage.strong_count() > 0);
                    keepers.push(Rc::downgrade(&self.0));
                });
            }
        }
        kept.made.clone()
    }
    /// A storage that has been somewhere else comes back with the version it had.
    pub(crate) fn set_version(&self, version: u32) {
        self.0.version.set(version);
    }
    /// Its identity, as a number.
    pub(crate) fn address(&self) -> usize {
        Rc::as_ptr(&self.0) as usize
    }
    /// How many tensors hold this memory.
    pub fn holders(&self) -> usize {
        Rc::strong_count(&self.0)
    }
}

impl Drop for Inner {
    #[cfg_attr(hot_paths, optimize(speed))]
    fn drop(&mut self) {
        if self.lent.get() {
            detach_views();
        }
        if self.block != NONE {
            memory::give(self.block);
        }
    }
}

/// Makes every view that JavaScript has of this memory unusable: a view of what is somebody else's by now must fail, not
/// show the other's numbers. Growing the memory, if only by nothing, detaches its ArrayBuffer.
fn detach_views() {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::memory_grow::<0>(0);
}

thread_local! {
    static RELIEF: Cell<Option<Relief>> = const { Cell::new(None) };
    /// Storages of which something is kept.
    static KEEPERS: RefCell<Vec<Weak<Inner>>> = const { RefCell::new(Vec::new()) };
}

/// Gives back what kernels keep of parameters; they make it again. Says whether there was anything.
fn forget_kept() -> bool {
    let keepers = KEEPERS.take();
    let made = keepers.iter().filter_map(Weak::upgrade).filter_map(|inner| {
        inner.listed.set(false);
        inner.kept.take()?.made
    });
    made.count() > 0
}

/// Frees memory when there is too little: see [`set_relief`].
pub type Relief = fn(missing: usize) -> bool;

/// Sets what is called when memory is short, before that is an error: at least `missing` bytes would have to become free.
/// It says whether it freed anything; as long as it does, the request is tried again. Nothing of the allocator is borrowed
/// then, so it may drop and make tensors; a request of its own that fails fails at once.
///
/// ```
/// use cresset_core::storage;
/// storage::set_relief(Some(|missing| {
///     eprintln!("{missing} bytes short");
///     false
/// }));
/// ```
pub fn set_relief(f: Option<Relief>) {
    RELIEF.set(f);
}

/// Tensors of this thread take at most so many bytes of regions from now on (PyTorch:
/// `torch.cuda.set_per_process_memory_fraction`).
///
/// ```
/// use cresset_core::storage::{self, Storage};
/// storage::set_limit(1 << 20);
/// assert!(Storage::new(2 << 20).is_err());
/// ```
pub fn set_limit(bytes: usize) {
    memory::with(|m| m.set_limit(bytes));
}

#[cfg_attr(hot_paths, optimize(speed))]
fn take(bytes: usize) -> Result<Taken> {
    if bytes == 0 {
        return Ok(Taken { addr: ALIGN, block: NONE, dirty: 0 });
    }
    match memory::take(bytes) {
        Ok(taken) => Ok(taken),
        Err(short) => take_after_relief(bytes, short.missing),
    }
}

#[cold]
fn take_after_relief(bytes: usize, mut missing: usize) -> Result<Taken> {
    let mut taken = if forget_kept() { memory::take(bytes).ok() } else { None };
    // Taken out, not read: what it calls may come here again.
    let relief = RELIEF.take();
    while taken.is_none() && relief.is_some_and(|f| f(missing)) {
        match memory::take(bytes) {
            Ok(t) => taken = Some(t),
            Err(short) => missing = short.missing,
        }
    }
    RELIEF.set(RELIEF.take().or(relief));
    taken.ok_or_else(|| Error::new(ErrorKind::OutOfMemory, memory::with(|m| m.complaint(bytes))))
}

/// Memory in use and at hand. `torch.memory()` reports it.
pub fn stats() -> Stats {
    memory::with(|m| m.stats())
}

/// Bytes in use; cheaper than all of [`stats`].
pub fn live_bytes() -> usize {
    memory::live_bytes()
}

/// Starts the peak anew from what is live now.
pub fn reset_peak() {
    memory::with(|m| m.reset_peak());
}

/// Gives regions in which nothing is in use back to the system. A WebAssembly memory cannot shrink: there, what is free stays
/// at hand for the next tensors of whatever size.
pub fn empty_cache() {
    forget_kept();
    memory::with(|m| m.release());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Tensor, ops};

    const MIB: usize = 1 << 20;

    thread_local! {
        static HOARD: Cell<Vec<Storage>> = const { Cell::new(Vec::new()) };
        static CALLS: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn freed_memory_is_used_again() {
        let a = Storage::new(1000).unwrap();
        let ptr = a.ptr();
        drop(a);
        assert_eq!(Storage::new(1001).unwrap().ptr(), ptr);
    }

    #[test]
    fn zeros_are_zero_in_used_memory() {
        let a = Storage::new(MIB).unwrap();
        unsafe { std::slice::from_raw_parts_mut(a.ptr(), MIB) }.fill(7);
        drop(a);
        let b = Storage::zeroed(MIB).unwrap();
        assert!(unsafe { std::slice::from_raw_parts(b.ptr(), MIB) }.iter().all(|&x| x == 0));
        for dtype in [DType::F32, DType::F64, DType::I64, DType::I32, DType::U8, DType::Bool] {
            drop(Tensor::ones(&[3, 1000], dtype).unwrap());
            assert_eq!(Tensor::zeros(&[3, 1000], dtype).unwrap().to_vec::<f64>().unwrap(), vec![0.0; 3000]);
        }
    }

    #[test]
    fn relief_is_asked_as_long_as_it_helps() {
        set_limit(8 * MIB);
        HOARD.set((0..8).map(|_| Storage::new(MIB).unwrap()).collect());
        set_relief(Some(|missing| {
            assert!(missing > 0 && missing <= 6 * MIB);
            // A request of its own that fails does not call it again.
            assert!(Storage::new(9 * MIB).is_err());
            CALLS.set(CALLS.get() + 1);
            let mut hoard = HOARD.take();
            let freed = hoard.pop().is_some();
            HOARD.set(hoard);
            freed
        }));
        let a = Storage::new(3 * MIB).unwrap();
        assert_eq!(CALLS.get(), 3);
        // It gave all that it had, and that was not enough.
        let e = Storage::new(6 * MIB).err().unwrap();
        assert_eq!((e.kind(), CALLS.get()), (ErrorKind::OutOfMemory, 3 + 5 + 1));
        drop(a);
        assert_eq!(Storage::new(8 * MIB).unwrap().bytes(), 8 * MIB);
    }

    #[test]
    fn ten_times_past_the_limit_and_everything_works() {
        set_limit(4 * MIB);
        assert_eq!(Storage::new(0).unwrap().bytes(), 0);
        for _ in 0..10 {
            let mut held = Vec::new();
            let e = loop {
                match Tensor::ones(&[64, 1024], DType::F32) {
                    Ok(t) => held.push(t),
                    Err(e) => break e,
                }
            };
            assert_eq!((held.len(), e.kind()), (16, ErrorKind::OutOfMemory));
            for part in [
                "a tensor of shape [64, 1024] and dtype torch.float32: out of memory: 0.3 MiB asked for",
                "at most 0.0 KiB can be had in one piece",
                "4.0 MiB are live in 16 storages (most of it in 16 of 0.3 MiB)",
                "tensors can have 4.0 MiB in all",
                "torch.scope",
            ] {
                assert!(e.message().contains(part), "{part:?} is not in {:?}", e.message());
            }
            // An empty tensor needs nothing, and the others are as they were.
            assert_eq!(Tensor::empty(&[0, 3], DType::F32).unwrap().numel(), 0);
            assert!(held.iter().all(|t| t.to_vec::<f32>().unwrap().iter().all(|&x| x == 1.0)));
            let gone = Tensor::empty_strided(&[1 << 40, 1 << 40], &[1 << 40, 1], DType::F64).err().unwrap();
            assert!(gone.message().contains("larger than memory can address"), "{gone}");
        }
        assert_eq!((stats().live_bytes, live_bytes(), stats().pooled_bytes), (0, 0, stats().heap_bytes));
        empty_cache();
        assert_eq!(stats().heap_bytes, 0);
    }

    /// A layer's weights, and the same numbers in a tensor that is no parameter's.
    fn weights(shape: &[usize]) -> [Tensor; 2] {
        let numbers = || {
            let n = shape.iter().product::<usize>();
            let bytes: Vec<u8> = (0..n).flat_map(|i| ((i * 37 % 101) as f32 / 50.0 - 1.0).to_ne_bytes()).collect();
            Tensor::from_bytes(&bytes, shape, DType::F32).unwrap()
        };
        let parameter = numbers();
        parameter.set_requires_grad(true);
        [parameter, numbers()]
    }

    #[test]
    fn what_kernels_make_of_parameters_is_kept_until_they_change() {
        crate::autograd::no_grad(keep_and_change);
    }

    fn keep_and_change() {
        let ([linear, plain], [taps, same]) = (weights(&[64, 200]), weights(&[32, 32, 3, 3]));
        let (x, image) = (weights(&[40, 200])[1].clone(), weights(&[1, 32, 16, 16])[1].clone());
        let bits = |t: Tensor| t.to_vec::<f32>().unwrap().iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
        let product = |w: &Tensor| bits(ops::matmul(&x, &ops::t(w).unwrap()).unwrap());
        let conv = |w: &Tensor| bits(ops::conv2d(&image, w, None, &[1], &[1], &[1], 1).unwrap());
        for (of, parameter, other) in
            [(&product as &dyn Fn(&Tensor) -> Vec<u32>, &linear, &plain), (&conv, &taps, &same)]
        {
            let before = live_bytes();
            for _ in 0..3 {
                of(other);
            }
            assert_eq!(live_bytes(), before, "nothing is kept of what is no parameter");
            assert_eq!(of(parameter), of(other));
            assert_eq!(live_bytes(), before, "the first time it may change before the next");
            assert_eq!(of(parameter), of(other));
            assert!(live_bytes() > before);
            assert_eq!(of(parameter), of(other));
            // Written in place it is made anew.
            for _ in 0..2 {
                for w in [parameter, other] {
                    unsafe { *w.storage().ptr().cast::<f32>() += 1.5 };
                    w.storage().bump();
                }
                for _ in 0..3 {
                    assert_eq!(of(parameter), of(other));
                }
            }
            // Memory that is short, and whoever asks for it, take it back.
            empty_cache();
            assert_eq!(live_bytes(), before);
            for _ in 0..2 {
                assert_eq!(of(parameter), of(other));
            }
            assert!(live_bytes() > before);
            set_limit(stats().heap_bytes);
            let hoard: Vec<Storage> = std::iter::from_fn(|| Storage::new(1 << 12).ok()).collect();
            set_limit(usize::MAX);
            assert!(live_bytes() - before <= hoard.len() << 12, "what is kept goes before memory ends");
            drop(hoard);
            assert_eq!(of(parameter), of(other));
        }
        let before = live_bytes();
        let [parameter, _] = weights(&[64, 200]);
        for _ in 0..3 {
            product(&parameter);
        }
        drop(parameter);
        assert_eq!(live_bytes(), before, "it goes with its parameter");
        // However often it is made, there is one note of who has it.
        for _ in 0..20 {
            linear.storage().bump();
            (0..2).for_each(|_| drop(product(&linear)));
        }
        let notes = KEEPERS.with_borrow(|keepers| keepers.iter().filter(|k| k.strong_count() > 0).count());
        assert_eq!(notes, 1);
    }
}
