//! Convolution whose patches are not even packed: neighbouring outputs of a row read neighbouring inputs for every tap, so the
//! micro-kernel takes its columns from the image, as far from the first one as a table says for every (channel, tap).
//!
//! That spares a copy of each input for every tap, which with few output channels is more work than the product. Where taps
//! step over columns (a stride), rows are dealt out into phases first, in which they are neighbours again. Elements are
//! summed in the order of `forward`, so that both give the same numbers.

use std::mem::MaybeUninit;

use cresset_lane::DType;

use super::forward::{Weights, bias_of, packed, weights_len};
use super::geometry::*;
use crate::View;
use crate::gemm::block::{Columns, Init, Output, aside, store, straight};
use crate::gemm::pack::spread;
use crate::gemm::tile::{MAX_TILE, Tile, Tiled, depth};

/// More output channels than these repay packing, unless neighbouring taps read the same lines of the cache: else a tile
/// touches so many of them, and so many pages, that the first cache does not hold them beside the panel of the weights.
const FEW: usize = 32;

/// Whether rows of the output fill a tile, and packing would not pay. Networks compute in float32: for other types this file would
/// only make the binary larger.
pub fn takes<T: Tiled>(g: &Geometry, x: &View, y: &View) -> bool {
    let shared = g.kernel[2] > 1 && g.stride[2] == 1;
    T::DTYPE == DType::F32 && (shared || g.co <= FEW) && simplified(g, x, y).0.output[2] >= T::tile().nr
}

/// The tile that leaves the fewest columns and rows empty. The wide one goes once through k: what it writes beyond a row that is
/// shorter than itself is written again with the next one, to which a second time would add.
pub fn tile<T: Tiled>(g: &Geometry, x: &View, y: &View) -> Tile<T> {
    let (g, k) = (simplified(g, x, y).0, g.ci * g.taps());
    let cost = |tile: &Tile<T>| g.co.next_multiple_of(tile.mr) * g.output[2].next_multiple_of(tile.nr);
    let usual = T::tile();
    match T::WIDE {
        Some(wide) if depth(k) == k && 10 * cost(&wide) < 9 * cost(&usual) => wide,
        _ => usual,
    }
}

/// The same convolution, and strides of x. One tap reads every stride-th input as if there were no others, and without a
/// stride the rows of an image are one long row, if they lie so.
fn simplified(g: &Geometry, x: &View, y: &View) -> (Geometry, [isize; 3]) {
    let (mut g, mut strides) = (*g, spatial(x));
    if g.kernel != [1; 3] || g.padding != [0; 3] {
        return (g, strides);
    }
    for d in 0..3 {
        g.input[d] = g.input[d].div_ceil(g.stride[d]);
        strides[d] *= g.stride[d] as isize;
        g.stride[d] = 1;
    }
    let ([_, rows, columns], width) = (g.output, g.input[2]);
    let follow = |s: [isize; 3]| s[1] == s[2] * width as isize;
    if columns == width && follow(strides) && follow(spatial(y)) {
        (g.input[2], g.output[2], g.origin[2]) = (g.input[1] * width, rows * width, g.origin[1] * width);
        (g.input[1], g.output[1], g.origin[1]) = (1, 1, 0);
    }
    (g, strides)
}

/// Where a channel's inputs are read: in the image, or in a copy with its padding.
struct Source {
    copied: bool,
    phases: usize,
    /// Depths and rows of the copy, and columns of a phase of it.
    sizes: [usize; 3],
    /// From a channel to the next; from a depth, row and column (of a phase) to the next.
    channel: isize,
    strides: [isize; 3],
}

impl Source {
    /// `beyond`: whether a tile reads more columns than a row has.
    fn new(g: &Geometry, channel: isize, strides: [isize; 3], beyond: bool) -> Source {
        let phases = g.stride[2];
        if !g.is_padded() && phases == 1 && strides[2] == 1 && !beyond {
            return Source { copied: false, phases, sizes: [0; 3], channel, strides };
        }
        let [depth, rows, columns] = g.reach();
        let sizes = [depth, rows, columns.div_ceil(phases)];
        let channel = (sizes.iter().product::<usize>() * phases) as isize;
        Source { copied: true, phases, sizes, channel, strides: row_major(sizes) }
    }

    /// Elements of a copy of so many channels.
    fn len(&self, channels: usize) -> usize {
        if self.copied { channels * self.channel as usize + MAX_TILE } else { 0 }
    }

    /// From an output's first input to that of a tap.
    fn tap(&self, g: &Geometry, index: [usize; 3]) -> isize {
        let mut at: [usize; 3] = std::array::from_fn(|d| index[d] * g.dilation[d]);
        let phase = at[2] % self.phases * self.sizes.iter().product::<usize>();
        at[2] /= self.phases;
        phase as isize + offset(at, [1; 3], self.strides)
    }

    /// The inputs of some channels of an image, of which `from` are the first.
    unsafe fn read<T: Tiled>(&self, g: &Geometry, from: &Planes<T>, to: *mut T) -> *const T {
        if !self.copied {
            return from.ptr.wrapping_offset(offset(g.origin, g.stride, self.strides));
        }
        unsafe {
            window(from, g.input, g.ci, g.reach(), g.start(), self.phases, to);
            // What a tile may read behind the last row.
            to.add(g.ci * self.channel as usize).write_bytes(0, MAX_TILE);
        }
        to
    }
}

/// A convolution's scratch.
struct Plan<T> {
    /// From an output's first input to each that it reads, in bytes.
    steps: *mut isize,
    /// The same for the weights, in elements, and their rows.
    w_steps: *mut isize,
    w_rows: *mut isize,
    weights: *mut T,
    image: *mut T,
    /// A panel of the weights, spread out.
    panel: *mut T,
}

fn plan<T: Tiled>(tile: &Tile<T>, g: &Geometry, source: &Source, memory: &mut Bump) -> Plan<T> {
    let k = g.ci * g.taps();
    Plan {
        steps: memory.take(k),
        w_steps: memory.take(k),
        w_rows: memory.take(g.co),
        weights: memory.take(weights_len(tile, g)),
        image: memory.take(source.len(g.ci)),
        panel: memory.take(depth(k) * tile.mr * T::LANES),
    }
}

pub fn scratch_bytes<T: Tiled>(g: &Geometry, x: &View, y: &View) -> usize {
    let tile = tile::<T>(g, x, y);
    let (g, strides) = simplified(g, x, y);
    let mut memory = Bump::new(std::ptr::null_mut());
    plan(&tile, &g, &Source::new(&g, x.strides[1], strides, g.output[2] < tile.nr), &mut memory);
    memory.used()
}

/// Computes y from x.
///
/// # Safety
/// `takes` says so, the views are what the geometry says, and `scratch` has room for `scratch_bytes`.
pub unsafe fn run<T: Tiled>(g: &Geometry, [x, y]: [&View; 2], w: &Weights<T>, bias: Option<&View>, scratch: *mut u8) {
    let tile = tile::<T>(g, x, y);
    let (g, strides) = &simplified(g, x, y);
    let source = Source::new(g, x.strides[1], *strides, g.output[2] < tile.nr);
    let plan = plan(&tile, g, &source, &mut Bump::new(scratch));
    let mut i = 0;
    for c in 0..g.ci as isize {
        each(g.kernel, |index| unsafe {
            *plan.steps.add(i) = (c * source.channel + source.tap(g, index)) * size_of::<T>() as isize;
            i += 1;
        });
    }
    for group in 0..g.groups {
        let weights = unsafe { packed(&tile, g, w, group, [plan.w_rows, plan.w_steps], plan.weights) };
        for image in 0..g.images {
            let to = Planes::<T>::of(y, image, group * g.co);
            let out = Output {
                ptr: to.ptr.cast_mut(),
                row: to.channel,
                cols: Columns::Even(to.strides[2]),
                alpha: T::from_i64(1),
                init: bias.map(|bias| (T::from_i64(1), bias_of(bias, group * g.co))),
            };
            unsafe {
                let planes = Planes { strides: *strides, ..Planes::of(x, image, group * g.ci) };
                let from = source.read(g, &planes, plan.image);
                products(&tile, g, &source, &plan, weights, from, &out, to.strides);
            }
        }
    }
}

/// The products of an image: panel after panel of the weights, with all rows of the output.
#[allow(clippy::too_many_arguments)]
unsafe fn products<T: Tiled>(
    tile: &Tile<T>,
    g: &Geometry,
    source: &Source,
    plan: &Plan<T>,
    weights: *const T,
    from: *const T,
    out: &Output<T>,
    to: [isize; 3],
) {
    let k = g.ci * g.taps();
    let (ks, padded) = (depth(k), g.co.next_multiple_of(tile.mr));
    let mut k0 = 0;
    loop {
        let count = ks.min(k - k0);
        // Later steps along k add to what the first ones left.
        let init = if k0 == 0 { out.init } else { Some((T::from_i64(1), Init::Own)) };
        for i in (0..g.co).step_by(tile.mr) {
            unsafe { spread(weights.add(k0 * padded + i * count), tile.mr * count, plan.panel) };
            let lines = Lines { tile, i, rows: tile.mr.min(g.co - i), k: count, panel: plan.panel };
            // A row that is shorter than a tile runs over into the next one, which is written after it, if there is one.
            let run_over = |h: usize| h + 1 < g.output[1] && to[1] == g.output[2] as isize && to[2] == 1;
            each([g.output[0], g.output[1], 1], |[d, h, _]| {
                let ptr = out.ptr.wrapping_offset(d as isize * to[0] + h as isize * to[1]);
                let at = offset([d, h, 0], [g.stride[0], g.stride[1], 0], source.strides);
                let steps = plan.steps.wrapping_add(k0);
                let out = Output { ptr, init, ..*out };
                unsafe { row(&lines, from.wrapping_offset(at), steps, g.output[2], run_over(h), &out) };
            });
        }
        k0 += count;
        if k0 >= k {
            return;
        }
    }
}

/// A panel of the weights: some output channels, from `i` on.
struct Lines<'a, T> {
    tile: &'a Tile<T>,
    i: usize,
    rows: usize,
    k: usize,
    panel: *const T,
}

/// A row of outputs of some channels.
#[inline(always)]
unsafe fn row<T: Tiled>(
    lines: &Lines<T>,
    from: *const T,
    steps: *const isize,
    width: usize,
    run_over: bool,
    out: &Output<T>,
) {
    let &Lines { tile, i, rows, k, panel } = lines;
    let mut j = 0;
    while j < width {
        // The last tile overlaps the one before, and writes what that wrote, unless it would add twice.
        let new = tile.nr.min(width - j);
        let at = (j + new).saturating_sub(tile.nr);
        let twice = new < tile.nr && out.adds_to_itself();
        let aside_only = twice || width < tile.nr && !run_over;
        unsafe {
            let columns = from.add(at);
            match if aside_only { None } else { straight(out, i, at, tile.nr, rows) } {
                Some(to) => (tile.run_at)(k, panel, columns, steps, &to),
                None => {
                    let mut buffer = MaybeUninit::<[T; MAX_TILE]>::uninit();
                    (tile.run_at)(k, panel, columns, steps, &aside(&mut buffer, tile.nr));
                    let (tile_at, first) = (buffer.as_ptr().cast::<T>(), j - at);
                    store(out, tile_at.add(first), tile.nr, i, j, rows, new);
                }
            }
        }
        j += new;
    }
}
