// A view and its state: what both sides change, where it is drawn, and how it keeps the keyboard.
import { html } from "./dom.js";
import { modified } from "./keys.js";

/**
 * Join a view to its model: `paint` runs at once after the view's own changes, and once after a burst of changes from
 * Python. `view.state` is the present state, with what is given for good; `view.change(values)` changes some of it.
 */
export function follow(model, paint) {
  let own = false, waiting = false;
  const hear = () => {
    if (own || waiting) return;
    waiting = true;
    queueMicrotask(() => { waiting = false; paint(); });
  };
  model.on("change:state", hear);
  return {
    get state() { return { ...model.get("given"), ...model.get("state") }; },
    change(values) {
      own = true;
      model.set("state", { ...model.get("state"), ...values });
      own = false;
      model.save_changes();
      paint();
    },
    paint,
    stop: () => model.off("change:state", hear),
  };
}

/** The outermost element of a widget. */
export const shell = (kind, label, ...children) =>
  html(`div.widget.${kind}`, { role: "group", "aria-label": label }, children);

/** Show a widget on its host, and draw it again where `outgrown()` says that its width asks for it. Returns its end. */
export function mount(view, host, root, outgrown = () => false) {
  shield(root);
  host.append(root);
  view.paint();
  const resized = new ResizeObserver(() => { if (outgrown()) view.paint(); });
  resized.observe(root);
  return () => { resized.disconnect(); view.stop(); };
}

/** The element that has the keyboard. */
export const focused = (root) => root.getRootNode().activeElement;

const CONTROL = '[tabindex="0"]:not(input[type="text"]), input[type="range"]:enabled';
const UNHELD = 'input[type="text"], input[type="number"], [disabled]';

/** Keep plain keys from the notebook's own shortcuts, where D D would delete the learner's cell. */
function shield(root) {
  root.addEventListener("keydown", (event) => {
    const runsCell = event.key === "Enter" && event.shiftKey;
    if (!modified(event) && event.key !== "Escape" && !runsCell) event.stopPropagation();
  });
  // A press on what takes no focus would give it to the notebook's cell, and the next keys too. The root takes it and
  // hands it on: to the control that had it, or to the first that keys can move. No text field gets it unasked.
  root.tabIndex = -1;
  root.addEventListener("focus", ({ relatedTarget: before }) => {
    const held = before !== root && root.contains(before) && !before.matches(UNHELD);
    (held ? before : root.querySelector(CONTROL))?.focus({ preventScroll: true });
  });
}
