//! A small computation whose result is known: adapters exist that answer 0, or lose what workgroups share.

use cresset_lane::DType;

use crate::device::Gpu;
use crate::error::{Error, Kind, Result};
use crate::pipeline::Key;
use crate::stream::Dispatch;

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
