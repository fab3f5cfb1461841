/**
 * Devices. Tensors live on `cpu`.
 * @module
 */
import { DeviceError } from './errors.js';
import { shown } from './runtime/console.js';

/** Where a tensor's memory is. PyTorch: `torch.device`. */
export class Device {
  /** `'cpu'`. */
  readonly type: string;
  /** Number among devices of one type; null for the only one. */
  readonly index: number | null;

  /** @internal Use {@link device}. */
  constructor(type: string, index: number | null) {
    this.type = type;
    this.index = index;
    Object.freeze(this);
  }

  /** `cpu`, as `str(torch.device('cpu'))`. */
  toString(): string {
    return this.index === null ? this.type : `${this.type}:${this.index}`;
  }

  static {
    shown(this.prototype, (d) => `device(type='${d.type}'${d.index === null ? '' : `, index=${d.index}`})`);
  }
}

/** The CPU. */
export const cpu: Device = new Device('cpu', null);

/**
 * The device of this name. PyTorch: `torch.device`.
 * @example
 * x.to(torch.device('cpu'));
 * @throws {@link DeviceError} if there is no such device here.
 */
export function device(name: string | Device): Device {
  if (name instanceof Device) return name;
  if (name === 'cpu' || name === 'cpu:0') return cpu;
  throw new DeviceError(`device '${String(name)}' is not available; the devices are: 'cpu'`);
}
