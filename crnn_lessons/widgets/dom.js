// What all widgets draw with: elements, numbers as text, and a view that follows its model.

/** An HTML element: element("p", { class: "x", onclick: f }, child, "text"). */
export function element(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function drawing(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** Text for the eye: a minus as long as a plus, in place of the hyphen that a computer writes. */
export const minus = (text) => `${text}`.replaceAll("-", "−");

/** Text for a field: a minus as it is typed. */
export const typed = (text) => text.replaceAll("−", "-");

/** Four significant digits, without zeros at the end; scientific below a thousandth. */
export function number(exact) {
  const x = Number(exact.toPrecision(12)); // the last bits differ between machines, and a tie must not hang on them
  if (Number.isNaN(x)) return "undefined";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  const size = Math.abs(x);
  if (size === 0) return "0";
  if (size >= 9999.5) return minus(size < 1e15 ? x.toFixed(0) : tidy(x.toExponential(3)));
  return minus(tidy(size < 1e-3 ? x.toExponential(3) : x.toPrecision(4)));
}

/** The number whose natural logarithm is given; also where it is too small for a double. */
export function fromLog(logX) {
  if (logX === -Infinity || logX > -690) return number(Math.exp(logX));
  const power = logX / Math.LN10, exponent = Math.floor(power), digits = (10 ** (power - exponent)).toFixed(3);
  return minus(digits === "10.000" ? `1e${exponent + 1}` : `${tidy(digits)}e${exponent}`);
}

/** The number for a small box, from its natural logarithm: two or three digits, or one where there is no room. */
export function brief(logX, room) {
  const x = Math.exp(logX);
  if (logX < -690) return fromLog(logX).replace(/^(\d)[^e]*/, "$1");
  if (x >= 0.0995 || x === 0) return tidy(x.toFixed(3));
  return minus(tidy(x < 1e-3 ? x.toExponential(room ? 1 : 0) : x.toPrecision(2)));
}

const tidy = (text) => text.replace(/(\.\d*?)0+(?=e|$)/, "$1").replace(/\.(?=e|$)/, "");

/** An exact count with its digits in groups of three. */
export const count = (n) => n.toString().replace(/\B(?=(\d{3})+$)/g, ",");

export const plural = (n, one, many) => `${count(n)} ${BigInt(n) === 1n ? one : many}`;

/** How a character is written in a drawing: a space must be seen. */
export const visible = (character) => (character.trim() === "" ? "␣" : character);

/** Characters as Python counts them: code points after NFC normalisation. */
export const codePoints = (text) => [...text.normalize("NFC")];

/** A button that has nothing to do stays in its place and keeps the keyboard: a disabled one would lose it to the page. */
export const usable = (button, use) => button.setAttribute("aria-disabled", use ? "false" : "true");

const CONTROL = '[tabindex="0"]:not(input[type="text"]), input[type="range"]:enabled';

/** Keep plain keys from the notebook's own shortcuts, where D D would delete the learner's cell. */
export function shield(root) {
  root.addEventListener("keydown", (event) => {
    const runsCell = event.key === "Enter" && event.shiftKey;
    if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Escape" && !runsCell) event.stopPropagation();
  });
  // A press on what takes no focus would give it to the notebook's cell, and the next keys too. The root takes it, and
  // hands it on: to the control that had it, or else to the first that keys can move. A text field never gets it unasked.
  root.tabIndex = -1;
  root.addEventListener("focus", ({ relatedTarget: before }) => {
    const held = before !== root && root.contains(before) && !before.matches('input[type="text"], input[type="number"], [disabled]');
    (held ? before : root.querySelector(CONTROL))?.focus({ preventScroll: true });
  });
}

/**
 * Join a view to its model: `paint` runs at once after the view's own changes, and once after a burst of changes
 * from Python. Returns `change(values)` and `stop()`.
 */
export function follow(model, names, paint) {
  let own = false, waiting = false;
  const hear = () => {
    if (own || waiting) return;
    waiting = true;
    queueMicrotask(() => { waiting = false; paint(); });
  };
  for (const name of names) model.on(`change:${name}`, hear);
  return {
    change(values) {
      own = true;
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      own = false;
      model.save_changes();
      paint();
    },
    stop() { for (const name of names) model.off(`change:${name}`, hear); },
  };
}
