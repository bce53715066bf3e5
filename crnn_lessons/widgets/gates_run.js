// The arithmetic of an LSTM, without anything to see. Gates stand in torch's order: i, f, g, o.

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** One unit with given gates (T rows i, f, g, o), its memory empty at first: { c, h }, T numbers each. */
export function runByHand(gates) {
  let memory = 0;
  const c = [], h = [];
  for (const [i, f, g, o] of gates) {
    memory = f * memory + i * g;
    c.push(memory);
    h.push(o * Math.tanh(memory));
  }
  return { c, h };
}

/** A layer over a sequence (T D): { i, f, g, o, c, h }, each T rows of one number a unit. */
export function runCell({ weight_ih, weight_hh, bias, output_tanh }, inputs) {
  const H = weight_hh[0].length;
  const run = { i: [], f: [], g: [], o: [], c: [], h: [] };
  let h = Array(H).fill(0), c = Array(H).fill(0);
  for (const x of inputs) {
    const sums = bias.map((b, row) => {
      let total = b;
      for (let d = 0; d < x.length; d++) total += weight_ih[row][d] * x[d];
      for (let unit = 0; unit < H; unit++) total += weight_hh[row][unit] * h[unit];
      return total;
    });
    const part = (n, squash) => sums.slice(n * H, (n + 1) * H).map(squash);
    const i = part(0, sigmoid), f = part(1, sigmoid), g = part(2, Math.tanh), o = part(3, sigmoid);
    c = c.map((old, unit) => f[unit] * old + i[unit] * g[unit]);
    h = c.map((now, unit) => o[unit] * (output_tanh ? Math.tanh(now) : now));
    for (const [name, values] of Object.entries({ i, f, g, o, c, h })) run[name].push(values);
  }
  return run;
}

/** What a linear layer and a softmax make of a state: one probability a class, or null where there is no such layer. */
export function readOut({ out_weight, out_bias }, h) {
  if (!out_weight) return null;
  const scores = out_weight.map((row, k) => row.reduce((total, w, unit) => total + w * h[unit], out_bias[k]));
  const top = Math.max(...scores), weights = scores.map((score) => Math.exp(score - top));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}

/** The sign of each step: the label of the one feature that is 1 among those with labels, or "·". */
export function signsOf(inputs, labels) {
  return inputs.map((x) => {
    const named = x.slice(0, labels.length), k = named.indexOf(1);
    return k >= 0 && named.every((value, d) => value === (d === k ? 1 : 0)) ? labels[k] : "·";
  });
}

/** Inputs after their signs were edited: steps that kept their sign keep their numbers, and so do features without a label. */
export function editInputs(inputs, labels, signs) {
  const old = signsOf(inputs, labels), most = Math.min(old.length, signs.length);
  let head = 0, tail = 0;
  while (head < most && old[head] === signs[head]) head++;
  while (tail < most - head && old.at(-1 - tail) === signs.at(-1 - tail)) tail++;
  return signs.map((sign, t) => {
    if (t < head) return inputs[t];
    if (t >= signs.length - tail) return inputs[t - signs.length + inputs.length];
    const like = inputs[Math.min(t, inputs.length - 1)];
    return like.map((value, d) => (d < labels.length ? (labels[d] === sign ? 1 : 0) : value));
  });
}
