//! The kernels that are bound by memory or by functions, alone as a wasm module: `bench/kernels/rows.mjs` builds it and times it.

use cresset_cpu::elementwise::{self, num, real};
use cresset_cpu::{Attr, Kernel, Launch, View, index, reduce};
use cresset_lane::DType;
use cresset_lane::expr::{activation, arith, exponential, special, trig};

const KERNELS: [Kernel; 23] = [
    reduce::BATCH_NORM,
    reduce::BATCH_NORM_BACKWARD,
    reduce::LAYER_NORM,
    reduce::LAYER_NORM_BACKWARD,
    reduce::SOFTMAX,
    reduce::LOG_SOFTMAX,
    reduce::SOFTMAX_BACKWARD,
    reduce::LOG_SOFTMAX_BACKWARD,
    reduce::LOGSUMEXP,
    reduce::VAR_MEAN,
    reduce::SUM,
    reduce::AMAX,
    elementwise::COPY,
    elementwise::FILL,
    index::INDEX_GET,
    num::<arith::add::Op>(),
    num::<activation::relu::Op>(),
    real::<exponential::exp::Op>(),
    real::<exponential::sigmoid::Op>(),
    real::<trig::tanh::Op>(),
    real::<special::erf::Op>(),
    real::<activation::gelu::Op>(),
    real::<activation::gelu_tanh::Op>(),
];

/// The kernel's number, by the name at `p`; -1 if there is none.
///
/// # Safety
/// `n` bytes are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn find(p: *const u8, n: usize) -> isize {
    let name = unsafe { std::slice::from_raw_parts(p, n) };
    KERNELS.iter().position(|k| k.name.as_bytes() == name).map_or(-1, |i| i as isize)
}

/// Bytes, aligned to a cache line, never given back.
#[unsafe(no_mangle)]
pub extern "C" fn bytes(n: usize) -> *mut u8 {
    let layout = std::alloc::Layout::from_size_align(n.max(1), 64).unwrap();
    unsafe { std::alloc::alloc_zeroed(layout) }
}

/// Runs kernel `which` `times` times. `plan` holds the number of outputs and of inputs, then for each operand its address, 1
/// for int64 and 0 for float32, its rank, its shape and its strides in elements; `attrs` are 64-bit.
///
/// # Safety
/// The plan must describe memory from `bytes` and suit the kernel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn run(which: usize, plan: *const i32, attrs: *const Attr, count: usize, times: u32) {
    let mut at = plan;
    let mut next = || unsafe {
        let v = *at;
        at = at.add(1);
        v
    };
    let (outs, ins) = (next() as usize, next() as usize);
    let operands: Vec<(*mut u8, DType, Vec<usize>, Vec<isize>)> = (0..outs + ins)
        .map(|_| {
            let (p, dtype, rank) = (next() as usize as *mut u8, next(), next());
            let shape = (0..rank).map(|_| next() as usize).collect();
            (p, if dtype == 1 { DType::I64 } else { DType::F32 }, shape, (0..rank).map(|_| next() as isize).collect())
        })
        .collect();
    let views: Vec<View> =
        operands.iter().map(|(ptr, dtype, shape, strides)| View { ptr: *ptr, dtype: *dtype, shape, strides }).collect();
    let (outs, ins) = views.split_at(outs);
    let attrs = unsafe { std::slice::from_raw_parts(attrs, count) };
    static mut SCRATCH: Vec<u8> = Vec::new();
    let mut launch = Launch::new(outs, ins, attrs);
    let kernel = &KERNELS[which];
    let need = kernel.scratch.map_or(0, |f| f(&launch)) + 64;
    let memory = unsafe { &mut *std::ptr::addr_of_mut!(SCRATCH) };
    memory.resize(memory.len().max(need), 0);
    launch.scratch = memory.as_mut_ptr().wrapping_add(memory.as_ptr().align_offset(64));
    for _ in 0..times {
        (kernel.run)(&launch);
    }
}

/// Copies as fast as the machine does, for comparison.
///
/// # Safety
/// Both have `n` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stream(to: *mut u8, from: *const u8, n: usize, times: u32) {
    for _ in 0..times {
        unsafe { std::ptr::copy_nonoverlapping(from, to, n) };
    }
}
