// Grey pictures { data, width, height } and their sizes, by the arithmetic of Pillow and OpenCV.
import { range } from "./dom.js";

/** Rounds as Python does: a half goes to the even neighbour. */
export const roundEven = (x) => (x % 1 === 0.5 || x % 1 === -0.5 ? 2 * Math.round(x / 2) : Math.round(x));
/** The median, of an even number the mean of the two in the middle. */
export function median(values) {
  const sorted = Float64Array.from(values).sort(), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

export const greyPicture = (width, height, data = new Uint8Array(width * height)) => ({ data, width, height });

/** Pixels with four colours as grey: what is see-through is laid on a ground that its ink stands out from. */
export function toGrey({ data, width, height }) {
  const picture = greyPicture(width, height), grey = picture.data;
  let weight = 0, ink = 0;
  for (let i = 0, j = 0; i < grey.length; i++, j += 4) {
    grey[i] = (data[j] * 19595 + data[j + 1] * 38470 + data[j + 2] * 7471 + 0x8000) >> 16;
    weight += data[j + 3];
    ink += grey[i] * data[j + 3];
  }
  if (weight === 255 * grey.length) return picture;
  const ground = ink / Math.max(weight, 1e-6) > 127 ? 0 : 255;
  for (let i = 0, j = 3; i < grey.length; i++, j += 4) {
    grey[i] = roundEven((grey[i] * data[j] + ground * (255 - data[j])) / 255);
  }
  return picture;
}

/** A part of a picture: left, top, right, bottom, of which the last two are the first outside. */
export function cutOut({ data, width, height }, [left, top, right, bottom]) {
  const [to, end] = [Math.min(right, width), Math.min(bottom, height)];
  const part = greyPicture(to - left, end - top);
  for (let y = top; y < end; y++) {
    part.data.set(data.subarray(y * width + left, y * width + to), (y - top) * part.width);
  }
  return part;
}

/** Which inputs an output takes, and with which weight: [first, [weights]] of each; OpenCV's INTER_AREA. */
function areaTaps(from, to) {
  const scale = from / to;
  return range(to, (i) => {
    const begin = i * scale, end = begin + scale, cell = Math.min(scale, from - begin);
    const last = Math.min(Math.floor(end), from - 1), first = Math.min(Math.ceil(begin), last), weights = [];
    if (first - begin > 1e-3) weights.push((first - begin) / cell);
    for (let x = first; x < last; x++) weights.push(1 / cell);
    if (end - last > 1e-3) weights.push(Math.min(end - last, 1, cell) / cell);
    return [first - begin > 1e-3 ? first - 1 : first, weights];
  });
}

/** The left neighbour of each output along one axis, and how near it is to the right one: [at, share]. */
function neighbours(from, to, area, scale = from / to) {
  return range(to, (i) => {
    if (!area) {
      const x = Math.fround((i + 0.5) * scale - 0.5);
      return [Math.floor(x), Math.fround(x - Math.floor(x))];
    }
    const at = Math.floor(i * scale), share = Math.fround(i + 1 - (at + 1) * (1 / scale));
    return [at, share <= 0 ? 0 : Math.fround(share - Math.floor(share))];
  });
}

/** Neighbours that lie within: what is left of the first, or right of the last, is that one alone. */
const within = (taps, from) =>
  taps.map(([at, share]) => (at < 0 ? [0, 0] : at >= from - 1 ? [from - 1, 0] : [at, share]));

/** Between four neighbours, with weights in 2048ths: INTER_LINEAR, and INTER_AREA where an axis does not shrink. */
function betweenNeighbours({ data, width: W, height: H }, height, width, area) {
  const weights = ([at, share]) => [at, roundEven(Math.fround(1 - share) * 2048), roundEven(share * 2048)];
  const across = within(neighbours(W, width, area), W).map(weights), down = neighbours(H, height, area).map(weights);
  const rows = new Int32Array(width * H), out = greyPicture(width, height);
  for (let y = 0, i = 0; y < H; y++) {
    for (const [x, left, right] of across) {
      rows[i++] = data[y * W + x] * left + data[y * W + Math.min(x + 1, W - 1)] * right;
    }
  }
  for (let y = 0, i = 0; y < height; y++) {
    const [at, upper, lower] = down[y], rowAt = (row) => Math.max(0, Math.min(row, H - 1)) * width;
    const [above, below] = [rowAt(at), rowAt(at + 1)];
    for (let x = 0; x < width; x++) { // subtle: each product is cut off, not rounded
      const sum = (((rows[above + x] >> 4) * upper) >> 16) + (((rows[below + x] >> 4) * lower) >> 16);
      out.data[i++] = (sum + 2) >> 2;
    }
  }
  return out;
}

function taken(line, offset, stride, [first, weights]) {
  let total = 0;
  for (let i = 0, at = offset + first * stride; i < weights.length; i++, at += stride) total += weights[i] * line[at];
  return total;
}

/** A picture at another size, as the reader resizes what it is given (crnn_lessons.text.augment.fit). */
export function fitTo(picture, height, width) {
  const { data, width: W, height: H } = picture, shrinks = W * H > width * height;
  if (!shrinks || W < width || H < height) return betweenNeighbours(picture, height, width, shrinks);
  const across = areaTaps(W, width), down = areaTaps(H, height), halves = W === 2 * width && H === 2 * height;
  const rows = new Float64Array(width * H), out = greyPicture(width, height);
  for (let y = 0, i = 0; y < H; y++) for (const taps of across) rows[i++] = taken(data, y * W, 1, taps);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const mean = taken(rows, x, width, down[y]);
      out.data[i++] = halves ? Math.round(mean) : roundEven(mean);
    }
  }
  return out;
}

/** A picture turned by so many degrees and slanted by a share of its height (crnn_lessons.text.augment.lean). */
export function lean(picture, turn, slant) {
  const { data, width: W, height: H } = picture, out = greyPicture(W, H), angle = (turn * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)], skew = sin + slant; // [x, y] from the middle to [x', y']:
  const scale = 1 / (cos * cos + skew * sin), back = [cos, -skew, sin, cos].map((value) => value * scale);
  const [xx, xy, yx, yy] = back.map(Math.fround);
  const left = Math.fround(W / 2 - (back[0] * W + back[1] * H) / 2);
  const top = Math.fround(H / 2 - (back[2] * W + back[3] * H) / 2);
  const inside = (i, n) => Math.max(0, Math.min(i, n - 1)); // beyond the rim its pixels go on
  for (let y = 0, i = 0; y < H; y++) {
    for (let x = 0; x < W; x++, i++) {
      const u = Math.fround(x * xx + Math.fround(y * xy + left)), v = Math.fround(x * yx + Math.fround(y * yy + top));
      const [column, row] = [Math.floor(u), Math.floor(v)], [right, down] = [u - column, v - row];
      const [a, b] = [inside(column, W), inside(column + 1, W)], [c, d] = [inside(row, H) * W, inside(row + 1, H) * W];
      const above = data[c + a] + right * (data[c + b] - data[c + a]);
      const below = data[d + a] + right * (data[d + b] - data[d + a]);
      out.data[i] = roundEven(above + down * (below - above));
    }
  }
  return out;
}

/** A line of numbers stretched by a factor, between its neighbours linearly. */
export const stretch = (line, factor) =>
  within(neighbours(line.length, roundEven(line.length * factor), false, 1 / factor), line.length)
    .map(([at, share]) => line[at] * (1 - share) + line[Math.min(at + 1, line.length - 1)] * share);
