//! Every derivative against central differences in float64, away from kinks, and against its recorded program; choices
//! at kinks.

use super::*;
use crate::num::{Program, Step, record_derivative, record_real};

/// The derivative's value for an incoming gradient of `g`.
fn derive<D: Derivative>(g: f64, x: &[f64], out: f64, p: &[f64]) -> f64 {
    let mut operands = vec![g];
    operands.extend(D::SLOTS.iter().map(|s| match *s {
        Slot::In(i) => x[i],
        Slot::Out => out,
    }));
    let value = D::eval(&operands, p);
    if D::EXISTS {
        let recorded = interpret(&record_derivative::<D>(), &operands, p);
        assert_eq!(value.to_bits(), recorded.to_bits(), "{}: {value} and {recorded} as recorded", D::NAME);
    }
    value
}

/// What a recorded program computes.
fn interpret(program: &Program, x: &[f64], p: &[f64]) -> f64 {
    let (mut numbers, mut masks) = (vec![0.0; program.steps.len()], vec![false; program.steps.len()]);
    for (i, step) in program.steps.iter().enumerate() {
        match *step {
            Step::Input(k) => numbers[i] = x[k],
            Step::Param(k) => numbers[i] = p[k],
            Step::Lit(v) => numbers[i] = v,
            Step::Unary(f, a) => numbers[i] = f.on_f64(numbers[a]),
            Step::Binary(f, a, b) => numbers[i] = f.on_f64(numbers[a], numbers[b]),
            Step::Compare(f, a, b) => masks[i] = f.on_f64(numbers[a], numbers[b]),
            Step::Test(f, a) => masks[i] = f.on_f64(numbers[a]),
            Step::MaskAnd(a, b) => masks[i] = masks[a] & masks[b],
            Step::MaskOr(a, b) => masks[i] = masks[a] | masks[b],
            Step::MaskXor(a, b) => masks[i] = masks[a] ^ masks[b],
            Step::MaskNot(a) => masks[i] = !masks[a],
            Step::Select(m, a, b) => numbers[i] = if masks[m] { numbers[a] } else { numbers[b] },
        }
    }
    numbers[program.result]
}

fn check<P: Pointwise>(eval: fn(&[f64], &[f64]) -> f64, points: &[&[f64]], p: &[f64]) {
    assert_eq!(p.len(), P::PARAMS, "{}", P::NAME);
    let mut checked = 0;
    for x in points {
        assert_eq!(x.len(), P::INS, "{}", P::NAME);
        let out = eval(x, p);
        for i in 0..P::INS.min(3) {
            let (exists, got) = match i {
                0 => (P::D0::EXISTS, derive::<P::D0>(1.25, x, out, p)),
                1 => (P::D1::EXISTS, derive::<P::D1>(1.25, x, out, p)),
                _ => (P::D2::EXISTS, derive::<P::D2>(1.25, x, out, p)),
            };
            if !exists {
                continue;
            }
            let h = 1e-5 * x[i].abs().max(0.1);
            let shifted = |by: f64| {
                let mut y = x.to_vec();
                y[i] += by;
                eval(&y, p)
            };
            let want = 1.25 * (shifted(h) - shifted(-h)) / (2.0 * h);
            let scale = want.abs().max(1e-2);
            assert!((got - want).abs() <= 2e-6 * scale, "{} by input {i} at {x:?}: {got}, not {want}", P::NAME);
            checked += 1;
        }
    }
    assert!(checked > 0, "{} has no derivative to check", P::NAME);
}

macro_rules! derivatives {
    ($($test:ident, $trait:ident { $($op:path $(: $points:expr)? $(; $params:expr)?),* $(,)? } else $default:expr;)*) => {$(
        #[test]
        fn $test() {
            $({
                use $op as op;
                #[allow(unused_mut, unused_assignments)]
                let mut points: Vec<&[f64]> = { let d: &[&[f64]] = $default; d.to_vec() };
                $( points = { let d: &[&[f64]] = $points; d.to_vec() }; )?
                #[allow(unused_mut, unused_assignments)]
                let mut params: Vec<f64> = vec![];
                $( params = $params.to_vec(); )?
                check::<op::Op>(<op::Op as $trait>::eval::<f64>, &points, &params);
            })*
        }
    )*};
}

/// Points on both sides of 0, none of them a kink.
const LINE: &[&[f64]] = &[&[0.3], &[-0.7], &[1.9], &[-2.6], &[3.4], &[-4.6]];
const POSITIVE: &[&[f64]] = &[&[0.2], &[0.9], &[1.7], &[5.0]];
const INNER: &[&[f64]] = &[&[0.3], &[-0.7], &[0.9], &[-0.05]];
const UNIT: &[&[f64]] = &[&[0.3], &[0.7], &[0.9], &[0.05]];
const PLANE: &[&[f64]] = &[&[0.3, 1.7], &[-0.7, 2.6], &[1.9, -0.4], &[-2.6, -3.1]];
const QUADRANT: &[&[f64]] = &[&[0.3, 1.7], &[0.7, 2.6], &[1.9, 0.4]];
const SPACE: &[&[f64]] = &[&[0.3, 1.7, 0.8], &[-0.7, 2.6, -1.5], &[1.9, -0.4, 2.2], &[5.0, -1.0, 2.0]];

derivatives! {
    unary_arithmetic, NumOp {
        arith::neg, arith::abs, arith::square, arith::sign,
        arith::clamp; [-1.0, 2.0], arith::clamp_min; [0.5], arith::clamp_max; [0.5],
        activation::relu, activation::hardtanh; [-1.0, 2.0], activation::threshold; [0.5, -3.0],
        exponential::cube, exponential::pow_scalar: POSITIVE; [2.3],
    } else LINE;
    unary_functions, RealOp {
        arith::reciprocal, arith::deg2rad, arith::rad2deg, arith::angle, arith::nan_to_num; [0.0, 1.0, -1.0],
        exponential::exp, exponential::exp2, exponential::expm1, exponential::sigmoid,
        exponential::pow_of; [1.7],
        exponential::log: POSITIVE, exponential::log2: POSITIVE, exponential::log10: POSITIVE,
        exponential::log1p: POSITIVE, exponential::sqrt: POSITIVE, exponential::rsqrt: POSITIVE,
        exponential::entr: POSITIVE, exponential::logit: UNIT, exponential::logit_eps: UNIT; [0.01],
        trig::sin, trig::cos, trig::tan, trig::atan, trig::sinh, trig::cosh, trig::tanh, trig::asinh, trig::sinc,
        trig::asin: INNER, trig::acos: INNER, trig::atanh: INNER, trig::acosh: &[&[1.2], &[3.0]],
        rounding::floor, rounding::ceil, rounding::round, rounding::trunc, rounding::frac,
        rounding::round_finer; [10.0], rounding::round_coarser; [10.0],
        special::erf, special::erfc, special::erfcx: INNER, special::erfinv: INNER, special::ndtr,
        special::ndtri: UNIT, special::log_ndtr, special::lgamma, special::digamma, special::polygamma: POSITIVE; [2.0],
        special::i0, special::i0e, special::i1, special::i1e,
        activation::leaky_relu; [0.1], activation::elu; [1.3, 1.1, 0.7], activation::gelu, activation::gelu_tanh,
        activation::silu, activation::mish, activation::softplus; [1.5, 4.0], activation::logsigmoid,
        activation::softsign, activation::hardshrink; [0.5], activation::softshrink; [0.5], activation::tanhshrink,
        activation::hardsigmoid, activation::hardswish, loss::stirling,
    } else LINE;
    binary_arithmetic, NumOp {
        arith::add, arith::sub, arith::mul, arith::add_alpha; [2.0], arith::sub_alpha; [2.0],
        arith::fmod, arith::remainder, arith::trunc_div, arith::floor_div,
        arith::minimum, arith::maximum, arith::fmin, arith::fmax,
        arith::clamp_min_tensor, arith::clamp_max_tensor, exponential::pow: QUADRANT,
    } else PLANE;
    binary_functions, RealOp {
        arith::div, arith::hypot, arith::copysign, arith::lerp_scalar; [0.7],
        exponential::logaddexp, exponential::logaddexp2, exponential::xlogy: QUADRANT, exponential::xlog1py: QUADRANT,
        trig::atan2, activation::prelu,
        special::igamma: QUADRANT, special::igammac: QUADRANT, special::zeta: &[&[2.5, 0.7], &[1.2, 3.0]],
        loss::mse, loss::l1, loss::smooth_l1; [1.5], loss::huber; [1.5], loss::bce: &[&[0.3, 0.8], &[0.9, 0.1]],
        loss::bce_with_logits, loss::kl_div: QUADRANT, loss::kl_div_log,
        loss::poisson_nll_log, loss::poisson_nll: QUADRANT; [0.1], loss::soft_margin,
        loss::hinge_embedding: &[&[0.3, 1.0], &[0.4, -1.0], &[1.5, -1.0], &[0.4, 0.5]]; [1.0],
    } else PLANE;
    ternary, RealOp {
        arith::lerp, arith::addcdiv; [1.5], loss::bce_with_logits_pos,
        loss::gaussian_nll: &[&[0.3, 1.7, 0.8], &[-0.7, 2.6, 1.5]], loss::margin_ranking; [0.5],
    } else SPACE;
    ternary_arithmetic, NumOp {
        arith::addcmul; [1.5], arith::clamp_tensor,
    } else SPACE;
}

fn at<D: Derivative>(x: &[f64], out: f64, p: &[f64]) -> f64 {
    derive::<D>(1.0, x, out, p)
}

#[test]
fn choices_at_kinks_are_pytorchs() {
    assert_eq!(at::<<arith::abs::Op as Pointwise>::D0>(&[0.0], 0.0, &[]), 0.0);
    assert_eq!(at::<<arith::maximum::Op as Pointwise>::D0>(&[2.0, 2.0], 2.0, &[]), 0.5);
    assert_eq!(at::<<arith::clamp::Op as Pointwise>::D0>(&[1.0], 1.0, &[1.0, 2.0]), 1.0);
    assert_eq!(at::<<activation::hardtanh::Op as Pointwise>::D0>(&[1.0], 1.0, &[-1.0, 1.0]), 0.0);
    assert_eq!(at::<<activation::relu::Op as Pointwise>::D0>(&[0.0], 0.0, &[]), 0.0);
    assert_eq!(at::<<exponential::pow_scalar::Op as Pointwise>::D0>(&[0.0], 1.0, &[0.0]), 0.0);
    assert_eq!(at::<<exponential::pow::Op as Pointwise>::D1>(&[0.0, 2.0], 0.0, &[]), 0.0);
    assert_eq!(at::<<exponential::xlogy::Op as Pointwise>::D0>(&[0.0, 0.0], 0.0, &[]), 0.0);
    assert_eq!(at::<<trig::sinc::Op as Pointwise>::D0>(&[0.0], 1.0, &[]), 0.0);
}

#[test]
fn values_at_edges() {
    let real = |f: fn(&[f64], &[f64]) -> f64, x: &[f64], p: &[f64]| f(x, p);
    assert_eq!(real(exponential::xlogy::Op::eval, &[0.0, 0.0], &[]), 0.0);
    assert!(real(exponential::xlogy::Op::eval, &[0.0, f64::NAN], &[]).is_nan());
    assert_eq!(real(exponential::logaddexp::Op::eval, &[f64::INFINITY, f64::INFINITY], &[]), f64::INFINITY);
    assert_eq!(real(exponential::entr::Op::eval, &[-1.0], &[]), f64::NEG_INFINITY);
    assert_eq!(real(arith::remainder::Op::eval, &[-1.0, 3.0], &[]), 2.0);
    assert_eq!(real(arith::floor_div::Op::eval, &[-1.0, 3.0], &[]), -1.0);
    assert_eq!(real(arith::floor_div::Op::eval, &[1.0, 0.1], &[]), 9.0);
    assert_eq!(real(loss::bce::Op::eval, &[0.0, 1.0], &[]), 100.0);
    assert!(real(arith::maximum::Op::eval, &[f64::NAN, 1.0], &[]).is_nan());
    assert_eq!(real(arith::fmax::Op::eval, &[f64::NAN, 1.0], &[]), 1.0);
    let int = |f: fn(&[std::num::Wrapping<i64>], &[std::num::Wrapping<i64>]) -> std::num::Wrapping<i64>, a, b| {
        f(&[std::num::Wrapping(a), std::num::Wrapping(b)], &[]).0
    };
    assert_eq!(int(arith::floor_div::Op::eval, -7, 2), -4);
    assert_eq!(int(arith::remainder::Op::eval, -7, 2), 1);
    assert_eq!(int(arith::fmod::Op::eval, -7, 2), -1);
    assert_eq!(int(arith::trunc_div::Op::eval, 1, 0), 0);
    assert_eq!(int(arith::floor_div::Op::eval, i64::MIN, -1), i64::MIN);
    assert_eq!(int(exponential::pow::Op::eval, -1, -3), -1);
    assert_eq!(int(exponential::pow::Op::eval, 3, 4), 81);
    assert_eq!(int(bitwise::bitwise_left_shift::Op::eval, 1, 64), 0);
    assert_eq!(int(bitwise::bitwise_right_shift::Op::eval, -8, 70), -1);
    assert_eq!(int(bitwise::lcm::Op::eval, 4, -6), 12);
    assert_eq!(int(bitwise::gcd::Op::eval, 0, 0), 0);
}

#[test]
fn programs_bind_every_step_once() {
    let program = record_real::<activation::hardshrink::Op>();
    let compares = program.steps.iter().filter(|s| matches!(s, Step::Compare(..))).count();
    assert_eq!(compares, 2);
    for (i, step) in program.steps.iter().enumerate() {
        assert!(!program.steps[..i].contains(step), "{step:?} is written twice");
    }
    assert!(matches!(program.steps[program.result], Step::Select(..)));

    // out * (1 - out) * g: the slots follow the gradient.
    let program = record_derivative::<<exponential::sigmoid::Op as Pointwise>::D0>();
    assert_eq!(program.steps[..2], [Step::Input(0), Step::Input(1)]);
    assert_eq!(<<exponential::sigmoid::Op as Pointwise>::D0 as Derivative>::SLOTS, [Slot::Out]);
}
