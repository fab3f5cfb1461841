/** Type-checks and runs the programs of the documentation, over dist/, as a user's would. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { type Around, prepare, type Program } from './programs.js';

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.dom.asynciterable.d.ts'],
  types: ['node'],
  strict: true,
  skipLibCheck: true,
  inlineSourceMap: true,
};

interface Result {
  shows: [line: number, text: string][];
  throws: [line: number, name: string][];
  prints: Record<string, string>;
  error: string | null;
}

/** In which engine a program is run; null: its types are checked, and that is all. */
export type Engine = 'cpu' | 'webgpu' | null;

/** What is wrong with each program: file, line and sentence; nothing when all is well. */
export function problemsOf(root: string, programs: readonly Program[], aroundOf: (program: Program) => Around, engineOf: (program: Program) => Engine): string[][] {
  const problems: string[][] = programs.map(() => []);
  // Inside the repository, so that 'cresset' is this package.
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache/docs-'));
  try {
    const prepared = programs.map((program) => prepare(program, aroundOf(program)));
    const files = programs.map((_, i) => join(folder, `${i}.ts`));
    prepared.forEach(({ text }, i) => writeFileSync(files[i]!, text));
    const compiled = ts.createProgram(files, OPTIONS);
    for (const found of ts.getPreEmitDiagnostics(compiled)) {
      const i = files.indexOf(found.file?.fileName ?? '');
      if (i < 0) throw new Error(ts.flattenDiagnosticMessageText(found.messageText, '\n'));
      const line = found.file!.getLineAndCharacterOfPosition(found.start!).line + 1;
      problems[i]!.push(`${programs[i]!.file}:${line}: does not compile: ${ts.flattenDiagnosticMessageText(found.messageText, ' ')}`);
    }
    compiled.emit();
    for (const engine of ['cpu', 'webgpu'] as const) {
      const runnable = [...programs.keys()].filter((i) => engineOf(programs[i]!) === engine);
      if (runnable.length === 0) continue;
      const results = run(root, folder, runnable.map((i) => files[i]!.replace(/ts$/, 'js')), engine);
      runnable.forEach((i, k) => problems[i]!.push(...broken(programs[i]!, prepared[i]!, results[k]!, files[i]!)));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return problems;
}

function run(root: string, folder: string, files: readonly string[], engine: string): Result[] {
  const [list, report] = [join(folder, 'list.json'), join(folder, 'report.json')];
  writeFileSync(list, JSON.stringify(files));
  const { status, stderr } = spawnSync(process.execPath, ['--enable-source-maps', join(root, 'test/docs/runner.mjs'), list, report, engine], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the programs ended the process (${String(status)}): ${stderr}`);
  return JSON.parse(readFileSync(report, 'utf8')) as Result[];
}

/** Whether a text is what was promised, which may be its beginning. */
function agrees(text: string, want: string): boolean {
  return text === want || (want.endsWith('...') && text.startsWith(want.slice(0, -3)));
}

function broken(program: Program, promised: ReturnType<typeof prepare>, result: Result, file: string): string[] {
  const { file: name } = program;
  if (result.error !== null) {
    const line = new RegExp(`${file.replaceAll('.', '\\.')}:(\\d+)`).exec(result.error)?.[1] ?? program.line;
    return [`${name}:${line}: throws ${result.error.split('\n    at ')[0]!}`];
  }
  const problems: string[] = [];
  for (const [line, want] of promised.shows) {
    const got = result.shows.filter(([at]) => at === line).map(([, text]) => text);
    if (got.length === 0) problems.push(`${name}:${line}: is never reached`);
    for (const text of got) if (!agrees(text, want)) problems.push(`${name}:${line}: gives\n${text}\nand the page says\n${want}`);
  }
  for (const [line, want] of promised.throws) {
    const got = result.throws.filter(([at]) => at === line).map(([, error]) => error);
    if (got.length !== 1 || got[0] !== want) problems.push(`${name}:${line}: throws ${got.join(', ')}, the page says ${want}`);
  }
  for (const [line, want] of program.prints) {
    const text = (result.prints[line] ?? '').trimEnd();
    if (text !== want) problems.push(`${name}:${line}: prints\n${text}\nand the page says\n${want}`);
  }
  return problems;
}
