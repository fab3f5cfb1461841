//! Micro-kernels: an MR x NR tile of the product, its accumulators in registers.
//!
//! Which tile is fastest depends on the engine and the CPU more than on us (registers, FMA ports, whether the engine
//! spills), so a binary carries several and `count` has them timed once enough was multiplied.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::num::Num;
use cresset_lane::simd::Constant;

/// Room for any tile's accumulators.
pub const MAX_TILE: usize = 96;

/// Most of k that is summed at a time: what a panel holds.
const KC: usize = 192;

/// The steps along k in which products are summed: as even as possible, so that none is left with a few elements.
pub fn depth(k: usize) -> usize {
    k.div_ceil(k.div_ceil(KC).max(1)).max(1)
}

/// Where a full tile goes: `c[i][j] = acc[i][j] + init[i * init_row + j * init_col]`.
#[derive(Clone, Copy)]
pub struct Dest<T> {
    pub c: *mut T,
    pub row: isize,
    /// Null when there is nothing to add.
    pub init: *const T,
    pub init_row: isize,
    /// 0 or 1.
    pub init_col: isize,
    /// Rows that exist: those after them are not written.
    pub rows: usize,
}

/// A micro-kernel on packed panels: `a` is k x mr vectors, each an element spread over its lanes, `b` is k x nr elements,
/// both without gaps.
#[derive(Clone, Copy)]
pub struct Tile<T> {
    pub mr: usize,
    pub nr: usize,
    pub run: unsafe fn(usize, *const T, *const T, &Dest<T>),
    /// The same with the rows of `b` anywhere: so many bytes after its address as a table says for each.
    pub run_at: unsafe fn(usize, *const T, *const T, *const isize, &Dest<T>),
}

/// A micro-kernel on matrices as they lie: `a` strided by (row, k), the rows of `b` contiguous, `b_row` apart.
pub type Direct<T> = unsafe fn(usize, *const T, isize, isize, *const T, isize, &Dest<T>);

/// An element type with its tiles.
pub trait Tiled: Num {
    /// The tile in use.
    fn tile() -> Tile<Self>;
    /// A tile with fewer rows and more columns, for products whose columns fill it better.
    const WIDE: Option<Tile<Self>>;
    /// Columns of the direct kernels, and the kernels for 1, 2, 3 and 4 rows.
    const DIRECT_COLS: usize;
    const DIRECT: [Direct<Self>; 4];
}

#[inline(always)]
unsafe fn accumulate<T: Num, const MR: usize, const NV: usize>(
    k: usize,
    mut a: *const T,
    a_row: isize,
    a_k: isize,
    mut b: *const T,
    b_row: isize,
) -> [[T::V; NV]; MR] {
    unsafe {
        let mut acc = [[T::zero(); NV]; MR];
        for _ in 0..k {
            let mut col = [T::zero(); NV];
            for (j, col) in col.iter_mut().enumerate() {
                *col = T::load(b.add(j * T::LANES));
            }
            for (i, acc) in acc.iter_mut().enumerate() {
                let x = T::splat(*a.offset(i as isize * a_row));
                for (acc, col) in acc.iter_mut().zip(&col) {
                    *acc = T::madd(*acc, x, *col);
                }
            }
            a = a.offset(a_k);
            b = b.offset(b_row);
        }
        acc
    }
}

/// The loop of the packed kernels, `U` steps of k at a time. Nothing in it but loads and multiply-adds: V8 folds the
/// constant offset of a plain load into the instruction but not that of `v128.load32_splat`, which costs an instruction
/// more for every element of A and a tenth of the speed; hence A lies spread out in its panel.
///
/// The steps end in a test each so that every one is a block of its own: LLVM puts those of one block together by their
/// sums, all loads first, and there are not as many registers.
#[inline(always)]
unsafe fn spread<T: Num, const MR: usize, const NV: usize, const FIRST: usize, const U: usize>(
    k: usize,
    mut a: *const T,
    mut b: impl Rows<T>,
) -> [[T::V; NV]; MR] {
    let again = if FIRST < NV { AGAIN.get() } else { 0 };
    unsafe {
        let mut acc = [[T::zero(); NV]; MR];
        let mut left = k;
        'steps: while left > 0 {
            for u in 0..U {
                let a = a.add(u * MR * T::LANES);
                step::<T, MR, NV, FIRST>(&mut acc, [a, a.wrapping_add(again)], u, b);
                left -= 1;
                if left == 0 {
                    break 'steps;
                }
            }
            a = a.add(U * MR * T::LANES);
            b = b.after(U);
        }
        acc
    }
}

/// The rows of B, one for each step of k.
trait Rows<T: Num>: Copy {
    unsafe fn load(self, u: usize, j: usize) -> T::V;
    unsafe fn after(self, n: usize) -> Self;
}

/// One after the other.
#[derive(Clone, Copy)]
struct Panel<T, const NR: usize>(*const T);

impl<T: Num, const NR: usize> Rows<T> for Panel<T, NR> {
    #[inline(always)]
    unsafe fn load(self, u: usize, j: usize) -> T::V {
        unsafe { T::load(self.0.add(u * NR + j)) }
    }
    #[inline(always)]
    unsafe fn after(self, n: usize) -> Self {
        unsafe { Panel(self.0.add(n * NR)) }
    }
}

/// So many bytes after an address as a table says.
#[derive(Clone, Copy)]
struct Steps<T>(*const T, *const isize);

impl<T: Num> Rows<T> for Steps<T> {
    #[inline(always)]
    unsafe fn load(self, u: usize, j: usize) -> T::V {
        unsafe { T::load(self.0.wrapping_byte_offset(*self.1.add(u)).add(j)) }
    }
    #[inline(always)]
    unsafe fn after(self, n: usize) -> Self {
        unsafe { Steps(self.0, self.1.add(n)) }
    }
}

/// How far behind A the same elements stand for a second pass over them: at the same place, but neither the compiler nor V8 knows. Else
/// they would keep A in registers from the first pass to the second, of which there are not enough.
#[used]
static AGAIN: Constant<usize> = Constant::new(0);

/// One step of k: the first vectors of B with all rows of A, and then, if there are others, those with all rows once more, so that
/// neither all of B nor all of A need registers at a time.
#[inline(always)]
unsafe fn step<T: Num, const MR: usize, const NV: usize, const FIRST: usize>(
    acc: &mut [[T::V; NV]; MR],
    [a, again]: [*const T; 2],
    u: usize,
    b: impl Rows<T>,
) {
    unsafe {
        let col: [T::V; FIRST] = std::array::from_fn(|j| b.load(u, j * T::LANES));
        for (i, acc) in acc.iter_mut().enumerate() {
            let x = T::load(a.add(i * T::LANES));
            for (acc, col) in acc.iter_mut().zip(&col) {
                *acc = T::madd(*acc, x, *col);
            }
        }
        for j in FIRST..NV {
            let col = b.load(u, j * T::LANES);
            for (i, acc) in acc.iter_mut().enumerate() {
                acc[j] = T::madd(acc[j], T::load(again.add(i * T::LANES)), col);
            }
        }
    }
}

#[inline(always)]
unsafe fn finish<T: Num, const MR: usize, const NV: usize>(acc: &[[T::V; NV]; MR], to: &Dest<T>) {
    unsafe {
        for (i, acc) in acc.iter().enumerate() {
            if i >= to.rows {
                return;
            }
            let row = to.c.offset(i as isize * to.row);
            let init = to.init.wrapping_offset(i as isize * to.init_row);
            for (j, &v) in acc.iter().enumerate() {
                let v = if to.init.is_null() {
                    v
                } else if to.init_col == 0 {
                    T::add(v, T::splat(*init))
                } else {
                    T::add(v, T::load(init.add(j * T::LANES)))
                };
                T::store(row.add(j * T::LANES), v);
            }
        }
    }
}

unsafe fn packed<T: Num, const MR: usize, const NV: usize, const FIRST: usize, const NR: usize, const U: usize>(
    k: usize,
    a: *const T,
    b: *const T,
    to: &Dest<T>,
) {
    unsafe {
        let acc = spread::<T, MR, NV, FIRST, U>(k, a, Panel::<T, NR>(b));
        finish(&acc, to);
    }
}

unsafe fn packed_at<T: Num, const MR: usize, const NV: usize, const FIRST: usize, const U: usize>(
    k: usize,
    a: *const T,
    b: *const T,
    steps: *const isize,
    to: &Dest<T>,
) {
    unsafe {
        let acc = spread::<T, MR, NV, FIRST, U>(k, a, Steps(b, steps));
        finish(&acc, to);
    }
}

#[inline(always)]
unsafe fn direct<T: Num, const MR: usize, const NV: usize>(
    k: usize,
    a: *const T,
    a_row: isize,
    a_k: isize,
    b: *const T,
    b_row: isize,
    to: &Dest<T>,
) {
    unsafe {
        let acc = accumulate::<T, MR, NV>(k, a, a_row, a_k, b, b_row);
        finish(&acc, to);
    }
}

macro_rules! tile {
    ($t:ty, $mr:literal, $nv:literal, $u:literal) => {
        tile!($t, $mr, $nv, $nv, $u)
    };
    ($t:ty, $mr:literal, $nv:literal, $first:literal, $u:literal) => {
        Tile {
            mr: $mr,
            nr: $nv * <$t as Num>::LANES,
            run: packed::<$t, $mr, $nv, $first, { $nv * <$t as Num>::LANES }, $u>,
            run_at: packed_at::<$t, $mr, $nv, $first, $u>,
        }
    };
}

// V8 has fifteen registers on x86. 6x8 takes all of them (12 accumulators, 2 of B, 1 of A) and is best where the compiler keeps
// the order of the code (V8 of 2025), 4x8 where it does not (Node 20 and 22 spill the other), 6x16 where there are 32 (ARM) or
// pairs of vectors become one. Multiplying and adding apart needs a register more, and is at the roof with 4x8.
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub(super) const F32_TILES: [Tile<f32>; 3] = [tile!(f32, 6, 2, 4), tile!(f32, 4, 2, 4), tile!(f32, 6, 4, 1)];
#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
pub(super) const F32_TILES: [Tile<f32>; 2] = [tile!(f32, 4, 2, 1), tile!(f32, 6, 4, 1)];

static F32_TILE: AtomicUsize = AtomicUsize::new(0);

impl Tiled for f32 {
    fn tile() -> Tile<f32> {
        F32_TILES[F32_TILE.load(Ordering::Relaxed)]
    }
    // Twelve accumulators, two of B and one of A, in two passes. Multiplying and adding apart has no register left for it.
    #[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
    const WIDE: Option<Tile<f32>> = None;
    #[cfg(not(all(target_arch = "wasm32", not(target_feature = "relaxed-simd"))))]
    const WIDE: Option<Tile<f32>> = Some(tile!(f32, 4, 3, 2, 4));
    const DIRECT_COLS: usize = 8;
    const DIRECT: [Direct<f32>; 4] =
        [direct::<f32, 1, 2>, direct::<f32, 2, 2>, direct::<f32, 3, 2>, direct::<f32, 4, 2>];
}

macro_rules! one_tile {
    ($t:ty, $mr:literal, $nv:literal) => {
        impl Tiled for $t {
            fn tile() -> Tile<$t> {
                tile!($t, $mr, $nv, 1)
            }
            const WIDE: Option<Tile<$t>> = None;
            const DIRECT_COLS: usize = $nv * <$t as Num>::LANES;
            const DIRECT: [Direct<$t>; 4] =
                [direct::<$t, 1, $nv>, direct::<$t, 2, $nv>, direct::<$t, 3, $nv>, direct::<$t, 4, $nv>];
        }
    };
}
one_tile!(f64, 4, 2);
one_tile!(i64, 4, 2);

/// Uses the `index`-th tile for float32 products from now on. The tiles give the same numbers: each element of a
/// product is summed in the same order whichever tile holds it.
pub fn set_tile(index: usize) {
    F32_TILE.store(index.min(F32_TILES.len() - 1), Ordering::Relaxed);
}

/// Rows and columns of every float32 tile in this binary, in `set_tile`'s order.
pub fn tiles() -> impl ExactSizeIterator<Item = (usize, usize)> {
    F32_TILES.iter().map(|t| (t.mr, t.nr))
}

/// Multiply-adds, in thousands, after which the tiles are made to run, and after which they are timed. Engines compile
/// a function well only once it has run for a while, and in the background; half a second of products lies between.
const WARM: usize = 1 << 17;
const TIMED: usize = 1 << 20;
/// Multiply-adds of one run of a tile: V8 compiles a kernel well after three million.
const RUN: usize = if cfg!(test) { 1 << 15 } else { 1 << 22 };

static WORK: AtomicUsize = AtomicUsize::new(0);
static CLOCK: OnceLock<fn() -> f64> = OnceLock::new();

/// The clock, in milliseconds, that `count` times the tiles by. Without one the default tile stays.
pub fn set_clock(now: fn() -> f64) {
    _ = CLOCK.set(now);
}

/// Counts the multiply-adds of a float32 product that is about to be launched; at two points the tiles are tried, and the
/// fastest is used from then on. Programs that multiply little never pay for it (it takes some 5 ms once in all).
///
/// No kernel may run meanwhile, nor may its scratch have been planned: both depend on the tile.
///
/// ```
/// use cresset_cpu::gemm;
/// gemm::set_clock(|| 0.0);
/// gemm::count(2 * 3 * 4);
/// ```
pub fn count(madds: usize) {
    let before = WORK.load(Ordering::Relaxed);
    if before >= TIMED {
        return;
    }
    let now = before + madds / 1024;
    WORK.store(now, Ordering::Relaxed);
    let Some(&clock) = CLOCK.get() else { return };
    if before < WARM && now >= WARM {
        try_tiles(1, || 0.0);
    }
    if now >= TIMED {
        pick_tile(clock);
    }
}

/// Times the float32 tiles on panels that fit the first cache and keeps the fastest. `now` tells milliseconds. Returns its
/// index.
pub fn pick_tile(now: impl Fn() -> f64) -> usize {
    let times = try_tiles(4, now);
    set_tile(fastest(&times, F32_TILE.load(Ordering::Relaxed)));
    F32_TILE.load(Ordering::Relaxed)
}

/// The tile with the shortest time, unless that is within a clock's error of the one in use.
pub(super) fn fastest(times: &[f64], used: usize) -> usize {
    let (best, &time) = times.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    if time > 0.0 && time < 0.95 * times[used] { best } else { used }
}

/// The shortest of `rounds` runs of every tile.
fn try_tiles(rounds: usize, now: impl Fn() -> f64) -> [f64; F32_TILES.len()] {
    const K: usize = 192;
    let (a, b) = ([1.0f32; 6 * 4 * K], [1.0f32; 16 * K]);
    let mut c = [0.0f32; MAX_TILE];
    let mut times = [f64::INFINITY; F32_TILES.len()];
    for _ in 0..rounds {
        for (tile, best) in F32_TILES.iter().zip(&mut times) {
            let to = Dest {
                c: c.as_mut_ptr(),
                row: tile.nr as isize,
                init: std::ptr::null(),
                init_row: 0,
                init_col: 0,
                rows: tile.mr,
            };
            let start = now();
            for _ in 0..RUN / (K * tile.mr * tile.nr) {
                unsafe { (tile.run)(K, a.as_ptr(), b.as_ptr(), &to) };
            }
            *best = best.min(now() - start);
        }
    }
    times
}
