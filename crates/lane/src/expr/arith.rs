//! Arithmetic.

use super::macros::pointwise;

pointwise! {
    /// x + y
    Num add(x, y) { x + y }
    => dx(g) { g }
    => dy(g) { g }

    /// x + alpha * y
    Num add_alpha(x, y; alpha) { alpha.fused(y, x) }
    => dx(g) { g }
    => dy(g) { g * alpha }

    /// x - y
    Num sub(x, y) { x - y }
    => dx(g) { g }
    => dy(g) { -g }

    /// x - alpha * y
    Num sub_alpha(x, y; alpha) { (-alpha).fused(y, x) }
    => dx(g) { g }
    => dy(g) { -(g * alpha) }

    /// x * y
    Num mul(x, y) { x * y }
    => dx(g, y) { g * y }
    => dy(g, x) { g * x }

    /// x / y
    Real div(x, y) { x / y }
    => dx(g, y) { g / y }
    => dy(g, x, y) { -g * ((x / y) / y) }

    /// x / y rounded towards zero
    Num trunc_div(x, y) { x.trunc_div(y) }
    => dx() { lit(0.0) }
    => dy() { lit(0.0) }

    /// x / y rounded down, as Python's `//`
    Num floor_div(x, y) { x.floor_div(y) }
    => dx() { lit(0.0) }
    => dy() { lit(0.0) }

    /// The remainder with the sign of x
    Num fmod(x, y) { x.fmod(y) }
    => dx(g) { g }
    => dy(g, x, y) { -g * x.trunc_div(y) }

    /// The remainder with the sign of y
    Num remainder(x, y) { x.remainder(y) }
    => dx(g) { g }
    => dy(g, x, y) { -g * x.floor_div(y) }

    /// -x
    Num neg(x) { -x }
    => dx(g) { -g }

    /// |x|
    Num abs(x) { x.abs() }
    => dx(g, x) { g * x.sign() }

    /// -1, 0 or 1
    Num sign(x) { x.sign() }
    => dx() { lit(0.0) }

    /// x * x
    Num square(x) { x * x }
    => dx(g, x) { g * (x + x) }

    /// 1 / x
    Real reciprocal(x) { lit::<L>(1.0) / x }
    => dx(g, out) { -g * (out * out) }

    /// The smaller one; NaN where either is
    Num minimum(x, y) { x.minimum(y) }
    => dx(g, x, y) { select(x.gt(y), lit(0.0), select(x.eq(y), g * lit(0.5), g)) }
    => dy(g, x, y) { select(x.lt(y), lit(0.0), select(x.eq(y), g * lit(0.5), g)) }

    /// The larger one; NaN where either is
    Num maximum(x, y) { x.maximum(y) }
    => dx(g, x, y) { select(x.lt(y), lit(0.0), select(x.eq(y), g * lit(0.5), g)) }
    => dy(g, x, y) { select(x.gt(y), lit(0.0), select(x.eq(y), g * lit(0.5), g)) }

    /// The smaller one; NaN where both are
    Num fmin(x, y) { select(x.le(y) | y.is_nan(), x, y) }
    => dx(g, x, y) { select(x.le(y) | y.is_nan(), g, lit(0.0)) }
    => dy(g, x, y) { select(x.le(y) | y.is_nan(), lit(0.0), g) }

    /// The larger one; NaN where both are
    Num fmax(x, y) { select(x.ge(y) | y.is_nan(), x, y) }
    => dx(g, x, y) { select(x.ge(y) | y.is_nan(), g, lit(0.0)) }
    => dy(g, x, y) { select(x.ge(y) | y.is_nan(), lit(0.0), g) }

    /// x between low and high; high where low > high. Where x equals a bound its own zero's sign stays. Not for NaN bounds.
    Num clamp(x; low, high) {
        let y = select(x.lt(low), low, x);
        select(y.gt(high), high, y)
    }
    => dx(g, x) { select(x.lt(low) | x.gt(high), lit(0.0), g) }

    /// x, at least low
    Num clamp_min(x; low) { select(x.lt(low), low, x) }
    => dx(g, x) { select(x.lt(low), lit(0.0), g) }

    /// x, at most high
    Num clamp_max(x; high) { select(x.gt(high), high, x) }
    => dx(g, x) { select(x.gt(high), lit(0.0), g) }

    /// x between y and z; z where y > z
    Num clamp_tensor(x, y, z) { x.maximum(y).minimum(z) }
    => dx(g, x, y, z) { select(x.ge(y) & x.le(z), g, lit(0.0)) }
    => dy(g, x, y, z) { select(y.lt(z) & x.lt(y), g, lit(0.0)) }
    => dz(g, x, y, z) { select(x.gt(z) | z.lt(y), g, lit(0.0)) }

    /// x, at least y
    Num clamp_min_tensor(x, y) { x.maximum(y) }
    => dx(g, x, y) { select(x.ge(y), g, lit(0.0)) }
    => dy(g, x, y) { select(x.lt(y), g, lit(0.0)) }

    /// x, at most y
    Num clamp_max_tensor(x, y) { x.minimum(y) }
    => dx(g, x, y) { select(x.le(y), g, lit(0.0)) }
    => dy(g, x, y) { select(x.gt(y), g, lit(0.0)) }

    /// x + z * (y - x), from the end that is nearer (aten/native/Lerp.h): exact at z = 1 too
    Real lerp(x, y, z) {
        let d = y - x;
        select(z.abs().lt(lit(0.5)), x + z * d, y - d * (lit::<L>(1.0) - z))
    }
    => dx(g, z) { g * (lit::<L>(1.0) - z) }
    => dy(g, z) { g * z }
    => dz(g, x, y) { g * (y - x) }

    /// x + weight * (y - x)
    Real lerp_scalar(x, y; weight) {
        let d = y - x;
        select(weight.abs().lt(lit(0.5)), x + weight * d, y - d * (lit::<L>(1.0) - weight))
    }
    => dx(g) { g * (lit::<L>(1.0) - weight) }
    => dy(g) { g * weight }

    /// x + value * y * z
    Num addcmul(x, y, z; value) { x + value * y * z }
    => dx(g) { g }
    => dy(g, z) { g * (z * value) }
    => dz(g, y) { g * (y * value) }

    /// x + value * y / z
    Real addcdiv(x, y, z; value) { x + value * y / z }
    => dx(g) { g }
    => dy(g, z) { g * (value / z) }
    => dz(g, y, z) { -g * (value * y / (z * z)) }

    /// sqrt(x * x + y * y) without overflow
    Real hypot(x, y) { x.hypot(y) }
    => dx(g, x, out) { g * (x / out) }
    => dy(g, y, out) { g * (y / out) }

    /// The magnitude of x with the sign of y
    Real copysign(x, y) { x.copysign(y) }
    => dx(g, x, out) { select(x.eq(lit(0.0)), lit(0.0), g * (out / x)) }
    => dy() { lit(0.0) }

    /// 0 where x < 0, 1 where x > 0, y where x is 0
    Num heaviside(x, y) { select(x.eq(lit(0.0)), y, select(x.gt(lit(0.0)), lit(1.0), lit(0.0))) }

    /// The next float after x towards y
    Real nextafter(x, y) { x.nextafter(y) }
    => dx(g, x, y) { select(x.ne(y), g, lit(0.0)) }
    => dy(g, x, y) { select(x.eq(y), g, lit(0.0)) }

    /// Numbers in place of NaN and the infinities
    Real nan_to_num(x; nan, posinf, neginf) {
        let finite = select(x.gt(lit(0.0)), posinf, neginf);
        select(x.is_nan(), nan, select(x.is_inf(), finite, x))
    }
    => dx(g, x) { select(x.is_nan() | x.is_inf(), lit(0.0), g) }

    /// Degrees to radians
    Real deg2rad(x) { x * lit(std::f64::consts::PI / 180.0) }
    => dx(g) { g * lit(std::f64::consts::PI / 180.0) }

    /// Radians to degrees
    Real rad2deg(x) { x * lit(180.0 / std::f64::consts::PI) }
    => dx(g) { g * lit(180.0 / std::f64::consts::PI) }

    /// The angle in the complex plane: pi below 0, 0 above
    Real angle(x) { select(x.lt(lit(0.0)), lit(std::f64::consts::PI), select(x.is_nan(), x, lit(0.0))) }
    => dx() { lit(0.0) }

    /// m between 1/2 and 1 (in magnitude) with x = m * 2^e
    Real frexp_mantissa(x) { x.frexp_mantissa() }
    => dx(g, x, out) { select(x.eq(lit(0.0)), g, g * (out / x)) }

    /// e with x = m * 2^e
    Real frexp_exponent(x) { x.frexp_exponent() }
}
