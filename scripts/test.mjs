// Runs everything, and ends with one plain line over all runners: "N passed, N failed".
//
//   npm test                      all of it, with the package as it ships
//   npm test -- --quick           the inner loop: quick build, no formatting, clippy or lint, no browser
//   npm test -- --quick NAME ...  ... and only the test files whose name contains NAME (no Rust tests then)
//   npm test -- --quick --webgpu webgpu    ... with the binary that has a GPU, which the quick build otherwise leaves out
//
// rustfmt, clippy, the build, tsc, eslint, publint and attw (is the package well-formed?) count as one check each; nextest and vitest count their tests.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, root, run, say, script, seconds } from './lib.mjs';
import { build } from './build.mjs';
import { nativeEnv, nextestEnv, setup } from './setup.mjs';

// All crates, with tensors on a GPU, which the CPU's binaries are built without.
const WORKSPACE = ['--workspace', '--features', 'cresset-core/gpu,cresset-wasm/webgpu'];

const tally = { passed: 0, failed: 0 };

function count(passed, failed) {
  tally.passed += passed;
  tally.failed += failed;
}

/** One check that either holds or not; a Failure's sentence is shown and counted, not thrown. */
async function check(name, body) {
  const start = performance.now();
  say(`\n== ${name}`);
  try {
    const status = (await body()) ?? 0;
    count(status === 0 ? 1 : 0, status === 0 ? 0 : 1);
    say(`== ${name}: ${status === 0 ? 'passed' : 'FAILED'} (${seconds(start)})`);
    return status === 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(error.message);
    say(`== ${name}: FAILED (${seconds(start)})`);
    count(0, 1);
    return false;
  }
}

/** The Rust tests. nextest's last lines hold "Summary [...] 12 tests run: 11 passed, 1 failed, 0 skipped". */
async function nextest() {
  say('\n== nextest');
  let text = '';
  const args = ['nextest', 'run', ...WORKSPACE, '--locked', '--no-fail-fast', '--no-tests=pass', '--status-level=fail', '--color=never'];
  const status = await run('cargo', args, { env: { ...nextestEnv(), NEXTEST_HIDE_PROGRESS_BAR: '1' }, onText: (more) => (text += more) });
  const summary = text.match(/Summary \[[^\]]*\] .*/g)?.at(-1) ?? '';
  const number = (word) => Number(summary.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0);
  const failed = number('failed') + number('exec failed') + number('timed out');
  // A status without a counted failure is a failure too: the tests did not compile.
  count(number('passed'), status !== 0 && failed === 0 ? 1 : failed);
}

/** The TypeScript tests, over dist/ as a user's program sees it. */
async function vitest(names, quick) {
  say('\n== vitest');
  const report = join(root, '.cache/vitest.json');
  mkdirSync(join(root, '.cache'), { recursive: true });
  rmSync(report, { force: true });
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--passWithNoTests', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const status = await run(process.execPath, [...args, ...names], { stdout: 'inherit', env: { ...process.env, CRESSET_TEST_BROWSER: quick ? '0' : '1' } });
  const result = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { numPassedTests: 0, numFailedTests: 0 };
  const { numPassedTests: passed, numFailedTests: failed } = result;
  // As above: a file that cannot be loaded, or an error outside any test, fails no test but must not pass.
  count(passed, status !== 0 && failed === 0 ? 1 : failed);
}

const node = (tool, ...args) => run(process.execPath, [join(root, 'node_modules', tool), ...args]);

await script(async () => {
  const quick = process.argv.includes('--quick');
  const webgpu = process.argv.includes('--webgpu');
  const names = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
  await setup(['npm', 'nextest', 'vulkan', 'runtimes', ...(quick ? [] : ['browser'])]);
  const env = nativeEnv();
  if (!quick) {
    await check('rustfmt', () => run('cargo', ['fmt', '--all', '--check'], { env }));
    await check('clippy', () => run('cargo', ['clippy', '--quiet', '--locked', ...WORKSPACE, '--all-targets', '--', '-D', 'warnings'], { env }));
  }
  if (names.length === 0) await nextest();
  const built = await check('build', () => build({ quick, webgpu }));
  if (built) {
    if (!quick) {
      await check('tsc', () => node('typescript/bin/tsc', '-p', 'tsconfig.json'));
      await check('eslint', () => node('eslint/bin/eslint.js', '.', '--max-warnings=0'));
      await check('publint', () => node('publint/src/cli.js', 'run', '--strict'));
      await check('attw', () => node('@arethetypeswrong/cli/dist/index.js', '--pack', '.', '--profile', 'esm-only'));
    }
    await vitest(names, quick);
  }
  console.log(`\n${tally.passed} passed, ${tally.failed} failed`);
  return tally.failed === 0 ? 0 : 1;
});
