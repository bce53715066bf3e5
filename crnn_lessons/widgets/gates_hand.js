// One LSTM unit, its gates set by hand: a column for each time step, and what its memory makes of them.
import { element, follow, minus, number, shield, usable } from "./dom.js";
import { runByHand } from "./gates_run.js";

// Rows in the order in which a step computes: key, words, place in [i, f, g, o] (none: it is computed), lowest value.
const GATE_ROWS = [["f", "forget gate", 1, 0], ["i", "input gate", 0, 0], ["g", "candidate", 2, -1], ["c", "memory"], ["o", "output gate", 3, 0], ["h", "shown"]];
const SET_ROWS = GATE_ROWS.filter(([, , place]) => place !== undefined);
const NEAR = 0.02; // how far from its goal a step may be
const FINE = 0.05; // what + and − and the sliders change
const HELP = "Click a box or walk with the arrow keys. Keys 0 and 1 shut and open a gate, 2 to 9 set it to 0.2 to 0.9, + and − change it by 0.05.";

const plain = (x, digits = 2) => {
  const text = minus(x.toFixed(digits));
  return /[1-9]/.test(text) ? text : text.replace("−", "");
};
const tidied = (x, low) => Math.max(low, Math.min(1, Math.round(x * 100) / 100));

export function renderHand(model, host) {
  const view = follow(model, ["gates", "t", "task"], paint);
  const presets = model.get("presets"), tasks = Object.fromEntries(model.get("tasks").map((task) => [task.name, task]));
  let cells = {}, width = 0, row = "i";

  const button = (label, title, act) => element("button", { type: "button", title, onclick: act }, label);
  const examples = presets.map(({ name, gates }) =>
    button(name, `Set the gates to ${name}`, () => view.change({ task: "", gates, t: 0 })));
  const radios = [["", "none"], ...Object.entries(tasks).map(([name, task]) => [name, task.words])].map(([value, words]) => {
    const radio = element("input", { type: "radio", name: "task", value, onchange: () => begin(value) });
    return element("label", {}, radio, words);
  });
  const reset = button("reset", "Back to the first gates", () => view.change({ ...model.get("start") }));
  const scroll = element("div", { class: "crnn-scroll" });
  const back = button("◀", "One step back", () => move(model.get("t") - 1));
  const on = button("▶", "One step on", () => move(model.get("t") + 1));
  const step = element("b", {});
  const sliders = SET_ROWS.map(([key, words, place, low]) => {
    const slider = element("input", { type: "range", min: low, max: 1, step: FINE, oninput: () => set(place, Number(slider.value), low) });
    const value = element("output", { class: "crnn-mono" });
    return { key, place, slider, value, label: element("label", {}, element("span", {}, element("i", {}, key), ` ${words}`), slider, value) };
  });
  const memory = element("p", { class: "crnn-mono crnn-line" }), shown = element("p", { class: "crnn-mono crnn-line" });
  const verdict = element("p", { class: "crnn-verdict", role: "status", "aria-live": "polite" });
  const root = element("div", { class: "crnn-widget crnn-gates", role: "group", "aria-label": "One LSTM unit by hand" },
    element("div", { class: "crnn-bar" }, element("span", { class: "crnn-soft" }, "examples"), ...examples, element("span", { class: "crnn-end" }, reset)),
    element("form", { class: "crnn-bar", onsubmit: (event) => event.preventDefault() },
      element("fieldset", { "aria-label": "task" }, element("span", { class: "crnn-soft" }, "task"), ...radios)),
    scroll, verdict,
    element("div", { class: "crnn-bar crnn-where" }, back, step, on), element("div", { class: "crnn-sliders" }, ...sliders.map(({ label }) => label)),
    element("div", { role: "status", "aria-live": "polite", "aria-atomic": "true" }, memory, shown),
    element("p", { class: "crnn-soft crnn-legend" }, HELP));
  shield(root);
  host.append(root);

  const clamp = (t) => Math.max(0, Math.min(t, model.get("gates").length - 1));
  const move = (t) => view.change({ t: clamp(t) });
  const locked = (place) => model.get("task") !== "" && place === 2; // a task gives the candidates

  function begin(task) {
    const given = tasks[task]?.g;
    view.change(given ? { task, gates: given.map((g) => [0.5, 0.5, g, 0.5]), t: 0 } : { task });
  }

  function set(place, value, low) {
    const t = clamp(model.get("t"));
    if (!locked(place)) view.change({ gates: model.get("gates").map((gates, u) => (u === t ? gates.with(place, tidied(value, low)) : gates)) });
  }

  function choose(t, key) {
    row = key;
    move(t);
    cells[row][clamp(t)].focus();
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = SET_ROWS.findIndex(([key]) => key === row), [, , place, low] = SET_ROWS[at], t = clamp(model.get("t"));
    const last = model.get("gates").length - 1, up = SET_ROWS[Math.max(0, at - 1)][0], down = SET_ROWS[Math.min(3, at + 1)][0];
    const to = { ArrowLeft: [t - 1, row], ArrowRight: [t + 1, row], ArrowUp: [t, up], ArrowDown: [t, down], Home: [0, row], End: [last, row] }[event.key];
    const value = model.get("gates")[t][place];
    if (to) choose(...to);
    else if (event.key === "+" || event.key === "=") set(place, value + FINE, low);
    else if (event.key === "-" || event.key === "−") set(place, value - FINE, low);
    else if (/^[0-9]$/.test(event.key)) set(place, event.key === "1" ? 1 : Number(event.key) / 10, low);
    else return;
    event.preventDefault();
  }

  function build(T) {
    cells = Object.fromEntries([...GATE_ROWS.map(([key]) => key), "goal"].map((key) => [key, []]));
    const lines = GATE_ROWS.map(([key, words, place]) => element("tr", { role: "row", class: { c: "crnn-made", h: "crnn-made", g: "crnn-signed" }[key] ?? "" },
      element("th", { role: "rowheader", scope: "row" }, element("i", {}, key), element("span", { class: "crnn-words" }, ` ${words}`)),
      ...Array.from({ length: T }, (_, t) => {
        const td = element("td", { role: "gridcell", tabindex: -1, onclick: () => (place === undefined ? move(t) : choose(t, key)), onfocus: () => {
          if (place !== undefined && (row !== key || model.get("t") !== t)) { row = key; move(t); }
        } });
        cells[key].push(td);
        return td;
      })));
    const heads = element("tr", { role: "row" }, element("th", { role: "columnheader" }, "t"),
      ...Array.from({ length: T }, (_, t) => element("th", { role: "columnheader", scope: "col", class: "crnn-soft", onclick: () => choose(t, row) }, `${t}`)));
    const goals = element("tr", { role: "row", class: "crnn-goal" }, element("th", { role: "rowheader", scope: "row" }, "goal"),
      ...Array.from({ length: T }, (_, t) => (cells.goal[t] = element("td", { role: "gridcell" }))));
    scroll.replaceChildren(element("table", { role: "grid", "aria-label": `Gates, memory and output of one unit, ${T} time steps`, onkeydown: onKey, style: `--steps: ${T}` },
      element("tbody", { role: "rowgroup" }, heads, ...lines, goals)));
    width = T;
  }

  /** A bar from the row's zero to its value, as a share of the box's height from below. */
  function bar(td, value, low, high) {
    const zero = (-low / (high - low)) * 100, end = ((value - low) / (high - low)) * 100;
    td.style.setProperty("--from", `${Math.min(zero, end).toFixed(1)}%`);
    td.style.setProperty("--to", `${Math.max(zero, end).toFixed(1)}%`);
  }

  function paint() {
    const gates = model.get("gates"), task = tasks[model.get("task")], T = gates.length, t = clamp(model.get("t"));
    const { c, h } = runByHand(gates), reach = Math.max(1, ...c.map(Math.abs));
    if (width !== T) build(T);
    for (const [key, words, place, low] of GATE_ROWS) {
      cells[key].forEach((td, u) => {
        const value = place === undefined ? { c, h }[key][u] : gates[u][place];
        const span = { c: reach, h: 1 }[key];
        bar(td, value, span === undefined ? low : -span, span ?? 1);
        td.textContent = plain(value);
        td.classList.toggle("crnn-here", u === t);
        td.setAttribute("aria-selected", u === t && key === row);
        td.setAttribute("aria-label", `${words} ${key} at step ${u}: ${plain(value)}${locked(place) ? ", given by the task" : ""}`);
        td.tabIndex = u === t && key === row ? 0 : -1;
      });
    }
    scroll.querySelectorAll("tr")[3].classList.toggle("crnn-given", locked(2));
    const right = task ? task.goal.map((goal, u) => Math.abs(h[u] - goal) <= NEAR) : [];
    cells.goal.forEach((td, u) => {
      td.textContent = task ? `${plain(task.goal[u])} ${right[u] ? "✓" : "✗"}` : "";
      td.classList.toggle("crnn-miss", task !== undefined && !right[u]);
    });
    scroll.querySelector(".crnn-goal").hidden = !task;
    const hits = right.filter(Boolean).length;
    verdict.textContent = !task ? "" : `${task.asks} ${hits === T ? "Solved: h is at its goal at every step." : `h is at its goal at ${hits} of ${T} steps.`}`;
    for (const radio of radios) radio.firstChild.checked = radio.firstChild.value === model.get("task");
    step.textContent = `step ${t} of 0 to ${T - 1}`;
    usable(back, t > 0);
    usable(on, t < T - 1);
    for (const { key, place, slider, value } of sliders) {
      slider.value = gates[t][place];
      slider.disabled = locked(place);
      slider.setAttribute("aria-label", `${GATE_ROWS.find(([k]) => k === key)[1]} ${key} at step ${t}`);
      value.textContent = plain(gates[t][place]);
    }
    const [i, f, g, o] = gates[t], name = (letter, u) => `${letter}(${u})`;
    const before = t === 0 ? "0" : number(c[t - 1]);
    memory.textContent = `${name("c", t)} = f · ${t === 0 ? "0" : name("c", t - 1)} + i · g = ${number(f)} · ${bracket(before)} + ${number(i)} · ${bracket(number(g))} = ${number(c[t])}`;
    shown.textContent = `${name("h", t)} = o · tanh(${name("c", t)}) = ${number(o)} · ${bracket(number(Math.tanh(c[t])))} = ${number(h[t])}`;
  }

  paint();
  return view.stop;
}

/** A factor, a negative one in brackets. */
const bracket = (text) => (text.startsWith("−") ? `(${text})` : text);
