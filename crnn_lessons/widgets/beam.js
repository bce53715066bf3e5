// Prefix beam search, watched: the tree of prefixes grows frame by frame, and what falls out of the beam fades.
import { drawTree, markNode, textOf } from "./beam_scene.js";
import { keyOf, search, treeAt, ways } from "./beam_search.js";
import { bar, legend, live, liveAll, namedSlider, noteLine, resetButton, stepper } from "./controls.js";
import { collapse, forwardBackward } from "./ctc.js";
import { clamp, html } from "./dom.js";
import { pressed } from "./keys.js";
import { LABEL, probabilityTable } from "./lattice_table.js";
import { focused, follow, mount, shell } from "./view.js";
import { fromLog, number } from "./words.js";

const START = "Before the first frame there is one path, without a step: it has written nothing, and its p is 1.";
const WAYS = { // what some paths of a prefix do in a frame
  blank: (from) => `all paths of ${from} take the blank`,
  hold: (from, sign) => `paths of ${from} that end in ${sign} hold it`,
  again: (from, sign) => `paths of ${from} that end in the blank write ${sign}`,
  write: (from, sign) => `all paths of ${from} write ${sign}`,
};
const LEGEND = "The bar of a prefix: paths that end in the blank (outlined) and in its last label (filled), against " +
  "the best prefix. Dashed: dropped in this frame. Below: the probabilities; click one and type, or press + or −.";

function render({ model, el: host }) {
  const view = follow(model, paint), { characters } = view.state;
  const names = [characters.includes("-") ? "∅" : "-", ...characters];
  let moments, nodes, scene, chosen = null;
  const known = {}; // what has been computed and drawn

  const walk = stepper((by) => goTo(view.state.t + by), ["one frame back", "one frame on"], true);
  const width = namedSlider("width of the beam", { min: 1, max: 20 }, (value) => view.change({ width: value }));
  const totals = live("p.totals"), note = noteLine(), tree = html("div.scroll");
  const table = probabilityTable({ view, note, names, keeps: (t, k, p) => `p(${t}, ${names[k]}) stays ${number(p)}` });
  const matrix = html("div.scroll", table.root);
  const first = html("p.mono.line"), second = html("p.mono");
  const reset = resetButton(view, "Back to the first probabilities and width", () => { note.textContent = ""; });
  const root = shell("beam", "Prefix beam search", bar(walk.back, walk.where, walk.on, width.root, reset), totals, tree,
    liveAll(first, second), note, matrix, legend(LEGEND));

  const T = () => view.state.probs.length;
  const cell = () => clamp(Math.floor(((matrix.clientWidth || 700) - LABEL - 8) / T()) - 24, 53) + 24;
  const goTo = (t) => view.change({ t: clamp(t, T() + 1) });

  const listeners = {
    onclick: (event) => pick(event.target.closest(".crnn-node")?.dataset.key),
    onkeydown: (event) => {
      const at = nodes.findIndex(({ labels }) => keyOf(labels) === chosen), { t } = view.state;
      const act = pressed(event, { ArrowLeft: () => goTo(t - 1), ArrowRight: () => goTo(t + 1), Home: () => goTo(0),
        End: () => goTo(T()), ArrowUp: () => pick(keyOf(nodes[clamp(at - 1, nodes.length)].labels)),
        ArrowDown: () => pick(keyOf(nodes[clamp(at + 1, nodes.length)].labels)) });
      act?.();
    },
  };

  function pick(name) {
    if (name === undefined) return;
    chosen = name;
    explain();
    scene.groups.get(name).focus();
  }

  /** The chosen prefix, and where its probability comes from. */
  function explain() {
    const { t, probs } = view.state, { beam } = moments[t], name = (labels) => textOf(labels, names);
    const node = nodes.find(({ labels }) => keyOf(labels) === chosen), passed = node.fate === "passed";
    const met = t > 0 && !passed ? ways(moments[t - 1].beam, node.labels, probs[t - 1]) : [];
    const rank = beam.findIndex(({ labels }) => keyOf(labels) === chosen) + 1;
    const { byBlank, byLabel, total, labels } = node, fate = rank ? `rank ${rank} of ${beam.length}` : "dropped";
    markNode(scene.groups, chosen);
    table.mark(met.map(({ label }) => [t - 1, label]));
    first.textContent = t === 0 ? START : passed
      ? `${name(labels)} is not in the beam: only longer prefixes are left of it.`
      : `${name(labels)} after frame ${t - 1}: ${number(byBlank)} in the blank + ${number(byLabel)} in the label = ` +
        `${number(total)}; ${fate}.`;
    second.replaceChildren(...met.map(({ kind, from, label, share, p, brings }) => html("span.way",
      `${WAYS[kind](name(from), names[label])}: ${number(share)} · p(${t - 1}, ${names[label]}) = ` +
      `${number(share)} · ${number(p)} = ${number(brings)}`)));
  }

  function paint() {
    const { probs, width: wide, t } = view.state, given = JSON.stringify([probs, wide]);
    if (given !== known.given) moments = search(probs, wide);
    const written = moments.flatMap(({ beam }) => beam.flatMap(({ labels }) => labels));
    const held = scene && scene.root.contains(focused(root));
    Object.assign(known, { given, cell: cell() });
    table.fill([0, ...written], known.cell);
    nodes = treeAt(moments, t);
    scene = drawTree(nodes, names, t, listeners);
    tree.replaceChildren(scene.root);
    if (!scene.groups.has(chosen)) chosen = keyOf(moments[t].beam[0].labels);
    walk.fill(t, T());
    walk.where.textContent = t ? `after frame ${t - 1} of 0 to ${T() - 1}` : "before the first frame";
    Object.assign(width.input, { value: wide });
    width.value.textContent = wide;
    const [best] = moments[t].beam, [last] = moments.at(-1).beam, said = (labels) => html("b", textOf(labels, names));
    const { logLikelihood } = forwardBackward(probs.map((row) => row.map(Math.log)), last.labels);
    const path = collapse(probs.map((row) => row.indexOf(Math.max(...row))));
    totals.replaceChildren(html("span", "best prefix ", said(best.labels), ` ${number(best.total)}`),
      html("span.end-text", "at the end ", said(last.labels), ` ${number(last.total)}; with all its paths `,
        html("b.p", fromLog(logLikelihood))),
      html("span.soft", "best path ", said(path)));
    explain();
    if (held) scene.groups.get(chosen).focus({ preventScroll: true });
  }

  return mount(view, host, root, () => cell() !== known.cell);
}
