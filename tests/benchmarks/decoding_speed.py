"""How fast is decoding? ``python tests/benchmarks/decoding_speed.py [--words FILE]``

Beam search beside fast-ctc-decode (PyPI, in Rust; left out where it is not installed), T = 100 frames, C = 80 classes,
one thread, nothing pruned, on three kinds of tables: a line that a reader is sure of, one that it is less sure of, and
noise. Whether both find the same text stands beside it; where they do not, ours must be the more probable one. The two
are interleaved in rounds, several calls of each; with ``--by-turns`` a round is one call of each. Median milliseconds
of the processor's time (what other programs take does not count), and the ratio.

With a word list (``--words``, or wordlists/mjsynth_90k.txt in the folder of the environment variable
CRNN_LESSONS_DATA): the same search in the trie of its words, and the words within 3 edits of a text.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import Lexicon, beam_search, beam_search_batch, lexicon_search, text_log_probs
from crnn_lessons.text.words import load_words

try:
    fast_ctc_decode = importlib.import_module("fast_ctc_decode")  # no dependency: it serves this comparison alone
except ImportError:
    fast_ctc_decode = None

T, C = 100, 80
LETTERS = Alphabet("0123456789abcdefghijklmnopqrstuvwxyz")
SIGNS = [chr(0x100 + k) for k in range(C)]  # one sign a class, as fast-ctc-decode wants them


def tables() -> dict[str, np.ndarray]:
    """Log-probabilities, T x C."""
    rng, found = np.random.default_rng(0), {}
    path = np.where(rng.random(T) < 0.6, 0, rng.integers(1, C, size=T))
    for kind, height in (("sure", 12.0), ("less sure", 7.0), ("noise", 0.0)):
        logits = torch.from_numpy(rng.normal(size=(T, C)) + height * np.eye(C)[path])
        found[kind] = logits.log_softmax(1).numpy()
    return found


def milliseconds(rounds: int, calls: int, *tasks: Callable[[], object]) -> list[float]:
    """The median of each task, all in turn in every round; in a series of calls the first is not counted."""
    taken: list[list[float]] = [[] for _ in tasks]
    for _ in range(rounds):
        for task, times in zip(tasks, taken, strict=True):
            series = []
            for _ in range(calls):
                start = time.thread_time()
                task()
                series.append(1000 * (time.thread_time() - start))
            times += series[1:] if calls > 1 else series
    return [float(np.median(times)) for times in taken]


def theirs(probs: np.ndarray, width: int) -> str:
    return fast_ctc_decode.beam_search(probs, SIGNS, beam_size=width, beam_cut_threshold=0.0)[0]


def against_rust(rounds: int, calls: int) -> None:
    print(f"{'table':<10} {'width':>5} {'theirs ms':>10} {'ours ms':>9} {'ratio':>7}  the same text")
    for kind, log_probs in tables().items():
        probs = np.exp(log_probs).astype(np.float32)
        for width in (10, 100):
            ours, rust = (lambda w=width, x=log_probs: beam_search(x, w)), (lambda w=width, x=probs: theirs(x, w))
            found = ours()[0]
            if fast_ctc_decode is None:
                (our_time,) = milliseconds(rounds, calls, ours)
                print(f"{kind:<10} {width:>5} {'-':>10} {our_time:>9.3f} {'-':>7}")
                continue
            other = tuple(SIGNS.index(sign) for sign in rust())
            better = found.log_prob - text_log_probs(log_probs, [other])[0]
            assert better >= -1e-9
            their_time, our_time = milliseconds(rounds, calls, rust, ours)
            same = "yes" if found.labels == other else f"no: ours is {np.exp(better):.3g} times as probable"
            print(f"{kind:<10} {width:>5} {their_time:>10.2f} {our_time:>9.3f} {their_time / our_time:>6.1f}x  {same}")


def with_words(path: Path, rounds: int, calls: int) -> None:
    start = time.perf_counter()
    lexicon = Lexicon(LETTERS.encode(word) for word in load_words([path]))
    print(f"\n{lexicon} built in {time.perf_counter() - start:.2f} s")
    for kind, log_probs in tables().items():
        for width in (10, 100):
            free, bound = milliseconds(
                rounds, calls,
                lambda w=width, x=log_probs: beam_search(x, w),
                lambda w=width, x=log_probs: beam_search(x, w, lexicon=lexicon),
            )  # fmt: skip
            print(f"{kind:<10} {width:>5}  free {free:.3f} ms, in the trie {bound:.3f} ms: {bound / free:.2f} times")
    for text in ("pub", "hotei", "starbuks", "restaurant", "internationalisation"):
        labels = LETTERS.encode(text)
        (spent,) = milliseconds(rounds, calls, lambda labels=labels: lexicon.near(labels, 3))
        print(f"within 3 edits of {text:<20} {len(lexicon.near(labels, 3)):>5} words, {spent:.2f} ms")
    log_probs = tables()["less sure"][:26]
    (spent,) = milliseconds(rounds, calls, lambda: lexicon_search(log_probs, lexicon))
    print(f"the paper's procedure, T = 26: {spent:.2f} ms")


def batches() -> None:
    log_probs = np.repeat(tables()["less sure"][:, None], 64, axis=1)
    for threads in (1, 2):
        torch.set_num_threads(threads)
        beam_search_batch(log_probs, [T] * 64)
        times = []
        for _ in range(10):
            start = time.perf_counter()
            beam_search_batch(log_probs, [T] * 64)
            times.append(1000 * (time.perf_counter() - start))
        print(f"64 sequences, width 10, {threads} threads: {np.median(times):.1f} ms by the clock")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=Path, metavar="FILE", help="a word a line")
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument("--by-turns", action="store_true", help="one call a round, and all of them count")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rounds, calls = (10 * options.rounds, 1) if options.by_turns else (options.rounds, 10)
    if fast_ctc_decode is None:
        print("fast-ctc-decode is not installed: ours alone (pip install fast-ctc-decode)")
    against_rust(rounds, calls)
    words = options.words or Path(os.environ.get("CRNN_LESSONS_DATA", "")) / "wordlists" / "mjsynth_90k.txt"
    if words.is_file():
        with_words(words, rounds, calls)
    else:
        print(f"\nskipped: there is no word list {str(words)!r}")
    print()
    batches()


if __name__ == "__main__":
    main()
