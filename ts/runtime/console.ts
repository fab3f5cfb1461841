/**
 * How our objects show themselves: by the text that `String(x)` gives, in Node's, Deno's, Bun's and the browsers'
 * consoles and in notebooks.
 * @module
 */

/** Node's, Deno's and Bun's `console.log` call the method under this symbol. */
const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;
/** Notebooks (Deno's kernel among them) call this one for the last value of a cell. */
const JUPYTER: unique symbol = Symbol.for('Jupyter.display') as never;
/** Ours: the text, and the mark by which the formatter of browsers knows our objects. */
const TEXT: unique symbol = Symbol('text');

/** Representations by media type. */
export type Bundle = Record<string, unknown>;

interface Shown {
  [TEXT]?: () => string;
}

/**
 * Lets instances of a class (or one object) show themselves by their text: `static { shown(this.prototype); }`.
 * @param text what consoles print, where it is not `String(object)`.
 * @param html what notebooks show beside the text. Default: the text, preformatted.
 */
export function shown<T extends object>(target: T, text: (self: T) => string = String, html?: (self: T) => string): void {
  const careful = (self: T): string => {
    try {
      return text(self);
    } catch (error) {
      // A console must be able to show everything: a prototype, or an object whose engine has stopped.
      return `[${self.constructor.name}: ${error instanceof Error ? error.message : String(error)}]`;
    }
  };
  const methods = {
    [TEXT](this: T): string {
      return careful(this);
    },
    // Node and Deno indent the lines of what is nested in an array or object.
    [INSPECT](this: T): string {
      return careful(this);
    },
    [JUPYTER](this: T): Bundle {
      const own = careful(this);
      let page = preformatted(own);
      try {
        page = html?.(this) ?? page;
      } catch {
        // The text says why.
      }
      return { 'text/plain': own, 'text/html': page };
    },
  };
  for (const symbol of Object.getOwnPropertySymbols(methods)) {
    Object.defineProperty(target, symbol, { value: methods[symbol as typeof INSPECT], writable: true, configurable: true });
  }
}

/** Text with the characters that HTML takes for markup written out. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** Text as HTML, its lines and blanks kept. */
export function preformatted(text: string): string {
  return `<pre>${escapeHtml(text)}</pre>`;
}

/** https://firefox-source-docs.mozilla.org/devtools-user/custom_formatters: how DevTools learns to show objects. */
interface Formatter {
  header(object: unknown, config?: unknown): unknown;
  hasBody(object: unknown, config?: unknown): boolean;
}

const formatter: Formatter = {
  header(object) {
    if ((typeof object !== 'object' && typeof object !== 'function') || object === null) return null;
    const text = (object as Shown)[TEXT]?.();
    return text === undefined ? null : ['span', { style: 'white-space: pre; font-family: monospace' }, text];
  },
  hasBody: () => false,
};

/**
 * Registers our objects with the developer tools of the page, which show them as text where custom formatters are
 * switched on. Once per page; nothing happens outside of pages and their workers.
 */
export function registerFormatter(): void {
  const scope = globalThis as { devtoolsFormatters?: Formatter[]; document?: unknown; WorkerGlobalScope?: unknown };
  if (scope.document === undefined && scope.WorkerGlobalScope === undefined) return;
  scope.devtoolsFormatters ??= [];
  if (!scope.devtoolsFormatters.includes(formatter)) scope.devtoolsFormatters.push(formatter);
}
