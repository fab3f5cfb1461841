//! Batch normalisation in all the forms that batch, instance and group normalisation launch it in.

use cresset_cpu::reduce::{BATCH_NORM, BATCH_NORM_BACKWARD};
use cresset_lane::{Attr, DType};

use crate::Kernel;
use crate::testing::{Layout, Operand, Rng, Scene, on_each};

/// Elements of `[sets, lines, len]`, in memory where the lines of a set follow each other or those of all sets alternate.
fn elements(
    s: &mut Scene,
    shape: [usize; 3],
    by_line: bool,
    rng: &mut Rng,
    value: &mut dyn FnMut(&mut Rng) -> f64,
) -> Operand {
    let [sets, lines, len] = shape;
    if by_line {
        return s.operand(DType::F32, &shape, Layout::At(3), rng, value);
    }
    let mut o = s.operand(DType::F32, &[lines, sets, len], Layout::At(5), rng, value);
    o.shape.swap(0, 1);
    o.strides.swap(0, 1);
    o
}

/// How many kernels a launch takes.
fn dispatches(s: &Scene, kernel: cresset_cpu::Kernel) -> Vec<u64> {
    let counts = std::cell::RefCell::new(Vec::new());
    on_each(|gpu| {
        let before = gpu.counters();
        s.on_gpu(gpu, Kernel { name: kernel.name, program: None, demand: None }).unwrap();
        counts.borrow_mut().push((gpu.counters() - before).dispatches);
    });
    counts.into_inner()
}

struct Case {
    shape: [usize; 3],
    by_line: bool,
    given: bool,
    weight: bool,
    bias: bool,
    eps: f64,
    tolerance: f64,
}

impl Case {
    fn forward(&self, rng: &mut Rng, value: &mut dyn FnMut(&mut Rng) -> f64) {
        let [sets, lines, _] = self.shape;
        let params = if self.by_line { lines } else { 1 };
        let mut s = Scene::default();
        let x = elements(&mut s, self.shape, self.by_line, rng, value);
        s.ins.push(x);
        for _ in 0..2 * self.given as usize {
            s.input(DType::F32, &[sets, 1], Layout::RowMajor, rng, |r| 1.5 + r.float());
        }
        for _ in 0..self.weight as usize + self.bias as usize {
            s.input(DType::F32, &[sets, params], Layout::Scattered, rng, |r| 1.5 + r.float());
        }
        let y = elements(&mut s, self.shape, self.by_line, rng, &mut |_| 7.0);
        s.outs.push(y);
        for _ in 0..3 {
            s.output(DType::F32, &[sets, 1], Layout::RowMajor, rng);
        }
        s.attrs(&[Attr::from(self.eps), Attr::from(self.given), Attr::from(self.weight), Attr::from(self.bias)]);
        s.check(BATCH_NORM, self.tolerance, self.tolerance);
    }

    fn backward(&self, rng: &mut Rng, wanted: bool, dx: bool) {
        let [sets, lines, len] = self.shape;
        let params = if self.by_line { lines } else { 1 };
        let mut s = Scene::default();
        for _ in 0..2 {
            let o = elements(&mut s, self.shape, self.by_line, rng, &mut |r| r.float());
            s.ins.push(o);
        }
        s.input(DType::F32, &[sets, 1], Layout::RowMajor, rng, |r| r.float() * 0.1);
        s.input(DType::F32, &[sets, 1], Layout::RowMajor, rng, |r| 1.5 + r.float());
        if self.weight {
            s.input(DType::F32, &[sets, params], Layout::Scattered, rng, |r| 1.5 + r.float());
        }
        for _ in 0..2 {
            s.output(DType::F32, &[sets, params], Layout::RowMajor, rng);
        }
        if dx {
            let o = elements(&mut s, self.shape, self.by_line, rng, &mut |_| 7.0);
            s.outs.push(o);
        }
        s.attrs(&[Attr::from(self.given), Attr::from(wanted)]);
        // Sums grow with the root of what is summed, and their errors likewise.
        let sums = ((lines * len) as f64).sqrt();
        s.check(BATCH_NORM_BACKWARD, self.tolerance, self.tolerance * sums.max(1.0));
    }
}

/// Few and many sets, short and long, with sets side by side and not, and such as are cut into parts.
const SHAPES: [[usize; 3]; 13] = [
    [3, 2, 1],
    [1, 70, 1],
    [37, 5, 1],
    [40, 33, 1],
    [2, 3, 7],
    [300, 1, 4],
    [4, 1, 49],
    [2, 5, 100],
    [1, 3, 1500],
    [3, 4, 2500],
    [40, 900, 1],
    [5, 9000, 1],
    [0, 2, 9],
];

fn all(shapes: &[[usize; 3]], test: impl Fn(Case, &mut Rng)) {
    let mut rng = Rng(41);
    for (k, &shape) in shapes.iter().enumerate() {
        // All there are of the first ones, some of the others.
        for bits in (0..8).filter(|bits| k < 2 || bits % 3 == k % 3) {
            let [weight, bias, by_line] = [1, 2, 4].map(|b| bits & b != 0);
            test(Case { shape, by_line, given: false, weight, bias, eps: 1e-5, tolerance: 1e-5 }, &mut rng);
        }
    }
}

#[test]
fn by_its_own_statistics() {
    all(&SHAPES, |case, rng| case.forward(rng, &mut |r| r.float() * 2.0 + 0.5));
}

#[test]
fn by_given_statistics() {
    all(&SHAPES[..10], |case, rng| Case { given: true, ..case }.forward(rng, &mut |r| r.float() * 2.0 + 0.5));
}

#[test]
fn gradients() {
    all(&SHAPES, |case, rng| {
        case.backward(rng, true, true);
        if case.bias {
            case.backward(rng, true, false);
        }
    });
}

#[test]
fn gradients_of_given_statistics() {
    all(&SHAPES[..10], |case, rng| {
        let case = Case { given: true, ..case };
        for (wanted, dx) in [(true, true), (true, false), (false, true)] {
            case.backward(rng, wanted, dx);
        }
    });
}

#[test]
fn a_variance_keeps_its_digits_far_from_zero() {
    let mut rng = Rng(43);
    for shape in [[2, 6, 300], [3, 4, 2500], [5, 9000, 1]] {
        let case = Case { shape, by_line: false, given: false, weight: false, bias: false, eps: 0.0, tolerance: 1e-3 };
        // Half a unit in the last place of the mean is 1.2e-4 here, and the deviation 0.58.
        case.forward(&mut rng, &mut |r| r.float() + 3000.0);
    }
}

#[test]
fn one_dispatch_or_two() {
    for (shape, count) in [([40, 33, 1], 1), ([16, 4, 36], 1), ([3, 8, 2500], 2), ([5, 9000, 1], 2)] {
        let (mut rng, mut s) = (Rng(3), Scene::default());
        let x = elements(&mut s, shape, false, &mut rng, &mut |r| r.float());
        let y = elements(&mut s, shape, false, &mut rng, &mut |r| r.float());
        let numbers: Vec<Operand> = (0..4)
            .map(|_| s.operand(DType::F32, &[shape[0], 1], Layout::RowMajor, &mut rng, &mut |r| 1.5 + r.float()))
            .collect();
        s.ins = [&[x.clone()], &numbers[..1]].concat();
        s.outs = [&[y.clone()], &numbers[1..]].concat();
        s.attrs(&[Attr::from(1e-5), Attr::from(false), Attr::from(true), Attr::from(false)]);
        assert_eq!(dispatches(&s, BATCH_NORM), [count; 2], "{shape:?}");

        let g = elements(&mut s, shape, false, &mut rng, &mut |r| r.float());
        s.ins = [&[g, x], &numbers[..2]].concat();
        s.outs = [&numbers[2..], &[y]].concat();
        s.attrs(&[Attr::from(false), Attr::from(true)]);
        assert_eq!(dispatches(&s, BATCH_NORM_BACKWARD), [count; 2], "{shape:?}");
    }
}

#[test]
fn what_is_not_finite_stays_in_its_set() {
    let mut rng = Rng(47);
    for shape in [[18, 3, 20], [18, 60, 1], [3, 4, 2500]] {
        for bad in [f64::NAN, f64::INFINITY] {
            if bad == f64::INFINITY && shape[2] == 2500 {
                // The mean of such a set is infinite for the CPU, or NaN, by where in it the number is.
                continue;
            }
            let mut count = 0;
            let last = shape.iter().product::<usize>() - 1;
            let case =
                Case { shape, by_line: true, given: false, weight: true, bias: true, eps: 1e-5, tolerance: 1e-5 };
            case.forward(&mut rng, &mut |r| {
                count += 1;
                if count == last { bad } else { r.float() }
            });
        }
    }
}
