//! The inner loops: an expression over contiguous elements of one dtype.
//!
//! They stand here, and every op names its own in `row`, which is never inlined, so that all of them are compiled with this
//! crate, for speed, whatever their callers are compiled for: a copy made in a crate that is compiled for size may be the
//! one that the linker keeps.

use crate::dtype::DType;
use crate::expr::{BitsOp, CompareOp, Derivative, NumOp, RealOp};
use crate::num::{Bits, Num, Real};
use crate::simd::F32x4;
use std::mem::MaybeUninit;
use std::num::Wrapping;

/// Inputs that a loop can have.
pub const MAX_INS: usize = 7;
/// Parameters that a loop can have.
pub const MAX_PARAMS: usize = 4;

/// Fills the bytes of `out` with elements, a multiple of the row's width, from as many at each of the inputs, all contiguous. No
/// input lies in `out`: so the compiler knows that writing leaves a function's constants as they are, and keeps them in registers.
pub type Run = unsafe fn(out: Out, ins: &[*const u8; MAX_INS], params: &[f64; MAX_PARAMS]);
/// The memory of an output, which nobody has to have set.
pub type Out<'a> = &'a mut [MaybeUninit<u8>];

/// The loop of one op for one dtype.
#[derive(Clone, Copy)]
pub struct Row {
    pub run: Run,
    /// How many elements it takes at a time.
    pub width: usize,
}

impl Row {
    /// Computes `bytes` of output at `out`.
    ///
    /// # Safety
    /// As many bytes must be writable there, as many elements readable at `ins`, and none of them among those bytes.
    pub unsafe fn fill(&self, out: *mut u8, bytes: usize, ins: &[*const u8; MAX_INS], params: &[f64; MAX_PARAMS]) {
        unsafe { (self.run)(std::slice::from_raw_parts_mut(out.cast(), bytes), ins, params) }
    }
}

/// For float32, float64, int64, int32 and uint8.
pub(crate) fn num<P: NumOp>(dtype: DType) -> Row {
    match dtype {
        DType::F32 => row::<F32x4, NumEval<P>>(4),
        DType::F64 => row::<f64, NumEval<P>>(1),
        DType::I64 => row::<Wrapping<i64>, NumEval<P>>(1),
        DType::I32 => row::<Wrapping<i32>, NumEval<P>>(1),
        DType::U8 | DType::Bool => row::<Wrapping<u8>, NumEval<P>>(1),
    }
}

/// For float32 and float64.
pub(crate) fn real<P: RealOp>(dtype: DType) -> Row {
    match dtype {
        DType::F32 => row::<F32x4, RealEval<P>>(4),
        _ => row::<f64, RealEval<P>>(1),
    }
}

/// For float32 and float64.
pub(crate) fn derivative<D: Derivative>(dtype: DType) -> Row {
    match dtype {
        DType::F32 => row::<F32x4, DerivativeEval<D>>(4),
        _ => row::<f64, DerivativeEval<D>>(1),
    }
}

/// For int64, int32, uint8 and bool.
pub(crate) fn bits<P: BitsOp>(dtype: DType) -> Row {
    match dtype {
        DType::I64 => row::<Wrapping<i64>, BitsEval<P>>(1),
        DType::I32 => row::<Wrapping<i32>, BitsEval<P>>(1),
        DType::U8 => row::<Wrapping<u8>, BitsEval<P>>(1),
        _ => row::<Wrapping<u8>, BoolEval<P>>(1),
    }
}

/// For inputs of any dtype; the output is bool.
pub(crate) fn compare<P: CompareOp>(dtype: DType) -> Row {
    match dtype {
        DType::F32 => Row { run: compare_f32::<P>, width: 4 },
        DType::F64 => Row { run: compare_scalar::<P, f64>, width: 1 },
        DType::I64 => Row { run: compare_scalar::<P, Wrapping<i64>>, width: 1 },
        DType::I32 => Row { run: compare_scalar::<P, Wrapping<i32>>, width: 1 },
        DType::U8 | DType::Bool => Row { run: compare_scalar::<P, Wrapping<u8>>, width: 1 },
    }
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

fn row<L: Num, E: Eval<L>>(width: usize) -> Row {
    const { assert!(E::INS <= MAX_INS && E::PARAMS <= MAX_PARAMS) };
    Row { run: evaluate::<L, E>, width }
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
fn parameters<L: Num>(count: usize, params: &[f64; MAX_PARAMS]) -> [L; MAX_PARAMS] {
    let mut p = [L::lit(0.0); MAX_PARAMS];
    let mut k = 0;
    while k < count {
        p[k] = L::lit(params[k]);
        k += 1;
    }
    p
}

unsafe fn evaluate<L: Num, E: Eval<L>>(out: Out, ins: &[*const u8; MAX_INS], params: &[f64; MAX_PARAMS]) {
    let p = parameters::<L>(E::PARAMS, params);
    let ins = *ins;
    let n = out.len() / size_of::<L>();
    let out = out.as_mut_ptr().cast::<L>();
    for i in 0..n {
        unsafe {
            let x = operands::<L>(E::INS, &ins, i);
            out.add(i).write_unaligned(E::eval(&x[..E::INS], &p[..E::PARAMS]));
        }
    }
}

unsafe fn compare_scalar<P: CompareOp, L: Num<Mask = bool>>(
    out: Out,
    ins: &[*const u8; MAX_INS],
    params: &[f64; MAX_PARAMS],
) {
    let p = parameters::<L>(P::PARAMS, params);
    let ins = *ins;
    for (i, out) in out.iter_mut().enumerate() {
        let x = unsafe { operands::<L>(P::INS, &ins, i) };
        out.write(P::eval(&x[..P::INS], &p[..P::PARAMS]) as u8);
    }
}

unsafe fn compare_f32<P: CompareOp>(out: Out, ins: &[*const u8; MAX_INS], params: &[f64; MAX_PARAMS]) {
    let p = parameters::<F32x4>(P::PARAMS, params);
    let ins = *ins;
    let n = out.len() / 4;
    let out = out.as_mut_ptr().cast::<u32>();
    for i in 0..n {
        unsafe {
            let x = operands::<F32x4>(P::INS, &ins, i);
            out.add(i).write_unaligned(P::eval(&x[..P::INS], &p[..P::PARAMS]).to_bools());
        }
    }
}
