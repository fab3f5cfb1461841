/**
 * Devices. Tensors live on `cpu`, or on `webgpu` where `torch.init({ device: 'webgpu' })` opened a GPU.
 * @module
 */
import { DeviceError } from './errors.js';
import { shown } from './runtime/console.js';
import { checked, engine, started } from './runtime/wasm.js';

/** Where a tensor's memory is. PyTorch: `torch.device`. */
export class Device {
  /** `'cpu'` or `'webgpu'`. */
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
/** The GPU, through WebGPU. */
export const webgpu: Device = new Device('webgpu', null);

/** By the numbers that the engine has for them (crates/core/src/device.rs). */
const DEVICES = [cpu, webgpu] as const;

/** The engine's number for a device. */
export function deviceCode(d: Device): number {
  return DEVICES.indexOf(d as never);
}

/** The device that has this number in the engine. */
export function deviceOf(code: number): Device {
  return DEVICES[code]!;
}

/**
 * The device of this name. PyTorch: `torch.device`.
 * @example
 * x.to(torch.device('cpu'));
 * @throws {@link DeviceError} if there is no device of this name; whether a GPU is open shows when it is used.
 */
export function device(name: string | Device): Device {
  if (name instanceof Device) return name;
  const found = DEVICES.find((d) => name === d.type || name === `${d.type}:0`);
  if (found) return found;
  throw new DeviceError(`device '${String(name)}' is not available; the devices are: 'cpu', 'webgpu'`);
}

/** In place of a device's number: only asks. */
const ASK = -1;

const setDefault = (code: number): number => checked((wasm) => wasm.default_device(code));

/**
 * Sets the device on which tensors are made of which nothing else says it. PyTorch: `torch.set_default_device`.
 * @example
 * await torch.init({ device: 'webgpu' });   // sets it too
 * torch.setDefaultDevice('cpu');
 * @throws {@link DeviceError} if that device is not open.
 */
export function setDefaultDevice(name: Device | string | null): void {
  setDefault(deviceCode(device(name ?? cpu)));
}

/** The device on which tensors are made of which nothing else says it. PyTorch: `torch.get_default_device`. */
export function getDefaultDevice(): Device {
  // An engine that is not loaded has no other.
  return started() ? deviceOf(setDefault(ASK)) : cpu;
}

/** Runs `f` with another default device; null leaves it as it is. */
export function onDevice<T>(name: Device | string | null | undefined, f: () => T): T {
  if (name === null || name === undefined) return f();
  engine();
  const before = setDefault(deviceCode(device(name)));
  try {
    return f();
  } finally {
    setDefault(before);
  }
}

/** What a function that answers at once says of a tensor whose elements come later. */
export function answersLater(name: string, instead: string): DeviceError {
  return new DeviceError(`${name}: the tensor is on device 'webgpu', which answers later; write \`${instead}\``);
}
