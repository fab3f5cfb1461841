/**
 * Objects that can be called: the ground under {@link Module}.
 * @module
 */

/** What a call of the object does; {@link Module} implements it with its hooks. @internal */
export const CALL: unique symbol = Symbol('call');

/**
 * Base of classes whose instances are functions.
 *
 * The constructor returns a function object with the prototype of the class being constructed, so fields and `#private`
 * members of derived classes land on that function. Its own `name` and `length` are removed: they are ordinary property
 * names for whoever derives. (An arrow function has no `prototype`, `arguments` or `caller` of its own.)
 */
export abstract class Callable {
  constructor() {
    const self = ((...args: unknown[]): unknown => (self as unknown as Callable)[CALL](args)) as unknown as this;
    const own = self as { name?: string; length?: number };
    delete own.name;
    delete own.length;
    return Object.setPrototypeOf(self, new.target.prototype) as this;
  }

  /** @internal */
  abstract [CALL](args: unknown[]): unknown;
}
