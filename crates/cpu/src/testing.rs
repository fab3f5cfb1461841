//! What the kernels' tests share: arrays with arbitrary strides, and a launcher.

use crate::launch::{Attr, Kernel, Launch, View};
use cresset_lane::Element;

/// A small deterministic generator (xorshift64*).
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    /// Uniform in [-1, 1).
    pub fn float(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 47) as f64 - 1.0
    }
}

/// An array whose elements may lie anywhere: dimensions in any order in memory, gaps, negative strides.
pub struct Arr<T> {
    pub memory: Vec<T>,
    pub shape: Vec<usize>,
    pub strides: Vec<isize>,
    pub offset: isize,
}

impl<T: Element> Arr<T> {
    /// A contiguous array filled with zeros.
    pub fn zeros(shape: &[usize]) -> Self {
        let mut strides = vec![1; shape.len()];
        for d in (1..shape.len()).rev() {
            strides[d - 1] = strides[d] * shape[d].max(1) as isize;
        }
        let n: usize = shape.iter().product();
        Arr { memory: vec![T::default(); n.max(1)], shape: shape.to_vec(), strides, offset: 0 }
    }

    /// As `zeros`, in a random layout (contiguous in one of three cases).
    pub fn scattered(rng: &mut Rng, shape: &[usize]) -> Self {
        if rng.below(3) == 0 {
            return Self::zeros(shape);
        }
        let rank = shape.len();
        let mut order: Vec<usize> = (0..rank).collect();
        for i in (1..rank).rev() {
            order.swap(i, rng.below(i + 1));
        }
        let (mut strides, mut step, mut offset) = (vec![0isize; rank], 1 + rng.below(2) as isize, 0);
        for &d in &order {
            strides[d] = step;
            step *= (shape[d] + rng.below(2)).max(1) as isize;
            if rng.below(4) == 0 && shape[d] > 0 {
                offset += strides[d] * (shape[d] as isize - 1);
                strides[d] = -strides[d];
            }
        }
        Arr { memory: vec![T::default(); step as usize + 1], shape: shape.to_vec(), strides, offset }
    }

    /// Values from `f` in a random layout.
    pub fn random(rng: &mut Rng, shape: &[usize], mut f: impl FnMut(&mut Rng) -> T) -> Self {
        let mut a = Self::scattered(rng, shape);
        for index in indices(shape) {
            let v = f(rng);
            a.set(&index, v);
        }
        a
    }

    fn at(&self, index: &[usize]) -> usize {
        (self.offset + index.iter().zip(&self.strides).map(|(&i, &s)| i as isize * s).sum::<isize>()) as usize
    }
    pub fn get(&self, index: &[usize]) -> T {
        self.memory[self.at(index)]
    }
    pub fn set(&mut self, index: &[usize], v: T) {
        let at = self.at(index);
        self.memory[at] = v;
    }
    /// All elements in row-major order.
    pub fn values(&self) -> Vec<T> {
        indices(&self.shape).iter().map(|i| self.get(i)).collect()
    }
    pub fn view(&self) -> View<'_> {
        let ptr = unsafe { self.memory.as_ptr().offset(self.offset) };
        View { ptr: ptr.cast_mut().cast(), dtype: T::DTYPE, shape: &self.shape, strides: &self.strides }
    }
}

/// Every index of a shape, row-major.
pub fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &n in shape {
        all = all.into_iter().flat_map(|p: Vec<usize>| (0..n).map(move |i| [p.clone(), vec![i]].concat())).collect();
    }
    all
}

/// Runs a kernel with the scratch that it asks for.
pub fn run(kernel: Kernel, outs: &[View], ins: &[View], attrs: &[Attr]) {
    let mut l = Launch::new(outs, ins, attrs);
    let bytes = kernel.scratch.map_or(0, |f| f(&l));
    let mut scratch = vec![0xa5u8; bytes + 64];
    l.scratch = unsafe { scratch.as_mut_ptr().add(scratch.as_ptr().align_offset(64)) };
    (kernel.run)(&l);
}

/// Asserts that two floats agree to `tol`, relative to the greater of one and their size.
pub fn close(got: f64, want: f64, tol: f64) {
    let same = got == want || (got.is_nan() && want.is_nan()) || (got - want).abs() <= tol * want.abs().max(1.0);
    assert!(same, "{got} is not {want}");
}
