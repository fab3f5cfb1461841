//! Elements that are not what an op demands: noted by a kernel that computes something with them, or by one that only looks.

use cresset_lane::{Demand, Test};

use super::each::{Each, each};
use super::places::Places;
use crate::device::Gpu;
use crate::error::Result;
use crate::launch::{Launch, View};
use crate::wgsl::Scalar;

/// A test as words: elements whose keys lie from the first to the second pass, or (if the third is 1) only those that do not.
///
/// Keys order float32 as integers, so that no compiler may leave out what is said of NaN and infinity; NaN is above all.
pub(crate) fn words(test: Test, bound: usize, t: Scalar) -> [u32; 3] {
    let key = |v: f64, up: bool| match t {
        Scalar::Float if v == 0.0 => up as i32 - 1,
        Scalar::Float => order((v as f32).to_bits() as i32),
        _ => v.clamp(i32::MIN as f64, i32::MAX as f64) as i32,
    };
    let (low, high, not) = match test {
        Test::Within(low, high) => (key(low, false), key(high, true), 0),
        Test::NotBelow(low) => (key(low, false), i32::MAX, 0),
        Test::NotZero => (key(0.0, false), key(0.0, true), 1),
        // A size of 0 has no index inside; the key of 0 for float32 has room for -0.
        Test::Inside => (key(0.0, false), key(bound as f64, true) - 1, 0),
        Test::Exactly => (key(bound as f64, false), key(bound as f64, true), 0),
    };
    // Of an integer there is one zero.
    let low = if t != Scalar::Float && not == 1 { 0 } else { low };
    [low as u32, high as u32, not]
}

fn order(bits: i32) -> i32 {
    if bits < 0 { bits ^ i32::MAX } else { bits }
}

/// `demand(v, at)`, which notes an element that fails; `words` is an expression of the test's words and a fourth, which is noted.
pub(crate) fn text(t: Scalar, words: &str) -> String {
    let key = match t {
        Scalar::Float => "select(select(b, b ^ 0x7fffffff, b < 0i), 0x7fffffff, m_is_nan(v))",
        _ => "b",
    };
    format!(
        "fn demand(v: {}, at: u32) {{\n  let b = bitcast<i32>(v);\n  let k = {key};\n  let words = {words};\n  \
         let within = k >= bitcast<i32>(words.x) && k <= bitcast<i32>(words.y);\n  \
         if (within == (words.z == 1u)) {{\n    note_bad(bitcast<u32>(v), at, words.w);\n  }}\n}}\n\n",
        t.name()
    )
}

impl Gpu {
    /// Looks at every element, and tells the next read of the first that fails, by the name of the op that demands it.
    /// `bound` is a number for the sentence.
    ///
    /// # Errors
    /// `Unsupported` for a layout of too many dimensions.
    pub fn demand(&self, op: &'static str, x: &View, demand: &'static Demand, bound: usize) -> Result<()> {
        if x.numel() == 0 {
            return Ok(());
        }
        let (t, ins) = (Scalar::of(x.dtype), [*x]);
        let before = self.called_by(op);
        let l = Launch { gpu: self, name: "demand", ins: &ins, outs: &[], attrs: &[], demand: Some(demand) };
        let places = Places::of(&[x], |_| true).at(&[x]);
        let body = || text(t, "p.words") + "fn body(i: u32) {\n  demand(in0(place_all(i).x), i);\n}\n\n";
        let [low, high, not] = words(demand.test, bound, t);
        let (fields, params) = ("  words: vec4<u32>,\n", [low, high, not, bound as u32]);
        let e = Each::new(l.name, &[], l.ins, x.numel(), &body);
        let done = each(&l, &Each { sets: &[("all", &places)], fields, params: &params, checked: true, notes: t, ..e });
        self.called_by(before);
        done
    }
}
