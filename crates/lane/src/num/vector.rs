//! Four float32 at a time.

use super::{BinaryFn, Num, Real, UnaryFn};
use crate::math::float32 as m;
use crate::simd::{Constant, F32x4, I32x4};

impl Num for F32x4 {
    type Mask = I32x4;

    #[inline(always)]
    fn fused(self, b: F32x4, c: F32x4) -> F32x4 {
        F32x4::fused(self, b, c)
    }

    /// Not known to the compiler (as `Constant`s are not): a JavaScript engine would make it anew in every turn of a loop, by three
    /// instructions. Zero is one.
    #[inline(always)]
    fn lit(v: f64) -> F32x4 {
        #[used]
        static ZERO: Constant<F32x4> = Constant::new(F32x4::splat(0.0));
        let v = F32x4::splat(v as f32);
        if v.to_array()[0].to_bits() == 0 { v } else { F32x4::from_bits(v.bits() ^ ZERO.get().bits()) }
    }
    #[inline(always)]
    fn select(mask: I32x4, a: F32x4, b: F32x4) -> F32x4 {
        F32x4::choose(mask, a, b)
    }
    #[inline(always)]
    fn lt(self, other: F32x4) -> I32x4 {
        F32x4::lt(self, other)
    }
    #[inline(always)]
    fn le(self, other: F32x4) -> I32x4 {
        F32x4::le(self, other)
    }
    #[inline(always)]
    fn gt(self, other: F32x4) -> I32x4 {
        F32x4::gt(self, other)
    }
    #[inline(always)]
    fn ge(self, other: F32x4) -> I32x4 {
        F32x4::ge(self, other)
    }
    #[inline(always)]
    fn eq(self, other: F32x4) -> I32x4 {
        F32x4::eq(self, other)
    }
    #[inline(always)]
    fn ne(self, other: F32x4) -> I32x4 {
        F32x4::ne(self, other)
    }
    #[inline(always)]
    fn is_nan(self) -> I32x4 {
        F32x4::ne(self, self)
    }
    #[inline(always)]
    fn is_inf(self) -> I32x4 {
        F32x4::eq(self.absolute(), F32x4::splat(f32::INFINITY))
    }
    #[inline(always)]
    fn is_signed(self) -> I32x4 {
        self.bits().right(31)
    }
    #[inline(always)]
    fn abs(self) -> F32x4 {
        self.absolute()
    }
    #[inline(always)]
    fn sign(self) -> F32x4 {
        let one = F32x4::splat(1.0).bits();
        let zero = F32x4::splat(0.0);
        F32x4::from_bits(F32x4::gt(self, zero) & one) - F32x4::from_bits(F32x4::lt(self, zero) & one)
    }
    #[inline(always)]
    fn minimum(self, other: F32x4) -> F32x4 {
        self.smaller(other)
    }
    #[inline(always)]
    fn maximum(self, other: F32x4) -> F32x4 {
        self.larger(other)
    }
    #[inline(always)]
    fn fmod(self, other: F32x4) -> F32x4 {
        m::fmod(self, other)
    }
    #[inline(always)]
    fn remainder(self, other: F32x4) -> F32x4 {
        let r = m::fmod(self, other);
        let zero = F32x4::splat(0.0);
        let across = F32x4::ne(r, zero) & (F32x4::lt(r, zero) ^ F32x4::lt(other, zero));
        r + F32x4::from_bits(across & other.bits())
    }
    #[inline(always)]
    fn trunc_div(self, other: F32x4) -> F32x4 {
        (self / other).towards_zero()
    }
    #[inline(always)]
    fn floor_div(self, other: F32x4) -> F32x4 {
        m::floor_div(self, other)
    }
    #[inline(always)]
    fn pow(self, other: F32x4) -> F32x4 {
        m::pow(self, other)
    }
}

macro_rules! through_math {
    ($($name:ident)*) => {
        $(#[inline(always)] fn $name(self) -> F32x4 { m::$name(self) })*
    };
}

impl Real for F32x4 {
    through_math! { exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
    sigmoid erf erfc exp_negative normal_cdf }

    #[inline(always)]
    fn sqrt(self) -> F32x4 {
        self.root()
    }
    #[inline(always)]
    fn rsqrt(self) -> F32x4 {
        F32x4::splat(1.0) / self.root()
    }
    #[inline(always)]
    fn floor(self) -> F32x4 {
        self.down()
    }
    #[inline(always)]
    fn ceil(self) -> F32x4 {
        self.up()
    }
    #[inline(always)]
    fn round(self) -> F32x4 {
        self.nearest()
    }
    #[inline(always)]
    fn trunc(self) -> F32x4 {
        self.towards_zero()
    }
    #[inline(always)]
    fn atan2(self, x: F32x4) -> F32x4 {
        m::atan2(self, x)
    }
    #[inline(always)]
    fn copysign(self, sign: F32x4) -> F32x4 {
        F32x4::from_bits(I32x4::choose(I32x4::splat(i32::MIN), sign.bits(), self.bits()))
    }
    #[inline(always)]
    fn hypot(self, other: F32x4) -> F32x4 {
        m::hypot(self, other)
    }
    #[inline(always)]
    fn nextafter(self, to: F32x4) -> F32x4 {
        self.zip(to, libm::nextafterf)
    }
    #[inline(always)]
    fn rare(self, f: UnaryFn) -> F32x4 {
        self.map(|v| f.eval_single(v))
    }
    #[inline(always)]
    fn rare2(self, other: F32x4, f: BinaryFn) -> F32x4 {
        self.zip(other, |a, b| f.eval(a as f64, b as f64) as f32)
    }
}
