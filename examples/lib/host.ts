/**
 * What differs between the places a program runs in: Node and Deno, a page, a worker. Everything else in examples/ is the
 * same file everywhere, and prints the same text.
 *
 * Whoever embeds a program (a site, a test page) says what it wants done, before the program is imported; the rest is
 * done in the runtime's own way:
 *
 * ```ts
 * globalThis.cressetHost = { args: ['42'], print: (text) => postMessage({ text }), picture: (name, svg) => postMessage({ name, svg }) };
 * await import('./circles.js');
 * ```
 * @module
 */

/** What a program asks of the place it runs in. */
export interface Host {
  /** What is given to the program: the seed, then what else it takes. */
  readonly args: readonly string[];
  /** The device that networks are trained on: `cpu` or `webgpu`. */
  readonly device: string;
  /** Shows text (one line or several), and goes to the next line. */
  print(text: string): void;
  /** Shows one line beside the output. */
  warn(line: string): void;
  /** Keeps a picture, the text of an SVG file, under a name such as `circles/moons_ReLU`. Null: pictures are not even drawn. */
  readonly picture: ((name: string, svg: string) => void | Promise<void>) | null;
  /** Where FashionMNIST's four `.gz` files are: a folder, or an absolute URL. */
  images(): string;
}

/** Node's own globals, as far as they are there. */
type Runtime = Pick<NodeJS.Process, 'argv' | 'env' | 'getBuiltinModule'>;

/** Node and Deno: arguments of the command line, text to stdout, pictures to runs/, images where Debian puts them; `--device webgpu` anywhere. */
function commandLine(process: Runtime): Host {
  const args = process.argv.slice(2);
  const at = args.indexOf('--device');
  const [, device = 'cpu'] = at < 0 ? [] : args.splice(at, 2);
  return {
    args,
    device,
    print: (text) => console.log(text),
    warn: (line) => console.warn(line),
    picture: (name, svg) => {
      // Not by `import`: a page would have to resolve it.
      const { mkdirSync, writeFileSync } = process.getBuiltinModule('node:fs');
      const file = `runs/${name}.svg`;
      mkdirSync(file.slice(0, file.lastIndexOf('/')), { recursive: true });
      writeFileSync(file, svg);
    },
    images: () => process.env['CRESSET_FASHION_MNIST'] || '/usr/share/datasets/fashion-mnist',
  };
}

/**
 * A page or a worker that nobody prepared. `?seed=7&images=URL&device=webgpu` after its address gives the seed, the place of the
 * images (else fashion-mnist/ beside it) and the device; text goes to the console, in a page to its end too; pictures to the page's end.
 */
function browser(): Host {
  const asked = new URLSearchParams(location.search);
  const seed = asked.get('seed');
  const page = typeof document === 'undefined' ? null : document.body;
  let output: HTMLElement | undefined;
  return {
    args: seed === null ? [] : [seed],
    device: asked.get('device') ?? 'cpu',
    print: (text) => {
      console.log(text);
      output ??= page?.appendChild(document.createElement('pre'));
      output?.append(`${text}\n`);
    },
    warn: (line) => console.warn(line),
    picture: page && ((name, svg) => {
      const image = page.appendChild(document.createElement('img'));
      image.alt = name;
      image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
    }),
    images: () => new URL(asked.get('images') ?? 'fashion-mnist', location.href).href,
  };
}

const { cressetHost, process } = globalThis as { cressetHost?: Partial<Host>; process?: Partial<Runtime> };

/** The place this program runs in. */
export const host: Host = { ...(process?.getBuiltinModule ? commandLine(process as Runtime) : browser()), ...cressetHost };
