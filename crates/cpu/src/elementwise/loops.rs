//! The inner loops: one generic function a kind of op, compiled for every expression and dtype.

use super::drive::{Inner, drive};
use super::iter::MAX_OPERANDS;
use crate::{Attr, Kernel, Launch};
use cresset_lane::DType;
use cresset_lane::expr::{BitsOp, CompareOp, Derivative, NumOp, RealOp};
use cresset_lane::num::{Bits, Num, Real};
use cresset_lane::simd::F32x4;
use std::num::Wrapping;

/// The kernel of an expression on float32, float64, int64, int32 or uint8; the output has the inputs' dtype.
pub const fn num<P: NumOp>() -> Kernel {
    Kernel { name: P::NAME, run: run_num::<P>, scratch: None }
}
/// The kernel of an expression on float32 or float64; the output has the inputs' dtype.
pub const fn real<P: RealOp>() -> Kernel {
    Kernel { name: P::NAME, run: run_real::<P>, scratch: None }
}
/// The kernel of an expression on int64, int32, uint8 or bool; the output has the inputs' dtype.
pub const fn bits<P: BitsOp>() -> Kernel {
    Kernel { name: P::NAME, run: run_bits::<P>, scratch: None }
}
/// The kernel of a question about numbers of any dtype; the output is bool.
pub const fn compare<P: CompareOp>() -> Kernel {
    Kernel { name: P::NAME, run: run_compare::<P>, scratch: None }
}
/// The kernel of a derivative on float32 or float64: inputs are the gradient and the derivative's slots.
pub const fn derivative<D: Derivative>() -> Kernel {
    Kernel { name: D::NAME, run: run_derivative::<D>, scratch: None }
}

fn run_num<P: NumOp>(launch: &Launch) {
    let inner = match launch.outs[0].dtype {
        DType::F32 => inner::<F32x4, NumEval<P>>(4),
        DType::F64 => inner::<f64, NumEval<P>>(1),
        DType::I64 => inner::<Wrapping<i64>, NumEval<P>>(1),
        DType::I32 => inner::<Wrapping<i32>, NumEval<P>>(1),
        DType::U8 | DType::Bool => inner::<Wrapping<u8>, NumEval<P>>(1),
    };
    drive(launch, inner);
}

fn run_real<P: RealOp>(launch: &Launch) {
    let inner = match launch.outs[0].dtype {
        DType::F32 => inner::<F32x4, RealEval<P>>(4),
        _ => inner::<f64, RealEval<P>>(1),
    };
    drive(launch, inner);
}

fn run_derivative<D: Derivative>(launch: &Launch) {
    let inner = match launch.outs[0].dtype {
        DType::F32 => inner::<F32x4, DerivativeEval<D>>(4),
        _ => inner::<f64, DerivativeEval<D>>(1),
    };
    drive(launch, inner);
}

fn run_bits<P: BitsOp>(launch: &Launch) {
    let inner = match launch.outs[0].dtype {
        DType::I64 => inner::<Wrapping<i64>, BitsEval<P>>(1),
        DType::I32 => inner::<Wrapping<i32>, BitsEval<P>>(1),
        DType::U8 => inner::<Wrapping<u8>, BitsEval<P>>(1),
        _ => inner::<Wrapping<u8>, BoolEval<P>>(1),
    };
    drive(launch, inner);
}

fn run_compare<P: CompareOp>(launch: &Launch) {
    let inner = match launch.ins[0].dtype {
        DType::F32 => Inner { run: compare_f32::<P>, width: 4 },
        DType::F64 => Inner { run: compare_scalar::<P, f64>, width: 1 },
        DType::I64 => Inner { run: compare_scalar::<P, Wrapping<i64>>, width: 1 },
        DType::I32 => Inner { run: compare_scalar::<P, Wrapping<i32>>, width: 1 },
        DType::U8 | DType::Bool => Inner { run: compare_scalar::<P, Wrapping<u8>>, width: 1 },
    };
    drive(launch, inner);
}

/// What to compute from one position's operands, whatever trait it comes from.
trait Eval<L> {
    const INS: usize;
    const PARAMS: usize;
    fn eval(x: &[L], p: &[L]) -> L;
}

struct NumEval<P>(std::marker::PhantomData<P>);
impl<P: NumOp, L: Num> Eval<L> for NumEval<P> {
    const INS: usize = P::INS;
    const PARAMS: usize = P::PARAMS;
    #[inline(always)]
    fn eval(x: &[L], p: &[L]) -> L {
        P::eval(x, p)
    }
}
struct RealEval<P>(std::marker::PhantomData<P>);
impl<P: RealOp, L: Real> Eval<L> for RealEval<P> {
    const INS: usize = P::INS;
    const PARAMS: usize = P::PARAMS;
    #[inline(always)]
    fn eval(x: &[L], p: &[L]) -> L {
        P::eval(x, p)
    }
}
struct BitsEval<P>(std::marker::PhantomData<P>);
impl<P: BitsOp, L: Bits> Eval<L> for BitsEval<P> {
    const INS: usize = P::INS;
    const PARAMS: usize = P::PARAMS;
    #[inline(always)]
    fn eval(x: &[L], p: &[L]) -> L {
        P::eval(x, p)
    }
}
/// Bools are bytes of which only the lowest bit counts: `!` would set the others.
struct BoolEval<P>(std::marker::PhantomData<P>);
impl<P: BitsOp> Eval<Wrapping<u8>> for BoolEval<P> {
    const INS: usize = P::INS;
    const PARAMS: usize = P::PARAMS;
    #[inline(always)]
    fn eval(x: &[Wrapping<u8>], p: &[Wrapping<u8>]) -> Wrapping<u8> {
        P::eval(x, p) & Wrapping(1)
    }
}
struct DerivativeEval<D>(std::marker::PhantomData<D>);
impl<D: Derivative, L: Real> Eval<L> for DerivativeEval<D> {
    const INS: usize = D::SLOTS.len() + 1;
    const PARAMS: usize = D::PARAMS;
    #[inline(always)]
    fn eval(x: &[L], p: &[L]) -> L {
        D::eval(x, p)
    }
}

const MAX_INS: usize = MAX_OPERANDS - 1;
const MAX_PARAMS: usize = 4;

fn inner<L: Num, E: Eval<L>>(width: usize) -> Inner {
    const { assert!(E::INS <= MAX_INS && E::PARAMS <= MAX_PARAMS) };
    Inner { run: evaluate::<L, E>, width }
}

/// The operands at position `i`, counted in lanes. (A plain loop: `array::from_fn` costs the compiler much more.)
#[inline(always)]
unsafe fn operands<L: Num>(count: usize, ins: &[*const u8; MAX_INS], i: usize) -> [L; MAX_INS] {
    let mut x = [L::lit(0.0); MAX_INS];
    let mut k = 0;
    while k < count {
        x[k] = unsafe { ins[k].cast::<L>().add(i).read_unaligned() };
        k += 1;
    }
    x
}

#[inline(always)]
fn parameters<L: Num>(count: usize, attrs: &[Attr]) -> [L; MAX_PARAMS] {
    let mut p = [L::lit(0.0); MAX_PARAMS];
    let mut k = 0;
    while k < count {
        p[k] = L::lit(attrs[k].f());
        k += 1;
    }
    p
}

unsafe fn evaluate<L: Num, E: Eval<L>>(out: *mut u8, ins: &[*const u8; MAX_INS], n: usize, attrs: &[Attr]) {
    let p = parameters::<L>(E::PARAMS, attrs);
    let ins = *ins;
    let out = out.cast::<L>();
    for i in 0..n / (size_of::<L>() / element_size::<L>()) {
        unsafe {
            let x = operands::<L>(E::INS, &ins, i);
            out.add(i).write_unaligned(E::eval(&x[..E::INS], &p[..E::PARAMS]));
        }
    }
}

/// Bytes of one element of a lane: a lane of 16 bytes holds four float32.
const fn element_size<L>() -> usize {
    if size_of::<L>() == 16 { 4 } else { size_of::<L>() }
}

unsafe fn compare_scalar<P: CompareOp, L: Num<Mask = bool>>(
    out: *mut u8,
    ins: &[*const u8; MAX_INS],
    n: usize,
    attrs: &[Attr],
) {
    let p = parameters::<L>(P::PARAMS, attrs);
    let ins = *ins;
    for i in 0..n {
        unsafe {
            let x = operands::<L>(P::INS, &ins, i);
            out.add(i).write(P::eval(&x[..P::INS], &p[..P::PARAMS]) as u8);
        }
    }
}

unsafe fn compare_f32<P: CompareOp>(out: *mut u8, ins: &[*const u8; MAX_INS], n: usize, attrs: &[Attr]) {
    let p = parameters::<F32x4>(P::PARAMS, attrs);
    let ins = *ins;
    let out = out.cast::<u32>();
    for i in 0..n / 4 {
        unsafe {
            let x = operands::<F32x4>(P::INS, &ins, i);
            out.add(i).write_unaligned(P::eval(&x[..P::INS], &p[..P::PARAMS]).to_bools());
        }
    }
}
