//! Memory of any dtype as a target of random numbers.

use cresset_lane::{Bool, DType, Element};

/// Elements of a dtype that is known when the program runs.
///
/// Numbers are drawn as int64 or float64, a few at a time, and converted: so a distribution is compiled once, and only the
/// conversion for each dtype.
pub enum Elements<'a> {
    Bool(&'a mut [Bool]),
    U8(&'a mut [u8]),
    I32(&'a mut [i32]),
    I64(&'a mut [i64]),
    F32(&'a mut [f32]),
    F64(&'a mut [f64]),
}

macro_rules! each {
    ($elements:expr, $x:ident => $body:expr) => {
        match $elements {
            Elements::Bool($x) => $body,
            Elements::U8($x) => $body,
            Elements::I32($x) => $body,
            Elements::I64($x) => $body,
            Elements::F32($x) => $body,
            Elements::F64($x) => $body,
        }
    };
}

/// Numbers between drawing and converting; enough that the call of a closure costs nothing.
const CHUNK: usize = 256;

impl Elements<'_> {
    /// `len` elements of a dtype in memory.
    ///
    /// # Safety
    /// The memory must hold them, and be nobody else's for the lifetime that the caller chooses.
    pub unsafe fn new<'a>(first: *mut u8, dtype: DType, len: usize) -> Elements<'a> {
        unsafe fn slice<'a, T>(first: *mut u8, len: usize) -> &'a mut [T] {
            unsafe { std::slice::from_raw_parts_mut(first.cast(), len) }
        }
        unsafe {
            match dtype {
                DType::Bool => Elements::Bool(slice(first, len)),
                DType::U8 => Elements::U8(slice(first, len)),
                DType::I32 => Elements::I32(slice(first, len)),
                DType::I64 => Elements::I64(slice(first, len)),
                DType::F32 => Elements::F32(slice(first, len)),
                DType::F64 => Elements::F64(slice(first, len)),
            }
        }
    }

    pub fn dtype(&self) -> DType {
        fn of<T: Element>(_: &[T]) -> DType {
            T::DTYPE
        }
        each!(self, x => of(x))
    }

    pub fn len(&self) -> usize {
        each!(self, x => x.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Converts what `draw` puts into chunks of int64.
    pub fn fill_i64(self, mut draw: impl FnMut(&mut [i64])) {
        let draw: &mut dyn FnMut(&mut [i64]) = &mut draw;
        fn converted<T: Element>(out: &mut [T], draw: &mut dyn FnMut(&mut [i64])) {
            let mut chunk = [0; CHUNK];
            for out in out.chunks_mut(CHUNK) {
                let chunk = &mut chunk[..out.len()];
                draw(chunk);
                out.iter_mut().zip(chunk).for_each(|(x, v)| *x = T::from_i64(*v));
            }
        }
        match self {
            Elements::I64(out) => draw(out),
            other => each!(other, x => converted(x, draw)),
        }
    }

    /// Converts what `draw` puts into chunks of float64.
    pub fn fill_f64(self, mut draw: impl FnMut(&mut [f64])) {
        let draw: &mut dyn FnMut(&mut [f64]) = &mut draw;
        fn converted<T: Element>(out: &mut [T], draw: &mut dyn FnMut(&mut [f64])) {
            let mut chunk = [0.0; CHUNK];
            for out in out.chunks_mut(CHUNK) {
                let chunk = &mut chunk[..out.len()];
                draw(chunk);
                out.iter_mut().zip(chunk).for_each(|(x, v)| *x = T::from_f64(*v));
            }
        }
        match self {
            Elements::F64(out) => draw(out),
            other => each!(other, x => converted(x, draw)),
        }
    }
}
