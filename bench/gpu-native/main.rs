//! float32 matrix products and training steps on a GPU, natively, beside what its multiply-adds reach in registers.
//!
//!     cargo run --release -p cresset-core --features gpu --example gpu_native [-- OPTIONS] [LARGEST]
//!
//! LARGEST is the largest matrix (default 8192 on a GPU, 512 on an adapter that computes on the CPU, whose speed says nothing).
//! Options:
//!
//!     --configurations     times every way to share out a product, and kernels that join rows with subgroups and without, side by
//!                          side, in place of all else: what the table of crates/gpu/src/kernels/sharing.rs is filled in by
//!     --configuration C    lets every product go one way: thin, dot, 32x32, 64x64, 16x64 or 64x16
//!     --no-subgroups       joins in workgroup memory

mod configurations;

use std::time::Instant;

use cresset_core::call::OneOrMore;
use cresset_core::device::{self, Device, gpu};
use cresset_core::{DType, Layout, Result, Tensor, autograd, ops, random};
use cresset_gpu::measure::{configurations as ways, fma_roof, force};
use cresset_gpu::{AdapterKind, Gpu, Options};

/// Seconds that a run takes, at best: several runs in one submission, waited for by reading a number.
fn best(runs: usize, mut f: impl FnMut() -> Result<Tensor>) -> Result<f64> {
    let mut wait = |n: usize| -> Result<f64> {
        let start = Instant::now();
        let mut last = None;
        for _ in 0..n {
            last = Some(f()?);
        }
        if let Some(t) = last {
            t.alias(Layout::contiguous(&[1])).to_vec::<f32>()?;
        }
        Ok(start.elapsed().as_secs_f64() / n as f64)
    };
    wait(1)?;
    let mut least = f64::INFINITY;
    for _ in 0..5 {
        least = least.min(wait(runs)?);
    }
    Ok(least)
}

fn randn(shape: &[i64]) -> Result<Tensor> {
    ops::randn(shape, None, None)
}

/// Layers with Adam; `forward` is what they compute.
struct Net<F> {
    params: Vec<Tensor>,
    means: [Vec<Tensor>; 2],
    steps: Vec<Tensor>,
    forward: F,
}

impl<F: Fn(&[Tensor], &Tensor) -> Result<Tensor>> Net<F> {
    fn new(shapes: &[&[i64]], forward: F) -> Result<Net<F>> {
        let scaled = |s: &&[i64]| {
            let inputs: i64 = s[1..].iter().product();
            ops::mul(&randn(s)?, &Tensor::number(1.0 / (inputs as f64).sqrt())?)
        };
        let params = shapes.iter().map(scaled).collect::<Result<Vec<_>>>()?;
        params.iter().for_each(|p| p.set_requires_grad(true));
        let zeros = || params.iter().map(|p| Tensor::zeros(p.shape(), DType::F32)).collect::<Result<Vec<_>>>();
        let means = [zeros()?, zeros()?];
        let _host = device::enter(Device::Cpu);
        let steps = params.iter().map(|_| Tensor::zeros(&[], DType::F32)).collect::<Result<Vec<_>>>()?;
        Ok(Net { params, means, steps, forward })
    }

    fn step(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let loss = ops::cross_entropy(&(self.forward)(&self.params, x)?, y, None, -100, "mean", 0.0)?;
        autograd::backward(&[loss.clone()], &[None], false, false, None)?;
        let [first, second] = &self.means;
        ops::adam_step(&self.params, first, second, &[], &self.steps, 1e-3, 0.9, 0.999, 1e-8, 0.0, false, false)?;
        self.params.iter().for_each(|p| p.set_grad(None));
        Ok(loss.detach())
    }
}

fn mlp(params: &[Tensor], x: &Tensor) -> Result<Tensor> {
    let mut h = x.clone();
    for (i, layer) in params.chunks(2).enumerate() {
        h = ops::linear(&h, &layer[0], Some(&layer[1]))?;
        if 2 * i + 2 < params.len() {
            h = ops::relu(&h)?;
        }
    }
    Ok(h)
}

fn cnn(p: &[Tensor], x: &Tensor) -> Result<Tensor> {
    let block = |x: &Tensor, w: &Tensor, b: &Tensor| -> Result<Tensor> {
        let y = ops::relu(&ops::conv2d(x, w, Some(b), &[1], &[1], &[1], 1)?)?;
        match ops::max_pool2d(&y, &[2], None, &[0], &[1], false, false)? {
            OneOrMore::One(t) => Ok(t),
            OneOrMore::More(_) => unreachable!("no indices were asked for"),
        }
    };
    let h = block(&block(x, &p[0], &p[1])?, &p[2], &p[3])?;
    ops::linear(&ops::flatten(&h, 1, -1)?, &p[4], Some(&p[5]))
}

fn row(name: &str, seconds: f64, flops: f64, roof: f64) {
    let rate = flops / seconds / 1e9;
    println!("| {name} | {:.3} | {rate:.0} | {:.0} % |", seconds * 1e3, rate / roof * 100.0);
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| args.iter().any(|a| a == name);
    let gpu = cresset_gpu::wait(Gpu::open_with(Options { subgroups: !has("--no-subgroups") }))?;
    gpu::install(gpu.clone());
    let name = gpu.name().to_string();
    let configuration = args.iter().position(|a| a == "--configuration").map(|i| args.get(i + 1).map_or("", |c| c));
    if let Some(c) = configuration {
        if !ways().any(|way| way == c) {
            return Err(format!("--configuration takes one of {}", ways().collect::<Vec<_>>().join(", ")).into());
        }
        force(&gpu, Some(c));
    }
    let least = if gpu.kind() == AdapterKind::Cpu { 512 } else { 8192 };
    let largest = args.last().and_then(|s| s.parse::<i64>().ok()).unwrap_or(least);
    if has("--configurations") {
        let subgroups = if gpu.uses_subgroups() { "with" } else { "without" };
        println!("{name}: {:?}, {subgroups} subgroups", gpu.kind());
        device::set_default(Device::Gpu);
        configurations::products(&gpu, largest as usize)?;
        return configurations::rows();
    }
    let roof = fma_roof(&gpu)?;
    println!("{name}: multiply-adds in registers reach {roof:.0} GFLOP/s\n");
    println!("| | ms | GFLOP/s | of the roof |\n|---|---|---|---|");
    device::set_default(Device::Gpu);
    random::generators::with(None, |g| g.manual_seed(0))?;

    let mut n = 256;
    while n <= largest {
        let (a, b) = (randn(&[n, n])?, randn(&[n, n])?);
        let flops = 2.0 * (n as f64).powi(3);
        let runs = ((roof * 1e9 * 0.05 / flops) as usize).clamp(1, 64);
        row(&format!("matmul {n}"), best(runs, || ops::matmul(&a, &b))?, flops, roof);
        n *= 2;
    }

    // Forward, and for each product two more backward, but for the first layer's input.
    let sizes = [784, 512, 512, 10];
    let shapes: Vec<Vec<i64>> = sizes.windows(2).flat_map(|p| [vec![p[1], p[0]], vec![p[1]]]).collect();
    let net = Net::new(&shapes.iter().map(Vec::as_slice).collect::<Vec<_>>(), mlp)?;
    for batch in [64, 1024] {
        let (x, y) = (randn(&[batch, 784])?, ops::randint(10, &[batch], None, None)?);
        let products: i64 = sizes.windows(2).map(|p| p[0] * p[1]).sum::<i64>() * 3 - 784 * 512;
        row(
            &format!("MLP 784-512-512-10, batch {batch}, Adam"),
            best(10, || net.step(&x, &y))?,
            (2 * batch * products) as f64,
            roof,
        );
    }

    let net = Net::new(&[&[16, 1, 3, 3], &[16], &[32, 16, 3, 3], &[32], &[10, 1568], &[10]], cnn)?;
    let (x, y) = (randn(&[64, 1, 28, 28])?, ops::randint(10, &[64], None, None)?);
    let products = 2 * 28 * 28 * 16 * 9 + 3 * 14 * 14 * 32 * 16 * 9 + 3 * 1568 * 10;
    row("CNN 16-32, batch 64, Adam", best(10, || net.step(&x, &y))?, (2 * 64 * products) as f64, roof);

    let before = gpu.counters();
    net.step(&x, &y)?.to_vec::<f32>()?;
    println!("\nthe CNN's step: {:?}", gpu.counters() - before);
    Ok(())
}
