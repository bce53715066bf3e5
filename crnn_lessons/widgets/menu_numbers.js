// What the menu computes from the measured designs: intervals, the Pareto front, the nearest design to a wish.

/** Mean of some values, and t standard errors less and more: { mean, low, high }. */
export function interval(values, t) {
  const n = values.length, mean = values.reduce((sum, x) => sum + x, 0) / n;
  const half = t * Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1) / n);
  return { mean, low: mean - half, high: mean + half };
}

/** One place for each design: its cost x, its error with the interval, and whether it is on the Pareto front. */
export function placesOf({ designs, tasks, budgets, task, budget, axis, t }) {
  const [k, b] = [tasks.indexOf(task), budgets.indexOf(budget)];
  const places = designs.map(({ parameters, results }) => {
    const { seconds, errors } = results[k];
    return { parameters, seconds, errors: errors[b], x: axis === "parameters" ? parameters : seconds,
      ...interval(errors[b], t) };
  });
  const beats = (a, p) => a.x <= p.x && a.mean <= p.mean && (a.x < p.x || a.mean < p.mean);
  return places.map((p) => ({ ...p, front: !places.some((other) => beats(other, p)) }));
}

/** Errors of one place minus those of another, seed by seed: mean, low, high. */
export const difference = (a, b, t) => interval(a.errors.map((error, i) => error - b.errors[i]), t);

/** The design with this part in this course that differs least from another in the rest, one without a name first. */
export function nearest(designs, from, course, part) {
  const far = ({ parts, name }) =>
    parts.filter((one, i) => i !== course && one !== designs[from].parts[i]).length + (name ? 0.5 : 0);
  const fit = designs.map((design, i) => ({ i, design })).filter(({ design }) => design.parts[course] === part);
  return fit.reduce((best, one) => (far(one.design) < far(best.design) ? one : best)).i;
}

/** The designs in the order of a column: "error", or "-error" for the largest first. */
export function sorted(designs, places, sort) {
  const down = sort.startsWith("-"), column = down ? sort.slice(1) : sort;
  const value = (i) => ({ design: titleOf(designs[i]), error: places[i].mean }[column] ?? places[i][column]);
  const order = (i, j) => (value(i) < value(j) ? -1 : value(i) > value(j) ? 1 : i - j);
  return designs.map((_, i) => i).sort((i, j) => (down ? order(j, i) : order(i, j)));
}

/** A design in a few words: its name, or its parts. */
export const titleOf = ({ name, parts }) => name || parts.join(" · ");

/** Round numbers for a logarithmic axis from low to high. */
export function roundNumbers(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1)
    for (const digit of [1, 1.5, 2, 3, 5, 7]) {
      const x = Number((digit * 10 ** power).toPrecision(2));
      if (x >= low && x <= high) found.push(x);
    }
  return found;
}
