//! Factorizations and triangular systems of batches of matrices, in float32. The operands are those of the CPU's kernels
//! (cpu/src/linalg/mod.rs), which compute in float64: digits that a matrix's condition costs are lost here.
//!
//! The algorithms are the CPU's; a workgroup has a matrix. Jacobi's rotations are made in rounds, each of pairs that have no row
//! or column in common (R. Brent, F. Luk, "The solution of singular-value and symmetric eigenvalue problems on multiprocessor
//! arrays", SIAM J. Sci. Stat. Comput. 6, 1985). What is done stands in dense.wgsl and spectral.wgsl.

use cresset_lane::DType;

use crate::error::Result;
use crate::kernels::each::{By, Each, each};
use crate::kernels::join::Join;
use crate::kernels::places::Places;
use crate::launch::{Launch, View};
use crate::wgsl::pick;

const TEXT: &str = concat!(include_str!("dense.wgsl"), "\n\n", include_str!("spectral.wgsl"));

/// Iterations of loops that an invocation makes in one dispatch: what takes longer than some tenths of a second is taken for a hang
/// by some systems, so long factorizations are cut between steps. (Mesa's llvmpipe ends every loop after 65,535 in all.)
const MOST: usize = 1 << 14;
/// More sweeps than a matrix needs in float32; one without anything to do is not made.
const SWEEPS: usize = 16;

/// An operand by the name that the text has for it, with the number of its last dimensions that are a matrix (2), a vector (1) or a
/// number (0).
#[derive(Clone, Copy)]
struct Operand<'a>(&'static str, &'a View<'a>, usize);

/// A factorization as it is launched: functions NAME_begin, NAME_step and perhaps NAME_end.
struct Steps<'a> {
    name: &'static str,
    outs: &'a [Operand<'a>],
    ins: &'a [Operand<'a>],
    /// Rows and columns.
    size: [usize; 2],
    steps: usize,
    /// Iterations that an invocation makes in a step.
    each: usize,
    flags: u32,
    /// Elements of room for a matrix.
    work: usize,
    functions: &'a [&'a str],
    ends: bool,
}

const FIELDS: &str = "  m: u32,\n  n: u32,\n  steps: u32,\n  from_: u32,\n  to: u32,\n  flags: u32,\n  work: u32,\n  unused: u32,\n  strides: array<vec4<u32>, 4>,\n";

fn run(l: &Launch, s: &Steps) -> Result<()> {
    let operands: Vec<&Operand> = s.outs.iter().chain(s.ins).collect();
    let of_batch = |o: &Operand| o.1.shape.len() - o.2;
    let batch = &operands[0].1.shape[..of_batch(operands[0])];
    let strides: Vec<Vec<isize>> = operands.iter().map(|o| o.1.strides[..of_batch(o)].to_vec()).collect();
    let views: Vec<&View> = operands.iter().map(|o| o.1).collect();
    let places = Places::from_strides(batch, &strides).at(&views);
    let room = l.gpu.buffer((s.work * places.numel).max(1))?;
    let room = View { buffer: &room, dtype: DType::F32, shape: &[], strides: &[], offset: 0 };

    let body = || {
        let mut text = "var<workgroup> room: array<f32, 256>;\nvar<workgroup> rows: array<u32, 256>;\nvar<workgroup> count: u32;\n\
                        var<private> base: vec4<u32>;\nvar<private> number: u32;\n\n"
            .to_string();
        for (k, Operand(name, v, dims)) in operands.iter().enumerate() {
            let t = crate::wgsl::Scalar::of(v.dtype).name();
            let at = match dims {
                2 => format!("base[{k}] + i * p.strides[{k}].x + j * p.strides[{k}].y"),
                1 => format!("base[{k}] + j * p.strides[{k}].x"),
                _ => format!("base[{k}]"),
            };
            let (get, slot) = if k < s.outs.len() { ("out", k) } else { ("in", k - s.outs.len()) };
            text += &format!("fn get_{name}(i: u32, j: u32) -> {t} {{\n  return {get}{slot}({at});\n}}\n\n");
            if k < s.outs.len() {
                text += &format!("fn put_{name}(i: u32, j: u32, v: {t}) {{\n  put{k}({at}, v);\n}}\n\n");
            }
        }
        if s.name == "geqrf" {
            text += "fn get_v(i: u32, j: u32) -> f32 {\n  return get_o(i, j);\n}\n\n";
        }
        if s.work > 0 {
            let k = s.outs.len();
            text += &format!(
                "fn get_work(at: u32) -> f32 {{\n  return out{k}(number * p.work + at);\n}}\n\n\
                 fn put_work(at: u32, v: f32) {{\n  put{k}(number * p.work + at, v);\n}}\n\n"
            );
        }
        let own = ["begin", "step", "end"].map(|part| format!("{}_{part}", s.name));
        let mut names: Vec<&str> = vec!["sync"];
        names.extend(s.functions);
        names.extend(own.iter().map(String::as_str));
        text += &pick(TEXT, &names);
        if s.functions.contains(&"total") {
            text += &Join { again: true, ..Join::sum("total", "f32", 256) }.text(l.gpu);
        }
        let end =
            if s.ends { format!("  if (p.to == p.steps) {{\n    {}_end(l);\n  }}\n", s.name) } else { String::new() };
        text + &format!(
            "fn body(i: u32, l: u32) {{\n  number = i;\n  base = place_batch(i);\n  if (p.from_ == 0u) {{\n    {0}_begin(l);\n  }}\n  sync();\n  \
             for (var k = p.from_; k < p.to; k++) {{\n    {0}_step(k, l);\n  }}\n{end}}}\n\n",
            s.name
        )
    };
    let mut outs: Vec<View> = s.outs.iter().map(|o| *o.1).collect();
    if s.work > 0 {
        outs.push(room);
    }
    let ins: Vec<View> = s.ins.iter().map(|o| *o.1).collect();
    let at_once = (MOST / s.each.max(1)).max(1);
    let mut from = 0;
    loop {
        let to = s.steps.min(from + at_once);
        let mut params: Vec<u32> =
            [s.size[0], s.size[1], s.steps, from, to, s.flags as usize, s.work, 0].map(|v| v as u32).to_vec();
        for o in &operands {
            let last = o.1.strides[of_batch(o)..].iter().map(|&s| s as i32 as u32);
            params.extend(last.chain([0; 4]).take(4));
        }
        params.resize(8 + 16, 0);
        // A matrix takes as long as its workgroup, whatever else the GPU could do: work is counted as if it could not.
        let work = (((to - from) * s.each) << 16) as u64 / places.numel.max(1) as u64 + 1;
        let e = Each::new(l.name, &outs, &ins, places.numel, &body);
        each(l, &Each { sets: &[("batch", &places)], fields: FIELDS, params: &params, by: By::Group, work, ..e })?;
        from = to;
        if from == s.steps {
            return Ok(());
        }
    }
}

/// Rows and columns.
fn size(v: &View) -> [usize; 2] {
    let rank = v.shape.len();
    [v.shape[rank - 2], v.shape[rank - 1]]
}

/// `a = P L U`. ins: [a]; outs: [L and U, pivots, info].
pub(crate) fn lu(l: &Launch) -> Result<()> {
    let [m, n] = size(&l.ins[0]);
    run(
        l,
        &Steps {
            name: "lu",
            outs: &[Operand("o", &l.outs[0], 2), Operand("pivots", &l.outs[1], 1), Operand("info", &l.outs[2], 0)],
            ins: &[Operand("a", &l.ins[0], 2)],
            size: [m, n],
            steps: m.min(n),
            each: (m * n + 2 * m + n) / 256 + 12,
            flags: 0,
            work: 0,
            functions: &["copy_matrix"],
            ends: false,
        },
    )
}

/// `a = L L^T`. ins: [a]; outs: [L, info]. Of a matrix that is not positive L is undefined.
pub(crate) fn cholesky(l: &Launch) -> Result<()> {
    let [m, n] = size(&l.ins[0]);
    run(
        l,
        &Steps {
            name: "cholesky",
            outs: &[Operand("o", &l.outs[0], 2), Operand("info", &l.outs[1], 0)],
            ins: &[Operand("a", &l.ins[0], 2)],
            size: [m, n],
            steps: n,
            each: (n * n + n) / 256 + 4,
            flags: 0,
            work: 0,
            functions: &[],
            ends: false,
        },
    )
}

/// Householder vectors and R. ins: [a]; outs: [both, tau].
pub(crate) fn geqrf(l: &Launch) -> Result<()> {
    let [m, n] = size(&l.ins[0]);
    // A vector stands below the diagonal of the matrix itself.
    run(
        l,
        &Steps {
            name: "geqrf",
            outs: &[Operand("o", &l.outs[0], 2), Operand("tau", &l.outs[1], 1)],
            ins: &[Operand("a", &l.ins[0], 2)],
            size: [m, n],
            steps: m.min(n),
            each: n.div_ceil(8) * (m / 16 + 8) + m / 128 + 12,
            flags: 0,
            work: 0,
            functions: &["copy_matrix", "total", "team_total", "reflect"],
            ends: false,
        },
    )
}

/// The first columns of the reflections' product. ins: [vectors, tau]; outs: [q].
pub(crate) fn householder(l: &Launch) -> Result<()> {
    let [m, n] = size(&l.ins[0]);
    run(
        l,
        &Steps {
            name: "householder",
            outs: &[Operand("o", &l.outs[0], 2)],
            ins: &[Operand("v", &l.ins[0], 2), Operand("tau", &l.ins[1], 1)],
            size: [m, n],
            steps: *l.ins[1].shape.last().expect("a vector"),
            each: n.div_ceil(8) * (m / 16 + 8) + 4,
            flags: 0,
            work: 0,
            functions: &["team_total", "reflect"],
            ends: false,
        },
    )
}

/// `a x = b`. ins: [a, b]; outs: [x]; attrs: [upper, ones on the diagonal].
pub(crate) fn solve_triangular(l: &Launch) -> Result<()> {
    let [n, k] = size(&l.ins[1]);
    run(
        l,
        &Steps {
            name: "solve_triangular",
            outs: &[Operand("o", &l.outs[0], 2)],
            ins: &[Operand("a", &l.ins[0], 2), Operand("b", &l.ins[1], 2)],
            size: [n, k],
            steps: n,
            each: (n * k + k) / 256 + 4,
            flags: l.attrs[0].b() as u32 | (l.attrs[1].b() as u32) << 1,
            work: 0,
            functions: &[],
            ends: false,
        },
    )
}

/// Rounds of all sweeps, in which each of n meets every other one.
fn rounds(n: usize) -> usize {
    SWEEPS * (n + n % 2).saturating_sub(1)
}

/// Eigenvalues and eigenvectors of a symmetric matrix. ins: [a]; outs: [w, v].
pub(crate) fn eigh(l: &Launch) -> Result<()> {
    let [_, n] = size(&l.ins[0]);
    run(
        l,
        &Steps {
            name: "eigh",
            outs: &[Operand("w", &l.outs[0], 1), Operand("v", &l.outs[1], 2)],
            ins: &[Operand("a", &l.ins[0], 2)],
            size: [n, n],
            steps: rounds(n),
            each: 2 * n * n / 256 + 24,
            flags: 0,
            work: 2 * n * n + n + 2,
            functions: &[
                "total",
                "meeting",
                "rotation",
                "rotated",
                "eigh_done",
                "eigh_rotation",
                "eigh_at",
                "eigh_put",
                "eigh_block",
            ],
            ends: true,
        },
    )
}

/// `a = U diag(s) Vh`. ins: [a]; outs: [u, s, vh].
pub(crate) fn svd(l: &Launch) -> Result<()> {
    let [m, n] = size(&l.ins[0]);
    run(
        l,
        &Steps {
            name: "svd",
            outs: &[Operand("o", &l.outs[0], 2), Operand("s", &l.outs[1], 1), Operand("vh", &l.outs[2], 2)],
            ins: &[Operand("a", &l.ins[0], 2)],
            size: [m, n],
            steps: rounds(n),
            each: n.div_ceil(16) * (m / 16 + n / 32 + 20) + 4,
            flags: 0,
            work: m * n + n * n + n + 2,
            functions: &["total", "team_total", "meeting", "rotation", "rotated", "svd_words", "svd_complete"],
            ends: true,
        },
    )
}
