"""The lessons for a hosted machine, such as Colab, where a notebook arrives alone: its first cell gets the rest."""

from __future__ import annotations

import copy
import json

from notebooks.site.lessons import Lesson, address

BRANCH = "hosted"
"""The branch with these notebooks: .github/workflows/course.yml pushes there what the site's build writes."""
FIRST = """\
# On a hosted machine: fetch the course and install what the lesson needs. That takes a minute, once a session.
# What you solve is kept in course/.progress, and goes when the machine goes.
from pathlib import Path

if not Path("exercises").is_dir():
    if not Path("course").is_dir():
        !git clone --quiet --depth 1 {address} course
    %pip install --quiet "./course[{extras}]"
    %cd -q course/notebooks"""


def extras(lesson: Lesson) -> str:
    """The extras of pyproject.toml that a lesson needs on a machine that has Jupyter."""
    code = "".join("".join(cell["source"]) for cell in lesson.cells if cell["cell_type"] == "code")
    return "hosted,export" if "crnn_lessons.models.to_onnx" in code else "hosted"


def notebook(lesson: Lesson, source: str = "") -> str:
    """A lesson with a first cell that fetches the course, as the text of an .ipynb.

    Its drawings, ``../figs/NAME.svg``, are not beside it there; they get addresses.

    Args:
        source: where git finds the course; the repository's public address when not given.

    Raises:
        ValueError: there is no such address yet.
    """
    source = source or address()
    if not source:
        raise ValueError(
            "the repository has no public address yet; set repository in pyproject.toml, [tool.crnn-lessons]"
        )
    book = json.loads(lesson.path.read_text(encoding="utf-8"))
    first = {
        "cell_type": "code",
        "execution_count": None,
        "id": "hosted",
        "metadata": {},
        "outputs": [],
        "source": FIRST.format(address=source, extras=extras(lesson)),
    }
    cells = copy.deepcopy(book["cells"])
    drawings = source.replace("https://github.com/", "https://raw.githubusercontent.com/") + "/main/figs/"
    for cell in cells:
        if cell["cell_type"] == "code":  # what a lesson prints here is its own business
            cell |= {"outputs": [], "execution_count": None}
        else:
            cell["source"] = "".join(cell["source"]).replace("](../figs/", f"]({drawings}")
    book["cells"] = [first, *cells]
    return json.dumps(book, ensure_ascii=False, indent=1) + "\n"
