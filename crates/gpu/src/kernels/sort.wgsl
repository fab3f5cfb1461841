// A row of keys and positions, `p.width` of them, a power of two; what is beyond the row's end is greater than everything.

// Which of two comes first: by key, then by position.
fn after(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.x > b.x || (a.x == b.x && a.y > b.y);
}

fn pack(i: u32) {
  let row = i / p.width;
  let place = i % p.width;
  var v = vec2<u32>(0xffffffffu, 0xffffffffu);
  if (place < p.n) {
    v = vec2<u32>(key(element(row, place)) ^ p.flip, place);
  }
  keys[i] = v;
}

// Bitonic steps at distances from `p.far` down within blocks of 1024, each of which four to an invocation.
fn block(i: u32, l: u32, group: u32) {
  let start = group * 1024u;
  for (var q = 0u; q < 4u; q++) {
    room[l + 256u * q] = keys[start + l + 256u * q];
  }
  workgroupBarrier();
  for (var size = p.from_; size <= p.to; size <<= 1u) {
    for (var far = min(size / 2u, 512u); far > 0u; far >>= 1u) {
      for (var q = 0u; q < 2u; q++) {
        let k = l + 256u * q;
        let a = (k / far) * 2u * far + k % far;
        let b = a + far;
        // The direction is by the place in the row, which is a multiple of the block's size or the block several rows.
        let up = ((start + a) & (p.width - 1u) & size) == 0u;
        let x = room[a];
        let y = room[b];
        if (after(x, y) == up) {
          room[a] = y;
          room[b] = x;
        }
      }
      workgroupBarrier();
    }
  }
  for (var q = 0u; q < 4u; q++) {
    keys[start + l + 256u * q] = room[l + 256u * q];
  }
}

// One bitonic step at a distance of 1024 or more.
fn exchange(i: u32) {
  let far = p.far;
  let a = (i / far) * 2u * far + i % far;
  let b = a + far;
  let up = (a & (p.width - 1u) & p.to) == 0u;
  let x = keys[a];
  let y = keys[b];
  if (after(x, y) == up) {
    keys[a] = y;
    keys[b] = x;
  }
}
