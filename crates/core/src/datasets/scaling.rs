//! What MinMaxScaler finds out about columns (sklearn/preprocessing/_data.py).

use super::Rows;

/// Least and largest value of each column; NaN is left out.
pub fn extremes(x: &Rows) -> [Vec<f64>; 2] {
    let fold =
        |f: fn(f64, f64) -> f64| (0..x.columns).map(|j| (0..x.len()).map(|i| x.row(i)[j]).fold(f64::NAN, f)).collect();
    // min and max take the other operand where one is NaN.
    [fold(f64::min), fold(f64::max)]
}
