//! How TypeScript calls an op: its number, and arguments and results as 64-bit floats in a block of memory.
//!
//! | parameter | words |
//! |---|---|
//! | Tensor, Generator | handle |
//! | i64, f64, bool, DType | the number (a dtype by its code) |
//! | Scalar | kind (0 bool, 1 int, 2 float, 3 big int), value (a big int: high and low 32 bits) |
//! | Operand | 0 and a handle, or 1 and a Scalar |
//! | String | length, UTF-16 units |
//! | `Option<T>` | 0, or 1 and T |
//! | `Vec<T>` | length, items |
//!
//! Results are written likewise.

use std::cell::Cell;

use crate::device::{self, Device};
use crate::profile::{self, Kind};
use crate::{DType, Error, ErrorKind, Result, Scalar, Tensor, autograd, bail, handles, pointwise};

/// Flag of a call: the first tensor receives the result.
pub const IN_PLACE: u32 = 1;
/// Flag of a call: results are made on the default device, whatever device the arguments are on.
pub const PLACED: u32 = 2;

/// One call under way.
pub struct Call<'a> {
    words: &'a [Cell<f64>],
    at: usize,
    op: &'static str,
    direct: bool,
    mixed: bool,
    placed: bool,
    in_place: bool,
    /// The tensor that is written in place.
    target: Option<Tensor>,
    /// In place: whether a gradient would flow into any argument.
    tracked: bool,
    /// Where the tensors among the arguments are.
    places: Places,
    /// What went wrong while arguments were read. Reading goes on with placeholders and `start` reports it: hundreds of ops
    /// read their arguments, and a branch after each would be a good part of the binary.
    failed: Option<Error>,
    results: &'a mut Vec<f64>,
}

/// The devices of a call's tensors. Those without dimensions count as numbers where there are others, as in PyTorch.
#[derive(Default)]
struct Places {
    gpu: bool,
    host: bool,
    host_number: bool,
}

/// An op as the table holds it.
#[derive(Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    /// In place, its one pointwise kernel may write straight into the target.
    pub direct: bool,
    /// Tensors of several devices may meet in it.
    pub mixed: bool,
    pub(crate) function: Erased,
    /// `Signature::run` for the function's type.
    pub(crate) run: unsafe fn(&mut Call, Erased) -> Result<()>,
}

/// Runs op number `op` on the encoded arguments; results are appended to `results`.
///
/// The words are cells because the op may call back into TypeScript, which then writes the arguments of other calls into
/// the same block; by then ours have been read.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn call(op: u32, flags: u32, words: &[Cell<f64>], results: &mut Vec<f64>) -> Result<()> {
    let Some(entry) = crate::ops::table().get(op as usize) else {
        bail!(Internal, "there is no op number {op}");
    };
    let mut c = Call {
        words,
        at: 0,
        op: entry.name,
        direct: entry.direct,
        in_place: flags & IN_PLACE != 0,
        target: None,
        tracked: false,
        places: Places::default(),
        mixed: entry.mixed,
        placed: flags & PLACED != 0,
        failed: None,
        results,
    };
    // A callback makes tensors where its program wants them, not where the op does that called it.
    let _device = device::enter(device::default());
    let before = device::remote::set_op(entry.name);
    // Safety: `ops!` makes the function and its signature of the same declaration.
    let out = profile::span(Kind::Op, entry.name, || 0.0, || unsafe { (entry.run)(&mut c, entry.function) });
    device::remote::set_op(before);
    if c.in_place {
        pointwise::set_target(None);
    }
    out
}

impl Places {
    fn note(&mut self, t: &Tensor) {
        match t.device() {
            Device::Gpu => self.gpu = true,
            Device::Cpu if t.ndim() == 0 => self.host_number = true,
            Device::Cpu => self.host = true,
        }
    }
}

impl Call<'_> {
    /// Makes tensors where those among the arguments are; where there are none, on the default device.
    fn enter_device(&mut self) -> Result<()> {
        let Places { gpu, host, host_number } = self.places;
        if gpu && host && !self.mixed {
            return Err(device::remote::mixed());
        }
        if (gpu || host || host_number) && !self.placed {
            // For the rest of the call; `call` goes back.
            device::go_to(if gpu { Device::Gpu } else { Device::Cpu });
        }
        Ok(())
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    fn word(&mut self) -> f64 {
        match self.words.get(self.at) {
            Some(w) => {
                self.at += 1;
                w.get()
            }
            None => {
                self.fail(Error::new(ErrorKind::Internal, "the call's arguments end early"));
                0.0
            }
        }
    }

    /// A count of items that follow.
    #[cfg_attr(hot_paths, optimize(speed))]
    fn count(&mut self) -> usize {
        (self.word() as usize).min(self.words.len())
    }

    #[cold]
    #[inline(never)]
    fn fail(&mut self, e: Error) {
        let text = format!("{}: {}", self.op, e.message());
        self.failed.get_or_insert(e.saying(text));
    }

    /// The tensor behind a handle.
    #[inline(never)]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn tensor(&mut self, handle: u32) -> Tensor {
        match handles::get(handle) {
            Ok(t) => {
                self.tracked |= self.in_place && t.requires_grad();
                if cfg!(feature = "gpu") {
                    self.places.note(&t);
                }
                t
            }
            Err(e) => {
                self.fail(e);
                Tensor::empty(&[0], DType::F32).expect("no memory is needed")
            }
        }
    }

    /// Ends the reading of arguments. In place, the first tensor is exchanged for what the op may read.
    #[inline(never)]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn start(&mut self, first: Option<&mut Tensor>) -> Result<()> {
        if let Some(e) = self.failed.take() {
            return Err(e);
        }
        if cfg!(feature = "gpu") {
            self.enter_device()?;
        }
        if let (true, Some(first)) = (self.in_place, first) {
            *first = self.begin(first.clone())?;
        }
        Ok(())
    }

    fn begin(&mut self, this: Tensor) -> Result<Tensor> {
        autograd::inplace::check_writable(self.op, &this)?;
        let seen = if self.tracked && autograd::grad_enabled() {
            let copy = Tensor::empty_like(&this, this.dtype())?;
            copy.copy_from(&this)?;
            copy.inner().meta.borrow_mut().set_edge(this.edge());
            copy
        } else {
            if self.direct {
                pointwise::set_target(Some(this.clone()));
            }
            this.clone()
        };
        self.target = Some(this);
        Ok(seen)
    }

    /// Hands the op's result over.
    #[inline(never)]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn leave<R: Returned>(&mut self, out: Result<R>) -> Result<()> {
        let out = out?;
        match self.target.take() {
            Some(target) => {
                pointwise::set_target(None);
                let Some(result) = out.only_tensor() else {
                    bail!(Internal, "{}: has no in-place form", self.op);
                };
                autograd::inplace::assign(self.op, &target, result)
            }
            None => {
                out.write(self.results);
                Ok(())
            }
        }
    }
}

/// A type that an op's parameter may have.
pub trait Param: Sized + 'static {
    /// How the op's Rust function takes it.
    type Arg<'a>;
    fn read(c: &mut Call) -> Self;
    fn arg(&self) -> Self::Arg<'_>;
    /// The tensor that an op in place would write to, if this is one.
    fn target(&mut self) -> Option<&mut Tensor> {
        None
    }
}

impl Param for Tensor {
    type Arg<'a> = &'a Tensor;
    #[cfg_attr(hot_paths, optimize(speed))]
    fn read(c: &mut Call) -> Self {
        let handle = c.word() as u32;
        c.tensor(handle)
    }
    fn arg(&self) -> &Tensor {
        self
    }
    fn target(&mut self) -> Option<&mut Tensor> {
        Some(self)
    }
}

/// A tensor, or a number that becomes a 0-d tensor which promotes as a number.
pub struct Operand(Tensor);

impl Param for Operand {
    type Arg<'a> = &'a Tensor;
    #[inline(never)]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn read(c: &mut Call) -> Self {
        if c.word() == 0.0 {
            return Operand(Tensor::read(c));
        }
        let number = Tensor::number(Scalar::read(c));
        Operand(number.unwrap_or_else(|e| {
            c.fail(e);
            Tensor::empty(&[0], DType::F32).expect("no memory is needed")
        }))
    }
    fn arg(&self) -> &Tensor {
        &self.0
    }
    fn target(&mut self) -> Option<&mut Tensor> {
        Some(&mut self.0)
    }
}

macro_rules! plain_param {
    ($t:ty, |$w:ident| $read:expr) => {
        impl Param for $t {
            type Arg<'a> = $t;
            #[cfg_attr(hot_paths, optimize(speed))]
            fn read(c: &mut Call) -> Self {
                let $w = c.word();
                $read
            }
            fn arg(&self) -> $t {
                *self
            }
        }
    };
}
plain_param!(i64, |w| w as i64);
plain_param!(f64, |w| w);
plain_param!(bool, |w| w != 0.0);
plain_param!(GeneratorId, |w| GeneratorId(w as u32));

/// A random generator by its handle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GeneratorId(pub u32);

impl Param for DType {
    type Arg<'a> = DType;
    #[inline(never)]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn read(c: &mut Call) -> Self {
        let code = c.word();
        DType::from_code(code as u32).unwrap_or_else(|| {
            c.fail(Error::new(ErrorKind::Internal, format!("no dtype has code {code}")));
            DType::F32
        })
    }
    fn arg(&self) -> DType {
        *self
    }
}

impl Param for Scalar {
    type Arg<'a> = Scalar;
    #[inline(never)]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn read(c: &mut Call) -> Self {
        let kind = c.word() as u32;
        let v = c.word();
        match kind {
            0 => Scalar::Bool(v != 0.0),
            1 => Scalar::Int(v as i64),
            2 => Scalar::Float(v),
            _ => Scalar::Int((v as i64) << 32 | c.word() as u32 as i64),
        }
    }
    fn arg(&self) -> Scalar {
        *self
    }
}

impl Param for String {
    type Arg<'a> = &'a str;
    #[inline(never)]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn read(c: &mut Call) -> Self {
        let n = c.count();
        let units: Vec<u16> = (0..n).map(|_| c.word() as u16).collect();
        String::from_utf16_lossy(&units)
    }
    fn arg(&self) -> &str {
        self
    }
}

/// Types that may stand in `Option<T>`: each says how an op takes the option.
macro_rules! option_param {
    ($t:ty, $arg:ty, |$x:ident| $conv:expr) => {
        impl Param for Option<$t> {
            type Arg<'a> = Option<$arg>;
            #[inline(never)]
            #[cfg_attr(hot_paths, optimize(speed))]
            fn read(c: &mut Call) -> Self {
                if c.word() == 0.0 { None } else { Some(<$t>::read(c)) }
            }
            fn arg(&self) -> Self::Arg<'_> {
                self.as_ref().map(|$x| $conv)
            }
        }
    };
}
option_param!(Tensor, &'a Tensor, |x| x);
option_param!(Operand, &'a Tensor, |x| &x.0);
option_param!(String, &'a str, |x| x.as_str());
option_param!(Vec<i64>, &'a [i64], |x| x.as_slice());
option_param!(Vec<f64>, &'a [f64], |x| x.as_slice());
option_param!(i64, i64, |x| *x);
option_param!(f64, f64, |x| *x);
option_param!(bool, bool, |x| *x);
option_param!(DType, DType, |x| *x);
option_param!(Scalar, Scalar, |x| *x);
option_param!(GeneratorId, GeneratorId, |x| *x);

macro_rules! list_param {
    ($t:ty) => {
        impl Param for Vec<$t> {
            type Arg<'a> = &'a [$t];
            #[inline(never)]
            #[cfg_attr(hot_paths, optimize(speed))]
            fn read(c: &mut Call) -> Self {
                let n = c.count();
                (0..n).map(|_| <$t>::read(c)).collect()
            }
            fn arg(&self) -> &[$t] {
                self
            }
        }
    };
}
list_param!(Tensor);
list_param!(Option<Tensor>);
list_param!(i64);
list_param!(Option<i64>);
list_param!(Vec<i64>);
list_param!(f64);
list_param!(bool);
list_param!(Scalar);

/// An op's function whose type is forgotten; its `Signature` knows it.
pub(crate) type Erased = fn();

/// Parameters, as a tuple, of functions that return `Result<R>`: ops that have the same share the code that reads their arguments
/// and calls them, a twentieth of the binary if each had its own.
pub(crate) trait Signature<R> {
    /// Reads the arguments and calls the op's function.
    ///
    /// # Safety
    /// `f` must be a function of these parameters' `Arg`s that returns `Result<R>`.
    unsafe fn run(c: &mut Call, f: Erased) -> Result<()>;
}

/// What an op in place would write to: its first parameter, where that is a tensor.
macro_rules! first_target {
    () => {
        None
    };
    ($first:ident $($rest:ident)*) => {
        $first.target()
    };
}

macro_rules! signatures {
    ($($p:ident)*) => { signatures!(@ [] $($p)*); };
    (@ [$($p:ident)*] $next:ident $($rest:ident)*) => {
        signatures!(@one $($p)*);
        signatures!(@ [$($p)* $next] $($rest)*);
    };
    (@ [$($p:ident)*]) => { signatures!(@one $($p)*); };
    (@one $($p:ident)*) => {
        impl<$($p: Param,)* Out: Returned> Signature<Out> for ($($p,)*) {
            #[allow(non_snake_case, unused_mut)]
            unsafe fn run(c: &mut Call, f: Erased) -> Result<()> {
                // Safety: promised by the caller.
                let f: for<'a> fn($($p::Arg<'a>),*) -> Result<Out> = unsafe { std::mem::transmute(f) };
                $(let mut $p = $p::read(c);)*
                c.start(first_target!($($p)*))?;
                c.leave(f($($p.arg()),*))
            }
        }
    };
}

signatures! { A B C D E F G H I J K L M N O P Q R S T U V W X Y Z }

/// A type that an op may return.
pub trait Returned {
    fn write(self, out: &mut Vec<f64>);
    /// The tensor, when that is all there is.
    fn only_tensor(&self) -> Option<&Tensor> {
        None
    }
}

impl Returned for Tensor {
    fn write(self, out: &mut Vec<f64>) {
        out.push(handles::put(self) as f64);
    }
    fn only_tensor(&self) -> Option<&Tensor> {
        Some(self)
    }
}
impl Returned for () {
    fn write(self, _: &mut Vec<f64>) {}
}
impl Returned for bool {
    fn write(self, out: &mut Vec<f64>) {
        out.push(self as u8 as f64);
    }
}
impl Returned for f64 {
    fn write(self, out: &mut Vec<f64>) {
        out.push(self);
    }
}
impl Returned for i64 {
    fn write(self, out: &mut Vec<f64>) {
        out.push(self as f64);
    }
}
impl Returned for DType {
    fn write(self, out: &mut Vec<f64>) {
        out.push(self as u8 as f64);
    }
}
impl Returned for Scalar {
    fn write(self, out: &mut Vec<f64>) {
        match self {
            Scalar::Bool(b) => out.extend([0.0, b as u8 as f64]),
            // Beyond 2^53 a float would round: two halves, from which TypeScript makes a bigint.
            Scalar::Int(i) if i.unsigned_abs() > 1 << 53 => out.extend([3.0, (i >> 32) as f64, i as u32 as f64]),
            Scalar::Int(i) => out.extend([1.0, i as f64]),
            Scalar::Float(f) => out.extend([2.0, f]),
        }
    }
}
impl Returned for String {
    fn write(self, out: &mut Vec<f64>) {
        out.push(self.encode_utf16().count() as f64);
        out.extend(self.encode_utf16().map(f64::from));
    }
}
/// A single tensor or several, as the arguments say (`torch.unique`).
pub enum OneOrMore {
    One(Tensor),
    More(Vec<Tensor>),
}

impl Returned for OneOrMore {
    fn write(self, out: &mut Vec<f64>) {
        match self {
            OneOrMore::One(t) => {
                out.push(0.0);
                t.write(out);
            }
            OneOrMore::More(list) => {
                out.push(1.0);
                list.write(out);
            }
        }
    }
}
impl<T: Returned> Returned for Vec<T> {
    fn write(self, out: &mut Vec<f64>) {
        out.push(self.len() as f64);
        self.into_iter().for_each(|x| x.write(out));
    }
}
impl<T: Returned> Returned for Option<T> {
    fn write(self, out: &mut Vec<f64>) {
        match self {
            None => out.push(0.0),
            Some(x) => {
                out.push(1.0);
                x.write(out);
            }
        }
    }
}
macro_rules! tuple_returned {
    ($($t:ident)+) => {
        #[allow(non_snake_case)]
        impl<$($t: Returned),+> Returned for ($($t,)+) {
            fn write(self, out: &mut Vec<f64>) {
                let ($($t,)+) = self;
                $($t.write(out);)+
            }
        }
    };
}
tuple_returned!(A B);
tuple_returned!(A B C);
tuple_returned!(A B C D);
tuple_returned!(A B C D E);

/// What `info` tells of a tensor: dtype, requires_grad, is_leaf, is_view, has_grad_fn, device, ndim, numel, offset,
/// shape, strides.
pub fn info(t: &Tensor, out: &mut Vec<f64>) {
    let has_fn = t.grad_fn().is_some();
    out.extend([
        t.dtype() as u8 as f64,
        t.requires_grad() as u8 as f64,
        !has_fn as u8 as f64,
        t.base().is_some() as u8 as f64,
        has_fn as u8 as f64,
        t.device() as u8 as f64,
        t.ndim() as f64,
        t.numel() as f64,
        t.layout().offset as f64,
    ]);
    out.extend(t.shape().iter().map(|&n| n as f64));
    out.extend(t.strides().iter().map(|&n| n as f64));
}
