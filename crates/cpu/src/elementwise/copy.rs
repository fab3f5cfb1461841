//! Moving elements: copies and conversions, constants, and the choice between two operands.

use super::drive::drive;
use super::iter::{Walk, bases};
use crate::{Kernel, Launch};
use cresset_lane::row::{MAX_INS, MAX_PARAMS, Out, Row, Run};
use cresset_lane::{Bool, DType, Element, F32x4};

/// Copies `ins[0]`, broadcast, to `outs[0]`, converting as `x.to(dtype)` does. The two must not overlap, unless they are
/// the same view.
pub const COPY: Kernel = Kernel::new("copy", copy).with_split(crate::threads::pointwise::<400>);
/// Writes one number everywhere. attrs: [the number as float, the number as integer (what integer dtypes take; bool takes the float)].
pub const FILL: Kernel = Kernel::new("fill", fill).with_split(crate::threads::pointwise::<150>);
/// `outs[0] = ins[0] ? ins[1] : ins[2]`: a bool mask, then two operands of the output's dtype.
pub const WHERE: Kernel = Kernel::new("where", choose).with_split(crate::threads::pointwise::<600>);

fn copy(launch: &Launch) {
    let (out, from) = (&launch.outs[0], &launch.ins[0]);
    if out.dtype == from.dtype {
        return move_elements(launch);
    }
    let run = match from.dtype {
        DType::F32 => convert_from::<f32>(out.dtype),
        DType::F64 => convert_from::<f64>(out.dtype),
        DType::I64 => convert_from::<i64>(out.dtype),
        DType::I32 => convert_from::<i32>(out.dtype),
        DType::U8 => convert_from::<u8>(out.dtype),
        DType::Bool => convert_from::<Bool>(out.dtype),
    };
    drive(launch, Row { run, width: 1 });
}

fn convert_from<A: Element>(to: DType) -> Run {
    match to {
        DType::F32 => convert::<A, f32>,
        DType::F64 => convert::<A, f64>,
        DType::I64 => convert::<A, i64>,
        DType::I32 => convert::<A, i32>,
        DType::U8 => convert::<A, u8>,
        DType::Bool => convert::<A, Bool>,
    }
}

unsafe fn convert<A: Element, B: Element>(out: Out, ins: &[*const u8; MAX_INS], _: &[f64; MAX_PARAMS]) {
    let (from, to) = (ins[0].cast::<A>(), out.as_mut_ptr().cast::<B>());
    for i in 0..out.len() / size_of::<B>() {
        unsafe {
            let v = from.add(i).read();
            to.add(i).write(if A::DTYPE.is_float() { B::from_f64(v.to_f64()) } else { B::from_i64(v.to_i64()) });
        }
    }
}

/// A copy without conversion.
fn move_elements(launch: &Launch) {
    let (out, from) = (&launch.outs[0], &launch.ins[0]);
    let numel = out.numel();
    if numel == 0 {
        return;
    }
    let size = out.dtype.size();
    if out.is_contiguous() && from.is_contiguous() && out.shape == from.shape {
        unsafe { std::ptr::copy(from.ptr, out.ptr, numel * size) };
        return;
    }
    match size {
        1 => move_strided::<u8>(launch),
        4 => move_strided::<u32>(launch),
        _ => move_strided::<u64>(launch),
    }
}

/// Edge of the square that a transposing copy moves at a time: 32 cache lines of either side fit the first-level cache.
const TILE: usize = 32;

fn move_strided<T: Copy>(launch: &Launch) {
    let views = [launch.outs[0], launch.ins[0]];
    let mut walk = Walk::new(views[0].shape, &views);
    let size = size_of::<T>() as isize;
    // The output is written along its innermost dimension. Where the input is contiguous along another one, a tile at a
    // time uses all of each cache line that is read.
    let across = (1..walk.ndim).find(|&d| walk.strides[d][1] == size);
    if let (Some(d), true) = (across, walk.strides[0][1] != size && walk.strides[0][1] != 0) {
        walk.shape.swap(1, d);
        walk.strides.swap(1, d);
        let (rows, columns) = (walk.shape[0], walk.shape[1]);
        let ([to0, from0, ..], [to1, from1, ..]) = (walk.strides[0], walk.strides[1]);
        walk.each(2, bases(&views), |at| {
            for i in (0..rows).step_by(TILE) {
                for j in (0..columns).step_by(TILE) {
                    let place =
                        |to: isize, from: isize| (at[0].wrapping_offset(to), at[1].wrapping_offset(from).cast_const());
                    let (to, from) =
                        place(j as isize * to1 + i as isize * to0, j as isize * from1 + i as isize * from0);
                    if size == 4 && to0 == 4 {
                        let (rows, columns) = (rows.min(i + TILE) - i, columns.min(j + TILE) - j);
                        unsafe { transpose_tile(to, to1, from, from0, rows, columns) };
                        continue;
                    }
                    for jj in j..columns.min(j + TILE) {
                        let to = at[0].wrapping_offset(jj as isize * to1 + i as isize * to0);
                        let from = at[1].wrapping_offset(jj as isize * from1 + i as isize * from0);
                        unsafe { line::<T>(to, to0, from, from0, rows.min(i + TILE) - i) };
                    }
                }
            }
        });
        return;
    }
    let (row, to, from) = (walk.row(), walk.strides[0][0], walk.strides[0][1]);
    walk.each(1, bases(&views), |at| unsafe { line::<T>(at[0], to, at[1], from, row) });
}

/// Transposes a tile of 4-byte elements: `rows` of the input, `from_row` bytes apart, become columns of the output. Four by four
/// through registers; whole cache lines of the output are written one after the other.
#[inline(never)]
unsafe fn transpose_tile(to: *mut u8, to_row: isize, from: *const u8, from_row: isize, rows: usize, columns: usize) {
    let (whole_rows, whole_columns) = (rows / 4 * 4, columns / 4 * 4);
    let input = |i: usize, j: usize| from.wrapping_offset(i as isize * from_row + 4 * j as isize);
    let output = |i: usize, j: usize| to.wrapping_offset(j as isize * to_row + 4 * i as isize);
    unsafe {
        for j in (0..whole_columns).step_by(4) {
            for i in (0..whole_rows).step_by(4) {
                let square = F32x4::transposed(std::array::from_fn(|k| F32x4::load(input(i + k, j).cast())));
                square.iter().enumerate().for_each(|(k, column)| column.store(output(i, j + k).cast()));
            }
        }
        for j in 0..columns {
            let i = if j < whole_columns { whole_rows } else { 0 };
            line::<u32>(output(i, j), 4, input(i, j), from_row, rows - i);
        }
    }
}

unsafe fn line<T: Copy>(mut to: *mut u8, to_stride: isize, mut from: *const u8, from_stride: isize, n: usize) {
    let size = size_of::<T>() as isize;
    unsafe {
        if to_stride == size && from_stride == size {
            std::ptr::copy(from, to, n * size_of::<T>());
            return;
        }
        for _ in 0..n {
            to.cast::<T>().write(from.cast::<T>().read());
            to = to.wrapping_offset(to_stride);
            from = from.wrapping_offset(from_stride);
        }
    }
}

fn fill(launch: &Launch) {
    let (float, int) = (launch.attrs[0].f(), launch.attrs[1].i());
    match launch.outs[0].dtype {
        DType::F32 => fill_with(launch, f32::from_f64(float)),
        DType::F64 => fill_with(launch, float),
        DType::I64 => fill_with(launch, int),
        DType::I32 => fill_with(launch, i32::from_i64(int)),
        DType::U8 => fill_with(launch, u8::from_i64(int)),
        DType::Bool => fill_with(launch, Bool::from_f64(float)),
    }
}

fn fill_with<T: Element>(launch: &Launch, v: T) {
    let out = &launch.outs[0];
    if out.is_contiguous() {
        unsafe { out.slice_mut::<T>() }.fill(v);
        return;
    }
    let walk = Walk::new(out.shape, launch.outs);
    let (row, stride) = (walk.row(), walk.strides[0][0]);
    walk.each(1, bases(launch.outs), |at| {
        let mut to = at[0];
        for _ in 0..row {
            unsafe { to.cast::<T>().write(v) };
            to = to.wrapping_offset(stride);
        }
    });
}

fn choose(launch: &Launch) {
    let run: Run = match launch.outs[0].dtype.size() {
        1 => choose_between::<u8>,
        4 => choose_between::<u32>,
        _ => choose_between::<u64>,
    };
    drive(launch, Row { run, width: 1 });
}

unsafe fn choose_between<T: Copy>(out: Out, ins: &[*const u8; MAX_INS], _: &[f64; MAX_PARAMS]) {
    let (mask, a, b, to) = (ins[0], ins[1].cast::<T>(), ins[2].cast::<T>(), out.as_mut_ptr().cast::<T>());
    for i in 0..out.len() / size_of::<T>() {
        unsafe {
            let (x, y) = (a.add(i).read(), b.add(i).read());
            to.add(i).write(if mask.add(i).read() != 0 { x } else { y });
        }
    }
}
