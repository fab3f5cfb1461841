//! Convolutions and pools alone as a wasm module: `bench/kernels/conv.mjs` builds it, times it and prints GFLOP/s.

use cresset_cpu::{Attr, Kernel, Launch, View, conv, gemm, pool};
use cresset_lane::DType;

#[cfg_attr(target_arch = "wasm32", link(wasm_import_module = "env"))]
unsafe extern "C" {
    /// Milliseconds.
    fn now() -> f64;
}

/// Picks the tile as a package does when it loads; returns rows * 256 + columns.
#[unsafe(no_mangle)]
pub extern "C" fn start() -> usize {
    let index = gemm::pick_tile(|| unsafe { now() });
    gemm::tiles().nth(index).map_or(0, |(rows, cols)| rows * 256 + cols)
}

/// Memory for `n` floats between -1 and 1, never given back.
#[unsafe(no_mangle)]
pub extern "C" fn floats(n: usize) -> *mut f32 {
    let mut state = n as u32 | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    Vec::leak((0..n).map(|_| next()).collect::<Vec<f32>>()).as_mut_ptr()
}

/// Contiguous strides of five dimensions.
fn strides(shape: &[usize; 5]) -> [isize; 5] {
    let mut strides = [1; 5];
    for d in (0..4).rev() {
        strides[d] = strides[d + 1] * shape[d + 1] as isize;
    }
    strides
}

/// Runs `times` times with scratch that is kept for the next call, as the package's allocator would.
fn run(kernel: &Kernel, ins: &[View], outs: &[View], attrs: &[Attr], times: u32) {
    static mut SCRATCH: Vec<u8> = Vec::new();
    let mut launch = Launch::new(outs, ins, attrs);
    let need = kernel.scratch.map_or(0, |f| f(&launch)) + 64;
    let memory = unsafe { &mut *std::ptr::addr_of_mut!(SCRATCH) };
    memory.resize(memory.len().max(need), 0);
    launch.scratch = memory.as_mut_ptr().wrapping_add(memory.as_ptr().align_offset(64));
    for _ in 0..times {
        (kernel.run)(&launch);
    }
}

/// Output size along a dimension.
#[unsafe(no_mangle)]
pub extern "C" fn output(size: usize, kernel: usize, stride: usize, padding: usize) -> usize {
    (size + 2 * padding - kernel) / stride + 1
}

/// `which`: 0 the forward pass, 1 the gradient of x, 2 the gradient of w. Images are square, and so are kernels.
#[unsafe(no_mangle)]
pub extern "C" fn convolve(
    which: u32,
    x: *mut f32,
    w: *mut f32,
    y: *mut f32,
    images: usize,
    ci: usize,
    co: usize,
    groups: usize,
    size: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    times: u32,
) {
    let out = output(size, kernel, stride, padding);
    let shapes = [[images, ci, 1, size, size], [co, ci / groups, 1, kernel, kernel], [images, co, 1, out, out]];
    let steps = shapes.map(|s| strides(&s));
    let [x, w, y] = [x, w, y]
        .iter()
        .zip(&shapes)
        .zip(&steps)
        .map(|((p, shape), strides)| view(p.cast(), DType::F32, shape, strides))
        .collect::<Vec<_>>()
        .try_into()
        .ok()
        .unwrap();
    let attrs = [1, stride, stride, 0, padding, padding, 1, 1, 1, groups].map(Attr::from);
    match which {
        0 => run(&conv::CONV, &[x, w], &[y], &attrs, times),
        1 => run(&conv::CONV_BACKWARD_INPUT, &[y, w], &[x], &attrs, times),
        _ => run(&conv::CONV_BACKWARD_WEIGHT, &[x, y], &[w], &attrs, times),
    }
}

fn view<'a>(ptr: *mut u8, dtype: DType, shape: &'a [usize], strides: &'a [isize]) -> View<'a> {
    View { ptr, dtype, shape, strides }
}

/// `which`: 0 maxima, 1 means, 2 and 3 their gradients (from y to x). `places` has room for int64.
#[unsafe(no_mangle)]
pub extern "C" fn pooled(
    which: u32,
    x: *mut f32,
    places: *mut i64,
    y: *mut f32,
    planes: usize,
    size: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    times: u32,
) {
    let out = output(size, kernel, stride, padding);
    let shapes = [[1, planes, 1, size, size], [1, planes, 1, out, out]];
    let steps = shapes.map(|s| strides(&s));
    let x = view(x.cast(), DType::F32, &shapes[0], &steps[0]);
    let y = view(y.cast(), DType::F32, &shapes[1], &steps[1]);
    let places = view(places.cast(), DType::I64, &shapes[1], &steps[1]);
    let windows = [1, kernel, kernel, 1, stride, stride, 0, padding, padding];
    let with = |rest: &[usize]| windows.iter().chain(rest).map(|&n| Attr::from(n)).collect::<Vec<_>>();
    match which {
        0 => run(&pool::MAX_POOL, &[x], &[y, places], &with(&[1, 1, 1]), times),
        1 => run(&pool::AVG_POOL, &[x], &[y], &with(&[1, 0]), times),
        2 => run(&pool::PLANE_SCATTER_ADD, &[y, places], &[x], &[], times),
        _ => run(&pool::AVG_POOL_BACKWARD, &[y], &[x], &with(&[1, 0]), times),
    }
}
