// How far back a recurrent network feels: its cells, on numbers that carry their derivatives by the input at each step.
// Python has the same from autograd.
import { range } from "./dom.js";

export const CELLS = { RNN: 1, LSTM: 4, GRU: 3 };

// A number is { x, by }: its value, and its derivative by each input.
const curve = (f, slope) => ({ x, by }) => {
  const y = f(x), steep = slope(y); // a slope is written with the result, as in the lesson
  return { x: y, by: by.map((d) => steep * d) };
};
const sigmoid = curve((a) => 1 / (1 + Math.exp(-a)), (y) => y * (1 - y));
const tanh = curve(Math.tanh, (y) => 1 - y * y);
const rest = curve((a) => 1 - a, () => -1);
const plus = (a, b) => ({ x: a.x + b.x, by: a.by.map((d, t) => d + b.by[t]) });
const times = (a, b) => ({ x: a.x * b.x, by: a.by.map((d, t) => d * b.x + a.x * b.by[t]) });
/** The sum of a vector's numbers, each with its weight. */
function weighted(row, vector) {
  const by = vector[0].by.map(() => 0);
  row.forEach((w, j) => { for (let t = 0; t < by.length; t++) by[t] += w * vector[j].by[t]; });
  return { x: row.reduce((sum, w, j) => sum + w * vector[j].x, 0), by };
}
/** A function of one number or two, unit by unit. */
const each = (f, ...vectors) => vectors[0].map((_, j) => f(...vectors.map((vector) => vector[j])));

/** The states h and c after a step; part k gets `input(k)`, its bias included, and `past(k)` from the state before. */
const STEPS = {
  RNN: (input, past, h, c) => [each(tanh, each(plus, input(0), past(0))), c],
  LSTM(input, past, h, c) {
    const gates = [sigmoid, sigmoid, tanh, sigmoid].map((squash, k) => each(squash, each(plus, input(k), past(k))));
    const [i, f, g, o] = gates, next = each(plus, each(times, f, c), each(times, i, g));
    return [each(times, o, each(tanh, next)), next];
  },
  GRU(input, past, h, c) {
    const [r, z] = [0, 1].map((k) => each(sigmoid, each(plus, input(k), past(k))));
    const n = each(tanh, each(plus, input(2), each(times, r, past(2))));
    return [each(plus, each(times, each(rest, z), n), each(times, z, h)), c];
  },
};

/** The length of the derivative of the last state by the input, for each distance back from the last step. */
export function influence(base, cell, kind, norm, bias, length) {
  const W = base[kind].map((matrix) => matrix.map((row) => row.map((w) => norm * w))), U = base.weight_ih;
  const biased = cell === "RNN" ? -1 : 1; // f and z come second
  const longer = (vector) => vector.map(({ x, by }) => ({ x, by: [...by, 0] })); // by the next input: 0 so far
  let h = U[0].map(() => ({ x: 0, by: [] })), c = h;
  for (let t = 0; t < length; t++) {
    [h, c] = [h, c].map(longer);
    const from = (k, u) => ({ x: u * base.x[t] + (k === biased ? bias : 0), by: range(t + 1, (s) => (s < t ? 0 : u)) });
    const input = (k) => U[k].map((u) => from(k, u)), past = (k) => W[k].map((row) => weighted(row, h));
    [h, c] = STEPS[cell](input, past, h, c);
  }
  return range(length, (distance) => Math.hypot(...h.map(({ by }) => by[length - 1 - distance])));
}
