//! Matrix products: batched `alpha * A @ B + beta * C`, any strides.

use cresset_lane::Attr;

use super::gemm::{Gemm, gemm};
use super::places::Places;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::wgsl::Scalar;

fn stride(v: &View, d: usize) -> isize {
    if v.shape[d] == 1 { 0 } else { v.strides[d] }
}

/// A factor of a product as the bits of its type.
fn factor(l: &Launch, i: usize) -> u32 {
    let float = Scalar::of(l.ins[0].dtype) == Scalar::Float;
    let one = if float { Attr::from(1.0) } else { Attr::from(1i64) };
    let a = l.attrs.get(i).copied().unwrap_or(one);
    if float { (a.f() as f32).to_bits() } else { a.i() as i32 as u32 }
}

/// `out[b, m, n] = alpha * sum over k of a[b, m, k] * b[b, k, n] (+ beta * init[b, m, n])`.
pub(crate) fn matmul(l: &Launch) -> Result<()> {
    let (a, b, out) = (&l.ins[0], &l.ins[1], &l.outs[0]);
    let rank = out.shape.len();
    let (m, n, k) = (out.shape[rank - 2], out.shape[rank - 1], a.shape[rank - 1]);
    let numbers = [factor(l, 0), factor(l, 1), 0, 0];
    let views: Vec<&View> = [a, b, out].into_iter().chain(l.ins.get(2)).collect();
    // One B for every batch: the batch is only more rows, if those of the others lie behind each other.
    let leading = |v: &View| (0..rank - 2).map(|d| stride(v, d)).collect::<Vec<_>>();
    let mut rows = m;
    let mut row: Vec<isize> = views.iter().map(|v| stride(v, rank - 2)).collect();
    let mut batch = Places::from_strides(&out.shape[..rank - 2], &views.iter().map(|v| leading(v)).collect::<Vec<_>>());
    let shared = leading(b).iter().all(|&s| s == 0) && batch.numel > 1;
    let merged: Vec<Vec<isize>> = views
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != 1)
        .map(|(_, v)| [leading(v), vec![stride(v, rank - 2)]].concat())
        .collect();
    let merged = Places::from_strides(&out.shape[..rank - 1], &merged);
    if shared && merged.dims.sizes.len() == 1 {
        rows = merged.numel;
        for (to, &from) in [0, 2, 3].into_iter().zip(&merged.dims.strides[0]) {
            row[to] = from;
        }
        batch = Places::from_strides(&[], &vec![vec![]; views.len()]);
    }
    let batch = batch.at(&views);
    let mut params: Vec<u32> = numbers.to_vec();
    for (i, v) in views.iter().enumerate() {
        params.extend([
            (if i == 1 { stride(v, rank - 2) } else { row[i] }) as i32 as u32,
            stride(v, rank - 1) as i32 as u32,
        ]);
    }
    params.resize(12, 0);
    let t = Scalar::of(out.dtype).name();
    let operands = || {
        format!(
            "alias RowA = u32;\nalias RowB = u32;\n\
             fn row_a(m: u32) -> u32 {{\n  return base.x + m * p.a.x;\n}}\n\
             fn get_a(row: u32, k: u32) -> {t} {{\n  return in0(row + k * p.a.y);\n}}\n\
             fn row_b(n: u32) -> u32 {{\n  return base.y + n * p.a.w;\n}}\n\
             fn get_b(row: u32, k: u32) -> {t} {{\n  return in1(row + k * p.a.z);\n}}\n\n"
        )
    };
    let adds = l.ins.len() > 2;
    let store = || {
        let init = if adds {
            format!(" + bitcast<{t}>(p.factors.y) * in2(base.w + m * p.c.z + n * p.c.w)")
        } else {
            String::new()
        };
        format!(
            "fn store(m: u32, n: u32, v: {t}) {{\n  put(base.z + m * p.c.x + n * p.c.y, bitcast<{t}>(p.factors.x) * v{init});\n}}\n\n"
        )
    };
    gemm(
        l,
        &Gemm {
            name: l.name,
            variant: adds as u64,
            ins: l.ins,
            out: *out,
            sizes: [rows, n, k],
            batch,
            along_k: [stride(a, rank - 1).abs() == 1, stride(b, rank - 2).abs() == 1],
            fields: "  factors: vec4<u32>,\n  a: vec4<u32>,\n  c: vec4<u32>,\n",
            params: &params,
            operands: &operands,
            store: &store,
        },
    )
}
