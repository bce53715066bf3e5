// A trained network adds two numbers: bits, carry, its units and its answer, one column a time step.
import { count, element, follow, number, plural, shield, usable } from "./dom.js";

const MOST_BITS = 64;

/** A whole number as a BigInt, or the reason why it cannot be added: { value, problem }. */
export function readNumber(text) {
  const digits = text.trim().replace(/[,\s]/g, "");
  if (!/^\d+$/.test(digits)) return { problem: `“${text.trim()}” is no whole number of 0 or more; the last sum stays.` };
  const value = BigInt(digits);
  if (value >> BigInt(MOST_BITS)) return { problem: `At most ${MOST_BITS} bits, so below 2^${MOST_BITS}; the last sum stays.` };
  return { value };
}

/** The network's way through a sum: per step bits, carry in and out, the true bit, state, logit and its sigmoid. */
export function addNumbers(weights, first, second) {
  const T = Math.max(first.toString(2).length, second.toString(2).length) + 1;
  const bit = (n, t) => Number((n >> BigInt(t)) & 1n);
  const steps = [];
  let h = weights.b.map(() => 0), carry = 0;
  for (let t = 0; t < T; t++) {
    const x = [bit(first, t), bit(second, t)], before = h;
    h = weights.b.map((b, j) => Math.tanh(b + dot(weights.ih[j], x) + dot(weights.hh[j], before)));
    const logit = weights.b_out + dot(weights.out, h), total = x[0] + x[1] + carry;
    steps.push({ x, carry, out: total >> 1, bit: total % 2, h, logit, p: 1 / (1 + Math.exp(-logit)), said: logit > 0 ? 1 : 0 });
    carry = total >> 1;
  }
  return steps;
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

/** The number that the network's first bits stand for, a BigInt. */
export const spoken = (steps) => steps.reduce((sum, { said }, t) => sum + (BigInt(said) << BigInt(t)), 0n);

/** The sentence for one step. */
export function explain(steps, t) {
  const { x, carry, out, bit, p, said } = steps[t], total = x[0] + x[1] + carry;
  return `t = ${t} (worth ${count(1n << BigInt(t))}): ${x[0]} + ${x[1]} + carry ${carry} = ${total}, so bit ${bit}, carry ${out}. ` +
    `The network: σ = ${number(p)}, bit ${said} ${said === bit ? "✓ right" : "✗ wrong"}.`;
}

/** Units in the order of |correlation|, as Python lists them. */
export function orderOf(correlations, H) {
  const size = Array.from({ length: H }, (_, j) => Math.round(Math.abs(correlations[j] ?? 0) * 1e9));
  return size.map((_, j) => j).sort((i, j) => size[j] - size[i] || i - j);
}

const signOf = (value) => (Math.abs(value) < 0.5 ? "" : value > 0 ? "+" : "−");

function render({ model, el: host }) {
  const view = follow(model, ["first", "second", "step", "weights"], paint);
  const fields = ["first", "second"].map((name) => element("input", { type: "text", inputmode: "numeric", class: "crnn-field crnn-mono", size: 20, autocomplete: "off",
    oninput: () => onNumber(name) }));
  const note = element("p", { class: "crnn-note", role: "alert" });
  const result = element("p", { class: "crnn-result", role: "status", "aria-live": "polite" });
  const slider = element("input", { type: "range", min: 0, step: 1, oninput: () => go(Number(slider.value)) });
  const button = (label, title, act) => element("button", { type: "button", title, onclick: act }, label);
  const back = button("◀ back", "One place back (left arrow on the slider)", () => go(model.get("step") - 1));
  const next = button("next ▶", "Add the next place (right arrow on the slider)", () => go(model.get("step") + 1));
  const all = button("all", "Add all places (End on the slider)", () => go(Infinity));
  const reset = button("reset", "Back to the first sum", () => { note.textContent = ""; for (const f of fields) f.removeAttribute("aria-invalid"); view.change({ ...model.get("start") }); });
  const scroll = element("div", { class: "crnn-scroll", tabindex: 0, role: "region", "aria-label": "The sum, one column a step" });
  const line = element("p", { class: "crnn-line", role: "status", "aria-live": "polite" });
  const legend = element("p", { class: "crnn-soft crnn-legend" });
  const root = element("div", { class: "crnn-widget crnn-adder", role: "group", "aria-label": "A network adds two numbers" },
    element("div", { class: "crnn-bar" }, element("label", {}, "first", fields[0]), element("label", {}, "second", fields[1]), element("span", { class: "crnn-end" }, reset)),
    note, result,
    element("div", { class: "crnn-bar" }, back, element("label", { class: "crnn-slide" }, "places added", slider), next, all),
    scroll, line, legend);
  shield(root);
  host.append(root);
  let steps = [], key = null, columns = [];

  const go = (step) => view.change({ step: Math.max(0, Math.min(step, steps.length)) });
  const jump = (step) => { go(step); slider.focus({ preventScroll: true }); }; // so that arrow keys go on from there

  function onNumber(name) {
    const read = fields.map((field) => readNumber(field.value)), at = name === "first" ? 0 : 1;
    fields[at].setAttribute("aria-invalid", read[at].problem ? "true" : "false");
    note.textContent = read.find((r) => r.problem)?.problem ?? "";
    if (read[at].problem) return;
    const whole = model.get("step") >= steps.length;
    const other = BigInt(model.get(at === 0 ? "second" : "first"));
    const T = addNumbers(model.get("weights"), read[at].value, other).length;
    view.change({ [name]: read[at].value.toString(), step: whole ? T : Math.min(model.get("step"), T) });
  }

  /** The table, drawn anew for each sum; a column is filled when its step has been done. */
  function build() {
    const correlations = model.get("correlations"), marked = model.get("marked"), order = orderOf(correlations, steps[0].h.length);
    columns = steps.map(() => []);
    const row = (name, className, cell) => element("tr", { class: className }, element("th", { scope: "row" }, ...[].concat(name)),
      ...steps.map((step, t) => { const td = element("td", { "data-t": t, onclick: () => jump(t + 1) }, ""); columns[t].push((done) => cell(td, step, done, t)); return td; }));
    const put = (td, text) => { td.textContent = text; };
    const carried = (which) => (td, step, done) => { put(td, done ? step[which] : "·"); td.classList.toggle("crnn-one", done && step[which] === 1); };
    const head = element("tr", {}, element("th", { scope: "row" }, "t"), ...steps.map((_, t) => {
      const th = element("th", { scope: "col", "data-t": t }, element("button", { type: "button", class: "crnn-time", tabindex: -1, "aria-label": `add up to place ${t}`, onclick: () => jump(t + 1) }, `${t}`));
      columns[t].push((done, last) => th.classList.toggle("crnn-now", last));
      return th;
    }));
    const rows = [
      row("first", "crnn-in", (td, { x }) => put(td, x[0])),
      row("second", "crnn-in", (td, { x }) => put(td, x[1])),
      row("carry in", "crnn-carry", carried("carry")),
      row("true bit", "", (td, { bit }, done) => put(td, done ? bit : "·")),
      row("network", "crnn-said", (td, { said, bit, p }, done) => {
        const wrong = done && said !== bit;
        put(td, !done ? "·" : wrong ? `${said}✗` : said);
        td.classList.toggle("crnn-wrong", wrong);
        td.title = done ? `σ = ${number(p)}${wrong ? ", wrong" : ""}` : "";
      }),
      row("carry out", "crnn-carry", carried("out")),
      ...order.map((j, place) => row([place < marked ? element("b", { title: "goes with the carry out" }, "★ ") : "", `unit ${j}`, ...(correlations.length ? [element("span", { class: "crnn-soft" }, ` ${correlations[j].toFixed(2).replace("-", "−")}`)] : [])],
        `crnn-unit${place < marked ? " crnn-marked" : ""}`, (td, { h }, done) => {
          put(td, done ? signOf(h[j]) : "");
          td.title = done ? `unit ${j}: ${number(h[j])}` : "";
          td.style.setProperty("--p", done ? `${(60 * Math.abs(h[j])).toFixed(0)}%` : "0%");
          td.classList.toggle("crnn-minus", h[j] < 0);
        })),
    ];
    scroll.replaceChildren(element("table", { class: "crnn-places" }, element("caption", { class: "crnn-hidden" }, "Bits, carry, answer and units of the network, one column a step"), element("thead", {}, head), element("tbody", {}, ...rows)));
    legend.textContent = "The least significant bit is on the left. Units: + above 0.5, − below −0.5, blank in between." +
      (correlations.length ? " Beside each unit: its correlation with the carry out, the carry that leaves the place; ★ marks the largest." : "");
  }

  function paint() {
    const [first, second] = ["first", "second"].map((name) => BigInt(model.get(name)));
    const now = JSON.stringify([model.get("first"), model.get("second"), model.get("weights")]);
    if (now !== key) { steps = addNumbers(model.get("weights"), first, second); key = now; build(); }
    const step = Math.min(model.get("step"), steps.length), T = steps.length;
    columns.forEach((cells, t) => cells.forEach((fill) => fill(t < step, t === step - 1)));
    [first, second].forEach((value, i) => { if (document.activeElement !== fields[i] || !fields[i].value) fields[i].value = value.toString(); });
    Object.assign(slider, { max: T, value: step });
    slider.setAttribute("aria-valuetext", `${step} of ${T} places`);
    usable(back, step > 0);
    for (const forward of [next, all]) usable(forward, step < T);
    const wrong = steps.filter(({ said, bit }) => said !== bit).length, done = step === T;
    result.replaceChildren(element("span", {}, `${count(first)} + ${count(second)} = `, element("b", { class: "crnn-truth" }, count(first + second))),
      element("span", {}, "network: ", element("b", { class: "crnn-spoken" }, done ? count(spoken(steps)) : "…"), done ? (wrong ? ` ✗ ${plural(wrong, "bit", "bits")} wrong` : " ✓") : ` ${step} of ${T} places added`));
    line.textContent = step === 0 ? `No place has been added yet: ${plural(T, "step", "steps")} to go. Press next, or the right arrow on the slider.` : explain(steps, step - 1);
    const th = scroll.querySelector(".crnn-now");
    scroll.scrollLeft = th && step > 0 ? Math.max(0, th.offsetLeft + th.offsetWidth + 20 - scroll.clientWidth) : 0;
  }

  paint();
  return view.stop;
}

export default { render };
