// A trained LSTM over a sequence: every gate of every unit at every step, as squares whose size is the value.
import { bar, field, invalid, isInvalid, legend, liveAll, noteLine, resetButton, stepper } from "./controls.js";
import { attr, boxAt, clamp, html, range, svg, textAt } from "./dom.js";
import { editInputs, readOut, runCell, signsOf } from "./gates_run.js";
import { arrowTo } from "./keys.js";
import { focused, follow, mount, shell } from "./view.js";
import { bracketed, codePoints, number } from "./words.js";

const PANELS = { f: "forget gate", i: "input gate", g: "candidate", c: "memory", o: "output gate", h: "output" };
const LEFT = 26, HEAD = 20; // pixels beside and above the squares of a panel
const LONGEST = 64;
const CELL_HELP = "The side of a square is the size of its value: full for a positive one, hollow for a negative " +
  "one. Rows are units, columns time steps. Click a square, or walk with the arrow keys.";

/** The outlines of squares, T columns by H rows, for the values of one sign. */
export function squares(values, scale, side, sign) {
  return values.flatMap((units, t) => units.map((value, unit) => {
    const size = Math.min(1, Math.abs(value) / scale) * (side - 2), inset = (side - size) / 2, edge = size.toFixed(2);
    if (Math.sign(value) !== sign || size < 0.5) return "";
    const x = LEFT + t * side + inset, y = HEAD + unit * side + inset;
    return `M${x.toFixed(2)} ${y.toFixed(2)}h${edge}v${edge}h-${edge}z`;
  })).join("");
}

export function renderCell(model, host) {
  const view = follow(model, paint), { cell, labels } = view.state, H = cell.weight_hh[0].length;
  let inputs, run, given = "", drawn = "", panels = [], side = 12;

  const sequence = field("input.field.mono", onSequence, { size: 18 }), note = noteLine();
  const walk = stepper((by) => choose(view.state.t + by, view.state.unit), ["One step back", "One step on"]);
  const maps = html("div.maps", { tabindex: 0, role: "group", onkeydown: (event) => {
    const to = arrowTo(event, view.state.t, view.state.unit, inputs.length, H);
    if (to) choose(...to);
  } });
  const answer = html("p.answer"), memory = html("p.mono.line"), shown = html("p.mono.line");
  const root = shell("gates", "The gates of a trained LSTM",
    bar(html("label", "inputs", sequence), html("span.where", walk.back, walk.where, walk.on),
      resetButton(view, "Back to the first sequence", () => { note.textContent = ""; })),
    note, html("div.scroll", maps), liveAll(answer, memory, shown), legend(CELL_HELP));

  const choose = (t, unit) => view.change({ t: clamp(t, inputs.length), unit: clamp(unit, H) });

  function onSequence() {
    const signs = codePoints(sequence.value).filter((sign) => sign.trim() !== "" || labels.includes(sign));
    const known = [...labels, ...signsOf(inputs, labels)], odd = signs.find((sign) => !known.includes(sign));
    let problem = "";
    if (odd !== undefined) problem = `“${odd}” is none of the inputs “${labels.join("")}”; the last sequence stays.`;
    else if (!signs.length) problem = "A sequence has at least one step; the last one stays.";
    else if (signs.length > LONGEST) problem = `A sequence here has at most ${LONGEST} steps; the last one stays.`;
    note.textContent = problem;
    invalid(sequence, problem);
    if (!problem) view.change({ t: clamp(view.state.t, signs.length), inputs: editInputs(inputs, labels, signs) });
  }

  function onMap(event) {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const t = Math.floor((event.clientX - left - LEFT) / side), unit = Math.floor((event.clientY - top - HEAD) / side);
    maps.focus({ preventScroll: true });
    if (t >= 0 && t < inputs.length && unit < H) choose(t, unit);
  }

  /** As many panels beside one another as have room for squares of ten pixels. */
  function measureSide(T) {
    const room = (maps.parentNode.clientWidth || 900) - 8;
    const across = [6, 3, 2].find((n) => room / n >= 10 * T + LEFT + 10) ?? 1;
    return Math.floor(Math.max(9, Math.min(18, (room / across - LEFT - 10) / T)));
  }

  function build(T) {
    const wide = LEFT + T * side + 4, high = HEAD + H * side + 4;
    panels = Object.entries(PANELS).map(([key, words]) => {
      const full = svg("path.full"), hollow = svg("path.hollow"), title = html("span");
      const future = boxAt(0, HEAD, 0, H * side, "rect.future"), one = boxAt(0, 0, side, side, "rect.one");
      const column = boxAt(0, 1, side, high - 3, "rect.column");
      const ground = boxAt(LEFT, HEAD, T * side, H * side, "rect.ground");
      const heads = range(T, (t) => textAt(LEFT + (t + 0.5) * side, HEAD - 6, ""));
      const rows = range(H, (unit) => (unit % 5 && H >= 8 ? []
        : textAt(LEFT - 5, HEAD + (unit + 0.5) * side + 4, unit, "text.small", "end")));
      const map = svg("svg", { width: wide, height: high, "aria-hidden": "true", onclick: onMap },
        ground, full, hollow, future, column, one, heads, rows);
      return { key, words, full, hollow, future, column, one, heads, title, map: html("div.map", title, map) };
    });
    maps.replaceChildren(...panels.map((panel) => panel.map));
  }

  function paint() {
    const text = JSON.stringify(view.state.inputs), fresh = text !== given;
    if (fresh) {
      ({ inputs } = view.state);
      run = runCell(cell, inputs);
      given = text;
    }
    const T = inputs.length, { t, unit } = view.state, signs = signsOf(inputs, labels);
    side = measureSide(T);
    const size = `${T} ${side}`, redrawn = size !== drawn;
    if (redrawn) build(T);
    drawn = size;
    for (const { key, words, full, hollow, future, column, one, heads, title } of panels) {
      const scale = Math.max(1, ...(key === "c" ? run.c.flat().map(Math.abs) : []));
      if (fresh || redrawn) {
        attr(full, { d: squares(run[key], scale, side, 1) });
        attr(hollow, { d: squares(run[key], scale, side, -1) });
        heads.forEach((head, u) => { head.textContent = signs[u]; });
        const largest = scale > 1 ? html("span.soft", ` largest ${number(scale)}`) : "";
        title.replaceChildren(html("i", key), ` ${words}`, largest);
      }
      attr(future, { x: LEFT + (t + 1) * side, width: (T - t - 1) * side });
      attr(column, { x: LEFT + t * side });
      attr(one, { x: LEFT + t * side, y: HEAD + unit * side });
    }
    if (focused(root) !== sequence || !isInvalid(sequence)) {
      const typed = codePoints(sequence.value).filter((sign) => sign.trim() !== "").join("");
      if (typed !== signs.join("")) sequence.value = signs.join("");
      invalid(sequence, false);
    }
    attr(maps, { "aria-label":
      `Gates, memory and output of ${H} units over ${T} steps; arrow keys choose a unit and a step` });
    walk.fill(t, T - 1);
    const at = (key, u = t) => run[key][u][unit], before = t === 0 ? 0 : at("c", t - 1), c = number(at("c"));
    const [sign, show] = cell.output_tanh ? ["tanh(c)", `tanh(${c})`] : ["c", bracketed(at("c"))];
    memory.textContent = `unit ${unit}, step ${t}, input ${signs[t]}: c = f · c before + i · g = ` +
      `${number(at("f"))} · ${bracketed(before)} + ${number(at("i"))} · ${bracketed(at("g"))} = ${c}`;
    shown.textContent = `h = o · ${sign} = ${number(at("o"))} · ${show} = ${number(at("h"))}`;
    answer.textContent = sentence(readOut(cell, run.h[t]));
  }

  function sentence(probs) {
    if (!probs) return "";
    const [first, second] = probs.map((_, k) => k).sort((a, b) => probs[b] - probs[a]);
    const named = (k) => `${cell.classes[k]} (${number(probs[k])})`;
    const next = second === undefined ? "" : `, then ${named(second)}`;
    const best = named(first).replace("(", "(probability ");
    return `If the sequence ended here, the answer would be ${best}${next}.`;
  }

  return mount(view, host, root, () => measureSide(inputs.length) !== side);
}
