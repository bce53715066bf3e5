"""A lesson's notebook as the site shows it: links between lessons, places to link to, pictures in files of their own.

Nothing of a lesson's text changes. What is added: a line of facts under the title; a target at each section, exercise
and case of 'What goes wrong'; and a link wherever a lesson names another lesson, a section or an exercise.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import html
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from notebooks.site.hosted import BRANCH
from notebooks.site.lessons import CASE, Lesson, address

KEPT = re.compile(
    r"```.*?```|<details>.*?</details>|\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]*`|!?\[[^]\n]*\]\([^)]*\)|^#.*?$|<[^>\n]+>",
    re.MULTILINE | re.DOTALL,
)
"""What is no prose: code, mathematics, links, headings, HTML."""
PLACE = re.compile(
    r"\b(?P<lesson>[Ll]esson (?P<l>\d\d))(?:, (?:section (?=\d)|appendix (?=[A-Z]))(?P<ls>\d+|[A-Z]))?\b"
    r"|\b[Ee]xercise (?P<e>\d\d-\d+)\b"
    r"|\b[Ss]ection (?P<s>\d+)(?![.\d])(?: of lesson (?P<sl>\d\d))?\b"
    r"|\b[Aa]ppendix (?P<a>[A-Z])\b"
    r"|(?<![\d.])15\.(?P<c>\d+)(?![\d%])"
)
LARGE = 60_000
"""Bytes; smaller pictures lose nothing."""
NUMBER = re.compile(r"(?<![\d.*])(?:0\d|1[0-5])(?![\d.*])")
DATA = re.compile(r'<img\b([^>]*?)\bsrc="data:image/png;base64,([^"]+)"([^>]*)>')


def stage(lesson: Lesson, lessons: Sequence[Lesson], pictures: Path) -> dict:
    """The notebook of a lesson as the site shows it, as JSON; its pictures are written to a folder.

    Args:
        lessons: all that the site has: others are named, and not linked.
        pictures: a folder that the page will find as ``pictures/``.
    """
    cells, cases, section = copy.deepcopy(lesson.cells), Counter(), ""
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "markdown":
            source = "".join(cell["source"])
            parts = re.split(r"^(?=## )", source, flags=re.MULTILINE)
            for i, part in enumerate(parts):
                section = part.partition("\n")[0] if part.startswith("## ") else section
                parts[i] = linked(part, lesson, lessons, section)
                if "What goes wrong" in section:
                    parts[i] = with_cases(parts[i], lesson.number, cases)
            source = targets("".join(parts), lesson.number)
            if number == 0:
                source = re.sub(r"\A(# .*\n)", lambda title: f"{title[1]}\n{facts(lesson, lessons)}\n", source)
            cell["source"] = source
        for output in cell.get("outputs", ()):
            for kind, text in output.get("data", {}).items():
                if kind == "text/html":
                    output["data"][kind] = with_files("".join(text), pictures)
    return {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def facts(lesson: Lesson, lessons: Sequence[Lesson]) -> str:
    """What stands under the title: minutes, the notebook to take along, the exercises."""
    asked = "".join(
        f'<li><a href="#exercise-{key}">{key}</a> {html.escape(title)} '
        f'<span class="hard">{html.escape(hard)}</span></li>'
        for key, (title, hard) in lesson.exercises.items()
    )
    parts = [f"{lesson.minutes} minutes"]
    parts.append(f'<a href="{lesson.path.name}" download>The notebook, for your copy of the course</a>')
    if address():
        parts.append(f'<a href="{hosted_link(lesson)}">Open it in Colab</a>')
    return (
        f'<p class="facts">{" · ".join(parts)}</p>\n'
        f'<details class="asked"><summary>{len(lesson.exercises)} exercises</summary><ul>{asked}</ul></details>\n'
    )


def hosted_link(lesson: Lesson) -> str:
    """Where a hosted notebook service opens a lesson: the copy with its first cell, on the branch that CI pushes."""
    owner_and_name = address().removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{owner_and_name}/blob/{BRANCH}/{lesson.path.name}"


def targets(text: str, number: str) -> str:
    """A Markdown cell with a name before each section and exercise, to link to."""
    text = re.sub(
        r"^## (?:(\d+) |Appendix ([A-Z]): )",
        lambda m: f"(section-{number}-{m[1] or m[2].lower()})=\n{m[0]}",
        text,
        flags=re.MULTILINE,
    )
    return re.sub(r"^### Exercise (\d\d-\d+): ", r"(exercise-\1)=\n\g<0>", text, flags=re.MULTILINE)


def with_cases(text: str, number: str, cases: Counter) -> str:
    """A piece of a section 'What goes wrong' with a name at each case: 'wrong-05-1', 'wrong-05-2', ..."""

    def name(case: re.Match) -> str:
        cases[number] += 1
        start = "| " if case[0].startswith("| ") else ""
        return f'{start}<span id="wrong-{number}-{cases[number]}"></span>{case[0][len(start) :]}'

    return CASE.sub(name, text)


def case_link(found: re.Match, lessons: Sequence[Lesson], folder: str = "") -> str:
    """A link of the index of symptoms, '[05 too short](05_alignments.ipynb)', to the very case that it means."""
    number, words = found[1], found[2]
    for lesson in lessons:
        for place, case in enumerate(lesson.wrong, start=1):
            if lesson.number == number and words in plain(case):
                return f'<a href="{folder}{lesson.stem}.html#wrong-{number}-{place}">{number} {html.escape(words)}</a>'
    return f"{number} {words}"


CASE_LINK = re.compile(r"\[(\d\d) ([^]]+)\]\(\w+\.ipynb\)")


def plain(text: str) -> str:
    """Words alone, on one line."""
    return " ".join(re.sub(r"[`*]", "", text).split())


def linked(text: str, lesson: Lesson, lessons: Sequence[Lesson], section: str = "") -> str:
    """Prose with links where it names a lesson, a section or an exercise that the site has.

    Args:
        section: the heading under which it stands: in 'Read on' a section is one of a paper.
    """
    by_number = {other.number: other for other in lessons}
    keys = {key for other in lessons for key in other.exercises}

    def link(found: re.Match) -> str:
        words, to = found[0], None
        if found["lesson"]:
            other = by_number.get(found["l"])
            if other and other is not lesson:
                to = (
                    f"#section-{other.number}-{found['ls']}" if found["ls"] in other.sections else f"{other.stem}.ipynb"
                )
        elif found["e"]:
            to = f"#exercise-{found['e']}" if found["e"] in keys else None
        elif "Read on" not in section:
            other = by_number.get("15" if found["c"] else found["sl"] or lesson.number)
            what = found["s"] or found["a"] or found["c"]
            if other and what in other.sections:
                to = f"#section-{other.number}-{what.lower()}"
        return f"[{words}]({to})" if to else words

    def linked_number(found: re.Match) -> str:
        other = by_number.get(found[0])
        return f"[{found[0]}]({other.stem}.ipynb)" if other and other is not lesson else found[0]

    text = re.sub(r"^\*\*You need\*\*.*?$", lambda p: NUMBER.sub(linked_number, p[0]), text, flags=re.MULTILINE)
    text = outside(KEPT, lambda prose: PLACE.sub(link, prose), text)
    return CASE_LINK.sub(lambda found: case_link(found, lessons), text)


def outside(kept: re.Pattern, change, text: str) -> str:
    """Change what lies between the matches of a pattern."""
    parts, end = [], 0
    for found in kept.finditer(text):
        parts += [change(text[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*parts, change(text[end:])])


def with_files(text: str, folder: Path) -> str:
    """HTML with its pictures in files: WebP, lossless where that is smaller.

    All are loaded with the page, not as they come into sight: else a print lacks those that were not.
    """

    def put(found: re.Match) -> str:
        data = base64.b64decode(found[2])
        name = f"{hashlib.sha256(data).hexdigest()[:12]}.webp"
        with Image.open(io.BytesIO(data)) as picture:
            width, height = picture.size
            if not (folder / name).exists():
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(packed(picture.convert("RGB")))
        given = found[1] + found[3]
        if "width=" not in given:
            given += f' width="{width}" height="{height}"'
        else:
            shown = int(re.search(r'width="(\d+)', given)[1])
            given += f' height="{round(height * shown / width)}"' if "height=" not in given else ""
        return f'<img {given.strip()} src="pictures/{name}" decoding="async">'

    return DATA.sub(put, text)


def packed(picture: Image.Image) -> bytes:
    """A picture as WebP: without loss, unless it is a photograph, which takes several times as much that way."""
    exact, near = io.BytesIO(), io.BytesIO()
    picture.save(exact, "webp", lossless=True)
    if exact.tell() > LARGE:
        picture.save(near, "webp", quality=90)
    return near.getvalue() if 0 < near.tell() < exact.tell() / 2 else exact.getvalue()
