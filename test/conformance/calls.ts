/** How a case of PyTorch's op database is called through this package's API. */
import * as torch from '../../dist/index.js';
import { camel, isTensor, type Loose } from './fixtures.js';

type Call = (input: Loose, args: Loose[]) => Loose;

const at = (root: Loose, path: string): Loose => path.split('.').reduce((o: Loose, k) => (o === undefined || o === null ? undefined : o[k]), root);
const method = (name: string): Call => (x, args) => x[name](...args);
const property = (name: string): Call => (x) => x[name];
/** The database keeps the differentiable tensor first where PyTorch's signature has it second. */
const second = (name: string): Call => (x, [a, ...rest]) => at(torch, name)(a, x, ...rest);
const onCopy = (name: string): Call => (x, args) => at(torch, name)(x.clone(), ...args);
const reversed = (name: string): Call => (x, [other, ...rest]) => (torch as Loose)[name](other, x, ...rest);
const product = (name: string): Call => (a, [b, ...rest]) => at(torch, name)(a.matmul(b.transpose(-2, -1)), ...rest);

/** Where the rule (`torch.<name>(input, ...args)`, else the method of that name) is not how it is called. */
const SPECIAL: Record<string, Call> = {
  __radd__: reversed('add'), __rsub__: reversed('sub'), __rmul__: reversed('mul'), __rdiv__: reversed('div'), __rmod__: reversed('remainder'), __rpow__: reversed('pow'),
  __rmatmul__: reversed('matmul'), __rand__: reversed('bitwiseAnd'), __ror__: reversed('bitwiseOr'), __rxor__: reversed('bitwiseXor'),
  // A list of numbers alone is one index; any other list is a tuple of indices.
  __getitem__: (x, [i]) => (Array.isArray(i) && !i.every((k) => typeof k === 'number') ? x.at(...i) : x.at(i)),
  T: property('T'), H: property('H'), mT: property('mT'), mH: property('mH'),
  uniform: method('uniform_'), cauchy: method('cauchy_'), exponential: method('exponential_'), geometric: method('geometric_'), log_normal: method('logNormal_'), 'normal.in_place': method('normal_'),
  zero_: onCopy('zero_'), resize_: (x, args) => x.clone().resize_(...args), resize_as_: onCopy('resizeAs_'),
  where: second('where'), polygamma: second('polygamma'), 'special.polygamma': second('special.polygamma'), 'normal.number_mean': second('normal'),
  'nn.functional.embedding': second('nn.functional.embedding'), 'nn.functional.embedding_bag': second('nn.functional.embeddingBag'),
  einsum: (xs, [equation]) => (torch as Loose).einsum(equation, ...xs),
  svd_lowrank: product('svdLowrank'), pca_lowrank: product('pcaLowrank'), 'linalg.pinv.singular': product('linalg.pinv'),
  'linalg.lstsq.grad_oriented': (a, args) => [...at(torch, 'linalg.lstsq')(a, ...args)].slice(0, 2),
};

/** The public path that a special call needs, when it is not the op's own name. */
const NEEDS: Record<string, string> = {
  __radd__: 'add', __rsub__: 'sub', __rmul__: 'mul', __rdiv__: 'div', __rmod__: 'remainder', __rpow__: 'pow', __rmatmul__: 'matmul', __rand__: 'bitwiseAnd', __ror__: 'bitwiseOr', __rxor__: 'bitwiseXor',
  __getitem__: 'Tensor.at', uniform: 'Tensor.uniform_', cauchy: 'Tensor.cauchy_', exponential: 'Tensor.exponential_', geometric: 'Tensor.geometric_', log_normal: 'Tensor.logNormal_', 'normal.in_place': 'Tensor.normal_',
  resize_: 'Tensor.resize_', T: 'Tensor.T', H: 'Tensor.H', mT: 'Tensor.mT', mH: 'Tensor.mH',
  'normal.number_mean': 'normal', 'linalg.pinv.singular': 'linalg.pinv', 'linalg.lstsq.grad_oriented': 'linalg.lstsq',
};

/** The call for an op (and variant), or null where the package does not have it. */
export function findCall(op: string, variant: string, sample: Loose): Call | null {
  const key = `${op}.${variant}` in SPECIAL ? `${op}.${variant}` : op;
  const publicName = NEEDS[key] ?? op.split('.').map(camel).join('.');
  const prototype = torch.Tensor.prototype as Loose;
  if (publicName.startsWith('Tensor.')) {
    if (!(publicName.slice(7) in prototype)) return null;
    return SPECIAL[key] ?? null;
  }
  const fn = at(torch, publicName);
  if (typeof fn === 'function') return SPECIAL[key] ?? ((x, args) => fn(x, ...args));
  const name = publicName.split('.').at(-1)!;
  const first: Loose = [sample].flat().find(isTensor);
  return first !== undefined && name in prototype ? (SPECIAL[key] ?? method(name)) : null;
}

/** Uninitialised memory: only dtype and shape can be compared. */
export const NO_VALUES = new Set(['empty', 'empty_like', 'empty_permuted', 'empty_strided', 'new_empty', 'new_empty_strided']);
