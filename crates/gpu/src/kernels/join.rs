//! What the invocations of a workgroup have, joined into one value that all of them know.
//!
//! Kernels name what is joined; this is the one place that knows how. Where the adapter has subgroups, each of them joins its own
//! values in registers and leaves one in workgroup memory, and then every subgroup joins those: two barriers, whatever the number of
//! invocations. Elsewhere it is a tree in workgroup memory, with a barrier to each level.
//!
//! A subgroup may have any size from 4 up, and another one in another kernel, so it is counted where it is used. That invocations with
//! successive numbers share a subgroup is what every driver does and no standard says: the self-test sees to it, and without
//! it there are no subgroups (selftest.rs). The order of a sum depends on the size of a subgroup, hence on the adapter; not on chance.

use crate::device::Gpu;

/// The fewest invocations of a subgroup (WebGPU's lower bound of `subgroupMinSize`).
pub(crate) const LEAST: u32 = 4;

/// What two values are joined into.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Merge {
    Sum,
    Product,
    /// The greater one, or NaN if one is.
    Max,
    /// The lesser one, or NaN if one is.
    Min,
    /// An expression of `a`, which is from earlier invocations, and `b`; the same if they change places.
    By(&'static str),
}

impl Merge {
    /// The value of `a` and `b`.
    pub fn of(self, acc: &str) -> &'static str {
        match (self, acc) {
            (Merge::Sum, _) => "a + b",
            (Merge::Product, _) => "a * b",
            (Merge::Max, "f32") => "m_maximum(a, b)",
            (Merge::Min, "f32") => "m_minimum(a, b)",
            (Merge::Max, _) => "max(a, b)",
            (Merge::Min, _) => "min(a, b)",
            (Merge::By(text), _) => text,
        }
    }

    /// The value of a subgroup of `size` invocations that have `v`: statements that return it.
    fn within(self, acc: &str, name: &str, lanes: u32) -> String {
        match (self, acc) {
            (Merge::Sum, _) => "  return subgroupAdd(v);\n".into(),
            (Merge::Product, _) => "  return subgroupMul(v);\n".into(),
            // What becomes of NaN is left open for floats, so that they are compared as integers.
            (Merge::Max, "f32") => "  return float_of_order(subgroupMax(ranked(v)));\n".into(),
            (Merge::Min, "f32") => {
                "  let least = float_of_order(subgroupMax(ranked(select(m_neg(v), v, m_is_nan(v)))));\n  \
                 return select(m_neg(least), least, m_is_nan(least));\n"
                    .into()
            }
            (Merge::Max, _) => "  return subgroupMax(v);\n".into(),
            (Merge::Min, _) => "  return subgroupMin(v);\n".into(),
            // As often for every size, so that compilers see nobody missing.
            (Merge::By(_), _) => format!(
                "  var all = v;\n  for (var s = 1u; s < {}u; s <<= 1u) {{\n    let other = subgroupShuffleXor(all, s);\n    \
                 all = select(all, merge_{name}(all, other), s < size);\n  }}\n  return all;\n",
                lanes.min(128)
            ),
        }
    }
}

/// Values of the invocations of a workgroup, to be joined.
pub(crate) struct Join<'a> {
    /// The function's name: `NAME(l, mine)`, which all invocations call, l-th with its number.
    pub name: &'a str,
    /// The type of a value.
    pub acc: &'a str,
    /// What changes nothing.
    pub start: &'a str,
    pub merge: Merge,
    /// Invocations of the workgroup, a power of two.
    pub lanes: u32,
    /// Whether it is called more than once.
    pub again: bool,
}

impl Join<'_> {
    /// A sum.
    pub fn sum<'a>(name: &'a str, acc: &'a str, lanes: u32) -> Join<'a> {
        let start = match acc {
            "f32" => "0.0",
            "i32" => "0i",
            "u32" => "0u",
            _ => "vec2<f32>()",
        };
        Join { name, acc, start, merge: Merge::Sum, lanes, again: false }
    }

    /// The function for this device.
    pub fn text(&self, gpu: &Gpu) -> String {
        let Join { name, acc, merge, .. } = *self;
        let merge = format!("fn merge_{name}(a: {acc}, b: {acc}) -> {acc} {{\n  return {};\n}}\n\n", merge.of(acc));
        merge + &if gpu.0.traits.subgroups.get() { self.by_subgroups() } else { self.by_tree() }
    }

    fn by_subgroups(&self) -> String {
        let Join { name, acc, start, merge, lanes, .. } = *self;
        let room = lanes / LEAST;
        // The first barrier brings together who comes from loops of different lengths, and keeps who is ahead from a room that others
        // still read.
        format!(
            "var<workgroup> room_{name}: array<{acc}, {room}>;\n\n\
             fn within_{name}(v: {acc}, size: u32) -> {acc} {{\n{}}}\n\n\
             fn {name}(l: u32, mine: {acc}) -> {acc} {{\n  workgroupBarrier();\n  let size = subgroupAdd(1u);\n  let lane = l % size;\n  \
             let part = within_{name}(mine, size);\n  if (lane == 0u) {{\n    room_{name}[l / size] = part;\n  }}\n  workgroupBarrier();\n  \
             let count = {lanes}u / size;\n  var v = {start};\n  for (var i = 0u; i < count; i += size) {{\n    if (i + lane < count) {{\n      \
             v = merge_{name}(v, room_{name}[i + lane]);\n    }}\n  }}\n  return within_{name}(v, size);\n}}\n\n",
            merge.within(acc, name, lanes)
        )
    }

    fn by_tree(&self) -> String {
        let Join { name, acc, lanes, again, .. } = *self;
        let after =
            if again { "  let v = ROOM[0];\n  workgroupBarrier();\n  return v;\n" } else { "  return ROOM[0];\n" };
        let text = format!(
            "var<workgroup> ROOM: array<{acc}, {lanes}>;\n\n\
             fn {name}(l: u32, mine: {acc}) -> {acc} {{\n  ROOM[l] = mine;\n  workgroupBarrier();\n  \
             for (var s = {}u; s > 0u; s >>= 1u) {{\n    if (l < s) {{\n      ROOM[l] = merge_{name}(ROOM[l], ROOM[l + s]);\n    }}\n    \
             workgroupBarrier();\n  }}\n{after}}}\n\n",
            lanes / 2
        );
        text.replace("ROOM", &format!("room_{name}"))
    }
}
