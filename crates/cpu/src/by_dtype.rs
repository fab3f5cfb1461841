//! Chooses the instance of a generic kernel for a dtype.
//!
//! Every instance costs code, and code is download: kernels that only read bools take them as bytes, and kernels that
//! only move elements go by their size.

/// The match behind the macros below; `$what` names the dtypes of a list that is not whole.
macro_rules! by_dtype {
    ($dtype:expr, $T:ident => $body:expr, { $($($name:ident)|+: $t:ty),+ } $(, $what:literal)?) => {
        match $dtype {
            $($(cresset_lane::DType::$name)|+ => {
                type $T = $t;
                $body
            })+
            $(other => unreachable!("a kernel for {} was launched with {other}", $what),)?
        }
    };
}

/// Runs `$body` with `$T` as the element type of `$dtype`; bool is taken as u8, as its bytes 0 and 1 compare and count
/// alike.
macro_rules! number_dtype {
    ($dtype:expr, $T:ident => $body:expr) => {
        crate::by_dtype::by_dtype!($dtype, $T => $body, { Bool | U8: u8, I32: i32, I64: i64, F32: f32, F64: f64 })
    };
}

/// float32 and float64; the op gives no other.
macro_rules! float_dtype {
    ($dtype:expr, $T:ident => $body:expr) => {
        crate::by_dtype::by_dtype!($dtype, $T => $body, { F32: f32, F64: f64 }, "floating point")
    };
}

/// float32, float64 and int64; the op takes smaller integers through int64, whose low bits are theirs.
macro_rules! wide_dtype {
    ($dtype:expr, $T:ident => $body:expr) => {
        crate::by_dtype::by_dtype!($dtype, $T => $body, { F32: f32, F64: f64, I64: i64 }, "wide numbers")
    };
}

/// Runs `$body` with `$T` as the unsigned integer that has the size of `$dtype`: for kernels that only move elements.
macro_rules! size_dtype {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype.size() {
            1 => {
                type $T = u8;
                $body
            }
            4 => {
                type $T = u32;
                $body
            }
            _ => {
                type $T = u64;
                $body
            }
        }
    };
}

pub(crate) use {by_dtype, float_dtype, number_dtype, size_dtype, wide_dtype};
