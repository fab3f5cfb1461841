//! A training step, of the kernels that the ops of a multilayer perceptron launch: on the GPU and on the CPU the same losses, and at
//! steady state nothing is created.

use cpu::{elementwise, gemm, optim, reduce};
use cresset_cpu as cpu;
use cresset_lane::expr::activation::relu;
use cresset_lane::{Attr, DType};

use crate::testing::{Rng, as_each, on_each};
use crate::{AdapterKind, Buffer, Counters, Gpu, Kernel, View, launch};

/// What computes: memories by number, and launches on row-major tensors in them.
trait Machine {
    fn new_floats(&mut self, n: usize) -> usize;
    fn upload(&mut self, dtype: DType, bytes: &[u8]) -> usize;
    fn run(&mut self, kernel: cpu::Kernel, ins: &[&Tensor], outs: &[&Tensor], attrs: &[Attr]);
    fn read(&mut self, t: &Tensor) -> Vec<f32>;
    /// Frees every memory made after the first `kept`.
    fn free(&mut self, kept: usize);
}

struct Tensor {
    memory: usize,
    dtype: DType,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

impl Tensor {
    fn new(memory: usize, dtype: DType, shape: &[usize]) -> Tensor {
        let mut strides = vec![1isize; shape.len()];
        for d in (1..shape.len()).rev() {
            strides[d - 1] = strides[d] * shape[d] as isize;
        }
        Tensor { memory, dtype, shape: shape.to_vec(), strides }
    }
    fn turned(&self) -> Tensor {
        self.seen(&[self.shape[1], self.shape[0]], &[self.strides[1], self.strides[0]])
    }
    fn seen(&self, shape: &[usize], strides: &[isize]) -> Tensor {
        Tensor { memory: self.memory, dtype: self.dtype, shape: shape.to_vec(), strides: strides.to_vec() }
    }
}

#[derive(Default)]
struct Host(Vec<Vec<u64>>);

impl Machine for Host {
    fn new_floats(&mut self, n: usize) -> usize {
        self.0.push(vec![0; n.div_ceil(2) + 1]);
        self.0.len() - 1
    }
    fn upload(&mut self, _: DType, bytes: &[u8]) -> usize {
        self.0.push(vec![0; bytes.len().div_ceil(8)]);
        let to = self.0.last_mut().unwrap().as_mut_ptr().cast::<u8>();
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        self.0.len() - 1
    }
    fn run(&mut self, kernel: cpu::Kernel, ins: &[&Tensor], outs: &[&Tensor], attrs: &[Attr]) {
        let starts: Vec<*mut u8> = self.0.iter_mut().map(|m| m.as_mut_ptr().cast()).collect();
        fn view<'a>(t: &&'a Tensor, starts: &[*mut u8]) -> cpu::View<'a> {
            cpu::View { ptr: starts[t.memory], dtype: t.dtype, shape: &t.shape, strides: &t.strides }
        }
        let ins: Vec<cpu::View> = ins.iter().map(|t| view(t, &starts)).collect();
        let outs: Vec<cpu::View> = outs.iter().map(|t| view(t, &starts)).collect();
        let mut l = cpu::Launch::new(&outs, &ins, attrs);
        let mut scratch = vec![0u8; kernel.scratch.map_or(0, |f| f(&l)) + 64];
        l.scratch = unsafe { scratch.as_mut_ptr().add(scratch.as_ptr().align_offset(64)) };
        (kernel.run)(&l);
    }
    fn read(&mut self, t: &Tensor) -> Vec<f32> {
        let p = self.0[t.memory].as_ptr().cast::<f32>();
        (0..t.shape.iter().product()).map(|i| unsafe { *p.add(i) }).collect()
    }
    fn free(&mut self, kept: usize) {
        self.0.truncate(kept);
    }
}

struct Device<'a>(&'a Gpu, Vec<Buffer>);

impl Machine for Device<'_> {
    fn new_floats(&mut self, n: usize) -> usize {
        self.1.push(self.0.buffer(n).unwrap());
        self.1.len() - 1
    }
    fn upload(&mut self, dtype: DType, bytes: &[u8]) -> usize {
        self.1.push(self.0.upload(dtype, bytes).unwrap());
        self.1.len() - 1
    }
    fn run(&mut self, kernel: cpu::Kernel, ins: &[&Tensor], outs: &[&Tensor], attrs: &[Attr]) {
        let view = |t: &&'_ Tensor| {
            let (buffer, t): (&Buffer, &Tensor) = (&self.1[t.memory], unsafe { &*std::ptr::from_ref(*t) });
            View { buffer, dtype: t.dtype, shape: &t.shape, strides: &t.strides, offset: 0 }
        };
        let ins: Vec<View> = ins.iter().map(view).collect();
        let outs: Vec<View> = outs.iter().map(view).collect();
        let kernel = Kernel { name: kernel.name, program: kernel.program, demand: None };
        launch(self.0, kernel, &ins, &outs, attrs).unwrap();
    }
    fn read(&mut self, t: &Tensor) -> Vec<f32> {
        let bytes =
            pollster::block_on(self.0.read(&self.1[t.memory], DType::F32, 0, t.shape.iter().product())).unwrap();
        bytes.chunks_exact(4).map(|v| f32::from_ne_bytes(v.try_into().unwrap())).collect()
    }
    fn free(&mut self, kept: usize) {
        self.1.truncate(kept);
    }
}

const BATCH: usize = 64;

fn floats(rng: &mut Rng, n: usize, scale: f64) -> Vec<u8> {
    (0..n).flat_map(|_| ((rng.float() * scale) as f32).to_ne_bytes()).collect()
}

/// A perceptron with layers of these sizes, trained by Adam for some steps: the losses. `after` is called behind each step.
fn train(m: &mut dyn Machine, sizes: &[usize], steps: usize, mut after: impl FnMut(usize)) -> Vec<f32> {
    let mut rng = Rng(5);
    let layers = sizes.len() - 1;
    let (mut parameters, mut states) = (Vec::new(), Vec::new());
    for pair in sizes.windows(2) {
        for shape in [vec![pair[1], pair[0]], vec![pair[1]]] {
            let n = shape.iter().product();
            let bytes = floats(&mut rng, n, 1.0 / (pair[0] as f64).sqrt());
            parameters.push(Tensor::new(m.upload(DType::F32, &bytes), DType::F32, &shape));
            let zeros = vec![0; 4 * n];
            states.push([0; 2].map(|_| Tensor::new(m.upload(DType::F32, &zeros), DType::F32, &shape)));
        }
    }
    let kept = 3 * parameters.len();
    let mut losses = Vec::new();
    let one = || [Attr::from(1.0), Attr::from(1.0)];
    let put = |m: &mut dyn Machine, shape: &[usize]| {
        let n = shape.iter().product();
        Tensor::new(m.new_floats(n), DType::F32, shape)
    };
    for step in 1..=steps {
        let bytes = floats(&mut rng, BATCH * sizes[0], 1.0);
        let x = Tensor::new(m.upload(DType::F32, &bytes), DType::F32, &[BATCH, sizes[0]]);
        let classes: Vec<u8> = (0..BATCH).flat_map(|i| ((i * 7 % sizes[layers]) as i64).to_ne_bytes()).collect();
        let target = Tensor::new(m.upload(DType::I64, &classes), DType::I64, &[BATCH, 1]);
        // Forward.
        let mut inputs = vec![x];
        for i in 0..layers {
            let (w, b) = (&parameters[2 * i], &parameters[2 * i + 1]);
            let z = put(m, &[BATCH, sizes[i + 1]]);
            let spread = b.seen(&z.shape, &[0, 1]);
            m.run(gemm::MATMUL, &[&inputs[i], &w.turned(), &spread], &[&z], &one());
            if i + 1 < layers {
                let h = put(m, &z.shape);
                m.run(elementwise::num::<relu::Op>(), &[&z], &[&h], &[]);
                inputs.push(h);
            } else {
                inputs.push(z);
            }
        }
        let c = sizes[layers];
        let logits = put(m, &[BATCH, c]);
        m.run(reduce::LOG_SOFTMAX, &[&inputs[layers]], &[&logits], &[Attr::from(1usize)]);
        let (loss, total) = (put(m, &[]), put(m, &[]));
        let rule = [Attr::from(1i64), Attr::from(-100i64), Attr::from(0.0)];
        let cube = |t: &Tensor| t.seen(&[BATCH, c, 1], &[c as isize, 1, 1]);
        m.run(reduce::NLL_LOSS, &[&cube(&logits), &target], &[&loss, &total], &rule);
        // Backward.
        let g = Tensor::new(m.upload(DType::F32, &1f32.to_ne_bytes()), DType::F32, &[]).seen(&[BATCH, 1], &[0, 0]);
        let mut dz = put(m, &[BATCH, c]);
        m.run(reduce::CROSS_ENTROPY_BACKWARD, &[&g, &target, &total, &cube(&logits)], &[&cube(&dz)], &rule);
        let mut gradients = Vec::new();
        for i in (0..layers).rev() {
            let (w, b) = (&parameters[2 * i], &parameters[2 * i + 1]);
            let (dw, db) = (put(m, &w.shape), put(m, &b.shape));
            m.run(gemm::MATMUL, &[&dz.turned(), &inputs[i]], &[&dw], &[]);
            m.run(reduce::SUM, &[&dz], &[&db.seen(&[1, b.shape[0]], &[b.shape[0] as isize, 1])], &[Attr::from(1.0)]);
            gradients.insert(0, db);
            gradients.insert(0, dw);
            if i > 0 {
                let (dh, before) = (put(m, &inputs[i].shape), put(m, &inputs[i].shape));
                m.run(gemm::MATMUL, &[&dz, w], &[&dh], &[]);
                type Dx = <relu::Op as cresset_lane::expr::Pointwise>::D0;
                m.run(elementwise::derivative::<Dx>(), &[&dh, &inputs[i]], &[&before], &[]);
                dz = before;
            }
        }
        // Adam.
        let shared = [0.9, 0.999, 1e-8, 0.0].map(Attr::from).into_iter();
        let shared = shared.chain([Attr::from(false), Attr::from(1e-3), Attr::from(false)]);
        let t = step as i32;
        let own = [1e-3 / (1.0 - 0.9f64.powi(t)), (1.0 - 0.999f64.powi(t)).sqrt()].map(Attr::from);
        let attrs: Vec<Attr> = shared.chain((0..parameters.len()).flat_map(|_| own)).collect();
        let ins: Vec<&Tensor> = gradients.iter().collect();
        let outs: Vec<&Tensor> =
            parameters.iter().chain(states.iter().map(|s| &s[0])).chain(states.iter().map(|s| &s[1])).collect();
        m.run(optim::ADAM_STEP, &ins, &outs, &attrs);
        losses.push(m.read(&loss)[0]);
        m.free(kept);
        after(step);
    }
    losses
}

#[test]
fn the_losses_are_those_of_the_cpu() {
    let sizes = [20, 33, 17, 5];
    let want = train(&mut Host::default(), &sizes, 12, |_| {});
    assert!(want[11].is_finite());
    on_each(|gpu| {
        let got = train(&mut Device(gpu, Vec::new()), &sizes, 12, |_| {});
        for (step, (g, w)) in got.iter().zip(&want).enumerate() {
            assert!((g - w).abs() < 1e-5, "step {step} on {}: {g} in place of {w}", gpu.name());
        }
    });
}

#[test]
fn a_step_at_steady_state_creates_nothing() {
    let kinds = [AdapterKind::Discrete, AdapterKind::Integrated, AdapterKind::Unknown, AdapterKind::Cpu];
    as_each(&kinds, || on_each(steady));
}

fn steady(gpu: &Gpu) {
    let mut before = Counters::default();
    let mut did = Counters::default();
    train(&mut Device(gpu, Vec::new()), &[784, 512, 512, 10], 4, |step| {
        did = gpu.counters() - before;
        before = gpu.counters();
        assert!(step < 3 || did.dispatches <= 25, "{did:?}");
    });
    assert_eq!((did.submits, did.passes, did.readbacks), (1, 1, 1), "{did:?}");
    assert_eq!((did.buffers, did.bind_groups, did.pipelines), (0, 0, 0), "{did:?}");
}
