// The arithmetic of CTC, by the definitions of crnn_lessons.ctc, to which the tests hold it.
// Lattices are arrays of T rows with L = 2S + 1 entries; log is the natural logarithm; class 0 is the blank.

export const BLANK = 0;

/** The map B: merge each run of equal signs into one, then drop the blanks. */
export function collapse(path, blank = BLANK) {
  return path.filter((sign, t) => sign !== path[t - 1]).filter((sign) => sign !== blank);
}

/** The number r of places where a target has two equal labels side by side. */
export function repeats(target) {
  return target.filter((label, i) => i > 0 && label === target[i - 1]).length;
}

/** C(n, k), exact at any size. */
export function choose(n, k) {
  if (k < 0 || k > n) return 0n;
  let ways = 1n;
  for (let i = 1; i <= Math.min(k, n - k); i++) ways = (ways * BigInt(n - i + 1)) / BigInt(i);
  return ways;
}

/** How many paths of T steps collapse to the target: C(T + S - r, 2S), or 0 where T < S + r. */
export function countAlignments(T, target) {
  const S = target.length, r = repeats(target);
  return T >= S + r ? choose(T + S - r, 2 * S) : 0n;
}

/** How many paths of T steps and no blank merge to the text: its labels cut T steps into S runs. */
export function countMerged(T, text) {
  const S = text.length;
  if (repeats(text) > 0) return 0n; // a run cannot end without another label
  return S === 0 ? BigInt(T === 0) : choose(T - 1, S - 1);
}

/** The rows of the lattice: a blank before each label and one after the last. */
export function extend(target) {
  return [BLANK, ...target.flatMap((label) => [label, BLANK])];
}

/** The rows from which a path may step into row s. */
export function predecessors(rows, s) {
  const comeFrom = [s];
  if (s >= 1) comeFrom.push(s - 1);
  if (s >= 2 && rows[s] !== BLANK && rows[s] !== rows[s - 2]) comeFrom.push(s - 2);
  return comeFrom;
}

/** The rows into which a path may step from row s. */
export function successors(rows, s) {
  return [s, s + 1, s + 2].filter((next) => next < rows.length && predecessors(rows, next).includes(s));
}

function logAdd(a, b) {
  const larger = Math.max(a, b);
  return larger === -Infinity ? larger : larger + Math.log1p(Math.exp(Math.min(a, b) - larger));
}

// One sweep serves three questions; they differ in how ways are joined and steps are chained.
const LOG_SUM = { none: -Infinity, one: 0, join: logAdd, chain: (a, b) => a + b };
const LOG_MAX = { none: -Infinity, one: 0, join: (a, b) => Math.max(a, b), chain: (a, b) => a + b };
const COUNT = { none: 0n, one: 1n, join: (a, b) => a + b, chain: (a, b) => a * b };

function sweep(T, rows, emit, { none, one, join, chain }) {
  const L = rows.length;
  const ahead = Array.from({ length: T }, () => Array(L).fill(none)); // beginnings, t included
  const behind = Array.from({ length: T }, () => Array(L).fill(none)); // endings, t not included
  for (let s = 0; s < Math.min(2, L); s++) ahead[0][s] = emit(0, s);
  for (let s = Math.max(0, L - 2); s < L; s++) behind[T - 1][s] = one;
  const before = rows.map((_, s) => predecessors(rows, s));
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
export function bestThrough(logProbs, target) {
  const rows = extend(target);
  return sweep(logProbs.length, rows, (t, s) => logProbs[t][rows[s]], LOG_MAX).through;
}

/** How many alignments pass through each cell, exactly. */
export function countThrough(T, target) {
  return sweep(T, extend(target), () => 1n, COUNT).through;
}

/**
 * The row at each step of the most probable path, or of the most probable one through the cell [t, s]; null where
 * none has a probability above zero. Ties go as in crnn_lessons.ctc.forced_alignment: the lowest row at the last step.
 */
export function bestPath(logProbs, target, cell = null) {
  const rows = extend(target), T = logProbs.length, L = rows.length;
  const allowed = (t, s) => cell === null || t !== cell[0] || s === cell[1];
  const score = [], cameFrom = [];
  for (let t = 0; t < T; t++) {
    score.push(Array(L).fill(-Infinity));
    cameFrom.push(Array(L).fill(0));
    for (let s = 0; s < L; s++) {
      if (!allowed(t, s) || (t === 0 && s > 1)) continue;
      const ways = t === 0 ? [s] : predecessors(rows, s).sort((a, b) => a - b);
      const best = t === 0 ? s : ways.reduce((a, b) => (score[t - 1][b] > score[t - 1][a] ? b : a));
      cameFrom[t][s] = best;
      score[t][s] = (t === 0 ? 0 : score[t - 1][best]) + logProbs[t][rows[s]];
    }
  }
  const path = Array(T).fill(L - 1);
  if (L > 1 && !(score[T - 1][L - 1] > score[T - 1][L - 2])) path[T - 1] = L - 2;
  if (score[T - 1][path[T - 1]] === -Infinity) return null;
  for (let t = T - 1; t > 0; t--) path[t - 1] = cameFrom[t][path[t]];
  return path;
}
