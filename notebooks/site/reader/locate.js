// Where words stand in a picture: crnn_lessons.reader.locate, number for number, without words from top to bottom.
import { range } from "./dom.js";
import { cutOut, greyPicture, median } from "./pixels.js";
import {
  INK, LOWEST, around, breadth, columnsOfInk, contrastOf, grouped, least, most, rimOf, splitLine, stretches, strongest,
  tallness,
} from "./spaces.js";

const MOST_OUTLINES = 4000; // what has more is texture; a full page of print has about 3,000

/** The box of all that differs from the colour at the picture's rim. */
export function contentOf(grey) {
  const { columns, rows, all } = strongest(contrastOf(grey)), ink = (value) => value > INK * all;
  return [columns.findIndex(ink), rows.findIndex(ink), columns.findLastIndex(ink) + 1, rows.findLastIndex(ink) + 1];
}

/** Whether the rim of a picture has one colour, as on a screenshot, and not the grain of a photograph. */
export function isPlain(grey) {
  const rim = rimOf(grey), middle = median(rim);
  return rim.filter((value) => Math.abs(value - middle) <= 2).length / rim.length > 0.9;
}

/** Whether the ink in a box may be more than one word: a cheap look, for the many pictures that hold one. */
export function maybeSeveral(grey, box) {
  const band = cutOut(grey, box), height = 0.7 * band.height, contrast = strongest(contrastOf(band));
  const flags = (values) => stretches(Array.from(values, (value) => value > INK * contrast.all));
  const lines = flags(contrast.rows), letters = flags(contrast.columns);
  if (lines.filter(([from, to]) => to - from > 0.2 * band.height).length > 1) return true;
  const apart = letters.some(([from], i) => i > 0 && from - letters[i - 1][1] > 0.25 * height);
  return apart && columnsOfInk(band, height).cuts.length > 0;
}

/** The words of a picture as boxes, line by line from the top, each line from left to right. */
export function findWords(grey) {
  const boxes = outlines(grey), letters = boxes.filter((box) => tallness(box) > LOWEST);
  if (!letters.length || letters.length > MOST_OUTLINES) return [];
  const lines = linesOf(letters), lone = new Map();
  const single = lines.filter((line) => line.length === 1).flat();
  const small = [...boxes.filter((box) => tallness(box) <= LOWEST), ...single]; // dots and accents, maybe
  const rows = lines.map((line) => {
    const height = median(line.map(tallness)) - 2; // an outline reaches one pixel beyond its ink
    const row = splitLine(grey, withMarks(line, small, height), boxes, height);
    for (const box of row) lone.set(`${box}`, [box, line.length === 1]);
    return row;
  });
  const isLone = (box) => lone.get(`${box}`)[1], others = [...lone.values()].map(([box]) => box);
  const kept = rows.map((row) => row.filter((box) => !others.some((other) => givesWay(box, other, isLone))));
  const topOf = (row) => least(row.map((box) => box[1]));
  return kept.filter((row) => row.length).sort((a, b) => topOf(a) - topOf(b));
}

/** The largest less the smallest value of the 3 x 3 pixels around each: strong at edges. */
function edgesOf({ data, width, height }) {
  const edges = greyPicture(width, height), low = new Uint8Array(data.length), high = new Uint8Array(data.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const a = x ? data[i - 1] : data[i], b = data[i], c = x < width - 1 ? data[i + 1] : data[i];
      low[i] = Math.min(a, b, c);
      high[i] = Math.max(a, b, c);
    }
  }
  for (let y = 0, i = 0; y < height; y++) {
    const up = y ? width : 0, down = y < height - 1 ? width : 0;
    for (let x = 0; x < width; x++, i++) {
      edges.data[i] = Math.max(high[i - up], high[i], high[i + down]) - Math.min(low[i - up], low[i], low[i + down]);
    }
  }
  return edges;
}

/** Connected pixels above a limit, over corners too: the number of each pixel's part, and each part's box and area. */
function partsAbove({ data, width, height }, limit) {
  const which = new Int32Array(data.length), parent = [0];
  const find = (k) => { while (parent[k] !== k) k = parent[k] = parent[parent[k]]; return k; };
  const join = (i, j) => {
    if (!which[j]) return;
    const one = find(which[j]), two = which[i] ? find(which[i]) : one;
    which[i] = parent[Math.max(one, two)] = Math.min(one, two);
  };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (!(data[i] > limit)) continue;
      if (x) join(i, i - 1);
      if (x && y) join(i, i - width - 1);
      if (y) join(i, i - width);
      if (y && x < width - 1) join(i, i - width + 1);
      if (!which[i]) parent.push(which[i] = parent.length);
    }
  }
  const parts = parent.map(() => ({ box: [Infinity, Infinity, 0, 0], area: 0 }));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (!which[i]) continue;
      const { box } = parts[which[i] = find(which[i])];
      box[0] = Math.min(box[0], x); box[1] = Math.min(box[1], y); box[2] = Math.max(box[2], x + 1); box[3] = y + 1;
      parts[which[i]].area++;
    }
  }
  return { which, parts };
}

/** The boxes of connected edges: letters, parts of them, and all else with an outline; no rules, no frames. */
function outlines(grey) {
  const edges = edgesOf(grey), stride = 1 + Math.floor(edges.data.length / 250_000);
  const some = new Uint8Array(Math.ceil(edges.data.length / stride));
  for (let i = 0; i < some.length; i++) some[i] = edges.data[i * stride];
  const middle = some.sort()[some.length >> 1];
  const strong = Math.max(some[Math.trunc(0.995 * (some.length - 1))], strongest(edges).all / 2);
  const { which, parts } = partsAbove(edges, Math.max(12, 0.3 * strong, 2 * middle));
  const kept = parts.flatMap(({ box, area }, number) => {
    const width = breadth(box), height = tallness(box);
    const rule = (height <= 6 && width > 6 * height) || (width <= 5 && height > 14 * width) || height > 40 * width;
    return area >= 5 && !rule ? [{ box, number }] : [];
  });
  const boxes = kept.map(({ box }) => box);
  if (!boxes.length || boxes.length > 2 * MOST_OUTLINES) return boxes;
  const typical = median(boxes.map(breadth));
  const frame = ({ box, number }) => breadth(box) > typical && isFrame(box, boxes, which, number, grey.width);
  return kept.filter((part) => !frame(part)).map(({ box }) => box);
}

/** Whether an outline surrounds text: it is hollow, and holds what stands side by side, or is wide and centred. */
function isFrame(box, boxes, which, number, width) {
  const size = [breadth(box), tallness(box)];
  const inside = boxes.filter((b) => b[0] > box[0] && b[1] > box[1] && b[2] < box[2] && b[3] < box[3] &&
    tallness(b) > 3 && tallness(b) < 0.8 * size[1]);
  if (!inside.length) return false;
  // subtle: letters hold outlines too, a B two above one another, a bold e one that is wide and high up
  const wide = inside.some((b) => Math.abs(b[1] + b[3] - box[1] - box[3]) < 0.24 * size[1] &&
    breadth(b) > Math.max(1.8 * tallness(b), 0.4 * size[0]));
  const lefts = inside.map((b) => b[0]);
  if (inside.length < 3 && most(lefts) - least(lefts) <= 0.35 * size[0] && !wide) return false;
  const [x, y] = [box[0] + (size[0] >> 2), box[1] + (size[1] >> 2)], [w, h] = [size[0] >> 1, size[1] >> 1];
  let own = 0;
  for (let row = y; row < y + h; row++) {
    for (let i = row * width + x; i < row * width + x + w; i++) own += which[i] === number;
  }
  return own / (w * h) < 0.18;
}

/** Boxes that stand side by side, of much the same height. */
function linesOf(boxes) {
  const group = range(boxes.length, (i) => i), find = (k) => { while (group[k] !== k) k = group[k]; return k; };
  for (const [i, a] of boxes.entries()) {
    for (let j = i + 1; j < boxes.length; j++) {
      const b = boxes[j], low = Math.min(tallness(a), tallness(b)), high = Math.max(tallness(a), tallness(b));
      const shared = Math.min(a[3], b[3]) - Math.max(a[1], b[1]), gap = Math.max(a[0], b[0]) - Math.min(a[2], b[2]);
      if (!(shared > 0.4 * low && high < 3.5 * low && gap < 1.2 * high)) continue;
      const [one, two] = [find(i), find(j)];
      group[Math.max(one, two)] = Math.min(one, two);
    }
  }
  return grouped(boxes.keys(), find).flatMap((members) => {
    const part = members.map((i) => boxes[i]), typical = median(part.map(tallness)), [, top, , bottom] = around(part);
    const rest = part.filter((box) => tallness(box) <= 1.6 * typical);
    const bridged = bottom - top > 2.4 * typical && rest.length < part.length;
    return bridged ? linesOf(rest) : [part]; // two lines, held together by letters that touch
  });
}

/** A line with its dots, accents and signs, which are too low to be letters. */
function withMarks(line, small, height) {
  const [left, top, right, bottom] = around(line), end = bottom + 0.3 * height, begin = top - 0.45 * height;
  return [...line, ...small.filter((box) => {
    const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
    return tallness(box) < 0.6 * height && x > left && x < right + 0.3 * height && y > begin && y < end;
  })];
}

const holds = (a, b) => `${a}` !== `${b}` && a[0] <= b[0] && a[1] <= b[1] && a[2] >= b[2] && a[3] >= b[3];

/** Whether a box is none because of another: it lies within, as the hole of an O, or is a drawing round a word. */
function givesWay(box, other, isLone) {
  if (holds(other, box)) return isLone(box) || !isLone(other);
  return holds(box, other) && isLone(box) && !isLone(other) && 5 * tallness(other) < tallness(box);
}
