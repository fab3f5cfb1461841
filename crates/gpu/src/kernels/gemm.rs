//! The product of two matrices whatever they are made of: how an element of either is found, and what becomes of a result, is a few
//! functions in WGSL. Matrix products and the three passes of a convolution are that.
//!
//! A workgroup computes a tile of 64x64 or 32x32 results, 4x4 to an invocation, from slices of both matrices in workgroup memory; the
//! next slice is fetched while one is multiplied. Where a matrix has few rows an invocation computes one result. Where there are few
//! results and many products to each, these are cut into parts that a second launch adds up.

use super::bind::{Bindings, POSITION, groups, scalar_code};
use super::places::{Places, place};
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::pipeline::Key;
use crate::stream::Dispatch;
use crate::wgsl::{Scalar, link};

/// A product as it is launched.
pub(crate) struct Gemm<'a> {
    pub name: &'static str,
    /// Which of the texts of this name; below 2^12.
    pub variant: u64,
    pub ins: &'a [View<'a>],
    pub out: View<'a>,
    /// Rows and columns of the result, and what is summed over.
    pub sizes: [usize; 3],
    /// Products of their own: where each begins in ins[0], ins[1], the output and ins[2].
    pub batch: Places,
    /// Whether neighbours in memory are neighbours along k, for either matrix.
    pub along_k: [bool; 2],
    /// More fields of the uniforms `p`, and their words.
    pub fields: &'a str,
    pub params: &'a [u32],
    /// The functions `row_a(m) -> RowA`, `get_a(row, k)`, `row_b(n) -> RowB`, `get_b(row, k)` with the types of the rows. They read
    /// operands by `in0(at)`, `in1(at)`, ..., which begin at `base.x`, `base.y`.
    pub operands: &'a dyn Fn() -> String,
    /// The function `store(m, n, v)`, which calls `put(at, value)`; the output begins at `base.z`, ins[2] at `base.w`.
    pub store: &'a dyn Fn() -> String,
}

/// How results are shared out.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// (edge of a tile, depth of a slice, invocations)
    Tile(u32, u32, u32),
    Thin,
}
const LARGE: Shape = Shape::Tile(64, 16, 256);
const SMALL: Shape = Shape::Tile(32, 8, 64);

/// Workgroups that keep a GPU busy enough: a second launch, which must wait for the first, costs more than what is gained beyond.
const BUSY: usize = 32;
/// The fewest products of a part.
const PART: usize = 256;
const THIN: usize = 4;

/// Runs a product.
pub(crate) fn gemm(l: &Launch, g: &Gemm) -> Result<()> {
    let [m, n, k] = g.sizes;
    let batch = g.batch.numel;
    if m == 0 || n == 0 || batch == 0 {
        return Ok(());
    }
    if !g.batch.fits() {
        return l.refuse("a batch of so many dimensions that do not lie behind each other");
    }
    let tiles = |edge: usize| m.div_ceil(edge) * n.div_ceil(edge) * batch;
    let (shape, count) = if m <= THIN || n <= THIN {
        (Shape::Thin, (m * n * batch).div_ceil(64))
    } else if m <= 32 || n <= 32 || tiles(64) < BUSY {
        (SMALL, tiles(32))
    } else {
        (LARGE, tiles(64))
    };
    let mut parts = 1;
    if count < BUSY && k >= 2 * PART {
        parts = (BUSY / count).min(k / PART).clamp(1, 64);
    }
    if parts == 1 {
        launch(l, g, shape, 1, None);
        return Ok(());
    }
    let total = m * n * batch;
    let partial = l.gpu.buffer(parts * total)?;
    let size = [parts * total];
    let view = View { buffer: &partial, dtype: g.out.dtype, shape: &size, strides: &[1], offset: 0 };
    launch(l, g, shape, parts, Some(view));
    join(l, g, parts, view);
    Ok(())
}

const FIELDS: &str = "  m: u32,\n  n: u32,\n  k: u32,\n  batch: u32,\n  tiles_m: u32,\n  tiles_n: u32,\n  parts: u32,\n  each: u32,\n  batches: Places,\n";

fn head(g: &Gemm, b: &Bindings, ins: &[View]) -> String {
    let t = Scalar::of(g.out.dtype).name();
    let mut types = vec![t.to_string()];
    types.extend(ins.iter().map(|v| Scalar::of(v.dtype).name().to_string()));
    let mut text = format!("struct Params {{\n{FIELDS}{}}}\n@group(0) @binding(0) var<uniform> p: Params;\n", g.fields);
    text += &b.declare(&types);
    text += POSITION;
    text += &place("batches");
    text += "var<private> base: vec4<u32>;\n";
    for (k, slot) in b.slots[1..].iter().enumerate() {
        text += &format!("fn in{k}(at: u32) -> {} {{\n  return b{slot}[at];\n}}\n", types[k + 1]);
    }
    text + &format!("fn put(at: u32, v: {t}) {{\n  b{}[at] = v;\n}}\n\n", b.slots[0])
}

fn params(g: &Gemm, tiles: [usize; 2], parts: usize) -> Vec<u32> {
    let [m, n, k] = g.sizes;
    let numbers = [m, n, k, g.batch.numel, tiles[0], tiles[1], parts, k.div_ceil(parts)];
    let mut params: Vec<u32> = numbers.iter().map(|&v| v as u32).collect();
    g.batch.push(&mut params);
    params.extend(g.params);
    params
}

fn launch(l: &Launch, g: &Gemm, shape: Shape, parts: usize, partial: Option<View>) {
    let out = partial.unwrap_or(g.out);
    // What is added to the results is read when the parts are.
    let ins = if partial.is_some() { &g.ins[..2] } else { g.ins };
    let b = Bindings::new(&[out], ins);
    let t = Scalar::of(g.out.dtype);
    let [m, n, k] = g.sizes;
    let (code, tiles, grid) = match shape {
        Shape::Thin => (0, [1, 1], (m * n * g.batch.numel * parts).div_ceil(64)),
        Shape::Tile(edge, ..) => {
            let tiles = [m.div_ceil(edge as usize), n.div_ceil(edge as usize)];
            (1 + (shape == LARGE) as u64, tiles, tiles[0] * tiles[1] * g.batch.numel * parts)
        }
    };
    let along = g.along_k[0] as u64 | (g.along_k[1] as u64) << 1;
    let variant = (((g.variant << 24) | b.variant()) << 8)
        | (scalar_code(t) << 6)
        | ((parts > 1) as u64) << 5
        | along << 2
        | code;
    l.gpu.dispatch(&Dispatch {
        key: Key { kernel: g.name, variant },
        text: &|| {
            let store = match partial {
                Some(_) => format!(
                    "var<private> part_of: vec2<u32>;\n\
                     fn store(m: u32, n: u32, v: {}) {{\n  put(((part_of.x * p.batch + part_of.y) * p.m + m) * p.n + n, v);\n}}\n\n",
                    t.name()
                ),
                None => (g.store)(),
            };
            let body = match shape {
                Shape::Thin => thin(t, partial.is_some()),
                Shape::Tile(edge, depth, threads) => tiled(t, edge, depth, threads, g.along_k, partial.is_some()),
            };
            link(&(head(g, &b, ins) + &(g.operands)() + &store + &body))
        },
        bindings: &b.list,
        params: &params(g, tiles, parts),
        groups: groups(l.gpu, grid, 1),
        work: 2 * (m * n * k * g.batch.numel) as u64,
    });
}

/// Adds up the parts of every result.
fn join(l: &Launch, g: &Gemm, parts: usize, partial: View) {
    // Operands keep their numbers, so that `store` reads what is added as it does without parts.
    let mut ins = vec![partial, partial];
    ins.extend(&g.ins[2..]);
    let b = Bindings::new(&[g.out], &ins);
    let t = Scalar::of(g.out.dtype);
    let total = g.sizes[0] * g.sizes[1] * g.batch.numel;
    l.gpu.dispatch(&Dispatch {
        key: Key {
            kernel: g.name,
            variant: (((g.variant << 24) | b.variant()) << 8) | (scalar_code(t) << 6) | 3,
        },
        text: &|| {
            let t = t.name();
            let body = format!(
                "@compute @workgroup_size(64)\n\
                 fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {{\n  \
                 let i = group_number(w, n) * 64u + l;\n  let total = p.m * p.n * p.batch;\n  if (i >= total) {{\n    return;\n  }}\n  \
                 var v = {t}();\n  for (var part = 0u; part < p.parts; part++) {{\n    v += in0(part * total + i);\n  }}\n  \
                 let row = i / p.n;\n  base = place_batches(row / p.m);\n  store(row % p.m, i % p.n, v);\n}}\n"
            );
            link(&(head(g, &b, &ins) + &(g.store)() + &body))
        },
        bindings: &b.list,
        params: &params(g, [1, 1], parts),
        groups: groups(l.gpu, total, 64),
        work: (total * parts) as u64,
    });
}

fn thin(t: Scalar, parted: bool) -> String {
    let t = t.name();
    let part = if parted { "  part_of = vec2<u32>(part, batch);\n" } else { "" };
    format!(
        "@compute @workgroup_size(64)\n\
         fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {{\n  \
         var rest = group_number(w, n) * 64u + l;\n  if (rest >= p.m * p.n * p.batch * p.parts) {{\n    return;\n  }}\n  \
         let column = rest % p.n;\n  rest /= p.n;\n  let row = rest % p.m;\n  rest /= p.m;\n  let batch = rest % p.batch;\n  \
         let part = rest / p.batch;\n  base = place_batches(batch);\n{part}  let a = row_a(row);\n  let b = row_b(column);\n  \
         var v = {t}();\n  let end = min((part + 1u) * p.each, p.k);\n  for (var k = part * p.each; k < end; k++) {{\n    \
         v += get_a(a, k) * get_b(b, k);\n  }}\n  store(row, column, v);\n}}\n"
    )
}

fn tiled(t: Scalar, edge: u32, depth: u32, threads: u32, along_k: [bool; 2], parted: bool) -> String {
    let t = t.name();
    let side = edge / 4;
    let mut text = format!(
        "var<workgroup> slice_a: array<vec4<{t}>, {room}>;\nvar<workgroup> slice_b: array<vec4<{t}>, {room}>;\n\n\
         @compute @workgroup_size({threads})\n\
         fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) l: u32) {{\n  \
         var rest = group_number(w, groups);\n  if (rest >= p.tiles_m * p.tiles_n * p.batch * p.parts) {{\n    return;\n  }}\n  \
         let n0 = (rest % p.tiles_n) * {edge}u;\n  rest /= p.tiles_n;\n  let m0 = (rest % p.tiles_m) * {edge}u;\n  rest /= p.tiles_m;\n  \
         let batch = rest % p.batch;\n  let part = rest / p.batch;\n  base = place_batches(batch);\n",
        room = depth * side,
    );
    if parted {
        text += "  part_of = vec2<u32>(part, batch);\n";
    }
    text += "  let end = min((part + 1u) * p.each, p.k);\n";
    // Each invocation fetches four rows of a slice at one k; neighbouring invocations read neighbours in memory.
    for (name, first, along) in [("a", "m0", along_k[0]), ("b", "n0", along_k[1])] {
        let (k, q) = if along {
            (format!("l % {depth}u"), format!("l / {depth}u"))
        } else {
            (format!("l / {side}u"), format!("l % {side}u"))
        };
        text += &format!("  let k_{name} = {k};\n  let q_{name} = {q};\n");
        for r in 0..4 {
            text += &format!("  let {name}{r} = row_{name}({first} + 4u * q_{name} + {r}u);\n");
        }
    }
    let fetch = |name: &str, k: &str| {
        let each: Vec<String> = (0..4).map(|r| format!("get_{name}({name}{r}, {k})")).collect();
        format!("select(vec4<{t}>(), vec4<{t}>({}), {k} < end)", each.join(", "))
    };
    text += &format!(
        "  let x = l % {side}u;\n  let y = l / {side}u;\n  var c0 = vec4<{t}>();\n  var c1 = vec4<{t}>();\n  var c2 = vec4<{t}>();\n  var c3 = vec4<{t}>();\n  \
         var ka = part * p.each + k_a;\n  var kb = part * p.each + k_b;\n  var next_a = {};\n  var next_b = {};\n  \
         for (var k0 = part * p.each; k0 < end; k0 += {depth}u) {{\n    slice_a[k_a * {side}u + q_a] = next_a;\n    slice_b[k_b * {side}u + q_b] = next_b;\n    \
         workgroupBarrier();\n    ka += {depth}u;\n    kb += {depth}u;\n    next_a = {};\n    next_b = {};\n    \
         for (var k = 0u; k < {depth}u; k++) {{\n      let a = slice_a[k * {side}u + y];\n      let b = slice_b[k * {side}u + x];\n      \
         c0 += a.x * b;\n      c1 += a.y * b;\n      c2 += a.z * b;\n      c3 += a.w * b;\n    }}\n    workgroupBarrier();\n  }}\n  \
         let row = m0 + 4u * y;\n  let column = n0 + 4u * x;\n",
        fetch("a", "ka"),
        fetch("b", "kb"),
        fetch("a", "ka"),
        fetch("b", "kb"),
    );
    for r in 0..4 {
        text += &format!(
            "  if (row + {r}u < p.m) {{\n    for (var j = 0u; j < 4u && column + j < p.n; j++) {{\n      store(row + {r}u, column + j, c{r}[j]);\n    }}\n  }}\n"
        );
    }
    text + "}\n"
}
