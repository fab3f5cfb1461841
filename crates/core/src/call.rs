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

use smallvec::SmallVec;

use crate::{DType, Error, ErrorKind, Result, Scalar, Tensor, autograd, bail, handles, pointwise};

/// Flag of a call: the first tensor receives the result.
pub const IN_PLACE: u32 = 1;

/// One call under way.
pub struct Call<'a> {
    words: &'a [Cell<f64>],
    at: usize,
    op: &'static str,
    direct: bool,
    in_place: bool,
    /// The tensor that is written in place.
    target: Option<Tensor>,
    /// In place: whether a gradient would flow into any argument.
    tracked: bool,
    /// What went wrong while arguments were read. Reading goes on with placeholders and `run` reports it.
    failed: Option<Error>,
    results: &'a mut Vec<f64>,
}

/// An op as the table holds it.
#[derive(Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    /// In place, its one pointwise kernel may write straight into the target.
    pub direct: bool,
    pub(crate) function: Erased,
    pub(crate) signature: &'static Signature,
}

/// Runs op number `op` on the encoded arguments; results are appended to `results`.
///
/// The words are cells because the op may call back into TypeScript, which then writes the arguments of other calls into
/// the same block; by then ours have been read.
pub fn call(op: u32, flags: u32, words: &[Cell<f64>], results: &mut Vec<f64>) -> Result<()> {
    let Some(&entry) = crate::ops::table().get(op as usize) else {
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
        failed: None,
        results,
    };
    let out = c.run(&entry);
    if c.in_place {
        pointwise::set_target(None);
    }
    out
}

impl Call<'_> {
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

    #[cold]
    #[inline(never)]
    fn fail(&mut self, e: Error) {
        let text = format!("{}: {}", self.op, e.message());
        self.failed.get_or_insert(e.saying(text));
    }

    fn run(&mut self, entry: &Entry) -> Result<()> {
        let mut values: SmallVec<[Value; 8]> = entry.signature.slots.iter().map(|&slot| self.read(slot)).collect();
        if let Some(e) = self.failed.take() {
            return Err(e);
        }
        // In place, the first tensor is exchanged for what the op may read.
        if let (true, Some(Value::Tensor(first))) = (self.in_place, values.first_mut()) {
            *first = self.begin(first.clone())?;
        }
        // Safety: `ops!` makes the function and its signature of the same declaration.
        unsafe { (entry.signature.run)(self, entry.function, &values) }
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

/// An argument as it was read: what the op borrows from.
pub(crate) enum Value {
    /// An `Option` that is empty.
    None,
    Tensor(Tensor),
    Generator(GeneratorId),
    Int(i64),
    Float(f64),
    Bool(bool),
    DType(DType),
    Scalar(Scalar),
    String(String),
    Tensors(Vec<Tensor>),
    SomeTensors(Vec<Option<Tensor>>),
    Ints(Vec<i64>),
    SomeInts(Vec<Option<i64>>),
    Lists(Vec<Vec<i64>>),
    Floats(Vec<f64>),
    Bools(Vec<bool>),
    Scalars(Vec<Scalar>),
}

/// What to read for a parameter.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Tensor,
    Operand,
    Generator,
    Int,
    Float,
    Bool,
    DType,
    Scalar,
    String,
    Tensors,
    SomeTensors,
    Ints,
    SomeInts,
    Lists,
    Floats,
    Bools,
    Scalars,
}

/// A parameter's kind, and whether it may be missing.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    kind: Kind,
    optional: bool,
}

/// Reading, by kind: one function for all ops, since code that reads the arguments of each would be a twentieth of the binary.
impl Call<'_> {
    pub(crate) fn read(&mut self, slot: Slot) -> Value {
        if slot.optional && self.word() == 0.0 {
            return Value::None;
        }
        match slot.kind {
            Kind::Tensor => Value::Tensor(self.tensor()),
            Kind::Operand => Value::Tensor(self.operand()),
            Kind::Generator => Value::Generator(GeneratorId(self.word() as u32)),
            Kind::Int => Value::Int(self.word() as i64),
            Kind::Float => Value::Float(self.word()),
            Kind::Bool => Value::Bool(self.word() != 0.0),
            Kind::DType => Value::DType(self.dtype()),
            Kind::Scalar => Value::Scalar(self.scalar()),
            Kind::String => {
                let units = self.list(|c| c.word() as u16);
                Value::String(String::from_utf16_lossy(&units))
            }
            Kind::Tensors => Value::Tensors(self.list(Self::tensor)),
            Kind::SomeTensors => Value::SomeTensors(self.list(|c| c.option(Self::tensor))),
            Kind::Ints => Value::Ints(self.ints()),
            Kind::SomeInts => Value::SomeInts(self.list(|c| c.option(|c| c.word() as i64))),
            Kind::Lists => Value::Lists(self.list(Self::ints)),
            Kind::Floats => Value::Floats(self.list(Self::word)),
            Kind::Bools => Value::Bools(self.list(|c| c.word() != 0.0)),
            Kind::Scalars => Value::Scalars(self.list(Self::scalar)),
        }
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        // A count that no call can hold is a mistake.
        let n = (self.word() as usize).min(self.words.len());
        (0..n).map(|_| item(self)).collect()
    }

    fn option<T>(&mut self, item: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.word() == 0.0 { None } else { Some(item(self)) }
    }

    fn ints(&mut self) -> Vec<i64> {
        self.list(|c| c.word() as i64)
    }

    /// The tensor behind a handle.
    fn tensor(&mut self) -> Tensor {
        let handle = self.word() as u32;
        match handles::get(handle) {
            Ok(t) => {
                self.tracked |= self.in_place && t.requires_grad();
                t
            }
            Err(e) => self.placeholder(e),
        }
    }

    #[cold]
    fn placeholder(&mut self, e: Error) -> Tensor {
        self.fail(e);
        Tensor::empty(&[0], DType::F32).expect("no memory is needed")
    }

    fn operand(&mut self) -> Tensor {
        if self.word() == 0.0 {
            return self.tensor();
        }
        let number = Tensor::number(self.scalar());
        number.unwrap_or_else(|e| self.placeholder(e))
    }

    fn dtype(&mut self) -> DType {
        let code = self.word();
        DType::from_code(code as u32).unwrap_or_else(|| {
            self.fail(Error::new(ErrorKind::Internal, format!("no dtype has code {code}")));
            DType::F32
        })
    }

    fn scalar(&mut self) -> Scalar {
        let kind = self.word() as u32;
        let v = self.word();
        match kind {
            0 => Scalar::Bool(v != 0.0),
            1 => Scalar::Int(v as i64),
            2 => Scalar::Float(v),
            _ => Scalar::Int((v as i64) << 32 | self.word() as u32 as i64),
        }
    }
}

/// A type that an op's parameter may have.
pub trait Param: 'static {
    /// How the op's Rust function takes it.
    type Arg<'a>;
    #[doc(hidden)]
    #[allow(private_interfaces)]
    const SLOT: Slot;
    /// The `i`th argument, which was read for `SLOT`.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn arg(values: &[Value], i: usize) -> Self::Arg<'_>;
}

/// A random generator by its handle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GeneratorId(pub u32);

/// A tensor, or a number that becomes a 0-d tensor which promotes as a number.
pub struct Operand(());

#[cold]
#[inline(never)]
fn misread() -> ! {
    unreachable!("arguments are read as the parameters say")
}

macro_rules! params {
    ($($t:ty, $kind:ident, $variant:ident, $arg:ty, |$x:ident| $take:expr;)*) => {$(
        #[allow(private_interfaces)]
        impl Param for $t {
            type Arg<'a> = $arg;
            const SLOT: Slot = Slot { kind: Kind::$kind, optional: false };
            #[inline(never)]
            fn arg(values: &[Value], i: usize) -> Self::Arg<'_> {
                match values.get(i) {
                    Some(Value::$variant($x)) => $take,
                    _ => misread(),
                }
            }
        }
        #[allow(private_interfaces)]
        impl Param for Option<$t> {
            type Arg<'a> = Option<$arg>;
            const SLOT: Slot = Slot { kind: Kind::$kind, optional: true };
            #[inline(never)]
            fn arg(values: &[Value], i: usize) -> Self::Arg<'_> {
                match values.get(i) {
                    Some(Value::None) => None,
                    Some(Value::$variant($x)) => Some($take),
                    _ => misread(),
                }
            }
        }
    )*};
}
params! {
    Tensor, Tensor, Tensor, &'a Tensor, |x| x;
    Operand, Operand, Tensor, &'a Tensor, |x| x;
    GeneratorId, Generator, Generator, GeneratorId, |x| *x;
    i64, Int, Int, i64, |x| *x;
    f64, Float, Float, f64, |x| *x;
    bool, Bool, Bool, bool, |x| *x;
    DType, DType, DType, DType, |x| *x;
    Scalar, Scalar, Scalar, Scalar, |x| *x;
    String, String, String, &'a str, |x| x;
    Vec<Tensor>, Tensors, Tensors, &'a [Tensor], |x| x;
    Vec<Option<Tensor>>, SomeTensors, SomeTensors, &'a [Option<Tensor>], |x| x;
    Vec<i64>, Ints, Ints, &'a [i64], |x| x;
    Vec<Option<i64>>, SomeInts, SomeInts, &'a [Option<i64>], |x| x;
    Vec<Vec<i64>>, Lists, Lists, &'a [Vec<i64>], |x| x;
    Vec<f64>, Floats, Floats, &'a [f64], |x| x;
    Vec<bool>, Bools, Bools, &'a [bool], |x| x;
    Vec<Scalar>, Scalars, Scalars, &'a [Scalar], |x| x;
}

/// An op's function whose type is forgotten; its `Signature` knows it.
pub(crate) type Erased = fn();

/// How to read the arguments of a function and call it: ops with the same parameters and results share one.
pub(crate) struct Signature {
    slots: &'static [Slot],
    /// Safety: the function must have the parameters and the result that this was made for.
    run: unsafe fn(&mut Call, Erased, &[Value]) -> Result<()>,
}

/// The signature of functions with these parameters, a tuple of `Param`s, that return `Result<R>`.
pub(crate) trait Signed<R> {
    const SIGNATURE: &'static Signature;
}

macro_rules! signatures {
    ($($p:ident $i:literal)*) => { signatures!(@ [] $($p $i)*); };
    (@ [$($p:ident $i:literal)*] $next:ident $at:literal $($rest:tt)*) => {
        signatures!(one $($p $i)*);
        signatures!(@ [$($p $i)* $next $at] $($rest)*);
    };
    (@ [$($p:ident $i:literal)*]) => { signatures!(one $($p $i)*); };
    (one $($p:ident $i:literal)*) => {
        impl<$($p: Param,)* R: Returned> Signed<R> for ($($p,)*) {
            const SIGNATURE: &'static Signature = &Signature {
                slots: &[$($p::SLOT),*],
                run: {
                    unsafe fn run<$($p: Param,)* R: Returned>(c: &mut Call, f: Erased, _values: &[Value]) -> Result<()> {
                        // Safety: promised by the caller.
                        let f: for<'a> fn($($p::Arg<'a>),*) -> Result<R> = unsafe { std::mem::transmute(f) };
                        c.leave(f($($p::arg(_values, $i)),*))
                    }
                    run::<$($p,)* R>
                },
            };
        }
    };
}
signatures! {
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14 P 15 Q 16 S 17 T 18 U 19 V 20 W 21 X 22 Y 23 Z 24 Aa 25
}

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
        0.0,
        t.ndim() as f64,
        t.numel() as f64,
        t.layout().offset as f64,
    ]);
    out.extend(t.shape().iter().map(|&n| n as f64));
    out.extend(t.strides().iter().map(|&n| n as f64));
}
