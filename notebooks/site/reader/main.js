// The page: what comes in is read at once, and everything that shows the reading follows.
import { html, svg, boxAt } from "./dom.js";
import { heatView, paintGrey } from "./heat.js";
import { frameOf, listenForPictures, makeCamera, pixelsOf } from "./intake.js";
import { startNetwork } from "./network.js";
import { makePad } from "./pad.js";
import { start } from "./page.js";
import { toGrey } from "./pixels.js";
import { bestReading, doubted } from "./search.js";
import { most, least } from "./spaces.js";
import { weighed } from "./weigh.js";
import { number, plural } from "./words.js";

const one = (selector) => document.querySelector(selector);
const [text, sure, note, choice] = [one("#text"), one("#sure"), one("#note"), one("#words")], english = one("#english");
const heat = heatView();
one("#heat").append(heat.root);

let network = null, waiting = null, latest = null, busy = false, reads = 0;

/** Say what is wrong, in one sentence; nothing takes it away. */
const refuse = (sentence) => { note.textContent = sentence; };

/** Read pixels, { data, width, height }; while one picture is read, only the latest of those that came waits. */
async function read(pixels) {
  waiting = latest = pixels;
  if (busy || !network) return;
  busy = true;
  while (waiting) {
    const now = waiting;
    waiting = null;
    try {
      await readNow(now);
    } catch (error) {
      refuse(error.message);
      console.error(error);
    }
    document.documentElement.dataset.reads = ++reads;
  }
  busy = false;
}

async function readNow(pixels) {
  const began = performance.now(), { width, height } = pixels;
  const small = `The picture is ${width} x ${height} pixels, too small to hold a word; give at least 4 x 6.`;
  if (width < 4 || height < 6) return refuse(small);
  const grey = toGrey(pixels), flat = "The picture is one flat colour, so there is nothing to read.";
  if (most(grey.data) === least(grey.data)) return refuse(flat);
  const words = await bestReading(network.see, grey);
  for (const [i, word] of words.entries()) words[i] = doubted(english.checked ? await weighed(network, word) : word);
  refuse("");
  const joined = words.map((word) => word.text).join(" ");
  const confidence = words.reduce((product, word) => product * word.confidence, 1);
  text.textContent = joined || "(nothing)";
  text.classList.toggle("empty", !joined);
  sure.textContent = `confidence ${number(confidence)}`;
  const unknown = joined && words.reduce((product, word) => product * word.legible, 1) < 0.5;
  one("#doubt").textContent = unknown ? "– maybe no letters that it knows" : "";
  showPicture(grey, words);
  showChoice(words);
  one("#time").textContent = `${Math.round(performance.now() - began)} ms`;
}

/** The picture with a box around each word. */
function showPicture(grey, words) {
  const says = `the picture, with ${plural(words.length, "box around a word", "boxes around words")}`;
  const canvas = html("canvas", { role: "img", "aria-label": says }), { width, height } = grey;
  paintGrey(canvas, grey);
  const boxes = words.map(({ box: [left, top, right, bottom] }) => boxAt(left, top, right - left, bottom - top));
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, boxes);
  one("#picture").replaceChildren(canvas, drawing);
}

/** A choice of the word whose numbers are shown, where there are several. */
function showChoice(words) {
  const nodes = words.map((word, i) => html("label", html("input", { type: "radio", name: "word", checked: i === 0,
    onchange: () => showWord(word) }), `${word.text || "(nothing)"} ${number(word.confidence)}`));
  choice.replaceChildren(...(words.length > 1 ? [html("legend", "the numbers of"), ...nodes] : []));
  choice.hidden = words.length < 2;
  showWord(words[0]);
}

function showWord(word) {
  const { characters } = network, probs = word.view.logProbs.map((row) => row.map(Math.exp));
  const state = { probs, target: word.text, characters, t: 0, s: 0, mode: "posterior" };
  heat.fill(word.view, characters);
  const host = html("div", { "data-crnn": "lattice", "data-state": JSON.stringify(state) });
  host.classList.add("crnn-host");
  one("#lattice").replaceChildren(host);
  start("lattice", render); // of lattice.js, which the page holds before this
}

async function take(file, name) {
  try {
    await read(await pixelsOf(file, name));
  } catch (error) {
    refuse(error.message);
  }
}

const say = (words) => { one("#pen").textContent = words; };
const pad = makePad(one("#pad"), say, () => { if (!pad.blank()) read(pad.pixels()); });
one("#undo").addEventListener("click", () => pad.undo());
one("#clear").addEventListener("click", () => { pad.clear(); one("#typed").value = ""; });
const typing = () => pad.type(one("#typed").value, one("#font").value);
one("#typed").addEventListener("input", (event) => { if (!event.isComposing) typing(); });
one("#font").addEventListener("change", typing);

english.addEventListener("change", () => { if (latest) read(latest); });
one("#file").addEventListener("change", ({ target }) => {
  if (target.files[0]) take(target.files[0], target.files[0].name);
  target.value = ""; // so that the same file can be chosen again
});
listenForPictures(one("#in"), take, refuse);
for (const button of document.querySelectorAll("#examples button")) {
  button.addEventListener("click", () => {
    const image = button.querySelector("img");
    read(frameOf(image, image.naturalWidth, image.naturalHeight));
  });
}

const video = one("#video"), camera = makeCamera(video), open = one("#camera"), shoot = one("#shoot");
if (!camera.allowed) {
  open.hidden = true;
  one("#no-camera").hidden = false;
}
function showCamera(on) {
  one("#view").hidden = shoot.hidden = !on;
  open.textContent = on ? "Close the camera" : "Camera";
}
open.addEventListener("click", async () => {
  if (video.srcObject) {
    camera.stop();
    return showCamera(false);
  }
  try {
    await camera.start();
    showCamera(true);
    shoot.focus();
  } catch (error) {
    refuse(error.message);
  }
});
shoot.addEventListener("click", () => read(camera.take()));

try {
  network = await startNetwork();
  one("#state").textContent = "";
  if (waiting) read(waiting);
  else one("#examples button").click();
} catch (error) {
  one("#state").textContent = "";
  refuse(`The reader could not start in this browser (${error.message}).`);
  console.error(error);
}
