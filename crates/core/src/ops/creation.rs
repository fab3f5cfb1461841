//! Tensors filled by rule.

use crate::call::Operand;
use crate::layout::{Shape, Strides};
use crate::promote::default_dtype;
use crate::{DType, Element, Result, Scalar, Tensor, device, ensure, lane, ops};

ops! {
    /// A tensor of zeros. dtype: the default float type unless given.
    ///
    /// PyTorch: `torch.zeros`.
    [torch factory]
    fn zeros(size: Vec<i64>, dtype: Option<DType> = None) -> Tensor {
        filled("zeros", size, Scalar::Int(0), dtype.unwrap_or_else(default_dtype))
    }

    /// A tensor of ones. dtype: the default float type unless given.
    ///
    /// PyTorch: `torch.ones`.
    [torch factory]
    fn ones(size: Vec<i64>, dtype: Option<DType> = None) -> Tensor {
        filled("ones", size, Scalar::Int(1), dtype.unwrap_or_else(default_dtype))
    }

    /// A tensor whose elements all have one value. dtype: bool, int64 or the default float type, as the value is.
    ///
    /// PyTorch: `torch.full`.
    [torch factory]
    fn full(size: Vec<i64>, fill_value: Scalar, dtype: Option<DType> = None) -> Tensor {
        filled("full", size, fill_value, dtype.unwrap_or_else(|| fill_value.dtype()))
    }

    /// A tensor whose elements are whatever the memory held. dtype: the default float type unless given.
    ///
    /// PyTorch: `torch.empty`.
    [torch factory]
    fn empty(size: Vec<i64>, dtype: Option<DType> = None) -> Tensor {
        Tensor::empty(&to_shape("empty", size)?, dtype.unwrap_or_else(default_dtype))
    }

    /// An uninitialised tensor with the given strides, in elements.
    ///
    /// PyTorch: `torch.empty_strided`.
    [torch factory]
    fn empty_strided(size: Vec<i64>, stride: Vec<i64>, dtype: Option<DType> = None) -> Tensor {
        strided("empty_strided", size, stride, dtype.unwrap_or_else(default_dtype))
    }

    /// An uninitialised tensor without gaps whose dimensions lie in memory in the order `physicalLayout`, outermost first.
    ///
    /// PyTorch: `torch.empty_permuted`.
    [torch factory]
    fn empty_permuted(size: Vec<i64>, physical_layout: Vec<i64>, dtype: Option<DType> = None) -> Tensor {
        let shape = to_shape("empty_permuted", size)?;
        ensure!(
            shape.len() == physical_layout.len(),
            Runtime,
            "empty_permuted: Number of dimensions in size does not match the length of the physical_layout; i.e. \
             len(size) = {} is not equal to len(physical_layout) = {}",
            shape.len(),
            physical_layout.len()
        );
        let mut strides: Strides = shape.iter().map(|_| 0).collect();
        let mut step = 1;
        for &d in physical_layout.iter().rev() {
            ensure!(
                (0..shape.len() as i64).contains(&d),
                Index,
                "empty_permuted: Dimension out of range (expected to be between 0 and {}, but got {d} in physical_layout)",
                shape.len() as i64 - 1
            );
            ensure!(strides[d as usize] == 0, Runtime, "empty_permuted: Duplicate dim not allowed: {d} in {physical_layout:?}");
            strides[d as usize] = step;
            step *= shape[d as usize].max(1) as isize;
        }
        Tensor::empty_strided(&shape, &strides, dtype.unwrap_or_else(default_dtype))
    }

    /// Zeros in the shape and, unless another is given, the dtype of `input`.
    ///
    /// PyTorch: `torch.zeros_like`.
    [torch factory]
    fn zeros_like(input: Tensor, dtype: Option<DType> = None) -> Tensor {
        filled_like(input, Scalar::Int(0), dtype)
    }

    /// Ones in the shape and, unless another is given, the dtype of `input`.
    ///
    /// PyTorch: `torch.ones_like`.
    [torch factory]
    fn ones_like(input: Tensor, dtype: Option<DType> = None) -> Tensor {
        filled_like(input, Scalar::Int(1), dtype)
    }

    /// One value in the shape and, unless another is given, the dtype of `input`.
    ///
    /// PyTorch: `torch.full_like`.
    [torch factory]
    fn full_like(input: Tensor, fill_value: Scalar, dtype: Option<DType> = None) -> Tensor {
        filled_like(input, fill_value, dtype)
    }

    /// Uninitialised memory in the shape and, unless another is given, the dtype of `input`.
    ///
    /// PyTorch: `torch.empty_like`.
    [torch factory]
    fn empty_like(input: Tensor, dtype: Option<DType> = None) -> Tensor {
        Tensor::empty_like_here(input, dtype.unwrap_or(input.dtype()))
    }

    /// Zeros of this tensor's dtype, unless another is given.
    ///
    /// PyTorch: `Tensor.new_zeros`.
    [tensor factory]
    fn new_zeros(input: Tensor, size: Vec<i64>, dtype: Option<DType> = None) -> Tensor {
        filled("new_zeros", size, Scalar::Int(0), dtype.unwrap_or(input.dtype()))
    }

    /// Ones of this tensor's dtype, unless another is given.
    ///
    /// PyTorch: `Tensor.new_ones`.
    [tensor factory]
    fn new_ones(input: Tensor, size: Vec<i64>, dtype: Option<DType> = None) -> Tensor {
        filled("new_ones", size, Scalar::Int(1), dtype.unwrap_or(input.dtype()))
    }

    /// One value in this tensor's dtype, unless another is given.
    ///
    /// PyTorch: `Tensor.new_full`.
    [tensor factory]
    fn new_full(input: Tensor, size: Vec<i64>, fill_value: Scalar, dtype: Option<DType> = None) -> Tensor {
        filled("new_full", size, fill_value, dtype.unwrap_or(input.dtype()))
    }

    /// Uninitialised memory of this tensor's dtype, unless another is given.
    ///
    /// PyTorch: `Tensor.new_empty`.
    [tensor factory]
    fn new_empty(input: Tensor, size: Vec<i64>, dtype: Option<DType> = None) -> Tensor {
        Tensor::empty(&to_shape("new_empty", size)?, dtype.unwrap_or(input.dtype()))
    }

    /// Uninitialised memory with the given strides, of this tensor's dtype unless another is given.
    ///
    /// PyTorch: `Tensor.new_empty_strided`.
    [tensor factory]
    fn new_empty_strided(input: Tensor, size: Vec<i64>, stride: Vec<i64>, dtype: Option<DType> = None) -> Tensor {
        strided("new_empty_strided", size, stride, dtype.unwrap_or(input.dtype()))
    }

    /// The numbers 0, 1, 2, ... below `end`. dtype: int64, or the default float type if a bound is not an integer.
    ///
    /// PyTorch: `torch.arange`.
    [torch factory]
    fn arange(end: Scalar, dtype: Option<DType> = None) -> Tensor {
        stepped("arange", Scalar::Int(0), end, Scalar::Int(1), dtype)
    }

    /// The numbers from `start` on, `step` apart, up to but without `end`.
    ///
    /// PyTorch: `torch.arange`. Throws when `step` is 0 or leads away from `end`.
    [torch factory as arange]
    fn arange_start(start: Scalar, end: Scalar, step: Scalar = 1, dtype: Option<DType> = None) -> Tensor {
        stepped("arange", start, end, step, dtype)
    }

    /// The numbers from `start` on, `step` apart, up to and including `end`. Deprecated in PyTorch: use `arange`.
    ///
    /// PyTorch: `torch.range`.
    [torch factory]
    fn range(start: f64, end: f64, step: f64 = 1.0, dtype: Option<DType> = None) -> Tensor {
        check_steps("range", start, end, step)?;
        let n = ((end - start) / step + 1.0) as usize;
        let dtype = dtype.unwrap_or_else(default_dtype);
        generate(n, dtype, |i| start + step * i as f64, |i| (start + step * i as f64) as i64)
    }

    /// `steps` numbers evenly spaced from `start` to `end`, both included. dtype: the default float type unless given.
    ///
    /// PyTorch: `torch.linspace`.
    [torch factory]
    fn linspace(start: Operand, end: Operand, steps: i64, dtype: Option<DType> = None) -> Tensor {
        let dtype = dtype.unwrap_or_else(default_dtype);
        let line = Line::new("linspace", start, end, steps, dtype)?;
        generate(steps as usize, dtype, |i| line.at(i), |i| line.at(i) as i64)
    }

    /// Powers of `base` whose exponents are evenly spaced from `start` to `end`, both included.
    ///
    /// PyTorch: `torch.logspace`.
    [torch factory]
    fn logspace(start: Operand, end: Operand, steps: i64, base: f64 = 10.0, dtype: Option<DType> = None) -> Tensor {
        let dtype = dtype.unwrap_or_else(default_dtype);
        let line = Line::new("logspace", start, end, steps, dtype)?;
        let integer = |i| (base as f32).powf(line.at(i) as f32) as i64;
        generate(steps as usize, dtype, |i| libm::pow(base, line.at(i)), integer)
    }

    /// A matrix with ones on its diagonal, `n` rows and `m` (default `n`) columns.
    ///
    /// PyTorch: `torch.eye`.
    [torch factory]
    fn eye(n: i64, m: Option<i64> = None, dtype: Option<DType> = None) -> Tensor {
        ensure!(n >= 0, Runtime, "eye: n must be greater or equal to 0, got {n}");
        let m = m.unwrap_or(n);
        ensure!(m >= 0, Runtime, "eye: m must be greater or equal to 0, got {m}");
        let out = filled("eye", &[n, m], Scalar::Int(0), dtype.unwrap_or_else(default_dtype))?;
        let mut diagonal = out.layout().clone();
        diagonal.shape = Shape::from_slice(&[n.min(m) as usize]);
        diagonal.strides = Strides::from_slice(&[m as isize + 1]);
        out.alias(diagonal).fill(1)?;
        Ok(out)
    }

    /// Views of vectors (or numbers) spread over the grid that they span; `indexing` 'ij' or 'xy'.
    [private]
    fn meshgrid(tensors: Vec<Tensor>, indexing: String) -> Vec<Tensor> {
        ensure!(!tensors.is_empty(), Runtime, "meshgrid expects a non-empty TensorList");
        ensure!(
            indexing == "ij" || indexing == "xy",
            Runtime,
            "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: {indexing}"
        );
        for t in tensors {
            ensure!(
                t.ndim() <= 1,
                Shape,
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got a tensor of shape {:?}",
                t.shape()
            );
            ensure!(
                t.dtype() == tensors[0].dtype(),
                DType,
                "torch.meshgrid expects all tensors to have the same dtype, got {} and {}",
                tensors[0].dtype(),
                t.dtype()
            );
        }
        // In 'xy' the first two change places: a grid of len(y) rows and len(x) columns.
        let place = |i: usize| if indexing == "xy" && tensors.len() > 1 && i < 2 { 1 - i } else { i };
        let mut size = vec![1; tensors.len()];
        for (i, t) in tensors.iter().enumerate() {
            size[place(i)] = t.numel() as i64;
        }
        let spread = |(i, t): (usize, &Tensor)| {
            let mut shape = vec![1; tensors.len()];
            shape[place(i)] = -1;
            if t.numel() == 0 {
                shape[place(i)] = 0;
            }
            ops::expand(&ops::reshape(t, &shape)?, &size)
        };
        tensors.iter().enumerate().map(spread).collect()
    }

    /// All combinations of one element from each vector, a row each; of one vector, the vector itself.
    ///
    /// PyTorch: `torch.cartesian_prod`.
    [torch]
    fn cartesian_prod(tensors: Vec<Tensor>) -> Tensor {
        for t in tensors {
            ensure!(
                t.ndim() == 1,
                Shape,
                "cartesian_prod: Expect a 1D vector, but got shape {:?}; flatten it first",
                t.shape()
            );
        }
        if let [only] = tensors {
            return Ok(only.clone());
        }
        let grids = ops::meshgrid(tensors, "ij")?;
        let columns = grids.iter().map(|g| ops::reshape(g, &[-1])).collect::<Result<Vec<_>>>()?;
        ops::stack(&columns, 1)
    }

    /// The vector itself.
    [torch as cartesian_prod]
    fn cartesian_prod_one(input: Tensor) -> Tensor {
        ops::cartesian_prod(std::slice::from_ref(input))
    }
}

/// A requested size; negative ones are refused.
pub(crate) fn to_shape(op: &str, size: &[i64]) -> Result<Shape> {
    for &n in size {
        ensure!(n >= 0, Runtime, "{op}: Trying to create tensor with negative dimension {n}: {size:?}");
        // In a 32-bit memory the number of elements would be another one.
        ensure!(n <= isize::MAX as i64, OutOfMemory, "{op}: a tensor of shape {size:?} is larger than memory can address");
    }
    Ok(size.iter().map(|&n| n as usize).collect())
}

fn filled(op: &str, size: &[i64], value: Scalar, dtype: DType) -> Result<Tensor> {
    Tensor::full(&to_shape(op, size)?, value, dtype)
}

fn filled_like(input: &Tensor, value: Scalar, dtype: Option<DType>) -> Result<Tensor> {
    let out = Tensor::empty_like_here(input, dtype.unwrap_or(input.dtype()))?;
    out.fill(value)?;
    Ok(out)
}

fn strided(op: &str, size: &[i64], stride: &[i64], dtype: DType) -> Result<Tensor> {
    ensure!(
        size.len() == stride.len(),
        Runtime,
        "{op}: dimensionality of sizes ({}) must match dimensionality of strides ({})",
        size.len(),
        stride.len()
    );
    ensure!(stride.iter().all(|&s| s >= 0), Runtime, "{op}: negative strides are not supported: {stride:?}");
    let strides: Strides = stride.iter().map(|&s| s as isize).collect();
    Tensor::empty_strided(&to_shape(op, size)?, &strides, dtype)
}

/// A vector of `n` elements by position: `float` for float dtypes, `integer` for the others.
pub(crate) fn generate(
    n: usize,
    dtype: DType,
    float: impl Fn(usize) -> f64,
    integer: impl Fn(usize) -> i64,
) -> Result<Tensor> {
    fn fill<T: Element>(out: &Tensor, at: impl Fn(usize) -> T) {
        // Safety: fresh contiguous memory of this dtype, seen by nobody else.
        let slots = unsafe { std::slice::from_raw_parts_mut(out.storage().ptr().cast::<T>(), out.numel()) };
        slots.iter_mut().enumerate().for_each(|(i, x)| *x = at(i));
    }
    let out = Tensor::empty_on_host(&[n], dtype)?;
    match dtype {
        DType::F32 => fill(&out, |i| float(i) as f32),
        DType::F64 => fill(&out, float),
        DType::I64 => fill(&out, integer),
        DType::I32 => fill(&out, |i| integer(i) as i32),
        DType::U8 => fill(&out, |i| integer(i) as u8),
        DType::Bool => fill(&out, |i| lane::Bool((integer(i) != 0) as u8)),
    }
    out.to_device(device::current())
}

fn check_steps(op: &str, start: f64, end: f64, step: f64) -> Result<()> {
    ensure!(step != 0.0, Runtime, "{op}: step must be nonzero");
    ensure!(start.is_finite() && end.is_finite(), Runtime, "{op}: unsupported range: {start} -> {end}");
    ensure!(
        (step > 0.0 && end >= start) || (step < 0.0 && end <= start),
        Runtime,
        "{op}: upper bound and lower bound inconsistent with step sign: from {start} to {end} in steps of {step}"
    );
    Ok(())
}

fn stepped(op: &str, start: Scalar, end: Scalar, step: Scalar, dtype: Option<DType>) -> Result<Tensor> {
    let float = [start, end, step].iter().any(|s| s.is_float());
    let dtype = dtype.unwrap_or_else(|| if float { default_dtype() } else { DType::I64 });
    let (a, b, s) = (start.to_f64(), end.to_f64(), step.to_f64());
    check_steps(op, a, b, s)?;
    let n = if float || dtype != DType::I64 {
        ((b - a) / s).ceil()
    } else {
        // Integers beyond 2^53 have no exact float64.
        let (a, b, s) = (start.to_i64() as i128, end.to_i64() as i128, step.to_i64() as i128);
        ((b - a + s - s.signum()) / s) as f64
    };
    ensure!(n <= isize::MAX as f64, OutOfMemory, "{op}: a range of {n} numbers does not fit into memory");
    let (from, by) = (start.to_i64(), step.to_i64());
    generate(n as usize, dtype, |i| a + s * i as f64, |i| from.wrapping_add(by.wrapping_mul(i as i64)))
}

/// Numbers evenly spaced between two ends, computed from the nearer end (aten/src/ATen/native/cpu/RangeFactoriesKernel.cpp).
struct Line {
    start: f64,
    end: f64,
    step: f64,
    steps: usize,
    single: bool,
}

impl Line {
    fn new(op: &str, start: &Tensor, end: &Tensor, steps: i64, dtype: DType) -> Result<Line> {
        ensure!(
            start.ndim() == 0 && end.ndim() == 0,
            Shape,
            "{op} only supports 0-dimensional start and end tensors, but got start with {} dimension(s) and end with {} \
             dimension(s)",
            start.ndim(),
            end.ndim()
        );
        ensure!(steps >= 0, Runtime, "{op}: number of steps must be non-negative, got {steps}");
        // Both ends first become numbers of the result's dtype.
        let end_of = |t: &Tensor| -> Result<f64> {
            let v = t.item()?.to_f64();
            Ok(match dtype {
                DType::F64 => v,
                DType::F32 => v as f32 as f64,
                _ => v.trunc(),
            })
        };
        let (start, end) = (end_of(start)?, end_of(end)?);
        let single = dtype == DType::F32;
        let parts = (steps - 1).max(1) as f64;
        let step = if single { ((end as f32 - start as f32) / parts as f32) as f64 } else { (end - start) / parts };
        Ok(Line { start, end, step, steps: steps as usize, single })
    }

    fn at(&self, i: usize) -> f64 {
        let v = if i < self.steps / 2 || self.steps == 1 {
            self.start + self.step * i as f64
        } else {
            self.end - self.step * (self.steps - i - 1) as f64
        };
        if self.single { v as f32 as f64 } else { v }
    }
}
