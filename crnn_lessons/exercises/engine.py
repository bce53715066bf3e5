"""How an answer is judged.

An answer is tried on cases and compared with the solution. Where it differs, it is compared with known
wrong answers too: one that is wrong in the same way has the same cause, and its message names it.
"""

from __future__ import annotations

import copy
import re
import traceback
from collections.abc import Callable
from itertools import islice
from types import GeneratorType
from typing import Any

from crnn_lessons.exercises.aside import beat
from crnn_lessons.exercises.compare import difference, message_of, same, short, unfinished
from crnn_lessons.exercises.exercise import NOT_STARTED, Exercise, Mistake
from crnn_lessons.exercises.kinds import generator, misfit, no_array, no_indices, used_up
from crnn_lessons.exercises.limit import SECONDS, TookTooLong, limit

MOST_VALUES = 1_000_000
"""A generator that gives more is taken for one that never ends."""

ABOUT = (
    ("ellipsis|NoneType", " over something missing"),
    ("expected str", " over a number among text"),
    ("for -: 'list' and 'list'", " over lists that cannot be subtracted"),
    ("broadcast|shape mismatch|must match the size", " over shapes"),
)
"""Words of an error's message by which two errors of one type are told apart, and what they are about."""

UNFINISHED = "replace the remaining `...`."


def judge(exercise: Exercise, answer: Any, quick: bool = False) -> tuple[str, str, str | None]:
    """Judge an answer without recording it.

    Args:
        quick: leave out the large cases.

    Returns:
        'done', 'wrong' or 'not started'; what to tell the learner; the name of the mistake if it is a known one.
    """
    if answer is NOT_STARTED:
        return "not started", "Write your answer in the cell above, run it, then run this cell again.", None
    if unfinished(answer):
        return "wrong", f"There is a `...` in the answer still: {UNFINISHED}", None
    if exercise.verify is not None:
        return _judge_open(exercise, answer)
    if callable(exercise.solution):
        return _judge_function(exercise, answer, quick)
    if same(answer, exercise.solution, exercise.tolerance):
        return "done", f"Right: {short(exercise.solution)}.", None
    for mistake in exercise.mistakes:
        if same(answer, mistake.answer, exercise.tolerance):
            said = f"{short(answer)} is not it. This is what you get if your answer {mistake.name}. {mistake.message}"
            return "wrong", said, mistake.name
    if isinstance(answer, str) and not isinstance(exercise.solution, str):
        return "wrong", f"A number is asked for, and {short(answer)} is a string: write it without quotes.", None
    return "wrong", f"{short(answer)} is not it, and no mistake that is known here; open a hint below.", None


def _judge_open(exercise: Exercise, answer: Any) -> tuple[str, str, str | None]:
    complaint, error = _outcome(exercise.verify, (answer,))
    if error is not None:  # the answer is not of the kind that was asked for
        return "wrong", f"This answer could not be tried: {_raised(error)}", None
    if complaint is NOT_STARTED:
        return judge(exercise, NOT_STARTED)
    if complaint is None:
        return "done", "Right.", None
    found = [m.name for m in exercise.mistakes if m.message in complaint]  # several, where they share a message
    return "wrong", complaint, next((name for name in found if name in complaint), found[0] if found else None)


def _judge_function(exercise: Exercise, answer: Any, quick: bool) -> tuple[str, str, str | None]:
    if not callable(answer):
        return "wrong", f"A function is asked for, and this is {short(answer)}: hand over its name, uncalled.", None
    if said := misfit(exercise, answer):
        return "wrong", said, None
    outcomes: list = []
    first_wrong, failed = None, None
    for case in (*exercise.cases, *(() if quick else exercise.large)):
        if first_wrong is not None and len(outcomes) >= len(exercise.cases):
            break
        arguments = copy.deepcopy(case)
        got, error = _outcome(exercise.outcome, (answer, arguments))
        if got is NOT_STARTED:
            return judge(exercise, NOT_STARTED)
        if error is None and unfinished(got):
            return "wrong", f"{_call(exercise, case)} gave a result with a `...` in it: {UNFINISHED}", None
        if error is None and got is None and first_wrong is None:
            before = "other cases gave a value: is there a way through the function without a return?"
            said = before if outcomes else "does the function end with a return?"
            return "wrong", f"{_call(exercise, case)} gave None{', and ' if outcomes else ': '}{said}", None
        if error is None and not same(list(arguments), list(case), 0.0):
            return "wrong", f"{_call(exercise, case)} changed its own argument; work on a copy of it.", None
        outcomes.append(got if error is None else _kind(error))
        wrong = error is not None or not same(got, exercise.outcome(exercise.solution, case), exercise.tolerance)
        if wrong and first_wrong is None:
            first_wrong, failed = _complaint(exercise, case, got, error), error
        if error is not None:
            break  # what it would have said to the cases after this one is not needed to name the cause
    if first_wrong is None:
        said = used_up(exercise, outcomes) or no_array(exercise, outcomes[0]) or no_indices(exercise, outcomes)
        if said:
            return "wrong", said, None
    if first_wrong is None:
        return "done", f"Right on all {len(outcomes)} cases.", None
    for mistake in exercise.mistakes:
        if _alike(outcomes, mistake, exercise):
            said = f"{first_wrong} It looks as if your function {mistake.name}. {mistake.message}"
            return "wrong", said, mistake.name
    return "wrong", f"{first_wrong} {_advice(failed)}", None


def _advice(error: BaseException | None) -> str:
    """What to do about an answer whose mistake is not known."""
    if isinstance(error, TookTooLong):
        return "Which of its loops does not end, or grows with every step?"
    if error is not None:
        return "Run this one call in a cell of its own, and read the last lines of what Python says."
    return "Work this case out by hand, then print what your function does on it."


def _outcome(function: Callable, arguments: tuple) -> tuple[Any, BaseException | None]:
    """What a function returns (a generator as a list), or the exception that it raises."""
    beat()
    try:
        with limit():
            got = function(*arguments)
            if isinstance(got, GeneratorType):
                got = generator(islice(got, MOST_VALUES + 1))
                if len(got) > MOST_VALUES:
                    raise TookTooLong
            return got, None
    except NotImplementedError:
        return NOT_STARTED, None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a learner's function may raise anything, SystemExit too
        return None, error


def _complaint(exercise: Exercise, case: tuple, got: Any, error: BaseException | None) -> str:
    if isinstance(error, TookTooLong):
        return f"{_call(exercise, case)} did not come back within {SECONDS:.0f} seconds and was stopped."
    if error is not None:
        return f"{_call(exercise, case)} raised {_raised(error)}"
    want = exercise.outcome(exercise.solution, case)
    said = f"{_call(exercise, case)}{difference(got, want, exercise.tolerance)}."
    if isinstance(want, str) and isinstance(got, (list, tuple)):
        said += " A string is asked for: join the parts."
    return said


def _alike(outcomes: list, mistake: Mistake, exercise: Exercise) -> bool:
    """Whether a known wrong answer does the same on every case that was tried, exceptions included."""
    for seen, case in zip(outcomes, (*exercise.cases, *exercise.large), strict=False):
        got, error = _outcome(exercise.outcome, (mistake.answer, copy.deepcopy(case)))
        if not same(seen, got if error is None else _kind(error), exercise.tolerance):
            return False
    return True


def _kind(error: BaseException) -> str:
    """What two errors have in common that have the same cause: their type, and what their message is about."""
    about = next((what for words, what in ABOUT if re.search(words, message_of(error))), "")
    return f"raised {type(error).__name__}{about}"


def _call(exercise: Exercise, case: tuple) -> str:
    if exercise.show_case is not None:
        return exercise.show_case(*case)
    return f"{exercise.solution.__name__}({', '.join(short(a) for a in case)})"


def _raised(error: BaseException) -> str:
    """Name an error and the line of the learner's code where it came up."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if "ipykernel" in f.filename or f.filename.startswith("<")]
    where = f" in line {inside[-1].lineno} of the cell ({inside[-1].line})" if inside and inside[-1].line else ""
    said = message_of(error)
    return f"{type(error).__name__}{f': {said}' if said else ''}{where}."
