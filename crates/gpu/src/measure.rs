//! What a device can do at most, to hold kernels against; and products of matrices by one way or another, to fill in the table by
//! which they are chosen.

use std::time::{Duration, Instant};

use cresset_lane::DType;

use crate::device::Gpu;
use crate::error::Result;
use crate::kernels::sharing;
use crate::pipeline::Key;
use crate::stream::Dispatch;

/// Fused multiply-adds of vectors of four that an invocation makes in a round.
const CHAINS: usize = 16;

/// Independent chains of multiply-adds in registers: neither memory nor waiting for a result limits it.
fn text() -> String {
    let each = |f: &dyn Fn(usize) -> String| (0..CHAINS).map(f).collect::<Vec<_>>().join("\n");
    format!(
        "struct Params {{ rounds: u32 }}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) g: vec3<u32>) {{
  let x = vec4<f32>(f32(g.x) * 1e-9 + 0.5);
  let k = vec4<f32>(0.999);
{}
  for (var i = 0u; i < p.rounds; i++) {{
{}
  }}
  let sum = {};
  y[g.x] = sum.x + sum.y + sum.z + sum.w;
}}
",
        each(&|i| format!("  var a{i} = x + vec4<f32>({i}.0);")),
        each(&|i| format!("    a{i} = fma(a{i}, k, x);")),
        (0..CHAINS).map(|i| format!("a{i}")).collect::<Vec<_>>().join(" + "),
    )
}

/// The most float32 operations a second, in units of 10^9, that multiply-adds in registers reach here; a multiply-add is two.
///
/// # Errors
/// What the device reports.
pub fn fma_roof(gpu: &Gpu) -> Result<f64> {
    let threads = 256 * 256;
    let out = gpu.buffer(threads)?;
    let run = |rounds: u32| -> Result<Duration> {
        let start = Instant::now();
        gpu.dispatch(&Dispatch {
            key: Key { kernel: "fma roof", variant: 0 },
            text: &text,
            bindings: &[(&out, true)],
            params: &[rounds],
            groups: [(threads / 256) as u32, 1, 1],
            work: 0,
        });
        crate::wait(gpu.read(&out, DType::F32, 0, 1))?;
        Ok(start.elapsed())
    };
    run(1)?;
    // As many rounds as take some tenths of a second.
    let mut rounds = 8;
    while run(rounds)? < Duration::from_millis(200) && rounds < 1 << 20 {
        rounds *= 2;
    }
    let best = (0..5).map(|_| run(rounds)).collect::<Result<Vec<_>>>()?.into_iter().min().unwrap_or_default();
    Ok(threads as f64 * f64::from(rounds) * (CHAINS * 4 * 2) as f64 / best.as_secs_f64() / 1e9)
}

/// The ways in which results of a product of matrices are shared out: `thin` is an invocation to a result, `dot` a workgroup, and the
/// others are tiles.
pub fn configurations() -> impl Iterator<Item = &'static str> {
    sharing::ALL.iter().map(|&(name, _)| name)
}

/// The way that the adapter's table has for a product of `m` rows and `n` columns over `k`, of two row-major matrices of which the
/// second may be a transposed one.
pub fn chosen(gpu: &Gpu, [m, n, k]: [usize; 3], transposed: bool) -> &'static str {
    let way = sharing::choose(&gpu.0.traits, [m, n, k], 1, [true, transposed]);
    sharing::ALL.iter().find(|&&(_, s)| s == way).map_or("", |&(name, _)| name)
}

/// Lets every product go one way, whatever its shape, or again as the adapter's table says.
///
/// # Panics
/// If no way has this name.
pub fn force(gpu: &Gpu, configuration: Option<&str>) {
    let way = |name: &str| {
        sharing::ALL.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("there is no configuration {name:?}")).1
    };
    gpu.0.traits.forced.set(configuration.map(way));
}
