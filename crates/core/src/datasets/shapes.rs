//! Generators of points on curves, in blobs, and of a linear model.

use std::f64::consts::PI;

use super::{Rows, labels, shuffle_together};
use crate::random::glibc;
use crate::random::numpy::RandomState;

/// `numpy.linspace(0, stop, n, endpoint)`.
fn linspace(stop: f64, n: usize, endpoint: bool) -> Vec<f64> {
    let parts = if endpoint { n.saturating_sub(1) } else { n };
    if parts == 0 {
        return vec![0.0; n];
    }
    let step = stop / parts as f64;
    let mut out: Vec<f64> = (0..n).map(|i| i as f64 * step).collect();
    if endpoint {
        out[n - 1] = stop;
    }
    out
}

/// Two curves of (outer, inner) points, shuffled and blurred.
fn two_curves(
    counts: [usize; 2],
    shuffle: bool,
    noise: Option<f64>,
    rng: &mut RandomState,
    turn: f64,
    endpoint: bool,
    inner: impl Fn(f64, f64) -> [f64; 2],
) -> (Rows, Vec<i64>) {
    let mut x = Rows { columns: 2, values: Vec::with_capacity(2 * (counts[0] + counts[1])) };
    for t in linspace(turn, counts[0], endpoint) {
        let (sin, cos) = glibc::sin_cos(t);
        x.values.extend([cos, sin]);
    }
    for t in linspace(turn, counts[1], endpoint) {
        let (sin, cos) = glibc::sin_cos(t);
        x.values.extend(inner(sin, cos));
    }
    let mut y = labels(&counts);
    if shuffle {
        shuffle_together(&mut x, &mut y, rng);
    }
    if let Some(std) = noise {
        x.add_noise(std, rng);
    }
    (x, y)
}

/// Two interleaving half circles: `counts` points of the outer (0) and the inner (1).
pub fn make_moons(counts: [usize; 2], shuffle: bool, noise: Option<f64>, rng: &mut RandomState) -> (Rows, Vec<i64>) {
    two_curves(counts, shuffle, noise, rng, PI, true, |sin, cos| [1.0 - cos, 1.0 - sin - 0.5])
}

/// A large circle (0) around a smaller one (1), whose radius is `factor`.
pub fn make_circles(
    counts: [usize; 2],
    shuffle: bool,
    noise: Option<f64>,
    factor: f64,
    rng: &mut RandomState,
) -> (Rows, Vec<i64>) {
    two_curves(counts, shuffle, noise, rng, 2.0 * PI, false, |sin, cos| [cos * factor, sin * factor])
}

/// Isotropic normal blobs around `centers`, `counts[i]` points of spread `stds[i]` each.
pub fn make_blobs(
    counts: &[usize],
    centers: &Rows,
    stds: &[f64],
    shuffle: bool,
    rng: &mut RandomState,
) -> (Rows, Vec<i64>) {
    let mut x = Rows { columns: centers.columns, values: Vec::new() };
    for (i, (&n, &std)) in counts.iter().zip(stds).enumerate() {
        for _ in 0..n {
            for &c in centers.row(i) {
                x.values.push(rng.normal(c, std));
            }
        }
    }
    let mut y = labels(counts);
    if shuffle {
        shuffle_together(&mut x, &mut y, rng);
    }
    (x, y)
}

/// Options of `make_regression`.
#[derive(Clone, Copy, Debug)]
pub struct Regression {
    pub samples: usize,
    pub features: usize,
    pub informative: usize,
    pub targets: usize,
    pub bias: f64,
    pub noise: f64,
    pub shuffle: bool,
}

/// A random linear model: samples, targets (a column each) and the model's coefficients (a row per feature).
pub fn make_regression(o: Regression, rng: &mut RandomState) -> (Rows, Rows, Rows) {
    let informative = o.informative.min(o.features);
    let mut x = Rows { columns: o.features, values: rng.normals(0.0, 1.0, o.samples * o.features) };
    let mut coef = Rows::zeros(o.features, o.targets);
    for c in &mut coef.values[..informative * o.targets] {
        *c = 100.0 * rng.sample();
    }
    let mut y = Rows::zeros(o.samples, o.targets);
    for i in 0..o.samples {
        for (j, &v) in x.row(i).iter().enumerate() {
            for (t, &c) in y.row_mut(i).iter_mut().zip(coef.row(j)) {
                *t += v * c;
            }
        }
    }
    y.values.iter_mut().for_each(|t| *t += o.bias);
    if o.noise > 0.0 {
        y.add_noise(o.noise, rng);
    }
    if o.shuffle {
        let order = rng.permutation(o.samples);
        (x, y) = (x.pick_rows(&order), y.pick_rows(&order));
        let order = rng.permutation(o.features);
        (x, coef) = (x.pick_columns(&order), coef.pick_rows(&order));
    }
    (x, y, coef)
}

/// Adds noise to three columns, all of the first before all of the second.
fn blur(mut columns: [Vec<f64>; 3], noise: f64, rng: &mut RandomState) -> Rows {
    for v in columns.iter_mut().flatten() {
        *v += noise * rng.standard_normal();
    }
    Rows::from_columns(&[&columns[0], &columns[1], &columns[2]])
}

/// A rolled-up sheet, with a hole in it or not: points, and how far along the roll each lies.
pub fn make_swiss_roll(n: usize, noise: f64, hole: bool, rng: &mut RandomState) -> (Rows, Vec<f64>) {
    let (t, y): (Vec<f64>, Vec<f64>) = if hole {
        // Eight of nine patches, all but the middle one.
        let corners: Vec<usize> = (0..n).map(|_| rng.integer(0, 8) as usize).map(|c| c + (c > 3) as usize).collect();
        let (a, b) = (rng.samples(n), rng.samples(n));
        let t = |i: usize| PI * (1.5 + (corners[i] / 3) as f64) + a[i] * PI;
        let y = |i: usize| (corners[i] % 3 * 7) as f64 + b[i] * 7.0;
        ((0..n).map(t).collect(), (0..n).map(y).collect())
    } else {
        let t = rng.samples(n).into_iter().map(|u| 1.5 * PI * (1.0 + 2.0 * u)).collect();
        (t, rng.samples(n).into_iter().map(|u| 21.0 * u).collect())
    };
    let x = t.iter().map(|&t| t * glibc::cos(t)).collect();
    let z = t.iter().map(|&t| t * glibc::sin(t)).collect();
    (blur([x, y, z], noise, rng), t)
}

/// A sheet bent like the letter S: points, and how far along the curve each lies.
pub fn make_s_curve(n: usize, noise: f64, rng: &mut RandomState) -> (Rows, Vec<f64>) {
    let t: Vec<f64> = rng.samples(n).into_iter().map(|u| 3.0 * PI * (u - 0.5)).collect();
    let y = rng.samples(n).into_iter().map(|u| 2.0 * u).collect();
    let x = t.iter().map(|&t| glibc::sin(t)).collect();
    let sign = |t: f64| if t == 0.0 { 0.0 } else { t.signum() };
    let z = t.iter().map(|&t| sign(t) * (glibc::cos(t) - 1.0)).collect();
    (blur([x, y, z], noise, rng), t)
}
