/**
 * Parameters as one vector and back.
 * @module
 */
import { noGrad } from '../../autograd-mode.js';
import { ArgumentError, ShapeError } from '../../errors.js';
import { cat } from '../../generated/torch.js';
import { Tensor } from '../../tensor.js';

/**
 * The elements of all parameters, in order, as one vector.
 * PyTorch: `torch.nn.utils.parameters_to_vector`.
 */
export function parametersToVector(parameters: Iterable<Tensor>): Tensor {
  const parts = [...parameters].map((p) => p.reshape([-1]));
  const vector = cat(parts);
  for (const p of parts) p.dispose();
  return vector;
}

/**
 * Copies the elements of a vector into the parameters, in order.
 * PyTorch: `torch.nn.utils.vector_to_parameters`.
 */
export function vectorToParameters(vec: Tensor, parameters: Iterable<Tensor>): void {
  if (!(vec instanceof Tensor)) throw new ArgumentError('vectorToParameters: expected a Tensor as vector');
  const list = [...parameters];
  const total = list.reduce((n, p) => n + p.numel(), 0);
  if (vec.numel() < total) throw new ShapeError(`vectorToParameters: the parameters have ${total} elements, the vector ${vec.numel()}`);
  noGrad(() => {
    let at = 0;
    for (const p of list) {
      const part = vec.narrow(0, at, p.numel());
      const shaped = part.reshape([...p.shape]);
      p.copy_(shaped);
      shaped.dispose();
      part.dispose();
      at += p.numel();
    }
  });
}
