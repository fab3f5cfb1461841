/**
 * A figure: a Vega-Lite specification, and ways to show it. Vega draws SVG without a browser; it and Vega-Lite are
 * optional packages, loaded when the first figure is drawn.
 * @module
 */
import { TorchError } from '../errors.js';
import { writeFileSync } from '../io/files.js';

/** A Vega-Lite specification (https://vega.github.io/vega-lite/docs/spec.html), or a part of one. */
export type Spec = Record<string, unknown>;

/** The look of every figure: white ground, quiet grid, the colour-blind-safe palette of Okabe and Ito. */
const CONFIG: Spec = {
  background: 'white',
  font: 'Helvetica, Arial, sans-serif',
  view: { stroke: '#ccc' },
  axis: { gridColor: '#eee', labelColor: '#444', titleColor: '#222', titleFontWeight: 'normal' },
  title: { fontSize: 13, fontWeight: 'bold', anchor: 'middle' },
  range: { category: ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#999999'] },
};

async function vega(): Promise<{ vega: typeof import('vega'); lite: typeof import('vega-lite') }> {
  try {
    const [vega, lite] = await Promise.all([import('vega'), import('vega-lite')]);
    return { vega, lite };
  } catch (error) {
    throw new TorchError('plot: drawing needs the packages vega and vega-lite: npm install vega vega-lite', { cause: error });
  }
}

/** A picture to be drawn: `await figure.svg()`, `await figure.save('loss.svg')`. Made by the functions of `torch.plot`. */
export class Figure {
  /** The specification without the common look; may be changed before drawing. */
  readonly spec: Spec;

  constructor(spec: Spec) {
    this.spec = spec;
  }

  /** The whole Vega-Lite specification, to be handed to other tools. */
  toJSON(): Spec {
    return { $schema: 'https://vega.github.io/schema/vega-lite/v6.json', config: CONFIG, ...this.spec };
  }

  /** The picture as the text of an SVG file. */
  async svg(): Promise<string> {
    const { vega: v, lite } = await vega();
    const compiled = lite.compile(this.toJSON() as never, { logger: v.logger(v.Error) }).spec;
    const view = new v.View(v.parse(compiled), { renderer: 'none', logLevel: v.Error });
    try {
      return await view.toSVG();
    } finally {
      view.finalize();
    }
  }

  /** Writes the picture to a .svg file (Node, Deno, Bun). */
  async save(path: string): Promise<void> {
    writeFileSync(path, await this.svg());
  }

  /** What a notebook shows: the drawn picture; without the packages that draw, the specification for those that can. @internal */
  async [Symbol.for('Jupyter.display')](): Promise<Spec> {
    const spec = { 'application/vnd.vegalite.v5+json': this.toJSON() };
    try {
      return { 'image/svg+xml': await this.svg() };
    } catch (error) {
      return { ...spec, 'text/plain': `Figure (not drawn: ${error instanceof Error ? error.message : String(error)})` };
    }
  }
}

/** Figures side by side. */
export function row(...figures: Figure[]): Figure {
  return new Figure({ hconcat: figures.map((figure) => figure.spec), resolve: { scale: { color: 'independent' } } });
}

/** Figures one above the other. */
export function column(...figures: Figure[]): Figure {
  return new Figure({ vconcat: figures.map((figure) => figure.spec), resolve: { scale: { color: 'independent' } } });
}
