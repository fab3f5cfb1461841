// Functions of float32. Compilers may fuse a product into a sum, but here they may not reorder sums: where a product must be
// exact, one factor has few enough digits.

fn m_inf() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}

fn m_nan() -> f32 {
  var bits = 0x7fc00000u;
  return bitcast<f32>(bits);
}

// By bits, since a compiler may assume that there is no NaN.
fn m_is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

fn m_is_inf(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u;
}

fn m_is_signed(x: f32) -> bool {
  return (bitcast<u32>(x) >> 31u) == 1u;
}

fn m_neg(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) ^ 0x80000000u);
}

fn m_abs(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) & 0x7fffffffu);
}

// By choice rather than by a union of bits, which Mesa 22.3 makes a wrong instruction of (bitfield_select).
fn m_copysign(x: f32, y: f32) -> f32 {
  let a = abs(x);
  return select(a, -a, m_is_signed(y));
}

fn m_sign(x: f32) -> f32 {
  return select(0.0, 1.0, x > 0.0) - select(0.0, 1.0, x < 0.0);
}

fn m_minimum(x: f32, y: f32) -> f32 {
  return select(y, x, x < y || m_is_nan(x));
}

fn m_maximum(x: f32, y: f32) -> f32 {
  return select(y, x, x > y || m_is_nan(x));
}

fn m_floor(x: f32) -> f32 {
  return floor(x);
}

fn m_ceil(x: f32) -> f32 {
  return ceil(x);
}

fn m_round(x: f32) -> f32 {
  return round(x);
}

fn m_trunc(x: f32) -> f32 {
  return trunc(x);
}

fn m_sqrt(x: f32) -> f32 {
  return select(sqrt(x), m_nan(), x < 0.0);
}

fn m_rsqrt(x: f32) -> f32 {
  return 1.0 / m_sqrt(x);
}

fn m_trunc_div(x: f32, y: f32) -> f32 {
  return trunc(x / y);
}

fn m_hypot(x: f32, y: f32) -> f32 {
  if (m_is_inf(x) || m_is_inf(y)) {
    return m_inf();
  }
  let a = max(abs(x), abs(y));
  let b = min(abs(x), abs(y));
  let q = select(b / a, 0.0, a == 0.0);
  return select(a * sqrt(1.0 + q * q), m_nan(), m_is_nan(x) || m_is_nan(y));
}

fn m_nextafter(x: f32, y: f32) -> f32 {
  if (m_is_nan(x) || m_is_nan(y)) {
    return m_nan();
  }
  if (x == y) {
    return y;
  }
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) == 0u) {
    return bitcast<f32>((bitcast<u32>(y) & 0x80000000u) | 1u);
  }
  let away = (x < y) == ((bits >> 31u) == 0u);
  return bitcast<f32>(select(bits - 1u, bits + 1u, away));
}

// The upper 12 digits: a product of two such numbers is exact.
fn m_upper(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
}

// C's fmod, exactly: the division of the mantissas digit by digit.
fn m_fmod(x: f32, y: f32) -> f32 {
  let a = bitcast<u32>(x) & 0x7fffffffu;
  let b = bitcast<u32>(y) & 0x7fffffffu;
  if (a >= 0x7f800000u || b > 0x7f800000u || b == 0u) {
    return m_nan();
  }
  if (a < b) {
    return x;
  }
  var ea = max(i32(a >> 23u), 1);
  var eb = max(i32(b >> 23u), 1);
  var ma = select(a & 0x007fffffu, (a & 0x007fffffu) | 0x00800000u, a >= 0x00800000u);
  let mb = select(b & 0x007fffffu, (b & 0x007fffffu) | 0x00800000u, b >= 0x00800000u);
  loop {
    if (ma >= mb) {
      // Each digit of a number below the normal ones may be worth more than one.
      ma = ma % mb;
    }
    if (ea <= eb || ma == 0u) {
      break;
    }
    let step = min(u32(ea - eb), 8u);
    ma = ma << step;
    ea -= i32(step);
  }
  if (ma == 0u) {
    return bitcast<f32>(bitcast<u32>(x) & 0x80000000u);
  }
  let up = min(23u - firstLeadingBit(ma), u32(eb - 1));
  ma = ma << up;
  eb -= i32(up);
  let bits = select(ma, (ma & 0x007fffffu) | (u32(eb) << 23u), ma >= 0x00800000u);
  return bitcast<f32>(bits | (bitcast<u32>(x) & 0x80000000u));
}

fn m_remainder(x: f32, y: f32) -> f32 {
  let r = m_fmod(x, y);
  return select(r, r + y, r != 0.0 && !m_is_nan(r) && (r < 0.0) != (y < 0.0));
}

// c10::div_floor_floating.
fn m_floor_div(x: f32, y: f32) -> f32 {
  if (y == 0.0) {
    return x / y;
  }
  let r = m_fmod(x, y);
  var q = (x - r) / y;
  if (r != 0.0 && !m_is_nan(r) && (y < 0.0) != (r < 0.0)) {
    q -= 1.0;
  }
  if (q == 0.0) {
    return m_copysign(0.0, x / y);
  }
  let down = floor(q);
  return select(down, down + 1.0, q - down > 0.5);
}

// C's cast through a 64-bit integer, of which the lower half stays: what x86 does.
fn m_to_int(x: f32) -> i32 {
  let bits = bitcast<u32>(x);
  let e = i32((bits >> 23u) & 255u) - 150;
  let m = (bits & 0x007fffffu) | 0x00800000u;
  if ((bits & 0x7fffffffu) >= 0x5f000000u) {
    // Beyond 64 bits: the largest integer, whose lower half is -1, or the smallest, or 0 for NaN.
    return select(0i, -1i, x > 0.0);
  }
  var v = 0u;
  if (e >= 0) {
    v = select(m << u32(e & 31), 0u, e > 31);
  } else if (e > -24) {
    v = m >> u32(-e);
  }
  return bitcast<i32>(select(v, 0u - v, (bits >> 31u) == 1u));
}

// A number as an integer of the same order: both zeros are one, and NaN is above infinity.
fn order_of_float(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) == 0u) {
    return 0x80000000u;
  }
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return 0xffffffffu;
  }
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

fn float_of_order(x: u32) -> f32 {
  return bitcast<f32>(select(~x, x & 0x7fffffffu, (x >> 31u) == 1u));
}

// The same with -0 below +0, so that a number comes back with its sign.
fn ranked(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  return select(select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u), 0xffffffffu, m_is_nan(x));
}

// torch.lerp, which changes its formula at one half to stay exact at both ends (aten/src/ATen/native/Lerp.h).
fn m_lerp(x: f32, y: f32, t: f32) -> f32 {
  return select(y - (y - x) * (1.0 - t), x + t * (y - x), abs(t) < 0.5);
}

// The exponent is set to that of 1/2; what is below the normal numbers is brought up first.
fn m_frexp_mantissa(x: f32) -> f32 {
  if (x == 0.0 || m_no_angle(x)) {
    return x;
  }
  let tiny = abs(x) < 1.17549435e-38;
  let bits = bitcast<u32>(select(x, x * 8388608.0, tiny));
  return bitcast<f32>((bits & 0x807fffffu) | 0x3f000000u);
}

fn m_frexp_exponent(x: f32) -> f32 {
  if (x == 0.0 || m_no_angle(x)) {
    return 0.0;
  }
  let tiny = abs(x) < 1.17549435e-38;
  let bits = bitcast<u32>(select(x, x * 8388608.0, tiny));
  return f32(i32((bits >> 23u) & 255u) - 126) - select(0.0, 23.0, tiny);
}

// The nearest bfloat16 number, the even one of two.
fn m_bfloat16(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  return select(bitcast<f32>((bits + 0x7fffu + ((bits >> 16u) & 1u)) & 0xffff0000u), x, m_is_nan(x));
}
