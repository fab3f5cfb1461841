//! Winograd's convolution F(4x4, 3x3) in float32: 36 products where 16 outputs of 3x3 taps take 144.
//!
//! Tiles of 4 x 4 outputs read 6 x 6 inputs; both these and the taps are transformed (`transforms`), and at each of the 36
//! points the sum over channels is a matrix product: (outputs x channels) @ (channels x tiles). Tiles go by in blocks
//! whose transforms stay in the second cache. What it does to the error: docs/same-numbers.md and `tests`.
//!
//! A transform mixes the elements of a tile, so one infinity would spoil sixteen outputs that do not see it. An image with
//! an output that is not finite is therefore computed again, directly.

mod gradient;
#[cfg(test)]
mod tests;
mod tiles;
mod transforms;

pub use gradient::Gradient;

use super::geometry::Bump;
use super::problem::Problem;
use crate::gemm::num::Num;
use crate::gemm::pack::spread;
use crate::gemm::tile::{Dest, Tile, Tiled};
use crate::{Launch, View};
use cresset_lane::simd::F32x4;
use tiles::{Aside, Band, Place, Places, Rows};
use transforms::*;

/// Elements that the transforms of a block of tiles may take: less than half of a second cache of 1 MiB (tests want several
/// blocks).
const BLOCK: usize = if cfg!(test) { 0 } else { 96 << 10 };

/// Fewer channels than these do not repay the transforms.
pub const LEAST_CHANNELS: usize = 16;

/// Whether Winograd's way is the faster. Neither how many images there are matters nor how many channels beyond the least: an
/// output is the same in any batch, and on any number of threads, which take channels apart.
pub fn pays(problem: &Problem) -> bool {
    let Problem { ci, co, .. } = *problem;
    let output = [problem.y.shape[3], problem.y.shape[4]];
    let pixels = output[0] * output[1];
    let tiles = output[0].div_ceil(TILE) * output[1].div_ceil(TILE);
    // In multiplications for a pair of the least channels: those at the points, the transforms of tiles, and that of the taps.
    let transforms = 2 * 300 / LEAST_CHANNELS;
    ci.min(co) >= LEAST_CHANNELS && tiles * (PRODUCTS + transforms) + 320 < 9 * pixels * 4 / 5
}

fn places(problem: &Problem) -> Places {
    let of = |view: &View| [view.shape[3], view.shape[4]];
    Places::new(of(problem.x), of(problem.y), problem.padding)
}

/// A launch's scratch, and how its tiles go by.
struct Plan {
    tile: Tile<f32>,
    places: Places,
    /// `POINTS`, see `both`.
    points: usize,
    /// Tiles in a block: whole panels.
    block: usize,
    /// Output channels as whole panels.
    rows: usize,
    band: *mut f32,
    /// The block's tiles.
    tiles: *mut Place,
    /// Transformed taps: point, panel of output channels, input channel, output channel of the panel.
    weights: *mut f32,
    /// Transformed inputs: point, panel of tiles, channel, tile of the panel.
    inputs: *mut f32,
    /// Products: point, output channel, tile.
    products: *mut f32,
    /// A panel of the weights spread out, as micro-kernels read it.
    panel: *mut f32,
}

/// Points lie this many elements further apart than they need, or the cache would hold them all in one set.
const GAP: usize = 16;

impl Plan {
    fn new(problem: &Problem, memory: &mut Bump) -> Plan {
        let (tile, places) = (f32::tile(), places(problem));
        let rows = problem.co.next_multiple_of(tile.mr);
        let all = problem.images * places.count();
        let block = block(&tile, all, problem.ci + rows);
        Plan {
            tile,
            points: problem.taps + TILE - 1,
            block,
            rows,
            band: memory.take(places.band(block) + 4),
            tiles: memory.take(block),
            weights: memory.take(PRODUCTS * rows * problem.ci),
            inputs: memory.take(PRODUCTS * (block * problem.ci + GAP)),
            products: memory.take(PRODUCTS * (block * rows + GAP)),
            panel: memory.take(tile.mr * f32::LANES * problem.ci),
            places,
        }
    }
}

/// Tiles in a block whose transforms take `channels` elements each and point.
fn block(tile: &Tile<f32>, all: usize, channels: usize) -> usize {
    let most = (BLOCK / (PRODUCTS * channels)).clamp(2 * tile.nr, 128);
    all.div_ceil(all.div_ceil(most).max(1)).next_multiple_of(tile.nr).max(tile.nr)
}

/// Scratch of `run`, where the direct way takes `direct` bytes.
pub fn scratch_bytes(problem: &Problem, direct: usize) -> usize {
    let mut memory = Bump::new(std::ptr::null_mut());
    Plan::new(problem, &mut memory);
    spoilt_bytes(problem) + memory.used().max(direct)
}

/// At the beginning of the scratch: which images are not finite.
fn spoilt_bytes(problem: &Problem) -> usize {
    problem.images.next_multiple_of(64)
}

/// Computes the convolution; `directly` does so for launches of one image.
pub unsafe fn run(problem: &Problem, launch: &Launch, directly: impl Fn(&Launch)) {
    let (spoilt, scratch) = (launch.scratch.cast::<bool>(), launch.scratch.wrapping_add(spoilt_bytes(problem)));
    let plan = Plan::new(problem, &mut Bump::new(scratch));
    let all = problem.images * plan.places.count();
    unsafe {
        spoilt.write_bytes(0, problem.images);
        for group in 0..problem.groups {
            weights(problem, &plan, group);
            for first in (0..all).step_by(plan.block) {
                let count = plan.block.min(all - first);
                let panels = count.next_multiple_of(plan.tile.nr);
                let band = plan.places.block(first, count, panels, plan.tiles);
                inputs(problem.x, group, problem.ci, &plan, &band);
                products(&plan, problem.ci, panels);
                outputs_of(problem, &plan, group, count, spoilt);
            }
        }
        for image in (0..problem.images).filter(|&image| *spoilt.add(image)) {
            let (x, y) = (one_image(problem.x, image), one_image(problem.y, image));
            let (x, y) = (View { shape: &x.1, ..x.0 }, View { shape: &y.1, ..y.0 });
            let ins = [x, launch.ins[1], *launch.ins.get(2).unwrap_or(&x)];
            directly(&Launch { ins: &ins[..launch.ins.len()], outs: &[y], scratch, ..*launch });
        }
    }
}

/// A view of one image, and its shape.
fn one_image<'a>(view: &View<'a>, image: usize) -> (View<'a>, [usize; 5]) {
    let ptr = view.as_ptr::<f32>().wrapping_offset(image as isize * view.strides[0]);
    let mut shape = [1; 5];
    shape[1..].copy_from_slice(&view.shape[1..]);
    (View { ptr: ptr.cast(), ..*view }, shape)
}

/// Transforms the taps of a group, four output channels of a panel at a time (the last four may overlap others).
unsafe fn weights(problem: &Problem, plan: &Plan, group: usize) {
    let (mr, ci) = (plan.tile.mr, problem.ci);
    let [co_step, ci_step] = problem.w_channels;
    let from = problem.w.wrapping_offset(group as isize * problem.w_group);
    for panel in (0..plan.rows).step_by(mr) {
        for r in (0..mr).step_by(4) {
            let r = r.min(mr.saturating_sub(4));
            let exist = problem.co.saturating_sub(panel + r).min(4);
            for c in 0..ci {
                let from = from.wrapping_offset((panel + r) as isize * co_step + c as isize * ci_step);
                unsafe {
                    let to = plan.weights.add((panel * ci) + c * mr + r);
                    filters(from, co_step, problem.w_taps, exist, to, mr.min(4), plan.rows * ci, plan.points);
                }
            }
        }
    }
}

/// Transforms the taps of `exist` channels, `step` apart, to `width` of four (those that do not exist are zero); the results
/// of the points go `to_point` apart.
unsafe fn filters(
    from: *const f32,
    step: isize,
    taps_step: [isize; 2],
    exist: usize,
    to: *mut f32,
    width: usize,
    to_point: usize,
    points: usize,
) {
    let row = |r: usize| -> [F32x4; TAPS] {
        std::array::from_fn(|c| {
            let at = from.wrapping_offset(r as isize * taps_step[0] + c as isize * taps_step[1]);
            let lane = |i: usize| if i < exist { unsafe { *at.wrapping_offset(i as isize * step) } } else { 0.0 };
            F32x4::new([lane(0), lane(1), lane(2), lane(3)])
        })
    };
    both((TAPS, points), row, taps, |c, column| {
        for (r, v) in column.iter().enumerate() {
            unsafe {
                let to = to.add((c * POINTS + r) * to_point);
                if width == 4 {
                    v.store(to.cast());
                } else {
                    to.copy_from_nonoverlapping(v.to_array().as_ptr(), width);
                }
            }
        }
    });
}

/// Transforms a block's inputs, channel by channel.
unsafe fn inputs(x: &View, group: usize, channels: usize, plan: &Plan, band: &Band) {
    let nr = plan.tile.nr;
    let point = plan.block * channels + GAP;
    unsafe { band.clear(plan.band) };
    for c in 0..channels {
        unsafe {
            band.fill(x, group * channels + c, plan.band);
            for t in (0..band.tiles).step_by(4) {
                let from: [*const f32; 4] =
                    std::array::from_fn(|i| plan.band.add((*plan.tiles.add(t + i)).from).cast_const());
                let to = plan.inputs.add((t / nr * channels + c) * nr + t % nr);
                input_tiles(from, band.width, to, point, plan.points);
            }
        }
    }
}

/// Transforms the inputs of four tiles; the results of the points go `to_point` apart.
unsafe fn input_tiles(from: [*const f32; 4], width: usize, mut to: *mut f32, to_point: usize, points: usize) {
    let neighbours = (1..4).all(|i| from[i] == from[0].wrapping_add(i * TILE));
    let row = |r: usize| {
        let load = |p: *const f32, at: usize| unsafe { F32x4::load(p.add(r * width + at).cast()) };
        let [a, b, c, d] = transposed(from.map(|p| load(p, 0)));
        let [e, f] = if neighbours {
            // Columns 4 and 5 of a tile are 0 and 1 of the next.
            [a.next(load(from[3], 4)), b.next(load(from[3], 5))]
        } else {
            last_columns(from.map(|p| load(p, 2)))
        };
        [a, b, c, d, e, f]
    };
    both((points, points), row, transforms::inputs, |_, column| {
        for v in column {
            unsafe { v.store(to.cast()) };
            to = to.wrapping_add(to_point);
        }
    });
}

/// The matrix products of a block.
unsafe fn products(plan: &Plan, ci: usize, tiles: usize) {
    let (Tile { mr, nr, run }, rows) = (plan.tile, plan.rows);
    for point in 0..PRODUCTS {
        unsafe {
            let weights = plan.weights.add(point * rows * ci);
            let inputs = plan.inputs.add(point * (plan.block * ci + GAP));
            let to = plan.products.add(point * (plan.block * rows + GAP));
            for i in (0..rows).step_by(mr) {
                spread(weights.add(i * ci), mr * ci, plan.panel);
                for j in (0..tiles).step_by(nr) {
                    let c = to.add(i * plan.block + j);
                    let to = Dest { c, row: plan.block as isize, init: std::ptr::null(), init_row: 0, init_col: 0 };
                    run(ci, plan.panel, inputs.add(j * ci), &to);
                }
            }
        }
    }
}

/// Transforms a block's products into outputs.
unsafe fn outputs_of(problem: &Problem, plan: &Plan, group: usize, count: usize, spoilt: *mut bool) {
    let y = problem.y;
    let strides = [y.strides[3], y.strides[4]];
    let point = plan.block * plan.rows + GAP;
    for c in 0..problem.co {
        let channel = (group * problem.co + c) as isize;
        let to: *mut f32 = y.as_ptr::<f32>().wrapping_offset(channel * y.strides[1]);
        let bias = problem.bias.map_or(0.0, |b| unsafe { *b.as_ptr::<f32>().wrapping_offset(channel * b.strides[0]) });
        for t in (0..count).step_by(4) {
            unsafe {
                let from = plan.products.add(c * plan.block + t);
                let places = plan.tiles.add(t).cast::<[Place; 4]>();
                let mut aside = Aside::new();
                let rows = aside.rows(&*places, count - t, to, y.strides[0], strides);
                let sum = output_tiles(from, point, plan.points, bias, &rows);
                aside.write(&*places, count - t, to, y.strides[0], strides);
                let spoils = !sum.absolute().lt(F32x4::splat(f32::INFINITY));
                if spoils.any() {
                    for (i, &spoils) in spoils.to_array()[..4.min(count - t)].iter().enumerate() {
                        *spoilt.add((*places)[i].image) |= spoils != 0;
                    }
                }
            }
        }
    }
}

/// Transforms the products of four tiles and writes their rows. Returns each tile's sum, which is finite only if all its
/// outputs are.
unsafe fn output_tiles(mut from: *const f32, point: usize, points: usize, bias: f32, to: &Rows) -> F32x4 {
    // Columns first: what comes out last are rows.
    let column = |_: usize| -> [F32x4; POINTS] {
        std::array::from_fn(|_| {
            let v = unsafe { F32x4::load(from.cast()) };
            from = from.wrapping_add(point);
            v
        })
    };
    let mut sum = F32x4::splat(0.0);
    both((points, points - 2), column, outputs, |r, row| {
        let row = row.map(|v| v + F32x4::splat(bias));
        sum = sum + (row[0] + row[1]) + (row[2] + row[3]);
        for (tile, row) in to.iter().zip(transposed(row)) {
            unsafe { row.store(tile.0.wrapping_offset(r as isize * tile.1).cast()) };
        }
    });
    sum
}
