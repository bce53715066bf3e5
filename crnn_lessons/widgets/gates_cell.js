// A trained LSTM over a sequence: every gate of every unit at every step, as squares whose size is the value.
import { codePoints, drawing, element, follow, number, shield, usable } from "./dom.js";
import { editInputs, readOut, runCell, signsOf } from "./gates_run.js";

const PANELS = { f: "forget gate", i: "input gate", g: "candidate", c: "memory", o: "output gate", h: "output" };
const LEFT = 26, HEAD = 20; // pixels beside and above the squares of a panel
const MOST_STEPS_SHOWN = 64;
const CELL_HELP = "The side of a square is the size of its value: full for a positive one, hollow for a negative one. Rows are units, columns time steps. Click a square, or walk with the arrow keys.";

/** The outlines of squares, T columns by H rows, for the values of one sign. */
export function squares(values, scale, side, sign) {
  let path = "";
  values.forEach((units, t) => units.forEach((value, unit) => {
    const size = Math.min(1, Math.abs(value) / scale) * (side - 2);
    if (Math.sign(value) !== sign || size < 0.5) return;
    const edge = Math.max(0.25, size).toFixed(2);
    path += `M${(LEFT + t * side + (side - size) / 2).toFixed(2)} ${(HEAD + unit * side + (side - size) / 2).toFixed(2)}h${edge}v${edge}h-${edge}z`;
  }));
  return path;
}

export function renderCell(model, host) {
  const view = follow(model, ["inputs", "t", "unit"], paint);
  const cell = model.get("cell"), labels = model.get("labels"), H = cell.weight_hh[0].length;
  let inputs, run, drawn = "", panels = [], side = 12;

  const button = (label, title, act) => element("button", { type: "button", title, onclick: act }, label);
  const sequence = element("input", { type: "text", class: "crnn-field crnn-mono", size: 18, autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    oninput: (event) => { if (!event.isComposing) onSequence(); }, oncompositionend: onSequence });
  const back = button("◀", "One step back", () => choose(model.get("t") - 1, model.get("unit")));
  const on = button("▶", "One step on", () => choose(model.get("t") + 1, model.get("unit")));
  const where = element("b", {});
  const reset = button("reset", "Back to the first sequence", () => { note.textContent = ""; view.change({ ...model.get("start") }); });
  const note = element("p", { class: "crnn-note", role: "alert" });
  const maps = element("div", { class: "crnn-maps", tabindex: 0, role: "group", onkeydown: onKey });
  const answer = element("p", { class: "crnn-answer" }), memory = element("p", { class: "crnn-mono crnn-line" }), shown = element("p", { class: "crnn-mono crnn-line" });
  const root = element("div", { class: "crnn-widget crnn-gates", role: "group", "aria-label": "The gates of a trained LSTM" },
    element("div", { class: "crnn-bar" }, element("label", {}, "inputs", sequence),
      element("span", { class: "crnn-where" }, back, where, on), element("span", { class: "crnn-end" }, reset)),
    note, element("div", { class: "crnn-scroll" }, maps),
    element("div", { role: "status", "aria-live": "polite", "aria-atomic": "true" }, answer, memory, shown),
    element("p", { class: "crnn-soft crnn-legend" }, CELL_HELP));
  shield(root);
  host.append(root);

  const clamp = (x, n) => Math.max(0, Math.min(x, n - 1));
  const choose = (t, unit) => view.change({ t: clamp(t, model.get("inputs").length), unit: clamp(unit, H) });

  function onSequence() {
    const signs = codePoints(sequence.value).filter((sign) => sign.trim() !== "" || labels.includes(sign)), old = model.get("inputs");
    const kept = signsOf(old, labels), odd = signs.find((sign) => !labels.includes(sign) && !(sign === "·" && kept.includes("·")));
    const problem = odd !== undefined ? `“${odd}” is none of the inputs “${labels.join("")}”; the sequence stays as it was.`
      : signs.length === 0 ? "A sequence has at least one step; the last one stays."
      : signs.length > MOST_STEPS_SHOWN ? `A sequence here has at most ${MOST_STEPS_SHOWN} steps; the last one stays.` : "";
    note.textContent = problem;
    sequence.setAttribute("aria-invalid", problem ? "true" : "false");
    if (problem) return;
    const next = editInputs(old, labels, signs);
    view.change({ t: clamp(model.get("t"), next.length), inputs: next });
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const t = model.get("t"), unit = model.get("unit"), T = model.get("inputs").length;
    const to = { ArrowLeft: [t - 1, unit], ArrowRight: [t + 1, unit], ArrowUp: [t, unit - 1], ArrowDown: [t, unit + 1], Home: [0, unit], End: [T - 1, unit] }[event.key];
    if (!to) return;
    event.preventDefault();
    choose(...to);
  }

  function onMap(event) {
    const box = event.currentTarget.getBoundingClientRect();
    const t = Math.floor((event.clientX - box.left - LEFT) / side), unit = Math.floor((event.clientY - box.top - HEAD) / side);
    maps.focus({ preventScroll: true });
    if (t >= 0 && t < inputs.length && unit < H) choose(t, Math.max(0, unit));
  }

  /** As many panels beside one another as have room for squares of ten pixels. */
  function measureSide(T) {
    const room = (maps.parentNode.clientWidth || 900) - 8;
    const across = [6, 3, 2].find((n) => room / n - LEFT - 10 >= 10 * T) ?? 1;
    return Math.floor(Math.max(9, Math.min(18, (room / across - LEFT - 10) / T)));
  }

  function build(T) {
    const wide = LEFT + T * side + 4, high = HEAD + H * side + 4;
    panels = Object.entries(PANELS).map(([key, words]) => {
      const full = drawing("path", { class: "crnn-full" }), hollow = drawing("path", { class: "crnn-hollow" });
      const future = drawing("rect", { class: "crnn-future", y: HEAD, height: H * side });
      const column = drawing("rect", { class: "crnn-column", y: 1, width: side, height: high - 3 });
      const one = drawing("rect", { class: "crnn-one", width: side, height: side });
      const heads = Array.from({ length: T }, (_, t) => drawing("text", { x: LEFT + (t + 0.5) * side, y: HEAD - 6, "text-anchor": "middle" }));
      const rows = Array.from({ length: H }, (_, unit) => (unit % 5 === 0 || H < 8) && drawing("text", { x: LEFT - 5, y: HEAD + (unit + 0.5) * side + 4, "text-anchor": "end", class: "crnn-small" }, `${unit}`)).filter(Boolean);
      const svg = drawing("svg", { width: wide, height: high, "aria-hidden": "true", onclick: onMap },
        drawing("rect", { class: "crnn-ground", x: LEFT, y: HEAD, width: T * side, height: H * side }), full, hollow, future, column, one, ...heads, ...rows);
      const title = element("span", {});
      return { key, words, full, hollow, future, column, one, heads, title, root: element("div", { class: "crnn-map" }, title, svg) };
    });
    maps.replaceChildren(...panels.map((panel) => panel.root));
  }

  function paint() {
    const fresh = inputs !== model.get("inputs");
    if (fresh) {
      inputs = model.get("inputs");
      run = runCell(cell, inputs);
    }
    const T = inputs.length, t = clamp(model.get("t"), T), unit = clamp(model.get("unit"), H), signs = signsOf(inputs, labels);
    side = measureSide(T);
    const size = `${T} ${side}`;
    const redrawn = size !== drawn;
    if (redrawn) build(T);
    drawn = size;
    for (const { key, words, full, hollow, future, column, one, heads, title } of panels) {
      const scale = Math.max(1, ...(key === "c" ? run.c.flat().map(Math.abs) : []));
      if (fresh || redrawn) {
        full.setAttribute("d", squares(run[key], scale, side, 1));
        hollow.setAttribute("d", squares(run[key], scale, side, -1));
        heads.forEach((text, u) => { text.textContent = signs[u]; });
        title.replaceChildren(element("i", {}, key), ` ${words}`, scale > 1 ? element("span", { class: "crnn-soft" }, ` largest ${number(scale)}`) : "");
      }
      future.setAttribute("x", LEFT + (t + 1) * side);
      future.setAttribute("width", (T - t - 1) * side);
      column.setAttribute("x", LEFT + t * side);
      one.setAttribute("x", LEFT + t * side);
      one.setAttribute("y", HEAD + unit * side);
    }
    if (document.activeElement !== sequence || sequence.getAttribute("aria-invalid") !== "true") {
      if (codePoints(sequence.value).filter((sign) => sign.trim() !== "").join("") !== signs.join("")) sequence.value = signs.join("");
      sequence.setAttribute("aria-invalid", "false");
    }
    maps.setAttribute("aria-label", `Gates, memory and output of ${H} units over ${T} steps; arrow keys choose a unit and a step`);
    where.textContent = `step ${t} of 0 to ${T - 1}`;
    usable(back, t > 0);
    usable(on, t < T - 1);
    const at = (key, u = t) => number(run[key][u][unit]), bracketed = (text) => (text.startsWith("−") ? `(${text})` : text);
    const before = t === 0 ? "0" : at("c", t - 1), show = cell.output_tanh ? `tanh(${at("c")})` : bracketed(at("c"));
    memory.textContent = `unit ${unit}, step ${t}, input ${signs[t]}: c = f · c before + i · g = ${at("f")} · ${bracketed(before)} + ${at("i")} · ${bracketed(at("g"))} = ${at("c")}`;
    shown.textContent = `h = o · ${cell.output_tanh ? "tanh(c)" : "c"} = ${at("o")} · ${show} = ${at("h")}`;
    answer.textContent = sentence(readOut(cell, run.h[t]));
  }

  function sentence(probs) {
    if (!probs) return "";
    const name = (k) => cell.classes[k], ranked = probs.map((_, k) => k).sort((a, b) => probs[b] - probs[a]);
    const next = ranked.length > 1 ? `, then ${name(ranked[1])} (${number(probs[ranked[1]])})` : "";
    return `If the sequence ended here, the answer would be ${name(ranked[0])} (probability ${number(probs[ranked[0]])})${next}.`;
  }

  const resized = new ResizeObserver(() => { if (measureSide(inputs.length) !== side) paint(); });
  paint();
  resized.observe(host);
  return () => { resized.disconnect(); view.stop(); };
}
