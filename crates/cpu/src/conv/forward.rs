//! Convolution as a product without im2col: where rows of the output are long enough `rows` computes it; else the patches
//! are packed straight into the panels of B.
//!
//! `y[co, pixel] = sum over (ci, tap) of w[co, (ci, tap)] * x[start(pixel) + step(ci, tap)]`: where an element of the
//! patch matrix lies is a sum of two table entries, so that stride, dilation and any memory layout cost nothing more.
//! Only a padded input is copied (one image at a time), so that no bounds are tested inside.

use super::geometry::*;
use super::rows;
use crate::gemm::block::{Columns, Init, Left, Mat, Output, Right, Size, blocked, pack_all, packed_len, scratch};
use crate::gemm::pack::Tables;
use crate::gemm::tile::{Tile, Tiled};
use crate::{Launch, Prepared, Ready, View};

/// Names what is kept of the weights here, in panels of a tile.
fn way<T>(tile: &Tile<T>) -> usize {
    1 | tile.mr << 8
}

/// The tile that computes it.
fn tile<T: Tiled>(g: &Geometry, [x, y]: [&View; 2]) -> Tile<T> {
    if rows::takes::<T>(g, x, y) { rows::tile(g, x, y) } else { T::tile() }
}

/// A convolution's scratch.
struct Plan<T> {
    /// Start of each pixel's patch, and its place in the output.
    starts: *mut isize,
    places: *mut isize,
    /// From a patch's start to each of its elements.
    steps: *mut isize,
    /// The same for the weights: rows and elements.
    w_rows: *mut isize,
    w_steps: *mut isize,
    weights: *mut T,
    padded: *mut T,
    work: *mut T,
}

fn size(g: &Geometry) -> Size {
    Size { m: g.co, n: g.pixels(), k: g.ci * g.taps() }
}

fn plan<T: Tiled>(g: &Geometry, memory: &mut Bump) -> Plan<T> {
    let (tile, size) = (T::tile(), size(g));
    let image = if g.is_padded() { g.ci * g.reach().iter().product::<usize>() } else { 0 };
    Plan {
        starts: memory.take(size.n),
        places: memory.take(size.n),
        steps: memory.take(size.k),
        w_rows: memory.take(size.m),
        w_steps: memory.take(size.k),
        weights: memory.take(weights_len(&tile, g)),
        padded: memory.take(image),
        work: memory.take(scratch(&tile, size)),
    }
}

/// Elements of the packed weights of a group.
pub fn weights_len<T: Tiled>(tile: &Tile<T>, g: &Geometry) -> usize {
    packed_len(tile, g.co, g.ci * g.taps())
}

/// The packed weights of a group: what is ready, or else packed to `to`. `tables` have room for the output channels, and for what each
/// of them reads.
///
/// # Safety
/// `to` has room for `weights_len` elements.
pub unsafe fn packed<T: Tiled>(
    tile: &Tile<T>,
    g: &Geometry,
    w: &Weights<T>,
    group: usize,
    tables: [*mut isize; 2],
    to: *mut T,
) -> *const T {
    if let Some(ready) = w.ready(way(tile), group, weights_len(tile, g)) {
        return ready;
    }
    let [lines, ks] = tables;
    unsafe {
        for c in 0..g.co {
            *lines.add(c) = c as isize * w.channels[0];
        }
        let mut i = 0;
        for c in 0..g.ci as isize {
            each(g.kernel, |index| {
                *ks.add(i) = c * w.channels[1] + offset(index, [1; 3], w.taps);
                i += 1;
            });
        }
        let ptr = w.ptr.wrapping_offset(group as isize * w.group);
        pack_all(tile, g.co, g.ci * g.taps(), &Tables { ptr, lines: lines.cast_const(), ks }, to);
    }
    to
}

/// What can be kept of the weights.
pub fn prepared(g: &Geometry, views: [&View; 2], w: &Weights<f32>) -> Prepared {
    let tile = tile::<f32>(g, views);
    let mut plan = w.prepared(way(&tile), g, weights_len(&tile, g));
    // Behind it the tables by which it is packed.
    plan.bytes = plan.bytes.next_multiple_of(size_of::<isize>()) + (g.co + g.ci * g.taps()) * size_of::<isize>();
    plan
}

/// Makes it.
///
/// # Safety
/// `to` has the bytes that `prepared` says.
pub unsafe fn prepare(g: &Geometry, views: [&View; 2], w: &Weights<f32>, to: *mut u8) {
    let tile = tile::<f32>(g, views);
    let (to, len) = (to.cast::<f32>(), weights_len(&tile, g));
    let behind = (g.groups * len * size_of::<f32>()).next_multiple_of(size_of::<isize>());
    let tables = to.cast::<u8>().wrapping_add(behind).cast::<isize>();
    let w = Weights { ready: None, ..*w };
    for group in 0..g.groups {
        unsafe { packed(&tile, g, &w, group, [tables, tables.wrapping_add(g.co)], to.add(group * len)) };
    }
}

/// Bytes of scratch of `run`, between these views.
pub fn scratch_bytes<T: Tiled>(g: &Geometry, [x, y]: [&View; 2]) -> usize {
    if rows::takes::<T>(g, x, y) {
        return rows::scratch_bytes::<T>(g, x, y);
    }
    let mut memory = Bump::new(std::ptr::null_mut());
    plan::<T>(g, &mut memory);
    memory.used()
}

/// Where the weights lie.
#[derive(Clone, Copy)]
pub struct Weights<T> {
    /// Address of the first tap of the first channels.
    pub ptr: *const T,
    /// From a group to the next.
    pub group: isize,
    /// From an output channel to the next, and from an input channel.
    pub channels: [isize; 2],
    pub taps: [isize; 3],
    /// What was made of them before.
    pub ready: Option<Ready>,
}

impl<T: Tiled> Weights<T> {
    /// Of a launch's convolution; they are its second input.
    pub fn of(launch: &Launch, g: &Geometry) -> Weights<T> {
        let w = &launch.ins[1];
        let ([co, ci], taps) = ([w.strides[0], w.strides[1]], spatial(w));
        let (ptr, group) = (w.as_ptr::<T>().cast_const(), g.co as isize * co);
        Weights { ptr, group, channels: [co, ci], taps, ready: launch.ready }
    }

    /// Of the convolution that `g` is turned into, with inputs and outputs exchanged and the taps from the last to the first.
    pub fn turned(launch: &Launch, g: &Geometry) -> Weights<T> {
        let w @ Weights { ptr, channels: [co, ci], taps, .. } = Weights::<T>::of(launch, g);
        let last = g.kernel.map(|k| k.saturating_sub(1));
        let ptr = ptr.wrapping_offset(offset(last, [1; 3], taps));
        Weights { ptr, channels: [ci, co], taps: taps.map(|tap| -tap), ..w }
    }

    /// What was made of a group of them, `len` elements, for this way.
    pub fn ready(&self, way: usize, group: usize, len: usize) -> Option<*const T> {
        let ready = self.ready.filter(|ready| ready.way == way)?;
        Some(ready.ptr.cast::<T>().wrapping_add(group * len))
    }

    /// What can be made of them for a way, `len` elements for each group.
    pub fn prepared(&self, way: usize, g: &Geometry, len: usize) -> Prepared {
        let ([co, ci], [d, h, w], [kd, kh, kw]) = (self.channels, self.taps, g.kernel);
        let steps = [self.group, co, ci, d, h, w].map(|step| step as usize);
        let [group, co, ci, d, h, w] = steps;
        let key = [way, self.ptr as usize, g.groups, g.co, g.ci, kd, kh, kw, group, co, ci, d, h, w, 0, 0];
        Prepared { bytes: g.groups * len * size_of::<T>(), key }
    }
}

/// Computes y from x.
///
/// # Safety
/// The views are what the geometry says; `scratch` has room for `scratch_bytes`.
pub unsafe fn run<T: Tiled>(g: &Geometry, [x, y]: [&View; 2], w: &Weights<T>, bias: Option<&View>, scratch: *mut u8) {
    if rows::takes::<T>(g, x, y) {
        return unsafe { rows::run(g, [x, y], w, bias, scratch) };
    }
    let plan = plan::<T>(g, &mut Bump::new(scratch));
    let (tile, size) = (T::tile(), size(g));
    let one = [1; 3];
    let (strides, channel) = if g.is_padded() {
        (row_major(g.reach()), g.reach().iter().product::<usize>() as isize)
    } else {
        (spatial(x), x.strides[1])
    };
    unsafe {
        let mut i = 0;
        each(g.output, |index| {
            *plan.starts.add(i) = offset(index, g.stride, strides);
            *plan.places.add(i) = offset(index, one, spatial(y));
            i += 1;
        });
        let mut i = 0;
        for c in 0..g.ci as isize {
            each(g.kernel, |index| {
                *plan.steps.add(i) = c * channel + offset(index, g.dilation, strides);
                i += 1;
            });
        }
        for group in 0..g.groups {
            let weights = packed(&tile, g, w, group, [plan.w_rows, plan.w_steps], plan.weights);
            for image in 0..g.images {
                let mut from = Planes::<T>::of(x, image, group * g.ci);
                if g.is_padded() {
                    window(&from, g.input, g.ci, g.reach(), g.start(), 1, plan.padded);
                    from.ptr = plan.padded;
                } else {
                    from.ptr = from.ptr.wrapping_offset(offset(g.origin, g.stride, strides));
                }
                let patches = Tables { ptr: from.ptr, lines: plan.starts.cast_const(), ks: plan.steps };
                let to = Planes::<T>::of(y, image, group * g.co);
                let out = Output {
                    ptr: to.ptr.cast_mut(),
                    row: to.channel,
                    cols: Columns::Table(plan.places),
                    alpha: T::from_i64(1),
                    init: bias.map(|bias| (T::from_i64(1), bias_of(bias, group * g.co))),
                };
                let left = Left::<T, Tables<T>>::Packed(weights);
                blocked(&tile, size, left, Right::Operand(&patches), &out, plan.work);
            }
        }
    }
}

/// A bias from one channel on: a column that is added to every pixel.
pub fn bias_of<T: Tiled>(bias: &View, channel: usize) -> Init<T> {
    let ptr: *mut T = bias.as_ptr();
    let row = bias.strides[0];
    Init::Mat(Mat { ptr: ptr.wrapping_offset(channel as isize * row), row, col: 0 })
}
