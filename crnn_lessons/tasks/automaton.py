"""Finite automata that answer at every step (Mealy machines): run one, make it small, compare two."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Automaton:
    """States 0, 1, ... and signs 0, 1, ...; reading a sign in a state gives the next state and an output.

    Attributes:
        next: for each state a row, for each sign the next state.
        output: for each state a row, for each sign the output.
        start: the state before the first sign.

    Raises:
        ValueError: rows of different lengths, or a state that there is not.

    Source: Mealy, "A method for synthesizing sequential circuits", 1955.
    """

    next: tuple[tuple[int, ...], ...]
    output: tuple[tuple[int, ...], ...]
    start: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "next", tuple(tuple(int(q) for q in row) for row in self.next))
        object.__setattr__(self, "output", tuple(tuple(int(y) for y in row) for row in self.output))
        lengths = {len(row) for row in (*self.next, *self.output)}
        if len(self.next) != len(self.output) or len(lengths) != 1:
            raise ValueError("next and output must each have one row a state and in it one entry a sign")
        there = range(len(self.next))
        if any(q not in there for row in (*self.next, (self.start,)) for q in row):
            raise ValueError(f"the states are 0 to {len(self.next) - 1}, and start or a row of next names another")

    def run(self, signs: Iterable[int]) -> list[int]:
        """The outputs for a sequence of signs, one for each."""
        state, outputs = self.start, []
        for sign in signs:
            outputs.append(self.output[state][sign])
            state = self.next[state][sign]
        return outputs

    def __len__(self) -> int:
        return len(self.next)


ADDER = Automaton(next=((0, 0, 0, 1), (0, 1, 1, 1)), output=((0, 1, 1, 0), (1, 0, 0, 1)))
"""Addition: the state is the carry, the sign 2a + b for the bits a and b of a place, the output the bit of the sum."""


def minimise(automaton: Automaton) -> Automaton:
    """The smallest automaton with the same outputs; states that the start does not lead to are left out.

    States begin in one class if they give the same outputs, and part when a sign leads them into different classes,
    until none part any more.

    Source: Moore, "Gedanken-experiments on sequential machines", 1956.
    """
    reached = [automaton.start]
    for state in reached:
        reached += [q for q in dict.fromkeys(automaton.next[state]) if q not in reached]
    classes = _number(automaton.output[state] for state in reached)
    while True:
        class_of = dict(zip(reached, classes, strict=True))
        refined = _number((class_of[q], *(class_of[p] for p in automaton.next[q])) for q in reached)
        if len(set(refined)) == len(set(classes)):
            break
        classes = refined
    members = [reached[classes.index(number)] for number in range(len(set(classes)))]
    return Automaton(
        next=tuple(tuple(class_of[p] for p in automaton.next[q]) for q in members),
        output=tuple(automaton.output[q] for q in members),
        start=class_of[automaton.start],
    )


def difference(first: Automaton, second: Automaton) -> list[int] | None:
    """The shortest sequence of signs on which two automata differ in their last output; None if there is none.

    Raises:
        ValueError: the automata read different numbers of signs.
    """
    if len(first.next[0]) != len(second.next[0]):
        raise ValueError(
            f"the automata read {len(first.next[0])} and {len(second.next[0])} signs; they must read alike"
        )
    start = (first.start, second.start)
    seen, waiting = {start}, deque([(start, [])])
    while waiting:
        (p, q), word = waiting.popleft()
        for sign in range(len(first.next[0])):
            if first.output[p][sign] != second.output[q][sign]:
                return [*word, sign]
            pair = (first.next[p][sign], second.next[q][sign])
            if pair not in seen:
                seen.add(pair)
                waiting.append((pair, [*word, sign]))
    return None


def _number(keys: Iterable[object]) -> Sequence[int]:
    """Equal keys get equal numbers, in the order in which they first come."""
    numbers: dict[object, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]
