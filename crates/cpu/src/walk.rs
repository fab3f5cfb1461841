//! Walks the index space that several strided operands share.
//!
//! The kernels that reduce, scan, sort and index describe their loops with it: a dimension is pushed with one stride
//! per operand, neighbouring dimensions that can be walked as one are joined, the innermost may be taken out for a
//! tight loop, and the rest is visited in row-major order.

use crate::launch::View;

/// Dimensions of size one are dropped, so more than 32 would mean over 2^32 elements (or an empty tensor, which is
/// never walked).
pub const MAX_DIMS: usize = 32;

/// An index space with `N` operands; strides count elements of each operand.
#[derive(Clone)]
pub struct Walk<const N: usize> {
    dims: usize,
    empty: bool,
    shape: [usize; MAX_DIMS],
    strides: [[isize; N]; MAX_DIMS],
}

impl<const N: usize> Default for Walk<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Walk<N> {
    /// The space of a single point.
    pub fn new() -> Self {
        Walk { dims: 0, empty: false, shape: [1; MAX_DIMS], strides: [[0; N]; MAX_DIMS] }
    }

    /// The space of all dimensions of `views`, which have one shape.
    pub fn over(views: [&View; N]) -> Self {
        Self::over_except(views, usize::MAX)
    }

    /// The space of all dimensions but `dim`; the views agree in the sizes of the others.
    pub fn over_except(views: [&View; N], dim: usize) -> Self {
        let mut walk = Self::new();
        for d in (0..views[0].shape.len()).filter(|&d| d != dim) {
            walk.push(views[0].shape[d], views.map(|v| v.strides[d]));
        }
        walk
    }

    /// Adds a dimension inside the present ones.
    #[inline(never)]
    pub fn push(&mut self, size: usize, strides: [isize; N]) {
        if size == 0 {
            self.empty = true;
        } else if size != 1 && !self.empty {
            self.shape[self.dims] = size;
            self.strides[self.dims] = strides;
            self.dims += 1;
        }
    }

    /// Number of dimensions left (those of size one do not count).
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Whether there is no point at all.
    pub fn is_empty(&self) -> bool {
        self.empty
    }

    /// Number of points.
    #[cfg(test)]
    pub fn numel(&self) -> usize {
        if self.empty { 0 } else { self.shape[..self.dims].iter().product() }
    }

    /// Reorders the dimensions so that operand `op` is walked from its largest stride to its smallest.
    #[must_use]
    pub fn sort_by(mut self, op: usize) -> Self {
        self.sort(op);
        self
    }

    // Out of line, as `join` and `push`: once per launch, and code is download.
    #[inline(never)]
    fn sort(&mut self, op: usize) {
        // Insertion sort: stable and short, as dimensions are few.
        for i in 1..self.dims {
            let mut j = i;
            while j > 0 && self.strides[j - 1][op].unsigned_abs() < self.strides[j][op].unsigned_abs() {
                self.strides.swap(j - 1, j);
                self.shape.swap(j - 1, j);
                j -= 1;
            }
        }
    }

    /// Joins neighbouring dimensions wherever every operand steps through both as through one.
    #[must_use]
    pub fn collapse(mut self) -> Self {
        self.join();
        self
    }

    #[inline(never)]
    fn join(&mut self) {
        let mut last = 0;
        for d in 1..self.dims {
            let n = self.shape[d];
            let joins = (0..N).all(|op| self.strides[last][op] == self.strides[d][op] * n as isize);
            if joins {
                self.shape[last] *= n;
                self.strides[last] = self.strides[d];
            } else {
                last += 1;
                self.shape[last] = n;
                self.strides[last] = self.strides[d];
            }
        }
        self.dims = self.dims.min(last + 1);
    }

    /// Stride of `op` in the innermost dimension; zero if none is left.
    pub fn inner_stride(&self, op: usize) -> isize {
        if self.dims == 0 { 0 } else { self.strides[self.dims - 1][op] }
    }

    /// Takes the innermost dimension out: its size and strides. A single point if none is left.
    pub fn pop(&mut self) -> (usize, [isize; N]) {
        if self.dims == 0 {
            return (1, [0; N]);
        }
        self.dims -= 1;
        (self.shape[self.dims], self.strides[self.dims])
    }

    /// As `each`, out of line and by an indirect call, for whoever has work enough to do at each point.
    #[inline(never)]
    pub fn each_dyn(&self, f: &mut dyn FnMut([isize; N])) {
        self.each(f);
    }

    /// Calls `f` with the operands' offsets at every point, in row-major order.
    #[inline]
    pub fn each(&self, mut f: impl FnMut([isize; N])) {
        if self.empty {
            return;
        }
        let mut offsets = [0isize; N];
        if self.dims == 0 {
            return f(offsets);
        }
        let inner = self.dims - 1;
        let mut index = [0usize; MAX_DIMS];
        loop {
            let mut at = offsets;
            for _ in 0..self.shape[inner] {
                f(at);
                for op in 0..N {
                    at[op] += self.strides[inner][op];
                }
            }
            let mut d = inner;
            loop {
                if d == 0 {
                    return;
                }
                d -= 1;
                index[d] += 1;
                for op in 0..N {
                    offsets[op] += self.strides[d][op];
                }
                if index[d] < self.shape[d] {
                    break;
                }
                for op in 0..N {
                    offsets[op] -= self.strides[d][op] * self.shape[d] as isize;
                }
                index[d] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_in_row_major_order_and_collapses() {
        let mut w = Walk::<2>::new();
        w.push(2, [12, 1]);
        w.push(1, [99, 99]);
        w.push(3, [4, 8]);
        w.push(4, [1, 2]);
        let mut seen = Vec::new();
        w.each(|o| seen.push(o));
        assert_eq!(seen.len(), 24);
        assert_eq!(seen[5], [5, 10]);
        let c = w.clone().collapse();
        assert_eq!(c.dims(), 2, "strides 8 and 2 join, 1 does not");
        let mut again = Vec::new();
        c.each(|o| again.push(o));
        assert_eq!(seen, again);
    }

    #[test]
    fn empty_and_single_points() {
        let mut w = Walk::<1>::new();
        let mut n = 0;
        w.each(|_| n += 1);
        assert_eq!((n, w.numel()), (1, 1));
        w.push(0, [1]);
        w.each(|_| n += 1);
        assert_eq!((n, w.numel()), (1, 0));
    }
}
