//! Vector norms.

use super::sum::plain;
use crate::by_dtype::float_dtype;
use crate::launch::{Kernel, Launch};
use crate::number::Float;

/// `sum(|x|^p)^(1/p)` for finite p other than 0.
///
/// `ins: [x]`, `outs: [y]` (rank of `x`, size one where it is reduced), `attrs: [p: f64]`. float32 and float64.
pub const NORM: Kernel = Kernel::new("norm", norm).with_split(crate::threads::kept::<600, 8>);

fn norm(l: &Launch) {
    let p = l.attrs[0].f();
    float_dtype!(l.ins[0].dtype, T => {
        if p == 2.0 {
            plain(l, 0.0, |a: T, x: T| a + x * x, |a, b| a + b, |a| a.sqrt())
        } else if p == 1.0 {
            plain(l, 0.0, |a: T, x: T| a + x.abs(), |a, b| a + b, |a| a)
        } else {
            let (q, root) = (T::of(p), T::of(1.0 / p));
            plain(l, 0.0, |a: T, x: T| a + Float::pow(x.abs(), q), |a, b| a + b, |a| Float::pow(a, root))
        }
    })
}
