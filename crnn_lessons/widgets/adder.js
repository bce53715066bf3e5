// A trained network adds two numbers: bits, carry, its units and its answer, one column a time step.
import {
  bar, button, field, invalid, legend, live, noteLine, resetButton, slider, stepper, usable,
} from "./controls.js";
import { attr, clamp, columnTitle, dataRow, dataTable, flag, html, range } from "./dom.js";
import { focused, follow, mount, shell } from "./view.js";
import { count, minus, number, plural } from "./words.js";

const MOST_BITS = 64;
const LEGEND = "The least significant bit is on the left. Units: + above 0.5, − below −0.5, blank in between.";
const NEXT = "Press next, or the right arrow on the slider.";
const CORRELATED = " Beside each unit: its correlation with the carry out, the carry that leaves the place; " +
  "★ marks the largest.";

/** A whole number as a BigInt, or the reason why it cannot be added: { value, problem }. */
export function readNumber(text) {
  const digits = text.trim().replace(/[,\s]/g, ""), kept = "the last sum stays.";
  if (!/^\d+$/.test(digits)) return { problem: `“${text.trim()}” is no whole number of 0 or more; ${kept}` };
  const value = BigInt(digits);
  if (value >> BigInt(MOST_BITS)) return { problem: `At most ${MOST_BITS} bits, so below 2^${MOST_BITS}; ${kept}` };
  return { value };
}

/** The network's way through a sum: per step bits, carry in and out, the true bit, state, logit and its sigmoid. */
export function addNumbers(weights, first, second) {
  const bit = (n, t) => Number((n >> BigInt(t)) & 1n);
  let h = weights.b.map(() => 0), carry = 0;
  return range(Math.max(first.toString(2).length, second.toString(2).length) + 1, (t) => {
    const x = [bit(first, t), bit(second, t)], before = h;
    h = weights.b.map((b, j) => Math.tanh(b + dot(weights.ih[j], x) + dot(weights.hh[j], before)));
    const logit = weights.b_out + dot(weights.out, h), total = x[0] + x[1] + carry, came = carry;
    carry = total >> 1;
    const said = logit > 0 ? 1 : 0;
    return { x, carry: came, out: carry, bit: total % 2, h, logit, p: 1 / (1 + Math.exp(-logit)), said };
  });
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
/** The number that the network's first bits stand for, a BigInt. */
export const spoken = (steps) => steps.reduce((sum, { said }, t) => sum + (BigInt(said) << BigInt(t)), 0n);

/** The sentence for one step. */
export function explain(steps, t) {
  const { x, carry, out, bit, p, said } = steps[t], total = x[0] + x[1] + carry;
  return `t = ${t} (worth ${count(1n << BigInt(t))}): ${x[0]} + ${x[1]} + carry ${carry} = ${total}, so bit ${bit}, ` +
    `carry ${out}. The network: σ = ${number(p)}, bit ${said} ${said === bit ? "✓ right" : "✗ wrong"}.`;
}

/** Units in the order of |correlation|, as Python lists them. */
export function orderOf(correlations, H) {
  const size = range(H, (j) => Math.round(Math.abs(correlations[j] ?? 0) * 1e9));
  return range(H, (j) => j).sort((i, j) => size[j] - size[i] || i - j);
}

const signOf = (value) => (Math.abs(value) < 0.5 ? "" : value > 0 ? "+" : "−");

/** The rows of the table: title, class, and for a step, done or not: its text, class, title, and share of colour. */
function rowsOf({ correlations, marked }, H) {
  const carried = (which) => (step, done) => [done ? step[which] : "·", done && step[which] ? "one" : ""];
  const said = ({ said, bit, p }, done) => {
    if (!done) return ["·"];
    return said === bit ? [said, "", `σ = ${number(p)}`] : [`${said}✗`, "wrong", `σ = ${number(p)}, wrong`];
  };
  const unit = (j, place) => {
    const star = place < marked ? html("b", { title: "goes with the carry out" }, "★ ") : "";
    const known = correlations.length ? html("span.soft", ` ${minus(correlations[j].toFixed(2))}`) : "";
    return [[star, `unit ${j}`, known], place < marked ? "unit.marked" : "unit", ({ h }, done) => (done
      ? [signOf(h[j]), h[j] < 0 ? "minus" : "", `unit ${j}: ${number(h[j])}`, 60 * Math.abs(h[j])] : [""])];
  };
  return [["first", "in", ({ x }) => [x[0]]], ["second", "in", ({ x }) => [x[1]]],
    ["carry in", "carry", carried("carry")], ["true bit", "true", ({ bit }, done) => [done ? bit : "·"]],
    ["network", "said", said], ["carry out", "carry", carried("out")], ...orderOf(correlations, H).map(unit)];
}

function render({ model, el: host }) {
  const view = follow(model, paint), { weights, correlations } = view.state, NAMES = ["first", "second"];
  let steps = [], sum = "", rows = [], titles = [], cells = [], filled = 0;

  const numeric = { inputmode: "numeric", size: 20 };
  const fields = NAMES.map((name, at) => field("input.field.mono", () => onNumber(name, at), numeric));
  const note = noteLine(), result = live("p.result"), line = live("p.line");
  const go = (step) => view.change({ step: clamp(step, steps.length + 1) });
  const places = slider({ min: 0, step: 1 }, go);
  const walk = stepper((by) => go(view.state.step + by), ["One place back (left arrow on the slider)",
    "Add the next place (right arrow on the slider)"], false, ["◀ back", "next ▶"]);
  const all = button("all", "Add all places (End on the slider)", () => go(Infinity));
  const scroll = html("div.scroll", { tabindex: 0, role: "region", "aria-label": "The sum, one column a step" });
  const settle = () => { note.textContent = ""; for (const node of fields) invalid(node, false); };
  const root = shell("adder", "A network adds two numbers",
    bar(NAMES.map((name, i) => html("label", name, fields[i])), resetButton(view, "Back to the first sum", settle)),
    note, result, bar(walk.back, html("label.slide", "places added", places), walk.on, all), scroll, line,
    legend(LEGEND, correlations.length ? CORRELATED : ""));

  const jump = (t) => () => { go(t + 1); places.focus({ preventScroll: true }); }; // arrow keys go on from there

  function onNumber(name, at) {
    const read = fields.map(({ value }) => readNumber(value)), { value, problem } = read[at], { step } = view.state;
    invalid(fields[at], problem);
    note.textContent = read.find((r) => r.problem)?.problem ?? "";
    if (problem) return;
    const T = addNumbers(weights, value, BigInt(view.state[NAMES[1 - at]])).length;
    view.change({ [name]: value.toString(), step: step >= steps.length ? T : Math.min(step, T) });
  }

  const fill = (t, done) => rows.forEach(([, , cell], i) => {
    const [text, name = "", title = "", share = 0] = cell(steps[t], done);
    Object.assign(cells[i][t], { textContent: text, className: name && `crnn-${name}`, title });
    cells[i][t].style.setProperty("--p", `${share.toFixed(0)}%`);
  });

  /** The table, drawn anew for each sum; a column is filled when its step has been done. */
  function build() {
    rows = rowsOf(view.state, weights.b.length);
    cells = rows.map(() => steps.map((_, t) => html("td", { "data-t": t, onclick: jump(t) })));
    titles = steps.map((_, t) => columnTitle(html("button.time",
      { type: "button", tabindex: -1, "aria-label": `add up to place ${t}`, onclick: jump(t) }, t)));
    steps.forEach((_, t) => fill(t, false));
    filled = 0;
    const caption = html("caption", "Bits, carry, answer and units of the network, one column a step");
    const lines = rows.map(([title, kind], i) => dataRow(title, cells[i], `tr.${kind}`));
    scroll.replaceChildren(dataTable("table.places", caption, titles, lines, html("th", { scope: "row" }, "t")));
  }

  function paint() {
    const { state } = view, [first, second] = NAMES.map((name) => BigInt(state[name]));
    if (sum !== `${first} + ${second}`) {
      sum = `${first} + ${second}`;
      steps = addNumbers(weights, first, second);
      build();
    }
    const T = steps.length, step = clamp(state.step, T + 1), done = step === T;
    for (; filled < step; filled++) fill(filled, true);
    for (; filled > step; filled--) fill(filled - 1, false);
    titles.forEach((title, t) => flag(title, "now", t === step - 1));
    fields.forEach((node, i) => { if (focused(root) !== node || !node.value) node.value = state[NAMES[i]]; });
    Object.assign(places, { max: T, value: step });
    attr(places, { "aria-valuetext": `${step} of ${T} places` });
    walk.fill(step, T);
    usable(all, !done);
    const wrong = steps.filter(({ said, bit }) => said !== bit).length;
    const verdict = wrong ? ` ✗ ${plural(wrong, "bit", "bits")} wrong` : " ✓";
    const truth = html("b.truth", count(first + second)), answer = html("b.spoken", done ? count(spoken(steps)) : "…");
    result.replaceChildren(html("span", `${count(first)} + ${count(second)} = `, truth),
      html("span", "network: ", answer, done ? verdict : ` ${step} of ${T} places added`));
    line.textContent = step > 0 ? explain(steps, step - 1)
      : `No place has been added yet: ${plural(T, "step", "steps")} to go. ${NEXT}`;
    const now = titles[step - 1];
    scroll.scrollLeft = now ? Math.max(0, now.offsetLeft + now.offsetWidth + 20 - scroll.clientWidth) : 0;
  }

  return mount(view, host, root);
}
