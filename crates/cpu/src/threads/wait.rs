//! Sleeping until a number changes.

use std::sync::atomic::AtomicU32;

#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
mod platform {
    use super::AtomicU32;
    use core::arch::wasm32::{memory_atomic_notify, memory_atomic_wait32};

    /// Sleeps while `word` is `seen`. It may wake for no reason. Not on a page's main thread, where it traps.
    pub fn wait(word: &AtomicU32, seen: u32) {
        // Safety: the address is that of an aligned word that lives for ever.
        unsafe { memory_atomic_wait32(word.as_ptr().cast(), seen as i32, -1) };
    }

    /// Wakes every thread that sleeps on `word`.
    pub fn wake(word: &AtomicU32) {
        unsafe { memory_atomic_notify(word.as_ptr().cast(), u32::MAX) };
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod platform {
    use super::AtomicU32;
    use std::sync::atomic::Ordering;
    use std::sync::{Condvar, Mutex};

    static LOCK: Mutex<()> = Mutex::new(());
    static CHANGED: Condvar = Condvar::new();

    /// Sleeps while `word` is `seen`. It may wake for no reason.
    pub fn wait(word: &AtomicU32, seen: u32) {
        let guard = LOCK.lock().unwrap();
        if word.load(Ordering::SeqCst) == seen {
            drop(CHANGED.wait(guard).unwrap());
        }
    }

    /// Wakes every thread that sleeps.
    pub fn wake(_word: &AtomicU32) {
        drop(LOCK.lock().unwrap());
        CHANGED.notify_all();
    }
}

#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
mod platform {
    use super::AtomicU32;

    pub fn wait(_word: &AtomicU32, _seen: u32) {}
    pub fn wake(_word: &AtomicU32) {}
}

pub use platform::{wait, wake};
