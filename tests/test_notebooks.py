"""Each lesson's two forms say the same, and what is committed is clean and was run from top to bottom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from notebooks import build

ROOT = Path(__file__).resolve().parents[1]
TWINS = build.select([], ROOT / "notebooks")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.stem)
def test_lesson_is_in_step_with_its_twin(twin: Path) -> None:
    assert build.fault(twin) is None, "run: make notebooks"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_lesson_is_clean_and_has_outputs(notebook: Path) -> None:
    nb = json.loads(notebook.read_text(encoding="utf-8"))
    assert set(nb["metadata"]) == {"kernelspec", "language_info"}  # no jupytext pairing, no widget state
    assert nb["metadata"]["kernelspec"]["name"] == "python3"
    assert "version" not in nb["metadata"]["language_info"]
    code = [cell for cell in nb["cells"] if cell["cell_type"] == "code"]
    assert all("execution" not in cell["metadata"] for cell in code)
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert any(cell["outputs"] for cell in code)
    wrong = [
        cell["source"]
        for cell in code
        for output in cell["outputs"]
        if output["output_type"] == "error" and "raises-exception" not in cell["metadata"].get("tags", [])
    ]
    assert wrong == []
    assert nb["cells"][0]["cell_type"] == "markdown" and nb["cells"][0]["source"][0].startswith("# ")


def test_lessons_are_numbered_once_each_and_have_twins() -> None:
    numbers = [notebook.stem.split("_")[0] for notebook in NOTEBOOKS]
    assert all(number.isdigit() and len(number) == 2 for number in numbers)
    assert len(set(numbers)) == len(numbers)
    assert [build.twin_of(notebook) for notebook in NOTEBOOKS] == TWINS
