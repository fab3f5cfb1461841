//! Sizes of a convolution, its scratch memory, and padded copies of images.

use crate::gemm::num::Num;
use crate::{Launch, View};

// Where a launch's attrs hold them, three numbers each, groups one.
const STRIDE: usize = 0;
const PADDING: usize = 3;
const DILATION: usize = 6;
const GROUPS: usize = 9;

/// A convolution over three spatial dimensions (absent ones have size 1).
#[derive(Clone, Copy)]
pub struct Geometry {
    pub images: usize,
    pub groups: usize,
    /// Input and output channels of one group.
    pub ci: usize,
    pub co: usize,
    pub input: [usize; 3],
    pub kernel: [usize; 3],
    pub output: [usize; 3],
    pub stride: [usize; 3],
    pub padding: [usize; 3],
    pub dilation: [usize; 3],
    /// Where the launch's output begins in the whole one, if it was cut for threads.
    pub origin: [usize; 3],
}

fn three(shape: &[usize]) -> [usize; 3] {
    [shape[2], shape[3], shape[4]]
}

impl Geometry {
    /// From the input's, the weight's and the output's views.
    pub fn new(launch: &Launch, x: &View, w: &View, y: &View) -> Geometry {
        let at = |i: usize| -> [usize; 3] { std::array::from_fn(|d| launch.attrs[i + d].n()) };
        // Of a launch with fewer channels than the attributes were made for (`threads`) the sizes tell.
        let groups = x.shape[1].checked_div(w.shape[1]).unwrap_or(launch.attrs[GROUPS].n());
        let (dim, from) = launch.part.from;
        let origin = std::array::from_fn(|d| if d + 2 == dim { from } else { 0 });
        Geometry {
            images: x.shape[0],
            groups,
            ci: w.shape[1],
            co: w.shape[0] / groups.max(1),
            input: three(x.shape),
            kernel: three(w.shape),
            output: three(y.shape),
            stride: at(STRIDE),
            padding: at(PADDING),
            dilation: at(DILATION),
            origin,
        }
    }

    /// Taps of the kernel.
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Pixels of the output.
    pub fn pixels(&self) -> usize {
        self.output.iter().product()
    }

    pub fn is_padded(&self) -> bool {
        self.padding != [0; 3]
    }

    /// The input's size with its padding, as far as the output reads it.
    pub fn padded(&self) -> [usize; 3] {
        std::array::from_fn(|d| self.input[d] + 2 * self.padding[d])
    }

    /// From the input's first element to the first one that the output reads: before it where there is padding.
    pub fn start(&self) -> [isize; 3] {
        std::array::from_fn(|d| (self.origin[d] * self.stride[d]) as isize - self.padding[d] as isize)
    }

    /// How many positions of the padded input the output reads, from `start` on.
    pub fn reach(&self) -> [usize; 3] {
        let from = |d: usize| self.output[d].saturating_sub(1) * self.stride[d];
        std::array::from_fn(|d| from(d) + self.kernel[d].saturating_sub(1) * self.dilation[d] + 1)
    }

    /// The convolution that is the gradient of this one's input: of y's gradient with turned taps (`Weights::turned`). None where
    /// there is a stride, or more padding than the taps reach.
    pub fn turned(&self) -> Option<Geometry> {
        let reach = |d: usize| (self.kernel[d].checked_sub(1)? * self.dilation[d]).checked_sub(self.padding[d]);
        let padding = [reach(0)?, reach(1)?, reach(2)?];
        let (ci, co, input, output) = (self.co, self.ci, self.output, self.input);
        (self.stride == [1; 3]).then_some(Geometry { ci, co, input, output, padding, ..*self })
    }

    /// One input channel a group and hardly more outputs: planes are convolved one by one, without a product.
    pub fn is_depthwise(&self) -> bool {
        self.ci == 1 && self.co <= 2
    }

    /// The same for the weights' gradient: with as few columns as one channel has taps, packing costs a product more.
    pub fn has_plane_gradients(&self) -> bool {
        self.ci == 1 && self.co <= 32
    }
}

/// Calls `f` with every index of three dimensions in row-major order.
pub fn each(sizes: [usize; 3], mut f: impl FnMut([usize; 3])) {
    for a in 0..sizes[0] {
        for b in 0..sizes[1] {
            for c in 0..sizes[2] {
                f([a, b, c]);
            }
        }
    }
}

/// `sum of index * step * stride`.
pub fn offset(index: [usize; 3], step: [usize; 3], strides: [isize; 3]) -> isize {
    (0..3).map(|d| (index[d] * step[d]) as isize * strides[d]).sum()
}

/// Row-major strides of three dimensions.
pub fn row_major(sizes: [usize; 3]) -> [isize; 3] {
    [(sizes[1] * sizes[2]) as isize, sizes[2] as isize, 1]
}

/// The spatial strides of a view of five dimensions.
pub fn spatial(view: &View) -> [isize; 3] {
    [view.strides[2], view.strides[3], view.strides[4]]
}

/// Hands out scratch memory. The same code, run once from address 0, says how much is needed.
pub struct Bump {
    base: *mut u8,
    used: usize,
}

impl Bump {
    pub fn new(base: *mut u8) -> Bump {
        Bump { base, used: 0 }
    }

    pub fn take<U>(&mut self, n: usize) -> *mut U {
        let p = self.base.wrapping_add(self.used).cast();
        self.used += (n * size_of::<U>()).next_multiple_of(64);
        p
    }

    pub fn used(&self) -> usize {
        self.used
    }
}

/// A stack of planes in memory with their strides.
#[derive(Clone, Copy)]
pub struct Planes<T> {
    pub ptr: *const T,
    pub channel: isize,
    pub strides: [isize; 3],
}

impl<T: Num> Planes<T> {
    /// The channels of one image of a view, from `channel` on.
    pub fn of(view: &View, image: usize, channel: usize) -> Planes<T> {
        let ptr: *mut T = view.as_ptr();
        let start = image as isize * view.strides[0] + channel as isize * view.strides[1];
        Planes { ptr: ptr.wrapping_offset(start), channel: view.strides[1], strides: spatial(view) }
    }
}

/// Writes `channels` planes of `sizes` whose element t is the source's element `t + shift`, and zero where the source
/// (of `source` elements a dimension) has none. With `phases` above 1, each row is dealt out into that many rows: first
/// the whole planes of columns 0, phases, 2 phases, ..., then those of columns 1, phases + 1, ...
///
/// # Safety
/// `to` has room for `channels` times the sizes, the last one rounded up to a multiple of `phases`.
pub unsafe fn window<T: Num>(
    from: &Planes<T>,
    source: [usize; 3],
    channels: usize,
    sizes: [usize; 3],
    shift: [isize; 3],
    phases: usize,
    to: *mut T,
) {
    let width = sizes[2].div_ceil(phases);
    let plane = sizes[0] * sizes[1] * width;
    // Columns whose source exists.
    let first = (-shift[2]).clamp(0, sizes[2] as isize) as usize;
    let end = (source[2] as isize - shift[2]).clamp(first as isize, sizes[2] as isize) as usize;
    for c in 0..channels {
        let image = from.ptr.wrapping_offset(c as isize * from.channel);
        each([sizes[0], sizes[1], 1], |[d, h, _]| unsafe {
            let row = to.add(c * plane * phases + (d * sizes[1] + h) * width);
            let at = [d as isize + shift[0], h as isize + shift[1]];
            let exists = (0..2).all(|i| (0..source[i] as isize).contains(&at[i]));
            let (first, end) = if exists { (first, end) } else { (0, 0) };
            let line = image.wrapping_offset(at[0] * from.strides[0] + at[1] * from.strides[1]);
            let line = line.wrapping_offset(shift[2] * from.strides[2]);
            if phases == 1 {
                fill(row, 0, first);
                let line = line.wrapping_offset(first as isize * from.strides[2]);
                copy_strided(line, from.strides[2], row.add(first), end - first);
                fill(row, end, width);
            } else {
                for phase in 0..phases {
                    let row = row.add(phase * plane);
                    // The phase's columns: those t with phase = t modulo phases.
                    let at = |t: usize| t.saturating_sub(phase).div_ceil(phases);
                    let (first, end) = (at(first), at(end));
                    fill(row, 0, first);
                    let line = line.wrapping_offset((first * phases + phase) as isize * from.strides[2]);
                    copy_strided(line, phases as isize * from.strides[2], row.add(first), end - first);
                    fill(row, end, width);
                }
            }
        });
    }
}

/// Writes what `window` (with one phase) takes from the source, and leaves the rest: zeros of an earlier call, at the
/// same places for every image and channel.
///
/// # Safety
/// As for `window`.
pub unsafe fn inside<T: Num>(
    from: &Planes<T>,
    source: [usize; 3],
    channels: usize,
    sizes: [usize; 3],
    shift: [isize; 3],
    to: *mut T,
) {
    let first: [isize; 3] = std::array::from_fn(|d| (-shift[d]).clamp(0, sizes[d] as isize));
    let end: [isize; 3] = std::array::from_fn(|d| (source[d] as isize - shift[d]).clamp(first[d], sizes[d] as isize));
    let steps = row_major(sizes);
    let at = |strides: [isize; 3], by: [isize; 3]| -> isize { (0..3).map(|d| (first[d] + by[d]) * strides[d]).sum() };
    let plane = sizes.iter().product::<usize>();
    let n = (end[2] - first[2]) as usize;
    for c in 0..channels {
        let mut from_depth = from.ptr.wrapping_offset(c as isize * from.channel + at(from.strides, shift));
        let mut to_depth = to.wrapping_offset((c * plane) as isize + at(steps, [0; 3]));
        for _ in first[0]..end[0] {
            let (mut from_row, mut to_row) = (from_depth, to_depth);
            for _ in first[1]..end[1] {
                unsafe { copy_strided(from_row, from.strides[2], to_row, n) };
                from_row = from_row.wrapping_offset(from.strides[1]);
                to_row = to_row.wrapping_offset(steps[1]);
            }
            from_depth = from_depth.wrapping_offset(from.strides[0]);
            to_depth = to_depth.wrapping_offset(steps[0]);
        }
    }
}

#[inline(always)]
unsafe fn copy_strided<T: Num>(from: *const T, step: isize, to: *mut T, n: usize) {
    if step == 1 {
        return unsafe { copy(from, to, n) };
    }
    for i in 0..n {
        unsafe { *to.add(i) = *from.wrapping_offset(i as isize * step) };
    }
}

/// Rows are short: a call of the runtime's copy costs more than they do.
#[inline(always)]
unsafe fn copy<T: Num>(from: *const T, to: *mut T, n: usize) {
    unsafe {
        let mut i = 0;
        while i + T::LANES <= n {
            T::store(to.add(i), T::load(from.add(i)));
            i += T::LANES;
        }
        if i < n && n >= T::LANES {
            // Once more what is copied already, rather than one by one.
            T::store(to.add(n - T::LANES), T::load(from.add(n - T::LANES)));
            return;
        }
        while i < n {
            *to.add(i) = *from.add(i);
            i += 1;
        }
    }
}

#[inline(always)]
unsafe fn fill<T: Num>(row: *mut T, from: usize, to: usize) {
    for i in from..to {
        unsafe { *row.add(i) = T::default() };
    }
}
