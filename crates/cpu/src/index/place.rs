//! Elements read from, or written to, places that index tensors name.

use crate::by_dtype::{number_dtype, size_dtype};
use crate::launch::{Attr, Kernel, Launch, View};
use crate::number::Number;
use crate::walk::Walk;
use cresset_lane::DType;

/// `y[s] = x[s + sum over k of index_k[s] * stride_k]`.
///
/// `outs: [y]`, `ins: [x, index_0, ...]` (one to 14 int64 indices), all over the same shape; `x` has stride zero where
/// only indices move it. `attrs: [size_0, stride_0, ...]`: size and stride (in elements) of the dimension of `x` that
/// each index runs along; an index below zero counts from the end.
pub const INDEX_GET: Kernel = Kernel::new("index_get", get);

/// `y[s + sum over k of index_k[s] * stride_k] (op)= v[s]`, in row-major order of `s`.
///
/// `outs: [y]`, `ins: [v, index_0, ...]`, as in `INDEX_GET` with `y` as the indexed tensor;
/// `attrs: [mode, size_0, stride_0, ...]` with a `PutMode`.
pub const INDEX_PUT: Kernel = Kernel::new("index_put", put);

/// Least and greatest index, so that the op can check them: `ins: [index]` (int64), `outs: [[least, greatest]]`.
/// An empty tensor gives (0, 0).
pub const INDEX_RANGE: Kernel = Kernel::new("index_range", range);

/// What `INDEX_PUT` does with an element that is already there. On bools `Add` is or, `Multiply` is and.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum PutMode {
    Assign = 0,
    Add = 1,
    Multiply = 2,
    Max = 3,
    Min = 4,
}

impl From<PutMode> for Attr {
    fn from(mode: PutMode) -> Attr {
        Attr::from(mode as i64)
    }
}

/// Operands of the general walk: two values and the indices.
const OPERANDS: usize = 16;

/// Size and stride of the indexed dimensions.
type Steps<'a> = &'a [Attr];

/// Where the indices at `at` lead, in elements.
#[inline]
unsafe fn target<const N: usize>(indices: &[*const i64], at: &[isize; N], steps: Steps) -> isize {
    let mut offset = 0;
    for (k, &p) in indices.iter().enumerate() {
        let (size, stride) = (steps[2 * k].i(), steps[2 * k + 1].i());
        let i = unsafe { *p.offset(at[2 + k]) };
        offset += (if i < 0 { i + size } else { i } * stride) as isize;
    }
    offset
}

/// A run of `count` elements from each of several starts; both count offsets in `[indexed, other]`.
struct Runs<'a> {
    count: usize,
    starts: &'a [[isize; 2]],
    strides: [isize; 2],
}

/// Starts that are found before their elements are moved: the search does not depend on the dtype and is compiled once.
const BATCH: usize = 64;

/// Calls `f` with all the runs over which no index moves, in row-major order, some at a time.
#[inline(never)]
fn each_run<const N: usize>(indexed: &View, other: &View, indices: &[View], steps: Steps, f: &mut dyn FnMut(Runs)) {
    let mut walk = Walk::<N>::new();
    for d in 0..indexed.shape.len() {
        let stride = |k: usize| match k {
            0 => indexed.strides[d],
            1 => other.strides[d],
            _ => indices.get(k - 2).map_or(0, |v| v.strides[d]),
        };
        walk.push(indexed.shape[d], std::array::from_fn(stride));
    }
    let mut walk = walk.collapse();
    let mut pointers = [std::ptr::null::<i64>(); OPERANDS];
    for (p, v) in pointers.iter_mut().zip(indices) {
        *p = v.ptr.cast();
    }
    let pointers = &pointers[..indices.len()];
    let still = walk.dims() > 0 && (2..N).all(|k| walk.inner_stride(k) == 0);
    let (count, strides) = if still { walk.pop() } else { (1, [0; N]) };
    let strides = [strides[0], strides[1]];
    let (mut starts, mut n) = ([[0; 2]; BATCH], 0);
    walk.each(|at| {
        starts[n] = [at[0] + unsafe { target(pointers, &at, steps) }, at[1]];
        n += 1;
        if n == BATCH {
            f(Runs { count, starts: &starts, strides });
            n = 0;
        }
    });
    f(Runs { count, starts: &starts[..n], strides });
}

/// As `each_run`, for any number of indices; the usual single one has its own instance.
fn runs(indexed: &View, other: &View, indices: &[View], steps: Steps, f: &mut dyn FnMut(Runs)) {
    if indices.len() == 1 {
        each_run::<3>(indexed, other, indices, steps, f);
    } else {
        each_run::<OPERANDS>(indexed, other, indices, steps, f);
    }
}

/// Copies `n` elements between two strided places.
#[inline(always)]
unsafe fn copy<T: Copy>(from: *const T, to: *mut T, n: usize, [step_from, step_to]: [isize; 2]) {
    unsafe {
        if n == 1 {
            *to = *from;
        } else if step_from == 1 && step_to == 1 {
            std::ptr::copy_nonoverlapping(from, to, n);
        } else {
            for i in 0..n as isize {
                *to.offset(i * step_to) = *from.offset(i * step_from);
            }
        }
    }
}

fn get(l: &Launch) {
    let (x, y) = (&l.ins[0], &l.outs[0]);
    size_dtype!(y.dtype, T => {
        let (px, py) = (x.ptr.cast::<T>().cast_const(), y.ptr.cast::<T>());
        runs(x, y, &l.ins[1..], l.attrs, &mut |r| {
            r.starts.iter().for_each(|&[ox, oy]| unsafe { copy(px.offset(ox), py.offset(oy), r.count, r.strides) });
        });
    })
}

fn put(l: &Launch) {
    let (v, y, mode, steps) = (&l.ins[0], &l.outs[0], l.attrs[0].i(), &l.attrs[1..]);
    if mode == PutMode::Assign as i64 {
        return size_dtype!(y.dtype, T => {
            let (pv, py) = (v.ptr.cast::<T>().cast_const(), y.ptr.cast::<T>());
            runs(y, v, &l.ins[1..], steps, &mut |r| {
                let [sy, sv] = r.strides;
                r.starts.iter().for_each(|&[oy, ov]| unsafe { copy(pv.offset(ov), py.offset(oy), r.count, [sv, sy]) });
            });
        });
    }
    // On the bytes 0 and 1, or is the maximum and and the minimum.
    let mode = match (y.dtype, mode) {
        (DType::Bool, 1) => PutMode::Max as i64,
        (DType::Bool, 2) => PutMode::Min as i64,
        _ => mode,
    };
    number_dtype!(y.dtype, T => match mode {
        1 => combine::<T>(l, T::plus),
        2 => combine::<T>(l, T::times),
        3 => combine::<T>(l, T::greater),
        _ => combine::<T>(l, T::lesser),
    })
}

fn combine<T: Number>(l: &Launch, op: impl Fn(T, T) -> T) {
    let (v, y) = (&l.ins[0], &l.outs[0]);
    let (pv, py) = (v.ptr.cast::<T>().cast_const(), y.ptr.cast::<T>());
    runs(y, v, &l.ins[1..], &l.attrs[1..], &mut |r| {
        let [sy, sv] = r.strides;
        for &[oy, ov] in r.starts {
            for i in 0..r.count as isize {
                unsafe {
                    let to = py.offset(oy + i * sy);
                    *to = op(*to, *pv.offset(ov + i * sv));
                }
            }
        }
    });
}

fn range(l: &Launch) {
    let (index, out) = (&l.ins[0], &l.outs[0]);
    let p = index.ptr.cast::<i64>().cast_const();
    let (mut least, mut greatest) = (i64::MAX, i64::MIN);
    Walk::over([index]).sort_by(0).collapse().each(|[i]| {
        let v = unsafe { *p.offset(i) };
        least = least.min(v);
        greatest = greatest.max(v);
    });
    if index.numel() == 0 {
        (least, greatest) = (0, 0);
    }
    unsafe {
        let to = out.ptr.cast::<i64>();
        *to = least;
        *to.offset(out.strides[0]) = greatest;
    }
}
