//! Adafactor: a second moment factored into rows and columns (Shazeer and Stern 2018, arXiv 1804.04235), with PyTorch's
//! deviations from the paper (torch/optim/_adafactor.py).

use cresset_lane::DType;

use crate::{Kernel, Launch, View};

use super::{Float, Weight};

/// One step for one parameter. ins: grad; outs: param, then row_var and col_var (of a matrix, or a batch of matrices in
/// the last two dimensions) or variance (of a vector or scalar).
/// Attributes: lr, weight_decay, eps1, eps2, d, maximize, step ** beta2_decay, min(lr, 1 / sqrt(step)).
/// Scratch: the column sums of one matrix and the row mean of each.
pub const ADAFACTOR_STEP: Kernel = Kernel::new("adafactor_step", run).with_scratch(|l| {
    let p = Matrices::of(&l.outs[0]);
    (p.columns + p.batch) * size_of::<f64>()
});

fn run(l: &Launch) {
    match l.outs[0].dtype {
        DType::F32 => step::<f32>(l),
        _ => step::<f64>(l),
    }
}

/// A view as a batch of matrices; a vector is one row.
struct Matrices<'a> {
    view: View<'a>,
    batch: usize,
    rows: usize,
    columns: usize,
}

impl<'a> Matrices<'a> {
    fn of(view: &View<'a>) -> Self {
        let n = view.shape.len();
        let size = |back: usize| if n >= back { view.shape[n - back] } else { 1 };
        let batch = view.shape[..n.saturating_sub(2)].iter().product();
        Matrices { view: *view, batch, rows: size(2), columns: size(1) }
    }

    /// Offset of the element (row, column) of matrix `b`.
    fn at(&self, b: usize, row: usize, column: usize) -> isize {
        let n = self.view.shape.len();
        let stride = |back: usize| if n >= back { self.view.strides[n - back] } else { 0 };
        let (mut rest, mut offset) = (b, row as isize * stride(2) + column as isize * stride(1));
        for d in (0..n.saturating_sub(2)).rev() {
            offset += (rest % self.view.shape[d]) as isize * self.view.strides[d];
            rest /= self.view.shape[d];
        }
        offset
    }

    /// Address of that element.
    fn get<T: Float>(&self, b: usize, row: usize, column: usize) -> *mut T {
        // SAFETY: the indices are within the shape.
        unsafe { self.view.as_ptr::<T>().offset(self.at(b, row, column)) }
    }

    /// Every (matrix, row, column).
    fn indices(&self) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
        let (rows, columns) = (self.rows, self.columns);
        (0..self.batch * rows).flat_map(move |r| (0..columns).map(move |c| (r / rows, r % rows, c)))
    }
}

fn step<T: Float>(l: &Launch) {
    let f = |i: usize| l.attrs[i].f();
    let (lr, decay, eps1, eps2, d, maximize) = (f(0), f(1), f(2), f(3), f(4), l.attrs[5].b());
    let weight = Weight::<T>::new(f(6));
    let (p, g) = (Matrices::of(&l.outs[0]), Matrices::of(&l.ins[0]));
    let states: Variance = (Matrices::of(&l.outs[1]), l.outs.get(2).map(Matrices::of));
    let numel = p.view.numel() as f64;
    if numel == 0.0 {
        return;
    }
    // SAFETY: scratch holds `columns + batch` doubles; addresses come from indices within the shapes.
    unsafe {
        let sums = std::slice::from_raw_parts_mut(l.scratch.cast::<f64>(), p.columns);
        let means = std::slice::from_raw_parts_mut(l.scratch.cast::<f64>().add(p.columns), p.batch);
        second_moment::<T>(&g, &states, weight, T::from_f64(eps1), sums, means);

        let floor = T::from_f64(eps1 * eps1);
        let update = |(b, r, c): (usize, usize, usize)| -> T {
            let estimate = match &states {
                (row, Some(column)) => *row.get::<T>(b, r, 0) * *column.get::<T>(b, 0, c) / T::from_f64(means[b]),
                (variance, None) => *variance.get::<T>(b, r, c),
            };
            let estimate = if estimate < floor { floor } else { estimate };
            let g = *g.get::<T>(b, r, c);
            T::ONE / estimate.sqrt() * if maximize { -g } else { g }
        };
        let (mut size, mut change) = (0.0, 0.0);
        for at in p.indices() {
            let (x, u) = ((*p.get::<T>(at.0, at.1, at.2)).to_f64(), update(at).to_f64());
            size += x * x;
            change += u * u;
        }
        let rms = |squares: f64| T::from_f64(squares.sqrt()).to_f64() / numel.sqrt();
        let alpha = eps2.max(rms(size)) * f(7);
        let rate = T::from_f64(-alpha / (rms(change) / d).max(1.0));
        let shrink = T::from_f64(if decay != 0.0 { 1.0 - lr * decay } else { 1.0 });
        for at in p.indices() {
            let x = p.get::<T>(at.0, at.1, at.2);
            *x = *x * shrink + rate * update(at);
        }
    }
}

/// row_var and col_var, or variance alone.
type Variance<'a> = (Matrices<'a>, Option<Matrices<'a>>);

/// Moves the variances towards the squared gradient; `means` becomes the mean of the row variances, per matrix.
unsafe fn second_moment<T: Float>(
    g: &Matrices,
    states: &Variance,
    weight: Weight<T>,
    eps1: T,
    sums: &mut [f64],
    means: &mut [f64],
) {
    // PyTorch takes the mean of squares as a norm, squared and divided.
    let mean = |squares: f64, n: usize| {
        let norm = T::from_f64(squares.sqrt());
        norm * norm / T::from_f64(n as f64)
    };
    unsafe {
        let (row, Some(column)) = states else {
            for (b, r, c) in g.indices() {
                let (v, g) = (states.0.get::<T>(b, r, c), *g.get::<T>(b, r, c));
                *v = (*v).lerp(g * g, weight);
            }
            return;
        };
        for b in 0..g.batch {
            sums.fill(0.0);
            let mut total = 0.0;
            for r in 0..g.rows {
                let mut squares = 0.0;
                for (c, sum) in sums.iter_mut().enumerate() {
                    let x = (*g.get::<T>(b, r, c)).to_f64();
                    squares += x * x;
                    *sum += x * x;
                }
                let v = row.get::<T>(b, r, 0);
                *v = (*v).lerp(mean(squares, g.columns), weight);
                total += (*v).to_f64();
            }
            for (c, sum) in sums.iter().enumerate() {
                let v = column.get::<T>(b, 0, c);
                *v = (*v).lerp(mean(*sum, g.rows), weight);
            }
            let mean = T::from_f64(total / g.rows as f64);
            means[b] = if mean < eps1 { eps1 } else { mean }.to_f64();
        }
    }
}
