// Trigonometric functions of float32 and their inverses.

// The angle of (x, y), both at least 0 and not both 0: in [0, pi / 2]. The fit of lane's atan_positive.
fn m_angle(y: f32, x: f32) -> f32 {
  let steep = y > x;
  let q = select(y, x, steep) / select(x, y, steep);
  let middle = q > 0.41421356;
  let t = select(q, (q - 1.0) / (q + 1.0), middle);
  let z = t * t;
  let p = -0.33333333 + z * (0.19999999 + z * (-0.14285613 + z * (0.11107496 + z * (-0.090289836 + z * (0.071353251 - z * 0.040432248)))));
  let v = t + t * z * p + select(0.0, 0.78539816, middle);
  return select(v, 1.57079633 - v, steep);
}

fn m_atan(x: f32) -> f32 {
  return select(m_copysign(m_angle(abs(x), 1.0), x), x, m_is_nan(x));
}

fn m_asin(x: f32) -> f32 {
  let a = abs(x);
  let v = m_copysign(m_angle(a, sqrt(max((1.0 - a) * (1.0 + a), 0.0))), x);
  return select(v, m_nan(), a > 1.0 || m_is_nan(x));
}

fn m_acos(x: f32) -> f32 {
  let v = 2.0 * m_angle(sqrt(max(1.0 - x, 0.0)), sqrt(max(1.0 + x, 0.0)));
  return select(v, m_nan(), abs(x) > 1.0 || m_is_nan(x));
}

fn m_atan2(y: f32, x: f32) -> f32 {
  if (m_is_nan(x) || m_is_nan(y)) {
    return m_nan();
  }
  var a = abs(y);
  var b = abs(x);
  if (a == b && (a == 0.0 || m_is_inf(a))) {
    b = 1.0;
    a = select(1.0, 0.0, a == 0.0);
  }
  let v = m_angle(a, b);
  return m_copysign(select(v, 3.14159265 - v, m_is_signed(x)), y);
}

// The upper 32 bits of a product.
fn m_high_product(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let low = al * bl;
  let m1 = ah * bl + (low >> 16u);
  let m2 = al * bh + (m1 & 0xffffu);
  return ah * bh + (m1 >> 16u) + (m2 >> 16u);
}

// The digits of 2 / pi behind a word of zeros.
const m_two_over_pi = array<u32, 8>(0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu);

// (r, n mod 4) with x = n pi/2 + r. Up to 8192 pi/2 is taken in three parts whose products with n are exact (Cephes' sinf);
// beyond, x is multiplied by those digits of 2 / pi that matter (Payne and Hanek), as an integer.
fn m_quadrant(x: f32) -> vec2<f32> {
  if (abs(x) < 8192.0) {
    let n = round(x * 0.63661977);
    let r = ((x - n * 1.5703125) - n * 4.837512969970703125e-4) - n * 7.54978995489188216e-8;
    return vec2<f32>(r, f32(i32(n) & 3));
  }
  let bits = bitcast<u32>(x);
  let m = (bits & 0x007fffffu) | 0x00800000u;
  let start = ((bits >> 23u) & 0xffu) - 120u;
  let word = start >> 5u;
  let shift = start & 31u;
  var digits = m_two_over_pi;
  var w: array<u32, 3>;
  for (var k = 0u; k < 3u; k++) {
    // A shift by 32 is a shift by 0: the second half goes one step further by itself.
    w[k] = (digits[word + k] << shift) | ((digits[word + k + 1u] >> 1u) >> (31u - shift));
  }
  let p2 = m_high_product(m, w[2]);
  let p1 = m * w[1] + p2;
  let carry = select(0u, 1u, p1 < p2);
  let p0 = m * w[0] + m_high_product(m, w[1]) + carry;
  let fraction = bitcast<i32>((p0 << 2u) | (p1 >> 30u));
  let n = (p0 >> 30u) + (bitcast<u32>(fraction) >> 31u);
  let r = f32(fraction) * (1.57079633 / 4294967296.0);
  if (x < 0.0) {
    return vec2<f32>(-r, f32((4u - n) & 3u));
  }
  return vec2<f32>(r, f32(n & 3u));
}

fn m_sin_near(r: f32) -> f32 {
  let z = r * r;
  return r + r * z * (-0.16666667 + z * (0.0083333333 + z * (-1.9841267e-4 + z * 2.7555991e-6)));
}

fn m_cos_near(r: f32) -> f32 {
  let z = r * r;
  return (1.0 - 0.5 * z) + z * z * (0.041666667 + z * (-0.0013888889 + z * (2.4801585e-5 - z * 2.7556370e-7)));
}

fn m_no_angle(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u;
}

fn m_sin(x: f32) -> f32 {
  if (m_no_angle(x)) {
    return m_nan();
  }
  let t = m_quadrant(x);
  let n = u32(t.y);
  let v = select(m_sin_near(t.x), m_cos_near(t.x), (n & 1u) == 1u);
  return select(select(v, -v, (n & 2u) == 2u), x, x == 0.0);
}

fn m_cos(x: f32) -> f32 {
  if (m_no_angle(x)) {
    return m_nan();
  }
  let t = m_quadrant(x);
  let n = u32(t.y);
  let v = select(m_cos_near(t.x), m_sin_near(t.x), (n & 1u) == 1u);
  return select(v, -v, n == 1u || n == 2u);
}

fn m_tan(x: f32) -> f32 {
  if (m_no_angle(x)) {
    return m_nan();
  }
  let t = m_quadrant(x);
  let s = m_sin_near(t.x);
  let c = m_cos_near(t.x);
  let odd = (u32(t.y) & 1u) == 1u;
  return select(select(s, -c, odd) / select(c, s, odd), x, x == 0.0);
}
