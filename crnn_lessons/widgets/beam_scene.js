// The drawing of the tree of prefixes: a box for each, its two probabilities as one bar, and lines to its parents.
import { attr, boxAt, flag, svg, textAt } from "./dom.js";
import { keyOf } from "./beam_search.js";
import { brief, visible } from "./words.js";

const WIDE = 92, HIGH = 46, BOX = 74, TALL = 36, BAR = 62;

/** Draws the tree; `names` are the signs of the classes, `on` the listeners. Returns { root, groups }. */
export function drawTree(nodes, names, t, on) {
  const largest = (read) => Math.max(...nodes.map(read)), at = new Map(nodes.map((node) => [keyOf(node.labels), node]));
  const depth = largest(({ labels }) => labels.length), lines = largest(({ line }) => line);
  const most = largest(({ total }) => total);
  const X = ({ labels }) => 2 + labels.length * WIDE, Y = ({ line }) => 2 + line * HIGH, groups = new Map();
  const edges = nodes.slice(1).map((node) => {
    const above = at.get(keyOf(node.labels.slice(0, -1))), fate = node.fate === "fallen" ? ".fallen" : "";
    const [x, y, to, down] = [X(above) + BOX, Y(above) + TALL / 2, X(node), Y(node) + TALL / 2];
    return svg(`path.edge${fate}`, { d: `M${x} ${y}C${x + 12} ${y} ${to - 12} ${down} ${to} ${down}` });
  });
  const boxes = nodes.map((node) => {
    const [x, y] = [X(node), Y(node)], { byBlank, byLabel, total, fate, labels } = node, scale = most ? BAR / most : 0;
    const sign = labels.length ? visible(names[labels.at(-1)]) : "start", text = textOf(labels, names);
    const group = svg(`g.node.${fate}`, { role: "option", tabindex: -1, "data-key": keyOf(labels),
      "aria-label": `${text}: ${fate === "passed" ? "not in the beam" : `${brief(Math.log(total), true)}, ${fate}`}` },
      boxAt(x, y, BOX, TALL, "rect.frame", { rx: 4 }),
      textAt(x + 6, y + (fate === "passed" ? 23 : 15), sign, labels.length ? "text.sign" : "text.small", "start"),
      fate === "passed" ? [] : [textAt(x + BOX - 6, y + 15, brief(Math.log(total), true), "text.value", "end"),
        boxAt(x + 6, y + 21, byBlank * scale, 9, "rect.blank"),
        boxAt(x + 6 + byBlank * scale, y + 21, byLabel * scale, 9, "rect.label")]);
    groups.set(keyOf(labels), group);
    return group;
  });
  const size = { width: 4 + depth * WIDE + BOX, height: 4 + lines * HIGH + TALL };
  const root = svg("svg.tree", { ...size, role: "listbox", ...on,
    "aria-label": `Prefixes ${t ? `after frame ${t - 1}` : "before the first frame"}; up and down choose one, left ` +
      "and right go a frame back or on" }, svg("g", { "aria-hidden": "true" }, edges), boxes);
  return { root, groups };
}

/** Mark one prefix, and let it alone take part in tabbing. */
export function markNode(groups, chosen) {
  for (const [name, group] of groups) {
    flag(group, "chosen", name === chosen);
    attr(group, { "aria-selected": name === chosen ? "true" : "false", tabindex: name === chosen ? 0 : -1 });
  }
}

/** A prefix in words. */
export const textOf = (labels, names) =>
  (labels.length ? `'${labels.map((k) => names[k]).join("")}'` : "the empty prefix");
