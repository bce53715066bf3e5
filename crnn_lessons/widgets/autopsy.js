// A reading laid open: each letter with its posterior over time, its frames, what they saw, and what else was likely.
import { forwardBackward } from "./ctc.js";
import { drawing, element, follow, fromLog, minus, shield, visible } from "./dom.js";

const PER_NAT = 2048; // a log-probability is kept as its distance from 0, in 2048ths of a nat
const RIVALS = 5;
const CHART = 84, OVER = 26, GAP = 8, TICKS = 18; // pixels: the chart, letters above the picture, between, numbers below

/** The whole numbers T x C that stand for log-probabilities. */
export function unpack({ T, steps }) {
  const raw = Uint8Array.from(atob(steps), (sign) => sign.charCodeAt(0)), view = new DataView(raw.buffer), C = raw.length / 2 / T;
  return Array.from({ length: T }, (_, t) => Array.from({ length: C }, (_, k) => view.getUint16(2 * (t * C + k), true)));
}

/** The letters of the best path with their frames: [{ k, from, to }], both included; of equal classes the lowest. */
export function spans(steps) {
  const path = steps.map((row) => row.reduce((best, value, k) => (value < row[best] ? k : best), 0)), found = [];
  path.forEach((k, t) => {
    if (k !== 0 && k === path[t - 1]) found.at(-1).to = t;
    else if (k !== 0) found.push({ k, from: t, to: t });
  });
  return found;
}

/** The log-probabilities that whole numbers stand for; each row is made to sum to 1, which rounding had spoilt. */
export function logProbsOf(steps) {
  return steps.map((row) => {
    const total = Math.log(row.reduce((sum, value) => sum + Math.exp(-value / PER_NAT), 0));
    return row.map((value) => -value / PER_NAT - total);
  });
}

/** All that is computed once for a picture. */
export function study(evidence) {
  const steps = unpack(evidence), logProbs = logProbsOf(steps);
  const letters = spans(steps), lattice = forwardBackward(logProbs, letters.map(({ k }) => k));
  const posteriors = letters.map((_, i) => lattice.posterior.map((row) => row[2 * i + 1]));
  const peaks = posteriors.map((gamma) => gamma.findIndex((value) => value >= Math.max(...gamma) - 1e-9));
  return { steps, logProbs, letters, posteriors, peaks, logLikelihood: lattice.logLikelihood };
}

/** The most probable classes at a frame, best first: [{ k, p }]. */
export function rivals({ steps, logProbs }, frame, most = RIVALS) {
  const order = steps[frame].map((value, k) => [value, k]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return order.slice(0, most).map(([, k]) => ({ k, p: Math.exp(logProbs[frame][k]) }));
}

/** A probability, given by its logarithm, in words: softmax leaves neither 0 nor 1, and 90 zeros say no more than 12. */
export function chance(logP) {
  if (logP > Math.log(0.9999)) return "above 0.9999";
  return logP > -Infinity && logP < Math.log(1e-12) ? minus("below 1e-12") : fromLog(logP);
}

/** The same behind the letter p: p = 0.5, p above 0.9999. */
const equals = (logP) => (/^\d/.test(chance(logP)) ? `= ${chance(logP)}` : chance(logP));

const ordinal = (n) => `${n}${n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] ?? "th"}`;

/** The sentence on a frame and the letter that is chosen. */
export function sentence(evidence, found, letter, frame, names) {
  const { T, width, columns } = evidence, [first, last] = columns[frame], [best] = rivals(found, frame, 1);
  const where = `Frame ${frame} of 0 to ${T - 1} sees columns ${first} to ${last} of ${width}: ${last - first + 1} pixels. It says ${names[best.k]}, p ${equals(Math.log(best.p))}.`;
  if (letter < 0) return `Nothing was read: every frame says blank. ${where}`;
  const { k, from, to } = found.letters[letter], spent = from === to ? `frame ${from}` : `frames ${from} to ${to}`;
  return `The ${ordinal(letter + 1)} letter, ${names[k]}, was read at ${spent}; its posterior is highest at frame ${found.peaks[letter]}, and at frame ${frame} it is ${chance(Math.log(found.posteriors[letter][frame]))}. ${where}`;
}

function render({ model, el: host }) {
  const evidence = model.get("evidence"), characters = model.get("characters"), { T, width: W, height: H } = evidence;
  const found = study(evidence), names = ["blank", ...characters.map((sign) => `‘${visible(sign)}’`)], signs = ["-", ...characters];
  const view = follow(model, ["letter", "frame"], paint);
  let drawn = null, width = 0;

  const choose = (letter) => view.change({ letter, frame: found.peaks[letter] });
  const see = (frame) => view.change({ frame: Math.max(0, Math.min(T - 1, frame)) });

  const buttons = found.letters.map(({ k }, i) => element("button", { type: "button", role: "radio", "aria-label": `letter ${i + 1}: ${visible(signs[k])}`,
    onclick: () => choose(i), onkeydown: (event) => onKey(event, i) }, visible(signs[k])));
  const letters = buttons.length ? element("span", { class: "crnn-letters", role: "radiogroup", "aria-label": "letters that were read" }, ...buttons) : element("b", {}, "(nothing)");
  const reset = element("button", { type: "button", onclick: () => view.change({ ...model.get("start") }) }, "reset");
  const slider = element("input", { type: "range", min: 0, max: T - 1, step: 1, class: "crnn-slider", "aria-label": "frame", oninput: () => see(Number(slider.value)) });
  const said = element("p", { class: "crnn-said", role: "status", "aria-live": "polite" });
  const stage = element("div", { class: "crnn-plane" });
  const caption = element("caption", {}), body = element("tbody", {});
  const root = element("div", { class: "crnn-widget crnn-autopsy", role: "group", "aria-label": "Autopsy of a reading" },
    element("div", { class: "crnn-bar" }, element("span", {}, "reads"), letters, element("span", { class: "crnn-total" }, `p(text | picture) ${equals(found.logLikelihood)}`), element("span", { class: "crnn-end" }, reset)),
    stage, slider, said, element("table", { class: "crnn-rivals" }, caption, body),
    element("p", { class: "crnn-soft crnn-legend" }, "Dashed: the part of the picture that the frame’s convolutions see; the recurrent layer brings in the rest. Bars: the posterior of the letter, given the text. Full line: the probability of its class; dotted: of the blank. Click a letter, or the picture for a frame. Arrow keys on the letters and on the slider."));
  shield(root);
  host.append(root);

  function onKey(event, i) {
    const to = { ArrowLeft: i - 1, ArrowUp: i - 1, ArrowRight: i + 1, ArrowDown: i + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const next = (to + buttons.length) % buttons.length;
    choose(next);
    buttons[next].focus();
  }

  function build() {
    width = stage.clientWidth || 700;
    const scale = Math.min(6, width / W), wide = (W * scale) / T, high = H * scale, base = OVER + high + GAP + CHART;
    const every = [1, 2, 5, 10, 20, 50].find((n) => n * wide >= 26) ?? 100;
    const y = (p) => base - p * CHART, x = (t) => t * wide;
    const line = (values) => values.map((p, t) => `${t ? "L" : "M"}${x(t)},${y(p)}H${x(t + 1)}`).join("");
    const blanks = drawing("path", { class: "crnn-blank", d: line(found.logProbs.map((row) => Math.exp(row[0]))) });
    const curve = drawing("path", { class: "crnn-class" }), bars = drawing("g", { class: "crnn-gamma" });
    const seen = drawing("rect", { class: "crnn-seen" }), own = drawing("rect", { class: "crnn-own", y: OVER + high + GAP, width: wide, height: CHART });
    const veils = [drawing("rect", { class: "crnn-veil", y: OVER, height: high, x: 0 }), drawing("rect", { class: "crnn-veil", y: OVER, height: high })];
    const over = found.letters.map(({ k, from, to }) => drawing("text", { x: x((from + to + 1) / 2), y: OVER - 7, "text-anchor": "middle" }, visible(signs[k])));
    const ticks = Array.from({ length: Math.ceil(T / every) }, (_, i) => drawing("text", { x: x(i * every + 0.5), y: base + 13, "text-anchor": "middle", class: "crnn-tick" }, `${i * every}`));
    const title = drawing("title");
    const svg = drawing("svg", { width: W * scale, height: base + TICKS, role: "img",
      onclick: (event) => { slider.focus({ preventScroll: true }); see(Math.floor((event.clientX - svg.getBoundingClientRect().left) / wide)); } },
      title, drawing("image", { href: `data:image/png;base64,${evidence.image}`, x: 0, y: OVER, width: W * scale, height: high, preserveAspectRatio: "none" }),
      ...veils, ...over, drawing("line", { class: "crnn-axis", x1: 0, x2: W * scale, y1: base, y2: base }), bars, blanks, curve, ...ticks, own, seen);
    stage.replaceChildren(svg);
    slider.style.width = `${W * scale}px`;
    drawn = { scale, wide, x, y, line, curve, bars, seen, own, veils, over, title };
  }

  function paint() {
    if (drawn === null) build();
    const { scale, wide, x, y, line, curve, bars, seen, own, veils, over, title } = drawn;
    const letter = model.get("letter"), frame = model.get("frame"), [first, last] = evidence.columns[frame], [top, bottom] = evidence.rows;
    const gamma = letter < 0 ? [] : found.posteriors[letter];
    buttons.forEach((button, i) => {
      button.setAttribute("aria-checked", i === letter);
      button.tabIndex = i === letter ? 0 : -1;
    });
    over.forEach((node, i) => node.setAttribute("class", i === letter ? "crnn-over crnn-on" : "crnn-over"));
    bars.replaceChildren(...gamma.flatMap((p, t) => (p * CHART < 0.5 ? [] : [drawing("rect", { x: x(t) + 0.5, y: y(p), width: Math.max(1, wide - 1), height: p * CHART, "data-t": t })])));
    curve.setAttribute("d", letter < 0 ? "" : line(found.logProbs.map((row) => Math.exp(row[found.letters[letter].k]))));
    const box = { x: first * scale, y: OVER + top * scale, width: (last + 1 - first) * scale, height: (bottom + 1 - top) * scale };
    for (const [name, value] of Object.entries(box)) seen.setAttribute(name, value);
    own.setAttribute("x", x(frame));
    veils[0].setAttribute("width", box.x);
    veils[1].setAttribute("x", box.x + box.width);
    veils[1].setAttribute("width", Math.max(0, W * scale - box.x - box.width));
    const words = sentence(evidence, found, letter, frame, names), others = rivals(found, frame);
    said.textContent = words;
    title.textContent = `The picture as the network got it, read as ${found.letters.map(({ k }) => signs[k]).join("") || "nothing"}. ${words}`;
    slider.value = frame;
    slider.setAttribute("aria-valuetext", `frame ${frame} says ${names[others[0].k]}`);
    caption.textContent = `most probable at frame ${frame}`;
    body.replaceChildren(...others.map(({ k, p }) => element("tr", {}, element("th", { scope: "row" }, names[k]), element("td", {}, chance(Math.log(p))),
      element("td", {}, element("span", { class: "crnn-bar-of", style: `width: ${(110 * p).toFixed(1)}px` })))));
  }

  const resized = new ResizeObserver(() => { if (Math.abs((stage.clientWidth || 700) - width) > 1) { drawn = null; paint(); } });
  paint();
  resized.observe(host);
  return () => { resized.disconnect(); view.stop(); };
}

export default { render };
