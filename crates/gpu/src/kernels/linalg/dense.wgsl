// Factorizations: a workgroup has a matrix and goes through it step by step, its invocations side by side within a step. What they
// write they may read behind `sync`. Loops that hold barriers run equally long for all; data only decides what is done in them.

fn sync() {
  storageBarrier();
  workgroupBarrier();
}

// A sum over a team of 32 invocations.
fn team_total(l: u32, mine: f32) -> f32 {
  room[l] = mine;
  workgroupBarrier();
  for (var s = 16u; s > 0u; s >>= 1u) {
    if ((l & 31u) < s) {
      room[l] += room[l + s];
    }
    workgroupBarrier();
  }
  let v = room[l & 0xe0u];
  workgroupBarrier();
  return v;
}

fn copy_matrix(l: u32) {
  for (var e = l; e < p.m * p.n; e += 256u) {
    put_o(e / p.n, e % p.n, get_a(e / p.n, e % p.n));
  }
}

fn lu_begin(l: u32) {
  copy_matrix(l);
  if (l == 0u) {
    put_info(0u, 0u, 0i);
  }
}

// The first of the greatest elements comes up; below it stands what each row has of it, and behind that the rest. What is NaN is
// only taken where it stands.
fn lu_step(k: u32, l: u32) {
  var most = -1.0;
  var best = k;
  for (var i = k + l; i < p.m; i += 256u) {
    let x = get_o(i, k);
    let size = select(abs(x), select(-1.0, m_inf(), i == k), m_is_nan(x));
    if (size > most) {
      most = size;
      best = i;
    }
  }
  room[l] = most;
  rows[l] = best;
  workgroupBarrier();
  for (var s = 128u; s > 0u; s >>= 1u) {
    if (l < s && (room[l + s] > room[l] || (room[l + s] == room[l] && rows[l + s] < rows[l]))) {
      room[l] = room[l + s];
      rows[l] = rows[l + s];
    }
    workgroupBarrier();
  }
  best = rows[0];
  let pivot = get_o(best, k);
  sync();
  let some = pivot != 0.0 || m_is_nan(pivot);
  if (l == 0u) {
    put_pivots(0u, k, i32(best) + 1i);
    if (!some && get_info(0u, 0u) == 0i) {
      put_info(0u, 0u, i32(k) + 1i);
    }
  }
  if (some && best != k) {
    for (var j = l; j < p.n; j += 256u) {
      let x = get_o(k, j);
      put_o(k, j, get_o(best, j));
      put_o(best, j, x);
    }
  }
  sync();
  if (some) {
    for (var i = k + 1u + l; i < p.m; i += 256u) {
      put_o(i, k, get_o(i, k) / pivot);
    }
  }
  sync();
  let wide = p.n - k - 1u;
  if (some && wide > 0u) {
    for (var e = l; e < (p.m - k - 1u) * wide; e += 256u) {
      let i = k + 1u + e / wide;
      let j = k + 1u + e % wide;
      put_o(i, j, get_o(i, j) - get_o(i, k) * get_o(k, j));
    }
  }
  sync();
}

fn cholesky_begin(l: u32) {
  for (var e = l; e < p.n * p.n; e += 256u) {
    let i = e / p.n;
    let j = e % p.n;
    if (j <= i) {
      put_o(i, j, get_a(i, j));
    } else {
      put_o(i, j, 0.0);
    }
  }
  if (l == 0u) {
    put_info(0u, 0u, 0i);
  }
}

fn cholesky_step(k: u32, l: u32) {
  let square = get_o(k, k);
  let before = get_info(0u, 0u);
  sync();
  let good = before == 0i && square > 0.0 && !m_is_nan(square);
  let root = sqrt(square);
  if (l == 0u && before == 0i) {
    if (good) {
      put_o(k, k, root);
    } else {
      put_info(0u, 0u, i32(k) + 1i);
    }
  }
  if (good) {
    for (var i = k + 1u + l; i < p.n; i += 256u) {
      put_o(i, k, get_o(i, k) / root);
    }
  }
  sync();
  let rest = p.n - k - 1u;
  if (good && rest > 0u) {
    for (var e = l; e < rest * rest; e += 256u) {
      let i = k + 1u + e / rest;
      let j = k + 1u + e % rest;
      if (j <= i) {
        put_o(i, j, get_o(i, j) - get_o(i, k) * get_o(j, k));
      }
    }
  }
  sync();
}

// Columns from `from_` on, mirrored by the vector v(i) with v(k) = 1: a team has a column.
fn reflect(k: u32, from_: u32, tau: f32, l: u32) {
  let lane = l & 31u;
  for (var c = from_; c < p.n; c += 8u) {
    let j = c + l / 32u;
    let there = j < p.n;
    var sum = 0.0;
    if (there) {
      for (var i = k + 1u + lane; i < p.m; i += 32u) {
        sum += get_v(i, k) * get_o(i, j);
      }
      if (lane == 0u) {
        sum += get_o(k, j);
      }
    }
    let by = tau * team_total(l, sum);
    if (there) {
      for (var i = k + 1u + lane; i < p.m; i += 32u) {
        put_o(i, j, get_o(i, j) - by * get_v(i, k));
      }
      if (lane == 0u) {
        put_o(k, j, get_o(k, j) - by);
      }
    }
  }
  sync();
}

fn geqrf_begin(l: u32) {
  copy_matrix(l);
}

fn geqrf_step(k: u32, l: u32) {
  var sum = 0.0;
  for (var i = k + 1u + l; i < p.m; i += 256u) {
    let x = get_o(i, k);
    sum += x * x;
  }
  let below = total(l, sum);
  let first = get_o(k, k);
  sync();
  var tau = 0.0;
  if (below != 0.0 || m_is_nan(below)) {
    let beta = -m_copysign(sqrt(first * first + below), first);
    tau = (beta - first) / beta;
    for (var i = k + 1u + l; i < p.m; i += 256u) {
      put_o(i, k, get_o(i, k) / (first - beta));
    }
    if (l == 0u) {
      put_o(k, k, beta);
    }
  }
  if (l == 0u) {
    put_tau(0u, k, tau);
  }
  sync();
  reflect(k, k + 1u, tau, l);
}

fn householder_begin(l: u32) {
  for (var e = l; e < p.m * p.n; e += 256u) {
    put_o(e / p.n, e % p.n, select(0.0, 1.0, e / p.n == e % p.n));
  }
}

fn householder_step(step: u32, l: u32) {
  let k = p.steps - 1u - step;
  reflect(k, 0u, get_tau(0u, k), l);
}

fn solve_triangular_begin(l: u32) {
  for (var e = l; e < p.m * p.n; e += 256u) {
    put_o(e / p.n, e % p.n, get_b(e / p.n, e % p.n));
  }
}

// A row that is known leaves the rows behind it.
fn solve_triangular_step(step: u32, l: u32) {
  let upper = (p.flags & 1u) == 1u;
  let k = select(step, p.steps - 1u - step, upper);
  if ((p.flags & 2u) == 0u) {
    for (var j = l; j < p.n; j += 256u) {
      put_o(k, j, get_o(k, j) / get_a(k, k));
    }
  }
  sync();
  let rest = p.steps - 1u - step;
  for (var e = l; e < rest * p.n; e += 256u) {
    let i = select(k + 1u + e / p.n, e / p.n, upper);
    let j = e % p.n;
    put_o(i, j, get_o(i, j) - get_a(i, k) * get_o(k, j));
  }
  sync();
}
