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

// 2^n for n between -126 and 127.
fn m_two_to(n: i32) -> f32 {
  return bitcast<f32>(u32(n + 127) << 23u);
}

// v 2^n for n between -252 and 254, in two steps.
fn m_scale(v: f32, n: i32) -> f32 {
  let half = n / 2;
  return v * m_two_to(half) * m_two_to(n - half);
}

// (n, r) with x = n ln 2 + r. The first part of ln 2 has 9 digits, so its product with n is exact.
fn m_exp_reduce(x: f32) -> vec2<f32> {
  let n = round(x * 1.44269504);
  return vec2<f32>(n, (x - n * 0.693359375) + n * 2.12194440e-4);
}

// (e^r - 1 - r) / r^2 for |r| up to ln(2) / 2; the fit of lane's exp_negative.
fn m_exp_tail(r: f32) -> f32 {
  return 0.49999993 + r * (0.16666521 + r * (0.04166839 + r * (0.008368715 + r * 0.0013814602)));
}

fn m_exp(x: f32) -> f32 {
  let t = m_exp_reduce(clamp(x, -104.0, 89.0));
  let r = t.y;
  let v = m_scale(1.0 + (r + r * r * m_exp_tail(r)), i32(t.x));
  return select(v, x, m_is_nan(x));
}

fn m_exp2(x: f32) -> f32 {
  let t = clamp(x, -150.0, 129.0);
  let n = round(t);
  let r = (t - n) * 0.69314718;
  let v = m_scale(1.0 + (r + r * r * m_exp_tail(r)), i32(n));
  return select(v, x, m_is_nan(x));
}

fn m_expm1(x: f32) -> f32 {
  let t = m_exp_reduce(clamp(x, -20.0, 89.0));
  let r = t.y;
  let p = r + r * r * m_exp_tail(r);
  let n = i32(t.x);
  let s = m_two_to(min(n, 60));
  let v = select((s - 1.0) + s * p, m_scale(1.0 + p, n), n > 60);
  return select(v, x, x == 0.0 || m_is_nan(x));
}

// (e, m) with x = 2^e m and m between sqrt(1/2) and sqrt(2), for x > 0.
fn m_split(x: f32) -> vec2<f32> {
  let tiny = x < 1.17549435e-38;
  let bits = bitcast<u32>(select(x, x * 8388608.0, tiny));
  let offset = bits - 0x3f3504f3u;
  let e = bitcast<i32>(offset) >> 23u;
  let m = bitcast<f32>((offset & 0x007fffffu) + 0x3f3504f3u);
  return vec2<f32>(f32(e) - select(0.0, 23.0, tiny), m);
}

// (log((1 + s) / (1 - s)) - 2 s) / s^3 by s^2; the fit of lane's log_of.
fn m_log_tail(z: f32) -> f32 {
  return 0.66666667 + z * (0.39999996 + z * (0.28572109 + z * (0.22176194 + z * 0.19584056)));
}

// The logarithm of above / below + 1, which is between sqrt(1/2) and sqrt(2); below is above + 2.
fn m_log_of(above: f32, below: f32) -> f32 {
  let s = above / below;
  let z = s * s;
  return 2.0 * s + s * z * m_log_tail(z);
}

// What a logarithm is at 0, below, and at infinity and NaN.
fn m_log_edges(x: f32, v: f32) -> f32 {
  var r = v;
  if (x == 0.0) {
    r = -m_inf();
  }
  if (x < 0.0) {
    r = m_nan();
  }
  return select(r, x, m_is_nan(x) || bitcast<u32>(x) == 0x7f800000u);
}

fn m_log(x: f32) -> f32 {
  let t = m_split(x);
  return m_log_edges(x, t.x * 0.69314718 + m_log_of(t.y - 1.0, t.y + 1.0));
}

fn m_log2(x: f32) -> f32 {
  let t = m_split(x);
  return m_log_edges(x, t.x + m_log_of(t.y - 1.0, t.y + 1.0) * 1.44269504);
}

fn m_log10(x: f32) -> f32 {
  let t = m_split(x);
  return m_log_edges(x, t.x * 0.30103 + m_log_of(t.y - 1.0, t.y + 1.0) * 0.43429448);
}

fn m_log1p(x: f32) -> f32 {
  let t = m_split(max(1.0 + x, 0.0));
  let small = abs(x) < 0.4;
  let v = select(t.x * 0.69314718, 0.0, small) + m_log_of(select(t.y - 1.0, x, small), select(t.y + 1.0, x + 2.0, small));
  // -0 stays -0.
  return select(m_log_edges(1.0 + x, v), x, x == 0.0 || m_is_nan(x));
}

fn m_sigmoid(x: f32) -> f32 {
  let e = m_exp(-abs(x));
  return select(select(1.0, e, x < 0.0) / (1.0 + e), x, m_is_nan(x));
}

fn m_sinh(x: f32) -> f32 {
  let a = abs(x);
  let e = m_expm1(min(a, 80.0));
  let h = m_exp(0.5 * a);
  let v = select(0.5 * (e + e / (e + 1.0)), 0.5 * h * h, a > 80.0);
  return select(m_copysign(v, x), x, m_is_nan(x));
}

fn m_cosh(x: f32) -> f32 {
  let a = abs(x);
  let e = m_exp(min(a, 80.0));
  let h = m_exp(0.5 * a);
  return select(select(0.5 * (e + 1.0 / e), 0.5 * h * h, a > 80.0), x, m_is_nan(x));
}

fn m_tanh(x: f32) -> f32 {
  let e = m_expm1(2.0 * min(abs(x), 10.0));
  return select(m_copysign(e / (e + 2.0), x), x, m_is_nan(x));
}

fn m_asinh(x: f32) -> f32 {
  let a = abs(x);
  let b = min(a, 1e9);
  let v = select(m_log1p(b + b * b / (1.0 + sqrt(b * b + 1.0))), m_log(a) + 0.69314718, a > 1e9);
  return select(m_copysign(v, x), x, m_is_nan(x));
}

fn m_acosh(x: f32) -> f32 {
  let t = min(x, 1e9) - 1.0;
  let v = select(m_log1p(t + sqrt(max(t * (t + 2.0), 0.0))), m_log(x) + 0.69314718, x > 1e9);
  return select(select(v, m_nan(), x < 1.0), x, m_is_nan(x));
}

fn m_atanh(x: f32) -> f32 {
  let a = abs(x);
  let b = min(a, 0.99999997);
  var v = 0.5 * m_log1p((b + b) / (1.0 - b));
  if (a >= 1.0) {
    v = select(m_nan(), m_inf(), a == 1.0);
  }
  return select(m_copysign(v, x), x, m_is_nan(x));
}

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

// lane's float32 erf: x + x p(x^2) up to 0.8, 1 - erfc(x) beyond.
fn m_erf(x: f32) -> f32 {
  let a = min(abs(x), 4.0);
  let d = a - 1.0;
  let u = d * (-3.8072253 + d * (-1.2163446 + d * (-0.0599608 + d * (0.014434725 + d * (-0.0027632977 + d * 3.0243758e-4)))));
  let n = round(u);
  let f = u - n;
  let p = 0.1572992 + f * (0.109031506 + f * (0.037787434 + f * (0.008730629 + f * (0.0015129726 + f * (2.1076323e-4 + f * 2.4150717e-5)))));
  let large = m_copysign(1.0 - p * m_two_to(i32(n)), x);
  let z = x * x;
  let q = 0.12837916 + z * (-0.376126 + z * (0.11283113 + z * (-0.026820807 + z * (0.00508513 - z * 6.5352357e-4))));
  return select(select(large, x + x * q, a < 0.8), x, m_is_nan(x));
}

// e^(-a^2) with a^2 in two parts, of which the first is exact.
fn m_gauss(a: f32) -> f32 {
  let h = m_upper(a);
  return m_exp(-(h * h)) * m_exp(-((a - h) * (a + h)));
}

// (1 + sqrt(pi) a) e^(a^2) erfc(a) for a >= 0; the fit of lane's wide erfc.
fn m_erfc_factor(a: f32) -> f32 {
  let t = (a - 2.5) / (a + 2.5);
  let high = 0.028577887 + t * (5.3472631e-4 + t * (-0.0037744237 + t * (4.3480212e-4 + t * (5.1451078e-4 + t * (-5.1699884e-5 - t * 5.4921875e-5)))));
  return 1.0 + (0.14491774 + t * (-0.15072949 + t * (-0.059119953 + t * (0.12547057 + t * (-0.086711489 + t * high)))));
}

fn m_erfc(x: f32) -> f32 {
  let a = min(abs(x), 11.0);
  let v = m_gauss(a) * m_erfc_factor(a) / (1.0 + a * 1.7724539);
  return select(select(v, 2.0 - v, x < 0.0), x, m_is_nan(x));
}

// The upper 12 digits: a product of two such numbers is exact.
fn m_upper(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
}

// log2(x) as a sum of a number of 12 digits and a rest, for positive finite x. Compilers may simplify a - (a - b), so no rest is
// computed like that: upper parts are cut off by their bits.
fn m_log2_pair(x: f32) -> vec2<f32> {
  let t = m_split(x);
  let f = t.y - 1.0;
  let g = t.y + 1.0;
  let s = f / g;
  let sh = m_upper(s);
  let fh = m_upper(f);
  let sl = (((f - 2.0 * sh) - sh * fh) - sh * (f - fh)) / g;
  let z = s * s;
  let small = 2.0 * sl + s * z * m_log_tail(z);
  // 1.4423828125 has 11 digits.
  let p = 2.0 * sh * 1.4423828125;
  let q = 2.0 * sh * 3.1222838889e-4 + small * 1.44269504;
  let hi = m_upper(t.x + (p + q));
  return vec2<f32>(hi, ((t.x - hi) + p) + q);
}

fn m_pow_positive(x: f32, y: f32) -> f32 {
  let l = m_log2_pair(x);
  let rough = l.x * y;
  if (rough > 200.0) {
    return m_inf();
  }
  if (rough < -200.0) {
    return 0.0;
  }
  let yh = m_upper(y);
  let p = l.x * yh;
  let rest = l.x * (y - yh) + l.y * y;
  let n = round(p + rest);
  let r = ((p - n) + rest) * 0.69314718;
  return m_scale(1.0 + (r + r * r * m_exp_tail(r)), i32(n));
}

fn m_pow(x: f32, y: f32) -> f32 {
  if (y == 0.0 || x == 1.0) {
    return 1.0;
  }
  if (m_is_nan(x) || m_is_nan(y)) {
    return m_nan();
  }
  let a = abs(x);
  if (m_is_inf(y)) {
    if (a == 1.0) {
      return 1.0;
    }
    return select(0.0, m_inf(), (a > 1.0) == (y > 0.0));
  }
  // From 2^24 on every number is even.
  let whole = floor(y) == y;
  let odd = whole && abs(y) < 16777216.0 && (i32(y) & 1) == 1;
  var v: f32;
  if (a == 0.0 || m_is_inf(a)) {
    v = select(0.0, m_inf(), (a == 0.0) == (y < 0.0));
  } else {
    if (x < 0.0 && !whole) {
      return m_nan();
    }
    v = m_pow_positive(a, y);
  }
  return select(v, -v, odd && m_is_signed(x));
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

// torch.lerp, which changes its formula at one half to stay exact at both ends (aten/src/ATen/native/Lerp.h).
fn m_lerp(x: f32, y: f32, t: f32) -> f32 {
  return select(y - (y - x) * (1.0 - t), x + t * (y - x), abs(t) < 0.5);
}
