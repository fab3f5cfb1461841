// Bessel functions and Airy's.
// The formulas are lane's (math/special), where float32 can compute them; a comment says where they differ. DLMF: the Digital Library
// of Mathematical Functions.

// Terms of DLMF 10.17.1, their sum but for the first, 1.
fn m_bessel_far(n: f32, x: f32, sign: f32) -> f32 {
  let mu = 4.0 * n * n;
  var term = 1.0;
  var sum = 0.0;
  for (var k = 1; k < 30; k++) {
    let odd = f32(2 * k - 1);
    let next = term * sign * (mu - odd * odd) / (8.0 * f32(k) * x);
    if (abs(next) >= abs(term) || abs(next) < 1e-9) {
      break;
    }
    term = next;
    sum += term;
  }
  return sum;
}

// DLMF 10.25.2.
fn m_i_series(n: f32, x: f32) -> f32 {
  let q = 0.25 * x * x;
  var term = 1.0;
  var sum = 1.0;
  var k = 0.0;
  while (term > sum * 1e-9 && k < 100.0) {
    k += 1.0;
    term *= q / (k * (k + n));
    sum += term;
  }
  return sum;
}

// The series is left for the asymptotic one as soon as that is exact to float32.
fn m_i_of(n: f32, x: f32, scaled: bool) -> f32 {
  if (m_is_nan(x)) {
    return x;
  }
  let a = abs(x);
  var v: f32;
  if (a < 10.0) {
    v = select(0.5 * a, 1.0, n == 0.0) * m_i_series(n, a) * select(1.0, m_exp(-a), scaled);
  } else if (m_is_inf(a)) {
    v = select(a, 0.0, scaled);
  } else {
    v = (1.0 + m_bessel_far(n, a, -1.0)) / sqrt(6.28318531 * a);
    if (!scaled) {
      let h = m_exp(0.5 * min(a, 170.0));
      v = h * (v * h);
      if (a > 170.0) {
        v = m_inf();
      }
    }
  }
  return select(m_copysign(v, x), v, n == 0.0);
}

fn m_i0(x: f32) -> f32 {
  return m_i_of(0.0, x, false);
}

fn m_i0e(x: f32) -> f32 {
  return m_i_of(0.0, x, true);
}

fn m_i1(x: f32) -> f32 {
  return m_i_of(1.0, x, false);
}

fn m_i1e(x: f32) -> f32 {
  return m_i_of(1.0, x, true);
}

// e^x K(x): the integral of DLMF 10.32.9 by the trapezoidal rule; cosh(t) - 1 is 2 sinh(t / 2)^2.
fn m_k_integral(n: f32, x: f32) -> f32 {
  var sum = 0.5;
  for (var i = 1; i < 60; i++) {
    let t = 0.2 * f32(i);
    let s = m_sinh(0.5 * t);
    let term = m_exp(-2.0 * x * s * s) * m_cosh(n * t);
    sum += term;
    if (term < 1e-9 * sum) {
      break;
    }
  }
  return 0.2 * sum;
}

fn m_k_of(n: f32, x: f32, scaled: bool) -> f32 {
  if (x < 0.0 || m_is_nan(x)) {
    return m_nan();
  }
  if (x == 0.0) {
    return m_inf();
  }
  if (m_is_inf(x)) {
    return 0.0;
  }
  if (x > 2.0) {
    let v = select(m_k_integral(n, x), (1.0 + m_bessel_far(n, x, 1.0)) * sqrt(1.57079633 / x), x > 10.0);
    return select(v * m_exp(-x), v, scaled);
  }
  // DLMF 10.31.1 and 10.31.2.
  let q = 0.25 * x * x;
  let l = m_log(0.5 * x);
  var term = 1.0;
  var sum = 0.0;
  var harmonic = 0.0;
  var k = 0.0;
  while (term > 1e-9 && k < 30.0) {
    if (n != 0.0) {
      sum += term * (2.0 * (harmonic - 0.57721566) + 1.0 / (k + 1.0));
    }
    k += 1.0;
    term *= q / (k * (k + n));
    harmonic += 1.0 / k;
    if (n == 0.0) {
      sum += term * harmonic;
    }
  }
  var v = sum - (l + 0.57721566) * m_i_series(0.0, x);
  if (n != 0.0) {
    v = 1.0 / x + l * (0.5 * x) * m_i_series(1.0, x) - 0.25 * x * sum;
  }
  return select(v, v * m_exp(x), scaled);
}

fn m_bessel_k0(x: f32) -> f32 {
  return m_k_of(0.0, x, false);
}

fn m_bessel_k1(x: f32) -> f32 {
  return m_k_of(1.0, x, false);
}

fn m_bessel_k0e(x: f32) -> f32 {
  return m_k_of(0.0, x, true);
}

fn m_bessel_k1e(x: f32) -> f32 {
  return m_k_of(1.0, x, true);
}

// (J0, J1, and the sums of Neumann's series of Y0 and Y1) for x between 0 and 10: Miller's backward recurrence, DLMF 3.6(ii), made
// to fit by J0 + 2 J2 + 2 J4 + ... = 1; the series are DLMF 10.23.16 and Abramowitz and Stegun 9.1.88.
fn m_bessel_near(x: f32) -> vec4<f32> {
  var above = 0.0;
  var here = 1e-30;
  var one = 0.0;
  var norm = 0.0;
  var s0 = 0.0;
  var s1 = 0.0;
  // J of this order is below 1e-10 of J0's size.
  for (var n = 2 * i32(0.7 * x + 8.0); n >= 0; n--) {
    let k = n / 2;
    let sign = select(1.0, -1.0, (k & 1) == 1);
    if ((n & 1) == 0) {
      norm += select(2.0, 1.0, n == 0) * here;
      if (k > 0) {
        s0 += sign * here / f32(k);
      }
    } else {
      if (n == 1) {
        one = here;
      } else {
        s1 += sign * here * f32(n) / f32(k * (k + 1));
      }
    }
    let below = 2.0 * f32(n) / x * here - above;
    if (n > 0) {
      above = here;
      here = below;
      if (abs(here) > 1e10) {
        above *= 1e-10;
        here *= 1e-10;
        one *= 1e-10;
        norm *= 1e-10;
        s0 *= 1e-10;
        s1 *= 1e-10;
      }
    }
  }
  return vec4<f32>(here, one, s0, s1) / norm;
}

// (J, Y) of order 0 or 1 for x from 10 on: Hankel's expansion, DLMF 10.17.3. The angle is x less an odd multiple of pi / 4, by sums of
// sine and cosine.
fn m_bessel_wave(n: f32, x: f32) -> vec2<f32> {
  let mu = 4.0 * n * n;
  var p = 1.0;
  var q = 0.0;
  var term = 1.0;
  for (var k = 1; k < 24; k++) {
    let odd = f32(2 * k - 1);
    let next = term * (mu - odd * odd) / (8.0 * f32(k) * x);
    if (abs(next) >= abs(term) || abs(next) < 1e-9) {
      break;
    }
    term = next;
    let sign = select(1.0, -1.0, (k & 2) == 2);
    if ((k & 1) == 1) {
      q += sign * term;
    } else {
      p += sign * term;
    }
  }
  let s = m_sin(x);
  let c = m_cos(x);
  let size = 1.0 / sqrt(3.14159265 * x);
  let cosine = select(s - c, s + c, n == 0.0);
  let sine = select(-(s + c), s - c, n == 0.0);
  return size * vec2<f32>(p * cosine - q * sine, p * sine + q * cosine);
}

fn m_bessel_j0(x: f32) -> f32 {
  let a = abs(x);
  if (m_is_nan(x) || m_is_inf(x)) {
    return select(x, 0.0, m_is_inf(x));
  }
  if (a < 1e-4) {
    return 1.0;
  }
  if (a < 10.0) {
    return m_bessel_near(a).x;
  }
  return m_bessel_wave(0.0, a).x;
}

fn m_bessel_j1(x: f32) -> f32 {
  let a = abs(x);
  if (m_is_nan(x) || m_is_inf(x)) {
    return select(x, 0.0, m_is_inf(x));
  }
  if (a < 1e-4) {
    return 0.5 * x;
  }
  var v: f32;
  if (a < 10.0) {
    v = m_bessel_near(a).y;
  } else {
    v = m_bessel_wave(1.0, a).x;
  }
  return select(v, -v, x < 0.0);
}

fn m_bessel_y_edge(x: f32) -> f32 {
  if (m_is_nan(x) || x < 0.0) {
    return m_nan();
  }
  return select(0.0, -m_inf(), x == 0.0);
}

fn m_bessel_y0(x: f32) -> f32 {
  if (!(x > 0.0) || m_is_nan(x) || m_is_inf(x)) {
    return m_bessel_y_edge(x);
  }
  if (x < 10.0) {
    let l = m_log(0.5 * x) + 0.57721566;
    if (x < 1e-4) {
      return 0.63661977 * l;
    }
    let t = m_bessel_near(x);
    return 0.63661977 * (l * t.x - 2.0 * t.z);
  }
  return m_bessel_wave(0.0, x).y;
}

fn m_bessel_y1(x: f32) -> f32 {
  if (!(x > 0.0) || m_is_nan(x) || m_is_inf(x)) {
    return m_bessel_y_edge(x);
  }
  if (x < 1e-4) {
    return -0.63661977 / x;
  }
  if (x < 10.0) {
    let t = m_bessel_near(x);
    return 0.63661977 * ((m_log(0.5 * x) - 0.42278434) * t.y - t.x / x - t.w);
  }
  return m_bessel_wave(1.0, x).y;
}

fn m_spherical_j0(x: f32) -> f32 {
  if (m_is_inf(x)) {
    return 0.0;
  }
  return select(m_sin(x) / x, 1.0, x == 0.0);
}

// Ai and its derivative at 0, -1, ..., -6.
const m_airy_values = array<f32, 7>(0.35502805, 0.53556088, 0.22740743, -0.37881429, -0.07026553, 0.35076101, -0.32914517);

const m_airy_slopes = array<f32, 7>(-0.25881940, -0.01016057, 0.61825902, 0.31458377, -0.79062858, 0.32719282, 0.34593549);

// Between -6.5 and 1 by Taylor's series about the nearest integer, whose coefficients the equation y'' = x y gives: one series about 0,
// as in float64, would lose all digits.
fn m_airy_ai(x: f32) -> f32 {
  if (m_no_angle(x)) {
    return m_nan();
  }
  if (x > 1.0) {
    let z = 0.66666667 * x * sqrt(x);
    if (z > 100.0) {
      return 0.0;
    }
    let k = select(m_k_integral(0.33333333, z), (1.0 + m_bessel_far(0.33333333, z, 1.0)) * sqrt(1.57079633 / z), z > 10.0);
    return sqrt(0.33333333 * x) * 0.31830989 * k * m_exp(-z);
  }
  if (x >= -6.5) {
    let at = clamp(i32(round(-x)), 0, 6);
    let c = -f32(at);
    let d = x - c;
    var values = m_airy_values;
    var slopes = m_airy_slopes;
    var a = values[at];
    var b = slopes[at];
    var before = 0.0;
    var power = d;
    var sum = a + b * d;
    for (var n = 0; n < 16; n++) {
      // a, b are the coefficients n and n + 1; the next is (c a + the one before a) / ((n + 1)(n + 2)).
      let next = (c * a + before) / f32((n + 1) * (n + 2));
      before = a;
      a = b;
      b = next;
      power *= d;
      sum += b * power;
    }
    return sum;
  }
  // DLMF 9.7.9.
  let y = -x;
  let z = 0.66666667 * y * sqrt(y);
  var even = 0.0;
  var odd = 0.0;
  var term = 1.0;
  for (var k = 0; k < 12; k++) {
    let sign = select(1.0, -1.0, (k & 2) == 2);
    if ((k & 1) == 0) {
      even += sign * term;
    } else {
      odd += sign * term;
    }
    let n = f32(k + 1);
    let next = term * (6.0 * n - 5.0) * (6.0 * n - 3.0) * (6.0 * n - 1.0) / (216.0 * n * (2.0 * n - 1.0) * z);
    if (next > term) {
      break;
    }
    term = next;
  }
  let s = m_sin(z);
  let c = m_cos(z);
  return 0.70710678 * ((c + s) * even + (s - c) * odd) / (1.7724539 * sqrt(sqrt(y)));
}
