// Positions in tensors: up to four operands over the same dimensions, the innermost first.

struct Places {
  n: u32,
  dims: u32,
  unused: vec2<u32>,
  offset: vec4<u32>,
  shape: array<vec4<u32>, 4>,
  strides: array<vec4<u32>, 16>,
}
