//! Sums in which several positions meet at one place, in the order of positions.
//!
//! Positions are sorted by the places that they lead to; then one invocation adds up what leads to one place. So a float32 sum has a
//! fixed order, the CPU's, which atomic additions have not.

use cresset_lane::{Attr, DType};

use super::each::{Each, each};
use super::index::{Indexed, joining, like, zero};
use super::places::Places;
use super::sort;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::wgsl::Scalar;

/// Positions up to which a sort is worth its time; it is a dispatch for each step of a bitonic sort beyond 1024.
const MOST: usize = 1 << 20;

/// `y[place] = join(y[place], v)` for all positions of `v`.
pub(crate) struct Accumulation<'a> {
    y: View<'a>,
    v: View<'a>,
    indices: &'a [View<'a>],
    /// As `Indexed` takes them.
    steps: &'a [Attr],
    /// As `joining` takes it.
    mode: i64,
    /// An index whose positions are left out.
    padding: Option<i32>,
    /// Whether each sum is divided by how many it is of.
    mean: bool,
}

impl<'a> Accumulation<'a> {
    /// Of `index_put`, where the order matters.
    pub fn of_put(l: &Launch<'a>) -> Option<Accumulation<'a>> {
        let (y, mode) = (l.outs[0], l.attrs[0].i());
        let (v, indices, steps) = (l.ins[0], &l.ins[1..], &l.attrs[1..]);
        let a = Accumulation { y, v, indices, steps, mode, padding: None, mean: false };
        let ordered = y.dtype == DType::F32 && (mode == 1 || mode == 2);
        (ordered && a.positions() <= MOST).then_some(a)
    }

    /// Whether indices move along a dimension; along the others all positions lead alike.
    fn moves(&self, d: usize) -> bool {
        self.v.shape[d] != 1 && self.indices.iter().any(|i| i.shape[d] != 1 && i.strides[d] != 0)
    }

    fn positions(&self) -> usize {
        (0..self.v.shape.len()).filter(|&d| self.moves(d)).map(|d| self.v.shape[d]).product()
    }

    pub fn run(&self, l: &Launch) -> Result<()> {
        let n = self.positions();
        if self.v.numel() == 0 {
            return Ok(());
        }
        // Where each position leads, as an address, or below zero where it leads nowhere.
        let at = Indexed::new(l, &self.y, &self.v, self.indices, self.steps, |d| self.moves(d))?;
        let keys = l.gpu.buffer(n)?;
        let shape = [n];
        let keys = View { buffer: &keys, dtype: DType::I32, shape: &shape, strides: &[1], offset: 0 };
        let body = || {
            let skipped = if self.padding.is_some() { "in0(place_first(i).z) == p.padding" } else { "false" };
            at.text(0)
                + &format!(
                    "fn body(i: u32) {{\n  if ({skipped}) {{\n    put0(i, -1i);\n    return;\n  }}\n  let far = moved(i);\n  \
                     put0(i, select(bitcast<i32>(place_first(i).x + far), -1i, outside));\n}}\n\n"
                )
        };
        let outs = [keys];
        let sets = [("first", &at.first), ("second", &at.second)];
        let mut params = at.params().to_vec();
        params.push(self.padding.unwrap_or(-1) as u32);
        let fields = Indexed::FIELDS.to_string() + "  padding: i32,\n";
        let e = Each::new("accumulate keys", &outs, self.indices, n, &body);
        let variant = self.padding.is_some() as u64;
        each(l, &Each { variant, sets: &sets, fields: &fields, params: &params, checked: true, ..e })?;

        let sorted = sort::pairs(l, keys)?;
        let pairs = View { buffer: &sorted, dtype: DType::I32, shape: &[], strides: &[], offset: 0 };
        let moving = Places::of(&[&self.v], |d| self.moves(d)).at(&[&self.v]);
        // The address holds where the output begins, and the moving dimensions where v does.
        let still = Places::of(&[&self.y, &self.v], |d| !self.moves(d));
        let each_has = still.numel;
        let body = || {
            let (count, factor) = match self.mean {
                true => (
                    "  var many = k;\n  while (many < p.n && key(many) == at) {\n    many++;\n  }\n  let factor = 1.0 / f32(many - k);\n",
                    " * factor",
                ),
                false => ("", ""),
            };
            format!(
                "fn join(a: f32, b: f32) -> f32 {{\n  return {};\n}}\n\n\
                 fn key(k: u32) -> u32 {{\n  return bitcast<u32>(in1(2u * k)) ^ 0x80000000u;\n}}\n\n\
                 fn body(i: u32) {{\n  let k = i / p.each;\n  let at = key(k);\n  \
                 if (bitcast<i32>(at) < 0i || (k > 0u && key(max(k, 1u) - 1u) == at)) {{\n    return;\n  }}\n  \
                 let place = place_still(i % p.each);\n{count}  var v = out0(at + place.x);\n  \
                 for (var j = k; j < p.n && key(j) == at; j++) {{\n    \
                 v = join(v, in0(place_moving(bitcast<u32>(in1(2u * j + 1u))).x + place.y){factor});\n  }}\n  put0(at + place.x, v);\n}}\n\n",
                joining(self.mode, Scalar::Float)
            )
        };
        let (outs, ins) = ([self.y], [self.v, pairs]);
        let e = Each::new("accumulate", &outs, &ins, n * each_has, &body);
        let variant = self.mode as u64 | (self.mean as u64) << 2;
        let (fields, params) = ("  n: u32,\n  each: u32,\n", [n as u32, each_has as u32]);
        each(l, &Each { variant, sets: &[("moving", &moving), ("still", &still)], fields, params: &params, ..e })
    }
}

/// Adds each row of the gradient to the row of the table that was looked up. ins: [g, index]; outs: [table]; attrs: [padding, scale].
pub(crate) fn embedding_backward(l: &Launch) -> Result<()> {
    let (g, index, table) = (&l.ins[0], &l.ins[1], &l.outs[0]);
    zero(l, l.outs)?;
    let row = [0, table.strides[1]];
    let along = [index.strides[0], 0];
    let indices = [View { shape: g.shape, strides: &along, ..*index }];
    let steps = [Attr::from(table.shape[0]), Attr::from(table.strides[0] as i64), Attr::from(true)];
    let (y, padding) = (View { shape: g.shape, strides: &row, ..*table }, i32::try_from(l.attrs[0].i()).ok());
    let padding = padding.filter(|&p| p >= 0);
    let a = Accumulation { y, v: *g, indices: &indices, steps: &steps, mode: 1, padding, mean: l.attrs[1].b() };
    a.run(&like(l, l.name, l.ins, l.outs, l.attrs))
}
