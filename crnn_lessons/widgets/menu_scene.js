// The drawing of the menu: error against cost, an interval for each design, the Pareto front, and the two chosen ones.
import { attr, boxAt, clamp, flag, svg, textAt } from "./dom.js";
import { roundNumbers, titleOf } from "./menu_numbers.js";
import { minus } from "./words.js";

const HIGH = 270, LEFT = 46, RIGHT = 16, TOP = 14, BELOW = 40;

/** A cost as an axis and a table write it. */
export function cost(x, axis) {
  if (axis === "seconds") return x < 10 ? `${Number(x.toPrecision(2))}` : x.toFixed(0);
  if (x >= 1e6) return `${Number((x / 1e6).toPrecision(3))} M`;
  return x >= 1e4 ? `${Math.round(x / 1e3)} k` : `${Math.round(x)}`;
}

/** Draw all designs; returns the drawing and its points, one for each. */
export function drawScene({ designs, first, second, axis, task, budget }, places, width, listeners) {
  const xs = places.map(({ x }) => x), low = Math.min(...xs) / 1.15, high = Math.max(...xs) * 1.15;
  const top = Math.min(100, 10 * Math.ceil(Math.max(...places.map((p) => p.high)) / 10));
  const across = width - LEFT - RIGHT, down = HIGH - TOP - BELOW;
  const x = (value) => LEFT + (across * Math.log(value / low)) / Math.log(high / low);
  // a root: most of the good designs lie below 10 %, the silent ones at 100 %, and 0 must have a place
  const y = (value) => TOP + down * (1 - Math.sqrt(clamp(value, top + 1) / top));
  const base = TOP + down, levels = [0, 1, 2, 5, 10, 20, 40, 60, 80, 100];
  const grid = levels.filter((level) => level <= top).flatMap((level) => [
    svg("line.grid", { x1: LEFT, x2: width - RIGHT, y1: y(level), y2: y(level) }),
    textAt(LEFT - 6, y(level) + 4, level, "text.tick", "end")]);
  const spaced = roundNumbers(low, high).filter((value, i, all) => i === 0 || x(value) - x(all[i - 1]) > 30);
  const ticks = spaced.flatMap((value) => [svg("line.axis", { x1: x(value), x2: x(value), y1: base, y2: base + 4 }),
    textAt(x(value), base + 16, cost(value, axis), "text.tick")]);
  const front = places.filter((p) => p.front).sort((a, b) => a.x - b.x);
  const edge = front.map((p, i) => (i ? `H${x(p.x)}V${y(p.mean)}` : `M${x(p.x)},${y(p.mean)}`)).join("");
  const points = places.map((p, i) => {
    const at = { transform: `translate(${x(p.x).toFixed(1)} ${y(p.mean).toFixed(1)})` };
    const mark = designs[i].name ? boxAt(-5, -5, 10, 10, "rect.mark") : svg("circle.mark", { r: 5 });
    const sign = i === first ? "A" : i === second ? "B" : "";
    const name = `${sign && `${sign}, `}${titleOf(designs[i])}: error ${p.mean.toFixed(1)} %, ` +
      `${minus(p.low.toFixed(1))} to ${p.high.toFixed(1)}; ${cost(p.x, axis)} ${axis}` +
      (p.front ? "; on the front" : "");
    const node = svg("g.point", { ...at, role: "button", "aria-label": name, tabindex: -1, "data-i": i },
      svg("title", name), svg("line.bar", { y1: y(p.high) - y(p.mean), y2: y(p.low) - y(p.mean) }),
      svg("circle.ring", { r: 10 }), mark, textAt(0, -13, sign, "text.letter"));
    flag(node, "front", p.front);
    flag(node, "first", i === first);
    flag(node, "second", i === second);
    return node;
  });
  const last = [second, first].filter((i) => i >= 0); // drawn last, so that nothing covers them
  const order = [...points.keys()].filter((i) => !last.includes(i)).concat(last);
  const words = axis === "seconds" ? "processor seconds for equal steps" : "parameters";
  const root = svg("svg", { width, height: HIGH, role: "group",
    "aria-label": `Error of ${designs.length} designs against ${words}; task ${task}, equal ${budget}`, ...listeners },
    grid, ticks, svg("line.axis", { x1: LEFT, x2: width - RIGHT, y1: base, y2: base }),
    svg("path.edge", { d: edge }), order.map((i) => points[i]),
    textAt(LEFT + across / 2, HIGH - 6, `${words} (logarithmic)`),
    textAt(0, 0, "character error, % (root scale)"));
  attr(root.lastChild, { transform: `translate(11 ${TOP + down / 2}) rotate(-90)` });
  return { root, points };
}
