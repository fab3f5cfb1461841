// Networks of rows/layers.mjs, as modules of ours.

/** The module of a list of layers. */
export function build(torch, layers) {
  const { nn } = torch;
  class Residual extends nn.Module {
    constructor(main, shortcut) {
      super();
      this.main = build(torch, main);
      this.shortcut = build(torch, shortcut);
    }

    forward(x) {
      return nn.functional.relu(this.main(x).add(this.shortcut(x)));
    }
  }
  const make = {
    linear: (inputs, outputs) => new nn.Linear(inputs, outputs),
    conv: (inputs, outputs, size, stride, padding) => new nn.Conv2d(inputs, outputs, size, { stride, padding }),
    relu: () => new nn.ReLU(),
    tanh: () => new nn.Tanh(),
    flatten: () => new nn.Flatten(),
    maxpool: (size) => new nn.MaxPool2d(size),
    globalavgpool: () => new nn.AdaptiveAvgPool2d(1),
    batchnorm: (channels) => new nn.BatchNorm2d(channels),
    residual: (main, shortcut) => new Residual(main, shortcut),
  };
  return new nn.Sequential(...layers.map(([kind, ...args]) => make[kind](...args)));
}
