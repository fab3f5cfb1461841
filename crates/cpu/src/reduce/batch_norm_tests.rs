//! Batch normalisation against its definition in float64.

use super::{BATCH_NORM, BATCH_NORM_BACKWARD};
use crate::Attr;
use crate::launch::View;
use crate::number::Float;
use crate::testing::{Arr, Rng, close, indices, run};

/// Elements of `[sets, lines, len]` in memory where the lines of a set come after those of the next ones, or not, and with gaps.
fn elements<T: Float>(rng: &mut Rng, shape: [usize; 3], gap: usize, by_line: bool) -> Arr<T> {
    let [sets, lines, len] = shape;
    let line = (len + gap) as isize;
    let strides = if by_line { [lines as isize * line, line, 1] } else { [line, sets as isize * line, 1] };
    let mut x = Arr { memory: vec![T::ZERO; sets * lines * (len + gap) + 1], ..Arr::zeros(&shape) };
    x.strides = strides.to_vec();
    indices(&shape).iter().for_each(|i| x.set(i, T::of(rng.float() + (i[0] % 3) as f64)));
    x
}

fn numbers<T: Float>(rng: &mut Rng, shape: [usize; 2]) -> Arr<T> {
    Arr::random(rng, &shape, |r| T::of(r.float() + 1.5))
}

struct Case<T> {
    x: Arr<T>,
    g: Arr<T>,
    given: Option<[Arr<T>; 2]>,
    weight: Option<Arr<T>>,
    bias: Option<Arr<T>>,
    /// Weights of a set.
    params: usize,
    eps: f64,
}

struct Results<T> {
    y: Arr<T>,
    mean: Arr<T>,
    rstd: Arr<T>,
    variance: Arr<T>,
    dweight: Arr<T>,
    dbias: Arr<T>,
    dx: Arr<T>,
}

impl<T: Float> Case<T> {
    fn run(&self, rng: &mut Rng) -> Results<T> {
        let sets = self.x.shape[0];
        let [y, dx] = [(); 2].map(|_| {
            let mut out = Arr { memory: vec![T::ZERO; self.x.memory.len()], ..Arr::zeros(&self.x.shape) };
            out.strides = self.x.strides.clone();
            out
        });
        let [mean, rstd, variance] = [(); 3].map(|_| Arr::<T>::zeros(&[sets, 1]));
        let [dweight, dbias] = [(); 2].map(|_| Arr::<T>::scattered(rng, &[sets, self.params]));
        let given = self.given.as_ref().map(|given| given.each_ref().map(Arr::view));
        let mut ins = vec![self.x.view()];
        ins.extend(given.iter().flatten());
        ins.extend([&self.weight, &self.bias].into_iter().flatten().map(Arr::view));
        let attrs: [Attr; 4] =
            [self.eps.into(), given.is_some().into(), self.weight.is_some().into(), self.bias.is_some().into()];
        run(BATCH_NORM, &[&y, &mean, &rstd, &variance].map(Arr::view), &ins, &attrs);
        let mut ins: Vec<View> = [&self.g, &self.x, &mean, &rstd].map(Arr::view).to_vec();
        ins.extend(self.weight.iter().map(Arr::view));
        run(BATCH_NORM_BACKWARD, &[&dweight, &dbias, &dx].map(Arr::view), &ins, &[given.is_some().into(), true.into()]);
        Results { y, mean, rstd, variance, dweight, dbias, dx }
    }

    /// Compares with the definition; `tol` is relative to one or the value.
    fn check(&self, rng: &mut Rng, tol: f64) {
        let got = self.run(rng);
        let (lines, len) = (self.x.shape[1], self.x.shape[2]);
        let n = (lines * len) as f64;
        for set in 0..self.x.shape[0] {
            let at = |a: &Arr<T>, i: usize| a.get(&[set, i / len, i % len]).to_f64();
            let total = |f: &dyn Fn(usize) -> f64| (0..lines * len).map(f).sum::<f64>();
            let x = |i: usize| at(&self.x, i);
            let param = |a: &Option<Arr<T>>, i: usize, none: f64| {
                a.as_ref().map_or(none, |a| a.get(&[set, if self.params == 1 { 0 } else { i / len }]).to_f64())
            };
            let (m, v) = match &self.given {
                Some([m, v]) => (m.get(&[set, 0]).to_f64(), v.get(&[set, 0]).to_f64()),
                None => {
                    let m = total(&x) / n;
                    (m, total(&|i| (x(i) - m).powi(2)) / n)
                }
            };
            let r = 1.0 / (v + self.eps).sqrt();
            close(got.mean.get(&[set, 0]).to_f64(), m, tol);
            close(got.variance.get(&[set, 0]).to_f64() / v.max(1e-3), v / v.max(1e-3), tol);
            close(got.rstd.get(&[set, 0]).to_f64() / r, 1.0, tol);
            let h = |i: usize| at(&self.g, i) * param(&self.weight, i, 1.0);
            let z = |i: usize| (x(i) - m) * r;
            let (a, b) = (total(&h) / n, total(&|i| h(i) * z(i)) / n);
            let own = if self.given.is_some() { 0.0 } else { 1.0 };
            let scale = 1.0 + (m * r).abs(); // digits that go in x * a - mean * a
            for i in 0..lines * len {
                let y = z(i) * param(&self.weight, i, 1.0) + param(&self.bias, i, 0.0);
                close(at(&got.y, i) / scale, y / scale, 2.0 * tol);
                close(
                    at(&got.dx, i) / scale / r.max(1.0),
                    (h(i) - own * (a + z(i) * b)) * r / scale / r.max(1.0),
                    2.0 * tol,
                );
            }
            for k in 0..self.params {
                let own = |i: usize| if self.params == 1 || i / len == k { at(&self.g, i) } else { 0.0 };
                let sums = |got: &Arr<T>, f: &dyn Fn(usize) -> f64| {
                    // The mean that is subtracted was rounded.
                    let size = (total(&|i| own(i).abs()) * scale).max(1.0);
                    close(got.get(&[set, k]).to_f64() / size, total(f) / size, tol);
                };
                sums(&got.dbias, &own);
                sums(&got.dweight, &|i| own(i) * z(i));
            }
        }
    }
}

fn cases<T: Float>(tol: f64) {
    let mut rng = Rng(41);
    let shapes = [
        [3, 2, 1],
        [1, 70, 1],
        [16, 40, 1],
        [37, 5, 1],
        [5, 21, 1],
        [2, 3, 7],
        [3, 4, 16],
        [4, 1, 49],
        [2, 5, 100],
        [1, 3, 1500],
        [0, 2, 9],
    ];
    for (index, shape) in shapes.into_iter().enumerate() {
        for variant in 0..16 {
            let [given, weighted, biased, by_line] = [1, 2, 4, 8].map(|bit| variant & bit != 0);
            let params = if by_line { shape[1] } else { 1 };
            let mut param = |there: bool| there.then(|| numbers::<T>(&mut rng, [shape[0], params]));
            let (weight, bias) = (param(weighted), param(biased));
            let given = given.then(|| [numbers(&mut rng, [shape[0], 1]), numbers(&mut rng, [shape[0], 1])]);
            let [x, g] = [(); 2].map(|_| elements(&mut rng, shape, if shape[2] == 1 { 0 } else { index % 2 }, by_line));
            Case { x, g, given, weight, bias, params, eps: 0.1 }.check(&mut rng, tol);
        }
    }
}

#[test]
fn forward_and_backward() {
    cases::<f64>(1e-13);
    cases::<f32>(1e-6);
}

fn plain(x: Arr<f32>, eps: f64) -> Case<f32> {
    let mut rng = Rng(61);
    let g = Arr {
        memory: x.memory.iter().map(|_| rng.float() as f32).collect(),
        strides: x.strides.clone(),
        ..Arr::zeros(&x.shape)
    };
    Case { x, g, given: None, weight: None, bias: None, params: 1, eps }
}

#[test]
fn a_variance_keeps_its_digits() {
    let mut rng = Rng(43);
    for (shape, early) in [([2, 6, 300], 256), ([3, 20_000, 1], 16)] {
        // Far from zero; and where what comes first is far from the rest.
        for (offset, first) in [(3000.0, 0), (0.0, early)] {
            let mut x = elements::<f32>(&mut rng, shape, 0, false);
            for i in indices(&shape) {
                let is_first = i[1] * shape[2] + i[2] < first;
                x.set(&i, (rng.float() + offset) as f32 + if is_first { 400.0 } else { 0.0 });
            }
            plain(x, 0.0).check(&mut rng, 2e-6);
        }
        let mut same = elements::<f32>(&mut rng, shape, 0, false);
        same.memory.fill(0.1);
        let got = plain(same, 1e-5).run(&mut rng);
        assert!(got.variance.values().iter().all(|&v| v == 0.0) && got.mean.values().iter().all(|&m| m == 0.1));
    }
}

#[test]
fn long_sums_keep_their_digits() {
    let x = Arr::<f32> { memory: vec![0.1; 1 << 21], ..Arr::zeros(&[1, 2, 1 << 20]) };
    let g = Arr { memory: x.memory.clone(), ..Arr::zeros(&x.shape) };
    let got = Case { g, ..plain(x, 1.0) }.run(&mut Rng(1));
    close(got.dbias.memory[0] as f64, 0.1f32 as f64 * (1 << 21) as f64, 1e-6);
}

#[test]
fn what_is_not_finite_stays_in_its_set() {
    for shape in [[18, 3, 20], [18, 60, 1]] {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut x = elements::<f32>(&mut Rng(47), shape, 0, false);
            x.set(&[17, 2, 0], bad);
            let got = plain(x, 1e-5).run(&mut Rng(1));
            for i in indices(&shape) {
                let (y, dx) = (got.y.get(&i), got.dx.get(&i));
                assert!(if i[0] == 17 { y.is_nan() && dx.is_nan() } else { y.is_finite() && dx.is_finite() }, "{i:?}");
            }
        }
    }
}

/// Given statistics are no functions of the input: what is infinite in it has no part in its gradient.
#[test]
fn given_statistics_keep_the_input_out_of_its_gradient() {
    let mut x = elements::<f32>(&mut Rng(53), [2, 1, 20], 0, false);
    let g = elements::<f32>(&mut Rng(59), [2, 1, 20], 0, false);
    x.memory[3] = f32::INFINITY;
    let given = Some([(); 2].map(|_| Arr { memory: vec![1.0; 2], ..Arr::zeros(&[2, 1]) }));
    let got = Case { x, g, given, ..plain(elements(&mut Rng(1), [2, 1, 20], 0, false), 0.0) }.run(&mut Rng(1));
    assert_eq!(got.dx.memory[..40], elements::<f32>(&mut Rng(59), [2, 1, 20], 0, false).memory[..40]);
    assert!(got.dweight.get(&[0, 0]) == f32::INFINITY || got.dweight.get(&[0, 0]) == f32::NEG_INFINITY);
    assert!(got.dweight.get(&[1, 0]).is_finite());
}
