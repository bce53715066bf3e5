// The map B, by hand: edit a path letter by letter, see runs merge and blanks fall, and count the paths.
import { bar, button, field, liveAll, noteLine, resetButton, usable } from "./controls.js";
import { collapse, countAlignments, countMerged, repeats } from "./ctc.js";
import { attr, clamp, flag, html } from "./dom.js";
import { modified, pressed, rove } from "./keys.js";
import { focused, follow, mount, shell } from "./view.js";
import { codePoints, count, plural, visible } from "./words.js";

const SIGN = "-";
const MOST_STEPS = 64; // beyond it, the boxes tell nobody anything
const FULL = `A path here has at most ${MOST_STEPS} steps; delete one first.`;
const INSTEAD = "type one of its characters, or - for the blank.";

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
  const { T, text } = stages(path, useBlank), S = text.length, r = repeats(text), letters = text.join("");
  const n = useBlank ? countAlignments(T, text) : countMerged(T, text);
  const paths = `${plural(n, "path", "paths")} of ${plural(T, "step", "steps")}`, one = n === 1n;
  const others = one ? "this one, and no other" : `this one and ${plural(n - 1n, "other", "others")}`;
  const [top, all] = [`${T} + ${S} − ${r}, 2·${S}`, `${T + S - r}, ${2 * S}`];
  if (useBlank) return [
    `T = ${T}, S = ${S}, r = ${r}:  C(T + S − r, 2S) = C(${top}) = C(${all}) = ${count(n)}`,
    `${paths} ${one ? "gives" : "give"} “${letters}”: ${others}.`,
  ];
  const formula = `T = ${T}, S = ${S}:  C(T − 1, S − 1) = C(${T - 1}, ${S - 1}) = ${count(n)}`;
  return [
    S === 0 ? `T = ${T}, S = 0` : formula,
    `${paths} without a blank ${one ? "merges" : "merge"} to “${letters}”: ${others}. ` +
      "Merging alone never leaves two equal letters side by side.",
  ];
}

function render({ model, el: host }) {
  const view = follow(model, paint), { alphabet } = view.state, path = () => codePoints(view.state.path);
  const put = (signs, position = view.state.position) =>
    view.change({ path: signs.join(""), position: clamp(position, signs.length + 1) });
  let boxes = [], before = "";

  const note = noteLine(), grid = html("div.steps");
  const text = html("p.text"), formula = html("p.mono"), sentence = html("p");
  const say = (words = "") => { note.textContent = words; };
  const blankSwitch = html("input", { type: "checkbox",
    onchange: () => view.change({ use_blank: blankSwitch.checked }) });
  const insert = button("insert step", "Insert a blank before the marked step (Insert)", () => edit("Insert"));
  const remove = button("delete step", "Delete the marked step (Delete)", () => edit("Delete"));
  const examples = view.state.examples.map((example) => html("button.mono", { type: "button",
    "aria-label": `example path ${example}`, onclick: () => { say(); put(codePoints(example), 0); } }, example));
  const root = shell("collapse", "Collapse a path to its text",
    bar(html("span.soft", "examples"), examples, resetButton(view, "Back to the first path", say)),
    html("div.scroll", grid), note, liveAll(text, formula, sentence),
    bar(insert, remove, html("label", blankSwitch, "the blank exists"),
      html("span.soft", "Type a letter, or - for the blank. Arrow keys move.")));

  /** Put a sign into the marked step, or say why not. */
  function type(key) {
    const at = view.state.position, sign = key === " " && !alphabet?.includes(" ") ? SIGN : key, signs = path();
    const known = !alphabet || sign === SIGN || alphabet.includes(sign);
    say(!known ? `“${sign}” is not in the alphabet “${alphabet.join("")}”; ${INSTEAD}` : at >= MOST_STEPS ? FULL : "");
    if (note.textContent) return paint();
    signs[at] = sign;
    put(signs, at + 1);
    return focus();
  }

  function edit(key) {
    const signs = path(), at = view.state.position, full = signs.length >= MOST_STEPS;
    say(key === "Insert" && full ? FULL : "");
    if (key === "Insert" && !full) put(signs.toSpliced(at, 0, SIGN), at);
    if (key === "Delete" && at < signs.length) put(signs.toSpliced(at, 1), at);
    if (key === "Backspace" && at > 0) put(signs.toSpliced(at - 1, 1), at - 1);
  }

  const focus = () => { boxes[view.state.position]?.focus(); boxes[view.state.position]?.select(); };

  function onKey(event) {
    if (event.isComposing || modified(event)) return;
    const at = view.state.position, last = path().length;
    const to = pressed(event, { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last });
    if (to !== undefined) view.change({ position: clamp(to, last + 1) });
    else if (["Insert", "Delete", "Backspace"].includes(event.key)) edit(event.key);
    else if (codePoints(event.key).length === 1) type(event.key);
    else return;
    event.preventDefault();
    focus();
  }

  /** The field of a step. Keyboards of phones and input methods send no usable key; their text comes as input. */
  function makeBox(t) {
    const read = () => (boxes[t].value === "" ? edit("Delete") : type(codePoints(boxes[t].value).at(-1)));
    return field("input.box.mono", read, { style: `grid-column: ${t + 1}; grid-row: 2`, onkeydown: onKey,
      onfocus: () => { if (view.state.position !== t) view.change({ position: t }); boxes[t].select(); },
      onpaste: (event) => {
        event.preventDefault();
        for (const sign of codePoints(event.clipboardData.getData("text").trim())) type(sign);
      } });
  }

  function paintBoxes(signs, useBlank, at) {
    while (boxes.length > signs.length + 1) boxes.pop().remove();
    while (boxes.length < signs.length + 1) grid.append(boxes[boxes.push(makeBox(boxes.length)) - 1]);
    rove(boxes, boxes[at]);
    boxes.forEach((box, t) => {
      const sign = signs[t], blank = sign === SIGN, past = sign === undefined;
      Object.assign(box, { value: past ? "" : visible(sign), placeholder: past ? "+" : "" });
      flag(box, "blank", blank);
      flag(box, "out", blank && !useBlank);
      flag(box, "marked", t === at);
      flag(box, "joined", t > 0 && !past && sign === signs[t - 1] && (useBlank || !blank));
      const name = `step ${t} of 0 to ${signs.length - 1}: ${blank ? "blank" : sign}`;
      attr(box, { "aria-label": past ? "append a step" : name });
    });
  }

  function paint() {
    const signs = path(), { use_blank: useBlank, position: at } = view.state, held = boxes.includes(focused(root));
    const { runs, text: letters } = stages(signs, useBlank), falls = view.state.path !== before ? ".falls" : "";
    before = view.state.path; // the fall is shown when the path changed, not at each move
    paintBoxes(signs, useBlank, at);
    const place = (name, words, columns, row, more = {}) =>
      html(name, { style: `grid-column: ${columns}; grid-row: ${row}`, ...more }, words);
    const after = runs.flatMap(({ sign, start, end, steps }) => {
      const blank = sign === SIGN, columns = `${start + 1} / ${end + 2}`;
      return [place(steps > 1 ? "span.bracket.many" : "span.bracket", "", columns, 3),
        place(blank ? "span.run.mono.blank" : "span.run.mono", visible(sign), columns, 5),
        place(blank ? `span.fallen${falls}` : "span.run.kept.mono", visible(sign), columns, 7)];
    });
    const times = signs.map((_, t) => place("span.time.soft", t, t + 1, 1, { "aria-hidden": "true" }));
    const stage = (row, words) => html("span.stage.soft", { style: `--row: ${row}` }, words);
    grid.style.setProperty("--steps", signs.length + 1);
    for (const old of grid.querySelectorAll(":scope > :not(input)")) old.remove();
    grid.append(...times, html("div.rows", { "aria-hidden": "true" }, after),
      stage(5, "merge repeats"), stage(7, "drop blanks"));
    if (held && !boxes.includes(focused(root))) focus();
    text.replaceChildren(html("span.soft", "text "), html("b.mono.result", letters.map(visible).join("")),
      letters.length ? "" : html("span.soft", "(empty)"));
    [formula.textContent, sentence.textContent] = counting(signs, useBlank);
    blankSwitch.checked = useBlank;
    usable(insert, signs.length < MOST_STEPS);
    usable(remove, at < signs.length);
  }

  return mount(view, host, root);
}
