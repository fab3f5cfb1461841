//! The likelihood of classes against its formula, its gradients against each other.

use super::*;
use crate::launch::{Attr, Launch};
use crate::testing::{Arr, Rng, close, indices, run};
use crate::threads::{Plan, set_threads};
use cresset_lane::Element;

const IGNORED: i64 = -1;

fn rule(reduction: i64, smoothing: f64) -> [Attr; 3] {
    [reduction.into(), IGNORED.into(), smoothing.into()]
}

/// Classes below `c`, and ignored ones.
fn classes(rng: &mut Rng, shape: &[usize], c: usize) -> Arr<i64> {
    Arr::random(rng, shape, |r| r.below(c + 1) as i64 - 1)
}

#[test]
fn losses_and_their_gradient() {
    let mut rng = Rng(61);
    let (x, w) = (Arr::random(&mut rng, &[3, 4, 5], |r| r.float()), Arr::random(&mut rng, &[4], |r| r.float() + 2.0));
    let t = classes(&mut rng, &[3, 5], 4);
    let (places, total) = (indices(&[3, 5]), Arr::<f64>::zeros(&[]));
    let counted = |i: &[usize]| t.get(i) != IGNORED;
    let weights: f64 = places.iter().filter(|i| counted(i)).map(|i| w.get(&[t.get(i) as usize])).sum();
    for smoothing in [0.0, 0.3] {
        // What the loss of a place takes of a class.
        let share = |i: &[usize], c: usize| {
            let own = if t.get(i) == c as i64 { 1.0 - smoothing } else { 0.0 };
            if counted(i) { -w.get(&[c]) * (own + smoothing / 4.0) } else { 0.0 }
        };
        let loss = |i: &[usize]| (0..4).map(|c| share(i, c) * x.get(&[i[0], c, i[1]])).sum::<f64>();
        let ins = [x.view(), t.view(), w.view()];
        let each = Arr::<f64>::scattered(&mut rng, &[3, 5]);
        run(NLL_LOSS, &[each.view(), total.view()], &ins, &rule(0, smoothing));
        places.iter().for_each(|i| close(each.get(i), loss(i), 1e-12));
        let sum: f64 = places.iter().map(|i| loss(i)).sum();
        for (reduction, want, divisor) in [(1, sum / weights, weights), (2, sum, 1.0)] {
            let one = Arr::<f64>::zeros(&[]);
            run(NLL_LOSS, &[one.view(), total.view()], &ins, &rule(reduction, smoothing));
            close(one.memory[0], want, 1e-12);
            close(total.memory[0], weights, 1e-12);
            // What was in memory does not stay.
            let dx = Arr { memory: vec![2.0; 60], ..Arr::<f64>::zeros(&[3, 4, 5]) };
            let g = Arr { memory: vec![2.0], shape: vec![3, 5], strides: vec![0, 0], offset: 0 };
            let ins = [g.view(), t.view(), total.view(), w.view()];
            run(NLL_LOSS_BACKWARD, &[dx.view()], &ins, &rule(reduction, smoothing));
            for i in indices(&[3, 4, 5]) {
                close(dx.get(&i), 2.0 * share(&[i[0], i[2]], i[1]) / divisor, 1e-12);
            }
        }
    }
}

/// Both steps of the gradient, and the kernel that is both, on any number of threads.
fn compare<T: Element>(
    rng: &mut Rng,
    shape: &[usize; 3],
    by_row: bool,
    (smoothing, weighted): (f64, bool),
    value: fn(T) -> f64,
    of: fn(f64) -> T,
) {
    let [n, c, s] = *shape;
    let random = |rng: &mut Rng, shape: &[usize], from: f64| {
        let mut a = Arr::<T>::zeros(shape);
        a.memory.iter_mut().for_each(|v| *v = of(from + rng.float()));
        a
    };
    let (x, g, w) = (random(rng, shape, 0.0), random(rng, &[n, s], 0.0), random(rng, &[c], 2.0));
    let (t, total) = (classes(rng, &[n, s], c), Arr { memory: vec![of(7.0)], ..Arr::zeros(&[]) });
    let [mut logs, dlogs, two, mut one] = [(); 4].map(|()| Arr::<T>::zeros(shape));
    if by_row {
        [&mut logs, &mut one].into_iter().for_each(|a| a.strides = vec![(c * s) as isize, 1, c as isize]);
    }
    run(LOG_SOFTMAX, &[logs.view()], &[x.view()], &[1usize.into()]);
    let rule = rule(1, smoothing);
    let mut ins = vec![g.view(), t.view(), total.view()];
    ins.extend(weighted.then(|| w.view()));
    run(NLL_LOSS_BACKWARD, &[dlogs.view()], &ins, &rule);
    run(LOG_SOFTMAX_BACKWARD, &[two.view()], &[dlogs.view(), logs.view()], &[1usize.into()]);
    ins.insert(3, logs.view());
    let all = Arr { memory: vec![of(w.memory[..c].iter().map(|&w| value(w)).sum())], ..Arr::zeros(&[]) };
    ins.extend((weighted && smoothing > 0.0).then(|| all.view()));
    for threads in [1, 3] {
        set_threads(threads);
        let outs = [one.view()];
        let launch = Launch::new(&outs, &ins, &rule);
        let plan = Plan::new(&CROSS_ENTROPY_BACKWARD, &launch);
        assert_eq!(plan.is_cut(), threads > 1 && n * c * s >= 400, "{shape:?}");
        plan.run(&CROSS_ENTROPY_BACKWARD, &launch);
        for (got, want) in one.values().into_iter().zip(two.values()) {
            if smoothing == 0.0 {
                assert!(value(got) == value(want), "{} is not {}, {shape:?}", value(got), value(want));
            } else {
                close(value(got), value(want), 1e-7);
            }
        }
    }
}

#[test]
fn the_gradient_of_cross_entropy_is_that_of_its_two_steps() {
    let mut rng = Rng(62);
    for shape in [[1, 3, 1], [40, 10, 1], [5, 333, 1], [2, 5, 130], [1, 4, 700], [9, 3, 40], [0, 4, 1], [3, 4, 0]] {
        for (smoothing, weighted) in [(0.0, false), (0.0, true), (0.2, false), (0.2, true)] {
            for by_row in [false, true] {
                compare::<f32>(&mut rng, &shape, by_row, (smoothing, weighted), f64::from, |v| v as f32);
                compare::<f64>(&mut rng, &shape, by_row, (smoothing, weighted), |v| v, |v| v);
            }
        }
    }
}
