// How far back a network feels: influence against distance, by cell, weight scale, gate bias and length.
import { drawing, element, follow, minus, number, shield } from "./dom.js";
import { CELLS, influence } from "./memory_run.js";

const FLOOR = -16, TOP = 8; // powers of ten between which curves are drawn
const LEFT = 50, RIGHT = 10, HEAD = 8, HIGH = 240, FOOT = 38;
const MARKS = { RNN: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0", LSTM: "M-4.5 -4.5h9v9h-9z", GRU: "M0 -6l5.5 10h-11z" };
const NAMES = ["norm", "bias", "length", "distance", "matrix", "cells"];

/** The first distance at which less than a thousandth of the influence at distance 0 is left, or null. */
export function lostAt(curve) {
  const at = curve.findIndex((value) => value < curve[0] / 1000);
  return at < 0 ? null : at;
}

function render({ model, el: host }) {
  const view = follow(model, NAMES, paint);
  const base = model.get("base");
  let curves = {}, known = "", wide = 0, hover = null, places = null;

  const slider = (name, words, low, high, step) => {
    const input = element("input", { type: "range", min: low, max: high, step, oninput: () => set(name, Number(input.value)) });
    const value = element("output", { class: "crnn-mono" });
    return { name, input, value, label: element("label", {}, element("span", {}, words), input, value) };
  };
  const sliders = [slider("norm", "norm of Wₕₕ", 0.1, 3, 0.05), slider("bias", "bias of f and z", -2, 6, 0.25), slider("length", "steps T", 2, 60, 1)];
  const radios = ["random", "orthogonal"].map((matrix) => {
    const radio = element("input", { type: "radio", name: "matrix", value: matrix, onchange: () => view.change({ matrix }) });
    return element("label", {}, radio, matrix);
  });
  const boxes = Object.keys(CELLS).map((cell) => {
    const box = element("input", { type: "checkbox", onchange: () => view.change({ cells: Object.keys(CELLS).filter((_, k) => boxes[k].box.checked) }) });
    const sample = drawing("svg", { width: 44, height: 14, "aria-hidden": "true" }, drawing("g", { class: `crnn-${cell.toLowerCase()}` },
      drawing("path", { class: "crnn-curve", d: "M2 7h40" }), drawing("path", { class: "crnn-mark", d: MARKS[cell], transform: "translate(22 7)" })));
    return { cell, box, label: element("label", {}, box, sample, cell) };
  });
  const reset = element("button", { type: "button", onclick: () => { hover = null; view.change({ ...model.get("start") }); } }, "reset");
  const plot = element("div", { class: "crnn-plot", tabindex: 0, role: "slider", "aria-label": "Distance at which the curves are read", "aria-valuemin": 0,
    onkeydown: onKey, onpointermove: (event) => point(event, false), onclick: (event) => point(event, true), onpointerleave: () => { hover = null; paint(); } });
  const table = element("div", { role: "status", "aria-live": "polite" });
  const root = element("div", { class: "crnn-widget crnn-memory", role: "group", "aria-label": "How far back a network feels" },
    element("div", { class: "crnn-sliders" }, ...sliders.map(({ label }) => label)),
    element("div", { class: "crnn-bar" },
      element("form", { onsubmit: (event) => event.preventDefault() }, element("fieldset", { "aria-label": "weights" }, ...radios)),
      element("fieldset", { "aria-label": "cells shown" }, ...boxes.map(({ label }) => label)), element("span", { class: "crnn-end" }, reset)),
    plot, table,
    element("p", { class: "crnn-soft crnn-legend" }, "Influence: length of ∂h(T) / ∂x(T − Δ), logarithmic. Thin dots: the bound for the RNN. Point at the curves, click, or use the arrow keys on them to read another distance."));
  shield(root);
  host.append(root);

  const last = () => model.get("length") - 1;
  const at = (distance) => Math.max(0, Math.min(distance, last()));

  function set(name, value) {
    const values = { [name]: value };
    if (name === "length") values.distance = Math.min(model.get("distance"), value - 1);
    hover = null;
    // The shorter distance goes first: Python checks each by the other.
    view.change(name === "length" ? { distance: values.distance, length: value } : values);
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const d = model.get("distance");
    const to = { ArrowLeft: d - 1, ArrowDown: d - 1, ArrowRight: d + 1, ArrowUp: d + 1, PageDown: d - 10, PageUp: d + 10, Home: 0, End: last() }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    hover = null;
    view.change({ distance: at(to) });
  }

  function point(event, choose) {
    const room = plot.getBoundingClientRect();
    const distance = at(Math.round((event.clientX - room.left - LEFT) / (wide - LEFT - RIGHT) * last()));
    if (choose) { hover = null; view.change({ distance }); } else if (distance !== hover) { hover = distance; paint(); }
  }

  const x = (distance) => LEFT + (wide - LEFT - RIGHT) * distance / last();
  const y = (value) => HEAD + HIGH * (TOP - Math.log10(value)) / (TOP - FLOOR);
  const inside = (value) => value >= 10 ** FLOOR && value <= 10 ** TOP;
  const line = (values) => values.map((value, d) => (inside(value) ? `${x(d).toFixed(1)},${y(value).toFixed(1)}` : null)).filter(Boolean).join(" ");

  function build() {
    const powers = Array.from({ length: (TOP - FLOOR) / 4 + 1 }, (_, k) => FLOOR + 4 * k), every = last() > 30 ? 10 : last() > 8 ? 5 : 1;
    const steps = Array.from({ length: last() + 1 }, (_, d) => d).filter((d) => d % every === 0);
    const grid = powers.map((power) => drawing("g", {}, drawing("path", { class: "crnn-grid", d: `M${LEFT} ${y(10 ** power)}H${wide - RIGHT}` }),
      drawing("text", { x: LEFT - 6, y: y(10 ** power) + 4, "text-anchor": "end" }, power ? `1e${minus(power)}` : "1")));
    const ticks = steps.map((d) => drawing("text", { x: x(d), y: HEAD + HIGH + 16, "text-anchor": "middle" }, `${d}`));
    const shape = Math.hypot(...base.weight_ih[0]), norm = model.get("norm");
    const bound = drawing("polyline", { class: "crnn-bound", points: line(Array.from({ length: last() + 1 }, (_, d) => shape * norm ** d)) });
    const drawn = Object.entries(curves).map(([cell, curve]) =>
      drawing("g", { class: `crnn-${cell.toLowerCase()}` }, drawing("polyline", { class: "crnn-curve", points: line(curve) })));
    places = drawing("g", {});
    plot.replaceChildren(drawing("svg", { width: wide, height: HEAD + HIGH + FOOT, "aria-hidden": "true" }, ...grid, ...ticks,
      drawing("text", { x: (LEFT + wide - RIGHT) / 2, y: HEAD + HIGH + 34, "text-anchor": "middle" }, "distance Δ"), ...(curves.RNN ? [bound] : []), ...drawn, places));
  }

  function paint() {
    const [norm, bias, length, , matrix, cells] = NAMES.map((name) => model.get(name));
    const size = Math.max(220, plot.clientWidth || 700), setting = JSON.stringify([norm, bias, length, matrix, cells, size]);
    if (setting !== known) {
      wide = size;
      known = setting;
      curves = Object.fromEntries(cells.map((cell) => [cell, influence(base, cell, matrix, norm, bias, length)]));
      build();
    }
    for (const { name, input, value } of sliders) {
      input.value = model.get(name);
      value.textContent = minus(name === "length" ? length : model.get(name).toFixed(2));
    }
    for (const radio of radios) radio.firstChild.checked = radio.firstChild.value === matrix;
    for (const { cell, box } of boxes) box.checked = cells.includes(cell);
    const distance = at(hover ?? model.get("distance"));
    places.replaceChildren(drawing("path", { class: "crnn-here", d: `M${x(distance)} ${HEAD}v${HIGH}` }),
      ...Object.entries(curves).filter(([, curve]) => inside(curve[distance])).map(([cell, curve]) =>
        drawing("g", { class: `crnn-${cell.toLowerCase()}` }, drawing("path", { class: "crnn-mark", d: MARKS[cell], transform: `translate(${x(distance).toFixed(1)} ${y(curve[distance]).toFixed(1)})` }))));
    const head = ["", `at Δ = ${distance}`, "of Δ = 0", "below 1/1000"];
    const rows = Object.entries(curves).map(([cell, curve]) => {
      const lost = lostAt(curve);
      return [cell, number(curve[distance]), number(curve[distance] / curve[0]), lost === null ? "never" : `from Δ = ${lost}`];
    });
    table.replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, ...head.map((words) => (words ? element("th", { scope: "col" }, words) : element("td", {}))))),
      element("tbody", {}, ...rows.map(([cell, ...values]) => element("tr", {}, element("th", { scope: "row" }, cell), ...values.map((value) => element("td", { class: "crnn-mono" }, value)))))));
    plot.setAttribute("aria-valuemax", last());
    plot.setAttribute("aria-valuenow", model.get("distance"));
    plot.setAttribute("aria-valuetext", `distance ${distance}: ${rows.map(([cell, value]) => `${cell} ${value}`).join(", ") || "no cell shown"}`);
  }

  const resized = new ResizeObserver(() => { if (Math.max(220, plot.clientWidth) !== wide) paint(); });
  paint();
  resized.observe(plot);
  return () => { resized.disconnect(); view.stop(); };
}

export default { render };
