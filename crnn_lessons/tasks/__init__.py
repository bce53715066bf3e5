"""Toy tasks on which recurrent networks show what they can remember: the kth digit, and binary addition."""

from crnn_lessons.tasks.addition import BINARY_ADDITION, binary_addition, sums_of, to_numbers
from crnn_lessons.tasks.automaton import ADDER, Automaton, difference, minimise
from crnn_lessons.tasks.digits import KTH_DIGIT, kth_digit
from crnn_lessons.tasks.samples import Recipe, Samples

__all__ = [
    "ADDER",
    "BINARY_ADDITION",
    "KTH_DIGIT",
    "Automaton",
    "Recipe",
    "Samples",
    "binary_addition",
    "difference",
    "kth_digit",
    "minimise",
    "sums_of",
    "to_numbers",
]
