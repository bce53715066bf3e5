// Ways in for pictures: a file, a drop, a paste, a camera. Each ends in pixels, or in one sentence that says why not.
import { count } from "./words.js";

const MOST_PIXELS = 40_000_000;

/** The pixels of a file, upright, without any correction of colours: as Pillow opens it. */
export async function pixelsOf(blob, name = "this") {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error(`${name} is no picture that this browser can open; give a PNG, JPEG, WebP or GIF.`);
  }
  const { width, height } = bitmap, many = `has more than ${count(MOST_PIXELS)} pixels; crop or shrink it first.`;
  if (width * height > MOST_PIXELS) throw new Error(`${name} ${many}`);
  return frameOf(bitmap, width, height);
}

/** A part of what can be painted, as pixels; all of it unless a place is given. */
export function frameOf(source, width, height, left = 0, top = 0) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, left, top, width, height, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

function pictureIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find(({ type }) => type.startsWith("image/")) ?? files[0];
}

/** Take pictures that are dropped on the page or pasted into it; `took(file, name)` and `refused(sentence)`. */
export function listenForPictures(zone, took, refused) {
  const mark = (on) => zone.classList.toggle("over", on);
  addEventListener("dragover", (event) => { event.preventDefault(); mark(true); });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(false); });
  addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    const file = pictureIn(event.dataTransfer);
    if (file) took(file, file.name);
    else refused("What was dropped is no file; save the picture first, and drop the file.");
  });
  addEventListener("paste", (event) => {
    const file = pictureIn(event.clipboardData);
    if (file) took(file, "What was pasted");
    else if (!event.target.matches?.("input")) refused("What was pasted is no picture; copy one, and paste it here.");
  });
}

/** The camera in a video element: { start, stop, take }; `take` gives the pixels within the frame that is shown. */
export function makeCamera(video) {
  let stream = null;
  const stop = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = video.srcObject = null;
  };
  async function start() {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
    } catch (error) {
      throw new Error(error.name === "NotAllowedError" ? "The camera was not allowed." : "No camera was found.");
    }
    video.srcObject = stream;
    await video.play();
  }
  function take() {
    const [w, h] = [video.videoWidth, video.videoHeight], wide = Math.round(0.8 * w), tall = Math.round(0.3 * h);
    return frameOf(video, wide, tall, (w - wide) >> 1, (h - tall) >> 1);
  }
  return { start, stop, take, allowed: Boolean(navigator.mediaDevices?.getUserMedia) };
}
