//! Binary search in sorted sequences.

use super::key::Keyed;
use crate::by_dtype::number_dtype;
use crate::launch::{Kernel, Launch};

/// Where each value would have to be put into its sorted sequence.
///
/// `ins: [sorted, values, sorter?]`: `sorted` is [rows, n], `values` [rows, m] of the same dtype (a single sequence has
/// row stride zero); `sorter` (int64 [rows, n]) is the order in which `sorted` is sorted. `outs: [y]` ([rows, m], int64
/// or int32). `attrs: [right]`: before (false) or after (true) the elements that equal the value. NaN is the greatest.
pub const SEARCHSORTED: Kernel = Kernel::new("searchsorted", searchsorted);

fn searchsorted(l: &Launch) {
    let (sorted, values, out, right) = (&l.ins[0], &l.ins[1], &l.outs[0], l.attrs[0].b());
    let n = sorted.shape[1];
    number_dtype!(sorted.dtype, T => {
        let at = |v: &crate::View, r: usize, c: usize| r as isize * v.strides[0] + c as isize * v.strides[1];
        for r in 0..values.shape[0] {
            let element = |i: usize| unsafe {
                let i = match l.ins.get(2) {
                    Some(s) => *s.ptr.cast::<i64>().offset(at(s, r, i)) as usize,
                    None => i,
                };
                (*sorted.ptr.cast::<T>().offset(at(sorted, r, i))).key()
            };
            for c in 0..values.shape[1] {
                let v = unsafe { *values.ptr.cast::<T>().offset(at(values, r, c)) }.key();
                let (mut low, mut high) = (0, n);
                while low < high {
                    let middle = low + (high - low) / 2;
                    let below = if right { element(middle) <= v } else { element(middle) < v };
                    if below { low = middle + 1 } else { high = middle }
                }
                unsafe {
                    if out.dtype.size() == 4 {
                        *out.ptr.cast::<i32>().offset(at(out, r, c)) = low as i32;
                    } else {
                        *out.ptr.cast::<i64>().offset(at(out, r, c)) = low as i64;
                    }
                }
            }
        }
    })
}
