// What a feature stack does, on paper: sizes, parameters, multiplications and receptive fields of its layers.
// The same rules as in crnn_lessons.models (grammar.py, parts.py, unet.py), in whole numbers.

const FORMS = {
  conv: { counts: [1, 3], options: ["stride", "pad", "bias", "plain", "linear"] },
  pool: { counts: [2], options: ["stride", "pad"] },
  block: { counts: [1, 3], options: ["stride"] },
  fmp: { counts: [2], options: [] },
  unet: { counts: [2, 3, 4, 5, 6], options: [] },
  up: { counts: [3], options: [] },
  keep: { counts: [0], options: [] },
};

/** Examples of every kind of layer, for a list to choose from. */
export const EXAMPLES = ["conv 64", "conv 64 2 2", "pool 2 2", "pool 2 1", "pool 2 2 stride 2 1 pad 0 1", "block 64", "block 64 stride 2 1", "fmp 0.7 0.9", "unet 64 128", "up 64 1 2", "keep"];

/** One layer's text as numbers; null where it is no layer. */
export function parseLayer(text) {
  const [kind, ...rest] = text.trim().split(/\s+/), form = FORMS[kind];
  if (!Object.hasOwn(FORMS, kind)) return null;
  const cut = rest.findIndex((word) => /^\p{L}+$/u.test(word)), words = cut < 0 ? [] : rest.slice(cut);
  const numbers = cut < 0 ? rest : rest.slice(0, cut);
  const shape = kind === "fmp" ? /^0\.\d+$/ : /^[1-9]\d{0,4}$/;
  if (!form.counts.includes(numbers.length) || !numbers.every((n) => shape.test(n))) return null;
  const values = numbers.map(Number), given = {};
  if (kind === "fmp") return words.length || Math.min(...values) < 0.5 ? null : { text, kind, channels: [], kernel: [3, 3], stride: [1, 1], padding: [0, 0], ratio: values, given };
  while (words.length) {
    const word = words.shift();
    if (!form.options.includes(word) || word in given) return null;
    given[word] = true;
    if (word !== "stride" && word !== "pad") continue;
    const pair = words.splice(0, 2);
    if (pair.length < 2 || !pair.every((n) => /^\d{1,3}$/.test(n))) return null;
    given[word] = pair.map(Number);
    if (word === "stride" && given.stride.includes(0)) return null;
  }
  if (["bias", "plain", "linear"].filter((word) => given[word]).length > 1) return null;
  const channels = { pool: [], unet: values, keep: [] }[kind] ?? values.slice(0, 1);
  const written = kind !== "unet" && values.length >= 2 ? values.slice(-2) : null;
  const padding = given.pad ?? ((kind === "conv" || kind === "block") && !written ? [1, 1] : [0, 0]);
  const kernel = written ?? (kind === "keep" || kind === "unet" ? null : [3, 3]);
  if (kind === "pool" && padding.some((p, axis) => 2 * p > kernel[axis])) return null;
  return { text, kind, channels, kernel, written: written !== null, stride: given.stride ?? (kind === "pool" || kind === "up" ? kernel : [1, 1]), padding, given };
}

const shrunk = (size, kernel, stride, padding) => (size > 0 ? Math.max(0, Math.floor((size + 2 * padding - kernel) / stride) + 1) : 0);
const seen = ([first, last], kernel, stride, padding, size) => [Math.max(0, first * stride - padding), Math.min(size - 1, last * stride - padding + kernel - 1)];
const half = (size) => Math.floor(size / 2);

/** Size along an axis (0 rows, 1 columns) after a layer; `image` is the size of the image. */
export function sizeAfter(layer, axis, size, image) {
  if (layer.kind === "fmp") {
    const out = Math.trunc(size * layer.ratio[axis]);
    return out + 2 <= size ? out : 0;
  }
  if (layer.kind === "unet") return size >> (layer.channels.length - 1) ? size : 0;
  if (layer.kind === "up") return size * layer.kernel[axis];
  if (layer.kind === "keep") return axis === 0 || size === 0 ? size : image;
  return shrunk(size, layer.kernel[axis], layer.stride[axis], layer.padding[axis]);
}

/** The first and last of `size` inputs that the outputs of a span depend on. */
export function reach(layer, axis, span, size, image) {
  const { kind, kernel, stride, padding } = layer;
  if (kind === "fmp") {
    const out = sizeAfter(layer, axis, size, image), room = size - 3, steps = 2 * Math.max(1, out - 1);
    const place = (i) => (i === out - 1 ? room : Math.floor(((2 * i + 1) * room) / steps) - Math.floor(room / steps));
    return [place(span[0]), place(span[1]) + 2];
  }
  if (kind === "unet") return reachUNet(layer.channels.length, span, size);
  if (kind === "up") return span.map((i) => Math.floor(i / kernel[axis]));
  if (kind === "keep") return axis === 0 ? span : span.map((i) => Math.floor((i * size) / image));
  const own = kind === "block" ? seen(span, 3, 1, 1, sizeAfter(layer, axis, size, image)) : span;
  return seen(own, kernel[axis], stride[axis], padding[axis], size);
}

function reachUNet(levels, span, size) {
  const both = seen(span, 3, 1, 1, size);
  if (levels === 1) return both;
  let [left, right] = seen(both, 3, 1, 1, size);
  const below = half(size);
  if (both[0] < 2 * below) {
    const [low, high] = reachUNet(levels - 1, [half(both[0]), Math.min(half(both[1]), below - 1)], below);
    const wide = seen([2 * low, 2 * high + 1], 3, 1, 1, size);
    [left, right] = [Math.min(left, wide[0]), Math.max(right, wide[1])];
  }
  return [left, right];
}

/** Output channels, parameters (of the layer itself, of its norms) and multiply-adds for an input of a size. */
export function costs(layer, channels, [height, width]) {
  const { kind, given, kernel } = layer, out = layer.channels[0] ?? channels;
  const places = sizeAfter(layer, 0, height, 0) * sizeAfter(layer, 1, width, 0);
  if (kind === "conv") {
    const weights = out * channels * kernel[0] * kernel[1], bias = given.bias || given.plain || given.linear;
    return { out, own: weights + (bias ? out : 0), norm: given.plain || given.linear ? 0 : 2 * out, work: weights * places };
  }
  if (kind === "block") {
    const first = out * channels * kernel[0] * kernel[1], second = 9 * out * out;
    const changes = channels !== out || layer.stride.some((s) => s !== 1);
    const shortcut = layer.written ? first : changes ? out * channels : 0;
    const weights = first + second + shortcut;
    return { out, own: weights + (layer.written ? 3 * out : 0), norm: 4 * out + (!layer.written && changes ? 2 * out : 0), work: weights * places };
  }
  if (kind === "up") {
    const weights = channels * out * kernel[0] * kernel[1];
    return { out, own: weights, norm: 2 * out, work: weights * height * width };
  }
  if (kind === "unet") return { out, ...costsUNet(layer.channels, channels, height, width) };
  return { out, own: 0, norm: 0, work: 0 };
}

function costsUNet([own, ...below], channels, height, width) {
  const before = 9 * channels * own, total = { own: before, norm: 2 * own, work: before * height * width };
  if (!below.length) return total;
  const inner = costsUNet(below, own, half(height), half(width)), up = below[0] * own * 4, after = 9 * 2 * own * own;
  return {
    own: total.own + inner.own + up + own + after,
    norm: total.norm + inner.norm + 2 * own,
    work: total.work + inner.work + up * half(height) * half(width) + after * height * width,
  };
}

/** Size along one axis before the first layer and after each. */
export function sizesAlong(stack, axis, image) {
  const sizes = [image];
  for (const layer of stack) sizes.push(sizeAfter(layer, axis, sizes.at(-1), image));
  return sizes;
}

/** What an output depends on at every level, from the image up: [[first, last], ...], one more than layers. */
export function spansOf(stack, axis, index, image, sizes = sizesAlong(stack, axis, image)) {
  const spans = [[index, index]];
  for (let i = stack.length - 1; i >= 0; i--) spans.unshift(reach(stack[i], axis, spans[0], sizes[i], image));
  return spans;
}

/** The widest receptive field along one axis after each layer. */
export function fields(stack, axis, image) {
  const sizes = sizesAlong(stack, axis, image);
  return stack.map((_, i) => {
    let widest = 0;
    const part = stack.slice(0, i + 1);
    for (let index = 0; index < sizes[i + 1]; index++) {
      const [first, last] = spansOf(part, axis, index, image, sizes)[0];
      widest = Math.max(widest, last - first + 1);
    }
    return widest;
  });
}
