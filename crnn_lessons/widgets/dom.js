// Elements for pages and drawings.

/** An element: html("p.soft.legend", { title: "x", onclick: f }, child, "text"); its classes get the prefix "crnn-". */
export const html = (name, ...rest) => furnish((tag) => document.createElement(tag), name, rest);

/** The same in a drawing. */
export const svg = (name, ...rest) =>
  furnish((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag), name, rest);

function furnish(make, name, rest) {
  const [tag, ...classes] = name.split("."), node = make(tag);
  if (classes.length) node.setAttribute("class", classes.map((word) => `crnn-${word}`).join(" "));
  attr(node, rest[0]?.constructor === Object ? rest.shift() : {});
  node.append(...rest.flat(Infinity));
  return node;
}

/** Sets attributes; a function listens to an event, and false or null takes an attribute away. */
export function attr(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === null || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  }
}

/** Gives a node one of the widgets' classes, or takes it away. */
export const flag = (node, name, on) => node.classList.toggle(`crnn-${name}`, Boolean(on));
/** A box in a drawing, and text with its middle (or another anchor) at x. */
export const boxAt = (x, y, width, height, name = "rect", more = {}) => svg(name, { x, y, width, height, ...more });
export const textAt = (x, y, words, name = "text", anchor = "middle") =>
  svg(name, { x, y, "text-anchor": anchor }, words);

/** n things, made of 0 to n - 1; and the place from 0 to n - 1 that is nearest to x. */
export const range = (n, make) => Array.from({ length: n }, (_, i) => make(i));
export const clamp = (x, n) => Math.max(0, Math.min(x, n - 1));

/** A table: its caption or none, the titles of its columns after the first, and its rows of a title and cells. */
export const dataTable = (name, caption, head, rows, corner = html("td")) => html(name, caption ?? [],
  html("thead", html("tr", corner, head)), html("tbody", rows));
export const dataRow = (title, cells, name = "tr") => html(name, html("th", { scope: "row" }, title), cells);
export const columnTitle = (words, attributes = {}) => html("th", { scope: "col", ...attributes }, words);
