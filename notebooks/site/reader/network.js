// The recogniser: onnxruntime over the exported file, both carried in this page as text.
import { collapse, forwardBackward } from "./ctc.js";
import { range } from "./dom.js";
import { fitTo, roundEven } from "./pixels.js";
import { grouped } from "./spaces.js";
import { openVocabulary } from "./vocabulary.js";

/** The bytes that an element of the page carries. */
async function carried(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Start the engine. Returns `see`, as `bestReading` takes it, the characters that it writes, and the vocabulary. */
export async function startNetwork() {
  const { ort } = globalThis, known = JSON.parse(document.getElementById("known").textContent);
  ort.env.wasm.numThreads = 1; // more would take headers that a file has not
  ort.env.wasm.wasmBinary = await carried("engine");
  const vocabulary = openVocabulary(await carried("keys"), known.words);
  const session = await ort.InferenceSession.create(await carried("weights"), { executionProviders: ["wasm"] });

  /** Of pictures of one size: log-probabilities [t][k], and how probable it is that the letters can be written. */
  async function look(pictures) {
    const [{ width, height }] = pictures, n = pictures.length, images = new Float32Array(n * width * height);
    for (const [i, { data }] of pictures.entries()) images.set([...data].map((v) => v / 255), i * data.length);
    const feed = { images: new ort.Tensor("float32", images, [n, 1, height, width]) };
    const { log_probs: { data, dims: [T, , C] }, legible } = await session.run(feed); // T n C, n
    const row = (t, i) => Array.from(data.subarray((t * n + i) * C, (t * n + i + 1) * C));
    return range(n, (i) => ({ logProbs: range(T, (t) => row(t, i)), legible: legible.data[i] }));
  }

  async function see(given) {
    const pictures = given.map((grey) => fitTo(grey, ...sizeFor(known, grey.height, grey.width)));
    const seen = [], sizeOf = (i) => `${pictures[i].height} ${pictures[i].width}`;
    for (const members of grouped(pictures.keys(), sizeOf)) {
      const found = await look(members.map((i) => pictures[i]));
      for (const [j, i] of members.entries()) {
        const { logProbs, legible } = found[j];
        seen[i] = { picture: pictures[i], legible, ...bestText(logProbs, known) };
      }
    }
    return seen;
  }

  await look([{ width: 144, height: 32, data: new Uint8Array(144 * 32) }]); // the first run takes longer
  return { see, characters: known.alphabet, vocabulary };
}

/** The size at which a picture is read: height and width of the shape that is like it; what is longer stays longer. */
function sizeFor({ shapes, widest }, height, width) {
  const off = ([h, w]) => Math.abs(Math.log((w * height) / (h * width)));
  const shape = shapes.reduce((a, b) => (off(b) < off(a) ? b : a));
  const longest = shapes.reduce((a, b) => (b[1] / b[0] > a[1] / a[0] ? b : a)), [rows, columns] = shape;
  if (shape !== longest) return shape;
  return [rows, Math.min(Math.max(columns, roundEven((width * rows) / height)), widest * columns)];
}

/** With log-probabilities, the text of their best path and the logarithm of its probability, over all alignments. */
function bestText(logProbs, { alphabet }) {
  const labels = collapse(logProbs.map((row) => row.indexOf(Math.max(...row))));
  const text = labels.map((k) => alphabet[k - 1]).join("");
  return { logProbs, text, logConfidence: forwardBackward(logProbs, labels).logLikelihood };
}
