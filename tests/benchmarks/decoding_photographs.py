"""What do a beam, a lexicon and a language gain on photographs? ``python tests/benchmarks/decoding_photographs.py``

The shipped reader on the folders words_svt_train and words_iiit5k_train of the folder that the environment variable
CRNN_LESSONS_DATA names, with wordlists/mjsynth_90k.txt there as lexicon; what is missing is skipped. Word accuracy in
per cent, small letters and digits alone. The language is a character 5-gram of the same word list; its two weights are
chosen on every second picture, and its line is of the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from crnn_lessons.ctc import Lexicon, NGram, beam_search, best_path, lexicon_search
from crnn_lessons.data.folders import read_folder
from crnn_lessons.metrics import fold
from crnn_lessons.reader import Reader
from crnn_lessons.text.words import load_words

FOLDERS = ("words_svt_train", "words_iiit5k_train")
WEIGHTS = [(alpha, beta) for alpha in (0.1, 0.2, 0.3, 0.5, 0.7) for beta in (0.0, 1.0, 2.0)]


def measure(folder: Path, reader: Reader, lexicon: Lexicon, language: NGram) -> None:
    pairs = [(path, fold(text)) for path, text in read_folder(folder) if fold(text)]
    truth = [tuple(reader.alphabet.encode(text)) for _, text in pairs]
    tables = [reader.look(path)[1].astype(float) for path, _ in pairs]
    known = np.array([text in lexicon for text in truth])
    print(f"{folder.name}: {len(pairs)} words, {100 * known.mean():.1f} % of them in the lexicon")

    def right(read: Callable[[np.ndarray], tuple[int, ...]], samples: Sequence[int]) -> np.ndarray:
        return np.array([read(tables[n]) == truth[n] for n in samples])

    everyone = range(len(truth))
    before = right(best_path, everyone)
    print(f"  {'best path':<28}{100 * before.mean():6.2f}")
    for name, read in {
        "beam of 10": lambda x: beam_search(x, 10)[0].labels,
        "beam of 100": lambda x: beam_search(x, 100)[0].labels,
        "beam of 10 in the trie": lambda x: (beam_search(x, 10, lexicon=lexicon) or [None])[0].labels,
        "beam of 50 in the trie": lambda x: (beam_search(x, 50, lexicon=lexicon) or [None])[0].labels,
        **{f"words within {d} edits": lambda x, d=d: lexicon_search(x, lexicon, d)[0].labels for d in (1, 2, 3)},
    }.items():
        now = right(read, everyone)
        gained, lost = (now & ~before).sum(), (before & ~now).sum()
        print(
            f"  {name:<28}{100 * now.mean():6.2f}  {gained} gained, {lost} lost, {(before & ~now & known).sum()} known"
        )

    def fused(alpha: float, beta: float) -> Callable[[np.ndarray], tuple[int, ...]]:
        return lambda x: beam_search(x, 10, language=language, alpha=alpha, beta=beta)[0].labels

    tune, rest = everyone[::2], everyone[1::2]
    best = max(WEIGHTS, key=lambda weights: right(fused(*weights), tune).mean())
    shares = 100 * before[1::2].mean(), 100 * right(fused(*best), rest).mean()
    print(f"  language, alpha {best[0]}, beta {best[1]}: {shares[0]:.2f} -> {shares[1]:.2f} on the other half")


def main() -> None:
    root = Path(os.environ.get("CRNN_LESSONS_DATA", ""))
    words = root / "wordlists" / "mjsynth_90k.txt"
    if not words.is_file():
        print(f"skipped: there is no word list {str(words)!r}; CRNN_LESSONS_DATA names the folder of the data")
        return
    reader = Reader()
    lexicon = Lexicon(reader.alphabet.encode(word) for word in load_words([words]))
    language = NGram.train(lexicon.words, reader.alphabet.num_classes)
    for name in FOLDERS:
        if (root / name).is_dir():
            measure(root / name, reader, lexicon, language)
        else:
            print(f"skipped: CRNN_LESSONS_DATA has no folder {name}")


if __name__ == "__main__":
    main()
