//! Trains a small network on a GPU, natively: Vulkan on Linux and Windows, Metal on macOS. docs/NATIVE.md tells more.
//!
//!     cargo run --release -p cresset-core --features gpu --example train_mlp

use std::time::Instant;

use cresset_core::device::{self, Device, gpu};
use cresset_core::{DType, Result, Tensor, autograd, ops, random};

/// A linear layer as PyTorch makes it: weights and biases uniform within 1 / sqrt(inputs).
fn layer(inputs: i64, outputs: i64) -> Result<[Tensor; 2]> {
    let bound = 1.0 / (inputs as f64).sqrt();
    let made = [ops::empty(&[outputs, inputs], None)?, ops::empty(&[outputs], None)?];
    for t in &made {
        ops::uniform_(t, -bound, bound, None)?;
        t.set_requires_grad(true);
    }
    Ok(made)
}

fn forward(layers: &[[Tensor; 2]], x: &Tensor) -> Result<Tensor> {
    let mut h = x.clone();
    for (i, [weight, bias]) in layers.iter().enumerate() {
        h = ops::linear(&h, weight, Some(bias))?;
        if i + 1 < layers.len() {
            h = ops::relu(&h)?;
        }
    }
    Ok(h)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    cresset_gpu::wait(gpu::open())?;
    println!("on {}", gpu::gpu()?.name());

    // Two half moons, standing in each other's arms.
    let (x, y) = ops::make_moons(1000, 1000, true, Some(0.15), 0)?;
    let (x, y) = (x.cast_data(DType::F32)?.to_device(Device::Gpu)?, y.to_device(Device::Gpu)?);

    device::set_default(Device::Gpu);
    random::generators::with(None, |g| g.manual_seed(0))?;
    let layers = [layer(2, 64)?, layer(64, 64)?, layer(64, 2)?];
    let params = layers.concat();
    let zeros = || params.iter().map(|p| Tensor::zeros(p.shape(), DType::F32)).collect::<Result<Vec<_>>>();
    let (means, squares) = (zeros()?, zeros()?);
    // Counted on the host, as PyTorch does.
    let steps = {
        let _host = device::enter(Device::Cpu);
        params.iter().map(|_| Tensor::zeros(&[], DType::F32)).collect::<Result<Vec<_>>>()?
    };

    let start = Instant::now();
    for step in 0..=500 {
        let loss = ops::cross_entropy(&forward(&layers, &x)?, &y, None, -100, "mean", 0.0)?;
        if step % 100 == 0 {
            // Reading waits for the GPU; between two readings everything is merely recorded.
            println!("step {step:>3}  loss {:.4}  {:.1} s", loss.item()?.to_f64(), start.elapsed().as_secs_f64());
        }
        autograd::backward(&[loss], &[None], false, false, None)?;
        ops::adam_step(&params, &means, &squares, &[], &steps, 1e-2, 0.9, 0.999, 1e-8, 0.0, false, false)?;
        params.iter().for_each(|p| p.set_grad(None));
    }

    let guesses = autograd::no_grad(|| ops::argmax(&forward(&layers, &x)?, Some(1), false))?;
    let right = ops::eq(&guesses, &y)?.to_vec::<f64>()?;
    println!(
        "{:.1} % of {} points are on the right side",
        right.iter().sum::<f64>() / right.len() as f64 * 100.0,
        right.len()
    );
    Ok(())
}
