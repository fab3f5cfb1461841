//! Generators of labelled clusters in many dimensions.

use std::collections::HashSet;

use super::{Rows, labels, pick, shuffle_together};
use crate::random::numpy::RandomState;

/// Options of `make_classification`; the defaults are scikit-learn's.
#[derive(Clone, Debug)]
pub struct Classification {
    pub samples: usize,
    pub features: usize,
    pub informative: usize,
    pub redundant: usize,
    pub repeated: usize,
    pub classes: usize,
    pub clusters_per_class: usize,
    /// Share of each class.
    pub weights: Vec<f64>,
    pub flip_y: f64,
    pub class_sep: f64,
    pub hypercube: bool,
    /// Added to each feature; drawn when absent.
    pub shift: Option<Vec<f64>>,
    /// Multiplies each feature; drawn when absent.
    pub scale: Option<Vec<f64>>,
    pub shuffle: bool,
}

/// `sklearn.utils.random.sample_without_replacement(population, n)`.
fn sample_without_replacement(population: usize, n: usize, rng: &mut RandomState) -> Vec<usize> {
    let ratio = n as f64 / population as f64;
    if ratio > 0.01 && ratio < 0.99 {
        return rng.choose_once(population, n);
    }
    if ratio < 0.2 {
        let mut seen = HashSet::new();
        let mut draw = || loop {
            let j = rng.integer(0, population as i64) as usize;
            if seen.insert(j) {
                return j;
            }
        };
        return (0..n).map(|_| draw()).collect();
    }
    let mut out: Vec<usize> = (0..n).collect();
    for i in n..population {
        let j = rng.integer(0, i as i64 + 1) as usize;
        if j < n {
            out[j] = i;
        }
    }
    out
}

/// Distinct corners of a cube, a row each.
fn corners(n: usize, dimensions: usize, rng: &mut RandomState) -> Rows {
    // Indices have at most 30 bits: the dimensions before the last 30 are drawn bit by bit, for all rows first.
    let free = dimensions.saturating_sub(30);
    let kept = dimensions - free;
    let bits: Vec<f64> = (0..n * free).map(|_| rng.integer(0, 2) as f64).collect();
    let ids = sample_without_replacement(1 << kept, n, rng);
    let mut out = Rows::zeros(n, dimensions);
    for i in 0..n {
        let row = out.row_mut(i);
        row[..free].copy_from_slice(&bits[i * free..(i + 1) * free]);
        for (j, v) in row[free..].iter_mut().enumerate() {
            *v = (ids[i] >> (kept - 1 - j) & 1) as f64;
        }
    }
    out
}

fn two_sided(n: usize, rng: &mut RandomState) -> Vec<f64> {
    rng.samples(n).into_iter().map(|u| 2.0 * u - 1.0).collect()
}

/// `row` times a matrix of `columns` columns.
fn times(row: &[f64], matrix: &[f64], columns: usize) -> Vec<f64> {
    let mut out = vec![0.0; columns];
    for (i, &v) in row.iter().enumerate() {
        for (o, &m) in out.iter_mut().zip(&matrix[i * columns..(i + 1) * columns]) {
            *o += v * m;
        }
    }
    out
}

/// Clusters of points at the corners of a cube, with features that say nothing, repeat or combine others.
pub fn make_classification(o: &Classification, rng: &mut RandomState) -> (Rows, Vec<i64>) {
    let (ni, nr) = (o.informative, o.redundant);
    let clusters = o.classes * o.clusters_per_class;
    let share = |k: usize| (o.samples as f64 * o.weights[k % o.classes] / o.clusters_per_class as f64) as usize;
    let mut counts: Vec<usize> = (0..clusters).map(share).collect();
    for i in 0..o.samples.saturating_sub(counts.iter().sum()) {
        counts[i % clusters] += 1;
    }

    let mut centroids = corners(clusters, ni, rng);
    centroids.values.iter_mut().for_each(|c| *c = *c * (2.0 * o.class_sep) - o.class_sep);
    if !o.hypercube {
        let (rows, columns) = (rng.samples(clusters), rng.samples(ni));
        for i in 0..clusters {
            centroids.row_mut(i).iter_mut().zip(&columns).for_each(|(c, f)| *c = *c * rows[i] * f);
        }
    }

    let mut x = Rows::zeros(o.samples, o.features);
    for i in 0..o.samples {
        x.row_mut(i)[..ni].fill_with(|| rng.standard_normal());
    }
    let mut y: Vec<i64> = labels(&counts).into_iter().map(|k| k % o.classes as i64).collect();
    let mut at = 0;
    for (k, &count) in counts.iter().enumerate() {
        let a = two_sided(ni * ni, rng);
        for i in at..at + count {
            let moved = times(&x.row(i)[..ni], &a, ni);
            for ((v, m), c) in x.row_mut(i).iter_mut().zip(moved).zip(centroids.row(k)) {
                *v = m + c;
            }
        }
        at += count;
    }
    if nr > 0 {
        let b = two_sided(ni * nr, rng);
        for i in 0..o.samples {
            let combined = times(&x.row(i)[..ni], &b, nr);
            x.row_mut(i)[ni..ni + nr].copy_from_slice(&combined);
        }
    }
    let useful = ni + nr;
    if o.repeated > 0 {
        let from: Vec<usize> =
            rng.samples(o.repeated).into_iter().map(|u| ((useful as f64 - 1.0) * u + 0.5) as usize).collect();
        for i in 0..o.samples {
            let again = pick(x.row(i), &from);
            x.row_mut(i)[useful..useful + o.repeated].copy_from_slice(&again);
        }
    }
    for i in 0..o.samples {
        x.row_mut(i)[useful + o.repeated..].fill_with(|| rng.standard_normal());
    }
    if o.flip_y >= 0.0 {
        let flipped: Vec<bool> = rng.samples(o.samples).into_iter().map(|u| u < o.flip_y).collect();
        for (label, _) in y.iter_mut().zip(flipped).filter(|(_, flip)| *flip) {
            *label = rng.integer(0, o.classes as i64);
        }
    }
    let shift = o.shift.clone();
    let shift = shift.unwrap_or_else(|| two_sided(o.features, rng).into_iter().map(|s| s * o.class_sep).collect());
    let scale = o.scale.clone();
    let scale = scale.unwrap_or_else(|| rng.samples(o.features).into_iter().map(|u| 1.0 + 100.0 * u).collect());
    for i in 0..o.samples {
        for ((v, s), f) in x.row_mut(i).iter_mut().zip(&shift).zip(&scale) {
            *v = (*v + s) * f;
        }
    }
    if o.shuffle {
        shuffle_together(&mut x, &mut y, rng);
        x = x.pick_columns(&rng.permutation(o.features));
    }
    (x, y)
}

/// Normal points labelled by distance from `mean`: nested shells of equal size.
pub fn make_gaussian_quantiles(
    mean: &[f64],
    cov: f64,
    samples: usize,
    classes: usize,
    shuffle: bool,
    rng: &mut RandomState,
) -> (Rows, Vec<i64>) {
    let std = cov.sqrt();
    let mut x = Rows { columns: mean.len(), values: rng.normals(0.0, 1.0, samples * mean.len()) };
    for i in 0..samples {
        x.row_mut(i).iter_mut().zip(mean).for_each(|(v, m)| *v = *v * std + m);
    }
    let distance = |i: usize| x.row(i).iter().zip(mean).map(|(v, m)| (v - m) * (v - m)).sum::<f64>();
    let mut order: Vec<(f64, usize)> = (0..samples).map(|i| (distance(i), i)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    x = x.pick_rows(&order.into_iter().map(|(_, i)| i).collect::<Vec<_>>());
    let step = samples / classes;
    let mut counts = vec![step; classes];
    counts[classes - 1] += samples - step * classes;
    let mut y = labels(&counts);
    if shuffle {
        shuffle_together(&mut x, &mut y, rng);
    }
    (x, y)
}
