// How far back a network feels: influence against distance, by cell, weight scale, gate bias and length.
import { bar, legend, live, namedSlider, radios, resetButton } from "./controls.js";
import { attr, clamp, columnTitle, dataRow, dataTable, html, range, svg, textAt } from "./dom.js";
import { pressed } from "./keys.js";
import { CELLS, influence } from "./memory_run.js";
import { follow, mount, shell } from "./view.js";
import { minus, number } from "./words.js";

const FLOOR = -16, CEILING = 8; // powers of ten between which curves are drawn
const LEFT = 50, RIGHT = 10, HEAD = 8, HIGH = 240, FOOT = 38;
const MARKS = { RNN: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0", LSTM: "M-4.5 -4.5h9v9h-9z", GRU: "M0 -6l5.5 10h-11z" };
const LEGEND = "Influence: length of ∂h(T) / ∂x(T − Δ), logarithmic. Thin dots: the bound for the RNN. Point at the " +
  "curves, click, or use the arrow keys on them to read another distance.";

/** The first distance at which less than a thousandth of the influence at distance 0 is left, or null. */
export function lostAt(curve) {
  const at = curve.findIndex((value) => value < curve[0] / 1000);
  return at < 0 ? null : at;
}

function render({ model, el: host }) {
  const view = follow(model, paint), { base } = view.state, last = () => view.state.length - 1;
  let curves = {}, known = "", wide = 0, hover = null, places = null;

  const set = (values) => { hover = null; view.change(values); };
  const at = (distance) => clamp(distance, last() + 1);
  const coloured = (cell, ...parts) => svg(`g.${cell.toLowerCase()}`, parts);
  const symbol = (cell, x, y) => svg("path.mark", { d: MARKS[cell], transform: `translate(${x} ${y})` });

  const sliders = {
    norm: namedSlider("norm of Wₕₕ", { min: 0.1, max: 3, step: 0.05 }, (norm) => set({ norm })),
    bias: namedSlider("bias of f and z", { min: -2, max: 6, step: 0.25 }, (bias) => set({ bias })),
    length: namedSlider("steps T", { min: 2, max: 60, step: 1 }, (length) =>
      set({ length, distance: clamp(view.state.distance, length) })),
  };
  const matrices = radios("weights", { random: "random", orthogonal: "orthogonal" }, (matrix) => set({ matrix }));
  const boxes = Object.fromEntries(Object.keys(CELLS).map((cell) => [cell, html("input", { type: "checkbox",
    onchange: () => set({ cells: Object.keys(CELLS).filter((name) => boxes[name].checked) }) })]));
  const samples = Object.entries(boxes).map(([cell, box]) => html("label", box,
    svg("svg", { width: 44, height: 14, "aria-hidden": "true" },
      coloured(cell, svg("path.curve", { d: "M2 7h40" }), symbol(cell, 22, 7))), cell));
  const plot = html("div.plot", { tabindex: 0, role: "slider", "aria-valuemin": 0,
    "aria-label": "Distance at which the curves are read", onkeydown: onKey,
    onclick: (event) => set({ distance: distanceAt(event) }),
    onpointermove: (event) => point(distanceAt(event)), onpointerleave: () => point(null) });
  const read = live("div");
  const root = shell("memory", "How far back a network feels",
    html("div.sliders", Object.values(sliders).map((one) => one.root)),
    bar(matrices.root, html("fieldset", { "aria-label": "cells shown" }, samples),
      resetButton(view, "", () => { hover = null; })), plot, read, legend(LEGEND));

  function point(distance) {
    const moved = distance !== hover;
    hover = distance;
    if (moved) paint();
  }

  function onKey(event) {
    const d = view.state.distance;
    const to = pressed(event, { ArrowLeft: d - 1, ArrowDown: d - 1, ArrowRight: d + 1, ArrowUp: d + 1,
      PageDown: d - 10, PageUp: d + 10, Home: 0, End: last() });
    if (to !== undefined) set({ distance: at(to) });
  }

  const distanceAt = ({ clientX }) =>
    at(Math.round((clientX - plot.getBoundingClientRect().left - LEFT) / (wide - LEFT - RIGHT) * last()));
  const x = (distance) => LEFT + (wide - LEFT - RIGHT) * distance / last();
  const y = (value) => HEAD + HIGH * (CEILING - Math.log10(value)) / (CEILING - FLOOR);
  const inside = (value) => value >= 10 ** FLOOR && value <= 10 ** CEILING;
  const line = (name, values) => svg(name, { points: values.map((value, d) =>
    (inside(value) ? `${x(d).toFixed(1)},${y(value).toFixed(1)} ` : "")).join("").trim() });

  function build() {
    const every = last() > 30 ? 10 : last() > 8 ? 5 : 1, under = HEAD + HIGH;
    const grid = range((CEILING - FLOOR) / 4 + 1, (k) => FLOOR + 4 * k).map((power) => svg("g",
      svg("path.grid", { d: `M${LEFT} ${y(10 ** power)}H${wide - RIGHT}` }),
      textAt(LEFT - 6, y(10 ** power) + 4, power ? `1e${minus(power)}` : "1", "text", "end")));
    const ticks = range(Math.floor(last() / every) + 1, (i) => textAt(x(i * every), under + 16, i * every));
    const first = Math.hypot(...base.weight_ih[0]), { norm } = view.state;
    const bound = curves.RNN ? line("polyline.bound", range(last() + 1, (d) => first * norm ** d)) : [];
    places = svg("g");
    plot.replaceChildren(svg("svg", { width: wide, height: under + FOOT, "aria-hidden": "true" }, grid, ticks,
      textAt((LEFT + wide - RIGHT) / 2, under + 34, "distance Δ"), bound,
      Object.entries(curves).map(([cell, curve]) => coloured(cell, line("polyline.curve", curve))), places));
  }

  function paint() {
    const { norm, bias, length, matrix, cells, distance: chosen } = view.state;
    const size = Math.max(220, plot.clientWidth || 700);
    const setting = JSON.stringify([norm, bias, length, matrix, cells, size]);
    if (setting !== known) {
      wide = size;
      known = setting;
      curves = Object.fromEntries(cells.map((cell) => [cell, influence(base, cell, matrix, norm, bias, length)]));
      build();
    }
    for (const [name, { input, value }] of Object.entries(sliders)) {
      input.value = view.state[name];
      value.textContent = minus(name === "length" ? length : view.state[name].toFixed(2));
    }
    matrices.check(matrix);
    for (const [cell, box] of Object.entries(boxes)) box.checked = cells.includes(cell);
    const distance = at(hover ?? chosen), seen = Object.entries(curves).filter(([, curve]) => inside(curve[distance]));
    places.replaceChildren(svg("path.here", { d: `M${x(distance)} ${HEAD}v${HIGH}` }), ...seen.map(([cell, curve]) =>
      coloured(cell, symbol(cell, x(distance).toFixed(1), y(curve[distance]).toFixed(1)))));
    const rows = Object.entries(curves).map(([cell, curve]) => {
      const lost = lostAt(curve), value = curve[distance];
      return [cell, number(value), number(value / curve[0]), lost === null ? "never" : `from Δ = ${lost}`];
    });
    const head = [`at Δ = ${distance}`, "of Δ = 0", "below 1/1000"].map((words) => columnTitle(words));
    read.replaceChildren(dataTable("table", null, head,
      rows.map(([cell, ...values]) => dataRow(cell, values.map((value) => html("td.mono", value))))));
    const said = rows.map(([cell, value]) => `${cell} ${value}`).join(", ") || "no cell shown";
    attr(plot, { "aria-valuemax": last(), "aria-valuenow": chosen, "aria-valuetext": `distance ${distance}: ${said}` });
  }

  return mount(view, host, root, () => Math.max(220, plot.clientWidth) !== wide);
}
