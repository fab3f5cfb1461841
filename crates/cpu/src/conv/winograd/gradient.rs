//! The gradient of the taps: `G^T (sum over tiles of (A dy A^T) * (B^T x B)) G`, the transpose of the forward pass.
//!
//! At each point the sum over tiles is a matrix product, (outputs x tiles) @ (tiles x inputs), block after block of tiles.
//! Panels have channels next to each other, and a transform gives four tiles of one channel: so four channels are
//! transformed, and transposed on their way into the panels.

use std::mem::MaybeUninit;

use super::tiles::{Place, Places};
use super::transforms::*;
use super::{GAP, LEAST_CHANNELS, input_tiles};
use crate::conv::geometry::{Bump, Geometry};
use crate::conv::problem::is_plain;
use crate::gemm::num::Num;
use crate::gemm::pack::spread;
use crate::gemm::tile::{Dest, Tile, Tiled};
use crate::{Launch, View};
use cresset_lane::simd::F32x4;

/// Elements that the transforms of a block of tiles may take (tests want several blocks).
const BLOCK: usize = if cfg!(test) { 0 } else { 160 << 10 };

/// The gradient of 3x3 taps with stride 1.
pub struct Gradient<'a> {
    g: Geometry,
    x: &'a View<'a>,
    dy: &'a View<'a>,
    dw: &'a View<'a>,
    /// Where `x` and `dy` have their tiles: at the same places of their bands.
    places: [Places; 2],
    /// `POINTS`, see `both`.
    points: usize,
}

impl<'a> Gradient<'a> {
    /// If this is the way to compute it.
    pub fn new(g: &Geometry, launch: &'a Launch) -> Option<Gradient<'a>> {
        let (x, dy, dw) = (&launch.ins[0], &launch.ins[1], &launch.outs[0]);
        if !is_plain(g, dw.dtype) || g.ci.min(g.co) < LEAST_CHANNELS {
            return None;
        }
        let (output, input) = ([g.output[1], g.output[2]], [g.input[1], g.input[2]]);
        let places =
            [Places::new(input, output, [1, 2].map(|d| -(g.padding[d] as isize))), Places::new(output, output, [0; 2])];
        let (tiles, pixels) = (g.images * places[0].count(), g.images * g.pixels());
        // In multiplications for a pair of the least channels, as in `pays`: those at the points, the transforms of tiles, and that
        // of the sums.
        let transforms = 2 * 350 / LEAST_CHANNELS;
        let pays = tiles * (PRODUCTS + transforms) + 400 < 9 * pixels * 4 / 5;
        pays.then_some(Gradient { g: *g, x, dy, dw, places, points: g.kernel[1] + TILE - 1 })
    }

    /// Bytes of scratch.
    pub fn scratch(&self) -> usize {
        let mut memory = Bump::new(std::ptr::null_mut());
        Plan::new(self, &mut memory);
        memory.used()
    }

    /// Computes it; false if an element is not finite, which the direct way may know better.
    ///
    /// # Safety
    /// `scratch` has room for so many bytes, and the views are what they say.
    pub unsafe fn run(&self, scratch: *mut u8) -> bool {
        let Gradient { g, points, .. } = self;
        let plan = Plan::new(self, &mut Bump::new(scratch));
        let all = g.images * self.places[0].count();
        let mut finite = true;
        for group in 0..g.groups {
            for first in (0..all).step_by(plan.block) {
                let count = plan.block.min(all - first);
                let room = count.next_multiple_of(4);
                unsafe {
                    let [x, dy] = self.places.map(|places| places.block(first, count, room, plan.tiles));
                    let sides = [(self.x, x, g.ci, &plan.right), (self.dy, dy, g.co, &plan.left)];
                    for (side, (view, band, channels, panels)) in sides.into_iter().enumerate() {
                        let transform = if side == 0 { input_tiles } else { output_tiles };
                        for from in 0..4 {
                            band.clear(plan.bands.add(from * plan.band));
                        }
                        for c in (0..channels).step_by(4) {
                            let exist = 4.min(channels - c);
                            for i in 0..exist {
                                band.fill(view, group * channels + c + i, plan.bands.add(i * plan.band));
                            }
                            for t in (0..room).step_by(4) {
                                let mut stash = MaybeUninit::<[[F32x4; 4]; PRODUCTS]>::uninit();
                                let to: *mut f32 = stash.as_mut_ptr().cast();
                                for i in 0..4 {
                                    // Channels that do not exist give numbers that nobody reads.
                                    let channel = plan.bands.add(i.min(exist - 1) * plan.band);
                                    let from = std::array::from_fn(|i| {
                                        channel.add((*plan.tiles.add(t + i)).from).cast_const()
                                    });
                                    transform(from, band.width, to.add(i * 4), 16, *points);
                                }
                                panels.store(&*stash.as_ptr(), c, t);
                            }
                        }
                    }
                    plan.products(count, first > 0);
                }
            }
            finite &= unsafe { self.taps(&plan, group) };
        }
        finite
    }

    /// Transforms the sums of a group into the gradient; whether all of it is finite.
    unsafe fn taps(&self, plan: &Plan, group: usize) -> bool {
        let (g, dw) = (&self.g, self.dw);
        let mut sum = F32x4::splat(0.0);
        for co in 0..g.co {
            let to = dw.as_ptr::<f32>().wrapping_offset((group * g.co + co) as isize * dw.strides[0]);
            for ci in (0..g.ci).step_by(4) {
                // The last four overlap those before.
                let ci = ci.min(g.ci - 4);
                let to = to.wrapping_offset(ci as isize * dw.strides[1]);
                let mut from = unsafe { plan.sums.add(co * plan.columns() + ci).cast_const() };
                let column = |_: usize| -> [F32x4; POINTS] {
                    std::array::from_fn(|_| {
                        let v = unsafe { F32x4::load(from.cast()) };
                        from = from.wrapping_add(plan.point());
                        v
                    })
                };
                both((self.points, self.points - TAPS), column, taps_transposed, |r, row| {
                    for (c, v) in row.into_iter().enumerate() {
                        sum += v;
                        let to = to.wrapping_offset(r as isize * dw.strides[3] + c as isize * dw.strides[4]);
                        for (i, &v) in v.to_array().iter().enumerate() {
                            unsafe { *to.wrapping_offset(i as isize * dw.strides[1]) = v };
                        }
                    }
                });
            }
        }
        sum.to_array().iter().all(|v| v.is_finite())
    }
}

/// Transforms four tiles of outputs; the results of the points go `to_point` apart.
unsafe fn output_tiles(from: [*const f32; 4], width: usize, mut to: *mut f32, to_point: usize, points: usize) {
    let row = |r: usize| transposed(from.map(|p| unsafe { F32x4::load(p.add(r * width).cast()) }));
    both((points - 2, points), row, outputs_transposed, |_, column| {
        for v in column {
            unsafe { v.store(to.cast()) };
            to = to.wrapping_add(to_point);
        }
    });
}

/// Panels of one operand for all points: point, panel, tile, channel of the panel.
struct Panels {
    to: *mut f32,
    /// Channels of a panel, and elements of one.
    width: usize,
    panel: usize,
    /// From a point to the next.
    point: usize,
}

impl Panels {
    fn new(channels: usize, width: usize, block: usize, memory: &mut Bump) -> Panels {
        // Four channels at a time may go beyond the last panel.
        let panels = channels.next_multiple_of(4).div_ceil(width);
        let (panel, point) = (block * width, panels * block * width + GAP);
        Panels { to: memory.take(PRODUCTS * point), width, panel, point }
    }

    /// Writes four tiles from `tile` on of four channels from `channel` on: `[point][channel]`, tiles in the registers.
    unsafe fn store(&self, stash: &[[F32x4; 4]; PRODUCTS], channel: usize, tile: usize) {
        let at = |c: usize| c / self.width * self.panel + tile * self.width + c % self.width;
        let together = channel % self.width + 4 <= self.width;
        let [mut low, mut high] = [self.to.wrapping_add(at(channel)), self.to.wrapping_add(at(channel + 2))];
        for point in stash {
            for (i, v) in transposed(*point).into_iter().enumerate() {
                let step = i * self.width;
                unsafe {
                    if together {
                        v.store(low.add(step).cast());
                    } else {
                        let [a, b, c, d] = v.to_array();
                        low.add(step).cast::<[f32; 2]>().write_unaligned([a, b]);
                        high.add(step).cast::<[f32; 2]>().write_unaligned([c, d]);
                    }
                }
            }
            (low, high) = (low.wrapping_add(self.point), high.wrapping_add(self.point));
        }
    }
}

/// A launch's scratch, and how its tiles go by.
struct Plan {
    tile: Tile<f32>,
    /// Tiles in a block.
    block: usize,
    /// Elements of a band, and four of them.
    band: usize,
    bands: *mut f32,
    /// The block's tiles.
    tiles: *mut Place,
    left: Panels,
    right: Panels,
    /// Sums of products: point, output channel, input channel; as whole panels.
    sums: *mut f32,
    sizes: [usize; 2],
    /// A panel of the left side spread out, as micro-kernels read it.
    spread: *mut f32,
}

impl Plan {
    fn new(gradient: &Gradient, memory: &mut Bump) -> Plan {
        let (g, tile) = (&gradient.g, f32::tile());
        let all = (g.images * gradient.places[0].count()).max(1);
        let most = (BLOCK / (PRODUCTS * (g.ci + g.co))).clamp(16, 256);
        let block = all.div_ceil(all.div_ceil(most)).next_multiple_of(4);
        let band = gradient.places[0].band(block) + 4;
        let sizes = [g.co.next_multiple_of(tile.mr), g.ci.next_multiple_of(tile.nr)];
        Plan {
            tile,
            block,
            band,
            bands: memory.take(4 * band),
            tiles: memory.take(block),
            left: Panels::new(g.co, tile.mr, block, memory),
            right: Panels::new(g.ci, tile.nr, block, memory),
            sums: memory.take(PRODUCTS * (sizes[0] * sizes[1] + GAP)),
            sizes,
            spread: memory.take(tile.mr * f32::LANES * block),
        }
    }

    /// Input channels of a row of the sums.
    fn columns(&self) -> usize {
        self.sizes[1]
    }

    /// From the sums of a point to those of the next.
    fn point(&self) -> usize {
        self.sizes[0] * self.sizes[1] + GAP
    }

    /// The products of a block of `count` tiles, added to the sums of those `before`, if there were any.
    unsafe fn products(&self, count: usize, before: bool) {
        let Tile { mr, nr, run, .. } = self.tile;
        let [rows, columns] = self.sizes;
        for point in 0..PRODUCTS {
            for i in 0..rows / mr {
                let left = self.left.to.wrapping_add(point * self.left.point + i * self.left.panel);
                unsafe { spread(left, mr * count, self.spread) };
                for j in 0..columns / nr {
                    unsafe {
                        let c = self.sums.add(point * self.point() + i * mr * columns + j * nr);
                        let right = self.right.to.add(point * self.right.point + j * self.right.panel);
                        let init = if before { c.cast_const() } else { std::ptr::null() };
                        let row = columns as isize;
                        run(count, self.spread, right, &Dest { c, row, init, init_row: row, init_col: 1, rows: mr });
                    }
                }
            }
        }
    }
}
