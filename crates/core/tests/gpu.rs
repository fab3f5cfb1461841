//! Tensors on a GPU: ops, gradients and whole training steps, on two software adapters, against the CPU.

use cresset_core::device::{self, Device, gpu};
use cresset_core::{DType, ErrorKind, Result, Tensor, autograd, ops, random};
use cresset_gpu::Options;
use cresset_gpu::drivers::open_software;

/// Runs a test with each software adapter as the thread's GPU.
fn on_each(test: impl Fn() -> Result<()>) {
    for adapter in open_software(Options::default()) {
        gpu::install(adapter);
        test().unwrap();
        device::set_default(Device::Cpu);
    }
}

fn seeded() {
    random::generators::with(None, |g| g.manual_seed(7)).unwrap();
}

/// The same computation on the CPU and on the GPU.
fn both<T>(f: impl Fn() -> Result<T>) -> Result<[T; 2]> {
    let mut out = Vec::new();
    for device in [Device::Cpu, Device::Gpu] {
        device::set_default(device);
        seeded();
        out.push(f()?);
    }
    device::set_default(Device::Cpu);
    Ok(out.try_into().unwrap_or_else(|_| unreachable!()))
}

fn close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + a.abs()), "element {i}: {a} on the CPU, {b} on the GPU");
    }
}

fn randn(shape: &[i64]) -> Result<Tensor> {
    ops::randn(shape, None, None)
}

#[test]
fn tensors_go_there_and_back() {
    on_each(|| {
        for dtype in [DType::F32, DType::I64, DType::I32, DType::U8, DType::Bool] {
            let x = Tensor::from_slice(&[0i64, 1, 2, 3, 4, 5], &[2, 3])?.cast_data(dtype)?;
            let turned = ops::transpose(&x, 0, 1)?;
            let there = turned.to_device(Device::Gpu)?;
            assert_eq!((there.device(), there.strides()), (Device::Gpu, &[1isize, 3][..]));
            let back = there.to_device(Device::Cpu)?;
            assert_eq!(back.dtype(), dtype);
            assert_eq!(back.to_vec::<f64>()?, turned.to_vec::<f64>()?);
        }
        let e = Tensor::from_slice(&[1f64], &[1])?.to_device(Device::Gpu).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::DType);
        Ok(())
    });
}

#[test]
fn numbers_reach_kernels_as_constants() {
    on_each(|| {
        let x = Tensor::from_slice(&[1f32, 2.0, 3.0], &[3])?.to_device(Device::Gpu)?;
        let _gpu = device::enter(Device::Gpu);
        let before = gpu::gpu()?.counters();
        for _ in 0..10 {
            let y = ops::mul(&x, &Tensor::number(2.5)?)?;
            assert_eq!(y.to_vec::<f64>()?, [2.5, 5.0, 7.5]);
        }
        assert_eq!((gpu::gpu()?.counters() - before).uploads, 1);
        Ok(())
    });
}

#[test]
fn tensors_of_two_devices_do_not_mix() {
    on_each(|| {
        let x = Tensor::ones(&[3], DType::F32)?;
        let e = ops::add(&x.to_device(Device::Gpu)?, &x).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Device);
        assert!(e.message().contains("at least two devices"), "{e}");
        Ok(())
    });
}

#[test]
fn random_numbers_are_those_of_the_cpu() {
    on_each(|| {
        let [cpu, gpu] = both(|| randn(&[5, 7])?.to_vec::<f64>())?;
        assert_eq!(cpu, gpu);
        Ok(())
    });
}

/// Linear layers with Adam.
struct Mlp {
    params: Vec<Tensor>,
    /// Running means of the gradients and of their squares.
    means: [Vec<Tensor>; 2],
    /// On the host, as PyTorch has them.
    steps: Vec<Tensor>,
}

impl Mlp {
    fn new(sizes: &[i64]) -> Result<Mlp> {
        let mut params = Vec::new();
        for pair in sizes.windows(2) {
            params.push(ops::mul(&randn(&[pair[1], pair[0]])?, &Tensor::number(0.1)?)?);
            params.push(Tensor::zeros(&[pair[1] as usize], DType::F32)?);
        }
        params.iter().for_each(|p| p.set_requires_grad(true));
        let like = || params.iter().map(|p| Tensor::zeros(p.shape(), DType::F32)).collect::<Result<Vec<_>>>();
        let means = [like()?, like()?];
        let steps = params.iter().map(|_| Tensor::from_slice(&[0f32], &[])?.to_device(Device::Cpu));
        let steps = steps.collect::<Result<Vec<_>>>()?;
        Ok(Mlp { params, means, steps })
    }

    fn step(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let mut h = x.clone();
        for (i, layer) in self.params.chunks(2).enumerate() {
            h = ops::linear(&h, &layer[0], Some(&layer[1]))?;
            if 2 * i + 2 < self.params.len() {
                h = ops::relu(&h)?;
            }
        }
        let loss = ops::cross_entropy(&h, y, None, -100, "mean", 0.0)?;
        autograd::backward(&[loss.clone()], &[None], false, false, None)?;
        let [first, second] = &self.means;
        ops::adam_step(&self.params, first, second, &[], &self.steps, 1e-3, 0.9, 0.999, 1e-8, 0.0, false, false)?;
        self.params.iter().for_each(|p| p.set_grad(None));
        Ok(loss.detach())
    }
}

#[test]
fn a_network_learns_as_on_the_cpu() {
    on_each(|| {
        let [cpu, gpu] = both(|| {
            let net = Mlp::new(&[20, 32, 32, 5])?;
            let (x, y) = (randn(&[64, 20])?, ops::randint(5, &[64], None, None)?);
            (0..20).map(|_| Ok(net.step(&x, &y)?.to_vec::<f64>()?[0])).collect::<Result<Vec<f64>>>()
        })?;
        assert!(cpu[19] < cpu[0]);
        close(&cpu, &gpu, 1e-5);
        Ok(())
    });
}

#[test]
fn a_repeated_step_creates_nothing() {
    on_each(|| {
        device::set_default(Device::Gpu);
        let net = Mlp::new(&[784, 512, 512, 10])?;
        let (x, y) = (randn(&[64, 784])?, ops::randint(10, &[64], None, None)?);
        for _ in 0..4 {
            net.step(&x, &y)?.to_vec::<f64>()?;
        }
        let before = gpu::gpu()?.counters();
        net.step(&x, &y)?.to_vec::<f64>()?;
        let now = gpu::gpu()?.counters() - before;
        let none = [now.buffers, now.bind_groups, now.pipelines, now.uploads];
        assert_eq!((none, now.submits, now.passes, now.readbacks), ([0; 4], 1, 1, 1), "{now:?}");
        assert!(now.dispatches <= 25, "{now:?}");
        Ok(())
    });
}

#[test]
fn what_does_not_fit_in_32_bits_is_refused() {
    on_each(|| {
        let _gpu = device::enter(Device::Gpu);
        let small = Tensor::from_slice(&[1i64, -5], &[2])?;
        for refused in [
            Tensor::from_slice(&[1i64 << 40], &[1]).map(drop),
            Tensor::full(&[2], 1i64 << 40, DType::I64).map(drop),
            ops::add(&small, &Tensor::number(1i64 << 40)?).map(drop),
        ] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::DType);
        }
        // The extremes stand for what is beyond every number.
        let most = Tensor::full(&[1], i64::MAX, DType::I64)?;
        assert_eq!(ops::minimum(&most, &small)?.to_vec::<i64>()?, [1, -5]);
        assert_eq!(most.to_vec::<i64>()?, [i64::from(i32::MAX)]);
        Ok(())
    });
}

#[test]
fn a_bad_index_is_an_error_of_the_next_read() {
    on_each(|| {
        let _gpu = device::enter(Device::Gpu);
        let table = randn(&[4, 3])?;
        for bad in [4i64, -1] {
            let rows = ops::embedding(&Tensor::from_slice(&[0, bad], &[2])?, &table, None, None, 2.0, false, false)?;
            let e = rows.to_vec::<f32>().unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Index, "{e}");
            assert!(e.message().contains(&bad.to_string()), "{e}");
        }
        // It is told once, and nothing else is lost.
        assert_eq!(table.to_vec::<f32>()?.len(), 12);
        Ok(())
    });
}

/// Gradients of the loss in `x`, on the device that is current.
fn slope_of(x: &Tensor, loss: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Vec<f64>> {
    let leaf = x.detach();
    leaf.set_requires_grad(true);
    autograd::backward(&[ops::sum(&loss(&leaf)?, None)?], &[None], false, false, None)?;
    leaf.grad().expect("a gradient").to_vec::<f64>()
}

#[test]
fn ops_that_cannot_look_at_elements_find_another_way() {
    on_each(|| {
        type Case<'a> = (&'a str, &'a dyn Fn(&Tensor) -> Result<Tensor>);
        let ints = |v: &[i64], shape: &[usize]| Tensor::from_slice(v, shape);
        let cases: &[Case] = &[
            ("prod", &|x| ops::prod_dim(x, 1, false, None)),
            ("cumprod", &|x| ops::cumprod(x, 1, None)),
            ("matrix_exp", &|x| ops::matrix_exp(&ops::mul(x, &Tensor::number(3.0)?)?)),
            ("slogdet", &|x| Ok(ops::slogdet(x)?.1)),
            ("inv", &|x| ops::inv(x)),
            ("multilabel_margin", &|x| {
                ops::multilabel_margin_loss(
                    x,
                    &ints(&[1, 2, -1, 0, 0, -1, 2, 2, 3, 1, 0, -1, -1, 2, 1, 1], &[4, 4])?,
                    "sum",
                )
            }),
            ("bags", &|x| {
                let (rows, starts) = (ints(&[0, 3, 1, 1, 2], &[5])?, ints(&[0, 2, 2, 4], &[4])?);
                ops::embedding_bag(&rows, x, Some(&starts), None, 2.0, false, "mean", false, None, false, Some(1))
            }),
            ("put at a mask", &|x| {
                let mask = ops::gt(&x.detach(), &Tensor::number(0.0)?)?;
                ops::index_put(x, &[Some(mask)], &Tensor::zeros(&[1], DType::F32)?, false)
            }),
            ("ctc", &|x| {
                let logs = ops::log_softmax(&ops::reshape(x, &[4, 1, 4])?, 2, None)?;
                ops::ctc_loss(&logs, &ints(&[1, 1], &[1, 2])?, &[4], &[2], 0, "sum", false)
            }),
            ("label smoothing", &|x| ops::cross_entropy(x, &ints(&[1, 3, -100, 0], &[4])?, None, -100, "mean", 0.2)),
        ];
        for (name, f) in cases {
            let [cpu, gpu] = both(|| {
                let x = randn(&[4, 4])?;
                Ok([f(&x)?.to_vec::<f64>()?, slope_of(&x, f)?].concat())
            })?;
            eprintln!("{name}");
            close(&cpu, &gpu, 2e-4);
        }
        Ok(())
    });
}

/// What is wrong with elements, and the op that refuses them.
#[test]
fn elements_that_the_cpu_refuses_are_an_error_of_the_next_read() {
    type Case<'a> = (&'a str, &'a dyn Fn() -> Result<Tensor>);
    let ints = |v: &[i64]| Tensor::from_slice(v, &[v.len()]);
    let floats = |v: &[f32]| Tensor::from_slice(v, &[v.len()]);
    let matrix = |v: &[f32]| Tensor::from_slice(v, &[2, 2]);
    let singular = || matrix(&[1.0, 2.0, 2.0, 4.0]);
    let cases: &[Case] = &[
        ("floor_divide", &|| ops::floor_divide(&ints(&[1, 2, 3])?, &ints(&[1, 0, 2])?)),
        ("div trunc", &|| ops::div_rounded(&ints(&[1, 2, 3])?, &ints(&[1, 0, 2])?, Some("trunc"))),
        ("div floor", &|| ops::div_rounded(&ints(&[7])?, &ints(&[1, 3, 0])?, Some("floor"))),
        ("fmod", &|| ops::fmod(&ints(&[1, 2, 3])?, &ints(&[0])?)),
        ("remainder", &|| ops::remainder(&ints(&[1, 2, 3])?, &ints(&[1, 1, 0])?.cast_data(DType::I32)?)),
        ("remainder of bytes", &|| {
            let bytes = |v| ints(v)?.cast_data(DType::U8);
            ops::remainder(&bytes(&[1, 2, 3])?, &bytes(&[1, 1, 0])?)
        }),
        ("inv", &|| ops::inv(&singular()?)),
        ("inv_ex", &|| Ok(ops::inv_ex(&singular()?, true)?.0)),
        ("inv of the second", &|| {
            ops::inv(&Tensor::from_slice(&[1f32, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0], &[2, 2, 2])?)
        }),
        ("solve", &|| ops::linalg_solve(&singular()?, &floats(&[1.0, 1.0])?, true)),
        ("solve_ex", &|| Ok(ops::solve_ex(&singular()?, &floats(&[1.0, 1.0])?, true, true)?.0)),
        ("cholesky", &|| ops::cholesky(&matrix(&[1.0, 2.0, 2.0, 1.0])?, false)),
        ("cholesky_ex", &|| Ok(ops::cholesky_ex(&matrix(&[-1.0, 0.0, 0.0, 1.0])?, true, true)?.0)),
        ("lu_factor_ex", &|| Ok(ops::lu_factor_ex(&singular()?, true, true)?.0)),
        ("binary_cross_entropy", &|| {
            ops::binary_cross_entropy(&floats(&[0.5, 1.25])?, &floats(&[0.0, 1.0])?, None, "mean")
        }),
        ("binary_cross_entropy of NaN", &|| {
            ops::binary_cross_entropy(&floats(&[0.5, f32::NAN])?, &floats(&[0.0, 1.0])?, None, "none")
        }),
        ("gaussian_nll_loss", &|| {
            let x = floats(&[0.5, 1.25])?;
            ops::gaussian_nll_loss(&x, &x, &floats(&[1.0, -0.5])?, false, 1e-6, "sum")
        }),
        ("quantile", &|| ops::quantile(&floats(&[1.0, 2.0])?, &floats(&[0.5, 1.5])?, None, false, "linear")),
        ("nanquantile", &|| ops::nanquantile(&floats(&[1.0, 2.0])?, &floats(&[f32::NAN])?, None, false, "linear")),
        ("cov, fweights", &|| ops::cov(&matrix(&[1.0, 2.0, 3.0, 5.0])?, 1, Some(&ints(&[1, -1])?), None)),
        ("cov, aweights", &|| ops::cov(&matrix(&[1.0, 2.0, 3.0, 5.0])?, 1, None, Some(&floats(&[1.0, -0.25])?))),
        ("cov, all weights", &|| ops::cov(&matrix(&[1.0, 2.0, 3.0, 5.0])?, 1, None, Some(&floats(&[0.0, 0.0])?))),
        ("multinomial", &|| ops::multinomial(&floats(&[0.5, -1.0, 2.0])?, 2, false, None)),
        ("multinomial of infinity", &|| ops::multinomial(&floats(&[0.5, f32::INFINITY])?, 2, true, None)),
        ("multinomial of nothing", &|| ops::multinomial(&matrix(&[1.0, 0.5, 0.0, 0.0])?, 1, false, None)),
        ("bernoulli", &|| ops::bernoulli(&floats(&[0.5, 1.01])?, None)),
        ("normal", &|| ops::normal(&floats(&[0.5, 1.01])?, &floats(&[1.0, -1.0])?, None)),
        ("nll_loss", &|| ops::nll_loss(&matrix(&[1.0, 2.0, 3.0, 5.0])?, &ints(&[1, 2])?, None, -100, "mean")),
        ("cross_entropy", &|| {
            ops::cross_entropy(&matrix(&[1.0, 2.0, 3.0, 5.0])?, &ints(&[-1, 1])?, None, -100, "none", 0.0)
        }),
        ("one_hot", &|| ops::one_hot(&ints(&[0, 3])?, 3)),
        ("one_hot below", &|| ops::one_hot(&ints(&[0, -1])?, 3)),
        ("masked_scatter", &|| {
            let mask = ops::gt(&floats(&[1.0, 1.0, -1.0])?, &Tensor::number(0.0)?)?;
            ops::masked_scatter(&floats(&[1.0, 2.0, 3.0])?, &mask, &floats(&[9.0])?)
        }),
        ("repeat_interleave", &|| ops::repeat_interleave_tensor(&floats(&[1.0, 2.0])?, &ints(&[1, 3])?, None, Some(5))),
        ("repeat_interleave below", &|| {
            ops::repeat_interleave_tensor(&floats(&[1.0, 2.0])?, &ints(&[-1, 3])?, None, Some(2))
        }),
        ("ctc_loss", &|| {
            let logs = ops::log_softmax(&Tensor::zeros(&[4, 1, 3], DType::F32)?, 2, None)?;
            ops::ctc_loss_tensor(
                &logs,
                &Tensor::from_slice(&[1i64, 1], &[1, 2])?,
                &ints(&[5])?,
                &ints(&[2])?,
                0,
                "sum",
                false,
            )
        }),
    ];
    on_each(|| {
        for (name, f) in cases {
            let on_cpu = f().expect_err(name);
            let _gpu = device::enter(Device::Gpu);
            let there = f().unwrap_or_else(|e| panic!("{name}: refused at once: {e}"));
            let e = there.to_device(Device::Cpu).expect_err(name);
            assert_eq!(e.kind(), on_cpu.kind(), "{name}: {e}");
            // Without a call from TypeScript it is the kernel that gives its name, where it looks by the way.
            let sentence = |e: &cresset_core::Error| {
                let said = e.message().split(". A GPU finds").next().unwrap().trim_end_matches('.').to_string();
                said.split_once(": ").map_or(said.clone(), |parts| parts.1.to_string())
            };
            let (here, there) = (sentence(&on_cpu), sentence(&e));
            assert!(here == there || *name == "ctc_loss", "{name}: {there:?}, on the CPU {here:?}");
            // It is told once.
            assert_eq!(Tensor::ones(&[2], DType::F32)?.to_vec::<f32>()?, [1.0, 1.0], "{name}");
        }
        Ok(())
    });
}

/// What is looked at in a training step costs no launch of its own.
#[test]
fn looking_at_elements_by_the_way_launches_nothing() {
    on_each(|| {
        let _gpu = device::enter(Device::Gpu);
        let (x, y) = (ops::sigmoid(&randn(&[37])?)?, Tensor::ones(&[37], DType::F32)?);
        let (i, j) = (Tensor::full(&[37], 7i64, DType::I64)?, Tensor::full(&[37], 3i64, DType::I64)?);
        let launched = |f: &dyn Fn() -> Result<Tensor>| -> Result<u64> {
            let before = gpu::gpu()?.counters();
            f()?.to_vec::<f64>()?;
            Ok((gpu::gpu()?.counters() - before).dispatches as u64)
        };
        assert_eq!(launched(&|| ops::binary_cross_entropy(&x, &y, None, "none"))?, 1);
        assert_eq!(launched(&|| ops::remainder(&i, &j))?, 1);
        // What is drawn goes into its place, the comparison, the cast of what it gives; the same, the product, the sum.
        assert_eq!(launched(&|| ops::bernoulli(&x, None))?, 3);
        assert_eq!(launched(&|| ops::normal(&x, &y, None))?, 3);
        // Zeros, the one, and the write.
        assert_eq!(launched(&|| ops::one_hot(&j, 9))?, 3);
        Ok(())
    });
}
