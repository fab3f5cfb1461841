/**
 * MNIST and FashionMNIST: 70,000 grey images of 28x28 pixels in ten classes, as four IDX files.
 * @module
 */
import { tensor } from '../creation.js';
import { Dataset } from '../data/dataset.js';
import { int64 } from '../dtype.js';
import { ArgumentError, IndexError } from '../errors.js';
import { FileError, type Source, fsModule, gunzip, gunzipSync, isUrl, nameOf, pathModule, readBytes, readFileSync } from '../io/files.js';
import { type Idx, idxTensor, parseIdx } from '../io/idx.js';
import type { Tensor } from '../tensor.js';
import { type OnDownload, type PublishedFile, download, findFile, store } from './download.js';
import { shown } from '../runtime/console.js';

/** Options of {@link MNIST} and {@link FashionMNIST}; names and defaults are torchvision's. */
export interface MnistOptions<X = Tensor, Y = number> {
  /** The 60,000 training images (default) or the 10,000 test images. */
  train?: boolean;
  /** From the uint8 [28, 28] image to what an item holds. Default: float32 [1, 28, 28] from 0 to 1, torchvision's `ToTensor`. */
  transform?: (image: Tensor) => X;
  /** From the class number to what an item holds. Default: the number. */
  targetTransform?: (target: number) => Y;
  /** Fetch what is missing from the data set's mirrors and keep it. Only {@link MNIST.load}, which is asynchronous, can. */
  download?: boolean;
  /** Where to fetch from instead of the published mirrors; the file names are appended. */
  mirrors?: readonly string[];
  /** Called while files are downloaded. */
  onDownload?: OnDownload;
}

/** {@link MnistOptions} with the folder. */
export interface MnistRootOptions<X = Tensor, Y = number> extends MnistOptions<X, Y> {
  /** The folder with the files, or the folder with `FashionMNIST/raw/` (`MNIST/raw/`) in it, as torchvision lays it out. */
  root: string;
}

/** The published files of one data set. @internal */
export interface Published {
  readonly name: string;
  readonly classes: readonly string[];
  readonly mirrors: readonly string[];
  /** SHA-256 of the .gz files as published: training images and labels, test images and labels. */
  readonly digests: readonly [string, string, string, string];
  readonly help: string;
}

const FILES = ['train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz', 't10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz'];

/** The two parts of a data set in memory. */
interface Parts {
  images: Idx;
  labels: Idx;
}

/** Images with labels: what {@link MNIST} and {@link FashionMNIST} have in common. */
class Images<X = Tensor, Y = number> extends Dataset<[X, Y]> {
  /** The images: uint8 [N, 28, 28]. */
  readonly data: Tensor;
  /** The class numbers: int64 [N]. */
  readonly targets: Tensor;
  /** Whether these are the training images. */
  readonly train: boolean;
  /** The names of the classes, by number. */
  readonly classes: readonly string[];
  /** The class numbers once more, to hand out without reading the tensor. */
  readonly #labels: Uint8Array;
  readonly #transform: ((image: Tensor) => X) | undefined;
  readonly #targetTransform: ((target: number) => Y) | undefined;
  readonly #published: Published;
  readonly #root: string;

  /** @internal */
  constructor(published: Published, given: string | MnistRootOptions<X, Y> | Loaded<X, Y>, more?: MnistOptions<X, Y>) {
    super();
    const { root, parts, options } = given instanceof Loaded ? given : readSync(published, ...normalise(published, given, more));
    this.#published = published;
    this.#root = root;
    this.train = options.train ?? true;
    this.classes = published.classes;
    this.data = idxTensor(parts.images);
    this.#labels = parts.labels.data as Uint8Array;
    this.targets = tensor(BigInt64Array.from(this.#labels, BigInt), { dtype: int64 });
    this.#transform = options.transform;
    this.#targetTransform = options.targetTransform;
    // Offered only where it gives what the samples, stacked, would give.
    if (this.#transform === undefined && this.#targetTransform === undefined) this.getBatch = (indices) => this.#batch(indices);
  }

  /** The number of images. */
  override get length(): number {
    return this.#labels.length;
  }

  /** Class numbers by name. PyTorch: `dataset.class_to_idx`. */
  get classToIdx(): Record<string, number> {
    return Object.fromEntries(this.classes.map((name, i) => [name, i]));
  }

  /** An index from 0; negative ones count from the end. */
  #index(index: number): number {
    const i = index < 0 ? index + this.length : index;
    if (Number.isInteger(i) && i >= 0 && i < this.length) return i;
    throw new IndexError(`${this.#published.name}: index ${index} is out of range for ${this.length} images`);
  }

  /** Image and class number of one item, after the transforms. @throws {@link IndexError} if there is no such item. */
  override getItem(index: number): [X, Y] {
    const i = this.#index(index);
    const label = this.#labels[i]!;
    const target = this.#targetTransform === undefined ? (label as Y) : this.#targetTransform(label);
    const image = this.data.select(0, i);
    const x = this.#transform === undefined ? (toTensor(image, 0) as X) : this.#transform(image);
    // A transform may hand the image on, or a view of it; the view stays readable, since it shares the storage.
    if ((x as unknown) !== image) image.dispose();
    return [x, target];
  }

  /** Many items at once: one gather instead of a tensor per image. */
  #batch(indices: readonly number[]): [Tensor, Tensor] {
    const list = tensor(indices.map((i) => this.#index(i)), { dtype: int64 });
    const images = this.data.indexSelect(0, list);
    const batch: [Tensor, Tensor] = [toTensor(images, 1), this.targets.indexSelect(0, list)];
    list.dispose();
    images.dispose();
    return batch;
  }

  /** The text PyTorch prints for a data set. */
  override toString(): string {
    const lines = [`Number of datapoints: ${this.length}`, `Root location: ${this.#root}`, `Split: ${this.train ? 'Train' : 'Test'}`];
    return [`Dataset ${this.#published.name}`, ...lines.map((line) => `    ${line}`)].join('\n');
  }

  static {
    shown(this.prototype);
  }
}

/** A data set read beforehand, on its way into the constructor. */
class Loaded<X, Y> {
  constructor(readonly root: string, readonly parts: Parts, readonly options: MnistOptions<X, Y>) {}
}

/** uint8 [28, 28] of 0..255 to float32 [1, 28, 28] of 0..1, torchvision's ToTensor; with a batch before, the channel stands at `dim` 1. */
function toTensor(image: Tensor, dim: number): Tensor {
  const floats = image.float();
  const x = floats.div_(255).unsqueeze(dim);
  floats.dispose();
  return x;
}

function normalise<X, Y>(published: Published, given: string | MnistRootOptions<X, Y>, more?: MnistOptions<X, Y>): [string, MnistOptions<X, Y>] {
  const options = typeof given === 'string' ? { ...more } : { ...given };
  const root = typeof given === 'string' ? given : given?.root;
  if (typeof root !== 'string') throw new ArgumentError(`${published.name}: root must be the folder of the image files; it is ${String(root)}`);
  return [root, options];
}

/** The folders in which a root's files may lie; the last is where downloads go. */
function foldersOf(published: Published, root: string): string[] {
  const path = pathModule();
  return path === undefined ? [root] : [root, path.join(root, published.name, 'raw')];
}

function missing(published: Published, name: string, folders: readonly string[], advice: string): FileError {
  return new FileError(`${name}: no such file (nor without .gz) in ${folders.join(' or ')}. ${advice} ${published.help}`.trimEnd());
}

/** The two files of one half, in the order images, labels. */
function filesOf(published: Published, train: boolean): PublishedFile[] {
  const first = train ? 0 : 2;
  return [first, first + 1].map((i) => ({ name: FILES[i]!, sha256: published.digests[i]! }));
}

function check(images: Idx, labels: Idx, names: readonly [string, string]): Parts {
  for (const [idx, rank, name, what] of [[images, 3, names[0], 'images [N, 28, 28]'], [labels, 1, names[1], 'labels [N]']] as const) {
    if (idx.shape.length !== rank || !(idx.data instanceof Uint8Array)) {
      throw new FileError(`${name}: holds [${idx.shape.join(', ')}], not ${what} of bytes; are two files swapped?`);
    }
  }
  if (images.shape[0] !== labels.shape[0]) {
    throw new FileError(`${names[1]}: ${labels.shape[0]} labels for the ${images.shape[0]} images of ${names[0]}; they are of different sets`);
  }
  return { images, labels };
}

function readSync<X, Y>(published: Published, root: string, options: MnistOptions<X, Y>): Loaded<X, Y> {
  const name = published.name;
  if (fsModule() === undefined || isUrl(root)) throw new FileError(`${name}: ${root} cannot be read at once; write await ${name}.load('${root}', ...)`);
  const folders = foldersOf(published, root);
  const paths = filesOf(published, options.train ?? true).map((file) => {
    const advice = options.download ? `Downloading is asynchronous: write await ${name}.load(...).` : `To download: await ${name}.load('${root}', { download: true }).`;
    return findFile(folders, file.name) ?? fail(missing(published, file.name, folders, advice));
  });
  const [images, labels] = paths.map((path) => parseIdx(gunzipSync(readFileSync(path), path), path));
  return new Loaded(root, check(images!, labels!, paths as [string, string]), options);
}

function fail(error: Error): never {
  throw error;
}

/** Where to read a file from: the folder, its URL, or the mirrors (what they give is kept in the folder). */
async function locate<X, Y>(published: Published, root: string, file: PublishedFile, options: MnistOptions<X, Y>): Promise<Source> {
  if (isUrl(root)) return root.replace(/\/*$/, '/') + file.name;
  const folders = foldersOf(published, root);
  const found = findFile(folders, file.name);
  if (found !== undefined) return found;
  if (!options.download) throw missing(published, file.name, folders, 'Set { download: true } to fetch it.');
  const bytes = await download(file, options.mirrors ?? published.mirrors, options.onDownload);
  store(folders.at(-1)!, file.name, bytes);
  return bytes;
}

async function readAsync<X, Y>(published: Published, root: string, options: MnistOptions<X, Y>): Promise<Loaded<X, Y>> {
  const files = filesOf(published, options.train ?? true);
  const names: string[] = [];
  const idx: Idx[] = [];
  // One after the other: the labels are small, and the progress of two transfers at once cannot be told.
  for (const file of files) {
    const source = await locate(published, root, file, options);
    const name = source instanceof Uint8Array ? file.name : nameOf(source);
    names.push(name);
    idx.push(parseIdx(await gunzip(await readBytes(source, (n, total) => options.onDownload?.(file.name, n, total)), name), name));
  }
  return new Loaded(root, check(idx[0]!, idx[1]!, names as [string, string]), options);
}

async function fromSources<X, Y>(images: Source, labels: Source, options: MnistOptions<X, Y>): Promise<Loaded<X, Y>> {
  const names = [images, labels].map(nameOf) as [string, string];
  const [x, y] = await Promise.all([images, labels].map(async (source, i) => parseIdx(await gunzip(await readBytes(source), names[i]!), names[i])));
  return new Loaded('', check(x!, y!, names), options);
}

const FASHION: Published = {
  name: 'FashionMNIST',
  classes: ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
  // The addresses in the data set's README (https://github.com/zalandoresearch/fashion-mnist).
  mirrors: ['http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/', 'https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/'],
  digests: [
    '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
    'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
    '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
    '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
  ],
  help: 'On Debian, apt-get install dataset-fashion-mnist puts them into /usr/share/datasets/fashion-mnist.',
};

const DIGITS: Published = {
  name: 'MNIST',
  classes: ['0 - zero', '1 - one', '2 - two', '3 - three', '4 - four', '5 - five', '6 - six', '7 - seven', '8 - eight', '9 - nine'],
  // torchvision's mirror, and TensorFlow's.
  mirrors: ['https://ossci-datasets.s3.amazonaws.com/mnist/', 'https://storage.googleapis.com/cvdf-datasets/mnist/'],
  digests: [
    '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
    '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
    '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
    'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
  ],
  help: '',
};

/**
 * FashionMNIST: articles of clothing; https://arxiv.org/abs/1708.07747. An item is `[image, class number]`.
 *
 * ```ts
 * const train = new torch.datasets.FashionMNIST('/usr/share/datasets/fashion-mnist', { train: true });
 * const test = await torch.datasets.FashionMNIST.load('data', { train: false, download: true });
 * const [image, label] = train.getItem(0); // float32 [1, 28, 28], 9
 * ```
 *
 * The constructor reads local files at once (Node, Deno, Bun); {@link FashionMNIST.load} also downloads, and reads from a
 * URL in a browser. PyTorch: `torchvision.datasets.FashionMNIST`.
 * @throws {@link FileError} naming the file that is missing, cut short or of another kind.
 */
export class FashionMNIST<X = Tensor, Y = number> extends Images<X, Y> {
  constructor(root: string | MnistRootOptions<X, Y>, options?: MnistOptions<X, Y>) {
    super(FASHION, root, options);
  }

  /** Reads from a folder or the URL of one; with `download`, what is missing comes from the data set's mirrors and is kept. */
  static async load<X = Tensor, Y = number>(root: string | MnistRootOptions<X, Y>, options?: MnistOptions<X, Y>): Promise<FashionMNIST<X, Y>> {
    return new FashionMNIST<X, Y>((await readAsync(FASHION, ...normalise(FASHION, root, options))) as never);
  }

  /** Reads one half from its two files, plain or gzipped, by path, URL or bytes. */
  static async from<X = Tensor, Y = number>(images: Source, labels: Source, options: MnistOptions<X, Y> = {}): Promise<FashionMNIST<X, Y>> {
    return new FashionMNIST<X, Y>((await fromSources(images, labels, options)) as never);
  }
}

/**
 * MNIST: handwritten digits. Used as {@link FashionMNIST} is. PyTorch: `torchvision.datasets.MNIST`.
 * @throws {@link FileError} naming the file that is missing, cut short or of another kind.
 */
export class MNIST<X = Tensor, Y = number> extends Images<X, Y> {
  constructor(root: string | MnistRootOptions<X, Y>, options?: MnistOptions<X, Y>) {
    super(DIGITS, root, options);
  }

  /** Reads from a folder or the URL of one; with `download`, what is missing comes from the data set's mirrors and is kept. */
  static async load<X = Tensor, Y = number>(root: string | MnistRootOptions<X, Y>, options?: MnistOptions<X, Y>): Promise<MNIST<X, Y>> {
    return new MNIST<X, Y>((await readAsync(DIGITS, ...normalise(DIGITS, root, options))) as never);
  }

  /** Reads one half from its two files, plain or gzipped, by path, URL or bytes. */
  static async from<X = Tensor, Y = number>(images: Source, labels: Source, options: MnistOptions<X, Y> = {}): Promise<MNIST<X, Y>> {
    return new MNIST<X, Y>((await fromSources(images, labels, options)) as never);
  }
}
