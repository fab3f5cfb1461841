//! The passes over memory behind batch normalisation: all of it that depends on the dtype.

use crate::launch::View;
use crate::number::Float;
use cresset_lane::DType;

/// Numbers that meet a block of elements, one for each; float64 for every dtype.
pub type Numbers = [f64; 16];

/// The passes for a dtype, with a block's width.
pub struct Passes {
    pub width: usize,
    /// With `d = x - mean`: the sums of `g` and of `g * d` in every place of a block; without `g` those of `d` and of `d * d`.
    pub sums: unsafe fn(x: Place, g: Option<Place>, lines: Lines, mean: &Numbers) -> [Numbers; 2],
    /// `y = x * a + b`
    pub scale: unsafe fn(x: Place, y: Place, lines: Lines, a: &Numbers, b: &Numbers),
    /// `dx = g * a - b - (x - mean) * c`, by `[a, b, c, mean]`
    pub gradient: unsafe fn(g: Place, x: Place, dx: Place, lines: Lines, by: [&Numbers; 4]),
}

/// The passes over elements of a view.
pub fn passes(of: &View) -> &'static Passes {
    const SINGLE: Passes =
        Passes { width: 16, sums: sums::<f32, 16>, scale: scale::<f32, 16>, gradient: gradient::<f32, 16> };
    const DOUBLE: Passes =
        Passes { width: 8, sums: sums::<f64, 8>, scale: scale::<f64, 8>, gradient: gradient::<f64, 8> };
    if of.dtype == DType::F32 { &SINGLE } else { &DOUBLE }
}

/// Runs of neighbouring elements.
#[derive(Clone, Copy)]
pub struct Lines {
    pub count: usize,
    pub len: usize,
    /// Each element of a line (at most a block of them) belongs to another set, or has another weight.
    pub apart: bool,
}

/// Where lines lie in an operand: the first one, and the distance from line to line in elements.
#[derive(Clone, Copy)]
pub struct Place {
    pub first: *mut u8,
    pub step: isize,
}

type Block<T, const W: usize> = [T; W];

#[inline(never)]
fn block<T: Float, const W: usize>(numbers: &Numbers) -> Block<T, W> {
    std::array::from_fn(|k| T::of(numbers[k]))
}

/// What a pass takes at once.
enum Run {
    Blocks(usize),
    /// Elements, less than a block.
    Rest(usize),
}

/// Calls `f(places, distance from block to block, run)` until all lines are done.
#[inline(always)]
fn runs<T, const W: usize, const N: usize>(
    lines: Lines,
    places: [Place; N],
    mut f: impl FnMut([*mut T; N], [isize; N], Run),
) {
    if lines.len == W {
        let (first, steps) = (places.each_ref().map(|p| p.first.cast()), places.each_ref().map(|p| p.step));
        return f(first, steps, Run::Blocks(lines.count));
    }
    let (blocks, left) = (lines.len / W, lines.len % W);
    for i in 0..lines.count as isize {
        let at =
            |from: usize| places.each_ref().map(|p| p.first.cast::<T>().wrapping_offset(i * p.step + from as isize));
        if blocks > 0 {
            f(at(0), [W as isize; N], Run::Blocks(blocks));
        }
        if left > 0 {
            f(at(blocks * W), [0; N], Run::Rest(left));
        }
    }
}

/// Up to a block of elements; `otherwise` in the places beyond.
#[inline(never)]
unsafe fn some<T: Float, const W: usize>(p: *const T, n: usize, otherwise: &Block<T, W>) -> Block<T, W> {
    let mut block = *otherwise;
    for (k, to) in block[..n].iter_mut().enumerate() {
        *to = unsafe { *p.add(k) };
    }
    block
}

/// Writes the first elements of a block.
#[inline(never)]
unsafe fn put<T: Float, const W: usize>(p: *mut T, n: usize, block: &Block<T, W>) {
    for (k, x) in block[..n].iter().enumerate() {
        unsafe { *p.add(k) = *x };
    }
}

/// Blocks that one accumulator takes before it is added to the next, for the sake of rounding; those are float64.
const DEPTH: usize = 64;

/// Two sums on their way up three levels.
struct Sums<T, const W: usize> {
    low: [Block<T, W>; 2],
    middle: [[f64; W]; 2],
    high: [[f64; W]; 2],
    /// What `low` and `middle` have taken.
    taken: [usize; 2],
}

impl<T: Float, const W: usize> Sums<T, W> {
    #[inline(never)]
    fn lift(&mut self) {
        for (to, from) in self.middle.as_flattened_mut().iter_mut().zip(self.low.as_flattened()) {
            *to += from.to_f64();
        }
        self.low = [[T::ZERO; W]; 2];
        self.taken = [0, self.taken[1] + 1];
        if self.taken[1] == DEPTH {
            self.finish();
        }
    }

    fn finish(&mut self) {
        for (to, from) in self.high.as_flattened_mut().iter_mut().zip(self.middle.as_flattened()) {
            *to += from;
        }
        (self.middle, self.taken[1]) = ([[0.0; W]; 2], 0);
    }

    /// Takes `n` blocks that lie `steps` apart.
    #[inline(never)]
    unsafe fn take(&mut self, places: [*mut T; 2], steps: [isize; 2], n: usize, mean: &Block<T, W>, own: bool) {
        let mut done = 0;
        while done < n {
            let now = (n - done).min(DEPTH - self.taken[0]);
            let from = std::array::from_fn(|k| places[k].wrapping_offset(done as isize * steps[k]));
            let pass = if own { down::<T, W, true> } else { down::<T, W, false> };
            unsafe { pass(&mut self.low, from, steps, now, mean) };
            self.taken[0] += now;
            done += now;
            if self.taken[0] == DEPTH {
                self.lift();
            }
        }
    }
}

/// Adds the terms of `n` blocks. Two instances, so that each has all it needs in registers.
#[inline(never)]
unsafe fn down<T: Float, const W: usize, const OWN: bool>(
    sums: &mut [Block<T, W>; 2],
    [mut x, mut g]: [*mut T; 2],
    [step_x, step_g]: [isize; 2],
    n: usize,
    mean: &Block<T, W>,
) {
    let ([mut sum, mut dot], mean) = (*sums, *mean);
    for _ in 0..n {
        let (xs, gs) = unsafe { (&*x.cast::<Block<T, W>>(), &*g.cast::<Block<T, W>>()) };
        for j in 0..W {
            let d = xs[j].minus(mean[j]);
            let g = if OWN { d } else { gs[j] };
            sum[j] = sum[j].plus(g);
            dot[j] = dot[j].plus(g.times(d));
        }
        (x, g) = (x.wrapping_offset(step_x), g.wrapping_offset(step_g));
    }
    *sums = [sum, dot];
}

unsafe fn sums<T: Float, const W: usize>(x: Place, g: Option<Place>, lines: Lines, mean: &Numbers) -> [Numbers; 2] {
    let mean = &block::<T, W>(mean);
    let mut taken = Sums { low: [[T::ZERO; W]; 2], middle: [[0.0; W]; 2], high: [[0.0; W]; 2], taken: [0; 2] };
    let own = g.is_none();
    runs::<T, W, 2>(lines, [x, g.unwrap_or(x)], |at, steps, run| unsafe {
        match run {
            Run::Blocks(n) => taken.take(at, steps, n, mean, own),
            Run::Rest(n) => {
                // What is not there has no weight and is at no distance.
                let mut rest = [some(at[0], n, mean), some(at[1], n, &[T::ZERO; W])];
                taken.take(rest.each_mut().map(|block| block.as_mut_ptr()), steps, 1, mean, own);
            }
        }
    });
    taken.lift();
    taken.finish();
    let mut all = [[0.0; 16]; 2];
    all.iter_mut().zip(&taken.high).for_each(|(all, sums)| all[..W].copy_from_slice(sums));
    all
}

unsafe fn scale<T: Float, const W: usize>(x: Place, y: Place, lines: Lines, a: &Numbers, b: &Numbers) {
    let (a, b) = (&block::<T, W>(a), &block::<T, W>(b));
    runs::<T, W, 2>(lines, [x, y], |at, steps, run| unsafe {
        match run {
            Run::Blocks(n) => scale_blocks(at, steps, n, a, b),
            Run::Rest(n) => {
                let mut rest = some(at[0], n, a);
                scale_blocks([rest.as_mut_ptr(); 2], steps, 1, a, b);
                put(at[1], n, &rest);
            }
        }
    });
}

#[inline(never)]
unsafe fn scale_blocks<T: Float, const W: usize>(
    [mut x, mut y]: [*mut T; 2],
    [step_x, step_y]: [isize; 2],
    n: usize,
    a: &Block<T, W>,
    b: &Block<T, W>,
) {
    let (a, b) = (*a, *b);
    for _ in 0..n {
        unsafe {
            let xs = *x.cast::<Block<T, W>>();
            *y.cast::<Block<T, W>>() = std::array::from_fn(|j| xs[j].times(a[j]).plus(b[j]));
        }
        (x, y) = (x.wrapping_offset(step_x), y.wrapping_offset(step_y));
    }
}

unsafe fn gradient<T: Float, const W: usize>(g: Place, x: Place, dx: Place, lines: Lines, by: [&Numbers; 4]) {
    let by = &by.map(block::<T, W>);
    runs::<T, W, 3>(lines, [g, x, dx], |at, steps, run| unsafe {
        match run {
            Run::Blocks(n) => gradient_blocks(at, steps, n, by),
            Run::Rest(n) => {
                let mut rest = [some(at[0], n, &by[0]), some(at[1], n, &by[3])];
                let [g, x] = rest.each_mut().map(|block| block.as_mut_ptr());
                gradient_blocks([g, x, x], steps, 1, by);
                put(at[2], n, &rest[1]);
            }
        }
    });
}

#[inline(never)]
unsafe fn gradient_blocks<T: Float, const W: usize>(
    [mut g, mut x, mut dx]: [*mut T; 3],
    [step_g, step_x, step_dx]: [isize; 3],
    n: usize,
    by: &[Block<T, W>; 4],
) {
    let [a, b, c, mean] = *by;
    for _ in 0..n {
        unsafe {
            let (gs, xs) = (*g.cast::<Block<T, W>>(), *x.cast::<Block<T, W>>());
            let of = |j: usize| gs[j].times(a[j]).minus(b[j]).minus(xs[j].minus(mean[j]).times(c[j]));
            *dx.cast::<Block<T, W>>() = std::array::from_fn(of);
        }
        (g, x, dx) = (g.wrapping_offset(step_g), x.wrapping_offset(step_x), dx.wrapping_offset(step_dx));
    }
}
