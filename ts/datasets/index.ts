/**
 * Data sets, read or made. PyTorch: `torchvision.datasets`; the makers are scikit-learn's.
 * @module
 */
export type { OnDownload, PublishedFile } from './download.js';
export { FashionMNIST, MNIST, type MnistOptions, type MnistRootOptions } from './mnist.js';
