"""The lessons as they are found: title, minutes, sections, exercises, all read from the notebooks; and README's table.

python notebooks/site/lessons.py         write the table of lessons in README.md anew
python notebooks/site/lessons.py --check change nothing; exit 1 if README.md is out of step

What you build in a lesson is typed in README.md, in the last column of its table, and nowhere else.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
README = ROOT / "README.md"
ROW = re.compile(r"^\| (\d\d) \| (?:\[([^]]+)\]\([^)]*\)|([^|]+?)) \| (\d*) \| (.*?) \|$", re.MULTILINE)


def address() -> str:
    """The repository's public address, such as ``https://github.com/OWNER/NAME``; empty while there is none.

    It stands in one place, pyproject.toml; every link and badge that needs it is made from here, or left out.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["tool"]["crnn-lessons"]["repository"].rstrip("/")


@dataclass(frozen=True)
class Lesson:
    """A notebook of the course.

    Attributes:
        path: of its .ipynb.
        builds: what one builds in it, in a few words, as README.md says.
    """

    path: Path
    builds: str = ""

    @property
    def number(self) -> str:
        return self.path.stem[:2]

    @property
    def stem(self) -> str:
        return self.path.stem

    @cached_property
    def cells(self) -> list[dict]:
        return json.loads(self.path.read_text(encoding="utf-8"))["cells"]

    @cached_property
    def texts(self) -> list[str]:
        """The text of each Markdown cell."""
        return ["".join(cell["source"]) for cell in self.cells if cell["cell_type"] == "markdown"]

    @cached_property
    def _title(self) -> re.Match:
        return _must(r"# (\d\d) ([^:\n]+?)(?:: (.*))?\n", self.texts[0] + "\n", f"{self.path.name}: no title")

    @property
    def title(self) -> str:
        """'Alignments'."""
        return self._title[2]

    @property
    def about(self) -> str:
        """What follows its title: 'how a text gets a probability'."""
        return self._title[3] or ""

    @property
    def minutes(self) -> int:
        return int(_must(r"\*\*Time\*\*\s+(\d+) minutes", self.texts[0], f"{self.path.name}: no **Time**")[1])

    @cached_property
    def sections(self) -> dict[str, str]:
        """The titles of its sections and appendices, by '3' or 'A'."""
        found = re.findall(r"^## (?:(\d+) |Appendix ([A-Z]): )(.*)$", "\n\n".join(self.texts), re.MULTILINE)
        return {number or letter: title for number, letter, title in found}

    @cached_property
    def exercises(self) -> dict[str, tuple[str, str]]:
        """Title and difficulty with minutes of each exercise, by key, in the order of the lesson."""
        found = re.findall(r"^### Exercise (\d\d-\d+): (.*?)  \((.*)\)$", "\n\n".join(self.texts), re.MULTILINE)
        return {key: (title, hard) for key, title, hard in found}

    @cached_property
    def wrong(self) -> list[str]:
        """The cases of its section 'What goes wrong': paragraphs that begin in bold, and rows of its tables."""
        text = "\n\n".join(self.texts)
        section = re.search(r"^## \d+ What goes wrong.*?$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        return CASE.findall(section[1]) if section else []


CASE = re.compile(r"^(?:\| (?!symptom|---).*|\*\*(?:.+\n?)+)", re.MULTILINE)


def _must(pattern: str, text: str, complaint: str) -> re.Match:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"{complaint}; expected {pattern!r} in its first cell")
    return found


def lessons() -> list[Lesson]:
    """Every lesson that has a notebook, in order."""
    builds = {row[1]: row[5] for row in ROW.finditer(README.read_text(encoding="utf-8"))}
    return [Lesson(path, builds.get(path.stem[:2], "")) for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))]


def readme() -> str:
    """The text of README.md with its table of lessons made anew; a lesson without a notebook keeps its title."""
    text, found = README.read_text(encoding="utf-8"), {lesson.number: lesson for lesson in lessons()}

    def row(old: re.Match) -> str:
        number, builds = old[1], old[5]
        lesson = found.get(number)
        if lesson is None:
            return f"| {number} | {old[2] or old[3]} |  | {builds} |"
        return f"| {number} | [{lesson.title}](notebooks/{lesson.path.name}) | {lesson.minutes} | {builds} |"

    return ROW.sub(row, text)


def widget_picture() -> bytes:
    """The photograph of the lattice widget that a lesson holds, as PNG."""
    pattern = r'data-crnn="lattice"[^>]*><img[^>]*src="data:image/png;base64,([^"]+)"'
    for lesson in lessons():
        for cell in lesson.cells:
            for output in cell.get("outputs", ()):
                if found := re.search(pattern, "".join(output.get("data", {}).get("text/html", ""))):
                    return base64.b64decode(found[1])
    raise ValueError("no lesson holds a photograph of the lattice widget; run make notebooks")


if __name__ == "__main__":
    new = readme()
    if "--check" in sys.argv:
        sys.exit(new != README.read_text(encoding="utf-8") and "README.md: run python notebooks/site/lessons.py")
    README.write_text(new, encoding="utf-8")
    (ROOT / "figs/widget.png").write_bytes(widget_picture())
