/**
 * Parameters in lists and dictionaries.
 * @module
 */
import { ArgumentError, IndexError } from '../errors.js';
import { Tensor } from '../tensor.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';
import { pyType } from './python.js';

/** A tensor becomes a parameter; a parameter stays what it is. */
function parameter(who: string, x: unknown): Parameter {
  if (x instanceof Parameter) return x;
  if (x instanceof Tensor) return new Parameter(x);
  throw new ArgumentError(`${who}: expected a Parameter or Tensor, got ${pyType(x)}`);
}

/** Parameters in an order of their own. */
abstract class ParameterContainer extends Module {
  /** Names in order. @internal */
  readonly _order: string[] = [];

  /** Number of parameters. */
  override get length(): number {
    return this._order.length;
  }

  override _names(): string[] {
    return [...this._order];
  }

  /** @internal */
  _set(name: string, value: Tensor): void {
    const p = parameter(this._getName(), value);
    if (this._order.includes(name)) {
      this._put(name, p);
    } else {
      this.registerParameter(name, p);
      this._order.push(name);
    }
  }

  /** @internal */
  _get(name: string): Parameter {
    return (this as unknown as Record<string, Parameter>)[name]!;
  }

  /** @internal */
  _remove(name: string): Parameter {
    const p = this._get(name);
    delete (this as unknown as Record<string, unknown>)[name];
    this._order.splice(this._order.indexOf(name), 1);
    return p;
  }

  /** How the printed form names the type of a parameter. */
  protected abstract typeName(p: Parameter): string;

  override extraRepr(): string {
    const one = (name: string): string => {
      const p = this._get(name);
      return `  (${name}): Parameter containing: [${this.typeName(p)} of size ${p.shape.join('x')}]`;
    };
    return this._order.map(one).join('\n');
  }
}

/**
 * Parameters in a list.
 *
 * PyTorch: `torch.nn.ParameterList`.
 * @example
 * const ws = new nn.ParameterList([torch.randn(2, 2), torch.randn(3)]);
 * ws.at(0).shape; // -> torch.Size([2, 2])
 */
export class ParameterList extends ParameterContainer {
  constructor(values: Iterable<Tensor> = []) {
    super();
    this.extend(values);
  }

  #name(i: number): string {
    const n = this.length;
    if (!Number.isInteger(i) || i < -n || i >= n) throw new IndexError(`index ${i} is out of range: ParameterList has ${n} parameters`);
    return String(i < 0 ? i + n : i);
  }

  /** The parameter at a position, negative from the end. */
  at(i: number): Parameter {
    return this._get(this.#name(i));
  }

  /** Puts a parameter in the place of another. */
  setAt(i: number, value: Tensor): void {
    this._set(this.#name(i), value);
  }

  /** Adds a parameter at the end; returns this list. */
  append(value: Tensor): this {
    this._set(String(this.length), value);
    return this;
  }

  /** Adds parameters at the end; returns this list. */
  extend(values: Iterable<Tensor>): this {
    for (const v of values) this.append(v);
    return this;
  }

  protected override typeName(p: Parameter): string {
    return String(p.dtype);
  }

  [Symbol.iterator](): Iterator<Parameter> {
    return this._names().map((n) => this._get(n))[Symbol.iterator]();
  }
}

/**
 * Parameters by name, in the order in which they were added.
 *
 * PyTorch: `torch.nn.ParameterDict`.
 * @example
 * const ps = new nn.ParameterDict({ left: torch.randn(5, 10), right: torch.randn(5, 10) });
 * x.matmul(ps.get('left'));
 */
export class ParameterDict extends ParameterContainer {
  constructor(values: Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor> | Iterable<readonly [string, Tensor]> | null = null) {
    super();
    if (values) this.update(values);
  }

  /** The parameter with this name. @throws {@link IndexError} when there is none. */
  get(key: string): Parameter {
    if (!this.has(key)) throw new IndexError(`ParameterDict has no parameter '${key}'; it has ${this.keys().join(', ') || 'none'}`);
    return this._get(key);
  }

  /** Adds a parameter or puts it in the place of another; returns this dictionary. */
  set(key: string, value: Tensor): this {
    this._set(key, value);
    return this;
  }

  has(key: string): boolean {
    return this._names().includes(key);
  }

  /** Takes a parameter out and returns it. */
  pop(key: string): Parameter {
    this.get(key);
    return this._remove(key);
  }

  /** Adds or replaces parameters. */
  update(values: Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor> | Iterable<readonly [string, Tensor]>): void {
    const entries = Symbol.iterator in values ? (values as Iterable<readonly [string, Tensor]>) : Object.entries(values);
    for (const [name, value] of entries) this._set(name, value);
  }

  keys(): string[] {
    return this._names();
  }

  values(): Parameter[] {
    return this._names().map((n) => this._get(n));
  }

  items(): [string, Parameter][] {
    return this._names().map((n) => [n, this._get(n)]);
  }

  protected override typeName(p: Parameter): string {
    return p.type();
  }

  /** The names. */
  [Symbol.iterator](): Iterator<string> {
    return this._names()[Symbol.iterator]();
  }
}
