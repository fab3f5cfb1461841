//! One launch on several cores: `split` cuts it into pieces, `pool` has them computed, `wait` is how a thread sleeps.
//!
//! A piece is a launch of the same kernel on a part of its operands, so kernels know nothing of threads. Which thread takes
//! which piece does not matter: a piece writes elements of its own, and their values do not depend on where the cuts are.

mod pool;
mod split;
#[cfg(test)]
mod tests;
mod wait;

pub use pool::{MOST_THREADS, fail, set_threads, threads, wanted, worker};
pub use split::{Cut, Plan, Split, WHOLE, kept, lists, planes, pointwise, rows};
