//! PyTorch's type promotion (c10/core/ScalarType.h, aten/native/TypeProperties.cpp).

use std::cell::Cell;

use crate::{DType, Tensor};

thread_local! {
    static DEFAULT: Cell<DType> = const { Cell::new(DType::F32) };
}

/// `torch.get_default_dtype()`: what Python floats become.
pub fn default_dtype() -> DType {
    DEFAULT.get()
}

/// `torch.set_default_dtype(dtype)`.
pub fn set_default_dtype(dtype: DType) {
    DEFAULT.set(dtype);
}

/// `torch.promote_types(a, b)`: the smallest type both fit in. Types are ordered so that the larger one wins, but for
/// uint8 with the signed types, where the signed one wins and is the larger anyway.
pub fn promote_types(a: DType, b: DType) -> DType {
    a.max(b)
}

/// What products, convolutions, pools and reductions are computed in: there are kernels for floats and int64. Smaller
/// integers and bools go through int64, whose low bits are theirs.
pub(crate) fn wide(d: DType) -> DType {
    if d.is_float() { d } else { DType::I64 }
}

fn category(d: DType) -> u8 {
    match d {
        DType::Bool => 0,
        d if d.is_int() => 1,
        _ => 2,
    }
}

/// The dtype operands are computed in: tensors with dimensions decide, 0-d tensors count only when of a higher
/// category, and numbers only when of a higher one still.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn result_type(operands: &[&Tensor]) -> DType {
    // The common case first: all alike.
    if let [a, rest @ ..] = operands
        && rest.iter().all(|b| b.dtype() == a.dtype())
        && !a.is_wrapped_number()
    {
        return a.dtype();
    }
    let mut best: [Option<DType>; 3] = [None; 3]; // dimensioned, 0-d, number
    for t in operands {
        let slot = if t.is_wrapped_number() {
            2
        } else if t.ndim() == 0 {
            1
        } else {
            0
        };
        // A float number is of the default float type when it meets integers.
        let d = if slot == 2 && t.dtype().is_float() { default_dtype() } else { t.dtype() };
        best[slot] = Some(best[slot].map_or(d, |b| promote_types(b, d)));
    }
    best.into_iter()
        .flatten()
        .reduce(|high, low| if category(low) > category(high) { low } else { high })
        .unwrap_or(DType::F32)
}

/// What float functions (exp, mean, ...) compute integers in.
pub fn to_float(d: DType) -> DType {
    if d.is_float() { d } else { default_dtype() }
}

/// Whether a result of type `from` may be written into a tensor of type `to` (`torch.can_cast`).
pub fn can_cast(from: DType, to: DType) -> bool {
    category(from) <= category(to)
}
