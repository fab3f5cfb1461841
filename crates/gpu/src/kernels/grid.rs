//! Sampling images at the positions of a grid, and its gradients; the rules stand in grid.wgsl.

use super::each::{Each, each};
use super::index::zero;
use super::places::Places;
use crate::error::Result;
use crate::launch::{Launch, View};

const TEXT: &str = include_str!("grid.wgsl");
const FIELDS: &str = "  size: vec4<i32>,\n  x_plane: vec4<u32>,\n  n: u32,\n  mode: u32,\n  padding: u32,\n  align: u32,\n  coordinate: u32,\n  dgrid_coordinate: u32,\n  channels: u32,\n  x_channel: u32,\n  dy_channel: u32,\n";

/// The text for one of its functions, with the binding of the grid.
fn text(function: &str, grid: usize) -> String {
    let others: Vec<&str> = ["forward", "to_image", "to_grid"].into_iter().filter(|f| *f != function).collect();
    let wanted = |p: &&str| !others.iter().any(|f| p.starts_with(&format!("fn {f}(")));
    let parts: Vec<&str> = TEXT.split("\n\n").filter(wanted).collect();
    format!(
        "fn grid(at: u32) -> f32 {{\n  return in{grid}(at);\n}}\n\n{}\n\nfn body(i: u32) {{\n  {function}(i);\n}}\n\n",
        parts.join("\n\n")
    )
}

fn params(l: &Launch, x: &View, grid: &View, dgrid: Option<&View>, dy: &View) -> Vec<u32> {
    let mut params: Vec<u32> = [x.shape[2], x.shape[3], x.shape[4], 0].map(|v| v as u32).to_vec();
    params.extend([x.strides[2], x.strides[3], x.strides[4], 0].map(|v| v as i32 as u32));
    params.extend([l.attrs[0].n() as u32, l.attrs[1].n() as u32, l.attrs[2].n() as u32, l.attrs[3].b() as u32]);
    params.extend([grid.strides[4], dgrid.map_or(0, |v| v.strides[4])].map(|v| v as i32 as u32));
    params.extend([x.shape[1] as u32, x.strides[1] as i32 as u32, dy.strides[1] as i32 as u32]);
    params
}

/// Places over images, channels and positions: the image's plane, a tensor of samples, the grid.
fn samples(x: &View, y: &View, grid: &View) -> Places {
    let g = grid.strides;
    let strides = [vec![x.strides[0], x.strides[1], 0, 0, 0], y.strides.to_vec(), vec![g[0], 0, g[1], g[2], g[3]]];
    Places::from_strides(y.shape, &strides).at(&[x, y, grid])
}

/// ins: x, grid; outs: y.
pub(crate) fn forward(l: &Launch) -> Result<()> {
    let (x, grid, y) = (&l.ins[0], &l.ins[1], &l.outs[0]);
    let places = samples(x, y, grid);
    let body = || text("forward", 1);
    let e = Each::new(l.name, l.outs, l.ins, y.numel(), &body);
    each(l, &Each { sets: &[("all", &places)], fields: FIELDS, params: &params(l, x, grid, None, y), work: 512, ..e })
}

/// ins: dy, x, grid; outs: dx, dgrid.
pub(crate) fn backward(l: &Launch) -> Result<()> {
    let (dy, x, grid) = (&l.ins[0], &l.ins[1], &l.ins[2]);
    let (dx, dgrid) = (&l.outs[0], &l.outs[1]);
    zero(l, &l.outs[..1])?;
    let places = samples(dx, dy, grid);
    let body = || "fn join(a: f32, b: f32) -> f32 {\n  return a + b;\n}\n\n".to_string() + &text("to_image", 1);
    let ins = [*dy, *grid];
    let e = Each::new("grid_sample_backward image", &l.outs[..1], &ins, dy.numel(), &body);
    let words = params(l, dx, grid, Some(dgrid), dy);
    each(l, &Each { sets: &[("all", &places)], fields: FIELDS, params: &words, atomic: true, work: 512, ..e })?;

    let [n, d, h, w, _] = *grid.shape else { unreachable!("a grid has five dimensions") };
    let first = |v: &View| vec![v.strides[0], 0, 0, 0];
    let of_grid = |v: &View| v.strides[..4].to_vec();
    let of_dy = vec![dy.strides[0], dy.strides[2], dy.strides[3], dy.strides[4]];
    let strides = [first(x), of_dy, of_grid(grid), of_grid(dgrid)];
    let places = Places::from_strides(&[n, d, h, w], &strides).at(&[x, dy, grid, dgrid]);
    let body = || text("to_grid", 2);
    let e = Each::new("grid_sample_backward grid", &l.outs[1..], l.ins, n * d * h * w, &body);
    let words = params(l, x, grid, Some(dgrid), dy);
    each(l, &Each { sets: &[("all", &places)], fields: FIELDS, params: &words, work: 2048, ..e })
}
