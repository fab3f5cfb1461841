/**
 * Which module runs: hooks around every module of a model, for the names of nodes.
 * @module
 */
import { ModuleDict, ModuleList, Sequential } from '../nn/containers.js';
import type { Module } from '../nn/module.js';
import type { Scope } from './trace.js';

/** Keeps `scopes` (outermost first) up to date while the model runs. Returns what ends it. */
export function followModules(model: Module, scopes: Scope[]): () => void {
  const handles = named(model).flatMap(([module, name, path]) => [
    module.registerForwardPreHook(() => {
      scopes.push({ names: name === '' ? [] : [...scopes.at(-1)!.names, name], module: `${path === '' ? 'the model' : path} (${module._getName()})` });
    }, { prepend: true }),
    module.registerForwardHook(() => {
      scopes.pop();
    }, { alwaysCall: true }),
  ]);
  return () => handles.forEach((h) => h.remove());
}

/** Every module with PyTorch's name for its scope: its own name, after that of its container if it is in one (`layer1.0`). */
function named(model: Module): [Module, name: string, path: string][] {
  const out: [Module, string, string][] = [];
  const seen = new Set<Module>();
  const walk = (module: Module, name: string, path: string): void => {
    if (seen.has(module)) return;
    seen.add(module);
    out.push([module, name, path]);
    const contains = module instanceof Sequential || module instanceof ModuleList || module instanceof ModuleDict;
    for (const [key, child] of module.namedChildren()) walk(child, contains && name !== '' ? `${name}.${key}` : key, path === '' ? key : `${path}.${key}`);
  };
  walk(model, '', '');
  return out;
}
