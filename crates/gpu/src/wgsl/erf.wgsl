// Around the error function.
// The formulas are lane's (math/special), where float32 can compute them; a comment says where they differ. DLMF: the Digital Library
// of Mathematical Functions.

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

// Giles, "Approximating the erfinv function" (GPU Computing Gems, 2011), single precision.
fn m_erfinv(x: f32) -> f32 {
  let a = abs(x);
  if (a >= 1.0 || m_is_nan(x)) {
    return select(m_nan(), m_copysign(m_inf(), x), a == 1.0);
  }
  var w = -m_log((1.0 - x) * (1.0 + x));
  var p: f32;
  if (w < 5.0) {
    w -= 2.5;
    p = 1.50140941 + w * (0.246640727 + w * (-0.00417768164 + w * (-0.00125372503 + w * (2.1858087e-4 + w * (-4.39150654e-6 + w * (-3.5233877e-6 + w * (3.43273939e-7 + w * 2.81022636e-8)))))));
  } else {
    w = sqrt(w) - 3.0;
    p = 2.83297682 + w * (1.00167406 + w * (0.00943887047 + w * (-0.0076224613 + w * (0.00573950773 + w * (-0.00367342844 + w * (0.00134934322 + w * (1.00950558e-4 - w * 2.00214257e-4)))))));
  }
  return p * x;
}

fn m_erfcx_positive(x: f32) -> f32 {
  if (x < 11.0) {
    return m_erfc_factor(x) / (1.0 + x * 1.7724539);
  }
  // The continued fraction of DLMF 7.9.1.
  var t = x;
  for (var k = 5.0; k >= 1.0; k -= 1.0) {
    t = x + 0.5 * k / t;
  }
  return 1.0 / (t * 1.7724539);
}

fn m_erfcx(x: f32) -> f32 {
  if (m_is_nan(x)) {
    return x;
  }
  if (x >= 0.0) {
    return m_erfcx_positive(x);
  }
  let a = min(-x, 12.0);
  let h = m_upper(a);
  return 2.0 * m_exp(h * h) * m_exp((a - h) * (a + h)) - m_erfcx_positive(a);
}

// The x >= 0 with erfc(x) = q, by Newton's method on the logarithm.
fn m_erfc_inverse(q: f32) -> f32 {
  let goal = m_log(q);
  var x = sqrt(max(-goal, 0.0)) * 0.9;
  for (var k = 0; k < 20; k++) {
    let scaled = m_erfcx_positive(x);
    let h = m_upper(x);
    let step = (((m_log(scaled) - goal) - h * h) - (x - h) * (x + h)) * scaled * 0.88622693;
    x = max(x + step, 0.0);
    if (abs(step) <= 1e-7 * x) {
      break;
    }
  }
  return x;
}

fn m_ndtri(x: f32) -> f32 {
  if (x == 0.0 || x == 1.0) {
    return select(m_inf(), -m_inf(), x == 0.0);
  }
  if (!(x > 0.0 && x < 1.0) || m_is_nan(x)) {
    return m_nan();
  }
  if (x < 0.25) {
    return -1.41421356 * m_erfc_inverse(2.0 * x);
  }
  if (x > 0.75) {
    return 1.41421356 * m_erfc_inverse(2.0 * (1.0 - x));
  }
  return 1.41421356 * m_erfinv(2.0 * x - 1.0);
}

fn m_log_ndtr(x: f32) -> f32 {
  let t = x * 0.70710678;
  if (x < -1.0) {
    return m_log(m_erfcx_positive(-t) * 0.5) - t * t;
  }
  return m_log1p(-0.5 * m_erfc(t));
}
