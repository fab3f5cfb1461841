// npm run site [-- --port N] [-- --build]: the programs of examples/ in a page each, to be changed and run.
//
//   --port N    where it is served (default 8080; 0: any free port)
//   --build     only writes the folder, for a server of one's own
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { fail, fingerprint, isFresh, root, say, script, seconds, stamp } from './lib.mjs';
import { fashionImages, setup } from './setup.mjs';

const OUT = '.cache/site';

function readFlags() {
  try {
    const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' }, build: { type: 'boolean', default: false } } });
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > 65535) fail(`--port ${values.port}: it must be a whole number from 0 to 65535.`);
    return { port, only: values.build };
  } catch (error) {
    return fail(error.message);
  }
}

await script(async () => {
  const { port, only } = readFlags();
  await setup(['npm', 'wasm', 'images']);
  await build();
  const start = performance.now();
  const images = fashionImages();
  const print = fingerprint(['site', 'examples', 'dist', 'package-lock.json'], [images]);
  if (!isFresh('site', print) || !existsSync(join(root, OUT, 'index.html'))) {
    // Not before the set-up: it needs the npm packages.
    const { buildSite } = await import('../site/build.mjs');
    await buildSite(join(root, OUT), images);
    stamp('site', print);
    say(`site: built (${seconds(start)})${images ? '' : ', without the FashionMNIST images, which the program "fashion" needs'}`);
  }
  if (only) return say(`site: ${OUT}/ is there`);
  const { serve } = await import('../site/serve.mjs');
  const { url } = await serve(join(root, OUT), port).catch((error) => fail(`The site cannot be served: ${error.message}. Another port: npm run site -- --port 0`));
  console.log(`${url}    (Ctrl-C ends it)`);
});
