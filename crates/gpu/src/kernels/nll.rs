//! The negative log likelihood of given classes, and cross entropy's gradient.

use super::each::{By, Each, each};
use super::join::Join;
use crate::error::Result;
use crate::launch::{Launch, View};

const FIELDS: &str = "  images: u32,\n  places: u32,\n  classes: u32,\n  ignored: i32,\n  x: vec4<u32>,\n  target_: vec4<u32>,\n  loss: vec4<u32>,\n  total: u32,\n  weight: u32,\n  weight_step: u32,\n  kept: f32,\n  share: f32,\n  logs: u32,\n  sum: u32,\n";

fn steps(v: &View, dims: usize) -> [u32; 4] {
    let mut steps = [v.offset as u32, 0, 0, 0];
    for d in 0..dims.min(v.strides.len()) {
        steps[d + 1] = v.strides[d] as i32 as u32;
    }
    steps
}

/// The words of `FIELDS`; `x` is what has classes, `loss` what has a number for each target.
fn params(l: &Launch, x: &View, target: &View, loss: &View, total: &View, weight: Option<&View>) -> Vec<u32> {
    // A class is what 32 bits hold, and so is what counts for none.
    let ignored = l.attrs[1].i().clamp(i32::MIN as i64, i32::MAX as i64) as i32 as u32;
    let smoothing = l.attrs[2].f();
    let sizes = [x.shape[0] as u32, x.shape[2] as u32, x.shape[1] as u32, ignored];
    let mut params = sizes.to_vec();
    params.extend(steps(x, 3));
    params.extend(steps(target, 2));
    params.extend(steps(loss, 2));
    params.extend([
        total.offset as u32,
        weight.map_or(0, |w| w.offset as u32),
        weight.map_or(0, |w| w.strides[0] as i32 as u32),
        ((1.0 - smoothing) as f32).to_bits(),
        ((smoothing / x.shape[1] as f64) as f32).to_bits(),
    ]);
    params
}

const FUNCTIONS: &str = "\
fn class_of(i: u32) -> i32 {
  return TARGET(p.target_.x + (i / p.places) * p.target_.y + (i % p.places) * p.target_.z);
}
fn weight_of(class_: i32) -> f32 {
  return WEIGHT;
}
fn value(i: u32, class_: i32) -> f32 {
  return in0(p.x.x + (i / p.places) * p.x.y + u32(class_) * p.x.z + (i % p.places) * p.x.w);
}
";

/// What a target of a class adds to the loss: all of it its own class's, or a share of all classes'.
const OWN: &str = "\
fn loss_of(i: u32, class_: i32) -> f32 {
  return -weight_of(class_) * value(i, class_);
}
";
const SMOOTHED: &str = "\
fn loss_of(i: u32, class_: i32) -> f32 {
  var all = 0.0;
  for (var k = 0; k < i32(p.classes); k++) {
    all -= weight_of(k) * value(i, k);
  }
  return p.share * all - p.kept * weight_of(class_) * value(i, class_);
}
";

/// Which text it is.
fn variant(l: &Launch) -> u64 {
    l.attrs[0].i() as u64 | ((l.attrs[2].f() != 0.0) as u64) << 2
}

fn functions(target: &str, weight: Option<&str>) -> String {
    let weight = weight.map_or("1.0".to_string(), |w| format!("{w}(p.weight + u32(class_) * p.weight_step)"));
    FUNCTIONS.replace("TARGET", target).replace("WEIGHT", &weight)
}

/// Whether a target is a class, other than the ignored one.
const COUNTS: &str = "\
fn counts(class_: i32) -> bool {
  if (class_ == p.ignored) {
    return false;
  }
  if (bitcast<u32>(class_) >= p.classes) {
    bad_index(class_, p.classes);
    return false;
  }
  return true;
}
";

/// Sums of all targets, by one workgroup.
const SUMS: &str = "\
fn body(l: u32) {
  var v = vec2<f32>();
  for (var i = l; i < p.images * p.places; i += 256u) {
    let c = class_of(i);
    if (counts(c)) {
      v += vec2<f32>(loss_of(i, c), weight_of(c));
    }
  }
  let sums = joined(l, v);
  if (l == 0u) {
    put0(p.loss.x, RESULT);
    put1(p.total, sums.y);
  }
}
";

const ONE_BY_ONE: &str = "\
fn body(i: u32) {
  let c = class_of(i);
  var v = 0.0;
  if (counts(c)) {
    v = loss_of(i, c);
  }
  put0(p.loss.x + (i / p.places) * p.loss.y + (i % p.places) * p.loss.z, v);
  if (i == 0u) {
    put1(p.total, 0.0);
  }
}
";

/// ins: [x, target, weight?]; outs: [loss, total]; attrs: [reduction, ignored, smoothing].
pub(crate) fn forward(l: &Launch) -> Result<()> {
    let (x, target, loss, total) = (&l.ins[0], &l.ins[1], &l.outs[0], &l.outs[1]);
    let reduction = l.attrs[0].i();
    let mut params = params(l, x, target, loss, total, l.ins.get(2));
    params.extend([0, 0]);
    let smoothed = l.attrs[2].f() != 0.0;
    let count = target.numel();
    let body = || {
        let mut text = functions("in1", l.ins.get(2).map(|_| "in2")) + COUNTS;
        text += if smoothed { SMOOTHED } else { OWN };
        if reduction != 0 {
            text += &Join::sum("joined", "vec2<f32>", 256).text(l.gpu);
        }
        text + &match reduction {
            0 => ONE_BY_ONE.to_string(),
            // Of no targets the mean is 0 / 0.
            1 => SUMS.replace("RESULT", "select(sums.x / sums.y, m_nan(), sums.y == 0.0 && sums.x == 0.0)"),
            _ => SUMS.replace("RESULT", "sums.x"),
        }
    };
    let e = Each::new(l.name, l.outs, l.ins, if reduction == 0 { count } else { count.max(1) }, &body);
    each(
        l,
        &Each {
            variant: variant(l),
            fields: FIELDS,
            params: &params,
            checked: true,
            work: if smoothed { 16 + 4 * x.shape[1] as u64 } else { 16 },
            by: if reduction == 0 { By::Invocation } else { By::OneGroup },
            ..e
        },
    )
}

/// ins: [g, target, total, weight?]; outs: [dx]; attrs as forward.
pub(crate) fn backward(l: &Launch) -> Result<()> {
    gradient(l, None, l.ins.get(3))
}

/// ins: [g, target, total, log-probabilities laid out as dx, weight?, its sum?]; outs: [dx]; attrs as forward.
pub(crate) fn cross_entropy_backward(l: &Launch) -> Result<()> {
    gradient(l, Some(&l.ins[3]), l.ins.get(4))
}

/// What a class takes of its target's gradient, and what all of them do.
const GRADIENT: &str = "\
fn body(k: u32) {
  let s = k % p.places;
  let rest = k / p.places;
  let c = rest % p.classes;
  let n = rest / p.classes;
  let t = class_of(n * p.places + s);
  let at = n * p.x.y + c * p.x.z + s * p.x.w;
  var own = 0.0;
  var each = 0.0;
  if (t != p.ignored) {
    let g = in0(p.loss.x + n * p.loss.y + s * p.loss.z)DIVISOR;
    own = weight_of(t) * g * p.kept;
    each = g * p.share;
  }
  var v = LOGS;
  if (t == i32(c)) {
    v -= own;
  }
  put0(p.x.x + at, vSMOOTHED);
}
";

fn gradient(l: &Launch, logs: Option<&View>, weight: Option<&View>) -> Result<()> {
    let (g, target, total, dx) = (&l.ins[0], &l.ins[1], &l.ins[2], &l.outs[0]);
    let mut params = params(l, dx, target, g, total, weight);
    params.extend([logs, l.ins.get(5)].map(|v| v.map_or(0, |v| v.offset as u32)));
    let smoothed = l.attrs[2].f() != 0.0;
    let body = || {
        let weight = weight.map(|_| if logs.is_some() { "in4" } else { "in3" });
        let text = functions("in1", weight);
        // The function that reads scores is the gradient's writer here.
        let (text, _) = text.split_at(text.find("fn value").unwrap());
        let all = match (smoothed, weight) {
            (false, _) => "own",
            (true, None) => "(own + each * f32(p.classes))",
            (true, Some(_)) => "(own + each * in5(p.sum))",
        };
        let body = GRADIENT
            .replace("DIVISOR", if l.attrs[0].i() == 1 { " / in2(p.total)" } else { "" })
            .replace("LOGS", &if logs.is_some() { format!("m_exp(in3(p.logs + at)) * {all}") } else { "0.0".into() })
            .replace("SMOOTHED", if smoothed { " - each * weight_of(i32(c))" } else { "" });
        text.to_string() + &body
    };
    let e = Each::new(l.name, l.outs, l.ins, dx.numel(), &body);
    each(l, &Each { variant: variant(l), fields: FIELDS, params: &params, ..e })
}
