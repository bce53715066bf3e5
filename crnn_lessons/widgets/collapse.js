// The map B, by hand: edit a path letter by letter, see runs merge and blanks fall, and count the paths.
import { collapse, countAlignments, countMerged, repeats } from "./ctc.js";
import { codePoints, count, element, follow, plural, shield, usable, visible } from "./dom.js";

const SIGN = "-";
const MOST_STEPS = 64; // beyond it, the boxes tell nobody anything

/** What a path becomes, stage by stage. Without the blank, its steps are left out before anything merges. */
export function stages(path, useBlank) {
  const runs = [];
  path.forEach((sign, t) => {
    if (sign === SIGN && !useBlank) return;
    const last = runs.at(-1);
    if (last && last.sign === sign) Object.assign(last, { end: t, steps: last.steps + 1 });
    else runs.push({ sign, start: t, end: t, steps: 1 });
  });
  const kept = useBlank ? path : path.filter((sign) => sign !== SIGN);
  return { runs, T: kept.length, text: collapse(kept, SIGN) };
}

/** The count with its formula and numbers: [formula, sentence]. */
export function counting(path, useBlank) {
  const { T, text } = stages(path, useBlank), S = text.length, r = repeats(text);
  const others = (n) => (n === 1n ? "this one, and no other" : `this one and ${plural(n - 1n, "other", "others")}`);
  if (useBlank) {
    const n = countAlignments(T, text);
    return [
      `T = ${T}, S = ${S}, r = ${r}:  C(T + S − r, 2S) = C(${T} + ${S} − ${r}, 2·${S}) = C(${T + S - r}, ${2 * S}) = ${count(n)}`,
      `${plural(n, "path", "paths")} of ${plural(T, "step", "steps")} ${n === 1n ? "gives" : "give"} “${text.join("")}”: ${others(n)}.`,
    ];
  }
  const n = countMerged(T, text);
  const formula = S === 0 ? `T = ${T}, S = 0` : `T = ${T}, S = ${S}:  C(T − 1, S − 1) = C(${T - 1}, ${S - 1}) = ${count(n)}`;
  return [
    formula,
    `${plural(n, "path", "paths")} of ${plural(T, "step", "steps")} without a blank ${n === 1n ? "merges" : "merge"} to “${text.join("")}”: ${others(n)}. ` +
      "Merging alone never leaves two equal letters side by side.",
  ];
}

function render({ model, el: host }) {
  const names = ["path", "position", "use_blank"];
  const view = follow(model, names, paint);
  const alphabet = model.get("alphabet");
  const path = () => codePoints(model.get("path"));
  const put = (signs, position = model.get("position")) =>
    view.change({ path: signs.join(""), position: Math.max(0, Math.min(position, signs.length)) });

  const note = element("p", { class: "crnn-note", role: "alert" });
  const grid = element("div", { class: "crnn-steps" });
  const text = element("p", { class: "crnn-text" });
  const formula = element("p", { class: "crnn-mono" });
  const sentence = element("p");
  const spoken = element("div", { role: "status", "aria-live": "polite", "aria-atomic": "true" }, text, formula, sentence);
  const blankSwitch = element("input", { type: "checkbox", onchange: () => view.change({ use_blank: blankSwitch.checked }) });
  const button = (label, title, act) => element("button", { type: "button", title, onclick: act }, label);
  const insert = button("insert step", "Insert a blank before the marked step (Insert)", () => edit("Insert"));
  const remove = button("delete step", "Delete the marked step (Delete)", () => edit("Delete"));
  const examples = model.get("examples").map((example) =>
    element("button", { type: "button", class: "crnn-mono", "aria-label": `example path ${example}`,
      onclick: () => { note.textContent = ""; put(codePoints(example), 0); } }, example));
  const reset = button("reset", "Back to the first path", () => { note.textContent = ""; view.change({ ...model.get("start") }); });
  const root = element("div", { class: "crnn-widget crnn-collapse", role: "group", "aria-label": "Collapse a path to its text" },
    element("div", { class: "crnn-bar" }, element("span", { class: "crnn-soft" }, "examples"), ...examples,
      element("span", { class: "crnn-end" }, reset)),
    element("div", { class: "crnn-scroll" }, grid), note, spoken,
    element("div", { class: "crnn-bar" }, insert, remove,
      element("label", {}, blankSwitch, "the blank exists"),
      element("span", { class: "crnn-soft" }, "Type a letter, or - for the blank. Arrow keys move.")));
  shield(root);
  host.append(root);
  let boxes = [], columns = -1, before = "";

  function type(sign) {
    const signs = path(), at = model.get("position");
    const typed = sign === " " && !alphabet?.includes(" ") ? SIGN : sign;
    if (alphabet && typed !== SIGN && !alphabet.includes(typed)) {
      note.textContent = `“${typed}” is not in the alphabet “${alphabet.join("")}”; type one of its characters, or - for the blank.`;
      return paint();
    }
    if (at >= MOST_STEPS) {
      note.textContent = `A path here has at most ${MOST_STEPS} steps; delete one first.`;
      return paint();
    }
    note.textContent = "";
    signs[at] = typed;
    put(signs, at + 1);
    focus();
  }

  function edit(key) {
    const signs = path(), at = model.get("position"), full = signs.length >= MOST_STEPS;
    note.textContent = key === "Insert" && full ? `A path here has at most ${MOST_STEPS} steps; delete one first.` : "";
    if (key === "Insert" && !full) put(signs.toSpliced(at, 0, SIGN), at);
    if (key === "Delete" && at < signs.length) put(signs.toSpliced(at, 1), at);
    if (key === "Backspace" && at > 0) put(signs.toSpliced(at - 1, 1), at - 1);
  }

  function move(to) {
    view.change({ position: Math.max(0, Math.min(to, path().length)) });
    focus();
  }

  const focus = () => { boxes[model.get("position")]?.focus(); boxes[model.get("position")]?.select(); };

  function onKey(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = model.get("position");
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: path().length }[event.key];
    if (to !== undefined) move(to);
    else if (["Insert", "Delete", "Backspace"].includes(event.key)) { edit(event.key); focus(); }
    else if (codePoints(event.key).length === 1) type(codePoints(event.key)[0]);
    else return;
    event.preventDefault();
  }

  function makeBox(t) {
    const box = element("input", { type: "text", class: "crnn-box crnn-mono", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
      style: `grid-column: ${t + 1}; grid-row: 2`, onkeydown: onKey,
      onfocus: () => { if (model.get("position") !== t) view.change({ position: t }); box.select(); },
      // Keyboards of phones and input methods send no usable key; their text arrives here.
      oninput: (event) => { if (!event.isComposing) box.value === "" ? edit("Delete") : type(codePoints(box.value).at(-1)); },
      oncompositionend: () => { if (box.value !== "") type(codePoints(box.value).at(-1)); },
      onpaste: (event) => { event.preventDefault(); for (const sign of codePoints(event.clipboardData.getData("text").trim())) type(sign); } });
    return box;
  }

  function paint() {
    const signs = path(), useBlank = model.get("use_blank"), at = Math.min(model.get("position"), signs.length);
    const { runs, text: letters } = stages(signs, useBlank);
    if (columns !== signs.length) {
      while (boxes.length > signs.length + 1) boxes.pop();
      while (boxes.length < signs.length + 1) boxes.push(makeBox(boxes.length));
      columns = signs.length;
    }
    const times = boxes.map((_, t) => element("span", { class: "crnn-time crnn-soft", "aria-hidden": "true", style: `grid-column: ${t + 1}; grid-row: 1` }, t < columns ? `${t}` : ""));
    boxes.forEach((box, t) => {
      const sign = signs[t], blank = sign === SIGN;
      box.value = sign === undefined ? "" : visible(sign);
      box.placeholder = sign === undefined ? "+" : "";
      box.tabIndex = t === at ? 0 : -1;
      box.classList.toggle("crnn-blank", blank);
      box.classList.toggle("crnn-out", blank && !useBlank);
      box.classList.toggle("crnn-marked", t === at);
      box.classList.toggle("crnn-joined", t > 0 && sign !== undefined && sign === signs[t - 1] && (useBlank || !blank));
      box.setAttribute("aria-label", sign === undefined ? "append a step" : `step ${t} of 0 to ${columns - 1}: ${blank ? "blank" : sign}`);
    });
    const across = ({ start, end }) => `grid-column: ${start + 1} / ${end + 2}`;
    const falls = model.get("path") !== before; // the fall is shown when the path changed, not at each move
    before = model.get("path");
    const brackets = runs.map((run) => element("span", { class: `crnn-bracket${run.steps > 1 ? " crnn-many" : ""}`, style: `${across(run)}; grid-row: 3` }));
    const merged = runs.map((run) => element("span", { class: `crnn-run crnn-mono${run.sign === SIGN ? " crnn-blank" : ""}`, style: `${across(run)}; grid-row: 5` }, visible(run.sign)));
    const left = runs.map((run) => run.sign === SIGN
      ? element("span", { class: `crnn-fallen${falls ? " crnn-falls" : ""}`, style: `${across(run)}; grid-row: 7` }, SIGN)
      : element("span", { class: "crnn-run crnn-kept crnn-mono", style: `${across(run)}; grid-row: 7` }, visible(run.sign)));
    const stage = (row, words) => element("span", { class: "crnn-stage crnn-soft", style: `--row: ${row}` }, words);
    const after = element("div", { class: "crnn-rows", "aria-hidden": "true" }, ...brackets, ...merged, ...left);
    grid.style.setProperty("--steps", columns + 1);
    const focused = boxes.includes(host.getRootNode().activeElement);
    for (const old of grid.querySelectorAll(":scope > :not(input)")) old.remove();
    for (const old of grid.querySelectorAll(":scope > input")) if (!boxes.includes(old)) old.remove();
    for (const box of boxes) if (box.parentNode !== grid) grid.append(box);
    grid.append(...times, after, stage(5, "merge repeats"), stage(7, "drop blanks"));
    if (focused && !boxes.includes(host.getRootNode().activeElement)) focus();
    text.replaceChildren(element("span", { class: "crnn-soft" }, "text "), element("b", { class: "crnn-mono crnn-result" }, letters.map(visible).join("")),
      ...(letters.length ? [] : [element("span", { class: "crnn-soft" }, "(empty)")]));
    [formula.textContent, sentence.textContent] = counting(signs, useBlank);
    blankSwitch.checked = useBlank;
    usable(insert, columns < MOST_STEPS);
    usable(remove, at < columns);
  }

  paint();
  return view.stop;
}

export default { render };
