//! The largest error of every mathematical function in units in the last place (ulp), beside PyTorch's:
//!
//! ```text
//! cargo nextest run -p cresset-lane --test ulp --no-capture                     prints the table
//! ULP_STEP=1 cargo nextest run --cargo-profile release -p cresset-lane --test ulp  looks at every float32 there is
//! ULP_POINTS=FILE cargo nextest run ...                                         more points for float64 (measure.py --points)
//! ```
//!
//! ulp/measure.py wrote what is compared with: PyTorch's own errors (pytorch.txt), mpmath's values (points.txt) and
//! PyTorch's results at infinities, zeros and NaN (edges.txt). float32 runs through the loop that tensors run through, and is
//! compared with the standard library's float64; float64, and what the library lacks, with mpmath's values.

use cresset_lane::DType;
use cresset_lane::expr::{NumOp, RealOp, Row, activation, arith, exponential, special, trig};
use cresset_lane::row::{MAX_INS, MAX_PARAMS};

/// Below this nothing is asked for: a result rounded once from float64 has 0.5 and little more.
const ROUNDED: f64 = 0.51;
/// What PyTorch's vector libraries (SLEEF's u10 functions, MKL's high accuracy) and glibc promise in float64.
const PROMISED: f64 = 1.0;

/// Two sweeps of one function do not find quite the same worst place.
const SAMPLED: f64 = 1.01;

/// One function: its loop, its parameters, the true value in float64 where the standard library can tell.
struct Function {
    name: &'static str,
    row: fn(DType) -> Row,
    params: &'static [f64],
    truth: Option<fn(f64, f64) -> f64>,
}

impl Function {
    /// Runs the loop over `xs` (and `ys`).
    fn run<T: Copy + Default>(&self, dtype: DType, xs: &[T], ys: &[T]) -> Vec<T> {
        let row = (self.row)(dtype);
        // The loop takes multiples of its width.
        let full = |v: &[T]| {
            let mut v = v.to_vec();
            v.resize(xs.len().next_multiple_of(row.width), T::default());
            v
        };
        let (count, xs, ys) = (xs.len(), full(xs), full(ys));
        let mut out = vec![T::default(); xs.len()];
        let mut params = [0.0; MAX_PARAMS];
        params[..self.params.len()].copy_from_slice(self.params);
        let mut ins = [xs.as_ptr().cast(); MAX_INS];
        ins[1] = ys.as_ptr().cast();
        unsafe { row.fill(out.as_mut_ptr().cast(), size_of_val(&out[..]), &ins, &params) };
        out.truncate(count);
        out
    }

    fn is_binary(&self) -> bool {
        BINARY.contains(&self.name)
    }

    /// What is lost where a result cancels is counted by the size of the operands.
    fn scale(&self, x: f64, y: f64) -> f64 {
        if self.name == "logaddexp" { x.abs().max(y.abs()) } else { 0.0 }
    }
}

const BINARY: [&str; 4] = ["pow", "atan2", "hypot", "logaddexp"];

/// The size of an ulp of a float with this many digits, this lowest exponent.
fn ulp(value: f64, digits: i32, lowest: i32) -> f64 {
    let exponent = ((value.abs().to_bits() >> 52) as i32 - 1023).max(lowest);
    let (a, b) = ((exponent - digits + 1) / 2, (exponent - digits + 1) - (exponent - digits + 1) / 2);
    2f64.powi(a) * 2f64.powi(b)
}

fn error32(got: f32, want: f64, scale: f64) -> f64 {
    let rounded = want as f32;
    if got == rounded || (got.is_nan() && rounded.is_nan()) {
        // The common case, and that of infinities.
        return if rounded.is_finite() {
            ((got as f64 - want) / ulp((rounded as f64).abs().max(scale), 24, -126)).abs()
        } else {
            0.0
        };
    }
    if !got.is_finite() || !rounded.is_finite() {
        return f64::INFINITY;
    }
    ((got as f64 - want) / ulp((rounded as f64).abs().max(scale), 24, -126)).abs()
}

/// The largest error so far and where it was.
#[derive(Clone, Copy, Default)]
struct Worst(f64, f64, f64);

impl Worst {
    fn see(&mut self, error: f64, x: f64, y: f64) {
        // The second condition is that of NaN, which no comparison finds.
        if error > self.0 || error.is_nan() {
            *self = Worst(if error.is_nan() { f64::INFINITY } else { error }, x, y);
        }
    }
}

/// float32 in the order of numbers.
fn key(v: f32) -> i64 {
    let bits = v.to_bits() as i32;
    if bits >= 0 { bits as i64 } else { -((bits & i32::MAX) as i64) }
}
fn of_key(k: i64) -> f32 {
    f32::from_bits(if k >= 0 { k as u32 } else { (-k) as u32 | 1 << 31 })
}

/// The arguments of a section: every `step`th float32, and the middle linearly.
fn arguments(low: f32, high: f32) -> Box<dyn Iterator<Item = f32>> {
    let step = std::env::var("ULP_STEP").map_or(6007, |s| s.parse().expect("ULP_STEP is a number"));
    let (a, b) = (key(low), key(high));
    let (from, to) = (low.max(-20.0), high.min(20.0));
    let middle = (0..20_000).map(move |i| from + (to - from) * (i as f32 / 20_000.0));
    Box::new((a..=b).step_by(step).map(of_key).chain(middle.filter(move |x| (low..=high).contains(x))))
}

/// The pairs of measure.py.
fn pairs(name: &'static str) -> impl Iterator<Item = (f32, f32)> {
    (1..100_000).map(move |i| {
        let (u, v) = (i as f64 * 0.7548776662466927 % 1.0, i as f64 * 0.5698402909980532 % 1.0);
        let (x, y) = match name {
            "pow" => {
                let e = if i % 4 == 0 { (u - 0.5) * 0.01 } else { (2.0 * u - 1.0) * 127.0 };
                (e.exp2(), (2.0 * v - 1.0) * 147.0 / e)
            }
            "logaddexp" => {
                let x = (2.0 * u - 1.0) * 80.0;
                (x, x + (2.0 * v - 1.0) * 30.0)
            }
            _ => {
                let x = ((2.0 * u - 1.0) * 120.0).exp2() * if i % 3 == 0 { -1.0 } else { 1.0 };
                let y = ((2.0 * v - 1.0) * 120.0).exp2() * if i % 2 == 0 { -1.0 } else { 1.0 };
                (x, if i % 5 == 0 { x * (40.0 * v - 20.0).exp2() } else { y })
            }
        };
        (x as f32, y as f32)
    })
}

/// The float32 error over a section. Every chunk is computed a second time, each element at another place of its register
/// and between neighbours that take other branches: the bits have to be the same.
fn sweep(f: &Function, low: f32, high: f32) -> Worst {
    const CHUNK: usize = 4096;
    const STRANGERS: [f32; 7] = [f32::NAN, 3e30, -0.0, -1e-40, f32::INFINITY, 123456.0, -2.5];
    let mut all: Box<dyn Iterator<Item = (f32, f32)>> =
        if f.is_binary() { Box::new(pairs(f.name)) } else { Box::new(arguments(low, high).map(|x| (x, x))) };
    let mut worst = Worst::default();
    loop {
        let mut points: Vec<(f32, f32)> = all.by_ref().take(CHUNK).collect();
        if points.is_empty() {
            return worst;
        }
        let count = points.len();
        points.resize(count.next_multiple_of(4), (1.0, 1.0));
        let (xs, ys): (Vec<f32>, Vec<f32>) = points.iter().copied().unzip();
        let got = f.run(DType::F32, &xs, &ys);
        for i in 0..count {
            let (x, y) = (xs[i] as f64, ys[i] as f64);
            if let Some(truth) = f.truth {
                worst.see(error32(got[i], truth(x, y), f.scale(x, y)), x, y);
            }
        }
        // One in eight, each in the register i % 4, the rest strangers.
        let moved: Vec<usize> = (0..count).step_by(8).collect();
        let mut at_x: Vec<f32> = (0..moved.len() * 4).map(|i| STRANGERS[i % 7]).collect();
        let mut at_y: Vec<f32> = (0..moved.len() * 4).map(|i| STRANGERS[i % 5]).collect();
        for (slot, &i) in moved.iter().enumerate() {
            at_x[slot * 4 + slot % 4] = xs[i];
            at_y[slot * 4 + slot % 4] = ys[i];
        }
        let again = f.run(DType::F32, &at_x, &at_y);
        for (slot, &i) in moved.iter().enumerate() {
            let other = again[slot * 4 + slot % 4];
            assert!(
                other.to_bits() == got[i].to_bits() || other.is_nan() && got[i].is_nan(),
                "{}({:e}, {:e}) is {:e} between its neighbours and {other:e} elsewhere",
                f.name,
                xs[i],
                ys[i],
                got[i]
            );
        }
    }
}

fn fixture(name: &str) -> String {
    let path = match (name, std::env::var("ULP_POINTS")) {
        ("points.txt", Ok(path)) => path,
        _ => format!("{}/tests/ulp/{name}", env!("CARGO_MANIFEST_DIR")),
    };
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The lines of a fixture that are about a dtype and a function: (arguments and value as bits, what follows).
fn lines<'a>(text: &'a str, dtype: &str, f: &Function) -> Vec<(f64, f64, u64, Vec<&'a str>)> {
    let number = |s: &str| {
        let bits = u64::from_str_radix(s, 16).unwrap();
        if s.len() == 8 { f32::from_bits(bits as u32) as f64 } else { f64::from_bits(bits) }
    };
    let inputs = 1 + f.is_binary() as usize;
    text.lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|w| w[0] == dtype && w[1] == f.name)
        .map(|w| {
            let value = u64::from_str_radix(w[2 + inputs], 16).unwrap();
            (number(w[2]), number(w[1 + inputs]), value, w[3 + inputs..].to_vec())
        })
        .collect()
}

fn one(f: &Function, dtype: DType, x: f64, y: f64) -> f64 {
    match dtype {
        DType::F32 => f.run(dtype, &[x as f32; 4], &[y as f32; 4])[0] as f64,
        _ => f.run(dtype, &[x], &[y])[0],
    }
}

/// The error at mpmath's points between the bounds.
fn at_points(f: &Function, dtype: DType, low: f64, high: f64, text: &str) -> Worst {
    let (label, digits, lowest) = if dtype == DType::F32 { ("f32", 24, -126) } else { ("f64", 53, -1022) };
    let mut worst = Worst::default();
    for (x, y, value, rest) in lines(text, label, f) {
        if !f.is_binary() && !(low..=high).contains(&x) {
            continue;
        }
        let want = if dtype == DType::F32 { f32::from_bits(value as u32) as f64 } else { f64::from_bits(value) };
        let got = one(f, dtype, x, y);
        let error = if want.is_finite() && got.is_finite() {
            let (unit, counted) = (ulp(want, digits, lowest), ulp(want.abs().max(f.scale(x, y)), digits, lowest));
            ((got - want) / unit - rest[0].parse::<f64>().unwrap()).abs() * (unit / counted)
        } else if got == want || (got.is_nan() && want.is_nan()) {
            0.0
        } else {
            f64::INFINITY
        };
        worst.see(error, x, y);
    }
    worst
}

/// Where PyTorch's kernels give NaN for infinity, though it has the limits elsewhere (`special.i0e`, short tensors) and the
/// formulas say so: ours is the limit.
const LIMITS: [(&str, f64); 3] = [("gelu", f64::INFINITY), ("i0", f64::INFINITY), ("i0", f64::NEG_INFINITY)];

/// NaN where PyTorch gives NaN, its infinities and its zeros with their signs.
fn edges(f: &Function) {
    let text = fixture("edges.txt");
    for (label, dtype) in [("f32", DType::F32), ("f64", DType::F64)] {
        let found = lines(&text, label, f);
        assert!(found.len() > 20, "edges.txt knows little of {}", f.name);
        for (x, y, value, _) in found {
            let want = if dtype == DType::F32 { f32::from_bits(value as u32) as f64 } else { f64::from_bits(value) };
            let got = one(f, dtype, x, y);
            // At other arguments a kernel may over- or underflow earlier than the function does, as some of PyTorch's.
            let telling = [x, y].iter().all(|v| *v == 0.0 || !v.is_finite() || [1.0, 2.0, 3.0].contains(&v.abs()));
            let same = if want == 0.0 || !want.is_finite() {
                got == want && got.is_sign_negative() == want.is_sign_negative()
            } else {
                got.is_finite() && got != 0.0
            } || !telling && !got.is_nan() && !want.is_nan();
            if LIMITS.contains(&(f.name, x)) {
                assert!(got == f64::INFINITY, "{label} {}({x}) is {got}", f.name);
                continue;
            }
            assert!(
                same || got.is_nan() && want.is_nan(),
                "{label} {}({x:e}, {y:e}) is {got:e}, and {want:e} in PyTorch",
                f.name
            );
        }
    }
}

fn check(f: &Function) {
    edges(f);
    let (figures, points) = (fixture("pytorch.txt"), fixture("points.txt"));
    let mut sections = 0;
    let mut failures = vec![];
    for line in figures.lines().filter(|l| l.split(' ').next() == Some(f.name)) {
        let words: Vec<&str> = line.split(' ').collect();
        let [low, high, theirs32, theirs64] = [1, 2, 3, 5].map(|i| words[i].parse::<f64>().unwrap());
        let mut ours32 = sweep(f, low as f32, high as f32);
        let Worst(e, x, y) = at_points(f, DType::F32, low, high, &points);
        ours32.see(e, x, y);
        let ours64 = at_points(f, DType::F64, low, high, &points);
        sections += 1;
        println!(
            "{:<11} {low:>8} to {high:<8}  float32 {:>9.3} (PyTorch {theirs32:>9.3})  float64 {:>9.3} (PyTorch {theirs64:>9.3})",
            f.name, ours32.0, ours64.0
        );
        for (dtype, ours, bound) in [
            ("float32", ours32, (theirs32 * SAMPLED).max(ROUNDED)),
            ("float64", ours64, (theirs64 * SAMPLED).max(PROMISED)),
        ] {
            if ours.0 > bound {
                failures.push(format!(
                    "{dtype} {}({:e}, {:e}) is off by {:.3} ulp, not {bound}",
                    f.name, ours.1, ours.2, ours.0
                ));
            }
        }
    }
    assert!(sections > 0, "pytorch.txt does not know {}", f.name);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

macro_rules! functions {
    ($($name:ident: $trait:ident $op:path [$($p:expr),*] $(, $truth:expr)?;)*) => {$(
        #[test]
        fn $name() {
            use $op as op;
            #[allow(unused_mut, unused_assignments)]
            let mut truth: Option<fn(f64, f64) -> f64> = None;
            $( truth = Some($truth); )?
            check(&Function { name: stringify!($name), row: <op::Op as $trait>::row, params: &[$($p),*], truth });
        }
    )*};
}

fn sigma(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

functions! {
    exp: RealOp exponential::exp [], |x, _| x.exp();
    exp2: RealOp exponential::exp2 [], |x, _| x.exp2();
    expm1: RealOp exponential::expm1 [], |x, _| x.exp_m1();
    log: RealOp exponential::log [], |x, _| x.ln();
    log2: RealOp exponential::log2 [], |x, _| x.log2();
    log10: RealOp exponential::log10 [], |x, _| x.log10();
    log1p: RealOp exponential::log1p [], |x, _| x.ln_1p();
    sin: RealOp trig::sin [], |x, _| x.sin();
    cos: RealOp trig::cos [], |x, _| x.cos();
    tan: RealOp trig::tan [], |x, _| x.tan();
    asin: RealOp trig::asin [], |x, _| x.asin();
    acos: RealOp trig::acos [], |x, _| x.acos();
    atan: RealOp trig::atan [], |x, _| x.atan();
    sinh: RealOp trig::sinh [], |x, _| x.sinh();
    cosh: RealOp trig::cosh [], |x, _| x.cosh();
    tanh: RealOp trig::tanh [], |x, _| x.tanh();
    asinh: RealOp trig::asinh [], |x, _| {
        if x.is_infinite() { x } else { (x.abs() + x * x / (1.0 + (x * x + 1.0).sqrt())).ln_1p().copysign(x) }
    };
    acosh: RealOp trig::acosh [], |x, _| (x - 1.0 + ((x - 1.0) * (x + 1.0)).sqrt()).ln_1p();
    atanh: RealOp trig::atanh [], |x, _| 0.5 * (2.0 * x / (1.0 - x)).ln_1p();
    sigmoid: RealOp exponential::sigmoid [], |x, _| sigma(x);
    erf: RealOp special::erf [], |x, _| libm::erf(x);
    erfc: RealOp special::erfc [], |x, _| libm::erfc(x);
    erfinv: RealOp special::erfinv [];
    sqrt: RealOp exponential::sqrt [], |x, _| x.sqrt();
    rsqrt: RealOp exponential::rsqrt [], |x, _| 1.0 / x.sqrt();
    lgamma: RealOp special::lgamma [];
    digamma: RealOp special::digamma [];
    i0: RealOp special::i0 [];
    gelu: RealOp activation::gelu [], |x, _| 0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
    gelu_tanh: RealOp activation::gelu_tanh [], |x, _| {
        x * sigma(2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x))
    };
    softplus: RealOp activation::softplus [1.0, 20.0], |x, _| if x > 20.0 { x } else { x.exp().ln_1p() };
    silu: RealOp activation::silu [], |x, _| x * sigma(x);
    mish: RealOp activation::mish [], |x, _| {
        let e = x.min(40.0).exp();
        x * (e * (e + 2.0) / (e * (e + 2.0) + 2.0))
    };
    logsigmoid: RealOp activation::logsigmoid [], |x, _| x.min(0.0) - (-x.abs()).exp().ln_1p();
    pow: NumOp exponential::pow [], |x, y| x.powf(y);
    atan2: RealOp trig::atan2 [], |y, x| y.atan2(x);
    hypot: RealOp arith::hypot [], |x, y| x.hypot(y);
    logaddexp: RealOp exponential::logaddexp [], |x, y| x.max(y) + (-(x - y).abs()).exp().ln_1p();
}
