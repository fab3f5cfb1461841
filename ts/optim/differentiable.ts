/**
 * Steps through which autograd runs: what `differentiable: true` asks for, to learn learning rates or initial weights.
 *
 * The same formulas as the fused kernels (crates/cpu/src/optim), written with tensor operations, out of place; like
 * PyTorch's `_single_tensor_*` with `differentiable`. A hyperparameter that is a tensor gets its gradient too.
 * @module
 */
import { pow } from '../runtime/math.js';
import { isTensor, type Tensor } from '../tensor.js';
import type { Hyper, ParamGroup } from './optimizer.js';

/** State tensors by name; a rule replaces them. */
export type States = Record<string, Tensor>;
/** The new parameter, from parameter, gradient, states, options and the number of this step (from 1). */
export type Rule = (p: Tensor, g: Tensor, s: States, o: ParamGroup, step: number) => Tensor;

const number = (o: ParamGroup, name: string): number => o[name] as number;
const pair = (o: ParamGroup, name: string): [number, number] => o[name] as [number, number];

/** The gradient with its sign turned for `maximize` and the weight decay added. */
function gradient(p: Tensor, g: Tensor, o: ParamGroup): Tensor {
  const signed = o['maximize'] ? g.neg() : g;
  const decay = o['weightDecay'] as Hyper | undefined;
  if (decay === undefined || decay === 0 || o['decoupledWeightDecay']) return signed;
  return signed.add(p.mul(decay));
}

/** The parameter after decoupled weight decay. */
function shrunk(p: Tensor, o: ParamGroup): Tensor {
  return o['decoupledWeightDecay'] && o['weightDecay'] !== 0 ? p.sub(p.mul(o.lr).mul(o['weightDecay'] as Hyper)) : p;
}

/** First and second moment, as Adam's kin start. */
function moments(g: Tensor, s: States, o: ParamGroup): void {
  const [beta1, beta2] = pair(o, 'betas');
  s['exp_avg'] = s['exp_avg']!.lerp(g, rest(beta1));
  s['exp_avg_sq'] = s['exp_avg_sq']!.lerp(g.mul(g), rest(beta2));
}

/** `1 - beta`, where beta may be a tensor. */
function rest(beta: Hyper): Hyper {
  return isTensor(beta) ? beta.neg().add(1) : 1 - beta;
}

/** `1 - beta ** step` */
function correction(beta: Hyper, step: number): Hyper {
  return rest(isTensor(beta) ? beta.pow(step) : pow(beta, step));
}

function root(x: Hyper): Hyper {
  return isTensor(x) ? x.sqrt() : Math.sqrt(x);
}

/** SGD; the first momentum is the detached gradient, as in PyTorch. */
export const sgd: Rule = (p, grad, s, o) => {
  let g = gradient(p, grad, o);
  if (o['momentum'] !== 0) {
    const [momentum, dampening] = [number(o, 'momentum'), number(o, 'dampening')];
    const buffer = s['momentum_buffer'];
    const next = isTensor(buffer) ? buffer.mul(momentum).add(g.mul(1 - dampening)) : g.detach().clone();
    s['momentum_buffer'] = next;
    g = o['nesterov'] ? g.add(next.mul(momentum)) : next;
  }
  return p.sub(g.mul(o.lr));
};

/** Adam, AdamW, AMSGrad. */
export const adam: Rule = (p, grad, s, o, step) => {
  const [beta1, beta2] = pair(o, 'betas');
  const start = shrunk(p, o);
  moments(gradient(p, grad, o), s, o);
  if (o['amsgrad']) s['max_exp_avg_sq'] = s['max_exp_avg_sq']!.maximum(s['exp_avg_sq']!);
  const second = o['amsgrad'] ? s['max_exp_avg_sq']! : s['exp_avg_sq']!;
  const denom = second.sqrt().div(root(correction(beta2, step))).add(number(o, 'eps'));
  return start.sub(s['exp_avg']!.div(denom).mul(o.lr).div(correction(beta1, step)));
};

/** Adamax. */
export const adamax: Rule = (p, grad, s, o, step) => {
  const [beta1, beta2] = pair(o, 'betas');
  const g = gradient(p, grad, o);
  s['exp_avg'] = s['exp_avg']!.lerp(g, 1 - beta1);
  s['exp_inf'] = s['exp_inf']!.mul(beta2).maximum(g.abs().add(number(o, 'eps')));
  return p.sub(s['exp_avg'].div(s['exp_inf']).mul(o.lr).div(1 - pow(beta1, step)));
};

/** NAdam. */
export const nadam: Rule = (p, grad, s, o, step) => {
  const [beta1, beta2] = pair(o, 'betas');
  const g = gradient(p, grad, o);
  const start = shrunk(p, o);
  const momentum = (t: number): number => beta1 * (1 - 0.5 * pow(0.96, t * number(o, 'momentumDecay')));
  const [mu, next] = [momentum(step), momentum(step + 1)];
  const product = s['mu_product']!.mul(mu);
  s['mu_product'] = product;
  moments(g, s, o);
  const denom = s['exp_avg_sq']!.div(1 - pow(beta2, step)).sqrt().add(number(o, 'eps'));
  const ofGrad = g.mul(o.lr).mul(1 - mu).div(product.neg().add(1));
  const ofAvg = s['exp_avg']!.mul(o.lr).mul(next).div(product.mul(-next).add(1));
  return start.sub(ofGrad.div(denom)).sub(ofAvg.div(denom));
};

/** RAdam. */
export const radam: Rule = (p, grad, s, o, step) => {
  const [beta1, beta2] = pair(o, 'betas');
  const start = shrunk(p, o);
  moments(gradient(p, grad, o), s, o);
  const plain = s['exp_avg']!.div(1 - pow(beta1, step)).mul(o.lr);
  const longest = 2 / (1 - beta2) - 1;
  const length = longest - (2 * step * pow(beta2, step)) / (1 - pow(beta2, step));
  if (length <= 5) return start.sub(plain);
  const rectification = Math.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length));
  const adaptive = s['exp_avg_sq']!.sqrt().add(number(o, 'eps'));
  return start.sub(plain.mul(Math.sqrt(1 - pow(beta2, step)) * rectification).div(adaptive));
};

/** Adadelta. */
export const adadelta: Rule = (p, grad, s, o) => {
  const [rho, eps] = [number(o, 'rho'), number(o, 'eps')];
  const g = gradient(p, grad, o);
  s['square_avg'] = s['square_avg']!.mul(rho).add(g.mul(g).mul(1 - rho));
  const delta = s['acc_delta']!.add(eps).sqrt().div(s['square_avg'].add(eps).sqrt()).mul(g);
  s['acc_delta'] = s['acc_delta']!.mul(rho).add(delta.mul(delta).mul(1 - rho));
  return p.sub(delta.mul(o.lr));
};

/** Adagrad. */
export const adagrad: Rule = (p, grad, s, o, step) => {
  const g = gradient(p, grad, o);
  s['sum'] = s['sum']!.add(g.mul(g));
  const rate = 1 + (step - 1) * number(o, 'lrDecay');
  return p.sub(g.div(s['sum'].sqrt().add(number(o, 'eps'))).mul(o.lr).div(rate));
};

/** RMSprop. */
export const rmsprop: Rule = (p, grad, s, o) => {
  const alpha = number(o, 'alpha');
  const g = gradient(p, grad, o);
  s['square_avg'] = s['square_avg']!.mul(alpha).add(g.mul(g).mul(1 - alpha));
  let spread = s['square_avg'];
  if (o['centered']) {
    s['grad_avg'] = s['grad_avg']!.lerp(g, 1 - alpha);
    spread = spread.sub(s['grad_avg'].mul(s['grad_avg']));
  }
  const avg = spread.sqrt().add(number(o, 'eps'));
  if (number(o, 'momentum') === 0) return p.sub(g.div(avg).mul(o.lr));
  s['momentum_buffer'] = s['momentum_buffer']!.mul(number(o, 'momentum')).add(g.div(avg));
  return p.sub(s['momentum_buffer'].mul(o.lr));
};

/** Rprop: piecewise constant in the gradient, so gradients flow through the step sizes alone. */
export const rprop: Rule = (p, grad, s, o) => {
  const [minus, plus] = pair(o, 'etas');
  const [least, most] = pair(o, 'stepSizes');
  const g = o['maximize'] ? grad.neg() : grad;
  const turn = g.mul(s['prev']!).sign();
  const turned = turn.lt(0);
  const factor = turn.gt(0).mul(plus - 1).add(turned.mul(minus - 1)).add(1);
  s['step_size'] = s['step_size']!.mul(factor).clamp(least, most);
  const kept = g.maskedFill(turned, 0);
  s['prev'] = kept;
  return p.sub(kept.sign().mul(s['step_size']));
};

/** ASGD. `eta` and `mu` are numbers of the schedule, updated without a graph. */
export const asgd: Rule = (p, grad, s, o, step) => {
  const [lambd, alpha, t0] = [number(o, 'lambd'), number(o, 'alpha'), number(o, 't0')];
  const [eta, mu] = [s['eta']!, s['mu']!];
  const next = p.mul(eta.mul(-lambd).add(1)).sub(gradient(p, grad, o).mul(eta));
  s['ax'] = s['ax']!.add(next.sub(s['ax']!).mul(mu));
  const lr = o.lr;
  s['eta'] = isTensor(lr) ? lr.div(lr.mul(lambd * step).add(1).pow(alpha)) : eta.detach().clone().fill_(lr / pow(1 + lambd * lr * step, alpha));
  s['mu'] = mu.detach().clone().fill_(1 / Math.max(1, step - t0));
  return next;
};
