//! The recorder: a lane whose operators write down what they do.
//!
//! A value is an index into a tape that belongs to the thread while `record` runs. Equal steps share an index, so a value
//! that an expression uses twice is computed once. core interprets programs with tensor ops (gradients of gradients);
//! a device prints them as shader text.

use super::{BinaryFn, Bits, CompareFn, Num, Real, TestFn, UnaryFn};
use crate::expr::{BitsOp, CompareOp, Derivative, NumOp, RealOp};
use std::cell::RefCell;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

/// One step of a recorded expression. An index names the result of an earlier step of the same program.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Step {
    /// Input number n; of a derivative, 0 is the incoming gradient and n + 1 its slot n.
    Input(usize),
    /// Parameter number n.
    Param(usize),
    Lit(f64),
    Unary(UnaryFn, usize),
    Binary(BinaryFn, usize, usize),
    /// A mask.
    Compare(CompareFn, usize, usize),
    /// A mask.
    Test(TestFn, usize),
    /// A mask of two masks.
    MaskAnd(usize, usize),
    /// A mask of two masks.
    MaskOr(usize, usize),
    /// A mask of two masks.
    MaskXor(usize, usize),
    /// A mask of a mask.
    MaskNot(usize),
    /// The second where the first, a mask, holds; the third elsewhere.
    Select(usize, usize, usize),
}

/// A recorded expression: its steps in order, and which of them is the result.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    pub steps: Vec<Step>,
    pub result: usize,
}

thread_local! {
    static TAPE: RefCell<Vec<Step>> = const { RefCell::new(Vec::new()) };
}

/// Writes a step, or finds the same one written before.
fn push(step: Step) -> usize {
    TAPE.with_borrow_mut(|tape| {
        let same = |s: &Step| match (s, &step) {
            (Step::Lit(a), Step::Lit(b)) => a.to_bits() == b.to_bits(),
            _ => *s == step,
        };
        tape.iter().position(same).unwrap_or_else(|| {
            tape.push(step);
            tape.len() - 1
        })
    })
}

/// A recorded number.
#[derive(Clone, Copy)]
pub struct Rec(usize);
/// A recorded truth value.
#[derive(Clone, Copy)]
pub struct RecMask(usize);

fn record(inputs: usize, params: usize, f: impl FnOnce(&[Rec], &[Rec]) -> usize) -> Program {
    TAPE.with_borrow_mut(Vec::clear);
    let x: Vec<Rec> = (0..inputs).map(|i| Rec(push(Step::Input(i)))).collect();
    let p: Vec<Rec> = (0..params).map(|i| Rec(push(Step::Param(i)))).collect();
    let result = f(&x, &p);
    Program { steps: TAPE.with_borrow_mut(std::mem::take), result }
}

/// The program of an expression on any dtype.
pub fn record_num<P: NumOp>() -> Program {
    record(P::INS, P::PARAMS, |x, p| P::eval(x, p).0)
}
/// The program of an expression on integers.
pub fn record_bits<P: BitsOp>() -> Program {
    record(P::INS, P::PARAMS, |x, p| P::eval(x, p).0)
}
/// The program of an expression on floats.
pub fn record_real<P: RealOp>() -> Program {
    record(P::INS, P::PARAMS, |x, p| P::eval(x, p).0)
}
/// The program of a comparison; its result is a mask.
pub fn record_compare<P: CompareOp>() -> Program {
    record(P::INS, P::PARAMS, |x, p| P::eval(x, p).0)
}
/// The program of a derivative: input 0 is the incoming gradient, input n + 1 is slot n.
pub fn record_derivative<D: Derivative>() -> Program {
    record(D::SLOTS.len() + 1, D::PARAMS, |x, p| D::eval(x, p).0)
}

macro_rules! operator {
    ($($t:ident: $trait:ident $method:ident => $a:ident $b:ident $step:expr;)*) => {$(
        impl $trait for $t {
            type Output = $t;
            fn $method(self, other: $t) -> $t {
                let ($a, $b) = (self.0, other.0);
                $t(push($step))
            }
        }
    )*};
}
operator! {
    Rec: Add add => a b Step::Binary(BinaryFn::Add, a, b);
    Rec: Sub sub => a b Step::Binary(BinaryFn::Sub, a, b);
    Rec: Mul mul => a b Step::Binary(BinaryFn::Mul, a, b);
    Rec: Div div => a b Step::Binary(BinaryFn::Div, a, b);
    Rec: BitAnd bitand => a b Step::Binary(BinaryFn::And, a, b);
    Rec: BitOr bitor => a b Step::Binary(BinaryFn::Or, a, b);
    Rec: BitXor bitxor => a b Step::Binary(BinaryFn::Xor, a, b);
    RecMask: BitAnd bitand => a b Step::MaskAnd(a, b);
    RecMask: BitOr bitor => a b Step::MaskOr(a, b);
    RecMask: BitXor bitxor => a b Step::MaskXor(a, b);
}
impl Neg for Rec {
    type Output = Rec;
    fn neg(self) -> Rec {
        self.unary(UnaryFn::Neg)
    }
}
impl Not for Rec {
    type Output = Rec;
    fn not(self) -> Rec {
        self.unary(UnaryFn::Not)
    }
}
impl Not for RecMask {
    type Output = RecMask;
    fn not(self) -> RecMask {
        RecMask(push(Step::MaskNot(self.0)))
    }
}

impl Rec {
    fn unary(self, f: UnaryFn) -> Rec {
        Rec(push(Step::Unary(f, self.0)))
    }
    fn binary(self, other: Rec, f: BinaryFn) -> Rec {
        Rec(push(Step::Binary(f, self.0, other.0)))
    }
    fn compare(self, other: Rec, f: CompareFn) -> RecMask {
        RecMask(push(Step::Compare(f, self.0, other.0)))
    }
    fn test(self, f: TestFn) -> RecMask {
        RecMask(push(Step::Test(f, self.0)))
    }
}

macro_rules! recorded {
    (unary $($variant:ident $name:ident),*) => { $(fn $name(self) -> Self { self.unary(UnaryFn::$variant) })* };
    (binary $($variant:ident $name:ident),*) => {
        $(fn $name(self, other: Self) -> Self { self.binary(other, BinaryFn::$variant) })*
    };
    (compare $($variant:ident $name:ident),*) => {
        $(fn $name(self, other: Self) -> RecMask { self.compare(other, CompareFn::$variant) })*
    };
    (test $($variant:ident $name:ident),*) => { $(fn $name(self) -> RecMask { self.test(TestFn::$variant) })* };
}

impl Num for Rec {
    type Mask = RecMask;

    fn lit(v: f64) -> Rec {
        Rec(push(Step::Lit(v)))
    }
    fn select(mask: RecMask, a: Rec, b: Rec) -> Rec {
        Rec(push(Step::Select(mask.0, a.0, b.0)))
    }
    recorded!(compare Lt lt, Le le, Gt gt, Ge ge, Eq eq, Ne ne);
    recorded!(test IsNan is_nan, IsInf is_inf, IsSigned is_signed);
    recorded!(unary Abs abs, Sign sign);
    recorded!(binary Minimum minimum, Maximum maximum, Fmod fmod, Remainder remainder, TruncDiv trunc_div,
        FloorDiv floor_div, Pow pow);
}

impl Bits for Rec {
    recorded!(binary Shl shl, Shr shr, Gcd gcd, Lcm lcm);
}

impl Real for Rec {
    recorded!(unary Sqrt sqrt, Rsqrt rsqrt, Exp exp, Exp2 exp2, Expm1 expm1, Log log, Log2 log2, Log10 log10, Log1p log1p,
        Sin sin, Cos cos, Tan tan, Asin asin, Acos acos, Atan atan, Sinh sinh, Cosh cosh, Tanh tanh,
        Asinh asinh, Acosh acosh, Atanh atanh, Sigmoid sigmoid, Erf erf, Erfc erfc,
        Floor floor, Ceil ceil, Round round, Trunc trunc);
    recorded!(binary Atan2 atan2, Copysign copysign, Hypot hypot, Nextafter nextafter);
    fn rare(self, f: UnaryFn) -> Rec {
        self.unary(f)
    }
    fn rare2(self, other: Rec, f: BinaryFn) -> Rec {
        self.binary(other, f)
    }
}
