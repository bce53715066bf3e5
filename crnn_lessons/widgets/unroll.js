// A small recurrent network, unrolled: every state of a sequence, and the one set of weights that makes them all.
import { element, follow, number, shield, typed, usable } from "./dom.js";

const MOST = 100; // a larger weight or input says nothing that a smaller one does not
const ACTIVATIONS = { tanh: Math.tanh, relu: (z) => Math.max(z, 0) };
const WEIGHTS = ["weight_ih", "weight_hh", "bias", "weight_out", "bias_out"];
const SYMBOLS = { weight_ih: "W_ih", weight_hh: "W_hh", bias: "b", weight_out: "W_out", bias_out: "b_out" };

/** What a field says: { value }; { begun } where it is the beginning of a number; { problem } where it is neither. */
export function readNumber(text) {
  const plain = text.trim().replace(",", ".").replace(/[−–]/g, "-");
  if (/^[-+]?\.?$|^[-+]?[\d.]+e[-+]?$/i.test(plain)) return { begun: true };
  const value = Number(plain);
  return Number.isFinite(value) && Math.abs(value) <= MOST ? { value } : { problem: true };
}

const dot = (row, vector) => row.reduce((total, weight, j) => total + weight * vector[j], 0);

/** All states and outputs: { states, outputs }, T rows each; no outputs where there are no weights for them. */
export function run(net, inputs) {
  const activation = ACTIVATIONS[net.nonlinearity], states = [];
  let h = net.bias.map(() => 0);
  for (const x of inputs) {
    const before = h;
    h = net.bias.map((b, i) => activation(dot(net.weight_ih[i], x) + dot(net.weight_hh[i], before) + b));
    states.push(h);
  }
  const outputs = net.weight_out === null ? [] : states.map((state) => net.weight_out.map((row, j) => dot(row, state) + net.bias_out[j]));
  return { states, outputs };
}

/** How one number came about, as two lines: with letters, and with the numbers in their place. */
export function explain(net, inputs, { states, outputs }, t, line) {
  const units = net.bias.length, factor = (x) => (x < 0 ? `(${number(x)})` : number(x));
  const products = (row, vector) => row.map((weight, j) => `${factor(weight)} · ${factor(vector[j])}`);
  if (line >= units) {
    const j = line - units, terms = [...products(net.weight_out[j], states[t]), factor(net.bias_out[j])];
    return [`y_${t}[${j}] = W_out[${j}] · h_${t} + b_out[${j}]`, `= ${terms.join(" + ")} = ${number(outputs[t][j])}`];
  }
  const before = t === 0 ? net.bias.map(() => 0) : states[t - 1], f = net.nonlinearity;
  const terms = [...products(net.weight_ih[line], inputs[t]), ...products(net.weight_hh[line], before), factor(net.bias[line])];
  const total = dot(net.weight_ih[line], inputs[t]) + dot(net.weight_hh[line], before) + net.bias[line];
  const past = t === 0 ? "0 (there is no state before step 0)" : `W_hh[${line}] · h_${t - 1}`;
  return [
    `h_${t}[${line}] = ${f}(W_ih[${line}] · x_${t} + ${past} + b[${line}])`,
    `= ${f}(${terms.join(" + ")}) = ${f}(${number(total)}) = ${number(states[t][line])}`,
  ];
}

function render({ model, el: host }) {
  const names = [...WEIGHTS, "inputs", "t", "unit"];
  const view = follow(model, names, paint);
  const net = () => Object.fromEntries([...WEIGHTS, "nonlinearity"].map((name) => [name, model.get(name)]));
  const T = () => model.get("inputs").length, D = model.get("inputs")[0].length;
  const units = model.get("bias").length, lines = units + (model.get("bias_out")?.length ?? 0);
  const clamp = (x, n) => Math.max(0, Math.min(x, n - 1));
  const focused = () => host.getRootNode().activeElement;
  let cells = [], fields = [], columns = [], drawn = -1;

  const button = (label, title, act) => element("button", { type: "button", title, "aria-label": label === "reset" ? null : title, onclick: act }, label);
  const back = button("◀", "one step back", () => step(-1)), next = button("▶", "one step on", () => step(1));
  const where = element("span", { class: "crnn-where" });
  const reset = button("reset", "Back to the first weights and inputs", () => { note.textContent = ""; paintFields(true, () => view.change({ ...model.get("start") })); });
  const plane = element("div", { class: "crnn-scroll" });
  const note = element("p", { class: "crnn-note", role: "alert" });
  const letters = element("p", { class: "crnn-mono crnn-soft crnn-letters" }), values = element("p", { class: "crnn-mono crnn-values" });
  const weights = element("div", { class: "crnn-weights" }, ...WEIGHTS.filter((name) => model.get(name) !== null).map(weightTable));
  const root = element("div", { class: "crnn-widget crnn-unroll", role: "group", "aria-label": "A recurrent network, unrolled" },
    element("div", { class: "crnn-bar" }, back, where, next, element("span", { class: "crnn-end" }, reset)),
    plane, element("div", { role: "status", "aria-live": "polite", "aria-atomic": "true" }, letters, values), note,
    element("p", { class: "crnn-head" }, element("b", {}, "One set of weights, used at every step")), weights,
    element("p", { class: "crnn-soft crnn-legend" }, "Click a number of h or y, or move with the arrow keys. Type into a field, or press ↑ and ↓ in it, to change an input or a weight. "
      + "Dashed: what the marked number is made of. A bar to the right is a positive number, to the left a negative one."));
  shield(root);
  host.append(root);

  function step(by) {
    view.change({ t: clamp(model.get("t") + by, T()) });
    const { offsetLeft, offsetWidth } = columns[model.get("t")], hidden = columns[0].offsetLeft; // the names of the rows stay in sight
    if (offsetLeft - hidden < plane.scrollLeft || offsetLeft + offsetWidth > plane.scrollLeft + plane.clientWidth) plane.scrollLeft = offsetLeft - plane.clientWidth / 2;
  }

  /** A field for one number: `read` gives it, `write` takes a new one, `by` is what an arrow key adds. */
  function numberField(label, by, read, write, { onfocus = () => {} } = {}) {
    let held = read(); // the number before the typing began: what counts where the field as a whole says none
    const put = (value) => { if (value !== read()) write(value); };
    const take = () => {
      const { value, problem } = readNumber(field.value);
      field.setAttribute("aria-invalid", problem ? "true" : "false");
      note.textContent = problem ? `${label} must be a number from −${MOST} to ${MOST}, and “${field.value}” is none; it keeps ${number(held)}.` : "";
      put(value ?? held);
    };
    const settle = () => { note.textContent = ""; held = read(); fill(); };
    const field = element("input", { type: "text", inputmode: "decimal", autocomplete: "off", class: "crnn-number", "aria-label": label,
      oninput: take, onfocus: () => { held = read(); onfocus(); },
      onblur: () => { if (field.getAttribute("aria-invalid") === "true") note.textContent = ""; fill(); },
      onkeydown: (event) => {
        const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (direction) put(Math.max(-MOST, Math.min(MOST, Number((read() + direction * by).toFixed(10)))));
        if (direction || (event.key === "Enter" && !event.shiftKey)) { settle(); event.preventDefault(); }
        if (event.key === "Enter" && !event.shiftKey) field.select();
      } });
    const fill = () => { field.value = typed(number(read())); field.setAttribute("aria-invalid", "false"); };
    fields.push({ field, fill });
    return field;
  }

  function weightTable(name) {
    const matrix = Array.isArray(model.get(name)[0]), columns = matrix ? model.get(name)[0].length : 1;
    const to = name.endsWith("out") ? "y" : "h", from = name === "weight_ih" ? "x" : "h", earlier = name === "weight_hh" ? " before" : "";
    const read = (i, j) => (matrix ? model.get(name)[i][j] : model.get(name)[i]);
    const write = (i, j, value) => view.change({ [name]: model.get(name).map((row, a) => (a !== i ? row : matrix ? row.map((old, c) => (c === j ? value : old)) : value)) });
    const body = model.get(name).map((_, i) => element("tr", {}, element("th", { scope: "row" }, `${to}[${i}]`),
      ...Array.from({ length: columns }, (_, j) => element("td", { "data-weight": name, "data-i": i, "data-j": j },
        numberField(matrix ? `${SYMBOLS[name]}[${i}, ${j}]` : `${SYMBOLS[name]}[${i}]`, 0.1, () => read(i, j), (value) => write(i, j, value))))));
    const head = matrix ? Array.from({ length: columns }, (_, j) => element("th", { scope: "col" }, `${from}[${j}]`)) : [element("th", { scope: "col" }, "\u00a0")];
    const caption = matrix ? `${SYMBOLS[name]}: from ${from}${earlier}` : SYMBOLS[name];
    return element("table", {}, element("caption", {}, caption), element("thead", {}, element("tr", {}, element("td"), ...head)), element("tbody", {}, ...body));
  }

  function inputField(t, d) {
    const whole = model.get("start").inputs.flat().every(Number.isInteger);
    const write = (value) => view.change({ inputs: model.get("inputs").map((row, u) => (u !== t ? row : row.map((old, e) => (e === d ? value : old)))) });
    return numberField(`input ${d} at step ${t}`, whole ? 1 : 0.1, () => model.get("inputs")[t][d], write, { onfocus: () => { if (model.get("t") !== t) view.change({ t }); } });
  }

  function build() {
    drawn = T();
    fields = fields.filter(({ field }) => weights.contains(field));
    const steps = Array.from({ length: drawn }, (_, t) => t);
    columns = steps.map((t) => element("th", { scope: "col", onclick: () => select(t, model.get("unit")) }, `t = ${t}`));
    const inputs = Array.from({ length: D }, (_, d) => element("tr", {}, element("th", { scope: "row" }, `x[${d}]`), ...steps.map((t) => element("td", { class: "crnn-in", "data-t": t, "data-d": d }, inputField(t, d)))));
    cells = Array.from({ length: lines }, (_, line) => steps.map((t) => element("td", { class: line < units ? "crnn-state" : "crnn-out", "data-t": t, "data-line": line, tabindex: -1,
      onclick: () => select(t, line), onkeydown: (event) => onKey(event, t, line) }, element("span", { class: "crnn-fill", "aria-hidden": "true" }), element("span", { class: "crnn-figure" }))));
    const named = (line) => (line < units ? `h[${line}]` : `y[${line - units}]`);
    const rows = cells.map((row, line) => element("tr", { class: line === units ? "crnn-first-out" : "" }, element("th", { scope: "row" }, named(line)), ...row));
    plane.replaceChildren(element("table", { class: "crnn-run", "aria-label": `Inputs, states and outputs over ${drawn} steps` },
      element("thead", {}, element("tr", {}, element("td"), ...columns)), element("tbody", {}, ...inputs, ...rows)));
  }

  function select(t, line) {
    view.change({ t: clamp(t, T()), unit: clamp(line, lines) });
    cells[model.get("unit")][model.get("t")].focus();
  }

  function onKey(event, t, line) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowLeft: [t - 1, line], ArrowRight: [t + 1, line], ArrowUp: [t, line - 1], ArrowDown: [t, line + 1], Home: [0, line], End: [T() - 1, line] }[event.key];
    if (!to) return;
    event.preventDefault();
    select(...to);
  }

  function paintFields(all, act = () => {}) {
    act();
    for (const { field, fill } of fields) if (all || focused() !== field) fill();
  }

  function paint() {
    if (drawn !== T()) build();
    const inputs = model.get("inputs"), network = net(), result = run(network, inputs);
    const t = clamp(model.get("t"), T()), unit = clamp(model.get("unit"), lines);
    paintFields(false);
    const scale = Math.max(1, ...result.states.flat().map(Math.abs));
    cells.forEach((row, line) => row.forEach((cell, u) => {
      const value = line < units ? result.states[u][line] : result.outputs[u][line - units];
      const share = Math.min(1, Math.abs(value) / scale) * 50, here = u === t && line === unit;
      cell.lastChild.textContent = number(value);
      cell.firstChild.style.cssText = line < units ? `left: ${value < 0 ? 50 - share : 50}%; width: ${share}%` : "display: none";
      cell.tabIndex = here ? 0 : -1;
      cell.classList.toggle("crnn-chosen", here);
      cell.classList.toggle("crnn-source", line < units && (unit < units ? u === t - 1 : u === t));
      here ? cell.setAttribute("aria-current", "true") : cell.removeAttribute("aria-current");
    }));
    columns.forEach((column, u) => { column.classList.toggle("crnn-now", u === t); u === t ? column.setAttribute("aria-current", "step") : column.removeAttribute("aria-current"); });
    for (const cell of plane.querySelectorAll(".crnn-in")) cell.classList.toggle("crnn-source", unit < units && Number(cell.dataset.t) === t);
    const used = unit < units ? ["weight_ih", "weight_hh", "bias"] : ["weight_out", "bias_out"], row = unit < units ? unit : unit - units;
    for (const cell of weights.querySelectorAll("td[data-weight]")) cell.classList.toggle("crnn-source", used.includes(cell.dataset.weight) && Number(cell.dataset.i) === row);
    where.textContent = `step ${t} of 0 to ${T() - 1}`;
    usable(back, t > 0);
    usable(next, t < T() - 1);
    [letters.textContent, values.textContent] = explain(network, inputs, result, t, unit);
  }

  paint();
  return view.stop;
}

export default { render };
