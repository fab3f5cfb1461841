//! The elementwise steps of Muon (cpu/src/optim/muon.rs). What is rounded to bfloat16 is held in float32, where the CPU holds it in
//! float64: each step here equals the CPU's but where its result lies within a few units of float32 of the middle between two
//! bfloat16 numbers. The products between the steps are sums in float32, as those of bfloat16 are on other GPUs.

use cresset_lane::{Attr, DType};

use super::each::{Each, each};
use super::places::Places;
use super::pointwise::{Function, map};
use super::reduce;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::wgsl::Scalar;

/// ins: [grad]; outs: [x (float32, contiguous), momentum_buffer]; attrs: [momentum, nesterov, eps].
pub(crate) fn round(l: &Launch) -> Result<()> {
    let (x, buffer, grad) = (&l.outs[0], &l.outs[1], &l.ins[0]);
    let (momentum, nesterov) = (l.attrs[0].f(), l.attrs[1].b());
    let all = Places::of(&[x, buffer, grad], |_| true).at(&[x, buffer, grad]);
    let body = || {
        let ahead = if nesterov { "m_lerp(g, b, p.look)" } else { "b" };
        format!(
            "fn body(i: u32) {{\n  let at = place_all(i);\n  let g = in0(at.z);\n  let b = m_lerp(out1(at.y), g, p.fresh);\n  \
             put1(at.y, b);\n  put0(at.x, m_bfloat16({ahead}));\n}}\n\n"
        )
    };
    let params = [(1.0 - momentum) as f32, momentum as f32].map(f32::to_bits);
    let e = Each::new(l.name, l.outs, l.ins, x.numel(), &body);
    let fields = "  fresh: f32,\n  look: f32,\n";
    each(l, &Each { variant: nesterov as u64, sets: &[("all", &all)], fields, params: &params, ..e })?;

    let sum = l.gpu.buffer(1)?;
    let norm = View { buffer: &sum, dtype: DType::F32, shape: &[1, 1], strides: &[1, 1], offset: 0 };
    reduce::norm(&Launch { name: "norm", ins: &[*x], outs: &[norm], attrs: &[Attr::from(2.0)], ..*l })?;
    let text = || {
        "fn f(x: f32, n: f32) -> f32 {\n  return m_bfloat16(x / m_maximum(m_bfloat16(n), m_bfloat16(bitcast<f32>(p.params.x))));\n}\n".to_string()
    };
    let params = [(l.attrs[2].f() as f32).to_bits(), 0, 0, 0];
    let f = Function {
        name: "muon_round divide",
        text: &text,
        types: &[Scalar::Float; 3],
        params,
        variant: 0,
        work: 16,
        demand: None,
    };
    map(&Launch { ins: &[*x, norm], outs: &[*x], ..*l }, &f)
}

/// `bfloat16(alpha * x + beta * y)`, or `bfloat16(x)` of one input.
pub(crate) fn combine(l: &Launch) -> Result<()> {
    let two = l.ins.len() == 2;
    let text = || {
        match two {
        true => "fn f(x: f32, y: f32) -> f32 {\n  return m_bfloat16(fma(bitcast<f32>(p.params.x), x, bitcast<f32>(p.params.y) * y));\n}\n".to_string(),
        false => "fn f(x: f32) -> f32 {\n  return m_bfloat16(x);\n}\n".to_string(),
    }
    };
    let number = |k: usize| l.attrs.get(k).map_or(0, |a| (a.f() as f32).to_bits());
    let params = [number(0), number(1), 0, 0];
    let types = &[Scalar::Float; 3][..l.ins.len() + 1];
    map(l, &Function { name: l.name, text: &text, types, params, variant: two as u64, work: 16, demand: None })
}
