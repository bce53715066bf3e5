// The CTC lattice of a target over a matrix of probabilities: what feeds each cell, with which numbers.
import { bar, field, invalid, isInvalid, legend, live, liveAll, noteLine, radios, resetButton } from "./controls.js";
import { bestPath, bestThrough, countAlignments, countThrough, forwardBackward } from "./ctc.js";
import { attr, clamp, html } from "./dom.js";
import { arrowTo } from "./keys.js";
import { drawScene, measure } from "./lattice_scene.js";
import { probabilityTable } from "./lattice_table.js";
import { QUANTITIES, explain, named, readTarget, sources } from "./lattice_words.js";
import { focused, follow, mount, shell } from "./view.js";
import { codePoints, count, fromLog, number, plural } from "./words.js";

const BLUE = { best: "the best path through the cell comes nearer to the best of all." };
const LEGEND = " Rounded boxes are blanks; dotted boxes lie on no alignment of the target. Below: the probabilities; " +
  "click one and type, or press + or −.";

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
  const view = follow(model, paint), { characters } = view.state;
  let lattice, scene, hover = null;
  const known = {}; // what has been computed and drawn

  const target = field("input.field.mono", onTarget, { size: 10 });
  const quantity = radios("quantity shown", QUANTITIES, (mode) => view.change({ mode }));
  const totals = live("p.totals"), note = noteLine(), scroll = html("div.scroll"), help = legend();
  const line = html("p.mono.line"), paths = html("p.paths"), table = probabilityTable({ view, note,
    names: [characters.includes("-") ? "∅" : "-", ...characters],
    keeps: (t, k, p) => `the lattice keeps p(${t}, ${named(lattice, k)}) = ${number(p)}` });
  const reset = resetButton(view, "", () => { note.textContent = ""; hover = null; });
  const root = shell("lattice", "CTC lattice", bar(html("label", "target", target), quantity.root, reset),
    totals, note, scroll, liveAll(line, paths), help);

  const selected = () => [clamp(view.state.t, lattice.T), clamp(view.state.s, lattice.rows.length)];
  const group = ([t, s]) => scene.cells[t][s].group;
  const size = () => measure(lattice.T, lattice.rows.length, (scroll.clientWidth || 700) - 8);

  function onTarget() {
    const { labels, problem } = readTarget(target.value, characters, view.state.probs.length);
    invalid(target, problem);
    note.textContent = problem ?? "";
    const text = codePoints(target.value).join("");
    if (!problem) view.change({ target: text, s: clamp(view.state.s, 2 * labels.length + 1) });
  }

  function select(t, s) {
    hover = null;
    view.change({ t, s });
    group(selected()).focus();
  }

  const onCell = (act) => (event) => {
    const cell = event.target.closest(".crnn-cell");
    if (cell) act(Number(cell.dataset.t), Number(cell.dataset.s));
  };
  const listeners = {
    onclick: onCell(select),
    onpointermove: onCell((t, s) => { if (hover?.[0] !== t || hover?.[1] !== s) { hover = [t, s]; paintCell(); } }),
    onpointerleave: () => { hover = null; paintCell(); },
    onkeydown: (event) => {
      const to = arrowTo(event, ...selected(), lattice.T, lattice.rows.length);
      if (to) select(...to);
    },
  };

  /** Draws anew what the lattice has outgrown; says whether its cells are new. */
  function build() {
    const pixels = size(), { T, rows, labels } = lattice, plane = JSON.stringify([labels, T, pixels.wide]);
    const redrawn = plane !== known.plane;
    if (redrawn) scene = drawScene(lattice, pixels, listeners);
    table.fill(rows, pixels.wide);
    if (redrawn) scroll.replaceChildren(scene.root, table.root);
    Object.assign(known, { plane, wide: pixels.wide });
    return redrawn;
  }

  function paint() {
    const { probs, target: text, mode } = view.state, given = JSON.stringify([probs, text]);
    const fresh = given !== known.given;
    if (fresh) lattice = compute(probs, readTarget(text, characters, probs.length).labels, characters);
    const held = scene && root.contains(focused(root)) && focused(root).closest(".crnn-cell"), redrawn = build();
    if (redrawn) hover = null;
    if (redrawn || fresh || mode !== known.mode) scene.fill(lattice, mode);
    Object.assign(known, { given, mode });
    const typing = focused(root) === target && isInvalid(target);
    if (!typing && codePoints(target.value).join("") !== text) target.value = text;
    if (!typing) invalid(target, false);
    quantity.check(mode);
    const { T, rows, logLikelihood, alignments } = lattice;
    totals.replaceChildren(html("span", "p(Y|X) = ", html("b.p", fromLog(logLikelihood))),
      html("span", "loss = −ln p(Y|X) = ", html("b.loss", number(0 - logLikelihood))),
      html("span.soft", `T = ${T}, L = ${rows.length}, ${plural(alignments, "alignment", "alignments")}`));
    help.textContent = `Stronger blue: ${BLUE[mode] ?? "a larger share of its time step."}${LEGEND}`;
    paintCell();
    if (held && redrawn) group(selected()).focus({ preventScroll: true });
  }

  function paintCell() {
    const home = selected(), [t, s] = hover ?? home, { mode } = view.state, feeding = sources(lattice, mode, t, s);
    const path = mode === "best" ? bestPath(lattice.logProbs, lattice.labels, [t, s]) : null;
    scene.choose([t, s], feeding, path);
    for (const old of scene.root.querySelectorAll("[aria-selected], [tabindex='0']")) {
      attr(old, { "aria-selected": null, tabindex: -1 });
    }
    attr(group(home), { "aria-selected": "true", tabindex: 0 });
    const emitting = { alpha: [[t, s]], beta: feeding, best: path?.map((row, u) => [u, row]) }[mode] ?? [];
    table.mark(emitting.map(([u, row]) => [u, lattice.rows[row]]));
    line.textContent = explain(lattice, mode, t, s, path);
    const through = plural(lattice.alignments, "alignment passes", "alignments pass");
    paths.textContent = `${count(lattice.count[t][s])} of ${through} through (${t},${s}).`;
  }

  return mount(view, host, root, () => size().wide !== known.wide);
}
