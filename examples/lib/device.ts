/**
 * Where the programs train. Data is made, split, printed and drawn on the CPU, in float64 where PyTorch does so; networks and what they are
 * trained with are on the device that the program is given, which is the CPU unless it is told otherwise.
 * @module
 */
import * as torch from 'cresset';
import { host } from './host.js';

/** Loads the engine, with a GPU if the program is to train on one; gives the device's name. */
export async function start(): Promise<string> {
  await torch.init({ device: host.device });
  torch.setDefaultDevice('cpu');
  return host.device;
}
