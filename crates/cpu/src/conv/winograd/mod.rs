//! Winograd's convolution F(4x4, 3x3) in float32: 36 products where 16 outputs of 3x3 taps take 144.
//!
//! Tiles of 4 x 4 outputs read 6 x 6 inputs; both these and the taps are transformed (`transforms`), and at each of the 36
//! points the sum over channels is a matrix product: (outputs x channels) @ (channels x tiles). Tiles go by in blocks
//! whose transforms stay in the second cache. What it does to the error: docs/same-numbers.md and `tests`.
//!
//! A transform mixes the elements of a tile, so one infinity would spoil sixteen outputs that do not see it. A row of tiles
//! with an output that is not finite is therefore computed again, directly.

mod gradient;
#[cfg(test)]
mod tests;
mod tiles;
mod transforms;

pub use gradient::Gradient;
pub use transforms::TILE;

use std::ops::Range;

use super::forward::{self, Weights};
use super::geometry::{Bump, Geometry};
use super::problem::Problem;
use crate::gemm::num::Num;
use crate::gemm::pack::spread;
use crate::gemm::tile::{Dest, Tile, Tiled};
use crate::{Prepared, View};
use cresset_lane::simd::F32x4;
use tiles::{Aside, Band, Place, Places, Rows};
use transforms::*;

/// Elements that the transforms of a block of tiles may take: less than half of a second cache of 1 MiB (tests want several
/// blocks).
const BLOCK: usize = if cfg!(test) { 0 } else { 96 << 10 };

/// Fewer channels than these do not repay the transforms.
pub const LEAST_CHANNELS: usize = 16;

/// Whether Winograd's way is the faster. Neither how many images there are matters nor how many outputs' channels beyond the least, nor
/// which part of the output is computed: an output is the same in any batch and on any number of threads.
pub fn pays(problem: &Problem) -> bool {
    let output = problem.whole();
    let pixels = output[0] * output[1];
    let tiles = output[0].div_ceil(TILE) * output[1].div_ceil(TILE);
    // In multiplications for a pair of channels: those at the points, the transforms of tiles (of outputs shared by what is summed
    // over, of inputs by as many outputs as there are at least), and that of the taps. Several images share it, or calls that find it
    // kept; but with many channels it is so large that one image alone would take twice as long.
    let transforms = 300 / problem.g.ci.max(1) + 300 / LEAST_CHANNELS;
    let taps = if problem.g.ci <= 128 { 80 } else { 320 };
    problem.g.ci.min(problem.g.co) >= LEAST_CHANNELS && tiles * (PRODUCTS + transforms) + taps < 9 * pixels * 4 / 5
}

fn places(g: &Geometry) -> Places {
    let [_, h, w] = g.start();
    Places::new([g.input[1], g.input[2]], [g.output[1], g.output[2]], [h, w])
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
        let (tile, g, places) = (f32::tile(), &problem.g, places(&problem.g));
        let [rows, points] = padded(g);
        let all = g.images * places.count();
        let block = block(&tile, all, g.ci + rows);
        Plan {
            tile,
            points,
            block,
            rows,
            band: memory.take(places.band(block) + 4),
            tiles: memory.take(block),
            weights: memory.take(PRODUCTS * rows * g.ci),
            inputs: memory.take(PRODUCTS * (block * g.ci + GAP)),
            products: memory.take(PRODUCTS * (block * rows + GAP)),
            panel: memory.take(tile.mr * f32::LANES * g.ci),
            places,
        }
    }
}

/// Tiles in a block whose transforms take `channels` elements each and point.
fn block(tile: &Tile<f32>, all: usize, channels: usize) -> usize {
    let most = (BLOCK / (PRODUCTS * channels)).clamp(2 * tile.nr, 128);
    all.div_ceil(all.div_ceil(most).max(1)).next_multiple_of(tile.nr).max(tile.nr)
}

/// Scratch of `run`.
pub fn scratch_bytes(problem: &Problem) -> usize {
    let mut memory = Bump::new(std::ptr::null_mut());
    Plan::new(problem, &mut memory);
    let again = forward::scratch_bytes::<f32>(&problem.g, [problem.x, problem.y]);
    spoilt_bytes(&problem.g) + memory.used().max(again)
}

/// At the beginning of the scratch: which rows of tiles are not finite.
fn spoilt_bytes(g: &Geometry) -> usize {
    (g.images * places(g).rows()).next_multiple_of(64)
}

/// Names what is kept of the weights here.
fn way() -> usize {
    2 | f32::tile().mr << 8
}

/// Output channels as whole panels, and `POINTS` (see `both`).
fn padded(g: &Geometry) -> [usize; 2] {
    [g.co.next_multiple_of(f32::tile().mr), g.kernel[1] + TILE - 1]
}

/// What can be kept: the transformed weights.
pub fn prepared(problem: &Problem) -> Prepared {
    let g = &problem.g;
    problem.w.prepared(way(), g, PRODUCTS * padded(g)[0] * g.ci)
}

/// Makes it.
///
/// # Safety
/// `to` has the bytes that `prepared` says.
pub unsafe fn prepare(problem: &Problem, to: *mut u8) {
    let (g, sizes) = (&problem.g, padded(&problem.g));
    for group in 0..g.groups {
        unsafe { weights(problem, sizes, group, to.cast::<f32>().add(group * PRODUCTS * sizes[0] * g.ci)) };
    }
}

/// Computes the convolution.
///
/// # Safety
/// `scratch` has room for `scratch_bytes`, and the views are what they say.
pub unsafe fn run(problem: &Problem, scratch: *mut u8) {
    let g = &problem.g;
    let (spoilt, scratch) = (scratch.cast::<bool>(), scratch.wrapping_add(spoilt_bytes(g)));
    let plan = Plan::new(problem, &mut Bump::new(scratch));
    let all = g.images * plan.places.count();
    unsafe {
        spoilt.write_bytes(0, spoilt_bytes(g));
        for group in 0..g.groups {
            let len = PRODUCTS * plan.rows * g.ci;
            let weights = problem.w.ready(way(), group, len).unwrap_or_else(|| {
                weights(problem, padded(g), group, plan.weights);
                plan.weights.cast_const()
            });
            for first in (0..all).step_by(plan.block) {
                let count = plan.block.min(all - first);
                let panels = count.next_multiple_of(plan.tile.nr);
                let band = plan.places.block(first, count, panels, plan.tiles);
                inputs(problem.x, group, g.ci, &plan, &band);
                products(&plan, weights, g.ci, panels);
                outputs_of(problem, &plan, group, count, spoilt);
            }
        }
        for image in 0..g.images {
            let rows = std::slice::from_raw_parts(spoilt.add(image * plan.places.rows()), plan.places.rows());
            let mut row = 0;
            while row < rows.len() {
                let spoilt = rows[row..].iter().take_while(|&&spoilt| spoilt).count();
                if spoilt > 0 {
                    directly(problem, image, row * TILE..((row + spoilt) * TILE).min(g.output[1]), scratch);
                }
                row += spoilt + 1;
            }
        }
    }
}

/// Computes some rows of an image's outputs again.
unsafe fn directly(problem: &Problem, image: usize, rows: Range<usize>, scratch: *mut u8) {
    let Problem { g, x, y, w, bias } = problem;
    let mut part = Geometry { images: 1, ..*g };
    part.output[1] = rows.len();
    part.origin[1] += rows.start;
    let at = |view: &View, row: usize| {
        let offset = image as isize * view.strides[0] + row as isize * view.strides[3];
        view.as_ptr::<f32>().wrapping_offset(offset).cast()
    };
    let (x, y) = (View { ptr: at(x, 0), ..**x }, View { ptr: at(y, rows.start), ..**y });
    let w = Weights { ready: None, ..*w };
    unsafe { forward::run(&part, [&x, &y], &w, *bias, scratch) };
}

/// Transforms the taps of a group, four output channels of a panel at a time (the last four may overlap others).
unsafe fn weights(problem: &Problem, [rows, points]: [usize; 2], group: usize, to: *mut f32) {
    let (mr, ci) = (f32::tile().mr, problem.g.ci);
    let Weights { ptr, group: group_step, channels: [co_step, ci_step], taps: [_, h, w], .. } = problem.w;
    let from = ptr.wrapping_offset(group as isize * group_step);
    for panel in (0..rows).step_by(mr) {
        for r in (0..mr).step_by(4) {
            let r = r.min(mr.saturating_sub(4));
            let exist = problem.g.co.saturating_sub(panel + r).min(4);
            for c in 0..ci {
                let from = from.wrapping_offset((panel + r) as isize * co_step + c as isize * ci_step);
                unsafe {
                    let to = to.add((panel * ci) + c * mr + r);
                    filters(from, co_step, [h, w], exist, to, mr.min(4), rows * ci, points);
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
unsafe fn products(plan: &Plan, weights: *const f32, ci: usize, tiles: usize) {
    let (Tile { mr, nr, run, .. }, rows) = (plan.tile, plan.rows);
    for point in 0..PRODUCTS {
        unsafe {
            let weights = weights.add(point * rows * ci);
            let inputs = plan.inputs.add(point * (plan.block * ci + GAP));
            let to = plan.products.add(point * (plan.block * rows + GAP));
            for i in (0..rows).step_by(mr) {
                spread(weights.add(i * ci), mr * ci, plan.panel);
                for j in (0..tiles).step_by(nr) {
                    let c = to.add(i * plan.block + j);
                    let to = Dest {
                        c,
                        row: plan.block as isize,
                        init: std::ptr::null(),
                        init_row: 0,
                        init_col: 0,
                        rows: mr,
                    };
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
    for c in 0..problem.g.co {
        let channel = (group * problem.g.co + c) as isize;
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
                        *spoilt.add((*places)[i].row(plan.places.rows())) |= spoils != 0;
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
