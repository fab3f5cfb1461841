//! Elements chosen by a mask, and the positions of what is not zero: each chosen position is given its rank by running counts.

use cresset_lane::{Attr, DType};

use super::copy::copy;
use super::each::{Each, each};
use super::places::Places;
use super::scan;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::pool::Buffer;

/// Positions that one workgroup counts.
const RUN: usize = 4096;

/// Running counts within runs of `RUN` positions, and those of the runs before.
pub(crate) struct Ranks {
    within: Buffer,
    runs: Buffer,
    n: usize,
}

/// `rank(i)`, the number of chosen positions up to position i, from operands `within` and `runs`.
pub(crate) fn rank(within: usize, runs: usize) -> String {
    format!(
        "fn rank(i: u32) -> u32 {{\n  let run = i / {RUN}u;\n  return u32(in{within}(i)) + u32(select(in{runs}(max(run, 1u) - 1u), 0i, run == 0u));\n}}\n\n"
    )
}

impl Ranks {
    pub fn new(l: &Launch, mask: &View) -> Result<Ranks> {
        let n = mask.numel();
        let count = n.div_ceil(RUN);
        // Truth first, since any number may stand for it, then counts.
        let (truth, numbers, within) = (l.gpu.buffer(n)?, l.gpu.buffer(count * RUN)?, l.gpu.buffer(count * RUN)?);
        let runs = l.gpu.buffer(count)?;
        let strides = super::copy::row_major(mask.shape);
        let flags = View { buffer: &truth, dtype: DType::Bool, shape: mask.shape, strides: &strides, offset: 0 };
        let go = |name, ins: &[View], outs: &[View], attrs: &[Attr], run: fn(&Launch) -> Result<()>| {
            run(&Launch { gpu: l.gpu, name, ins, outs, attrs, demand: None })
        };
        go("copy", &[*mask], &[flags], &[], copy)?;
        let ints = |buffer, shape, strides, offset| View { buffer, dtype: DType::I32, shape, strides, offset };
        let (line, grid) = ([n], [count, RUN]);
        let flat = View { shape: &line, strides: &[1], ..flags };
        // What is beyond the last position is counted for nobody.
        go("copy", &[flat], &[ints(&numbers, &line, &[1], 0)], &[], copy)?;
        let steps = [RUN as isize, 1];
        let (from, to) = (ints(&numbers, &grid, &steps, 0), ints(&within, &grid, &steps, 0));
        go("cumsum", &[from], &[to], &[Attr::from(1usize)], scan::cumsum)?;
        let (ends, one) = ([count], [RUN as isize]);
        let (from, to) = (ints(&within, &ends, &one, RUN - 1), ints(&runs, &ends, &[1], 0));
        go("cumsum", &[from], &[to], &[Attr::from(0usize)], scan::cumsum)?;
        Ok(Ranks { within, runs, n })
    }

    pub fn views(&self) -> [View<'_>; 2] {
        [&self.within, &self.runs].map(|buffer| View { buffer, dtype: DType::I32, shape: &[], strides: &[], offset: 0 })
    }
}

/// ins: [x, mask]; outs: [y].
pub(crate) fn select(l: &Launch) -> Result<()> {
    let (x, mask, y) = (&l.ins[0], &l.ins[1], &l.outs[0]);
    let ranks = Ranks::new(l, mask)?;
    let places = Places::of(&[x, mask], |_| true).at(&[x, mask]);
    let [within, runs] = ranks.views();
    let ins = [*x, *mask, within, runs];
    let body = || {
        rank(2, 3)
            + "fn body(i: u32) {\n  let at = place_all(i);\n  if (in1(at.y) != 0u) {\n    put0(p.start + rank(i) - 1u, in0(at.x));\n  }\n}\n\n"
    };
    let e = Each::new(l.name, l.outs, &ins, ranks.n, &body);
    each(l, &Each { sets: &[("all", &places)], fields: "  start: u32,\n", params: &[y.offset as u32], ..e })
}

/// ins: [v, mask]; outs: [y].
pub(crate) fn scatter(l: &Launch) -> Result<()> {
    let (v, mask, y) = (&l.ins[0], &l.ins[1], &l.outs[0]);
    let ranks = Ranks::new(l, mask)?;
    let places = Places::of(&[y, mask], |_| true).at(&[y, mask]);
    let [within, runs] = ranks.views();
    let ins = [*v, *mask, within, runs];
    let body = || {
        rank(2, 3)
            + "fn body(i: u32) {\n  let at = place_all(i);\n  if (in1(at.y) != 0u) {\n    let k = rank(i) - 1u;\n    \
               if (k < p.n) {\n      put0(at.x, in0(p.start + k));\n    } else {\n      bad_index(bitcast<i32>(k), p.n);\n    }\n  }\n}\n\n"
    };
    let e = Each::new(l.name, l.outs, &ins, ranks.n, &body);
    let (fields, params) = ("  start: u32,\n  n: u32,\n", [v.offset as u32, v.numel() as u32]);
    each(l, &Each { sets: &[("all", &places)], fields, params: &params, checked: true, ..e })
}

/// ins: [x]; outs: [positions] ([count, rank of x]).
pub(crate) fn nonzero(l: &Launch) -> Result<()> {
    let (x, out) = (&l.ins[0], &l.outs[0]);
    if x.shape.len() > 8 {
        return l.refuse("a tensor of more than 8 dimensions");
    }
    let ranks = Ranks::new(l, x)?;
    let mut params =
        vec![out.offset as u32, out.strides[0] as i32 as u32, out.strides[1] as i32 as u32, x.shape.len() as u32];
    params.extend(x.shape.iter().map(|&n| n as u32));
    params.resize(12, 0);
    // A position is chosen where the count grows.
    let body = || {
        rank(0, 1)
            + "fn body(i: u32) {\n  let r = rank(i);\n  if (r == 0u || (i > 0u && rank(i - 1u) == r)) {\n    return;\n  }\n  var rest = i;\n  \
               for (var d = p.dims; d > 0u; d--) {\n    let k = d - 1u;\n    let n = p.shape[k >> 2u][k & 3u];\n    \
               put0(p.start + (r - 1u) * p.row + k * p.column, i32(rest % n));\n    rest /= n;\n  }\n}\n\n"
    };
    let ins = ranks.views();
    let fields = "  start: u32,\n  row: u32,\n  column: u32,\n  dims: u32,\n  shape: array<vec4<u32>, 2>,\n";
    let e = Each::new(l.name, l.outs, &ins, ranks.n, &body);
    each(l, &Each { fields, params: &params, ..e })
}

/// ins: [repeats]; outs: [y]: i repeated `repeats[i]` times, found by searching the running sums.
pub(crate) fn repeat(l: &Launch) -> Result<()> {
    let (repeats, y) = (&l.ins[0], &l.outs[0]);
    let n = repeats.shape[0];
    let sums = l.gpu.buffer(n)?;
    let ends = View { buffer: &sums, dtype: DType::I32, shape: repeats.shape, strides: &[1], offset: 0 };
    scan::cumsum(&Launch {
        gpu: l.gpu,
        name: "cumsum",
        ins: l.ins,
        outs: &[ends],
        attrs: &[Attr::from(0usize)],
        demand: None,
    })?;
    let body = || {
        "fn body(i: u32) {\n  var low = 0u;\n  var high = p.n;\n  while (low < high) {\n    let middle = (low + high) / 2u;\n    \
         if (u32(in0(middle)) <= i) {\n      low = middle + 1u;\n    } else {\n      high = middle;\n    }\n  }\n  put0(p.start + i, i32(low));\n}\n\n"
            .to_string()
    };
    let ins = [ends];
    let e = Each::new(l.name, l.outs, &ins, y.numel(), &body);
    each(l, &Each { fields: "  start: u32,\n  n: u32,\n", params: &[y.offset as u32, n as u32], ..e })
}
