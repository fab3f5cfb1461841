/**
 * The programs the site shows: a page each, in this order.
 * `glyph` is the drawing on the card, on a field of 64 x 40.
 */
export const programs = [
  {
    name: 'nonlinear',
    title: 'Why layers need something between them',
    line: 'A linear model, a deeper linear one, and networks with ReLU, Tanh and ELU on the same twelve features.',
    glyph: '<path d="M4 34 L28 34 L60 6"/><path class="faint" d="M4 30 L60 14"/>',
  },
  {
    name: 'circles',
    title: 'Circles and moons',
    line: 'Two rings that no straight line divides; the network’s decision boundary, for five activations.',
    glyph: '<circle cx="20" cy="20" r="16"/><circle class="faint" cx="20" cy="20" r="8"/>',
  },
  {
    name: 'fashion',
    title: 'Clothes in 28 by 28 pixels',
    line: 'FashionMNIST: a walk through the layers, then training on 6,000 images; what the network sees in a boot.',
    glyph: '<path d="M20 5 L10 10 L4 18 L11 22 L14 19 L14 36 L42 36 L42 19 L45 22 L52 18 L46 10 L36 5 C33 11 23 11 20 5 Z"/>',
  },
  {
    name: 'temperature',
    title: 'A thermometer without a scale',
    line: 'Regression from eleven readings: a loss of one’s own, then a small network; weights and gradients in sight.',
    glyph: '<path d="M6 34 C24 32 40 24 58 6"/><g class="dots"><circle cx="12" cy="31" r="2.4"/><circle cx="22" cy="33" r="2.4"/><circle cx="31" cy="25" r="2.4"/><circle cx="41" cy="23" r="2.4"/><circle cx="50" cy="11" r="2.4"/></g>',
  },
  {
    name: 'classifier',
    title: 'Losses and optimizers, side by side',
    line: 'One classifier trained by SGD, Adam, AdamW, Adadelta, Adagrad, RMSprop and LBFGS.',
    glyph: '<path d="M4 6 C14 30 30 34 60 35"/><path class="faint" d="M4 6 C24 12 30 30 60 32"/><path class="faint" d="M4 6 C34 8 44 22 60 26"/>',
  },
];
