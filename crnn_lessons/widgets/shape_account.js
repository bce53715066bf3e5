// The account of a whole recogniser: the stack's rows, then projection, sequence model and output; and words that fit.
import { minFrames, repeats } from "./ctc.js";
import { costs, fields, parseLayer, sizesAlong } from "./shape_stack.js";

export const PROJECTIONS = ["concat", "max", "sum", "lstm", "attend"];
const WIDEST = 2000; // pixels; beyond it nothing here means anything, as beyond five digits in a layer
const DIGITS = "a number has at most five digits.";
const CHAIN = "write none, or a chain of bilstm 256, gru 64, linear 256, conv 64 5";

/** One part of the sequence model or the output for an input of a size: { out, own, norm, each } with work a step. */
function sequencePart(text, size, classes) {
  const m = /^(?:(bilstm|gru|linear|mlp) ([1-9]\d{0,4})|conv ([1-9]\d{0,4}) (\d{0,4}[13579])|(linear))$/.exec(text);
  if (!m) return null;
  if (m[3]) {
    const weights = Number(m[3]) * size * Number(m[4]);
    return { out: Number(m[3]), own: weights, norm: 2 * Number(m[3]), each: weights };
  }
  const units = Number(m[2] ?? classes), kind = m[1] ?? m[5];
  if (kind === "linear") return { out: units, own: (size + 1) * units, norm: 0, each: size * units };
  if (kind === "mlp") {
    const weights = size * units + units * classes;
    return { out: classes, own: weights + units + classes, norm: 0, each: weights };
  }
  const gates = kind === "gru" ? 3 : 4, ways = kind === "gru" ? 1 : 2;
  const weights = ways * gates * units * (size + units);
  return { out: ways * units, own: weights + ways * gates * units * 2, norm: 0, each: weights };
}

const pieces = (text) => text.split(",").map((piece) => piece.trim());

/**
 * Rows for every layer, or the reason why there are none: { rows, T, stack, parameters, work, own } or { problem };
 * `own` is the stack's share.
 */
export function accountOf(state) {
  const stack = state.layers.map(parseLayer), odd = state.layers[stack.indexOf(null)];
  const write = "Write a kind and its numbers, as conv 64, pool 2 1 or block 64 stride 2 1.";
  if (odd !== undefined) return { problem: `“${odd}” is no layer. ${write}` };
  for (const [name, least] of [["height", 1], ["width", 1], ["num_classes", 2]]) {
    if (Number.isInteger(state[name]) && state[name] >= least && state[name] <= WIDEST) continue;
    return { problem: `The ${name.replace("num_", "number of ")} is a whole number from ${least} to ${WIDEST}.` };
  }
  const heights = sizesAlong(stack, 0, state.height), widths = sizesAlong(stack, 1, state.width);
  const gone = heights.findIndex((h, i) => Math.min(h, widths[i]) < 1);
  if (gone > 0) {
    const [left, before] = [gone, gone - 1].map((i) => `${heights[i]} × ${widths[i]}`);
    return { problem: `“${state.layers[gone - 1]}” leaves ${left} of ${before}. Pool less, or take a larger image.` };
  }
  const down = fields(stack, 0, state.height), along = fields(stack, 1, state.width);
  let channels = state.in_channels;
  const rows = stack.map((layer, i) => {
    const { out, own, norm, work } = costs(layer, channels, [heights[i], widths[i]]);
    channels = out;
    const shape = [out, heights[i + 1], widths[i + 1]], parameters = [own, norm].filter(Boolean);
    return { name: layer.text, shape, parameters, work, sees: [down[i], along[i]] };
  });
  const T = widths.at(-1), height = heights.at(-1);
  let size = state.projection === "concat" ? channels * height : channels;
  const add = (name, parameters, work) => rows.push({ name, shape: [T, size], parameters, work, sees: null });
  const heads = [8, 4, 2, 1].find((n) => channels % n === 0); // of attend
  const scan = { lstm: 8 * channels * channels, attend: heads * channels }[state.projection] ?? 0;
  const biases = state.projection === "lstm" ? 8 * channels : heads;
  add(`project: ${state.projection}`, scan ? [scan + biases] : [], scan * T * height);
  const sequence = state.sequence === "none" ? [] : pieces(state.sequence);
  if (!sequence.length) add("sequence: none", [], 0);
  for (const [what, text] of [...sequence.map((piece) => ["sequence", piece]), ["output", state.output]]) {
    const fits = what === "output" ? /^(linear|mlp \d+)$/ : /^(bilstm|gru|linear|conv) /;
    const part = fits.test(text) ? sequencePart(text, size, state.num_classes) : null;
    if (!part && what === "output") return { problem: `“${text}” is no output: write linear, or mlp 128; ${DIGITS}` };
    if (!part) return { problem: `“${text}” is no sequence model: ${CHAIN}; ${DIGITS}` };
    size = part.out;
    add(`${what}: ${text}`, [part.own, part.norm].filter(Boolean), part.each * T);
  }
  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  const sums = (some) =>
    ({ parameters: total(some.flatMap((row) => row.parameters)), work: total(some.map((row) => row.work)) });
  return { rows, T, stack, heights, widths, ...sums(rows), own: sums(rows.slice(0, stack.length)) };
}

/** A word's letters S, its repeats r, and the narrowest image that gives S + r steps (null: none up to 2000 pixels). */
export function roomFor(signs, stack) {
  const needed = minFrames(signs);
  let narrowest = 1;
  while (narrowest <= WIDEST && sizesAlong(stack, 1, narrowest).at(-1) < Math.max(1, needed)) narrowest++;
  return { S: signs.length, r: repeats(signs), needed, narrowest: narrowest > WIDEST ? null : narrowest };
}
