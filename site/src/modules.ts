/**
 * The modules a program imports, as the site serves them.
 * @module
 */
import { parser } from '@lezer/javascript';
import type { Trouble } from './messages.js';

/** Where each module lies that a program can import, beside the page; site/build.mjs puts the list here. */
declare const MODULES: Readonly<Record<string, string>>;

const lineAt = (code: string, at: number): number => code.slice(0, at).split('\n').length;

/** An import of a module that is not there: told by the page, since the browser would only name the program. */
export class NoModule extends Error implements Trouble {
  constructor(specifier: string, readonly line: number) {
    super(`There is no module '${specifier}' here. A program can import ${Object.keys(MODULES).join(', ')}, and absolute URLs (https://...).`);
  }
}

/** The program with its imports made absolute; no line moves. `base` is the page's address. */
export function withPlaces(code: string, base: string): string {
  const edits: { from: number; to: number; text: string }[] = [];
  parser.parse(code).iterate({
    enter({ name, node, from, to }) {
      // `import x from 'y'`, `export x from 'y'`, `import('y')`.
      if (name !== 'String' || !['ImportDeclaration', 'ExportDeclaration', 'DynamicImport'].includes(node.parent?.name ?? '')) return;
      const specifier = code.slice(from + 1, to - 1);
      if (/^[a-z]+:/i.test(specifier)) return;
      const file = Object.hasOwn(MODULES, specifier) ? MODULES[specifier] : undefined;
      if (file === undefined) throw new NoModule(specifier, lineAt(code, from));
      edits.push({ from, to, text: JSON.stringify(new URL(file, base).href) });
    },
  });
  return edits.reduceRight((text, edit) => text.slice(0, edit.from) + edit.text + text.slice(edit.to), code);
}

/** The line, from 1, where the program stops being JavaScript; engines do not tell it for a module that is imported. */
export function syntaxErrorLine(code: string): number | undefined {
  let line: number | undefined;
  parser.parse(code).iterate({
    enter({ type, from }) {
      if (type.isError) line ??= lineAt(code, from);
      return line === undefined;
    },
  });
  return line;
}
