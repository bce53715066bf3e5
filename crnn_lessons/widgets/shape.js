// A recogniser on paper: choose parts and image size; see shapes, parameters, multiply-adds, T and what a frame sees.
import {
  bar, button, field, invalid, isInvalid, legend, live, noteLine, resetButton, slider, usable,
} from "./controls.js";
import { attr, clamp, html } from "./dom.js";
import { PROJECTIONS, accountOf, roomFor } from "./shape_account.js";
import { frameAt, layerTable, strips } from "./shape_layers.js";
import { EXAMPLES, spansOf } from "./shape_stack.js";
import { follow, mount, shell } from "./view.js";
import { codePoints, count, plural } from "./words.js";

const SEQUENCES = ["none", "bilstm 128", "bilstm 256, bilstm 256", "bilstm 256, linear 256, bilstm 256", "gru 64",
  "conv 128 5", "conv 500 5, bilstm 200"];
const LEGEND = "One strip a layer: the frame at the top, the image at the bottom; filled: the columns that the frame " +
  "depends on. Click or drag to choose a frame.";
const ids = { next: 0 };

const millions = (n) =>
  (n < 1e6 ? count(n) : `${n < 1e8 ? (n / 1e6).toFixed(1) : count(Math.round(n / 1e6))} M`);

/** What the frame's field is, as a sentence. */
export function fieldLine({ stack, T }, frame, width) {
  const [first, last] = spansOf(stack, 1, frame, width)[0];
  return `Frame ${frame} of 0 to ${T - 1} sees columns ${first} to ${last}: ${last - first + 1} of ${width}.`;
}

/** Whether a word fits, and from which width on. */
export function wordLine({ stack, T }, word) {
  const { S, r, needed, narrowest } = roomFor(codePoints(word), stack), fits = needed <= T ? "fits" : "does not fit";
  const from = narrowest === null ? "no width up to 2000 is enough" : `it fits from a width of ${narrowest}`;
  return `“${word}”: S = ${S}, r = ${r}, needs ${plural(needed, "step", "steps")}, T = ${T}: ${fits}; ${from}.`;
}

/** The longest words that T frames can spell. */
export const longestLine = (T) =>
  `Longest word: ${plural(T, "letter", "letters")} if no two neighbours are equal, ${Math.ceil(T / 2)} if all are.`;

function render({ model, el: host }) {
  const view = follow(model, paint), { presets } = view.state, own = `crnn-shape-${ids.next++}`;
  let account, dragging = false;
  let wanted = view.state.frame; // the frame that was asked for; where there are fewer, the last one is shown

  const note = noteLine();
  const options = (values) => values.map((value) => html("option", { value }, value));
  const select = (label, values, onchange) => html("select.field", { "aria-label": label, onchange }, options(values));
  const back = () => { settle(); paint(); };
  const input = (name, label, read, attributes, kind = "input.field") =>
    field(kind, () => put({ [name]: read(boxes[name].value) }, boxes[name]),
      { "aria-label": label, onblur: () => { if (isInvalid(boxes[name])) back(); }, ...attributes });
  const whole = (name, label, min = 1) =>
    input(name, label, Number, { type: "number", min, max: 2000, step: 1, inputmode: "numeric" });
  const list = (name, values) => html("datalist", { id: `${own}-${name}` }, options(values));
  const trimmed = (text) => text.trim();
  const boxes = {
    height: whole("height", "height in pixels"), width: whole("width", "width in pixels"),
    num_classes: whole("num_classes", "number of classes", 2),
    sequence: input("sequence", "sequence model", trimmed, { list: `${own}-seq`, size: 36 }, "input.field.chain"),
    output: input("output", "output", trimmed, { list: `${own}-out`, size: 8 }),
    word: input("word", "a word to spell", (text) => text.normalize("NFC"), { maxlength: 64 }),
  };
  const preset = select("preset", ["(own)", ...Object.keys(presets)], () => {
    const chosen = presets[preset.value];
    if (!chosen) return paint(); // "(own)" is what a stack of one's own is called, not a choice
    table.choose(0);
    return put({ ...chosen, frame: Math.floor(accountOf({ ...view.state, ...chosen }).T / 2) });
  });
  const colours = select("channels of the image", ["1", "3"], () => put({ in_channels: Number(colours.value) }));
  const projection = select("projection", PROJECTIONS, () => put({ projection: projection.value }));
  const part = select("layer to add", EXAMPLES, () => {});
  const remove = button("remove", "Remove the marked layer (Backspace in an empty one)", () => table.drop(table.at()));
  const table = layerTable({ layers: () => view.state.layers, put: (layers, box) => put({ layers }, box),
    example: () => part.value, settle: back,
    marked: () => usable(remove, view.state.layers.length > 1) });
  const frames = slider({ min: 0, step: 1, "aria-label": "frame t" }, (frame) => put({ frame }), "input.slide");
  const point = (event) => put({ frame: frameAt(plane.firstChild, event.clientX, account.T) });
  const release = () => { dragging = false; };
  const plane = html("div.plane", {
    onpointerdown: (event) => {
      dragging = true;
      frames.focus({ preventScroll: true });
      plane.setPointerCapture(event.pointerId);
      point(event);
    },
    onpointermove: (event) => { if (dragging) point(event); }, onpointerup: release, onpointercancel: release });
  const totals = live("p.totals"), sees = html("p.sees"), fits = html("p.fits"), longest = html("p.longest");
  const named = (words, node) => html("label", words, node);
  const reset = resetButton(view, "Back to the first state", () => {
    settle();
    table.choose(0);
    wanted = view.state.start.frame;
  });
  const root = shell("shape", "Shapes of a recogniser",
    list("seq", SEQUENCES), list("out", ["linear", "mlp 128"]),
    bar(named("preset", preset), html("span.image", "image", colours, "×", boxes.height, "×", boxes.width), reset),
    totals, html("div.bar.word", named("word", boxes.word), live("div.room", fits, longest)), note, table.root,
    html("div.bar.edit-bar", part,
      button("add below", "Add this layer below the marked one (Enter in a layer)", () => table.insert(table.at() + 1)),
      remove, button("up", "Move the marked layer up (Alt + arrow up)", () => table.shift(table.at(), -1)),
      button("down", "Move the marked layer down (Alt + arrow down)", () => table.shift(table.at(), 1))),
    bar(named("project", projection), named("sequence", boxes.sequence), named("output", boxes.output),
      named("classes", boxes.num_classes)),
    bar(html("label.wide", "frame t", frames)), plane, live("div", sees), legend(LEGEND));

  function settle() {
    note.textContent = "";
    for (const box of [...Object.values(boxes), ...table.inputs()]) invalid(box, false);
  }

  /** Change the state if it then makes sense; say why not otherwise. */
  function put(changes, box = null) {
    const next = accountOf({ ...view.state, ...changes });
    settle();
    if (next.problem) {
      note.textContent = `${next.problem} The table keeps what it had.`;
      if (box) invalid(box, true);
      else paint();
      return false;
    }
    wanted = changes.frame ?? wanted;
    view.change({ ...changes, frame: clamp(wanted, next.T) });
    return true;
  }

  const wide = () => Math.max(240, plane.clientWidth || 640);
  let drawn = 0;

  function paint() {
    const now = view.state, { frame, layers, width } = now;
    account = accountOf(now);
    for (const [name, box] of Object.entries(boxes)) {
      if (!isInvalid(box) && box.value.trim() !== String(now[name])) box.value = now[name];
    }
    colours.value = String(now.in_channels);
    projection.value = now.projection;
    const same = ([name, value]) => JSON.stringify(value) === JSON.stringify(now[name]);
    preset.value = Object.keys(presets).find((name) => Object.entries(presets[name]).every(same)) ?? "(own)";
    if (frame !== clamp(wanted, account.T)) wanted = frame; // Python asked for another
    Object.assign(frames, { max: account.T - 1, value: frame });
    const said = fieldLine(account, frame, width), { parameters, work } = account.own;
    attr(frames, { "aria-valuetext": said });
    totals.replaceChildren(html("span", "T = ", html("b.T", count(account.T))),
      html("span", html("b.total", count(account.parameters)), " parameters"),
      html("span", html("b.work", millions(account.work)), " multiply-adds an image"),
      html("span.own.soft", `the stack alone: ${count(parameters)} parameters, ${millions(work)} multiply-adds`));
    table.fill(account);
    drawn = wide();
    const name = `Columns at each layer, the image below: ${said}`;
    plane.replaceChildren(strips(account, layers, frame, width, drawn, name));
    sees.textContent = said;
    fits.textContent = wordLine(account, now.word);
    longest.textContent = longestLine(account.T);
  }

  return mount(view, host, root, () => plane.clientWidth && wide() !== drawn);
}
