// Keys: arrows over lines and grids, and the one place of many that takes part in tabbing.
import { clamp } from "./dom.js";

/** Keys with Ctrl, Alt or a command key belong to the browser and the notebook. */
export const modified = (event) => event.ctrlKey || event.metaKey || event.altKey;

/** What stands for the key that was pressed among those given; undefined for any other, which the page may have. */
export function pressed(event, keys) {
  if (modified(event) || !Object.hasOwn(keys, event.key)) return undefined;
  event.preventDefault();
  return keys[event.key];
}

/** Where a key leads from column x and row y of a grid, [x, y]: an arrow by one, Home and End along the row. */
export function arrowTo(event, x, y, columns, rows) {
  const to = pressed(event, { ArrowLeft: [x - 1, y], ArrowRight: [x + 1, y], ArrowUp: [x, y - 1], ArrowDown: [x, y + 1],
    Home: [0, y], End: [columns - 1, y] });
  return to && [clamp(to[0], columns), clamp(to[1], rows)];
}

/** Of many places one takes part in tabbing. */
export const rove = (nodes, chosen) => { for (const node of nodes) node.tabIndex = node === chosen ? 0 : -1; };
