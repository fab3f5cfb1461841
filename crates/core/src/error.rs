//! Errors as the TypeScript layer shows them: a kind, which becomes a class, and a sentence.

/// Which class of error TypeScript throws. The numbers cross the border: `ts/errors.ts` lists them in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum ErrorKind {
    /// PyTorch's RuntimeError where no narrower kind fits.
    Runtime = 0,
    /// Shapes or ranks that do not fit the op.
    Shape = 1,
    /// An element type the op does not take, or types that do not mix.
    DType = 2,
    /// An index or dimension out of range.
    Index = 3,
    /// A value the op does not take (PyTorch's ValueError).
    Value = 4,
    /// A wrong kind of argument (PyTorch's TypeError).
    Type = 5,
    /// Devices that do not mix.
    Device = 6,
    /// Gradients asked for where there are none, or of values that changed.
    Autograd = 7,
    /// A tensor used after it was disposed.
    Disposed = 8,
    /// No memory left.
    OutOfMemory = 9,
    /// Not available yet on this device or for this dtype.
    NotImplemented = 10,
    /// A callback into TypeScript threw; the original error waits there.
    Callback = 11,
    /// A bug of ours.
    Internal = 12,
}

/// A refused or failed call. One pointer, so that a result of every op is small.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(Box<(ErrorKind, String)>);

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new((kind, message.into())))
    }

    /// What `bail!` makes: out of line, for there are hundreds of places.
    #[cold]
    #[inline(never)]
    pub fn format(kind: ErrorKind, message: std::fmt::Arguments) -> Error {
        Error::new(kind, message.to_string())
    }

    pub fn kind(&self) -> ErrorKind {
        self.0.0
    }

    pub fn message(&self) -> &str {
        &self.0.1
    }

    /// The same kind of error with another sentence.
    pub fn saying(self, message: String) -> Error {
        Error::new(self.kind(), message)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {}", self.kind(), self.message())
    }
}

impl std::error::Error for Error {}

pub type Result<T> = std::result::Result<T, Error>;

/// `bail!(Shape, "matmul: ...", ...)`: returns that error.
#[macro_export]
macro_rules! bail {
    ($kind:ident, $($arg:tt)*) => {
        return Err($crate::Error::format($crate::ErrorKind::$kind, format_args!($($arg)*)))
    };
}

/// `ensure!(condition, Shape, "matmul: ...", ...)`: returns that error unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($cond:expr, $kind:ident, $($arg:tt)*) => {
        if !$cond {
            $crate::bail!($kind, $($arg)*);
        }
    };
}
