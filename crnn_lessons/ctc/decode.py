"""From posteriors to labels: best path decoding."""

from __future__ import annotations

import numpy as np

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.alignments import collapse
from crnn_lessons.ctc.lattice import check_log_probs


def best_path(log_probs: np.ndarray, blank: int = BLANK) -> tuple[int, ...]:
    """Take the most probable class at each step, then collapse the path.

    This is the text of the most probable *path*, which need not be the most probable *text*: a text gathers the
    probability of all its alignments.

    Args:
        log_probs: T x C log-probabilities (or anything that orders the classes alike: probabilities, logits).
        blank: the class index of the blank.

    Returns:
        The labels, at most T of them. Of equally probable classes the one with the lowest index is taken.

    Raises:
        ValueError: no T x C array, or a NaN or +inf in it.

    Source: Graves et al. 2006, section 3.2, equation 4.
    """
    return collapse(check_log_probs(log_probs).argmax(axis=1), blank)
