"""Where the exercises stand: one catalogue beside each lesson, ``notebooks/exercises/NN_name.py``."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

from crnn_lessons.exercises.exercise import Exercise


def folder() -> Path:
    """The folder of the catalogues: beside the lessons of this copy of the course, or of the one worked in.

    Raises:
        ValueError: there is none; the sentence says where it was looked for.
    """
    own = Path(__file__).resolve().parents[2] / "notebooks" / "exercises"
    here = Path.cwd()  # a kernel runs in the notebook's folder
    around = [place / name for place in (here, *here.parents) for name in ("exercises", "notebooks/exercises")]
    for place in (own, *around):
        if any(place.glob("[0-9][0-9]_*.py")):
            return place
    raise ValueError(
        f"no exercises were found, neither beside the package nor in {here} or a folder above it; "
        "open the lesson in the course's folder notebooks, where they lie"
    )


def lessons() -> tuple[str, ...]:
    """The numbers of the lessons that have exercises: '01', '02', ..."""
    return tuple(sorted(path.name[:2] for path in folder().glob("[0-9][0-9]_*.py")))


def load(lesson: str) -> ModuleType:
    """The catalogue of a lesson, '05', as a module; its ``EXERCISES`` are in order.

    Raises:
        ValueError: no such lesson.
    """
    found = sorted(folder().glob(f"{lesson}_*.py")) if lesson in lessons() else []
    if not found:
        raise ValueError(f"there is no lesson {lesson!r} with exercises; there are {', '.join(lessons())}")
    return _load(found[0])


@cache
def _load(path: Path) -> ModuleType:
    name = f"crnn_lessons_exercises_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def exercises_of(lesson: str) -> Sequence[Exercise]:
    """The exercises of a lesson, '05', in order.

    Raises:
        ValueError: no such lesson.
    """
    return load(lesson).EXERCISES


def find(key: str) -> Exercise:
    """Find an exercise by its key.

    Raises:
        ValueError: no such lesson or exercise.
    """
    lesson = str(key).partition("-")[0]
    if lesson not in lessons():
        raise ValueError(f"there is no exercise {key!r}; a key is lesson and number, such as '05-1'")
    for exercise in exercises_of(lesson):
        if exercise.key == key:
            return exercise
    known = ", ".join(e.key for e in exercises_of(lesson))
    raise ValueError(f"there is no exercise {key!r}; lesson {lesson} has {known}")
