//! Integers and their bits.

use super::macros::pointwise;

pointwise! {
    /// x & y
    Bits bitwise_and(x, y) { x & y }
    /// x | y
    Bits bitwise_or(x, y) { x | y }
    /// x ^ y
    Bits bitwise_xor(x, y) { x ^ y }
    /// !x
    Bits bitwise_not(x) { !x }
    /// x << y
    Bits bitwise_left_shift(x, y) { x.shl(y) }
    /// x >> y, arithmetically
    Bits bitwise_right_shift(x, y) { x.shr(y) }
    /// The greatest common divisor
    Bits gcd(x, y) { x.gcd(y) }
    /// The least common multiple
    Bits lcm(x, y) { x.lcm(y) }
}
