// npm start: sets up what is missing, builds what is stale, and trains on FashionMNIST (examples/train_fashion.ts).
import { script } from './lib.mjs';
import { build } from './build.mjs';
import { runExample } from './example.mjs';
import { setup } from './setup.mjs';

await script(async () => {
  await setup(['npm', 'images']);
  await build();
  return runExample('train_fashion', process.argv.slice(2));
});
