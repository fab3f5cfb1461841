// Eigenvalues and singular values by Jacobi's rotations; what the dense factorizations say of barriers holds here too.

// Which two of n, or of n + 1 if n is odd, meet in a round, so that all meet all once: the last one stays, the others go around
// it. The lower one comes first. What is not below n has nobody to meet.
fn meeting(round: u32, pair: u32) -> vec2<u32> {
  let last = p.n - 1u + (p.n & 1u);
  var a = last;
  var b = round;
  if (pair > 0u) {
    a = (round + pair) % last;
    b = (round + last - pair) % last;
  }
  return vec2<u32>(min(a, b), max(a, b));
}

// Cosine and sine that make the off-diagonal element 0.
fn rotation(app: f32, aqq: f32, apq: f32) -> vec2<f32> {
  let theta = (aqq - app) / (2.0 * apq);
  let t = m_copysign(1.0, theta) / (abs(theta) + sqrt(theta * theta + 1.0));
  let c = 1.0 / sqrt(t * t + 1.0);
  return vec2<f32>(c, t * c);
}

fn rotated(x: vec2<f32>, by: vec2<f32>) -> vec2<f32> {
  return vec2<f32>(by.x * x.x - by.y * x.y, by.y * x.x + by.x * x.y);
}

// Room of a matrix: the symmetric matrix, the vectors, a rotation for each pair, a word that says that nothing is left to do.
fn eigh_begin(l: u32) {
  for (var e = l; e < p.n * p.n; e += 256u) {
    let i = e / p.n;
    let j = e % p.n;
    put_work(e, get_a(max(i, j), min(i, j)));
    put_work(p.n * p.n + e, select(0.0, 1.0, i == j));
  }
  if (l == 0u) {
    put_work(eigh_done(), 0.0);
  }
}

fn eigh_done() -> u32 {
  return 2u * p.n * p.n + p.n + 1u;
}

// A round of a sweep, with a rotation for every pair: those of one round touch different rows and columns.
fn eigh_step(step: u32, l: u32) {
  let rounds = p.n - 1u + (p.n & 1u);
  let round = step % rounds;
  let half = (p.n + 1u) / 2u;
  let nn = p.n * p.n;
  var off = 0.0;
  var all_ = 0.0;
  if (round == 0u) {
    for (var e = l; e < nn; e += 256u) {
      let x = get_work(e);
      all_ += x * x;
      off += select(x * x, 0.0, e / p.n == e % p.n);
    }
  }
  all_ = total(l, all_);
  off = total(l, off);
  // Rounding leaves as much in each element as eps of the whole.
  if (l == 0u && round == 0u && !(off > 4e-15 * f32(p.n) * all_)) {
    put_work(eigh_done(), 1.0);
  }
  sync();
  let going = get_work(eigh_done()) == 0.0;
  if (going) {
    for (var k = l; k < half; k += 256u) {
      let q = meeting(round, k);
      var by = vec2<f32>(1.0, 0.0);
      if (q.y < p.n) {
        let x = get_work(q.x * p.n + q.y);
        if (x != 0.0) {
          by = rotation(get_work(q.x * p.n + q.x), get_work(q.y * p.n + q.y), x);
        }
      }
      put_work(2u * nn + 2u * k, by.x);
      put_work(2u * nn + 2u * k + 1u, by.y);
    }
  }
  sync();
  if (going) {
    for (var e = l; e < half * half; e += 256u) {
      eigh_block(round, e / half, e % half);
    }
    for (var e = l; e < p.n * half; e += 256u) {
      let q = meeting(round, e % half);
      if (q.y < p.n) {
        let at = nn + (e / half) * p.n;
        let v = rotated(vec2<f32>(get_work(at + q.x), get_work(at + q.y)), eigh_rotation(e % half));
        put_work(at + q.x, v.x);
        put_work(at + q.y, v.y);
      }
    }
  }
  sync();
}

fn eigh_rotation(pair: u32) -> vec2<f32> {
  let at = 2u * p.n * p.n + 2u * pair;
  return vec2<f32>(get_work(at), get_work(at + 1u));
}

fn eigh_at(i: u32, j: u32) -> f32 {
  if (i >= p.n || j >= p.n) {
    return 0.0;
  }
  return get_work(i * p.n + j);
}

fn eigh_put(i: u32, j: u32, v: f32) {
  if (i < p.n && j < p.n) {
    put_work(i * p.n + j, v);
  }
}

// What two rows and two columns have in common.
fn eigh_block(round: u32, a: u32, b: u32) {
  let i = meeting(round, a);
  let j = meeting(round, b);
  let by = eigh_rotation(b);
  let top = rotated(vec2<f32>(eigh_at(i.x, j.x), eigh_at(i.x, j.y)), by);
  let low = rotated(vec2<f32>(eigh_at(i.y, j.x), eigh_at(i.y, j.y)), by);
  let down = eigh_rotation(a);
  let first = rotated(vec2<f32>(top.x, low.x), down);
  let second = rotated(vec2<f32>(top.y, low.y), down);
  eigh_put(i.x, j.x, first.x);
  eigh_put(i.y, j.y, second.y);
  if (a == b) {
    // Zero but for rounding.
    eigh_put(i.x, j.y, 0.0);
    eigh_put(i.y, j.x, 0.0);
  } else {
    eigh_put(i.y, j.x, first.y);
    eigh_put(i.x, j.y, second.x);
  }
}

fn eigh_end(l: u32) {
  for (var i = l; i < p.n; i += 256u) {
    let v = get_work(i * p.n + i);
    let key = order_of_float(v);
    var rank = 0u;
    for (var j = 0u; j < p.n; j++) {
      let other = order_of_float(get_work(j * p.n + j));
      rank += select(0u, 1u, other < key || (other == key && j < i));
    }
    put_w(0u, rank, v);
    for (var k = 0u; k < p.n; k++) {
      put_v(k, rank, get_work(p.n * p.n + k * p.n + i));
    }
  }
}

// Room of a matrix: columns that become orthogonal, the vectors, the lengths of columns, and two words: whether something was
// turned in this sweep, and whether nothing is left to do.
fn svd_begin(l: u32) {
  for (var e = l; e < p.m * p.n; e += 256u) {
    put_work(e, get_a(e / p.n, e % p.n));
  }
  for (var e = l; e < p.n * p.n; e += 256u) {
    put_work(p.m * p.n + e, select(0.0, 1.0, e / p.n == e % p.n));
  }
  if (l == 0u) {
    put_work(svd_words(), 1.0);
    put_work(svd_words() + 1u, 0.0);
  }
}

fn svd_words() -> u32 {
  return p.m * p.n + p.n * p.n + p.n;
}

// A round of a sweep: a team has a pair of columns.
fn svd_step(step: u32, l: u32) {
  let rounds = p.n - 1u + (p.n & 1u);
  let round = step % rounds;
  let half = (p.n + 1u) / 2u;
  let lane = l & 31u;
  if (l == 0u && round == 0u) {
    if (get_work(svd_words()) == 0.0) {
      put_work(svd_words() + 1u, 1.0);
    }
    put_work(svd_words(), 0.0);
  }
  sync();
  let going = get_work(svd_words() + 1u) == 0.0;
  for (var first = 0u; first < half; first += 8u) {
    let pair = first + l / 32u;
    var q = vec2<u32>(p.n);
    if (pair < half && going) {
      q = meeting(round, pair);
    }
    let there = q.y < p.n;
    var pp = 0.0;
    var qq = 0.0;
    var pq = 0.0;
    if (there) {
      for (var i = lane; i < p.m; i += 32u) {
        let x = get_work(i * p.n + q.x);
        let y = get_work(i * p.n + q.y);
        pp += x * x;
        qq += y * y;
        pq += x * y;
      }
    }
    pp = team_total(l, pp);
    qq = team_total(l, qq);
    pq = team_total(l, pq);
    if (there && abs(pq) > 2e-7 * sqrt(pp) * sqrt(qq)) {
      let by = rotation(pp, qq, pq);
      for (var i = lane; i < p.m; i += 32u) {
        let v = rotated(vec2<f32>(get_work(i * p.n + q.x), get_work(i * p.n + q.y)), by);
        put_work(i * p.n + q.x, v.x);
        put_work(i * p.n + q.y, v.y);
      }
      let at = p.m * p.n;
      for (var i = lane; i < p.n; i += 32u) {
        let v = rotated(vec2<f32>(get_work(at + q.x * p.n + i), get_work(at + q.y * p.n + i)), by);
        put_work(at + q.x * p.n + i, v.x);
        put_work(at + q.y * p.n + i, v.y);
      }
      if (lane == 0u) {
        put_work(svd_words(), 1.0);
      }
    }
  }
  sync();
}

fn svd_end(l: u32) {
  let lengths = p.m * p.n + p.n * p.n;
  for (var j = l; j < p.n; j += 256u) {
    var sum = 0.0;
    for (var i = 0u; i < p.m; i++) {
      let x = get_work(i * p.n + j);
      sum += x * x;
    }
    put_work(lengths + j, sqrt(sum));
  }
  sync();
  var most = 0.0;
  for (var j = 0u; j < p.n; j++) {
    most = max(most, get_work(lengths + j));
  }
  var zeros = 0.0;
  for (var j = l; j < p.n; j += 256u) {
    let s = get_work(lengths + j);
    let key = order_of_float(s);
    var rank = 0u;
    for (var k = 0u; k < p.n; k++) {
      let other = order_of_float(get_work(lengths + k));
      rank += select(0u, 1u, other > key || (other == key && k < j));
    }
    put_s(0u, rank, s);
    // What rounding leaves of a column that others make up has no direction.
    let zero = s <= 1e-30 || s <= 6e-8 * f32(p.m) * most;
    zeros += select(0.0, 1.0, zero);
    for (var i = 0u; i < p.m; i++) {
      put_o(i, rank, select(get_work(i * p.n + j) / s, 0.0, zero));
    }
    for (var i = 0u; i < p.n; i++) {
      put_vh(rank, i, get_work(p.m * p.n + j * p.n + i));
    }
  }
  zeros = total(l, zeros);
  sync();
  // Those of length 0 are the last.
  if (l == 0u) {
    count = u32(zeros);
  }
  let missing = workgroupUniformLoad(&count);
  for (var j = p.n - missing; j < p.n; j++) {
    svd_complete(j, l);
  }
}

// Makes column j a unit vector that is orthogonal to the columns before it: from the unit vector of which they have least. Twice is
// enough (W. Kahan).
fn svd_complete(j: u32, l: u32) {
  let dots = p.m * p.n + p.n * p.n;
  var least = 2.0;
  var best = 0u;
  for (var i = l; i < p.m; i += 256u) {
    var sum = 0.0;
    for (var k = 0u; k < j; k++) {
      let x = get_o(i, k);
      sum += x * x;
    }
    if (sum < least) {
      least = sum;
      best = i;
    }
  }
  room[l] = least;
  rows[l] = best;
  workgroupBarrier();
  for (var s = 128u; s > 0u; s >>= 1u) {
    if (l < s && (room[l + s] < room[l] || (room[l + s] == room[l] && rows[l + s] < rows[l]))) {
      room[l] = room[l + s];
      rows[l] = rows[l + s];
    }
    workgroupBarrier();
  }
  for (var i = l; i < p.m; i += 256u) {
    put_o(i, j, select(0.0, 1.0, i == rows[0]));
  }
  sync();
  for (var again = 0u; again < 2u; again++) {
    for (var first = 0u; first < j; first += 8u) {
      let k = first + l / 32u;
      var sum = 0.0;
      if (k < j) {
        for (var i = l & 31u; i < p.m; i += 32u) {
          sum += get_o(i, k) * get_o(i, j);
        }
      }
      sum = team_total(l, sum);
      if (k < j && (l & 31u) == 0u) {
        put_work(dots + k, sum);
      }
    }
    sync();
    for (var i = l; i < p.m; i += 256u) {
      var v = get_o(i, j);
      for (var k = 0u; k < j; k++) {
        v -= get_work(dots + k) * get_o(i, k);
      }
      put_o(i, j, v);
    }
    sync();
  }
  var sum = 0.0;
  for (var i = l; i < p.m; i += 256u) {
    sum += get_o(i, j) * get_o(i, j);
  }
  let norm = sqrt(total(l, sum));
  for (var i = l; i < p.m; i += 256u) {
    put_o(i, j, get_o(i, j) / norm);
  }
  sync();
}
