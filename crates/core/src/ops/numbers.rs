//! Functions of single numbers for the package's own TypeScript: learning rates, not tensors. They have the digits of
//! glibc, and so those that Python prints; a JavaScript engine's own functions differ from engine to engine.

use crate::lane::num::Num;
use crate::random::glibc;

ops! {
    /// The cosine of `x`.
    [private]
    fn number_cos(x: f64) -> f64 {
        Ok(glibc::cos(x))
    }

    /// The natural logarithm of `x`.
    [private]
    fn number_log(x: f64) -> f64 {
        Ok(glibc::log(x))
    }

    /// `x` to the power of `y`.
    [private]
    fn number_pow(x: f64, y: f64) -> f64 {
        Ok(Num::pow(x, y))
    }
}
