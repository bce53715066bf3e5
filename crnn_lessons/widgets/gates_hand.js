// One LSTM unit, its gates set by hand: a column for each time step, and what its memory makes of them.
import { bar, button, legend, live, liveAll, namedSlider, radios, resetButton, stepper } from "./controls.js";
import { attr, clamp, flag, html, range } from "./dom.js";
import { runByHand } from "./gates_run.js";
import { arrowTo, pressed, rove } from "./keys.js";
import { follow, mount, shell } from "./view.js";
import { bracketed, minus, number } from "./words.js";

// Rows in the order of a step: key, words, place in [i, f, g, o] (none: it is computed), lowest value, kind of row.
const GATE_ROWS = [["f", "forget gate", 1, 0], ["i", "input gate", 0, 0], ["g", "candidate", 2, -1, "tr.signed"],
  ["c", "memory", undefined, undefined, "tr.made"], ["o", "output gate", 3, 0],
  ["h", "shown", undefined, undefined, "tr.made"]];
const SET_ROWS = GATE_ROWS.filter(([, , place]) => place !== undefined);
const NEAR = 0.02; // how far from its goal a step may be
const FINE = 0.05; // what + and − and the sliders change
const HELP = "Click a box or walk with the arrow keys. Keys 0 and 1 shut and open a gate, 2 to 9 set it to 0.2 to " +
  "0.9, + and − change it by 0.05.";

const plain = (x) => minus(x.toFixed(2)).replace(/^−(?=[0.]+$)/, "");

export function renderHand(model, host) {
  const view = follow(model, paint), { presets, tasks } = view.state;
  const taskOf = (name) => tasks.find((task) => task.name === name);
  let cells = {}, width = 0, row = "i";

  const examples = presets.map(({ name, gates }) =>
    button(name, `Set the gates to ${name}`, () => view.change({ task: "", gates, t: 0 })));
  const options = { "": "none", ...Object.fromEntries(tasks.map((task) => [task.name, task.words])) };
  const task = radios("task", options, begin, html("span.soft", "task"));
  const scroll = html("div.scroll");
  const walk = stepper((by) => move(view.state.t + by), ["One step back", "One step on"]);
  const sliders = SET_ROWS.map(([key, words, place, low]) => ({ key, words, place, ...namedSlider(
    [html("i", key), ` ${words}`], { min: low, max: 1, step: FINE }, (value) => set(place, value, low)) }));
  const memory = html("p.mono.line"), shown = html("p.mono.line"), verdict = live("p.verdict");
  const root = shell("gates", "One LSTM unit by hand",
    bar(html("span.soft", "examples"), examples, resetButton(view, "Back to the first gates")), bar(task.root),
    scroll, verdict, html("div.bar.where", walk.back, walk.where, walk.on),
    html("div.sliders", sliders.map((one) => one.root)), liveAll(memory, shown), legend(HELP));

  const move = (t) => view.change({ t: clamp(t, view.state.gates.length) });
  const locked = (place) => view.state.task !== "" && place === 2; // a task gives the candidates

  function begin(name) {
    const given = taskOf(name)?.g;
    view.change(given ? { task: name, gates: given.map((g) => [0.5, 0.5, g, 0.5]), t: 0 } : { task: name });
  }

  function set(place, value, low) {
    const { gates, t } = view.state, tidy = Math.max(low, Math.min(1, Math.round(value * 100) / 100));
    if (!locked(place)) view.change({ gates: gates.with(t, gates[t].with(place, tidy)) });
  }

  function choose(t, key) {
    row = key;
    move(t);
    cells[row][view.state.t].focus();
  }

  function onKey(event) {
    const at = SET_ROWS.findIndex(([key]) => key === row), [, , place, low] = SET_ROWS[at], { gates, t } = view.state;
    const to = arrowTo(event, t, at, gates.length, SET_ROWS.length), value = gates[t][place];
    if (to) return choose(to[0], SET_ROWS[to[1]][0]);
    const digits = Object.fromEntries(range(10, (d) => [d, d === 1 ? 1 : d / 10]));
    const by = { "+": value + FINE, "=": value + FINE, "-": value - FINE, "−": value - FINE };
    const wanted = pressed(event, { ...digits, ...by });
    return wanted === undefined ? undefined : set(place, wanted, low);
  }

  function build(T) {
    const rowOf = (name, title, tds) =>
      html(name, { role: "row" }, html("th", { role: "rowheader", scope: "row" }, title), tds);
    const cellOf = (key, place) => range(T, (t) => html("td", { role: "gridcell", tabindex: -1,
      onclick: () => (place === undefined ? move(t) : choose(t, key)),
      onfocus: () => {
        if (place !== undefined && (row !== key || view.state.t !== t)) { row = key; move(t); }
      } }));
    cells = Object.fromEntries(GATE_ROWS.map(([key, , place]) => [key, cellOf(key, place)]));
    cells.goal = range(T, () => html("td", { role: "gridcell" }));
    const lines = GATE_ROWS.map(([key, words, , , kind = "tr"]) =>
      rowOf(kind, [html("i", key), html("span.words", ` ${words}`)], cells[key]));
    const heads = html("tr", { role: "row" }, html("th", { role: "columnheader" }, "t"), range(T, (t) =>
      html("th.soft", { role: "columnheader", scope: "col", onclick: () => choose(t, row) }, t)));
    const name = `Gates, memory and output of one unit, ${T} time steps`;
    scroll.replaceChildren(html("table", { role: "grid", "aria-label": name, onkeydown: onKey, style: `--steps: ${T}` },
      html("tbody", { role: "rowgroup" }, heads, lines, rowOf("tr.goal", "goal", cells.goal))));
    width = T;
  }

  /** A bar from the row's zero to its value, as a share of the box's height from below. */
  function stripe({ style }, value, low, high) {
    const ends = [0, value].map((x) => ((x - low) / (high - low)) * 100).sort((a, b) => a - b);
    ["--from", "--to"].forEach((name, i) => style.setProperty(name, `${ends[i].toFixed(1)}%`));
  }

  function paint() {
    const { gates, t } = view.state, asked = taskOf(view.state.task), T = gates.length, made = runByHand(gates);
    const reach = { c: Math.max(1, ...made.c.map(Math.abs)), h: 1 };
    if (width !== T) build(T);
    rove(Object.values(cells).flat(), cells[row][t]);
    for (const [key, words, place, low] of GATE_ROWS) {
      cells[key].forEach((td, u) => {
        const value = place === undefined ? made[key][u] : gates[u][place];
        stripe(td, value, low ?? -reach[key], reach[key] ?? 1);
        td.textContent = plain(value);
        flag(td, "here", u === t);
        attr(td, { "aria-selected": String(u === t && key === row), "aria-label":
          `${words} ${key} at step ${u}: ${plain(value)}${locked(place) ? ", given by the task" : ""}` });
      });
    }
    flag(cells.g[0].parentNode, "given", locked(2));
    const right = asked ? asked.goal.map((goal, u) => Math.abs(made.h[u] - goal) <= NEAR) : [];
    cells.goal.forEach((td, u) => {
      td.textContent = asked ? `${plain(asked.goal[u])} ${right[u] ? "✓" : "✗"}` : "";
      flag(td, "miss", asked && !right[u]);
    });
    cells.goal[0].parentNode.hidden = !asked;
    const hits = right.filter(Boolean).length;
    const met = hits === T ? "Solved: h is at its goal at every step." : `h is at its goal at ${hits} of ${T} steps.`;
    verdict.textContent = asked ? `${asked.asks} ${met}` : "";
    task.check(view.state.task);
    walk.fill(t, T - 1);
    for (const { key, words, place, input, value } of sliders) {
      Object.assign(input, { value: gates[t][place], disabled: locked(place) });
      attr(input, { "aria-label": `${words} ${key} at step ${t}` });
      value.textContent = plain(gates[t][place]);
    }
    const [i, f, g, o] = gates[t].map(bracketed), { c, h } = made;
    const past = t === 0 ? ["0", "0"] : [`c(${t - 1})`, bracketed(c[t - 1])];
    memory.textContent = `c(${t}) = f · ${past[0]} + i · g = ${f} · ${past[1]} + ${i} · ${g} = ${number(c[t])}`;
    shown.textContent = `h(${t}) = o · tanh(c(${t})) = ${o} · ${bracketed(Math.tanh(c[t]))} = ${number(h[t])}`;
  }

  return mount(view, host, root);
}
