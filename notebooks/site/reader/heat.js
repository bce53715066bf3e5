// The posteriors of a reading: the picture as the network saw it, and under each frame the probability of each letter.
import { boxAt, clamp, html, range, svg, textAt } from "./dom.js";
import { number, visible } from "./words.js";

const MARGIN = 26; // pixels left of the first frame, for the signs
const ROW = 17; // pixels of a row
const SHOWN = 0.02; // the least probability for which a letter gets a row

/** The classes worth a row, the blank first, then in the order in which they come up. */
function rowsOf(logProbs) {
  const peaks = range(logProbs[0].length, (k) => {
    const t = logProbs.reduce((best, row, u) => (row[k] > logProbs[best][k] ? u : best), 0);
    return { k, t, p: Math.exp(logProbs[t][k]) };
  });
  const letters = peaks.filter(({ k, p }) => k && p >= SHOWN).sort((a, b) => a.t - b.t || b.p - a.p);
  return [0, ...letters.map(({ k }) => k)];
}

/** A view of posteriors: { root, fill(reading, characters) }. */
export function heatView() {
  const picture = html("canvas", { role: "img" }), scroll = html("div.scroll", { tabindex: 0, role: "group",
    "aria-label": "Posteriors, which can be scrolled" });
  const frame = html("input", { type: "range", min: 0, value: 0, "aria-label": "frame", oninput: tell });
  const said = html("p.mono", { role: "status", "aria-live": "polite" });
  const root = html("div", scroll, html("label.frame", html("span", "frame"), frame), said);
  let shown = null;

  function fill({ logProbs, picture: seen, text }, characters) {
    const T = logProbs.length, signs = ["-", ...characters], rows = rowsOf(logProbs);
    const room = (root.clientWidth || 700) - MARGIN - 8, width = T * Math.max(6, clamp(Math.floor(room / T), 25));
    paintGrey(picture, seen);
    const tall = Math.min(110, Math.round((width * seen.height) / seen.width));
    picture.style = `width: ${width}px; height: ${tall}px; margin-left: ${MARGIN}px`;
    picture.setAttribute("aria-label", "the picture as the network gets it, its columns over the frames");
    const cells = rows.flatMap((k, y) => [
      textAt(MARGIN - 8, y * ROW + ROW - 4, k ? visible(signs[k]) : "-", "text", "end"),
      ...range(T, (t) => [t, Math.exp(logProbs[t][k])]).filter(([, p]) => p >= 0.005).map(([t, p]) =>
        boxAt(MARGIN + (t * width) / T, y * ROW, width / T, ROW - 1, "rect.heat", { "fill-opacity": p.toFixed(3) })),
    ]);
    const lines = rows.map((_, y) => boxAt(MARGIN, y * ROW + ROW - 1, width, 1, "rect.rule"));
    const mark = boxAt(MARGIN, 0, width / T, rows.length * ROW, "rect.mark");
    const pointed = ({ offsetX }) => {
      frame.value = clamp(Math.floor(((offsetX - MARGIN) * T) / width), T);
      tell();
    };
    const says = `probability of ${rows.length} classes at each of ${T} frames; best path: ${text || "nothing"}`;
    scroll.replaceChildren(picture, svg("svg", { width: MARGIN + width + 2, height: rows.length * ROW + 2, role: "img",
      "aria-label": says, onclick: pointed, onpointermove: pointed }, lines, cells, mark));
    shown = { logProbs, signs, mark, width };
    frame.max = T - 1;
    frame.value = logProbs.reduce((best, row, t) => (row[0] < logProbs[best][0] ? t : best), 0);
    tell();
  }

  function tell() {
    if (!shown) return;
    const t = Number(frame.value), { logProbs, signs, mark, width } = shown, row = logProbs[t];
    mark.setAttribute("x", MARGIN + (t * width) / logProbs.length);
    const best = range(row.length, (k) => k).sort((a, b) => row[b] - row[a]).slice(0, 3);
    const words = best.map((k) => `${k ? visible(signs[k]) : "blank"} ${number(Math.exp(row[k]))}`);
    said.textContent = `frame ${t} of 0 to ${logProbs.length - 1}: ${words.join(", ")}`;
  }

  return { root, fill };
}

/** Paints a grey picture on a canvas, at its own size. */
export function paintGrey(canvas, { data, width, height }) {
  canvas.width = width;
  canvas.height = height;
  const pixels = new ImageData(width, height);
  for (let i = 0, j = 0; i < data.length; i++, j += 4) {
    pixels.data[j] = pixels.data[j + 1] = pixels.data[j + 2] = data[i];
    pixels.data[j + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}
