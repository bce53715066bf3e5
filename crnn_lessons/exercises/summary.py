"""What is done of a lesson, or of the whole course, and which parts of the final reader are the learner's own."""

from __future__ import annotations

from dataclasses import dataclass

from crnn_lessons.exercises import catalogue
from crnn_lessons.exercises.answers import is_yours
from crnn_lessons.exercises.progress import Record, read
from crnn_lessons.show.table import html_table

HEAD = ("exercise", "what", "state")


@dataclass(frozen=True)
class Summary:
    """What is done.

    Attributes:
        title: of which lesson, or of the course.
        rows: key, title and state of each exercise.
        parts: the parts of the final reader, and whose each is: 'yours' or 'the course's'. Empty for one lesson.
    """

    title: str
    rows: tuple[tuple[str, str, str], ...]
    parts: tuple[tuple[str, str], ...] = ()

    def count(self) -> str:
        """How many are done, of how many: '3 of 6'."""
        done = sum(state.startswith("done") for _, _, state in self.rows)
        return f"{done} of {len(self.rows)}"

    def reader(self) -> str:
        """How much of the final reader is the learner's own; empty for one lesson."""
        own = sum(whose == "yours" for _, whose in self.parts)
        return f"Parts of the final reader that are yours: {own} of {len(self.parts)}" if self.parts else ""

    def __repr__(self) -> str:
        lines = [f"{self.title}: {self.count()} exercises done"]
        lines += [f"{key}  {state:<14} {title}" for key, title, state in self.rows]
        if self.parts:
            lines += [self.reader(), *(f"  {part}: {whose}" for part, whose in self.parts)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        table = html_table(HEAD, self.rows, f"{self.title}: {self.count()} exercises done")
        return table + (html_table(("part", "whose"), self.parts, self.reader()) if self.parts else "")


def summary(lesson: str | int | None = None) -> Summary:
    """What this learner has done of a lesson, '05', or of the whole course; shown as a table in a notebook.

    Raises:
        ValueError: no such lesson.
    """
    numbers = catalogue.lessons() if lesson is None else (f"{lesson:0>2}",)
    exercises = [exercise for number in numbers for exercise in catalogue.exercises_of(number)]
    on_record = {key: entry for number in numbers for key, entry in read(number).items()}
    rows = tuple((e.key, e.title, _state(on_record.get(e.key))) for e in exercises)
    if lesson is not None:
        return Summary(f"Lesson {numbers[0]}", rows)
    parts = tuple((f"{e.part} ({e.key})", "yours" if is_yours(e) else "the course's") for e in exercises if e.part)
    return Summary("The course", rows, parts)


def _state(entry: Record | None) -> str:
    if entry is None:
        return "not started"
    tries = f"{entry.attempts} " + ("try" if entry.attempts == 1 else "tries")
    return f"done, {tries}" if entry.done else f"not yet, {tries}"
