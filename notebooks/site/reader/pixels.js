// Grey pictures { data, width, height } and their sizes, by the arithmetic of Pillow and OpenCV to one level of 255.
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
  for (let y = top; y < end; y++) part.data.set(data.subarray(y * width + left, y * width + to), (y - top) * part.width);
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

/** The same between two neighbours: INTER_LINEAR, or INTER_AREA where one axis is enlarged. */
function linearTaps(from, to, area, scale = from / to) {
  return range(to, (i) => {
    let at = Math.floor(area ? i * scale : (i + 0.5) * scale - 0.5);
    let share = area ? i + 1 - (at + 1) / scale : (i + 0.5) * scale - 0.5 - at;
    if (area) share = share <= 0 ? 0 : share - Math.floor(share);
    if (at < 0) [at, share] = [0, 0];
    if (at >= from - 1) [at, share] = [from - 1, 0];
    return [at, share ? [1 - share, share] : [1]];
  });
}

function taken(line, offset, stride, [first, weights]) {
  let total = 0;
  for (let i = 0, at = offset + first * stride; i < weights.length; i++, at += stride) total += weights[i] * line[at];
  return total;
}

/** A picture at another size, as the reader resizes what it is given (crnn_lessons.text.augment.fit). */
export function fitTo(picture, height, width) {
  const { data } = picture, shrinks = picture.width * picture.height > width * height;
  const area = shrinks && picture.width >= width && picture.height >= height;
  const taps = area ? areaTaps : (from, to) => linearTaps(from, to, shrinks);
  const across = taps(picture.width, width), down = taps(picture.height, height);
  const rows = new Float64Array(width * picture.height), out = greyPicture(width, height);
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < width; x++) rows[y * width + x] = taken(data, y * picture.width, 1, across[x]);
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) out.data[y * width + x] = Math.round(taken(rows, x, width, down[y]));
  }
  return out;
}

/** A line of numbers stretched by a factor, between its neighbours linearly. */
export const stretch = (line, factor) =>
  linearTaps(line.length, roundEven(line.length * factor), false, 1 / factor).map((tap) => taken(line, 0, 1, tap));
