//! What can go wrong, by kind: `core` turns a kind into the class that users see.

use cresset_lane::Class;

/// The kind of an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// There is no adapter, or it cannot be used.
    Unavailable,
    /// The adapter computes wrongly: the self-test found it out.
    Untrusted,
    /// A dtype or value that the device cannot hold.
    DType,
    /// An operand beyond the device's limits.
    Limit,
    /// An element that is not what an op demands, which a kernel found.
    Found(Class),
    /// There is no memory left.
    OutOfMemory,
    /// There is no kernel of this name for these operands.
    Unsupported,
    /// The device is gone: what it held is lost.
    Lost,
    /// The device refused a command: an error of this crate.
    Internal,
}

/// What helps when the device is out of memory.
pub(crate) const FREE_MEMORY: &str = "What nobody can reach is freed when the program waits: await a read in each step (`await loss.item()`), or \
     put the step in torch.scope(() => ...), which frees at once. If it is all needed: smaller batches, or the CPU.";

/// An error of the device, with a message for users.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    pub kind: Kind,
    pub message: String,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into() }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
impl std::error::Error for Error {}

/// The result of what may fail on the device.
pub type Result<T> = std::result::Result<T, Error>;
