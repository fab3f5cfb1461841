//! Every expression of `lane`, and its derivatives, printed as a shader.

use cresset_cpu::{Kernel, elementwise as e};
use cresset_lane::expr::*;
use cresset_lane::{Attr, DType};

use crate::testing::{Layout, Rng, Scene, on_each};

/// Numbers at which functions have edges.
const EDGES: [f64; 34] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    3.0,
    -3.0,
    1e-4,
    -1e-4,
    1e-20,
    -1e-20,
    0.999,
    1.001,
    1.5,
    -1.5,
    6.0,
    -6.0,
    10.0,
    -10.0,
    20.5,
    -20.5,
    87.0,
    -87.0,
    1e4,
    -1e4,
    1e10,
    -1e10,
    1e30,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

fn number(r: &mut Rng) -> f64 {
    match r.below(3) {
        0 => EDGES[r.below(EDGES.len())],
        1 => r.float() * 4.0,
        _ => r.float() * 100.0,
    }
}

/// Numbers whose products are normal numbers: GPUs may take those below for zero, which infinity times them tells.
fn tame(r: &mut Rng) -> f64 {
    match r.below(4) {
        0 => EDGES[2 + r.below(8)],
        1 if r.below(30) == 0 => f64::NAN,
        2 => r.float() * 20.0,
        _ => r.float() * 3.0,
    }
}

/// Arguments of functions of two positive numbers.
fn positive(r: &mut Rng) -> f64 {
    match r.below(12) {
        0 => r.below(4) as f64,
        1 => r.float() * 4.0,
        2..6 => 10.0 + r.float() * 9.0,
        _ => 1.5 + r.float() * 1.4,
    }
}

/// Arguments of polynomials, and degrees.
fn degree(r: &mut Rng) -> f64 {
    match r.below(3) {
        0 => r.below(12) as f64,
        1 => [-1.0, 1.0, 0.0, 1.5][r.below(4)],
        _ => r.float(),
    }
}

/// Whether the GPU has the functions of an expression, and if not, which one it lacks.
fn lacks(kernel: Kernel, dtype: DType) -> bool {
    let k = crate::Kernel { name: kernel.name, program: kernel.program, demand: None };
    !crate::supports(&k, dtype)
}

/// Compares an expression on the CPU and the GPU over numbers of all kinds.
fn floats(kernel: Kernel, ins: usize, params: usize, out: DType, number: fn(&mut Rng) -> f64) {
    assert!(!lacks(kernel, DType::F32), "there is no GPU function for {}", kernel.name);
    let mut rng = Rng(9);
    for layout in [Layout::RowMajor, Layout::Scattered] {
        let mut s = Scene::default();
        for _ in 0..ins {
            s.input(DType::F32, &[33, 61], layout, &mut rng, number);
        }
        s.output(out, &[33, 61], Layout::RowMajor, &mut rng);
        s.attrs(&[0.75, 1.25, 0.5, 2.0].map(Attr::from)[..params]);
        s.check(
            kernel,
            4e-6,
            match kernel.name {
                // Near 0 it is what is left of two equal numbers, on the CPU too.
                "sinc_dx" => 1e-4,
                // Differences of large terms: the CPU takes them in float64.
                name if name.contains("polynomial_h") || name.contains("polynomial_l") => 1e-3,
                "i1_dx" | "i1e_dx" | "lgamma_dx" => 4e-5,
                // Far below 0 the angle is a product that float32 rounds.
                "airy_ai" => 4e-6,
                _ if params + ins > 1 => 4e-6,
                _ => 1e-6,
            },
        );
    }
}

macro_rules! all {
    ($test:ident $make:ident $numbers:ident $out:expr; $($family:ident: $($op:ident)*;)*) => {
        #[test]
        fn $test() {
            $($({
                type Op = $family::$op::Op;
                floats(e::$make::<Op>(), <Op as Pointwise>::INS, <Op as Pointwise>::PARAMS, $out, $numbers);
                derivatives::<Op>();
            })*)*
        }
    };
}

/// The derivatives of an op.
fn derivatives<P: Pointwise>() {
    fn one<D: Derivative>(params: usize) {
        if D::EXISTS {
            floats(e::derivative::<D>(), D::SLOTS.len() + 1, params, DType::F32, tame);
        }
    }
    one::<P::D0>(P::PARAMS);
    one::<P::D1>(P::PARAMS);
    one::<P::D2>(P::PARAMS);
}

all! { arithmetic num number DType::F32;
    arith: add add_alpha sub sub_alpha mul trunc_div floor_div fmod remainder neg abs sign square minimum maximum fmin fmax clamp
        clamp_min clamp_max clamp_tensor clamp_min_tensor clamp_max_tensor addcmul heaviside;
    activation: relu hardtanh threshold;
}
all! { powers num number DType::F32; exponential: pow pow_scalar cube; }
all! { quotients real number DType::F32;
    arith: div reciprocal lerp lerp_scalar addcdiv hypot copysign nextafter nan_to_num deg2rad rad2deg angle;
    rounding: floor ceil round round_finer round_coarser trunc frac;
    norm: standardize;
}
all! { exponentials real number DType::F32;
    exponential: sqrt rsqrt exp exp2 expm1 log log2 log10 log1p pow_of logaddexp logaddexp2 xlogy xlog1py entr sigmoid logit logit_eps;
}
all! { activations real number DType::F32;
    activation: leaky_relu prelu elu gelu gelu_tanh silu mish softplus logsigmoid softsign hardshrink softshrink tanhshrink
        hardsigmoid hardswish;
}
all! { trigonometry real number DType::F32; trig: sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh sinc; }
all! { losses real tame DType::F32;
    loss: mse l1 smooth_l1 huber bce bce_with_logits bce_with_logits_pos kl_div kl_div_log poisson_nll_log poisson_nll stirling
        gaussian_nll soft_margin hinge_embedding margin_ranking;
}
all! { around_the_error_function real tame DType::F32; special: erf erfc erfcx erfinv ndtr ndtri log_ndtr; }
all! { around_the_gamma_function real tame DType::F32; special: lgamma digamma polygamma; }
all! { bessel_functions real tame DType::F32;
    special: i0 i0e i1 i1e bessel_j0 bessel_j1 bessel_y0 bessel_y1 modified_bessel_k0 modified_bessel_k1
        scaled_modified_bessel_k0 scaled_modified_bessel_k1 spherical_bessel_j0 airy_ai;
}
all! { zeta_and_incomplete_gamma real positive DType::F32; special: zeta igamma igammac; }
all! { polynomials real degree DType::F32;
    special: chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w
        shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v
        shifted_chebyshev_polynomial_w hermite_polynomial_h hermite_polynomial_he laguerre_polynomial_l legendre_polynomial_p;
}
all! { parts_of_floats real number DType::F32; arith: frexp_mantissa frexp_exponent; }
all! { questions compare number DType::Bool;
    compare: lt le gt ge eq ne isnan isinf isfinite isposinf isneginf signbit logical_and logical_or logical_xor logical_not isclose;
}

/// Compares an expression on integers.
fn integers(kernel: Kernel, ins: usize, params: usize, dtypes: &[DType], out: Option<DType>, small: bool) {
    let mut rng = Rng(11);
    for &dtype in dtypes {
        let mut s = Scene::default();
        for k in 0..ins {
            s.input(dtype, &[7, 91], [Layout::RowMajor, Layout::Scattered][k % 2], &mut rng, |r| match r.below(3) {
                _ if dtype == DType::Bool => r.below(2) as f64,
                // What 64 bits hold and 32 do not is no case: a GPU has no such number.
                0 => r.below(40) as f64 - if dtype == DType::U8 { 0.0 } else { 20.0 },
                1 if !small && dtype == DType::I32 => [i32::MIN as f64, i32::MAX as f64, 65537.0][r.below(3)],
                _ => r.below(if small { 12 } else { 200 }) as f64 - if dtype == DType::U8 { 0.0 } else { 5.0 },
            });
        }
        s.output(out.unwrap_or(dtype), &[7, 91], Layout::RowMajor, &mut rng);
        s.attrs(&[3.0, 5.0].map(Attr::from)[..params]);
        s.check(kernel, 0.0, 0.0);
    }
}

macro_rules! all_integers {
    ($test:ident $make:ident $dtypes:expr, $out:expr, $small:expr; $($family:ident: $($op:ident)*;)*) => {
        #[test]
        fn $test() {
            $($({
                type Op = $family::$op::Op;
                integers(e::$make::<Op>(), <Op as Pointwise>::INS, <Op as Pointwise>::PARAMS, &$dtypes, $out, $small);
            })*)*
        }
    };
}
const NUMBERS: [DType; 3] = [DType::I32, DType::I64, DType::U8];
const BITS: [DType; 4] = [DType::I32, DType::I64, DType::U8, DType::Bool];
all_integers! { arithmetic_of_integers num NUMBERS, None, false;
    arith: add add_alpha sub sub_alpha mul trunc_div floor_div fmod remainder neg abs sign square minimum maximum fmin fmax clamp
        clamp_min clamp_max clamp_tensor addcmul heaviside;
    activation: relu hardtanh threshold;
}
all_integers! { powers_of_integers num [DType::I32, DType::U8], None, true; exponential: pow pow_scalar cube; }
all_integers! { bits bits BITS, None, false; bitwise: bitwise_and bitwise_or bitwise_xor bitwise_not; }
all_integers! { shifts_and_divisors bits [DType::I32, DType::U8], None, true;
    bitwise: bitwise_left_shift bitwise_right_shift gcd lcm;
}
all_integers! { questions_about_integers compare BITS, Some(DType::Bool), false;
    compare: lt le gt ge eq ne isnan isinf isfinite isposinf isneginf signbit logical_and logical_or logical_xor logical_not;
}

#[test]
fn in_place_and_broadcast() {
    let mut rng = Rng(3);
    for layout in [Layout::RowMajor, Layout::At(4), Layout::At(5), Layout::Scattered] {
        for shape in [&[] as &[usize], &[1], &[9], &[4, 6], &[3, 5, 7]] {
            let mut s = Scene::default();
            s.output(DType::F32, shape, layout, &mut rng);
            let out = s.outs[0].clone();
            s.ins.push(out.clone());
            s.input(DType::F32, shape, Layout::Broadcast, &mut rng, |r| r.float());
            s.check(e::num::<arith::sub::Op>(), 0.0, 0.0);
            s.ins[1] = out;
            s.check(e::num::<arith::add::Op>(), 0.0, 0.0);
        }
    }
    // Operands of fewer dimensions, and a number that lies in the output's own memory.
    let mut s = Scene::default();
    s.input(DType::F32, &[3, 1], Layout::RowMajor, &mut rng, |r| r.float());
    s.input(DType::F32, &[5], Layout::RowMajor, &mut rng, |r| r.float());
    s.output(DType::F32, &[3, 5], Layout::RowMajor, &mut rng);
    s.check(e::num::<arith::mul::Op>(), 0.0, 0.0);
}

#[test]
fn the_gpu_says_what_it_lacks() {
    on_each(|_| assert!(lacks(e::bits::<bitwise::gcd::Op>(), DType::F64)));
}
