/**
 * The programs in the documentation: code blocks of Markdown pages, and `@example`s in doc comments.
 *
 * A program keeps every line at its place in the file it came from, so that whatever goes wrong is reported there.
 * What its lines promise is written in comments:
 *
 *     x.sum();                  // -> tensor(6.)           the value, or what console.log prints, is this text; one that
 *                                                          ends with ... is the text's beginning
 *     x.at(9);                  // throws IndexError       the class of the error
 *
 * A ```text block after a code block is everything that the code block prints with console.log.
 *
 * In Markdown, the blocks of a section (from one `##` to the next) are one program. So is what stands as code in the
 * last column of a table whose header calls that column `cresset`; there each piece has a scope of its own.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import ts from 'typescript';

/** A program, its promises not yet worked in. */
export interface Program {
  /** The file that it came from, relative to the repository. */
  file: string;
  /** The line, from 1, it begins at. */
  line: number;
  /** The program, with every line where it is in the file; line 1 is free. */
  lines: string[];
  /** By the first line of a block: the text it has to print, and that text's line. */
  prints: Map<number, string>;
  /** Of each line, the first line of its block. */
  blockOf: Map<number, number>;
}

/** What a program has to have before it can run alone: its first line. */
const IMPORTS = [
  "import * as torch from 'cresset';",
  "import { nn, optim, type Tensor } from 'cresset';",
  "import * as F from 'cresset/nn/functional';",
];

function empty(root: string, path: string, line: number, count: number): Program {
  return { file: relative(root, path), line, lines: Array.from({ length: count }, () => ''), prints: new Map(), blockOf: new Map() };
}

/** The programs of a Markdown page. */
export function ofPage(root: string, path: string): Program[] {
  const source = readFileSync(path, 'utf8').split('\n');
  const programs: Program[] = [];
  let now = empty(root, path, 1, source.length);
  let used = false;
  let table = false;
  let block = 0;
  const end = (line: number): void => {
    if (used) programs.push(now);
    now = empty(root, path, line, source.length);
    used = false;
  };
  for (let i = 0; i < source.length; i++) {
    const text = source[i]!;
    if (/^#{1,2} /.test(text)) end(i + 1);
    const fence = /^```(\w*)/.exec(text)?.[1];
    if (fence !== undefined) {
      const first = i + 1;
      while (source[++i] !== '```') if (i >= source.length) throw new Error(`${now.file}:${first}: the block has no end`);
      if (fence === 'text' && block > 0) now.prints.set(block, source.slice(first, i).join('\n'));
      block = 0;
      if (!['ts', 'js'].includes(fence)) continue;
      used = true;
      block = first + 1;
      for (let k = first; k < i; k++) {
        now.lines[k] = source[k]!;
        now.blockOf.set(k + 1, block);
      }
    } else if (text.startsWith('|')) {
      const cells = text.split(/(?<!\\)\|/).slice(1, -1);
      if (!table) table = cells.at(-1)!.trim() === 'cresset';
      else {
        const pieces = [...cells.at(-1)!.replaceAll('\\|', '|').matchAll(/(`+) ?(.+?) ?\1(?!`)/g)].map((m) => `{ ${m[2]!} }`);
        if (pieces.length > 0) used = true;
        now.lines[i] = pieces.join(' ');
      }
    } else {
      table = false;
      if (text.trim() !== '') block = 0;
    }
  }
  end(source.length);
  return programs;
}

/** The examples in the doc comments of a TypeScript file: after `@example`, or in a block. */
export function ofDocComments(root: string, path: string): Program[] {
  const source = readFileSync(path, 'utf8');
  const lines = source.split('\n');
  const programs: Program[] = [];
  for (const comment of source.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    const first = source.slice(0, comment.index).split('\n').length;
    const body = comment[0].split('\n').map((text) => text.replace(/^\s*(\/\*\*|\*\/|\*) ?/, '').replace(/\s*\*\/$/, ''));
    let program: Program | null = null;
    let fenced = false;
    body.forEach((text, k) => {
      if (text.startsWith('```')) fenced = !fenced;
      const begins = fenced ? text.startsWith('```ts') : text.startsWith('@example');
      if (begins) programs.push((program = empty(root, path, first + k, lines.length)));
      else if (text.startsWith('@') || text.startsWith('```')) program = null;
      else if (program) program.lines[first + k - 1] = text;
    });
  }
  return programs;
}

/** Names that an example uses as if they stood around it. A program gets those that it uses and does not declare. */
export type Around = Readonly<Record<string, string>>;

/** What the engine's own lines promise: by line, the text printed, or the class thrown. */
export interface Promises {
  shows: Map<number, string>;
  throws: Map<number, string>;
}

/** The program as TypeScript that reports to the globals `__show`, `__print` and `__throws`, and what it promises. */
export function prepare(program: Program, around: Around): { text: string } & Promises {
  const source = program.lines.join('\n');
  const tree = ts.createSourceFile('program.ts', source, ts.ScriptTarget.ES2022, true);
  const at = (position: number): number => tree.getLineAndCharacterOfPosition(position).line + 1;
  const promised: Promises = { shows: new Map(), throws: new Map() };
  const edits: { from: number; to: number; text: string }[] = [];
  const taken = new Set<ts.Node>();
  const isLog = (node: ts.Node): node is ts.CallExpression => ts.isCallExpression(node) && node.expression.getText(tree) === 'console.log';
  const replaceLog = (call: ts.CallExpression, by: string): void => {
    taken.add(call);
    edits.push({ from: call.expression.getStart(tree), to: call.arguments.pos, text: by });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node)) {
      const line = at(node.end);
      const comment = /^\s*\/\/ (->|throws) (.*)$/.exec(program.lines[line - 1]!.slice(node.end - tree.getPositionOfLineAndCharacter(line - 1, 0)));
      const { expression } = node;
      if (comment?.[1] === '->') {
        let text = comment[2]!.trimEnd();
        // The text goes on in the comments right below.
        for (let k = line; /^\s*\/\/ {4}/.test(program.lines[k] ?? ''); k++) text += `\n${/^\s*\/\/ {4}(.*)$/.exec(program.lines[k]!)![1]!}`;
        promised.shows.set(line, text);
        if (isLog(expression)) replaceLog(expression, `__show(${line}, `);
        else edits.push({ from: expression.getStart(tree), to: expression.getStart(tree), text: `__show(${line}, ` }, { from: expression.end, to: expression.end, text: ')' });
      } else if (comment) {
        promised.throws.set(line, comment[2]!.trim());
        edits.push({ from: expression.getStart(tree), to: expression.getStart(tree), text: `__throws(${line}, () => (` }, { from: expression.end, to: expression.end, text: '))' });
      }
    }
    if (isLog(node) && !taken.has(node)) replaceLog(node, `__print(${program.blockOf.get(at(node.getStart(tree))) ?? 0}, `);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  const comments = source.match(/\/\/ (->|throws) /g)?.length ?? 0;
  const found = promised.shows.size + promised.throws.size;
  if (comments !== found) throw new Error(`${program.file}:${program.line}: ${comments} comments promise something, ${found} of them stand behind a statement of one line`);
  let text = source;
  for (const edit of edits.sort((a, b) => b.from - a.from || b.to - a.to)) text = text.slice(0, edit.from) + edit.text + text.slice(edit.to);
  return { text: first(tree, source, around) + text, ...promised };
}

/** What stands before the program, on its first line, which is free. */
function first(tree: ts.SourceFile, source: string, around: Around): string {
  const used = new Set<string>();
  const declared = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const { parent } = node;
      const binding = ts.isVariableDeclaration(parent) || ts.isBindingElement(parent) || ts.isClassDeclaration(parent) || ts.isParameter(parent) || ts.isFunctionDeclaration(parent) || ts.isImportSpecifier(parent) || ts.isNamespaceImport(parent);
      const member = (ts.isPropertyAccessExpression(parent) && parent.name === node) || (ts.isPropertyAssignment(parent) && parent.name === node);
      if (binding && parent.name === node) declared.add(node.text);
      else if (!member) used.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  const needed: string[] = [];
  const need = (name: string): void => {
    if (declared.has(name) || !Object.hasOwn(around, name)) return;
    declared.add(name);
    // What it is made of has to stand before it.
    for (const [word] of around[name]!.matchAll(/\b\w+\b/g)) need(word);
    needed.push(around[name]!.startsWith('let ') || around[name]!.startsWith('import ') ? around[name]! : `const ${name} = ${around[name]!};`);
  };
  for (const name of used) need(name);
  const imports = /from 'cresset'/.test(source) ? [] : IMPORTS;
  return ['declare const __show: (line: number, ...values: unknown[]) => void, __print: typeof __show, __throws: (line: number, fn: () => unknown) => void;', ...imports, ...needed].join(' ');
}
