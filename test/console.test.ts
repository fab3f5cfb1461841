// Consoles and notebooks. Node's inspector is called as console.log calls it; Deno's calls the same method.
import { inspect } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import * as torch from '../dist/index.js';
import { registerFormatter } from '../dist/runtime/console.js';

const { nn, optim } = torch;
type Bundle = Record<string, string>;
const display = (x: object): Bundle => (x as Record<symbol, () => Bundle>)[Symbol.for('Jupyter.display')]!();

describe("Node's console", () => {
  test('alone, nested, indented', () => {
    const x = torch.tensor([[1, 2], [3, 4]]);
    expect(inspect(x)).toBe('tensor([[1, 2],\n        [3, 4]])');
    expect(inspect([x])).toBe('[\n  tensor([[1, 2],\n          [3, 4]])\n]');
    expect(inspect({ x, at: [x.shape, x.dtype] })).toBe('{\n  x: tensor([[1, 2],\n          [3, 4]]),\n  at: [ torch.Size([2, 2]), torch.int64 ]\n}');
  });

  test.each<[string, () => object, string]>([
    ['a parameter', () => new nn.Parameter(torch.ones(1)), 'Parameter containing:\ntensor([1.], requires_grad=True)'],
    ['a module', () => new nn.Sequential(new nn.ReLU()), 'Sequential(\n  (0): ReLU()\n)'],
    ['a state dict', () => new nn.PReLU().stateDict(), "OrderedDict([('weight', tensor([0.2500]))])"],
    ['a result', () => torch.tensor([3, 1]).max(0), 'torch.return_types.max(\nvalues=tensor(3),\nindices=tensor(0))'],
    ['a device', () => torch.device('cpu'), "device(type='cpu')"],
    ['limits', () => torch.iinfo(torch.uint8), 'iinfo(min=0, max=255, dtype=uint8)'],
    ['a slice', () => torch.slice(1, 2), 'slice(1, 2, None)'],
    ['a node', () => torch.ones(1, { requiresGrad: true }).mul(2).gradFn!, '<MulBackward0>'],
    ['a generator', () => torch.defaultGenerator, '<torch._C.Generator object at 0x0>'],
  ])('%s', (_, make, text) => {
    expect(inspect(make())).toBe(text);
  });

  test('an optimizer', () => {
    expect(inspect(new optim.SGD([new nn.Parameter(torch.ones(1))], { lr: 0.5 }))).toMatch(/^SGD \(\nParameter Group 0\n {4}dampening: 0\n/);
  });

  test('a state dict stays a plain object', () => {
    const dict = new nn.PReLU().stateDict();
    expect(Object.keys(dict)).toEqual(['weight']);
    expect(Object.getPrototypeOf(dict)).toBe(Object.prototype);
    expect(String(new nn.PReLU().loadStateDict(dict))).toBe('<All keys matched successfully>');
  });

  test('what is disposed, and what is no instance, does not throw', () => {
    const x = torch.ones(2);
    x.dispose();
    expect(inspect([x])).toBe('[ tensor(<disposed>) ]');
    expect(display(x)['text/html']).toBe('<pre>tensor(&#60;disposed&#62;)</pre>');
    expect(() => inspect(torch.Tensor.prototype)).not.toThrow();
    expect(() => inspect(nn.Module.prototype)).not.toThrow();
  });
});

describe('notebooks', () => {
  test('a table of what the text shows', () => {
    const x = torch.tensor([[1.5, -2], [0, NaN]], { requiresGrad: true });
    const { 'text/plain': text, 'text/html': html } = display(x) as { 'text/plain': string; 'text/html': string };
    expect(text).toBe(String(x));
    const cells = [...html.matchAll(/<td[^>]*>([^<]*)<\/td>/g)].map((m) => m[1]);
    expect(cells).toEqual(['1.5000', '-2.0000', '0.0000', 'nan']);
    expect(html.match(/<tr>/g)).toHaveLength(2);
    expect(html).toContain('<caption>tensor of shape [2, 2], torch.float32, requires_grad=True</caption>');
  });

  test('long ones are cut as in the text', () => {
    const row = [...display(torch.arange(2000))['text/html']!.matchAll(/<td[^>]*>([^<]*)<\/td>/g)].map((m) => m[1]);
    expect(row).toEqual(['0', '1', '2', '...', '1997', '1998', '1999']);
    const square = display(torch.zeros(50, 50))['text/html']!;
    expect(square.match(/<tr>/g)).toHaveLength(7);
    expect(square.match(/<td/g)).toHaveLength(49);
  });

  test('everything else is its text', () => {
    expect(display(torch.tensor(7))['text/html']).toBe('<pre>tensor(7)</pre>');
    expect(display(torch.ones(1, 1, 1).mul(2))['text/html']).toBe('<pre>tensor([[[2.]]])</pre>');
    expect(display(torch.zeros(0))['text/html']).toBe('<pre>tensor([])</pre>');
    expect(display(new nn.Linear(1, 2))).toEqual({
      'text/plain': 'Linear(in_features=1, out_features=2, bias=True)',
      'text/html': '<pre>Linear(in_features=1, out_features=2, bias=True)</pre>',
    });
  });

  test('a figure is drawn', async () => {
    const bundle = await (display(torch.plot.histogram([1, 2, 2, 3])) as unknown as Promise<Bundle>);
    expect(bundle['image/svg+xml']).toMatch(/^<svg/);
  });
});

describe("a page's developer tools", () => {
  interface Tools {
    devtoolsFormatters?: { header(x: unknown): unknown; hasBody(x: unknown): boolean }[];
  }
  const tools = globalThis as Tools;
  afterEach(() => {
    vi.unstubAllGlobals();
    delete tools.devtoolsFormatters;
  });

  test('nothing outside of pages', () => {
    registerFormatter();
    expect(tools.devtoolsFormatters).toBeUndefined();
  });

  test('once in a page, beside those of others', () => {
    vi.stubGlobal('document', {});
    const other = { header: () => null, hasBody: () => false };
    tools.devtoolsFormatters = [other];
    registerFormatter();
    registerFormatter();
    expect(tools.devtoolsFormatters).toHaveLength(2);
    const ours = tools.devtoolsFormatters[1]!;
    expect(ours.header(torch.tensor([1]))).toEqual(['span', { style: expect.stringContaining('white-space: pre') as string }, 'tensor([1])']);
    expect(ours.header(new nn.ReLU())).toEqual(['span', expect.anything(), 'ReLU()']);
    expect(ours.hasBody(torch.tensor([1]))).toBe(false);
    for (const foreign of [null, undefined, 1, 'x', {}, [], () => 1]) expect(ours.header(foreign)).toBeNull();
  });
});
