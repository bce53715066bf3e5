// A reading laid open: each letter with its posterior over time, its frames, what they saw, and what else was likely.
import { bar, legend, live, resetButton, slider } from "./controls.js";
import { forwardBackward } from "./ctc.js";
import { attr, boxAt, clamp, dataRow, html, range, svg, textAt } from "./dom.js";
import { pressed, rove } from "./keys.js";
import { argmin, bytes, spans } from "./reading.js";
import { follow, mount, shell } from "./view.js";
import { fromLog, minus, visible } from "./words.js";

const PER_NAT = 2048; // a log-probability is kept as its distance from 0, in 2048ths of a nat
const RIVALS = 5;
const CHART = 84, OVER = 26, GAP = 8, TICKS = 18; // pixels: chart, letters above the picture, between, numbers below
const LEGEND = "Dashed: the part of the picture that the frame’s convolutions see; the recurrent layer brings in the " +
  "rest. Bars: the posterior of the letter, given the text. Full line: the probability of its class; dotted: of the " +
  "blank. Click a letter, or the picture for a frame. Arrow keys on the letters and on the slider.";

/** The whole numbers T x C that stand for log-probabilities. */
export function unpack({ T, steps }) {
  const raw = bytes(steps), numbers = new DataView(raw.buffer), C = raw.length / 2 / T;
  return range(T, (t) => range(C, (k) => numbers.getUint16(2 * (t * C + k), true)));
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
  const letters = spans(argmin(steps)).map(({ k, from, to }) => ({ k, from, to: to - 1 })); // both included
  const { posterior, logLikelihood } = forwardBackward(logProbs, letters.map(({ k }) => k));
  const posteriors = letters.map((_, i) => posterior.map((row) => row[2 * i + 1]));
  const peaks = posteriors.map((gamma) => gamma.findIndex((value) => value >= Math.max(...gamma) - 1e-9));
  return { steps, logProbs, letters, posteriors, peaks, logLikelihood };
}

/** The most probable classes at a frame, best first: [{ k, p }]. */
export function rivals({ steps, logProbs }, frame, most = RIVALS) {
  const order = steps[frame].map((value, k) => [value, k]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return order.slice(0, most).map(([, k]) => ({ k, p: Math.exp(logProbs[frame][k]) }));
}

/** A probability in words, from its logarithm: softmax leaves neither 0 nor 1, and 90 zeros say no more than 12. */
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
  const where = `Frame ${frame} of 0 to ${T - 1} sees columns ${first} to ${last} of ${width}: ${last - first + 1} ` +
    `pixels. It says ${names[best.k]}, p ${equals(Math.log(best.p))}.`;
  if (letter < 0) return `Nothing was read: every frame says blank. ${where}`;
  const { k, from, to } = found.letters[letter], spent = from === to ? `frame ${from}` : `frames ${from} to ${to}`;
  const now = chance(Math.log(found.posteriors[letter][frame]));
  return `The ${ordinal(letter + 1)} letter, ${names[k]}, was read at ${spent}; its posterior is highest at frame ` +
    `${found.peaks[letter]}, and at frame ${frame} it is ${now}. ${where}`;
}

function render({ model, el: host }) {
  const view = follow(model, paint), { evidence, characters } = view.state, { T, width: W, height: H } = evidence;
  const found = study(evidence), signs = ["-", ...characters], read = found.letters.map(({ k }) => visible(signs[k]));
  const names = ["blank", ...characters.map((sign) => `‘${visible(sign)}’`)];
  let drawn = null, width = 0;

  const choose = (letter) => view.change({ letter, frame: found.peaks[letter] });
  const see = (frame) => view.change({ frame: clamp(frame, T) });

  const buttons = read.map((sign, i) => html("button", { type: "button", role: "radio",
    "aria-label": `letter ${i + 1}: ${sign}`, onclick: () => choose(i), onkeydown: (event) => onKey(event, i) }, sign));
  const letters = html("span.letters", { role: "radiogroup", "aria-label": "letters that were read" }, buttons);
  const frames = slider({ min: 0, max: T - 1, step: 1, "aria-label": "frame" }, see, "input.slider");
  const said = live("p.said"), stage = html("div.plane"), caption = html("caption"), body = html("tbody");
  const root = shell("autopsy", "Autopsy of a reading",
    bar(html("span", "reads"), buttons.length ? letters : html("b", "(nothing)"),
      html("span.total", `p(text | picture) ${equals(found.logLikelihood)}`), resetButton(view)),
    stage, frames, said, html("table.rivals", caption, body), legend(LEGEND));

  function onKey(event, i) {
    const end = buttons.length - 1, [before, after] = [i > 0 ? i - 1 : end, i < end ? i + 1 : 0];
    const arrows = { ArrowLeft: before, ArrowUp: before, ArrowRight: after, ArrowDown: after };
    const to = pressed(event, { ...arrows, Home: 0, End: end });
    if (to === undefined) return;
    choose(to);
    buttons[to].focus();
  }

  function build() {
    width = stage.clientWidth || 700;
    const scale = Math.min(6, width / W), wide = (W * scale) / T, high = H * scale, under = OVER + high + GAP;
    const base = under + CHART, y = (p) => base - p * CHART, x = (t) => t * wide;
    const every = [1, 2, 5, 10, 20, 50].find((n) => n * wide >= 26) ?? 100;
    const line = (k) =>
      found.logProbs.map((row, t) => `${t ? "L" : "M"}${x(t)},${y(Math.exp(row[k]))}H${x(t + 1)}`).join("");
    const parts = { curve: svg("path.class"), bars: svg("g.gamma"), seen: svg("rect.seen"), title: svg("title"),
      own: boxAt(0, under, wide, CHART, "rect.own"), veils: range(2, () => boxAt(0, OVER, 0, high, "rect.veil")),
      over: found.letters.map(({ from, to }, i) => textAt(x((from + to + 1) / 2), OVER - 7, read[i])) };
    const ticks = range(Math.ceil(T / every), (i) => textAt(x(i * every + 0.5), base + 13, i * every, "text.tick"));
    const picture = boxAt(0, OVER, W * scale, high, "image",
      { href: `data:image/png;base64,${evidence.image}`, preserveAspectRatio: "none" });
    const onclick = ({ clientX, currentTarget }) => {
      frames.focus({ preventScroll: true });
      see(Math.floor((clientX - currentTarget.getBoundingClientRect().left) / wide));
    };
    const axis = svg("line.axis", { x1: 0, x2: W * scale, y1: base, y2: base });
    const blank = svg("path.blank", { d: line(0) });
    stage.replaceChildren(svg("svg", { width: W * scale, height: base + TICKS, role: "img", onclick }, parts.title,
      picture, parts.veils, parts.over, axis, parts.bars, blank, parts.curve, ticks, parts.own, parts.seen));
    frames.style.width = `${W * scale}px`;
    drawn = { scale, wide, x, y, line, ...parts };
  }

  const outgrown = () => Math.abs((stage.clientWidth || 700) - width) > 1;

  function paint() {
    if (drawn === null || outgrown()) build();
    const { scale, wide, x, y, line, curve, bars, seen, own, veils, over, title } = drawn;
    const { letter, frame } = view.state;
    const [first, last] = evidence.columns[frame], [top, bottom] = evidence.rows;
    rove(buttons, buttons[letter]);
    buttons.forEach((node, i) => attr(node, { "aria-checked": String(i === letter) }));
    over.forEach((node, i) => attr(node, { class: i === letter ? "crnn-over crnn-on" : "crnn-over" }));
    bars.replaceChildren(...(found.posteriors[letter] ?? []).flatMap((p, t) => (p * CHART < 0.5 ? []
      : boxAt(x(t) + 0.5, y(p), Math.max(1, wide - 1), p * CHART, "rect", { "data-t": t }))));
    attr(curve, { d: letter < 0 ? "" : line(found.letters[letter].k) });
    const left = first * scale, wideSeen = (last + 1 - first) * scale, right = left + wideSeen;
    attr(seen, { x: left, y: OVER + top * scale, width: wideSeen, height: (bottom + 1 - top) * scale });
    attr(own, { x: x(frame) });
    attr(veils[0], { width: left });
    attr(veils[1], { x: right, width: Math.max(0, W * scale - right) });
    const words = sentence(evidence, found, letter, frame, names), others = rivals(found, frame);
    said.textContent = words;
    title.textContent = `The picture as the network got it, read as ${read.join("") || "nothing"}. ${words}`;
    frames.value = frame;
    attr(frames, { "aria-valuetext": `frame ${frame} says ${names[others[0].k]}` });
    caption.textContent = `most probable at frame ${frame}`;
    body.replaceChildren(...others.map(({ k, p }) => dataRow(names[k], [html("td", chance(Math.log(p))),
      html("td", html("span.bar-of", { style: `width: ${(110 * p).toFixed(1)}px` }))])));
  }

  return mount(view, host, root, outgrown);
}
