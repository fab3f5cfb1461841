use crate::simd::F32x4;
macro_rules! t { ($($n:ident)*) => { $( pub fn $n(x: F32x4) -> F32x4 { x.map(|v| libm::$n(v as f64) as f32) } )* } }
t! { exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc }
pub fn sigmoid(x: F32x4) -> F32x4 {
    F32x4::splat(1.0) / (F32x4::splat(1.0) + exp(-x))
}
macro_rules! t2 { ($($n:ident)*) => { $( pub fn $n(x: F32x4, y: F32x4) -> F32x4 { x.zip(y, |a, b| libm::$n(a as f64, b as f64) as f32) } )* } }
t2! { fmod pow atan2 hypot }
pub fn floor_div(x: F32x4, y: F32x4) -> F32x4 {
    x.zip(y, |a, b| crate::Num::floor_div(a as f64, b as f64) as f32)
}
