// The menu: choose the parts of a design, see its error and its cost among all that were tried, compare two.
import { bar, button, legend, liveAll, noteLine, radios, resetButton, usable } from "./controls.js";
import { attr, clamp, columnTitle, dataRow, dataTable, flag, html } from "./dom.js";
import { pressed, rove } from "./keys.js";
import { difference, nearest, placesOf, sorted, titleOf } from "./menu_numbers.js";
import { cost, drawScene } from "./menu_scene.js";
import { focused, follow, mount, shell } from "./view.js";
import { minus } from "./words.js";

const COURSES = ["normalisation", "convolution", "scaling", "reduction", "sequence"];
const HEADS = { design: "design", error: "error, %", seconds: "seconds", parameters: "parameters" };
const LEGEND = "Circles: designs of the menu; squares: builds with a name. Filled, on the dashed line (◆ in the " +
  "table): no other design has both a smaller error and a smaller cost, the Pareto front. Bars: 95 % intervals over " +
  "the seeds. Click a point or a row, or move with the arrow keys, to choose A; Enter makes it B.";
const signed = (x) => minus(`${x > 0 ? "+" : ""}${x.toFixed(1)}`);

/** What the paired difference of A and B says. */
export function verdict({ mean, low, high }) {
  const told = high < 0 ? "A makes fewer errors" : low > 0 ? "A makes more errors" : "these seeds cannot tell";
  return `A − B: ${signed(mean)} points, 95 % interval ${signed(low)} to ${signed(high)}: ${told}.`;
}

function render({ model, el: host }) {
  const view = follow(model, paint), { designs, tasks, budgets, t } = view.state;
  const levels = COURSES.map((_, i) => [...new Set(designs.map(({ parts }) => parts[i]))]);
  const names = designs.filter(({ name }) => name).map(({ name }) => name);
  let places, scene, order = [], drawn = 0;

  const note = noteLine(), say = (words = "") => { note.textContent = words; };
  const options = (values) => values.map((value) => html("option", { value }, value));
  const named = (words, node) => html("label", words, node);
  const selects = COURSES.map((course, i) => html("select.field", { "aria-label": course,
    onchange: () => wish(i, selects[i].value) }, options(levels[i])));
  const byName = html("select.field", { "aria-label": "a build by its name", onchange: () =>
    (byName.value ? choose(designs.findIndex(({ name }) => name === byName.value)) : paint()) },
    html("option", { value: "" }, "(none)"), options(names));
  const choice = (entry, words, values) => radios(entry, Object.fromEntries(values.map((value) => [value, value])),
    (value) => view.change({ [entry]: value }), html("span.soft", words));
  const radio = { task: choice("task", "task", tasks), budget: choice("budget", "equal", budgets),
    axis: choice("axis", "against", ["seconds", "parameters"]) };
  const keep = button("A becomes B", "Compare with this design (Enter on a point or a row)",
    () => compare(view.state.first));
  const swap = button("swap", "Exchange A and B", () =>
    view.state.second >= 0 && view.change({ first: view.state.second, second: view.state.first }));
  const alone = button("no B", "Compare with nothing", () => view.change({ second: -1 }));
  const said = html("p.said"), told = html("p.told"), plane = html("div.plane");
  const heads = Object.entries(HEADS).map(([column, words]) => columnTitle(button(words, `Sort by ${column}`, () => {
    view.change({ sort: view.state.sort === column ? `-${column}` : column });
  }), { "data-column": column }));
  const table = dataTable("table.list", html("caption", "all designs; a title sorts, and sorts back"), heads, []);
  const rows = designs.map((design, i) => html("button.pick", { type: "button", "data-i": i }, titleOf(design)));
  const lists = { onkeydown: (event) => onKey(event, rows, order, "ArrowUp", "ArrowDown"), onclick: (event) => {
    const row = event.target.closest("tr");
    if (row) choose(Number(row.querySelector("button").dataset.i), rows);
  } };
  attr(table.tBodies[0], lists);
  const root = shell("menu", "A menu of designs",
    bar(radio.task.root, radio.budget.root, radio.axis.root, resetButton(view, "Back to the first choice", say)),
    bar(COURSES.map((course, i) => named(course, selects[i])), names.length ? named("or by name", byName) : []),
    note, plane, liveAll(said, told), bar(keep, swap, alone), html("div.scroll.lines", table), legend(LEGEND));

  /** A part that was wished for: the measured design with it that is nearest to A. */
  function wish(course, part) {
    const to = nearest(designs, view.state.first, course, part), { parts, name } = designs[to];
    const others = COURSES.filter((_, i) => i !== course && parts[i] !== designs[view.state.first].parts[i]);
    choose(to);
    if (others.length) say(`Not measured: this was the nearest with ${COURSES[course]} ${part}` +
      `${name ? ` (${name})` : ""}; it differs in ${others.join(" and ")}, too.`);
  }

  function choose(first, nodes = null) {
    say();
    view.change({ first });
    (nodes === rows ? rows : nodes ? scene.points : [])[first]?.focus({ preventScroll: nodes !== rows });
  }

  function compare(second) {
    say();
    view.change({ second });
  }

  /** Keys over points or rows: two for back and on, Home and End; Enter compares. */
  function onKey(event, nodes, line, back, on) {
    const at = line.indexOf(view.state.first), last = line.length - 1;
    const to = pressed(event, { [back]: at - 1, [on]: at + 1, Home: 0, End: last, Enter: "compare" });
    if (to === "compare") compare(view.state.first);
    else if (to !== undefined) choose(line[clamp(to, last + 1)], nodes);
    return to !== undefined;
  }

  const listeners = {
    onclick: (event) => {
      const point = event.target.closest(".crnn-point");
      if (point) choose(Number(point.dataset.i), scene.points);
    },
    onkeydown: (event) => {
      const by = (key) => designs.map((_, i) => i).sort((i, j) => places[i][key] - places[j][key] || i - j);
      return onKey(event, scene.points, by("x"), "ArrowLeft", "ArrowRight") ||
        onKey(event, scene.points, by("mean"), "ArrowDown", "ArrowUp");
    },
  };

  const wide = () => Math.max(280, plane.clientWidth || 700);

  function fillTable({ sort, first, second }) {
    order = sorted(designs, places, sort);
    for (const head of heads) {
      const { column } = head.dataset, ways = { [column]: "ascending", [`-${column}`]: "descending" };
      attr(head, { "aria-sort": ways[sort] ?? null });
    }
    rove(rows, rows[first]);
    const held = rows.includes(focused(root)) && focused(root);
    table.tBodies[0].replaceChildren(...order.map((i) => {
      const p = places[i], sign = i === first ? "A" : i === second ? "B" : "";
      const cells = [`${p.mean.toFixed(1)} ± ${(p.high - p.mean).toFixed(1)}`, cost(p.seconds, "seconds"),
        p.parameters.toLocaleString("en")].map((words) => html("td", words));
      const row = dataRow(sign, [html("td.name", rows[i], p.front ? " ◆" : ""), ...cells]);
      flag(row, "first", i === first);
      flag(row, "second", i === second);
      return row;
    }));
    if (held) held.focus({ preventScroll: true });
  }

  function paint() {
    const now = view.state, { first, second } = now, design = designs[first];
    const held = scene?.points.includes(focused(root));
    places = placesOf(now);
    drawn = wide();
    scene = drawScene(now, places, drawn, listeners);
    rove(scene.points, scene.points[first]);
    plane.replaceChildren(scene.root);
    if (held) scene.points[first].focus({ preventScroll: true });
    for (const [entry, { check }] of Object.entries(radio)) check(now[entry]);
    selects.forEach((select, i) => { select.value = design.parts[i]; });
    byName.value = design.name;
    fillTable(now);
    const of = (i) => {
      const { mean, low, high, seconds, parameters } = places[i];
      const ends = `${minus(low.toFixed(1))} to ${high.toFixed(1)}`;
      return `${titleOf(designs[i])}: error ${mean.toFixed(1)} %, 95 % interval ${ends}; ` +
        `${cost(seconds, "seconds")} seconds; ${parameters.toLocaleString("en")} parameters.`;
    };
    said.textContent = `A: ${of(first)}`;
    told.replaceChildren(...(second < 0 ? ["No B yet: choose a design, press “A becomes B”, and choose another."]
      : [`B: ${of(second)} `, html("b", second === first ? "A and B are the same design." :
        verdict(difference(places[first], places[second], t)))]));
    for (const node of [swap, alone]) usable(node, second >= 0);
  }

  return mount(view, host, root, () => plane.clientWidth && wide() !== drawn);
}
