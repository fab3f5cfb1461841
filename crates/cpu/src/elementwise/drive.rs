//! Feeding inner loops: whatever the operands' layout, an inner loop sees contiguous memory.
//!
//! An op has one inner loop a dtype. Operands that are contiguous are used where they lie; one that stands still (a
//! broadcast number) is spread over a small buffer once; any other is gathered into a buffer block by block, and a
//! scattered output is written back from one. So a result never depends on the layout, and only this file knows strides.

use super::iter::{MAX_OPERANDS, Pointers, Walk, bases};
use crate::{Launch, View};
use cresset_lane::row::{MAX_INS, MAX_PARAMS, Row};

const _: () = assert!(MAX_INS == MAX_OPERANDS - 1);

/// Bytes of a block buffer: a few of them fit the first-level cache.
const BLOCK: usize = 4096;
/// Rows shorter than this are gathered several at a time.
const SHORT_ROW: usize = 48;
const MAX_WIDTH: usize = 8;

#[repr(C, align(16))]
struct Buffer([u8; BLOCK]);

/// Runs an inner loop over a launch with one output.
pub fn drive(launch: &Launch, inner: Row) {
    let out = &launch.outs[0];
    let numel = out.numel();
    if numel == 0 {
        return;
    }
    if out.is_contiguous() && launch.ins.iter().all(|v| same_place(v, out) || stands_still(v)) {
        flat(launch, inner, numel);
    } else {
        blocks(launch, inner);
    }
}

fn same_place(view: &View, out: &View) -> bool {
    view.shape == out.shape && view.is_contiguous()
}

fn stands_still(view: &View) -> bool {
    view.shape.iter().zip(view.strides).all(|(&n, &s)| n == 1 || s == 0)
}

/// The usual case: everything contiguous, or one number for all positions. No walk is needed.
fn flat(launch: &Launch, inner: Row, numel: usize) {
    let sizes = Sizes::of(launch);
    let out = &launch.outs[0];
    let mut ins = [std::ptr::null(); MAX_INS];
    let mut steps = [0; MAX_INS];
    let mut buffers = [const { std::mem::MaybeUninit::<Buffer>::uninit() }; MAX_INS];
    let mut block = numel;
    for (k, view) in launch.ins.iter().enumerate() {
        if same_place(view, out) {
            (ins[k], steps[k]) = (view.ptr.cast_const(), sizes.ins[k]);
        } else {
            block = block.min(BLOCK / 8);
            let n = block.min(numel.next_multiple_of(MAX_WIDTH));
            unsafe { collect(view.ptr, 0, n, buffers[k].as_mut_ptr().cast(), sizes.ins[k]) };
            ins[k] = buffers[k].as_ptr().cast();
        }
    }
    let params = params(launch);
    let mut start = 0;
    while start < numel {
        let n = block.min(numel - start);
        unsafe { straight(inner, &params, &sizes, out.ptr.wrapping_add(start * sizes.out), ins, n) };
        for (p, step) in ins.iter_mut().zip(steps) {
            *p = p.wrapping_add(n * step);
        }
        start += n;
    }
}

/// The numbers of an expression.
fn params(launch: &Launch) -> [f64; MAX_PARAMS] {
    let mut p = [0.0; MAX_PARAMS];
    p.iter_mut().zip(launch.attrs).for_each(|(p, a)| *p = a.f());
    p
}

/// Bytes per element: the output's, then the inputs'.
struct Sizes {
    out: usize,
    ins: [usize; MAX_INS],
    count: usize,
}

impl Sizes {
    fn of(launch: &Launch) -> Sizes {
        let mut ins = [0; MAX_INS];
        for (s, v) in ins.iter_mut().zip(launch.ins) {
            *s = v.dtype.size();
        }
        Sizes { out: launch.outs[0].dtype.size(), ins, count: launch.ins.len() }
    }
}

/// `n` contiguous elements; the last few that do not fill the width go through a padded copy.
unsafe fn straight(
    inner: Row,
    params: &[f64; MAX_PARAMS],
    sizes: &Sizes,
    out: *mut u8,
    mut ins: [*const u8; MAX_INS],
    n: usize,
) {
    unsafe {
        let rest = n % inner.width;
        let whole = n - rest;
        if whole > 0 {
            apart(inner, params, sizes, out, ins, whole);
        }
        if rest > 0 {
            // Of what is wider than float32 loops take one at a time.
            #[repr(C, align(16))]
            #[derive(Clone, Copy)]
            struct Pad([u8; 4 * MAX_WIDTH]);
            let mut pads = [Pad([0; 4 * MAX_WIDTH]); MAX_OPERANDS];
            let (first, others) = pads.split_at_mut(1);
            for k in 0..sizes.count {
                let size = sizes.ins[k];
                std::ptr::copy_nonoverlapping(ins[k].add(whole * size), others[k].0.as_mut_ptr(), rest * size);
                ins[k] = others[k].0.as_ptr();
            }
            inner.fill(first[0].0.as_mut_ptr(), inner.width * sizes.out, &ins, params);
            std::ptr::copy_nonoverlapping(first[0].0.as_ptr(), out.add(whole * sizes.out), rest * sizes.out);
        }
    }
}

/// `n` elements, a multiple of the width; those that are computed in place go through a buffer.
unsafe fn apart(
    inner: Row,
    params: &[f64; MAX_PARAMS],
    sizes: &Sizes,
    out: *mut u8,
    mut ins: [*const u8; MAX_INS],
    n: usize,
) {
    let own =
        |(p, size): (&*const u8, &usize)| p.addr() < out.addr() + n * sizes.out && out.addr() < p.addr() + n * size;
    if !ins[..sizes.count].iter().zip(&sizes.ins).any(own) {
        return unsafe { inner.fill(out, n * sizes.out, &ins, params) };
    }
    let mut buffer = std::mem::MaybeUninit::<Buffer>::uninit();
    let mut start = 0;
    while start < n {
        let count = (BLOCK / sizes.out).min(n - start);
        let buffer = buffer.as_mut_ptr().cast::<u8>();
        unsafe {
            inner.fill(buffer, count * sizes.out, &ins, params);
            std::ptr::copy_nonoverlapping(buffer, out.add(start * sizes.out), count * sizes.out);
        }
        ins.iter_mut().zip(sizes.ins).for_each(|(p, size)| *p = p.wrapping_add(count * size));
        start += count;
    }
}

/// How an operand is brought before the inner loop.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// It lies contiguously.
    Direct,
    /// It stands still: its buffer was filled in advance.
    Still,
    /// Block by block through a buffer.
    Gather,
}

fn blocks(launch: &Launch, inner: Row) {
    let sizes = Sizes::of(launch);
    let count = launch.ins.len();
    let mut operands = [launch.outs[0]; MAX_OPERANDS];
    operands[1..=count].copy_from_slice(launch.ins);
    let walk = Walk::new(launch.outs[0].shape, &operands[..=count]);
    let base = bases(&operands[..=count]);
    let by_rows = walk.row() >= SHORT_ROW;

    // Buffers for what is not used in place: on the stack, since kernels do not allocate.
    let mut buffers = [const { std::mem::MaybeUninit::<Buffer>::uninit() }; MAX_OPERANDS];
    let mut ways = [Way::Direct; MAX_OPERANDS];
    let mut largest = 1;
    for k in 0..=count {
        let size = operands[k].dtype.size();
        largest = largest.max(size);
        let direct = if by_rows { walk.strides[0][k] == size as isize } else { walk.is_linear(k, size) };
        ways[k] = match direct {
            true => Way::Direct,
            false if k > 0 && walk.is_still(k) => Way::Still,
            false => Way::Gather,
        };
    }
    let block = BLOCK / largest;
    for k in 1..=count {
        if ways[k] == Way::Still {
            let n = block.min(walk.numel().next_multiple_of(MAX_WIDTH));
            unsafe { collect(base[k], 0, n, buffers[k].as_mut_ptr().cast(), sizes.ins[k - 1]) };
        }
    }

    let params = params(launch);
    let mut segment = |walk: &Walk, at: &Pointers, start: usize, n: usize| unsafe {
        let mut ins = [std::ptr::null(); MAX_INS];
        for k in 1..=count {
            let size = sizes.ins[k - 1];
            let buffer = buffers[k].as_mut_ptr().cast::<u8>();
            ins[k - 1] = match ways[k] {
                Way::Direct => at[k].wrapping_add(start * size).cast_const(),
                Way::Still => buffer.cast_const(),
                Way::Gather => {
                    let mut to = buffer;
                    walk.runs(k, at[k], start, n, |from, run, stride| {
                        collect(from, stride, run, to, size);
                        to = to.wrapping_add(run * size);
                    });
                    buffer.cast_const()
                }
            };
        }
        if ways[0] == Way::Direct {
            straight(inner, &params, &sizes, at[0].wrapping_add(start * sizes.out), ins, n);
        } else {
            let buffer = buffers[0].as_mut_ptr().cast::<u8>();
            straight(inner, &params, &sizes, buffer, ins, n);
            let mut from = buffer.cast_const();
            walk.runs(0, at[0], start, n, |to, run, stride| {
                spread(from, to, stride, run, sizes.out);
                from = from.wrapping_add(run * sizes.out);
            });
        }
    };

    if by_rows {
        let row = walk.row();
        // Within a row the walk has one dimension.
        let mut line = walk.clone();
        line.ndim = 1;
        walk.each(1, base, |at| {
            let mut start = 0;
            while start < row {
                let n = block.min(row - start);
                segment(&line, at, start, n);
                start += n;
            }
        });
    } else {
        let numel = walk.numel();
        let mut start = 0;
        while start < numel {
            let n = block.min(numel - start);
            segment(&walk, &base, start, n);
            start += n;
        }
    }
}

/// Copies `n` elements that are `stride` bytes apart to contiguous memory.
unsafe fn collect(from: *mut u8, stride: isize, n: usize, to: *mut u8, size: usize) {
    unsafe {
        match size {
            1 => strided::<u8>(from, stride, to, 1, n),
            4 => strided::<u32>(from, stride, to, 4, n),
            _ => strided::<u64>(from, stride, to, 8, n),
        }
    }
}

/// Copies `n` contiguous elements to places that are `stride` bytes apart.
unsafe fn spread(from: *const u8, to: *mut u8, stride: isize, n: usize, size: usize) {
    unsafe {
        match size {
            1 => strided::<u8>(from, 1, to, stride, n),
            4 => strided::<u32>(from, 4, to, stride, n),
            _ => strided::<u64>(from, 8, to, stride, n),
        }
    }
}

#[inline(always)]
unsafe fn strided<T: Copy>(mut from: *const u8, from_stride: isize, mut to: *mut u8, to_stride: isize, n: usize) {
    for _ in 0..n {
        unsafe { to.cast::<T>().write(from.cast::<T>().read()) };
        from = from.wrapping_offset(from_stride);
        to = to.wrapping_offset(to_stride);
    }
}
