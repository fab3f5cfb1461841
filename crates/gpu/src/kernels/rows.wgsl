// Rows: `LANES` invocations to one, which they run along together. `total` and `greatest` join what each of them has; NaN is
// greater than every number.

fn row_max(l: u32) -> f32 {
  var v = -m_inf();
  for (var i = l; i < p.n; i += LANES) {
    v = m_maximum(v, x(i));
  }
  return greatest(l, v);
}

fn row_exp(l: u32, most: f32) -> f32 {
  var v = 0.0;
  for (var i = l; i < p.n; i += LANES) {
    v += m_exp(x(i) - most);
  }
  return total(l, v);
}

fn softmax(l: u32) {
  let most = row_max(l);
  let sum = row_exp(l, most);
  for (var i = l; i < p.n; i += LANES) {
    put(i, m_exp(x(i) - most) / sum);
  }
}

fn log_softmax(l: u32) {
  let most = row_max(l);
  let sum = m_log(row_exp(l, most));
  for (var i = l; i < p.n; i += LANES) {
    put(i, x(i) - most - sum);
  }
}

fn logsumexp(l: u32) {
  let most = row_max(l);
  // An infinite maximum is the result.
  let shift = select(most, 0.0, m_is_inf(most));
  let sum = m_log(row_exp(l, shift)) + shift;
  if (l == 0u) {
    put(0u, sum);
  }
}

fn softmax_backward(l: u32) {
  var v = 0.0;
  for (var i = l; i < p.n; i += LANES) {
    v += x(i) * y(i);
  }
  let sum = total(l, v);
  for (var i = l; i < p.n; i += LANES) {
    put(i, y(i) * (x(i) - sum));
  }
}

fn log_softmax_backward(l: u32) {
  var v = 0.0;
  for (var i = l; i < p.n; i += LANES) {
    v += x(i);
  }
  let sum = total(l, v);
  for (var i = l; i < p.n; i += LANES) {
    put(i, x(i) - m_exp(y(i)) * sum);
  }
}

fn layer_norm(l: u32) {
  let count = f32(p.n);
  var v = 0.0;
  for (var i = l; i < p.n; i += LANES) {
    v += x(i);
  }
  let mean = total(l, v) / count;
  v = 0.0;
  for (var i = l; i < p.n; i += LANES) {
    let d = x(i) - mean;
    v += d * d;
  }
  let factor = 1.0 / sqrt(total(l, v) / count + bitcast<f32>(p.eps));
  for (var i = l; i < p.n; i += LANES) {
    put(i, (x(i) - mean) * factor * weight(i) + bias(i));
  }
  if (l == 0u) {
    put_moments(mean, factor);
  }
}

fn layer_norm_backward(l: u32) {
  let count = f32(p.n);
  let mean = moment_mean();
  let factor = moment_factor();
  var a = 0.0;
  var b = 0.0;
  for (var i = l; i < p.n; i += LANES) {
    let h = x(i) * weight(i);
    a += h;
    b += h * ((y(i) - mean) * factor);
  }
  a = total(l, a) / count;
  b = total(l, b) / count;
  for (var i = l; i < p.n; i += LANES) {
    put(i, (x(i) * weight(i) - a - (y(i) - mean) * factor * b) * factor);
  }
}
