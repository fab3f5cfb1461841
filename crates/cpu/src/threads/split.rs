//! How a launch is cut into pieces.
//!
//! A kernel that can be cut names a [`Split`]: a dimension, where each operand has it, and how long the whole takes. From that
//! and the number of threads follow the pieces ([`Plan`]): launches of the same kernel on a range of that dimension.

use super::pool;
use crate::{Kernel, Launch, Part, View};
use cresset_lane::DType;

/// A piece takes at least so many nanoseconds: waking a worker costs a few thousand of them, and twenty thousand if it sleeps.
/// Tests cut small launches.
const GRAIN: usize = if cfg!(test) { 200 } else { 20_000 };
/// Operands of a launch that is cut, and their dimensions: pieces are planned on the stack.
const MOST_OPERANDS: usize = 16;
const MOST_DIMS: usize = 8;

/// At which dimension an operand is cut.
pub type Cut = u8;
/// Of an operand that every piece sees whole.
pub const WHOLE: Cut = u8::MAX;

/// What can be cut.
#[derive(Clone, Copy, Debug)]
pub struct Split {
    /// Size of the dimension.
    pub len: usize,
    /// Pieces begin at multiples of this, and have at least so many positions.
    pub unit: usize,
    /// Nanoseconds the whole takes on one thread, roughly.
    pub time: usize,
    /// Pieces for each thread: several, so that nobody waits long for the last one; one where a piece repeats work.
    pub each: usize,
    /// The dimension in every output and then in every input. None: a kernel over lists, which is told its part.
    pub cuts: Option<[Cut; MOST_OPERANDS]>,
}

impl Split {
    /// Dimension `dim` of every operand.
    pub fn all(launch: &Launch, dim: usize, unit: usize, time: usize) -> Split {
        let len = launch.outs[0].shape[dim];
        Split { len, unit, time, each: 4, cuts: Some([dim as Cut; MOST_OPERANDS]) }
    }

    /// The same, but these operands, outputs first, are cut elsewhere.
    pub fn but(mut self, others: &[(usize, Cut)]) -> Split {
        if let Some(cuts) = &mut self.cuts {
            others.iter().for_each(|&(operand, cut)| cuts[operand] = cut);
        }
        self
    }
}

/// Kernels over lists of tensors, which are told their part: `PS` picoseconds for an element of the inputs.
pub fn lists<const PS: usize>(launch: &Launch) -> Option<Split> {
    let elements = launch.ins.iter().map(View::numel).sum();
    Some(Split { len: elements, unit: 1024, time: time(elements, PS), each: 4, cuts: None })
}

/// Pointwise kernels, which take `PS` picoseconds an element: the outermost dimension that is long enough, else the longest.
pub fn pointwise<const PS: usize>(launch: &Launch) -> Option<Split> {
    let out = &launch.outs[0];
    let dim = longest(out.shape, |_| true)?;
    Some(Split::all(launch, dim, 16, time(out.numel(), PS)))
}

/// Kernels along one dimension, `attrs[0]`, of operands of one shape: any other dimension.
pub fn rows<const PS: usize>(launch: &Launch) -> Option<Split> {
    let along = launch.attrs[0].n();
    let x = &launch.ins[0];
    let dim = longest(x.shape, |d| d != along)?;
    Some(Split::all(launch, dim, 1, time(x.numel(), PS)))
}

/// Reductions: a dimension that is kept. Neighbouring results are folded `GROUP` (a power of two) at a time, and cuts lie between
/// groups; rows that are reduced have none.
pub fn kept<const PS: usize, const GROUP: usize>(launch: &Launch) -> Option<Split> {
    let (x, out) = (&launch.ins[0], &launch.outs[0]);
    let is_kept = |d: usize| out.shape[d] == x.shape[d];
    let dim = longest(x.shape, is_kept)?;
    let by_rows = (0..x.shape.len()).rfind(|&d| x.shape[d] > 1).is_some_and(|d| !is_kept(d) && x.strides[d] == 1);
    let inside: usize = (dim + 1..x.shape.len()).filter(|&d| is_kept(d)).map(|d| x.shape[d]).product();
    let unit = if by_rows { 1 } else { GROUP >> inside.trailing_zeros().min(GROUP.trailing_zeros()) };
    Some(Split::all(launch, dim, unit, time(x.numel(), PS)))
}

/// Kernels on stacks of planes (images, channels, ...): images if there are enough, else channels. `PS` picoseconds for an
/// element of the largest operand.
pub fn planes<const PS: usize>(launch: &Launch) -> Option<Split> {
    let shape = launch.outs[0].shape;
    let elements = launch.outs.iter().chain(launch.ins).map(View::numel).max()?;
    let dim = longest(&shape[..2], |_| true)?;
    Some(Split::all(launch, dim, 1, time(elements, PS)))
}

fn time(elements: usize, ps: usize) -> usize {
    elements.saturating_mul(ps) / 1000
}

/// The outermost allowed dimension with a dozen positions for each thread, else the longest one.
fn longest(shape: &[usize], allowed: impl Fn(usize) -> bool) -> Option<usize> {
    let enough = 12 * pool::threads();
    let mut best: Option<usize> = None;
    for d in (0..shape.len()).filter(|&d| shape[d] > 1 && allowed(d)) {
        if shape[d] >= enough {
            return Some(d);
        }
        if best.is_none_or(|b| shape[d] > shape[b]) {
            best = Some(d);
        }
    }
    best
}

/// How a launch will be computed: the pieces, and the scratch memory of whoever computes them.
pub struct Plan {
    split: Option<Split>,
    pieces: usize,
    /// Positions of a piece; the last one has what is left.
    per: usize,
    /// Bytes for each thread.
    scratch: usize,
}

impl Plan {
    /// Plans for the threads that are there now.
    pub fn new(kernel: &Kernel, launch: &Launch) -> Plan {
        let threads = pool::threads();
        if threads > 1
            && let Some(split) = divisible(kernel, launch)
        {
            let units = split.len / split.unit;
            let per = units.div_ceil((threads * split.each).min(split.time / GRAIN));
            let pieces = units.div_ceil(per);
            if pieces > 1 {
                let mut plan = Plan { split: Some(split), pieces, per: per * split.unit, scratch: 0 };
                // Not every piece takes the same path through a kernel: a short last one may need more.
                if let Some(need) = kernel.scratch {
                    let most = (0..pieces).map(|piece| plan.piece(launch, piece, need)).max().unwrap_or(0);
                    plan.scratch = most.next_multiple_of(64);
                }
                return plan;
            }
        } else if threads == 1 && pool::allowed() && divisible(kernel, launch).is_some() {
            pool::want();
        }
        Plan { split: None, pieces: 1, per: 0, scratch: kernel.scratch.map_or(0, |need| need(launch)) }
    }

    /// Whether more than one piece will be computed.
    pub fn is_cut(&self) -> bool {
        self.pieces > 1
    }

    /// Bytes of scratch memory that `run` needs, on a multiple of 64.
    pub fn scratch(&self) -> usize {
        if self.is_cut() { self.scratch * pool::threads() } else { self.scratch }
    }

    /// Computes the launch, whose scratch memory is in place.
    pub fn run(&self, kernel: &Kernel, launch: &Launch) {
        if !self.is_cut() {
            return (kernel.run)(launch);
        }
        let shared = Shared(launch);
        pool::run(self.pieces, &|piece, thread| {
            let launch = shared.get();
            let scratch = launch.scratch.wrapping_add(thread * self.scratch);
            self.piece(launch, piece, |part| (kernel.run)(&Launch { scratch, ..*part }));
        });
    }

    /// Calls `f` with one piece of the launch.
    fn piece<R>(&self, launch: &Launch, piece: usize, f: impl FnOnce(&Launch) -> R) -> R {
        let Some(split) = &self.split else { return f(launch) };
        let Some(cuts) = split.cuts else {
            return f(&Launch { part: Part { index: piece, of: self.pieces, ..Part::WHOLE }, ..*launch });
        };
        let (outs, start) = (launch.outs.len(), piece * self.per);
        let len = if piece + 1 == self.pieces { split.len - start } else { self.per };
        let empty = View { ptr: std::ptr::null_mut(), dtype: DType::F32, shape: &[], strides: &[] };
        let mut shapes = [[0; MOST_DIMS]; MOST_OPERANDS];
        let mut views = [empty; MOST_OPERANDS];
        let operands = launch.outs.iter().chain(launch.ins);
        for (((view, shape), part), cut) in operands.zip(&mut shapes).zip(&mut views).zip(cuts) {
            *part = *view;
            if cut != WHOLE {
                let (dim, dims) = (cut as usize, view.shape.len());
                shape[..dims].copy_from_slice(view.shape);
                shape[dim] = len;
                part.shape = &shape[..dims];
                part.ptr = view.ptr.wrapping_offset(start as isize * view.strides[dim] * view.dtype.size() as isize);
            }
        }
        let (outs, ins) = views[..outs + launch.ins.len()].split_at(outs);
        let part = Part { from: (cuts[0] as usize, start), ..Part::WHOLE };
        // What was made of an input is of no use to who sees a part of it.
        let ready = launch.ready.filter(|ready| cuts[launch.outs.len() + ready.input] == WHOLE);
        f(&Launch { outs, ins, part, ready, ..*launch })
    }
}

/// A launch that several threads read. What they write through its views lies apart.
struct Shared<'a, 'b>(&'a Launch<'b>);
// Safety: see above; the pool returns before the launch goes.
unsafe impl Sync for Shared<'_, '_> {}
impl<'a, 'b> Shared<'a, 'b> {
    fn get(&self) -> &'a Launch<'b> {
        self.0
    }
}

/// Where a launch is cut, if it is long enough to be worth it.
fn divisible(kernel: &Kernel, launch: &Launch) -> Option<Split> {
    let operands = || launch.outs.iter().chain(launch.ins);
    let split = (kernel.split?)(launch)?;
    let few = || operands().count() <= MOST_OPERANDS && operands().all(|v| v.shape.len() <= MOST_DIMS);
    let fits = split.cuts.is_none() || few();
    (fits && split.time >= 2 * GRAIN && split.len >= 2 * split.unit).then_some(split)
}
