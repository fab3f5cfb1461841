//! The product of two matrices whatever they are made of: how an element of either is found, and what becomes of a result, is a few
//! functions in WGSL. Matrix products and the three passes of a convolution are that.
//!
//! A workgroup computes a tile of results, 4x4 to an invocation, from slices of both matrices in workgroup memory; the next slice is
//! fetched while one is multiplied. Where a matrix has but a few rows that is no use: then neighbouring invocations read neighbours of
//! the other one, which are results of their own or, along k, parts of one. Which of these is taken, and in what sizes, is said in
//! `sharing.rs`. Where there are few results and many products to each, these are cut into parts that a second launch adds up.

use super::bind::{Bindings, POSITION, groups, scalar_code};
use super::join::Join;
use super::places::{Places, place};
use super::sharing::{GROUP, Sharing, Tile, choose, parts};
use crate::device::Gpu;
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

/// Runs a product.
pub(crate) fn gemm(l: &Launch, g: &Gemm) -> Result<()> {
    let [m, n, _] = g.sizes;
    let batch = g.batch.numel;
    if m == 0 || n == 0 || batch == 0 {
        return Ok(());
    }
    if !g.batch.fits() {
        return l.refuse("a batch of so many dimensions that do not lie behind each other");
    }
    let sharing = choose(&l.gpu.0.traits, g.sizes, batch, g.along_k);
    let parts = parts(&l.gpu.0.traits, sharing, g.sizes, batch);
    if parts == 1 {
        launch(l, g, sharing, 1, None);
        return Ok(());
    }
    let total = m * n * batch;
    let partial = l.gpu.buffer(parts * total)?;
    let size = [parts * total];
    let view = View { buffer: &partial, dtype: g.out.dtype, shape: &size, strides: &[1], offset: 0 };
    launch(l, g, sharing, parts, Some(view));
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

fn launch(l: &Launch, g: &Gemm, sharing: Sharing, parts: usize, partial: Option<View>) {
    let out = partial.unwrap_or(g.out);
    // What is added to the results is read when the parts are.
    let ins = if partial.is_some() { &g.ins[..2] } else { g.ins };
    let b = Bindings::new(&[out], ins);
    let t = Scalar::of(g.out.dtype);
    let [m, n, k] = g.sizes;
    let tiles = match sharing {
        Sharing::Tiled(tile) => tile.count(m, n),
        _ => [1, 1],
    };
    // Parts share a workgroup where an invocation has a result.
    let grid = match sharing {
        Sharing::Thin => (m * n * g.batch.numel * parts).div_ceil(GROUP),
        _ => sharing.count([m, n], g.batch.numel) * parts,
    };
    let along = g.along_k[0] as u64 | (g.along_k[1] as u64) << 1;
    let variant = (((g.variant << 24) | b.variant()) << 8)
        | (scalar_code(t) << 6)
        | ((parts > 1) as u64) << 5
        | along << 3
        | sharing.code();
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
            let body = match sharing {
                Sharing::Thin => thin(t, partial.is_some()),
                Sharing::Dot => dot(l.gpu, t, partial.is_some()),
                Sharing::Tiled(tile) => tiled(t, tile, g.along_k, partial.is_some()),
            };
            link(&(head(g, &b, ins) + &(g.operands)() + &store + &body))
        },
        bindings: &b.list,
        params: &params(g, tiles, parts),
        groups: groups(l.gpu, grid, 1),
        work: 2 * (m * n * k * g.batch.numel) as u64,
    });
}

/// In place of a way's number.
const JOIN: u64 = 7;

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
            variant: (((g.variant << 24) | b.variant()) << 8) | (scalar_code(t) << 6) | JOIN,
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

/// Which result `rest` counts: its place and the part of k.
fn place_of_result(parted: bool) -> String {
    let part = if parted { "  part_of = vec2<u32>(part, batch);\n" } else { "" };
    format!(
        "  if (rest >= p.m * p.n * p.batch * p.parts) {{\n    return;\n  }}\n  \
         let column = rest % p.n;\n  rest /= p.n;\n  let row = rest % p.m;\n  rest /= p.m;\n  let batch = rest % p.batch;\n  \
         let part = rest / p.batch;\n  base = place_batches(batch);\n{part}  let a = row_a(row);\n  let b = row_b(column);\n  \
         let end = min((part + 1u) * p.each, p.k);\n"
    )
}

const MAIN: &str = "@compute @workgroup_size(64)\n\
    fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {\n";

/// Products that an invocation adds up before it adds their sum to those before: errors of rounding grow with a chain's length.
const BLOCK: usize = 64;

fn thin(t: Scalar, parted: bool) -> String {
    let (t, place) = (t.name(), place_of_result(parted));
    format!(
        "{MAIN}  var rest = group_number(w, n) * 64u + l;\n{place}  var v = {t}();\n  \
         for (var k = part * p.each; k < end;) {{\n    var block = {t}();\n    let stop = min(k + {BLOCK}u, end);\n    \
         for (; k < stop; k++) {{\n      block += get_a(a, k) * get_b(b, k);\n    }}\n    \
         v += block;\n  }}\n  store(row, column, v);\n}}\n"
    )
}

fn dot(gpu: &Gpu, t: Scalar, parted: bool) -> String {
    let (t, place) = (t.name(), place_of_result(parted));
    Join::sum("joined", t, 64).text(gpu)
        + &format!(
            "{MAIN}  var rest = group_number(w, n);\n{place}  var v = {t}();\n  \
             for (var k = part * p.each + l; k < end; k += 64u) {{\n    v += get_a(a, k) * get_b(b, k);\n  }}\n  \
             let all = joined(l, v);\n  if (l == 0u) {{\n    store(row, column, all);\n  }}\n}}\n"
        )
}

fn tiled(t: Scalar, tile: Tile, along_k: [bool; 2], parted: bool) -> String {
    let t = t.name();
    let (Tile { rows, columns, depth }, threads) = (tile, tile.invocations());
    // Rows of four: of A's slice, and columns of B's.
    let (high, wide) = (rows / 4, columns / 4);
    let mut text = format!(
        "var<workgroup> slice_a: array<vec4<{t}>, {}>;\nvar<workgroup> slice_b: array<vec4<{t}>, {}>;\n\n\
         @compute @workgroup_size({threads})\n\
         fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) l: u32) {{\n  \
         var rest = group_number(w, groups);\n  if (rest >= p.tiles_m * p.tiles_n * p.batch * p.parts) {{\n    return;\n  }}\n  \
         let n0 = (rest % p.tiles_n) * {columns}u;\n  rest /= p.tiles_n;\n  let m0 = (rest % p.tiles_m) * {rows}u;\n  rest /= p.tiles_m;\n  \
         let batch = rest % p.batch;\n  let part = rest / p.batch;\n  base = place_batches(batch);\n",
        depth * high,
        depth * wide,
    );
    if parted {
        text += "  part_of = vec2<u32>(part, batch);\n";
    }
    text += "  let end = min((part + 1u) * p.each, p.k);\n";
    // An invocation fetches four rows of a slice at one k, several times where a slice has more of these than there are
    // invocations; neighbouring invocations read neighbours in memory.
    let (mut fetch, mut keep) = (String::new(), String::new());
    for (name, first, along, side) in [("a", "m0", along_k[0], high), ("b", "n0", along_k[1], wide)] {
        for i in 0..(depth * side).div_ceil(threads) {
            let own = format!("{name}{i}");
            let at = format!("(l + {}u)", i * threads);
            let (k, q) = if along {
                (format!("{at} % {depth}u"), format!("{at} / {depth}u"))
            } else {
                (format!("{at} / {side}u"), format!("{at} % {side}u"))
            };
            text += &format!("  let k_{own} = {k};\n  let q_{own} = {q};\n");
            for r in 0..4 {
                text += &format!("  let {own}_{r} = row_{name}({first} + 4u * q_{own} + {r}u);\n");
            }
            text += &format!("  var at_{own} = part * p.each + k_{own};\n  var next_{own} = vec4<{t}>();\n");
            let each: Vec<String> = (0..4).map(|r| format!("get_{name}({own}_{r}, at_{own})")).collect();
            fetch += &format!("next_{own} = select(vec4<{t}>(), vec4<{t}>({}), at_{own} < end);\n", each.join(", "));
            fetch += &format!("at_{own} += {depth}u;\n");
            let store = format!("slice_{name}[k_{own} * {side}u + q_{own}] = next_{own};\n");
            // With fewer rows than invocations the rest of them fetch what nobody keeps.
            keep +=
                &if depth * side < threads { format!("if (l < {}u) {{\n  {store}}}\n", depth * side) } else { store };
        }
    }
    text += &format!(
        "  let x = l % {wide}u;\n  let y = l / {wide}u;\n  var c0 = vec4<{t}>();\n  var c1 = vec4<{t}>();\n  var c2 = vec4<{t}>();\n  var c3 = vec4<{t}>();\n  \
         {fetch}\
         for (var k0 = part * p.each; k0 < end; k0 += {depth}u) {{\n{keep}    workgroupBarrier();\n{fetch}    \
         for (var k = 0u; k < {depth}u; k++) {{\n      let a = slice_a[k * {high}u + y];\n      let b = slice_b[k * {wide}u + x];\n      \
         c0 += a.x * b;\n      c1 += a.y * b;\n      c2 += a.z * b;\n      c3 += a.w * b;\n    }}\n    workgroupBarrier();\n  }}\n  \
         let row = m0 + 4u * y;\n  let column = n0 + 4u * x;\n"
    );
    for r in 0..4 {
        text += &format!(
            "  if (row + {r}u < p.m) {{\n    for (var j = 0u; j < 4u && column + j < p.n; j++) {{\n      store(row + {r}u, column + j, c{r}[j]);\n    }}\n  }}\n"
        );
    }
    text + "}\n"
}
