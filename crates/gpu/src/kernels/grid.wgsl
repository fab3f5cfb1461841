// What a coordinate reads along one dimension: inputs (-1: outside, where all is 0) with weights and the derivatives of those.
struct Taps {
  count: u32,
  at: array<i32, 4>,
  weight: array<f32, 4>,
  slope: array<f32, 4>,
}

// A coordinate brought into the image, with the derivative of that.
fn into_image(raw: f32, size: f32) -> vec2<f32> {
  var v = raw;
  var slope = 1.0;
  if (p.padding == 2u) {
    let low = select(-0.5, 0.0, p.align == 1u);
    let span = select(size, size - 1.0, p.align == 1u);
    if (span == 0.0) {
      return vec2<f32>(0.0, 0.0);
    }
    var out = v - low;
    if (out < 0.0) {
      out = -out;
      slope = -1.0;
    }
    let extra = m_fmod(out, span);
    let turns = floor(out / span);
    if (turns - 2.0 * floor(0.5 * turns) == 0.0) {
      v = extra + low;
    } else {
      v = (span - extra) + low;
      slope = -slope;
    }
  }
  if (p.padding != 0u) {
    if (v <= 0.0) {
      return vec2<f32>(0.0, 0.0);
    }
    if (v >= size - 1.0) {
      return vec2<f32>(size - 1.0, 0.0);
    }
  }
  return vec2<f32>(v, slope);
}

fn tap_at(v: f32, size: f32) -> i32 {
  return select(-1, i32(clamp(v, 0.0, 1e9)), v >= 0.0 && v < size);
}

// The cubic convolution kernel with a = -0.75, and its derivative.
fn cubic(x: f32) -> vec2<f32> {
  let d = abs(x);
  var v = vec2<f32>(0.0, 0.0);
  if (d <= 1.0) {
    v = vec2<f32>((1.25 * d - 2.25) * d * d + 1.0, (3.75 * d - 4.5) * d);
  } else if (d < 2.0) {
    v = vec2<f32>(((-0.75 * d + 3.75) * d - 6.0) * d + 3.0, (-2.25 * d + 7.5) * d - 6.0);
  }
  return vec2<f32>(v.x, select(v.y, -v.y, x < 0.0));
}

fn taps_of(g: f32, n: i32) -> Taps {
  let size = f32(n);
  var raw = ((g + 1.0) * size - 1.0) / 2.0;
  var unit = size / 2.0;
  if (p.align == 1u) {
    raw = (g + 1.0) / 2.0 * (size - 1.0);
    unit = (size - 1.0) / 2.0;
  }
  var t: Taps;
  if (p.mode == 0u) {
    let v = into_image(raw, size);
    let low = floor(v.x);
    let rest = v.x - low;
    t.count = 2u;
    t.at[0] = tap_at(low, size);
    t.at[1] = tap_at(low + 1.0, size);
    t.weight[0] = 1.0 - rest;
    t.weight[1] = rest;
    t.slope[0] = -unit * v.y;
    t.slope[1] = unit * v.y;
  } else if (p.mode == 1u) {
    t.count = 1u;
    t.at[0] = tap_at(round(into_image(raw, size).x), size);
    t.weight[0] = 1.0;
    t.slope[0] = 0.0;
  } else {
    let low = floor(raw);
    t.count = 4u;
    for (var i = 0u; i < 4u; i++) {
      let c = cubic(raw - low + 1.0 - f32(i));
      t.at[i] = tap_at(into_image(low - 1.0 + f32(i), size).x, size);
      t.weight[i] = c.x;
      t.slope[i] = c.y * unit;
    }
  }
  return t;
}

// A dimension without a coordinate.
fn whole() -> Taps {
  var t: Taps;
  t.count = 1u;
  t.at[0] = 0;
  t.weight[0] = 1.0;
  t.slope[0] = 0.0;
  return t;
}

fn taps_depth(at: u32) -> Taps {
  if (p.n == 2u) {
    return whole();
  }
  return taps_of(grid(at + 2u * p.coordinate), p.size.x);
}

fn taps_height(at: u32) -> Taps {
  return taps_of(grid(at + p.coordinate), p.size.y);
}

fn taps_width(at: u32) -> Taps {
  return taps_of(grid(at), p.size.z);
}

fn forward(i: u32) {
  let at = place_all(i);
  var a = taps_depth(at.z);
  var b = taps_height(at.z);
  var c = taps_width(at.z);
  var sum = 0.0;
  for (var d = 0u; d < a.count; d++) {
    for (var h = 0u; h < b.count; h++) {
      for (var w = 0u; w < c.count; w++) {
        if (a.at[d] >= 0 && b.at[h] >= 0 && c.at[w] >= 0) {
          sum += a.weight[d] * b.weight[h] * c.weight[w] * in0(at.x + in_plane(vec3<i32>(a.at[d], b.at[h], c.at[w]), p.x_plane));
        }
      }
    }
  }
  put0(at.y, sum);
}

fn to_image(i: u32) {
  let at = place_all(i);
  var a = taps_depth(at.z);
  var b = taps_height(at.z);
  var c = taps_width(at.z);
  let g = in0(at.y);
  for (var d = 0u; d < a.count; d++) {
    for (var h = 0u; h < b.count; h++) {
      for (var w = 0u; w < c.count; w++) {
        if (a.at[d] >= 0 && b.at[h] >= 0 && c.at[w] >= 0) {
          combine0(at.x + in_plane(vec3<i32>(a.at[d], b.at[h], c.at[w]), p.x_plane), g * a.weight[d] * b.weight[h] * c.weight[w]);
        }
      }
    }
  }
}

fn to_grid(i: u32) {
  let at = place_all(i);
  var a = taps_depth(at.z);
  var b = taps_height(at.z);
  var c = taps_width(at.z);
  var sum = vec3<f32>(0.0, 0.0, 0.0);
  for (var k = 0u; k < p.channels; k++) {
    let g = in0(at.y + k * p.dy_channel);
    for (var d = 0u; d < a.count; d++) {
      for (var h = 0u; h < b.count; h++) {
        for (var w = 0u; w < c.count; w++) {
          if (a.at[d] >= 0 && b.at[h] >= 0 && c.at[w] >= 0) {
            let v = g * in1(at.x + k * p.x_channel + in_plane(vec3<i32>(a.at[d], b.at[h], c.at[w]), p.x_plane));
            sum += v * vec3<f32>(a.slope[d] * b.weight[h] * c.weight[w], a.weight[d] * b.slope[h] * c.weight[w], a.weight[d] * b.weight[h] * c.slope[w]);
          }
        }
      }
    }
  }
  put0(at.w, sum.z);
  put0(at.w + p.dgrid_coordinate, sum.y);
  if (p.n == 3u) {
    put0(at.w + 2u * p.dgrid_coordinate, sum.x);
  }
}
