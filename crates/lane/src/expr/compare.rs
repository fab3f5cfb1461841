//! Questions: comparisons, classification of floats, logic.

use super::macros::pointwise;

pointwise! {
    /// x < y
    Compare lt(x, y) { x.lt(y) }
    /// x <= y
    Compare le(x, y) { x.le(y) }
    /// x > y
    Compare gt(x, y) { x.gt(y) }
    /// x >= y
    Compare ge(x, y) { x.ge(y) }
    /// x == y
    Compare eq(x, y) { x.eq(y) }
    /// x != y, also where either is NaN
    Compare ne(x, y) { x.ne(y) }

    /// Is x NaN?
    Compare isnan(x) { x.is_nan() }
    /// Is x infinite?
    Compare isinf(x) { x.is_inf() }
    /// Is x a finite number?
    Compare isfinite(x) { !(x.is_nan() | x.is_inf()) }
    /// Is x +inf?
    Compare isposinf(x) { x.is_inf() & x.gt(lit(0.0)) }
    /// Is x -inf?
    Compare isneginf(x) { x.is_inf() & x.lt(lit(0.0)) }
    /// Is the sign bit set?
    Compare signbit(x) { x.is_signed() }

    /// Are x and y both non-zero?
    Compare logical_and(x, y) { x.ne(lit(0.0)) & y.ne(lit(0.0)) }
    /// Is x or y non-zero?
    Compare logical_or(x, y) { x.ne(lit(0.0)) | y.ne(lit(0.0)) }
    /// Is exactly one of x and y non-zero?
    Compare logical_xor(x, y) { x.ne(lit(0.0)) ^ y.ne(lit(0.0)) }
    /// Is x zero?
    Compare logical_not(x) { x.eq(lit(0.0)) }

    /// |x - y| <= atol + |rtol * y|, for floats; infinities are close to themselves, NaNs where equal_nan is not 0
    Compare isclose(x, y; rtol, atol, equal_nan) {
        let near = (x - y).abs().le(atol + (rtol * y).abs());
        let finite = !(x.is_inf() | y.is_inf());
        x.eq(y) | (near & finite) | (equal_nan.ne(lit(0.0)) & x.is_nan() & y.is_nan())
    }
}
