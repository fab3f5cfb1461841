//! Walking several strided operands at once.
//!
//! `Walk` brings operands of one shape (broadcast ones have stride 0) into the order in which memory is best visited:
//! dimensions sorted by stride, those that lie seamlessly behind one another merged, the innermost first. Reductions
//! use it too, with stride 0 in the output for the reduced dimensions.

use crate::View;

/// The most dimensions that an operand may have.
pub const MAX_DIMS: usize = 32;
/// The most operands of one walk.
pub const MAX_OPERANDS: usize = 8;

/// Dimensions, innermost first, with each operand's stride in bytes.
#[derive(Clone, Debug)]
pub struct Walk {
    pub ndim: usize,
    pub shape: [usize; MAX_DIMS],
    /// `strides[dim][operand]`
    pub strides: [[isize; MAX_OPERANDS]; MAX_DIMS],
    pub operands: usize,
}

/// The addresses of all operands at one position.
pub type Pointers = [*mut u8; MAX_OPERANDS];

impl Walk {
    /// A walk over `shape`. An operand with fewer dimensions, or with size 1 where the shape has more, is broadcast.
    /// The first operand's strides count most when dimensions are sorted.
    pub fn new(shape: &[usize], operands: &[View]) -> Walk {
        let mut walk = Walk::unsorted(shape, operands);
        walk.sort(0);
        walk.merge(0);
        walk
    }

    /// The dimensions in the order of the shape, innermost first; those of size 1 left out.
    pub fn unsorted(shape: &[usize], operands: &[View]) -> Walk {
        let mut walk =
            Walk { ndim: 0, shape: [1; MAX_DIMS], strides: [[0; MAX_OPERANDS]; MAX_DIMS], operands: operands.len() };
        for (back, &n) in shape.iter().rev().enumerate() {
            if n == 1 {
                continue;
            }
            walk.shape[walk.ndim] = n;
            for (k, view) in operands.iter().enumerate() {
                walk.strides[walk.ndim][k] = broadcast_stride(view, back, n) * view.dtype.size() as isize;
            }
            walk.ndim += 1;
        }
        walk
    }

    /// The number of positions.
    pub fn numel(&self) -> usize {
        self.shape[..self.ndim].iter().product()
    }

    /// Sorts the dimensions from `first` on so that the smallest steps come first. Where operands disagree the earlier
    /// one decides; a stride of 0 decides nothing. (The rule of at::TensorIterator::reorder_dimensions.)
    pub fn sort(&mut self, first: usize) {
        for i in first + 1..self.ndim {
            let mut j = i;
            while j > first && self.belongs_before(j, j - 1) {
                self.shape.swap(j, j - 1);
                self.strides.swap(j, j - 1);
                j -= 1;
            }
        }
    }

    fn belongs_before(&self, a: usize, b: usize) -> bool {
        for k in 0..self.operands {
            let (s, t) = (self.strides[a][k].unsigned_abs(), self.strides[b][k].unsigned_abs());
            if s != 0 && t != 0 && s != t {
                return s < t;
            }
        }
        false
    }

    /// Merges neighbouring dimensions from `first` on wherever every operand steps through both as through one.
    pub fn merge(&mut self, first: usize) {
        if self.ndim <= first + 1 {
            return;
        }
        let mut last = first;
        for i in first + 1..self.ndim {
            let n = self.shape[last] as isize;
            if (0..self.operands).all(|k| self.strides[i][k] == self.strides[last][k] * n) {
                self.shape[last] *= self.shape[i];
            } else {
                last += 1;
                self.shape[last] = self.shape[i];
                self.strides[last] = self.strides[i];
            }
        }
        self.ndim = last + 1;
    }

    /// The size of the innermost dimension: the length of a row.
    #[inline]
    pub fn row(&self) -> usize {
        if self.ndim == 0 { 1 } else { self.shape[0] }
    }

    /// Does this operand, visited in the walk's order, step by `size` bytes throughout?
    pub fn is_linear(&self, operand: usize, size: usize) -> bool {
        let mut expect = size as isize;
        for d in 0..self.ndim {
            if self.strides[d][operand] != expect {
                return false;
            }
            expect *= self.shape[d] as isize;
        }
        true
    }

    /// Does this operand stay at one element throughout?
    pub fn is_still(&self, operand: usize) -> bool {
        (0..self.ndim).all(|d| self.strides[d][operand] == 0)
    }

    /// Calls `f` with the addresses at every position of the dimensions from `first` on (0: every position, 1: every row).
    #[inline]
    pub fn each(&self, first: usize, base: Pointers, mut f: impl FnMut(&Pointers)) {
        if self.shape[..self.ndim].contains(&0) {
            return;
        }
        let mut at = base;
        let mut index = [0usize; MAX_DIMS];
        loop {
            f(&at);
            let mut d = first;
            loop {
                if d >= self.ndim {
                    return;
                }
                index[d] += 1;
                if index[d] < self.shape[d] {
                    for k in 0..self.operands {
                        at[k] = at[k].wrapping_offset(self.strides[d][k]);
                    }
                    break;
                }
                let back = self.shape[d] as isize - 1;
                for k in 0..self.operands {
                    at[k] = at[k].wrapping_offset(-self.strides[d][k] * back);
                }
                index[d] = 0;
                d += 1;
            }
        }
    }

    /// Calls `f(address, count, stride in bytes)` for the runs that make up the positions `start .. start + count` of one
    /// operand, in order.
    #[inline]
    pub fn runs(
        &self,
        operand: usize,
        base: *mut u8,
        start: usize,
        count: usize,
        mut f: impl FnMut(*mut u8, usize, isize),
    ) {
        let mut index = [0usize; MAX_DIMS];
        let mut at = base;
        let mut rest = start;
        for (d, i) in index.iter_mut().enumerate().take(self.ndim) {
            *i = rest % self.shape[d];
            rest /= self.shape[d];
            at = at.wrapping_offset(*i as isize * self.strides[d][operand]);
        }
        let (row, stride) = (self.row(), self.strides[0][operand]);
        let mut left = count;
        loop {
            let n = left.min(row - index[0]);
            f(at, n, stride);
            left -= n;
            if left == 0 {
                return;
            }
            at = at.wrapping_offset(-(index[0] as isize) * stride);
            index[0] = 0;
            let mut d = 1;
            loop {
                at = at.wrapping_offset(self.strides[d][operand]);
                index[d] += 1;
                if index[d] < self.shape[d] {
                    break;
                }
                at = at.wrapping_offset(-(self.shape[d] as isize) * self.strides[d][operand]);
                index[d] = 0;
                d += 1;
            }
        }
    }
}

/// The addresses at which the operands start.
pub fn bases(operands: &[View]) -> Pointers {
    let mut out = [std::ptr::null_mut(); MAX_OPERANDS];
    for (p, view) in out.iter_mut().zip(operands) {
        *p = view.ptr;
    }
    out
}

/// An operand's stride, in elements, in the dimension `back` from the end, where the walk has `n` positions.
fn broadcast_stride(view: &View, back: usize, n: usize) -> isize {
    match view.shape.len().checked_sub(back + 1) {
        Some(d) if view.shape[d] == n => view.strides[d],
        _ => 0,
    }
}
