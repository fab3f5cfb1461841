//! Every way to share out a product of matrices, and both forms of kernels that join a row, timed side by side: what the tables of
//! `crates/gpu/src/kernels/sharing.rs` are filled in by.

use std::time::Instant;

use cresset_core::device::{self, Device, gpu};
use cresset_core::{Layout, Result, Tensor, ops};
use cresset_gpu::{Gpu, Options, measure};

/// Rounds in which every way has its turn.
const ROUNDS: usize = 7;
/// Seconds that one turn should take at least, so that its submission does not count.
const TURN: f64 = 0.02;

/// Rows, columns, products to a result, and whether the second matrix is a transposed one, as a layer's weight is.
fn shapes(largest: usize) -> Vec<([usize; 3], bool)> {
    let mut all: Vec<_> = (0..).map(|i| 64 << i).take_while(|&n| n <= largest).map(|n| ([n, n, n], false)).collect();
    let side = largest.min(2048);
    for transposed in [false, true] {
        all.extend([1, 4, 16].map(|m| ([m, side, side], transposed)));
        all.extend([1, 10].map(|n| ([side, n, side], transposed)));
    }
    // A layer's step: forward, gradient of the weight, gradient of the input; a small network's; few results over many products.
    all.extend([([64, 512, 784], true), ([512, 784, 64], false), ([64, 784, 512], false)]);
    all.extend([([400, 20, 12], true), ([20, 12, 400], false), ([1, 20, 400], false), ([32, 32, 16_384], false)]);
    all
}

/// Seconds of `runs` runs of `f`, waited for by reading a number.
fn turn(runs: usize, f: &dyn Fn() -> Result<Tensor>) -> Result<f64> {
    let start = Instant::now();
    let mut last = f()?;
    for _ in 1..runs {
        last = f()?;
    }
    last.alias(Layout::contiguous(&[1])).to_vec::<f32>()?;
    Ok(start.elapsed().as_secs_f64() / runs as f64)
}

/// The least seconds of each of some ways to do the same, which take turns.
fn side_by_side(ways: usize, set: &dyn Fn(usize), f: &dyn Fn() -> Result<Tensor>) -> Result<Vec<f64>> {
    let mut runs = vec![1; ways];
    let mut least = vec![f64::INFINITY; ways];
    for (way, runs) in runs.iter_mut().enumerate() {
        set(way);
        // Compiles; then one that counts.
        turn(1, f)?;
        *runs = ((TURN / turn(1, f)?) as usize).clamp(1, 64);
    }
    for _ in 0..ROUNDS {
        for way in 0..ways {
            set(way);
            least[way] = least[way].min(turn(runs[way], f)?);
        }
    }
    Ok(least)
}

fn randn(shape: &[usize]) -> Result<Tensor> {
    ops::randn(&shape.iter().map(|&n| n as i64).collect::<Vec<_>>(), None, None)
}

/// Prints GFLOP/s of every product by every way; the one that the table has stands in brackets.
pub fn products(gpu: &Gpu, largest: usize) -> Result<()> {
    let ways: Vec<&str> = measure::configurations().collect();
    println!("\nGFLOP/s; [what the table has for {:?}]\n", gpu.kind());
    println!("| m x n x k | {} | the best |\n|---|{}---|", ways.join(" | "), "---|".repeat(ways.len()));
    for ([m, n, k], transposed) in shapes(largest) {
        let (a, b) = (randn(&[m, k])?, randn(&if transposed { [n, k] } else { [k, n] })?);
        let b = if transposed { ops::transpose(&b, 0, 1)? } else { b };
        let seconds = side_by_side(ways.len(), &|i| measure::force(gpu, Some(ways[i])), &|| ops::matmul(&a, &b))?;
        measure::force(gpu, None);
        let chosen = measure::chosen(gpu, [m, n, k], transposed);
        let flops = 2.0 * (m * n * k) as f64 / 1e9;
        let cell = |(name, s): (&&str, &f64)| {
            let rate = format!("{:.2}", flops / s);
            if *name == chosen { format!("[{rate}]") } else { rate }
        };
        let cells: Vec<String> = ways.iter().zip(&seconds).map(cell).collect();
        let best = (0..ways.len()).min_by(|&i, &j| seconds[i].total_cmp(&seconds[j])).map_or("", |i| ways[i]);
        let t = if transposed { " T" } else { "" };
        println!("| {m} x {n} x {k}{t} | {} | {best} |", cells.join(" | "));
    }
    Ok(())
}

/// What joins a row of a tensor.
type RowKernel = (&'static str, fn(&Tensor) -> Result<Tensor>);

/// Prints microseconds of kernels that join rows, with subgroups and without, on the fastest adapter.
pub fn rows() -> std::result::Result<(), Box<dyn std::error::Error>> {
    const KERNELS: [RowKernel; 3] = [
        ("sum", |x| ops::sum_dim(x, Some(&[-1]), false, None)),
        ("softmax", |x| ops::softmax(x, -1, None)),
        ("amax", |x| ops::amax(x, Some(&[-1]), false)),
    ];
    let open = |subgroups| cresset_gpu::wait(Gpu::open_with(Options { subgroups }));
    let both = [open(true)?, open(false)?];
    if !both[0].uses_subgroups() {
        println!("\nThis adapter has no subgroups.");
        return Ok(());
    }
    println!(
        "\nMicroseconds of a kernel, with subgroups and in workgroup memory\n\n| | rows x columns | subgroups | memory | ratio |\n|---|---|---|---|---|"
    );
    for (name, kernel) in KERNELS {
        for shape in [[1, 65_536], [64, 100], [64, 1000], [1024, 1024], [64, 16_384]] {
            let mut least = [f64::INFINITY; 2];
            for _ in 0..ROUNDS {
                for (least, adapter) in least.iter_mut().zip(&both) {
                    gpu::install(adapter.clone());
                    device::set_default(Device::Gpu);
                    let x = randn(&shape)?;
                    turn(2, &|| kernel(&x))?;
                    *least = least.min(turn(16, &|| kernel(&x))?);
                }
            }
            let [a, b] = least;
            println!("| {name} | {} x {} | {:.1} | {:.1} | {:.2} |", shape[0], shape[1], a * 1e6, b * 1e6, b / a);
        }
    }
    Ok(())
}
