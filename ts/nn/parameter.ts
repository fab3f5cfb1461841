/**
 * Tensors that belong to a module.
 * @module
 */
import { takeHandle, keepHandle } from '../runtime/handle.js';
import { Tensor } from '../tensor.js';
import { empty } from '../generated/torch.js';

/** A handle of its own on the memory of `data`, outside the graph. */
function handleOn(data: Tensor): number {
  return takeHandle(data.detach());
}

/**
 * A tensor that a module learns: assigned to a module's property it is one of `module.parameters()`.
 *
 * It shares memory with `data`. No `torch.scope` frees it. Default: `requiresGrad = true`.
 *
 * PyTorch: `torch.nn.Parameter`.
 * @example
 * class Scale extends nn.Module {
 *   factor = new nn.Parameter(torch.ones(3));
 *   override forward(x: Tensor) { return x.mul(this.factor); }
 * }
 */
export class Parameter extends Tensor {
  constructor(data?: Tensor | null, requiresGrad: boolean | { readonly requiresGrad?: boolean } = true) {
    super(handleOn(data ?? empty(0)));
    keepHandle(this);
    const wants = typeof requiresGrad === 'boolean' ? requiresGrad : (requiresGrad.requiresGrad ?? true);
    if (wants) this.requiresGrad_(true);
  }

  /** `Parameter containing:` and the tensor. */
  override toString(): string {
    return `Parameter containing:\n${super.toString()}`;
  }

  /** @internal */
  protected override outline(): string {
    return `Parameter containing:\n${super.outline()}`;
  }
}

/**
 * A tensor that is part of a module's state and not learnt: assigned to a module's property it is one of
 * `module.buffers()`, and of its `stateDict()` unless `persistent` is false. It shares memory with `data`.
 *
 * PyTorch: `torch.nn.Buffer`.
 * @example
 * class Centre extends nn.Module {
 *   mean = new nn.Buffer(torch.zeros(3));
 *   override forward(x: Tensor) { return x.sub(this.mean); }
 * }
 * console.log(Object.keys(new Centre().stateDict())); // -> [ 'mean' ]
 */
export class Buffer extends Tensor {
  /** Whether the module's state dict has it. */
  readonly persistent: boolean;

  constructor(data?: Tensor | null, persistent: boolean | { readonly persistent?: boolean } = true) {
    super(handleOn(data ?? empty(0)));
    keepHandle(this);
    this.persistent = typeof persistent === 'boolean' ? persistent : (persistent.persistent ?? true);
  }
}
