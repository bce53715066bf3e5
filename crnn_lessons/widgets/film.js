// A training run as a film: posteriors, the text they give and the alignment of the target, frame by frame.
import { bar, button, legend, live, resetButton, slider, stepper } from "./controls.js";
import { bestPath, collapse, extend } from "./ctc.js";
import { attr, boxAt, clamp, html, range, svg, textAt } from "./dom.js";
import { argmin, bytes, spans } from "./reading.js";
import { follow, mount, shell } from "./view.js";
import { count, number, visible } from "./words.js";

const PER_NAT = 12; // a byte is a distance from ln 1, in twelfths of a nat
const MARGIN = 30; // pixels left of the first column, for the signs of the classes
const MARK = 18; // pixels for a row of letters
const BETWEEN = 26; // pixels between two pictures side by side, as in film.css
const WORDS = 420; // pixels at least for the words above a picture
const PACE = 220; // milliseconds a frame
const LEGEND = "Letters above a picture: what the best path reads there. Blue, below it: the probability of each " +
  "class at each column, darker or stronger is higher. Outlined boxes: the most probable alignment of the right " +
  "text. Keys on the slider: arrows, Page Up and Down, Home, End.";

/** A film as the page uses it: scene n has T, height, image, target, losses and data[frame][t][k], all bytes. */
export function unpack(film, characters) {
  const C = characters.length + 1;
  return film.scenes.map((scene) => {
    const { T } = scene, all = bytes(scene.posteriors);
    const data = film.steps.map((_, f) => range(T, (t) => all.subarray((f * T + t) * C, (f * T + t + 1) * C)));
    const labels = [...scene.target].map((sign) => characters.indexOf(sign) + 1);
    const losses = scene.losses.map((loss) => loss ?? Infinity); // which JSON has not
    return { ...scene, image: bytes(scene.image), data, labels, losses };
  });
}

/** The class of each time step on the target's most probable alignment; null where there is none. */
export function alignment(data, labels) {
  // Whole numbers as scores: their sums are exact, so that ties are ties in every language.
  const path = bestPath(data.map((row) => Array.from(row, (value) => -value)), labels), rows = extend(labels);
  return path && path.map((row) => rows[row]);
}

/** Everything that is shown of one picture at one frame. */
export function moment(scene, frame, characters) {
  const path = argmin(scene.data[frame]), forced = alignment(scene.data[frame], scene.labels);
  return {
    text: collapse(path).map((k) => characters[k - 1]).join(""), read: spans(path), forced: spans(forced ?? []), path,
    alignment: forced, blanks: path.filter((k) => k === 0).length / path.length, loss: scene.losses[frame],
  };
}

/** Pixels: the width of a column, the height of a class's row. */
export const measure = (T, classes, room) =>
  ({ wide: Math.max(3, Math.min(8, Math.floor((room - MARGIN) / T))), tall: classes > 16 ? 9 : 13 });

function render({ model, el: host }) {
  const view = follow(model, paint), { film, characters } = view.state, { steps } = film, last = steps.length - 1;
  const scenes = unpack(film, characters), signs = ["-", ...characters];
  const calm = matchMedia("(prefers-reduced-motion: reduce)"), scheme = matchMedia("(prefers-color-scheme: dark)");
  let timer = null, drawn = null, width = 0;

  const go = (frame) => view.change({ frame: clamp(frame, last + 1) });
  const halt = () => { clearInterval(timer); timer = null; };
  const turn = (frame) => { halt(); go(frame); };

  const play = button("play", "", onPlay), said = live("div.said");
  play.classList.add("crnn-play");
  const walk = stepper((by) => turn(view.state.frame + by), ["one frame back", "one frame on"], true);
  const moments = slider({ min: 0, max: last, step: 1, "aria-label": "moment of training" }, turn, "input.slider");
  const curve = html("div.curve");
  const stage = html("div.scroll.stage", { tabindex: 0, role: "group", "aria-label": "pictures and posteriors" });
  const root = shell("film", "Film of a training run",
    bar(play, walk.back, walk.on, moments, resetButton(view, "", halt)), said, curve, stage, legend(LEGEND));

  function onPlay() {
    const { frame } = view.state;
    if (timer !== null) { halt(); return paint(); }
    if (calm.matches) return go(frame === last ? 0 : frame + 1); // who wants no motion turns the frames by hand
    if (frame === last) go(0);
    timer = setInterval(() => {
      if (!root.isConnected || view.state.frame === last) halt();
      if (timer === null) paint(); else go(view.state.frame + 1);
    }, PACE);
    return paint();
  }

  /** The loss of each picture over the frames, on a logarithmic scale; a rule marks the frame that is shown. */
  function drawCurve(room) {
    const w = Math.min(room, 620), h = 56, drawable = (loss) => loss > 0 && loss < Infinity;
    const all = scenes.flatMap(({ losses }) => losses.filter(drawable));
    const top = Math.log(Math.max(...all, 1e-3)), low = Math.min(Math.log(Math.min(...all, 1)), top - 1e-9);
    const x = (f) => 4 + (last ? (f / last) * (w - 8) : 0);
    const y = (loss) => h - 4 - ((Math.max(low, Math.min(Math.log(loss), top)) - low) / (top - low)) * (h - 8);
    const lines = scenes.map(({ losses }, n) =>
      svg(`polyline.loss${n}`, { points: losses.map((loss, f) => `${x(f)},${y(loss)}`).join(" ") }));
    const rule = svg("line.rule", { y1: 2, y2: h - 2 });
    const onclick = ({ clientX, currentTarget }) => {
      moments.focus({ preventScroll: true });
      turn(Math.round(((clientX - currentTarget.getBoundingClientRect().left - 4) / (w - 8)) * last));
    };
    const names = scenes.map((scene, n) => `${scene.target}${scenes.length > 1 ? [" full line", " dashed"][n] : ""}`);
    const scale = `on a logarithmic scale from ${number(Math.exp(low))} to ${number(Math.exp(top))}`;
    curve.replaceChildren(legend(`loss −ln p, frame by frame, ${scale}: ${names.join(", ")}`),
      svg("svg.losses", { width: w, height: h, "aria-hidden": "true", onclick }, lines, rule));
    return (f) => attr(rule, { x1: x(f), x2: x(f) });
  }

  function drawScene(scene, room) {
    const { T } = scene, C = signs.length, { wide, tall } = measure(T, C, room), ratio = window.devicePixelRatio || 1;
    const high = Math.round(scene.height * wide), W = T * wide, y0 = MARK + high + 6, H = y0 + C * tall + MARK + 2;
    const under = y0 + C * tall, marks = svg("g"), title = svg("title"), words = html("p.words");
    const canvas = html("canvas", { width: Math.round(W * ratio), height: Math.round(under * ratio),
      "aria-hidden": "true", style: `left: ${MARGIN}px; width: ${W}px; height: ${under}px` });
    const pen = canvas.getContext("2d"), small = tall < 12 ? "text.tiny" : "text.class";
    const plane = svg("svg", { width: W + MARGIN, height: H, role: "img" }, title, signs.map((sign, k) =>
      textAt(MARGIN - 8, y0 + (k + 1) * tall - 2.5, visible(sign), small, "end")), marks);
    const box = html("div.plane", { style: `width: ${W + MARGIN}px; height: ${H}px` }, canvas, plane);
    const root = html("div.scene", { style: `width: ${Math.max(W + MARGIN, Math.min(WORDS, room))}px` }, words, box);
    const middle = ({ from, to }) => MARGIN + ((from + to) / 2) * wide;

    function fill(now, f) {
      const pixel = (opacity, ...box) => { pen.globalAlpha = opacity; pen.fillRect(...box); };
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, W, under);
      pen.fillStyle = getComputedStyle(root).color;
      const one = high / scene.height;
      scene.image.forEach((grey, i) => {
        if (grey) pixel(grey / 255, (i % T) * wide, MARK + Math.floor(i / T) * one, wide, one);
      });
      pen.fillStyle = getComputedStyle(canvas).color; // the colour of heat, as film.css has it
      scene.data[f].forEach((row, t) => row.forEach((value, k) => {
        if (value <= 60) pixel(Math.exp(-value / PER_NAT), t * wide, y0 + k * tall, wide, tall - 1); // 60: p = 0.007
      }));
      marks.replaceChildren(...now.read.map((run) => textAt(middle(run), MARK - 5, visible(signs[run.k]), "text.read")),
        ...now.forced.map(({ k, from, to }) => boxAt(MARGIN + from * wide - 1, y0 + k * tall - 1,
          (to - from) * wide + 2, tall + 1, "rect.forced", { rx: 2 })),
        ...now.forced.map((run) => textAt(middle(run), H - 4, visible(signs[run.k]), "text.right")));
      const verdict = now.text === scene.target ? "right" : "wrong", blanks = `${Math.round(100 * now.blanks)} %`;
      const loss = ` · ${verdict} · loss −ln p = ${number(now.loss)} · ${blanks} of columns say blank`;
      words.replaceChildren("reads ", html("b.mono.text", now.text || "(nothing)"), " for ",
        html("b.mono", scene.target), html("span.soft", loss));
      const places = now.forced.map(({ k, from, to }) => `${signs[k]} at columns ${from} to ${to - 1}`).join(", ");
      title.textContent = `Posteriors of ${scene.target}, ${T} columns by ${C} classes. Best path reads ` +
        `${now.text || "nothing"}. Alignment of the target: ${places}.`;
    }
    return { root, fill };
  }

  function build() {
    width = stage.clientWidth || 700;
    // Side by side, if the columns stay wide enough to be told apart, and the words have room.
    const half = (width - 12 - BETWEEN) / 2, wideEnough = ({ T }) => measure(T, signs.length, half).wide >= 6;
    const room = scenes.length > 1 && half >= 300 && scenes.every(wideEnough) ? half : width - 12;
    drawn = { rule: drawCurve(width - 10), parts: scenes.map((scene) => drawScene(scene, room)) };
    stage.replaceChildren(...drawn.parts.map((part) => part.root));
  }

  const outgrown = () => Math.abs((stage.clientWidth || 700) - width) > 1;

  function paint() {
    if (drawn === null || outgrown()) build();
    const { frame } = view.state, playing = timer !== null;
    moments.value = frame;
    attr(moments, { "aria-valuetext": `step ${steps[frame]}` });
    play.textContent = playing ? "pause" : "play";
    attr(said, { "aria-live": playing ? "off" : "polite" }); // a film that runs is not read out frame by frame
    walk.fill(frame, last);
    said.replaceChildren(html("b", `step ${count(steps[frame])}`),
      html("span.soft", ` of ${count(steps[last])} · frame ${frame + 1} of ${last + 1}`));
    drawn.rule(frame);
    scenes.forEach((scene, n) => drawn.parts[n].fill(moment(scene, frame, characters), frame));
  }

  const unmount = mount(view, host, root, outgrown);
  const repaint = () => paint();
  const themed = new MutationObserver(repaint); // JupyterLab changes its theme by an attribute of the body
  themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  scheme.addEventListener("change", repaint);
  return () => { halt(); themed.disconnect(); scheme.removeEventListener("change", repaint); unmount(); };
}
