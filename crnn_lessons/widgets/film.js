// A training run as a film: posteriors, the text they give and the alignment of the target, frame by frame.
import { bestPath, collapse, extend } from "./ctc.js";
import { count, drawing, element, follow, number, shield, usable, visible } from "./dom.js";

const PER_NAT = 12; // a byte is a distance from ln 1, in twelfths of a nat
const MARGIN = 30; // pixels left of the first column, for the signs of the classes
const MARK = 18; // pixels for a row of letters
const BETWEEN = 26; // pixels between two pictures side by side, as in film.css
const WORDS = 420; // pixels at least for the words above a picture
const PACE = 220; // milliseconds a frame

const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

/** A film as the page uses it: scene n has T, height, image, target, losses and data[frame][t][k], all bytes. */
export function unpack(film, characters) {
  const C = characters.length + 1;
  return film.scenes.map((scene) => {
    const { T } = scene, all = bytes(scene.posteriors);
    const row = (f, t) => all.subarray((f * T + t) * C, (f * T + t + 1) * C);
    const data = film.steps.map((_, f) => Array.from({ length: T }, (_, t) => row(f, t)));
    const labels = [...scene.target].map((sign) => characters.indexOf(sign) + 1);
    return { ...scene, image: bytes(scene.image), data, labels };
  });
}

/** The class of each time step on the best path: the smallest byte, of equal ones the lowest class. */
export const argmax = (data) => data.map((row) => row.reduce((best, value, k) => (value < row[best] ? k : best), 0));

/** The class of each time step on the target's most probable alignment; null where there is none. */
export function alignment(data, labels) {
  // Whole numbers as scores: their sums are exact, so that ties are ties in every language.
  const path = bestPath(data.map((row) => Array.from(row, (value) => -value)), labels), rows = extend(labels);
  return path && path.map((row) => rows[row]);
}

/** The labels of a path with the time steps that they take: [{ k, from, to }], `to` not included. */
export function spans(path) {
  const found = [];
  path.forEach((k, t) => {
    if (k === path[t - 1] && found.length && found.at(-1).to === t) found.at(-1).to = t + 1;
    else if (k !== 0) found.push({ k, from: t, to: t + 1 });
  });
  return found;
}

/** Everything that is shown of one picture at one frame. */
export function moment(scene, frame, characters) {
  const path = argmax(scene.data[frame]), sign = (k) => characters[k - 1];
  const forced = alignment(scene.data[frame], scene.labels);
  return {
    text: collapse(path).map(sign).join(""), read: spans(path), forced: forced ? spans(forced) : [], path, alignment: forced,
    blanks: path.filter((k) => k === 0).length / path.length, loss: scene.losses[frame],
  };
}

/** Pixels: the width of a column, the height of a class's row. */
export const measure = (T, classes, room) => ({ wide: Math.max(3, Math.min(8, Math.floor((room - MARGIN) / T))), tall: classes > 16 ? 9 : 13 });

function render({ model, el: host }) {
  const film = model.get("film"), characters = model.get("characters"), last = film.steps.length - 1;
  const scenes = unpack(film, characters), signs = ["-", ...characters];
  const view = follow(model, ["frame"], paint);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = null, drawn = null, width = 0;

  const frame = () => Math.max(0, Math.min(model.get("frame"), last));
  const go = (to) => view.change({ frame: Math.max(0, Math.min(to, last)) });
  const halt = () => { clearInterval(timer); timer = null; };
  const button = (label, title, act) => element("button", { type: "button", title, "aria-label": title, onclick: act }, label);

  const play = element("button", { type: "button", class: "crnn-play", onclick: onPlay });
  const back = button("◀", "one frame back", () => { halt(); go(frame() - 1); });
  const on = button("▶", "one frame on", () => { halt(); go(frame() + 1); });
  const slider = element("input", { type: "range", min: 0, max: last, step: 1, class: "crnn-slider", "aria-label": "moment of training",
    oninput: () => { halt(); go(Number(slider.value)); } });
  const reset = element("button", { type: "button", onclick: () => { halt(); view.change({ ...model.get("start") }); } }, "reset");
  const said = element("div", { class: "crnn-said", role: "status", "aria-live": "polite" });
  const curve = element("div", { class: "crnn-curve" }), stage = element("div", { class: "crnn-scroll crnn-stage", tabindex: 0, role: "group", "aria-label": "pictures and posteriors" });
  const root = element("div", { class: "crnn-widget crnn-film", role: "group", "aria-label": "Film of a training run" },
    element("div", { class: "crnn-bar" }, play, back, on, slider, element("span", { class: "crnn-end" }, reset)), said, curve, stage,
    element("p", { class: "crnn-soft crnn-legend" }, "Letters above a picture: what the best path reads there. Blue, below it: the probability of each class at each column, darker or stronger is higher. Outlined boxes: the most probable alignment of the right text. Keys on the slider: arrows, Page Up and Down, Home, End."));
  shield(root);
  host.append(root);

  function onPlay() {
    if (timer !== null) { halt(); return paint(); }
    if (calm.matches) return go(frame() === last ? 0 : frame() + 1); // who wants no motion turns the frames by hand
    if (frame() === last) go(0);
    timer = setInterval(() => {
      if (!root.isConnected || frame() === last) halt();
      if (timer === null) paint(); else go(frame() + 1);
    }, PACE);
    paint();
  }

  /** The loss of each picture over the frames, on a logarithmic scale; a rule marks the frame that is shown. */
  function drawCurve(room) {
    const w = Math.min(room, 620), h = 56, all = scenes.flatMap((s) => s.losses).filter((loss) => Number.isFinite(loss) && loss > 0);
    const top = Math.log(Math.max(...all, 1e-3)), low = Math.min(Math.log(Math.min(...all, 1)), top - 1e-9);
    const x = (f) => 4 + (last ? (f / last) * (w - 8) : 0), y = (loss) => h - 4 - ((Math.max(low, Math.min(Math.log(loss), top)) - low) / (top - low)) * (h - 8);
    const lines = scenes.map((scene, n) => drawing("polyline", { class: `crnn-loss${n}`, points: scene.losses.map((loss, f) => `${x(f)},${y(loss)}`).join(" ") }));
    const rule = drawing("line", { class: "crnn-rule", y1: 2, y2: h - 2 });
    const root = drawing("svg", { width: w, height: h, class: "crnn-losses", "aria-hidden": "true",
      onclick: (event) => { halt(); slider.focus({ preventScroll: true }); go(Math.round(((event.clientX - root.getBoundingClientRect().left - 4) / (w - 8)) * last)); } }, ...lines, rule);
    const names = scenes.length > 1 ? `${scenes[0].target} full line, ${scenes[1].target} dashed` : scenes[0].target;
    curve.replaceChildren(element("p", { class: "crnn-soft crnn-legend" }, `loss −ln p, frame by frame, on a logarithmic scale from ${number(Math.exp(low))} to ${number(Math.exp(top))}: ${names}`), root);
    return (f) => { rule.setAttribute("x1", x(f)); rule.setAttribute("x2", x(f)); };
  }

  function drawScene(scene, room) {
    const { T } = scene, C = signs.length, { wide, tall } = measure(T, C, room), ratio = window.devicePixelRatio || 1;
    const high = Math.round(scene.height * wide), W = T * wide, y0 = MARK + high + 6, H = y0 + C * tall + MARK + 2;
    const canvas = element("canvas", { width: Math.round(W * ratio), height: Math.round((C * tall + y0) * ratio), style: `left: ${MARGIN}px; width: ${W}px; height: ${C * tall + y0}px`, "aria-hidden": "true" });
    const pen = canvas.getContext("2d");
    const marks = drawing("g"), label = drawing("title");
    const plane = drawing("svg", { width: W + MARGIN, height: H, role: "img" }, label,
      ...signs.map((sign, k) => drawing("text", { x: MARGIN - 8, y: y0 + k * tall + tall - 2.5, "text-anchor": "end", class: tall < 12 ? "crnn-tiny" : "crnn-class" }, visible(sign))), marks);
    const words = element("p", { class: "crnn-words" });
    const root = element("div", { class: "crnn-scene", style: `width: ${Math.max(W + MARGIN, Math.min(WORDS, room))}px` }, words, element("div", { class: "crnn-plane", style: `width: ${W + MARGIN}px; height: ${H}px` }, canvas, plane));

    function fill(now, f) {
      const style = getComputedStyle(host.querySelector(".crnn-widget")), ink = style.color, blue = style.getPropertyValue("--crnn-heat").trim() || "#0072b2";
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, W, H);
      pen.fillStyle = ink;
      const tallPixel = high / scene.height;
      for (let y = 0; y < scene.height; y++) for (let t = 0; t < T; t++) {
        const grey = scene.image[y * T + t];
        if (grey) { pen.globalAlpha = grey / 255; pen.fillRect(t * wide, MARK + y * tallPixel, wide, tallPixel); }
      }
      pen.fillStyle = blue;
      scene.data[f].forEach((row, t) => row.forEach((value, k) => {
        if (value > 60) return; // below p = 0.007 nothing is seen
        pen.globalAlpha = Math.exp(-value / PER_NAT);
        pen.fillRect(t * wide, y0 + k * tall, wide, tall - 1);
      }));
      pen.globalAlpha = 1;
      const middle = ({ from, to }) => MARGIN + ((from + to) / 2) * wide;
      marks.replaceChildren(
        ...now.read.map((run) => drawing("text", { x: middle(run), y: MARK - 5, "text-anchor": "middle", class: "crnn-read" }, visible(signs[run.k]))),
        ...now.forced.map(({ k, from, to }) => drawing("rect", { x: MARGIN + from * wide - 1, y: y0 + k * tall - 1, width: (to - from) * wide + 2, height: tall + 1, rx: 2, class: "crnn-forced" })),
        ...now.forced.map((run) => drawing("text", { x: middle(run), y: H - 4, "text-anchor": "middle", class: "crnn-right" }, visible(signs[run.k]))));
      words.replaceChildren("reads ", element("b", { class: "crnn-mono crnn-text" }, now.text || "(nothing)"), " for ", element("b", { class: "crnn-mono" }, scene.target),
        element("span", { class: "crnn-soft" }, ` · ${now.text === scene.target ? "right" : "wrong"} · loss −ln p = ${number(now.loss)} · ${Math.round(100 * now.blanks)} % of columns say blank`));
      label.textContent = `Posteriors of ${scene.target}, ${T} columns by ${C} classes. Best path reads ${now.text || "nothing"}. Alignment of the target: ${now.forced.map(({ k, from, to }) => `${signs[k]} at columns ${from} to ${to - 1}`).join(", ")}.`;
    }
    return { root, fill };
  }

  function build() {
    width = stage.clientWidth || 700;
    // Side by side, if the columns stay wide enough to be told apart, and the words have room.
    const half = (width - 12 - BETWEEN) / 2, both = scenes.length > 1 && half >= 300 && scenes.every(({ T }) => measure(T, signs.length, half).wide >= 6);
    const rule = drawCurve(width - 10), parts = scenes.map((scene) => drawScene(scene, both ? half : width - 12));
    stage.replaceChildren(...parts.map((part) => part.root));
    drawn = { rule, parts };
  }

  function paint() {
    if (drawn === null) build();
    const f = frame(), playing = timer !== null;
    slider.value = f;
    slider.setAttribute("aria-valuetext", `step ${film.steps[f]}`);
    play.textContent = playing ? "pause" : "play";
    said.setAttribute("aria-live", playing ? "off" : "polite"); // a film that runs is not read out frame by frame
    usable(back, f > 0);
    usable(on, f < last);
    said.replaceChildren(element("b", {}, `step ${count(film.steps[f])}`), element("span", { class: "crnn-soft" }, ` of ${count(film.steps[last])} · frame ${f + 1} of ${last + 1}`));
    drawn.rule(f);
    scenes.forEach((scene, n) => drawn.parts[n].fill(moment(scene, f, characters), f));
  }

  const resized = new ResizeObserver(() => { if (Math.abs((stage.clientWidth || 700) - width) > 1) { drawn = null; paint(); } });
  const scheme = matchMedia("(prefers-color-scheme: dark)"), repaint = () => paint();
  const themed = new MutationObserver(repaint); // JupyterLab changes its theme by an attribute of the body
  themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  scheme.addEventListener("change", repaint);
  paint();
  resized.observe(host);
  return () => { halt(); resized.disconnect(); themed.disconnect(); scheme.removeEventListener("change", repaint); view.stop(); };
}

export default { render };
