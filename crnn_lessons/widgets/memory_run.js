// How far back a recurrent network feels. Each number carries, beside its value v, its derivatives d with respect to
// the input of every step. So the cells stand here as their equations, and the derivatives come along by themselves.
import { range } from "./dom.js";

export const CELLS = { RNN: 1, LSTM: 4, GRU: 3 };

/** A value v whose derivatives are p times those of a and q times those of b. */
function follows(v, p, a, q, b) {
  const d = new Float64Array(a.d.length);
  for (let k = 0; k < d.length; k++) d[k] = p * a.d[k] + q * b.d[k];
  return { v, d };
}
const add = (a, b) => follows(a.v + b.v, 1, a, 1, b);
const subtract = (a, b) => follows(a.v - b.v, 1, a, -1, b);
const multiply = (a, b) => follows(a.v * b.v, b.v, a, a.v, b);
const squash = (v, slope, a) => follows(v, slope, a, 0, a);
const sigmoid = (a, v = 1 / (1 + Math.exp(-a.v))) => squash(v, v * (1 - v), a);
const tanh = (a, v = Math.tanh(a.v)) => squash(v, 1 - v * v, a);

/** The rows of a matrix times the state h. */
const times = (W, h) => W.map((row) => {
  const d = new Float64Array(h[0].d.length);
  row.forEach((w, j) => { for (let k = 0, from = h[j].d; k < d.length; k++) d[k] += w * from[k]; });
  return { v: row.reduce((sum, w, j) => sum + w * h[j].v, 0), d };
});

/** The next state of each cell; x[k] is what the input adds to part k, and W[k] h what the state does. */
const STEPS = {
  RNN: (x, W, { h }) => ({ h: times(W[0], h).map((a, j) => tanh(add(a, x[0][j]))) }),
  LSTM(x, W, { h, c }) {
    const [i, f, g, o] = range(4, (k) => times(W[k], h).map((a, j) => (k === 2 ? tanh : sigmoid)(add(a, x[k][j]))));
    const kept = c.map((old, j) => add(multiply(f[j], old), multiply(i[j], g[j])));
    return { c: kept, h: kept.map((now, j) => multiply(o[j], tanh(now))) };
  },
  GRU(x, W, { h }) {
    const [r, z] = range(2, (k) => times(W[k], h).map((a, j) => sigmoid(add(a, x[k][j]))));
    const n = times(W[2], h).map((a, j) => tanh(add(multiply(r[j], a), x[2][j])));
    return { h: h.map((old, j) => add(n[j], multiply(z[j], subtract(old, n[j])))) };
  },
};

/** The length of the derivative of the last state by the input, for each distance back from the last step. */
export function influence(base, cell, kind, norm, bias, length) {
  const W = base[kind].slice(0, CELLS[cell]).map((matrix) => matrix.map((row) => row.map((w) => norm * w)));
  const empty = () => W[0].map(() => ({ v: 0, d: new Float64Array(length) }));
  let state = { h: empty(), c: empty() };
  for (let t = 0; t < length; t++) {
    const x = W.map((_, part) => base.weight_ih[part].map((u) => {
      const d = new Float64Array(length);
      d[t] = u;
      return { v: u * base.x[t] + (part === 1 ? bias : 0), d };
    }));
    state = STEPS[cell](x, W, state);
  }
  return range(length, (distance) => Math.hypot(...state.h.map(({ d }) => d[length - 1 - distance])));
}
