"""Each lesson once more, as a learner leaves it who has solved every exercise, here and in the lessons before."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from nbclient import NotebookClient

from crnn_lessons import exercises
from crnn_lessons.exercises import catalogue
from crnn_lessons.exercises.exercise import Exercise
from crnn_lessons.exercises.result import solution_source
from notebooks import build

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
LESSONS = {path.stem[:2]: path for path in build.select([], NOTEBOOKS) if path.stem[:2] in catalogue.lessons()}
CHECK = re.compile(r'^exercises\.check\("([^"]+)", (\w+)\)', re.MULTILINE)
USE = re.compile(r'yours\("([^"]+)"\)')


def solved(exercise: Exercise, name: str) -> str:
    """What a learner would write in the exercise's cell, under the name that the check takes."""
    source = solution_source(exercise)
    if re.search(rf"^(def|class) {name}\b|^{name} = ", source, re.MULTILINE):
        return source
    return f"{name} = {source}"


@pytest.fixture(scope="module")
def progress(tmp_path_factory):
    folder = tmp_path_factory.mktemp("progress")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRNN_LESSONS_PROGRESS", str(folder))
        for lesson in catalogue.lessons():
            for exercise in catalogue.exercises_of(lesson):
                result = exercises.check(exercise.key, exercise.solution)
                assert result.status == "done", result.message
        yield folder


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_runs_with_every_exercise_solved(lesson: str, progress: Path) -> None:
    book = build.read_twin(LESSONS[lesson])
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    keys = []
    for stub, after in pairwise(cells):
        if "exercise" in stub.metadata.get("tags", []):
            key, name = CHECK.search(after.source).groups()
            stub.source = solved(catalogue.find(key), name)
            keys.append(key)
    assert sorted(keys) == sorted(exercise.key for exercise in catalogue.exercises_of(lesson))
    NotebookClient(
        book, kernel_name="python3", timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}},
        extra_arguments=["--log-level=CRITICAL"],
    ).execute()  # fmt: skip
    for cell in cells:
        shown = "".join(
            str(out.get("text", "")) + str(out.get("data", {}).get("text/plain", "")) for out in cell.outputs
        )
        for key, _ in CHECK.findall(cell.source):
            assert shown.startswith(f"✓ done · exercise {key}"), shown
        for key in USE.findall(cell.source):
            assert f"{key} ({catalogue.find(key).title}): yours." in shown, shown
