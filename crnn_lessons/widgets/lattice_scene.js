// The drawing of the lattice: a box for each cell, a line for each step, arrows for what feeds the chosen cell.
import { predecessors } from "./ctc.js";
import { attr, boxAt, flag, html, range, svg, textAt } from "./dom.js";
import { LABEL } from "./lattice_table.js";
import { brief, visible } from "./words.js";

const TOP = 22; // pixels above the first row

/** Each cell's share of its time step, 0 to 1: how strongly it is coloured. In "best", relative to the best of all. */
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

/** Pixels: a column's width, a box's width and height, and where a box begins. */
export function measure(T, L, room) {
  const wide = Math.max(24, Math.min(76, Math.floor((room - LABEL) / T))), high = L > 17 ? 24 : 34;
  const gap = Math.round(wide * 0.32);
  return { wide, box: wide - gap, tall: high - 8, X: (t) => t * wide + gap / 2, Y: (s) => TOP + s * high };
}

/** Draws the empty lattice; `on` holds the listeners of the whole drawing. Returns { root, cells, fill, choose }. */
export function drawScene(lattice, { wide, box, tall, X, Y }, on) {
  const { T, rows, signs } = lattice, L = rows.length, height = Y(L - 1) + tall + 6;
  const middle = (s) => Y(s) + tall / 2, round = (s) => rows[s] === 0; // blanks are rounded
  const small = (x, y, words, anchor) => textAt(x, y, words, "text.small", anchor);
  const names = rows.flatMap((row, s) => [small(4, middle(s) + 4, s, "start"),
    textAt(38, middle(s) + 5, visible(signs[row]), round(s) ? "text.sign.light" : "text.sign")]);
  const labels = svg("svg.labels", { width: LABEL, height, "aria-hidden": "true" },
    small(4, 13, "s", "start"), small(LABEL - 4, 13, "t =", "end"), names);

  const edges = svg("path.edges"), route = svg("path.route"), feeds = svg("g");
  const cells = range(T, (t) => range(L, (s) => {
    const shape = boxAt(X(t), Y(s), box, tall, "rect.frame", { rx: round(s) ? tall / 2 : 3 });
    const words = box >= 34 ? [textAt(X(t) + box / 2, middle(s) + 4, "", "text.value")] : [];
    const group = svg("g.cell", { role: "gridcell", tabindex: -1, "data-t": t, "data-s": s }, shape, words);
    return { group, shape, words: words[0] };
  }));
  const plane = svg("svg.cells", { width: T * wide, height, role: "grid", ...on,
    "aria-label": `Lattice, ${T} time steps by ${L} rows; arrow keys move` },
    svg("g", { "aria-hidden": "true" }, range(T, (t) => small(X(t) + box / 2, 13, t)), edges, route, feeds),
    svg("g", { role: "rowgroup" }, range(L, (s) => svg("g", { role: "row" }, cells.map((column) => column[s].group)))));

  const line = (t, q, s) => `M${X(t - 1) + box} ${middle(q)}L${X(t)} ${middle(s)}`;

  function arrow(t, q, s, backward) {
    const from = [X(t - 1) + box, middle(q)], to = [X(t), middle(s)];
    const angle = (180 / Math.PI) * Math.atan2(to[1] - from[1], to[0] - from[0]) + (backward ? 180 : 0);
    const place = `translate(${backward ? from : to}) rotate(${angle})`;
    return [svg("path.feed", { d: line(t, q, s) }), svg("path.tip", { d: "M0 0L-8 -4.5L-8 4.5Z", transform: place })];
  }

  /** Colour and number every cell for one of the four quantities. */
  function fill(lattice, mode) {
    const strength = shades(lattice, mode);
    let faint = "";
    cells.forEach((column, t) => column.forEach(({ group, shape, words }, s) => {
      const reached = lattice.count[t][s] > 0n;
      const log = mode === "posterior" ? Math.log(lattice.posterior[t][s]) : lattice[mode][t][s];
      const colour = `color-mix(in srgb, var(--crnn-blue) ${(75 * strength[t][s]).toFixed(1)}%, var(--crnn-bg))`;
      if (shape.style.fill !== colour) shape.style.fill = colour;
      if (words) words.textContent = log > -Infinity ? brief(log, box >= 44) : "";
      flag(group, "off", !reached);
      const from = t > 0 && reached ? predecessors(rows, s) : [];
      for (const q of from) if (lattice.count[t - 1][q] > 0n) faint += line(t, q, s);
    }));
    attr(edges, { d: faint });
  }

  /** Mark the chosen cell [t, s], the cells that feed it, and a path. */
  function choose([t, s], sources, path) {
    for (const name of ["chosen", "source", "onpath"]) {
      for (const old of plane.querySelectorAll(`.crnn-${name}`)) flag(old, name, false);
    }
    const { group, words } = cells[t][s], name = `t = ${t}, row ${s}, ${round(s) ? "blank" : signs[rows[s]]}`;
    flag(group, "chosen", true);
    attr(group, { "aria-label": words?.textContent ? `${name}: ${words.textContent}` : name });
    for (const [u, q] of sources) flag(cells[u][q].group, "source", true);
    feeds.replaceChildren(...sources.flatMap(([u, q]) => (u < t ? arrow(t, q, s, false) : arrow(u, s, q, true))));
    path?.forEach((row, u) => flag(cells[u][row].group, "onpath", true));
    attr(route, { d: path ? path.slice(1).map((row, u) => line(u + 1, path[u], row)).join("") : "" });
  }

  return { root: html("div.plane", labels, plane), cells, fill, choose };
}
