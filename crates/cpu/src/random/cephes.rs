//! Box and Muller's method in float32 as PyTorch's AVX2 kernel evaluates it: the single-precision polynomials of Moshier's
//! Cephes library (avx_mathfun.h), with a multiply-add fused wherever the compiler of PyTorch's x86 builds fuses it.
//!
//! `F64x2::fused` is wrong once in 2^29. A uniform number has only 2^24 values: the tests compare all of them with the exact
//! computation, and none differs. So no check is needed here.

use cresset_lane::simd::{F32x4, F64x2, I32x4};

/// Eight numbers: enough independent chains of operations to keep a processor busy.
pub type Eight = [F32x4; 2];

#[inline(always)]
fn each(f: impl Fn(usize) -> F32x4) -> Eight {
    [f(0), f(1)]
}

/// Eight float32 numbers held in float64, so that the next step need not convert them.
#[derive(Clone, Copy)]
struct Wide([F64x2; 4]);

impl Wide {
    #[inline(always)]
    fn of([a, b]: Eight) -> Wide {
        Wide([a.low(), a.high(), b.low(), b.high()])
    }

    #[inline(always)]
    fn splat(c: f32) -> Wide {
        Wide([F64x2::splat(c as f64); 4])
    }

    #[inline(always)]
    fn narrow(self) -> Eight {
        let [a, b, c, d] = self.0;
        [F32x4::from_f64(a, b), F32x4::from_f64(c, d)]
    }

    #[inline(always)]
    fn map(f: impl Fn(usize) -> F64x2) -> Wide {
        Wide([f(0), f(1), f(2), f(3)])
    }

    #[inline(always)]
    fn times(self, o: Wide) -> Wide {
        Wide::map(|i| (self.0[i] * o.0[i]).as_f32())
    }

    /// self * a + b, rounded once (see above).
    #[inline(always)]
    fn fma(self, a: Wide, b: Wide) -> Wide {
        Wide::map(|i| self.0[i].fused(a.0[i], b.0[i]))
    }

    /// The same as the last step of a chain.
    #[inline(always)]
    fn fma_narrow(self, a: Wide, b: Wide) -> Eight {
        Wide::map(|i| self.0[i] * a.0[i] + b.0[i]).narrow()
    }

    #[inline(always)]
    fn horner<const K: usize>(self, c: [f32; K]) -> Wide {
        let mut y = Wide::splat(c[0]);
        for &c in &c[1..] {
            y = y.fma(self, Wide::splat(c));
        }
        y
    }
}

const LOG: [f32; 9] = [
    7.037_683_6e-2,
    -1.151_461e-1,
    1.167_699_84e-1,
    -1.242_014_1e-1,
    1.424_932_3e-1,
    -1.666_805_7e-1,
    2.000_071_4e-1,
    -2.499_999_4e-1,
    3.333_333e-1,
];
const LN2_LOW: f32 = -2.121_944_4e-4;
const LN2_HIGH: f32 = 0.693_359_4;

/// Natural logarithm of numbers in (0, 1] that are multiples of 2^-24.
#[inline(always)]
fn log(x: Eight) -> Eight {
    let half = each(|i| F32x4::from_bits((x[i].bits() & I32x4::splat(0x7f_ffff)) | I32x4::splat(0x3f00_0000)));
    let low = half.map(|half| half.lt(F32x4::splat(std::f32::consts::FRAC_1_SQRT_2)));
    // A mask is -1.
    let e = each(|i| F32x4::from_i32(x[i].bits().right(23) - I32x4::splat(126) + low[i]));
    let m = each(|i| (half[i] - F32x4::splat(1.0)) + F32x4::from_bits(low[i] & half[i].bits()));
    let z = m.map(|m| m * m);
    let wide = Wide::of(m);
    let y = wide.horner(LOG).times(wide);
    let y = y.fma_narrow(Wide::of(z), Wide::of(e.map(|e| e * F32x4::splat(LN2_LOW))));
    // Two more are fused, but their products have few enough bits to be exact.
    let y = each(|i| y[i] - z[i] * F32x4::splat(0.5));
    each(|i| m[i] + y[i] + e[i] * F32x4::splat(LN2_HIGH))
}

/// Pi / 4 in three pieces.
const QUARTER_PI: [f32; 3] = [0.785_156_25, 2.418_756_5e-4, 3.774_895e-8];
const SIN: [f32; 3] = [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1];
const COS: [f32; 3] = [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2];

/// Sine and cosine of 2 pi times multiples of 2^-24 in [0, 1).
#[inline(always)]
fn sin_cos_turns(u: Eight) -> (Eight, Eight) {
    let x = u.map(|u| F32x4::splat(std::f32::consts::TAU) * u);
    let octant = x.map(|x| ((x * F32x4::splat(1.273_239_5)).to_i32() + I32x4::splat(1)) & I32x4::splat(!1));
    let j = octant.map(F32x4::from_i32);
    // All three are fused; the products of the first two are exact.
    let r = each(|i| x[i] - j[i] * F32x4::splat(QUARTER_PI[0]) - j[i] * F32x4::splat(QUARTER_PI[1]));
    let wide = Wide::of(j).fma(Wide::splat(-QUARTER_PI[2]), Wide::of(r));
    let z = wide.narrow().map(|r| r * r);
    let square = Wide::of(z);
    let c = square.horner(COS).times(square).fma_narrow(square, Wide::of(z.map(|z| z * F32x4::splat(-0.5))));
    let c = c.map(|c| c + F32x4::splat(1.0));
    let s = square.horner(SIN).times(square).fma_narrow(wide, wide);
    let even = octant.map(|octant| (octant & I32x4::splat(2)).eq(I32x4::splat(0)));
    let flip = |v: F32x4, sign: I32x4| F32x4::from_bits(v.bits() ^ (sign & I32x4::splat(4)).left(29));
    (
        each(|i| flip(F32x4::choose(even[i], s[i], c[i]), octant[i])),
        each(|i| flip(F32x4::choose(even[i], c[i], s[i]), !(octant[i] - I32x4::splat(2)))),
    )
}

/// Standard normals in place of eight pairs of uniforms: radius times cosine, and radius times sine.
#[inline(always)]
pub fn box_muller(u: Eight, v: Eight) -> [Eight; 2] {
    let radius = log(u.map(|u| F32x4::splat(1.0) - u)).map(|log| (F32x4::splat(-2.0) * log).root());
    let (sin, cos) = sin_cos_turns(v);
    // Adding zero makes -0 of it 0, as the multiply-add with the mean does.
    [cos, sin].map(|part| each(|i| radius[i] * part[i] + F32x4::splat(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_lane::simd::fma;

    fn horner_exactly<const K: usize>(c: [f32; K], x: f32) -> f32 {
        c[1..].iter().fold(c[0], |y, &c| fma(y, x, c))
    }

    fn log_exactly(x: f32) -> f32 {
        let bits = x.to_bits();
        let half = f32::from_bits(bits & 0x7f_ffff | 0x3f00_0000);
        let low = half < std::f32::consts::FRAC_1_SQRT_2;
        let e = ((bits >> 23) as i32 - 126 - low as i32) as f32;
        let m = (half - 1.0) + if low { half } else { 0.0 };
        let z = m * m;
        let y = fma(horner_exactly(LOG, m) * m, z, e * LN2_LOW);
        let y = fma(-z, 0.5, y);
        fma(e, LN2_HIGH, m + y)
    }

    fn sin_cos_exactly(x: f32) -> (f32, f32) {
        let octant = ((x * 1.273_239_5) as i32 + 1) & !1;
        let mut r = x;
        for piece in QUARTER_PI {
            r = fma(octant as f32, -piece, r);
        }
        let z = r * r;
        let c = fma(horner_exactly(COS, z) * z, z, -(z * 0.5)) + 1.0;
        let s = fma(horner_exactly(SIN, z) * z, r, r);
        let (s, c) = if octant & 2 == 0 { (s, c) } else { (c, s) };
        let flip = |v: f32, sign: i32| f32::from_bits(v.to_bits() ^ (((sign & 4) as u32) << 29));
        (flip(s, octant), flip(c, !(octant - 2)))
    }

    /// Compares the lanes with the exact computation for every `step`-th of the 2^24 uniform numbers.
    fn compare(step: usize) {
        let unit = |k: usize| k as f32 / (1 << 24) as f32;
        let bits =
            |[x, y]: Eight| [x.to_array(), y.to_array()].as_flattened().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        for k in (0..1 << 24).step_by(8 * step) {
            let u: [f32; 8] = std::array::from_fn(|i| unit((k + i * step) % (1 << 24)));
            let lanes = each(|i| F32x4::new(std::array::from_fn(|j| u[4 * i + j])));
            let exact = u.map(|u| log_exactly(1.0 - u).to_bits());
            assert_eq!(bits(log(lanes.map(|u| F32x4::splat(1.0) - u))), exact, "log 1 - {u:?}");
            let (sin, cos) = sin_cos_turns(lanes);
            let exact = u.map(|u| sin_cos_exactly(std::f32::consts::TAU * u));
            assert_eq!(bits(sin), exact.map(|(s, _)| s.to_bits()), "sin {u:?}");
            assert_eq!(bits(cos), exact.map(|(_, c)| c.to_bits()), "cos {u:?}");
        }
    }

    #[test]
    fn equals_the_fused_computation() {
        compare(1021);
    }

    /// Seconds when optimised: cargo test --release -p cresset-cpu every_uniform -- --ignored
    #[test]
    #[ignore = "all 2^24 inputs: for when a formula changed"]
    fn equals_the_fused_computation_for_every_uniform() {
        compare(1);
    }
}
