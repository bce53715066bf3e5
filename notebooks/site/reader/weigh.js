// A word that reads unsurely is seen again, leaning, and its texts are weighed with what is known of words, as
// crnn_lessons.reader does. The search is that of beam_search.js, for what it ends with alone, and faster.
import { BLANK, extend } from "./ctc.js";
import { lean } from "./pixels.js";
import { most } from "./spaces.js";

/** A prefix in a tree: the probabilities of its paths by their ends, now and after the next frame. */
const leaf = (above, label) =>
  ({ above, label, longer: [], byBlank: 0, byLabel: 0, toBlank: 0, toLabel: 0, frame: -1 });
const totalOf = ({ toBlank, toLabel }) => toBlank + toLabel;
const labelsOf = (node) => (node.above ? [...labelsOf(node.above), node.label] : []);

/** The labels of the texts that a prefix beam search ends with. */
export function likelyTexts(logProbs, width) {
  let beam = [{ ...leaf(null, BLANK), byBlank: 1 }];
  for (const [t, row] of logProbs.entries()) {
    const p = row.map(Math.exp), reached = [];
    const reach = (node) => {
      if (node.frame === t) return node;
      reached.push(node);
      return Object.assign(node, { frame: t, toBlank: 0, toLabel: 0 });
    };
    for (const node of beam) {
      const { byBlank, byLabel, label } = reach(node);
      node.toBlank = (byBlank + byLabel) * p[BLANK];
      node.toLabel = byLabel * p[label];
    }
    const least = beam.length < width ? 0 : Math.min(...beam.map(totalOf)); // less makes no new prefix one of the best
    for (const node of beam) {
      const { byBlank, byLabel, label, longer } = node;
      for (let k = BLANK + 1; k < p.length; k++) {
        const mass = (k === label ? byBlank : byBlank + byLabel) * p[k];
        if (mass >= least || longer[k]?.frame === t) reach(longer[k] ??= leaf(node, k)).toLabel += mass;
      }
    }
    beam = reached.filter(totalOf).sort((a, b) => totalOf(b) - totalOf(a)).slice(0, width);
    const best = totalOf(beam[0]); // shares of it, since a product of many frames could be too small for a number
    for (const node of beam) Object.assign(node, { byBlank: node.toBlank / best, byLabel: node.toLabel / best });
  }
  return beam.map(labelsOf);
}

/** ln p(text | X); -Infinity also where the text's share of what its beginnings have is too small for a number. */
export function textLogProb(logProbs, labels) {
  const rows = extend(labels), skips = rows.map((k, s) => s >= 2 && k !== BLANK && k !== rows[s - 2]);
  const alpha = new Float64Array(rows.length);
  let log = 0;
  for (const [t, row] of logProbs.entries()) {
    let sum = 0;
    for (let s = rows.length - 1; s >= 0; s--) {
      const before = t ? alpha[s] + (s ? alpha[s - 1] : 0) + (skips[s] ? alpha[s - 2] : 0) : Number(s < 2);
      sum += alpha[s] = before * Math.exp(row[rows[s]]);
    }
    if (sum === 0) return -Infinity;
    log += Math.log(sum);
    for (let s = 0; s < rows.length; s++) alpha[s] /= sum;
  }
  return log + Math.log(alpha.slice(-2).reduce((a, b) => a + b));
}

/** ln of the sum of numbers whose logarithms are given. */
function logSum(logs) {
  const top = most(logs);
  return top === -Infinity ? top : top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0));
}

/** The texts that the views of one picture may say, the best first: { text, logs: ln p in each view }. */
export function weigh(views, characters, { beam, weight, worth }) {
  const found = new Map(views.flatMap((view) => likelyTexts(view, beam)).map((labels) => [`${labels}`, labels]));
  const texts = [...found.values()].map((labels) => {
    const text = labels.map((k) => characters[k - 1]).join(""), logs = views.map((view) => textLogProb(view, labels));
    return { text, logs, score: logSum(logs) + weight * worth(text) };
  });
  return texts.sort((a, b) => b.score - a.score);
}

/** A word as it was read; if that is unsure, the text that is best when weighed, and the view that shows it best. */
export async function weighed({ see, characters, vocabulary }, word) {
  if (vocabulary.settles(word.text, word.confidence)) return word;
  const again = await see(vocabulary.leans.map((how) => lean(word.picture, ...how)));
  const [{ text, logs }] = weigh([...word.views, ...again].map(({ logProbs }) => logProbs), characters, vocabulary);
  const own = logs.slice(0, word.views.length), surest = most(own);
  return { ...word, text, confidence: text ? Math.min(1, Math.exp(surest)) : 0, view: word.views[own.indexOf(surest)] };
}
