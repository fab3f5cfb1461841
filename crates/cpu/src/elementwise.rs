//! Pointwise kernels, copies and fills.
//!
//! Scalar lanes only: the iterator with SIMD lanes takes this module's place.

use std::num::Wrapping;

use cresset_lane::expr::{BitsOp, CompareOp, Derivative, NumOp, RealOp};
use cresset_lane::{Bool, DType, Element};

use crate::{Kernel, Launch, View};

/// Calls `f` with the element offsets of every view at each index of `shape`.
fn each<const N: usize>(shape: &[usize], strides: [&[isize]; N], mut f: impl FnMut([isize; N])) {
    let total: usize = shape.iter().product();
    let mut index = [0usize; 32];
    let mut at = [0isize; N];
    for _ in 0..total {
        f(at);
        for d in (0..shape.len()).rev() {
            index[d] += 1;
            (0..N).for_each(|k| at[k] += strides[k][d]);
            if index[d] < shape[d] {
                break;
            }
            (0..N).for_each(|k| at[k] -= strides[k][d] * shape[d] as isize);
            index[d] = 0;
        }
    }
}

/// A type the lanes of `N` operands are computed in.
fn apply<T: Element, O: Element>(l: &Launch, f: impl Fn(&[T]) -> O) {
    let out = l.outs[0];
    let none: &[isize] = &[0; 32];
    let strides = |i: usize| l.ins.get(i).map_or(none, |v| v.strides);
    let mut x = [T::default(); 4];
    each(out.shape, [out.strides, strides(0), strides(1), strides(2), strides(3)], |at| unsafe {
        for (i, v) in l.ins.iter().enumerate() {
            x[i] = *v.as_ptr::<T>().offset(at[i + 1]);
        }
        *out.as_ptr::<O>().offset(at[0]) = f(&x[..l.ins.len()]);
    });
}

fn floats<T: Element, O: Element>(l: &Launch, f: impl Fn(&[f64], &[f64]) -> O) {
    let p: [f64; 8] = std::array::from_fn(|i| l.attrs.get(i).map_or(0.0, |a| a.f()));
    let n = l.attrs.len();
    apply::<T, O>(l, |x| {
        let mut y = [0.0; 4];
        x.iter().enumerate().for_each(|(i, v)| y[i] = v.to_f64());
        f(&y[..x.len()], &p[..n])
    });
}

macro_rules! ints {
    ($l:ident, $t:ty, |$x:ident, $p:ident| $body:expr) => {{
        let p: [Wrapping<$t>; 8] = std::array::from_fn(|i| Wrapping($l.attrs.get(i).map_or(0, |a| a.f() as $t)));
        let n = $l.attrs.len();
        apply::<$t, _>($l, |x| {
            let mut y = [Wrapping(0 as $t); 4];
            x.iter().enumerate().for_each(|(i, v)| y[i] = Wrapping(*v));
            let ($x, $p) = (&y[..x.len()], &p[..n]);
            $body
        })
    }};
}

fn in_dtype(l: &Launch) -> DType {
    l.ins.first().map_or(l.outs[0].dtype, |v| v.dtype)
}

/// The kernel of an expression on any dtype.
pub const fn num<P: NumOp>() -> Kernel {
    fn run<P: NumOp>(l: &Launch) {
        match in_dtype(l) {
            DType::F32 => floats::<f32, f32>(l, |x, p| P::eval(x, p) as f32),
            DType::F64 => floats::<f64, f64>(l, |x, p| P::eval(x, p)),
            DType::I64 => ints!(l, i64, |x, p| P::eval(x, p).0),
            DType::I32 => ints!(l, i32, |x, p| P::eval(x, p).0),
            DType::U8 => ints!(l, u8, |x, p| P::eval(x, p).0),
            DType::Bool => floats::<Bool, Bool>(l, |x, p| Bool::from_f64(P::eval(x, p))),
        }
    }
    Kernel { name: P::NAME, run: run::<P>, scratch: None }
}

/// The kernel of an expression on floats.
pub const fn real<P: RealOp>() -> Kernel {
    fn run<P: RealOp>(l: &Launch) {
        match in_dtype(l) {
            DType::F32 => floats::<f32, f32>(l, |x, p| P::eval(x, p) as f32),
            _ => floats::<f64, f64>(l, |x, p| P::eval(x, p)),
        }
    }
    Kernel { name: P::NAME, run: run::<P>, scratch: None }
}

/// The kernel of a derivative.
pub const fn derivative<D: Derivative>() -> Kernel {
    fn run<D: Derivative>(l: &Launch) {
        match in_dtype(l) {
            DType::F32 => floats::<f32, f32>(l, |x, p| D::eval(x, p) as f32),
            _ => floats::<f64, f64>(l, |x, p| D::eval(x, p)),
        }
    }
    Kernel { name: D::NAME, run: run::<D>, scratch: None }
}

/// The kernel of an expression on integers and bool.
pub const fn bits<P: BitsOp>() -> Kernel {
    fn run<P: BitsOp>(l: &Launch) {
        match in_dtype(l) {
            DType::I64 => ints!(l, i64, |x, p| P::eval(x, p).0),
            DType::I32 => ints!(l, i32, |x, p| P::eval(x, p).0),
            DType::U8 => ints!(l, u8, |x, p| P::eval(x, p).0),
            _ => apply::<Bool, Bool>(l, |x| {
                let mut y = [Wrapping(0u8); 4];
                x.iter().enumerate().for_each(|(i, v)| y[i] = Wrapping(v.0));
                Bool(P::eval(&y[..x.len()], &[]).0 & 1)
            }),
        }
    }
    Kernel { name: P::NAME, run: run::<P>, scratch: None }
}

/// The kernel of a question with a bool answer.
pub const fn compare<P: CompareOp>() -> Kernel {
    fn run<P: CompareOp>(l: &Launch) {
        match in_dtype(l) {
            DType::F32 => floats::<f32, Bool>(l, |x, p| Bool(P::eval(x, p) as u8)),
            DType::F64 => floats::<f64, Bool>(l, |x, p| Bool(P::eval(x, p) as u8)),
            DType::I64 => ints!(l, i64, |x, p| Bool(P::eval(x, p) as u8)),
            DType::I32 => ints!(l, i32, |x, p| Bool(P::eval(x, p) as u8)),
            DType::U8 => ints!(l, u8, |x, p| Bool(P::eval(x, p) as u8)),
            DType::Bool => floats::<Bool, Bool>(l, |x, p| Bool(P::eval(x, p) as u8)),
        }
    }
    Kernel { name: P::NAME, run: run::<P>, scratch: None }
}

fn convert<S: Element, D: Element>(src: &View, dst: &View) {
    let whole = S::DTYPE.is_int() || S::DTYPE == DType::Bool;
    each(dst.shape, [dst.strides, src.strides], |[d, s]| unsafe {
        let v = *src.as_ptr::<S>().offset(s);
        *dst.as_ptr::<D>().offset(d) = if whole { D::from_i64(v.to_i64()) } else { D::from_f64(v.to_f64()) };
    });
}

macro_rules! by_dtype {
    ($d:expr, $t:ident => $body:expr) => {
        match $d {
            DType::Bool => {
                type $t = Bool;
                $body
            }
            DType::U8 => {
                type $t = u8;
                $body
            }
            DType::I32 => {
                type $t = i32;
                $body
            }
            DType::I64 => {
                type $t = i64;
                $body
            }
            DType::F32 => {
                type $t = f32;
                $body
            }
            DType::F64 => {
                type $t = f64;
                $body
            }
        }
    };
}

/// Copies with conversion, between any strides.
pub const COPY: Kernel = Kernel {
    name: "copy",
    run: |l| {
        let (s, d) = (&l.ins[0], &l.outs[0]);
        by_dtype!(s.dtype, S => by_dtype!(d.dtype, D => convert::<S, D>(s, d)))
    },
    scratch: None,
};

/// Writes one value everywhere; attributes: it as float, it as integer (for integer dtypes).
pub const FILL: Kernel = Kernel {
    name: "fill",
    run: |l| {
        let d = &l.outs[0];
        by_dtype!(d.dtype, D => {
            let float = D::DTYPE.is_float() || D::DTYPE == DType::Bool;
            let v = if float { D::from_f64(l.attrs[0].f()) } else { D::from_i64(l.attrs[1].i()) };
            each(d.shape, [d.strides], |[at]| unsafe { *d.as_ptr::<D>().offset(at) = v })
        })
    },
    scratch: None,
};

/// The second operand where the first, a bool, holds; the third elsewhere.
pub const WHERE: Kernel = Kernel {
    name: "where",
    run: |l| {
        let (m, a, b, d) = (&l.ins[0], &l.ins[1], &l.ins[2], &l.outs[0]);
        by_dtype!(d.dtype, D => each(d.shape, [d.strides, m.strides, a.strides, b.strides], |[o, i, j, k]| unsafe {
            *d.as_ptr::<D>().offset(o) =
                if (*m.as_ptr::<Bool>().offset(i)).0 != 0 { *a.as_ptr::<D>().offset(j) } else { *b.as_ptr::<D>().offset(k) };
        }))
    },
    scratch: None,
};
