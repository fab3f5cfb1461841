//! A backward function with the attributes it captured, as memory that can leave the engine and come back.
//!
//! A graph whose output was dropped without a backward pass must be able to go out with it (`crate::spill`), so a node's
//! function is not a `Box<dyn Fn>` but the closure's own bytes beside a table of what can be done with them. Moving a
//! Rust value is copying its bytes, wherever they stay in between.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::{Ctx, Grads};

/// What can be done with a closure of one type.
pub(crate) struct Table {
    call: unsafe fn(*const u8, &Ctx) -> Grads,
    drop: unsafe fn(*mut u8),
    layout: Layout,
}

/// An owned closure `Fn(&Ctx) -> Grads`.
pub(crate) struct Function {
    data: NonNull<u8>,
    table: &'static Table,
}

struct Of<F>(std::marker::PhantomData<F>);

impl<F: Fn(&Ctx) -> Grads + 'static> Of<F> {
    const TABLE: Table = Table {
        // Safety of both: `data` is where `Function::new` wrote an `F`.
        call: |data, ctx| unsafe { (*data.cast::<F>())(ctx) },
        drop: |data| unsafe { data.cast::<F>().drop_in_place() },
        layout: Layout::new::<F>(),
    };
}

/// Memory for a closure; a dangling, aligned address for one that captured nothing.
fn allocate(layout: Layout) -> NonNull<u8> {
    if layout.size() == 0 {
        return NonNull::new(std::ptr::without_provenance_mut(layout.align())).expect("an alignment is not zero");
    }
    // Safety: the size is not zero.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

fn free(data: NonNull<u8>, layout: Layout) {
    if layout.size() > 0 {
        // Safety: allocated above with this layout.
        unsafe { dealloc(data.as_ptr(), layout) }
    }
}

impl Function {
    pub fn new<F: Fn(&Ctx) -> Grads + 'static>(f: F) -> Function {
        let f = std::mem::ManuallyDrop::new(f);
        // Safety: an `F`, which is moved out and not dropped here.
        unsafe { Function::of((&raw const f).cast(), &Of::<F>::TABLE) }
    }

    /// Out of line: closures are made in a hundred places.
    #[inline(never)]
    #[cfg_attr(hot_paths, optimize(speed))]
    unsafe fn of(from: *const u8, table: &'static Table) -> Function {
        let data = allocate(table.layout);
        // Safety: as many bytes as the closure has, into fresh memory of its layout.
        unsafe { std::ptr::copy_nonoverlapping(from, data.as_ptr(), table.layout.size()) };
        Function { data, table }
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn call(&self, ctx: &Ctx) -> Grads {
        // Safety: `data` holds the closure that `table` is for.
        unsafe { (self.table.call)(self.data.as_ptr(), ctx) }
    }

    /// Writes the address of the table and the bytes, four to a number, for `from_words`. The closure is still here:
    /// exactly one of `forget` and "nobody ever reads the words" must follow.
    pub fn write_words(&self, words: &mut Vec<f64>) {
        let size = self.table.layout.size();
        words.push((self.table as *const Table).expose_provenance() as f64);
        for start in (0..size).step_by(4) {
            let mut word = 0u32;
            for i in start..size.min(start + 4) {
                // Safety: inside the closure; a volatile read takes a byte of padding as whatever it is.
                let byte = unsafe { self.data.as_ptr().add(i).read_volatile() };
                word |= u32::from(byte) << (8 * (i - start));
            }
            words.push(f64::from(word));
        }
    }

    /// Gives the memory back without dropping the closure, which lives on in the words written before.
    pub fn forget(self) {
        free(self.data, self.table.layout);
        std::mem::forget(self);
    }

    /// The closure whose `write_words` wrote these words; also how many words those were.
    ///
    /// # Safety
    /// The words must be such, unchanged, of this run of the program, and used once.
    pub unsafe fn from_words(words: &[f64]) -> (Function, usize) {
        let table: &'static Table = unsafe { &*std::ptr::with_exposed_provenance(words[0] as usize) };
        let size = table.layout.size();
        let count = size.div_ceil(4);
        let data = allocate(table.layout);
        for i in 0..size {
            let byte = (words[1 + i / 4] as u32 >> (8 * (i % 4))) as u8;
            unsafe { data.as_ptr().add(i).write(byte) };
        }
        (Function { data, table }, 1 + count)
    }
}

impl Drop for Function {
    #[cfg_attr(hot_paths, optimize(speed))]
    fn drop(&mut self) {
        // Safety: the closure is here, and this is the last anyone sees of it.
        unsafe { (self.table.drop)(self.data.as_ptr()) };
        free(self.data, self.table.layout);
    }
}
