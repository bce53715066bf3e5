// What a feature stack does, on paper: sizes, parameters, multiplications and receptive fields of its layers.
// The same rules as in crnn_lessons.models (grammar.py, parts.py, unet.py, lstm2.py), in whole numbers.
import { range } from "./dom.js";

/** Of each kind of layer, how many numbers may follow, and which words after them. */
const FORMS = {
  conv: { counts: [1, 3], options: ["stride", "pad", "bias", "plain", "linear"] },
  pool: { counts: [2], options: ["stride", "pad"] },
  block: { counts: [1, 3], options: ["stride"] },
  fmp: { counts: [2], options: [] },
  unet: { counts: [2, 3, 4, 5, 6], options: [] },
  up: { counts: [3], options: [] },
  keep: { counts: [0], options: [] },
  lstm2: { counts: [1], options: [] },
};

/** Examples of every kind of layer, for a list to choose from. */
export const EXAMPLES = ["conv 64", "conv 64 2 2", "pool 2 2", "pool 2 1", "pool 2 2 stride 2 1 pad 0 1", "block 64",
  "block 64 stride 2 1", "fmp 0.7 0.9", "unet 64 128", "up 64 1 2", "keep", "lstm2 64"];

/** The words after the numbers, as { stride, pad, bias, plain, linear }; null where they are none. */
function readOptions(words, allowed) {
  const given = {};
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (!allowed.includes(word) || word in given) return null;
    given[word] = true;
    if (word !== "stride" && word !== "pad") continue;
    const pair = words.slice(i + 1, i + 3);
    if (pair.length < 2 || !pair.every((n) => /^\d{1,3}$/.test(n))) return null;
    given[word] = pair.map(Number);
    i += 2;
  }
  if (given.stride?.includes(0) || ["bias", "plain", "linear"].filter((word) => given[word]).length > 1) return null;
  return given;
}

/** One layer's text as numbers; null where it is no layer. */
export function parseLayer(text) {
  const [kind, ...rest] = text.trim().split(/\s+/);
  if (!Object.hasOwn(FORMS, kind)) return null;
  const { counts, options } = FORMS[kind], cut = rest.findIndex((word) => /^\p{L}+$/u.test(word));
  const numbers = cut < 0 ? rest : rest.slice(0, cut), given = readOptions(cut < 0 ? [] : rest.slice(cut), options);
  const shape = kind === "fmp" ? /^0\.\d+$/ : /^[1-9]\d{0,4}$/, values = numbers.map(Number);
  if (!given || !counts.includes(numbers.length) || !numbers.every((n) => shape.test(n))) return null;
  if (kind === "fmp") {
    const layer = { text, kind, channels: [], kernel: [3, 3], stride: [1, 1], padding: [0, 0], ratio: values, given };
    return Math.min(...values) < 0.5 ? null : layer;
  }
  const channels = { pool: [], unet: values, keep: [] }[kind] ?? values.slice(0, 1);
  const written = kind !== "unet" && values.length >= 2 ? values.slice(-2) : null;
  const kernel = written ?? (kind === "keep" || kind === "unet" ? null : [3, 3]);
  const padding = given.pad ?? ((kind === "conv" || kind === "block") && !written ? [1, 1] : [0, 0]);
  const stride = given.stride ?? (kind === "pool" || kind === "up" ? kernel : [1, 1]);
  if (kind === "pool" && padding.some((p, axis) => 2 * p > kernel[axis])) return null;
  return { text, kind, channels, kernel, written: written !== null, stride, padding, given };
}

const half = (size) => Math.floor(size / 2);
const shrunk = (size, kernel, stride, padding) =>
  (size > 0 ? Math.max(0, Math.floor((size + 2 * padding - kernel) / stride) + 1) : 0);
const seen = ([first, last], kernel, stride, padding, size) =>
  [Math.max(0, first * stride - padding), Math.min(size - 1, last * stride - padding + kernel - 1)];

/** Size along an axis (0 rows, 1 columns) after a layer; `image` is the size of the image. */
export function sizeAfter({ kind, ratio, channels, kernel, stride, padding }, axis, size, image) {
  if (kind === "fmp") return Math.trunc(size * ratio[axis]) + 2 <= size ? Math.trunc(size * ratio[axis]) : 0;
  if (kind === "unet") return size >> (channels.length - 1) ? size : 0;
  if (kind === "up") return size * kernel[axis];
  if (kind === "keep") return axis === 0 || size === 0 ? size : image;
  if (kind === "lstm2") return size;
  return shrunk(size, kernel[axis], stride[axis], padding[axis]);
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
  if (kind === "lstm2") return [0, size - 1];
  const own = kind === "block" ? seen(span, 3, 1, 1, sizeAfter(layer, axis, size, image)) : span;
  return seen(own, kernel[axis], stride[axis], padding[axis], size);
}

function reachUNet(levels, span, size) {
  const both = seen(span, 3, 1, 1, size), below = half(size);
  if (levels === 1) return both;
  const [left, right] = seen(both, 3, 1, 1, size);
  if (both[0] >= 2 * below) return [left, right];
  const [low, high] = reachUNet(levels - 1, [half(both[0]), Math.min(half(both[1]), below - 1)], below);
  const wide = seen([2 * low, 2 * high + 1], 3, 1, 1, size);
  return [Math.min(left, wide[0]), Math.max(right, wide[1])];
}

/** Output channels, parameters (of the layer itself, of its norms) and multiply-adds for an input of a size. */
export function costs(layer, channels, [height, width]) {
  const { kind, given, kernel, written } = layer, out = layer.channels[0] ?? channels;
  const places = sizeAfter(layer, 0, height, 0) * sizeAfter(layer, 1, width, 0);
  if (kind === "unet") return { out, ...costsUNet(layer.channels, channels, height, width) };
  const first = kernel && out * channels * kernel[0] * kernel[1];
  if (kind === "conv") {
    const bare = given.plain || given.linear; // without a norm
    return { out, own: first + (given.bias || bare ? out : 0), norm: bare ? 0 : 2 * out, work: first * places };
  }
  if (kind === "block") {
    const changes = channels !== out || layer.stride.some((s) => s !== 1), bypassed = !written && changes;
    const weights = first + 9 * out * out + (written ? first : changes ? out * channels : 0);
    return { out, own: weights + (written ? 3 * out : 0), norm: (bypassed ? 6 : 4) * out, work: weights * places };
  }
  if (kind === "up") return { out, own: first, norm: 2 * out, work: first * height * width };
  if (kind === "lstm2") { // two directions of four gates, along the rows and then along the columns
    const weights = 8 * out * (channels + out) + 8 * out * 3 * out;
    return { out: 2 * out, own: weights + 32 * out, norm: 0, work: weights * places };
  }
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
export const sizesAlong = (stack, axis, image) =>
  stack.reduce((sizes, layer) => [...sizes, sizeAfter(layer, axis, sizes.at(-1), image)], [image]);

/** What an output depends on at every level, from the image up: [[first, last], ...], one more than layers. */
export const spansOf = (stack, axis, index, image, sizes = sizesAlong(stack, axis, image)) =>
  stack.reduceRight((spans, layer, i) => [reach(layer, axis, spans[0], sizes[i], image), ...spans], [[index, index]]);

/** The widest receptive field along one axis after each layer. */
export function fields(stack, axis, image) {
  const sizes = sizesAlong(stack, axis, image);
  return stack.map((_, i) => Math.max(0, ...range(sizes[i + 1], (index) => {
    const [first, last] = spansOf(stack.slice(0, i + 1), axis, index, image, sizes)[0];
    return last - first + 1;
  })));
}
