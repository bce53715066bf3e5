// Prefix beam search, frame by frame, as crnn_lessons.ctc.beam has it; in plain probabilities, for at most 100 frames.
import { BLANK } from "./ctc.js";

/** A prefix: its labels, the probabilities of its paths that end in the blank and in its last label, and their sum. */
const prefix = (labels, byBlank = 0, byLabel = 0) => ({ labels, byBlank, byLabel, total: byBlank + byLabel });
export const keyOf = (labels) => labels.join(" ");
const parent = (labels) => keyOf(labels.slice(0, -1));

/** All prefixes after one more frame, those of the beam first. */
function grow(beam, row) {
  const grown = new Map(beam.map(({ labels }) => [keyOf(labels), prefix(labels)]));
  function add(labels, byBlank, byLabel) {
    const old = grown.get(keyOf(labels)) ?? prefix(labels);
    grown.set(keyOf(labels), prefix(labels, old.byBlank + byBlank, old.byLabel + byLabel));
  }
  for (const { labels, byBlank, byLabel, total } of beam) {
    const last = labels.at(-1);
    add(labels, total * row[BLANK], last === undefined ? 0 : byLabel * row[last]);
    row.forEach((p, k) => { if (k !== BLANK) add([...labels, k], 0, (k === last ? byBlank : total) * p); });
  }
  return [...grown.values()].filter(({ total }) => total > 0);
}

/** The beam before the first frame and after each: [{ beam, dropped }], both with the best first. */
export function search(probs, width) {
  const moments = [{ beam: [prefix([], 1)], dropped: [] }];
  for (const row of probs) {
    const ranked = grow(moments.at(-1).beam, row).sort((a, b) => b.total - a.total); // of equals, the first stays first
    moments.push({ beam: ranked.slice(0, width), dropped: ranked.slice(width) });
  }
  return moments;
}

/** The ways to a prefix in a frame, those that bring something: { kind, from, label, share, p, brings }. */
export function ways(before, labels, row) {
  const find = (name) => before.find((other) => keyOf(other.labels) === name);
  const own = find(keyOf(labels)), above = labels.length ? find(parent(labels)) : undefined, last = labels.at(-1);
  const double = above?.labels.at(-1) === last;
  return [
    own && { kind: "blank", from: labels, label: BLANK, share: own.total },
    own && { kind: "hold", from: labels, label: last, share: own.byLabel },
    above && { kind: double ? "again" : "write", from: above.labels, label: last,
      share: double ? above.byBlank : above.total },
  ].filter((way) => way?.share > 0).map((way) => ({ ...way, p: row[way.label], brings: way.share * row[way.label] }));
}

const MOST_FALLEN = 4; // of the new prefixes that do not make it into the beam, so many are drawn

/** The tree to draw at a moment: its nodes in order, each with what became of it, its depth and its line. */
export function treeAt(moments, t) {
  const { beam, dropped } = moments[t], nodes = new Map();
  const was = new Set((moments[t - 1]?.beam ?? []).map(({ labels }) => keyOf(labels)));
  const fresh = dropped.filter(({ labels }) => !was.has(keyOf(labels))).slice(0, MOST_FALLEN);
  const fallen = [...dropped.filter(({ labels }) => was.has(keyOf(labels))), ...fresh];
  const put = (fate) => (one) => nodes.set(keyOf(one.labels), { ...one, fate });
  beam.forEach(put("kept"));
  fallen.forEach(put("fallen"));
  for (const { labels } of [...nodes.values()]) {
    for (let n = labels.length - 1; n >= 0; n--) {
      if (!nodes.has(keyOf(labels.slice(0, n)))) put("passed")(prefix(labels.slice(0, n)));
    }
  }
  const order = [], below = (labels) => [...nodes.values()].filter((node) =>
    node.labels.length === labels.length + 1 && parent(node.labels) === keyOf(labels));
  let line = 0;
  (function visit(node) { // a node stands on the line of its first child
    order.push(node);
    node.line = line;
    const children = below(node.labels).sort((a, b) => a.labels.at(-1) - b.labels.at(-1));
    children.forEach((child, i) => { if (i > 0) line += 1; visit(child); });
  })(nodes.get(""));
  return order;
}
