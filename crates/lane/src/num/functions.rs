//! The primitives by name: what the recorder writes down and what other devices look up.

use super::Real;
use crate::math::special;

macro_rules! functions {
    ($(#[$m:meta])* $enum:ident { $($variant:ident $name:literal),* $(,)? }) => {
        $(#[$m])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        pub enum $enum { $($variant),* }
        impl $enum {
            /// Every function of this kind.
            pub const ALL: &'static [$enum] = &[$($enum::$variant),*];
            /// Its name in snake case, as `Num`, `Bits` and `Real` call it.
            pub const fn name(self) -> &'static str {
                match self { $($enum::$variant => $name),* }
            }
        }
    };
}

functions! {
    /// Functions of one number.
    UnaryFn {
        Neg "neg", Abs "abs", Sign "sign", Not "not",
        Sqrt "sqrt", Rsqrt "rsqrt", Exp "exp", Exp2 "exp2", Expm1 "expm1",
        Log "log", Log2 "log2", Log10 "log10", Log1p "log1p",
        Sin "sin", Cos "cos", Tan "tan", Asin "asin", Acos "acos", Atan "atan",
        Sinh "sinh", Cosh "cosh", Tanh "tanh", Asinh "asinh", Acosh "acosh", Atanh "atanh",
        Sigmoid "sigmoid", Erf "erf", Erfc "erfc",
        Floor "floor", Ceil "ceil", Round "round", Trunc "trunc",
        // Through `Real::rare`:
        Lgamma "lgamma", Digamma "digamma", Erfinv "erfinv", Erfcx "erfcx", Ndtri "ndtri", LogNdtr "log_ndtr",
        I0 "i0", I0e "i0e", I1 "i1", I1e "i1e",
        BesselJ0 "bessel_j0", BesselJ1 "bessel_j1", BesselY0 "bessel_y0", BesselY1 "bessel_y1",
        BesselK0 "bessel_k0", BesselK1 "bessel_k1", BesselK0e "bessel_k0e", BesselK1e "bessel_k1e",
        SphericalJ0 "spherical_j0", AiryAi "airy_ai",
        FrexpMantissa "frexp_mantissa", FrexpExponent "frexp_exponent",
    }
}

functions! {
    /// Functions of two numbers.
    BinaryFn {
        Add "add", Sub "sub", Mul "mul", Div "div",
        Minimum "minimum", Maximum "maximum", Fmod "fmod", Remainder "remainder",
        TruncDiv "trunc_div", FloorDiv "floor_div", Pow "pow",
        And "and", Or "or", Xor "xor", Shl "shl", Shr "shr", Gcd "gcd", Lcm "lcm",
        Atan2 "atan2", Copysign "copysign", Hypot "hypot", Nextafter "nextafter",
        // Through `Real::rare2`:
        Polygamma "polygamma", Zeta "zeta", Igamma "igamma", Igammac "igammac",
        ChebyshevT "chebyshev_t", ChebyshevU "chebyshev_u", ChebyshevV "chebyshev_v", ChebyshevW "chebyshev_w",
        HermiteH "hermite_h", HermiteHe "hermite_he", LaguerreL "laguerre_l", LegendreP "legendre_p",
    }
}

functions! {
    /// Comparisons of two numbers.
    CompareFn { Lt "lt", Le "le", Gt "gt", Ge "ge", Eq "eq", Ne "ne" }
}

functions! {
    /// Questions about one number.
    TestFn { IsNan "is_nan", IsInf "is_inf", IsSigned "is_signed" }
}

impl UnaryFn {
    /// The function in float64, for those that `Real::rare` stands for.
    #[inline(always)]
    pub fn eval(self, x: f64) -> f64 {
        match self {
            UnaryFn::Lgamma => special::lgamma(x),
            UnaryFn::Digamma => special::digamma(x),
            UnaryFn::Erfinv => special::erfinv(x),
            UnaryFn::Erfcx => special::erfcx(x),
            UnaryFn::Ndtri => special::ndtri(x),
            UnaryFn::LogNdtr => special::log_ndtr(x),
            UnaryFn::I0 => special::i0(x),
            UnaryFn::I0e => special::i0e(x),
            UnaryFn::I1 => special::i1(x),
            UnaryFn::I1e => special::i1e(x),
            UnaryFn::BesselJ0 => special::bessel_j0(x),
            UnaryFn::BesselJ1 => special::bessel_j1(x),
            UnaryFn::BesselY0 => special::bessel_y0(x),
            UnaryFn::BesselY1 => special::bessel_y1(x),
            UnaryFn::BesselK0 => special::bessel_k0(x),
            UnaryFn::BesselK1 => special::bessel_k1(x),
            UnaryFn::BesselK0e => special::bessel_k0e(x),
            UnaryFn::BesselK1e => special::bessel_k1e(x),
            UnaryFn::SphericalJ0 => special::spherical_j0(x),
            UnaryFn::AiryAi => special::airy_ai(x),
            UnaryFn::FrexpMantissa => libm::frexp(x).0,
            UnaryFn::FrexpExponent => libm::frexp(x).1 as f64,
            _ => unreachable!("not a rare function"),
        }
    }
}

impl UnaryFn {
    /// The function rounded to float32, for those that `Real::rare` stands for.
    #[inline(always)]
    pub fn eval_single(self, x: f32) -> f32 {
        match self {
            // In float64 it takes pairs of numbers to be exact.
            UnaryFn::Lgamma => special::lgamma_for_float32(x as f64) as f32,
            _ => self.eval(x as f64) as f32,
        }
    }
}

impl BinaryFn {
    /// The function in float64, for those that `Real::rare2` stands for.
    #[inline(always)]
    pub fn eval(self, x: f64, y: f64) -> f64 {
        match self {
            BinaryFn::Polygamma => special::polygamma(x, y),
            BinaryFn::Zeta => special::zeta(x, y),
            BinaryFn::Igamma => special::igamma(x, y),
            BinaryFn::Igammac => special::igammac(x, y),
            BinaryFn::ChebyshevT => special::chebyshev_t(x, y),
            BinaryFn::ChebyshevU => special::chebyshev_u(x, y),
            BinaryFn::ChebyshevV => special::chebyshev_v(x, y),
            BinaryFn::ChebyshevW => special::chebyshev_w(x, y),
            BinaryFn::HermiteH => special::hermite_h(x, y),
            BinaryFn::HermiteHe => special::hermite_he(x, y),
            BinaryFn::LaguerreL => special::laguerre_l(x, y),
            BinaryFn::LegendreP => special::legendre_p(x, y),
            _ => unreachable!("not a rare function"),
        }
    }
}

macro_rules! on_f64 {
    ($f:expr, $kind:ident, $x:ident $args:tt: $($variant:ident $name:ident),* $(,)?; else $rest:expr) => {
        match $f { $($kind::$variant => $x.$name $args,)* _ => $rest }
    };
}

// The same functions for numbers that are known when a program is interpreted.
impl UnaryFn {
    /// This function of a float64 (`not` excepted, which integers have).
    pub fn on_f64(self, x: f64) -> f64 {
        fn all<L: Real>(f: UnaryFn, x: L) -> L {
            on_f64!(f, UnaryFn, x ():
                Abs abs, Sign sign, Sqrt sqrt, Rsqrt rsqrt, Exp exp, Exp2 exp2, Expm1 expm1, Log log, Log2 log2,
                Log10 log10, Log1p log1p, Sin sin, Cos cos, Tan tan, Asin asin, Acos acos, Atan atan, Sinh sinh,
                Cosh cosh, Tanh tanh, Asinh asinh, Acosh acosh, Atanh atanh, Sigmoid sigmoid, Erf erf, Erfc erfc,
                Floor floor, Ceil ceil, Round round, Trunc trunc, Neg neg;
                else x.rare(f))
        }
        all(self, x)
    }
}

impl BinaryFn {
    /// This function of two float64 (those of integers excepted).
    pub fn on_f64(self, x: f64, y: f64) -> f64 {
        fn all<L: Real>(f: BinaryFn, x: L, y: L) -> L {
            on_f64!(f, BinaryFn, x (y):
                Add add, Sub sub, Mul mul, Div div, Minimum minimum, Maximum maximum, Fmod fmod, Remainder remainder,
                TruncDiv trunc_div, FloorDiv floor_div, Pow pow, Atan2 atan2, Copysign copysign, Hypot hypot,
                Nextafter nextafter;
                else x.rare2(y, f))
        }
        all(self, x, y)
    }
}

impl CompareFn {
    /// This comparison of two float64.
    pub fn on_f64(self, x: f64, y: f64) -> bool {
        match self {
            CompareFn::Lt => x < y,
            CompareFn::Le => x <= y,
            CompareFn::Gt => x > y,
            CompareFn::Ge => x >= y,
            CompareFn::Eq => x == y,
            CompareFn::Ne => x != y,
        }
    }

    /// The comparison that says the same with its sides exchanged.
    pub fn mirrored(self) -> CompareFn {
        match self {
            CompareFn::Lt => CompareFn::Gt,
            CompareFn::Le => CompareFn::Ge,
            CompareFn::Gt => CompareFn::Lt,
            CompareFn::Ge => CompareFn::Le,
            same => same,
        }
    }
}

impl TestFn {
    /// The answer for a float64.
    pub fn on_f64(self, x: f64) -> bool {
        match self {
            TestFn::IsNan => x.is_nan(),
            TestFn::IsInf => x.is_infinite(),
            TestFn::IsSigned => x.is_sign_negative(),
        }
    }
}
