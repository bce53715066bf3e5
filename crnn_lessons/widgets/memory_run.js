// How far back a recurrent network feels, derived by hand; Python has it from autograd. Matrices are lists of rows.
import { range } from "./dom.js";

export const CELLS = { RNN: 1, LSTM: 4, GRU: 3 };

const sigmoid = (a) => 1 / (1 + Math.exp(-a));
const apply = (W, v) => W.map((row) => row.reduce((total, w, k) => total + w * v[k], 0));
/** P W for P of rows times a matrix. */
const through = (P, W) => P.map((row) => W[0].map((_, k) => row.reduce((total, p, j) => total + p * W[j][k], 0)));
const columns = (P, v) => P.map((row) => row.map((p, k) => p * v[k])); // each column times a number
const add = (...Ps) => Ps[0].map((row, j) => row.map((_, k) => Ps.reduce((total, P) => total + P[j][k], 0)));
const each = (f, ...vs) => vs[0].map((_, k) => f(...vs.map((v) => v[k])));
const eye = (n) => range(n, (j) => range(n, (k) => (j === k ? 1 : 0)));

/** The length of the derivative of the last state by the input, for each distance back from the last step. */
export function influence(base, cell, kind, norm, bias, length) {
  const W = base[kind].slice(0, CELLS[cell]).map((matrix) => matrix.map((row) => row.map((w) => norm * w)));
  const U = base.weight_ih.slice(0, CELLS[cell]);
  const rows = { RNN: rnn, LSTM: lstm, GRU: gru }[cell](W, U, base.x.slice(0, length), bias);
  return rows.map((row) => Math.sqrt(row.reduce((total, d) => total + d * d, 0))).reverse();
}

/** What step t gets from input and state: W_ih x + W_hh h for part k. */
const part = (W, U, value, h, k) => apply(W[k], h).map((w, j) => U[k][j] * value + w);

function rnn(W, U, x) {
  let h = W[0].map(() => 0), A = eye(h.length);
  const states = x.map((value) => (h = part(W, U, value, h, 0).map(Math.tanh))), out = [];
  for (let t = x.length - 1; t >= 0; t--) {
    const P = columns(A, states[t].map((s) => 1 - s * s));
    out[t] = apply(P, U[0]);
    A = through(P, W[0]);
  }
  return out;
}

function lstm(W, U, x, bias) {
  let h = W[0].map(() => 0), c = h, A = eye(h.length), M = A.map((row) => row.map(() => 0));
  const kept = x.map((value) => {
    const i = part(W, U, value, h, 0).map(sigmoid), f = part(W, U, value, h, 1).map((a) => sigmoid(a + bias));
    const g = part(W, U, value, h, 2).map(Math.tanh), o = part(W, U, value, h, 3).map(sigmoid), before = c;
    c = each((f, c, i, g) => f * c + i * g, f, c, i, g);
    h = each((o, c) => o * Math.tanh(c), o, c);
    return { i, f, g, o, c, before };
  });
  const out = [];
  for (let t = x.length - 1; t >= 0; t--) {
    const { i, f, g, o, c, before } = kept[t];
    M = add(M, columns(A, each((o, c) => o * (1 - Math.tanh(c) ** 2), o, c)));
    const P = [
      columns(M, each((g, i) => g * i * (1 - i), g, i)), columns(M, each((b, f) => b * f * (1 - f), before, f)),
      columns(M, each((i, g) => i * (1 - g * g), i, g)), columns(A, each((c, o) => Math.tanh(c) * o * (1 - o), c, o)),
    ];
    out[t] = each((...parts) => parts.reduce((a, b) => a + b), ...P.map((Pk, k) => apply(Pk, U[k])));
    A = add(...P.map((Pk, k) => through(Pk, W[k])));
    M = columns(M, f);
  }
  return out;
}

function gru(W, U, x, bias) {
  let h = W[0].map(() => 0), A = eye(h.length);
  const kept = x.map((value) => {
    const r = part(W, U, value, h, 0).map(sigmoid), z = part(W, U, value, h, 1).map((a) => sigmoid(a + bias));
    const inner = apply(W[2], h), n = each((u, r, w) => Math.tanh(u * value + r * w), U[2], r, inner), before = h;
    h = each((z, n, h) => (1 - z) * n + z * h, z, n, h);
    return { r, z, n, inner, before };
  });
  const out = [];
  for (let t = x.length - 1; t >= 0; t--) {
    const { r, z, n, inner, before } = kept[t];
    const Pn = columns(A, each((z, n) => (1 - z) * (1 - n * n), z, n));
    const Pz = columns(A, each((b, n, z) => (b - n) * z * (1 - z), before, n, z));
    const Pr = columns(Pn, each((w, r) => w * r * (1 - r), inner, r));
    out[t] = each((a, b, c) => a + b + c, apply(Pr, U[0]), apply(Pz, U[1]), apply(Pn, U[2]));
    A = add(columns(A, z), through(Pr, W[0]), through(Pz, W[1]), through(columns(Pn, r), W[2]));
  }
  return out;
}
