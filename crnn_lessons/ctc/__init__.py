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
from crnn_lessons.ctc.fast.choose import use_kernel
from crnn_lessons.ctc.lattice import Lattice, extend, forward_backward, predecessors
from crnn_lessons.ctc.loss import CTCLoss, ctc_loss, ctc_loss_from_logits, explain_infeasible
from crnn_lessons.ctc.paths import best_path, forced_alignment

__all__ = [
    "CTCLoss",
    "Lattice",
    "alignments",
    "best_path",
    "collapse",
    "count_alignments",
    "ctc_loss",
    "ctc_loss_from_logits",
    "enumerate_probability",
    "explain_infeasible",
    "extend",
    "forced_alignment",
    "forward_backward",
    "min_frames",
    "predecessors",
    "repeats",
    "use_kernel",
]
