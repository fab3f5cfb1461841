//! What the kernels' tests share: small random tensors with random strides.

use cresset_lane::{DType, Element};

use crate::{Attr, Kernel, Launch, View};

/// xorshift64*: enough randomness for tests, without a dependency.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 to `n - 1`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n
    }

    /// From -1 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// A tensor that owns its memory; logical index (0, 0, ...) is at `start`.
pub struct Owned {
    pub data: Vec<u8>,
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub strides: Vec<isize>,
    pub start: usize,
}

impl Owned {
    /// Contiguous zeros.
    pub fn zeros<T: Element>(shape: &[usize]) -> Owned {
        let mut strides = vec![1isize; shape.len()];
        for d in (1..shape.len()).rev() {
            strides[d - 1] = strides[d] * shape[d].max(1) as isize;
        }
        // 8 bytes a unit of alignment: the vector of bytes comes from one of u64.
        let bytes = shape.iter().product::<usize>().max(1) * size_of::<T>() + 16;
        Owned { data: vec![0; bytes], dtype: T::DTYPE, shape: shape.to_vec(), strides, start: 0 }
    }

    /// Random values (small integers for integer types) behind random strides: dimensions permuted in memory, gaps,
    /// steps backwards.
    pub fn random<T: Element>(rng: &mut Rng, shape: &[usize], strided: bool) -> Owned {
        let mut t = Owned::zeros::<T>(shape);
        if strided && !shape.is_empty() {
            let mut order: Vec<usize> = (0..shape.len()).collect();
            for i in (1..order.len()).rev() {
                order.swap(i, rng.below(i + 1));
            }
            let mut span = 1isize;
            let mut start = 0isize;
            for &d in order.iter().rev() {
                let step = span * (1 + rng.below(2) as isize);
                let backwards = rng.below(4) == 0;
                t.strides[d] = if backwards { -step } else { step };
                if backwards {
                    start += step * (shape[d].max(1) as isize - 1);
                }
                span = step * shape[d].max(1) as isize;
            }
            t.start = start as usize;
            t.data = vec![0; span as usize * size_of::<T>() + 16];
        }
        for i in 0..t.numel() {
            let v = if T::DTYPE.is_float() { rng.unit() } else { rng.below(10) as f64 };
            t.set::<T>(i, T::from_f64(v));
        }
        t
    }

    pub fn numel(&self) -> usize {
        self.shape.iter().product()
    }

    fn at<T: Element>(&self, index: usize) -> *mut T {
        let mut offset = self.start as isize;
        let mut rest = index;
        for (&n, &s) in self.shape.iter().zip(&self.strides).rev() {
            offset += (rest % n) as isize * s;
            rest /= n;
        }
        self.base::<T>().wrapping_offset(offset)
    }

    fn base<T: Element>(&self) -> *mut T {
        let p = self.data.as_ptr() as usize;
        (p.next_multiple_of(8)) as *mut T
    }

    /// The element at a row-major index.
    pub fn get<T: Element>(&self, index: usize) -> T {
        unsafe { *self.at(index) }
    }

    pub fn set<T: Element>(&mut self, index: usize, v: T) {
        unsafe { *self.at(index) = v }
    }

    /// All elements in row-major order.
    pub fn values<T: Element>(&self) -> Vec<f64> {
        (0..self.numel()).map(|i| self.get::<T>(i).to_f64()).collect()
    }

    pub fn view(&self) -> View<'_> {
        let base = self.base::<u8>();
        let ptr = base.wrapping_add(self.start * self.dtype.size());
        View { ptr, dtype: self.dtype, shape: &self.shape, strides: &self.strides }
    }
}

/// Runs a kernel with exactly the scratch it asks for, filled with rubbish.
pub fn launch(kernel: &Kernel, ins: &[View], outs: &[View], attrs: &[Attr]) {
    let mut call = Launch::new(outs, ins, attrs);
    let bytes = kernel.scratch.map_or(0, |f| f(&call));
    let layout = std::alloc::Layout::from_size_align(bytes.max(1), 64).unwrap();
    unsafe {
        let memory = std::alloc::alloc(layout);
        std::ptr::write_bytes(memory, 0xCD, bytes);
        call.scratch = memory;
        (kernel.run)(&call);
        std::alloc::dealloc(memory, layout);
    }
}

/// Panics unless every pair differs by at most `atol + rtol * |want|`.
pub fn assert_close(got: &[f64], want: &[f64], rtol: f64, atol: f64, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}: number of elements");
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= atol + rtol * w.abs() || g == w, "{what}: element {i} is {g}, want {w}");
    }
}
