//! What the kernels' tests share: the adapters to test on, and launches that run on the CPU and on each of them.
//!
//! Tests run on two software adapters, SwiftShader and lavapipe, in whatever order; a result must be the CPU kernel's, and
//! memory beside an output must be what it was.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::Path;

use cresset_cpu as cpu;
use cresset_lane::{Attr, DType};

use crate::pipeline::Key;
use crate::{AdapterKind, Buffer, Gpu, Kernel, Options, Result, View, launch};

/// Writes the text of a kernel into the folder that CRESSET_WGSL names, for other compilers of WGSL to be tried on.
pub(crate) fn keep_text(key: Key, text: &str) {
    use std::hash::{DefaultHasher, Hash, Hasher};
    if text.contains("subgroup") {
        JOINING.with(|all| all.borrow_mut().insert(key));
    }
    if let Some(folder) = std::env::var_os("CRESSET_WGSL") {
        let mut hash = DefaultHasher::new();
        text.hash(&mut hash);
        let name = format!("{}-{:016x}.wgsl", key.kernel.replace(' ', "_"), hash.finish());
        std::fs::write(Path::new(&folder).join(name), text).unwrap();
    }
}

thread_local! {
    static ADAPTERS: Vec<Gpu> = crate::drivers::open_software(Options::default());
    /// The same adapters, in the same order, asked not to use subgroups.
    static WITHOUT: Vec<Gpu> = crate::drivers::open_software(Options { subgroups: false });
    /// Kernels whose text uses subgroups, and whether one of them ran since somebody asked.
    static JOINING: RefCell<HashSet<Key>> = RefCell::default();
    static JOINED: Cell<bool> = const { Cell::new(false) };
}

/// Notes that a kernel runs.
pub(crate) fn note(key: Key) {
    if JOINING.with(|all| all.borrow().contains(&key)) {
        JOINED.set(true);
    }
}

/// Runs a test on every adapter.
pub fn on_each(test: impl Fn(&Gpu)) {
    ADAPTERS.with(|all| all.iter().for_each(test));
}

/// Runs a test on every adapter, and where it used subgroups once more on one that was asked not to.
pub fn in_each_form(test: impl Fn(&Gpu)) {
    ADAPTERS.with(|all| {
        for (i, gpu) in all.iter().enumerate() {
            JOINED.set(false);
            test(gpu);
            if JOINED.get() {
                WITHOUT.with(|all| test(&all[i]));
            }
        }
    });
}

/// Runs a test as if the adapters were of each of these kinds, whose kernels go other ways.
pub fn as_each(kinds: &[AdapterKind], test: impl Fn()) {
    for &kind in kinds {
        everywhere(|gpu| gpu.0.traits.kind.set(kind));
        test();
    }
    everywhere(|gpu| gpu.0.traits.kind.set(AdapterKind::Cpu));
}

/// Does something to every device that tests run on.
pub fn everywhere(f: impl Fn(&Gpu)) {
    [&ADAPTERS, &WITHOUT].into_iter().for_each(|all| all.with(|all| all.iter().for_each(&f)));
}

/// A small deterministic generator (xorshift64*).
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
    /// Uniform in [-1, 1).
    pub fn float(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 47) as f64 - 1.0
    }
}

/// Appends one element's bytes.
fn encode(dtype: DType, v: f64, to: &mut Vec<u8>) {
    match dtype {
        DType::F32 => to.extend((v as f32).to_ne_bytes()),
        DType::F64 => to.extend(v.to_ne_bytes()),
        DType::I64 => to.extend((v as i64).to_ne_bytes()),
        DType::I32 => to.extend((v as i64 as i32).to_ne_bytes()),
        DType::U8 => to.push(v as i64 as u8),
        DType::Bool => to.push((v != 0.0) as u8),
    }
}

/// One element.
pub fn decode(dtype: DType, bytes: &[u8]) -> f64 {
    match dtype {
        DType::F32 => f32::from_ne_bytes(bytes.try_into().unwrap()) as f64,
        DType::F64 => f64::from_ne_bytes(bytes.try_into().unwrap()),
        DType::I64 => i64::from_ne_bytes(bytes.try_into().unwrap()) as f64,
        DType::I32 => i32::from_ne_bytes(bytes.try_into().unwrap()) as f64,
        DType::U8 | DType::Bool => bytes[0] as f64,
    }
}

/// Host memory of one dtype.
#[derive(Clone)]
pub struct Memory {
    pub dtype: DType,
    pub bytes: Vec<u8>,
}

/// A strided window on a memory of the scene.
#[derive(Clone)]
pub struct Operand {
    pub memory: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<isize>,
    pub offset: usize,
}

/// A launch as data: memories, and operands in them.
#[derive(Clone, Default)]
pub struct Scene {
    pub memories: Vec<Memory>,
    pub ins: Vec<Operand>,
    pub outs: Vec<Operand>,
    pub attrs: Vec<Attr>,
}

/// How an operand lies in its memory.
#[derive(Clone, Copy, PartialEq)]
pub enum Layout {
    RowMajor,
    /// Row-major from a multiple of this on.
    At(usize),
    /// Dimensions in any order, gaps, negative strides.
    Scattered,
    /// The same with broadcast dimensions, for inputs.
    Broadcast,
}

impl Scene {
    /// A new memory and an operand in it.
    pub fn operand(
        &mut self,
        dtype: DType,
        shape: &[usize],
        layout: Layout,
        rng: &mut Rng,
        value: &mut dyn FnMut(&mut Rng) -> f64,
    ) -> Operand {
        let rank = shape.len();
        let (mut strides, mut step, mut offset) = (vec![0isize; rank], 1isize, 0isize);
        let mut order: Vec<usize> = (0..rank).rev().collect();
        let scattered = matches!(layout, Layout::Scattered | Layout::Broadcast);
        if scattered {
            for i in (1..rank).rev() {
                order.swap(i, rng.below(i + 1));
            }
            step += rng.below(2) as isize;
        }
        for d in order {
            if layout == Layout::Broadcast && rng.below(3) == 0 {
                continue;
            }
            strides[d] = step;
            step *= (shape[d] + if scattered { rng.below(2) } else { 0 }).max(1) as isize;
            if scattered && rng.below(4) == 0 && shape[d] > 0 {
                offset += strides[d] * (shape[d] as isize - 1);
                strides[d] = -strides[d];
            }
        }
        if let Layout::At(n) = layout {
            offset += n as isize;
        }
        let numel = (step + offset) as usize + 3;
        let mut bytes = Vec::with_capacity(numel * dtype.size());
        (0..numel).for_each(|_| encode(dtype, value(rng), &mut bytes));
        self.memories.push(Memory { dtype, bytes });
        Operand { memory: self.memories.len() - 1, shape: shape.to_vec(), strides, offset: offset as usize }
    }

    pub fn input(
        &mut self,
        dtype: DType,
        shape: &[usize],
        layout: Layout,
        rng: &mut Rng,
        mut value: impl FnMut(&mut Rng) -> f64,
    ) -> &mut Self {
        let o = self.operand(dtype, shape, layout, rng, &mut value);
        self.ins.push(o);
        self
    }

    pub fn output(&mut self, dtype: DType, shape: &[usize], layout: Layout, rng: &mut Rng) -> &mut Self {
        let o = self.operand(dtype, shape, layout, rng, &mut |r| r.below(2) as f64);
        self.outs.push(o);
        self
    }

    pub fn attrs(&mut self, attrs: &[Attr]) -> &mut Self {
        self.attrs = attrs.to_vec();
        self
    }

    /// The memories after the CPU's kernel ran.
    pub fn on_cpu(&self, kernel: cpu::Kernel) -> Vec<Memory> {
        let mut memories = self.memories.clone();
        let starts: Vec<*mut u8> = memories.iter_mut().map(|m| m.bytes.as_mut_ptr()).collect();
        let view = |o: &'_ Operand| -> cpu::View<'_> {
            let dtype = self.memories[o.memory].dtype;
            // Safety of the lifetime: operands outlive the launch.
            let o: &Operand = unsafe { &*std::ptr::from_ref(o) };
            cpu::View {
                ptr: starts[o.memory].wrapping_add(o.offset * dtype.size()),
                dtype,
                shape: &o.shape,
                strides: &o.strides,
            }
        };
        let ins: Vec<cpu::View> = self.ins.iter().map(view).collect();
        let outs: Vec<cpu::View> = self.outs.iter().map(view).collect();
        let part = cpu::Part::WHOLE;
        let mut l = cpu::Launch { part, ..cpu::Launch::new(&outs, &ins, &self.attrs) };
        let mut scratch = vec![0u8; kernel.scratch.map_or(0, |f| f(&l)) + 64];
        l.scratch = unsafe { scratch.as_mut_ptr().add(scratch.as_ptr().align_offset(64)) };
        (kernel.run)(&l);
        memories
    }

    /// The memories after the GPU's kernel ran.
    pub fn on_gpu(&self, gpu: &Gpu, kernel: Kernel) -> Result<Vec<Memory>> {
        let mut buffers: Vec<Buffer> = Vec::new();
        for m in &self.memories {
            buffers.push(gpu.upload(m.dtype, &m.bytes)?);
        }
        fn view<'a>(o: &'a Operand, m: &[Memory], b: &'a [Buffer]) -> View<'a> {
            View {
                buffer: &b[o.memory],
                dtype: m[o.memory].dtype,
                shape: &o.shape,
                strides: &o.strides,
                offset: o.offset,
            }
        }
        let ins: Vec<View> = self.ins.iter().map(|o| view(o, &self.memories, &buffers)).collect();
        let outs: Vec<View> = self.outs.iter().map(|o| view(o, &self.memories, &buffers)).collect();
        launch(gpu, kernel, &ins, &outs, &self.attrs)?;
        let mut after = Vec::new();
        for (m, b) in self.memories.iter().zip(&buffers) {
            let bytes = pollster::block_on(gpu.read(b, m.dtype, 0, m.bytes.len() / m.dtype.size()))?;
            after.push(Memory { dtype: m.dtype, bytes });
        }
        Ok(after)
    }

    /// Asserts that every adapter, with subgroups and without, gives what the CPU gives: floats within `rel` of their size plus `abs`, integers exactly.
    pub fn check(&self, kernel: cpu::Kernel, rel: f64, abs: f64) {
        let want = self.on_cpu(kernel);
        in_each_form(|gpu| {
            let k = Kernel { name: kernel.name, program: kernel.program, demand: None };
            let got = self.on_gpu(gpu, k).unwrap_or_else(|e| panic!("{} on {}: {e}", kernel.name, gpu.name()));
            for (m, (got, want)) in got.iter().zip(&want).enumerate() {
                if got.bytes == want.bytes {
                    continue;
                }
                let size = want.dtype.size();
                for (i, (g, w)) in got.bytes.chunks(size).zip(want.bytes.chunks(size)).enumerate() {
                    let (g, w) = (decode(want.dtype, g), decode(want.dtype, w));
                    let near = want.dtype == DType::F32 && (g - w).abs() <= rel * w.abs() + abs;
                    if !(g == w || (g.is_nan() && w.is_nan()) || near) {
                        panic!("{}", self.complain(kernel.name, gpu, m, i, g, w));
                    }
                }
            }
        });
    }

    fn complain(&self, name: &str, gpu: &Gpu, memory: usize, i: usize, got: f64, want: f64) -> String {
        let mut text =
            format!("{name} on {}: memory {memory}, element {i} is {got:?} in place of {want:?}", gpu.name());
        for (what, list) in [("in", &self.ins), ("out", &self.outs)] {
            for o in list {
                let m = &self.memories[o.memory];
                let size = m.dtype.size();
                let here = m.bytes.chunks(size).nth(i).map(|v| decode(m.dtype, v));
                text += &format!(
                    "\n  {what}: memory {} {} {:?} {:?} + {}, its element {i}: {here:?}",
                    o.memory, m.dtype, o.shape, o.strides, o.offset
                );
            }
        }
        text
    }
}
