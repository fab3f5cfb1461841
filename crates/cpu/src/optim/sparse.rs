//! Adam for gradients of which only some rows are given.

use cresset_lane::DType;

use crate::{Attr, Kernel, Launch, View};

use super::{Float, Rule, one};

/// SparseAdam for one parameter. ins: grad (the rows that are not given are not read), rows (int64, contiguous, each row
/// once, in range); outs: param, exp_avg, exp_avg_sq. Attributes: beta1, beta2, eps, step size, maximize.
pub const SPARSE_ADAM_STEP: Kernel = Kernel::new("sparse_adam_step", run);

fn run(l: &Launch) {
    match l.outs[0].dtype {
        DType::F32 => rows::<f32>(l),
        _ => rows::<f64>(l),
    }
}

fn rows<T: Float>(l: &Launch) {
    let rule = SparseAdam::<T>::new(l.attrs, &[]);
    // SAFETY: contiguous, of this dtype, read only.
    for &row in unsafe { l.ins[1].slice::<i64>() } {
        let [p, m, v] = [0, 1, 2].map(|i| part(&l.outs[i], row));
        one::<T, _, 2, 8>(rule, &p, &part(&l.ins[0], row), [&m, &v], 0..p.numel());
    }
}

/// One row of a view.
fn part<'a>(v: &View<'a>, row: i64) -> View<'a> {
    let bytes = row as isize * v.strides[0] * v.dtype.size() as isize;
    View { ptr: v.ptr.wrapping_offset(bytes), dtype: v.dtype, shape: &v.shape[1..], strides: &v.strides[1..] }
}

/// The update of torch/optim/_functional.py `sparse_adam`.
#[derive(Clone, Copy)]
struct SparseAdam<T> {
    rest1: T,
    rest2: T,
    eps: T,
    step: T,
    maximize: bool,
}

impl<T: Float> Rule<T, 2> for SparseAdam<T> {
    const SHARED: usize = 5;
    const OWN: usize = 0;
    fn new(a: &[Attr], _: &[Attr]) -> Self {
        let f = |i: usize| a[i].f();
        SparseAdam {
            rest1: T::from_f64(1.0 - f(0)),
            rest2: T::from_f64(1.0 - f(1)),
            eps: T::from_f64(f(2)),
            step: T::from_f64(-f(3)),
            maximize: a[4].b(),
        }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let g = if self.maximize { -g } else { g };
        let m = (g - m) * self.rest1 + m;
        let v = (g * g - v) * self.rest2 + v;
        (p + self.step * (m / (v.sqrt() + self.eps)), [m, v])
    }
}
