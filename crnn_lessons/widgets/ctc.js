// The arithmetic of CTC, by the definitions of crnn_lessons.ctc, to which the tests hold it.
// Lattices are arrays of T rows with L = 2S + 1 entries; log is the natural logarithm; class 0 is the blank.
import { range } from "./dom.js";

export const BLANK = 0;

/** The map B: merge each run of equal signs into one, then drop the blanks. */
export const collapse = (path, blank = BLANK) =>
  path.filter((sign, t) => sign !== path[t - 1]).filter((sign) => sign !== blank);

/** The number r of places where a target has two equal labels side by side. */
export const repeats = (target) => target.filter((label, i) => i > 0 && label === target[i - 1]).length;
/** The fewest time steps of a target: one a label, and one more for the blank between two equal ones. */
export const minFrames = (target) => target.length + repeats(target);

/** C(n, k), exact at any size. */
export function choose(n, k) {
  if (k < 0 || k > n) return 0n;
  let ways = 1n;
  for (let i = 1; i <= Math.min(k, n - k); i++) ways = (ways * BigInt(n - i + 1)) / BigInt(i);
  return ways;
}

/** How many paths of T steps collapse to the target: C(T + S - r, 2S), or 0 where T < S + r. */
export const countAlignments = (T, target) =>
  (T >= minFrames(target) ? choose(T + target.length - repeats(target), 2 * target.length) : 0n);

/** How many paths of T steps and no blank merge to the text: its labels cut T steps into S runs. */
export function countMerged(T, text) {
  if (repeats(text) > 0) return 0n; // a run cannot end without another label
  return text.length === 0 ? BigInt(T === 0) : choose(T - 1, text.length - 1);
}

/** The rows of the lattice: a blank before each label and one after the last. */
export const extend = (target) => [BLANK, ...target.flatMap((label) => [label, BLANK])];

/** The rows from which a path may step into row s, the nearest first. */
export function predecessors(rows, s) {
  const skips = s >= 2 && rows[s] !== BLANK && rows[s] !== rows[s - 2];
  return [s, s - 1, s - 2].slice(0, skips ? 3 : Math.min(s + 1, 2));
}

/** The rows into which a path may step from row s. */
export const successors = (rows, s) =>
  [s, s + 1, s + 2].filter((next) => next < rows.length && predecessors(rows, next).includes(s));

function logAdd(a, b) {
  const larger = Math.max(a, b);
  return larger === -Infinity ? larger : larger + Math.log1p(Math.exp(Math.min(a, b) - larger));
}

// One sweep serves three questions; they differ in how ways are joined and steps are chained.
const LOG_SUM = { none: -Infinity, one: 0, join: logAdd, chain: (a, b) => a + b };
const LOG_MAX = { ...LOG_SUM, join: (a, b) => Math.max(a, b) };
const COUNT = { none: 0n, one: 1n, join: (a, b) => a + b, chain: (a, b) => a * b };

function sweep(T, rows, emit, { none, one, join, chain }) {
  const L = rows.length, before = rows.map((_, s) => predecessors(rows, s));
  // Beginnings, t included; endings, t not included.
  const [ahead, behind] = range(2, () => range(T, () => Array(L).fill(none)));
  for (let s = 0; s < Math.min(2, L); s++) ahead[0][s] = emit(0, s);
  for (let s = Math.max(0, L - 2); s < L; s++) behind[T - 1][s] = one;
  for (let t = 1; t < T; t++) {
    for (let s = 0; s < L; s++) {
      ahead[t][s] = chain(before[s].map((q) => ahead[t - 1][q]).reduce(join), emit(t, s));
    }
  }
  for (let t = T - 2; t >= 0; t--) {
    for (let s = 0; s < L; s++) {
      const onward = chain(behind[t + 1][s], emit(t + 1, s));
      for (const q of before[s]) behind[t][q] = join(behind[t][q], onward);
    }
  }
  return { ahead, behind, through: ahead.map((row, t) => row.map((value, s) => chain(value, behind[t][s]))) };
}

/** Alpha, beta, posterior and log p(Y | X), as crnn_lessons.ctc.forward_backward defines them. */
export function forwardBackward(logProbs, target) {
  const rows = extend(target), T = logProbs.length, L = rows.length;
  const { ahead, behind, through } = sweep(T, rows, (t, s) => logProbs[t][rows[s]], LOG_SUM);
  const logLikelihood = ahead[T - 1].slice(Math.max(0, L - 2)).reduce(logAdd);
  const share = (value) => (logLikelihood === -Infinity ? 0 : Math.exp(value - logLikelihood));
  return { rows, alpha: ahead, beta: behind, posterior: through.map((row) => row.map(share)), logLikelihood };
}

/** Log-probability of the most probable path through each cell. */
export const bestThrough = (logProbs, target, rows = extend(target)) =>
  sweep(logProbs.length, rows, (t, s) => logProbs[t][rows[s]], LOG_MAX).through;

/** How many alignments pass through each cell, exactly. */
export const countThrough = (T, target) => sweep(T, extend(target), () => 1n, COUNT).through;

/**
 * The row at each step of the most probable path, or of the most probable one through the cell [t, s]; null where
 * none has a probability above zero. Ties go as in crnn_lessons.ctc.forced_alignment: the lowest row at the last step.
 */
export function bestPath(logProbs, target, [u, q] = []) {
  const rows = extend(target), T = logProbs.length, L = rows.length, cameFrom = [], path = Array(T).fill(L - 1);
  let score = [];
  for (let t = 0; t < T; t++) {
    const last = score, allowed = (s) => (t !== u || s === q) && (t > 0 || s <= 1);
    cameFrom.push(rows.map((_, s) => predecessors(rows, s).reduce((a, b) => (last[b] >= last[a] ? b : a))));
    score = rows.map((row, s) => (allowed(s) ? (t ? last[cameFrom[t][s]] : 0) + logProbs[t][row] : -Infinity));
  }
  if (L > 1 && !(score[L - 1] > score[L - 2])) path[T - 1] = L - 2;
  if (score[path[T - 1]] === -Infinity) return null;
  for (let t = T - 1; t > 0; t--) path[t - 1] = cameFrom[t][path[t]];
  return path;
}
