// Exponentials, logarithms, powers and hyperbolic functions of float32. Fits are lane's (math/float32, math/wide).

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
