//! The way to a kernel: plain data, as on the CPU.

use cresset_lane::{Attr, DType, Demand, Program};

use crate::device::Gpu;
use crate::error::{Error, Kind, Result};
use crate::kernels;
use crate::pool::Buffer;
use crate::transfer::check_dtype;

/// A strided window on device memory. Strides and the offset count elements; strides may be zero or negative.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub buffer: &'a Buffer,
    pub dtype: DType,
    pub shape: &'a [usize],
    pub strides: &'a [isize],
    /// Where the element at index (0, 0, ...) is.
    pub offset: usize,
}

impl View<'_> {
    /// How many elements it has.
    pub fn numel(&self) -> usize {
        self.shape.iter().product()
    }

    /// Row-major without gaps; dimensions of size 1 may have any stride.
    pub fn is_contiguous(&self) -> bool {
        let mut expect = 1;
        for (&n, &s) in self.shape.iter().zip(self.strides).rev() {
            if n == 0 {
                return true;
            }
            if n != 1 && s != expect {
                return false;
            }
            expect *= n as isize;
        }
        true
    }
}

/// Which kernel: its name, under which the CPU has the same, and for a pointwise one what it computes.
#[derive(Clone, Copy)]
pub struct Kernel {
    pub name: &'static str,
    pub program: Option<fn() -> Program>,
    /// What an input's elements must be: looked at by the kernel while it computes.
    pub demand: Option<&'static Demand>,
}

/// What a kernel is given.
#[derive(Clone, Copy)]
pub(crate) struct Launch<'a> {
    pub gpu: &'a Gpu,
    pub name: &'static str,
    pub ins: &'a [View<'a>],
    pub outs: &'a [View<'a>],
    pub attrs: &'a [Attr],
    pub demand: Option<&'static Demand>,
}

impl Launch<'_> {
    /// An error that says what this kernel cannot do.
    pub fn refuse<T>(&self, what: &str) -> Result<T> {
        Err(Error::new(
            Kind::Unsupported,
            format!("{}: {what} cannot be computed on a GPU. Compute it on the CPU: x.to('cpu').", self.name),
        ))
    }
}

/// Whether there is a kernel of this name, or a program that all operands' types have the functions for.
pub fn supports(kernel: &Kernel, dtype: DType) -> bool {
    dtype != DType::F64
        && (kernels::find(kernel.name).is_some()
            || kernel.program.is_some_and(|program| kernels::pointwise::can(&program(), dtype)))
}

/// Appends a kernel to the stream. Shapes, attributes and indices were checked by the op that launches it.
///
/// # Errors
/// `DType` for float64, `Unsupported` where there is no kernel, `Limit` for operands beyond 2^32 elements.
pub fn launch(gpu: &Gpu, kernel: Kernel, ins: &[View], outs: &[View], attrs: &[Attr]) -> Result<()> {
    for v in ins.iter().chain(outs) {
        check_dtype(v.dtype)?;
        if v.numel() > u32::MAX as usize / 4 {
            let message = format!("{}: {} elements are too many for a GPU: 2^30 is the limit.", kernel.name, v.numel());
            return Err(Error::new(Kind::Limit, message));
        }
    }
    if outs.iter().all(|v| v.numel() == 0) {
        return Ok(());
    }
    let l = Launch { gpu, name: kernel.name, ins, outs, attrs, demand: kernel.demand };
    // No kernel of the table has a program.
    if let Some(program) = kernel.program {
        return kernels::pointwise::run(&l, program);
    }
    match kernels::find(kernel.name) {
        Some(entry) if entry.in_place => (entry.run)(&l),
        Some(entry) => apart(&l, entry.run),
        None => l.refuse("this"),
    }
}

/// Runs a kernel whose outputs must not be its inputs: inputs in an output's memory are copied first.
fn apart(l: &Launch, run: fn(&Launch) -> Result<()>) -> Result<()> {
    let shared = |v: &View| l.outs.iter().any(|out| out.buffer.same(v.buffer));
    if !l.ins.iter().any(shared) {
        return run(l);
    }
    let mut copies = Vec::new();
    for v in l.ins {
        copies.push(if shared(v) { Some(kernels::copy::contiguous(l.gpu, v)?) } else { None });
    }
    let ins: Vec<View> = l.ins.iter().zip(&copies).map(|(v, c)| c.as_ref().map_or(*v, |c| c.view(v))).collect();
    run(&Launch { ins: &ins, ..*l })
}
