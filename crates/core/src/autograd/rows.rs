//! Sparse gradients: dense memory with a note of the rows that were given, as `nn.Embedding(sparse=True)` gives them.
//!
//! PyTorch has a sparse layout here (a COO tensor of rows). What optimizers need of it is which rows a gradient has: the
//! others are left alone. The note survives accumulation as long as everything accumulated is sparse.

use crate::{Result, Tensor};

/// Notes that a gradient has these rows (int64; repeated ones are fine), and that all others are zeros.
pub fn mark_rows(grad: &Tensor, rows: &Tensor) {
    grad.inner().meta.borrow_mut().rows = Some(rows.detach());
}

/// The rows of a sparse gradient, some maybe repeated; None for a dense tensor.
pub fn rows_of(grad: &Tensor) -> Option<Tensor> {
    grad.inner().meta.borrow().rows.clone()
}

/// Whether a gradient is sparse.
pub fn is_sparse(grad: &Tensor) -> bool {
    grad.inner().meta.borrow().rows.is_some()
}

/// `sum` was made of these gradients: it is sparse if all of them are.
pub(crate) fn carry(parts: &[Option<Tensor>], sum: &Tensor) -> Result<()> {
    let Some(rows) = parts.iter().cloned().collect::<Option<Vec<Tensor>>>() else {
        sum.inner().meta.borrow_mut().rows = None;
        return Ok(());
    };
    let all = rows.iter().map(|r| r.to_vec::<i64>()).collect::<Result<Vec<_>>>()?.concat();
    mark_rows(sum, &Tensor::from_slice(&all, &[all.len()])?);
    Ok(())
}
