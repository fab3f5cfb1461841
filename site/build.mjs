// Writes the site as a folder of plain files with relative addresses, to be served from anywhere:
//
//   node site/build.mjs FOLDER [IMAGES]     from dist/ as it is; IMAGES is the folder with FashionMNIST's files
//
// index.html            cards of the programs
// NAME.html             a program's page
// gpu.html              one network, trained on the CPU or on the GPU
// programs/NAME.js      the program as the page shows it
// cresset.js, cresset/  the package, bundled, each of its entries under its own name
// lib/                  examples/lib, which the programs import
// fashion-mnist/        the images
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { build } from 'vite';
import { programs } from './programs.mjs';

const site = import.meta.dirname;
const root = dirname(site);

/** The package's entries by the name they are imported by: { cresset: '.../dist/index.js', 'cresset/nn': ... }. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.fromEntries(Object.entries(exports).filter(([, to]) => to.default !== undefined).map(([name, to]) => [name.replace('.', 'cresset'), join(root, to.default)]));
}

/** Stands for an empty line on its way through the compiler, which drops those. */
const EMPTY = '//~';

/** A program without its types, as one would have written it in JavaScript. */
export function toJavaScript(source) {
  // Twice, behind the line before and on the line itself: what stands next to a type disappears with it.
  const kept = source.replaceAll('\n\n', ` ${EMPTY}\n${EMPTY}\n`);
  const { outputText } = ts.transpileModule(kept, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  const lines = outputText.split('\n').map((line) => line.replace(/^( {4})+/, (indent) => ' '.repeat(indent.length / 2)));
  const text = lines.join('\n').replaceAll(/^ *\/\/~$/gm, '').replaceAll(/ *\/\/~$/gm, '\n');
  return `${text.replaceAll(/\n{3,}/g, '\n\n').trim()}\n`;
}

const fill = (text, facts) => text.replaceAll(/\{\{(\w+)\}\}/g, (_, key) => facts[key]);

const card = ({ name, title, line, glyph }) => `
        <a class="card" href="${name}.html">
          <svg viewBox="0 0 64 40" aria-hidden="true">${glyph}</svg>
          <h2>${name}</h2>
          <p class="title">${title}</p>
          <p>${line}</p>
        </a>`;

/** Writes the site into `out`, an absolute path. */
export async function buildSite(out, images) {
  const packages = entries();
  const libraries = Object.fromEntries(readdirSync(join(root, 'examples/lib')).map((file) => [`lib/${file.replace(/\.ts$/, '')}`, join(root, 'examples/lib', file)]));
  const names = new Set([...Object.keys(packages), ...Object.keys(libraries)]);
  const modules = Object.fromEntries([...names].map((name) => [name.startsWith('lib/') ? `./${name}.js` : name, `${name}.js`]));
  await build({
    configFile: false,
    root: site,
    base: './', // hosted under any path
    publicDir: false,
    logLevel: 'warn',
    plugins: [{
      name: 'cresset',
      // The package, by its own name.
      resolveId: { order: 'pre', handler: (id) => packages[id] },
      transformIndexHtml: { order: 'pre', handler: (html) => html.replace('<!--cards-->', () => programs.map(card).join('')) },
    }],
    define: { MODULES: JSON.stringify(modules) },
    worker: { format: 'es' },
    build: {
      outDir: out,
      emptyOutDir: true,
      target: 'es2022',
      assetsInlineLimit: 0,
      // Its helper looks for a document, and a worker has none.
      modulePreload: false,
      // vega is as large as it is, and loaded with the first picture.
      chunkSizeWarningLimit: 2000,
      rolldownOptions: {
        checks: { pluginTimings: false },
        input: { index: join(site, 'index.html'), program: join(site, 'program.html'), gpu: join(site, 'gpu.html'), ...packages, ...libraries },
        // The programs import the package's entries: all that they export stays, under the names that errors and `print(model)` show.
        preserveEntrySignatures: 'strict',
        output: { keepNames: true, entryFileNames: ({ name }) => (names.has(name) ? '[name].js' : 'assets/[name]-[hash].js') },
      },
    },
  });
  const page = readFileSync(join(out, 'program.html'), 'utf8');
  rmSync(join(out, 'program.html'));
  mkdirSync(join(out, 'programs'));
  for (const program of programs) {
    writeFileSync(join(out, `${program.name}.html`), fill(page, program));
    writeFileSync(join(out, `programs/${program.name}.js`), toJavaScript(readFileSync(join(root, `examples/${program.name}.ts`), 'utf8')));
  }
  if (images === undefined || !existsSync(images)) return;
  mkdirSync(join(out, 'fashion-mnist'));
  for (const file of readdirSync(images).filter((file) => file.endsWith('-ubyte.gz'))) copyFileSync(join(images, file), join(out, 'fashion-mnist', file));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [out, images] = process.argv.slice(2);
  await buildSite(resolve(out), images);
}
