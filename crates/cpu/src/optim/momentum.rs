//! Updates without a second moment: SGD, ASGD, Rprop.

use crate::Attr;

use super::{Float, Gradient, Rule, kernel};

kernel! {
    /// SGD without momentum. Attributes: lr, weight_decay, maximize.
    SGD_STEP = "sgd_step", 0, Sgd
}
kernel! {
    /// SGD with momentum; state: momentum_buffer. Attributes: lr, weight_decay, maximize, momentum, dampening, nesterov;
    /// own: first (the buffer has no value yet and becomes the gradient, without dampening).
    SGD_MOMENTUM_STEP = "sgd_momentum_step", 1, SgdMomentum
}
kernel! {
    /// ASGD; state: ax. Attributes: weight_decay, maximize, lambd; own: eta, mu (the ones of this step).
    ASGD_STEP = "asgd_step", 1, Asgd
}
kernel! {
    /// Rprop; states: prev, step_size. Attributes: maximize, etaminus, etaplus, step_size_min, step_size_max.
    RPROP_STEP = "rprop_step", 2, Rprop
}

#[derive(Clone, Copy)]
struct Sgd<T> {
    grad: Gradient<T>,
    lr: T,
}

impl<T: Float> Rule<T, 0> for Sgd<T> {
    const SHARED: usize = 3;
    const OWN: usize = 0;
    fn new(a: &[Attr], _: &[Attr]) -> Self {
        Sgd { grad: Gradient::new(a[1], a[2]), lr: T::from_f64(-a[0].f()) }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, s: [T; 0]) -> (T, [T; 0]) {
        (p + self.lr * self.grad.of(g, p), s)
    }
}

#[derive(Clone, Copy)]
struct SgdMomentum<T> {
    sgd: Sgd<T>,
    momentum: T,
    damped: T,
    nesterov: bool,
    first: bool,
}

impl<T: Float> Rule<T, 1> for SgdMomentum<T> {
    const SHARED: usize = 6;
    const OWN: usize = 1;
    fn new(a: &[Attr], own: &[Attr]) -> Self {
        SgdMomentum {
            sgd: Sgd::new(a, own),
            momentum: T::from_f64(a[3].f()),
            damped: T::from_f64(1.0 - a[4].f()),
            nesterov: a[5].b(),
            first: own[0].b(),
        }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, [buf]: [T; 1]) -> (T, [T; 1]) {
        let g = self.sgd.grad.of(g, p);
        let buf = if self.first { g } else { buf * self.momentum + self.damped * g };
        let d = if self.nesterov { g + self.momentum * buf } else { buf };
        (p + self.sgd.lr * d, [buf])
    }
}

#[derive(Clone, Copy)]
struct Asgd<T> {
    grad: Gradient<T>,
    shrink: T,
    eta: T,
    mu: T,
}

impl<T: Float> Rule<T, 1> for Asgd<T> {
    const SHARED: usize = 3;
    const OWN: usize = 2;
    fn new(a: &[Attr], own: &[Attr]) -> Self {
        let eta = own[0].f();
        Asgd {
            grad: Gradient::new(a[0], a[1]),
            shrink: T::from_f64(1.0 - a[2].f() * eta),
            eta: T::from_f64(-eta),
            mu: T::from_f64(own[1].f()),
        }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, [ax]: [T; 1]) -> (T, [T; 1]) {
        let g = self.grad.of(g, p);
        let p = p * self.shrink + self.eta * g;
        (p, [if self.mu == T::ONE { p } else { ax + (p - ax) * self.mu }])
    }
}

#[derive(Clone, Copy)]
struct Rprop<T> {
    maximize: bool,
    minus: T,
    plus: T,
    least: T,
    most: T,
}

impl<T: Float> Rule<T, 2> for Rprop<T> {
    const SHARED: usize = 5;
    const OWN: usize = 0;
    fn new(a: &[Attr], _: &[Attr]) -> Self {
        let f = |i: usize| T::from_f64(a[i].f());
        Rprop { maximize: a[0].b(), minus: f(1), plus: f(2), least: f(3), most: f(4) }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, [prev, size]: [T; 2]) -> (T, [T; 2]) {
        let g = if self.maximize { -g } else { g };
        let turn = g * prev;
        let factor = if turn > T::ZERO {
            self.plus
        } else if turn < T::ZERO {
            self.minus
        } else {
            T::ONE
        };
        let size = size * factor;
        let size = if size < self.least { self.least } else { size };
        let size = if size > self.most { self.most } else { size };
        // After a change of sign the step is retracted: no move, and the next step starts without a memory of direction.
        let g = if turn < T::ZERO { T::ZERO } else { g };
        (p - g.sign() * size, [g, size])
    }
}
