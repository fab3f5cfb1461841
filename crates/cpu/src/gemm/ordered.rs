//! Small float32 products with the roundings of PyTorch's x86 build, bit for bit.
//!
//! A sum of float32 products depends on the order of its terms, so "the numbers PyTorch gives" are those of one order: that
//! of the library PyTorch's x86 wheels call, Intel's MKL, here in its AVX-512 form. The orders below were found by asking
//! it, not by reading it: with 2^40, -2^40 and ones as terms a sum tells which of them meet first (P. Xie et al., "FPRev:
//! Revealing the Order of Floating-Point Summation Implementation", 2024), and random matrices then told which multiply-adds are fused (all). Compared bit by bit with torch
//! 2.13 over thousands of shapes, transposed and not.
//!
//! WASM has no fused multiply-add; the one of `cresset_lane::simd`, through float64, is several times slower than
//! `acc + a * b`, hence only for small products: what a tutorial prints, not what trains for minutes.

use cresset_lane::simd::F64x2;

use super::Mat;
use super::block::Size;

/// Products of at most this many multiplications are computed here: what takes some 30 microseconds.
const LIMIT: usize = 1 << 13;
/// The same for few rows and long sums, where a step of a training is not held up.
const LONG: usize = 1 << 16;

/// The length of MKL's registers, in float32.
const LANES: usize = 16;
const REGISTERS: usize = LANES / 2;
/// What a row or column of packed numbers is followed by: zeros, so that a register's worth can always be read.
const PADDING: usize = LANES;
/// Columns of a block of `columns`.
const WIDTH: usize = 8;
/// Most of k that is summed before it meets the rest.
const DEPTH: usize = 384;

type Register = [F64x2; REGISTERS];
const ZERO: Register = [F64x2::splat(0.0); REGISTERS];

/// The matrices of a product: `out = a @ b (+ init)`.
pub struct Operands {
    pub size: Size,
    pub a: Mat<f32>,
    pub b: Mat<f32>,
    pub init: Option<Mat<f32>>,
    pub out: Mat<f32>,
}

/// How the terms of an element are put together.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Order {
    /// One after the other, in steps along k.
    Columns,
    /// A row of A or a column of B times a matrix whose contiguous dimension is the result's: eight terms at a time.
    Rows,
    /// Dot products of 16 lanes, folded in quarters.
    Quarters,
    /// Dot products of 16 lanes, folded in halves.
    Halves,
    /// Dot products of a vector with the contiguous rows of a matrix.
    Vector,
}

/// Which order MKL takes for these sizes and strides.
fn order(o: &Operands) -> Order {
    let Size { m, n, k } = o.size;
    let (a_along_k, b_along_k) = (o.a.col == 1, o.b.row == 1);
    if k == 1 {
        return Order::Columns;
    }
    match (m, n) {
        // The strides of a column turned on its side are (1, 1); only a matrix that is turned has its columns k apart.
        (1, 1) if o.a.row != 1 && o.b.col >= k as isize => Order::Vector,
        (1, 1) => Order::Columns,
        (1, _) if b_along_k && o.b.col != 1 => Order::Vector,
        (_, 1) if a_along_k => Order::Vector,
        (1, _) | (_, 1) => Order::Rows,
        _ if !(a_along_k && b_along_k) => Order::Columns,
        _ if m < 16 && k >= 24 * m => Order::Quarters,
        _ if n < 4 && m * n < 32 => Order::Halves,
        _ if (4..=11).contains(&n) && n > m && n >= k => Order::Halves,
        _ => Order::Columns,
    }
}

/// Whether a product of this size and with these strides is computed here.
pub fn takes(o: &Operands) -> bool {
    let Size { m, n, k } = o.size;
    let terms = m * n * k;
    terms > 0 && (terms <= LIMIT || terms <= LONG && order(o) == Order::Quarters)
}

/// The longest vectors that `dot` multiplies.
pub const LONGEST_DOT: usize = LONG;

/// Bytes of scratch that `run` needs.
pub fn scratch(o: &Operands) -> usize {
    let Size { m, n, k } = o.size;
    let numbers = match order(o) {
        Order::Columns | Order::Rows => k * (m.max(n).next_multiple_of(WIDTH) + m.min(n)),
        _ => (n + 1) * (k + PADDING),
    };
    numbers * size_of::<f64>()
}

/// Computes the product.
///
/// # Safety
/// The matrices have the sizes given; `scratch` has room for `scratch` bytes and is aligned for float64.
pub unsafe fn run(o: &Operands, scratch: *mut u8) {
    let work = scratch.cast::<f64>();
    let Size { m, n, k } = o.size;
    unsafe {
        match order(o) {
            order @ (Order::Columns | Order::Rows) => {
                // The longer side is that of the registers; the sums are the same.
                if m > n {
                    let flip = |x: Mat<f32>| Mat { ptr: x.ptr, row: x.col, col: x.row };
                    let turned = Operands {
                        size: Size { m: n, n: m, k },
                        a: flip(o.b),
                        b: flip(o.a),
                        init: o.init.map(flip),
                        out: flip(o.out),
                    };
                    columns(&turned, order == Order::Rows, work);
                } else {
                    columns(o, order == Order::Rows, work);
                }
            }
            order => dots(o, order, work),
        }
    }
}

/// One number, as float64.
unsafe fn at(x: &Mat<f32>, row: usize, col: usize) -> f64 {
    unsafe { *x.ptr.offset(row as isize * x.row + col as isize * x.col) as f64 }
}

unsafe fn put(o: &Operands, row: usize, col: usize, v: f64) {
    unsafe { *o.out.ptr.cast_mut().offset(row as isize * o.out.row + col as isize * o.out.col) = v as f32 }
}

#[inline(always)]
unsafe fn load(p: *const f64) -> F64x2 {
    unsafe { p.cast::<F64x2>().read_unaligned() }
}

/// The sum of two float32 numbers.
#[inline(always)]
fn plus(a: F64x2, b: F64x2) -> F64x2 {
    (a + b).as_f32()
}

fn add(a: f64, b: f64) -> f64 {
    (a + b) as f32 as f64
}

// --- along the columns ----------------------------------------------------------------------------------------------

/// The lengths of the steps along k, one after the other: 384 while more than two steps are left, then halves.
fn next_step(left: usize) -> usize {
    match left {
        0..=DEPTH => left,
        _ if left <= 2 * DEPTH => left.div_ceil(2),
        _ => DEPTH,
    }
}

/// Rows of B (m <= n), each element of a row a sum of its own.
unsafe fn columns(o: &Operands, by_eight: bool, work: *mut f64) {
    let Size { m, n, k } = o.size;
    let width = n.next_multiple_of(WIDTH);
    let a = unsafe { work.add(k * width) };
    unsafe {
        for p in 0..k {
            for j in 0..width {
                *work.add(p * width + j) = if j < n { at(&o.b, p, j) } else { 0.0 };
            }
            for i in 0..m {
                *a.add(i * k + p) = at(&o.a, i, p);
            }
        }
        let whole = n / LANES * LANES;
        let mut i = 0;
        while i < m {
            // Two rows at a time; a last one alone goes twice.
            let rows = [i, (i + 1).min(m - 1)];
            for j in (0..n).step_by(WIDTH) {
                let b = work.add(j).cast_const();
                let mut sums = [[F64x2::splat(0.0); WIDTH / 2]; 2];
                if by_eight && j < whole {
                    for (sum, &row) in sums.iter_mut().zip(&rows) {
                        *sum = eights(k, a.add(row * k), b, width);
                    }
                    finish(o, rows, j, &sums, true);
                    continue;
                }
                let mut p = 0;
                while p < k {
                    let step = if by_eight { k } else { next_step(k - p) };
                    let part = block(step, [a.add(rows[0] * k + p), a.add(rows[1] * k + p)], b.add(p * width), width);
                    if p == 0 && k == 1 {
                        alone(o, rows, j, [*a.add(rows[0]), *a.add(rows[1])], b);
                    } else {
                        finish(o, rows, j, &part, p == 0);
                    }
                    p += step;
                }
            }
            i += 2;
        }
    }
}

/// Sums of `k` terms of two rows and `WIDTH` columns.
#[inline(never)]
unsafe fn block(k: usize, a: [*const f64; 2], b: *const f64, width: usize) -> [[F64x2; WIDTH / 2]; 2] {
    let mut acc = [[F64x2::splat(0.0); WIDTH / 2]; 2];
    unsafe {
        for p in 0..k {
            let x = [F64x2::splat(*a[0].add(p)), F64x2::splat(*a[1].add(p))];
            for c in 0..WIDTH / 2 {
                let y = load(b.add(p * width + 2 * c));
                acc[0][c] = x[0].fused(y, acc[0][c]);
                acc[1][c] = x[1].fused(y, acc[1][c]);
            }
        }
    }
    acc
}

/// Sums of `k` terms of a row and `WIDTH` columns, eight terms at a time.
#[inline(never)]
unsafe fn eights(k: usize, a: *const f64, b: *const f64, width: usize) -> [F64x2; WIDTH / 2] {
    let mut y = [F64x2::splat(0.0); WIDTH / 2];
    unsafe {
        for (c, y) in y.iter_mut().enumerate() {
            let term = |acc, p: usize| F64x2::splat(*a.add(p)).fused(load(b.add(p * width + 2 * c)), acc);
            let zero = F64x2::splat(0.0);
            let mut p = 0;
            while p + 8 <= k {
                let first = term(term(*y, p + 6), p + 4);
                let second = term(term(zero, p + 7), p + 5);
                let third = term(term(zero, p + 2), p);
                let fourth = term(term(zero, p + 3), p + 1);
                *y = plus(plus(first, second), plus(third, fourth));
                p += 8;
            }
            for p in p..k {
                *y = term(*y, p);
            }
        }
    }
    y
}

/// Adds a step's sums to what is there: nothing or `init` at first, then the steps before.
unsafe fn finish(o: &Operands, rows: [usize; 2], j: usize, sums: &[[F64x2; WIDTH / 2]; 2], first: bool) {
    for r in 0..1 + usize::from(rows[1] != rows[0]) {
        for c in 0..WIDTH.min(o.size.n - j) {
            let v = sums[r][c / 2].to_array()[c % 2];
            unsafe {
                let before = match (&o.init, first) {
                    (Some(init), true) => Some(at(init, rows[r], j + c)),
                    (None, true) => None,
                    (_, false) => Some(at(&o.out, rows[r], j + c)),
                };
                put(o, rows[r], j + c, before.map_or(v, |before| add(before, v)));
            }
        }
    }
}

/// Products of a lone term, fused with what is added.
unsafe fn alone(o: &Operands, rows: [usize; 2], j: usize, a: [f64; 2], b: *const f64) {
    let fused = o.size.m > 1 && o.size.n > 1;
    for r in 0..1 + usize::from(rows[1] != rows[0]) {
        for c in 0..WIDTH.min(o.size.n - j) {
            unsafe {
                let product = a[r] * *b.add(c);
                let init = o.init.as_ref().map(|init| at(init, rows[r], j + c));
                let v = match init {
                    Some(init) if fused => product + init,
                    Some(init) => add(product as f32 as f64, init),
                    None => product,
                };
                put(o, rows[r], j + c, v);
            }
        }
    }
}

// --- dot products ---------------------------------------------------------------------------------------------------

unsafe fn dots(o: &Operands, order: Order, work: *mut f64) {
    let Size { m, n, k } = o.size;
    let line = k + PADDING;
    let row = unsafe { work.add(n * line) };
    unsafe {
        for j in 0..n {
            for p in 0..line {
                *work.add(j * line + p) = if p < k { at(&o.b, p, j) } else { 0.0 };
            }
        }
        for i in 0..m {
            for p in 0..line {
                *row.add(p) = if p < k { at(&o.a, i, p) } else { 0.0 };
            }
            for j in 0..n {
                let b = work.add(j * line).cast_const();
                let v = match order {
                    Order::Quarters => quarters(chain(k, row, b, ZERO)),
                    Order::Halves => halves(chains(k, row, b, i % 2 == 0)),
                    _ => {
                        // Results in fours, and what is left one by one.
                        let (index, count) = if n == 1 { (i, m) } else { (j, n) };
                        let left = count / 4 * 4;
                        if index < left { carried(k, row, b) } else { apart(k, row, b, (index - left) % 2 == 0) }
                    }
                };
                let v = o.init.as_ref().map_or(v, |init| add(v, at(init, i, j)));
                put(o, i, j, v);
            }
        }
    }
}

/// One register of sums along k.
#[inline(never)]
unsafe fn chain(k: usize, a: *const f64, b: *const f64, mut acc: Register) -> Register {
    unsafe {
        for p in (0..k).step_by(LANES) {
            acc = lanes(acc, a.add(p), b.add(p));
        }
    }
    acc
}

#[inline(always)]
unsafe fn lanes(mut acc: Register, a: *const f64, b: *const f64) -> Register {
    for (i, acc) in acc.iter_mut().enumerate() {
        *acc = unsafe { load(a.add(2 * i)).fused(load(b.add(2 * i)), *acc) };
    }
    acc
}

/// Two registers of sums while there are 32 terms, one for the rest; or one throughout.
unsafe fn chains(k: usize, a: *const f64, b: *const f64, two: bool) -> Register {
    let (mut acc, mut p) = (ZERO, 0);
    unsafe {
        if two && k >= 2 * LANES {
            let mut other = ZERO;
            while k - p >= 2 * LANES {
                acc = lanes(acc, a.add(p), b.add(p));
                other = lanes(other, a.add(p + LANES), b.add(p + LANES));
                p += 2 * LANES;
            }
            acc = std::array::from_fn(|i| plus(acc[i], other[i]));
        }
        chain(k - p, a.add(p), b.add(p), acc)
    }
}

/// The first term starts a sum that the others join: whole registers first, then what is left.
unsafe fn carried(k: usize, a: *const f64, b: *const f64) -> f64 {
    let seed = |sum: f64| {
        let mut acc = ZERO;
        acc[0] = F64x2::new([sum, 0.0]);
        acc
    };
    unsafe {
        let mut sum = (*a * *b) as f32 as f64;
        let (rest, whole) = (k - 1, (k - 1) / LANES * LANES);
        if whole > 0 {
            sum = halves(chain(whole, a.add(1), b.add(1), seed(sum)));
        }
        if whole < rest {
            sum = halves(chain(rest - whole, a.add(1 + whole), b.add(1 + whole), seed(sum)));
        }
        sum
    }
}

/// `a . b` of two vectors with their strides, in the order of MKL's `sdot`: four registers of sums while there are 64 terms,
/// two while there are 32, one for the rest.
///
/// # Safety
/// The vectors have `k` elements, `work` has room for `dot_scratch(k)` bytes and is aligned for float64.
pub unsafe fn dot(k: usize, [a, b]: [(*const f32, isize); 2], work: *mut u8) -> f32 {
    let work = work.cast::<f64>();
    let line = k + PADDING;
    unsafe {
        for (i, (from, stride)) in [a, b].into_iter().enumerate() {
            for p in 0..line {
                let v = if p < k { *from.offset(p as isize * stride) as f64 } else { 0.0 };
                *work.add(i * line + p) = v;
            }
        }
        let (a, b) = (work.cast_const(), work.add(line).cast_const());
        let mut acc = [ZERO; 4];
        let mut p = 0;
        for (registers, rest) in [(4, 4 * LANES), (2, 2 * LANES), (1, 1)] {
            while p < k && k - p >= rest {
                for acc in &mut acc[..registers] {
                    *acc = lanes(*acc, a.add(p), b.add(p));
                    p += LANES;
                }
            }
        }
        let both = |x: Register, y: Register| -> Register { std::array::from_fn(|i| plus(x[i], y[i])) };
        let sum = both(both(acc[0], acc[1]), both(acc[2], acc[3]));
        // To 8 and 4 lanes, then neighbours.
        let four = [plus(plus(sum[0], sum[4]), plus(sum[2], sum[6])), plus(plus(sum[1], sum[5]), plus(sum[3], sum[7]))];
        let [[x, y], [z, w]] = four.map(F64x2::to_array);
        add(add(x, y), add(z, w)) as f32
    }
}

/// Bytes of scratch that `dot` needs.
pub fn dot_scratch(k: usize) -> usize {
    2 * (k + PADDING) * size_of::<f64>()
}

/// The first term, and the sum of the others.
unsafe fn apart(k: usize, a: *const f64, b: *const f64, two: bool) -> f64 {
    unsafe { add((*a * *b) as f32 as f64, halves(chains(k - 1, a.add(1), b.add(1), two))) }
}

/// Folds 16 lanes to 8, 4, 2 and 1.
fn halves(mut acc: Register) -> f64 {
    let mut width = REGISTERS / 2;
    while width > 0 {
        for i in 0..width {
            acc[i] = plus(acc[i], acc[i + width]);
        }
        width /= 2;
    }
    let [x, y] = acc[0].to_array();
    add(x, y)
}

/// Adds the four quarters one after the other, then pairs.
fn quarters(acc: Register) -> f64 {
    let mut sum = [acc[0], acc[1]];
    for q in acc[2..].chunks_exact(2) {
        sum = [plus(sum[0], q[0]), plus(sum[1], q[1])];
    }
    let [[a, b], [c, d]] = sum.map(F64x2::to_array);
    add(add(a, b), add(c, d))
}
