//! Batch normalisation, and what is one with its numbers in other sets: instance and group normalisation.
//!
//! A set is what shares a mean and a deviation; it is `lines` runs of `len` neighbouring elements: a channel has one of each
//! sample, a group one of each of its channels. A set is taken from first to last pass while the second-level cache has it.
//! Where a line has one element, whatever lies side by side (sets, or the lines of a set) goes side by side, a lane for each.
//!
//! `y = x * a + b` with `a = weight / deviation` and `b = bias - mean * a` is PyTorch's form (batch_norm_kernel.cpp and
//! group_norm_kernel.cpp in aten/src/ATen/native/cpu).

use super::batch_norm_passes::{Lines, Numbers, Passes, Place, passes};
use crate::launch::{Kernel, Launch, View};
use crate::threads::Split;
use cresset_lane::DType;

/// `(x - mean) / sqrt(variance + eps) * weight + bias`, by the sets' own statistics (the variance divided by the number of
/// elements) or by given ones.
///
/// `ins: [x, mean?, variance?, weight?, bias?]`: `x` is `[sets, lines, len]` with neighbouring elements in a line; statistics
/// are `[sets, 1]`; weight and bias `[sets, 1]`, or `[sets, lines]` where each line has its own. `outs: [y, mean, inverse
/// deviation, variance]` likewise, `y` laid out as `x`. `attrs: [eps: f64, given: bool, weight: bool, bias: bool]`, which say
/// what there is.
pub const BATCH_NORM: Kernel = Kernel::new("batch_norm", forward).with_split(|l| split(l, 600));

/// The gradients of `BATCH_NORM` for weight, bias and `x`.
///
/// `ins: [g, x, mean, inverse deviation, weight?]`, `outs: [dweight, dbias, dx?]` (both of the weight's shape), shapes as in
/// `BATCH_NORM`. `attrs: [given: bool, sums: bool]`: whether the statistics were given, and so do not depend on `x`; then
/// `sums` tells whether anybody wants `dweight` and `dbias`.
pub const BATCH_NORM_BACKWARD: Kernel = Kernel::new("batch_norm_backward", backward).with_split(|l| split(l, 900));

/// Any sets. Lanes do not know each other: that cuts lie between registers only saves time.
fn split(l: &Launch, ps: usize) -> Option<Split> {
    let x = &l.ins[0];
    let unit = if x.shape[2] == 1 { 16 } else { 1 };
    Some(Split::all(l, 0, unit, x.numel().saturating_mul(ps) / 1000))
}

/// What is computed together: a set or some of its lines, or several sets or lines, a lane for each.
#[derive(Clone, Copy)]
struct Tile {
    /// The first set and line.
    from: [usize; 2],
    lanes: usize,
    /// The dimension of `[sets, lines]` along which lanes go.
    along: usize,
    lines: Lines,
}

/// The number as the dtype of a view has it.
fn rounded(v: f64, like: &View) -> f64 {
    if like.dtype == DType::F32 { v as f32 as f64 } else { v }
}

/// There is a number for each lane; that of a single one stands everywhere.
impl Tile {
    #[inline(never)]
    fn read(&self, v: Option<&View>, otherwise: f64) -> Numbers {
        let mut all = [otherwise; 16];
        let Some(v) = v else { return all };
        let at = self.place(v).first;
        for (k, to) in all[..self.lanes].iter_mut().enumerate() {
            let i = k as isize * v.strides[self.along];
            *to = unsafe {
                if v.dtype == DType::F32 { *at.cast::<f32>().offset(i) as f64 } else { *at.cast::<f64>().offset(i) }
            };
        }
        if self.lanes == 1 { [all[0]; 16] } else { all }
    }

    #[inline(never)]
    fn write(&self, v: &View, values: &Numbers) {
        let at = self.place(v).first;
        for (k, x) in values[..self.lanes].iter().enumerate() {
            let i = k as isize * v.strides[self.along];
            unsafe {
                if v.dtype == DType::F32 {
                    *at.cast::<f32>().offset(i) = *x as f32
                } else {
                    *at.cast::<f64>().offset(i) = *x
                }
            }
        }
    }

    /// A number for each lane.
    #[inline(never)]
    fn each(&self, f: &dyn Fn(usize) -> f64) -> Numbers {
        let mut all = [f(0); 16];
        for k in 1..self.lanes {
            all[k] = f(k);
        }
        all
    }

    /// What the places of a block sum up to.
    #[inline(never)]
    fn total(&self, places: Numbers) -> Numbers {
        match (self.lines.apart, self.lanes) {
            (false, _) => [places.iter().sum(); 16],
            (true, 1) => [places[0]; 16],
            _ => places,
        }
    }

    /// The tile's elements in an operand.
    fn place(&self, v: &View) -> Place {
        let [set, line] = [0, 1].map(|d| self.from[d] as isize * v.strides[d]);
        Place { first: v.ptr.wrapping_offset((set + line) * v.dtype.size() as isize), step: v.strides[1] }
    }

    /// Calls `f` for the sets of a tile, with their lane, or for all of them where they go side by side.
    #[inline(never)]
    fn sets(self, f: &mut dyn FnMut(usize, Tile)) {
        if self.lines.apart || self.lanes == 1 {
            return f(0, self);
        }
        for k in 0..self.lanes {
            f(k, Tile { from: [self.from[0] + k, 0], lanes: 1, ..self });
        }
    }

    /// Calls `f` for the parts of a tile that have a weight, or a lane for each weight.
    #[inline(never)]
    fn parts(self, width: usize, x: &View, affine: usize, f: &mut dyn FnMut(Tile)) {
        if affine == 1 {
            return f(self);
        }
        let apart = x.shape[2] == 1 && x.strides[1] == 1;
        let most = if apart { width } else { 1 };
        for line in (0..affine).step_by(most) {
            let lanes = most.min(affine - line);
            let lines = Lines { count: 1, len: if apart { lanes } else { self.lines.len }, apart };
            f(Tile { from: [self.from[0], line], lanes, along: 1, lines });
        }
    }
}

/// Calls `f` for every tile. `x` decides whether sets go side by side, by what cutting it does not change; of those that do not,
/// `together` are a tile.
#[inline(never)]
fn tiles(width: usize, together: usize, x: &View, affine: usize, f: &mut dyn FnMut(Tile)) {
    let [sets, count, len] = [x.shape[0], x.shape[1], x.shape[2]];
    let apart = len == 1 && affine == 1 && x.strides[0] == 1;
    let most = if apart { width } else { together };
    for first in (0..sets).step_by(most) {
        let lanes = most.min(sets - first);
        let lines = Lines { count, len: if apart { lanes } else { len }, apart };
        f(Tile { from: [first, 0], lanes, along: 0, lines });
    }
}

/// Elements of a set from which a first guess of its mean is made.
const GUESS: usize = 256;

/// Mean and variance of every set: in one pass around a guess of the mean, in a second one around the mean where the guess was
/// further from it than two deviations, since then digits of the variance would be lost.
fn moments(passes: &Passes, tile: &Tile, v: &View) -> [Numbers; 2] {
    let x = tile.place(v);
    let Lines { mut count, mut len, apart } = tile.lines;
    let n = (if apart { count } else { count * len }) as f64;
    if !apart && x.step == len as isize {
        (count, len) = (1, count * len);
    }
    let lines = Lines { count, len, apart };
    let enough = if apart { 16 } else { 16usize.div_ceil(len.max(1)) };
    let few = Lines { count: count.min(enough), len: len.min(GUESS), apart };
    let counted = (if apart { few.count } else { few.count * few.len }) as f64;
    let about =
        |lines: Lines, mean: &Numbers| unsafe { (passes.sums)(x, None, lines, mean) }.map(|sums| tile.total(sums));
    let [total, _] = about(few, &[0.0; 16]);
    let mut guess = tile.each(&|k| rounded(total[k] / counted, v));
    let (mut mean, mut variance, mut far) = ([0.0; 16], [0.0; 16], [true; 16]);
    // A set that is constant may need the third, whose guess is exact.
    for _ in 0..3 {
        let [distance, square] = about(lines, &guess);
        for k in 0..tile.lanes {
            // A set that is done stays as it is, whatever lies beside it.
            if far[k] {
                let d = distance[k] / n;
                let v = square[k] / n - d * d;
                (mean[k], variance[k]) = (guess[k] + d, if v < 0.0 { 0.0 } else { v });
                far[k] = d * d > 4.0 * variance[k];
            }
        }
        if !far[..tile.lanes].contains(&true) {
            break;
        }
        guess = tile.each(&|k| rounded(mean[k], v));
    }
    [mean, variance].map(|numbers| tile.each(&|k| numbers[k]))
}

fn forward(l: &Launch) {
    let (x, y) = (&l.ins[0], &l.outs[0]);
    let (eps, given, weighted, biased) = (l.attrs[0].f(), l.attrs[1].b(), l.attrs[2].b(), l.attrs[3].b());
    let (statistics, params) = l.ins[1..].split_at(if given { 2 } else { 0 });
    let (weight, bias) = (params.first().filter(|_| weighted), params.last().filter(|_| biased));
    let affine = params.first().map_or(1, |p| p.shape[1]);
    let passes = passes(x);
    // What is known of sets before they are read is computed of many at once: of small sets it is most of the work.
    let together = if given && affine == 1 { 16 } else { 1 };
    tiles(passes.width, together, x, affine, &mut |tile| {
        let [mean, variance] = match statistics {
            [mean, variance] => [mean, variance].map(|v| tile.read(Some(v), 0.0)),
            _ => moments(passes, &tile, x),
        };
        let factor = tile.each(&|k| rounded(1.0 / (variance[k] + eps).sqrt(), x));
        for (out, values) in l.outs[1..].iter().zip([&mean, &factor, &variance]) {
            tile.write(out, values);
        }
        tile.parts(passes.width, x, affine, &mut |part| {
            let (weight, bias) = (part.read(weight, 1.0), part.read(bias, 0.0));
            let a = part.each(&|k| rounded(weight[k] * factor[k], x));
            let b = part.each(&|k| bias[k] - mean[k] * a[k]);
            part.sets(&mut |k, set| {
                let [a, b] = if set.lanes == part.lanes { [a, b] } else { [[a[k]; 16], [b[k]; 16]] };
                unsafe { (passes.scale)(set.place(x), set.place(y), set.lines, &a, &b) };
            });
        });
    });
}

fn backward(l: &Launch) {
    let (g, x, dweight, dbias, dx) = (&l.ins[0], &l.ins[1], &l.outs[0], &l.outs[1], l.outs.get(2));
    let (given, wanted) = (l.attrs[0].b(), l.attrs[1].b());
    let affine = dweight.shape[1];
    let n = (x.shape[1] * x.shape[2]) as f64;
    let passes = passes(x);
    tiles(passes.width, 1, x, affine, &mut |tile| {
        let [mean, factor] = [2, 3].map(|k| tile.read(l.ins.get(k), 0.0));
        // Sums of h = g * weight, and of h * (x - mean), over the set.
        let (mut sum, mut dot) = ([0.0; 16], [0.0; 16]);
        if wanted || !given {
            tile.parts(passes.width, x, affine, &mut |part| {
                let [of_g, of_gd] = unsafe { (passes.sums)(part.place(x), Some(part.place(g)), part.lines, &mean) }
                    .map(|sums| part.total(sums));
                let weight = part.read(l.ins.get(4), 1.0);
                for k in 0..part.lanes {
                    let set = if part.along == 0 { k } else { 0 };
                    sum[set] += of_g[k] * weight[k];
                    dot[set] += of_gd[k] * weight[k];
                }
                part.write(dbias, &of_g);
                part.write(dweight, &part.each(&|k| of_gd[k] * factor[k]));
            });
        }
        let Some(dx) = dx else { return };
        let b = tile.each(&|k| sum[k] * factor[k] / n);
        let c = tile.each(&|k| dot[k] * factor[k] * factor[k] * factor[k] / n);
        tile.parts(passes.width, x, affine, &mut |part| {
            let weight = part.read(l.ins.get(4), 1.0);
            let a = part.each(&|k| weight[k] * factor[k]);
            unsafe {
                if given {
                    // Minus zero is what changes nothing that it is added to.
                    (passes.scale)(part.place(g), part.place(dx), part.lines, &a, &[-0.0; 16]);
                } else {
                    (passes.gradient)(part.place(g), part.place(x), part.place(dx), part.lines, [&a, &b, &c, &mean]);
                }
            }
        });
    });
}
