// The layers of the shape widget: a row each, its text in a field, its numbers beside it; and a strip each, which shows
// the columns that a frame depends on.
import { field, isInvalid } from "./controls.js";
import { boxAt, clamp, flag, html, range, svg } from "./dom.js";
import { modified } from "./keys.js";
import { spansOf } from "./shape_stack.js";
import { focused } from "./view.js";
import { count } from "./words.js";

const STRIP = 15, LEFT = 4;
const COLUMNS = ["layer", "shape", "parameters", "multiply-adds", "sees"];

export const product = (shape) => shape.join(" × ");
const tidied = (text) => text.trim().replace(/\s+/g, " ");

/**
 * The table of layers. `put(layers, box)` changes the stack if it then makes sense; `example()` is the layer to add.
 * Returns { root, fill, insert, drop, shift, choose, inputs, at }; those that edit take the place of a layer.
 */
export function layerTable({ layers, put, example, settle, marked }) {
  let inputs = [], chosen = 0;
  const body = html("div.body", { role: "rowgroup" });
  const root = html("div.table", { role: "table", "aria-label": "layers" }, body);

  const focus = (i) => inputs[clamp(i, inputs.length)].focus(); // which marks it
  function insert(at) { if (put(layers().toSpliced(at, 0, example()))) focus(at); }
  function drop(at) { if (layers().length > 1 && put(layers().toSpliced(at, 1))) focus(at); }
  function shift(at, by) {
    const moved = layers().toSpliced(at, 1), to = at + by;
    if (to >= 0 && to <= moved.length && put(moved.toSpliced(to, 0, layers()[at]))) focus(to);
  }

  function onKey(event, i) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.isComposing || (modified(event) && !(by && event.altKey))) return;
    if (by && event.altKey) shift(i, by);
    else if (by) focus(i + by);
    else if (event.key === "Enter" && !event.shiftKey) insert(i + 1);
    else if (event.key === "Backspace" && inputs[i].value === "") drop(i);
    else return;
    event.preventDefault();
  }

  function makeInput(i) {
    const read = () => put(layers().with(i, tidied(inputs[i].value)), inputs[i]);
    return field("input.field.mono.layer", read, { "aria-label": `layer ${i + 1}`,
      onkeydown: (event) => onKey(event, i), onfocus: () => choose(i),
      onblur: () => { if (isInvalid(inputs[i])) settle(); } });
  }

  function choose(i) {
    chosen = clamp(i, layers().length);
    [...body.children].forEach((row, at) => flag(row, "marked", at === chosen + 1));
    marked();
  }

  function fill(account) {
    const stack = layers(), most = Math.max(...account.rows.map((row) => row.work), 1);
    inputs = range(stack.length, (i) => inputs[i] ?? makeInput(i));
    inputs.forEach((box, i) => {
      if (!isInvalid(box) && !(focused(root) === box && tidied(box.value) === stack[i])) box.value = stack[i];
    });
    const cell = (role, text, name, style = null) => html(`span.c-${name}`, { role, style }, text);
    const line = (row, i) => html(i < stack.length ? "div.line" : "div.line.after", { role: "row" },
      html("span.name", { role: "rowheader" }, inputs[i] ?? row.name), cell("cell", product(row.shape), "shape"),
      cell("cell", row.parameters.map(count).join(" + ") || "0", "parameters"),
      cell("cell", count(row.work), "multiply-adds", `--share: ${(100 * row.work / most).toFixed(1)}%`),
      cell("cell", row.sees ? product(row.sees) : "", "sees"));
    // Rows are made anew; the boxes stay the same, and the one with the keyboard keeps it.
    const held = inputs.find((box) => box === focused(root)), caret = held?.selectionStart;
    const head = html("div.head.soft", { role: "row" }, COLUMNS.map((name) => cell("columnheader", name, name)));
    body.replaceChildren(head, ...account.rows.map(line));
    if (held) { held.focus({ preventScroll: true }); held.setSelectionRange(caret, caret); }
    choose(chosen);
  }

  return { root, fill, insert, drop, shift, choose, inputs: () => inputs, at: () => chosen };
}

/** The columns at each layer, the image at the bottom, the frame at the top; filled: what the frame depends on. */
export function strips({ stack, widths }, layers, frame, image, wide, name) {
  const spans = spansOf(stack, 1, frame, image), room = wide - 2 * LEFT, tall = STRIP - 4;
  const high = widths.length * STRIP + 6;
  return svg("svg", { width: wide, height: high, viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": name },
    widths.map((columns, level) => {
      const y = (widths.length - 1 - level) * STRIP + 2, one = room / columns, [first, last] = spans[level];
      const ticks = one < 3 ? [] : svg("path.ticks", { d: range(columns - 1, (i) =>
        `M${(LEFT + one * (i + 1)).toFixed(1)},${y}v${tall}`).join("") });
      return [boxAt(LEFT, y, room, tall, "rect.strip"), ticks,
        boxAt(LEFT + one * first, y, Math.max(1.5, one * (last - first + 1)), tall, "rect.span"),
        svg("title", `${level ? layers[level - 1] : "image"}: columns ${first} to ${last} of ${columns}`)];
    }));
}

/** Which of n frames is drawn at a place of the strips. */
export function frameAt(node, clientX, n) {
  const { left, width } = node.getBoundingClientRect();
  return clamp(Math.floor(((clientX - left - LEFT) / (width - 2 * LEFT)) * n), n);
}
