// The probabilities under the lattice: a table whose cells can be edited, a column a time step.
import { attr, flag, html, range } from "./dom.js";
import { arrowTo, modified, rove } from "./keys.js";
import { rescale } from "./lattice_words.js";
import { number, tidy, typed, visible } from "./words.js";

export const LABEL = 62; // pixels left of the first column
const MOST_ROWS = 12; // of a larger alphabet, only the target's characters are shown, and the rest as one row

/**
 * The probabilities of a view, to be changed in it; `keeps(t, k, p)` are the words for a number that stays, where what
 * was typed is none. Returns { root, fill, mark }.
 */
export function probabilityTable({ view, note, names, keeps }) {
  const root = html("table.probs", { role: "grid" }), C = names.length;
  let cells = [], rest = [], classes = [], drawn = "";
  let armed = null; // the cell in which a second click opens the field, for screens without a keyboard

  function put(t, k, value) {
    const { probs } = view.state, allowed = value >= 0 && value <= 1;
    note.textContent = allowed ? "" : `A probability lies between 0 and 1; ${keeps(t, k, probs[t][k])}.`;
    if (allowed) view.change({ probs: probs.with(t, rescale(probs[t], k, value)) });
  }

  function build(T, wide) {
    cells = classes.map((k, line) => range(T, (t) => html("td", {
      role: "gridcell", tabindex: -1, "data-t": t, "data-k": k, onkeydown: (event) => onKey(event, t, line),
      onclick: ({ currentTarget }) => (armed === currentTarget ? open(t, line) : focus(t, line)),
      onblur: () => { armed = null; }, ondblclick: () => open(t, line) })));
    rest = classes.length < C ? range(T, () => html("td.soft", { role: "gridcell" })) : [];
    const row = (title, tds) => html("tr", { role: "row" },
      html("th", { role: "rowheader", scope: "row", style: `width: ${LABEL}px` }, title), tds);
    attr(root, { style: `width: ${LABEL + T * wide}px`,
      "aria-label": `Probabilities, ${T} time steps by ${C} classes. Type a number, or + and −, to change one.` });
    const rows = cells.map((tds, line) => row(`p(${visible(names[classes[line]])})`, tds));
    root.replaceChildren(html("tbody", { role: "rowgroup" }, rows, rest.length ? row("others", rest) : []));
    cells[0][0].tabIndex = 0;
  }

  function focus(t, line) {
    rove(cells.flat(), cells[line][t]);
    cells[line][t].focus();
    armed = cells[line][t];
  }

  function onKey(event, t, line) {
    if (event.target.tagName === "INPUT" || modified(event)) return;
    const to = arrowTo(event, t, line, cells[0].length, cells.length);
    const by = { "+": 0.05, "=": 0.05, "-": -0.05 }[event.key];
    if (to) focus(...to);
    else if (by) put(t, classes[line], Math.max(0, Math.min(1, cells[line][t].crnnValue + by)));
    else if (event.key === "Enter" && !event.shiftKey) open(t, line);
    else if (/^[0-9.]$/.test(event.key)) open(t, line, event.key);
    else return;
    event.preventDefault();
  }

  function open(t, line, first = null) {
    const td = cells[line][t];
    focus(t, line);
    let keep = true;
    const input = html("input.edit", { type: "text", inputmode: "decimal", "aria-label": td.getAttribute("aria-label"),
      onblur: () => {
        const text = input.value.trim().replace(",", ".");
        input.remove();
        if (keep && text !== "") put(t, classes[line], Number(text));
      },
      onkeydown: (event) => {
        if (event.key !== "Enter" && event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        keep = event.key === "Enter";
        focus(t, line); // which closes the field
      } });
    input.value = first ?? typed(number(td.crnnValue));
    td.append(input);
    input.focus();
    if (first === null) input.select();
  }

  /** Show the probabilities in columns so many pixels wide; `needed` are the classes that are to have a row. */
  function fill(needed, wide) {
    const { probs } = view.state, digits = wide >= 38 ? 3 : wide >= 30 ? 2 : 0, all = range(C, (k) => k);
    classes = C <= MOST_ROWS ? all : all.filter((k) => needed.includes(k));
    const shape = JSON.stringify([classes, probs.length, wide]);
    if (shape !== drawn) build(probs.length, wide);
    drawn = shape;
    cells.forEach((tds, line) => tds.forEach((td, t) => {
      const k = classes[line], p = probs[t][k], text = short(p, digits);
      if (td.crnnValue === p) return;
      td.crnnValue = p;
      td.replaceChildren(text);
      td.style.setProperty("--p", `${(100 * p).toFixed(1)}%`);
      attr(td, { "aria-label": `p of ${k === 0 ? "blank" : names[k]} at t = ${t}: ${text || number(p)}` });
    }));
    rest.forEach((td, t) => {
      td.textContent = short(1 - classes.reduce((total, k) => total + probs[t][k], 0), digits);
    });
  }

  /** Mark the probabilities that the chosen cell is made of: pairs of a time step and a class. */
  function mark(emissions) {
    for (const td of root.querySelectorAll(".crnn-used")) flag(td, "used", false);
    for (const [t, k] of emissions) if (classes.includes(k)) flag(cells[classes.indexOf(k)][t], "used", true);
  }

  return { root, fill, mark };
}

function short(p, digits) {
  if (digits === 0) return "";
  const text = Math.abs(p).toFixed(digits);
  if (p > 1e-9 && Number(text) === 0) return `<${(10 ** -digits).toFixed(digits).slice(1)}`;
  return tidy(text).replace(/^0\./, ".");
}
