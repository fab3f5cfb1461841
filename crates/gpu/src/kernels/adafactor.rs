//! Adafactor for one parameter (cpu/src/optim/adafactor.rs), from reductions and functions of a position.

use cresset_lane::{Attr, DType};

use super::copy::row_major;
use super::each::{Each, each};
use super::places::Places;
use super::reduce;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::pool::Buffer;

/// A result of its own.
struct Own {
    buffer: Buffer,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

impl Own {
    fn new(l: &Launch, shape: &[usize]) -> Result<Own> {
        Ok(Own { buffer: l.gpu.buffer(shape.iter().product())?, shape: shape.to_vec(), strides: row_major(shape) })
    }

    fn view(&self) -> View<'_> {
        View { buffer: &self.buffer, dtype: DType::F32, shape: &self.shape, strides: &self.strides, offset: 0 }
    }

    /// The square root of a sum of squares, over the dimensions in which `shape` has size one.
    fn norm(l: &Launch, x: &View, shape: &[usize]) -> Result<Own> {
        let own = Own::new(l, shape)?;
        reduce::norm(&Launch { name: "norm", ins: &[*x], outs: &[own.view()], attrs: &[Attr::from(2.0)], ..*l })?;
        Ok(own)
    }
}

/// Runs `text` over the positions of the first operand, which is changed; `at` has where all of them are.
fn over(l: &Launch, name: &'static str, operands: &[&View], params: &[f32], text: &str) -> Result<()> {
    let (outs, ins): (Vec<View>, Vec<View>) = (vec![*operands[0]], operands[1..].iter().map(|v| **v).collect());
    let places = Places::of(operands, |_| true).at(operands);
    let body = || format!("fn body(i: u32) {{\n  let at = place_all(i);\n{text}}}\n\n");
    let mut words: Vec<u32> = params.iter().map(|v| v.to_bits()).collect();
    words.resize(4, 0);
    let e = Each::new(name, &outs, &ins, operands[0].numel(), &body);
    each(l, &Each { sets: &[("all", &places)], fields: "  a: vec4<f32>,\n", params: &words, ..e })
}

/// Moves a variance towards a mean of squares over `n` elements, whose norm is given.
fn approach(l: &Launch, variance: &View, norm: &View, n: usize, weight: f32) -> Result<()> {
    let text = "  let v = in0(at.y);\n  put0(at.x, m_lerp(out0(at.x), v * v / p.a.y, p.a.x));\n";
    over(l, "adafactor variance", &[variance, norm], &[weight, n as f32], text)
}

/// `1 / sqrt(estimate) * g`. An estimate is a variance, or row and column divided by the rows' mean, which is at least eps; numbers:
/// the least estimate, the gradient's sign, eps.
fn updates(l: &Launch, u: &View, g: &View, estimates: &[View], mean: Option<&View>, numbers: [f32; 3]) -> Result<()> {
    let operands: Vec<&View> = [u, g].into_iter().chain(estimates).collect();
    let all = Places::of(&operands, |_| true).at(&operands);
    // The mean is broadcast to the other operands' dimensions, so that its positions are theirs.
    let stride = |d: usize| mean.filter(|m| m.shape[d] != 1).map_or(0, |m| m.strides[d]);
    let broadcast = Places::from_strides(u.shape, &[(0..u.shape.len()).map(stride).collect()]);
    let body = || {
        let estimate = match mean {
            Some(_) => "in1(at.z) * in2(at.w) / m_maximum(in3(place_mean(i).x), p.a.z)",
            None => "in1(at.z)",
        };
        format!(
            "fn body(i: u32) {{\n  let at = place_all(i);\n  let v = {estimate};\n  \
             put0(at.x, 1.0 / sqrt(m_maximum(v, p.a.x)) * (in0(at.y) * p.a.y));\n}}\n\n"
        )
    };
    let outs = [*u];
    let ins: Vec<View> = std::iter::once(g).chain(estimates).chain(mean).copied().collect();
    let [floor, sign, eps] = numbers.map(f32::to_bits);
    let e = Each::new("adafactor update", &outs, &ins, u.numel(), &body);
    let (sets, params) = ([("all", &all), ("mean", &broadcast)], [floor, sign, eps, 0]);
    each(l, &Each { variant: mean.is_some() as u64, sets: &sets, fields: "  a: vec4<f32>,\n", params: &params, ..e })
}

/// ins: [grad]; outs: [param, row_var, col_var] or [param, variance]; attrs: lr, weight_decay, eps1, eps2, d, maximize,
/// step ** beta2_decay, min(lr, 1 / sqrt(step)).
pub(crate) fn step(l: &Launch) -> Result<()> {
    let (g, p) = (&l.ins[0], &l.outs[0]);
    let f = |i: usize| l.attrs[i].f();
    let (numel, weight) = (p.numel(), f(6) as f32);
    if numel == 0 {
        return Ok(());
    }
    let eps1 = f(2) as f32;
    let numbers = [eps1 * eps1, if l.attrs[5].b() { -1.0 } else { 1.0 }, eps1];
    let u = Own::new(l, p.shape)?;
    let rank = p.shape.len();
    if let [_, row, column] = l.outs {
        approach(l, row, &Own::norm(l, g, row.shape)?.view(), p.shape[rank - 1], weight)?;
        approach(l, column, &Own::norm(l, g, column.shape)?.view(), p.shape[rank - 2], weight)?;
        let mut shape = row.shape.to_vec();
        shape[rank - 2] = 1;
        let mean = Own::new(l, &shape)?;
        let divisor = [Attr::from(p.shape[rank - 2] as f64)];
        reduce::sum(&Launch { name: "sum", ins: &[*row], outs: &[mean.view()], attrs: &divisor, ..*l })?;
        updates(l, &u.view(), g, &l.outs[1..], Some(&mean.view()), numbers)?;
    } else {
        let variance = &l.outs[1];
        let text = "  let g = in0(at.y);\n  put0(at.x, m_lerp(out0(at.x), g * g, p.a.x));\n";
        over(l, "adafactor squares", &[variance, g], &[weight], text)?;
        updates(l, &u.view(), g, &l.outs[1..], None, numbers)?;
    }
    let ones = vec![1; rank];
    let (size, change) = (Own::norm(l, p, &ones)?, Own::norm(l, &u.view(), &ones)?);
    let shrink = if f(1) != 0.0 { 1.0 - f(0) * f(1) } else { 1.0 };
    // Both norms become means by a factor; a maximum takes the number where the other is none.
    let root = (numel as f64).sqrt();
    const TEXT: &str = "  let size = in1(at.z) * p.a.x;\n  let change = in2(at.w) * p.a.y;\n  \
                let rate = -select(p.eps, size, size > p.eps) * p.a.w / select(1.0, change, change > 1.0);\n  \
                put0(at.x, out0(at.x) * p.a.z + rate * in0(at.y));\n";
    let views = [*p, u.view(), size.view(), change.view()];
    let operands: Vec<&View> = views.iter().collect();
    let places = Places::of(&operands, |_| true).at(&operands);
    let body = || format!("fn body(i: u32) {{\n  let at = place_all(i);\n{TEXT}}}\n\n");
    let params = [1.0 / root, 1.0 / (root * f(4)), shrink, f(7), f(3)].map(|v| (v as f32).to_bits());
    let e = Each::new(l.name, &views[..1], &views[1..], numel, &body);
    each(l, &Each { sets: &[("all", &places)], fields: "  a: vec4<f32>,\n  eps: f32,\n", params: &params, ..e })
}
