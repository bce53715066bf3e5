// A pad to write a word on: with a pen, a finger or the mouse; with arrow keys; or by typing it.
import { clamp } from "./dom.js";
import { pressed } from "./keys.js";

const [WIDTH, HEIGHT, PEN, STEP] = [600, 180, 9, 8]; // pixels

/** Makes a canvas a pad; `changed()` is called whenever a stroke ends. Returns { pixels, blank, clear, undo, type }. */
export function makePad(canvas, say, changed) {
  Object.assign(canvas, { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let strokes = [], typed = null, pen = [40, HEIGHT / 2], down = false, drawing = false;

  function paint() {
    Object.assign(context, { strokeStyle: "#111", lineWidth: PEN, lineCap: "round", lineJoin: "round" });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    if (typed) writeTyped();
    for (const stroke of strokes) {
      context.beginPath();
      for (const [x, y] of [stroke[0], ...stroke]) context.lineTo(x, y); // the first twice: a dot is a stroke, too
      context.stroke();
    }
  }

  function writeTyped() {
    context.fillStyle = "#111";
    context.textBaseline = "middle";
    for (let size = 92; size > 10; size -= 4) {
      context.font = `${size}px ${typed.font}`;
      if (context.measureText(typed.text).width < WIDTH - 60) break;
    }
    context.fillText(typed.text, 30, HEIGHT / 2);
  }

  const at = (event) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return [((event.clientX - left) * WIDTH) / width, ((event.clientY - top) * HEIGHT) / height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    drawing = true;
    strokes.push([at(event)]);
    paint();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    strokes.at(-1).push(...(event.getCoalescedEvents?.().map(at) ?? []), at(event));
    paint();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (drawing) changed();
      drawing = false;
    });
  }

  canvas.addEventListener("keydown", (event) => {
    const by = event.shiftKey ? 3 * STEP : STEP;
    const move = pressed(event, { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] });
    if (move) {
      pen = [clamp(pen[0] + move[0], WIDTH), clamp(pen[1] + move[1], HEIGHT)];
      if (down) strokes.at(-1).push(pen);
      paint();
      if (!down) paintPen();
    }
    if (pressed(event, { " ": true })) {
      down = !down;
      if (down) strokes.push([pen]);
      paint();
      say(`The pen is ${down ? "down: arrows draw" : "up: arrows move it"}; it is at ${pen[0]}, ${pen[1]}.`);
      if (!down) changed();
    }
    if (pressed(event, { Delete: true, Backspace: true })) undo();
  });

  function paintPen() {
    context.strokeStyle = "#d55e00";
    context.lineWidth = 2;
    context.strokeRect(pen[0] - 5, pen[1] - 5, 10, 10);
  }
  canvas.addEventListener("blur", paint);

  function undo() {
    if (strokes.length) strokes.pop();
    else typed = null;
    [down, drawing] = [false, false];
    paint();
    changed();
  }

  function clear() {
    [strokes, typed, down, drawing] = [[], null, false, false];
    paint();
  }

  function type(text, font) {
    clear();
    typed = text ? { text, font } : null;
    paint();
    changed();
  }

  paint();
  function pixels() {
    paint(); // without the mark of the pen
    return context.getImageData(0, 0, WIDTH, HEIGHT);
  }
  return { pixels, blank: () => !typed && !strokes.length, clear, undo, type };
}
