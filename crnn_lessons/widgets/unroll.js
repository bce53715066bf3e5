// A small recurrent network, unrolled: every state of a sequence, and the one set of weights that makes them all.
import { bar, field, invalid, isInvalid, legend, liveAll, noteLine, resetButton, stepper } from "./controls.js";
import { attr, clamp, columnTitle, dataRow, dataTable, flag, html, range } from "./dom.js";
import { arrowTo, modified, rove } from "./keys.js";
import { focused, follow, mount, shell } from "./view.js";
import { bracketed, number, typed } from "./words.js";

const LIMIT = 100; // a larger weight or input says nothing that a smaller one does not
const NUMBER = `a number from −${LIMIT} to ${LIMIT}`;
const ACTIVATIONS = { tanh: Math.tanh, relu: (z) => Math.max(z, 0) };
const SYMBOLS = { weight_ih: "W_ih", weight_hh: "W_hh", bias: "b", weight_out: "W_out", bias_out: "b_out" };
const LEGEND = "Click a number of h or y, or move with the arrow keys. Type into a field, or press ↑ and ↓ in it, to " +
  "change an input or a weight. Dashed: what the marked number is made of. A bar to the right is a positive number, " +
  "to the left a negative one.";

/** What a field says: { value }; { begun } where it is the beginning of a number; { problem } where it is neither. */
export function readNumber(text) {
  const plain = text.trim().replace(",", ".").replace(/[−–]/g, "-");
  if (/^[-+]?\.?$|^[-+]?[\d.]+e[-+]?$/i.test(plain)) return { begun: true };
  const value = Number(plain);
  return Number.isFinite(value) && Math.abs(value) <= LIMIT ? { value } : { problem: true };
}

const dot = (row, vector) => row.reduce((total, weight, j) => total + weight * vector[j], 0);

/** All states and outputs: { states, outputs }, T rows each; no outputs where there are no weights for them. */
export function run(net, inputs) {
  const activation = ACTIVATIONS[net.nonlinearity];
  let h = net.bias.map(() => 0);
  const states = inputs.map((x) => {
    const before = h;
    h = net.bias.map((b, i) => activation(dot(net.weight_ih[i], x) + dot(net.weight_hh[i], before) + b));
    return h;
  });
  const outputs = (net.weight_out ? states : []).map((state) =>
    net.weight_out.map((row, j) => dot(row, state) + net.bias_out[j]));
  return { states, outputs };
}

/** How one number came about, as two lines: with letters, and with the numbers in their place. */
export function explain(net, inputs, { states, outputs }, t, line) {
  const units = net.bias.length, f = net.nonlinearity;
  const products = (row, vector) => row.map((weight, j) => `${bracketed(weight)} · ${bracketed(vector[j])}`);
  if (line >= units) {
    const j = line - units, terms = [...products(net.weight_out[j], states[t]), bracketed(net.bias_out[j])];
    return [`y_${t}[${j}] = W_out[${j}] · h_${t} + b_out[${j}]`, `= ${terms.join(" + ")} = ${number(outputs[t][j])}`];
  }
  const [W_ih, W_hh, b] = [net.weight_ih[line], net.weight_hh[line], net.bias[line]];
  const before = t === 0 ? net.bias.map(() => 0) : states[t - 1];
  const terms = [...products(W_ih, inputs[t]), ...products(W_hh, before), bracketed(b)].join(" + ");
  const total = dot(W_ih, inputs[t]) + dot(W_hh, before) + b;
  const past = t === 0 ? "0 (there is no state before step 0)" : `W_hh[${line}] · h_${t - 1}`;
  return [
    `h_${t}[${line}] = ${f}(W_ih[${line}] · x_${t} + ${past} + b[${line}])`,
    `= ${f}(${terms}) = ${f}(${number(total)}) = ${number(states[t][line])}`,
  ];
}

function render({ model, el: host }) {
  const view = follow(model, paint), start = view.state, T = () => view.state.inputs.length;
  const units = start.bias.length, lines = units + (start.bias_out?.length ?? 0);
  let cells = [], fields = [], columns = [];

  const walk = stepper(stepBy, ["one step back", "one step on"], true);
  const reset = resetButton(view, "Back to the first weights and inputs", () => { note.textContent = ""; });
  reset.addEventListener("click", () => { for (const { fill } of fields) fill(); });
  const plane = html("div.scroll"), note = noteLine();
  const letters = html("p.mono.soft.letters"), values = html("p.mono.values");
  const weights = html("div.weights", Object.keys(SYMBOLS).filter((name) => start[name] !== null).map(weightTable));
  const root = shell("unroll", "A recurrent network, unrolled", bar(walk.back, walk.where, walk.on, reset), plane,
    liveAll(letters, values), note, html("p.head", html("b", "One set of weights, used at every step")), weights,
    legend(LEGEND));

  function stepBy(by) {
    view.change({ t: clamp(view.state.t + by, T()) });
    const { offsetLeft: left, offsetWidth: wide } = columns[view.state.t], { scrollLeft, clientWidth } = plane;
    const hidden = columns[0].offsetLeft; // the names of the rows stay in sight
    if (left - hidden < scrollLeft || left + wide > scrollLeft + clientWidth) plane.scrollLeft = left - clientWidth / 2;
  }

  /** A field for one number of the state, state[key][i] or state[key][i][j]; `by` is what an arrow key adds. */
  function numberField(name, by, key, i, j = null) {
    const list = () => view.state[key], read = () => (j === null ? list()[i] : list()[i][j]);
    const put = (value) => {
      if (value !== read()) view.change({ [key]: list().with(i, j === null ? value : list()[i].with(j, value)) });
    };
    let held = read(); // the number before the typing began: what counts where the field as a whole says none
    const fill = () => { node.value = typed(number(read())); invalid(node, false); };
    const take = () => {
      const { value, problem } = readNumber(node.value), kept = `it keeps ${number(held)}.`;
      invalid(node, problem);
      note.textContent = problem ? `${name} must be ${NUMBER}, and “${node.value}” is none; ${kept}` : "";
      put(value ?? held);
    };
    const node = field("input.number", take, { inputmode: "decimal", "aria-label": name,
      onfocus: () => { held = read(); },
      onblur: () => { if (isInvalid(node)) note.textContent = ""; fill(); },
      onkeydown: (event) => {
        const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key], enter = event.key === "Enter" && !event.shiftKey;
        if (modified(event) || !(direction || enter)) return;
        if (direction) put(Math.max(-LIMIT, Math.min(LIMIT, Number((read() + direction * by).toFixed(10)))));
        note.textContent = "";
        held = read();
        fill();
        event.preventDefault();
        if (enter) node.select();
      } });
    fields.push({ node, fill });
    return node;
  }

  function weightTable(key) {
    const symbol = SYMBOLS[key], matrix = Array.isArray(start[key][0]), size = matrix ? start[key][0].length : 1;
    const to = key.endsWith("out") ? "y" : "h", from = key === "weight_ih" ? "x" : "h";
    const cell = (i, j) => html("td", { "data-weight": key, "data-i": i, "data-j": j },
      matrix ? numberField(`${symbol}[${i}, ${j}]`, 0.1, key, i, j) : numberField(`${symbol}[${i}]`, 0.1, key, i));
    const rows = start[key].map((_, i) => dataRow(`${to}[${i}]`, range(size, (j) => cell(i, j))));
    const head = range(size, (j) => columnTitle(matrix ? `${from}[${j}]` : "\u00a0"));
    const caption = matrix ? `${symbol}: from ${from}${key === "weight_hh" ? " before" : ""}` : symbol;
    return dataTable("table", html("caption", caption), head, rows);
  }

  function build() {
    const by = start.start.inputs.flat().every(Number.isInteger) ? 1 : 0.1;
    fields = fields.filter(({ node }) => weights.contains(node));
    columns = range(T(), (t) => columnTitle(`t = ${t}`, { onclick: () => select(t, view.state.unit) }));
    const onfocusin = (t) => () => { if (view.state.t !== t) view.change({ t }); };
    const inputs = range(start.inputs[0].length, (d) => dataRow(`x[${d}]`, range(T(), (t) => html("td.in",
      { "data-t": t, onfocusin: onfocusin(t) }, numberField(`input ${d} at step ${t}`, by, "inputs", t, d)))));
    const onkeydown = (t, line) => (event) => {
      const to = arrowTo(event, t, line, T(), lines);
      if (to) select(...to);
    };
    cells = range(lines, (line) => range(T(), (t) => html(line < units ? "td.state" : "td.out",
      { "data-t": t, "data-line": line, onclick: () => select(t, line), onkeydown: onkeydown(t, line) },
      html("span.fill", { "aria-hidden": "true" }), html("span.figure"))));
    const rows = cells.map((row, line) => dataRow(line < units ? `h[${line}]` : `y[${line - units}]`, row));
    const table = dataTable("table.run", null, columns, [inputs, rows]);
    attr(table, { "aria-label": `Inputs, states and outputs over ${T()} steps` });
    plane.replaceChildren(table);
  }

  function select(t, unit) {
    view.change({ t, unit });
    cells[unit][t].focus();
  }

  function paint() {
    if (columns.length !== T()) build();
    const { inputs, t, unit, ...net } = view.state, result = run(net, inputs), hidden = unit < units;
    for (const { node, fill } of fields) if (focused(root) !== node) fill();
    const scale = Math.max(1, ...result.states.flat().map(Math.abs));
    rove(cells.flat(), cells[unit][t]);
    cells.forEach((row, line) => row.forEach((cell, u) => {
      const value = line < units ? result.states[u][line] : result.outputs[u][line - units];
      const [stripe, figure] = cell.children, share = Math.min(1, Math.abs(value) / scale) * 50;
      const here = u === t && line === unit;
      figure.textContent = number(value);
      stripe.style.cssText = line < units ? `left: ${value < 0 ? 50 - share : 50}%; width: ${share}%` : "display: none";
      flag(cell, "chosen", here);
      flag(cell, "source", line < units && u === (hidden ? t - 1 : t));
      attr(cell, { "aria-current": here ? "true" : null });
    }));
    columns.forEach((column, u) => {
      flag(column, "now", u === t);
      attr(column, { "aria-current": u === t ? "step" : null });
    });
    for (const cell of plane.querySelectorAll(".crnn-in")) flag(cell, "source", hidden && Number(cell.dataset.t) === t);
    const used = hidden ? ["weight_ih", "weight_hh", "bias"] : ["weight_out", "bias_out"];
    for (const { dataset: { weight, i }, classList } of weights.querySelectorAll("td[data-weight]")) {
      classList.toggle("crnn-source", used.includes(weight) && Number(i) === (hidden ? unit : unit - units));
    }
    walk.fill(t, T() - 1);
    [letters.textContent, values.textContent] = explain(net, inputs, result, t, unit);
  }

  return mount(view, host, root);
}
