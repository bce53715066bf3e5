"""A learner's answers: checked, kept, and used again.

A cell of a lesson holds a stub that returns ``...``; the next cell calls ``check("05-1", answer)``, whose result is the
cell's output. An answer that passes is kept, and every later lesson gets it by ``yours("05-1")``.
"""

from __future__ import annotations

import copy
import os
from typing import Any

from crnn_lessons.exercises import keep, progress
from crnn_lessons.exercises.aside import Ended, aside
from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge
from crnn_lessons.exercises.exercise import Exercise
from crnn_lessons.exercises.result import Result

_given: dict[int, tuple[str, Any]] = {}
"""What ``yours`` has given in this kernel, by identity, with its key: an answer may be made of earlier answers."""


def check(key: str, answer: Any) -> Result:
    """Check a learner's answer, record the attempt, and say what to look at next.

    Args:
        key: the exercise, '05-1'.
        answer: the learner's function or value; ``...`` means not started.

    Returns:
        A result that a notebook shows as the cell's output; ``result.status`` is 'done', 'wrong' or 'not started'.
    """
    exercise = find(key)
    status, message, named = _judged(exercise, answer)
    kept, note = None, ""
    if status == "done":
        try:
            kept = keep.capture(answer, _key_of)
        except keep.CannotKeep as problem:
            note = f" (It counts, but later lessons cannot use it: {problem}.)"
    note += progress.record(exercise.key, status, named, kept)
    return Result(exercise, status, message + note, named)


def yours(key: str, quiet: bool = False) -> Any:
    """The learner's own answer to an exercise, or the course's where there is none; says which in one line.

    Args:
        key: the exercise, '05-1'.
        quiet: say nothing.

    Returns:
        The function, class or value that passed the check, in this kernel or an earlier one. It is checked again, on
        the small cases; one that no longer passes, or that gives tensors where the solution gives arrays, is passed
        over, and stays on record.

    Raises:
        ValueError: no such exercise.
    """
    exercise = find(key)
    answer, why_not = _own(exercise)
    if not quiet:
        whose = "yours" if why_not is None else f"the course's own, since {why_not}"
        print(f"{key} ({exercise.title}): {whose}.")
    answer = exercise.solution if why_not is not None else answer
    _given[id(answer)] = key, answer
    return answer


def is_yours(exercise: Exercise) -> bool:
    """Whether the learner has an answer that still passes."""
    return _own(exercise)[1] is None


def _key_of(value: Any) -> str | None:
    """The key of the exercise whose answer a function is, where ``yours`` gave it."""
    return _given[id(value)][0] if id(value) in _given and callable(value) else None


def _judged(exercise: Exercise, answer: Any, quick: bool = False) -> tuple[str, str, str | None]:
    """Judge an answer in a copy of this process: it may hang, take all memory, or exit."""
    try:
        return aside(lambda: judge(exercise, answer, quick))
    except Ended as problem:
        return "wrong", f"Your answer {problem}. Which of its loops does not end, or what in it ends Python?", None


def _own(exercise: Exercise) -> tuple[Any, str | None]:
    """The learner's answer, or why it cannot be used, as the end of a sentence."""
    entry = progress.read(exercise.lesson).get(exercise.key, progress.Record())
    if entry.answer is None:
        return None, "yours could not be kept" if entry.done else "there is none of yours yet"
    if not _mine(exercise.lesson):
        return None, f"{progress.path_of(exercise.lesson)} belongs to another user, whose code is not run"
    try:
        answer = keep.revive(entry.answer, f"yours {exercise.key}", lambda key: yours(key, quiet=True))
    except (Exception, SystemExit) as error:
        return None, f"yours could not be brought back ({type(error).__name__}: {error})"
    status, message, _ = _judged(exercise, answer, quick=True)
    if status != "done":
        return answer, f"yours no longer passes ({message.rstrip('.')})"
    if _gives_tensors(answer, exercise) and not _gives_tensors(exercise.solution, exercise):
        return answer, "yours gives torch tensors, and the lesson goes on with NumPy arrays"
    return answer, None


def _gives_tensors(function: Any, exercise: Exercise) -> bool:
    """Whether a function gives tensors on the first case; a check takes them for arrays, and arithmetic does not."""
    if not callable(function) or not exercise.cases or exercise.probe is not None:
        return False
    given = function(*copy.deepcopy(exercise.cases[0]))
    return any(hasattr(part, "detach") for part in (given if isinstance(given, tuple | list) else (given,)))


def _mine(lesson: str) -> bool:
    """Whether the log was written by this user: it holds code, which is going to run."""
    return not hasattr(os, "getuid") or progress.path_of(lesson).stat().st_uid in (os.getuid(), 0)
