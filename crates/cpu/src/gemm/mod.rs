//! Matrix products: batched `alpha * A @ B + beta * C`, any strides, every numeric dtype.

pub(crate) mod block;
mod exact;
pub mod num;
mod ordered;
#[cfg(test)]
mod ordered_tests;
pub(crate) mod pack;
mod small;
pub mod tile;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use crate::by_dtype::wide_dtype;
use crate::threads::{Split, WHOLE, threads};
use crate::{Kernel, Launch, Prepare, Prepared, View};
use block::{Columns, Init, Left, Mat, Output, Right, Size, blocked};
use cresset_lane::DType;
use num::Num;
use ordered::Operands;
use pack::Strided;
use tile::Tiled;
pub use tile::{count, pick_tile, set_clock, set_tile, tiles};

/// `out[b, m, n] = alpha * sum_k a[b, m, k] * b[b, k, n] (+ beta * init[b, m, n])`.
///
/// - ins: `a`, `b` and, if something is added, `init`, which has `out`'s shape (broadcasting is strides of 0) and may be
///   `out` itself. All operands have the same number (two or more) of dimensions and the same batch dimensions.
/// - attrs: `alpha`, `beta`, as floats for floating-point matrices and as integers for integer ones. Without attrs both
///   are 1.
/// - dtypes: all equal; float32, float64, int64, int32, uint8. Integers wrap.
///
/// Transposed and broadcast operands are read in place. k = 0 gives 0 (or `beta * init`).
pub const MATMUL: Kernel = Kernel::new("matmul", run).with_scratch(scratch).with_split(split).with_prepare(Prepare {
    input: 1,
    plan: prepared,
    run: prepare,
});

/// Names what is kept of B here.
const WAY: usize = 3;

/// The product of a row and a column, [1, k] and [k, 1], that stand for vectors: short ones in float32 have an order of
/// their own. Otherwise as `MATMUL` without attrs.
pub const DOT: Kernel = Kernel::new("dot", dot).with_scratch(dot_scratch);

/// One or many products of matrices, as found in a launch.
struct Product<'a, T> {
    size: Size,
    a: Mat<T>,
    b: Mat<T>,
    out: Mat<T>,
    init: Option<Mat<T>>,
    alpha: T,
    beta: T,
    /// Whether `ordered` computes it.
    ordered: bool,
    /// Whether it is computed as C^T = B^T A^T.
    transposed: bool,
    /// All of B, packed.
    ready: Option<*const T>,
    /// Batch dimensions that are left, with the strides of a, b, out and init.
    batch: &'a [usize],
    strides: [&'a [isize]; 4],
}

/// Which loops a product takes.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Path {
    Skinny,
    Small,
    Blocked,
}

fn mat<T: Num>(view: &View) -> Mat<T> {
    let [.., row, col] = *view.strides else { unreachable!("a matrix has two dimensions") };
    Mat { ptr: view.as_ptr(), row, col }
}

/// The stride of all leading dimensions and the rows taken as one dimension, if they lie so.
fn merged_row(view: &View) -> Option<isize> {
    let dims = view.shape.len() - 1;
    let mut merged: Option<(usize, isize)> = None;
    for d in (0..dims).rev() {
        let (n, stride) = (view.shape[d], view.strides[d]);
        merged = match merged {
            _ if n == 1 => merged,
            None => Some((n, stride)),
            Some((count, inner)) if stride == inner * count as isize => Some((count * n, inner)),
            Some(_) => return None,
        };
    }
    Some(merged.map_or(1, |(_, stride)| stride))
}

impl<'a, T: Tiled> Product<'a, T> {
    fn new(launch: &'a Launch) -> Self {
        let (out, a, b) = (&launch.outs[0], &launch.ins[0], &launch.ins[1]);
        let init = launch.ins.get(2);
        let dims = out.shape.len();
        let batch = dims - 2;
        let factor = |i: usize| launch.attrs.get(i).map_or(T::from_i64(1), |&x| T::of(x));
        let outer = |v: &View<'a>| &v.strides[..batch];
        let mut product = Product {
            size: Size { m: out.shape[dims - 2], n: out.shape[dims - 1], k: a.shape[dims - 1] },
            a: mat(a),
            b: mat(b),
            out: mat(out),
            init: init.map(mat),
            alpha: factor(0),
            beta: factor(1),
            ordered: false,
            transposed: false,
            ready: launch.ready.filter(|ready| ready.way == WAY).map(|ready| ready.ptr.cast()),
            batch: &out.shape[..batch],
            strides: [outer(a), outer(b), outer(out), init.map_or(&[], outer)],
        };
        // One B for every batch: the batch is only more rows.
        let shared = batch > 0 && (0..batch).all(|d| b.strides[d] == 0 || b.shape[d] == 1);
        if shared
            && let (Some(a_row), Some(out_row)) = (merged_row(a), merged_row(out))
            && let Some(init_row) = init.map_or(Some(0), merged_row)
        {
            product.size.m *= product.batch.iter().product::<usize>();
            (product.a.row, product.out.row) = (a_row, out_row);
            if let Some(init) = &mut product.init {
                init.row = init_row;
            }
            product.batch = &[];
            product.strides = [&[]; 4];
        }
        product.ordered = product.is_ordered();
        if product.ordered {
            return product;
        }
        let Size { m, n, .. } = product.size;
        // Rows of the output should be contiguous, and few lines should be rows.
        let few = small::SKINNY;
        if (product.out.row == 1 && product.out.col != 1 && n > few) || (n <= few && m > n) {
            product.transpose();
        }
        product
    }

    /// C^T = B^T A^T.
    fn transpose(&mut self) {
        (self.transposed, self.ready) = (true, None);
        let flip = |x: Mat<T>| Mat { row: x.col, col: x.row, ..x };
        self.size = Size { m: self.size.n, n: self.size.m, k: self.size.k };
        (self.a, self.b) = (flip(self.b), flip(self.a));
        self.strides.swap(0, 1);
        self.out = flip(self.out);
        self.init = self.init.map(flip);
    }

    /// Whether the product is small, float32 and nothing is scaled.
    fn is_ordered(&self) -> bool {
        let one = T::from_i64(1);
        T::DTYPE == DType::F32
            && self.batch.is_empty()
            && self.alpha == one
            && self.beta == one
            && ordered::takes(&self.operands())
    }

    /// The product as `ordered` takes it.
    fn operands(&self) -> Operands {
        let mat = |x: Mat<T>| Mat { ptr: x.ptr.cast::<f32>(), row: x.row, col: x.col };
        Operands { size: self.size, a: mat(self.a), b: mat(self.b), init: self.init.map(mat), out: mat(self.out) }
    }

    fn path(&self) -> Path {
        let Size { m, n, k } = self.size;
        if m <= small::SKINNY && k > 8 {
            Path::Skinny
        } else if m * n * k <= 32 * 32 * 32 || n <= 2 * T::DIRECT_COLS && (n * k <= 8192 || m <= 16 && !self.packs()) {
            // For a small result the operands go by a few times: packing them costs more.
            Path::Small
        } else {
            Path::Blocked
        }
    }

    /// Whether `small` would pack B.
    fn packs(&self) -> bool {
        let own = self.init.is_some_and(|init| std::ptr::eq(init.ptr, self.out.ptr));
        small::small_packs(self.size, &self.b, !own)
    }

    /// What can be kept of B, the weights of a linear layer.
    fn prepared(&self) -> Option<Prepared> {
        let whole = !self.ordered && !self.transposed && self.batch.is_empty() && self.path() == Path::Blocked;
        let (tile, Size { n, k, .. }) = (T::tile(), self.size);
        let [row, col] = [self.b.row, self.b.col].map(|step| step as usize);
        let key = [WAY, tile.nr, self.b.ptr as usize, n, k, row, col, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let bytes = block::blocks_len(&tile, n, k) * size_of::<T>();
        (whole && T::DTYPE == DType::F32).then_some(Prepared { bytes, key })
    }

    fn scratch(&self) -> usize {
        if self.ordered {
            return ordered::scratch(&self.operands());
        }
        let elements = match self.path() {
            Path::Skinny => small::skinny_scratch(self.size),
            Path::Small if self.packs() => self.size.k * T::DIRECT_COLS,
            Path::Small => 0,
            Path::Blocked => block::scratch(&T::tile(), self.size),
        };
        elements * size_of::<T>()
    }

    /// B as `blocked` packs it.
    fn right(&self, b: &Mat<T>) -> Strided<T> {
        Strided { ptr: b.ptr, line: b.col, k: b.row }
    }

    unsafe fn run(&self, scratch: *mut u8) {
        if self.size.m == 0 || self.size.n == 0 {
            return;
        }
        if self.ordered {
            return unsafe { ordered::run(&self.operands(), scratch) };
        }
        for item in 0..self.batch.iter().product() {
            let mut offsets = [0isize; 4];
            let mut rest = item;
            for d in (0..self.batch.len()).rev() {
                let index = (rest % self.batch[d]) as isize;
                rest /= self.batch[d];
                for (offset, strides) in offsets.iter_mut().zip(&self.strides) {
                    *offset += strides.get(d).map_or(0, |s| index * s);
                }
            }
            let shift = |x: Mat<T>, i: usize| Mat { ptr: x.ptr.wrapping_offset(offsets[i]), ..x };
            let (a, b) = (shift(self.a, 0), shift(self.b, 1));
            let out = Output {
                ptr: shift(self.out, 2).ptr.cast_mut(),
                row: self.out.row,
                cols: Columns::Even(self.out.col),
                alpha: self.alpha,
                init: self.init.map(|x| (self.beta, Init::Mat(shift(x, 3)))),
            };
            unsafe {
                match self.path() {
                    Path::Skinny => small::skinny(self.size, &a, &b, &out, scratch.cast()),
                    Path::Small => small::small(self.size, &a, &b, &out, scratch.cast()),
                    Path::Blocked => {
                        let a = Strided { ptr: a.ptr, line: a.row, k: a.col };
                        let b = self.right(&b);
                        let right = self.ready.map_or(Right::Operand(&b), Right::Packed);
                        blocked(&T::tile(), self.size, Left::Operand(&a), right, &out, scratch.cast());
                    }
                }
            }
        }
    }
}

fn run(launch: &Launch) {
    fn go<T: Tiled>(launch: &Launch) {
        unsafe { Product::<T>::new(launch).run(launch.scratch) }
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch))
}

fn scratch(launch: &Launch) -> usize {
    fn go<T: Tiled>(launch: &Launch) -> usize {
        Product::<T>::new(launch).scratch()
    }
    wide_dtype!(launch.outs[0].dtype, T => go::<T>(launch))
}

fn prepared(launch: &Launch) -> Option<Prepared> {
    let float = launch.outs[0].dtype == DType::F32;
    if float { Product::<f32>::new(launch).prepared() } else { None }
}

fn prepare(launch: &Launch, to: *mut u8) {
    let product = Product::<f32>::new(launch);
    let b = product.right(&product.b);
    unsafe { block::pack_blocks(&f32::tile(), product.size, &b, to.cast()) };
}

/// Batches if there are many, else the longer side. Each piece packs the other side's operand again, so a thread gets one.
fn split(launch: &Launch) -> Option<Split> {
    let (out, k) = (&launch.outs[0], *launch.ins[0].shape.last()? as u64);
    let (shape, dims) = (out.shape, out.shape.len());
    let time = (out.numel() as u64 * k / 15) as usize;
    if let Some(dim) = (0..dims - 2).find(|&d| shape[d] >= 2 * threads()) {
        return Some(Split::all(launch, dim, 1, time));
    }
    let row = dims - 2;
    // A piece of a few lines would take another path, whose sums differ in the last digits.
    let (dim, unit) = if shape[row] >= shape[row + 1] { (row, 48) } else { (row + 1, 64) };
    // A has no columns of the output, B no rows.
    let whole = if dim == row { 2 } else { 1 };
    Some(Split { each: 1, ..Split::all(launch, dim, unit, time).but(&[(whole, WHOLE)]) })
}

/// The length of the vectors, if their dot product is one in order.
fn short(launch: &Launch) -> Option<usize> {
    let k = launch.ins[0].shape[1];
    (launch.outs[0].dtype == DType::F32 && k > 0 && k <= ordered::LONGEST_DOT).then_some(k)
}

fn dot(launch: &Launch) {
    let Some(k) = short(launch) else { return run(launch) };
    let [a, b] =
        [(&launch.ins[0], 1), (&launch.ins[1], 0)].map(|(v, d)| (v.as_ptr::<f32>().cast_const(), v.strides[d]));
    unsafe { *launch.outs[0].ptr.cast() = ordered::dot(k, [a, b], launch.scratch) }
}

fn dot_scratch(launch: &Launch) -> usize {
    short(launch).map_or_else(|| scratch(launch), ordered::dot_scratch)
}
