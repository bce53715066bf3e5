"""A class at a glance: who solved what, which known mistakes recur, and what could not be read."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tqdm.auto import tqdm

from crnn_lessons.exercises import catalogue
from crnn_lessons.exercises.aside import Ended, aside
from crnn_lessons.exercises.progress import VARIABLE, Record, read
from crnn_lessons.exercises.rerun import rerun
from crnn_lessons.files import write_atomically
from crnn_lessons.reader.commands import printable

DATA = re.compile(r'<script type="application/json" id="crnn-progress">(.*?)</script>', re.DOTALL)
MARKS = {"solved": "✓", "tried": "✗", "": "·"}


@dataclass
class Learner:
    """What a learner handed in.

    Attributes:
        records: what is on record, or came of checking anew, by the exercise's key.
        unread: a sentence for each thing that could not be read or tried.
    """

    name: str
    records: dict[str, Record] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    def add(self, records: dict[str, Record]) -> None:
        """Add what another source says of the same work: the more of each."""
        for key, new in records.items():
            old = self.records.get(key, Record())
            mistakes = Counter(old.mistakes) | Counter(new.mistakes)
            most = max(old.attempts, new.attempts)
            self.records[key] = Record(most, old.done or new.done, None, tuple(mistakes.elements()))

    def state(self, key: str) -> str:
        """'solved', 'tried', or nothing."""
        entry = self.records.get(key)
        return "" if entry is None else "solved" if entry.done else "tried"


def collect(place: Path, seconds: float) -> Learner:
    """Read what one learner handed in, a folder or a file, and check the notebooks anew.

    Args:
        seconds: how long that learner's notebooks may run in all.
    """
    learner, end = Learner(printable(place.name if place.is_dir() else place.stem)), time.monotonic() + seconds
    files = sorted(p for p in place.rglob("*") if p.is_file()) if place.is_dir() else [place]
    files = [path for path in files if ".ipynb_checkpoints" not in path.parts]
    with tempfile.TemporaryDirectory() as log:

        def again(path: Path) -> list[str]:
            os.environ[VARIABLE] = log
            return rerun(path)

        for path in files:
            said = []
            try:
                if path.suffix == ".html":
                    learner.add(_page(path.read_text(encoding="utf-8", errors="replace")))
                elif path.suffix == ".ipynb" and (left := end - time.monotonic()) <= 0:
                    said = [f"was not run, since the {seconds:.0f} seconds of this learner are over"]
                elif path.suffix == ".ipynb":
                    with contextlib.redirect_stdout(io.StringIO()):
                        said = aside(lambda path=path: again(path), total=left)
            except OSError as error:
                said = [str(error.strerror)]
            except (Ended, ValueError) as error:
                said = [str(error)]
            learner.unread += [printable(f"{path.name}: {sentence}") for sentence in said]
        logs = {path.parent for path in files if re.fullmatch(r"lesson_\d\d\.jsonl?", path.name)}
        for folder in (*sorted(logs), Path(log)):
            for lesson in catalogue.lessons():
                learner.add(read(lesson, folder))
    if not learner.records and not learner.unread:
        learner.unread.append("no attempt at an exercise was found")
    return learner


def _page(text: str) -> dict[str, Record]:
    try:
        (data,) = DATA.findall(text)
        return {
            key: Record(int(entry["attempts"]), bool(entry["done"]), None, tuple(map(str, entry["mistakes"])))
            for key, entry in json.loads(data).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise ValueError("is not a page that exercises.summary().save wrote") from None


class Class:
    """All learners of a class, as text and as a table."""

    def __init__(self, learners: list[Learner]):
        exercises = [e for lesson in catalogue.lessons() for e in catalogue.exercises_of(lesson)]
        self.learners, self.keys = learners, [e.key for e in exercises]
        self.known = {(e.key, mistake.name) for e in exercises for mistake in e.mistakes}

    def solved(self, learner: Learner) -> int:
        return sum(learner.state(key) == "solved" for key in self.keys)

    def mistakes(self, learners: list[Learner]) -> list[tuple[int, int, str, str]]:
        """How many learners made each known mistake, how often in all, in which exercise, its name; frequent first."""
        who, made = Counter(), Counter()
        for learner in learners:
            own = Counter((key, name) for key, entry in learner.records.items() for name in entry.mistakes)
            made += own
            who.update(own.keys() & self.known)
        return sorted(((n, made[m], *m) for m, n in who.items()), key=lambda row: (-row[0], -row[1], *row[2:]))

    def __str__(self) -> str:
        lessons = sorted({key[:2] for x in self.learners for key in self.keys if x.state(key)})
        rows = [["learner", "solved", *lessons]]
        for x in self.learners:
            marks = ["".join(MARKS[x.state(key)] for key in self.keys if key[:2] == lesson) for lesson in lessons]
            rows.append([x.name, f"{self.solved(x)} of {len(self.keys)}", *marks])
        wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, wide)).rstrip() for row in rows]
        lines += ["", "✓ solved  ✗ tried  · not tried", "", "Known mistakes, most frequent first (learners, times):"]
        recur = [f"{who:>4} {times:>4}  {key}  {name}" for who, times, key, name in self.mistakes(self.learners)]
        unread = [f"  {x.name}: {sentence}" for x in self.learners for sentence in x.unread]
        return "\n".join([*lines, *(recur or ["  none"]), *(["", "Not read or not tried:", *unread] if unread else [])])

    def csv(self) -> str:
        """A row a learner and a column an exercise."""
        rows = [["learner", "solved", *self.keys, "mistakes", "not read"]]
        for x in self.learners:
            mistakes = "; ".join(f"{key} {name} ({times}x)" for _, times, key, name in self.mistakes([x]))
            rows.append([x.name, str(self.solved(x)), *map(x.state, self.keys), mistakes, "; ".join(x.unread)])
        out = io.StringIO()
        # subtle: a spreadsheet would take a name that begins so for a formula
        csv.writer(out).writerows([f"'{c}" if c.startswith(("=", "+", "-", "@")) else c for c in row] for row in rows)
        return out.getvalue()


def run(folder: str, csv_file: str | None, seconds: float) -> int:
    """``python -m crnn_lessons class``; returns the exit status."""
    try:
        places = sorted(path for path in Path(folder).iterdir() if not path.name.startswith("."))
        places = [path for path in places if path.is_dir() or path.suffix in (".ipynb", ".html")]
        if not places:
            raise ValueError(f"{folder} holds no learner's folder, notebook or page")
        Class([])  # loads the exercises here, and not in each copy of this process
    except (OSError, ValueError) as error:
        print(f"class: {f'{folder}: {error.strerror}' if isinstance(error, OSError) else error}", file=sys.stderr)
        return 2
    learners = [collect(place, seconds) for place in tqdm(places, unit="learner", disable=not sys.stderr.isatty())]
    print(group := Class(learners))
    if csv_file:
        write_atomically(csv_file, group.csv().encode("utf-8-sig", "backslashreplace"))
    return int(any(learner.unread for learner in learners))
