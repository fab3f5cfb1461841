//! What ops ask of elements beside their dtype. The host looks at them before it computes; kernels on a GPU note the first element that
//! fails while they compute, and the next read says so. Test and sentence are one for both.

/// The class of error that a failing element is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Runtime,
    Value,
    Index,
    Shape,
}

/// Which elements pass.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Test {
    /// Numbers from the first to the second; NaN is none.
    Within(f64, f64),
    /// Numbers of at least this, and NaN.
    NotBelow(f64),
    /// All but zero.
    NotZero,
    /// Indices inside a dimension of the size `bound`. Kernels that follow an index look for themselves.
    Inside,
    /// The number `bound`.
    Exactly,
}

impl Test {
    /// Whether an element passes.
    pub fn passes(self, v: f64, bound: usize) -> bool {
        match self {
            Test::Within(low, high) => (low..=high).contains(&v),
            // Not `v >= low`, which NaN is not.
            Test::NotBelow(low) => v >= low || v.is_nan(),
            Test::NotZero => v != 0.0,
            Test::Inside => v >= 0.0 && v < bound as f64,
            Test::Exactly => v == bound as f64,
        }
    }
}

/// An element that failed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Found {
    pub value: f64,
    /// Which element it is, where that is known.
    pub at: usize,
    /// The size that an index exceeds, or another number for the test and the sentence.
    pub bound: usize,
}

/// A demand: the test, and what is said of an element that fails.
///
/// ```
/// use cresset_lane::{Class, Demand, Found, Test};
/// static POSITIVE: Demand = Demand {
///     class: Class::Value,
///     test: Test::NotBelow(0.0),
///     input: 0,
///     says: |op, found| format!("{op}: cannot be negative, got {}", found.value),
/// };
/// assert!(!POSITIVE.test.passes(-1.0, 0));
/// let found = Found { value: -1.0, at: 0, bound: 0 };
/// assert_eq!((POSITIVE.says)("cov", &found), "cov: cannot be negative, got -1");
/// ```
#[derive(Debug)]
pub struct Demand {
    pub class: Class,
    pub test: Test,
    /// Which input it is of, where a kernel that computes something looks by the way.
    pub input: usize,
    /// The whole sentence, for an op of this name.
    pub says: fn(&str, &Found) -> String,
}
