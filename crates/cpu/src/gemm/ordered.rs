//! Small float32 products with the roundings of PyTorch's x86 build, bit for bit.
//!
//! A sum of float32 products depends on the order of its terms, so "the numbers PyTorch gives" are those of one order: that
//! of the library PyTorch's x86 wheels call, Intel's MKL, here in its AVX-512 form. The orders below were found by asking
//! it, not by reading it: with 2^40, -2^40 and ones as terms a sum tells which of them meet first (P. Xie et al., "FPRev:
//! Revealing the Order of Floating-Point Summation Implementation", 2024), and random matrices then told which multiply-adds are fused (all). Compared bit by bit with torch
//! 2.13 over thousands of shapes, transposed and not.
//!
//! Fused multiply-adds come from relaxed SIMD where the build has it and the machine fuses, otherwise through float64
//! (exact.rs): several times slower than `acc + a * b`, hence only for small products: what a tutorial prints, not what
//! trains for minutes.

use super::Mat;
use super::block::Size;
use super::exact::{Exact, ThroughF64};

/// Products of at most this many multiplications are computed here: what takes some 30 microseconds.
const LIMIT: usize = 1 << 13;
/// The same for few rows and long sums, where a step of a training is not held up.
const LONG: usize = 1 << 16;

/// The length of MKL's registers, in float32.
const LANES: usize = 16;
/// What a row or column of packed numbers is followed by: zeros, so that a register's worth can always be read.
const PADDING: usize = LANES;
/// Columns of a block of `columns`.
const WIDTH: usize = 8;
/// Most of k that is summed before it meets the rest.
const DEPTH: usize = 384;

/// One of MKL's registers, four numbers at a time.
type Register<E> = [<E as Exact>::V; LANES / 4];
/// The sums of a row of a block of `columns`.
type Sums<E> = [<E as Exact>::V; WIDTH / 4];

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
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    if super::exact::machine_fuses() {
        return unsafe { product::<super::exact::Relaxed>(o, scratch.cast()) };
    }
    unsafe { product::<ThroughF64>(o, scratch.cast()) }
}

unsafe fn product<E: Exact>(o: &Operands, work: *mut E::Number) {
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
                    columns::<E>(&turned, order == Order::Rows, work);
                } else {
                    columns::<E>(o, order == Order::Rows, work);
                }
            }
            order => dots::<E>(o, order, work),
        }
    }
}

/// One number.
unsafe fn at(x: &Mat<f32>, row: usize, col: usize) -> f32 {
    unsafe { *x.ptr.offset(row as isize * x.row + col as isize * x.col) }
}

unsafe fn put(o: &Operands, row: usize, col: usize, v: f32) {
    unsafe { *o.out.ptr.cast_mut().offset(row as isize * o.out.row + col as isize * o.out.col) = v }
}

/// Copies `n` numbers that lie `step` apart, and zeros up to `room`.
#[inline(always)]
unsafe fn pack<E: Exact>(from: *const f32, step: isize, n: usize, to: *mut E::Number, room: usize) {
    unsafe {
        if step == 1 {
            for i in 0..n {
                *to.add(i) = E::number(*from.add(i));
            }
        } else {
            let mut from = from;
            for i in 0..n {
                *to.add(i) = E::number(*from);
                from = from.wrapping_offset(step);
            }
        }
        for i in n..room {
            *to.add(i) = E::number(0.0);
        }
    }
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
unsafe fn columns<E: Exact>(o: &Operands, by_eight: bool, work: *mut E::Number) {
    let Size { m, n, k } = o.size;
    let width = n.next_multiple_of(WIDTH);
    let a = unsafe { work.add(k * width) };
    unsafe {
        for p in 0..k {
            pack::<E>(o.b.ptr.wrapping_offset(p as isize * o.b.row), o.b.col, n, work.add(p * width), width);
        }
        for i in 0..m {
            pack::<E>(o.a.ptr.wrapping_offset(i as isize * o.a.row), o.a.col, k, a.add(i * k), k);
        }
        let whole = n / LANES * LANES;
        let mut i = 0;
        while i < m {
            // Two rows at a time; a last one alone goes twice.
            let rows = [i, (i + 1).min(m - 1)];
            for j in (0..n).step_by(WIDTH) {
                let b = work.add(j).cast_const();
                if by_eight && j < whole {
                    let sum = |row: usize| eights::<E>(k, a.add(row * k), b, width);
                    let one = sum(rows[0]);
                    let sums = [one, if rows[1] == rows[0] { one } else { sum(rows[1]) }];
                    finish::<E>(o, rows, j, &sums, true);
                    continue;
                }
                let mut p = 0;
                while p < k {
                    let step = if by_eight { k } else { next_step(k - p) };
                    if k == 1 {
                        alone(o, rows, j);
                    } else {
                        let a = rows.map(|row| a.add(row * k + p).cast_const());
                        finish::<E>(o, rows, j, &block::<E>(step, a, b.add(p * width), width), p == 0);
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
unsafe fn block<E: Exact>(k: usize, a: [*const E::Number; 2], mut b: *const E::Number, width: usize) -> [Sums<E>; 2] {
    let mut acc = [[E::zero(); WIDTH / 4]; 2];
    let [mut a0, mut a1] = a;
    unsafe {
        for _ in 0..k {
            let x = [E::splat(*a0), E::splat(*a1)];
            for c in 0..WIDTH / 4 {
                let y = E::load(b.add(4 * c));
                acc[0][c] = E::fused(x[0], y, acc[0][c]);
                acc[1][c] = E::fused(x[1], y, acc[1][c]);
            }
            (a0, a1, b) = (a0.add(1), a1.add(1), b.wrapping_add(width));
        }
    }
    acc
}

/// Sums of `k` terms of a row and `WIDTH` columns, eight terms at a time.
#[inline(never)]
unsafe fn eights<E: Exact>(k: usize, mut a: *const E::Number, mut b: *const E::Number, width: usize) -> Sums<E> {
    let mut sums = [E::zero(); WIDTH / 4];
    // Of eight terms, the four sums that they start and go on with: the first carries what was there.
    const CHAINS: [usize; 8] = [2, 3, 2, 3, 0, 1, 0, 1];
    unsafe {
        for _ in 0..k / 8 {
            let mut chains = [[E::zero(); WIDTH / 4]; 4];
            chains[0] = sums;
            let row = |p: usize| b.wrapping_add(p * width);
            for p in (0..8).rev() {
                let (x, y, chain) = (E::splat(*a.add(p)), row(p), &mut chains[CHAINS[p]]);
                for c in 0..WIDTH / 4 {
                    chain[c] = E::fused(x, E::load(y.add(4 * c)), chain[c]);
                }
            }
            for c in 0..WIDTH / 4 {
                sums[c] = E::plus(E::plus(chains[0][c], chains[1][c]), E::plus(chains[2][c], chains[3][c]));
            }
            (a, b) = (a.add(8), row(8));
        }
        for _ in 0..k % 8 {
            for c in 0..WIDTH / 4 {
                sums[c] = E::fused(E::splat(*a), E::load(b.add(4 * c)), sums[c]);
            }
            (a, b) = (a.add(1), b.wrapping_add(width));
        }
    }
    sums
}

/// Adds a step's sums to what is there: nothing or `init` at first, then the steps before.
unsafe fn finish<E: Exact>(o: &Operands, rows: [usize; 2], j: usize, sums: &[Sums<E>; 2], first: bool) {
    for r in 0..1 + usize::from(rows[1] != rows[0]) {
        let mut values = [0.0; WIDTH];
        for (c, &sum) in sums[r].iter().enumerate() {
            values[4 * c..][..4].copy_from_slice(&E::floats(sum));
        }
        for (c, &v) in values.iter().enumerate().take(o.size.n - j) {
            unsafe {
                let before = match (&o.init, first) {
                    (Some(init), true) => Some(at(init, rows[r], j + c)),
                    (None, true) => None,
                    (_, false) => Some(at(&o.out, rows[r], j + c)),
                };
                put(o, rows[r], j + c, before.map_or(v, |before| before + v));
            }
        }
    }
}

/// Products of a lone term, fused with what is added.
unsafe fn alone(o: &Operands, rows: [usize; 2], j: usize) {
    let fused = o.size.m > 1 && o.size.n > 1;
    for r in 0..1 + usize::from(rows[1] != rows[0]) {
        for c in j..(j + WIDTH).min(o.size.n) {
            unsafe {
                let (x, y) = (at(&o.a, rows[r], 0), at(&o.b, 0, c));
                let init = o.init.as_ref().map(|init| at(init, rows[r], c));
                let v = match init {
                    Some(init) if fused => (x as f64 * y as f64 + init as f64) as f32,
                    Some(init) => x * y + init,
                    None => x * y,
                };
                put(o, rows[r], c, v);
            }
        }
    }
}

// --- dot products ---------------------------------------------------------------------------------------------------

unsafe fn dots<E: Exact>(o: &Operands, order: Order, work: *mut E::Number) {
    let Size { m, n, k } = o.size;
    let line = k + PADDING;
    let row = unsafe { work.add(n * line) };
    unsafe {
        for j in 0..n {
            pack::<E>(o.b.ptr.wrapping_offset(j as isize * o.b.col), o.b.row, k, work.add(j * line), line);
        }
        for i in 0..m {
            pack::<E>(o.a.ptr.wrapping_offset(i as isize * o.a.row), o.a.col, k, row, line);
            for j in 0..n {
                let b = work.add(j * line).cast_const();
                let v = match order {
                    Order::Quarters => quarters::<E>(chain::<E>(k, row, b, zeros::<E>())),
                    Order::Halves => halves::<E>(chains::<E>(k, row, b, i % 2 == 0)),
                    _ => {
                        // Results in fours, and what is left one by one.
                        let (index, count) = if n == 1 { (i, m) } else { (j, n) };
                        let left = count / 4 * 4;
                        if index < left {
                            carried::<E>(k, row, b)
                        } else {
                            apart::<E>(k, row, b, (index - left) % 2 == 0)
                        }
                    }
                };
                let v = o.init.as_ref().map_or(v, |init| v + at(init, i, j));
                put(o, i, j, v);
            }
        }
    }
}

fn zeros<E: Exact>() -> Register<E> {
    [E::zero(); LANES / 4]
}

/// One register of sums along k.
#[inline(never)]
unsafe fn chain<E: Exact>(k: usize, a: *const E::Number, b: *const E::Number, mut acc: Register<E>) -> Register<E> {
    unsafe {
        for p in (0..k).step_by(LANES) {
            acc = lanes::<E>(acc, a.add(p), b.add(p));
        }
    }
    acc
}

#[inline(always)]
unsafe fn lanes<E: Exact>(mut acc: Register<E>, a: *const E::Number, b: *const E::Number) -> Register<E> {
    for (i, acc) in acc.iter_mut().enumerate() {
        *acc = unsafe { E::fused(E::load(a.add(4 * i)), E::load(b.add(4 * i)), *acc) };
    }
    acc
}

/// Two registers of sums while there are 32 terms, one for the rest; or one throughout.
unsafe fn chains<E: Exact>(k: usize, a: *const E::Number, b: *const E::Number, two: bool) -> Register<E> {
    let (mut acc, mut p) = (zeros::<E>(), 0);
    unsafe {
        if two && k >= 2 * LANES {
            let mut other = zeros::<E>();
            while k - p >= 2 * LANES {
                acc = lanes::<E>(acc, a.add(p), b.add(p));
                other = lanes::<E>(other, a.add(p + LANES), b.add(p + LANES));
                p += 2 * LANES;
            }
            acc = both::<E>(acc, other);
        }
        chain::<E>(k - p, a.add(p), b.add(p), acc)
    }
}

fn both<E: Exact>(x: Register<E>, y: Register<E>) -> Register<E> {
    std::array::from_fn(|i| E::plus(x[i], y[i]))
}

/// The product of the first terms.
unsafe fn first<E: Exact>(a: *const E::Number, b: *const E::Number) -> f32 {
    unsafe { E::floats(E::load(a))[0] * E::floats(E::load(b))[0] }
}

/// The first term starts a sum that the others join: whole registers first, then what is left.
unsafe fn carried<E: Exact>(k: usize, a: *const E::Number, b: *const E::Number) -> f32 {
    let seed = |sum: f32| {
        let mut acc = zeros::<E>();
        acc[0] = E::new([sum, 0.0, 0.0, 0.0]);
        acc
    };
    unsafe {
        let mut sum = first::<E>(a, b);
        let (rest, whole) = (k - 1, (k - 1) / LANES * LANES);
        if whole > 0 {
            sum = halves::<E>(chain::<E>(whole, a.add(1), b.add(1), seed(sum)));
        }
        if whole < rest {
            sum = halves::<E>(chain::<E>(rest - whole, a.add(1 + whole), b.add(1 + whole), seed(sum)));
        }
        sum
    }
}

/// `a . b` of two vectors with their strides, in the order of MKL's `sdot`: four registers of sums while there are 64 terms,
/// two while there are 32, one for the rest.
///
/// # Safety
/// The vectors have `k` elements, `work` has room for `dot_scratch(k)` bytes and is aligned for float64.
pub unsafe fn dot(k: usize, vectors: [(*const f32, isize); 2], work: *mut u8) -> f32 {
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    if super::exact::machine_fuses() {
        return unsafe { dot_by::<super::exact::Relaxed>(k, vectors, work.cast()) };
    }
    unsafe { dot_by::<ThroughF64>(k, vectors, work.cast()) }
}

unsafe fn dot_by<E: Exact>(k: usize, vectors: [(*const f32, isize); 2], work: *mut E::Number) -> f32 {
    let line = k + PADDING;
    unsafe {
        for (i, (from, stride)) in vectors.into_iter().enumerate() {
            pack::<E>(from, stride, k, work.add(i * line), line);
        }
        let (a, b) = (work.cast_const(), work.add(line).cast_const());
        let mut acc = [zeros::<E>(); 4];
        let mut p = 0;
        for (registers, rest) in [(4, 4 * LANES), (2, 2 * LANES), (1, 1)] {
            while p < k && k - p >= rest {
                for acc in &mut acc[..registers] {
                    *acc = lanes::<E>(*acc, a.add(p), b.add(p));
                    p += LANES;
                }
            }
        }
        let sum = both::<E>(both::<E>(acc[0], acc[1]), both::<E>(acc[2], acc[3]));
        // To 8 and 4 lanes, then neighbours.
        neighbours(E::floats(E::plus(E::plus(sum[0], sum[2]), E::plus(sum[1], sum[3]))))
    }
}

/// Bytes of scratch that `dot` needs.
pub fn dot_scratch(k: usize) -> usize {
    2 * (k + PADDING) * size_of::<f64>()
}

/// The first term, and the sum of the others.
unsafe fn apart<E: Exact>(k: usize, a: *const E::Number, b: *const E::Number, two: bool) -> f32 {
    unsafe { first::<E>(a, b) + halves::<E>(chains::<E>(k - 1, a.add(1), b.add(1), two)) }
}

/// Folds 16 lanes to 8, 4, 2 and 1.
fn halves<E: Exact>(acc: Register<E>) -> f32 {
    let [a, b, c, d] = E::floats(E::plus(E::plus(acc[0], acc[2]), E::plus(acc[1], acc[3])));
    (a + c) + (b + d)
}

/// Adds the four quarters one after the other, then pairs.
fn quarters<E: Exact>(acc: Register<E>) -> f32 {
    neighbours(E::floats(E::plus(E::plus(E::plus(acc[0], acc[1]), acc[2]), acc[3])))
}

fn neighbours([a, b, c, d]: [f32; 4]) -> f32 {
    (a + b) + (c + d)
}
