// A recogniser on paper: choose parts and image size; see shapes, parameters, multiply-adds, T and what a frame sees.
import { codePoints, count, drawing, element, follow, plural, shield, usable } from "./dom.js";
import { PROJECTIONS, accountOf, roomFor } from "./shape_account.js";
import { EXAMPLES, spansOf } from "./shape_stack.js";

const NAMES = ["layers", "in_channels", "height", "width", "projection", "sequence", "output", "num_classes", "frame", "word"];
const SEQUENCES = ["none", "bilstm 128", "bilstm 256, bilstm 256", "bilstm 256, linear 256, bilstm 256", "gru 64", "conv 128 5", "conv 500 5, bilstm 200"];
const STRIP = 15, LEFT = 4;
const ids = { next: 0 };

const product = (shape) => shape.join(" × ");
const millions = (n) => (n >= 1e8 ? `${count(Math.round(n / 1e6))} M` : n >= 1e6 ? `${(n / 1e6).toFixed(1)} M` : count(n));

/** What the frame's field is, as a sentence. */
export function fieldLine({ stack, T }, frame, width) {
  const [first, last] = spansOf(stack, 1, frame, width)[0];
  return `Frame ${frame} of 0 to ${T - 1} sees columns ${first} to ${last}: ${last - first + 1} of ${width}.`;
}

/** Whether a word fits, and from which width on. */
export function wordLine({ stack, T }, word) {
  const { S, r, needed, narrowest } = roomFor(codePoints(word), stack);
  const from = narrowest === null ? "no width up to 2000 is enough" : `it fits from a width of ${narrowest}`;
  return `“${word}”: S = ${S}, r = ${r}, needs ${plural(needed, "step", "steps")}, T = ${T}: ${needed <= T ? "fits" : "does not fit"}; ${from}.`;
}

/** The longest words that T frames can spell. */
export const longestLine = (T) => `Longest word: ${plural(T, "letter", "letters")} if no two neighbours are equal, ${Math.ceil(T / 2)} if all are.`;

function render({ model, el: host }) {
  const view = follow(model, NAMES, paint), presets = model.get("presets"), own = `crnn-shape-${ids.next++}`;
  const state = (changes = {}) => ({ ...Object.fromEntries(NAMES.map((name) => [name, model.get(name)])), ...changes });
  let account, chosen = 0, inputs = [], dragging = false;
  let wanted = model.get("frame"); // the frame that was asked for; where there are fewer, the last one is shown
  const within = (frame, T) => Math.max(0, Math.min(frame, T - 1));

  const note = element("p", { class: "crnn-note", role: "alert" });
  const button = (label, title, act) => element("button", { type: "button", title, onclick: act }, label);
  const select = (label, options, act) => element("select", { class: "crnn-field", "aria-label": label, onchange: act }, ...options.map((o) => element("option", { value: o }, o)));
  const field = (label, name, attributes, read) => {
    const box = element("input", { class: "crnn-field", "aria-label": label, autocomplete: "off", ...attributes,
      oninput: () => put({ [name]: read(box.value) }, box), onblur: () => { if (box.getAttribute("aria-invalid") === "true") { settle(); paint(); } } });
    return box;
  };
  const whole = { type: "number", min: 1, max: 2000, step: 1, inputmode: "numeric" };
  const preset = select("preset", ["(own)", ...Object.keys(presets)], () => {
    if (!presets[preset.value]) return paint(); // "(own)" is what a stack of one's own is called, not a choice
    chosen = 0;
    put({ ...presets[preset.value], frame: Math.floor(accountOf(state(presets[preset.value])).T / 2) });
  });
  const boxes = {
    height: field("height in pixels", "height", whole, Number), width: field("width in pixels", "width", whole, Number),
    num_classes: field("number of classes", "num_classes", { ...whole, min: 2 }, Number),
    sequence: field("sequence model", "sequence", { type: "text", list: `${own}-seq`, size: 36, spellcheck: "false", class: "crnn-field crnn-chain" }, (text) => text.trim()),
    output: field("output", "output", { type: "text", list: `${own}-out`, size: 8, spellcheck: "false" }, (text) => text.trim()),
    word: field("a word to spell", "word", { type: "text", spellcheck: "false", maxlength: 64 }, (text) => text.normalize("NFC")),
  };
  const list = (name, options) => element("datalist", { id: `${own}-${name}` }, ...options.map((o) => element("option", { value: o })));
  const colours = select("channels of the image", ["1", "3"], () => put({ in_channels: Number(colours.value) }));
  const projection = select("projection", PROJECTIONS, () => put({ projection: projection.value }));
  const part = select("layer to add", EXAMPLES, () => {});
  const remove = button("remove", "Remove the marked layer (Backspace in an empty one)", () => drop(chosen));
  const body = element("div", { class: "crnn-body", role: "rowgroup" });
  const table = element("div", { class: "crnn-table", role: "table", "aria-label": "layers" }, body);
  const slider = element("input", { type: "range", min: 0, step: 1, class: "crnn-slide", "aria-label": "frame t", oninput: () => put({ frame: Number(slider.value) }) });
  const plane = element("div", { class: "crnn-plane", onpointerdown: (event) => { dragging = true; slider.focus({ preventScroll: true }); plane.setPointerCapture(event.pointerId); point(event); },
    onpointermove: (event) => { if (dragging) point(event); }, onpointerup: () => { dragging = false; }, onpointercancel: () => { dragging = false; } });
  const totals = element("p", { class: "crnn-totals", role: "status", "aria-live": "polite" });
  const sees = element("p", { class: "crnn-sees" }), fits = element("p", { class: "crnn-fits" }), longest = element("p", { class: "crnn-longest" });
  const label = (words, ...nodes) => element("label", {}, words, ...nodes);
  const root = element("div", { class: "crnn-widget crnn-shape", role: "group", "aria-label": "Shapes of a recogniser" },
    list("seq", SEQUENCES), list("out", ["linear", "mlp 128"]),
    element("div", { class: "crnn-bar" }, label("preset", preset),
      element("span", { class: "crnn-image" }, "image", colours, "×", boxes.height, "×", boxes.width),
      element("span", { class: "crnn-end" }, button("reset", "Back to the first state", () => { settle(); chosen = 0; wanted = model.get("start").frame; view.change({ ...model.get("start") }); }))),
    totals, element("div", { class: "crnn-bar crnn-word" }, label("word", boxes.word), element("div", { class: "crnn-room", role: "status", "aria-live": "polite" }, fits, longest)),
    note, table,
    element("div", { class: "crnn-bar crnn-edit-bar" }, part, button("add below", "Add this layer below the marked one (Enter in a layer)", () => insert(chosen + 1)), remove,
      button("up", "Move the marked layer up (Alt + arrow up)", () => shift(chosen, -1)), button("down", "Move the marked layer down (Alt + arrow down)", () => shift(chosen, 1))),
    element("div", { class: "crnn-bar" }, label("project", projection), label("sequence", boxes.sequence), label("output", boxes.output), label("classes", boxes.num_classes)),
    element("div", { class: "crnn-bar" }, element("label", { class: "crnn-wide" }, "frame t", slider)),
    plane, element("div", { role: "status", "aria-live": "polite" }, sees),
    element("p", { class: "crnn-soft crnn-legend" }, "One strip a layer: the frame at the top, the image at the bottom; filled: the columns that the frame depends on. Click or drag to choose a frame."));
  shield(root);
  host.append(root);

  function settle() {
    note.textContent = "";
    for (const box of [...Object.values(boxes), ...inputs]) box.removeAttribute("aria-invalid");
  }

  /** Change the state if it then makes sense; say why not otherwise. */
  function put(changes, box = null) {
    const next = accountOf(state(changes));
    settle();
    if (next.problem) {
      note.textContent = `${next.problem} The table keeps what it had.`;
      box?.setAttribute("aria-invalid", "true");
      if (!box) paint();
      return false;
    }
    if ("frame" in changes) wanted = changes.frame;
    view.change({ ...changes, frame: within(wanted, next.T) });
    return true;
  }

  const focus = (i) => inputs[Math.max(0, Math.min(i, inputs.length - 1))].focus(); // which marks it
  function insert(at) { if (put({ layers: model.get("layers").toSpliced(at, 0, part.value) })) focus(at); }
  function drop(at) { if (model.get("layers").length > 1 && put({ layers: model.get("layers").toSpliced(at, 1) })) focus(at); }
  function shift(at, by) {
    const layers = [...model.get("layers")], to = at + by;
    if (to < 0 || to >= layers.length) return;
    [layers[at], layers[to]] = [layers[to], layers[at]];
    if (put({ layers })) focus(to);
  }

  function onKey(event, i) {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (by && event.altKey) shift(i, by);
    else if (by) focus(i + by);
    else if (event.key === "Enter" && !event.shiftKey) insert(i + 1);
    else if (event.key === "Backspace" && inputs[i].value === "") drop(i);
    else return;
    event.preventDefault();
  }

  function point(event) {
    const box = plane.firstChild.getBoundingClientRect(), share = (event.clientX - box.left - LEFT) / (box.width - 2 * LEFT);
    put({ frame: within(Math.floor(share * account.T), account.T) });
  }

  function makeInput(i) {
    const box = element("input", { type: "text", class: "crnn-field crnn-mono crnn-layer", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-label": `layer ${i + 1}`,
      onkeydown: (event) => onKey(event, i), onfocus: () => { if (chosen !== i) { chosen = i; mark(); } },
      oninput: () => put({ layers: model.get("layers").with(i, box.value.trim().replace(/\s+/g, " ")) }, box),
      onblur: () => { if (box.getAttribute("aria-invalid") === "true") { settle(); paint(); } } });
    return box;
  }

  function mark() {
    [...body.children].forEach((row, i) => row.classList.toggle("crnn-marked", i === chosen + 1));
    usable(remove, model.get("layers").length > 1);
  }

  function cell(role, text, name, share = null) {
    return element("span", { role, class: `crnn-c-${name}`, style: share === null ? null : `--share: ${(100 * share).toFixed(1)}%` }, text);
  }

  function paintTable() {
    const layers = model.get("layers"), most = Math.max(...account.rows.map((row) => row.work), 1);
    while (inputs.length > layers.length) inputs.pop();
    while (inputs.length < layers.length) inputs.push(makeInput(inputs.length));
    inputs.forEach((box, i) => { if (box.getAttribute("aria-invalid") !== "true" && !(document.activeElement === box && box.value.trim().replace(/\s+/g, " ") === layers[i])) box.value = layers[i]; });
    const head = element("div", { role: "row", class: "crnn-head crnn-soft" }, ...["layer", "shape", "parameters", "multiply-adds", "sees"].map((name) => cell("columnheader", name, name)));
    const line = (row, i) => element("div", { role: "row", class: i < layers.length ? "crnn-line" : "crnn-line crnn-after" },
      element("span", { role: "rowheader", class: "crnn-name" }, inputs[i] ?? row.name),
      cell("cell", product(row.shape), "shape"), cell("cell", row.parameters.map(count).join(" + ") || "0", "parameters"),
      cell("cell", count(row.work), "multiply-adds", row.work / most), cell("cell", row.sees ? product(row.sees) : "", "sees"));
    // Rows are made anew; the boxes stay the same, and the one with the keyboard keeps it.
    const held = inputs.includes(document.activeElement) ? document.activeElement : null;
    const caret = held?.selectionStart;
    body.replaceChildren(head, ...account.rows.map(line));
    if (held && inputs.includes(held)) { held.focus({ preventScroll: true }); held.setSelectionRange(caret, caret); }
    mark();
  }

  function paintPlane() {
    const wide = Math.max(240, (plane.clientWidth || 640)), { stack, widths } = account, frame = within(model.get("frame"), account.T);
    const spans = spansOf(stack, 1, frame, model.get("width")), levels = widths.length, high = levels * STRIP + 6, room = wide - 2 * LEFT;
    const svg = drawing("svg", { width: wide, height: high, viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": `Columns at each layer, the image below: ${fieldLine(account, frame, model.get("width"))}` });
    widths.forEach((columns, level) => {
      const y = (levels - 1 - level) * STRIP + 2, one = room / columns, [first, last] = spans[level];
      svg.append(drawing("rect", { class: "crnn-strip", x: LEFT, y, width: room, height: STRIP - 4 }));
      if (one >= 3) svg.append(drawing("path", { class: "crnn-ticks", d: Array.from({ length: columns - 1 }, (_, i) => `M${(LEFT + one * (i + 1)).toFixed(1)},${y}v${STRIP - 4}`).join("") }));
      svg.append(drawing("rect", { class: "crnn-span", x: LEFT + one * first, y, width: Math.max(1.5, one * (last - first + 1)), height: STRIP - 4 }));
      const title = drawing("title", {}, `${level ? model.get("layers")[level - 1] : "image"}: columns ${first} to ${last} of ${columns}`);
      svg.append(title);
    });
    plane.replaceChildren(svg);
  }

  function paint() {
    const now = state(), next = accountOf(now);
    if (next.problem) return; // between two changes from Python, of which the second makes the first fit
    account = next;
    for (const [name, box] of Object.entries(boxes)) if (box.getAttribute("aria-invalid") !== "true" && box.value.trim() !== String(now[name])) box.value = now[name];
    colours.value = String(now.in_channels);
    projection.value = now.projection;
    const same = ([, values]) => Object.entries(values).every(([name, value]) => JSON.stringify(value) === JSON.stringify(now[name]));
    preset.value = Object.entries(presets).find(same)?.[0] ?? "(own)";
    const frame = within(now.frame, account.T);
    if (frame !== within(wanted, account.T)) wanted = frame; // Python asked for another
    slider.max = account.T - 1;
    slider.value = frame;
    slider.setAttribute("aria-valuetext", fieldLine(account, frame, now.width));
    chosen = Math.min(chosen, now.layers.length - 1);
    totals.replaceChildren(element("span", {}, "T = ", element("b", { class: "crnn-T" }, count(account.T))),
      element("span", {}, element("b", { class: "crnn-total" }, count(account.parameters)), " parameters"),
      element("span", {}, element("b", { class: "crnn-work" }, millions(account.work)), " multiply-adds an image"),
      element("span", { class: "crnn-own crnn-soft" }, `the stack alone: ${count(account.own.parameters)} parameters, ${millions(account.own.work)} multiply-adds`));
    paintTable();
    paintPlane();
    sees.textContent = fieldLine(account, frame, now.width);
    fits.textContent = wordLine(account, now.word);
    longest.textContent = longestLine(account.T);
  }

  const resized = new ResizeObserver(() => { if (account && plane.clientWidth && plane.firstChild && Number(plane.firstChild.getAttribute("width")) !== Math.max(240, plane.clientWidth)) paintPlane(); });
  paint();
  resized.observe(host);
  return () => { resized.disconnect(); view.stop(); };
}

export default { render };
