// The gamma function's relatives.
// The formulas are lane's (math/special), where float32 can compute them; a comment says where they differ. DLMF: the Digital Library
// of Mathematical Functions.

// (1 / Gamma(2 + z) - 1) / z for |z| <= 1/2.
fn m_gamma_slope(z: f32) -> f32 {
  let high = 1.4559614e-4 + z * (-1.754586e-5 + z * (-2.588995e-6 + z * 1.3385015e-6));
  let middle = -0.017645245 + z * (0.008023273 + z * (-8.0432978e-4 + z * (-3.6083782e-4 + z * high)));
  return -0.42278434 + z * (-0.23309374 + z * (0.1910911 + z * (-0.02455249 + z * middle)));
}

fn m_stirling(x: f32) -> f32 {
  let z = 1.0 / (x * x);
  let tail = (0.083333333 - z * (0.0027777778 - z * 7.9365079e-4)) / x;
  return (x - 0.5) * (m_log(x) - 1.0) + (tail - 0.081061467 + 0.5);
}

fn m_lgamma(x: f32) -> f32 {
  if (m_is_nan(x)) {
    return x;
  }
  if (m_is_inf(x) || (x <= 0.0 && floor(x) == x)) {
    return m_inf();
  }
  if (x >= 8.0) {
    return m_stirling(x);
  }
  let m = round(x);
  let z = x - m;
  if (x < -24.0) {
    return m_log(3.14159265 / abs(x * m_sin(3.14159265 * z))) - m_stirling(-x);
  }
  let slope = m_gamma_slope(z);
  if (m == 2.0 || m == 1.0) {
    return 0.0 - m_log1p(z * select(1.0 + slope + z * slope, slope, m == 2.0));
  }
  let reciprocal = 1.0 + z * slope;
  var p = 1.0;
  let last = select(m - 1.0, 1.0, m < 2.0);
  for (var j = select(2.0, m, m < 2.0); j <= last; j += 1.0) {
    p *= z + j;
  }
  return select(-m_log(abs(p * reciprocal)), m_log(p / reciprocal), m > 2.0);
}

fn m_digamma(x: f32) -> f32 {
  if (x == 0.0) {
    return select(-m_inf(), m_inf(), m_is_signed(x));
  }
  if (m_is_nan(x) || m_is_inf(x)) {
    return select(m_nan(), x, x > 0.0);
  }
  var y = x;
  var v = 0.0;
  if (x < 0.0) {
    if (floor(x) == x) {
      return m_nan();
    }
    // By the nearest integer, so that the angle is small where the tangent is.
    v = -3.14159265 / m_tan(3.14159265 * (x - round(x)));
    y = 1.0 - x;
  }
  while (y < 10.0) {
    v -= 1.0 / y;
    y += 1.0;
  }
  let z = 1.0 / (y * y);
  return v + (m_log(y) - 0.5 / y - z * (0.083333333 - z * (0.0083333333 - z * 0.003968254)));
}

// (2k)! / B(2k)
const m_zeta_series = array<f32, 6>(12.0, -720.0, 30240.0, -1209600.0, 47900160.0, -1.8924376e9);

// Euler-Maclaurin, DLMF 25.11.5.
fn m_zeta(x: f32, q: f32) -> f32 {
  if (x == 1.0) {
    return m_inf();
  }
  if (!(x >= 1.0) || m_is_nan(x) || m_is_nan(q)) {
    return m_nan();
  }
  if (q <= 0.0) {
    if (floor(q) == q) {
      return m_inf();
    }
    if (floor(x) != x) {
      return m_nan();
    }
  }
  var a = q;
  var term = m_pow(q, -x);
  var sum = term;
  var n = 0;
  while ((n < 6 || a <= 6.0) && n < 100000) {
    n += 1;
    a += 1.0;
    term = m_pow(a, -x);
    sum += term;
    if (abs(term) < 3e-8 * abs(sum)) {
      return sum;
    }
  }
  sum += term * a / (x - 1.0) - 0.5 * term;
  var series = m_zeta_series;
  var rising = 1.0;
  var k = 0.0;
  for (var i = 0; i < 6; i++) {
    rising *= x + k;
    term /= a;
    let t = rising * term / series[i];
    sum += t;
    if (abs(t) < 3e-8 * abs(sum)) {
      break;
    }
    rising *= x + k + 1.0;
    term /= a;
    k += 2.0;
  }
  return sum;
}

// The factorial is a product: an exponential of lgamma would round more.
fn m_polygamma(n: f32, x: f32) -> f32 {
  if (n == 0.0) {
    return m_digamma(x);
  }
  if (n == 1.0 && x < 0.5) {
    let s = m_sin(3.14159265 * (x - round(x)));
    return 9.8696044 / (s * s) - m_zeta(2.0, 1.0 - x);
  }
  var factorial = 1.0;
  for (var k = 2.0; k <= min(n, 40.0); k += 1.0) {
    factorial *= k;
  }
  if (floor(n) != n) {
    factorial = m_exp(m_lgamma(n + 1.0));
  }
  return select(-1.0, 1.0, m_fmod(n, 2.0) == 1.0) * factorial * m_zeta(n + 1.0, x);
}

// x^a e^-x / Gamma(a); Stirling's formula from smaller shapes on than in float64, since more cancels.
fn m_gamma_density(a: f32, x: f32) -> f32 {
  if (a > 6.0 && abs(x - a) < 0.5 * a) {
    let t = (x - a) / a;
    // log(1 + t) - t by s = t / (2 + t), so that small t keep their digits.
    let s = t / (2.0 + t);
    let z = s * s;
    let rest = s * z * (0.66666667 + z * (0.4 + z * (0.28571429 + z * (0.22222222 + z * (0.18181818 + z * 0.15384615))))) - s * t;
    let w = 1.0 / (a * a);
    let stirling = (0.083333333 - w * (0.0027777778 - w * 7.9365079e-4)) / a;
    return m_exp(a * rest - stirling) * sqrt(a / 6.28318531);
  }
  return m_exp(a * m_log(x) - x - m_lgamma(a));
}

// What the lower function is where no formula is needed, else -1.
fn m_igamma_edge(a: f32, x: f32) -> f32 {
  if (x < 0.0 || a < 0.0 || m_is_nan(x) || m_is_nan(a)) {
    return m_nan();
  }
  if (a == 0.0) {
    return select(m_nan(), 1.0, x > 0.0);
  }
  if (x == 0.0) {
    return 0.0;
  }
  if (m_is_inf(a)) {
    return select(0.0, m_nan(), m_is_inf(x));
  }
  return select(-1.0, 1.0, m_is_inf(x));
}

// DLMF 8.11.4.
fn m_igamma_series(a: f32, x: f32) -> f32 {
  var term = 1.0 / a;
  var sum = term;
  var n = a;
  for (var k = 0; k < 10000; k++) {
    n += 1.0;
    term *= x / n;
    sum += term;
    if (term <= sum * 1e-8) {
      break;
    }
  }
  return sum * m_gamma_density(a, x);
}

// DLMF 8.9.2 by Lentz's method.
fn m_igamma_fraction(a: f32, x: f32) -> f32 {
  var b = x + 1.0 - a;
  var c = 1e30;
  var d = 1.0 / b;
  var h = d;
  for (var i = 1; i < 10000; i++) {
    let k = f32(i);
    let t = -k * (k - a);
    b += 2.0;
    d = t * d + b;
    d = 1.0 / select(d, 1e-30, abs(d) < 1e-30);
    c = b + t / c;
    c = select(c, 1e-30, abs(c) < 1e-30);
    let step = d * c;
    h *= step;
    if (abs(step - 1.0) < 1e-7) {
      break;
    }
  }
  return h * m_gamma_density(a, x);
}

fn m_igamma(a: f32, x: f32) -> f32 {
  let edge = m_igamma_edge(a, x);
  if (edge != -1.0 || m_is_nan(edge)) {
    return edge;
  }
  if (x < a + 1.0) {
    return m_igamma_series(a, x);
  }
  return 1.0 - m_igamma_fraction(a, x);
}

fn m_igammac(a: f32, x: f32) -> f32 {
  let edge = m_igamma_edge(a, x);
  if (edge != -1.0 || m_is_nan(edge)) {
    return 1.0 - edge;
  }
  if (x < a + 1.0) {
    return 1.0 - m_igamma_series(a, x);
  }
  return m_igamma_fraction(a, x);
}
