// Positions in tensors: up to four operands over the same dimensions, the innermost first.

struct Places {
  n: u32,
  dims: u32,
  unused: vec2<u32>,
  offset: vec4<u32>,
  shape: array<vec4<u32>, 4>,
  strides: array<vec4<u32>, 16>,
}

// An index in planes of this size (depth, height, width), and in the fourth the number of the plane.
fn split_plane(i: u32, size: vec4<i32>) -> vec4<i32> {
  let w = i / u32(size.z);
  let h = w / u32(size.y);
  let d = h / u32(size.x);
  return vec4<i32>(i32(h - d * u32(size.x)), i32(w - h * u32(size.y)), i32(i - w * u32(size.z)), i32(d));
}

fn in_plane(at: vec3<i32>, strides: vec4<u32>) -> u32 {
  let v = bitcast<vec3<u32>>(at) * strides.xyz;
  return v.x + v.y + v.z;
}

fn inside_plane(at: vec3<i32>, size: vec4<i32>) -> bool {
  return all(at >= vec3<i32>(0)) && all(at < size.xyz);
}
