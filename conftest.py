"""What every test run shares, the lessons' own cells among them: nothing is written to the home of who runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
SCRATCH = pytest.StashKey[tempfile.TemporaryDirectory]()


def pytest_configure(config: pytest.Config) -> None:
    scratch = config.stash[SCRATCH] = tempfile.TemporaryDirectory(prefix="crnn_lessons_test_")
    # The kernels that nbval starts and the JupyterLab that the browser tests start inherit these.
    for variable in ("CRNN_LESSONS_PROGRESS", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        os.environ[variable] = str(Path(scratch.name, variable.lower()))
        Path(os.environ[variable]).mkdir()
    os.environ["JUPYTER_RUNTIME_DIR"] = str(Path(scratch.name, "runtime"))
    os.environ.setdefault("MPLCONFIGDIR", str(ROOT / ".pytest_cache" / "matplotlib"))
    if not hasattr(config, "workerinput") and not list(Path(os.environ["MPLCONFIGDIR"]).glob("fontlist-*.json")):
        # The first import lists the machine's fonts and may print a notice about it, which is no lesson's output.
        subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], capture_output=True)
    if hasattr(config.option, "nbval_sanitize_with"):
        # Here rather than in pyproject.toml, so that pytest finds the file from whatever folder it is started.
        config.option.nbval_sanitize_with = str(ROOT / "tests" / "nbval_sanitize.cfg")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker("notebook")  # pytest -m "not notebook" leaves the lessons out
            item.format_output_compare = partial(say_where_they_part, item)


def say_where_they_part(cell: pytest.Item, kind: str, committed: object, computed: object) -> None:
    """Report two outputs of a cell that differ, in nbval's place: its line-by-line comparison of a whole widget, which
    is as long as the widget's program, takes minutes and prints thousands of lines.
    """
    committed, computed = str(committed), str(computed)
    pairs = enumerate(zip(committed, computed, strict=False))
    at = next((n for n, (a, b) in pairs if a != b), min(len(committed), len(computed)))
    near = slice(max(0, at - 80), at + 80)
    cell.comparison_traceback += [
        f"{kind}: {len(committed)} characters in the notebook, {len(computed)} now, the same before character {at}",
        f"  in the notebook: {committed[near]!r}",
        f"  now:             {computed[near]!r}",
    ]


def pytest_unconfigure(config: pytest.Config) -> None:
    if SCRATCH in config.stash:
        config.stash[SCRATCH].cleanup()
