"""The program that builds the lessons: what it executes, cleans, compares and refuses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from notebooks import build

ROOT = Path(__file__).resolve().parents[1]

LESSON = """\
# %% [markdown]
# # A lesson

# %%
import sys
from IPython.display import HTML

# %% tags=["hide-input"]
for stream in (sys.stdout, sys.stderr):
    print("a line", file=stream)

# %%
HTML('<img alt="a picture of nothing" src="data:image/png;base64,AAAA">')

# %%
6 * 7

# %%
6 * 7
"""


def run(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command on the lessons of a folder; return its exit status, output and errors."""
    status = build.main(["--folder", str(folder), *arguments])
    return status, *capsys.readouterr()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small lesson, built once by the command."""
    folder = tmp_path_factory.mktemp("lessons")
    (folder / "py").mkdir()
    (folder / "py" / "01_small.py").write_text(LESSON, encoding="utf-8")
    command = [sys.executable, str(ROOT / "notebooks" / "build.py"), "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def lesson(built: Path, tmp_path: Path) -> Path:
    """A copy of the built lesson that a test may spoil; the path of its twin."""
    shutil.copytree(built, tmp_path / "lessons")
    return tmp_path / "lessons" / "py" / "01_small.py"


def test_build_executes_and_numbers_the_cells(built: Path) -> None:
    nb = nbformat.read(built / "01_small.ipynb", as_version=4)
    nbformat.validate(nb)
    assert [cell.cell_type for cell in nb.cells] == ["markdown"] + ["code"] * 5
    assert [cell.execution_count for cell in nb.cells[1:]] == [1, 2, 3, 4, 5]
    assert [(output.name, output.text) for output in nb.cells[2].outputs] == [
        ("stdout", "a line\n"),
        ("stderr", "a line\n"),
    ]
    assert nb.cells[2].metadata == {"tags": ["hide-input"]}
    assert nb.cells[4].outputs[0].data == {"text/plain": "42"}
    assert nb.metadata == build.METADATA


def test_ids_follow_the_text_and_differ_for_equal_cells(lesson: Path) -> None:
    before = [cell.id for cell in nbformat.read(build.notebook_of(lesson), as_version=4).cells]
    assert len(set(before)) == 6 and before[5] == f"{before[4]}-2"
    lesson.write_text(LESSON.replace("# %%\nimport", "# %% [markdown]\n# More.\n\n# %%\nimport"), encoding="utf-8")
    assert build.rebuild(lesson, timeout=60) is None
    after = [cell.id for cell in nbformat.read(build.notebook_of(lesson), as_version=4).cells]
    assert after[:1] + after[2:] == before  # a cell put between two others leaves theirs alone


def test_two_runs_give_the_same_bytes(built: Path) -> None:
    assert build.build(built / "py" / "01_small.py") == (built / "01_small.ipynb").read_text(encoding="utf-8")


def test_verify_names_the_cell_that_differs_between_runs(lesson: Path, capsys) -> None:
    lesson.write_text(LESSON + "\n# %%\nimport uuid\n\nuuid.uuid4()\n", encoding="utf-8")
    status, _, errors = run(capsys, lesson.parent.parent, "--verify", "01")
    assert status == 1
    assert "two different results" in errors and "uuid.uuid4()" in errors
    assert build.fault(lesson) == "has 6 cells, its twin has 7"  # nothing was written


def test_build_leaves_alone_what_is_in_step(built: Path, capsys) -> None:
    before = (built / "01_small.ipynb").stat().st_mtime_ns
    assert "in step" in run(capsys, built)[1]
    assert (built / "01_small.ipynb").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("6 * 7", "6 * 8", "cell 5 differs from its twin"),
        ("hide-input", "hide-output", "cell 3 differs from its twin"),
        ("# # A lesson", "# # Another lesson", "cell 1 differs from its twin"),
        ("# %% [markdown]\n# # A lesson", "# %%\n# # A lesson", "cell 1 differs from its twin"),
    ],
)
def test_check_sees_a_change_of_the_twin(lesson: Path, old: str, new: str, says: str, capsys) -> None:
    lesson.write_text(LESSON.replace(old, new), encoding="utf-8")
    status, said, _ = run(capsys, lesson.parent.parent, "--check")
    assert status == 1
    assert said.splitlines() == [f"01_small.ipynb {says}", "Mend it with: make notebooks"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda nb: nb.cells[1].update(execution_count=7), "was not executed from top to bottom"),
        (lambda nb: nb.cells[4].update(execution_count=None, outputs=[]), "was not executed from top to bottom"),
        (lambda nb: nb.metadata.language_info.update(version="3.11.7"), "holds what a run leaves behind"),
        (lambda nb: nb.metadata.update(jupytext={"formats": "ipynb,py:percent"}), "holds what a run leaves behind"),
        (lambda nb: nb.cells[1].metadata.update(execution={"iopub.status.idle": "now"}), "holds what a run leaves"),
        (lambda nb: nb.cells[3].outputs[0].data.update({build.WIDGET_VIEW: {"model_id": "ab"}}), "holds what a run"),
        (lambda nb: nb.cells[1].update(id="something"), "holds what a run leaves behind"),
        (lambda nb: nb.cells.pop(), "has 5 cells, its twin has 6"),
    ],
)
def test_check_sees_a_notebook_saved_by_hand(lesson: Path, spoil, says: str) -> None:
    notebook = build.notebook_of(lesson)
    nb = nbformat.read(notebook, as_version=4)
    spoil(nb)
    notebook.write_text(build.as_text(nb), encoding="utf-8")
    assert says in build.fault(lesson)


def test_check_names_a_notebook_without_a_twin(lesson: Path, capsys) -> None:
    notebook = build.notebook_of(lesson)
    shutil.copy(notebook, notebook.with_name("02_orphan.ipynb"))
    status, said, _ = run(capsys, notebook.parent, "--check")
    assert (status, said.splitlines()[0]) == (1, "02_orphan.ipynb has no twin py/02_orphan.py")


def test_an_error_in_a_cell_is_reported_and_leaves_the_old_notebook(lesson: Path, capsys) -> None:
    notebook = build.notebook_of(lesson)
    before = notebook.read_bytes()
    lesson.write_text(LESSON.replace("6 * 7", "6 / 0", 1), encoding="utf-8")
    status, _, errors = run(capsys, notebook.parent)
    assert status == 1
    assert errors.startswith("01_small, cell 5 (In [4]):\n    6 / 0\n")
    assert errors.rstrip().endswith("ZeroDivisionError: division by zero")
    assert notebook.read_bytes() == before and list(notebook.parent.glob("*.part")) == []


def test_a_lesson_that_hangs_is_stopped(lesson: Path, capsys) -> None:
    lesson.write_text("# %%\nimport time\n\ntime.sleep(60)\n", encoding="utf-8")
    status, _, errors = run(capsys, lesson.parent.parent, "--timeout", "2")
    assert (status, errors) == (1, "01_small did not finish within 2 s; it was stopped.\n")


def test_an_unknown_lesson_is_named(built: Path, capsys) -> None:
    status, _, errors = run(capsys, built, "09")
    assert (status, errors) == (2, "There is no lesson '09' in lessons0/py; the lessons are: 01_small.\n")


# What pytest compares when it runs the lessons


def nbval(folder: Path) -> str:
    """Run the lessons of a folder as `make test` does on a CI machine; return what pytest said."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "conftest",
        "--rootdir",
        str(folder),
    ]
    command += ["-c", str(ROOT / "pyproject.toml"), str(folder)]
    environment = os.environ | {"CI": "true"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120).stdout


def test_pytest_accepts_other_pixels_but_no_other_alt_text_or_number(lesson: Path) -> None:
    notebook = build.notebook_of(lesson)
    nb = nbformat.read(notebook, as_version=4)
    picture, number = nb.cells[3].outputs[0].data, nb.cells[4].outputs[0].data
    picture["text/html"] = picture["text/html"].replace("base64,AAAA", "base64,BBBB+/==")
    notebook.write_text(build.as_text(nb), encoding="utf-8")
    assert "5 passed" in nbval(notebook.parent)
    picture["text/html"] = picture["text/html"].replace("of nothing", "of something")
    number["text/plain"] = "43"
    notebook.write_text(build.as_text(nb), encoding="utf-8")
    said = nbval(notebook.parent)
    assert "2 failed, 3 passed" in said and "::Cell 2" in said and "::Cell 3" in said


def test_pytest_says_briefly_where_two_long_outputs_part(lesson: Path) -> None:
    # Compared line by line, as pytest does on a CI machine, these two take many minutes.
    many = "import random\n\nfor _ in range(2500):\n    print('row', *random.choices('(){};=', k=40))"
    lesson.write_text(LESSON.replace("6 * 7", many, 1), encoding="utf-8")
    assert build.rebuild(lesson, timeout=60) is None
    said = nbval(lesson.parent.parent)
    assert "1 failed, 4 passed" in said and "the same before character" in said
    assert len(said.splitlines()) < 60
