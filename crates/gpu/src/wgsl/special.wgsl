// Special functions of float32. The formulas are lane's (math/special), where float32 can compute them; each paragraph says where it
// differs. DLMF: the Digital Library of Mathematical Functions.

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

// The polynomial of this degree by p[k+1] = (a x + b k x + c + d k) p[k] / e(k) - ...; each kind gives the next two before.
fn m_recurrence(kind: i32, x: f32, degree: f32, first: f32) -> f32 {
  // A degree that is no number counts as 0, as its cast to an integer does.
  let n = select(trunc(degree), 0.0, m_is_nan(degree));
  if (n < 0.0) {
    return 0.0;
  }
  if (n == 0.0) {
    return 1.0;
  }
  var p = 1.0;
  var q = first;
  for (var k = 1.0; k < n; k += 1.0) {
    if (m_is_nan(q)) {
      break;
    }
    var next = (x + x) * q;
    if (kind == 0) {
      next -= p;
    } else if (kind == 1) {
      next -= (k + k) * p;
    } else if (kind == 2) {
      next = x * q - k * p;
    } else if (kind == 3) {
      next = ((k + k + 1.0 - x) * q - k * p) / (k + 1.0);
    } else {
      next = ((k + k + 1.0) * x * q - k * p) / (k + 1.0);
    }
    p = q;
    q = next;
  }
  return q;
}

// At -1: the sign by the parity of the degree.
fn m_parity(n: f32, x: f32, v: f32) -> f32 {
  return select(-v, v, x > 0.0 || m_fmod(trunc(n), 2.0) == 0.0);
}

fn m_chebyshev_t(x: f32, n: f32) -> f32 {
  if (trunc(n) > 6.0 && abs(x) < 1.0) {
    return m_cos(trunc(n) * m_acos(x));
  }
  if (abs(x) == 1.0 && n >= 0.0) {
    return m_parity(n, x, 1.0);
  }
  return m_recurrence(0, x, n, x);
}

fn m_chebyshev_u(x: f32, n: f32) -> f32 {
  let m = trunc(n) + 1.0;
  if (trunc(n) > 8.0 && abs(x) < 1.0) {
    let angle = m_acos(x);
    return m_sin(m * angle) / m_sin(angle);
  }
  if (abs(x) == 1.0 && n >= 0.0) {
    return m_parity(n, x, m);
  }
  return m_recurrence(0, x, n, x + x);
}

fn m_chebyshev_v(x: f32, n: f32) -> f32 {
  let m = trunc(n);
  if (m > 8.0 && abs(x) < 1.0) {
    let angle = m_acos(x);
    return m_cos((m + 0.5) * angle) / m_cos(0.5 * angle);
  }
  if (abs(x) == 1.0 && n >= 0.0) {
    return select(m_parity(n, x, m + m + 1.0), 1.0, x > 0.0);
  }
  return m_recurrence(0, x, n, x + x - 1.0);
}

fn m_chebyshev_w(x: f32, n: f32) -> f32 {
  let m = trunc(n);
  if (m > 8.0 && abs(x) < 1.0) {
    let angle = m_acos(x);
    return m_sin((m + 0.5) * angle) / m_sin(0.5 * angle);
  }
  if (abs(x) == 1.0 && n >= 0.0) {
    return select(m_parity(n, x, 1.0), m + m + 1.0, x > 0.0);
  }
  return m_recurrence(0, x, n, x + x + 1.0);
}

fn m_hermite_h(x: f32, n: f32) -> f32 {
  if (n > 512.0) {
    return m_nan();
  }
  return m_recurrence(1, x, n, x + x);
}

fn m_hermite_he(x: f32, n: f32) -> f32 {
  if (n > 512.0) {
    return m_nan();
  }
  return m_recurrence(2, x, n, x);
}

fn m_laguerre_l(x: f32, n: f32) -> f32 {
  if (x == 0.0 && n >= 0.0) {
    return 1.0;
  }
  return m_recurrence(3, x, n, 1.0 - x);
}

fn m_legendre_p(x: f32, n: f32) -> f32 {
  if (abs(x) == 1.0 && n >= 0.0) {
    return m_parity(n, x, 1.0);
  }
  return m_recurrence(4, x, n, x);
}
