"""Whether an answer is of the kind that its exercise asks for: parameters, arrays, whole numbers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from crnn_lessons.exercises.compare import with_article
from crnn_lessons.exercises.exercise import Exercise


class generator(list):
    """What a generator gave; by its name a learner is told what was returned."""


def misfit(exercise: Exercise, answer: Callable) -> str | None:
    """Why a function cannot be called with the arguments of the first case; None if it can, or nobody knows."""
    if exercise.probe is not None:
        return None
    try:
        takes = inspect.signature(answer)
    except (TypeError, ValueError):  # some functions written in C do not say
        return None
    try:
        takes.bind(*exercise.cases[0])
    except TypeError:
        handed = inspect.signature(exercise.solution)
        return f"Your function takes {takes}, and the exercise calls it with {handed}: give it these parameters."
    return None


def no_array(exercise: Exercise, got: Any) -> str | None:
    """Why right numbers are of no use to a lesson that computes on with them as arrays; None if they are."""
    if not exercise.array:
        return None
    want = exercise.outcome(exercise.solution, exercise.cases[0])
    for i, (mine, theirs) in enumerate(zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]):
        kind = "array" if not hasattr(theirs, "detach") else "tensor"
        if getattr(theirs, "shape", ()) and not hasattr(mine, "shape" if kind == "array" else "detach"):
            which = f" in result [{i}]" if isinstance(want, tuple) and len(want) > 1 else ""
            said = f"The numbers are right, as {with_article(type(mine).__name__)}{which}."
            return f"{said} Return {with_article(kind)}: the lesson adds and multiplies it as a whole."
    return None


def no_indices(exercise: Exercise, outcomes: list) -> str | None:
    """Why right numbers are not whole, or no tuple, where only that will do; None if they are."""
    one = exercise.indices and isinstance(exercise.outcome(exercise.solution, exercise.cases[0]), int)
    for got in outcomes if exercise.indices else ():
        if one and not isinstance(got, (int, np.integer)):
            kind = with_article(type(got).__name__)
            return f"The numbers are right, and {got} is {kind}. A whole number is asked for: make it an int."
        if one:
            continue
        if not isinstance(got, tuple):
            kind = with_article(type(got).__name__)
            return f"The numbers are right, as {kind}. Return a tuple of them: `tuple(...)`."
        if others := [part for part in got if not isinstance(part, (int, np.integer))]:
            kind = f"and {others[0]!r} is {with_article(type(others[0]).__name__)}"
            return f"The numbers are right, {kind}. An index is a whole number: make it an int."
    return None


def used_up(exercise: Exercise, outcomes: list) -> str | None:
    """Why right values are of no use to a lesson that goes through them again; None if they are."""
    if exercise.again and any(isinstance(got, generator) for got in outcomes):
        return "The values are right, as a generator, which can be gone through only once. Return a list or a tuple."
    return None
