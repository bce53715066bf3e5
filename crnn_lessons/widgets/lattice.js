// The CTC lattice of a target over a matrix of probabilities: what feeds each cell, with which numbers.
import { bestPath, bestThrough, countAlignments, countThrough, forwardBackward } from "./ctc.js";
import { codePoints, count, element, follow, fromLog, number, plural, shield } from "./dom.js";
import { QUANTITIES, explain, named, readTarget, rescale, sources } from "./readout.js";
import { LABEL, drawScene, measure } from "./scene.js";
import { probabilityTable, shownClasses } from "./table.js";

const LEGEND = " Rounded boxes are blanks; dotted boxes lie on no alignment of the target. Below: the probabilities; click one and type, or press + or −.";

/** Everything the view shows, computed from probabilities and a target that fits them. */
export function compute(probs, labels, characters) {
  const logProbs = probs.map((row) => row.map(Math.log)), T = probs.length;
  return {
    probs, logProbs, labels, characters, T, signs: [characters.includes("-") ? "∅" : "-", ...characters],
    ...forwardBackward(logProbs, labels),
    best: bestThrough(logProbs, labels),
    count: countThrough(T, labels),
    alignments: countAlignments(T, labels),
  };
}

function render({ model, el: host }) {
  const view = follow(model, ["probs", "target", "t", "s", "mode"], paint);
  const characters = model.get("characters");
  let lattice, scene, table, hover = null;
  const known = { text: null, mode: null, plane: "", matrix: "" }; // what has been computed and drawn

  const target = element("input", { type: "text", class: "crnn-field crnn-mono", size: 10, autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    oninput: (event) => { if (!event.isComposing) onTarget(); }, oncompositionend: onTarget });
  const radios = Object.entries(QUANTITIES).map(([mode, words]) => {
    const radio = element("input", { type: "radio", name: "mode", value: mode, onchange: () => view.change({ mode }) });
    return element("label", {}, radio, words);
  });
  const reset = element("button", { type: "button", onclick: () => { note.textContent = ""; hover = null; view.change({ ...model.get("start") }); } }, "reset");
  const totals = element("p", { class: "crnn-totals", role: "status", "aria-live": "polite" });
  const note = element("p", { class: "crnn-note", role: "alert" });
  const scroll = element("div", { class: "crnn-scroll" });
  const line = element("p", { class: "crnn-mono crnn-line" }), paths = element("p", { class: "crnn-paths" });
  const legend = element("p", { class: "crnn-soft crnn-legend" });
  const root = element("div", { class: "crnn-widget crnn-lattice", role: "group", "aria-label": "CTC lattice" },
    element("div", { class: "crnn-bar" }, element("label", {}, "target", target),
      // A form of its own keeps these radio buttons apart from those of other widgets on the page.
      element("form", { onsubmit: (event) => event.preventDefault() }, element("fieldset", { "aria-label": "quantity shown" }, ...radios)),
      element("span", { class: "crnn-end" }, reset)),
    totals, note, scroll, element("div", { role: "status", "aria-live": "polite", "aria-atomic": "true" }, line, paths), legend);
  shield(root);
  host.append(root);

  const clamp = (x, n) => Math.max(0, Math.min(x, n - 1));
  const selected = () => [clamp(model.get("t"), lattice.T), clamp(model.get("s"), lattice.rows.length)];
  const group = ([t, s]) => scene.cells[t][s].group;
  const size = () => measure(lattice.T, lattice.rows.length, (scroll.clientWidth || 700) - 8);

  function onTarget() {
    const { labels, problem } = readTarget(target.value, characters, model.get("probs").length);
    target.setAttribute("aria-invalid", problem ? "true" : "false");
    note.textContent = problem ?? "";
    if (!problem) view.change({ target: codePoints(target.value).join(""), s: clamp(model.get("s"), 2 * labels.length + 1) });
  }

  function setProbability(t, k, value) {
    const allowed = value >= 0 && value <= 1;
    note.textContent = allowed ? "" : `A probability lies between 0 and 1; the lattice keeps p(${t}, ${named(lattice, k)}) = ${number(lattice.probs[t][k])}.`;
    if (allowed) view.change({ probs: lattice.probs.map((row, u) => (u === t ? rescale(row, k, value) : row)) });
  }

  function select(t, s) {
    hover = null;
    view.change({ t: clamp(t, lattice.T), s: clamp(s, lattice.rows.length) });
    group(selected()).focus();
  }

  const on = {
    onclick: (event) => onCell(event, select),
    onpointermove: (event) => onCell(event, (t, s) => { if (hover?.[0] !== t || hover?.[1] !== s) { hover = [t, s]; paintCell(); } }),
    onpointerleave: () => { hover = null; paintCell(); },
    onkeydown: (event) => {
      const [t, s] = selected();
      const to = { ArrowLeft: [t - 1, s], ArrowRight: [t + 1, s], ArrowUp: [t, s - 1], ArrowDown: [t, s + 1], Home: [0, s], End: [lattice.T - 1, s] }[event.key];
      if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      select(...to);
    },
  };

  function onCell(event, act) {
    const cell = event.target.closest(".crnn-cell");
    if (cell) act(Number(cell.dataset.t), Number(cell.dataset.s));
  }

  function build() {
    const pixels = size(), C = characters.length + 1, classes = shownClasses(lattice.rows, C);
    const plane = JSON.stringify([lattice.labels, lattice.T, pixels.wide]), matrix = JSON.stringify([classes, lattice.T, pixels.wide]);
    if (plane !== known.plane) scene = drawScene(lattice, pixels, on);
    if (matrix !== known.matrix) table = probabilityTable({ T: lattice.T, classes, C, names: lattice.signs, cell: pixels.wide, label: LABEL, setProbability });
    if (plane !== known.plane || matrix !== known.matrix) scroll.replaceChildren(scene.root, table.root);
    const redrawn = plane !== known.plane;
    Object.assign(known, { plane, matrix, wide: pixels.wide });
    return redrawn;
  }

  function paint() {
    const probs = model.get("probs"), text = model.get("target"), mode = model.get("mode");
    const fresh = probs !== lattice?.probs || text !== known.text;
    if (fresh) {
      const { labels } = readTarget(text, characters, probs.length);
      if (!labels) return; // between two changes from Python, of which the second makes the first fit
      lattice = compute(probs, labels, characters);
    }
    const held = scene && root.contains(document.activeElement) && document.activeElement.closest(".crnn-cell");
    const redrawn = build();
    if (redrawn) hover = null;
    if (redrawn || fresh || mode !== known.mode) scene.fill(lattice, mode);
    Object.assign(known, { text, mode });
    table.fill(probs);
    const typing = document.activeElement === target && target.getAttribute("aria-invalid") === "true";
    if (!typing && codePoints(target.value).join("") !== text) target.value = text;
    if (!typing) target.setAttribute("aria-invalid", "false");
    for (const radio of radios) radio.firstChild.checked = radio.firstChild.value === mode;
    totals.replaceChildren(
      element("span", {}, "p(Y|X) = ", element("b", { class: "crnn-p" }, fromLog(lattice.logLikelihood))),
      element("span", {}, "loss = −ln p(Y|X) = ", element("b", { class: "crnn-loss" }, number(0 - lattice.logLikelihood))),
      element("span", { class: "crnn-soft" }, `T = ${lattice.T}, L = ${lattice.rows.length}, ${plural(lattice.alignments, "alignment", "alignments")}`));
    legend.textContent = (mode === "best" ? "Stronger blue: the best path through the cell comes nearer to the best of all." : "Stronger blue: a larger share of its time step.") + LEGEND;
    paintCell();
    if (held && redrawn) group(selected()).focus({ preventScroll: true });
  }

  function paintCell() {
    const home = selected(), [t, s] = hover ?? home, mode = model.get("mode");
    const feeding = sources(lattice, mode, t, s);
    const path = mode === "best" ? bestPath(lattice.logProbs, lattice.labels, [t, s]) : null;
    scene.choose([t, s], feeding, path);
    for (const old of scene.root.querySelectorAll("[aria-selected]")) { old.removeAttribute("aria-selected"); old.setAttribute("tabindex", -1); }
    group(home).setAttribute("aria-selected", "true");
    group(home).setAttribute("tabindex", 0);
    const emitting = { alpha: [[t, s]], beta: feeding, posterior: [], best: path?.map((row, u) => [u, row]) ?? [] }[mode];
    table.mark(emitting.map(([u, row]) => [u, lattice.rows[row]]));
    line.textContent = explain(lattice, mode, t, s, path);
    paths.textContent = `${count(lattice.count[t][s])} of ${plural(lattice.alignments, "alignment passes", "alignments pass")} through (${t},${s}).`;
  }

  const resized = new ResizeObserver(() => { if (size().wide !== known.wide) paint(); });
  paint();
  resized.observe(host);
  return () => { resized.disconnect(); view.stop(); };
}

export default { render };
