//! A small computation whose result is known: adapters exist that answer 0, or lose what workgroups share; and whether
//! subgroups are as kernels need them.

use cresset_lane::DType;

use super::join::{Join, LEAST, Merge};
use crate::device::Gpu;
use crate::error::{Error, Kind, Result};
use crate::pipeline::Key;
use crate::stream::Dispatch;
use crate::wgsl::link;

/// Elements, in four workgroups.
const N: usize = 1024;

const TEXT: &str = "\
struct Params {
  factor: u32,
  nan: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
var<workgroup> shared_values: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  shared_values[l] = x[g.x] * bitcast<f32>(p.factor);
  workgroupBarrier();
  for (var step = 128u; step > 0u; step >>= 1u) {
    if (l < step) {
      shared_values[l] += shared_values[l + step];
    }
    workgroupBarrier();
  }
  let nan = bitcast<f32>(p.nan);
  y[g.x] = select(shared_values[0] + x[g.x], -1.0, nan == nan);
}
";

/// Compares a computation with what it must give.
///
/// # Errors
/// `Untrusted` where it gives something else.
pub(crate) async fn run(gpu: &Gpu) -> Result<()> {
    let x: Vec<f32> = (0..N).map(|i| (i * 37 % 101) as f32 - 50.0).collect();
    let from = gpu.upload(DType::F32, &x.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<_>>())?;
    let to = gpu.buffer(N)?;
    gpu.dispatch(&Dispatch {
        key: Key { kernel: "self-test", variant: 0 },
        text: &|| TEXT.to_string(),
        bindings: &[(&from, false), (&to, true)],
        params: &[0.5f32.to_bits(), f32::NAN.to_bits()],
        groups: [(N / 256) as u32, 1, 1],
        work: 0,
    });
    let bytes = gpu.read(&to, DType::F32, 0, N).await?;
    for (i, v) in bytes.chunks_exact(4).map(|v| f32::from_ne_bytes(v.try_into().unwrap())).enumerate() {
        let start = i / 256 * 256;
        let want = x[start..start + 256].iter().sum::<f32>() * 0.5 + x[i];
        if v != want {
            return Err(Error::new(
                Kind::Untrusted,
                format!(
                    "webgpu: {} computes wrongly ({v} in place of {want}) and is not used. Update its driver.",
                    gpu.name()
                ),
            ));
        }
    }
    Ok(())
}

/// Invocations of the workgroups that subgroups are tried in: all that kernels with joins have.
const LANES: [u32; 2] = [64, 256];

/// For every invocation 1 if its subgroup is what joins take for it, and what joins give.
fn text_of_joins(gpu: &Gpu, lanes: u32) -> String {
    let sum = Join { again: true, ..Join::sum("sum_all", "f32", lanes) };
    let max = Join { name: "max_all", start: "-m_inf()", merge: Merge::Max, ..sum };
    let by = Join { name: "xor_all", acc: "u32", start: "0u", merge: Merge::By("a ^ b"), ..sum };
    let joins = sum.text(gpu) + &max.text(gpu) + &by.text(gpu);
    link(&format!(
        "struct Params {{\n  nan: u32,\n}}\n@group(0) @binding(0) var<uniform> p: Params;\n\
         @group(0) @binding(1) var<storage, read_write> y: array<f32>;\n\n{joins}\
         @compute @workgroup_size({lanes})\nfn main(@builtin(local_invocation_index) l: u32) {{\n  \
         let size = subgroupAdd(1u);\n  let first = l / size * size;\n  let low = subgroupMin(l);\n  let high = subgroupMax(l);\n  \
         let as_taken = size >= {LEAST}u && low == first && high == first + size - 1u;\n  \
         let sum = sum_all(l, f32(l));\n  let most = max_all(l, -f32(l) - 1.0);\n  \
         let none = max_all(l, select(f32(l), bitcast<f32>(p.nan), l == 5u));\n  let bits = xor_all(l, l * l);\n  \
         y[4u * l] = select(0.0, 1.0, as_taken && m_is_nan(none));\n  y[4u * l + 1u] = sum;\n  y[4u * l + 2u] = most;\n  \
         y[4u * l + 3u] = f32(bits);\n}}\n"
    ))
}

/// Lets kernels use subgroups if they are what joins take them for; an adapter on which they are not, or do not compile, is used
/// without.
///
/// # Errors
/// `Lost` where the device is gone.
pub(crate) async fn try_subgroups(gpu: &Gpu) -> Result<()> {
    gpu.0.traits.subgroups.set(true);
    for lanes in LANES {
        let n = 4 * lanes as usize;
        let to = gpu.buffer(n)?;
        gpu.dispatch(&Dispatch {
            key: Key { kernel: "self-test of subgroups", variant: lanes as u64 },
            text: &|| text_of_joins(gpu, lanes),
            bindings: &[(&to, true)],
            params: &[f32::NAN.to_bits()],
            groups: [1, 1, 1],
            work: 0,
        });
        let bits = (0..lanes).fold(0, |bits, l| bits ^ (l * l));
        let want = [1.0, (lanes * (lanes - 1) / 2) as f32, -1.0, bits as f32].map(f32::to_ne_bytes).concat();
        match gpu.read(&to, DType::F32, 0, n).await {
            Ok(got) if got.chunks_exact(16).all(|one| one == want) => {}
            Err(e) if e.kind == Kind::Lost => return Err(e),
            _ => gpu.0.traits.subgroups.set(false),
        }
    }
    Ok(())
}
