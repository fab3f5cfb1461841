//! Where regions come from: the end of the WebAssembly memory, or the system's allocator in a native program.

/// A source of zeroed memory.
pub trait Pages {
    /// What it gives is a multiple of this.
    const PAGE: usize = 65536;
    /// Whether it gives one stretch of addresses piece by piece, so that neighbouring pieces are one region.
    const ADJOINS: bool;
    /// Whether it takes regions back.
    const RETURNS: bool;

    /// Called before every growth.
    fn prepare(&mut self) {}
    /// Where the next piece will begin, if that is known before.
    fn end(&self) -> usize {
        0
    }
    /// How many bytes it could still give at most.
    fn room(&self) -> usize {
        usize::MAX
    }
    /// The address of so many zeroed bytes, on a multiple of 64.
    fn grow(&mut self, bytes: usize) -> Option<usize>;
    /// Takes back a whole region.
    fn give_back(&mut self, _addr: usize, _bytes: usize) {}
}

#[cfg(target_arch = "wasm32")]
pub use wasm::Wasm as System;

#[cfg(not(target_arch = "wasm32"))]
pub use native::Native as System;

#[cfg(target_arch = "wasm32")]
mod wasm {
    use super::Pages;
    use core::arch::wasm32::{memory_grow, memory_size};
    use std::alloc::{Layout, alloc, dealloc};
    use std::hint::black_box;

    /// Pages of a 32-bit memory. No build flag sets a maximum, so it is this; an engine may refuse earlier.
    const MOST: usize = 65536;
    /// Tensors leave these bytes of addresses to Rust's own objects.
    const RESERVE: usize = 32 << 20;

    /// The WebAssembly memory, which only grows: by this and by Rust's allocator (dlmalloc), which every `Vec` and `Rc` uses
    /// and whose failure ends the program.
    pub struct Wasm;

    // As the native one: a heap is made in a constant.
    #[allow(clippy::new_without_default)]
    impl Wasm {
        pub const fn new() -> Wasm {
            Wasm
        }
    }

    impl Pages for Wasm {
        const ADJOINS: bool = true;
        const RETURNS: bool = false;

        fn prepare(&mut self) {
            stock_dlmalloc();
        }
        fn end(&self) -> usize {
            // Tensors never get the last page, after which this would be zero.
            memory_size(0).wrapping_mul(Self::PAGE)
        }
        fn room(&self) -> usize {
            (MOST - RESERVE / Self::PAGE).saturating_sub(memory_size(0)) * Self::PAGE
        }
        fn grow(&mut self, bytes: usize) -> Option<usize> {
            let page = memory_grow(0, bytes / Self::PAGE);
            (page != usize::MAX).then(|| page * Self::PAGE)
        }
    }

    /// Sees to it that dlmalloc has memory in hand before tensors take more. What it got it keeps: memory that was freed is its
    /// own for ever, since WebAssembly cannot shrink. So it is able to serve Rust's objects when the engine refuses further
    /// growth, at whatever size; and it does not cut the tensors' addresses into pieces by asking for 64 KiB now and then. When
    /// it has too little it gets four times that, so this grows the memory only after most of that was used.
    fn stock_dlmalloc() {
        let pages = memory_size(0);
        let least = if pages * Wasm::PAGE < 256 << 20 { 1 << 18 } else { 4 << 20 };
        // Safety: of a size above zero, and given back with the same layout. The compiler must not see that nobody uses
        // them, or it leaves both calls out.
        unsafe {
            let layout = Layout::from_size_align_unchecked(least, 16);
            let first = black_box(alloc(layout));
            if !first.is_null() && memory_size(0) != pages {
                let rest = Layout::from_size_align_unchecked(3 * least, 16);
                let second = black_box(alloc(rest));
                if !second.is_null() {
                    dealloc(second, rest);
                }
            }
            if !first.is_null() {
                dealloc(first, layout);
            }
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use super::Pages;
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    /// Regions from the system's allocator. They start zeroed without a pass over them, because a large zeroed block with no
    /// special alignment is fresh from the kernel: this asks for that, and aligns by itself.
    pub struct Native {
        /// Region and the address the system gave.
        regions: Vec<(usize, usize)>,
    }

    const ALIGN: usize = 64;

    // A heap is made in a constant, where Default cannot be called.
    #[allow(clippy::new_without_default)]
    impl Native {
        pub const fn new() -> Native {
            Native { regions: Vec::new() }
        }
        fn layout(bytes: usize) -> Option<Layout> {
            Layout::from_size_align(bytes.checked_add(ALIGN)?, 16).ok()
        }
    }

    impl Pages for Native {
        const ADJOINS: bool = false;
        const RETURNS: bool = true;

        fn grow(&mut self, bytes: usize) -> Option<usize> {
            self.regions.try_reserve(1).ok()?;
            // Safety: of a size above zero.
            let given = unsafe { alloc_zeroed(Self::layout(bytes)?) } as usize;
            if given == 0 {
                return None;
            }
            let addr = given.next_multiple_of(ALIGN);
            self.regions.push((addr, given));
            Some(addr)
        }
        fn give_back(&mut self, addr: usize, bytes: usize) {
            let Some(i) = self.regions.iter().position(|r| r.0 == addr) else { return };
            let (_, given) = self.regions.swap_remove(i);
            // Safety: `grow` got it with this layout, and nothing in it is in use.
            unsafe { dealloc(given as *mut u8, Self::layout(bytes).expect("it was one before")) };
        }
    }
}
