//! What kernels share: operands as bindings, and the cut of positions into workgroups.

use crate::device::Gpu;
use crate::launch::View;
use crate::pipeline::MAX_BINDINGS;
use crate::pool::Buffer;
use crate::wgsl::Scalar;

/// Invocations of a workgroup.
pub(crate) const GROUP: u32 = 256;

/// Which binding each operand is. A buffer that is written is bound once, and all operands in it go through that binding,
/// since WebGPU forbids another.
pub(crate) struct Bindings<'a> {
    pub list: Vec<(&'a Buffer, bool)>,
    /// The binding of each operand, outputs first.
    pub slots: Vec<usize>,
}

impl<'a> Bindings<'a> {
    pub fn new(outs: &[View<'a>], ins: &[View<'a>]) -> Bindings<'a> {
        let mut b = Bindings { list: Vec::with_capacity(MAX_BINDINGS), slots: Vec::with_capacity(MAX_BINDINGS) };
        for (k, v) in outs.iter().chain(ins).enumerate() {
            let written = k < outs.len();
            // Reading one buffer through two bindings is allowed, and keeps the text one for x * x and x * y.
            let same = b.list.iter().position(|(buffer, w)| *w && buffer.same(v.buffer));
            b.slots.push(same.unwrap_or_else(|| {
                b.list.push((v.buffer, written));
                b.list.len() - 1
            }));
        }
        b
    }

    /// The aliases as bits of a variant: 3 for each operand.
    pub fn variant(&self) -> u64 {
        self.slots.iter().enumerate().fold(0, |bits, (k, &slot)| bits | ((slot as u64) << (3 * k)))
    }

    /// The declarations `b0`, `b1`, ..., whose elements are of these types (one for each operand).
    pub fn declare(&self, types: &[String]) -> String {
        let mut text = String::new();
        for (b, (_, written)) in self.list.iter().enumerate() {
            let access = if *written { "read_write" } else { "read" };
            let operand = self.slots.iter().position(|&s| s == b).unwrap();
            let t = &types[operand];
            text += &format!("@group(0) @binding({}) var<storage, {access}> b{b}: array<{t}>;\n", b + 1);
        }
        text
    }
}

/// The type of a dtype's elements on the device, as a number of a variant.
pub(crate) fn scalar_code(t: Scalar) -> u64 {
    match t {
        Scalar::Float => 0,
        Scalar::Int => 1,
        Scalar::Byte => 2,
        Scalar::Truth => 3,
    }
}

/// Workgroups for so many positions, `each` of them a workgroup, folded into two dimensions where one is too short. A kernel finds
/// its number as `w.x + w.y * groups.x`.
pub(crate) fn groups(gpu: &Gpu, positions: usize, each: usize) -> [u32; 3] {
    let count = positions.div_ceil(each);
    let most = gpu.0.limits.max_compute_workgroups_per_dimension as usize;
    if count <= most {
        return [count as u32, 1, 1];
    }
    let rows = count.div_ceil(most);
    [count.div_ceil(rows) as u32, rows as u32, 1]
}

/// Where a kernel text begins: its number in the grid.
pub(crate) const POSITION: &str = "\
fn group_number(w: vec3<u32>, n: vec3<u32>) -> u32 {
  return w.x + w.y * n.x;
}
";
