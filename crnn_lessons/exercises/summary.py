"""What is done of a lesson, or of the whole course, and which parts of the final reader are the learner's own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from crnn_lessons.exercises import catalogue
from crnn_lessons.exercises.answers import is_yours
from crnn_lessons.exercises.course_map import course_map
from crnn_lessons.exercises.progress import Record, read
from crnn_lessons.files import write_atomically
from crnn_lessons.show.table import html_table

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>CRNN Lessons: progress</title>
<style>:root {{ color-scheme: light dark }} body {{ font: 16px/1.4 system-ui, sans-serif; max-width: 45em;
margin: 2em auto; padding: 0 1em }} th, td {{ padding: 0.2em 0.8em 0.2em 0 }}</style></head>
<body><main><h1>CRNN Lessons: progress</h1>
{shown}
</main><script type="application/json" id="crnn-progress">{data}</script></body></html>
"""
HEAD = ("exercise", "what", "state")


@dataclass(frozen=True)
class Summary:
    """What is done.

    Attributes:
        title: of which lesson, or of the course.
        rows: key, title and state of each exercise.
        parts: the parts of the final reader, and whose each is: 'yours' or 'the course's'. Empty for one lesson.
        records: what is on record for each exercise that was tried, by key.
    """

    title: str
    rows: tuple[tuple[str, str, str], ...]
    parts: tuple[tuple[str, str], ...] = ()
    records: Mapping[str, Record] = field(default_factory=dict, repr=False)

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
        title = f"{self.title}: {self.count()} exercises done"
        if not self.parts:
            return html_table(HEAD, self.rows, title)
        every = f"<details><summary>Every exercise</summary>{html_table(HEAD, self.rows)}</details>"
        parts = html_table(("part", "whose"), self.parts, self.reader())
        return f"<p>{title}</p>{course_map(self.rows)}{every}{parts}"

    def save(self, path: str | os.PathLike) -> None:
        """Write it as a page to hand in; ``python -m crnn_lessons class`` reads such pages.

        The page also holds how often each exercise was tried and which known mistakes were made; not the answers.

        Raises:
            OSError: the file cannot be written.
        """
        data = {
            key: {"attempts": entry.attempts, "done": entry.done, "mistakes": entry.mistakes}
            for key, entry in self.records.items()
        }
        written = json.dumps(data).replace("<", "\\u003c")  # or a text could end the element that holds it
        write_atomically(path, PAGE.format(shown=self._repr_html_(), data=written).encode())


def summary(lesson: str | int | None = None) -> Summary:
    """What this learner has done of a lesson, '05', shown as a table; or of the whole course, as a map.

    Raises:
        ValueError: no such lesson.
    """
    numbers = catalogue.lessons() if lesson is None else (f"{lesson:0>2}",)
    exercises = [exercise for number in numbers for exercise in catalogue.exercises_of(number)]
    on_record = {key: entry for number in numbers for key, entry in read(number).items()}
    rows = tuple((e.key, e.title, _state(on_record.get(e.key))) for e in exercises)
    if lesson is not None:
        return Summary(f"Lesson {numbers[0]}", rows, records=on_record)
    parts = tuple((f"{e.part} ({e.key})", "yours" if is_yours(e) else "the course's") for e in exercises if e.part)
    return Summary("The course", rows, parts, on_record)


def _state(entry: Record | None) -> str:
    if entry is None:
        return "not started"
    tries = f"{entry.attempts} " + ("try" if entry.attempts == 1 else "tries")
    return f"done, {tries}" if entry.done else f"not yet, {tries}"
