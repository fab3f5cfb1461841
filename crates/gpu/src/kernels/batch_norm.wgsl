// Sets of numbers that have a mean and a deviation in common. A workgroup has WIDE sets with LANES invocations each; where sets lie
// SIDE by side in memory, so do the invocations that read them. A set whose elements are many is cut into parts.

fn lane(l: u32) -> u32 {
  return select(l % LANES, l / WIDE, SIDE);
}

fn slot(l: u32) -> u32 {
  return select(l / LANES, l % WIDE, SIDE);
}

// The sum over a set's invocations.
fn joined(l: u32, mine: vec2<f32>) -> vec2<f32> {
  let step = select(1u, WIDE, SIDE);
  room[l] = mine;
  workgroupBarrier();
  for (var s = LANES / 2u; s > 0u; s >>= 1u) {
    if (lane(l) < s) {
      room[l] += room[l + s * step];
    }
    workgroupBarrier();
  }
  let v = room[l - lane(l) * step];
  workgroupBarrier();
  return v;
}

// Where a set begins in an operand (offset, from set to set, from line to line, from element to element). Where lines are taken for
// sets, `per` of them belong to one.
fn base(lies: vec4<u32>, unit: u32) -> u32 {
  let outer = unit / p.per;
  return lies.x + outer * lies.y + (unit - outer * p.per) * lies.z;
}

// Element i of a set.
fn at(lies: vec4<u32>, unit: u32, i: u32) -> u32 {
  let line = i / p.len;
  return base(lies, unit) + line * lies.z + (i - line * p.len) * lies.w;
}

// What belongs to element i's line.
fn of_line(lies: vec4<u32>, unit: u32, i: u32) -> u32 {
  return base(lies, unit) + (i / p.len) * lies.z;
}

struct Task {
  unit: u32,
  there: bool,
  part: u32,
  from_: u32,
  // No elements where there is no unit.
  to: u32,
  count: f32,
}

fn task(number: u32, l: u32) -> Task {
  let part = number % p.parts;
  let unit = number / p.parts * WIDE + slot(l);
  let there = unit < p.sets;
  let from_ = part * p.each;
  let end = min(from_ + p.each, p.n);
  return Task(select(0u, unit, there), there, part, from_, select(from_, end, there), f32(end - from_));
}

fn count_of(part: u32) -> f32 {
  return f32(min((part + 1u) * p.each, p.n) - part * p.each);
}

// A part's mean, and its sum of squared distances from it: around a first mean, whose rounding the distances' mean makes up for.
fn moments(t: Task, l: u32) -> vec2<f32> {
  var v = vec2<f32>();
  for (var i = t.from_ + lane(l); i < t.to; i += LANES) {
    v.x += get_x(at(place_x(), t.unit, i));
  }
  let about = joined(l, v).x / t.count;
  v = vec2<f32>();
  for (var i = t.from_ + lane(l); i < t.to; i += LANES) {
    let d = get_x(at(place_x(), t.unit, i)) - about;
    v += vec2<f32>(d, d * d);
  }
  v = joined(l, v);
  let d = v.x / t.count;
  return vec2<f32>(about + d, m_maximum(v.y - v.x * d, 0.0));
}

// The moments of all parts as one (T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
// variances", 1979).
fn joined_moments(t: Task, l: u32) -> vec2<f32> {
  let first = get_partial(2u * t.unit);
  var v = vec2<f32>();
  for (var k = lane(l); k < p.parts; k += LANES) {
    v.x += count_of(k) * (get_partial(2u * (k * p.sets + t.unit)) - first);
  }
  let mean = first + joined(l, v).x / f32(p.n);
  v = vec2<f32>();
  for (var k = lane(l); k < p.parts; k += LANES) {
    let d = get_partial(2u * (k * p.sets + t.unit)) - mean;
    v.x += get_partial(2u * (k * p.sets + t.unit) + 1u) + count_of(k) * d * d;
  }
  return vec2<f32>(mean, joined(l, v).x);
}

fn put_pair(t: Task, l: u32, v: vec2<f32>) {
  if (t.there && lane(l) == 0u) {
    put_partial(2u * (t.part * p.sets + t.unit), v.x);
    put_partial(2u * (t.part * p.sets + t.unit) + 1u, v.y);
  }
}

fn put_normalized(t: Task, l: u32, v: vec2<f32>) {
  let variance = v.y / f32(p.n);
  let factor = 1.0 / sqrt(variance + p.eps);
  if (t.there && t.part == 0u && lane(l) == 0u) {
    put_mean(base(place_mean(), t.unit), v.x);
    put_factor(base(place_factor(), t.unit), factor);
    put_variance(base(place_variance(), t.unit), variance);
  }
  for (var i = t.from_ + lane(l); i < t.to; i += LANES) {
    let a = get_weight(of_line(place_weight(), t.unit, i)) * factor;
    let d = get_x(at(place_x(), t.unit, i)) - v.x;
    put_y(at(place_y(), t.unit, i), d * a + get_bias(of_line(place_bias(), t.unit, i)));
  }
}

// The sums of g and of g * (x - mean) of a part.
fn gradient_sums(t: Task, l: u32, mean: f32) -> vec2<f32> {
  var v = vec2<f32>();
  for (var i = t.from_ + lane(l); i < t.to; i += LANES) {
    let g = get_g(at(place_g(), t.unit, i));
    v += vec2<f32>(g, g * (get_x(at(place_x(), t.unit, i)) - mean));
  }
  return joined(l, v);
}

fn joined_sums(t: Task, l: u32) -> vec2<f32> {
  var v = vec2<f32>();
  for (var k = lane(l); k < p.parts; k += LANES) {
    let pair = 2u * (k * p.sets + t.unit);
    v += vec2<f32>(get_partial(pair), get_partial(pair + 1u));
  }
  return joined(l, v);
}

// The sums of a set whose lines have their own weights: of g and of g * (x - mean) * factor.
fn weighted_sums(t: Task, l: u32) -> vec2<f32> {
  var v = vec2<f32>();
  for (var k = lane(l); k < p.lines; k += LANES) {
    let i = k * p.len;
    let w = get_weight(of_line(place_weight(), t.unit, i));
    v += w * vec2<f32>(get_dbias(of_line(place_dbias(), t.unit, i)), get_dweight(of_line(place_dweight(), t.unit, i)));
  }
  return joined(l, v);
}

fn put_sums(t: Task, l: u32, v: vec2<f32>, factor: f32) {
  if (t.there && t.part == 0u && lane(l) == 0u) {
    put_dbias(base(place_dbias(), t.unit), v.x);
    put_dweight(base(place_dweight(), t.unit), v.y * factor);
  }
}

// By the weighted sums of g and of g * (x - mean) * factor.
fn gradient(t: Task, l: u32, sums: vec2<f32>, mean: f32, factor: f32) {
  let means = sums / f32(p.n);
  for (var i = t.from_ + lane(l); i < t.to; i += LANES) {
    let h = get_g(at(place_g(), t.unit, i)) * get_weight(of_line(place_weight(), t.unit, i));
    let z = (get_x(at(place_x(), t.unit, i)) - mean) * factor;
    put_dx(at(place_dx(), t.unit, i), (h - means.x - z * means.y) * factor);
  }
}
