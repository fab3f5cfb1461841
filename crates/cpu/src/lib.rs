//! CPU kernels. They read and write memory that others planned: no kernel allocates.

pub mod elementwise;
pub mod launch;
pub mod optim;

pub use launch::{Attr, Kernel, Launch, View};
