//! `pointwise!`, described in `expr`.

macro_rules! pointwise {
    ($(
        $(#[$doc:meta])*
        $kind:ident $name:ident $args:tt $body:block
        $( => $d:ident $slots:tt $dbody:block )*
    )*) => {$(
        $(#[$doc])*
        pub mod $name {
            #[allow(unused_imports)]
            use $crate::{expr::*, num::{Num, Real, Bits, lit, select}};

            /// The op's type.
            pub struct Op;

            impl Pointwise for Op {
                const NAME: &'static str = stringify!($name);
                const INS: usize = $crate::expr::macros::count!(inputs $args);
                const PARAMS: usize = $crate::expr::macros::count!(params $args);
                type D0 = $crate::expr::macros::derivative_type!(dx; $($d)*);
                type D1 = $crate::expr::macros::derivative_type!(dy; $($d)*);
                type D2 = $crate::expr::macros::derivative_type!(dz; $($d)*);
            }
            $crate::expr::macros::evaluation!($kind $args $body);
            $( $crate::expr::macros::derivative!($name $d $slots $args $dbody); )*
        }
    )*};
}

macro_rules! count {
    (inputs ($($x:ident),* $(; $($p:ident),*)?)) => { <[&str]>::len(&[$(stringify!($x)),*]) };
    (params ($($x:ident),* $(; $($p:ident),*)?)) => { <[&str]>::len(&[$($(stringify!($p)),*)?]) };
}

/// The struct of the wanted derivative, where the list has it.
macro_rules! derivative_type {
    (dx; dx $($rest:ident)*) => { Dx };
    (dy; dy $($rest:ident)*) => { Dy };
    (dz; dz $($rest:ident)*) => { Dz };
    ($want:ident; $other:ident $($rest:ident)*) => { $crate::expr::macros::derivative_type!($want; $($rest)*) };
    ($want:ident;) => { NoGrad };
}

macro_rules! evaluation {
    (Num $args:tt $body:block) => {
        impl NumOp for Op {
            #[inline(never)]
            fn row(dtype: $crate::DType) -> Row {
                $crate::row::num::<Op>(dtype)
            }
            $crate::expr::macros::evaluation!(fn Num (L) $args $body);
        }
    };
    (Bits $args:tt $body:block) => {
        impl BitsOp for Op {
            #[inline(never)]
            fn row(dtype: $crate::DType) -> Row {
                $crate::row::bits::<Op>(dtype)
            }
            $crate::expr::macros::evaluation!(fn Bits (L) $args $body);
        }
    };
    (Real $args:tt $body:block) => {
        impl RealOp for Op {
            #[inline(never)]
            fn row(dtype: $crate::DType) -> Row {
                $crate::row::real::<Op>(dtype)
            }
            $crate::expr::macros::evaluation!(fn Real (L) $args $body);
        }
    };
    (Compare $args:tt $body:block) => {
        impl CompareOp for Op {
            #[inline(never)]
            fn row(dtype: $crate::DType) -> Row {
                $crate::row::compare::<Op>(dtype)
            }
            $crate::expr::macros::evaluation!(fn Num (L::Mask) $args $body);
        }
    };
    (fn $lane:ident ($out:ty) ($($x:ident),* $(; $($p:ident),*)?) $body:block) => {
        #[inline(always)]
        fn eval<L: $lane>(x: &[L], p: &[L]) -> $out {
            let (&[$($x),*], &[$($($p),*)?]) = (x, p) else { unreachable!() };
            $body
        }
    };
}

macro_rules! derivative {
    ($name:ident dx $($rest:tt)*) => { $crate::expr::macros::derivative!(@ Dx concat!(stringify!($name), "_dx"), $($rest)*); };
    ($name:ident dy $($rest:tt)*) => { $crate::expr::macros::derivative!(@ Dy concat!(stringify!($name), "_dy"), $($rest)*); };
    ($name:ident dz $($rest:tt)*) => { $crate::expr::macros::derivative!(@ Dz concat!(stringify!($name), "_dz"), $($rest)*); };
    (@ $d:ident $label:expr, () $args:tt $body:block) => {
        $crate::expr::macros::derivative!(@ $d $label, (_g) $args $body);
    };
    (@ $d:ident $label:expr, ($g:ident $(, $slot:ident)*) ($($x:ident),* $(; $($p:ident),*)?) $body:block) => {
        #[doc = concat!("Derivative ", $label, ".")]
        pub struct $d;
        impl Derivative for $d {
            const NAME: &'static str = $label;
            const EXISTS: bool = true;
            const SLOTS: &'static [Slot] = &[$($crate::expr::macros::slot!($slot)),*];
            const PARAMS: usize = Op::PARAMS;
            #[inline(never)]
            fn row(dtype: $crate::DType) -> Row {
                $crate::row::derivative::<$d>(dtype)
            }
            #[inline(always)]
            #[allow(unused_variables)]
            fn eval<L: Real>(x: &[L], p: &[L]) -> L {
                let (&[$g $(, $slot)*], &[$($($p),*)?]) = (x, p) else { unreachable!() };
                $body
            }
        }
    };
}

macro_rules! slot {
    (x) => {
        Slot::In(0)
    };
    (y) => {
        Slot::In(1)
    };
    (z) => {
        Slot::In(2)
    };
    (w) => {
        Slot::In(3)
    };
    (out) => {
        Slot::Out
    };
}

pub(crate) use {count, derivative, derivative_type, evaluation, pointwise, slot};
