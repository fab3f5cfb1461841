//! Packing: an operand, however it lies in memory, into the panels that the micro-kernels read.
//!
//! A panel holds `width` lines (rows of A, columns of B) for a range of k, k outermost: `panel[k * width + line]`.
//! Missing lines of the last panel are zero. A transposed operand is only another pair of strides here, and the
//! patches of a convolution are an operand whose two offsets come from tables: neither is ever copied first.

use super::num::Num;

/// One operand of a product: `line` is its row in A and its column in B.
pub trait Operand<T: Num> {
    /// Writes `ceil(lines / width)` panels of lines `line..line + lines`, k from `k0` to `k0 + ks`.
    ///
    /// # Safety
    /// The range lies inside the operand; `to` has room for the panels.
    unsafe fn pack(&self, line: usize, lines: usize, k0: usize, ks: usize, width: usize, to: *mut T);
}

/// Elements at `ptr + line * line_step + k * k_step`.
#[derive(Clone, Copy)]
pub struct Strided<T> {
    pub ptr: *const T,
    pub line: isize,
    pub k: isize,
}

/// Elements at `ptr + lines[line] + ks[k]`.
#[derive(Clone, Copy)]
pub struct Tables<T> {
    pub ptr: *const T,
    pub lines: *const isize,
    pub ks: *const isize,
}

#[inline(always)]
unsafe fn zero_tail<T: Num>(to: *mut T, from_line: usize, ks: usize, width: usize) {
    for k in 0..ks {
        for line in from_line..width {
            unsafe { *to.add(k * width + line) = T::default() };
        }
    }
}

/// Copies `n` neighbours.
#[inline(always)]
unsafe fn copy<T: Num>(from: *const T, to: *mut T, n: usize) {
    unsafe {
        let mut i = 0;
        while i + T::LANES <= n {
            T::store(to.add(i), T::load(from.add(i)));
            i += T::LANES;
        }
        while i < n {
            *to.add(i) = *from.add(i);
            i += 1;
        }
    }
}

impl<T: Num> Operand<T> for Strided<T> {
    unsafe fn pack(&self, line: usize, lines: usize, k0: usize, ks: usize, width: usize, to: *mut T) {
        unsafe {
            for panel in 0..lines.div_ceil(width) {
                let first = panel * width;
                let count = width.min(lines - first);
                let from = self.ptr.offset((line + first) as isize * self.line + k0 as isize * self.k);
                let to = to.add(first * ks);
                if self.line == 1 {
                    for k in 0..ks {
                        copy(from.offset(k as isize * self.k), to.add(k * width), count);
                    }
                } else if self.k == 1 {
                    pack_rows(from, self.line, count, ks, width, to);
                } else {
                    for k in 0..ks {
                        let from = from.offset(k as isize * self.k);
                        for i in 0..count {
                            *to.add(k * width + i) = *from.offset(i as isize * self.line);
                        }
                    }
                }
                if count < width {
                    zero_tail(to, count, ks, width);
                }
            }
        }
    }
}

/// A panel of lines that are contiguous along k: transposed through registers, `LANES` lines at a time.
unsafe fn pack_rows<T: Num>(from: *const T, row: isize, count: usize, ks: usize, width: usize, to: *mut T) {
    unsafe {
        let mut i = 0;
        while i + T::LANES <= count {
            let from = from.offset(i as isize * row);
            let mut k = 0;
            while k + T::LANES <= ks {
                T::transpose(from.add(k), row, to.add(k * width + i), width);
                k += T::LANES;
            }
            while k < ks {
                for j in 0..T::LANES {
                    *to.add(k * width + i + j) = *from.offset(j as isize * row).add(k);
                }
                k += 1;
            }
            i += T::LANES;
        }
        while i < count {
            let from = from.offset(i as isize * row);
            for k in 0..ks {
                *to.add(k * width + i) = *from.add(k);
            }
            i += 1;
        }
    }
}

impl<T: Num> Operand<T> for Tables<T> {
    unsafe fn pack(&self, line: usize, lines: usize, k0: usize, ks: usize, width: usize, to: *mut T) {
        unsafe {
            let steps = std::slice::from_raw_parts(self.ks.add(k0), ks);
            for panel in 0..lines.div_ceil(width) {
                let first = panel * width;
                let count = width.min(lines - first);
                let starts = std::slice::from_raw_parts(self.lines.add(line + first), count);
                let to = to.add(first * ks);
                // Neighbouring pixels of one image row: one run of memory for every k.
                if starts.windows(2).all(|w| w[1] - w[0] == 1) {
                    let from = self.ptr.offset(starts[0]);
                    for (k, &step) in steps.iter().enumerate() {
                        copy(from.offset(step), to.add(k * width), count);
                    }
                } else {
                    pack_scattered(self.ptr, starts, steps, width, to);
                }
                if count < width {
                    zero_tail(to, count, ks, width);
                }
            }
        }
    }
}

/// A panel whose lines are not neighbours. Where they are evenly spaced and k runs through neighbours (the weight
/// gradient of a convolution), four by four through registers.
unsafe fn pack_scattered<T: Num>(ptr: *const T, starts: &[isize], steps: &[isize], width: usize, to: *mut T) {
    unsafe {
        let n = T::LANES;
        let mut i = 0;
        while i + n <= starts.len() {
            let row = if n > 1 { starts[i + 1] - starts[i] } else { 0 };
            let even = n > 1 && starts[i..i + n].windows(2).all(|w| w[1] - w[0] == row);
            let mut k = 0;
            while k < steps.len() {
                if even && k + n <= steps.len() && steps[k + n - 1] - steps[k] == n as isize - 1 {
                    T::transpose(ptr.offset(starts[i] + steps[k]), row, to.add(k * width + i), width);
                    k += n;
                } else {
                    for j in 0..n {
                        *to.add(k * width + i + j) = *ptr.offset(starts[i + j] + steps[k]);
                    }
                    k += 1;
                }
            }
            i += n;
        }
        while i < starts.len() {
            let from = ptr.offset(starts[i]);
            for (k, &step) in steps.iter().enumerate() {
                *to.add(k * width + i) = *from.offset(step);
            }
            i += 1;
        }
    }
}
