// Integers: i_ for int32 (and int64 held in 32 bits), b_ for uint8 and bool held in a u32. They wrap; dividing by zero gives zero.

fn i_neg(x: i32) -> i32 {
  return 0i - x;
}

fn i_abs(x: i32) -> i32 {
  return abs(x);
}

fn i_not(x: i32) -> i32 {
  return ~x;
}

fn i_sign(x: i32) -> i32 {
  return select(0i, 1i, x > 0i) - select(0i, 1i, x < 0i);
}

fn i_minimum(x: i32, y: i32) -> i32 {
  return min(x, y);
}

fn i_maximum(x: i32, y: i32) -> i32 {
  return max(x, y);
}

// The magnitude; that of the smallest integer is right as an unsigned number.
fn i_size(x: i32) -> u32 {
  return select(bitcast<u32>(x), 0u - bitcast<u32>(x), x < 0i);
}

// By unsigned division, since that of the smallest integer by -1 is not defined.
fn i_trunc_div(x: i32, y: i32) -> i32 {
  if (y == 0i) {
    return 0i;
  }
  let q = bitcast<i32>(i_size(x) / i_size(y));
  return select(q, 0i - q, (x < 0i) != (y < 0i));
}

fn i_fmod(x: i32, y: i32) -> i32 {
  if (y == 0i) {
    return 0i;
  }
  let r = bitcast<i32>(i_size(x) % i_size(y));
  return select(r, 0i - r, x < 0i);
}

fn i_remainder(x: i32, y: i32) -> i32 {
  let r = i_fmod(x, y);
  return select(r, r + y, r != 0i && (r < 0i) != (y < 0i));
}

fn i_floor_div(x: i32, y: i32) -> i32 {
  let r = i_fmod(x, y);
  return i_trunc_div(x, y) - select(0i, 1i, r != 0i && (r < 0i) != (y < 0i));
}

fn i_pow(x: i32, y: i32) -> i32 {
  if (y < 0i) {
    if (x == 1i) {
      return 1i;
    }
    return select(0i, select(1i, -1i, (y & 1i) == 1i), x == -1i);
  }
  var base = x;
  var n = y;
  var out = 1i;
  while (n != 0i) {
    if ((n & 1i) == 1i) {
      out *= base;
    }
    n >>= 1u;
    base *= base;
  }
  return out;
}

fn i_shl(x: i32, y: i32) -> i32 {
  return select(x << (bitcast<u32>(y) & 31u), 0i, y < 0i || y >= 32i);
}

fn i_shr(x: i32, y: i32) -> i32 {
  return select(x >> (bitcast<u32>(y) & 31u), x >> 31u, y < 0i || y >= 32i);
}

fn i_gcd(x: i32, y: i32) -> i32 {
  var a = i_size(x);
  var b = i_size(y);
  while (b != 0u) {
    let r = a % b;
    a = b;
    b = r;
  }
  return bitcast<i32>(a);
}

fn i_lcm(x: i32, y: i32) -> i32 {
  return abs(i_trunc_div(x, i_gcd(x, y)) * y);
}

fn b_add(x: u32, y: u32) -> u32 {
  return (x + y) & 255u;
}

fn b_sub(x: u32, y: u32) -> u32 {
  return (x - y) & 255u;
}

fn b_mul(x: u32, y: u32) -> u32 {
  return (x * y) & 255u;
}

fn b_neg(x: u32) -> u32 {
  return (0u - x) & 255u;
}

fn b_abs(x: u32) -> u32 {
  return x;
}

fn b_not(x: u32) -> u32 {
  return x ^ 255u;
}

fn b_sign(x: u32) -> u32 {
  return min(x, 1u);
}

fn b_minimum(x: u32, y: u32) -> u32 {
  return min(x, y);
}

fn b_maximum(x: u32, y: u32) -> u32 {
  return max(x, y);
}

fn b_trunc_div(x: u32, y: u32) -> u32 {
  return select(x / max(y, 1u), 0u, y == 0u);
}

fn b_floor_div(x: u32, y: u32) -> u32 {
  return b_trunc_div(x, y);
}

fn b_fmod(x: u32, y: u32) -> u32 {
  return select(x % max(y, 1u), 0u, y == 0u);
}

fn b_remainder(x: u32, y: u32) -> u32 {
  return b_fmod(x, y);
}

fn b_pow(x: u32, y: u32) -> u32 {
  return bitcast<u32>(i_pow(bitcast<i32>(x), bitcast<i32>(y))) & 255u;
}

fn b_shl(x: u32, y: u32) -> u32 {
  return select((x << (y & 7u)) & 255u, 0u, y >= 8u);
}

fn b_shr(x: u32, y: u32) -> u32 {
  return select(x >> (y & 7u), 0u, y >= 8u);
}

fn b_gcd(x: u32, y: u32) -> u32 {
  return bitcast<u32>(i_gcd(bitcast<i32>(x), bitcast<i32>(y)));
}

fn b_lcm(x: u32, y: u32) -> u32 {
  return (b_trunc_div(x, b_gcd(x, y)) * y) & 255u;
}
