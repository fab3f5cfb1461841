//! The loops of pointwise functions alone as a wasm module: `bench/kernels/math.mjs` builds it, times it and prints ns an element.

use cresset_lane::DType;
use cresset_lane::expr::{NumOp, RealOp, Row, activation, exponential, special, trig};
use cresset_lane::row::{MAX_INS, MAX_PARAMS};

macro_rules! rows {
    ($($trait:ident $op:path [$($p:expr),*];)*) => {
        const NAMES: &[&str] = &[$(stringify!($op)),*];
        fn row(index: usize, dtype: DType) -> (Row, &'static [f64]) {
            let rows: &[(fn(DType) -> Row, &'static [f64])] = &[$({ use $op as op; (<op::Op as $trait>::row, &[$($p),*]) }),*];
            (rows[index].0(dtype), rows[index].1)
        }
    };
}
rows! {
    RealOp exponential::exp []; RealOp exponential::exp2 []; RealOp exponential::expm1 []; RealOp exponential::log [];
    RealOp exponential::log2 []; RealOp exponential::log10 []; RealOp exponential::log1p []; RealOp exponential::sigmoid [];
    RealOp exponential::sqrt []; RealOp exponential::rsqrt []; NumOp exponential::pow []; RealOp exponential::logaddexp [];
    RealOp trig::sin []; RealOp trig::cos []; RealOp trig::tan []; RealOp trig::asin []; RealOp trig::acos [];
    RealOp trig::atan []; RealOp trig::atan2 []; RealOp trig::sinh []; RealOp trig::cosh []; RealOp trig::tanh [];
    RealOp trig::asinh []; RealOp trig::acosh []; RealOp trig::atanh [];
    RealOp special::erf []; RealOp special::erfc []; RealOp special::erfinv []; RealOp special::lgamma [];
    RealOp special::digamma []; RealOp special::i0 [];
    RealOp activation::gelu []; RealOp activation::gelu_tanh []; RealOp activation::silu []; RealOp activation::mish [];
    RealOp activation::softplus [1.0, 20.0]; RealOp activation::logsigmoid [];
}

/// How many functions there are.
#[unsafe(no_mangle)]
pub extern "C" fn count() -> usize {
    NAMES.len()
}

/// Where the name of a function stands.
#[unsafe(no_mangle)]
pub extern "C" fn name(index: usize) -> *const u8 {
    NAMES[index].as_ptr()
}

/// How many bytes its name has.
#[unsafe(no_mangle)]
pub extern "C" fn name_length(index: usize) -> usize {
    NAMES[index].len()
}

/// Memory for `n` float64, never given back.
#[unsafe(no_mangle)]
pub extern "C" fn floats(n: usize) -> *mut f64 {
    Vec::leak(vec![0.0; n]).as_mut_ptr()
}

/// Computes function `index` of `n` elements `times` times; two-operand functions read `x` and `y`.
///
/// # Safety
/// All three must come from `floats` and have room for `n` elements, a multiple of 4.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn run(
    index: usize,
    double: bool,
    out: *mut u8,
    x: *const u8,
    y: *const u8,
    n: usize,
    times: u32,
) {
    let (row, p) = row(index, if double { DType::F64 } else { DType::F32 });
    let mut params = [0.0; MAX_PARAMS];
    params[..p.len()].copy_from_slice(p);
    let mut ins = [x; MAX_INS];
    ins[1] = y;
    for _ in 0..times {
        unsafe { row.fill(out, n * if double { 8 } else { 4 }, &ins, &params) };
    }
}
