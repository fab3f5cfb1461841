//! Convolution over one to three spatial dimensions and its gradients, as products of matrices that are never made: an element of the
//! patches' matrix is found in the images when it is needed (implicit GEMM). Operands have five dimensions, as on the CPU.
//!
//! The forward pass is weights times patches of x; the gradient of x is turned weights times the outputs that a pixel reached; the
//! gradient of w is dy times patches, where pixels of all images are summed over. Groups are a batch.

use super::gemm::{Gemm, gemm};
use super::places::Places;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::wgsl::Scalar;

/// Fields of the uniforms: sizes of the input's and the output's planes and of the kernel, then how windows lie, then strides.
const FIELDS: &str = "  input: vec4<i32>,\n  output: vec4<i32>,\n  taps: vec4<i32>,\n  stride: vec4<i32>,\n  padding: vec4<i32>,\n  dilation: vec4<i32>,\n  x: vec4<u32>,\n  x_plane: vec4<u32>,\n  w: vec4<u32>,\n  w_taps: vec4<u32>,\n  y: vec4<u32>,\n  y_plane: vec4<u32>,\n  bias: vec4<u32>,\n";

struct Conv<'a> {
    x: View<'a>,
    w: View<'a>,
    y: View<'a>,
    images: usize,
    groups: usize,
    ci: usize,
    co: usize,
}

fn volume(v: &View) -> usize {
    v.shape[2..].iter().product()
}

fn stride(v: &View, d: usize) -> isize {
    if v.shape[d] == 1 { 0 } else { v.strides[d] }
}

impl<'a> Conv<'a> {
    fn new(x: &View<'a>, w: &View<'a>, y: &View<'a>, l: &Launch) -> Conv<'a> {
        let groups = x.shape[1].checked_div(w.shape[1]).unwrap_or(l.attrs[9].n());
        Conv { x: *x, w: *w, y: *y, images: x.shape[0], groups, ci: w.shape[1], co: w.shape[0] / groups.max(1) }
    }

    /// The words of `FIELDS`.
    fn params(&self, l: &Launch, bias: Option<&View>) -> Vec<u32> {
        let mut params = Vec::new();
        let mut four = |v: [usize; 4]| params.extend(v.map(|v| v as u32));
        for v in [&self.x, &self.y, &self.w] {
            four([v.shape[2], v.shape[3], v.shape[4], 0]);
        }
        for at in [0, 3, 6] {
            four([l.attrs[at].n(), l.attrs[at + 1].n(), l.attrs[at + 2].n(), 0]);
        }
        // The fourth of the first row of strides is a number of channels.
        for (v, channels) in [(&self.x, self.ci), (&self.w, self.ci), (&self.y, self.co)] {
            let s = |d: usize| stride(v, d) as i32 as u32;
            params.extend([s(0), s(1), channels as u32, 0]);
            params.extend([s(2), s(3), s(4), 0]);
        }
        params.extend([bias.map_or(0, |b| stride(b, 0) as i32 as u32), 0, 0, 0]);
        params
    }

    /// Where the channels of each group begin: in the product's operands, the output, and a bias that moves by `channels` a group.
    fn batch(&self, operands: [(&View, isize); 3], bias: Option<(&View, usize)>) -> Places {
        let mut strides: Vec<Vec<isize>> = operands.iter().map(|(_, s)| vec![*s]).collect();
        let mut views: Vec<&View> = operands.iter().map(|(v, _)| *v).collect();
        if let Some((b, channels)) = bias {
            strides.push(vec![stride(b, 0) * channels as isize]);
            views.push(b);
        }
        Places::from_strides(&[self.groups], &strides).at(&views)
    }

    fn group_of(&self, v: &View, d: usize, channels: usize) -> isize {
        stride(v, d) * channels as isize
    }
}

/// `store(m, n, v)` for results of which rows are channels and columns are positions of images.
fn store(t: &str, plane: &str, view: &str, bias: bool) -> String {
    let add = if bias { " + in2(base.w + m * p.bias.x)" } else { "" };
    format!(
        "fn store(m: u32, n: u32, v: {t}) {{\n  let at = split_plane(n, p.{plane});\n  \
         put(base.z + u32(at.w) * p.{view}.x + m * p.{view}.y + in_plane(at.xyz, p.{view}_plane), v{add});\n}}\n\n"
    )
}

/// Whether the innermost dimension of a view's planes lies in order.
fn in_order(v: &View) -> bool {
    stride(v, 4).abs() == 1
}

/// ins: x, w, bias?; out: y.
pub(crate) fn forward(l: &Launch) -> Result<()> {
    let bias = l.ins.get(2);
    let c = Conv::new(&l.ins[0], &l.ins[1], &l.outs[0], l);
    let t = Scalar::of(c.y.dtype).name();
    let operands = || {
        format!(
            "alias RowA = u32;\nstruct RowB {{\n  start: u32,\n  first: vec3<i32>,\n}}\n\
             fn row_a(m: u32) -> RowA {{\n  return base.x + m * p.w.x;\n}}\n\
             fn get_a(row: RowA, k: u32) -> {t} {{\n  let tap = split_plane(k, p.taps);\n  return in0(row + u32(tap.w) * p.w.y + in_plane(tap.xyz, p.w_taps));\n}}\n\
             fn row_b(n: u32) -> RowB {{\n  let at = split_plane(n, p.output);\n  \
             return RowB(base.y + u32(at.w) * p.x.x, at.xyz * p.stride.xyz - p.padding.xyz);\n}}\n\
             fn get_b(row: RowB, k: u32) -> {t} {{\n  let tap = split_plane(k, p.taps);\n  let at = row.first + tap.xyz * p.dilation.xyz;\n  \
             if (!inside_plane(at, p.input)) {{\n    return {t}();\n  }}\n  return in1(row.start + u32(tap.w) * p.x.y + in_plane(at, p.x_plane));\n}}\n\n"
        )
    };
    let (ci, co) = (c.ci, c.co);
    let batch = c.batch(
        [(&c.w, c.group_of(&c.w, 0, co)), (&c.x, c.group_of(&c.x, 1, ci)), (&c.y, c.group_of(&c.y, 1, co))],
        bias.map(|b| (b, co)),
    );
    let mut ins = vec![c.w, c.x];
    ins.extend(bias);
    gemm(
        l,
        &Gemm {
            name: l.name,
            variant: bias.is_some() as u64,
            ins: &ins,
            out: c.y,
            sizes: [co, c.images * volume(&c.y), ci * volume(&c.w)],
            batch,
            along_k: [true, !in_order(&c.x)],
            fields: FIELDS,
            params: &c.params(l, bias),
            operands: &operands,
            store: &|| store(t, "output", "y", bias.is_some()),
        },
    )
}

/// ins: dy, w, bias over dx's channels?; out: dx.
pub(crate) fn backward_input(l: &Launch) -> Result<()> {
    let bias = l.ins.get(2);
    let c = Conv::new(&l.outs[0], &l.ins[1], &l.ins[0], l);
    let t = Scalar::of(c.x.dtype).name();
    let operands = || {
        format!(
            "alias RowA = u32;\nstruct RowB {{\n  start: u32,\n  last: vec3<i32>,\n}}\n\
             fn row_a(m: u32) -> RowA {{\n  return base.x + m * p.w.y;\n}}\n\
             fn get_a(row: RowA, k: u32) -> {t} {{\n  let tap = split_plane(k, p.taps);\n  return in0(row + u32(tap.w) * p.w.x + in_plane(tap.xyz, p.w_taps));\n}}\n\
             fn row_b(n: u32) -> RowB {{\n  let at = split_plane(n, p.input);\n  return RowB(base.y + u32(at.w) * p.y.x, at.xyz + p.padding.xyz);\n}}\n\
             fn get_b(row: RowB, k: u32) -> {t} {{\n  let tap = split_plane(k, p.taps);\n  let reached = row.last - tap.xyz * p.dilation.xyz;\n  \
             let at = reached / p.stride.xyz;\n  if (any(reached < vec3<i32>(0)) || any(at * p.stride.xyz != reached) || !inside_plane(at, p.output)) {{\n    \
             return {t}();\n  }}\n  return in1(row.start + u32(tap.w) * p.y.y + in_plane(at, p.y_plane));\n}}\n\n"
        )
    };
    let (ci, co) = (c.ci, c.co);
    let batch = c.batch(
        [(&c.w, c.group_of(&c.w, 0, co)), (&c.y, c.group_of(&c.y, 1, co)), (&c.x, c.group_of(&c.x, 1, ci))],
        bias.map(|b| (b, ci)),
    );
    let mut ins = vec![c.w, c.y];
    ins.extend(bias);
    gemm(
        l,
        &Gemm {
            name: l.name,
            variant: bias.is_some() as u64,
            ins: &ins,
            out: c.x,
            sizes: [ci, c.images * volume(&c.x), co * volume(&c.w)],
            batch,
            along_k: [true, !in_order(&c.y)],
            fields: FIELDS,
            params: &c.params(l, bias),
            operands: &operands,
            store: &|| store(t, "input", "x", bias.is_some()),
        },
    )
}

/// ins: x, dy; out: dw.
pub(crate) fn backward_weight(l: &Launch) -> Result<()> {
    let c = Conv::new(&l.ins[0], &l.outs[0], &l.ins[1], l);
    let t = Scalar::of(c.w.dtype).name();
    let operands = || {
        format!(
            "alias RowA = u32;\nstruct RowB {{\n  start: u32,\n  first: vec3<i32>,\n}}\n\
             fn row_a(m: u32) -> RowA {{\n  return base.x + m * p.y.y;\n}}\n\
             fn get_a(row: RowA, k: u32) -> {t} {{\n  let at = split_plane(k, p.output);\n  return in0(row + u32(at.w) * p.y.x + in_plane(at.xyz, p.y_plane));\n}}\n\
             fn row_b(n: u32) -> RowB {{\n  let tap = split_plane(n, p.taps);\n  \
             return RowB(base.y + u32(tap.w) * p.x.y, tap.xyz * p.dilation.xyz - p.padding.xyz);\n}}\n\
             fn get_b(row: RowB, k: u32) -> {t} {{\n  let o = split_plane(k, p.output);\n  let at = row.first + o.xyz * p.stride.xyz;\n  \
             if (!inside_plane(at, p.input)) {{\n    return {t}();\n  }}\n  return in1(row.start + u32(o.w) * p.x.x + in_plane(at, p.x_plane));\n}}\n\n"
        )
    };
    let store = || {
        format!(
            "fn store(m: u32, n: u32, v: {t}) {{\n  let tap = split_plane(n, p.taps);\n  \
             put(base.z + m * p.w.x + u32(tap.w) * p.w.y + in_plane(tap.xyz, p.w_taps), v);\n}}\n\n"
        )
    };
    let (ci, co) = (c.ci, c.co);
    let batch = c.batch(
        [(&c.y, c.group_of(&c.y, 1, co)), (&c.x, c.group_of(&c.x, 1, ci)), (&c.w, c.group_of(&c.w, 0, co))],
        None,
    );
    gemm(
        l,
        &Gemm {
            name: l.name,
            variant: 0,
            ins: &[c.y, c.x],
            out: c.w,
            sizes: [co, ci * volume(&c.w), c.images * volume(&c.y)],
            batch,
            along_k: [in_order(&c.y), in_order(&c.x)],
            fields: FIELDS,
            params: &c.params(l, None),
            operands: &operands,
            store: &store,
        },
    )
}
