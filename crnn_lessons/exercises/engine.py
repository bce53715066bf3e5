"""What an exercise is, and how an answer to it is checked.

A learner's cell holds a stub that returns ``...``; the next cell calls ``check("05-1", answer)``, whose result is the
cell's output. An answer is tried on cases and compared with the solution. Where it differs, it is compared with known
wrong answers too: one that is wrong in the same way has the same cause, and its message names it.
"""

from __future__ import annotations

import copy
import importlib
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import GeneratorType
from typing import Any

from crnn_lessons.exercises import progress
from crnn_lessons.exercises.compare import difference, same, short
from crnn_lessons.exercises.limit import SECONDS, TookTooLong, limit
from crnn_lessons.exercises.result import Result

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
            sentence if not. The solution is then one right answer among many.
        show_case: writes a case as the call that a learner would type.
        source: what to show as the solution where it is not the source of ``solution``.
        tolerance: largest relative difference between floating-point numbers.
    """

    key: str
    title: str
    solution: Any
    cases: Sequence[tuple] = ()
    large: Sequence[tuple] = ()
    mistakes: Sequence[Mistake] = ()
    hints: Sequence[tuple[str, str]] = ()
    verify: Callable[[Any], str | None] | None = None
    show_case: Callable[..., str] | None = None
    source: str | None = None
    tolerance: float = 1e-9


def find(key: str) -> Exercise:
    """Find an exercise by its key.

    Raises:
        ValueError: no such lesson or exercise.
    """
    lesson = str(key).partition("-")[0]
    try:
        exercises = importlib.import_module(f"crnn_lessons.exercises.lesson_{lesson}").EXERCISES
    except ModuleNotFoundError:
        raise ValueError(f"there is no exercise {key!r}; a key is lesson and number, such as '05-1'") from None
    for exercise in exercises:
        if exercise.key == key:
            return exercise
    known = ", ".join(e.key for e in exercises)
    raise ValueError(f"there is no exercise {key!r}; lesson {lesson} has {known}")


def check(key: str, answer: Any) -> Result:
    """Check a learner's answer, record the attempt, and say what to look at next.

    Args:
        key: the exercise, '05-1'.
        answer: the learner's function or value; ``...`` means not started.

    Returns:
        A result that a notebook shows as the cell's output; ``result.status`` is 'done', 'wrong' or 'not started'.
    """
    exercise = find(key)
    status, message, named = judge(exercise, answer)
    note = progress.record(exercise.key, status)
    return Result(exercise, status, message + note, named)


def judge(exercise: Exercise, answer: Any) -> tuple[str, str, str | None]:
    """Judge an answer without recording it: status, message, and the name of the mistake if it is a known one."""
    if answer is NOT_STARTED:
        return "not started", "Write your answer in the cell above, run it, then run this cell again.", None
    if exercise.verify is not None:
        return _judge_open(exercise, answer)
    if callable(exercise.solution):
        return _judge_function(exercise, answer)
    if same(answer, exercise.solution, exercise.tolerance):
        return "done", f"Right: {short(exercise.solution)}.", None
    for mistake in exercise.mistakes:
        if same(answer, mistake.answer, exercise.tolerance):
            return (
                "wrong",
                f"{short(answer)} is not it. This is what you get if your answer {mistake.name}. " + (mistake.message),
                mistake.name,
            )
    if isinstance(answer, str) and not isinstance(exercise.solution, str):
        return "wrong", f"A number is asked for, and {answer!r} is a string: write it without quotes.", None
    return "wrong", f"{short(answer)} is not it, and no mistake that is known here; open a hint below.", None


def _judge_open(exercise: Exercise, answer: Any) -> tuple[str, str, str | None]:
    try:
        complaint = exercise.verify(answer)
    except Exception as error:  # the answer is not of the kind that was asked for
        return "wrong", f"This answer could not be tried: {_raised(error)}", None
    if complaint is None:
        return "done", "Right.", None
    named = next((m.name for m in exercise.mistakes if m.message in complaint), None)
    return "wrong", complaint, named


def _judge_function(exercise: Exercise, answer: Any) -> tuple[str, str, str | None]:
    if not callable(answer):
        return "wrong", f"A function is asked for, and this is {short(answer)}: hand over its name, uncalled.", None
    outcomes = []
    first_wrong = None
    for case in (*exercise.cases, *exercise.large):
        if first_wrong is not None and len(outcomes) >= len(exercise.cases):
            break
        arguments = copy.deepcopy(case)
        got, error = _outcome(answer, arguments)
        if got is NOT_STARTED:
            return judge(exercise, NOT_STARTED)
        if error is None and got is None:
            return "wrong", f"{_call(exercise, case)} gave None: does the function end with a return?", None
        if error is None and not same(list(arguments), list(case), 0.0):
            return "wrong", f"{_call(exercise, case)} changed its own argument; work on a copy of it.", None
        outcomes.append(got if error is None else f"raised {type(error).__name__}")
        wrong = error is not None or not same(got, exercise.solution(*case), exercise.tolerance)
        if wrong and first_wrong is None:
            first_wrong = _complaint(exercise, case, got, error)
        if error is not None:
            break  # what it would have said to the cases after this one is not needed to name the cause
    if first_wrong is None:
        return "done", f"Right on all {len(outcomes)} cases.", None
    for mistake in exercise.mistakes:
        if _alike(outcomes, mistake, exercise):
            said = f"{first_wrong} It looks as if your function {mistake.name}. {mistake.message}"
            return "wrong", said, mistake.name
    return "wrong", f"{first_wrong} Work this case out by hand, then print what your function does on it.", None


def _outcome(function: Callable, arguments: tuple) -> tuple[Any, BaseException | None]:
    """What a function returns (a generator as a list), or the exception that it raises."""
    try:
        with limit():
            got = function(*arguments)
            return (list(got) if isinstance(got, GeneratorType) else got), None
    except NotImplementedError:
        return NOT_STARTED, None
    except (Exception, TookTooLong) as error:
        return None, error


def _complaint(exercise: Exercise, case: tuple, got: Any, error: BaseException | None) -> str:
    if isinstance(error, TookTooLong):
        return f"{_call(exercise, case)} did not come back within {SECONDS:.0f} seconds and was stopped."
    if error is not None:
        return f"{_call(exercise, case)} raised {_raised(error)}"
    want = exercise.solution(*case)
    said = f"{_call(exercise, case)}{difference(got, want, exercise.tolerance)}."
    if isinstance(want, str) and isinstance(got, (list, tuple)):
        said += " A string is asked for: join the parts."
    return said


def _alike(outcomes: list, mistake: Mistake, exercise: Exercise) -> bool:
    """Whether a known wrong answer does the same on every case that was tried, exceptions included."""
    for seen, case in zip(outcomes, (*exercise.cases, *exercise.large), strict=False):
        got, error = _outcome(mistake.answer, copy.deepcopy(case))
        if not same(seen, got if error is None else f"raised {type(error).__name__}", exercise.tolerance):
            return False
    return True


def _call(exercise: Exercise, case: tuple) -> str:
    if exercise.show_case is not None:
        return exercise.show_case(*case)
    return f"{exercise.solution.__name__}({', '.join(short(a) for a in case)})"


def _raised(error: Exception) -> str:
    """Name an error and the line of the learner's code where it came up."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if "ipykernel" in f.filename or f.filename.startswith("<")]
    where = f" in line {inside[-1].lineno} of the cell ({inside[-1].line})" if inside and inside[-1].line else ""
    return f"{type(error).__name__}: {error}{where}."
