//! Sort and selection along a dimension.

use super::key::{Keyed, Packed};
use crate::by_dtype::number_dtype;
use crate::launch::{Kernel, Launch};
use crate::walk::Walk;
use cresset_lane::Element;

/// Stable sort. `ins: [x]`, `outs: [values, indices]` (int64), `attrs: [dim, descending]`. NaN counts as the greatest.
pub const SORT: Kernel = Kernel::new("sort", sort).with_scratch(row_scratch);

/// The k greatest (or least) elements. `ins: [x]`, `outs: [values, indices]` (size k in `dim`), `attrs: [dim, largest,
/// sorted]`. Among equals the first are taken.
pub const TOPK: Kernel = Kernel::new("topk", topk).with_scratch(row_scratch);

/// The k-th least element (k from 0). `ins: [x]`, `outs: [values, indices]` (size one in `dim`), `attrs: [dim, k]`.
pub const KTHVALUE: Kernel = Kernel::new("kthvalue", kthvalue).with_scratch(row_scratch);

/// The lower median; NaN if one is. `ins: [x]`, `outs: [values, indices]` (size one in `dim`), `attrs: [dim]`.
pub const MEDIAN: Kernel = Kernel::new("median", median_of_all).with_scratch(row_scratch);

/// As `MEDIAN` over the elements that are not NaN.
pub const NANMEDIAN: Kernel = Kernel::new("nanmedian", median_of_numbers).with_scratch(row_scratch);

/// The most frequent element, the least of them if there are several, and the position of its last occurrence.
/// `ins: [x]`, `outs: [values, indices]` (size one in `dim`), `attrs: [dim]`.
pub const MODE: Kernel = Kernel::new("mode", mode).with_scratch(row_scratch);

/// One row of packed keys.
fn row_scratch(l: &Launch) -> usize {
    let n = l.ins[0].shape.get(l.attrs[0].n()).copied().unwrap_or(1);
    n * if l.ins[0].dtype.size() == 8 { size_of::<u128>() } else { size_of::<u64>() }
}

/// Packs every row along `dim` (with inverted keys if `descending`) and gives it to `f`, with a function that writes
/// the element at a position of the row to a place of the outputs' row.
#[inline(always)]
fn each_row<T: Keyed>(l: &Launch, descending: bool, mut f: impl FnMut(&mut [T::Packed], &dyn Fn(usize, usize))) {
    let (x, values, indices, dim) = (&l.ins[0], &l.outs[0], &l.outs[1], l.attrs[0].n());
    let (n, [sx, sv, si]) = match x.shape.get(dim) {
        Some(&n) => (n, [x.strides[dim], values.strides[dim], indices.strides[dim]]),
        None => (1, [0; 3]),
    };
    let row = unsafe { std::slice::from_raw_parts_mut(l.scratch.cast::<T::Packed>(), n) };
    let flip = if descending { T::Packed::KEY_MASK } else { 0 };
    Walk::over_except([x, values, indices], dim).each(|[ox, ov, oi]| unsafe {
        let p = x.ptr.cast::<T>().cast_const().offset(ox);
        for (i, slot) in row.iter_mut().enumerate() {
            *slot = T::Packed::pack((*p.offset(i as isize * sx)).key() ^ flip, i);
        }
        f(row, &|place: usize, position: usize| {
            *values.ptr.cast::<T>().offset(ov + place as isize * sv) = *p.offset(position as isize * sx);
            *indices.ptr.cast::<i64>().offset(oi + place as isize * si) = position as i64;
        });
    });
}

// What is done to packed rows knows no dtypes, so that there are two of each, not one for every dtype.

#[inline(never)]
fn sort_row<P: Packed>(row: &mut [P]) {
    row.sort_unstable();
}

/// The position of the k-th element in order; those before it are no greater.
#[inline(never)]
fn select<P: Packed>(row: &mut [P], k: usize) -> usize {
    row.select_nth_unstable(k).1.position()
}

/// The position of the last of the most frequent elements.
#[inline(never)]
fn most_frequent<P: Packed>(row: &mut [P]) -> usize {
    sort_row(row);
    let (mut best, mut count) = (0, 0);
    for run in row.chunk_by(|a, b| a.key() == b.key()) {
        if run.len() > count {
            (best, count) = (run[run.len() - 1].position(), run.len());
        }
    }
    best
}

fn sort(l: &Launch) {
    let descending = l.attrs[1].b();
    number_dtype!(l.ins[0].dtype, T => each_row::<T>(l, descending, |row, put| {
        // Here short rows are many, and a call would be felt.
        row.sort_unstable();
        row.iter().enumerate().for_each(|(i, packed)| put(i, packed.position()));
    }))
}

fn topk(l: &Launch) {
    let (largest, sorted) = (l.attrs[1].b(), l.attrs[2].b());
    let k = l.outs[0].shape.get(l.attrs[0].n()).copied().unwrap_or(1);
    number_dtype!(l.ins[0].dtype, T => each_row::<T>(l, largest, |row, put| {
        if k == 0 {
            return;
        }
        if k < row.len() {
            select(row, k - 1);
        }
        if sorted {
            sort_row(&mut row[..k]);
        }
        row[..k].iter().enumerate().for_each(|(i, packed)| put(i, packed.position()));
    }))
}

fn kthvalue(l: &Launch) {
    let k = l.attrs[1].n();
    number_dtype!(l.ins[0].dtype, T => each_row::<T>(l, false, |row, put| {
        put(0, select(row, k));
    }))
}

fn median_of_all(l: &Launch) {
    median(l, false);
}

fn median_of_numbers(l: &Launch) {
    median(l, true);
}

#[inline(never)]
fn median(l: &Launch, skip_nan: bool) {
    number_dtype!(l.ins[0].dtype, T => {
        // Only a float can be NaN; its key is the greatest there is.
        let nan = if T::DTYPE.is_float() { T::from_f64(f64::NAN).key() } else { u64::MAX };
        each_row::<T>(l, false, |row, put| {
            let nans = row.iter().filter(|p| p.key() == nan).count();
            let n = row.len();
            let k = match (nans, skip_nan) {
                (0, _) => (n - 1) / 2,
                (_, false) => n - nans,
                (_, true) => (n - nans).saturating_sub(1) / 2,
            };
            put(0, select(row, k));
        })
    })
}

fn mode(l: &Launch) {
    number_dtype!(l.ins[0].dtype, T => each_row::<T>(l, false, |row, put| put(0, most_frequent(row))))
}
