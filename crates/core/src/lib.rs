//! Tensors, autograd and ops.
