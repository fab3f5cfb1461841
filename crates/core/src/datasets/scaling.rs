//! Columns brought to one scale (sklearn/preprocessing/_data.py: StandardScaler, MinMaxScaler).

use super::Rows;

/// Mean, variance (of the population) and scale of each column. NaN is left out. The scale of a column that is constant
/// up to rounding is 1.
pub fn standard(x: &Rows) -> [Vec<f64>; 3] {
    let mut out = [Vec::new(), Vec::new(), Vec::new()];
    for j in 0..x.columns {
        let column = || (0..x.len()).map(|i| x.row(i)[j]).filter(|v| !v.is_nan());
        let n = column().count() as f64;
        let mean = column().sum::<f64>() / n;
        // Two passes, corrected for the rounding of the mean (Chan, Golub and LeVeque).
        let correction: f64 = column().map(|v| v - mean).sum();
        let squares: f64 = column().map(|v| (v - mean) * (v - mean)).sum();
        let var = (squares - correction * correction / n) / n;
        let noise = n * f64::EPSILON * var + (n * mean * f64::EPSILON).powi(2);
        out[0].push(mean);
        out[1].push(var);
        out[2].push(if var <= noise { 1.0 } else { var.sqrt() });
    }
    out
}

/// Least and largest value of each column; NaN is left out.
pub fn extremes(x: &Rows) -> [Vec<f64>; 2] {
    let fold =
        |f: fn(f64, f64) -> f64| (0..x.columns).map(|j| (0..x.len()).map(|i| x.row(i)[j]).fold(f64::NAN, f)).collect();
    // min and max take the other operand where one is NaN.
    [fold(f64::min), fold(f64::max)]
}

/// What MinMaxScaler multiplies by and adds, for columns between `least` and `most` to lie in [low, high].
pub fn min_max(least: &[f64], most: &[f64], low: f64, high: f64) -> [Vec<f64>; 2] {
    let scale: Vec<f64> = least
        .iter()
        .zip(most)
        .map(|(a, b)| (high - low) / if b - a < 10.0 * f64::EPSILON { 1.0 } else { b - a })
        .collect();
    let add = least.iter().zip(&scale).map(|(a, s)| low - a * s).collect();
    [scale, add]
}
