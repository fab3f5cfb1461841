//! Updates that scale every element by a running second moment: Adam and its kin, Adadelta, Adagrad, RMSprop.

use crate::Attr;

use super::{Float, Gradient, Rule, Weight, kernel};

kernel! {
    /// Adam and AdamW; states: exp_avg, exp_avg_sq. Attributes: beta1, beta2, eps, weight_decay, maximize, lr, decoupled;
    /// own: step_size (lr / bias correction 1), square root of bias correction 2.
    ADAM_STEP = "adam_step", 2, Adam<false>
}
kernel! {
    /// The same with AMSGrad; states: exp_avg, exp_avg_sq, max_exp_avg_sq.
    ADAM_AMSGRAD_STEP = "adam_amsgrad_step", 3, Adam<true>
}
kernel! {
    /// Adamax; states: exp_avg, exp_inf. Attributes: beta1, beta2, eps, weight_decay, maximize; own: lr / bias correction.
    ADAMAX_STEP = "adamax_step", 2, Adamax
}
kernel! {
    /// NAdam; states: exp_avg, exp_avg_sq. Attributes: beta1, beta2, eps, weight_decay, maximize, lr, decoupled;
    /// own: bias correction 2, factor of the gradient, factor of exp_avg.
    NADAM_STEP = "nadam_step", 2, Nadam
}
kernel! {
    /// RAdam; states: exp_avg, exp_avg_sq. Attributes: beta1, beta2, eps, weight_decay, maximize, lr, decoupled;
    /// own: bias correction 1, square root of bias correction 2, rectification (0: the variance is not tractable yet).
    RADAM_STEP = "radam_step", 2, Radam
}
kernel! {
    /// Adadelta; states: square_avg, acc_delta. Attributes: lr, rho, eps, weight_decay, maximize.
    ADADELTA_STEP = "adadelta_step", 2, Adadelta
}
kernel! {
    /// Adagrad; state: sum. Attributes: eps, weight_decay, maximize; own: decayed learning rate.
    ADAGRAD_STEP = "adagrad_step", 1, Adagrad
}
kernel! {
    /// RMSprop; state: square_avg. Attributes: lr, alpha, eps, weight_decay, maximize, momentum.
    RMSPROP_STEP = "rmsprop_step", 1, Rmsprop<false, false>
}
kernel! {
    /// RMSprop with momentum; states: square_avg, momentum_buffer.
    RMSPROP_MOMENTUM_STEP = "rmsprop_momentum_step", 2, Rmsprop<true, false>
}
kernel! {
    /// Centered RMSprop; states: square_avg, grad_avg.
    RMSPROP_CENTERED_STEP = "rmsprop_centered_step", 2, Rmsprop<false, true>
}
kernel! {
    /// Centered RMSprop with momentum; states: square_avg, momentum_buffer, grad_avg.
    RMSPROP_CENTERED_MOMENTUM_STEP = "rmsprop_centered_momentum_step", 3, Rmsprop<true, true>
}

/// First and second moment with weight decay, coupled or decoupled: the common start of the Adam family.
#[derive(Clone, Copy)]
struct Moments<T> {
    grad: Gradient<T>,
    first: Weight<T>,
    beta2: T,
    rest2: T,
    eps: T,
    shrink: T,
    decoupled: bool,
}

impl<T: Float> Moments<T> {
    /// From beta1, beta2, eps, weight_decay, maximize, lr, decoupled.
    fn new(a: &[Attr]) -> Self {
        let (beta1, beta2, decay, decoupled) = (a[0].f(), a[1].f(), a[3].f(), a[6].b());
        Moments {
            grad: Gradient::new(if decoupled { Attr::from(0.0) } else { a[3] }, a[4]),
            first: Weight::new(1.0 - beta1),
            beta2: T::from_f64(beta2),
            rest2: T::from_f64(1.0 - beta2),
            eps: T::from_f64(a[2].f()),
            shrink: T::from_f64(1.0 - a[5].f() * decay),
            decoupled: decoupled && decay != 0.0,
        }
    }

    /// The decayed parameter, the gradient, the new moments.
    #[inline(always)]
    fn apply(self, p: T, g: T, m: T, v: T) -> (T, T, T, T) {
        let g = self.grad.of(g, p);
        let p = if self.decoupled { p * self.shrink } else { p };
        (p, g, m.lerp(g, self.first), v * self.beta2 + self.rest2 * g * g)
    }
}

#[derive(Clone, Copy)]
struct Adam<T, const AMSGRAD: bool> {
    moments: Moments<T>,
    step: T,
    correction: T,
}

impl<T: Float, const AMSGRAD: bool, const S: usize> Rule<T, S> for Adam<T, AMSGRAD> {
    const SHARED: usize = 7;
    const OWN: usize = 2;
    fn new(a: &[Attr], own: &[Attr]) -> Self {
        Adam { moments: Moments::new(a), step: T::from_f64(-own[0].f()), correction: T::from_f64(own[1].f()) }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, mut s: [T; S]) -> (T, [T; S]) {
        let (p, _, m, v) = self.moments.apply(p, g, s[0], s[1]);
        (s[0], s[1]) = (m, v);
        if AMSGRAD {
            s[2] = s[2].larger(v);
        }
        let denom = s[S - 1].sqrt() / self.correction + self.moments.eps;
        (p + self.step * m / denom, s)
    }
}

#[derive(Clone, Copy)]
struct Adamax<T> {
    grad: Gradient<T>,
    first: Weight<T>,
    beta2: T,
    eps: T,
    step: T,
}

impl<T: Float> Rule<T, 2> for Adamax<T> {
    const SHARED: usize = 5;
    const OWN: usize = 1;
    fn new(a: &[Attr], own: &[Attr]) -> Self {
        Adamax {
            grad: Gradient::new(a[3], a[4]),
            first: Weight::new(1.0 - a[0].f()),
            beta2: T::from_f64(a[1].f()),
            eps: T::from_f64(a[2].f()),
            step: T::from_f64(-own[0].f()),
        }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, [m, inf]: [T; 2]) -> (T, [T; 2]) {
        let g = self.grad.of(g, p);
        let m = m.lerp(g, self.first);
        let inf = (inf * self.beta2).larger(g.abs() + self.eps);
        (p + self.step * m / inf, [m, inf])
    }
}

#[derive(Clone, Copy)]
struct Nadam<T> {
    moments: Moments<T>,
    correction: T,
    of_grad: T,
    of_avg: T,
}

impl<T: Float> Rule<T, 2> for Nadam<T> {
    const SHARED: usize = 7;
    const OWN: usize = 3;
    fn new(a: &[Attr], own: &[Attr]) -> Self {
        let f = |i: usize| T::from_f64(own[i].f());
        Nadam { moments: Moments::new(a), correction: f(0), of_grad: f(1), of_avg: f(2) }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let (p, g, m, v) = self.moments.apply(p, g, m, v);
        let denom = (v / self.correction).sqrt() + self.moments.eps;
        (p + self.of_grad * g / denom + self.of_avg * m / denom, [m, v])
    }
}

#[derive(Clone, Copy)]
struct Radam<T> {
    moments: Moments<T>,
    lr: T,
    correction1: T,
    correction2: T,
    rectification: T,
}

impl<T: Float> Rule<T, 2> for Radam<T> {
    const SHARED: usize = 7;
    const OWN: usize = 3;
    fn new(a: &[Attr], own: &[Attr]) -> Self {
        let f = |x: &Attr| T::from_f64(x.f());
        Radam {
            moments: Moments::new(a),
            lr: f(&a[5]),
            correction1: f(&own[0]),
            correction2: f(&own[1]),
            rectification: f(&own[2]),
        }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let (p, _, m, v) = self.moments.apply(p, g, m, v);
        let plain = m / self.correction1 * self.lr;
        let rectified = plain * (self.correction2 / (v.sqrt() + self.moments.eps)) * self.rectification;
        (p - if self.rectification == T::ZERO { plain } else { rectified }, [m, v])
    }
}

#[derive(Clone, Copy)]
struct Adadelta<T> {
    grad: Gradient<T>,
    lr: T,
    rho: T,
    rest: T,
    eps: T,
}

impl<T: Float> Rule<T, 2> for Adadelta<T> {
    const SHARED: usize = 5;
    const OWN: usize = 0;
    fn new(a: &[Attr], _: &[Attr]) -> Self {
        let rho = a[1].f();
        Adadelta {
            grad: Gradient::new(a[3], a[4]),
            lr: T::from_f64(-a[0].f()),
            rho: T::from_f64(rho),
            rest: T::from_f64(1.0 - rho),
            eps: T::from_f64(a[2].f()),
        }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, [avg, acc]: [T; 2]) -> (T, [T; 2]) {
        let g = self.grad.of(g, p);
        let avg = avg * self.rho + self.rest * g * g;
        let delta = (acc + self.eps).sqrt() / (avg + self.eps).sqrt() * g;
        (p + self.lr * delta, [avg, acc * self.rho + self.rest * delta * delta])
    }
}

#[derive(Clone, Copy)]
struct Adagrad<T> {
    grad: Gradient<T>,
    eps: T,
    lr: T,
}

impl<T: Float> Rule<T, 1> for Adagrad<T> {
    const SHARED: usize = 3;
    const OWN: usize = 1;
    fn new(a: &[Attr], own: &[Attr]) -> Self {
        Adagrad { grad: Gradient::new(a[1], a[2]), eps: T::from_f64(a[0].f()), lr: T::from_f64(-own[0].f()) }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, [sum]: [T; 1]) -> (T, [T; 1]) {
        let g = self.grad.of(g, p);
        let sum = sum + g * g;
        (p + self.lr * g / (sum.sqrt() + self.eps), [sum])
    }
}

#[derive(Clone, Copy)]
struct Rmsprop<T, const MOMENTUM: bool, const CENTERED: bool> {
    grad: Gradient<T>,
    lr: T,
    alpha: T,
    rest: T,
    mean: Weight<T>,
    eps: T,
    momentum: T,
}

impl<T: Float, const MOMENTUM: bool, const CENTERED: bool, const S: usize> Rule<T, S>
    for Rmsprop<T, MOMENTUM, CENTERED>
{
    const SHARED: usize = 6;
    const OWN: usize = 0;
    fn new(a: &[Attr], _: &[Attr]) -> Self {
        let alpha = a[1].f();
        Rmsprop {
            grad: Gradient::new(a[3], a[4]),
            lr: T::from_f64(-a[0].f()),
            alpha: T::from_f64(alpha),
            rest: T::from_f64(1.0 - alpha),
            mean: Weight::new(1.0 - alpha),
            eps: T::from_f64(a[2].f()),
            momentum: T::from_f64(a[5].f()),
        }
    }
    #[inline(always)]
    fn apply(self, p: T, g: T, mut s: [T; S]) -> (T, [T; S]) {
        let g = self.grad.of(g, p);
        s[0] = s[0] * self.alpha + self.rest * g * g;
        let spread = if CENTERED {
            let mean = s[S - 1].lerp(g, self.mean);
            s[S - 1] = mean;
            s[0] - mean * mean
        } else {
            s[0]
        };
        let avg = spread.sqrt() + self.eps;
        if MOMENTUM {
            s[1] = s[1] * self.momentum + g / avg;
            (p + self.lr * s[1], s)
        } else {
            (p + self.lr * g / avg, s)
        }
    }
}
