//! What the device was asked to do: on a software adapter, whose speed says nothing, these are the measure.

use std::cell::Cell;

macro_rules! counters {
    ($($(#[$m:meta])* $name:ident),* $(,)?) => {
        /// How often something happened since the device was opened.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Counters { $($(#[$m])* pub $name: u64),* }

        impl std::ops::Sub for Counters {
            type Output = Counters;
            /// What happened between two readings.
            fn sub(self, earlier: Counters) -> Counters {
                Counters { $($name: self.$name - earlier.$name),* }
            }
        }

        #[derive(Default)]
        pub(crate) struct Counting { $(pub $name: Cell<u64>),* }
        impl Counting {
            pub fn read(&self) -> Counters {
                Counters { $($name: self.$name.get()),* }
            }
        }
    };
}

counters! {
    /// Command buffers handed to the queue.
    submits,
    /// Compute passes begun.
    passes,
    /// Kernels launched in them.
    dispatches,
    /// Buffers created, those for uniforms and reading included.
    buffers,
    /// Bind groups created.
    bind_groups,
    /// Pipelines compiled.
    pipelines,
    /// Writes of elements from the host.
    uploads,
    /// Reads of elements by the host.
    readbacks,
}

/// One more.
pub(crate) fn bump(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}
