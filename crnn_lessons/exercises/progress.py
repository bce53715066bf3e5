"""What this learner has done: one small JSON file a lesson, in a folder that can be deleted at any time.

The folder is ``.progress`` beside the notebooks' folder, or the one that the environment variable
``CRNN_LESSONS_PROGRESS`` names.
"""

from __future__ import annotations

import html
import importlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "CRNN_LESSONS_PROGRESS"


def folder() -> Path:
    """The folder with the progress files; it need not exist yet."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    here = Path.cwd()
    for place in (here, *here.parents):  # a kernel runs in the notebook's folder
        if (place / "notebooks").is_dir() and (place / "crnn_lessons").is_dir():
            return place / ".progress"
    return here / ".progress"


def record(key: str, status: str) -> str:
    """Note one attempt at an exercise.

    Returns:
        An empty string, or a sentence to show when nothing could be saved: the check itself still counts.
    """
    if status == "not started":
        return ""
    lesson = key.partition("-")[0]
    done = read(lesson)
    before = done.get(key, {"attempts": 0, "done": False})
    done[key] = {"attempts": before["attempts"] + 1, "done": before["done"] or status == "done"}
    try:
        _write(lesson, done)
    except OSError as error:
        return f" (Your progress could not be saved in {folder()}: {error.strerror}.)"
    return ""


def read(lesson: str) -> dict[str, dict]:
    """What is on record for a lesson; a file that cannot be read counts as empty, and is set aside, not lost."""
    path = _path(lesson)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(key): {"attempts": int(entry["attempts"]), "done": bool(entry["done"])}
            for key, entry in entries.items()
        }
    except FileNotFoundError:
        return {}
    except OSError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        path.replace(path.with_suffix(".unreadable"))
        return {}


def reset(lesson: str | None = None) -> None:
    """Forget what was done in one lesson ('05'), or in all of them."""
    for path in sorted(folder().glob("lesson_*.json")):
        if lesson is None or path == _path(lesson):
            path.unlink()


@dataclass(frozen=True)
class Summary:
    """What is done of a lesson; rows of key, title, state."""

    lesson: str
    rows: tuple[tuple[str, str, str], ...]

    def __repr__(self) -> str:
        lines = [f"{key}  {state:<14} {title}" for key, title, state in self.rows]
        return "\n".join([f"Lesson {self.lesson}: {self.count()} exercises done", *lines])

    def count(self) -> str:
        done = sum(state.startswith("done") for _, _, state in self.rows)
        return f"{done} of {len(self.rows)}"

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>" + "".join(f'<td style="text-align: left">{html.escape(cell)}</td>' for cell in row) + "</tr>"
            for row in self.rows
        )
        return (
            f"<p>Lesson {self.lesson}: {self.count()} exercises done</p><table><thead><tr>"
            f'<th>exercise</th><th style="text-align: left">what</th><th style="text-align: left">state</th>'
            f"</tr></thead><tbody>{rows}</tbody></table>"
        )


def summary(lesson: str) -> Summary:
    """What this learner has done of a lesson: shown as a table in a notebook."""
    exercises = importlib.import_module(f"crnn_lessons.exercises.lesson_{lesson}").EXERCISES
    on_record = read(lesson)
    rows = [(e.key, e.title, _state(on_record.get(e.key))) for e in exercises]
    return Summary(lesson, tuple(rows))


def _state(entry: dict | None) -> str:
    if entry is None:
        return "not started"
    tries = f"{entry['attempts']} " + ("try" if entry["attempts"] == 1 else "tries")
    return f"done, {tries}" if entry["done"] else f"not yet, {tries}"


def _path(lesson: str) -> Path:
    return folder() / f"lesson_{lesson}.json"


def _write(lesson: str, entries: dict) -> None:
    """Write whole or not at all: an interrupted kernel must not leave half a file."""
    folder().mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder(), prefix=".lesson_", suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(entries, file, indent=1, sort_keys=True)
    os.replace(name, _path(lesson))
