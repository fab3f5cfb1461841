//! Distinct elements and distinct slices.

use super::key::Keyed;
use crate::by_dtype::number_dtype;
use crate::launch::{Kernel, Launch};
use std::cmp::Ordering;

/// The runs of equal elements of a sequence that is in order.
///
/// `ins: [x, order]`: `x` is [n] or, slice by slice, [n, m] (contiguous); `order` (int64 [n], contiguous) says which
/// slice comes first, second, ... `outs: [count, first, inverse, counts]`, contiguous int64: `count` [1] is the number
/// of runs; `first` [n] holds, for every run, the position of its first member; `inverse` [n] is the run of each slice;
/// `counts` [n] the length of each run. Only the first `count` entries of `first` and `counts` are set. NaN differs from
/// everything, itself included.
pub const UNIQUE: Kernel = Kernel::new("unique", unique);

/// The order in which slices would be sorted lexicographically, as positions. `ins: [x]` ([n, m], contiguous),
/// `outs: [order]` (int64 [n], contiguous).
pub const LEXICOGRAPHIC: Kernel = Kernel::new("lexicographic", lexicographic);

fn unique(l: &Launch) {
    let (x, order) = (&l.ins[0], unsafe { l.ins[1].slice::<i64>() });
    let m = x.shape.get(1).copied().unwrap_or(1);
    let [count, first, inverse, counts] = [0, 1, 2, 3].map(|k| unsafe { l.outs[k].slice_mut::<i64>() });
    let mut runs = 0;
    number_dtype!(x.dtype, T => {
        let slice = |i: i64| unsafe { std::slice::from_raw_parts(x.ptr.cast::<T>().add(i as usize * m), m) };
        for (k, &i) in order.iter().enumerate() {
            if k == 0 || slice(order[k - 1]) != slice(i) {
                (first[runs], counts[runs]) = (i, 0);
                runs += 1;
            }
            counts[runs - 1] += 1;
            inverse[i as usize] = runs as i64 - 1;
        }
    });
    count[0] = runs as i64;
}

fn lexicographic(l: &Launch) {
    let (x, order) = (&l.ins[0], unsafe { l.outs[0].slice_mut::<i64>() });
    let m = x.shape.get(1).copied().unwrap_or(1);
    order.iter_mut().enumerate().for_each(|(i, o)| *o = i as i64);
    number_dtype!(x.dtype, T => {
        let slice = |i: i64| unsafe { std::slice::from_raw_parts(x.ptr.cast::<T>().add(i as usize * m), m) };
        // By reference: a sort for each dtype would be 15 kB of code each.
        let compare: &dyn Fn(i64, i64) -> Ordering = &|a, b| {
            let differs = slice(a).iter().zip(slice(b)).map(|(p, q)| p.key().cmp(&q.key())).find(|o| o.is_ne());
            differs.unwrap_or(Ordering::Equal).then(a.cmp(&b))
        };
        sort_by(order, compare);
    })
}

#[inline(never)]
fn sort_by(order: &mut [i64], compare: &dyn Fn(i64, i64) -> Ordering) {
    order.sort_unstable_by(|&a, &b| compare(a, b));
}
