// How probable a text is before its picture is seen: crnn_lessons.reader.vocabulary, whose keys and numbers come along.

/** CRC-32 of a text in UTF-8, as zlib has it (reflected, polynomial 0xEDB88320). */
export function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** Keys in rising order, and of each the number of its list: first all lists, then the steps from key to key, of which
    the lowest bytes come first. */
function keysOf(bytes) {
  const n = bytes.length / 5, keys = new Uint32Array(n), byte = (place, i) => bytes[(place + 1) * n + i];
  for (let i = 0; i < n; i++) {
    keys[i] = (keys[i - 1] ?? 0) + byte(0, i) + byte(1, i) * 2 ** 8 + byte(2, i) * 2 ** 16 + byte(3, i) * 2 ** 24;
  }
  return { keys, lists: bytes.subarray(0, n) };
}

/**
 * The words that the page carries: { worth, settles }, as the package's Vocabulary has them, and the numbers given.
 * `logProbs` has the log-probability of a word of each list, `logCharacters` is log K.
 */
export function openVocabulary(bytes, numbers) {
  const { keys, lists } = keysOf(bytes), { logProbs, logCharacters, unknown, sure: [string, known] } = numbers;

  function wordLogProb(text) {
    const wanted = crc32(text.toLowerCase());
    let from = 0, to = keys.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (keys[middle] < wanted) from = middle + 1;
      else to = middle;
    }
    return keys[from] === wanted ? logProbs[lists[from]] : -Infinity;
  }

  /** log(P(text) K^n). */
  const worth = (text) =>
    Math.log(unknown + (1 - unknown) * Math.exp(wordLogProb(text) + [...text].length * logCharacters));
  /** Whether a text is so sure that no other need be looked at; nothing where nothing is read. */
  const settles = (text, confidence) =>
    !text || confidence >= string || (confidence >= known && wordLogProb(text) > -Infinity);
  return { ...numbers, worth, settles };
}
