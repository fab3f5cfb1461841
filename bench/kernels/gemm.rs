//! Matrix products alone as a wasm module: `bench/kernels/gemm.mjs` builds it, times it and prints GFLOP/s.

use cresset_cpu::{Kernel, Launch, View, gemm};
use cresset_lane::DType;

/// Memory for `n` floats, never given back.
#[unsafe(no_mangle)]
pub extern "C" fn floats(n: usize) -> *mut f32 {
    Vec::leak((0..n).map(|i| (i % 13) as f32 * 0.1).collect::<Vec<f32>>()).as_mut_ptr()
}

/// Bytes of scratch, 64-byte aligned, never given back.
fn scratch(bytes: usize) -> *mut u8 {
    let layout = std::alloc::Layout::from_size_align(bytes.max(1), 64).unwrap();
    unsafe { std::alloc::alloc(layout) }
}

/// `times` products (m x k) @ (k x n); bit 0 of `turned`: A lies transposed, bit 1: B does.
#[unsafe(no_mangle)]
pub extern "C" fn matmul(a: *mut f32, b: *mut f32, c: *mut f32, m: usize, n: usize, k: usize, turned: u32, times: u32) {
    let strides = |rows: usize, cols: usize, turned: bool| {
        if turned { [1, rows as isize] } else { [cols as isize, 1] }
    };
    let (a_shape, b_shape, c_shape) = ([m, k], [k, n], [m, n]);
    let (sa, sb, sc) = (strides(m, k, turned & 1 != 0), strides(k, n, turned & 2 != 0), strides(m, n, false));
    let view = |p: *mut f32, shape, strides| View { ptr: p.cast(), dtype: DType::F32, shape, strides };
    let (ins, outs) = ([view(a, &a_shape, &sa), view(b, &b_shape, &sb)], [view(c, &c_shape, &sc)]);
    let mut launch = Launch::new(&outs, &ins, &[]);
    let Kernel { run, scratch: need, .. } = gemm::MATMUL;
    launch.scratch = scratch(need.map_or(0, |f| f(&launch)));
    for _ in 0..times {
        run(&launch);
    }
}

/// Sets the float32 tile; returns rows * 256 + columns, or 0 if there is no such tile.
#[unsafe(no_mangle)]
pub extern "C" fn tile(index: usize) -> usize {
    gemm::set_tile(index);
    gemm::tiles().nth(index).map_or(0, |(rows, cols)| rows * 256 + cols)
}

/// About `flops` operations on registers alone: fused multiply-adds where the build has them, else products and sums half
/// and half, in twelve chains, which is more than any unit is deep.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
pub extern "C" fn roof(flops: f64) -> f32 {
    use core::arch::wasm32::*;
    // Not known to the compiler, and such that nothing grows or shrinks out of the normal range.
    let (x, y) = (f32x4_splat(std::hint::black_box(1.0)), f32x4_splat(std::hint::black_box(1.0)));
    let mut sums = [y; 12];
    #[cfg(target_feature = "relaxed-simd")]
    for _ in 0..(flops / 96.0) as usize {
        sums = sums.map(|sum| f32x4_relaxed_madd(x, y, sum));
    }
    #[cfg(not(target_feature = "relaxed-simd"))]
    for _ in 0..(flops / 48.0) as usize {
        sums = std::array::from_fn(|i| if i % 2 == 0 { f32x4_mul(sums[i], x) } else { f32x4_add(sums[i], y) });
    }
    f32x4_extract_lane::<0>(sums.into_iter().reduce(|a, b| f32x4_add(a, b)).unwrap())
}
