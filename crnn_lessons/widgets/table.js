// The probabilities under the lattice: a table whose cells can be edited, a column a time step.
import { element, number, typed, visible } from "./dom.js";

const MOST_ROWS = 12; // of a larger alphabet, only the target's characters are shown, and the rest as one row

/** The classes that get a row of their own. */
export function shownClasses(rows, C) {
  const all = Array.from({ length: C }, (_, k) => k);
  return C <= MOST_ROWS ? all : all.filter((k) => rows.includes(k));
}

/** Draws the table; `setProbability(t, k, text)` is asked for each edit. Returns { root, fill, mark }. */
export function probabilityTable({ T, classes, C, names, cell, label, setProbability }) {
  const cells = new Map();
  let here = [0, 0]; // column and line that take part in tabbing
  const rest = classes.length < C;
  const body = classes.map((k, line) => element("tr", { role: "row" },
    element("th", { role: "rowheader", scope: "row", style: `width: ${label}px` }, `p(${visible(names[k])})`),
    ...Array.from({ length: T }, (_, t) => {
      const td = element("td", { role: "gridcell", tabindex: -1, "data-t": t, "data-k": k, onkeydown: (event) => onKey(event, t, line),
        onclick: () => (document.activeElement === td && td.dataset.armed ? open(t, line) : focus(t, line)), ondblclick: () => open(t, line) });
      cells.set(`${t},${line}`, td);
      return td;
    })));
  const others = Array.from({ length: T }, () => element("td", { role: "gridcell", class: "crnn-soft" }));
  if (rest) body.push(element("tr", { role: "row" }, element("th", { role: "rowheader", scope: "row" }, "others"), ...others));
  const root = element("table", { class: "crnn-probs", role: "grid", "aria-label": `Probabilities, ${T} time steps by ${C} classes. Type a number, or + and −, to change one.`,
    style: `width: ${label + T * cell}px` }, element("tbody", { role: "rowgroup" }, ...body));
  at(0, 0).tabIndex = 0;

  function at(t, line) { return cells.get(`${t},${line}`); }

  function focus(t, line) {
    for (const td of cells.values()) delete td.dataset.armed;
    at(...here).tabIndex = -1;
    here = [t, line];
    at(t, line).tabIndex = 0;
    at(t, line).focus();
    at(t, line).dataset.armed = "yes"; // a second click opens the field, for screens without a keyboard
  }

  function onKey(event, t, line) {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const [dt, dline] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    const p = at(t, line).crnnValue;
    if (dt || dline) focus(Math.max(0, Math.min(T - 1, t + dt)), Math.max(0, Math.min(classes.length - 1, line + dline)));
    else if (event.key === "+" || event.key === "=") setProbability(t, classes[line], Math.min(1, p + 0.05));
    else if (event.key === "-") setProbability(t, classes[line], Math.max(0, p - 0.05));
    else if (event.key === "Enter" && !event.shiftKey) open(t, line);
    else if (/^[0-9.]$/.test(event.key)) open(t, line, event.key);
    else return;
    event.preventDefault();
  }

  function open(t, line, first = null) {
    const td = at(t, line);
    focus(t, line);
    let closed = false;
    const close = (keep, back) => {
      if (closed) return;
      closed = true;
      const text = field.value.trim().replace(",", ".");
      field.remove();
      if (keep && text !== "") setProbability(t, classes[line], Number(text));
      if (back) focus(t, line);
    };
    const field = element("input", { type: "text", inputmode: "decimal", class: "crnn-edit", "aria-label": td.getAttribute("aria-label"),
      onblur: () => close(true, false),
      onkeydown: (event) => {
        if (event.key !== "Enter" && event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        close(event.key === "Enter", true);
      } });
    field.value = first ?? typed(number(td.crnnValue));
    td.append(field);
    field.focus();
    if (first === null) field.select();
  }

  function fill(probs) {
    const digits = cell >= 38 ? 3 : cell >= 30 ? 2 : 0;
    for (let t = 0; t < T; t++) {
      classes.forEach((k, line) => {
        const td = at(t, line), p = probs[t][k];
        if (td.crnnValue === p) return;
        td.crnnValue = p;
        td.replaceChildren(short(p, digits));
        td.style.setProperty("--p", `${(100 * p).toFixed(1)}%`);
        td.setAttribute("aria-label", `p of ${k === 0 ? "blank" : names[k]} at t = ${t}: ${short(p, digits) || number(p)}`);
      });
      if (rest) others[t].textContent = short(1 - classes.reduce((total, k) => total + probs[t][k], 0), digits);
    }
  }

  function mark(emissions) {
    for (const td of root.querySelectorAll(".crnn-used")) td.classList.remove("crnn-used");
    for (const [t, k] of emissions) at(t, classes.indexOf(k))?.classList.add("crnn-used");
  }

  return { root, fill, mark };
}

function short(p, digits) {
  if (digits === 0) return "";
  const text = Math.abs(p).toFixed(digits);
  return p > 1e-9 && Number(text) === 0 ? `<${(10 ** -digits).toFixed(digits).slice(1)}` : text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "").replace(/^0\./, ".");
}
