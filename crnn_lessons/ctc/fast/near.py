"""The words near a text, found in the trie of a lexicon: the walk of ``ctc/lexicon.py`` in machine code."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types

from crnn_lessons.ctc.fast.compile import compiled, version

if TYPE_CHECKING:
    from crnn_lessons.ctc.lexicon import Lexicon


def near(lexicon: Lexicon, text: Sequence[int], most: int) -> np.ndarray:
    """Pairs of distance and word, in any order."""
    found = np.empty((len(lexicon), 2), np.int64)
    return found[: _walk()(np.array(text, np.int64), most, lexicon.start, lexicon.label, lexicon.word, found)]


@cache
def _walk() -> Any:
    stamp, whole = version(False), types.int64

    def walk(text, most, start, label, word, found):
        length, count, waiting = len(text), 0 * stamp, [(0, 0)]
        # subtle: one row a level is enough. Depth first, a level is written again only when all below it is done. No
        # node lies deeper than this: each label beyond the text's length is an edit.
        rows = np.empty((length + most + 2, length + 1), np.int64)
        rows[0] = np.arange(length + 1)
        while len(waiting) > 0:
            node, level = waiting.pop()
            row, least = rows[level], level  # at the root the least is 0
            if level > 0:
                above, row[0] = rows[level - 1], level
                for j in range(length):
                    cost = min(row[j], above[j + 1]) + 1
                    row[j + 1] = min(cost, above[j] + (text[j] != label[node]))
                    least = min(least, row[j + 1])
            if word[node] >= 0 and row[length] <= most:
                found[count, 0], found[count, 1] = row[length], word[node]
                count += 1
            if least <= most:
                for child in range(start[node], start[node + 1]):
                    waiting.append((child, level + 1))
        return count

    return compiled(walk, whole(whole[::1], whole, *(whole[::1],) * 3, whole[:, ::1]), False)
