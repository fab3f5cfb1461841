//! Batch normalisation, and what is one with its numbers in other sets: instance and group normalisation.
//!
//! A set is what shares a mean and a deviation; it is `lines` runs of `len` neighbouring elements: a channel has one of each
//! sample, a group one of each of its channels. A set is taken from first to last pass while the second-level cache has it.
//! Where a line has one element, whatever lies side by side (sets, or the lines of a set) goes side by side, a lane for each.
//!
//! `y = x * a + b` with `a = weight / deviation` and `b = bias - mean * a` is PyTorch's form (batch_norm_kernel.cpp and
//! group_norm_kernel.cpp in aten/src/ATen/native/cpu).

use super::batch_norm_passes::{Coefficients, Lines, Place, blocks, gradient, scale, sums};
use crate::by_dtype::float_dtype;
use crate::launch::{Kernel, Launch, View};
use crate::number::Float;
use crate::threads::Split;

/// `(x - mean) / sqrt(variance + eps) * weight + bias`, by the sets' own statistics (the variance divided by the number of
/// elements) or by given ones.
///
/// `ins: [x, mean?, variance?, weight?, bias?]`: `x` is `[sets, lines, len]` with neighbouring elements in a line; statistics
/// are `[sets, 1]`; weight and bias `[sets, 1]`, or `[sets, lines]` where each line has its own. `outs: [y, mean, inverse
/// deviation, variance]` likewise, `y` laid out as `x`. `attrs: [eps: f64, given: bool, weight: bool, bias: bool]`, which say
/// what there is.
pub const BATCH_NORM: Kernel =
    Kernel::new("batch_norm", |l| float_dtype!(l.ins[0].dtype, T => forward::<T, { blocks::<T>() }>(l)))
        .with_split(|l| split(l, 600));

/// The gradients of `BATCH_NORM` for weight, bias and `x`.
///
/// `ins: [g, x, mean, inverse deviation, weight?]`, `outs: [dweight, dbias, dx?]` (both of the weight's shape), shapes as in
/// `BATCH_NORM`. `attrs: [given: bool, sums: bool]`: whether the statistics were given, and so do not depend on `x`; then
/// `sums` tells whether anybody wants `dweight` and `dbias`.
pub const BATCH_NORM_BACKWARD: Kernel =
    Kernel::new("batch_norm_backward", |l| float_dtype!(l.ins[0].dtype, T => backward::<T, { blocks::<T>() }>(l)))
        .with_split(|l| split(l, 900));

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

/// A number for each lane; that of a single one stands everywhere.
type Numbers<const W: usize> = [f64; W];

impl Tile {
    #[inline(never)]
    fn read<T: Float, const W: usize>(&self, v: Option<&View>, otherwise: f64) -> Numbers<W> {
        let mut all = [otherwise; W];
        let Some(v) = v else { return all };
        let at = self.place::<T>(v).first;
        for (k, to) in all[..self.lanes].iter_mut().enumerate() {
            *to = unsafe { *at.wrapping_offset(k as isize * v.strides[self.along]) }.to_f64();
        }
        self.spread(all)
    }

    #[inline(never)]
    fn write<T: Float, const W: usize>(&self, v: &View, values: &Numbers<W>) {
        let at = self.place::<T>(v).first;
        for (k, x) in values[..self.lanes].iter().enumerate() {
            unsafe { *at.wrapping_offset(k as isize * v.strides[self.along]) = T::of(*x) };
        }
    }

    fn spread<const W: usize>(&self, numbers: Numbers<W>) -> Numbers<W> {
        if self.lanes == 1 { [numbers[0]; W] } else { numbers }
    }

    /// What the places of a block sum up to.
    #[inline(never)]
    fn total<const W: usize>(&self, places: Numbers<W>) -> Numbers<W> {
        if self.lines.apart { self.spread(places) } else { [places.iter().sum(); W] }
    }

    /// The tile's elements in an operand.
    fn place<T: Float>(&self, v: &View) -> Place<T> {
        let [set, line] = [0, 1].map(|d| self.from[d] as isize * v.strides[d]);
        Place { first: v.ptr.cast::<T>().wrapping_offset(set + line), step: v.strides[1] }
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

#[inline(never)]
fn lanes<T: Float, const W: usize>(numbers: &Numbers<W>) -> [T; W] {
    numbers.map(T::of)
}

/// Calls `f` for every tile. `x` decides whether sets go side by side, by what cutting it does not change.
#[inline(never)]
fn tiles(width: usize, x: &View, affine: usize, f: &mut dyn FnMut(Tile)) {
    let [sets, count, len] = [x.shape[0], x.shape[1], x.shape[2]];
    let apart = len == 1 && affine == 1 && x.strides[0] == 1;
    let most = if apart { width } else { 1 };
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
#[inline(never)]
fn moments<T: Float, const W: usize>(tile: &Tile, x: Place<T>) -> [[f64; W]; 2] {
    let Lines { mut count, mut len, apart } = tile.lines;
    let n = (if apart { count } else { count * len }) as f64;
    if !apart && x.step == len as isize {
        (count, len) = (1, count * len);
    }
    let lines = Lines { count, len, apart };
    let enough = if apart { 16 } else { 16usize.div_ceil(len.max(1)) };
    let few = Lines { count: count.min(enough), len: len.min(GUESS), apart };
    let counted = (if apart { few.count } else { few.count * few.len }) as f64;
    let [total, _] = unsafe { sums(x, None, few, &[T::ZERO; W]) };
    let mut guess: [T; W] = lanes(&tile.total(total).map(|total| total / counted));
    let (mut mean, mut variance, mut far) = ([0.0; W], [0.0; W], [true; W]);
    // A set that is constant may need the third, whose guess is exact.
    for _ in 0..3 {
        let [distance, square] = unsafe { sums(x, None, lines, &guess) }.map(|sums| tile.total(sums));
        for k in 0..tile.lanes {
            // A set that is done stays as it is, whatever lies beside it.
            if far[k] {
                let d = distance[k] / n;
                let v = square[k] / n - d * d;
                (mean[k], variance[k]) = (guess[k].to_f64() + d, if v < 0.0 { 0.0 } else { v });
                far[k] = d * d > 4.0 * variance[k];
            }
        }
        if !far[..tile.lanes].contains(&true) {
            break;
        }
        guess = lanes(&tile.spread(mean));
    }
    [mean, variance].map(|numbers| tile.spread(numbers))
}

fn forward<T: Float, const W: usize>(l: &Launch) {
    let (x, y) = (&l.ins[0], &l.outs[0]);
    let (eps, given, weighted, biased) = (l.attrs[0].f(), l.attrs[1].b(), l.attrs[2].b(), l.attrs[3].b());
    let (statistics, params) = l.ins[1..].split_at(if given { 2 } else { 0 });
    let (weight, bias) = (params.first().filter(|_| weighted), params.last().filter(|_| biased));
    let affine = params.first().map_or(1, |p| p.shape[1]);
    tiles(W, x, affine, &mut |tile| {
        let [mean, variance] = if given {
            [0, 1].map(|k| tile.read::<T, W>(statistics.get(k), 0.0))
        } else {
            moments::<T, W>(&tile, tile.place(x))
        };
        let mut factor = [0.0; W];
        for k in 0..tile.lanes {
            factor[k] = T::of(1.0 / (variance[k] + eps).sqrt()).to_f64();
        }
        factor = tile.spread(factor);
        for (out, values) in l.outs[1..].iter().zip([&mean, &factor, &variance]) {
            tile.write::<T, W>(out, values);
        }
        tile.parts(W, x, affine, &mut |part| {
            let (mut a, mut b) = (part.read::<T, W>(weight, 1.0), part.read::<T, W>(bias, 0.0));
            for k in 0..W {
                a[k] = T::of(a[k] * factor[k]).to_f64();
                b[k] -= mean[k] * a[k];
            }
            unsafe { scale::<T, W>(part.place(x), part.place(y), part.lines, &lanes(&a), &lanes(&b)) };
        });
    });
}

fn backward<T: Float, const W: usize>(l: &Launch) {
    let (g, x, dweight, dbias, dx) = (&l.ins[0], &l.ins[1], &l.outs[0], &l.outs[1], l.outs.get(2));
    let (given, wanted) = (l.attrs[0].b(), l.attrs[1].b());
    let affine = dweight.shape[1];
    let n = (x.shape[1] * x.shape[2]) as f64;
    tiles(W, x, affine, &mut |tile| {
        let [mean, factor] = [2, 3].map(|k| tile.read::<T, W>(l.ins.get(k), 0.0));
        let center: [T; W] = lanes(&mean);
        // Sums of h = g * weight, and of h * (x - mean), over the set.
        let (mut sum, mut dot) = ([0.0; W], [0.0; W]);
        if wanted || !given {
            tile.parts(W, x, affine, &mut |part| {
                let [of_g, mut of_gd] = unsafe { sums(part.place(x), Some(part.place(g)), part.lines, &center) }
                    .map(|sums| part.total(sums));
                let weight = part.read::<T, W>(l.ins.get(4), 1.0);
                for k in 0..part.lanes {
                    let set = if part.along == 0 { k } else { 0 };
                    sum[set] += of_g[k] * weight[k];
                    dot[set] += of_gd[k] * weight[k];
                    of_gd[k] *= factor[k];
                }
                part.write::<T, W>(dbias, &of_g);
                part.write::<T, W>(dweight, &of_gd);
            });
        }
        let Some(dx) = dx else { return };
        for k in 0..tile.lanes {
            sum[k] *= factor[k] / n;
            dot[k] *= factor[k] * factor[k] * factor[k] / n;
        }
        let [b, c] = [sum, dot].map(|numbers| lanes(&tile.spread(numbers)));
        tile.parts(W, x, affine, &mut |part| {
            let mut a = part.read::<T, W>(l.ins.get(4), 1.0);
            a.iter_mut().zip(&factor).for_each(|(a, factor)| *a *= factor);
            let by = Coefficients { a: lanes(&a), b, c, mean: center };
            unsafe {
                if given {
                    // Minus zero is what changes nothing that it is added to.
                    scale(part.place(g), part.place(dx), part.lines, &by.a, &[T::of(-0.0); W]);
                } else {
                    gradient(part.place(g), part.place(x), part.place(dx), part.lines, &by);
                }
            }
        });
    });
}
