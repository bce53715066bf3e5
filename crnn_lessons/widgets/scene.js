// The drawing of the lattice: a box for each cell, a line for each step, arrows for what feeds the chosen cell.
import { predecessors } from "./ctc.js";
import { brief, drawing, element, visible } from "./dom.js";

export const LABEL = 62; // pixels left of the first column
const TOP = 22; // pixels above the first row

/** Each cell's share of its time step, 0 to 1: how strongly it is coloured. In "best", relative to the best path of all. */
export function shades(lattice, mode) {
  if (mode === "posterior") return lattice.posterior;
  const values = lattice[mode], top = Math.max(...values.flat());
  return values.map((row) => {
    const largest = mode === "best" ? top : Math.max(...row);
    if (largest === -Infinity) return row.map(() => 0);
    const weights = row.map((value) => Math.exp(value - largest));
    const total = mode === "best" ? 1 : weights.reduce((a, b) => a + b);
    return weights.map((weight) => weight / total);
  });
}

/** Pixels: a column's width, a row's height, a box's width and height, and where a box begins. */
export function measure(T, L, room) {
  const wide = Math.max(24, Math.min(76, Math.floor((room - LABEL) / T))), high = L > 17 ? 24 : 34;
  const gap = Math.round(wide * 0.32);
  return { wide, box: wide - gap, tall: high - 8, X: (t) => t * wide + gap / 2, Y: (s) => TOP + s * high };
}

/** Draws the empty lattice; `on` holds the listeners of the whole drawing. Returns { root, cells, fill, choose }. */
export function drawScene(lattice, { wide, box, tall, X, Y }, on) {
  const { T, rows, signs } = lattice, L = rows.length, height = Y(L - 1) + tall + 6;
  const middle = (s) => Y(s) + tall / 2;
  const small = (x, y, words, anchor = "start") => drawing("text", { x, y, "text-anchor": anchor, class: "crnn-small" }, words);
  const labels = drawing("svg", { class: "crnn-labels", width: LABEL, height, "aria-hidden": "true" },
    small(4, 13, "s"), small(LABEL - 4, 13, "t =", "end"),
    ...rows.flatMap((label, s) => [small(4, middle(s) + 4, `${s}`),
      drawing("text", { x: 38, y: middle(s) + 5, "text-anchor": "middle", class: label === 0 ? "crnn-sign crnn-light" : "crnn-sign" }, visible(signs[label]))]));

  const edges = drawing("path", { class: "crnn-edges" }), route = drawing("path", { class: "crnn-route" });
  const feeds = drawing("g");
  const times = Array.from({ length: T }, (_, t) => small(X(t) + box / 2, 13, `${t}`, "middle"));
  const cells = Array.from({ length: T }, () => []);
  const lines = rows.map((label, s) => drawing("g", { role: "row" }, ...cells.map((column, t) => {
    const frame = { x: X(t), y: Y(s), width: box, height: tall, rx: label === 0 ? tall / 2 : 3 }; // blanks are rounded
    const shape = drawing("rect", { ...frame, class: "crnn-frame" });
    const words = box >= 34 ? drawing("text", { x: X(t) + box / 2, y: middle(s) + 4, "text-anchor": "middle", class: "crnn-value" }) : null;
    const group = drawing("g", { role: "gridcell", tabindex: -1, class: "crnn-cell", "data-t": t, "data-s": s }, shape, words ?? "");
    column.push({ group, shape, words });
    return group;
  })));
  const plane = drawing("svg", { class: "crnn-cells", width: T * wide, height, role: "grid", "aria-label": `Lattice, ${T} time steps by ${L} rows; arrow keys move`, ...on },
    drawing("g", { "aria-hidden": "true" }, ...times, edges, route, feeds), drawing("g", { role: "rowgroup" }, ...lines));

  const step = (t, q, s) => `M${X(t - 1) + box} ${middle(q)}L${X(t)} ${middle(s)}`;

  function arrow(t, q, s, backward) {
    const from = [X(t - 1) + box, middle(q)], to = [X(t), middle(s)];
    const angle = (180 / Math.PI) * Math.atan2(to[1] - from[1], to[0] - from[0]) + (backward ? 180 : 0);
    return [drawing("path", { class: "crnn-feed", d: step(t, q, s) }),
      drawing("path", { class: "crnn-tip", d: "M0 0L-8 -4.5L-8 4.5Z", transform: `translate(${backward ? from : to}) rotate(${angle})` })];
  }

  /** Colour and number every cell for one of the four quantities. */
  function fill(lattice, mode) {
    const strength = shades(lattice, mode);
    let faint = "";
    for (let t = 0; t < T; t++) {
      for (let s = 0; s < L; s++) {
        const { group, shape, words } = cells[t][s], reached = lattice.count[t][s] > 0n;
        const log = mode === "posterior" ? Math.log(lattice.posterior[t][s]) : lattice[mode][t][s];
        const colour = `color-mix(in srgb, var(--crnn-blue) ${(75 * strength[t][s]).toFixed(1)}%, var(--crnn-bg))`;
        if (shape.style.fill !== colour) shape.style.fill = colour;
        if (words) words.textContent = log > -Infinity ? brief(log, box >= 44) : "";
        group.classList.toggle("crnn-off", !reached);
        if (t > 0 && reached) for (const q of predecessors(rows, s)) if (lattice.count[t - 1][q] > 0n) faint += step(t, q, s);
      }
    }
    edges.setAttribute("d", faint);
  }

  /** Mark the chosen cell [t, s], the cells that feed it, and a path. */
  function choose([t, s], sources, path) {
    for (const old of plane.querySelectorAll(".crnn-chosen, .crnn-source, .crnn-onpath")) {
      old.classList.remove("crnn-chosen", "crnn-source", "crnn-onpath");
    }
    cells[t][s].group.classList.add("crnn-chosen");
    const shown = cells[t][s].words?.textContent, name = `t = ${t}, row ${s}, ${rows[s] === 0 ? "blank" : signs[rows[s]]}`;
    cells[t][s].group.setAttribute("aria-label", shown ? `${name}: ${shown}` : name);
    for (const [u, q] of sources) cells[u][q].group.classList.add("crnn-source");
    feeds.replaceChildren(...sources.flatMap(([u, q]) => (u < t ? arrow(t, q, s, false) : arrow(u, s, q, true))));
    path?.forEach((row, u) => cells[u][row].group.classList.add("crnn-onpath"));
    route.setAttribute("d", path ? path.slice(1).map((row, u) => step(u + 1, path[u], row)).join("") : "");
  }

  return { root: element("div", { class: "crnn-plane" }, labels, plane), cells, fill, choose };
}
