//! Chooses the instance of a generic kernel for a dtype.
//!
//! Every instance costs code, and code is download: kernels that only read bools take them as bytes, and kernels that
//! only move elements go by their size.

/// Runs `$body` with `$T` as the element type of `$dtype`; bool is taken as u8, as its bytes 0 and 1 compare and count
/// alike.
macro_rules! number_dtype {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            cresset_lane::DType::Bool | cresset_lane::DType::U8 => {
                type $T = u8;
                $body
            }
            cresset_lane::DType::I32 => {
                type $T = i32;
                $body
            }
            cresset_lane::DType::I64 => {
                type $T = i64;
                $body
            }
            cresset_lane::DType::F32 => {
                type $T = f32;
                $body
            }
            cresset_lane::DType::F64 => {
                type $T = f64;
                $body
            }
        }
    };
}

/// float32 and float64; the op gives no other.
macro_rules! float_dtype {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            cresset_lane::DType::F32 => {
                type $T = f32;
                $body
            }
            cresset_lane::DType::F64 => {
                type $T = f64;
                $body
            }
            other => unreachable!("a kernel for floating point was launched with {other}"),
        }
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

pub(crate) use {float_dtype, number_dtype, size_dtype};
