"""Connectionist temporal classification: definition, lattice, loss, decoding.

Each name below is written in a module of its own, in the order in which a learner meets them.
"""

from crnn_lessons.ctc.alignments import (
    alignments,
    collapse,
    count_alignments,
    enumerate_probability,
    min_frames,
    repeats,
)
from crnn_lessons.ctc.confidence import (
    calibration_error,
    fit_temperature,
    letter_posteriors,
    reliability,
    temper,
)
from crnn_lessons.ctc.exact import MostProbable, most_probable
from crnn_lessons.ctc.fast.choose import use_kernel
from crnn_lessons.ctc.language import NGram
from crnn_lessons.ctc.lattice import Lattice, extend, forward_backward, predecessors
from crnn_lessons.ctc.lexicon import Lexicon
from crnn_lessons.ctc.loss import CTCLoss, ctc_loss, ctc_loss_from_logits, explain_infeasible
from crnn_lessons.ctc.paths import best_path, forced_alignment
from crnn_lessons.ctc.search import Hypothesis, beam_search, beam_search_batch, lexicon_search, text_log_probs

__all__ = [
    "CTCLoss",
    "Hypothesis",
    "Lattice",
    "Lexicon",
    "MostProbable",
    "NGram",
    "alignments",
    "beam_search",
    "beam_search_batch",
    "best_path",
    "calibration_error",
    "collapse",
    "count_alignments",
    "ctc_loss",
    "ctc_loss_from_logits",
    "enumerate_probability",
    "explain_infeasible",
    "extend",
    "fit_temperature",
    "forced_alignment",
    "forward_backward",
    "letter_posteriors",
    "lexicon_search",
    "min_frames",
    "most_probable",
    "predecessors",
    "reliability",
    "repeats",
    "temper",
    "text_log_probs",
    "use_kernel",
]
