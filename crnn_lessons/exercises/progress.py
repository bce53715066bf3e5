"""What this learner has done: one log a lesson, a line for each attempt, in a folder that can be deleted at any time.

The folder is ``.progress`` beside the notebooks' folder, or the one that the environment variable
``CRNN_LESSONS_PROGRESS`` names. Lines are only ever added at the end. So two kernels can write at the same time, a line
that is damaged takes no other with it, and a disk that fills up costs one attempt.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "CRNN_LESSONS_PROGRESS"


@dataclass(frozen=True)
class Record:
    """What is on record for one exercise.

    Attributes:
        attempts: how often an answer was checked.
        done: whether one of them was right.
        answer: the last right answer as ``keep.capture`` wrote it; None where there is none that could be kept.
        mistakes: the names of the known mistakes that were made, in order, as often as they were made.
    """

    attempts: int = 0
    done: bool = False
    answer: dict[str, Any] | None = None
    mistakes: tuple[str, ...] = ()


def folder() -> Path:
    """The folder with the progress files; it need not exist yet."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    here = Path.cwd()
    for place in (here, *here.parents):  # a kernel runs in the notebook's folder
        if (place / "notebooks").is_dir() and (place / "crnn_lessons").is_dir():
            return place / ".progress"
    return here / ".progress"


def path_of(lesson: str, where: Path | None = None) -> Path:
    """The log of a lesson, '05', here or in another folder; it need not exist yet."""
    return (where or folder()) / f"lesson_{lesson}.jsonl"


def record(key: str, status: str, mistake: str | None = None, answer: dict[str, Any] | None = None) -> str:
    """Note one attempt at an exercise.

    Returns:
        An empty string, or a sentence to show when nothing could be saved: the check itself still counts.
    """
    if status == "not started":
        return ""
    entry = {"key": key, "status": status, "mistake": mistake, "answer": answer}
    line = json.dumps({name: value for name, value in entry.items() if value is not None})
    path = path_of(key.partition("-")[0])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # subtle: one unbuffered write in append mode goes to the end in one piece, whoever else writes; and it begins
        # with a new line, so that half a line that an earlier failure left stays alone
        with open(path, "ab", buffering=0) as log:
            log.write(f"\n{line}\n".encode())
    except OSError as error:
        return f" (Your progress could not be saved in {folder()}: {error.strerror}.)"
    return ""


def read(lesson: str, where: Path | None = None) -> dict[str, Record]:
    """What is on record for a lesson, here or in another learner's folder.

    Lines that cannot be read are passed over, and stay where they are.
    """
    path = path_of(lesson, where)
    found = _earlier(path.with_suffix(".json"))
    for line in _text(path).splitlines():
        try:
            entry = json.loads(line)
            key, status = str(entry["key"]), entry["status"]
            answer, mistake = entry.get("answer"), entry.get("mistake")
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if status not in ("done", "wrong"):
            continue
        before = found.get(key, Record())
        found[key] = Record(
            before.attempts + 1,
            before.done or status == "done",
            answer if isinstance(answer, dict) and status == "done" else before.answer,
            (*before.mistakes, mistake) if isinstance(mistake, str) else before.mistakes,
        )
    return found


def _earlier(path: Path) -> dict[str, Record]:
    """What the course's first edition wrote, one JSON file a lesson."""
    found = {}
    try:
        for key, entry in json.loads(_text(path) or "{}").items():
            found[str(key)] = Record(int(entry["attempts"]), bool(entry["done"]))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        pass
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def reset(lesson: str | int | None = None) -> None:
    """Forget what was done in one lesson ('05'), or in all of them, the answers kept for later lessons included.

    Raises:
        OSError: a file cannot be removed; the sentence says which and why.
    """
    which = "*" if lesson is None else f"{lesson:0>2}"
    for path in sorted(p for end in ("jsonl", "json") for p in folder().glob(f"lesson_{which}.{end}")):
        try:
            path.unlink()
        except OSError as error:
            raise OSError(f"{path} could not be removed: {error.strerror}; remove it yourself") from None
