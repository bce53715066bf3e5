// The words of a line, and the spaces between them: crnn_lessons.reader.spaces, number for number.
// A box is [left, top, right, bottom]; the last two are the first outside.
import { range } from "./dom.js";
import { cutOut, greyPicture, median, stretch } from "./pixels.js";

export const INK = 0.35; // of the strongest contrast: what differs so much from the ground is ink
export const LOWEST = 6; // pixels of a letter

export const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
export const most = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
export const tallness = (box) => box[3] - box[1];
export const breadth = (box) => box[2] - box[0];

/** Things in groups of one key, in the order in which the keys come up. */
export function grouped(things, keyOf) {
  const groups = new Map();
  for (const thing of things) groups.set(keyOf(thing), [...(groups.get(keyOf(thing)) ?? []), thing]);
  return [...groups.values()];
}

/** The box that holds several. */
export const around = (boxes) =>
  [least, least, most, most].map((pick, side) => pick(boxes.map((box) => box[side])));

/** The pixels at the edge of a picture. */
export function rimOf({ data, width, height }) {
  const sides = range(height, (y) => [data[y * width], data[y * width + width - 1]]).flat();
  return [...data.subarray(0, width), ...data.subarray((height - 1) * width), ...sides];
}

/** How far each pixel is from the colour at the rim, which is taken for the ground. */
export function contrastOf(picture) {
  const ground = Math.trunc(median(rimOf(picture)));
  return greyPicture(picture.width, picture.height, picture.data.map((value) => Math.abs(value - ground)));
}

/** Where a row of flags is set: the first of each stretch and the first after it. */
export function stretches(flags) {
  const found = [];
  for (let i = 0; i < flags.length; i++) {
    if (flags[i] && !flags[i - 1]) found.push([i, i + 1]);
    else if (flags[i]) found.at(-1)[1] = i + 1;
  }
  return found;
}

/** The strongest value of each column, and of each row. */
export function strongest({ data, width, height }) {
  const columns = new Uint8Array(width), rows = new Uint8Array(height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (data[i] > columns[x]) columns[x] = data[i];
      if (data[i] > rows[y]) rows[y] = data[i];
    }
  }
  return { columns, rows, all: most(rows) };
}

/** The least gap that parts words: far wider than most of the smaller ones; infinite where there is none. */
function leastSpace(gaps, height) {
  const sorted = [...gaps].sort((a, b) => a - b);
  let best = 0, space = Infinity;
  for (let i = 1; i < sorted.length; i++) {
    if (!(sorted[i] > 0.3 * height)) continue;
    const floor = Math.max(1, 0.08 * height);
    const typical = Math.max(median(sorted.slice(0, i)), floor), last = Math.max(sorted[i - 1], floor);
    const times = sorted[i] / typical, jump = sorted[i] / last;
    const clear = (times > 2.7 && jump > 1.25) || (times > 2.2 && jump > 1.5 && sorted[i] > 0.34 * height);
    if (clear && jump > best) [best, space] = [jump, sorted[i]];
  }
  return space;
}

/** Where columns with ink begin and end, in pixels and parts of them; and which of these runs begin a new word. */
export function columnsOfInk(band, height) {
  const zoom = Math.max(1, 40 / height); // small print: its spaces differ from its gaps by parts of a pixel
  const ink = stretch(strongest(contrastOf(band)).columns, zoom), limit = INK * most(ink);
  const runs = stretches(ink.map((value) => value > limit)).map(([from, to]) => [from / zoom, to / zoom]);
  const widths = runs.map(([from, to]) => to - from), narrow = widths.map((w) => (w < 0.5 * height ? 1 : 0));
  const gaps = runs.slice(1).map(([from], i) => from - runs[i][1] - 0.04 * height * (narrow[i + 1] + narrow[i]));
  const touching = Math.trunc(widths.reduce((total, w) => total + Math.max(w / (0.8 * height) - 1, 0), 0));
  const space = leastSpace([...Array(touching).fill(0), ...gaps], height); // letters in one run have no gap
  return { runs, cuts: gaps.flatMap((gap, i) => (gap >= space ? [i + 1] : [])) };
}

/** A band without what hangs into it from the lines near by. */
function withoutTails(grey, boxes, [left, top, right, bottom]) {
  const band = cutOut(grey, [left, top, right, bottom]), paper = Math.trunc(median(rimOf(band)));
  for (const [x, y, toX, toY] of boxes) {
    const held = Math.min(toY, bottom) - Math.max(y, top);
    const tail = held > 0 && held < 0.5 * (bottom - top) && (y < top || toY > bottom) && x < right && toX > left;
    if (!tail) continue;
    for (let row = Math.max(0, y - top); row < Math.min(toY - top, band.height); row++) {
      const begin = row * band.width;
      band.data.fill(paper, begin + Math.max(0, x - left), begin + Math.min(toX - left, band.width));
    }
  }
  return band;
}

/** The words of a line, cut where a gap between columns of ink is wide enough for a space. */
export function splitLine(grey, line, boxes, height) {
  const whole = around(line), left = Math.max(whole[0] - 1, 0), top = Math.max(whole[1] - 1, 0);
  const band = withoutTails(grey, boxes, [left, top, whole[2] + 1, whole[3] + 1]);
  const { runs, cuts } = columnsOfInk(band, height), words = [];
  const edges = [0, ...cuts, runs.length];
  for (const [i, to] of edges.slice(1).entries()) {
    const part = runs.slice(edges[i], to).map(([a, b]) => [a + left, b + left]);
    if (!part.length) continue;
    const [begin, end] = [part[0][0], part.at(-1)[1]];
    const own = line.filter((box) => box[2] > begin && box[0] < end);
    if (!own.length || !(most(own.map(tallness)) > Math.max(0.5 * height, LOWEST))) continue; // a dash, a bullet
    const [, high, , low] = around(own);
    words.push([Math.trunc(begin), high, Math.min(grey.width, Math.ceil(end)), low]);
  }
  const lone = words.filter((box) => breadth(box) < tallness(box)).length;
  return words.length > 1 && words.length <= 2 * lone ? [around(words)] : words; // lone letters: of one word, far apart
}
