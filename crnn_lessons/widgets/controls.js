// What a learner operates: buttons, choices, sliders, fields; and the lines in which the widget answers.
import { attr, html } from "./dom.js";

/** A button; `named` where its title is its name for who does not see its sign. */
export const button = (words, title, onclick, named = false) =>
  html("button", { type: "button", title: title || null, "aria-label": named ? title : null, onclick }, words);

/** The button that leads back to the first state. */
export const resetButton = (view, title, before = () => {}) =>
  html("span.end", button("reset", title, () => { before(); view.change({ ...view.state.start }); }));

/** A button with nothing to do stays in its place and keeps the keyboard: a disabled one would lose it to the page. */
export const usable = (node, use) => attr(node, { "aria-disabled": use ? "false" : "true" });

/** Two buttons that go a step back and on, and words that say where; fill(at, last) stops them at both ends. */
export function stepper(go, titles, named = false, signs = ["◀", "▶"]) {
  const [back, on] = [-1, 1].map((by, i) => button(signs[i], titles[i], () => go(by), named)), where = html("b.at");
  return { back, where, on, fill(at, last) {
    usable(back, at > 0);
    usable(on, at < last);
    where.textContent = `step ${at} of 0 to ${last}`;
  } };
}

/** Radio buttons for { value: words }, in a form that keeps them apart from other widgets'. Returns { root, check }. */
export function radios(label, options, act, ...before) {
  const nodes = Object.entries(options).map(([value, words]) =>
    html("label", html("input", { type: "radio", name: label, value, onchange: () => act(value) }), words));
  const group = html("fieldset", { "aria-label": label }, before, nodes);
  const check = (value) => { for (const { firstChild } of nodes) firstChild.checked = firstChild.value === value; };
  return { root: html("form", { onsubmit: (event) => event.preventDefault() }, group), check };
}

/** A slider; `act` gets its number. With words, it stands between them and its value, as one label. */
export const slider = (attributes, act, name = "input") =>
  html(name, { type: "range", ...attributes, oninput: ({ target }) => act(Number(target.value)) });
export function namedSlider(words, attributes, act) {
  const input = slider(attributes, act), value = html("output.mono");
  return { input, value, root: html("label", html("span", words), input, value) };
}

/** A field for text, which it hands on as it is typed, but not while an input method still composes it. */
export const field = (name, act, attributes = {}) => html(name, {
  type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
  oninput: (event) => { if (!event.isComposing) act(event); }, oncompositionend: act, ...attributes });

/** Says of a field whether what stands in it counts, and asks. */
export const invalid = (node, problem) => attr(node, { "aria-invalid": problem ? "true" : "false" });
export const isInvalid = (node) => node.getAttribute("aria-invalid") === "true";
/** A line that is read out when it changes; several that are read out as one; the line for what is refused. */
const LIVE = { role: "status", "aria-live": "polite" };
export const live = (name, ...children) => html(name, LIVE, children);
export const liveAll = (...children) => html("div", { ...LIVE, "aria-atomic": "true" }, children);
export const noteLine = () => html("p.note", { role: "alert" });

export const bar = (...children) => html("div.bar", children);
export const legend = (...words) => html("p.soft.legend", words);
