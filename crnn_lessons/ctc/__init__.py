"""Connectionist temporal classification: definition, lattice, loss, decoding.

Each name below is written in a module of its own, in the order in which a learner meets them.
"""

from crnn_lessons.ctc.align import forced_alignment
from crnn_lessons.ctc.alignments import (
    alignments,
    collapse,
    count_alignments,
    enumerate_probability,
    min_frames,
    repeats,
)
from crnn_lessons.ctc.decode import best_path
from crnn_lessons.ctc.lattice import Lattice, extend, forward_backward, predecessors

__all__ = [
    "Lattice",
    "alignments",
    "best_path",
    "collapse",
    "count_alignments",
    "enumerate_probability",
    "extend",
    "forced_alignment",
    "forward_backward",
    "min_frames",
    "predecessors",
    "repeats",
]
