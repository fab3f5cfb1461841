// The package as npm packs it, installed in an empty project: made once for all tests, again when dist/ has changed.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** The repository. */
export const root = dirname(dirname(import.meta.dirname));
// Outside the repository, whose node_modules/ would lend the project what it has not installed. One per checkout.
const prefix = `cresset-installed-${createHash('sha256').update(root).digest('hex').slice(0, 8)}-`;

/** Whether dist/ comes from a quick build, which has no browser.js (scripts/build.mjs). */
export const isQuickBuild = (): boolean => readFileSync(join(root, '.cache/dist.stamp'), 'utf8').startsWith('quick');

export interface Installed {
  /** The project: an empty one that has installed the package. */
  readonly folder: string;
  /** What the tarball holds. */
  readonly files: readonly string[];
}

/** What npm would pack, as one hash. */
function contents(): string {
  const hash = createHash('sha256');
  const add = (path: string): void => void hash.update(path).update('\0').update(readFileSync(join(root, path)));
  add('package.json');
  for (const entry of readdirSync(join(root, 'dist'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) add(join(entry.parentPath.slice(root.length + 1), entry.name));
  }
  return hash.digest('hex').slice(0, 16);
}

let installed: Installed | undefined;

/** Packs and installs, unless that was done with the same contents. Tests must not change the project, only add programs. */
export function install(): Installed {
  return (installed ??= find());
}

function find(): Installed {
  const folder = join(tmpdir(), prefix + contents());
  if (!existsSync(folder)) {
    const made = make();
    for (const old of readdirSync(tmpdir()).filter((name) => name.startsWith(prefix) && name !== basename(folder))) rmSync(join(tmpdir(), old), { recursive: true, force: true });
    try {
      renameSync(made, folder);
    } catch {
      // Another test file was as fast; what it made is the same.
      rmSync(made, { recursive: true });
    }
  }
  return { folder, files: JSON.parse(readFileSync(join(folder, 'packed.json'), 'utf8')) as string[] };
}

function make(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cresset-installing-'));
  const packed = execFileSync('npm', ['pack', '--json', '--loglevel=error', '--ignore-scripts', '--pack-destination', folder], { cwd: root, encoding: 'utf8' });
  const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  writeFileSync(join(folder, 'packed.json'), JSON.stringify(files.map(({ path }) => path)));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--loglevel=error', join(folder, filename)], { cwd: folder, stdio: 'pipe' });
  return folder;
}
