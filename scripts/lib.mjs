// What the scripts share: saying things, running things, and knowing whether something is up to date.
// Only Node's own modules: these scripts run before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's top folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Tools that take minutes to compile live here, outside the repository, so that every clone shares them. */
export const cacheDir =
  process.env.CRESSET_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'cresset');

/** Prints one line of progress. Goes to stderr: a program's own output stays alone on stdout. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** A failure that is the reader's to fix: printed as a sentence, without a stack. */
export class Failure extends Error {}

/** Ends the script with `sentence`. */
export function fail(sentence) {
  throw new Failure(sentence);
}

/** Runs `main` as a script's body; a Failure ends it with its sentence and exit status 1. */
export async function script(main) {
  try {
    process.exitCode = (await main()) ?? process.exitCode ?? 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(`\n${error.message}`);
    process.exitCode = 1;
  }
}

/** Whether the script `url` (its import.meta.url) is the one that node was started with. */
export function isMain(url) {
  return process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1];
}

/** `env` with `folder` put in front of its PATH. */
export function withPath(folder, env = process.env) {
  return { ...env, PATH: `${folder}${delimiter}${env.PATH ?? ''}` };
}

/** Runs a command to its end and gives { ok, out }; prints nothing. */
export function ask(command, args, options = {}) {
  const done = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd: root, maxBuffer: 2 ** 26, ...options });
  return { ok: done.status === 0, out: `${done.stdout ?? ''}`.trim(), err: `${done.stderr ?? ''}`.trim() };
}

/** Runs a command with its output shown (on stderr unless `stdout: 'inherit'`), and gives its exit status. */
export function run(command, args, { env = process.env, cwd = root, onText, stdout } = {}) {
  return new Promise((resolve, reject) => {
    const tee = onText !== undefined;
    const out = tee ? 'pipe' : stdout ?? 2;
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', out, tee ? 'pipe' : 2] });
    for (const [name, sink] of [['stdout', process.stdout], ['stderr', process.stderr]]) {
      child[name]?.setEncoding('utf8').on('data', (text) => {
        sink.write(text);
        onText(text);
      });
    }
    child.on('error', (error) => reject(new Failure(`${command} could not be started: ${error.message}`)));
    child.on('close', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

/** Like `run`, but a status other than 0 ends the script with `sentence`. */
export async function must(sentence, command, args, options) {
  if ((await run(command, args, options)) !== 0) fail(sentence);
}

/** The seconds since `start` (a performance.now()), as text. */
export function seconds(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/** Every file under `path` (a file or folder of the repository), sorted; build outputs are left out. */
export function filesUnder(path) {
  const at = join(root, path);
  if (!existsSync(at)) return [];
  if (statSync(at).isFile()) return [at];
  return readdirSync(at, { withFileTypes: true })
    .filter((entry) => entry.name !== 'target' && entry.name !== 'node_modules')
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(join(path, entry.name)) : [join(at, entry.name)]));
}

/** One hash over the names and contents of all files under `paths`, and over `facts` (versions, flags). */
export function fingerprint(paths, facts = []) {
  const hash = createHash('sha256');
  for (const file of paths.flatMap(filesUnder)) {
    hash.update(relative(root, file).split(sep).join('/')).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.update(JSON.stringify(facts)).digest('hex');
}

const stampFile = (name) => join(root, '.cache', `${name}.stamp`);

/** Whether step `name` last ended well with this fingerprint. */
export function isFresh(name, print) {
  return existsSync(stampFile(name)) && readFileSync(stampFile(name), 'utf8') === print;
}

/** Notes that step `name` ended well with this fingerprint. */
export function stamp(name, print) {
  mkdirSync(join(root, '.cache'), { recursive: true });
  writeFileSync(stampFile(name), print);
}
