//! Gradients compared with finite differences, and gradients of gradients likewise.

use cresset_core::{DType, Result, Tensor, autograd, ops};

/// A small deterministic generator (xorshift64*).
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// From -1 to 1.
    pub fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// A float64 leaf with values from -1 to 1.
    pub fn leaf(&mut self, shape: &[usize]) -> Tensor {
        let data: Vec<f64> = (0..shape.iter().product()).map(|_| self.unit()).collect();
        let t = Tensor::from_slice(&data, shape).unwrap();
        t.set_requires_grad(true);
        t
    }
}

pub type F<'a> = &'a dyn Fn(&[Tensor]) -> Result<Tensor>;

fn value(f: F, inputs: &[Tensor], weights: &Tensor) -> f64 {
    let plain: Vec<Tensor> = inputs.iter().map(Tensor::detach).collect();
    let out = autograd::no_grad(|| f(&plain)).unwrap().to_vec::<f64>().unwrap();
    out.iter().zip(weights.to_vec::<f64>().unwrap()).map(|(a, b)| a * b).sum()
}

pub fn compare(f: F, inputs: &[Tensor], weights: &Tensor, grads: &[Option<Tensor>], what: &str) {
    for (i, (x, g)) in inputs.iter().zip(grads).enumerate() {
        if !x.requires_grad() {
            continue;
        }
        let data = x.to_vec::<f64>().unwrap();
        let g = g.as_ref().map_or(vec![0.0; data.len()], |g| {
            assert_eq!(g.shape(), x.shape(), "{what}: shape of gradient {i}");
            g.to_vec::<f64>().unwrap()
        });
        for (k, &v) in data.iter().enumerate() {
            let at = |d: f64| {
                let mut moved = data.clone();
                moved[k] = v + d;
                let mut inputs = inputs.to_vec();
                inputs[i] = Tensor::from_slice(&moved, x.shape()).unwrap();
                value(f, &inputs, weights)
            };
            let numeric = (at(1e-6) - at(-1e-6)) / 2e-6;
            assert!(
                (numeric - g[k]).abs() <= 1e-5 + 1e-4 * numeric.abs(),
                "{what}: gradient of input {i} at {k} is {}, finite differences say {numeric}",
                g[k]
            );
        }
    }
}

/// Checks the gradients of `f`, and those of its gradients, at float64 inputs. Fixed weights make its result a number.
pub fn check(what: &str, inputs: &[Tensor], f: F) {
    let mut rng = Rng::new(77);
    let out = f(inputs).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(out.dtype(), DType::F64, "{what}");
    let weights = rng.leaf(out.shape()).detach();
    let leaves: Vec<Tensor> = inputs.iter().filter(|t| t.requires_grad()).cloned().collect();
    let spread = |grads: Vec<Option<Tensor>>| {
        let mut grads = grads.into_iter();
        inputs.iter().map(|t| if t.requires_grad() { grads.next().unwrap() } else { None }).collect::<Vec<_>>()
    };
    let first = |out: &Tensor, leaves: &[Tensor], create: bool| {
        autograd::grad(&[out.clone()], &[Some(weights.clone())], leaves, true, create)
    };
    let grads = first(&out, &leaves, false).unwrap_or_else(|e| panic!("{what}: backward: {e}"));
    compare(f, inputs, &weights, &spread(grads), what);

    // The gradients, weighted and summed, as a function of the inputs.
    let second_weights: Vec<Tensor> = leaves.iter().map(|t| rng.leaf(t.shape()).detach()).collect();
    let total = |inputs: &[Tensor]| -> Result<Tensor> {
        let leaves: Vec<Tensor> = inputs
            .iter()
            .map(|t| {
                if t.requires_grad() {
                    return t.clone();
                }
                let t = t.detach();
                t.set_requires_grad(true);
                t
            })
            .collect();
        autograd::with_grad_mode(autograd::GradMode::Enabled, || {
            let out = f(&leaves)?;
            let wanted: Vec<Tensor> = leaves.clone();
            let grads = first(&out, &wanted, true)?;
            let mut sum = Tensor::zeros(&[], DType::F64)?;
            for (g, w) in grads.into_iter().zip(&second_weights) {
                if let Some(g) = g {
                    sum = ops::add(&sum, &ops::sum_dim(&ops::mul(&g, w)?, None, false, None)?)?;
                }
            }
            Ok(sum)
        })
    };
    let sum = total(inputs).unwrap_or_else(|e| panic!("{what}: double backward: {e}"));
    let one = Tensor::ones(&[], DType::F64).unwrap();
    let grads = if sum.requires_grad() {
        autograd::grad(&[sum], &[Some(one.clone())], &leaves, true, false).unwrap_or_else(|e| panic!("{what}: {e}"))
    } else {
        vec![None; leaves.len()]
    };
    compare(&total, inputs, &one, &spread(grads), &format!("{what}, second derivative"));
}
