//! scikit-learn's sample generators and train/test split: its numbers for the same `random_state`, since they draw from
//! the same RandomState in the same order (sklearn/datasets/_samples_generator.py, sklearn/model_selection/_split.py).
//! Plain numbers in and out; `ops::sklearn` makes tensors of them.

mod classification;
mod scaling;
mod shapes;
mod split;

pub use classification::{Classification, make_classification, make_gaussian_quantiles};
pub use scaling::extremes;
pub use shapes::{Regression, make_blobs, make_circles, make_moons, make_regression, make_s_curve, make_swiss_roll};
pub use split::{split, split_by_class};

use crate::random::numpy::RandomState;

/// Samples as rows of a matrix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub columns: usize,
    /// Row by row.
    pub values: Vec<f64>,
}

impl Rows {
    fn zeros(rows: usize, columns: usize) -> Self {
        Self { columns, values: vec![0.0; rows * columns] }
    }

    /// From columns of equal length.
    fn from_columns(columns: &[&[f64]]) -> Self {
        let mut out = Self::zeros(columns[0].len(), columns.len());
        for (j, column) in columns.iter().enumerate() {
            for (i, &v) in column.iter().enumerate() {
                out.values[i * columns.len() + j] = v;
            }
        }
        out
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        if self.columns == 0 { 0 } else { self.values.len() / self.columns }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.columns..(i + 1) * self.columns]
    }

    fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.values[i * self.columns..(i + 1) * self.columns]
    }

    fn pick_rows(&self, order: &[usize]) -> Self {
        Self { columns: self.columns, values: order.iter().flat_map(|&i| self.row(i)).copied().collect() }
    }

    fn pick_columns(&self, order: &[usize]) -> Self {
        let values = (0..self.len()).flat_map(|i| order.iter().map(move |&j| self.row(i)[j])).collect();
        Self { columns: order.len(), values }
    }

    fn add_noise(&mut self, std: f64, rng: &mut RandomState) {
        for v in &mut self.values {
            *v += rng.normal(0.0, std);
        }
    }
}

fn pick<T: Copy>(items: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|&i| items[i]).collect()
}

/// `sklearn.utils.shuffle`: one order for samples and labels.
fn shuffle_together<T: Copy>(x: &mut Rows, y: &mut Vec<T>, rng: &mut RandomState) {
    let order = rng.permutation(y.len());
    *x = x.pick_rows(&order);
    *y = pick(y, &order);
}

/// Labels 0, 1, ... repeated as often as the counts say.
fn labels(counts: &[usize]) -> Vec<i64> {
    counts.iter().enumerate().flat_map(|(label, &n)| std::iter::repeat_n(label as i64, n)).collect()
}
