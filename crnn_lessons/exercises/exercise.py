"""What an exercise is: a question with its solution, the cases on which an answer is tried, and known wrong answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

NOT_STARTED = ...
"""What a stub returns. None is what a function returns that somebody forgot to end with ``return``."""


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that learners give, and what to tell them.

    Attributes:
        name: what it does, in a few words: 'drops the blanks before it merges'.
        answer: the wrong answer itself, of the kind that the exercise asks for.
        message: where it comes from and where to look, in one or two sentences.
    """

    name: str
    answer: Any
    message: str


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson.

    Attributes:
        key: lesson and number, '05-1'.
        title: what to do, in a few words.
        solution: a function; or, where a value is asked for, the value.
        cases: tuples of arguments on which a function is tried, from small to large.
        large: more of them, tried once all others are right: a wrong answer might never come back from these.
        mistakes: known wrong answers.
        hints: pairs (title, text), from a nudge to nearly everything; a title names the trouble that the hint cures.
        verify: for open questions with many right answers: takes the answer, returns None if it is right and a
            sentence if not, or ``...`` where a function is a stub still. The solution is then one right answer among
            many.
        probe: for answers that make something that cannot be compared, a network or an autograd function: takes the
            answer and a case, and returns what can. (Where it comes upon a `...`, it returns that.)
        show_case: writes a case as the call that a learner would type.
        source: what to show as the solution where it is not the source of ``solution``.
        tolerance: largest relative difference between floating-point numbers.
        array: whether a list will not do where the solution gives an array, nor an array where it gives a tensor, since
            the lesson computes on with it.
        indices: whether nothing but a tuple of whole numbers will do where the solution gives one, nor 18.0 where it
            gives 18.
        again: whether a generator will not do, since the lesson goes through the result more than once.
        part: what of the final reader of lesson 11 the answer is, in a few words: 'the map B'. Empty for most.
    """

    key: str
    title: str
    solution: Any
    cases: Sequence[tuple] = ()
    large: Sequence[tuple] = ()
    mistakes: Sequence[Mistake] = ()
    hints: Sequence[tuple[str, str]] = ()
    verify: Callable[[Any], str | None] | None = None
    probe: Callable[..., Any] | None = None
    show_case: Callable[..., str] | None = None
    source: str | None = None
    tolerance: float = 1e-9
    part: str = ""
    array: bool = False
    indices: bool = False
    again: bool = False

    def outcome(self, answer: Callable, case: tuple) -> Any:
        """What is compared: what an answer returns on a case, or what the probe finds there."""
        return answer(*case) if self.probe is None else self.probe(answer, *case)

    @property
    def lesson(self) -> str:
        """The number of its lesson, two digits."""
        return self.key.partition("-")[0]
