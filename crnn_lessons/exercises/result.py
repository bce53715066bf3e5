"""How the outcome of a check looks: a sentence as text, and a box with hints and solution as HTML."""

from __future__ import annotations

import html
import inspect
import textwrap
from dataclasses import dataclass

from crnn_lessons.exercises.exercise import Exercise
from crnn_lessons.show.palette import FAINT, GREEN, VERMILLION

SIGNS = {"done": "✓ done", "wrong": "✗ not yet", "not started": "○ not started"}
COLOURS = {"done": GREEN, "wrong": VERMILLION, "not started": FAINT}


@dataclass(frozen=True)
class Result:
    """The outcome of one check.

    Attributes:
        exercise: the exercise that was checked.
        status: 'done', 'wrong' or 'not started'.
        message: what to tell the learner.
        mistake: the name of the known mistake that the answer makes, or None.
    """

    exercise: Exercise
    status: str
    message: str
    mistake: str | None = None

    def __repr__(self) -> str:
        return f"{SIGNS[self.status]} · exercise {self.exercise.key} · {self.message}"

    def _repr_html_(self) -> str:
        folded = [_fold(f"Hint {i}: {title}", _prose(text)) for i, (title, text) in enumerate(self.exercise.hints, 1)]
        folded.append(_fold("Solution", f"<pre>{html.escape(solution_source(self.exercise))}</pre>"))
        return (
            f'<div role="status" style="border-left: 4px solid {COLOURS[self.status]}; padding: 0.3em 0.8em">'
            f"<p><strong>{SIGNS[self.status]}</strong> · exercise {self.exercise.key}: "
            f"{html.escape(self.exercise.title)}</p><p>{_prose(self.message)}</p>{''.join(folded)}</div>"
        )


def solution_source(exercise: Exercise) -> str:
    """The solution as text: what the exercise gives as such, or the source of the function, or the value."""
    if exercise.source is not None:
        return textwrap.dedent(exercise.source).strip("\n")
    if callable(exercise.solution):
        return textwrap.dedent(inspect.getsource(exercise.solution)).rstrip()
    return repr(exercise.solution)


def _fold(title: str, inside: str) -> str:
    return f"<details><summary>{html.escape(title)}</summary>{inside}</details>"


def _prose(text: str) -> str:
    """Escape a text; what stands between backquotes is code."""
    parts = html.escape(text, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
