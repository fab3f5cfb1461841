//! What a kernel is given: operands as strided views, attributes as plain numbers, scratch memory.

use std::ops::Range;

use crate::threads::Split;
pub use cresset_lane::Attr;
use cresset_lane::{DType, Demand, Element, Program};

/// Whether these strides are row-major without gaps; dimensions of size 1 may have any, and no elements have no order.
pub fn is_row_major(shape: &[usize], strides: &[isize]) -> bool {
    let mut expect = 1isize;
    for (&n, &s) in shape.iter().zip(strides).rev() {
        if n == 0 {
            return true;
        }
        if n != 1 {
            if s != expect {
                return false;
            }
            expect *= n as isize;
        }
    }
    true
}

/// A strided window on memory. Strides count elements and may be zero (broadcast) or negative.
/// `ptr` is the address of the element at index (0, 0, ...).
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub ptr: *mut u8,
    pub dtype: DType,
    pub shape: &'a [usize],
    pub strides: &'a [isize],
}

impl<'a> View<'a> {
    pub fn numel(&self) -> usize {
        self.shape.iter().product()
    }

    /// Row-major without gaps.
    pub fn is_contiguous(&self) -> bool {
        is_row_major(self.shape, self.strides)
    }

    /// Typed address of the first element.
    pub fn as_ptr<T: Element>(&self) -> *mut T {
        debug_assert_eq!(T::DTYPE, self.dtype);
        self.ptr.cast()
    }

    /// The elements of a contiguous view.
    ///
    /// # Safety
    /// The view must be contiguous and its memory not be written while the slice lives.
    pub unsafe fn slice<T: Element>(&self) -> &'a [T] {
        debug_assert!(self.is_contiguous());
        unsafe { std::slice::from_raw_parts(self.as_ptr(), self.numel()) }
    }

    /// The elements of a contiguous view, for writing.
    ///
    /// # Safety
    /// The view must be contiguous and nothing else refer to its memory while the slice lives.
    pub unsafe fn slice_mut<T: Element>(&self) -> &'a mut [T] {
        debug_assert!(self.is_contiguous());
        unsafe { std::slice::from_raw_parts_mut(self.as_ptr(), self.numel()) }
    }
}

/// One call of a kernel, as plain data.
pub struct Launch<'a> {
    pub outs: &'a [View<'a>],
    pub ins: &'a [View<'a>],
    pub attrs: &'a [Attr],
    /// At least as many bytes as the kernel's `scratch` function asked for, 64-byte aligned.
    pub scratch: *mut u8,
    /// Which part of it is to be computed, where operands that were cut do not say it.
    pub part: Part,
    /// What the kernel's `prepare` made of an input, if that was kept.
    pub ready: Option<Ready>,
}

impl<'a> Launch<'a> {
    /// A whole launch, without scratch memory and with nothing prepared.
    pub fn new(outs: &'a [View<'a>], ins: &'a [View<'a>], attrs: &'a [Attr]) -> Launch<'a> {
        Launch { outs, ins, attrs, scratch: std::ptr::null_mut(), part: Part::WHOLE, ready: None }
    }
}

/// What a kernel can make of an input before it computes (weights packed or transformed), to be kept as long as the input's elements
/// stay as they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prepared {
    pub bytes: usize,
    /// Launches with equal keys make the same of the same elements. The first number is the way that reads it.
    pub key: [usize; 16],
}

/// The same, made.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    pub input: usize,
    pub way: usize,
    pub ptr: *const u8,
}

/// How a kernel prepares an input.
#[derive(Clone, Copy)]
pub struct Prepare {
    /// Which input it is made of.
    pub input: usize,
    /// What a launch would make, if it makes anything.
    pub plan: fn(&Launch) -> Option<Prepared>,
    /// Makes it, in so many bytes on a multiple of 64.
    pub run: fn(&Launch, *mut u8),
}

/// A part of a launch, for what cutting its operands does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    pub index: usize,
    /// How many parts there are.
    pub of: usize,
    /// Of operands that were cut: the dimension of the first output, and its position with which this part begins.
    pub from: (usize, usize),
}

impl Part {
    /// All of it.
    pub const WHOLE: Part = Part { index: 0, of: 1, from: (0, 0) };

    /// The part's share of `len` positions.
    ///
    /// ```
    /// use cresset_cpu::Part;
    /// assert_eq!(Part { index: 1, of: 3, ..Part::WHOLE }.range(10), 4..8);
    /// assert_eq!(Part::WHOLE.range(10), 0..10);
    /// ```
    pub fn range(self, len: usize) -> Range<usize> {
        let each = len.div_ceil(self.of);
        let from = |index: usize| (index * each).min(len);
        from(self.index)..from(self.index + 1)
    }
}

/// A kernel: its name (the key under which other devices hold theirs), its code, the scratch bytes it needs, how it is cut.
/// Everything was checked by the op that launches it: shapes, dtypes, bounds of attributes and indices.
#[derive(Clone, Copy)]
pub struct Kernel {
    pub name: &'static str,
    pub run: fn(&Launch),
    /// What a pointwise kernel computes, from which another device prints its own; with the feature `programs` only.
    pub program: Option<fn() -> Program>,
    /// What an input's elements must be, for devices that look while they compute; here the op has looked before.
    pub demand: Option<&'static Demand>,
    pub scratch: Option<fn(&Launch) -> usize>,
    /// Where a launch may be cut for several threads; without it one thread computes the whole.
    pub split: Option<fn(&Launch) -> Option<Split>>,
    /// What may be kept from launch to launch.
    pub prepare: Option<Prepare>,
}

impl Kernel {
    /// A kernel that needs no scratch memory and computes the whole launch on one thread.
    pub const fn new(name: &'static str, run: fn(&Launch)) -> Kernel {
        Kernel { name, run, program: None, demand: None, scratch: None, split: None, prepare: None }
    }

    /// The same, known as a recorded expression too.
    pub const fn with_program(self, program: fn() -> Program) -> Kernel {
        if cfg!(feature = "programs") { Kernel { program: Some(program), ..self } } else { self }
    }

    /// The same, with a demand on the elements of an input.
    pub const fn with_demand(self, demand: &'static Demand) -> Kernel {
        Kernel { demand: Some(demand), ..self }
    }

    /// The same with scratch memory of so many bytes.
    pub const fn with_scratch(self, bytes: fn(&Launch) -> usize) -> Kernel {
        Kernel { scratch: Some(bytes), ..self }
    }

    /// The same for several threads.
    pub const fn with_split(self, split: fn(&Launch) -> Option<Split>) -> Kernel {
        Kernel { split: Some(split), ..self }
    }

    /// The same with an input that is prepared once for many launches.
    pub const fn with_prepare(self, prepare: Prepare) -> Kernel {
        Kernel { prepare: Some(prepare), ..self }
    }
}
