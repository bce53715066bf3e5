// The lattice in words: one cell's quantity, written with the numbers it is made of; and what a target may be.
import { collapse, minFrames, predecessors, repeats, successors } from "./ctc.js";
import { codePoints, fromLog, number, plural } from "./words.js";

export const QUANTITIES = { alpha: "α forward", beta: "β backward", posterior: "posterior", best: "best path" };
/** How a row of the lattice, or a class, is named in a sentence. */
export const named = (lattice, label) => (label === 0 ? "blank" : `'${lattice.signs[label]}'`);

/** The cells that a cell's alpha (or beta) is made of, as [t, s]. */
export function sources(lattice, mode, t, s) {
  if (mode === "alpha" && t > 0) return predecessors(lattice.rows, s).map((q) => [t - 1, q]);
  if (mode === "beta" && t < lattice.T - 1) return successors(lattice.rows, s).map((q) => [t + 1, q]);
  return [];
}

const sum = (terms) => (terms.length > 1 ? `(${terms.join(" + ")})` : terms[0]);

function alphaLine(lattice, t, s) {
  const { rows, alpha, probs } = lattice, symbol = `p(${t}, ${named(lattice, rows[s])})`;
  const p = number(probs[t][rows[s]]), name = `α(${t},${s})`;
  if (t === 0 && s > 1) return `${name} = 0: a path begins in row 0 or row 1.`;
  if (t === 0) return `${name} = ${symbol} = ${p}`;
  const from = sources(lattice, "alpha", t, s);
  const symbols = from.map(([u, q]) => `α(${u},${q})`), values = from.map(([u, q]) => fromLog(alpha[u][q]));
  return `${name} = ${sum(symbols)} · ${symbol} = ${sum(values)} · ${p} = ${fromLog(alpha[t][s])}`;
}

function betaLine(lattice, t, s) {
  const { rows, beta, probs, T } = lattice, name = `β(${t},${s})`, end = rows.length - 1, last = Math.max(0, end - 1);
  if (t === T - 1 && s >= last) return `${name} = 1: a path may end here.`;
  if (t === T - 1) return `${name} = 0: a path ends in row ${last} or row ${end}.`;
  const to = sources(lattice, "beta", t, s);
  const symbols = to.map(([u, q]) => `β(${u},${q}) · p(${u}, ${named(lattice, rows[q])})`);
  const values = to.map(([u, q]) => `${fromLog(beta[u][q])} · ${number(probs[u][rows[q]])}`);
  return `${name} = ${symbols.join(" + ")} = ${values.join(" + ")} = ${fromLog(beta[t][s])}`;
}

function posteriorLine(lattice, t, s) {
  const { alpha, beta, posterior, logLikelihood } = lattice, name = `posterior(${t},${s})`;
  if (logLikelihood === -Infinity) return `${name} = 0: p(Y|X) is 0, so there is nothing to share out.`;
  const values = `${fromLog(alpha[t][s])} · ${fromLog(beta[t][s])} / ${fromLog(logLikelihood)}`;
  return `${name} = α(${t},${s}) · β(${t},${s}) / p(Y|X) = ${values} = ${number(posterior[t][s])}`;
}

function bestLine({ rows, signs, probs, best }, t, s, path) {
  if (path === null) return `No path through (${t},${s}) has a probability above 0.`;
  const classes = path.map((row) => rows[row]), write = (labels) => labels.map((k) => signs[k]).join("");
  const product = path.length <= 8 ? `${classes.map((k, u) => number(probs[u][k])).join(" · ")} = ` : "";
  return `Best path through (${t},${s}): ${write(classes)} → “${write(collapse(classes))}”, ` +
    `probability ${product}${fromLog(best[t][s])}`;
}

/** The sentence for one cell; `path` is the best path through it. */
export const explain = (lattice, mode, t, s, path) =>
  ({ alpha: alphaLine, beta: betaLine, posterior: posteriorLine, best: bestLine })[mode](lattice, t, s, path);

/** A text as class indices, or the reason why it cannot be the target: { labels, problem }. */
export function readTarget(text, alphabet, T) {
  const signs = codePoints(text), labels = signs.map((sign) => alphabet.indexOf(sign) + 1), place = labels.indexOf(0);
  const needed = minFrames(labels), kept = "the lattice keeps its last target.";
  if (place >= 0) return { problem: `“${signs[place]}” is not among the characters “${alphabet.join("")}”; ${kept}` };
  if (needed <= T) return { labels };
  const why = `${plural(labels.length, "label", "labels")}, ${plural(repeats(labels), "repeat", "repeats")}`;
  return { problem: `“${text}” needs ${needed} time steps (${why}), and there are ${T}; ${kept}` };
}

/** A row of probabilities with one of them set, the others rescaled so that the row sums to 1. */
export function rescale(row, k, value) {
  const rest = row.reduce((total, p, j) => (j === k ? total : total + p), 0);
  const share = (p) => (rest > 0 ? (p / rest) * (1 - value) : (1 - value) / (row.length - 1));
  return row.map((p, j) => (j === k ? value : share(p)));
}
