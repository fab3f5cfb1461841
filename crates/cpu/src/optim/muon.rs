//! The elementwise steps of Muon. The orthogonalisation between them is matrix products, which the op launches.
//!
//! PyTorch runs it in bfloat16 whatever the parameter's dtype (torch/optim/_muon.py): every intermediate result is
//! rounded to bfloat16. Here the rounded values are held in float64: over the 88,040 elements of PyTorch's own Muon cases
//! products summed exactly and rounded once equal oneDNN's everywhere, those summed in float32 do not.

use std::array::from_fn;

use cresset_lane::DType;

use crate::{Attr, Kernel, Launch, View};

use super::{Float, Rule, Weight, kernel};

/// Updates the momentum buffer and prepares the matrix that is to be orthogonalised.
/// outs: x (float64, contiguous), momentum_buffer; ins: grad; attributes: momentum, nesterov, eps.
/// `x` becomes the (Nesterov) momentum in bfloat16, divided by its Frobenius norm.
pub const MUON_ROUND: Kernel = Kernel::new("muon_round", run);

fn run(l: &Launch) {
    match l.outs[1].dtype {
        DType::F32 => begin::<f32>(l),
        _ => begin::<f64>(l),
    }
}

/// `bfloat16(alpha * x + beta * y)`, or `bfloat16(x)` of a single input. All float64 and contiguous; attributes: alpha,
/// beta. The output may be one of the inputs. `y` is a product, which is a float32 before it is scaled; `alpha * x` is not
/// rounded before the sum: oneDNN's matrix product, which PyTorch's addmm is in bfloat16, adds it by a fused multiply-add.
pub const MUON_COMBINE: Kernel = Kernel::new("muon_combine", combine);

kernel! {
    /// `param * shrink - lr * update` with the update in place of the gradient. Attributes: shrink, lr.
    MUON_STEP = "muon_step", 0, Muon
}

/// Rounds to bfloat16, to nearest, ties to even.
fn bf16(x: f32) -> f32 {
    let bits = x.to_bits();
    if x.is_nan() { x } else { f32::from_bits((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff_0000) }
}

fn begin<T: Float>(l: &Launch) {
    let (x, buf, grad) = (&l.outs[0], &l.outs[1], &l.ins[0]);
    let (momentum, nesterov, eps) = (l.attrs[0].f(), l.attrs[1].b(), l.attrs[2].f() as f32);
    let (fresh, look) = (Weight::<T>::new(1.0 - momentum), Weight::<T>::new(momentum));
    // SAFETY: `x` is an output of this launch alone, contiguous.
    let x = unsafe { x.slice_mut::<f64>() };
    let columns = buf.shape[1];
    let mut squares = 0f64;
    for (i, x) in x.iter_mut().enumerate() {
        let at = |v: &View| (i / columns) as isize * v.strides[0] + (i % columns) as isize * v.strides[1];
        // SAFETY: the offsets are those of element i.
        unsafe {
            let (b, g) = (buf.as_ptr::<T>().offset(at(buf)), *grad.as_ptr::<T>().offset(at(grad)));
            *b = (*b).lerp(g, fresh);
            *x = bf16(if nesterov { g.lerp(*b, look) } else { *b }.to_f64() as f32).into();
        }
        squares += *x * *x;
    }
    let norm = bf16(squares.sqrt() as f32).larger(bf16(eps));
    x.iter_mut().for_each(|x| *x = bf16(*x as f32 / norm).into());
}

fn combine(l: &Launch) {
    let n = l.outs[0].numel();
    // Scalars are float32 in a bfloat16 product.
    let [alpha, beta] = [0, 1].map(|k| f64::from(l.attrs[k].f() as f32));
    let out = l.outs[0].as_ptr::<f64>();
    // Raw addresses, since the output may be an input.
    let x: [*mut f64; 2] = from_fn(|k| l.ins[k.min(l.ins.len() - 1)].as_ptr::<f64>());
    for i in 0..n {
        // SAFETY: all are contiguous and of one size.
        unsafe {
            let (a, b) = (*x[0].add(i), *x[1].add(i));
            let value = if l.ins.len() == 1 { a } else { alpha * a + beta * f64::from(b as f32) };
            *out.add(i) = bf16(value as f32).into();
        }
    }
}

#[derive(Clone, Copy)]
struct Muon<T> {
    shrink: T,
    lr: T,
}

impl<T: Float> Rule<T, 0> for Muon<T> {
    const SHARED: usize = 2;
    const OWN: usize = 0;
    fn new(a: &[Attr], _: &[Attr]) -> Self {
        Muon { shrink: T::from_f64(a[0].f()), lr: T::from_f64(-a[1].f()) }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, s: [T; 0]) -> (T, [T; 0]) {
        (p * self.shrink + self.lr * g, s)
    }
}
