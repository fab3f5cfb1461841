//! Pooling over up to three spatial dimensions, and the moves between planes that its gradients need. Operands have five dimensions.

use cresset_lane::Attr;

use super::each::{Each, each};
use super::index::zero;
use super::places::Places;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::wgsl::Scalar;

/// Sizes of the planes of what is larger and what is smaller, how windows lie, strides, and numbers of a kernel of its own.
const FIELDS: &str = "  large: vec4<i32>,\n  small: vec4<i32>,\n  kernel: vec4<i32>,\n  stride: vec4<i32>,\n  padding: vec4<i32>,\n  dilation: vec4<i32>,\n  x_plane: vec4<u32>,\n  more: vec4<i32>,\n";

/// The words of `FIELDS`.
fn params(large: &View, small: &View, windows: [[i32; 3]; 4], more: [i32; 4]) -> Vec<u32> {
    let mut params = Vec::new();
    for v in [large, small] {
        params.extend([v.shape[2] as u32, v.shape[3] as u32, v.shape[4] as u32, 0]);
    }
    for [a, b, c] in windows {
        params.extend([a as u32, b as u32, c as u32, 0]);
    }
    params.extend([large.strides[2] as i32 as u32, large.strides[3] as i32 as u32, large.strides[4] as i32 as u32, 0]);
    params.extend(more.map(|v| v as u32));
    params
}

fn three(attrs: &[Attr], at: usize) -> [i32; 3] {
    std::array::from_fn(|d| attrs[at + d].n() as i32)
}

/// The windows of output `o`: as plain pools have them, or as adaptive ones do.
const PLAIN: &str = "\
fn window_start(o: vec3<i32>) -> vec3<i32> {
  let first = o * p.stride.xyz - p.padding.xyz;
  let skipped = (max(-first, vec3<i32>(0)) + p.dilation.xyz - 1) / p.dilation.xyz;
  return first + skipped * p.dilation.xyz;
}
fn window_end(o: vec3<i32>) -> vec3<i32> {
  return min(o * p.stride.xyz - p.padding.xyz + (p.kernel.xyz - 1) * p.dilation.xyz + 1, p.large.xyz);
}
fn window_count(o: vec3<i32>) -> vec3<i32> {
  let first = o * p.stride.xyz - p.padding.xyz;
  if (p.more.x == 1) {
    return min(first + p.kernel.xyz, p.large.xyz + p.padding.xyz) - first;
  }
  return max(window_end(o) - max(first, vec3<i32>(0)), vec3<i32>(0));
}
";
const ADAPTIVE: &str = "\
fn window_start(o: vec3<i32>) -> vec3<i32> {
  return o * p.large.xyz / p.small.xyz;
}
fn window_end(o: vec3<i32>) -> vec3<i32> {
  return ((o + 1) * p.large.xyz + p.small.xyz - 1) / p.small.xyz;
}
fn window_count(o: vec3<i32>) -> vec3<i32> {
  return window_end(o) - window_start(o);
}
";

/// The greatest value of a window and its position: the first of equal ones, NaN above all.
fn greatest(t: Scalar) -> String {
    let t = t.name();
    let nan = if t == "f32" { " || m_is_nan(v)" } else { "" };
    format!(
        "fn body(i: u32) {{\n  let at = place_all(i);\n  let o = split_plane(i, p.small).xyz;\n  let start = window_start(o);\n  let end = window_end(o);\n  \
         var best = {t}();\n  var where_ = -1;\n  for (var d = start.x; d < end.x; d += p.dilation.x) {{\n    \
         for (var h = start.y; h < end.y; h += p.dilation.y) {{\n      for (var w = start.z; w < end.z; w += p.dilation.z) {{\n        \
         let v = in0(at.x + in_plane(vec3<i32>(d, h, w), p.x_plane));\n        if (where_ < 0 || v > best{nan}) {{\n          best = v;\n          \
         where_ = (d * p.large.y + h) * p.large.z + w;\n        }}\n      }}\n    }}\n  }}\n  put0(at.y, best);\n  put1(at.z, max(where_, 0));\n}}\n\n"
    )
}

/// The starts of windows that a tensor gives for each plane, at `at.w` for this one.
const FRACTIONAL: &str = "\
var<private> plane_starts: u32;
fn window_start(o: vec3<i32>) -> vec3<i32> {
  let at = vec3<u32>(0u, 1u, 2u) * u32(p.more.x) + bitcast<vec3<u32>>(o) * u32(p.more.y) + plane_starts;
  return vec3<i32>(in1(at.x), in1(at.y), in1(at.z));
}
fn window_end(o: vec3<i32>) -> vec3<i32> {
  return window_start(o) + p.kernel.xyz;
}
";

/// Places of planes: of the larger operand its first element, of the others the position.
fn planes(large: &View, others: &[&View]) -> Places {
    let mut strides: Vec<Vec<isize>> = vec![vec![large.strides[0], large.strides[1], 0, 0, 0]];
    strides.extend(others.iter().map(|v| v.strides.to_vec()));
    let all: Vec<&View> = std::iter::once(large).chain(others.iter().copied()).collect();
    Places::from_strides(others[0].shape, &strides).at(&all)
}

fn max_of_windows(l: &Launch, rule: &'static str, windows: [[i32; 3]; 4]) -> Result<()> {
    let (x, values, indices) = (&l.ins[0], &l.outs[0], &l.outs[1]);
    let places = planes(x, &[values, indices]);
    let body = || rule.to_string() + &greatest(Scalar::of(x.dtype));
    let e = Each::new(l.name, l.outs, l.ins, values.numel(), &body);
    let params = params(x, values, windows, [0; 4]);
    each(l, &Each { sets: &[("all", &places)], fields: FIELDS, params: &params, work: 128, ..e })
}

/// ins: x; outs: values, indices. attrs: kernel, stride, padding, dilation.
pub(crate) fn max_pool(l: &Launch) -> Result<()> {
    max_of_windows(l, PLAIN, [0, 3, 6, 9].map(|at| three(l.attrs, at)))
}

/// ins: x; outs: values, indices.
pub(crate) fn adaptive_max_pool(l: &Launch) -> Result<()> {
    max_of_windows(l, ADAPTIVE, [[1; 3]; 4])
}

/// ins: x, starts ([images, channels, 3, the longest dimension]); outs: values, indices. attrs: kernel.
pub(crate) fn fractional_max_pool(l: &Launch) -> Result<()> {
    let (x, starts, values, indices) = (&l.ins[0], &l.ins[1], &l.outs[0], &l.outs[1]);
    let plane = |v: &View| vec![v.strides[0], v.strides[1], 0, 0, 0];
    let strides = [plane(x), values.strides.to_vec(), indices.strides.to_vec(), plane(starts)];
    let places = Places::from_strides(values.shape, &strides).at(&[x, values, indices, starts]);
    let body = || {
        FRACTIONAL.to_string()
            + &greatest(Scalar::of(x.dtype)).replacen("let o =", "plane_starts = at.w;\n  let o =", 1)
    };
    let e = Each::new(l.name, l.outs, l.ins, values.numel(), &body);
    let more = [starts.strides[2] as i32, starts.strides[3] as i32, 0, 0];
    let params = params(x, values, [three(l.attrs, 0), [1; 3], [0; 3], [1; 3]], more);
    each(l, &Each { sets: &[("all", &places)], fields: FIELDS, params: &params, work: 128, ..e })
}

/// A mean over every window. Of floats it is a quotient, of integers one towards zero.
fn mean_of_windows(l: &Launch, rule: &'static str, windows: [[i32; 3]; 4], more: [i32; 4]) -> Result<()> {
    let (x, y) = (&l.ins[0], &l.outs[0]);
    let places = planes(x, &[y]);
    let t = Scalar::of(x.dtype).name();
    let body = || {
        rule.to_string()
            + &format!(
                "fn body(i: u32) {{\n  let at = place_all(i);\n  let o = split_plane(i, p.small).xyz;\n  let start = max(window_start(o), vec3<i32>(0));\n  \
                 let end = window_end(o);\n  var v = {t}();\n  for (var d = start.x; d < end.x; d++) {{\n    for (var h = start.y; h < end.y; h++) {{\n      \
                 for (var w = start.z; w < end.z; w++) {{\n        v += in0(at.x + in_plane(vec3<i32>(d, h, w), p.x_plane));\n      }}\n    }}\n  }}\n  \
                 let n = window_count(o);\n  let by = select(n.x * n.y * n.z, p.more.y, p.more.y != 0);\n  \
                 put0(at.y, select({t}(), v / {t}(select(by, 1, by == 0)), all(start < end)));\n}}\n\n"
            )
    };
    let e = Each::new(l.name, l.outs, l.ins, y.numel(), &body);
    let params = params(x, y, windows, more);
    each(l, &Each { sets: &[("all", &places)], fields: FIELDS, params: &params, work: 128, ..e })
}

/// The gradient of means: every position gathers from the windows that it is in.
fn mean_backward(
    l: &Launch,
    rule: &'static str,
    reached: &'static str,
    windows: [[i32; 3]; 4],
    more: [i32; 4],
) -> Result<()> {
    let (dy, dx) = (&l.ins[0], &l.outs[0]);
    // Positions are those of dx; dy's planes are looked into.
    let places = planes(dy, &[dx]);
    let t = Scalar::of(dx.dtype).name();
    let body = || {
        rule.to_string()
            + reached
            + &format!(
                "fn body(i: u32) {{\n  let at = place_all(i);\n  let o = split_plane(i, p.large).xyz;\n  let start = reached_first(o);\n  let end = reached_end(o);\n  \
                 var v = {t}();\n  for (var d = start.x; d < end.x; d++) {{\n    for (var h = start.y; h < end.y; h++) {{\n      for (var w = start.z; w < end.z; w++) {{\n        \
                 let q = vec3<i32>(d, h, w);\n        let n = window_count(q);\n        let by = select(n.x * n.y * n.z, p.more.y, p.more.y != 0);\n        \
                 if (all(o >= window_start(q)) && all(o < window_end(q))) {{\n          \
                 v += in0(at.x + in_plane(q, p.x_plane)) / {t}(select(by, 1, by == 0));\n        }}\n      }}\n    }}\n  }}\n  put0(at.y, v);\n}}\n\n"
            )
    };
    let mut params = params(dx, dy, windows, more);
    for d in 0..3 {
        params[24 + d] = dy.strides[2 + d] as i32 as u32;
    }
    let e = Each::new(l.name, l.outs, l.ins, dx.numel(), &body);
    each(l, &Each { sets: &[("all", &places)], fields: FIELDS, params: &params, work: 128, ..e })
}

/// Which windows may reach a position.
const REACHED_BY_PLAIN: &str = "\
fn reached_first(o: vec3<i32>) -> vec3<i32> {
  let above = o + p.padding.xyz - p.kernel.xyz;
  return select((max(above, vec3<i32>(0)) / p.stride.xyz) + 1, vec3<i32>(0), above < vec3<i32>(0));
}
fn reached_end(o: vec3<i32>) -> vec3<i32> {
  return min((o + p.padding.xyz) / p.stride.xyz + 1, p.small.xyz);
}
";
const REACHED_BY_ADAPTIVE: &str = "\
fn reached_first(o: vec3<i32>) -> vec3<i32> {
  return o * p.small.xyz / p.large.xyz;
}
fn reached_end(o: vec3<i32>) -> vec3<i32> {
  return min(((o + 1) * p.small.xyz + p.large.xyz - 1) / p.large.xyz, p.small.xyz);
}
";

/// The gradient of maxima: every position gathers from the windows that it is in and whose maximum it is, in the CPU's order.
fn max_backward(l: &Launch, reached: &'static str, windows: [[i32; 3]; 4]) -> Result<()> {
    let (dy, indices, dx) = (&l.ins[0], &l.ins[1], &l.outs[0]);
    let plane = |v: &View| vec![v.strides[0], v.strides[1], 0, 0, 0];
    let places =
        Places::from_strides(dx.shape, &[plane(dy), dx.strides.to_vec(), plane(indices)]).at(&[dy, dx, indices]);
    let t = Scalar::of(dx.dtype).name();
    let body = || {
        reached.to_string()
            + &format!(
                "fn body(i: u32) {{\n  let at = place_all(i);\n  let o = split_plane(i, p.large).xyz;\n  let me = (o.x * p.large.y + o.y) * p.large.z + o.z;\n  \
                 let start = reached_first(o);\n  let end = reached_end(o);\n  \
                 var v = {t}();\n  for (var d = start.x; d < end.x; d++) {{\n    for (var h = start.y; h < end.y; h++) {{\n      for (var w = start.z; w < end.z; w++) {{\n        \
                 let q = vec3<i32>(d, h, w);\n        if (in1(at.z + in_plane(q, bitcast<vec4<u32>>(p.more))) == me) {{\n          \
                 v += in0(at.x + in_plane(q, p.x_plane));\n        }}\n      }}\n    }}\n  }}\n  put0(at.y, v);\n}}\n\n"
            )
    };
    let [d, h, w] = [2, 3, 4].map(|k| indices.strides[k] as i32);
    let mut params = params(dx, dy, windows, [d, h, w, 0]);
    for d in 0..3 {
        params[24 + d] = dy.strides[2 + d] as i32 as u32;
    }
    let e = Each::new(l.name, l.outs, l.ins, dx.numel(), &body);
    let variant = 1 + l.attrs.len() as u64;
    each(l, &Each { variant, sets: &[("all", &places)], fields: FIELDS, params: &params, work: 64, ..e })
}

/// What plain averages are told: kernel, stride, padding; whether padding counts, and a divisor.
fn averages(l: &Launch) -> ([[i32; 3]; 4], [i32; 4]) {
    let [kernel, stride, padding] = [0, 3, 6].map(|at| three(l.attrs, at));
    ([kernel, stride, padding, [1; 3]], [l.attrs[9].b() as i32, l.attrs[10].i() as i32, 0, 0])
}

pub(crate) fn avg_pool(l: &Launch) -> Result<()> {
    let (windows, more) = averages(l);
    mean_of_windows(l, PLAIN, windows, more)
}
pub(crate) fn avg_pool_backward(l: &Launch) -> Result<()> {
    let (windows, more) = averages(l);
    mean_backward(l, PLAIN, REACHED_BY_PLAIN, windows, more)
}
pub(crate) fn adaptive_avg_pool(l: &Launch) -> Result<()> {
    mean_of_windows(l, ADAPTIVE, [[1; 3]; 4], [0; 4])
}
pub(crate) fn adaptive_avg_pool_backward(l: &Launch) -> Result<()> {
    mean_backward(l, ADAPTIVE, REACHED_BY_ADAPTIVE, [[1; 3]; 4], [0; 4])
}

/// A move between planes: positions are those of the indices, of which operand `large` is looked into.
fn moves(l: &Launch, large: &View, small: &View, body: &'static str, atomic: bool) -> Result<()> {
    let indices = &l.ins[1];
    let places = planes(large, &[small, indices]);
    let t = Scalar::of(large.dtype).name();
    let body = || {
        let place = "fn found(at: u32, i: i32) -> u32 {\n  return at + in_plane(split_plane(u32(i), p.large).xyz, p.x_plane);\n}\n\n\
                     fn inside(i: i32) -> bool {\n  let size = u32(p.large.x * p.large.y * p.large.z);\n  if (bitcast<u32>(i) >= size) {\n    bad_index(i, size);\n    return false;\n  }\n  \
                     return true;\n}\n\n";
        format!("{place}fn join(a: {t}, b: {t}) -> {t} {{\n  return a + b;\n}}\n\n{}", body.replace("TYPE", t))
    };
    let e = Each::new(l.name, l.outs, l.ins, small.numel(), &body);
    let params = params(large, small, [[1; 3]; 4], [0; 4]);
    each(l, &Each { sets: &[("all", &places)], fields: FIELDS, params: &params, atomic, checked: true, ..e })
}

pub(crate) fn plane_gather(l: &Launch) -> Result<()> {
    let body = "fn body(i: u32) {\n  let at = place_all(i);\n  let k = in1(at.z);\n  if (inside(k)) {\n    put0(at.y, in0(found(at.x, k)));\n  } else {\n    put0(at.y, TYPE());\n  }\n}\n\n";
    moves(l, &l.ins[0], &l.outs[0], body, false)
}
pub(crate) fn plane_scatter(l: &Launch) -> Result<()> {
    zero(l, l.outs)?;
    let body = "fn body(i: u32) {\n  let at = place_all(i);\n  let k = in1(at.z);\n  if (inside(k)) {\n    put0(found(at.x, k), in0(at.y));\n  }\n}\n\n";
    moves(l, &l.outs[0], &l.ins[0], body, false)
}

/// Adds what is at the indices. attrs: kernel, stride, padding of the windows that the indices are from; or true, for those of adaptive
/// pools; or none, where any position may name any place.
pub(crate) fn plane_scatter_add(l: &Launch) -> Result<()> {
    match l.attrs.len() {
        0 => (),
        1 => return max_backward(l, REACHED_BY_ADAPTIVE, [[1; 3]; 4]),
        _ => {
            return max_backward(
                l,
                REACHED_BY_PLAIN,
                [three(l.attrs, 0), three(l.attrs, 3), three(l.attrs, 6), [1; 3]],
            );
        }
    }
    zero(l, l.outs)?;
    let body = "fn body(i: u32) {\n  let at = place_all(i);\n  let k = in1(at.z);\n  if (inside(k)) {\n    combine0(found(at.x, k), in0(at.y));\n  }\n}\n\n";
    moves(l, &l.outs[0], &l.ins[0], body, true)
}
