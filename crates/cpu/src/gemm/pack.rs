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

    /// Writes one panel of at most `width` lines with every element spread over a vector, as the micro-kernels read A.
    ///
    /// # Safety
    /// As `pack`; `to` has room for `width * ks` vectors.
    #[inline(always)]
    unsafe fn pack_spread(&self, line: usize, lines: usize, k0: usize, ks: usize, width: usize, to: *mut T) {
        unsafe {
            // The panel itself goes to the end of the room: what is spread over it has been read by then.
            let panel = to.add((T::LANES - 1) * width * ks);
            self.pack(line, lines, k0, ks, width, panel);
            spread(panel, width * ks, to);
        }
    }
}

/// Spreads `n` elements, each over a vector. They may lie in the last quarter (for four lanes) of the room they go to.
///
/// # Safety
/// `from` is readable for `n` elements, `to` writable for as many vectors.
pub unsafe fn spread<T: Num>(from: *const T, n: usize, to: *mut T) {
    unsafe {
        let mut i = 0;
        while i + T::LANES <= n {
            T::spread(from.add(i), to.add(i * T::LANES), T::LANES);
            i += T::LANES;
        }
        while i < n {
            T::store(to.add(i * T::LANES), T::splat(*from.add(i)));
            i += 1;
        }
    }
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

/// Steps of k that are copied for all panels before the next ones: their rows are read from end to end, and what is
/// written stays in the first cache until its lines are whole.
const CHUNK: usize = 16;

/// Whole panels of lines that are neighbours: rows of vectors, copied.
unsafe fn pack_columns<T: Num>(from: *const T, k_step: isize, panels: usize, ks: usize, width: usize, to: *mut T) {
    for k0 in (0..ks).step_by(CHUNK) {
        let count = CHUNK.min(ks - k0);
        for panel in 0..panels {
            unsafe {
                let mut from = from.offset(k0 as isize * k_step).add(panel * width);
                let mut to = to.add((panel * ks + k0) * width);
                let mut left = width / T::LANES;
                while left >= 2 {
                    copy_rows::<T, 2>(from, k_step, to, width, count);
                    (from, to) = (from.add(2 * T::LANES), to.add(2 * T::LANES));
                    left -= 2;
                }
                if left == 1 {
                    copy_rows::<T, 1>(from, k_step, to, width, count);
                }
            }
        }
    }
}

/// Copies `count` rows of `V` vectors.
#[inline(always)]
unsafe fn copy_rows<T: Num, const V: usize>(
    mut from: *const T,
    step: isize,
    mut to: *mut T,
    to_step: usize,
    count: usize,
) {
    for _ in 0..count {
        for v in 0..V {
            unsafe { T::store(to.add(v * T::LANES), T::load(from.add(v * T::LANES))) };
        }
        from = from.wrapping_offset(step);
        to = to.wrapping_add(to_step);
    }
}

impl<T: Num> Operand<T> for Strided<T> {
    unsafe fn pack(&self, line: usize, lines: usize, k0: usize, ks: usize, width: usize, to: *mut T) {
        unsafe {
            let mut whole = 0;
            if self.line == 1 && width.is_multiple_of(T::LANES) {
                whole = lines / width;
                let from = self.ptr.offset(line as isize + k0 as isize * self.k);
                pack_columns(from, self.k, whole, ks, width, to);
            }
            for panel in whole..lines.div_ceil(width) {
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

    unsafe fn pack_spread(&self, line: usize, lines: usize, k0: usize, ks: usize, width: usize, to: *mut T) {
        let from = self.ptr.wrapping_offset(line as isize * self.line + k0 as isize * self.k);
        let step = width * T::LANES;
        unsafe {
            let whole = if self.k == 1 { ks / T::LANES } else { 0 };
            for i in 0..if whole > 0 { lines } else { 0 } {
                spread_row(from.wrapping_offset(i as isize * self.line), whole, to.add(i * T::LANES), step);
            }
            let vectors = if self.line == 1 { lines / T::LANES * T::LANES } else { 0 };
            for k in whole * T::LANES..ks {
                let (from, to) = (from.wrapping_offset(k as isize * self.k), to.add(k * step));
                for i in (0..vectors).step_by(T::LANES) {
                    T::spread(from.add(i), to.add(i * T::LANES), T::LANES);
                }
                for i in vectors..lines {
                    T::store(to.add(i * T::LANES), T::splat(*from.wrapping_offset(i as isize * self.line)));
                }
            }
            for k in 0..if lines < width { ks } else { 0 } {
                for i in lines..width {
                    T::store(to.add(k * step + i * T::LANES), T::zero());
                }
            }
        }
    }
}

/// Spreads `n` vectors of a row.
#[inline(always)]
unsafe fn spread_row<T: Num>(mut from: *const T, n: usize, mut to: *mut T, step: usize) {
    for _ in 0..n {
        unsafe {
            T::spread(from, to, step);
            from = from.add(T::LANES);
            to = to.wrapping_add(T::LANES * step);
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
                if are_neighbours(starts) {
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

/// Whether offsets follow each other. The ends, which mostly tell, are not enough: those of transposed memory go up and down.
#[inline(always)]
pub fn are_neighbours(offsets: &[isize]) -> bool {
    let n = offsets.len();
    n == 0 || offsets[n - 1] - offsets[0] == n as isize - 1 && offsets.windows(2).all(|w| w[1] - w[0] == 1)
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
                if even && k + n <= steps.len() && are_neighbours(&steps[k..k + n]) {
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
