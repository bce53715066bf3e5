// The read-out of the lattice: one cell's quantity, written with the numbers it is made of.
import { collapse, predecessors, successors } from "./ctc.js";
import { codePoints, fromLog, number, plural } from "./dom.js";

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
  const { rows, beta, probs, T } = lattice, name = `β(${t},${s})`;
  if (t === T - 1) {
    const [last, end] = [Math.max(0, rows.length - 2), rows.length - 1];
    return s >= last ? `${name} = 1: a path may end here.` : `${name} = 0: a path ends in ${last === end ? `row ${end}` : `row ${last} or row ${end}`}.`;
  }
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

function bestLine(lattice, t, s, path) {
  if (path === null) return `No path through (${t},${s}) has a probability above 0.`;
  const labels = collapse(path.map((row) => lattice.rows[row])).map((label) => lattice.signs[label]);
  const factors = path.map((row, u) => number(lattice.probs[u][lattice.rows[row]]));
  const product = path.length <= 8 ? `${factors.join(" · ")} = ` : "";
  return `Best path through (${t},${s}): ${path.map((row) => lattice.signs[lattice.rows[row]]).join("")} → “${labels.join("")}”, probability ${product}${fromLog(lattice.best[t][s])}`;
}

/** The sentence for one cell; `path` is the best path through it. */
export function explain(lattice, mode, t, s, path) {
  if (mode === "best") return bestLine(lattice, t, s, path);
  return { alpha: alphaLine, beta: betaLine, posterior: posteriorLine }[mode](lattice, t, s);
}

/** A text as class indices, or the reason why it cannot be the target: { labels, problem }. */
export function readTarget(text, alphabet, T) {
  const signs = codePoints(text), labels = signs.map((sign) => alphabet.indexOf(sign) + 1);
  const place = labels.indexOf(0);
  if (place >= 0) {
    return { problem: `“${signs[place]}” is not among the characters “${alphabet.join("")}”; the lattice keeps its last target.` };
  }
  const r = labels.filter((label, i) => i > 0 && label === labels[i - 1]).length;
  if (labels.length + r > T) {
    return { problem: `“${text}” needs ${labels.length + r} time steps (${plural(labels.length, "label", "labels")}, ${plural(r, "repeat", "repeats")}), and there are ${T}; the lattice keeps its last target.` };
  }
  return { labels };
}

/** A row of probabilities with one of them set, the others rescaled so that the row sums to 1. */
export function rescale(row, k, value) {
  const rest = row.reduce((total, p, j) => (j === k ? total : total + p), 0);
  const share = (p) => (rest > 0 ? (p / rest) * (1 - value) : (1 - value) / (row.length - 1));
  return row.map((p, j) => (j === k ? value : share(p)));
}
