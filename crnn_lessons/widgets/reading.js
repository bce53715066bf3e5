// What a network said of a picture, as it is kept: bytes as text, and the letters of its best path.

/** The bytes that base64 stands for. */
export const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

/** The class of each time step on the best path: kept as a distance from certainty; of equal ones the lowest class. */
export const argmin = (steps) =>
  steps.map((row) => row.reduce((best, value, k) => (value < row[best] ? k : best), 0));

/** The labels of a path with the time steps that they take: [{ k, from, to }], `to` not included. */
export function spans(path) {
  const found = [];
  path.forEach((k, t) => {
    if (k !== 0 && k === path[t - 1]) found.at(-1).to = t + 1;
    else if (k !== 0) found.push({ k, from: t, to: t + 1 });
  });
  return found;
}
