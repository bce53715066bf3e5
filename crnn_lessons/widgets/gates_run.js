// The arithmetic of an LSTM, without anything to see. Gates stand in torch's order: i, f, g, o.
import { range } from "./dom.js";

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** One unit with given gates (T rows i, f, g, o), its memory empty at first: { c, h }, T numbers each. */
export function runByHand(gates) {
  let memory = 0;
  const c = gates.map(([i, f, g]) => (memory = f * memory + i * g));
  return { c, h: gates.map((gate, t) => gate[3] * Math.tanh(c[t])) };
}

const affine = (W, x, b) => W.map((row, i) => row.reduce((total, w, d) => total + w * x[d], b[i]));

/** A layer over a sequence (T D): { i, f, g, o, c, h }, each T rows of one number a unit. */
export function runCell({ weight_ih, weight_hh, bias, output_tanh }, inputs) {
  const H = weight_hh[0].length, run = { i: [], f: [], g: [], o: [], c: [], h: [] };
  let h = Array(H).fill(0), c = h;
  for (const x of inputs) {
    const sums = affine(weight_hh, h, affine(weight_ih, x, bias));
    const part = (squash, n) => sums.slice(n * H, n * H + H).map(squash);
    const [i, f, g, o] = [sigmoid, sigmoid, Math.tanh, sigmoid].map(part);
    c = c.map((old, unit) => f[unit] * old + i[unit] * g[unit]);
    h = c.map((now, unit) => o[unit] * (output_tanh ? Math.tanh(now) : now));
    for (const [name, values] of Object.entries({ i, f, g, o, c, h })) run[name].push(values);
  }
  return run;
}

/** What a linear layer and a softmax make of a state: one probability a class, or null where there is no such layer. */
export function readOut({ out_weight, out_bias }, h) {
  if (!out_weight) return null;
  const scores = affine(out_weight, h, out_bias), top = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - top)), total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}

/** The sign of each step: the label of the one feature that is 1 among those with labels, or "·". */
export function signsOf(inputs, labels) {
  return inputs.map((x) => {
    const named = x.slice(0, labels.length), k = named.indexOf(1);
    return k >= 0 && named.every((value, d) => value === (d === k ? 1 : 0)) ? labels[k] : "·";
  });
}

/** Inputs after their signs were edited: a step that kept its sign keeps its numbers; features without a label stay. */
export function editInputs(inputs, labels, signs) {
  const old = signsOf(inputs, labels), most = Math.min(old.length, signs.length);
  let head = 0, tail = 0;
  while (head < most && old[head] === signs[head]) head++;
  while (tail < most - head && old.at(-1 - tail) === signs.at(-1 - tail)) tail++;
  return range(signs.length, (t) => {
    if (t < head) return inputs[t];
    if (t >= signs.length - tail) return inputs[t - signs.length + inputs.length];
    const like = inputs[Math.min(t, inputs.length - 1)];
    return like.map((value, d) => (d < labels.length ? (labels[d] === signs[t] ? 1 : 0) : value));
  });
}
