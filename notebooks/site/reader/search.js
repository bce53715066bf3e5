// How a picture is read: as a whole, cut to its ink, word by word; what reads surest is taken. This is
// crnn_lessons.reader.search for upright pictures: none is turned, and none taken for a word from top to bottom.
// A reading has text, confidence, legible (how probable it is that the reader can write what is there), box, picture
// (without crops), views (what the network made of each crop) and view (the surest).
import { contentOf, findWords, isPlain, maybeSeveral } from "./locate.js";
import { cutOut, roundEven } from "./pixels.js";
import { breadth, tallness } from "./spaces.js";

const FILLS = 0.5; // share of a picture's height from which on its ink fills it
const LARGE = 60_000; // pixels; a larger picture may be of more than a word
const SURE = 0.55; // a confidence from which on nothing else is tried
const SURE_IN_PHOTOGRAPH = 0.95; // and from which on a gap in a photograph is no space
const SURE_IN_PRINT = 0.97; // the same on a plain ground
const CROPS = [0, 0.08]; // shares of the height that are cut off on every side
const CLEAR = 0.9; // a confidence from which on the first crop is enough

const wholeOf = ({ width, height }) => [0, 0, width, height];
const isTall = (box) => tallness(box) > 1.5 * breadth(box);
const fillsIt = (grey, box) => tallness(box) >= FILLS * grey.height;

/** A box with a margin as the reader met it in training. */
function grown([left, top, right, bottom], { width, height }) {
  const more = 0.12 * (bottom - top);
  return [Math.max(0, roundEven(left - 1.2 * more)), Math.max(0, roundEven(top - more)),
    Math.min(width, roundEven(right + 1.2 * more)), Math.min(height, roundEven(bottom + more))];
}

/** A box cut by a share of its height on every side, but not narrower than 4 columns. */
function inset([left, top, right, bottom], crop) {
  const by = Math.max(0, Math.min(roundEven(crop * (bottom - top)), Math.floor((right - left - 4) / 2)));
  return [left + by, top + by, right - by, bottom - by];
}

/** How sure several words are: the geometric mean of their confidences, each as heavy as it is long. */
export function certainty(words) {
  const letters = words.reduce((total, { text }) => total + text.length, 0);
  const logOf = ({ text, confidence }) => text.length * Math.log(Math.max(confidence, 1e-9));
  return letters ? Math.exp(words.reduce((total, word) => total + logOf(word), 0) / letters) : 0;
}

/** A word with a confidence that counts whether anything is legible at all. */
export const doubted = (word) => ({ ...word, confidence: word.confidence * word.legible });

/** Reads parts { cut, box, varied } of a picture; at all crops those whose margins vary, if the first is not clear. */
async function readParts(see, grey, parts) {
  const seen = await see(parts.map(({ cut }) => cutOut(grey, cut)));
  const views = seen.map((view) => [view]);
  const unclear = parts.map((_, n) => n).filter((n) => parts[n].varied && confidenceOf(seen[n]) < CLEAR);
  const cuts = unclear.flatMap((n) => CROPS.slice(1).map((crop) => ({ n, cut: inset(parts[n].cut, crop) })));
  (await see(cuts.map(({ cut }) => cutOut(grey, cut)))).forEach((view, i) => views[cuts[i].n].push(view));
  return parts.map(({ cut, box }, n) => {
    // a crop in which something is read, however unsure, before one in which nothing is
    const better = (a, b) => (!a.text === !b.text ? b.logConfidence > a.logConfidence : b.text);
    const view = views[n].reduce((a, b) => (better(a, b) ? b : a));
    const legible = views[n].reduce((sum, one) => sum + one.legible, 0) / views[n].length;
    const confidence = confidenceOf(view), picture = cutOut(grey, cut);
    return { text: view.text, confidence, legible, box, view, views: views[n], picture };
  });
}

const confidenceOf = ({ text, logConfidence }) => (text ? Math.min(1, Math.exp(logConfidence)) : 0);

/**
 * The words of an upright picture in reading order; at least one reading, whose text may be empty.
 * `see(pictures)` gives what the network makes of each: { text, logConfidence, logProbs, legible, picture }.
 */
export async function bestReading(see, grey) {
  const ink = contentOf(grey), clean = isPlain(grey), full = fillsIt(grey, ink), tall = isTall(ink);
  let best = [], sure = false;
  if (full || !clean) { // where the ground is no plain colour, what fills the picture is a guess
    best = await readParts(see, grey, [{ cut: wholeOf(grey), box: ink, varied: true }]);
    const [{ confidence: certain, text }] = best;
    sure = certain >= SURE;
    const enough = certain >= (clean ? SURE_IN_PRINT : tall ? 0.9 : SURE) && !(tall && text.length > 1);
    const one = certain >= SURE_IN_PHOTOGRAPH && !clean; // letters far apart are met there as often as two words
    const large = grey.width * grey.height >= LARGE;
    if (full && enough && !(large || (!one && maybeSeveral(grey, ink)))) return best;
  }
  const rows = wordsWorthReading(grey, { clean, full, tall, sure });
  const parts = rows.flat().map((box) => ({ cut: grown(box, grey), box }));
  const close = grown(ink, grey), closer = !(full && (sure || `${close}` === `${wholeOf(grey)}`));
  if (closer) parts.unshift({ cut: close, box: ink });
  const found = await readParts(see, grey, parts);
  if (closer) {
    const cut = [found.shift()];
    if (!best.length || certainty(cut) > certainty(best)) best = cut;
  }
  const words = withoutMarks(rows.map((row) => found.splice(0, row.length)));
  return isPreferred(words, best) ? words : best;
}

function wordsWorthReading(grey, { clean, full, tall, sure }) {
  const rows = findWords(grey), boxes = rows.flat();
  const low = boxes.length < 4 && !boxes.some((box) => 2 * tallness(box) > grey.height);
  const large = grey.width * grey.height >= LARGE;
  const none = full && (sure ? boxes.length < 2 && !low : !(low || tall || clean || large));
  return none ? [] : rows; // none: the word itself, or parts of it in a photograph
}

/** The words of lines, without what reads as nothing, and without lone letters, which are marks and knobs. */
function withoutMarks(rows) {
  const kept = rows.map((row) => row.filter(({ text, confidence }) => text && confidence > 0.1));
  const long = kept.map((row) => row.some(({ text }) => text.length > 1)), any = long.some(Boolean);
  return kept.filter((_, i) => long[i] || !any).flat();
}

/** Whether the words that were found are a better reading than the picture as one word. */
function isPreferred(words, [whole]) {
  const letters = words.map(({ text }) => text.length), certain = certainty([whole]);
  const total = letters.reduce((a, b) => a + b, 0), ones = letters.filter((n) => n === 1).length;
  const lost = total < whole.text.length * (certain >= SURE ? 1 : certain > 0.3 ? 0.8 : 0);
  if (lost || (letters.length > 1 && letters.length <= 2 * ones)) return false; // lone letters: of one word, far apart
  const asked = certain === 0 ? 0.4 : certain < 0.3 ? 0.6 : certain < SURE ? 0.8 : certain - 0.05;
  return certainty(words) > asked;
}
