// Orthogonal polynomials by their recurrences; the degree is truncated.

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
