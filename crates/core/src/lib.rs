//! Tensors, autograd and ops: everything that decides what is computed; the kernels of `cresset-cpu`, or with the feature `gpu`
//! of `cresset-gpu`, compute it.
//!
//! Start at `ops` for how an op is declared, `tensor` for what a tensor is, `autograd` for how gradients flow, and
//! `call` for how TypeScript reaches an op.

#![recursion_limit = "1024"]
// What every call passes through is compiled for speed, the rest for size (docs/ARCHITECTURE.md, "Size and speed").
#![cfg_attr(hot_paths, feature(optimize_attribute))]

mod address;
pub mod autograd;
pub mod call;
pub mod callback;
pub mod datasets;
mod demand;
pub mod device;
pub mod dispatch;
pub mod error;
pub mod handles;
pub mod layout;
pub(crate) mod losses;
mod normalizing;
pub mod ops;
mod placing;
pub mod pointwise;
pub mod profile;
mod promote;
pub mod random;
mod reducing;
pub mod scalar;
pub mod spill;
pub mod storage;
pub mod tensor;

pub use autograd::{Ctx, Grads, attach};
pub use cresset_cpu as cpu;
pub use cresset_cpu::Attr;
pub use cresset_lane as lane;
pub use cresset_lane::{DType, Element};
pub use dispatch::{Strided, dispatch};
pub use error::{Error, ErrorKind, Result};
pub use layout::{Layout, Shape, Strides};
pub use scalar::Scalar;
pub use tensor::Tensor;
